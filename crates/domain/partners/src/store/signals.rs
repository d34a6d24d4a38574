use crate::ids::PartnerId;
use crate::signals::{CaseState, SignalKind};
use qd_db::{Query, Tx, row, sql};
use qd_kernel::{PageRequest, Problem, Result, Ts, vals};
use serde_json::Value;

row! {
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct SignalRow {
        pub client_id: String,
        pub kind: SignalKind,
        pub mark: String,
        pub hint: String,
        pub seen_at: Ts,
    }
}

/// True when it is new.
pub async fn insert(tx: &mut Tx, s: &SignalRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!(
                "INSERT INTO partner_signals (client_id, kind, mark, hint, seen_at) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (client_id, kind, mark) DO NOTHING"
            ),
            &vals![&s.client_id, s.kind, &s.mark, &s.hint, s.seen_at],
        )
        .await?;
    Ok(n == 1)
}

pub async fn of_client(tx: &mut Tx, client: &str) -> Result<Vec<SignalRow>> {
    tx.rows(
        sql!("SELECT client_id, kind, mark, hint, seen_at FROM partner_signals WHERE client_id = $1 ORDER BY kind, mark"),
        &vals![client],
    )
    .await
}

/// Others with the same mark.
pub async fn with_mark(tx: &mut Tx, client: &str, kind: SignalKind, mark: &str, limit: i64) -> Result<Vec<SignalRow>> {
    tx.rows(
        sql!(
            "SELECT client_id, kind, mark, hint, seen_at FROM partner_signals WHERE mark = $1 AND kind = $2 AND client_id <> $3
             ORDER BY seen_at, client_id LIMIT $4"
        ),
        &vals![mark, kind, client, limit],
    )
    .await
}

/// A partner's present clients who have a mark of this client.
pub async fn sharing(tx: &mut Tx, partner: PartnerId, client: &str, limit: i64) -> Result<Vec<(String,)>> {
    tx.rows(
        sql!(
            "SELECT DISTINCT k.client_id FROM partner_clients k JOIN partner_signals s ON s.client_id = k.client_id
                JOIN partner_signals m ON m.mark = s.mark AND m.kind = s.kind
             WHERE k.partner_id = $1 AND k.to_at IS NULL AND m.client_id = $2 AND k.client_id <> $2 ORDER BY k.client_id LIMIT $3"
        ),
        &vals![partner, client, limit],
    )
    .await
}

row! {
    #[derive(Clone, Debug)]
    pub struct CaseRow {
        pub client_id: String,
        pub partner_id: PartnerId,
        pub entity: String,
        pub state: CaseState,
        pub signals: Value,
        pub opened_at: Ts,
        pub changed_at: Ts,
        pub decided_by: Option<String>,
        pub reason: Option<String>,
        pub version: i64,
    }
}

pub async fn insert_case(tx: &mut Tx, c: &CaseRow) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO partner_referral_cases (client_id, partner_id, entity, state, signals, opened_at, changed_at, decided_by, reason, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        ),
        &vals![
            &c.client_id, c.partner_id, &c.entity, c.state, &c.signals, c.opened_at, c.changed_at, c.decided_by.as_ref(), c.reason.as_ref(),
            c.version
        ],
    )
    .await?;
    Ok(())
}

pub async fn update_case(tx: &mut Tx, c: &CaseRow) -> Result<()> {
    tx.exec_one(
        sql!(
            "UPDATE partner_referral_cases SET state = $4, signals = $5, changed_at = $6, decided_by = $7, reason = $8, version = version + 1
             WHERE client_id = $1 AND partner_id = $2 AND version = $3"
        ),
        &vals![&c.client_id, c.partner_id, c.version, c.state, &c.signals, c.changed_at, c.decided_by.as_ref(), c.reason.as_ref()],
        || Problem::unavailable(qd_db::RETRY, "this case was changed at the same time"),
    )
    .await
}

pub async fn case(tx: &mut Tx, client: &str, partner: PartnerId) -> Result<Option<CaseRow>> {
    tx.one(
        sql!(
            "SELECT client_id, partner_id, entity, state, signals, opened_at, changed_at, decided_by, reason, version FROM partner_referral_cases
             WHERE client_id = $1 AND partner_id = $2"
        ),
        &vals![client, partner],
    )
    .await
}

pub async fn cases_of(tx: &mut Tx, client: &str) -> Result<Vec<CaseRow>> {
    tx.rows(
        sql!(
            "SELECT client_id, partner_id, entity, state, signals, opened_at, changed_at, decided_by, reason, version FROM partner_referral_cases
             WHERE client_id = $1 ORDER BY opened_at, partner_id"
        ),
        &vals![client],
    )
    .await
}

/// The newest first; entities None: all.
pub async fn cases(
    tx: &mut Tx,
    entities: Option<&[String]>,
    state: Option<CaseState>,
    partner: Option<PartnerId>,
    page: &PageRequest,
) -> Result<Vec<CaseRow>> {
    let mut q = Query::new(sql!(
        "SELECT client_id, partner_id, entity, state, signals, opened_at, changed_at, decided_by, reason, version FROM partner_referral_cases
         WHERE 1 = 1"
    ));
    if let Some(list) = entities {
        q.push(sql!(" AND entity IN (''"), []);
        for e in list {
            q.push(sql!(", $?"), vals![e]);
        }
        q.push(sql!(")"), []);
    }
    if let Some(s) = state {
        q.push(sql!(" AND state = $?"), vals![s]);
    }
    if let Some(p) = partner {
        q.push(sql!(" AND partner_id = $?"), vals![p]);
    }
    if let Some([at, id]) = page.after_parts().as_deref() {
        q.push(
            sql!(" AND (opened_at, client_id) < ($?, $?)"),
            vals![at.parse::<i64>().unwrap_or(i64::MAX), *id],
        );
    }
    q.push(sql!(" ORDER BY opened_at DESC, client_id DESC LIMIT $?"), vals![page.fetch()]);
    tx.query(&q).await
}

use crate::attribution::{Model, ShareState};
use crate::ids::{ClickId, LinkId, PartnerId};
use qd_db::{Engine, Tx, row, sql};
use qd_kernel::{PageRequest, Problem, Result, Ts, vals};
use serde_json::Value;

row! {
    #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    pub struct ShareRow {
        pub client_id: String,
        pub from_at: Ts,
        pub to_at: Option<Ts>,
        pub partner_id: Option<PartnerId>,
        pub state: ShareState,
        pub model: Model,
        pub code: Option<String>,
        pub link_id: Option<LinkId>,
        pub click_id: Option<ClickId>,
        pub hold_reason: Option<String>,
        pub evidence: Value,
        pub made_by: String,
        pub made_at: Ts,
        pub version: i64,
    }
}

/// False when the client has an open row already.
pub async fn insert(tx: &mut Tx, r: &ShareRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!(
                "INSERT INTO partner_clients (client_id, from_at, to_at, partner_id, state, model, code, link_id, click_id, hold_reason, evidence,
                    made_by, made_at, version)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING"
            ),
            &vals![
                &r.client_id, r.from_at, r.to_at, r.partner_id, r.state, r.model, r.code.as_ref(), r.link_id, r.click_id, r.hold_reason.as_ref(),
                &r.evidence, &r.made_by, r.made_at, r.version
            ],
        )
        .await?;
    Ok(n == 1)
}

pub async fn open(tx: &mut Tx, client: &str) -> Result<Option<ShareRow>> {
    tx.one(
        sql!(
            "SELECT client_id, from_at, to_at, partner_id, state, model, code, link_id, click_id, hold_reason, evidence, made_by, made_at, version
             FROM partner_clients WHERE client_id = $1 AND to_at IS NULL"
        ),
        &vals![client],
    )
    .await
}

/// Oldest first.
pub async fn history(tx: &mut Tx, client: &str) -> Result<Vec<ShareRow>> {
    tx.rows(
        sql!(
            "SELECT client_id, from_at, to_at, partner_id, state, model, code, link_id, click_id, hold_reason, evidence, made_by, made_at, version
             FROM partner_clients WHERE client_id = $1 ORDER BY from_at"
        ),
        &vals![client],
    )
    .await
}

/// Of many clients; each client's rows oldest first.
pub async fn histories(tx: &mut Tx, clients: &[&str]) -> Result<Vec<ShareRow>> {
    if tx.engine() == Engine::Postgres {
        return super::postgres::shares(tx, clients).await;
    }
    let mut out = Vec::new();
    for c in clients {
        out.extend(history(tx, c).await?);
    }
    Ok(out)
}

pub async fn end(tx: &mut Tx, r: &ShareRow, at: Ts) -> Result<()> {
    tx.exec_one(
        sql!("UPDATE partner_clients SET to_at = $3, version = version + 1 WHERE client_id = $1 AND from_at = $2 AND version = $4 AND to_at IS NULL"),
        &vals![&r.client_id, r.from_at, at, r.version],
        || Problem::conflict("version_stale", "somebody changed this client's partner in between"),
    )
    .await
}

/// Puts these in the place of all that is recorded of a client.
pub async fn replace(tx: &mut Tx, client: &str, rows: &[ShareRow]) -> Result<()> {
    tx.exec(sql!("DELETE FROM partner_clients WHERE client_id = $1"), &vals![client])
        .await?;
    for r in rows {
        if !insert(tx, r).await? {
            return Err(Problem::bug("share_lost", "a client's history could not be written"));
        }
    }
    Ok(())
}

pub async fn set_state(tx: &mut Tx, r: &ShareRow, state: ShareState, hold_reason: Option<&str>) -> Result<()> {
    tx.exec_one(
        sql!(
            "UPDATE partner_clients SET state = $3, hold_reason = $4, version = version + 1
             WHERE client_id = $1 AND from_at = $2 AND version = $5"
        ),
        &vals![&r.client_id, r.from_at, state, hold_reason, r.version],
        || Problem::conflict("version_stale", "somebody changed this client's partner in between"),
    )
    .await
}

row! {
    #[derive(Clone, Debug)]
    pub struct ClientRow {
        pub client_id: String,
        pub from_at: Ts,
        pub state: ShareState,
        pub model: Model,
        pub lots: i64,
        pub deals: i64,
        pub last_at: Option<Ts>,
    }
}

/// A partner's present clients, newest first, with what they traded.
pub async fn clients(tx: &mut Tx, partner: PartnerId, page: &PageRequest) -> Result<Vec<ClientRow>> {
    let (at, id) = match page.after_parts().as_deref() {
        Some([at, id]) => (at.parse().unwrap_or(i64::MAX), (*id).to_string()),
        _ => (i64::MAX, "\u{10ffff}".to_string()),
    };
    tx.rows(
        sql!(
            "SELECT k.client_id, k.from_at, k.state, k.model,
                CAST(COALESCE((SELECT SUM(CASE WHEN l.kind = 'reversal' THEN -l.lots ELSE l.lots END) FROM commission_lines l
                    WHERE l.client_id = k.client_id AND l.partner_id = $1), 0) AS BIGINT),
                (SELECT COUNT(*) FROM commission_lines l WHERE l.client_id = k.client_id AND l.partner_id = $1 AND l.kind = 'accrual'),
                (SELECT MAX(l.value_at) FROM commission_lines l WHERE l.client_id = k.client_id AND l.partner_id = $1)
             FROM partner_clients k WHERE k.partner_id = $1 AND k.to_at IS NULL AND (k.from_at < $2 OR (k.from_at = $2 AND k.client_id < $3))
             ORDER BY k.from_at DESC, k.client_id DESC LIMIT $4"
        ),
        &vals![partner, at, id, page.fetch()],
    )
    .await
}

pub async fn count_clients(tx: &mut Tx, partner: PartnerId) -> Result<i64> {
    let (n,): (i64,) = tx
        .must(
            sql!("SELECT COUNT(*) FROM partner_clients WHERE partner_id = $1 AND to_at IS NULL"),
            &vals![partner],
        )
        .await?;
    Ok(n)
}

use super::{entities, tail};
use crate::{BreakId, BreakKind, BreakState, SettlementFileId, Side};
use qd_db::{Query, Tx, row, sql};
use qd_kernel::{Currency, PageRequest, Problem, Result, Ts, Val, vals};

row! {
    #[derive(Clone, Debug)]
    pub struct BreakRow {
        pub id: BreakId,
        pub subject: String,
        pub side: Side,
        pub party: String,
        pub entity: String,
        pub kind: BreakKind,
        pub minor: i64,
        pub currency: Currency,
        pub cause: String,
        pub owner_role: String,
        pub file_id: Option<SettlementFileId>,
        pub line_id: Option<String>,
        pub entry_id: Option<String>,
        pub client_id: Option<String>,
        pub state: BreakState,
        pub opened_at: Ts,
        pub closed_at: Option<Ts>,
        pub how: Option<String>,
        pub explained_by: Option<String>,
        pub approval_id: Option<String>,
        pub correction: Option<String>,
        pub correction_entry: Option<String>,
        pub version: i64,
    }
}

/// False when a break about the same subject is open.
pub async fn insert_break(tx: &mut Tx, b: &BreakRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!(
                "INSERT INTO recon_breaks (id, subject, side, party, entity, kind, minor, currency, cause, owner_role, file_id, line_id, entry_id, client_id, state, opened_at, version)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 'open', $15, 1) ON CONFLICT DO NOTHING"
            ),
            &vals![
                b.id,
                &b.subject,
                b.side,
                &b.party,
                &b.entity,
                b.kind,
                b.minor,
                b.currency,
                &b.cause,
                &b.owner_role,
                b.file_id,
                b.line_id.clone(),
                b.entry_id.clone(),
                b.client_id.clone(),
                b.opened_at
            ],
        )
        .await?;
    Ok(n == 1)
}

pub async fn find_break(tx: &mut Tx, id: BreakId) -> Result<Option<BreakRow>> {
    tx.one(
        sql!(
            "SELECT id, subject, side, party, entity, kind, minor, currency, cause, owner_role, file_id, line_id, entry_id, client_id, state, opened_at, closed_at, how, explained_by, approval_id, correction,
               correction_entry, version FROM recon_breaks WHERE id = $1"
        ),
        &vals![id],
    )
    .await
}

pub async fn save_break(tx: &mut Tx, b: &mut BreakRow) -> Result<()> {
    tx.exec_one(
        sql!(
            "UPDATE recon_breaks SET state = $3, closed_at = $4, how = $5, explained_by = $6, approval_id = $7, correction = $8, correction_entry = $9, version = version + 1
             WHERE id = $1 AND version = $2"
        ),
        &vals![
            b.id,
            b.version,
            b.state,
            b.closed_at,
            b.how.clone(),
            b.explained_by.clone(),
            b.approval_id.clone(),
            b.correction.clone(),
            b.correction_entry.clone()
        ],
        || Problem::unavailable("break_changed", "this break was changed by somebody else"),
    )
    .await?;
    b.version += 1;
    Ok(())
}

/// Open breaks about a line, an entry or another subject.
pub async fn open_about(tx: &mut Tx, line: Option<&str>, entry: Option<&str>, subject: Option<&str>) -> Result<Vec<BreakRow>> {
    let mut q = Query::new(sql!(
        "SELECT id, subject, side, party, entity, kind, minor, currency, cause, owner_role, file_id, line_id, entry_id, client_id, state, opened_at, closed_at, how, explained_by, approval_id, correction,
           correction_entry, version FROM recon_breaks WHERE state IN ('open', 'deciding')"
    ));
    if let Some(l) = line {
        q.push(sql!(" AND line_id = $?"), [Val::from(l)]);
    }
    if let Some(e) = entry {
        q.push(sql!(" AND entry_id = $?"), [Val::from(e)]);
    }
    if let Some(s) = subject {
        q.push(sql!(" AND subject = $?"), [Val::from(s)]);
    }
    q.push(sql!(" ORDER BY id"), []);
    tx.query(&q).await
}

/// Open breaks of the platform's side, after a place.
pub async fn open_platform(tx: &mut Tx, after: Option<BreakId>, limit: i64) -> Result<Vec<BreakRow>> {
    let mut q = Query::new(sql!(
        "SELECT id, subject, side, party, entity, kind, minor, currency, cause, owner_role, file_id, line_id, entry_id, client_id, state, opened_at, closed_at, how, explained_by, approval_id, correction,
           correction_entry, version FROM recon_breaks WHERE state IN ('open', 'deciding') AND side = 'platform'"
    ));
    if let Some(a) = after {
        q.push(sql!(" AND id > $?"), vals![a]);
    }
    q.push(sql!(" ORDER BY id LIMIT $?"), [Val::from(limit)]);
    tx.query(&q).await
}

#[derive(Clone, Debug, Default)]
pub struct BreakFilter {
    pub entities: Option<Vec<String>>,
    pub state: Option<BreakState>,
    pub kind: Option<BreakKind>,
    pub party: Option<String>,
    pub file_id: Option<SettlementFileId>,
}

pub async fn list_breaks(tx: &mut Tx, f: &BreakFilter, page: &PageRequest) -> Result<Vec<BreakRow>> {
    let mut q = Query::new(sql!(
        "SELECT id, subject, side, party, entity, kind, minor, currency, cause, owner_role, file_id, line_id, entry_id, client_id, state, opened_at, closed_at, how, explained_by, approval_id, correction,
           correction_entry, version FROM recon_breaks WHERE TRUE"
    ));
    entities(&mut q, f.entities.as_deref());
    if let Some(s) = f.state {
        q.push(sql!(" AND state = $?"), [Val::from(s)]);
    }
    if let Some(k) = f.kind {
        q.push(sql!(" AND kind = $?"), [Val::from(k)]);
    }
    if let Some(p) = &f.party {
        q.push(sql!(" AND party = $?"), [Val::from(p)]);
    }
    if let Some(id) = f.file_id {
        q.push(sql!(" AND file_id = $?"), vals![id]);
    }
    tail(&mut q, page);
    tx.query(&q).await
}

row! {
    #[derive(Clone, Debug)]
    pub struct OpenRow {
        pub party: String,
        pub entity: String,
        pub side: Side,
        pub currency: Currency,
        pub minor: i64,
        pub opened_at: Ts,
    }
}

/// Every open break, for sums of amount and age.
pub async fn all_open(tx: &mut Tx) -> Result<Vec<OpenRow>> {
    tx.rows(
        sql!(
            "SELECT party, entity, side, currency, minor, opened_at FROM recon_breaks WHERE state IN ('open', 'deciding')
             ORDER BY side, party, currency, opened_at"
        ),
        &[],
    )
    .await
}

/// Who ever had a break, with its currency: standing there with nothing open is good news, too.
pub async fn parties(tx: &mut Tx) -> Result<Vec<(String, String, Side, Currency)>> {
    tx.rows(
        sql!("SELECT DISTINCT party, entity, side, currency FROM recon_breaks ORDER BY party, currency"),
        &[],
    )
    .await
}

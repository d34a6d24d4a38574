use crate::attribution::{ClaimState, GoesTo};
use crate::ids::{ClaimId, PartnerId};
use qd_db::{Query, Tx, row, sql};
use qd_kernel::{PageRequest, Problem, Result, Ts, vals};
use serde_json::Value;

row! {
    #[derive(Clone, Debug)]
    pub struct ClaimRow {
        pub id: ClaimId,
        pub partner_id: PartnerId,
        pub entity: String,
        pub named: String,
        pub client_id: Option<String>,
        pub evidence: String,
        pub file_id: Option<String>,
        pub filed_by: String,
        pub filed_at: Ts,
        pub late: bool,
        pub state: ClaimState,
        pub decided_by: Option<String>,
        pub decided_at: Option<Ts>,
        pub reason: Option<String>,
        pub from_at: Option<Ts>,
        pub seen: Option<Value>,
        pub version: i64,
    }
}

/// False when this partner has an open claim to this client.
pub async fn insert(tx: &mut Tx, c: &ClaimRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!(
                "INSERT INTO partner_claims (id, partner_id, entity, named, client_id, evidence, file_id, filed_by, filed_at, late, state, decided_by,
                    decided_at, reason, from_at, seen, version)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) ON CONFLICT DO NOTHING"
            ),
            &vals![
                c.id, c.partner_id, &c.entity, &c.named, c.client_id.as_ref(), &c.evidence, c.file_id.as_ref(), &c.filed_by, c.filed_at, c.late,
                c.state, c.decided_by.as_ref(), c.decided_at, c.reason.as_ref(), c.from_at, c.seen.as_ref(), c.version
            ],
        )
        .await?;
    Ok(n == 1)
}

pub async fn get(tx: &mut Tx, id: ClaimId) -> Result<Option<ClaimRow>> {
    tx.one(
        sql!(
            "SELECT id, partner_id, entity, named, client_id, evidence, file_id, filed_by, filed_at, late, state, decided_by, decided_at, reason,
                from_at, seen, version
             FROM partner_claims WHERE id = $1"
        ),
        &vals![id],
    )
    .await
}

pub async fn of_client(tx: &mut Tx, client: &str) -> Result<Vec<ClaimRow>> {
    tx.rows(
        sql!(
            "SELECT id, partner_id, entity, named, client_id, evidence, file_id, filed_by, filed_at, late, state, decided_by, decided_at, reason,
                from_at, seen, version
             FROM partner_claims WHERE client_id = $1 ORDER BY filed_at, id"
        ),
        &vals![client],
    )
    .await
}

pub async fn update(tx: &mut Tx, c: &ClaimRow) -> Result<()> {
    tx.exec_one(
        sql!(
            "UPDATE partner_claims SET client_id = $3, state = $4, decided_by = $5, decided_at = $6, reason = $7, from_at = $8, seen = $9,
                version = version + 1
             WHERE id = $1 AND version = $2"
        ),
        &vals![
            c.id,
            c.version,
            c.client_id.as_ref(),
            c.state,
            c.decided_by.as_ref(),
            c.decided_at,
            c.reason.as_ref(),
            c.from_at,
            c.seen.as_ref()
        ],
        || Problem::conflict("version_stale", "somebody decided about this claim in between"),
    )
    .await
}

#[derive(Clone, Debug, Default)]
pub struct ClaimFilter {
    pub state: Option<ClaimState>,
    pub partner: Option<PartnerId>,
    pub client: Option<String>,
}

/// The newest first; entities None: all.
pub async fn list(tx: &mut Tx, entities: Option<&[String]>, f: &ClaimFilter, page: &PageRequest) -> Result<Vec<ClaimRow>> {
    let mut q = Query::new(sql!(
        "SELECT id, partner_id, entity, named, client_id, evidence, file_id, filed_by, filed_at, late, state, decided_by, decided_at, reason, from_at,
            seen, version
         FROM partner_claims WHERE 1 = 1"
    ));
    if let Some(list) = entities {
        q.push(sql!(" AND entity IN (''"), []);
        for e in list {
            q.push(sql!(", $?"), vals![e]);
        }
        q.push(sql!(")"), []);
    }
    if let Some(s) = f.state {
        q.push(sql!(" AND state = $?"), vals![s]);
    }
    if let Some(p) = f.partner {
        q.push(sql!(" AND partner_id = $?"), vals![p]);
    }
    if let Some(c) = &f.client {
        q.push(sql!(" AND client_id = $?"), vals![c]);
    }
    if let Some([at, id]) = page.after_parts().as_deref() {
        q.push(
            sql!(" AND (filed_at, id) < ($?, $?)"),
            vals![at.parse::<i64>().unwrap_or(i64::MAX), *id],
        );
    }
    q.push(sql!(" ORDER BY filed_at DESC, id DESC LIMIT $?"), vals![page.fetch()]);
    tx.query(&q).await
}

row! {
    #[derive(Clone, Debug)]
    pub struct TrailRow {
        pub partner_id: PartnerId,
        pub left_at: Ts,
        pub goes_to: GoesTo,
        pub ends_at: Ts,
        pub done_at: Option<Ts>,
        pub moved: i64,
    }
}

pub async fn insert_trail(tx: &mut Tx, t: &TrailRow) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO partner_trails (partner_id, left_at, goes_to, ends_at, done_at, moved) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (partner_id) DO NOTHING"
        ),
        &vals![t.partner_id, t.left_at, t.goes_to, t.ends_at, t.done_at, t.moved],
    )
    .await?;
    Ok(())
}

pub async fn trail(tx: &mut Tx, partner: PartnerId) -> Result<Option<TrailRow>> {
    tx.one(
        sql!("SELECT partner_id, left_at, goes_to, ends_at, done_at, moved FROM partner_trails WHERE partner_id = $1"),
        &vals![partner],
    )
    .await
}

pub async fn trail_moved(tx: &mut Tx, partner: PartnerId, moved: i64, done: Option<Ts>) -> Result<()> {
    tx.exec(
        sql!("UPDATE partner_trails SET moved = moved + $2, done_at = $3 WHERE partner_id = $1"),
        &vals![partner, moved, done],
    )
    .await?;
    Ok(())
}

/// Clients whose open share is this partner's.
pub async fn open_clients(tx: &mut Tx, partner: PartnerId, limit: i64) -> Result<Vec<(String,)>> {
    tx.rows(
        sql!("SELECT client_id FROM partner_clients WHERE partner_id = $1 AND to_at IS NULL ORDER BY client_id LIMIT $2"),
        &vals![partner, limit],
    )
    .await
}

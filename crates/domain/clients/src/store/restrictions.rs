use crate::client::ClientId;
use crate::restrictions::{Restriction, RestrictionId, RestrictionKind};
use qd_db::{Tx, row, sql};
use qd_kernel::{Problem, Result, Ts, vals};

pub async fn insert(tx: &mut Tx, r: &Restriction) -> Result<bool> {
    let n = tx
        .exec(
            sql!(
                "INSERT INTO restrictions (id, client_id, kind, reason, told, by_id, by_name, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                 ON CONFLICT DO NOTHING"
            ),
            &vals![r.id, r.client_id, r.kind, &r.reason, r.told, &r.by_id, &r.by_name, r.at],
        )
        .await?;
    Ok(n == 1)
}

row! {
    struct RestrictionRow {
        id: RestrictionId, client_id: ClientId, kind: RestrictionKind, reason: String, told: bool, by_id: String, by_name: String, at: Ts,
        lifted_at: Option<Ts>, lifted_by: Option<String>, lift_reason: Option<String>,
    }
}

impl From<RestrictionRow> for Restriction {
    fn from(r: RestrictionRow) -> Restriction {
        Restriction {
            id: r.id,
            client_id: r.client_id,
            kind: r.kind,
            reason: r.reason,
            told: r.told,
            by_id: r.by_id,
            by_name: r.by_name,
            at: r.at,
            lifted_at: r.lifted_at,
            lifted_by: r.lifted_by,
            lift_reason: r.lift_reason,
        }
    }
}

pub async fn find(tx: &mut Tx, id: RestrictionId) -> Result<Option<Restriction>> {
    let row: Option<RestrictionRow> = tx
        .one(
            sql!("SELECT id, client_id, kind, reason, told, by_id, by_name, at, lifted_at, lifted_by, lift_reason FROM restrictions WHERE id = $1"),
            &vals![id],
        )
        .await?;
    Ok(row.map(Restriction::from))
}

pub async fn of_client(tx: &mut Tx, id: ClientId) -> Result<Vec<Restriction>> {
    let rows: Vec<RestrictionRow> = tx
        .rows(
            sql!(
                "SELECT id, client_id, kind, reason, told, by_id, by_name, at, lifted_at, lifted_by, lift_reason FROM restrictions
                 WHERE client_id = $1 ORDER BY id DESC LIMIT 100"
            ),
            &vals![id],
        )
        .await?;
    Ok(rows.into_iter().map(Restriction::from).collect())
}

pub async fn lift(tx: &mut Tx, id: RestrictionId, by: &str, reason: &str, now: Ts) -> Result<()> {
    tx.exec_one(
        sql!("UPDATE restrictions SET lifted_at = $2, lifted_by = $3, lift_reason = $4 WHERE id = $1 AND lifted_at IS NULL"),
        &vals![id, now, by, reason],
        || Problem::conflict("restriction_lifted", "the restriction was lifted already"),
    )
    .await
}

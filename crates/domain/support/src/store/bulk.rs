use crate::bulk::{BulkId, BulkItem, BulkState};
use qd_clients::ClientId;
use qd_db::{Tx, row, sql};
use qd_kernel::{Result, Ts, vals};
use serde_json::Value;

row! {
    pub(crate) struct RunRow {
        pub action: String, pub by_id: String, pub total: i64, pub finished_at: Option<Ts>,
    }
}

pub(crate) async fn insert_run(tx: &mut Tx, id: BulkId, action: &str, by: &str, clients: &[ClientId], at: Ts) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO bulk_runs (id, action, by_id, total, created_at) VALUES ($1, $2, $3, $4, $5)"),
        &vals![id, action, by, i64::try_from(clients.len()).unwrap_or(i64::MAX), at],
    )
    .await?;
    let rows: Vec<_> = (0i64..).zip(clients).map(|(n, c)| vals![id, n, *c].to_vec()).collect();
    tx.exec_many(
        sql!("INSERT INTO bulk_items (run_id, n, client_id, state, changes) VALUES ($1, $2, $3, 'waiting', '[]')"),
        &rows,
    )
    .await?;
    Ok(())
}

pub(crate) async fn run(tx: &mut Tx, id: BulkId) -> Result<Option<RunRow>> {
    tx.one(
        sql!("SELECT action, by_id, total, finished_at FROM bulk_runs WHERE id = $1"),
        &vals![id],
    )
    .await
}

pub(crate) async fn waiting_items(tx: &mut Tx, id: BulkId, limit: i64) -> Result<Vec<(i64, ClientId)>> {
    tx.rows(
        sql!("SELECT n, client_id FROM bulk_items WHERE run_id = $1 AND state = 'waiting' ORDER BY n LIMIT $2"),
        &vals![id, limit],
    )
    .await
}

/// The item is this transaction's until its end; false: somebody else did it.
pub(crate) async fn take_item(tx: &mut Tx, id: BulkId, n: i64) -> Result<bool> {
    let taken = tx
        .exec(
            sql!("UPDATE bulk_items SET state = 'unchanged' WHERE run_id = $1 AND n = $2 AND state = 'waiting'"),
            &vals![id, n],
        )
        .await?;
    Ok(taken == 1)
}

pub(crate) async fn finish_item(tx: &mut Tx, id: BulkId, n: i64, i: &BulkItem) -> Result<()> {
    tx.exec(
        sql!("UPDATE bulk_items SET state = $3, code = $4, detail = $5, changes = $6 WHERE run_id = $1 AND n = $2"),
        &vals![id, n, i.state, i.code.clone(), i.detail.clone(), serde_json::to_value(&i.changes)?],
    )
    .await?;
    Ok(())
}

pub(crate) async fn finish_run(tx: &mut Tx, id: BulkId, at: Ts) -> Result<()> {
    tx.exec(
        sql!(
            "UPDATE bulk_runs SET finished_at = $2
             WHERE id = $1 AND finished_at IS NULL AND NOT EXISTS (SELECT 1 FROM bulk_items i WHERE i.run_id = $1 AND i.state = 'waiting')"
        ),
        &vals![id, at],
    )
    .await?;
    Ok(())
}

pub(crate) async fn counts(tx: &mut Tx, id: BulkId) -> Result<Vec<(BulkState, i64)>> {
    tx.rows(
        sql!("SELECT state, COUNT(*) FROM bulk_items WHERE run_id = $1 GROUP BY state"),
        &vals![id],
    )
    .await
}

row! {
    struct ItemRow { client_id: ClientId, state: BulkState, code: Option<String>, detail: Option<String>, changes: Value, }
}

/// What failed first.
pub(crate) async fn items(tx: &mut Tx, id: BulkId, limit: i64) -> Result<Vec<BulkItem>> {
    let rows: Vec<ItemRow> = tx
        .rows(
            sql!(
                "SELECT client_id, state, code, detail, changes FROM bulk_items WHERE run_id = $1
                 ORDER BY CASE WHEN state = 'failed' THEN 0 WHEN state = 'waiting' THEN 2 ELSE 1 END, n LIMIT $2"
            ),
            &vals![id, limit],
        )
        .await?;
    rows.into_iter()
        .map(|r| {
            Ok(BulkItem {
                client_id: r.client_id,
                state: r.state,
                code: r.code,
                detail: r.detail,
                changes: serde_json::from_value(r.changes)?,
            })
        })
        .collect()
}

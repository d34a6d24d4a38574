use crate::client::ClientId;
use qd_db::{Tx, sql};
use qd_kernel::{Result, Ts, vals};
use serde_json::Value;

/// (step, answers, saved at, version) of each step's latest version.
pub async fn latest(tx: &mut Tx, id: ClientId) -> Result<Vec<(String, Value, Ts, i64)>> {
    latest_until(tx, id, Ts(i64::MAX)).await
}

/// The same up to a moment.
pub async fn latest_until(tx: &mut Tx, id: ClientId, at: Ts) -> Result<Vec<(String, Value, Ts, i64)>> {
    tx.rows(
        sql!(
            "SELECT p.step, p.data, p.at, p.version FROM profile_steps p
             WHERE p.client_id = $1 AND p.version = (SELECT MAX(x.version) FROM profile_steps x
                 WHERE x.client_id = p.client_id AND x.step = p.step AND x.at <= $2)
             ORDER BY p.step"
        ),
        &vals![id, at],
    )
    .await
}

pub async fn add(tx: &mut Tx, id: ClientId, step: &str, version: i64, data: &Value, by: &str, now: Ts) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO profile_steps (client_id, step, version, data, by_id, at) VALUES ($1, $2, $3, $4, $5, $6)"),
        &vals![id, step, version, data, by, now],
    )
    .await?;
    Ok(())
}

//! Connections and their health, registered at start.

use crate::store;
pub use crate::store::ConnectionRow;
use qd_db::Tx;
use qd_kernel::Result;
use qd_runtime::access::{Caller, Right};

pub async fn register(tx: &mut Tx, id: &str, entity: &str, provider: &str, methods: &serde_json::Value) -> Result<()> {
    store::put_connection(tx, id, entity, provider, methods).await
}

/// What its connector can do: whether money goes back to a payment, and whether it pays people.
pub async fn can(tx: &mut Tx, id: &str, can: qd_ports::psp::Can) -> Result<()> {
    store::set_can(tx, id, can.refunds, can.payouts).await
}

pub async fn list(tx: &mut Tx, caller: &Caller) -> Result<Vec<ConnectionRow>> {
    caller.require(Right::ConnectionsView)?;
    let seen = caller.allowed_entities();
    Ok(store::connections(tx)
        .await?
        .into_iter()
        .filter(|c| seen.as_ref().is_none_or(|e| e.contains(&c.entity)))
        .collect())
}

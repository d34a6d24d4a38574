//! What a client agreed to, as it was kept: which text, in which version, when, from where. Rows are
//! added and never changed; a later one of the same kind says how it stands.

use crate::client::{self, ClientId};
use crate::store;
use qd_db::Tx;
use qd_kernel::{Result, Ts};
use qd_runtime::access::{Caller, Right};
use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(example = json!({"at_us": 1_790_000_000_000_000_i64, "kind": "terms", "version": "5f2c9a01", "given": true, "in_force": true, "ip": "203.0.113.7"}))]
pub struct KeptConsent {
    #[serde(rename = "at_us")]
    pub at: Ts,
    /// `terms`, `privacy`, `marketing`, `cookies`…
    pub kind: String,
    /// Of the text, as the portal named it then.
    pub version: String,
    /// False: refused, or taken back.
    pub given: bool,
    /// The newest of its kind: how it stands now.
    pub in_force: bool,
    /// Where it came from, when that is known.
    pub ip: Option<String>,
}

/// A client's consents, the newest first, for whoever may see the record; those given to records
/// that were merged into it are among them.
pub async fn of_client(tx: &mut Tx, caller: &Caller, id: ClientId) -> Result<Vec<KeptConsent>> {
    client::get(tx, caller, Right::ClientsView, id).await?;
    until(tx, id, Ts(i64::MAX)).await
}

/// The same up to a moment, without asking who reads: for modules that decide that themselves.
pub async fn until(tx: &mut Tx, id: ClientId, at: Ts) -> Result<Vec<KeptConsent>> {
    let mut all = store::clients::consents(tx, id, at).await?;
    let mut seen: Vec<String> = Vec::new();
    for c in &mut all {
        c.in_force = !seen.contains(&c.kind);
        if c.in_force {
            seen.push(c.kind.clone());
        }
    }
    Ok(all)
}

//! The trading servers and their health, for the connections page.

pub use crate::store::{CursorRow, ServerRow};
use crate::{AccountKind, store};
use qd_db::Tx;
use qd_kernel::{Problem, Result};
use qd_runtime::access::{Caller, Right};
use serde::Serialize;

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TradingServerHealth)]
pub struct ServerView {
    pub server: ServerRow,
    /// The feed's position, its backlog by time and what it has recorded.
    pub feed: Option<CursorRow>,
}

/// At start, from the configuration: which servers exist and which groups each feed covers.
pub async fn register(tx: &mut Tx, id: &str, entity: &str, platform: &str, kind: AccountKind, group_mask: &str) -> Result<()> {
    store::put_server(tx, id, entity, platform, kind, group_mask).await
}

/// The servers the caller may see.
pub(crate) async fn seen(tx: &mut Tx, caller: &Caller) -> Result<Vec<ServerRow>> {
    caller.require(Right::ConnectionsView)?;
    let entities = caller.allowed_entities();
    let mut all = store::servers(tx).await?;
    all.retain(|s| entities.as_ref().is_none_or(|e| e.contains(&s.entity)));
    Ok(all)
}

/// The server if the caller may know of it; else it does not exist for them.
pub(crate) async fn entered(tx: &mut Tx, caller: &Caller, id: &str) -> Result<ServerRow> {
    let found = seen(tx, caller).await?.into_iter().find(|s| s.id == id);
    found.ok_or_else(|| Problem::missing("trading server"))
}

pub async fn list(tx: &mut Tx, caller: &Caller) -> Result<Vec<ServerView>> {
    let feeds = store::cursors(tx).await?;
    Ok(seen(tx, caller)
        .await?
        .into_iter()
        .map(|server| ServerView {
            feed: feeds.iter().find(|f| f.server == server.id).cloned(),
            server,
        })
        .collect())
}

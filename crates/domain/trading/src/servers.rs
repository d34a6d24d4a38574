//! The trading servers and their health, for the connections page.

pub use crate::store::{CursorRow, ServerRow};
use crate::{AccountKind, store};
use qd_db::Tx;
use qd_kernel::Result;
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

pub async fn list(tx: &mut Tx, caller: &Caller) -> Result<Vec<ServerView>> {
    caller.require(Right::ConnectionsView)?;
    let feeds = store::cursors(tx).await?;
    let seen = caller.allowed_entities();
    Ok(store::servers(tx)
        .await?
        .into_iter()
        .filter(|s| seen.as_ref().is_none_or(|e| e.contains(&s.entity)))
        .map(|server| ServerView {
            feed: feeds.iter().find(|f| f.server == server.id).cloned(),
            server,
        })
        .collect())
}

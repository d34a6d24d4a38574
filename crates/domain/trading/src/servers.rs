//! The trading servers and their health, for the connections page.

pub use crate::store::{CursorRow, ServerRow};
use crate::{AccountKind, Platforms, store};
use qd_db::Tx;
use qd_kernel::{Problem, Result};
use qd_ports::platform::{Capabilities, Capability, Support};
use qd_runtime::access::{Caller, Right};
use qd_runtime::events::{self, NewEvent};
use qd_runtime::{Core, audit, exceptions};
use serde::Serialize;
use serde_json::json;

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TradingServerHealth)]
pub struct ServerView {
    pub server: ServerRow,
    /// The feed's position, its backlog by time and what it has recorded.
    pub feed: Option<CursorRow>,
    /// What its connector can do; none on a node without a connection to it.
    pub connector: Option<ConnectorView>,
}

/// A connector's own word.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PlatformConnector)]
pub struct ConnectorView {
    /// The interface in the vendor's words.
    pub api: String,
    /// Builds it was run against.
    pub builds: Vec<BuildRange>,
    pub capabilities: Vec<CapabilityView>,
}

/// Both ends included.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
pub struct BuildRange {
    pub from: u32,
    pub to: u32,
}

#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PlatformCapability)]
pub struct CapabilityView {
    /// `open_account`, `read_only`, `deals_by_group`, …
    #[schema(value_type = String)]
    pub capability: Capability,
    /// `yes`, `partly`, `no`.
    #[schema(value_type = String)]
    pub support: Support,
}

impl From<Capabilities> for ConnectorView {
    fn from(c: Capabilities) -> Self {
        ConnectorView {
            api: c.api.to_string(),
            builds: c.builds.into_iter().map(|(from, to)| BuildRange { from, to }).collect(),
            capabilities: c
                .table
                .into_iter()
                .map(|(capability, support)| CapabilityView { capability, support })
                .collect(),
        }
    }
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

pub async fn list(tx: &mut Tx, caller: &Caller, platforms: &Platforms) -> Result<Vec<ServerView>> {
    let feeds = store::cursors(tx).await?;
    Ok(seen(tx, caller)
        .await?
        .into_iter()
        .map(|server| ServerView {
            feed: feeds.iter().find(|f| f.server == server.id).cloned(),
            connector: platforms.capabilities(&server.id).map(ConnectorView::from),
            server,
        })
        .collect())
}

/// Lets the server's jobs wait: nothing is asked of it and nothing is lost. Other servers go on.
///
/// Errors: `reason_missing`, `server_paused` (409) when it is paused already.
pub async fn pause(tx: &mut Tx, core: &Core, caller: &Caller, id: &str, reason: &str) -> Result<ServerRow> {
    let s = manageable(tx, caller, id, reason).await?;
    if s.paused_at.is_some() {
        return Err(Problem::conflict("server_paused", "this server is paused already"));
    }
    let label = caller.label();
    store::set_paused(tx, id, Some((core.now(), label.as_str(), reason.trim()))).await?;
    switched(tx, core, caller, &s, "trading_server.paused", "trading.server_paused", reason).await
}

/// Errors: `reason_missing`, `server_not_paused` (409).
pub async fn resume(tx: &mut Tx, core: &Core, caller: &Caller, id: &str, reason: &str) -> Result<ServerRow> {
    let s = manageable(tx, caller, id, reason).await?;
    if s.paused_at.is_none() {
        return Err(Problem::conflict("server_not_paused", "this server is not paused"));
    }
    store::set_paused(tx, id, None).await?;
    switched(tx, core, caller, &s, "trading_server.resumed", "trading.server_resumed", reason).await
}

async fn manageable(tx: &mut Tx, caller: &Caller, id: &str, reason: &str) -> Result<ServerRow> {
    caller.require(Right::ConnectionsManage)?;
    if reason.trim().is_empty() {
        let expected = "expected the reason, which staff and auditors will read";
        return Err(Problem::invalid("reason", "reason_missing", expected));
    }
    entered(tx, caller, id).await
}

async fn switched(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    before: &ServerRow,
    action: &'static str,
    event: &'static str,
    reason: &str,
) -> Result<ServerRow> {
    let e = audit::Entry::new(caller, action, format!("trading_server:{}", before.id))
        .entity(Some(before.entity.clone()))
        .reason(reason.trim());
    audit::record(tx, core, e).await?;
    let ev = NewEvent {
        kind: event,
        aggregate: format!("server:{}", before.id),
        entity: Some(before.entity.clone()),
        payload: json!({"server": before.id, "reason": reason.trim()}),
    };
    events::publish(tx, core, ev).await?;
    store::server(tx, &before.id)
        .await?
        .ok_or_else(|| Problem::missing("trading server"))
}

/// Keeps the build a server states, and warns of one its connector was not tested against.
pub(crate) async fn note_build(tx: &mut Tx, core: &Core, id: &str, build: &str, tested: bool) -> Result<()> {
    let Some(s) = store::server(tx, id).await? else {
        return Ok(());
    };
    if s.build.as_deref() == Some(build) && s.build_tested == Some(tested) {
        return Ok(());
    }
    store::set_build(tx, id, build, tested).await?;
    let subject = format!("server:{id}");
    if tested {
        exceptions::resolve(tx, core, "platform.build_untested", &subject, "the server states a tested build").await?;
        return Ok(());
    }
    let e = exceptions::NewException {
        kind: "platform.build_untested",
        subject,
        entity: Some(s.entity),
        client_id: None,
        owner_role: "ops",
        rule: "platform_build_unknown",
        cause: format!(
            "{id} states the build {build}, which its {} connector was not tested against",
            s.platform
        ),
        detail: json!({"server": id, "build": build, "build_before": s.build}),
        retry: None,
    };
    exceptions::raise(tx, core, e).await.map(|_| ())
}

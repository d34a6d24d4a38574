//! Trade and payment events for a program outside, by the Standard Webhooks scheme: a partner engine
//! of the brokerage's own, a warehouse. Signed, repeated until taken, a day at a time again on demand.

mod replay;
mod send;

pub use replay::{REPLAY_JOB, Replay};
pub use send::{Deliver, WEBHOOK_JOB};

use crate::clicks::LinkKey;
use crate::delivery::Outward;
use crate::ids::{WebhookId, WebhookSendId};
use crate::postbacks::{SendState, sign, template};
use crate::store::webhooks as store;
use async_trait::async_trait;
use qd_db::Tx;
use qd_kernel::{Page, PageRequest, Problem, Result, Secret, Ts, page::join_key};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right};
use qd_runtime::audit::{self, Entry};
use qd_runtime::jobs::{self, NewJob};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What can be subscribed to.
pub const KINDS: &[&str] = &[
    "deals.recorded",
    "deposit.received",
    "deposit.credited",
    "deposit.state",
    "client.ftd",
    "withdrawal.paid",
    "withdrawal.returned",
    "dispute.opened",
    "client.registered",
    "kyc.approved",
];

/// What a message says beyond the event itself: deals with all their figures. The app's.
#[async_trait(?Send)]
pub trait Data: Send + Sync {
    async fn data(&self, tx: &mut Tx, kind: &str, payload: &Value) -> Result<Value>;
}

/// An outbox event, as a subscriber hands it on.
#[derive(Clone, Debug)]
pub struct Happened {
    pub id: String,
    pub kind: String,
    pub entity: Option<String>,
    pub payload: Value,
    pub at: Ts,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct WebhookEndpoint {
    pub id: WebhookId,
    /// Events of one entity; none: of all.
    pub entity: Option<String>,
    pub name: String,
    pub url: String,
    pub kinds: Vec<String>,
    pub active: bool,
    #[serde(rename = "created_at_us")]
    pub created_at: Ts,
    #[serde(rename = "changed_at_us")]
    pub changed_at: Ts,
    pub version: i64,
}

impl WebhookEndpoint {
    fn of(r: store::EndpointRow) -> Result<WebhookEndpoint> {
        Ok(WebhookEndpoint {
            id: r.id,
            entity: r.entity,
            name: r.name,
            url: r.url,
            kinds: serde_json::from_value(r.kinds)?,
            active: r.active,
            created_at: r.created_at,
            changed_at: r.changed_at,
            version: r.version,
        })
    }
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WebhookDraft, example = json!({"name": "Partner engine", "entity": "eu", "url": "https://engine.example/hooks", "kinds": ["deals.recorded", "deposit.received"]}))]
pub struct Draft {
    pub name: String,
    #[serde(default)]
    pub entity: Option<String>,
    pub url: String,
    /// `deals.recorded`, `deposit.received`, `deposit.credited`, `deposit.state`, `client.ftd`,
    /// `withdrawal.paid`, `withdrawal.returned`, `dispute.opened`, `client.registered`, `kyc.approved`.
    pub kinds: Vec<String>,
    #[serde(default)]
    pub active: Option<bool>,
}

fn check(d: &Draft, out: &Outward) -> Result<()> {
    let name = d.name.trim();
    if name.is_empty() || name.chars().count() > 100 {
        return Err(Problem::invalid("name", "text_malformed", "expected 1 to 100 characters"));
    }
    if d.url.contains(['{', '}']) || d.url.len() > template::MAX_URL {
        return Err(Problem::invalid("url", "url_malformed", "expected an address without macros"));
    }
    template::address(&d.url, out.as_ref())?;
    if d.kinds.is_empty() || d.kinds.iter().any(|k| !KINDS.contains(&k.as_str())) {
        return Err(Problem::invalid(
            "kinds",
            "kind_unknown",
            format!("expected some of {}", KINDS.join(", ")),
        ));
    }
    Ok(())
}

fn enters(caller: &Caller, entity: Option<&String>) -> bool {
    match entity {
        Some(e) => caller.enters(Some(e)),
        // All entities' events are for those who may enter all.
        None => caller.allowed_entities().is_none(),
    }
}

async fn reached(tx: &mut Tx, caller: &Caller, right: Right, id: WebhookId) -> Result<store::EndpointRow> {
    caller.require(right)?;
    store::get(tx, id)
        .await?
        .filter(|e| enters(caller, e.entity.as_ref()))
        .ok_or_else(|| Problem::missing("webhook endpoint"))
}

/// Needs `connections.manage`.
pub async fn create(tx: &mut Tx, core: &Core, caller: &Caller, d: &Draft, out: &Outward) -> Result<WebhookEndpoint> {
    caller.require(Right::ConnectionsManage)?;
    if !enters(caller, d.entity.as_ref()) {
        return Err(Problem::forbidden("entity_not_allowed", "this is outside your entities"));
    }
    check(d, out)?;
    let now = core.now();
    let row = store::EndpointRow {
        id: WebhookId::new(&core.env),
        entity: d.entity.clone(),
        name: d.name.trim().to_string(),
        url: d.url.clone(),
        kinds: json!(d.kinds),
        secret_no: 1,
        active: d.active.unwrap_or(true),
        made_by: caller.id(),
        created_at: now,
        changed_at: now,
        version: 1,
    };
    store::insert(tx, &row).await?;
    note(tx, core, caller, "webhook.create", None, &row).await?;
    WebhookEndpoint::of(row)
}

pub async fn edit(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    id: WebhookId,
    base_version: i64,
    d: &Draft,
    out: &Outward,
) -> Result<WebhookEndpoint> {
    let before = reached(tx, caller, Right::ConnectionsManage, id).await?;
    check(d, out)?;
    if d.entity != before.entity {
        return Err(Problem::invalid(
            "entity",
            "entity_fixed",
            "expected the entity it was made for: make another endpoint",
        ));
    }
    let mut row = store::EndpointRow {
        name: d.name.trim().to_string(),
        url: d.url.clone(),
        kinds: json!(d.kinds),
        active: d.active.unwrap_or(before.active),
        changed_at: core.now(),
        version: base_version,
        ..before.clone()
    };
    store::update(tx, &row).await?;
    row.version += 1;
    note(tx, core, caller, "webhook.edit", Some(&before), &row).await?;
    WebhookEndpoint::of(row)
}

/// A new signing secret; the old one is worthless at once.
pub async fn new_secret(tx: &mut Tx, core: &Core, caller: &Caller, id: WebhookId) -> Result<WebhookEndpoint> {
    let before = reached(tx, caller, Right::ConnectionsManage, id).await?;
    let mut row = before.clone();
    row.secret_no += 1;
    row.changed_at = core.now();
    store::update(tx, &row).await?;
    row.version += 1;
    note(tx, core, caller, "webhook.secret", Some(&before), &row).await?;
    WebhookEndpoint::of(row)
}

/// `whsec_…`, as libraries for the scheme take it.
pub async fn secret(tx: &mut Tx, key: &LinkKey, caller: &Caller, id: WebhookId) -> Result<Secret> {
    let e = reached(tx, caller, Right::ConnectionsManage, id).await?;
    sign::secret(key, &e.id.to_string(), e.secret_no)
}

async fn note(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    action: &'static str,
    before: Option<&store::EndpointRow>,
    after: &store::EndpointRow,
) -> Result<()> {
    let shown = |r: &store::EndpointRow| json!({"name": r.name, "host": r.url.split('/').nth(2), "kinds": r.kinds, "active": r.active, "secret_no": r.secret_no});
    let mut e = Entry::new(caller, action, format!("webhook:{}", after.id)).entity(after.entity.clone());
    if let Some(b) = before {
        e = e.before(shown(b));
    }
    audit::record(tx, core, e.after(shown(after))).await?;
    Ok(())
}

pub async fn list(tx: &mut Tx, caller: &Caller) -> Result<Vec<WebhookEndpoint>> {
    caller.require(Right::ConnectionsView)?;
    let rows = store::all(tx).await?;
    rows.into_iter()
        .filter(|e| enters(caller, e.entity.as_ref()))
        .map(WebhookEndpoint::of)
        .collect()
}

/// One message on its way.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct WebhookSend {
    pub id: WebhookSendId,
    pub kind: String,
    /// Told as `webhook-id`, the same each time: for the receiver to know it again.
    pub event_id: Option<String>,
    #[serde(rename = "happened_at_us")]
    pub happened_at: Ts,
    pub replay: bool,
    pub state: SendState,
    pub attempts: i64,
    pub status: Option<i64>,
    pub error: Option<String>,
    pub excerpt: Option<String>,
    #[serde(rename = "created_at_us")]
    pub created_at: Ts,
    #[serde(rename = "last_at_us")]
    pub last_at: Option<Ts>,
}

impl From<store::SendRow> for WebhookSend {
    fn from(s: store::SendRow) -> Self {
        WebhookSend {
            id: s.id,
            kind: s.kind,
            event_id: s.event_id,
            happened_at: s.happened_at,
            replay: s.replay,
            state: s.state,
            attempts: s.attempts,
            status: s.status,
            error: s.error,
            excerpt: s.excerpt,
            created_at: s.created_at,
            last_at: s.last_at,
        }
    }
}

/// The newest first.
pub async fn log(tx: &mut Tx, caller: &Caller, id: WebhookId, state: Option<SendState>, page: &PageRequest) -> Result<Page<WebhookSend>> {
    reached(tx, caller, Right::ConnectionsView, id).await?;
    let rows = store::sends(tx, id, state, page).await?;
    Ok(page.finish(rows.into_iter().map(WebhookSend::from).collect(), |s: &WebhookSend| {
        join_key(&[&s.created_at.micros().to_string(), &s.id.to_string()])
    }))
}

/// One message per endpoint that wants the event. How many were new.
pub async fn plan(tx: &mut Tx, core: &Core, source: &dyn Data, h: &Happened) -> Result<usize> {
    let mut made = 0;
    for e in store::all(tx).await? {
        if e.active && wants(&e, h) {
            made += usize::from(queue(tx, core, source, &e, h, None).await?);
        }
    }
    Ok(made)
}

fn wants(e: &store::EndpointRow, h: &Happened) -> bool {
    let kind = e.kinds.as_array().is_some_and(|k| k.iter().any(|k| *k == h.kind.as_str()));
    kind && e.entity.as_ref().is_none_or(|x| h.entity.as_ref() == Some(x))
}

async fn queue(tx: &mut Tx, core: &Core, source: &dyn Data, e: &store::EndpointRow, h: &Happened, run: Option<&str>) -> Result<bool> {
    let body = json!({"type": h.kind, "timestamp": h.at.rfc3339(), "data": source.data(tx, &h.kind, &h.payload).await?});
    let row = store::SendRow {
        id: WebhookSendId::new(&core.env),
        endpoint_id: e.id,
        kind: h.kind.clone(),
        event_id: Some(h.id.clone()),
        position: None,
        dedup: match run {
            Some(r) => format!("{r}:{}", h.id),
            None => h.id.clone(),
        },
        body,
        happened_at: h.at,
        replay: run.is_some(),
        state: SendState::Waiting,
        attempts: 0,
        status: None,
        error: None,
        excerpt: None,
        created_at: core.now(),
        last_at: None,
        version: 1,
    };
    if !store::insert_send(tx, &row).await? {
        return Ok(false);
    }
    let job = NewJob::new(WEBHOOK_JOB, json!({"send": row.id}), core.now())
        .key(row.id.to_string())
        .attempts(crate::delivery::ATTEMPTS);
    jobs::enqueue(tx, core, job).await
}

/// Orders all events of a day (UTC, `2026-11-19`) again. The same events have the same ids.
pub async fn replay_day(tx: &mut Tx, core: &Core, caller: &Caller, id: WebhookId, day: &str) -> Result<()> {
    let e = reached(tx, caller, Right::ConnectionsManage, id).await?;
    let from = day_of(day).ok_or_else(|| Problem::invalid("day", "day_malformed", "expected a day like 2026-11-19"))?;
    if from > core.now() {
        return Err(Problem::invalid("day", "day_ahead", "expected a day that has begun"));
    }
    if !e.active {
        return Err(Problem::conflict("webhook_off", "switch the endpoint on first"));
    }
    let run = core.env.entropy.code(8);
    let body = json!({"endpoint": id, "from_us": from.micros(), "to_us": from.plus_days(1).micros(), "run": run});
    jobs::enqueue(tx, core, NewJob::new(REPLAY_JOB, body, core.now()).key(format!("{id}:{run}"))).await?;
    let entry = Entry::new(caller, "webhook.replay", format!("webhook:{id}")).entity(e.entity);
    audit::record(tx, core, entry.after(json!({"day": day}))).await?;
    Ok(())
}

fn day_of(text: &str) -> Option<Ts> {
    let mut it = text.splitn(3, '-');
    let y: i64 = it.next()?.parse().ok()?;
    let m: u32 = it.next()?.parse().ok()?;
    let d: u32 = it.next()?.parse().ok()?;
    if !(1970..=9999).contains(&y) || !(1..=12).contains(&m) || !(1..=31).contains(&d) {
        return None;
    }
    let t = Ts::from_ymd(y, m, d);
    (t.ymd() == (y, m, d)).then_some(t)
}

//! Server-to-server postbacks: a partner's own tracker is told what became of its clicks. A partner
//! sees no more of a client than a pseudonym, a country and amounts as far as the contract goes.

mod daily;
mod door;
mod plan;
mod send;
pub(crate) mod sign;
pub mod template;

pub use daily::DailyLots;
pub use door::{Door, Reported, Token, my_door, open_door, read_token, report_click};
pub use plan::{Happening, clicked, of_client, of_partner};
pub use send::{POSTBACK_JOB, Sender};
pub use template::MACROS;

use crate::clicks::LinkKey;
use crate::delivery::Outward;
use crate::ids::{PartnerId, PostbackId, SendId};
use crate::partner::{PartnerState, allowed};
use crate::store::{partners, postbacks as store};
use qd_db::Tx;
use qd_kernel::{Page, PageRequest, Problem, Result, Secret, Ts, page::join_key, text_enum};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right};
use qd_runtime::audit::{self, Entry};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub use crate::store::postbacks::SendFilter;

text_enum!(
    /// What a partner can be told of.
    PostbackEvent {
        Click = "click",
        Registration = "registration",
        KycApproved = "kyc_approved",
        Ftd = "ftd",
        Deposit = "deposit",
        Qualified = "qualified",
        LotsDaily = "lots_daily",
        Commission = "commission",
        Chargeback = "chargeback",
        Rejected = "rejected",
    }
);

text_enum!(
    /// How a report travels: all in the address, or as JSON with a signature as well.
    Method as PostbackMethod { Get = "get", Post = "post" }
);

text_enum!(
    /// How much a report says of amounts: to the cent, in whole units, or nothing.
    Amounts as PostbackAmounts { Exact = "exact", Whole = "whole", None = "none" }
);

text_enum!(
    /// Where a report is. Failed: refused for good, or tried as often as we try. Dropped: the
    /// postback was switched off before.
    SendState as PostbackSendState { Waiting = "waiting", Done = "done", Failed = "failed", Dropped = "dropped" }
);

/// Postbacks one partner may have.
pub const MAX_POSTBACKS: usize = 10;
/// Volume is never reported more often than this: a partner is not to see a client's orders as they
/// are made.
pub const MIN_LOT_INTERVAL_S: i64 = 900;
pub const LOT_INTERVAL_S: i64 = 3_600;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Postback {
    pub id: PostbackId,
    pub partner_id: PartnerId,
    pub name: String,
    pub events: Vec<PostbackEvent>,
    /// With `{macros}`; see the list of them.
    pub url: String,
    pub method: Method,
    /// Statuses that mean taken; empty: any 2xx.
    pub success: Vec<i64>,
    /// Set by staff, by contract.
    pub amounts: Amounts,
    /// Seconds between two reports of commission.
    pub lot_interval_s: i64,
    pub active: bool,
    #[serde(rename = "created_at_us")]
    pub created_at: Ts,
    #[serde(rename = "changed_at_us")]
    pub changed_at: Ts,
    pub version: i64,
}

impl Postback {
    fn of(r: store::PostbackRow) -> Result<Postback> {
        Ok(Postback {
            id: r.id,
            partner_id: r.partner_id,
            name: r.name,
            events: serde_json::from_value(r.events)?,
            url: r.url,
            method: r.method,
            success: serde_json::from_value(r.success)?,
            amounts: r.amounts,
            lot_interval_s: r.lot_interval_s,
            active: r.active,
            created_at: r.created_at,
            changed_at: r.changed_at,
            version: r.version,
        })
    }
}

/// What a partner or the staff may say of a postback.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PostbackDraft, example = json!({"name": "Tracker", "events": ["registration", "ftd"], "url": "https://tracker.example/pb?cid={click_id}&e={event}&s={amount}", "method": "get"}))]
pub struct Draft {
    /// 1 to 100 characters.
    pub name: String,
    pub events: Vec<PostbackEvent>,
    pub url: String,
    pub method: Method,
    /// Statuses that mean taken; without any, every 2xx.
    #[serde(default)]
    pub success: Vec<i64>,
    /// Staff only; in whole units without a word.
    #[serde(default)]
    pub amounts: Option<Amounts>,
    /// Seconds between two reports of commission: at least 900, 3600 without a word.
    #[serde(default)]
    pub lot_interval_s: Option<i64>,
    #[serde(default)]
    pub active: Option<bool>,
}

/// The partner whose postbacks the caller is after: their own, or with the right anybody's of their
/// entities.
pub(crate) async fn whose(tx: &mut Tx, caller: &Caller, right: Right, partner: Option<PartnerId>) -> Result<partners::PartnerRow> {
    match partner {
        Some(p) if caller.client_id().is_err() => allowed(tx, caller, right, p).await,
        given => {
            caller.require(Right::MePartner)?;
            let me = partners::of_client(tx, &caller.client_id()?).await?;
            me.filter(|m| given.is_none_or(|g| g == m.id))
                .ok_or_else(|| Problem::missing("partner"))
        }
    }
}

async fn reached(tx: &mut Tx, caller: &Caller, right: Right, id: PostbackId) -> Result<(store::PostbackRow, partners::PartnerRow)> {
    let missing = || Problem::missing("postback");
    let row = store::get(tx, id).await?.ok_or_else(missing)?;
    let p = whose(tx, caller, right, Some(row.partner_id))
        .await
        .map_err(|e| if e.code == "not_found" { missing() } else { e })?;
    Ok((row, p))
}

fn checked(caller: &Caller, d: &Draft, before: Option<&store::PostbackRow>, out: &Outward) -> Result<store::PostbackRow> {
    let name = d.name.trim();
    if name.is_empty() || name.chars().count() > 100 {
        return Err(Problem::invalid("name", "text_malformed", "expected 1 to 100 characters"));
    }
    if d.events.is_empty() {
        return Err(Problem::invalid("events", "events_missing", "expected at least one event"));
    }
    let mut events = d.events.clone();
    events.sort_unstable();
    events.dedup();
    template::check(&d.url, out.as_ref())?;
    if d.success.len() > 10 || d.success.iter().any(|s| !(200..=299).contains(s) && !(400..=499).contains(s)) {
        return Err(Problem::invalid(
            "success",
            "status_malformed",
            "expected up to 10 statuses from 200 to 299 or 400 to 499",
        ));
    }
    let staff = caller.client_id().is_err();
    let amounts = match (d.amounts, before) {
        (Some(a), b) if staff || b.map_or(a == Amounts::Whole, |b| b.amounts == a) => a,
        (Some(_), _) => {
            return Err(Problem::forbidden(
                "amounts_by_contract",
                "how amounts are told is in the contract: ask your manager",
            ));
        }
        (None, Some(b)) => b.amounts,
        (None, None) => Amounts::Whole,
    };
    let lot_interval_s = d
        .lot_interval_s
        .unwrap_or_else(|| before.map_or(LOT_INTERVAL_S, |b| b.lot_interval_s));
    if !(MIN_LOT_INTERVAL_S..=86_400).contains(&lot_interval_s) {
        return Err(Problem::invalid(
            "lot_interval_s",
            "interval_refused",
            "expected 900 to 86400 seconds",
        ));
    }
    let mut row = match before {
        Some(b) => b.clone(),
        None => store::PostbackRow {
            id: PostbackId::from_body(0),
            partner_id: PartnerId::from_body(0),
            entity: String::new(),
            name: String::new(),
            events: Value::Null,
            url: String::new(),
            method: d.method,
            success: Value::Null,
            amounts,
            lot_interval_s,
            secret_no: 1,
            active: true,
            made_by: caller.id(),
            created_at: Ts(0),
            changed_at: Ts(0),
            version: 1,
        },
    };
    row.name = name.to_string();
    row.events = json!(events);
    row.url = d.url.clone();
    row.method = d.method;
    row.success = json!(d.success);
    row.amounts = amounts;
    row.lot_interval_s = lot_interval_s;
    row.active = d.active.unwrap_or(row.active);
    Ok(row)
}

/// By the partner (`partner` None), or by staff with `partners.manage`. At most 10.
pub async fn create(tx: &mut Tx, core: &Core, caller: &Caller, partner: Option<PartnerId>, d: &Draft, out: &Outward) -> Result<Postback> {
    let p = whose(tx, caller, Right::PartnersManage, partner).await?;
    if p.state != PartnerState::Active {
        return Err(Problem::conflict("partner_state", "only an active partner has postbacks"));
    }
    if store::of_partner(tx, p.id).await?.len() >= MAX_POSTBACKS {
        return Err(Problem::conflict(
            "postbacks_full",
            "a partner has at most 10 postbacks: remove one first",
        ));
    }
    let mut row = checked(caller, d, None, out)?;
    let now = core.now();
    row.id = PostbackId::new(&core.env);
    row.partner_id = p.id;
    row.entity = p.entity;
    (row.created_at, row.changed_at) = (now, now);
    store::insert(tx, &row).await?;
    note(tx, core, caller, "postback.create", None, &row).await?;
    Postback::of(row)
}

pub async fn edit(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    id: PostbackId,
    base_version: i64,
    d: &Draft,
    out: &Outward,
) -> Result<Postback> {
    let (before, _) = reached(tx, caller, Right::PartnersManage, id).await?;
    let mut row = checked(caller, d, Some(&before), out)?;
    row.version = base_version;
    row.changed_at = core.now();
    store::update(tx, &row, None).await?;
    row.version += 1;
    note(tx, core, caller, "postback.edit", Some(&before), &row).await?;
    Postback::of(row)
}

/// Takes it away. What it sent stays in the log of the house.
pub async fn remove(tx: &mut Tx, core: &Core, caller: &Caller, id: PostbackId) -> Result<()> {
    let (mut row, _) = reached(tx, caller, Right::PartnersManage, id).await?;
    let before = row.clone();
    row.active = false;
    row.changed_at = core.now();
    store::update(tx, &row, Some(row.changed_at)).await?;
    note(tx, core, caller, "postback.remove", Some(&before), &row).await
}

/// A new signing secret; the old one is worthless at once.
pub async fn new_secret(tx: &mut Tx, core: &Core, caller: &Caller, id: PostbackId) -> Result<Postback> {
    let (mut row, _) = reached(tx, caller, Right::PartnersManage, id).await?;
    let before = row.clone();
    row.secret_no += 1;
    row.changed_at = core.now();
    store::update(tx, &row, None).await?;
    row.version += 1;
    note(tx, core, caller, "postback.secret", Some(&before), &row).await?;
    Postback::of(row)
}

/// The secret that signs what is posted: for the partner, and for staff with `partners.manage`.
pub async fn secret(tx: &mut Tx, key: &LinkKey, caller: &Caller, id: PostbackId) -> Result<Secret> {
    let (row, _) = reached(tx, caller, Right::PartnersManage, id).await?;
    sign::secret(key, &row.id.to_string(), row.secret_no)
}

async fn note(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    action: &'static str,
    before: Option<&store::PostbackRow>,
    after: &store::PostbackRow,
) -> Result<()> {
    // The path may hold the partner's own key to their tracker.
    let shown = |r: &store::PostbackRow| {
        let host = r.url.split('/').nth(2).unwrap_or_default();
        json!({"name": r.name, "host": host, "events": r.events, "method": r.method, "amounts": r.amounts, "active": r.active, "secret_no": r.secret_no})
    };
    let mut e = Entry::new(caller, action, format!("partner:{}", after.partner_id)).entity(Some(after.entity.clone()));
    if let Some(b) = before {
        e = e.before(shown(b));
    }
    audit::record(tx, core, e.after(shown(after))).await?;
    Ok(())
}

pub async fn list(tx: &mut Tx, caller: &Caller, partner: Option<PartnerId>) -> Result<Vec<Postback>> {
    let p = whose(tx, caller, Right::PartnersView, partner).await?;
    store::of_partner(tx, p.id).await?.into_iter().map(Postback::of).collect()
}

/// One report.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostbackSend)]
pub struct SendView {
    /// Told to the receiver as `postback_id`.
    pub id: SendId,
    pub postback_id: PostbackId,
    pub event: PostbackEvent,
    /// The same in a replay: for the receiver to know it again.
    pub event_id: String,
    pub client_id: Option<String>,
    pub test: bool,
    pub replay_of: Option<SendId>,
    pub state: SendState,
    pub attempts: i64,
    /// The address as it was called last.
    pub url: Option<String>,
    pub status: Option<i64>,
    pub error: Option<String>,
    /// The start of the last answer.
    pub excerpt: Option<String>,
    #[serde(rename = "due_at_us")]
    pub due_at: Ts,
    #[serde(rename = "created_at_us")]
    pub created_at: Ts,
    #[serde(rename = "last_at_us")]
    pub last_at: Option<Ts>,
}

impl From<store::SendRow> for SendView {
    fn from(s: store::SendRow) -> Self {
        SendView {
            id: s.id,
            postback_id: s.postback_id,
            event: s.event,
            event_id: s.event_id,
            client_id: s.client_id,
            test: s.test,
            replay_of: s.replay_of,
            state: s.state,
            attempts: s.attempts,
            url: s.url,
            status: s.status,
            error: s.error,
            excerpt: s.excerpt,
            due_at: s.due_at,
            created_at: s.created_at,
            last_at: s.last_at,
        }
    }
}

/// One attempt.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct PostbackTry {
    pub n: i64,
    #[serde(rename = "at_us")]
    pub at: Ts,
    /// Milliseconds until the answer was there.
    pub ms: i64,
    pub status: Option<i64>,
    pub error: Option<String>,
    pub excerpt: Option<String>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct PostbackSendDetail {
    pub send: SendView,
    /// What the macros stood for.
    pub values: BTreeMap<String, String>,
    pub tries: Vec<PostbackTry>,
}

/// The newest first.
pub async fn log(tx: &mut Tx, caller: &Caller, id: PostbackId, filter: &SendFilter, page: &PageRequest) -> Result<Page<SendView>> {
    let (row, _) = reached(tx, caller, Right::PartnersView, id).await?;
    let rows = store::sends(tx, row.id, filter, page).await?;
    Ok(page.finish(rows.into_iter().map(SendView::from).collect(), |s: &SendView| {
        join_key(&[&s.created_at.micros().to_string(), &s.id.to_string()])
    }))
}

async fn reached_send(tx: &mut Tx, caller: &Caller, right: Right, id: SendId) -> Result<(store::SendRow, store::PostbackRow)> {
    let s = store::send(tx, id).await?.ok_or_else(|| Problem::missing("postback report"))?;
    let (row, _) = reached(tx, caller, right, s.postback_id).await?;
    Ok((s, row))
}

pub async fn report(tx: &mut Tx, caller: &Caller, id: SendId) -> Result<PostbackSendDetail> {
    let (s, _) = reached_send(tx, caller, Right::PartnersView, id).await?;
    let tries = store::tries(tx, id).await?;
    Ok(PostbackSendDetail {
        values: plan::shown(&s)?,
        send: s.into(),
        tries: tries
            .into_iter()
            .map(|t| PostbackTry {
                n: t.n,
                at: t.at,
                ms: t.ms,
                status: t.status,
                error: t.error,
                excerpt: t.excerpt,
            })
            .collect(),
    })
}

/// Sends a report once more, whatever became of it: same event, same values, a new postback id.
pub async fn replay(tx: &mut Tx, core: &Core, caller: &Caller, id: SendId) -> Result<SendView> {
    let (s, row) = reached_send(tx, caller, Right::PartnersManage, id).await?;
    if s.state == SendState::Waiting {
        return Err(Problem::conflict("report_waiting", "this report is on its way still"));
    }
    if !row.active {
        return Err(Problem::conflict("postback_off", "switch the postback on first"));
    }
    let again = plan::again(tx, core, &s).await?;
    let e = Entry::new(caller, "postback.replay", format!("partner:{}", row.partner_id)).entity(Some(row.entity));
    audit::record(tx, core, e.after(json!({"of": id, "report": again.id, "event": s.event}))).await?;
    Ok(again.into())
}

/// Sends one made-up report of an event, marked `test=1`.
pub async fn test(tx: &mut Tx, core: &Core, caller: &Caller, id: PostbackId, event: PostbackEvent) -> Result<SendView> {
    let (row, _) = reached(tx, caller, Right::PartnersManage, id).await?;
    Ok(plan::sample(tx, core, &row, event).await?.into())
}

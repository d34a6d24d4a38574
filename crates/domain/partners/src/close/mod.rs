//! Month close: all partners of an entity, checked, closed in chunks, added up, signed.
//!
//! checked -> running -> done -> signed_off; running -> stuck (a partner could not be closed) ->
//! running.
//!
//! A chunk is one transaction that closes some partners and moves the cursor; whoever is killed in
//! between has lost at most a chunk, and whoever goes on begins after the last one. A partner whose
//! period is closed already is passed over, so that closing twice closes once.

mod checklist;
mod item;
pub mod job;

pub use item::Item;

use crate::booking::SETTINGS;
use crate::engine::Settings;
use crate::ids::{CloseId, PartnerId};
use crate::payouts::batch::{self, Payees, Total};
use crate::payouts::terms::{Terms, TermsCache};
use crate::programmes;
use crate::statements::{self, Calendar, calendar};
use crate::store::{closes as store, partners, statements as statement_store};
use async_trait::async_trait;
use qd_db::Tx;
use qd_kernel::{Class, Currency, Page, PageRequest, Problem, Result, Ts, page::join_key, text_enum};
use qd_runtime::access::{Caller, Right};
use qd_runtime::audit::{self, Entry};
use qd_runtime::events::{self, NewEvent};
use qd_runtime::jobs::{self, NewJob};
use qd_runtime::{Core, settings};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

text_enum!(
    CloseState as CommissionCloseState {
        /// The checklist was made; nothing is closed yet.
        Checked = "checked",
        Running = "running",
        /// Came to the end with partners that could not be closed.
        Stuck = "stuck",
        Done = "done",
        SignedOff = "signed_off",
    }
);

/// Pairs of partner and currency in one transaction.
pub const CHUNK: i64 = 100;
/// A zone's midnight is at most so far from UTC's.
const ZONES_US: i64 = 15 * 3_600_000_000;

/// A trade of a live account, as the trading side knows it.
#[derive(Clone, Debug)]
pub struct Trade {
    pub server: String,
    pub ticket: String,
    /// The newest.
    pub revision: i64,
    pub at: Ts,
}

/// Knows which trades there were. The app hands it in.
#[async_trait(?Send)]
pub trait Trades: Send + Sync {
    /// Of the entity's live accounts, from (included) to, by (time, server, ticket) after `after`.
    async fn between(&self, tx: &mut Tx, entity: &str, span: (Ts, Ts), after: &(Ts, String, String), limit: i64) -> Result<Vec<Trade>>;
}

/// What a finished run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = CommissionCloseResult)]
pub struct Outcome {
    /// By currency: what is owed, and what makes it up.
    pub sums: Vec<Sum>,
    /// Payouts that could be prepared now: currency, then method.
    pub proposed: BTreeMap<String, BTreeMap<String, Total>>,
    /// Partners who are owed something and not paid: currency, then reason.
    pub not_payable: BTreeMap<String, BTreeMap<String, i64>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = CommissionCloseSum)]
pub struct Sum {
    pub currency: Currency,
    /// The ledger's, when the run ended.
    pub balance_minor: i64,
    /// Of the last statements.
    pub closing_minor: i64,
    /// Lines on no statement yet.
    pub open_minor: i64,
    /// Payouts on no statement yet, below zero.
    pub payouts_minor: i64,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = CommissionClose)]
pub struct Close {
    pub id: CloseId,
    pub entity: String,
    /// `2026-03`.
    pub month: String,
    pub state: CloseState,
    pub checklist: Vec<Item>,
    pub result: Option<Outcome>,
    /// Pairs of partner and currency dealt with, of so many.
    pub done: i64,
    pub total: i64,
    /// Closed by this run.
    pub statements: i64,
    pub runs: i64,
    pub made_by: String,
    #[serde(rename = "made_at_us")]
    pub made_at: Ts,
    pub run_by: Option<String>,
    #[serde(rename = "run_at_us")]
    pub run_at: Option<Ts>,
    #[serde(rename = "finished_at_us")]
    pub finished_at: Option<Ts>,
    pub signed_by: Option<String>,
    #[serde(rename = "signed_at_us")]
    pub signed_at: Option<Ts>,
    pub version: i64,
}

impl TryFrom<store::CloseRow> for Close {
    type Error = Problem;
    fn try_from(c: store::CloseRow) -> Result<Close> {
        Ok(Close {
            id: c.id,
            entity: c.entity,
            month: c.month,
            state: c.state,
            checklist: serde_json::from_value(c.checklist)?,
            result: c.result.map(serde_json::from_value).transpose()?,
            done: c.done,
            total: c.total,
            statements: c.statements,
            runs: c.runs,
            made_by: c.made_by,
            made_at: c.made_at,
            run_by: c.run_by,
            run_at: c.run_at,
            finished_at: c.finished_at,
            signed_by: c.signed_by,
            signed_at: c.signed_at,
            version: c.version,
        })
    }
}

/// A partner that could not be closed.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = CommissionCloseFault)]
pub struct Fault {
    pub partner_id: PartnerId,
    pub currency: Currency,
    pub code: String,
    pub cause: String,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = CommissionCloseView)]
pub struct View {
    pub close: Close,
    pub faults: Vec<Fault>,
}

fn enter(caller: &Caller, entity: &str) -> Result<()> {
    caller.require(Right::StatementsClose)?;
    if caller.enters(Some(entity)) {
        Ok(())
    } else {
        Err(Problem::forbidden("entity_not_allowed", "this is outside your entities"))
    }
}

async fn load(tx: &mut Tx, caller: &Caller, right: Right, id: CloseId) -> Result<store::CloseRow> {
    caller.require(right)?;
    store::get(tx, id)
        .await?
        .filter(|c| caller.enters(Some(&c.entity)))
        .ok_or_else(|| Problem::missing("month close"))
}

/// The month in the entity's zone.
async fn span(tx: &mut Tx, entity: &str, month: &str) -> Result<(Ts, Ts)> {
    let terms = TermsCache::default().of_entity(tx, entity).await?;
    calendar::month_span(month, &terms.zone()?)
}

/// A month's checklist as it was a moment ago, for [`create`] and [`run`].
#[derive(Clone, Debug)]
pub struct Checklist {
    entity: String,
    month: String,
    items: Vec<Item>,
}

/// Makes the checklist, on a snapshot and outside any transaction that writes: it looks at each trade
/// of the month. What comes after it lands on the next statement, as whatever comes late. Needs
/// `statements.close`. Errors: `month_malformed`, `month_not_over`, `missing`.
pub async fn look(core: &Core, caller: &Caller, entity: &str, month: &str, trades: Arc<dyn Trades>) -> Result<Checklist> {
    enter(caller, entity)?;
    if entity.is_empty() {
        return Err(Problem::invalid("entity", "missing", "expected the code of an entity"));
    }
    let (now, e, m) = (core.now(), entity.to_string(), month.to_string());
    let items = core
        .db
        .read_long(async move |tx| {
            let (from, to) = span(tx, &e, &m).await?;
            if to > now {
                return Err(Problem::invalid("month", "month_not_over", "expected a month that is over"));
            }
            checklist::make(tx, &e, from, to, trades.as_ref()).await
        })
        .await?;
    Ok(Checklist {
        entity: entity.to_string(),
        month: month.to_string(),
        items,
    })
}

/// [`look`] for a close that was begun.
pub async fn look_again(core: &Core, caller: &Caller, id: CloseId, trades: Arc<dyn Trades>) -> Result<Checklist> {
    let who = caller.clone();
    let row = core
        .db
        .read(async move |tx| load(tx, &who, Right::StatementsClose, id).await)
        .await?;
    look(core, caller, &row.entity, &row.month, trades).await
}

/// Begins to close a month with its checklist. Again, as long as nothing runs, it is made anew. Needs
/// `statements.close`. Errors: `close_state`.
pub async fn create(tx: &mut Tx, core: &Core, caller: &Caller, list: &Checklist) -> Result<Close> {
    let (entity, month) = (list.entity.as_str(), list.month.as_str());
    enter(caller, entity)?;
    let (_, to) = span(tx, entity, month).await?;
    let list = &list.items;
    let total = store::count_pairs(tx, entity, to).await?;
    let mut row = match store::of_month(tx, entity, month).await? {
        Some(mut row) => {
            if !matches!(row.state, CloseState::Checked | CloseState::Stuck) {
                return Err(Problem::conflict("close_state", format!("this month's close is {}", row.state)));
            }
            row.checklist = serde_json::to_value(list)?;
            row.total = total;
            store::update(tx, &row).await?;
            row.version += 1;
            row
        }
        None => {
            let row = store::CloseRow {
                id: CloseId::new(&core.env),
                entity: entity.to_string(),
                month: month.to_string(),
                state: CloseState::Checked,
                checklist: serde_json::to_value(list)?,
                result: None,
                after_partner: String::new(),
                after_currency: String::new(),
                done: 0,
                total,
                statements: 0,
                runs: 0,
                made_by: caller.id(),
                made_at: core.now(),
                run_by: None,
                run_at: None,
                finished_at: None,
                signed_by: None,
                signed_at: None,
                version: 1,
            };
            store::insert(tx, &row).await?;
            row
        }
    };
    row.result = None;
    note(tx, core, caller, "commission_close.check", &row, None).await?;
    row.try_into()
}

async fn note(tx: &mut Tx, core: &Core, caller: &Caller, action: &'static str, c: &store::CloseRow, reason: Option<&str>) -> Result<()> {
    let after = json!({"month": c.month, "state": c.state, "done": c.done, "total": c.total, "statements": c.statements, "runs": c.runs});
    let mut e = Entry::new(caller, action, format!("commission_close:{}", c.id))
        .entity(Some(c.entity.clone()))
        .after(after);
    if let Some(r) = reason {
        e = e.reason(r);
    }
    audit::record(tx, core, e).await?;
    Ok(())
}

/// If nothing on the list stands against it, starts (or takes up again) the run as a job.
/// `accept` names the items that do not block and are not in order, with `reason` why they are left.
/// Needs `statements.close`. Errors: `close_blocked` naming the first thing, `close_not_accepted`,
/// `close_state`.
pub async fn run(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    id: CloseId,
    accept: &[String],
    reason: &str,
    list: &Checklist,
) -> Result<Close> {
    let row = start(tx, core, caller, id, accept, reason, list).await?;
    let job = NewJob::new(job::CLOSE_JOB, json!({"close": id}), core.now()).key(format!("{id}:{}", row.runs));
    jobs::enqueue(tx, core, job).await?;
    row.try_into()
}

/// [`run`] for a caller that does the steps itself.
pub(crate) async fn start(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    id: CloseId,
    accept: &[String],
    reason: &str,
    list: &Checklist,
) -> Result<store::CloseRow> {
    let mut row = load(tx, caller, Right::StatementsClose, id).await?;
    if matches!(row.state, CloseState::Done | CloseState::SignedOff) {
        return Err(Problem::conflict(
            "close_state",
            format!("this month's close is {} already", row.state),
        ));
    }
    if (&row.entity, &row.month) != (&list.entity, &list.month) {
        return Err(Problem::bug("checklist_differs", "a checklist of another month"));
    }
    let list = &list.items;
    let (_, to) = span(tx, &row.entity, &row.month).await?;
    if let Some(i) = list.iter().find(|i| i.blocks && !i.ok) {
        return Err(Problem::conflict(
            "close_blocked",
            format!(
                "{} {}, such as {}",
                i.count,
                i.detail,
                i.examples.first().map_or("", String::as_str)
            ),
        ));
    }
    for i in list.iter().filter(|i| !i.ok && !i.blocks) {
        if !accept.contains(&i.code) {
            return Err(Problem::conflict(
                "close_not_accepted",
                format!("{} {}: settle them, or accept {} with a reason", i.count, i.detail, i.code),
            ));
        }
        if reason.trim().is_empty() {
            return Err(Problem::invalid("reason", "reason_missing", "expected why this is left as it is"));
        }
    }
    // A run that was interrupted goes on after its last chunk; one that got stuck looks at all again.
    if row.state != CloseState::Running {
        store::clear_faults(tx, id).await?;
        row.after_partner.clear();
        row.after_currency.clear();
        row.done = 0;
        row.total = store::count_pairs(tx, &row.entity, to).await?;
    }
    row.checklist = serde_json::to_value(list)?;
    row.state = CloseState::Running;
    row.runs += 1;
    row.run_by = Some(caller.id());
    row.run_at = Some(core.now());
    store::update(tx, &row).await?;
    row.version += 1;
    note(
        tx,
        core,
        caller,
        "commission_close.run",
        &row,
        Some(reason).filter(|r| !r.is_empty()),
    )
    .await?;
    Ok(row)
}

/// One chunk, in this transaction. False when there is nothing left to do: then comes [`finish`].
pub async fn step(tx: &mut Tx, core: &Core, caller: &Caller, id: CloseId, limit: i64) -> Result<bool> {
    let Some(mut row) = store::get(tx, id).await?.filter(|c| c.state == CloseState::Running) else {
        return Ok(false);
    };
    let (_, to) = span(tx, &row.entity, &row.month).await?;
    // Partners with zones of their own may end a little later.
    let latest = Ts(to.micros() + ZONES_US).min(core.now());
    let pairs = store::pairs(tx, &row.entity, latest, (&row.after_partner, &row.after_currency), limit).await?;
    let Some(last) = pairs.last() else { return Ok(false) };
    (row.after_partner, row.after_currency) = (last.0.to_string(), last.1.to_string());
    let mut cache = TermsCache::default();
    let settings = settings::for_entity::<Settings>(tx, &row.entity, SETTINGS)
        .await?
        .unwrap_or_default();
    for (partner, currency) in pairs {
        row.done += 1;
        match partner_month(tx, core, caller, &mut cache, &settings, partner, currency, &row.month).await {
            Ok(n) => row.statements += n,
            Err(p) if matches!(p.class, Class::Conflict | Class::Invalid) => {
                let fault = store::FaultRow {
                    partner_id: partner,
                    currency,
                    code: p.code.to_string(),
                    cause: p.detail,
                };
                store::put_fault(tx, id, &fault).await?;
            }
            Err(p) => return Err(p),
        }
    }
    row.total = row.total.max(row.done);
    store::update(tx, &row).await?;
    Ok(true)
}

/// Closes each period of the partner that ended with the month or before; answers how many.
#[allow(clippy::too_many_arguments, reason = "what is read once for many partners")]
async fn partner_month(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    cache: &mut TermsCache,
    settings: &Settings,
    partner: PartnerId,
    currency: Currency,
    month: &str,
) -> Result<i64> {
    let p = partners::get(tx, partner).await?.ok_or_else(|| Problem::missing("partner"))?;
    let (terms, _) = cache.of(tx, partner, &p.entity).await?;
    let zone = terms.zone()?;
    let (_, end) = calendar::month_span(month, &zone)?;
    if end > core.now() {
        return Err(Problem::conflict(
            "period_not_over",
            format!("the month is not over in {}", terms.time_zone),
        ));
    }
    // The month's share of revenue comes before what closes over it.
    if currency == p.currency
        && let Some(number) = programmes::month_number(month)
    {
        programmes::close_month(tx, core, partner, number).await?;
    }
    periods(tx, core, caller, &p, &terms, settings, currency, end).await
}

/// Closes each period of the partner's calendar that ended by `end`; answers how many.
#[allow(clippy::too_many_arguments, reason = "what is read once for many partners")]
async fn periods(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    p: &partners::PartnerRow,
    terms: &Terms,
    settings: &Settings,
    currency: Currency,
    end: Ts,
) -> Result<i64> {
    let zone = terms.zone()?;
    let mut closed = 0;
    let mut reached = statement_store::last(tx, p.id, currency).await?.map(|s| s.period_to);
    while reached.is_none_or(|r| r < end) {
        let Some(first) = store::first_open(tx, p.id, currency, end).await? else {
            break;
        };
        // What comes late belongs to the first period that is still open.
        let after = reached.map_or(first, |r| first.max(r));
        let Some(to) = terms.calendar.ends(&zone, after, end).first().copied() else {
            break;
        };
        statements::close_one(tx, core, caller, p, terms, settings, currency, to).await?;
        closed += 1;
        reached = Some(to);
    }
    Ok(closed)
}

/// Pairs of partner and currency whose calendar is shorter than a month and that have a period which is
/// over, after this pair; and the last pair looked at (None: that was all).
async fn due(tx: &mut Tx, now: Ts, after: (&str, &str)) -> Result<(Vec<(PartnerId, Currency, Ts)>, Option<(PartnerId, Currency)>)> {
    let pairs = store::pairs_of_all(tx, now, after, CHUNK).await?;
    let mut cache = TermsCache::default();
    let mut out = Vec::new();
    // The earliest deal of each entity that waits for something: nothing is closed over it.
    let mut waiting: BTreeMap<String, Ts> = BTreeMap::new();
    for s in store::stopped(tx, now, 2_000).await? {
        let of_deal = s.facts.get("entity").and_then(serde_json::Value::as_str).map(str::to_string);
        for entity in of_deal.into_iter().chain(s.partner_entity) {
            let first = waiting.entry(entity).or_insert(s.value_at);
            *first = s.value_at.min(*first);
        }
    }
    for (partner, currency, entity) in &pairs {
        let (terms, _) = cache.of(tx, *partner, entity).await?;
        if terms.calendar == Calendar::Monthly {
            continue;
        }
        let Some(first) = store::first_open(tx, *partner, *currency, now).await? else {
            continue;
        };
        let reached = statement_store::last(tx, *partner, *currency)
            .await?
            .map_or(first, |s| first.max(s.period_to));
        let until = waiting.get(entity).map_or(now, |w| now.min(*w));
        if !terms.calendar.ends(&terms.zone()?, reached, until).is_empty() {
            out.push((*partner, *currency, until));
        }
    }
    Ok((out, pairs.last().map(|p| (p.0, p.1))))
}

/// Adds up what was closed, proposes payouts, and ends the run: done, or stuck where a partner could
/// not be closed or the sums differ.
pub async fn finish(tx: &mut Tx, core: &Core, caller: &Caller, id: CloseId, payees: &dyn Payees) -> Result<Close> {
    let mut row = store::get(tx, id).await?.ok_or_else(|| Problem::missing("month close"))?;
    if row.state != CloseState::Running {
        return row.try_into();
    }
    let sums = checklist::sums(tx, &row.entity).await?;
    let fine = sums.ok && store::faults(tx, id, 1).await?.is_empty();
    let mut list: Vec<Item> = serde_json::from_value(row.checklist.clone())?;
    list.retain(|i| i.code != sums.code);
    list.push(sums);
    row.checklist = serde_json::to_value(&list)?;
    let mut out = Outcome::default();
    for s in store::sums(tx, &row.entity).await? {
        let p = batch::propose(tx, core, caller, &row.entity, s.currency, payees).await?;
        out.proposed.insert(s.currency.to_string(), p.totals);
        out.not_payable.insert(s.currency.to_string(), p.not_payable);
        out.sums.push(Sum {
            currency: s.currency,
            balance_minor: s.balance_minor,
            closing_minor: s.closing_minor,
            open_minor: s.open_minor,
            payouts_minor: s.payouts_minor,
        });
    }
    row.result = Some(serde_json::to_value(&out)?);
    row.state = if fine { CloseState::Done } else { CloseState::Stuck };
    row.finished_at = Some(core.now());
    store::update(tx, &row).await?;
    row.version += 1;
    note(tx, core, caller, "commission_close.finish", &row, None).await?;
    events::publish(
        tx,
        core,
        NewEvent {
            kind: "commission.closed",
            aggregate: format!("commission_close:{id}"),
            entity: Some(row.entity.clone()),
            payload: json!({"close_id": id, "month": row.month, "state": row.state, "statements": row.statements}),
        },
    )
    .await?;
    row.try_into()
}

/// Somebody's name under a finished close. Needs `statements.close`; a machine does not sign.
pub async fn sign_off(tx: &mut Tx, core: &Core, caller: &Caller, id: CloseId, remark: &str) -> Result<Close> {
    let mut row = load(tx, caller, Right::StatementsClose, id).await?;
    caller.staff_id()?;
    if row.state != CloseState::Done {
        return Err(Problem::conflict(
            "close_state",
            format!("only a close that is done is signed off; this one is {}", row.state),
        ));
    }
    row.state = CloseState::SignedOff;
    row.signed_by = Some(caller.id());
    row.signed_at = Some(core.now());
    store::update(tx, &row).await?;
    row.version += 1;
    note(
        tx,
        core,
        caller,
        "commission_close.sign_off",
        &row,
        Some(remark).filter(|r| !r.is_empty()),
    )
    .await?;
    row.try_into()
}

/// Needs `commission.view`.
pub async fn get(tx: &mut Tx, caller: &Caller, id: CloseId) -> Result<View> {
    let row = load(tx, caller, Right::CommissionView, id).await?;
    let faults = store::faults(tx, id, 200).await?;
    Ok(View {
        close: row.try_into()?,
        faults: faults
            .into_iter()
            .map(|f| Fault {
                partner_id: f.partner_id,
                currency: f.currency,
                code: f.code,
                cause: f.cause,
            })
            .collect(),
    })
}

/// The newest month first.
pub async fn list(tx: &mut Tx, caller: &Caller, page: &PageRequest) -> Result<Page<Close>> {
    caller.require(Right::CommissionView)?;
    let entities = caller.allowed_entities();
    let rows = store::list(tx, entities.as_deref(), page).await?;
    let items = rows.into_iter().map(Close::try_from).collect::<Result<Vec<_>>>()?;
    Ok(page.finish(items, |c: &Close| join_key(&[&c.month, &c.id.to_string()])))
}

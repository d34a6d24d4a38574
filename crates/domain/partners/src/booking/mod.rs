//! From deals to lines and money, in one transaction per batch.
//!
//! - Idempotent by (server, ticket, revision): a deal that was booked at this revision or a later one
//!   changes nothing.
//! - A later revision takes the standing lines back, with the rate and rounding they were booked
//!   with, and books new ones; both today, both with the deal's value date. Lines on a closed
//!   statement stay there; the correction lands on the open one.
//! - What the engine cannot say (an unmapped symbol, a missing rate) books nothing, is kept as
//!   `stopped` with its cause, raises an exception, and is paid once it can be.
//! - Plans with tiers, caps per client or hedged volume have running values: see [`replay`].
//! - Order of locks: running values, purses by (partner, currency), ledger accounts. The deals' own rows are
//!   written last, on condition that nobody else did: the loser runs again.

pub(crate) mod lookup;
mod paths;
mod replay;
mod work;
mod write;

use crate::engine::round::Purse;
use crate::engine::{Blocked, DealFacts};
use crate::exact::Exact;
use crate::ids::{CorrectionId, PartnerId};
use crate::plan::Corrections;
use crate::programmes;
use crate::store::lines as store;
use lookup::Cache;
pub(crate) use paths::Paths;
use qd_db::Tx;
use qd_kernel::{Currency, Problem, Result, Ts, text_enum};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right};
use qd_runtime::audit::{self, Entry};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use work::prepare;
use write::{Out, announce, finish_deals, write_one, write_true};

text_enum!(
    /// What came of a deal.
    DealOutcome { Paid = "paid", Zero = "zero", Stopped = "stopped" }
);

text_enum!(
    /// What a line is.
    LineKind as CommissionLineKind {
        /// From one deal.
        Accrual = "accrual",
        /// Takes another line back, to the last digit.
        Reversal = "reversal",
        /// What earlier deals of a period differ by, after a tier was reached or lost.
        TrueUp = "true_up",
        /// By hand, decided by a second person.
        Adjustment = "adjustment",
        /// Once per client who qualified.
        Cpa = "cpa",
        RevenueShare = "revenue_share",
        /// The client's part of the partner's gross; goes to the client, not to the partner.
        Rebate = "rebate",
        /// Taken back from the partner for a reason outside the deal: a chargeback, a breach.
        Clawback = "clawback",
    }
);

impl LineKind {
    /// Takes back or puts right what was booked before: an adjustment on a statement, whatever its
    /// value date.
    pub fn corrects(self) -> bool {
        matches!(self, LineKind::Reversal | LineKind::Adjustment | LineKind::Clawback)
    }
}

/// The key of the engine's settings, by entity or global.
pub const SETTINGS: &str = "commission";
/// The kind of exception of a deal that cannot be paid yet; its subject is `deal:server:ticket`.
pub const STOPPED: &str = "commission.stopped";
/// Zero reasons that belong to the client, not to a line.
const NO_PARTNER: &str = "no_partner";

/// What became of one deal of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Booked {
    /// Lines were written; some of them may be zero.
    Paid {
        lines: usize,
    },
    /// Nobody is paid.
    Zero {
        reason: String,
    },
    Stopped {
        code: &'static str,
        cause: String,
    },
    /// Booked before at this revision or a later one.
    Already,
}

/// How a batch is looked at, and whose its lines are.
#[derive(Clone, Copy, Default)]
pub(crate) struct Mode {
    /// Looks at deals again that were booked at this revision.
    pub again: bool,
    /// The correction that lines belong to.
    pub batch: Option<CorrectionId>,
    /// What becomes of the tiers of closed periods; None: what the plan says.
    pub policy: Option<Corrections>,
}

impl Mode {
    fn again() -> Mode {
        Mode {
            again: true,
            ..Mode::default()
        }
    }
}

/// Books a batch; answers in the order of the input.
pub async fn book(tx: &mut Tx, core: &Core, deals: &[DealFacts]) -> Result<Vec<Booked>> {
    run(tx, core, deals, Mode::default()).await
}

/// Books a client's deals anew that paid nothing because the client's share was held. Answers how
/// many; call again while it answers [`HELD_BATCH`].
pub async fn book_held(tx: &mut Tx, core: &Core, client_id: &str) -> Result<usize> {
    let rows = store::deals_for_reason(tx, client_id, Blocked::AttributionHeld.as_str(), HELD_BATCH as i64).await?;
    let deals: Vec<DealFacts> = rows
        .into_iter()
        .map(|r| serde_json::from_value(r.facts))
        .collect::<std::result::Result<_, _>>()?;
    run(tx, core, &deals, Mode::again()).await?;
    Ok(deals.len())
}

pub const HELD_BATCH: usize = 200;

/// After a backdated change (a client or partner moved, a plan version with an earlier date): looks at
/// a client's deals with value dates from `from` up to `to` again. What comes out the same stays; what
/// does not is taken back and booked anew on the open statements, at the original rates. Needs
/// `partners.manage`, and a reason. Answers how many deals changed.
pub async fn rebook(tx: &mut Tx, core: &Core, caller: &Caller, client_id: &str, from: Ts, to: Ts, reason: &str) -> Result<usize> {
    caller.require(Right::PartnersManage)?;
    if reason.trim().is_empty() {
        return Err(Problem::invalid("reason", "reason_missing", "expected why"));
    }
    let mut changed = 0;
    let mut after = (Ts(i64::MIN), String::new(), String::new());
    loop {
        let rows = store::deals_of(tx, client_id, from, to, &after, HELD_BATCH as i64).await?;
        let Some(last) = rows.last() else { break };
        after = (last.value_at, last.server.clone(), last.ticket.clone());
        let deals: Vec<DealFacts> = rows
            .into_iter()
            .map(|r| serde_json::from_value(r.facts))
            .collect::<std::result::Result<_, _>>()?;
        if let Some(d) = deals.iter().find(|d| !caller.enters(Some(&d.entity))) {
            return Err(Problem::forbidden(
                "entity_not_allowed",
                format!("the deal {} is outside your entities", d.deal()),
            ));
        }
        changed += run(tx, core, &deals, Mode::again())
            .await?
            .iter()
            .filter(|b| **b != Booked::Already)
            .count();
    }
    let e = Entry::new(caller, "commission.rebook", format!("client:{client_id}")).client(client_id);
    audit::record(
        tx,
        core,
        e.after(json!({"from_us": from, "to_us": to, "changed": changed})).reason(reason),
    )
    .await?;
    Ok(changed)
}

async fn known_deals(tx: &mut Tx, wanted: &[(usize, &DealFacts)]) -> Result<HashMap<(String, String), store::DealRow>> {
    let mut by_server: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (_, d) in wanted {
        by_server.entry(&d.server).or_default().push(&d.ticket);
    }
    let mut out = HashMap::new();
    for (server, tickets) in by_server {
        for row in store::deals(tx, server, &tickets).await? {
            out.insert((row.server.clone(), row.ticket.clone()), row);
        }
    }
    Ok(out)
}

pub(crate) async fn run(tx: &mut Tx, core: &Core, deals: &[DealFacts], mode: Mode) -> Result<Vec<Booked>> {
    let now = core.now();
    let mut answers: Vec<Booked> = vec![Booked::Already; deals.len()];
    let mut cache = Cache::default();
    let mut works = Vec::new();
    let wanted = last_revisions(deals);
    let mut known = known_deals(tx, &wanted).await?;
    cache.load_shares(tx, &wanted).await?;
    for (at, deal) in wanted {
        let before = known.remove(&(deal.server.clone(), deal.ticket.clone()));
        if let Some(b) = &before
            && !mode.again
            && (b.revision > deal.revision || (b.revision == deal.revision && b.outcome != DealOutcome::Stopped))
        {
            continue;
        }
        let w = prepare(tx, &mut cache, Some(at), Cow::Borrowed(deal), before).await?;
        if mode.again && !w.counts() && w.says_the_same() {
            continue;
        }
        works.push(w);
    }
    let replayed = replay::settle(tx, &mut cache, &mut works, mode).await?;
    works.retain(|w| !(mode.again && w.counts() && w.says_the_same()));
    if works.is_empty() && replayed.trues.is_empty() {
        replayed.write(tx).await?;
        return Ok(answers);
    }

    // Purses, in order.
    let mut keys: BTreeSet<(PartnerId, Currency)> = BTreeSet::new();
    for w in works.iter().filter(|w| !w.kept) {
        keys.extend(w.standing.iter().map(|l| (l.partner_id, l.currency)));
        for l in w.result.as_deref().unwrap_or_default() {
            keys.insert((PartnerId::parse(&l.partner)?, l.currency));
        }
    }
    for t in &replayed.trues {
        keys.insert((PartnerId::parse(&t.true_up.partner)?, t.true_up.currency));
    }
    let mut purses: BTreeMap<(PartnerId, Currency), (store::PurseRow, Purse)> = BTreeMap::new();
    for (partner, currency) in keys {
        let row = store::lock_purse(tx, partner, currency).await?;
        let exact = Exact::parse_fraction(&row.exact).ok_or_else(|| Problem::bug("row_unreadable", "a purse holds no number"))?;
        let purse = Purse {
            exact,
            booked: row.booked_minor,
        };
        purses.insert((partner, currency), (row, purse));
    }

    let mut out = Out::default();
    for w in &mut works {
        write_one(tx, core, w, &mut purses, &mut out, mode, now).await?;
    }
    for t in &replayed.trues {
        write_true(core, t, &mut purses, &mut out, mode, now)?;
    }

    // Money: what is new in one batch; what is taken back has been posted above, entry by entry.
    let posted = qd_ledger::post_many(tx, core, std::mem::take(&mut out.entries)).await?;
    for ((work, lines), p) in out.entry_of.iter().zip(&posted) {
        if let Some(w) = work {
            works[*w].entry = Some(p.entry_id);
        }
        for l in lines {
            out.lines[*l].entry_id = Some(p.entry_id);
        }
    }
    store::insert_lines(tx, &out.lines).await?;
    replayed.write(tx).await?;
    write::pay_rebates(tx, core, &out.lines).await?;
    for ((partner, currency), (mut row, purse)) in purses {
        row.exact = purse.exact.fraction();
        row.booked_minor = purse.booked;
        store::write_purse(tx, partner, currency, &row).await?;
    }
    let days: Vec<_> = out
        .days
        .iter()
        .map(|((p, c, d), (lots, deals, minor))| (*p, *c, *d, *lots, *deals, *minor))
        .collect();
    store::add_days(tx, &days).await?;
    finish_deals(tx, &works, now).await?;
    announce(tx, core, &cache, &works, &out).await?;
    if cache.plans.values().any(|p| programmes::asks_for_deals(p)) {
        for w in &works {
            let run = w.before.as_ref().map_or(0, |b| b.version);
            programmes::after_deal(tx, core, &w.deal, run).await?;
        }
    }
    for w in works {
        let Some(at) = w.at else { continue };
        answers[at] = match w.result {
            Err(s) => Booked::Stopped {
                code: s.code,
                cause: s.cause,
            },
            Ok(lines) if lines.iter().any(|l| l.reason.is_none()) => Booked::Paid { lines: lines.len() },
            Ok(_) => Booked::Zero {
                reason: w.zero.unwrap_or(NO_PARTNER).to_string(),
            },
        };
    }
    Ok(answers)
}

/// The highest revision of each deal, with its place in the input, ordered by deal.
fn last_revisions(deals: &[DealFacts]) -> Vec<(usize, &DealFacts)> {
    let mut last: BTreeMap<(&str, &str), (usize, &DealFacts)> = BTreeMap::new();
    for (i, d) in deals.iter().enumerate() {
        let e = last.entry((&d.server, &d.ticket)).or_insert((i, d));
        if d.revision > e.1.revision {
            *e = (i, d);
        }
    }
    last.into_values().collect()
}

/// Deals that wait for something that was missing, oldest first: load their facts anew and book them.
pub async fn stopped(tx: &mut Tx, limit: i64) -> Result<Vec<(String, String, i64)>> {
    Ok(store::stopped(tx, limit)
        .await?
        .into_iter()
        .map(|d| (d.server, d.ticket, d.revision))
        .collect())
}

/// A deal as it was looked at last.
#[derive(Clone, Debug, serde::Serialize)]
pub struct DealView {
    pub server: String,
    pub ticket: String,
    pub revision: i64,
    pub client_id: String,
    pub outcome: DealOutcome,
    pub reason: Option<String>,
    pub cause: Option<String>,
    pub facts: Value,
    pub value_at: Ts,
    pub booked_at: Ts,
}

pub async fn deal(tx: &mut Tx, server: &str, ticket: &str) -> Result<Option<DealView>> {
    Ok(store::deal(tx, server, ticket).await?.map(|d| DealView {
        server: d.server,
        ticket: d.ticket,
        revision: d.revision,
        client_id: d.client_id,
        outcome: d.outcome,
        reason: d.reason,
        cause: d.cause,
        facts: d.facts,
        value_at: d.value_at,
        booked_at: d.booked_at,
    }))
}

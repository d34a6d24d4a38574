//! From deals to lines and money, in one transaction per batch.
//!
//! - Idempotent by (server, ticket, revision): a deal that was booked at this revision or a later one
//!   changes nothing.
//! - A later revision takes the standing lines back, with the rate and rounding they were booked
//!   with, and books new ones; both today, both with the deal's value date. Lines on a closed
//!   statement stay there; the correction lands on the open one.
//! - What the engine cannot say (an unmapped symbol, a missing rate) books nothing, is kept as
//!   `stopped` with its cause, raises an exception, and is paid once it can be.
//! - Order of locks: purses by (partner, currency), then ledger accounts. The deals' own rows are
//!   written last, on condition that nobody else did: the loser runs again.

use crate::attribution::ShareState;
use crate::engine::explain::{Corrects, Explanation};
use crate::engine::fx::Step;
use crate::engine::round::Purse;
use crate::engine::{self, Blocked, DealFacts, Hop, Line, Quote, Rank, Ranked, Settings, Stop};
use crate::exact::Exact;
use crate::ids::{LineId, PartnerId};
use crate::partner::PartnerState;
use crate::plan::{Plan, PlanRef};
use crate::plans;
use crate::store::{attribution, lines as store, partners, plans as plan_store};
use qd_db::Tx;
use qd_kernel::{Currency, Lots, Problem, Result, Ts, text_enum};
use qd_ledger::{AccountKey, EntryId, Leg, NewEntry, Purpose};
use qd_runtime::access::{Caller, Right};
use qd_runtime::audit::{self, Entry};
use qd_runtime::events::{self, NewEvent};
use qd_runtime::exceptions::{self, NewException};
use qd_runtime::{Core, settings};
use serde_json::{Value, json};
use std::collections::hash_map::Entry as Slot;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

text_enum!(
    /// What came of a deal.
    DealOutcome { Paid = "paid", Zero = "zero", Stopped = "stopped" }
);

text_enum!(LineKind as CommissionLineKind { Accrual = "accrual", Reversal = "reversal" });

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

/// Books a batch; answers in the order of the input.
pub async fn book(tx: &mut Tx, core: &Core, deals: &[DealFacts]) -> Result<Vec<Booked>> {
    run(tx, core, deals, false).await
}

/// Books a client's deals anew that paid nothing because the client's share was held. Answers how
/// many; call again while it answers [`HELD_BATCH`].
pub async fn book_held(tx: &mut Tx, core: &Core, client_id: &str) -> Result<usize> {
    let rows = store::deals_for_reason(tx, client_id, Blocked::AttributionHeld.as_str(), HELD_BATCH as i64).await?;
    let deals: Vec<DealFacts> = rows
        .into_iter()
        .map(|r| serde_json::from_value(r.facts))
        .collect::<std::result::Result<_, _>>()?;
    run(tx, core, &deals, true).await?;
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
        changed += run(tx, core, &deals, true).await?.iter().filter(|b| **b != Booked::Already).count();
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

/// A deal on its way through a batch.
struct Work<'a> {
    /// Its place in the input.
    at: usize,
    deal: &'a DealFacts,
    before: Option<store::DealRow>,
    standing: Vec<store::LineRow>,
    result: std::result::Result<Vec<Line>, Stop>,
    zero: Option<&'static str>,
    settings: Settings,
    entry: Option<EntryId>,
    /// The new revision pays exactly what stands: the lines stay, only the deal's row moves on.
    kept: bool,
}

impl Work<'_> {
    /// Whether the lines that would be written are those that stand, to the last digit.
    fn says_the_same(&self) -> bool {
        let Ok(lines) = &self.result else { return false };
        let Some(before) = &self.before else { return false };
        let paying: Vec<&Line> = lines.iter().filter(|l| l.reason.is_none()).collect();
        if paying.is_empty() && self.standing.is_empty() {
            return before.outcome == DealOutcome::Zero && before.reason.as_deref() == self.zero;
        }
        let d = self.deal;
        before.outcome == DealOutcome::Paid
            && paying.len() == self.standing.len()
            && paying.iter().zip(&self.standing).all(|(l, s)| {
                let rule = l.rule.as_ref().map(|(p, r)| (p.plan.as_str(), p.version, r.as_str()));
                s.partner_id.to_string() == l.partner
                    && s.currency == l.currency
                    && s.level == i64::from(l.level)
                    && s.exact == l.exact.fraction()
                    && s.client_id == d.client
                    && s.symbol == d.symbol
                    && s.value_at == d.at
                    && rule
                        == s.plan_id
                            .as_deref()
                            .zip(s.plan_version)
                            .zip(s.rule_id.as_deref())
                            .map(|((p, v), r)| (p, v, r))
            })
    }
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

async fn run(tx: &mut Tx, core: &Core, deals: &[DealFacts], again: bool) -> Result<Vec<Booked>> {
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
            && !again
            && (b.revision > deal.revision || (b.revision == deal.revision && b.outcome != DealOutcome::Stopped))
        {
            continue;
        }
        let w = prepare(tx, &mut cache, at, deal, before).await?;
        if again && w.says_the_same() {
            continue;
        }
        works.push(w);
    }
    if works.is_empty() {
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
        write_one(tx, core, w, &mut purses, &mut out, now).await?;
    }

    // Money: what is new in one batch; what is taken back has been posted above, entry by entry.
    let posted = qd_ledger::post_many(tx, core, std::mem::take(&mut out.entries)).await?;
    for ((work, lines), p) in out.entry_of.iter().zip(&posted) {
        works[*work].entry = Some(p.entry_id);
        for l in lines {
            out.lines[*l].entry_id = Some(p.entry_id);
        }
    }
    store::insert_lines(tx, &out.lines).await?;
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
    for w in works {
        answers[w.at] = match w.result {
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

async fn prepare<'a>(tx: &mut Tx, cache: &mut Cache, at: usize, deal: &'a DealFacts, before: Option<store::DealRow>) -> Result<Work<'a>> {
    let settings = cache.settings(tx, &deal.entity).await?;
    let standing = match &before {
        Some(_) => store::standing(tx, &deal.server, &deal.ticket).await?,
        None => Vec::new(),
    };
    let path = cache.path(tx, deal).await?;
    let result = if matches!(engine::of_the_deal(deal), Some(("opens_only" | "not_a_trade", _))) {
        // Every position opens once: a zero line for each would bury the ones that answer a question.
        Ok(Vec::new())
    } else if standing.is_empty() {
        engine::lines(deal, &path, &settings)
    } else {
        // The value date's rates as they were used then come first: a correction must not bring a
        // gain or loss on exchange.
        let mut d = deal.clone();
        d.quotes = original_quotes(&standing);
        d.quotes.extend(deal.quotes.iter().cloned());
        engine::lines(&d, &path, &settings)
    };
    let zero = match &result {
        Ok(lines) if lines.is_empty() => Some(engine::of_the_deal(deal).map_or(NO_PARTNER, |(reason, _)| reason)),
        Ok(lines) if lines.iter().all(|l| l.reason.is_some()) => lines.first().and_then(|l| l.reason),
        _ => None,
    };
    let mut w = Work {
        at,
        deal,
        before,
        standing,
        result,
        zero,
        settings,
        entry: None,
        kept: false,
    };
    w.kept = !w.standing.is_empty() && w.says_the_same();
    Ok(w)
}

fn original_quotes(lines: &[store::LineRow]) -> Vec<Quote> {
    let mut out: Vec<Quote> = Vec::new();
    for l in lines {
        let steps: Vec<Step> = l
            .explanation
            .get("fx")
            .and_then(|v| serde_json::from_value(v.clone()).ok())
            .unwrap_or_default();
        for s in steps {
            let Some((base, quote)) = split_pair(&s.pair) else { continue };
            if out.iter().all(|q| (q.base, q.quote) != (base, quote)) {
                out.push(Quote {
                    base,
                    quote,
                    rate: s.rate,
                    source: s.source,
                    at: s.at_us,
                });
            }
        }
    }
    out
}

/// `EURUSD`; codes have three to five letters, so every place to cut is tried.
fn split_pair(pair: &str) -> Option<(Currency, Currency)> {
    (3..=5).find_map(|n| Some((Currency::parse(pair.get(..n)?).ok()?, Currency::parse(pair.get(n..)?).ok()?)))
}

/// What a batch writes in the end.
#[derive(Default)]
struct Out {
    lines: Vec<store::LineRow>,
    entries: Vec<NewEntry>,
    /// For each entry: its deal among the works, its lines among the lines.
    entry_of: Vec<(usize, Vec<usize>)>,
    /// (partner, currency, day) -> lots, deals, minor.
    days: BTreeMap<(PartnerId, Currency, i64), (i64, i64, i64)>,
    /// Deals seen so far: the index of the one being written.
    works: usize,
}

impl Out {
    fn day(&mut self, l: &store::LineRow, sign: i64) {
        let day = l.value_at.micros().div_euclid(86_400_000_000);
        let d = self.days.entry((l.partner_id, l.currency, day)).or_default();
        d.0 += sign * l.lots.units();
        d.1 += sign;
        d.2 += l.minor;
    }
}

async fn write_one(
    tx: &mut Tx,
    core: &Core,
    w: &mut Work<'_>,
    purses: &mut BTreeMap<(PartnerId, Currency), (store::PurseRow, Purse)>,
    out: &mut Out,
    now: Ts,
) -> Result<()> {
    let work = out.works;
    out.works += 1;
    if w.kept {
        return Ok(());
    }
    let d = w.deal;
    if let Err(s) = &w.result {
        stop(tx, core, d, s).await?;
        // What was booked before stays until the new revision can be said.
        return Ok(());
    }
    let reference = |what: &str| format!("commission:{}:{}:{}{what}", d.server, d.ticket, run_of(w.before.as_ref(), d));

    // Take back: the ledger entry as a whole, each line as it was booked.
    if !w.standing.is_empty() {
        let mut taken: BTreeSet<EntryId> = BTreeSet::new();
        let mut back: HashMap<EntryId, EntryId> = HashMap::new();
        for l in &w.standing {
            if let Some(entry) = l.entry_id
                && taken.insert(entry)
            {
                let p = qd_ledger::reverse(
                    tx,
                    core,
                    entry,
                    &format!("{}:{}", reference(":back"), taken.len()),
                    "the deal was corrected",
                )
                .await?;
                back.insert(entry, p.entry_id);
            }
        }
        for l in &w.standing {
            let (row, purse) = purses
                .get_mut(&(l.partner_id, l.currency))
                .ok_or_else(|| Problem::bug("purse_lost", "a line has no purse"))?;
            let exact = Exact::parse_fraction(&l.exact).ok_or_else(|| Problem::bug("row_unreadable", "a line holds no number"))?;
            purse.take_back(exact, l.minor);
            row.lines += 1;
            let path = l.explanation.get("path").cloned().unwrap_or_default();
            let why = Explanation {
                formula: format!("takes back line {}", l.id),
                path: serde_json::from_value(path).unwrap_or_default(),
                level: u32::try_from(l.level).unwrap_or_default(),
                exact: exact.neg().to_string(),
                corrects: Some(Corrects {
                    line: l.id,
                    revision: l.revision,
                    statement: l.statement_id,
                }),
                ..Explanation::default()
            };
            let reversal = store::LineRow {
                id: LineId::new(&core.env),
                number: row.lines,
                kind: LineKind::Reversal,
                revision: d.revision,
                exact: exact.neg().fraction(),
                minor: -l.minor,
                explanation: serde_json::to_value(&why)?,
                reverses: Some(l.id),
                entry_id: l.entry_id.and_then(|e| back.get(&e).copied()),
                statement_id: None,
                booked_at: now,
                ..l.clone()
            };
            out.day(&reversal, -1);
            out.lines.push(reversal);
        }
    }

    let mut legs: Vec<Leg> = Vec::new();
    let mut paid: Vec<usize> = Vec::new();
    let mut expense: BTreeMap<Currency, i64> = BTreeMap::new();
    let lines = w
        .result
        .as_ref()
        .map_err(|_| Problem::bug("commission_stop", "a stopped deal has no lines"))?;
    for l in lines {
        let partner = PartnerId::parse(&l.partner)?;
        let (row, purse) = purses
            .get_mut(&(partner, l.currency))
            .ok_or_else(|| Problem::bug("purse_lost", "a line has no purse"))?;
        let minor = purse.book(l, w.settings.rounding).map_err(|s| Problem::conflict(s.code, s.cause))?;
        row.lines += 1;
        let (plan, rule_id) = l.rule.clone().map_or((None, None), |(p, r)| (Some(p), Some(r)));
        let line = store::LineRow {
            id: LineId::new(&core.env),
            number: row.lines,
            partner_id: partner,
            currency: l.currency,
            kind: LineKind::Accrual,
            server: d.server.clone(),
            ticket: d.ticket.clone(),
            revision: d.revision,
            level: i64::from(l.level),
            client_id: d.client.clone(),
            symbol: d.symbol.clone(),
            product_group: d.product_group.clone(),
            lots: Lots(l.lots.times(Exact::int(Lots::ONE.units())).minor(0).unwrap_or(0)),
            exact: l.exact.fraction(),
            minor,
            reason: l.reason.map(str::to_string),
            plan_id: plan.as_ref().map(|p| p.plan.clone()),
            plan_version: plan.as_ref().map(|p| p.version),
            rule_id,
            explanation: serde_json::to_value(&l.why)?,
            reverses: None,
            entry_id: None,
            statement_id: None,
            value_at: d.at,
            booked_at: now,
        };
        if l.reason.is_none() {
            out.day(&line, 1);
        }
        if minor != 0 {
            legs.push(Leg::new(
                AccountKey::new(format!("partner:{partner}"), Purpose::CommissionPayable, l.currency),
                minor,
            ));
            *expense.entry(l.currency).or_default() += minor;
            paid.push(out.lines.len());
        }
        out.lines.push(line);
    }
    if !legs.is_empty() {
        let house = format!("house:{}", if d.entity.is_empty() { "group" } else { &d.entity });
        legs.extend(
            expense
                .into_iter()
                .filter(|(_, m)| *m != 0)
                .map(|(c, m)| Leg::new(AccountKey::new(house.clone(), Purpose::CommissionExpense, c), -m)),
        );
        out.entries.push(NewEntry {
            kind: "commission.accrued",
            reference: reference(""),
            legs,
            source: format!("deal:{}:{}:{}", d.server, d.ticket, d.revision),
            value_at: d.at,
            note: None,
            fx: None,
        });
        out.entry_of.push((work, paid));
    }
    Ok(())
}

/// Makes the reference of a booking unique: the deal's revision, and how often its row was written
/// before (a deal booked anew keeps its revision).
fn run_of(before: Option<&store::DealRow>, d: &DealFacts) -> String {
    match before {
        None => d.revision.to_string(),
        Some(b) => format!("{}.{}", d.revision, b.version),
    }
}

async fn stop(tx: &mut Tx, core: &Core, d: &DealFacts, s: &Stop) -> Result<()> {
    let e = NewException {
        kind: STOPPED,
        subject: format!("deal:{}:{}", d.server, d.ticket),
        entity: Some(d.entity.clone()),
        client_id: Some(d.client.clone()),
        owner_role: "partner_manager",
        rule: s.code,
        cause: s.cause.clone(),
        detail: json!({"code": s.code, "server": d.server, "ticket": d.ticket, "revision": d.revision, "symbol": d.symbol}),
        retry: None,
    };
    exceptions::raise(tx, core, e).await?;
    Ok(())
}

async fn finish_deals(tx: &mut Tx, works: &[Work<'_>], now: Ts) -> Result<()> {
    let (mut fresh, mut changed) = (Vec::new(), Vec::new());
    for w in works {
        let d = w.deal;
        let (outcome, reason, cause) = match (&w.result, w.zero) {
            (Err(s), _) => (DealOutcome::Stopped, Some(s.code.to_string()), Some(s.cause.clone())),
            (Ok(_), Some(z)) => (DealOutcome::Zero, Some(z.to_string()), None),
            (Ok(_), None) => (DealOutcome::Paid, None, None),
        };
        let row = store::DealRow {
            server: d.server.clone(),
            ticket: d.ticket.clone(),
            revision: d.revision,
            client_id: d.client.clone(),
            outcome,
            reason,
            cause,
            facts: serde_json::to_value(d)?,
            entry_id: if w.kept {
                w.before.as_ref().and_then(|b| b.entry_id)
            } else {
                w.entry
            },
            value_at: d.at,
            booked_at: now,
            version: w.before.as_ref().map_or(1, |b| b.version),
        };
        if w.before.is_some() { changed.push(row) } else { fresh.push(row) }
    }
    let done =
        store::insert_deals(tx, &fresh).await? == fresh.len() as u64 && store::update_deals(tx, &changed).await? == changed.len() as u64;
    if done {
        Ok(())
    } else {
        Err(Problem::unavailable(
            qd_db::RETRY,
            "a deal was booked by somebody else at the same time",
        ))
    }
}

/// One event per partner and batch; and exceptions that are over.
async fn announce(tx: &mut Tx, core: &Core, cache: &Cache, works: &[Work<'_>], out: &Out) -> Result<()> {
    let mut per: BTreeMap<(PartnerId, Currency), (i64, i64)> = BTreeMap::new();
    for l in &out.lines {
        let p = per.entry((l.partner_id, l.currency)).or_default();
        p.0 += l.minor;
        p.1 += 1;
    }
    for ((partner, currency), (minor, lines)) in per {
        let payload = json!({"partner_id": partner, "currency": currency, "minor": minor, "lines": lines});
        let entity = match cache.entities.get(&partner) {
            Some(e) => Some(e.clone()),
            // No longer above the client: only a correction touches such a partner.
            None => partners::get(tx, partner).await?.map(|p| p.entity),
        };
        events::publish(
            tx,
            core,
            NewEvent {
                kind: "commission.accrued",
                aggregate: format!("partner:{partner}"),
                entity,
                payload,
            },
        )
        .await?;
    }
    for w in works {
        let was_stopped = w.before.as_ref().is_some_and(|b| b.outcome == DealOutcome::Stopped);
        if was_stopped && w.result.is_ok() {
            exceptions::resolve(
                tx,
                core,
                STOPPED,
                &format!("deal:{}:{}", w.deal.server, w.deal.ticket),
                "the deal could be booked",
            )
            .await?;
        }
    }
    Ok(())
}

/// What a batch looks up more than once.
#[derive(Default)]
struct Cache {
    shares: HashMap<String, Vec<attribution::ShareRow>>,
    /// By partner: when the path holds, and the path.
    paths: HashMap<PartnerId, Vec<(Ts, Ts, Vec<partners::PathRow>)>>,
    uses: HashMap<String, Vec<plan_store::UseRow>>,
    versions: HashMap<crate::ids::PlanId, Vec<plan_store::VersionRow>>,
    plans: HashMap<(crate::ids::PlanId, i64), Arc<Plan>>,
    settings: HashMap<String, Settings>,
    entities: HashMap<PartnerId, String>,
}

impl Cache {
    async fn load_shares(&mut self, tx: &mut Tx, wanted: &[(usize, &DealFacts)]) -> Result<()> {
        let clients: BTreeSet<&str> = wanted.iter().map(|(_, d)| d.client.as_str()).collect();
        let clients: Vec<&str> = clients.into_iter().collect();
        self.shares = clients.iter().map(|c| (c.to_string(), Vec::new())).collect();
        for row in attribution::histories(tx, &clients).await? {
            self.shares.entry(row.client_id.clone()).or_default().push(row);
        }
        Ok(())
    }

    async fn settings(&mut self, tx: &mut Tx, entity: &str) -> Result<Settings> {
        if let Some(s) = self.settings.get(entity) {
            return Ok(*s);
        }
        let s = settings::for_entity::<Settings>(tx, entity, SETTINGS).await?.unwrap_or_default();
        self.settings.insert(entity.to_string(), s);
        Ok(s)
    }

    /// The partners above the client at the deal's value date, with the plans of that moment.
    async fn path(&mut self, tx: &mut Tx, d: &DealFacts) -> Result<Vec<Hop>> {
        let share = self
            .shares
            .get(&d.client)
            .into_iter()
            .flatten()
            .find(|s| s.from_at <= d.at && s.to_at.is_none_or(|t| d.at < t));
        let (Some(partner), held) = (match share {
            Some(s) if s.state != ShareState::Refused => (s.partner_id, s.state == ShareState::Held),
            _ => (None, false),
        }) else {
            return Ok(Vec::new());
        };
        let rows = self.path_of(tx, partner, d.at).await?;
        let mut hops = Vec::with_capacity(rows.len());
        for r in rows {
            self.entities.entry(r.id).or_insert_with(|| r.entity.clone());
            let blocked = if held {
                Some(Blocked::AttributionHeld)
            } else if r.client_id.as_deref() == Some(&d.client) {
                Some(Blocked::OwnAccount)
            } else if r.state != PartnerState::Active {
                Some(Blocked::PartnerSuspended)
            } else {
                None
            };
            let mut ranked = Vec::new();
            let holders = [
                (r.id.to_string(), Rank::Partner),
                (plans::entity_holder(&r.entity), Rank::Entity),
                (plans::GLOBAL.to_string(), Rank::Global),
            ];
            for (holder, rank) in holders {
                ranked.extend(self.plan(tx, &holder, rank, d.at).await?);
            }
            hops.push(Hop {
                partner: r.id.to_string(),
                currency: r.currency,
                blocked,
                plans: ranked,
            });
        }
        Ok(hops)
    }

    async fn path_of(&mut self, tx: &mut Tx, partner: PartnerId, at: Ts) -> Result<Vec<partners::PathRow>> {
        if let Some(known) = self
            .paths
            .get(&partner)
            .and_then(|all| all.iter().find(|(from, to, _)| *from <= at && at < *to))
        {
            return Ok(known.2.clone());
        }
        let rows = partners::path(tx, partner, at).await?;
        let from = rows.iter().map(|r| r.from_at).max().unwrap_or(at);
        let to = rows.iter().filter_map(|r| r.to_at).min().unwrap_or(Ts(i64::MAX));
        // Before the partner's first edge there is no path to remember.
        if !rows.is_empty() {
            self.paths.entry(partner).or_default().push((from, to, rows.clone()));
        }
        Ok(rows)
    }

    async fn plan(&mut self, tx: &mut Tx, holder: &str, rank: Rank, at: Ts) -> Result<Option<Ranked>> {
        if !self.uses.contains_key(holder) {
            let rows = plan_store::uses(tx, holder).await?;
            self.uses.insert(holder.to_string(), rows);
        }
        let used = self.uses[holder]
            .iter()
            .find(|u| u.from_at <= at && u.to_at.is_none_or(|t| at < t))
            .map(|u| u.plan_id);
        let Some(id) = used else { return Ok(None) };
        if let Slot::Vacant(slot) = self.versions.entry(id) {
            slot.insert(plan_store::versions(tx, id).await?);
        }
        let Some(v) = plans::pick(&self.versions[&id], at) else {
            return Ok(None);
        };
        let plan = match self.plans.get(&(id, v.version)) {
            Some(p) => p.clone(),
            None => {
                let p = Arc::new(Plan::read(&v.document)?);
                self.plans.insert((id, v.version), p.clone());
                p
            }
        };
        Ok(Some(Ranked {
            rank,
            at: PlanRef {
                plan: id.to_string(),
                version: v.version,
            },
            plan,
        }))
    }
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

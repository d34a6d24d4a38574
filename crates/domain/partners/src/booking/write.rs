//! What a batch writes: lines back and new, money, purses, days, the deals' rows, events.

use super::lookup::Cache;
use super::replay::TrueOf;
use super::work::Work;
use super::{DealOutcome, LineKind, Mode, STOPPED};
use crate::engine::explain::{Corrects, Explanation, Part};
use crate::engine::round::{Purse, of_deal};
use crate::engine::{DealFacts, Line, RoundingPlace, Stop};
use crate::exact::Exact;
use crate::ids::{LineId, PartnerId};
use crate::store::{lines as store, partners};
use qd_db::Tx;
use qd_kernel::{Amount, Class, Currency, Lots, Problem, Result, Ts};
use qd_ledger::{AccountKey, EntryId, Leg, NewEntry, Posted, Purpose};
use qd_runtime::Core;
use qd_runtime::events::{self, NewEvent};
use qd_runtime::exceptions::{self, NewException};
use qd_runtime::jobs::{self, NewJob};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What a batch writes in the end.
#[derive(Default)]
pub(super) struct Out {
    pub(super) lines: Vec<store::LineRow>,
    pub(super) entries: Vec<NewEntry>,
    /// For each entry: its deal among the works, if it is one's, and its lines among the lines.
    pub(super) entry_of: Vec<(Option<usize>, Vec<usize>)>,
    /// (partner, currency, day) -> lots, deals, minor.
    pub(super) days: BTreeMap<(PartnerId, Currency, i64), (i64, i64, i64)>,
    /// Deals seen so far: the index of the one being written.
    pub(super) works: usize,
}

impl Out {
    fn day(&mut self, l: &store::LineRow, sign: i64) {
        if l.beneficiary.is_some() {
            return;
        }
        let day = l.value_at.micros().div_euclid(86_400_000_000);
        let d = self.days.entry((l.partner_id, l.currency, day)).or_default();
        d.0 += sign * l.lots.units();
        d.1 += sign;
        d.2 += l.minor;
    }
}

pub(super) async fn write_one(
    tx: &mut Tx,
    core: &Core,
    w: &mut Work<'_>,
    purses: &mut BTreeMap<(PartnerId, Currency), (store::PurseRow, Purse)>,
    out: &mut Out,
    mode: Mode,
    now: Ts,
) -> Result<()> {
    let work = out.works;
    out.works += 1;
    if w.kept {
        return Ok(());
    }
    let d = w.deal.as_ref();
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
                let reference = format!("{}:{}", reference(":back"), taken.len());
                let p = match qd_ledger::reverse(tx, core, entry, &reference, "the deal was corrected").await {
                    // An import brought the line; the entry is in the books it came from.
                    Err(e) if e.class == Class::Missing => take_back_imported(tx, core, d, reference, entry, &w.standing).await?,
                    r => r?,
                };
                back.insert(entry, p.entry_id);
            }
        }
        for l in &w.standing {
            let (row, purse) = purses
                .get_mut(&(l.partner_id, l.currency))
                .ok_or_else(|| Problem::bug("purse_lost", "a line has no purse"))?;
            let exact = Exact::parse_fraction(&l.exact).ok_or_else(|| Problem::bug("row_unreadable", "a line holds no number"))?;
            if l.beneficiary.is_none() {
                purse.take_back(exact, l.minor);
            }
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
                batch_id: mode.batch,
                ..l.clone()
            };
            out.day(&reversal, -1);
            out.lines.push(reversal);
        }
    }

    let mut legs = Legs::default();
    let mut paid: Vec<usize> = Vec::new();
    let lines = w
        .result
        .as_ref()
        .map_err(|_| Problem::bug("commission_stop", "a stopped deal has no lines"))?;
    let stopped = |s: Stop| Problem::conflict(s.code, s.cause);
    let whole = match w.settings.rounding {
        RoundingPlace::Deal => Some(of_deal(lines).map_err(stopped)?),
        RoundingPlace::Line | RoundingPlace::Carry => None,
    };
    for (i, l) in lines.iter().enumerate() {
        let partner = PartnerId::parse(&l.partner)?;
        let (row, purse) = purses
            .get_mut(&(partner, l.currency))
            .ok_or_else(|| Problem::bug("purse_lost", "a line has no purse"))?;
        let rounded = whole.as_ref().map(|w| w[i]);
        let minor = book(purse, l, rounded, w.settings.rounding).map_err(stopped)?;
        row.lines += 1;
        let (plan, rule_id) = l.rule.clone().map_or((None, None), |(p, r)| (Some(p), Some(r)));
        let line = store::LineRow {
            id: LineId::new(&core.env),
            number: row.lines,
            partner_id: partner,
            currency: l.currency,
            kind: if l.client.is_some() { LineKind::Rebate } else { LineKind::Accrual },
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
            batch_id: mode.batch,
            beneficiary: l.client.clone(),
            tier_key: None,
        };
        if l.reason.is_none() {
            out.day(&line, 1);
        }
        if minor != 0 {
            legs.add(partner, &line);
            paid.push(out.lines.len());
        }
        out.lines.push(line);
    }
    if !paid.is_empty() {
        out.entries.push(NewEntry {
            kind: "commission.accrued",
            reference: reference(""),
            legs: legs.with_house(&d.entity),
            source: format!("deal:{}:{}:{}", d.server, d.ticket, d.revision),
            value_at: d.at,
            note: None,
            fx: None,
        });
        out.entry_of.push((Some(work), paid));
    }
    Ok(())
}

/// A partner's line moves the purse; a client's rebate is rounded by itself.
fn book(purse: &mut Purse, l: &Line, rounded: Option<i64>, place: RoundingPlace) -> std::result::Result<i64, Stop> {
    let mut own = Purse::default();
    let (purse, place) = match &l.client {
        None => (purse, place),
        Some(_) => (&mut own, RoundingPlace::Line),
    };
    match rounded {
        Some(minor) => purse.book_minor(l, minor),
        None => purse.book(l, place),
    }
}

/// The opposite of what the lines of an entry say, where these books do not hold the entry.
async fn take_back_imported(
    tx: &mut Tx,
    core: &Core,
    d: &DealFacts,
    reference: String,
    entry: EntryId,
    standing: &[store::LineRow],
) -> Result<Posted> {
    let mut legs = Legs::default();
    for l in standing.iter().filter(|l| l.entry_id == Some(entry)) {
        legs.add(
            l.partner_id,
            &store::LineRow {
                minor: -l.minor,
                ..l.clone()
            },
        );
    }
    let new = NewEntry {
        kind: "commission.taken_back",
        reference,
        legs: legs.with_house(&d.entity),
        source: format!("deal:{}:{}:{}", d.server, d.ticket, d.revision),
        value_at: d.at,
        note: Some(format!("takes back the imported entry {entry}")),
        fx: None,
    };
    qd_ledger::post(tx, core, new).await
}

/// What an entry moves, by account.
#[derive(Default)]
struct Legs(BTreeMap<AccountKey, i64>);

impl Legs {
    fn add(&mut self, partner: PartnerId, l: &store::LineRow) {
        let owner = match &l.beneficiary {
            Some(client) => format!("client:{client}"),
            None => format!("partner:{partner}"),
        };
        *self
            .0
            .entry(AccountKey::new(owner, Purpose::CommissionPayable, l.currency))
            .or_default() += l.minor;
    }
    fn with_house(self, entity: &str) -> Vec<Leg> {
        let house = format!("house:{}", if entity.is_empty() { "group" } else { entity });
        let mut all = self.0.clone();
        for (account, minor) in self.0 {
            *all.entry(AccountKey::new(house.clone(), Purpose::CommissionExpense, account.currency))
                .or_default() -= minor;
        }
        all.into_iter().filter(|(_, m)| *m != 0).map(|(a, m)| Leg::new(a, m)).collect()
    }
}

/// A true-up: what earlier deals of a month differ by.
pub(super) fn write_true(
    core: &Core,
    t: &TrueOf,
    purses: &mut BTreeMap<(PartnerId, Currency), (store::PurseRow, Purse)>,
    out: &mut Out,
    mode: Mode,
    now: Ts,
) -> Result<()> {
    let u = &t.true_up;
    let partner = PartnerId::parse(&u.partner)?;
    let (row, purse) = purses
        .get_mut(&(partner, u.currency))
        .ok_or_else(|| Problem::bug("purse_lost", "a line has no purse"))?;
    let mut why = u.why.clone();
    let as_line = Line {
        partner: u.partner.clone(),
        client: u.client.clone(),
        level: u.level,
        exact: u.exact,
        currency: u.currency,
        lots: u.lots,
        reason: None,
        rule: Some((u.plan.clone(), u.rule.clone())),
        crossed: Vec::new(),
        why: Explanation::default(),
    };
    let rounded = (t.settings.rounding != RoundingPlace::Carry || u.client.is_some()).then_some(t.minor);
    let minor = book(purse, &as_line, rounded, t.settings.rounding).map_err(|s| Problem::conflict(s.code, s.cause))?;
    if let Some(plain) = u.exact.minor(u.currency.exponent()).filter(|p| *p != minor) {
        // Each of the deals was rounded by itself.
        let rest = Amount::new(minor - plain, u.currency).text();
        why.formula
            .push_str(&format!(", and {rest} {} that the deals' own rounding differs by", u.currency));
        why.steps.push(Part::new("plus", rest, u.currency, "rounding"));
    }
    row.lines += 1;
    let id = LineId::new(&core.env);
    let line = store::LineRow {
        id,
        number: row.lines,
        partner_id: partner,
        currency: u.currency,
        kind: LineKind::TrueUp,
        server: t.last.server.clone(),
        ticket: t.last.ticket.clone(),
        revision: t.last.revision,
        level: i64::from(u.level),
        client_id: String::new(),
        symbol: String::new(),
        product_group: None,
        lots: Lots(0),
        exact: u.exact.fraction(),
        minor,
        reason: None,
        plan_id: Some(u.plan.plan.clone()),
        plan_version: Some(u.plan.version),
        rule_id: Some(u.rule.clone()),
        explanation: serde_json::to_value(&why)?,
        reverses: None,
        entry_id: None,
        statement_id: None,
        value_at: t.last.at,
        booked_at: now,
        batch_id: mode.batch,
        beneficiary: u.client.clone(),
        tier_key: Some(format!("{}/{}/{}", u.plan.plan, u.rule, u.period)),
    };
    out.day(&line, 0);
    if minor != 0 {
        let mut legs = Legs::default();
        legs.add(partner, &line);
        out.entries.push(NewEntry {
            kind: "commission.true_up",
            reference: format!("commission:{id}"),
            legs: legs.with_house(&t.last.entity),
            source: format!("deal:{}:{}:{}", t.last.server, t.last.ticket, t.last.revision),
            value_at: t.last.at,
            note: None,
            fx: None,
        });
        out.entry_of.push((None, vec![out.lines.len()]));
    }
    out.lines.push(line);
    Ok(())
}

/// Rebates are handed to the client's wallet once a day, after midnight UTC: what was taken back in
/// between is taken from them first.
pub(super) async fn pay_rebates(tx: &mut Tx, core: &Core, lines: &[store::LineRow]) -> Result<()> {
    let due: BTreeSet<(&str, Currency)> = lines
        .iter()
        .filter(|l| l.minor > 0)
        .filter_map(|l| Some((l.beneficiary.as_deref()?, l.currency)))
        .collect();
    if due.is_empty() {
        return Ok(());
    }
    let now = core.now();
    let day = now.micros().div_euclid(86_400_000_000);
    for (client, currency) in due {
        let mut job = NewJob::new(crate::rebates::JOB, json!({"client": client, "currency": currency}), now)
            .key(format!("{client}:{currency}:{day}"))
            .lane(format!("rebate:{client}"));
        job.run_at = Ts((day + 1) * 86_400_000_000);
        jobs::enqueue(tx, core, job).await?;
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

pub(super) async fn finish_deals(tx: &mut Tx, works: &[Work<'_>], now: Ts) -> Result<()> {
    let (mut fresh, mut changed) = (Vec::new(), Vec::new());
    for w in works {
        let d = w.deal.as_ref();
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
pub(super) async fn announce(tx: &mut Tx, core: &Core, cache: &Cache, works: &[Work<'_>], out: &Out) -> Result<()> {
    let mut per: BTreeMap<(PartnerId, Currency), (i64, i64)> = BTreeMap::new();
    for l in out.lines.iter().filter(|l| l.beneficiary.is_none()) {
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

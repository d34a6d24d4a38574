//! Deals whose plans have a memory: tiers, caps, hedged volume.
//!
//! A new deal that comes after all others of its running values is paid on the values as they stand. One
//! that comes late, is edited, moves elsewhere or crosses a retroactive threshold changes what later
//! deals are paid: all that touch the same values from there on are worked through again, in order, from
//! the values before them, by the same function. What a deal would be paid by other rules or to other
//! people is taken back and booked anew; what only its amount differs by is summed up and booked as one
//! true-up per partner, plan, rule and month. So what is booked is what a recomputation says.

use super::lookup::Cache;
use super::work::{Work, Worth, exact_of, prepared};
use super::{DealOutcome, Mode};
use crate::engine::explain::Explanation;
use crate::engine::round::of_deal;
use crate::engine::{Cell, DealFacts, Key, Line, Order, RoundingPlace, Settings, State, TrueUp, true_ups};
use crate::exact::Exact;
use crate::ids::PartnerId;
use crate::plan::{Corrections, PlanRef};
use crate::store::lines::{DealRow, LineRow};
use crate::store::states::{self as store, ValueRow};
use qd_db::Tx;
use qd_kernel::{Currency, Problem, Result};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// What a batch leaves behind besides its deals' lines.
#[derive(Default)]
pub(super) struct Replayed {
    /// With the entity and client of the last deal, and what the rounded amounts differ by.
    pub(super) trues: Vec<TrueOf>,
    cells: Vec<(Key, Option<Cell>)>,
    gone: Vec<(String, String)>,
    rows: Vec<(Key, Order, Exact)>,
    worth_of: Vec<(String, String)>,
    values: Vec<ValueRow>,
}

pub(super) struct TrueOf {
    pub(super) true_up: TrueUp,
    pub(super) minor: i64,
    pub(super) last: DealFacts,
    pub(super) settings: Settings,
}

impl Replayed {
    pub(super) async fn write(&self, tx: &mut Tx) -> Result<()> {
        if !self.gone.is_empty() || !self.rows.is_empty() {
            store::write_deals(tx, &self.gone, &self.rows).await?;
        }
        if !self.cells.is_empty() {
            store::write(tx, &self.cells).await?;
        }
        if !self.worth_of.is_empty() {
            store::write_values(tx, &self.worth_of, &self.values).await?;
        }
        Ok(())
    }
}

const RETRO: &str = "retro";

/// Fills in what the counting deals of a batch pay, and adds deals that are to be booked anew with them.
pub(super) async fn settle<'a>(tx: &mut Tx, cache: &mut Cache, works: &mut Vec<Work<'a>>, mode: Mode) -> Result<Replayed> {
    let mut live: Vec<usize> = (0..works.len()).filter(|i| works[*i].counts()).collect();
    if live.is_empty() {
        return Ok(Replayed::default());
    }
    live.sort_by_key(|i| works[*i].order());
    let keys: BTreeSet<Key> = live
        .iter()
        .flat_map(|i| works[*i].keys.iter().chain(&works[*i].was))
        .cloned()
        .collect();
    let keys: Vec<Key> = keys.into_iter().collect();
    store::lock(tx, &keys).await?;
    let stored = store::load(tx, &keys).await?;

    let mut open = Vec::new();
    let mut closed = Trues::default();
    let mut closed_worth = Vec::new();
    for i in live {
        if !frozen(tx, cache, &works[i], mode).await? {
            open.push(i);
            continue;
        }
        let w = &mut works[i];
        alone(tx, w, &stored).await?;
        if w.changes() {
            closed.forget(w)?;
            closed_worth.push(w.name());
        }
    }
    let mut out = match at_the_end(works, &open, &stored) {
        Some(done) => done,
        None => again(tx, cache, works, &open, keys).await?,
    };
    out.trues.extend(closed.sum()?);
    out.worth_of.extend(closed_worth);
    Ok(out)
}

/// A deal of a closed period whose plan (or this correction) lets the tier stand as it was closed.
async fn frozen(tx: &mut Tx, cache: &mut Cache, w: &Work<'_>, mode: Mode) -> Result<bool> {
    let Some(direct) = w.path().first() else { return Ok(false) };
    let term = direct.plans.first().map_or(Corrections::Retier, |p| p.plan.terms.corrections);
    if mode.policy.unwrap_or(term) == Corrections::Retier {
        return Ok(false);
    }
    let to = cache.closed_to(tx, PartnerId::parse(&direct.partner)?).await?;
    Ok(to.is_some_and(|t| w.deal.at < t))
}

/// The deal by itself on the values before it, with the bands that its periods were closed with; nothing
/// else moves.
async fn alone(tx: &mut Tx, w: &mut Work<'_>, stored: &[(Key, Cell)]) -> Result<()> {
    let mut state = State::new();
    let order = w.order();
    for k in &w.keys {
        if let Some((k, cell)) = store::before(tx, k, &order).await? {
            state.load(k, cell);
        }
        if k.kind() == RETRO
            && let Some((_, cell)) = stored.iter().find(|(s, _)| s == k)
        {
            state.settle(k.clone(), cell.value);
        }
    }
    let result = w.say(&mut state);
    w.set(result);
    w.kept = !w.standing.is_empty() && w.says_the_same();
    Ok(())
}

/// The usual case: new deals after all others. None when one of them is not.
fn at_the_end(works: &mut [Work<'_>], open: &[usize], stored: &[(Key, Cell)]) -> Option<Replayed> {
    if open.is_empty() {
        return Some(Replayed::default());
    }
    if open.iter().any(|i| !works[*i].was.is_empty() || !works[*i].standing.is_empty()) {
        return None;
    }
    let mut state = State::new();
    for (k, c) in stored {
        state.load(k.clone(), c.clone());
    }
    let mut out = Replayed::default();
    let mut results = Vec::with_capacity(open.len());
    for i in open {
        let w = &works[*i];
        if !state.late(&w.deal, &w.keys).is_empty() {
            return None;
        }
        let result = w.say(&mut state);
        if let Ok(lines) = &result {
            if lines.iter().any(|l| !l.crossed.is_empty()) {
                return None;
            }
            let order = w.order();
            out.rows.extend(w.keys.iter().map(|k| (k.clone(), order.clone(), state.get(k))));
        }
        results.push(result);
    }
    let touched: BTreeSet<&Key> = out.rows.iter().map(|(k, _, _)| k).collect();
    out.cells = state
        .cells()
        .filter(|(k, _)| touched.contains(k))
        .map(|(k, c)| (k.clone(), Some(c.clone())))
        .collect();
    for (i, r) in open.iter().zip(results) {
        works[*i].set(r);
    }
    Some(out)
}

fn edge(at: qd_kernel::Ts) -> Order {
    Order {
        at,
        server: String::new(),
        ticket: String::new(),
    }
}

/// Everything that these deals change, worked through again.
async fn again<'a>(tx: &mut Tx, cache: &mut Cache, works: &mut Vec<Work<'a>>, open: &[usize], keys: Vec<Key>) -> Result<Replayed> {
    let mut from: Option<Order> = None;
    let mut lower = |o: Order| {
        if from.as_ref().is_none_or(|f| o < *f) {
            from = Some(o);
        }
    };
    for i in open {
        let w = &works[*i];
        lower(w.order());
        if let Some(b) = &w.before {
            lower(Order {
                at: b.value_at,
                server: b.server.clone(),
                ticket: b.ticket.clone(),
            });
        }
    }
    let Some(first) = from.clone() else {
        return Ok(Replayed::default());
    };
    let start = keys.iter().filter(|k| k.kind() == RETRO).map(Key::starts).min().map(edge);
    let edited = open.iter().any(|i| works[*i].was.iter().any(|k| k.kind() == RETRO));
    let from = match (&start, edited) {
        (Some(s), true) => s.clone().min(first),
        _ => first,
    };
    let mut r = Round::gather(tx, cache, works, open, &keys, from.clone()).await?;
    if let Some(s) = start.filter(|s| *s < from)
        && r.crosses(works)
    {
        r = Round::gather(tx, cache, works, open, &keys, s).await?;
    }
    r.settle(works, open)
}

/// All deals to be worked through, and the values before the first of them.
struct Round {
    start: State,
    keys: BTreeSet<Key>,
    others: Vec<Work<'static>>,
    /// Deals whose present revision cannot be said: they keep counting as they were booked.
    olds: BTreeMap<usize, Work<'static>>,
    /// In order: a work of the batch, or another.
    order: Vec<Place>,
}

#[derive(Clone, Copy)]
enum Place {
    Work(usize),
    Other(usize),
}

#[derive(Default)]
struct Known {
    deals: BTreeMap<(String, String), DealRow>,
    lines: BTreeMap<(String, String), Vec<LineRow>>,
    keys: BTreeMap<(String, String), Vec<Key>>,
    values: BTreeMap<(String, String), Vec<ValueRow>>,
}

impl Round {
    async fn gather(tx: &mut Tx, cache: &mut Cache, works: &[Work<'_>], open: &[usize], keys: &[Key], from: Order) -> Result<Round> {
        let mine: BTreeSet<(String, String)> = works.iter().map(Work::name).collect();
        let mut all: BTreeSet<Key> = keys.iter().cloned().collect();
        let mut todo: Vec<Key> = keys.to_vec();
        let mut seen: BTreeSet<(String, String)> = BTreeSet::new();
        let mut others: Vec<Work<'static>> = Vec::new();
        while let Some(key) = todo.pop() {
            let mut k = Known::default();
            for d in store::deals_from(tx, &key, &from).await? {
                let name = (d.server.clone(), d.ticket.clone());
                if !mine.contains(&name) && seen.insert(name.clone()) {
                    k.deals.insert(name, d);
                }
            }
            if k.deals.is_empty() {
                continue;
            }
            for l in store::lines_from(tx, &key, &from).await? {
                k.lines.entry((l.server.clone(), l.ticket.clone())).or_default().push(l);
            }
            for r in store::keys_from(tx, &key, &from).await? {
                k.keys.entry((r.server, r.ticket)).or_default().push(Key::new(r.key));
            }
            for v in store::values_from(tx, &key, &from).await? {
                k.values.entry((v.server.clone(), v.ticket.clone())).or_default().push(v);
            }
            for (name, row) in std::mem::take(&mut k.deals) {
                let facts: DealFacts = serde_json::from_value(row.facts.clone())?;
                let settings = cache.settings(tx, &facts.entity).await?;
                let lines = k.lines.remove(&name).unwrap_or_default();
                let mut was = k.keys.remove(&name).unwrap_or_default();
                was.dedup();
                let values = k.values.remove(&name).unwrap_or_default();
                let w = prepared(tx, cache, None, Cow::Owned(facts), Some(row), settings, lines, was, values).await?;
                for key in w.keys.iter().chain(&w.was) {
                    if all.insert(key.clone()) {
                        todo.push(key.clone());
                    }
                }
                others.push(w);
            }
        }
        let added: Vec<Key> = all.iter().filter(|k| !keys.contains(k)).cloned().collect();
        store::lock(tx, &added).await?;
        let mut start = State::new();
        for k in &all {
            if let Some((k, cell)) = store::before(tx, k, &from).await? {
                start.load(k, cell);
            }
        }
        let mut olds = BTreeMap::new();
        for i in open {
            let w = &works[*i];
            if let Some(b) = w.before.as_ref().filter(|b| !w.was.is_empty() && b.outcome != DealOutcome::Stopped) {
                let facts: DealFacts = serde_json::from_value(b.facts.clone())?;
                let settings = cache.settings(tx, &facts.entity).await?;
                let old = prepared(
                    tx,
                    cache,
                    None,
                    Cow::Owned(facts),
                    Some(b.clone()),
                    settings,
                    w.standing.clone(),
                    w.was.clone(),
                    Vec::new(),
                )
                .await?;
                olds.insert(*i, old);
            }
        }
        let mut order: Vec<Place> = open.iter().map(|i| Place::Work(*i)).collect();
        order.extend((0..others.len()).map(Place::Other));
        order.sort_by_key(|p| match p {
            Place::Work(i) => works[*i].order(),
            Place::Other(i) => others[*i].order(),
        });
        Ok(Round {
            start,
            keys: all,
            others,
            olds,
            order,
        })
    }

    fn say(&self, works: &[Work<'_>], p: Place, state: &mut State) -> std::result::Result<Vec<Line>, crate::engine::Stop> {
        match p {
            Place::Other(i) => self.others[i].say(state),
            Place::Work(i) => {
                let result = works[i].say(state);
                if result.is_err()
                    && let Some(old) = self.olds.get(&i)
                {
                    let _ = old.say(state);
                }
                result
            }
        }
    }

    fn crosses(&self, works: &[Work<'_>]) -> bool {
        let mut state = self.start.clone();
        self.order.iter().any(|p| {
            self.say(works, *p, &mut state)
                .is_ok_and(|ls| ls.iter().any(|l| !l.crossed.is_empty()))
        })
    }

    fn settle<'a>(mut self, works: &mut Vec<Work<'a>>, open: &[usize]) -> Result<Replayed> {
        let mut state = self.start.clone();
        if self.keys.iter().any(|k| k.kind() == RETRO) {
            let mut first = self.start.clone();
            for p in &self.order {
                let _ = self.say(works, *p, &mut first);
            }
            state.settle_from(&first);
        }
        let mut out = Replayed::default();
        let mut other_lines: Vec<Option<Vec<Line>>> = Vec::new();
        other_lines.resize_with(self.others.len(), || None);
        for p in std::mem::take(&mut self.order) {
            let result = self.say(works, p, &mut state);
            let (keys, order, name) = match p {
                Place::Work(i) if result.is_ok() => (&works[i].keys, works[i].order(), works[i].name()),
                Place::Work(i) => (&works[i].was, works[i].order(), works[i].name()),
                Place::Other(i) => (&self.others[i].keys, self.others[i].order(), self.others[i].name()),
            };
            out.rows.extend(keys.iter().map(|k| (k.clone(), order.clone(), state.get(k))));
            out.gone.push(name);
            match p {
                Place::Work(i) => works[i].set(result),
                Place::Other(i) => other_lines[i] = result.ok(),
            }
        }
        let ends: BTreeMap<&Key, &Cell> = state.cells().collect();
        out.cells = self.keys.iter().map(|k| (k.clone(), ends.get(k).map(|c| (*c).clone()))).collect();

        let mut t = Trues::default();
        for i in open {
            let w = &mut works[*i];
            w.kept = !w.standing.is_empty() && w.says_the_same();
            if w.changes() {
                t.forget(w)?;
                out.worth_of.push(w.name());
            }
        }
        for (mut w, lines) in self.others.into_iter().zip(other_lines) {
            let Some(lines) = lines else { continue };
            if w.same_rules(&lines) {
                if let Some(worth) = t.differs(&w, &lines)? {
                    out.worth_of.push(w.name());
                    out.values.extend(rows(&w, &worth));
                }
            } else if !w.standing.is_empty() || lines.iter().any(|l| l.reason.is_none()) {
                t.forget(&w)?;
                out.worth_of.push(w.name());
                w.set(Ok(lines));
                works.push(w);
            }
        }
        out.trues = t.sum()?;
        Ok(out)
    }
}

fn rows(w: &Work<'_>, worth: &Worth) -> Vec<ValueRow> {
    worth
        .iter()
        .map(|((partner, client, currency), (exact, minor))| ValueRow {
            server: w.deal.server.clone(),
            ticket: w.deal.ticket.clone(),
            partner_id: *partner,
            beneficiary: client.clone(),
            currency: *currency,
            exact: exact.fraction(),
            minor: *minor,
        })
        .collect()
}

/// What a deal's lines are rounded to, by themselves.
fn minors(lines: &[Line], settings: &Settings) -> Result<Vec<i64>> {
    let stop = |s: crate::engine::Stop| Problem::conflict(s.code, s.cause);
    if settings.rounding == RoundingPlace::Deal {
        return of_deal(lines).map_err(stop);
    }
    lines
        .iter()
        .map(|l| {
            l.exact.minor(l.currency.exponent()).ok_or_else(|| {
                Problem::conflict(
                    "amount_out_of_range",
                    format!("the amount {} is beyond what can be booked", l.exact),
                )
            })
        })
        .collect()
}

/// Differences on their way into true-ups.
#[derive(Default)]
struct Trues {
    deals: Vec<(DealFacts, Settings)>,
    before: Vec<Vec<Line>>,
    after: Vec<Vec<Line>>,
    /// By partner, client, plan, rule, month and currency.
    minor: BTreeMap<(String, String, String, String, String, Currency), i64>,
}

impl Trues {
    fn add(&mut self, w: &Work<'_>, before: Vec<(Line, i64)>, after: Vec<(Line, i64)>) {
        let (y, m, _) = w.deal.at.ymd();
        for (sign, lines) in [(-1, &before), (1, &after)] {
            for (l, minor) in lines {
                let Some((plan, rule)) = &l.rule else { continue };
                let name = (
                    l.partner.clone(),
                    l.client.clone().unwrap_or_default(),
                    plan.plan.clone(),
                    rule.clone(),
                    format!("{y:04}-{m:02}"),
                    l.currency,
                );
                *self.minor.entry(name).or_default() += sign * minor;
            }
        }
        self.deals.push((w.deal.clone().into_owned(), w.settings.clone()));
        self.before.push(before.into_iter().map(|(l, _)| l).collect());
        self.after.push(after.into_iter().map(|(l, _)| l).collect());
    }

    /// The standing lines' part of true-ups goes back.
    fn forget(&mut self, w: &Work<'_>) -> Result<()> {
        let mut before = Vec::new();
        for ((partner, client, currency), (exact, minor)) in &w.worth {
            let mut rest = (*exact, *minor);
            let mut of: Option<&LineRow> = None;
            for l in w
                .standing
                .iter()
                .filter(|l| l.partner_id == *partner && l.beneficiary.as_deref().unwrap_or_default() == client && l.currency == *currency)
            {
                rest = (rest.0.minus(exact_of(&l.exact)?), rest.1 - l.minor);
                of = of.or(Some(l));
            }
            if let Some(l) = of.filter(|_| !rest.0.is_zero() || rest.1 != 0) {
                before.push((as_line(l, rest.0), rest.1));
            }
        }
        if !before.is_empty() {
            self.add(w, before, Vec::new());
        }
        Ok(())
    }

    /// The same lines on other values: what the deal pays now, when that is something else.
    fn differs(&mut self, w: &Work<'_>, lines: &[Line]) -> Result<Option<Worth>> {
        let paying: Vec<Line> = lines.iter().filter(|l| l.reason.is_none()).cloned().collect();
        let rounded = minors(&paying, &w.settings)?;
        let mut worth = Worth::new();
        for (l, minor) in paying.iter().zip(&rounded) {
            let name = (PartnerId::parse(&l.partner)?, l.client.clone().unwrap_or_default(), l.currency);
            let v = worth.entry(name).or_insert((Exact::ZERO, 0));
            *v = (v.0.plus(l.exact), v.1 + minor);
        }
        let same = worth.len() == w.worth.len() && worth.iter().all(|(k, v)| w.worth.get(k).is_some_and(|o| o.0 == v.0));
        if same {
            return Ok(None);
        }
        // What was paid: the lines, the first of each receiver with what true-ups added since.
        let mut before = Vec::new();
        let mut given: BTreeSet<(PartnerId, String, Currency)> = BTreeSet::new();
        for l in &w.standing {
            let name = (l.partner_id, l.beneficiary.clone().unwrap_or_default(), l.currency);
            let (mut exact, mut minor) = (exact_of(&l.exact)?, l.minor);
            if given.insert(name.clone())
                && let Some((e, m)) = w.worth.get(&name)
            {
                for s in w
                    .standing
                    .iter()
                    .filter(|s| (s.partner_id, s.beneficiary.clone().unwrap_or_default(), s.currency) == name && s.id != l.id)
                {
                    exact = exact.plus(exact_of(&s.exact)?);
                    minor += s.minor;
                }
                let rest = (e.minus(exact), m - minor);
                exact = exact_of(&l.exact)?.plus(rest.0);
                minor = l.minor + rest.1;
            }
            before.push((as_line(l, exact), minor));
        }
        self.add(w, before, paying.into_iter().zip(rounded).collect());
        Ok(Some(worth))
    }

    fn sum(self) -> Result<Vec<TrueOf>> {
        let deals: Vec<&DealFacts> = self.deals.iter().map(|(d, _)| d).collect();
        let mut out = Vec::new();
        for t in true_ups(&deals, &self.before, &self.after) {
            let name = (
                t.partner.clone(),
                t.client.clone().unwrap_or_default(),
                t.plan.plan.clone(),
                t.rule.clone(),
                t.period.clone(),
                t.currency,
            );
            let (last, settings) = self
                .deals
                .iter()
                .find(|(d, _)| Order::of(d) == t.last)
                .ok_or_else(|| Problem::bug("true_up_lost", "a true-up names a deal that was not compared"))?;
            out.push(TrueOf {
                minor: self.minor.get(&name).copied().unwrap_or_default(),
                last: last.clone(),
                settings: settings.clone(),
                true_up: t,
            });
        }
        Ok(out)
    }
}

fn as_line(l: &LineRow, exact: Exact) -> Line {
    let rule = match (&l.plan_id, l.plan_version, &l.rule_id) {
        (Some(plan), Some(version), Some(rule)) => Some((
            PlanRef {
                plan: plan.clone(),
                version,
            },
            rule.clone(),
        )),
        _ => None,
    };
    let path = l.explanation.get("path").cloned().unwrap_or_default();
    Line {
        partner: l.partner_id.to_string(),
        client: l.beneficiary.clone(),
        level: u32::try_from(l.level).unwrap_or_default(),
        exact,
        currency: l.currency,
        lots: Exact::lots(l.lots),
        reason: None,
        rule,
        crossed: Vec::new(),
        why: Explanation {
            path: serde_json::from_value(path).unwrap_or_default(),
            ..Explanation::default()
        },
    }
}

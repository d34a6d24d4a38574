//! A plain replay of many deals, and what it changes for deals that were paid before.

use super::explain::{Explanation, Part};
use super::facts::{DealFacts, Hop, Line, Settings, Stop};
use super::state::{Order, RETRO, State};
use super::{Moment, lines_at, moments};
use crate::exact::Exact;
use crate::plan::PlanRef;
use qd_kernel::{Currency, Ts};
use std::collections::BTreeMap;

/// Where a replay learns who stands above a client at a moment, with the plans of that moment.
pub trait World {
    fn path(&mut self, d: &DealFacts, at: Ts) -> Result<Vec<Hop>, Stop>;
    fn settings(&mut self, d: &DealFacts) -> Settings;
}

/// One path and one set of settings for every deal.
impl<F: FnMut(&DealFacts, Ts) -> Vec<Hop>> World for (F, Settings) {
    fn path(&mut self, d: &DealFacts, at: Ts) -> Result<Vec<Hop>, Stop> {
        Ok((self.0)(d, at))
    }
    fn settings(&mut self, _: &DealFacts) -> Settings {
        self.1.clone()
    }
}

/// What a replay came to.
#[derive(Clone, Debug, Default)]
pub struct Month {
    /// By the place of the deal in the input.
    pub lines: Vec<Result<Vec<Line>, Stop>>,
    /// The values after the last deal.
    pub state: State,
}

/// One deal as the feed and the replay book it: each of its look-up moments. A deal that cannot be
/// said leaves the state as it was.
pub fn one(d: &DealFacts, world: &mut dyn World, state: &mut State) -> Result<Vec<Line>, Stop> {
    let settings = world.settings(d);
    let path = world.path(d, d.at)?;
    let all = moments(d, &path)?;
    if all == [Moment::close(d)] {
        return lines_at(d, all[0], &path, &settings, state);
    }
    let before = state.clone();
    let mut out = Vec::new();
    for m in all {
        let path = world.path(d, m.at).and_then(|p| lines_at(d, m, &p, &settings, state));
        match path {
            Ok(lines) => out.extend(lines),
            Err(s) => {
                *state = before;
                return Err(s);
            }
        }
    }
    Ok(out)
}

/// Places of deals by closing time, server, ticket.
pub fn in_order(deals: &[DealFacts]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..deals.len()).collect();
    order.sort_by(|a, b| {
        let key = |i: &usize| (deals[*i].at, deals[*i].server.as_str(), deals[*i].ticket.as_str());
        key(a).cmp(&key(b))
    });
    order
}

/// Replays deals given in any order from the values before the first of them. Where a retroactive tier
/// is counted, a second pass pays every deal the band that its window reached in the end; goals that
/// `start` holds already (a frozen tier) stand. A deal that cannot be said has its [`Stop`] and counts
/// for nothing.
pub fn month(deals: &[DealFacts], start: &State, world: &mut dyn World) -> Month {
    let order = in_order(deals);
    let mut pass = |mut state: State| -> Month {
        let mut lines: Vec<Result<Vec<Line>, Stop>> = (0..deals.len()).map(|_| Ok(Vec::new())).collect();
        for i in &order {
            lines[*i] = one(&deals[*i], world, &mut state);
        }
        Month { lines, state }
    };
    let first = pass(start.clone());
    if first.state.cells().all(|(k, _)| k.kind() != RETRO) {
        return first;
    }
    let mut again = start.clone();
    again.settle_from(&first.state);
    let mut second = pass(again);
    second.state = first.state;
    second
}

/// What earlier deals of a window differ by, for one partner (or client), plan and rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrueUp {
    pub partner: String,
    /// `cli_…` for a rebate.
    pub client: Option<String>,
    pub level: u32,
    /// The latest version among the deals.
    pub plan: PlanRef,
    pub rule: String,
    /// `2026-03`, UTC, of the value dates.
    pub period: String,
    pub currency: Currency,
    /// Above zero: more is due than was paid.
    pub exact: Exact,
    pub lots: Exact,
    /// The last of the deals it makes up for.
    pub last: Order,
    pub why: Explanation,
}

#[derive(Default)]
struct Group {
    level: u32,
    version: i64,
    before: Exact,
    after: Exact,
    lots: Exact,
    /// Amount per lot before and after, while all deals agree on them.
    rates: Option<(Exact, Exact)>,
    mixed: bool,
    last: Option<Order>,
    path: Vec<String>,
    deals: usize,
}

/// Compares what deals were paid with what a replay says, deal by deal in the same order; one entry per
/// partner, client, plan, rule, currency and month that differs.
pub fn true_ups(deals: &[&DealFacts], before: &[Vec<Line>], after: &[Vec<Line>]) -> Vec<TrueUp> {
    type Name = (String, Option<String>, String, String, String, Currency);
    let mut groups: BTreeMap<Name, Group> = BTreeMap::new();
    for ((d, before), after) in deals.iter().zip(before).zip(after) {
        let mut sums: BTreeMap<Name, (Exact, Exact, Exact, &Line)> = BTreeMap::new();
        for (lines, is_new) in [(before, false), (after, true)] {
            for l in lines {
                let Some((plan, rule)) = &l.rule else { continue };
                let name = (
                    l.partner.clone(),
                    l.client.clone(),
                    plan.plan.clone(),
                    rule.clone(),
                    super::volume::month(d.at),
                    l.currency,
                );
                let s = sums.entry(name).or_insert((Exact::ZERO, Exact::ZERO, Exact::ZERO, l));
                if is_new {
                    s.1 = s.1.plus(l.exact);
                    s.2 = s.2.plus(l.lots);
                    s.3 = l;
                } else {
                    s.0 = s.0.plus(l.exact);
                }
            }
        }
        for (name, (b, a, lots, l)) in sums {
            let g = groups.entry(name).or_default();
            g.level = l.level;
            g.version = g.version.max(l.rule.as_ref().map_or(0, |(p, _)| p.version));
            g.before = g.before.plus(b);
            g.after = g.after.plus(a);
            g.lots = g.lots.plus(lots);
            g.deals += 1;
            match (b.over(lots), a.over(lots), g.rates) {
                (Some(b), Some(a), None) if !g.mixed => g.rates = Some((b, a)),
                (Some(b), Some(a), Some(known)) if known == (b, a) => {}
                // Nothing paid on, nothing changed: says nothing about the rate.
                (None, None, _) if b.is_zero() && a.is_zero() => {}
                _ => {
                    g.mixed = true;
                    g.rates = None;
                }
            }
            let me = Order::of(d);
            if g.last.as_ref().is_none_or(|l| *l < me) {
                g.last = Some(me);
            }
            g.path.clone_from(&l.why.path);
        }
    }
    groups
        .into_iter()
        .filter(|(_, g)| g.before != g.after)
        .filter_map(|((partner, client, plan, rule, period, currency), g)| {
            let exact = g.after.minus(g.before);
            let mut steps = Vec::new();
            let formula = match g.rates {
                Some((old, new)) => {
                    steps.push(Part::new("start", g.lots, "lots", "volume"));
                    steps.push(Part::new("times", new, currency, "rate"));
                    steps.push(Part::new("less", old, currency, "rate"));
                    format!("{} lots x ({new} - {old}) = {exact} {currency}", g.lots)
                }
                None => {
                    steps.push(Part::new("start", g.after, currency, "amount"));
                    steps.push(Part::new("less", g.before, currency, "amount"));
                    format!(
                        "{} {currency} by the band reached, less {} {currency} = {exact} {currency}",
                        g.after, g.before
                    )
                }
            };
            steps.push(Part::new("equals", exact, currency, "amount"));
            let why = Explanation {
                formula,
                steps,
                method: "true_up".into(),
                path: g.path,
                level: g.level,
                tested: vec![super::facts::Tested::new("deals of the period", g.deals, "")],
                exact: exact.to_string(),
                ..Explanation::default()
            };
            Some(TrueUp {
                partner,
                client,
                level: g.level,
                plan: PlanRef { plan, version: g.version },
                rule,
                period,
                currency,
                exact,
                lots: g.lots,
                last: g.last?,
                why,
            })
        })
        .collect()
}

//! The commission engine: a pure function from a deal, the partners above its client, their plans and
//! the running values before it to lines and the running values after it. No database, no clock; whole
//! numbers and fractions only. The live feed, a correction, a recomputation, the preview and the
//! simulator all call [`lines`].

mod choose;
pub mod columns;
pub mod cpa;
pub mod explain;
mod facts;
mod formula;
pub mod fx;
mod limits;
pub mod month;
mod pay;
pub mod revenue;
pub mod round;
pub mod state;
mod step;
mod tiers;
mod volume;

pub use facts::{
    Blocked, BlockedShare, Crossed, DealFacts, FactKind, Hop, Line, Qualified, Quote, Rank, Ranked, RoundingPlace, Settings, Side, Stop,
    Tested,
};
pub use month::{Month, TrueUp, month, true_ups};
pub(crate) use pay::revenue as revenue_of;
pub use state::{Cell, Key, Order, State};
pub(crate) use volume::{day as day_name, month as month_name};

use crate::exact::Exact;
use crate::plan::{LookUp, PaidWhen, PlanRef};
use explain::Explanation;
pub(crate) use pay::revenue;
use qd_kernel::Ts;
use step::{Earned, Run};

/// When rules and the tree are looked up for a part of a deal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    pub at: Ts,
    /// The part of the deal's volume; all moments of a deal sum to one.
    pub part: Exact,
}

impl Moment {
    pub fn close(d: &DealFacts) -> Moment {
        Moment {
            at: d.at,
            part: Exact::ONE,
        }
    }
}

/// The moments at which the deal is looked up, by the term of the direct partner's first plan at
/// closing time. For a moment other than the closing time the caller finds path and plans of that
/// moment and calls [`lines_at`] for each; the usual answer is the closing time alone.
pub fn moments(d: &DealFacts, path_at_close: &[Hop]) -> Result<Vec<Moment>, Stop> {
    let term = path_at_close
        .first()
        .and_then(|h| h.plans.iter().find(|p| choose::plan_fits(&p.plan, d)))
        .map_or(LookUp::Close, |p| p.plan.terms.look_up);
    if term == LookUp::Close || d.volume_closed.units() <= 0 {
        return Ok(vec![Moment::close(d)]);
    }
    let opened = d
        .opened_at
        .ok_or_else(|| volume::missing(d, "open_time_missing", "the opening time, the look-up moment"))?;
    let half = Exact::new(1, 2).unwrap_or(Exact::ONE);
    Ok(match term {
        LookUp::Close => vec![Moment::close(d)],
        LookUp::Open => vec![Moment {
            at: opened,
            part: Exact::ONE,
        }],
        LookUp::Half => vec![Moment { at: opened, part: half }, Moment { at: d.at, part: half }],
    })
}

/// [`lines_at`] the closing time, for the whole deal.
pub fn lines(d: &DealFacts, path: &[Hop], settings: &Settings, state: &mut State) -> Result<Vec<Line>, Stop> {
    lines_at(d, Moment::close(d), path, settings, state)
}

/// Lines of the partners of the path, bottom up: one by the base rule for each, one for each promotion
/// that pays, one for the client's rebate; a single zero line for the direct partner when the deal as
/// a whole pays nothing; none for a client without partner. The state holds the values of [`keys`]
/// before the deal and is moved only when lines are returned.
///
/// Reasons of zero lines: of the deal `deal_cancelled`, `not_a_trade`, `technical_deal`,
/// `account_excluded`, `opens_only`; of a partner `no_plan`, `plan_out_of_scope`,
/// `country_forbidden`, `pay_forbidden`, `no_rule`, `rate_zero`, `no_override`, `level_not_paid`,
/// `below_child_rate`, `child_earned_nothing`, `before_qualification`, `closes_only`; exclusions
/// `min_duration`, `min_move`, `same_price`, `hedged`, `no_client_commission`, `negative_balance`,
/// `bonus_only`; limits `cap_order`, `cap_client_month`, `cap_chain`, `below_minimum_posting`,
/// `rebated`; `no_amount` where spread, markup or commission were nothing; and what the hop is blocked by.
pub fn lines_at(d: &DealFacts, moment: Moment, path: &[Hop], settings: &Settings, state: &mut State) -> Result<Vec<Line>, Stop> {
    let Some(direct) = path.first() else { return Ok(Vec::new()) };
    let names: Vec<String> = path.iter().map(|h| h.partner.clone()).collect();
    let stopped = match of_the_deal(d) {
        Some(("opens_only", _)) if pays_opening(d, path) => None,
        other => other,
    };
    if let Some((reason, tested)) = stopped {
        let why = Explanation {
            formula: "0".into(),
            path: names,
            level: 1,
            tested,
            exact: "0".into(),
            reason: Some(reason.into()),
            ..Explanation::default()
        };
        return Ok(vec![zero(direct, 1, reason, None, Exact::ZERO, why)]);
    }
    if d.product_group.is_none() {
        return Err(Stop {
            code: "symbol_unmapped",
            cause: format!("the symbol {} of {} has no product group", d.symbol, d.server),
        });
    }
    let mut run = Run::new(d, moment, settings, &names, state);
    let mut out: Vec<Line> = Vec::with_capacity(path.len());
    let mut earned: Vec<Earned> = Vec::with_capacity(path.len());
    for (i, hop) in path.iter().enumerate() {
        let level = u32::try_from(i + 1).unwrap_or(u32::MAX);
        let (lines, mine) = run.hop(hop, level, &earned)?;
        earned.push(mine);
        out.extend(lines);
    }
    limits::guard_chain(d, direct, &mut out)?;
    let moved = run.into_moved();
    state.take(moved, &Order::of(d));
    Ok(out)
}

/// Whether the deal opens a position and some plan above its client pays for that.
pub fn pays_opening(d: &DealFacts, path: &[Hop]) -> bool {
    d.volume_opened.units() > 0 && path.iter().any(|h| h.plans.iter().any(|p| p.plan.pays_opening()))
}

/// The running values that the deal reads or moves: to be loaded into the state before [`lines`].
/// None for plans without tiers, caps per client, minimum postings and hedging.
pub fn keys(d: &DealFacts, path: &[Hop]) -> Vec<Key> {
    let mut out: Vec<Key> = Vec::new();
    if of_the_deal(d).is_some_and(|(reason, _)| reason != "opens_only") {
        return out;
    }
    for (i, hop) in path.iter().enumerate() {
        let level = u32::try_from(i + 1).unwrap_or(u32::MAX);
        for ranked in hop.plans.iter().filter(|r| choose::plan_fits(&r.plan, d)) {
            let p = &ranked.plan;
            for t in p.tiers.iter().filter(|t| tiers::counts(t, level) || level > 1) {
                let k = tiers::keys(d, hop, ranked, t);
                out.extend(k.now);
                out.extend(k.before);
                out.extend(k.client);
            }
            if p.caps.per_client_month.is_some() {
                out.push(limits::cap_key(d, hop, ranked));
            }
            if p.minimum_posting.is_some() {
                out.push(limits::waiting_key(hop, ranked));
            }
            if p.exclusions.hedged {
                out.extend(volume::hedge_keys(d));
            }
        }
    }
    out.sort();
    out.dedup();
    out
}

/// Why nobody at all is paid on this deal.
pub fn of_the_deal(d: &DealFacts) -> Option<(&'static str, Vec<Tested>)> {
    if d.deleted || d.kind == FactKind::CancelledTrade {
        return Some((
            "deal_cancelled",
            vec![Tested::new(
                "deal",
                if d.deleted { "deleted" } else { "cancelled" },
                "a trade that stands",
            )],
        ));
    }
    if d.kind != FactKind::Trade {
        return Some(("not_a_trade", vec![Tested::new("kind", d.kind, "trade")]));
    }
    if d.technical {
        return Some((
            "technical_deal",
            vec![Tested::new("reason", &d.reason, "a trade of the client's own")],
        ));
    }
    if !d.counts {
        return Some(("account_excluded", vec![Tested::new("account counts for commission", "no", "yes")]));
    }
    if d.volume_closed.units() <= 0 {
        return Some(("opens_only", vec![Tested::new("lots closed", d.volume_closed, "more than 0")]));
    }
    None
}

fn zero(hop: &Hop, level: u32, reason: &'static str, rule: Option<(PlanRef, String)>, lots: Exact, why: Explanation) -> Line {
    Line {
        partner: hop.partner.clone(),
        client: None,
        level,
        exact: Exact::ZERO,
        currency: hop.currency,
        lots,
        reason: Some(reason),
        rule,
        crossed: Vec::new(),
        why,
    }
}

/// Whether a rule paid at this moment of a trade has any volume in the deal.
fn side_missing(d: &DealFacts, when: PaidWhen) -> Option<&'static str> {
    let (closes, opens) = (d.volume_closed.units() > 0, d.volume_opened.units() > 0);
    match when {
        PaidWhen::Close if !closes => Some("opens_only"),
        PaidWhen::Open if !opens => Some("closes_only"),
        _ => None,
    }
}

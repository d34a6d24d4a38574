//! Which deals the plans cannot tell apart but for their volume, and which plans ask for no more.

use super::super::facts::{DealFacts, Hop};
use crate::plan::{Calendar, Caps, Direction, Gaps, Inversion, LookUp, Override, PaidWhen, Pay, Plan, RateCurrency, RuleKind, RuleScope};
use qd_kernel::{Currency, Rate, Ts};
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Why a plan's deals are not summed by columns: what a line earns is not its volume times a rate
/// that its class fixes, or there is more than one line for a partner. None: they are.
pub fn unsupported(p: &Plan) -> Option<&'static str> {
    let x = &p.exclusions;
    let all = [
        (!p.tiers.is_empty(), "tiers"),
        (x.bonus_share, "bonus_share"),
        (x.hedged, "hedged"),
        (x.same_price || x.min_move_pips.is_some(), "prices"),
        (x.client_commission, "client_commission"),
        (p.caps != Caps::default(), "caps"),
        (!p.client_rebates.is_empty(), "client_rebates"),
        (p.minimum_posting.is_some(), "minimum_posting"),
        (p.terms.look_up != LookUp::Close, "look_up"),
        (
            p.terms.calendar == Calendar::Server && moments(p).next().is_some(),
            "server_calendar",
        ),
    ];
    let of_rules = p.rules.iter().map(|r| {
        let one_rate = r.pay == Pay::PerLot && r.bands.is_none() && r.cap_per_order.is_none();
        let at_close = r.when == PaidWhen::Close && !r.after_qualification;
        (!one_rate || !at_close || r.kind != RuleKind::Base, "kind_of_rate")
    });
    all.into_iter().chain(of_rules).find(|(hit, _)| *hit).map(|(_, why)| why)
}

/// Whether the plan pays a rate by itself or the difference to those below: what [`super::rates`]
/// puts together from each partner's own rate without running the engine on the whole path.
pub fn composes(p: &Plan) -> bool {
    let plain = p.terms.inversion == Inversion::RunningMaximum && p.terms.gaps == Gaps::Keep;
    plain && matches!(p.overrides, None | Some(Override::Fixed | Override::Differential)) && p.rules.iter().all(|r| r.currency.is_none())
}

/// Whether it matters whose name the partner has.
pub fn names_partners(p: &Plan) -> bool {
    matches!(&p.overrides, Some(Override::Multiplier { personal, .. }) if !personal.is_empty())
        || p.rules.iter().any(|r| !r.scope.partners.is_empty())
}

fn moments(p: &Plan) -> impl Iterator<Item = Ts> {
    p.rules.iter().flat_map(|r| [r.valid_from, r.valid_to]).flatten()
}

/// Dimensions of rules that few plans use: part of the class only when one does.
fn rare(p: &Plan) -> [bool; 6] {
    let any = |f: fn(&RuleScope) -> bool| p.rules.iter().any(|r| f(&r.scope));
    [
        any(|s| !s.brands.is_empty()),
        any(|s| !s.servers.is_empty()),
        any(|s| !s.languages.is_empty()),
        any(|s| !s.campaigns.is_empty()),
        any(|s| !s.tags.is_empty()),
        any(|s| !s.directions.is_empty()),
    ]
}

fn converts(p: &Plan, wallet: Currency) -> bool {
    std::iter::once(p.currency)
        .chain(p.rules.iter().filter_map(|r| r.currency))
        .any(|c| c != RateCurrency::Money(wallet))
}

/// What of a deal the plans in use look at.
#[derive(Clone, Debug, Default)]
pub struct Lens {
    /// Where a rule's validity begins or ends.
    moments: Vec<Ts>,
    /// Seconds that a position has to be open.
    durations: Vec<i64>,
    negative_balance: bool,
    rare: [bool; 6],
    /// Some amount is converted: the rates of the day are part of the class.
    converts: bool,
}

impl Lens {
    pub fn of<'a>(hops: impl IntoIterator<Item = &'a Hop>) -> Lens {
        let (mut times, mut durations) = (BTreeSet::new(), BTreeSet::new());
        let mut lens = Lens::default();
        let mut wallets = BTreeSet::new();
        for h in hops {
            wallets.insert(h.currency);
            for p in h.plans.iter().map(|p| &*p.plan) {
                times.extend(moments(p));
                durations.extend(p.exclusions.min_duration_secs);
                lens.negative_balance |= p.exclusions.negative_balance;
                lens.converts |= converts(p, h.currency);
                for (to, used) in lens.rare.iter_mut().zip(rare(p)) {
                    *to |= used;
                }
            }
        }
        // Partners with different wallets stand above each other.
        lens.converts |= wallets.len() > 1;
        lens.moments = times.into_iter().collect();
        lens.durations = durations.into_iter().collect();
        lens
    }

    /// Whether classes tell apart all that the path's plans ask for.
    pub fn covers(&self, path: &[Hop]) -> bool {
        let one_wallet = path.windows(2).all(|w| w[0].currency == w[1].currency);
        let covered = |p: &Plan, wallet: Currency| {
            moments(p).all(|t| self.moments.binary_search(&t).is_ok())
                && p.exclusions
                    .min_duration_secs
                    .is_none_or(|s| self.durations.binary_search(&s).is_ok())
                && (self.negative_balance || !p.exclusions.negative_balance)
                && (self.converts || !converts(p, wallet))
                && self.rare.iter().zip(rare(p)).all(|(have, want)| *have || !want)
        };
        (self.converts || one_wallet) && path.iter().all(|h| h.plans.iter().all(|p| covered(&p.plan, h.currency)))
    }

    fn parts<'a>(&self, d: &'a DealFacts) -> Parts<'a> {
        let fx = if self.converts { d.quotes.as_slice() } else { &[] };
        Parts {
            words: [
                &d.entity,
                &d.country,
                &d.account_type,
                &d.group,
                &d.symbol,
                d.product_group.as_deref().unwrap_or_default(),
            ],
            rare: [
                (self.rare[0], &d.brand),
                (self.rare[1], &d.server),
                (self.rare[2], &d.language),
                (self.rare[3], &d.campaign),
            ]
            .map(|(used, v)| if used { v.as_str() } else { "" }),
            tags: if self.rare[4] { &d.tags } else { &[] },
            direction: d.direction.filter(|_| self.rare[5]),
            mapped: d.product_group.is_some(),
            currency: d.currency,
            below_zero: self.negative_balance && d.negative_balance,
            open: if self.durations.is_empty() {
                None
            } else {
                d.opened_at.map(|o| self.durations.partition_point(|s| *s <= d.at.secs_since(o)))
            },
            era: self.moments.partition_point(|t| *t <= d.at),
            fx: fx.iter().map(|q| (q.base, q.quote, q.rate)).collect(),
        }
    }

    pub fn hash(&self, d: &DealFacts) -> u64 {
        let mut h = DefaultHasher::new();
        self.parts(d).hash(&mut h);
        h.finish()
    }

    pub fn same(&self, a: &DealFacts, b: &DealFacts) -> bool {
        self.parts(a) == self.parts(b)
    }
}

#[derive(PartialEq, Eq, Hash)]
struct Parts<'a> {
    words: [&'a str; 6],
    rare: [&'a str; 4],
    tags: &'a [String],
    direction: Option<Direction>,
    mapped: bool,
    currency: Currency,
    below_zero: bool,
    open: Option<usize>,
    era: usize,
    fx: Vec<(Currency, Currency, Rate)>,
}

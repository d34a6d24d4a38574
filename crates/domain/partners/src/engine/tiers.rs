//! Counts with thresholds: what a deal adds, which band it is paid in.

use super::facts::{Crossed, DealFacts, Hop, Ranked, Stop};
use super::fx;
use super::pay;
use super::state::{Key, RETRO, Scratch};
use super::volume::{Payable, clock, day, month};
use crate::exact::Exact;
use crate::plan::{BandKind, Measure, Tier, TierScope, Window};
use qd_kernel::Currency;

const DAY: i64 = 86_400;

/// A tier as one deal finds it.
#[derive(Clone, Debug)]
pub struct Count {
    pub plan: String,
    pub tier: String,
    pub kind: BandKind,
    pub before: Exact,
    pub after: Exact,
    /// The count that picks the band, where one band is picked.
    pub decides: Exact,
    pub band: usize,
    pub thresholds: Vec<Exact>,
}

/// Part of a deal that falls into one band.
pub struct Slice {
    pub band: usize,
    /// Of the deal; all slices sum to one.
    pub part: Exact,
}

impl Count {
    /// One slice, or for a marginal tier one for each band that the deal reaches into.
    pub fn slices(&self) -> Vec<Slice> {
        let added = self.after.minus(self.before);
        if self.kind != BandKind::Marginal || added.is_zero() {
            return vec![Slice {
                band: self.band,
                part: Exact::ONE,
            }];
        }
        let mut out = Vec::new();
        let mut at = self.before;
        for band in 0..=self.thresholds.len() {
            let end = self
                .thresholds
                .get(band)
                .map_or(self.after, |t| if *t < self.after { *t } else { self.after });
            if end > at {
                if let Some(part) = end.minus(at).over(added) {
                    out.push(Slice { band, part });
                }
                at = end;
            }
        }
        out
    }
}

pub struct TierKeys {
    /// The window the deal counts in; its last is the one that grows.
    pub now: Vec<Key>,
    /// The window before.
    pub before: Vec<Key>,
    /// The client's own count, for measures that count clients.
    pub client: Option<Key>,
}

pub fn keys(d: &DealFacts, hop: &Hop, ranked: &Ranked, t: &Tier) -> TierKeys {
    let at = clock(d, ranked.plan.terms.calendar, d.at);
    let kind = if t.kind == BandKind::Retroactive { RETRO } else { "tier" };
    let key = |period: &str| Key::of(kind, &[&hop.partner, &ranked.at.plan, &t.id], period);
    let days = |from: i64, to: i64| (from..=to).rev().map(|n| key(&day(at.plus_secs(-n * DAY)))).collect::<Vec<_>>();
    let next = t.kind == BandKind::NextPeriod;
    let (now, before, period) = match t.window {
        Window::Lifetime => (vec![key("all")], Vec::new(), "all".to_string()),
        Window::Month => {
            let (y, m, _) = at.ymd();
            let last = if m == 1 {
                format!("{:04}-12", y - 1)
            } else {
                format!("{y:04}-{:02}", m - 1)
            };
            (vec![key(&month(at))], if next { vec![key(&last)] } else { Vec::new() }, month(at))
        }
        Window::Days30 | Window::Days90 => {
            let n = if t.window == Window::Days30 { 30 } else { 90 };
            if next {
                (days(0, 0), days(1, n), day(at))
            } else {
                (days(0, n - 1), Vec::new(), day(at))
            }
        }
    };
    let counts_clients = matches!(t.measure, Measure::ActiveClients | Measure::FundedClients);
    let client = counts_clients.then(|| Key::of("active", &[&hop.partner, &ranked.at.plan, &t.id, &d.client], &period));
    TierKeys { now, before, client }
}

/// Whether the tier counts deals of partners at this level.
pub fn counts(t: &Tier, level: u32) -> bool {
    level == 1 || t.scope == TierScope::Subtree
}

/// Counts the deal, and says where that leaves the tier.
pub fn count(
    d: &DealFacts,
    hop: &Hop,
    ranked: &Ranked,
    t: &Tier,
    p: &Payable,
    level: u32,
    s: &mut Scratch<'_>,
    crossed: &mut Vec<Crossed>,
) -> Result<Count, Stop> {
    let part = if ranked.plan.terms.tiers_count_excluded {
        p.whole
    } else {
        p.closed
    };
    let adds = counts(t, level) && !part.is_zero();
    let k = keys(d, hop, ranked, t);
    let Some(grows) = k.now.last() else {
        return Err(Stop {
            code: "tier_without_window",
            cause: format!("the tier {} has no window", t.id),
        });
    };
    let mut sum = |keys: &[Key]| keys.iter().fold(Exact::ZERO, |a, k| a.plus(s.get(k)));
    let before = sum(&k.now);
    let reached = (t.kind == BandKind::NextPeriod).then(|| sum(&k.before));
    let mut added = Exact::ZERO;
    if adds {
        added = match t.measure {
            Measure::Lots => Exact::lots(d.volume_closed).times(p.factor).times(part),
            Measure::Notional => pay::notional_usd(d, part)?.0,
            Measure::Revenue => {
                let revenue = pay::revenue(d)?.times(part);
                fx::convert(revenue, d.currency, Currency::USD, &d.quotes)?.0
            }
            Measure::ActiveClients => match &k.client {
                Some(c) => {
                    let had = s.get(c);
                    let has = s.add(c, Exact::lots(d.volume_closed).times(p.factor).times(part));
                    if had < t.active_lots && has >= t.active_lots {
                        Exact::ONE
                    } else {
                        Exact::ZERO
                    }
                }
                None => Exact::ZERO,
            },
            Measure::FundedClients => {
                let calendar = ranked.plan.terms.calendar;
                let inside = d
                    .funded_at
                    .is_some_and(|f| t.window == Window::Lifetime || month(clock(d, calendar, f)) == month(clock(d, calendar, d.at)));
                match &k.client {
                    Some(c) if inside && s.get(c).is_zero() => {
                        s.add(c, Exact::ONE);
                        Exact::ONE
                    }
                    _ => Exact::ZERO,
                }
            }
        };
        if !added.is_zero() {
            s.add(grows, added);
        }
    }
    let after = before.plus(added);
    let goal = s.goal(grows);
    let decides = match t.kind {
        BandKind::Marginal => before,
        BandKind::NextPeriod => reached.unwrap_or(Exact::ZERO),
        BandKind::Retroactive => goal.unwrap_or(after),
    };
    if t.kind == BandKind::Retroactive && goal.is_none() && t.band(before) != t.band(after) {
        crossed.push(Crossed {
            key: grows.clone(),
            from_band: t.band(before),
            to_band: t.band(after),
        });
    }
    Ok(Count {
        plan: ranked.at.plan.clone(),
        tier: t.id.clone(),
        kind: t.kind,
        before,
        after,
        decides,
        band: t.band(decides),
        thresholds: t.thresholds.clone(),
    })
}

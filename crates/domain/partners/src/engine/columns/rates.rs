//! What a class of deals earns each partner of a path per unit of volume: asked of the engine, once
//! for each combination of plans.

use super::super::{self as engine, Blocked, DealFacts, Hop, Line, Rank, Settings, State, Stop};
use super::class::{composes, names_partners, unsupported};
use crate::exact::Exact;
use crate::plan::{PlanRef, RateCurrency};
use qd_kernel::{Currency, Lots};
use std::collections::HashMap;
use std::hash::Hash;

/// A prime above any volume that is summed (100,000 lots): if the engine's answer for it is the
/// answer for one lot times the volume, nothing was cut to 12 decimals on the way, and nothing is for
/// smaller volumes either, because their fractions have smaller numerators and no more denominator.
const PROBE: i64 = 10_000_000_000_037;

/// Minor units of the wallet's currency per unit of volume (10⁻⁸ lots), in lowest terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    pub num: u64,
    pub den: u64,
}

pub const MAX_UNITS: i64 = PROBE;

/// What is known of the deals of one class on one combination of plans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// By level, bottom up.
    Rates(Vec<Ratio>),
    /// The engine cannot say; the code.
    Stops(&'static str),
    /// The engine has to be asked deal by deal; why.
    Lines(&'static str),
}

/// All the engine reads of a hop.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Seat {
    plans: Vec<(Rank, PlanRef)>,
    currency: Currency,
    blocked: Option<Blocked>,
    country: String,
    /// Only where a plan names partners.
    partner: Option<String>,
}

/// A combination of plans up a path.
pub struct Combination {
    hops: Vec<Hop>,
    seats: Vec<u32>,
    /// Rates can be put together from the seats' own.
    plain: bool,
    why_not: Option<&'static str>,
    checked: bool,
}

/// Rates by combination and class.
pub struct Rates {
    settings: Settings,
    seats: HashMap<Seat, u32>,
    by_seats: HashMap<Vec<u32>, u32>,
    pub combinations: Vec<Combination>,
    /// A seat's own rate at a level for a class.
    own: HashMap<(u32, u32, u32), Own>,
}

#[derive(Clone, Copy, Debug)]
enum Own {
    /// Units of currency per lot over `den`.
    Rate {
        num: i64,
        den: i64,
        differential: bool,
    },
    Nothing,
    /// Only the whole path can tell.
    Ask,
}

fn gcd(a: u128, b: u128) -> u128 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

pub fn lcm(a: u64, b: u64) -> Option<u64> {
    if a.is_multiple_of(b) {
        return Some(a);
    }
    let g = gcd(u128::from(a), u128::from(b));
    u64::try_from(u128::from(a) / g * u128::from(b)).ok()
}

/// Units per lot into minor units per unit of volume.
fn ratio(num: i128, den: i128, exponent: u8) -> Option<Ratio> {
    let num = u128::try_from(num).ok()?.checked_mul(10u128.pow(u32::from(exponent)))?;
    let den = u128::try_from(den)
        .ok()?
        .checked_mul(u128::from(Lots::ONE.units().unsigned_abs()))?;
    let g = gcd(num, den);
    Some(Ratio {
        num: u64::try_from(num / g).ok()?,
        den: u64::try_from(den / g).ok()?,
    })
}

impl Rates {
    pub fn new(settings: Settings) -> Rates {
        Rates {
            settings,
            seats: HashMap::new(),
            by_seats: HashMap::new(),
            combinations: Vec::new(),
            own: HashMap::new(),
        }
    }

    /// Why deals on the combination go through the engine one by one.
    pub fn why_not(&self, combination: u32) -> Option<&'static str> {
        match self.combinations.get(combination as usize) {
            Some(c) => c.why_not,
            None => Some("unknown_path"),
        }
    }

    pub fn combination(&mut self, hops: &[Hop]) -> u32 {
        let seats: Vec<u32> = hops
            .iter()
            .map(|h| {
                let seat = Seat {
                    plans: h.plans.iter().map(|p| (p.rank, p.at.clone())).collect(),
                    currency: h.currency,
                    blocked: h.blocked,
                    country: h.country.clone(),
                    partner: h.plans.iter().any(|p| names_partners(&p.plan)).then(|| h.partner.clone()),
                };
                let next = self.seats.len() as u32;
                *self.seats.entry(seat).or_insert(next)
            })
            .collect();
        if let Some(c) = self.by_seats.get(&seats) {
            return *c;
        }
        let id = self.combinations.len() as u32;
        let plans = || hops.iter().flat_map(|h| &h.plans);
        let one = hops.first().map(|h| h.currency);
        self.combinations.push(Combination {
            plain: hops.iter().all(|h| {
                h.blocked.is_none()
                    && Some(h.currency) == one
                    && h.plans
                        .iter()
                        .all(|p| composes(&p.plan) && p.plan.currency == RateCurrency::Money(h.currency))
            }),
            why_not: plans().find_map(|p| unsupported(&p.plan)),
            hops: hops.to_vec(),
            seats: seats.clone(),
            checked: false,
        });
        self.by_seats.insert(seats, id);
        id
    }

    /// What the class that `d` stands for earns along the combination.
    pub fn cell(&mut self, combination: u32, class: u32, d: &DealFacts) -> Cell {
        if let Some(why) = self.why_not(combination) {
            return Cell::Lines(why);
        }
        if !self.combinations[combination as usize].plain || d.product_group.is_none() {
            return self.probe(combination, d);
        }
        let Some(composed) = self.compose(combination, class, d) else {
            return self.probe(combination, d);
        };
        // The first cell of each combination is held against the engine on the whole path.
        let c = &mut self.combinations[combination as usize];
        if !c.checked {
            c.checked = true;
            let asked = self.probe(combination, d);
            if asked != composed {
                self.combinations[combination as usize].plain = false;
                return asked;
            }
        }
        composed
    }

    fn ask(&self, d: &DealFacts, units: i64, hops: &[Hop]) -> Result<Vec<Line>, Stop> {
        let mut d = d.clone();
        d.volume_closed = Lots(units);
        // No plan here has running values.
        engine::lines(&d, hops, &self.settings, &mut State::new())
    }

    /// The engine on the whole path, for one lot and for a prime number of units.
    fn probe(&self, combination: u32, d: &DealFacts) -> Cell {
        let hops = &self.combinations[combination as usize].hops;
        let one = match self.ask(d, Lots::ONE.units(), hops) {
            Ok(l) => l,
            Err(s) => return Cell::Stops(s.code),
        };
        let many = match self.ask(d, PROBE, hops) {
            Ok(l) => l,
            Err(s) => return Cell::Stops(s.code),
        };
        if one.len() != hops.len() || many.len() != hops.len() {
            return Cell::Lines("not_one_line_each");
        }
        let factor = Exact::lots(Lots(PROBE));
        let mut out = Vec::with_capacity(hops.len());
        for (a, b) in one.iter().zip(&many) {
            let (n1, d1) = a.exact.parts();
            let (n2, d2) = b.exact.parts();
            let straight = a.exact.times(factor) == b.exact && a.reason == b.reason;
            // A numerator near the limit could hide a cut.
            if !straight || n1.unsigned_abs() > 1 << 80 || n2.unsigned_abs() > 1 << 110 || d1 > 1 << 80 || d2 > 1 << 80 {
                return Cell::Lines("not_proportional");
            }
            match ratio(n1, d1, a.currency.exponent()) {
                Some(r) => out.push(r),
                None => return Cell::Lines("not_proportional"),
            }
        }
        Cell::Rates(out)
    }

    /// Each partner's own rate, then the running difference, in whole numbers.
    fn compose(&mut self, combination: u32, class: u32, d: &DealFacts) -> Option<Cell> {
        let n = self.combinations[combination as usize].hops.len();
        let mut own = Vec::with_capacity(n);
        let mut den = 1i64;
        for i in 0..n {
            let o = self.own(combination, i, class, d);
            match o {
                Own::Ask => return None,
                Own::Nothing => {}
                Own::Rate { den: b, .. } => {
                    if den % b != 0 {
                        den = i64::try_from(lcm(den.unsigned_abs(), b.unsigned_abs())?).ok()?;
                    }
                }
            }
            own.push(o);
        }
        let exponent = self.combinations[combination as usize].hops.first()?.currency.exponent();
        let mut below = 0i64;
        let mut out = Vec::with_capacity(n);
        for o in own {
            let earned = match o {
                Own::Rate { num, den: b, differential } => {
                    let own = num.checked_mul(den / b)?;
                    if differential { (own - below).max(0) } else { own }
                }
                _ => 0,
            };
            below = below.checked_add(earned)?;
            out.push(ratio(i128::from(earned), i128::from(den), exponent)?);
        }
        Some(Cell::Rates(out))
    }

    /// What the hop earns when nobody below it earns anything.
    fn own(&mut self, combination: u32, i: usize, class: u32, d: &DealFacts) -> Own {
        let c = &self.combinations[combination as usize];
        let key = (c.seats[i], i as u32, class);
        if let Some(o) = self.own.get(&key) {
            return *o;
        }
        let mut hops: Vec<Hop> = c.hops[..=i].to_vec();
        for h in &mut hops[..i] {
            h.plans.clear();
        }
        let ask = |units: i64| self.ask(d, units, &hops).ok().and_then(|mut l| l.pop());
        let own = match (ask(Lots::ONE.units()), ask(PROBE)) {
            (Some(one), Some(many)) if one.level == i as u32 + 1 => {
                let (num, den) = one.exact.parts();
                let straight = one.exact.times(Exact::lots(Lots(PROBE))) == many.exact;
                match (i64::try_from(num), i64::try_from(den)) {
                    _ if one.reason.is_some() => Own::Nothing,
                    (Ok(num), Ok(den)) if straight && num < 1 << 40 && den < 1 << 40 => Own::Rate {
                        num,
                        den,
                        differential: one.why.method == "differential",
                    },
                    _ => Own::Ask,
                }
            }
            _ => Own::Ask,
        };
        self.own.insert(key, own);
        own
    }
}

//! What a partner may be paid, and why not more: balance, open, held, reserved, under way, available,
//! minimum, fee, tax, net. Pure, and read for many partners at once.

use super::terms::{FeeBearer, PayBasis, Terms, saved_share, sum_of};
use crate::exact::Exact;
use qd_kernel::{Currency, Problem, Result, Ts};
use serde::Serialize;

const DAY_US: i64 = 86_400_000_000;

/// The day of a moment, counted from 1970 in UTC.
pub fn day_of(at: Ts) -> i64 {
    at.micros().div_euclid(DAY_US)
}

/// Lines of one kind and value date together. A reversal counts to the kind it takes back; both have
/// the same value date, so that what was taken back neither holds nor reserves anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earned {
    pub kind: String,
    /// Value date, days since 1970.
    pub day: i64,
    /// On a closed statement.
    pub stated: bool,
    pub minor: i64,
    pub hold: Hold,
}

/// How long an amount is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// As the partner's terms say for its kind.
    Terms,
    /// A plan's sum per client: to the start of that day at least (days since 1970).
    Until(i64),
    /// A plan's sum per client whose papers have to be approved first.
    Papers,
}

/// Takes effect at once: neither held nor in the reserve.
fn at_once(kind: &str) -> bool {
    matches!(kind, "clawback" | "adjustment" | "reversal")
}

/// All in minor units of one currency.
/// `available = balance - open - held - reserved - under way`; what may be paid is all of it or,
/// below the minimum, nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = PartnerPayable)]
pub struct Figures {
    pub currency: Currency,
    /// What the ledger says the partner is owed; below zero after clawbacks.
    pub balance_minor: i64,
    /// On no closed statement yet.
    pub open_minor: i64,
    /// Within the days of hold of its kind.
    pub held_minor: i64,
    /// The rolling reserve.
    pub reserved_minor: i64,
    /// In payouts prepared or released.
    pub under_way_minor: i64,
    pub available_minor: i64,
    pub minimum_minor: i64,
    /// What a payout takes from the balance now: `available`, or 0.
    pub payable_minor: i64,
    /// What waits: below the minimum, or below zero and netted against what comes.
    pub carried_minor: i64,
    /// Of `payable`.
    pub fee_minor: i64,
    pub fee_bearer: FeeBearer,
    pub tax_minor: i64,
    /// What arrives.
    pub net_minor: i64,
    /// Why nothing is paid: `negative`, `nothing`, `below_minimum`, `fee_exceeds`.
    pub reason: Option<String>,
    /// When money held or reserved is let go, the next first, by day.
    pub releases: Vec<Release>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = PartnerRelease)]
pub struct Release {
    /// Start of the day.
    #[serde(rename = "at_us")]
    pub at: Ts,
    pub minor: i64,
}

/// What a payout costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Taken from the partner; 0 where the house bears it.
    pub fee_minor: i64,
    pub tax_minor: i64,
    pub net_minor: i64,
}

fn part(minor: i64, share: Exact) -> Result<i64> {
    Exact::int(minor)
        .times(share)
        .minor(0)
        .ok_or_else(|| Problem::invalid("amount", "amount_too_big", "expected a smaller amount"))
}

/// Fee and tax, each a share of what leaves the balance, each rounded once, half away from zero.
pub fn cost(terms: &Terms, currency: Currency, minor: i64) -> Result<Cost> {
    let fee = part(minor, saved_share(&terms.fee)?)? + sum_of(&terms.fee_fixed, currency)?;
    let fee_minor = if terms.fee_bearer == FeeBearer::Partner { fee } else { 0 };
    let tax_minor = part(minor, saved_share(&terms.withholding_tax)?)?;
    Ok(Cost {
        fee_minor,
        tax_minor,
        net_minor: minor - fee_minor - tax_minor,
    })
}

/// `balance` and `under_way` as the ledger has them, `open` the sum of all lines on no statement;
/// `earned` must reach back [`Terms::window_days`] before `today` (days since 1970).
pub fn figures(
    terms: &Terms,
    currency: Currency,
    balance: i64,
    under_way: i64,
    open: i64,
    earned: &[Earned],
    today: i64,
) -> Result<Figures> {
    // A correction that waits for its statement lowers what may be paid already.
    let open = if terms.pay == PayBasis::Closed { open.max(0) } else { 0 };
    let counts = |e: &&Earned| !at_once(&e.kind) && (e.stated || terms.pay == PayBasis::Live);
    // None: nobody knows yet.
    let let_go = |e: &Earned| match e.hold {
        Hold::Terms => Some(e.day + terms.hold_of(&e.kind)),
        Hold::Until(day) => Some(day.max(e.day + terms.hold_of(&e.kind))),
        Hold::Papers => None,
    };
    let held_now = |e: &Earned| let_go(e).is_none_or(|day| day > today);
    let held: i64 = earned
        .iter()
        .filter(counts)
        .filter(|e| held_now(e))
        .map(|e| e.minor)
        .sum::<i64>()
        .max(0);
    let reserve = saved_share(&terms.reserve)?;
    // What is held whole is not reserved on top.
    let in_reserve: Vec<&Earned> = earned
        .iter()
        .filter(counts)
        .filter(|e| !held_now(e) && e.day + terms.reserve_days > today)
        .collect();
    let reserved = part(in_reserve.iter().map(|e| e.minor).sum::<i64>().max(0), reserve)?;
    let available = balance - open - held - reserved - under_way;
    let minimum = sum_of(&terms.minimum, currency)?;
    let c = cost(terms, currency, available.max(0))?;
    let reason = if available < 0 {
        Some("negative")
    } else if available == 0 {
        Some("nothing")
    } else if available < minimum {
        Some("below_minimum")
    } else if c.net_minor <= 0 {
        Some("fee_exceeds")
    } else {
        None
    };
    let payable = if reason.is_none() { available } else { 0 };
    let mut days: std::collections::BTreeMap<i64, i64> = std::collections::BTreeMap::new();
    for e in earned.iter().filter(counts) {
        if held_now(e) {
            if let Some(day) = let_go(e) {
                *days.entry(day).or_default() += e.minor;
            }
        } else if e.day + terms.reserve_days > today {
            *days.entry(e.day + terms.reserve_days).or_default() += part(e.minor, reserve)?;
        }
    }
    Ok(Figures {
        currency,
        balance_minor: balance,
        open_minor: open,
        held_minor: held,
        reserved_minor: reserved,
        under_way_minor: under_way,
        available_minor: available,
        minimum_minor: minimum,
        payable_minor: payable,
        carried_minor: available - payable,
        fee_minor: if payable > 0 { c.fee_minor } else { 0 },
        fee_bearer: terms.fee_bearer,
        tax_minor: if payable > 0 { c.tax_minor } else { 0 },
        net_minor: if payable > 0 { c.net_minor } else { 0 },
        reason: reason.map(str::to_string),
        releases: days
            .into_iter()
            .filter(|(_, m)| *m != 0)
            .take(60)
            .map(|(d, minor)| Release { at: Ts(d * DAY_US), minor })
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn earned(kind: &str, day: i64, minor: i64) -> Earned {
        Earned {
            kind: kind.into(),
            day,
            stated: true,
            minor,
            hold: Hold::Terms,
        }
    }
    fn of(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()
    }

    #[test]
    fn example_19_pays_256_10_and_a_small_sum_waits_for_the_next_month() {
        let t = Terms {
            reserve: "0.10".into(),
            reserve_days: 90,
            minimum: of(&[("USD", "100.00")]),
            fee: "0.015".into(),
            ..Terms::default()
        };
        // Opening 120.00, 310.00 clawed back, 500.00 earned.
        let before = figures(&t, Currency::USD, 12_000 - 31_000, 0, 0, &[], 100).expect("figures");
        assert_eq!(
            (before.available_minor, before.payable_minor, before.carried_minor),
            (-19_000, 0, -19_000)
        );
        assert_eq!(before.reason.as_deref(), Some("negative"));
        let lines = [earned("accrual", 95, 50_000), earned("clawback", 70, -31_000)];
        let f = figures(&t, Currency::USD, -19_000 + 50_000, 0, 0, &lines, 100).expect("figures");
        assert_eq!((f.reserved_minor, f.available_minor, f.payable_minor), (5_000, 26_000, 26_000));
        assert_eq!((f.fee_minor, f.net_minor), (390, 25_610));
        // The reserve is let go by itself on its day.
        assert_eq!(
            f.releases,
            [Release {
                at: Ts((95 + 90) * DAY_US),
                minor: 5_000
            }]
        );
        let later = figures(&t, Currency::USD, 5_000, 0, 0, &lines[..1], 185).expect("figures");
        assert_eq!((later.reserved_minor, later.available_minor), (0, 5_000));

        let t = Terms {
            minimum: of(&[("USD", "50.00")]),
            ..Terms::default()
        };
        let wait = figures(&t, Currency::USD, 3_820, 0, 0, &[], 100).expect("figures");
        assert_eq!(
            (wait.payable_minor, wait.carried_minor, wait.reason.as_deref()),
            (0, 3_820, Some("below_minimum"))
        );
        assert_eq!(
            figures(&t, Currency::USD, 3_820 + 2_755, 0, 0, &[], 130)
                .expect("figures")
                .payable_minor,
            6_575
        );
    }

    #[test]
    fn a_held_cpa_that_is_undone_was_never_payable() {
        // Example 16, C1: qualified on day 100, 30 days of hold, undone on day 115.
        let t = Terms {
            hold_days_of: [("cpa".to_string(), 30)].into(),
            ..Terms::default()
        };
        let on = |balance, lines: &[Earned], today| figures(&t, Currency::USD, balance, 0, 0, lines, today).expect("figures");
        let f = on(40_000, &[earned("cpa", 100, 40_000)], 129);
        assert_eq!((f.held_minor, f.payable_minor), (40_000, 0));
        assert_eq!(on(40_000, &[earned("cpa", 100, 40_000)], 130).payable_minor, 40_000);
        // The plan's own days of hold count as well, and papers that are missing for as long as they are.
        let plans = |hold| Earned {
            hold,
            ..earned("cpa", 100, 40_000)
        };
        let f = on(40_000, &[plans(Hold::Until(145))], 144);
        assert_eq!((f.held_minor, f.payable_minor, f.releases.len()), (40_000, 0, 1));
        assert_eq!(on(40_000, &[plans(Hold::Until(145))], 145).payable_minor, 40_000);
        let f = on(40_000, &[plans(Hold::Papers)], 400);
        assert_eq!((f.held_minor, f.payable_minor, f.releases.len()), (40_000, 0, 0));
        let undone = on(0, &[earned("cpa", 100, 0)], 115);
        assert_eq!((undone.held_minor, undone.available_minor), (0, 0));
    }
}

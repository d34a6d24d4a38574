//! A month's share of net revenue, with what is carried between months in revenue terms: a change
//! of the share does not rescale the debt. Pure.

use super::facts::Tested;
use crate::exact::Exact;
use crate::plan::programmes::{BandsBy, Carry, Component, RevenueShare};
use serde::{Deserialize, Serialize};

/// What is left of one month's negative result; `left` above zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deficit {
    /// Months since year 0: `year * 12 + month - 1`.
    pub month: i64,
    pub left: Exact,
}

/// One part of net revenue; costs are positive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub component: Component,
    pub amount: Exact,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Month {
    pub month: i64,
    /// Net revenue of the month.
    pub net: Exact,
    /// What the carry and the month make: the base, also when it is below zero.
    pub base: Exact,
    /// Unrounded, in the section's currency; never below zero.
    pub pay: Exact,
    /// What goes on, oldest first.
    pub carry: Vec<Deficit>,
    pub written_off: Exact,
    pub tested: Vec<Tested>,
    pub formula: String,
}

impl Month {
    /// Zero or below: what is carried out.
    pub fn carry_out(&self) -> Exact {
        self.carry.iter().fold(Exact::ZERO, |s, d| s.minus(d.left))
    }
}

/// Sum of the parts that the contract counts, each with its sign.
pub fn net(rs: &RevenueShare, parts: &[Part]) -> (Exact, Vec<Tested>) {
    let mut sum = Exact::ZERO;
    let mut tested = Vec::new();
    for p in parts {
        let counts = rs.net.has(p.component);
        let signed = if p.component.costs() { p.amount.neg() } else { p.amount };
        tested.push(Tested::new(
            p.component.as_str(),
            signed,
            if counts { "counts" } else { "left out by the plan" },
        ));
        if counts {
            sum = sum.plus(signed);
        }
    }
    (sum, tested)
}

/// What a positive base pays, and how.
pub fn share_of(rs: &RevenueShare, base: Exact) -> (Exact, String) {
    if base <= Exact::ZERO {
        return (Exact::ZERO, "0".into());
    }
    match rs.by {
        BandsBy::Whole => {
            let share = rs.bands.iter().rev().find(|b| base > b.above).map_or(Exact::ZERO, |b| b.share);
            (base.times(share), format!("{base} x {share}"))
        }
        BandsBy::Part => {
            let (mut sum, mut words) = (Exact::ZERO, Vec::new());
            for (i, b) in rs.bands.iter().enumerate().filter(|(_, b)| base > b.above) {
                let top = match rs.bands.get(i + 1) {
                    Some(n) if n.above < base => n.above,
                    _ => base,
                };
                let part = top.minus(b.above);
                sum = sum.plus(part.times(b.share));
                words.push(format!("{part} x {}", b.share));
            }
            (sum, words.join(" + "))
        }
    }
}

/// One month: net revenue and what came from the months before, to what is paid and carried on.
/// `first_deposits`: how many the partner's clients made in the month.
pub fn month(rs: &RevenueShare, month: i64, net: Exact, before: &[Deficit], first_deposits: i64) -> Month {
    let mut carry: Vec<Deficit> = before.to_vec();
    carry.sort_by_key(|d| d.month);
    carry.retain(|d| match rs.carry {
        Carry::None => false,
        Carry::Expires { after_months } => month <= d.month + i64::from(after_months),
        Carry::Unlimited | Carry::Relief { .. } => true,
    });
    let owed = carry.iter().fold(Exact::ZERO, |s, d| s.plus(d.left));
    let base = net.minus(owed);
    let mut tested = vec![
        Tested::new("net revenue", net, "any"),
        Tested::new("carried in", owed.neg(), "0 or below"),
        Tested::new("base", base, "more than 0"),
    ];
    if net.is_negative() {
        carry.push(Deficit { month, left: net.neg() });
    } else {
        // The oldest is earned back first.
        let mut left = net;
        for d in &mut carry {
            let used = if d.left < left { d.left } else { left };
            d.left = d.left.minus(used);
            left = left.minus(used);
        }
    }
    carry.retain(|d| !d.left.is_zero());
    let mut written_off = Exact::ZERO;
    let out = carry.iter().fold(Exact::ZERO, |s, d| s.plus(d.left));
    match &rs.carry {
        Carry::None => {
            written_off = out;
            carry.clear();
        }
        Carry::Relief {
            up_to,
            first_deposits: wanted,
        } if !out.is_zero() => {
            tested.push(Tested::new("deficit", out, format!("<= {up_to} to be written off")));
            tested.push(Tested::new(
                "first deposits",
                first_deposits,
                format!(">= {wanted} to be written off"),
            ));
            if out <= *up_to && first_deposits >= *wanted {
                written_off = out;
                carry.clear();
            }
        }
        Carry::Expires { after_months } => {
            // Of no use in any later month: gone now, not when somebody looks.
            let gone = |d: &Deficit| d.month + i64::from(*after_months) <= month;
            written_off = carry.iter().filter(|d| gone(d)).fold(Exact::ZERO, |s, d| s.plus(d.left));
            carry.retain(|d| !gone(d));
        }
        Carry::Unlimited | Carry::Relief { .. } => {}
    }
    if !written_off.is_zero() {
        tested.push(Tested::new("written off", written_off, "not carried on"));
    }
    let (pay, words) = share_of(rs, base);
    let formula = match (pay.is_zero(), owed.is_zero()) {
        (true, true) => format!("net revenue {net}: nothing to share"),
        (true, false) => format!("net revenue {net}, carried in -{owed}: nothing to share"),
        (false, true) => format!("{words} = {pay}"),
        (false, false) => format!("{net} - {owed} carried in = {base}; {words} = {pay}"),
    };
    Month {
        month,
        net,
        base,
        pay,
        carry,
        written_off,
        tested,
        formula,
    }
}

/// How many months after year 0.
pub fn month_of(at: qd_kernel::Ts) -> i64 {
    let (y, m, _) = at.ymd();
    y * 12 + i64::from(m) - 1
}

/// A share that is paid only after what was paid per client is earned back: of `share` so much, and
/// so much is left to earn back.
pub fn recouped(owed: Exact, share: Exact) -> (Exact, Exact) {
    let pay = share.minus(owed).max(Exact::ZERO);
    let left = owed.minus(share).max(Exact::ZERO);
    (pay, left)
}

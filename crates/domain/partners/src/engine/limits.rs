//! Caps, minimum postings, the guard over a chain's cost.

use super::choose;
use super::explain::Part;
use super::facts::{DealFacts, Hop, Line, Ranked, Stop, Tested};
use super::fx;
use super::pay;
use super::state::{Key, Scratch};
use super::volume::{clock, month};
use crate::exact::Exact;
use crate::plan::Cut;
use qd_kernel::Currency;

pub fn cap_key(d: &DealFacts, hop: &Hop, ranked: &Ranked) -> Key {
    let at = clock(d, ranked.plan.terms.calendar, d.at);
    Key::of("cap", &[&hop.partner, &ranked.at.plan, &d.client], &month(at))
}

pub fn waiting_key(hop: &Hop, ranked: &Ranked) -> Key {
    Key::of("least", &[&hop.partner, &ranked.at.plan], "all")
}

/// What limits left of an amount, and how.
pub struct Limited {
    pub amount: Exact,
    pub reason: Option<&'static str>,
    pub tested: Vec<Tested>,
    pub parts: Vec<Part>,
    pub words: String,
}

impl Limited {
    fn cut(&mut self, to: Exact, unit: Currency, reason: &'static str, what: &str) {
        self.tested.push(Tested::new(what, self.amount, format!("at most {to} {unit}")));
        if self.amount > to {
            let over = self.amount.minus(to);
            self.tested.push(Tested::new("above the cap", over, "0"));
            self.words.push_str(&format!(", cut to {to} {unit}"));
            self.parts.push(Part::new("cut_to", to, unit, "cap"));
            self.amount = to;
            if to.is_zero() {
                self.reason = Some(reason);
            }
        }
    }
}

/// Applies the caps to an amount of the plan; `order_left` is what the cap per order leaves, in the
/// plan's currency, and is lowered.
#[allow(clippy::too_many_arguments, reason = "an amount with all that may limit it")]
pub fn limit(
    d: &DealFacts,
    hop: &Hop,
    ranked: &Ranked,
    rule_cap: Option<Exact>,
    amount: Exact,
    currency: Currency,
    order_left: &mut Option<Exact>,
    s: &mut Scratch<'_>,
) -> Result<Limited, Stop> {
    let mut l = Limited {
        amount,
        reason: None,
        tested: Vec::new(),
        parts: Vec::new(),
        words: String::new(),
    };
    let own = ranked.plan.currency.of(d.currency);
    let to_plan = |v: Exact| fx::convert(v, currency, own, &d.quotes).map(|(v, _)| v);
    let from_plan = |v: Exact| fx::convert(v, own, currency, &d.quotes).map(|(v, _)| v);
    if let Some(cap) = rule_cap {
        l.cut(cap, currency, "cap_order", "cap per order");
    }
    if let Some(left) = order_left {
        l.cut(from_plan(*left)?, currency, "cap_order", "cap per order");
    }
    if let Some(cap) = ranked.plan.caps.per_client_month {
        let key = cap_key(d, hop, ranked);
        let left = cap.minus(s.get(&key)).max(Exact::ZERO);
        l.cut(
            from_plan(left)?,
            currency,
            "cap_client_month",
            "left of the cap per client and month",
        );
        s.add(&key, to_plan(l.amount)?);
    }
    if let Some(left) = order_left {
        *left = left.minus(to_plan(l.amount)?).max(Exact::ZERO);
    }
    if let Some(least) = ranked.plan.minimum_posting
        && !l.amount.is_zero()
    {
        let key = waiting_key(hop, ranked);
        let waiting = s.get(&key);
        let sum = waiting.plus(to_plan(l.amount)?);
        l.tested
            .push(Tested::new("amount with what waits", sum, format!("at least {least} {own}")));
        if sum < least {
            s.set(key, sum);
            l.amount = Exact::ZERO;
            l.reason = Some("below_minimum_posting");
        } else {
            s.set(key, Exact::ZERO);
            if !waiting.is_zero() {
                l.amount = l.amount.plus(from_plan(waiting)?);
                l.words
                    .push_str(&format!(", plus {waiting} {own} that waited = {} {currency}", l.amount));
                l.parts.push(Part::new("plus", waiting, own, "waiting"));
            }
        }
    }
    Ok(l)
}

/// All lines of the deal together cost at most the guard's part of the broker's revenue on it.
pub fn guard_chain(d: &DealFacts, direct: &Hop, lines: &mut [Line]) -> Result<(), Stop> {
    let fitting = direct.plans.iter().filter(|p| choose::plan_fits(&p.plan, d));
    let Some(guard) = fitting.filter_map(|p| p.plan.caps.chain.as_ref()).next() else {
        return Ok(());
    };
    if lines.iter().all(|l| l.reason.is_some()) {
        return Ok(());
    }
    let limit = pay::revenue(d)?.max(Exact::ZERO).times(guard.share);
    let mut total = Exact::ZERO;
    let mut costs = Vec::with_capacity(lines.len());
    for l in lines.iter() {
        let (c, _) = fx::convert(l.exact, l.currency, d.currency, &d.quotes)?;
        total = total.plus(c);
        costs.push(c);
    }
    let over = total > limit;
    let tested = Tested::new(
        "chain's cost",
        total,
        format!("at most {limit} {} ({} of the revenue)", d.currency, guard.share),
    );
    let factor = limit.over(total).unwrap_or(Exact::ZERO);
    let mut excess = total.minus(limit);
    for (l, cost) in lines.iter_mut().zip(costs).rev().filter(|(l, _)| l.reason.is_none()) {
        l.why.tested.push(tested.clone());
        if !over {
            continue;
        }
        let keep = match guard.cut {
            Cut::ProRata => factor,
            Cut::Top => {
                let taken = if excess < cost { excess } else { cost };
                excess = excess.minus(taken);
                cost.minus(taken).over(cost).unwrap_or(Exact::ZERO)
            }
        };
        if keep == Exact::ONE {
            continue;
        }
        let cut = l.exact.times(keep);
        l.why.tested.push(Tested::new("above the cap", l.exact.minus(cut), "0"));
        l.why.formula.push_str(&format!(", cut to {cut} {} by the chain's cap", l.currency));
        l.why.steps.push(Part::new("cut_to", cut, l.currency, "chain"));
        l.exact = cut;
        l.why.exact = cut.to_string();
        if cut.is_zero() {
            l.reason = Some("cap_chain");
            l.why.reason = Some("cap_chain".into());
        }
    }
    Ok(())
}

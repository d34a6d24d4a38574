//! From the plan's currency to the wallet's, without rounding on the way.

use super::facts::{Quote, Stop};
use crate::exact::Exact;
use qd_kernel::{Currency, Rate, Ts};
use serde::{Deserialize, Serialize};

/// One step of a conversion, kept with the line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = FxStep)]
pub struct Step {
    /// `EURUSD`: dollars for one euro.
    pub pair: String,
    pub rate: Rate,
    /// Multiplied by the rate, or divided by it.
    pub divided: bool,
    pub source: String,
    pub at_us: Ts,
}

/// Directly, by the inverse, or over one third currency (the dollar first, then the order of the
/// quotes).
pub fn convert(amount: Exact, from: Currency, to: Currency, quotes: &[Quote]) -> Result<(Exact, Vec<Step>), Stop> {
    if from == to {
        return Ok((amount, Vec::new()));
    }
    if let Some((v, s)) = one(amount, from, to, quotes) {
        return Ok((v, vec![s]));
    }
    let between = std::iter::once(Currency::USD).chain(quotes.iter().flat_map(|q| [q.base, q.quote]));
    for via in between.filter(|c| *c != from && *c != to) {
        if let Some((half, first)) = one(amount, from, via, quotes)
            && let Some((v, second)) = one(half, via, to, quotes)
        {
            return Ok((v, vec![first, second]));
        }
    }
    Err(Stop {
        code: "fx_missing",
        cause: format!("no rate from {from} to {to} at the value date"),
    })
}

fn one(amount: Exact, from: Currency, to: Currency, quotes: &[Quote]) -> Option<(Exact, Step)> {
    let step = |q: &Quote, divided| Step {
        pair: format!("{}{}", q.base, q.quote),
        rate: q.rate,
        divided,
        source: q.source.clone(),
        at_us: q.at,
    };
    if let Some(q) = quotes.iter().find(|q| q.base == from && q.quote == to) {
        return Some((amount.times(Exact::rate(q.rate)), step(q, false)));
    }
    let q = quotes.iter().find(|q| q.base == to && q.quote == from)?;
    Some((amount.over(Exact::rate(q.rate))?, step(q, true)))
}

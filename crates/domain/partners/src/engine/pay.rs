//! From a rule and a volume to money: what a rate is multiplied with, and in which currency that is.

use super::facts::{DealFacts, Stop};
use super::formula::Formula;
use super::fx::{self, Step};
use super::volume::missing;
use crate::exact::Exact;
use crate::plan::{MarkupOf, Pay, Plan, Rule, SpreadAt};
use qd_kernel::Currency;

/// Times the rate it is the amount.
pub struct Quantity {
    pub value: Exact,
    pub currency: Currency,
    pub formula: Formula,
    pub fx: Vec<Step>,
    /// Withheld by damping, in `currency` before the rate.
    pub damped: Exact,
}

fn contract(d: &DealFacts) -> Result<Exact, Stop> {
    d.contract_size
        .ok_or_else(|| missing(d, "contract_size_missing", "the contract size"))
}

fn price_currency(d: &DealFacts) -> Result<Currency, Stop> {
    d.price_currency
        .ok_or_else(|| missing(d, "price_currency_missing", "the currency of the price"))
}

/// Half of each side, or one of them.
fn at(
    d: &DealFacts,
    when: SpreadAt,
    code: &'static str,
    what: &str,
    read: impl Fn(&super::facts::Side) -> Option<Exact>,
    shape: impl Fn(Exact) -> Exact,
) -> Result<Exact, Stop> {
    let one = |side| read(side).map(&shape).ok_or_else(|| missing(d, code, what));
    Ok(match when {
        SpreadAt::Open => one(&d.open)?,
        SpreadAt::Close => one(&d.close)?,
        SpreadAt::Half => {
            let both = one(&d.open)?.plus(one(&d.close)?);
            both.over(Exact::int(2)).unwrap_or(both)
        }
    })
}

fn measured_markup(d: &DealFacts, when: SpreadAt) -> Result<Exact, Stop> {
    at(
        d,
        when,
        "raw_spread_missing",
        "the client's and the raw spread",
        |s| Some(s.spread()?.minus(s.raw_spread?).max(Exact::ZERO)),
        |v| v,
    )
}

fn markup(d: &DealFacts, of: MarkupOf, when: SpreadAt) -> Result<Exact, Stop> {
    match of {
        MarkupOf::Measured => measured_markup(d, when),
        MarkupOf::Configured => d.markup.ok_or_else(|| missing(d, "markup_missing", "the configured markup")),
    }
}

/// USD turned over by this part of the closed volume.
pub fn notional_usd(d: &DealFacts, part: Exact) -> Result<(Exact, Vec<Step>), Stop> {
    let price = d
        .close
        .price
        .ok_or_else(|| missing(d, "close_price_missing", "the closing price"))?;
    let value = Exact::lots(d.volume_closed).times(part).times(contract(d)?).times(price);
    fx::convert(value, price_currency(d)?, Currency::USD, &d.quotes)
}

/// What the broker earned on the whole deal, in the account's currency.
pub fn revenue(d: &DealFacts) -> Result<Exact, Stop> {
    let minor = |m: i64| {
        let scale = 10i64.pow(u32::from(d.currency.exponent()));
        Exact::new(i128::from(m), i128::from(scale)).unwrap_or(Exact::ZERO)
    };
    if let Some(m) = d.revenue_minor {
        return Ok(minor(m));
    }
    let commission = d.commission_minor.map(minor);
    let per_unit = d
        .markup
        .or_else(|| measured_markup(d, SpreadAt::Close).ok())
        .or_else(|| d.close.spread());
    let spread = match per_unit {
        None => None,
        Some(u) => {
            let value = Exact::lots(d.volume_closed).times(contract(d)?).times(u);
            Some(fx::convert(value, price_currency(d)?, d.currency, &d.quotes)?.0)
        }
    };
    match (commission, spread) {
        (None, None) => Err(missing(d, "revenue_missing", "the broker's revenue")),
        (c, s) => Ok(c.unwrap_or(Exact::ZERO).plus(s.unwrap_or(Exact::ZERO))),
    }
}

/// `lots` are standard lots paid on; `platform` the same volume in the platform's lots, which is what
/// contract size and price belong to; `part` the part of the deal.
pub fn quantity(d: &DealFacts, plan: &Plan, rule: &Rule, lots: Exact, platform: Exact, part: Exact) -> Result<Quantity, Stop> {
    let money = rule.currency.unwrap_or(plan.currency).of(d.currency);
    let plain = |value, currency, formula| Quantity {
        value,
        currency,
        formula,
        fx: Vec::new(),
        damped: Exact::ZERO,
    };
    let in_price = |per_unit: Exact, of: &str| -> Result<(Exact, Currency, Formula), Stop> {
        let size = contract(d)?;
        let value = platform.times(size).times(per_unit);
        let formula = Formula::start(platform, "lots", "volume")
            .times(size, "", "contract_size")
            .times(per_unit, "price", of);
        Ok((value, price_currency(d)?, formula))
    };
    Ok(match rule.pay {
        Pay::PerLot => plain(lots, money, Formula::start(lots, "lots", "volume")),
        Pay::Pips => {
            let pip = d
                .pip_size
                .ok_or_else(|| missing(d, "pip_size_missing", "the pip size of the symbol"))?;
            let (v, c, f) = in_price(pip, "pip_size")?;
            plain(v, c, f)
        }
        Pay::PerMillion => {
            let (usd, fx) = notional_usd(d, part)?;
            let value = usd.over(Exact::int(1_000_000)).unwrap_or(Exact::ZERO);
            let formula = Formula::start(usd, "USD", "notional").over(1_000_000, "", "notional");
            Quantity {
                fx,
                ..plain(value, money, formula)
            }
        }
        Pay::Spread => {
            let read = |s: &super::facts::Side| s.spread();
            let raw = at(d, rule.spread_at, "spread_missing", "bid and ask", read, |v| v)?;
            let (spread, damped) = if rule.damped {
                let average = d
                    .average_spread
                    .ok_or_else(|| missing(d, "average_spread_missing", "the symbol's average spread"))?;
                // Share x spread x (average / spread) is share x average: nothing is divided.
                let narrow = at(d, rule.spread_at, "spread_missing", "bid and ask", read, |v| {
                    if v > average { average } else { v }
                })?;
                (narrow, raw.minus(narrow))
            } else {
                (raw, Exact::ZERO)
            };
            let (v, c, f) = in_price(spread, "spread")?;
            Quantity {
                damped: platform.times(contract(d)?).times(damped),
                ..plain(v, c, f)
            }
        }
        Pay::Markup => {
            let (v, c, f) = in_price(markup(d, rule.markup_of, rule.spread_at)?, "markup")?;
            plain(v, c, f)
        }
        Pay::Commission => {
            let minor = d
                .commission_minor
                .ok_or_else(|| missing(d, "commission_missing", "the commission that the client was charged"))?;
            let scale = 10i64.pow(u32::from(d.currency.exponent()));
            let charged = Exact::new(i128::from(minor), i128::from(scale))
                .unwrap_or(Exact::ZERO)
                .max(Exact::ZERO);
            let mut formula = Formula::start(charged, d.currency.code(), "commission");
            if part != Exact::ONE {
                formula = formula.times(part, "", "volume");
            }
            plain(charged.times(part), d.currency, formula)
        }
    })
}

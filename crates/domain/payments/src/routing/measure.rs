//! How well connections did: smoothed shares of paid attempts, in whole numbers.
//!
//! The newest attempts of a method and currency are looked at, at the finest level at which at least
//! two connections have enough of them: country and band of amounts, then the country, then
//! everywhere. Each rate is drawn towards that of all together as if [`DRAWN_BY`] attempts more had
//! ended like the average, so that a lucky start decides nothing.

use super::{Ask, band};
use crate::store::{self, Outcomes};
use crate::{ClientFacts, MethodFact};
use qd_db::Tx;
use qd_kernel::{Currency, Problem, Result, Ts, text_enum};
use qd_runtime::access::{Caller, Right};
use serde::Serialize;
use std::collections::BTreeMap;

text_enum!(
    /// What a rate was measured over.
    Level as RouteLevel { CountryAndBand = "country_and_band", Country = "country", Everywhere = "everywhere" }
);

/// One per cent, in millionths: smaller differences are none.
pub(super) const POINT_PPM: i64 = 10_000;
const MILLION: i64 = 1_000_000;
/// Attempts that a connection must have at a level before its own rate counts.
pub(super) const ENOUGH: i64 = 30;
/// Attempts of the average that are added to each connection's own.
const DRAWN_BY: i64 = 30;
/// The window: this long, and no more than so many attempts.
const WINDOW_DAYS: i64 = 30;
const WINDOW_ATTEMPTS: i64 = 2_000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Figure {
    pub ended: i64,
    pub paid: i64,
    fee_minor: i64,
    fee_of_minor: i64,
    pub rate_ppm: Option<i64>,
    pub cost_ppm: Option<i64>,
    pub score_ppm: Option<i64>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    pub level: Option<Level>,
    by: BTreeMap<String, Figure>,
}

impl Figures {
    pub fn of(&self, connection: &str) -> Option<&Figure> {
        self.by.get(connection)
    }
}

/// `part` of `whole` in millionths; 0 of nothing.
fn ppm(part: i64, whole: i64) -> i64 {
    if whole <= 0 {
        return 0;
    }
    i64::try_from(i128::from(part) * i128::from(MILLION) / i128::from(whole)).unwrap_or(MILLION)
}

/// Sums rows by connection, for the connections asked about.
fn summed<'a>(rows: impl Iterator<Item = &'a Outcomes>, among: &[String]) -> BTreeMap<String, Figure> {
    let mut out: BTreeMap<String, Figure> = among.iter().map(|c| (c.clone(), Figure::default())).collect();
    for r in rows {
        if let Some(f) = out.get_mut(&r.connection) {
            f.ended += r.ended;
            f.paid += r.paid;
            f.fee_minor = f.fee_minor.saturating_add(r.fee_minor);
            f.fee_of_minor = f.fee_of_minor.saturating_add(r.fee_of_minor);
        }
    }
    out
}

/// Rates, costs and scores. None when fewer than two have enough attempts: then nothing is said.
fn judged(mut by: BTreeMap<String, Figure>) -> Option<BTreeMap<String, Figure>> {
    if by.values().filter(|f| f.ended >= ENOUGH).count() < 2 {
        return None;
    }
    let total = by.values().fold(Figure::default(), |mut t, f| {
        t.ended += f.ended;
        t.paid += f.paid;
        t.fee_minor = t.fee_minor.saturating_add(f.fee_minor);
        t.fee_of_minor = t.fee_of_minor.saturating_add(f.fee_of_minor);
        t
    });
    let usual = ppm(total.paid, total.ended);
    let usual_cost = ppm(total.fee_minor, total.fee_of_minor);
    for f in by.values_mut() {
        let rate = if f.ended < ENOUGH {
            usual
        } else {
            (f.paid * MILLION + DRAWN_BY * usual) / (f.ended + DRAWN_BY)
        };
        let cost = if f.fee_of_minor > 0 {
            ppm(f.fee_minor, f.fee_of_minor)
        } else {
            usual_cost
        };
        f.rate_ppm = Some(rate);
        f.cost_ppm = Some(cost);
        f.score_ppm = Some(rate * (MILLION - cost.clamp(0, MILLION)) / MILLION);
    }
    Some(by)
}

/// The figures of the connections asked about, at the finest level that says something.
pub(super) async fn figures(tx: &mut Tx, now: Ts, ask: &Ask<'_>, among: &[String]) -> Result<Figures> {
    let (method, currency, country) = (&ask.method.method, ask.amount.currency, ask.client.country.as_str());
    let since = now.plus_days(-WINDOW_DAYS);
    let band = band(ask.client, ask.amount);
    let there = store::outcomes(tx, method, currency, Some(country), since, WINDOW_ATTEMPTS).await?;
    let fine = summed(there.iter().filter(|r| r.band == band), among);
    if let Some(by) = judged(fine) {
        return Ok(Figures {
            level: Some(Level::CountryAndBand),
            by,
        });
    }
    let of_country = summed(there.iter(), among);
    if let Some(by) = judged(of_country.clone()) {
        return Ok(Figures {
            level: Some(Level::Country),
            by,
        });
    }
    let everywhere = store::outcomes(tx, method, currency, None, since, WINDOW_ATTEMPTS).await?;
    let everywhere = summed(everywhere.iter(), among);
    Ok(match judged(everywhere.clone()) {
        Some(by) => Figures {
            level: Some(Level::Everywhere),
            by,
        },
        None => Figures {
            level: None,
            by: everywhere,
        },
    })
}

/// The share of a method's attempts that were paid, for the order in which methods are offered:
/// of the client's country, in the currency with most of them. None when they are too few.
pub(super) async fn of_method(tx: &mut Tx, now: Ts, facts: &ClientFacts, m: &MethodFact) -> Result<Option<i64>> {
    let since = now.plus_days(-WINDOW_DAYS);
    let mut best: Option<Figure> = None;
    for c in &m.currencies {
        let Ok(currency) = Currency::parse(c) else { continue };
        let rows = store::outcomes(tx, &m.method, currency, Some(&facts.country), since, WINDOW_ATTEMPTS).await?;
        let among = super::of_method(m);
        let all = summed(rows.iter(), &among).into_values().fold(Figure::default(), |mut t, f| {
            t.ended += f.ended;
            t.paid += f.paid;
            t
        });
        if best.is_none_or(|b| all.ended > b.ended) {
            best = Some(all);
        }
    }
    Ok(best.filter(|b| b.ended >= ENOUGH).map(|b| ppm(b.paid, b.ended)))
}

/// How one connection did with the clients of one country.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = PaymentSuccess)]
pub struct SuccessRow {
    pub connection: String,
    /// ISO 3166; empty where it was not noted.
    pub country: String,
    pub band: String,
    pub paid: i64,
    pub ended: i64,
    /// Paid of ended, in millionths: 620000 is 62 %.
    pub rate_ppm: i64,
    /// Fees of the sum they were taken of, in millionths; None where the provider names none.
    pub cost_ppm: Option<i64>,
}

/// Success by connection, country and band, of the attempts the routes are measured by.
pub async fn success(tx: &mut Tx, now: Ts, caller: &Caller, method: &str, currency: Currency) -> Result<Vec<SuccessRow>> {
    caller.require(Right::ConnectionsView)?;
    if method.is_empty() {
        return Err(Problem::invalid("method", "field_missing", "expected the code of a method"));
    }
    let seen = caller.allowed_entities();
    let theirs: Option<Vec<String>> = match &seen {
        None => None,
        Some(e) => Some(
            store::connections(tx)
                .await?
                .into_iter()
                .filter(|c| e.contains(&c.entity))
                .map(|c| c.id)
                .collect(),
        ),
    };
    let rows = store::outcomes(tx, method, currency, None, now.plus_days(-WINDOW_DAYS), WINDOW_ATTEMPTS * 10).await?;
    Ok(rows
        .into_iter()
        .filter(|r| theirs.as_ref().is_none_or(|t| t.contains(&r.connection)))
        .map(|r| SuccessRow {
            rate_ppm: ppm(r.paid, r.ended),
            cost_ppm: (r.fee_of_minor > 0).then(|| ppm(r.fee_minor, r.fee_of_minor)),
            connection: r.connection,
            country: r.country,
            band: r.band,
            paid: r.paid,
            ended: r.ended,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(all: &[(&str, i64, i64)]) -> BTreeMap<String, Figure> {
        let figure = |paid, ended| Figure {
            paid,
            ended,
            ..Figure::default()
        };
        all.iter()
            .map(|(c, paid, ended)| ((*c).to_string(), figure(*paid, *ended)))
            .collect()
    }

    #[test]
    fn sixty_two_of_a_hundred_stands_behind_eighty_one() {
        let by = judged(of(&[("a", 62, 100), ("b", 81, 100)])).unwrap();
        let rate = |c: &str| by[c].rate_ppm.unwrap();
        assert_eq!((rate("a"), rate("b")), (641_923, 788_076));
    }

    #[test]
    fn a_few_attempts_say_nothing() {
        assert!(judged(of(&[("a", 62, 100), ("b", 29, 29)])).is_none());
        let by = judged(of(&[("a", 62, 100), ("b", 81, 100), ("c", 3, 3)])).unwrap();
        assert_eq!(by["c"].rate_ppm, Some(719_211), "as good as all together");
    }

    #[test]
    fn a_dear_connection_pays_for_it() {
        let mut all = of(&[("a", 80, 100), ("b", 80, 100)]);
        all.get_mut("a").unwrap().fee_minor = 50;
        all.get_mut("a").unwrap().fee_of_minor = 1_000;
        all.get_mut("b").unwrap().fee_of_minor = 1_000;
        let by = judged(all).unwrap();
        assert_eq!((by["a"].score_ppm, by["b"].score_ppm), (Some(760_000), Some(800_000)));
    }
}

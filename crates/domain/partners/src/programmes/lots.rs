//! What a client's deals count towards conditions and revenue.

use crate::engine::cpa::Activity;
use crate::engine::revenue::Part;
use crate::engine::{self, DealFacts, Hop, Quote, Rank, Ranked, Settings, State, fx};
use crate::exact::Exact;
use crate::plan::programmes::Component;
use crate::plan::{Plan, PlanRef};
use crate::store::lines as store;
use qd_db::Tx;
use qd_kernel::{Currency, Result, Ts};
use serde_json::{Value, json};
use std::sync::Arc;

const PAGE: i64 = 500;

/// Deals of a client with value dates from `from` up to `to`, one after the other.
pub async fn deals(tx: &mut Tx, client: &str, from: Ts, to: Ts) -> Result<Vec<DealFacts>> {
    let mut out = Vec::new();
    let mut after = (Ts(i64::MIN), String::new(), String::new());
    loop {
        let rows = store::deals_of(tx, client, from, to, &after, PAGE).await?;
        let Some(last) = rows.last() else { return Ok(out) };
        after = (last.value_at, last.server.clone(), last.ticket.clone());
        for r in rows {
            out.push(serde_json::from_value(r.facts)?);
        }
    }
}

/// Counts lots as the plan does: its volume factors, its exclusions but those that need to know other
/// deals. By the engine itself, on a plan that pays one per lot.
pub struct Counter {
    hop: Hop,
}

impl Counter {
    pub fn of(document: &Value) -> Result<Counter> {
        let mut exclusions = document.get("exclusions").cloned().unwrap_or_else(|| json!({}));
        if let Some(o) = exclusions.as_object_mut() {
            o.retain(|k, _| matches!(k.as_str(), "min_duration_secs" | "negative_balance" | "bonus_share"));
        }
        let factors = document.get("volume_factors").cloned().unwrap_or_else(|| json!([]));
        let plan = Plan::read(&json!({
            "format": 1, "name": "lots", "currency": "USD", "rules": [{"id": "lots", "kind": "per_lot", "rate": "1"}],
            "exclusions": exclusions, "volume_factors": factors,
        }))?;
        let ranked = Ranked {
            rank: Rank::Partner,
            at: PlanRef {
                plan: "lots".into(),
                version: 1,
            },
            plan: Arc::new(plan),
        };
        Ok(Counter {
            hop: Hop {
                partner: "counter".into(),
                currency: Currency::USD,
                blocked: None,
                plans: vec![ranked],
                country: String::new(),
                qualified: None,
            },
        })
    }

    /// Standard lots that count; none for a deal that pays nobody, or cannot be said yet.
    pub fn lots(&self, d: &DealFacts) -> Exact {
        match engine::lines(d, std::slice::from_ref(&self.hop), &Settings::default(), &mut State::default()) {
            Ok(lines) => lines.iter().filter(|l| l.reason.is_none()).fold(Exact::ZERO, |s, l| s.plus(l.lots)),
            Err(_) => Exact::ZERO,
        }
    }

    pub fn activity(&self, d: &DealFacts, to: Currency) -> Activity {
        let counts = engine::of_the_deal(d).is_none();
        Activity {
            at: d.at,
            server: d.server.clone(),
            ticket: d.ticket.clone(),
            lots: self.lots(d),
            spread: if counts { spread(d, to) } else { Some(Exact::ZERO) },
        }
    }
}

fn minor(v: i64, c: Currency) -> Exact {
    let unit = Exact::new(1, 10i128.pow(u32::from(c.exponent()))).unwrap_or(Exact::ONE);
    Exact::int(v).times(unit)
}

fn in_currency(v: Exact, from: Currency, to: Currency, quotes: &[Quote]) -> Option<Exact> {
    fx::convert(v, from, to, quotes).ok().map(|(v, _)| v)
}

/// What the house earned by spread and markup, in the account's currency: all it earned less the
/// commission. None: the feed does not say.
fn spread_of(d: &DealFacts) -> Option<Exact> {
    let said = d.revenue_minor.is_some() || d.markup.is_some() || d.close.spread().is_some() || d.close.raw_spread.is_some();
    if !said {
        return None;
    }
    let commission = d.commission_minor.map_or(Exact::ZERO, |m| minor(m, d.currency));
    Some(engine::revenue_of(d).ok()?.minus(commission))
}

fn spread(d: &DealFacts, to: Currency) -> Option<Exact> {
    in_currency(spread_of(d)?, d.currency, to, &d.quotes)
}

/// A deal's parts of net revenue, each converted at its own rates. None: a rate is missing.
pub fn parts(d: &DealFacts, to: Currency) -> Option<Vec<Part>> {
    if engine::of_the_deal(d).is_some_and(|(reason, _)| reason != "opens_only") {
        return Some(Vec::new());
    }
    let own = |v: Option<i64>| v.map(|m| minor(m, d.currency));
    // What the client lost and paid is what the house got.
    let all = [
        (Component::ClientResult, own(d.profit_minor).map(Exact::neg)),
        (Component::Commission, own(d.commission_minor)),
        (Component::Swap, own(d.swap_minor).map(Exact::neg)),
        (Component::Spread, spread_of(d)),
    ];
    let mut out = Vec::new();
    for (component, v) in all {
        if let Some(v) = v.filter(|v| !v.is_zero()) {
            let amount = in_currency(v, d.currency, to, &d.quotes)?;
            out.push(Part { component, amount });
        }
    }
    Some(out)
}

/// Money in minor units of its currency, in another one.
pub fn money(v: i64, from: Currency, to: Currency, quotes: &[Quote]) -> Option<Exact> {
    in_currency(minor(v, from), from, to, quotes)
}

pub fn units(v: i64, c: Currency) -> Exact {
    minor(v, c)
}

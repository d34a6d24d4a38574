//! How far a partner is in the tiers of their plan: what was counted by now, which band that is, and
//! what the next one pays.

use crate::engine::state::RETRO;
use crate::engine::{Key, day_name as day, month_name as month};
use crate::exact::Exact;
use crate::partner::{Partner, mine};
use crate::payouts::terms::{Terms, TermsCache};
use crate::plan::{BandKind, Measure, Pay, Plan, RateCurrency, Tier, TierScope, Window};
use crate::plans::{GLOBAL, entity_holder, pick};
use crate::store::{plans, states};
use qd_db::Tx;
use qd_kernel::{Currency, Result, Ts};
use qd_runtime::access::Caller;
use serde::Serialize;

const DAY_SECS: i64 = 86_400;

/// What one rule pays in each band.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = TierRates)]
pub struct Rates {
    pub rule: String,
    /// Steps from the client; 1: own clients.
    pub level: u32,
    pub pay: Pay,
    /// Of a rate that is money; none: the currency of the account that traded.
    pub currency: Option<Currency>,
    /// One for each band, from the lowest. Shares as parts of one.
    pub rates: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = TierProgress)]
pub struct Progress {
    pub plan: String,
    pub plan_name: String,
    pub version: i64,
    pub tier: String,
    pub measure: Measure,
    pub window: Window,
    pub scope: TierScope,
    pub kind: BandKind,
    /// Lots a client closes in the window to count as active; only for `active_clients`.
    pub active_lots: String,
    /// Counted by now: lots, USD, or clients.
    pub value: String,
    pub thresholds: Vec<String>,
    /// Band that `value` reaches: 0 is the lowest, below the first threshold.
    pub reached: i64,
    /// Band that is paid now: for `next_period` what the window before reached.
    pub paid: i64,
    /// Threshold of the next band; none: the last one is reached.
    pub next: Option<String>,
    /// What is missing to it.
    pub missing: Option<String>,
    /// First moment of the window (UTC); none: since ever.
    #[serde(rename = "from_us")]
    pub from: Option<Ts>,
    /// When the window starts anew; none: it rolls on, or never ends.
    #[serde(rename = "to_us")]
    pub to: Option<Ts>,
    pub rates: Vec<Rates>,
}

/// The tiers of the plan that is mine now; empty for a plan without any.
pub async fn my_tiers(tx: &mut Tx, caller: &Caller, now: Ts) -> Result<Vec<Progress>> {
    let me = mine(tx, caller).await?;
    of_partner(tx, &me, now).await
}

async fn of_partner(tx: &mut Tx, p: &Partner, now: Ts) -> Result<Vec<Progress>> {
    for holder in [p.id.to_string(), entity_holder(&p.entity), GLOBAL.to_string()] {
        let used = plans::uses(tx, &holder).await?;
        let Some(u) = used.iter().find(|u| u.from_at <= now && u.to_at.is_none_or(|t| now < t)) else {
            continue;
        };
        let versions = plans::versions(tx, u.plan_id).await?;
        let Some(v) = pick(&versions, now) else { continue };
        let plan = Plan::read(&v.document)?;
        let mut out = Vec::new();
        for t in &plan.tiers {
            let (plan_id, partner) = (v.plan_id.to_string(), p.id.to_string());
            let at = Of {
                partner: &partner,
                plan: &plan_id,
            };
            let mut one = progress(tx, &at, t, &plan, now).await?;
            one.version = v.version;
            out.push(one);
        }
        return Ok(out);
    }
    Ok(Vec::new())
}

struct Of<'a> {
    partner: &'a str,
    plan: &'a str,
}

/// Keys of the window of `now`, and of the one before.
fn windows(of: &Of<'_>, t: &Tier, now: Ts) -> (Vec<Key>, Vec<Key>) {
    let kind = if t.kind == BandKind::Retroactive { RETRO } else { "tier" };
    let key = |period: &str| Key::of(kind, &[of.partner, of.plan, &t.id], period);
    let days = |from: i64, to: i64| (from..=to).map(|n| key(&day(now.plus_secs(-n * DAY_SECS)))).collect::<Vec<_>>();
    match t.window {
        Window::Lifetime => (vec![key("all")], Vec::new()),
        Window::Month => {
            let last = Ts(month_start(now, 0).micros() - 1);
            (vec![key(&month(now))], vec![key(&month(last))])
        }
        Window::Days30 => (days(0, 29), days(1, 30)),
        Window::Days90 => (days(0, 89), days(1, 90)),
    }
}

/// First moment of the month `ahead` months from now, UTC.
fn month_start(now: Ts, ahead: i64) -> Ts {
    let (y, m, _) = now.ymd();
    let n = y * 12 + i64::from(m) - 1 + ahead;
    Ts::from_ymd(n.div_euclid(12), u32::try_from(n.rem_euclid(12) + 1).unwrap_or(1), 1)
}

async fn sum(tx: &mut Tx, keys: &[Key]) -> Result<Exact> {
    let found = states::load(tx, keys).await?;
    Ok(found.iter().fold(Exact::ZERO, |a, (_, c)| a.plus(c.value)))
}

async fn progress(tx: &mut Tx, of: &Of<'_>, t: &Tier, plan: &Plan, now: Ts) -> Result<Progress> {
    let (current, earlier) = windows(of, t, now);
    let value = sum(tx, &current).await?;
    let paid_by = if t.kind == BandKind::NextPeriod {
        sum(tx, &earlier).await?
    } else {
        value
    };
    let reached = t.band(value);
    let next = t.thresholds.get(reached).copied();
    let rates = plan
        .rules
        .iter()
        .filter_map(|r| {
            let b = r.bands.as_ref().filter(|b| b.tier == t.id)?;
            let currency = match r.currency.unwrap_or(plan.currency) {
                RateCurrency::Money(c) => Some(c),
                RateCurrency::Account => None,
            };
            Some(Rates {
                rule: r.id.clone(),
                level: r.level,
                pay: r.pay,
                currency,
                rates: b.rates.iter().map(Exact::to_string).collect(),
            })
        })
        .collect();
    let (from, to) = match t.window {
        Window::Lifetime => (None, None),
        Window::Month => (Some(month_start(now, 0)), Some(month_start(now, 1))),
        Window::Days30 => (Some(now.plus_days(-30)), None),
        Window::Days90 => (Some(now.plus_days(-90)), None),
    };
    Ok(Progress {
        plan: of.plan.to_string(),
        plan_name: plan.name.clone(),
        version: 0,
        tier: t.id.clone(),
        measure: t.measure,
        window: t.window,
        scope: t.scope,
        kind: t.kind,
        active_lots: t.active_lots.to_string(),
        value: value.to_string(),
        thresholds: t.thresholds.iter().map(Exact::to_string).collect(),
        reached: i64::try_from(reached).unwrap_or(0),
        paid: i64::try_from(t.band(paid_by)).unwrap_or(0),
        next: next.map(|n| n.to_string()),
        missing: next.map(|n| n.minus(value).to_string()),
        from,
        to,
        rates,
    })
}

/// What my contract says about being paid, and when the period ends that runs now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct MyTerms {
    pub terms: Terms,
    #[serde(rename = "next_statement_at_us")]
    pub next_statement_at: Option<Ts>,
}

/// No calendar has a longer period.
const LONGEST_PERIOD_DAYS: i64 = 40;

pub async fn my_terms(tx: &mut Tx, caller: &Caller, now: Ts) -> Result<MyTerms> {
    let me = mine(tx, caller).await?;
    let (terms, _) = TermsCache::default().of(tx, me.id, &me.entity).await?;
    let ends = terms.calendar.ends(&terms.zone()?, now, now.plus_days(LONGEST_PERIOD_DAYS));
    Ok(MyTerms {
        next_statement_at: ends.first().copied(),
        terms,
    })
}

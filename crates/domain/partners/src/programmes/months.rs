//! A month's share of net revenue, made once at its close. What arrives later counts in the month
//! that is open then; what a month left below zero goes on as the plan says.

use super::evaluate::{Version, counts_from, plan_at};
use super::settle::{Due, settle};
use super::{MoneyKind, lots};
use crate::attribution::earns_after_leaving;
use crate::booking::LineKind;
use crate::engine::explain::Explanation;
use crate::engine::revenue::{self, Deficit, Month, Part};
use crate::engine::{Quote, Tested, fx};
use crate::exact::Exact;
use crate::ids::{LineId, PartnerId};
use crate::partner::PartnerState;
use crate::payouts::terms::TermsCache;
use crate::plan::programmes::{Component, Hybrid, RevenueShare};
use crate::statements::calendar;
use crate::store::{partners, programmes as store};
use qd_db::Tx;
use qd_kernel::{Currency, Problem, Result, Ts};
use qd_runtime::Core;
use serde::Serialize;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// So many closed months are looked at again for what came late.
const LATE_MONTHS: i64 = 3;
const POOL: &str = "";

/// What a closed month came to: of all clients together (`client_id` empty), or of one set apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ProgrammeMonth)]
pub struct ClosedMonth {
    pub plan_id: String,
    pub client_id: String,
    /// `2026-03`
    pub month: String,
    pub currency: Currency,
    /// Net revenue of the month, in units.
    pub net: String,
    /// With what was carried in.
    pub base: String,
    /// Carried on: 0 or below.
    pub carry_out: String,
    /// The share, before what it has to earn back.
    pub share: String,
    /// Sums per client still to be earned back.
    pub recoup: String,
    /// What was paid, in units of `currency`.
    pub pay: String,
    pub line: Option<LineId>,
    #[serde(rename = "closed_at_us")]
    pub closed_at: Ts,
}

impl TryFrom<store::MonthRow> for ClosedMonth {
    type Error = Problem;
    fn try_from(m: store::MonthRow) -> Result<ClosedMonth> {
        let text = |f: &str| number(f).map(|e| e.to_string());
        Ok(ClosedMonth {
            plan_id: m.plan_id,
            client_id: m.client_id,
            month: name(m.month),
            currency: m.currency,
            net: text(&m.net)?,
            base: text(&m.base)?,
            carry_out: text(&m.carry_out)?,
            share: text(&m.share)?,
            recoup: text(&m.recoup)?,
            pay: text(&m.pay)?,
            line: m.line_id,
            closed_at: m.closed_at,
        })
    }
}

fn number(fraction: &str) -> Result<Exact> {
    Exact::parse_fraction(fraction).ok_or_else(|| Problem::bug("row_unreadable", "a month holds no number"))
}

pub(super) fn name(month: i64) -> String {
    format!("{:04}-{:02}", month.div_euclid(12), month.rem_euclid(12) + 1)
}

/// `2026-03` as months since year 0.
pub fn month_number(name: &str) -> Option<i64> {
    let (y, m) = name.split_once('-')?;
    let (y, m): (i64, i64) = (y.parse().ok()?, m.parse().ok()?);
    (1..=12).contains(&m).then_some(y * 12 + m - 1)
}

/// First moment of a month, UTC.
fn starts(month: i64) -> Ts {
    Ts::from_ymd(month.div_euclid(12), u32::try_from(month.rem_euclid(12) + 1).unwrap_or(1), 1)
}

/// Makes and books the month's share of net revenue. `month`: months since year 0
/// ([`revenue::month_of`] any moment inside it). Empty for a partner without a share, or one who is
/// not active. Repeating it answers what was closed. Errors: `month_open` before its end,
/// `fx_missing` when there is no rate to the partner's currency.
pub async fn close_month(tx: &mut Tx, core: &Core, partner: PartnerId, month: i64) -> Result<Vec<ClosedMonth>> {
    let done = store::months_at(tx, partner, month).await?;
    if !done.is_empty() {
        return done.into_iter().map(ClosedMonth::try_from).collect();
    }
    let (from, to) = (starts(month), starts(month + 1));
    if core.now() < to {
        return Err(Problem::conflict("month_open", format!("{} has not ended yet", name(month))));
    }
    let p = partners::get(tx, partner).await?.ok_or_else(|| Problem::missing("partner"))?;
    let left = p.state == PartnerState::Terminated && earns_after_leaving(tx, partner, Ts(to.micros() - 1)).await?;
    if p.state != PartnerState::Active && !left {
        return Ok(Vec::new());
    }
    let Some(v) = plan_at(tx, &p, Ts(to.micros() - 1)).await? else {
        return Ok(Vec::new());
    };
    let Some(rs) = v.programmes().revenue_share.clone() else {
        return Ok(Vec::new());
    };
    // On the statement of its month, wherever the partner's month ends.
    let (terms, _) = TermsCache::default().of(tx, partner, &p.entity).await?;
    let (_, ends) = calendar::month_span(&name(month), &terms.zone()?)?;
    let mut run = Run {
        value_at: Ts(to.min(ends).micros() - 1),
        p: &p,
        v: &v,
        rs: &rs,
        month,
        quotes: Vec::new(),
        first_deposits: 0,
    };
    let nets = run.nets(tx, month, true).await?;
    let apart: BTreeSet<String> = store::quarantines(tx, partner)
        .await?
        .into_iter()
        .filter(|q| q.from_month <= month && q.to_month.is_none_or(|t| month < t))
        .map(|q| q.client_id)
        .collect();
    let mut pools: BTreeMap<String, Vec<Part>> = BTreeMap::from([(POOL.to_string(), Vec::new())]);
    for c in &apart {
        pools.insert(c.clone(), Vec::new());
    }
    let mut settled: Vec<(String, String)> = Vec::new();
    for (client, parts) in nets {
        settled.push((client.clone(), revenue::net(&rs, &parts).0.fraction()));
        let pool = if apart.contains(&client) { client } else { POOL.to_string() };
        pools.entry(pool).or_default().extend(parts);
    }
    let late = run.late(tx, &apart).await?;
    store::put_revenues(tx, partner, &v.at.plan, month, &settled).await?;
    let mut out = Vec::new();
    for (client, parts) in pools {
        let came_late = late.get(&client).copied().unwrap_or(Exact::ZERO);
        out.push(run.pool(tx, core, from, to, &client, &parts, came_late).await?);
    }
    Ok(out)
}

struct Run<'a> {
    value_at: Ts,
    p: &'a partners::PartnerRow,
    v: &'a Version,
    rs: &'a RevenueShare,
    month: i64,
    /// Of the latest fact seen.
    quotes: Vec<Quote>,
    first_deposits: i64,
}

impl Run<'_> {
    /// What each client brought in a month.
    async fn nets(&mut self, tx: &mut Tx, month: i64, own: bool) -> Result<BTreeMap<String, Vec<Part>>> {
        let (from, to) = (starts(month), starts(month + 1));
        let mut out: BTreeMap<String, Vec<Part>> = BTreeMap::new();
        let mut seen = Ts(i64::MIN);
        for t in store::clients_between(tx, self.p.id, from, to).await? {
            if self.p.client_id.as_deref() == Some(&t.client_id) {
                continue;
            }
            let (mut start, end) = (t.from_at.max(from), t.to_at.unwrap_or(to).min(to));
            let facts = store::facts(tx, &t.client_id).await?;
            let first = facts.iter().filter(|f| f.kind == MoneyKind::Deposit).map(|f| f.at).min();
            if own && first.is_some_and(|at| at >= start && at < end) {
                self.first_deposits += 1;
            }
            if self.v.programmes().hybrid == Hybrid::AfterQualification && self.v.programmes().cpa.is_some() {
                match counts_from(tx, &t.client_id, self.p.id).await? {
                    Some(q) => start = start.max(q),
                    None => continue,
                }
            }
            let parts = out.entry(t.client_id.clone()).or_default();
            for d in lots::deals(tx, &t.client_id, start, end).await? {
                let more = lots::parts(&d, self.rs.currency).ok_or_else(|| no_rate(&d.deal(), d.currency, self.rs.currency))?;
                parts.extend(more);
                if own && d.at >= seen && !d.quotes.is_empty() {
                    (seen, self.quotes) = (d.at, d.quotes);
                }
            }
            for f in facts.iter().filter(|f| f.at >= start && f.at < end) {
                let Some(component) = component(f.kind) else { continue };
                let quotes: Vec<Quote> = serde_json::from_value(f.quotes.clone())?;
                let amount = lots::money(f.minor, f.currency, self.rs.currency, &quotes)
                    .ok_or_else(|| no_rate(&f.reference, f.currency, self.rs.currency))?;
                parts.push(Part { component, amount });
                if own && f.at >= seen && !quotes.is_empty() {
                    (seen, self.quotes) = (f.at, quotes);
                }
            }
        }
        Ok(out)
    }

    /// By pool, what earlier closed months differ by from what was settled of them.
    async fn late(&mut self, tx: &mut Tx, apart: &BTreeSet<String>) -> Result<BTreeMap<String, Exact>> {
        let mut out: BTreeMap<String, Exact> = BTreeMap::new();
        for month in self.month - LATE_MONTHS..self.month {
            let closed = store::months_at(tx, self.p.id, month).await?;
            if !closed.iter().any(|m| m.plan_id == self.v.at.plan) {
                continue;
            }
            let mut known = BTreeMap::new();
            for (client, net) in store::revenues(tx, self.p.id, &self.v.at.plan, month).await? {
                known.insert(client, number(&net)?);
            }
            let now = self.nets(tx, month, false).await?;
            let clients: BTreeSet<&String> = known.keys().chain(now.keys()).collect();
            let mut changed = Vec::new();
            for client in clients {
                let is = now.get(client).map_or(Exact::ZERO, |parts| revenue::net(self.rs, parts).0);
                let was = known.get(client).copied().unwrap_or(Exact::ZERO);
                if is != was {
                    let pool = if apart.contains(client) { client.clone() } else { POOL.to_string() };
                    let sum = out.entry(pool).or_insert(Exact::ZERO);
                    *sum = sum.plus(is.minus(was));
                    changed.push((client.clone(), is.fraction()));
                }
            }
            store::put_revenues(tx, self.p.id, &self.v.at.plan, month, &changed).await?;
        }
        Ok(out)
    }

    #[allow(clippy::too_many_arguments, reason = "one pool of one month")]
    async fn pool(&self, tx: &mut Tx, core: &Core, from: Ts, to: Ts, client: &str, parts: &[Part], late: Exact) -> Result<ClosedMonth> {
        let (rs, plan) = (self.rs, &self.v.at.plan);
        let last = store::month_before(tx, self.p.id, plan, client, self.month).await?;
        let before: Vec<Deficit> = match &last {
            Some(m) => serde_json::from_value(m.carry.clone())?,
            None => Vec::new(),
        };
        let (own, mut tested) = revenue::net(rs, &summed(parts));
        if !late.is_zero() {
            tested.push(Tested::new("earlier months, known since", late, "counts"));
        }
        let m = revenue::month(rs, self.month, own.plus(late), &before, self.first_deposits);
        tested.extend(m.tested.clone());
        let is_pool = client.is_empty();
        let hybrid = self.v.programmes().hybrid;
        let (mut pay, mut recoup, mut formula) = (m.pay, Exact::ZERO, m.formula.clone());
        if is_pool && self.v.programmes().cpa.is_some() && matches!(hybrid, Hybrid::AfterRecoup | Hybrid::BetterOfTwo) {
            let sums = self.sums_per_client(tx, from, to).await?;
            let rules = self.by_rules(tx, from, to).await?;
            let share = m.pay.plus(rules);
            let owed = match hybrid {
                Hybrid::AfterRecoup => last
                    .as_ref()
                    .map(|l| number(&l.recoup))
                    .transpose()?
                    .unwrap_or(Exact::ZERO)
                    .plus(sums),
                _ => sums,
            };
            let (paid, left) = revenue::recouped(owed.max(Exact::ZERO), share);
            // Lines by the deal are booked already: the difference is what the month still pays or takes.
            pay = paid.minus(rules);
            recoup = if hybrid == Hybrid::AfterRecoup { left } else { Exact::ZERO };
            tested.push(Tested::new(
                "share and rules of the month",
                share,
                format!("more than {owed} paid per client"),
            ));
            formula = format!("{formula}; {share} less {owed} paid per client, at least 0: {paid}");
            if !rules.is_zero() {
                formula = format!("{formula}; of that {rules} is paid by the deal");
            }
        }
        let line = self.book(tx, core, client, &m, pay, formula, tested).await?;
        let row = store::MonthRow {
            partner_id: self.p.id,
            plan_id: plan.clone(),
            client_id: client.to_string(),
            month: self.month,
            plan_version: self.v.at.version,
            currency: rs.currency,
            net: m.net.fraction(),
            base: m.base.fraction(),
            carry_out: m.carry_out().fraction(),
            carry: json!(m.carry),
            share: m.pay.fraction(),
            recoup: recoup.fraction(),
            pay: pay.fraction(),
            line_id: line,
            closed_at: core.now(),
        };
        store::insert_month(tx, &row).await?;
        ClosedMonth::try_from(row)
    }

    #[allow(clippy::too_many_arguments, reason = "one line and its story")]
    async fn book(
        &self,
        tx: &mut Tx,
        core: &Core,
        client: &str,
        m: &Month,
        pay: Exact,
        formula: String,
        tested: Vec<Tested>,
    ) -> Result<Option<LineId>> {
        let (target, steps) = fx::convert(pay, self.rs.currency, self.p.currency, &self.quotes)
            .or_else(|s| if pay.is_zero() { Ok((Exact::ZERO, Vec::new())) } else { Err(s) })
            .map_err(|s| Problem::conflict(s.code, s.cause))?;
        let reason = match (pay.is_zero(), m.base.is_negative()) {
            (true, true) => Some("carried"),
            (true, false) if m.pay.is_zero() => Some("nothing_to_share"),
            (true, false) => Some("recouped"),
            (false, _) => None,
        };
        let why = Explanation {
            formula,
            method: "revenue_share".into(),
            path: vec![self.p.id.to_string()],
            level: 1,
            fx: steps,
            tested,
            exact: target.to_string(),
            reason: reason.map(str::to_string),
            ..Explanation::default()
        };
        let pool = if client.is_empty() { "all" } else { client };
        let due = Due {
            partner: self.p.id,
            entity: self.p.entity.clone(),
            currency: self.p.currency,
            subject: format!("share:{}:{}:{pool}", self.v.at.plan, name(self.month)),
            client_id: client.to_string(),
            target,
            kind: LineKind::RevenueShare,
            same_kind: true,
            plan: Some(self.v.at.clone()),
            rule: "revenue_share",
            zero_reason: reason,
            value_at: self.value_at,
            why,
        };
        Ok(settle(tx, core, due).await?.1)
    }

    /// Paid per client with value dates in the month, in the share's currency.
    async fn sums_per_client(&self, tx: &mut Tx, from: Ts, to: Ts) -> Result<Exact> {
        let mut sum = Exact::ZERO;
        for (currency, minor) in store::booked_for_clients(tx, self.p.id, from, to).await? {
            let v = lots::money(minor, currency, self.rs.currency, &self.quotes)
                .ok_or_else(|| no_rate("sums per client", currency, self.rs.currency))?;
            sum = sum.plus(v);
        }
        Ok(sum)
    }

    /// What the plan's rules earned in the month, in the share's currency.
    async fn by_rules(&self, tx: &mut Tx, from: Ts, to: Ts) -> Result<Exact> {
        let mut sum = Exact::ZERO;
        for (currency, exact) in store::earned_by_rules(tx, self.p.id, &self.v.at.plan, from, to).await? {
            let (v, _) =
                fx::convert(number(&exact)?, currency, self.rs.currency, &self.quotes).map_err(|s| Problem::conflict(s.code, s.cause))?;
            sum = sum.plus(v);
        }
        Ok(sum)
    }
}

/// One part per component, in the order of components.
fn summed(parts: &[Part]) -> Vec<Part> {
    let of = |c: Component| parts.iter().filter(move |p| p.component == c);
    Component::ALL
        .iter()
        .filter(|c| of(**c).next().is_some())
        .map(|c| Part {
            component: *c,
            amount: of(*c).fold(Exact::ZERO, |s, p| s.plus(p.amount)),
        })
        .collect()
}

fn component(kind: MoneyKind) -> Option<Component> {
    Some(match kind {
        MoneyKind::Deposit => return None,
        MoneyKind::Chargeback => Component::Chargeback,
        MoneyKind::Refund => Component::Refund,
        MoneyKind::PaymentFee => Component::PaymentFee,
        MoneyKind::Bonus => Component::Bonus,
        MoneyKind::Tax => Component::Tax,
        MoneyKind::Hedging => Component::Hedging,
    })
}

fn no_rate(what: &str, from: Currency, to: Currency) -> Problem {
    Problem::conflict("fx_missing", format!("no rate from {from} to {to} for {what}"))
}

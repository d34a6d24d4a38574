//! From deals and paths to what a plan costs: both plans by the engine, most deals in columns.

use super::world::{Replay, Sample};
use crate::engine::columns::{Builder, Pushed};
use crate::engine::{self, DealFacts, Hop, Month, Quote, State, fx};
use crate::exact::Exact;
use crate::plan::{BandKind, Measure, Plan, Rule, RuleKind, Window};
use qd_kernel::{Currency, Lots, Problem, Result};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Amounts in minor units of `currency`; months in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = PlanSimulationResult)]
pub struct Simulation {
    pub currency: Currency,
    /// Everything together.
    pub total: Slice,
    /// By month, `2026-03`.
    pub months: Vec<Slice>,
    /// By product group.
    pub products: Vec<Slice>,
    /// Everybody on the paths whose sum differs, or who would be on the plan; the largest differences
    /// first, at most 500.
    pub partners: Vec<PartnerCost>,
    /// Where the proposed plan's tiers stand at the end, for those who would be on it.
    pub cliffs: Vec<Cliff>,
    /// Deals that the proposed plan cannot say anything about, by code.
    pub stopped: BTreeMap<String, i64>,
    /// Deals whose revenue is not known: they count for cost, not for revenue.
    pub revenue_unknown: i64,
    /// Currencies for which some month has no rate: amounts in them are left out.
    pub unconverted: Vec<Currency>,
    /// Deals summed in columns, and deals that went through the engine one by one.
    pub in_columns: i64,
    pub one_by_one: i64,
}

/// What a part of the deals costs under both plans.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = SimulationSlice)]
pub struct Slice {
    /// Month, product group, or empty for everything.
    pub key: String,
    pub deals: i64,
    /// Lots closed, decimal text.
    pub lots: String,
    /// What the broker earned, where it is known.
    pub revenue_minor: i64,
    /// All partners of the chain, by the plans of the time.
    pub today_minor: i64,
    pub proposed_minor: i64,
    /// Above zero: the proposed plan costs more.
    pub difference_minor: i64,
    /// Revenue less cost.
    pub margin_today_minor: i64,
    pub margin_proposed_minor: i64,
    /// What those on the plan may get for a lot so that the house neither earns nor loses, the others
    /// of the chain paid as proposed; decimal text. None without lots or revenue.
    #[schema(nullable = false)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_even_per_lot: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = SimulatedPartner)]
pub struct PartnerCost {
    pub partner_id: String,
    /// Whether the proposed plan would be this partner's.
    pub on_plan: bool,
    pub today_minor: i64,
    pub proposed_minor: i64,
    pub difference_minor: i64,
}

/// Where a tier counted by the month or for ever stands: the next threshold, near or far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = TierCliff)]
pub struct Cliff {
    pub partner_id: String,
    pub tier: String,
    /// `2026-03`, `2026-03-05` or `all`.
    pub period: String,
    /// What is counted: `lots`, `notional`, …
    pub measure: Measure,
    pub kind: BandKind,
    pub count: String,
    /// The next threshold; None: the highest band is reached.
    #[schema(nullable = false)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<String>,
    #[schema(nullable = false)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_go: Option<String>,
    /// Of the plan's widest rule on this tier.
    #[schema(nullable = false)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_now: Option<String>,
    #[schema(nullable = false)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_next: Option<String>,
    /// What reaching the threshold costs at once, in the rule's currency: for a tier that reaches back,
    /// counted in lots.
    #[schema(nullable = false)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jump: Option<String>,
}

/// (bucket, partner, currency) to units of the currency.
type Costs = BTreeMap<(u32, String, Currency), Exact>;

struct Paid {
    costs: Costs,
    stopped: BTreeMap<String, i64>,
    state: State,
    in_columns: i64,
    one_by_one: i64,
}

/// Months and product groups as one number.
struct Buckets {
    months: Vec<String>,
    products: Vec<String>,
    /// By deal.
    of: Vec<u32>,
}

impl Buckets {
    fn of(deals: &[DealFacts]) -> Buckets {
        let month = |d: &DealFacts| {
            let (y, m, _) = d.at.ymd();
            format!("{y:04}-{m:02}")
        };
        let product = |d: &DealFacts| d.product_group.clone().unwrap_or_default();
        let months: Vec<String> = deals.iter().map(month).collect::<BTreeSet<_>>().into_iter().collect();
        let products: Vec<String> = deals.iter().map(product).collect::<BTreeSet<_>>().into_iter().collect();
        let at = |list: &[String], v: &String| list.binary_search(v).unwrap_or_default() as u32;
        let of = deals
            .iter()
            .map(|d| at(&months, &month(d)) * products.len() as u32 + at(&products, &product(d)))
            .collect();
        Buckets { months, products, of }
    }
    fn month(&self, bucket: u32) -> usize {
        bucket as usize / self.products.len().max(1)
    }
    fn product(&self, bucket: u32) -> usize {
        bucket as usize % self.products.len().max(1)
    }
}

pub(super) fn answer(s: &Sample) -> Result<Simulation> {
    let buckets = Buckets::of(&s.deals);
    let today = paid(s, &buckets, false)?;
    let proposed = paid(s, &buckets, true)?;
    let meant: BTreeSet<&str> = s
        .paths
        .iter()
        .flat_map(|p| &p.today)
        .filter(|h| s.is_meant(h))
        .map(|h| h.partner.as_str())
        .collect();
    let currency = s.question.ask.currency.unwrap_or_else(|| usual_currency(s));
    let mut rates = Rates::of(&s.deals, &buckets, currency);

    let mut per: BTreeMap<u32, Sums> = BTreeMap::new();
    let mut people: BTreeMap<&str, (Exact, Exact)> = BTreeMap::new();
    for (is_new, costs) in [(false, &today.costs), (true, &proposed.costs)] {
        for ((bucket, partner, c), v) in costs {
            let v = rates.convert(*v, *c, buckets.month(*bucket));
            let sums = per.entry(*bucket).or_default();
            let p = people.entry(partner).or_insert((Exact::ZERO, Exact::ZERO));
            if is_new {
                sums.proposed = sums.proposed.plus(v);
                if !meant.contains(partner.as_str()) {
                    sums.others = sums.others.plus(v);
                }
                p.1 = p.1.plus(v);
            } else {
                sums.today = sums.today.plus(v);
                p.0 = p.0.plus(v);
            }
        }
    }
    let mut revenue_unknown = 0;
    let mut revenues: BTreeMap<(u32, Currency), Exact> = BTreeMap::new();
    for (d, b) in s.deals.iter().zip(&buckets.of) {
        let sums = per.entry(*b).or_default();
        sums.deals += 1;
        if engine::of_the_deal(d).is_some() {
            continue;
        }
        sums.units += i128::from(d.volume_closed.units());
        match engine::revenue(d) {
            Ok(v) => {
                let r = revenues.entry((*b, d.currency)).or_insert(Exact::ZERO);
                *r = r.plus(v);
            }
            Err(_) => revenue_unknown += 1,
        }
    }
    for ((b, c), v) in revenues {
        let v = rates.convert(v, c, buckets.month(b));
        let sums = per.entry(b).or_default();
        sums.revenue = sums.revenue.plus(v);
        sums.revenue_known = true;
    }

    let collect = |key: &dyn Fn(u32) -> usize, names: &[String]| -> Result<Vec<Slice>> {
        let mut by: BTreeMap<usize, Sums> = BTreeMap::new();
        for (b, sums) in &per {
            by.entry(key(*b)).or_default().add(sums);
        }
        by.into_iter()
            .map(|(i, sums)| sums.slice(names.get(i).cloned().unwrap_or_default(), currency))
            .collect()
    };
    let total = collect(&|_| 0, &[String::new()])?.pop().unwrap_or_default();
    let months = collect(&|b| buckets.month(b), &buckets.months)?;
    let products = collect(&|b| buckets.product(b), &buckets.products)?;
    let mut partners = people
        .into_iter()
        .map(|(id, (a, b))| {
            let (today_minor, proposed_minor) = (minor(a, currency)?, minor(b, currency)?);
            Ok(PartnerCost {
                partner_id: id.to_string(),
                on_plan: meant.contains(id),
                today_minor,
                proposed_minor,
                difference_minor: proposed_minor - today_minor,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    partners.retain(|p| p.on_plan || p.difference_minor != 0);
    partners.sort_by_key(|p| (std::cmp::Reverse(p.difference_minor.abs()), p.partner_id.clone()));
    partners.truncate(500);
    Ok(Simulation {
        currency,
        total,
        months,
        products,
        partners,
        cliffs: cliffs(s, &proposed.state, &meant),
        stopped: proposed.stopped,
        revenue_unknown,
        unconverted: rates.missing.into_iter().collect(),
        in_columns: proposed.in_columns,
        one_by_one: proposed.one_by_one,
    })
}

#[derive(Clone, Copy)]
struct Sums {
    deals: i64,
    units: i128,
    today: Exact,
    proposed: Exact,
    /// The proposed cost of those who would not be on the plan.
    others: Exact,
    revenue: Exact,
    revenue_known: bool,
}

impl Default for Sums {
    fn default() -> Self {
        Sums {
            deals: 0,
            units: 0,
            today: Exact::ZERO,
            proposed: Exact::ZERO,
            others: Exact::ZERO,
            revenue: Exact::ZERO,
            revenue_known: false,
        }
    }
}

impl Sums {
    fn add(&mut self, o: &Sums) {
        self.deals += o.deals;
        self.units += o.units;
        self.today = self.today.plus(o.today);
        self.proposed = self.proposed.plus(o.proposed);
        self.others = self.others.plus(o.others);
        self.revenue = self.revenue.plus(o.revenue);
        self.revenue_known |= o.revenue_known;
    }

    fn slice(&self, key: String, currency: Currency) -> Result<Slice> {
        let lots = Exact::new(self.units, i128::from(Lots::ONE.units())).unwrap_or(Exact::ZERO);
        let (revenue, today, proposed) = (
            minor(self.revenue, currency)?,
            minor(self.today, currency)?,
            minor(self.proposed, currency)?,
        );
        let left = self.revenue.minus(self.others);
        Ok(Slice {
            key,
            deals: self.deals,
            lots: lots.to_string(),
            revenue_minor: revenue,
            today_minor: today,
            proposed_minor: proposed,
            difference_minor: proposed - today,
            margin_today_minor: revenue - today,
            margin_proposed_minor: revenue - proposed,
            break_even_per_lot: left.over(lots).filter(|_| self.revenue_known).map(|r| r.to_string()),
        })
    }
}

fn minor(v: Exact, c: Currency) -> Result<i64> {
    v.minor(c.exponent())
        .ok_or_else(|| Problem::conflict("amount_out_of_range", "a sum is beyond what can be shown"))
}

/// The wallet's currency of most of those who would be on the plan.
fn usual_currency(s: &Sample) -> Currency {
    let mut count: BTreeMap<Currency, usize> = BTreeMap::new();
    for h in s.paths.iter().flat_map(|p| &p.today).filter(|h| s.is_meant(h)) {
        *count.entry(h.currency).or_default() += 1;
    }
    count.into_iter().max_by_key(|c| c.1).map_or(Currency::USD, |c| c.0)
}

/// The last rates of each month.
struct Rates {
    months: Vec<Vec<Quote>>,
    to: Currency,
    missing: BTreeSet<Currency>,
}

impl Rates {
    fn of(deals: &[DealFacts], buckets: &Buckets, to: Currency) -> Rates {
        let mut months: Vec<Vec<Quote>> = vec![Vec::new(); buckets.months.len()];
        for (d, b) in deals.iter().zip(&buckets.of).filter(|(d, _)| !d.quotes.is_empty()) {
            months[buckets.month(*b)].clone_from(&d.quotes);
        }
        Rates {
            months,
            to,
            missing: BTreeSet::new(),
        }
    }
    fn convert(&mut self, v: Exact, from: Currency, month: usize) -> Exact {
        let quotes = self.months.get(month).map_or(&[][..], Vec::as_slice);
        match fx::convert(v, from, self.to, quotes) {
            Ok((v, _)) => v,
            Err(_) => {
                self.missing.insert(from);
                Exact::ZERO
            }
        }
    }
}

/// Costs under one of the plans: in columns what goes in columns, the rest by the engine in order.
fn paid(s: &Sample, buckets: &Buckets, proposed: bool) -> Result<Paid> {
    let mut out = Paid {
        costs: Costs::new(),
        stopped: BTreeMap::new(),
        state: State::new(),
        in_columns: 0,
        one_by_one: 0,
    };
    let hops = |i: usize| -> &[Hop] { if proposed { &s.paths[i].then } else { &s.paths[i].today } };
    // The house's settings may differ by entity.
    let mut builders: BTreeMap<&str, Builder> = BTreeMap::new();
    let mut places: HashMap<(u32, u32), engine::columns::AccountId> = HashMap::new();
    let mut ids: HashMap<u32, engine::columns::PathId> = HashMap::new();
    let mut rest: Vec<usize> = Vec::new();
    for (i, d) in s.deals.iter().enumerate() {
        let (path, bucket) = (s.at[i], buckets.of[i]);
        let b = builders.entry(d.entity.as_str()).or_insert_with(|| {
            let all = (0..s.paths.len()).flat_map(hops);
            Builder::new(s.paths[path as usize].settings.clone(), all)
        });
        let id = *ids.entry(path).or_insert_with(|| b.path(hops(path as usize)));
        let account = *places.entry((path, bucket)).or_insert_with(|| b.account(id, bucket));
        match b.add(d, account) {
            Pushed::Taken => out.in_columns += 1,
            Pushed::Nothing(_) => {}
            Pushed::Stops(code) => *out.stopped.entry(code.to_string()).or_default() += 1,
            Pushed::Lines(_) => rest.push(i),
        }
    }
    for (_, b) in builders {
        for (key, sum) in b.finish(true).sums(1) {
            let to = out.costs.entry(key).or_insert(Exact::ZERO);
            *to = to.plus(sum.exact);
        }
    }
    out.one_by_one = rest.len() as i64;
    let deals: Vec<DealFacts> = rest.iter().map(|i| s.deals[*i].clone()).collect();
    let mut world = Replay {
        paths: &s.paths,
        at: rest
            .iter()
            .map(|i| ((s.deals[*i].server.as_str(), s.deals[*i].ticket.as_str()), s.at[*i]))
            .collect(),
        proposed,
    };
    let Month { lines, state } = engine::month(&deals, &State::new(), &mut world);
    out.state = state;
    for (lines, i) in lines.into_iter().zip(&rest) {
        match lines {
            Err(stop) => *out.stopped.entry(stop.code.to_string()).or_default() += 1,
            Ok(lines) => {
                for l in lines.into_iter().filter(|l| !l.exact.is_zero()) {
                    let to = out.costs.entry((buckets.of[*i], l.partner, l.currency)).or_insert(Exact::ZERO);
                    *to = to.plus(l.exact);
                }
            }
        }
    }
    Ok(out)
}

/// Where each tier of the proposed plan stands in its last period.
fn cliffs(s: &Sample, state: &State, meant: &BTreeSet<&str>) -> Vec<Cliff> {
    let plan = &s.question.plan;
    let mut last: BTreeMap<(String, &str), (String, Exact)> = BTreeMap::new();
    // Rolling windows are sums of days: where they stand is another question each day.
    for t in plan
        .plan
        .tiers
        .iter()
        .filter(|t| matches!(t.window, Window::Month | Window::Lifetime))
    {
        for (key, cell) in state.cells().filter(|(k, _)| matches!(k.kind(), "tier" | "retro")) {
            let parts: Vec<&str> = key.as_str().split('/').collect();
            let [_, partner, of, tier, _] = parts.as_slice() else { continue };
            if *of != plan.at.plan || *tier != t.id || !meant.contains(partner) {
                continue;
            }
            let at = last
                .entry(((*partner).to_string(), t.id.as_str()))
                .or_insert((key.period().to_string(), Exact::ZERO));
            if key.period() >= at.0.as_str() {
                *at = (key.period().to_string(), cell.value);
            }
        }
    }
    last.into_iter()
        .filter_map(|((partner_id, id), (period, count))| {
            let t = plan.plan.tier(id)?;
            let band = t.band(count);
            let threshold = t.thresholds.get(band).copied();
            let rates = widest(&plan.plan, id).and_then(|r| r.bands.as_ref()).map(|b| b.rates.as_slice());
            let rate = |i: usize| rates.and_then(|r| r.get(i).or(r.last()).copied());
            let (now, next) = (rate(band), threshold.and_then(|_| rate(band + 1)));
            let jump = threshold
                .filter(|_| t.kind == BandKind::Retroactive && t.measure == Measure::Lots)
                .and_then(|x| Some(next?.minus(now?).times(x)));
            Some(Cliff {
                partner_id,
                tier: id.to_string(),
                period,
                measure: t.measure,
                kind: t.kind,
                count: count.to_string(),
                threshold: threshold.map(|v| v.to_string()),
                to_go: threshold.map(|v| v.minus(count).to_string()),
                rate_now: now.map(|v| v.to_string()),
                rate_next: next.map(|v| v.to_string()),
                jump: jump.map(|v| v.to_string()),
            })
        })
        .collect()
}

/// The plan's least narrow base rule with bands on a tier.
fn widest<'a>(p: &'a Plan, tier: &str) -> Option<&'a Rule> {
    p.rules
        .iter()
        .filter(|r| r.kind == RuleKind::Base && r.level == 1 && r.bands.as_ref().is_some_and(|b| b.tier == tier))
        .min_by_key(|r| r.scope.specificity())
}

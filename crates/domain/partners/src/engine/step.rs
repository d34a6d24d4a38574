//! The work on one partner of the path.

use super::choose::{self, Asked, Chosen};
use super::explain::{Below, Explanation};
use super::facts::{BlockedShare, Crossed, DealFacts, Hop, Line, Ranked, Settings, Stop, Tested};
use super::formula::Formula;
use super::fx;
use super::limits;
use super::pay;
use super::state::{Key, Order, Scratch, State};
use super::tiers::{self, Count};
use super::volume::{self, Hedge, Payable};
use super::{Moment, side_missing, zero};
use crate::exact::Exact;
use crate::guard::PaidRole;
use crate::plan::{Bands, CapExcess, ChildBase, Gaps, Inversion, Override, PaidWhen, Pay, PlanRef, RebateAmount, RebateTaken, Rule};
use qd_kernel::Currency;
use std::collections::BTreeMap;

/// What a partner earned on the deal, for those above.
pub struct Earned {
    pub partner: String,
    /// By the partner's own rate, before anything below was taken off.
    pub own: Exact,
    pub gross: Exact,
    /// After the client's rebate.
    pub net: Exact,
    /// Whether percentages above are of the net by this partner's plan.
    pub net_first: bool,
    pub currency: Currency,
    /// Nothing was earned because the partner has no rate or may not be paid.
    pub gap: bool,
}

/// An amount in a currency with its story, or the reason for none.
type Got = Result<Amount, &'static str>;

struct Amount {
    exact: Exact,
    /// What it was by the partner's own rate.
    own: Exact,
    currency: Currency,
    formula: Formula,
    lots: Exact,
    cap: Option<Exact>,
}

/// One deal at one moment.
pub struct Run<'a> {
    d: &'a DealFacts,
    moment: Moment,
    settings: &'a Settings,
    names: &'a [String],
    scratch: Scratch<'a>,
    hedge: Hedge,
}

/// What is known about the partner's plans on this deal.
struct Ground<'a> {
    hop: &'a Hop,
    level: u32,
    fitting: Vec<&'a Ranked>,
    payable: BTreeMap<PlanRef, Payable>,
    counts: Vec<Count>,
    crossed: Vec<Crossed>,
}

/// One line being worked out.
struct Draft {
    why: Explanation,
    lots: Exact,
    rule: Option<(PlanRef, String)>,
}

impl Draft {
    fn test(&mut self, what: &str, value: impl std::fmt::Display, wanted: impl std::fmt::Display) {
        self.why.tested.push(Tested::new(what, value, wanted));
    }
}

const GAPS: [&str; 8] = [
    "no_plan",
    "plan_out_of_scope",
    "country_forbidden",
    "pay_forbidden",
    "no_rule",
    "rate_zero",
    "no_override",
    "level_not_paid",
];

impl<'a> Run<'a> {
    pub fn new(d: &'a DealFacts, moment: Moment, settings: &'a Settings, names: &'a [String], state: &'a State) -> Run<'a> {
        Run {
            d,
            moment,
            settings,
            names,
            scratch: Scratch::on(state),
            hedge: Hedge::default(),
        }
    }

    pub fn into_moved(self) -> BTreeMap<Key, Exact> {
        self.scratch.into_moved()
    }

    fn draft(&self, level: u32) -> Draft {
        Draft {
            why: Explanation {
                path: self.names.to_vec(),
                level,
                ..Explanation::default()
            },
            lots: Exact::ZERO,
            rule: None,
        }
    }

    fn asked<'b>(&self, hop: &'b Hop) -> Asked<'b>
    where
        'a: 'b,
    {
        Asked {
            d: self.d,
            hop,
            at: self.moment.at,
        }
    }

    pub fn hop(&mut self, hop: &Hop, level: u32, earned: &[Earned]) -> Result<(Vec<Line>, Earned), Stop> {
        let mut g = self.ground(hop, level)?;
        let mut draft = self.draft(level);
        let (got, ranked) = self.earn(&mut draft, &g, earned)?;
        let mut order_left = ranked.and_then(|r| r.plan.caps.per_order);
        let (mut lines, mine) = self.settle(&g, draft, got, ranked, &mut order_left)?;
        if !g.fitting.is_empty() && hop.blocked.is_none() {
            for (ranked, rule) in choose::promotions(&g.fitting, level, self.asked(hop)) {
                lines.extend(self.promotion(&g, ranked, rule, &mut order_left)?);
            }
        }
        if let Some(first) = lines.first_mut() {
            first.crossed = std::mem::take(&mut g.crossed);
        }
        Ok((lines, mine))
    }

    /// Counts the deal in the tiers of every plan that is about it.
    fn ground<'b>(&mut self, hop: &'b Hop, level: u32) -> Result<Ground<'b>, Stop> {
        let d = self.d;
        let fitting: Vec<&Ranked> = hop.plans.iter().filter(|p| choose::plan_fits(&p.plan, d)).collect();
        let mut g = Ground {
            hop,
            level,
            payable: BTreeMap::new(),
            counts: Vec::new(),
            crossed: Vec::new(),
            fitting,
        };
        for ranked in &g.fitting {
            if ranked.plan.tiers.is_empty() || d.volume_closed.units() <= 0 {
                continue;
            }
            let about = choose::about(
                &ranked.plan,
                Asked {
                    d,
                    hop,
                    at: self.moment.at,
                },
            );
            if !about {
                continue;
            }
            let p = volume::payable(d, &ranked.plan, self.moment.part, &mut self.hedge, &mut self.scratch)?;
            let counts = ranked.plan.terms.tiers_count_excluded || !p.closed.is_zero();
            for t in ranked.plan.tiers.iter().filter(|_| counts) {
                let c = tiers::count(d, hop, ranked, t, &p, level, &mut self.scratch, &mut g.crossed)?;
                g.counts.push(c);
            }
            g.payable.insert(ranked.at.clone(), p);
        }
        Ok(g)
    }

    fn payable(&mut self, g: &Ground<'_>, ranked: &Ranked) -> Result<Payable, Stop> {
        match g.payable.get(&ranked.at) {
            Some(p) => Ok(p.clone()),
            None => volume::payable(self.d, &ranked.plan, self.moment.part, &mut self.hedge, &mut self.scratch),
        }
    }

    fn earn<'b>(&mut self, w: &mut Draft, g: &Ground<'b>, earned: &[Earned]) -> Result<(Got, Option<&'b Ranked>), Stop> {
        let d = self.d;
        if g.hop.plans.is_empty() {
            return Ok((Err("no_plan"), None));
        }
        if g.fitting.is_empty() {
            w.test(
                "entity and country",
                format!("{}, {}", d.entity, d.country),
                "inside the plan's scope",
            );
            return Ok((Err("plan_out_of_scope"), None));
        }
        if let Some(f) = g
            .fitting
            .iter()
            .flat_map(|p| &p.plan.scope.forbidden)
            .find(|f| f.country == d.country)
        {
            w.test(
                "client country",
                &d.country,
                format!("a country where partners may be paid ({})", f.source),
            );
            return Ok((Err("country_forbidden"), None));
        }
        // The first plan by rank that says anything about clients of others decides how.
        let over = g.fitting.iter().find_map(|p| p.plan.overrides.as_ref().map(|o| (*p, o)));
        match over {
            Some((p, Override::Multiplier { .. } | Override::Pool { .. })) => self.by_ratio(w, g, p, earned),
            _ if g.level == 1 => self.by_rule(w, g, 1, "direct"),
            None => Ok((Err("no_override"), None)),
            Some((p, Override::Fixed)) => self.by_level(w, g, p, earned),
            Some((_, Override::Differential)) => self.by_difference(w, g, earned),
            Some((p, Override::PercentOfChild { of, net, levels })) => self.by_percent(w, g, p, (*of, *net), levels, earned),
        }
    }

    fn by_rule<'b>(&mut self, w: &mut Draft, g: &Ground<'b>, level: u32, method: &'static str) -> Result<(Got, Option<&'b Ranked>), Stop> {
        let d = self.d;
        w.why.method = method.into();
        let Some(Chosen { ranked, rule, losing }) = choose::choose(&g.fitting, level, self.asked(g.hop)) else {
            w.test(
                "rules",
                format!(
                    "none for {} ({}) on {} in {}",
                    d.symbol,
                    d.product_group.as_deref().unwrap_or("?"),
                    d.account_type,
                    d.group
                ),
                "a rule that fits",
            );
            return Ok((Err(if level > 1 { "level_not_paid" } else { "no_rule" }), None));
        };
        w.why.losing = losing;
        Ok((self.amount(w, g, ranked, rule)?, Some(ranked)))
    }

    /// What one rule pays on the deal.
    fn amount(&mut self, w: &mut Draft, g: &Ground<'_>, ranked: &Ranked, rule: &Rule) -> Result<Got, Stop> {
        let d = self.d;
        w.rule = Some((ranked.at.clone(), rule.id.clone()));
        w.why.rule = Some(choose::candidate(ranked, rule));
        if let Some(source) = self
            .settings
            .guard
            .bans(&d.entity, &d.country, PaidRole::Partner, rule.pay.as_str())
        {
            w.test(
                "client country",
                &d.country,
                format!("a client for whom this may be paid ({source})"),
            );
            return Ok(Err("pay_forbidden"));
        }
        if let Some(reason) = side_missing(d, rule.when) {
            return Ok(Err(reason));
        }
        let p = self.payable(g, ranked)?;
        w.why.tested.extend(p.tested.iter().cloned());
        let (closed, opened) = (Exact::lots(d.volume_closed), Exact::lots(d.volume_opened));
        let half = Exact::new(1, 2).unwrap_or(Exact::ONE);
        let mut platform = match rule.when {
            PaidWhen::Close => closed.times(p.closed),
            PaidWhen::Open => opened.times(p.opened),
            PaidWhen::Both => closed.times(p.closed).plus(opened.times(p.opened)).times(half),
        };
        let mut lots = platform.times(p.factor);
        let mut part = match rule.when {
            PaidWhen::Close => p.closed,
            _ => platform.over(if closed.is_zero() { opened } else { closed }).unwrap_or(Exact::ZERO),
        };
        if rule.after_qualification {
            let me = Order::of(d);
            let after = match &g.hop.qualified {
                None => Exact::ZERO,
                Some(q) if q.order() < me => Exact::ONE,
                Some(q) if q.order() == me => {
                    let share = q.lots_after.over(closed.times(p.factor)).unwrap_or(Exact::ZERO);
                    if share > Exact::ONE { Exact::ONE } else { share.max(Exact::ZERO) }
                }
                Some(_) => Exact::ZERO,
            };
            let at = g.hop.qualified.as_ref().map_or_else(|| "not yet".to_string(), |q| q.at.rfc3339());
            w.test("client qualified", at, "before or with this deal");
            if after.is_zero() {
                w.why.volume = Some(p.volume(d, Exact::ZERO));
                return Ok(Err("before_qualification"));
            }
            if after != Exact::ONE {
                w.test("lots after qualification", lots.times(after), lots);
            }
            (platform, lots, part) = (platform.times(after), lots.times(after), part.times(after));
        }
        w.why.volume = Some(p.volume(d, lots));
        w.lots = lots;
        if lots.is_zero()
            && let Some(reason) = p.reason
        {
            return Ok(Err(reason));
        }
        let q = pay::quantity(d, &ranked.plan, rule, lots, platform, part)?;
        w.why.fx.extend(q.fx.iter().cloned());
        let (exact, formula) = match &rule.bands {
            None if rule.rate.is_zero() => return Ok(Err("rate_zero")),
            None => (q.value.times(rule.rate), rated(q.formula.clone(), rule, rule.rate, q.currency)),
            Some(b) => self.banded(w, g, ranked, rule, b, &q),
        };
        let unit = q.currency.code();
        let formula = formula.equals(exact, unit);
        if !q.damped.is_zero() {
            w.test("withheld by spread damping", q.damped.times(rule.rate), "0");
        }
        if exact.is_zero() {
            w.why.formula = formula.text;
            w.why.steps = formula.parts;
            return Ok(Err(if rule.bands.is_some() { "rate_zero" } else { "no_amount" }));
        }
        Ok(Ok(Amount {
            exact,
            own: exact,
            currency: q.currency,
            formula,
            lots,
            cap: rule.cap_per_order,
        }))
    }

    /// The rates of the bands that the deal reaches into.
    fn banded(&mut self, w: &mut Draft, g: &Ground<'_>, ranked: &Ranked, rule: &Rule, b: &Bands, q: &pay::Quantity) -> (Exact, Formula) {
        let count = g.counts.iter().find(|c| c.plan == ranked.at.plan && c.tier == b.tier);
        let Some(c) = count else {
            // The deal is excluded from the tier: the lowest band, of nothing.
            let rate = b.rates.first().copied().unwrap_or(Exact::ZERO);
            return (q.value.times(rate), rated(q.formula.clone(), rule, rate, q.currency));
        };
        told(w, c);
        let slices = c.slices();
        let single = slices.len() == 1;
        let (mut sum, mut formula) = (Exact::ZERO, Formula::default());
        for s in slices {
            let rate = b.rates.get(s.band).or(b.rates.last()).copied().unwrap_or(Exact::ZERO);
            let value = q.value.times(s.part);
            sum = sum.plus(value.times(rate));
            let start = if single {
                q.formula.clone()
            } else if rule.pay == Pay::PerLot {
                Formula::start(value, "lots", "volume")
            } else {
                q.formula.clone().times(s.part, "", "band")
            };
            formula = formula.and(rated(start, rule, rate, q.currency));
        }
        (sum, formula)
    }

    fn by_level<'b>(&mut self, w: &mut Draft, g: &Ground<'b>, by: &Ranked, earned: &[Earned]) -> Result<(Got, Option<&'b Ranked>), Stop> {
        let gaps = by.plan.terms.gaps;
        let level = self.effective(g.level, gaps, earned);
        let (mut got, ranked) = self.by_rule(w, g, level, "fixed")?;
        if gaps == Gaps::PassUp
            && let Ok(own) = &mut got
        {
            // The levels of those right below who have no rate come on top.
            for (i, e) in earned.iter().enumerate().rev().take_while(|(_, e)| e.gap) {
                let below = u32::try_from(i + 1).unwrap_or(u32::MAX);
                let mut other = self.draft(g.level);
                if let (Ok(more), _) = self.by_rule(&mut other, g, below, "fixed")? {
                    let (value, steps) = fx::convert(more.exact, more.currency, own.currency, &self.d.quotes)?;
                    w.why.fx.extend(steps);
                    own.exact = own.exact.plus(value);
                    own.formula = std::mem::take(&mut own.formula).plus(value, own.currency.code(), "level", &format!("of {}", e.partner));
                }
            }
            own.own = own.exact;
        }
        Ok((got, ranked))
    }

    /// The level as the plan counts it: with `compress` only those who are paid count.
    fn effective(&self, level: u32, gaps: Gaps, earned: &[Earned]) -> u32 {
        if gaps != Gaps::Compress {
            return level;
        }
        let paid = earned.iter().filter(|e| !e.gap).count();
        u32::try_from(paid + 1).unwrap_or(u32::MAX)
    }

    fn by_difference<'b>(&mut self, w: &mut Draft, g: &Ground<'b>, earned: &[Earned]) -> Result<(Got, Option<&'b Ranked>), Stop> {
        let (got, ranked) = self.by_rule(w, g, 1, "differential")?;
        let mut own = match got {
            Ok(v) => v,
            Err(reason) => return Ok((Err(reason), ranked)),
        };
        let next_only = ranked.is_some_and(|r| r.plan.terms.inversion == Inversion::NextBelow);
        // What all below earned together: in a plain chain of rates that is the highest rate below,
        // so the chain never costs more than the highest rate on it, whatever the order.
        let mut below = Exact::ZERO;
        let looked: Vec<(&Earned, Exact)> = if next_only {
            earned.iter().rev().find(|e| !e.gap).map(|e| (e, e.own)).into_iter().collect()
        } else {
            earned.iter().map(|e| (e, e.gross)).collect()
        };
        for (e, amount) in looked {
            let (value, steps) = fx::convert(amount, e.currency, own.currency, &self.d.quotes)?;
            w.why.fx.extend(steps);
            below = below.plus(value);
            w.why.below.push(Below {
                partner: e.partner.clone(),
                amount: amount.to_string(),
                currency: e.currency,
            });
        }
        let rest = own.exact.minus(below);
        if rest <= Exact::ZERO {
            w.test("own rate less what is below", rest, "more than 0");
            w.why.formula = own.formula.text;
            w.why.steps = own.formula.parts;
            return Ok((Err("below_child_rate"), ranked));
        }
        let unit = own.currency.code();
        own.formula = own.formula.less(below, unit, "below", "earned below").equals(rest, unit);
        own.exact = rest;
        Ok((Ok(own), ranked))
    }

    fn by_percent<'b>(
        &mut self,
        w: &mut Draft,
        g: &Ground<'b>,
        ranked: &'b Ranked,
        (of, net): (ChildBase, Option<bool>),
        levels: &[Exact],
        earned: &[Earned],
    ) -> Result<(Got, Option<&'b Ranked>), Stop> {
        w.why.method = "percent_of_child".into();
        let gaps = ranked.plan.terms.gaps;
        let level = self.effective(g.level, gaps, earned).max(2);
        let at = usize::try_from(level).unwrap_or(usize::MAX).saturating_sub(2);
        let Some(share) = levels.get(at) else {
            w.test("level", level, format!("at most {}", levels.len() + 1));
            return Ok((Err("level_not_paid"), Some(ranked)));
        };
        let base = match of {
            ChildBase::Next if gaps == Gaps::Keep => earned.last(),
            ChildBase::Next => earned.iter().rev().find(|e| !e.gap),
            ChildBase::Direct => earned.first(),
        };
        w.rule = Some((ranked.at.clone(), format!("override/levels/{at}")));
        let p = self.payable(g, ranked)?;
        w.why.tested.extend(p.tested.iter().cloned());
        let lots = Exact::lots(self.d.volume_closed).times(p.factor).times(p.closed);
        w.why.volume = Some(p.volume(self.d, lots));
        w.lots = lots;
        if let Some(reason) = p.reason {
            return Ok((Err(reason), Some(ranked)));
        }
        let amount = |b: &Earned| if net.unwrap_or(b.net_first) { b.net } else { b.gross };
        let Some(base) = base.filter(|b| !amount(b).is_zero()) else {
            return Ok((Err("child_earned_nothing"), Some(ranked)));
        };
        let value = amount(base);
        w.why.below.push(Below {
            partner: base.partner.clone(),
            amount: value.to_string(),
            currency: base.currency,
        });
        if share.is_zero() {
            return Ok((Err("rate_zero"), Some(ranked)));
        }
        let exact = value.times(*share);
        let unit = base.currency.code();
        let mut formula = Formula::start(share, "share", "rate")
            .times(value, unit, "child")
            .equals(exact, unit);
        formula.text = format!("{share} of {value} {unit} earned by {} = {exact} {unit}", base.partner);
        Ok((
            Ok(Amount {
                exact,
                own: exact,
                currency: base.currency,
                formula,
                lots,
                cap: None,
            }),
            Some(ranked),
        ))
    }

    /// Multipliers and pools: the plan's own amount times what the partner's place says.
    fn by_ratio<'b>(
        &mut self,
        w: &mut Draft,
        g: &Ground<'b>,
        by: &'b Ranked,
        earned: &[Earned],
    ) -> Result<(Got, Option<&'b Ranked>), Stop> {
        let gaps = by.plan.terms.gaps;
        let level = self.effective(g.level, gaps, earned);
        let at = usize::try_from(level).unwrap_or(usize::MAX).saturating_sub(1);
        let (method, list) = match by.plan.overrides.as_ref() {
            Some(Override::Multiplier { levels, .. }) => ("multiplier", levels),
            Some(Override::Pool { weights }) => ("pool", weights),
            _ => return Ok((Err("no_override"), Some(by))),
        };
        let Some(ratio) = list.get(at).copied() else {
            w.why.method = method.into();
            w.test("level", level, format!("at most {}", list.len()));
            return Ok((Err("level_not_paid"), Some(by)));
        };
        let (got, ranked) = self.by_rule(w, g, 1, method)?;
        let mut own = match got {
            Ok(v) => v,
            Err(reason) => return Ok((Err(reason), ranked)),
        };
        match by.plan.overrides.as_ref() {
            Some(Override::Pool { weights }) => {
                // With `keep` the weights of levels that nobody stands on stay with the house.
                let there = if gaps == Gaps::Keep { weights.len() } else { self.names.len() };
                let all = weights.iter().take(there).fold(Exact::ZERO, |a, w| a.plus(*w));
                let share = ratio.over(all).unwrap_or(Exact::ZERO);
                own.exact = own.exact.times(share);
                own.formula = own.formula.times(ratio, "", "weight").over(all, "", "weight");
            }
            Some(Override::Multiplier { tier, personal, .. }) => {
                own.exact = own.exact.times(ratio);
                own.formula = own.formula.times(ratio, "ratio", "level");
                if let Some(b) = tier
                    && let Some(c) = g.counts.iter().find(|c| c.plan == by.at.plan && c.tier == b.tier)
                {
                    told(w, c);
                    let factor = c.slices().iter().fold(Exact::ZERO, |a, s| {
                        a.plus(s.part.times(b.rates.get(s.band).copied().unwrap_or(Exact::ZERO)))
                    });
                    own.exact = own.exact.times(factor);
                    own.formula = own.formula.times(factor, "ratio", "tier");
                }
                if let Some(p) = personal.iter().find(|p| p.partner == g.hop.partner) {
                    own.exact = own.exact.times(p.ratio);
                    own.formula = own.formula.times(p.ratio, "ratio", "personal");
                }
            }
            _ => {}
        }
        if own.exact.is_zero() {
            return Ok((Err("rate_zero"), ranked));
        }
        own.own = own.exact;
        own.formula = own.formula.equals(own.exact, own.currency.code());
        Ok((Ok(own), ranked))
    }

    fn promotion(&mut self, g: &Ground<'_>, ranked: &Ranked, rule: &Rule, order_left: &mut Option<Exact>) -> Result<Vec<Line>, Stop> {
        let mut w = self.draft(g.level);
        w.why.method = "promotion".into();
        let got = self.amount(&mut w, g, ranked, rule)?;
        if let Err("opens_only" | "closes_only") = got {
            return Ok(Vec::new());
        }
        let a = match got {
            Ok(a) => a,
            Err(reason) => return Ok(vec![self.nothing(g, w, reason)]),
        };
        let (line, _) = self.pay_out(g, w, a, ranked, order_left)?;
        Ok(vec![line])
    }

    fn nothing(&self, g: &Ground<'_>, mut w: Draft, reason: &'static str) -> Line {
        w.why.reason = Some(reason.into());
        w.why.exact = "0".into();
        if w.why.formula.is_empty() {
            w.why.formula = "0".into();
        }
        zero(g.hop, g.level, reason, w.rule, w.lots, w.why)
    }

    /// Limits, then the wallet's currency. Answers the line and what it pays in the amount's currency.
    fn pay_out(
        &mut self,
        g: &Ground<'_>,
        mut w: Draft,
        a: Amount,
        ranked: &Ranked,
        order_left: &mut Option<Exact>,
    ) -> Result<(Line, Exact), Stop> {
        let l = limits::limit(self.d, g.hop, ranked, a.cap, a.exact, a.currency, order_left, &mut self.scratch)?;
        w.why.formula = a.formula.text;
        w.why.steps = a.formula.parts;
        w.why.formula.push_str(&l.words);
        w.why.steps.extend(l.parts);
        w.why.tested.extend(l.tested);
        w.lots = a.lots;
        if let Some(reason) = l.reason {
            return Ok((self.nothing(g, w, reason), Exact::ZERO));
        }
        let line = self.line(g, w, l.amount, a.currency, g.hop.currency, None)?;
        Ok((line, l.amount))
    }

    /// An amount as a line in a wallet's currency.
    fn line(
        &self,
        g: &Ground<'_>,
        mut w: Draft,
        amount: Exact,
        from: Currency,
        to: Currency,
        client: Option<String>,
    ) -> Result<Line, Stop> {
        let (exact, steps) = fx::convert(amount, from, to, &self.d.quotes)?;
        for s in &steps {
            let (op, sign) = if s.divided { ("over", "/") } else { ("times", "x") };
            w.why.formula.push_str(&format!(" {sign} {} ({})", s.rate, s.pair));
            w.why.steps.push(super::explain::Part::new(op, s.rate, &s.pair, "fx"));
        }
        if !steps.is_empty() {
            w.why.formula.push_str(&format!(" = {exact} {to}"));
            w.why.steps.push(super::explain::Part::new("equals", exact, to, "amount"));
        }
        w.why.fx.extend(steps);
        w.why.exact = exact.to_string();
        Ok(Line {
            partner: g.hop.partner.clone(),
            client,
            level: g.level,
            exact,
            currency: to,
            lots: w.lots,
            reason: None,
            rule: w.rule,
            crossed: Vec::new(),
            why: w.why,
        })
    }

    /// From the amount to the base line, the client's rebate, and what those above see.
    fn settle(
        &mut self,
        g: &Ground<'_>,
        mut w: Draft,
        got: Got,
        ranked: Option<&Ranked>,
        order_left: &mut Option<Exact>,
    ) -> Result<(Vec<Line>, Earned), Stop> {
        let mut mine = Earned {
            partner: g.hop.partner.clone(),
            own: Exact::ZERO,
            gross: Exact::ZERO,
            net: Exact::ZERO,
            net_first: ranked.is_some_and(|r| r.plan.terms.rebate_taken == RebateTaken::Before),
            currency: g.hop.currency,
            gap: false,
        };
        let (a, ranked) = match (got, ranked) {
            (Ok(a), Some(r)) => (a, r),
            (Err(reason), _) => {
                mine.gap = GAPS.contains(&reason);
                return Ok((vec![self.nothing(g, w, reason)], mine));
            }
            (Ok(_), None) => {
                return Err(Stop {
                    code: "rule_lost",
                    cause: format!("an amount of deal {} has no plan", self.d.deal()),
                });
            }
        };
        mine.currency = a.currency;
        if let Some(blocked) = g.hop.blocked {
            let reason = blocked.as_str();
            w.test("partner", reason, "may be paid");
            w.why.formula = a.formula.text;
            w.why.steps = a.formula.parts;
            if self.settings.blocked == BlockedShare::Keep {
                (mine.own, mine.gross, mine.net) = (a.own, a.exact, a.exact);
            } else {
                mine.gap = true;
            }
            w.lots = a.lots;
            return Ok((vec![self.nothing(g, w, reason)], mine));
        }
        let (uncapped, own, currency, lots) = (a.exact, a.own, a.currency, a.lots);
        let (mut line, paid) = self.pay_out(g, w, a, ranked, order_left)?;
        mine.own = own;
        mine.gross = if ranked.plan.terms.cap_excess == CapExcess::PassUp {
            paid
        } else {
            uncapped
        };
        mine.net = mine.gross;
        let mut lines = Vec::new();
        if g.level == 1 && line.reason.is_none() && !paid.is_zero() {
            if let Some((rebate, part)) = self.rebate(g, ranked, &mut line, paid, currency, lots)? {
                mine.net = mine.gross.minus(part);
                let left = paid.minus(part);
                let taken = line.exact.times(part.over(paid).unwrap_or(Exact::ZERO));
                line.exact = line.exact.minus(taken);
                line.why.formula.push_str(&format!(
                    ", less {part} {currency} rebate to the client = {} {}",
                    line.exact, line.currency
                ));
                line.why.steps.push(super::explain::Part::new("less", part, currency, "rebate"));
                line.why
                    .steps
                    .push(super::explain::Part::new("equals", line.exact, line.currency, "amount"));
                line.why.exact = line.exact.to_string();
                if left.is_zero() {
                    line.reason = Some("rebated");
                    line.why.reason = Some("rebated".into());
                }
                lines.push(rebate);
            }
        }
        lines.insert(0, line);
        Ok((lines, mine))
    }

    /// The client's part of what the direct partner earned, as a line in the account's currency, and
    /// that part in the amount's currency.
    fn rebate(
        &mut self,
        g: &Ground<'_>,
        ranked: &Ranked,
        of: &mut Line,
        paid: Exact,
        currency: Currency,
        lots: Exact,
    ) -> Result<Option<(Line, Exact)>, Stop> {
        let d = self.d;
        let rebates = &ranked.plan.client_rebates;
        let Some((i, r)) = rebates.iter().enumerate().find(|(_, r)| {
            (r.tags.is_empty() || r.tags.iter().any(|t| d.tags.contains(t))) && (r.groups.is_empty() || r.groups.contains(&d.group))
        }) else {
            return Ok(None);
        };
        if let Some(source) = self.settings.guard.bans(&d.entity, &d.country, PaidRole::Client, "client_rebate") {
            of.why.tested.push(Tested::new(
                "rebate to the client",
                "none",
                format!("a client who may be given one ({source})"),
            ));
            return Ok(None);
        }
        let mut w = self.draft(g.level);
        w.why.method = "client_rebate".into();
        w.lots = lots;
        w.rule = Some((ranked.at.clone(), format!("client_rebates/{i}")));
        let unit = currency.code();
        let (part, formula) = match r.amount {
            RebateAmount::Percent(p) => (paid.times(p), Formula::start(paid, unit, "child").times(p, "share", "rebate")),
            RebateAmount::PerLot(rate) => {
                let own = ranked.plan.currency.of(d.currency);
                let (value, steps) = fx::convert(lots.times(rate), own, currency, &d.quotes)?;
                w.why.fx.extend(steps);
                (value, Formula::start(lots, "lots", "volume").times(rate, own.code(), "rebate"))
            }
        };
        let part = if part > paid { paid } else { part };
        if part.is_zero() {
            return Ok(None);
        }
        let formula = formula.equals(part, unit);
        w.why.formula = formula.text;
        w.why.steps = formula.parts;
        w.why.volume = of.why.volume.clone();
        let line = self.line(g, w, part, currency, d.currency, Some(d.client.clone()))?;
        Ok(Some((line, part)))
    }
}

fn rated(f: Formula, rule: &Rule, rate: Exact, currency: Currency) -> Formula {
    match rule.pay {
        Pay::PerLot | Pay::PerMillion => f.times(rate, currency.code(), "rate"),
        Pay::Pips => f.times(rate, "pips", "rate"),
        Pay::Spread | Pay::Markup | Pay::Commission => f.times(rate, "share", "rate"),
    }
}

fn told(w: &mut Draft, c: &Count) {
    let wanted = match c.thresholds.get(c.band) {
        Some(next) => format!("band {} until {next}", c.band + 1),
        None => format!("band {}, the highest", c.band + 1),
    };
    w.test(&format!("tier {} before", c.tier), c.before, "");
    w.test(&format!("tier {} with this deal", c.tier), c.after, "");
    w.test(&format!("tier {} decides", c.tier), c.decides, wanted);
}

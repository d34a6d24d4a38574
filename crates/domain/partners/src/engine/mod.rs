//! The commission engine: a pure function from a deal, the partners above its client and their
//! plans to lines. No database, no clock; whole numbers and fractions only. The live feed, a
//! correction, a recomputation and the preview all call [`lines`].

mod choose;
pub mod cpa;
pub mod explain;
mod facts;
pub mod fx;
pub mod revenue;
pub mod round;

pub use facts::{Blocked, BlockedShare, DealFacts, FactKind, Hop, Line, Quote, Rank, Ranked, RoundingPlace, Settings, Stop, Tested};

use crate::exact::Exact;
use crate::plan::{ChildBase, Override, PlanRef};
use explain::{Below, Explanation, Volume};
use qd_kernel::Currency;

/// What a partner earned on the deal in the plan's own currency, for those above.
struct Earned {
    partner: String,
    amount: Exact,
    currency: Currency,
}

/// One line per partner of the path, bottom up; a single one for the direct partner when the deal as
/// a whole pays nothing; none for a client without partner.
///
/// Reasons of zero lines: of the deal `deal_cancelled`, `not_a_trade`, `technical_deal`,
/// `account_excluded`, `opens_only`; of a partner `no_plan`, `plan_out_of_scope`,
/// `country_forbidden`, `no_rule`, `rate_zero`, `no_override`, `level_not_paid`, `min_duration`,
/// `negative_balance`, `bonus_only`, `below_child_rate`, `child_earned_nothing`, and what the hop is
/// blocked by.
pub fn lines(d: &DealFacts, path: &[Hop], settings: &Settings) -> Result<Vec<Line>, Stop> {
    let Some(direct) = path.first() else { return Ok(Vec::new()) };
    let names: Vec<String> = path.iter().map(|h| h.partner.clone()).collect();
    if let Some((reason, tested)) = of_the_deal(d) {
        let why = Explanation {
            formula: "0".into(),
            path: names,
            level: 1,
            tested,
            exact: "0".into(),
            reason: Some(reason.into()),
            ..Explanation::default()
        };
        return Ok(vec![zero(direct, 1, reason, None, Exact::ZERO, why)]);
    }
    if d.product_group.is_none() {
        return Err(Stop {
            code: "symbol_unmapped",
            cause: format!("the symbol {} of {} has no product group", d.symbol, d.server),
        });
    }
    let mut out: Vec<Line> = Vec::with_capacity(path.len());
    let mut earned: Vec<Earned> = Vec::with_capacity(path.len());
    for (i, hop) in path.iter().enumerate() {
        let level = u32::try_from(i + 1).unwrap_or(u32::MAX);
        let mut step = Step {
            d,
            hop,
            level,
            names: &names,
            why: Explanation {
                path: names.clone(),
                level,
                ..Explanation::default()
            },
            lots: Exact::ZERO,
            rule: None,
        };
        let got = step.earn(&earned)?;
        let (line, mine) = step.line(got, settings)?;
        earned.push(mine);
        out.push(line);
    }
    Ok(out)
}

/// Why nobody at all is paid on this deal.
pub fn of_the_deal(d: &DealFacts) -> Option<(&'static str, Vec<Tested>)> {
    if d.deleted || d.kind == FactKind::CancelledTrade {
        return Some((
            "deal_cancelled",
            vec![Tested::new(
                "deal",
                if d.deleted { "deleted" } else { "cancelled" },
                "a trade that stands",
            )],
        ));
    }
    if d.kind != FactKind::Trade {
        return Some(("not_a_trade", vec![Tested::new("kind", d.kind, "trade")]));
    }
    if d.technical {
        return Some((
            "technical_deal",
            vec![Tested::new("reason", &d.reason, "a trade of the client's own")],
        ));
    }
    if !d.counts {
        return Some(("account_excluded", vec![Tested::new("account counts for commission", "no", "yes")]));
    }
    if d.volume_closed.units() <= 0 {
        return Some(("opens_only", vec![Tested::new("lots closed", d.volume_closed, "more than 0")]));
    }
    None
}

fn zero(hop: &Hop, level: u32, reason: &'static str, rule: Option<(PlanRef, String)>, lots: Exact, why: Explanation) -> Line {
    Line {
        partner: hop.partner.clone(),
        level,
        exact: Exact::ZERO,
        currency: hop.currency,
        lots,
        reason: Some(reason),
        rule,
        why,
    }
}

/// The work on one partner.
struct Step<'a> {
    d: &'a DealFacts,
    hop: &'a Hop,
    level: u32,
    names: &'a [String],
    why: Explanation,
    lots: Exact,
    rule: Option<(PlanRef, String)>,
}

/// An amount in a currency, or the reason for none.
type Got = Result<(Exact, Currency), &'static str>;

impl Step<'_> {
    fn earn(&mut self, earned: &[Earned]) -> Result<Got, Stop> {
        if self.hop.plans.is_empty() {
            return Ok(Err("no_plan"));
        }
        let fitting: Vec<&Ranked> = self.hop.plans.iter().filter(|p| choose::plan_fits(&p.plan, self.d)).collect();
        if fitting.is_empty() {
            self.test(
                "entity and country",
                format!("{}, {}", self.d.entity, self.d.country),
                "inside the plan's scope",
            );
            return Ok(Err("plan_out_of_scope"));
        }
        if let Some(f) = fitting
            .iter()
            .flat_map(|p| &p.plan.scope.forbidden)
            .find(|f| f.country == self.d.country)
        {
            self.test(
                "client country",
                &self.d.country,
                format!("a country where partners may be paid ({})", f.source),
            );
            return Ok(Err("country_forbidden"));
        }
        if self.level == 1 {
            return self.by_rule(&fitting, 1, "direct");
        }
        // The first plan by rank that says anything about clients of others decides how.
        match fitting.iter().find_map(|p| p.plan.overrides.as_ref().map(|o| (*p, o))) {
            None => Ok(Err("no_override")),
            Some((_, Override::Fixed)) => self.by_rule(&fitting, self.level, "fixed"),
            Some((_, Override::Differential)) => self.by_difference(&fitting, earned),
            Some((p, Override::PercentOfChild { of, levels })) => self.by_percent(p, *of, levels, earned),
        }
    }

    fn by_rule(&mut self, plans: &[&Ranked], level: u32, method: &'static str) -> Result<Got, Stop> {
        self.why.method = method.into();
        let Some(chosen) = choose::choose(plans, level, self.d) else {
            self.test(
                "rules",
                format!(
                    "none for {} ({}) on {} in {}",
                    self.d.symbol,
                    self.d.product_group.as_deref().unwrap_or("?"),
                    self.d.account_type,
                    self.d.group
                ),
                "a rule that fits",
            );
            return Ok(Err(if level > 1 { "level_not_paid" } else { "no_rule" }));
        };
        self.rule = Some((chosen.ranked.at.clone(), chosen.rule.id.clone()));
        self.why.rule = Some(choose::candidate(chosen.ranked, chosen.rule));
        self.why.losing = chosen.losing;
        if let Some(reason) = self.payable_lots(chosen.ranked)? {
            return Ok(Err(reason));
        }
        if chosen.rule.rate.is_zero() {
            return Ok(Err("rate_zero"));
        }
        let currency = chosen.ranked.plan.currency.of(self.d.currency);
        let amount = self.lots.times(chosen.rule.rate);
        self.why.formula = format!("{} lots x {} {currency} = {amount} {currency}", self.lots, chosen.rule.rate);
        Ok(Ok((amount, currency)))
    }

    fn by_difference(&mut self, plans: &[&Ranked], earned: &[Earned]) -> Result<Got, Stop> {
        let (own, currency) = match self.by_rule(plans, 1, "differential")? {
            Ok(v) => v,
            Err(reason) => return Ok(Err(reason)),
        };
        // What all below earned together: in a plain chain of rates that is the highest rate below,
        // so the chain never costs more than the highest rate on it, whatever the order.
        let mut below = Exact::ZERO;
        for e in earned {
            let (amount, steps) = fx::convert(e.amount, e.currency, currency, &self.d.quotes)?;
            self.why.fx.extend(steps);
            below = below.plus(amount);
            self.why.below.push(Below {
                partner: e.partner.clone(),
                amount: e.amount.to_string(),
                currency: e.currency,
            });
        }
        let rest = own.minus(below);
        if rest <= Exact::ZERO {
            self.test("own rate less what is below", rest, "more than 0");
            return Ok(Err("below_child_rate"));
        }
        self.why.formula = format!("{}, less {below} {currency} earned below = {rest} {currency}", self.why.formula);
        Ok(Ok((rest, currency)))
    }

    fn by_percent(&mut self, ranked: &Ranked, of: ChildBase, levels: &[Exact], earned: &[Earned]) -> Result<Got, Stop> {
        self.why.method = "percent_of_child".into();
        let at = usize::try_from(self.level).unwrap_or(usize::MAX).saturating_sub(2);
        let Some(share) = levels.get(at) else {
            self.test("level", self.level, format!("at most {}", levels.len() + 1));
            return Ok(Err("level_not_paid"));
        };
        let base = match of {
            ChildBase::Next => earned.last(),
            ChildBase::Direct => earned.first(),
        };
        self.rule = Some((ranked.at.clone(), format!("override/levels/{at}")));
        if let Some(reason) = self.payable_lots(ranked)? {
            return Ok(Err(reason));
        }
        let Some(base) = base.filter(|b| !b.amount.is_zero()) else {
            return Ok(Err("child_earned_nothing"));
        };
        self.why.below.push(Below {
            partner: base.partner.clone(),
            amount: base.amount.to_string(),
            currency: base.currency,
        });
        if share.is_zero() {
            return Ok(Err("rate_zero"));
        }
        let amount = base.amount.times(*share);
        self.why.formula = format!(
            "{share} of {} {} earned by {} = {amount} {}",
            base.amount, base.currency, base.partner, base.currency
        );
        Ok(Ok((amount, base.currency)))
    }

    /// Sets the lots that count under the plan, or answers why none do.
    fn payable_lots(&mut self, ranked: &Ranked) -> Result<Option<&'static str>, Stop> {
        let x = &ranked.plan.exclusions;
        let platform = Exact::lots(self.d.volume_closed);
        let mut lots = platform;
        let mut factors = Vec::new();
        let among = |list: &[String], v: &str| list.is_empty() || list.iter().any(|l| l == v);
        if let Some(f) = ranked
            .plan
            .volume_factors
            .iter()
            .find(|f| among(&f.account_types, &self.d.account_type) && among(&f.groups, &self.d.group))
        {
            factors.push(Tested::new("account factor", f.factor, ""));
            lots = lots.times(f.factor);
        }
        let mut reason = None;
        if let Some(min) = x.min_duration_secs {
            let Some(opened) = self.d.opened_at else {
                return Err(Stop {
                    code: "open_time_missing",
                    cause: format!(
                        "the plan asks how long the position of deal {} was open, and the feed does not say",
                        self.d.deal()
                    ),
                });
            };
            let secs = self.d.at.secs_since(opened);
            self.test("seconds open", secs, format!("at least {min}"));
            if secs < min {
                reason = Some("min_duration");
            }
        }
        if x.negative_balance {
            self.test("account below zero", if self.d.negative_balance { "yes" } else { "no" }, "no");
            if self.d.negative_balance {
                reason = reason.or(Some("negative_balance"));
            }
        }
        if x.bonus_share {
            let (Some(equity), Some(bonus)) = (self.d.equity_minor, self.d.bonus_minor) else {
                return Err(Stop {
                    code: "equity_missing",
                    cause: format!(
                        "the plan asks for equity and bonus at deal {}, and the feed does not say",
                        self.d.deal()
                    ),
                });
            };
            let own = Exact::int(equity.saturating_sub(bonus)).max(Exact::ZERO);
            let factor = own
                .over(Exact::int(equity))
                .filter(|f| equity > 0 && *f <= Exact::ONE)
                .unwrap_or(Exact::ZERO);
            factors.push(Tested::new("own part of the equity", factor, ""));
            lots = lots.times(factor);
            if lots.is_zero() {
                reason = reason.or(Some("bonus_only"));
            }
        }
        self.why.volume = Some(Volume {
            platform_lots: platform.to_string(),
            factors,
            lots: lots.to_string(),
        });
        self.lots = if reason.is_some() { Exact::ZERO } else { lots };
        Ok(reason)
    }

    fn line(mut self, got: Got, settings: &Settings) -> Result<(Line, Earned), Stop> {
        let nothing = Earned {
            partner: self.hop.partner.clone(),
            amount: Exact::ZERO,
            currency: self.hop.currency,
        };
        debug_assert_eq!(self.names.len(), self.why.path.len());
        let (amount, currency) = match got {
            Ok(v) => v,
            Err(reason) => {
                self.why.reason = Some(reason.into());
                self.why.exact = "0".into();
                if self.why.formula.is_empty() {
                    self.why.formula = "0".into();
                }
                return Ok((zero(self.hop, self.level, reason, self.rule, self.lots, self.why), nothing));
            }
        };
        let (exact, steps) = fx::convert(amount, currency, self.hop.currency, &self.d.quotes)?;
        for s in &steps {
            self.why
                .formula
                .push_str(&format!(" {} {} ({})", if s.divided { "/" } else { "x" }, s.rate, s.pair));
        }
        if !steps.is_empty() {
            self.why.formula.push_str(&format!(" = {exact} {}", self.hop.currency));
        }
        self.why.fx.extend(steps);
        self.why.exact = exact.to_string();
        if let Some(blocked) = self.hop.blocked {
            let reason = blocked.as_str();
            self.why.tested.push(Tested::new("partner", reason, "may be paid"));
            self.why.reason = Some(reason.into());
            let mine = match settings.blocked {
                BlockedShare::Keep => Earned {
                    partner: self.hop.partner.clone(),
                    amount,
                    currency,
                },
                BlockedShare::PassUp => nothing,
            };
            return Ok((zero(self.hop, self.level, reason, self.rule, self.lots, self.why), mine));
        }
        let mine = Earned {
            partner: self.hop.partner.clone(),
            amount,
            currency,
        };
        let line = Line {
            partner: self.hop.partner.clone(),
            level: self.level,
            exact,
            currency: self.hop.currency,
            lots: self.lots,
            reason: None,
            rule: self.rule,
            why: self.why,
        };
        Ok((line, mine))
    }

    fn test(&mut self, what: &str, value: impl std::fmt::Display, wanted: impl std::fmt::Display) {
        self.why.tested.push(Tested::new(what, value, wanted));
    }
}

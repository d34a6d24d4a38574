//! Which rule counts: the plan's rank first, then how narrow the rule is, then the later start.

use super::explain::Candidate;
use super::facts::{DealFacts, Hop, Ranked};
use super::volume::clock;
use crate::plan::{Plan, Rule, RuleKind};
use qd_kernel::Ts;

pub struct Chosen<'a> {
    pub ranked: &'a Ranked,
    pub rule: &'a Rule,
    pub losing: Vec<Candidate>,
}

/// For whom and when a rule is looked for.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    pub d: &'a DealFacts,
    pub hop: &'a Hop,
    /// The look-up moment.
    pub at: Ts,
}

fn within(list: &[String], value: &str) -> bool {
    list.is_empty() || list.iter().any(|v| v == value)
}

/// Whether the plan applies to the deal at all.
pub fn plan_fits(p: &Plan, d: &DealFacts) -> bool {
    within(&p.scope.entities, &d.entity) && within(&p.scope.countries, &d.country)
}

fn place_fits(p: &Plan, r: &Rule, country: &str) -> bool {
    let s = &r.scope;
    (s.countries.is_empty() && s.regions.is_empty())
        || s.countries.iter().any(|c| c == country)
        || p.regions
            .iter()
            .any(|g| s.regions.contains(&g.name) && g.countries.iter().any(|c| c == country))
}

fn rule_fits(p: &Plan, r: &Rule, a: Asked<'_>) -> bool {
    let (d, s) = (a.d, &r.scope);
    let at = clock(d, p.terms.calendar, a.at);
    r.valid_from.is_none_or(|t| t <= at)
        && r.valid_to.is_none_or(|t| at < t)
        && within(&s.symbols, &d.symbol)
        && within(&s.product_groups, d.product_group.as_deref().unwrap_or_default())
        && within(&s.account_types, &d.account_type)
        && within(&s.groups, &d.group)
        && place_fits(p, r, &d.country)
        && within(&s.entities, &d.entity)
        && within(&s.brands, &d.brand)
        && within(&s.servers, &d.server)
        && within(&s.languages, &d.language)
        && within(&s.partner_countries, &a.hop.country)
        && within(&s.partners, &a.hop.partner)
        && within(&s.campaigns, &d.campaign)
        && (s.tags.is_empty() || s.tags.iter().any(|t| d.tags.contains(t)))
        && (s.directions.is_empty() || d.direction.is_some_and(|x| s.directions.contains(&x)))
}

/// Whether some base rule of the plan, of whatever level, is about such a deal; a plan without rules
/// is about all.
pub fn about(p: &Plan, a: Asked<'_>) -> bool {
    let mut base = p.rules.iter().filter(|r| r.kind == RuleKind::Base).peekable();
    base.peek().is_none() || base.any(|r| rule_fits(p, r, a))
}

/// `8`, or the rates of all bands: `6 | 7 | 8`.
fn rate_text(r: &Rule) -> String {
    match &r.bands {
        None => r.rate.to_string(),
        Some(b) => b.rates.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | "),
    }
}

pub fn candidate(ranked: &Ranked, r: &Rule) -> Candidate {
    Candidate {
        plan: ranked.at.plan.clone(),
        version: ranked.at.version,
        rule: r.id.clone(),
        rank: ranked.rank,
        specificity: r.scope.specificity(),
        rate: rate_text(r),
    }
}

fn fitting<'a>(plans: &[&'a Ranked], level: u32, kind: RuleKind, a: Asked<'_>) -> Vec<(&'a Ranked, &'a Rule)> {
    plans
        .iter()
        .flat_map(|p| {
            p.plan
                .rules
                .iter()
                .filter(|r| r.kind == kind && r.level == level && rule_fits(&p.plan, r, a))
                .map(move |r| (*p, r))
        })
        .collect()
}

/// The winning base rule of a level among plans given by rank, with the losers in order.
pub fn choose<'a>(plans: &[&'a Ranked], level: u32, a: Asked<'_>) -> Option<Chosen<'a>> {
    let mut fitting = fitting(plans, level, RuleKind::Base, a);
    // Stable: what is still equal keeps the order of the plans, and ties inside a plan were refused
    // when it was saved.
    fitting.sort_by(|a, b| {
        let narrow = |x: &(&Ranked, &Rule)| x.1.scope.specificity();
        let start = |x: &(&Ranked, &Rule)| x.1.valid_from;
        a.0.rank
            .cmp(&b.0.rank)
            .then(narrow(b).cmp(&narrow(a)))
            .then(start(b).cmp(&start(a)))
    });
    let (ranked, rule) = *fitting.first()?;
    let losing = fitting[1..].iter().map(|(p, r)| candidate(p, r)).collect();
    Some(Chosen { ranked, rule, losing })
}

/// All promotions that fit: they add up.
pub fn promotions<'a>(plans: &[&'a Ranked], level: u32, a: Asked<'_>) -> Vec<(&'a Ranked, &'a Rule)> {
    fitting(plans, level, RuleKind::Promotion, a)
}

//! Which rule counts: the plan's rank first, then how narrow the rule is, then the later start.

use super::explain::Candidate;
use super::facts::{DealFacts, Ranked};
use crate::plan::{Plan, Rule};

pub struct Chosen<'a> {
    pub ranked: &'a Ranked,
    pub rule: &'a Rule,
    pub losing: Vec<Candidate>,
}

fn within(list: &[String], value: &str) -> bool {
    list.is_empty() || list.iter().any(|v| v == value)
}

/// Whether the plan applies to the deal at all.
pub fn plan_fits(p: &Plan, d: &DealFacts) -> bool {
    within(&p.scope.entities, &d.entity) && within(&p.scope.countries, &d.country)
}

fn rule_fits(r: &Rule, level: u32, d: &DealFacts) -> bool {
    let product = d.product_group.as_deref().unwrap_or_default();
    r.level == level
        && r.valid_from.is_none_or(|t| t <= d.at)
        && r.valid_to.is_none_or(|t| d.at < t)
        && within(&r.scope.symbols, &d.symbol)
        && within(&r.scope.product_groups, product)
        && within(&r.scope.account_types, &d.account_type)
        && within(&r.scope.groups, &d.group)
        && within(&r.scope.countries, &d.country)
        && within(&r.scope.entities, &d.entity)
}

pub fn candidate(ranked: &Ranked, r: &Rule) -> Candidate {
    Candidate {
        plan: ranked.at.plan.clone(),
        version: ranked.at.version,
        rule: r.id.clone(),
        rank: ranked.rank,
        specificity: r.scope.specificity(),
        rate: r.rate.to_string(),
    }
}

/// The winning rule of a level among plans given by rank, with the losers in order.
pub fn choose<'a>(plans: &[&'a Ranked], level: u32, d: &DealFacts) -> Option<Chosen<'a>> {
    let mut fitting: Vec<(&'a Ranked, &'a Rule)> = plans
        .iter()
        .flat_map(|p| p.plan.rules.iter().filter(|r| rule_fits(r, level, d)).map(move |r| (*p, r)))
        .collect();
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

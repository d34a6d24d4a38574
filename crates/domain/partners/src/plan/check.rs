//! What a well-formed plan can still get wrong.

use super::read::Faults;
use super::{Override, Plan, Rule, VolumeFactor};
use qd_kernel::Ts;

pub fn run(p: &Plan, f: &mut Faults) {
    if p.rules.is_empty() && p.programmes.is_empty() && !matches!(p.overrides, Some(Override::PercentOfChild { .. })) {
        f.add("/rules", "empty", "expected at least one rule");
    }
    for (i, r) in p.rules.iter().enumerate() {
        let at = |field: &str| format!("/rules/{i}/{field}");
        if let Some(j) = p.rules[..i].iter().position(|o| o.id == r.id && !r.id.is_empty()) {
            f.add(at("id"), "id_taken", format!("expected another id than that of /rules/{j}"));
        }
        if let (Some(a), Some(b)) = (r.valid_from, r.valid_to)
            && a >= b
        {
            f.add(at("valid_to"), "range_empty", "expected a time after valid_from");
        }
        if r.level > 1 && p.overrides != Some(Override::Fixed) {
            f.add(
                at("level"),
                "level_unused",
                "expected override method fixed for rules above level 1",
            );
        }
        for (j, o) in p.rules[..i].iter().enumerate() {
            if tie(o, r) {
                f.add(
                    format!("/rules/{i}"),
                    "rule_tie",
                    format!("expected to differ from /rules/{j}: both are as narrow, fit the same deals and start at the same time"),
                );
            }
        }
        if r.scope.countries.iter().any(|c| !country(c)) {
            f.add(at("scope/countries"), "country_malformed", "expected country codes of two capitals");
        }
        if !r.scope.countries.is_empty()
            && !p.scope.countries.is_empty()
            && !r.scope.countries.iter().any(|c| p.scope.countries.contains(c))
        {
            f.add(
                at("scope/countries"),
                "scope_impossible",
                "expected a country of the plan's own scope",
            );
        }
        if !r.scope.entities.is_empty() && !p.scope.entities.is_empty() && !r.scope.entities.iter().any(|c| p.scope.entities.contains(c)) {
            f.add(
                at("scope/entities"),
                "scope_impossible",
                "expected an entity of the plan's own scope",
            );
        }
    }
    if p.scope.countries.iter().any(|c| !country(c)) {
        f.add("/scope/countries", "country_malformed", "expected country codes of two capitals");
    }
    for (i, c) in p.scope.forbidden.iter().enumerate() {
        if !country(&c.country) {
            f.add(
                format!("/scope/forbidden/{i}/country"),
                "country_malformed",
                "expected a country code of two capitals",
            );
        }
    }
    match &p.overrides {
        Some(Override::Fixed) if p.rules.iter().all(|r| r.level < 2) => {
            f.add(
                "/override",
                "override_without_rates",
                "expected at least one rule with level 2 or more",
            );
        }
        Some(Override::PercentOfChild { levels, .. }) if levels.is_empty() => {
            f.add("/override/levels", "override_without_rates", "expected at least one share");
        }
        Some(Override::Differential) if p.rules.iter().all(|r| r.level != 1) => {
            f.add(
                "/rules",
                "override_without_rates",
                "expected rules of level 1: differential takes the partner's own rate",
            );
        }
        _ => {}
    }
    for (i, v) in p.volume_factors.iter().enumerate() {
        if v.account_types.is_empty() && v.groups.is_empty() {
            f.add(format!("/volume_factors/{i}"), "scope_missing", "expected account_types or groups");
        }
        for (j, o) in p.volume_factors[..i].iter().enumerate() {
            if same_accounts(o, v) {
                f.add(
                    format!("/volume_factors/{i}"),
                    "rule_tie",
                    format!("expected other accounts than /volume_factors/{j}"),
                );
            }
        }
    }
}

fn country(c: &str) -> bool {
    c.len() == 2 && c.bytes().all(|b| b.is_ascii_uppercase())
}

/// Neither narrower than the other, and some deal fits both.
fn tie(a: &Rule, b: &Rule) -> bool {
    let meet = |x: &[String], y: &[String]| x.is_empty() || y.is_empty() || x.iter().any(|v| y.contains(v));
    a.level == b.level
        && a.scope.specificity() == b.scope.specificity()
        && a.valid_from == b.valid_from
        && overlap((a.valid_from, a.valid_to), (b.valid_from, b.valid_to))
        && meet(&a.scope.symbols, &b.scope.symbols)
        && meet(&a.scope.product_groups, &b.scope.product_groups)
        && meet(&a.scope.account_types, &b.scope.account_types)
        && meet(&a.scope.groups, &b.scope.groups)
        && meet(&a.scope.countries, &b.scope.countries)
        && meet(&a.scope.entities, &b.scope.entities)
}

fn overlap(a: (Option<Ts>, Option<Ts>), b: (Option<Ts>, Option<Ts>)) -> bool {
    let before = |end: Option<Ts>, start: Option<Ts>| matches!((end, start), (Some(e), Some(s)) if e <= s);
    !before(a.1, b.0) && !before(b.1, a.0)
}

fn same_accounts(a: &VolumeFactor, b: &VolumeFactor) -> bool {
    let meet = |x: &[String], y: &[String]| x.is_empty() || y.is_empty() || x.iter().any(|v| y.contains(v));
    meet(&a.account_types, &b.account_types) && meet(&a.groups, &b.groups)
}

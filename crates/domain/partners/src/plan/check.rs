//! What a well-formed plan can still get wrong, and what is allowed but looks like a slip.

use super::read::Faults;
use super::{BandKind, Bands, Measure, Override, PaidWhen, Pay, Plan, PlanScope, Rule, RuleKind, RuleScope, Tier, VolumeFactor, Window};
use crate::exact::Exact;
use qd_kernel::Ts;

pub fn run(p: &Plan, f: &mut Faults) {
    if p.rules.is_empty() && p.programmes.is_empty() && !matches!(p.overrides, Some(Override::PercentOfChild { .. })) {
        f.add("/rules", "empty", "expected at least one rule");
    }
    for (i, r) in p.rules.iter().enumerate() {
        rule(p, i, r, f);
    }
    countries(&p.scope.countries, "/scope/countries", f);
    for (i, c) in p.scope.forbidden.iter().enumerate() {
        if !country(&c.country) {
            f.add(
                format!("/scope/forbidden/{i}/country"),
                "country_malformed",
                "expected a country code of two capitals",
            );
        }
    }
    overriding(p, f);
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
    for (i, t) in p.tiers.iter().enumerate() {
        tier(p, i, t, f);
    }
    for (i, g) in p.regions.iter().enumerate() {
        if p.regions[..i].iter().any(|o| o.name == g.name && !g.name.is_empty()) {
            f.add(format!("/regions/{i}/name"), "id_taken", "expected a name that no other region has");
        }
        if g.countries.is_empty() {
            f.add(format!("/regions/{i}/countries"), "empty", "expected at least one country");
        }
        countries(&g.countries, &format!("/regions/{i}/countries"), f);
    }
    for (i, r) in p.client_rebates.iter().enumerate() {
        let hidden = p.client_rebates[..i]
            .iter()
            .position(|o| covers(&o.tags, &r.tags) && covers(&o.groups, &r.groups));
        if let Some(j) = hidden {
            f.add(
                format!("/client_rebates/{i}"),
                "rebate_never_reached",
                format!("expected clients that /client_rebates/{j} does not take first: move it up or narrow the other"),
            );
        }
    }
}

/// Whether a list that comes first leaves nothing to the second.
fn covers(first: &[String], second: &[String]) -> bool {
    first.is_empty() || (!second.is_empty() && second.iter().all(|v| first.contains(v)))
}

fn rule(p: &Plan, i: usize, r: &Rule, f: &mut Faults) {
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
        if r.kind == RuleKind::Base && tie(p, o, r) {
            f.add(
                format!("/rules/{i}"),
                "rule_tie",
                format!("expected to differ from /rules/{j}: both are as narrow, fit the same deals and start at the same time"),
            );
        }
    }
    if let Some(b) = &r.bands {
        bands(p, b, &at("tier"), &at("rates"), f);
        if r.when != PaidWhen::Close {
            f.add(at("when"), "tier_on_opening", "expected close: tiers count what is closed");
        }
    }
    if r.currency.is_some() && !matches!(r.pay, Pay::PerLot | Pay::PerMillion) {
        f.add(
            at("currency"),
            "currency_unused",
            "expected no currency: this kind of rate comes out in the currency of the price or the account",
        );
    }
    if matches!(r.pay, Pay::Spread | Pay::Markup | Pay::Commission) {
        let above = r
            .bands
            .as_ref()
            .map_or(r.rate > Exact::ONE, |b| b.rates.iter().any(|v| *v > Exact::ONE));
        if above {
            let field = if r.bands.is_some() { "rates" } else { "rate" };
            f.add(
                at(field),
                "share_above_one",
                "expected a share from 0 to 1, such as \"0.30\" for 30 %",
            );
        }
    }
    if r.pay == Pay::Commission && r.when != PaidWhen::Close {
        f.add(
            at("when"),
            "commission_on_opening",
            "expected close: commission is counted on the closing deal",
        );
    }
    if r.damped && r.pay != Pay::Spread {
        f.add(at("damped"), "field_unused", "expected damped only with pay spread");
    }
    scope(p, r, &at("scope"), f);
}

fn scope(p: &Plan, r: &Rule, at: &str, f: &mut Faults) {
    let s = &r.scope;
    countries(&s.countries, &format!("{at}/countries"), f);
    countries(&s.partner_countries, &format!("{at}/partner_countries"), f);
    for name in &s.regions {
        if p.regions.iter().all(|g| g.name != *name) {
            let known: Vec<&str> = p.regions.iter().map(|g| g.name.as_str()).collect();
            f.add(
                format!("{at}/regions"),
                "region_unknown",
                format!("expected names of the plan's regions ({}), not {name}", known.join(", ")),
            );
        }
    }
    let meets = |own: &[String], wide: &[String]| own.is_empty() || wide.is_empty() || own.iter().any(|c| wide.contains(c));
    let mut own: Vec<String> = s.countries.clone();
    own.extend(
        p.regions
            .iter()
            .filter(|g| s.regions.contains(&g.name))
            .flat_map(|g| g.countries.iter().cloned()),
    );
    let field = if s.countries.is_empty() { "regions" } else { "countries" };
    if !meets(&own, &p.scope.countries) {
        f.add(
            format!("{at}/{field}"),
            "scope_impossible",
            "expected a country of the plan's own scope",
        );
    }
    let forbidden = |c: &String| p.scope.forbidden.iter().any(|x| x.country == *c);
    if !own.is_empty() && own.iter().all(forbidden) {
        f.add(
            format!("{at}/{field}"),
            "scope_impossible",
            "expected a country that /scope/forbidden does not name",
        );
    }
    if !meets(&s.entities, &p.scope.entities) {
        f.add(
            format!("{at}/entities"),
            "scope_impossible",
            "expected an entity of the plan's own scope",
        );
    }
}

fn bands(p: &Plan, b: &Bands, at_tier: &str, at_rates: &str, f: &mut Faults) {
    match p.tier(&b.tier) {
        None => {
            let known: Vec<&str> = p.tiers.iter().map(|t| t.id.as_str()).collect();
            f.add(
                at_tier,
                "tier_unknown",
                format!("expected the id of one of the plan's tiers ({})", known.join(", ")),
            );
        }
        Some(t) if b.rates.len() != t.thresholds.len() + 1 => f.add(
            at_rates,
            "bands_differ",
            format!(
                "expected {} rates, one for each band of the tier {}: below {} and on from each threshold",
                t.thresholds.len() + 1,
                t.id,
                t.thresholds.first().map_or_else(|| "the first".to_string(), ToString::to_string)
            ),
        ),
        Some(_) => {}
    }
}

fn tier(p: &Plan, i: usize, t: &Tier, f: &mut Faults) {
    let at = |field: &str| format!("/tiers/{i}/{field}");
    if let Some(j) = p.tiers[..i].iter().position(|o| o.id == t.id && !t.id.is_empty()) {
        f.add(at("id"), "id_taken", format!("expected another id than that of /tiers/{j}"));
    }
    if t.thresholds.is_empty() {
        f.add(at("thresholds"), "empty", "expected at least one threshold");
    }
    let mut last = Exact::ZERO;
    for (n, v) in t.thresholds.iter().enumerate() {
        if *v <= last {
            f.add(
                format!("/tiers/{i}/thresholds/{n}"),
                "bands_overlap",
                format!("expected more than {last}: thresholds rise, and the first is above 0"),
            );
        }
        last = *v;
    }
    let clients = matches!(t.measure, Measure::ActiveClients | Measure::FundedClients);
    let rolling = matches!(t.window, Window::Days30 | Window::Days90);
    if clients && t.kind == BandKind::Marginal {
        f.add(
            at("kind"),
            "kind_impossible",
            "expected retroactive or next_period: a deal cannot be split by a number of clients",
        );
    }
    if clients && rolling {
        f.add(
            at("window"),
            "window_impossible",
            "expected calendar_month or lifetime: clients are counted once in a window",
        );
    }
    if t.measure == Measure::ActiveClients && t.active_lots.is_zero() {
        f.add(at("active_lots"), "missing", "expected the lots that make a client active, above 0");
    }
    if t.measure != Measure::ActiveClients && !t.active_lots.is_zero() {
        f.add(
            at("active_lots"),
            "field_unused",
            "expected active_lots only with measure active_clients",
        );
    }
    if t.kind == BandKind::Retroactive && rolling {
        f.add(
            at("window"),
            "window_impossible",
            "expected calendar_month or lifetime: a rolling window has no end at which deals could be trued up",
        );
    }
    if t.kind == BandKind::NextPeriod && t.window == Window::Lifetime {
        f.add(at("window"), "window_impossible", "expected a window that has a next one");
    }
}

fn overriding(p: &Plan, f: &mut Faults) {
    match &p.overrides {
        Some(Override::Fixed) if p.rules.iter().all(|r| r.level < 2) => {
            f.add(
                "/override",
                "override_without_rates",
                "expected at least one rule with level 2 or more",
            );
        }
        Some(Override::PercentOfChild { levels, .. }) => {
            if levels.is_empty() {
                f.add("/override/levels", "override_without_rates", "expected at least one share");
            }
            for (i, l) in levels.iter().enumerate() {
                if *l > Exact::ONE {
                    f.add(
                        format!("/override/levels/{i}"),
                        "share_above_one",
                        "expected a share from 0 to 1, such as \"0.20\" for 20 %",
                    );
                }
            }
        }
        Some(Override::Differential) if p.rules.iter().all(|r| r.level != 1 || r.kind != RuleKind::Base) => {
            f.add(
                "/rules",
                "override_without_rates",
                "expected rules of level 1: differential takes the partner's own rate",
            );
        }
        Some(Override::Multiplier { levels, tier, personal }) => {
            if levels.is_empty() {
                f.add(
                    "/override/levels",
                    "override_without_rates",
                    "expected the ratio of at least one level",
                );
            }
            if let Some(b) = tier {
                bands(p, b, "/override/tier", "/override/ratios", f);
            }
            for (i, one) in personal.iter().enumerate() {
                if personal[..i].iter().any(|o| o.partner == one.partner) {
                    f.add(
                        format!("/override/personal/{i}/partner"),
                        "id_taken",
                        "expected a partner that is named once",
                    );
                }
            }
        }
        Some(Override::Pool { weights }) if weights.iter().all(|w| w.is_zero()) => {
            f.add(
                "/override/weights",
                "override_without_rates",
                "expected at least one weight above 0",
            );
        }
        _ => {}
    }
}

/// Something that is allowed and probably not meant.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = PlanWarning)]
pub struct Warning {
    pub pointer: String,
    pub code: &'static str,
    pub says: String,
}

impl Plan {
    /// Allowed, and worth a look before the plan is saved.
    pub fn warnings(&self) -> Vec<Warning> {
        let mut out = Vec::new();
        let mut warn = |pointer: String, code, says: String| out.push(Warning { pointer, code, says });
        for (i, r) in self.rules.iter().enumerate() {
            if let Some(b) = &r.bands
                && let Some(n) = b.rates.windows(2).position(|w| w[1] < w[0])
            {
                warn(
                    format!("/rules/{i}/rates/{}", n + 1),
                    "rate_inverted",
                    "a higher band pays less than the one below it".into(),
                );
            }
            if r.level < 2 {
                continue;
            }
            let below = self
                .rules
                .iter()
                .find(|o| o.level == r.level - 1 && o.kind == r.kind && o.pay == r.pay && o.scope == r.scope && o.rate < r.rate);
            if let Some(o) = below {
                warn(
                    format!("/rules/{i}/rate"),
                    "rate_inverted",
                    format!("level {} gets more than level {} by the rule {}", r.level, o.level, o.id),
                );
            }
        }
        for (i, t) in self.tiers.iter().enumerate() {
            let named = self.rules.iter().any(|r| r.bands.as_ref().is_some_and(|b| b.tier == t.id))
                || matches!(&self.overrides, Some(Override::Multiplier { tier: Some(b), .. }) if b.tier == t.id);
            if !named {
                warn(format!("/tiers/{i}"), "tier_unused", "no rule asks for this tier".into());
            }
        }
        if self.scope == PlanScope::default() && self.rules.iter().all(|r| r.scope != RuleScope::default()) && !self.rules.is_empty() {
            warn(
                "/rules".into(),
                "no_rule_for_the_rest",
                "no rule without scope: deals that fit none pay nothing unless a plan of lower rank does".into(),
            );
        }
        if self.terms.inversion == super::Inversion::NextBelow {
            warn(
                "/terms/inversion".into(),
                "chain_can_exceed_top",
                "with a child above its parent the chain costs more than its highest rate".into(),
            );
        }
        out
    }
}

fn country(c: &str) -> bool {
    c.len() == 2 && c.bytes().all(|b| b.is_ascii_uppercase())
}

fn countries(list: &[String], at: &str, f: &mut Faults) {
    if list.iter().any(|c| !country(c)) {
        f.add(at, "country_malformed", "expected country codes of two capitals");
    }
}

/// Neither narrower than the other, and some deal fits both.
fn tie(p: &Plan, a: &Rule, b: &Rule) -> bool {
    let inside = |names: &[String]| -> Vec<String> {
        let mine = p.regions.iter().filter(|g| names.contains(&g.name));
        mine.flat_map(|g| g.countries.iter().cloned()).collect()
    };
    let meet = |x: &[String], y: &[String]| x.is_empty() || y.is_empty() || x.iter().any(|v| y.contains(v));
    let (s, t) = (&a.scope, &b.scope);
    a.kind == b.kind
        && a.level == b.level
        && s.specificity() == t.specificity()
        && a.valid_from == b.valid_from
        && overlap((a.valid_from, a.valid_to), (b.valid_from, b.valid_to))
        && meet(&s.symbols, &t.symbols)
        && meet(&s.product_groups, &t.product_groups)
        && meet(&s.account_types, &t.account_types)
        && meet(&s.groups, &t.groups)
        && meet(&s.countries, &t.countries)
        && meet(&inside(&s.regions), &inside(&t.regions))
        && meet(&s.entities, &t.entities)
        && meet(&s.brands, &t.brands)
        && meet(&s.servers, &t.servers)
        && meet(&s.languages, &t.languages)
        && meet(&s.partner_countries, &t.partner_countries)
        && meet(&s.partners, &t.partners)
        && meet(&s.campaigns, &t.campaigns)
        // A client may carry tags of both lists.
        && (s.directions.is_empty() || t.directions.is_empty() || s.directions.iter().any(|d| t.directions.contains(d)))
}

fn overlap(a: (Option<Ts>, Option<Ts>), b: (Option<Ts>, Option<Ts>)) -> bool {
    let before = |end: Option<Ts>, start: Option<Ts>| matches!((end, start), (Some(e), Some(s)) if e <= s);
    !before(a.1, b.0) && !before(b.1, a.0)
}

fn same_accounts(a: &VolumeFactor, b: &VolumeFactor) -> bool {
    let meet = |x: &[String], y: &[String]| x.is_empty() || y.is_empty() || x.iter().any(|v| y.contains(v));
    meet(&a.account_types, &b.account_types) && meet(&a.groups, &b.groups)
}

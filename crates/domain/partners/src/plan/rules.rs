//! Reading rules, overrides, exclusions, tiers, caps, rebates, terms.

use super::read::{Faults, Obj};
use super::{
    Bands, Caps, ChainGuard, ChildBase, ClientRebate, Cut, Direction, Exclusions, MarkupOf, Override, PaidWhen, Pay, PersonalRatio,
    RateCurrency, RebateAmount, Region, Rule, RuleKind, RuleScope, SpreadAt, Terms, Tier,
};
use crate::exact::Exact;
use qd_kernel::Currency;
use serde_json::Value;

pub const MAX_LEVELS: usize = 50;
const MAX_NAMES: usize = 500;
const MAX_BANDS: usize = 50;

/// One of a fixed list of words; absent: the default.
fn word<T: Copy>(o: &mut Obj<'_>, key: &'static str, all: &[T], text: fn(T) -> &'static str, default: T, f: &mut Faults) -> T {
    let Some(given) = o.text(key, f) else { return default };
    match all.iter().find(|v| text(**v) == given) {
        Some(v) => *v,
        None => {
            let list: Vec<&str> = all.iter().map(|v| text(*v)).collect();
            f.add(
                o.pointer(key),
                &format!("{key}_unknown"),
                format!("expected one of: {}", list.join(", ")),
            );
            default
        }
    }
}

macro_rules! word {
    ($o:expr, $key:literal, $kind:ty, $default:expr, $f:expr) => {
        word($o, $key, <$kind>::ALL, <$kind>::as_str, $default, $f)
    };
}

/// A decimal that is 0 or more.
fn positive(o: &mut Obj<'_>, key: &'static str, f: &mut Faults) -> Option<Exact> {
    let v = o.decimal(key, f)?;
    if v.is_negative() {
        f.add(o.pointer(key), &format!("{key}_negative"), "expected 0 or more");
        return None;
    }
    Some(v)
}

/// A decimal from 0 to 1.
fn share(o: &mut Obj<'_>, key: &'static str, f: &mut Faults) -> Option<Exact> {
    let v = positive(o, key, f)?;
    if v > Exact::ONE {
        f.add(
            o.pointer(key),
            "share_above_one",
            "expected a share from 0 to 1, such as \"0.40\" for 40 %",
        );
        return None;
    }
    Some(v)
}

fn decimals(o: &mut Obj<'_>, key: &'static str, max: usize, f: &mut Faults) -> Vec<Exact> {
    let mut out = Vec::new();
    for (v, at) in o.list(key, max, f) {
        match v.as_str().and_then(Exact::parse).filter(|e| !e.is_negative()) {
            Some(e) => out.push(e),
            None => f.add(at, "not_a_decimal", "expected a decimal of 0 or more in text, such as \"0.20\""),
        }
    }
    out
}

pub fn money(o: &mut Obj<'_>, key: &'static str, f: &mut Faults) -> Option<RateCurrency> {
    match o.text(key, f)? {
        "account" => Some(RateCurrency::Account),
        code => match Currency::parse(code) {
            Ok(c) => Some(RateCurrency::Money(c)),
            Err(_) => {
                f.add(
                    o.pointer(key),
                    "currency_unknown",
                    "expected a known currency code in capitals, or account",
                );
                None
            }
        },
    }
}

pub fn rule(v: &Value, at: &str, f: &mut Faults) -> Option<Rule> {
    let mut o = Obj::of(v, at, f)?;
    let id = o.need_text("id", f);
    // `per_lot` as a kind is how plans said it before there were other kinds of rate.
    let old = o.peek("kind").and_then(Value::as_str) == Some("per_lot");
    let (kind, pay) = if old {
        let _ = o.get("kind");
        (RuleKind::Base, word!(&mut o, "pay", Pay, Pay::PerLot, f))
    } else {
        let known = o.peek("kind").and_then(Value::as_str).is_none_or(|k| RuleKind::parse(k).is_some());
        if o.missing("pay") && known {
            f.add(o.pointer("pay"), "missing", "expected what the rate is a rate of, such as per_lot");
        }
        (
            word!(&mut o, "kind", RuleKind, RuleKind::Base, f),
            word!(&mut o, "pay", Pay, Pay::PerLot, f),
        )
    };
    let when = word!(&mut o, "when", PaidWhen, PaidWhen::Close, f);
    let level = o
        .int("level", 1, MAX_LEVELS as i64, f)
        .and_then(|l| u32::try_from(l).ok())
        .unwrap_or(1);
    let tier = o.text("tier", f).map(str::to_string);
    let rates = decimals(&mut o, "rates", MAX_BANDS + 1, f);
    let mut rate = Exact::ZERO;
    let bands = match tier {
        Some(tier) => {
            if o.missing("rates") {
                f.add(o.pointer("rates"), "missing", "expected the rate of each band, the lowest first");
            }
            if !o.missing("rate") {
                f.add(
                    o.pointer("rate"),
                    "rate_unused",
                    "expected rates alone: a rule with a tier has one for each band",
                );
            }
            rate = rates.first().copied().unwrap_or(Exact::ZERO);
            Some(Bands { tier, rates })
        }
        None => {
            if !rates.is_empty() {
                f.add(
                    o.pointer("rates"),
                    "tier_missing",
                    "expected tier, the id of one of the plan's tiers",
                );
            }
            if o.missing("rate") {
                f.add(o.pointer("rate"), "missing", "expected a decimal in text");
            }
            None
        }
    };
    if let Some(r) = positive(&mut o, "rate", f) {
        rate = r;
    }
    let currency = money(&mut o, "currency", f);
    let spread_at = word!(&mut o, "spread_at", SpreadAt, SpreadAt::Close, f);
    let damped = o.flag("damped", f);
    let markup_of = word!(&mut o, "markup_of", MarkupOf, MarkupOf::Measured, f);
    let after_qualification = match o.text("after", f) {
        None => false,
        Some("qualification") => true,
        Some(_) => {
            f.add(o.pointer("after"), "after_unknown", "expected qualification");
            false
        }
    };
    let cap_per_order = positive(&mut o, "cap_per_order", f);
    let scope = match o.get("scope") {
        None => RuleScope::default(),
        Some(v) => rule_scope(v, &o.pointer("scope"), f)?,
    };
    let (valid_from, valid_to) = (o.time("valid_from", f), o.time("valid_to", f));
    o.done(f);
    Some(Rule {
        id,
        kind,
        pay,
        when,
        level,
        rate,
        bands,
        currency,
        spread_at,
        damped,
        markup_of,
        after_qualification,
        cap_per_order,
        scope,
        valid_from,
        valid_to,
    })
}

fn rule_scope(v: &Value, at: &str, f: &mut Faults) -> Option<RuleScope> {
    let mut o = Obj::of(v, at, f)?;
    let directions = o.texts("directions", f);
    let mut s = RuleScope {
        symbols: o.texts("symbols", f),
        product_groups: o.texts("product_groups", f),
        account_types: o.texts("account_types", f),
        groups: o.texts("groups", f),
        countries: o.texts("countries", f),
        regions: o.texts("regions", f),
        entities: o.texts("entities", f),
        brands: o.texts("brands", f),
        servers: o.texts("servers", f),
        languages: o.texts("languages", f),
        partner_countries: o.texts("partner_countries", f),
        partners: o.texts("partners", f),
        campaigns: o.texts("campaigns", f),
        tags: o.texts("tags", f),
        directions: Vec::new(),
    };
    for d in directions {
        match Direction::parse(&d) {
            Some(d) => s.directions.push(d),
            None => f.add(o.pointer("directions"), "direction_unknown", "expected buy or sell"),
        }
    }
    o.done(f);
    Some(s)
}

pub fn overriding(v: &Value, f: &mut Faults) -> Option<Override> {
    let mut o = Obj::of(v, "/override", f)?;
    let method = o.need_text("method", f);
    let out = match method.as_str() {
        "fixed" => Some(Override::Fixed),
        "differential" => Some(Override::Differential),
        "percent_of_child" => {
            let of = match o.need_text("of", f).as_str() {
                "next" => Some(ChildBase::Next),
                "direct" => Some(ChildBase::Direct),
                "" => None,
                _ => {
                    f.add("/override/of", "base_unknown", "expected next or direct");
                    None
                }
            };
            let net = match o.text("base", f) {
                None => None,
                Some("gross") => Some(false),
                Some("net") => Some(true),
                Some(_) => {
                    f.add("/override/base", "base_unknown", "expected gross or net of the client's rebate");
                    None
                }
            };
            let levels = decimals(&mut o, "levels", MAX_LEVELS, f);
            of.map(|of| Override::PercentOfChild { of, net, levels })
        }
        "multiplier" => {
            let levels = decimals(&mut o, "levels", MAX_LEVELS, f);
            let ratios = decimals(&mut o, "ratios", MAX_BANDS + 1, f);
            let tier = o.text("tier", f).map(|t| Bands {
                tier: t.to_string(),
                rates: ratios.clone(),
            });
            if tier.is_none() && !ratios.is_empty() {
                f.add(
                    "/override/ratios",
                    "tier_missing",
                    "expected tier, the id of one of the plan's tiers",
                );
            }
            let mut personal = Vec::new();
            for (v, at) in o.list("personal", MAX_NAMES, f) {
                let Some(mut p) = Obj::of(v, &at, f) else { continue };
                let partner = p.need_text("partner", f);
                if p.missing("ratio") {
                    f.add(p.pointer("ratio"), "missing", "expected a decimal in text");
                }
                let ratio = positive(&mut p, "ratio", f).unwrap_or(Exact::ONE);
                p.done(f);
                personal.push(PersonalRatio { partner, ratio });
            }
            Some(Override::Multiplier { levels, tier, personal })
        }
        "pool" => Some(Override::Pool {
            weights: decimals(&mut o, "weights", MAX_LEVELS, f),
        }),
        "" => None,
        _ => {
            f.add(
                "/override/method",
                "method_unknown",
                "expected fixed, differential, percent_of_child, multiplier or pool",
            );
            None
        }
    };
    o.done(f);
    out
}

pub fn exclusions(v: &Value, f: &mut Faults) -> Option<Exclusions> {
    let mut o = Obj::of(v, "/exclusions", f)?;
    let e = Exclusions {
        min_duration_secs: o.int("min_duration_secs", 0, 7 * 86_400, f).filter(|s| *s > 0),
        min_move_pips: positive(&mut o, "min_move_pips", f).filter(|p| !p.is_zero()),
        same_price: o.flag("same_price", f),
        hedged: o.flag("hedged", f),
        negative_balance: o.flag("negative_balance", f),
        bonus_share: o.flag("bonus_share", f),
        client_commission: o.flag("client_commission", f),
    };
    o.done(f);
    Some(e)
}

pub fn tier(v: &Value, at: &str, f: &mut Faults) -> Option<Tier> {
    use super::{BandKind, Measure, TierScope, Window};
    let mut o = Obj::of(v, at, f)?;
    let id = o.need_text("id", f);
    let t = Tier {
        id,
        measure: word!(&mut o, "measure", Measure, Measure::Lots, f),
        window: word!(&mut o, "window", Window, Window::Month, f),
        scope: word!(&mut o, "scope", TierScope, TierScope::Own, f),
        kind: word!(&mut o, "kind", BandKind, BandKind::Marginal, f),
        thresholds: decimals(&mut o, "thresholds", MAX_BANDS, f),
        active_lots: positive(&mut o, "active_lots", f).unwrap_or(Exact::ZERO),
    };
    o.done(f);
    Some(t)
}

pub fn region(v: &Value, at: &str, f: &mut Faults) -> Option<Region> {
    let mut o = Obj::of(v, at, f)?;
    let r = Region {
        name: o.need_text("name", f),
        countries: o.texts("countries", f),
    };
    o.done(f);
    Some(r)
}

pub fn caps(v: &Value, f: &mut Faults) -> Option<Caps> {
    let mut o = Obj::of(v, "/caps", f)?;
    let chain = match o.get("chain") {
        None => None,
        Some(v) => {
            let mut c = Obj::of(v, "/caps/chain", f)?;
            if c.missing("share") {
                f.add("/caps/chain/share", "missing", "expected a share of the broker's revenue in text");
            }
            let g = ChainGuard {
                share: positive(&mut c, "share", f).unwrap_or(Exact::ONE),
                cut: word!(&mut c, "cut", Cut, Cut::ProRata, f),
            };
            c.done(f);
            Some(g)
        }
    };
    let caps = Caps {
        per_order: positive(&mut o, "per_order", f),
        per_client_month: positive(&mut o, "per_client_month", f),
        chain,
    };
    o.done(f);
    Some(caps)
}

pub fn client_rebate(v: &Value, at: &str, f: &mut Faults) -> Option<ClientRebate> {
    let mut o = Obj::of(v, at, f)?;
    let (percent, per_lot) = (share(&mut o, "percent", f), positive(&mut o, "per_lot", f));
    let amount = match (percent, per_lot) {
        (Some(p), None) => Some(RebateAmount::Percent(p)),
        (None, Some(l)) => Some(RebateAmount::PerLot(l)),
        _ => {
            if o.missing("percent") == o.missing("per_lot") {
                f.add(at, "missing", "expected either percent, such as \"0.40\", or per_lot");
            }
            None
        }
    };
    let (tags, groups) = (o.texts("tags", f), o.texts("groups", f));
    o.done(f);
    Some(ClientRebate {
        amount: amount?,
        tags,
        groups,
    })
}

pub fn terms(v: &Value, f: &mut Faults) -> Option<Terms> {
    use super::{
        Attribution, Calendar, CapExcess, ClawbackScope, Corrections, FeeBearer, Gaps, Inversion, LookUp, RebateTaken, SelfReferral,
        Termination,
    };
    let mut o = Obj::of(v, "/terms", f)?;
    let d = Terms::default();
    let stated = d.view().iter().map(|t| t.name).filter(|n| !o.missing(n)).collect();
    match o.text("conversion", f) {
        None | Some("deal") => {}
        Some(_) => f.add(
            "/terms/conversion",
            "conversion_unknown",
            "expected deal: amounts are converted at the deal's value date",
        ),
    }
    let t = Terms {
        look_up: word!(&mut o, "look_up", LookUp, d.look_up, f),
        calendar: word!(&mut o, "calendar", Calendar, d.calendar, f),
        fx_source: o.text("fx_source", f).map_or(d.fx_source, str::to_string),
        tiers_count_excluded: o.flag("tiers_count_excluded", f),
        inversion: word!(&mut o, "inversion", Inversion, d.inversion, f),
        gaps: word!(&mut o, "gaps", Gaps, d.gaps, f),
        cap_excess: word!(&mut o, "cap_excess", CapExcess, d.cap_excess, f),
        rebate_taken: word!(&mut o, "rebate_taken", RebateTaken, d.rebate_taken, f),
        corrections: word!(&mut o, "corrections", Corrections, d.corrections, f),
        hold_days: o.int("hold_days", 0, 3_650, f).unwrap_or(d.hold_days),
        reserve: share(&mut o, "reserve", f).unwrap_or(d.reserve),
        reserve_days: o.int("reserve_days", 0, 3_650, f).unwrap_or(d.reserve_days),
        minimum_payout: positive(&mut o, "minimum_payout", f).unwrap_or(d.minimum_payout),
        fee_bearer: word!(&mut o, "fee_bearer", FeeBearer, d.fee_bearer, f),
        payout_fee: share(&mut o, "payout_fee", f).unwrap_or(d.payout_fee),
        clawback: word!(&mut o, "clawback", ClawbackScope, d.clawback, f),
        clawback_floor: positive(&mut o, "clawback_floor", f),
        self_referral: word!(&mut o, "self_referral", SelfReferral, d.self_referral, f),
        attribution: word!(&mut o, "attribution", Attribution, d.attribution, f),
        termination: word!(&mut o, "termination", Termination, d.termination, f),
        trail_months: o.int("trail_months", 0, 120, f).unwrap_or(d.trail_months),
        stated,
    };
    o.done(f);
    Some(t)
}

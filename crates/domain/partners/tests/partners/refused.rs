//! Plans and events that must not get in, each fault named by its pointer.

use crate::examples::{deal, per_lot, with};
use qd_partners::plan::Plan;
use qd_partners::preview::{EVENTS_SCHEMA, PLAN_SCHEMA, preview};
use serde_json::{Value, json};

fn faults(doc: &Value) -> Vec<(String, String)> {
    match Plan::read(doc) {
        Ok(_) => Vec::new(),
        Err(p) => {
            assert_eq!(p.code, "plan_refused");
            p.fields.into_iter().map(|f| (f.pointer, f.code)).collect()
        }
    }
}

fn rules(list: Value) -> Value {
    json!({"format": 1, "name": "x", "currency": "USD", "rules": list})
}

#[test]
fn each_fault_of_a_plan_is_named_by_its_pointer_and_all_at_once() {
    let one = |v: Value| faults(&v).into_iter().map(|(p, c)| format!("{p} {c}")).collect::<Vec<_>>();
    let base = |more: Value| rules(json!([with(json!({"id": "a", "kind": "per_lot", "rate": "1"}), more)]));
    assert_eq!(
        one(base(serde_json::from_str("{\"rate\": 7.5}").unwrap())),
        ["/rules/0/rate not_a_decimal"]
    );
    assert_eq!(one(base(json!({"rate": "-1"}))), ["/rules/0/rate rate_negative"]);
    assert_eq!(one(base(json!({"rate": "1.0000000000001"}))), ["/rules/0/rate not_a_decimal"]);
    assert_eq!(one(base(json!({"kind": "pips"}))), ["/rules/0/kind kind_unknown"]);
    assert_eq!(one(base(json!({"rte": "1"}))), ["/rules/0/rte unknown_field"]);
    assert_eq!(one(base(json!({"level": 2}))), ["/rules/0/level level_unused"]);
    assert_eq!(one(base(json!({"valid_from": "2026-02-30"}))), ["/rules/0/valid_from not_a_time"]);
    assert_eq!(
        one(base(json!({"valid_from": "2026-03-01", "valid_to": "2026-03-01"}))),
        ["/rules/0/valid_to range_empty"]
    );
    assert_eq!(
        one(base(json!({"scope": {"countries": ["Germany"]}}))),
        ["/rules/0/scope/countries country_malformed"]
    );
    assert_eq!(
        one(with(
            base(json!({"scope": {"countries": ["DE"]}})),
            json!({"scope": {"countries": ["FR"]}})
        )),
        ["/rules/0/scope/countries scope_impossible"]
    );
    assert_eq!(one(with(per_lot("1"), json!({"currency": "EURO"}))), ["/currency currency_unknown"]);
    assert_eq!(
        one(with(per_lot("1"), json!({"override": {"method": "fixed"}}))),
        ["/override override_without_rates"]
    );
    assert_eq!(
        one(with(
            per_lot("1"),
            json!({"override": {"method": "percent_of_child", "of": "top", "levels": []}})
        )),
        ["/override/of base_unknown"]
    );
    assert_eq!(
        one(with(per_lot("1"), json!({"volume_factors": [{"factor": "0.01"}]}))),
        ["/volume_factors/0 scope_missing"]
    );
    assert_eq!(one(rules(json!([]))), ["/rules empty"]);
    let mut both = one(json!({"format": 1, "currency": "USD", "rules": [{"kind": "per_lot", "rate": "1"}]}));
    both.sort();
    assert_eq!(both, ["/name missing", "/rules/0/id missing"]);
}

#[test]
fn rules_that_tie_are_refused_and_rules_that_never_meet_are_not() {
    let rule = |id: &str, scope: Value, more: Value| with(json!({"id": id, "kind": "per_lot", "rate": "1", "scope": scope}), more);
    let tie = |a: Value, b: Value| {
        faults(&rules(json!([a, b])))
            .iter()
            .any(|(p, c)| p == "/rules/1" && c == "rule_tie")
    };
    let none = || json!({});
    assert!(tie(rule("a", none(), none()), rule("b", none(), none())));
    assert!(tie(
        rule("a", json!({"symbols": ["EURUSD", "GBPUSD"]}), none()),
        rule("b", json!({"symbols": ["GBPUSD"]}), none())
    ));
    assert!(tie(
        rule("a", json!({"product_groups": ["fx"], "account_types": ["raw"]}), none()),
        rule("b", json!({"product_groups": ["fx"], "account_types": ["raw", "std"]}), none())
    ));
    // Another symbol, another width, another start, another time, another level.
    assert!(!tie(
        rule("a", json!({"symbols": ["EURUSD"]}), none()),
        rule("b", json!({"symbols": ["GBPUSD"]}), none())
    ));
    assert!(!tie(
        rule("a", json!({"symbols": ["EURUSD"]}), none()),
        rule("b", json!({"product_groups": ["fx"]}), none())
    ));
    assert!(!tie(
        rule("a", none(), none()),
        rule("b", none(), json!({"valid_from": "2026-04-01"}))
    ));
    assert!(!tie(
        rule("a", none(), json!({"valid_from": "2026-01-01", "valid_to": "2026-02-01"})),
        rule("b", none(), json!({"valid_from": "2026-02-01"}))
    ));
}

#[test]
fn events_with_a_cycle_or_an_unknown_partner_are_refused_with_pointers() {
    let events = json!({"format": 1,
        "partners": [{"id": "A", "parent": "B"}, {"id": "B", "parent": "A"}, {"id": "C", "parent": "Z", "plan": "gold"}],
        "clients": [{"id": "c", "partner": "Q"}], "deals": [with(deal("1", "0.123456789"), json!({"client": "d"}))]});
    let p = preview(&per_lot("1"), &events).unwrap_err();
    let found: Vec<String> = p.fields.iter().map(|f| format!("{} {}", f.pointer, f.code)).collect();
    for expected in [
        "/partners/0/parent tree_cycle",
        "/partners/1/parent tree_cycle",
        "/partners/2/parent partner_unknown",
        "/partners/2/plan plan_unknown",
        "/clients/0/partner partner_unknown",
        "/deals/0/lots lots_malformed",
        "/deals/0/client client_unknown",
    ] {
        assert!(found.iter().any(|f| f == expected), "{expected} not among {found:#?}");
    }
}

/// Every property that a schema lists, by the path of objects above it.
fn properties(v: &Value, at: &str, out: &mut Vec<String>) {
    match v {
        Value::Object(o) => {
            if let Some(Value::Object(props)) = o.get("properties") {
                out.extend(props.keys().map(|k| format!("{at}/{k}")));
                for (k, v) in props {
                    properties(v, &format!("{at}/{k}"), out);
                }
            }
            for k in ["items", "oneOf"] {
                if let Some(v) = o.get(k) {
                    properties(v, at, out);
                }
            }
        }
        Value::Array(a) => a.iter().for_each(|v| properties(v, at, out)),
        _ => {}
    }
}

#[test]
fn the_schemas_know_exactly_the_fields_that_the_readers_know() {
    // A plan and events with every field the readers ask for: none may be unknown to the schema, and
    // the schema may promise none that the readers refuse.
    let names = || json!(["x"]);
    let rule = json!({"id": "a", "kind": "base", "pay": "per_lot", "when": "close", "level": 1, "tier": "t", "rates": ["1", "2"], "currency": "EUR",
        "spread_at": "half", "damped": false, "markup_of": "measured", "after": "qualification", "cap_per_order": "5", "valid_from": "2026-01-01", "valid_to": "2026-02-01",
        "scope": {"symbols": names(), "product_groups": names(), "account_types": names(), "groups": names(), "countries": ["DE"], "regions": names(), "entities": ["eu"],
            "brands": names(), "servers": names(), "languages": names(), "partner_countries": ["AE"], "partners": names(), "campaigns": names(), "tags": names(), "directions": ["buy"]}});
    let mut plain = rule.clone();
    plain["id"] = json!("b");
    plain["rate"] = json!("1");
    plain["valid_from"] = json!("2026-01-02");
    for k in ["tier", "rates"] {
        plain.as_object_mut().unwrap().remove(k);
    }
    let full = json!({"format": 1, "name": "n", "note": "n", "currency": "USD",
        "scope": {"entities": ["eu"], "countries": ["DE"], "forbidden": [{"country": "NL", "source": "AFM"}]},
        "rules": [rule, plain],
        "override": {"method": "percent_of_child", "of": "next", "base": "net", "levels": ["0.1"]},
        "exclusions": {"min_duration_secs": 1, "min_move_pips": "1", "same_price": true, "hedged": true, "client_commission": true, "negative_balance": true, "bonus_share": true},
        "volume_factors": [{"account_types": names(), "groups": names(), "factor": "1"}],
        "tiers": [{"id": "t", "measure": "active_clients", "window": "calendar_month", "scope": "own", "kind": "next_period", "thresholds": ["1"], "active_lots": "1"}],
        "regions": [{"name": "x", "countries": ["DE"]}],
        "caps": {"per_order": "1", "per_client_month": "1", "chain": {"share": "0.8", "cut": "top"}},
        "client_rebates": [{"percent": "0.1", "tags": names()}, {"per_lot": "1", "groups": names()}],
        "minimum_posting": "1",
        "terms": {"look_up": "close", "conversion": "deal", "fx_source": "x", "calendar": "server", "tiers_count_excluded": true, "inversion": "next_below", "gaps": "keep",
            "cap_excess": "house", "rebate_taken": "after", "corrections": "freeze", "hold_days": 1, "reserve": "0.1", "reserve_days": 90, "minimum_payout": "50",
            "fee_bearer": "partner", "payout_fee": "0.015", "clawback": "cpa", "clawback_floor": "0", "self_referral": "hold", "attribution": "code",
            "termination": "trail", "trail_months": 6}});
    assert_eq!(faults(&full), []);
    let mut full = full;
    for over in [
        json!({"method": "multiplier", "levels": ["1"], "tier": "t", "ratios": ["1", "2"], "personal": [{"partner": "x", "ratio": "1"}]}),
        json!({"method": "pool", "weights": ["1"]}),
    ] {
        let other = with(full.clone(), json!({"override": over}));
        assert_eq!(faults(&other), []);
        // All methods' fields in one object, for the comparison below alone.
        let (Value::Object(a), Value::Object(b)) = (&mut full["override"], other["override"].clone()) else {
            panic!("objects")
        };
        a.extend(b);
    }
    let side = json!({"price": "1", "bid": "1", "ask": "1", "raw_spread": "0"});
    let events = json!({"format": 1, "settings": {"rounding": "line", "blocked": "keep"},
        "partners": [{"id": "P", "parent": "Q", "currency": "USD", "state": "active", "plan": "plan", "campaign_plan": "plan", "entity_plan": "plan", "global_plan": "plan",
            "country": "AE", "moves": [{"from": "2026-01-01", "parent": "Q"}]}, {"id": "Q"}],
        "clients": [{"id": "c", "partner": "P", "qualified": [{"partner": "P", "at": "2026-01-01", "server": "s", "ticket": "1", "lots_after": "1"}]}],
        "quotes": [{"base": "EUR", "quote": "USD", "rate": "1", "source": "x", "at": "2026-01-01"}],
        "deals": []});
    let deal = json!({"server": "s", "ticket": "1", "revision": 1, "kind": "trade", "deleted": false, "technical": false, "reason": "x", "client": "c", "entity": "eu", "country": "DE",
            "account": "a", "account_type": "x", "group": "x", "currency": "USD", "excluded": false, "symbol": "x", "product_group": "x", "lots": "1",
            "opened_at": "2025-01-01", "at": "2026-01-02", "negative_balance": false, "equity_minor": 2, "bonus_minor": 1});
    let market = json!({"opened_lots": "0", "server_at": "2026-01-02", "direction": "buy", "position": "x", "brand": "x", "language": "de", "campaign": "x", "tags": ["x"],
            "funded_at": "2026-01-01", "price_currency": "USD", "contract_size": "1", "pip_size": "1", "open": side, "close": side, "average_spread": "1", "markup": "1",
            "commission": "1", "swap": "-1", "profit": "1", "revenue": "1"});
    let second = json!({"ticket": "2", "client": "c", "symbol": "x", "volume_units": 1, "at": "2026-01-02"});
    let events = with(events, json!({"deals": [with(deal, market), second]}));
    preview(&per_lot("1"), &events).unwrap();

    // Fields that exclude each other stand in documents of their own.
    let share = |more: Value| {
        let mut doc = json!({"format": 1, "name": "n", "currency": "USD"});
        doc["revenue_share"] = more;
        doc
    };
    let net = json!({"client_result": true, "spread": true, "commission": true, "swap": true, "bonus": true, "payment_fee": true, "chargeback": true,
        "refund": true, "tax": true, "hedging": true});
    let apart = [
        json!({"format": 1, "name": "n", "currency": "USD", "hybrid": "on_everything",
            "cpa": {"currency": "EUR", "amounts": [{"countries": ["DE"], "ftd_from": "1", "amount": "1"}], "first_deposit": {"min": "1", "window_hours": 24},
                "kyc": "inside_window", "activity": {"lots": "1", "spread": "1"}, "window": {"days": 1, "from": "registration"}, "country": "kyc",
                "hold_days": 1, "once": "client"}}),
        share(json!({"currency": "EUR", "share": "0.3", "net": net, "bands_by": "whole", "carry": {"kind": "expires", "after_months": 1}})),
        share(
            json!({"bands": [{"above": "0", "share": "0.2"}], "net": net, "carry": {"kind": "relief", "up_to": "300", "first_deposits": 2}}),
        ),
    ];
    for doc in &apart {
        assert_eq!(faults(doc), []);
    }

    for (schema, full) in [(PLAN_SCHEMA, &full), (EVENTS_SCHEMA, &events)] {
        let schema: Value = serde_json::from_str(schema).unwrap();
        let (mut listed, mut used) = (Vec::new(), Vec::new());
        properties(&schema, "", &mut listed);
        paths(full, "", &mut used);
        if full.get("rules").is_some() {
            apart.iter().for_each(|doc| paths(doc, "", &mut used));
        }
        listed.sort();
        listed.dedup();
        used.sort();
        used.dedup();
        assert_eq!(listed, used);
    }
}

fn paths(v: &Value, at: &str, out: &mut Vec<String>) {
    match v {
        Value::Object(o) => o.iter().for_each(|(k, v)| {
            out.push(format!("{at}/{k}"));
            paths(v, &format!("{at}/{k}"), out);
        }),
        Value::Array(a) => a.iter().for_each(|v| paths(v, at, out)),
        _ => {}
    }
}

#[test]
fn plans_that_cannot_work_are_refused_where_they_go_wrong() {
    let one = |v: Value| faults(&v).into_iter().map(|(p, c)| format!("{p} {c}")).collect::<Vec<_>>();
    let rule = |more: Value| with(json!({"id": "a", "pay": "per_lot", "rate": "1"}), more);
    let tier = |more: Value| {
        let t = with(json!({"id": "t", "thresholds": ["100", "300"]}), more);
        with(
            rules(json!([{"id": "a", "pay": "per_lot", "tier": "t", "rates": ["1", "2", "3"]}])),
            json!({"tiers": [t]}),
        )
    };
    assert_eq!(one(tier(json!({}))), [] as [&str; 0]);
    assert_eq!(
        one(tier(json!({"thresholds": ["300", "100"]}))),
        ["/tiers/0/thresholds/1 bands_overlap"]
    );
    assert_eq!(
        one(tier(json!({"thresholds": ["0", "100"]}))),
        ["/tiers/0/thresholds/0 bands_overlap"]
    );
    assert_eq!(one(tier(json!({"thresholds": ["100"]}))), ["/rules/0/rates bands_differ"]);
    assert_eq!(one(tier(json!({"id": "u"}))), ["/rules/0/tier tier_unknown"]);
    assert_eq!(
        one(tier(json!({"kind": "retroactive", "window": "rolling_30_days"}))),
        ["/tiers/0/window window_impossible"]
    );
    assert_eq!(
        one(tier(json!({"measure": "active_clients", "active_lots": "1"}))),
        ["/tiers/0/kind kind_impossible"]
    );
    assert_eq!(
        one(rules(json!([rule(json!({"pay": "spread", "rate": "30"}))]))),
        ["/rules/0/rate share_above_one"]
    );
    assert_eq!(
        one(rules(json!([rule(json!({"pay": "pips", "currency": "EUR"}))]))),
        ["/rules/0/currency currency_unused"]
    );
    assert_eq!(one(rules(json!([rule(json!({"rates": ["1"]}))]))), ["/rules/0/rates tier_missing"]);
    assert_eq!(
        one(rules(json!([rule(json!({"scope": {"regions": ["dach"]}}))]))),
        ["/rules/0/scope/regions region_unknown"]
    );
    let regions = json!({"regions": [{"name": "a", "countries": ["DE", "AT"]}, {"name": "b", "countries": ["AT"]}]});
    let by_region = |name: &str| json!({"id": name, "pay": "per_lot", "rate": "1", "scope": {"regions": [name]}});
    assert_eq!(
        one(with(rules(json!([by_region("a"), by_region("b")])), regions)),
        ["/rules/1 rule_tie"]
    );
    // Promotions add up: they never tie.
    let promotion = |id: &str| rule(json!({"id": id, "kind": "promotion"}));
    assert_eq!(
        one(rules(json!([rule(json!({})), promotion("b"), promotion("c")]))),
        [] as [&str; 0]
    );
    assert_eq!(
        one(with(
            rules(json!([rule(json!({}))])),
            json!({"client_rebates": [{"percent": "0.1"}, {"percent": "0.5", "tags": ["vip"]}]})
        )),
        ["/client_rebates/1 rebate_never_reached"]
    );
    assert_eq!(
        one(with(rules(json!([rule(json!({}))])), json!({"terms": {"look_up": "noon"}}))),
        ["/terms/look_up look_up_unknown"]
    );
}

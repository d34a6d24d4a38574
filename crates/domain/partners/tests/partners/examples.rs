//! The worked examples of the commission reference (section 18) and its vectors (section 19), through
//! the preview: plans and events as files would hold them.

use qd_kernel::{Amount, Currency};
use qd_partners::exact::Exact;
use qd_partners::preview::{Preview, preview};
use serde_json::{Value, json};

pub fn per_lot(rate: &str) -> Value {
    json!({"format": 1, "name": "plain", "currency": "USD", "rules": [{"id": "base", "kind": "per_lot", "rate": rate}]})
}

pub fn deal(ticket: &str, lots: &str) -> Value {
    json!({"ticket": ticket, "client": "c", "symbol": "EURUSD", "product_group": "majors", "lots": lots, "at": "2026-03-05T12:00:00Z"})
}

pub fn with(mut v: Value, more: Value) -> Value {
    let (Value::Object(a), Value::Object(b)) = (&mut v, more) else {
        panic!("objects")
    };
    a.extend(b);
    v
}

pub fn alone(deals: &[Value]) -> Value {
    json!({"format": 1, "partners": [{"id": "P"}], "clients": [{"id": "c", "partner": "P"}], "deals": deals})
}

/// Partners G, S, A from the client up, each with the plan of its name.
pub fn chain(deals: &[Value]) -> Value {
    json!({"format": 1,
        "partners": [{"id": "A", "plan": "A"}, {"id": "S", "parent": "A", "plan": "S"}, {"id": "G", "parent": "S", "plan": "G"}],
        "clients": [{"id": "c", "partner": "G"}], "deals": deals})
}

pub fn amounts(p: &Preview) -> Vec<&str> {
    assert!(p.stopped.is_empty(), "{:?}", p.stopped);
    p.lines.iter().map(|l| l.amount.as_str()).collect()
}

pub fn vector(id: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("vectors.json")).unwrap();
    all["vectors"].as_array().unwrap().iter().find(|v| v["id"] == id).unwrap().clone()
}

pub fn texts(v: &Value) -> Vec<&str> {
    v.as_array().unwrap().iter().map(|t| t.as_str().unwrap()).collect()
}

#[test]
fn example_1_pays_per_lot_by_product_group_from_the_platforms_whole_units() {
    let v = vector("1");
    let rates = texts(&v["in"]["rates"]);
    let rule = |id: &str, rate: &str| json!({"id": id, "kind": "per_lot", "rate": rate, "scope": {"product_groups": [id]}});
    let plan = json!({"format": 1, "name": "by group", "currency": "USD", "rules": [rule("majors", rates[0]), rule("metals", rates[1]), rule("indices", rates[2])]});
    let deals: Vec<Value> = [("EURUSD", "majors"), ("XAUUSD", "metals"), ("US30", "indices")]
        .iter()
        .zip(v["in"]["units"].as_array().unwrap())
        .map(|((symbol, group), units)| json!({"ticket": symbol, "client": "c", "symbol": symbol, "product_group": group, "volume_units": units, "at": "2026-03-05"}))
        .collect();
    let p = preview(&plan, &alone(&deals)).unwrap();
    assert_eq!(amounts(&p), texts(&v["out"]["lines"]));
    assert_eq!(p.totals[0].amount, v["out"]["total"]);
    assert_eq!(p.lines[0].explanation.formula, "1.25 lots x 8 USD = 10 USD");
    assert_eq!(p.lines[1].rule.as_deref(), Some("metals"));
}

#[test]
fn example_2_pays_in_the_accounts_currency_in_whole_yen_and_by_the_cent_accounts_factor() {
    for (rate, lots, expected) in [("500", "0.73", "365"), ("515", "0.37", "191")] {
        let plan = json!({"format": 1, "name": "yen", "currency": "account", "rules": [{"id": "base", "kind": "per_lot", "rate": rate}]});
        let mut events = alone(&[with(deal("1", lots), json!({"currency": "JPY"}))]);
        events["partners"][0]["currency"] = json!("JPY");
        assert_eq!(amounts(&preview(&plan, &events).unwrap()), [expected]);
    }
    let plan = with(
        per_lot("7"),
        json!({"volume_factors": [{"account_types": ["cent"], "factor": "0.01"}]}),
    );
    let p = preview(&plan, &alone(&[with(deal("1", "250"), json!({"account_type": "cent"}))])).unwrap();
    assert_eq!(amounts(&p), ["17.50"]);
    let volume = p.lines[0].explanation.volume.clone().unwrap();
    assert_eq!((volume.platform_lots.as_str(), volume.lots.as_str()), ("250", "2.5"));
}

fn overriding(rates: &[&str], over: Value) -> Value {
    let names = ["G", "S", "A"];
    let plans: serde_json::Map<String, Value> = names
        .iter()
        .zip(rates)
        .map(|(n, r)| (n.to_string(), with(per_lot(r), json!({"override": over}))))
        .collect();
    json!({"plans": plans})
}

#[test]
fn example_6a_the_differential_chain_costs_its_highest_rate() {
    let v = vector("6a");
    let p = preview(
        &overriding(&texts(&v["in"]["rates_bottom_up"]), json!({"method": "differential"})),
        &chain(&[deal("1", "10")]),
    )
    .unwrap();
    assert_eq!(amounts(&p), texts(&v["out"]["lines"]));
    assert_eq!(
        p.lines[1].explanation.formula,
        "10 lots x 7 USD = 70 USD, less 50 USD earned below = 20 USD"
    );
}

#[test]
fn example_6b_fixed_levels_pay_by_distance_whatever_the_others_earn() {
    let v = vector("6b");
    let rates = texts(&v["in"]["rates_bottom_up"]);
    let rules = json!([
        {"id": "own", "kind": "per_lot", "rate": rates[0]},
        {"id": "second", "kind": "per_lot", "level": 2, "rate": rates[1]},
        {"id": "third", "kind": "per_lot", "level": 3, "rate": rates[2]}]);
    let plan = json!({"format": 1, "name": "levels", "currency": "USD", "rules": rules, "override": {"method": "fixed"}});
    let mut events = chain(&[deal("1", "10")]);
    events["partners"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .for_each(|p| p["plan"] = json!("plan"));
    let p = preview(&plan, &events).unwrap();
    assert_eq!(amounts(&p), texts(&v["out"]["lines"]));
    assert_eq!(p.lines[2].rule.as_deref(), Some("third"));
}

#[test]
fn example_6c_percent_of_child_compounds_over_the_next_or_counts_from_the_direct() {
    let v = vector("6c");
    let pcts = texts(&v["in"]["pcts"]);
    for (of, shares, expected) in [
        ("next", [pcts[0], pcts[1]], texts(&v["out"]["lines"])),
        ("direct", ["0.20", "0.10"], vec!["50.00", "10.00", "5.00"]),
    ] {
        let over = json!({"method": "percent_of_child", "of": of, "levels": shares});
        let p = preview(&overriding(&["5", "1", "1"], over), &chain(&[deal("1", "10")])).unwrap();
        assert_eq!(amounts(&p), expected, "{of}");
    }
}

#[test]
fn example_6d_an_inverted_rate_below_never_makes_the_chain_dearer_than_its_top() {
    let v = vector("6d");
    let p = preview(
        &overriding(&texts(&v["in"]["rates_bottom_up"]), json!({"method": "differential"})),
        &chain(&[deal("1", "10")]),
    )
    .unwrap();
    assert_eq!(amounts(&p), texts(&v["out"]["lines"]));
    assert_eq!(p.lines[1].reason, Some("below_child_rate"));
    assert!(
        p.lines[1].explanation.tested.iter().any(|t| t.value == "-10"),
        "{:?}",
        p.lines[1].explanation.tested
    );
}

#[test]
fn example_15_each_excluded_trade_leaves_a_zero_line_with_its_reason_and_figures() {
    let exclusions = json!({"min_duration_secs": 180, "negative_balance": true, "bonus_share": true});
    let plan = with(per_lot("8"), json!({"exclusions": exclusions}));
    let open = |ticket: &str, lots: &str, opened: &str, more: Value| {
        with(
            with(
                deal(ticket, lots),
                json!({"opened_at": opened, "equity_minor": 100_000, "bonus_minor": 0}),
            ),
            more,
        )
    };
    let deals = [
        open("T1", "2.0", "2026-03-05T11:57:01Z", json!({})),
        open("T2", "1.0", "2026-03-05T11:57:00Z", json!({})),
        open("T3a", "0.5", "2026-03-05T11:59:00Z", json!({})),
        open("T3b", "1.0", "2026-03-05T11:53:20Z", json!({})),
        open("T5", "2.5", "2026-03-05T10:00:00Z", json!({"negative_balance": true})),
        open(
            "T6",
            "2.0",
            "2026-03-05T10:00:00Z",
            json!({"equity_minor": 150_000, "bonus_minor": 60_000}),
        ),
    ];
    let p = preview(&plan, &alone(&deals)).unwrap();
    assert_eq!(amounts(&p), ["0.00", "8.00", "0.00", "8.00", "0.00", "9.60"]);
    assert_eq!(p.lines[0].reason, Some("min_duration"));
    let tested = &p.lines[0].explanation.tested[0];
    assert_eq!((tested.value.as_str(), tested.wanted.as_str()), ("179", "at least 180"));
    assert_eq!(p.lines[4].reason, Some("negative_balance"));
    assert_eq!(p.lines[5].explanation.formula, "1.2 lots x 8 USD = 9.6 USD");

    // The vector: payable lots, hedged volume already netted.
    let v = vector("15");
    let deals: Vec<Value> = texts(&v["in"]["lots"])
        .iter()
        .enumerate()
        .map(|(i, l)| deal(&i.to_string(), l))
        .collect();
    assert_eq!(preview(&per_lot("8"), &alone(&deals)).unwrap().totals[0].amount, v["out"]["total"]);
}

#[test]
fn example_17_nothing_is_lost_between_the_cents_when_the_carry_is_kept() {
    let v = vector("17a");
    let rules = json!([{"id": "own", "kind": "per_lot", "rate": "5.6"}, {"id": "up", "kind": "per_lot", "level": 2, "rate": "2.4"}]);
    let plan = json!({"format": 1, "name": "70/30", "currency": "USD", "rules": rules, "override": {"method": "fixed"}});
    let deals: Vec<Value> = (0..v["in"]["n"].as_i64().unwrap())
        .map(|n| deal(&n.to_string(), v["in"]["lots"].as_str().unwrap()))
        .collect();
    for (place, expected) in [("carry", &v["out"]["once"]), ("line", &v["out"]["per_line"])] {
        let events = json!({"format": 1, "settings": {"rounding": place},
            "partners": [{"id": "2 up"}, {"id": "1 own", "parent": "2 up"}], "clients": [{"id": "c", "partner": "1 own"}], "deals": deals});
        let p = preview(&plan, &events).unwrap();
        let totals: Vec<&str> = p.totals.iter().map(|t| t.amount.as_str()).collect();
        assert_eq!(totals, texts(expected), "{place}");
    }
    let v = vector("17b");
    let total = Amount::parse(v["in"]["total"].as_str().unwrap(), Currency::USD).unwrap();
    let weights: Vec<u64> = texts(&v["in"]["weights"]).iter().map(|w| w.parse().unwrap()).collect();
    let parts: Vec<String> = total.split(&weights).unwrap().into_iter().map(Amount::text).collect();
    assert_eq!(parts, texts(&v["out"]["lines"]));
    for (exact, minor) in [("12.345", 1_235), ("-12.345", -1_235)] {
        assert_eq!(Exact::parse(exact).unwrap().minor(2), Some(minor));
    }
}

#[test]
fn example_21_the_partners_own_plan_wins_over_a_narrower_rule_of_the_entity() {
    let rule = |id: &str, rate: &str, scope: Value| json!({"id": id, "kind": "per_lot", "rate": rate, "scope": scope});
    let doc = |rules: Value| json!({"format": 1, "name": "x", "currency": "USD", "rules": rules});
    let narrow = rule("gold on raw", "3", json!({"symbols": ["XAUUSD"], "account_types": ["raw"]}));
    let plans = |own: Value| {
        json!({"plans": {
            "own": doc(json!([own])),
            "entity": doc(json!([rule("metals", "4", json!({"product_groups": ["metals"]})), narrow])),
            "global": doc(json!([rule("all", "6", json!({}))])),
        }})
    };
    let gold = json!({"ticket": "1", "client": "c", "symbol": "XAUUSD", "product_group": "metals", "account_type": "raw", "lots": "2.20", "at": "2026-03-05"});
    let events = json!({"format": 1, "partners": [{"id": "P", "plan": "own", "entity_plan": "entity", "global_plan": "global"}],
        "clients": [{"id": "c", "partner": "P"}], "deals": [gold]});

    let p = preview(&plans(rule("metals", "5", json!({"product_groups": ["metals"]}))), &events).unwrap();
    assert_eq!(amounts(&p), ["11.00"]);
    let losing: Vec<(&str, &str)> = p.lines[0]
        .explanation
        .losing
        .iter()
        .map(|c| (c.rule.as_str(), c.rate.as_str()))
        .collect();
    assert_eq!(losing, [("gold on raw", "3"), ("metals", "4"), ("all", "6")]);

    // Only FX rules in the partner's own plan: the entity's narrowest takes over.
    let p = preview(&plans(rule("fx", "5", json!({"product_groups": ["majors"]}))), &events).unwrap();
    assert_eq!(amounts(&p), ["6.60"]);
    assert_eq!(p.lines[0].rule.as_deref(), Some("gold on raw"));
}

#[test]
fn four_rates_for_four_kinds_of_product_and_two_account_types() {
    let rule = |id: &str, rate: &str, scope: Value| json!({"id": id, "kind": "per_lot", "rate": rate, "scope": scope});
    let plan = json!({"format": 1, "name": "deal", "currency": "USD", "rules": [
        rule("fx", "8", json!({"product_groups": ["majors"]})), rule("metals", "5", json!({"product_groups": ["metals"]})),
        rule("gold raw", "3", json!({"symbols": ["XAUUSD"], "account_types": ["raw"]})), rule("index", "0.6", json!({"product_groups": ["indices"]})),
        rule("crypto", "1", json!({"product_groups": ["crypto"]}))]});
    let trade = |symbol: &str, group: &str, account: &str| json!({"ticket": format!("{symbol}{account}"), "client": "c", "symbol": symbol, "product_group": group, "account_type": account, "lots": "1", "at": "2026-03-05"});
    let deals = [
        trade("EURUSD", "majors", "std"),
        trade("XAUUSD", "metals", "std"),
        trade("XAUUSD", "metals", "raw"),
        trade("US30", "indices", "std"),
        trade("BTCUSD", "crypto", "std"),
    ];
    let p = preview(&plan, &alone(&deals)).unwrap();
    assert_eq!(amounts(&p), ["8.00", "5.00", "3.00", "0.60", "1.00"]);
    let rules: Vec<&str> = p.lines.iter().filter_map(|l| l.rule.as_deref()).collect();
    assert_eq!(rules, ["fx", "metals", "gold raw", "index", "crypto"]);
}

#[test]
fn a_client_of_a_forbidden_country_leaves_a_zero_line_that_names_the_law() {
    let plan = with(
        per_lot("8"),
        json!({"scope": {"forbidden": [{"country": "NL", "source": "AFM ban on third-party payments"}]}}),
    );
    let deals = [
        with(deal("1", "1"), json!({"country": "NL"})),
        with(deal("2", "1"), json!({"country": "DE"})),
    ];
    let p = preview(&plan, &alone(&deals)).unwrap();
    assert_eq!(amounts(&p), ["0.00", "8.00"]);
    assert_eq!(p.lines[0].reason, Some("country_forbidden"));
    assert!(p.lines[0].explanation.tested[0].wanted.contains("AFM"));
}

#[test]
fn technical_cancelled_opening_and_excluded_deals_pay_nothing_and_say_why() {
    let cases = [
        (json!({"technical": true, "reason": "migration"}), "technical_deal"),
        (json!({"kind": "cancelled_trade"}), "deal_cancelled"),
        (json!({"deleted": true}), "deal_cancelled"),
        (json!({"kind": "other"}), "not_a_trade"),
        (json!({"lots": "0"}), "opens_only"),
        (json!({"excluded": true}), "account_excluded"),
    ];
    for (more, reason) in cases {
        let p = preview(&per_lot("8"), &alone(&[with(deal("1", "1"), more)])).unwrap();
        assert_eq!(amounts(&p), ["0.00"]);
        assert_eq!(p.lines[0].reason, Some(reason));
        assert!(!p.lines[0].explanation.tested.is_empty(), "{reason} shows no figures");
    }
}

#[test]
fn what_is_missing_stops_the_deal_instead_of_paying_it_wrong() {
    let unmapped = json!({"ticket": "1", "client": "c", "symbol": "NEWCOIN", "lots": "1", "at": "2026-03-05"});
    let p = preview(&per_lot("8"), &alone(&[unmapped])).unwrap();
    assert_eq!(p.stopped[0].code, "symbol_unmapped");
    assert!(p.lines.is_empty());

    let mut events = alone(&[deal("1", "1")]);
    events["partners"][0]["currency"] = json!("EUR");
    assert_eq!(preview(&per_lot("8"), &events).unwrap().stopped[0].code, "fx_missing");

    let plan = with(per_lot("8"), json!({"exclusions": {"min_duration_secs": 60}}));
    assert_eq!(
        preview(&plan, &alone(&[deal("1", "1")])).unwrap().stopped[0].code,
        "open_time_missing"
    );
}

#[test]
fn a_cross_rate_is_not_rounded_on_the_way_and_stands_on_the_line() {
    // 0.37 lot at 500 JPY: 185 JPY over 156.250 and 1.0800 is 1.0962...: 1.10, not 1.09.
    let plan = json!({"format": 1, "name": "yen", "currency": "account", "rules": [{"id": "base", "kind": "per_lot", "rate": "500"}]});
    let mut events = alone(&[with(deal("1", "0.37"), json!({"currency": "JPY"}))]);
    events["partners"][0]["currency"] = json!("EUR");
    events["quotes"] = json!([{"base": "USD", "quote": "JPY", "rate": "156.250", "source": "close", "at": "2026-03-05"},
        {"base": "EUR", "quote": "USD", "rate": "1.0800", "source": "close", "at": "2026-03-05"}]);
    let p = preview(&plan, &events).unwrap();
    assert_eq!(amounts(&p), ["1.10"]);
    let steps: Vec<(&str, String, bool)> = p.lines[0]
        .explanation
        .fx
        .iter()
        .map(|s| (s.pair.as_str(), s.rate.text(), s.divided))
        .collect();
    assert_eq!(steps, [("USDJPY", "156.25".into(), true), ("EURUSD", "1.08".into(), true)]);
}

/// Twelve partners, rates 1 to 12 from the client up.
fn twelve(over: &Value, suspended: Option<usize>, blocked: &str) -> Preview {
    let plans: serde_json::Map<String, Value> = (1..=12)
        .map(|n| (format!("L{n:02}"), with(per_lot(&n.to_string()), json!({"override": over}))))
        .collect();
    let partners: Vec<Value> = (1..=12)
        .map(|n| {
            let mut p = json!({"id": format!("L{n:02}"), "plan": format!("L{n:02}"), "state": if suspended == Some(n) { "suspended" } else { "active" }});
            if n < 12 {
                p["parent"] = json!(format!("L{:02}", n + 1));
            }
            p
        })
        .collect();
    let events = json!({"format": 1, "settings": {"blocked": blocked}, "partners": partners, "clients": [{"id": "c", "partner": "L01"}], "deals": [deal("1", "3")]});
    preview(&json!({"plans": plans}), &events).unwrap()
}

#[test]
fn a_trade_pays_a_chain_of_twelve() {
    let p = twelve(&json!({"method": "differential"}), None, "keep");
    assert_eq!(amounts(&p), vec!["3.00"; 12]);
    assert_eq!(p.lines[11].level, 12);
    assert_eq!(p.lines[11].explanation.path.len(), 12);
    let p = twelve(
        &json!({"method": "percent_of_child", "of": "next", "levels": vec!["0.5"; 11]}),
        None,
        "keep",
    );
    // 3.00, 1.50, 0.75, 0.375 (0.38) … each from the exact amount below, not from the rounded one.
    assert_eq!(amounts(&p)[..5], ["3.00", "1.50", "0.75", "0.38", "0.19"]);
    assert_eq!(p.lines[4].explanation.exact, "0.1875");
}

#[test]
fn the_share_of_a_suspended_partner_stays_with_the_house_or_goes_up_by_setting() {
    let keep = twelve(&json!({"method": "differential"}), Some(3), "keep");
    assert_eq!(keep.lines[2].reason, Some("partner_suspended"));
    assert_eq!((keep.lines[2].amount.as_str(), keep.lines[3].amount.as_str()), ("0.00", "3.00"));
    let up = twelve(&json!({"method": "differential"}), Some(3), "pass_up");
    assert_eq!((up.lines[2].amount.as_str(), up.lines[3].amount.as_str()), ("0.00", "6.00"));
}

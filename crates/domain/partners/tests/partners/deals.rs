//! Kinds of pay, tiers, caps, rebates and terms of the commission reference (sections 18 and 19), through
//! the preview: plans and events as files would hold them.

use crate::examples::{alone, amounts, chain, deal, per_lot, texts, vector, with};
use qd_partners::booking::LineKind;
use qd_partners::preview::{Preview, draft, preview};
use serde_json::{Value, json};

fn plan(rules: Value, more: Value) -> Value {
    with(json!({"format": 1, "name": "x", "currency": "USD", "rules": rules}), more)
}

fn one(rule: Value, more: Value) -> Value {
    plan(json!([with(json!({"id": "base"}), rule)]), more)
}

fn total(p: &Preview, whose: &str) -> String {
    assert!(p.stopped.is_empty(), "{:?}", p.stopped);
    p.totals.iter().find(|t| t.partner == whose).map(|t| t.amount.clone()).unwrap()
}

/// EURUSD with the standard contract.
fn priced(ticket: &str, lots: &str, more: Value) -> Value {
    with(
        with(
            deal(ticket, lots),
            json!({"contract_size": "100000", "pip_size": "0.0001", "price_currency": "USD"}),
        ),
        more,
    )
}

#[test]
fn example_3_a_pip_is_what_the_symbol_says_and_stands_on_the_line() {
    let v = vector("3");
    let p = one(json!({"pay": "pips", "rate": v["in"]["pips"]}), json!({}));
    let yen = with(
        deal("2", v["in"]["usdjpy"]["lots"].as_str().unwrap()),
        json!({"symbol": "USDJPY", "contract_size": v["in"]["contract"], "pip_size": v["in"]["usdjpy"]["pip"], "price_currency": "JPY"}),
    );
    let gold = |ticket: &str, pip: &str| {
        with(
            deal(ticket, "0.75"),
            json!({"symbol": "XAUUSD", "product_group": "metals", "contract_size": "100", "pip_size": pip, "price_currency": "USD"}),
        )
    };
    let mut events = alone(&[
        priced("1", v["in"]["eurusd"]["lots"].as_str().unwrap(), json!({})),
        yen,
        gold("3", "0.1"),
        gold("4", "0.01"),
    ]);
    events["quotes"] = json!([{"base": "USD", "quote": "JPY", "rate": v["in"]["usdjpy"]["rate"]}]);
    let out = preview(&p, &events).unwrap();
    assert_eq!(
        amounts(&out),
        [
            v["out"]["eurusd"].as_str().unwrap(),
            v["out"]["usdjpy"].as_str().unwrap(),
            "3.00",
            "0.30"
        ]
    );
    assert!(
        out.lines[2].explanation.formula.contains("0.1 pip size"),
        "{}",
        out.lines[2].explanation.formula
    );
    let parts: Vec<&str> = out.lines[0].explanation.steps.iter().map(|s| s.of.as_str()).collect();
    assert_eq!(parts, ["volume", "contract_size", "pip_size", "rate", "amount"]);

    let mut bare = alone(&[with(priced("1", "1", json!({})), json!({"pip_size": null}))]);
    bare["partners"][0]["currency"] = json!("USD");
    assert_eq!(preview(&p, &bare).unwrap().stopped[0].code, "pip_size_missing");
}

#[test]
fn example_4_shares_the_spread_of_both_moments_and_damps_the_wide_one() {
    let v = vector("4a");
    let side = |spread: &str| {
        let ask: String = format!("1.10{spread}");
        json!({"bid": "1.1", "ask": ask})
    };
    let p = one(json!({"pay": "spread", "rate": v["in"]["pct"], "spread_at": "half"}), json!({}));
    // 12.00 a lot is 1.2 pips, 9.00 is 0.9.
    let d = priced(
        "1",
        v["in"]["lots"].as_str().unwrap(),
        json!({"open": side("012"), "close": side("009")}),
    );
    let out = preview(&p, &alone(&[d])).unwrap();
    assert_eq!(amounts(&out), [v["out"]["total"].as_str().unwrap()]);

    let v = vector("4b");
    let p = one(json!({"pay": "spread", "rate": v["in"]["pct"], "damped": true}), json!({}));
    let d = priced(
        "1",
        v["in"]["lots"].as_str().unwrap(),
        json!({"close": {"bid": "1.1", "ask": "1.10045"}, "average_spread": "0.00015"}),
    );
    let out = preview(&p, &alone(&[d])).unwrap();
    assert_eq!(amounts(&out), [v["out"]["total"].as_str().unwrap()]);
    let tested = &out.lines[0].explanation.tested;
    assert!(
        tested.iter().any(|t| t.what == "withheld by spread damping" && t.value == "14.4"),
        "{tested:?}"
    );
}

#[test]
fn example_5_shares_the_markup_alone_and_the_commission_beside_it() {
    let v = vector("5");
    let p = plan(
        json!([{"id": "markup", "pay": "markup", "rate": v["in"]["pct_markup"]},
            {"id": "commission", "kind": "promotion", "pay": "commission", "rate": v["in"]["pct_comm"]}]),
        json!({}),
    );
    let d = priced(
        "1",
        v["in"]["lots"].as_str().unwrap(),
        json!({"close": {"bid": "1.1", "ask": "1.1001", "raw_spread": "0.00002"}, "commission": "29.40"}),
    );
    let out = preview(&p, &alone(&[d.clone()])).unwrap();
    assert_eq!(amounts(&out), ["11.76", "5.88"]);
    assert_eq!(total(&out, "P"), v["out"]["total"].as_str().unwrap());
    let p = one(json!({"pay": "markup", "rate": "0.35", "markup_of": "configured"}), json!({}));
    let out = preview(&p, &alone(&[with(d, json!({"markup": "0.00008"}))])).unwrap();
    assert_eq!(amounts(&out), ["11.76"]);
}

#[test]
fn a_rate_per_million_is_of_the_dollars_turned_over() {
    let p = one(json!({"pay": "per_million", "rate": "5"}), json!({}));
    let d = priced("1", "20", json!({"close": {"price": "1.25"}}));
    // 20 lots of 100 000 at 1.25: 2.5 million.
    assert_eq!(amounts(&preview(&p, &alone(&[d])).unwrap()), ["12.50"]);
}

fn tiers(kind: &str) -> Value {
    let v = vector("8");
    let bands = v["in"]["tiers"].as_array().unwrap();
    let thresholds: Vec<&Value> = bands[1..].iter().map(|b| &b[0]).collect();
    let rates: Vec<&Value> = bands.iter().map(|b| &b[1]).collect();
    one(
        json!({"pay": "per_lot", "tier": "volume", "rates": rates}),
        json!({"tiers": [{"id": "volume", "kind": kind, "thresholds": thresholds}], "override": {"method": "differential"}}),
    )
}

fn on(ticket: &str, lots: &str, at: &str) -> Value {
    with(deal(ticket, lots), json!({"at": at}))
}

#[test]
fn example_8_a_marginal_tier_splits_the_deal_that_crosses_it() {
    for (id, before, lots) in [("8", "96.40", "7.50"), ("8b", "98.00", "207.50")] {
        let v = vector(id);
        assert_eq!(v["in"]["from"], before);
        let out = preview(
            &tiers("marginal"),
            &alone(&[on("2", lots, "2026-03-06"), on("1", before, "2026-03-05")]),
        )
        .unwrap();
        assert_eq!(out.lines[0].amount, v["out"]["total"], "{:?}", out.lines[0].explanation);
        if id == "8" {
            assert_eq!(out.lines[0].explanation.formula, "3.6 lots x 6 USD + 3.9 lots x 7 USD = 48.9 USD");
            let tested: Vec<&str> = out.lines[0].explanation.tested.iter().map(|t| t.value.as_str()).collect();
            assert_eq!(tested, ["96.4", "103.9", "96.4"]);
        }
    }
    // A month later the count starts again; excluded volume never counted.
    let excluded = with(on("0", "500", "2026-03-01"), json!({"technical": true}));
    let out = preview(
        &tiers("marginal"),
        &alone(&[excluded, on("1", "96.40", "2026-03-05"), on("2", "7.50", "2026-04-01")]),
    )
    .unwrap();
    assert_eq!(out.lines[2].amount, "45.00");
}

#[test]
fn example_9_a_retroactive_tier_trues_up_the_child_and_the_parent() {
    let v = vector("9");
    let parent = with(
        per_lot(v["in"]["parent"].as_str().unwrap()),
        json!({"override": {"method": "differential"}}),
    );
    let plans = json!({"plans": {"G": tiers("retroactive"), "S": parent}});
    let events = json!({"format": 1, "partners": [{"id": "S", "plan": "S"}, {"id": "G", "parent": "S", "plan": "G"}],
        "clients": [{"id": "c", "partner": "G"}],
        "deals": [on("1", v["in"]["booked_lots"].as_str().unwrap(), "2026-03-05"), on("2", v["in"]["trade"].as_str().unwrap(), "2026-03-06")]});
    let out = preview(&plans, &events).unwrap();
    let told: Vec<(&str, LineKind, &str)> = out.lines.iter().map(|l| (l.partner.as_str(), l.kind, l.amount.as_str())).collect();
    assert_eq!(
        told,
        [
            ("G", LineKind::Accrual, "578.40"),
            ("S", LineKind::Accrual, "289.20"),
            ("G", LineKind::Accrual, "52.50"),
            ("S", LineKind::Accrual, "15.00"),
            ("G", LineKind::TrueUp, "96.40"),
            ("S", LineKind::TrueUp, "-96.40"),
        ]
    );
    assert_eq!(out.lines[4].explanation.formula, "96.4 lots x (7 - 6) = 96.4 USD");
    assert_eq!(out.lines[5].explanation.formula, "96.4 lots x (2 - 3) = -96.4 USD");
    let minor = |from: usize, whose: &str| {
        out.lines[from..]
            .iter()
            .filter(|l| l.partner == whose)
            .map(|l| l.minor)
            .sum::<i64>()
    };
    assert_eq!((minor(2, "G"), minor(2, "S")), (14_890, -8_140));
    assert_eq!(total(&out, "G"), v["out"]["child_total"].as_str().unwrap());
    assert_eq!(total(&out, "S"), v["out"]["parent_total"].as_str().unwrap());
}

#[test]
fn the_next_periods_tier_pays_what_the_last_window_reached() {
    let deals = [
        on("1", "120", "2026-03-05"),
        on("2", "10", "2026-04-02"),
        on("3", "10", "2026-05-02"),
    ];
    let out = preview(&tiers("next_period"), &alone(&deals)).unwrap();
    assert_eq!(amounts(&out), ["720.00", "70.00", "60.00"]);
    let mut rolling = tiers("next_period");
    rolling["tiers"][0]["window"] = json!("rolling_30_days");
    let deals = [
        on("1", "120", "2026-03-05"),
        on("2", "10", "2026-03-05T18:00:00Z"),
        on("3", "10", "2026-04-04"),
        on("4", "10", "2026-04-05"),
    ];
    let out = preview(&rolling, &alone(&deals)).unwrap();
    assert_eq!(amounts(&out), ["720.00", "60.00", "70.00", "60.00"]);
}

#[test]
fn a_tier_counts_active_clients_and_a_sub_tree() {
    let counted = |measure: Value| {
        one(
            json!({"pay": "per_lot", "tier": "t", "rates": ["5", "6"]}),
            json!({"tiers": [with(json!({"id": "t", "kind": "retroactive", "scope": "subtree"}), measure)], "override": {"method": "differential"}}),
        )
    };
    let active = counted(json!({"measure": "active_clients", "active_lots": "3", "thresholds": ["2"]}));
    let events = |deals: &[Value]| json!({"format": 1, "partners": [{"id": "P"}], "clients": [{"id": "c", "partner": "P"}, {"id": "d", "partner": "P"}], "deals": deals});
    let other = |ticket: &str, lots: &str, at: &str| with(on(ticket, lots, at), json!({"client": "d"}));
    let deals = [
        on("1", "2", "2026-03-01"),
        on("2", "1", "2026-03-02"),
        other("3", "2.9", "2026-03-03"),
        other("4", "0.1", "2026-03-04"),
    ];
    let out = preview(&active, &events(&deals)).unwrap();
    assert_eq!(amounts(&out), ["10.00", "5.00", "14.50", "0.60", "5.90"]);
    assert_eq!(out.lines[4].kind, LineKind::TrueUp);

    let lots = counted(json!({"measure": "lots", "thresholds": ["10"]}));
    let mut below = lots.clone();
    below["rules"] = json!([{"id": "base", "pay": "per_lot", "rate": "1"}]);
    below["tiers"] = json!([]);
    let events = json!({"format": 1, "partners": [{"id": "S", "plan": "S"}, {"id": "G", "parent": "S", "plan": "G"}],
        "clients": [{"id": "c", "partner": "G"}], "deals": [on("1", "10", "2026-03-01")]});
    let out = preview(&json!({"plans": {"S": lots, "G": below}}), &events).unwrap();
    assert_eq!(amounts(&out), ["10.00", "50.00"]);
}

#[test]
fn example_10_crosses_two_rates_without_rounding_between() {
    for id in ["10a", "10b", "10c"] {
        let v = vector(id);
        let lots = if id == "10c" { "0.37" } else { "1.8" };
        let p = one(json!({"pay": "pips", "rate": "0.5"}), json!({}));
        let d = with(
            deal("1", lots),
            json!({"symbol": "GBPJPY", "contract_size": "100000", "pip_size": "0.01", "price_currency": "JPY"}),
        );
        let mut events = alone(&[d]);
        events["partners"][0]["currency"] = json!("EUR");
        events["quotes"] =
            json!([{"base": "USD", "quote": "JPY", "rate": v["in"]["usdjpy"]}, {"base": "EUR", "quote": "USD", "rate": v["in"]["eurusd"]}]);
        let out = preview(&p, &events).unwrap();
        assert_eq!(amounts(&out), [v["out"]["total"].as_str().unwrap()], "{id}");
        assert_eq!(out.lines[0].explanation.fx.len(), 2);
        assert!(
            out.lines[0]
                .explanation
                .formula
                .contains(&format!("= {} JPY", v["in"]["jpy"].as_str().unwrap()))
        );
    }
}

#[test]
fn example_12_a_tree_moved_in_the_month_pays_by_the_look_up_moment() {
    let v = vector("12");
    for (term, field) in [("close", "close"), ("open", "open"), ("half", "half")] {
        let terms = json!({"override": {"method": "differential"}, "terms": {"look_up": term}});
        let at = |rate: &Value| with(per_lot(rate.as_str().unwrap()), terms.clone());
        let plans = json!({"plans": {"S": at(&v["in"]["s"]), "M1": at(&v["in"]["m1"]), "M2": at(&v["in"]["m2"])}});
        let trade = |ticket: &str, lots: &Value, opened: &str, closed: &str| {
            with(deal(ticket, lots.as_str().unwrap()), json!({"opened_at": opened, "at": closed}))
        };
        let events = json!({"format": 1, "clients": [{"id": "c", "partner": "S"}],
            "partners": [{"id": "M1", "plan": "M1"}, {"id": "M2", "plan": "M2"},
                {"id": "S", "plan": "S", "parent": "M1", "moves": [{"from": "2026-03-16", "parent": "M2"}]}],
            "deals": [trade("T1", &v["in"]["t1"], "2026-03-05", "2026-03-05T12:00:00Z"), trade("T2", &v["in"]["t2"], "2026-03-14", "2026-03-17"),
                trade("T3", &v["in"]["t3"], "2026-03-20", "2026-03-20T12:00:00Z")]});
        let out = preview(&plans, &events).unwrap();
        let masters = texts(&v["out"][field]);
        assert_eq!([total(&out, "M1"), total(&out, "M2")], [masters[0], masters[1]], "{term}");
        assert_eq!(total(&out, "S"), v["out"]["s"].as_str().unwrap());
    }
}

#[test]
fn example_14_caps_cut_and_show_what_is_above() {
    let p = with(per_lot("8"), json!({"caps": {"per_order": "500"}}));
    let out = preview(&p, &alone(&[deal("1", "80")])).unwrap();
    assert_eq!(amounts(&out), ["500.00"]);
    let above = out.lines[0].explanation.tested.iter().find(|t| t.what == "above the cap").unwrap();
    assert_eq!(above.value, "140");

    let v = vector("14b");
    let p = with(per_lot("1"), json!({"caps": {"per_client_month": v["in"]["cap"]}}));
    let deals: Vec<Value> = texts(&v["in"]["lines"])
        .iter()
        .enumerate()
        .map(|(i, l)| on(&i.to_string(), l, &format!("2026-03-{:02}", i + 1)))
        .collect();
    let mut shuffled = deals.clone();
    shuffled.swap(0, 3);
    let out = preview(&p, &alone(&deals)).unwrap();
    assert_eq!(amounts(&out), texts(&v["out"]["lines"]));
    assert_eq!(out.lines[3].reason, Some("cap_client_month"));
    let excess: Vec<&str> = out
        .lines
        .iter()
        .flat_map(|l| &l.explanation.tested)
        .filter(|t| t.what == "above the cap")
        .map(|t| t.value.as_str())
        .collect();
    assert_eq!(excess, ["52.4", "60"]);
    assert_eq!(v["out"]["excess"], "112.40");
    assert_eq!(
        total(&preview(&p, &alone(&shuffled)).unwrap(), "P"),
        "500.00",
        "the order of the file does not matter"
    );

    let v = vector("14c");
    let guarded = |cut: &str| {
        let rates = ["5", "7", "10"];
        let plans: serde_json::Map<String, Value> = ["G", "S", "A"]
            .iter()
            .zip(rates)
            .map(|(n, r)| {
                let more = json!({"override": {"method": "differential"}, "caps": {"chain": {"share": v["in"]["limit"], "cut": cut}}});
                (n.to_string(), with(per_lot(r), more))
            })
            .collect();
        let d = with(deal("1", "10"), json!({"revenue": v["in"]["revenue"]}));
        preview(&json!({"plans": plans}), &chain(&[d])).unwrap()
    };
    assert_eq!(amounts(&guarded("pro_rata")), texts(&v["out"]["lines"]));
    assert_eq!(amounts(&guarded("top")), ["50.00", "20.00", "2.00"]);
}

#[test]
fn example_15_of_hedged_positions_only_the_larger_side_counts_in_any_order() {
    let p = with(per_lot("8"), json!({"exclusions": {"hedged": true}}));
    let leg = |ticket: &str, lots: &str, direction: &str, closed: &str| {
        with(
            deal(ticket, lots),
            json!({"account": "a", "direction": direction, "opened_at": "2026-03-05T10:00:00Z", "at": closed}),
        )
    };
    let times = ["2026-03-05T11:00:00Z", "2026-03-05T12:00:00Z", "2026-03-05T13:00:00Z"];
    let legs = [("1.5", "buy"), ("1.0", "sell"), ("0.8", "sell")];
    for order in [[0, 1, 2], [1, 0, 2], [2, 1, 0], [1, 2, 0]] {
        let deals: Vec<Value> = order
            .iter()
            .zip(times)
            .map(|(i, at)| leg(&i.to_string(), legs[*i].0, legs[*i].1, at))
            .collect();
        assert_eq!(total(&preview(&p, &alone(&deals)).unwrap(), "P"), "14.40", "{order:?}");
    }
    // Positions that never were open together are two trades.
    let later = with(
        leg("9", "1.0", "sell", "2026-03-06T12:00:00Z"),
        json!({"opened_at": "2026-03-06T10:00:00Z"}),
    );
    let out = preview(&p, &alone(&[leg("1", "1.0", "buy", times[0]), later])).unwrap();
    assert_eq!(total(&out, "P"), "16.00");
}

#[test]
fn small_moves_same_prices_and_symbols_without_commission_leave_zero_lines_with_figures() {
    let p = with(
        per_lot("8"),
        json!({"exclusions": {"min_move_pips": "3", "same_price": true, "client_commission": true}}),
    );
    let d = |ticket: &str, open: &str, close: &str, commission: &str| {
        priced(
            ticket,
            "1",
            json!({"open": {"price": open}, "close": {"price": close}, "commission": commission}),
        )
    };
    let deals = [
        d("1", "1.1000", "1.1003", "7"),
        d("2", "1.1000", "1.09971", "7"),
        d("3", "1.1", "1.1", "7"),
        d("4", "1.1000", "1.2", "0"),
    ];
    let out = preview(&p, &alone(&deals)).unwrap();
    assert_eq!(amounts(&out), ["8.00", "0.00", "0.00", "0.00"]);
    let reasons: Vec<Option<&str>> = out.lines.iter().map(|l| l.reason).collect();
    assert_eq!(reasons, [None, Some("min_move"), Some("same_price"), Some("no_client_commission")]);
    assert!(
        out.lines[1]
            .explanation
            .tested
            .iter()
            .any(|t| t.value == "2.9" && t.wanted == "at least 3")
    );
}

#[test]
fn example_18_a_clients_rebate_comes_out_of_the_partners_gross() {
    let v = vector("18");
    let own = |taken: &str| {
        with(
            per_lot(v["in"]["rate"].as_str().unwrap()),
            json!({"client_rebates": [{"percent": v["in"]["rebate"]}], "terms": {"rebate_taken": taken}}),
        )
    };
    let over = |base: Value| {
        with(
            per_lot("1"),
            json!({"override": with(json!({"method": "percent_of_child", "of": "next", "levels": [v["in"]["override"]]}), base)}),
        )
    };
    let events = json!({"format": 1, "partners": [{"id": "S", "plan": "S"}, {"id": "G", "parent": "S", "plan": "G"}],
        "clients": [{"id": "c", "partner": "G"}], "deals": [deal("1", v["in"]["lots"].as_str().unwrap())]});
    for (taken, base, expected) in [
        ("after", json!({}), "gross"),
        ("before", json!({}), "net"),
        ("before", json!({"base": "gross"}), "gross"),
        ("after", json!({"base": "net"}), "net"),
    ] {
        let out = preview(&json!({"plans": {"G": own(taken), "S": over(base)}}), &events).unwrap();
        let told: Vec<(&str, Option<&str>, LineKind)> =
            out.lines.iter().map(|l| (l.amount.as_str(), l.client.as_deref(), l.kind)).collect();
        assert_eq!(
            told,
            [
                (v["out"]["ib"].as_str().unwrap(), None, LineKind::Accrual),
                (v["out"]["client"].as_str().unwrap(), Some("c"), LineKind::Rebate),
                (v["out"][expected].as_str().unwrap(), None, LineKind::Accrual),
            ]
        );
    }
    // Only clients with the tag; never more than the partner earned.
    let p = with(per_lot("8"), json!({"client_rebates": [{"per_lot": "100", "tags": ["vip"]}]}));
    let vip = with(deal("2", "1"), json!({"tags": ["vip"]}));
    let out = preview(&p, &alone(&[deal("1", "1"), vip])).unwrap();
    assert_eq!(amounts(&out), ["8.00", "0.00", "8.00"]);
    assert_eq!(out.lines[1].reason, Some("rebated"));
}

#[test]
fn example_20_the_rate_of_the_servers_day_counts_however_late_the_deal_comes() {
    let p = plan(
        json!([{"id": "old", "pay": "per_lot", "rate": "8", "valid_to": "2026-04-01"}, {"id": "new", "pay": "per_lot", "rate": "7", "valid_from": "2026-04-01"}]),
        json!({"terms": {"calendar": "server"}}),
    );
    let d = with(
        deal("1", "1.5"),
        json!({"at": "2026-03-31T20:58:30Z", "server_at": "2026-03-31T23:58:30Z"}),
    );
    assert_eq!(amounts(&preview(&p, &alone(&[d])).unwrap()), ["12.00"]);
    // Half past midnight at the server is April there, March in UTC.
    let d = with(
        deal("1", "1.5"),
        json!({"at": "2026-03-31T21:30:00Z", "server_at": "2026-04-01T00:30:00Z"}),
    );
    assert_eq!(amounts(&preview(&p, &alone(&[d])).unwrap()), ["10.50"]);
}

#[test]
fn example_22_tiers_rebate_override_and_euro_wallets_sum_to_the_rounded_whole() {
    let v = vector("22");
    let g = with(tiers("marginal"), json!({"client_rebates": [{"percent": "0.25"}]}));
    let m = with(per_lot("9"), json!({"override": {"method": "differential"}}));
    let trade = |ticket: &str, lots: &str, at: &str| with(on(ticket, lots, at), json!({"currency": "EUR"}));
    let events = json!({"format": 1, "settings": {"rounding": "deal"},
        "partners": [{"id": "M", "plan": "M", "currency": "EUR"}, {"id": "G", "parent": "M", "plan": "G", "currency": "EUR"}],
        "clients": [{"id": "c", "partner": "G"}], "quotes": [{"base": "EUR", "quote": "USD", "rate": v["in"]["rate"]}],
        "deals": [trade("1", "96.40", "2026-03-05"), trade("2", "7.50", "2026-03-06")]});
    let out = preview(&json!({"plans": {"G": g, "M": m}}), &events).unwrap();
    let last: Vec<(&str, &str)> = out.lines[3..]
        .iter()
        .map(|l| (l.client.as_deref().unwrap_or(&l.partner), l.amount.as_str()))
        .collect();
    let lines = texts(&v["out"]["lines"]);
    assert_eq!(last, [("G", lines[1]), ("c", lines[0]), ("M", lines[2])]);
    let sum: i64 = out.lines[3..].iter().map(|l| l.minor).sum();
    assert_eq!(sum, 6_233);
}

#[test]
fn promotions_stack_on_one_base_and_leave_parents_alone() {
    let p = plan(
        json!([{"id": "base", "pay": "per_lot", "rate": "5"},
            {"id": "may", "kind": "promotion", "pay": "per_lot", "rate": "1", "valid_from": "2026-03-01", "valid_to": "2026-04-01"},
            {"id": "gold", "kind": "promotion", "pay": "per_lot", "rate": "2", "scope": {"symbols": ["EURUSD"]}}]),
        json!({}),
    );
    let over = with(per_lot("7"), json!({"override": {"method": "differential"}}));
    let events = |at: &str| {
        json!({"format": 1, "partners": [{"id": "S", "plan": "S"}, {"id": "G", "parent": "S", "plan": "G"}],
        "clients": [{"id": "c", "partner": "G"}], "deals": [on("1", "2", at)]})
    };
    let plans = json!({"plans": {"G": p, "S": over}});
    assert_eq!(
        amounts(&preview(&plans, &events("2026-03-05")).unwrap()),
        ["10.00", "2.00", "4.00", "4.00"]
    );
    assert_eq!(amounts(&preview(&plans, &events("2026-04-05")).unwrap()), ["10.00", "4.00", "4.00"]);
}

#[test]
fn example_7_lots_after_the_qualification_alone_are_paid() {
    let v = vector("7a");
    let p = one(
        json!({"pay": "per_lot", "rate": v["in"]["rate"], "after": "qualification"}),
        json!({}),
    );
    let deals: Vec<Value> = texts(&v["in"]["lots"])
        .iter()
        .enumerate()
        .map(|(i, l)| on(&i.to_string(), l, &format!("2026-03-{:02}", i + 1)))
        .collect();
    let mut events = alone(&deals);
    events["clients"][0]["qualified"] = json!([{"partner": "P", "at": "2026-03-02", "ticket": "1", "lots_after": "0.2"}]);
    let out = preview(&p, &events).unwrap();
    assert_eq!(amounts(&out), texts(&v["out"]["lot_lines"]));
    assert_eq!(out.lines[0].reason, Some("before_qualification"));
}

#[test]
fn multipliers_pools_and_gaps_pay_as_their_plan_says() {
    let shared = |over: Value, more: Value| with(with(per_lot("10"), json!({"override": over})), more);
    let three = |plan: Value| {
        let mut e = chain(&[deal("1", "10")]);
        for p in e["partners"].as_array_mut().unwrap() {
            p["plan"] = json!("plan");
        }
        preview(&plan, &e).unwrap()
    };
    let p = shared(
        json!({"method": "multiplier", "levels": ["1", "0.3", "0.1"], "personal": [{"partner": "S", "ratio": "1.5"}]}),
        json!({}),
    );
    assert_eq!(amounts(&three(p)), ["100.00", "45.00", "10.00"]);
    let p = shared(json!({"method": "pool", "weights": ["45", "35", "20"]}), json!({}));
    assert_eq!(amounts(&three(p)), ["45.00", "35.00", "20.00"]);
    let p = shared(json!({"method": "pool", "weights": ["5", "3", "1", "1"]}), json!({}));
    assert_eq!(amounts(&three(p)), ["50.00", "30.00", "10.00"]);
    let p = shared(
        json!({"method": "pool", "weights": ["5", "3", "2", "10"]}),
        json!({"terms": {"gaps": "pass_up"}}),
    );
    assert_eq!(amounts(&three(p)), ["50.00", "30.00", "20.00"]);

    // S in the middle has no plan.
    let rules = json!([{"id": "own", "pay": "per_lot", "rate": "5"}, {"id": "2", "pay": "per_lot", "level": 2, "rate": "2"}, {"id": "3", "pay": "per_lot", "level": 3, "rate": "1"}]);
    for (gaps, expected) in [("keep", "10.00"), ("pass_up", "30.00"), ("compress", "20.00")] {
        let p = plan(rules.clone(), json!({"override": {"method": "fixed"}, "terms": {"gaps": gaps}}));
        let other = plan(
            json!([{"id": "none", "pay": "per_lot", "rate": "1", "scope": {"symbols": ["NONE"]}}]),
            json!({}),
        );
        let mut e = chain(&[deal("1", "10")]);
        e["partners"][0]["plan"] = json!("A");
        e["partners"][1]["plan"] = json!("S");
        e["partners"][2]["plan"] = json!("A");
        let out = preview(&json!({"plans": {"A": p, "S": other}}), &e).unwrap();
        assert_eq!(amounts(&out), ["50.00", "0.00", expected], "{gaps}");
    }
}

#[test]
fn opening_and_both_sides_are_paid_when_the_plan_says_so() {
    let d = [
        with(deal("1", "0"), json!({"opened_lots": "2", "at": "2026-03-05"})),
        with(deal("2", "2"), json!({"at": "2026-03-06"})),
    ];
    for (when, expected) in [
        ("open", ["16.00", "0.00"]),
        ("close", ["0.00", "16.00"]),
        ("both", ["8.00", "8.00"]),
    ] {
        let p = one(json!({"pay": "per_lot", "rate": "8", "when": when}), json!({}));
        assert_eq!(amounts(&preview(&p, &alone(&d)).unwrap()), expected, "{when}");
    }
}

#[test]
fn sums_below_the_minimum_posting_wait_and_come_with_the_next() {
    let p = with(per_lot("1"), json!({"minimum_posting": "1"}));
    let deals = [
        on("1", "0.40", "2026-03-01"),
        on("2", "0.35", "2026-03-02"),
        on("3", "0.50", "2026-03-03"),
        on("4", "0.20", "2026-03-04"),
    ];
    let out = preview(&p, &alone(&deals)).unwrap();
    assert_eq!(amounts(&out), ["0.00", "0.00", "1.25", "0.00"]);
    assert_eq!(out.lines[0].reason, Some("below_minimum_posting"));
}

#[test]
fn a_rule_reaches_by_region_brand_direction_campaign_tag_and_the_partners_country() {
    let scopes = [
        (json!({"regions": ["dach"]}), json!({"country": "AT"}), json!({"country": "FR"})),
        (json!({"brands": ["north"]}), json!({"brand": "north"}), json!({"brand": "south"})),
        (
            json!({"directions": ["buy"]}),
            json!({"direction": "buy"}),
            json!({"direction": "sell"}),
        ),
        (json!({"campaigns": ["spring"]}), json!({"campaign": "spring"}), json!({})),
        (json!({"tags": ["vip", "pro"]}), json!({"tags": ["pro"]}), json!({"tags": ["new"]})),
        (json!({"languages": ["de"]}), json!({"language": "de"}), json!({"language": "en"})),
        (
            json!({"servers": ["live2"]}),
            json!({"server": "live2"}),
            json!({"server": "live1"}),
        ),
    ];
    for (scope, fits, does_not) in scopes {
        let p = one(
            json!({"pay": "per_lot", "rate": "8", "scope": scope}),
            json!({"regions": [{"name": "dach", "countries": ["DE", "AT", "CH"]}]}),
        );
        let out = preview(&p, &alone(&[with(deal("1", "1"), fits), with(deal("2", "1"), does_not)])).unwrap();
        assert_eq!(amounts(&out), ["8.00", "0.00"], "{scope}");
        assert_eq!(out.lines[1].reason, Some("no_rule"));
    }
    let p = one(
        json!({"pay": "per_lot", "rate": "8", "scope": {"partner_countries": ["AE"]}}),
        json!({}),
    );
    let mut e = alone(&[deal("1", "1")]);
    assert_eq!(amounts(&preview(&p, &e).unwrap()), ["0.00"]);
    e["partners"][0]["country"] = json!("AE");
    assert_eq!(amounts(&preview(&p, &e).unwrap()), ["8.00"]);
}

#[test]
fn partners_are_not_paid_for_dutch_clients_whatever_the_plan_says() {
    let out = preview(&per_lot("8"), &alone(&[with(deal("1", "1"), json!({"country": "NL"}))])).unwrap();
    assert_eq!(out.lines[0].reason, Some("pay_forbidden"));
    assert!(
        out.lines[0].explanation.tested[0].wanted.contains("AFM"),
        "{:?}",
        out.lines[0].explanation.tested
    );
}

#[test]
fn a_draft_tells_its_problems_with_their_places_and_what_it_can() {
    let half = json!({"format": 1, "name": "x", "currency": "USD", "rules": [{"id": "a", "pay": "per_lot"}]});
    let out = draft(&half, &alone(&[deal("1", "1")])).unwrap();
    assert_eq!(out.problems[0].pointer, "/plan/rules/0/rate");
    assert!(out.lines.is_empty());
    let out = draft(&per_lot("8"), &json!({"format": 1, "deals": [{"client": "c"}]})).unwrap();
    assert!(
        out.problems.iter().any(|p| p.pointer == "/events/deals/0/symbol"),
        "{:?}",
        out.problems
    );
    assert!(out.terms.iter().any(|t| t.name == "look_up" && t.value == "close" && !t.stated));
    let inverted = with(
        tiers("marginal"),
        json!({"rules": [{"id": "a", "pay": "per_lot", "tier": "volume", "rates": ["7", "6", "8"]}]}),
    );
    let out = draft(&inverted, &alone(&[deal("1", "1")])).unwrap();
    assert_eq!(amounts(&out), ["7.00"]);
    assert_eq!(out.warnings[0].pointer, "/rules/0/rates/1");
}

//! What the house's settings say against a plan, on both databases.

use crate::examples::with;
use crate::kit::*;
use crate::tx;
use qd_partners::plans;
use qd_runtime::access::Caller;
use qd_runtime::settings;
use qd_testkit::TestDb;
use serde_json::{Value, json};

async fn set(t: &TestDb, key: &'static str, value: Value) {
    tx!(t, |tx, core| settings::put(
        tx,
        core,
        &Caller::system("set up"),
        "global",
        key,
        0,
        &value,
        "set up"
    )
    .await)
    .unwrap();
}

async fn faults(t: &TestDb, document: Value) -> Vec<String> {
    let got = tx!(t, |tx, core| plans::save(
        tx,
        core,
        &manager(),
        None,
        Some("eu"),
        &document,
        day(1, 1),
        "agreed"
    )
    .await);
    match got {
        Ok(_) => Vec::new(),
        Err(p) => p.fields.iter().map(|f| format!("{} {}", f.pointer, f.code)).collect(),
    }
}

fn doc(rule: Value) -> Value {
    json!({"format": 1, "name": "x", "currency": "USD", "rules": [with(json!({"id": "a", "pay": "per_lot", "rate": "0.5"}), rule)]})
}

qd_testkit::both! {
    async fn a_plan_is_refused_when_the_feed_the_law_or_the_house_speak_against_it(t: TestDb) {
        // What no feed of the house says by itself.
        assert_eq!(faults(&t, doc(json!({"pay": "markup"}))).await, ["/rules/0/markup_of input_not_delivered"; 1]);
        let bonus = with(doc(json!({})), json!({"exclusions": {"bonus_share": true}}));
        assert_eq!(faults(&t, bonus.clone()).await, ["/exclusions/bonus_share input_not_delivered"]);
        set(&t, "commission.feeds", json!({"servers": {"live1": ["equity"], "live2": []}})).await;
        assert_eq!(faults(&t, bonus).await, ["/exclusions/bonus_share input_not_delivered"]);
        assert_eq!(faults(&t, doc(json!({"pay": "commission", "scope": {"servers": ["live1"]}}))).await, ["/rules/0/pay input_not_delivered"]);
        assert_eq!(faults(&t, doc(json!({}))).await, [] as [&str; 0]);

        // Paying for Dutch clients alone.
        assert_eq!(faults(&t, doc(json!({"scope": {"countries": ["NL"]}}))).await, ["/rules/0/scope pay_forbidden"]);
        set(&t, "commission.guard", json!({"forbidden": [], "cyprus_entities": ["eu"]})).await;
        assert_eq!(faults(&t, doc(json!({"scope": {"countries": ["NL"]}}))).await, [] as [&str; 0]);
        let rebate = with(doc(json!({})), json!({"client_rebates": [{"percent": "0.5"}]}));
        assert_eq!(faults(&t, rebate).await, ["/client_rebates/0/percent pay_forbidden"]);

        // Symbols, pips and currencies that nobody configured.
        set(&t, "symbols.groups", json!({"EURUSD": "majors", "XAUUSD": "metals"})).await;
        set(&t, "symbols.terms", json!({"EURUSD": {"pip_size": "0.0001"}})).await;
        set(&t, "fx.rates", json!({"base": "USD", "source": "house", "rates": {"EUR": "0.9"}})).await;
        assert_eq!(faults(&t, doc(json!({"scope": {"symbols": ["EURUSD", "NEWCOIN"]}}))).await, ["/rules/0/scope/symbols symbol_unknown"]);
        assert_eq!(faults(&t, doc(json!({"scope": {"product_groups": ["metal"]}}))).await, ["/rules/0/scope/product_groups group_unknown"]);
        let impossible = json!({"scope": {"symbols": ["XAUUSD"], "product_groups": ["majors"]}});
        assert_eq!(faults(&t, doc(impossible)).await, ["/rules/0/scope/product_groups scope_impossible"]);
        assert_eq!(faults(&t, with(doc(json!({})), json!({"currency": "JPY"}))).await, ["/currency currency_without_rate"]);
        assert_eq!(faults(&t, with(doc(json!({})), json!({"currency": "EUR"}))).await, [] as [&str; 0]);
    }

    async fn pips_need_a_pip_size_for_every_symbol_of_the_rule(t: TestDb) {
        set(&t, "symbols.groups", json!({"EURUSD": "majors", "XAUUSD": "metals"})).await;
        set(&t, "symbols.terms", json!({"EURUSD": {"pip_size": "0.0001"}})).await;
        assert_eq!(faults(&t, doc(json!({"pay": "pips"}))).await, ["/rules/0/pay pip_size_missing"]);
        assert_eq!(faults(&t, doc(json!({"pay": "pips", "scope": {"product_groups": ["majors"]}}))).await, [] as [&str; 0]);
    }
}

//! Properties of the pure engine over random chains, checked against arithmetic that shares no code
//! with it: whole numbers of hundredths.

use proptest::prelude::*;
use qd_partners::preview::preview;
use serde_json::{Map, Value, json};

/// Hundredths as text.
fn text(v: i64) -> String {
    format!("{}.{:02}", v / 100, v % 100)
}

fn run(rates: &[i64], lots: &[i64], over: &Value, rounding: &str) -> qd_partners::preview::Preview {
    let plans: Map<String, Value> = rates
        .iter()
        .enumerate()
        .map(|(i, r)| {
            let rules = json!([{"id": "base", "kind": "per_lot", "rate": text(*r)}]);
            (
                format!("p{i:02}"),
                json!({"format": 1, "name": "x", "currency": "USD", "rules": rules, "override": over}),
            )
        })
        .collect();
    let partners: Vec<Value> = (0..rates.len())
        .map(|i| {
            let mut p = json!({"id": format!("p{i:02}"), "plan": format!("p{i:02}")});
            if i + 1 < rates.len() {
                p["parent"] = json!(format!("p{:02}", i + 1));
            }
            p
        })
        .collect();
    let deals: Vec<Value> = lots
        .iter()
        .enumerate()
        .map(|(i, l)| json!({"ticket": format!("{i:04}"), "client": "c", "symbol": "EURUSD", "product_group": "fx", "lots": text(*l), "at": "2026-03-05"}))
        .collect();
    let events = json!({"format": 1, "settings": {"rounding": rounding}, "partners": partners, "clients": [{"id": "c", "partner": "p00"}], "deals": deals});
    preview(&json!({"plans": plans}), &events).unwrap()
}

/// Ten-thousandths of a unit into hundredths, half away from zero.
fn round(v: i64) -> i64 {
    (v.abs() + 50) / 100 * v.signum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// 1: whatever the order of the rates, the chain costs the highest one.
    #[test]
    fn a_differential_chain_costs_the_highest_rate_on_it(rates in prop::collection::vec(0i64..2_000, 1..20), lots in 1i64..5_000) {
        // Whole lots, so that the sum of the rounded lines is exact too.
        let p = run(&rates, &[lots * 100], &json!({"method": "differential"}), "line");
        let sum: i64 = p.lines.iter().map(|l| l.minor).sum();
        prop_assert_eq!(sum, rates.iter().max().unwrap() * lots);
        // And line by line: what the highest rate so far rises by.
        let mut highest = 0;
        for (l, r) in p.lines.iter().zip(&rates) {
            prop_assert_eq!(l.minor, (r - highest).max(0) * lots);
            prop_assert_eq!(l.minor == 0, l.reason.is_some());
            highest = highest.max(*r);
        }
    }

    /// 2: with the carry kept, the booked lines are the rounded whole at every moment.
    #[test]
    fn booked_lines_sum_to_the_rounded_exact_sum_at_every_moment(rate in 1i64..900, lots in prop::collection::vec(0i64..200, 1..60)) {
        let p = run(&[rate], &lots, &json!({"method": "differential"}), "carry");
        let (mut booked, mut exact) = (0, 0);
        for (l, lot) in p.lines.iter().zip(&lots) {
            booked += l.minor;
            exact += rate * lot;
            if *lot > 0 {
                prop_assert_eq!(booked, round(exact));
            }
        }
        let single = run(&[rate], &lots, &json!({"method": "differential"}), "line");
        for (l, lot) in single.lines.iter().zip(&lots) {
            prop_assert_eq!(l.minor, round(rate * lot));
        }
    }

    /// 8: a line that pays names its partner, its rule and version, and the rate of every currency it
    /// went through; one that does not pay names its reason.
    #[test]
    fn no_line_pays_without_rule_and_rate(rates in prop::collection::vec(0i64..500, 1..8), lots in 0i64..300, over in 0usize..3) {
        let over = [json!({"method": "differential"}), json!({"method": "percent_of_child", "of": "next", "levels": ["0.3", "0.2"]}), json!(null)][over].clone();
        let p = run(&rates, &[lots], &over, "line");
        for l in &p.lines {
            prop_assert_eq!(l.reason.is_none(), l.explanation.exact != "0");
            if l.reason.is_none() {
                prop_assert!(l.plan.is_some() && l.rule.is_some() && !l.explanation.formula.is_empty());
            } else {
                prop_assert_eq!(l.minor, 0);
            }
        }
        prop_assert!(!p.lines.is_empty(), "a deal of a partner's client always leaves a line");
    }

    /// Never more than the plan: a percentage of a child is at most the child's, when no share is above one.
    #[test]
    fn a_share_of_a_child_never_exceeds_it(rate in 1i64..2_000, lots in 1i64..2_000, shares in prop::collection::vec(0i64..=100, 1..10)) {
        let levels: Vec<String> = shares.iter().map(|s| text(*s)).collect();
        let rates = vec![rate; shares.len() + 1];
        let p = run(&rates, &[lots], &json!({"method": "percent_of_child", "of": "next", "levels": levels}), "line");
        for w in p.lines.windows(2) {
            prop_assert!(w[1].minor <= w[0].minor);
        }
    }
}

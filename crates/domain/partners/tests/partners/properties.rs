//! Properties of tiers, caps and moves over random histories, checked against closed forms in whole
//! hundredths, and of the replay against the feed.

use crate::examples::with;
use proptest::prelude::*;
use qd_kernel::{Currency, Lots, Ts};
use qd_partners::booking::LineKind;
use qd_partners::engine::{self, Hop, Rank, Ranked, State};
use qd_partners::plan::{Plan, PlanRef};
use qd_partners::preview::{Preview, preview};
use qd_partners::{DealFacts, Settings};
use serde_json::{Map, Value, json};
use std::sync::Arc;

fn text(v: i64) -> String {
    format!("{}.{:02}", v / 100, v % 100)
}

fn tiered(kind: &str, thresholds: &[i64], rates: &[i64]) -> Value {
    let thresholds: Vec<String> = thresholds.iter().map(|t| text(*t)).collect();
    let rates: Vec<String> = rates.iter().map(|r| text(*r)).collect();
    json!({"format": 1, "name": "x", "currency": "USD", "rules": [{"id": "base", "pay": "per_lot", "tier": "t", "rates": rates}],
        "tiers": [{"id": "t", "kind": kind, "thresholds": thresholds}], "override": {"method": "differential"}})
}

fn deal(i: usize, lots: i64) -> Value {
    json!({"ticket": format!("{i:04}"), "client": "c", "symbol": "EURUSD", "product_group": "fx", "lots": text(lots), "at": format!("2026-03-{:02}", i % 28 + 1)})
}

fn alone(plan: &Value, deals: &[Value]) -> Preview {
    let p = preview(plan, &json!({"format": 1, "settings": {"rounding": "carry"}, "partners": [{"id": "P"}], "clients": [{"id": "c", "partner": "P"}], "deals": deals})).unwrap();
    assert!(p.stopped.is_empty(), "{:?}", p.stopped);
    p
}

fn sum(p: &Preview) -> i64 {
    p.totals.iter().map(|t| t.minor).sum()
}

/// Ten-thousandths into hundredths, half away from zero.
fn round(v: i64) -> i64 {
    (v.abs() + 50) / 100 * v.signum()
}

/// What a month of this volume earns when each unit is paid at its own band.
fn marginal(lots: i64, thresholds: &[i64], rates: &[i64]) -> i64 {
    let mut from = 0;
    let mut out = 0;
    for (i, r) in rates.iter().enumerate() {
        let to = thresholds.get(i).copied().unwrap_or(i64::MAX).min(lots);
        out += (to - from).max(0) * r;
        from = from.max(to);
    }
    out
}

/// Two thresholds and three rates.
fn bands() -> impl Strategy<Value = (Vec<i64>, Vec<i64>)> {
    (1i64..3_000, 1i64..3_000, prop::collection::vec(0i64..900, 3)).prop_map(|(a, b, r)| (vec![a, a + b], r))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    /// 5: however the volume is cut into deals, a marginal tier pays the same, in any order of the file.
    #[test]
    fn a_marginal_tier_pays_by_volume_not_by_deals((t, r) in bands(), lots in prop::collection::vec(1i64..900, 1..25), turn in 0usize..25) {
        let mut deals: Vec<Value> = lots.iter().enumerate().map(|(i, l)| deal(i, *l)).collect();
        let expected = round(marginal(lots.iter().sum(), &t, &r));
        prop_assert_eq!(sum(&alone(&tiered("marginal", &t, &r), &deals)), expected);
        let n = deals.len();
        deals.rotate_left(turn % n);
        prop_assert_eq!(sum(&alone(&tiered("marginal", &t, &r), &deals)), expected);
    }

    /// 6: at the end a retroactive tier has paid the final rate on all volume, true-ups included.
    #[test]
    fn a_retroactive_tier_pays_the_final_rate_on_all_volume((t, r) in bands(), lots in prop::collection::vec(1i64..900, 1..25)) {
        let deals: Vec<Value> = lots.iter().enumerate().map(|(i, l)| deal(i, *l)).collect();
        let total: i64 = lots.iter().sum();
        let rate = r[t.iter().filter(|x| **x <= total).count()];
        let p = alone(&tiered("retroactive", &t, &r), &deals);
        prop_assert_eq!(sum(&p), round(total * rate));
        let ups = p.lines.iter().filter(|l| l.kind == LineKind::TrueUp).count();
        prop_assert!(ups <= t.len(), "one true-up for each band reached at most");
    }

    /// 9: never more than the cap, and what is above it is told to the last digit.
    #[test]
    fn a_client_costs_at_most_the_cap_and_the_rest_is_recorded(cap in 1i64..50_000, lots in prop::collection::vec(1i64..9_000, 1..20)) {
        let plan = with(json!({"format": 1, "name": "x", "currency": "USD", "rules": [{"id": "base", "pay": "per_lot", "rate": "1"}]}), json!({"caps": {"per_client_month": text(cap)}}));
        let deals: Vec<Value> = lots.iter().enumerate().map(|(i, l)| deal(i, *l)).collect();
        let p = alone(&plan, &deals);
        let asked: i64 = lots.iter().sum();
        prop_assert_eq!(sum(&p), asked.min(cap));
        let above: i64 = p.lines.iter().flat_map(|l| &l.explanation.tested).filter(|t| t.what == "above the cap")
            .map(|t| qd_kernel::parse_fixed(&t.value, 2).unwrap()).sum();
        prop_assert_eq!(above, (asked - cap).max(0));
    }

    /// 11: a move at a time changes nothing with a value date before it.
    #[test]
    fn a_move_changes_nothing_before_it(lots in prop::collection::vec(1i64..900, 2..20), day in 1usize..28) {
        let (one, other) = (tiered("marginal", &[500], &[500, 700]), tiered("marginal", &[900], &[800, 900]));
        let run = |moves: Value| {
            let deals: Vec<Value> = lots.iter().enumerate().map(|(i, l)| deal(i, *l)).collect();
            preview(&json!({"plans": {"a": one, "b": other}}), &json!({"format": 1, "clients": [{"id": "c", "partner": "S"}], "deals": deals,
                "partners": [{"id": "M", "plan": "b"}, {"id": "N", "plan": "b"}, {"id": "S", "plan": "a", "parent": "M", "moves": moves}]})).unwrap()
        };
        let (still, moved) = (run(json!([])), run(json!([{"from": format!("2026-03-{:02}", day + 1), "parent": "N"}])));
        let told = |p: &Preview| p.lines.iter().map(|l| (l.deal.clone(), l.partner.clone(), l.minor)).collect::<Vec<_>>();
        for (i, (a, b)) in told(&still).into_iter().zip(told(&moved)).enumerate() {
            if i / 2 % 28 < day {
                prop_assert_eq!(a, b);
            } else {
                prop_assert_eq!((a.1 == "M", a.1 == "S"), (b.1 == "N", b.1 == "S"));
            }
        }
    }

    /// 12: deals that pay nothing never move a tier.
    #[test]
    fn excluded_and_empty_deals_never_move_a_tier((t, r) in bands(), lots in prop::collection::vec((1i64..900, 0usize..6), 1..25)) {
        let mut plan = tiered("marginal", &t, &r);
        plan["exclusions"] = json!({"min_duration_secs": 60});
        let marks = [json!({}), json!({"technical": true}), json!({"deleted": true}), json!({"lots": "0"}), json!({"excluded": true}), json!({"opened_at": null})];
        let deals: Vec<Value> = lots.iter().enumerate().map(|(i, (l, kind))| {
            let d = with(deal(i, *l), json!({"opened_at": "2026-01-01"}));
            let at = d["at"].clone();
            // The last kind is a scalp: opened in the moment it was closed.
            if *kind == 5 { with(d, json!({"opened_at": at})) } else { with(d, marks[*kind].clone()) }
        }).collect();
        let paid: i64 = lots.iter().filter(|(_, k)| *k == 0).map(|(l, _)| l).sum();
        prop_assert_eq!(sum(&alone(&plan, &deals)), round(marginal(paid, &t, &r)));
    }

    /// The replay of a month pays what the feed paid with its true-ups, and leaves the same running values
    /// whatever the order it is given.
    #[test]
    fn the_replay_pays_what_the_feed_paid((t, r) in bands(), parent in 0i64..1_500, retro in any::<bool>(), lots in prop::collection::vec(1i64..900, 1..20), turn in 0usize..20) {
        let kind = if retro { "retroactive" } else { "marginal" };
        let docs = [tiered(kind, &t, &r), json!({"format": 1, "name": "up", "currency": "USD", "rules": [{"id": "up", "pay": "per_lot", "rate": text(parent)}], "override": {"method": "differential"}})];
        let plans: Map<String, Value> = ["P", "Q"].iter().zip(&docs).map(|(n, d)| ((*n).to_string(), d.clone())).collect();
        let deals: Vec<Value> = lots.iter().enumerate().map(|(i, l)| deal(i, *l)).collect();
        let live = preview(&json!({"plans": plans}), &json!({"format": 1, "settings": {"rounding": "carry"}, "deals": deals, "clients": [{"id": "c", "partner": "P"}],
            "partners": [{"id": "Q", "plan": "Q"}, {"id": "P", "plan": "P", "parent": "Q"}]})).unwrap();

        let hops: Vec<Hop> = ["P", "Q"].iter().zip(&docs).map(|(name, d)| Hop {
            partner: (*name).into(), currency: Currency::USD, blocked: None, country: String::new(), qualified: None,
            plans: vec![Ranked { rank: Rank::Partner, at: PlanRef { plan: (*name).into(), version: 1 }, plan: Arc::new(Plan::read(d).unwrap()) }],
        }).collect();
        let mut facts: Vec<DealFacts> = lots.iter().enumerate().map(|(i, l)| DealFacts {
            server: "file".into(), ticket: format!("{i:04}"), client: "c".into(), symbol: "EURUSD".into(), product_group: Some("fx".into()),
            volume_closed: Lots(l * 1_000_000), at: Ts::from_ymd(2026, 3, u32::try_from(i % 28 + 1).unwrap()), ..DealFacts::default()
        }).collect();
        let mut world = (|_: &DealFacts, _: Ts| hops.clone(), Settings::default());
        let straight = engine::month(&facts, &State::new(), &mut world);
        let n = facts.len();
        facts.rotate_left(turn % n);
        let turned = engine::month(&facts, &State::new(), &mut world);
        prop_assert_eq!(&straight.state, &turned.state);
        for total in &live.totals {
            let exact = straight.lines.iter().flat_map(|l| l.as_ref().unwrap()).filter(|l| l.partner == total.partner)
                .fold(qd_partners::exact::Exact::ZERO, |a, l| a.plus(l.exact));
            prop_assert_eq!(exact.minor(2).unwrap(), total.minor, "{}", &total.partner);
        }
        // What the deals touch is what they said they would.
        let touched: Vec<&engine::Key> = straight.state.cells().map(|(k, _)| k).collect();
        let named: Vec<engine::Key> = facts.iter().flat_map(|d| engine::keys(d, &hops)).collect();
        prop_assert!(touched.iter().all(|k| named.contains(k)));
        let last = facts.iter().max_by_key(|d| (d.at, d.ticket.clone())).unwrap();
        prop_assert!(straight.state.late(last, &named).is_empty());
    }
}

#[test]
fn twenty_levels_are_paid_by_every_method() {
    for (over, sum) in [
        (json!({"method": "differential"}), 2_000),
        (json!({"method": "percent_of_child", "of": "next", "levels": vec!["1"; 19]}), 2_000),
        (json!({"method": "multiplier", "levels": vec!["0.5"; 20]}), 10_500),
        (json!({"method": "pool", "weights": vec!["1"; 20]}), 1_050),
    ] {
        let plans: Map<String, Value> = (1..=20)
            .map(|n| {
                let rules = json!([{"id": "base", "pay": "per_lot", "rate": n.to_string()}]);
                (
                    format!("{n:02}"),
                    json!({"format": 1, "name": "x", "currency": "USD", "rules": rules, "override": over}),
                )
            })
            .collect();
        let partners: Vec<Value> = (1..=20)
            .map(|n| {
                let up = if n < 20 { json!(format!("{:02}", n + 1)) } else { json!(null) };
                json!({"id": format!("{n:02}"), "plan": format!("{n:02}"), "parent": up})
            })
            .collect();
        let p = preview(
            &json!({"plans": plans}),
            &json!({"format": 1, "partners": partners, "clients": [{"id": "c", "partner": "01"}], "deals": [deal(0, 100)]}),
        )
        .unwrap();
        assert_eq!(p.lines.len(), 20, "{over}");
        assert_eq!(p.lines.iter().map(|l| l.minor).sum::<i64>(), sum, "{over}");
        assert_eq!(p.lines[19].level, 20);
    }
}

//! Columns against the engine: whatever the plans and the deals, what is taken into the columns sums
//! to what `engine::lines` says, exactly and rounded, and every line can be told again.

use crate::kit::{day, deal, quote};
use proptest::prelude::*;
use qd_kernel::Currency;
use qd_partners::engine::columns::{Builder, Pushed, Record, SumKey};
use qd_partners::engine::round::Purse;
use qd_partners::engine::{Blocked, BlockedShare, Hop, Rank, Ranked, RoundingPlace, State, lines};
use qd_partners::plan::{Plan, PlanRef};
use qd_partners::{DealFacts, Settings};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

fn hop(partner: &str, currency: Currency, plan: &str, document: &Value, blocked: Option<Blocked>) -> Hop {
    Hop {
        partner: partner.into(),
        currency,
        blocked,
        plans: vec![Ranked {
            rank: Rank::Partner,
            at: PlanRef {
                plan: plan.into(),
                version: 1,
            },
            plan: Arc::new(Plan::read(document).unwrap()),
        }],
        country: String::new(),
        qualified: None,
    }
}

/// Sums by partner and currency from single lines.
fn by_lines(deals: &[(DealFacts, usize)], paths: &[Vec<Hop>], settings: &Settings) -> BTreeMap<SumKey, Purse> {
    let mut out: BTreeMap<SumKey, Purse> = BTreeMap::new();
    for (d, path) in deals {
        let Ok(lines) = lines(d, &paths[*path], settings, &mut State::new()) else {
            continue;
        };
        for l in lines {
            let purse = out.entry((*path as u32 % 2, l.partner.clone(), l.currency)).or_default();
            purse.book(&l, settings.rounding).unwrap();
        }
    }
    out.retain(|_, p| !p.exact.is_zero());
    out
}

#[derive(Clone, Debug)]
struct World {
    paths: Vec<Vec<(usize, bool, Option<Blocked>)>>,
    documents: Vec<Value>,
    deals: Vec<(usize, u8, i64, i64, u8)>,
    settings: Settings,
    grouped: bool,
}

fn decimal() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (0u32..2_000).prop_map(|v| format!("{}.{:02}", v / 100, v % 100)),
        1 => (0u64..9_000_000).prop_map(|v| format!("{}.{:06}", v / 1_000_000, v % 1_000_000)),
        1 => (0u64..999_999_999_999).prop_map(|v| format!("3.{v:012}")),
    ]
}

fn plan_document() -> impl Strategy<Value = Value> {
    let over = prop_oneof![
        1 => Just(json!(null)),
        1 => Just(json!({"method": "fixed"})),
        4 => Just(json!({"method": "differential"})),
        2 => (prop::collection::vec(0u32..=100, 1..4), any::<bool>()).prop_map(|(l, next)| {
            let levels: Vec<String> = l.iter().map(|v| format!("{}.{:02}", v / 100, v % 100)).collect();
            json!({"method": "percent_of_child", "of": if next { "next" } else { "direct" }, "levels": levels})
        }),
    ];
    (
        decimal(),
        decimal(),
        decimal(),
        decimal(),
        over,
        prop_oneof![4 => Just("USD"), 1 => Just("EUR"), 1 => Just("JPY"), 1 => Just("account")],
        prop_oneof![3 => Just(None), 2 => (1i64..600).prop_map(Some)],
        any::<bool>(),
        prop_oneof![4 => Just(None), 1 => Just(Some("0.01"))],
    )
        .prop_map(|(all, metals, raw, level, over, currency, seconds, below_zero, factor)| {
            let mut doc = json!({"format": 1, "name": "x", "currency": currency, "override": over, "rules": [
                {"id": "all", "kind": "per_lot", "rate": all},
                {"id": "metals", "kind": "per_lot", "rate": metals, "scope": {"product_groups": ["metals"]}},
                {"id": "later", "kind": "per_lot", "rate": raw, "scope": {"product_groups": ["metals"], "account_types": ["raw"]}, "valid_from": "2026-03-05"},
            ], "exclusions": {"negative_balance": below_zero}});
            if over == json!({"method": "fixed"})
                && let Some(rules) = doc["rules"].as_array_mut()
            {
                rules.push(json!({"id": "second", "kind": "per_lot", "level": 2, "rate": level}));
                rules.push(json!({"id": "third", "kind": "per_lot", "level": 3, "rate": "0.35"}));
            }
            if let Some(s) = seconds {
                doc["exclusions"]["min_duration_secs"] = json!(s);
            }
            if let Some(f) = factor {
                doc["volume_factors"] = json!([{"account_types": ["raw"], "factor": f}]);
            }
            doc
        })
}

fn world() -> impl Strategy<Value = World> {
    let step = (
        0usize..4,
        prop_oneof![4 => Just(false), 1 => Just(true)],
        prop_oneof![8 => Just(None), 1 => Just(Some(Blocked::PartnerSuspended))],
    );
    (
        prop::collection::vec(prop::collection::vec(step, 1..10), 1..6),
        prop::collection::vec(plan_document(), 4),
        prop::collection::vec((0usize..6, any::<u8>(), 1i64..5_000, 0i64..700, any::<u8>()), 1..60),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(paths, documents, deals, carry, pass_up, grouped)| World {
            paths,
            documents,
            deals,
            settings: Settings {
                rounding: if carry { RoundingPlace::Carry } else { RoundingPlace::Line },
                blocked: if pass_up { BlockedShare::PassUp } else { BlockedShare::Keep },
                ..Settings::default()
            },
            grouped,
        })
}

fn facts(i: usize, kind: u8, hundredths: i64, seconds: i64, odd: u8) -> DealFacts {
    let mut d = deal(&i.to_string(), "c", "0.01", day(3, 1 + u32::from(kind % 9)));
    d.volume_closed = qd_kernel::Lots(hundredths * 1_000_000 + if odd > 250 { i64::from(odd) } else { 0 });
    d.opened_at = Some(d.at.plus_secs(-seconds));
    d.negative_balance = odd.is_multiple_of(7);
    d.currency = [Currency::USD, Currency::EUR][usize::from(odd.is_multiple_of(5))];
    d.account_type = ["std", "raw"][usize::from(kind.is_multiple_of(2))].into();
    d.product_group = (odd != 13).then(|| ["majors", "metals"][usize::from(kind.is_multiple_of(3))].to_string());
    d.technical = odd == 17;
    d.quotes = vec![
        quote(Currency::EUR, Currency::USD, "1.083", d.at),
        quote(Currency::USD, Currency::JPY, "156.25", d.at),
    ];
    d
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn columns_sum_to_the_lines_of_the_engine_to_the_last_digit(w in world()) {
        let paths: Vec<Vec<Hop>> = w.paths.iter().enumerate().map(|(p, steps)| {
            steps.iter().enumerate().map(|(i, (plan, euro, blocked))| {
                let name = if i > 4 { format!("top{i}") } else { format!("p{p}-{i}") };
                hop(&name, if *euro { Currency::EUR } else { Currency::USD }, &format!("plan{plan}"), &w.documents[*plan], *blocked)
            }).collect()
        }).collect();
        let mut b = Builder::new(w.settings.clone(), paths.iter().flatten());
        let ids: Vec<_> = paths.iter().map(|p| b.path(p)).collect();
        let accounts: Vec<_> = ids.iter().enumerate().map(|(i, p)| b.account(*p, i as u32 % 2)).collect();
        let mut taken = Vec::new();
        for (i, (path, kind, lots, seconds, odd)) in w.deals.iter().enumerate() {
            let (d, path) = (facts(i, *kind, *lots, *seconds, *odd), path % paths.len());
            match b.add(&d, accounts[path]) {
                Pushed::Taken => taken.push((d, path)),
                Pushed::Nothing(reason) => {
                    let l = lines(&d, &paths[path], &w.settings, &mut State::new()).unwrap();
                    prop_assert_eq!(l[0].reason, Some(reason));
                }
                Pushed::Stops(code) => prop_assert_eq!(lines(&d, &paths[path], &w.settings, &mut State::new()).unwrap_err().code, code),
                Pushed::Lines(_) => {}
            }
        }
        let month = b.finish(w.grouped);
        prop_assert_eq!(month.deals(), taken.len());
        let wanted = by_lines(&taken, &paths, &w.settings);
        for threads in [1, 2] {
            let sums = month.sums(threads);
            prop_assert_eq!(sums.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>());
            for (k, s) in &sums {
                prop_assert_eq!(s.exact, wanted[k].exact, "{:?}", k);
                prop_assert_eq!(s.minor, wanted[k].booked, "{:?}", k);
            }
        }
    }
}

/// Three partners, two plans, thirty thousand deals: enough for two threads and the quick loop.
#[test]
fn two_threads_written_records_and_told_lines_agree() {
    let rules: Vec<Value> = (1..=3)
        .zip(["7.25", "1.35", "0.15"])
        .map(|(l, rate)| json!({"id": format!("l{l}"), "kind": "per_lot", "level": l, "rate": rate}))
        .collect();
    let document = json!({"format": 1, "name": "x", "currency": "USD", "rules": rules, "override": {"method": "fixed"}});
    let paths: Vec<Vec<Hop>> = (0..20)
        .map(|p| {
            [format!("d{p:02}"), "mid".into(), "top".into()]
                .iter()
                .map(|n| hop(n, Currency::USD, "one", &document, None))
                .collect()
        })
        .collect();
    let settings = Settings::default();
    let mut b = Builder::new(settings.clone(), paths.iter().flatten());
    let ids: Vec<_> = paths.iter().map(|p| b.path(p)).collect();
    let accounts: Vec<_> = (0..100).map(|a| b.account(ids[a % 20], 0)).collect();
    let mut one = facts(0, 1, 1, 0, 1);
    let class = b.class(&one).unwrap();
    let mut wanted: BTreeMap<String, i64> = BTreeMap::new();
    for i in 0..60_000usize {
        let (account, hundredths) = (i * 7_919 % 100, (i % 300 + 1) as i64);
        one.volume_closed = qd_kernel::Lots(hundredths * 1_000_000);
        assert_eq!(b.push(accounts[account], class, one.volume_closed), Pushed::Taken);
        // Cents for a hundredth of a lot, in hundredths of a cent; half a cent rounds up.
        for (who, rate) in [(format!("d{:02}", account % 20), 725), ("mid".into(), 135), ("top".into(), 15)] {
            *wanted.entry(who).or_default() += (rate * hundredths + 50) / 100;
        }
    }
    for grouped in [false, true] {
        let mut again = Builder::new(settings.clone(), paths.iter().flatten());
        let ids: Vec<_> = paths.iter().map(|p| again.path(p)).collect();
        let accounts: Vec<_> = (0..100).map(|a| again.account(ids[a % 20], 0)).collect();
        let class = again.class(&one).unwrap();
        for i in 0..60_000usize {
            again.push(accounts[i * 7_919 % 100], class, qd_kernel::Lots((i % 300 + 1) as i64 * 1_000_000));
        }
        let month = again.finish(grouped);
        assert!(month.is_narrow());
        let sums: BTreeMap<String, i64> = month.sums(2).into_iter().map(|((_, p, _), s)| (p, s.minor)).collect();
        assert_eq!(sums, wanted);
        let (mut first, mut second) = (Vec::new(), Vec::new());
        let lines = month.write_lines(vec![&mut first, &mut second]).unwrap().unwrap();
        assert_eq!(lines, 180_000);
        let mut written: BTreeMap<String, i64> = BTreeMap::new();
        for (i, r) in first
            .chunks_exact(Record::BYTES)
            .chain(second.chunks_exact(Record::BYTES))
            .enumerate()
        {
            let r = Record::read(r.try_into().unwrap());
            let (who, currency) = month.owner(r.owner).unwrap();
            *written.entry(who.to_string()).or_default() += i64::from(r.minor);
            if i % 1_001 == 0 {
                // The line somebody asks about, told by the engine itself.
                let told = month.explain(r.deal as usize).unwrap().unwrap();
                let line = told.iter().find(|l| l.partner == who).unwrap();
                assert_eq!(line.exact.minor(currency.exponent()), Some(i64::from(r.minor)));
                assert!(line.why.formula.contains(" lots x "), "{}", line.why.formula);
            }
        }
        assert_eq!(written, wanted);
    }
}

#[test]
fn what_is_no_straight_line_is_handed_back() {
    let document = json!({"format": 1, "name": "x", "currency": "USD", "rules": [{"id": "all", "kind": "per_lot", "rate": "8"}], "exclusions": {"bonus_share": true}});
    let path = vec![hop("a", Currency::USD, "one", &document, None)];
    let mut b = Builder::new(Settings::default(), &path);
    let p = b.path(&path);
    let a = b.account(p, 0);
    assert_eq!(b.add(&facts(0, 1, 1, 0, 1), a), Pushed::Lines("bonus_share"));
    // A plan that was not announced may look at facts the classes leave out.
    let plain = json!({"format": 1, "name": "x", "currency": "USD", "rules": [{"id": "all", "kind": "per_lot", "rate": "8"}], "exclusions": {"min_duration_secs": 60}});
    let path = vec![hop("a", Currency::USD, "two", &plain, None)];
    let p = b.path(&path);
    let a = b.account(p, 0);
    assert_eq!(b.add(&facts(0, 1, 1, 0, 1), a), Pushed::Lines("plan_not_announced"));
    assert_eq!(b.finish(false).sums(1), BTreeMap::new());
}

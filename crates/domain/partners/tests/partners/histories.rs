//! Random histories, told in any order, with repeats, edits, cancellations, closings and moves with an
//! earlier date: the balances are those of arithmetic that shares no code with the engine. A thousand in
//! all; more with `QD_HISTORIES` (per test).

use crate::corrections::{correct, prepare};
use crate::kit::*;
use crate::tiers::tiered;
use crate::tx;
use qd_kernel::{Currency, Entropy, PageRequest, SeededEntropy, Ts};
use qd_partners::booking::LineKind;
use qd_partners::corrections::{Policy, Request};
use qd_partners::reading::{self, LineFilter, LineView};
use qd_partners::{DealFacts, PlanId, statements};
use qd_testkit::TestDb;
use serde_json::json;
use std::collections::BTreeMap;

const USD: Currency = Currency::USD;
/// Hundredths of a unit per lot.
const RATES: [i64; 3] = [613, 729, 805];
const OTHER: i64 = 537;
const MASTER: i64 = 941;
/// Hundredths of a lot.
const THRESHOLDS: [i64; 2] = [1_000, 2_500];

fn histories() -> u64 {
    std::env::var("QD_HISTORIES").ok().and_then(|n| n.parse().ok()).unwrap_or(200)
}

fn text(hundredths: i64) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// A deal as it stands in the end.
#[derive(Clone, Debug)]
struct Truth {
    at: Ts,
    /// Hundredths of a lot.
    lots: i64,
    deleted: bool,
}

/// Ten-thousandths into hundredths, half away from zero; nothing here is below zero.
fn round(v: i64) -> i64 {
    (v + 50) / 100
}

fn month(at: Ts) -> (i64, u32) {
    let (y, m, _) = at.ymd();
    (y, m)
}

/// What sub, other sub and master are owed.
fn expected(kind: &str, deals: &BTreeMap<(String, String), Truth>, moved: Option<Ts>) -> [i64; 3] {
    let mut order: Vec<(Ts, &(String, String), &Truth)> = deals.iter().map(|(n, d)| (d.at, n, d)).collect();
    order.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)));
    let standing: Vec<&(Ts, &(String, String), &Truth)> = order.iter().filter(|d| !d.2.deleted && d.2.lots > 0).collect();
    let of_sub = |d: &Truth| moved.is_none_or(|m| d.at < m);
    let mut whole: BTreeMap<(i64, u32), i64> = BTreeMap::new();
    for (at, _, d) in &standing {
        if of_sub(d) {
            *whole.entry(month(*at)).or_default() += d.lots;
        }
    }
    let band = |count: i64| THRESHOLDS.iter().filter(|t| **t <= count).count();
    let mut so_far: BTreeMap<(i64, u32), i64> = BTreeMap::new();
    let mut out = [0i64; 3];
    for (at, _, d) in standing {
        let own = if !of_sub(d) {
            OTHER * d.lots
        } else {
            let before = so_far.entry(month(*at)).or_default();
            let start = *before;
            *before += d.lots;
            match kind {
                "flat" => RATES[0] * d.lots,
                "retroactive" => RATES[band(whole[&month(*at)])] * d.lots,
                // Hundredth of a lot by hundredth of a lot: slow, and plainly right.
                _ => (start..start + d.lots).map(|n| RATES[band(n)]).sum(),
            }
        };
        out[usize::from(!of_sub(d))] += round(own);
        out[2] += round(MASTER * d.lots - own);
    }
    out
}

fn below(e: &SeededEntropy, n: u64) -> i64 {
    i64::try_from(e.below(n)).unwrap()
}

async fn one(t: &TestDb, kind: &str, plans: [PlanId; 3], world: u64, moves: bool) {
    let e = SeededEntropy::new(world * 31 + kind.len() as u64);
    let master = make(t, &format!("M{world}"), None, USD, None).await.id;
    let sub = make(t, &format!("S{world}"), Some(master), USD, None).await.id;
    let other = make(t, &format!("O{world}"), Some(master), USD, None).await.id;
    for (p, plan) in [(sub, plans[0]), (other, plans[1]), (master, plans[2])] {
        on_plan(t, p, plan, day(1, 1)).await;
    }
    let client = format!("cli_{world}");
    give(t, &client, Some(sub), day(1, 2)).await;

    let mut news: Vec<DealFacts> = Vec::new();
    let mut truth: BTreeMap<(String, String), Truth> = BTreeMap::new();
    for n in 0..4 + e.below(12) {
        let server = if e.below(2) == 0 { "a" } else { "b" };
        let ticket = format!("w{world}-{n:02}");
        let mut at = day(3, 1).plus_secs(below(&e, 45 * 86_400));
        for revision in 1..=1 + below(&e, 3) {
            if e.below(5) == 0 {
                at = day(3, 1).plus_secs(below(&e, 45 * 86_400));
            }
            let lots = below(&e, 600);
            let mut d = deal(&ticket, &client, &text(lots), at);
            d.server = server.into();
            d.revision = revision;
            d.deleted = e.below(8) == 0;
            truth.insert(
                (server.to_string(), ticket.clone()),
                Truth {
                    at,
                    lots,
                    deleted: d.deleted,
                },
            );
            news.push(d);
        }
    }
    for i in (1..news.len()).rev() {
        news.swap(i, usize::try_from(e.below(i as u64 + 1)).unwrap());
    }
    let again: Vec<DealFacts> = news.iter().filter(|_| e.below(4) == 0).cloned().collect();
    news.extend(again);
    let moved = (moves && e.below(2) == 0).then(|| day(3, 1).plus_secs(below(&e, 45 * 86_400)));
    let (mut close_in, mut move_in) = (1 + below(&e, 12), 1 + below(&e, 12));
    while !news.is_empty() {
        let n = (1 + usize::try_from(e.below(5)).unwrap()).min(news.len());
        book(t, news.drain(..n).collect()).await;
        close_in -= 1;
        move_in -= 1;
        if close_in == 0 {
            tx!(t, |tx, core| statements::close(tx, core, &finance(), sub, USD, day(4, 1)).await).unwrap();
        }
        if let Some(at) = moved
            && (move_in == 0 || (move_in > 0 && news.is_empty()))
        {
            move_in = 0;
            let r = Request::ClientMoved {
                client_id: client.clone(),
                partner: Some(other),
                at_us: at.micros(),
            };
            correct(t, r, Policy::Retier).await;
        }
    }
    let got = [owed(t, sub, USD).await, owed(t, other, USD).await, owed(t, master, USD).await];
    assert_eq!(got, expected(kind, &truth, moved), "{kind} {world}: moved {moved:?}, {truth:#?}");
    if world % 10 == 0 {
        let r = Request::Rebook {
            client_id: Some(client),
            partner_id: None,
            from_us: day(1, 1).micros(),
            to_us: None,
        };
        let c = prepare(t, r, Policy::Retier).await.unwrap();
        assert_eq!(
            (c.preview.retier.deals_changed, c.preview.retier.lines),
            (0, 0),
            "{kind} {world}: recomputed, it is the same"
        );
    }
}

/// Invariants 3 and 8: what is taken back is what was booked, to the last digit, once; what pays names
/// its client, partner, plan, version and rule.
async fn every_line_is_complete_and_every_reversal_exact(t: &TestDb) {
    let mut all: BTreeMap<String, LineView> = BTreeMap::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = PageRequest::new(Some(200), cursor.as_deref()).unwrap();
        let got =
            t.db.read(async move |tx| reading::lines(tx, &finance(), &LineFilter::default(), &page).await)
                .await
                .unwrap();
        all.extend(got.items.into_iter().map(|l| (l.id.to_string(), l)));
        cursor = got.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let mut taken = std::collections::BTreeSet::new();
    for l in all.values() {
        if let Some(id) = l.reverses {
            let old = &all[&id.to_string()];
            assert!(taken.insert(id), "{id} is taken back twice");
            let same = (old.minor, old.currency, old.partner_id, old.value_at, old.lots, &old.rule_id);
            assert_eq!((-l.minor, l.currency, l.partner_id, l.value_at, l.lots, &l.rule_id), same, "{l:#?}");
            assert_eq!(l.explanation["corrects"]["line"], json!(id));
        }
        if l.reason.is_none() && l.kind != LineKind::Reversal {
            assert!(l.plan_id.is_some() && l.plan_version.is_some() && l.rule_id.is_some(), "{l:#?}");
            assert!(!l.explanation["formula"].as_str().unwrap_or_default().is_empty(), "{l:#?}");
            assert_eq!(l.client_id.is_empty(), l.kind == LineKind::TrueUp, "{l:#?}");
        }
    }
    assert!(!taken.is_empty());
}

async fn many(kind: &'static str, moves: bool) {
    let t = TestDb::sqlite().await;
    let rates: Vec<String> = RATES.iter().map(|r| text(*r)).collect();
    let document = if kind == "flat" {
        per_lot(&rates[0], json!(null))
    } else {
        let mut d = tiered(kind, [&rates[0], &rates[1], &rates[2]], "retier");
        d["tiers"][0]["thresholds"] = json!([text(THRESHOLDS[0]), text(THRESHOLDS[1])]);
        d
    };
    let plans = [
        plan(&t, document).await,
        plan(&t, per_lot(&text(OTHER), json!(null))).await,
        plan(&t, per_lot(&text(MASTER), json!({"method": "differential"}))).await,
    ];
    for world in 1..=histories() {
        one(&t, kind, plans, world, moves).await;
    }
    every_line_is_complete_and_every_reversal_exact(&t).await;
    sound(&t).await;
}

#[tokio::test]
async fn flat_rates_in_any_order_with_moves() {
    many("flat", true).await;
}

#[tokio::test]
async fn marginal_tiers_in_any_order() {
    many("marginal", false).await;
}

#[tokio::test]
async fn marginal_tiers_with_moves() {
    many("marginal", true).await;
}

#[tokio::test]
async fn retroactive_tiers_in_any_order() {
    many("retroactive", false).await;
}

#[tokio::test]
async fn retroactive_tiers_with_moves() {
    many("retroactive", true).await;
}

//! Plans with a memory, on both engines: tiers that cross, deals that come late or change, caps, rebates.

use crate::corrections::{correct, get, prepare, preview, work};
use crate::kit::*;
use crate::tx;
use qd_kernel::{Currency, Lots, PageRequest};
use qd_partners::booking::LineKind;
use qd_partners::corrections::{CorrectionState, Policy, Request};
use qd_partners::reading::{self, LineFilter, LineView};
use qd_partners::{DealFacts, PartnerId, rebates, statements};
use qd_testkit::TestDb;
use serde_json::{Value, json};

const USD: Currency = Currency::USD;

pub fn tiered(kind: &str, rates: [&str; 3], corrections: &str) -> Value {
    json!({
        "format": 1, "name": "tiers", "currency": "USD",
        "tiers": [{"id": "volume", "kind": kind, "thresholds": ["100", "300"]}],
        "rules": [{"id": "base", "pay": "per_lot", "tier": "volume", "rates": rates}],
        "override": {"method": "differential"},
        "terms": {"corrections": corrections},
    })
}

/// Sub on a tiered plan, master above at 9 by difference.
async fn two(t: &TestDb, document: Value) -> (PartnerId, PartnerId) {
    let master = make(t, "Master", None, USD, None).await.id;
    let sub = make(t, "Sub", Some(master), USD, None).await.id;
    let (a, b) = (
        plan(t, per_lot("9", json!({"method": "differential"}))).await,
        plan(t, document).await,
    );
    on_plan(t, master, a, day(1, 1)).await;
    on_plan(t, sub, b, day(1, 1)).await;
    give(t, "cli_1", Some(sub), day(1, 2)).await;
    (sub, master)
}

const RATES: [&str; 3] = ["6", "7", "8"];

async fn lines(t: &TestDb, p: PartnerId) -> Vec<LineView> {
    let f = LineFilter {
        partner_id: Some(p),
        ..LineFilter::default()
    };
    t.db.read(async move |tx| reading::lines(tx, &finance(), &f, &PageRequest::new(Some(200), None)?).await)
        .await
        .unwrap()
        .items
}

qd_testkit::both! {
    async fn a_retroactive_threshold_crossed_trues_up_the_child_and_its_parent_in_one_line_each(t: TestDb) {
        // Example 9: 96.40 lots in two deals, then 7.50.
        let (sub, master) = two(&t, tiered("retroactive", RATES, "retier")).await;
        book(&t, vec![deal("1", "cli_1", "50", day(3, 5)), deal("2", "cli_1", "46.40", day(3, 6))]).await;
        assert_eq!((owed(&t, sub, USD).await, owed(&t, master, USD).await), (57_840, 28_920));
        book(&t, vec![deal("3", "cli_1", "7.50", day(3, 7))]).await;
        assert_eq!((owed(&t, sub, USD).await, owed(&t, master, USD).await), (72_730, 20_780));
        let now: Vec<(LineKind, i64, String)> = lines(&t, sub).await.into_iter().filter(|l| l.ticket == "3" || l.kind == LineKind::TrueUp).map(|l| (l.kind, l.minor, l.explanation["formula"].as_str().unwrap().to_string())).collect();
        assert_eq!(now.iter().map(|l| l.1).sum::<i64>(), 14_890);
        let up = now.iter().find(|l| l.0 == LineKind::TrueUp).unwrap();
        assert_eq!((up.1, up.2.as_str()), (9_640, "96.4 lots x (7 - 6) = 96.4 USD"));
        let parent = lines(&t, master).await.into_iter().find(|l| l.kind == LineKind::TrueUp).unwrap();
        assert_eq!(parent.minor, -9_640);
        // The same news again changes nothing.
        book(&t, vec![deal("3", "cli_1", "7.50", day(3, 7))]).await;
        assert_eq!((owed(&t, sub, USD).await, owed(&t, master, USD).await), (72_730, 20_780));
        sound(&t).await;
    }

    async fn an_edit_that_falls_below_the_threshold_takes_the_higher_rate_back(t: TestDb) {
        // Example 11c with the plan's term: looked at again, or as closed.
        for (term, expected) in [("retier", 59_400), ("freeze", 69_300)] {
            let client = format!("cli_{term}");
            let sub = make(&t, term, None, USD, None).await.id;
            let id = plan(&t, tiered("retroactive", RATES, term)).await;
            on_plan(&t, sub, id, day(1, 1)).await;
            give(&t, &client, Some(sub), day(1, 2)).await;
            let d = |n: &str, lots: &str, at| deal(&format!("{term}{n}"), &client, lots, at);
            book(&t, vec![d("1", "60", day(3, 5)), d("2", "39", day(3, 6)), d("3", "2", day(3, 7))]).await;
            assert_eq!(owed(&t, sub, USD).await, 70_700);
            let s = tx!(t, |tx, core| statements::close(tx, core, &finance(), sub, USD, day(4, 1)).await).unwrap();
            let ticket = format!("{term}3");
            let seen = preview(&t, Request::DealCorrected { server: "mt5".into(), ticket, lots: Some(Lots(0)), cancelled: true }).await.unwrap();
            assert_eq!((seen.retier.totals[0].difference_minor, seen.freeze.totals[0].difference_minor), (-11_300, -1_400), "{seen:?}");
            let figure = &seen.retier.per[0];
            assert_eq!((figure.statement_id, figure.old_minor, figure.new_minor), (Some(s.id), 70_700, 59_400));
            book(&t, vec![DealFacts { revision: 2, deleted: true, ..d("3", "2", day(3, 7)) }]).await;
            assert_eq!(owed(&t, sub, USD).await, expected, "{term}");
            let next = tx!(t, |tx, core| statements::close(tx, core, &finance(), sub, USD, day(5, 1)).await).unwrap();
            assert_eq!((next.lines_minor, next.opening_minor + next.adjustments_minor), (0, expected));
            // One that was booked at 6.00 and trued up to 7.00 goes with both.
            book(&t, vec![DealFacts { revision: 2, ..d("2", "29", day(3, 6)) }]).await;
            let (low, high) = (89 * 600, 89 * 700);
            assert_eq!(owed(&t, sub, USD).await, if term == "freeze" { high } else { low }, "{term}");
        }
        sound(&t).await;
    }

    async fn a_marginal_tier_comes_out_the_same_in_any_order(t: TestDb) {
        // Example 8: 96.40 and then 7.50 make 48.90 for the last one.
        let (sub, master) = two(&t, tiered("marginal", RATES, "retier")).await;
        let d = |n: &str, lots: &str, d| deal(n, "cli_1", lots, day(3, d));
        book(&t, vec![d("1", "96.40", 5)]).await;
        book(&t, vec![d("2", "7.50", 7)]).await;
        assert_eq!(owed(&t, sub, USD).await, 57_840 + 4_890);
        // One between them, told late: the last one moves further into the second band.
        book(&t, vec![d("3", "10", 6)]).await;
        let expected = 100 * 600 + 1_390 * 7;
        assert_eq!(owed(&t, sub, USD).await, expected);
        assert_eq!(owed(&t, sub, USD).await + owed(&t, master, USD).await, 11_390 * 9);
        let ups: Vec<LineView> = lines(&t, sub).await.into_iter().filter(|l| l.kind == LineKind::TrueUp).collect();
        assert_eq!(ups.len(), 1, "one line for what the later deal differs by");
        // An edit of the first one, and its end.
        book(&t, vec![DealFacts { revision: 2, ..d("1", "50", 5) }]).await;
        assert_eq!(owed(&t, sub, USD).await, 6_750 * 6);
        book(&t, vec![DealFacts { revision: 3, deleted: true, ..d("1", "50", 5) }]).await;
        assert_eq!(owed(&t, sub, USD).await, 1_750 * 6);
        sound(&t).await;
    }

    async fn a_late_deal_of_a_closed_month_counts_for_its_tier_or_finds_it_as_closed(t: TestDb) {
        // Example 20's last sentence: 99.5 lots at 6.00 closed, then 1.5 lots of March come in April.
        for (term, expected) in [("retier", 70_700), ("freeze", 60_600)] {
            let client = format!("cli_{term}");
            let sub = make(&t, term, None, USD, None).await.id;
            let id = plan(&t, tiered("retroactive", RATES, term)).await;
            on_plan(&t, sub, id, day(1, 1)).await;
            give(&t, &client, Some(sub), day(1, 2)).await;
            let d = |n: &str, lots: &str, at| deal(&format!("{term}{n}"), &client, lots, at);
            book(&t, vec![d("1", "60", day(3, 5)), d("2", "39.5", day(3, 6))]).await;
            tx!(t, |tx, core| statements::close(tx, core, &finance(), sub, USD, day(4, 1)).await).unwrap();
            book(&t, vec![d("3", "1.5", day(3, 31))]).await;
            assert_eq!(owed(&t, sub, USD).await, expected, "{term}");
            // April begins from nothing either way.
            book(&t, vec![d("4", "1", day(4, 2))]).await;
            assert_eq!(owed(&t, sub, USD).await, expected + 600, "{term}");
        }
        sound(&t).await;
    }

    async fn volume_stays_with_the_master_it_was_traded_under(t: TestDb) {
        // Example 12's last sentence: M1's tier keeps what came before the move, M2's starts after it.
        let tier = |rates: [&str; 3]| {
            let mut p = tiered("retroactive", rates, "retier");
            p["tiers"][0]["scope"] = json!("subtree");
            p["tiers"][0]["thresholds"] = json!(["7", "12"]);
            p
        };
        let (m1, m2) = (make(&t, "M1", None, USD, None).await.id, make(&t, "M2", None, USD, None).await.id);
        let s = make(&t, "S", Some(m1), USD, None).await.id;
        for (p, doc) in [(m1, tier(["9", "10", "11"])), (m2, tier(["8.5", "9.5", "10.5"])), (s, per_lot("6", json!({"method": "differential"})))] {
            let id = plan(&t, doc).await;
            on_plan(&t, p, id, day(1, 1)).await;
        }
        give(&t, "cli_1", Some(s), day(1, 2)).await;
        book(&t, vec![deal("T1", "cli_1", "4", day(3, 5)), deal("T2", "cli_1", "3", day(3, 17)), deal("T3", "cli_1", "5", day(3, 20))]).await;
        // 12 lots: M1 in its highest band.
        assert_eq!(owed(&t, m1, USD).await, 12 * 500);
        let c = correct(&t, Request::PartnerMoved { partner_id: s, parent: Some(m2), at_us: day(3, 16).micros() }, Policy::Retier).await;
        assert_eq!([owed(&t, m1, USD).await, owed(&t, m2, USD).await, owed(&t, s, USD).await], [4 * 300, 8 * 350, 7_200]);
        assert_eq!(get(&t, c).await.0.state, CorrectionState::Applied);
        let u = tx!(t, |tx, core| qd_partners::corrections::undo(tx, core, &manager(), c, "back").await).unwrap();
        crate::corrections::decide(&t, finance(), u.id, true).await.unwrap();
        work(&t).await;
        assert_eq!([owed(&t, m1, USD).await, owed(&t, m2, USD).await, owed(&t, s, USD).await], [12 * 500, 0, 7_200]);
        sound(&t).await;
    }

    async fn a_cap_of_a_client_and_month_is_never_exceeded_whatever_comes_late(t: TestDb) {
        // Example 14b: 180.00, 212.40, 160.00, 60.00 under 500.00.
        let sub = make(&t, "Sub", None, USD, None).await.id;
        let mut doc = per_lot("10", json!(null));
        doc["caps"] = json!({"per_client_month": "500"});
        let id = plan(&t, doc).await;
        on_plan(&t, sub, id, day(1, 1)).await;
        give(&t, "cli_1", Some(sub), day(1, 2)).await;
        let d = |n: &str, lots: &str, d| deal(n, "cli_1", lots, day(3, d));
        book(&t, vec![d("1", "18", 5), d("2", "21.24", 6), d("4", "6", 8)]).await;
        assert_eq!(owed(&t, sub, USD).await, 18_000 + 21_240 + 6_000);
        book(&t, vec![d("3", "16", 7)]).await;
        assert_eq!(owed(&t, sub, USD).await, 50_000);
        book(&t, vec![DealFacts { revision: 2, deleted: true, ..d("1", "18", 5) }]).await;
        assert_eq!(owed(&t, sub, USD).await, 21_240 + 16_000 + 6_000);
        sound(&t).await;
    }

    async fn a_clients_rebate_goes_to_the_wallet_once_a_day_and_is_no_deposit(t: TestDb) {
        // Example 18: 100.00 gross, 40.00 to the client, 60.00 to the partner.
        let sub = make(&t, "Sub", None, USD, None).await.id;
        let mut doc = per_lot("8", json!(null));
        doc["client_rebates"] = json!([{"percent": "0.40"}]);
        let id = plan(&t, doc).await;
        on_plan(&t, sub, id, day(1, 1)).await;
        give(&t, "cli_1", Some(sub), day(1, 2)).await;
        book(&t, vec![deal("1", "cli_1", "12.5", day(3, 5))]).await;
        let balance = async |account: qd_ledger::AccountKey| t.db.read(async move |tx| qd_ledger::balance(tx, &account).await).await.unwrap().balance_minor;
        let both = async || (balance(rebates::account("cli_1", USD)).await, balance(qd_ledger::AccountKey::wallet("cli_1", USD)).await);
        assert_eq!((owed(&t, sub, USD).await, both().await), (6_000, (4_000, 0)));
        t.clock.advance_secs(86_400);
        work(&t).await;
        assert_eq!(both().await, (0, 4_000));
        // A correction takes from what comes, not from the wallet.
        book(&t, vec![DealFacts { revision: 2, ..deal("1", "cli_1", "2.5", day(3, 5)) }]).await;
        assert_eq!((owed(&t, sub, USD).await, both().await), (1_200, (-3_200, 4_000)));
        book(&t, vec![deal("2", "cli_1", "20", day(3, 6))]).await;
        t.clock.advance_secs(86_400);
        work(&t).await;
        assert_eq!(both().await, (0, 7_200));
        let s = tx!(t, |tx, core| statements::close(tx, core, &finance(), sub, USD, day(4, 1)).await).unwrap();
        assert_eq!(s.closing_minor, 1_200 + 9_600, "the client's part is not the partner's");
        sound(&t).await;
    }

    async fn many_feeds_at_once_fill_one_tier_as_one_would(t: TestDb) {
        let mut doc = tiered("marginal", RATES, "retier");
        doc["tiers"][0]["thresholds"] = json!(["10", "30"]);
        let (sub, master) = two(&t, doc).await;
        let mut tasks = Vec::new();
        for task in 0..6i64 {
            let core = t.core.clone();
            tasks.push(tokio::spawn(async move {
                for round in 0..4i64 {
                    // Servers whose clocks cross: each batch comes late for somebody.
                    let deals: Vec<DealFacts> = (0..5)
                        .map(|i| DealFacts { server: format!("s{task}"), ..deal(&format!("{round}-{i}"), "cli_1", "0.5", day(3, 5).plus_secs(round * 100 + i * 7 + task)) })
                        .collect();
                    let c = core.clone();
                    core.db.write(async move |tx| qd_partners::booking::book(tx, &c, &deals).await).await.unwrap();
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        // 60 lots: 10 at 6, 20 at 7, 30 at 8; the master has the rest of 9.
        assert_eq!((owed(&t, sub, USD).await, owed(&t, master, USD).await), (44_000, 54_000 - 44_000));
        sound(&t).await;
    }

    async fn a_deal_that_stopped_counts_from_when_it_can_be_said(t: TestDb) {
        let (sub, _) = two(&t, tiered("marginal", RATES, "retier")).await;
        let unmapped = DealFacts { product_group: None, symbol: "NEW".into(), ..deal("1", "cli_1", "60", day(3, 5)) };
        book(&t, vec![unmapped.clone(), deal("2", "cli_1", "60", day(3, 6))]).await;
        assert_eq!(owed(&t, sub, USD).await, 36_000);
        book(&t, vec![DealFacts { product_group: Some("crypto".into()), ..unmapped }]).await;
        assert_eq!(owed(&t, sub, USD).await, 60_000 + 20 * 700);
        let c = prepare(&t, Request::Rebook { client_id: None, partner_id: Some(sub), from_us: day(3, 1).micros(), to_us: None }, Policy::Retier).await.unwrap();
        assert_eq!((c.preview.retier.deals_seen, c.preview.retier.deals_changed, c.preview.retier.lines), (2, 0, 0), "nothing is left to correct");
        // The whole house by the command line: the same answer, until somebody changes a rate behind it.
        let all = Request::Rebook { client_id: None, partner_id: None, from_us: day(3, 1).micros(), to_us: Some(day(4, 1).micros()) };
        let recomputed = async || {
            let all = all.clone();
            tx!(t, |tx, core| qd_partners::corrections::preview(tx, core, &qd_runtime::access::Caller::system("test"), &all, None, Policy::Retier).await).unwrap().retier
        };
        assert_eq!((recomputed().await.deals_seen, recomputed().await.lines), (2, 0));
        give(&t, "cli_1", None, day(3, 6)).await;
        let (seen, now) = (recomputed().await, owed(&t, sub, USD).await);
        assert_eq!((seen.per.iter().find(|f| f.partner_id == sub).map(|f| (f.old_minor, f.new_minor)), now), (Some((74_000, 36_000)), 74_000));
        sound(&t).await;
    }
}

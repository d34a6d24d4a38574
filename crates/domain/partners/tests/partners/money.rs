//! Deals to lines to statements to payouts, on both engines.

use crate::kit::*;
use crate::{store_tampering, tx};
use qd_kernel::{Amount, Currency, Entropy, PageRequest, SeededEntropy, Ts};
use qd_partners::booking::{Booked, DealOutcome, LineKind};
use qd_partners::jobs::{DEAL_JOB, DealHandler, DealName, DealSource, RetryStopped};
use qd_partners::payouts::Way;
use qd_partners::payouts::{self, PayoutState};
use qd_partners::reading::{self, LineFilter};
use qd_partners::{DealFacts, FactKind, PartnerId, booking, plans, statements, tree};
use qd_testkit::TestDb;
use serde_json::json;
use sha2::{Digest, Sha256};

fn differential() -> serde_json::Value {
    json!({"method": "differential"})
}

/// Sub at 8, master above at 10 by difference; the client is the sub's.
async fn two(t: &TestDb, currency: Currency) -> (PartnerId, PartnerId) {
    let master = make(t, "Master", None, currency, None).await.id;
    let sub = make(t, "Sub", Some(master), currency, None).await.id;
    let (a, b) = (
        plan(t, per_lot("10", differential())).await,
        plan(t, per_lot("8", differential())).await,
    );
    on_plan(t, master, a, day(1, 1)).await;
    on_plan(t, sub, b, day(1, 1)).await;
    give(t, "cli_1", Some(sub), day(1, 2)).await;
    (sub, master)
}

async fn lines_of(t: &TestDb, p: PartnerId) -> Vec<reading::LineView> {
    let f = LineFilter {
        partner_id: Some(p),
        ..LineFilter::default()
    };
    let mut all = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let (f, page) = (f.clone(), PageRequest::new(Some(50), cursor.as_deref()).unwrap());
        let got =
            t.db.read(async move |tx| reading::lines(tx, &finance(), &f, &page).await)
                .await
                .unwrap();
        all.extend(got.items);
        cursor = got.next_cursor;
        if cursor.is_none() {
            return all;
        }
    }
}

qd_testkit::both! {
    async fn a_deal_pays_the_chain_once_with_its_story_and_the_totals_move_with_it(t: TestDb) {
        let (sub, master) = two(&t, Currency::USD).await;
        let d = deal("1", "cli_1", "5", day(3, 5));
        assert_eq!(book(&t, vec![d.clone()]).await, [Booked::Paid { lines: 2 }]);
        for _ in 0..2 {
            assert_eq!(book(&t, vec![d.clone(), d.clone()]).await, [Booked::Already, Booked::Already]);
        }
        assert_eq!((owed(&t, sub, Currency::USD).await, owed(&t, master, Currency::USD).await), (4_000, 1_000));
        let l = &lines_of(&t, master).await[0];
        assert_eq!(l.explanation["formula"], "5 lots x 10 USD = 50 USD, less 40 USD earned below = 10 USD");
        assert_eq!((l.level, l.rule_id.as_deref(), l.plan_version), (2, Some("base"), Some(1)));
        let s = t.db.read(async move |tx| reading::summary(tx, &finance(), sub, day(3, 1), day(3, 31)).await).await.unwrap();
        assert_eq!((s.clients, s.money[0].earned_minor, s.money[0].payable_minor), (1, 4_000, 4_000));
        assert_eq!((s.days.len(), s.days[0].lots.text(), s.days[0].deals, s.days[0].minor), (1, "5.00".to_string(), 1, 4_000));
        // The partner opens the same line alone; another one does not see it.
        let entry = l.entry_id.unwrap();
        let e = t.db.read(async move |tx| qd_ledger::entry(tx, entry).await).await.unwrap().unwrap();
        assert_eq!((e.reference.as_str(), e.value_at, e.legs.len()), ("commission:mt5:1:1", day(3, 5), 3));
        sound(&t).await;
    }

    async fn each_kind_of_nothing_is_kept_with_its_reason(t: TestDb) {
        let (sub, _) = two(&t, Currency::USD).await;
        let at = day(3, 5);
        let d = |ticket: &str, client: &str| deal(ticket, client, "1", at);
        let deals = vec![
            DealFacts { technical: true, reason: "migration".into(), ..d("1", "cli_1") },
            DealFacts { kind: FactKind::CancelledTrade, ..d("2", "cli_1") },
            d("3", "cli_nobody"),
            DealFacts { volume_closed: qd_kernel::Lots(0), ..d("4", "cli_1") },
            DealFacts { at: day(1, 1), ..d("5", "cli_1") },
        ];
        let reasons: Vec<String> = book(&t, deals).await.into_iter().map(|b| match b { Booked::Zero { reason } => reason, other => format!("{other:?}") }).collect();
        assert_eq!(reasons, ["technical_deal", "deal_cancelled", "no_partner", "opens_only", "no_partner"]);
        let lines = lines_of(&t, sub).await;
        let mut shown: Vec<_> = lines.iter().filter_map(|l| l.reason.clone()).collect();
        shown.sort();
        assert_eq!(shown, ["deal_cancelled", "technical_deal"]);
        for ticket in ["1", "2", "3", "4", "5"] {
            let seen = t.db.read(async move |tx| booking::deal(tx, "mt5", ticket).await).await.unwrap().unwrap();
            assert_eq!(seen.outcome, DealOutcome::Zero);
        }
        sound(&t).await;
    }

    async fn an_unmapped_symbol_stops_at_an_exception_and_is_paid_once_it_is_mapped(t: TestDb) {
        let (sub, _) = two(&t, Currency::USD).await;
        let unmapped = DealFacts { product_group: None, symbol: "NEW".into(), ..deal("1", "cli_1", "1", day(3, 5)) };
        let booked = book(&t, vec![unmapped.clone(), deal("2", "cli_1", "1", day(3, 5))]).await;
        assert!(matches!(&booked[0], Booked::Stopped { code: "symbol_unmapped", .. }), "{booked:?}");
        assert!(matches!(&booked[1], Booked::Paid { .. }), "the others go on: {booked:?}");
        let waiting = t.db.read(async |tx| booking::stopped(tx, 10).await).await.unwrap();
        assert_eq!(waiting, [("mt5".to_string(), "1".to_string(), 1)]);
        let count = async || {
            t.db.read(async |tx| {
                let f = qd_runtime::exceptions::Filter { kind: Some(booking::STOPPED.into()), state: Some(qd_runtime::exceptions::ExceptionState::Open), ..Default::default() };
                qd_runtime::exceptions::list(tx, &qd_runtime::access::Caller::system("test"), &f, &PageRequest::new(None, None)?).await
            }).await.unwrap().items.len()
        };
        assert_eq!(count().await, 1);
        let p = tx!(t, |tx, core| statements::close(tx, core, &finance(), sub, Currency::USD, day(4, 1)).await).unwrap_err();
        assert_eq!(p.code, "deals_stopped", "no closing over an unexplained trade");
        book(&t, vec![DealFacts { product_group: Some("crypto".into()), ..unmapped }]).await;
        assert_eq!((owed(&t, sub, Currency::USD).await, count().await), (1_600, 0));
        sound(&t).await;
    }

    async fn a_corrected_deal_of_a_closed_month_changes_april_and_not_a_byte_of_march(t: TestDb) {
        // Example 11a and b: 5 lots become 3; EUR wallets, March rate 1.0800, April's 1.1000.
        let (sub, master) = two(&t, Currency::EUR).await;
        let march = |lots: &str, revision, rate: &str| {
            let mut d = deal("1", "cli_1", lots, day(3, 5));
            d.revision = revision;
            d.quotes = vec![quote(Currency::EUR, Currency::USD, rate, day(3, 5))];
            d
        };
        book(&t, vec![march("5", 1, "1.0800")]).await;
        assert_eq!(owed(&t, sub, Currency::EUR).await, 3_704);
        let close = async |p, to: Ts| tx!(t, |tx, core| statements::close(tx, core, &finance(), p, Currency::EUR, to).await);
        let first = close(sub, day(4, 1)).await.unwrap();
        assert_eq!((first.opening_minor, first.lines_minor, first.adjustments_minor, first.closing_minor), (0, 3_704, 0, 3_704));
        close(master, day(4, 1)).await.unwrap();
        let content = async |id| t.db.read(async move |tx| statements::get(tx, &finance(), id).await).await.unwrap();
        let (_, before) = content(first.id).await;
        assert_eq!(hex::encode(Sha256::digest(before.as_bytes())), first.sha256);

        book(&t, vec![march("3", 2, "1.1000")]).await;
        // -37.04 + 22.22 at March's rate, whatever the feed says now.
        assert_eq!(owed(&t, sub, Currency::EUR).await, 2_222);
        assert_eq!(owed(&t, master, Currency::EUR).await, 556);
        // An older revision that comes late changes nothing.
        assert_eq!(book(&t, vec![march("5", 1, "1.0800")]).await, [Booked::Already]);
        let mut kinds: Vec<(LineKind, i64, Ts)> = lines_of(&t, sub).await.into_iter().map(|l| (l.kind, l.minor, l.value_at)).collect();
        kinds.sort();
        assert_eq!(kinds, [(LineKind::Accrual, 2_222, day(3, 5)), (LineKind::Accrual, 3_704, day(3, 5)), (LineKind::Reversal, -3_704, day(3, 5))]);

        let second = close(sub, day(5, 1)).await.unwrap();
        assert_eq!((second.number, second.opening_minor, second.lines_minor, second.adjustments_minor, second.closing_minor), (2, 3_704, 0, -1_482, 2_222));
        assert_eq!(content(first.id).await.1, before, "March's file changed");
        assert_eq!(close(sub, day(5, 1)).await.unwrap_err().code, "period_closed");
        assert_eq!(close(sub, day(12, 31)).await.unwrap_err().code, "period_not_over");
        let csv = statements::csv(&content(second.id).await.1).unwrap();
        assert_eq!(csv.lines().count(), 3);
        assert!(csv.contains(",-37.04,EUR,"), "{csv}");
        for script in store_tampering::CLOSED {
            let p = t.db.run_script(script, script).await.expect_err(script);
            assert_eq!(p.code, "db_check", "{script}");
        }
        sound(&t).await;
    }

    async fn a_cancelled_deal_is_taken_back_to_the_last_cent_and_may_come_back(t: TestDb) {
        let (sub, master) = two(&t, Currency::JPY).await;
        let d = |revision, deleted| DealFacts { revision, deleted, quotes: vec![quote(Currency::USD, Currency::JPY, "156.250", day(3, 5))], ..deal("1", "cli_1", "0.37", day(3, 5)) };
        book(&t, vec![d(1, false)]).await;
        assert_eq!((owed(&t, sub, Currency::JPY).await, owed(&t, master, Currency::JPY).await), (463, 116));
        assert_eq!(book(&t, vec![d(2, true)]).await, [Booked::Zero { reason: "deal_cancelled".into() }]);
        assert_eq!((owed(&t, sub, Currency::JPY).await, owed(&t, master, Currency::JPY).await), (0, 0));
        book(&t, vec![d(3, false)]).await;
        assert_eq!((owed(&t, sub, Currency::JPY).await, owed(&t, master, Currency::JPY).await), (463, 116));
        sound(&t).await;
    }

    async fn a_late_deal_of_a_closed_month_is_paid_at_the_old_rate_on_the_open_statement(t: TestDb) {
        // Example 20: 8.00 until 31 March, 7.00 from 1 April; a March deal that comes in April.
        let sub = make(&t, "Sub", None, Currency::USD, None).await.id;
        let id = plan(&t, per_lot("8", json!(null))).await;
        on_plan(&t, sub, id, day(1, 1)).await;
        let doc = per_lot("7", json!(null));
        tx!(t, |tx, core| plans::save(tx, core, &manager(), Some((id, 1)), None, &doc, day(4, 1), "lower").await).unwrap();
        give(&t, "cli_1", Some(sub), day(1, 2)).await;
        book(&t, vec![deal("1", "cli_1", "1", day(3, 5))]).await;
        tx!(t, |tx, core| statements::close(tx, core, &finance(), sub, Currency::USD, day(4, 1)).await).unwrap();
        book(&t, vec![deal("2", "cli_1", "1.5", day(3, 31)), deal("3", "cli_1", "1.5", day(4, 1))]).await;
        let s = tx!(t, |tx, core| statements::close(tx, core, &finance(), sub, Currency::USD, day(5, 1)).await).unwrap();
        assert_eq!((s.opening_minor, s.lines_minor, s.adjustments_minor), (800, 1_050, 1_200));
        sound(&t).await;
    }

    async fn a_move_of_the_tree_or_of_a_client_changes_nothing_before_its_day(t: TestDb) {
        // Example 12 by close time: S (6) moves from M1 (9) to M2 (8.5) on 16 March.
        let (m1, m2) = (make(&t, "M1", None, Currency::USD, None).await.id, make(&t, "M2", None, Currency::USD, None).await.id);
        let s = make(&t, "S", Some(m1), Currency::USD, None).await.id;
        for (p, rate) in [(m1, "9"), (m2, "8.5"), (s, "6")] {
            let id = plan(&t, per_lot(rate, differential())).await;
            on_plan(&t, p, id, day(1, 1)).await;
        }
        give(&t, "cli_1", Some(s), day(1, 2)).await;
        let deals = [deal("T1", "cli_1", "4", day(3, 5)), deal("T2", "cli_1", "3", day(3, 17)), deal("T3", "cli_1", "5", day(3, 20))];
        book(&t, vec![deals[0].clone()]).await;
        tx!(t, |tx, core| tree::move_partner(tx, core, &manager(), s, Some(m2), day(3, 16), "new contract").await).unwrap();
        // T1 once more, late and edited: still the old tree.
        book(&t, vec![deals[1].clone(), deals[2].clone(), DealFacts { revision: 2, ..deals[0].clone() }]).await;
        let all = async || [owed(&t, m1, Currency::USD).await, owed(&t, m2, Currency::USD).await, owed(&t, s, Currency::USD).await];
        assert_eq!(all().await, [1_200, 2_000, 7_200]);
        give(&t, "cli_1", None, day(3, 25)).await;
        book(&t, vec![deal("T4", "cli_1", "1", day(3, 26)), deal("T5", "cli_1", "1", day(3, 24))]).await;
        assert_eq!(all().await, [1_200, 2_250, 7_800]);
        sound(&t).await;
    }

    async fn payouts_need_two_people_and_the_wallet_gets_what_the_partner_was_owed(t: TestDb) {
        let p = make(&t, "Anna", None, Currency::USD, Some("cli_anna")).await.id;
        let id = plan(&t, per_lot("8", json!(null))).await;
        on_plan(&t, p, id, day(1, 1)).await;
        give(&t, "cli_1", Some(p), day(1, 2)).await;
        book(&t, vec![deal("1", "cli_1", "10", day(3, 5))]).await;
        let usd = |minor| Amount::new(minor, Currency::USD);
        let prepare = async |caller: qd_runtime::access::Caller, minor| tx!(t, |tx, core| payouts::prepare(tx, core, &caller, p, usd(minor)).await);
        assert_eq!(prepare(sales(), 100).await.unwrap_err().code, "right_missing");
        assert_eq!(prepare(elsewhere(), 100).await.unwrap_err().code, "not_found");
        assert_eq!(prepare(finance(), 8_001).await.unwrap_err().code, "insufficient_funds");
        let out = prepare(finance(), 5_000).await.unwrap();
        assert_eq!(prepare(finance(), 3_001).await.unwrap_err().code, "insufficient_funds", "the first one holds its money");
        let decide = async |caller: qd_runtime::access::Caller, id, yes| tx!(t, |tx, core| payouts::decide(tx, core, &caller, id, yes, "checked", json!({"payable": 8_000})).await);
        assert_eq!(decide(finance(), out.id, true).await.unwrap_err().code, "approval_own_request");
        assert_eq!(decide(manager(), out.id, true).await.unwrap_err().code, "right_missing");
        let paid = decide(second_finance(), out.id, true).await.unwrap();
        assert_eq!((paid.state, paid.method), (PayoutState::Paid, Way::Wallet));
        assert_eq!(decide(second_finance(), out.id, true).await.unwrap_err().code, "payout_state");
        let wallet = t.db.read(async |tx| qd_ledger::balance(tx, &qd_ledger::AccountKey::wallet("cli_anna", Currency::USD)).await).await.unwrap();
        assert_eq!((wallet.balance_minor, owed(&t, p, Currency::USD).await), (5_000, 3_000));
        let second = prepare(finance(), 3_000).await.unwrap();
        assert_eq!(decide(second_finance(), second.id, false).await.unwrap().state, PayoutState::Refused);
        assert!(prepare(finance(), 3_000).await.is_ok(), "what was refused is payable again");
        let mine = t.db.read(async |tx| payouts::my_list(tx, &client("cli_anna"), &PageRequest::new(None, None)?).await).await.unwrap();
        assert_eq!(mine.items.len(), 3);
        sound(&t).await;
    }

    async fn a_bank_payout_is_marked_by_hand_and_a_returned_one_is_payable_again(t: TestDb) {
        let (sub, _) = two(&t, Currency::USD).await;
        book(&t, vec![deal("1", "cli_1", "5", day(3, 5))]).await;
        let out = tx!(t, |tx, core| payouts::prepare(tx, core, &finance(), sub, Amount::new(4_000, Currency::USD)).await).unwrap();
        let mark = async || tx!(t, |tx, core| payouts::mark_paid(tx, core, &second_finance(), out.id, "bank-eu", "CAMT 17").await);
        assert_eq!(mark().await.unwrap_err().code, "payout_state");
        let released = tx!(t, |tx, core| payouts::decide(tx, core, &second_finance(), out.id, true, "ok", json!({})).await).unwrap();
        assert_eq!((released.state, owed(&t, sub, Currency::USD).await), (PayoutState::Released, 4_000));
        assert_eq!(mark().await.unwrap().state, PayoutState::Paid);
        assert_eq!(mark().await.unwrap().state, PayoutState::Paid, "said twice, done once");
        assert_eq!(owed(&t, sub, Currency::USD).await, 0);
        let until = t.core.now();
        let first = tx!(t, |tx, core| statements::close(tx, core, &finance(), sub, Currency::USD, until).await).unwrap();
        assert_eq!((first.lines_minor, first.payouts_minor, first.closing_minor), (4_000, -4_000, 0));
        let back = async || tx!(t, |tx, core| payouts::mark_returned(tx, core, &second_finance(), out.id, "account closed").await);
        assert_eq!(back().await.unwrap().state, PayoutState::Returned);
        assert_eq!(back().await.unwrap().state, PayoutState::Returned);
        assert_eq!(owed(&t, sub, Currency::USD).await, 4_000);
        t.clock.advance_secs(60);
        let until = t.core.now();
        let second = tx!(t, |tx, core| statements::close(tx, core, &finance(), sub, Currency::USD, until).await).unwrap();
        assert_eq!((second.opening_minor, second.payouts_minor, second.closing_minor), (0, 4_000, 4_000));
        sound(&t).await;
    }

    async fn any_order_of_news_with_repeats_and_edits_ends_in_the_same_balances(t: TestDb) {
        // One world per way of telling the same story; each has clients and partners of its own.
        let mut ends: Vec<Vec<i64>> = Vec::new();
        for world in 0..4u64 {
            let e = SeededEntropy::new(world);
            let (top, low) = (make(&t, &format!("T{world}"), None, Currency::EUR, None).await.id, ());
            let () = low;
            let sub = make(&t, &format!("S{world}"), Some(top), Currency::EUR, None).await.id;
            for (p, rate) in [(top, "9.37"), (sub, "7.13")] {
                let id = plan(&t, per_lot(rate, differential())).await;
                on_plan(&t, p, id, day(1, 1)).await;
            }
            let client = format!("cli_{world}");
            give(&t, &client, Some(sub), day(1, 2)).await;
            // The story: 30 deals, some edited up to three times, some deleted in the end.
            let story = SeededEntropy::new(99);
            let mut news: Vec<DealFacts> = Vec::new();
            for n in 0..30 {
                for revision in 1..=1 + i64::try_from(story.below(3)).unwrap() {
                    let lots = format!("{}.{:02}", story.below(4), 1 + story.below(99));
                    let mut d = deal(&format!("w{world}-{n}"), &client, &lots, day(3, 5));
                    d.revision = revision;
                    d.deleted = story.below(9) == 0;
                    d.quotes = vec![quote(Currency::EUR, Currency::USD, "1.0837", day(3, 5))];
                    news.push(d);
                }
            }
            if world > 0 {
                // Shuffled, with a third of it told twice.
                for i in (1..news.len()).rev() {
                    news.swap(i, usize::try_from(e.below(i as u64 + 1)).unwrap());
                }
                let again: Vec<DealFacts> = news.iter().filter(|_| e.below(3) == 0).cloned().collect();
                news.extend(again);
            }
            while !news.is_empty() {
                let n = (1 + usize::try_from(e.below(7)).unwrap()).min(news.len());
                book(&t, news.drain(..n).collect()).await;
            }
            ends.push(vec![owed(&t, sub, Currency::EUR).await, owed(&t, top, Currency::EUR).await]);
        }
        assert!(ends[0][0] > 0 && ends[0][1] > 0);
        assert!(ends.iter().all(|e| *e == ends[0]), "{ends:?}");
        sound(&t).await;
    }

    async fn many_feeds_at_once_pay_each_deal_once(t: TestDb) {
        let (sub, master) = two(&t, Currency::USD).await;
        let mut tasks = Vec::new();
        for task in 0..8 {
            let core = t.core.clone();
            tasks.push(tokio::spawn(async move {
                for round in 0..5 {
                    // Two tasks tell each deal; the batches overlap and come in opposite orders.
                    let mut deals: Vec<DealFacts> = (0..10).map(|i| deal(&format!("{}", (task / 2) * 50 + round * 10 + i), "cli_1", "0.1", day(3, 5))).collect();
                    if task % 2 == 1 {
                        deals.reverse();
                    }
                    let c = core.clone();
                    core.db.write(async move |tx| booking::book(tx, &c, &deals).await).await.unwrap();
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!((owed(&t, sub, Currency::USD).await, owed(&t, master, Currency::USD).await), (200 * 80, 200 * 20));
        sound(&t).await;
    }

    async fn the_auditor_finds_what_was_changed_behind_its_back(t: TestDb) {
        let (sub, _) = two(&t, Currency::USD).await;
        book(&t, vec![deal("1", "cli_1", "1.25", day(3, 5))]).await;
        tx!(t, |tx, core| statements::close(tx, core, &finance(), sub, Currency::USD, day(4, 1)).await).unwrap();
        sound(&t).await;
        for (script, kind) in store_tampering::PLANTED {
            t.db.run_script(script, script).await.unwrap();
            let faults = qd_partners::verify::run(&t.db).await.unwrap();
            assert!(faults.iter().any(|f| f.kind == *kind), "{script}: {faults:#?}");
        }
        t.db.run_script(store_tampering::REWRITE_SQLITE, store_tampering::REWRITE_POSTGRES).await.unwrap();
        let faults = qd_partners::verify::run(&t.db).await.unwrap();
        assert!(faults.iter().any(|f| f.kind == "statement_hash"), "{faults:#?}");
    }

    async fn a_backdated_move_is_booked_anew_only_where_it_changes_something(t: TestDb) {
        let (sub, master) = two(&t, Currency::USD).await;
        let other = make(&t, "Other", None, Currency::USD, None).await.id;
        let id = plan(&t, per_lot("8", json!(null))).await;
        on_plan(&t, other, id, day(1, 1)).await;
        book(&t, vec![deal("1", "cli_1", "1", day(3, 1)), deal("2", "cli_1", "1", day(3, 10)), deal("3", "cli_1", "1", day(3, 20))]).await;
        tx!(t, |tx, core| statements::close(tx, core, &finance(), sub, Currency::USD, day(4, 1)).await).unwrap();
        give(&t, "cli_1", Some(other), day(3, 5)).await;
        let again = async |caller: qd_runtime::access::Caller| tx!(t, |tx, core| booking::rebook(tx, core, &caller, "cli_1", day(1, 1), day(5, 1), "signed claim").await);
        assert_eq!(again(sales()).await.unwrap_err().code, "right_missing");
        assert_eq!(again(elsewhere()).await.unwrap_err().code, "entity_not_allowed");
        assert_eq!(again(manager()).await.unwrap(), 2);
        let all = [owed(&t, sub, Currency::USD).await, owed(&t, master, Currency::USD).await, owed(&t, other, Currency::USD).await];
        assert_eq!(all, [800, 200, 1_600]);
        assert_eq!(again(manager()).await.unwrap(), 0, "a second time there is nothing left to change");
        let s = tx!(t, |tx, core| statements::close(tx, core, &finance(), sub, Currency::USD, day(5, 1)).await).unwrap();
        assert_eq!((s.opening_minor, s.adjustments_minor, s.closing_minor), (2_400, -1_600, 800));
        sound(&t).await;
    }

    async fn an_edit_that_changes_no_amount_leaves_the_lines_alone(t: TestDb) {
        let (sub, _) = two(&t, Currency::USD).await;
        let d = |revision, reason: &str| DealFacts { revision, reason: reason.into(), ..deal("1", "cli_1", "1", day(3, 5)) };
        book(&t, vec![d(1, "client")]).await;
        book(&t, vec![d(2, "dealer")]).await;
        assert_eq!(lines_of(&t, sub).await.len(), 1);
        let seen = t.db.read(async |tx| booking::deal(tx, "mt5", "1").await).await.unwrap().unwrap();
        assert_eq!((seen.revision, seen.outcome), (2, DealOutcome::Paid));
        assert_eq!(book(&t, vec![d(2, "dealer"), d(1, "client")]).await, [Booked::Already, Booked::Already]);
        book(&t, vec![DealFacts { deleted: true, ..d(3, "dealer") }]).await;
        assert_eq!(owed(&t, sub, Currency::USD).await, 0);
        sound(&t).await;
    }

    async fn with_the_carry_kept_a_thousand_small_trades_lose_nothing_and_a_correction_neither(t: TestDb) {
        let admin = qd_runtime::access::Caller::staff(qd_runtime::access::StaffId::from_body(9), "Ada", &[qd_runtime::access::Role::SuperAdmin], None, &["*"]);
        tx!(t, |tx, core| qd_runtime::settings::put(tx, core, &admin, "entity:eu", booking::SETTINGS, 0, &json!({"rounding": "carry"}), "contracts").await).unwrap();
        let p = make(&t, "Anna", None, Currency::USD, None).await.id;
        let id = plan(&t, per_lot("5.6", json!(null))).await;
        on_plan(&t, p, id, day(1, 1)).await;
        give(&t, "cli_1", Some(p), day(1, 2)).await;
        for n in 0..10 {
            book(&t, (0..100).map(|i| deal(&format!("{}", n * 100 + i), "cli_1", "0.01", day(3, 5))).collect()).await;
        }
        assert_eq!(owed(&t, p, Currency::USD).await, 5_600);
        // Ten of them were twice as large.
        let larger = (0..10).map(|i| DealFacts { revision: 2, ..deal(&format!("{}", i * 77), "cli_1", "0.02", day(3, 5)) }).collect();
        book(&t, larger).await;
        assert_eq!(owed(&t, p, Currency::USD).await, 5_656);
        sound(&t).await;
    }

    async fn a_release_is_refused_when_corrections_have_eaten_what_was_held(t: TestDb) {
        let (sub, _) = two(&t, Currency::USD).await;
        book(&t, vec![deal("1", "cli_1", "5", day(3, 5))]).await;
        let out = tx!(t, |tx, core| payouts::prepare(tx, core, &finance(), sub, Amount::new(4_000, Currency::USD)).await).unwrap();
        book(&t, vec![DealFacts { revision: 2, deleted: true, ..deal("1", "cli_1", "5", day(3, 5)) }]).await;
        let p = tx!(t, |tx, core| payouts::decide(tx, core, &second_finance(), out.id, true, "ok", json!({})).await).unwrap_err();
        assert_eq!(p.code, "insufficient_funds");
        tx!(t, |tx, core| payouts::decide(tx, core, &second_finance(), out.id, false, "nothing left", json!({})).await).unwrap();
        sound(&t).await;
    }

    async fn the_job_books_what_its_payload_names_and_retries_what_was_stopped(t: TestDb) {
        let (sub, _) = two(&t, Currency::USD).await;
        let source = std::sync::Arc::new(Feed::default());
        let registry = qd_runtime::jobs::Registry::new()
            .add(std::sync::Arc::new(DealHandler::new(t.core.clone(), source.clone())))
            .add(std::sync::Arc::new(RetryStopped::new(t.core.clone(), source.clone())));
        let enqueue = async |kind: &'static str, key: &'static str, payload: serde_json::Value| {
            let now = t.core.now();
            tx!(t, |tx, core| qd_runtime::jobs::enqueue(tx, core, qd_runtime::jobs::NewJob::new(kind, payload.clone(), now).key(key).lane("mt5")).await).unwrap();
        };
        let name = |ticket: &str| json!({"server": "mt5", "ticket": ticket, "revision": 1});
        enqueue(DEAL_JOB, "1", json!({"deals": [name("1"), name("2")]})).await;
        enqueue(DEAL_JOB, "2", json!({"deals": [name("2")]})).await;
        qd_runtime::jobs::run_until_idle(&t.core, &registry).await.unwrap();
        assert_eq!(owed(&t, sub, Currency::USD).await, 800, "ticket 2 waits for its symbol");
        source.mapped.store(true, std::sync::atomic::Ordering::SeqCst);
        enqueue("commission.retry_stopped", "1", json!({})).await;
        qd_runtime::jobs::run_until_idle(&t.core, &registry).await.unwrap();
        assert_eq!(owed(&t, sub, Currency::USD).await, 1_600);
        sound(&t).await;
    }
}

/// Ticket 2 is in a symbol that somebody maps later.
#[derive(Default)]
struct Feed {
    mapped: std::sync::atomic::AtomicBool,
}

#[async_trait::async_trait(?Send)]
impl DealSource for Feed {
    async fn facts(&self, _: &mut qd_db::Tx, deals: &[DealName]) -> qd_kernel::Result<Vec<DealFacts>> {
        let mapped = self.mapped.load(std::sync::atomic::Ordering::SeqCst);
        Ok(deals
            .iter()
            .map(|n| DealFacts {
                product_group: (mapped || n.ticket != "2").then(|| "majors".into()),
                ..deal(&n.ticket, "cli_1", "1", day(3, 5))
            })
            .collect())
    }
}

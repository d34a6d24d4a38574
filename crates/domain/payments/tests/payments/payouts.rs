use crate::world::*;
use qd_kernel::{Amount, Currency};
use qd_payments::WithdrawalId;
use qd_payments::deposit::DepositView;
use qd_payments::withdrawal::{self, LegState, WithdrawalState as S, WithdrawalView};
use qd_runtime::access::{Caller, Role};
use qd_runtime::jobs::{Worker, WorkerOptions};
use qd_sandbox::FaultKind;
use qd_testkit::{TestDb, both, wait_until};
use serde_json::json;

/// A client whose withdrawals pass: deposits of these sums by card, each some time apart.
async fn funded(t: TestDb, sums: &[i64]) -> (World, Vec<DepositView>) {
    funded_by(t, sums, VISA).await
}

async fn funded_by(t: TestDb, sums: &[i64], card: &str) -> (World, Vec<DepositView>) {
    let w = World::new(t).await;
    let mut all = Vec::new();
    for minor in sums {
        let d = w.redirected(ALEX, *minor, None).await;
        w.pay_with(&d, card, "success").await;
        w.hooks().await;
        all.push(w.deposit(d.id).await);
        // Last deposit long ago: nothing to be suspicious about.
        w.pass(8 * 86_400).await;
    }
    (w, all)
}

fn legs(v: &WithdrawalView) -> Vec<(String, i64, LegState)> {
    v.legs.iter().map(|l| (l.kind.clone(), l.amount.minor, l.state)).collect()
}

async fn paid_out(w: &World, minor: i64) -> WithdrawalView {
    let r = w.withdraw(ALEX, minor, None).await.unwrap();
    w.work().await;
    w.withdrawal(r.id).await
}

async fn bank(
    w: &World,
    id: WithdrawalId,
    n: i64,
    paid: bool,
    reference: &'static str,
) -> std::result::Result<WithdrawalView, qd_kernel::Problem> {
    w.staff_does(async move |tx, core| withdrawal::mark_bank_leg(tx, core, &staff("Fin", Role::Finance), id, n, paid, reference).await)
        .await
}

async fn refunds_made(w: &World) -> usize {
    let v = w.control("GET", &format!("/stripe/{PSP}/events"), json!({})).await;
    v["events"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|e| e["type"] == "refund.created")
        .count()
}

both! {
    async fn money_goes_back_to_the_oldest_source_first_and_no_more_than_came_from_it(t: TestDb) {
        let (w, d) = funded(t, &[50_000, 30_000]).await;
        let v = w.withdraw(ALEX, 60_000, None).await.unwrap();
        let plan = w.core.db.read(async move |tx| withdrawal::plan(tx, &Caller::system("test"), v.id).await).await.unwrap();
        assert_eq!(plan.iter().map(|p| (p.amount.minor, p.deposit_id.clone())).collect::<Vec<_>>(), [(50_000, Some(d[0].id.to_string())), (10_000, Some(d[1].id.to_string()))]);
        w.work().await;
        // Above what passes by itself.
        w.withdrawal_is(v.id, S::Review).await;
        w.approve("Fin", Role::Finance, v.id).await.unwrap();
        w.work().await;
        let v = w.withdrawal_is(v.id, S::Paid).await;
        assert_eq!(legs(&v), [("refund".to_string(), 50_000, LegState::Paid), ("refund".to_string(), 10_000, LegState::Paid)]);
        w.hooks().await;
        assert_eq!((w.wallet(ALEX).await, w.paying(ALEX).await, w.at_provider().await), (20_000, 0, 20_000));
        let second = paid_out(&w, 20_000).await;
        assert_eq!(legs(&second), [("refund".to_string(), 20_000, LegState::Paid)]);
        assert_eq!(second.legs[0].deposit_id, Some(d[1].id.to_string()));
        assert_eq!((w.money(ALEX).await, w.at_provider().await), (0, 0));
        w.finish().await;
    }

    async fn profit_goes_by_bank_and_finance_says_when_it_has_left_or_come_back(t: TestDb) {
        let (w, _) = funded(t, &[20_000]).await;
        w.give(ALEX, 15_000).await;
        let v = paid_out(&w, 30_000).await;
        // Not all of it goes to a source: a person looks.
        assert_eq!((v.state, v.signals.as_slice()), (S::Review, &["no_rule_lets_it_pass".to_string()][..]));
        w.approve("Fin", Role::Finance, v.id).await.unwrap();
        w.work().await;
        let v = w.withdrawal_is(v.id, S::Paying).await;
        assert_eq!(legs(&v), [("refund".to_string(), 20_000, LegState::Paid), ("bank".to_string(), 10_000, LegState::Planned)]);
        assert_eq!((w.paying(ALEX).await, w.exceptions().await), (10_000, vec!["withdrawal.bank_transfer".to_string()]));
        let p = w.staff_does(async move |tx, core| withdrawal::cancel(tx, core, &client_caller(ALEX), v.id).await).await.unwrap_err();
        assert_eq!(p.code, "withdrawal_not_cancellable");
        assert_eq!(bank(&w, v.id, 1, true, "x").await.unwrap_err().code, "leg_not_by_bank");
        assert_eq!(bank(&w, v.id, 2, true, "line\nbreak").await.unwrap_err().code, "reference_malformed");
        for _ in 0..2 {
            bank(&w, v.id, 2, true, "SEPA 4711").await.unwrap();
        }
        w.withdrawal_is(v.id, S::Paid).await;
        let at_bank = w.balance("psp:bank-eu", qd_ledger::Purpose::Clearing, Currency::EUR).await.balance_minor;
        assert_eq!((w.paying(ALEX).await, at_bank, w.money(ALEX).await), (0, 10_000, 5_000));
        assert!(w.exceptions().await.is_empty());
        // The bank sends it back a week later.
        for _ in 0..2 {
            bank(&w, v.id, 2, false, "account closed").await.unwrap();
        }
        let v = w.withdrawal_is(v.id, S::Returned).await;
        assert_eq!((v.reason_code.as_deref(), w.wallet(ALEX).await), (Some("payout_returned"), 15_000));
        assert_eq!(w.exceptions().await, ["withdrawal.returned"]);
        w.hooks().await;
        w.finish().await;
    }

    async fn a_refund_that_fails_later_comes_back_to_the_wallet(t: TestDb) {
        let (w, d) = funded(t, &[50_000]).await;
        let v = paid_out(&w, 20_000).await;
        assert_eq!(v.state, S::Paid);
        w.hooks().await;
        w.stripe(&format!("refund/{}/fail", v.legs[0].provider_ref.clone().unwrap()), json!({})).await;
        w.hooks().await;
        let v = w.withdrawal_is(v.id, S::Returned).await;
        assert_eq!((v.legs[0].state, v.legs[0].failure_code.as_deref()), (LegState::Returned, Some("lost_or_stolen_card")));
        assert_eq!((w.wallet(ALEX).await, w.available(ALEX).await, w.at_provider().await), (50_000, 50_000, 50_000));
        assert_eq!(w.deposit(d[0].id).await.returned.minor, 0);
        assert_eq!((w.exceptions().await, w.events("withdrawal.returned").len()), (vec!["withdrawal.returned".to_string()], 1));
        w.finish().await;
    }

    async fn a_card_that_takes_no_refund_is_found_out_by_the_callback_alone(t: TestDb) {
        let (w, _) = funded_by(t, &[50_000], "4000000000005126").await;
        let v = paid_out(&w, 20_000).await;
        assert_eq!(v.state, S::Paid);
        w.clock.advance_secs(3);
        w.until("the refund to fail", 3, async || {
            w.hooks().await;
            (w.withdrawal(v.id).await.state == S::Returned).then_some(())
        })
        .await;
        assert_eq!((w.wallet(ALEX).await, w.at_provider().await), (50_000, 50_000));
        w.finish().await;
    }

    async fn a_refund_that_takes_a_while_holds_up_no_other_and_is_followed_to_its_end(t: TestDb) {
        let (w, _) = funded_by(t, &[20_000], "4000000000007726").await;
        let d = w.redirected(ALEX, 30_000, None).await;
        w.pay(&d).await;
        w.hooks().await;
        w.pass(8 * 86_400).await;
        for _ in 0..8 {
            w.order("stripe", "webhook", FaultKind::Lost);
        }
        let v = paid_out(&w, 40_000).await;
        assert_eq!(legs(&v), [("refund".to_string(), 20_000, LegState::Pending), ("refund".to_string(), 20_000, LegState::Paid)]);
        assert_eq!((v.state, w.paying(ALEX).await), (S::Paying, 20_000));
        w.until("the refund to arrive", 15, async || (w.withdrawal(v.id).await.state == S::Paid).then_some(())).await;
        w.calm();
        assert_eq!((w.paying(ALEX).await, w.at_provider().await), (0, 10_000));
        w.finish().await;
    }

    async fn a_refused_refund_gives_the_money_back_to_the_wallet(t: TestDb) {
        let (w, _) = funded(t, &[50_000]).await;
        w.order_with("stripe", "refunds.create", FaultKind::Refuse, None, Some("charge_disputed"));
        let v = paid_out(&w, 20_000).await;
        assert_eq!((v.state, v.reason_code.as_deref()), (S::Returned, Some("payout_failed")));
        assert_eq!((w.wallet(ALEX).await, w.available(ALEX).await, w.at_provider().await), (50_000, 50_000, 50_000));
        assert_eq!(w.exceptions().await, ["withdrawal.returned"]);
        w.finish().await;
    }

    async fn every_way_to_lose_the_answer_to_a_refund_makes_one_refund(t: TestDb) {
        let (w, _) = funded(t, &[90_000]).await;
        let mut left = 90_000;
        for (i, (kind, delay)) in [(FaultKind::DropBefore, None), (FaultKind::DropAfter, None), (FaultKind::Slow, Some(TOO_SLOW_MS)), (FaultKind::Garbage, None)].into_iter().enumerate() {
            for _ in 0..8 {
                w.order("stripe", "webhook", FaultKind::Lost);
            }
            w.order_with("stripe", "refunds.create", kind, delay, None);
            let v = paid_out(&w, 10_000).await;
            assert_eq!((v.state, legs(&v)[0].2, w.paying(ALEX).await), (S::Paying, LegState::Sending, 10_000), "{kind:?}");
            w.until("the refund", 5, async || (w.withdrawal(v.id).await.state == S::Paid).then_some(())).await;
            w.calm();
            left -= 10_000;
            assert_eq!((w.at_provider().await, w.money(ALEX).await, refunds_made(&w).await), (left, left, i + 1), "{kind:?}");
        }
        assert!(w.exceptions().await.is_empty(), "{:?}", w.exceptions().await);
        w.finish().await;
    }

    async fn a_provider_that_is_away_for_ten_hours_gets_its_refund_once(t: TestDb) {
        let (w, _) = funded(t, &[50_000]).await;
        w.order("stripe", "*", FaultKind::Down);
        let v = paid_out(&w, 20_000).await;
        for _ in 0..20 {
            w.pass(1_800).await;
        }
        assert_eq!(w.withdrawal(v.id).await.state, S::Paying);
        w.calm();
        w.until("the refund", 300, async || (w.withdrawal(v.id).await.state == S::Paid).then_some(())).await;
        w.hooks().await;
        assert_eq!((refunds_made(&w).await, w.at_provider().await), (1, 30_000));
        w.finish().await;
    }

    async fn an_outcome_nobody_could_learn_is_settled_by_a_person_and_the_providers_word(t: TestDb) {
        let (w, _) = funded(t, &[50_000]).await;
        let settle = async |id, provider_ref: Option<String>| {
            w.staff_does(async move |tx, core| withdrawal::settle_unclear_leg(tx, core, &staff("Fin", Role::Finance), id, 1, provider_ref.as_deref(), "asked the provider by telephone").await).await
        };
        for made in [false, true] {
            for _ in 0..12 {
                w.order("stripe", "webhook", FaultKind::Lost);
            }
            w.order("stripe", "refunds.create", if made { FaultKind::DropAfter } else { FaultKind::DropBefore });
            w.order("stripe", "refunds.create", FaultKind::Down);
            let v = paid_out(&w, 20_000).await;
            assert_eq!(settle(v.id, None).await.unwrap_err().code, "leg_not_unclear", "it is still being asked about");
            for _ in 0..50 {
                w.pass(1_800).await;
            }
            assert_eq!((w.exceptions().await, w.paying(ALEX).await), (vec!["withdrawal.unclear".to_string()], 20_000));
            w.calm();
            w.pass(3_600).await;
            assert_eq!(refunds_made(&w).await, usize::from(made), "never sent again");
            if made {
                let events = w.control("GET", &format!("/stripe/{PSP}/events"), json!({})).await;
                let refund = events["events"].as_array().unwrap().iter().find(|e| e["type"] == "refund.created").unwrap()["object"].as_str().unwrap().to_string();
                settle(v.id, Some(refund)).await.unwrap();
                w.work().await;
                w.withdrawal_is(v.id, S::Paid).await;
                assert_eq!((w.at_provider().await, w.money(ALEX).await), (30_000, 30_000));
            } else {
                settle(v.id, None).await.unwrap();
                w.withdrawal_is(v.id, S::Returned).await;
                assert_eq!((w.at_provider().await, w.available(ALEX).await), (50_000, 50_000));
                let e = w.open_exceptions().await.into_iter().find(|e| e.kind == "withdrawal.returned").unwrap();
                w.staff_does(async move |tx, core| qd_runtime::exceptions::resolve_by(tx, core, &staff("Fin", Role::Finance), e.id, "told the client").await).await.unwrap();
            }
        }
        assert!(w.exceptions().await.is_empty());
        w.finish().await;
    }

    async fn two_payouts_at_once_never_return_more_to_a_card_than_came_from_it(t: TestDb) {
        let (w, d) = funded(t, &[30_000]).await;
        w.give(ALEX, 30_000).await;
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(w.withdraw(ALEX, 20_000, None).await.unwrap().id);
        }
        let busy = Worker::start_with(w.core.clone(), w.registry.clone(), WorkerOptions::new("crowd", 16));
        // Who met another one comes again after a moment, so time passes.
        let decided = async || {
            w.clock.advance_secs(1);
            let mut n = 0;
            for id in &ids {
                let v = w.withdrawal(*id).await;
                let waits_for_bank = v.state == S::Paying && v.legs.iter().all(|l| l.kind == "bank" || l.state == LegState::Paid);
                n += usize::from(v.state == S::Paid || v.state == S::Review || waits_for_bank);
            }
            n == 3
        };
        wait_until("all three to be decided and paid", decided).await;
        for id in &ids {
            if w.withdrawal(*id).await.state == S::Review {
                w.approve("Fin", Role::Finance, *id).await.unwrap();
            }
        }
        let left = async || {
            w.clock.advance_secs(1);
            let mut bank_legs = Vec::new();
            for id in &ids {
                let v = w.withdrawal(*id).await;
                if v.state != S::Paid && v.state != S::Paying {
                    return None;
                }
                if v.state == S::Paying && (v.legs.is_empty() || v.legs.iter().any(|l| l.kind == "refund" && l.state != LegState::Paid)) {
                    return None;
                }
                bank_legs.extend(v.legs.iter().filter(|l| l.kind == "bank").map(|l| (*id, l.n)));
            }
            Some(bank_legs)
        };
        let bank_legs = qd_testkit::wait_for("the refunds to be paid", left).await;
        busy.stop().await;
        for (id, n) in bank_legs {
            bank(&w, id, n, true, "SEPA").await.unwrap();
        }
        w.hooks().await;
        for id in &ids {
            w.withdrawal_is(*id, S::Paid).await;
        }
        assert_eq!((w.deposit(d[0].id).await.returned, w.at_provider().await, w.money(ALEX).await), (Amount::new(30_000, Currency::EUR), 0, 0));
        w.finish().await;
    }
}

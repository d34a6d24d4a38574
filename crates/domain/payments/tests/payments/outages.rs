use crate::world::*;
use qd_payments::deposit::DepositState;
use qd_sandbox::FaultKind;
use qd_testkit::{TestDb, both};
use serde_json::json;

both! {
    async fn every_way_to_lose_the_answer_at_opening_makes_one_session(t: TestDb) {
        let w = World::new(t).await;
        let mut sum = 0;
        for (kind, delay) in [(FaultKind::DropBefore, None), (FaultKind::DropAfter, None), (FaultKind::Slow, Some(TOO_SLOW_MS)), (FaultKind::Garbage, None)] {
            w.order_with("stripe", "checkout.sessions.create", kind, delay, None);
            let d = w.wish(ALEX, 20_000, None).await.unwrap();
            w.work().await;
            assert_eq!(w.deposit(d.id).await.state, DepositState::Created, "{kind:?}");
            if kind == FaultKind::Garbage {
                assert_eq!(w.exceptions().await, ["psp.answer_unreadable"], "kept for a person, not guessed");
            }
            w.until("the session", 5, async || (w.deposit(d.id).await.state == DepositState::Redirected).then_some(())).await;
            w.pay(&d).await;
            w.hooks().await;
            sum += 20_000;
            assert_eq!((w.deposit(d.id).await.state, w.wallet(ALEX).await), (DepositState::Posted, sum), "{kind:?}");
        }
        assert!(w.exceptions().await.is_empty());
        let v = w.control("GET", &format!("/stripe/{PSP}/events"), json!({})).await;
        let made = v["events"].as_array().unwrap().iter().filter(|e| e["type"] == "checkout.session.completed").count();
        assert_eq!(made, 4);
        w.finish().await;
    }

    async fn a_provider_that_refuses_a_session_fails_the_deposit_with_its_code(t: TestDb) {
        let w = World::new(t).await;
        w.order_with("stripe", "checkout.sessions.create", FaultKind::Refuse, None, Some("amount_too_large"));
        let d = w.wish(ALEX, 20_000, None).await.unwrap();
        w.work().await;
        let v = w.deposit(d.id).await;
        assert_eq!((v.state, v.failure_code.as_deref(), v.try_another), (DepositState::Failed, Some("amount_too_large"), true));
        w.finish().await;
    }

    async fn a_provider_that_is_away_for_five_minutes_still_gives_a_session(t: TestDb) {
        let w = World::new(t).await;
        w.order("stripe", "*", FaultKind::Down);
        let d = w.wish(ALEX, 20_000, None).await.unwrap();
        for _ in 0..10 {
            w.pass(30).await;
        }
        w.calm();
        w.until("the session", 30, async || (w.deposit(d.id).await.state == DepositState::Redirected).then_some(())).await;
        w.pay(&d).await;
        w.hooks().await;
        assert_eq!(w.wallet(ALEX).await, 20_000);
        w.finish().await;
    }

    async fn a_provider_that_is_away_for_longer_than_anybody_waits_fails_the_deposit(t: TestDb) {
        let w = World::new(t).await;
        w.order("stripe", "*", FaultKind::Down);
        let d = w.wish(ALEX, 20_000, None).await.unwrap();
        for _ in 0..10 {
            w.pass(200).await;
        }
        let v = w.deposit(d.id).await;
        assert_eq!((v.state, v.failure_code.as_deref(), v.try_another), (DepositState::Failed, Some("provider_unavailable"), true));
        w.calm();
        w.finish().await;
    }

    async fn every_way_to_lose_the_answer_at_the_check_is_asked_again(t: TestDb) {
        let w = World::new(t).await;
        let mut sum = 0;
        for (kind, delay) in [(FaultKind::DropBefore, None), (FaultKind::DropAfter, None), (FaultKind::Slow, Some(TOO_SLOW_MS)), (FaultKind::Garbage, None)] {
            let d = w.redirected(ALEX, 20_000, None).await;
            for _ in 0..8 {
                w.order_with("stripe", "checkout.sessions.retrieve", kind, delay, None);
            }
            w.pay(&d).await;
            w.hooks().await;
            assert_eq!(w.deposit(d.id).await.state, DepositState::Redirected, "{kind:?}");
            w.calm();
            w.until("a clear answer", 5, async || (w.deposit(d.id).await.state == DepositState::Posted).then_some(())).await;
            sum += 20_000;
            assert_eq!(w.wallet(ALEX).await, sum, "{kind:?}");
        }
        assert!(w.exceptions().await.is_empty(), "{:?}", w.exceptions().await);
        w.finish().await;
    }

    async fn a_provider_that_is_away_for_a_day_is_asked_until_it_answers(t: TestDb) {
        let w = World::new(t).await;
        let d = w.redirected(ALEX, 20_000, None).await;
        // Paid, and then nothing of the provider can be reached: no callback, no answer.
        for _ in 0..12 {
            w.order("stripe", "webhook", FaultKind::Lost);
        }
        w.pay(&d).await;
        w.hooks().await;
        w.order("stripe", "*", FaultKind::Down);
        for _ in 0..48 {
            w.pass(1_800).await;
        }
        assert_eq!(w.deposit(d.id).await.state, DepositState::Redirected);
        w.calm();
        w.until("the answer", 300, async || (w.deposit(d.id).await.state == DepositState::Posted).then_some(())).await;
        assert_eq!(w.wallet(ALEX).await, 20_000);
        w.finish().await;
    }

    async fn a_payment_that_nobody_ends_goes_to_a_person_after_a_week(t: TestDb) {
        let w = World::new(t).await;
        let d = w.redirected(ALEX, 20_000, None).await;
        w.pay_with(&d, VISA, "processing").await;
        w.hooks().await;
        for _ in 0..100 {
            w.pass(7_200).await;
        }
        assert_eq!(w.deposit(d.id).await.state, DepositState::Pending);
        assert_eq!(w.exceptions().await, ["deposit.no_answer"]);
        // It is taken all the same when it comes.
        w.pay_with(&d, VISA, "success").await;
        w.hooks().await;
        assert_eq!((w.deposit(d.id).await.state, w.wallet(ALEX).await), (DepositState::Posted, 20_000));
        assert!(w.exceptions().await.is_empty());
        w.finish().await;
    }
}

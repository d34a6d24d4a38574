//! A node dies in the middle of a call to somebody else; the next one takes over.

use crate::world::*;
use qd_payments::deposit::DepositState;
use qd_payments::withdrawal::{LegState, WithdrawalState};
use qd_sandbox::FaultKind;
use qd_testkit::{TestDb, both};
use qd_trading::MoveState;
use serde_json::json;

/// Kills a second node as soon as the fault that was ordered is being felt.
async fn die(w: &World) {
    let (sandbox, base, facts, env) = (w.sandbox.clone(), w.base.clone(), w.facts.clone(), w.core.env.clone());
    w.kill_when(
        move |core| node(&core, &sandbox, &base, &facts, &env),
        async || w.sandbox.shared().faults.list().is_empty(),
    )
    .await;
}

both! {
    async fn a_node_that_dies_at_each_call_of_a_deposit_and_a_withdrawal_doubles_and_loses_nothing(t: TestDb) {
        let w = World::new(t).await;
        let a = w.account(ALEX).await;
        let slow = |provider: &str, target: &str| {
            w.order_with(provider, target, FaultKind::Slow, Some(1_000), None);
        };

        // While the provider opens the session.
        slow("stripe", "checkout.sessions.create");
        let d = w.wish(ALEX, 50_000, Some(a.id)).await.unwrap();
        die(&w).await;
        assert_eq!(w.deposit(d.id).await.state, DepositState::Created);
        w.take_over().await;
        w.until("the session", 5, async || (w.deposit(d.id).await.state == DepositState::Redirected).then_some(())).await;

        // While the platform books the credit.
        for _ in 0..12 {
            w.order("stripe", "webhook", FaultKind::Lost);
        }
        w.pay(&d).await;
        w.calm();
        w.clock.advance_secs(20);
        slow("mt5", "trade/balance");
        die(&w).await;
        assert_eq!(w.move_of(format!("deposit:{}", d.id)).await, MoveState::Sending);
        assert_eq!((w.money(ALEX).await, w.at_provider().await), (50_000, 50_000));
        w.take_over().await;
        w.until("the credit", 5, async || (w.deposit(d.id).await.state == DepositState::Posted).then_some(())).await;
        w.agree(&a).await;
        assert_eq!(w.on_server(&a), 50_000);

        // While the platform takes the money off.
        w.traded(&a).await;
        let before = w.on_server(&a);
        slow("mt5", "trade/balance");
        let r = w.withdraw(ALEX, 20_000, Some(a.id)).await.unwrap();
        die(&w).await;
        assert_eq!(w.move_of(format!("withdrawal:{}", r.id)).await, MoveState::Sending);
        slow("stripe", "refunds.create");
        w.clock.advance_secs(61);
        // Taken over by one that dies while the provider makes the refund: events are delivered
        // here, jobs are done there.
        let bare = qd_runtime::jobs::Registry::new();
        for _ in 0..40 {
            if w.sandbox.shared().faults.list().is_empty() {
                break;
            }
            let (sandbox, base, facts, env) = (w.sandbox.clone(), w.base.clone(), w.facts.clone(), w.core.env.clone());
            let (core, done) = (qd_runtime::Core::new(w.core.db.clone(), w.core.env.clone()), std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false)));
            let rt = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            let flag = done.clone();
            rt.spawn(async move {
                let registry = node(&core, &sandbox, &base, &facts, &env);
                let _ = qd_runtime::jobs::run_until_idle(&core, &registry).await;
                flag.store(true, std::sync::atomic::Ordering::SeqCst);
            });
            qd_testkit::wait_until("idle or at the refund", async || done.load(std::sync::atomic::Ordering::SeqCst) || w.sandbox.shared().faults.list().is_empty()).await;
            rt.shutdown_background();
            qd_runtime::bus::settle(&w.core, &w.subscriptions, &bare).await.unwrap();
            w.clock.advance_secs(2);
        }
        let v = w.withdrawal_is(r.id, WithdrawalState::Paying).await;
        assert_eq!((v.legs[0].state, w.paying(ALEX).await), (LegState::Sending, 20_000));
        w.take_over().await;
        w.until("the payout", 5, async || (w.withdrawal(r.id).await.state == WithdrawalState::Paid).then_some(())).await;
        w.hooks().await;
        w.agree(&a).await;
        assert_eq!((w.on_server(&a), w.at_provider().await, w.wallet(ALEX).await, w.paying(ALEX).await), (before - 20_000, 30_000, 0, 0));
        let v = w.control("GET", &format!("/stripe/{PSP}/events"), json!({})).await;
        assert_eq!(v["events"].as_array().unwrap().iter().filter(|e| e["type"] == "refund.created").count(), 1);
        assert!(w.exceptions().await.is_empty());
        w.feed().await;
        assert!(w.exceptions().await.is_empty());
        w.finish().await;
    }
}

use crate::world::*;
use qd_kernel::Currency;
use qd_ledger::Purpose;
use qd_payments::deposit::DepositView;
use qd_payments::dispute::{self, DisputeRow};
use qd_payments::withdrawal::WithdrawalState;
use qd_ports::psp::OpenDeposit;
use qd_runtime::access::Role;
use qd_sandbox::FaultKind;
use qd_testkit::{TestDb, both};
use serde_json::json;

async fn of(w: &World) -> Vec<DisputeRow> {
    w.core.db.read(async |tx| dispute::of_client(tx, ALEX).await).await.unwrap()
}

async fn taken(w: &World) -> i64 {
    -w.balance("house:eu", Purpose::Chargebacks, Currency::EUR).await.balance_minor
}

async fn open(w: &World, d: &DepositView, inquiry: bool) -> String {
    let v = w
        .stripe("dispute", json!({"payment_intent": d.payment_ref, "inquiry": inquiry}))
        .await;
    w.hooks().await;
    v["id"].as_str().unwrap().to_string()
}

async fn close(w: &World, id: &str, status: &str) {
    w.stripe(&format!("dispute/{id}/close"), json!({"status": status})).await;
    w.hooks().await;
}

both! {
    async fn a_dispute_takes_the_houses_money_and_gives_it_back_when_it_is_won(t: TestDb) {
        let w = World::new(t).await;
        let d = w.deposited(ALEX, 50_000, None).await;
        let id = open(&w, &d, false).await;
        let all = of(&w).await;
        assert_eq!((all.len(), all[0].state.as_str(), all[0].amount_minor), (1, "opened", 50_000));
        assert_eq!((taken(&w).await, w.at_provider().await, w.wallet(ALEX).await), (50_000, 0, 50_000));
        assert_eq!(w.exceptions().await, ["payment.dispute"]);
        assert_eq!(w.deposit(d.id).await.dispute_state.as_deref(), Some("opened"));
        // Told again and again.
        let again = w.event_of("charge.dispute.created").await;
        w.stripe("resend", json!({"event": again, "times": 8, "concurrent": true})).await;
        w.hooks().await;
        assert_eq!(taken(&w).await, 50_000);
        close(&w, &id, "won").await;
        assert_eq!((of(&w).await[0].state.as_str(), taken(&w).await, w.at_provider().await), ("won", 0, 50_000));
        assert!(w.exceptions().await.is_empty());
        w.finish().await;
    }

    async fn a_lost_dispute_stays_with_the_house_and_stops_the_next_withdrawal(t: TestDb) {
        let w = World::new(t).await;
        let a = w.account(ALEX).await;
        let d = w.deposited(ALEX, 50_000, Some(a.id)).await;
        w.deposited(ALEX, 20_000, Some(a.id)).await;
        w.traded(&a).await;
        let id = open(&w, &d, false).await;
        close(&w, &id, "lost").await;
        assert_eq!((of(&w).await[0].state.as_str(), taken(&w).await, w.at_provider().await), ("lost", 50_000, 20_000));
        assert!(w.exceptions().await.is_empty());
        let r = w.withdraw(ALEX, 10_000, Some(a.id)).await.unwrap();
        w.work().await;
        assert_eq!(w.withdrawal_is(r.id, WithdrawalState::Review).await.signals, ["disputes"]);
        w.approve("Fin", Role::Finance, r.id).await.unwrap();
        w.work().await;
        let v = w.withdrawal_is(r.id, WithdrawalState::Paid).await;
        assert_ne!(v.legs[0].deposit_id, Some(d.id.to_string()), "disputed money goes back by its own road");
        w.hooks().await;
        w.finish().await;
    }

    async fn an_inquiry_moves_no_money(t: TestDb) {
        let w = World::new(t).await;
        let d = w.deposited(ALEX, 50_000, None).await;
        open(&w, &d, true).await;
        assert_eq!((of(&w).await[0].state.as_str(), taken(&w).await, w.exceptions().await), ("warning", 0, vec!["payment.dispute".to_string()]));
        w.finish().await;
    }

    async fn a_dispute_that_was_missed_and_is_heard_of_when_it_ends_is_booked_as_it_ended(t: TestDb) {
        let w = World::new(t).await;
        for (status, left) in [("lost", 50_000), ("won", 50_000)] {
            let d = w.deposited(ALEX, 50_000, None).await;
            for _ in 0..2 {
                w.order("stripe", "webhook", FaultKind::Lost);
            }
            let id = open(&w, &d, false).await;
            close(&w, &id, status).await;
            w.calm();
            assert_eq!(of(&w).await[0].state, status);
            assert_eq!(taken(&w).await, left, "{status}");
        }
        w.finish().await;
    }

    async fn a_dispute_told_while_the_provider_cannot_be_asked_waits(t: TestDb) {
        let w = World::new(t).await;
        let d = w.deposited(ALEX, 50_000, None).await;
        w.order("stripe", "disputes.retrieve", FaultKind::Down);
        open(&w, &d, false).await;
        assert!(of(&w).await.is_empty());
        w.pass(60).await;
        w.calm();
        w.until("the dispute", 60, async || (!of(&w).await.is_empty()).then_some(())).await;
        assert_eq!(taken(&w).await, 50_000);
        w.finish().await;
    }

    async fn a_dispute_about_nothing_of_ours_is_shown_to_a_person(t: TestDb) {
        let w = World::new(t).await;
        let other = OpenDeposit {
            our_ref: "shop_17".into(),
            amount: qd_kernel::Amount::new(9_900, Currency::EUR),
            method: "card".into(),
            client_ref: "shop".into(),
            email: "shop@example.com".into(),
            locale: "en".into(),
            return_url: "https://shop.example".into(),
            cancel_url: "https://shop.example".into(),
            description: "A mug".into(),
            expires_at: w.core.now().plus_secs(3_600),
        };
        let session = w.psps.get(PSP).unwrap().open_deposit(&other).await.unwrap().provider_ref;
        let paid = w.stripe("pay", json!({"session": session, "card": VISA})).await;
        w.stripe("dispute", json!({"payment_intent": paid["payment_intent"]})).await;
        w.hooks().await;
        w.nothing_left(&[]).await;
        let all = w.exceptions().await;
        assert!(all.iter().all(|k| k == "psp.unknown_reference"), "{all:?}");
        assert!(w.open_exceptions().await.iter().any(|e| e.cause.contains("dispute")));
        assert_eq!((taken(&w).await, w.at_provider().await), (0, 0));
        w.finish().await;
    }
}

use crate::world::*;
use qd_kernel::{Amount, Currency};
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
    async fn a_dispute_takes_the_money_out_of_the_wallet_and_gives_it_back_when_it_is_won(t: TestDb) {
        let w = World::new(t).await;
        let d = w.deposited(ALEX, 50_000, None).await;
        let id = open(&w, &d, false).await;
        let all = of(&w).await;
        assert_eq!((all.len(), all[0].state.as_str(), all[0].amount_minor), (1, "opened", 50_000));
        assert_eq!((taken(&w).await, w.at_provider().await, w.wallet(ALEX).await), (0, 0, 0));
        let told = &w.events("dispute.opened")[0];
        assert_eq!((&told["amount"], &told["currency"]), (&serde_json::to_value(Amount::new(50_000, Currency::EUR)).unwrap(), &json!("EUR")));
        assert_eq!(w.exceptions().await, ["payment.dispute"]);
        assert_eq!(w.deposit(d.id).await.dispute_state.as_deref(), Some("opened"));
        // Told again and again.
        let again = w.event_of("charge.dispute.created").await;
        w.stripe("resend", json!({"event": again, "times": 8, "concurrent": true})).await;
        w.hooks().await;
        assert_eq!((taken(&w).await, w.wallet(ALEX).await), (0, 0));
        close(&w, &id, "won").await;
        assert_eq!((of(&w).await[0].state.as_str(), taken(&w).await, w.at_provider().await, w.wallet(ALEX).await), ("won", 0, 50_000, 50_000));
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
        assert_eq!(w.exceptions().await, ["payment.client_owes"]);
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

    async fn what_the_wallet_does_not_cover_is_owed_until_it_is_collected_written_off_or_won(t: TestDb) {
        let w = World::new(t).await;
        let a = w.account(ALEX).await;
        let fin = || staff("Fin", Role::Finance);
        for (i, end) in ["collect", "write_off", "won"].into_iter().enumerate() {
            let before = (taken(&w).await, w.wallet(ALEX).await);
            let d = w.deposited(ALEX, 50_000, Some(a.id)).await;
            w.give(ALEX, 20_000).await;
            let id = open(&w, &d, false).await;
            let mine = async || of(&w).await.into_iter().find(|d| d.provider_ref == id).unwrap();
            let row = mine().await;
            assert_eq!((row.taken_minor, row.owed_minor, w.wallet(ALEX).await), (20_000 + before.1, 30_000 - before.1, 0), "{end} {i}");
            let case = w.open_exceptions().await.into_iter().find(|e| e.kind == "payment.client_owes").unwrap();
            assert_eq!(case.owner_role, "finance");
            assert!(case.cause.contains("300.00"), "{}", case.cause);
            let dispute = row.id;
            let p = w.staff_does(async move |tx, core| dispute::collect(tx, core, &staff("Sam", Role::Support), dispute, "why not").await).await.unwrap_err();
            assert_eq!(p.code, "right_missing");
            match end {
                "collect" => {
                    let who = fin();
                    let p = w.staff_does(async move |tx, core| dispute::collect(tx, core, &who, dispute, "the wallet").await).await.unwrap_err();
                    assert_eq!(p.code, "wallet_empty");
                    w.give(ALEX, 30_000).await;
                    let who = fin();
                    w.staff_does(async move |tx, core| dispute::collect(tx, core, &who, dispute, "the client sent it").await).await.unwrap();
                    assert_eq!((taken(&w).await, w.wallet(ALEX).await), (before.0, 0));
                }
                "write_off" => {
                    let who = fin();
                    w.staff_does(async move |tx, core| dispute::write_off(tx, core, &who, dispute, "not worth the letter").await).await.unwrap();
                    assert_eq!(taken(&w).await, before.0 + 30_000);
                }
                _ => {}
            }
            if end != "won" {
                let who = fin();
                let p = w.staff_does(async move |tx, core| dispute::write_off(tx, core, &who, dispute, "again").await).await.unwrap_err();
                assert_eq!(p.code, "nothing_owed");
                close(&w, &id, "lost").await;
                let owed = mine().await.owed_minor;
                assert_eq!(owed, 0, "what was settled is not asked for again: {end}");
            } else {
                close(&w, &id, "won").await;
                assert_eq!((taken(&w).await, w.wallet(ALEX).await), (before.0, 20_000));
            }
            assert!(w.exceptions().await.is_empty(), "{end}: {:?}", w.exceptions().await);
        }
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
        for (status, left) in [("lost", 0), ("won", 50_000)] {
            let d = w.deposited(ALEX, 50_000, None).await;
            for _ in 0..2 {
                w.order("stripe", "webhook", FaultKind::Lost);
            }
            let id = open(&w, &d, false).await;
            close(&w, &id, status).await;
            w.calm();
            assert_eq!(of(&w).await[0].state, status);
            assert_eq!((taken(&w).await, w.wallet(ALEX).await), (0, left), "{status}");
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
        assert_eq!((taken(&w).await, w.wallet(ALEX).await), (0, 0));
        w.finish().await;
    }

    async fn a_dispute_about_nothing_of_ours_is_shown_to_a_person(t: TestDb) {
        let w = World::new(t).await;
        let other = OpenDeposit {
            our_ref: "shop_17".into(),
            amount: Amount::new(9_900, Currency::EUR),
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

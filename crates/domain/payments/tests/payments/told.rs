//! Callbacks that carry their report, from providers that have nothing to ask: it counts like an
//! answer, once, and only for what was asked.

use crate::world::*;
use qd_kernel::{Amount, Currency};
use qd_payments::deposit::{DepositState, DepositView};
use qd_payments::dispute;
use qd_ports::psp::{DepositReport, DisputeReport, DisputeState, HookSubject, PaymentState, Told};
use qd_runtime::inbox::{self, NewHook};
use qd_testkit::{TestDb, both};

async fn tell(w: &World, event_id: &str, told: Told) {
    let subject = HookSubject::Told { report: Box::new(told) };
    let (core, event_id) = (w.core.clone(), event_id.to_string());
    w.core
        .db
        .write(async move |tx| {
            let msg = NewHook {
                provider: "stripe",
                connection: PSP,
                event_id: &event_id,
                kind: "AUTHORISATION",
                headers_json: "{}".into(),
                body: b"{}",
                subject: serde_json::to_value(&subject)?,
                received_at: core.now(),
            };
            inbox::receive(tx, &core, msg).await.map(|_| ())
        })
        .await
        .unwrap();
    w.work().await;
}

fn paid(d: &DepositView, minor: i64) -> Told {
    let amount = Amount::new(minor, Currency::EUR);
    Told::Deposit(DepositReport {
        our_ref: Some(d.id.to_string()),
        provider_ref: "7914073381342284".into(),
        payment_ref: Some("7914073381342284".into()),
        state: PaymentState::Succeeded,
        amount,
        received: Some(amount),
        refunded_minor: 0,
        fee: None,
        failure_code: None,
        soft_failure: false,
        instrument: None,
    })
}

fn disputed(state: DisputeState) -> Told {
    Told::Dispute(DisputeReport {
        provider_ref: "7914073381342284".into(),
        payment_ref: "7914073381342284".into(),
        state,
        amount: Amount::new(50_000, Currency::EUR),
        reason: "chargeback".into(),
        provider_state: format!("{state:?}"),
    })
}

both! {
    async fn a_payment_that_was_told_is_booked_once_and_its_dispute_follows(t: TestDb) {
        let w = World::new(t).await;
        let d = w.redirected(ALEX, 50_000, None).await;
        for event in ["1", "1", "2"] {
            tell(&w, event, paid(&d, 50_000)).await;
        }
        let v = w.deposit(d.id).await;
        assert_eq!((v.state, v.payment_ref.as_deref()), (DepositState::Posted, Some("7914073381342284")));
        // The session at the provider stays what it was: nothing was asked.
        assert_eq!((v.provider_ref, w.wallet(ALEX).await), (d.provider_ref.clone(), 50_000));
        for (event, state, word) in [("3", DisputeState::Warning, "warning"), ("4", DisputeState::Opened, "opened"), ("5", DisputeState::Won, "won")] {
            tell(&w, event, disputed(state)).await;
            let all = w.core.db.read(async |tx| dispute::of_client(tx, ALEX).await).await.unwrap();
            assert_eq!((all.len(), all[0].state.as_str()), (1, word));
        }
        w.finish().await;
    }

    async fn a_told_payment_of_another_amount_or_of_nothing_of_ours_moves_no_money_to_the_client(t: TestDb) {
        let w = World::new(t).await;
        let d = w.redirected(ALEX, 50_000, None).await;
        tell(&w, "1", paid(&d, 5_000)).await;
        assert_eq!((w.deposit(d.id).await.state, w.wallet(ALEX).await), (DepositState::Held, 0));
        let mut stranger = paid(&d, 50_000);
        if let Told::Deposit(r) = &mut stranger {
            r.our_ref = None;
            r.provider_ref = "AAAA073381342284".into();
        }
        tell(&w, "2", stranger).await;
        assert!(w.exceptions().await.contains(&"psp.unknown_reference".to_string()), "{:?}", w.exceptions().await);
        assert_eq!(w.wallet(ALEX).await, 0);
        w.finish().await;
    }
}

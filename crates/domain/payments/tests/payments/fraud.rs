use crate::world::*;
use qd_kernel::{Amount, Currency};
use qd_payments::deposit::{self, DepositState, DepositView};
use qd_payments::routing::listed;
use qd_runtime::access::Role;
use qd_sandbox::FaultKind;
use qd_testkit::{TestDb, both};
use serde_json::json;

const STOLEN: &str = "4000000000009979";
const MASTER: &str = "5555555555554444";

/// A deposit paid with a card in a name; its state and why it is held.
async fn paid(w: &World, client: &str, minor: i64, card: &str, name: &str) -> DepositView {
    let d = w.redirected(client, minor, None).await;
    pay(w, &d, card, name).await;
    w.deposit(d.id).await
}

async fn pay(w: &World, d: &DepositView, card: &str, name: &str) {
    let session = w.deposit(d.id).await.provider_ref.unwrap();
    w.stripe("pay", json!({"session": session, "card": card, "outcome": "success", "name": name}))
        .await;
    w.hooks().await;
}

fn held(d: &DepositView) -> (DepositState, Option<&str>) {
    (d.state, d.held_reason.as_deref())
}

both! {
    async fn four_planted_frauds_are_seen_each_with_its_reason(t: TestDb) {
        let w = World::new(t).await;

        // A stolen card is tried, then another one pays.
        let d = w.redirected("cli_thief", 20_000, None).await;
        w.pay_with(&d, STOLEN, "decline").await;
        w.hooks().await;
        pay(&w, &d, VISA, "Alex Müller").await;
        assert_eq!(held(&w.deposit(d.id).await), (DepositState::Held, Some("stolen_card")));

        // Somebody else pays.
        let d = paid(&w, "cli_other", 20_000, MASTER, "Jo Stranger").await;
        assert_eq!(held(&d), (DepositState::Held, Some("third_party_payer")));
        assert_eq!(w.money("cli_other").await, 20_000);

        // Nine wishes in an hour.
        let mut last = None;
        for _ in 0..9 {
            last = Some(w.redirected("cli_fast", 20_000, None).await);
        }
        let d = last.unwrap();
        pay(&w, &d, "4000056655665556", "Alex Müller").await;
        assert_eq!(held(&w.deposit(d.id).await), (DepositState::Held, Some("velocity")));

        // A browser of another client: usable, and compliance is told.
        w.facts.edit("cli_twin", |f| f.device_others = 1);
        let d = paid(&w, "cli_twin", 20_000, "5200828282828210", "Alex Müller").await;
        assert_eq!(d.state, DepositState::Posted);
        let flagged: Vec<_> = w.open_exceptions().await.into_iter().filter(|e| e.kind == "deposit.flagged").collect();
        assert_eq!((flagged.len(), flagged[0].cause.as_str()), (1, "device_shared"));

        assert_eq!(w.exceptions().await.iter().filter(|k| *k == "deposit.held").count(), 3);
        w.finish().await;
    }

    async fn ten_times_the_usual_sum_is_flagged_and_usable_and_nothing_before_there_is_a_habit(t: TestDb) {
        let w = World::new(t).await;
        for minor in [10_000, 200_000, 20_000] {
            w.deposited(ALEX, minor, None).await;
            w.pass(7_200).await;
        }
        w.deposited(ALEX, 199_000, None).await;
        assert!(w.exceptions().await.is_empty());
        let d = w.deposited(ALEX, 2_500_000, None).await;
        assert_eq!(d.held_reason, None);
        let e = w.open_exceptions().await;
        assert_eq!((e[0].kind.as_str(), e[0].cause.as_str()), ("deposit.flagged", "unusual_amount"));
        w.finish().await;
    }

    async fn a_listed_instrument_is_held_and_a_card_number_is_never_listed(t: TestDb) {
        let w = World::new(t).await;
        let d = w.deposited(ALEX, 20_000, None).await;
        let print = d.instrument.unwrap().fingerprint.unwrap();
        let put = async |role, print: &str| {
            let print = print.to_string();
            w.staff_does(async move |tx, core| listed::put(tx, core, &staff("Fin", role), &print, "reported stolen").await).await
        };
        assert_eq!(put(Role::Support, &print).await.unwrap_err().code, "right_missing");
        assert_eq!(put(Role::Finance, VISA).await.unwrap_err().code, "card_number_refused");
        put(Role::Finance, &print).await.unwrap();
        let d = paid(&w, ALEX, 20_000, VISA, "Alex Müller").await;
        assert_eq!(held(&d), (DepositState::Held, Some("stolen_card")));
        w.staff_does(async move |tx, core| listed::remove(tx, core, &staff("Fin", Role::Finance), &print, "found again").await).await.unwrap();
        assert_eq!(paid(&w, ALEX, 20_000, VISA, "Alex Müller").await.state, DepositState::Posted);
        w.finish().await;
    }

    async fn more_than_was_asked_for_is_held_until_a_person_lets_it_go(t: TestDb) {
        let w = World::new(t).await;
        let d = w.wish(ALEX, 50_000, None).await.unwrap();
        w.order("stripe", "checkout.sessions.create", FaultKind::DropAfter);
        w.work().await;
        let session = w.session_of(&d).await;
        w.order_with("stripe", "payment_intents.retrieve", FaultKind::WrongAmount, None, Some("60000"));
        w.stripe("pay", json!({"session": session, "card": VISA, "name": "Alex Müller"})).await;
        w.hooks().await;
        let v = w.deposit(d.id).await;
        assert_eq!(held(&v), (DepositState::Held, Some("paid_more")));
        assert_eq!((v.received, v.attempts[0].amount), (Some(Amount::new(60_000, Currency::EUR)), Amount::new(50_000, Currency::EUR)));
        assert_eq!((w.suspense(ALEX).await, w.wallet(ALEX).await), (60_000, 0));
        let id = d.id;
        w.staff_does(async move |tx, core| deposit::release(tx, core, &staff("Fin", Role::Finance), id, "the client typed it wrong").await).await.unwrap();
        w.work().await;
        assert_eq!((w.suspense(ALEX).await, w.wallet(ALEX).await, w.deposit(d.id).await.state), (0, 60_000, DepositState::Posted));
        assert!(w.exceptions().await.is_empty());
        w.finish().await;
    }
}

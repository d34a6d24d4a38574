use crate::world::*;
use qd_kernel::{Amount, Currency};
use qd_payments::deposit::{self, DepositState};
use qd_ports::psp::OpenDeposit;
use qd_runtime::access::Role;
use qd_runtime::inbox;
use qd_sandbox::FaultKind;
use qd_testkit::{TestDb, both};
use serde_json::json;

fn reasons(r: &[inbox::Refused]) -> Vec<(String, i64)> {
    r.iter().map(|r| (r.reason.clone(), r.times)).collect()
}

both! {
    async fn thirty_two_copies_of_a_callback_at_once_have_one_effect(t: TestDb) {
        let w = World::new(t).await;
        let a = w.account(ALEX).await;
        let d = w.redirected(ALEX, 50_000, Some(a.id)).await;
        w.pay(&d).await;
        for kind in ["payment_intent.succeeded", "checkout.session.completed"] {
            let v = w.stripe("resend", json!({"event": w.event_of(kind).await, "times": 32, "concurrent": true})).await;
            assert!(v["statuses"].as_array().unwrap().iter().all(|s| *s == 200), "{v}");
        }
        w.hooks().await;
        assert_eq!(w.deposit(d.id).await.state, DepositState::Posted);
        w.stripe("resend", json!({"event": w.event_of("payment_intent.succeeded").await, "times": 32, "concurrent": true})).await;
        w.hooks().await;
        assert_eq!((w.money(ALEX).await, w.at_provider().await, w.events("client.ftd").len(), w.events("deposit.received").len()), (50_000, 50_000, 1, 1));
        w.agree(&a).await;
        w.finish().await;
    }

    async fn a_callback_that_comes_before_the_session_is_noted_is_not_lost(t: TestDb) {
        let w = World::new(t).await;
        // The provider makes the session and its answer is lost; the customer pays at once.
        let d = w.wish(ALEX, 20_000, None).await.unwrap();
        w.order("stripe", "checkout.sessions.create", FaultKind::DropAfter);
        w.work().await;
        assert_eq!((w.deposit(d.id).await.state, w.deposit(d.id).await.provider_ref), (DepositState::Created, None));
        let session = w.session_of(&d).await;
        w.stripe("pay", json!({"session": session, "card": VISA, "name": "Alex Müller"})).await;
        w.hooks().await;
        assert_eq!((w.deposit(d.id).await.state, w.wallet(ALEX).await), (DepositState::Posted, 20_000));
        w.finish().await;
    }

    async fn a_pending_payment_heard_of_before_its_session_is_followed_to_its_end(t: TestDb) {
        let w = World::new(t).await;
        let d = w.wish(ALEX, 20_000, None).await.unwrap();
        w.order("stripe", "checkout.sessions.create", FaultKind::DropAfter);
        w.work().await;
        let session = w.session_of(&d).await;
        w.stripe("pay", json!({"session": session, "card": VISA, "outcome": "processing"})).await;
        w.hooks().await;
        let v = w.deposit(d.id).await;
        assert_eq!((v.state, v.provider_ref), (DepositState::Pending, None));
        w.pass(5).await;
        assert_eq!(w.deposit(d.id).await.provider_ref, Some(session));
        // The end of it is never told.
        for _ in 0..8 {
            w.order("stripe", "webhook", FaultKind::Lost);
        }
        w.pay_with(&d, VISA, "success").await;
        w.until("the deposit to be asked about", 60, async || (w.deposit(d.id).await.state == DepositState::Posted).then_some(())).await;
        w.calm();
        assert_eq!(w.wallet(ALEX).await, 20_000);
        w.finish().await;
    }

    async fn a_lost_callback_loses_nobodys_money(t: TestDb) {
        let w = World::new(t).await;
        let d = w.redirected(ALEX, 20_000, None).await;
        for _ in 0..12 {
            w.order("stripe", "webhook", FaultKind::Lost);
        }
        w.pay(&d).await;
        w.hooks().await;
        assert_eq!(w.deposit(d.id).await.state, DepositState::Redirected);
        w.pass(20).await;
        assert_eq!((w.deposit(d.id).await.state, w.wallet(ALEX).await), (DepositState::Posted, 20_000));
        w.calm();
        w.finish().await;
    }

    async fn a_callback_after_a_day_and_after_the_expiry_is_taken(t: TestDb) {
        let w = World::new(t).await;
        let d = w.redirected(ALEX, 20_000, None).await;
        w.pay_with(&d, VISA, "processing").await;
        w.hooks().await;
        w.pass(86_400).await;
        w.pay_with(&d, VISA, "success").await;
        w.hooks().await;
        assert_eq!((w.deposit(d.id).await.state, w.wallet(ALEX).await), (DepositState::Posted, 20_000));

        w.finish().await;
    }

    async fn a_payment_after_the_session_had_expired_in_our_books_is_taken(t: TestDb) {
        let w = World::new(t).await;
        let d = w.redirected(ALEX, 30_000, None).await;
        w.pay_with(&d, VISA, "processing").await;
        w.hooks().await;
        // Our own clock says that it is over, before the bank has said anything.
        w.staff_does(async move |tx, core| deposit::cancel(tx, core, &client_caller(ALEX), d.id).await).await.unwrap_err();
        let late = w.redirected("cli_berta", 20_000, None).await;
        let session = w.deposit(late.id).await.provider_ref.unwrap();
        w.stripe(&format!("session/{session}/expire"), json!({})).await;
        w.hooks().await;
        assert_eq!(w.deposit(late.id).await.state, DepositState::Expired);
        w.pay_with(&d, VISA, "success").await;
        w.hooks().await;
        assert_eq!((w.deposit(d.id).await.state, w.wallet(ALEX).await), (DepositState::Posted, 30_000));
        w.finish().await;
    }

    async fn a_payment_of_another_amount_is_held_until_a_person_decides(t: TestDb) {
        let w = World::new(t).await;
        let d = w.wish(ALEX, 50_000, None).await.unwrap();
        w.order("stripe", "checkout.sessions.create", FaultKind::DropAfter);
        w.work().await;
        let session = w.session_of(&d).await;
        w.order_with("stripe", "payment_intents.retrieve", FaultKind::WrongAmount, None, Some("40000"));
        w.stripe("pay", json!({"session": session, "card": VISA, "name": "Alex Müller"})).await;
        w.hooks().await;
        let v = w.deposit(d.id).await;
        assert_eq!((v.state, v.held_reason.as_deref(), v.received), (DepositState::Held, Some("paid_less"), Some(Amount::new(40_000, Currency::EUR))));
        assert_eq!((w.wallet(ALEX).await, w.suspense(ALEX).await, w.at_provider().await), (0, 40_000, 40_000));
        assert_eq!(w.exceptions().await, ["deposit.amount_differs"]);
        assert!(w.events("client.ftd").is_empty() && w.events("deposit.received").is_empty());
        w.staff_does(async move |tx, core| deposit::release(tx, core, &staff("Fin", Role::Finance), d.id, "the bank kept a fee").await).await.unwrap();
        w.work().await;
        assert_eq!((w.wallet(ALEX).await, w.suspense(ALEX).await, w.deposit(d.id).await.state), (40_000, 0, DepositState::Posted));
        let ftd = w.events("client.ftd");
        assert_eq!((ftd.len(), &ftd[0]["amount"]), (1, &serde_json::to_value(Amount::new(40_000, Currency::EUR)).unwrap()), "what came, not what was asked for");
        assert!(w.exceptions().await.is_empty());
        w.finish().await;
    }

    async fn figures_that_contradict_each_other_are_shown_to_a_person_and_not_believed(t: TestDb) {
        let w = World::new(t).await;
        let d = w.redirected(ALEX, 50_000, None).await;
        for _ in 0..8 {
            w.order("stripe", "checkout.sessions.retrieve", FaultKind::WrongAmount);
        }
        w.pay(&d).await;
        w.hooks().await;
        assert_eq!((w.deposit(d.id).await.state, w.money(ALEX).await), (DepositState::Redirected, 0));
        assert_eq!(w.exceptions().await, ["psp.answer_unreadable"]);
        w.calm();
        w.until("a clear answer", 30, async || (w.deposit(d.id).await.state == DepositState::Posted).then_some(())).await;
        assert!(w.exceptions().await.is_empty());
        assert_eq!(w.wallet(ALEX).await, 50_000);
        w.finish().await;
    }

    async fn a_callback_with_another_amount_moves_what_the_provider_says_when_asked(t: TestDb) {
        let w = World::new(t).await;
        let d = w.redirected(ALEX, 50_000, None).await;
        for _ in 0..6 {
            w.order_with("stripe", "webhook", FaultKind::WrongAmount, None, Some("1"));
        }
        w.pay(&d).await;
        w.hooks().await;
        w.calm();
        assert_eq!((w.deposit(d.id).await.state, w.wallet(ALEX).await), (DepositState::Posted, 50_000));
        w.finish().await;
    }

    async fn a_forged_callback_is_refused_counted_and_without_effect(t: TestDb) {
        let w = World::new(t).await;
        let since = w.core.now();
        let d = w.redirected(ALEX, 50_000, None).await;
        // A body that says "paid", with a signature of somebody else's and without one.
        let body = json!({"id": "evt_1", "object": "event", "type": "checkout.session.completed", "created": since.secs(), "livemode": false,
            "data": {"object": {"id": d.provider_ref, "object": "checkout.session", "client_reference_id": d.id, "payment_status": "paid"}}})
        .to_string();
        let hook = &w.sandbox.shared().cfg.hook_base;
        let at: std::net::SocketAddr = hook.trim_start_matches("http://").parse().unwrap();
        for signature in ["t=1795165200,v1=00", "", "t=1795165200"] {
            assert_eq!(post(at, "/hooks/stripe/stripe-eu", signature, &body).await, 400);
        }
        assert_eq!(post(at, "/hooks/stripe/nobody", "", &body).await, 404);
        w.work().await;
        assert_eq!((w.deposit(d.id).await.state, w.money(ALEX).await), (DepositState::Redirected, 0));
        let refused = w.core.db.read(async move |tx| inbox::refused(tx, since).await).await.unwrap();
        assert_eq!(reasons(&refused), [("forged".to_string(), 3)]);

        // The provider's own switch: an extra delivery with a bad signature beside the good one.
        w.order("stripe", "webhook", FaultKind::Forged);
        w.pay(&d).await;
        w.hooks().await;
        assert_eq!(w.wallet(ALEX).await, 50_000);
        let refused = w.core.db.read(async move |tx| inbox::refused(tx, since).await).await.unwrap();
        assert_eq!(reasons(&refused), [("forged".to_string(), 4)]);
        w.finish().await;
    }

    async fn callbacks_twice_late_and_out_of_order_end_the_same(t: TestDb) {
        let w = World::new(t).await;
        let mut sum = 0;
        for kind in [FaultKind::Twice, FaultKind::Reorder, FaultKind::Late] {
            let d = w.redirected(ALEX, 20_000, None).await;
            for _ in 0..3 {
                w.order_with("stripe", "webhook", kind, Some(100_000), None);
            }
            w.pay_with(&d, "4000000000009995", "decline").await;
            w.pay(&d).await;
            w.hooks().await;
            w.calm();
            w.until("the deposit to be posted", 40, async || {
                w.hooks().await;
                (w.deposit(d.id).await.state == DepositState::Posted).then_some(())
            })
            .await;
            sum += 20_000;
            assert_eq!((w.wallet(ALEX).await, w.at_provider().await), (sum, sum), "{kind:?}");
        }
        assert_eq!(w.events("deposit.received").len(), 3);
        w.finish().await;
    }

    async fn a_rightly_signed_callback_about_nothing_of_ours_is_shown_to_a_person(t: TestDb) {
        let w = World::new(t).await;
        // Somebody takes a payment on the same account beside us.
        let stripe = w.psps.get(PSP).unwrap();
        for our_ref in ["shop_17", "dep_01JD1Z3Y5K8Q2M4N6P8R0S2T4V"] {
            let other = OpenDeposit {
                our_ref: our_ref.into(),
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
            let session = stripe.open_deposit(&other).await.unwrap().provider_ref;
            w.stripe("pay", json!({"session": session, "card": VISA})).await;
        }
        w.hooks().await;
        let all = w.exceptions().await;
        assert!(!all.is_empty() && all.iter().all(|k| k == "psp.unknown_reference"), "{all:?}");
        assert_eq!(w.at_provider().await, 0);
        w.finish().await;
    }

    async fn a_second_payment_under_our_id_is_shown_to_a_person(t: TestDb) {
        let w = World::new(t).await;
        let d = w.deposited(ALEX, 20_000, None).await;
        // A day later the provider has forgotten the key: asked again, it makes another session.
        w.pass(2 * 86_400).await;
        let again = OpenDeposit {
            our_ref: d.id.to_string(),
            amount: d.amount,
            method: "card".into(),
            client_ref: ALEX.into(),
            email: "alex@example.com".into(),
            locale: "de".into(),
            return_url: "https://my.broker.example".into(),
            cancel_url: "https://my.broker.example".into(),
            description: "again".into(),
            expires_at: w.core.now().plus_secs(3_600),
        };
        let second = w.psps.get(PSP).unwrap().open_deposit(&again).await.unwrap().provider_ref;
        assert_ne!(Some(second.clone()), d.provider_ref);
        w.stripe("pay", json!({"session": second, "card": VISA, "name": "Alex Müller"})).await;
        w.hooks().await;
        assert_eq!(w.wallet(ALEX).await, 20_000);
        assert!(w.exceptions().await.contains(&"psp.unknown_reference".to_string()));
        w.finish().await;
    }
}

/// One POST with a signature header, as anybody could send it; the status.
async fn post(at: std::net::SocketAddr, path: &str, signature: &str, body: &str) -> u16 {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut s = tokio::net::TcpStream::connect(at).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\nstripe-signature: {signature}\r\n\r\n",
        body.len()
    );
    s.write_all(head.as_bytes()).await.unwrap();
    s.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    s.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

//! The connector against the sandbox's card processor, which was written apart from it.
#![allow(clippy::unwrap_used)]

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use qd_kernel::{Amount, Currency, Env, Secret, SeededEntropy, TestClock, Ts};
use qd_outbound::{Client, ClientOptions, Reach};
use qd_ports::Fate;
use qd_ports::psp::{
    DepositReport, DisputeState, HookRefusal, HookSubject, OpenDeposit, PaymentState, Psp, RefundDeposits, RefundRequest, RefundState,
    ReportDisputes, TakeDeposits, VerifyHook,
};
use qd_psp_stripe::{Stripe, StripeConfig};
use qd_sandbox::{Fault, FaultKind, Sandbox, SandboxConfig, StripeAccountConfig};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower::ServiceExt;

const START: Ts = Ts::from_secs(1_795_132_800 + 9 * 3_600);

type Delivered = Arc<Mutex<Vec<(Vec<(String, String)>, Bytes)>>>;

struct World {
    sandbox: Sandbox,
    env: Env,
    clock: Arc<TestClock>,
    stripe: Stripe,
    base: String,
    hooks: Delivered,
}

async fn listen(app: Router) -> String {
    let l = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = l.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(l, app).await });
    format!("http://{at}")
}

async fn catch(State(seen): State<Delivered>, headers: HeaderMap, body: Bytes) {
    let named = headers
        .iter()
        .map(|(n, v)| (n.as_str().to_string(), v.to_str().unwrap_or_default().to_string()))
        .collect();
    seen.lock().unwrap().push((named, body));
}

fn client(timeout_ms: u64) -> Client {
    Client::new(ClientOptions {
        reach: Reach::Anywhere,
        timeout: Duration::from_millis(timeout_ms),
        ..ClientOptions::default()
    })
    .unwrap()
}

fn config(base: &str) -> StripeConfig {
    let mut cfg = StripeConfig::new(
        "stripe-eu",
        Secret::new("sk_test_eu"),
        vec![Secret::new("whsec_old"), Secret::new("whsec_eu")],
    );
    cfg.api_base = format!("{base}/sandbox/stripe");
    cfg
}

async fn world() -> World {
    let clock = Arc::new(TestClock::new(START));
    let env = Env::new(clock.clone(), Arc::new(SeededEntropy::new(7)));
    let hooks = Delivered::default();
    let hook_base = listen(
        Router::new()
            .route("/hooks/stripe/stripe-eu", post(catch))
            .with_state(hooks.clone()),
    )
    .await;
    let cfg = SandboxConfig {
        data_dir: None,
        public_base: "http://127.0.0.1/sandbox".into(),
        hook_base,
        stripe: vec![StripeAccountConfig {
            connection: "stripe-eu".into(),
            secret_key: "sk_test_eu".into(),
            webhook_secret: "whsec_eu".into(),
        }],
        rails: vec![],
        mt5: vec![],
        smtp_listen: None,
        simulate_traders: false,
    };
    let sandbox = Sandbox::start(cfg, env.clone()).await.unwrap();
    let base = listen(Router::new().nest("/sandbox", sandbox.router())).await;
    let stripe = Stripe::new(config(&base), client(10_000)).unwrap();
    World {
        sandbox,
        env,
        clock,
        stripe,
        base,
        hooks,
    }
}

impl World {
    fn order(&self, target: &str, kind: FaultKind, value: Option<&str>) {
        self.sandbox.shared().faults.order(Fault {
            id: String::new(),
            provider: "stripe".into(),
            target: target.into(),
            server: None,
            kind,
            count: 1,
            delay_ms: Some(3_000),
            value: value.map(str::to_string),
        });
    }
    async fn control(&self, path: &str, body: Value) -> Value {
        let req = axum::http::Request::post(format!("/control/stripe/stripe-eu{path}"))
            .body(Body::from(body.to_string()))
            .unwrap();
        let res = self.sandbox.router().oneshot(req).await.unwrap();
        let ok = res.status().is_success();
        let bytes = to_bytes(res.into_body(), 1 << 20).await.unwrap();
        assert!(ok, "{path}: {}", String::from_utf8_lossy(&bytes));
        serde_json::from_slice(&bytes).unwrap()
    }
    fn wish(&self, our_ref: &str, minor: i64) -> OpenDeposit {
        OpenDeposit {
            our_ref: our_ref.into(),
            amount: Amount::new(minor, Currency::EUR),
            method: "card".into(),
            client_ref: "cli_1".into(),
            email: "alex@example.com".into(),
            locale: "de_DE".into(),
            return_url: "https://broker.example/back?ok=1&x={CHECKOUT_SESSION_ID}".into(),
            cancel_url: "https://broker.example/back?ok=0".into(),
            description: "Einzahlung für Konto 500001 & mehr".into(),
            expires_at: START.plus_secs(3_600),
        }
    }
    async fn session(&self, our_ref: &str, minor: i64) -> String {
        self.stripe.open_deposit(&self.wish(our_ref, minor)).await.unwrap().provider_ref
    }
    async fn pay(&self, session: &str, card: &str) -> DepositReport {
        self.control("/pay", json!({"session": session, "card": card, "name": "Alex Müller"}))
            .await;
        self.stripe.deposit(session).await.unwrap()
    }
    async fn paid(&self, our_ref: &str, minor: i64) -> DepositReport {
        let s = self.session(our_ref, minor).await;
        let r = self.pay(&s, "4242424242424242").await;
        assert_eq!(r.state, PaymentState::Succeeded);
        r
    }
    fn refund(&self, our_ref: &str, paid: &DepositReport, minor: i64) -> RefundRequest {
        RefundRequest {
            our_ref: our_ref.into(),
            payment_ref: paid.payment_ref.clone().unwrap(),
            amount: Amount::new(minor, Currency::EUR),
        }
    }
}

#[tokio::test]
async fn a_deposit_is_opened_once_paid_and_reported_whole() {
    let w = world().await;
    let first = w.stripe.open_deposit(&w.wish("dep_1", 50_000)).await.unwrap();
    assert!(first.redirect_url.as_deref().is_some_and(|u| u.starts_with("http")), "{first:?}");
    assert_eq!(first.state, PaymentState::Created);
    assert_eq!(
        w.stripe.open_deposit(&w.wish("dep_1", 50_000)).await.unwrap().provider_ref,
        first.provider_ref
    );
    assert_eq!(w.stripe.deposit(&first.provider_ref).await.unwrap().state, PaymentState::Created);

    let r = w.pay(&first.provider_ref, "4242424242424242").await;
    let eur = |m| Amount::new(m, Currency::EUR);
    assert_eq!(
        (r.state, r.amount, r.received, r.refunded_minor),
        (PaymentState::Succeeded, eur(50_000), Some(eur(50_000)), 0)
    );
    assert_eq!(
        (r.our_ref.as_deref(), r.provider_ref.as_str()),
        (Some("dep_1"), first.provider_ref.as_str())
    );
    // 1.4 % and 0.25.
    assert_eq!(r.fee, Some(eur(725)));
    let i = r.instrument.clone().unwrap();
    assert_eq!(
        (i.kind.as_str(), i.brand.as_deref(), i.last4.as_deref()),
        ("card", Some("visa"), Some("4242"))
    );
    assert!(i.fingerprint.is_some() && i.country.is_some());
    // The same by the payment's own id, as its events name it.
    let by_intent = w.stripe.deposit(r.payment_ref.as_deref().unwrap()).await.unwrap();
    assert_eq!(
        (by_intent.state, by_intent.our_ref, by_intent.instrument),
        (r.state, r.our_ref, r.instrument)
    );
    assert_eq!((w.stripe.provider(), w.stripe.connection_id()), ("stripe", "stripe-eu"));
}

#[tokio::test]
async fn a_declined_card_is_no_failure_while_the_page_is_open() {
    let w = world().await;
    let s = w.session("dep_1", 50_000).await;
    let r = w.pay(&s, "4000000000009995").await;
    assert_eq!(
        (r.state, r.failure_code.as_deref(), r.soft_failure),
        (PaymentState::RequiresAction, Some("insufficient_funds"), true)
    );
    let r = w.pay(&s, "4000000000009979").await;
    assert_eq!(
        (r.state, r.failure_code.as_deref(), r.soft_failure),
        (PaymentState::RequiresAction, Some("stolen_card"), false)
    );
    let r = w.pay(&s, "4242424242424242").await;
    assert_eq!((r.state, r.failure_code), (PaymentState::Succeeded, None));
    let s = w.session("dep_2", 50_000).await;
    w.pay(&s, "4000000000000002").await;
    w.control(&format!("/session/{s}/expire"), json!({})).await;
    let r = w.stripe.deposit(&s).await.unwrap();
    assert_eq!((r.state, r.received), (PaymentState::Expired, None));
}

#[tokio::test]
async fn a_challenge_waits_and_a_delayed_method_is_pending_until_it_says_yes_or_no() {
    let w = world().await;
    let s = w.session("dep_1", 50_000).await;
    w.control("/pay", json!({"session": s, "outcome": "requires_action"})).await;
    assert_eq!(w.stripe.deposit(&s).await.unwrap().state, PaymentState::RequiresAction);
    for (our_ref, outcome, want) in [
        ("dep_2", "success", PaymentState::Succeeded),
        ("dep_3", "decline", PaymentState::Failed),
    ] {
        let s = w.session(our_ref, 50_000).await;
        w.control("/pay", json!({"session": s, "outcome": "processing"})).await;
        assert_eq!(w.stripe.deposit(&s).await.unwrap().state, PaymentState::Pending);
        w.control("/pay", json!({"session": s, "outcome": outcome})).await;
        assert_eq!(w.stripe.deposit(&s).await.unwrap().state, want, "{outcome}");
    }
}

#[tokio::test]
async fn refunds_are_repeatable_bounded_and_may_fail_later() {
    let w = world().await;
    let paid = w.paid("dep_1", 50_000).await;
    let first = w.stripe.refund(&w.refund("rf_1", &paid, 20_000)).await.unwrap();
    assert_eq!((first.amount.minor, first.our_ref.as_deref()), (20_000, Some("rf_1")));
    assert!(matches!(first.state, RefundState::Succeeded | RefundState::Pending));
    assert_eq!(
        w.stripe.refund(&w.refund("rf_1", &paid, 20_000)).await.unwrap().provider_ref,
        first.provider_ref
    );
    assert_eq!(w.stripe.deposit(&paid.provider_ref).await.unwrap().refunded_minor, 20_000);
    // The same id with another amount: what the first call did is the question.
    let e = w.stripe.refund(&w.refund("rf_1", &paid, 20_001)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Unknown, "idempotency_error"));
    let e = w.stripe.refund(&w.refund("rf_2", &paid, 30_001)).await.unwrap_err();
    assert_eq!(e.fate, Fate::Refused, "{e}");
    let rest = w.stripe.refund(&w.refund("rf_3", &paid, 30_000)).await.unwrap();
    w.control(&format!("/refund/{}/fail", rest.provider_ref), json!({})).await;
    let failed = w.stripe.refund_status(&rest.provider_ref).await.unwrap();
    assert_eq!(
        (failed.state, failed.our_ref.as_deref(), failed.failure_code.is_some()),
        (RefundState::Failed, Some("rf_3"), true)
    );
}

#[tokio::test]
async fn disputes_are_opened_won_and_lost() {
    let w = world().await;
    for (our_ref, end, want) in [("dep_1", "won", DisputeState::Won), ("dep_2", "lost", DisputeState::Lost)] {
        let paid = w.paid(our_ref, 50_000).await;
        let d = w.control("/dispute", json!({"payment_intent": paid.payment_ref})).await;
        let id = d["id"].as_str().unwrap();
        let r = w.stripe.dispute(id).await.unwrap();
        assert_eq!(
            (r.state, r.amount, Some(&r.payment_ref)),
            (DisputeState::Opened, Amount::new(50_000, Currency::EUR), paid.payment_ref.as_ref())
        );
        w.control(&format!("/dispute/{id}/close"), json!({"status": end})).await;
        assert_eq!(w.stripe.dispute(id).await.unwrap().state, want);
    }
    let paid = w.paid("dep_3", 50_000).await;
    let d = w
        .control("/dispute", json!({"payment_intent": paid.payment_ref, "inquiry": true}))
        .await;
    assert_eq!(
        w.stripe.dispute(d["id"].as_str().unwrap()).await.unwrap().state,
        DisputeState::Warning
    );
}

#[tokio::test]
async fn every_way_to_lose_the_answer_has_its_fate_and_the_same_call_heals_it() {
    let w = world().await;
    let quick = Stripe::new(config(&w.base), client(1_500)).unwrap();
    let cases = [
        (FaultKind::DropBefore, None, Fate::Unknown, "connection_lost"),
        (FaultKind::DropAfter, None, Fate::Unknown, "connection_lost"),
        (FaultKind::Slow, None, Fate::Unknown, "timeout"),
        (FaultKind::SlowBefore, None, Fate::Unknown, "timeout"),
        (FaultKind::Garbage, None, Fate::Unknown, "unreadable_answer"),
        (FaultKind::Forbidden, None, Fate::Unknown, "http_403"),
        (FaultKind::Refuse, Some("500"), Fate::Unknown, "api_error"),
        (FaultKind::Refuse, Some("409"), Fate::Unknown, "invalid_request_error"),
        (FaultKind::Refuse, Some("429"), Fate::RefusedForNow, "rate_limit"),
        (FaultKind::Refuse, Some("lock_timeout"), Fate::RefusedForNow, "lock_timeout"),
        (FaultKind::Refuse, Some("do_not_honor"), Fate::Refused, "do_not_honor"),
        (
            FaultKind::Refuse,
            Some("parameter_invalid_integer"),
            Fate::Refused,
            "parameter_invalid_integer",
        ),
        (FaultKind::WrongAmount, None, Fate::Unknown, "echo_mismatch"),
    ];
    for (i, (kind, value, fate, code)) in cases.into_iter().enumerate() {
        let wish = w.wish(&format!("dep_{i}"), 10_000);
        w.order("checkout.sessions.create", kind, value);
        let e = quick.open_deposit(&wish).await.unwrap_err();
        assert_eq!((e.fate, e.code.as_str()), (fate, code), "{kind:?} {value:?}: {e}");
        let kept = matches!(kind, FaultKind::Garbage | FaultKind::Forbidden | FaultKind::WrongAmount);
        assert_eq!(e.raw.is_some(), kept, "{kind:?}");
        let again = w.stripe.open_deposit(&wish).await;
        // Slow: the first call may still be at work, which Stripe says with a conflict.
        if let Err(e) = &again {
            assert_eq!((kind, e.fate), (FaultKind::SlowBefore, Fate::Unknown), "{e}");
        }
    }
    let paid = w.paid("dep_paid", 50_000).await;
    w.order("refunds.create", FaultKind::DropAfter, None);
    let wish = w.refund("rf_1", &paid, 10_000);
    assert_eq!(w.stripe.refund(&wish).await.unwrap_err().fate, Fate::Unknown);
    w.stripe.refund(&wish).await.unwrap();
    assert_eq!(w.stripe.deposit(&paid.provider_ref).await.unwrap().refunded_minor, 10_000);
    // The session says one amount, its payment another.
    w.order("checkout.sessions.retrieve", FaultKind::WrongAmount, None);
    assert_eq!(w.stripe.deposit(&paid.provider_ref).await.unwrap_err().code, "echo_mismatch");
}

#[tokio::test]
async fn nothing_is_sent_where_nobody_listens_and_nothing_that_stripe_cannot_hold() {
    let w = world().await;
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let away = Stripe::new(config(&format!("http://{nobody}")), client(1_500)).unwrap();
    let e = away.open_deposit(&w.wish("dep_1", 10_000)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::NotSent, "connect_failed"));
    // Refused here, not there: the address that nobody listens on was never asked.
    for (minor, code, want) in [
        (5_124, "KWD", "amount_last_digit"),
        (100, "LYD", "currency_unsupported"),
        (100, "BTC", "currency_unsupported"),
    ] {
        let wish = OpenDeposit {
            amount: Amount::new(minor, Currency::parse(code).unwrap()),
            ..w.wish("dep_1", 1)
        };
        let e = away.open_deposit(&wish).await.unwrap_err();
        assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, want));
    }
    for (minor, code) in [(1_000, "JPY"), (500, "ISK"), (5_120, "KWD")] {
        let amount = Amount::new(minor, Currency::parse(code).unwrap());
        let s = w
            .stripe
            .open_deposit(&OpenDeposit {
                amount,
                ..w.wish(&format!("dep_{code}"), 1)
            })
            .await
            .unwrap();
        assert_eq!(w.pay(&s.provider_ref, "4242424242424242").await.received, Some(amount), "{code}");
    }
    let e = w.stripe.deposit("cs_nothing").await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, "resource_missing"));
    assert_eq!(w.stripe.deposit("../customers").await.unwrap_err().code, "provider_ref_malformed");
    let mut cfg = config(&w.base);
    cfg.secret_key = Secret::new("sk_test_wrong");
    let e = Stripe::new(cfg, client(1_500))
        .unwrap()
        .open_deposit(&w.wish("dep_9", 10_000))
        .await
        .unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, "unauthorised"));
    assert!(!format!("{e} {:?}", w.stripe).contains("sk_test_eu"));
}

/// Polls until `want` deliveries of `kind` have come.
async fn delivered(w: &World, kind: &str, want: usize) -> Vec<(Vec<(String, String)>, Bytes)> {
    let needle = format!("\"type\": \"{kind}\"");
    for _ in 0..500 {
        let got: Vec<_> = w
            .hooks
            .lock()
            .unwrap()
            .iter()
            .filter(|(_, b)| String::from_utf8_lossy(b).contains(&needle))
            .cloned()
            .collect();
        if got.len() >= want {
            return got;
        }
        w.clock.advance_secs(1);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{kind} was not delivered {want} times");
}

#[tokio::test]
async fn delivered_webhooks_are_verified_and_say_what_they_are_about() {
    let w = world().await;
    let paid = w.paid("dep_1", 50_000).await;
    w.stripe.refund(&w.refund("rf_1", &paid, 10_000)).await.unwrap();
    let d = w.control("/dispute", json!({"payment_intent": paid.payment_ref})).await;
    let deposit = |p: &str| HookSubject::Deposit {
        our_ref: Some("dep_1".into()),
        provider_ref: p.into(),
    };
    let intent = paid.payment_ref.clone().unwrap();
    for (kind, about) in [
        ("checkout.session.completed", Some(deposit(&paid.provider_ref))),
        ("payment_intent.succeeded", Some(deposit(&intent))),
        ("charge.refunded", Some(deposit(&intent))),
        ("refund.created", None),
        (
            "charge.dispute.created",
            Some(HookSubject::Dispute {
                provider_ref: d["id"].as_str().unwrap().into(),
            }),
        ),
    ] {
        let (headers, body) = delivered(&w, kind, 1).await.remove(0);
        let e = w.stripe.verify(&headers, &body, w.env.now()).unwrap();
        assert_eq!(e.kind, kind);
        match about {
            Some(about) => assert_eq!(e.subject, about, "{kind}"),
            None => assert!(
                matches!(&e.subject, HookSubject::Refund { our_ref, .. } if our_ref.as_deref() == Some("rf_1")),
                "{:?}",
                e.subject
            ),
        }
        let mut tampered = body.to_vec();
        let at = tampered.iter().position(|b| *b == b'5').unwrap();
        tampered[at] = b'6';
        assert!(matches!(
            w.stripe.verify(&headers, &tampered, w.env.now()),
            Err(HookRefusal::Forged(_))
        ));
        assert!(matches!(
            w.stripe.verify(&headers, &body, w.env.now().plus_secs(3_600)),
            Err(HookRefusal::Stale(_))
        ));
        assert!(matches!(w.stripe.verify(&[], &body, w.env.now()), Err(HookRefusal::Forged(_))));
    }
}

#[tokio::test]
async fn a_webhook_twice_has_one_id_and_a_forged_one_is_refused() {
    let w = world().await;
    let s = w.session("dep_1", 50_000).await;
    w.order("webhook:payment_intent.succeeded", FaultKind::Twice, None);
    w.pay(&s, "4242424242424242").await;
    let got = delivered(&w, "payment_intent.succeeded", 2).await;
    let ids: Vec<String> = got
        .iter()
        .map(|(h, b)| w.stripe.verify(h, b, w.env.now()).unwrap().event_id)
        .collect();
    assert_eq!(ids[0], ids[1]);
    w.hooks.lock().unwrap().clear();
    w.order("webhook", FaultKind::Forged, None);
    w.paid("dep_2", 50_000).await;
    for _ in 0..500 {
        let seen = w.hooks.lock().unwrap().clone();
        if seen
            .iter()
            .any(|(h, b)| matches!(w.stripe.verify(h, b, w.env.now()), Err(HookRefusal::Forged(_))))
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no forged delivery was seen and refused");
}

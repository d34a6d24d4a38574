//! The connector against the sandbox's Paysafe, which was written apart from it.
#![allow(clippy::unwrap_used)]

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use qd_connector_kit::Account;
use qd_kernel::{Amount, Currency, Env, Secret, SeededEntropy, TestClock, Ts};
use qd_outbound::Reach;
use qd_ports::Fate;
use qd_ports::psp::{
    DepositReport, HookRefusal, HookSubject, OpenDeposit, PayOut, PaymentState, PayoutRequest, PayoutState, PayoutTarget, Psp,
    RefundDeposits, RefundRequest, RefundState, ReportDisputes, TakeDeposits, VerifyHook,
};
use qd_psp_neteller::Neteller;
use qd_sandbox::{Fault, FaultKind, RailConfig, Sandbox, SandboxConfig};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower::ServiceExt;

const START: Ts = Ts::from_secs(1_795_132_800 + 9 * 3_600);
const HOOK: &str = "/hooks/neteller/neteller-eu";

type Headers = Vec<(String, String)>;
type Delivered = Arc<Mutex<Vec<(Headers, Bytes)>>>;

struct World {
    sandbox: Sandbox,
    env: Env,
    neteller: Neteller,
    base: String,
    hook_base: String,
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

fn account(base: &str, hook_base: &str) -> Account {
    Account {
        connection_id: "neteller-eu".into(),
        api_base: Some(format!("{base}/sandbox/neteller/neteller-eu")),
        key: Secret::new("merchant:B-qa2-0-key"),
        hook_secrets: vec![Secret::new("old-key"), Secret::new("hmac-key")],
        hook_url: format!("{hook_base}{HOOK}"),
        settings: [].into(),
        secrets: [].into(),
        reach: Reach::Anywhere,
    }
}

async fn world() -> World {
    let clock = Arc::new(TestClock::new(START));
    let env = Env::new(clock.clone(), Arc::new(SeededEntropy::new(7)));
    let hooks = Delivered::default();
    let hook_base = listen(Router::new().route(HOOK, post(catch)).with_state(hooks.clone())).await;
    let cfg = SandboxConfig {
        data_dir: None,
        public_base: "http://127.0.0.1/sandbox".into(),
        hook_base: hook_base.clone(),
        stripe: vec![],
        rails: vec![RailConfig {
            provider: "neteller".into(),
            connection: "neteller-eu".into(),
            entity: "eu".into(),
            key: "merchant:B-qa2-0-key".into(),
            hook_secret: "hmac-key".into(),
            secrets: [].into(),
            settings: [].into(),
        }],
        mt5: vec![],
        smtp_listen: None,
        simulate_traders: false,
    };
    let sandbox = Sandbox::start(cfg, env.clone()).await.unwrap();
    let base = listen(Router::new().nest("/sandbox", sandbox.router())).await;
    let neteller = Neteller::new(account(&base, &hook_base)).unwrap();
    World {
        sandbox,
        env,
        neteller,
        base,
        hook_base,
        hooks,
    }
}

fn eur(minor: i64) -> Amount {
    Amount::new(minor, Currency::EUR)
}

impl World {
    fn order(&self, target: &str, kind: FaultKind, value: Option<&str>) {
        self.sandbox.shared().faults.order(Fault {
            id: String::new(),
            provider: "neteller".into(),
            target: target.into(),
            server: None,
            kind,
            count: 1,
            delay_ms: Some(300),
            value: value.map(str::to_string),
        });
    }
    async fn control(&self, path: &str, body: Value) -> Value {
        let req = axum::http::Request::builder()
            .method("POST")
            .uri(format!("/control/neteller/neteller-eu{path}"));
        let res = self
            .sandbox
            .router()
            .oneshot(req.body(Body::from(body.to_string())).unwrap())
            .await
            .unwrap();
        let ok = res.status().is_success();
        let text = String::from_utf8(to_bytes(res.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap();
        assert!(ok, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }
    fn wish(&self, our_ref: &str, minor: i64) -> OpenDeposit {
        OpenDeposit {
            our_ref: our_ref.into(),
            amount: eur(minor),
            method: "neteller".into(),
            client_ref: "cli_1".into(),
            email: "alex+1@example.com".into(),
            locale: "de_DE".into(),
            return_url: "https://broker.example/back?ok=1".into(),
            cancel_url: "https://broker.example/back?ok=0".into(),
            description: "Einzahlung für Konto 500001 & mehr".into(),
            expires_at: START.plus_secs(3_600),
        }
    }
    /// Opened and approved on the page, not yet taken.
    async fn approved(&self, our_ref: &str, minor: i64, outcome: &str) -> DepositReport {
        let s = self.neteller.open_deposit(&self.wish(our_ref, minor)).await.unwrap();
        self.control("/pay", json!({"ref": our_ref, "outcome": outcome})).await;
        self.neteller.deposit(&s.provider_ref).await.unwrap()
    }
    async fn paid(&self, our_ref: &str, minor: i64) -> DepositReport {
        let r = self.approved(our_ref, minor, "pay").await;
        assert_eq!((r.state, r.received), (PaymentState::Authorised, None));
        let r = self.neteller.take(&r.provider_ref, our_ref, eur(minor)).await.unwrap();
        assert_eq!((r.state, r.received), (PaymentState::Succeeded, Some(eur(minor))));
        r
    }
    fn refund(&self, our_ref: &str, paid: &DepositReport, minor: i64) -> RefundRequest {
        RefundRequest {
            our_ref: our_ref.into(),
            payment_ref: paid.payment_ref.clone().unwrap(),
            amount: eur(minor),
        }
    }
    fn payout(&self, our_ref: &str, to: &str, minor: i64) -> PayoutRequest {
        PayoutRequest {
            our_ref: our_ref.into(),
            amount: eur(minor),
            method: "neteller".into(),
            to: PayoutTarget {
                account: Secret::new(to),
                holder: "Alex Weber".into(),
                country: "DE".into(),
                bank_code: None,
            },
            description: "Withdrawal wd_1".into(),
        }
    }
    /// Polls until a post that `fits` has come.
    async fn posted(&self, fits: impl Fn(&str) -> bool) -> (Headers, Bytes) {
        for _ in 0..500 {
            let seen = self.hooks.lock().unwrap().clone();
            if let Some(one) = seen.into_iter().find(|(_, b)| fits(&String::from_utf8_lossy(b))) {
                return one;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no such post: {:?}", self.hooks.lock().unwrap());
    }
}

#[tokio::test]
async fn a_deposit_is_approved_and_then_taken_once() {
    let w = world().await;
    let s = w.neteller.open_deposit(&w.wish("dep_1", 2_540)).await.unwrap();
    assert_eq!(s.state, PaymentState::RequiresAction);
    assert!(s.redirect_url.as_deref().is_some_and(|u| u.contains("/hosted/")), "{s:?}");
    // The same reference gives the same handle.
    let again = w.neteller.open_deposit(&w.wish("dep_1", 2_540)).await.unwrap();
    assert_eq!((&again.provider_ref, &again.redirect_url), (&s.provider_ref, &s.redirect_url));
    let early = w.neteller.take(&s.provider_ref, "dep_1", eur(2_540)).await.unwrap();
    assert_eq!((early.state, early.payment_ref), (PaymentState::RequiresAction, None));

    w.control("/pay", json!({"ref": "dep_1"})).await;
    let r = w.neteller.deposit(&s.provider_ref).await.unwrap();
    assert_eq!((r.state, r.amount, r.received), (PaymentState::Authorised, eur(2_540), None));
    for (our_ref, minor) in [("dep_2", 2_540), ("dep_1", 2_541)] {
        let e = w.neteller.take(&s.provider_ref, our_ref, eur(minor)).await.unwrap_err();
        assert_eq!((e.fate, e.code.as_str()), (Fate::Unknown, "echo_mismatch"));
    }
    // The answer is lost; the same call finds what it did.
    w.order("payments.create", FaultKind::DropAfter, None);
    let e = w.neteller.take(&s.provider_ref, "dep_1", eur(2_540)).await.unwrap_err();
    assert_eq!(e.fate, Fate::Unknown);
    let r = w.neteller.take(&s.provider_ref, "dep_1", eur(2_540)).await.unwrap();
    assert_eq!(
        (r.state, r.received, &r.provider_ref),
        (PaymentState::Succeeded, Some(eur(2_540)), &s.provider_ref)
    );
    let read = w.neteller.deposit(&s.provider_ref).await.unwrap();
    assert_eq!((read.state, &read.payment_ref), (PaymentState::Succeeded, &r.payment_ref));
    // The same by the payment's own id, as its webhooks name it.
    let by_id = w.neteller.deposit(r.payment_ref.as_deref().unwrap()).await.unwrap();
    assert_eq!((by_id.state, by_id.our_ref.as_deref()), (PaymentState::Succeeded, Some("dep_1")));
    let e = w.neteller.open_deposit(&w.wish("dep_1", 2_541)).await.unwrap_err();
    assert_eq!(e.code, "echo_mismatch");
}

#[tokio::test]
async fn payments_fail_wait_expire_and_are_given_up() {
    let w = world().await;
    let r = w.approved("dep_no", 1_000, "decline").await;
    assert_eq!((r.state, r.failure_code.as_deref()), (PaymentState::Failed, Some("5050")));
    assert_eq!(w.approved("dep_gone", 1_000, "abandon").await.state, PaymentState::RequiresAction);
    let r = w.approved("dep_wait", 1_000, "later").await;
    let r = w.neteller.take(&r.provider_ref, "dep_wait", eur(1_000)).await.unwrap();
    assert_eq!((r.state, r.received), (PaymentState::Pending, None));
    assert_eq!(
        w.neteller.take(&r.provider_ref, "dep_wait", eur(1_000)).await.unwrap().state,
        PaymentState::Pending
    );
    w.control("/pay", json!({"ref": "dep_wait"})).await;
    assert_eq!(w.neteller.deposit(&r.provider_ref).await.unwrap().state, PaymentState::Succeeded);

    let r = w.approved("dep_poor", 1_000, "pay").await;
    w.control("/payment/next_fails", json!({})).await;
    let e = w.neteller.take(&r.provider_ref, "dep_poor", eur(1_000)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, "3022"));
    assert_eq!(w.neteller.deposit(&r.provider_ref).await.unwrap().state, PaymentState::Failed);

    // Approved and not taken in time: nothing has moved.
    let r = w.approved("dep_late", 1_000, "pay").await;
    w.control(&format!("/handle/{}/expire", r.provider_ref), json!({})).await;
    let late = w.neteller.take(&r.provider_ref, "dep_late", eur(1_000)).await.unwrap();
    assert_eq!((late.state, late.received), (PaymentState::Expired, None));
}

#[tokio::test]
async fn a_refund_is_made_once_however_often_it_is_asked_for() {
    let w = world().await;
    let paid = w.paid("dep_1", 50_000).await;
    for (i, kind) in [FaultKind::DropAfter, FaultKind::Garbage, FaultKind::DropBefore]
        .into_iter()
        .enumerate()
    {
        let wish = w.refund(&format!("rf_{i}"), &paid, 10_000);
        w.order("settlements.refunds", kind, None);
        assert_eq!(w.neteller.refund(&wish).await.unwrap_err().fate, Fate::Unknown, "{kind:?}");
        let made = w.neteller.refund(&wish).await.unwrap();
        assert_eq!(
            (made.state, made.amount, made.our_ref.as_deref()),
            (RefundState::Succeeded, eur(10_000), Some(wish.our_ref.as_str()))
        );
        assert_eq!(w.neteller.refund(&wish).await.unwrap().provider_ref, made.provider_ref);
    }
    let e = w.neteller.refund(&w.refund("rf_0", &paid, 9_999)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Unknown, "echo_mismatch"));
    let e = w.neteller.refund(&w.refund("rf_8", &paid, 20_001)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, "3402"));
    w.control("/refund/next_pending", json!({})).await;
    let r = w.neteller.refund(&w.refund("rf_9", &paid, 20_000)).await.unwrap();
    assert_eq!(r.state, RefundState::Pending);
    w.control("/refund/rf_9/fail", json!({})).await;
    let read = w.neteller.refund_status(&r.provider_ref).await.unwrap();
    assert_eq!(
        (read.state, read.our_ref.as_deref(), read.payment_ref),
        (RefundState::Failed, Some("rf_9"), r.payment_ref)
    );
}

#[tokio::test]
async fn a_payout_is_made_once_and_may_wait_and_fail() {
    let w = world().await;
    let targets = ["paymenthandles.create", "standalonecredits.create"];
    let kinds = [FaultKind::DropAfter, FaultKind::Garbage, FaultKind::DropBefore];
    for (i, (target, kind)) in targets.iter().flat_map(|t| kinds.map(|k| (t, k))).enumerate() {
        let wish = w.payout(&format!("wd_{i}"), "alex@example.com", 5_000);
        w.order(target, kind, None);
        assert_eq!(
            w.neteller.pay_out(&wish).await.unwrap_err().fate,
            Fate::Unknown,
            "{target} {kind:?}"
        );
        let made = w.neteller.pay_out(&wish).await.unwrap();
        assert_eq!(
            (made.state, made.amount, made.our_ref.as_deref()),
            (PayoutState::Paid, eur(5_000), Some(wish.our_ref.as_str()))
        );
        assert_eq!(w.neteller.pay_out(&wish).await.unwrap().provider_ref, made.provider_ref);
    }
    let e = w.neteller.pay_out(&w.payout("wd_0", "alex@example.com", 5_001)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Unknown, "echo_mismatch"));
    w.control("/payout/next_pending", json!({})).await;
    let waits = w.neteller.pay_out(&w.payout("wd_wait", "451234567890", 5_000)).await.unwrap();
    assert_eq!(waits.state, PayoutState::Pending);
    w.control("/payout/wd_wait/fail", json!({})).await;
    for by in [None, Some(waits.provider_ref.as_str())] {
        let read = w.neteller.payout_status("wd_wait", by).await.unwrap();
        assert_eq!((read.state, read.failure_code.as_deref()), (PayoutState::Failed, Some("5050")));
    }
    let e = w.neteller.payout_status("wd_0", Some(&waits.provider_ref)).await.unwrap_err();
    assert_eq!(e.code, "echo_mismatch");
    assert_eq!(
        w.neteller.payout_status("wd_none", None).await.unwrap_err().code,
        "resource_missing"
    );
    for (value, fate) in [("5031", Fate::Unknown), ("3022", Fate::Refused), ("503", Fate::Unknown)] {
        w.order("standalonecredits.create", FaultKind::Refuse, Some(value));
        let e = w.neteller.pay_out(&w.payout("wd_x", "alex@example.com", 5_000)).await.unwrap_err();
        assert_eq!(e.fate, fate, "{value}: {e}");
    }
    w.order("standalonecredits.create", FaultKind::WrongAmount, None);
    let e = w
        .neteller
        .pay_out(&w.payout("wd_lie", "alex@example.com", 5_000))
        .await
        .unwrap_err();
    assert_eq!((e.code.as_str(), e.raw.is_some()), ("echo_mismatch", true));
    let e = w.neteller.pay_out(&w.payout("wd_who", "nobody", 5_000)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, "payout_target_malformed"));
}

#[tokio::test]
async fn every_way_to_lose_an_answer_has_its_fate_and_the_same_call_heals_it() {
    let w = world().await;
    for (i, (target, kind, value, fate, code)) in [
        (
            "paymenthandles.create",
            FaultKind::DropBefore,
            None,
            Fate::Unknown,
            "connection_lost",
        ),
        (
            "paymenthandles.create",
            FaultKind::DropAfter,
            None,
            Fate::Unknown,
            "connection_lost",
        ),
        (
            "paymenthandles.create",
            FaultKind::Garbage,
            None,
            Fate::Unknown,
            "unreadable_answer",
        ),
        ("paymenthandles.create", FaultKind::Forbidden, None, Fate::Unknown, "http_403"),
        ("paymenthandles.create", FaultKind::Refuse, Some("500"), Fate::Unknown, "http_500"),
        ("paymenthandles.create", FaultKind::Refuse, Some("DEC-1"), Fate::Refused, "DEC-1"),
        ("paymenthandles.list", FaultKind::Garbage, None, Fate::Unknown, "unreadable_answer"),
        ("*", FaultKind::DropBefore, None, Fate::Unknown, "connection_lost"),
    ]
    .into_iter()
    .enumerate()
    {
        let our_ref = format!("dep_{i}");
        w.order(target, kind, value);
        let e = w.neteller.open_deposit(&w.wish(&our_ref, 10_000)).await.unwrap_err();
        assert_eq!((e.fate, e.code.as_str()), (fate, code), "{target} {kind:?}: {e}");
        w.paid(&our_ref, 10_000).await;
    }
    let paid = w.paid("dep_paid", 50_000).await;
    w.order("paymenthandles.retrieve", FaultKind::WrongAmount, None);
    assert_eq!(w.neteller.deposit(&paid.provider_ref).await.unwrap_err().code, "unreadable_answer");
    let e = w.neteller.deposit(w.neteller.probe()).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, "resource_missing"));
    assert_eq!(w.neteller.deposit("../v1").await.unwrap_err().code, "provider_ref_malformed");
    assert_eq!(w.neteller.dispute("x").await.unwrap_err().code, "not_offered");
    let yen = OpenDeposit {
        amount: Amount::new(2_500, Currency::JPY),
        ..w.wish("dep_jpy", 1)
    };
    assert_eq!(w.neteller.open_deposit(&yen).await.unwrap_err().code, "currency_unsupported");
    let mut wrong = account(&w.base, &w.hook_base);
    wrong.key = Secret::new("merchant:another");
    let e = Neteller::new(wrong).unwrap().deposit("1").await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, "unauthorised"));
    assert!(!format!("{:?}", w.neteller).contains("B-qa2"));
    let mut a = account(&w.base, &w.hook_base);
    a.key = Secret::new("no-colon");
    assert_eq!(Neteller::new(a).unwrap_err().code, "secret_malformed");
}

#[tokio::test]
async fn webhooks_are_verified_and_say_what_they_are_about() {
    let w = world().await;
    w.order("webhook:PAYMENT_COMPLETED", FaultKind::Forged, None);
    let paid = w.paid("dep_1", 50_000).await;
    let refund = w.neteller.refund(&w.refund("rf_1", &paid, 10_000)).await.unwrap();
    let payout = w.neteller.pay_out(&w.payout("wd_1", "alex@example.com", 5_000)).await.unwrap();
    let our = |r: &str| Some(r.to_string());
    let deposit = |id: &str| HookSubject::Deposit {
        our_ref: our("dep_1"),
        provider_ref: id.into(),
    };
    for (kind, about) in [
        ("PAYMENT_HANDLE_PAYABLE", deposit(&paid.provider_ref)),
        ("PAYMENT_COMPLETED", deposit(paid.payment_ref.as_deref().unwrap())),
        (
            "REFUND_COMPLETED",
            HookSubject::Refund {
                our_ref: our("rf_1"),
                provider_ref: refund.provider_ref,
            },
        ),
        (
            "SA_CREDIT_COMPLETED",
            HookSubject::Payout {
                our_ref: our("wd_1"),
                provider_ref: payout.provider_ref,
            },
        ),
    ] {
        let (headers, body) = w.posted(|b| b.contains(&format!("\"{kind}\"")) && !b.contains("500000")).await;
        let e = w.neteller.verify(&headers, &body, w.env.now()).unwrap();
        assert_eq!((e.kind.as_str(), e.subject), (kind, about));
        let changed = String::from_utf8_lossy(&body).replace("EUR", "USD");
        assert!(matches!(
            w.neteller.verify(&headers, changed.as_bytes(), w.env.now()),
            Err(HookRefusal::Forged(_))
        ));
    }
    let (headers, body) = w.posted(|b| b.contains("500000")).await;
    assert!(matches!(
        w.neteller.verify(&headers, &body, w.env.now()),
        Err(HookRefusal::Forged(_))
    ));
}

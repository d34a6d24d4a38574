//! The connector against the sandbox's Skrill, which was written apart from it.
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
    DepositReport, DisputeState, HookRefusal, HookSubject, OpenDeposit, PayOut, PaymentState, PayoutRequest, PayoutState, PayoutTarget,
    Psp, ReadSettlements, RefundDeposits, RefundRequest, RefundState, ReportDisputes, SettlementKind, TakeDeposits, VerifyHook,
};
use qd_psp_skrill::Skrill;
use qd_sandbox::{Fault, FaultKind, RailConfig, Sandbox, SandboxConfig};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower::ServiceExt;

const START: Ts = Ts::from_secs(1_795_132_800 + 9 * 3_600);
const HOOK: &str = "/hooks/skrill/skrill-eu";

type Headers = Vec<(String, String)>;
type Delivered = Arc<Mutex<Vec<(Headers, Bytes)>>>;

struct World {
    sandbox: Sandbox,
    env: Env,
    clock: Arc<TestClock>,
    skrill: Skrill,
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
        connection_id: "skrill-eu".into(),
        api_base: Some(format!("{base}/sandbox/skrill/skrill-eu")),
        key: Secret::new("mqi-password"),
        hook_secrets: vec![Secret::new("old word"), Secret::new("Answer One")],
        hook_url: format!("{hook_base}{HOOK}"),
        settings: [
            ("email".to_string(), "pay@broker.example".to_string()),
            ("merchant_id".into(), "4637827".into()),
        ]
        .into(),
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
            provider: "skrill".into(),
            connection: "skrill-eu".into(),
            entity: "eu".into(),
            key: "mqi-password".into(),
            hook_secret: "Answer One".into(),
            secrets: [].into(),
            settings: [("email", "pay@broker.example"), ("merchant_id", "4637827"), ("currency", "EUR")]
                .map(|(k, v)| (k.into(), v.into()))
                .into(),
        }],
        mt5: vec![],
        smtp_listen: None,
        simulate_traders: false,
    };
    let sandbox = Sandbox::start(cfg, env.clone()).await.unwrap();
    let base = listen(Router::new().nest("/sandbox", sandbox.router())).await;
    let skrill = Skrill::new(account(&base, &hook_base)).unwrap();
    World {
        sandbox,
        env,
        clock,
        skrill,
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
            provider: "skrill".into(),
            target: target.into(),
            server: None,
            kind,
            count: 1,
            delay_ms: Some(300),
            value: value.map(str::to_string),
        });
    }
    async fn call(&self, method: &str, path: &str, body: Value) -> String {
        let req = axum::http::Request::builder()
            .method(method)
            .uri(format!("/control/skrill/skrill-eu{path}"));
        let res = self
            .sandbox
            .router()
            .oneshot(req.body(Body::from(body.to_string())).unwrap())
            .await
            .unwrap();
        let ok = res.status().is_success();
        let text = String::from_utf8(to_bytes(res.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap();
        assert!(ok, "{path}: {text}");
        text
    }
    async fn control(&self, path: &str, body: Value) -> Value {
        serde_json::from_str(&self.call("POST", path, body).await).unwrap()
    }
    fn wish(&self, our_ref: &str, minor: i64) -> OpenDeposit {
        OpenDeposit {
            our_ref: our_ref.into(),
            amount: eur(minor),
            method: "skrill".into(),
            client_ref: "cli_1".into(),
            email: "alex+1@example.com".into(),
            locale: "de_DE".into(),
            return_url: "https://broker.example/back?ok=1".into(),
            cancel_url: "https://broker.example/back?ok=0".into(),
            description: "Einzahlung für Konto 500001 & mehr".into(),
            expires_at: START.plus_secs(3_600),
        }
    }
    async fn outcome(&self, our_ref: &str, minor: i64, outcome: &str) -> DepositReport {
        let s = self.skrill.open_deposit(&self.wish(our_ref, minor)).await.unwrap();
        self.control("/pay", json!({"ref": our_ref, "outcome": outcome})).await;
        self.skrill.deposit(&s.provider_ref).await.unwrap()
    }
    async fn paid(&self, our_ref: &str, minor: i64) -> DepositReport {
        let r = self.outcome(our_ref, minor, "pay").await;
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
            method: "skrill".into(),
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
async fn a_deposit_is_opened_paid_on_the_page_and_reported_whole() {
    let w = world().await;
    let s = w.skrill.open_deposit(&w.wish("dep_1", 2_540)).await.unwrap();
    assert_eq!(s.state, PaymentState::Created);
    let url = s.redirect_url.clone().unwrap();
    assert!(url.starts_with(&w.base) && url.contains("/pay?sid="), "{url}");
    let before = w.skrill.deposit(&s.provider_ref).await.unwrap();
    assert_eq!(
        (before.state, before.amount, before.payment_ref),
        (PaymentState::Created, eur(2_540), None)
    );

    w.control("/pay", json!({"ref": "dep_1"})).await;
    let r = w.skrill.deposit(&s.provider_ref).await.unwrap();
    assert_eq!(
        (r.state, r.amount, r.received),
        (PaymentState::Succeeded, eur(2_540), Some(eur(2_540)))
    );
    assert_eq!((r.our_ref.as_deref(), &r.provider_ref), (Some("dep_1"), &s.provider_ref));
    assert_eq!(r.instrument.unwrap().kind, "wallet");
    // The same by Skrill's own id, as its posts name it.
    let by_id = w.skrill.deposit(r.payment_ref.as_deref().unwrap()).await.unwrap();
    assert_eq!((by_id.state, by_id.our_ref), (PaymentState::Succeeded, Some("dep_1".into())));
    // A payment that has begun is not opened again.
    let again = w.skrill.open_deposit(&w.wish("dep_1", 2_540)).await.unwrap();
    assert_eq!((again.redirect_url, again.state), (None, PaymentState::Succeeded));
    let e = w.skrill.open_deposit(&w.wish("dep_1", 2_541)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Unknown, "echo_mismatch"));
}

#[tokio::test]
async fn payments_fail_wait_and_are_given_up() {
    let w = world().await;
    let r = w.outcome("dep_no", 1_000, "decline").await;
    assert_eq!(
        (r.state, r.received, r.failure_code.as_deref(), r.soft_failure),
        (PaymentState::Failed, None, Some("skrill_05"), true)
    );
    assert_eq!(w.outcome("dep_gone", 1_000, "abandon").await.state, PaymentState::Created);
    let r = w.outcome("dep_wait", 1_000, "later").await;
    assert_eq!((r.state, r.received), (PaymentState::Pending, None));
    w.control("/pay", json!({"ref": "dep_wait"})).await;
    assert_eq!(w.skrill.deposit(&r.provider_ref).await.unwrap().state, PaymentState::Succeeded);
    let yen = OpenDeposit {
        amount: Amount::new(2_500, Currency::JPY),
        ..w.wish("dep_jpy", 1)
    };
    let s = w.skrill.open_deposit(&yen).await.unwrap();
    w.control("/pay", json!({"ref": "dep_jpy"})).await;
    assert_eq!(w.skrill.deposit(&s.provider_ref).await.unwrap().received, Some(yen.amount));
}

#[tokio::test]
async fn a_refund_is_made_once_however_often_it_is_asked_for() {
    let w = world().await;
    let paid = w.paid("dep_1", 50_000).await;
    for (i, kind) in [FaultKind::DropAfter, FaultKind::Garbage, FaultKind::Slow].into_iter().enumerate() {
        let wish = w.refund(&format!("rf_{i}"), &paid, 10_000);
        w.order("refund.refund", kind, None);
        let first = w.skrill.refund(&wish).await;
        assert_eq!(
            first.as_ref().err().map(|e| e.fate),
            (kind != FaultKind::Slow).then_some(Fate::Unknown),
            "{kind:?}"
        );
        let made = w.skrill.refund(&wish).await.unwrap();
        assert_eq!(
            (made.state, made.amount, made.our_ref.as_deref()),
            (RefundState::Succeeded, eur(10_000), Some(wish.our_ref.as_str()))
        );
        assert_eq!(w.skrill.refund(&wish).await.unwrap().provider_ref, made.provider_ref);
        let read = w.skrill.refund_status(&made.provider_ref).await.unwrap();
        assert_eq!(
            (read.our_ref, read.payment_ref, read.amount),
            (made.our_ref, wish.payment_ref, eur(10_000))
        );
    }
    let e = w.skrill.refund(&w.refund("rf_0", &paid, 9_999)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Unknown, "echo_mismatch"));
    let e = w.skrill.refund(&w.refund("rf_8", &paid, 20_001)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, "REFUND_DENIED"));
    w.skrill.refund(&w.refund("rf_9", &paid, 20_000)).await.unwrap();
    let e = w.skrill.refund(&w.refund("rf_10", &paid, 1)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, "ALREADY_REFUNDED"));
}

#[tokio::test]
async fn a_refund_that_waits_is_told_of_by_a_post() {
    let w = world().await;
    let paid = w.paid("dep_1", 50_000).await;
    w.control("/refund/next_pending", json!({})).await;
    let r = w.skrill.refund(&w.refund("rf_1", &paid, 10_000)).await.unwrap();
    assert_eq!(r.state, RefundState::Pending);
    assert_eq!(
        w.skrill.refund(&w.refund("rf_1", &paid, 10_000)).await.unwrap().state,
        RefundState::Pending
    );
    w.control(&format!("/refund/{}/fail", r.provider_ref), json!({})).await;
    let (headers, body) = w.posted(|b| b.contains("qd_refund=rf_1") && b.contains("status=-2")).await;
    let e = w.skrill.verify(&headers, &body, w.env.now()).unwrap();
    let about = HookSubject::Refund {
        our_ref: Some("rf_1".into()),
        provider_ref: r.provider_ref.clone(),
    };
    assert_eq!(e.subject, about);
    assert_eq!(w.skrill.refund_status(&r.provider_ref).await.unwrap().state, RefundState::Failed);
    // A payment is no refund.
    let e = w.skrill.refund_status(paid.payment_ref.as_deref().unwrap()).await.unwrap_err();
    assert_eq!(e.code, "echo_mismatch");
}

#[tokio::test]
async fn a_payout_is_made_once_and_may_wait_fail_or_come_back() {
    let w = world().await;
    for (i, kind) in [FaultKind::DropAfter, FaultKind::Garbage, FaultKind::DropBefore]
        .into_iter()
        .enumerate()
    {
        let wish = w.payout(&format!("wd_{i}"), "alex@example.com", 5_000);
        w.order("pay.transfer", kind, None);
        assert_eq!(w.skrill.pay_out(&wish).await.unwrap_err().fate, Fate::Unknown, "{kind:?}");
        let made = w.skrill.pay_out(&wish).await.unwrap();
        assert_eq!(
            (made.state, made.amount, made.our_ref.as_deref()),
            (PayoutState::Paid, eur(5_000), Some(wish.our_ref.as_str()))
        );
        assert_eq!(w.skrill.pay_out(&wish).await.unwrap().provider_ref, made.provider_ref);
    }
    let e = w.skrill.pay_out(&w.payout("wd_0", "alex@example.com", 5_001)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Unknown, "echo_mismatch"));

    let waits = w
        .skrill
        .pay_out(&w.payout("wd_new", "unregistered@example.com", 5_000))
        .await
        .unwrap();
    assert_eq!(waits.state, PayoutState::Pending);
    let look = async |end: &str| {
        w.control(&format!("/payout/{}/{end}", waits.provider_ref), json!({})).await;
        w.skrill.payout_status("wd_new", None).await.unwrap().state
    };
    assert_eq!(look("pay").await, PayoutState::Paid);
    assert_eq!(look("return").await, PayoutState::Returned);
    let by_id = w.skrill.payout_status("wd_new", Some(&waits.provider_ref)).await.unwrap();
    assert_eq!(by_id.state, PayoutState::Returned);
    let e = w.skrill.payout_status("wd_other", Some(&waits.provider_ref)).await.unwrap_err();
    assert_eq!(e.code, "echo_mismatch");

    w.control("/payout/next_fails", json!({})).await;
    let failed = w.skrill.pay_out(&w.payout("wd_bad", "alex@example.com", 5_000)).await.unwrap();
    assert_eq!(
        (failed.state, failed.failure_code.as_deref()),
        (PayoutState::Failed, Some("LL_NO_PAYMENT"))
    );
    for (target, value, fate) in [
        ("pay.transfer", "GENERIC_ERROR", Fate::Unknown),
        ("pay.transfer", "PAYMENT_DENIED", Fate::Refused),
        ("pay.transfer", "BALANCE_NOT_ENOUGH", Fate::RefusedForNow),
        ("pay.prepare", "GENERIC_ERROR", Fate::Refused),
        ("pay.prepare", "503", Fate::Unknown),
    ] {
        w.order(target, FaultKind::Refuse, Some(value));
        let e = w.skrill.pay_out(&w.payout("wd_x", "alex@example.com", 5_000)).await.unwrap_err();
        assert_eq!(e.fate, fate, "{target} {value}: {e}");
    }
    w.order("pay.transfer", FaultKind::WrongAmount, None);
    let e = w.skrill.pay_out(&w.payout("wd_lie", "alex@example.com", 5_000)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str(), e.raw.is_some()), (Fate::Unknown, "echo_mismatch", true));
    let e = w
        .skrill
        .pay_out(&w.payout("wd_huge", "alex@example.com", 900_000_000))
        .await
        .unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::RefusedForNow, "BALANCE_NOT_ENOUGH"));
    let e = w.skrill.pay_out(&w.payout("wd_who", "nobody", 5_000)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, "payout_target_malformed"));
    assert_eq!(w.skrill.payout_status("wd_none", None).await.unwrap_err().code, "resource_missing");
}

#[tokio::test]
async fn every_way_to_lose_an_answer_has_its_fate_and_the_same_call_heals_it() {
    let w = world().await;
    for (i, (target, kind, value, fate, code)) in [
        ("checkout.prepare", FaultKind::DropBefore, None, Fate::Unknown, "connection_lost"),
        ("checkout.prepare", FaultKind::DropAfter, None, Fate::Unknown, "connection_lost"),
        ("checkout.prepare", FaultKind::Garbage, None, Fate::Unknown, "unreadable_answer"),
        ("checkout.prepare", FaultKind::Forbidden, None, Fate::Unknown, "http_403"),
        ("checkout.prepare", FaultKind::Refuse, Some("500"), Fate::Unknown, "http_500"),
        (
            "checkout.prepare",
            FaultKind::Refuse,
            Some("BAD_REQUEST"),
            Fate::Refused,
            "BAD_REQUEST",
        ),
        ("query.status_trn", FaultKind::Garbage, None, Fate::Unknown, "unreadable_answer"),
        (
            "query.status_trn",
            FaultKind::Refuse,
            Some("Too many requests"),
            Fate::RefusedForNow,
            "skrill_403",
        ),
        ("*", FaultKind::DropBefore, None, Fate::Unknown, "connection_lost"),
    ]
    .into_iter()
    .enumerate()
    {
        let our_ref = format!("dep_{i}");
        w.order(target, kind, value);
        let e = w.skrill.open_deposit(&w.wish(&our_ref, 10_000)).await.unwrap_err();
        assert_eq!((e.fate, e.code.as_str()), (fate, code), "{target} {kind:?}: {e}");
        w.paid(&our_ref, 10_000).await;
    }
    let paid = w.paid("dep_paid", 50_000).await;
    w.order("query.status_trn", FaultKind::WrongAmount, None);
    assert_eq!(w.skrill.deposit(&paid.provider_ref).await.unwrap_err().code, "echo_mismatch");
    let e = w.skrill.deposit(w.skrill.probe()).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, "resource_missing"));
    assert_eq!(w.skrill.deposit("../app").await.unwrap_err().code, "provider_ref_malformed");
    let mut wrong = account(&w.base, &w.hook_base);
    wrong.key = Secret::new("another");
    let e = Skrill::new(wrong).unwrap().deposit("1").await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, "unauthorised"));
    assert!(!format!("{:?}", w.skrill).contains("mqi-password"));
    for missing in ["email", "merchant_id"] {
        let mut a = account(&w.base, &w.hook_base);
        a.settings.remove(missing);
        let e = Skrill::new(a).unwrap_err();
        assert_eq!((e.code, e.fields[0].pointer.contains(missing)), ("setting_missing", true), "{e:?}");
    }
}

#[tokio::test]
async fn posts_are_verified_and_say_what_they_are_about() {
    let w = world().await;
    w.order("webhook", FaultKind::Forged, None);
    let paid = w.paid("dep_1", 50_000).await;
    let id = paid.payment_ref.clone().unwrap();
    let (headers, body) = w.posted(|b| b.contains("mb_amount=500&")).await;
    let e = w.skrill.verify(&headers, &body, w.env.now()).unwrap();
    let about = HookSubject::Deposit {
        our_ref: Some("dep_1".into()),
        provider_ref: id.clone(),
    };
    assert_eq!((e.subject, e.event_id, e.kind.as_str()), (about, format!("{id}:2"), "status 2"));
    let (headers, forged) = w.posted(|b| b.contains("mb_amount=5000&")).await;
    for bad in [
        forged.to_vec(),
        String::from_utf8_lossy(&body).replace("500", "600").into_bytes(),
        b"".to_vec(),
        b"\xff".to_vec(),
    ] {
        assert!(
            matches!(w.skrill.verify(&headers, &bad, w.env.now()), Err(HookRefusal::Forged(_))),
            "{bad:?}"
        );
    }
    w.control("/dispute", json!({"ref": id})).await;
    let (headers, body) = w.posted(|b| b.contains("status=-3")).await;
    let e = w.skrill.verify(&headers, &body, w.env.now()).unwrap();
    assert_eq!(e.subject, HookSubject::Dispute { provider_ref: id.clone() });
    let d = w.skrill.dispute(&id).await.unwrap();
    assert_eq!((d.state, d.amount, d.payment_ref), (DisputeState::Opened, eur(50_000), id));
    // What was paid was paid: that it went back is the dispute's story.
    assert_eq!(w.skrill.deposit(&paid.provider_ref).await.unwrap().state, PaymentState::Succeeded);
}

#[tokio::test]
async fn the_history_file_is_read_line_by_line() {
    let w = world().await;
    let paid = w.paid("dep_1", 50_000).await;
    let refund = w.skrill.refund(&w.refund("rf_1", &paid, 10_050)).await.unwrap();
    let payout = w.skrill.pay_out(&w.payout("wd_1", "alex@example.com", 50)).await.unwrap();
    w.clock.advance_secs(60);
    let charged = w.paid("dep_2", 20_000).await;
    w.control("/dispute", json!({"ref": "dep_2"})).await;
    let file = w.call("GET", "/settlement?currency=EUR", Value::Null).await;
    let s = w.skrill.read_settlement(file.as_bytes()).unwrap();
    assert!(s.faults.is_empty(), "{:?}", s.faults);
    let seen: Vec<_> = s
        .lines
        .iter()
        .map(|l| (l.kind, l.gross, l.our_ref.as_deref(), l.provider_ref.clone()))
        .collect();
    let fee = |n: usize| s.lines[n].provider_ref.clone();
    assert_eq!(
        seen,
        [
            (SettlementKind::Payment, eur(50_000), Some("dep_1"), paid.payment_ref.clone()),
            (SettlementKind::Fee, eur(-950), None, fee(1)),
            (SettlementKind::Refund, eur(-10_050), Some("rf_1"), Some(refund.provider_ref)),
            (SettlementKind::Payout, eur(-50), Some("wd_1"), Some(payout.provider_ref)),
            (SettlementKind::Payment, eur(20_000), Some("dep_2"), charged.payment_ref.clone()),
            (SettlementKind::Fee, eur(-380), None, fee(5)),
            (SettlementKind::Chargeback, eur(-20_000), Some("dep_2"), charged.payment_ref.clone()),
        ]
    );
    assert_eq!(s.lines[1].payment_ref, paid.payment_ref);
    assert_eq!(s.lines[0].at, START);
}

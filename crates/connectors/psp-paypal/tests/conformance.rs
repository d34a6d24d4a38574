//! The connector against the sandbox's PayPal, which was written apart from it.
#![allow(clippy::unwrap_used)]

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Request};
use axum::routing::post;
use qd_connector_kit::Account;
use qd_kernel::{Amount, Currency, Env, Secret, SeededEntropy, TestClock, Ts};
use qd_outbound::Reach;
use qd_ports::psp::{
    DepositReport, DisputeState, HookRefusal, HookSubject, OpenDeposit, PROBE_MISSING, PayOut, PaymentState, PayoutRequest, PayoutState,
    PayoutTarget, Psp, ReadSettlements, RefundDeposits, RefundRequest, RefundState, ReportDisputes, SettlementKind, TakeDeposits,
    VerifyHook,
};
use qd_ports::{CallResult, Fate};
use qd_psp_paypal::PayPal;
use qd_sandbox::{Fault, FaultKind, RailConfig, Sandbox, SandboxConfig};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower::ServiceExt;

const START: Ts = Ts::from_secs(1_795_132_800 + 9 * 3_600);

type Delivered = Arc<Mutex<Vec<(Vec<(String, String)>, Bytes)>>>;

struct World {
    sandbox: Sandbox,
    env: Env,
    clock: Arc<TestClock>,
    paypal: PayPal,
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

fn settings() -> BTreeMap<String, String> {
    BTreeMap::from([
        ("client_id".to_string(), "AQd-client-eu".to_string()),
        ("webhook_id".to_string(), "1JE4291016473214C".to_string()),
    ])
}

fn account(base: &str, key: &str) -> Account {
    Account {
        connection_id: "paypal-eu".into(),
        api_base: Some(format!("{base}/sandbox/paypal/paypal-eu")),
        key: Secret::new(key),
        hook_secrets: vec![Secret::new(qd_sandbox::paypal::CERTIFICATE)],
        hook_url: String::new(),
        settings: settings(),
        secrets: BTreeMap::new(),
        reach: Reach::Anywhere,
    }
}

async fn world() -> World {
    let clock = Arc::new(TestClock::new(START));
    let env = Env::new(clock.clone(), Arc::new(SeededEntropy::new(7)));
    let hooks = Delivered::default();
    let catcher = Router::new()
        .route("/hooks/paypal/paypal-eu", post(catch))
        .with_state(hooks.clone());
    let hook_base = listen(catcher).await;
    let cfg = SandboxConfig {
        data_dir: None,
        public_base: "http://127.0.0.1/sandbox".into(),
        hook_base,
        stripe: vec![],
        rails: vec![RailConfig {
            provider: "paypal".into(),
            connection: "paypal-eu".into(),
            entity: "eu".into(),
            key: "EQd-secret-eu".into(),
            hook_secret: qd_sandbox::paypal::CERTIFICATE.into(),
            secrets: BTreeMap::new(),
            settings: settings(),
        }],
        mt5: vec![],
        smtp_listen: None,
        simulate_traders: false,
    };
    let sandbox = Sandbox::start(cfg, env.clone()).await.unwrap();
    let base = listen(Router::new().nest("/sandbox", sandbox.router())).await;
    let paypal = PayPal::new(account(&base, "EQd-secret-eu")).unwrap();
    World {
        sandbox,
        env,
        clock,
        paypal,
        base,
        hooks,
    }
}

fn eur(minor: i64) -> Amount {
    Amount::new(minor, Currency::EUR)
}

fn wish(our_ref: &str, minor: i64) -> OpenDeposit {
    OpenDeposit {
        our_ref: our_ref.into(),
        amount: eur(minor),
        method: "paypal".into(),
        client_ref: "cli_1".into(),
        email: "alex@example.com".into(),
        locale: "de_DE".into(),
        return_url: "https://broker.example/back?ok=1".into(),
        cancel_url: "https://broker.example/back?ok=0".into(),
        description: "Einzahlung für Konto 500001 & mehr".into(),
        expires_at: START.plus_secs(3_600),
    }
}

fn payout(our_ref: &str, minor: i64) -> PayoutRequest {
    PayoutRequest {
        our_ref: our_ref.into(),
        amount: eur(minor),
        method: "paypal".into(),
        to: PayoutTarget {
            account: Secret::new("alex@example.com"),
            holder: "Alex Müller".into(),
            country: "DE".into(),
            bank_code: None,
        },
        description: "Auszahlung".into(),
    }
}

impl World {
    fn order(&self, target: &str, kind: FaultKind, value: Option<&str>) {
        self.sandbox.shared().faults.order(Fault {
            id: String::new(),
            provider: "paypal".into(),
            target: target.into(),
            server: None,
            kind,
            count: 1,
            delay_ms: Some(3_000),
            value: value.map(str::to_string),
        });
    }
    async fn control(&self, path: &str, body: Value) -> Value {
        let req = Request::post(format!("/control/paypal/paypal-eu{path}"))
            .body(Body::from(body.to_string()))
            .unwrap();
        let res = self.sandbox.router().oneshot(req).await.unwrap();
        let ok = res.status().is_success();
        let bytes = to_bytes(res.into_body(), 1 << 20).await.unwrap();
        assert!(ok, "{path}: {}", String::from_utf8_lossy(&bytes));
        serde_json::from_slice(&bytes).unwrap()
    }
    async fn opened(&self, our_ref: &str, minor: i64) -> String {
        self.paypal.open_deposit(&wish(our_ref, minor)).await.unwrap().provider_ref
    }
    /// Opened and dealt with on the page.
    async fn approved(&self, our_ref: &str, minor: i64, outcome: &str) -> String {
        let id = self.opened(our_ref, minor).await;
        self.control("/pay", json!({"ref": our_ref, "outcome": outcome})).await;
        id
    }
    async fn take(&self, id: &str, our_ref: &str, minor: i64) -> CallResult<DepositReport> {
        self.paypal.take(id, our_ref, eur(minor)).await
    }
    async fn paid(&self, our_ref: &str, minor: i64) -> DepositReport {
        let id = self.approved(our_ref, minor, "pay").await;
        let r = self.take(&id, our_ref, minor).await.unwrap();
        assert_eq!(r.state, PaymentState::Succeeded);
        r
    }
    fn refund(&self, our_ref: &str, paid: &DepositReport, minor: i64) -> RefundRequest {
        RefundRequest {
            our_ref: our_ref.into(),
            payment_ref: paid.payment_ref.clone().unwrap(),
            amount: eur(minor),
        }
    }
    /// Polls until `want` deliveries of `kind` have come.
    async fn delivered(&self, kind: &str, want: usize) -> Vec<(Vec<(String, String)>, Bytes)> {
        let needle = format!("\"event_type\":\"{kind}\"");
        for _ in 0..500 {
            let seen = self.hooks.lock().unwrap().clone();
            let got: Vec<_> = seen
                .into_iter()
                .filter(|(_, b)| String::from_utf8_lossy(b).contains(&needle))
                .collect();
            if got.len() >= want {
                return got;
            }
            self.clock.advance_secs(1);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{kind} was not delivered {want} times");
    }
}

#[tokio::test]
async fn a_deposit_is_opened_once_approved_taken_once_and_reported_whole() {
    let w = world().await;
    let first = w.paypal.open_deposit(&wish("dep_1", 50_000)).await.unwrap();
    assert!(
        first
            .redirect_url
            .as_deref()
            .is_some_and(|u| u.contains("/paypal/paypal-eu/hosted/")),
        "{first:?}"
    );
    assert_eq!(first.state, PaymentState::RequiresAction);
    assert_eq!(w.opened("dep_1", 50_000).await, first.provider_ref);
    let id = first.provider_ref;
    // Nothing to take before the payer has approved, and no harm in trying.
    assert_eq!(w.take(&id, "dep_1", 50_000).await.unwrap().state, PaymentState::RequiresAction);

    w.control("/pay", json!({"ref": "dep_1"})).await;
    let r = w.paypal.deposit(&id).await.unwrap();
    assert_eq!((r.state, r.received, r.payment_ref), (PaymentState::Authorised, None, None));
    let r = w.take(&id, "dep_1", 50_000).await.unwrap();
    assert_eq!(
        (r.state, r.amount, r.received),
        (PaymentState::Succeeded, eur(50_000), Some(eur(50_000)))
    );
    // 2.9 % and 0.30.
    assert_eq!((r.fee, r.refunded_minor), (Some(eur(1_480)), 0));
    let i = r.instrument.clone().unwrap();
    assert_eq!(
        (i.kind.as_str(), i.brand.as_deref(), i.country.as_deref()),
        ("wallet", Some("paypal"), Some("DE"))
    );
    assert!(i.fingerprint.is_some() && i.holder.as_deref() == Some("Alex Buyer"));
    assert_eq!(w.take(&id, "dep_1", 50_000).await.unwrap(), r);
    assert_eq!(w.paypal.deposit(&id).await.unwrap(), r);
    assert_eq!((w.paypal.provider(), w.paypal.connection_id()), ("paypal", "paypal-eu"));
}

#[tokio::test]
async fn what_is_taken_has_to_be_what_was_opened() {
    let w = world().await;
    let id = w.approved("dep_1", 50_000, "pay").await;
    for (our_ref, minor) in [("dep_1", 50_001), ("dep_2", 50_000)] {
        let e = w.take(&id, our_ref, minor).await.unwrap_err();
        assert_eq!((e.fate, e.code.as_str()), (Fate::Unknown, "echo_mismatch"));
    }
    assert_eq!(w.paypal.deposit(&id).await.unwrap().state, PaymentState::Authorised);
}

#[tokio::test]
async fn a_declined_wallet_may_choose_again_and_a_slow_one_is_pending_until_it_says() {
    let w = world().await;
    let id = w.approved("dep_1", 50_000, "decline").await;
    let r = w.take(&id, "dep_1", 50_000).await.unwrap();
    assert_eq!(
        (r.state, r.failure_code.as_deref(), r.soft_failure),
        (PaymentState::RequiresAction, Some("INSTRUMENT_DECLINED"), true)
    );
    assert_eq!(w.paypal.deposit(&id).await.unwrap().state, PaymentState::RequiresAction);
    w.control("/pay", json!({"ref": "dep_1"})).await;
    assert_eq!(w.take(&id, "dep_1", 50_000).await.unwrap().state, PaymentState::Succeeded);
    for (our_ref, end, want) in [
        ("dep_2", "pay", PaymentState::Succeeded),
        ("dep_3", "decline", PaymentState::Failed),
    ] {
        let id = w.approved(our_ref, 50_000, "later").await;
        let r = w.take(&id, our_ref, 50_000).await.unwrap();
        assert_eq!((r.state, r.received), (PaymentState::Pending, None));
        w.control("/pay", json!({"ref": our_ref, "outcome": end})).await;
        let r = w.paypal.deposit(&id).await.unwrap();
        assert_eq!((r.state, r.soft_failure), (want, want == PaymentState::Failed), "{end}");
    }
    let id = w.approved("dep_4", 50_000, "abandon").await;
    assert_eq!(w.paypal.deposit(&id).await.unwrap().state, PaymentState::RequiresAction);
    w.control(&format!("/order/{id}/void"), json!({})).await;
    assert_eq!(w.paypal.deposit(&id).await.unwrap().state, PaymentState::Cancelled);
    let id = w.opened("dep_5", 50_000).await;
    w.control(&format!("/order/{id}/lapse"), json!({})).await;
    assert_eq!(w.paypal.deposit(&id).await.unwrap_err().code, PROBE_MISSING);
}

#[tokio::test]
async fn refunds_are_repeatable_bounded_and_may_end_later() {
    let w = world().await;
    let paid = w.paid("dep_1", 50_000).await;
    let first = w.paypal.refund(&w.refund("rf_1", &paid, 20_000)).await.unwrap();
    assert_eq!(
        (first.state, first.amount, first.our_ref.as_deref()),
        (RefundState::Succeeded, eur(20_000), Some("rf_1"))
    );
    assert_eq!(w.paypal.refund(&w.refund("rf_1", &paid, 20_000)).await.unwrap(), first);
    assert_eq!(w.paypal.deposit(&paid.provider_ref).await.unwrap().refunded_minor, 20_000);
    // The same id with another amount: what the first call did is the question.
    let e = w.paypal.refund(&w.refund("rf_1", &paid, 20_001)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Unknown, "DUPLICATE_REQUEST_ID"));
    let e = w.paypal.refund(&w.refund("rf_2", &paid, 30_001)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, "REFUND_AMOUNT_EXCEEDED"));
    for (our_ref, end, want) in [
        ("rf_3", "fail", RefundState::Failed),
        ("rf_4", "cancel", RefundState::Cancelled),
        ("rf_5", "settle", RefundState::Succeeded),
    ] {
        w.control("/refund/next_pending", json!({})).await;
        let r = w.paypal.refund(&w.refund(our_ref, &paid, 30_000)).await.unwrap();
        assert_eq!(r.state, RefundState::Pending);
        w.control(&format!("/refund/{}/{end}", r.provider_ref), json!({})).await;
        let r = w.paypal.refund_status(&r.provider_ref).await.unwrap();
        assert_eq!((r.state, r.our_ref.as_deref(), r.amount), (want, Some(our_ref), eur(30_000)));
        assert_eq!(Some(r.payment_ref), paid.payment_ref);
    }
    let r = w.paypal.deposit(&paid.provider_ref).await.unwrap();
    assert_eq!((r.state, r.refunded_minor), (PaymentState::Succeeded, 50_000));
}

#[tokio::test]
async fn disputes_are_inquiries_claims_and_ends() {
    let w = world().await;
    for (our_ref, end, want) in [
        ("dep_1", "RESOLVED_SELLER_FAVOUR", DisputeState::Won),
        ("dep_2", "RESOLVED_BUYER_FAVOUR", DisputeState::Lost),
        ("dep_3", "RESOLVED_WITH_PAYOUT", DisputeState::Unrecognised),
    ] {
        let paid = w.paid(our_ref, 50_000).await;
        let d = w
            .control("/dispute", json!({"ref": our_ref, "stage": "INQUIRY", "amount": "123.45"}))
            .await;
        let id = d["dispute_id"].as_str().unwrap();
        let r = w.paypal.dispute(id).await.unwrap();
        assert_eq!(
            (r.state, r.amount, Some(&r.payment_ref)),
            (DisputeState::Warning, eur(12_345), paid.payment_ref.as_ref())
        );
        w.control(&format!("/dispute/{id}/escalate"), json!({})).await;
        assert_eq!(w.paypal.dispute(id).await.unwrap().state, DisputeState::Opened);
        w.control(&format!("/dispute/{id}/close"), json!({"outcome": end})).await;
        assert_eq!(w.paypal.dispute(id).await.unwrap().state, want, "{end}");
    }
}

#[tokio::test]
async fn payouts_are_paid_once_may_wait_fail_and_come_back() {
    let w = world().await;
    let first = w.paypal.pay_out(&payout("wdr_1-1", 20_000)).await.unwrap();
    assert_eq!(
        (first.state, first.amount, first.our_ref.as_deref()),
        (PayoutState::Pending, eur(20_000), Some("wdr_1-1"))
    );
    let again = w.paypal.pay_out(&payout("wdr_1-1", 20_000)).await.unwrap();
    assert_eq!(
        (again.provider_ref.as_str(), again.state),
        (first.provider_ref.as_str(), PayoutState::Pending)
    );
    let status = async |our: &str, id: &str| w.paypal.payout_status(our, Some(id)).await.unwrap();
    for (switch, want) in [
        ("pay", PayoutState::Paid),
        ("block", PayoutState::Pending),
        ("unclaim", PayoutState::Pending),
        ("return", PayoutState::Returned),
    ] {
        w.control(&format!("/payout/wdr_1-1/{switch}"), json!({})).await;
        let r = status("wdr_1-1", &first.provider_ref).await;
        assert_eq!((r.state, r.amount, r.fee), (want, eur(20_000), Some(eur(25))), "{switch}");
    }
    for (our_ref, switch, want) in [
        ("wdr_2-1", "fail", PayoutState::Failed),
        ("wdr_3-1", "deny", PayoutState::Failed),
        ("wdr_4-1", "reverse", PayoutState::Returned),
    ] {
        let id = w.paypal.pay_out(&payout(our_ref, 1_000)).await.unwrap().provider_ref;
        w.control(&format!("/payout/{our_ref}/{switch}"), json!({})).await;
        let r = status(our_ref, &id).await;
        assert_eq!((r.state, r.failure_code.is_some()), (want, true), "{switch}");
    }
    // The same id with another amount is another wish: a person looks.
    let e = w.paypal.pay_out(&payout("wdr_1-1", 20_001)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Unknown, "echo_mismatch"));
    let e = w.paypal.payout_status("wdr_9-9", Some(&first.provider_ref)).await.unwrap_err();
    assert_eq!(e.code, "echo_mismatch");
    // The answer that names the batch was lost: sending it again finds it, and nothing is paid twice.
    w.order("payouts.create", FaultKind::DropAfter, None);
    let e = w.paypal.pay_out(&payout("wdr_5-1", 3_000)).await.unwrap_err();
    assert_eq!(e.fate, Fate::Unknown);
    let e = w.paypal.payout_status("wdr_5-1", None).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, "not_offered"));
    let found = w.paypal.pay_out(&payout("wdr_5-1", 3_000)).await.unwrap();
    let r = w.control("/payout/wdr_5-1/pay", json!({})).await;
    assert_eq!(r["payout_batch_id"].as_str(), Some(found.provider_ref.as_str()));
    assert_eq!(status("wdr_5-1", &found.provider_ref).await.state, PayoutState::Paid);
}

#[tokio::test]
async fn every_way_to_lose_the_answer_has_its_fate_and_the_same_call_heals_it() {
    let w = world().await;
    let cases = [
        (FaultKind::DropBefore, None, Fate::Unknown, "connection_lost"),
        (FaultKind::DropAfter, None, Fate::Unknown, "connection_lost"),
        (FaultKind::Garbage, None, Fate::Unknown, "unreadable_answer"),
        (FaultKind::Forbidden, None, Fate::Unknown, "http_403"),
        (FaultKind::Refuse, Some("500"), Fate::Unknown, "INTERNAL_SERVER_ERROR"),
        (FaultKind::Refuse, Some("409"), Fate::Unknown, "RESOURCE_CONFLICT"),
        (FaultKind::Refuse, Some("429"), Fate::RefusedForNow, "RATE_LIMIT_REACHED"),
        (FaultKind::Refuse, Some("403"), Fate::Refused, "unauthorised"),
        (
            FaultKind::Refuse,
            Some("PAYEE_ACCOUNT_RESTRICTED"),
            Fate::Refused,
            "PAYEE_ACCOUNT_RESTRICTED",
        ),
        (FaultKind::WrongAmount, None, Fate::Unknown, "echo_mismatch"),
    ];
    for (i, (kind, value, fate, code)) in cases.into_iter().enumerate() {
        let wish = wish(&format!("dep_{i}"), 10_000);
        w.order("orders.create", kind, value);
        let e = w.paypal.open_deposit(&wish).await.unwrap_err();
        assert_eq!((e.fate, e.code.as_str()), (fate, code), "{kind:?} {value:?}: {e}");
        let kept = matches!(kind, FaultKind::Garbage | FaultKind::Forbidden | FaultKind::WrongAmount);
        assert_eq!(e.raw.is_some(), kept, "{kind:?}");
        w.paypal.open_deposit(&wish).await.unwrap();
    }
    for (i, kind) in [FaultKind::DropAfter, FaultKind::Garbage, FaultKind::WrongAmount]
        .into_iter()
        .enumerate()
    {
        let our_ref = format!("dep_take_{i}");
        let id = w.approved(&our_ref, 10_000, "pay").await;
        w.order("orders.capture", kind, None);
        assert_eq!(w.take(&id, &our_ref, 10_000).await.unwrap_err().fate, Fate::Unknown, "{kind:?}");
        assert_eq!(w.take(&id, &our_ref, 10_000).await.unwrap().received, Some(eur(10_000)), "{kind:?}");
    }
    let paid = w.paid("dep_paid", 50_000).await;
    w.order("refunds.create", FaultKind::DropAfter, None);
    let back = w.refund("rf_1", &paid, 10_000);
    assert_eq!(w.paypal.refund(&back).await.unwrap_err().fate, Fate::Unknown);
    w.paypal.refund(&back).await.unwrap();
    assert_eq!(w.paypal.deposit(&paid.provider_ref).await.unwrap().refunded_minor, 10_000);
}

#[tokio::test]
async fn a_spent_token_is_replaced_and_a_lost_one_means_nothing_was_sent() {
    let w = world().await;
    let id = w.opened("dep_1", 10_000).await;
    w.control("/tokens/revoke", json!({})).await;
    assert_eq!(w.opened("dep_1", 10_000).await, id);
    for kind in [FaultKind::DropAfter, FaultKind::Garbage] {
        let fresh = PayPal::new(account(&w.base, "EQd-secret-eu")).unwrap();
        w.order("oauth.token", kind, None);
        let e = fresh.open_deposit(&wish("dep_2", 10_000)).await.unwrap_err();
        assert_eq!((e.fate, e.raw.is_some()), (Fate::NotSent, false), "{kind:?}");
        fresh.open_deposit(&wish("dep_2", 10_000)).await.unwrap();
    }
    let wrong = PayPal::new(account(&w.base, "EQd-another")).unwrap();
    let e = wrong.deposit(wrong.probe()).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, "unauthorised"));
    let e = w.paypal.deposit(w.paypal.probe()).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, PROBE_MISSING));
    assert!(!format!("{:?}", w.paypal).contains("EQd-secret-eu"));
}

#[tokio::test]
async fn nothing_is_sent_where_nobody_listens_and_nothing_that_paypal_cannot_hold() {
    let w = world().await;
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let away = PayPal::new(account(&format!("http://{nobody}"), "EQd-secret-eu")).unwrap();
    let e = away.open_deposit(&wish("dep_1", 10_000)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::NotSent, "connect_failed"));
    for (minor, code, want) in [
        (100_050, "HUF", "amount_not_representable"),
        (5_120, "KWD", "currency_unsupported"),
        (100, "BTC", "currency_unsupported"),
    ] {
        let wish = OpenDeposit {
            amount: Amount::new(minor, Currency::parse(code).unwrap()),
            ..wish("dep_1", 1)
        };
        let e = away.open_deposit(&wish).await.unwrap_err();
        assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, want));
    }
    for (minor, code) in [(1_000, "JPY"), (100_000, "HUF"), (5_120, "USD")] {
        let (amount, our_ref) = (Amount::new(minor, Currency::parse(code).unwrap()), format!("dep_{code}"));
        let wish = OpenDeposit {
            amount,
            ..wish(&our_ref, 1)
        };
        let id = w.paypal.open_deposit(&wish).await.unwrap().provider_ref;
        w.control("/pay", json!({"ref": our_ref})).await;
        assert_eq!(w.paypal.take(&id, &our_ref, amount).await.unwrap().received, Some(amount), "{code}");
    }
    assert_eq!(w.paypal.deposit("../oauth2").await.unwrap_err().code, "provider_ref_malformed");
}

#[tokio::test]
async fn delivered_webhooks_are_verified_and_say_what_they_are_about() {
    let w = world().await;
    let paid = w.paid("dep_1", 50_000).await;
    let refund = w.paypal.refund(&w.refund("rf_1", &paid, 10_000)).await.unwrap();
    let d = w.control("/dispute", json!({"ref": "dep_1"})).await;
    let sent = w.paypal.pay_out(&payout("wdr_1-1", 1_000)).await.unwrap();
    w.control("/payout/wdr_1-1/pay", json!({})).await;
    let deposit = HookSubject::Deposit {
        our_ref: Some("dep_1".into()),
        provider_ref: paid.provider_ref.clone(),
    };
    let out = HookSubject::Payout {
        our_ref: Some("wdr_1-1".into()),
        provider_ref: sent.provider_ref,
    };
    for (kind, about) in [
        ("CHECKOUT.ORDER.APPROVED", deposit.clone()),
        ("PAYMENT.CAPTURE.COMPLETED", deposit),
        (
            "PAYMENT.CAPTURE.REFUNDED",
            HookSubject::Refund {
                our_ref: Some("rf_1".into()),
                provider_ref: refund.provider_ref,
            },
        ),
        (
            "CUSTOMER.DISPUTE.CREATED",
            HookSubject::Dispute {
                provider_ref: d["dispute_id"].as_str().unwrap().into(),
            },
        ),
        ("PAYMENT.PAYOUTS-ITEM.SUCCEEDED", out.clone()),
        ("PAYMENT.PAYOUTSBATCH.SUCCESS", out),
    ] {
        let (headers, body) = w.delivered(kind, 1).await.remove(0);
        let e = w.paypal.verify(&headers, &body, w.env.now()).unwrap();
        assert_eq!((e.kind.as_str(), e.subject), (kind, about));
        let mut tampered = body.to_vec();
        let at = tampered.iter().position(|b| *b == b'5').unwrap();
        tampered[at] = b'6';
        let now = w.env.now();
        assert!(matches!(w.paypal.verify(&headers, &tampered, now), Err(HookRefusal::Forged(_))));
        assert!(matches!(
            w.paypal.verify(&headers, &body, now.plus_days(8)),
            Err(HookRefusal::Stale(_))
        ));
        assert!(matches!(w.paypal.verify(&[], &body, now), Err(HookRefusal::Forged(_))));
    }
}

#[tokio::test]
async fn a_webhook_twice_has_one_id_and_a_forged_one_is_refused() {
    let w = world().await;
    w.order("webhook:PAYMENT.CAPTURE.COMPLETED", FaultKind::Twice, None);
    w.paid("dep_1", 50_000).await;
    let got = w.delivered("PAYMENT.CAPTURE.COMPLETED", 2).await;
    let ids: Vec<String> = got
        .iter()
        .map(|(h, b)| w.paypal.verify(h, b, w.env.now()).unwrap().event_id)
        .collect();
    assert_eq!(ids[0], ids[1]);
    w.hooks.lock().unwrap().clear();
    w.order("webhook:PAYMENT.CAPTURE.COMPLETED", FaultKind::Forged, None);
    w.paid("dep_2", 50_000).await;
    let got = w.delivered("PAYMENT.CAPTURE.COMPLETED", 2).await;
    let verified: Vec<_> = got.iter().map(|(h, b)| w.paypal.verify(h, b, w.env.now())).collect();
    assert_eq!(verified.iter().filter(|r| r.is_ok()).count(), 1, "{verified:?}");
    assert_eq!(verified.iter().filter(|r| matches!(r, Err(HookRefusal::Forged(_)))).count(), 1);
}

#[tokio::test]
async fn the_settlement_report_tells_every_movement() {
    let w = world().await;
    let paid = w.paid("dep_1", 50_000).await;
    let back = w.paypal.refund(&w.refund("rf_1", &paid, 10_000)).await.unwrap();
    w.paypal.pay_out(&payout("wdr_1-1", 2_000)).await.unwrap();
    w.control("/payout/wdr_1-1/pay", json!({})).await;
    let d = w.control("/dispute", json!({"ref": "dep_1", "amount": "400.00"})).await;
    let close = format!("/dispute/{}/close", d["dispute_id"].as_str().unwrap());
    w.control(&close, json!({"outcome": "RESOLVED_SELLER_FAVOUR"})).await;
    let req = Request::get("/control/paypal/paypal-eu/settlement").body(Body::empty()).unwrap();
    let res = w.sandbox.router().oneshot(req).await.unwrap();
    let file = to_bytes(res.into_body(), 1 << 20).await.unwrap();
    let s = w.paypal.read_settlement(&file).unwrap();
    assert_eq!(s.faults, vec![]);
    let capture = paid.payment_ref.as_deref();
    let got: Vec<_> = s
        .lines
        .iter()
        .map(|l| (l.kind, l.gross, l.fee, l.our_ref.as_deref(), l.payment_ref.as_deref()))
        .collect();
    assert_eq!(
        got,
        vec![
            (SettlementKind::Payment, eur(50_000), Some(eur(-1_480)), Some("dep_1"), capture),
            (SettlementKind::Refund, eur(-10_000), None, Some("rf_1"), capture),
            (SettlementKind::Payout, eur(-2_000), Some(eur(-25)), Some("wdr_1-1"), None),
            (SettlementKind::Chargeback, eur(-40_000), None, None, capture),
            (SettlementKind::ChargebackReversed, eur(40_000), None, None, capture),
        ]
    );
    assert_eq!(s.lines[1].provider_ref.as_deref(), Some(back.provider_ref.as_str()));
}

/// The demo hands the connector what the sandbox was given.
#[test]
fn the_demos_accounts_connect() {
    let demo = qd_sandbox::demo_config(None, "127.0.0.1:8080".parse().unwrap());
    let ours: Vec<_> = demo.rails.into_iter().filter(|r| r.provider == "paypal").collect();
    assert!(!ours.is_empty());
    for r in ours {
        let connected = PayPal::new(Account {
            connection_id: r.connection.clone(),
            api_base: Some(format!("http://127.0.0.1:8080/sandbox/paypal/{}", r.connection)),
            key: Secret::new(r.key),
            // As it is read back from its file.
            hook_secrets: vec![Secret::new(r.hook_secret.trim())],
            hook_url: String::new(),
            settings: r.settings,
            secrets: BTreeMap::new(),
            reach: Reach::Anywhere,
        });
        assert_eq!(connected.unwrap().connection_id(), r.connection);
    }
}

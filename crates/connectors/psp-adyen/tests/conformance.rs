//! The connector against the sandbox's Adyen, which was written apart from it.
#![allow(clippy::unwrap_used)]

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::Request;
use axum::routing::post;
use qd_connector_kit::Account;
use qd_kernel::{Amount, Currency, Env, Secret, SeededEntropy, TestClock, Ts};
use qd_outbound::Reach;
use qd_ports::Fate;
use qd_ports::psp::{
    DepositReport, DisputeState, HookRefusal, HookSubject, OpenDeposit, PROBE_MISSING, PaymentState, Psp, ReadSettlements, RefundDeposits,
    RefundReport, RefundRequest, RefundState, ReportDisputes, SettlementKind, TakeDeposits, Told, VerifyHook,
};
use qd_psp_adyen::Adyen;
use qd_sandbox::{Fault, FaultKind, RailConfig, Sandbox, SandboxConfig};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower::ServiceExt;

const START: Ts = Ts::from_secs(1_795_132_800 + 9 * 3_600);
const HMAC: &str = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056";

type Delivered = Arc<Mutex<Vec<Bytes>>>;

struct World {
    sandbox: Sandbox,
    env: Env,
    clock: Arc<TestClock>,
    adyen: Adyen,
    base: String,
    hooks: Delivered,
}

async fn listen(app: Router) -> String {
    let l = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = l.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(l, app).await });
    format!("http://{at}")
}

/// Only an answer in Adyen's own word ends a delivery.
async fn catch(State(seen): State<Delivered>, body: Bytes) -> &'static str {
    seen.lock().unwrap().push(body);
    "[accepted]"
}

fn settings() -> BTreeMap<String, String> {
    BTreeMap::from([("merchant_account".to_string(), "BrokerEuECOM".to_string())])
}

fn account(base: &str, key: &str) -> Account {
    Account {
        connection_id: "adyen-eu".into(),
        api_base: Some(format!("{base}/sandbox/adyen/adyen-eu")),
        key: Secret::new(key),
        hook_secrets: vec![Secret::new("11".repeat(32)), Secret::new(HMAC)],
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
    let hook_base = listen(Router::new().route("/hooks/adyen/adyen-eu", post(catch)).with_state(hooks.clone())).await;
    let cfg = SandboxConfig {
        data_dir: None,
        public_base: "http://127.0.0.1/sandbox".into(),
        hook_base,
        stripe: vec![],
        rails: vec![RailConfig {
            provider: "adyen".into(),
            connection: "adyen-eu".into(),
            entity: "eu".into(),
            key: "AQE-key-eu".into(),
            hook_secret: HMAC.into(),
            secrets: BTreeMap::new(),
            settings: settings(),
        }],
        mt5: vec![],
        smtp_listen: None,
        simulate_traders: false,
    };
    let sandbox = Sandbox::start(cfg, env.clone()).await.unwrap();
    let base = listen(Router::new().nest("/sandbox", sandbox.router())).await;
    let adyen = Adyen::new(account(&base, "AQE-key-eu")).unwrap();
    World {
        sandbox,
        env,
        clock,
        adyen,
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
        method: "adyen".into(),
        client_ref: "cli_1".into(),
        email: "alex@example.com".into(),
        locale: "de_DE".into(),
        return_url: "https://broker.example/back?ok=1".into(),
        cancel_url: "https://broker.example/back?ok=0".into(),
        description: "Einzahlung für Konto 500001 & mehr".into(),
        expires_at: START.plus_secs(3_600),
    }
}

impl World {
    fn order(&self, target: &str, kind: FaultKind, value: Option<&str>) {
        self.sandbox.shared().faults.order(Fault {
            id: String::new(),
            provider: "adyen".into(),
            target: target.into(),
            server: None,
            kind,
            count: 1,
            delay_ms: Some(3_000),
            value: value.map(str::to_string),
        });
    }
    async fn control(&self, path: &str, body: Value) -> Value {
        let req = Request::post(format!("/control/adyen/adyen-eu{path}"))
            .body(Body::from(body.to_string()))
            .unwrap();
        let res = self.sandbox.router().oneshot(req).await.unwrap();
        let ok = res.status().is_success();
        let bytes = to_bytes(res.into_body(), 1 << 20).await.unwrap();
        assert!(ok, "{path}: {}", String::from_utf8_lossy(&bytes));
        serde_json::from_slice(&bytes).unwrap()
    }
    /// Polls until `want` deliveries of `kind` have come.
    async fn delivered(&self, kind: &str, want: usize) -> Vec<Bytes> {
        let needle = format!("\"eventCode\":\"{kind}\"");
        for _ in 0..500 {
            let seen = self.hooks.lock().unwrap().clone();
            let got: Vec<_> = seen.into_iter().filter(|b| String::from_utf8_lossy(b).contains(&needle)).collect();
            if got.len() >= want {
                return got;
            }
            self.clock.advance_secs(1);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{kind} was not delivered {want} times");
    }
    /// What the newest delivery of `kind` tells.
    async fn told(&self, kind: &str, want: usize) -> Option<Told> {
        let body = self.delivered(kind, want).await.pop().unwrap();
        let e = self.adyen.verify(&[], &body, self.env.now()).unwrap();
        assert_eq!(e.kind, kind);
        match e.subject {
            HookSubject::Told { report } => Some(*report),
            HookSubject::Other => None,
            other => panic!("{other:?}"),
        }
    }
    /// Opened, paid on the page, and told by the webhook.
    async fn paid(&self, our_ref: &str, minor: i64) -> DepositReport {
        self.hooks.lock().unwrap().clear();
        self.adyen.open_deposit(&wish(our_ref, minor)).await.unwrap();
        self.control("/pay", json!({"ref": our_ref})).await;
        match self.told("AUTHORISATION", 1).await {
            Some(Told::Deposit(r)) => r,
            other => panic!("{other:?}"),
        }
    }
    async fn told_refund(&self, kind: &str, want: usize) -> RefundReport {
        match self.told(kind, want).await {
            Some(Told::Refund(r)) => r,
            other => panic!("{other:?}"),
        }
    }
}

fn refund(our_ref: &str, paid: &DepositReport, minor: i64) -> RefundRequest {
    RefundRequest {
        our_ref: our_ref.into(),
        payment_ref: paid.payment_ref.clone().unwrap(),
        amount: eur(minor),
    }
}

#[tokio::test]
async fn a_link_is_opened_once_and_the_webhook_tells_that_it_was_paid() {
    let w = world().await;
    let first = w.adyen.open_deposit(&wish("dep_1", 50_000)).await.unwrap();
    assert!(
        first.redirect_url.as_deref().is_some_and(|u| u.contains("/adyen/adyen-eu/hosted/")),
        "{first:?}"
    );
    assert_eq!(first.state, PaymentState::Created);
    assert_eq!(
        w.adyen.open_deposit(&wish("dep_1", 50_000)).await.unwrap().provider_ref,
        first.provider_ref
    );
    let id = first.provider_ref;
    let r = w.adyen.deposit(&id).await.unwrap();
    assert_eq!(
        (r.state, r.amount, r.our_ref.as_deref()),
        (PaymentState::Created, eur(50_000), Some("dep_1"))
    );

    w.control("/pay", json!({"ref": "dep_1", "outcome": "decline"})).await;
    assert_eq!(w.told("AUTHORISATION", 1).await, None);
    assert_eq!(w.adyen.deposit(&id).await.unwrap().state, PaymentState::Created);
    w.control("/pay", json!({"ref": "dep_1", "outcome": "later"})).await;
    assert_eq!(w.adyen.deposit(&id).await.unwrap().state, PaymentState::Pending);
    w.control("/pay", json!({"ref": "dep_1"})).await;
    // The link says that it was used; that the money came, only the webhook.
    let r = w.adyen.deposit(&id).await.unwrap();
    assert_eq!((r.state, r.received, r.payment_ref), (PaymentState::Pending, None, None));
    let Some(Told::Deposit(r)) = w.told("AUTHORISATION", 2).await else {
        panic!("nothing told")
    };
    assert_eq!(
        (r.state, r.amount, r.received),
        (PaymentState::Succeeded, eur(50_000), Some(eur(50_000)))
    );
    assert_eq!(r.our_ref.as_deref(), Some("dep_1"));
    assert!(r.payment_ref.is_some() && r.payment_ref.as_deref() == Some(r.provider_ref.as_str()));

    let id = w.adyen.open_deposit(&wish("dep_2", 50_000)).await.unwrap().provider_ref;
    w.clock.advance_secs(3_601);
    assert_eq!(w.adyen.deposit(&id).await.unwrap().state, PaymentState::Expired);
    assert_eq!(
        (w.adyen.provider(), w.adyen.hook_answer(), w.adyen.connection_id()),
        ("adyen", "[accepted]", "adyen-eu")
    );
}

#[tokio::test]
async fn refunds_are_taken_first_and_told_later() {
    let w = world().await;
    let paid = w.paid("dep_1", 50_000).await;
    let first = w.adyen.refund(&refund("rf_1", &paid, 20_000)).await.unwrap();
    assert_eq!(
        (first.state, first.amount, first.our_ref.as_deref()),
        (RefundState::Pending, eur(20_000), Some("rf_1"))
    );
    assert_eq!(w.adyen.refund(&refund("rf_1", &paid, 20_000)).await.unwrap(), first);
    let told = w.told_refund("REFUND", 1).await;
    assert_eq!(
        told,
        RefundReport {
            state: RefundState::Succeeded,
            ..first.clone()
        }
    );
    let e = w.adyen.refund_status(&first.provider_ref).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, "not_offered"));
    // The same id with another amount: what the first call did is the question.
    let e = w.adyen.refund(&refund("rf_1", &paid, 20_001)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Unknown, "validation_704"));
    // More than is left: Adyen takes it and refuses later.
    let second = w.adyen.refund(&refund("rf_2", &paid, 30_001)).await.unwrap();
    assert_eq!(second.state, RefundState::Pending);
    let told = w.told_refund("REFUND", 2).await;
    assert_eq!(
        (told.state, told.our_ref.as_deref(), told.failure_code.as_deref()),
        (RefundState::Failed, Some("rf_2"), Some("refund"))
    );
    // Paid and come back.
    w.control(&format!("/refund/{}/fail", first.provider_ref), json!({})).await;
    let told = w.told_refund("REFUND_FAILED", 1).await;
    assert_eq!((told.state, told.provider_ref), (RefundState::Failed, first.provider_ref));
}

#[tokio::test]
async fn disputes_are_told_in_stages_of_one_dispute() {
    let w = world().await;
    let paid = w.paid("dep_1", 50_000).await;
    let payment = paid.payment_ref.clone().unwrap();
    w.control(
        "/dispute",
        json!({"ref": "dep_1", "stage": "NOTIFICATION_OF_CHARGEBACK", "amount": 12_345}),
    )
    .await;
    for (switch, kind, want) in [
        (None, "NOTIFICATION_OF_CHARGEBACK", DisputeState::Warning),
        (Some("chargeback"), "CHARGEBACK", DisputeState::Opened),
        (Some("reverse"), "CHARGEBACK_REVERSED", DisputeState::Won),
        (Some("second"), "SECOND_CHARGEBACK", DisputeState::Lost),
    ] {
        if let Some(s) = switch {
            w.control(&format!("/dispute/{payment}/{s}"), json!({})).await;
        }
        let Some(Told::Dispute(d)) = w.told(kind, 1).await else {
            panic!("{kind}")
        };
        assert_eq!((d.state, d.amount), (want, eur(12_345)), "{kind}");
        assert_eq!((&d.provider_ref, &d.payment_ref), (&payment, &payment));
    }
    assert_eq!(w.adyen.dispute(&payment).await.unwrap_err().code, "not_offered");
    w.control(&format!("/capture/{payment}/fail"), json!({})).await;
    let Some(Told::Dispute(d)) = w.told("CAPTURE_FAILED", 1).await else {
        panic!("nothing told")
    };
    assert_eq!((d.state, d.reason.as_str()), (DisputeState::Unrecognised, "capture_failed"));
}

#[tokio::test]
async fn every_way_to_lose_the_answer_has_its_fate_and_the_same_call_heals_it() {
    let w = world().await;
    let cases = [
        (FaultKind::DropBefore, None, Fate::Unknown, "connection_lost"),
        (FaultKind::DropAfter, None, Fate::Unknown, "connection_lost"),
        (FaultKind::Garbage, None, Fate::Unknown, "unreadable_answer"),
        (FaultKind::Forbidden, None, Fate::Unknown, "http_403"),
        (FaultKind::Refuse, Some("500"), Fate::Unknown, "internal_000"),
        (FaultKind::Refuse, Some("409"), Fate::Unknown, "validation_704"),
        (FaultKind::Refuse, Some("429"), Fate::RefusedForNow, "validation_029"),
        (FaultKind::Refuse, Some("403"), Fate::Refused, "unauthorised"),
        (FaultKind::Refuse, Some("x905"), Fate::Refused, "validation_x905"),
        (FaultKind::WrongAmount, None, Fate::Unknown, "echo_mismatch"),
    ];
    for (i, (kind, value, fate, code)) in cases.into_iter().enumerate() {
        let wish = wish(&format!("dep_{i}"), 10_000);
        w.order("paymentLinks.create", kind, value);
        let e = w.adyen.open_deposit(&wish).await.unwrap_err();
        assert_eq!((e.fate, e.code.as_str()), (fate, code), "{kind:?} {value:?}: {e}");
        let kept = matches!(kind, FaultKind::Garbage | FaultKind::Forbidden | FaultKind::WrongAmount);
        assert_eq!(e.raw.is_some(), kept, "{kind:?}");
        w.adyen.open_deposit(&wish).await.unwrap();
    }
    let paid = w.paid("dep_paid", 50_000).await;
    w.order("refunds.create", FaultKind::DropAfter, None);
    let back = refund("rf_1", &paid, 10_000);
    assert_eq!(w.adyen.refund(&back).await.unwrap_err().fate, Fate::Unknown);
    w.adyen.refund(&back).await.unwrap();
    w.told_refund("REFUND", 1).await;
    assert_eq!(w.delivered("REFUND", 1).await.len(), 1);
}

#[tokio::test]
async fn nothing_is_sent_where_nobody_listens_and_nothing_whose_decimals_are_unconfirmed() {
    let w = world().await;
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let away = Adyen::new(account(&format!("http://{nobody}"), "AQE-key-eu")).unwrap();
    let e = away.open_deposit(&wish("dep_1", 10_000)).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::NotSent, "connect_failed"));
    for code in ["CLP", "ISK", "LYD", "BTC"] {
        let amount = Amount::new(1_000, Currency::parse(code).unwrap());
        let e = away
            .open_deposit(&OpenDeposit {
                amount,
                ..wish("dep_1", 1)
            })
            .await
            .unwrap_err();
        assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, "currency_unsupported"));
    }
    for (minor, code) in [(1_000, "JPY"), (5_120, "KWD"), (100_050, "HUF")] {
        let amount = Amount::new(minor, Currency::parse(code).unwrap());
        let s = w
            .adyen
            .open_deposit(&OpenDeposit {
                amount,
                ..wish(&format!("dep_{code}"), 1)
            })
            .await
            .unwrap();
        assert_eq!(w.adyen.deposit(&s.provider_ref).await.unwrap().amount, amount, "{code}");
    }
    let e = w.adyen.deposit(w.adyen.probe()).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, PROBE_MISSING));
    let wrong = Adyen::new(account(&w.base, "AQE-another")).unwrap();
    let e = wrong.deposit(wrong.probe()).await.unwrap_err();
    assert_eq!((e.fate, e.code.as_str()), (Fate::Refused, "unauthorised"));
    assert_eq!(w.adyen.deposit("../payments").await.unwrap_err().code, "provider_ref_malformed");
    assert!(!format!("{:?}", w.adyen).contains("AQE-key-eu"));
}

#[tokio::test]
async fn a_webhook_twice_has_one_id_and_a_forged_one_is_refused() {
    let w = world().await;
    w.order("webhook:AUTHORISATION", FaultKind::Twice, None);
    w.paid("dep_1", 50_000).await;
    let got = w.delivered("AUTHORISATION", 2).await;
    let ids: Vec<String> = got.iter().map(|b| w.adyen.verify(&[], b, w.env.now()).unwrap().event_id).collect();
    assert_eq!(ids[0], ids[1]);
    w.hooks.lock().unwrap().clear();
    w.order("webhook:AUTHORISATION", FaultKind::Forged, None);
    w.adyen.open_deposit(&wish("dep_2", 50_000)).await.unwrap();
    w.control("/pay", json!({"ref": "dep_2"})).await;
    let got = w.delivered("AUTHORISATION", 2).await;
    let verified: Vec<_> = got.iter().map(|b| w.adyen.verify(&[], b, w.env.now())).collect();
    assert_eq!(verified.iter().filter(|r| r.is_ok()).count(), 1, "{verified:?}");
    assert_eq!(verified.iter().filter(|r| matches!(r, Err(HookRefusal::Forged(_)))).count(), 1);
}

#[tokio::test]
async fn the_settlement_report_tells_every_movement() {
    let w = world().await;
    let paid = w.paid("dep_1", 50_000).await;
    let back = w.adyen.refund(&refund("rf_1", &paid, 10_000)).await.unwrap();
    w.control("/dispute", json!({"ref": "dep_1", "amount": 40_000})).await;
    let payment = paid.payment_ref.as_deref().unwrap();
    w.control(&format!("/dispute/{payment}/reverse"), json!({})).await;
    let req = Request::get("/control/adyen/adyen-eu/settlement").body(Body::empty()).unwrap();
    let res = w.sandbox.router().oneshot(req).await.unwrap();
    let file = to_bytes(res.into_body(), 1 << 20).await.unwrap();
    let s = w.adyen.read_settlement(&file).unwrap();
    assert_eq!(s.faults, vec![]);
    let got: Vec<_> = s.lines.iter().map(|l| (l.kind, l.gross, l.fee, l.payment_ref.as_deref())).collect();
    assert_eq!(
        got,
        vec![
            (SettlementKind::Payment, eur(50_000), Some(eur(-512)), Some(payment)),
            (SettlementKind::Refund, eur(-10_000), None, Some(payment)),
            (SettlementKind::Chargeback, eur(-40_000), None, Some(payment)),
            (SettlementKind::ChargebackReversed, eur(40_000), None, Some(payment)),
        ]
    );
    assert_eq!(
        (s.lines[1].our_ref.as_deref(), s.lines[1].provider_ref.as_deref()),
        (Some("rf_1"), Some(back.provider_ref.as_str()))
    );
    assert_eq!(s.lines[0].our_ref.as_deref(), Some("dep_1"));
}

/// The demo hands the connector what the sandbox was given.
#[test]
fn the_demos_accounts_connect() {
    let demo = qd_sandbox::demo_config(None, "127.0.0.1:8080".parse().unwrap());
    let ours: Vec<_> = demo.rails.into_iter().filter(|r| r.provider == "adyen").collect();
    assert!(!ours.is_empty());
    for r in ours {
        let connected = Adyen::new(Account {
            connection_id: r.connection.clone(),
            api_base: Some(format!("http://127.0.0.1:8080/sandbox/adyen/{}", r.connection)),
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

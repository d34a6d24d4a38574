//! What all payment providers beside the card processor share: books, faults, callbacks, the page.
#![allow(clippy::unwrap_used)]

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::routing::post;
use qd_kernel::{Env, SeededEntropy, TestClock, Ts};
use qd_sandbox::{Fault, FaultKind, RailConfig, Sandbox, SandboxConfig};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower::ServiceExt;

const START: Ts = Ts::from_secs(1_795_132_800 + 9 * 3_600);

#[derive(Clone, Default)]
struct Merchant {
    seen: Arc<Mutex<Vec<String>>>,
    answer: Arc<AtomicU16>,
}

async fn take(State(m): State<Merchant>, body: String) -> StatusCode {
    m.seen.lock().unwrap().push(body);
    StatusCode::from_u16(m.answer.load(Ordering::SeqCst)).unwrap()
}

impl Merchant {
    async fn start() -> (Merchant, String) {
        let m = Merchant::default();
        m.answer.store(200, Ordering::SeqCst);
        let l = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", l.local_addr().unwrap());
        let app = Router::new().route("/hooks/skrill/skrill-eu", post(take)).with_state(m.clone());
        tokio::spawn(async move { axum::serve(l, app).await });
        (m, base)
    }
    async fn until(&self, n: usize) -> Vec<String> {
        for _ in 0..600 {
            let seen = self.seen.lock().unwrap().clone();
            if seen.len() >= n {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("waited in vain for {n} callbacks: {:?}", self.seen.lock().unwrap());
    }
}

async fn sandbox(dir: Option<PathBuf>, hook_base: &str, clock: Arc<TestClock>) -> Sandbox {
    let cfg = SandboxConfig {
        data_dir: dir,
        public_base: "http://127.0.0.1/sandbox".into(),
        hook_base: hook_base.into(),
        stripe: vec![],
        rails: vec![RailConfig {
            provider: "skrill".into(),
            connection: "skrill-eu".into(),
            entity: "eu".into(),
            key: "mqi".into(),
            hook_secret: "word".into(),
            secrets: [].into(),
            settings: [("email", "pay@broker.example"), ("merchant_id", "4637827"), ("currency", "EUR")]
                .map(|(k, v)| (k.into(), v.into()))
                .into(),
        }],
        mt5: vec![],
        smtp_listen: None,
        simulate_traders: false,
    };
    let entropy = SeededEntropy::new(u64::try_from(clock_seed(&clock)).unwrap());
    Sandbox::start(cfg, Env::new(clock, Arc::new(entropy))).await.unwrap()
}

fn clock_seed(clock: &TestClock) -> i64 {
    use qd_kernel::Clock as _;
    clock.now().secs()
}

async fn ask(s: &Sandbox, method: &str, path: &str, kind: &str, body: String) -> (StatusCode, String, Option<String>) {
    let r = Request::builder().method(method).uri(path).header("content-type", kind);
    let a = s.router().oneshot(r.body(Body::from(body)).unwrap()).await.unwrap();
    let (status, to) = (a.status(), a.headers().get("location").map(|v| v.to_str().unwrap().to_string()));
    let bytes = to_bytes(a.into_body(), 1 << 20).await.unwrap_or_default();
    (status, String::from_utf8_lossy(&bytes).into_owned(), to)
}

const FORM: &str = "application/x-www-form-urlencoded";

async fn session(s: &Sandbox, hook_base: &str, trn: &str) -> String {
    let body = format!(
        "pay_to_email=pay%40broker.example&transaction_id={trn}&amount=25.40&currency=EUR&prepare_only=1&status_url={hook_base}/hooks/skrill/skrill-eu&return_url=https://broker.example/ok&cancel_url=https://broker.example/no"
    );
    let (status, sid, _) = ask(s, "POST", "/skrill/skrill-eu/pay", FORM, body).await;
    assert_eq!((status, sid.len()), (StatusCode::OK, 32), "{sid}");
    sid
}

async fn control(s: &Sandbox, path: &str, body: Value) -> Value {
    let (status, text, _) = ask(
        s,
        "POST",
        &format!("/control/skrill/skrill-eu{path}"),
        "application/json",
        body.to_string(),
    )
    .await;
    assert!(status.is_success(), "{path}: {text}");
    serde_json::from_str(&text).unwrap()
}

fn order(s: &Sandbox, target: &str, kind: FaultKind) {
    s.shared().faults.order(Fault {
        id: String::new(),
        provider: "skrill".into(),
        target: target.into(),
        server: Some("skrill-eu".into()),
        kind,
        count: 1,
        delay_ms: Some(300),
        value: None,
    });
}

#[tokio::test]
async fn a_customer_without_scripts_pays_on_the_page_once() {
    let (m, base) = Merchant::start().await;
    let s = sandbox(None, &base, Arc::new(TestClock::new(START))).await;
    let sid = session(&s, &base, "dep_1").await;
    let (status, _, to) = ask(&s, "GET", &format!("/skrill/skrill-eu/pay?sid={sid}"), FORM, String::new()).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let page = to.unwrap().replace("http://127.0.0.1/sandbox", "");
    let (_, html, _) = ask(&s, "GET", &page, FORM, String::new()).await;
    assert!(html.contains("25.40 EUR") && html.contains("value=\"later\""), "{html}");
    let (status, _, to) = ask(&s, "POST", &page, FORM, "outcome=pay".into()).await;
    assert_eq!((status, to.as_deref()), (StatusCode::SEE_OTHER, Some("https://broker.example/ok")));
    assert!(m.until(1).await[0].contains("status=2&"), "{:?}", m.seen);
    let (_, html, _) = ask(&s, "GET", &page, FORM, String::new()).await;
    assert!(html.contains("complete") && !html.contains("<button"), "{html}");
    let (status, _, _) = ask(&s, "GET", "/skrill/skrill-eu/hosted/nobody", FORM, String::new()).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_undelivered_callback_outlives_a_restart_and_is_tried_until_it_is_taken() {
    let dir = std::env::temp_dir().join(format!("qd_rail_{}_{:?}", std::process::id(), std::thread::current().id()));
    let (m, base) = Merchant::start().await;
    m.answer.store(503, Ordering::SeqCst);
    let clock = Arc::new(TestClock::new(START));
    let s = sandbox(Some(dir.clone()), &base, clock.clone()).await;
    session(&s, &base, "dep_1").await;
    control(&s, "/pay", json!({"ref": "dep_1"})).await;
    m.until(1).await;
    s.shutdown().await;
    drop(s);
    m.answer.store(200, Ordering::SeqCst);
    clock.advance_secs(5);
    let s = sandbox(Some(dir.clone()), &base, clock.clone()).await;
    let seen = m.until(2).await;
    assert_eq!(seen[0], seen[1]);
    for _ in 0..200 {
        let (_, text, _) = ask(&s, "GET", "/control/skrill/skrill-eu/events", FORM, String::new()).await;
        let v: Value = serde_json::from_str(&text).unwrap();
        if v["deliveries"].as_array().unwrap().is_empty() {
            assert_eq!(
                (v["events"][0]["type"].as_str(), &v["events"][0]["undelivered"]),
                (Some("2"), &json!(false))
            );
            s.shutdown().await;
            let _ = std::fs::remove_dir_all(&dir);
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the callback was taken and is still to be delivered");
}

#[tokio::test]
async fn callbacks_are_late_twice_lost_forged_and_wrong_to_order() {
    let (m, base) = Merchant::start().await;
    let clock = Arc::new(TestClock::new(START));
    let s = sandbox(None, &base, clock.clone()).await;
    let pay = async |trn: &str| {
        session(&s, &base, trn).await;
        control(&s, "/pay", json!({"ref": trn})).await;
    };
    order(&s, "webhook:2", FaultKind::Lost);
    pay("dep_lost").await;
    order(&s, "webhook", FaultKind::Twice);
    pay("dep_twice").await;
    let seen = m.until(2).await;
    assert!(seen[0] == seen[1] && seen[0].contains("transaction_id=dep_twice"), "{seen:?}");
    order(&s, "webhook", FaultKind::Forged);
    pay("dep_forged").await;
    let seen = m.until(4).await;
    let sig = |b: &str| b.split('&').find(|p| p.starts_with("md5sig=")).map(str::to_string);
    let amounts: Vec<bool> = seen[2..].iter().map(|b| b.contains("mb_amount=254.0")).collect();
    assert_eq!(amounts.iter().filter(|wrong| **wrong).count(), 1, "{seen:?}");
    assert_ne!(sig(&seen[2]), sig(&seen[3]));
    order(&s, "webhook", FaultKind::WrongAmount);
    pay("dep_wrong").await;
    assert!(m.until(5).await[4].contains("mb_amount=50.8"), "{:?}", m.seen);
    order(&s, "webhook", FaultKind::Late);
    pay("dep_late").await;
    clock.advance_secs(1);
    assert!(m.until(6).await[5].contains("dep_late"));
}

#[tokio::test]
async fn what_is_to_be_confirmed_later_confirms_itself() {
    let (m, base) = Merchant::start().await;
    let clock = Arc::new(TestClock::new(START));
    let s = sandbox(None, &base, clock.clone()).await;
    session(&s, &base, "dep_1").await;
    control(&s, "/pay", json!({"ref": "dep_1", "outcome": "later"})).await;
    assert!(m.until(1).await[0].contains("&status=0"));
    clock.advance_secs(61);
    assert!(m.until(2).await[1].contains("&status=2"));
}

#[tokio::test]
async fn a_fault_of_an_unknown_provider_or_account_is_refused() {
    let (_, base) = Merchant::start().await;
    let s = sandbox(None, &base, Arc::new(TestClock::new(START))).await;
    let fault = |p: &str| json!({"provider": p, "target": "*", "kind": "down"}).to_string();
    let (status, text, _) = ask(&s, "POST", "/control/faults", "application/json", fault("nobody")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(text.contains("skrill"), "{text}");
    let (status, _, _) = ask(&s, "POST", "/control/faults", "application/json", fault("skrill")).await;
    assert_eq!(status, StatusCode::CREATED);
    let (status, _, _) = ask(&s, "POST", "/skrill/nobody/pay", FORM, String::new()).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

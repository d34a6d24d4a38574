//! A payment provider of the sandbox behind a real listener, its callbacks caught, for conformance
//! tests: `#[path = "../../kit/tests/rail_world/mod.rs"] mod rail_world;`.
#![allow(clippy::unwrap_used, dead_code)]

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use qd_connector_kit::Account;
use qd_kernel::{Amount, Currency, Env, Secret, SeededEntropy, TestClock, Ts};
use qd_outbound::Reach;
use qd_ports::psp::{HookEvent, HookRefusal, OpenDeposit, PayoutRequest, PayoutTarget, RefundRequest, VerifyHook};
use qd_sandbox::{Fault, FaultKind, RailConfig, Sandbox, SandboxConfig};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower::ServiceExt;

pub const START: Ts = Ts::from_secs(1_795_132_800 + 9 * 3_600);

type Delivered = Arc<Mutex<Vec<(Vec<(String, String)>, Bytes)>>>;

pub struct World {
    pub sandbox: Sandbox,
    pub env: Env,
    pub clock: Arc<TestClock>,
    /// Where the sandbox listens, up to and without `/sandbox`.
    pub base: String,
    hook_base: String,
    cfg: RailConfig,
    hooks: Delivered,
}

/// An account of the demo at one of the sandbox's providers.
pub fn demo(connection: &str) -> RailConfig {
    let all = qd_sandbox::demo_config(None, "127.0.0.1:0".parse().unwrap()).rails;
    all.into_iter().find(|r| r.connection == connection).unwrap()
}

async fn catch(State(seen): State<Delivered>, headers: HeaderMap, body: Bytes) {
    let named = headers
        .iter()
        .map(|(n, v)| (n.as_str().to_string(), v.to_str().unwrap_or_default().to_string()))
        .collect();
    seen.lock().unwrap().push((named, body));
}

async fn listener() -> (tokio::net::TcpListener, String) {
    let l = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = format!("http://{}", l.local_addr().unwrap());
    (l, at)
}

/// An address where nobody listens.
pub async fn nobody() -> String {
    listener().await.1
}

pub async fn world(cfg: RailConfig) -> World {
    let clock = Arc::new(TestClock::new(START));
    let env = Env::new(clock.clone(), Arc::new(SeededEntropy::new(7)));
    let hooks = Delivered::default();
    let (l, hook_base) = listener().await;
    let taken = Router::new()
        .route("/hooks/{provider}/{connection}", post(catch))
        .with_state(hooks.clone());
    tokio::spawn(async move { axum::serve(l, taken).await });
    let (l, base) = listener().await;
    let settings = SandboxConfig {
        data_dir: None,
        public_base: format!("{base}/sandbox"),
        hook_base: hook_base.clone(),
        stripe: vec![],
        rails: vec![cfg.clone()],
        mt5: vec![],
        smtp_listen: None,
        simulate_traders: false,
    };
    let sandbox = Sandbox::start(settings, env.clone()).await.unwrap();
    let app = Router::new().nest("/sandbox", sandbox.router());
    tokio::spawn(async move { axum::serve(l, app).await });
    World {
        sandbox,
        env,
        clock,
        base,
        hook_base,
        cfg,
        hooks,
    }
}

impl World {
    /// What the connector is given. A second secret stands first, as while one is replaced.
    pub fn account(&self) -> Account {
        Account {
            connection_id: self.cfg.connection.clone(),
            api_base: Some(format!("{}/sandbox/{}/{}", self.base, self.cfg.provider, self.cfg.connection)),
            key: Secret::new(&self.cfg.key),
            hook_secrets: vec![Secret::new("the-next-secret"), Secret::new(&self.cfg.hook_secret)],
            hook_url: format!("{}/hooks/{}/{}", self.hook_base, self.cfg.provider, self.cfg.connection),
            settings: self.cfg.settings.clone(),
            secrets: BTreeMap::new(),
            reach: Reach::Anywhere,
        }
    }

    pub fn order(&self, target: &str, kind: FaultKind, value: Option<&str>) {
        self.sandbox.shared().faults.order(Fault {
            id: String::new(),
            provider: self.cfg.provider.clone(),
            target: target.into(),
            server: None,
            kind,
            count: 1,
            delay_ms: Some(1_000),
            value: value.map(str::to_string),
        });
    }

    pub async fn control(&self, path: &str, body: Value) -> Value {
        let req = axum::http::Request::post(format!("/control/{}/{}{path}", self.cfg.provider, self.cfg.connection))
            .body(Body::from(body.to_string()))
            .unwrap();
        let res = self.sandbox.router().oneshot(req).await.unwrap();
        let ok = res.status().is_success();
        let bytes = to_bytes(res.into_body(), 1 << 20).await.unwrap();
        assert!(ok, "{path}: {}", String::from_utf8_lossy(&bytes));
        serde_json::from_slice(&bytes).unwrap()
    }

    /// `pay`, `decline`, `abandon`, `later`.
    pub async fn pay(&self, reference: &str, outcome: &str) -> Value {
        self.control("/pay", serde_json::json!({"ref": reference, "outcome": outcome}))
            .await
    }

    pub fn wish(&self, our_ref: &str, method: &str, minor: i64) -> OpenDeposit {
        OpenDeposit {
            our_ref: our_ref.into(),
            amount: eur(minor),
            method: method.into(),
            client_ref: "cli_1".into(),
            email: "ada@example.com".into(),
            locale: "de".into(),
            return_url: "https://trade.example/back".into(),
            cancel_url: "https://trade.example/cancelled".into(),
            description: "Deposit".into(),
            expires_at: self.env_now().plus_secs(1_800),
        }
    }

    pub fn env_now(&self) -> Ts {
        self.env.now()
    }

    /// Polls, with the clock going on, until `want` callbacks that `fit` have come.
    pub async fn delivered(&self, want: usize, fits: impl Fn(&str) -> bool) -> Vec<(Vec<(String, String)>, Bytes)> {
        for _ in 0..1_000 {
            let all = self.hooks.lock().unwrap().clone();
            let got: Vec<_> = all.into_iter().filter(|(_, b)| fits(&String::from_utf8_lossy(b))).collect();
            if got.len() >= want {
                return got;
            }
            self.clock.advance_secs(1);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{want} callbacks were not delivered");
    }

    /// The events of the callbacks that fit, in the order they came; every one has to verify, and
    /// no longer does with one byte changed, under another name or without its signature.
    pub async fn events(&self, psp: &dyn VerifyHook, want: usize, fits: impl Fn(&str) -> bool) -> Vec<HookEvent> {
        let now = self.env_now();
        let mut out = Vec::new();
        for (headers, body) in self.delivered(want, fits).await {
            out.push(psp.verify(&headers, &body, now).unwrap());
            let mut tampered = body.to_vec();
            let at = tampered.iter().rposition(u8::is_ascii_alphanumeric).unwrap();
            tampered[at] = if tampered[at] == b'0' { b'1' } else { b'0' };
            assert!(matches!(psp.verify(&headers, &tampered, now), Err(HookRefusal::Forged(_))));
            assert!(matches!(psp.verify(&[], &body, now), Err(HookRefusal::Forged(_))));
        }
        out
    }

    /// Polls until a callback has come that is refused as forged.
    pub async fn forged(&self, psp: &dyn VerifyHook) {
        let now = self.env_now();
        let refused = |h: &[(String, String)], b: &[u8]| matches!(psp.verify(h, b, now), Err(HookRefusal::Forged(_)));
        for _ in 0..1_000 {
            if self.hooks.lock().unwrap().iter().any(|(h, b)| refused(h, b)) {
                return;
            }
            self.clock.advance_secs(1);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no forged callback was seen and refused");
    }
}

pub fn eur(minor: i64) -> Amount {
    Amount::new(minor, Currency::EUR)
}

pub fn refund(our_ref: &str, payment_ref: &str, minor: i64) -> RefundRequest {
    RefundRequest {
        our_ref: our_ref.into(),
        payment_ref: payment_ref.into(),
        amount: eur(minor),
    }
}

pub fn payout(our_ref: &str, method: &str, account: &str, minor: i64) -> PayoutRequest {
    PayoutRequest {
        our_ref: our_ref.into(),
        amount: eur(minor),
        method: method.into(),
        to: PayoutTarget {
            account: Secret::new(account),
            holder: "Ada Byron".into(),
            country: "DE".into(),
            bank_code: None,
        },
        description: "Withdrawal".into(),
    }
}

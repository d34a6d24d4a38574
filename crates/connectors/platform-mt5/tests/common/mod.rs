//! A sandbox trade server and a connector that talks to it over real sockets. One clock for both,
//! moved by hand.
#![allow(dead_code, clippy::unwrap_used)]

use axum::body::{Body, to_bytes};
use qd_kernel::{Amount, Currency, Env, Secret, SeededEntropy, TestClock, Ts};
use qd_platform_mt5::{Mt5, Mt5Config};
use qd_ports::platform::{MoneyKind, MoneyOp, NewAccount, PlatformAccount, TradingPlatform};
use qd_sandbox::{Fault, FaultKind, GroupConfig, Mt5ServerConfig, Sandbox, SandboxConfig};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use tower::ServiceExt;

pub const PASSWORD: &str = "Crm-Api-2024!";
pub const EUR: &str = r"real\forex-eur";
/// 20 November 2026, 09:00 UTC.
pub const START: Ts = Ts::from_secs(1_795_132_800 + 9 * 3_600);

pub struct World {
    pub sandbox: Sandbox,
    pub clock: Arc<TestClock>,
    pub env: Env,
    pub mt5: Mt5,
    pub plain: SocketAddr,
    pub tls: SocketAddr,
}

fn group(name: &str, currency: &str, leverage_max: u32) -> GroupConfig {
    let digits = if currency == "JPY" { 0 } else { 2 };
    GroupConfig {
        name: name.into(),
        currency: currency.into(),
        digits,
        leverage_max,
        margin_call: 100,
        stop_out: 50,
    }
}

pub async fn world() -> World {
    world_at(START).await
}

pub async fn world_at(start: Ts) -> World {
    let clock = Arc::new(TestClock::new(start));
    let env = Env::new(clock.clone(), Arc::new(SeededEntropy::new(7)));
    let any: Option<SocketAddr> = Some("127.0.0.1:0".parse().unwrap());
    let server = Mt5ServerConfig {
        name: "live".into(),
        manager_login: 1_000,
        manager_password: PASSWORD.into(),
        tls_listen: any,
        plain_listen: any,
        first_login: 500_001,
        tz: "Europe/Nicosia".into(),
        groups: vec![
            group(EUR, "EUR", 100),
            group(r"real\pro-eur", "EUR", 500),
            group(r"real\forex-usd", "USD", 100),
            group(r"real\forex-jpy", "JPY", 100),
        ],
    };
    let cfg = SandboxConfig {
        data_dir: None,
        public_base: "http://127.0.0.1/sandbox".into(),
        hook_base: "http://127.0.0.1:9".into(),
        stripe: vec![],
        rails: vec![],
        mt5: vec![server],
        smtp_listen: None,
        simulate_traders: false,
    };
    let sandbox = Sandbox::start(cfg, env.clone()).await.unwrap();
    let plain = sandbox.address("mt5:live:plain").unwrap();
    let tls = sandbox.address("mt5:live:tls").unwrap();
    let mt5 = Mt5::new(config(format!("http://{plain}")), env.clone()).unwrap();
    World {
        sandbox,
        clock,
        env,
        mt5,
        plain,
        tls,
    }
}

pub fn config(base: String) -> Mt5Config {
    let mut cfg = Mt5Config::new("live", base, 1_000, Secret::new(PASSWORD));
    cfg.timeout_ms = 1_500;
    cfg
}

impl World {
    pub fn fault(&self, target: &str, kind: FaultKind) -> Fault {
        Fault {
            id: String::new(),
            provider: "mt5".into(),
            target: target.into(),
            server: None,
            kind,
            count: 1,
            delay_ms: None,
            value: None,
        }
    }
    pub fn order(&self, target: &str, kind: FaultKind) {
        self.sandbox.shared().faults.order(self.fault(target, kind));
    }
    pub fn order_with(&self, target: &str, kind: FaultKind, delay_ms: Option<u64>, value: Option<&str>) {
        let f = Fault {
            delay_ms,
            value: value.map(str::to_string),
            ..self.fault(target, kind)
        };
        self.sandbox.shared().faults.order(f);
    }
    /// Calm again: no orders left, and past any pause after failed sign-ins.
    pub fn calm(&self) {
        self.sandbox.shared().faults.cancel(None);
        self.clock.advance_secs(40);
    }
    pub async fn control(&self, method: &str, path: &str, body: Value) -> Value {
        let req = axum::http::Request::builder()
            .method(method)
            .uri(format!("/control/mt5/live{path}"))
            .body(Body::from(body.to_string()))
            .unwrap();
        let res = self.sandbox.router().oneshot(req).await.unwrap();
        let status = res.status();
        let bytes = to_bytes(res.into_body(), 1 << 20).await.unwrap();
        assert!(status.is_success(), "{path}: {status} {}", String::from_utf8_lossy(&bytes));
        serde_json::from_slice(&bytes).unwrap()
    }
    pub async fn open(&self, our_ref: &str) -> PlatformAccount {
        self.mt5.open_account(&applicant(our_ref)).await.unwrap()
    }
    pub async fn funded(&self, our_ref: &str) -> PlatformAccount {
        let a = self.open(our_ref).await;
        self.mt5
            .move_money(&self.op(&a.login, 1_000_000, &format!("F-{}", a.login)))
            .await
            .unwrap();
        a
    }
    pub fn op(&self, login: &str, minor: i64, token: &str) -> MoneyOp {
        MoneyOp {
            login: login.into(),
            kind: MoneyKind::Balance,
            amount: Amount::new(minor, Currency::EUR),
            token: token.into(),
            check_margin: true,
            since: self.env.now(),
        }
    }
    pub async fn balance(&self, login: &str) -> i64 {
        self.mt5.account(login).await.unwrap().unwrap().balance_minor
    }
}

pub fn applicant(our_ref: &str) -> NewAccount {
    NewAccount {
        our_ref: our_ref.into(),
        group: EUR.into(),
        leverage: 30,
        name: "Jörg \"Alex\" Müller = | \\ GmbH".into(),
        email: "alex@example.com".into(),
        country: "Germany".into(),
        city: "Köln".into(),
        address: "Domstraße 1\n2. Stock".into(),
        phone: "+49221123456".into(),
        language: "de".into(),
        main_password: Secret::new("Abcdef-12345"),
        investor_password: Secret::new("Ghijkl-67890"),
    }
}

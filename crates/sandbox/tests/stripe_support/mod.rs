//! A running sandbox, a plain HTTP client and somebody who catches webhooks.
#![allow(dead_code, clippy::unwrap_used)]

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use qd_kernel::Env;
use qd_sandbox::{ConnId, Sandbox, SandboxConfig, StripeAccountConfig};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

pub const KEY: &str = "sk_test_sandbox_eu";
pub const SECRET: &str = "whsec_test_eu";
pub const CONNECTION: &str = "stripe-eu";

#[derive(Clone)]
pub struct Caught {
    pub path: String,
    pub headers: HeaderMap,
    pub body: String,
}

impl Caught {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
    pub fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap().to_string()
    }
    pub fn about(&self) -> String {
        self.json()["data"]["object"]["id"].as_str().unwrap_or_default().to_string()
    }
    /// Checks the signature as the documentation says, without the sandbox's code.
    pub fn genuine(&self) -> bool {
        let header = self.headers["stripe-signature"].to_str().unwrap();
        let t = header.strip_prefix("t=").unwrap().split(',').next().unwrap();
        let v1 = header.split("v1=").nth(1).unwrap();
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(t.as_bytes());
        mac.update(b".");
        mac.update(self.body.as_bytes());
        mac.verify_slice(&hex::decode(v1).unwrap()).is_ok()
    }
}

#[derive(Clone, Default)]
pub struct Catcher {
    pub all: Arc<Mutex<Vec<Caught>>>,
    /// Answers to give before 200.
    pub refuse: Arc<Mutex<u32>>,
}

impl Catcher {
    pub async fn listen(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new()
            .route("/caught", get(show))
            .route("/{*path}", post(take))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        base
    }
    pub fn all(&self) -> Vec<Caught> {
        self.all.lock().unwrap().clone()
    }
    pub fn of(&self, kind: &str) -> Vec<Caught> {
        self.all().into_iter().filter(|c| c.kind() == kind).collect()
    }
    /// Waits until `n` webhooks of a type have come.
    pub async fn wait(&self, kind: &str, n: usize) -> Vec<Caught> {
        until(&format!("{n} of {kind}"), || {
            let found = self.of(kind);
            (found.len() >= n).then_some(found)
        })
        .await
    }
}

async fn take(State(c): State<Catcher>, uri: axum::http::Uri, headers: HeaderMap, body: Bytes) -> StatusCode {
    {
        let mut refuse = c.refuse.lock().unwrap();
        if *refuse > 0 {
            *refuse -= 1;
            return StatusCode::SERVICE_UNAVAILABLE;
        }
    }
    c.all.lock().unwrap().push(Caught {
        path: uri.path().to_string(),
        headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    });
    StatusCode::OK
}

/// For programs in other languages: what has come so far.
async fn show(State(c): State<Catcher>) -> axum::Json<Value> {
    axum::Json(
        c.all()
            .iter()
            .map(|c| json!({"path": c.path, "signature": c.headers["stripe-signature"].to_str().unwrap(), "body": c.body}))
            .collect(),
    )
}

/// Polls for a condition.
pub async fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    for _ in 0..600 {
        if let Some(t) = found() {
            return t;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("waited in vain for {what}");
}

pub struct World {
    pub sandbox: Sandbox,
    pub catcher: Catcher,
    pub hook_base: String,
    /// `http://127.0.0.1:port`
    pub base: String,
    http: Client<HttpConnector, Full<Bytes>>,
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }
    pub fn error(&self) -> Value {
        self.json()["error"].clone()
    }
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|v| v.to_str().unwrap()).unwrap_or_default()
    }
    pub fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.text);
        self.json()
    }
}

pub async fn world() -> World {
    let catcher = Catcher::default();
    let hook_base = catcher.listen().await;
    world_at(None, catcher, hook_base).await
}

pub async fn world_at(data_dir: Option<PathBuf>, catcher: Catcher, hook_base: String) -> World {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let cfg = SandboxConfig {
        data_dir,
        public_base: format!("{base}/sandbox"),
        hook_base: hook_base.clone(),
        stripe: vec![
            StripeAccountConfig {
                connection: CONNECTION.into(),
                secret_key: KEY.into(),
                webhook_secret: SECRET.into(),
            },
            StripeAccountConfig {
                connection: "stripe-intl".into(),
                secret_key: "sk_test_sandbox_intl".into(),
                webhook_secret: "whsec_test_intl".into(),
            },
        ],
        rails: vec![],
        mt5: vec![],
        smtp_listen: Some("127.0.0.1:0".parse().unwrap()),
        simulate_traders: false,
    };
    let sandbox = Sandbox::start(cfg, Env::system()).await.unwrap();
    let app = Router::new().nest("/sandbox", sandbox.router()).merge(sandbox.router());
    tokio::spawn(async move { axum::serve(listener, app.into_make_service_with_connect_info::<ConnId>()).await });
    World {
        sandbox,
        catcher,
        hook_base,
        base,
        http: Client::builder(TokioExecutor::new()).build_http(),
    }
}

impl World {
    /// Any request; `None` when the connection broke before an answer.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Option<Answer> {
        let url = if path.starts_with("http") {
            path.to_string()
        } else {
            format!("{}{path}", self.base)
        };
        let mut r = hyper::Request::builder().method(method).uri(url);
        for (k, v) in headers {
            r = r.header(*k, *v);
        }
        let response = self
            .http
            .request(r.body(Full::new(Bytes::from(body.to_string()))).unwrap())
            .await
            .ok()?;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.ok()?.to_bytes();
        Some(Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        })
    }
    pub async fn api(&self, method: &str, path: &str, form: &str, key: Option<&str>) -> Option<Answer> {
        let auth = format!("Bearer {KEY}");
        let mut h = vec![
            ("authorization", auth.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        h.extend(key.map(|k| ("idempotency-key", k)));
        self.send(method, &format!("/sandbox/stripe{path}"), &h, form).await
    }
    pub async fn post(&self, path: &str, form: &str) -> Answer {
        self.api("POST", path, form, None).await.unwrap()
    }
    pub async fn get(&self, path: &str) -> Value {
        self.api("GET", path, "", None).await.unwrap().ok()
    }
    /// A form as the checkout page sends it.
    pub async fn submit(&self, path: &str, form: &str) -> Answer {
        self.send("POST", path, &[("content-type", "application/x-www-form-urlencoded")], form)
            .await
            .unwrap()
    }
    pub async fn control(&self, path: &str, body: Value) -> Answer {
        self.send(
            "POST",
            &format!("/sandbox/control{path}"),
            &[("content-type", "application/json")],
            &body.to_string(),
        )
        .await
        .unwrap()
    }
    pub async fn fault(&self, target: &str, kind: &str, more: Value) {
        let mut f = json!({"provider": "stripe", "target": target, "kind": kind});
        f.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        let a = self.control("/faults", f).await;
        assert_eq!(a.status, 201, "{}", a.text);
    }
    /// A payment of 100.00 EUR by this test card; the intent.
    pub async fn paid(&self, method: &str) -> Value {
        self.post(
            "/v1/payment_intents",
            &format!("amount=10000&currency=eur&confirm=true&payment_method={method}&metadata[deposit]=dep_1"),
        )
        .await
        .ok()
    }
    pub async fn session(&self) -> Value {
        self.post("/v1/checkout/sessions", "mode=payment&line_items[0][quantity]=1&line_items[0][price_data][currency]=eur&line_items[0][price_data][unit_amount]=25000&line_items[0][price_data][product_data][name]=Deposit+%26+more&success_url=http%3A%2F%2F127.0.0.1%3A9%2Fback%3Fs%3D%7BCHECKOUT_SESSION_ID%7D&cancel_url=http%3A%2F%2F127.0.0.1%3A9%2Fno&client_reference_id=dep_7&metadata[deposit]=dep_7&payment_intent_data[metadata][deposit]=dep_7").await.ok()
    }
}

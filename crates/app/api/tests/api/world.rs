//! A demo brokerage for one test: SQLite in a temporary folder, the sandbox's counterparties on free
//! ports, workers if the test wants them. Every answer passes [`World::ask`], which holds all errors
//! to the problem format and all documented answers to their schema.

use crate::shape;
use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode, header};
use qd_app::{App, Config, Running, demo};
use qd_kernel::Env;
use qd_runtime::access::{LoginId, logins};
use qd_sandbox::{ConnId, Sandbox};
use qd_testkit::TestDb;
use qd_web::gate::Peer;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tower::ServiceExt as _;

static COUNT: AtomicU64 = AtomicU64::new(0);

pub struct World {
    pub app: App,
    pub router: Router,
    pub sandbox: Option<Sandbox>,
    pub document: Value,
    running: Option<Running>,
    dir: PathBuf,
    /// Keeps the PostgreSQL database of this world until the end.
    #[allow(dead_code, reason = "held, not read")]
    store: Option<TestDb>,
}

/// The same tests run once per engine: on SQLite, and with QD_TEST_ENGINE=postgres on a database of
/// their own in the server at QD_TEST_PG (scripts/test.sh does both).
async fn build(config: Config, env: Env) -> (App, Option<TestDb>) {
    if std::env::var("QD_TEST_ENGINE").as_deref() != Ok("postgres") {
        return (App::build(config, env).await.unwrap(), None);
    }
    let store = TestDb::postgres().await.expect("QD_TEST_ENGINE=postgres needs QD_TEST_PG");
    (App::build_on(config, env, store.db.clone()).await.unwrap(), Some(store))
}

/// One answer.
pub struct Told {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
    pub bytes: Vec<u8>,
}

impl Told {
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
    pub fn pointer(&self) -> &str {
        self.body["fields"][0]["pointer"].as_str().unwrap_or_default()
    }
    /// The body of a success; a failure says what it was.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!(self.status.is_success(), "{}: {}", self.status, self.body);
        self.body
    }
}

fn folder() -> PathBuf {
    let nanos = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |d| d.as_nanos());
    std::env::temp_dir().join(format!(
        "qd_api_{}_{nanos}_{}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    ))
}

fn base_config(dir: &std::path::Path) -> Config {
    let none = demo::Counterparties {
        servers: Vec::new(),
        manager_login: 1,
        psps: Vec::new(),
        psp_base: String::new(),
        rails: Vec::new(),
        smtp: SocketAddr::from(([127, 0, 0, 1], 9)),
    };
    let mut c =
        Config::parse(&demo::config_text(dir, SocketAddr::from(([127, 0, 0, 1], 8080)), &none)).expect("the demo's configuration reads");
    c.server.rate_limit = false;
    c
}

impl World {
    /// Data and people, nobody at work and no counterparties.
    pub async fn quiet() -> World {
        Self::quiet_with(|_| {}).await
    }

    pub async fn quiet_with(change: impl FnOnce(&mut Config)) -> World {
        let dir = folder();
        let env = Env::system();
        demo::make_keys(&dir, &*env.entropy, &[]).unwrap();
        let mut config = base_config(&dir);
        change(&mut config);
        let (app, store) = build(config, env).await;
        demo::prepare(&app).await.unwrap();
        Self::around(app, None, None, dir, store)
    }

    /// Everything: counterparties, workers, callbacks over a real listener.
    pub async fn busy() -> World {
        let dir = folder();
        let env = Env::system();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut cfg = qd_sandbox::demo_config(None, at);
        cfg.simulate_traders = false;
        cfg.smtp_listen = Some(free);
        for s in &mut cfg.mt5 {
            s.tls_listen = Some(free);
        }
        let mut given = vec![("mt5".to_string(), cfg.mt5[0].manager_password.clone())];
        for s in &cfg.stripe {
            given.push((format!("{}.key", s.connection), s.secret_key.clone()));
            given.push((format!("{}.hook", s.connection), s.webhook_secret.clone()));
        }
        let sandbox = Sandbox::start(cfg, env.clone()).await.unwrap();
        given.extend(rails(&sandbox, at).iter().flat_map(demo::RailAccount::keys));
        demo::make_keys(&dir, &*env.entropy, &given).unwrap();
        std::fs::create_dir_all(dir.join("sandbox")).unwrap();
        std::fs::write(dir.join("sandbox/sandbox-cert.pem"), sandbox.certificate_pem()).unwrap();
        let parts = counterparties(&sandbox, at);
        let mut config = Config::parse(&demo::config_text(&dir, at, &parts)).unwrap();
        config.server.rate_limit = false;
        let (app, store) = build(config, env).await;
        demo::prepare(&app).await.unwrap();
        let running = app.start().await.unwrap();
        let world = Self::around(app, Some(sandbox.clone()), Some(running), dir, store);
        let all = world.router.clone().nest("/sandbox", sandbox.router());
        tokio::spawn(async move { axum::serve(listener, all.into_make_service_with_connect_info::<ConnId>()).await });
        world
    }

    fn around(app: App, sandbox: Option<Sandbox>, running: Option<Running>, dir: PathBuf, store: Option<TestDb>) -> World {
        let document = qd_api::document::value(&qd_api::build(app.clone()));
        World {
            router: qd_api::router(app.clone()),
            app,
            sandbox,
            document,
            running,
            dir,
            store,
        }
    }

    pub async fn end(self) {
        if let Some(r) = self.running {
            r.stop().await;
        }
        if let Some(s) = &self.sandbox {
            s.shutdown().await;
        }
        let _ = std::fs::remove_dir_all(&self.dir);
    }

    pub async fn send(&self, req: Request<Body>) -> Told {
        let (method, path) = (req.method().clone(), req.uri().path().to_string());
        let mut req = req;
        if req.extensions().get::<Peer>().is_none() {
            req.extensions_mut().insert(Peer(SocketAddr::from(([192, 0, 2, 7], 40_000))));
        }
        let r = self.router.clone().oneshot(req).await.unwrap();
        let (parts, body) = r.into_parts();
        let kind = parts
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default()
            .to_string();
        let stream = kind.starts_with("text/event-stream");
        let bytes = if stream {
            Vec::new()
        } else {
            axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec()
        };
        let body = if kind.contains("json") {
            serde_json::from_slice(&bytes).unwrap()
        } else {
            Value::Null
        };
        let told = Told {
            status: parts.status,
            headers: parts.headers,
            body,
            bytes,
        };
        if told.status.is_client_error() || told.status.is_server_error() {
            assert_eq!(kind, "application/problem+json", "{method} {path} answered {}", told.status);
            assert_eq!(
                told.body["status"].as_u64(),
                Some(u64::from(told.status.as_u16())),
                "{method} {path}"
            );
            assert!(!told.code().is_empty(), "{method} {path}: an error without a code");
            assert_ne!(told.status, StatusCode::INTERNAL_SERVER_ERROR, "{method} {path}: {}", told.body);
        } else if kind.contains("json") {
            shape::hold(&self.document, method.as_str(), &path, told.status, &told.body);
        }
        assert!(told.headers.contains_key("x-request-id"), "{method} {path}: no request id");
        told
    }

    pub async fn ask(&self, method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> Told {
        self.send(request(method, path, token, body)).await
    }

    pub async fn get(&self, path: &str, token: &str) -> Told {
        self.ask("GET", path, Some(token), None).await
    }

    /// A write with an idempotency key of its own.
    pub async fn post(&self, path: &str, token: &str, body: Value) -> Told {
        self.ask("POST", path, Some(token), Some(&body)).await
    }

    /// A person of the demo's staff, by the start of the address.
    pub async fn staff(&self, who: &str) -> String {
        let p = demo::PEOPLE
            .iter()
            .find(|p| p.email.starts_with(who))
            .expect("somebody of the demo");
        let b = json!({"email": p.email, "password": demo::PASSWORD});
        let t = self.ask("POST", "/api/v1/auth/staff/sign-in", None, Some(&b)).await.ok();
        t["token"].as_str().unwrap().to_string()
    }

    /// Registers a client at the EU brand, signs them in, and proves their address as the mail's link
    /// would: token and client id.
    pub async fn client(&self, email: &str) -> (String, String) {
        let (token, client) = self.client_who_came(email, json!({})).await;
        self.prove(&token, &client).await;
        (token, client)
    }

    /// Proves a client's address, as the mailed link does.
    pub async fn prove(&self, token: &str, client: &str) {
        let link = self.link_for(client).await;
        self.ask("POST", "/api/v1/auth/email/verify", Some(token), Some(&json!({"token": link})))
            .await
            .ok();
    }

    /// A fresh verification token of a client's only login.
    pub async fn link_for(&self, client: &str) -> String {
        let (app, client) = (self.app.clone(), client.to_string());
        let token = self
            .app
            .core
            .db
            .write(async move |tx| {
                let all = logins::of_client(tx, &client).await?;
                logins::issue_verification(tx, &app.access, LoginId::parse(&all[0].id)?).await
            })
            .await
            .unwrap();
        token.expose().to_string()
    }

    /// Registers a client and signs them in; nobody has proven the address yet.
    pub async fn newcomer(&self, email: &str) -> (String, String) {
        self.client_who_came(email, json!({})).await
    }

    pub async fn client_who_came(&self, email: &str, came: Value) -> (String, String) {
        let b = json!({"brand": "northwind", "email": email, "password": "Alster-Segel-42", "first_name": "Alex", "last_name": "Weber", "country": "DE", "language": "de", "came": came});
        let r = self.ask("POST", "/api/v1/register", None, Some(&b)).await.ok();
        (self.client_again(email).await, r["client_id"].as_str().unwrap().to_string())
    }

    pub async fn client_again(&self, email: &str) -> String {
        let b = json!({"brand": "northwind", "email": email, "password": "Alster-Segel-42"});
        let t = self.ask("POST", "/api/v1/auth/sign-in", None, Some(&b)).await.ok();
        t["token"].as_str().unwrap().to_string()
    }

    /// A call to the counterparties' own control.
    pub async fn outside(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let sandbox = self.sandbox.as_ref().expect("a world with counterparties");
        let r = sandbox.router().oneshot(request(method, path, None, body)).await.unwrap();
        let status = r.status();
        let bytes = axum::body::to_bytes(r.into_body(), usize::MAX).await.unwrap();
        assert!(status.is_success(), "{method} {path}: {status} {}", String::from_utf8_lossy(&bytes));
        serde_json::from_slice(&bytes).unwrap_or(Value::Null)
    }

    /// Asks until the answer is as wanted, or fails after a minute with the last one.
    pub async fn until(&self, what: &str, path: &str, token: &str, good: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        for _ in 0..1_200 {
            last = self.get(path, token).await.body;
            if good(&last) {
                return last;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("waited a minute in vain for {what}: {last:#}");
    }
}

pub fn request(method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> Request<Body> {
    let mut r = Request::builder().method(method).uri(path).header(header::HOST, "127.0.0.1:8080");
    if let Some(t) = token {
        r = r.header(header::AUTHORIZATION, format!("Bearer {t}"));
    }
    if !matches!(method, "GET") {
        r = r.header("idempotency-key", format!("k{}", COUNT.fetch_add(1, Ordering::Relaxed)));
    }
    match body {
        Some(b) => r
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(b.to_string()))
            .unwrap(),
        None => r.body(Body::empty()).unwrap(),
    }
}

fn counterparties(sandbox: &Sandbox, at: SocketAddr) -> demo::Counterparties {
    let cfg = &sandbox.shared().cfg;
    let servers = cfg
        .mt5
        .iter()
        .map(|s| {
            let address = sandbox.address(&format!("mt5:{}:tls", s.name)).expect("a TLS listener");
            let (entity, kind, mask) = match s.name.as_str() {
                "demo" => ("eu", "demo", r"demo\*"),
                "intl-live" => ("intl", "live", r"real\*"),
                _ => ("eu", "live", r"real\*"),
            };
            (
                s.name.clone(),
                entity.to_string(),
                kind,
                format!("https://{address}"),
                s.tz.clone(),
                mask,
            )
        })
        .collect();
    demo::Counterparties {
        servers,
        manager_login: cfg.mt5[0].manager_login,
        psps: cfg
            .stripe
            .iter()
            .map(|s| (s.connection.clone(), s.connection.trim_start_matches("stripe-").to_string()))
            .collect(),
        psp_base: format!("http://{at}/sandbox/stripe"),
        rails: rails(sandbox, at),
        smtp: sandbox.address("smtp").expect("the mail catcher listens"),
    }
}

/// The sandbox's accounts at other payment providers, as the configuration names them.
fn rails(sandbox: &Sandbox, at: SocketAddr) -> Vec<demo::RailAccount> {
    let rails = sandbox.shared().cfg.rails.iter();
    rails
        .map(|r| demo::RailAccount {
            provider: r.provider.clone(),
            connection: r.connection.clone(),
            entity: r.entity.clone(),
            api_base: format!("http://{at}/sandbox/{}/{}", r.provider, r.connection),
            key: r.key.clone(),
            hook_secret: r.hook_secret.clone(),
            secrets: r.secrets.clone(),
            settings: r.settings.clone(),
        })
        .collect()
}

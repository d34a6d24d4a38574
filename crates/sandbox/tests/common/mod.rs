//! A small HTTP/1.1 client of its own: one connection, so that tests see what is tied to it, and
//! no retry behind their backs.
#![allow(dead_code, clippy::unwrap_used)]

use qd_kernel::{Env, SeededEntropy, TestClock, Ts};
use qd_sandbox::mt5::{password_key, proof};
use qd_sandbox::{GroupConfig, Mt5ServerConfig, Sandbox, SandboxConfig};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

pub const PASSWORD: &str = "Password1";

pub fn group(name: &str, currency: &str) -> GroupConfig {
    let digits = if currency == "JPY" { 0 } else { 2 };
    GroupConfig {
        name: name.into(),
        currency: currency.into(),
        digits,
        leverage_max: 500,
        margin_call: 100,
        stop_out: 50,
    }
}

pub fn config(data_dir: Option<PathBuf>) -> SandboxConfig {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    SandboxConfig {
        data_dir,
        public_base: "http://127.0.0.1/sandbox".into(),
        hook_base: "http://127.0.0.1:9".into(),
        stripe: vec![],
        rails: vec![],
        mt5: vec![Mt5ServerConfig {
            name: "eu-live".into(),
            manager_login: 1000,
            manager_password: PASSWORD.into(),
            tls_listen: Some(any),
            plain_listen: Some(any),
            first_login: 500_001,
            tz: "Europe/Athens".into(),
            groups: vec![
                group(r"real\forex-eur", "EUR"),
                group(r"real\forex-usd", "USD"),
                group(r"real\pro-eur", "EUR"),
                group(r"demo\forex-usd", "USD"),
            ],
        }],
        smtp_listen: None,
        simulate_traders: false,
    }
}

pub struct World {
    pub sandbox: Sandbox,
    pub clock: Arc<TestClock>,
    pub plain: SocketAddr,
    pub tls: SocketAddr,
    /// Where the router is served, as the whole program would serve it.
    pub web: SocketAddr,
}

pub const START: Ts = Ts::from_secs(1_795_132_800 + 9 * 3600);

pub async fn world(data_dir: Option<PathBuf>) -> World {
    let clock = Arc::new(TestClock::new(START));
    let env = Env::new(clock.clone(), Arc::new(SeededEntropy::new(7)));
    let sandbox = Sandbox::start(config(data_dir), env).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let web = listener.local_addr().unwrap();
    let app = axum::Router::new().nest("/sandbox", sandbox.router());
    tokio::spawn(async move { axum::serve(listener, app.into_make_service_with_connect_info::<qd_sandbox::ConnId>()).await });
    let (plain, tls) = (
        sandbox.address("mt5:eu-live:plain").unwrap(),
        sandbox.address("mt5:eu-live:tls").unwrap(),
    );
    World {
        sandbox,
        clock,
        plain,
        tls,
        web,
    }
}

impl World {
    /// A call of the control interface; (status, body).
    pub async fn control(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let mut c = Client::plain(self.web).await;
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let a = c
            .send(method, &format!("/sandbox/control{path}"), &body)
            .await
            .expect("the control interface answers");
        (a.status, serde_json::from_str(&a.body).unwrap_or(Value::Null))
    }
    pub async fn fault(&self, target: &str, kind: &str, more: Value) {
        let mut f = json!({"provider": "mt5", "target": target, "kind": kind});
        f.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        assert_eq!(self.control("POST", "/faults", f).await.0, 201);
    }
    pub async fn signed_in(&self) -> Client<TcpStream> {
        let mut c = Client::plain(self.plain).await;
        c.sign_in().await;
        c
    }
}

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }
    pub fn retcode(&self) -> u32 {
        let v = self.json();
        v["retcode"].as_str().unwrap().split(' ').next().unwrap().parse().unwrap()
    }
    /// The answer of a call that must have succeeded.
    pub fn done(&self) -> Value {
        assert_eq!(self.retcode(), 0, "{}", self.body);
        self.json()["answer"].clone()
    }
}

pub struct Client<S> {
    stream: S,
    /// Goes in front of every path.
    pub base: String,
}

impl Client<TcpStream> {
    pub async fn plain(at: SocketAddr) -> Client<TcpStream> {
        Client {
            stream: TcpStream::connect(at).await.unwrap(),
            base: String::new(),
        }
    }
}

pub async fn over_tls(at: SocketAddr, certificate_pem: &str) -> Client<tokio_rustls::client::TlsStream<TcpStream>> {
    use rustls::pki_types::pem::PemObject;
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(rustls::pki_types::CertificateDer::from_pem_slice(certificate_pem.as_bytes()).unwrap())
        .unwrap();
    let cfg = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = TcpStream::connect(at).await.unwrap();
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let stream = tokio_rustls::TlsConnector::from(Arc::new(cfg)).connect(name, tcp).await.unwrap();
    Client {
        stream,
        base: String::new(),
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// `None` when the connection ended without an answer.
    pub async fn send(&mut self, method: &str, path: &str, body: &str) -> Option<Answer> {
        let req = format!(
            "{method} {}{path} HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\nAccept: */*\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            self.base,
            body.len()
        );
        self.stream.write_all(req.as_bytes()).await.ok()?;
        let mut got = Vec::new();
        let head_end = loop {
            if let Some(i) = got.windows(4).position(|w| w == b"\r\n\r\n") {
                break i + 4;
            }
            if !self.more(&mut got).await {
                assert!(got.is_empty(), "half an answer: {}", String::from_utf8_lossy(&got));
                return None;
            }
        };
        let head = String::from_utf8_lossy(&got[..head_end]).into_owned();
        let header = |n: &str| {
            head.lines().find_map(|l| {
                l.split_once(':')
                    .filter(|(k, _)| k.eq_ignore_ascii_case(n))
                    .map(|(_, v)| v.trim().to_string())
            })
        };
        let length: usize = header("content-length").and_then(|v| v.parse().ok()).unwrap_or(0);
        while got.len() < head_end + length {
            assert!(self.more(&mut got).await, "the body was cut");
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let body = String::from_utf8(got[head_end..head_end + length].to_vec()).unwrap();
        Some(Answer { status, head, body })
    }

    async fn more(&mut self, into: &mut Vec<u8>) -> bool {
        let mut chunk = [0u8; 16_384];
        match self.stream.read(&mut chunk).await {
            Ok(0) | Err(_) => false,
            Ok(n) => {
                into.extend_from_slice(&chunk[..n]);
                true
            }
        }
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, "").await.expect("an answer")
    }
    pub async fn post(&mut self, path: &str, body: Value) -> Answer {
        self.send("POST", path, &body.to_string()).await.expect("an answer")
    }

    pub async fn start(&mut self) -> Answer {
        self.get("/api/auth/start?version=484&agent=test&login=1000&type=manager").await
    }

    pub async fn sign_in(&mut self) {
        let a = self.start().await.json();
        let key = password_key(PASSWORD);
        let mine = "4db98fec17aab4dc5a240bdc659e8395";
        let answer = proof(&key, &hex::decode(a["srv_rand"].as_str().unwrap()).unwrap());
        let b = self
            .get(&format!("/api/auth/answer?srv_rand_answer={answer}&cli_rand={mine}"))
            .await;
        assert_eq!(b.retcode(), 0, "{}", b.body);
        assert_eq!(b.json()["cli_rand_answer"], "1732021b1b332f51660b2b315eed3a35");
        assert!(b.json().get("answer").is_none());
    }

    pub async fn add_user(&mut self, group: &str, name: &str) -> u64 {
        let body = json!({"Group": group, "Name": name, "Leverage": 100, "PassMain": "Secret-2026", "PassInvestor": "Secret-2027"});
        login_of(&self.post("/api/user/add", body).await.done())
    }
    pub async fn deposit(&mut self, login: u64, amount: &str, comment: &str) -> String {
        let a = self
            .post(
                "/api/trade/balance",
                json!({"login": login, "type": 2, "balance": amount, "comment": comment}),
            )
            .await
            .done();
        a["Ticket"].as_str().unwrap().to_string()
    }
    /// Every deal of an account.
    pub async fn deals(&mut self, login: u64) -> Vec<Value> {
        let a = self
            .get(&format!("/api/deal/get_batch?login={login}&from=0&to=4000000000"))
            .await
            .done();
        a.as_array().unwrap().clone()
    }
}

pub fn login_of(user: &Value) -> u64 {
    user["Login"].as_str().unwrap().parse().unwrap()
}

pub fn folder(name: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("sandbox-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    dir
}

//! A database, real trade servers of the sandbox over sockets, and one clock for both, moved by
//! hand. Used by the tests of this crate and of qd-payments.

use axum::body::{Body, to_bytes};
use qd_kernel::{Currency, Env, PageRequest, Result, Secret, TestClock};
use qd_ledger::{AccountKey, Balance, Purpose};
use qd_outbound::{Fingerprint, Trust};
use qd_platform_mt5::{Mt5, Mt5Config};
use qd_ports::platform::TradingPlatform;
use qd_runtime::Core;
use qd_runtime::access::{Caller, LoginId, Role, StaffId};
use qd_runtime::bus::{Subscriptions, settle};
use qd_runtime::exceptions::{self, Exception, ExceptionState};
use qd_runtime::jobs::{Handler, Registry, graveyard, run_until_idle};
use qd_sandbox::{ConnId, Fault, FaultKind, Sandbox, SandboxConfig, demo_config};
use qd_testkit::TestDb;
use qd_trading::accounts::{AccountView, Mapping, Owner};
use qd_trading::jobs::Pace;
use qd_trading::moves::{self, MoveView, NewMove};
use qd_trading::{AccountKind, AccountState, Direction, MoveKind, Platforms, TradingAccountId, Vault};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tower::ServiceExt;

pub const SERVER: &str = "eu-live";
/// One call to a server or provider; a `slow` fault takes longer.
pub const TIMEOUT_MS: u64 = 1_500;
pub const TOO_SLOW_MS: u64 = 2_200;

type Seen = Arc<Mutex<BTreeMap<i64, (String, Value)>>>;

pub struct Ground {
    pub t: TestDb,
    pub core: Core,
    pub clock: Arc<TestClock>,
    pub sandbox: Sandbox,
    pub platforms: Platforms,
    /// `http://127.0.0.1:port`, the sandbox at `/sandbox`.
    pub base: String,
    pub registry: Registry,
    pub subscriptions: Subscriptions,
    seen: Seen,
}

/// Plain text is good enough for passwords nobody uses.
pub struct OpenVault;

impl Vault for OpenVault {
    fn seal(&self, plain: &[u8]) -> Result<Vec<u8>> {
        Ok(plain.iter().map(|b| b ^ 0x5a).collect())
    }
    fn open(&self, sealed: &[u8]) -> Result<Vec<u8>> {
        self.seal(sealed)
    }
}

/// The sandbox's servers on free ports; `adjust` adds what a test needs.
fn sandbox_config(base: std::net::SocketAddr, hook_base: String) -> SandboxConfig {
    let mut c = demo_config(None, base);
    c.hook_base = hook_base;
    c.smtp_listen = None;
    c.simulate_traders = false;
    for s in &mut c.mt5 {
        s.tls_listen = Some(([127, 0, 0, 1], 0).into());
        s.plain_listen = Some(([127, 0, 0, 1], 0).into());
    }
    c
}

pub fn platforms(sandbox: &Sandbox, env: &Env) -> Platforms {
    qd_outbound::init_tls();
    let pin = Fingerprint::of_pem(sandbox.certificate_pem()).expect("the sandbox has a certificate");
    let mut by_server: BTreeMap<String, Arc<dyn TradingPlatform>> = BTreeMap::new();
    for s in &sandbox.shared().cfg.mt5 {
        // Real access servers speak TLS with a certificate of their own; so does the first one here.
        let secure = s.name == SERVER;
        let at = sandbox
            .address(&format!("mt5:{}:{}", s.name, if secure { "tls" } else { "plain" }))
            .expect("the server listens");
        let scheme = if secure { "https" } else { "http" };
        let mut c = Mt5Config::new(
            s.name.clone(),
            format!("{scheme}://{at}"),
            s.manager_login,
            Secret::new(s.manager_password.clone()),
        );
        c.timeout_ms = TIMEOUT_MS;
        c.zone = Some(s.tz.clone());
        c.trust = if secure {
            Trust::Pinned(vec![pin.clone()])
        } else {
            Trust::WebRoots
        };
        by_server.insert(s.name.clone(), Arc::new(Mt5::new(c, env.clone()).expect("the settings are good")));
    }
    Platforms::new(by_server, Arc::new(OpenVault))
}

impl Ground {
    /// With the handlers of this crate only.
    pub async fn new(t: TestDb) -> Ground {
        let mut g = Ground::bare(t, "http://127.0.0.1:9".into()).await;
        for h in qd_trading::jobs::handlers(&g.core, &g.platforms) {
            g.registry = g.registry.add(h);
        }
        g
    }

    /// Without handlers.
    pub async fn bare(t: TestDb, hook_base: String) -> Ground {
        let core = t.core.clone();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let at = listener.local_addr().expect("an address");
        let sandbox = Sandbox::start(sandbox_config(at, hook_base), core.env.clone())
            .await
            .expect("the sandbox starts");
        let app = axum::Router::new().nest("/sandbox", sandbox.router());
        tokio::spawn(async move { axum::serve(listener, app.into_make_service_with_connect_info::<ConnId>()).await });
        let platforms = platforms(&sandbox, &core.env);
        core.db
            .write(async |tx| {
                qd_trading::servers::register(tx, SERVER, "eu", "mt5", AccountKind::Live, "real\\*").await?;
                qd_trading::servers::register(tx, "intl-live", "intl", "mt5", AccountKind::Live, "real\\*").await?;
                qd_trading::servers::register(tx, "demo", "eu", "mt5", AccountKind::Demo, "demo\\*").await
            })
            .await
            .expect("the servers are noted");
        let seen = Seen::default();
        let note = seen.clone();
        let subscriptions = Subscriptions::new().subscribe_from_start("test.seen", &["*"], move |_, _, ev| {
            note.lock().unwrap().insert(ev.position, (ev.kind.clone(), ev.payload.clone()));
            Box::pin(async { Ok(()) })
        });
        let clock = t.clock.clone();
        Ground {
            t,
            core,
            clock,
            sandbox,
            platforms,
            base: format!("http://{at}"),
            registry: Registry::new(),
            subscriptions,
            seen,
        }
    }

    // ---- work and time ------------------------------------------------------------------------

    /// Delivers events and runs jobs until nothing is due now.
    pub async fn work(&self) {
        settle(&self.core, &self.subscriptions, &self.registry)
            .await
            .expect("events and jobs get on");
    }

    /// Time passes, then the work that has become due.
    pub async fn pass(&self, secs: i64) {
        self.clock.advance_secs(secs);
        self.work().await;
    }

    /// Works, letting `step` seconds pass between two looks, until `look` answers something.
    pub async fn until<T, F: Future<Output = Option<T>>>(&self, what: &str, step: i64, mut look: impl FnMut() -> F) -> T {
        self.work().await;
        for _ in 0..200 {
            if let Some(v) = look().await {
                return v;
            }
            self.pass(step).await;
        }
        panic!("waited {} s of test time in vain for: {what}", step * 200);
    }

    /// Reads the server's deals once, as the schedule would.
    pub async fn feed(&self) {
        self.feed_of(SERVER).await;
    }
    pub async fn feed_of(&self, server: &str) {
        self.turn(
            format!("feed:{server}"),
            qd_trading::jobs::feed_handler(&self.core, &self.platforms, server),
        )
        .await;
    }
    pub async fn sweep(&self) {
        self.turn(
            format!("sweep:{SERVER}"),
            qd_trading::jobs::sweep_handler(&self.core, &self.platforms, SERVER, Pace { all_s: 30, quick_s: 2 }),
        )
        .await;
    }
    /// A full look, then what `between` does, then a quick one.
    pub async fn sweep_around(&self, between: impl AsyncFnOnce()) {
        let pace = Pace { all_s: 30, quick_s: 2 };
        let handler = qd_trading::jobs::sweep_handler(&self.core, &self.platforms, SERVER, pace);
        self.turn(format!("sweep:{SERVER}"), handler.clone()).await;
        between().await;
        self.turn(format!("sweep:{SERVER}"), handler).await;
    }
    async fn turn(&self, name: String, handler: Arc<dyn Handler>) {
        self.clock.advance_secs(2);
        let schedule = Registry::new().every(name, 1, handler);
        run_until_idle(&self.core, &schedule).await.expect("the schedule runs");
        self.work().await;
    }

    /// Lets a second node work until `when` holds, then kills it in the middle: its tasks end where
    /// they are, its connections break, its leases stay. `node` makes the node's own handlers.
    pub async fn kill_when<F: Future<Output = bool>>(&self, node: impl FnOnce(Core) -> Registry, when: impl FnMut() -> F) {
        let rt = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime starts");
        let core = Core::new(self.core.db.clone(), self.core.env.clone());
        let registry = node(core.clone());
        rt.spawn(async move { run_until_idle(&core, &registry).await.map(|_| ()) });
        qd_testkit::wait_until("the node to be where it is killed", when).await;
        rt.shutdown_background();
    }

    /// After a kill: past the dead node's leases.
    pub async fn take_over(&self) {
        self.pass(61).await;
    }

    // ---- the other side -----------------------------------------------------------------------

    pub async fn control(&self, method: &str, path: &str, body: Value) -> Value {
        let req = axum::http::Request::builder()
            .method(method)
            .uri(format!("/control{path}"))
            .body(Body::from(body.to_string()))
            .unwrap();
        let res = self.sandbox.router().oneshot(req).await.unwrap();
        let status = res.status();
        let bytes = to_bytes(res.into_body(), 1 << 22).await.unwrap();
        assert!(status.is_success(), "{method} {path}: {status} {}", String::from_utf8_lossy(&bytes));
        serde_json::from_slice(&bytes).unwrap()
    }
    pub async fn mt5(&self, what: &str, body: Value) -> Value {
        self.control("POST", &format!("/mt5/{SERVER}/{what}"), body).await
    }
    pub fn order(&self, provider: &str, target: &str, kind: FaultKind) -> String {
        self.order_with(provider, target, kind, None, None)
    }
    pub fn order_with(&self, provider: &str, target: &str, kind: FaultKind, delay_ms: Option<u64>, value: Option<&str>) -> String {
        self.sandbox.shared().faults.order(Fault {
            id: String::new(),
            provider: provider.into(),
            target: target.into(),
            server: None,
            kind,
            count: 1,
            delay_ms,
            value: value.map(str::to_string),
        })
    }
    pub fn calm(&self) {
        self.sandbox.shared().faults.cancel(None);
    }
    /// What the trade server itself says is on a login, credit included.
    pub fn on_server(&self, a: &AccountView) -> i64 {
        let login = a.login.as_deref().unwrap().parse().unwrap();
        let (balance, credit) = self.sandbox.mt5(&a.server).unwrap().balance_of(login).unwrap();
        balance + credit
    }

    // ---- accounts and moves -------------------------------------------------------------------

    pub async fn request(&self, client: &str, code: &str, currency: Currency) -> Result<AccountView> {
        let (core, owner, mapping) = (self.core.clone(), owner(client), mapping(code, currency));
        self.core
            .db
            .write(async move |tx| {
                qd_trading::accounts::request(tx, &core, &client_caller(&owner.client_id), owner.clone(), mapping.clone(), None).await
            })
            .await
    }
    /// Requested and opened.
    pub async fn account(&self, client: &str) -> AccountView {
        let a = self.request(client, "standard", Currency::EUR).await.unwrap();
        self.work().await;
        self.ready(a.id).await
    }
    pub async fn ready(&self, id: TradingAccountId) -> AccountView {
        let a = self.view(id).await;
        assert_eq!(a.state, AccountState::Ready, "{a:?}");
        a
    }
    pub async fn view(&self, id: TradingAccountId) -> AccountView {
        let core = self.core.clone();
        self.core
            .db
            .read(async move |tx| qd_trading::accounts::get(tx, &core, &Caller::system("test"), id).await)
            .await
            .unwrap()
    }
    pub async fn ask(&self, a: &AccountView, direction: Direction, minor: i64, purpose: &str) -> Result<MoveView> {
        let new = NewMove {
            account_id: a.id,
            direction,
            kind: MoveKind::Balance,
            amount: qd_kernel::Amount::new(minor, a.currency),
            purpose: purpose.into(),
        };
        let core = self.core.clone();
        self.core
            .db
            .write(async move |tx| moves::request(tx, &core, new.clone()).await)
            .await
    }
    pub async fn movement(&self, purpose: &str) -> MoveView {
        let (core, purpose) = (self.core.clone(), purpose.to_string());
        self.core
            .db
            .read(async move |tx| moves::by_purpose(tx, &core, &purpose).await)
            .await
            .unwrap()
            .expect("the move exists")
    }

    // ---- money --------------------------------------------------------------------------------

    pub async fn balance(&self, owner: &str, purpose: Purpose, currency: Currency) -> Balance {
        let key = AccountKey::new(owner, purpose, currency);
        self.core.db.read(async move |tx| qd_ledger::balance(tx, &key).await).await.unwrap()
    }
    pub async fn wallet(&self, client: &str) -> i64 {
        self.balance(&format!("client:{client}"), Purpose::Wallet, Currency::EUR)
            .await
            .balance_minor
    }
    pub async fn available(&self, client: &str) -> i64 {
        self.balance(&format!("client:{client}"), Purpose::Wallet, Currency::EUR)
            .await
            .available_minor
    }
    pub async fn at(&self, a: &AccountView, purpose: Purpose) -> i64 {
        self.balance(&format!("tacc:{}", a.id), purpose, a.currency).await.balance_minor
    }
    /// Money from outside into the wallet, without a provider.
    pub async fn give(&self, client: &str, minor: i64) {
        let legs = vec![
            qd_ledger::Leg::new(AccountKey::new("psp:cash", Purpose::Clearing, Currency::EUR), -minor),
            qd_ledger::Leg::new(AccountKey::wallet(client, Currency::EUR), minor),
        ];
        let reference = format!("cash:{client}:{}", self.core.env.entropy.code(8));
        let core = self.core.clone();
        self.core
            .db
            .write(async move |tx| {
                let e = qd_ledger::NewEntry {
                    kind: "cash",
                    reference: reference.clone(),
                    legs: legs.clone(),
                    source: "test".into(),
                    value_at: core.now(),
                    note: None,
                    fx: None,
                };
                qd_ledger::post(tx, &core, e).await.map(|_| ())
            })
            .await
            .unwrap();
    }
    /// The ledger's mirror is what the server has, and nothing is on its way.
    pub async fn agree(&self, a: &AccountView) {
        assert_eq!(
            self.at(a, Purpose::Platform).await,
            self.on_server(a),
            "ledger and server differ about login {:?}",
            a.login
        );
        assert_eq!(
            self.at(a, Purpose::Transit).await,
            0,
            "money is still on its way to login {:?}",
            a.login
        );
    }

    // ---- what people and other parts of the house see --------------------------------------------

    pub async fn open_exceptions(&self) -> Vec<Exception> {
        let f = exceptions::Filter {
            state: Some(ExceptionState::Open),
            ..Default::default()
        };
        let page = PageRequest::new(Some(200), None).unwrap();
        self.core
            .db
            .read(async move |tx| exceptions::list(tx, &Caller::system("test"), &f, &page).await)
            .await
            .unwrap()
            .items
    }
    /// Their kinds, sorted.
    pub async fn exceptions(&self) -> Vec<String> {
        let mut k: Vec<String> = self.open_exceptions().await.into_iter().map(|e| e.kind).collect();
        k.sort();
        k
    }
    /// The payloads of the events of a kind, in order, once each.
    pub fn events(&self, kind: &str) -> Vec<Value> {
        self.seen
            .lock()
            .unwrap()
            .values()
            .filter(|(k, _)| k == kind)
            .map(|(_, p)| p.clone())
            .collect()
    }

    // ---- the end of every test ------------------------------------------------------------------

    /// Lets time pass until no job is left to do (schedules apart), and none may have died but of
    /// the kinds named.
    pub async fn nothing_left(&self, may_be_dead: &[&str]) {
        self.work().await;
        for round in 0..80 {
            let now = self.clock_now();
            let figures = self.core.db.read(async move |tx| graveyard::figures(tx, now).await).await.unwrap();
            let work: Vec<_> = figures
                .iter()
                .filter(|f| !f.kind.starts_with("trading.feed.") && !f.kind.starts_with("trading.sweep."))
                .collect();
            let dead: Vec<_> = work
                .iter()
                .filter(|f| f.dead > 0 && !may_be_dead.contains(&f.kind.as_str()))
                .collect();
            if !dead.is_empty() {
                let page = PageRequest::new(Some(50), None).unwrap();
                let list = self
                    .core
                    .db
                    .read(async move |tx| graveyard::list(tx, None, &page).await)
                    .await
                    .unwrap();
                panic!("jobs died: {:#?}", list.items);
            }
            if work.iter().all(|f| f.ready == 0 && f.leased == 0) {
                return;
            }
            self.pass(if round < 10 { 15 } else { 600 }).await;
        }
        panic!("jobs are left undone");
    }
    fn clock_now(&self) -> qd_kernel::Ts {
        self.core.now()
    }

    /// The books add up, nothing is left to do and nothing has died.
    pub async fn finish(&self) {
        self.finish_but(&[]).await;
    }
    pub async fn finish_but(&self, may_be_dead: &[&str]) {
        self.nothing_left(may_be_dead).await;
        let faults = qd_ledger::verify::run(&self.core.db).await.unwrap();
        assert!(faults.is_empty(), "{faults:#?}");
        self.sandbox.shutdown().await;
    }
}

pub fn owner(client: &str) -> Owner {
    Owner {
        client_id: client.into(),
        entity: "eu".into(),
        name: "Alex Müller".into(),
        email: "alex@example.com".into(),
        country: "Germany".into(),
        city: "Köln".into(),
        address: "Domstraße 1".into(),
        phone: "+49221123456".into(),
        language: "de".into(),
    }
}

/// As the demo's European rule book says.
pub fn mapping(code: &str, currency: Currency) -> Mapping {
    let (kind, server, group) = match (code, currency.code()) {
        ("demo", c) => (AccountKind::Demo, "demo", format!(r"demo\forex-{}", c.to_lowercase())),
        (code, c) => (AccountKind::Live, SERVER, format!(r"real\eu-{code}-{}", c.to_lowercase())),
    };
    let top = if code == "pro" { 100 } else { 30 };
    Mapping {
        kind,
        account_type: code.into(),
        currency,
        server: server.into(),
        group,
        leverage_default: top,
        leverage_max: top,
        max_per_client: 5,
        source: "eu".into(),
        version: 1,
    }
}

pub fn client_caller(client: &str) -> Caller {
    let login = LoginId::from_body(client.bytes().fold(7u128, |h, b| h.wrapping_mul(31).wrapping_add(u128::from(b))));
    let mut c = Caller::client(login, client, "eu");
    c.device = Some("dev_home".into());
    c
}

pub fn staff(name: &str, role: Role) -> Caller {
    let id = StaffId::from_body(name.bytes().fold(11u128, |h, b| h.wrapping_mul(31).wrapping_add(u128::from(b))));
    Caller::staff(id, name, &[role], None, &["eu"])
}

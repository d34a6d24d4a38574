//! The whole money path: a client, a provider, trade servers, people, the shipped rules.
#![allow(dead_code)]

pub use crate::ground::*;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use qd_kernel::{Amount, Currency, Env, Problem, Rate, Result, Secret};
use qd_ledger::Purpose;
use qd_outbound::{Client, ClientOptions, Reach};
use qd_payments::deposit::{self, DepositState, DepositView, NewDeposit};
use qd_payments::jobs::FactsOf;
use qd_payments::withdrawal::{self, NewWithdrawal, WithdrawalState, WithdrawalView};
use qd_payments::{ClientFacts, DepositId, Limits, MethodFact, Psps, WithdrawalId};
use qd_ports::psp::{HookRefusal, OpenDeposit, Psp};
use qd_psp_stripe::{Stripe, StripeConfig};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Role};
use qd_runtime::bus::Subscriptions;
use qd_runtime::files::{FileKey, Files, FilesConfig};
use qd_runtime::inbox::{self, NewHook};
use qd_runtime::jobs::{self, NewJob, Registry};
use qd_runtime::tenancy::{self, Pack};
use qd_sandbox::Sandbox;
use qd_testkit::{TestDb, wait_until};
use qd_trading::accounts::AccountView;
use qd_trading::{MoveState, TradingAccountId};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub const ALEX: &str = "cli_alex";
pub const PSP: &str = "stripe-eu";
/// The house's bank account, and its connection.
pub const BANK: &str = "bank-eu";
pub const HOUSE_IBAN: &str = "CY17002001280000001200527600";
pub const VISA: &str = "4242424242424242";

/// What the shipped files say, read as a start of the product reads them.
pub const PACK: [(&str, &str); 4] = [
    ("entity-eu.toml", include_str!("../../../../app/app/demo/entity-eu.toml")),
    ("entity-intl.toml", include_str!("../../../../app/app/demo/entity-intl.toml")),
    ("brands-desks.toml", include_str!("../../../../app/app/demo/brands-desks.toml")),
    ("rules-money.toml", include_str!("../../../../app/app/demo/rules-money.toml")),
];

/// Facts as the composition root makes them of an entity's rule book, with edits by the test.
pub struct Facts {
    entity: Arc<tenancy::Entity>,
    edits: Mutex<BTreeMap<String, Vec<Arc<dyn Fn(&mut ClientFacts) + Send + Sync>>>>,
}

impl Facts {
    pub fn new(entity: Arc<tenancy::Entity>) -> Facts {
        Facts {
            entity,
            edits: Mutex::default(),
        }
    }
    pub fn of(&self, client: &str, device: Option<&str>) -> ClientFacts {
        let e = &self.entity.config;
        let mut f = ClientFacts {
            client_id: client.into(),
            entity: "eu".into(),
            email: format!("{client}@example.com"),
            name: "Alex Müller".into(),
            locale: "de".into(),
            country: "DE".into(),
            kyc_approved: true,
            kyc_age_days: Some(20),
            unverified_limit: Some(Amount::new(e.deposits.before_verified_minor, self.entity.base_currency)),
            methods: vec![
                MethodFact {
                    method: "card".into(),
                    connection: PSP.into(),
                    others: Vec::new(),
                    fee_percent: None,
                    fee_fixed: None,
                    arrives_minutes: None,
                    unavailable: false,
                    currencies: vec!["EUR".into(), "USD".into(), "GBP".into()],
                    min_minor: e.deposits.min_minor,
                    max_minor: e.deposits.max_minor,
                },
                MethodFact {
                    method: "bank".into(),
                    connection: BANK.into(),
                    others: Vec::new(),
                    fee_percent: None,
                    fee_fixed: None,
                    arrives_minutes: None,
                    unavailable: false,
                    currencies: vec!["EUR".into()],
                    min_minor: e.deposits.min_minor,
                    max_minor: e.deposits.max_minor,
                },
            ],
            deposits_stopped: None,
            withdrawals_stopped: None,
            device_age_days: (device == Some("dev_home")).then_some(20),
            device_others: 0,
            device_is_first: device == Some("dev_home"),
            contact_changed_hours: None,
            password_changed_hours: None,
            risk: "low".into(),
            vip: false,
            restricted: false,
            screening_hits: 0,
            limits: Limits {
                deposit_max_minor: e.deposits.max_minor,
                auto_max_minor: e.withdrawals.auto_max_minor,
                two_people_over_minor: e.withdrawals.two_people_over_minor,
                withdrawal_min_minor: e.withdrawals.min_minor,
                kyc_refresh_days: i64::from(e.documents.refresh_days),
                review_hours: i64::from(e.withdrawals.review_hours),
            },
            base_currency: self.entity.base_currency,
            base_rates: [("USD".to_string(), Rate::parse("0.92").unwrap())].into(),
        };
        for edit in self.edits.lock().unwrap().get(client).into_iter().flatten() {
            edit(&mut f);
        }
        f
    }
    pub fn edit(&self, client: &str, f: impl Fn(&mut ClientFacts) + Send + Sync + 'static) {
        self.edits.lock().unwrap().entry(client.into()).or_default().push(Arc::new(f));
    }
}

/// What the jobs are handed.
pub struct FactsFrom(pub Arc<Facts>);

#[async_trait::async_trait]
impl FactsOf for FactsFrom {
    async fn facts(&self, client_id: &str, device: Option<&str>) -> Result<ClientFacts> {
        Ok(self.0.of(client_id, device))
    }
}

pub struct World {
    pub g: Ground,
    pub psps: Psps,
    pub facts: Arc<Facts>,
}

impl Deref for World {
    type Target = Ground;
    fn deref(&self) -> &Ground {
        &self.g
    }
}

#[derive(Clone)]
struct Door {
    core: Core,
    psps: Psps,
}

/// The web's way in for callbacks: verified on the raw bytes, stored, answered; the job does the rest.
async fn hook(State(d): State<Door>, Path(connection): Path<String>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let Some(psp) = d.psps.find(&connection) else {
        return StatusCode::NOT_FOUND;
    };
    let named: Vec<(String, String)> = headers
        .iter()
        .map(|(n, v)| (n.as_str().to_string(), v.to_str().unwrap_or_default().to_string()))
        .collect();
    let now = d.core.now();
    let (core, provider) = (d.core.clone(), psp.provider());
    let stored: Result<StatusCode> = match psp.verify(&named, &body, now) {
        Ok(ev) => {
            d.core
                .db
                .write(async move |tx| {
                    let msg = NewHook {
                        provider,
                        connection: &connection,
                        event_id: &ev.event_id,
                        kind: &ev.kind,
                        headers_json: "{}".into(),
                        body: &body,
                        subject: serde_json::to_value(&ev.subject)?,
                        received_at: now,
                    };
                    inbox::receive(tx, &core, msg).await.map(|_| StatusCode::OK)
                })
                .await
        }
        Err(why) => {
            let reason = match why {
                HookRefusal::Forged(_) => "forged",
                HookRefusal::Stale(_) => "stale",
                HookRefusal::Unreadable(_) => "unreadable",
            };
            d.core
                .db
                .write(async move |tx| {
                    inbox::refuse(tx, &core, provider, &connection, reason, &body)
                        .await
                        .map(|()| StatusCode::BAD_REQUEST)
                })
                .await
        }
    };
    stored.unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
}

pub fn psps(sandbox: &Sandbox, base: &str) -> Psps {
    let mut all: BTreeMap<String, Arc<dyn Psp>> = BTreeMap::new();
    for s in &sandbox.shared().cfg.stripe {
        let mut c = StripeConfig::new(
            s.connection.clone(),
            Secret::new(s.secret_key.clone()),
            vec![Secret::new(s.webhook_secret.clone())],
        );
        c.api_base = format!("{base}/sandbox/stripe");
        let o = ClientOptions {
            reach: Reach::Anywhere,
            timeout: Duration::from_millis(TIMEOUT_MS),
            ..ClientOptions::default()
        };
        all.insert(s.connection.clone(), Arc::new(Stripe::new(c, Client::new(o).unwrap()).unwrap()));
    }
    all.insert(BANK.into(), Arc::new(qd_psp_bank::Bank));
    Psps::new(all)
}

/// All handlers of a node with connections of its own.
pub fn node(core: &Core, sandbox: &Sandbox, base: &str, facts: &Arc<Facts>, env: &Env) -> Registry {
    let platforms = platforms(sandbox, env);
    let psps = psps(sandbox, base);
    let mut r = Registry::new();
    for h in qd_trading::jobs::handlers(core, &platforms) {
        r = r.add(h);
    }
    for h in qd_payments::jobs::handlers(core, &psps, Arc::new(FactsFrom(facts.clone())), "https://my.broker.example") {
        r = r.add(h);
    }
    r = r.add(qd_payments::jobs::probe_handler(core, &psps, Arc::new(FactsFrom(facts.clone()))));
    let facts: Arc<dyn FactsOf> = Arc::new(FactsFrom(facts.clone()));
    for h in qd_payments::jobs::bank_handlers(core, &files(core, env), Arc::new(qd_psp_bank::Iso20022), facts) {
        r = r.add(h);
    }
    r
}

/// As the composition root's reaction: an event only enqueues.
pub fn moves_told(to: Subscriptions) -> Subscriptions {
    to.subscribe("moves", &["platform_move.*"], |tx, core, ev| {
        Box::pin(async move {
            let outcome = match ev.kind.as_str() {
                "platform_move.done" => "done",
                "platform_move.refused" => "refused",
                "platform_move.returned" => "returned",
                _ => return Ok(()),
            };
            let body = json!({"purpose": ev.payload["purpose"], "outcome": outcome, "code": ev.payload["code"]});
            let job = NewJob::new("payments.move_settled", body, core.now())
                .key(ev.id.to_string())
                .lane(format!("settled:{}", ev.aggregate));
            jobs::enqueue(tx, core, job).await.map(|_| ())
        })
    })
}

/// Where a node keeps files: one folder for all nodes of a database.
pub fn files(core: &Core, env: &Env) -> Files {
    let dir = std::env::temp_dir().join(format!("qd-payments-{}-{:p}", std::process::id(), Arc::as_ptr(&core.env.clock)));
    let key = FileKey {
        id: "k".into(),
        hex: Secret::new("11".repeat(32)),
    };
    let config = FilesConfig {
        dir,
        keys: vec![key],
        max_bytes: 1_000,
    };
    Files::open(config, env.clone()).unwrap()
}

impl World {
    pub async fn new(t: TestDb) -> World {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let hook_base = format!("http://{}", listener.local_addr().unwrap());
        let mut g = Ground::bare(t, hook_base).await;
        let psps = psps(&g.sandbox, &g.base);
        let core = g.core.clone();
        let entity = g
            .core
            .db
            .write(async move |tx| {
                Pack::parse(PACK)?.apply(tx, &core, &Caller::system("test")).await?;
                for (id, entity) in [("stripe-eu", "eu"), ("stripe-intl", "intl")] {
                    qd_payments::jobs::connections::register(tx, id, entity, "stripe", &json!([])).await?;
                }
                qd_payments::jobs::connections::register(tx, BANK, "eu", "bank", &json!([])).await?;
                qd_payments::jobs::connections::can(tx, BANK, qd_psp_bank::Bank.can()).await?;
                let account = json!({"accounts": [{"currency": "EUR", "connection": BANK, "holder": "Quarter Brokers Ltd", "iban": HOUSE_IBAN, "bic": "BCYPCY2N", "bank_name": "Bank of Cyprus"}]});
                qd_runtime::settings::put(tx, &core, &Caller::system("test"), "entity:eu", qd_payments::bank::ACCOUNTS, 0, &account, "first").await?;
                tenancy::get(tx, "eu").await
            })
            .await
            .unwrap();
        let facts = Arc::new(Facts::new(entity));
        g.registry = node(&g.core, &g.sandbox, &g.base, &facts, &g.core.env);
        g.subscriptions = moves_told(g.subscriptions);
        let door = Door {
            core: g.core.clone(),
            psps: psps.clone(),
        };
        let app = axum::Router::new()
            .route("/hooks/stripe/{connection}", axum::routing::post(hook))
            .with_state(door);
        tokio::spawn(async move { axum::serve(listener, app).await });
        World { g, psps, facts }
    }

    // ---- the client ----------------------------------------------------------------------------

    pub async fn wish(&self, client: &str, minor: i64, account: Option<TradingAccountId>) -> Result<DepositView> {
        self.wish_in(client, Amount::new(minor, Currency::EUR), account).await
    }
    pub async fn wish_in(&self, client: &str, amount: Amount, account: Option<TradingAccountId>) -> Result<DepositView> {
        let (core, facts, mut who) = (self.core.clone(), self.facts.of(client, Some("dev_home")), client_caller(client));
        if client != ALEX {
            // Everybody else has a device of their own.
            who.device = Some(format!("dev_{client}"));
        }
        let new = NewDeposit {
            amount,
            method: "card".into(),
            account_id: account,
            bin: None,
        };
        self.core
            .db
            .write(async move |tx| deposit::create(tx, &core, &who, facts.clone(), new.clone()).await)
            .await
    }
    /// Wished for and opened at the provider.
    pub async fn redirected(&self, client: &str, minor: i64, account: Option<TradingAccountId>) -> DepositView {
        let d = self.wish(client, minor, account).await.unwrap();
        self.work().await;
        let d = self.deposit(d.id).await;
        assert_eq!(d.state, DepositState::Redirected);
        d
    }
    /// The customer pays on the provider's page.
    pub async fn pay(&self, d: &DepositView) -> Value {
        self.pay_with(d, VISA, "success").await
    }
    pub async fn pay_with(&self, d: &DepositView, card: &str, outcome: &str) -> Value {
        let session = self.deposit(d.id).await.provider_ref.unwrap();
        self.stripe(
            "pay",
            json!({"session": session, "card": card, "outcome": outcome, "name": "ALEX MÜLLER"}),
        )
        .await
    }
    /// A deposit from wish to end.
    pub async fn deposited(&self, client: &str, minor: i64, account: Option<TradingAccountId>) -> DepositView {
        let d = self.redirected(client, minor, account).await;
        self.pay(&d).await;
        self.hooks().await;
        let d = self.deposit(d.id).await;
        assert_eq!(d.state, DepositState::Posted, "{d:?}");
        d
    }
    pub async fn deposit(&self, id: DepositId) -> DepositView {
        let core = self.core.clone();
        self.core
            .db
            .read(async move |tx| deposit::get(tx, &core, &Caller::system("test"), id).await)
            .await
            .unwrap()
    }
    pub async fn withdraw(&self, client: &str, minor: i64, account: Option<TradingAccountId>) -> Result<WithdrawalView> {
        self.withdraw_from("dev_home", client, minor, account).await
    }
    pub async fn withdraw_from(&self, device: &str, client: &str, minor: i64, account: Option<TradingAccountId>) -> Result<WithdrawalView> {
        let (core, facts) = (self.core.clone(), self.facts.of(client, Some(device)));
        let who = Caller {
            device: Some(device.into()),
            ..client_caller(client)
        };
        let new = NewWithdrawal {
            amount: Amount::new(minor, Currency::EUR),
            account_id: account,
            target_id: None,
        };
        self.core
            .db
            .write(async move |tx| withdrawal::request(tx, &core, &who, facts.clone(), new.clone()).await)
            .await
    }
    pub async fn withdrawal(&self, id: WithdrawalId) -> WithdrawalView {
        let core = self.core.clone();
        self.core
            .db
            .read(async move |tx| withdrawal::get(tx, &core, &Caller::system("test"), id).await)
            .await
            .unwrap()
    }
    pub async fn withdrawal_is(&self, id: WithdrawalId, state: WithdrawalState) -> WithdrawalView {
        let w = self.withdrawal(id).await;
        assert_eq!(w.state, state, "{w:#?}");
        w
    }
    pub async fn approve(&self, name: &str, role: Role, id: WithdrawalId) -> Result<WithdrawalView> {
        let (core, who) = (self.core.clone(), staff(name, role));
        self.core
            .db
            .write(async move |tx| withdrawal::approve(tx, &core, &who, id, Some("looks right".into())).await)
            .await
    }
    /// Something traded: money that only came in and goes out again stops every withdrawal.
    pub async fn traded(&self, a: &AccountView) {
        self.mt5(
            "trade",
            json!({"login": a.login, "symbol": "EURUSD", "volume_lots": "0.10", "move_points": 20, "hold_s": 30}),
        )
        .await;
        self.feed().await;
    }

    /// The session that the job asks for, as the customer's browser would have it although we do
    /// not: the same content under the same key gives the same session.
    pub async fn session_of(&self, d: &DepositView) -> String {
        let id = d.id;
        let asked = OpenDeposit {
            our_ref: id.to_string(),
            amount: d.amount,
            method: d.method.clone(),
            client_ref: d.client_id.clone(),
            email: format!("{}@example.com", d.client_id),
            locale: "de".into(),
            return_url: format!("https://my.broker.example/deposits/{id}?returned=1"),
            cancel_url: format!("https://my.broker.example/deposits/{id}?cancelled=1"),
            description: format!("Deposit {id}"),
            expires_at: d.created_at_us.plus_secs(deposit::SESSION_S),
        };
        self.psps.get(PSP).unwrap().open_deposit(&asked).await.unwrap().provider_ref
    }

    // ---- the provider ----------------------------------------------------------------------------

    pub async fn stripe(&self, what: &str, body: Value) -> Value {
        self.control("POST", &format!("/stripe/{PSP}/{what}"), body).await
    }
    /// Waits until the provider has delivered every callback that is due, then works on them.
    pub async fn hooks(&self) {
        self.hooks_of(PSP).await;
    }
    pub async fn hooks_of(&self, connection: &str) {
        let settled = async || {
            let v = self.control("GET", &format!("/stripe/{connection}/events"), json!({})).await;
            let now = self.core.now().0;
            v["deliveries"]
                .as_array()
                .unwrap()
                .iter()
                .all(|d| d["next_at_us"].as_i64().unwrap() > now)
        };
        wait_until("the provider to deliver its callbacks", settled).await;
        self.work().await;
    }
    /// The provider's newest event of a type.
    pub async fn event_of(&self, kind: &str) -> String {
        let v = self.control("GET", &format!("/stripe/{PSP}/events"), json!({})).await;
        let all = v["events"].as_array().unwrap();
        all.iter()
            .find(|e| e["type"] == kind)
            .unwrap_or_else(|| panic!("no {kind} among {all:#?}"))["id"]
            .as_str()
            .unwrap()
            .to_string()
    }

    // ---- where the money is ------------------------------------------------------------------------

    /// All of a client's money with us, wherever it is.
    pub async fn money(&self, client: &str) -> i64 {
        let owner = format!("client:{client}");
        let mut sum = 0;
        for p in [Purpose::Wallet, Purpose::Suspense, Purpose::PayoutTransit] {
            sum += self.balance(&owner, p, Currency::EUR).await.balance_minor;
        }
        let (core, client) = (self.core.clone(), client.to_string());
        let accounts = self
            .core
            .db
            .read(async move |tx| qd_trading::accounts::of_client(tx, &core, &client).await)
            .await
            .unwrap();
        for a in accounts.iter().filter(|a| a.currency == Currency::EUR) {
            sum += self.at(a, Purpose::Transit).await + self.at(a, Purpose::Platform).await;
        }
        sum
    }
    /// What the provider holds for us, by the books.
    pub async fn at_provider(&self) -> i64 {
        -self
            .balance(&format!("psp:{PSP}"), Purpose::Clearing, Currency::EUR)
            .await
            .balance_minor
    }
    pub async fn suspense(&self, client: &str) -> i64 {
        self.balance(&format!("client:{client}"), Purpose::Suspense, Currency::EUR)
            .await
            .balance_minor
    }
    pub async fn paying(&self, client: &str) -> i64 {
        self.balance(&format!("client:{client}"), Purpose::PayoutTransit, Currency::EUR)
            .await
            .balance_minor
    }
    pub async fn move_of(&self, purpose: String) -> MoveState {
        self.movement(&purpose).await.state
    }
    pub async fn staff_does<T: Send + 'static>(
        &self,
        f: impl AsyncFn(&mut qd_db::Tx, &Core) -> Result<T> + Send + Sync + 'static,
    ) -> std::result::Result<T, Problem> {
        let core = self.core.clone();
        self.core.db.write(async move |tx| f(tx, &core).await).await
    }
}

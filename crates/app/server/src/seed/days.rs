//! Day after day of the past.

use super::cast::{self, Act, Past, Person, Planned};
use super::desks;
use super::ports::{NoMail, SeedPlatform, SeedPsp, Wallet, server_of};
use super::{MARK, Mark, SignIn as Shown, Told};
use crate::say::Progress;
use crate::story::paper;
use qd_app::compose_kyc::{applicant, own_case, signals};
use qd_app::onboarding::{self, Origin};
use qd_app::{App, compose, demo, reactions, wiring};
use qd_clients::{Call, CallOutcome, Client, Consent, Direction, NewCall, NewLead, Registration, Status, Touch, profile};
use qd_db::{Db, Tx};
use qd_kernel::{Amount, Class, Clock, Currency, Lots, PageRequest, Problem, Result, Secret, TestClock, Ts};
use qd_kyc::{Day, DocumentFields, DocumentNumber, NewDocument, Side};
use qd_notify::MailHandler;
use qd_payments::Psps;
use qd_payments::deposit::{self, NewDeposit};
use qd_payments::withdrawal::{self, NewWithdrawal};
use qd_portals::Waiting;
use qd_ports::platform::TradingPlatform;
use qd_ports::psp::Psp;
use qd_runtime::access::logins;
use qd_runtime::access::{Caller, LoginId, Realm, Role, SignIn, staff};
use qd_runtime::bus;
use qd_runtime::jobs::Registry;
use qd_runtime::settings;
use qd_sandbox::{Sandbox, mt5};
use qd_trading::accounts::AccountView;
use qd_trading::{AccountKind, AccountState, Platforms};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

pub async fn mark(db: &Db) -> Result<Option<Mark>> {
    db.read(async |tx| settings::get(tx, "global", MARK).await).await
}

async fn put_mark(tx: &mut Tx, core: &qd_runtime::Core, m: &Mark) -> Result<()> {
    let version = settings::find(tx, "global", MARK).await?.map_or(0, |s| s.version);
    settings::put(
        tx,
        core,
        &Caller::system("seed"),
        "global",
        MARK,
        version,
        &serde_json::to_value(m)?,
        "how far the simulated past is",
    )
    .await
    .map(|_| ())
}

/// A trade of the day, before the server has booked it.
struct Order {
    login: u64,
    symbol: &'static str,
    buy: bool,
    volume: Lots,
    opened: Ts,
    closed: Ts,
    points: i64,
}

pub(super) struct Seeder {
    app: App,
    clock: Arc<TestClock>,
    registry: Registry,
    past: Arc<Past>,
    /// The card in somebody's pocket, by address.
    wallets: Arc<Mutex<HashMap<String, Wallet>>>,
    staff: Vec<Caller>,
    password: String,
    servers: BTreeMap<String, Arc<mt5::Server>>,
    read_to: BTreeMap<String, Ts>,
    partner_codes: Vec<Option<String>>,
    /// The device each person pays from: the one they came with.
    devices: Mutex<HashMap<usize, String>>,
}

pub async fn play(
    mut app: App,
    books: &Sandbox,
    clock: Arc<TestClock>,
    mut mark: Mark,
    mut stop: watch::Receiver<bool>,
    far: &watch::Sender<Waiting>,
) -> Result<Told> {
    let wallets: Arc<Mutex<HashMap<String, Wallet>>> = Arc::default();
    let mut servers = BTreeMap::new();
    let mut platforms: BTreeMap<String, Arc<dyn TradingPlatform>> = BTreeMap::new();
    for s in &app.config.trading_server {
        let server = server_of(books, &s.id)?;
        platforms.insert(
            s.id.clone(),
            Arc::new(SeedPlatform {
                server: server.clone(),
                real: app.platforms.get(&s.id)?,
                env: app.core.env.clone(),
            }),
        );
        servers.insert(s.id.clone(), server);
    }
    let mut psps: BTreeMap<String, Arc<dyn Psp>> = BTreeMap::new();
    for p in &app.config.psp {
        let psp = SeedPsp {
            connection: p.id.clone(),
            stripe: books.stripe().clone(),
            env: app.core.env.clone(),
            wallets: wallets.clone(),
            reports: Mutex::default(),
            refunds: Mutex::default(),
        };
        psps.insert(p.id.clone(), Arc::new(psp));
    }
    app.platforms = Platforms::new(platforms, app.platforms.vault.clone());
    app.psps = Psps::new(psps);
    let registry = wiring::handlers(&app).add(Arc::new(MailHandler::new(
        app.core.clone(),
        app.catalogue.clone(),
        Arc::new(NoMail),
    )));
    let staff = everybody(&app).await?;
    let password = app.access.hash_new_password(&Secret::new(demo::PASSWORD), false, &[]).await?;
    let start = Ts(mark.start_us);
    let past = Arc::new(cast::past(mark.amount, start));
    let read_to = servers
        .keys()
        .map(|s| (s.clone(), start.plus_days(i64::from(mark.days_done)).plus_secs(-60)))
        .collect();
    let mut me = Seeder {
        app,
        clock,
        registry,
        past,
        wallets,
        staff,
        password,
        servers,
        read_to,
        partner_codes: Vec::new(),
        devices: Mutex::default(),
    };
    if mark.amount.clients > 0 {
        me.partner_codes = super::partners::prepare(&me.app, &me.staff, start).await?;
        me.settle().await?;
    }
    let days = if mark.amount.clients == 0 { 0 } else { mark.amount.days.max(14) };
    let mut bar = Progress::new("simulated business", u64::from(days));
    while mark.days_done < days {
        if *stop.borrow_and_update() {
            me.save(&mark).await?;
            return Ok(Told::default());
        }
        let day = start.plus_days(i64::from(mark.days_done));
        bar.at(u64::from(mark.days_done), &day.rfc3339()[..10]);
        far.send_replace(Waiting {
            done: mark.days_done,
            total: days,
            note: day.rfc3339()[..10].to_string(),
        });
        me.day(day).await?;
        mark.days_done += 1;
        if mark.days_done.is_multiple_of(5) || mark.days_done == days {
            me.save(&mark).await?;
            me.app.sealer.run().await?;
        }
    }
    if mark.amount.clients > 0 {
        let mut shown = me.past.people.iter().take(cast::SHOWN).map(|p| Shown {
            email: p.email.clone(),
            brand: p.brand.into(),
        });
        mark.client = shown.next();
        mark.others = shown.collect();
        mark.partner = Some(Shown {
            email: super::partners::EMAIL.into(),
            brand: "northwind".into(),
        });
    }
    mark.done = true;
    me.save(&mark).await?;
    me.app.sealer.checkpoint_now().await?;
    if days > 0 {
        bar.done(&format!("({} people, {} things done)", me.past.people.len(), me.past.acts.len()));
    }
    Ok(Told {
        client: mark.client,
        others: mark.others,
        partner: mark.partner,
    })
}

async fn everybody(app: &App) -> Result<Vec<Caller>> {
    app.core
        .db
        .read(async |tx| {
            let page = PageRequest::new(Some(200), None)?;
            let all = staff::list(tx, &Caller::system("seed"), None, true, &page).await?;
            Ok(all
                .items
                .iter()
                .map(|s| {
                    let entities: Vec<&str> = s.entities.iter().map(String::as_str).collect();
                    Caller::staff(s.id, &s.name, &s.roles, s.desk.as_deref(), &entities)
                })
                .collect())
        })
        .await
}

/// Somebody with the role; the `n`th of several.
pub fn somebody(staff: &[Caller], role: Role, n: usize) -> Result<Caller> {
    let all: Vec<&Caller> = staff
        .iter()
        .filter(|c| matches!(&c.who, qd_runtime::access::Who::Staff { roles, .. } if roles.contains(&role)))
        .collect();
    all.get(n % all.len().max(1))
        .map(|c| (*c).clone())
        .ok_or_else(|| Problem::missing("person with this role"))
}

impl Seeder {
    async fn save(&self, m: &Mark) -> Result<()> {
        let (core, m) = (self.app.core.clone(), m.clone());
        self.app.core.db.write(async move |tx| put_mark(tx, &core, &m).await).await
    }

    async fn settle(&self) -> Result<()> {
        bus::settle(&self.app.core, &reactions::subscriptions(), &self.registry).await
    }

    /// Never backwards: what was done a moment ago stays before what comes.
    fn go_to(&self, at: Ts) {
        if at > self.clock.now() {
            self.clock.set(at);
        }
    }

    async fn day(&mut self, day: Ts) -> Result<()> {
        let end = day.plus_days(1);
        let acts: Vec<Planned> = self.past.acts.iter().filter(|a| a.at >= day && a.at < end).copied().collect();
        let mut orders: BTreeMap<String, Vec<Order>> = BTreeMap::new();
        // A quarter of a day at once: the jobs of many are then done together.
        for quarter in 0..4 {
            let (from, to) = (day.plus_secs(quarter * 21_600), day.plus_secs((quarter + 1) * 21_600));
            for a in acts.iter().filter(|a| a.at >= from && a.at < to) {
                self.go_to(a.at);
                let mut done = self.act(a, &mut orders).await;
                if done.as_ref().is_err_and(|p| p.class == Class::Missing) {
                    // What it needs may be on its way: an account that is being opened.
                    self.settle().await?;
                    done = self.act(a, &mut orders).await;
                }
                match done {
                    Ok(()) if matches!(a.act, Act::Deposit { .. }) => {
                        self.settle().await?;
                        // The card processor is asked some seconds after the customer went there.
                        self.go_to(self.clock.now().plus_secs(20));
                        self.settle().await?;
                    }
                    Ok(()) => {}
                    // Somebody whose application was stopped cannot deposit: that is the past, too.
                    Err(p) if matches!(p.class, Class::Conflict | Class::Missing | Class::Invalid | Class::Limit) => {
                        tracing::debug!(act = ?a.act, problem = %p, "not possible")
                    }
                    Err(p) => return Err(p),
                }
            }
            self.settle().await?;
        }
        self.go_to(end.plus_secs(-600));
        self.trades(orders).await?;
        self.settle().await?;
        if super::partners::month_ends(day) {
            super::partners::close_month(&self.app, &self.staff, end).await?;
            self.settle().await?;
        }
        Ok(())
    }

    async fn act(&self, a: &Planned, orders: &mut BTreeMap<String, Vec<Order>>) -> Result<()> {
        let p = self.past.people[a.person].clone();
        match a.act {
            Act::Lead => self.lead(p).await,
            Act::Call => self.call(p).await,
            Act::Register => self.register(p).await,
            Act::Prove => self.prove(p).await,
            Act::Review => desks::review(&self.app, &self.staff, p).await,
            Act::Deposit { minor, declines } => self.deposit(p, minor, declines).await,
            Act::Withdraw { minor } => self.withdraw(p, minor).await,
            Act::Decide => desks::decide(&self.app, &self.staff, p).await,
            Act::Trade { trades } => self.trade(p, trades, a.at, orders).await,
        }
    }

    fn touch(p: &Person) -> Touch {
        Touch {
            source: p.campaign.0.into(),
            medium: p.campaign.1.into(),
            campaign: p.campaign.2.into(),
            landing_language: p.language.into(),
            landing_page: format!("/{}/start", p.language),
            ip_country: p.country.into(),
            form: "landing".into(),
            ..Touch::default()
        }
    }

    async fn lead(&self, p: Person) -> Result<()> {
        let core = self.app.core.clone();
        self.app
            .core
            .db
            .write(async move |tx| {
                let lead = NewLead {
                    brand: p.brand.into(),
                    first_name: p.first.into(),
                    last_name: p.last.into(),
                    email: Some(p.email.clone()),
                    phone: Some(p.phone.clone()),
                    country: Some(p.country.into()),
                    language: Some(p.language.into()),
                    message: None,
                    touch: Self::touch(&p),
                    consents: vec![Consent {
                        kind: "marketing_email".into(),
                        version: "1".into(),
                        given: true,
                    }],
                    custom: None,
                };
                qd_clients::take_lead(tx, &core, &Caller::public(), lead).await.map(|_| ())
            })
            .await
    }

    /// The record and its login.
    pub(super) async fn known(tx: &mut Tx, p: &Person) -> Result<(Client, LoginId)> {
        let (login, id) = logins::client_by_email(tx, p.brand, &p.email)
            .await?
            .ok_or_else(|| Problem::missing("login"))?;
        Ok((compose::client_by_id(tx, &id).await?, login))
    }

    async fn call(&self, p: Person) -> Result<()> {
        let (core, staff) = (self.app.core.clone(), self.staff.clone());
        let reached = core.env.entropy.below(3) > 0;
        let tomorrow = core.now().plus_days(2);
        self.app
            .core
            .db
            .write(async move |tx| {
                let house = Caller::system("seed");
                let found = qd_clients::search::find(tx, &house, &p.email).await?;
                let Some(hit) = found.first() else { return Ok(()) };
                let c = compose::client_by_id(tx, &hit.id.to_string()).await?;
                let Some(owner) = c.owner_id.and_then(|o| staff.iter().find(|s| s.id() == o.to_string())) else {
                    return Ok(());
                };
                let call = NewCall {
                    direction: Direction::Out,
                    outcome: if reached { CallOutcome::Reached } else { CallOutcome::NoAnswer },
                    duration_s: if reached { 240 } else { 0 },
                    body: if reached {
                        "Explained the platform and the next steps.".into()
                    } else {
                        String::new()
                    },
                    status: Some(if reached { Status::Contacted } else { Status::NoAnswer }),
                    follow_up: (!reached).then(|| qd_clients::tasks::NewTask {
                        title: "Call again".into(),
                        due_at: tomorrow,
                        owner_id: None,
                    }),
                };
                let done: (Call, Option<qd_clients::tasks::Task>) = qd_clients::log_call(tx, &core, owner, c.id, call).await?;
                if let Some(t) = done.1 {
                    let change = qd_clients::tasks::TaskChange::Done {
                        outcome: "Reached by e-mail".into(),
                    };
                    qd_clients::tasks::change(tx, &core, owner, t.id, t.version, change).await?;
                }
                Ok(())
            })
            .await
    }

    async fn register(&self, p: Person) -> Result<()> {
        let (app, password) = (self.app.clone(), self.password.clone());
        let code = p.partner.and_then(|n| self.partner_codes.get(n).cloned().flatten());
        self.app
            .core
            .db
            .write(async move |tx| register(tx, &app, &p, &password, code.as_deref()).await)
            .await
    }

    async fn prove(&self, p: Person) -> Result<()> {
        // Documents of that time, each its own file.
        let identity = self
            .app
            .files
            .put(paper::png(140, 100, &format!("{} {}", p.document, p.name())))
            .await?;
        let tax = self.app.files.put(paper::png(130, 110, &format!("tax {}", p.n))).await?;
        let bill = self
            .app
            .files
            .put(paper::png(120, 120, &format!("bill {} {}", p.n, p.city)))
            .await?;
        let app = self.app.clone();
        self.app
            .core
            .db
            .write(async move |tx| {
                let core = &app.core;
                let (c, login) = Self::known(tx, &p).await?;
                let who = Caller::client(login, &c.id.to_string(), &c.entity);
                for (step, values) in steps(&p) {
                    match profile::save_step(tx, core, &who, c.id, step, values).await {
                        // An entity that does not ask this.
                        Err(e) if e.class == Class::Invalid && e.is("step_unknown") => {}
                        other => {
                            other?;
                        }
                    }
                }
                let c = compose::client_by_id(tx, &c.id.to_string()).await?;
                let case = own_case(tx, core, &who, &c).await?;
                if c.entity == "eu" {
                    qd_kyc::answer(tx, core, &who, &c.id.to_string(), &c.entity, answers(p.n)).await?;
                    let last = qd_kyc::answers_of(tx, &who, &c.id.to_string(), &c.entity).await?;
                    if last.last().is_some_and(|a| a.assessment.warning_key.is_some()) {
                        qd_kyc::acknowledge_warning(tx, core, &who, &c.id.to_string(), &c.entity).await?;
                    }
                }
                let today = core.now();
                for r in qd_kyc::case_view(tx, &who, case.id).await?.requirements {
                    let (kind, file, fields) = match r.code.as_str() {
                        "identity" => {
                            let fields = DocumentFields {
                                holder_name: Some(p.name()),
                                birth_date: Day::parse(&p.birth),
                                number: DocumentNumber::new(&app.kyc_numbers, &p.document),
                                expires_on: Some(Day::of(today.plus_days(1_500))),
                                ..DocumentFields::default()
                            };
                            ("passport", &identity, fields)
                        }
                        "tax" => (
                            "tax_card",
                            &tax,
                            DocumentFields {
                                holder_name: Some(p.name()),
                                ..DocumentFields::default()
                            },
                        ),
                        _ => (
                            "utility_bill",
                            &bill,
                            DocumentFields {
                                holder_name: Some(p.name()),
                                issued_on: Some(Day::of(today.plus_days(-20))),
                                ..DocumentFields::default()
                            },
                        ),
                    };
                    let new = NewDocument {
                        requirement: r.code,
                        kind: kind.into(),
                        side: Side::Single,
                        file: file.clone(),
                        fields,
                    };
                    qd_kyc::add_document(tx, core, &who, case.id, new).await?;
                }
                let a = applicant(tx, &c).await?;
                let s = signals(tx, &c, None).await?;
                qd_kyc::submit(tx, core, &who, case.id, a, s).await.map(|_| ())
            })
            .await
    }

    /// The live account that is open.
    async fn account(tx: &mut Tx, app: &App, c: &Client) -> Result<AccountView> {
        let all = qd_trading::accounts::of_client(tx, &app.core, &c.id.to_string()).await?;
        all.into_iter()
            .find(|a| a.kind == AccountKind::Live && a.state == AccountState::Ready)
            .ok_or_else(|| Problem::missing("open account"))
    }

    /// Signs in for good, as everybody who pays has to: from then on the device is known.
    async fn device(&self, p: &Person) -> Result<String> {
        let known = self.devices.lock().unwrap_or_else(|e| e.into_inner()).get(&p.n).cloned();
        if let Some(d) = known {
            return Ok(d);
        }
        let signed = self
            .app
            .access
            .sign_in(SignIn {
                realm: Realm::Brand(p.brand.into()),
                email: p.email.clone(),
                password: Secret::new(demo::PASSWORD),
                code: None,
                ip: None,
                agent: Some("Firefox".into()),
                device: None,
            })
            .await?;
        let device = signed.caller.device.clone().unwrap_or_default();
        self.devices.lock().unwrap_or_else(|e| e.into_inner()).insert(p.n, device.clone());
        Ok(device)
    }

    async fn deposit(&self, p: Person, minor: i64, declines: bool) -> Result<()> {
        let device = self.device(&p).await?;
        self.wallets.lock().unwrap_or_else(|e| e.into_inner()).insert(
            p.email.clone(),
            Wallet {
                name: p.name(),
                card: p.card.clone(),
                declines,
            },
        );
        let app = self.app.clone();
        self.app
            .core
            .db
            .write(async move |tx| {
                let (c, login) = Self::known(tx, &p).await?;
                let mut who = Caller::client(login, &c.id.to_string(), &c.entity);
                who.device = Some(device.clone());
                let a = Self::account(tx, &app, &c).await?;
                let facts = compose::payment_facts(tx, &app.core, &c.id.to_string(), Some(&device)).await?;
                let req = NewDeposit {
                    amount: Amount::new(minor, a.currency),
                    method: "card".into(),
                    account_id: Some(a.id),
                    bin: None,
                };
                deposit::create(tx, &app.core, &who, facts, req).await.map(|_| ())
            })
            .await
    }

    async fn withdraw(&self, p: Person, minor: i64) -> Result<()> {
        let device = self.device(&p).await?;
        let app = self.app.clone();
        self.app
            .core
            .db
            .write(async move |tx| {
                let (c, login) = Self::known(tx, &p).await?;
                let mut who = Caller::client(login, &c.id.to_string(), &c.entity);
                who.device = Some(device.clone());
                let a = Self::account(tx, &app, &c).await?;
                let facts = compose::payment_facts(tx, &app.core, &c.id.to_string(), Some(&device)).await?;
                let req = NewWithdrawal {
                    amount: Amount::new(minor, a.currency),
                    account_id: Some(a.id),
                    target_id: None,
                };
                withdrawal::request(tx, &app.core, &who, facts, req).await.map(|_| ())
            })
            .await
    }

    /// Orders for the end of the day, small enough for what is on the account.
    async fn trade(&self, p: Person, trades: u32, at: Ts, orders: &mut BTreeMap<String, Vec<Order>>) -> Result<()> {
        let app = self.app.clone();
        let a = self
            .app
            .core
            .db
            .read(async move |tx| {
                let (c, _) = Self::known(tx, &p).await?;
                Self::account(tx, &app, &c).await
            })
            .await?;
        let login: u64 = a
            .login
            .as_deref()
            .and_then(|l| l.parse().ok())
            .ok_or_else(|| Problem::missing("login"))?;
        let Some((balance, _)) = self.servers.get(&a.server).and_then(|s| s.balance_of(login)) else {
            return Ok(());
        };
        let rich = if a.currency == Currency::JPY {
            balance / 150
        } else {
            balance / 100
        };
        if rich < 20 {
            return Ok(());
        }
        let e = &self.app.core.env.entropy;
        for _ in 0..trades {
            let symbol = ["EURUSD", "EURUSD", "GBPUSD", "USDJPY", "XAUUSD"][usize::try_from(e.below(5)).unwrap_or(0)];
            // Hundredths of a lot: one for every 250 of the account's currency, at most two lots.
            let most = u64::try_from((rich / 250).clamp(1, 200)).unwrap_or(1);
            let hundredths = 1 + e.below(most);
            let opened = at.plus_secs(i64::try_from(e.below(3_600)).unwrap_or(0));
            orders.entry(a.server.clone()).or_default().push(Order {
                login,
                symbol,
                buy: e.below(2) == 0,
                volume: Lots(i64::try_from(hundredths).unwrap_or(1) * (Lots::ONE.units() / 100)),
                opened,
                closed: opened.plus_secs(60 + i64::try_from(e.below(7_200)).unwrap_or(0)),
                points: i64::try_from(e.below(200)).unwrap_or(0) - 102,
            });
        }
        Ok(())
    }

    /// The server books the day's orders; the feed reads them as it reads every day's.
    async fn trades(&mut self, orders: BTreeMap<String, Vec<Order>>) -> Result<()> {
        for (name, day) in orders {
            let Some(server) = self.servers.get(&name) else { continue };
            let seed: Vec<mt5::SeedTrade<'_>> = day
                .iter()
                .map(|o| mt5::SeedTrade {
                    login: o.login,
                    symbol: o.symbol,
                    buy: o.buy,
                    volume: o.volume,
                    opened: o.opened,
                    closed: o.closed,
                    points: o.points,
                })
                .collect();
            server.add_trades(&seed)?;
            let from = self.read_to.get(&name).copied().unwrap_or(Ts(0));
            let to = self.clock.now();
            let mask = self
                .app
                .config
                .trading_server
                .iter()
                .find(|s| s.id == name)
                .map_or("*", |s| s.group_mask.as_str());
            let platform = self.app.platforms.get(&name)?;
            let deals = platform
                .deals(mask, from, to)
                .await
                .map_err(|e| Problem::unavailable("seed_feed", e.to_string()))?;
            self.read_to.insert(name.clone(), to);
            let core = self.app.core.clone();
            self.app
                .core
                .db
                .write(async move |tx| qd_trading::feed::ingest(tx, &core, &name, &deals, None).await.map(|_| ()))
                .await?;
        }
        Ok(())
    }
}

/// The person's record with a login, the address proved, and whoever sent him noted.
pub async fn register(tx: &mut Tx, app: &App, p: &Person, password: &str, code: Option<&str>) -> Result<()> {
    let who = Caller::public();
    let r = Registration {
        brand: p.brand.into(),
        email: p.email.clone(),
        first_name: p.first.into(),
        last_name: p.last.into(),
        phone: Some(p.phone.clone()),
        country: p.country.into(),
        language: p.language.into(),
        touch: Seeder::touch(p),
        consents: vec![Consent {
            kind: "terms".into(),
            version: "1".into(),
            given: true,
        }],
        over: false,
    };
    let origin = Origin {
        code: code.map(str::to_string),
        cookie: None,
        ..Origin::default()
    };
    let (_, login) = onboarding::register(app, tx, &who, r, origin, password.to_string()).await?;
    // The link of the mail, followed at once.
    let token = logins::issue_verification(tx, &app.access, login).await?;
    onboarding::verify_email(app, tx, &Caller::system("registration"), &token)
        .await
        .map(|_| ())
}

fn steps(p: &Person) -> Vec<(&'static str, Map<String, Value>)> {
    let map = |v: Value| v.as_object().cloned().unwrap_or_default();
    vec![
        (
            "personal",
            map(
                json!({"first_name": p.first, "last_name": p.last, "birth_date": p.birth, "nationality": p.country, "place_of_birth": p.city}),
            ),
        ),
        (
            "address",
            map(
                json!({"street": format!("Main Street {}", 1 + p.n % 180), "postal_code": format!("{:05}", 10_000 + p.n % 80_000), "city": p.city, "country": p.country}),
            ),
        ),
        (
            "employment",
            map(if p.brand == "northwind" {
                json!({"occupation": "employed", "income_band": "50k_100k", "wealth_band": "20k_100k", "source_of_funds": "salary", "pep": false})
            } else {
                json!({"occupation": "employed", "source_of_funds": "salary", "pep": false})
            }),
        ),
        (
            "tax",
            map(json!({"tax_country": p.country, "tax_number": format!("{:011}", 20_000_000_000u64 + p.n as u64), "us_person": false})),
        ),
    ]
}

fn answers(n: usize) -> qd_runtime::tenancy::Answers {
    let one = |q: &str, a: &str| (q.to_string(), vec![a.to_string()]);
    let new_to_it = n % 5 == 3;
    [
        one("experience_years", if new_to_it { "none" } else { "1_to_3" }),
        one("trades_last_year", if new_to_it { "none" } else { "11_to_50" }),
        one("education", if new_to_it { "seminars" } else { "finance_degree" }),
        one("leverage_effect", "gains_and_losses"),
        one("margin_closeout", "positions_closed"),
        one("risk_of_loss", "can_lose_all"),
    ]
    .into_iter()
    .collect()
}

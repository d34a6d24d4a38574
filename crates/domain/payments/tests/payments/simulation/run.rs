//! One brokerage against the simulated counterparties: what clients, people and time do, and what
//! has to be true in the end.

use super::outside::{Books, Outside};
use crate::ground::{OpenVault, SERVER, client_caller, mapping, owner, staff};
use crate::world::{Facts, FactsFrom, PACK, PSP};
use qd_kernel::{Amount, Currency, PageRequest, Problem, Result, TestClock};
use qd_ledger::{AccountKey, Purpose};
use qd_payments::deposit::{self, DepositState, DepositView, NewDeposit};
use qd_payments::withdrawal::{self, LegState, NewWithdrawal, WithdrawalState, WithdrawalView};
use qd_payments::{DepositId, Psps, WithdrawalId};
use qd_ports::platform::TradingPlatform;
use qd_ports::psp::{Psp, VerifyHook as _};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Role};
use qd_runtime::bus::{Subscriptions, settle};
use qd_runtime::exceptions::{self, ExceptionState};
use qd_runtime::inbox::{self, NewHook};
use qd_runtime::jobs::{JobId, Registry, graveyard};
use qd_runtime::tenancy::{self, Pack};
use qd_trading::accounts::AccountView;
use qd_trading::moves::{self, MoveView};
use qd_trading::{AccountKind, AccountState, Direction, MoveState, Platforms, TradingAccountId};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

pub const CLIENTS: [&str; 2] = ["cli_ada", "cli_ben"];

pub struct House {
    pub core: Core,
    pub clock: Arc<TestClock>,
    pub out: Outside,
    pub facts: Arc<Facts>,
    registry: Registry,
    subscriptions: Subscriptions,
    pub accounts: Vec<AccountView>,
    pub deposits: Vec<DepositId>,
    pub withdrawals: Vec<WithdrawalId>,
}

/// The rule book, the connections and the servers, once per database.
pub async fn prepare(core: &Core) {
    let c = core.clone();
    core.db
        .write(async move |tx| {
            Pack::parse(PACK)?.apply(tx, &c, &Caller::system("test")).await?;
            qd_payments::jobs::connections::register(tx, PSP, "eu", "stripe", &json!([])).await?;
            qd_trading::servers::register(tx, SERVER, "eu", "mt5", AccountKind::Live, "real\\*").await
        })
        .await
        .unwrap();
}

impl House {
    /// On a prepared database. `clients` get an account each.
    pub async fn open(core: Core, clock: Arc<TestClock>, seed: u64, clients: &[&str]) -> House {
        let out = Outside::new(seed, clock.clone());
        let entity = core.db.read(async |tx| tenancy::get(tx, "eu").await).await.unwrap();
        let facts = Arc::new(Facts::new(entity));
        let platform: Arc<dyn TradingPlatform> = Arc::new(out.clone());
        let platforms = Platforms::new([(SERVER.to_string(), platform)].into(), Arc::new(OpenVault));
        let psp: Arc<dyn Psp> = Arc::new(out.clone());
        let psps = Psps::new(BTreeMap::from([(PSP.to_string(), psp)]));
        let mut registry = Registry::new();
        for h in qd_trading::jobs::handlers(&core, &platforms) {
            registry = registry.add(h);
        }
        for h in qd_payments::jobs::handlers(&core, &psps, Arc::new(FactsFrom(facts.clone())), "https://my.broker.example") {
            registry = registry.add(h);
        }
        let mut house = House {
            core,
            clock,
            out,
            facts,
            registry,
            subscriptions: crate::world::moves_told(Subscriptions::new()),
            accounts: Vec::new(),
            deposits: Vec::new(),
            withdrawals: Vec::new(),
        };
        for c in clients {
            house.open_account(c).await;
        }
        house
    }

    /// Requested, and looked at until the platform has made it.
    pub async fn open_account(&mut self, client: &str) {
        let (who, map) = (owner(client), mapping("standard", Currency::EUR));
        let a = self
            .write(async move |tx, core| {
                qd_trading::accounts::request(tx, core, &client_caller(&who.client_id), who.clone(), map.clone(), None).await
            })
            .await
            .unwrap();
        self.work().await;
        for _ in 0..100 {
            if self.account(a.id).await.state == AccountState::Ready {
                break;
            }
            self.people().await;
            self.pass(60).await;
        }
        self.accounts.push(self.account(a.id).await);
    }

    /// What people do about what has stopped.
    pub async fn move_on(&self) {
        self.people().await;
    }

    pub fn note(&self, what: String) {
        use qd_kernel::Clock as _;
        let line = format!("{} {what}", self.clock.now().0);
        self.out.books().trace.push(line);
    }

    // ---- work and time --------------------------------------------------------------------------

    /// Delivers events and runs jobs until nothing is due; when the process dies meanwhile, another
    /// one goes on after the dead one's leases.
    pub async fn work(&self) {
        for _ in 0..200 {
            tokio::select! {
                biased;
                () = self.out.death() => {
                    self.note("dies".into());
                    self.clock.advance_secs(61);
                }
                done = settle(&self.core, &self.subscriptions, &self.registry) => {
                    done.expect("events and jobs get on");
                    return;
                }
            }
        }
        panic!("the process dies without end");
    }

    pub async fn pass(&self, secs: i64) {
        self.clock.advance_secs(secs);
        self.work().await;
    }

    async fn write<T: Send + 'static>(&self, f: impl AsyncFn(&mut qd_db::Tx, &Core) -> Result<T> + Send + Sync + 'static) -> Result<T> {
        let core = self.core.clone();
        self.core.db.write(async move |tx| f(tx, &core).await).await
    }

    // ---- clients and people -----------------------------------------------------------------------

    pub async fn account(&self, id: TradingAccountId) -> AccountView {
        let core = self.core.clone();
        self.core
            .db
            .read(async move |tx| qd_trading::accounts::get(tx, &core, &Caller::system("test"), id).await)
            .await
            .unwrap()
    }

    pub async fn wish(&mut self, client: &str, minor: i64, account: Option<TradingAccountId>) -> Result<DepositId> {
        let (facts, who) = (self.facts.of(client, Some("dev_home")), client_caller(client));
        let new = NewDeposit {
            amount: Amount::new(minor, Currency::EUR),
            method: "card".into(),
            account_id: account,
            bin: None,
        };
        let d = self
            .write(async move |tx, core| deposit::create(tx, core, &who, facts.clone(), new.clone()).await)
            .await?;
        self.note(format!("{client} wishes {} of {minor}", d.id));
        self.deposits.push(d.id);
        Ok(d.id)
    }

    pub async fn withdraw(&mut self, client: &str, minor: i64, account: Option<TradingAccountId>) -> Result<WithdrawalId> {
        let (facts, who) = (self.facts.of(client, Some("dev_home")), client_caller(client));
        let new = NewWithdrawal {
            amount: Amount::new(minor, Currency::EUR),
            account_id: account,
            target_id: None,
        };
        let w = self
            .write(async move |tx, core| withdrawal::request(tx, core, &who, facts.clone(), new.clone()).await)
            .await?;
        self.note(format!("{client} asks for {} of {minor}", w.id));
        self.withdrawals.push(w.id);
        Ok(w.id)
    }

    pub async fn cancel(&self, client: &str, id: WithdrawalId) -> Result<()> {
        let who = client_caller(client);
        self.write(async move |tx, core| withdrawal::cancel(tx, core, &who, id).await.map(|_| ()))
            .await
    }

    /// Two people, one after the other, as often as it needs.
    pub async fn approve(&self, id: WithdrawalId) {
        for name in ["Fritz", "Farid"] {
            let who = staff(name, Role::Finance);
            let _ = self
                .write(async move |tx, core| {
                    withdrawal::approve(tx, core, &who, id, Some("looks right".into()))
                        .await
                        .map(|_| ())
                })
                .await;
        }
    }

    pub async fn deposit(&self, id: DepositId) -> DepositView {
        let core = self.core.clone();
        self.core
            .db
            .read(async move |tx| deposit::get(tx, &core, &Caller::system("test"), id).await)
            .await
            .unwrap()
    }

    pub async fn withdrawal(&self, id: WithdrawalId) -> WithdrawalView {
        let core = self.core.clone();
        self.core
            .db
            .read(async move |tx| withdrawal::get(tx, &core, &Caller::system("test"), id).await)
            .await
            .unwrap()
    }

    /// A callback comes to the door: verified, stored, answered.
    pub async fn knock(&self, hook: &Value) -> std::result::Result<(), Problem> {
        let body = hook.to_string().into_bytes();
        let now = self.core.now();
        match self.out.verify(&[], &body, now) {
            Ok(ev) => {
                self.write(async move |tx, core| {
                    let msg = NewHook {
                        provider: "stripe",
                        connection: PSP,
                        event_id: &ev.event_id,
                        kind: &ev.kind,
                        headers_json: "{}".into(),
                        body: &body,
                        subject: serde_json::to_value(&ev.subject)?,
                        received_at: now,
                    };
                    inbox::receive(tx, core, msg).await.map(|_| ())
                })
                .await
            }
            Err(_) => {
                self.write(async move |tx, core| inbox::refuse(tx, core, "stripe", PSP, "forged", &body).await)
                    .await
            }
        }
    }

    // ---- the end -----------------------------------------------------------------------------------

    /// Everybody is well again, callbacks that were lost are sent again, people do what the exceptions
    /// ask of them, and time passes until nothing is left to do.
    pub async fn heal(&self) {
        self.out.books().script = super::outside::Script::Calm;
        for round in 0..120 {
            if round == 10 {
                self.out.books().expire_unused();
            }
            let hooks = std::mem::take(&mut self.out.books().hooks);
            for h in &hooks {
                self.knock(h).await.unwrap();
            }
            self.work().await;
            let pending: Vec<String> = {
                let b = self.out.books();
                let open = |r: &&super::outside::Refund| r.state == qd_ports::psp::RefundState::Pending;
                b.refunds.values().filter(open).map(|r| r.our_ref.clone()).collect()
            };
            for r in pending {
                self.out.books().refund_ends(&r, qd_ports::psp::RefundState::Succeeded);
            }
            self.people().await;
            if hooks.is_empty() && self.out.books().hooks.is_empty() && self.idle().await {
                return;
            }
            self.pass(match round {
                0..10 => 15,
                10..30 => 900,
                _ => 14_400,
            })
            .await;
        }
        panic!("jobs are left undone");
    }

    async fn idle(&self) -> bool {
        let now = self.core.now();
        let figures = self.core.db.read(async move |tx| graveyard::figures(tx, now).await).await.unwrap();
        figures
            .iter()
            .filter(|f| !f.kind.starts_with("trading.feed.") && !f.kind.starts_with("trading.sweep."))
            .all(|f| f.ready == 0 && f.leased == 0)
    }

    async fn people(&self) {
        for m in self.all_moves().await {
            if m.state == MoveState::Refused && m.direction == Direction::ToPlatform {
                let (who, id) = (staff("Farid", Role::Finance), m.id);
                let _ = self
                    .write(async move |tx, core| moves::retry(tx, core, &who, id).await.map(|_| ()))
                    .await;
            }
        }
        for id in &self.withdrawals {
            let w = self.withdrawal(*id).await;
            if w.state == WithdrawalState::Review {
                self.approve(*id).await;
            }
            for l in w.legs.iter().filter(|l| l.state == LegState::Sending) {
                // Whoever asks the provider hears of the refund, or that there is none.
                let our_ref = format!("{id}-{}", l.n);
                let known = self.out.books().refunds.contains_key(&our_ref).then(|| format!("re_{our_ref}"));
                let (who, id, n) = (staff("Farid", Role::Finance), *id, l.n);
                let _ = self
                    .write(async move |tx, core| {
                        withdrawal::settle_unclear_leg(tx, core, &who, id, n, known.as_deref(), "asked the provider")
                            .await
                            .map(|_| ())
                    })
                    .await;
            }
        }
        let page = PageRequest::new(Some(100), None).unwrap();
        let dead = self
            .core
            .db
            .read(async move |tx| graveyard::list(tx, None, &page).await)
            .await
            .unwrap();
        for j in dead.items {
            let id: JobId = j.id;
            let _ = self
                .write(async move |tx, core| graveyard::retry(tx, core, id, &Caller::system("test")).await)
                .await;
        }
    }

    /// Deposits that arrived, withdrawals that were paid.
    pub async fn ends(&self) -> (usize, usize) {
        let (mut deposits, mut withdrawals) = (0, 0);
        for id in &self.deposits {
            let d = self.deposit(*id).await;
            deposits += usize::from(matches!(d.state, DepositState::Succeeded | DepositState::Posted));
        }
        for id in &self.withdrawals {
            withdrawals += usize::from(self.withdrawal(*id).await.state == WithdrawalState::Paid);
        }
        (deposits, withdrawals)
    }

    async fn all_moves(&self) -> Vec<MoveView> {
        let mut all = Vec::new();
        for a in &self.accounts {
            let (core, id) = (self.core.clone(), a.id);
            all.extend(
                self.core
                    .db
                    .read(async move |tx| moves::of_account(tx, &core, id).await)
                    .await
                    .unwrap(),
            );
        }
        all
    }

    async fn balance(&self, owner: String, purpose: Purpose) -> i64 {
        let key = AccountKey::new(owner, purpose, Currency::EUR);
        self.core
            .db
            .read(async move |tx| qd_ledger::balance(tx, &key).await)
            .await
            .unwrap()
            .balance_minor
    }

    pub async fn open_exceptions(&self) -> Vec<(String, String)> {
        let f = exceptions::Filter {
            state: Some(ExceptionState::Open),
            ..Default::default()
        };
        let page = PageRequest::new(Some(200), None).unwrap();
        let all = self
            .core
            .db
            .read(async move |tx| exceptions::list(tx, &Caller::system("test"), &f, &page).await)
            .await
            .unwrap();
        all.items.into_iter().map(|e| (e.kind, e.subject)).collect()
    }

    /// What is not as it has to be.
    pub async fn faults(&self) -> Vec<String> {
        let mut wrong: Vec<String> = qd_ledger::verify::run(&self.core.db)
            .await
            .unwrap()
            .iter()
            .map(|f| format!("{f:?}"))
            .collect();
        let open = self.open_exceptions().await;
        let named = |subject: &str| open.iter().any(|(_, s)| s.starts_with(subject));
        // Each deposit against the provider's payments of that name.
        for id in &self.deposits {
            let d = self.deposit(*id).await;
            let paid: Vec<i64> = {
                let b = self.out.books();
                let ours = |p: &&super::outside::Payment| p.our_ref == id.to_string() && p.received > 0;
                b.payments.values().filter(ours).map(|p| p.received).collect()
            };
            let done = matches!(d.state, DepositState::Succeeded | DepositState::Posted);
            let waits = matches!(d.state, DepositState::Held);
            let ended = matches!(d.state, DepositState::Failed | DepositState::Expired | DepositState::Cancelled);
            match (paid.as_slice(), done, waits, ended) {
                ([], false, false, true) | ([_], true, false, false) => {}
                ([_], false, true, false) if named(&format!("deposit:{id}")) => {}
                _ => wrong.push(format!("deposit {id} is {:?}, the provider has {paid:?}", d.state)),
            }
        }
        for id in &self.withdrawals {
            let w = self.withdrawal(*id).await;
            let ended = matches!(
                w.state,
                WithdrawalState::Paid
                    | WithdrawalState::Returned
                    | WithdrawalState::Refused
                    | WithdrawalState::Rejected
                    | WithdrawalState::Cancelled
            );
            if !ended && !named(&format!("withdrawal:{id}")) {
                wrong.push(format!("withdrawal {id} is {:?} and nobody is told", w.state));
            }
        }
        // Every login has what the ledger says, and each token moved once.
        let (held, logins, moved) = {
            let b: std::sync::MutexGuard<'_, Books> = self.out.books();
            (b.held(), b.logins.clone(), b.moved.clone())
        };
        for a in &self.accounts {
            let (on, way) = (
                self.balance(format!("tacc:{}", a.id), Purpose::Platform).await,
                self.balance(format!("tacc:{}", a.id), Purpose::Transit).await,
            );
            let there = a.login.as_ref().and_then(|l| logins.get(l)).map_or(0, |l| l.1);
            if on != there {
                wrong.push(format!("login {:?} has {there}, the ledger says {on}", a.login));
            }
            if way != 0 {
                wrong.push(format!("{way} are still on their way to login {:?}", a.login));
            }
        }
        for m in &moved {
            if moved.iter().filter(|o| o.token == m.token).count() > 1 {
                wrong.push(format!("the token {} moved money more than once", m.token));
            }
        }
        // What the provider holds for us is what the ledger says it does.
        let clearing = -self.balance(format!("psp:{PSP}"), Purpose::Clearing).await;
        if clearing != held {
            wrong.push(format!("the provider holds {held} for us, the ledger says {clearing}"));
        }
        wrong
    }
}

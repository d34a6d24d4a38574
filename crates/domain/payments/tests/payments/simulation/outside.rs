//! The other side of every call: a provider and a trade server whose books are in memory, that fail
//! when a script says so. Real wire formats are the conformance suites' matter; here the order of
//! things is, and a seed gives the same order every time.

use async_trait::async_trait;
use qd_kernel::{Amount, Currency, Entropy, SeededEntropy, TestClock, Ts};
use qd_ports::platform::{
    AccountChange, AccountState, Capabilities, Deal, Found, Holder, MoneyOp, MoneyReceipt, NO_FREE_MARGIN, NewAccount, PlatformAccount,
    Position, ServerInfo, TradeRights, TradingPlatform,
};
use qd_ports::psp::*;
use qd_ports::{CallError, CallResult};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::Notify;

/// What happens to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    NotSent,
    ForNow,
    /// The other side says no, for good.
    Refused,
    /// No answer, and nothing happened there.
    LostBefore,
    /// No answer, and it happened.
    LostAfter,
    /// It happened; the answer cannot be read.
    Garbage,
    /// It happened; the answer speaks of another amount.
    Wrong,
    /// We die before the call leaves, and after it took effect.
    CrashBefore,
    CrashAfter,
    /// Nobody answers for an hour from here on.
    Down,
}

pub const FAULTS: [Fault; 10] = [
    Fault::NotSent,
    Fault::ForNow,
    Fault::Refused,
    Fault::LostBefore,
    Fault::LostAfter,
    Fault::Garbage,
    Fault::Wrong,
    Fault::CrashBefore,
    Fault::CrashAfter,
    Fault::Down,
];

/// Calls that change nothing over there: a "no" from them has no meaning of its own.
const READS: [&str; 6] = [
    "psp.deposit",
    "psp.refund_status",
    "psp.dispute",
    "platform.find",
    "platform.account",
    "platform.state",
];

pub enum Script {
    Calm,
    /// One call in so many fails, by chance.
    Chance {
        one_in: u64,
    },
    /// The next call of each name fails in its way, once, in this order.
    List(Vec<(&'static str, Fault)>),
}

#[derive(Clone, Debug)]
pub struct Payment {
    pub our_ref: String,
    pub asked: Amount,
    pub state: PaymentState,
    pub received: i64,
    pub refunded: i64,
    /// The customer has seen the page: the session came through to us.
    pub shown: bool,
}

#[derive(Clone, Debug)]
pub struct Refund {
    pub our_ref: String,
    pub payment: String,
    pub amount: Amount,
    pub state: RefundState,
}

#[derive(Clone, Debug)]
pub struct Dispute {
    pub payment: String,
    pub amount: Amount,
    pub state: DisputeState,
}

#[derive(Clone, Debug)]
pub struct Moved {
    pub token: String,
    pub login: String,
    pub minor: i64,
    pub ticket: String,
}

pub struct Books {
    pub payments: BTreeMap<String, Payment>,
    pub refunds: BTreeMap<String, Refund>,
    pub disputes: BTreeMap<String, Dispute>,
    /// Callbacks that are not delivered yet.
    pub hooks: Vec<Value>,
    /// Balance by login.
    pub logins: BTreeMap<String, (String, i64)>,
    pub moved: Vec<Moved>,
    pub script: Script,
    /// With this off, a call without an answer is taken for one that never left: what a careless
    /// connector does. A control has to find what comes of it.
    pub honest: bool,
    pub trace: Vec<String>,
    down_until: BTreeMap<&'static str, Ts>,
    chance: SeededEntropy,
    n: u64,
}

impl Books {
    pub fn draw(&self, below: u64) -> u64 {
        let mut b = [0u8; 8];
        self.chance.fill(&mut b);
        u64::from_le_bytes(b) % below.max(1)
    }

    fn next(&mut self, prefix: &str) -> String {
        self.n += 1;
        format!("{prefix}_{}", self.n)
    }

    fn fault(&mut self, call: &'static str, now: Ts) -> Fault {
        let side = call.split('.').next().unwrap_or(call);
        if self.down_until.get(side).is_some_and(|t| now < *t) {
            return Fault::NotSent;
        }
        let mut fault = match &mut self.script {
            Script::Calm => Fault::None,
            Script::List(list) if list.first().is_some_and(|(c, _)| *c == call) => list.remove(0).1,
            Script::List(_) => Fault::None,
            Script::Chance { one_in } => {
                let one_in = *one_in;
                if self.draw(one_in) == 0 {
                    FAULTS[self.draw(FAULTS.len() as u64) as usize]
                } else {
                    Fault::None
                }
            }
        };
        if fault == Fault::Refused && READS.contains(&call) {
            fault = Fault::ForNow;
        }
        if fault == Fault::Down {
            self.down_until
                .insert(if side == "psp" { "psp" } else { "platform" }, now.plus_secs(3_600));
            fault = Fault::NotSent;
        }
        fault
    }

    pub fn tell(&mut self, about: &str, provider_ref: &str, our_ref: Option<&str>) {
        let id = self.next("evt");
        self.hooks
            .push(json!({"id": id, "about": about, "provider_ref": provider_ref, "our_ref": our_ref, "sign": "good"}));
    }

    /// Callbacks about everything there is, as after an outage of ours.
    pub fn tell_all(&mut self) {
        let payments: Vec<(String, String)> = self.payments.iter().map(|(id, p)| (id.clone(), p.our_ref.clone())).collect();
        let refunds: Vec<String> = self.refunds.keys().cloned().collect();
        let disputes: Vec<String> = self.disputes.keys().cloned().collect();
        for (id, our_ref) in payments {
            self.tell("deposit", &id, Some(&our_ref));
        }
        for r in refunds {
            self.tell("refund", &format!("re_{r}"), Some(&r));
        }
        for d in disputes {
            self.tell("dispute", &d, None);
        }
    }

    /// The customer pays on the provider's page.
    pub fn pay(&mut self, payment: &str, minor: i64) {
        let Some(p) = self.payments.get_mut(payment) else { return };
        p.state = PaymentState::Succeeded;
        p.received = minor;
        let our_ref = p.our_ref.clone();
        self.tell("deposit", payment, Some(&our_ref));
    }

    pub fn end(&mut self, payment: &str, state: PaymentState) {
        let Some(p) = self.payments.get_mut(payment) else { return };
        p.state = state;
        let our_ref = p.our_ref.clone();
        self.tell("deposit", payment, Some(&our_ref));
    }

    /// Sessions that nobody used end by their time.
    pub fn expire_unused(&mut self) {
        let open: Vec<String> = self
            .payments
            .iter()
            .filter(|(_, p)| p.state == PaymentState::RequiresAction)
            .map(|(id, _)| id.clone())
            .collect();
        for id in open {
            self.end(&id, PaymentState::Expired);
        }
    }

    pub fn refund_ends(&mut self, our_ref: &str, state: RefundState) {
        let Some(r) = self.refunds.get_mut(our_ref) else { return };
        let gone = |s| matches!(s, RefundState::Pending | RefundState::Succeeded);
        let (was, is, payment, minor) = (gone(r.state), gone(state), r.payment.clone(), r.amount.minor);
        r.state = state;
        if let Some(p) = self.payments.get_mut(&payment) {
            p.refunded += i64::from(is) * minor - i64::from(was) * minor;
        }
        self.tell("refund", &format!("re_{our_ref}"), Some(our_ref));
    }

    pub fn dispute(&mut self, payment: &str) -> Option<String> {
        let p = self.payments.get(payment)?;
        let amount = Amount::new(p.received - p.refunded, p.asked.currency);
        let id = self.next("dp");
        self.disputes.insert(
            id.clone(),
            Dispute {
                payment: payment.into(),
                amount,
                state: DisputeState::Opened,
            },
        );
        self.tell("dispute", &id, None);
        Some(id)
    }

    pub fn dispute_ends(&mut self, id: &str, state: DisputeState) {
        if let Some(d) = self.disputes.get_mut(id) {
            d.state = state;
            self.tell("dispute", id, None);
        }
    }

    /// What the provider holds for us: paid in, less given back, less taken by open and lost disputes.
    pub fn held(&self) -> i64 {
        let paid: i64 = self.payments.values().map(|p| p.received - p.refunded).sum();
        let taken: i64 = self
            .disputes
            .values()
            .filter(|d| matches!(d.state, DisputeState::Opened | DisputeState::Lost))
            .map(|d| d.amount.minor)
            .sum();
        paid - taken
    }
}

/// Both counterparties. Clones share the books.
#[derive(Clone)]
pub struct Outside {
    books: Arc<Mutex<Books>>,
    clock: Arc<TestClock>,
    dying: Arc<Notify>,
}

impl Outside {
    pub fn new(seed: u64, clock: Arc<TestClock>) -> Outside {
        Outside {
            books: Arc::new(Mutex::new(Books {
                payments: BTreeMap::new(),
                refunds: BTreeMap::new(),
                disputes: BTreeMap::new(),
                hooks: Vec::new(),
                logins: BTreeMap::new(),
                moved: Vec::new(),
                script: Script::Calm,
                honest: true,
                trace: Vec::new(),
                down_until: BTreeMap::new(),
                chance: SeededEntropy::new(seed),
                n: 0,
            })),
            clock,
            dying: Arc::new(Notify::new()),
        }
    }

    pub fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }

    /// Resolves when our process dies.
    pub async fn death(&self) {
        self.dying.notified().await;
    }

    async fn die<T>(&self) -> T {
        self.dying.notify_one();
        std::future::pending().await
    }

    async fn call<T>(&self, name: &'static str, of: &str, effect: impl FnOnce(&mut Books) -> CallResult<T>) -> CallResult<T> {
        use qd_kernel::Clock as _;
        let now = self.clock.now();
        // The lock must not be held while we are dead.
        let (fault, done) = {
            let mut b = self.books();
            let fault = b.fault(name, now);
            let happens = matches!(
                fault,
                Fault::None | Fault::LostAfter | Fault::Garbage | Fault::Wrong | Fault::CrashAfter
            );
            let done = happens.then(|| effect(&mut b));
            let ended = match &done {
                Some(Ok(_)) => "done".to_string(),
                Some(Err(e)) => e.code.clone(),
                None => "nothing".into(),
            };
            b.trace.push(format!("{} {name} {of}: {fault:?}, {ended}", now.0));
            (fault, done)
        };
        let honest = self.books().honest;
        let lost = |code: &str| {
            if honest {
                CallError::unknown(code, "no answer")
            } else {
                CallError::not_sent("connect_failed", "taken for a call that never left")
            }
        };
        match (fault, done) {
            (Fault::None, Some(done)) => done,
            (Fault::LostAfter, _) => Err(lost("timeout")),
            (Fault::Garbage, _) => Err(if honest {
                CallError::unreadable("half an answer", "{\"id\": \"")
            } else {
                lost("garbage")
            }),
            (Fault::Wrong, _) => {
                let mut e = lost("echo_mismatch");
                e.raw = honest.then(|| "{\"amount\": 1}".into());
                Err(e)
            }
            (Fault::NotSent | Fault::Down, _) => Err(CallError::not_sent("connect_failed", "nobody answers")),
            (Fault::ForNow, _) => Err(CallError::refused_for_now("busy", "come again")),
            (Fault::Refused, _) => Err(CallError::refused("declined", "no")),
            (Fault::LostBefore, _) => Err(CallError::unknown("timeout", "no answer")),
            (Fault::CrashBefore | Fault::CrashAfter | Fault::None, _) => self.die().await,
        }
    }
}

fn missing() -> CallError {
    CallError::refused(PROBE_MISSING, "unknown here")
}

#[async_trait]
impl TakeDeposits for Outside {
    async fn open_deposit(&self, req: &OpenDeposit) -> CallResult<DepositSession> {
        let r = self
            .call("psp.open", &req.our_ref, |b| {
                let found = b.payments.iter().find(|(_, p)| p.our_ref == req.our_ref).map(|(id, _)| id.clone());
                let id = match found {
                    Some(id) => id,
                    None => {
                        let id = b.next("pay");
                        let p = Payment {
                            our_ref: req.our_ref.clone(),
                            asked: req.amount,
                            state: PaymentState::RequiresAction,
                            received: 0,
                            refunded: 0,
                            shown: false,
                        };
                        b.payments.insert(id.clone(), p);
                        id
                    }
                };
                Ok(DepositSession {
                    redirect_url: Some(format!("https://pay.example/{id}")),
                    provider_ref: id,
                    state: PaymentState::RequiresAction,
                })
            })
            .await?;
        if let Some(p) = self.books().payments.get_mut(&r.provider_ref) {
            p.shown = true;
        }
        Ok(r)
    }

    async fn deposit(&self, provider_ref: &str) -> CallResult<DepositReport> {
        self.call("psp.deposit", provider_ref, |b| {
            let p = b.payments.get(provider_ref).ok_or_else(missing)?;
            Ok(DepositReport {
                our_ref: Some(p.our_ref.clone()),
                provider_ref: provider_ref.into(),
                payment_ref: (p.received > 0).then(|| provider_ref.to_string()),
                state: p.state,
                amount: p.asked,
                received: (p.received > 0).then(|| Amount::new(p.received, p.asked.currency)),
                refunded_minor: p.refunded,
                fee: None,
                failure_code: (p.state == PaymentState::Failed).then(|| "declined".into()),
                soft_failure: true,
                instrument: None,
            })
        })
        .await
    }
}

fn refund_report(r: &Refund) -> RefundReport {
    RefundReport {
        our_ref: Some(r.our_ref.clone()),
        provider_ref: format!("re_{}", r.our_ref),
        payment_ref: r.payment.clone(),
        state: r.state,
        amount: r.amount,
        failure_code: None,
    }
}

#[async_trait]
impl RefundDeposits for Outside {
    async fn refund(&self, req: &RefundRequest) -> CallResult<RefundReport> {
        self.call("psp.refund", &req.our_ref, |b| {
            if let Some(r) = b.refunds.get(&req.our_ref) {
                return Ok(refund_report(r));
            }
            let later = matches!(b.script, Script::Chance { .. }) && b.draw(2) == 0;
            let p = b.payments.get_mut(&req.payment_ref).ok_or_else(missing)?;
            if p.received - p.refunded < req.amount.minor {
                return Err(CallError::refused("amount_too_large", "more than is left of the payment"));
            }
            p.refunded += req.amount.minor;
            let r = Refund {
                our_ref: req.our_ref.clone(),
                payment: req.payment_ref.clone(),
                amount: req.amount,
                state: if later { RefundState::Pending } else { RefundState::Succeeded },
            };
            let report = refund_report(&r);
            b.refunds.insert(req.our_ref.clone(), r);
            b.tell("refund", &report.provider_ref, Some(&req.our_ref));
            Ok(report)
        })
        .await
    }

    async fn refund_status(&self, provider_ref: &str) -> CallResult<RefundReport> {
        self.call("psp.refund_status", provider_ref, |b| {
            let r = provider_ref
                .strip_prefix("re_")
                .and_then(|r| b.refunds.get(r))
                .ok_or_else(missing)?;
            Ok(refund_report(r))
        })
        .await
    }
}

#[async_trait]
impl ReportDisputes for Outside {
    async fn dispute(&self, provider_ref: &str) -> CallResult<DisputeReport> {
        self.call("psp.dispute", provider_ref, |b| {
            let d = b.disputes.get(provider_ref).ok_or_else(missing)?;
            Ok(DisputeReport {
                provider_ref: provider_ref.into(),
                payment_ref: d.payment.clone(),
                state: d.state,
                amount: d.amount,
                reason: "fraudulent".into(),
                provider_state: format!("{:?}", d.state).to_lowercase(),
            })
        })
        .await
    }
}

impl PayOut for Outside {}
impl ReadSettlements for Outside {}

impl VerifyHook for Outside {
    fn verify(&self, _: &[(String, String)], body: &[u8], now: Ts) -> Result<HookEvent, HookRefusal> {
        let v: Value = serde_json::from_slice(body).map_err(|e| HookRefusal::Unreadable(e.to_string()))?;
        if v["sign"] != "good" {
            return Err(HookRefusal::Forged("no signature fits".into()));
        }
        let text = |k: &str| v[k].as_str().map(str::to_string);
        let (our_ref, provider_ref) = (text("our_ref"), text("provider_ref").unwrap_or_default());
        let subject = match v["about"].as_str() {
            Some("deposit") => HookSubject::Deposit { our_ref, provider_ref },
            Some("refund") => HookSubject::Refund { our_ref, provider_ref },
            Some("dispute") => HookSubject::Dispute { provider_ref },
            _ => HookSubject::Other,
        };
        Ok(HookEvent {
            event_id: text("id").unwrap_or_default(),
            kind: "payment".into(),
            subject,
            at: now,
        })
    }
}

impl Psp for Outside {
    fn provider(&self) -> &'static str {
        "stripe"
    }
    fn api_version(&self) -> &'static str {
        "simulated"
    }
    fn can(&self) -> Can {
        Can {
            refunds: true,
            payouts: false,
            disputes: true,
            settlements: false,
        }
    }
    fn probe(&self) -> &'static str {
        "pay_none"
    }
}

impl Outside {
    fn account_of(b: &Books, login: &str) -> Option<PlatformAccount> {
        let (our_ref, balance) = b.logins.get(login)?;
        Some(PlatformAccount {
            login: login.into(),
            group: r"real\eu-standard-eur".into(),
            currency: Currency::EUR,
            leverage: 30,
            rights: TradeRights::Full,
            our_ref: Some(our_ref.clone()),
            balance_minor: *balance,
            credit_minor: 0,
            holder: Holder::default(),
        })
    }
}

#[async_trait]
impl TradingPlatform for Outside {
    async fn server_info(&self) -> CallResult<ServerInfo> {
        Err(CallError::refused("not_here", "no information"))
    }

    async fn open_account(&self, new: &NewAccount) -> CallResult<PlatformAccount> {
        self.call("platform.open", &new.our_ref, |b| {
            let found = b.logins.iter().find(|(_, (r, _))| *r == new.our_ref).map(|(l, _)| l.clone());
            let login = found.unwrap_or_else(|| (500_001 + b.logins.len()).to_string());
            b.logins.entry(login.clone()).or_insert_with(|| (new.our_ref.clone(), 0));
            Self::account_of(b, &login).ok_or_else(missing)
        })
        .await
    }

    async fn account(&self, login: &str) -> CallResult<Option<PlatformAccount>> {
        self.call("platform.account", login, |b| Ok(Self::account_of(b, login))).await
    }

    async fn accounts(&self, _: &str) -> CallResult<Vec<PlatformAccount>> {
        self.call("platform.account", "all", |b| {
            Ok(b.logins.keys().filter_map(|l| Self::account_of(b, l)).collect())
        })
        .await
    }

    async fn change_account(&self, login: &str, _: &AccountChange) -> CallResult<PlatformAccount> {
        self.call("platform.account", login, |b| Self::account_of(b, login).ok_or_else(missing))
            .await
    }

    async fn account_state(&self, login: &str) -> CallResult<AccountState> {
        use qd_kernel::Clock as _;
        let read_at = self.clock.now();
        self.call("platform.state", login, |b| {
            let (_, balance) = b.logins.get(login).ok_or_else(missing)?;
            Ok(AccountState {
                login: login.into(),
                currency: Currency::EUR,
                balance_minor: *balance,
                credit_minor: 0,
                equity_minor: *balance,
                margin_minor: 0,
                free_margin_minor: *balance,
                floating_minor: 0,
                edge: None,
                read_at,
            })
        })
        .await
    }

    /// As a real server: the same token twice moves the money twice.
    async fn move_money(&self, op: &MoneyOp) -> CallResult<MoneyReceipt> {
        let name = if op.amount.minor > 0 { "platform.in" } else { "platform.out" };
        self.call(name, &op.token, |b| {
            let (_, balance) = b.logins.get_mut(&op.login).ok_or_else(missing)?;
            if op.check_margin && *balance + op.amount.minor < 0 {
                return Err(CallError::refused(NO_FREE_MARGIN, "not enough free margin"));
            }
            *balance += op.amount.minor;
            let ticket = b.next("tick");
            b.moved.push(Moved {
                token: op.token.clone(),
                login: op.login.clone(),
                minor: op.amount.minor,
                ticket: ticket.clone(),
            });
            Ok(MoneyReceipt {
                ticket,
                amount_minor: op.amount.minor,
                at: None,
            })
        })
        .await
    }

    async fn find_money(&self, op: &MoneyOp) -> CallResult<Found> {
        self.call("platform.find", &op.token, |b| {
            let mut all: Vec<MoneyReceipt> = b
                .moved
                .iter()
                .filter(|m| m.token == op.token && m.login == op.login)
                .map(|m| MoneyReceipt {
                    ticket: m.ticket.clone(),
                    amount_minor: m.minor,
                    at: None,
                })
                .collect();
            Ok(match all.len() {
                0 => Found::Nothing,
                1 => Found::One(all.remove(0)),
                _ => Found::Several(all),
            })
        })
        .await
    }

    async fn deals(&self, _: &str, _: Ts, _: Ts) -> CallResult<Vec<Deal>> {
        Ok(Vec::new())
    }

    async fn positions(&self, _: &str) -> CallResult<Vec<Position>> {
        Ok(Vec::new())
    }

    async fn open_positions(&self, _: &str) -> CallResult<Vec<Position>> {
        Ok(Vec::new())
    }

    async fn states(&self, _: &str) -> CallResult<Vec<AccountState>> {
        Ok(Vec::new())
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            api: "simulated",
            builds: Vec::new(),
            table: Vec::new(),
        }
    }
}

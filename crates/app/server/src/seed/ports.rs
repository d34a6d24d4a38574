//! The counterparties as the seed plays them: the same books, reached from inside the process and
//! written at the simulated moment. Reading goes through the real connectors.

use async_trait::async_trait;
use qd_kernel::{Amount, Currency, Env, Ts};
use qd_notify::{MailTransport, Outgoing, SendError};
use qd_ports::platform::{
    AccountChange, AccountState, Capabilities, Deal, Found, Holder, MoneyKind, MoneyOp, MoneyReceipt, NewAccount, PlatformAccount,
    Position, ServerInfo, TradeRights, TradingPlatform,
};
use qd_ports::psp::{
    Can, DepositReport, DepositSession, DisputeReport, HookEvent, HookRefusal, Instrument, OpenDeposit, PayOut, PaymentState, Psp,
    ReadSettlements, RefundDeposits, RefundReport, RefundRequest, RefundState, ReportDisputes, TakeDeposits, VerifyHook,
};
use qd_ports::{CallError, CallResult};
use qd_sandbox::stripe::{SeedPayment, Stripe};
use qd_sandbox::{Sandbox, mt5};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

fn refused(p: qd_kernel::Problem) -> CallError {
    tracing::warn!(problem = %p, "the counterparty refused");
    CallError::refused(p.code, p.detail)
}

fn bad_login() -> CallError {
    CallError::refused("login_unknown", "no such login")
}

/// A trade server whose accounts and money appear at the simulated time.
pub struct SeedPlatform {
    pub server: Arc<mt5::Server>,
    pub real: Arc<dyn TradingPlatform>,
    pub env: Env,
}

impl SeedPlatform {
    fn number(login: &str) -> CallResult<u64> {
        login.parse().map_err(|_| bad_login())
    }

    fn group_currency(&self, group: &str) -> CallResult<Currency> {
        let code = self
            .server
            .cfg
            .groups
            .iter()
            .find(|g| g.name == group)
            .map(|g| g.currency.as_str())
            .ok_or_else(|| CallError::refused("group_unknown", "no such group"))?;
        Currency::parse(code).map_err(refused)
    }
}

#[async_trait]
impl TradingPlatform for SeedPlatform {
    async fn server_info(&self) -> CallResult<ServerInfo> {
        self.real.server_info().await
    }

    async fn open_account(&self, new: &NewAccount) -> CallResult<PlatformAccount> {
        let login = match self.server.login_of(&new.our_ref) {
            Some(l) => l,
            None => self
                .server
                .add_account(&mt5::NewAccount {
                    login: None,
                    group: &new.group,
                    name: &new.name,
                    email: &new.email,
                    leverage: new.leverage,
                    password: new.main_password.expose(),
                    comment: "",
                    our_ref: &new.our_ref,
                    registered: self.env.now(),
                })
                .map_err(refused)?,
        };
        Ok(PlatformAccount {
            login: login.to_string(),
            group: new.group.clone(),
            currency: self.group_currency(&new.group)?,
            leverage: new.leverage,
            rights: TradeRights::Full,
            our_ref: Some(new.our_ref.clone()),
            balance_minor: 0,
            credit_minor: 0,
            holder: Holder::default(),
        })
    }

    async fn account(&self, login: &str) -> CallResult<Option<PlatformAccount>> {
        self.real.account(login).await
    }

    async fn accounts(&self, group_mask: &str) -> CallResult<Vec<PlatformAccount>> {
        self.real.accounts(group_mask).await
    }

    async fn change_account(&self, login: &str, change: &AccountChange) -> CallResult<PlatformAccount> {
        self.real.change_account(login, change).await
    }

    async fn account_state(&self, login: &str) -> CallResult<AccountState> {
        self.real.account_state(login).await
    }

    async fn move_money(&self, op: &MoneyOp) -> CallResult<MoneyReceipt> {
        let login = Self::number(&op.login)?;
        if let Found::One(r) = self.find_money(op).await? {
            return Ok(r);
        }
        let (balance, _) = self.server.balance_of(login).ok_or_else(bad_login)?;
        if op.check_margin && op.amount.minor < 0 && balance.saturating_add(op.amount.minor) < 0 {
            return Err(CallError::refused(qd_ports::platform::NO_FREE_MARGIN, "not enough free margin"));
        }
        let action = match op.kind {
            MoneyKind::Balance => 2,
            MoneyKind::Credit => 3,
            MoneyKind::Correction => 5,
        };
        let at = self.env.now();
        let ticket = self
            .server
            .add_balance(login, action, op.amount.minor, &op.token, at)
            .map_err(refused)?;
        Ok(MoneyReceipt {
            ticket: ticket.to_string(),
            amount_minor: op.amount.minor,
            at: Some(at),
        })
    }

    async fn find_money(&self, op: &MoneyOp) -> CallResult<Found> {
        let found = self.server.money_with(Self::number(&op.login)?, &op.token);
        Ok(found.map_or(Found::Nothing, |(ticket, minor)| {
            Found::One(MoneyReceipt {
                ticket: ticket.to_string(),
                amount_minor: minor,
                at: None,
            })
        }))
    }

    async fn deals(&self, group_mask: &str, from: Ts, to: Ts) -> CallResult<Vec<Deal>> {
        self.real.deals(group_mask, from, to).await
    }

    async fn positions(&self, login: &str) -> CallResult<Vec<Position>> {
        self.real.positions(login).await
    }

    async fn open_positions(&self, group_mask: &str) -> CallResult<Vec<Position>> {
        self.real.open_positions(group_mask).await
    }

    async fn states(&self, group_mask: &str) -> CallResult<Vec<AccountState>> {
        self.real.states(group_mask).await
    }

    fn capabilities(&self) -> Capabilities {
        self.real.capabilities()
    }
}

/// How the seed's customers pay: decided when the deposit is opened.
#[derive(Clone)]
pub struct Wallet {
    pub name: String,
    /// A test card of the customer's own.
    pub card: String,
    /// The card says no, for want of money.
    pub declines: bool,
}

/// A card processor whose customers pay at once.
pub struct SeedPsp {
    pub connection: String,
    pub stripe: Arc<Stripe>,
    pub env: Env,
    /// By e-mail address.
    pub wallets: Arc<Mutex<HashMap<String, Wallet>>>,
    pub reports: Mutex<HashMap<String, DepositReport>>,
    pub refunds: Mutex<HashMap<String, RefundReport>>,
}

fn lock<T>(m: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    m.lock().unwrap_or_else(|p| p.into_inner())
}

#[async_trait]
impl TakeDeposits for SeedPsp {
    async fn open_deposit(&self, req: &OpenDeposit) -> CallResult<DepositSession> {
        let known = lock(&self.reports)
            .values()
            .find(|r| r.our_ref.as_deref() == Some(&req.our_ref))
            .map(|r| r.provider_ref.clone());
        if let Some(provider_ref) = known {
            return Ok(DepositSession {
                provider_ref,
                redirect_url: None,
                state: PaymentState::Created,
            });
        }
        let wallet = lock(&self.wallets).get(&req.email).cloned();
        let now = self.env.now();
        let mut report = DepositReport {
            our_ref: Some(req.our_ref.clone()),
            provider_ref: format!("cs_seed_{}", req.our_ref),
            payment_ref: None,
            state: PaymentState::Failed,
            amount: req.amount,
            received: None,
            refunded_minor: 0,
            fee: None,
            failure_code: Some("insufficient_funds".into()),
            soft_failure: true,
            instrument: None,
        };
        if let Some(w) = wallet.filter(|w| !w.declines) {
            let paid = self
                .stripe
                .seed_payment(
                    &self.connection,
                    &SeedPayment {
                        our_ref: &req.our_ref,
                        amount: req.amount.minor,
                        currency: req.amount.currency.code(),
                        description: &req.description,
                        email: &req.email,
                        name: &w.name,
                        card: &w.card,
                        success_url: &req.return_url,
                        opened: now,
                        paid: now.plus_secs(9),
                    },
                )
                .map_err(refused)?;
            let card = &paid.charge["payment_method_details"]["card"];
            let text = |k: &str| card[k].as_str().map(str::to_string);
            report.provider_ref = paid.session;
            report.payment_ref = Some(paid.payment_intent);
            report.state = PaymentState::Succeeded;
            report.received = Some(req.amount);
            report.failure_code = None;
            report.soft_failure = false;
            report.instrument = Some(Instrument {
                kind: "card".into(),
                brand: text("brand"),
                last4: text("last4"),
                fingerprint: text("fingerprint"),
                country: text("country"),
                holder: Some(w.name),
            });
        }
        let provider_ref = report.provider_ref.clone();
        lock(&self.reports).insert(provider_ref.clone(), report);
        Ok(DepositSession {
            provider_ref,
            redirect_url: None,
            state: PaymentState::Created,
        })
    }

    async fn deposit(&self, provider_ref: &str) -> CallResult<DepositReport> {
        lock(&self.reports)
            .get(provider_ref)
            .cloned()
            .ok_or_else(|| CallError::refused("resource_missing", "this session is not of this run of the seed"))
    }
}

#[async_trait]
impl RefundDeposits for SeedPsp {
    async fn refund(&self, req: &RefundRequest) -> CallResult<RefundReport> {
        let known = self.stripe.refund_of(&self.connection, &req.our_ref).map_err(refused)?;
        let provider_ref = match known {
            Some(id) => id,
            None => self
                .stripe
                .seed_refund(&self.connection, &req.payment_ref, req.amount.minor, &req.our_ref, self.env.now())
                .map_err(refused)?,
        };
        let report = RefundReport {
            our_ref: Some(req.our_ref.clone()),
            provider_ref: provider_ref.clone(),
            payment_ref: req.payment_ref.clone(),
            state: RefundState::Succeeded,
            amount: Amount::new(req.amount.minor, req.amount.currency),
            failure_code: None,
        };
        lock(&self.refunds).insert(provider_ref, report.clone());
        Ok(report)
    }

    async fn refund_status(&self, provider_ref: &str) -> CallResult<RefundReport> {
        lock(&self.refunds)
            .get(provider_ref)
            .cloned()
            .ok_or_else(|| CallError::refused("resource_missing", "this refund is not of this run of the seed"))
    }
}

#[async_trait]
impl ReportDisputes for SeedPsp {
    async fn dispute(&self, _: &str) -> CallResult<DisputeReport> {
        Err(CallError::refused("resource_missing", "the seed has no disputes"))
    }
}

impl VerifyHook for SeedPsp {
    fn verify(&self, _: &[(String, String)], _: &[u8], _: Ts) -> Result<HookEvent, HookRefusal> {
        Err(HookRefusal::Forged("the seed takes no callbacks".into()))
    }
}

impl Psp for SeedPsp {
    fn provider(&self) -> &'static str {
        "stripe"
    }
    fn api_version(&self) -> &'static str {
        "seed"
    }
    fn can(&self) -> Can {
        Can {
            refunds: true,
            payouts: false,
            disputes: false,
            settlements: false,
        }
    }
    fn probe(&self) -> &'static str {
        "none"
    }
}

impl PayOut for SeedPsp {}

impl ReadSettlements for SeedPsp {}

/// Mails of the past were read long ago.
pub struct NoMail;

#[async_trait]
impl MailTransport for NoMail {
    async fn send(&self, _: &Outgoing) -> Result<(), SendError> {
        Ok(())
    }
}

/// The trade server behind a connection's name.
pub fn server_of(sandbox: &Sandbox, id: &str) -> qd_kernel::Result<Arc<mt5::Server>> {
    sandbox
        .mt5(id)
        .ok_or_else(|| qd_kernel::Problem::missing("trade server in the sandbox"))
}

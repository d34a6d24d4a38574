//! Deposits: from the client's wish to the money on the trading account.

mod attempt;
mod checks;
mod fraud;
mod model;
mod onward;
mod payer;
mod receive;
pub(crate) mod refund;
mod view;

pub use attempt::{AttemptState, AttemptView, again};
pub(crate) use attempt::{
    PROVIDER_UNAVAILABLE, all_of as attempts_of, attempt_now, fail_over, find as attempt, named, open_refused, opened,
};
pub use model::{Command, DepositState, Effect, decide};
pub use onward::{cancel, release};
pub(crate) use onward::{given_back, onward_again, posted};
pub(crate) use receive::reported;
pub use refund::refund;
pub use view::{DepositQuery, DepositView, Money, first_of, get, list, made_between, money_of};

use crate::routing::{self, Ask};
use crate::store::{self, AttemptRow, DepositRow};
use crate::{ATTEMPTS, ClientFacts, DepositId, MethodFact, acts_for};
use onward::onward;
use qd_db::Tx;
use qd_kernel::{Amount, Problem, Result};
use qd_ledger::{AccountKey, Leg, NewEntry};
use qd_runtime::access::{Caller, Right};
use qd_runtime::events::{self, NewEvent};
use qd_runtime::jobs::{self, NewJob};
use qd_runtime::{Core, audit};
use qd_trading::{AccountState, TradingAccountId};
use receive::{announce, held, is_first};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use view::{scoped, view};

/// A session that is not used is closed by the provider after this long. Stripe's shortest is 30
/// minutes from when it is asked, which may be as late as [`OPEN_FOR_S`] after the client's wish.
pub const SESSION_S: i64 = 3_600;

/// A provider that has given no session for this long will not see this client any more.
pub(crate) const OPEN_FOR_S: i64 = 900;

/// How often an open deposit is asked about when no callback comes, by its age.
pub(crate) const fn check_after_s(age_s: i64) -> i64 {
    match age_s {
        ..60 => 15,
        60..600 => 60,
        600..7_200 => 300,
        _ => 3_600,
    }
}

/// A deposit that nobody has confirmed or denied is asked about for this long.
pub(crate) const ASK_FOR_S: i64 = 7 * 86_400;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewDeposit {
    pub amount: Amount,
    /// One of the client's methods (`GET /me/deposit-methods`).
    pub method: String,
    /// The trading account to credit; None leaves the money in the wallet.
    #[serde(default)]
    pub account_id: Option<TradingAccountId>,
    /// The first six to eight digits of the card, where the page knows them: a fact for the routes,
    /// kept with their decision only.
    #[serde(default)]
    pub bin: Option<String>,
}

fn not_stopped(facts: &ClientFacts) -> Result<()> {
    match &facts.deposits_stopped {
        None => Ok(()),
        Some(why) => Err(Problem::conflict(
            "deposits_stopped",
            format!("deposits are stopped for this client: {why}"),
        )),
    }
}

/// The client's method by that name, if it takes this amount.
fn offered<'a>(facts: &'a ClientFacts, method: &str, amount: Amount) -> Result<&'a MethodFact> {
    let m = facts
        .methods
        .iter()
        .find(|m| m.method == method)
        .ok_or_else(|| Problem::invalid("method", "method_unavailable", "expected one of the methods offered to this client"))?;
    if !m.currencies.iter().any(|c| c == amount.currency.code()) {
        return Err(Problem::invalid(
            "amount.currency",
            "currency_not_offered",
            format!("expected one of {}", m.currencies.join(", ")),
        ));
    }
    if amount.minor < m.min_minor || amount.minor > m.max_minor {
        return Err(Problem::invalid(
            "amount.minor",
            "amount_out_of_method_range",
            format!("expected {} to {} minor units for {}", m.min_minor, m.max_minor, m.method),
        ));
    }
    Ok(m)
}

fn bin_ok(bin: Option<&str>) -> Result<()> {
    match bin {
        Some(b) if !(6..=8).contains(&b.len()) || !b.bytes().all(|c| c.is_ascii_digit()) => Err(Problem::invalid(
            "bin",
            "bin_malformed",
            "expected the first 6 to 8 digits of the card",
        )),
        _ => Ok(()),
    }
}

/// The client's wish. Gates: restrictions, KYC and the entity's limit for the unverified, the
/// method's currencies and amounts.
pub async fn create(tx: &mut Tx, core: &Core, caller: &Caller, facts: ClientFacts, req: NewDeposit) -> Result<DepositView> {
    acts_for(caller, &facts.client_id, Right::MeDeposit)?;
    let now = core.now();
    let amount = req.amount.positive("amount")?;
    not_stopped(&facts)?;
    bin_ok(req.bin.as_deref())?;
    let m = offered(&facts, &req.method, amount)?;
    if let Some(limit) = facts.unverified_limit.filter(|_| !facts.kyc_approved) {
        let so_far = store::open_or_received(tx, &facts.client_id).await?;
        let other = so_far.iter().any(|(c, m)| *c != limit.currency && *m > 0) || amount.currency != limit.currency;
        let sum = so_far
            .iter()
            .filter(|(c, _)| *c == limit.currency)
            .map(|(_, m)| m)
            .sum::<i64>()
            .saturating_add(amount.minor);
        if other || sum > limit.minor {
            return Err(Problem::conflict(
                "kyc_required",
                format!("before verification this entity accepts deposits up to {limit} in all; finish the verification first"),
            ));
        }
    }
    let account_id = match req.account_id {
        None => None,
        Some(id) => {
            let a = qd_trading::accounts::get(tx, core, caller, id).await?;
            if a.client_id != facts.client_id {
                return Err(Problem::missing("trading account"));
            }
            if a.kind != qd_trading::AccountKind::Live {
                return Err(Problem::invalid("account_id", "account_is_demo", "expected a live account"));
            }
            if matches!(a.state, AccountState::Failed | AccountState::Closed) {
                return Err(Problem::conflict(
                    "account_not_ready",
                    format!("this account is {}; deposit to the wallet or another account", a.state),
                ));
            }
            if a.currency != amount.currency {
                return Err(Problem::invalid(
                    "amount.currency",
                    "currency_mismatch",
                    format!("expected {}, the account's currency", a.currency),
                ));
            }
            Some(a.id.to_string())
        }
    };
    let ask = Ask {
        client: &facts,
        method: m,
        amount,
        bin: req.bin.as_deref(),
        tried: &[],
    };
    let route = routing::route(tx, core, &ask).await?;
    let d = DepositRow {
        id: DepositId::new(&core.env),
        client_id: facts.client_id.clone(),
        entity: facts.entity.clone(),
        account_id,
        method: m.method.clone(),
        connection: route.connection.clone(),
        amount_minor: amount.minor,
        currency: amount.currency,
        state: DepositState::Created,
        provider_ref: None,
        payment_ref: None,
        redirect_url: None,
        failure_code: None,
        soft_failure: false,
        received_minor: 0,
        returned_minor: 0,
        dispute_state: None,
        fee_minor: None,
        fee_currency: None,
        instrument: None,
        first_deposit: false,
        device: caller.device.clone(),
        ip: caller.ip.clone(),
        locale: facts.locale.clone(),
        held_reason: None,
        left_in_wallet: false,
        created_at: now,
        expires_at: now.plus_secs(SESSION_S),
        received_at: None,
        posted_at: None,
        changed_at: now,
        version: 1,
    };
    store::insert_deposit(tx, &d).await?;
    note(tx, core, caller, "deposit.created", &d, None, None).await?;
    events::publish(tx, core, event("deposit.created", &d)).await?;
    attempt::begin(tx, core, &d, 1, &facts, &route).await?;
    view(tx, core, d).await
}

/// Of an attempt: a job of another one, waiting for its time, keeps it from nothing.
fn lane(our_ref: &str) -> String {
    format!("deposit:{our_ref}")
}

fn event(kind: &'static str, d: &DepositRow) -> NewEvent {
    NewEvent {
        kind,
        aggregate: format!("deposit:{}", d.id),
        entity: Some(d.entity.clone()),
        payload: json!({
            "client_id": d.client_id, "deposit_id": d.id, "state": d.state, "method": d.method,
            "amount": Amount::new(if d.received_minor > 0 { d.received_minor } else { d.amount_minor }, d.currency),
            "connection": d.connection, "account_id": d.account_id, "failure_code": d.failure_code, "first": d.first_deposit,
        }),
    }
}

async fn note(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    action: &'static str,
    d: &DepositRow,
    before: Option<DepositState>,
    why: Option<String>,
) -> Result<()> {
    audit::record(
        tx,
        core,
        audit::Entry {
            caller,
            action,
            object: format!("deposit:{}", d.id),
            client_id: Some(d.client_id.clone()),
            entity: Some(d.entity.clone()),
            before: before.map(|s| json!({"state": s})),
            after: Some(json!({"state": d.state, "amount": Amount::new(d.amount_minor, d.currency), "method": d.method, "connection": d.connection, "provider_ref": d.provider_ref, "failure_code": d.failure_code, "received_minor": d.received_minor})),
            reason: why,
            rule: None,
            seen: None,
        },
    )
    .await
    .map(|_| ())
}

/// A deposit that nobody asked for: its money came by bank.
pub(crate) async fn arrived(tx: &mut Tx, core: &Core, caller: &Caller, d: &DepositRow) -> Result<()> {
    store::insert_deposit(tx, d).await?;
    let mut d = d.clone();
    note(tx, core, caller, "deposit.created", &d, None, None).await?;
    events::publish(tx, core, event("deposit.created", &d)).await?;
    // What it came under is noted as a provider's answer would be.
    save(tx, &mut d).await
}

/// Persists a change of state with its event and audit row. The version is the lock.
async fn go(tx: &mut Tx, core: &Core, caller: &Caller, d: &mut DepositRow, to: DepositState, why: Option<String>) -> Result<()> {
    let before = d.state;
    d.state = to;
    d.changed_at = core.now();
    save(tx, d).await?;
    note(tx, core, caller, "deposit.state_changed", d, Some(before), why).await?;
    events::publish(tx, core, event("deposit.state", d)).await.map(|_| ())
}

async fn save(tx: &mut Tx, d: &mut DepositRow) -> Result<()> {
    if !store::update_deposit(tx, d).await? {
        return Err(Problem::unavailable(
            "deposit_changed",
            "this deposit was changed by another worker",
        ));
    }
    d.version += 1;
    Ok(())
}

pub(crate) async fn load(tx: &mut Tx, id: DepositId) -> Result<DepositRow> {
    store::deposit(tx, id).await?.ok_or_else(|| Problem::missing("deposit"))
}

/// The question to the provider, asked again until there is an answer: a callback that never comes
/// loses nobody's money.
pub(crate) async fn check_later(tx: &mut Tx, core: &Core, a: &AttemptRow, after_s: i64) -> Result<()> {
    let due = core.now().plus_secs(after_s);
    jobs::enqueue(
        tx,
        core,
        NewJob {
            run_at: due,
            ..NewJob::new("deposit.check", json!({"deposit_id": a.deposit_id, "n": a.n, "watch": true}), due)
        }
        .key(format!("{}:{}", a.our_ref, due.secs()))
        .lane(lane(&a.our_ref))
        .attempts(ATTEMPTS),
    )
    .await
    .map(|_| ())
}

/// Asked about for [`ASK_FOR_S`] and neither confirmed nor denied: from here on a person asks.
pub(crate) async fn never_ended(tx: &mut Tx, core: &Core, d: &DepositRow) -> Result<()> {
    let why = format!(
        "{} has neither confirmed nor denied this payment in {} days; it is not asked about any more",
        d.connection,
        ASK_FOR_S / 86_400
    );
    held(tx, core, d, "deposit.no_answer", "deposit_never_ended", &why, Value::Null).await
}

async fn book(tx: &mut Tx, core: &Core, d: &DepositRow, step: &str, from: AccountKey, to: AccountKey, minor: i64) -> Result<()> {
    book_amount(tx, core, d, step, from, to, Amount::new(minor, d.currency)).await
}

async fn book_amount(tx: &mut Tx, core: &Core, d: &DepositRow, step: &str, from: AccountKey, to: AccountKey, amount: Amount) -> Result<()> {
    qd_ledger::post(
        tx,
        core,
        NewEntry {
            kind: "deposit",
            reference: format!("deposit:{}:{step}", d.id),
            legs: vec![
                Leg {
                    account: from,
                    minor: -amount.minor,
                },
                Leg {
                    account: to,
                    minor: amount.minor,
                },
            ],
            source: format!(
                "{} {}",
                d.connection,
                d.payment_ref.as_deref().or(d.provider_ref.as_deref()).unwrap_or("-")
            ),
            value_at: core.now(),
            note: None,
            fx: None,
        },
    )
    .await
    .map(|_| ())
}

//! From the wallet to the trading account, or back from it; release and cancelling.

use super::attempt::cancelled;
use super::{Command, DepositState, DepositView, Effect, announce, book, decide, event, go, held, is_first, load, scoped, view};
use crate::store::DepositRow;
use crate::{ATTEMPTS, DepositId, purpose, reason, wallet};
use qd_db::Tx;
use qd_kernel::{Amount, Problem, Result};
use qd_ledger::{AccountKey, Purpose};
use qd_runtime::access::{Caller, Right};
use qd_runtime::events;
use qd_runtime::jobs::{self, NewJob};
use qd_runtime::{Core, exceptions};
use qd_trading::moves::{self, NewMove};
use qd_trading::{AccountState, Direction, MoveKind, TradingAccountId};
use serde_json::{Value, json};

/// From the wallet to the trading account that was named; without one the wallet is the goal. An
/// account that is still being opened is waited for: the money is safe in the wallet meanwhile.
pub(super) async fn onward(tx: &mut Tx, core: &Core, who: &Caller, mut d: DepositRow) -> Result<()> {
    if d.account_id.is_none() {
        d.posted_at = Some(core.now());
        return go(tx, core, who, &mut d, DepositState::Posted, None).await;
    }
    match to_account(tx, core, &d).await {
        Err(p) if p.is(ACCOUNT_NOT_READY) => {
            let job = NewJob::new("deposit.onward", json!({"deposit_id": d.id}), core.now())
                .key(d.id.to_string())
                .after_secs(2)
                .attempts(ATTEMPTS);
            jobs::enqueue(tx, core, job).await.map(|_| ())
        }
        other => other,
    }
}

const ACCOUNT_NOT_READY: &str = "account_not_ready";

async fn to_account(tx: &mut Tx, core: &Core, d: &DepositRow) -> Result<()> {
    let Some(account_id) = d.account_id.as_deref().map(TradingAccountId::parse).transpose()? else {
        return Ok(());
    };
    let amount = Amount::new(d.received_minor, d.currency);
    moves::request(
        tx,
        core,
        NewMove {
            account_id,
            direction: Direction::ToPlatform,
            kind: MoveKind::Balance,
            amount,
            purpose: purpose("deposit", d.id),
        },
    )
    .await
    .map(|_| ())
}

/// Tries [`onward`] again; true: still to be waited for. An account that will never be open, or
/// money that the client has used otherwise meanwhile, ends it in the wallet, and a person is told.
pub(crate) async fn onward_again(tx: &mut Tx, core: &Core, id: DepositId) -> Result<bool> {
    let d = load(tx, id).await?;
    if d.state != DepositState::Succeeded {
        return Ok(false);
    }
    let why = match to_account(tx, core, &d).await {
        Ok(()) => return Ok(false),
        Err(p) if p.is(ACCOUNT_NOT_READY) => {
            let account = d.account_id.as_deref().map(TradingAccountId::parse).transpose()?;
            let state = match account {
                Some(a) => {
                    qd_trading::accounts::get(tx, core, &Caller::system("job:deposit.onward"), a)
                        .await?
                        .state
                }
                None => AccountState::Closed,
            };
            if !matches!(state, AccountState::Failed | AccountState::Closed)
                && core.now().secs_since(d.received_at.unwrap_or(d.created_at)) < WAIT_FOR_ACCOUNT_S
            {
                return Ok(true);
            }
            format!("the trading account is {state}")
        }
        Err(p) if p.is(qd_ledger::INSUFFICIENT_FUNDS) => "the client has used the money otherwise".to_string(),
        Err(p) => return Err(p),
    };
    held(
        tx,
        core,
        &d,
        "deposit.not_credited",
        "deposit_left_in_wallet",
        &format!("the deposit stays in the wallet: {why}"),
        Value::Null,
    )
    .await?;
    in_wallet(tx, core, &Caller::system("job:deposit.onward"), d, &why).await
}

/// How long a deposit waits for its account to be opened.
const WAIT_FOR_ACCOUNT_S: i64 = 3 * 86_400;

async fn in_wallet(tx: &mut Tx, core: &Core, who: &Caller, mut d: DepositRow, why: &str) -> Result<bool> {
    if let Effect::Go(to) = decide(d.state, Command::Posted) {
        d.posted_at = Some(core.now());
        d.left_in_wallet = true;
        go(tx, core, who, &mut d, to, Some(why.to_string())).await?;
    }
    Ok(false)
}

/// The platform booked it.
pub(crate) async fn posted(tx: &mut Tx, core: &Core, id: DepositId) -> Result<()> {
    let mut d = load(tx, id).await?;
    if let Effect::Go(to) = decide(d.state, Command::Posted) {
        d.posted_at = Some(core.now());
        go(tx, core, &Caller::system("job:trading.move"), &mut d, to, None).await?;
        events::publish(tx, core, event("deposit.credited", &d)).await?;
    }
    Ok(())
}

/// The platform refused it and a person gave it back: it stays in the wallet, which is where it is.
pub(crate) async fn given_back(tx: &mut Tx, core: &Core, id: DepositId) -> Result<()> {
    let d = load(tx, id).await?;
    in_wallet(
        tx,
        core,
        &Caller::system("job:trading.move"),
        d,
        "the platform refused it; given back to the wallet",
    )
    .await
    .map(|_| ())
}

/// The exceptions that a held deposit may have opened.
pub(super) const HELD: [&str; 4] = [
    "deposit.held",
    "deposit.amount_differs",
    "deposit.refund_failed",
    "deposit.paid_twice",
];

/// A person lets a held deposit go on.
pub async fn release(tx: &mut Tx, core: &Core, caller: &Caller, id: DepositId, why: &str) -> Result<DepositView> {
    caller.require(Right::DepositsManage)?;
    let why = reason(why)?;
    let mut d = scoped(tx, caller, id).await?;
    match decide(d.state, Command::Released) {
        Effect::Release => {
            d.first_deposit = is_first(tx, core, &d).await?;
            go(tx, core, caller, &mut d, DepositState::Succeeded, Some(why.clone())).await?;
            let suspense = AccountKey {
                owner: format!("client:{}", d.client_id),
                purpose: Purpose::Suspense,
                currency: d.currency,
            };
            book(
                tx,
                core,
                &d,
                "released",
                suspense,
                wallet(&d.client_id, d.currency),
                d.received_minor,
            )
            .await?;
            for kind in HELD {
                exceptions::resolve(tx, core, kind, &format!("deposit:{}", d.id), &why).await?;
            }
            announce(tx, core, &d).await?;
            onward(tx, core, caller, d.clone()).await?;
            d = load(tx, id).await?;
        }
        Effect::Nothing => {}
        _ => {
            return Err(Problem::conflict(
                "deposit_not_held",
                format!("only a held deposit can be released; this one is {}", d.state),
            ));
        }
    }
    view(tx, core, d).await
}

/// The client gives up before paying. A payment that arrives all the same is still taken.
pub async fn cancel(tx: &mut Tx, core: &Core, caller: &Caller, id: DepositId) -> Result<DepositView> {
    let mut d = scoped(tx, caller, id).await?;
    if caller.client_id().is_err() {
        caller.require(Right::DepositsManage)?;
    }
    match decide(d.state, Command::CancelledByClient) {
        Effect::Go(to) => {
            go(tx, core, caller, &mut d, to, None).await?;
            cancelled(tx, core, &d).await?;
        }
        Effect::Nothing => {}
        _ => {
            return Err(Problem::conflict(
                "deposit_not_cancellable",
                format!("a deposit that is {} cannot be cancelled", d.state),
            ));
        }
    }
    view(tx, core, d).await
}

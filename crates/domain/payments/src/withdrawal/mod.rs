//! Withdrawals: the money is taken off the platform first, then held in the wallet, then decided
//! about, then sent back to where it came from. At each moment it is at one named place.

mod checks;
mod deciding;
mod model;
mod pay;
mod report;
mod review;
mod split;
mod turns;
mod view;

pub use checks::{ChangesCheck, Checks, DeviceCheck, FundsCheck, KycCheck, SourceCheck, checks};
pub(crate) use deciding::ask_rules;
pub use model::{
    Command, Effect, LegEffect, LegKind, LegState, PlannedLeg, Queue, RestTo, Source, SourceOrder, WithdrawalState, decide, leg,
    split_to_sources,
};
pub(crate) use pay::{LegOutcome, SAFE_TO_REPEAT_S, bank_told, leg_reported, leg_sending, leg_unclear, payout_to, start_paying};
pub use pay::{mark_bank_leg, settle_unclear_leg};
pub use report::{QueueFigures, QueueReport, TrialCase, TrialReport, queues, trials};
pub use review::{approve, cancel, claim, hand_over, override_approve, reject};
pub use split::{ORDER, PlanView, Preview, PreviewPart, SplitPart, plan, preview, split};
pub use turns::TurnView;
pub use view::{LegView, WithdrawalQuery, WithdrawalView, get, list};

use crate::store::{self, WithdrawalRow};
use crate::{ClientFacts, PayoutTargetId, WithdrawalId, acts_for, purpose, wallet};
use deciding::pay_later;
use qd_db::Tx;
use qd_kernel::{Amount, Problem, Result};
use qd_ledger::NewHold;
use qd_ports::platform::NO_FREE_MARGIN;
use qd_runtime::access::{Caller, Right};
use qd_runtime::events::{self, NewEvent};
use qd_runtime::jobs::{self, NewJob};
use qd_runtime::{Core, audit};
use qd_trading::moves::{self, NewMove};
use qd_trading::{Direction, MoveKind, TradingAccountId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use view::{scoped, view};

/// A withdrawal in review is due after this long, for the queue's clock.
const REVIEW_DUE_S: i64 = 4 * 3_600;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewWithdrawal {
    pub amount: Amount,
    /// The trading account to take it from; None: from the wallet.
    #[serde(default)]
    pub account_id: Option<TradingAccountId>,
    /// One of the client's own accounts, for what exceeds the sources; None: the newest bank account.
    #[serde(default)]
    pub target_id: Option<PayoutTargetId>,
}

/// The same whether the money was held by us or by the move that brought it.
pub(crate) fn hold_ref(id: WithdrawalId) -> String {
    moves::hold_of(&purpose("withdrawal", id))
}

/// The client's request. From the wallet it is held at once or refused; from a trading account the
/// platform is asked first, because only it knows the free margin.
pub async fn request(tx: &mut Tx, core: &Core, caller: &Caller, facts: ClientFacts, req: NewWithdrawal) -> Result<WithdrawalView> {
    acts_for(caller, &facts.client_id, Right::MeWithdraw)?;
    let now = core.now();
    let amount = req.amount.positive("amount")?;
    let least = Amount::new(facts.limits.withdrawal_min_minor, facts.base_currency);
    if facts.base(amount).is_some_and(|b| b < least.minor) {
        return Err(Problem::invalid(
            "amount.minor",
            "amount_below_minimum",
            format!("expected at least {least}"),
        ));
    }
    if let Some(why) = &facts.withdrawals_stopped {
        return Err(Problem::conflict(
            "withdrawals_stopped",
            format!("withdrawals are stopped for this client: {why}"),
        ));
    }
    if !facts.kyc_approved {
        return Err(Problem::conflict("kyc_required", "withdrawals need a finished verification"));
    }
    if let Some(id) = req.target_id {
        let own = store::target(tx, id)
            .await?
            .filter(|t| t.client_id == facts.client_id && t.removed_at.is_none());
        if own.is_none() {
            return Err(Problem::invalid(
                "target_id",
                "target_unknown",
                "expected one of your own accounts to be paid to",
            ));
        }
    }
    let mut w = WithdrawalRow {
        id: WithdrawalId::new(&core.env),
        client_id: facts.client_id.clone(),
        entity: facts.entity.clone(),
        account_id: req.account_id.map(|a| a.to_string()),
        amount_minor: amount.minor,
        currency: amount.currency,
        state: if req.account_id.is_some() {
            WithdrawalState::Collecting
        } else {
            WithdrawalState::Deciding
        },
        approval_id: None,
        approvals_needed: 0,
        rule: None,
        signals: "[]".into(),
        reason_code: None,
        reason_text: None,
        desk: "finance".into(),
        claimed_by: None,
        device: caller.device.clone(),
        ip: caller.ip.clone(),
        due_at: None,
        requested_at: now,
        decided_at: None,
        approved_at: None,
        paid_at: None,
        changed_at: now,
        target_id: req.target_id,
        split: None,
        queue: Queue::None,
        reviewed_at: None,
        version: 1,
    };
    match req.account_id {
        None => {
            store::insert_withdrawal(tx, &w).await?;
            hold(tx, core, &w).await?;
            decide_later(tx, core, &w).await?;
        }
        Some(account_id) => {
            let a = qd_trading::accounts::get(tx, core, caller, account_id).await?;
            if a.client_id != facts.client_id {
                return Err(Problem::missing("trading account"));
            }
            if a.kind != qd_trading::AccountKind::Live {
                return Err(Problem::invalid("account_id", "account_is_demo", "expected a live account"));
            }
            if a.currency != amount.currency {
                return Err(Problem::invalid(
                    "amount.currency",
                    "currency_mismatch",
                    format!("expected {}, the account's currency", a.currency),
                ));
            }
            store::insert_withdrawal(tx, &w).await?;
            moves::request(
                tx,
                core,
                NewMove {
                    account_id,
                    direction: Direction::FromPlatform,
                    kind: MoveKind::Balance,
                    amount,
                    purpose: purpose("withdrawal", w.id),
                },
            )
            .await?;
        }
    }
    note(
        tx,
        core,
        caller,
        "withdrawal.requested",
        &w,
        None,
        None,
        Some(json!({"device": w.device, "ip": w.ip})),
    )
    .await?;
    tell(tx, core, &w).await?;
    w = load(tx, w.id).await?;
    view(tx, core, caller, w).await
}

async fn hold(tx: &mut Tx, core: &Core, w: &WithdrawalRow) -> Result<()> {
    qd_ledger::hold(
        tx,
        core,
        NewHold {
            account: wallet(&w.client_id, w.currency),
            minor: w.amount_minor,
            reference: hold_ref(w.id),
            expires_at: None,
        },
    )
    .await
    .map(|_| ())
}

async fn decide_later(tx: &mut Tx, core: &Core, w: &WithdrawalRow) -> Result<()> {
    jobs::enqueue(
        tx,
        core,
        NewJob::new("withdrawal.decide", json!({"withdrawal_id": w.id}), core.now())
            .key(w.id.to_string())
            .lane(lane(w.id))
            .attempts(50),
    )
    .await
    .map(|_| ())
}

pub(crate) fn lane(id: WithdrawalId) -> String {
    format!("withdrawal:{id}")
}

pub(crate) async fn load(tx: &mut Tx, id: WithdrawalId) -> Result<WithdrawalRow> {
    store::withdrawal(tx, id).await?.ok_or_else(|| Problem::missing("withdrawal"))
}

pub(super) async fn save(tx: &mut Tx, w: &mut WithdrawalRow) -> Result<()> {
    if !store::update_withdrawal(tx, w).await? {
        return Err(Problem::unavailable(
            "withdrawal_changed",
            "this withdrawal was changed a moment ago; try again",
        ));
    }
    w.version += 1;
    Ok(())
}

pub(crate) async fn go(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    w: &mut WithdrawalRow,
    to: WithdrawalState,
    why: Option<String>,
    seen: Option<Value>,
) -> Result<()> {
    let before = w.state;
    w.state = to;
    w.changed_at = core.now();
    if before == WithdrawalState::Review {
        w.reviewed_at = Some(core.now());
    }
    save(tx, w).await?;
    if before == WithdrawalState::Review {
        turns::end(tx, core, w, w.claimed_by.clone(), None).await?;
    }
    note(tx, core, caller, "withdrawal.state_changed", w, Some(before), why, seen).await?;
    tell(tx, core, w).await
}

async fn note(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    action: &'static str,
    w: &WithdrawalRow,
    before: Option<WithdrawalState>,
    why: Option<String>,
    seen: Option<Value>,
) -> Result<()> {
    audit::record(
        tx,
        core,
        audit::Entry {
            caller,
            action,
            object: format!("withdrawal:{}", w.id),
            client_id: Some(w.client_id.clone()),
            entity: Some(w.entity.clone()),
            before: before.map(|s| json!({"state": s})),
            after: Some(json!({"state": w.state, "amount": Amount::new(w.amount_minor, w.currency), "desk": w.desk, "reason_code": w.reason_code, "claimed_by": w.claimed_by})),
            reason: why,
            rule: w.rule.clone(),
            seen,
        },
    )
    .await
    .map(|_| ())
}

async fn tell(tx: &mut Tx, core: &Core, w: &WithdrawalRow) -> Result<()> {
    let kind = match w.state {
        WithdrawalState::Paid => "withdrawal.paid",
        WithdrawalState::Returned => "withdrawal.returned",
        _ => "withdrawal.state",
    };
    events::publish(
        tx,
        core,
        NewEvent {
            kind,
            aggregate: format!("withdrawal:{}", w.id),
            entity: Some(w.entity.clone()),
            payload: json!({"client_id": w.client_id, "withdrawal_id": w.id, "state": w.state, "amount": Amount::new(w.amount_minor, w.currency), "reason_code": w.reason_code}),
        },
    )
    .await
    .map(|_| ())
}

/// The platform gave the money: it is in the wallet, held there since it came (`moves::hold_of`).
pub(crate) async fn collected(tx: &mut Tx, core: &Core, id: WithdrawalId) -> Result<()> {
    let mut w = load(tx, id).await?;
    if let Effect::Go(to) = decide(w.state, Command::Collected) {
        go(tx, core, &Caller::system("job:trading.move"), &mut w, to, None, None).await?;
        hold(tx, core, &w).await?;
        decide_later(tx, core, &w).await?;
    }
    Ok(())
}

/// The platform refused: not enough free margin, most often. Anything else is a matter for the
/// house, not for the client.
pub(crate) async fn collect_refused(tx: &mut Tx, core: &Core, id: WithdrawalId, code: Option<String>) -> Result<()> {
    let mut w = load(tx, id).await?;
    if let Effect::Go(to) = decide(w.state, Command::CollectRefused) {
        let margin = code.as_deref() == Some(NO_FREE_MARGIN);
        w.reason_code = Some(if margin { NO_FREE_MARGIN.into() } else { "platform_refused".into() });
        w.reason_text = code.filter(|_| !margin);
        go(tx, core, &Caller::system("job:trading.move"), &mut w, to, None, None).await?;
    }
    Ok(())
}

/// The row's client and state, for the job that asks the rules.
pub(crate) async fn client_of(tx: &mut Tx, id: WithdrawalId) -> Result<(String, Option<String>)> {
    let w = load(tx, id).await?;
    Ok((w.client_id, w.device))
}

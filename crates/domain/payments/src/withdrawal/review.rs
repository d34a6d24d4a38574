//! What people decide about a withdrawal.

use super::split::plan_of;
use super::turns;
use super::{
    Command, Effect, Queue, REVIEW_DUE_S, WithdrawalState, WithdrawalView, decide, go, hold_ref, note, pay_later, save, scoped, tell, view,
};
use crate::store::WithdrawalRow;
use crate::{WithdrawalId, reason, wallet};
use qd_db::Tx;
use qd_kernel::{Amount, Problem, Result};
use qd_runtime::access::{Caller, Right};
use qd_runtime::approvals::{self, ApprovalId, Outcome};
use qd_runtime::events::{self, NewEvent};
use qd_runtime::{Core, exceptions};
use serde_json::{Value, json};

/// What the person had before them when they decided: kept with the vote.
pub(super) async fn seen(tx: &mut Tx, w: &WithdrawalRow) -> Result<Value> {
    let plan = plan_of(tx, w).await?;
    let wallet = qd_ledger::balance(tx, &wallet(&w.client_id, w.currency)).await?;
    Ok(json!({
        "amount": Amount::new(w.amount_minor, w.currency), "signals": serde_json::from_str::<Value>(&w.signals)?, "rule": w.rule, "device": w.device, "ip": w.ip,
        "wallet_minor": wallet.balance_minor, "held_minor": wallet.held_minor,
        "plan": plan.iter().map(|l| json!({"amount_minor": l.amount_minor, "deposit_id": l.source.as_ref().map(|s| s.deposit_id.clone()), "to": l.source.as_ref().map_or("bank", |s| s.connection.as_str())})).collect::<Vec<_>>(),
        "version": w.version,
    }))
}

/// One person's yes. The last one needed sends it on its way.
pub async fn approve(tx: &mut Tx, core: &Core, caller: &Caller, id: WithdrawalId, why: Option<String>) -> Result<WithdrawalView> {
    caller.require(Right::WithdrawalsApprove)?;
    let mut w = scoped(tx, caller, id).await?;
    match decide(w.state, Command::PeopleApproved) {
        Effect::Refuse => {
            return Err(Problem::conflict(
                "withdrawal_not_in_review",
                format!("a withdrawal that is {} cannot be approved", w.state),
            ));
        }
        Effect::Nothing => return view(tx, core, caller, w).await,
        Effect::Go(to) => {
            let seen = seen(tx, &w).await?;
            // Taking the row first: two last votes at once must not both send it.
            save(tx, &mut w).await?;
            let approval = ApprovalId::parse(w.approval_id.as_deref().unwrap_or_default())?;
            match approvals::vote(tx, core, caller, approval, true, why.as_deref().unwrap_or_default(), seen.clone()).await? {
                Outcome::Waiting { given, needed } => {
                    note(
                        tx,
                        core,
                        caller,
                        "withdrawal.approval_given",
                        &w,
                        None,
                        Some(format!("{given} of {needed}")),
                        Some(seen),
                    )
                    .await?
                }
                Outcome::Approved => {
                    w.approved_at = Some(core.now());
                    go(tx, core, caller, &mut w, to, why, Some(seen)).await?;
                    pay_later(tx, core, &w).await?;
                }
                Outcome::Refused => return Err(Problem::conflict("approval_refused", "this approval was refused before")),
            }
        }
    }
    view(tx, core, caller, w).await
}

/// A person's no, with a coded reason for the client; the money becomes usable in the wallet.
pub async fn reject(tx: &mut Tx, core: &Core, caller: &Caller, id: WithdrawalId, code: &str, why: &str) -> Result<WithdrawalView> {
    caller.require(Right::WithdrawalsReview)?;
    let why = reason(why)?;
    if code.is_empty() || code.len() > 60 || !code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
        return Err(Problem::invalid(
            "reason_code",
            "reason_code_malformed",
            "expected a reason code in snake_case",
        ));
    }
    let mut w = scoped(tx, caller, id).await?;
    match decide(w.state, Command::Rejected) {
        Effect::Refuse => {
            return Err(Problem::conflict(
                "withdrawal_not_in_review",
                format!("a withdrawal that is {} cannot be rejected", w.state),
            ));
        }
        Effect::Nothing => {}
        Effect::Go(to) => {
            let seen = seen(tx, &w).await?;
            w.reason_code = Some(code.to_string());
            w.reason_text = Some(why.clone());
            go(tx, core, caller, &mut w, to, Some(why.clone()), Some(seen)).await?;
            qd_ledger::release(tx, core, &hold_ref(id)).await?;
            close_approval(tx, core, caller, &w, &why).await?;
        }
    }
    view(tx, core, caller, w).await
}

async fn close_approval(tx: &mut Tx, core: &Core, caller: &Caller, w: &WithdrawalRow, why: &str) -> Result<()> {
    match w.approval_id.as_deref() {
        Some(a) => approvals::cancel(tx, core, caller, ApprovalId::parse(a)?, why).await,
        None => Ok(()),
    }
}

/// Forces a withdrawal through against the rules. The reason is compulsory and the weekly
/// exception report shows it (PM-16, SE-06).
pub async fn override_approve(tx: &mut Tx, core: &Core, caller: &Caller, id: WithdrawalId, why: &str) -> Result<WithdrawalView> {
    caller.require(Right::WithdrawalsOverride)?;
    let why = reason(why)?;
    let mut w = scoped(tx, caller, id).await?;
    match decide(w.state, Command::Overridden) {
        Effect::Refuse => {
            return Err(Problem::conflict(
                "withdrawal_not_in_review",
                format!("a withdrawal that is {} cannot be forced", w.state),
            ));
        }
        Effect::Nothing => {}
        Effect::Go(to) => {
            let seen = seen(tx, &w).await?;
            w.approved_at = Some(core.now());
            w.rule = Some("manual_override".into());
            go(tx, core, caller, &mut w, to, Some(why.clone()), Some(seen)).await?;
            close_approval(tx, core, caller, &w, &why).await?;
            let subject = format!("withdrawal:{id}");
            exceptions::raise(
                tx,
                core,
                exceptions::NewException {
                    kind: "withdrawal.override",
                    subject: subject.clone(),
                    entity: Some(w.entity.clone()),
                    client_id: Some(w.client_id.clone()),
                    owner_role: "compliance",
                    rule: "manual_override",
                    cause: format!(
                        "{} forced a withdrawal of {}: {why}",
                        caller.label(),
                        Amount::new(w.amount_minor, w.currency)
                    ),
                    detail: json!({"withdrawal_id": id, "signals": serde_json::from_str::<Value>(&w.signals)?, "by": caller.id()}),
                    retry: None,
                },
            )
            .await?;
            pay_later(tx, core, &w).await?;
        }
    }
    view(tx, core, caller, w).await
}

/// The client changes their mind while that is possible; the money is usable in the wallet.
pub async fn cancel(tx: &mut Tx, core: &Core, caller: &Caller, id: WithdrawalId) -> Result<WithdrawalView> {
    let mut w = scoped(tx, caller, id).await?;
    if caller.client_id().is_err() {
        caller.require(Right::WithdrawalsReview)?;
    }
    match decide(w.state, Command::CancelledByClient) {
        Effect::Refuse => {
            return Err(Problem::conflict(
                "withdrawal_not_cancellable",
                format!("a withdrawal that is {} cannot be cancelled any more", w.state),
            ));
        }
        Effect::Nothing => {}
        Effect::Go(to) => {
            go(tx, core, caller, &mut w, to, None, None).await?;
            qd_ledger::release(tx, core, &hold_ref(id)).await?;
            close_approval(tx, core, caller, &w, "the request was taken back").await?;
        }
    }
    view(tx, core, caller, w).await
}

/// Hands a case over between finance and compliance, with a comment (PM-20).
pub async fn hand_over(tx: &mut Tx, core: &Core, caller: &Caller, id: WithdrawalId, desk: &str, comment: &str) -> Result<WithdrawalView> {
    caller.require(Right::WithdrawalsReview)?;
    let comment = reason(comment)?;
    if !matches!(desk, "finance" | "compliance") {
        return Err(Problem::invalid("desk", "value_unknown", "expected finance or compliance"));
    }
    let mut w = in_review(tx, caller, id).await?;
    let owner = w.claimed_by.take();
    let due = core.now().plus_secs(REVIEW_DUE_S);
    w.desk = desk.to_string();
    w.due_at = Some(due);
    w.changed_at = core.now();
    if desk == "compliance" {
        w.queue = Queue::HighRisk;
    }
    save(tx, &mut w).await?;
    turns::end(tx, core, &w, owner, Some((caller, &comment))).await?;
    turns::begin(tx, core, &w, due).await?;
    note(tx, core, caller, "withdrawal.handed_over", &w, None, Some(comment), None).await?;
    tell(tx, core, &w).await?;
    view(tx, core, caller, w).await
}

/// Takes a case from the queue, or puts it back (BO-02).
pub async fn claim(tx: &mut Tx, core: &Core, caller: &Caller, id: WithdrawalId, take: bool) -> Result<WithdrawalView> {
    caller.require(Right::WithdrawalsReview)?;
    let mut w = in_review(tx, caller, id).await?;
    let me = caller.id();
    match (&w.claimed_by, take) {
        (Some(by), true) if *by != me => return Err(Problem::conflict("claimed_by_other", format!("{by} works on this case"))),
        (Some(by), false) if *by != me => return Err(Problem::conflict("claimed_by_other", format!("{by} works on this case"))),
        (Some(_), true) | (None, false) => {}
        (None, true) => w.claimed_by = Some(me),
        (Some(_), false) => w.claimed_by = None,
    }
    w.changed_at = core.now();
    save(tx, &mut w).await?;
    let what = if take { "withdrawal.claimed" } else { "withdrawal.released" };
    note(tx, core, caller, what, &w, None, None, None).await?;
    // Whoever has it open sees at once in whose hands it is; its client does not.
    events::publish(
        tx,
        core,
        NewEvent {
            kind: what,
            aggregate: format!("withdrawal:{id}"),
            entity: Some(w.entity.clone()),
            payload: json!({"client_id": w.client_id, "withdrawal_id": id, "reviewer_id": w.claimed_by}),
        },
    )
    .await?;
    view(tx, core, caller, w).await
}

async fn in_review(tx: &mut Tx, caller: &Caller, id: WithdrawalId) -> Result<WithdrawalRow> {
    let w = scoped(tx, caller, id).await?;
    if w.state != WithdrawalState::Review {
        return Err(Problem::conflict(
            "withdrawal_not_in_review",
            format!("this withdrawal is {}", w.state),
        ));
    }
    Ok(w)
}

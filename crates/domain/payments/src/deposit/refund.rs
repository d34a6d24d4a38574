//! Held money given back to where it came from: by a person, at the provider, with the provider's
//! own report as the end of it.

use super::{Command, DepositState, DepositView, Effect, book, decide, go, load, scoped, view};
use crate::store::{self, RefundRow};
use crate::withdrawal::{LegEffect, LegState, leg};
use crate::{ATTEMPTS, DepositId, clearing, reason};
use qd_db::Tx;
use qd_kernel::{Amount, Currency, Problem, Result};
use qd_ledger::{AccountKey, Purpose};
use qd_ports::CallError;
use qd_ports::psp::{RefundReport, RefundState};
use qd_runtime::access::{Caller, Right};
use qd_runtime::jobs::{self, NewJob};
use qd_runtime::{Core, exceptions};
use serde_json::json;

pub(crate) const JOB: &str = "deposit.refund";

fn place(client_id: &str, purpose: Purpose, currency: Currency) -> AccountKey {
    AccountKey {
        owner: format!("client:{client_id}"),
        purpose,
        currency,
    }
}

/// A person gives a held deposit back: from the suspense account to the payout transit, and a job
/// asks the provider.
pub async fn refund(tx: &mut Tx, core: &Core, caller: &Caller, id: DepositId, why: &str) -> Result<DepositView> {
    caller.require(Right::DepositsManage)?;
    let why = reason(why)?;
    let mut d = scoped(tx, caller, id).await?;
    match decide(d.state, Command::RefundAsked) {
        Effect::Go(to) => {
            let Some(payment_ref) = d.payment_ref.clone() else {
                return Err(Problem::conflict(
                    "deposit_no_payment",
                    "the provider has not named the payment that could be refunded",
                ));
            };
            let n = store::count_refunds(tx, id).await? + 1;
            let row = RefundRow {
                deposit_id: id,
                n,
                connection: d.connection.clone(),
                payment_ref,
                amount_minor: d.received_minor,
                currency: d.currency,
                state: LegState::Planned,
                our_ref: format!("{id}-r{n}"),
                provider_ref: None,
                failure_code: None,
                asked_by: caller.id(),
                reason: why.clone(),
                asked_at: core.now(),
                first_sent_at: None,
                done_at: None,
                version: 1,
            };
            go(tx, core, caller, &mut d, to, Some(why.clone())).await?;
            store::insert_refund(tx, &row).await?;
            let (from, to) = (Purpose::Suspense, Purpose::PayoutTransit);
            let key = |p| place(&d.client_id, p, d.currency);
            book(tx, core, &d, &format!("refund_asked_{n}"), key(from), key(to), d.received_minor).await?;
            for kind in super::onward::HELD {
                exceptions::resolve(tx, core, kind, &format!("deposit:{}", d.id), &why).await?;
            }
            let job = NewJob::new(JOB, json!({"deposit_id": id, "n": n}), core.now())
                .lane(row.our_ref.clone())
                .key(row.our_ref)
                .attempts(ATTEMPTS);
            jobs::enqueue(tx, core, job).await?;
        }
        Effect::Nothing => {}
        _ => {
            return Err(Problem::conflict(
                "deposit_not_held",
                format!("only a held deposit can be given back; this one is {}", d.state),
            ));
        }
    }
    view(tx, core, d).await
}

/// Committed before the call leaves; None when it has ended.
pub(crate) async fn sending(tx: &mut Tx, core: &Core, id: DepositId, n: i64) -> Result<Option<RefundRow>> {
    let mut r = store::refund(tx, id, n).await?.ok_or_else(|| Problem::missing("refund"))?;
    if matches!(r.state, LegState::Paid | LegState::Returned) {
        return Ok(None);
    }
    if r.state == LegState::Planned {
        r.state = LegState::Sending;
        r.first_sent_at = Some(core.now());
        store::save_refund(tx, &mut r).await?;
    }
    Ok(Some(r))
}

/// What the provider says: `Err` when it refused for good and nothing left.
pub(crate) async fn reported(
    tx: &mut Tx,
    core: &Core,
    id: DepositId,
    n: i64,
    outcome: std::result::Result<&RefundReport, &CallError>,
) -> Result<()> {
    let mut r = store::refund(tx, id, n).await?.ok_or_else(|| Problem::missing("refund"))?;
    let state = match outcome {
        Ok(report) => {
            let asked = Amount::new(r.amount_minor, r.currency);
            if report.amount != asked {
                return Err(Problem::conflict(
                    "echo_mismatch",
                    format!("the provider reports a refund of {} for {asked}", report.amount),
                ));
            }
            r.provider_ref.get_or_insert_with(|| report.provider_ref.clone());
            r.failure_code.clone_from(&report.failure_code);
            report.state
        }
        Err(e) => {
            r.failure_code = Some(e.code.clone());
            RefundState::Failed
        }
    };
    let who = Caller::system("job:deposit.refund");
    let effect = leg(r.state, state);
    match effect {
        LegEffect::Nothing => return store::save_refund(tx, &mut r).await,
        LegEffect::Pending => {
            r.state = LegState::Pending;
            return store::save_refund(tx, &mut r).await;
        }
        LegEffect::Paid | LegEffect::Failed | LegEffect::CameBack => {}
    }
    let mut d = load(tx, id).await?;
    let transit = place(&d.client_id, Purpose::PayoutTransit, r.currency);
    let outside = clearing(&r.connection, r.currency);
    let suspense = place(&d.client_id, Purpose::Suspense, r.currency);
    r.done_at = Some(core.now());
    r.state = if effect == LegEffect::Paid {
        LegState::Paid
    } else {
        LegState::Returned
    };
    store::save_refund(tx, &mut r).await?;
    let (step, from, to) = match effect {
        LegEffect::Paid => ("refund_paid", transit, outside),
        LegEffect::CameBack => ("refund_came_back", outside, suspense),
        _ => ("refund_failed", transit, suspense),
    };
    book(tx, core, &d, &format!("{step}_{n}"), from, to, r.amount_minor).await?;
    d.returned_minor += match effect {
        LegEffect::Paid => r.amount_minor,
        LegEffect::CameBack => -r.amount_minor,
        _ => 0,
    };
    let command = if effect == LegEffect::Paid {
        Command::RefundPaid
    } else {
        Command::RefundFailed
    };
    if let Effect::Go(to) = decide(d.state, command) {
        go(tx, core, &who, &mut d, to, r.failure_code.clone()).await?;
    }
    if d.state == DepositState::Held {
        let why = format!(
            "{} did not give it back: {}",
            r.connection,
            r.failure_code.as_deref().unwrap_or("no code")
        );
        tell(tx, core, &d, &r, "deposit.refund_failed", "refund_failed", &why).await?;
    }
    Ok(())
}

/// An answer that cannot be trusted, or a window in which repeating is no longer safe: a person looks
/// at the provider; the refund stays as it is.
pub(crate) async fn unclear(tx: &mut Tx, core: &Core, id: DepositId, n: i64, e: &CallError) -> Result<()> {
    let r = store::refund(tx, id, n).await?.ok_or_else(|| Problem::missing("refund"))?;
    let d = load(tx, id).await?;
    let why = format!("the outcome of a refund is unclear: {} {}", e.code, e.detail);
    tell(tx, core, &d, &r, "deposit.refund_unclear", "refund_outcome_unclear", &why).await
}

async fn tell(
    tx: &mut Tx,
    core: &Core,
    d: &crate::store::DepositRow,
    r: &RefundRow,
    kind: &'static str,
    rule: &'static str,
    why: &str,
) -> Result<()> {
    exceptions::raise(
        tx,
        core,
        exceptions::NewException {
            kind,
            subject: format!("deposit:{}", d.id),
            entity: Some(d.entity.clone()),
            client_id: Some(d.client_id.clone()),
            owner_role: "finance",
            rule,
            cause: why.to_string(),
            detail: json!({"deposit_id": d.id, "n": r.n, "connection": r.connection, "provider_ref": r.provider_ref, "our_ref": r.our_ref}),
            retry: None,
        },
    )
    .await
    .map(|_| ())
}

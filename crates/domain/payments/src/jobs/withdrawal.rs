//! Jobs of withdrawals: asking the rules, starting to pay, each leg.

use super::{Ctx, JobResult, field, later, later_as_usual, still_pending};
use crate::WithdrawalId;
use crate::store::{self, LegRow};
use crate::withdrawal::{self, LegKind, LegOutcome, LegState};
use async_trait::async_trait;
use qd_kernel::{Amount, Problem, Result};
use qd_ports::psp::{PayoutReport, PayoutRequest, PayoutState, RefundReport, RefundRequest, RefundState};
use qd_ports::{CallError, CallResult, Fate};
use qd_runtime::jobs::{Handler, JobError, Lease};

/// Asks the rules about a withdrawal.
pub(super) struct Decide(pub(super) Ctx);

#[async_trait]
impl Handler for Decide {
    fn kind(&self) -> &'static str {
        "withdrawal.decide"
    }

    async fn run(&self, lease: &Lease) -> JobResult {
        let core = &self.0.core;
        let id: WithdrawalId = field(&lease.payload, "withdrawal_id")?;
        let (client, device) = core.db.read(async move |tx| withdrawal::client_of(tx, id).await).await?;
        let facts = self.0.facts.facts(&client, device.as_deref()).await?;
        let (c, lease) = (core.clone(), lease.clone());
        core.db
            .write(async move |tx| {
                withdrawal::ask_rules(tx, &c, id, &facts).await?;
                lease.complete(tx).await
            })
            .await?;
        Ok(())
    }
}

pub(super) struct Pay(pub(super) Ctx);

#[async_trait]
impl Handler for Pay {
    fn kind(&self) -> &'static str {
        "withdrawal.pay"
    }

    async fn run(&self, lease: &Lease) -> JobResult {
        let core = &self.0.core;
        let id: WithdrawalId = field(&lease.payload, "withdrawal_id")?;
        let (c, lease) = (core.clone(), lease.clone());
        core.db
            .write(async move |tx| {
                withdrawal::start_paying(tx, &c, id).await?;
                lease.complete(tx).await
            })
            .await?;
        Ok(())
    }
}

/// One leg that a provider sends: a refund, or a payout to a person. Repeatable within the provider's
/// idempotency window: our reference is the key.
pub(super) struct LegJob(pub(super) Ctx);

/// What a provider says of a leg.
enum Told {
    Refund(RefundReport),
    Payout(PayoutReport),
}

impl Told {
    fn outcome(&self) -> LegOutcome<'_> {
        match self {
            Told::Refund(r) => LegOutcome::Report(r),
            Told::Payout(r) => LegOutcome::Payout(r),
        }
    }
    fn pending(&self) -> bool {
        match self {
            Told::Refund(r) => r.state == RefundState::Pending,
            Told::Payout(r) => r.state == PayoutState::Pending,
        }
    }
    fn our_ref(&self) -> Option<&String> {
        match self {
            Told::Refund(r) => r.our_ref.as_ref(),
            Told::Payout(r) => r.our_ref.as_ref(),
        }
    }
}

fn by_payout(l: &LegRow) -> bool {
    l.kind == LegKind::Payout.as_str()
}

#[async_trait]
impl Handler for LegJob {
    fn kind(&self) -> &'static str {
        "withdrawal.leg"
    }

    async fn run(&self, lease: &Lease) -> JobResult {
        let core = &self.0.core;
        let id: WithdrawalId = field(&lease.payload, "withdrawal_id")?;
        let n: i64 = field(&lease.payload, "n")?;
        let c = core.clone();
        let Some(l) = core.db.write(async move |tx| withdrawal::leg_sending(tx, &c, id, n).await).await? else {
            return Ok(());
        };
        // A person may have named it (`settle_unclear_leg`).
        let named: Option<String> = field(&lease.payload, "provider_ref")?;
        if let Some(provider_ref) = l.provider_ref.clone().or(named) {
            return look_at_leg(&self.0, id, n, &provider_ref, Some(lease)).await;
        }
        let Some(connection) = l.connection.clone() else { return Ok(()) };
        let over = l
            .first_sent_at
            .is_some_and(|t| core.now().secs_since(t) > withdrawal::SAFE_TO_REPEAT_S);
        let Some(answer) = self.send(&l, &connection, lease, over).await? else {
            let e = CallError::unknown(
                "window_closed",
                "no answer within the provider's idempotency window; ask the provider before anything else",
            );
            let (c, lease) = (core.clone(), lease.clone());
            core.db
                .write(async move |tx| {
                    withdrawal::leg_unclear(tx, &c, id, n, &e).await?;
                    lease.complete(tx).await
                })
                .await?;
            return Ok(());
        };
        match answer {
            Ok(told) => {
                let pending = told.pending();
                let (c, lease2) = (core.clone(), lease.clone());
                core.db
                    .write(async move |tx| {
                        withdrawal::leg_reported(tx, &c, id, n, told.outcome()).await?;
                        if pending { Ok(()) } else { lease2.complete(tx).await }
                    })
                    .await?;
                if pending {
                    return Err(still_pending(lease));
                }
                Ok(())
            }
            Err(e) if e.fate == Fate::Refused => {
                let (c, lease) = (core.clone(), lease.clone());
                core.db
                    .write(async move |tx| {
                        withdrawal::leg_reported(tx, &c, id, n, LegOutcome::Refused(&e)).await?;
                        lease.complete(tx).await
                    })
                    .await?;
                Ok(())
            }
            Err(e) => {
                self.0.health(&connection, Err(&e)).await;
                if e.raw.is_some() || e.code == "echo_mismatch" {
                    let (c, e2) = (core.clone(), e.clone());
                    core.db
                        .write(async move |tx| withdrawal::leg_unclear(tx, &c, id, n, &e2).await)
                        .await?;
                }
                Err(later(lease, &e))
            }
        }
    }
}

impl LegJob {
    /// None: it may have been sent, and sending again is not safe any more.
    async fn send(&self, l: &LegRow, connection: &str, lease: &Lease, over: bool) -> Result<Option<CallResult<Told>>> {
        let psp = self.0.psps.get(connection)?;
        let amount = Amount::new(l.amount_minor, l.currency);
        if !by_payout(l) {
            let Some(payment_ref) = l.payment_ref.clone().filter(|_| !over) else {
                return Ok(None);
            };
            let req = RefundRequest {
                our_ref: l.our_ref.clone(),
                payment_ref,
                amount,
            };
            return Ok(Some(psp.refund(&req).await.map(Told::Refund)));
        }
        // An answer that never came is asked for before anything is sent again.
        if lease.attempt > 1 {
            match psp.payout_status(&l.our_ref, None).await {
                Err(e) if e.fate == Fate::Refused => {}
                other => return Ok(Some(other.map(Told::Payout))),
            }
        }
        if over {
            return Ok(None);
        }
        let row = l.clone();
        let to = self.0.core.db.read(async move |tx| withdrawal::payout_to(tx, &row).await).await?;
        let Some((method, to)) = to else {
            return Ok(Some(Err(CallError::refused(
                "target_missing",
                "the client's account to be paid to is not known",
            ))));
        };
        let req = PayoutRequest {
            our_ref: l.our_ref.clone(),
            amount,
            method,
            to,
            description: format!("Withdrawal {}", l.withdrawal_id),
        };
        Ok(Some(psp.pay_out(&req).await.map(Told::Payout)))
    }
}

pub(super) async fn look_at_leg(ctx: &Ctx, id: WithdrawalId, n: i64, provider_ref: &str, lease: Option<&Lease>) -> JobResult {
    let core = &ctx.core;
    let l = core
        .db
        .read(async move |tx| store::leg(tx, id, n).await?.ok_or_else(|| Problem::missing("payout leg")))
        .await?;
    let Some(connection) = l.connection.clone() else { return Ok(()) };
    let psp = ctx.psps.get(&connection)?;
    let answer = if by_payout(&l) {
        psp.payout_status(&l.our_ref, Some(provider_ref)).await.map(Told::Payout)
    } else {
        psp.refund_status(provider_ref).await.map(Told::Refund)
    };
    let told = match answer {
        Ok(t) => t,
        Err(e) => {
            ctx.health(&connection, Err(&e)).await;
            return Err(lease.map_or_else(|| later_as_usual(&e), |l| later(l, &e)));
        }
    };
    if told.our_ref().is_some_and(|r| *r != l.our_ref) {
        return Err(JobError::Final(Problem::conflict(
            "echo_mismatch",
            "what the provider names carries another id than this payout",
        )));
    }
    let (c, lease2) = (core.clone(), lease.cloned());
    let state = core
        .db
        .write(async move |tx| {
            withdrawal::leg_reported(tx, &c, id, n, told.outcome()).await?;
            let l = store::leg(tx, id, n).await?.ok_or_else(|| Problem::missing("payout leg"))?;
            if let (Some(lease), LegState::Paid | LegState::Returned) = (&lease2, l.state) {
                lease.complete(tx).await?;
            }
            Ok(l.state)
        })
        .await?;
    match lease {
        Some(l) if !matches!(state, LegState::Paid | LegState::Returned) => Err(still_pending(l)),
        _ => Ok(()),
    }
}

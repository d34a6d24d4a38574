//! Jobs of withdrawals: asking the rules, starting to pay, each leg.

use super::{Ctx, JobResult, field, later, later_as_usual, still_pending};
use crate::withdrawal::{self, LegOutcome, LegState};
use crate::{WithdrawalId, store};
use async_trait::async_trait;
use qd_kernel::{Amount, Problem};
use qd_ports::psp::RefundRequest;
use qd_ports::{CallError, Fate};
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

/// One refund. Repeatable within the provider's idempotency window: our reference is the key.
pub(super) struct LegJob(pub(super) Ctx);

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
        let (Some(connection), Some(payment_ref)) = (l.connection.clone(), l.payment_ref.clone()) else {
            return Ok(());
        };
        if l.first_sent_at
            .is_some_and(|t| core.now().secs_since(t) > withdrawal::SAFE_TO_REPEAT_S)
        {
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
        }
        let psp = self.0.psps.get(&connection)?;
        let req = RefundRequest {
            our_ref: l.our_ref.clone(),
            payment_ref,
            amount: Amount::new(l.amount_minor, l.currency),
        };
        match psp.refund(&req).await {
            Ok(report) => {
                let pending = report.state == qd_ports::psp::RefundState::Pending;
                let (c, lease2) = (core.clone(), lease.clone());
                core.db
                    .write(async move |tx| {
                        withdrawal::leg_reported(tx, &c, id, n, LegOutcome::Report(&report)).await?;
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

pub(super) async fn look_at_leg(ctx: &Ctx, id: WithdrawalId, n: i64, provider_ref: &str, lease: Option<&Lease>) -> JobResult {
    let core = &ctx.core;
    let l = core
        .db
        .read(async move |tx| store::leg(tx, id, n).await?.ok_or_else(|| Problem::missing("payout leg")))
        .await?;
    let Some(connection) = l.connection.clone() else { return Ok(()) };
    let report = match ctx.psps.get(&connection)?.refund_status(provider_ref).await {
        Ok(r) => r,
        Err(e) => {
            ctx.health(&connection, Err(&e)).await;
            return Err(lease.map_or_else(|| later_as_usual(&e), |l| later(l, &e)));
        }
    };
    if report.our_ref.as_ref().is_some_and(|r| *r != l.our_ref) {
        return Err(JobError::Final(Problem::conflict(
            "echo_mismatch",
            "the provider's refund carries another id than this payout",
        )));
    }
    let (c, lease2) = (core.clone(), lease.cloned());
    let state = core
        .db
        .write(async move |tx| {
            withdrawal::leg_reported(tx, &c, id, n, LegOutcome::Report(&report)).await?;
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

//! The job of a held deposit given back.

use super::{Ctx, JobResult, field, later, later_as_usual, still_pending};
use crate::DepositId;
use crate::deposit::refund;
use crate::store::RefundRow;
use crate::withdrawal;
use async_trait::async_trait;
use qd_kernel::{Amount, Problem};
use qd_ports::psp::RefundRequest;
use qd_ports::{CallError, Fate};
use qd_runtime::jobs::{Handler, JobError, Lease};

/// A held deposit given back. Repeatable within the provider's idempotency window: our reference is
/// the key.
pub(super) struct RefundJob(pub(super) Ctx);

#[async_trait]
impl Handler for RefundJob {
    fn kind(&self) -> &'static str {
        refund::JOB
    }

    async fn run(&self, lease: &Lease) -> JobResult {
        let core = &self.0.core;
        let id: DepositId = field(&lease.payload, "deposit_id")?;
        let n: i64 = field(&lease.payload, "n")?;
        let c = core.clone();
        let Some(r) = core.db.write(async move |tx| refund::sending(tx, &c, id, n).await).await? else {
            return Ok(());
        };
        if let Some(provider_ref) = r.provider_ref.clone() {
            return look_at_refund(&self.0, &r, &provider_ref, Some(lease)).await;
        }
        if r.first_sent_at
            .is_some_and(|t| core.now().secs_since(t) > withdrawal::SAFE_TO_REPEAT_S)
        {
            let e = CallError::unknown(
                "window_closed",
                "no answer within the provider's idempotency window; ask the provider before anything else",
            );
            let (c, lease) = (core.clone(), lease.clone());
            core.db
                .write(async move |tx| {
                    refund::unclear(tx, &c, id, n, &e).await?;
                    lease.complete(tx).await
                })
                .await?;
            return Ok(());
        }
        let psp = self.0.psps.get(&r.connection)?;
        let req = RefundRequest {
            our_ref: r.our_ref.clone(),
            payment_ref: r.payment_ref.clone(),
            amount: Amount::new(r.amount_minor, r.currency),
        };
        let answer = psp.refund(&req).await;
        match answer {
            Err(e) if e.fate != Fate::Refused => {
                self.0.health(&r.connection, Err(&e)).await;
                if e.raw.is_some() || e.code == "echo_mismatch" {
                    let (c, e2) = (core.clone(), e.clone());
                    core.db.write(async move |tx| refund::unclear(tx, &c, id, n, &e2).await).await?;
                }
                Err(later(lease, &e))
            }
            answer => {
                let pending = answer.as_ref().is_ok_and(|a| a.state == qd_ports::psp::RefundState::Pending);
                let (c, lease2) = (core.clone(), lease.clone());
                core.db
                    .write(async move |tx| {
                        refund::reported(tx, &c, id, n, answer.as_ref()).await?;
                        if pending { Ok(()) } else { lease2.complete(tx).await }
                    })
                    .await?;
                if pending { Err(still_pending(lease)) } else { Ok(()) }
            }
        }
    }
}

pub(super) async fn look_at_refund(ctx: &Ctx, r: &RefundRow, provider_ref: &str, lease: Option<&Lease>) -> JobResult {
    let core = &ctx.core;
    let report = match ctx.psps.get(&r.connection)?.refund_status(provider_ref).await {
        Ok(report) => report,
        Err(e) => {
            ctx.health(&r.connection, Err(&e)).await;
            return Err(lease.map_or_else(|| later_as_usual(&e), |l| later(l, &e)));
        }
    };
    if report.our_ref.as_ref().is_some_and(|o| *o != r.our_ref) {
        return Err(JobError::Final(Problem::conflict(
            "echo_mismatch",
            "the provider's refund carries another id than this one",
        )));
    }
    let (c, lease2, id, n) = (core.clone(), lease.cloned(), r.deposit_id, r.n);
    let pending = report.state == qd_ports::psp::RefundState::Pending;
    core.db
        .write(async move |tx| {
            refund::reported(tx, &c, id, n, Ok(&report)).await?;
            match &lease2 {
                Some(lease) if !pending => lease.complete(tx).await,
                _ => Ok(()),
            }
        })
        .await?;
    match lease {
        Some(l) if pending => Err(still_pending(l)),
        _ => Ok(()),
    }
}

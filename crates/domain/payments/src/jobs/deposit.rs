//! Jobs of deposits: opening a session, reading the truth, sending money onward.

use super::{Ctx, JobResult, field, later, later_as_usual, pause_s};
use crate::DepositId;
use crate::deposit::{self, AttemptState, DepositState};
use crate::store::{AttemptRow, DepositRow};
use async_trait::async_trait;
use qd_db::Tx;
use qd_kernel::{Amount, Problem, Result};
use qd_ports::psp::{DepositReport, OpenDeposit, PaymentState, Psp};
use qd_ports::{CallError, CallResult, Fate};
use qd_runtime::exceptions;
use qd_runtime::jobs::{Handler, JobError, Lease};
use serde_json::Value;

/// Asks the provider for a session. Repeatable: our id is the provider's idempotency key.
pub(super) struct Open(pub(super) Ctx);

#[async_trait]
impl Handler for Open {
    fn kind(&self) -> &'static str {
        "deposit.open"
    }

    async fn run(&self, lease: &Lease) -> JobResult {
        let core = &self.0.core;
        let id: DepositId = field(&lease.payload, "deposit_id")?;
        let n = attempt_of(lease)?;
        let email: String = field(&lease.payload, "email")?;
        let (d, a) = core.db.read(async move |tx| both(tx, id, n).await).await?;
        // A callback may have told us of the payment before its session was noted: still to be noted.
        if a.provider_ref.is_some() || a.state.is_over() {
            return Ok(());
        }
        if a.state == AttemptState::Created && core.now().secs_since(a.created_at) > deposit::OPEN_FOR_S {
            let e = CallError::not_sent(
                deposit::PROVIDER_UNAVAILABLE,
                "the provider gave no session while the client waited",
            );
            return self.give_up(lease, id, n, &e).await;
        }
        let psp = self.0.psps.get(&a.connection)?;
        let own = self.0.facts.portal(&d.client_id).await?;
        let portal = own.as_deref().unwrap_or(&self.0.portal);
        let req = OpenDeposit {
            our_ref: a.our_ref.clone(),
            amount: Amount::new(a.amount_minor, a.currency),
            method: a.method.clone(),
            client_ref: d.client_id.clone(),
            email,
            locale: d.locale.clone(),
            return_url: format!("{}/deposits/{}?returned=1", portal, d.id),
            cancel_url: format!("{}/deposits/{}?cancelled=1", portal, d.id),
            description: format!("Deposit {}", d.id),
            expires_at: a.expires_at,
        };
        let began = self.0.begin();
        match psp.open_deposit(&req).await {
            Ok(session) => {
                self.0.timed(&a.connection, &began, Ok(())).await;
                let (c, lease) = (core.clone(), lease.clone());
                core.db
                    .write(async move |tx| {
                        deposit::opened(tx, &c, id, n, &session).await?;
                        lease.complete(tx).await
                    })
                    .await?;
                Ok(())
            }
            Err(e) => {
                let down = self.0.timed(&a.connection, &began, Err(&e)).await;
                self.0.strange(&d.entity, &d.client_id, format!("deposit:{id}"), &e).await?;
                let refused = e.fate == Fate::Refused;
                // Nobody has been sent to this provider yet: another one may be asked instead.
                let waited = core.now().secs_since(a.created_at) >= OTHER_AFTER_S;
                if (refused || down || waited) && self.fail_over(lease, &d, n, &e).await? {
                    return Ok(());
                }
                if refused {
                    return self.give_up(lease, id, n, &e).await;
                }
                Err(later(lease, &e))
            }
        }
    }
}

/// A client does not wait longer than this for a session while another connection could give one.
const OTHER_AFTER_S: i64 = 15;

/// Which attempt a job is about; jobs of a program without attempts are about the first.
fn attempt_of(lease: &Lease) -> std::result::Result<i64, JobError> {
    Ok(field::<Option<i64>>(&lease.payload, "n")?.unwrap_or(1))
}

async fn both(tx: &mut Tx, id: DepositId, n: i64) -> Result<(DepositRow, AttemptRow)> {
    let d = deposit::load(tx, id).await?;
    let a = deposit::attempt(tx, &d, n).await?;
    Ok((d, a))
}

impl Open {
    async fn fail_over(&self, lease: &Lease, d: &DepositRow, n: i64, e: &CallError) -> Result<bool> {
        let facts = self.0.facts.facts(&d.client_id, d.device.as_deref()).await?;
        let (c, lease, e, id) = (self.0.core.clone(), lease.clone(), e.clone(), d.id);
        self.0
            .core
            .db
            .write(async move |tx| {
                let moved = deposit::fail_over(tx, &c, id, n, &facts, &e).await?;
                if moved {
                    lease.complete(tx).await?;
                }
                Ok(moved)
            })
            .await
    }

    async fn give_up(&self, lease: &Lease, id: DepositId, n: i64, e: &CallError) -> JobResult {
        let core = &self.0.core;
        let (c, lease, e) = (core.clone(), lease.clone(), e.clone());
        core.db
            .write(async move |tx| {
                deposit::open_refused(tx, &c, id, n, &e).await?;
                lease.complete(tx).await
            })
            .await?;
        Ok(())
    }
}

/// How often a deposit is looked at whose provider can only be read, not asked.
const RARELY_S: i64 = 6 * 3_600;

/// Reads the truth about an attempt from the provider and acts on it. Run after a callback, and on
/// a clock for as long as the attempt is open.
pub(super) struct Check(pub(super) Ctx);

#[async_trait]
impl Handler for Check {
    fn kind(&self) -> &'static str {
        "deposit.check"
    }

    async fn run(&self, lease: &Lease) -> JobResult {
        let core = &self.0.core;
        let id: DepositId = field(&lease.payload, "deposit_id")?;
        let n = attempt_of(lease)?;
        let watch = lease.payload.get("watch").and_then(Value::as_bool).unwrap_or(false);
        let (_, a) = core.db.read(async move |tx| both(tx, id, n).await).await?;
        if watch && a.state.is_over() {
            return Ok(());
        }
        let Some(provider_ref) = a.provider_ref else { return Ok(()) };
        look(&self.0, id, n, &provider_ref, Some(lease), watch).await
    }
}

/// Takes what the customer has approved, where that is a call of its own. Not when the client has
/// given up or paid by another attempt: an approval that is not taken costs nobody anything.
async fn taken(ctx: &Ctx, psp: &dyn Psp, d: &DepositRow, a: &AttemptRow, report: DepositReport) -> CallResult<DepositReport> {
    let wanted = !d.state.is_received() && d.state != DepositState::Cancelled;
    let as_asked = report.amount == Amount::new(a.amount_minor, a.currency);
    if report.state != PaymentState::Authorised || !wanted || !as_asked {
        return Ok(report);
    }
    let began = ctx.begin();
    let answer = psp.take(&report.provider_ref, &a.our_ref, report.amount).await;
    ctx.timed(&a.connection, &began, answer.as_ref().map(|_| ())).await;
    match answer {
        Err(e) if e.fate == Fate::Refused && e.code == "not_offered" => Ok(report),
        other => other,
    }
}

pub(super) async fn look(ctx: &Ctx, id: DepositId, n: i64, provider_ref: &str, lease: Option<&Lease>, watch: bool) -> JobResult {
    let core = &ctx.core;
    let (d, a) = core.db.read(async move |tx| both(tx, id, n).await).await?;
    let psp = ctx.psps.get(&a.connection)?;
    let rarely = psp.by_statement();
    let began = ctx.begin();
    let answer = psp.deposit(provider_ref).await;
    ctx.timed(&a.connection, &began, answer.as_ref().map(|_| ())).await;
    let answer = match answer {
        // Only a callback said that this payment is ours, and the payment does not say so itself.
        Ok(r) if a.provider_ref.is_none() && r.our_ref.as_deref() != Some(a.our_ref.as_str()) => {
            return Err(JobError::Final(Problem::conflict(
                "echo_mismatch",
                "the provider's payment does not carry this deposit's id",
            )));
        }
        Ok(r) => taken(ctx, psp.as_ref(), &d, &a, r).await,
        Err(e) => Err(e),
    };
    let mut report = match answer {
        Ok(r) => r,
        Err(e) => {
            ctx.strange(&d.entity, &d.client_id, format!("deposit:{id}"), &e).await?;
            return Err(lease.map_or_else(|| later_as_usual(&e), |l| later(l, &e)));
        }
    };
    // Nobody will ever say that a transfer does not come; one that comes all the same is still taken.
    if rarely && core.now().secs_since(a.created_at) >= deposit::ASK_FOR_S {
        report.state = PaymentState::Expired;
    }
    let facts = ctx.facts.facts(&d.client_id, d.device.as_deref()).await?;
    let (c, lease) = (core.clone(), lease.cloned());
    core.db
        .write(async move |tx| {
            deposit::reported(tx, &c, id, n, &report, &facts).await?;
            exceptions::resolve(
                tx,
                &c,
                "psp.answer_unreadable",
                &format!("deposit:{id}"),
                "a later answer was clear",
            )
            .await?;
            if watch {
                let (d, a) = both(tx, id, n).await?;
                let age = c.now().secs_since(a.created_at);
                if !a.state.is_over() {
                    if age < deposit::ASK_FOR_S {
                        let after = if rarely { RARELY_S } else { deposit::check_after_s(age) };
                        deposit::check_later(tx, &c, &a, after).await?;
                    } else if !d.state.is_received() {
                        deposit::never_ended(tx, &c, &d).await?;
                    }
                }
            }
            match &lease {
                Some(l) => l.complete(tx).await,
                None => Ok(()),
            }
        })
        .await?;
    Ok(())
}

/// A deposit that waits for its trading account.
pub(super) struct Onward(pub(super) Ctx);

#[async_trait]
impl Handler for Onward {
    fn kind(&self) -> &'static str {
        "deposit.onward"
    }

    async fn run(&self, lease: &Lease) -> JobResult {
        let core = &self.0.core;
        let id: DepositId = field(&lease.payload, "deposit_id")?;
        let (c, l) = (core.clone(), lease.clone());
        let waits = core
            .db
            .write(async move |tx| {
                let waits = deposit::onward_again(tx, &c, id).await?;
                if !waits {
                    l.complete(tx).await?;
                }
                Ok(waits)
            })
            .await?;
        if waits {
            return Err(JobError::Retry {
                problem: Problem::unavailable("account_not_ready", "the trading account is not open yet"),
                after_secs: Some(pause_s(lease, (2, 60))),
            });
        }
        Ok(())
    }
}

//! Jobs of deposits: opening a session, reading the truth, sending money onward.

use super::{Ctx, JobResult, field, later, later_as_usual, pause_s};
use crate::deposit::{self, DepositState};
use crate::{DepositId, store};
use async_trait::async_trait;
use qd_kernel::{Amount, Problem};
use qd_ports::psp::OpenDeposit;
use qd_ports::{CallError, Fate};
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
        let email: String = field(&lease.payload, "email")?;
        let d = core.db.read(async move |tx| deposit::load(tx, id).await).await?;
        // A callback may have told us of the payment before its session was noted: still to be noted.
        if d.provider_ref.is_some() || d.state.is_received() || d.state.is_quiet() {
            return Ok(());
        }
        if d.state == DepositState::Created && core.now().secs_since(d.created_at) > deposit::OPEN_FOR_S {
            let e = CallError::not_sent("provider_unavailable", "the provider gave no session while the client waited");
            return self.give_up(lease, id, &e).await;
        }
        let psp = self.0.psps.get(&d.connection)?;
        let own = self.0.facts.portal(&d.client_id).await?;
        let portal = own.as_deref().unwrap_or(&self.0.portal);
        let req = OpenDeposit {
            our_ref: d.id.to_string(),
            amount: Amount::new(d.amount_minor, d.currency),
            method: d.method.clone(),
            client_ref: d.client_id.clone(),
            email,
            locale: d.locale.clone(),
            return_url: format!("{}/deposits/{}?returned=1", portal, d.id),
            cancel_url: format!("{}/deposits/{}?cancelled=1", portal, d.id),
            description: format!("Deposit {}", d.id),
            expires_at: d.expires_at,
        };
        match psp.open_deposit(&req).await {
            Ok(session) => {
                let (c, lease) = (core.clone(), lease.clone());
                core.db
                    .write(async move |tx| {
                        deposit::opened(tx, &c, id, &session).await?;
                        store::connection_ok(tx, &d.connection, c.now()).await?;
                        lease.complete(tx).await
                    })
                    .await?;
                Ok(())
            }
            Err(e) if e.fate == Fate::Refused => {
                self.0.strange(&d.entity, &d.client_id, format!("deposit:{id}"), &e).await?;
                self.give_up(lease, id, &e).await
            }
            Err(e) => {
                self.0.health(&d.connection, Err(&e)).await;
                self.0.strange(&d.entity, &d.client_id, format!("deposit:{id}"), &e).await?;
                Err(later(lease, &e))
            }
        }
    }
}

impl Open {
    async fn give_up(&self, lease: &Lease, id: DepositId, e: &CallError) -> JobResult {
        let core = &self.0.core;
        let (c, lease, e) = (core.clone(), lease.clone(), e.clone());
        core.db
            .write(async move |tx| {
                deposit::open_refused(tx, &c, id, &e).await?;
                lease.complete(tx).await
            })
            .await?;
        Ok(())
    }
}

/// Reads the truth about a deposit from the provider and acts on it. Run after a callback, and on
/// a clock for as long as the deposit is open.
pub(super) struct Check(pub(super) Ctx);

#[async_trait]
impl Handler for Check {
    fn kind(&self) -> &'static str {
        "deposit.check"
    }

    async fn run(&self, lease: &Lease) -> JobResult {
        let core = &self.0.core;
        let id: DepositId = field(&lease.payload, "deposit_id")?;
        let watch = lease.payload.get("watch").and_then(Value::as_bool).unwrap_or(false);
        let d = core.db.read(async move |tx| deposit::load(tx, id).await).await?;
        if watch && (d.state.is_received() || d.state.is_quiet()) {
            return Ok(());
        }
        let Some(provider_ref) = d.provider_ref else { return Ok(()) };
        look(&self.0, id, &provider_ref, Some(lease), watch).await
    }
}

pub(super) async fn look(ctx: &Ctx, id: DepositId, provider_ref: &str, lease: Option<&Lease>, watch: bool) -> JobResult {
    let core = &ctx.core;
    let d = core.db.read(async move |tx| deposit::load(tx, id).await).await?;
    let report = match ctx.psps.get(&d.connection)?.deposit(provider_ref).await {
        Ok(r) => r,
        Err(e) => {
            ctx.health(&d.connection, Err(&e)).await;
            ctx.strange(&d.entity, &d.client_id, format!("deposit:{id}"), &e).await?;
            return Err(lease.map_or_else(|| later_as_usual(&e), |l| later(l, &e)));
        }
    };
    if d.provider_ref.is_none() && report.our_ref.as_deref() != Some(d.id.to_string().as_str()) {
        // Only a callback said that this payment is ours, and the payment does not say so itself.
        return Err(JobError::Final(Problem::conflict(
            "echo_mismatch",
            "the provider's payment does not carry this deposit's id",
        )));
    }
    let facts = ctx.facts.facts(&d.client_id, d.device.as_deref()).await?;
    let (c, lease) = (core.clone(), lease.cloned());
    core.db
        .write(async move |tx| {
            deposit::reported(tx, &c, id, &report, &facts).await?;
            exceptions::resolve(
                tx,
                &c,
                "psp.answer_unreadable",
                &format!("deposit:{id}"),
                "a later answer was clear",
            )
            .await?;
            if watch {
                let d = deposit::load(tx, id).await?;
                let age = c.now().secs_since(d.created_at);
                if !d.state.is_received() && !d.state.is_quiet() {
                    if age < deposit::ASK_FOR_S {
                        deposit::check_later(tx, &c, &d, deposit::check_after_s(age)).await?;
                    } else {
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

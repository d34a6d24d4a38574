//! What happens later: the only place of this crate that talks to providers.

mod bank;
pub mod connections;
mod deposit;
mod dispute;
mod inbox;
mod moves;
mod probe;
mod refund;
mod withdrawal;

pub use bank::bank_handlers;
pub use probe::PROBE_EVERY_S;

use crate::{ClientFacts, Psps, routing};
use async_trait::async_trait;
use qd_kernel::{Problem, Result};
use qd_ports::CallError;
use qd_runtime::jobs::{Handler, JobError, Lease};
use qd_runtime::{Core, exceptions};
use serde_json::{Value, json};
use std::sync::Arc;

type JobResult = std::result::Result<(), JobError>;

/// The pause before the next try at a provider that does not answer: grows from the first to the
/// second with each try.
const PROVIDER_DOWN_S: (i64, i64) = (5, 300);

/// The same for a refund that the provider is still at.
const REFUND_PENDING_S: (i64, i64) = (15, 3_600);

/// Gathers what the rules need to know about a client, from the crates that own it.
#[async_trait]
pub trait FactsOf: Send + Sync {
    async fn facts(&self, client_id: &str, device: Option<&str>) -> Result<ClientFacts>;

    /// Where this client's portal is (`https://trade.broker.example`), when his brand has its own.
    async fn portal(&self, _client_id: &str) -> Result<Option<String>> {
        Ok(None)
    }
}

#[derive(Clone)]
struct Ctx {
    core: Core,
    psps: Psps,
    facts: Arc<dyn FactsOf>,
    /// Where clients come back to after paying, unless their brand has a place of its own.
    portal: Arc<str>,
}

/// The probe of all connections, run every [`PROBE_EVERY_S`] seconds.
pub fn probe_handler(core: &Core, psps: &Psps, facts: Arc<dyn FactsOf>) -> Arc<dyn Handler> {
    Arc::new(probe::Probe(Ctx {
        core: core.clone(),
        psps: psps.clone(),
        facts,
        portal: "".into(),
    }))
}

pub fn handlers(core: &Core, psps: &Psps, facts: Arc<dyn FactsOf>, portal: &str) -> Vec<Arc<dyn Handler>> {
    let c = Ctx {
        core: core.clone(),
        psps: psps.clone(),
        facts,
        portal: portal.into(),
    };
    vec![
        Arc::new(deposit::Open(c.clone())),
        Arc::new(deposit::Check(c.clone())),
        Arc::new(deposit::Onward(c.clone())),
        Arc::new(refund::RefundJob(c.clone())),
        Arc::new(inbox::Inbox(c.clone())),
        Arc::new(withdrawal::Decide(c.clone())),
        Arc::new(withdrawal::Pay(c.clone())),
        Arc::new(withdrawal::LegJob(c.clone())),
        Arc::new(dispute::DisputeJob(c.clone())),
        Arc::new(moves::MoveSettled(c)),
    ]
}

fn field<T: serde::de::DeserializeOwned>(payload: &Value, name: &str) -> std::result::Result<T, JobError> {
    serde_json::from_value(payload.get(name).cloned().unwrap_or(Value::Null))
        .map_err(|e| JobError::Final(Problem::bug("job_payload_unreadable", format!("the job's {name} could not be read")).with_source(e)))
}

/// `first` doubled with each attempt, up to `most`.
fn pause_s(lease: &Lease, (first, most): (i64, i64)) -> i64 {
    (first << lease.attempt.saturating_sub(1).min(16)).min(most)
}

fn later(lease: &Lease, e: &CallError) -> JobError {
    JobError::Retry {
        problem: Problem::unavailable("provider_call_failed", format!("{}: {}", e.code, e.detail)),
        after_secs: Some(pause_s(lease, PROVIDER_DOWN_S)),
    }
}

/// Of a callback's job, which has the usual attempts: the usual delays make three hours of them.
fn later_as_usual(e: &CallError) -> JobError {
    JobError::retry(Problem::unavailable("provider_call_failed", format!("{}: {}", e.code, e.detail)))
}

/// When a call began: how long it took is part of a connection's health.
struct Began(qd_kernel::Ts);

impl Ctx {
    fn begin(&self) -> Began {
        Began(self.core.now())
    }

    /// Notes how a call that is not about taking deposits ended.
    async fn health(&self, connection: &str, outcome: std::result::Result<(), &CallError>) {
        let (core, id) = (self.core.clone(), connection.to_string());
        let outcome = outcome.map_err(Clone::clone);
        let noted = self
            .core
            .db
            .write(async move |tx| routing::other_call_done(tx, &core, &id, outcome.as_ref().copied()).await)
            .await;
        if let Err(p) = noted {
            tracing::warn!(error = %p, "a provider's health could not be noted");
        }
    }

    /// Notes how a call to a connection ended and how long it took. True: the connection is down now.
    async fn timed(&self, connection: &str, began: &Began, outcome: std::result::Result<(), &CallError>) -> bool {
        let (core, id, took_ms) = (
            self.core.clone(),
            connection.to_string(),
            self.core.now().millis() - began.0.millis(),
        );
        let outcome = outcome.map_err(Clone::clone);
        let noted = self
            .core
            .db
            .write(async move |tx| routing::call_done(tx, &core, &id, outcome.as_ref().copied(), took_ms).await)
            .await;
        noted.unwrap_or_else(|p| {
            tracing::warn!(error = %p, "a provider's health could not be noted");
            false
        })
    }

    /// An answer that cannot be read or does not echo what was asked: stored and shown, not guessed.
    async fn strange(&self, entity: &str, client_id: &str, subject: String, e: &CallError) -> Result<()> {
        if e.raw.is_none() && e.code != "echo_mismatch" {
            return Ok(());
        }
        let (c, entity, client_id, e) = (self.core.clone(), entity.to_string(), client_id.to_string(), e.clone());
        self.core
            .db
            .write(async move |tx| {
                exceptions::raise(
                    tx,
                    &c,
                    exceptions::NewException {
                        kind: "psp.answer_unreadable",
                        subject: subject.clone(),
                        entity: Some(entity.clone()),
                        client_id: Some(client_id.clone()),
                        owner_role: "finance",
                        rule: "psp_answer_not_understood",
                        cause: format!("{}: {}", e.code, e.detail),
                        detail: json!({"raw": e.raw.as_ref().map(|r| r.chars().take(20_000).collect::<String>())}),
                        retry: None,
                    },
                )
                .await
                .map(|_| ())
            })
            .await
    }
}

fn still_pending(lease: &Lease) -> JobError {
    JobError::Retry {
        problem: Problem::unavailable("refund_pending", "the provider is still at it"),
        after_secs: Some(pause_s(lease, REFUND_PENDING_S)),
    }
}

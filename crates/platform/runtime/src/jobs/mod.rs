//! Work to be done after the commit, once or again until it is done.
//!
//! A job is enqueued in the transaction that makes it necessary and completed in the transaction
//! that finishes its work ([`Lease::complete`]); between the two a worker may die at any moment
//! and another takes over when the lease has run out. A handler therefore does its remote call so
//! that it can be asked about, and its own writes in one last transaction.
//!
//! Failures are retried with a growing delay or are final; a job whose attempts are used up, or
//! that failed for good, is dead: it stays visible in the [`graveyard`], and an exception tells a
//! person. Jobs of one lane run one at a time, in the order they were enqueued.

pub mod graveyard;
mod registry;
mod store;
mod worker;

pub use registry::Registry;
pub use worker::{Worker, WorkerHandle, WorkerOptions, run_until_idle};

use crate::Core;
use async_trait::async_trait;
use qd_db::Tx;
use qd_kernel::{Class, Problem, Result, Ts, id};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

id!(JobId, "job", "A job.");

/// Attempts before a job is dead, unless it says otherwise: with the delays of [`retry_delay`]
/// about three hours of trying.
pub const DEFAULT_ATTEMPTS: u32 = 25;

/// Work about to be enqueued.
#[derive(Clone, Debug)]
pub struct NewJob {
    pub kind: &'static str,
    /// At most one job ever per kind and key.
    pub key: Option<String>,
    pub payload: Value,
    /// Jobs of one lane run one at a time, in order. A dead one is out of the way.
    pub lane: Option<String>,
    pub run_at: Ts,
    pub max_attempts: u32,
}

impl NewJob {
    pub fn new(kind: &'static str, payload: Value, now: Ts) -> Self {
        NewJob {
            kind,
            key: None,
            payload,
            lane: None,
            run_at: now,
            max_attempts: DEFAULT_ATTEMPTS,
        }
    }
    pub fn key(mut self, k: impl Into<String>) -> Self {
        self.key = Some(k.into());
        self
    }
    pub fn lane(mut self, l: impl Into<String>) -> Self {
        self.lane = Some(l.into());
        self
    }
    pub fn after_secs(mut self, secs: i64) -> Self {
        self.run_at = self.run_at.plus_secs(secs);
        self
    }
    pub fn attempts(mut self, n: u32) -> Self {
        self.max_attempts = n.max(1);
        self
    }
}

/// Enqueues; false when a job of this kind and key was enqueued before, done or not.
pub async fn enqueue(tx: &mut Tx, core: &Core, job: NewJob) -> Result<bool> {
    let id = JobId::new(&core.env);
    let now = core.now();
    let fresh = store::insert(tx, id, &job, None, now).await?;
    if fresh && job.run_at <= now {
        let bell = core.wake.jobs.clone();
        tx.on_commit(move || bell.notify_one());
    }
    Ok(fresh)
}

/// Does one kind of work.
#[async_trait]
pub trait Handler: Send + Sync {
    fn kind(&self) -> &'static str;
    /// Ends with [`Lease::complete`] in its last transaction; a handler with nothing to write may
    /// leave that to the worker by answering Ok.
    async fn run(&self, lease: &Lease) -> std::result::Result<(), JobError>;
}

/// Why a job did not get done, and what to do about it.
#[derive(Debug)]
pub enum JobError {
    /// Try again, by the usual delays or after so many seconds.
    Retry { problem: Problem, after_secs: Option<i64> },
    /// Trying again would not help.
    Final(Problem),
}

impl JobError {
    pub fn retry(problem: Problem) -> JobError {
        JobError::Retry { problem, after_secs: None }
    }
    pub fn retry_after(problem: Problem, secs: i64) -> JobError {
        JobError::Retry {
            problem,
            after_secs: Some(secs),
        }
    }
    pub fn problem(&self) -> &Problem {
        match self {
            JobError::Retry { problem, .. } | JobError::Final(problem) => problem,
        }
    }
}

impl From<Problem> for JobError {
    /// What does not answer may answer later, and so may the database; everything else will say
    /// the same again.
    fn from(p: Problem) -> JobError {
        if p.class == Class::Unavailable || p.class == Class::Limit || p.code.starts_with("db_") {
            JobError::retry(p)
        } else {
            JobError::Final(p)
        }
    }
}

/// A job in a worker's hands.
#[derive(Clone)]
pub struct Lease {
    pub job_id: JobId,
    pub kind: String,
    pub key: Option<String>,
    pub payload: Value,
    /// 1 on the first run.
    pub attempt: u32,
    pub(crate) row: Arc<store::Claimed>,
    pub(crate) core: Core,
    pub(crate) completed: Arc<AtomicBool>,
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lease({} {} attempt {})", self.kind, self.job_id, self.attempt)
    }
}

impl Lease {
    /// Marks the job done in the handler's own last transaction. Fails with `job_lease_lost` when
    /// the lease ran out and somebody else took over: nothing of this transaction may stand then.
    pub async fn complete(&self, tx: &mut Tx) -> Result<()> {
        store::complete(tx, &self.row, self.core.now()).await?;
        let done = self.completed.clone();
        let bell = self.core.wake.jobs.clone();
        tx.on_commit(move || {
            done.store(true, Ordering::Release);
            // The next of the lane may run.
            bell.notify_one();
        });
        Ok(())
    }

    /// Whether this attempt is the last before the job is dead.
    pub fn is_last_attempt(&self) -> bool {
        self.row.failures_with_this() >= self.row.max_attempts
    }

    /// A text field of the payload. A job without it was enqueued wrongly, which no retry mends.
    pub fn text(&self, field: &str) -> Result<&str> {
        self.payload
            .get(field)
            .and_then(Value::as_str)
            .ok_or_else(|| Problem::bug("job_field_missing", format!("a {} job has no text {field}", self.kind)))
    }

    pub(crate) fn new(core: &Core, row: store::Claimed) -> Lease {
        Lease {
            job_id: row.id,
            kind: row.kind.clone(),
            key: row.key.clone(),
            payload: row.payload.clone(),
            attempt: row.attempt,
            row: Arc::new(row),
            core: core.clone(),
            completed: Arc::new(AtomicBool::new(false)),
        }
    }
    pub(crate) fn is_completed(&self) -> bool {
        self.completed.load(Ordering::Acquire)
    }
}

/// Milliseconds until the next attempt after `failures` failures: 0.5 s doubling to 10 minutes,
/// each a quarter more or less by chance, so that what failed together does not come back together.
pub fn retry_delay(env: &qd_kernel::Env, failures: u32) -> i64 {
    let base = 500i64.saturating_mul(1 << failures.saturating_sub(1).min(11)).min(600_000);
    let quarter = base / 4;
    let chance = i64::try_from(env.entropy.below(u64::try_from(quarter * 2 + 1).unwrap_or(1))).unwrap_or(0);
    base - quarter + chance
}

/// Who looks at a dead job, by the start of its kind.
const OWNERS: &[(&str, &str)] = &[
    ("deposit.", "finance"),
    ("withdrawal.", "finance"),
    ("payment.", "finance"),
    ("psp.", "finance"),
    ("ledger.", "finance"),
    ("transfer.", "finance"),
    ("kyc.", "compliance"),
    ("screening.", "compliance"),
    ("commission.", "partner_manager"),
    ("statement.", "partner_manager"),
    ("partner.", "partner_manager"),
    ("lead.", "sales_manager"),
    ("client.", "support"),
    ("notify.", "support"),
];

/// The role that owns a dead job of this kind; what concerns machines goes to operations.
pub fn owner_role(kind: &str) -> &'static str {
    OWNERS
        .iter()
        .find(|(start, _)| kind.starts_with(start))
        .map_or("ops", |(_, role)| role)
}

#[cfg(test)]
mod tests {
    use super::*;
    use qd_kernel::Env;

    #[test]
    fn delays_grow_to_a_limit_and_differ() {
        let env = Env::seeded(3, Ts::from_secs(0));
        let delays: Vec<i64> = (1..=30).map(|n| retry_delay(&env, n)).collect();
        assert!((375..=625).contains(&delays[0]));
        assert!(delays.iter().all(|d| (375..=750_000).contains(d)));
        assert!(delays[29] >= 450_000);
        let again: std::collections::BTreeSet<i64> = (0..20).map(|_| retry_delay(&env, 8)).collect();
        assert!(again.len() > 10);
    }

    #[test]
    fn what_may_answer_later_is_retried_and_the_rest_is_final() {
        let retried = |p: Problem| matches!(JobError::from(p), JobError::Retry { .. });
        assert!(retried(Problem::unavailable("psp_down", "")));
        assert!(retried(Problem::bug("db_error", "")));
        assert!(!retried(Problem::conflict("state", "")));
        assert!(!retried(Problem::bug("oops", "")));
    }
}

//! Dead jobs: seen, and retried safely. And how the living ones are doing.

use super::store;
pub use super::store::DeadJob;
use super::{JobId, owner_role};
use crate::Core;
use crate::access::{Caller, Right};
use crate::{audit, exceptions};
use qd_db::Tx;
use qd_kernel::{Page, PageRequest, Problem, Result, Ts};
use serde::Serialize;
use serde_json::{Value, json};

/// The latest first.
pub async fn list(tx: &mut Tx, kind: Option<&str>, page: &PageRequest) -> Result<Page<DeadJob>> {
    store::dead(tx, kind, page).await
}

/// Of a payload: ids, numbers and flags. The rest may be what a reader of jobs must not see: names,
/// addresses, tokens of a link.
pub fn only_ids(payload: &Value) -> Value {
    match payload {
        Value::Object(m) => m
            .iter()
            .filter(|(k, v)| *k == "id" || k.ends_with("_id") || v.is_number() || v.is_boolean())
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect(),
        _ => Value::Null,
    }
}

/// Lets a dead job run again, with all its attempts. Only dead ones: a job that is waiting or
/// running needs no help, and one that is done must not be done twice.
pub async fn retry(tx: &mut Tx, core: &Core, job: JobId, caller: &Caller) -> Result<()> {
    caller.require(Right::JobsRetry)?;
    let Some(kind) = store::revive(tx, job, core.now()).await? else {
        return Err(match store::state_of(tx, job).await? {
            Some(state) => Problem::conflict("job_not_dead", format!("only a dead job can be retried; this one is {state}")),
            None => Problem::missing("job"),
        });
    };
    exceptions::resolve(tx, core, exceptions::JOB_DEAD, &format!("job:{job}"), "retried").await?;
    audit::record(
        tx,
        core,
        audit::Entry {
            caller,
            action: "job.retried",
            object: format!("job:{job}"),
            client_id: None,
            entity: None,
            before: Some(json!({ "state": "dead", "kind": kind })),
            after: Some(json!({ "state": "ready" })),
            reason: None,
            rule: None,
            seen: None,
        },
    )
    .await?;
    let bell = core.wake.jobs.clone();
    tx.on_commit(move || bell.notify_one());
    Ok(())
}

/// One kind's numbers for /metrics.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = JobFigures)]
pub struct Figures {
    pub kind: String,
    pub owner_role: &'static str,
    pub ready: i64,
    pub leased: i64,
    pub dead: i64,
    /// How long the job that should have run first has been waiting, whole seconds.
    pub lag_secs: i64,
}

pub async fn figures(tx: &mut Tx, now: Ts) -> Result<Vec<Figures>> {
    let mut out: Vec<Figures> = Vec::new();
    for f in store::figures(tx).await? {
        if out.last().is_none_or(|l| l.kind != f.kind) {
            let owner_role = owner_role(&f.kind);
            out.push(Figures {
                kind: f.kind.clone(),
                owner_role,
                ready: 0,
                leased: 0,
                dead: 0,
                lag_secs: 0,
            });
        }
        let Some(of_kind) = out.last_mut() else { continue };
        match f.state.as_str() {
            "ready" => {
                of_kind.ready = f.count;
                of_kind.lag_secs = f.earliest.map_or(0, |at| now.secs_since(at).max(0));
            }
            "leased" => of_kind.leased = f.count,
            _ => of_kind.dead = f.count,
        }
    }
    Ok(out)
}

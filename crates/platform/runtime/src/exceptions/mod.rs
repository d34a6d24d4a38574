//! What a person must look at: the money that is between systems, the job that died, the answer
//! nobody could read. One open exception per kind and subject; what happens again adds a line to
//! its log. Each has an owner (a role, then a person), a cause, and the job to retry if there is
//! one.

mod store;

pub use store::{Exception, LogLine};

use crate::Core;
use crate::access::{Caller, Mask, Right, Scope, StaffId, Who, mask};
use crate::audit;
use crate::events::{self, NewEvent};
use crate::jobs::JobId;
use qd_db::Tx;
use qd_kernel::{Page, PageRequest, Problem, Result, Ts, id, text_enum};
use serde::Serialize;
use serde_json::{Value, json};

id!(ExceptionId, "exc", "Something a person must look at.");

/// A job whose attempts are used up.
pub const JOB_DEAD: &str = "job.dead";
/// A recurring job that keeps failing.
pub const SCHEDULE_FAILING: &str = "schedule.failing";

text_enum!(
    /// Where an exception stands.
    ExceptionState { Open = "open", Resolved = "resolved", Dismissed = "dismissed" }
);

/// Something found wrong.
#[derive(Clone, Debug)]
pub struct NewException {
    /// `deposit.amount_differs`: stable, dotted.
    pub kind: &'static str,
    /// What it is about, kind and id: `deposit:dep_…`.
    pub subject: String,
    pub entity: Option<String>,
    pub client_id: Option<String>,
    /// The role whose queue it goes to: `finance`, `compliance`, `ops`, …
    pub owner_role: &'static str,
    /// The rule or check that found it.
    pub rule: &'static str,
    /// A sentence for the person.
    pub cause: String,
    /// What was found, as evidence.
    pub detail: Value,
    /// The dead job that a retry would run.
    pub retry: Option<JobId>,
}

/// How long somebody has before an exception is overdue: money between systems an hour, people
/// waiting for an answer a working day.
fn due(kind: &str, opened: Ts) -> Ts {
    let hours = match kind.split('.').next().unwrap_or_default() {
        "deposit" | "withdrawal" | "transfer" | "ledger" | "psp" | "payment" | "platform" | "inbox" => 1,
        "job" | "schedule" | "bus" => 4,
        _ => 8,
    };
    opened.plus_secs(hours * 3_600)
}

/// Opens an exception, or adds a line to the open one of this kind and subject.
pub async fn raise(tx: &mut Tx, core: &Core, e: NewException) -> Result<ExceptionId> {
    let now = core.now();
    let (id, repeats) = store::open(tx, ExceptionId::new(&core.env), &e, now, due(e.kind, now)).await?;
    // A cause that repeats every second must not fill the log: every line at first, then rarer.
    if repeats < 20 || (repeats + 1).count_ones() == 1 {
        let what = if repeats == 0 { "raised" } else { "raised again" };
        store::log(tx, id, now, e.rule, what, &e.cause).await?;
    }
    if repeats == 0 {
        let payload = json!({
            "exception_id": id, "kind": e.kind, "subject": e.subject, "client_id": e.client_id,
            "owner_role": e.owner_role, "cause": e.cause,
        });
        let ev = NewEvent {
            kind: "exception.raised",
            aggregate: format!("exception:{id}"),
            entity: e.entity,
            payload,
        };
        events::publish(tx, core, ev).await?;
    }
    Ok(id)
}

/// The cause is gone: closes the open exception of this kind and subject, if there is one. Called
/// by the process that found things in order again; `how` says what mended it.
pub async fn resolve(tx: &mut Tx, core: &Core, kind: &str, subject: &str, how: &str) -> Result<bool> {
    let now = core.now();
    match store::close_of(tx, kind, subject, how, now).await? {
        Some(id) => {
            store::log(tx, id, now, "system", "resolved", how).await?;
            Ok(true)
        }
        None => Ok(false),
    }
}

/// What a queue shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub state: Option<ExceptionState>,
    pub kind: Option<String>,
    pub owner_role: Option<String>,
    pub owner_id: Option<String>,
    pub client_id: Option<String>,
    pub subject: Option<String>,
    /// Only those past their time at this moment.
    pub overdue_at: Option<Ts>,
    /// Opened in this period, whatever became of them since.
    pub opened_from: Option<Ts>,
    pub opened_until: Option<Ts>,
}

/// Whose queues the caller sees: None for all of them. A right that reaches one's own work or one's
/// desk only shows the queues of one's own roles and what was given to oneself, because an exception
/// does not know whose client it is about.
fn queues(caller: &Caller, right: Right) -> Result<Option<store::Queues>> {
    let scope = caller.require(right)?;
    let Who::Staff { id, roles, .. } = &caller.who else {
        return Ok(None);
    };
    match scope {
        Scope::Entity | Scope::All => Ok(None),
        Scope::Own | Scope::Desk => Ok(Some(store::Queues {
            roles: roles.iter().map(|r| r.to_string()).collect(),
            me: id.to_string(),
        })),
    }
}

/// Whether the words and the evidence of an exception are for the caller: what compliance looks at
/// is about suspicions as often as not, and amounts stand in sentences where no key covers them.
pub fn may_read(caller: &Caller, kind: &str, owner_role: &str) -> bool {
    let area = kind.split('.').next().unwrap_or_default();
    let aml = owner_role == "compliance" || matches!(area, "kyc" | "aml" | "screening");
    let money = matches!(
        area,
        "deposit" | "withdrawal" | "transfer" | "payment" | "platform" | "psp" | "ledger" | "inbox" | "commission" | "partner"
    );
    (!aml || caller.sees(Mask::Aml)) && (!money || caller.sees(Mask::Money))
}

fn covered(caller: &Caller, mut e: Exception) -> Exception {
    if !may_read(caller, &e.kind, &e.owner_role) {
        e.cause = mask::COVERED.into();
        e.detail = Value::String(mask::COVERED.into());
        e.resolution = e.resolution.map(|_| mask::COVERED.into());
    }
    e
}

/// The oldest first, of the entities the caller may enter and the queues the right reaches.
pub async fn list(tx: &mut Tx, caller: &Caller, filter: &Filter, page: &PageRequest) -> Result<Page<Exception>> {
    let queues = queues(caller, Right::ExceptionsView)?;
    let mut found = store::list(tx, caller.allowed_entities(), queues.as_ref(), filter, page).await?;
    found.items = found.items.into_iter().map(|e| covered(caller, e)).collect();
    Ok(found)
}

async fn reached(tx: &mut Tx, caller: &Caller, right: Right, id: ExceptionId) -> Result<Exception> {
    let queues = queues(caller, right)?;
    let mine = |e: &Exception| {
        queues
            .as_ref()
            .is_none_or(|q| q.roles.contains(&e.owner_role) || e.owner_id.as_ref() == Some(&q.me))
    };
    store::find(tx, id)
        .await?
        .filter(|e| caller.enters(e.entity.as_deref()) && mine(e))
        .ok_or_else(|| Problem::missing("exception"))
}

/// One exception with its log.
pub async fn get(tx: &mut Tx, caller: &Caller, id: ExceptionId) -> Result<(Exception, Vec<LogLine>)> {
    let e = reached(tx, caller, Right::ExceptionsView, id).await?;
    let mut lines = store::lines(tx, id).await?;
    if !may_read(caller, &e.kind, &e.owner_role) {
        for l in &mut lines {
            l.note = mask::COVERED.into();
        }
    }
    Ok((covered(caller, e), lines))
}

/// Gives it to a person, or back to the role's queue.
pub async fn assign(tx: &mut Tx, core: &Core, caller: &Caller, id: ExceptionId, to: Option<StaffId>) -> Result<()> {
    let before = workable(tx, caller, id).await?;
    store::assign(tx, id, before.version, to).await?;
    let owner = to.map_or_else(|| "the queue".to_string(), |t| t.to_string());
    store::log(tx, id, core.now(), &caller.id(), "assigned", &owner).await?;
    trail(tx, core, caller, "exception.assigned", &before, json!({ "owner_id": to }), None).await
}

/// A line of a person's own.
pub async fn note(tx: &mut Tx, core: &Core, caller: &Caller, id: ExceptionId, text: &str) -> Result<()> {
    let e = workable(tx, caller, id).await?;
    let text = said(text)?;
    store::log(tx, id, core.now(), &caller.id(), "note", text).await?;
    trail(tx, core, caller, "exception.noted", &e, json!({}), Some(text)).await
}

/// A person mended it.
pub async fn resolve_by(tx: &mut Tx, core: &Core, caller: &Caller, id: ExceptionId, how: &str) -> Result<()> {
    close(tx, core, caller, id, how, ExceptionState::Resolved).await
}

/// A person decided that nothing is wrong.
pub async fn dismiss(tx: &mut Tx, core: &Core, caller: &Caller, id: ExceptionId, why: &str) -> Result<()> {
    close(tx, core, caller, id, why, ExceptionState::Dismissed).await
}

async fn close(tx: &mut Tx, core: &Core, caller: &Caller, id: ExceptionId, how: &str, to: ExceptionState) -> Result<()> {
    let before = workable(tx, caller, id).await?;
    let how = said(how)?;
    let now = core.now();
    store::close(tx, id, before.version, to, how, now).await?;
    store::log(tx, id, now, &caller.id(), to.as_str(), how).await?;
    let action = if to == ExceptionState::Resolved {
        "exception.resolved"
    } else {
        "exception.dismissed"
    };
    trail(tx, core, caller, action, &before, json!({ "state": to }), Some(how)).await
}

async fn workable(tx: &mut Tx, caller: &Caller, id: ExceptionId) -> Result<Exception> {
    let e = reached(tx, caller, Right::ExceptionsWork, id).await?;
    match e.state {
        ExceptionState::Open => Ok(e),
        s => Err(Problem::conflict("exception_closed", format!("this exception is {s}"))),
    }
}

fn said(text: &str) -> Result<&str> {
    match text.trim() {
        "" => Err(Problem::invalid("note", "note_empty", "say in a sentence what was done or why")),
        t if t.chars().count() > 2_000 => Err(Problem::invalid("note", "note_too_long", "expected at most 2000 characters")),
        t => Ok(t),
    }
}

async fn trail(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    action: &'static str,
    of: &Exception,
    after: Value,
    reason: Option<&str>,
) -> Result<()> {
    let entry = audit::Entry {
        caller,
        action,
        object: format!("exception:{}", of.id),
        client_id: of.client_id.clone(),
        entity: of.entity.clone(),
        before: Some(json!({ "state": of.state, "owner_id": of.owner_id })),
        after: Some(after),
        reason: reason.map(str::to_string),
        rule: None,
        seen: None,
    };
    audit::record(tx, core, entry).await?;
    Ok(())
}

/// How many were opened, by kind and week: (kind, weeks after `first`, count). Of the entities the
/// caller may enter and the queues the right reaches.
pub async fn weekly(tx: &mut Tx, caller: &Caller, first: Ts, until: Ts) -> Result<Vec<(String, i64, i64)>> {
    let queues = queues(caller, Right::ExceptionsView)?;
    store::weekly(tx, caller.allowed_entities(), queues.as_ref(), first, until).await
}

/// One role's queue in numbers.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ExceptionFigures)]
pub struct Ageing {
    pub owner_role: String,
    pub open: i64,
    pub overdue: i64,
    /// Age of the oldest, whole seconds.
    pub oldest_secs: i64,
}

pub async fn ageing(tx: &mut Tx, now: Ts) -> Result<Vec<Ageing>> {
    store::ageing(tx, now).await
}

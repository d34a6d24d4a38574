//! What somebody has to do about a client, and by when.

use crate::client::{self, ClientId, entry};
use crate::store;
use crate::timeline::{self, NewLine, Visibility};
use async_trait::async_trait;
use qd_db::Tx;
use qd_kernel::{Page, PageRequest, Problem, Result, Ts, id, page::join_key, text_enum};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right, Scope, StaffId, staff};
use qd_runtime::audit;
use qd_runtime::events::{self, NewEvent};
use qd_runtime::jobs::{self, Handler, JobError, Lease, NewJob};
use serde::{Deserialize, Serialize};
use serde_json::json;

id!(TaskId, "tsk", "A task about a client.");

pub const DUE_JOB: &str = "client.task_due";

text_enum!(TaskState { Open = "open", Done = "done", Cancelled = "cancelled" });

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewTask {
    pub title: String,
    pub due_at: Ts,
    /// The caller's own when absent.
    #[serde(default)]
    pub owner_id: Option<StaffId>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Task {
    pub id: TaskId,
    pub client_id: ClientId,
    pub title: String,
    pub owner_id: StaffId,
    #[serde(rename = "due_at_us")]
    pub due_at: Ts,
    pub state: TaskState,
    pub created_by: String,
    #[serde(rename = "created_at_us")]
    pub created_at: Ts,
    #[serde(rename = "closed_at_us")]
    pub closed_at: Option<Ts>,
    pub outcome: Option<String>,
    pub version: i64,
}

async fn plan(tx: &mut Tx, core: &Core, t: &Task) -> Result<()> {
    let mut job = NewJob::new(DUE_JOB, json!({"task_id": t.id, "due_at": t.due_at}), core.now()).key(format!("{}:{}", t.id, t.version));
    job.run_at = t.due_at;
    jobs::enqueue(tx, core, job).await?;
    Ok(())
}

/// Adds a task; its owner is told when it is due.
pub async fn add(tx: &mut Tx, core: &Core, caller: &Caller, id: ClientId, new: NewTask) -> Result<Task> {
    let c = client::get(tx, caller, Right::TasksManage, id).await?;
    let title = new.title.trim();
    if title.is_empty() || title.chars().count() > 200 || title.chars().any(char::is_control) {
        return Err(Problem::invalid("/title", "title_length", "expected 1 to 200 characters"));
    }
    let owner_id = match (new.owner_id, c.owner_id) {
        (Some(o), _) => {
            staff::name_of(tx, o)
                .await?
                .ok_or_else(|| Problem::invalid("/owner_id", "staff_unknown", "expected somebody who works here"))?;
            o
        }
        // A rule's task belongs to the client's owner.
        (None, of_client) => match caller.staff_id() {
            Ok(me) => me,
            Err(_) => {
                of_client.ok_or_else(|| Problem::invalid("/owner_id", "staff_missing", "expected somebody: the client has no owner"))?
            }
        },
    };
    let t = Task {
        id: TaskId::new(&core.env),
        client_id: id,
        title: title.to_string(),
        owner_id,
        due_at: new.due_at,
        state: TaskState::Open,
        created_by: caller.id(),
        created_at: core.now(),
        closed_at: None,
        outcome: None,
        version: 1,
    };
    store::tasks::insert(tx, &t).await?;
    plan(tx, core, &t).await?;
    let data = json!({"task_id": t.id, "title": t.title, "due_at_us": t.due_at, "owner_id": t.owner_id});
    timeline::put(
        tx,
        core,
        caller,
        NewLine::new(id, "task", "timeline.task_added", data.clone(), Visibility::Staff).text(t.title.clone()),
    )
    .await?;
    audit::record(tx, core, entry(caller, "task.added", &c).after(data)).await?;
    Ok(t)
}

/// What to change about a task: exactly one of the three.
#[derive(Clone, Debug)]
pub enum TaskChange {
    Done { outcome: String },
    Cancel { reason: String },
    Move { due_at: Ts },
    Give { owner_id: StaffId },
}

/// Changes an open task from a version.
pub async fn change(tx: &mut Tx, core: &Core, caller: &Caller, id: TaskId, base_version: i64, change: TaskChange) -> Result<Task> {
    let mut t = store::tasks::find(tx, id).await?.ok_or_else(|| Problem::missing("task"))?;
    // One's own task may be about a client who has another owner by now.
    let mine = caller.staff_id().is_ok_and(|me| me == t.owner_id) && caller.may(Right::TasksManage);
    let c = if mine {
        client::find(tx, t.client_id).await?.ok_or_else(|| Problem::missing("client"))?
    } else {
        client::get(tx, caller, Right::TasksManage, t.client_id).await?
    };
    let before = json!({"state": t.state, "due_at_us": t.due_at, "owner_id": t.owner_id});
    if t.state != TaskState::Open {
        return Err(Problem::conflict("task_closed", format!("the task is {} already", t.state)));
    }
    let now = core.now();
    let text = |s: String| s.chars().take(1_000).collect::<String>();
    let title_key = match change {
        TaskChange::Done { outcome } => {
            (t.state, t.closed_at, t.outcome) = (TaskState::Done, Some(now), Some(text(outcome)));
            "timeline.task_done"
        }
        TaskChange::Cancel { reason } => {
            (t.state, t.closed_at, t.outcome) = (TaskState::Cancelled, Some(now), Some(text(reason)));
            "timeline.task_cancelled"
        }
        TaskChange::Move { due_at } => {
            t.due_at = due_at;
            "timeline.task_moved"
        }
        TaskChange::Give { owner_id } => {
            staff::name_of(tx, owner_id)
                .await?
                .ok_or_else(|| Problem::invalid("/owner_id", "staff_unknown", "expected somebody who works here"))?;
            t.owner_id = owner_id;
            "timeline.task_given"
        }
    };
    store::tasks::save(tx, &t, base_version).await?;
    t.version = base_version + 1;
    if t.state == TaskState::Open {
        plan(tx, core, &t).await?;
    }
    let data =
        json!({"task_id": t.id, "title": t.title, "state": t.state, "due_at_us": t.due_at, "owner_id": t.owner_id, "outcome": t.outcome});
    timeline::put(
        tx,
        core,
        caller,
        NewLine::new(t.client_id, "task", title_key, data.clone(), Visibility::Staff),
    )
    .await?;
    audit::record(tx, core, entry(caller, "task.changed", &c).before(before).after(data)).await?;
    Ok(t)
}

/// Tasks of one client, the soonest first.
pub async fn of_client(tx: &mut Tx, caller: &Caller, id: ClientId, open_only: bool) -> Result<Vec<Task>> {
    client::get(tx, caller, Right::TimelineView, id).await?;
    store::tasks::of_client(tx, id, open_only).await
}

/// Open tasks of somebody, the soonest first: one's own, or a colleague's as far as the right reaches.
pub async fn agenda(tx: &mut Tx, caller: &Caller, owner: Option<StaffId>, until: Option<Ts>, page: &PageRequest) -> Result<Page<Task>> {
    let scope = caller.require(Right::TasksManage)?;
    let owner = match owner {
        None => caller.staff_id()?,
        Some(o) if caller.staff_id().is_ok_and(|me| me == o) => o,
        Some(o) => match scope {
            Scope::Own => return Err(Problem::missing("staff")),
            Scope::Desk if staff::get(tx, &Caller::system("clients"), o).await?.desk.as_deref() != caller.desk() => {
                return Err(Problem::missing("staff"));
            }
            _ => o,
        },
    };
    let rows = store::tasks::agenda(tx, owner, until, page).await?;
    let mut page = page.finish(rows, |t: &Task| join_key(&[&t.due_at.micros().to_string(), &t.id.to_string()]));
    if caller.allowed_entities().is_some() && !caller.staff_id().is_ok_and(|me| me == owner) {
        let mut seen = Vec::with_capacity(page.items.len());
        for t in page.items {
            if client::find(tx, t.client_id).await?.is_some_and(|c| caller.enters(Some(&c.entity))) {
                seen.push(t);
            }
        }
        page.items = seen;
    }
    Ok(page)
}

/// The job that says a task is due, unless it was closed or moved in the meantime.
pub struct TaskDue {
    pub core: Core,
}

#[async_trait]
impl Handler for TaskDue {
    fn kind(&self) -> &'static str {
        DUE_JOB
    }
    async fn run(&self, lease: &Lease) -> std::result::Result<(), JobError> {
        let id = TaskId::parse(lease.text("task_id")?)?;
        let due_at = lease.payload.get("due_at").and_then(serde_json::Value::as_i64).map(Ts);
        let (core, lease) = (self.core.clone(), lease.clone());
        self.core
            .db
            .write(async move |tx| {
                lease.complete(tx).await?;
                let Some(t) = store::tasks::find(tx, id).await? else {
                    return Ok(());
                };
                if t.state != TaskState::Open || Some(t.due_at) != due_at {
                    return Ok(());
                }
                let c = client::find(tx, t.client_id).await?;
                let payload =
                    json!({"task_id": t.id, "client_id": t.client_id, "owner_id": t.owner_id, "title": t.title, "due_at_us": t.due_at});
                events::publish(
                    tx,
                    &core,
                    NewEvent {
                        kind: "task.due",
                        aggregate: format!("task:{id}"),
                        entity: c.map(|c| c.entity),
                        payload,
                    },
                )
                .await?;
                Ok(())
            })
            .await?;
        Ok(())
    }
}

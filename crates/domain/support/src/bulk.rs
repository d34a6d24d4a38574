//! One change of many clients. What is asked for is kept with what came of each record; a preview is
//! the same change made and taken back, so that it says exactly what would happen. Each record has a
//! transaction of its own: one that fails leaves the others alone.

use crate::store;
use async_trait::async_trait;
use qd_clients::tasks::{self, NewTask};
use qd_clients::{Client, ClientId, Command, Filter, Patch, Sort};
use qd_db::Tx;
use qd_kernel::{PageRequest, Problem, Result, Ts, id, text_enum};
use qd_notify::{NewNotification, notify};
use qd_runtime::Core;
use qd_runtime::access::{Access, Caller, Right, StaffId};
use qd_runtime::audit::{self, Entry};
use qd_runtime::jobs::{self, Handler, JobError, Lease, NewJob};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use utoipa::ToSchema;

id!(BulkId, "blk", "A change of many records.");

pub const JOB: &str = "clients.bulk";
/// Records of one run, named or found by a filter.
pub const MOST: usize = 5_000;
/// Records a preview looks at; the rest is counted.
pub const PREVIEW: usize = 200;
/// Records changed before the answer; what is more is left to a job.
pub const AT_ONCE: usize = 100;
/// Records of one turn of the job.
const TURN: usize = 200;

text_enum!(
    /// What came of one record.
    BulkState {
        Waiting = "waiting",
        Changed = "changed",
        /// It was so already.
        Unchanged = "unchanged",
        Failed = "failed",
    }
);

/// What to do to each.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = BulkAction)]
pub enum Action {
    /// To a person, a desk, or both; to nobody when both are absent.
    Assign {
        #[serde(default)]
        owner_id: Option<StaffId>,
        #[serde(default)]
        desk: Option<String>,
    },
    /// `fall_asleep`, `wake` or `churn`.
    Stage { command: Command },
    /// A task for each client's owner, or for one person.
    Task {
        title: String,
        due_at_us: Ts,
        #[serde(default)]
        owner_id: Option<StaffId>,
    },
    Tag {
        #[serde(default)]
        add: Vec<String>,
        #[serde(default)]
        remove: Vec<String>,
    },
}

impl Action {
    pub fn name(&self) -> &'static str {
        match self {
            Action::Assign { .. } => "assign",
            Action::Stage { .. } => "stage",
            Action::Task { .. } => "task",
            Action::Tag { .. } => "tag",
        }
    }
    fn right(&self) -> Right {
        match self {
            Action::Assign { .. } => Right::LeadsAssign,
            Action::Stage { .. } | Action::Tag { .. } => Right::ClientsEdit,
            Action::Task { .. } => Right::TasksManage,
        }
    }
    fn check(&self) -> Result<()> {
        match self {
            Action::Stage { command } if !matches!(command, Command::FallAsleep | Command::Wake | Command::Churn) => Err(Problem::invalid(
                "/action/command",
                "value_unknown",
                "expected fall_asleep, wake or churn",
            )),
            Action::Tag { add, remove } if add.is_empty() && remove.is_empty() => {
                Err(Problem::invalid("/action/add", "one_of", "expected tags to add or to remove"))
            }
            _ => Ok(()),
        }
    }
}

/// Which records: named, or all that a filter finds.
#[derive(Clone, Debug)]
pub enum Which {
    Ids(Vec<ClientId>),
    Filter(Box<Filter>),
}

#[derive(Clone, Debug)]
pub struct Ask {
    pub which: Which,
    pub action: Action,
    /// Stands in the audit row of each record.
    pub reason: String,
}

/// A field before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = BulkChange, example = json!({"field": "desk", "from": null, "to": "german"}))]
pub struct Change {
    /// `owner_id`, `desk`, `stage`, `tags`, `task`.
    pub field: String,
    pub from: Value,
    pub to: Value,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({"client_id": "cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "state": "changed", "code": null, "detail": null, "changes": [{"field": "desk", "from": null, "to": "german"}]}))]
pub struct BulkItem {
    pub client_id: ClientId,
    pub state: BulkState,
    /// Of what failed: the problem's code and sentence.
    pub code: Option<String>,
    pub detail: Option<String>,
    pub changes: Vec<Change>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({"id": null, "action": "assign", "dry_run": true, "records": 2, "examined": 2, "changed": 1, "unchanged": 0, "failed": 1, "waiting": 0, "finished": true, "items": [{"client_id": "cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "state": "changed", "code": null, "detail": null, "changes": [{"field": "desk", "from": null, "to": "german"}]}, {"client_id": "cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4W", "state": "failed", "code": "not_found", "detail": "no such client", "changes": []}]}))]
pub struct BulkView {
    /// Ask `GET /clients/bulk/{id}` how it goes on; none for a preview.
    pub id: Option<BulkId>,
    pub action: String,
    pub dry_run: bool,
    /// How many were asked for.
    pub records: i64,
    /// Records looked at: a preview looks at the first 200.
    pub examined: i64,
    pub changed: i64,
    pub unchanged: i64,
    pub failed: i64,
    /// Left to a job that is under way.
    pub waiting: i64,
    pub finished: bool,
    /// What failed first, then the rest; at most 200.
    pub items: Vec<BulkItem>,
}

/// The fields that an action of ours can change.
fn fields(c: &Client) -> Vec<(&'static str, Value)> {
    vec![
        ("owner_id", json!(c.owner_id)),
        ("desk", json!(c.desk)),
        ("stage", json!(c.stage)),
        ("tags", json!(c.tags)),
    ]
}

/// The change of one record, with the rights of one record.
async fn one(tx: &mut Tx, core: &Core, caller: &Caller, id: ClientId, action: &Action, reason: &str) -> Result<Vec<Change>> {
    let before = qd_clients::get(tx, caller, action.right(), id).await?;
    let mut more = Vec::new();
    match action {
        Action::Assign { owner_id, desk } => {
            qd_clients::assign(tx, core, caller, id, *owner_id, desk.clone(), reason).await?;
        }
        Action::Stage { command } => {
            qd_clients::stage(tx, core, caller, id, *command, reason).await?;
        }
        Action::Task {
            title,
            due_at_us,
            owner_id,
        } => {
            let new = NewTask {
                title: title.clone(),
                due_at: *due_at_us,
                // The client's own person does it, when nobody is named and somebody is there.
                owner_id: owner_id.or(before.owner_id),
            };
            let t = tasks::add(tx, core, caller, id, new).await?;
            more.push(Change {
                field: "task".into(),
                from: Value::Null,
                to: json!({"title": t.title, "owner_id": t.owner_id, "due_at_us": due_at_us}),
            });
        }
        Action::Tag { add, remove } => {
            let plain = |t: &String| t.trim().to_lowercase();
            let gone: BTreeSet<String> = remove.iter().map(plain).collect();
            let tags: BTreeSet<String> = before
                .tags
                .iter()
                .cloned()
                .chain(add.iter().map(plain))
                .filter(|t| !gone.contains(t))
                .collect();
            let patch = Patch {
                tags: Some(tags.into_iter().collect()),
                ..Patch::default()
            };
            qd_clients::edit(tx, core, caller, id, before.version, patch, reason).await?;
        }
    }
    let after = qd_clients::find(tx, id).await?.ok_or_else(|| Problem::missing("client"))?;
    let mut changes: Vec<Change> = fields(&before)
        .into_iter()
        .zip(fields(&after))
        .filter(|((_, from), (_, to))| from != to)
        .map(|((field, from), (_, to))| Change {
            field: field.into(),
            from,
            to,
        })
        .collect();
    changes.append(&mut more);
    Ok(changes)
}

/// The first records, and how many there are in all.
async fn ids(tx: &mut Tx, caller: &Caller, which: &Which) -> Result<Vec<ClientId>> {
    match which {
        Which::Ids(ids) => {
            let mut seen = BTreeSet::new();
            let ids: Vec<ClientId> = ids.iter().copied().filter(|id| seen.insert(*id)).collect();
            if ids.is_empty() || ids.len() > MOST {
                return Err(Problem::invalid("/ids", "ids_count", format!("expected 1 to {MOST} ids")));
            }
            Ok(ids)
        }
        Which::Filter(f) => {
            let (mut out, mut cursor): (Vec<ClientId>, Option<String>) = (Vec::new(), None);
            loop {
                let page = qd_clients::list(tx, caller, f, Sort::Oldest, &PageRequest::new(Some(200), cursor.as_deref())?).await?;
                out.extend(page.items.iter().map(|r| r.id));
                cursor = page.next_cursor;
                if out.len() > MOST {
                    return Err(Problem::invalid(
                        "/filter",
                        "filter_too_wide",
                        format!("expected a filter that finds at most {MOST} records"),
                    ));
                }
                if cursor.is_none() {
                    break;
                }
            }
            if out.is_empty() {
                return Err(Problem::invalid(
                    "/filter",
                    "filter_finds_none",
                    "expected a filter that finds records",
                ));
            }
            Ok(out)
        }
    }
}

fn checked(caller: &Caller, ask: &Ask) -> Result<()> {
    caller.staff_id()?;
    caller.require(ask.action.right())?;
    ask.action.check()?;
    let n = ask.reason.trim().chars().count();
    if n == 0 || n > 500 {
        return Err(Problem::invalid(
            "/reason",
            "reason_missing",
            "expected 1 to 500 characters, which staff and auditors will read",
        ));
    }
    Ok(())
}

fn item(client_id: ClientId, came: std::result::Result<Vec<Change>, Problem>) -> BulkItem {
    match came {
        Ok(changes) => BulkItem {
            client_id,
            state: if changes.is_empty() {
                BulkState::Unchanged
            } else {
                BulkState::Changed
            },
            code: None,
            detail: None,
            changes,
        },
        Err(p) => BulkItem {
            client_id,
            state: BulkState::Failed,
            code: Some(p.code.to_string()),
            detail: Some(p.detail),
            changes: Vec::new(),
        },
    }
}

/// A failure that is the record's own is its result; one of the database or of ours ends the run.
fn of_record(p: Problem) -> Result<Problem> {
    use qd_kernel::Class;
    match p.class {
        Class::Unavailable | Class::Bug => Err(p),
        _ => Ok(p),
    }
}

fn count(items: &[BulkItem], s: BulkState) -> i64 {
    i64::try_from(items.iter().filter(|i| i.state == s).count()).unwrap_or(i64::MAX)
}

/// What would happen: the first records are changed, looked at and changed back.
pub async fn preview(core: &Core, caller: &Caller, ask: Ask) -> Result<BulkView> {
    checked(caller, &ask)?;
    let (c, which) = (caller.clone(), ask.which.clone());
    let all = core.db.read(async move |tx| ids(tx, &c, &which).await).await?;
    let mut items = Vec::new();
    for id in all.iter().copied().take(PREVIEW) {
        let seen: Arc<Mutex<Option<Vec<Change>>>> = Arc::default();
        let (inner, c, a, out) = (core.clone(), caller.clone(), ask.clone(), seen.clone());
        let done: Result<()> = core
            .db
            .write(async move |tx| {
                let changes = one(tx, &inner, &c, id, &a.action, &a.reason).await?;
                *out.lock().unwrap_or_else(|p| p.into_inner()) = Some(changes);
                Err(Problem::conflict("dry_run", "a preview changes nothing"))
            })
            .await;
        let came = match (done, seen.lock().unwrap_or_else(|p| p.into_inner()).take()) {
            (Err(p), Some(changes)) if p.is("dry_run") => Ok(changes),
            (Err(p), _) => Err(of_record(p)?),
            (Ok(()), _) => return Err(Problem::bug("preview_kept", "a preview was committed")),
        };
        items.push(item(id, came));
    }
    let whole = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    items.sort_by_key(|i| i.state != BulkState::Failed);
    Ok(BulkView {
        id: None,
        action: ask.action.name().into(),
        dry_run: true,
        records: whole(all.len()),
        examined: whole(items.len()),
        changed: count(&items, BulkState::Changed),
        unchanged: count(&items, BulkState::Unchanged),
        failed: count(&items, BulkState::Failed),
        waiting: 0,
        finished: true,
        items,
    })
}

/// A run as its job carries it.
#[derive(Serialize, Deserialize)]
struct Order {
    run_id: BulkId,
    by: StaffId,
    action: Action,
    reason: String,
    turn: i64,
}

async fn enqueue(tx: &mut Tx, core: &Core, o: &Order) -> Result<()> {
    let job = NewJob::new(JOB, serde_json::to_value(o)?, core.now())
        .key(format!("{}:{}", o.run_id, o.turn))
        .lane(format!("bulk:{}", o.by));
    jobs::enqueue(tx, core, job).await.map(|_| ())
}

/// Keeps what was asked for, and the job that sees to it. Part of the request's transaction, so that
/// the same request sent again is the same run.
pub async fn begin(tx: &mut Tx, core: &Core, caller: &Caller, ask: &Ask) -> Result<BulkId> {
    checked(caller, ask)?;
    let by = caller.staff_id()?;
    let all = ids(tx, caller, &ask.which).await?;
    let run_id = BulkId::new(&core.env);
    store::insert_run(tx, run_id, ask.action.name(), &by.to_string(), &all, core.now()).await?;
    let e = Entry::new(caller, "clients.bulk", format!("bulk:{run_id}")).after(json!({"action": ask.action, "records": all.len()}));
    audit::record(tx, core, e.reason(ask.reason.clone())).await?;
    let order = Order {
        run_id,
        by,
        action: ask.action.clone(),
        reason: ask.reason.clone(),
        turn: 0,
    };
    enqueue(tx, core, &order).await?;
    Ok(run_id)
}

/// Works on waiting records, at most so many. Several may do so at once: a record is taken and
/// changed in one transaction.
pub async fn work(core: &Core, caller: &Caller, run: BulkId, action: &Action, reason: &str, most: usize) -> Result<()> {
    let waiting = core
        .db
        .read(async move |tx| store::waiting_items(tx, run, i64::try_from(most).unwrap_or(0)).await)
        .await?;
    for (n, id) in waiting {
        let (inner, c, a, r) = (core.clone(), caller.clone(), action.clone(), reason.to_string());
        let done = core
            .db
            .write(async move |tx| {
                if !store::take_item(tx, run, n).await? {
                    return Ok(());
                }
                let changes = one(tx, &inner, &c, id, &a, &r).await?;
                store::finish_item(tx, run, n, &item(id, Ok(changes))).await
            })
            .await;
        if let Err(p) = done {
            let failed = item(id, Err(of_record(p)?));
            core.db
                .write(async move |tx| {
                    if store::take_item(tx, run, n).await? {
                        store::finish_item(tx, run, n, &failed).await?;
                    }
                    Ok(())
                })
                .await?;
        }
    }
    let at = core.now();
    core.db.write(async move |tx| store::finish_run(tx, run, at).await).await
}

/// How a run of the caller's stands.
pub async fn view(tx: &mut Tx, caller: &Caller, id: BulkId) -> Result<BulkView> {
    let me = caller.staff_id()?.to_string();
    let r = store::run(tx, id)
        .await?
        .filter(|r| r.by_id == me || caller.may(Right::AuditView))
        .ok_or_else(|| Problem::missing("bulk run"))?;
    let items = store::items(tx, id, i64::try_from(PREVIEW).unwrap_or(0)).await?;
    let counts = store::counts(tx, id).await?;
    let of = |s: BulkState| counts.iter().find(|(state, _)| *state == s).map_or(0, |(_, n)| *n);
    Ok(BulkView {
        id: Some(id),
        action: r.action,
        dry_run: false,
        records: r.total,
        examined: r.total - of(BulkState::Waiting),
        changed: of(BulkState::Changed),
        unchanged: of(BulkState::Unchanged),
        failed: of(BulkState::Failed),
        waiting: of(BulkState::Waiting),
        finished: r.finished_at.is_some(),
        items,
    })
}

/// The job: goes on where the request left off, with the rights its author has now.
pub struct Bulk {
    pub core: Core,
    pub access: Access,
}

#[async_trait]
impl Handler for Bulk {
    fn kind(&self) -> &'static str {
        JOB
    }
    async fn run(&self, lease: &Lease) -> std::result::Result<(), JobError> {
        let o: Order = serde_json::from_value(lease.payload.clone()).map_err(Problem::from)?;
        let run = o.run_id;
        // Somebody who left has no rights any more: every record fails, and says so.
        let caller = self.access.staff_caller(o.by).await?;
        work(&self.core, &caller, run, &o.action, &o.reason, TURN).await?;
        let (core, lease) = (self.core.clone(), lease.clone());
        self.core
            .db
            .write(async move |tx| {
                lease.complete(tx).await?;
                let counts = store::counts(tx, run).await?;
                let of = |s: BulkState| counts.iter().find(|(state, _)| *state == s).map_or(0, |(_, n)| *n);
                if of(BulkState::Waiting) > 0 {
                    let next: Order = serde_json::from_value(lease.payload.clone())?;
                    return enqueue(tx, &core, &Order { turn: next.turn + 1, ..next }).await;
                }
                // Whoever got the whole answer with the request needs no notice.
                let total: i64 = counts.iter().map(|(_, n)| n).sum();
                if total <= i64::try_from(AT_ONCE).unwrap_or(0) {
                    return Ok(());
                }
                let data = json!({"bulk_id": run, "changed": of(BulkState::Changed), "unchanged": of(BulkState::Unchanged), "failed": of(BulkState::Failed)});
                let n = NewNotification {
                    recipient: serde_json::from_value::<Order>(lease.payload.clone())?.by.to_string(),
                    key: Some(format!("bulk:{run}")),
                    kind: "bulk.done".into(),
                    title_key: "notification.bulk_done".into(),
                    data,
                    object: Some(format!("bulk:{run}")),
                    entity: None,
                };
                notify(tx, &core, n).await.map(|_| ())
            })
            .await?;
        Ok(())
    }
}

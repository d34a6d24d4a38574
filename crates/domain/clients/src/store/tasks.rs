use crate::client::ClientId;
use crate::tasks::{Task, TaskId, TaskState};
use qd_db::{Query, Tx, row, sql};
use qd_kernel::{PageRequest, Problem, Result, Ts, vals};
use qd_runtime::access::StaffId;

pub async fn insert(tx: &mut Tx, t: &Task) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO tasks (id, client_id, title, owner_id, due_at, state, created_by, created_at, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1)"
        ),
        &vals![
            t.id,
            t.client_id,
            &t.title,
            t.owner_id,
            t.due_at,
            t.state,
            &t.created_by,
            t.created_at
        ],
    )
    .await?;
    Ok(())
}

pub async fn save(tx: &mut Tx, t: &Task, base_version: i64) -> Result<()> {
    tx.exec_one(
        sql!(
            "UPDATE tasks SET owner_id = $3, due_at = $4, state = $5, closed_at = $6, outcome = $7, version = version + 1
             WHERE id = $1 AND version = $2 AND state = 'open'"
        ),
        &vals![t.id, base_version, t.owner_id, t.due_at, t.state, t.closed_at, t.outcome.clone()],
        || {
            Problem::conflict("version_changed", "the task was changed in the meantime").and_field(
                "/version",
                "version_changed",
                "expected the latest version",
            )
        },
    )
    .await
}

row! {
    struct TaskRow {
        id: TaskId, client_id: ClientId, title: String, owner_id: StaffId, due_at: Ts, state: TaskState, created_by: String, created_at: Ts,
        closed_at: Option<Ts>, outcome: Option<String>, version: i64,
    }
}

impl From<TaskRow> for Task {
    fn from(r: TaskRow) -> Task {
        Task {
            id: r.id,
            client_id: r.client_id,
            title: r.title,
            owner_id: r.owner_id,
            due_at: r.due_at,
            state: r.state,
            created_by: r.created_by,
            created_at: r.created_at,
            closed_at: r.closed_at,
            outcome: r.outcome,
            version: r.version,
        }
    }
}

pub async fn find(tx: &mut Tx, id: TaskId) -> Result<Option<Task>> {
    let row: Option<TaskRow> = tx
        .one(
            sql!("SELECT id, client_id, title, owner_id, due_at, state, created_by, created_at, closed_at, outcome, version FROM tasks WHERE id = $1"),
            &vals![id],
        )
        .await?;
    Ok(row.map(Task::from))
}

pub async fn of_client(tx: &mut Tx, id: ClientId, open_only: bool) -> Result<Vec<Task>> {
    let mut q = Query::new(sql!(
        "SELECT id, client_id, title, owner_id, due_at, state, created_by, created_at, closed_at, outcome, version FROM tasks WHERE TRUE"
    ));
    q.push(
        sql!(" AND client_id IN (SELECT c.id FROM clients c WHERE c.id = $? OR c.merged_into = $?)"),
        vals![id, id],
    );
    if open_only {
        q.push(sql!(" AND state = 'open'"), []);
    }
    q.push(sql!(" ORDER BY due_at, id LIMIT $?"), vals![200i64]);
    Ok(tx.query::<TaskRow>(&q).await?.into_iter().map(Task::from).collect())
}

pub async fn agenda(tx: &mut Tx, owner: StaffId, until: Option<Ts>, page: &PageRequest) -> Result<Vec<Task>> {
    let mut q = Query::new(sql!(
        "SELECT id, client_id, title, owner_id, due_at, state, created_by, created_at, closed_at, outcome, version FROM tasks WHERE state = 'open'"
    ));
    q.push(sql!(" AND owner_id = $?"), vals![owner]);
    if let Some(u) = until {
        q.push(sql!(" AND due_at < $?"), vals![u]);
    }
    if let Some(parts) = page.after_parts() {
        let bad = || Problem::invalid("cursor", "cursor_malformed", "expected a cursor of this list");
        let [at, id] = parts.as_slice() else { return Err(bad()) };
        let at: i64 = at.parse().map_err(|_| bad())?;
        q.push(sql!(" AND (due_at, id) > ($?, $?)"), vals![at, *id]);
    }
    q.push(sql!(" ORDER BY due_at, id LIMIT $?"), vals![page.fetch()]);
    Ok(tx.query::<TaskRow>(&q).await?.into_iter().map(Task::from).collect())
}

use super::{Ageing, ExceptionId, ExceptionState, Filter, NewException};
use crate::access::StaffId;
use qd_db::{FromRow, Query, Row, Sql, Tx, row, sql};
use qd_kernel::page::join_key;
use qd_kernel::{Page, PageRequest, Problem, Result, Ts, vals};
use serde::Serialize;
use serde_json::Value;

const OPEN: Sql = sql!(
    "INSERT INTO exceptions (id, kind, subject, entity, client_id, owner_role, rule, cause, detail, state, repeats,
        opened_at, last_at, due_at, retry_job_id, version)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'open', 0, $10, $10, $11, $12, 1)
     ON CONFLICT (kind, subject) WHERE state = 'open' DO UPDATE SET
        repeats = exceptions.repeats + 1, last_at = excluded.last_at, cause = excluded.cause, detail = excluded.detail,
        retry_job_id = COALESCE(excluded.retry_job_id, exceptions.retry_job_id)
     RETURNING id, repeats"
);
const CLOSE_OF: Sql = sql!(
    "UPDATE exceptions SET state = 'resolved', resolution = $3, resolved_at = $4, version = version + 1
     WHERE kind = $1 AND subject = $2 AND state = 'open' RETURNING id"
);
const CLOSE: Sql = sql!(
    "UPDATE exceptions SET state = $3, resolution = $4, resolved_at = $5, version = version + 1
     WHERE id = $1 AND version = $2 AND state = 'open'"
);
const ASSIGN: Sql = sql!("UPDATE exceptions SET owner_id = $3, version = version + 1 WHERE id = $1 AND version = $2 AND state = 'open'");
const LOG: Sql = sql!("INSERT INTO exception_log (exception_id, at, who, what, note) VALUES ($1, $2, $3, $4, $5)");
const LINES: Sql = sql!("SELECT at, who, what, note FROM exception_log WHERE exception_id = $1 ORDER BY seq");
const FIND: Sql = sql!(
    "SELECT id, kind, subject, entity, client_id, owner_role, owner_id, rule, cause, detail, state, repeats, opened_at,
        last_at, due_at, resolved_at, resolution, retry_job_id, version
     FROM exceptions WHERE id = $1"
);
const LIST: Sql = sql!(
    "SELECT id, kind, subject, entity, client_id, owner_role, owner_id, rule, cause, detail, state, repeats, opened_at,
        last_at, due_at, resolved_at, resolution, retry_job_id, version
     FROM exceptions WHERE opened_at >= 0"
);
const WITH_STATE: Sql = sql!(" AND state = $?");
// The literal lets both planners see that the partial index of open ones fits.
const OPEN_ONES: Sql = sql!(" AND state = 'open'");
const WITH_KIND: Sql = sql!(" AND kind = $?");
const WITH_ROLE: Sql = sql!(" AND owner_role = $?");
const WITH_OWNER: Sql = sql!(" AND owner_id = $?");
const WITH_CLIENT: Sql = sql!(" AND client_id = $?");
const WITH_SUBJECT: Sql = sql!(" AND subject = $?");
const OVERDUE: Sql = sql!(" AND due_at < $?");
const OPENED_FROM: Sql = sql!(" AND opened_at >= $?");
const OPENED_UNTIL: Sql = sql!(" AND opened_at < $?");
const ENTITIES: Sql = sql!(" AND entity IN (");
const ONE_OF: Sql = sql!("$?, ");
const ONE_MORE: Sql = sql!("$?)");
const MINE: Sql = sql!(" AND (owner_id = $? OR owner_role IN (");
const MINE_END: Sql = sql!("$?))");
const AFTER: Sql = sql!(" AND (opened_at, id) > ($?, $?)");
const ORDER: Sql = sql!(" ORDER BY opened_at, id LIMIT $?");
// 1970-01-05 was a Monday: weeks are counted from it, in microseconds.
const MONDAY: i64 = 345_600_000_000;
const WEEK: i64 = 604_800_000_000;
// Begins with a space: a piece that only its filters and BY_WEEK make a statement.
const WEEKLY: Sql = sql!(" SELECT kind, (opened_at - 345600000000) / 604800000000, COUNT(*) FROM exceptions WHERE opened_at >= 0");
const BY_WEEK: Sql = sql!(" GROUP BY kind, (opened_at - 345600000000) / 604800000000 ORDER BY kind, 2");
const AGEING: Sql = sql!(
    "SELECT owner_role, COUNT(*), CAST(COALESCE(SUM(CASE WHEN due_at < $1 THEN 1 ELSE 0 END), 0) AS BIGINT), MIN(opened_at)
     FROM exceptions WHERE state = 'open' GROUP BY owner_role ORDER BY owner_role"
);

/// An exception as its readers get it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Exception {
    pub id: ExceptionId,
    pub kind: String,
    pub subject: String,
    pub entity: Option<String>,
    pub client_id: Option<String>,
    pub owner_role: String,
    pub owner_id: Option<String>,
    pub rule: String,
    pub cause: String,
    /// What the rule knew: ids, amounts, what a provider sent.
    pub detail: Value,
    pub state: ExceptionState,
    /// How often it was raised again.
    pub repeats: i64,
    #[serde(rename = "opened_at_us")]
    pub opened_at: Ts,
    #[serde(rename = "last_at_us")]
    pub last_at: Ts,
    /// Past this it is overdue.
    #[serde(rename = "due_at_us")]
    pub due_at: Ts,
    #[serde(rename = "resolved_at_us")]
    pub resolved_at: Option<Ts>,
    pub resolution: Option<String>,
    pub retry_job_id: Option<String>,
    pub version: i64,
}

impl FromRow for Exception {
    fn from_row(r: &Row<'_>) -> Result<Self> {
        Ok(Exception {
            id: r.get(0, "id")?,
            kind: r.get(1, "kind")?,
            subject: r.get(2, "subject")?,
            entity: r.get(3, "entity")?,
            client_id: r.get(4, "client_id")?,
            owner_role: r.get(5, "owner_role")?,
            owner_id: r.get(6, "owner_id")?,
            rule: r.get(7, "rule")?,
            cause: r.get(8, "cause")?,
            detail: r.get(9, "detail")?,
            state: r.get(10, "state")?,
            repeats: r.get(11, "repeats")?,
            opened_at: r.get(12, "opened_at")?,
            last_at: r.get(13, "last_at")?,
            due_at: r.get(14, "due_at")?,
            resolved_at: r.get(15, "resolved_at")?,
            resolution: r.get(16, "resolution")?,
            retry_job_id: r.get(17, "retry_job_id")?,
            version: r.get(18, "version")?,
        })
    }
}

row! {
    #[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
    #[schema(as = ExceptionLogLine)]
    pub struct LogLine {
        #[serde(rename = "at_us")]
        pub at: Ts,
        pub who: String,
        pub what: String,
        pub note: String,
    }
}

/// The open exception's id and how often it was raised again before this.
pub(super) async fn open(tx: &mut Tx, id: ExceptionId, e: &NewException, now: Ts, due: Ts) -> Result<(ExceptionId, i64)> {
    let p = vals![
        id,
        e.kind,
        &e.subject,
        e.entity.clone(),
        e.client_id.clone(),
        e.owner_role,
        e.rule,
        &e.cause,
        &e.detail,
        now,
        due,
        e.retry
    ];
    tx.must(OPEN, &p).await
}

pub(super) async fn close_of(tx: &mut Tx, kind: &str, subject: &str, how: &str, now: Ts) -> Result<Option<ExceptionId>> {
    Ok(tx
        .one::<(ExceptionId,)>(CLOSE_OF, &vals![kind, subject, how, now])
        .await?
        .map(|r| r.0))
}

fn changed() -> Problem {
    Problem::conflict("exception_changed", "somebody else worked on this exception meanwhile; look again")
}

pub(super) async fn close(tx: &mut Tx, id: ExceptionId, version: i64, to: ExceptionState, how: &str, now: Ts) -> Result<()> {
    tx.exec_one(CLOSE, &vals![id, version, to, how, now], changed).await
}

pub(super) async fn assign(tx: &mut Tx, id: ExceptionId, version: i64, to: Option<StaffId>) -> Result<()> {
    tx.exec_one(ASSIGN, &vals![id, version, to], changed).await
}

pub(super) async fn log(tx: &mut Tx, id: ExceptionId, at: Ts, who: &str, what: &str, note: &str) -> Result<()> {
    tx.exec(LOG, &vals![id, at, who, what, note]).await?;
    Ok(())
}

pub(super) async fn lines(tx: &mut Tx, id: ExceptionId) -> Result<Vec<LogLine>> {
    tx.rows(LINES, &vals![id]).await
}

pub(super) async fn find(tx: &mut Tx, id: ExceptionId) -> Result<Option<Exception>> {
    tx.one(FIND, &vals![id]).await
}

/// One's own roles' queues and what was given to oneself.
pub(super) struct Queues {
    pub(super) roles: Vec<String>,
    pub(super) me: String,
}

/// False: nothing can be found.
fn reach(q: &mut Query, entities: Option<Vec<String>>, queues: Option<&Queues>) -> bool {
    if let Some(list) = entities {
        let Some((last, rest)) = list.split_last() else {
            return false;
        };
        q.push(ENTITIES, []);
        for e in rest {
            q.push(ONE_OF, vals![e]);
        }
        q.push(ONE_MORE, vals![last]);
    }
    if let Some(mine) = queues {
        q.push(MINE, vals![&mine.me]);
        for r in &mine.roles {
            q.push(ONE_OF, vals![r]);
        }
        q.push(MINE_END, vals![""]);
    }
    true
}

/// Opened at or after `first`, by kind and whole weeks after it.
pub(super) async fn weekly(
    tx: &mut Tx,
    entities: Option<Vec<String>>,
    queues: Option<&Queues>,
    first: Ts,
    until: Ts,
) -> Result<Vec<(String, i64, i64)>> {
    let mut q = Query::new(WEEKLY);
    q.push(OPENED_FROM, vals![first]);
    q.push(OPENED_UNTIL, vals![until]);
    if !reach(&mut q, entities, queues) {
        return Ok(Vec::new());
    }
    // Weeks begin where `first` does; the database counts them since 1970, both in whole weeks.
    q.push(BY_WEEK, []);
    let rows: Vec<(String, i64, i64)> = tx.query(&q).await?;
    let start = (first.micros() - MONDAY) / WEEK;
    Ok(rows.into_iter().map(|(kind, week, n)| (kind, week - start, n)).collect())
}

pub(super) async fn list(
    tx: &mut Tx,
    entities: Option<Vec<String>>,
    queues: Option<&Queues>,
    f: &Filter,
    page: &PageRequest,
) -> Result<Page<Exception>> {
    let mut q = Query::new(LIST);
    match f.state {
        Some(ExceptionState::Open) => {
            q.push(OPEN_ONES, []);
        }
        Some(s) => {
            q.push(WITH_STATE, vals![s]);
        }
        None => {}
    }
    let texts = [
        (WITH_KIND, &f.kind),
        (WITH_ROLE, &f.owner_role),
        (WITH_OWNER, &f.owner_id),
        (WITH_CLIENT, &f.client_id),
        (WITH_SUBJECT, &f.subject),
    ];
    for (piece, value) in texts {
        if let Some(v) = value {
            q.push(piece, vals![v]);
        }
    }
    if let Some(at) = f.overdue_at {
        q.push(OVERDUE, vals![at]);
    }
    if let Some(at) = f.opened_from {
        q.push(OPENED_FROM, vals![at]);
    }
    if let Some(at) = f.opened_until {
        q.push(OPENED_UNTIL, vals![at]);
    }
    if !reach(&mut q, entities, queues) {
        return Ok(page.finish(Vec::new(), |_: &Exception| String::new()));
    }
    if let Some(parts) = page.after_parts() {
        let (at, id) = match parts.as_slice() {
            [at, id] => (at.parse::<i64>().ok(), *id),
            _ => (None, ""),
        };
        let at = at.ok_or_else(|| Problem::invalid("cursor", "cursor_malformed", "expected the `next_cursor` of an earlier page"))?;
        q.push(AFTER, vals![at, id]);
    }
    q.push(ORDER, vals![page.fetch()]);
    Ok(page.finish(tx.query(&q).await?, |e: &Exception| {
        join_key(&[&e.opened_at.0.to_string(), &e.id.to_string()])
    }))
}

pub(super) async fn ageing(tx: &mut Tx, now: Ts) -> Result<Vec<Ageing>> {
    let rows: Vec<(String, i64, i64, Option<Ts>)> = tx.rows(AGEING, &vals![now]).await?;
    Ok(rows
        .into_iter()
        .map(|(owner_role, open, overdue, oldest)| Ageing {
            owner_role,
            open,
            overdue,
            oldest_secs: oldest.map_or(0, |at| now.secs_since(at).max(0)),
        })
        .collect())
}

use super::{JobId, NewJob};
use qd_db::{Engine, FromRow, Query, Row, Sql, Tx, UNIQUE, row, sql};
use qd_kernel::{Page, PageRequest, Problem, Result, Ts, vals};
use serde_json::Value;

const INSERT: Sql = sql!(
    "INSERT INTO jobs (id, kind, key, lane, payload, state, run_at, attempt, lost, max_attempts, every_secs, token, created_at)
     VALUES ($1, $2, $3, $4, $5, 'ready', $6, 0, 0, $7, $8, 0, $9)
     ON CONFLICT (kind, key) DO NOTHING"
);
const SET_EVERY: Sql = sql!("UPDATE jobs SET every_secs = $3 WHERE kind = $1 AND key = $2 AND every_secs <> $3");

// A lane's first living job is the only one that may run. SQLite has one writer, so nothing else
// can claim meanwhile; PostgreSQL passes over rows another worker is just claiming, and the unique
// index on a lane's leased job refuses what two snapshots might both have believed.
const CLAIM_SQLITE: Sql = sql!(
    "/* sqlite */ WITH c AS MATERIALIZED (
        SELECT j.seq FROM jobs AS j INDEXED BY jobs_ready
        WHERE j.state = 'ready' AND j.run_at <= $1 AND j.kind IN (SELECT value FROM json_each($2))
          AND (j.lane IS NULL OR NOT EXISTS (
               SELECT 1 FROM jobs AS b WHERE b.lane = j.lane AND b.state IN ('ready', 'leased')
               AND (b.seq < j.seq OR b.state = 'leased')))
        ORDER BY j.run_at, j.seq LIMIT $3)
     UPDATE jobs SET state = 'leased', token = token + 1, attempt = attempt + 1, leased_by = $4, leased_until = $5
     WHERE seq IN (SELECT seq FROM c)
     RETURNING seq, id, kind, key, payload, attempt, lost, max_attempts, every_secs, token, problem_code"
);
const CLAIM_POSTGRES: Sql = sql!(
    "/* postgres */ WITH c AS MATERIALIZED (
        SELECT j.seq FROM jobs AS j
        WHERE j.state = 'ready' AND j.run_at <= $1
          AND j.kind IN (SELECT jsonb_array_elements_text(CAST(CAST($2 AS TEXT) AS JSONB)))
          AND (j.lane IS NULL OR NOT EXISTS (
               SELECT 1 FROM jobs AS b WHERE b.lane = j.lane AND b.state IN ('ready', 'leased')
               AND (b.seq < j.seq OR b.state = 'leased')))
        ORDER BY j.run_at, j.seq LIMIT $3 FOR UPDATE OF j SKIP LOCKED)
     UPDATE jobs SET state = 'leased', token = token + 1, attempt = attempt + 1, leased_by = $4, leased_until = $5
     WHERE seq IN (SELECT seq FROM c)
     RETURNING seq, id, kind, key, payload, attempt, lost, max_attempts, every_secs, token, problem_code"
);
const NEXT_DUE: Sql = sql!("SELECT MIN(run_at) FROM jobs WHERE state = 'ready' AND run_at > $1");
const ANY_DUE: Sql = sql!("SELECT run_at FROM jobs WHERE state = 'ready' AND run_at <= $1 ORDER BY run_at LIMIT 1");
const EXPIRED: Sql = sql!("SELECT MIN(leased_until) FROM jobs WHERE state = 'leased'");

const COMPLETE_KEYED: Sql = sql!(
    "UPDATE jobs SET state = 'done', payload = '{}', leased_by = NULL, leased_until = NULL, problem_code = NULL,
        problem_detail = NULL, finished_at = $3
     WHERE id = $1 AND state = 'leased' AND token = $2"
);
const COMPLETE_PLAIN: Sql = sql!("DELETE FROM jobs WHERE id = $1 AND state = 'leased' AND token = $2");
const COMPLETE_TURN: Sql = sql!(
    "UPDATE jobs SET state = 'ready', run_at = $4, attempt = 0, lost = 0, leased_by = NULL, leased_until = NULL,
        problem_code = NULL, problem_detail = NULL, finished_at = $3
     WHERE id = $1 AND state = 'leased' AND token = $2"
);
const RETRY: Sql = sql!(
    "UPDATE jobs SET state = 'ready', run_at = $3, leased_by = NULL, leased_until = NULL, problem_code = $4, problem_detail = $5
     WHERE id = $1 AND state = 'leased' AND token = $2"
);
const BURY: Sql = sql!(
    "UPDATE jobs SET state = 'dead', leased_by = NULL, leased_until = NULL, problem_code = $3, problem_detail = $4, finished_at = $5
     WHERE id = $1 AND state = 'leased' AND token = $2"
);
const RENEW: Sql = sql!("UPDATE jobs SET leased_until = $3 WHERE id = $1 AND state = 'leased' AND token = $2");
const LOST: Sql = sql!(
    "SELECT seq, id, kind, key, payload, attempt, lost, max_attempts, every_secs, token, problem_code FROM jobs
     WHERE state = 'leased' AND leased_until <= $1 ORDER BY leased_until LIMIT 100"
);
const LOST_OF_NODE: Sql = sql!(
    "SELECT seq, id, kind, key, payload, attempt, lost, max_attempts, every_secs, token, problem_code FROM jobs
     WHERE state = 'leased' AND leased_by LIKE $1 AND leased_by <> $2 ORDER BY seq"
);
const GIVE_BACK: Sql = sql!(
    "UPDATE jobs SET state = 'ready', run_at = $3, lost = lost + 1, leased_by = NULL, leased_until = NULL
     WHERE id = $1 AND state = 'leased' AND token = $2"
);

const DEAD: Sql = sql!(
    "SELECT seq, id, kind, key, lane, payload, attempt, problem_code, problem_detail, created_at, finished_at
     FROM jobs WHERE state = 'dead'"
);
const DEAD_KIND: Sql = sql!(" AND kind = $?");
const DEAD_BEFORE: Sql = sql!(" AND seq < $?");
const DEAD_ORDER: Sql = sql!(" ORDER BY seq DESC LIMIT $?");
const REVIVE: Sql = sql!(
    "UPDATE jobs SET state = 'ready', run_at = $2, attempt = 0, lost = 0, problem_code = NULL, problem_detail = NULL, finished_at = NULL
     WHERE id = $1 AND state = 'dead' RETURNING kind"
);
const STATE_OF: Sql = sql!("SELECT state FROM jobs WHERE id = $1");
const FIGURES: Sql = sql!(
    "SELECT kind, state, COUNT(*), MIN(run_at) FROM jobs WHERE state IN ('ready', 'leased', 'dead') GROUP BY kind, state ORDER BY kind, state"
);

row! {
    /// A claimed row.
    pub struct Claimed {
        pub(super) seq: i64,
        pub(super) id: JobId,
        pub(super) kind: String,
        pub(super) key: Option<String>,
        pub(super) payload: Value,
        pub(super) attempt: u32,
        pub(super) lost: u32,
        pub(super) max_attempts: u32,
        pub(super) every_secs: Option<i64>,
        pub(super) token: i64,
        /// Of the last failure.
        pub(super) problem_code: Option<String>,
    }
}

impl Claimed {
    /// Failures when this run fails too. Runs whose worker died are not the job's failures.
    pub(super) fn failures_with_this(&self) -> u32 {
        self.attempt.saturating_sub(self.lost)
    }
}

pub(super) async fn insert(tx: &mut Tx, id: JobId, j: &NewJob, every: Option<i64>, now: Ts) -> Result<bool> {
    let p = vals![
        id,
        j.kind,
        j.key.clone(),
        j.lane.clone(),
        &j.payload,
        j.run_at,
        j.max_attempts,
        every,
        now
    ];
    Ok(tx.exec(INSERT, &p).await? == 1)
}

/// A schedule's period changed between two versions of the program.
pub(super) async fn set_every(tx: &mut Tx, kind: &str, key: &str, every: i64) -> Result<()> {
    tx.exec(SET_EVERY, &vals![kind, key, every]).await?;
    Ok(())
}

/// Takes up to `limit` due jobs of these kinds (a JSON array of texts), in order.
pub(super) async fn claim(tx: &mut Tx, kinds: &str, now: Ts, limit: i64, by: &str, until: Ts) -> Result<Vec<Claimed>> {
    let text = match tx.engine() {
        Engine::Sqlite => CLAIM_SQLITE,
        Engine::Postgres => CLAIM_POSTGRES,
    };
    let mut rows: Vec<Claimed> = tx.rows(text, &vals![now, kinds, limit, by, until]).await?;
    rows.sort_by_key(|r| r.seq);
    Ok(rows)
}

/// True for the error of two workers that believed a lane to be free.
pub(super) fn lane_taken(p: &Problem) -> bool {
    p.is(UNIQUE)
}

/// What there is to look at: is anything due, when is the next, when does a lease run out.
pub(super) struct Outlook {
    pub(super) due: bool,
    pub(super) next: Option<Ts>,
    pub(super) lease_ends: Option<Ts>,
}

pub(super) async fn outlook(tx: &mut Tx, now: Ts) -> Result<Outlook> {
    let due = tx.one::<(i64,)>(ANY_DUE, &vals![now]).await?.is_some();
    let next = tx.must::<(Option<Ts>,)>(NEXT_DUE, &vals![now]).await?.0;
    let lease_ends = tx.must::<(Option<Ts>,)>(EXPIRED, &[]).await?.0;
    Ok(Outlook { due, next, lease_ends })
}

pub(super) async fn complete(tx: &mut Tx, c: &Claimed, now: Ts) -> Result<()> {
    let n = match (c.every_secs, &c.key) {
        (Some(secs), _) => tx.exec(COMPLETE_TURN, &vals![c.id, c.token, now, now.plus_secs(secs)]).await?,
        (None, Some(_)) => tx.exec(COMPLETE_KEYED, &vals![c.id, c.token, now]).await?,
        (None, None) => tx.exec(COMPLETE_PLAIN, &vals![c.id, c.token]).await?,
    };
    match n {
        1 => Ok(()),
        _ => Err(Problem::conflict(
            "job_lease_lost",
            "another worker took this job over, or it is done",
        )),
    }
}

pub(super) async fn retry(tx: &mut Tx, c: &Claimed, run_at: Ts, p: &Problem) -> Result<bool> {
    Ok(tx.exec(RETRY, &vals![c.id, c.token, run_at, p.code, &p.detail]).await? == 1)
}

pub(super) async fn bury(tx: &mut Tx, c: &Claimed, p: &Problem, now: Ts) -> Result<bool> {
    Ok(tx.exec(BURY, &vals![c.id, c.token, p.code, &p.detail, now]).await? == 1)
}

pub(super) async fn renew(tx: &mut Tx, leases: &[(JobId, i64)], until: Ts) -> Result<u64> {
    let rows: Vec<Vec<qd_kernel::Val>> = leases.iter().map(|(id, token)| vals![*id, *token, until].to_vec()).collect();
    tx.exec_many(RENEW, &rows).await
}

pub(super) async fn lost(tx: &mut Tx, now: Ts) -> Result<Vec<Claimed>> {
    tx.rows(LOST, &vals![now]).await
}

/// Leased by an earlier life of this node. `node` holds no character that LIKE reads.
pub(super) async fn lost_of_node(tx: &mut Tx, node: &str, worker: &str) -> Result<Vec<Claimed>> {
    tx.rows(LOST_OF_NODE, &vals![format!("{node}/%"), worker]).await
}

pub(super) async fn give_back(tx: &mut Tx, c: &Claimed, run_at: Ts) -> Result<bool> {
    Ok(tx.exec(GIVE_BACK, &vals![c.id, c.token, run_at]).await? == 1)
}

/// A dead job, as the people who mend it see it.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct DeadJob {
    #[serde(skip)]
    pub seq: i64,
    pub id: JobId,
    pub kind: String,
    pub key: Option<String>,
    pub lane: Option<String>,
    pub payload: Value,
    pub attempts: u32,
    pub problem_code: Option<String>,
    pub problem_detail: Option<String>,
    #[serde(rename = "created_at_us")]
    pub created_at: Ts,
    #[serde(rename = "died_at_us")]
    pub died_at: Option<Ts>,
}

impl FromRow for DeadJob {
    fn from_row(r: &Row<'_>) -> Result<Self> {
        Ok(DeadJob {
            seq: r.get(0, "seq")?,
            id: r.get(1, "id")?,
            kind: r.get(2, "kind")?,
            key: r.get(3, "key")?,
            lane: r.get(4, "lane")?,
            payload: r.get(5, "payload")?,
            attempts: r.get(6, "attempt")?,
            problem_code: r.get(7, "problem_code")?,
            problem_detail: r.get(8, "problem_detail")?,
            created_at: r.get(9, "created_at")?,
            died_at: r.get(10, "finished_at")?,
        })
    }
}

pub(super) async fn dead(tx: &mut Tx, kind: Option<&str>, page: &PageRequest) -> Result<Page<DeadJob>> {
    let mut q = Query::new(DEAD);
    if let Some(k) = kind {
        q.push(DEAD_KIND, vals![k]);
    }
    if let Some(after) = &page.after {
        let seq: i64 = after
            .parse()
            .map_err(|_| Problem::invalid("cursor", "cursor_malformed", "expected the `next_cursor` of an earlier page"))?;
        q.push(DEAD_BEFORE, vals![seq]);
    }
    q.push(DEAD_ORDER, vals![page.fetch()]);
    Ok(page.finish(tx.query(&q).await?, |j: &DeadJob| j.seq.to_string()))
}

/// The job's kind when it was dead and is ready again.
pub(super) async fn revive(tx: &mut Tx, id: JobId, now: Ts) -> Result<Option<String>> {
    Ok(tx.one::<(String,)>(REVIVE, &vals![id, now]).await?.map(|r| r.0))
}

pub(super) async fn state_of(tx: &mut Tx, id: JobId) -> Result<Option<String>> {
    Ok(tx.one::<(String,)>(STATE_OF, &vals![id]).await?.map(|r| r.0))
}

row! {
    /// How many jobs of a kind are in a state, and the earliest time one of them wants to run.
    #[derive(Clone, Debug)]
    pub struct Figure {
        pub kind: String,
        pub state: String,
        pub count: i64,
        pub earliest: Option<Ts>,
    }
}

pub(super) async fn figures(tx: &mut Tx) -> Result<Vec<Figure>> {
    tx.rows(FIGURES, &[]).await
}

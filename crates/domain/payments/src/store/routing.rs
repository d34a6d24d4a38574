use crate::ExperimentId;
use crate::routing::ExperimentState;
use qd_db::{Tx, row, sql};
use qd_kernel::{Problem, Result, Ts, vals};

row! {
    #[derive(Clone, Debug)]
    pub struct ExperimentRow {
        pub id: ExperimentId,
        pub entity: String,
        pub name: String,
        pub method: String,
        /// JSON: [`crate::routing::Arm`].
        pub arms: String,
        pub state: ExperimentState,
        pub started_by: String,
        pub started_at: Ts,
        pub ended_by: Option<String>,
        pub ended_at: Option<Ts>,
        pub version: i64,
    }
}

pub async fn insert_experiment(tx: &mut Tx, e: &ExperimentRow) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO routing_experiments (id, entity, name, method, arms, state, started_by, started_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1)"),
        &vals![e.id, e.entity.as_str(), e.name.as_str(), e.method.as_str(), e.arms.as_str(), e.state, e.started_by.as_str(), e.started_at],
    )
    .await
    .map(|_| ())
}

pub async fn experiments(tx: &mut Tx) -> Result<Vec<ExperimentRow>> {
    tx.rows(
        sql!(
            "SELECT id, entity, name, method, arms, state, started_by, started_at, ended_by, ended_at, version FROM routing_experiments ORDER BY id DESC LIMIT 500"
        ),
        &[],
    )
    .await
}

pub async fn experiment(tx: &mut Tx, id: ExperimentId) -> Result<Option<ExperimentRow>> {
    tx.one(
        sql!("SELECT id, entity, name, method, arms, state, started_by, started_at, ended_by, ended_at, version FROM routing_experiments WHERE id = $1"),
        &vals![id],
    )
    .await
}

/// The running one of an entity and method; the oldest, should there be two.
pub async fn running_experiment(tx: &mut Tx, entity: &str, method: &str) -> Result<Option<ExperimentRow>> {
    tx.one(
        sql!(
            "SELECT id, entity, name, method, arms, state, started_by, started_at, ended_by, ended_at, version FROM routing_experiments
             WHERE entity = $1 AND state = 'running' AND method = $2 ORDER BY id LIMIT 1"
        ),
        &vals![entity, method],
    )
    .await
}

pub async fn end_experiment(tx: &mut Tx, e: &ExperimentRow) -> Result<()> {
    tx.exec_one(
        sql!(
            "UPDATE routing_experiments SET state = $3, ended_by = $4, ended_at = $5, version = version + 1 WHERE id = $1 AND version = $2"
        ),
        &vals![e.id, e.version, e.state, e.ended_by.clone(), e.ended_at],
        || Problem::unavailable("experiment_changed", "this experiment was changed meanwhile"),
    )
    .await
}

row! {
    /// Calls to a connection in a stretch of time.
    #[derive(Clone, Debug)]
    pub struct Calls {
        pub calls: i64,
        pub faults: i64,
        pub took_ms: i64,
        pub slowest_ms: i64,
    }
}

pub async fn note_call(tx: &mut Tx, connection: &str, at: Ts, fault: bool, took_ms: i64) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO psp_calls (connection, minute, calls, faults, took_ms, slowest_ms) VALUES ($1, $2, 1, $3, $4, $4)
             ON CONFLICT (connection, minute) DO UPDATE SET calls = psp_calls.calls + 1, faults = psp_calls.faults + excluded.faults, took_ms = psp_calls.took_ms + excluded.took_ms,
               slowest_ms = CASE WHEN psp_calls.slowest_ms > excluded.slowest_ms THEN psp_calls.slowest_ms ELSE excluded.slowest_ms END"
        ),
        &vals![connection, at.secs().div_euclid(60), i64::from(fault), took_ms],
    )
    .await
    .map(|_| ())
}

/// Since a moment, to the whole minute before it.
pub async fn calls_since(tx: &mut Tx, connection: &str, since: Ts) -> Result<Calls> {
    tx.must(
        sql!(
            "SELECT CAST(COALESCE(SUM(calls), 0) AS BIGINT), CAST(COALESCE(SUM(faults), 0) AS BIGINT), CAST(COALESCE(SUM(took_ms), 0) AS BIGINT), CAST(COALESCE(MAX(slowest_ms), 0) AS BIGINT)
             FROM psp_calls WHERE connection = $1 AND minute >= $2"
        ),
        &vals![connection, since.secs().div_euclid(60)],
    )
    .await
}

pub async fn forget_calls(tx: &mut Tx, connection: &str, before: Ts) -> Result<()> {
    tx.exec(
        sql!("DELETE FROM psp_calls WHERE connection = $1 AND minute < $2"),
        &vals![connection, before.secs().div_euclid(60)],
    )
    .await
    .map(|_| ())
}

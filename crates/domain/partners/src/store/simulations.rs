use crate::ids::{PartnerId, SimulationId};
use crate::simulate::SimulationState;
use qd_db::{Tx, row, sql};
use qd_kernel::{Problem, Result, Ts, vals};
use serde_json::Value;

row! {
    #[derive(Clone, Debug)]
    pub struct SimulationRow {
        pub id: SimulationId,
        pub state: SimulationState,
        pub ask: Value,
        pub entities: Option<Value>,
        pub deals: i64,
        pub seen: i64,
        pub result: Option<Value>,
        pub cause: Option<String>,
        pub made_by: String,
        pub made_at: Ts,
        pub done_at: Option<Ts>,
    }
}

row! {
    #[derive(Clone, Debug)]
    pub struct FactRow {
        pub server: String,
        pub ticket: String,
        pub value_at: Ts,
        pub facts: Value,
    }
}

pub async fn insert(tx: &mut Tx, s: &SimulationRow) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO commission_simulations (id, state, ask, entities, deals, seen, result, cause, made_by, made_at, done_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
        ),
        &vals![
            s.id,
            s.state,
            &s.ask,
            s.entities.as_ref(),
            s.deals,
            s.seen,
            s.result.as_ref(),
            s.cause.as_ref(),
            &s.made_by,
            s.made_at,
            s.done_at
        ],
    )
    .await?;
    Ok(())
}

pub async fn get(tx: &mut Tx, id: SimulationId) -> Result<Option<SimulationRow>> {
    tx.one(
        sql!(
            "SELECT id, state, ask, entities, deals, seen, result, cause, made_by, made_at, done_at FROM commission_simulations WHERE id = $1"
        ),
        &vals![id],
    )
    .await
}

pub async fn seen(tx: &mut Tx, id: SimulationId, seen: i64) -> Result<()> {
    tx.exec_one(
        sql!("UPDATE commission_simulations SET state = 'reading', seen = $2 WHERE id = $1 AND state IN ('waiting', 'reading')"),
        &vals![id, seen],
        || Problem::conflict("simulation_over", "the simulation is over"),
    )
    .await
}

pub async fn done(tx: &mut Tx, id: SimulationId, result: &Value, now: Ts) -> Result<()> {
    tx.exec_one(
        sql!(
            "UPDATE commission_simulations SET state = 'done', seen = deals, result = $2, done_at = $3
             WHERE id = $1 AND state IN ('waiting', 'reading')"
        ),
        &vals![id, result, now],
        || Problem::conflict("simulation_over", "the simulation is over"),
    )
    .await
}

pub async fn failed(tx: &mut Tx, id: SimulationId, cause: &str, now: Ts) -> Result<()> {
    tx.exec_one(
        sql!(
            "UPDATE commission_simulations SET state = 'failed', cause = $2, done_at = $3
             WHERE id = $1 AND state IN ('waiting', 'reading')"
        ),
        &vals![id, cause, now],
        || Problem::conflict("simulation_over", "the simulation is over"),
    )
    .await
}

/// How many deals with value dates from `from` up to `to`: of one partner (those it has lines of), or all.
pub async fn count(tx: &mut Tx, partner: Option<PartnerId>, from: Ts, to: Ts) -> Result<i64> {
    let (n,): (i64,) = match partner {
        None => {
            tx.must(
                sql!("SELECT COUNT(*) FROM commission_deals WHERE value_at >= $1 AND value_at < $2"),
                &vals![from, to],
            )
            .await?
        }
        Some(p) => {
            tx.must(
                sql!(
                    "SELECT COUNT(*) FROM commission_deals d WHERE d.value_at >= $1 AND d.value_at < $2
                     AND EXISTS (SELECT 1 FROM commission_lines l WHERE l.server = d.server AND l.ticket = d.ticket AND l.partner_id = $3)"
                ),
                &vals![from, to, p],
            )
            .await?
        }
    };
    Ok(n)
}

/// In the engine's order, after the one seen last.
pub async fn facts(
    tx: &mut Tx,
    partner: Option<PartnerId>,
    from: Ts,
    to: Ts,
    after: &(Ts, String, String),
    limit: i64,
) -> Result<Vec<FactRow>> {
    match partner {
        None => {
            tx.rows(
                sql!(
                    "SELECT server, ticket, value_at, facts FROM commission_deals
                     WHERE value_at >= $1 AND value_at < $2 AND (value_at, server, ticket) > ($3, $4, $5)
                     ORDER BY value_at, server, ticket LIMIT $6"
                ),
                &vals![from, to, after.0, &after.1, &after.2, limit],
            )
            .await
        }
        Some(p) => {
            tx.rows(
                sql!(
                    "SELECT server, ticket, value_at, facts FROM commission_deals d
                     WHERE value_at >= $1 AND value_at < $2 AND (value_at, server, ticket) > ($3, $4, $5)
                     AND EXISTS (SELECT 1 FROM commission_lines l WHERE l.server = d.server AND l.ticket = d.ticket AND l.partner_id = $7)
                     ORDER BY value_at, server, ticket LIMIT $6"
                ),
                &vals![from, to, after.0, &after.1, &after.2, limit, p],
            )
            .await
        }
    }
}

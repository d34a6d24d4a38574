//! What a proposed plan would have cost on deals of the past.

use crate::kit::{At, Reply, read, write};
use axum::Json;
use axum::extract::State;
use qd_app::{App, simulations};
use qd_kernel::{Problem, Result};
use qd_partners::SimulationId;
use qd_partners::simulate::{self, AT_ONCE, Ask, View};
use qd_web::{Answer, Asker, Body, IdempotencyKey};
use serde_json::Value;

/// Replays deals of the past under a draft or a saved plan, for some partners or everybody on a plan,
/// and compares with the plans of the time: cost, revenue and margin by month and product group, what
/// changes for whom, tiers, the break-even rate. Books nothing. A small question is answered at once
/// (200), a larger one by a job (202): ask for it by its id.
#[utoipa::path(post, path = "/api/v1/plans/simulate", tag = "partners", request_body = Ask, responses((status = 200, body = View), (status = 202, body = View)))]
pub async fn simulate(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, Body(ask): Body<Ask>) -> Reply<Answer> {
    let (core, c, a) = (app.core.clone(), caller.clone(), ask.clone());
    let (q, deals) = app
        .core
        .db
        .read(async move |tx| -> Result<_> {
            let q = simulate::check(tx, &core, &c, &a).await?;
            let n = simulate::size(tx, &q).await?;
            Ok((q, n))
        })
        .await?;
    if deals <= AT_ONCE {
        let s = simulations::answer(&app.core, q, None).await?;
        return Ok(Answer {
            status: 200,
            body: serde_json::to_value(View::answered(deals, &s)?).map_err(Problem::from)?,
            replayed: false,
        });
    }
    let (core, c, a) = (app.core.clone(), caller.clone(), ask.clone());
    write(&app, &caller, key, "plan.simulate", &ask, 202, async move |tx| {
        simulate::queue(tx, &core, &c, &a).await
    })
    .await
}

/// How far a simulation is, and its result.
#[utoipa::path(get, path = "/api/v1/plans/simulations/{id}", tag = "partners", responses((status = 200, body = View)))]
pub async fn simulation(State(app): State<App>, Asker(caller): Asker, At(id): At<SimulationId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| simulate::get(tx, &caller, id).await).await
}

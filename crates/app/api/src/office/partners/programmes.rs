//! What is paid by the client or by the month: where clients stand, what is held, what is carried.

use crate::kit::{At, Reply, list_query, read, write};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_kernel::Page;
use qd_partners::PartnerId;
use qd_partners::engine::cpa::CpaState;
use qd_partners::programmes::{self, Overview, Standing};
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// A partner's programmes: clients by state, what is held, what is carried, closed months, clients
/// set apart.
#[utoipa::path(get, path = "/api/v1/partners/{id}/programmes", tag = "partners", responses((status = 200, body = Overview)))]
pub async fn overview(State(app): State<App>, Asker(caller): Asker, At(id): At<PartnerId>) -> Reply<Json<Value>> {
    let now = app.core.now();
    read(&app, async move |tx| programmes::overview(tx, &caller, id, now).await).await
}

list_query!(Standings {
    state: CpaState as CpaState,
});

/// Where each client stands, with every figure that was looked at.
#[utoipa::path(get, path = "/api/v1/partners/{id}/programmes/clients", tag = "partners", params(Standings), responses((status = 200, body = Page<Standing>)))]
pub async fn clients(
    State(app): State<App>,
    Asker(caller): Asker,
    At(id): At<PartnerId>,
    Params(q): Params<Standings>,
) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| programmes::standings(tx, &caller, id, q.state, &page).await).await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DecideProgramme, example = json!({"client_id": "cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "accept": true, "reason": "A cousin with the same card; papers seen."}))]
pub struct Decide {
    client_id: String,
    /// Yes: paid once another person has said so too (`/approvals`). No: at once.
    accept: bool,
    reason: String,
}

/// Decides about a client on hold (a suspected self-referral).
#[utoipa::path(post, path = "/api/v1/partners/{id}/programmes/decide", tag = "partners", request_body = Decide, responses((status = 200, body = Standing)))]
pub async fn decide(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<PartnerId>,
    Body(req): Body<Decide>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "programme.decide", &(id, &req), 200, async move |tx| {
        let d = programmes::Decide {
            accept: r.accept,
            reason: r.reason.clone(),
        };
        programmes::decide(tx, &core, &c, id, &r.client_id, &d).await
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"client_id": "cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "apart": true, "reason": "One large winner."}))]
pub struct Quarantine {
    client_id: String,
    /// False: back among the others.
    apart: bool,
    reason: String,
}

/// Sets a client apart from the others' net revenue, from this month on, or puts the client back.
#[utoipa::path(post, path = "/api/v1/partners/{id}/programmes/quarantine", tag = "partners", request_body = Quarantine, responses((status = 200, body = Overview)))]
pub async fn quarantine(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<PartnerId>,
    Body(req): Body<Quarantine>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "programme.quarantine", &(id, &req), 200, async move |tx| {
        programmes::quarantine(tx, &core, &c, id, &r.client_id, r.apart, &r.reason).await?;
        programmes::overview(tx, &c, id, core.now()).await
    })
    .await
}

//! Logins that were on a trading server before us: whose they may be, and what people decide.

use crate::kit::{At, Reply, covered, list_query, write};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_kernel::Page;
use qd_trading::mapping::{self, Decided, Decisions, MappingQuery, MappingRunId, MappingState, MappingView, RunView};
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde_json::Value;

/// Looks for the owners of a server's logins. A run that waits already is answered instead of another.
#[utoipa::path(post, path = "/api/v1/trading/servers/{id}/mapping", tag = "control", responses((status = 202, body = RunView)))]
pub async fn ask(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, At(id): At<String>) -> Reply<Answer> {
    let (core, c, server) = (app.core.clone(), caller.clone(), id.clone());
    write(&app, &caller, key, "trading.mapping", &id, 202, async move |tx| {
        mapping::ask(tx, &core, &c, &server).await
    })
    .await
}

/// One search, with what it has come to.
#[utoipa::path(get, path = "/api/v1/trading/mapping/runs/{id}", tag = "control", responses((status = 200, body = RunView)))]
pub async fn run(State(app): State<App>, Asker(caller): Asker, At(id): At<MappingRunId>) -> Reply<Json<Value>> {
    let c = caller.clone();
    covered(&app, &caller, async move |tx| mapping::run(tx, &c, id).await).await
}

list_query!(Mappings {
    server: String as String,
    /// `proposed`, `conflict`, `stranger`, `accepted`, `refused`.
    state: MappingState as MappingState,
});

/// Logins with the clients they may belong to, and what became of them.
#[utoipa::path(get, path = "/api/v1/trading/mapping", tag = "control", params(Mappings), responses((status = 200, body = Page<MappingView>)))]
pub async fn list(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Mappings>) -> Reply<Json<Value>> {
    let (c, page) = (caller.clone(), q.page()?);
    covered(&app, &caller, async move |tx| {
        let f = MappingQuery {
            server: q.server.clone(),
            state: q.state,
        };
        mapping::list(tx, &c, f, &page).await
    })
    .await
}

/// Accepts and refuses many at once, all or nothing. An accepted login becomes an account here, with
/// the balance it came with.
#[utoipa::path(post, path = "/api/v1/trading/mapping/decide", tag = "control", request_body = Decisions, responses((status = 200, body = Decided)))]
pub async fn decide(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, Body(req): Body<Decisions>) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "trading.mapping.decide", &req, 200, async move |tx| {
        mapping::decide(tx, &core, &c, &r).await
    })
    .await
}

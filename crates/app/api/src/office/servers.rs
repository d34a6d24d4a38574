//! Trading servers: where they differ from what we have, and logins nobody here knows.

use crate::kit::{At, Reply, covered, list_query, write};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_kernel::Page;
use qd_trading::drift::{self, DriftKind, DriftRunId, FindingQuery, FindingView, LoginView, RunView};
use qd_trading::servers::{self, ServerRow};
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

list_query!(Differences {
    server: String as String,
    /// `balance`, `credit`, `rights`, `group`, `leverage`, `positions`, `deals`, `missing`.
    kind: DriftKind as DriftKind,
    /// True: only what is open; false: only what has ended.
    open: bool as bool,
});

#[derive(Serialize, ToSchema)]
pub struct DriftReport {
    /// Of each server: the newest comparison that has ended, or the first that waits.
    runs: Vec<RunView>,
    /// The newest first.
    items: Vec<FindingView>,
    next_cursor: Option<String>,
}

/// Where trading servers differ from what we have of them.
#[utoipa::path(get, path = "/api/v1/trading/drift", tag = "control", params(Differences), responses((status = 200, body = DriftReport)))]
pub async fn report(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Differences>) -> Reply<Json<Value>> {
    let (c, page) = (caller.clone(), q.page()?);
    covered(&app, &caller, async move |tx| {
        let f = FindingQuery {
            server: q.server.clone(),
            kind: q.kind,
            open: q.open,
        };
        let runs = drift::runs(tx, &c, q.server.as_deref()).await?;
        let found = drift::findings(tx, &c, f, &page).await?;
        Ok(DriftReport {
            runs,
            items: found.items,
            next_cursor: found.next_cursor,
        })
    })
    .await
}

/// One comparison, with the days on both sides.
#[utoipa::path(get, path = "/api/v1/trading/drift/runs/{id}", tag = "control", responses((status = 200, body = RunView)))]
pub async fn run(State(app): State<App>, Asker(caller): Asker, At(id): At<DriftRunId>) -> Reply<Json<Value>> {
    let c = caller.clone();
    covered(&app, &caller, async move |tx| drift::run(tx, &c, id).await).await
}

/// Compares a server now. One that waits for its turn already is answered instead of another.
#[utoipa::path(post, path = "/api/v1/trading/servers/{id}/drift", tag = "control", responses((status = 202, body = RunView)))]
pub async fn compare(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, At(id): At<String>) -> Reply<Answer> {
    let (core, c, server) = (app.core.clone(), caller.clone(), id.clone());
    write(&app, &caller, key, "trading.drift", &id, 202, async move |tx| {
        drift::ask(tx, &core, &c, &server).await
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "The broker moves the server over the weekend."}))]
pub struct Switch {
    reason: String,
}

/// Lets a server's jobs wait. Nothing is asked of it, nothing is lost, and other servers go on.
#[utoipa::path(post, path = "/api/v1/trading/servers/{id}/pause", tag = "control", request_body = Switch, responses((status = 200, body = ServerRow)))]
pub async fn pause(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<String>,
    Body(req): Body<Switch>,
) -> Reply<Answer> {
    let (core, c, server, r) = (app.core.clone(), caller.clone(), id.clone(), req.clone());
    write(&app, &caller, key, "trading.pause", &(id, &req), 200, async move |tx| {
        servers::pause(tx, &core, &c, &server, &r.reason).await
    })
    .await
}

/// Lets a paused server's jobs go on.
#[utoipa::path(post, path = "/api/v1/trading/servers/{id}/resume", tag = "control", request_body = Switch, responses((status = 200, body = ServerRow)))]
pub async fn resume(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<String>,
    Body(req): Body<Switch>,
) -> Reply<Answer> {
    let (core, c, server, r) = (app.core.clone(), caller.clone(), id.clone(), req.clone());
    write(&app, &caller, key, "trading.resume", &(id, &req), 200, async move |tx| {
        servers::resume(tx, &core, &c, &server, &r.reason).await
    })
    .await
}

list_query!(Logins { server: String as String });

/// Logins in our groups that belong to no account here, as the last comparison found them.
#[utoipa::path(get, path = "/api/v1/trading/logins", tag = "control", params(Logins), responses((status = 200, body = Page<LoginView>)))]
pub async fn logins(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Logins>) -> Reply<Json<Value>> {
    let (c, page) = (caller.clone(), q.page()?);
    covered(&app, &caller, async move |tx| {
        drift::unmapped(tx, &c, q.server.as_deref(), &page).await
    })
    .await
}

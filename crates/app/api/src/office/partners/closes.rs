//! Month closes.

use crate::kit::{At, Paged, Reply, read, write};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_app::payees::Feed;
use qd_kernel::Page;
use qd_partners::CloseId;
use qd_partners::close::{self, Close, View};
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use utoipa::ToSchema;

/// Month closes, the newest month first.
#[utoipa::path(get, path = "/api/v1/commission-closes", tag = "partners", params(Paged), responses((status = 200, body = Page<Close>)))]
pub async fn close_list(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Paged>) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| close::list(tx, &caller, &page).await).await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"entity": "eu", "month": "2026-03"}))]
pub struct NewClose {
    entity: String,
    /// A month that is over in the entity's zone: `2026-03`.
    month: String,
}

/// Makes a month's checklist; again, as long as nothing runs, makes it anew.
#[utoipa::path(post, path = "/api/v1/commission-closes", tag = "partners", request_body = NewClose, responses((status = 201, body = Close)))]
pub async fn close_create(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, Body(req): Body<NewClose>) -> Reply<Answer> {
    let list = close::look(&app.core, &caller, &req.entity, &req.month, Arc::new(Feed)).await?;
    let (core, c) = (app.core.clone(), caller.clone());
    write(&app, &caller, key, "commission_close.create", &req, 201, async move |tx| {
        close::create(tx, &core, &c, &list).await
    })
    .await
}

/// One close: checklist, progress, result, and the partners that could not be closed.
#[utoipa::path(get, path = "/api/v1/commission-closes/{id}", tag = "partners", responses((status = 200, body = View)))]
pub async fn close_get(State(app): State<App>, Asker(caller): Asker, At(id): At<CloseId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| close::get(tx, &caller, id).await).await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"accept": ["shares_held"], "reason": "decided next week"}))]
pub struct RunClose {
    /// Items that do not block and are left as they are.
    #[serde(default)]
    accept: Vec<String>,
    /// Why, when something is accepted.
    #[serde(default)]
    reason: String,
}

async fn go(app: App, caller: qd_runtime::access::Caller, key: IdempotencyKey, id: CloseId, req: RunClose) -> Reply<Answer> {
    let list = close::look_again(&app.core, &caller, id, Arc::new(Feed)).await?;
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "commission_close.run", &(id, &req), 200, async move |tx| {
        close::run(tx, &core, &c, id, &r.accept, &r.reason, &list).await
    })
    .await
}

/// Starts the run, if nothing stands against it. Refused over an unexplained trade, which it names.
#[utoipa::path(post, path = "/api/v1/commission-closes/{id}/run", tag = "partners", request_body = RunClose, responses((status = 200, body = Close)))]
pub async fn close_run(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<CloseId>,
    Body(req): Body<RunClose>,
) -> Reply<Answer> {
    go(app, caller, key, id, req).await
}

/// Takes up a run that was interrupted or got stuck; partners already closed stay as they are.
#[utoipa::path(post, path = "/api/v1/commission-closes/{id}/resume", tag = "partners", request_body = RunClose, responses((status = 200, body = Close)))]
pub async fn close_resume(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<CloseId>,
    Body(req): Body<RunClose>,
) -> Reply<Answer> {
    go(app, caller, key, id, req).await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"remark": "sums compared with the bank"}))]
pub struct SignOff {
    #[serde(default)]
    remark: String,
}

/// A person's name under a close that is done.
#[utoipa::path(post, path = "/api/v1/commission-closes/{id}/sign-off", tag = "partners", request_body = SignOff, responses((status = 200, body = Close)))]
pub async fn close_sign(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<CloseId>,
    Body(req): Body<SignOff>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "commission_close.sign_off", &(id, &req), 200, async move |tx| {
        close::sign_off(tx, &core, &c, id, &r.remark).await
    })
    .await
}

//! Outside engines: where trade and payment events go, and a day of them again.

use crate::kit::{At, Reply, list_query, read, write};
use crate::office::partners::SigningSecret;
use crate::schema::Items;
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_kernel::Page;
use qd_partners::WebhookId;
use qd_partners::postbacks::SendState;
use qd_partners::webhooks::{self, Draft, WebhookEndpoint, WebhookSend};
use qd_runtime::access::Right;
use qd_web::{Answer, Api, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::routes;

pub fn routes(api: Api<App>) -> Api<App> {
    api.route(Right::ConnectionsView, routes!(list))
        .route(Right::ConnectionsManage, routes!(add))
        .route(Right::ConnectionsManage, routes!(edit))
        .route(Right::ConnectionsManage, routes!(secret, new_secret))
        .route(Right::ConnectionsView, routes!(log))
        .route(Right::ConnectionsManage, routes!(replay))
}

/// Where events go.
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "control", responses((status = 200, body = Items<WebhookEndpoint>)))]
pub async fn list(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    read(&app, async move |tx| Ok(Items::from(webhooks::list(tx, &caller).await?))).await
}

/// Subscribes an address to events. Messages are signed by the Standard Webhooks scheme.
#[utoipa::path(post, path = "/api/v1/webhooks", tag = "control", request_body = Draft, responses((status = 201, body = WebhookEndpoint)))]
pub async fn add(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, Body(req): Body<Draft>) -> Reply<Answer> {
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "webhook.add", &req, 201, async move |tx| {
        webhooks::create(tx, &a.core, &c, &r, &a.outward).await
    })
    .await
}

/// An endpoint as it is to be, and the version the change starts from.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditWebhook {
    version: i64,
    endpoint: Draft,
}

/// Changes an endpoint, or switches it off.
#[utoipa::path(put, path = "/api/v1/webhooks/{id}", tag = "control", request_body = EditWebhook, responses((status = 200, body = WebhookEndpoint)))]
pub async fn edit(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<WebhookId>,
    Body(req): Body<EditWebhook>,
) -> Reply<Answer> {
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "webhook.edit", &(id, &req), 200, async move |tx| {
        webhooks::edit(tx, &a.core, &c, id, r.version, &r.endpoint, &a.outward).await
    })
    .await
}

/// The secret that signs.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/secret", tag = "control", responses((status = 200, body = SigningSecret)))]
pub async fn secret(State(app): State<App>, Asker(caller): Asker, At(id): At<WebhookId>) -> Reply<Json<Value>> {
    let key = app.links.clone();
    read(&app, async move |tx| {
        Ok(SigningSecret {
            secret: webhooks::secret(tx, &key, &caller, id).await?.expose().to_string(),
        })
    })
    .await
}

/// Makes a new secret; the old one is worthless at once.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/secret", tag = "control", responses((status = 200, body = WebhookEndpoint)))]
pub async fn new_secret(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, At(id): At<WebhookId>) -> Reply<Answer> {
    let (core, c) = (app.core.clone(), caller.clone());
    write(&app, &caller, key, "webhook.secret", &id, 200, async move |tx| {
        webhooks::new_secret(tx, &core, &c, id).await
    })
    .await
}

list_query!(Log {
    state: SendState as SendState
});

/// What was sent, the newest first, with the last answers.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/log", tag = "control", params(Log), responses((status = 200, body = Page<WebhookSend>)))]
pub async fn log(State(app): State<App>, Asker(caller): Asker, At(id): At<WebhookId>, Params(q): Params<Log>) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| webhooks::log(tx, &caller, id, q.state, &page).await).await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"day": "2026-11-19"}))]
pub struct ReplayDay {
    /// UTC.
    day: String,
}

#[derive(Serialize, ToSchema)]
pub struct ReplayOrdered {
    day: String,
}

/// Sends all events of a day again, with the ids they had.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/replay", tag = "control", request_body = ReplayDay, responses((status = 202, body = ReplayOrdered)))]
pub async fn replay(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<WebhookId>,
    Body(req): Body<ReplayDay>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "webhook.replay", &(id, &req), 202, async move |tx| {
        webhooks::replay_day(tx, &core, &c, id, &r.day).await?;
        Ok(ReplayOrdered { day: r.day.clone() })
    })
    .await
}

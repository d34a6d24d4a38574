//! Partners' postbacks and their doors, and funnels, as staff see them.

use crate::kit::{At, Reply, list_query, read, write};
use crate::schema::Items;
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_kernel::{Page, Result, Ts};
use qd_partners::funnel::{self, By, Funnel};
use qd_partners::postbacks::{self, Door, Draft, Postback, PostbackEvent, PostbackSendDetail, SendFilter, SendState, SendView};
use qd_partners::{PartnerId, PostbackId, SendId};
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// A partner's postbacks.
#[utoipa::path(get, path = "/api/v1/partners/{id}/postbacks", tag = "partners", responses((status = 200, body = Items<Postback>)))]
pub async fn list(State(app): State<App>, Asker(caller): Asker, At(id): At<PartnerId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| Ok(Items::from(postbacks::list(tx, &caller, Some(id)).await?))).await
}

/// Adds a postback for a partner; 10 at the most.
#[utoipa::path(post, path = "/api/v1/partners/{id}/postbacks", tag = "partners", request_body = Draft, responses((status = 201, body = Postback)))]
pub async fn add(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<PartnerId>,
    Body(req): Body<Draft>,
) -> Reply<Answer> {
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "postback.add", &(id, &req), 201, async move |tx| {
        postbacks::create(tx, &a.core, &c, Some(id), &r, &a.outward).await
    })
    .await
}

/// A postback as it is to be, and the version the change starts from.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditPostback {
    pub version: i64,
    pub postback: Draft,
}

/// Changes a postback.
#[utoipa::path(put, path = "/api/v1/partner-postbacks/{id}", tag = "partners", request_body = EditPostback, responses((status = 200, body = Postback)))]
pub async fn edit(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<PostbackId>,
    Body(req): Body<EditPostback>,
) -> Reply<Answer> {
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "postback.edit", &(id, &req), 200, async move |tx| {
        postbacks::edit(tx, &a.core, &c, id, r.version, &r.postback, &a.outward).await
    })
    .await
}

/// Removes a postback.
#[utoipa::path(delete, path = "/api/v1/partner-postbacks/{id}", tag = "partners", responses((status = 204)))]
pub async fn remove(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, At(id): At<PostbackId>) -> Reply<Answer> {
    let (core, c) = (app.core.clone(), caller.clone());
    write(&app, &caller, key, "postback.remove", &id, 204, async move |tx| {
        postbacks::remove(tx, &core, &c, id).await?;
        Ok(json!({}))
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"event": "ftd"}))]
pub struct TestPostback {
    pub event: PostbackEvent,
}

/// Sends one made-up report, marked as a test; what came of it is in the log.
#[utoipa::path(post, path = "/api/v1/partner-postbacks/{id}/test", tag = "partners", request_body = TestPostback, responses((status = 201, body = SendView)))]
pub async fn test(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<PostbackId>,
    Body(req): Body<TestPostback>,
) -> Reply<Answer> {
    let (core, c, event) = (app.core.clone(), caller.clone(), req.event);
    write(&app, &caller, key, "postback.test", &(id, &req), 201, async move |tx| {
        postbacks::test(tx, &core, &c, id, event).await
    })
    .await
}

list_query!(Log {
    event: PostbackEvent as PostbackEvent,
    state: SendState as SendState,
});

impl Log {
    pub fn filter(&self) -> SendFilter {
        SendFilter {
            event: self.event,
            state: self.state,
        }
    }
}

/// What was reported, the newest first, with the last answers.
#[utoipa::path(get, path = "/api/v1/partner-postbacks/{id}/log", tag = "partners", params(Log), responses((status = 200, body = Page<SendView>)))]
pub async fn log(State(app): State<App>, Asker(caller): Asker, At(id): At<PostbackId>, Params(q): Params<Log>) -> Reply<Json<Value>> {
    let (page, filter) = (q.page()?, q.filter());
    read(&app, async move |tx| postbacks::log(tx, &caller, id, &filter, &page).await).await
}

/// One report with its values and every attempt.
#[utoipa::path(get, path = "/api/v1/partner-postback-sends/{id}", tag = "partners", responses((status = 200, body = PostbackSendDetail)))]
pub async fn report(State(app): State<App>, Asker(caller): Asker, At(id): At<SendId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| postbacks::report(tx, &caller, id).await).await
}

/// Sends a report once more: same event id, new postback id.
#[utoipa::path(post, path = "/api/v1/partner-postback-sends/{id}/replay", tag = "partners", responses((status = 201, body = SendView)))]
pub async fn replay(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, At(id): At<SendId>) -> Reply<Answer> {
    let (core, c) = (app.core.clone(), caller.clone());
    write(&app, &caller, key, "postback.replay", &id, 201, async move |tx| {
        postbacks::replay(tx, &core, &c, id).await
    })
    .await
}

/// A signing secret, as libraries for Standard Webhooks take it.
#[derive(Serialize, ToSchema)]
pub struct SigningSecret {
    /// `whsec_…`
    pub secret: String,
}

/// The secret that signs what is posted.
#[utoipa::path(get, path = "/api/v1/partner-postbacks/{id}/secret", tag = "partners", responses((status = 200, body = SigningSecret)))]
pub async fn secret(State(app): State<App>, Asker(caller): Asker, At(id): At<PostbackId>) -> Reply<Json<Value>> {
    let key = app.links.clone();
    read(&app, async move |tx| {
        Ok(SigningSecret {
            secret: postbacks::secret(tx, &key, &caller, id).await?.expose().to_string(),
        })
    })
    .await
}

/// Makes a new secret; the old one is worthless at once.
#[utoipa::path(post, path = "/api/v1/partner-postbacks/{id}/secret", tag = "partners", responses((status = 200, body = Postback)))]
pub async fn new_secret(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, At(id): At<PostbackId>) -> Reply<Answer> {
    let (core, c) = (app.core.clone(), caller.clone());
    write(&app, &caller, key, "postback.secret", &id, 200, async move |tx| {
        postbacks::new_secret(tx, &core, &c, id).await
    })
    .await
}

/// What may stand in an address, in braces.
#[derive(Serialize, ToSchema)]
pub struct PostbackMacros {
    macros: Vec<&'static str>,
}

/// The macros of postback addresses.
#[utoipa::path(get, path = "/api/v1/postback-macros", tag = "partners", responses((status = 200, body = PostbackMacros)))]
pub async fn macros() -> Reply<Json<PostbackMacros>> {
    Ok(Json(PostbackMacros {
        macros: postbacks::MACROS.to_vec(),
    }))
}

/// The door for a partner's own server.
#[derive(Serialize, ToSchema)]
pub struct DoorState {
    pub door: Option<Door>,
    /// While it is open: for the header `x-partner-token`.
    pub token: Option<String>,
}

pub(crate) async fn door_of(
    tx: &mut qd_db::Tx,
    app: &App,
    caller: &qd_runtime::access::Caller,
    partner: Option<PartnerId>,
) -> Result<DoorState> {
    let found = postbacks::my_door(tx, &app.links, caller, partner).await?;
    let (door, token) = found.map_or((None, None), |(d, t)| (Some(d), t));
    Ok(DoorState {
        door,
        token: token.map(|t| t.0.expose().to_string()),
    })
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"open": true}))]
pub struct OpenDoor {
    /// Opens with a new token, also when it is open; or shuts.
    pub open: bool,
}

/// Opens a partner's door with a new token, or shuts it.
#[utoipa::path(post, path = "/api/v1/partners/{id}/door", tag = "partners", request_body = OpenDoor, responses((status = 200, body = Door)))]
pub async fn set_door(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<PartnerId>,
    Body(req): Body<OpenDoor>,
) -> Reply<Answer> {
    let (core, c, open) = (app.core.clone(), caller.clone(), req.open);
    write(&app, &caller, key, "partner.door", &(id, &req), 200, async move |tx| {
        postbacks::open_door(tx, &core, &c, Some(id), open).await
    })
    .await
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FunnelOf {
    /// `link` without a word.
    #[param(value_type = Option<By>)]
    pub by: Option<By>,
    /// The last 30 days without them; `to_us` is not included. Microseconds since 1970.
    pub from_us: Option<i64>,
    pub to_us: Option<i64>,
}

impl FunnelOf {
    pub fn parts(&self, now: Ts) -> (By, Ts, Ts) {
        let to = self.to_us.map_or_else(|| now.plus_secs(1), Ts);
        (self.by.unwrap_or(By::Link), self.from_us.map_or_else(|| to.plus_days(-30), Ts), to)
    }
}

/// A partner's funnel: clicks, registrations, approvals, first deposits, trading.
#[utoipa::path(get, path = "/api/v1/partners/{id}/funnel", tag = "partners", params(FunnelOf), responses((status = 200, body = Funnel)))]
pub async fn funnel(
    State(app): State<App>,
    Asker(caller): Asker,
    At(id): At<PartnerId>,
    Params(q): Params<FunnelOf>,
) -> Reply<Json<Value>> {
    let (by, from, to) = q.parts(app.core.now());
    read(&app, async move |tx| funnel::funnel(tx, &caller, Some(id), by, from, to).await).await
}

//! A partner's tools: postbacks, the door for a server of one's own, claims, material, the funnel.

use crate::kit::{At, Paged, Reply, read, write};
use crate::office::partners::{
    DoorState, EditPostback, FileClaim, FunnelOf, Log, OfShelf, OpenDoor, SigningSecret, TestPostback, door_of, named,
};
use crate::outward::shown;
use crate::schema::Items;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderValue, header};
use qd_app::{App, brands};
use qd_db::Tx;
use qd_kernel::{Page, Problem, Result};
use qd_partners::attribution::{self, Claim, NewClaim};
use qd_partners::funnel::{self, Funnel};
use qd_partners::material::{self, Material, MaterialPack};
use qd_partners::postbacks::{self, Door, Draft, Postback, PostbackSendDetail, SendView};
use qd_partners::{ClaimId, MaterialId, PostbackId, SendId};
use qd_runtime::access::Caller;
use qd_runtime::files::FileId;
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::Deserialize;
use serde_json::{Value, json};

/// My postbacks.
#[utoipa::path(get, path = "/api/v1/me/partner/postbacks", tag = "me", responses((status = 200, body = Items<Postback>)))]
pub async fn postbacks(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    read(&app, async move |tx| Ok(Items::from(postbacks::list(tx, &caller, None).await?))).await
}

/// Adds a postback; 10 at the most.
#[utoipa::path(post, path = "/api/v1/me/partner/postbacks", tag = "me", request_body = Draft, responses((status = 201, body = Postback)))]
pub async fn add_postback(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, Body(req): Body<Draft>) -> Reply<Answer> {
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "me.postback_add", &req, 201, async move |tx| {
        postbacks::create(tx, &a.core, &c, None, &r, &a.outward).await
    })
    .await
}

/// Changes one of my postbacks.
#[utoipa::path(put, path = "/api/v1/me/partner/postbacks/{id}", tag = "me", request_body = EditPostback, responses((status = 200, body = Postback)))]
pub async fn edit_postback(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<PostbackId>,
    Body(req): Body<EditPostback>,
) -> Reply<Answer> {
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "me.postback_edit", &(id, &req), 200, async move |tx| {
        postbacks::edit(tx, &a.core, &c, id, r.version, &r.postback, &a.outward).await
    })
    .await
}

/// Removes one of my postbacks.
#[utoipa::path(delete, path = "/api/v1/me/partner/postbacks/{id}", tag = "me", responses((status = 204)))]
pub async fn remove_postback(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, At(id): At<PostbackId>) -> Reply<Answer> {
    let (core, c) = (app.core.clone(), caller.clone());
    write(&app, &caller, key, "me.postback_remove", &id, 204, async move |tx| {
        postbacks::remove(tx, &core, &c, id).await?;
        Ok(json!({}))
    })
    .await
}

/// Sends one made-up report, marked as a test; what came of it is in the log.
#[utoipa::path(post, path = "/api/v1/me/partner/postbacks/{id}/test", tag = "me", request_body = TestPostback, responses((status = 201, body = SendView)))]
pub async fn test_postback(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<PostbackId>,
    Body(req): Body<TestPostback>,
) -> Reply<Answer> {
    let (core, c, event) = (app.core.clone(), caller.clone(), req.event);
    write(&app, &caller, key, "me.postback_test", &(id, &req), 201, async move |tx| {
        postbacks::test(tx, &core, &c, id, event).await
    })
    .await
}

/// What was reported, the newest first, with the last answers.
#[utoipa::path(get, path = "/api/v1/me/partner/postbacks/{id}/log", tag = "me", params(Log), responses((status = 200, body = Page<SendView>)))]
pub async fn postback_log(
    State(app): State<App>,
    Asker(caller): Asker,
    At(id): At<PostbackId>,
    Params(q): Params<Log>,
) -> Reply<Json<Value>> {
    let (page, filter) = (q.page()?, q.filter());
    read(&app, async move |tx| postbacks::log(tx, &caller, id, &filter, &page).await).await
}

/// One report with its values and every attempt.
#[utoipa::path(get, path = "/api/v1/me/partner/postback-sends/{id}", tag = "me", responses((status = 200, body = PostbackSendDetail)))]
pub async fn postback_report(State(app): State<App>, Asker(caller): Asker, At(id): At<SendId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| postbacks::report(tx, &caller, id).await).await
}

/// Sends a report once more: same event id, new postback id.
#[utoipa::path(post, path = "/api/v1/me/partner/postback-sends/{id}/replay", tag = "me", responses((status = 201, body = SendView)))]
pub async fn replay_postback(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, At(id): At<SendId>) -> Reply<Answer> {
    let (core, c) = (app.core.clone(), caller.clone());
    write(&app, &caller, key, "me.postback_replay", &id, 201, async move |tx| {
        postbacks::replay(tx, &core, &c, id).await
    })
    .await
}

/// The secret that signs what is posted.
#[utoipa::path(get, path = "/api/v1/me/partner/postbacks/{id}/secret", tag = "me", responses((status = 200, body = SigningSecret)))]
pub async fn postback_secret(State(app): State<App>, Asker(caller): Asker, At(id): At<PostbackId>) -> Reply<Json<Value>> {
    let key = app.links.clone();
    read(&app, async move |tx| {
        Ok(SigningSecret {
            secret: postbacks::secret(tx, &key, &caller, id).await?.expose().to_string(),
        })
    })
    .await
}

/// Makes a new secret; the old one is worthless at once.
#[utoipa::path(post, path = "/api/v1/me/partner/postbacks/{id}/secret", tag = "me", responses((status = 200, body = Postback)))]
pub async fn new_postback_secret(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<PostbackId>,
) -> Reply<Answer> {
    let (core, c) = (app.core.clone(), caller.clone());
    write(&app, &caller, key, "me.postback_secret", &id, 200, async move |tx| {
        postbacks::new_secret(tx, &core, &c, id).await
    })
    .await
}

/// The door for a server of mine, and its token while it is open.
#[utoipa::path(get, path = "/api/v1/me/partner/door", tag = "me", responses((status = 200, body = DoorState)))]
pub async fn door(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    let a = app.clone();
    read(&app, async move |tx| door_of(tx, &a, &caller, None).await).await
}

/// Opens my door with a new token, or shuts it.
#[utoipa::path(post, path = "/api/v1/me/partner/door", tag = "me", request_body = OpenDoor, responses((status = 200, body = Door)))]
pub async fn set_door(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, Body(req): Body<OpenDoor>) -> Reply<Answer> {
    let (core, c, open) = (app.core.clone(), caller.clone(), req.open);
    write(&app, &caller, key, "me.door", &req, 200, async move |tx| {
        postbacks::open_door(tx, &core, &c, None, open).await
    })
    .await
}

/// My claims, the newest first.
#[utoipa::path(get, path = "/api/v1/me/partner/claims", tag = "me", params(Paged), responses((status = 200, body = Page<Claim>)))]
pub async fn claims(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Paged>) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| attribution::my_claims(tx, &caller, &page).await).await
}

/// Claims a client. The answer does not say whether such a client exists.
#[utoipa::path(post, path = "/api/v1/me/partner/claims", tag = "me", request_body = FileClaim, responses((status = 201, body = Claim)))]
pub async fn file_claim(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, Body(req): Body<FileClaim>) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "me.claim", &req, 201, async move |tx| {
        let new = NewClaim {
            client: named(tx, &r.client).await?,
            named: r.client.clone(),
            evidence: r.evidence.clone(),
            file_id: None,
        };
        attribution::file_claim(tx, &core, &c, None, new).await
    })
    .await
}

/// Takes a claim back.
#[utoipa::path(post, path = "/api/v1/me/partner/claims/{id}/withdraw", tag = "me", responses((status = 200, body = Claim)))]
pub async fn withdraw_claim(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, At(id): At<ClaimId>) -> Reply<Answer> {
    let (core, c) = (app.core.clone(), caller.clone());
    write(&app, &caller, key, "me.claim_withdraw", &id, 200, async move |tx| {
        attribution::withdraw_claim(tx, &core, &c, id).await
    })
    .await
}

/// My funnel: clicks, registrations, approvals, first deposits, trading.
#[utoipa::path(get, path = "/api/v1/me/partner/funnel", tag = "me", params(FunnelOf), responses((status = 200, body = Funnel)))]
pub async fn funnel(State(app): State<App>, Asker(caller): Asker, Params(q): Params<FunnelOf>) -> Reply<Json<Value>> {
    let (by, from, to) = q.parts(app.core.now());
    read(&app, async move |tx| funnel::funnel(tx, &caller, None, by, from, to).await).await
}

/// Material my entity offers, the newest first.
#[utoipa::path(get, path = "/api/v1/me/partner/material", tag = "me", params(OfShelf), responses((status = 200, body = Page<Material>)))]
pub async fn material(State(app): State<App>, Asker(caller): Asker, Params(q): Params<OfShelf>) -> Reply<Json<Value>> {
    let (page, filter) = (q.page()?, q.filter());
    read(&app, async move |tx| material::my_list(tx, &caller, &filter, &page).await).await
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WithCode {
    /// Of one of my active links; the first one without it.
    pub code: Option<String>,
}

async fn pack(tx: &mut Tx, app: &App, caller: &Caller, id: MaterialId, code: Option<&str>) -> Result<MaterialPack> {
    let brand = material::brand_of(tx, id).await?;
    let portal = brands::portal_of(tx, &app.config, &brand).await?;
    material::my_pack(tx, caller, id, code, &portal).await
}

/// Material with my own link in it: address, text, a piece of HTML, a QR code.
#[utoipa::path(get, path = "/api/v1/me/partner/material/{id}", tag = "me", params(WithCode), responses((status = 200, body = MaterialPack)))]
pub async fn material_pack(
    State(app): State<App>,
    Asker(caller): Asker,
    At(id): At<MaterialId>,
    Params(q): Params<WithCode>,
) -> Reply<Json<Value>> {
    let a = app.clone();
    read(&app, async move |tx| pack(tx, &a, &caller, id, q.code.as_deref()).await).await
}

/// A banner with my code and its QR code in it, as an SVG picture to download.
#[utoipa::path(get, path = "/api/v1/me/partner/material/{id}/picture", tag = "me", params(WithCode), responses((status = 200, content_type = "image/svg+xml", body = String)))]
pub async fn material_picture(
    State(app): State<App>,
    Asker(caller): Asker,
    At(id): At<MaterialId>,
    Params(q): Params<WithCode>,
) -> Reply<Response> {
    let a = app.clone();
    let p = app
        .core
        .db
        .read(async move |tx| pack(tx, &a, &caller, id, q.code.as_deref()).await)
        .await?;
    let file = p.file_id.clone().ok_or_else(|| Problem::missing("picture"))?;
    let c = app.files.get(FileId::parse(&file)?).await?;
    let svg = material::banner(&p, c.mime.as_str(), &c.bytes)?;
    let mut r = shown("image/svg+xml", svg.into_bytes(), "no-store");
    if let Ok(v) = HeaderValue::from_str(&format!("attachment; filename=\"{}-{}.svg\"", p.code, p.material.id)) {
        r.headers_mut().insert(header::CONTENT_DISPOSITION, v);
    }
    Ok(r)
}

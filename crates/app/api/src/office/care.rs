//! Duplicates, restrictions, mails of a client.

use super::deposits::Reason;
use crate::kit::{At, Items, Paged, PathPart, Reply, list_query, read, write};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_clients::ClientId;
use qd_clients::duplicates::{self, Duplicate, DuplicateId, DuplicateState};
use qd_clients::restrictions::{self, Restriction, RestrictionId, RestrictionKind};
use qd_db::Tx;
use qd_kernel::{Page, Problem, Result};
use qd_notify::{Mail, MailId};
use qd_runtime::access::{Caller, Right, logins};
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

list_query!(Duplicates {
    /// `open`, `merged`, `linked`, `dismissed`.
    state: DuplicateState as DuplicateState,
    client_id: String as String,
});

/// Proposals that two records are one person, the newest first.
#[utoipa::path(get, path = "/api/v1/duplicates", tag = "clients", params(Duplicates), responses((status = 200, body = Page<Duplicate>)))]
pub async fn list(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Duplicates>) -> Reply<Json<Value>> {
    let page = q.page()?;
    let client = q.client_id.as_deref().map(|id| ClientId::part("client_id", id)).transpose()?;
    read(&app, async move |tx| duplicates::list(tx, &caller, q.state, client, &page).await).await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"survivor_id": "cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "reason": "Same passport."}))]
pub struct Merge {
    /// The record that stays.
    survivor_id: ClientId,
    reason: String,
}

/// Merges the two (one entity) or links them (two entities).
#[utoipa::path(post, path = "/api/v1/duplicates/{id}/merge", tag = "clients", request_body = Merge, responses((status = 200, body = Duplicate)))]
pub async fn merge(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<DuplicateId>,
    Body(req): Body<Merge>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "duplicate.merge", &(id, &req), 200, async move |tx| {
        duplicates::merge(tx, &core, &c, id, r.survivor_id, &r.reason).await
    })
    .await
}

/// They are two people.
#[utoipa::path(post, path = "/api/v1/duplicates/{id}/dismiss", tag = "clients", request_body = Reason, responses((status = 200, body = Duplicate)))]
pub async fn dismiss(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<DuplicateId>,
    Body(req): Body<Reason>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "duplicate.dismiss", &(id, &req), 200, async move |tx| {
        duplicates::dismiss(tx, &core, &c, id, &r.reason).await
    })
    .await
}

/// Takes a merge or a link apart.
#[utoipa::path(post, path = "/api/v1/duplicates/{id}/undo", tag = "clients", request_body = Reason, responses((status = 200, body = Duplicate)))]
pub async fn undo(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<DuplicateId>,
    Body(req): Body<Reason>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "duplicate.undo", &(id, &req), 200, async move |tx| {
        duplicates::undo(tx, &core, &c, id, &r.reason).await
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RestrictClient, example = json!({"kind": "withdrawals", "reason": "Source of funds under review.", "told": false}))]
pub struct Restrict {
    /// `deposits`, `withdrawals`, `trading`, `sign_in`, `everything`.
    kind: RestrictionKind,
    reason: String,
    /// The client may read the reason.
    #[serde(default)]
    told: bool,
}

/// Restricts a client. `sign_in` and `everything` end their sessions.
#[utoipa::path(post, path = "/api/v1/clients/{id}/restrictions", tag = "clients", request_body = Restrict, responses((status = 201, body = Restriction)))]
pub async fn restrict(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<ClientId>,
    Body(req): Body<Restrict>,
) -> Reply<Answer> {
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "client.restrict", &(id, &req), 201, async move |tx| {
        let done = restrictions::restrict(tx, &a.core, &c, id, r.kind, &r.reason, r.told).await?;
        doors(tx, &a, &c, id, &r.reason).await?;
        Ok(done)
    })
    .await
}

impl PathPart for RestrictionId {
    fn part(name: &str, text: &str) -> Result<Self> {
        RestrictionId::parse(text).map_err(|_| Problem::invalid(name, "id_malformed", "expected an id like rst_ followed by 26 characters"))
    }
}

/// Takes a restriction off.
#[utoipa::path(post, path = "/api/v1/clients/{id}/restrictions/{restriction}/lift", tag = "clients", request_body = Reason, responses((status = 200, body = Items<Restriction>)))]
pub async fn lift(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    crate::kit::At2(id, restriction): crate::kit::At2<ClientId, RestrictionId>,
    Body(req): Body<Reason>,
) -> Reply<Answer> {
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "client.lift", &(id, restriction, &req), 200, async move |tx| {
        if !restrictions::in_force(tx, id).await?.iter().any(|x| x.id == restriction) {
            return Err(Problem::missing("restriction"));
        }
        restrictions::lift(tx, &a.core, &c, restriction, &r.reason).await?;
        doors(tx, &a, &c, id, &r.reason).await?;
        restrictions::in_force(tx, id).await.map(Items::from)
    })
    .await
}

/// The ways in are open exactly while nothing in force shuts them.
async fn doors(tx: &mut Tx, app: &App, caller: &Caller, id: ClientId, reason: &str) -> Result<()> {
    let shut = restrictions::in_force(tx, id)
        .await?
        .iter()
        .any(|r| matches!(r.kind, RestrictionKind::SignIn | RestrictionKind::Everything));
    logins::set_enabled(tx, &app.access, caller, &id.to_string(), !shut, reason).await
}

/// Mails to a client, the newest first. Links that open an account are never shown.
#[utoipa::path(get, path = "/api/v1/clients/{id}/mails", tag = "clients", params(Paged), responses((status = 200, body = Page<Mail>)))]
pub async fn mails(State(app): State<App>, Asker(caller): Asker, At(id): At<ClientId>, Params(q): Params<Paged>) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| {
        qd_clients::get(tx, &caller, Right::MailView, id).await?;
        qd_notify::mails_of(tx, &caller, &id.to_string(), &page).await
    })
    .await
}

/// One mail with its content.
#[utoipa::path(get, path = "/api/v1/mails/{id}", tag = "clients", responses((status = 200, body = Mail)))]
pub async fn mail(State(app): State<App>, Asker(caller): Asker, At(id): At<MailId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        let m = qd_notify::mail_view(tx, &caller, id).await?;
        match &m.client_id {
            Some(c) => qd_clients::get(tx, &caller, Right::MailView, ClientId::parse(c)?)
                .await
                .map(|_| ())?,
            None => crate::kit::within(tx, &caller, Right::MailView, None).await?,
        }
        Ok(m)
    })
    .await
}

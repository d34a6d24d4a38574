//! Staff, roles and API keys.

use super::deposits::Reason;
use crate::auth::mail_link;
use crate::kit::{At, Made, Reply, list_query, read, write};
use axum::Json;
use axum::extract::State;
use qd_app::{App, brands};
use qd_kernel::{Page, Problem, Ts};
use qd_notify::Template;
use qd_runtime::access::api_keys::{self, ApiKeyView};
use qd_runtime::access::roles::{self, RoleView};
use qd_runtime::access::staff::{self, NewStaff, StaffChange, StaffView};
use qd_runtime::access::{ApiKeyId, Grants, Mask, Right, Role, Scope, StaffId, logins};
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

list_query!(StaffList {
    desk: String as String,
    /// Only those who may sign in.
    active: bool as bool,
});

/// Staff by name.
#[utoipa::path(get, path = "/api/v1/staff", tag = "house", params(StaffList), responses((status = 200, body = Page<StaffView>)))]
pub async fn list(State(app): State<App>, Asker(caller): Asker, Params(q): Params<StaffList>) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| {
        staff::list(tx, &caller, q.desk.as_deref(), q.active.unwrap_or(false), &page).await
    })
    .await
}

/// One of the staff.
#[utoipa::path(get, path = "/api/v1/staff/{id}", tag = "house", responses((status = 200, body = StaffView)))]
pub async fn get(State(app): State<App>, Asker(caller): Asker, At(id): At<StaffId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| staff::get(tx, &caller, id).await).await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "lena@quarterdeck.example", "name": "Lena Vogt", "language": "de", "roles": ["sales"], "desk": "german", "entities": ["eu"]}))]
pub struct AddStaff {
    email: String,
    name: String,
    language: String,
    roles: Vec<Role>,
    #[serde(default)]
    desk: Option<String>,
    /// Codes; `*` for all.
    entities: Vec<String>,
}

/// Adds somebody and mails the invitation. Needs a fresh proof.
#[utoipa::path(post, path = "/api/v1/staff", tag = "house", request_body = AddStaff, responses((status = 201, body = Made<StaffId>)))]
pub async fn add(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, Body(req): Body<AddStaff>) -> Reply<Answer> {
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "staff.add", &req, 201, async move |tx| {
        let r = r.clone();
        let new = NewStaff {
            email: r.email,
            name: r.name,
            language: r.language,
            roles: r.roles,
            desk: r.desk,
            entities: r.entities,
            password_hash: None,
            must_change: false,
        };
        let id = staff::create(tx, &a.access, &c, new).await?;
        let invitation = logins::issue_invite(tx, &a.access, &c, id).await?;
        let brand = brands::house(tx, &a.config).await?.code;
        mail_link(tx, &a, Template::StaffInvited, brand, &invitation, "/invite").await?;
        Ok(Made { id })
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Lena Vogt", "language": "de", "roles": ["sales_manager"], "desk": "german", "entities": ["eu"], "version": 1, "reason": "Promoted."}))]
pub struct ChangeStaff {
    name: String,
    language: String,
    roles: Vec<Role>,
    #[serde(default)]
    desk: Option<String>,
    entities: Vec<String>,
    version: i64,
    reason: String,
}

/// Changes roles, desk, entities. Never one's own. Needs a fresh proof.
#[utoipa::path(put, path = "/api/v1/staff/{id}", tag = "house", request_body = ChangeStaff, responses((status = 200, body = Made<StaffId>)))]
pub async fn change(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<StaffId>,
    Body(req): Body<ChangeStaff>,
) -> Reply<Answer> {
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "staff.change", &(id, &req), 200, async move |tx| {
        let r = r.clone();
        let change = StaffChange {
            name: r.name,
            language: r.language,
            roles: r.roles,
            desk: r.desk,
            entities: r.entities,
            version: r.version,
            reason: r.reason,
        };
        staff::update(tx, &a.access, &c, id, change).await.map(|()| Made { id })
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"enabled": false, "reason": "Left the company."}))]
pub struct Enable {
    enabled: bool,
    reason: String,
}

/// Lets somebody in or out. Out ends all sessions at once. Needs a fresh proof.
#[utoipa::path(post, path = "/api/v1/staff/{id}/enabled", tag = "house", request_body = Enable, responses((status = 200, body = Made<StaffId>)))]
pub async fn enable(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<StaffId>,
    Body(req): Body<Enable>,
) -> Reply<Answer> {
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "staff.enable", &(id, &req), 200, async move |tx| {
        staff::set_enabled(tx, &a.access, &c, id, r.enabled, &r.reason)
            .await
            .map(|()| Made { id })
    })
    .await
}

/// Takes somebody's second factor away after they were recognised in person. Needs a fresh proof.
#[utoipa::path(post, path = "/api/v1/staff/{id}/reset-second-factor", tag = "house", request_body = Reason, responses((status = 200, body = Made<StaffId>)))]
pub async fn reset_second(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<StaffId>,
    Body(req): Body<Reason>,
) -> Reply<Answer> {
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "staff.reset_second", &(id, &req), 200, async move |tx| {
        staff::reset_second_factor(tx, &a.access, &c, id, &r.reason)
            .await
            .map(|()| Made { id })
    })
    .await
}

/// Ends the rest after failed sign-ins early.
#[utoipa::path(post, path = "/api/v1/staff/{id}/unlock", tag = "house", responses((status = 200, body = Made<StaffId>)))]
pub async fn unlock(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, At(id): At<StaffId>) -> Reply<Answer> {
    let (a, c) = (app.clone(), caller.clone());
    write(&app, &caller, key, "staff.unlock", &id, 200, async move |tx| {
        staff::unlock(tx, &a.access, &c, id).await.map(|()| Made { id })
    })
    .await
}

/// Mails a new invitation.
#[utoipa::path(post, path = "/api/v1/staff/{id}/invite", tag = "house", responses((status = 202, body = Made<StaffId>)))]
pub async fn invite(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, At(id): At<StaffId>) -> Reply<Answer> {
    let (a, c) = (app.clone(), caller.clone());
    write(&app, &caller, key, "staff.invite", &id, 202, async move |tx| {
        let invitation = logins::issue_invite(tx, &a.access, &c, id).await?;
        let brand = brands::house(tx, &a.config).await?.code;
        mail_link(tx, &a, Template::StaffInvited, brand, &invitation, "/invite").await?;
        Ok(Made { id })
    })
    .await
}

/// The matrix in force, and everything it is made of.
#[derive(Serialize, ToSchema)]
pub struct RoleMatrix {
    items: Vec<RoleView>,
    /// All there are.
    rights: Vec<Right>,
    masks: Vec<Mask>,
    /// From the narrowest to the widest.
    scopes: Vec<Scope>,
}

#[derive(Serialize, ToSchema)]
pub struct RoleSaved {
    role: Role,
}

/// The matrix in force: role, right, scope, and the field groups each role sees.
#[utoipa::path(get, path = "/api/v1/roles", tag = "house", responses((status = 200, body = RoleMatrix)))]
pub async fn matrix(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        Ok(RoleMatrix {
            items: roles::list(tx, &caller).await?,
            rights: Right::ALL.to_vec(),
            masks: Mask::ALL.to_vec(),
            scopes: Scope::ALL.to_vec(),
        })
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"rights": {"deposits.view": "entity"}, "sees": ["contact", "money"], "version": 1, "reason": "Support may look at deposits."}))]
pub struct PutRole {
    /// Right to scope.
    rights: BTreeMap<Right, Scope>,
    sees: BTreeSet<Mask>,
    version: i64,
    reason: String,
}

/// Changes a role. What the house never gives is refused right by right. Needs a fresh proof.
#[utoipa::path(put, path = "/api/v1/roles/{role}", tag = "house", request_body = PutRole, responses((status = 200, body = RoleSaved)))]
pub async fn put_role(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(role): At<String>,
    Body(req): Body<PutRole>,
) -> Reply<Answer> {
    let role = Role::parse(&role).ok_or_else(|| Problem::missing("role"))?;
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "role.put", &(role, &req), 200, async move |tx| {
        let g = Grants {
            rights: r.rights.clone(),
            sees: r.sees.clone(),
        };
        roles::put(tx, &a.access, &c, role, r.version, g, &r.reason)
            .await
            .map(|()| RoleSaved { role })
    })
    .await
}

list_query!(Keys {});

/// API keys, the newest first. Their text is never shown again.
#[utoipa::path(get, path = "/api/v1/api-keys", tag = "house", params(Keys), responses((status = 200, body = Page<ApiKeyView>)))]
pub async fn keys(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Keys>) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| api_keys::list(tx, &caller, &page).await).await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Reporting", "rights": ["reports.view", "clients.view"], "sees": ["contact"], "entity": "eu", "expires_at_us": null}))]
pub struct NewKey {
    name: String,
    rights: Vec<Right>,
    #[serde(default)]
    sees: BTreeSet<Mask>,
    /// None: all entities.
    #[serde(default)]
    entity: Option<String>,
    #[serde(default)]
    expires_at_us: Option<Ts>,
}

#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "key_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "key": "qdk_…"}))]
pub struct NewKeyShown {
    id: ApiKeyId,
    /// Shown this once.
    key: String,
}

/// Makes a key with some of my rights. Its text is in this answer and nowhere else. Needs a fresh
/// proof.
#[utoipa::path(post, path = "/api/v1/api-keys", tag = "house", request_body = NewKey, responses((status = 201, body = NewKeyShown)))]
pub async fn add_key(
    State(app): State<App>,
    Asker(caller): Asker,
    Body(req): Body<NewKey>,
) -> Reply<(http::StatusCode, Json<NewKeyShown>)> {
    let a = app.clone();
    // No idempotency key: the answer must not be kept.
    let (id, text) = app
        .core
        .db
        .write(async move |tx| {
            let r = req.clone();
            let new = api_keys::NewApiKey {
                name: r.name,
                rights: r.rights,
                sees: r.sees,
                entity: r.entity,
                expires_at: r.expires_at_us,
            };
            api_keys::create(tx, &a.access, &caller, new).await
        })
        .await?;
    let key = text.expose().to_string();
    Ok((http::StatusCode::CREATED, Json(NewKeyShown { id, key })))
}

/// Revokes a key at once.
#[utoipa::path(post, path = "/api/v1/api-keys/{id}/revoke", tag = "house", request_body = Reason, responses((status = 200, body = Made<ApiKeyId>)))]
pub async fn revoke(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<ApiKeyId>,
    Body(req): Body<Reason>,
) -> Reply<Answer> {
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "api_key.revoke", &(id, &req), 200, async move |tx| {
        api_keys::revoke(tx, &a.access, &c, id, &r.reason).await.map(|()| Made { id })
    })
    .await
}

//! Who one is, and one's own sessions and devices.

use crate::kit::{At, Items, Paged, Reply, read};
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use qd_app::App;
use qd_kernel::{Page, Problem, Ts};
use qd_runtime::access::{DeviceRow, Mask, SessionId, SessionRow, SignInRow, Who, logins};
use qd_web::{Asker, Params};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(example = json!({"kind": "staff", "id": "stf_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "name": "Mara Lindqvist", "client_id": null, "roles": ["finance"], "desk": null, "entities": ["eu"], "rights": {"deposits.view": "entity"}, "sees": ["contact", "money"], "step_up_until_us": 1_795_000_000_000_000_i64, "second_factor": true, "recovery_codes_left": 10, "must_change_password": false, "email_verified": null}))]
pub struct WhoAmI {
    kind: &'static str,
    id: String,
    name: String,
    /// `cli_…` of a client.
    client_id: Option<String>,
    /// `client`, or what somebody of the house is.
    roles: Vec<String>,
    desk: Option<String>,
    /// Codes; `*` for all.
    entities: Vec<String>,
    /// Right to scope: `own`, `desk`, `entity`, `all`.
    rights: BTreeMap<String, String>,
    /// Field groups that are not covered.
    sees: Vec<String>,
    step_up_until_us: Option<Ts>,
    second_factor: bool,
    recovery_codes_left: i64,
    /// The password is somebody else's choice: until it is changed only my own security is open.
    must_change_password: bool,
    /// Of a client.
    email_verified: Option<bool>,
}

/// Who I am and what I may do.
#[utoipa::path(get, path = "/api/v1/auth/me", tag = "auth", responses((status = 200, body = WhoAmI)))]
pub async fn whoami(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<WhoAmI>> {
    let (roles, desk, entities, client_id) = match &caller.who {
        Who::Staff { roles, desk, entities, .. } => (roles.iter().map(|r| r.to_string()).collect(), desk.clone(), entities.clone(), None),
        Who::Client { client, entity, .. } => (vec!["client".to_string()], None, vec![entity.clone()], Some(client.clone())),
        _ => return Err(Problem::forbidden("person_required", "only a signed-in person has a profile").into()),
    };
    let (me, client, login) = (caller.clone(), client_id.clone(), caller.id());
    let (second, must_change_password, verified) = app
        .core
        .db
        .read(async move |tx| {
            let second = logins::second_factor_state(tx, &me).await?;
            let must_change = logins::must_change_password(tx, &me).await?;
            let verified = match &client {
                None => None,
                Some(c) => Some(
                    logins::of_client(tx, c)
                        .await?
                        .iter()
                        .any(|l| l.id == login && l.email_verified_at.is_some()),
                ),
            };
            Ok((second, must_change, verified))
        })
        .await?;
    Ok(Json(WhoAmI {
        kind: caller.kind(),
        id: caller.id(),
        name: caller.label(),
        client_id,
        roles,
        desk,
        entities,
        rights: caller.grants.rights.iter().map(|(r, s)| (r.to_string(), s.to_string())).collect(),
        sees: Mask::ALL.iter().filter(|m| caller.sees(**m)).map(|m| m.to_string()).collect(),
        step_up_until_us: caller.step_up_until,
        second_factor: second.0,
        recovery_codes_left: second.1,
        must_change_password,
        email_verified: verified,
    }))
}

#[derive(Serialize, ToSchema)]
pub struct MySessions {
    /// The one that asks; none with an API key.
    current: Option<SessionId>,
    items: Vec<SessionRow>,
}

/// My open sessions.
#[utoipa::path(get, path = "/api/v1/auth/sessions", tag = "auth", responses((status = 200, body = MySessions)))]
pub async fn list(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    let now = app.core.now();
    read(&app, async move |tx| {
        Ok(MySessions {
            current: caller.session,
            items: logins::sessions_of(tx, &caller, now).await?,
        })
    })
    .await
}

#[derive(Serialize, ToSchema)]
#[schema(as = SessionsEnded)]
pub struct Ended {
    ended: u64,
}

/// Ends all my sessions but this one.
#[utoipa::path(delete, path = "/api/v1/auth/sessions", tag = "auth", responses((status = 200, body = Ended)))]
pub async fn end_others(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Ended>> {
    let access = app.access.clone();
    let n = app
        .core
        .db
        .write(async move |tx| logins::end_other_sessions(tx, &access, &caller).await)
        .await?;
    Ok(Json(Ended { ended: n }))
}

/// Ends one of my sessions.
#[utoipa::path(delete, path = "/api/v1/auth/sessions/{id}", tag = "auth", responses((status = 204)))]
pub async fn end(State(app): State<App>, Asker(caller): Asker, At(id): At<SessionId>) -> Reply<StatusCode> {
    let access = app.access.clone();
    app.core
        .db
        .write(async move |tx| logins::end_session(tx, &access, &caller, id).await)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Devices I signed in from.
#[utoipa::path(get, path = "/api/v1/auth/devices", tag = "auth", responses((status = 200, body = Items<DeviceRow>)))]
pub async fn devices(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    read(&app, async move |tx| logins::devices_of(tx, &caller.id()).await.map(Items::from)).await
}

/// My sign-ins and the tries that failed.
#[utoipa::path(get, path = "/api/v1/auth/sign-ins", tag = "auth", params(Paged), responses((status = 200, body = Page<SignInRow>)))]
pub async fn sign_ins(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Paged>) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| logins::sign_ins_of(tx, &caller, &page).await).await
}

//! Passwords and addresses.

use super::{brand_of, host_of, notice};
use crate::kit::Reply;
use axum::Json;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use qd_app::compose::client_by_id;
use qd_app::{App, brands, onboarding};
use qd_clients::Patch;
use qd_db::Tx;
use qd_kernel::{Problem, Result, Secret};
use qd_notify::{MailRequest, Param, Params as MailParams, Recipient, Template};
use qd_runtime::access::logins::{self, Reset};
use qd_runtime::access::{LoginId, Realm, Who, normal_email};
use qd_web::{Asker, Body};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"current": "Alster-Segel-42", "new": "Elbe-Hafen-2026"}))]
pub struct ChangePassword {
    #[schema(value_type = String)]
    current: Secret,
    #[schema(value_type = String)]
    new: Secret,
}

/// Changes my password; my other sessions end.
#[utoipa::path(post, path = "/api/v1/auth/password", tag = "auth", request_body = ChangePassword, responses((status = 204)))]
pub async fn change(State(app): State<App>, Asker(caller): Asker, Body(req): Body<ChangePassword>) -> Reply<StatusCode> {
    app.access.change_password(&caller, &req.current, &req.new).await?;
    notice::tell(&app, notice::whom(&app, &caller.id()).await?, Template::PasswordChanged, None).await;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "alex.weber@example.com", "brand": "northwind"}))]
pub struct Forgot {
    email: String,
    /// The brand's code; without it, the brand whose host was called.
    #[serde(default)]
    brand: Option<String>,
    /// True for the back office.
    #[serde(default)]
    staff: bool,
}

/// Mails a link to set a new password, if the address has an account. The answer is the same if not.
#[utoipa::path(post, path = "/api/v1/auth/password/forgot", tag = "auth", request_body = Forgot, responses((status = 202, description = "If there is such an account, a mail is on its way.")))]
pub async fn forgot(State(app): State<App>, headers: HeaderMap, Body(req): Body<Forgot>) -> Reply<StatusCode> {
    let a = app.clone();
    let host = host_of(&headers);
    app.core
        .db
        .write(async move |tx| {
            let (realm, brand) = if req.staff {
                (Realm::Staff, None)
            } else {
                let b = brand_of(tx, req.brand.as_deref(), host.as_deref(), a.config.demo.as_ref()).await?;
                (Realm::Brand(b.code.clone()), Some(b))
            };
            let Some(reset) = logins::start_reset(tx, &a.access, &realm, &req.email).await? else {
                return Ok(());
            };
            let brand = match brand {
                Some(b) => b.code,
                None => brands::house(tx, &a.config).await?.code,
            };
            let page = if req.staff { "/office/reset" } else { "/reset" };
            mail_link(tx, &a, Template::ResetPassword, brand, &reset, page).await
        })
        .await?;
    Ok(StatusCode::ACCEPTED)
}

/// A mail whose link opens an account, in the transaction that made its token. A client's leads to
/// the portals of his brand, that of somebody of the house to the installation's own address.
pub(crate) async fn mail_link(tx: &mut Tx, app: &App, template: Template, brand: String, r: &Reset, page: &str) -> Result<()> {
    let portal = match &r.client_id {
        Some(_) => brands::portal_of(tx, &app.config, &brand).await?,
        None => app.config.server.public_url.trim_end_matches('/').to_string(),
    };
    let link = format!("{portal}{page}?token={}", r.token.expose());
    let params: MailParams = [
        ("name".to_string(), Param::Text(r.name.clone())),
        ("link".to_string(), Param::Link(link)),
    ]
    .into();
    let key = format!("{}:{}:{}", template.as_str(), r.identity, app.core.env.entropy.code(12));
    let to = Recipient {
        name: r.name.clone(),
        address: r.email.clone(),
    };
    let m = MailRequest {
        key,
        template,
        brand,
        language: r.language.clone(),
        to,
        client_id: r.client_id.clone(),
        params,
    };
    qd_notify::mail(tx, &app.core, m).await.map(|_| ())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"token": "qdt_…", "password": "Elbe-Hafen-2026"}))]
pub struct ResetPassword {
    #[schema(value_type = String)]
    token: Secret,
    #[schema(value_type = String)]
    password: Secret,
}

/// Sets a password with the link of a reset or an invitation. Nobody is signed in by it.
#[utoipa::path(post, path = "/api/v1/auth/password/reset", tag = "auth", request_body = ResetPassword, responses((status = 204)))]
pub async fn reset(State(app): State<App>, Body(req): Body<ResetPassword>) -> Reply<StatusCode> {
    let ready = app.access.ready_reset(&req.token, &req.password).await?;
    let a = app.clone();
    let id = app.core.db.write(async move |tx| onboarding::reset(&a, tx, &ready).await).await?;
    notice::tell(&app, notice::whom(&app, &id).await?, Template::PasswordChanged, None).await;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"token": "qdt_…"}))]
pub struct Token {
    #[schema(value_type = String)]
    token: Secret,
}

#[derive(Serialize, ToSchema)]
pub struct Verified {
    verified: bool,
}

/// Proves my e-mail address with the link of the mail. The session of the sign-in it was mailed for
/// is needed: without one (401) sign in and ask again, the link stays good until then; with another
/// one (403 `token_other_login`) sign in with the address the mail went to.
#[utoipa::path(post, path = "/api/v1/auth/email/verify", tag = "auth", request_body = Token, responses((status = 200, body = Verified)))]
pub async fn verify_email(State(app): State<App>, Asker(caller): Asker, Body(req): Body<Token>) -> Reply<Json<Verified>> {
    let a = app.clone();
    app.core
        .db
        .write(async move |tx| onboarding::verify_email(&a, tx, &caller, &req.token).await)
        .await?;
    Ok(Json(Verified { verified: true }))
}

/// Sends the verification mail again.
#[utoipa::path(post, path = "/api/v1/auth/email/send", tag = "auth", responses((status = 202, description = "On its way.")))]
pub async fn send_verification(State(app): State<App>, Asker(caller): Asker) -> Reply<StatusCode> {
    let Who::Client { login, client, .. } = caller.who.clone() else {
        return Err(Problem::forbidden("client_only", "only a client proves an address").into());
    };
    let a = app.clone();
    app.core.db.write(async move |tx| send_to(tx, &a, login, &client).await).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Issues a token and mails it; part of the caller's transaction.
async fn send_to(tx: &mut Tx, app: &App, login: LoginId, client: &str) -> Result<()> {
    let id = login.to_string();
    let view = logins::of_client(tx, client)
        .await?
        .into_iter()
        .find(|l| l.id == id)
        .ok_or_else(|| Problem::missing("login"))?;
    if view.email_verified_at.is_some() {
        return Err(Problem::conflict("email_verified", "this address is verified already"));
    }
    let c = client_by_id(tx, client).await?;
    onboarding::send_verification(app, tx, login, &c).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "alex.weber@example.org"}))]
pub struct NewEmail {
    email: String,
}

/// Another address for my sign-in; unverified until proven. Needs a fresh proof.
#[utoipa::path(post, path = "/api/v1/auth/email", tag = "auth", request_body = NewEmail, responses((status = 204)))]
pub async fn change_email(State(app): State<App>, Asker(caller): Asker, Body(req): Body<NewEmail>) -> Reply<StatusCode> {
    let (a, before) = (app.clone(), notice::whom(&app, &caller.id()).await?);
    let same = before.as_ref().is_some_and(|w| normal_email(&w.email) == normal_email(&req.email));
    app.core
        .db
        .write(async move |tx| {
            logins::change_email(tx, &a.access, &caller, &req.email).await?;
            let Who::Client { login, client, .. } = &caller.who else {
                return Ok(());
            };
            // The record has the address that mails go to: it follows.
            let c = client_by_id(tx, client).await?;
            let patch = Patch {
                email: Some(req.email.clone()),
                ..Patch::default()
            };
            qd_clients::edit(tx, &a.core, &caller, c.id, c.version, patch, "changed by the client").await?;
            send_to(tx, &a, *login, client).await
        })
        .await?;
    if !same {
        // To the address as it was: whoever took the login over reads the new one.
        notice::tell(&app, before, Template::EmailChanged, None).await;
    }
    Ok(StatusCode::NO_CONTENT)
}

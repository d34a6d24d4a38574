//! One's own second factor.

use crate::kit::Reply;
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use qd_app::App;
use qd_kernel::Secret;
use qd_web::{Asker, Body};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(example = json!({"secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "url": "otpauth://totp/Quarterdeck:mara@example.com?secret=…"}))]
pub struct Enrolled {
    /// To type into an authenticator app.
    secret: String,
    /// To show as a picture.
    url: String,
}

/// Starts a second factor; it counts once confirmed.
#[utoipa::path(post, path = "/api/v1/auth/second-factor/enrol", tag = "auth", responses((status = 200, body = Enrolled)))]
pub async fn enrol(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Enrolled>> {
    let e = app.access.enrol_second_factor(&caller).await?;
    Ok(Json(Enrolled {
        secret: e.secret.expose().to_string(),
        url: e.url.expose().to_string(),
    }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"code": "123456"}))]
pub struct Code {
    #[schema(value_type = String)]
    code: Secret,
}

/// Shown once.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"recovery_codes": ["7K3M-Q0XA-9TZR"]}))]
pub struct RecoveryCodes {
    recovery_codes: Vec<String>,
}

fn shown(codes: Vec<Secret>) -> Json<RecoveryCodes> {
    Json(RecoveryCodes {
        recovery_codes: codes.iter().map(|c| c.expose().to_string()).collect(),
    })
}

/// Confirms it with the first code; answers the recovery codes, this once.
#[utoipa::path(post, path = "/api/v1/auth/second-factor/confirm", tag = "auth", request_body = Code, responses((status = 200, body = RecoveryCodes)))]
pub async fn confirm(State(app): State<App>, Asker(caller): Asker, Body(req): Body<Code>) -> Reply<Json<RecoveryCodes>> {
    Ok(shown(app.access.confirm_second_factor(&caller, &req.code).await?))
}

/// Removes it. Needs a fresh proof.
#[utoipa::path(delete, path = "/api/v1/auth/second-factor", tag = "auth", responses((status = 204)))]
pub async fn remove(State(app): State<App>, Asker(caller): Asker) -> Reply<StatusCode> {
    app.access.remove_second_factor(&caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// New recovery codes in place of the old ones. Needs a fresh proof.
#[utoipa::path(post, path = "/api/v1/auth/recovery-codes", tag = "auth", responses((status = 200, body = RecoveryCodes)))]
pub async fn recovery_codes(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<RecoveryCodes>> {
    Ok(shown(app.access.renew_recovery_codes(&caller).await?))
}

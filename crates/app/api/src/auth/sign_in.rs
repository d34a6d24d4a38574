//! Signing in, proving it again, signing out.

use super::{brand_of, host_of, notice};
use crate::kit::Reply;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use qd_app::App;
use qd_kernel::{Problem, Result, Secret, Ts};
use qd_notify::Template;
use qd_runtime::access::logins;
use qd_runtime::access::{Proof, Realm, SignIn, SignedIn};
use qd_web::gate::COOKIE;
use qd_web::{ApiProblem, Asker, Body};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How long a browser is recognised, in seconds: a year.
const DEVICE_SECS: i64 = 365 * 86_400;
const DEVICE_COOKIE: &str = "qd_device";

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "finance@quarterdeck.example", "password": "correct horse battery", "code": "123456"}))]
pub struct StaffSignIn {
    email: String,
    #[schema(value_type = String)]
    password: Secret,
    /// The authenticator app's code or a recovery code, once a second factor is in force.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    code: Option<Secret>,
    /// For programs without cookies: something that stays the same for this device.
    #[serde(default)]
    device: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"brand": "northwind", "email": "alex.weber@example.com", "password": "Alster-Segel-42"}))]
pub struct ClientSignIn {
    /// The brand's code; without it, the brand whose host was called.
    #[serde(default)]
    brand: Option<String>,
    email: String,
    #[schema(value_type = String)]
    password: Secret,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    code: Option<Secret>,
    #[serde(default)]
    device: Option<String>,
}

/// The token is in the cookie as well; it is shown this once.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"token": "qds_3q2-7w…", "expires_at_us": 1_795_000_000_000_000_i64, "kind": "staff", "id": "stf_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "name": "Mara Lindqvist", "new_device": false, "must_change_password": false, "must_enrol_second_factor": false}))]
pub struct SignedInBody {
    token: String,
    expires_at_us: Ts,
    /// `staff` or `client`.
    kind: &'static str,
    /// `stf_…` or `lgn_…`
    id: String,
    name: String,
    new_device: bool,
    /// Until it is done the session may do nothing else.
    must_change_password: bool,
    must_enrol_second_factor: bool,
}

/// Signs somebody of the house in.
#[utoipa::path(post, path = "/api/v1/auth/staff/sign-in", tag = "auth", request_body = StaffSignIn, responses((status = 200, body = SignedInBody)))]
pub async fn staff(State(app): State<App>, Asker(caller): Asker, headers: HeaderMap, Body(req): Body<StaffSignIn>) -> Reply<Response> {
    enter(
        &app,
        caller.ip,
        &headers,
        Realm::Staff,
        req.email,
        req.password,
        req.code,
        req.device,
    )
    .await
}

/// Signs a client in at a brand.
#[utoipa::path(post, path = "/api/v1/auth/sign-in", tag = "auth", request_body = ClientSignIn, responses((status = 200, body = SignedInBody)))]
pub async fn client(State(app): State<App>, Asker(caller): Asker, headers: HeaderMap, Body(req): Body<ClientSignIn>) -> Reply<Response> {
    let (field, host) = (req.brand, host_of(&headers));
    let config = app.config.clone();
    let brand = app
        .core
        .db
        .read(async move |tx| brand_of(tx, field.as_deref(), host.as_deref(), config.demo.as_ref()).await)
        .await?;
    enter(
        &app,
        caller.ip,
        &headers,
        Realm::Brand(brand.code),
        req.email,
        req.password,
        req.code,
        req.device,
    )
    .await
}

#[allow(clippy::too_many_arguments, reason = "the parts of one request")]
async fn enter(
    app: &App,
    ip: Option<String>,
    headers: &HeaderMap,
    realm: Realm,
    email: String,
    password: Secret,
    code: Option<Secret>,
    device: Option<String>,
) -> Reply<Response> {
    let e = Entered::of(app, headers, device);
    let client = matches!(realm, Realm::Brand(_));
    let s = app
        .access
        .sign_in(SignIn {
            realm,
            email,
            password,
            code,
            ip,
            device: e.device.clone(),
            agent: e.agent.clone(),
        })
        .await?;
    welcome(app, s, client, e).await
}

/// The browser somebody signs in with.
pub(super) struct Entered {
    pub device: Option<String>,
    /// A name for a browser that had none, to be kept there.
    fresh: Option<String>,
    pub agent: Option<String>,
}

impl Entered {
    pub(super) fn of(app: &App, headers: &HeaderMap, device: Option<String>) -> Entered {
        let known = device
            .filter(|d| (8..=200).contains(&d.len()))
            .or_else(|| cookie(headers, DEVICE_COOKIE));
        let fresh = known.is_none().then(|| app.core.env.entropy.code(26));
        Entered {
            device: known.or(fresh.clone()),
            fresh,
            agent: headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).map(str::to_string),
        }
    }
}

/// The answer to whoever got in, with the cookies; a device not seen before is told of.
pub(super) async fn welcome(app: &App, s: SignedIn, client: bool, e: Entered) -> Reply<Response> {
    if s.new_device {
        tell_of_device(app, &s.identity, e.agent.as_deref().unwrap_or("?")).await?;
    }
    let mut r = axum::Json(body(&s, client)).into_response();
    let secure = app.config.server.public_url.starts_with("https://");
    let max_age = s.expires_at.secs_since(app.core.now()).max(0);
    let name = if secure { format!("__Host-{COOKIE}") } else { COOKIE.to_string() };
    set_cookie(&mut r, &name, s.token.expose(), max_age, secure)?;
    if let Some(d) = e.fresh {
        set_cookie(&mut r, DEVICE_COOKIE, &d, DEVICE_SECS, secure)?;
    }
    Ok(r)
}

/// The first device of all is the one somebody came with: no news.
async fn tell_of_device(app: &App, identity: &str, agent: &str) -> Result<()> {
    let id = identity.to_string();
    let known = app.core.db.read(async move |tx| logins::devices_of(tx, &id).await).await?;
    if known.len() > 1 {
        notice::tell(app, notice::whom(app, identity).await?, Template::NewDevice, Some(agent)).await;
    }
    Ok(())
}

fn body(s: &SignedIn, client: bool) -> SignedInBody {
    SignedInBody {
        token: s.token.expose().to_string(),
        expires_at_us: s.expires_at,
        kind: if client { "client" } else { "staff" },
        id: s.identity.clone(),
        name: s.caller.label(),
        new_device: s.new_device,
        must_change_password: s.must_change_password,
        must_enrol_second_factor: s.must_enrol_second_factor,
    }
}

fn set_cookie(r: &mut Response, name: &str, value: &str, max_age: i64, secure: bool) -> Result<()> {
    let s = if secure { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{s}");
    let v = HeaderValue::from_str(&text).map_err(|e| Problem::bug("cookie_malformed", "a cookie could not be written").with_source(e))?;
    r.headers_mut().append(header::SET_COOKIE, v);
    Ok(())
}

/// The value of a cookie, when it looks like one of ours.
pub(crate) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(';'))
        .filter_map(|c| c.trim().split_once('='))
        .find(|(n, v)| *n == name && v.len() <= 200 && v.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)))
        .map(|(_, v)| v.to_string())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"code": "123456"}))]
pub struct StepUp {
    /// For who has no second factor.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    password: Option<Secret>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    code: Option<Secret>,
}

#[derive(Serialize, ToSchema)]
pub struct SteppedUp {
    /// Until then money and approvals need no further proof.
    pub(super) step_up_until_us: Ts,
}

/// Proves once more that it is you, for money and approvals.
#[utoipa::path(post, path = "/api/v1/auth/step-up", tag = "auth", request_body = StepUp, responses((status = 200, body = SteppedUp)))]
pub async fn step_up(State(app): State<App>, Asker(caller): Asker, Body(req): Body<StepUp>) -> Reply<axum::Json<SteppedUp>> {
    let until = app
        .access
        .step_up(
            &caller,
            Proof {
                password: req.password,
                code: req.code,
            },
        )
        .await?;
    Ok(axum::Json(SteppedUp { step_up_until_us: until }))
}

/// Ends this session.
#[utoipa::path(post, path = "/api/v1/auth/sign-out", tag = "auth", responses((status = 204, description = "Signed out; the cookie is cleared.")))]
pub async fn sign_out(State(app): State<App>, Asker(caller): Asker) -> Reply<Response> {
    app.access.sign_out(&caller).await?;
    let mut r = StatusCode::NO_CONTENT.into_response();
    let secure = app.config.server.public_url.starts_with("https://");
    let name = if secure { format!("__Host-{COOKIE}") } else { COOKIE.to_string() };
    set_cookie(&mut r, &name, "", 0, secure).map_err(ApiProblem)?;
    Ok(r)
}

//! What stands on partners' own pages and what their servers tell us: pictures of banners, clicks,
//! registrations.

use crate::kit::{At, Reply};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use qd_app::App;
use qd_app::onboarding::{self, Origin};
use qd_clients::{NewLead, Touch};
use qd_kernel::{Problem, Result};
use qd_partners::postbacks::{self, Reported};
use qd_partners::{MaterialId, material, partner};
use qd_runtime::access::Caller;
use qd_runtime::files::FileId;
use qd_runtime::tenancy;
use qd_web::{Asker, Body};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A picture of ours, shown anywhere and never as a page.
pub(crate) fn shown(mime: &'static str, bytes: Vec<u8>, keep: &'static str) -> Response {
    let mut r = bytes.into_response();
    let h = r.headers_mut();
    h.insert(header::CONTENT_TYPE, HeaderValue::from_static(mime));
    h.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    h.insert(
        HeaderName::from_static("content-security-policy"),
        HeaderValue::from_static("default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox"),
    );
    r
}

/// A banner as partners' pages show it. 410 when it is withdrawn.
#[utoipa::path(get, path = "/m/{id}", tag = "public", responses((status = 200, content_type = "image/png", body = Vec<u8>), (status = 410, description = "Withdrawn.")))]
pub async fn picture(State(app): State<App>, At(id): At<MaterialId>) -> Reply<Response> {
    let file = app.core.db.read(async move |tx| material::public_picture(tx, id).await).await?;
    let Some(file) = file else {
        return Ok((StatusCode::GONE, "This offer has been withdrawn.\n").into_response());
    };
    let c = app.files.get(FileId::parse(&file)?).await?;
    Ok(shown(c.mime.as_str(), c.bytes, "public, max-age=300"))
}

/// The header for those who can set one, the address for trackers that cannot.
fn token_of(headers: &HeaderMap, pairs: &[(String, String)]) -> Result<String> {
    headers
        .get("x-partner-token")
        .and_then(|v| v.to_str().ok())
        .map(str::to_string)
        .or_else(|| pairs.iter().find(|(k, _)| k == "token").map(|(_, v)| v.clone()))
        .ok_or_else(|| Problem::unauthenticated("token_missing", "send your token in x-partner-token, or as token"))
}

/// A partner's server tells us of a click, in the address: `token` (or the header `x-partner-token`),
/// `click_id`, `code`, `sub1`…`sub5`, `utm_…`, `referrer`. The same click_id again is the same click.
#[utoipa::path(post, path = "/api/v1/s2s/clicks", tag = "public", responses((status = 200, body = Reported)))]
pub async fn told_click(State(app): State<App>, headers: HeaderMap, uri: http::Uri) -> Reply<Json<Reported>> {
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri)
        .map(|q| q.0)
        .unwrap_or_default();
    let token = token_of(&headers, &pairs)?;
    let a = app.clone();
    let done = app
        .core
        .db
        .write(async move |tx| {
            let partner = postbacks::read_token(tx, &a.links, &token).await?;
            let code = pairs.iter().find(|(k, _)| k == "code").map(|(_, v)| v.as_str());
            postbacks::report_click(tx, &a.core, partner, code, &pairs).await
        })
        .await?;
    Ok(Json(done))
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"click_id": "t-81723", "code": "NORD24", "first_name": "Alex", "last_name": "Weber", "email": "alex.weber@example.com", "country": "DE", "language": "de"}))]
pub struct ToldRegistration {
    /// The tracker's own name of the click; kept as the way this person came.
    #[serde(default)]
    click_id: Option<String>,
    /// The code of one of the partner's links; the first one without it.
    #[serde(default)]
    code: Option<String>,
    /// A brand of the partner's entity; the first one without it.
    #[serde(default)]
    brand: Option<String>,
    #[serde(default)]
    first_name: String,
    #[serde(default)]
    last_name: String,
    email: String,
    #[serde(default)]
    phone: Option<String>,
    #[serde(default)]
    country: Option<String>,
    #[serde(default)]
    language: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct RegistrationTaken {
    /// Said for somebody known, too: a partner does not learn who is our client.
    received: bool,
}

/// A partner's own page hands on somebody who wants to register: a lead of that partner. The token is
/// in `x-partner-token`.
#[utoipa::path(post, path = "/api/v1/s2s/registrations", tag = "public", request_body = ToldRegistration, responses((status = 200, body = RegistrationTaken)))]
pub async fn told_registration(
    State(app): State<App>,
    Asker(caller): Asker,
    headers: HeaderMap,
    Body(req): Body<ToldRegistration>,
) -> Reply<Json<RegistrationTaken>> {
    let token = token_of(&headers, &[])?;
    let a = app.clone();
    app.core
        .db
        .write(async move |tx| {
            let id = postbacks::read_token(tx, &a.links, &token).await?;
            let house = Caller::system("partner_door").from_ip(caller.ip.clone());
            let p = partner::get(tx, &house, id).await?;
            let brands = tenancy::brands(tx).await?;
            let brand = brands
                .into_iter()
                .find(|b| b.entity == p.entity && req.brand.as_ref().is_none_or(|want| *want == b.code))
                .ok_or_else(|| Problem::invalid("brand", "brand_unknown", "expected a brand of your entity"))?;
            let pairs: Vec<(String, String)> = req.click_id.iter().map(|c| ("click_id".to_string(), c.clone())).collect();
            let click = match pairs.is_empty() {
                true => None,
                false => Some(postbacks::report_click(tx, &a.core, id, req.code.as_deref(), &pairs).await?),
            };
            let code = match (&click, &req.code) {
                (Some(c), _) => Some(c.code.clone()),
                (None, Some(c)) => Some(c.clone()),
                (None, None) => qd_partners::clicks::first_code(tx, id).await?,
            };
            let lead = NewLead {
                brand: brand.code,
                first_name: req.first_name.clone(),
                last_name: req.last_name.clone(),
                email: Some(req.email.clone()),
                phone: req.phone.clone(),
                country: req.country.clone(),
                language: req.language.clone(),
                message: None,
                touch: Touch {
                    source: "partner".into(),
                    medium: "s2s".into(),
                    form: "s2s".into(),
                    ..Touch::default()
                },
                consents: Vec::new(),
                custom: None,
            };
            let origin = Origin {
                code,
                click: click.map(|c| c.click_id.to_string()),
                ..Origin::default()
            };
            onboarding::take_lead(&a, tx, &house, lead, origin).await
        })
        .await?;
    Ok(Json(RegistrationTaken { received: true }))
}

//! What strangers may do: the lead form, registration, the brand's face, a partner's link.

use crate::auth::{brand_of, cookie, host_of};
use crate::kit::{At, Reply, read, write};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use qd_app::App;
use qd_app::compose_kyc::country_of;
use qd_app::onboarding::{self, Origin};
use qd_clients::{ClientId, Consent, NewLead, Registration, Touch};
use qd_kernel::{Currency, Problem, Result, Secret};
use qd_partners::clicks::{self, COOKIE, ClickOutcome, Visit};
use qd_runtime::access::{Caller, LoginId, Right};
use qd_runtime::tenancy;
use qd_web::{Answer, Api, ApiProblem, Asker, Body, IdempotencyKey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_axum::routes;

pub fn routes(api: Api<App>) -> Api<App> {
    api.route(Right::Public, routes!(lead))
        .route(Right::Public, routes!(register))
        .route(Right::Public, routes!(brand))
        .route(Right::Public, routes!(click))
        .route(Right::Public, routes!(crate::outward::picture))
        .route(Right::Public, routes!(crate::outward::told_click))
        .route(Right::Public, routes!(crate::outward::told_registration))
}

/// How the visitor came, as the page's address says.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Came {
    utm_source: String,
    utm_medium: String,
    utm_campaign: String,
    utm_term: String,
    utm_content: String,
    landing_page: String,
    landing_language: String,
    referrer: String,
    /// A partner's code, typed or from the page's address (`pc`).
    partner_code: Option<String>,
    /// The click in the page's address (`click`), for this visit.
    partner_click: Option<String>,
}

impl Came {
    fn touch(&self, caller: &Caller, form: &str) -> Touch {
        Touch {
            source: self.utm_source.clone(),
            medium: self.utm_medium.clone(),
            campaign: self.utm_campaign.clone(),
            term: self.utm_term.clone(),
            content: self.utm_content.clone(),
            landing_language: self.landing_language.clone(),
            landing_page: self.landing_page.clone(),
            referrer: self.referrer.clone(),
            ip_country: country_of(caller.ip.as_deref()).unwrap_or_default(),
            partner_id: None,
            click_id: None,
            form: form.to_string(),
        }
    }
    fn origin(&self, headers: &HeaderMap) -> Origin {
        Origin {
            code: self.partner_code.clone(),
            cookie: cookie(headers, COOKIE),
            click: self.partner_click.clone(),
            user_agent: headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).map(str::to_string),
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Agreed {
    /// `terms`, `privacy`, `marketing`, `cookies`…
    kind: String,
    /// Which version of the text.
    version: String,
    given: bool,
}

fn consents(list: &[Agreed]) -> Vec<Consent> {
    list.iter()
        .map(|a| Consent {
            kind: a.kind.clone(),
            version: a.version.clone(),
            given: a.given,
        })
        .collect()
}

/// A stranger's key belongs to the stranger's address: two strangers may choose the same one.
fn strangers(key: IdempotencyKey, caller: &Caller) -> Result<IdempotencyKey> {
    let Some(k) = key.0 else { return Ok(IdempotencyKey(None)) };
    let joined = format!("{}|{k}", caller.ip.as_deref().unwrap_or("-"));
    if joined.len() > 128 {
        return Err(Problem::invalid(
            "idempotency-key",
            "idempotency_key_malformed",
            "expected at most 80 characters on this form",
        ));
    }
    Ok(IdempotencyKey(Some(joined)))
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"brand": "northwind", "first_name": "Alex", "last_name": "Weber", "email": "alex.weber@example.com", "phone": "+49 40 123456", "language": "de", "came": {"utm_source": "google", "utm_campaign": "herbst", "landing_page": "/de/start", "landing_language": "de"}, "consents": [{"kind": "privacy", "version": "2026-01", "given": true}]}))]
pub struct LeadForm {
    /// The brand's code; without it, the brand whose host was called.
    #[serde(default)]
    brand: Option<String>,
    #[serde(default)]
    first_name: String,
    #[serde(default)]
    last_name: String,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    phone: Option<String>,
    /// Two letters; without it, the country of the address the form came from.
    #[serde(default)]
    country: Option<String>,
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    came: Came,
    #[serde(default)]
    consents: Vec<Agreed>,
}

#[derive(Serialize, ToSchema)]
#[schema(example = json!({"received": true}))]
pub struct Received {
    /// Said for somebody known, too: the form does not tell who is our client.
    received: bool,
}

/// Takes the form of a landing page.
#[utoipa::path(post, path = "/api/v1/leads", tag = "public", request_body = LeadForm, responses((status = 201, body = Received)))]
pub async fn lead(
    State(app): State<App>,
    Asker(caller): Asker,
    headers: HeaderMap,
    key: IdempotencyKey,
    Body(req): Body<LeadForm>,
) -> Reply<Answer> {
    // A session that happens to be in the browser has no part in a public form.
    let stranger = Caller::public().from_ip(caller.ip.clone());
    let key = strangers(key, &stranger)?;
    let (a, c, r, host) = (app.clone(), stranger.clone(), req.clone(), host_of(&headers));
    let origin = req.came.origin(&headers);
    write(&app, &stranger, key, "lead.form", &req, 201, async move |tx| {
        let r = r.clone();
        let brand = brand_of(tx, r.brand.as_deref(), host.as_deref(), a.config.demo.as_ref()).await?;
        let lead = NewLead {
            brand: brand.code,
            first_name: r.first_name,
            last_name: r.last_name,
            email: r.email,
            phone: r.phone,
            country: r.country,
            language: r.language,
            message: r.message,
            touch: r.came.touch(&c, "landing"),
            consents: consents(&r.consents),
            custom: None,
        };
        onboarding::take_lead(&a, tx, &c, lead, origin.clone()).await?;
        Ok(Received { received: true })
    })
    .await
}

#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"brand": "northwind", "email": "alex.weber@example.com", "password": "Alster-Segel-42", "first_name": "Alex", "last_name": "Weber", "phone": "+49 40 123456", "country": "DE", "language": "de", "came": {"partner_code": "NORD24"}, "consents": [{"kind": "terms", "version": "2026-01", "given": true}]}))]
pub struct RegistrationForm {
    #[serde(default)]
    brand: Option<String>,
    email: String,
    #[schema(value_type = String)]
    password: Secret,
    first_name: String,
    last_name: String,
    #[serde(default)]
    phone: Option<String>,
    /// Residence, two letters.
    country: String,
    language: String,
    #[serde(default)]
    came: Came,
    #[serde(default)]
    consents: Vec<Agreed>,
}

#[derive(Serialize, ToSchema)]
#[schema(example = json!({"client_id": "cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "login_id": "lgn_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "entity": "eu"}))]
pub struct RegisteredBody {
    client_id: ClientId,
    login_id: LoginId,
    entity: String,
}

/// Registers a client and mails the link that proves the address. Sign in afterwards.
#[utoipa::path(post, path = "/api/v1/register", tag = "public", request_body = RegistrationForm, responses((status = 201, body = RegisteredBody)))]
pub async fn register(
    State(app): State<App>,
    Asker(caller): Asker,
    headers: HeaderMap,
    key: IdempotencyKey,
    Body(req): Body<RegistrationForm>,
) -> Reply<Answer> {
    let stranger = Caller::public().from_ip(caller.ip.clone());
    let key = strangers(key, &stranger)?;
    // Outside the transaction: a hash takes its time.
    let hash = app
        .access
        .hash_new_password(&req.password, false, &[&req.email, &req.first_name, &req.last_name])
        .await?;
    let (a, c, host) = (app.clone(), stranger.clone(), host_of(&headers));
    let origin = req.came.origin(&headers);
    // The password is no part of what is compared: it is not kept in any form but its hash.
    let input = json!({"brand": req.brand, "email": req.email, "first_name": req.first_name, "last_name": req.last_name, "phone": req.phone, "country": req.country, "language": req.language, "came": req.came, "consents": req.consents});
    write(&app, &stranger, key, "register", &input, 201, async move |tx| {
        let r = req.clone();
        let brand = brand_of(tx, r.brand.as_deref(), host.as_deref(), a.config.demo.as_ref()).await?;
        let registration = Registration {
            brand: brand.code,
            email: r.email,
            first_name: r.first_name,
            last_name: r.last_name,
            phone: r.phone,
            country: r.country,
            language: r.language,
            touch: r.came.touch(&c, "registration"),
            consents: consents(&r.consents),
            over: false,
        };
        let (done, login) = onboarding::register(&a, tx, &c, registration, origin.clone(), hash.clone()).await?;
        Ok(RegisteredBody {
            client_id: done.client_id,
            login_id: login,
            entity: done.entity,
        })
    })
    .await
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// A brand's code; without it, the brand whose host was called.
    code: Option<String>,
}

/// A brand as its portals and forms show it.
#[derive(Serialize, ToSchema)]
pub struct BrandFace {
    code: String,
    name: String,
    /// The brand colour's hue, 0 to 359 degrees.
    hue: u32,
    languages: Vec<String>,
    entity: BrandEntity,
    /// Catalogue keys of the texts that differ by licence, by their use: `risk_warning`, `terms`…
    texts: BTreeMap<String, String>,
    /// Countries whose residents cannot register, two capital letters each.
    countries_not_served: Vec<String>,
    currencies: Vec<Currency>,
}

/// The company behind the brand.
#[derive(Serialize, ToSchema)]
pub struct BrandEntity {
    code: String,
    name: String,
    country: String,
    regulator: String,
}

/// The brand's name, colour and languages, the entity behind it, and what its forms ask.
#[utoipa::path(get, path = "/api/v1/public/brand", tag = "public", params(Which), responses((status = 200, body = BrandFace)))]
pub async fn brand(State(app): State<App>, headers: HeaderMap, qd_web::Params(q): qd_web::Params<Which>) -> Reply<Json<Value>> {
    let (host, config) = (host_of(&headers), app.config.clone());
    read(&app, async move |tx| {
        let b = brand_of(tx, q.code.as_deref(), host.as_deref(), config.demo.as_ref()).await?;
        let e = tenancy::get(tx, &b.entity).await?;
        Ok(BrandFace {
            code: b.code,
            name: b.name,
            hue: b.hue,
            languages: b.languages,
            entity: BrandEntity {
                code: e.code.clone(),
                name: e.name.clone(),
                country: e.country.clone(),
                regulator: e.regulator.clone(),
            },
            texts: e.config.texts.clone(),
            countries_not_served: e.config.countries.not_served.clone(),
            currencies: e.config.currencies.clone(),
        })
    })
    .await
}

/// A partner's link: notes the click and sends the browser to the landing page. The cookie is set
/// only when the visitor agreed (`consent=1`). `m` names the material the link stood in.
#[utoipa::path(get, path = "/c/{code}", tag = "public", responses((status = 302, description = "To the landing page, with the partner's code (`pc`) and the click."), (status = 410, description = "The material is withdrawn. The click was counted.")))]
pub async fn click(
    State(app): State<App>,
    Asker(caller): Asker,
    headers: HeaderMap,
    At(code): At<String>,
    uri: http::Uri,
) -> Reply<Response> {
    let query = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri)
        .map(|q| q.0)
        .unwrap_or_default();
    let text = |n: header::HeaderName| headers.get(n).and_then(|v| v.to_str().ok()).map(str::to_string);
    let consent = query.iter().any(|(k, v)| k == "consent" && v == "1") || cookie(&headers, COOKIE).is_some();
    let v = Visit {
        code,
        ip: caller.ip,
        user_agent: text(header::USER_AGENT),
        referrer: text(header::REFERER),
        query,
        consent,
        cookie: cookie(&headers, COOKIE),
    };
    let a = app.clone();
    let done = app
        .core
        .db
        .write(async move |tx| clicks::visit(tx, &a.core, &a.links, &v).await)
        .await?;
    if done.outcome == ClickOutcome::Withdrawn {
        let mut r = (StatusCode::GONE, "This offer has been withdrawn.\n").into_response();
        r.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        return Ok(r);
    }
    let to = HeaderValue::from_str(&done.redirect)
        .map_err(|e| ApiProblem(Problem::bug("landing_malformed", "a landing page cannot be sent to").with_source(e)))?;
    let mut r = StatusCode::FOUND.into_response();
    r.headers_mut().insert(header::LOCATION, to);
    r.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(c) = done.set_cookie {
        let secure = if app.config.server.public_url.starts_with("https://") {
            "; Secure"
        } else {
            ""
        };
        let value = format!(
            "{COOKIE}={c}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{secure}",
            done.cookie_days * 86_400
        );
        if let Ok(v) = HeaderValue::from_str(&value) {
            r.headers_mut().append(header::SET_COOKIE, v);
        }
    }
    Ok(r)
}

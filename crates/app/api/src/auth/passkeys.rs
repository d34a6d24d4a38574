//! Passkeys: made, listed, removed, signed in with, and used as a fresh proof. The browser's side is
//! `navigator.credentials` with `PublicKeyCredential.toJSON()`; bytes travel as base64url.

use super::sign_in::{Entered, SignedInBody, SteppedUp, welcome};
use super::{brand_of, host_of};
use crate::kit::{At, Items, Reply};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use data_encoding::BASE64URL_NOPAD;
use http::{HeaderMap, StatusCode, header};
use qd_app::App;
use qd_app::brands::{self, house};
use qd_kernel::{Problem, Result};
use qd_runtime::access::Realm;
use qd_runtime::access::passkeys::{Asked, ChallengeId, From, Made, Passkey, PasskeyId, Used};
use qd_runtime::access::webauthn::{ALGORITHMS, Place, base64url};
use qd_runtime::tenancy;
use qd_web::{Asker, Body};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

fn encoded(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

/// Where the browser is: one of our own addresses, as its `Host` says. Passkeys are bound to a name,
/// so an address in numbers has none.
async fn place(app: &App, headers: &HeaderMap) -> Result<Place> {
    let none = || {
        Problem::conflict(
            "passkeys_unavailable",
            "passkeys work at the addresses of our portals only, by name",
        )
    };
    let called = headers
        .get(header::HOST)
        .and_then(|h| h.to_str().ok())
        .map(str::to_lowercase)
        .ok_or_else(none)?;
    let config = app.config.clone();
    let ours = app
        .core
        .db
        .read(async move |tx| {
            let mut all = vec![config.server.public_url.trim_end_matches('/').to_string()];
            for b in tenancy::brands(tx).await? {
                all.push(brands::portal(&config, &b));
            }
            Ok(all)
        })
        .await?;
    let public = &app.config.server.public_url;
    let mut origins = ours;
    // The demo answers at numbers; the same machine has a name, too.
    if app.config.demo.is_some()
        && let Some((scheme, rest)) = public.split_once("://")
    {
        let port = rest
            .trim_end_matches('/')
            .rsplit_once(':')
            .map(|(_, p)| format!(":{p}"))
            .unwrap_or_default();
        origins.push(format!("{scheme}://localhost{port}"));
    }
    let origin = origins
        .into_iter()
        .find(|o| {
            o.split_once("://")
                .is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(&called))
        })
        .ok_or_else(none)?
        .to_lowercase();
    let rp_id = host_of(headers).ok_or_else(none)?;
    if rp_id.parse::<std::net::IpAddr>().is_ok() || rp_id.starts_with('[') {
        return Err(none());
    }
    Ok(Place { rp_id, origin })
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasskeyDescriptor {
    /// `public-key`.
    r#type: &'static str,
    id: String,
    transports: Vec<String>,
}

fn descriptors(a: &Asked) -> Vec<PasskeyDescriptor> {
    a.credentials
        .iter()
        .map(|(id, transports)| PasskeyDescriptor {
            r#type: "public-key",
            id: encoded(id),
            transports: serde_json::from_value(transports.clone()).unwrap_or_default(),
        })
        .collect()
}

#[derive(Serialize, ToSchema)]
pub struct PasskeyParty {
    id: String,
    name: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasskeyUser {
    id: String,
    name: String,
    display_name: String,
}

#[derive(Serialize, ToSchema)]
pub struct PasskeyAlgorithm {
    r#type: &'static str,
    alg: i64,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasskeySelection {
    resident_key: &'static str,
    require_resident_key: bool,
    user_verification: &'static str,
}

/// For `PublicKeyCredential.parseCreationOptionsFromJSON`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasskeyCreation {
    challenge: String,
    rp: PasskeyParty,
    user: PasskeyUser,
    pub_key_cred_params: Vec<PasskeyAlgorithm>,
    /// Milliseconds.
    timeout: i64,
    exclude_credentials: Vec<PasskeyDescriptor>,
    authenticator_selection: PasskeySelection,
    attestation: &'static str,
}

#[derive(Serialize, ToSchema)]
#[schema(example = json!({"challenge_id": "pch_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "options": {"challenge": "…", "rp": {"id": "trade.northwind.example", "name": "Northwind"}, "user": {"id": "…", "name": "alex.weber@example.com", "displayName": "Alex Weber"}, "pubKeyCredParams": [{"type": "public-key", "alg": -7}], "timeout": 300_000, "excludeCredentials": [], "authenticatorSelection": {"residentKey": "required", "requireResidentKey": true, "userVerification": "required"}, "attestation": "none"}}))]
pub struct PasskeyToMake {
    challenge_id: ChallengeId,
    options: PasskeyCreation,
}

/// Begins a passkey of one's own. Needs a fresh proof.
#[utoipa::path(post, path = "/api/v1/auth/passkeys/begin", tag = "auth", responses((status = 200, body = PasskeyToMake)))]
pub async fn begin(State(app): State<App>, Asker(caller): Asker, headers: HeaderMap) -> Reply<Json<PasskeyToMake>> {
    let place = place(&app, &headers).await?;
    let a = app.access.begin_passkey(&caller).await?;
    let (host, config) = (host_of(&headers), app.config.clone());
    let name = app
        .core
        .db
        .read(
            async move |tx| match brand_of(tx, None, host.as_deref(), config.demo.as_ref()).await {
                Ok(b) => Ok(b.name),
                Err(_) => house(tx, &config).await.map(|b| b.name),
            },
        )
        .await?;
    Ok(Json(PasskeyToMake {
        challenge_id: a.id,
        options: PasskeyCreation {
            challenge: encoded(&a.challenge),
            rp: PasskeyParty { id: place.rp_id, name },
            user: PasskeyUser {
                id: encoded(a.handle.as_bytes()),
                name: a.account.clone(),
                display_name: a.name.clone(),
            },
            pub_key_cred_params: ALGORITHMS
                .iter()
                .map(|alg| PasskeyAlgorithm {
                    r#type: "public-key",
                    alg: *alg,
                })
                .collect(),
            timeout: 300_000,
            exclude_credentials: descriptors(&a),
            authenticator_selection: PasskeySelection {
                resident_key: "required",
                require_resident_key: true,
                user_verification: "required",
            },
            attestation: "none",
        },
    }))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = PasskeyMadeResponse)]
pub struct MadeResponse {
    #[serde(rename = "clientDataJSON")]
    client_data_json: String,
    #[serde(rename = "attestationObject")]
    attestation_object: String,
    #[serde(default)]
    transports: Vec<String>,
}

/// `PublicKeyCredential.toJSON()` of a new passkey; more fields than these are passed over.
#[derive(Deserialize, ToSchema)]
#[schema(as = PasskeyMadeCredential)]
pub struct MadeCredential {
    response: MadeResponse,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"challenge_id": "pch_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "name": "Telephone", "credential": {"response": {"clientDataJSON": "…", "attestationObject": "…", "transports": ["internal"]}}}))]
pub struct KeepPasskey {
    challenge_id: ChallengeId,
    /// As its owner will recognise it.
    name: String,
    credential: MadeCredential,
}

fn bytes(field: &str, text: &str) -> Result<Vec<u8>> {
    base64url(text).map_err(|_| Problem::invalid(field, "base64url_malformed", "expected base64url"))
}

/// Keeps the passkey that the browser made.
#[utoipa::path(post, path = "/api/v1/auth/passkeys", tag = "auth", request_body = KeepPasskey, responses((status = 201, body = Passkey)))]
pub async fn keep(
    State(app): State<App>,
    Asker(caller): Asker,
    headers: HeaderMap,
    Body(req): Body<KeepPasskey>,
) -> Reply<(StatusCode, Json<Passkey>)> {
    let place = place(&app, &headers).await?;
    let r = &req.credential.response;
    let made = Made {
        challenge_id: req.challenge_id,
        name: req.name.clone(),
        client_data: bytes("/credential/response/clientDataJSON", &r.client_data_json)?,
        attestation: bytes("/credential/response/attestationObject", &r.attestation_object)?,
        transports: r.transports.clone(),
    };
    Ok((StatusCode::CREATED, Json(app.access.keep_passkey(&caller, place, made).await?)))
}

/// My passkeys.
#[utoipa::path(get, path = "/api/v1/auth/passkeys", tag = "auth", responses((status = 200, body = Items<Passkey>)))]
pub async fn list(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Items<Passkey>>> {
    Ok(Json(app.access.passkeys(&caller).await?.into()))
}

/// Removes one of mine. Needs a fresh proof.
#[utoipa::path(delete, path = "/api/v1/auth/passkeys/{id}", tag = "auth", responses((status = 204)))]
pub async fn remove(State(app): State<App>, Asker(caller): Asker, At(id): At<PasskeyId>) -> Reply<StatusCode> {
    app.access.remove_passkey(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// For `PublicKeyCredential.parseRequestOptionsFromJSON`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasskeyRequest {
    challenge: String,
    rp_id: String,
    /// Milliseconds.
    timeout: i64,
    /// Empty when signing in: any passkey of this place may answer.
    allow_credentials: Vec<PasskeyDescriptor>,
    user_verification: &'static str,
}

#[derive(Serialize, ToSchema)]
#[schema(example = json!({"challenge_id": "pch_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "options": {"challenge": "…", "rpId": "trade.northwind.example", "timeout": 300_000, "allowCredentials": [], "userVerification": "required"}}))]
pub struct PasskeyToUse {
    challenge_id: ChallengeId,
    options: PasskeyRequest,
}

fn to_use(a: &Asked, place: Place) -> Json<PasskeyToUse> {
    Json(PasskeyToUse {
        challenge_id: a.id,
        options: PasskeyRequest {
            challenge: encoded(&a.challenge),
            rp_id: place.rp_id,
            timeout: 300_000,
            allow_credentials: descriptors(a),
            user_verification: "required",
        },
    })
}

#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"staff": false}))]
pub struct PasskeyWho {
    /// Somebody of the house; else a client of the brand.
    #[serde(default)]
    staff: bool,
    /// The brand's code; without it, the brand whose host was called.
    #[serde(default)]
    brand: Option<String>,
}

async fn realm(app: &App, headers: &HeaderMap, staff: bool, brand: Option<String>) -> Result<Realm> {
    if staff {
        return Ok(Realm::Staff);
    }
    let (host, config) = (host_of(headers), app.config.clone());
    let b = app
        .core
        .db
        .read(async move |tx| brand_of(tx, brand.as_deref(), host.as_deref(), config.demo.as_ref()).await)
        .await?;
    Ok(Realm::Brand(b.code))
}

/// Begins signing in with a passkey.
#[utoipa::path(post, path = "/api/v1/auth/passkeys/sign-in/begin", tag = "auth", request_body = PasskeyWho, responses((status = 200, body = PasskeyToUse)))]
pub async fn sign_in_begin(State(app): State<App>, headers: HeaderMap, Body(req): Body<PasskeyWho>) -> Reply<Json<PasskeyToUse>> {
    let place = place(&app, &headers).await?;
    let realm = realm(&app, &headers, req.staff, req.brand).await?;
    Ok(to_use(&app.access.begin_passkey_sign_in(&realm).await?, place))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = PasskeyUsedResponse)]
pub struct UsedResponse {
    #[serde(rename = "clientDataJSON")]
    client_data_json: String,
    #[serde(rename = "authenticatorData")]
    authenticator_data: String,
    signature: String,
    #[serde(default, rename = "userHandle")]
    user_handle: Option<String>,
}

/// `PublicKeyCredential.toJSON()` of a passkey that answered; more fields than these are passed over.
#[derive(Deserialize, ToSchema)]
#[schema(as = PasskeyUsedCredential)]
pub struct UsedCredential {
    id: String,
    response: UsedResponse,
}

impl UsedCredential {
    fn used(&self, challenge_id: ChallengeId) -> Result<Used> {
        let r = &self.response;
        Ok(Used {
            challenge_id,
            credential_id: bytes("/credential/id", &self.id)?,
            client_data: bytes("/credential/response/clientDataJSON", &r.client_data_json)?,
            data: bytes("/credential/response/authenticatorData", &r.authenticator_data)?,
            signature: bytes("/credential/response/signature", &r.signature)?,
            handle: match r.user_handle.as_deref() {
                None | Some("") => None,
                Some(h) => Some(bytes("/credential/response/userHandle", h)?),
            },
        })
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"challenge_id": "pch_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "credential": {"id": "…", "response": {"clientDataJSON": "…", "authenticatorData": "…", "signature": "…", "userHandle": "…"}}}))]
pub struct PasskeySignIn {
    #[serde(default)]
    staff: bool,
    #[serde(default)]
    brand: Option<String>,
    challenge_id: ChallengeId,
    credential: UsedCredential,
    /// For programs without cookies: something that stays the same for this device.
    #[serde(default)]
    device: Option<String>,
}

/// Signs in with the passkey that answered: in place of password and code.
#[utoipa::path(post, path = "/api/v1/auth/passkeys/sign-in", tag = "auth", request_body = PasskeySignIn, responses((status = 200, body = SignedInBody)))]
pub async fn sign_in(State(app): State<App>, Asker(caller): Asker, headers: HeaderMap, Body(req): Body<PasskeySignIn>) -> Reply<Response> {
    let place = place(&app, &headers).await?;
    let used = req.credential.used(req.challenge_id)?;
    let realm = realm(&app, &headers, req.staff, req.brand).await?;
    let e = Entered::of(&app, &headers, req.device);
    let from = From {
        ip: caller.ip,
        device: e.device.clone(),
        agent: e.agent.clone(),
    };
    let s = app.access.passkey_sign_in(&realm, place, used, from).await?;
    welcome(&app, s, !req.staff, e).await
}

/// Begins a fresh proof with a passkey.
#[utoipa::path(post, path = "/api/v1/auth/passkeys/step-up/begin", tag = "auth", responses((status = 200, body = PasskeyToUse)))]
pub async fn step_up_begin(State(app): State<App>, Asker(caller): Asker, headers: HeaderMap) -> Reply<Json<PasskeyToUse>> {
    let place = place(&app, &headers).await?;
    Ok(to_use(&app.access.begin_passkey_step_up(&caller).await?, place))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"challenge_id": "pch_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "credential": {"id": "…", "response": {"clientDataJSON": "…", "authenticatorData": "…", "signature": "…"}}}))]
pub struct PasskeyProof {
    challenge_id: ChallengeId,
    credential: UsedCredential,
}

/// A fresh proof, for money and approvals, with the passkey that answered.
#[utoipa::path(post, path = "/api/v1/auth/passkeys/step-up", tag = "auth", request_body = PasskeyProof, responses((status = 200, body = SteppedUp)))]
pub async fn step_up(
    State(app): State<App>,
    Asker(caller): Asker,
    headers: HeaderMap,
    Body(req): Body<PasskeyProof>,
) -> Reply<Json<SteppedUp>> {
    let place = place(&app, &headers).await?;
    let used = req.credential.used(req.challenge_id)?;
    let step_up_until_us = app.access.passkey_step_up(&caller, place, used).await?;
    Ok(Json(SteppedUp { step_up_until_us }))
}

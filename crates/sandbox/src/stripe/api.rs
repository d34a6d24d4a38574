//! The HTTP face of the API: keys, idempotency, faults, headers.

use super::Stripe;
use super::account::{Account, CallId};
use super::cards;
use super::error::StripeError;
use super::form;
use super::op::{API_VERSION, Op, skew_amounts};
use super::params::Params;
use super::routes;
use super::tables::*;
use crate::{Fault, FaultKind};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Saved answers live this long; Stripe may drop them from then on, and this one does.
const KEY_LIFE_SECS: i64 = 24 * 3_600;

struct Call {
    method: Method,
    /// From `/v1/` or `/v2/` on.
    path: String,
    query: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Call {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }
    fn is_v2(&self) -> bool {
        self.path.starts_with("/v2/")
    }
}

/// An answer before it becomes bytes.
struct Reply {
    status: StatusCode,
    body: Value,
    headers: Vec<(&'static str, String)>,
}

impl From<StripeError> for Reply {
    fn from(e: StripeError) -> Reply {
        Reply {
            status: e.status,
            body: e.json(),
            headers: Vec::new(),
        }
    }
}

pub async fn handle(State(stripe): State<Arc<Stripe>>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    // The router is nested; what Stripe calls the path begins at its version.
    let whole = uri.path();
    let start = whole.find("/v1/").or_else(|| whole.find("/v2/")).unwrap_or(0);
    let call = Call {
        method,
        path: whole[start..].trim_end_matches('/').to_string(),
        query: uri.query().unwrap_or_default().to_string(),
        headers,
        body,
    };
    // In a task of its own: a caller that hangs up does not undo what it asked for.
    match tokio::spawn(async move { serve(stripe, call).await }).await {
        Ok(r) => r,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn serve(stripe: Arc<Stripe>, call: Call) -> Response {
    let account = match authenticate(&stripe, &call) {
        Ok(a) => a,
        Err(e) => return respond(&stripe, &call, None, e.into()),
    };
    let operation = routes::name(call.method.as_str(), &call.path);
    let fault = stripe.shared.faults.take("stripe", &account.who.connection, &operation, |k| {
        use FaultKind::*;
        matches!(
            k,
            Refuse | DropBefore | DropAfter | Slow | SlowBefore | Garbage | Forbidden | Down | WrongAmount
        )
    });
    let kind = fault.as_ref().map(|f| f.kind);
    match (kind, &fault) {
        (Some(FaultKind::DropBefore | FaultKind::Down), _) => return crate::conn::drop_connection(),
        (Some(FaultKind::Forbidden), _) => return StatusCode::FORBIDDEN.into_response(),
        (Some(FaultKind::Refuse), Some(f)) => return respond(&stripe, &call, None, refusal(f).into()),
        _ => {}
    }
    let request_id = format!("req_{}", stripe.shared.env.entropy.code(14));
    let mut reply = execute(&stripe, &account, &call, &request_id, fault.as_ref()).await;
    match (kind, &fault) {
        (Some(FaultKind::DropAfter), _) => return crate::conn::drop_connection(),
        (Some(FaultKind::Slow), Some(f)) => tokio::time::sleep(f.delay(3_000)).await,
        (Some(FaultKind::Garbage), _) => {
            return (
                [(header::CONTENT_TYPE, "text/html")],
                "<html><head><title>502 Bad Gateway</title></head><body>upstre",
            )
                .into_response();
        }
        (Some(FaultKind::WrongAmount), Some(f)) if reply.status.is_success() => skew_amounts(&mut reply.body, f.value.as_deref(), 2),
        _ => {}
    }
    respond(&stripe, &call, Some(&request_id), reply)
}

/// What an ordered refusal looks like; `value` is an error code, a decline code or a status.
fn refusal(f: &Fault) -> StripeError {
    let value = f.value.as_deref().unwrap_or("card_declined");
    let decline = [
        "generic_decline",
        "insufficient_funds",
        "lost_card",
        "stolen_card",
        "fraudulent",
        "do_not_honor",
        "card_velocity_exceeded",
        "transaction_not_allowed",
    ];
    match value {
        v if decline.contains(&v) => StripeError::card("card_declined", Some(v), cards::message("card_declined", v)),
        "card_declined" => StripeError::card("card_declined", Some("generic_decline"), cards::message("card_declined", "")),
        "expired_card" | "incorrect_cvc" | "processing_error" | "authentication_required" => {
            StripeError::card(value, Some(value), cards::message(value, ""))
        }
        "rate_limit" | "429" => StripeError::new(
            429,
            "invalid_request_error",
            "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.",
        )
        .code("rate_limit"),
        "lock_timeout" => StripeError::new(
            429,
            "invalid_request_error",
            "This object cannot be accessed right now because another API request or Stripe process is currently accessing it.",
        )
        .code("lock_timeout"),
        "api_error" | "500" | "502" | "503" | "504" => StripeError::new(
            value.parse().unwrap_or(500),
            "api_error",
            "An error occurred while processing your request.",
        ),
        "409" => StripeError::new(409, "invalid_request_error", "Conflict."),
        v => StripeError::invalid(format!("Refused by order: {v}.")).code(v),
    }
}

fn authenticate(stripe: &Stripe, call: &Call) -> Result<Arc<Account>, StripeError> {
    let given = call.header("authorization").and_then(|h| {
        let (scheme, rest) = h.split_once(' ')?;
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(rest.trim().to_string());
        }
        // Basic: the key is the user, the password is empty.
        let raw = data_encoding::BASE64
            .decode(rest.trim().as_bytes())
            .ok()
            .filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
        String::from_utf8(raw).ok()?.split(':').next().map(str::to_string)
    });
    let Some(key) = given.filter(|k| !k.is_empty()) else {
        return Err(StripeError::new(
            401,
            "invalid_request_error",
            "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
        ));
    };
    let Some(account) = stripe.accounts.iter().find(|a| a.who.secret_key == key) else {
        let tail: String = key.chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect();
        let head = if key.len() > 12 && key.is_char_boundary(8) { &key[..8] } else { "" };
        return Err(StripeError::new(
            401,
            "invalid_request_error",
            format!("Invalid API Key provided: {head}************{tail}"),
        ));
    };
    if let Some(other) = call.header("stripe-account")
        && other != account.who.id
    {
        return Err(StripeError::new(403, "invalid_request_error", format!("The provided key does not have access to account '{other}' (or that account does not exist). Application access may have been revoked.")).code("account_invalid"));
    }
    Ok(account.clone())
}

/// Parameters out of the query and the body.
fn params(call: &Call) -> Result<Map<String, Value>, StripeError> {
    let bad_key = |k: String| StripeError::invalid(format!("Invalid parameter name: {k}")).param(&k);
    let mut map = form::tree(&call.query).map_err(bad_key)?;
    if call.body.is_empty() {
        return Ok(map);
    }
    if call.is_v2() {
        let body: Value = serde_json::from_slice(&call.body)
            .map_err(|_| StripeError::invalid("The request body is not valid JSON.").with("code", "invalid_request_body"))?;
        match body {
            Value::Object(m) => map.extend(m),
            _ => return Err(StripeError::invalid("The request body must be a JSON object.").with("code", "invalid_request_body")),
        }
        return Ok(map);
    }
    let kind = call.header("content-type").unwrap_or("application/x-www-form-urlencoded");
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return Err(StripeError::invalid(
            "Invalid request (check that your POST content type is application/x-www-form-urlencoded). If you have any questions, we can help at https://support.stripe.com/.",
        ));
    }
    let text = std::str::from_utf8(&call.body).map_err(|_| StripeError::invalid("Invalid request body: not UTF-8."))?;
    map.extend(form::tree(text).map_err(bad_key)?);
    Ok(map)
}

async fn execute(stripe: &Arc<Stripe>, account: &Arc<Account>, call: &Call, request_id: &str, fault: Option<&Fault>) -> Reply {
    let params = match params(call) {
        Ok(p) => p,
        Err(e) => return e.into(),
    };
    let keyed = call.method == Method::POST || (call.is_v2() && call.method == Method::DELETE);
    let key = call.header("idempotency-key").filter(|_| keyed).map(str::to_string);
    let guard = match key.as_deref() {
        Some(k) if k.len() > 255 => {
            return StripeError::new(400, "idempotency_error", "Idempotency key length must be 255 characters or fewer.").into();
        }
        Some("") => return StripeError::new(400, "idempotency_error", "Idempotency key must not be empty.").into(),
        Some(k) => match account.claim(k) {
            Some(g) => Some(g),
            None => {
                let mut r: Reply = StripeError::new(409, "idempotency_error", format!("There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, and the other request is still going through): {k}. Please try again later.")).code("idempotency_key_in_use").into();
                r.headers.push(("stripe-should-retry", "true".into()));
                return r;
            }
        },
        None => None,
    };
    if let Some(f) = fault.filter(|f| f.kind == FaultKind::SlowBefore) {
        tokio::time::sleep(f.delay(3_000)).await;
    }
    let id = CallId {
        request: Some(request_id.to_string()),
        key: key.clone(),
    };
    let reply = account.run(&stripe.shared, id, |op| match key.as_deref() {
        Some(k) => once(op, call, &params, k, request_id),
        None => answer(routes::dispatch(op, call.method.as_str(), &call.path, &Params::root(&params))).0,
    });
    drop(guard);
    reply
}

/// The reply, and whether it is the outcome of an execution that a key must remember.
fn answer(r: Result<Value, StripeError>) -> (Reply, bool) {
    match r {
        Ok(body) => (
            Reply {
                status: StatusCode::OK,
                body,
                headers: Vec::new(),
            },
            true,
        ),
        Err(e) => {
            let executed = e.executed;
            (e.into(), executed)
        }
    }
}

/// Executes at most once per key: the same call again gets the saved answer, another is refused.
fn once(op: &mut Op<'_>, call: &Call, params: &Map<String, Value>, key: &str, request_id: &str) -> Reply {
    let place = format!("{} {}", call.method, call.path);
    let hash = hex::encode(Sha256::digest(format!("{place}\n{}", Value::Object(params.clone()))));
    let saved =
        op.t.get(KEYS, key)
            .filter(|k| op.secs() - k.num("created") < KEY_LIFE_SECS)
            .cloned();
    if let Some(saved) = saved {
        if saved.text("hash") != hash {
            let why = if saved.is("place", &place) {
                format!(
                    "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '{key}' if you meant to execute a different request."
                )
            } else {
                format!(
                    "Keys for idempotent requests can only be used for the same endpoint they were first used for ('{}' vs '{place}'). Try using a key other than '{key}' if you meant to execute a different request.",
                    saved.text("place")
                )
            };
            return StripeError::new(400, "idempotency_error", why).into();
        }
        let status = u16::try_from(saved.num("status"))
            .ok()
            .and_then(|s| StatusCode::from_u16(s).ok())
            .unwrap_or(StatusCode::OK);
        return Reply {
            status,
            body: saved["body"].clone(),
            headers: vec![
                ("idempotent-replayed", "true".into()),
                ("original-request", saved.text("request").to_string()),
            ],
        };
    }
    let (reply, executed) = answer(routes::dispatch(op, call.method.as_str(), &call.path, &Params::root(params)));
    if executed {
        let record = json!({"place": place, "hash": hash, "status": reply.status.as_u16(), "body": reply.body, "created": op.secs(), "request": request_id});
        op.t.put(KEYS, key, record);
    }
    reply
}

fn respond(stripe: &Stripe, call: &Call, request_id: Option<&str>, reply: Reply) -> Response {
    let request = request_id.map_or_else(|| format!("req_{}", stripe.shared.env.entropy.code(14)), str::to_string);
    let mut body = reply.body;
    if let Some(e) = body.get_mut("error").filter(|e| e.is_object()) {
        e["request_log_url"] = json!(format!("https://dashboard.stripe.com/test/logs/{request}"));
    }
    let bytes = serde_json::to_vec_pretty(&body).unwrap_or_default();
    let mut r = Response::new(Body::from(bytes));
    *r.status_mut() = reply.status;
    let h = r.headers_mut();
    let mut set = |name: &'static str, value: &str| {
        if let Ok(v) = HeaderValue::from_str(value) {
            h.insert(name, v);
        }
    };
    set("content-type", "application/json");
    set("request-id", &request);
    set("stripe-version", call.header("stripe-version").unwrap_or(API_VERSION));
    set("cache-control", "no-cache, no-store");
    if let Some(k) = call.header("idempotency-key") {
        set("idempotency-key", k);
    }
    for (name, value) in &reply.headers {
        set(name, value);
    }
    if reply.status == StatusCode::UNAUTHORIZED {
        set("www-authenticate", "Basic realm=\"Stripe\"");
    }
    r
}

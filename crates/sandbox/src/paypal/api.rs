//! Signing in, and which call is which.

use super::error::{INVALID, Issue, by_status, client_unknown, missing, token_spent};
use super::{disputes, orders, payouts, refunds};
use crate::rail::{Call, Op, Reply, same_secret};
use crate::stripe::Fields;
use serde_json::{Value, json};

const TOKENS: &str = "token";
/// Nine hours.
const TOKEN_LIFE_SECS: i64 = 32_400;
/// Orders and payouts are answered the same for so long.
pub(super) const KEY_LIFE_SECS: i64 = 6 * 3_600;

pub(super) fn operation(call: &Call) -> &'static str {
    match (call.method.as_str(), call.parts().as_slice()) {
        ("POST", ["v1", "oauth2", "token"]) => "oauth.token",
        ("POST", ["v2", "checkout", "orders"]) => "orders.create",
        ("GET", ["v2", "checkout", "orders", _]) => "orders.retrieve",
        ("POST", ["v2", "checkout", "orders", _, "capture"]) => "orders.capture",
        ("GET", ["v2", "payments", "captures", _]) => "captures.retrieve",
        ("POST", ["v2", "payments", "captures", _, "refund"]) => "refunds.create",
        ("GET", ["v2", "payments", "refunds", _]) => "refunds.retrieve",
        ("GET", ["v1", "customer", "disputes", _]) => "disputes.retrieve",
        ("POST", ["v1", "payments", "payouts"]) => "payouts.create",
        ("GET", ["v1", "payments", "payouts", _]) => "payouts.retrieve",
        _ => "unknown",
    }
}

pub(super) fn answer(op: &mut Op<'_>, call: &Call) -> Reply {
    let what = operation(call);
    if what == "oauth.token" {
        return token(op, call);
    }
    let fresh = call
        .bearer()
        .and_then(|t| op.get(TOKENS, t))
        .is_some_and(|t| t.num("until") > op.now.secs());
    if !fresh {
        return token_spent();
    }
    if call.method.as_str() == "POST" && !call.header("content-type").is_some_and(|t| t.starts_with("application/json")) {
        return by_status(415);
    }
    if call.header("paypal-request-id").is_some_and(|id| id.is_empty() || id.len() > 108) {
        let issue = Issue::new(
            "PayPal-Request-Id",
            "INVALID_STRING_LENGTH",
            "The value of a field is either too short or too long.",
        );
        return INVALID.reply(&[issue]);
    }
    let id = call.parts().get(3).map(|s| (*s).to_string()).unwrap_or_default();
    let done = match what {
        "orders.create" => body(call).and_then(|b| orders::create(op, call, &b)),
        "orders.retrieve" => orders::retrieve(op, &id),
        "orders.capture" => body(call).and_then(|b| orders::capture(op, call, &id, &b)),
        "captures.retrieve" => refunds::capture(op, &id),
        "refunds.create" => body(call).and_then(|b| refunds::create(op, call, &id, &b)),
        "refunds.retrieve" => refunds::retrieve(op, &id),
        "disputes.retrieve" => disputes::retrieve(op, &id),
        "payouts.create" => body(call).and_then(|b| payouts::create(op, &b)),
        "payouts.retrieve" => payouts::retrieve(op, &id),
        _ => Err(missing()),
    };
    done.unwrap_or_else(|refused| refused)
}

fn body(call: &Call) -> Result<Value, Reply> {
    if call.body.is_empty() {
        return Ok(json!({}));
    }
    call.json()
        .ok_or_else(|| INVALID.reply(&[Issue::new("", "MALFORMED_REQUEST_JSON", "The request JSON is not well formed.")]))
}

fn token(op: &mut Op<'_>, call: &Call) -> Reply {
    let own = call
        .basic()
        .is_some_and(|(id, secret)| same_secret(&id, op.setting("client_id")) && same_secret(&secret, &op.cfg.key));
    if !own {
        return client_unknown();
    }
    if call.form().get("grant_type").map(String::as_str) != Some("client_credentials") {
        return Reply::json(
            400,
            json!({"error": "unsupported_grant_type", "error_description": "Grant Type is NULL"}),
        );
    }
    let t = op.token("A21AA", 80);
    let until = op.now.secs() + TOKEN_LIFE_SECS;
    op.put(TOKENS, &t, json!({"until": until}));
    Reply::json(
        200,
        json!({"scope": "https://uri.paypal.com/services/payments/payment", "access_token": t, "token_type": "Bearer", "app_id": "APP-80W284485P519543T", "expires_in": TOKEN_LIFE_SECS, "nonce": op.hex(16)}),
    )
}

/// Every token is spent at once.
pub(super) fn revoke(op: &mut Op<'_>) -> Value {
    let all: Vec<String> = op.rows(TOKENS).map(|(id, _)| id.to_string()).collect();
    for t in &all {
        op.remove(TOKENS, t);
    }
    json!({"revoked": all.len()})
}

/// What a repeat under the same request id is about; another content under it is refused.
pub(super) fn repeated(op: &Op<'_>, call: &Call, scope: &str) -> Result<Option<String>, Reply> {
    let Some(key) = call.header("paypal-request-id") else {
        return Ok(None);
    };
    match op.answered(&format!("{scope}:{key}"), KEY_LIFE_SECS) {
        None => Ok(None),
        Some((asked, about)) if asked == call.mark() => Ok(about.as_str().map(str::to_string)),
        Some(_) => Err(super::error::unprocessable(
            "DUPLICATE_REQUEST_ID",
            "The value of PayPal-Request-Id header has already been used.",
        )),
    }
}

pub(super) fn keep(op: &mut Op<'_>, call: &Call, scope: &str, about: &str) {
    if let Some(key) = call.header("paypal-request-id") {
        op.keep_answer(&format!("{scope}:{key}"), &call.mark(), &json!(about));
    }
}

/// Whole objects are answered to those who ask for them.
pub(super) fn whole(call: &Call) -> bool {
    call.header("prefer").is_some_and(|p| p.contains("return=representation"))
}

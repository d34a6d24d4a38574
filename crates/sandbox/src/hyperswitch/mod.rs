//! A Hyperswitch (API v1): payments by payment link, refunds, payouts, disputes, webhooks signed
//! over their bytes. Ids are the merchant's own and good once. Facts: payment-providers.md section 5.

mod payments;
mod payouts;
mod read;
mod refunds;

use crate::rail::{Body, Call, Notice, Op, Outcome, Page, Paid, Post, Rail, Reply, same_secret};
use crate::stripe::Fields;
use hmac::{Hmac, KeyInit, Mac};
use qd_kernel::{Problem, Result};
use serde_json::{Value, json};
use sha2::{Sha256, Sha512};

pub struct Hyperswitch;

/// The first try and sixteen more within a day there.
const TRIES: i64 = 17;

/// Hyperswitch's error body.
pub fn error(status: u16, kind: &str, code: &str, message: &str) -> Reply {
    Reply::json(status, json!({"error": {"type": kind, "message": message, "code": code}}))
}

pub fn missing(what: &str) -> Reply {
    let (code, noun) = match what {
        "refund" => ("HE_02", "Refund"),
        "payout" => ("HE_02", "Payout"),
        "dispute" => ("HE_02", "Dispute"),
        _ => ("HE_02", "Payment"),
    };
    error(404, "object_not_found", code, &format!("{noun} does not exist in our records"))
}

pub fn duplicate(what: &str, id: &str) -> Reply {
    error(
        400,
        "duplicate_request",
        "HE_01",
        &format!("The {what} with the specified {what}_id '{id}' already exists in our records"),
    )
}

impl Rail for Hyperswitch {
    fn name(&self) -> &'static str {
        "hyperswitch"
    }

    fn operation(&self, call: &Call) -> String {
        match (call.method.as_str(), call.parts().as_slice()) {
            ("POST", [what]) | ("POST", [what, "create"]) => format!("{what}.create"),
            ("POST", [what, _, verb]) => format!("{what}.{verb}"),
            ("GET", [what, _]) => format!("{what}.get"),
            _ => "unknown".into(),
        }
    }

    fn answer(&self, op: &mut Op<'_>, call: &Call) -> Reply {
        if !same_secret(call.header("api-key").unwrap_or_default(), &op.cfg.key) {
            return error(401, "invalid_request", "IR_01", "API key not provided or invalid API key used");
        }
        match (call.method.as_str(), call.parts().as_slice()) {
            ("POST", ["payments"]) => payments::create(op, call),
            ("GET", ["payments", id]) => payments::get(op, id),
            ("POST", ["payments", id, "capture"]) => payments::capture(self, op, id, call),
            ("POST", ["refunds"]) => refunds::create(self, op, call),
            ("GET", ["refunds", id]) => refunds::get(op, id),
            ("POST", ["payouts", "create"]) => payouts::create(self, op, call),
            ("GET", ["payouts", id]) => payouts::get(op, id),
            ("GET", ["disputes", id]) => refunds::dispute(op, id),
            _ => error(404, "invalid_request", "IR_02", "Unrecognized request URL"),
        }
    }

    fn refusal(&self, _operation: &str, value: Option<&str>) -> Reply {
        match value.and_then(|v| v.parse().ok()) {
            Some(status @ 400..=599) => Reply::of(status, Body::Text("text/html", "<html><body>Error</body></html>".into())),
            _ if value == Some("HE_00") => error(500, "api", "HE_00", "Something went wrong"),
            _ if value == Some("HE_03") => error(429, "api", "HE_03", "Too many requests"),
            _ => error(400, "invalid_request", value.unwrap_or("IR_06"), "Refused by order"),
        }
    }

    fn amounts(&self) -> &'static [&'static str] {
        &["amount", "amount_received"]
    }

    fn payment(&self, op: &Op<'_>, reference: &str) -> Option<String> {
        op.get(payments::PAYMENTS, reference).map(|_| reference.to_string())
    }

    fn page(&self, op: &Op<'_>, id: &str) -> Option<Page> {
        payments::page(op, id)
    }

    fn pay(&self, op: &mut Op<'_>, id: &str, outcome: Outcome) -> Result<Paid> {
        payments::pay(self, op, id, outcome)
    }

    fn post(&self, op: &Op<'_>, notice: &Value, forged: bool) -> Post {
        let body = json!({
            "merchant_id": "merchant_quarterdeck", "event_id": format!("evt_{}", notice.text("id").replace('-', "")), "event_type": notice["kind"],
            "content": notice["object"], "timestamp": qd_kernel::Ts(notice.num("created")).rfc3339(),
        })
        .to_string();
        let secret = if forged { "somebody" } else { op.cfg.hook_secret.as_str() };
        // HMAC takes keys of any length.
        let mut long = Hmac::<Sha512>::new_from_slice(secret.as_bytes()).expect("HMAC accepts any key length");
        long.update(body.as_bytes());
        let mut short = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC accepts any key length");
        short.update(body.as_bytes());
        Post {
            headers: vec![
                ("content-type", "application/json".into()),
                ("x-webhook-signature-512", hex::encode(long.finalize().into_bytes())),
                ("x-webhook-signature-256", hex::encode(short.finalize().into_bytes())),
            ],
            body,
        }
    }

    fn tries(&self) -> Option<i64> {
        Some(TRIES)
    }

    fn control(&self, op: &mut Op<'_>, what: &[&str], order: &Value) -> Result<Value> {
        match what {
            ["payment", id, word] => payments::control(self, op, id, word, order),
            ["refund", rest @ ..] => refunds::control(self, op, rest),
            ["payout", id, word] => payouts::control(self, op, id, word),
            ["dispute", rest @ ..] => refunds::dispute_control(self, op, rest, order),
            _ => Err(Problem::missing("switch")),
        }
    }

    fn due(&self, op: &mut Op<'_>, kind: &str, object: &str) {
        match kind {
            "settle" | "expire" => payments::due(self, op, kind, object),
            "payout" => payouts::due(self, op, object),
            _ => {}
        }
    }
}

impl Hyperswitch {
    /// `kind` is `payment_details` and its like.
    fn tell(&self, op: &mut Op<'_>, event: &str, group: &str, kind: &str, object: Value) {
        op.notify(
            self,
            Notice {
                kind: event.into(),
                group: group.into(),
                url: None,
                object: json!({"type": kind, "object": object}),
            },
        );
    }
}

//! A BTCPay server with a store (Greenfield API v1): invoices in money paid with coins, pull payments and
//! payouts, webhooks signed over their bytes. It knows no idempotency keys. Facts:
//! payment-providers.md section 6.1.

mod invoices;
mod payouts;
mod read;

use crate::rail::{Body, Call, Notice, Op, Outcome, Page, Paid, Post, Rail, Reply, same_secret};
use crate::stripe::Fields;
use hmac::{Hmac, KeyInit, Mac};
use qd_kernel::{Problem, Result};
use serde_json::{Value, json};
use sha2::Sha256;

pub struct BtcPay;

/// The first try, 10 s, 1 min and six times 10 min there.
const TRIES: i64 = 9;

pub fn problem(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(status, json!({"code": code, "message": message}))
}

/// `sha256=` and the hexadecimal HMAC of the body.
pub fn signature(secret: &str, body: &str) -> String {
    // HMAC takes keys of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC accepts any key length");
    mac.update(body.as_bytes());
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

impl Rail for BtcPay {
    fn name(&self) -> &'static str {
        "btcpay"
    }

    fn operation(&self, call: &Call) -> String {
        let parts = call.parts();
        let what = ["invoices", "payouts", "pull-payments"]
            .into_iter()
            .filter_map(|w| parts.iter().rposition(|p| *p == w).map(|at| (at, w)))
            .max()
            .map_or("unknown", |(_, w)| w);
        let verb = match (call.method.as_str(), parts.last() == Some(&what)) {
            ("GET", true) => "list",
            ("GET", false) => "get",
            ("POST", true) => "create",
            _ => "change",
        };
        format!("{what}.{verb}")
    }

    fn answer(&self, op: &mut Op<'_>, call: &Call) -> Reply {
        let parts = call.parts();
        // Who knows a pull payment's id may see and claim it.
        if let ("GET", ["api", "v1", "pull-payments", id, "payouts"]) = (call.method.as_str(), parts.as_slice()) {
            return payouts::of_pull_payment(op, id, call);
        }
        let token = call
            .header("authorization")
            .and_then(|a| a.strip_prefix("token "))
            .unwrap_or_default();
        if !same_secret(token, &op.cfg.key) {
            return problem(401, "unauthenticated", "Authentication is required for accessing this endpoint");
        }
        let ["api", "v1", "stores", store, rest @ ..] = parts.as_slice() else {
            return problem(404, "not-found", "This endpoint does not exist");
        };
        if *store != op.setting("store") {
            return problem(403, "missing-permission", "Insufficient API Permissions.");
        }
        match (call.method.as_str(), rest) {
            ("GET", ["invoices"]) => invoices::list(op, call),
            ("POST", ["invoices"]) => invoices::create(self, op, call),
            ("GET", ["invoices", id]) => invoices::get(op, id),
            ("GET", ["pull-payments"]) => payouts::pull_payments(op, call),
            ("POST", ["pull-payments"]) => payouts::create_pull_payment(op, call),
            ("GET", ["payouts"]) => payouts::list(op, call),
            ("POST", ["payouts"]) => payouts::create(self, op, call),
            ("GET", ["payouts", id]) => payouts::get(op, id),
            ("POST", ["payouts", id]) => payouts::approve(self, op, id, call),
            ("DELETE", ["payouts", id]) => payouts::cancel(self, op, id),
            _ => problem(404, "not-found", "This endpoint does not exist"),
        }
    }

    fn refusal(&self, _operation: &str, value: Option<&str>) -> Reply {
        match value.and_then(|v| v.parse().ok()) {
            Some(status @ 400..=599) => Reply::of(status, Body::Text("text/html", "<html><body>Error</body></html>".into())),
            _ => problem(400, value.unwrap_or("generic-error"), "Refused by order"),
        }
    }

    fn amounts(&self) -> &'static [&'static str] {
        &["amount", "paidAmount", "originalAmount"]
    }

    fn payment(&self, op: &Op<'_>, reference: &str) -> Option<String> {
        invoices::find(op, reference)
    }

    fn page(&self, op: &Op<'_>, id: &str) -> Option<Page> {
        invoices::page(op, id)
    }

    fn pay(&self, op: &mut Op<'_>, id: &str, outcome: Outcome) -> Result<Paid> {
        invoices::pay(self, op, id, outcome)
    }

    fn post(&self, op: &Op<'_>, notice: &Value, forged: bool) -> Post {
        let first = notice.text("id");
        // Whoever asks for a notice again without an attempt gets the first delivery.
        let attempt = notice.num("attempt").max(1);
        let delivery = if attempt == 1 {
            first.to_string()
        } else {
            format!("{first}-{attempt}")
        };
        let mut body = json!({"deliveryId": delivery, "webhookId": "QuarterdeckHook", "originalDeliveryId": first, "isRedelivery": attempt > 1,
            "type": notice["kind"], "timestamp": notice.num("created") / 1_000_000, "storeId": op.setting("store")});
        if let (Some(all), Some(more)) = (body.as_object_mut(), notice["object"].as_object()) {
            all.extend(more.clone());
        }
        let body = body.to_string();
        let secret = if forged { "somebody" } else { op.cfg.hook_secret.as_str() };
        Post {
            headers: vec![
                ("content-type", "application/json".into()),
                ("user-agent", "BTCPayServer".into()),
                ("btcpay-sig", signature(secret, &body)),
            ],
            body,
        }
    }

    /// It tries again after no answer, 408, 429 and 5xx; any other no is taken for an end.
    fn taken(&self, status: u16, _body: &str) -> bool {
        !matches!(status, 408 | 429 | 500..)
    }

    fn tries(&self) -> Option<i64> {
        Some(TRIES)
    }

    fn control(&self, op: &mut Op<'_>, what: &[&str], order: &Value) -> Result<Value> {
        match what {
            ["invoice", id, word] => invoices::control(self, op, id, word, order),
            ["payout", id, word] => payouts::control(self, op, id, word),
            _ => Err(Problem::missing("switch")),
        }
    }

    fn due(&self, op: &mut Op<'_>, kind: &str, object: &str) {
        match kind {
            "settle" | "expire" => invoices::due(self, op, kind, object),
            "payout" => payouts::due(self, op, object),
            _ => {}
        }
    }
}

impl BtcPay {
    fn tell(&self, op: &mut Op<'_>, kind: &str, group: &str, object: Value) {
        op.notify(
            self,
            Notice {
                kind: kind.into(),
                group: group.into(),
                url: None,
                object,
            },
        );
    }
}

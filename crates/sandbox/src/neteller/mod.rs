//! Neteller through the Paysafe Payments API: payment handles that the customer approves, payments
//! and standalone credits that use them up, refunds. Facts: payment-providers.md section 4.

mod api;
mod object;

use crate::rail::{Body, Call, Op, Outcome, Page, Paid, Post, Rail, Reply};
use crate::stripe::Fields;
use hmac::{Hmac, KeyInit, Mac};
use object::{CREDITS, HANDLES, PAYMENTS, REFUNDS, SWITCHES};
use qd_kernel::{Problem, Result, format_fixed};
use serde_json::{Value, json};
use sha2::Sha256;

pub struct Neteller;

/// A payment that is to be confirmed later settles by itself after this long.
const SETTLES_AFTER_SECS: i64 = 60;

/// base64 of HMAC-SHA256 over the body, the key as the text it is.
pub fn signature(key: &str, body: &str) -> String {
    // HMAC takes keys of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC accepts any key length");
    mac.update(body.as_bytes());
    data_encoding::BASE64.encode(&mac.finalize().into_bytes())
}

impl Rail for Neteller {
    fn name(&self) -> &'static str {
        "neteller"
    }

    fn operation(&self, call: &Call) -> String {
        let parts = call.parts();
        let rest = parts.strip_prefix(&["v1"]).unwrap_or(&parts);
        match (call.method.as_str(), rest) {
            ("POST", [collection, _, what]) => format!("{collection}.{what}"),
            ("POST", [collection]) => format!("{collection}.create"),
            ("GET", [collection]) => format!("{collection}.list"),
            (_, [collection, ..]) => format!("{collection}.retrieve"),
            _ => "unknown".into(),
        }
    }

    fn answer(&self, op: &mut Op<'_>, call: &Call) -> Reply {
        api::answer(op, call)
    }

    fn refusal(&self, _operation: &str, value: Option<&str>) -> Reply {
        match value.unwrap_or("5068") {
            "3022" => api::error(402, "3022", "The card has been declined due to insufficient funds."),
            "5031" => api::duplicate(),
            v => match v.parse() {
                Ok(status @ 400..=599) => Reply::of(status, Body::Text("text/html", "<html><body>Error</body></html>".into())),
                _ => api::error(400, v, "Refused by order."),
            },
        }
    }

    fn amounts(&self) -> &'static [&'static str] {
        &["amount"]
    }

    fn payment(&self, op: &Op<'_>, reference: &str) -> Option<String> {
        if op.get(HANDLES, reference).is_some() {
            return Some(reference.to_string());
        }
        let of_payment = |h: &Value| h.is("transactionType", "PAYMENT");
        let by_ref = op.find(HANDLES, |h| of_payment(h) && h.is("merchantRefNum", reference));
        let by_payment = || {
            let token = op.get(PAYMENTS, reference)?.text("paymentHandleToken").to_string();
            op.find(HANDLES, |h| h.is("paymentHandleToken", &token))
        };
        by_ref.or_else(by_payment).map(|(id, _)| id)
    }

    fn page(&self, op: &Op<'_>, id: &str) -> Option<Page> {
        let h = op.get(HANDLES, id).filter(|h| h.is("transactionType", "PAYMENT"))?;
        let (ended, rel) = match h.text("status") {
            "INITIATED" => (None, ""),
            "PAYABLE" | "PROCESSING" => (Some("You have approved this payment."), "on_completed"),
            "COMPLETED" => (Some("This payment is complete."), "on_completed"),
            "EXPIRED" => (Some("This payment has expired."), "on_cancelled"),
            _ => (Some("This payment failed."), "on_failed"),
        };
        Some(Page {
            title: "NETELLER".into(),
            sum: format!("{} {}", format_fixed(h.num("amount"), 2), h.text("currencyCode")),
            lines: vec![("Reference".into(), h.text("merchantRefNum").into())],
            ended: ended.map(Into::into),
            back: object::link(h, rel),
        })
    }

    fn pay(&self, op: &mut Op<'_>, id: &str, outcome: Outcome) -> Result<Paid> {
        let h = op.get(HANDLES, id).cloned().ok_or_else(|| Problem::missing("payment handle"))?;
        let token = h.text("paymentHandleToken");
        // What was to be confirmed later is confirmed, or not.
        let waiting = op.find(PAYMENTS, |p| p.is("paymentHandleToken", token) && p.is("status", "PENDING"));
        if let Some((payment, _)) = waiting {
            let status = match outcome {
                Outcome::Pay => "COMPLETED",
                Outcome::Decline => "FAILED",
                Outcome::Abandon | Outcome::Later => return Err(Problem::conflict("waiting", "this payment waits for its confirmation")),
            };
            let object = object::becomes(self, op, PAYMENTS, &payment, status);
            return Ok(Paid { go: None, object });
        }
        if outcome == Outcome::Abandon {
            return Ok(Paid {
                go: object::link(&h, "on_cancelled"),
                object: h,
            });
        }
        if !h.is("status", "INITIATED") {
            return Err(Problem::conflict(
                "handle_used",
                format!("this payment handle is {}", h.text("status")),
            ));
        }
        if outcome == Outcome::Later {
            op.put(SWITCHES, &format!("later:{token}"), json!(true));
        }
        let (status, rel) = match outcome {
            Outcome::Decline => ("FAILED", "on_failed"),
            Outcome::Pay | Outcome::Later | Outcome::Abandon => ("PAYABLE", "on_completed"),
        };
        let object = object::becomes(self, op, HANDLES, id, status);
        Ok(Paid {
            go: object::link(&h, rel),
            object,
        })
    }

    fn post(&self, op: &Op<'_>, notice: &Value, forged: bool) -> Post {
        let object = &notice["object"];
        let body = json!({
            "payload": object,
            "eventType": notice["kind"],
            "eventName": notice["kind"],
            "attemptNumber": notice.get("attempt").and_then(Value::as_i64).unwrap_or(1).to_string(),
            "resourceId": object["id"],
            "eventDate": object::time(qd_kernel::Ts(notice.num("created"))),
            "links": [{"rel": "self", "href": op.url("/v1")}],
            "mode": "live",
        })
        .to_string();
        let key = if forged { "somebody else's" } else { op.cfg.hook_secret.as_str() };
        Post {
            headers: vec![("content-type", "application/json".into()), ("signature", signature(key, &body))],
            body,
        }
    }

    fn control(&self, op: &mut Op<'_>, what: &[&str], _order: &Value) -> Result<Value> {
        match what {
            ["payment", "next_fails"] | ["refund" | "payout", "next_pending"] => {
                op.put(SWITCHES, &what.join("_"), json!(true));
                Ok(json!({"ordered": what.join("_")}))
            }
            ["handle", id, "expire"] => Ok(object::becomes(self, op, HANDLES, id, "EXPIRED")),
            [kind @ ("refund" | "payout" | "payment"), id, end] => {
                let table = match *kind {
                    "refund" => REFUNDS,
                    "payout" => CREDITS,
                    _ => PAYMENTS,
                };
                let status = match *end {
                    "settle" | "pay" => "COMPLETED",
                    "fail" => "FAILED",
                    "cancel" => "CANCELLED",
                    _ => return Err(Problem::missing("switch")),
                };
                let known = op.find(table, |o| o.is("id", id) || o.is("merchantRefNum", id));
                let (id, _) = known.ok_or_else(|| Problem::missing("object"))?;
                Ok(object::becomes(self, op, table, &id, status))
            }
            _ => Err(Problem::missing("switch")),
        }
    }

    fn due(&self, op: &mut Op<'_>, kind: &str, object: &str) {
        let status = |op: &Op<'_>, table: &str| op.get(table, object).map(|o| o.text("status").to_string());
        match kind {
            "expire" if matches!(status(op, HANDLES).as_deref(), Some("INITIATED" | "PAYABLE")) => {
                object::becomes(self, op, HANDLES, object, "EXPIRED");
            }
            "settle" if status(op, PAYMENTS).as_deref() == Some("PENDING") => {
                object::becomes(self, op, PAYMENTS, object, "COMPLETED");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_signature_is_the_vector_s() {
        let body = r#"{"eventType":"PAYMENT_COMPLETED","attemptNumber":"1","resourceId":"b885e54c-0d6e-452d-9a6a-98546e672113","payload":{"merchantRefNum":"dep-000123","amount":2540,"currencyCode":"EUR","status":"COMPLETED","paymentType":"NETELLER"}}"#;
        assert_eq!(
            super::signature("paysafe-demo-hmac-key", body),
            "uyGxf+glGyPGONJewLxFyBAWRug7lpOx2Yb6nJrdu/E="
        );
    }
}

//! Payments: made without a method, paid on the page of their link.

use super::read::{Read, invalid};
use super::{Hyperswitch, duplicate, error, missing, refunds};
use crate::rail::{Call, Op, Outcome, Page, Paid, Reply};
use crate::stripe::Fields;
use qd_kernel::{Currency, Problem, Result, Ts, format_fixed};
use serde_json::{Value, json};

pub const PAYMENTS: &str = "payment";
/// A payment that is to be confirmed later is so after this long.
const SETTLES_AFTER_SECS: i64 = 60;
const OPEN_SECS: i64 = 900;

pub fn create(op: &mut Op<'_>, call: &Call) -> Reply {
    read(op, call).unwrap_or_else(|refused| refused)
}

fn read(op: &mut Op<'_>, call: &Call) -> std::result::Result<Reply, Reply> {
    let known = [
        "payment_id",
        "amount",
        "currency",
        "confirm",
        "capture_method",
        "authentication_type",
        "payment_link",
        "payment_link_config",
        "return_url",
        "description",
        "metadata",
        "customer_id",
        "email",
        "profile_id",
        "session_expiry",
        "setup_future_usage",
    ];
    let r = Read::of(call, &known)?;
    let (id, minor, currency) = (r.id("payment_id")?, r.amount("amount")?, r.currency("currency")?);
    if r.flag("confirm")? {
        return Err(error(400, "invalid_request", "IR_04", "Missing required param: payment_method"));
    }
    if !r.flag("payment_link")? {
        return Err(invalid("payment_link", "true, as no other way to pay is served here"));
    }
    let capture = r.text("capture_method")?;
    if !["", "automatic", "manual"].contains(&capture) {
        return Err(invalid("capture_method", "automatic or manual"));
    }
    let return_url = r.need("return_url")?;
    if !return_url.starts_with("http") {
        return Err(invalid("return_url", "a URL"));
    }
    for field in ["email", "description", "customer_id", "profile_id"] {
        r.text(field)?;
    }
    if !matches!(r.value("metadata"), Value::Null | Value::Object(_)) {
        return Err(invalid("metadata", "an object"));
    }
    let open = match r.value("session_expiry") {
        Value::Null => OPEN_SECS,
        v => v
            .as_i64()
            .filter(|s| (60..=7_890_000).contains(s))
            .ok_or_else(|| invalid("session_expiry", "60 to 7890000 seconds"))?,
    };
    if op.get(PAYMENTS, id).is_some() {
        return Err(duplicate("payment", id));
    }
    let now = op.now.micros();
    let p = json!({"minor": minor, "currency": currency, "status": "requires_payment_method", "received": null, "capturable": 0, "capture": capture,
        "return_url": return_url, "metadata": r.value("metadata"), "email": r.text("email")?, "description": r.text("description")?,
        "customer": r.text("customer_id")?, "error": null, "method": null, "created": now, "updated": now, "until": op.now.plus_secs(open).micros()});
    op.put(PAYMENTS, id, p.clone());
    op.later("expire", id, open);
    Ok(Reply::json(200, shown(op, id, &p)))
}

fn shown(op: &Op<'_>, id: &str, p: &Value) -> Value {
    let card = p
        .is("method", "card")
        .then(|| json!({"card": {"last4": "4242", "card_type": "CREDIT", "card_network": "Visa", "card_holder_name": null}}));
    json!({
        "payment_id": id, "merchant_id": "merchant_quarterdeck", "status": p["status"], "amount": p["minor"], "net_amount": p["minor"],
        "amount_capturable": p["capturable"], "amount_received": p["received"], "connector": "sandbox", "currency": p["currency"],
        "customer_id": p["customer"], "description": p["description"], "email": p["email"], "metadata": p["metadata"], "capture_method": p["capture"],
        "created": Ts(p.num("created")).rfc3339(), "updated": Ts(p.num("updated")).rfc3339(), "expires_on": Ts(p.num("until")).rfc3339(),
        "payment_method": p["method"], "payment_method_type": if p.is("method", "card") { json!("credit") } else { Value::Null },
        "payment_method_data": card, "error_code": p["error"], "error_message": p["error"], "next_action": null, "return_url": p["return_url"],
        "payment_link": {"link": op.page_url(id), "secure_link": null, "payment_link_id": format!("plink_{id}")}, "refunds": refunds::of(op, id),
    })
}

pub fn get(op: &Op<'_>, id: &str) -> Reply {
    match op.get(PAYMENTS, id) {
        Some(p) => Reply::json(200, shown(op, id, p)),
        None => missing("payment"),
    }
}

pub fn page(op: &Op<'_>, id: &str) -> Option<Page> {
    let p = op.get(PAYMENTS, id)?;
    let places = Currency::parse(p.text("currency")).map_or(2, Currency::exponent);
    let ended = match p.text("status") {
        "requires_payment_method" | "processing" => None,
        "succeeded" => Some("This payment is complete."),
        "expired" => Some("This link has expired."),
        _ => Some("This payment is closed."),
    };
    Some(Page {
        title: "Hyperswitch payment link".into(),
        sum: format!("{} {}", format_fixed(p.num("minor"), places), p.text("currency")),
        lines: vec![("For".into(), p.text("description").into())],
        ended: ended.map(Into::into),
        back: Some(p.text("return_url").to_string()),
    })
}

pub fn pay(rail: &Hyperswitch, op: &mut Op<'_>, id: &str, outcome: Outcome) -> Result<Paid> {
    let p = op.get(PAYMENTS, id).cloned().ok_or_else(|| Problem::missing("payment"))?;
    let status = match outcome {
        Outcome::Abandon => p.text("status"),
        _ if !matches!(p.text("status"), "requires_payment_method" | "processing") => {
            return Err(Problem::conflict("payment_ended", "this payment has ended"));
        }
        Outcome::Pay if p.is("capture", "manual") => "requires_capture",
        Outcome::Pay => "succeeded",
        Outcome::Decline => "failed",
        Outcome::Later => "processing",
    };
    if outcome == Outcome::Later {
        op.later("settle", id, SETTLES_AFTER_SECS);
    }
    let object = match outcome {
        Outcome::Abandon => Value::Null,
        _ => becomes(rail, op, id, status, None),
    };
    // The browser comes back with the state in its address; nobody should believe it.
    let back = p.text("return_url");
    let mark = if back.contains('?') { '&' } else { '?' };
    Ok(Paid {
        go: Some(format!("{back}{mark}payment_id={id}&status={status}")),
        object,
    })
}

/// Gives a payment another status and tells the merchant. `received` is what was taken when it is
/// not the whole.
pub fn becomes(rail: &Hyperswitch, op: &mut Op<'_>, id: &str, status: &str, received: Option<i64>) -> Value {
    let now = op.now.micros();
    let p = op.edit(PAYMENTS, id, |m| {
        let whole = m.get("minor").and_then(Value::as_i64).unwrap_or(0);
        m.insert("status".into(), json!(status));
        m.insert("updated".into(), json!(now));
        if !matches!(status, "expired" | "cancelled") {
            m.insert("method".into(), json!("card"));
        }
        match status {
            "succeeded" | "partially_captured" | "conflicted" => {
                m.insert("received".into(), json!(received.unwrap_or(whole)));
                m.insert("capturable".into(), json!(0));
                m.insert("error".into(), Value::Null);
            }
            "requires_capture" => {
                m.insert("capturable".into(), json!(whole));
            }
            "failed" => {
                m.insert("error".into(), json!("card_declined"));
            }
            _ => {}
        }
    });
    let event = match status {
        "succeeded" => "payment_succeeded",
        "failed" | "conflicted" => "payment_failed",
        "processing" => "payment_processing",
        "cancelled" => "payment_cancelled",
        "requires_capture" => "payment_authorized",
        "partially_captured" => "payment_captured",
        "expired" => "payment_expired",
        _ => "action_required",
    };
    let object = shown(op, id, &p);
    rail.tell(op, event, id, "payment_details", object.clone());
    object
}

pub fn capture(rail: &Hyperswitch, op: &mut Op<'_>, id: &str, call: &Call) -> Reply {
    read_capture(rail, op, id, call).unwrap_or_else(|refused| refused)
}

fn read_capture(rail: &Hyperswitch, op: &mut Op<'_>, id: &str, call: &Call) -> std::result::Result<Reply, Reply> {
    let r = Read::of(call, &["amount_to_capture", "statement_descriptor_suffix"])?;
    let p = op.get(PAYMENTS, id).cloned().ok_or_else(|| missing("payment"))?;
    if !p.is("status", "requires_capture") {
        let message = format!(
            "This Payment could not be captured because it has a payment.status of {}",
            p.text("status")
        );
        return Err(error(400, "invalid_request", "IR_14", &message));
    }
    let minor = r.amount("amount_to_capture")?;
    if minor > p.num("capturable") {
        return Err(invalid("amount_to_capture", "at most the amount that was authorised"));
    }
    let status = if minor == p.num("minor") {
        "succeeded"
    } else {
        "partially_captured"
    };
    Ok(Reply::json(200, becomes(rail, op, id, status, Some(minor))))
}

/// `become {"status": "conflicted", "received": 100}`: what processors and staff there would do.
pub fn control(rail: &Hyperswitch, op: &mut Op<'_>, id: &str, word: &str, order: &Value) -> Result<Value> {
    op.get(PAYMENTS, id).ok_or_else(|| Problem::missing("payment"))?;
    match word {
        "become" => Ok(becomes(
            rail,
            op,
            id,
            order.text("status"),
            order.get("received").and_then(Value::as_i64),
        )),
        // A declined attempt that leaves the page open.
        "attempt_fails" => {
            op.set(PAYMENTS, id, "error", "card_declined");
            Ok(op.get(PAYMENTS, id).map(|p| shown(op, id, p)).unwrap_or_default())
        }
        _ => Err(Problem::missing("switch")),
    }
}

pub fn due(rail: &Hyperswitch, op: &mut Op<'_>, kind: &str, id: &str) {
    let status = op.get(PAYMENTS, id).map(|p| p.text("status").to_string());
    match (kind, status.as_deref()) {
        ("settle", Some("processing")) => {
            becomes(rail, op, id, "succeeded", None);
        }
        ("expire", Some("requires_payment_method")) => {
            becomes(rail, op, id, "expired", None);
        }
        _ => {}
    }
}

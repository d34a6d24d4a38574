//! The calls: payment links and refunds, with Adyen's refusals.

use super::{LINKS, PAYMENTS, REFUNDS, SWITCHES, item, new_reference, report, tell};
use crate::rail::{Call, Op, Reply, same_secret};
use crate::stripe::Fields;
use qd_kernel::Ts;
use serde_json::{Value, json};

/// Keys are answered the same for a week.
const KEY_LIFE_SECS: i64 = 7 * 86_400;
/// A link lives for a day unless it says otherwise, and for 70 days at most.
const LINK_LIFE_DAYS: i64 = 1;
const LINK_LIFE_MOST_DAYS: i64 = 70;

type Answer = Result<Reply, Reply>;

pub(super) fn operation(call: &Call) -> &'static str {
    match (call.method.as_str(), call.parts().as_slice()) {
        ("POST", ["v71", "paymentLinks"]) => "paymentLinks.create",
        ("GET", ["v71", "paymentLinks", _]) => "paymentLinks.retrieve",
        ("POST", ["v71", "payments", _, "refunds"]) => "refunds.create",
        _ => "unknown",
    }
}

pub(super) fn error(status: u16, code: &str, kind: &str, message: &str) -> Reply {
    Reply::json(
        status,
        json!({"status": status, "errorCode": code, "message": message, "errorType": kind}),
    )
}

pub(super) fn by_status(status: u16) -> Reply {
    let (code, kind, message) = match status {
        401 => ("000", "security", "HTTP Status Response - Unauthorized"),
        403 => ("010", "security", "Not allowed"),
        404 => ("158", "validation", "Not found"),
        409 => ("704", "validation", "request already processed or in progress"),
        429 => ("029", "validation", "Too many requests"),
        500.. => ("000", "internal", "Internal error"),
        _ => ("702", "validation", "Invalid request"),
    };
    error(status, code, kind, message)
}

fn invalid(code: &str, message: &str) -> Reply {
    error(422, code, "validation", message)
}

/// Adyen's own table.
pub(super) fn places(code: &str) -> Option<u8> {
    match code {
        "CVE" | "DJF" | "GNF" | "IDR" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => Some(0),
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => Some(3),
        c if c.len() == 3 && c.bytes().all(|b| b.is_ascii_uppercase()) => Some(2),
        _ => None,
    }
}

/// Refuses what the call does not know, what it lacks, and an amount that is none.
fn shape(b: &Value, known: &[&str], needed: &[&str]) -> Result<(), Reply> {
    let Some(m) = b.as_object() else { return Err(by_status(400)) };
    if let Some(k) = m.keys().find(|k| !known.contains(&k.as_str())) {
        return Err(invalid(
            "702",
            &format!("Structure of the request contains the following unknown fields: [{k}]"),
        ));
    }
    if let Some(k) = needed.iter().find(|k| m.get(**k).is_none_or(|v| v.is_null() || v == "")) {
        return Err(invalid("130", &format!("Required field '{k}' is not provided.")));
    }
    let a = &b["amount"];
    if places(a.text("currency")).is_none() {
        return Err(invalid("138", "Unsupported currency specified"));
    }
    if a["value"].as_i64().is_none_or(|v| v <= 0) {
        return Err(invalid("137", "Invalid amount specified"));
    }
    if b.text("reference").len() > 80 {
        return Err(invalid("128", "Reference is too long"));
    }
    Ok(())
}

pub(super) fn answer(op: &mut Op<'_>, call: &Call) -> Reply {
    if !call.header("x-api-key").is_some_and(|k| same_secret(k, &op.cfg.key)) {
        return by_status(401);
    }
    let parts: Vec<String> = call.parts().iter().map(|s| (*s).to_string()).collect();
    let done = match operation(call) {
        "paymentLinks.retrieve" => retrieve(op, &parts[2]),
        "paymentLinks.create" => once(op, call, |op, b| create(op, b)),
        "refunds.create" => once(op, call, |op, b| refund(op, &parts[2], b)),
        _ => Err(by_status(404)),
    };
    done.unwrap_or_else(|refused| refused)
}

/// A post with its key: the first success is what a repeat gets.
fn once(op: &mut Op<'_>, call: &Call, run: impl FnOnce(&mut Op<'_>, &Value) -> Result<Value, Reply>) -> Answer {
    if !call.header("content-type").is_some_and(|t| t.starts_with("application/json")) {
        return Err(by_status(400));
    }
    let b = call.json().ok_or_else(|| by_status(400))?;
    let own = op.setting("merchant_account").to_string();
    if !b.text("merchantAccount").is_empty() && b.text("merchantAccount") != own {
        return Err(error(403, "901", "security", "Invalid Merchant Account"));
    }
    let key = call.header("idempotency-key").map(str::to_string);
    if let Some(key) = &key {
        match op.answered(key, KEY_LIFE_SECS) {
            Some((asked, answer)) if asked == call.mark() => return Ok(Reply::json(201, answer)),
            Some(_) => return Err(invalid("704", "request already processed or in progress")),
            None => {}
        }
    }
    let made = run(op, &b)?;
    if let Some(key) = &key {
        op.keep_answer(key, &call.mark(), &made);
    }
    Ok(Reply::json(201, made))
}

/// A link that was not paid in time has expired, whoever looks.
pub(super) fn status<'a>(op: &Op<'_>, l: &'a Value) -> &'a str {
    let word = l.text("status");
    if word == "active" && l.num("until") < op.now.micros() {
        "expired"
    } else {
        word
    }
}

fn show(op: &Op<'_>, l: &Value) -> Value {
    let mut out = l.clone();
    out["status"] = json!(status(op, l));
    if let Some(m) = out.as_object_mut() {
        m.remove("until");
        m.remove("payment");
    }
    out
}

/// `2026-11-20T10:00:00Z`, nothing else.
fn seconds(text: &str) -> Option<Ts> {
    let at: jiff::Timestamp = text.parse().ok()?;
    Some(Ts(at.as_microsecond()))
}

fn create(op: &mut Op<'_>, b: &Value) -> Result<Value, Reply> {
    let known = [
        "merchantAccount",
        "reference",
        "amount",
        "returnUrl",
        "expiresAt",
        "reusable",
        "description",
        "shopperReference",
        "shopperEmail",
        "shopperLocale",
        "allowedPaymentMethods",
        "countryCode",
    ];
    shape(b, &known, &["merchantAccount", "reference", "amount"])?;
    let until = match b.text("expiresAt") {
        "" => op.now.plus_days(LINK_LIFE_DAYS),
        text => seconds(text).ok_or_else(|| invalid("702", "Invalid expiresAt"))?,
    };
    if until < op.now || until > op.now.plus_days(LINK_LIFE_MOST_DAYS) {
        return Err(invalid("702", "expiresAt must be in the future and at most 70 days away"));
    }
    let who = b.text("shopperReference");
    if !who.is_empty() && who.len() < 3 {
        return Err(invalid("128", "shopperReference must be at least three characters long"));
    }
    let id = format!("PL{}", new_reference(op));
    let mut l = b.clone();
    l["id"] = json!(id);
    l["url"] = json!(op.page_url(&id));
    l["status"] = json!("active");
    l["until"] = json!(until.micros());
    l["payment"] = json!("");
    op.put(LINKS, &id, l.clone());
    Ok(show(op, &l))
}

fn retrieve(op: &Op<'_>, id: &str) -> Answer {
    let l = op.get(LINKS, id).ok_or_else(|| by_status(404))?;
    Ok(Reply::json(200, show(op, l)))
}

/// Always received; whether it was done a webhook tells.
fn refund(op: &mut Op<'_>, payment: &str, b: &Value) -> Result<Value, Reply> {
    shape(b, &["merchantAccount", "reference", "amount"], &["merchantAccount", "amount"])?;
    let p = op
        .get(PAYMENTS, payment)
        .cloned()
        .ok_or_else(|| invalid("167", "Original pspReference required for this operation"))?;
    if !p["amount"].is("currency", b["amount"].text("currency")) {
        return Err(invalid("138", "Unsupported currency specified"));
    }
    let id = new_reference(op);
    let asked = b["amount"].num("value");
    let fails = op.get(SWITCHES, "refund_fails").is_some();
    op.remove(SWITCHES, "refund_fails");
    let done = !fails && p.num("refunded").saturating_add(asked) <= p["amount"].num("value");
    let r = json!({"id": id, "payment": payment, "payment_reference": p["reference"], "reference": b["reference"], "amount": b["amount"],
        "state": if done { "done" } else { "refused" }});
    op.put(REFUNDS, &id, r.clone());
    if done {
        op.set(PAYMENTS, payment, "refunded", p.num("refunded").saturating_add(asked));
        report::book(op, "Refunded", &b["amount"], false, &r);
    }
    let told = item("REFUND", done, &id, payment, b.text("reference"), &b["amount"]);
    tell(op, payment, told);
    Ok(
        json!({"merchantAccount": b["merchantAccount"], "paymentPspReference": payment, "pspReference": id, "reference": b["reference"],
        "status": "received", "amount": b["amount"]}),
    )
}

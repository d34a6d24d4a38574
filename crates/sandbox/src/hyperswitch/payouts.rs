//! Payouts to bank accounts and wallets, carried out by a processor behind the switch.

use super::read::{Read, invalid};
use super::{Hyperswitch, duplicate, error, missing};
use crate::rail::{Call, Op, Reply};
use crate::stripe::Fields;
use qd_kernel::{Problem, Result, Ts};
use serde_json::{Value, json};

const PAYOUTS: &str = "payout";
const PAID_AFTER_SECS: i64 = 5;

pub fn create(rail: &Hyperswitch, op: &mut Op<'_>, call: &Call) -> Reply {
    read(rail, op, call).unwrap_or_else(|refused| refused)
}

fn read(rail: &Hyperswitch, op: &mut Op<'_>, call: &Call) -> std::result::Result<Reply, Reply> {
    let known = [
        "payout_id",
        "amount",
        "currency",
        "payout_type",
        "payout_method_data",
        "connector",
        "routing",
        "confirm",
        "auto_fulfill",
        "entity_type",
        "recurring",
        "payout_token",
        "billing",
        "metadata",
        "description",
        "customer_id",
        "profile_id",
    ];
    let r = Read::of(call, &known)?;
    let (id, minor, currency) = (r.id("payout_id")?, r.amount("amount")?, r.currency("currency")?);
    let data = r.value("payout_method_data");
    let target = match r.need("payout_type")? {
        "bank" => data["bank"].text("iban").to_string(),
        "wallet" => data["wallet"]["paypal"].text("email").to_string(),
        _ => return Err(invalid("payout_type", "bank or wallet")),
    };
    if target.is_empty() {
        return Err(error(400, "invalid_request", "IR_04", "Missing required param: payout_method_data"));
    }
    if !r.flag("confirm")? || !r.flag("auto_fulfill")? {
        return Err(invalid("confirm", "true with auto_fulfill, as nobody confirms here"));
    }
    if !["", "Individual", "Company", "NonProfit", "PublicSector", "NaturalPerson"].contains(&r.text("entity_type")?) {
        return Err(invalid(
            "entity_type",
            "Individual, Company, NonProfit, PublicSector or NaturalPerson",
        ));
    }
    if !matches!(r.value("connector"), Value::Null | Value::Array(_)) {
        return Err(invalid("connector", "a list"));
    }
    if op.get(PAYOUTS, id).is_some() {
        return Err(duplicate("payout", id));
    }
    let p = json!({"minor": minor, "currency": currency, "kind": r.text("payout_type")?, "status": "initiated", "metadata": r.value("metadata"),
        "error": null, "created": op.now.micros()});
    op.put(PAYOUTS, id, p);
    op.later("payout", id, PAID_AFTER_SECS);
    Ok(Reply::json(200, becomes(rail, op, id, "initiated")))
}

fn shown(id: &str, p: &Value) -> Value {
    json!({"payout_id": id, "merchant_id": "merchant_quarterdeck", "amount": p["minor"], "currency": p["currency"], "connector": "sandbox",
        "payout_type": p["kind"], "status": p["status"], "metadata": p["metadata"], "error_code": p["error"], "error_message": p["error"],
        "auto_fulfill": true, "entity_type": "Individual", "created": Ts(p.num("created")).rfc3339()})
}

pub fn get(op: &Op<'_>, id: &str) -> Reply {
    match op.get(PAYOUTS, id) {
        Some(p) => Reply::json(200, shown(id, p)),
        None => missing("payout"),
    }
}

fn becomes(rail: &Hyperswitch, op: &mut Op<'_>, id: &str, status: &str) -> Value {
    let p = op.edit(PAYOUTS, id, |m| {
        m.insert("status".into(), json!(status));
        if matches!(status, "failed" | "reversed") {
            m.insert("error".into(), json!("account_closed"));
        }
    });
    let object = shown(id, &p);
    rail.tell(op, &format!("payout_{status}"), id, "payout_details", object.clone());
    object
}

/// `success`, `failed`, `cancelled`, `reversed`, `expired`.
pub fn control(rail: &Hyperswitch, op: &mut Op<'_>, id: &str, word: &str) -> Result<Value> {
    op.get(PAYOUTS, id).ok_or_else(|| Problem::missing("payout"))?;
    if !["success", "failed", "cancelled", "reversed", "expired"].contains(&word) {
        return Err(Problem::missing("switch"));
    }
    Ok(becomes(rail, op, id, word))
}

pub fn due(rail: &Hyperswitch, op: &mut Op<'_>, id: &str) {
    if op.get(PAYOUTS, id).is_some_and(|p| p.is("status", "initiated")) {
        becomes(rail, op, id, "success");
    }
}

//! Refunds and disputes of a payment.

use super::payments::PAYMENTS;
use super::read::{Read, invalid};
use super::{Hyperswitch, duplicate, error, missing};
use crate::rail::{Call, Op, Reply};
use crate::stripe::Fields;
use qd_kernel::{Problem, Result, Ts};
use serde_json::{Value, json};

const REFUNDS: &str = "refund";
const DISPUTES: &str = "dispute";
const SWITCHES: &str = "switch";

pub fn create(rail: &Hyperswitch, op: &mut Op<'_>, call: &Call) -> Reply {
    read(rail, op, call).unwrap_or_else(|refused| refused)
}

fn read(rail: &Hyperswitch, op: &mut Op<'_>, call: &Call) -> std::result::Result<Reply, Reply> {
    let r = Read::of(call, &["refund_id", "payment_id", "amount", "reason", "refund_type", "metadata"])?;
    let (id, payment) = (r.id("refund_id")?, r.need("payment_id")?);
    if !["", "instant", "scheduled"].contains(&r.text("refund_type")?) {
        return Err(invalid("refund_type", "instant or scheduled"));
    }
    let p = op.get(PAYMENTS, payment).cloned().ok_or_else(|| missing("payment"))?;
    if op.get(REFUNDS, id).is_some() {
        return Err(duplicate("refund", id));
    }
    if !matches!(p.text("status"), "succeeded" | "partially_captured") {
        let message = format!("This Payment could not be refunded because it has a status of {}", p.text("status"));
        return Err(error(400, "invalid_request", "IR_14", &message));
    }
    let minor = match r.value("amount") {
        Value::Null => p.num("received"),
        _ => r.amount("amount")?,
    };
    let gone: i64 = op
        .rows(REFUNDS)
        .filter(|(_, o)| o.is("payment", payment) && !o.is("status", "failed"))
        .map(|(_, o)| o.num("minor"))
        .sum();
    if gone + minor > p.num("received") {
        return Err(error(
            400,
            "invalid_request",
            "IR_13",
            "The refund amount exceeds the amount captured",
        ));
    }
    let waits = op.get(SWITCHES, "next_pending").is_some();
    op.remove(SWITCHES, "next_pending");
    let now = op.now.micros();
    let o = json!({"payment": payment, "minor": minor, "currency": p["currency"], "status": "pending", "metadata": r.value("metadata"), "created": now});
    op.put(REFUNDS, id, o.clone());
    let answer = if waits { shown(id, &o) } else { becomes(rail, op, id, "succeeded") };
    Ok(Reply::json(200, answer))
}

fn shown(id: &str, r: &Value) -> Value {
    let failed = r.is("status", "failed").then_some("account_closed");
    json!({"refund_id": id, "payment_id": r["payment"], "amount": r["minor"], "currency": r["currency"], "status": r["status"], "reason": null,
        "metadata": r["metadata"], "error_message": failed, "error_code": failed, "created_at": Ts(r.num("created")).rfc3339(), "connector": "sandbox"})
}

/// Those of a payment, as the payment lists them.
pub fn of(op: &Op<'_>, payment: &str) -> Value {
    let all: Vec<Value> = op
        .rows(REFUNDS)
        .filter(|(_, r)| r.is("payment", payment))
        .map(|(id, r)| shown(id, r))
        .collect();
    if all.is_empty() { Value::Null } else { Value::Array(all) }
}

pub fn get(op: &Op<'_>, id: &str) -> Reply {
    match op.get(REFUNDS, id) {
        Some(r) => Reply::json(200, shown(id, r)),
        None => missing("refund"),
    }
}

fn becomes(rail: &Hyperswitch, op: &mut Op<'_>, id: &str, status: &str) -> Value {
    let r = op.set(REFUNDS, id, "status", status);
    let object = shown(id, &r);
    if status != "pending" {
        let event = if status == "succeeded" {
            "refund_succeeded"
        } else {
            "refund_failed"
        };
        rail.tell(op, event, r.text("payment"), "refund_details", object.clone());
    }
    object
}

/// `next_pending`, or an id and `settle`, `fail` or `review`.
pub fn control(rail: &Hyperswitch, op: &mut Op<'_>, what: &[&str]) -> Result<Value> {
    match what {
        ["next_pending"] => {
            op.put(SWITCHES, "next_pending", json!(true));
            Ok(json!({"ordered": "next_pending"}))
        }
        [id, word] => {
            op.get(REFUNDS, id).ok_or_else(|| Problem::missing("refund"))?;
            let status = match *word {
                "settle" => "succeeded",
                "fail" => "failed",
                "review" => "review",
                _ => return Err(Problem::missing("switch")),
            };
            Ok(becomes(rail, op, id, status))
        }
        _ => Err(Problem::missing("switch")),
    }
}

fn shown_dispute(id: &str, d: &Value) -> Value {
    json!({"dispute_id": id, "payment_id": d["payment"], "attempt_id": format!("{}_1", d.text("payment")), "amount": d.num("minor").to_string(),
        "currency": d["currency"], "dispute_stage": d["stage"], "dispute_status": d["status"], "connector": "sandbox", "connector_status": d["status"],
        "connector_dispute_id": id, "connector_reason": "fraudulent", "created_at": Ts(d.num("created")).rfc3339()})
}

pub fn dispute(op: &Op<'_>, id: &str) -> Reply {
    match op.get(DISPUTES, id) {
        Some(d) => Reply::json(200, shown_dispute(id, d)),
        None => missing("dispute"),
    }
}

/// Without more it opens one: `{"ref": payment, "stage": "dispute"}`; `{id}/{won | lost | challenged | accepted | cancelled | expired}` moves it on.
pub fn dispute_control(rail: &Hyperswitch, op: &mut Op<'_>, what: &[&str], order: &Value) -> Result<Value> {
    let id = match what {
        [] => {
            let payment = order.text("ref");
            let p = op.get(PAYMENTS, payment).cloned().ok_or_else(|| Problem::missing("payment"))?;
            let id = op.token("dp_", 20);
            let stage = if order.text("stage").is_empty() {
                "dispute"
            } else {
                order.text("stage")
            };
            let d = json!({"payment": payment, "minor": p["received"], "currency": p["currency"], "stage": stage, "status": "dispute_opened",
                "created": op.now.micros()});
            op.put(DISPUTES, &id, d);
            id
        }
        [id, word @ ("won" | "lost" | "challenged" | "accepted" | "cancelled" | "expired")] => {
            op.get(DISPUTES, id).ok_or_else(|| Problem::missing("dispute"))?;
            op.set(DISPUTES, id, "status", format!("dispute_{word}"));
            (*id).to_string()
        }
        _ => return Err(Problem::missing("switch")),
    };
    let d = op.get(DISPUTES, &id).cloned().unwrap_or_default();
    let object = shown_dispute(&id, &d);
    rail.tell(op, d.text("status"), d.text("payment"), "dispute_details", object.clone());
    Ok(object)
}

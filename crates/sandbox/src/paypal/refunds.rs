//! Captures as they are read, and refunds of them.

use super::error::{missing, shape, unprocessable};
use super::{CAPTURES, REFUNDS, SWITCHES, api, link, money, new_id, notify, orders, report, time};
use crate::rail::{Call, Op, Reply};
use crate::stripe::Fields;
use qd_kernel::{Problem, Result};
use serde_json::{Value, json};

type Answer = std::result::Result<Reply, Reply>;

pub(super) fn capture(op: &Op<'_>, id: &str) -> Answer {
    let c = op.get(CAPTURES, id).ok_or_else(missing)?;
    Ok(Reply::json(200, orders::show_capture(op, c)))
}

/// What went back or is on its way.
fn given(op: &Op<'_>, capture: &str) -> i64 {
    op.rows(REFUNDS)
        .filter(|(_, r)| r.is("capture", capture) && ["COMPLETED", "PENDING"].contains(&r.text("status")))
        .map(|(_, r)| money::units(&r["amount"]))
        .sum()
}

pub(super) fn show(r: &Value) -> Value {
    let mut out = r.clone();
    if let Some(m) = out.as_object_mut() {
        m.remove("capture");
        m.retain(|_, v| !v.is_null());
    }
    out
}

pub(super) fn create(op: &mut Op<'_>, call: &Call, capture: &str, b: &Value) -> Answer {
    if let Some(id) = api::repeated(op, call, "refunds")? {
        return retrieve(op, &id);
    }
    let known = [("amount", 0), ("invoice_id", 127), ("custom_id", 127), ("note_to_payer", 255)];
    shape(b, "", &known, &[])?;
    let c = op.get(CAPTURES, capture).cloned().ok_or_else(missing)?;
    match c.text("status") {
        "COMPLETED" | "PARTIALLY_REFUNDED" => {}
        "REFUNDED" => {
            return Err(unprocessable(
                "CAPTURE_FULLY_REFUNDED",
                "The capture has already been fully refunded.",
            ));
        }
        _ => {
            return Err(unprocessable(
                "CAPTURE_STATUS_NOT_VALID",
                "Invalid capture status, capture status should be `COMPLETED`.",
            ));
        }
    }
    let code = c["amount"].text("currency_code");
    let left = money::units(&c["amount"]) - given(op, capture);
    let asked = match b.get("amount") {
        None => left,
        Some(a) => {
            shape(a, "/amount", &[("currency_code", 3), ("value", 32)], &["currency_code", "value"])?;
            let sum = money::read(a, "currency_code", "/amount/value")?;
            if !a.is("currency_code", code) {
                return Err(unprocessable(
                    "CURRENCY_MISMATCH",
                    "The currency of the refund must be the currency of the capture.",
                ));
            }
            sum.units
        }
    };
    if asked > left {
        return Err(unprocessable(
            "REFUND_AMOUNT_EXCEEDED",
            "The refund amount must be less than or equal to the capture amount.",
        ));
    }
    let pending = op.get(SWITCHES, "refund_pending").is_some();
    op.remove(SWITCHES, "refund_pending");
    let id = new_id(op);
    let links = json!([
        link(op, &format!("/v2/payments/refunds/{id}"), "self", "GET"),
        link(op, &format!("/v2/payments/captures/{capture}"), "up", "GET"),
    ]);
    let r = json!({"id": id, "status": "PENDING", "status_details": {"reason": "ECHECK"}, "amount": money::money(asked, code),
        "custom_id": b["custom_id"], "invoice_id": b["invoice_id"], "capture": capture, "links": links,
        "create_time": time(op), "update_time": time(op)});
    op.put(REFUNDS, &id, r);
    api::keep(op, call, "refunds", &id);
    let r = if pending {
        tell(op, &id, "PAYMENT.REFUND.PENDING")
    } else {
        becomes(op, &id, "COMPLETED")
    };
    let mut shown = show(&r);
    if !api::whole(call) {
        shown = json!({"id": shown["id"], "status": shown["status"], "links": shown["links"]});
    }
    Ok(Reply::json(201, shown))
}

pub(super) fn retrieve(op: &Op<'_>, id: &str) -> Answer {
    let r = op.get(REFUNDS, id).ok_or_else(missing)?;
    Ok(Reply::json(200, show(r)))
}

fn tell(op: &mut Op<'_>, id: &str, kind: &str) -> Value {
    let Some(r) = op.get(REFUNDS, id).cloned() else {
        return Value::Null;
    };
    notify(op, kind, r.text("capture"), &show(&r));
    r
}

/// Gives a refund its end, and its capture what follows from it.
fn becomes(op: &mut Op<'_>, id: &str, status: &str) -> Value {
    let at = time(op);
    let r = op.edit(REFUNDS, id, |m| {
        m.insert("status".into(), json!(status));
        m.insert("update_time".into(), json!(at));
        if status == "COMPLETED" {
            m.remove("status_details");
        }
    });
    let capture = r.text("capture");
    let whole = op.get(CAPTURES, capture).map_or(0, |c| money::units(&c["amount"]));
    let gone: i64 = op
        .rows(REFUNDS)
        .filter(|(_, x)| x.is("capture", capture) && x.is("status", "COMPLETED"))
        .map(|(_, x)| money::units(&x["amount"]))
        .sum();
    let word = match gone {
        0 => "COMPLETED",
        g if g >= whole => "REFUNDED",
        _ => "PARTIALLY_REFUNDED",
    };
    op.set(CAPTURES, capture, "status", word);
    if status == "COMPLETED" {
        let line = report::Line {
            id,
            code: "T1107",
            credit: false,
            gross: money::units(&r["amount"]),
            currency: r["amount"].text("currency_code"),
            fee: 0,
            parent: capture,
            custom: r.text("custom_id"),
            invoice: r.text("invoice_id"),
        };
        report::book(op, &line);
        tell(op, id, "PAYMENT.CAPTURE.REFUNDED")
    } else {
        tell(op, id, "PAYMENT.REFUND.FAILED")
    }
}

pub(super) fn end(op: &mut Op<'_>, id: &str, how: &str) -> Result<Value> {
    let r = op.get(REFUNDS, id).ok_or_else(|| Problem::missing("refund"))?;
    if !r.is("status", "PENDING") {
        return Err(Problem::conflict("refund_ended", "this refund is not pending"));
    }
    let status = match how {
        "settle" => "COMPLETED",
        "fail" => "FAILED",
        "cancel" => "CANCELLED",
        _ => return Err(Problem::missing("switch")),
    };
    Ok(becomes(op, id, status))
}

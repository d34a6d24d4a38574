//! Disputes: an inquiry that may become a claim, or a claim from the start.

use super::error::missing;
use super::{CAPTURES, DISPUTES, money, notify, report, time};
use crate::rail::{Op, Reply};
use crate::stripe::Fields;
use qd_kernel::{Problem, Result};
use serde_json::{Value, json};

const OUTCOMES: [&str; 7] = [
    "RESOLVED_BUYER_FAVOUR",
    "RESOLVED_SELLER_FAVOUR",
    "RESOLVED_WITH_PAYOUT",
    "CANCELED_BY_BUYER",
    "ACCEPTED",
    "DENIED",
    "NONE",
];

pub(super) fn retrieve(op: &Op<'_>, id: &str) -> std::result::Result<Reply, Reply> {
    let d = op.get(DISPUTES, id).ok_or_else(missing)?;
    Ok(Reply::json(200, d.clone()))
}

/// `{ref, stage?, amount?, reason?}`: `ref` is the capture or the merchant's id of it.
pub(super) fn open(op: &mut Op<'_>, order: &Value) -> Result<Value> {
    let reference = order.text("ref");
    let known = |c: &Value| c.is("id", reference) || c.is("custom_id", reference);
    let (capture, c) = op.find(CAPTURES, known).ok_or_else(|| Problem::missing("capture"))?;
    let stage = match order.text("stage") {
        "" | "CHARGEBACK" => "CHARGEBACK",
        "INQUIRY" => "INQUIRY",
        _ => return Err(Problem::invalid("stage", "stage_unknown", "expected INQUIRY or CHARGEBACK")),
    };
    let code = c["amount"].text("currency_code");
    let amount = match order.text("amount") {
        "" => c["amount"].clone(),
        text => {
            let asked = json!({"currency_code": code, "value": text});
            money::read(&asked, "currency_code", "amount")
                .map_err(|_| Problem::invalid("amount", "amount_malformed", "expected a decimal such as 25.40"))?;
            asked
        }
    };
    let reason = if order.text("reason").is_empty() {
        "UNAUTHORISED"
    } else {
        order.text("reason")
    };
    let id = format!("PP-D-{}", op.digits(5));
    let d = json!({"dispute_id": id, "create_time": time(op), "update_time": time(op), "reason": reason,
        "status": if stage == "INQUIRY" { "WAITING_FOR_SELLER_RESPONSE" } else { "UNDER_REVIEW" }, "dispute_amount": amount,
        "dispute_life_cycle_stage": stage, "dispute_channel": "INTERNAL",
        "disputed_transactions": [{"seller_transaction_id": capture, "custom": c["custom_id"], "invoice_number": c["invoice_id"],
            "gross_amount": c["amount"], "transaction_status": "COMPLETED"}]});
    op.put(DISPUTES, &id, d);
    if stage == "CHARGEBACK" {
        book(op, &id, false);
    }
    Ok(tell(op, &id, "CUSTOMER.DISPUTE.CREATED"))
}

/// The money leaves with the claim and comes back when it is won.
fn book(op: &mut Op<'_>, id: &str, back: bool) {
    let Some(d) = op.get(DISPUTES, id).cloned() else { return };
    let parent = d["disputed_transactions"][0].text("seller_transaction_id");
    let own = format!("{}{}", id.replace("PP-D-", "D"), if back { "R" } else { "C" });
    let line = report::Line {
        id: &own,
        code: if back { "T1202" } else { "T1201" },
        credit: back,
        gross: money::units(&d["dispute_amount"]),
        currency: d["dispute_amount"].text("currency_code"),
        fee: 0,
        parent,
        custom: "",
        invoice: "",
    };
    report::book(op, &line);
}

fn tell(op: &mut Op<'_>, id: &str, kind: &str) -> Value {
    let d = op.get(DISPUTES, id).cloned().unwrap_or(Value::Null);
    notify(op, kind, id, &d);
    d
}

pub(super) fn escalate(op: &mut Op<'_>, id: &str) -> Result<Value> {
    let d = op.get(DISPUTES, id).ok_or_else(|| Problem::missing("dispute"))?;
    if !d.is("dispute_life_cycle_stage", "INQUIRY") || d.is("status", "RESOLVED") {
        return Err(Problem::conflict("dispute_past_inquiry", "only an open inquiry becomes a claim"));
    }
    op.edit(DISPUTES, id, |m| {
        m.insert("dispute_life_cycle_stage".into(), json!("CHARGEBACK"));
        m.insert("status".into(), json!("UNDER_REVIEW"));
    });
    book(op, id, false);
    Ok(tell(op, id, "CUSTOMER.DISPUTE.UPDATED"))
}

pub(super) fn close(op: &mut Op<'_>, id: &str, outcome: &str) -> Result<Value> {
    let d = op.get(DISPUTES, id).cloned().ok_or_else(|| Problem::missing("dispute"))?;
    if d.is("status", "RESOLVED") {
        return Err(Problem::conflict("dispute_resolved", "this dispute is resolved"));
    }
    if !OUTCOMES.contains(&outcome) {
        return Err(Problem::invalid(
            "outcome",
            "outcome_unknown",
            format!("expected one of {}", OUTCOMES.join(", ")),
        ));
    }
    op.edit(DISPUTES, id, |m| {
        m.insert("status".into(), json!("RESOLVED"));
        m.insert("dispute_outcome".into(), json!({"outcome_code": outcome}));
    });
    let taken = d.is("dispute_life_cycle_stage", "CHARGEBACK");
    match outcome {
        "RESOLVED_SELLER_FAVOUR" | "CANCELED_BY_BUYER" | "DENIED" if taken => book(op, id, true),
        "RESOLVED_BUYER_FAVOUR" | "ACCEPTED" if !taken => book(op, id, false),
        _ => {}
    }
    Ok(tell(op, id, "CUSTOMER.DISPUTE.RESOLVED"))
}

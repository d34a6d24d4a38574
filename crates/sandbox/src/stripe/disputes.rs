//! Disputes: an inquiry moves no money; a chargeback takes the amount and a fee, and gives the
//! amount back when it is won.

use super::balance::{self, Entry};
use super::error::{Answer, StripeError};
use super::money;
use super::op::Op;
use super::params::Params;
use super::tables::*;
use serde_json::{Map, Value, json};

/// Days to answer.
const DAYS: i64 = 7;
const EVIDENCE: &str = "access_activity_log appeal billing_address cancellation_policy cancellation_policy_disclosure cancellation_rebuttal customer_communication customer_email_address customer_name customer_purchase_ip customer_signature duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id enhanced_evidence product_description receipt refund_policy refund_policy_disclosure refund_refusal_explanation service_date service_documentation shipping_address shipping_carrier shipping_date shipping_documentation shipping_tracking_number uncategorized_file uncategorized_text";

/// The holder contests a charge: the whole of what is left, or `amount` of it.
pub fn open(op: &mut Op<'_>, charge: &str, amount: Option<i64>, reason: &str, inquiry: bool) -> Value {
    let Some(c) = op.t.get(CHARGES, charge).cloned() else {
        return Value::Null;
    };
    let currency = c.text("currency").to_string();
    let amount = amount.unwrap_or(c.num("amount_captured") - refunded(op, charge));
    let id = op.token("du_1", 23);
    let mut evidence: Map<String, Value> = EVIDENCE.split(' ').map(|k| (k.to_string(), Value::Null)).collect();
    evidence.insert("enhanced_evidence".into(), json!({}));
    let code = if reason == "product_not_received" { "13.1" } else { "10.4" };
    let d = json!({
        "id": id, "object": "dispute", "amount": amount, "balance_transactions": [], "charge": charge, "created": op.secs(), "currency": currency,
        "enhanced_eligibility_types": [], "evidence": evidence,
        "evidence_details": {"due_by": op.now.plus_days(DAYS).secs(), "enhanced_eligibility": {}, "has_evidence": false, "past_due": false, "submission_count": 0, "submission_method": null},
        "intended_submission_method": null, "is_charge_refundable": inquiry, "livemode": false, "metadata": {}, "network_reason_code": code,
        "payment_intent": c["payment_intent"],
        "payment_method_details": {"card": {"brand": c["payment_method_details"]["card"]["brand"], "case_type": if inquiry { "inquiry" } else { "chargeback" }, "network_reason_code": code}, "type": "card"},
        "reason": reason, "status": if inquiry { "warning_needs_response" } else { "needs_response" },
    });
    op.t.put(DISPUTES, &id, d.clone());
    op.edit(CHARGES, charge, |m| {
        m.insert("disputed".into(), json!(true));
        m.insert("dispute".into(), json!(id));
    });
    if inquiry {
        op.event("charge.dispute.created", &d, None);
        return d;
    }
    let entry = balance::book(
        op,
        Entry {
            kind: "adjustment",
            category: "dispute",
            amount: -amount,
            fee: money::dispute_fee(&currency),
            currency: &currency,
            source: &id,
            description: json!(format!("Chargeback withdrawal for {charge}")),
            available_at_once: true,
        },
    );
    let d = add_entry(op, &id, &entry);
    op.event("charge.dispute.created", &d, None);
    op.event("charge.dispute.funds_withdrawn", &d, None);
    d
}

/// Refunds of a charge, without what a partial capture released.
fn refunded(op: &Op<'_>, charge: &str) -> i64 {
    op.t.rows_by(REFUNDS, "charge", charge)
        .iter()
        .filter(|r| matches!(r.o.text("status"), "succeeded" | "pending"))
        .map(|r| r.o.num("amount"))
        .sum()
}

fn add_entry(op: &mut Op<'_>, dispute: &str, entry: &str) -> Value {
    let line = op.t.get(BALANCE, entry).cloned().unwrap_or(Value::Null);
    op.edit(DISPUTES, dispute, |m| {
        if let Some(a) = m.get_mut("balance_transactions").and_then(Value::as_array_mut) {
            a.push(line);
        }
    })
}

fn is_open(d: &Value) -> bool {
    matches!(
        d.text("status"),
        "needs_response" | "warning_needs_response" | "under_review" | "warning_under_review"
    )
}

pub fn update(op: &mut Op<'_>, id: &str, p: &Params<'_>) -> Answer<Value> {
    p.only("evidence intended_submission_method metadata submit")?;
    let old = op.must(DISPUTES, id, "id")?;
    let metadata = p.metadata(&old["metadata"])?;
    let submit = p.flag("submit")?.unwrap_or(true);
    let mut texts: Vec<(String, Value)> = Vec::new();
    if let Some(e) = p.object("evidence")? {
        e.only(EVIDENCE)?;
        for key in EVIDENCE.split(' ') {
            if key == "enhanced_evidence" {
                if let Some(v) = e.raw(key) {
                    texts.push((key.into(), v.clone()));
                }
            } else if let Some(v) = e.settable(key)? {
                texts.push((key.into(), v));
            }
        }
        if !matches!(old.text("status"), "needs_response" | "warning_needs_response") {
            return Err(
                StripeError::invalid("This dispute is already closed or under review; evidence can no longer be changed.")
                    .code("dispute_unexpected_state"),
            );
        }
    }
    let answered = p.has("evidence") && submit;
    let inquiry = old.text("status").starts_with("warning");
    let verdict = texts
        .iter()
        .find(|(k, _)| k == "uncategorized_text")
        .and_then(|(_, v)| v.as_str())
        .map(str::to_string);
    let has = !texts.is_empty();
    let d = op.edit(DISPUTES, id, |m| {
        m.insert("metadata".into(), metadata);
        if let Some(e) = m.get_mut("evidence").and_then(Value::as_object_mut) {
            e.extend(texts);
        }
        if has {
            m["evidence_details"]["has_evidence"] = json!(true);
        }
        if answered {
            m["evidence_details"]["submission_count"] = json!(1);
            m["evidence_details"]["submission_method"] = json!("manual");
            m.insert(
                "status".into(),
                json!(if inquiry { "warning_under_review" } else { "under_review" }),
            );
        }
    });
    op.event("charge.dispute.updated", &d, Some(json!({"status": old["status"]})));
    if answered {
        // Stripe's test mode decides by these two words.
        let at = op.now.plus_millis(2_000);
        match verdict.as_deref() {
            Some("winning_evidence") => op.later("dispute_won", id, at),
            Some("losing_evidence") => op.later("dispute_lost", id, at),
            _ => {}
        }
    }
    Ok(d)
}

/// Accepts the loss.
pub fn close(op: &mut Op<'_>, id: &str, p: &Params<'_>) -> Answer<Value> {
    p.only("")?;
    let d = op.must(DISPUTES, id, "id")?;
    if !is_open(&d) {
        return Err(StripeError::invalid("This dispute is already closed.").code("dispute_unexpected_state"));
    }
    Ok(decide(op, id, false))
}

/// The network's verdict.
pub fn decide(op: &mut Op<'_>, id: &str, won: bool) -> Value {
    let Some(d) = op.t.get(DISPUTES, id).cloned() else {
        return Value::Null;
    };
    if !is_open(&d) {
        return d;
    }
    let inquiry = d.text("status").starts_with("warning");
    let status = match (inquiry, won) {
        (true, _) => "warning_closed",
        (_, true) => "won",
        _ => "lost",
    };
    let mut after = op.edit(DISPUTES, id, |m| {
        m.insert("status".into(), json!(status));
        m["evidence_details"]["due_by"] = Value::Null;
    });
    if won && !inquiry {
        let entry = balance::book(
            op,
            Entry {
                kind: "adjustment",
                category: "dispute_reversal",
                amount: d.num("amount"),
                fee: 0,
                currency: d.text("currency"),
                source: id,
                description: json!(format!("Chargeback reversal for {}", d.text("charge"))),
                available_at_once: true,
            },
        );
        after = add_entry(op, id, &entry);
    }
    op.event("charge.dispute.closed", &after, Some(json!({"status": d["status"]})));
    if won && !inquiry {
        op.event("charge.dispute.funds_reinstated", &after, None);
    }
    after
}

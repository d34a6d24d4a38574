//! Refunds: whole or in parts, never more than is left; some fail after they seemed to succeed.

use super::balance::{self, Entry};
use super::cards::Behaviour;
use super::customers;
use super::error::{Answer, StripeError};
use super::money;
use super::op::Op;
use super::params::Params;
use super::tables::*;
use serde_json::{Value, json};

const CREATE: &str =
    "amount charge currency customer instructions_email metadata origin payment_intent reason refund_application_fee reverse_transfer";

pub fn create(op: &mut Op<'_>, p: &Params<'_>) -> Answer<Value> {
    p.only(CREATE)?;
    let charge = charge_of(op, p)?;
    let id = charge.text("id").to_string();
    let amount = money::positive(p, "amount")?;
    let reason = p
        .choice("reason", "duplicate fraudulent requested_by_customer")?
        .map(str::to_string);
    let metadata = p.metadata(&Value::Null)?;
    let currency = charge.text("currency").to_string();
    let left = charge.num("amount") - charge.num("amount_refunded");
    if charge["refunded"] == true || left <= 0 {
        return Err(StripeError::invalid(format!("Charge {id} has already been refunded.")).code("charge_already_refunded"));
    }
    if charge["disputed"] == true && !refundable_dispute(op, &id) {
        return Err(StripeError::invalid(format!("Charge {id} has been charged back; cannot issue a refund.")).code("charge_disputed"));
    }
    let amount = amount.unwrap_or(left);
    money::last_digit(amount, &currency, "amount")?;
    if amount > left {
        let what = if charge.num("amount_refunded") == 0 {
            format!("charge amount ({})", money::shown(left, &currency))
        } else {
            format!("unrefunded amount on charge ({})", money::shown(left, &currency))
        };
        return Err(StripeError::invalid(format!(
            "Refund amount ({}) is greater than {what}",
            money::shown(amount, &currency)
        ))
        .param("amount"));
    }
    let card = customers::card_of(op, charge.text("payment_method"));
    let pends = card.as_ref().is_some_and(|c| c.behaviour == Behaviour::RefundPends);
    let fails = card.as_ref().is_some_and(|c| c.behaviour == Behaviour::RefundFails);
    let refund_id = op.token("re_3", 23);
    let entry = balance::book(
        op,
        Entry {
            kind: "refund",
            category: "refund",
            amount: -amount,
            fee: 0,
            currency: &currency,
            source: &refund_id,
            description: json!(format!("REFUND FOR CHARGE ({id})")),
            available_at_once: true,
        },
    );
    let reference = op.token("", 12).to_uppercase();
    let r = json!({
        "id": refund_id, "object": "refund", "amount": amount, "balance_transaction": entry, "charge": id, "created": op.secs(), "currency": currency,
        "destination_details": {"card": {"reference": reference, "reference_status": "available", "reference_type": "acquirer_reference_number", "type": "refund"}, "type": "card"},
        "metadata": metadata, "payment_intent": charge["payment_intent"], "payment_method": charge["payment_method"], "reason": reason,
        "receipt_number": null, "source_transfer_reversal": null, "status": if pends { "pending" } else { "succeeded" }, "transfer_reversal": null,
        "pending_reason": if pends { json!("processing") } else { Value::Null },
    });
    op.t.put(REFUNDS, &refund_id, r.clone());
    op.event("refund.created", &r, None);
    let c = add_refunded(op, &id, amount);
    op.event("charge.refunded", &c, None);
    let soon = op.now.plus_millis(2_000);
    if pends {
        op.later("refund_settle", &refund_id, soon);
    } else {
        op.event("charge.refund.updated", &r, None);
        op.event("refund.updated", &r, None);
    }
    if fails {
        op.later("refund_fail", &refund_id, soon);
    }
    Ok(r)
}

/// An inquiry can still be answered with a refund.
fn refundable_dispute(op: &Op<'_>, charge: &str) -> bool {
    op.t.rows_by(DISPUTES, "charge", charge)
        .iter()
        .all(|r| r.o["is_charge_refundable"] == true || r.o.is("status", "won"))
}

fn charge_of(op: &Op<'_>, p: &Params<'_>) -> Answer<Value> {
    match (p.text("charge")?, p.text("payment_intent")?) {
        (None, None) => Err(StripeError::invalid(
            "One of the following params should be provided for this request: payment_intent or charge.",
        )
        .code("parameter_missing")
        .param("payment_intent")),
        (Some(c), pi) => {
            let charge = op.referenced(CHARGES, c, "charge")?;
            if pi.is_some_and(|pi| charge["payment_intent"] != pi) {
                return Err(StripeError::invalid("The charge does not belong to the payment intent.").param("charge"));
            }
            paid(charge)
        }
        (None, Some(pi)) => {
            let intent = op.referenced(INTENTS, pi, "payment_intent")?;
            let charge =
                op.t.get(CHARGES, intent.text("latest_charge"))
                    .filter(|c| c.is("status", "succeeded"))
                    .cloned();
            match charge {
                Some(c) => paid(c),
                None => Err(
                    StripeError::invalid(format!("This PaymentIntent ({pi}) does not have a successful charge to refund."))
                        .code("payment_intent_unexpected_state")
                        .param("payment_intent"),
                ),
            }
        }
    }
}

fn paid(charge: Value) -> Answer<Value> {
    if !charge.is("status", "succeeded") {
        return Err(
            StripeError::invalid(format!("Charge {} was not successful and cannot be refunded.", charge.text("id")))
                .code("charge_not_refundable")
                .param("charge"),
        );
    }
    if charge["captured"] != true {
        return Err(StripeError::invalid(format!(
            "Charge {} has not been captured; cancel its PaymentIntent instead.",
            charge.text("id")
        ))
        .code("charge_not_captured")
        .param("charge"));
    }
    Ok(charge)
}

fn add_refunded(op: &mut Op<'_>, charge: &str, amount: i64) -> Value {
    op.edit(CHARGES, charge, |m| {
        let total = m.get("amount_refunded").and_then(Value::as_i64).unwrap_or(0) + amount;
        let whole = m.get("amount").and_then(Value::as_i64).unwrap_or(0);
        m.insert("amount_refunded".into(), json!(total));
        m.insert("refunded".into(), json!(total >= whole));
    })
}

/// A pending refund arrives.
pub fn settle(op: &mut Op<'_>, id: &str) {
    if !op.t.get(REFUNDS, id).is_some_and(|r| r.is("status", "pending")) {
        return;
    }
    let r = op.edit(REFUNDS, id, |m| {
        m.insert("status".into(), json!("succeeded"));
        m.insert("pending_reason".into(), Value::Null);
    });
    let was = json!({"status": "pending"});
    op.event("charge.refund.updated", &r, Some(was.clone()));
    op.event("refund.updated", &r, Some(was));
}

/// The bank does not take the money; it comes back to the balance.
pub fn fail(op: &mut Op<'_>, id: &str) -> Answer<Value> {
    let r = op.must(REFUNDS, id, "id")?;
    if matches!(r.text("status"), "failed" | "canceled") {
        return Err(StripeError::invalid(format!("Refund {id} has already {}.", r.text("status"))).code("refund_unexpected_state"));
    }
    undo(op, &r, "failed", Some("lost_or_stolen_card"));
    let after = op.must(REFUNDS, id, "id")?;
    let was = json!({"status": r["status"]});
    op.event("refund.failed", &after, Some(was.clone()));
    op.event("charge.refund.updated", &after, Some(was.clone()));
    op.event("refund.updated", &after, Some(was));
    Ok(after)
}

pub fn cancel(op: &mut Op<'_>, id: &str, p: &Params<'_>) -> Answer<Value> {
    p.only("")?;
    let r = op.must(REFUNDS, id, "id")?;
    if !matches!(r.text("status"), "pending" | "requires_action") {
        return Err(StripeError::invalid(format!("Refund {id} cannot be canceled because it has a status of {}. Only a refund with one of the following statuses may be canceled: requires_action, pending.", r.text("status"))).code("refund_unexpected_state"));
    }
    undo(op, &r, "canceled", None);
    let after = op.must(REFUNDS, id, "id")?;
    op.event("refund.updated", &after, Some(json!({"status": r["status"]})));
    Ok(after)
}

fn undo(op: &mut Op<'_>, r: &Value, status: &str, reason: Option<&str>) {
    let id = r.text("id").to_string();
    let entry = balance::book(
        op,
        Entry {
            kind: "refund_failure",
            category: "refund_failure",
            amount: r.num("amount"),
            fee: 0,
            currency: r.text("currency"),
            source: &id,
            description: json!(format!("REFUND FAILURE FOR REFUND ({id})")),
            available_at_once: true,
        },
    );
    op.edit(REFUNDS, &id, |m| {
        m.insert("status".into(), json!(status));
        m.insert("pending_reason".into(), Value::Null);
        m.insert("failure_balance_transaction".into(), json!(entry));
        if let Some(why) = reason {
            m.insert("failure_reason".into(), json!(why));
        }
    });
    add_refunded(op, r.text("charge"), -r.num("amount"));
}

pub fn update(op: &mut Op<'_>, id: &str, p: &Params<'_>) -> Answer<Value> {
    p.only("metadata")?;
    let r = op.must(REFUNDS, id, "id")?;
    let metadata = p.metadata(&r["metadata"])?;
    let after = op.edit(REFUNDS, id, |m| {
        m.insert("metadata".into(), metadata);
    });
    op.event("refund.updated", &after, Some(json!({"metadata": r["metadata"]})));
    Ok(after)
}

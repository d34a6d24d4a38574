//! The account's balance: its entries, what is pending and what is available, and payouts.

use super::error::{Answer, StripeError};
use super::money;
use super::op::Op;
use super::params::Params;
use super::tables::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Days until a card payment is available.
const SETTLEMENT_DAYS: i64 = 2;

pub struct Entry<'e> {
    pub kind: &'static str,
    pub category: &'static str,
    /// Signed, smallest unit.
    pub amount: i64,
    pub fee: i64,
    pub currency: &'e str,
    pub source: &'e str,
    pub description: Value,
    pub available_at_once: bool,
}

/// Books an entry; its id.
pub fn book(op: &mut Op<'_>, e: Entry<'_>) -> String {
    let id = op.token("txn_3", 23);
    let wait = if e.available_at_once || e.amount < 0 { 0 } else { SETTLEMENT_DAYS };
    let fees = match e.fee {
        0 => json!([]),
        f => {
            json!([{"amount": f, "application": null, "currency": e.currency, "description": if e.kind == "charge" { "Stripe processing fees" } else { "Dispute fee" }, "type": "stripe_fee"}])
        }
    };
    let o = json!({
        "id": id, "object": "balance_transaction", "amount": e.amount, "available_on": op.now.plus_days(wait).secs(), "balance_type": "payments",
        "created": op.secs(), "currency": e.currency, "description": e.description, "exchange_rate": null, "fee": e.fee,
        "fee_details": fees, "net": e.amount - e.fee, "reporting_category": e.category, "source": e.source,
        "status": if wait == 0 { "available" } else { "pending" }, "type": e.kind,
    });
    op.t.put(BALANCE, &id, o);
    id
}

/// An entry as the API shows it now: money becomes available by the mere passing of time.
pub fn shown(op: &Op<'_>, mut o: Value) -> Value {
    if o.is("status", "pending") && o.num("available_on") <= op.secs() {
        o["status"] = json!("available");
    }
    o
}

pub fn retrieve(op: &Op<'_>) -> Value {
    let mut sums: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for (_, r) in op.t.rows(BALANCE) {
        let s = sums.entry(r.o.text("currency").to_string()).or_default();
        if r.o.num("available_on") <= op.secs() {
            s.0 += r.o.num("net")
        } else {
            s.1 += r.o.num("net")
        }
    }
    if sums.is_empty() {
        sums.insert("eur".into(), (0, 0));
    }
    let list = |pick: fn(&(i64, i64)) -> i64| -> Vec<Value> {
        sums.iter()
            .map(|(c, s)| json!({"amount": pick(s), "currency": c, "source_types": {"card": pick(s)}}))
            .collect()
    };
    json!({"object": "balance", "available": list(|s| s.0), "livemode": false, "pending": list(|s| s.1)})
}

fn available(op: &Op<'_>, currency: &str) -> i64 {
    op.t.rows(BALANCE)
        .filter(|(_, r)| r.o.is("currency", currency) && r.o.num("available_on") <= op.secs())
        .map(|(_, r)| r.o.num("net"))
        .sum()
}

pub fn create_payout(op: &mut Op<'_>, p: &Params<'_>) -> Answer<Value> {
    p.only("amount currency description destination metadata method payout_method source_type statement_descriptor")?;
    if !p.has("amount") {
        return Err(StripeError::missing_param("amount"));
    }
    let currency = money::currency(p, "currency")?.ok_or_else(|| StripeError::missing_param("currency"))?;
    let amount = money::positive(p, "amount")?.ok_or_else(|| StripeError::missing_param("amount"))?;
    money::last_digit(amount, &currency, "amount")?;
    if currency == "huf" && amount % 100 != 0 {
        return Err(StripeError::invalid("Payouts in HUF must be a multiple of 100").param("amount"));
    }
    let method = p.choice("method", "standard instant")?.unwrap_or("standard").to_string();
    p.choice("source_type", "card fpx bank_account")?;
    let metadata = p.metadata(&Value::Null)?;
    let description = p.settable("description")?.unwrap_or(Value::Null);
    let statement = p.settable("statement_descriptor")?.unwrap_or(Value::Null);
    if amount > available(op, &currency) {
        return Err(StripeError::invalid("You have insufficient funds in your Stripe account for this transfer. Your card balance is too low. You can use the the /v1/balance endpoint to view your Stripe balance (for more details, see stripe.com/docs/api#balance).").code("balance_insufficient"));
    }
    Ok(payout(op, amount, &currency, &method, false, metadata, description, statement, &[]))
}

/// Sweeps everything not yet paid out in one currency, as the nightly schedule does; the lines can
/// then be listed by the payout's id. `None` when there is nothing to send.
pub fn automatic_payout(op: &mut Op<'_>, currency: &str, pending_too: bool) -> Option<Value> {
    let lines: Vec<(String, i64)> =
        op.t.rows(BALANCE)
            .filter(|(_, r)| {
                r.o.is("currency", currency)
                    && !r.x.contains_key("payout")
                    && !matches!(r.o.text("type"), "payout" | "payout_failure" | "payout_cancel")
                    && (pending_too || r.o.num("available_on") <= op.secs())
            })
            .map(|(id, r)| (id.clone(), r.o.num("net")))
            .collect();
    let amount: i64 = lines.iter().map(|(_, n)| n).sum();
    if amount <= 0 {
        return None;
    }
    if pending_too {
        let now = op.secs();
        for (id, _) in &lines {
            op.edit(BALANCE, id, |m| {
                m.insert("available_on".into(), json!(now));
                m.insert("status".into(), json!("available"));
            });
        }
    }
    let ids: Vec<String> = lines.into_iter().map(|(id, _)| id).collect();
    Some(payout(
        op,
        amount,
        currency,
        "standard",
        true,
        json!({}),
        json!("STRIPE PAYOUT"),
        Value::Null,
        &ids,
    ))
}

#[allow(clippy::too_many_arguments)]
fn payout(
    op: &mut Op<'_>,
    amount: i64,
    currency: &str,
    method: &str,
    automatic: bool,
    metadata: Value,
    description: Value,
    statement: Value,
    lines: &[String],
) -> Value {
    let id = op.token("po_1", 23);
    let entry = book(
        op,
        Entry {
            kind: "payout",
            category: "payout",
            amount: -amount,
            fee: 0,
            currency,
            source: &id,
            description: description.clone(),
            available_at_once: true,
        },
    );
    let arrival = op.now.plus_days(if method == "instant" { 0 } else { 1 }).secs();
    let o = json!({
        "id": id, "object": "payout", "amount": amount, "application_fee": null, "application_fee_amount": null, "arrival_date": arrival,
        "automatic": automatic, "balance_transaction": entry, "created": op.secs(), "currency": currency, "description": description,
        "destination": format!("ba_{}", &op.who.id["acct_".len()..]), "failure_balance_transaction": null, "failure_code": null, "failure_message": null,
        "livemode": false, "metadata": metadata, "method": method, "original_payout": null,
        "reconciliation_status": if automatic { "in_progress" } else { "not_applicable" }, "reversed_by": null, "source_type": "card",
        "statement_descriptor": statement, "status": "pending", "trace_id": {"status": "pending", "value": null}, "type": "bank_account",
    });
    op.t.put(PAYOUTS, &id, o.clone());
    for line in lines.iter().chain([&entry]) {
        op.t.hide(BALANCE, line, "payout", id.clone());
    }
    op.event("payout.created", &o, None);
    let at = op.now.plus_millis(1_500);
    op.later("payout_next", &id, at);
    o
}

/// pending, in transit, paid; an automatic one is then ready to be reconciled.
pub fn advance_payout(op: &mut Op<'_>, id: &str) {
    let Some(po) = op.t.get(PAYOUTS, id).cloned() else { return };
    match po.text("status") {
        "pending" => {
            let po = op.edit(PAYOUTS, id, |m| {
                m.insert("status".into(), json!("in_transit"));
            });
            op.event("payout.updated", &po, Some(json!({"status": "pending"})));
            let at = op.now.plus_millis(1_500);
            op.later("payout_next", id, at);
        }
        "in_transit" => {
            let trace = op.token("", 16);
            let po = op.edit(PAYOUTS, id, |m| {
                m.insert("status".into(), json!("paid"));
                m.insert("trace_id".into(), json!({"status": "supported", "value": trace}));
            });
            op.event("payout.paid", &po, None);
            if po["automatic"] == true {
                let po = op.edit(PAYOUTS, id, |m| {
                    m.insert("reconciliation_status".into(), json!("completed"));
                });
                op.event("payout.reconciliation_completed", &po, None);
            }
        }
        _ => {}
    }
}

/// The bank sends it back, even after `paid`.
pub fn fail_payout(op: &mut Op<'_>, id: &str) -> Answer<Value> {
    let po = op.must(PAYOUTS, id, "id")?;
    if matches!(po.text("status"), "failed" | "canceled") {
        return Ok(po);
    }
    let entry = book(
        op,
        Entry {
            kind: "payout_failure",
            category: "payout_reversal",
            amount: po.num("amount"),
            fee: 0,
            currency: po.text("currency"),
            source: id,
            description: Value::Null,
            available_at_once: true,
        },
    );
    let po = op.edit(PAYOUTS, id, |m| {
        m.insert("status".into(), json!("failed"));
        m.insert("failure_balance_transaction".into(), json!(entry));
        m.insert("failure_code".into(), json!("account_closed"));
        m.insert("failure_message".into(), json!("The bank account has been closed."));
    });
    op.event("payout.failed", &po, None);
    Ok(po)
}

pub fn cancel_payout(op: &mut Op<'_>, id: &str, p: &Params<'_>) -> Answer<Value> {
    p.only("")?;
    let po = op.must(PAYOUTS, id, "id")?;
    if !po.is("status", "pending") || po["automatic"] == true {
        return Err(
            StripeError::invalid("Payouts can only be canceled while pending, and only when created manually.").code("payouts_not_allowed"),
        );
    }
    let entry = book(
        op,
        Entry {
            kind: "payout_cancel",
            category: "payout_reversal",
            amount: po.num("amount"),
            fee: 0,
            currency: po.text("currency"),
            source: id,
            description: Value::Null,
            available_at_once: true,
        },
    );
    let po = op.edit(PAYOUTS, id, |m| {
        m.insert("status".into(), json!("canceled"));
        m.insert("failure_balance_transaction".into(), json!(entry));
    });
    op.event("payout.canceled", &po, None);
    Ok(po)
}

pub fn update_payout(op: &mut Op<'_>, id: &str, p: &Params<'_>) -> Answer<Value> {
    p.only("metadata")?;
    let po = op.must(PAYOUTS, id, "id")?;
    let metadata = p.metadata(&po["metadata"])?;
    let po = op.edit(PAYOUTS, id, |m| {
        m.insert("metadata".into(), metadata);
    });
    op.event("payout.updated", &po, None);
    Ok(po)
}

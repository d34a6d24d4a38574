//! Stripe's `balance_change_from_activity.itemized` report: a CSV line per entry of the balance, in
//! major units, with the metadata of the payment and of the refund as columns.

use super::money;
use super::op::Op;
use super::tables::*;
use qd_kernel::Ts;
use qd_kernel::money::format_fixed;
use serde_json::Value;

const HEADING: &str = "balance_transaction_id,created_utc,available_on_utc,currency,gross,fee,net,reporting_category,source_id,description,charge_id,payment_intent_id,payment_metadata[qd_ref],refund_metadata[qd_ref]\n";

/// Entries made from the one second up to, not including, the other; the oldest first.
pub fn csv(op: &Op<'_>, from: i64, to: i64) -> String {
    let mut out = String::from(HEADING);
    for (id, row) in op.t.rows(BALANCE) {
        let o = &row.o;
        let created = o.num("created");
        if created < from || created >= to {
            continue;
        }
        let source = o.text("source");
        let refund = op.t.get(REFUNDS, source);
        let dispute = op.t.get(DISPUTES, source);
        let behind = refund.or(dispute);
        let charge = match behind {
            Some(b) => b.text("charge").to_string(),
            None if op.t.get(CHARGES, source).is_some() => source.to_string(),
            None => String::new(),
        };
        let intent = op.t.get(CHARGES, &charge).map_or("", |c| c.text("payment_intent"));
        let noted = |v: Option<&Value>| v.and_then(|v| v["metadata"]["qd_ref"].as_str()).unwrap_or_default().to_string();
        let currency = o.text("currency");
        let major = |field: &str| format_fixed(o.num(field), money::decimals(currency) as u8);
        let fields = [
            id.clone(),
            moment(created),
            moment(o.num("available_on")),
            currency.to_string(),
            major("amount"),
            major("fee"),
            major("net"),
            o.text("reporting_category").to_string(),
            source.to_string(),
            o["description"].as_str().unwrap_or_default().to_string(),
            charge.clone(),
            intent.to_string(),
            noted(op.t.get(INTENTS, intent)),
            noted(refund),
        ];
        out.push_str(&fields.map(|f| quoted(&f)).join(","));
        out.push('\n');
    }
    out
}

/// `2026-11-20 09:14:03`.
fn moment(secs: i64) -> String {
    let text = Ts::from_secs(secs).rfc3339();
    text.get(..19).unwrap_or(&text).replace('T', " ")
}

fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_string()
    }
}

//! The four kinds of objects and how their states change.

use super::{Neteller, SETTLES_AFTER_SECS};
use crate::rail::{Notice, Op};
use crate::stripe::Fields;
use qd_kernel::Ts;
use serde_json::{Value, json};

pub const HANDLES: &str = "paymenthandles";
pub const PAYMENTS: &str = "payments";
pub const REFUNDS: &str = "refunds";
pub const CREDITS: &str = "standalonecredits";
/// Things ordered for the next call.
pub const SWITCHES: &str = "switch";

/// `2026-11-20T09:00:00Z`.
pub fn time(at: Ts) -> String {
    format!("{}Z", &at.rfc3339()[..19])
}

/// Where the customer's browser goes.
pub fn link(handle: &Value, rel: &str) -> Option<String> {
    let links = handle["returnLinks"].as_array()?;
    let by = |rel: &str| links.iter().find(|l| l.is("rel", rel)).map(|l| l.text("href").to_string());
    by(rel).or_else(|| by("default"))
}

/// How callbacks name a kind of object.
fn word(table: &str) -> &'static str {
    match table {
        HANDLES => "PAYMENT_HANDLE",
        PAYMENTS => "PAYMENT",
        REFUNDS => "REFUND",
        _ => "SA_CREDIT",
    }
}

/// Gives an object another status and tells the merchant.
pub fn becomes(rail: &Neteller, op: &mut Op<'_>, table: &'static str, id: &str, status: &str) -> Value {
    let at = time(op.now);
    let o = op.edit(table, id, |m| {
        m.insert("status".into(), json!(status));
        m.insert("statusTime".into(), json!(at));
        m.insert("updatedTime".into(), json!(at));
        if status == "FAILED" {
            m.insert("error".into(), json!({"code": "5050", "message": "The transaction failed."}));
        }
    });
    tell(rail, op, table, &o);
    o
}

/// An object in its first state; those of a customer's waiting page are not told of.
pub fn make(rail: &Neteller, op: &mut Op<'_>, table: &'static str, o: &Value) {
    op.put(table, o.text("id"), o.clone());
    if !o.is("status", "INITIATED") {
        tell(rail, op, table, o);
    }
    if o.is("status", "PENDING") && table == PAYMENTS {
        op.later("settle", o.text("id"), SETTLES_AFTER_SECS);
    }
}

fn tell(rail: &Neteller, op: &mut Op<'_>, table: &str, o: &Value) {
    // The handle of a payout is payable at once and nobody's news.
    if table == HANDLES && o.is("transactionType", "STANDALONE_CREDIT") {
        return;
    }
    op.notify(
        rail,
        Notice {
            kind: format!("{}_{}", word(table), o.text("status")),
            group: o.text("merchantRefNum").to_string(),
            url: None,
            object: o.clone(),
        },
    );
}

/// Whether something was ordered for this call; it is used up.
pub fn switched(op: &mut Op<'_>, name: &str) -> bool {
    let on = op.get(SWITCHES, name).is_some();
    op.remove(SWITCHES, name);
    on
}

//! Transactions and what a status post or a status query says of them.

use super::{SETTLES_AFTER_SECS, Skrill};
use crate::rail::{Op, Outcome, Paid};
use crate::stripe::Fields;
use md5::{Digest as _, Md5};
use qd_kernel::{Problem, Result};
use serde_json::{Map, Value, json};

/// Checkout sessions by SID.
pub const SESSIONS: &str = "session";
/// Payments, refunds and transfers by Skrill's id.
pub const TRANSACTIONS: &str = "transaction";
/// Prepared transfers and refunds by SID.
pub const STEPS: &str = "step";
/// Things ordered for the next call.
pub const SWITCHES: &str = "switch";

/// A decimal as Skrill writes it: without zeros at its end.
pub fn shortest(amount: &str) -> String {
    match amount.split_once('.') {
        Some((whole, frac)) => {
            let frac = frac.trim_end_matches('0');
            if frac.is_empty() {
                whole.to_string()
            } else {
                format!("{whole}.{frac}")
            }
        }
        None => amount.to_string(),
    }
}

/// What the customer does in a session.
pub fn pay(rail: &Skrill, op: &mut Op<'_>, sid: &str, outcome: Outcome) -> Result<Paid> {
    let s = op.get(SESSIONS, sid).cloned().ok_or_else(|| Problem::missing("session"))?;
    let fields = &s["fields"];
    let status = match outcome {
        Outcome::Abandon => {
            return Ok(Paid {
                go: Some(fields.text("cancel_url").to_string()).filter(|u| !u.is_empty()),
                object: Value::Null,
            });
        }
        Outcome::Pay => 2,
        Outcome::Decline => -2,
        Outcome::Later => 0,
    };
    let known = op.get(TRANSACTIONS, s.text("trn")).map(|t| t.num("status"));
    let object = match known {
        Some(0) => rail.becomes(op, s.text("trn"), status),
        Some(_) => return Err(Problem::conflict("session_used", "this session's payment has ended")),
        None if s.num("until") < op.now.secs() => return Err(Problem::conflict("session_expired", "this session has expired")),
        None => {
            let id = op.digits(10);
            op.set(SESSIONS, sid, "trn", id.as_str());
            make(op, &id, "payment", fields, status);
            rail.tell(op, &id)
        }
    };
    if status == 0 {
        op.later("settle", object.text("id"), SETTLES_AFTER_SECS);
    }
    let to = if status == -2 { "cancel_url" } else { "return_url" };
    Ok(Paid {
        go: Some(fields.text(to).to_string()).filter(|u| !u.is_empty()),
        object,
    })
}

/// `fields` as the merchant sent them, with amount and currency among them.
pub fn make(op: &mut Op<'_>, id: &str, kind: &str, fields: &Value, status: i64) -> Value {
    let now = op.now.micros();
    let o = json!({"id": id, "line": op.digits(10), "kind": kind, "fields": fields, "status": status, "created": now, "changed": now});
    op.put(TRANSACTIONS, id, o.clone());
    o
}

/// The pairs of a status post, without signatures.
pub fn pairs(op: &Op<'_>, t: &Value) -> Value {
    let f = &t["fields"];
    let mut m = Map::new();
    let mut put = |k: &str, v: &str| {
        m.insert(k.into(), json!(v));
    };
    put("transaction_id", f.text("transaction_id"));
    put("mb_transaction_id", t.text("id"));
    put("mb_amount", &shortest(f.text("amount")));
    put("mb_currency", f.text("currency"));
    put("amount", &shortest(f.text("amount")));
    put("currency", f.text("currency"));
    put("pay_to_email", op.setting("email"));
    put("merchant_id", op.setting("merchant_id"));
    put("status", &t.num("status").to_string());
    if t.is("kind", "payment") {
        let from = f.text("pay_from_email");
        put("pay_from_email", if from.is_empty() { "customer@example.com" } else { from });
        put("payment_type", "WLT");
    }
    if t.num("status") == -2 {
        put("failed_reason_code", "05");
    }
    for name in f.text("merchant_fields").split(',').map(str::trim).filter(|n| !n.is_empty()) {
        put(name, f.text(name));
    }
    Value::Object(m)
}

fn upper_md5(text: &str) -> String {
    hex::encode_upper(Md5::digest(text))
}

/// `md5sig`: over the texts as they are sent.
pub fn signature(merchant_id: &str, transaction_id: &str, word: &str, mb_amount: &str, mb_currency: &str, status: &str) -> String {
    upper_md5(&format!(
        "{merchant_id}{transaction_id}{}{mb_amount}{mb_currency}{status}",
        upper_md5(word)
    ))
}

/// The pairs with their signature.
pub fn signed(op: &Op<'_>, pairs: &Value, word: &str) -> Value {
    let mut all = pairs.clone();
    all["md5sig"] = json!(signature(
        op.setting("merchant_id"),
        pairs.text("transaction_id"),
        word,
        pairs.text("mb_amount"),
        pairs.text("mb_currency"),
        pairs.text("status"),
    ));
    all
}

/// As a form's body.
pub fn encode(pairs: &Value) -> String {
    let mut out = String::new();
    for (k, v) in pairs.as_object().into_iter().flatten() {
        if !out.is_empty() {
            out.push('&');
        }
        out.push_str(&escaped(k));
        out.push('=');
        out.push_str(&escaped(v.as_str().unwrap_or_default()));
    }
    out
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for b in text.bytes() {
        match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' => out.push(char::from(b)),
            b' ' => out.push('+'),
            _ => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_published_one_and_hashes_the_text_as_sent() {
        assert_eq!(
            signature("4637827", "5585262", "Answer One", "9.99", "EUR", "2"),
            "CF9DCA614656D19772ECAB978A56866D"
        );
        let sign = |amount| signature("4637827", "dep-000123", "sekret42", amount, "EUR", "2");
        assert_eq!(sign("25.4"), "1F1084998B230B77E3486A24C1F1FF92");
        assert_eq!(sign("25.40"), "339541F63200A55B75563FAF17D115AF");
    }
}

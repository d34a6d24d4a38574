//! Payouts: batches, of one item each here.

use super::error::{Issue, Kind, missing, shape};
use super::{BATCHES, link, money, new_id, notify, report, time};
use crate::rail::{Op, Reply};
use crate::stripe::Fields;
use qd_kernel::{Problem, Result};
use serde_json::{Value, json};

/// A batch is processed after so long.
const PROCESSED_AFTER_SECS: i64 = 5;
/// A batch id is remembered for so long.
const ID_LIFE_DAYS: i64 = 30;
const VALIDATION: Kind = Kind(400, "VALIDATION_ERROR", "Invalid request - see details.");

type Answer = std::result::Result<Reply, Reply>;

pub(super) fn create(op: &mut Op<'_>, b: &Value) -> Answer {
    shape(
        b,
        "",
        &[("sender_batch_header", 0), ("items", 0)],
        &["sender_batch_header", "items"],
    )?;
    let header = &b["sender_batch_header"];
    let known = [
        ("sender_batch_id", 256),
        ("recipient_type", 13),
        ("email_subject", 255),
        ("email_message", 1_000),
        ("note", 165),
    ];
    shape(header, "/sender_batch_header", &known, &["sender_batch_id"])?;
    let item = match b["items"].as_array().map(Vec::as_slice) {
        Some([one]) => one,
        _ => return Err(VALIDATION.reply(&[Issue::new("items", "Number of items is out of range.", "")])),
    };
    let known = [
        ("recipient_type", 13),
        ("receiver", 127),
        ("amount", 0),
        ("sender_item_id", 63),
        ("note", 4_000),
    ];
    shape(item, "/items/0", &known, &["receiver", "amount"])?;
    shape(
        &item["amount"],
        "/items/0/amount",
        &[("currency", 3), ("value", 32)],
        &["currency", "value"],
    )?;
    money::read(&item["amount"], "currency", "/items/0/amount/value")?;
    let kind = if item.text("recipient_type").is_empty() {
        header.text("recipient_type")
    } else {
        item.text("recipient_type")
    };
    let receiver = item.text("receiver");
    let fits = match kind {
        "EMAIL" => receiver.contains('@'),
        "PAYPAL_ID" => receiver.len() == 13 && receiver.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()),
        "PHONE" => receiver.bytes().all(|b| b.is_ascii_digit()),
        _ => return Err(VALIDATION.reply(&[Issue::new("items[0].recipient_type", "Unsupported recipient type.", "")])),
    };
    if !fits {
        return Err(VALIDATION.reply(&[Issue::new(
            "items[0].receiver",
            "Receiver is invalid or does not match with type.",
            "",
        )]));
    }
    let batch_ref = header.text("sender_batch_id");
    let since = op.now.plus_days(-ID_LIFE_DAYS).micros();
    if let Some((id, _)) = op.find(BATCHES, |x| x.is("ours", batch_ref) && x.num("made") > since) {
        return Err(seen(op, &id));
    }
    let id = new_id(op)[..13].to_string();
    let (item_id, transaction) = (new_id(op)[..13].to_string(), new_id(op));
    let o = json!({"ours": batch_ref, "made": op.now.micros(), "status": "PENDING", "item_status": "PENDING", "item_id": item_id,
        "transaction": transaction, "item": item, "created": time(op), "error": null});
    op.put(BATCHES, &id, o.clone());
    op.later("payout", &id, PROCESSED_AFTER_SECS);
    let header = head(&id, &o);
    let links = json!([link(op, &format!("/v1/payments/payouts/{id}"), "self", "GET")]);
    // Just made, a batch shows no amounts and no items.
    Ok(Reply::json(
        201,
        json!({"batch_header": {"payout_batch_id": header["payout_batch_id"], "batch_status": header["batch_status"],
            "sender_batch_header": header["sender_batch_header"]}, "links": links}),
    ))
}

/// The batch id was used: PayPal names the batch that holds it.
fn seen(op: &Op<'_>, id: &str) -> Reply {
    let to = link(op, &format!("/v1/payments/payouts/{id}"), "self", "GET");
    Reply::json(
        400,
        json!({"name": "USER_BUSINESS_ERROR", "message": "User business error.", "debug_id": op.hex(13), "details": [
            {"field": "SENDER_BATCH_ID", "location": "body", "issue": "Batch with given sender_batch_id already exists", "link": [to]}], "links": []}),
    )
}

fn head(id: &str, o: &Value) -> Value {
    let a = &o["item"]["amount"];
    json!({"payout_batch_id": id, "batch_status": o["status"], "time_created": o["created"],
        "sender_batch_header": {"sender_batch_id": o["ours"]}, "amount": a, "fees": {"currency": a["currency"], "value": fee_text(a)}})
}

/// A quarter of a unit an item.
const FEE: i64 = 25;

fn fee_text(a: &Value) -> String {
    money::text(FEE, a.text("currency"))
}

fn show_item(id: &str, o: &Value) -> Value {
    let a = &o["item"]["amount"];
    let mut out = json!({"payout_item_id": o["item_id"], "transaction_id": o["transaction"], "transaction_status": o["item_status"],
        "payout_batch_id": id, "sender_batch_id": o["ours"], "payout_item": o["item"]});
    if !["PENDING", "FAILED"].contains(&o.text("item_status")) {
        out["payout_item_fee"] = json!({"currency": a["currency"], "value": fee_text(a)});
    }
    if !o["error"].is_null() {
        out["errors"] = json!({"name": o["error"], "message": "The item was not paid."});
    }
    out
}

pub(super) fn retrieve(op: &Op<'_>, id: &str) -> Answer {
    let o = op.get(BATCHES, id).ok_or_else(missing)?;
    Ok(Reply::json(
        200,
        json!({"total_items": 1, "total_pages": 1, "batch_header": head(id, o), "items": [show_item(id, o)]}),
    ))
}

/// Who is called `unclaimed@...` has no account yet.
pub(super) fn process(op: &mut Op<'_>, id: &str) {
    let Some(o) = op.get(BATCHES, id).cloned() else { return };
    if o.is("item_status", "PENDING") && o.is("status", "PENDING") {
        let to = if o["item"].text("receiver").starts_with("unclaimed") {
            "UNCLAIMED"
        } else {
            "SUCCESS"
        };
        becomes(op, id, to, None);
    }
}

fn becomes(op: &mut Op<'_>, id: &str, word: &str, error: Option<&str>) {
    let before = op.get(BATCHES, id).map(|o| o.text("item_status").to_string()).unwrap_or_default();
    let o = op.edit(BATCHES, id, |m| {
        m.insert("status".into(), json!("SUCCESS"));
        m.insert("item_status".into(), json!(word));
        m.insert("error".into(), json!(error));
    });
    // The money leaves when the item is sent, taken or not, and comes back when it is not taken.
    let left = |w: &str| ["SUCCESS", "UNCLAIMED", "ONHOLD", "BLOCKED"].contains(&w);
    let line = |credit: bool| report::Line {
        id: o.text("transaction"),
        code: if credit { "T1115" } else { "T0001" },
        credit,
        gross: money::units(&o["item"]["amount"]),
        currency: o["item"]["amount"].text("currency"),
        fee: if credit { 0 } else { FEE },
        parent: if credit { o.text("transaction") } else { "" },
        custom: o["item"].text("sender_item_id"),
        invoice: "",
    };
    if left(word) && !left(&before) {
        report::book(op, &line(false));
    }
    if ["RETURNED", "REFUNDED", "REVERSED"].contains(&word) && left(&before) {
        report::book(op, &line(true));
    }
    let event = match word {
        "SUCCESS" => "PAYMENT.PAYOUTS-ITEM.SUCCEEDED",
        "UNCLAIMED" => "PAYMENT.PAYOUTS-ITEM.UNCLAIMED",
        "RETURNED" => "PAYMENT.PAYOUTS-ITEM.RETURNED",
        "REFUNDED" | "REVERSED" => "PAYMENT.PAYOUTS-ITEM.REFUNDED",
        "BLOCKED" => "PAYMENT.PAYOUTS-ITEM.BLOCKED",
        "ONHOLD" => "PAYMENT.PAYOUTS-ITEM.HELD",
        _ => "PAYMENT.PAYOUTS-ITEM.FAILED",
    };
    notify(op, event, id, &show_item(id, &o));
    if before == "PENDING" {
        notify(op, "PAYMENT.PAYOUTSBATCH.SUCCESS", id, &json!({"batch_header": head(id, &o)}));
    }
}

/// By PayPal's id of batch or item, or by the merchant's.
pub(super) fn end(op: &mut Op<'_>, reference: &str, how: &str) -> Result<Value> {
    let known = |o: &Value| o.is("ours", reference) || o.is("item_id", reference);
    let id = match op.get(BATCHES, reference) {
        Some(_) => reference.to_string(),
        None => op
            .find(BATCHES, known)
            .map(|(id, _)| id)
            .ok_or_else(|| Problem::missing("payout"))?,
    };
    match how {
        "pay" => becomes(op, &id, "SUCCESS", None),
        "unclaim" => becomes(op, &id, "UNCLAIMED", Some("RECEIVER_UNREGISTERED")),
        "fail" => becomes(op, &id, "FAILED", Some("RECEIVER_ACCOUNT_LOCKED")),
        "return" => becomes(op, &id, "RETURNED", None),
        "reverse" => becomes(op, &id, "REVERSED", None),
        "block" => becomes(op, &id, "BLOCKED", None),
        "deny" => {
            let o = op.set(BATCHES, &id, "status", "DENIED");
            notify(op, "PAYMENT.PAYOUTSBATCH.DENIED", &id, &json!({"batch_header": head(&id, &o)}));
        }
        _ => return Err(Problem::missing("switch")),
    }
    Ok(op.get(BATCHES, &id).map_or(
        Value::Null,
        |o| json!({"payout_batch_id": id, "batch": head(&id, o), "item": show_item(&id, o)}),
    ))
}

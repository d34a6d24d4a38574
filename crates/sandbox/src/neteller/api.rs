//! The calls: JSON, HTTP Basic, refusals in the provider's shape.

use super::Neteller;
use super::object::{CREDITS, HANDLES, PAYMENTS, REFUNDS, becomes, make, switched, time};
use crate::rail::{Call, Op, Reply, same_secret};
use crate::stripe::Fields;
use qd_kernel::Currency;
use serde_json::{Map, Value, json};

/// A handle lives this long.
const TTL_SECS: i64 = 899;
/// A reference counts as used before for so long.
const DUPLICATE_DAYS: i64 = 90;
/// Lists reach back so far unless told otherwise.
const LIST_DAYS: i64 = 30;
/// The most that one payment or credit may be about, in minor units.
const MOST: i64 = 99_999_999_999;
/// What a credit may be about before the account has not enough, in minor units.
const BALANCE: i64 = 100_000_000;

pub fn error(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(status, json!({"error": {"code": code, "message": message, "links": []}}))
}

pub fn duplicate() -> Reply {
    error(409, "5031", "The transaction you have submitted has already been processed.")
}

fn invalid(field: &str, what: &str) -> Reply {
    Reply::json(
        400,
        json!({"error": {"code": "5068", "message": "Field error(s)", "details": [], "fieldErrors": [{"field": field, "error": what}]}}),
    )
}

fn not_found(id: &str) -> Reply {
    error(
        404,
        "5269",
        &format!("The ID(s) specified in the URL do not correspond to the values in the system: {id}"),
    )
}

pub fn answer(op: &mut Op<'_>, call: &Call) -> Reply {
    let key = call.basic().map(|(u, p)| format!("{u}:{p}")).unwrap_or_default();
    if !same_secret(&key, &op.cfg.key) {
        return error(401, "5279", "The authentication credentials are invalid.");
    }
    let parts = call.parts();
    let Some(parts) = parts.strip_prefix(&["v1"]) else {
        return not_found(&call.path);
    };
    match (call.method.as_str(), parts) {
        ("GET", ["monitor"]) => Reply::json(200, json!({"status": "READY"})),
        ("GET", ["paymenthandles"]) => list(op, call, HANDLES, "paymentHandles"),
        ("GET", ["payments"]) => list(op, call, PAYMENTS, "payments"),
        ("GET", ["refunds"]) => list(op, call, REFUNDS, "refunds"),
        ("GET", ["standalonecredits"]) => list(op, call, CREDITS, "standaloneCredits"),
        ("GET", [collection, id]) => {
            let table = [HANDLES, PAYMENTS, REFUNDS, CREDITS].into_iter().find(|t| t == collection);
            let found = table.and_then(|t| op.get(t, id));
            found.map_or_else(|| not_found(id), |o| Reply::json(200, o.clone()))
        }
        ("POST", path) => {
            let Some(Value::Object(body)) = call.json() else {
                return error(400, "5023", "The request is not parseable.");
            };
            match path {
                ["paymenthandles"] => handle(op, &body),
                ["payments"] => payment(op, &body),
                ["standalonecredits"] => credit(op, &body),
                ["settlements", id, "refunds"] => refund(op, id, &body),
                _ => not_found(&call.path),
            }
        }
        _ => not_found(&call.path),
    }
}

fn list(op: &Op<'_>, call: &Call, table: &str, name: &str) -> Reply {
    let form = call.form();
    let Some(reference) = form.get("merchantRefNum") else {
        return invalid("merchantRefNum", "must not be null");
    };
    let since = time(op.now.plus_days(-LIST_DAYS));
    let found: Vec<&Value> = op
        .rows(table)
        .rev()
        .map(|(_, o)| o)
        .filter(|o| o.is("merchantRefNum", reference) && o.text("txnTime") >= since.as_str())
        .take(10)
        .collect();
    Reply::json(
        200,
        json!({"meta": {"numberOfRecords": found.len(), "limit": 10, "page": 1}, name: found}),
    )
}

type Body = Map<String, Value>;

/// Fields by type, and no others.
fn checked(body: &Body, own: &str) -> Result<(), Reply> {
    let known = |k: &&String| own.split(' ').any(|o| o == k.as_str());
    if let Some(k) = body.keys().find(|k| !known(k)) {
        return Err(invalid(k, "is not a known field"));
    }
    let reference = text(body, "merchantRefNum");
    if reference.is_empty() || reference.len() > 255 {
        return Err(invalid("merchantRefNum", "length must be between 1 and 255"));
    }
    match body.get("amount").and_then(Value::as_i64) {
        Some(1..=MOST) => Ok(()),
        _ => Err(invalid("amount", "must be a whole number above 0")),
    }
}

fn text<'a>(body: &'a Body, key: &str) -> &'a str {
    body.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn currency(body: &Body) -> Result<(), Reply> {
    let known = Currency::parse(text(body, "currencyCode")).is_ok_and(|c| !c.is_crypto());
    known
        .then_some(())
        .ok_or_else(|| invalid("currencyCode", "must be a known currency"))
}

/// Whether the reference was used for such an object before, unless nobody minds.
fn used_before(op: &Op<'_>, table: &str, body: &Body) -> bool {
    let since = time(op.now.plus_days(-DUPLICATE_DAYS));
    body.get("dupCheck") != Some(&json!(false))
        && op
            .find(table, |o| {
                o.is("merchantRefNum", text(body, "merchantRefNum")) && o.text("txnTime") >= since.as_str()
            })
            .is_some()
}

fn reply(r: Result<Value, Reply>) -> Reply {
    r.map_or_else(|e| e, |v| Reply::json(201, v))
}

/// What every object has.
fn base(op: &Op<'_>, body: &Body, status: &str) -> Value {
    json!({"id": op.uuid(), "merchantRefNum": body["merchantRefNum"], "amount": body["amount"], "status": status, "accountId": op.setting("account_id"),
        "paymentType": "NETELLER", "txnTime": time(op.now), "statusTime": time(op.now), "updatedTime": time(op.now), "liveMode": true})
}

fn handle(op: &mut Op<'_>, body: &Body) -> Reply {
    reply((|| {
        checked(
            body,
            "merchantRefNum transactionType paymentType amount currencyCode accountId customerIp billingDetails profile returnLinks neteller dupCheck",
        )?;
        currency(body)?;
        if text(body, "paymentType") != "NETELLER" {
            return Err(invalid("paymentType", "must be NETELLER"));
        }
        let kind = text(body, "transactionType");
        if !matches!(kind, "PAYMENT" | "STANDALONE_CREDIT") {
            return Err(invalid("transactionType", "must be PAYMENT or STANDALONE_CREDIT"));
        }
        let who = body.get("neteller").map_or("", |n| n.text("consumerId"));
        if who.is_empty() {
            return Err(invalid("neteller.consumerId", "must not be null"));
        }
        let links = body.get("returnLinks").and_then(Value::as_array).cloned().unwrap_or_default();
        if kind == "PAYMENT" && !links.iter().any(|l| l.is("rel", "default") && l.text("href").starts_with("http")) {
            return Err(invalid("returnLinks", "must contain a link with the rel default"));
        }
        let pays = kind == "PAYMENT";
        let mut o = base(op, body, if pays { "INITIATED" } else { "PAYABLE" });
        o["currencyCode"] = body["currencyCode"].clone();
        o["transactionType"] = json!(kind);
        o["neteller"] = body["neteller"].clone();
        o["returnLinks"] = json!(links);
        o["paymentHandleToken"] = json!(op.token("SC", 14));
        o["usage"] = json!("SINGLE_USE");
        o["executionMode"] = json!("SYNCHRONOUS");
        o["timeToLiveSeconds"] = json!(TTL_SECS);
        o["action"] = json!(if pays { "REDIRECT" } else { "NONE" });
        let id = o.text("id").to_string();
        if pays {
            o["links"] = json!([{"rel": "redirect_payment", "href": op.page_url(&id)}]);
        }
        make(&Neteller, op, HANDLES, &o);
        op.later("expire", &id, TTL_SECS);
        Ok(o)
    })())
}

/// The payable handle a payment or credit uses up.
fn payable(op: &Op<'_>, body: &Body, kind: &str) -> Result<String, Reply> {
    let token = text(body, "paymentHandleToken");
    let found = op.find(HANDLES, |h| h.is("paymentHandleToken", token));
    let Some((id, h)) = found.filter(|(_, h)| h.is("transactionType", kind) && h.is("status", "PAYABLE")) else {
        return Err(error(400, "5289", "The payment handle token is invalid, expired or was used."));
    };
    if h["amount"] != body["amount"] || h["currencyCode"] != body["currencyCode"] {
        return Err(error(400, "5293", "Amount and currency must equal those of the payment handle."));
    }
    Ok(id)
}

fn payment(op: &mut Op<'_>, body: &Body) -> Reply {
    reply((|| {
        checked(
            body,
            "merchantRefNum paymentHandleToken amount currencyCode settleWithAuth dupCheck customerIp accountId description",
        )?;
        currency(body)?;
        if used_before(op, PAYMENTS, body) {
            return Err(duplicate());
        }
        let handle = payable(op, body, "PAYMENT")?;
        if body.get("settleWithAuth") != Some(&json!(true)) {
            return Err(invalid("settleWithAuth", "must be true for this payment type"));
        }
        let token = text(body, "paymentHandleToken");
        let fails = switched(op, "payment_next_fails");
        let later = switched(op, &format!("later:{token}"));
        let status = match (fails, later) {
            (true, _) => "FAILED",
            (_, true) => "PENDING",
            _ => "COMPLETED",
        };
        let mut o = base(op, body, status);
        o["currencyCode"] = body["currencyCode"].clone();
        o["paymentHandleToken"] = json!(token);
        o["settleWithAuth"] = json!(true);
        // Settled with the payment: the settlement's id is the payment's.
        o["settlements"] = json!([{"id": o["id"], "merchantRefNum": o["merchantRefNum"], "amount": o["amount"], "status": status}]);
        becomes(&Neteller, op, HANDLES, &handle, if fails { "FAILED" } else { "COMPLETED" });
        make(&Neteller, op, PAYMENTS, &o);
        if fails {
            return Err(error(402, "3022", "The account has been declined due to insufficient funds."));
        }
        Ok(o)
    })())
}

fn credit(op: &mut Op<'_>, body: &Body) -> Reply {
    reply((|| {
        checked(
            body,
            "merchantRefNum paymentHandleToken amount currencyCode dupCheck customerIp accountId description",
        )?;
        currency(body)?;
        if used_before(op, CREDITS, body) {
            return Err(duplicate());
        }
        let handle = payable(op, body, "STANDALONE_CREDIT")?;
        if body["amount"].as_i64().unwrap_or(i64::MAX) > BALANCE {
            return Err(error(402, "3022", "The account has been declined due to insufficient funds."));
        }
        let status = if switched(op, "payout_next_pending") {
            "PENDING"
        } else {
            "COMPLETED"
        };
        let mut o = base(op, body, status);
        o["currencyCode"] = body["currencyCode"].clone();
        o["paymentHandleToken"] = body["paymentHandleToken"].clone();
        becomes(&Neteller, op, HANDLES, &handle, "COMPLETED");
        make(&Neteller, op, CREDITS, &o);
        Ok(o)
    })())
}

fn refund(op: &mut Op<'_>, settlement: &str, body: &Body) -> Reply {
    reply((|| {
        checked(body, "merchantRefNum amount dupCheck")?;
        if used_before(op, REFUNDS, body) {
            return Err(duplicate());
        }
        let Some(payment) = op.get(PAYMENTS, settlement).cloned() else {
            return Err(not_found(settlement));
        };
        if !payment.is("status", "COMPLETED") {
            return Err(error(
                400,
                "3202",
                "The settlement you are attempting to refund has not been processed.",
            ));
        }
        let gone: i64 = op
            .rows(REFUNDS)
            .filter(|(_, r)| r.is("settlementId", settlement) && !matches!(r.text("status"), "FAILED" | "CANCELLED" | "EXPIRED"))
            .map(|(_, r)| r.num("amount"))
            .sum();
        if gone + body["amount"].as_i64().unwrap_or(0) > payment.num("amount") {
            return Err(error(
                400,
                "3402",
                "The requested refund amount exceeds the remaining settlement amount.",
            ));
        }
        let status = if switched(op, "refund_next_pending") {
            "PENDING"
        } else {
            "COMPLETED"
        };
        let mut o = base(op, body, status);
        o["currencyCode"] = payment["currencyCode"].clone();
        o["settlementId"] = json!(settlement);
        make(&Neteller, op, REFUNDS, &o);
        Ok(o)
    })())
}

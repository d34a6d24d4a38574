//! Pull payments and the payouts that claim them, paid by a processor once they are approved.

use super::read::{Read, decimal, satoshi};
use super::{BtcPay, problem};
use crate::rail::{Call, Op, Reply};
use crate::stripe::{Fields, form};
use qd_kernel::{Problem, Result, format_fixed};
use serde_json::{Value, json};

const PULLS: &str = "pull";
const PAYOUTS: &str = "payout";
const METHODS: [&str; 2] = ["BTC-CHAIN", "BTC-LN"];
/// The processor's round.
const PAID_AFTER_SECS: i64 = 5;

fn flag(call: &Call, name: &str) -> bool {
    form::pairs(&call.query).iter().any(|(k, v)| k == name && v == "true")
}

pub fn create_pull_payment(op: &mut Op<'_>, call: &Call) -> Reply {
    read_pull(op, call).unwrap_or_else(|refused| refused)
}

fn read_pull(op: &mut Op<'_>, call: &Call) -> std::result::Result<Reply, Reply> {
    let known = [
        "name",
        "description",
        "amount",
        "currency",
        "BOLT11Expiration",
        "autoApproveClaims",
        "startsAt",
        "expiresAt",
        "payoutMethods",
    ];
    let mut r = Read::of(call, &known)?;
    let currency = r.currency("currency");
    let minor = r.amount("amount", &currency);
    let (name, description, approve) = (r.text("name"), r.text("description"), r.flag("autoApproveClaims"));
    if name.len() > 50 {
        r.fault("name", "The name should be maximum 50 characters.");
    }
    let methods = r.o.get("payoutMethods").cloned().unwrap_or_else(|| json!(METHODS));
    let fits = |m: &Value| m.as_str().is_some_and(|m| METHODS.contains(&m));
    if !methods.as_array().is_some_and(|a| !a.is_empty() && a.iter().all(fits)) {
        r.fault("payoutMethods", "Invalid payout method");
    }
    r.checked()?;
    let id = op.token("", 27);
    let p = json!({"name": name, "description": description, "currency": currency, "minor": minor, "approve": approve, "methods": methods});
    op.put(PULLS, &id, p.clone());
    Ok(Reply::json(200, shown_pull(op, &id, &p)))
}

fn shown_pull(op: &Op<'_>, id: &str, p: &Value) -> Value {
    json!({"id": id, "name": p["name"], "description": p["description"], "currency": p["currency"],
        "amount": decimal(p.num("minor"), p.text("currency")), "BOLT11Expiration": "30", "autoApproveClaims": p["approve"], "archived": false,
        "viewLink": op.url(&format!("/pull-payments/{id}"))})
}

pub fn pull_payments(op: &Op<'_>, _call: &Call) -> Reply {
    let all: Vec<Value> = op.rows(PULLS).map(|(id, p)| shown_pull(op, id, p)).collect();
    Reply::json(200, Value::Array(all))
}

pub fn of_pull_payment(op: &Op<'_>, pull: &str, call: &Call) -> Reply {
    if op.get(PULLS, pull).is_none() {
        return problem(404, "pullpayment-not-found", "The pull payment was not found");
    }
    listed(op, call, |p| p.is("pull", pull))
}

pub fn list(op: &Op<'_>, call: &Call) -> Reply {
    listed(op, call, |_| true)
}

fn listed(op: &Op<'_>, call: &Call, fits: impl Fn(&Value) -> bool) -> Reply {
    let cancelled = flag(call, "includeCancelled");
    let all: Vec<Value> = op
        .rows(PAYOUTS)
        .filter(|(_, p)| fits(p) && (cancelled || !p.is("state", "Cancelled")))
        .map(|(id, p)| shown(id, p))
        .collect();
    Reply::json(200, Value::Array(all))
}

fn shown(id: &str, p: &Value) -> Value {
    let currency = p.text("currency");
    // Set once the payout has been approved, at the rate of that moment.
    let coins = match p.text("state") {
        "AwaitingApproval" => Value::Null,
        _ => json!(format_fixed(satoshi(p.num("minor"), currency), 8)),
    };
    json!({"id": id, "revision": p["revision"], "pullPaymentId": p["pull"], "date": p.num("created").to_string(), "destination": p["destination"],
        "originalCurrency": currency, "originalAmount": decimal(p.num("minor"), currency), "payoutCurrency": "BTC", "payoutAmount": coins,
        "payoutMethodId": p["method"], "state": p["state"], "paymentProof": p["proof"], "metadata": p["metadata"]})
}

/// An address of the main network or a test network, as far as letters and length tell.
fn is_address(text: &str) -> bool {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric());
    let heads = ["bc1", "tb1", "bcrt1", "1", "3", "m", "n", "2"];
    plain && (26..=90).contains(&text.len()) && heads.iter().any(|h| text.starts_with(h))
}

pub fn create(rail: &BtcPay, op: &mut Op<'_>, call: &Call) -> Reply {
    read(rail, op, call).unwrap_or_else(|refused| refused)
}

fn read(rail: &BtcPay, op: &mut Op<'_>, call: &Call) -> std::result::Result<Reply, Reply> {
    let mut r = Read::of(
        call,
        &["destination", "amount", "payoutMethodId", "pullPaymentId", "approved", "metadata"],
    )?;
    let (destination, method, pull, approved) = (
        r.text("destination"),
        r.text("payoutMethodId"),
        r.text("pullPaymentId"),
        r.flag("approved"),
    );
    if !METHODS.contains(&method.as_str()) {
        r.fault("payoutMethodId", "Invalid payout method");
    }
    if !is_address(&destination) {
        r.fault("destination", "Invalid destination or payment method");
    }
    let known = op.get(PULLS, &pull).cloned();
    // Without a pull payment the sum is in the coin itself.
    let currency = known.as_ref().map_or("BTC", |p| p.text("currency")).to_string();
    let minor = r.amount("amount", &currency);
    let o = r.checked()?;
    if !pull.is_empty() && known.is_none() {
        return Err(problem(404, "pullpayment-not-found", "The pull payment was not found"));
    }
    if let Some(p) = &known {
        if !p["methods"].as_array().is_some_and(|m| m.iter().any(|m| m == &method)) {
            return Err(problem(
                400,
                "payment-method-not-supported",
                "The payout method is not supported by the pull payment",
            ));
        }
        let claimed: i64 = op
            .rows(PAYOUTS)
            .filter(|(_, o)| o.is("pull", &pull) && !o.is("state", "Cancelled"))
            .map(|(_, o)| o.num("minor"))
            .sum();
        if claimed + minor > p.num("minor") {
            return Err(problem(400, "overdraft", "The payout amount overdraws the pull payment's limit"));
        }
    }
    let at_work = |o: &Value| o.is("destination", &destination) && !matches!(o.text("state"), "Cancelled" | "Completed");
    if op.find(PAYOUTS, at_work).is_some() {
        return Err(problem(
            400,
            "duplicate-destination",
            "The destination is already used by another payout",
        ));
    }
    let approved = approved || known.is_some_and(|p| p["approve"] == true);
    let id = op.uuid();
    let state = if approved { "AwaitingPayment" } else { "AwaitingApproval" };
    let p = json!({"pull": if pull.is_empty() { Value::Null } else { json!(pull) }, "destination": destination, "method": method, "currency": currency,
        "minor": minor, "state": state, "revision": 0, "created": op.now.secs(), "proof": null,
        "metadata": o.get("metadata").cloned().unwrap_or_else(|| json!({}))});
    op.put(PAYOUTS, &id, p.clone());
    tell(rail, op, "PayoutCreated", &id, &p);
    if approved {
        op.later("payout", &id, PAID_AFTER_SECS);
    }
    Ok(Reply::json(200, shown(&id, &p)))
}

pub fn get(op: &Op<'_>, id: &str) -> Reply {
    match op.get(PAYOUTS, id) {
        Some(p) => Reply::json(200, shown(id, p)),
        None => problem(404, "payout-not-found", "The payout was not found"),
    }
}

pub fn approve(rail: &BtcPay, op: &mut Op<'_>, id: &str, call: &Call) -> Reply {
    let Some(p) = op.get(PAYOUTS, id).cloned() else {
        return problem(404, "payout-not-found", "The payout was not found");
    };
    if call.json().and_then(|b| b.get("revision")?.as_i64()) != Some(p.num("revision")) {
        return problem(400, "old-revision", "The payout's revision is another one");
    }
    if !p.is("state", "AwaitingApproval") {
        return problem(400, "invalid-state", "The payout is not in a state that can be approved");
    }
    op.later("payout", id, PAID_AFTER_SECS);
    Reply::json(200, becomes(rail, op, id, "AwaitingPayment"))
}

pub fn cancel(rail: &BtcPay, op: &mut Op<'_>, id: &str) -> Reply {
    match op.get(PAYOUTS, id).map(|p| p.text("state").to_string()).as_deref() {
        None => problem(404, "payout-not-found", "The payout was not found"),
        Some("AwaitingApproval" | "AwaitingPayment") => {
            becomes(rail, op, id, "Cancelled");
            Reply::of(200, crate::rail::Body::Empty)
        }
        Some(_) => problem(400, "invalid-state", "The payout can no longer be cancelled"),
    }
}

fn becomes(rail: &BtcPay, op: &mut Op<'_>, id: &str, state: &str) -> Value {
    let hash = op.hex(64);
    let p = op.edit(PAYOUTS, id, |m| {
        m.insert("state".into(), json!(state));
        if matches!(state, "InProgress" | "Completed") && m.get("proof").is_none_or(Value::is_null) {
            m.insert("proof".into(), json!({"proofType": "PayoutTransactionOnChainBlob", "id": hash}));
        }
    });
    let kind = if state == "AwaitingPayment" {
        "PayoutApproved"
    } else {
        "PayoutUpdated"
    };
    tell(rail, op, kind, id, &p);
    shown(id, &p)
}

fn tell(rail: &BtcPay, op: &mut Op<'_>, kind: &str, id: &str, p: &Value) {
    rail.tell(
        op,
        kind,
        id,
        json!({"payoutId": id, "pullPaymentId": p["pull"], "payoutState": p["state"]}),
    );
}

/// `approve`, `progress`, `pay`, `cancel`.
pub fn control(rail: &BtcPay, op: &mut Op<'_>, id: &str, word: &str) -> Result<Value> {
    op.get(PAYOUTS, id).ok_or_else(|| Problem::missing("payout"))?;
    let state = match word {
        "approve" => {
            op.later("payout", id, PAID_AFTER_SECS);
            "AwaitingPayment"
        }
        "progress" => "InProgress",
        "pay" => "Completed",
        "cancel" => "Cancelled",
        _ => return Err(Problem::missing("switch")),
    };
    Ok(becomes(rail, op, id, state))
}

pub fn due(rail: &BtcPay, op: &mut Op<'_>, id: &str) {
    let state = op.get(PAYOUTS, id).map(|p| p.text("state").to_string());
    match state.as_deref() {
        Some("AwaitingPayment") => {
            becomes(rail, op, id, "InProgress");
            op.later("payout", id, PAID_AFTER_SECS);
        }
        Some("InProgress") => {
            becomes(rail, op, id, "Completed");
        }
        _ => {}
    }
}

//! Orders and their one capture.

use super::error::{INVALID, Issue, missing, shape, unprocessable};
use super::{CAPTURES, ORDERS, REFUNDS, api, link, money, new_id, notify, report, time};
use crate::rail::{Call, Op, Outcome, Paid, Reply};
use crate::stripe::Fields;
use qd_kernel::{Problem, Result};
use serde_json::{Value, json};

/// How long a payer has to approve.
const LAPSES_AFTER_SECS: i64 = 6 * 3_600;

type Answer = std::result::Result<Reply, Reply>;

pub(super) fn create(op: &mut Op<'_>, call: &Call, b: &Value) -> Answer {
    if call.header("paypal-request-id").is_none() {
        let issue = Issue::new(
            "PayPal-Request-Id",
            "PAYPAL_REQUEST_ID_REQUIRED",
            "A PayPal-Request-Id is required with a payment source.",
        );
        return Err(INVALID.reply(&[issue]));
    }
    if let Some(id) = api::repeated(op, call, "orders")? {
        return retrieve(op, &id);
    }
    shape(
        b,
        "",
        &[("intent", 255), ("purchase_units", 0), ("payment_source", 0)],
        &["intent", "purchase_units", "payment_source"],
    )?;
    if !b.is("intent", "CAPTURE") {
        return Err(INVALID.reply(&[Issue::new("/intent", "INVALID_PARAMETER_VALUE", "The value of a field is invalid.")]));
    }
    let unit = match b["purchase_units"].as_array().map(Vec::as_slice) {
        Some([one]) => one,
        _ => {
            return Err(INVALID.reply(&[Issue::new(
                "/purchase_units",
                "INVALID_ARRAY_LENGTH",
                "The number of items is invalid.",
            )]));
        }
    };
    let known = [
        ("reference_id", 256),
        ("custom_id", 255),
        ("invoice_id", 127),
        ("description", 127),
        ("soft_descriptor", 22),
        ("amount", 0),
    ];
    shape(unit, "/purchase_units/0", &known, &["amount"])?;
    shape(
        &unit["amount"],
        "/purchase_units/0/amount",
        &[("currency_code", 3), ("value", 32)],
        &["currency_code", "value"],
    )?;
    money::read(&unit["amount"], "currency_code", "/purchase_units/0/amount/value")?;
    let source = &b["payment_source"];
    shape(source, "/payment_source", &[("paypal", 0)], &["paypal"])?;
    shape(
        &source["paypal"],
        "/payment_source/paypal",
        &[("email_address", 254), ("experience_context", 0)],
        &["experience_context"],
    )?;
    let context = &source["paypal"]["experience_context"];
    let known = [
        ("return_url", 4_000),
        ("cancel_url", 4_000),
        ("locale", 10),
        ("shipping_preference", 24),
        ("user_action", 8),
        ("landing_page", 13),
        ("brand_name", 127),
    ];
    let at = "/payment_source/paypal/experience_context";
    shape(context, at, &known, &["return_url", "cancel_url"])?;
    for name in ["return_url", "cancel_url"] {
        if !context.text(name).starts_with("http") {
            return Err(INVALID.reply(&[Issue::new(
                &format!("{at}/{name}"),
                "INVALID_PARAMETER_SYNTAX",
                "A URL is expected.",
            )]));
        }
    }
    let id = new_id(op);
    let links = json!([
        link(op, &format!("/v2/checkout/orders/{id}"), "self", "GET"),
        {"href": op.page_url(&id), "rel": "payer-action", "method": "GET"},
    ]);
    let o = json!({"id": id, "intent": "CAPTURE", "status": "PAYER_ACTION_REQUIRED", "purchase_units": [unit], "payment_source": source,
        "create_time": time(op), "links": links, "capture": "", "wish": "pay", "lapsed": false});
    op.put(ORDERS, &id, o.clone());
    op.later("lapse", &id, LAPSES_AFTER_SECS);
    api::keep(op, call, "orders", &id);
    let mut shown = show(op, &o);
    if !api::whole(call) {
        shown = json!({"id": shown["id"], "status": shown["status"], "payment_source": shown["payment_source"], "links": shown["links"]});
    }
    Ok(Reply::json(200, shown))
}

/// An order as PayPal shows it: with the payer once they approved, with captures and refunds.
pub(super) fn show(op: &Op<'_>, o: &Value) -> Value {
    let mut out = json!({"id": o["id"], "intent": o["intent"], "status": o["status"], "purchase_units": o["purchase_units"],
        "create_time": o["create_time"], "links": o["links"], "payment_source": {"paypal": {}}});
    if ["APPROVED", "COMPLETED"].contains(&o.text("status")) {
        out["payment_source"]["paypal"] = json!({"email_address": "alex.buyer@example.com", "account_id": "QYR5Z8XDVJNXQ",
            "account_status": "VERIFIED", "name": {"given_name": "Alex", "surname": "Buyer"}, "address": {"country_code": "DE"}});
    }
    if let Some(c) = op.get(CAPTURES, o.text("capture")) {
        let mut payments = json!({"captures": [show_capture(op, c)]});
        let refunds: Vec<Value> = op
            .rows(REFUNDS)
            .filter(|(_, r)| r.is("capture", c.text("id")))
            .map(|(_, r)| super::refunds::show(r))
            .collect();
        if !refunds.is_empty() {
            payments["refunds"] = json!(refunds);
        }
        out["purchase_units"][0]["payments"] = payments;
    }
    out
}

pub(super) fn show_capture(op: &Op<'_>, c: &Value) -> Value {
    let mut out = c.clone();
    let (id, order) = (c.text("id"), c["supplementary_data"]["related_ids"].text("order_id"));
    out["links"] = json!([
        link(op, &format!("/v2/payments/captures/{id}"), "self", "GET"),
        link(op, &format!("/v2/payments/captures/{id}/refund"), "refund", "POST"),
        link(op, &format!("/v2/checkout/orders/{order}"), "up", "GET"),
    ]);
    out
}

pub(super) fn retrieve(op: &Op<'_>, id: &str) -> Answer {
    match op.get(ORDERS, id) {
        Some(o) if o["lapsed"] != true => Ok(Reply::json(200, show(op, o))),
        _ => Err(missing()),
    }
}

pub(super) fn capture(op: &mut Op<'_>, call: &Call, id: &str, b: &Value) -> Answer {
    shape(b, "", &[], &[])?;
    if let Some(id) = api::repeated(op, call, "captures")? {
        return retrieve(op, &id);
    }
    let o = op.get(ORDERS, id).filter(|o| o["lapsed"] != true).cloned().ok_or_else(missing)?;
    match o.text("status") {
        "APPROVED" => {}
        "COMPLETED" => return Err(unprocessable("ORDER_ALREADY_CAPTURED", "Order already captured.")),
        _ => {
            return Err(unprocessable(
                "ORDER_NOT_APPROVED",
                "Payer has not yet approved the Order for payment.",
            ));
        }
    }
    let unit = &o["purchase_units"][0];
    let invoice = unit.text("invoice_id");
    if !invoice.is_empty() && op.find(CAPTURES, |c| c.is("invoice_id", invoice)).is_some() {
        return Err(unprocessable("DUPLICATE_INVOICE_ID", "Duplicate Invoice ID detected."));
    }
    if o.is("wish", "decline") {
        // The payer chooses another source behind the same link.
        op.edit(ORDERS, id, |m| {
            m.insert("status".into(), json!("PAYER_ACTION_REQUIRED"));
            m.insert("wish".into(), json!("pay"));
        });
        let why = "The instrument presented was either declined by the processor or bank, or it can't be used for this payment.";
        return Err(unprocessable("INSTRUMENT_DECLINED", why));
    }
    let capture_id = new_id(op);
    let c = json!({"id": capture_id, "status": "PENDING", "status_details": {"reason": "ECHECK"}, "amount": unit["amount"],
        "final_capture": true, "custom_id": unit["custom_id"], "invoice_id": unit["invoice_id"],
        "supplementary_data": {"related_ids": {"order_id": id}}, "create_time": time(op), "update_time": time(op)});
    op.put(CAPTURES, &capture_id, c);
    let later = o.is("wish", "later");
    op.edit(ORDERS, id, |m| {
        m.insert("status".into(), json!("COMPLETED"));
        m.insert("capture".into(), json!(capture_id));
    });
    api::keep(op, call, "captures", id);
    if later {
        tell_capture(op, &capture_id, "PAYMENT.CAPTURE.PENDING");
    } else {
        settle(op, &capture_id, true);
    }
    let shown = op.get(ORDERS, id).map(|o| show(op, o)).ok_or_else(missing)?;
    Ok(Reply::json(201, shown))
}

fn tell_capture(op: &mut Op<'_>, id: &str, kind: &str) {
    if let Some(c) = op.get(CAPTURES, id).map(|c| show_capture(op, c)) {
        let group = c["supplementary_data"]["related_ids"].text("order_id").to_string();
        notify(op, kind, &group, &c);
    }
}

/// Ends a capture that is pending.
fn settle(op: &mut Op<'_>, id: &str, yes: bool) {
    let at = time(op);
    let c = op.edit(CAPTURES, id, |m| {
        m.remove("status_details");
        m.insert("status".into(), json!(if yes { "COMPLETED" } else { "DECLINED" }));
        m.insert("update_time".into(), json!(at));
    });
    if !yes {
        op.set(CAPTURES, id, "processor_response", json!({"response_code": "9500"}));
        return tell_capture(op, id, "PAYMENT.CAPTURE.DENIED");
    }
    let (code, gross) = (c["amount"].text("currency_code"), money::units(&c["amount"]));
    let fee = money::fee(gross);
    let breakdown =
        json!({"gross_amount": c["amount"], "paypal_fee": money::money(fee, code), "net_amount": money::money(gross - fee, code)});
    op.set(CAPTURES, id, "seller_receivable_breakdown", breakdown);
    let line = report::Line {
        id,
        code: "T0006",
        credit: true,
        gross,
        currency: code,
        fee,
        parent: "",
        custom: c.text("custom_id"),
        invoice: c.text("invoice_id"),
    };
    report::book(op, &line);
    tell_capture(op, id, "PAYMENT.CAPTURE.COMPLETED");
}

/// The payer on the hosted page.
pub(super) fn pay(op: &mut Op<'_>, id: &str, outcome: Outcome) -> Result<Paid> {
    let o = op.get(ORDERS, id).cloned().ok_or_else(|| Problem::missing("payment"))?;
    let context = o["payment_source"]["paypal"]["experience_context"].clone();
    let back = |url: &str| Some(url.to_string()).filter(|u| !u.is_empty());
    let pending = op.get(CAPTURES, o.text("capture")).is_some_and(|c| c.is("status", "PENDING"));
    if pending {
        match outcome {
            Outcome::Pay | Outcome::Decline => settle(op, o.text("capture"), outcome == Outcome::Pay),
            Outcome::Abandon | Outcome::Later => {}
        }
        return Ok(Paid {
            go: back(context.text("return_url")),
            object: op.get(ORDERS, id).map_or(Value::Null, |o| show(op, o)),
        });
    }
    if o["lapsed"] == true || !o.is("status", "PAYER_ACTION_REQUIRED") {
        return Err(Problem::conflict("order_ended", "this order waits for nobody"));
    }
    let wish = match outcome {
        Outcome::Abandon => {
            return Ok(Paid {
                go: back(context.text("cancel_url")),
                object: show(op, &o),
            });
        }
        Outcome::Pay => "pay",
        // The wallet approves, its card will be declined when the merchant captures.
        Outcome::Decline => "decline",
        Outcome::Later => "later",
    };
    let o = op.edit(ORDERS, id, |m| {
        m.insert("status".into(), json!("APPROVED"));
        m.insert("wish".into(), json!(wish));
    });
    let shown = show(op, &o);
    notify(op, "CHECKOUT.ORDER.APPROVED", id, &shown);
    Ok(Paid {
        go: back(context.text("return_url")),
        object: shown,
    })
}

/// `void` and `lapse`, by hand.
pub(super) fn end(op: &mut Op<'_>, id: &str, how: &str) -> Result<Value> {
    let o = op.get(ORDERS, id).cloned().ok_or_else(|| Problem::missing("order"))?;
    if o.is("status", "COMPLETED") {
        return Err(Problem::conflict("order_ended", "this order was captured"));
    }
    match how {
        "void" => {
            let o = op.set(ORDERS, id, "status", "VOIDED");
            let shown = show(op, &o);
            notify(op, "CHECKOUT.ORDER.VOIDED", id, &shown);
            Ok(shown)
        }
        "lapse" => Ok(op.set(ORDERS, id, "lapsed", true)),
        _ => Err(Problem::missing("switch")),
    }
}

/// An order nobody approved is forgotten.
pub(super) fn lapse(op: &mut Op<'_>, id: &str) {
    if op.get(ORDERS, id).is_some_and(|o| o.is("status", "PAYER_ACTION_REQUIRED")) {
        op.set(ORDERS, id, "lapsed", true);
    }
}

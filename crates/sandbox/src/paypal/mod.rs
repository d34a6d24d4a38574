//! PayPal: orders, captures, refunds, disputes, payouts, signed webhooks and the settlement report.
//! Facts: payment-providers.md section 8.2.

mod api;
mod disputes;
mod error;
mod hooks;
mod money;
mod orders;
mod payouts;
mod refunds;
mod report;

use crate::rail::{Call, Notice, Op, Outcome, Page, Paid, Post, Rail, Reply};
use crate::stripe::Fields;
use qd_kernel::{Problem, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a merchant pins to believe this sandbox's webhooks.
pub const CERTIFICATE: &str = include_str!("webhook_certificate.pem");

const ORDERS: &str = "order";
const CAPTURES: &str = "capture";
const REFUNDS: &str = "refund";
const DISPUTES: &str = "dispute";
const BATCHES: &str = "batch";
const SWITCHES: &str = "switch";

pub struct PayPal;

impl Rail for PayPal {
    fn name(&self) -> &'static str {
        "paypal"
    }

    fn operation(&self, call: &Call) -> String {
        api::operation(call).into()
    }

    fn answer(&self, op: &mut Op<'_>, call: &Call) -> Reply {
        api::answer(op, call)
    }

    fn refusal(&self, _operation: &str, value: Option<&str>) -> Reply {
        match value.map(str::parse) {
            None => error::by_status(500),
            Some(Ok(status @ 400..=599)) => error::by_status(status),
            Some(_) => error::unprocessable(value.unwrap_or_default(), "Refused by order."),
        }
    }

    fn amounts(&self) -> &'static [&'static str] {
        &["value"]
    }

    fn payment(&self, op: &Op<'_>, reference: &str) -> Option<String> {
        if op.get(ORDERS, reference).is_some() {
            return Some(reference.to_string());
        }
        let by_ref = |o: &Value| o["purchase_units"][0].is("custom_id", reference) || o.is("capture", reference);
        op.find(ORDERS, by_ref).map(|(id, _)| id)
    }

    fn page(&self, op: &Op<'_>, id: &str) -> Option<Page> {
        let o = op.get(ORDERS, id)?;
        let unit = &o["purchase_units"][0];
        let context = &o["payment_source"]["paypal"]["experience_context"];
        // A payment to be confirmed later is ended on this page too.
        let pending = op.get(CAPTURES, o.text("capture")).is_some_and(|c| c.is("status", "PENDING"));
        let ended = match o.text("status") {
            "APPROVED" if !pending => Some("You have approved this payment."),
            "COMPLETED" if !pending => Some("This payment is complete."),
            "VOIDED" => Some("This order was voided."),
            _ if o["lapsed"] == true => Some("This order has expired."),
            _ => None,
        };
        Some(Page {
            title: "PayPal".into(),
            sum: format!("{} {}", unit["amount"].text("value"), unit["amount"].text("currency_code")),
            lines: vec![("Reference".into(), unit.text("invoice_id").into())],
            ended: ended.map(Into::into),
            back: Some(context.text("return_url").to_string()).filter(|u| !u.is_empty()),
        })
    }

    fn pay(&self, op: &mut Op<'_>, id: &str, outcome: Outcome) -> Result<Paid> {
        orders::pay(op, id, outcome)
    }

    fn post(&self, op: &Op<'_>, notice: &Value, forged: bool) -> Post {
        hooks::post(op, notice, forged)
    }

    fn tries(&self) -> Option<i64> {
        Some(25)
    }

    /// `tokens/revoke`; `refund/next_pending`, `refund/{id}/settle | fail | cancel`; `dispute {ref,
    /// stage?, amount?, reason?}`, `dispute/{id}/escalate`, `dispute/{id}/close {outcome}`;
    /// `payout/{id}/pay | fail | unclaim | return | reverse | block | deny`; `order/{id}/void | lapse`.
    fn control(&self, op: &mut Op<'_>, what: &[&str], order: &Value) -> Result<Value> {
        match what {
            ["tokens", "revoke"] => Ok(api::revoke(op)),
            ["order", id, end] => orders::end(op, id, end),
            ["refund", "next_pending"] => {
                op.put(SWITCHES, "refund_pending", json!(true));
                Ok(json!({"ordered": "refund_pending"}))
            }
            ["refund", id, end] => refunds::end(op, id, end),
            ["dispute"] => disputes::open(op, order),
            ["dispute", id, "escalate"] => disputes::escalate(op, id),
            ["dispute", id, "close"] => disputes::close(op, id, order.text("outcome")),
            ["payout", reference, end] => payouts::end(op, reference, end),
            _ => Err(Problem::missing("switch")),
        }
    }

    fn settlement(&self, op: &Op<'_>, _query: &BTreeMap<String, String>) -> Result<Reply> {
        Ok(Reply::text("text/csv", report::csv(op)))
    }

    fn due(&self, op: &mut Op<'_>, kind: &str, object: &str) {
        match kind {
            "lapse" => orders::lapse(op, object),
            "payout" => payouts::process(op, object),
            _ => {}
        }
    }
}

/// Queues a webhook about `object`, in the order of its `group`.
fn notify(op: &mut Op<'_>, kind: &str, group: &str, object: &Value) {
    let notice = Notice {
        kind: kind.into(),
        group: group.into(),
        url: None,
        object: object.clone(),
    };
    op.notify(&PayPal, notice);
}

/// 17 capitals and digits.
fn new_id(op: &Op<'_>) -> String {
    op.token("", 17).to_ascii_uppercase()
}

/// `2026-11-20T09:00:00Z`.
fn time(op: &Op<'_>) -> String {
    let t = op.now.rfc3339();
    format!("{}Z", t.split('.').next().unwrap_or_default())
}

fn link(op: &Op<'_>, path: &str, rel: &str, method: &str) -> Value {
    json!({"href": op.url(path), "rel": rel, "method": method})
}

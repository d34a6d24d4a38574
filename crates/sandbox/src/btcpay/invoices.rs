//! Invoices: a price, a page with an address, and what came to it before and after it expired.

use super::read::{Read, decimal, satoshi};
use super::{BtcPay, problem};
use crate::rail::{Call, Op, Outcome, Page, Paid, Reply};
use crate::stripe::{Fields, form};
use qd_kernel::{Problem, Result, format_fixed};
use serde_json::{Value, json};

const INVOICES: &str = "invoice";
/// Seen in the network and confirmed, for who chose to confirm later.
const CONFIRMS_AFTER_SECS: i64 = 60;
const OPEN_MINUTES: i64 = 15;
const WATCHED_MINUTES: i64 = 1_440;

pub fn create(_rail: &BtcPay, op: &mut Op<'_>, call: &Call) -> Reply {
    read(op, call).unwrap_or_else(|refused| refused)
}

fn read(op: &mut Op<'_>, call: &Call) -> std::result::Result<Reply, Reply> {
    let mut r = Read::of(
        call,
        &["amount", "currency", "metadata", "checkout", "receipt", "additionalSearchTerms"],
    )?;
    let currency = r.currency("currency");
    let minor = r.amount("amount", &currency);
    if r.o.get("metadata").is_some_and(|m| !m.is_object()) {
        r.fault("metadata", "Could not convert to an object");
    }
    let checkout = r.o.get("checkout").cloned().unwrap_or_else(|| json!({}));
    let known = [
        "speedPolicy",
        "paymentMethods",
        "defaultPaymentMethod",
        "lazyPaymentMethods",
        "expirationMinutes",
        "monitoringMinutes",
        "paymentTolerance",
        "redirectURL",
        "redirectAutomatically",
        "defaultLanguage",
    ];
    for name in checkout.as_object().into_iter().flat_map(|c| c.keys()) {
        if !known.contains(&name.as_str()) {
            r.fault(&format!("checkout.{name}"), "This property is not known");
        }
    }
    if let Some(all) = checkout.get("paymentMethods") {
        let known = |m: &Value| matches!(m.as_str(), Some("BTC-CHAIN" | "BTC-LN"));
        if !all.as_array().is_some_and(|a| a.iter().all(known)) {
            r.fault("checkout.paymentMethods", "Invalid payment method");
        }
    }
    let whole = |name: &str, default: i64| checkout.get(name).map_or(Some(default), Value::as_i64);
    let (open, watched, tolerance) = (
        whole("expirationMinutes", OPEN_MINUTES),
        whole("monitoringMinutes", WATCHED_MINUTES),
        whole("paymentTolerance", 0),
    );
    if open.is_none_or(|m| m < 1) || watched.is_none_or(|m| m < 1) {
        r.fault("checkout.expirationMinutes", "Minutes should be 1 or more");
    }
    if tolerance.is_none_or(|t| !(0..=100).contains(&t)) {
        r.fault(
            "checkout.paymentTolerance",
            "PaymentTolerance can only be between 0 and 100 percent",
        );
    }
    let o = r.checked()?;
    let id = op.token("", 22);
    let now = op.now.secs();
    let open = open.unwrap_or(OPEN_MINUTES);
    let i = json!({"currency": currency, "minor": minor, "paid": 0, "status": "New", "further": "None", "created": now, "until": now + open * 60,
        "watched": now + (open + watched.unwrap_or(WATCHED_MINUTES)) * 60, "metadata": o.get("metadata").cloned().unwrap_or_else(|| json!({})),
        "checkout": checkout, "address": op.token("bc1q", 38).to_lowercase()});
    op.put(INVOICES, &id, i.clone());
    op.later("expire", &id, open * 60);
    Ok(Reply::json(200, shown(op, &id, &i)))
}

fn shown(op: &Op<'_>, id: &str, i: &Value) -> Value {
    let currency = i.text("currency");
    json!({
        "id": id, "storeId": op.setting("store"), "amount": decimal(i.num("minor"), currency), "paidAmount": decimal(i.num("paid"), currency),
        "currency": currency, "type": "Standard", "checkoutLink": op.page_url(id), "createdTime": i["created"], "expirationTime": i["until"],
        "monitoringExpiration": i["watched"], "status": i["status"], "additionalStatus": i["further"], "archived": false,
        "availableStatusesForManualMarking": ["Settled", "Invalid"], "metadata": i["metadata"], "checkout": i["checkout"],
    })
}

pub fn list(op: &Op<'_>, call: &Call) -> Reply {
    let wanted: Vec<String> = form::pairs(&call.query)
        .into_iter()
        .filter(|(k, _)| k == "orderId")
        .map(|(_, v)| v)
        .collect();
    let all: Vec<Value> = op
        .rows(INVOICES)
        .rev()
        .filter(|(_, i)| wanted.is_empty() || wanted.iter().any(|w| i["metadata"].is("orderId", w)))
        .map(|(id, i)| shown(op, id, i))
        .collect();
    Reply::json(200, Value::Array(all))
}

pub fn get(op: &Op<'_>, id: &str) -> Reply {
    match op.get(INVOICES, id) {
        Some(i) => Reply::json(200, shown(op, id, i)),
        None => problem(404, "invoice-not-found", "The invoice was not found"),
    }
}

/// By its id or by the merchant's order id.
pub fn find(op: &Op<'_>, reference: &str) -> Option<String> {
    if op.get(INVOICES, reference).is_some() {
        return Some(reference.to_string());
    }
    op.find(INVOICES, |i| i["metadata"].is("orderId", reference)).map(|(id, _)| id)
}

pub fn page(op: &Op<'_>, id: &str) -> Option<Page> {
    let i = op.get(INVOICES, id)?;
    let currency = i.text("currency");
    let ended = match i.text("status") {
        "New" => None,
        "Processing" => Some("The payment has been seen and waits for its confirmation."),
        "Settled" => Some("This invoice is paid."),
        "Expired" => Some("This invoice has expired."),
        _ => Some("The payment of this invoice is invalid."),
    };
    let due = (i.num("minor") - i.num("paid")).max(0);
    Some(Page {
        title: "BTCPay Server".into(),
        sum: format!("{} {currency}", decimal(i.num("minor"), currency)),
        lines: vec![
            ("Send".into(), format!("{} BTC", format_fixed(satoshi(due, currency), 8))),
            ("To".into(), i.text("address").into()),
        ],
        ended: ended.map(Into::into),
        back: back(i),
    })
}

fn back(i: &Value) -> Option<String> {
    Some(i["checkout"].text("redirectURL").to_string()).filter(|u| !u.is_empty())
}

/// The whole sum is sent, confirmed at once or later; declined is a payment that is never
/// confirmed.
pub fn pay(rail: &BtcPay, op: &mut Op<'_>, id: &str, outcome: Outcome) -> Result<Paid> {
    let i = op.get(INVOICES, id).cloned().ok_or_else(|| Problem::missing("invoice"))?;
    let go = back(&i);
    let object = match (outcome, i.text("status")) {
        (Outcome::Abandon, _) => Value::Null,
        (Outcome::Pay, "Processing") => settle(rail, op, id),
        (Outcome::Decline, "Processing") => invalid(rail, op, id, false),
        (_, "New") => {
            receive(rail, op, id, i.num("minor") - i.num("paid"));
            match outcome {
                Outcome::Pay => settle(rail, op, id),
                Outcome::Decline => invalid(rail, op, id, false),
                Outcome::Later | Outcome::Abandon => {
                    op.later("settle", id, CONFIRMS_AFTER_SECS);
                    op.get(INVOICES, id).map(|i| shown(op, id, i)).unwrap_or_default()
                }
            }
        }
        _ => return Err(Problem::conflict("invoice_ended", "this invoice is no longer to be paid")),
    };
    Ok(Paid { go, object })
}

/// Coins worth `minor` come to the address.
fn receive(rail: &BtcPay, op: &mut Op<'_>, id: &str, minor: i64) {
    let late = op.get(INVOICES, id).is_some_and(|i| i.is("status", "Expired"));
    let i = op.edit(INVOICES, id, |m| {
        let of = |m: &serde_json::Map<String, Value>, k: &str| m.get(k).and_then(Value::as_i64).unwrap_or(0);
        let (paid, asked) = (of(m, "paid") + minor, of(m, "minor"));
        m.insert("paid".into(), json!(paid));
        let further = match (late, paid.cmp(&asked)) {
            (_, std::cmp::Ordering::Less) => "PaidPartial",
            (true, _) => "PaidLate",
            (false, std::cmp::Ordering::Greater) => "PaidOver",
            (false, std::cmp::Ordering::Equal) => "None",
        };
        m.insert("further".into(), json!(further));
        if !late && paid >= asked {
            m.insert("status".into(), json!("Processing"));
        }
    });
    tell(
        rail,
        op,
        "InvoiceReceivedPayment",
        id,
        json!({"afterExpiration": late, "paymentMethodId": "BTC-CHAIN"}),
    );
    if i.is("status", "Processing") {
        let over = i.is("further", "PaidOver");
        tell(rail, op, "InvoiceProcessing", id, json!({"overPaid": over}));
    }
}

fn settle(rail: &BtcPay, op: &mut Op<'_>, id: &str) -> Value {
    let i = op.set(INVOICES, id, "status", "Settled");
    let over = i.is("further", "PaidOver");
    tell(
        rail,
        op,
        "InvoicePaymentSettled",
        id,
        json!({"afterExpiration": false, "paymentMethodId": "BTC-CHAIN"}),
    );
    tell(
        rail,
        op,
        "InvoiceSettled",
        id,
        json!({"manuallyMarked": i.is("further", "Marked"), "overPaid": over}),
    );
    shown(op, id, &i)
}

fn invalid(rail: &BtcPay, op: &mut Op<'_>, id: &str, by_hand: bool) -> Value {
    let i = op.set(INVOICES, id, "status", "Invalid");
    tell(rail, op, "InvoiceInvalid", id, json!({"manuallyMarked": by_hand}));
    shown(op, id, &i)
}

fn expire(rail: &BtcPay, op: &mut Op<'_>, id: &str) -> Value {
    let i = op.set(INVOICES, id, "status", "Expired");
    tell(
        rail,
        op,
        "InvoiceExpired",
        id,
        json!({"partiallyPaid": i.is("further", "PaidPartial")}),
    );
    shown(op, id, &i)
}

fn tell(rail: &BtcPay, op: &mut Op<'_>, kind: &str, id: &str, mut more: Value) {
    more["invoiceId"] = json!(id);
    more["metadata"] = op.get(INVOICES, id).map(|i| i["metadata"].clone()).unwrap_or_default();
    rail.tell(op, kind, id, more);
}

/// `receive {"amount": "10.00"}`, `settle`, `expire`, `mark {"status": "Settled"}`.
pub fn control(rail: &BtcPay, op: &mut Op<'_>, reference: &str, word: &str, order: &Value) -> Result<Value> {
    let id = find(op, reference).ok_or_else(|| Problem::missing("invoice"))?;
    let i = op.get(INVOICES, &id).cloned().unwrap_or_default();
    match word {
        "receive" => {
            let places = super::read::places(i.text("currency")).unwrap_or(2);
            let minor = qd_kernel::parse_fixed(order.text("amount"), places)
                .ok_or_else(|| Problem::invalid("amount", "amount_malformed", "expected a decimal in text"))?;
            receive(rail, op, &id, minor);
            Ok(op.get(INVOICES, &id).map(|i| shown(op, &id, i)).unwrap_or_default())
        }
        "settle" => Ok(settle(rail, op, &id)),
        "expire" => Ok(expire(rail, op, &id)),
        "mark" => {
            op.set(INVOICES, &id, "further", "Marked");
            Ok(if order.is("status", "Invalid") {
                invalid(rail, op, &id, true)
            } else {
                settle(rail, op, &id)
            })
        }
        _ => Err(Problem::missing("switch")),
    }
}

pub fn due(rail: &BtcPay, op: &mut Op<'_>, kind: &str, id: &str) {
    let status = op.get(INVOICES, id).map(|i| i.text("status").to_string());
    match (kind, status.as_deref()) {
        ("settle", Some("Processing")) => {
            settle(rail, op, id);
        }
        ("expire", Some("New")) => {
            expire(rail, op, id);
        }
        _ => {}
    }
}

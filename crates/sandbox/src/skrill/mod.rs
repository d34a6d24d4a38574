//! Skrill: Quick Checkout, the Automated Payments Interface (transfers and refunds in two steps)
//! and the Merchant Query Interface. Facts: payment-providers.md section 3.

mod api;
mod history;
mod transaction;

use crate::rail::{Body, Call, Notice, Op, Outcome, Page, Paid, Post, Rail, Reply, times};
use crate::stripe::Fields;
use qd_kernel::{Problem, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub use transaction::signature;
use transaction::{SESSIONS, SWITCHES, TRANSACTIONS};

pub struct Skrill;

/// A payment that is to be confirmed later settles by itself after this long.
const SETTLES_AFTER_SECS: i64 = 60;
/// Status posts are tried this often at most.
const TRIES: i64 = 10;

impl Rail for Skrill {
    fn name(&self) -> &'static str {
        "skrill"
    }

    fn operation(&self, call: &Call) -> String {
        let action = call.form().remove("action").unwrap_or_default();
        match call.parts().as_slice() {
            ["pay"] => "checkout.prepare".into(),
            ["app", program] => format!("{}.{action}", program.trim_end_matches(".pl")),
            _ => "unknown".into(),
        }
    }

    fn answer(&self, op: &mut Op<'_>, call: &Call) -> Reply {
        api::answer(op, call)
    }

    fn refusal(&self, operation: &str, value: Option<&str>) -> Reply {
        let code = value.unwrap_or("GENERIC_ERROR");
        if let Ok(status @ 400..=599) = code.parse() {
            return Reply::of(status, Body::Text("text/html", "<html><body>Error</body></html>".into()));
        }
        match operation.split('.').next() {
            Some("checkout") => api::checkout_error(code, "Refused by order."),
            Some("query") => api::query_error(403, code),
            _ => api::xml_error(code),
        }
    }

    fn amounts(&self) -> &'static [&'static str] {
        &["amount", "mb_amount"]
    }

    /// XML elements and the pairs of a status answer.
    fn wrong_answer(&self, reply: &mut Reply, value: Option<&str>) {
        let Body::Text(_, text) = &mut reply.body else { return };
        for name in ["amount", "mb_amount"] {
            for (open, close) in [(format!("<{name}>"), '<'), (format!("\n{name}="), '&'), (format!("&{name}="), '&')] {
                let Some(at) = text.find(&open).map(|i| i + open.len()) else {
                    continue;
                };
                let end = text[at..].find(close).map_or(text.len(), |i| at + i);
                let wrong = value.map_or_else(|| times(&text[at..end], 2), str::to_string);
                text.replace_range(at..end, &wrong);
            }
        }
    }

    fn payment(&self, op: &Op<'_>, reference: &str) -> Option<String> {
        if op.get(SESSIONS, reference).is_some() {
            return Some(reference.to_string());
        }
        let by_trn = |s: &Value| s["fields"].is("transaction_id", reference) || s.is("trn", reference);
        op.find(SESSIONS, by_trn).map(|(id, _)| id)
    }

    fn page(&self, op: &Op<'_>, id: &str) -> Option<Page> {
        let s = op.get(SESSIONS, id)?;
        let f = &s["fields"];
        let status = op.get(TRANSACTIONS, s.text("trn")).map(|t| t.num("status"));
        let lapsed = status.is_none() && s.num("until") < op.now.secs();
        let ended = match status {
            Some(2) => Some("This payment is complete."),
            Some(-1) => Some("This payment was cancelled."),
            Some(-2) => Some("This payment failed."),
            Some(-3) => Some("This payment was charged back."),
            _ if lapsed => Some("This session has expired."),
            _ => None,
        };
        let to = if status == Some(2) {
            f.text("return_url")
        } else {
            f.text("cancel_url")
        };
        Some(Page {
            title: "Skrill".into(),
            sum: format!("{} {}", f.text("amount"), f.text("currency")),
            lines: vec![("Reference".into(), f.text("transaction_id").into())],
            ended: ended.map(Into::into),
            back: Some(to.to_string()).filter(|t| !t.is_empty()),
        })
    }

    fn pay(&self, op: &mut Op<'_>, id: &str, outcome: Outcome) -> Result<Paid> {
        transaction::pay(self, op, id, outcome)
    }

    fn post(&self, op: &Op<'_>, notice: &Value, forged: bool) -> Post {
        let word = if forged { "somebody" } else { op.cfg.hook_secret.as_str() };
        Post {
            headers: vec![
                ("content-type", "application/x-www-form-urlencoded".into()),
                ("user-agent", "Skrill".into()),
            ],
            body: transaction::encode(&transaction::signed(op, &notice["object"], word)),
        }
    }

    fn taken(&self, status: u16, _body: &str) -> bool {
        status == 200
    }

    fn tries(&self) -> Option<i64> {
        Some(TRIES)
    }

    fn control(&self, op: &mut Op<'_>, what: &[&str], order: &Value) -> Result<Value> {
        let known = |op: &Op<'_>, reference: &str| {
            op.find(TRANSACTIONS, |t| {
                t.is("id", reference) || t["fields"].is("transaction_id", reference)
            })
            .map(|(id, _)| id)
            .ok_or_else(|| Problem::missing("transaction"))
        };
        match what {
            // The money has gone back to the payer.
            ["dispute"] => {
                let id = known(op, order.text("ref"))?;
                if op.get(TRANSACTIONS, &id).is_none_or(|t| t.num("status") != 2) {
                    return Err(Problem::conflict("not_paid", "only a processed payment can be charged back"));
                }
                Ok(self.becomes(op, &id, -3))
            }
            ["refund", "next_pending"] | ["payout", "next_fails"] => {
                op.put(SWITCHES, &what.join("_"), json!(true));
                Ok(json!({"ordered": what.join("_")}))
            }
            ["refund" | "payout", id, end] => {
                let status = match *end {
                    "settle" | "pay" => 2,
                    "fail" => -2,
                    "cancel" => -1,
                    "return" => -4,
                    _ => return Err(Problem::missing("switch")),
                };
                let id = known(op, id)?;
                Ok(self.becomes(op, &id, status))
            }
            _ => Err(Problem::missing("switch")),
        }
    }

    fn settlement(&self, op: &Op<'_>, query: &BTreeMap<String, String>) -> Result<Reply> {
        let currency = query.get("currency").map_or_else(|| op.setting("currency"), String::as_str);
        Ok(Reply::text("text/csv", history::csv(op, currency, i64::MIN, i64::MAX)))
    }

    fn due(&self, op: &mut Op<'_>, kind: &str, object: &str) {
        let open = op.get(TRANSACTIONS, object).is_some_and(|t| t.num("status") == 0);
        if kind == "settle" && open {
            self.becomes(op, object, 2);
        }
    }
}

impl Skrill {
    /// Gives a transaction another status and posts it to whoever asked for it.
    fn becomes(&self, op: &mut Op<'_>, id: &str, status: i64) -> Value {
        let at = op.now.micros();
        op.edit(TRANSACTIONS, id, |m| {
            m.insert("status".into(), json!(status));
            m.insert("changed".into(), json!(at));
        });
        self.tell(op, id)
    }

    fn tell(&self, op: &mut Op<'_>, id: &str) -> Value {
        let Some(t) = op.get(TRANSACTIONS, id).cloned() else {
            return Value::Null;
        };
        let status = t.num("status").to_string();
        let url = t["fields"].text("status_url").to_string();
        if !url.is_empty() {
            self.queue(op, id, status, url, &t);
        }
        t
    }

    fn queue(&self, op: &mut Op<'_>, id: &str, status: String, url: String, t: &Value) {
        let notice = Notice {
            kind: status,
            group: id.to_string(),
            url: Some(url),
            object: transaction::pairs(op, t),
        };
        op.notify(self, notice);
    }
}

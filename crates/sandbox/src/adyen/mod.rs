//! Adyen: payment links, refunds, disputes, standard webhooks and the settlement details report.
//! Facts: payment-providers.md section 8.1.

mod api;
mod hooks;
mod report;

use crate::rail::{Call, Notice, Op, Outcome, Page, Paid, Post, Rail, Reply};
use crate::stripe::Fields;
use qd_kernel::{Problem, Result, format_fixed};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const LINKS: &str = "link";
const PAYMENTS: &str = "payment";
const REFUNDS: &str = "refund";
const DISPUTES: &str = "dispute";
const SWITCHES: &str = "switch";

pub struct Adyen;

impl Rail for Adyen {
    fn name(&self) -> &'static str {
        "adyen"
    }

    fn operation(&self, call: &Call) -> String {
        api::operation(call).into()
    }

    fn answer(&self, op: &mut Op<'_>, call: &Call) -> Reply {
        api::answer(op, call)
    }

    fn refusal(&self, _operation: &str, value: Option<&str>) -> Reply {
        match value.map(str::parse) {
            None => api::error(500, "905", "configuration", "Payment details are not supported"),
            Some(Ok(status @ 400..=599)) => api::by_status(status),
            Some(_) => api::error(422, value.unwrap_or_default(), "validation", "Refused by order"),
        }
    }

    fn amounts(&self) -> &'static [&'static str] {
        &["value"]
    }

    fn payment(&self, op: &Op<'_>, reference: &str) -> Option<String> {
        if op.get(LINKS, reference).is_some() {
            return Some(reference.to_string());
        }
        op.find(LINKS, |l| l.is("reference", reference) || l.is("payment", reference))
            .map(|(id, _)| id)
    }

    fn page(&self, op: &Op<'_>, id: &str) -> Option<Page> {
        let l = op.get(LINKS, id)?;
        let ended = match api::status(op, l) {
            "completed" => Some("This payment is complete."),
            "expired" => Some("This link has expired."),
            _ => None,
        };
        let code = l["amount"].text("currency");
        Some(Page {
            title: "Adyen".into(),
            sum: format!("{} {code}", format_fixed(l["amount"].num("value"), api::places(code).unwrap_or(2))),
            lines: vec![("Reference".into(), l.text("reference").into())],
            ended: ended.map(Into::into),
            back: Some(l.text("returnUrl").to_string()).filter(|u| !u.is_empty()),
        })
    }

    fn pay(&self, op: &mut Op<'_>, id: &str, outcome: Outcome) -> Result<Paid> {
        let l = op.get(LINKS, id).cloned().ok_or_else(|| Problem::missing("payment"))?;
        if !["active", "paymentPending"].contains(&api::status(op, &l)) {
            return Err(Problem::conflict("link_ended", "this link cannot be paid any more"));
        }
        match outcome {
            Outcome::Abandon => {}
            Outcome::Later => {
                op.set(LINKS, id, "status", "paymentPending");
            }
            Outcome::Pay => authorise(op, id, &l),
            // The shopper may try again while the link is open.
            Outcome::Decline => {
                op.set(LINKS, id, "status", "active");
                let psp = new_reference(op);
                let item = item("AUTHORISATION", false, &psp, "", l.text("reference"), &l["amount"]);
                tell(op, &psp, item);
            }
        }
        let back = l.text("returnUrl").to_string();
        Ok(Paid {
            go: Some(back).filter(|u| !u.is_empty()),
            object: op.get(LINKS, id).cloned().unwrap_or(Value::Null),
        })
    }

    fn post(&self, op: &Op<'_>, notice: &Value, forged: bool) -> Post {
        hooks::post(op, notice, forged)
    }

    /// Taken is what was answered in Adyen's own word.
    fn taken(&self, status: u16, body: &str) -> bool {
        (200..300).contains(&status) && body.contains("[accepted]")
    }

    /// `link/{id}/expire`; `capture/{payment}/fail`; `refund/next_fails`, `refund/{id}/fail | reverse`;
    /// `dispute {ref, stage?: NOTIFICATION_OF_CHARGEBACK | REQUEST_FOR_INFORMATION | CHARGEBACK, amount?}`,
    /// `dispute/{payment}/chargeback | reverse | second`.
    fn control(&self, op: &mut Op<'_>, what: &[&str], order: &Value) -> Result<Value> {
        match what {
            ["link", id, "expire"] => {
                op.get(LINKS, id).ok_or_else(|| Problem::missing("link"))?;
                Ok(op.set(LINKS, id, "status", "expired"))
            }
            ["capture", payment, "fail"] => {
                let p = payment_of(op, payment)?;
                let item = item(
                    "CAPTURE_FAILED",
                    true,
                    &new_reference(op),
                    p.text("id"),
                    p.text("reference"),
                    &p["amount"],
                );
                Ok(tell(op, p.text("id"), item))
            }
            ["refund", "next_fails"] => {
                op.put(SWITCHES, "refund_fails", json!(true));
                Ok(json!({"ordered": "refund_fails"}))
            }
            ["refund", id, how @ ("fail" | "reverse")] => {
                let r = op.get(REFUNDS, id).cloned().ok_or_else(|| Problem::missing("refund"))?;
                if !r.is("state", "done") {
                    return Err(Problem::conflict("refund_ended", "this refund was not paid"));
                }
                op.set(REFUNDS, id, "state", "back");
                let code = if *how == "fail" { "REFUND_FAILED" } else { "REFUNDED_REVERSED" };
                report::book(op, "RefundedReversed", &r["amount"], true, &r);
                let item = item(code, true, id, r.text("payment"), r.text("reference"), &r["amount"]);
                Ok(tell(op, r.text("payment"), item))
            }
            ["dispute"] => {
                let p = payment_of(op, order.text("ref"))?;
                let stage = match order.text("stage") {
                    "" => "CHARGEBACK",
                    s @ ("NOTIFICATION_OF_CHARGEBACK" | "REQUEST_FOR_INFORMATION" | "CHARGEBACK") => s,
                    _ => return Err(Problem::invalid("stage", "stage_unknown", "expected a stage that opens a dispute")),
                };
                let mut amount = p["amount"].clone();
                if order.num("amount") > 0 {
                    amount["value"] = json!(order.num("amount"));
                }
                let d = json!({"id": new_reference(op), "payment": p["id"], "reference": p["reference"], "amount": amount});
                op.put(DISPUTES, p.text("id"), d);
                dispute(op, p.text("id"), stage)
            }
            ["dispute", payment, how] => {
                let stage = match *how {
                    "chargeback" => "CHARGEBACK",
                    "reverse" => "CHARGEBACK_REVERSED",
                    "second" => "SECOND_CHARGEBACK",
                    _ => return Err(Problem::missing("switch")),
                };
                dispute(op, payment, stage)
            }
            _ => Err(Problem::missing("switch")),
        }
    }

    fn settlement(&self, op: &Op<'_>, _query: &BTreeMap<String, String>) -> Result<Reply> {
        Ok(Reply::text("text/csv", report::csv(op)))
    }
}

/// 16 capitals and digits.
fn new_reference(op: &Op<'_>) -> String {
    op.token("", 16).to_ascii_uppercase()
}

fn item(code: &str, success: bool, psp: &str, original: &str, reference: &str, amount: &Value) -> Value {
    json!({"eventCode": code, "success": if success { "true" } else { "false" }, "pspReference": psp, "originalReference": original,
        "merchantReference": reference, "amount": amount, "reason": if success { "" } else { "Refused" }})
}

/// Queues a webhook; those of one payment go out in order.
fn tell(op: &mut Op<'_>, group: &str, item: Value) -> Value {
    let notice = Notice {
        kind: item.text("eventCode").into(),
        group: group.into(),
        url: None,
        object: item.clone(),
    };
    op.notify(&Adyen, notice);
    item
}

fn authorise(op: &mut Op<'_>, id: &str, l: &Value) {
    let psp = new_reference(op);
    op.edit(LINKS, id, |m| {
        m.insert("status".into(), json!("completed"));
        m.insert("payment".into(), json!(psp));
    });
    let p = json!({"id": psp, "reference": l["reference"], "amount": l["amount"], "refunded": 0});
    op.put(PAYMENTS, &psp, p.clone());
    report::book(
        op,
        "Settled",
        &l["amount"],
        true,
        &json!({"payment": psp, "payment_reference": l["reference"]}),
    );
    let told = item("AUTHORISATION", true, &psp, "", l.text("reference"), &l["amount"]);
    tell(op, &psp, told);
}

fn payment_of(op: &Op<'_>, reference: &str) -> Result<Value> {
    op.find(PAYMENTS, |p| p.is("id", reference) || p.is("reference", reference))
        .map(|(_, p)| p)
        .ok_or_else(|| Problem::missing("payment"))
}

fn dispute(op: &mut Op<'_>, payment: &str, stage: &str) -> Result<Value> {
    let d = op.get(DISPUTES, payment).cloned().ok_or_else(|| Problem::missing("dispute"))?;
    let about = json!({"payment": d["payment"], "payment_reference": d["reference"], "id": d["id"]});
    match stage {
        "CHARGEBACK" => report::book(op, "Chargeback", &d["amount"], false, &about),
        "CHARGEBACK_REVERSED" => report::book(op, "ChargebackReversed", &d["amount"], true, &about),
        "SECOND_CHARGEBACK" => report::book(op, "SecondChargeback", &d["amount"], false, &about),
        _ => {}
    }
    let told = item(stage, true, d.text("id"), payment, d.text("reference"), &d["amount"]);
    Ok(tell(op, payment, told))
}

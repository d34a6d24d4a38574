//! The settlement details report.

use super::api::places;
use crate::rail::Op;
use crate::stripe::Fields;
use qd_kernel::{Ts, format_fixed};
use serde_json::{Value, json};
use std::fmt::Write as _;

const LINES: &str = "line";
const HEADING: &str = "Company Account,Merchant Account,Psp Reference,Merchant Reference,Payment Method,Creation Date,TimeZone,Type,Modification Reference,Gross Currency,Gross Debit (GC),Gross Credit (GC),Exchange Rate,Net Currency,Net Debit (NC),Net Credit (NC),Commission (NC),Markup (NC),Scheme Fees (NC),Interchange (NC),Payment Method Variant,Modification Merchant Reference,Batch Number";

/// `about`: `payment`, `payment_reference`, and of a modification `id` and `reference`.
pub(super) fn book(op: &mut Op<'_>, word: &str, amount: &Value, credit: bool, about: &Value) {
    let key = format!("{}:{}:{word}", about.text("payment"), about.text("id"));
    let at = op.now.micros();
    op.put(
        LINES,
        &key,
        json!({"word": word, "amount": amount, "credit": credit, "about": about, "at": at}),
    );
}

/// 1 % and 12 of the smallest unit of what was settled; the rest is free.
fn fee(l: &Value) -> i64 {
    if l.is("word", "Settled") {
        l["amount"].num("value") / 100 + 12
    } else {
        0
    }
}

pub(super) fn csv(op: &Op<'_>) -> String {
    let account = op.setting("merchant_account");
    let mut out = format!("{HEADING}\n");
    for (_, l) in op.rows(LINES) {
        let (a, about) = (&l["amount"], &l["about"]);
        let code = a.text("currency");
        let text = |units: i64| format_fixed(units, places(code).unwrap_or(2));
        let sides = |units: i64| {
            if l["credit"] == true {
                format!(",{}", text(units))
            } else {
                format!("{},", text(units))
            }
        };
        let at = Ts(l.num("at")).rfc3339();
        let at = at.split('.').next().unwrap_or_default().replace('T', " ");
        let taken = fee(l);
        let _ = writeln!(
            out,
            "Quarterdeck,{account},{},{},visa,{at},UTC,{},{},{code},{},1,{code},{},{},,,,visadebit,{},1",
            about.text("payment"),
            about.text("payment_reference"),
            l.text("word"),
            about.text("id"),
            sides(a.num("value")),
            sides(a.num("value") - taken),
            if taken > 0 { text(taken) } else { String::new() },
            about.text("reference"),
        );
    }
    out
}

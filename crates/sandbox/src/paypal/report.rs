//! The settlement report: every movement of the account's balance, comma-separated.

use crate::rail::Op;
use crate::stripe::Fields;
use qd_kernel::Ts;
use serde_json::json;
use std::fmt::Write as _;

const LINES: &str = "line";
const COLUMNS: [&str; 21] = [
    "Transaction ID",
    "Invoice ID",
    "PayPal Reference ID",
    "PayPal Reference ID Type",
    "Transaction Event Code",
    "Transaction Initiation Date",
    "Transaction Completion Date",
    "Transaction  Debit or Credit",
    "Gross Transaction Amount",
    "Gross Transaction Currency",
    "Fee Debit or Credit",
    "Fee Amount",
    "Fee Currency",
    "Custom Field",
    "Consumer ID",
    "Payment Tracking ID",
    "Store ID",
    "Bank Reference ID",
    "Credit Transactional Fee",
    "Credit Promotional Fee",
    "Credit Term",
];

/// A movement; amounts in the smallest unit, never negative.
pub(super) struct Line<'a> {
    pub id: &'a str,
    pub code: &'a str,
    pub credit: bool,
    pub gross: i64,
    pub currency: &'a str,
    pub fee: i64,
    pub parent: &'a str,
    pub custom: &'a str,
    pub invoice: &'a str,
}

pub(super) fn book(op: &mut Op<'_>, l: &Line<'_>) {
    let key = format!("{}:{}", l.id, l.code);
    let at = op.now.micros();
    op.put(
        LINES,
        &key,
        json!({"id": l.id, "code": l.code, "credit": l.credit, "gross": l.gross, "currency": l.currency, "fee": l.fee,
            "parent": l.parent, "custom": l.custom, "invoice": l.invoice, "at": at}),
    );
}

/// `2026/11/20 09:00:00 +0000`.
fn stamp(ts: Ts) -> String {
    let text = ts.rfc3339();
    let (day, rest) = text.split_once('T').unwrap_or((&text, ""));
    format!("{} {} +0000", day.replace('-', "/"), rest.split('.').next().unwrap_or_default())
}

fn quoted(s: &str) -> String {
    format!("\"{}\"", s.replace('"', "\"\""))
}

pub(super) fn csv(op: &Op<'_>) -> String {
    let account = quoted(&op.setting("client_id").chars().take(13).collect::<String>());
    let mut out = format!("\"RH\",{},\"A\",{account},009,\n\"FH\",01\n", stamp(op.now));
    let (y, m, d) = op.now.ymd();
    let today = Ts::from_ymd(y, m, d);
    let _ = writeln!(
        out,
        "\"SH\",{},{},{account},\"\"",
        stamp(today),
        stamp(today.plus_days(1).plus_secs(-1))
    );
    let names: Vec<String> = COLUMNS.iter().map(|c| quoted(c)).collect();
    let _ = writeln!(out, "\"CH\",{}", names.join(","));
    let mut n = 0;
    for (_, l) in op.rows(LINES) {
        n += 1;
        let at = stamp(Ts(l.num("at")));
        let side = if l["credit"] == true { "CR" } else { "DR" };
        let fee = match l.num("fee") {
            0 => "\"\",,\"\"".to_string(),
            f => format!("\"DR\",{f},{}", quoted(l.text("currency"))),
        };
        let parent_kind = if l.text("parent").is_empty() { "" } else { "TXN" };
        let _ = writeln!(
            out,
            "\"SB\",{},{},{},{},{},{at},{at},\"{side}\",{},{},{fee},{},\"\",\"\",\"\",\"\",,,",
            quoted(l.text("id")),
            quoted(l.text("invoice")),
            quoted(l.text("parent")),
            quoted(parent_kind),
            quoted(l.text("code")),
            l.num("gross"),
            quoted(l.text("currency")),
            quoted(l.text("custom")),
        );
    }
    let _ = writeln!(out, "\"SF\",\"\"\n\"SC\",{n}\n\"RF\",\"\"\n\"RC\",{n}\n\"FF\",{n}");
    out
}

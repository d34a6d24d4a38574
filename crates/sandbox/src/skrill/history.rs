//! The account's history as a file: one account, one currency, a fee as a line of its own.

use super::transaction::{TRANSACTIONS, shortest};
use crate::rail::Op;
use crate::stripe::Fields;
use qd_kernel::{Currency, Ts, format_fixed, parse_fixed};

/// Skrill's share of a payment, in hundredths of a percent.
const FEE: i64 = 190;
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Times are CET the whole year.
fn cet(at: i64) -> String {
    let t = Ts(at).plus_secs(3_600);
    let (y, m, d) = t.ymd();
    let time = t.rfc3339();
    let month = MONTHS[usize::try_from(m).unwrap_or(1).saturating_sub(1) % 12];
    format!("{d:02} {month} {:02} {}", y % 100, &time[11..16])
}

/// `.5` rather than `0.5`.
fn bare(amount: &str) -> String {
    let short = shortest(amount);
    short.strip_prefix("0.").map_or_else(|| short.clone(), |f| format!(".{f}"))
}

fn row(cells: &[&str]) -> String {
    let quoted: Vec<String> = cells.iter().map(|c| format!("\"{}\"", c.replace('"', "\"\""))).collect();
    format!("{}\n", quoted.join(","))
}

/// Transactions of `currency` that changed in `from..to` (microseconds).
pub fn csv(op: &Op<'_>, currency: &str, from: i64, to: i64) -> String {
    let places = Currency::parse(currency).map_or(2, Currency::exponent);
    let (minus, plus) = (format!("[-] {currency}"), format!("[+] {currency}"));
    let mut out = row(&[
        "ID",
        "Time (CET)",
        "Type",
        "Transaction Details",
        &minus,
        &plus,
        "Status",
        "balance",
        "Reference",
        "Amount Sent",
        "Currency sent",
        "More information",
        "ID of the corresponding Skrill transaction",
        "Payment Type",
    ]);
    let mut balance = 0i64;
    let rows = op.rows(TRANSACTIONS).map(|(_, t)| t);
    for t in rows.filter(|t| t["fields"].is("currency", currency)) {
        let f = &t["fields"];
        let minor = parse_fixed(f.text("amount"), places).unwrap_or(0);
        let inside = (from..to).contains(&t.num("changed"));
        let mut write = |line: &str, kind: &str, details: &str, moved: i64, reference: &str, more: &str| {
            balance += moved;
            if !inside {
                return;
            }
            let sum = bare(&format_fixed(moved.abs(), places));
            let (out_, in_) = if moved < 0 { (sum.as_str(), "") } else { ("", sum.as_str()) };
            let left = format_fixed(balance, places);
            let status = if t.num("status") == 0 { "pending" } else { "processed" };
            let sent = if details == "Fee" { "" } else { f.text("amount") };
            let sent_in = if details == "Fee" { "" } else { currency };
            let pay = if details == "Fee" { "" } else { "WLT" };
            let time = cet(t.num("changed"));
            out.push_str(&row(&[
                line,
                &time,
                kind,
                details,
                out_,
                in_,
                status,
                &left,
                reference,
                sent,
                sent_in,
                more,
                t.text("id"),
                pay,
            ]));
        };
        let (line, reference) = (t.text("line"), f.text("transaction_id"));
        match (t.text("kind"), t.num("status")) {
            ("payment", 2 | -3) => {
                write(line, "Receive Money", "from customer", minor, reference, "");
                let fee = (minor * FEE + 9_999) / 10_000;
                write(&format!("{line}1"), "Send Money", "Fee", -fee, "", "");
                if t.num("status") == -3 {
                    write(&format!("{line}2"), "Chargeback", "to customer", -minor, reference, "");
                }
            }
            ("refund", 0 | 2) => write(line, "Refund", "to customer", -minor, reference, f.text("refund_note")),
            ("transfer", 1 | 2 | -4) => {
                let details = format!("to {}", f.text("bnf_email"));
                write(line, "Send Money", &details, -minor, reference, f.text("subject"));
                if t.num("status") == -4 {
                    write(&format!("{line}1"), "Transfer returned", &details, minor, reference, "");
                }
            }
            _ => {}
        }
    }
    out
}

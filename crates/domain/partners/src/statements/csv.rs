//! A statement's lines for a spreadsheet.

use qd_kernel::{Currency, Lots, Problem, Result};

/// The content's lines as CSV: one row per line and adjustment, amounts in units.
pub fn csv(content: &str) -> Result<String> {
    let v: serde_json::Value = serde_json::from_str(content)?;
    let currency = v
        .get("currency")
        .and_then(serde_json::Value::as_str)
        .and_then(|c| Currency::parse(c).ok())
        .ok_or_else(|| Problem::bug("statement_unreadable", "a statement without currency"))?;
    let mut out = String::from("section,id,value_date,booked,deal,client,symbol,level,lots,amount,currency,reason,rule,corrects\n");
    for section in ["lines", "adjustments"] {
        for l in v.get(section).and_then(serde_json::Value::as_array).into_iter().flatten() {
            let text = |k: &str| match l.get(k) {
                Some(serde_json::Value::String(s)) => s.clone(),
                Some(serde_json::Value::Null) | None => String::new(),
                Some(v) => v.to_string(),
            };
            let int = |k: &str| l.get(k).and_then(serde_json::Value::as_i64).unwrap_or_default();
            let amount = qd_kernel::Amount::new(int("minor"), currency).text();
            let fields = [
                section.to_string(),
                text("id"),
                text("value_date"),
                text("booked"),
                text("deal"),
                text("client"),
                text("symbol"),
                text("level"),
                Lots(int("lots")).text(),
                amount,
                currency.to_string(),
                text("reason"),
                text("rule"),
                text("corrects"),
            ];
            out.push_str(&fields.iter().map(|f| csv_field(f)).collect::<Vec<_>>().join(","));
            out.push('\n');
        }
    }
    Ok(out)
}

/// Quoted where needed; what a spreadsheet would run as a formula begins with an apostrophe. A
/// number below zero is one.
fn csv_field(f: &str) -> String {
    let number = f
        .strip_prefix('-')
        .is_some_and(|r| !r.is_empty() && r.bytes().all(|b| b.is_ascii_digit() || b == b'.'));
    let f = if !number && f.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{f}")
    } else {
        f.to_string()
    };
    if f.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", f.replace('"', "\"\""))
    } else {
        f
    }
}

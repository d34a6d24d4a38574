//! The settlement report (STL), comma-separated: rows begin with their type (`RH` report, `FH`
//! file, `SH` section, `CH` columns, `SB` body, `SF`/`FF`/`RF` feet, `SC`/`RC` counts). Amounts are
//! digits without a point, their direction stands in a column of its own.

use crate::amount::from_report;
use qd_connector_kit::csv::{self, Heading};
use qd_kernel::{Amount, Ts};
use qd_ports::psp::{Settlement, SettlementFault, SettlementKind, SettlementLine};

fn fault(line: u32, field: &str, code: &str, expected: impl Into<String>) -> SettlementFault {
    SettlementFault {
        line,
        field: field.into(),
        code: code.into(),
        expected: expected.into(),
    }
}

/// Event codes by group and, where it matters, by code; direction decides the rest.
fn kind(code: &str, credit: bool) -> SettlementKind {
    match (code, credit) {
        ("T0001", false) => SettlementKind::Payout,
        ("T0001", true) => SettlementKind::Other,
        ("T1107", false) => SettlementKind::Refund,
        // Reversed by PayPal, or charged back through the card behind the wallet.
        ("T1106" | "T1201", false) => SettlementKind::Chargeback,
        ("T1202", true) => SettlementKind::ChargebackReversed,
        (c, _) if c.starts_with("T01") => SettlementKind::Fee,
        (c, false) if c.starts_with("T04") => SettlementKind::Transfer,
        (c, true) if c.starts_with("T00") => SettlementKind::Payment,
        // Holds and their release, conversions, payouts that came back, and what we don't know.
        _ => SettlementKind::Other,
    }
}

fn when(text: &str) -> Option<Ts> {
    let parsed = jiff::fmt::strtime::parse("%Y/%m/%d %H:%M:%S %z", text).ok()?;
    Some(Ts(parsed.to_timestamp().ok()?.as_microsecond()))
}

/// `CR` and `DR`, true for the credit.
fn credit(line: u32, field: &str, word: Option<&str>) -> Result<bool, SettlementFault> {
    match word {
        Some("CR") => Ok(true),
        Some("DR") => Ok(false),
        _ => Err(fault(line, field, "direction_unknown", "expected CR or DR")),
    }
}

fn signed(line: u32, field: &str, digits: Option<&str>, code: Option<&str>, credit: bool) -> Result<Amount, SettlementFault> {
    let (digits, code) = (digits.unwrap_or_default(), code.unwrap_or_default());
    let a = from_report(digits, code).ok_or_else(|| {
        fault(
            line,
            field,
            "amount_malformed",
            "expected digits in the smallest unit of a currency whose unit here is known (not HUF, not TWD)",
        )
    })?;
    Ok(if credit { a } else { a.neg() })
}

/// One body row; a fee that came back makes a line of its own, as fees are never positive.
fn body(line: u32, h: &Heading<'_>, row: &[String]) -> Result<Vec<SettlementLine>, SettlementFault> {
    let get = |name: &str| h.of(name, row);
    let owned = |name: &str| get(name).map(str::to_string);
    const CODE: &str = "Transaction Event Code";
    const GROSS: &str = "Gross Transaction Amount";
    const SIDE: &str = "Transaction Debit or Credit";
    const DONE: &str = "Transaction Completion Date";
    const FEE_SIDE: &str = "Fee Debit or Credit";
    const FEE: &str = "Fee Amount";
    let word = get(CODE)
        .filter(|c| c.len() == 5 && c.starts_with('T'))
        .ok_or_else(|| fault(line, CODE, "event_code_malformed", "expected T and four digits"))?;
    let is_credit = credit(line, SIDE, get(SIDE))?;
    let gross = signed(line, GROSS, get(GROSS), get("Gross Transaction Currency"), is_credit)?;
    let at = get(DONE)
        .or_else(|| get("Transaction Initiation Date"))
        .and_then(when)
        .ok_or_else(|| fault(line, DONE, "time_malformed", "expected a time such as 2024/08/20 00:01:17 -0700"))?;
    let provider_ref = owned("Transaction ID");
    let kind = kind(word, is_credit);
    let payment_ref = match (kind, get("PayPal Reference ID Type")) {
        (SettlementKind::Payment, _) => provider_ref.clone(),
        (_, Some("TXN")) => owned("PayPal Reference ID"),
        _ => None,
    };
    let mut main = SettlementLine {
        line,
        kind,
        word: word.to_string(),
        our_ref: owned("Custom Field").or_else(|| owned("Invoice ID")),
        provider_ref,
        payment_ref,
        gross,
        fee: None,
        at,
    };
    let fee = match get(FEE) {
        None => None,
        Some(digits) if digits.bytes().all(|b| b == b'0') => None,
        digits => {
            let back = credit(line, FEE_SIDE, get(FEE_SIDE))?;
            Some(signed(line, FEE, digits, get("Fee Currency"), back)?)
        }
    };
    let mut out = Vec::new();
    match fee {
        Some(f) if f.minor > 0 => out.push(SettlementLine {
            kind: SettlementKind::Fee,
            gross: f,
            ..main.clone()
        }),
        f => main.fee = f,
    }
    out.insert(0, main);
    Ok(out)
}

pub(crate) fn read(file: &[u8]) -> Result<Settlement, SettlementFault> {
    let text = std::str::from_utf8(file).map_err(|_| fault(0, "file", "file_malformed", "expected UTF-8 text"))?;
    let rows = csv::rows(text, ',').map_err(|line| fault(line, "file", "quote_open", "expected the quoted field to end"))?;
    let head = rows.first().filter(|(_, f)| f.first().is_some_and(|t| t == "RH"));
    let (_, head) = head.ok_or_else(|| {
        fault(
            1,
            "file",
            "not_a_settlement_report",
            "expected a PayPal settlement report, which begins with RH",
        )
    })?;
    let mut out = Settlement::default();
    // When it was made and for which account: the same report downloaded twice says the same.
    if let (Some(made), Some(account)) = (head.get(1), head.get(3))
        && !made.is_empty()
    {
        out.file_ref = Some(format!("{account} {made}"));
    }
    let mut heading: Option<&[String]> = None;
    let mut bodies: u64 = 0;
    let mut ended = false;
    for (line, fields) in rows.iter().skip(1) {
        let Some((row_type, _)) = fields.split_first() else { continue };
        match row_type.as_str() {
            // The columns' names stand after the row's type, as the values do.
            "CH" => heading = Some(fields),
            "SB" => {
                bodies += 1;
                let read = heading
                    .ok_or_else(|| {
                        fault(
                            *line,
                            "CH",
                            "heading_missing",
                            "expected the row of column names before the first body row",
                        )
                    })
                    .and_then(|h| body(*line, &Heading(h), fields));
                match read {
                    Ok(lines) => out.lines.extend(lines),
                    Err(f) => out.faults.push(f),
                }
            }
            "SC" => {
                let said = fields.get(1).and_then(|n| n.trim().parse::<u64>().ok());
                if said != Some(bodies) {
                    out.faults.push(fault(
                        *line,
                        "SC",
                        "rows_missing",
                        format!("expected as many body rows as counted here, found {bodies}"),
                    ));
                }
                bodies = 0;
                heading = None;
            }
            "RF" | "RC" => ended = true,
            "RH" | "FH" | "SH" | "SF" | "FF" | "FC" => {}
            _ => out.faults.push(fault(
                *line,
                "row type",
                "row_type_unknown",
                "expected RH, FH, SH, CH, SB, SF, SC, FF, FC, RF or RC",
            )),
        }
    }
    if !ended {
        let last = rows.last().map_or(1, |(l, _)| *l);
        out.faults
            .push(fault(last, "RF", "file_cut_short", "expected the report's foot as the last rows"));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use qd_kernel::Currency;

    const HEAD: &str = "\"RH\",2026/11/20 02:44:19 -0800,\"A\",\"QD7X8Y9Z0ABCD\",009,\n\"FH\",01\n\"SH\",2026/11/19 00:00:00 -0800,2026/11/19 23:59:59 -0800,\"QD7X8Y9Z0ABCD\",\"\"\n\"CH\",\"Transaction ID\",\"Invoice ID\",\"PayPal Reference ID\",\"PayPal Reference ID Type\",\"Transaction Event Code\",\"Transaction Initiation Date\",\"Transaction Completion Date\",\"Transaction  Debit or Credit\",\"Gross Transaction Amount\",\"Gross Transaction Currency\",\"Fee Debit or Credit\",\"Fee Amount\",\"Fee Currency\",\"Custom Field\",\"Consumer ID\"\n";
    const AT: &str = "2026/11/19 01:02:03 -0800";

    fn row(id: &str, ours: &str, parent: &str, code: &str, gross: &str, fee: &str) -> String {
        let parent = if parent.is_empty() {
            "\"\",\"\"".to_string()
        } else {
            format!("\"{parent}\",\"TXN\"")
        };
        format!("\"SB\",\"{id}\",\"\",{parent},\"{code}\",{AT},{AT},{gross},{fee},\"{ours}\",\"\"\n")
    }

    fn file(rows: &[String]) -> String {
        format!(
            "{HEAD}{}\"SF\",\"USD\"\n\"SC\",{}\n\"RF\",\"USD\"\n\"RC\",{}\n",
            rows.concat(),
            rows.len(),
            rows.len()
        )
    }

    #[test]
    fn each_kind_of_row_becomes_a_signed_line_with_its_references() {
        let usd = |m| Amount::new(m, Currency::USD);
        let f = file(&[
            row("CAP1", "dep_1", "", "T0006", "\"CR\",10000,\"USD\"", "\"DR\",379,\"USD\""),
            row("REF1", "rf_1", "CAP1", "T1107", "\"DR\",2500,\"USD\"", "\"CR\",35,\"USD\""),
            row("PAY1", "wdr_1-1", "", "T0001", "\"DR\",5000,\"USD\"", "\"\",,\"\""),
            row("CBK1", "", "CAP1", "T1201", "\"DR\",7500,\"USD\"", "\"\",,\"\""),
            row("CBR1", "", "CAP1", "T1202", "\"CR\",7500,\"USD\"", "\"\",,\"\""),
            row("FEE1", "", "CBK1", "T0106", "\"DR\",2000,\"USD\"", "\"\",,\"\""),
            row("BNK1", "", "", "T0400", "\"DR\",90000,\"USD\"", "\"\",,\"\""),
            row("HLD1", "", "PAY1", "T1503", "\"DR\",5000,\"USD\"", "\"\",,\"\""),
            row("RET1", "wdr_1-1", "PAY1", "T1115", "\"CR\",5000,\"USD\"", "\"\",,\"\""),
        ]);
        let s = read(f.as_bytes()).unwrap();
        assert_eq!(s.faults, vec![]);
        assert_eq!(s.file_ref.as_deref(), Some("QD7X8Y9Z0ABCD 2026/11/20 02:44:19 -0800"));
        use SettlementKind::{Chargeback, ChargebackReversed, Fee, Other, Payment, Payout, Refund, Transfer};
        let got: Vec<_> = s
            .lines
            .iter()
            .map(|l| (l.line, l.kind, l.gross, l.fee, l.payment_ref.as_deref()))
            .collect();
        assert_eq!(
            got,
            vec![
                (5, Payment, usd(10_000), Some(usd(-379)), Some("CAP1")),
                (6, Refund, usd(-2_500), None, Some("CAP1")),
                (6, Fee, usd(35), None, Some("CAP1")),
                (7, Payout, usd(-5_000), None, None),
                (8, Chargeback, usd(-7_500), None, Some("CAP1")),
                (9, ChargebackReversed, usd(7_500), None, Some("CAP1")),
                (10, Fee, usd(-2_000), None, Some("CBK1")),
                (11, Transfer, usd(-90_000), None, None),
                (12, Other, usd(-5_000), None, Some("PAY1")),
                (13, Other, usd(5_000), None, Some("PAY1")),
            ]
        );
        assert_eq!(
            (s.lines[0].our_ref.as_deref(), s.lines[0].provider_ref.as_deref()),
            (Some("dep_1"), Some("CAP1"))
        );
        assert_eq!(s.lines[0].at.rfc3339(), "2026-11-19T09:02:03.000000Z");
    }

    #[test]
    fn a_bad_row_is_named_and_hides_no_other() {
        let f = file(&[
            row("CAP1", "dep_1", "", "T0006", "\"CR\",100.00,\"USD\"", "\"\",,\"\""),
            row("CAP2", "dep_2", "", "T0006", "\"??\",10000,\"USD\"", "\"\",,\"\""),
            row("CAP3", "dep_3", "", "T0006", "\"CR\",10000,\"HUF\"", "\"\",,\"\""),
            row("CAP4", "dep_4", "", "X", "\"CR\",10000,\"USD\"", "\"\",,\"\""),
            row("CAP5", "dep_5", "", "T0006", "\"CR\",10000,\"USD\"", "\"\",,\"\""),
        ]);
        let s = read(f.as_bytes()).unwrap();
        assert_eq!(s.lines.len(), 1);
        let codes: Vec<_> = s.faults.iter().map(|f| (f.line, f.code.as_str())).collect();
        assert_eq!(
            codes,
            vec![
                (5, "amount_malformed"),
                (6, "direction_unknown"),
                (7, "amount_malformed"),
                (8, "event_code_malformed")
            ]
        );
    }

    #[test]
    fn files_that_were_cut_or_are_somebody_elses_are_told() {
        let whole = file(&[row("CAP1", "dep_1", "", "T0006", "\"CR\",10000,\"USD\"", "\"\",,\"\"")]);
        let cut = whole.split("\"SF\"").next().unwrap();
        assert_eq!(read(cut.as_bytes()).unwrap().faults[0].code, "file_cut_short");
        let fewer = whole.replace("\"SC\",1", "\"SC\",2");
        assert_eq!(read(fewer.as_bytes()).unwrap().faults[0].code, "rows_missing");
        assert_eq!(
            read(b"Company Account,Merchant Account\n").unwrap_err().code,
            "not_a_settlement_report"
        );
        assert_eq!(read(b"\xff\xfe").unwrap_err().code, "file_malformed");
        assert_eq!(read(b"\"RH\",\"x").unwrap_err().code, "quote_open");
    }
}

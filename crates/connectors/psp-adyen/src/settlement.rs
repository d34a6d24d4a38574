//! The settlement details report: CSV with a heading, amounts in major units, debit and credit in
//! columns of their own, times in a named zone.

use qd_connector_kit::csv::{self, Heading};
use qd_kernel::{Amount, Currency, Ts};
use qd_ports::psp::{Settlement, SettlementFault, SettlementKind, SettlementLine};

fn fault(line: u32, field: &str, code: &str, expected: impl Into<String>) -> SettlementFault {
    SettlementFault {
        line,
        field: field.into(),
        code: code.into(),
        expected: expected.into(),
    }
}

fn kind(word: &str) -> SettlementKind {
    match word {
        "Settled" => SettlementKind::Payment,
        "Refunded" => SettlementKind::Refund,
        "Chargeback" | "SecondChargeback" => SettlementKind::Chargeback,
        "ChargebackReversed" => SettlementKind::ChargebackReversed,
        "Fee" | "MiscCosts" | "PaymentCost" | "InvoiceDeduction" => SettlementKind::Fee,
        "MerchantPayout" => SettlementKind::Transfer,
        "PaidOut" => SettlementKind::Payout,
        // RefundedReversed, PaidOutReversed, Balancetransfer, corrections, and what we don't know.
        _ => SettlementKind::Other,
    }
}

/// Hours east of Greenwich. Abbreviations that mean two zones are not among them.
fn zone(name: &str) -> Option<i64> {
    Some(match name {
        "UTC" | "GMT" => 0,
        "CET" | "WEST" => 1,
        "CEST" | "EET" => 2,
        "EEST" => 3,
        "SGT" | "HKT" => 8,
        "JST" => 9,
        "AEST" => 10,
        "AEDT" => 11,
        "EST" => -5,
        "EDT" => -4,
        "PST" => -8,
        "PDT" => -7,
        _ => return None,
    })
}

fn when(text: &str, zone_name: &str) -> Option<Ts> {
    let t = jiff::fmt::strtime::parse("%Y-%m-%d %H:%M:%S", text).ok()?.to_datetime().ok()?;
    let at = t.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    Some(Ts(at.as_microsecond()).plus_secs(-3_600 * zone(zone_name)?))
}

/// Credit less debit; None when neither stands there.
fn side(line: u32, h: &Heading<'_>, row: &[String], currency: &str, debit: &str, credit: &str) -> Result<Option<Amount>, SettlementFault> {
    let read = |name: &str| -> Result<Option<Amount>, SettlementFault> {
        let Some(text) = h.of(name, row) else { return Ok(None) };
        let bad = || {
            fault(
                line,
                name,
                "amount_malformed",
                "expected a decimal such as 25.40 in a known currency",
            )
        };
        let code = h.of(currency, row).and_then(|c| Currency::parse(c).ok()).ok_or_else(bad)?;
        let a = Amount::parse(text, code).map_err(|_| bad())?;
        if a.minor < 0 { Err(bad()) } else { Ok(Some(a)) }
    };
    match (read(debit)?, read(credit)?) {
        (None, None) => Ok(None),
        (Some(d), None) => Ok(Some(d.neg())),
        (None, Some(c)) => Ok(Some(c)),
        (Some(d), Some(c)) => c
            .sub(d)
            .map(Some)
            .map_err(|_| fault(line, credit, "amount_malformed", "expected amounts of one currency")),
    }
}

fn body(line: u32, h: &Heading<'_>, row: &[String]) -> Result<SettlementLine, SettlementFault> {
    let owned = |name: &str| h.of(name, row).map(str::to_string);
    let word = h
        .of("Type", row)
        .ok_or_else(|| fault(line, "Type", "type_missing", "expected a type such as Settled"))?;
    let gross = side(line, h, row, "Gross Currency", "Gross Debit (GC)", "Gross Credit (GC)")?;
    let net = side(line, h, row, "Net Currency", "Net Debit (NC)", "Net Credit (NC)")?;
    let kind = kind(word);
    let fee = match (kind, gross, net) {
        // A fee's own line is the fee.
        (SettlementKind::Fee, ..) => None,
        (_, Some(g), Some(n)) if g.currency == n.currency => n.sub(g).ok().filter(|f| f.minor < 0),
        _ => None,
    };
    let gross = gross.or(net).ok_or_else(|| {
        fault(
            line,
            "Gross Credit (GC)",
            "amount_missing",
            "expected a debit or a credit, gross or net",
        )
    })?;
    let at = match (h.of("Creation Date", row), h.of("TimeZone", row)) {
        (Some(t), Some(z)) => when(t, z),
        _ => None,
    };
    let at = at.ok_or_else(|| {
        fault(
            line,
            "Creation Date",
            "time_malformed",
            "expected a time such as 2026-11-20 10:00:00 and a zone such as CET",
        )
    })?;
    let payment_ref = owned("Psp Reference");
    Ok(SettlementLine {
        line,
        kind,
        word: word.to_string(),
        our_ref: owned("Modification Merchant Reference").or_else(|| owned("Merchant Reference")),
        provider_ref: owned("Modification Reference").or_else(|| payment_ref.clone()),
        payment_ref,
        gross,
        fee,
        at,
    })
}

pub(crate) fn read(file: &[u8]) -> Result<Settlement, SettlementFault> {
    let text = std::str::from_utf8(file).map_err(|_| fault(0, "file", "file_malformed", "expected UTF-8 text"))?;
    let rows = csv::rows(text, ',').map_err(|line| fault(line, "file", "quote_open", "expected the quoted field to end"))?;
    let (head, rows) = rows
        .split_first()
        .ok_or_else(|| fault(1, "file", "file_empty", "expected a heading"))?;
    let h = Heading(&head.1);
    for name in [
        "Psp Reference",
        "Type",
        "Gross Currency",
        "Net Currency",
        "Creation Date",
        "TimeZone",
    ] {
        if h.at(name).is_none() {
            return Err(fault(
                head.0,
                name,
                "not_a_settlement_report",
                "expected the heading of Adyen's settlement details report",
            ));
        }
    }
    let mut out = Settlement::default();
    for (line, row) in rows {
        if out.file_ref.is_none()
            && let (Some(account), Some(batch)) = (h.of("Merchant Account", row), h.of("Batch Number", row))
        {
            out.file_ref = Some(format!("{account} {batch}"));
        }
        match body(*line, &h, row) {
            Ok(l) => out.lines.push(l),
            Err(f) => out.faults.push(f),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "Company Account,Merchant Account,Psp Reference,Merchant Reference,Payment Method,Creation Date,TimeZone,Type,Modification Reference,Gross Currency,Gross Debit (GC),Gross Credit (GC),Exchange Rate,Net Currency,Net Debit (NC),Net Credit (NC),Commission (NC),Markup (NC),Scheme Fees (NC),Interchange (NC),Payment Method Variant,Modification Merchant Reference,Batch Number\n";

    fn row(refs: (&str, &str, &str, &str), word: &str, gross: &str, net: &str) -> String {
        let (psp, ours, modification, modification_ours) = refs;
        format!(
            "Co,DemoMerchant,{psp},{ours},visa,2026-11-20 10:00:00,CET,{word},{modification},{gross},1,{net},,0.10,0.20,0.30,visadebit,{modification_ours},7\n"
        )
    }

    #[test]
    fn each_type_becomes_a_signed_line_with_its_references() {
        let eur = |m| Amount::new(m, Currency::EUR);
        let paid = ("P1", "dep_1", "", "");
        let f = [
            HEAD.to_string(),
            row(paid, "Settled", "EUR,,100.00", "EUR,,99.40"),
            row(("P1", "dep_1", "R1", "rf_1"), "Refunded", "EUR,25.00,", "EUR,25.10,"),
            row(paid, "Chargeback", "EUR,75.00,", "EUR,90.00,"),
            row(paid, "ChargebackReversed", "EUR,,75.00", "EUR,,75.00"),
            row(("", "", "", ""), "Fee", "EUR,,", "EUR,2.50,"),
            row(("", "", "", ""), "MerchantPayout", "EUR,,", "EUR,500.00,"),
            row(("", "", "", ""), "Balancetransfer", "EUR,,", "EUR,,1.00"),
            row(paid, "Settled", "USD,,10.00", "EUR,,9.00"),
        ]
        .concat();
        let s = read(f.as_bytes()).unwrap();
        assert_eq!(s.faults, vec![]);
        assert_eq!(s.file_ref.as_deref(), Some("DemoMerchant 7"));
        use SettlementKind::{Chargeback, ChargebackReversed, Fee, Other, Payment, Refund, Transfer};
        let got: Vec<_> = s.lines.iter().map(|l| (l.kind, l.gross, l.fee)).collect();
        assert_eq!(
            got,
            vec![
                (Payment, eur(10_000), Some(eur(-60))),
                (Refund, eur(-2_500), Some(eur(-10))),
                (Chargeback, eur(-7_500), Some(eur(-1_500))),
                (ChargebackReversed, eur(7_500), None),
                (Fee, eur(-250), None),
                (Transfer, eur(-50_000), None),
                (Other, eur(100), None),
                (Payment, Amount::new(1_000, Currency::USD), None),
            ]
        );
        let r = &s.lines[1];
        assert_eq!(
            (r.our_ref.as_deref(), r.provider_ref.as_deref(), r.payment_ref.as_deref(), r.line),
            (Some("rf_1"), Some("R1"), Some("P1"), 3)
        );
        assert_eq!(r.at.rfc3339(), "2026-11-20T09:00:00.000000Z");
    }

    #[test]
    fn a_bad_line_is_named_and_a_file_of_somebody_else_is_refused() {
        let paid = ("P1", "dep_1", "", "");
        let f = [
            HEAD.to_string(),
            row(paid, "Settled", "EUR,,100.001", "EUR,,99.40"),
            row(paid, "Settled", "XXQ,,100.00", "EUR,,99.40"),
            row(paid, "", "EUR,,100.00", "EUR,,99.40"),
            row(paid, "Settled", "EUR,,100.00", "EUR,,99.40").replace("CET", "IST"),
            row(paid, "Settled", "EUR,,", "EUR,,"),
            row(paid, "Settled", "EUR,,100.00", "EUR,,99.40"),
        ]
        .concat();
        let s = read(f.as_bytes()).unwrap();
        let codes: Vec<_> = s.faults.iter().map(|f| (f.line, f.code.as_str())).collect();
        assert_eq!(
            codes,
            vec![
                (2, "amount_malformed"),
                (3, "amount_malformed"),
                (4, "type_missing"),
                (5, "time_malformed"),
                (6, "amount_missing")
            ]
        );
        assert_eq!(s.lines.len(), 1);
        assert_eq!(read(b"\"RH\",x\n").unwrap_err().code, "not_a_settlement_report");
        assert_eq!(read(b"").unwrap_err().code, "file_empty");
    }
}

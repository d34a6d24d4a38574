//! Stripe's balance reports as CSV (payment-providers.md 2.6): `balance_change_from_activity.itemized`
//! and `payout_reconciliation.itemized`, whose columns are one family. Amounts are in major units.

use crate::amount::{from_stripe, places_of};
use crate::map::OUR_REF;
use qd_connector_kit::csv::{Heading, rows};
use qd_kernel::money::parse_fixed;
use qd_kernel::{Amount, Ts};
use qd_ports::psp::{Settlement, SettlementFault, SettlementKind, SettlementLine};

fn fault(line: u32, field: &str, code: &str, expected: &str) -> SettlementFault {
    SettlementFault {
        line,
        field: field.into(),
        code: code.into(),
        expected: expected.into(),
    }
}

/// Stripe's reporting category. Its payout is its transfer of our balance to our bank.
fn kind(category: &str) -> SettlementKind {
    match category {
        "charge" => SettlementKind::Payment,
        "refund" | "refund_failure" => SettlementKind::Refund,
        "dispute" => SettlementKind::Chargeback,
        "dispute_reversal" => SettlementKind::ChargebackReversed,
        "fee" | "network_cost" | "tax" => SettlementKind::Fee,
        "payout"
        | "payout_reversal"
        | "payout_minimum_balance_hold"
        | "payout_minimum_balance_release"
        | "topup"
        | "topup_reversal"
        | "transfer"
        | "transfer_reversal" => SettlementKind::Transfer,
        _ => SettlementKind::Other,
    }
}

/// `2026-11-20 09:14:03`, UTC; some exports leave the seconds away, or write a `T`.
fn moment(text: &str) -> Option<Ts> {
    let (date, time) = text.split_once([' ', 'T'])?;
    let mut d = date.splitn(3, '-').map(str::parse::<u32>);
    let (y, m, day) = (d.next()?.ok()?, d.next()?.ok()?, d.next()?.ok()?);
    let mut t = time.trim_end_matches('Z').splitn(3, ':').map(str::parse::<i64>);
    let (h, min, s) = (t.next()?.ok()?, t.next()?.ok()?, t.next().unwrap_or(Ok(0)).ok()?);
    let sound = (1970..=9999).contains(&y) && (1..=12).contains(&m) && (1..=31).contains(&day);
    let sound = sound && (0..24).contains(&h) && (0..60).contains(&min) && (0..60).contains(&s);
    sound.then(|| Ts::from_ymd(i64::from(y), m, day).plus_secs(h * 3_600 + min * 60 + s))
}

/// `-12.5`, `12.50`, `1200`: major units of the currency as Stripe counts it.
fn amount(text: &str, currency: &str) -> Option<Amount> {
    from_stripe(parse_fixed(text, places_of(currency)?)?, currency)
}

pub(crate) fn read(file: &[u8]) -> Result<Settlement, SettlementFault> {
    let text = std::str::from_utf8(file).map_err(|_| fault(0, "file", "file_not_text", "expected UTF-8 text"))?;
    let rows = rows(text, ',').map_err(|line| fault(line, "file", "quote_open", "expected the end of a quoted field"))?;
    let Some(((_, heading), body)) = rows.split_first() else {
        return Err(fault(0, "file", "file_empty", "expected a heading and lines"));
    };
    let h = Heading(heading);
    for column in ["balance_transaction_id", "currency", "gross", "fee", "reporting_category"] {
        if h.at(column).is_none() {
            return Err(fault(1, column, "column_missing", "expected an itemised balance report of Stripe"));
        }
    }
    if h.at("created_utc").is_none() && h.at("created").is_none() {
        return Err(fault(
            1,
            "created_utc",
            "column_missing",
            "expected an itemised balance report of Stripe",
        ));
    }
    let mut out = Settlement::default();
    for (line, row) in body {
        match one(*line, &h, row) {
            Ok(l) => out.lines.push(l),
            Err(f) => out.faults.push(f),
        }
    }
    Ok(out)
}

fn one(line: u32, h: &Heading<'_>, row: &[String]) -> Result<SettlementLine, SettlementFault> {
    let text = |name: &str| h.of(name, row).map(str::to_string);
    let must = |name: &str| text(name).ok_or_else(|| fault(line, name, "field_missing", "expected a value"));
    let word = must("reporting_category")?;
    let currency = must("currency")?;
    let money = |name: &str| -> Result<Amount, SettlementFault> {
        amount(&must(name)?, &currency).ok_or_else(|| {
            fault(
                line,
                name,
                "amount_unreadable",
                "expected an amount in major units of a currency that is known",
            )
        })
    };
    let gross = money("gross")?;
    let fee = money("fee")?.neg();
    let created = text("created_utc").or_else(|| text("created"));
    let at = created.as_deref().and_then(moment).ok_or_else(|| {
        fault(
            line,
            "created_utc",
            "moment_unreadable",
            "expected a moment like 2026-11-20 09:14:03",
        )
    })?;
    let kind = kind(&word);
    let payment = text("payment_intent_id").or_else(|| text("charge_id"));
    let source = text("source_id").or_else(|| text("balance_transaction_id"));
    let noted = |what: &str| text(&format!("{what}_metadata[{OUR_REF}]"));
    Ok(SettlementLine {
        line,
        kind,
        our_ref: match kind {
            SettlementKind::Payment => noted("payment"),
            SettlementKind::Refund => noted("refund"),
            _ => None,
        },
        provider_ref: match kind {
            SettlementKind::Payment => payment.clone().or(source),
            _ => source,
        },
        payment_ref: match kind {
            SettlementKind::Refund | SettlementKind::Chargeback | SettlementKind::ChargebackReversed | SettlementKind::Fee => payment,
            _ => None,
        },
        word,
        gross,
        // A fee that is given back is no charge.
        fee: (fee.minor <= 0).then_some(fee),
        at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use qd_kernel::Currency;

    const HEADING: &str = "balance_transaction_id,created_utc,available_on_utc,currency,gross,fee,net,reporting_category,source_id,description,charge_id,payment_intent_id,payment_metadata[qd_ref],refund_metadata[qd_ref]\n";

    fn lines(body: &str) -> Settlement {
        read(format!("{HEADING}{body}").as_bytes()).unwrap()
    }

    #[test]
    fn a_payment_a_refund_a_dispute_and_a_payout_say_whose_they_are() {
        let s = lines(concat!(
            "txn_1,2026-11-20 09:14:03,2026-11-22 00:00:00,eur,500.00,7.50,492.50,charge,ch_1,\"Deposit, first\",ch_1,pi_1,dep_1,\n",
            "txn_2,2026-11-20 10:00:00,2026-11-20 00:00:00,eur,-120.05,0.00,-120.05,refund,re_1,,ch_1,pi_1,dep_1,wdr_1-1\n",
            "txn_3,2026-11-20 11:00:00,2026-11-20 00:00:00,jpy,-500,15,-515,dispute,dp_1,,ch_2,pi_2,dep_2,\n",
            "txn_4,2026-11-21 00:00:00,2026-11-21 00:00:00,isk,-5.00,0.00,-5.00,payout,po_1,,,,,\n",
            "txn_5,2026-11-21 00:00:00,2026-11-21 00:00:00,eur,1.00,0.00,1.00,moon_dust,xx_1,,,,,\n",
        ));
        assert!(s.faults.is_empty(), "{:?}", s.faults);
        let l = &s.lines;
        assert_eq!(
            (l[0].line, l[0].kind, l[0].gross),
            (2, SettlementKind::Payment, Amount::new(50_000, Currency::EUR))
        );
        assert_eq!(
            (l[0].our_ref.as_deref(), l[0].provider_ref.as_deref()),
            (Some("dep_1"), Some("pi_1"))
        );
        assert_eq!(l[0].fee, Some(Amount::new(-750, Currency::EUR)));
        assert_eq!(l[0].at, Ts::from_ymd(2026, 11, 20).plus_secs(9 * 3_600 + 14 * 60 + 3));
        assert_eq!(
            (l[1].our_ref.as_deref(), l[1].provider_ref.as_deref(), l[1].payment_ref.as_deref()),
            (Some("wdr_1-1"), Some("re_1"), Some("pi_1"))
        );
        assert_eq!(l[1].gross.minor, -12_005);
        assert_eq!(
            (l[2].kind, l[2].gross, l[2].our_ref.as_deref()),
            (SettlementKind::Chargeback, Amount::new(-500, Currency::JPY), None)
        );
        assert_eq!((l[3].kind, l[3].gross.minor), (SettlementKind::Transfer, -5));
        assert_eq!((l[4].kind, l[4].word.as_str()), (SettlementKind::Other, "moon_dust"));
    }

    #[test]
    fn a_line_that_cannot_be_read_hides_no_other() {
        let s = lines(concat!(
            "txn_1,2026-11-20 09:14:03,,eur,500.005,0.00,500.00,charge,ch_1,,ch_1,pi_1,dep_1,\n",
            "txn_2,yesterday,,eur,500.00,0.00,500.00,charge,ch_1,,ch_1,pi_1,dep_1,\n",
            "txn_3,2026-11-20 09:14:03,,zzz,500.00,0.00,500.00,charge,ch_1,,ch_1,pi_1,dep_1,\n",
            "txn_4,2026-11-20 09:14:03,,eur,500.00,0.00,500.00,charge,ch_1,,ch_1,pi_1,dep_1,\n",
        ));
        assert_eq!(s.lines.len(), 1);
        let found: Vec<_> = s.faults.iter().map(|f| (f.line, f.code.as_str())).collect();
        assert_eq!(
            found,
            [(2, "amount_unreadable"), (3, "moment_unreadable"), (4, "amount_unreadable")]
        );
    }

    #[test]
    fn a_file_of_another_kind_is_refused_with_the_column_that_is_missing() {
        assert_eq!(read(b"ID,Time (CET),Type\n1,2,3\n").unwrap_err().code, "column_missing");
        assert_eq!(read(b"").unwrap_err().code, "file_empty");
        assert_eq!(read(b"a,\"b\n").unwrap_err().code, "quote_open");
        assert_eq!(read(&[0xff, 0xfe]).unwrap_err().code, "file_not_text");
    }
}

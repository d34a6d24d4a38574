//! The account history as CSV (payment-providers.md 3.6): one account in one currency, named in
//! the heading; a fee is a line of its own; times are CET.

use crate::amount::from_skrill;
use qd_connector_kit::csv::{self, Heading};
use qd_kernel::{Amount, Ts};
use qd_ports::psp::{Settlement, SettlementFault, SettlementKind, SettlementLine};

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const CORRESPONDING: &str = "ID of the corresponding Skrill transaction";

fn fault(line: u32, field: &str, code: &str, expected: &str) -> SettlementFault {
    SettlementFault {
        line,
        field: field.into(),
        code: code.into(),
        expected: expected.into(),
    }
}

fn midnight(year: i64, month: &str, day: &str) -> Option<Ts> {
    let day: u32 = day.parse().ok().filter(|d| (1..=31).contains(d))?;
    let month = MONTHS.iter().position(|m| m.eq_ignore_ascii_case(month))?;
    Some(Ts::from_ymd(year, u32::try_from(month + 1).ok()?, day))
}

/// The day of an answer's date: `Fri, 20 Nov 2026 19:07:18 GMT`.
pub(crate) fn day(date: &str) -> Option<Ts> {
    let mut parts = date.split_whitespace().skip(1);
    let (day, month) = (parts.next()?, parts.next()?);
    midnight(parts.next()?.parse().ok()?, month, day)
}

/// `02 Aug 18 09:55`, one hour ahead of UTC the whole year.
fn when(text: &str) -> Option<Ts> {
    let mut parts = text.split_whitespace();
    let (day, month) = (parts.next()?, parts.next()?);
    let year: i64 = parts.next()?.parse().ok().filter(|y| (0..100).contains(y))?;
    let midnight = midnight(2000 + year, month, day)?;
    let (hour, minute) = parts.next()?.split_once(':')?;
    let hour: i64 = hour.parse().ok().filter(|h| (0..24).contains(h))?;
    let minute: i64 = minute.parse().ok().filter(|m| (0..60).contains(m))?;
    parts.next().is_none().then(|| midnight.plus_secs((hour - 1) * 3_600 + minute * 60))
}

fn kind(word: &str, details: &str, status: &str) -> SettlementKind {
    if !matches!(status, "processed" | "scheduled") {
        return SettlementKind::Other;
    }
    match (word, details) {
        (_, "Fee") => SettlementKind::Fee,
        ("Receive Money", _) => SettlementKind::Payment,
        ("Send Money", _) => SettlementKind::Payout,
        ("Refund", _) => SettlementKind::Refund,
        ("Chargeback", _) => SettlementKind::Chargeback,
        _ => SettlementKind::Other,
    }
}

/// The account's currency: `[-] EUR`.
fn currency(heading: &[String]) -> Option<&str> {
    heading.iter().find_map(|h| h.trim().strip_prefix("[-] "))
}

pub(crate) fn read(file: &[u8]) -> Result<Settlement, SettlementFault> {
    let not_one = |line| fault(line, "file", "file_unknown", "expected Skrill's account history as CSV");
    let text = std::str::from_utf8(file).map_err(|_| not_one(0))?;
    let rows = csv::rows(text, ',').map_err(not_one)?;
    let mut rows = rows.iter();
    let (_, head) = rows.next().ok_or_else(|| not_one(1))?;
    let heading = Heading(head);
    let named = ["ID", "Time (CET)", "Type", "Status", CORRESPONDING];
    let code = currency(head).filter(|_| named.iter().all(|n| heading.at(n).is_some()));
    let code = code.ok_or_else(|| not_one(1))?;
    let mut out = Settlement::default();
    for (line, row) in rows {
        match entry(*line, &heading, row, code) {
            Ok(l) => out.lines.push(l),
            Err(f) => out.faults.push(f),
        }
    }
    Ok(out)
}

fn entry(line: u32, heading: &Heading<'_>, row: &[String], code: &str) -> Result<SettlementLine, SettlementFault> {
    let of = |name: &str| heading.of(name, row);
    let time = of("Time (CET)").and_then(when);
    let at = time.ok_or_else(|| fault(line, "Time (CET)", "time_malformed", "expected a time such as 02 Aug 18 09:55"))?;
    let (minus, plus) = (format!("[-] {code}"), format!("[+] {code}"));
    let read = |field: &str, text: &str| {
        from_skrill(text, code).ok_or_else(|| fault(line, field, "amount_malformed", "expected a decimal in the account's currency"))
    };
    let gross: Amount = match (of(&minus), of(&plus)) {
        (Some(t), None) => read(&minus, t)?.neg(),
        (None, Some(t)) => read(&plus, t)?,
        _ => return Err(fault(line, &plus, "amount_missing", "expected an amount in one of the two columns")),
    };
    let (word, details) = (of("Type").unwrap_or_default(), of("Transaction Details").unwrap_or_default());
    let kind = kind(word, details, of("Status").unwrap_or_default());
    let text = |t: Option<&str>| t.map(str::to_string);
    let (own, parent) = (text(of("ID")), text(of(CORRESPONDING)));
    Ok(SettlementLine {
        line,
        kind,
        word: if details == "Fee" {
            format!("{word}: Fee")
        } else {
            word.to_string()
        },
        // A refund's reference is the payment's; ours stands in its note.
        our_ref: text(if kind == SettlementKind::Refund {
            of("More information")
        } else {
            of("Reference")
        }),
        provider_ref: if kind == SettlementKind::Fee { own } else { parent.clone().or(own) },
        payment_ref: parent.filter(|_| matches!(kind, SettlementKind::Fee | SettlementKind::Chargeback)),
        gross,
        fee: None,
        at,
    })
}

/// What the history says of one refund: Skrill's id, its status and what it moved.
pub(crate) struct RefundSeen {
    pub id: String,
    pub pending: bool,
    pub amount: Amount,
}

/// The refund that carries `our_ref` as its note. Err when the file, or a line that may be it,
/// cannot be read.
pub(crate) fn refund(text: &str, our_ref: &str) -> Result<Option<RefundSeen>, SettlementFault> {
    let rows = csv::rows(text, ',').map_err(|l| fault(l, "file", "file_unknown", "expected CSV"))?;
    let Some((_, head)) = rows.first() else { return Ok(None) };
    let heading = Heading(head);
    let code = currency(head).ok_or_else(|| fault(1, "[-]", "column_missing", "expected the account's currency in the heading"))?;
    let found = rows[1..]
        .iter()
        .find(|(_, r)| heading.of("More information", r).is_some_and(|m| m == our_ref));
    let Some((line, row)) = found else { return Ok(None) };
    let pending = match heading.of("Status", row) {
        Some("processed") => false,
        Some("pending" | "scheduled") => true,
        _ => return Err(fault(*line, "Status", "status_unknown", "expected processed, pending or scheduled")),
    };
    let l = entry(*line, &heading, row, code)?;
    let id = l
        .provider_ref
        .ok_or_else(|| fault(*line, "ID", "id_missing", "expected Skrill's id of the refund"))?;
    let amount = if l.gross.minor < 0 { l.gross.neg() } else { l.gross };
    Ok(Some(RefundSeen { id, pending, amount }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use qd_kernel::Currency;

    const HEAD: &str = "\"ID\",\"Time (CET)\",\"Type\",\"Transaction Details\",\"[-] USD\",\"[+] USD\",\"Status\",\"balance\",\"Reference\",\"Amount Sent\",\"Currency sent\",\"More information\",\"ID of the corresponding Skrill transaction\",\"Payment Type\"\n";

    #[test]
    fn lines_have_their_kind_sign_and_hour_and_a_fault_hides_no_other() {
        let file = format!(
            "{HEAD}\"2450853010\",\"02 Aug 18 09:55\",\"Send Money\",\"to a@example.com\",\".5\",\"\",\"processed\",\"558.513759\",\"wd_1\",\"0.5\",\"USD\",\"Payout\",\"2450853001\",\"WLT\"\n\
             \"2450853011\",\"02 Aug 18 09:55\",\"Send Money\",\"Fee\",\".01\",\"\",\"processed\",\"558.503759\",\"\",\"\",\"\",\"\",\"2450853001\",\"\"\n\
             \"1\",\"yesterday\",\"Refund\",\"\",\"1\",\"\",\"processed\",\"\",\"\",\"\",\"\",\"\",\"2\",\"\"\n\
             \"3\",\"31 Dec 26 00:10\",\"Receive Money\",\"from b\",\"\",\"25.40\",\"processed\",\"\",\"dep_1\",\"\",\"\",\"\",\"4\",\"WLT\"\n\
             \"5\",\"31 Dec 26 00:10\",\"Magic\",\"\",\"\",\"1\",\"processed\",\"\",\"\",\"\",\"\",\"\",\"6\",\"\"\n"
        );
        let s = read(file.as_bytes()).unwrap();
        let usd = |m| Amount::new(m, Currency::USD);
        let seen: Vec<_> = s.lines.iter().map(|l| (l.line, l.kind, l.gross)).collect();
        assert_eq!(
            seen,
            [
                (2, SettlementKind::Payout, usd(-50)),
                (3, SettlementKind::Fee, usd(-1)),
                (5, SettlementKind::Payment, usd(2_540)),
                (6, SettlementKind::Other, usd(100)),
            ]
        );
        assert_eq!(s.lines[0].at, Ts::from_ymd(2018, 8, 2).plus_secs(8 * 3_600 + 55 * 60));
        assert_eq!(s.lines[2].at, Ts::from_ymd(2026, 12, 30).plus_secs(23 * 3_600 + 600));
        assert_eq!(
            (s.lines[0].our_ref.as_deref(), s.lines[0].provider_ref.as_deref()),
            (Some("wd_1"), Some("2450853001"))
        );
        assert_eq!(s.lines[1].payment_ref.as_deref(), Some("2450853001"));
        assert_eq!(
            (s.faults.len(), s.faults[0].line, s.faults[0].code.as_str()),
            (1, 4, "time_malformed")
        );
        assert_eq!(read(b"a,b\n1,2\n").unwrap_err().code, "file_unknown");
        assert_eq!(day("Fri, 20 Nov 2026 19:07:18 GMT"), Some(Ts::from_ymd(2026, 11, 20)));
        assert_eq!(day("yesterday"), None);
        assert_eq!(read(b"\xff").unwrap_err().code, "file_unknown");
    }
}

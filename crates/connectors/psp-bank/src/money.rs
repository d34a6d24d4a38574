//! Amounts and days as ISO 20022 writes them.

use crate::xml::{Node, fault};
use qd_kernel::{Amount, Currency, Ts};
use qd_ports::psp::SettlementFault;

/// `<Amt Ccy="EUR">12.30</Amt>`: never negative, the direction stands beside it.
pub fn amount(n: &Node) -> Result<Amount, SettlementFault> {
    let currency = n
        .currency
        .as_deref()
        .and_then(|c| Currency::parse(c).ok())
        .ok_or_else(|| fault(n.line, &n.name, "currency_unknown", "expected Ccy with a currency such as EUR"))?;
    let text = n.text.trim();
    Amount::parse(text, currency)
        .ok()
        .filter(|a| a.minor >= 0 && !text.starts_with('-'))
        .ok_or_else(|| {
            fault(
                n.line,
                &n.name,
                "amount_malformed",
                format!("expected an amount with at most {} decimals, not negative", currency.exponent()),
            )
        })
}

/// The day of `<Dt>2026-11-20</Dt>` or `<DtTm>2026-11-20T10:00:00+01:00</DtTm>` below `n`, as the bank
/// names it.
pub fn day(n: Option<&Node>) -> Result<Option<Ts>, SettlementFault> {
    let Some(n) = n else { return Ok(None) };
    let text = n.text_at(&["Dt"]).or_else(|| n.text_at(&["DtTm"])).unwrap_or(&n.text).trim();
    let bad = || fault(n.line, &n.name, "date_malformed", "expected a date such as 2026-11-20");
    let head = text.get(..10).ok_or_else(bad)?;
    let mut parts = head.split('-').map(|p| p.parse::<u32>().ok());
    match (parts.next().flatten(), parts.next().flatten(), parts.next().flatten()) {
        (Some(y), Some(m), Some(d)) if (1970..=9999).contains(&y) && (1..=12).contains(&m) && (1..=31).contains(&d) => {
            Ok(Some(Ts::from_ymd(i64::from(y), m, d)))
        }
        _ => Err(bad()),
    }
}

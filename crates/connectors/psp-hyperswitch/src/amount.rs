//! Hyperswitch counts in minor units by a table of its own (payment-providers.md 0.1): sixteen
//! currencies without decimals, five with three. Where it differs from ISO 4217, or nobody has
//! confirmed what it does, the amount is refused before it is sent.

use qd_kernel::{Amount, Currency};
use qd_ports::{CallError, CallResult};

/// Decimal places of Hyperswitch's amount; None: not taken.
fn places(c: Currency) -> Option<u8> {
    if c.is_crypto() {
        return None;
    }
    match c.code() {
        "CLP" | "JPY" | "KRW" | "PYG" | "UGX" | "VND" | "XAF" | "XOF" => Some(0),
        "BHD" | "JOD" | "KWD" | "OMR" | "TND" => Some(3),
        // Three decimals by ISO 4217 and in none of its lists: ten times off if guessed. The krona
        // of Iceland is a hundred times off at some. The offshore yuan is no ISO currency.
        "IQD" | "LYD" | "ISK" | "CNH" => None,
        _ => (c.exponent() == 2).then_some(2),
    }
}

pub(crate) fn to_wire(a: Amount) -> CallResult<i64> {
    if places(a.currency) != Some(a.currency.exponent()) {
        return Err(CallError::refused(
            "currency_unsupported",
            format!("Hyperswitch does not take {}", a.currency),
        ));
    }
    if a.minor <= 0 {
        return Err(CallError::refused("amount_not_positive", "Hyperswitch takes amounts above 0"));
    }
    Ok(a.minor)
}

/// What Hyperswitch states; None when we don't know how it counts the currency.
pub(crate) fn from_wire(minor: i64, code: &str) -> Option<Amount> {
    let currency = Currency::parse(code).ok()?;
    if places(currency)? != currency.exponent() {
        return None;
    }
    Amount::checked(minor, currency).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_comes_back_the_same_and_what_is_unconfirmed_is_not_sent() {
        for c in Currency::all() {
            if let Ok(v) = to_wire(Amount::new(123_450, c)) {
                assert_eq!((v, from_wire(v, c.code())), (123_450, Some(Amount::new(123_450, c))));
            }
        }
        for code in ["BTC", "USDT", "IQD", "LYD", "ISK", "CNH"] {
            let c = Currency::parse(code).unwrap();
            assert_eq!(to_wire(Amount::new(1_000, c)).unwrap_err().code, "currency_unsupported", "{code}");
            assert_eq!(from_wire(1_000, code), None, "{code}");
        }
        assert_eq!(to_wire(Amount::new(0, Currency::EUR)).unwrap_err().code, "amount_not_positive");
        assert_eq!(from_wire(1, "eur"), None);
    }
}

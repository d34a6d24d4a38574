//! Our minor units into PayPal's decimal text and back (payment-providers.md 0.1, 8.2).

use qd_kernel::{Amount, Currency, format_fixed};
use qd_ports::{CallError, CallResult};

/// Decimal places PayPal takes. None: PayPal does not take the currency.
fn places(c: Currency) -> Option<u8> {
    match c.code() {
        "AUD" | "BRL" | "CAD" | "CHF" | "CNY" | "CZK" | "DKK" | "EUR" | "GBP" | "HKD" | "ILS" | "MXN" | "MYR" | "NOK" | "NZD" | "PHP"
        | "PLN" | "SEK" | "SGD" | "THB" | "USD" => Some(2),
        // Without decimals at PayPal, whatever ISO 4217 gives the forint and the Taiwan dollar.
        "HUF" | "JPY" | "TWD" => Some(0),
        _ => None,
    }
}

/// The decimal text and the code to send.
pub(crate) fn to_paypal(a: Amount) -> CallResult<(String, &'static str)> {
    let c = a.currency;
    let places = places(c).ok_or_else(|| CallError::refused("currency_unsupported", format!("PayPal does not take {c}")))?;
    if a.minor <= 0 {
        return Err(CallError::refused("amount_not_positive", "PayPal takes amounts above 0"));
    }
    let cut = 10i64.pow(u32::from(c.exponent().saturating_sub(places)));
    if a.minor % cut != 0 {
        return Err(CallError::refused(
            "amount_not_representable",
            format!("PayPal takes {c} with {places} decimals, not {}", a.text()),
        ));
    }
    Ok((format_fixed(a.minor / cut, places), c.code()))
}

/// What PayPal states. None when PayPal does not have the currency or the text is no amount of it.
pub(crate) fn from_paypal(value: &str, code: &str) -> Option<Amount> {
    let c = Currency::parse(code).ok()?;
    places(c)?;
    Amount::parse(value, c).ok()
}

/// Of the settlement report: digits only, in the currency's smallest unit. None for currencies
/// where ISO 4217 and PayPal disagree about that unit and nobody has confirmed which one counts.
pub(crate) fn from_report(digits: &str, code: &str) -> Option<Amount> {
    let c = Currency::parse(code).ok()?;
    if places(c)? != c.exponent() || digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Amount::checked(digits.parse().ok()?, c).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(minor: i64, code: &str) -> Result<String, String> {
        to_paypal(Amount::new(minor, Currency::parse(code).unwrap()))
            .map(|(v, _)| v)
            .map_err(|e| e.code)
    }

    #[test]
    fn amounts_travel_as_decimals_with_paypals_places() {
        assert_eq!(send(2_540, "EUR"), Ok("25.40".into()));
        assert_eq!(send(5, "USD"), Ok("0.05".into()));
        assert_eq!(send(500, "JPY"), Ok("500".into()));
        assert_eq!(send(100_000, "HUF"), Ok("1000".into()));
        assert_eq!(send(100_050, "HUF"), Err("amount_not_representable".into()));
        assert_eq!(send(0, "EUR"), Err("amount_not_positive".into()));
        for code in ["KWD", "BTC", "INR", "CNH"] {
            assert_eq!(send(1_000, code), Err("currency_unsupported".into()), "{code}");
        }
    }

    #[test]
    fn every_currency_we_send_comes_back_the_same() {
        for c in Currency::all() {
            for minor in [100, 50_000, 123_400] {
                if let Ok((v, code)) = to_paypal(Amount::new(minor, c)) {
                    assert_eq!(from_paypal(&v, code), Some(Amount::new(minor, c)), "{c}");
                }
            }
        }
        assert_eq!(from_paypal("500.00", "JPY"), Some(Amount::new(500, Currency::JPY)));
        assert_eq!(from_paypal("25.405", "EUR"), None);
        assert_eq!(from_paypal("25,40", "EUR"), None);
        assert_eq!(from_paypal("25.40", "KWD"), None);
    }

    #[test]
    fn report_amounts_are_digits_and_unconfirmed_units_are_not_guessed() {
        assert_eq!(from_report("10000", "USD"), Some(Amount::new(10_000, Currency::USD)));
        assert_eq!(from_report("10000", "JPY"), Some(Amount::new(10_000, Currency::JPY)));
        for (digits, code) in [("10000", "HUF"), ("100.00", "USD"), ("-5", "USD"), ("", "USD"), ("5", "XXX")] {
            assert_eq!(from_report(digits, code), None, "{digits} {code}");
        }
    }
}

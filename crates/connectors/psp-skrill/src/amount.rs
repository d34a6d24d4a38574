//! Decimal text in whole units (payment-providers.md 0.1): `25.46`, `25.4` and `25` are all legal.

use qd_kernel::{Amount, Currency};
use qd_ports::{CallError, CallResult};

/// How Skrill writes three decimals is not documented, and it holds no coins.
fn known(c: Currency) -> bool {
    !c.is_crypto() && c.exponent() <= 2
}

/// The text to send.
pub(crate) fn to_skrill(a: Amount) -> CallResult<String> {
    if !known(a.currency) {
        return Err(CallError::refused(
            "currency_unsupported",
            format!("Skrill does not take {}", a.currency),
        ));
    }
    if a.minor <= 0 {
        return Err(CallError::refused("amount_not_positive", "Skrill takes amounts above 0"));
    }
    Ok(a.text())
}

/// What Skrill states. None when the currency is none we send, or the amount has more decimals
/// than it holds.
pub(crate) fn from_skrill(text: &str, code: &str) -> Option<Amount> {
    let currency = Currency::parse(code).ok().filter(|c| known(*c))?;
    Amount::parse(text, currency).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_travel_as_decimals_and_every_legal_form_is_read() {
        let send = |minor, code: &str| to_skrill(Amount::new(minor, Currency::parse(code).unwrap())).map_err(|e| e.code);
        assert_eq!(send(2_540, "EUR"), Ok("25.40".into()));
        assert_eq!(send(2_540, "JPY"), Ok("2540".into()));
        assert_eq!(send(2_540, "KWD"), Err("currency_unsupported".into()));
        assert_eq!(send(2_540, "BTC"), Err("currency_unsupported".into()));
        assert_eq!(send(0, "EUR"), Err("amount_not_positive".into()));
        let eur = |m| Some(Amount::new(m, Currency::EUR));
        for (text, want) in [
            ("25.46", eur(2_546)),
            ("25.4", eur(2_540)),
            ("25", eur(2_500)),
            ("25.400000", eur(2_540)),
            (".5", eur(50)),
            ("25.401", None),
            ("25,4", None),
            ("", None),
        ] {
            assert_eq!(from_skrill(text, "EUR"), want, "{text:?}");
        }
        assert_eq!(from_skrill("25", "EURO"), None);
    }
}

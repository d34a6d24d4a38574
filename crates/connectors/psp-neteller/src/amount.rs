//! Whole numbers of the smallest unit. Which currencies Paysafe counts without decimals, or with
//! three, is not published: only those with two travel.

use qd_kernel::{Amount, Currency, MAX_MINOR};
use qd_ports::{CallError, CallResult};

fn known(c: Currency) -> bool {
    !c.is_crypto() && c.exponent() == 2
}

/// The number to send.
pub(crate) fn to_paysafe(a: Amount) -> CallResult<i64> {
    if !known(a.currency) {
        return Err(CallError::refused(
            "currency_unsupported",
            format!("nobody has confirmed how Paysafe counts {}", a.currency),
        ));
    }
    if a.minor <= 0 {
        return Err(CallError::refused("amount_not_positive", "Paysafe takes amounts above 0"));
    }
    if a.minor > MAX_MINOR {
        return Err(CallError::refused("amount_not_representable", format!("Paysafe cannot hold {a}")));
    }
    Ok(a.minor)
}

/// What Paysafe states.
pub(crate) fn from_paysafe(value: i64, code: &str) -> Option<Amount> {
    let currency = Currency::parse(code).ok().filter(|c| known(*c))?;
    Amount::checked(value, currency).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_currencies_with_two_decimals_travel_and_they_come_back_the_same() {
        let send = |minor, code: &str| to_paysafe(Amount::new(minor, Currency::parse(code).unwrap())).map_err(|e| e.code);
        assert_eq!(send(2_540, "EUR"), Ok(2_540));
        assert_eq!(send(0, "EUR"), Err("amount_not_positive".into()));
        assert_eq!(send(i64::MAX, "EUR"), Err("amount_not_representable".into()));
        for code in ["JPY", "KWD", "BTC"] {
            assert_eq!(send(1_000, code), Err("currency_unsupported".into()), "{code}");
        }
        for c in Currency::all() {
            if let Ok(v) = to_paysafe(Amount::new(123_450, c)) {
                assert_eq!(from_paysafe(v, c.code()), Some(Amount::new(123_450, c)), "{c}");
            }
        }
        assert_eq!(from_paysafe(1, "JPY"), None);
        assert_eq!(from_paysafe(1, "eur"), None);
    }
}

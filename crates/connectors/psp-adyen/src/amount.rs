//! Our minor units into Adyen's and back: integers by Adyen's own table of decimals.

use qd_kernel::{Amount, Currency};
use qd_ports::{CallError, CallResult};

/// Whether Adyen's decimals are known to be ISO 4217's. For the others nobody has confirmed them:
/// ten or a hundred times off if guessed.
fn agreed(c: Currency) -> bool {
    if c.is_crypto() {
        return false;
    }
    match c.exponent() {
        3 => ["BHD", "JOD", "KWD", "OMR", "TND"].contains(&c.code()),
        2 => !["CNH", "CVE", "IDR"].contains(&c.code()),
        0 => !["CLP", "ISK"].contains(&c.code()),
        _ => false,
    }
}

pub(crate) fn to_adyen(a: Amount) -> CallResult<(i64, &'static str)> {
    if !agreed(a.currency) {
        return Err(CallError::refused(
            "currency_unsupported",
            format!("how Adyen counts {} is not confirmed", a.currency),
        ));
    }
    if a.minor <= 0 {
        return Err(CallError::refused("amount_not_positive", "Adyen takes amounts above 0"));
    }
    Ok((a.minor, a.currency.code()))
}

pub(crate) fn from_adyen(value: i64, code: &str) -> Option<Amount> {
    let c = Currency::parse(code).ok().filter(|c| agreed(*c))?;
    Amount::checked(value, c).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_travel_in_minor_units_where_both_tables_agree() {
        let send = |minor: i64, code: &str| {
            to_adyen(Amount::new(minor, Currency::parse(code).unwrap()))
                .map(|(v, _)| v)
                .map_err(|e| e.code)
        };
        assert_eq!(send(2_540, "EUR"), Ok(2_540));
        assert_eq!(send(500, "JPY"), Ok(500));
        assert_eq!(send(5_124, "KWD"), Ok(5_124));
        assert_eq!(send(0, "EUR"), Err("amount_not_positive".into()));
        for code in ["BTC", "CLP", "ISK", "LYD", "CNH"] {
            assert_eq!(send(1_000, code), Err("currency_unsupported".into()), "{code}");
        }
        for c in Currency::all() {
            if let Ok((v, code)) = to_adyen(Amount::new(123_400, c)) {
                assert_eq!(from_adyen(v, code), Some(Amount::new(123_400, c)));
            }
        }
        assert_eq!(from_adyen(1, "ZZZ"), None);
    }
}

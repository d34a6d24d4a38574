//! Our minor units into Stripe's and back (payment-providers.md 2.3). The two agree for most
//! currencies; where they don't, an amount that Stripe can't hold is refused before it is sent.

use qd_kernel::{Amount, Currency, MAX_MINOR};
use qd_ports::{CallError, CallResult};

/// Decimal places of Stripe's amount. None: Stripe does not take the currency, or nobody has
/// confirmed how it counts it.
fn places(c: Currency) -> Option<u8> {
    if c.is_crypto() {
        return None;
    }
    match c.code() {
        // Stripe's zero-decimal list, as far as we know the currencies.
        "CLP" | "JPY" | "KRW" | "PYG" | "UGX" | "VND" | "XAF" | "XOF" => Some(0),
        "BHD" | "JOD" | "KWD" | "OMR" | "TND" => Some(3),
        // Without decimals by nature, yet sent with two.
        "ISK" => Some(2),
        // Three decimals by ISO 4217, in none of Stripe's lists: ten times off if guessed. The
        // offshore yuan is no ISO currency.
        "IQD" | "LYD" | "CNH" => None,
        _ => (c.exponent() == 2).then_some(2),
    }
}

/// The same of a code in any case.
pub(crate) fn places_of(code: &str) -> Option<u8> {
    places(Currency::parse(&code.to_ascii_uppercase()).ok()?)
}

fn unsupported(c: Currency) -> CallError {
    CallError::refused("currency_unsupported", format!("Stripe does not take {c}"))
}

/// The integer and the lower-case code to send.
pub(crate) fn to_stripe(a: Amount) -> CallResult<(i64, String)> {
    let places = places(a.currency).ok_or_else(|| unsupported(a.currency))?;
    if a.minor <= 0 {
        return Err(CallError::refused("amount_not_positive", "Stripe takes amounts above 0"));
    }
    let ours = a.currency.exponent();
    let value = if places >= ours {
        a.minor.checked_mul(10i64.pow(u32::from(places - ours)))
    } else {
        let cut = 10i64.pow(u32::from(ours - places));
        (a.minor % cut == 0).then(|| a.minor / cut)
    };
    let value = value
        .filter(|v| *v <= MAX_MINOR)
        .ok_or_else(|| CallError::refused("amount_not_representable", format!("Stripe cannot hold {a}")))?;
    if places == 3 && value % 10 != 0 {
        return Err(CallError::refused(
            "amount_last_digit",
            format!("Stripe takes {} with 0 as the last of three decimals, not {}", a.currency, a.text()),
        ));
    }
    Ok((value, a.currency.code().to_ascii_lowercase()))
}

/// What Stripe states, zero and below included. None when the currency is unknown, nobody knows
/// how Stripe counts it, or the amount has parts that ours can't hold.
pub(crate) fn from_stripe(value: i64, code: &str) -> Option<Amount> {
    let currency = Currency::parse(&code.to_ascii_uppercase()).ok()?;
    let places = places(currency)?;
    let ours = currency.exponent();
    let minor = if ours >= places {
        value.checked_mul(10i64.pow(u32::from(ours - places)))?
    } else {
        let cut = 10i64.pow(u32::from(places - ours));
        if value % cut != 0 {
            return None;
        }
        value / cut
    };
    Amount::checked(minor, currency).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(minor: i64, code: &str) -> Result<i64, String> {
        to_stripe(Amount::new(minor, Currency::parse(code).unwrap()))
            .map(|(v, _)| v)
            .map_err(|e| e.code)
    }

    #[test]
    fn amounts_travel_in_stripes_units() {
        assert_eq!(send(50_000, "EUR"), Ok(50_000));
        assert_eq!(send(500, "JPY"), Ok(500));
        assert_eq!(send(5, "ISK"), Ok(500));
        assert_eq!(send(5_120, "KWD"), Ok(5_120));
        assert_eq!(send(5_124, "KWD"), Err("amount_last_digit".into()));
        assert_eq!(send(100_000, "HUF"), Ok(100_000));
        assert_eq!(send(0, "EUR"), Err("amount_not_positive".into()));
        assert_eq!(send(-1, "EUR"), Err("amount_not_positive".into()));
        for code in ["BTC", "USDT", "IQD", "LYD", "CNH"] {
            assert_eq!(send(1_000, code), Err("currency_unsupported".into()), "{code}");
        }
        assert_eq!(send(i64::MAX, "ISK"), Err("amount_not_representable".into()));
    }

    #[test]
    fn every_currency_we_send_comes_back_the_same() {
        for c in Currency::all() {
            for minor in [10, 50_000, 123_450] {
                if let Ok((v, code)) = to_stripe(Amount::new(minor, c)) {
                    assert_eq!(from_stripe(v, &code), Some(Amount::new(minor, c)), "{c}");
                }
            }
        }
        assert_eq!(from_stripe(550, "isk"), None);
        assert_eq!(from_stripe(1, "zzz"), None);
        assert_eq!(from_stripe(1_000, "lyd"), None);
    }
}

//! Stripe's amount rules (integers in its own smallest unit, which is not ISO 4217's everywhere)
//! and the fee of the sandbox's account.

use super::error::{Answer, StripeError};
use super::params::Params;

/// Amount = major units, without any multiplication.
pub const ZERO_DECIMAL: &str = "bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf";
/// Thousandths, whose last digit must be 0.
pub const THREE_DECIMAL: &str = "bhd jod kwd omr tnd";
/// Hundredths; ISK and UGX-like cases are sent with the decimals Stripe wants, not ISO's.
const TWO_DECIMAL: &str = "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnd htg huf idr ils inr isk jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah usd uyu uzs wst xcd yer zar zmw";

/// About half a US dollar, per currency, in the smallest unit. Others: see [`minimum`].
const MINIMUM: &[(&str, i64)] = &[
    ("usd", 50),
    ("eur", 50),
    ("gbp", 30),
    ("chf", 50),
    ("aud", 50),
    ("cad", 50),
    ("nzd", 50),
    ("sgd", 50),
    ("dkk", 250),
    ("sek", 300),
    ("nok", 300),
    ("hkd", 400),
    ("jpy", 50),
    ("mxn", 1_000),
    ("myr", 200),
    ("aed", 200),
    ("pln", 200),
    ("czk", 1_500),
    ("huf", 17_500),
    ("ron", 200),
    ("bgn", 100),
    ("inr", 50),
    ("brl", 50),
    ("thb", 1_000),
    ("zar", 1_000),
    ("krw", 700),
    ("vnd", 13_000),
    ("idr", 800_000),
    ("ngn", 80_000),
    ("kes", 6_500),
    ("try", 2_000),
    ("php", 2_900),
    ("cop", 200_000),
    ("clp", 470),
    ("ars", 50_000),
    ("egp", 2_500),
    ("pkr", 14_000),
    ("ugx", 1_900),
    ("kwd", 160),
    ("bhd", 190),
    ("omr", 200),
    ("jod", 360),
    ("tnd", 1_600),
    ("isk", 6_500),
];

/// Eight digits.
const MAXIMUM: i64 = 99_999_999;

pub fn known(currency: &str) -> bool {
    [ZERO_DECIMAL, THREE_DECIMAL, TWO_DECIMAL]
        .iter()
        .any(|l| l.split(' ').any(|c| c == currency))
}

/// Digits after the point on Stripe's wire.
pub fn decimals(currency: &str) -> u32 {
    if ZERO_DECIMAL.split(' ').any(|c| c == currency) {
        0
    } else if THREE_DECIMAL.split(' ').any(|c| c == currency) {
        3
    } else {
        2
    }
}

pub fn minimum(currency: &str) -> i64 {
    MINIMUM.iter().find(|(c, _)| *c == currency).map_or(50, |(_, m)| *m)
}

/// `€12.30`-like text for messages: `12.30 EUR`.
pub fn shown(amount: i64, currency: &str) -> String {
    let d = decimals(currency);
    let scale = 10i64.pow(d);
    let code = currency.to_uppercase();
    let (sign, a) = (if amount < 0 { "-" } else { "" }, amount.unsigned_abs());
    let scale = scale.unsigned_abs();
    if d == 0 {
        format!("{sign}{a} {code}")
    } else {
        format!("{sign}{}.{:0w$} {code}", a / scale, a % scale, w = d as usize)
    }
}

/// The currency parameter, lower case; any case is taken.
pub fn currency(p: &Params<'_>, key: &str) -> Answer<Option<String>> {
    let Some(c) = p.text(key)? else { return Ok(None) };
    let low = c.to_lowercase();
    if known(&low) {
        return Ok(Some(low));
    }
    Err(StripeError::invalid(
        format!("Invalid currency: {c}. Stripe currently supports these currencies: {TWO_DECIMAL} {ZERO_DECIMAL} {THREE_DECIMAL}")
            .replace("  ", " "),
    )
    .param(&p.name(key)))
}

/// A positive amount within the currency's rules.
pub fn amount(p: &Params<'_>, key: &str, currency: &str) -> Answer<Option<i64>> {
    let Some(a) = positive(p, key)? else { return Ok(None) };
    check(a, currency, &p.name(key))?;
    Ok(Some(a))
}

/// A positive integer without the currency's minimum (refunds, captures).
pub fn positive(p: &Params<'_>, key: &str) -> Answer<Option<i64>> {
    let Some(a) = p.int(key)? else { return Ok(None) };
    if a < 1 {
        return Err(StripeError::invalid("This value must be greater than or equal to 1.")
            .code("parameter_invalid_integer")
            .param(&p.name(key)));
    }
    Ok(Some(a))
}

/// Minimum, maximum and the last digit of three-decimal currencies.
pub fn check(a: i64, currency: &str, param: &str) -> Answer<()> {
    if a < minimum(currency) {
        return Err(
            StripeError::invalid(format!("Amount must be at least {}", shown(minimum(currency), currency)))
                .code("amount_too_small")
                .param(param),
        );
    }
    if a > MAXIMUM {
        return Err(
            StripeError::invalid(format!("Amount must be no more than {}", shown(MAXIMUM, currency)))
                .code("amount_too_large")
                .param(param),
        );
    }
    last_digit(a, currency, param)
}

/// Three-decimal currencies are charged in steps of ten thousandths.
pub fn last_digit(a: i64, currency: &str, param: &str) -> Answer<()> {
    if decimals(currency) == 3 && a % 10 != 0 {
        return Err(StripeError::invalid(format!(
            "Invalid amount: {a}. Amounts in {} must end in 0: the least significant digit is always 0 for three-decimal currencies.",
            currency.to_uppercase()
        ))
        .code("parameter_invalid_integer")
        .param(param));
    }
    Ok(())
}

/// 1.4 % plus 0.25 of the major unit (25 whole units where there are no decimals), rounded half up.
pub fn fee(amount: i64, currency: &str) -> i64 {
    let fixed = if decimals(currency) == 3 { 250 } else { 25 };
    amount.saturating_mul(14).saturating_add(500) / 1_000 + fixed
}

/// What a lost card dispute costs beyond its amount: 20 of the major unit.
pub fn dispute_fee(currency: &str) -> i64 {
    20 * 10i64.pow(decimals(currency))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fees_and_limits_follow_the_currency_s_own_unit() {
        assert_eq!(fee(10_000, "eur"), 165);
        assert_eq!(fee(12_345, "eur"), 173 + 25);
        assert_eq!(fee(10_000, "jpy"), 165);
        assert_eq!(shown(5_120, "kwd"), "5.120 KWD");
        assert_eq!(shown(-500, "jpy"), "-500 JPY");
        assert_eq!(check(49, "eur", "amount").unwrap_err().body["code"], "amount_too_small");
        assert_eq!(check(100_000_000, "eur", "amount").unwrap_err().body["code"], "amount_too_large");
        assert!(check(5_124, "kwd", "amount").is_err());
        assert!(check(5_120, "kwd", "amount").is_ok());
        assert!(known("isk") && decimals("isk") == 2);
        assert!(!known("xyz"));
    }
}

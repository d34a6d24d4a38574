//! PayPal's amounts: decimal text with as many places as it gives the currency.

use super::error::{Issue, UNPROCESSABLE};
use crate::rail::Reply;
use crate::stripe::Fields;
use qd_kernel::{format_fixed, parse_fixed};
use serde_json::{Value, json};

/// In the smallest unit PayPal has of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sum {
    pub units: i64,
    pub places: u8,
}

pub(super) fn places(code: &str) -> Option<u8> {
    let two = [
        "AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "ILS", "MXN", "MYR", "NOK", "NZD", "PHP", "PLN", "SEK",
        "SGD", "THB", "USD",
    ];
    if ["HUF", "JPY", "TWD"].contains(&code) {
        Some(0)
    } else {
        two.contains(&code).then_some(2)
    }
}

/// An amount that was sent; `code` is the name of the currency's member.
pub(super) fn read(m: &Value, code: &str, field: &str) -> Result<Sum, Reply> {
    let refuse = |issue: &str, text: &str| Err(UNPROCESSABLE.reply(&[Issue::new(field, issue, text)]));
    let Some(text) = m.get("value").and_then(Value::as_str) else {
        return Err(super::error::INVALID.reply(&[Issue::new(field, "MISSING_REQUIRED_PARAMETER", "A required field is missing.")]));
    };
    let Some(places) = places(m.text(code)) else {
        return refuse("CURRENCY_NOT_SUPPORTED", "Currency code is not currently supported.");
    };
    let decimals = text.split_once('.').map_or(0, |(_, d)| d.len());
    if places == 0 && decimals > 0 {
        return refuse("DECIMALS_NOT_SUPPORTED", "Currency does not support decimals.");
    }
    if decimals > usize::from(places) {
        return refuse(
            "DECIMAL_PRECISION",
            "If the currency supports decimals, only two decimal place precision is supported.",
        );
    }
    match parse_fixed(text, places) {
        Some(units) if units > 0 => Ok(Sum { units, places }),
        Some(_) => refuse("CANNOT_BE_ZERO_OR_NEGATIVE", "Must be greater than zero."),
        None => refuse(
            "INVALID_PARAMETER_SYNTAX",
            "The value of a field does not conform to the expected format.",
        ),
    }
}

/// One of ours, kept as it was read.
pub(super) fn units(m: &Value) -> i64 {
    let code = if m.text("currency_code").is_empty() {
        "currency"
    } else {
        "currency_code"
    };
    places(m.text(code)).and_then(|p| parse_fixed(m.text("value"), p)).unwrap_or(0)
}

pub(super) fn text(units: i64, code: &str) -> String {
    format_fixed(units, places(code).unwrap_or(2))
}

pub(super) fn money(units: i64, code: &str) -> Value {
    json!({"currency_code": code, "value": text(units, code)})
}

/// 2.9 % and 30 of the smallest unit, rounded half up.
pub(super) fn fee(units: i64) -> i64 {
    let part = (i128::from(units) * 29 + 500) / 1_000;
    i64::try_from(part).unwrap_or(i64::MAX).saturating_add(30).min(units)
}

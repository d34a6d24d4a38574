//! Amounts: text in the currency's unit (`"25.40"`) or a whole number of minor units (`2540`), both
//! by the exponents of ISO 4217. A JSON number with a fraction is never read: it has been through
//! a float somewhere.

use qd_kernel::{Amount, Currency};
use qd_ports::{CallError, CallResult};
use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AmountForm {
    Decimal,
    Minor,
}

impl AmountForm {
    /// What to send; coins and amounts of nothing are refused before anything leaves.
    pub(crate) fn to_wire(self, a: Amount) -> CallResult<Value> {
        if a.currency.is_crypto() {
            return Err(CallError::refused(
                "currency_unsupported",
                format!("this provider does not take {}", a.currency),
            ));
        }
        if a.minor <= 0 {
            return Err(CallError::refused("amount_not_positive", "this provider takes amounts above 0"));
        }
        Ok(match self {
            AmountForm::Decimal => Value::from(a.text()),
            AmountForm::Minor => Value::from(a.minor),
        })
    }

    /// What the provider states; None when it cannot be an amount of this currency.
    pub(crate) fn from_wire(self, v: &Value, code: &str) -> Option<Amount> {
        let currency = Currency::parse(code).ok()?;
        match (self, v) {
            (AmountForm::Decimal, Value::String(text)) => Amount::parse(text, currency).ok(),
            (AmountForm::Minor, Value::Number(n)) => Amount::checked(n.as_i64()?, currency).ok(),
            (AmountForm::Minor, Value::String(text)) => Amount::checked(text.parse().ok()?, currency).ok(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn amount(minor: i64, code: &str) -> Amount {
        Amount::new(minor, Currency::parse(code).unwrap())
    }

    #[test]
    fn what_is_sent_comes_back_the_same_in_both_forms() {
        for (minor, code, text) in [
            (2_540, "EUR", "25.40"),
            (500, "JPY", "500"),
            (5_124, "KWD", "5.124"),
            (100_000, "THB", "1000.00"),
        ] {
            let a = amount(minor, code);
            assert_eq!(AmountForm::Decimal.to_wire(a).unwrap(), json!(text));
            assert_eq!(AmountForm::Decimal.from_wire(&json!(text), code), Some(a));
            assert_eq!(AmountForm::Minor.to_wire(a).unwrap(), json!(minor));
            assert_eq!(AmountForm::Minor.from_wire(&json!(minor), code), Some(a));
        }
    }

    #[test]
    fn what_is_no_amount_of_the_currency_is_not_guessed() {
        let fraction: Value = serde_json::from_str("25.4").unwrap();
        for (form, v, code) in [
            (AmountForm::Decimal, fraction.clone(), "EUR"),
            (AmountForm::Decimal, json!("25.401"), "EUR"),
            (AmountForm::Decimal, json!("500.5"), "JPY"),
            (AmountForm::Decimal, json!("1,000.00"), "EUR"),
            (AmountForm::Minor, fraction, "EUR"),
            (AmountForm::Minor, json!("25.40"), "EUR"),
            (AmountForm::Decimal, json!("25.40"), "eur"),
        ] {
            assert_eq!(form.from_wire(&v, code), None, "{v} {code}");
        }
        assert_eq!(
            AmountForm::Minor.to_wire(amount(1, "BTC")).unwrap_err().code,
            "currency_unsupported"
        );
        assert_eq!(AmountForm::Minor.to_wire(amount(0, "EUR")).unwrap_err().code, "amount_not_positive");
    }
}

//! BTCPay Server's JSON (Greenfield API v1), as far as we read it. Amounts are decimal texts.

use qd_kernel::{Amount, Currency, Rounding};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Free JSON of the merchant's own; strings in it are what we put there.
pub(crate) type Metadata = BTreeMap<String, Value>;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Invoice {
    pub id: String,
    pub store_id: String,
    pub amount: String,
    /// In the invoice's currency; servers before 2.0 leave it out.
    pub paid_amount: Option<String>,
    pub currency: String,
    pub checkout_link: Option<String>,
    pub created_time: i64,
    pub status: String,
    #[serde(default)]
    pub additional_status: String,
    #[serde(default)]
    pub metadata: Metadata,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PullPayment {
    pub id: String,
    pub name: Option<String>,
    pub currency: String,
    pub amount: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Payout {
    pub id: String,
    pub pull_payment_id: Option<String>,
    pub destination: String,
    pub original_currency: String,
    pub original_amount: String,
    pub state: String,
    #[serde(default)]
    pub metadata: Option<Metadata>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Event {
    pub original_delivery_id: String,
    #[serde(rename = "type")]
    pub kind: String,
    /// Seconds since 1970.
    pub timestamp: i64,
    pub store_id: String,
    pub invoice_id: Option<String>,
    pub payout_id: Option<String>,
    #[serde(default)]
    pub metadata: Option<Metadata>,
}

/// One problem, or a list of fields that are wrong (HTTP 422).
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Failure {
    Problem { code: String, message: String },
    Fields(Vec<FieldFault>),
}

#[derive(Debug, Deserialize)]
pub(crate) struct FieldFault {
    pub path: String,
    pub message: String,
}

/// Where our id stands in an invoice's metadata (the server can search by it) and in a payout's.
pub(crate) const ORDER_ID: &str = "orderId";
pub(crate) const OUR_REF: &str = "qd_ref";

pub(crate) fn text_of(m: Option<&Metadata>, key: &str) -> Option<String> {
    m?.get(key)?.as_str().filter(|s| !s.is_empty()).map(str::to_string)
}

/// What was asked for, read back: not one digit more than our currency has, except noughts.
pub(crate) fn exact(text: &str, code: &str) -> Option<Amount> {
    let currency = Currency::parse(code).ok()?;
    let text = match text.split_once('.') {
        Some((whole, part)) => {
            let keep = usize::from(currency.exponent()).min(part.len());
            if !part.is_char_boundary(keep) || part[keep..].bytes().any(|b| b != b'0') {
                return None;
            }
            match &part[..keep] {
                "" => whole.to_string(),
                p => format!("{whole}.{p}"),
            }
        }
        None => text.to_string(),
    };
    Amount::parse(&text, currency).ok()
}

/// What came, worth in the invoice's currency: coins at a rate, so it has as many decimals as they
/// give. Rounded to our minor unit, half away from zero.
pub(crate) fn rounded(text: &str, code: &str) -> Option<Amount> {
    /// More decimals than any server writes and few enough for 128 bits.
    const PLACES: usize = 18;
    let currency = Currency::parse(code).ok()?;
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() || !whole.bytes().chain(part.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part = &part[..part.len().min(PLACES)];
    let scaled: i128 = format!("{whole}{part:0<PLACES$}").parse().ok()?;
    let unit = 10i128.checked_pow(u32::try_from(PLACES).ok()? - u32::from(currency.exponent()))?;
    let minor = Rounding::HalfAwayFromZero.div(scaled, unit)?;
    Amount::checked(i64::try_from(minor).ok()?, currency).ok()
}

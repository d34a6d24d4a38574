//! Stripe's objects, as far as we read them, and the form encoding of its requests. Unknown
//! members are skipped; enumerations stay text until `map.rs`, because new values appear without
//! a new API version.

use serde::Deserialize;
use std::collections::BTreeMap;

/// An id, or the whole object where `expand[]` asked for it and the server did it.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Expandable<T> {
    Id(String),
    Object(Box<T>),
}

pub(crate) type Metadata = BTreeMap<String, String>;

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Session {
    pub id: String,
    #[serde(default)]
    pub url: Option<String>,
    #[serde(default)]
    pub status: Option<String>,
    #[serde(default)]
    pub payment_status: Option<String>,
    #[serde(default)]
    pub amount_total: Option<i64>,
    #[serde(default)]
    pub currency: Option<String>,
    #[serde(default)]
    pub client_reference_id: Option<String>,
    #[serde(default)]
    pub metadata: Option<Metadata>,
    #[serde(default)]
    pub payment_intent: Option<Expandable<Intent>>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Intent {
    pub id: String,
    pub status: String,
    pub amount: i64,
    pub currency: String,
    #[serde(default)]
    pub amount_received: i64,
    #[serde(default)]
    pub cancellation_reason: Option<String>,
    #[serde(default)]
    pub last_payment_error: Option<PaymentError>,
    #[serde(default)]
    pub latest_charge: Option<Expandable<Charge>>,
    #[serde(default)]
    pub metadata: Option<Metadata>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct PaymentError {
    #[serde(default)]
    pub code: Option<String>,
    #[serde(default)]
    pub decline_code: Option<String>,
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Charge {
    #[serde(default)]
    pub amount_refunded: i64,
    #[serde(default)]
    pub balance_transaction: Option<Expandable<BalanceTransaction>>,
    #[serde(default)]
    pub payment_method_details: Option<MethodDetails>,
    #[serde(default)]
    pub billing_details: Option<Billing>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct BalanceTransaction {
    pub fee: i64,
    pub currency: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct MethodDetails {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub card: Option<Details>,
    #[serde(default)]
    pub sepa_debit: Option<Details>,
    #[serde(default)]
    pub us_bank_account: Option<Details>,
    #[serde(default)]
    pub bacs_debit: Option<Details>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Details {
    #[serde(default)]
    pub brand: Option<String>,
    #[serde(default)]
    pub country: Option<String>,
    #[serde(default)]
    pub last4: Option<String>,
    #[serde(default)]
    pub fingerprint: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Billing {
    #[serde(default)]
    pub name: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Refund {
    pub id: String,
    pub amount: i64,
    pub currency: String,
    #[serde(default)]
    pub status: Option<String>,
    #[serde(default)]
    pub payment_intent: Option<String>,
    #[serde(default)]
    pub charge: Option<String>,
    #[serde(default)]
    pub failure_reason: Option<String>,
    #[serde(default)]
    pub metadata: Option<Metadata>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Dispute {
    pub id: String,
    pub amount: i64,
    pub currency: String,
    pub status: String,
    #[serde(default)]
    pub reason: String,
    #[serde(default)]
    pub payment_intent: Option<String>,
    #[serde(default)]
    pub charge: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Failure {
    pub error: FailureBody,
}

#[derive(Debug, Deserialize)]
pub(crate) struct FailureBody {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub code: Option<String>,
    #[serde(default)]
    pub decline_code: Option<String>,
    #[serde(default)]
    pub message: Option<String>,
    #[serde(default)]
    pub param: Option<String>,
}

/// An event. Those of the second API generation carry no object and write their time as text.
#[derive(Debug, Deserialize)]
pub(crate) struct Event {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub created: Created,
    #[serde(default)]
    pub data: Option<EventData>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Created {
    Seconds(i64),
    #[allow(dead_code)]
    Text(String),
}

#[derive(Debug, Deserialize)]
pub(crate) struct EventData {
    pub object: EventObject,
}

/// What every object in an event may have and we look at. Some have no id (`balance.available`).
#[derive(Debug, Deserialize)]
pub(crate) struct EventObject {
    #[serde(default)]
    pub id: String,
    #[serde(default)]
    pub client_reference_id: Option<String>,
    #[serde(default)]
    pub metadata: Option<Metadata>,
    #[serde(default)]
    pub payment_intent: Option<Expandable<IdOnly>>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct IdOnly {
    pub id: String,
}

/// `a=b&c[d]=e` with everything but unreserved characters percent-encoded.
pub(crate) fn form(pairs: &[(&str, String)]) -> String {
    let mut out = String::new();
    for (k, v) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        encode(&mut out, k);
        out.push('=');
        encode(&mut out, v);
    }
    out
}

fn encode(out: &mut String, text: &str) {
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_blanks_and_umlauts_are_encoded() {
        let f = form(&[("metadata[qd_ref]", "dep_1".into()), ("name", "Einzahlung für A&B +1".into())]);
        assert_eq!(f, "metadata%5Bqd_ref%5D=dep_1&name=Einzahlung%20f%C3%BCr%20A%26B%20%2B1");
    }
}

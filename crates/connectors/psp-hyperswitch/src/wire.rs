//! Hyperswitch's JSON (API v1), as far as we read it.

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

pub(crate) type Metadata = BTreeMap<String, Value>;

#[derive(Debug, Deserialize)]
pub(crate) struct Payment {
    pub payment_id: String,
    pub status: String,
    pub amount: i64,
    pub amount_received: Option<i64>,
    pub amount_capturable: Option<i64>,
    pub currency: String,
    pub error_code: Option<String>,
    pub payment_method: Option<String>,
    pub payment_method_type: Option<String>,
    pub payment_method_data: Option<Value>,
    pub payment_link: Option<PaymentLink>,
    pub next_action: Option<NextAction>,
    pub metadata: Option<Metadata>,
    pub refunds: Option<Vec<Refund>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct PaymentLink {
    pub link: String,
    pub secure_link: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct NextAction {
    pub redirect_to_url: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Refund {
    pub refund_id: String,
    pub payment_id: String,
    pub amount: i64,
    pub currency: String,
    pub status: String,
    pub metadata: Option<Metadata>,
    pub error_code: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Payout {
    pub payout_id: String,
    pub amount: i64,
    pub currency: String,
    pub status: String,
    pub metadata: Option<Metadata>,
    pub error_code: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Dispute {
    pub dispute_id: String,
    pub payment_id: String,
    /// Minor units, as text.
    pub amount: String,
    pub currency: String,
    pub dispute_stage: String,
    pub dispute_status: String,
    pub connector_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Event {
    pub event_id: String,
    pub event_type: String,
    pub content: Content,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Content {
    #[serde(rename = "type")]
    pub kind: String,
    pub object: Value,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Failure {
    pub error: Fault,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Fault {
    #[serde(rename = "type")]
    pub kind: String,
    pub message: String,
    pub code: String,
}

/// Where our id stands in metadata: ours may be longer than theirs.
pub(crate) const OUR_REF: &str = "qd_ref";

pub(crate) fn our_ref(m: Option<&Metadata>) -> Option<String> {
    m?.get(OUR_REF)?.as_str().map(str::to_string)
}

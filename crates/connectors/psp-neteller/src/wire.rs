//! What Paysafe sends, as far as we read it. Fields that may be missing are options, never guesses.

use serde::Deserialize;

/// A handle, payment, refund or credit: they share their shape.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Object {
    pub id: String,
    pub merchant_ref_num: String,
    pub status: String,
    pub amount: i64,
    pub currency_code: Option<String>,
    pub payment_handle_token: Option<String>,
    pub action: Option<String>,
    #[serde(default)]
    pub links: Vec<Link>,
    #[serde(default)]
    pub settlements: Vec<Settled>,
    pub settlement_id: Option<String>,
    pub error: Option<Failure>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Link {
    pub rel: String,
    pub href: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Settled {
    pub id: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Failure {
    pub code: String,
    #[serde(default)]
    pub message: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Refused {
    pub error: Failure,
}

/// A list under the name of its collection.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Found {
    pub payment_handles: Option<Vec<Object>>,
    pub payments: Option<Vec<Object>>,
    pub refunds: Option<Vec<Object>>,
    pub standalone_credits: Option<Vec<Object>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Event {
    pub event_type: String,
    pub resource_id: String,
    pub payload: Option<Payload>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Payload {
    pub id: Option<String>,
    pub merchant_ref_num: Option<String>,
    pub transaction_type: Option<String>,
}

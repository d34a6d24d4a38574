//! PayPal's objects, as far as we read them. Unknown members are skipped; enumerations stay text
//! until `map.rs`.

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(crate) struct Token {
    pub access_token: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Money {
    #[serde(alias = "currency")]
    pub currency_code: String,
    pub value: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Link {
    pub href: String,
    pub rel: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Order {
    pub id: String,
    #[serde(default)]
    pub status: Option<String>,
    #[serde(default)]
    pub purchase_units: Vec<PurchaseUnit>,
    #[serde(default)]
    pub payment_source: Option<PaymentSource>,
    #[serde(default)]
    pub links: Vec<Link>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct PurchaseUnit {
    #[serde(default)]
    pub custom_id: Option<String>,
    #[serde(default)]
    pub invoice_id: Option<String>,
    #[serde(default)]
    pub amount: Option<Money>,
    #[serde(default)]
    pub payments: Option<Payments>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Payments {
    #[serde(default)]
    pub captures: Vec<Capture>,
    #[serde(default)]
    pub refunds: Vec<Refund>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Capture {
    pub id: String,
    #[serde(default)]
    pub status: Option<String>,
    pub amount: Money,
    #[serde(default)]
    pub custom_id: Option<String>,
    #[serde(default)]
    pub seller_receivable_breakdown: Option<Breakdown>,
    #[serde(default)]
    pub processor_response: Option<ProcessorResponse>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Breakdown {
    #[serde(default)]
    pub paypal_fee: Option<Money>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ProcessorResponse {
    #[serde(default)]
    pub response_code: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct PaymentSource {
    #[serde(default)]
    pub paypal: Option<Wallet>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Wallet {
    #[serde(default)]
    pub account_id: Option<String>,
    #[serde(default)]
    pub name: Option<Name>,
    #[serde(default)]
    pub address: Option<Address>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Name {
    #[serde(default)]
    pub given_name: Option<String>,
    #[serde(default)]
    pub surname: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Address {
    #[serde(default)]
    pub country_code: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Refund {
    pub id: String,
    #[serde(default)]
    pub status: Option<String>,
    pub amount: Money,
    #[serde(default)]
    pub custom_id: Option<String>,
    #[serde(default)]
    pub status_details: Option<StatusDetails>,
    #[serde(default)]
    pub links: Vec<Link>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct StatusDetails {
    #[serde(default)]
    pub reason: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Dispute {
    pub dispute_id: String,
    #[serde(default)]
    pub reason: String,
    #[serde(default)]
    pub status: Option<String>,
    #[serde(default)]
    pub dispute_life_cycle_stage: Option<String>,
    pub dispute_amount: Money,
    #[serde(default)]
    pub dispute_outcome: Option<Outcome>,
    #[serde(default)]
    pub disputed_transactions: Vec<Disputed>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Outcome {
    #[serde(default)]
    pub outcome_code: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Disputed {
    #[serde(default)]
    pub seller_transaction_id: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct PayoutBatch {
    pub batch_header: BatchHeader,
    #[serde(default)]
    pub items: Vec<PayoutItem>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct BatchHeader {
    pub payout_batch_id: String,
    pub batch_status: String,
    #[serde(default)]
    pub sender_batch_header: Option<SenderBatchHeader>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct SenderBatchHeader {
    #[serde(default)]
    pub sender_batch_id: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct PayoutItem {
    #[serde(default)]
    pub transaction_status: Option<String>,
    #[serde(default)]
    pub payout_item_fee: Option<Money>,
    pub payout_item: PayoutItemDetail,
    #[serde(default)]
    pub errors: Option<ItemError>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct PayoutItemDetail {
    pub amount: Money,
    #[serde(default)]
    pub sender_item_id: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ItemError {
    #[serde(default)]
    pub name: Option<String>,
}

/// `name` of the REST calls, `error` of the token call.
#[derive(Debug, Deserialize)]
pub(crate) struct Failure {
    #[serde(alias = "error")]
    pub name: String,
    #[serde(default, alias = "error_description")]
    pub message: Option<String>,
    #[serde(default)]
    pub debug_id: Option<String>,
    #[serde(default)]
    pub details: Vec<FailureDetail>,
    #[serde(default)]
    pub links: Vec<Link>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct FailureDetail {
    #[serde(default)]
    pub field: Option<String>,
    #[serde(default)]
    pub issue: Option<String>,
    /// The payouts API writes `link`.
    #[serde(default, alias = "link")]
    pub links: Vec<Link>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Event {
    pub id: String,
    pub event_type: String,
    #[serde(default)]
    pub create_time: Option<String>,
    #[serde(default)]
    pub resource: Option<serde_json::Value>,
}

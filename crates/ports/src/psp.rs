//! A payment provider. Amounts are ours (minor units by ISO exponent); the connector converts to
//! and from the provider's idea of them.

use crate::CallResult;
use async_trait::async_trait;
use qd_kernel::{Amount, Ts};
use serde::{Deserialize, Serialize};

/// Only an explicit yes is success and only an explicit no is failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentState {
    Created,
    RequiresAction,
    Pending,
    Authorised,
    Succeeded,
    Failed,
    Expired,
    Cancelled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundState {
    Pending,
    Succeeded,
    Failed,
    Cancelled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisputeState {
    /// An inquiry; no money moved.
    Warning,
    /// Money withdrawn from us.
    Opened,
    Won,
    Lost,
    /// A value this version does not know: open, a person looks at it.
    Unrecognised,
}

#[derive(Clone, Debug)]
pub struct OpenDeposit {
    /// Our id of the attempt; travels as the provider's idempotency key and in its metadata.
    pub our_ref: String,
    pub amount: Amount,
    pub method: String,
    pub client_ref: String,
    pub email: String,
    pub locale: String,
    /// Where the customer's browser returns, yes or no.
    pub return_url: String,
    pub cancel_url: String,
    pub description: String,
    pub expires_at: Ts,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DepositSession {
    /// The provider's id of the payment (checkout session, order…).
    pub provider_ref: String,
    /// Send the customer here.
    pub redirect_url: Option<String>,
    pub state: PaymentState,
}

/// How the customer paid, as far as the provider tells. Never a card number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Instrument {
    /// `card`, `bank`, `wallet`, `crypto`.
    pub kind: String,
    pub brand: Option<String>,
    pub last4: Option<String>,
    /// The provider's stable mark of the same card or account.
    pub fingerprint: Option<String>,
    pub country: Option<String>,
    pub holder: Option<String>,
}

/// What the provider says about a payment right now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepositReport {
    pub our_ref: Option<String>,
    pub provider_ref: String,
    /// The id refunds and disputes refer to (payment intent, capture).
    pub payment_ref: Option<String>,
    pub state: PaymentState,
    pub amount: Amount,
    pub received: Option<Amount>,
    pub refunded_minor: i64,
    pub fee: Option<Amount>,
    pub failure_code: Option<String>,
    /// Worth another try with another method or card.
    pub soft_failure: bool,
    pub instrument: Option<Instrument>,
}

#[derive(Clone, Debug)]
pub struct RefundRequest {
    pub our_ref: String,
    pub payment_ref: String,
    pub amount: Amount,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundReport {
    pub our_ref: Option<String>,
    pub provider_ref: String,
    pub payment_ref: String,
    pub state: RefundState,
    pub amount: Amount,
    pub failure_code: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisputeReport {
    pub provider_ref: String,
    pub payment_ref: String,
    pub state: DisputeState,
    pub amount: Amount,
    pub reason: String,
    /// The provider's own word.
    pub provider_state: String,
}

/// One verified callback, reduced to what it is about. The content is a hint: money moves only on
/// the report read from the provider's API or carried here after its echo was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookEvent {
    /// The provider's id of the event: the key of de-duplication.
    pub event_id: String,
    /// The provider's word, for display.
    pub kind: String,
    pub subject: HookSubject,
    pub at: Ts,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "about")]
pub enum HookSubject {
    Deposit {
        our_ref: Option<String>,
        provider_ref: String,
    },
    Refund {
        our_ref: Option<String>,
        provider_ref: String,
    },
    Dispute {
        provider_ref: String,
    },
    /// Verified, and nothing we act on.
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookRefusal {
    /// Signature missing or wrong.
    Forged(String),
    /// Rightly signed, but the time stamp is outside the tolerance.
    Stale(String),
    /// Rightly signed and unreadable: stored and raised, never guessed.
    Unreadable(String),
}

/// Verifies a callback on its raw bytes. There is no default: a provider without verification
/// does not compile.
pub trait VerifyHook: Send + Sync {
    /// `headers` are lower-case names with their values.
    fn verify(&self, headers: &[(String, String)], body: &[u8], now: Ts) -> Result<HookEvent, HookRefusal>;
}

#[async_trait]
pub trait TakeDeposits: Send + Sync {
    /// Repeatable: the same `our_ref` gives the same session.
    async fn open_deposit(&self, req: &OpenDeposit) -> CallResult<DepositSession>;
    async fn deposit(&self, provider_ref: &str) -> CallResult<DepositReport>;
}

#[async_trait]
pub trait RefundDeposits: Send + Sync {
    /// Repeatable: the same `our_ref` gives the same refund.
    async fn refund(&self, req: &RefundRequest) -> CallResult<RefundReport>;
    async fn refund_status(&self, provider_ref: &str) -> CallResult<RefundReport>;
}

#[async_trait]
pub trait ReportDisputes: Send + Sync {
    async fn dispute(&self, provider_ref: &str) -> CallResult<DisputeReport>;
}

/// A connection to one provider account, with what it can do.
pub trait Psp: TakeDeposits + RefundDeposits + ReportDisputes + VerifyHook {
    /// `stripe`.
    fn provider(&self) -> &'static str;
    /// The API version the connector was written against.
    fn api_version(&self) -> &'static str;
}

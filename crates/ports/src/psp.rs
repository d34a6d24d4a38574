//! A payment provider. Amounts are ours (minor units by ISO exponent); the connector converts to
//! and from the provider's idea of them.

use crate::{CallError, CallResult};
use async_trait::async_trait;
use qd_kernel::{Amount, Secret, Ts};
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

/// Money to a client at a provider that pays people: an e-wallet, a crypto address, a bank account.
#[derive(Clone, Debug)]
pub struct PayoutRequest {
    /// Our id of the payout leg; travels as the provider's idempotency key and in its metadata.
    pub our_ref: String,
    pub amount: Amount,
    /// The method's code as the entity names it: `skrill`, `btc`, `bank`…
    pub method: String,
    pub to: PayoutTarget,
    pub description: String,
}

/// Where a payout goes. The account is personal data: it prints masked.
#[derive(Clone, Debug)]
pub struct PayoutTarget {
    /// E-mail of the wallet, IBAN, crypto address, or the provider's id of it.
    pub account: Secret,
    pub holder: String,
    /// ISO 3166 alpha-2.
    pub country: String,
    /// BIC or routing code where the account alone does not name the bank.
    pub bank_code: Option<String>,
}

/// Only an explicit yes is `Paid`; a payout may come back after it (payment-providers.md 0, note 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayoutState {
    Pending,
    Paid,
    /// It never left.
    Failed,
    /// It was paid and the other side sent it back.
    Returned,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutReport {
    pub our_ref: Option<String>,
    pub provider_ref: String,
    pub state: PayoutState,
    /// What the receiver gets.
    pub amount: Amount,
    pub fee: Option<Amount>,
    pub failure_code: Option<String>,
}

/// What a provider's settlement file says, line by line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SettlementKind {
    Payment,
    Refund,
    Payout,
    Chargeback,
    ChargebackReversed,
    Fee,
    /// The provider's own transfer of our balance to our bank.
    Transfer,
    /// A word this version does not know: shown to a person, never guessed.
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettlementLine {
    /// Line of the file, counted from 1 with the heading; of an XML or JSON file the entry's number.
    pub line: u32,
    pub kind: SettlementKind,
    /// The provider's word.
    pub word: String,
    pub our_ref: Option<String>,
    pub provider_ref: Option<String>,
    /// The payment a refund, chargeback or fee belongs to.
    pub payment_ref: Option<String>,
    /// Signed as our balance there saw it: a payment is positive, a refund negative.
    pub gross: Amount,
    /// Never positive; None when the file does not say.
    pub fee: Option<Amount>,
    pub at: Ts,
}

/// A line that cannot be read: where, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SettlementFault {
    pub line: u32,
    pub field: String,
    pub code: String,
    pub expected: String,
}

/// Lines that could be read and lines that could not: a fault hides no other line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// The file's own id where it has one: the key of de-duplication beside its hash.
    pub file_ref: Option<String>,
    pub lines: Vec<SettlementLine>,
    pub faults: Vec<SettlementFault>,
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
    Payout {
        our_ref: Option<String>,
        provider_ref: String,
    },
    Dispute {
        provider_ref: String,
    },
    /// From a provider that has no call to ask for it: what the callback said itself.
    Told {
        report: Box<Told>,
    },
    /// Verified, and nothing we act on.
    Other,
}

/// A report that a callback carried, made of signed fields only: at providers where nothing can be
/// asked afterwards (Adyen). It counts like an answer to the call that is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    Deposit(DepositReport),
    Refund(RefundReport),
    Dispute(DisputeReport),
}

impl Told {
    /// What the report is about, as a callback without a report would name it.
    pub fn subject(&self) -> HookSubject {
        match self {
            Told::Deposit(r) => HookSubject::Deposit {
                our_ref: r.our_ref.clone(),
                provider_ref: r.provider_ref.clone(),
            },
            Told::Refund(r) => HookSubject::Refund {
                our_ref: r.our_ref.clone(),
                provider_ref: r.provider_ref.clone(),
            },
            Told::Dispute(r) => HookSubject::Dispute {
                provider_ref: r.provider_ref.clone(),
            },
        }
    }
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
    /// Takes what the customer has approved: called once [`TakeDeposits::deposit`] says
    /// [`PaymentState::Authorised`], at providers where approval and payment are two calls
    /// (Paysafe handles, PayPal orders). Repeatable: the same `our_ref` takes the money once.
    async fn take(&self, _provider_ref: &str, _our_ref: &str, _amount: Amount) -> CallResult<DepositReport> {
        Err(CallError::refused("not_offered", "this provider takes approved payments by itself"))
    }
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

/// A provider that pays people says so in [`Can::payouts`]; the others refuse.
#[async_trait]
pub trait PayOut: Send + Sync {
    /// Repeatable within the provider's idempotency window: the same `our_ref` gives the same payout.
    async fn pay_out(&self, _req: &PayoutRequest) -> CallResult<PayoutReport> {
        Err(CallError::refused("not_offered", "this provider pays nobody out"))
    }
    /// By the provider's id, or by ours when its answer never came.
    async fn payout_status(&self, _our_ref: &str, _provider_ref: Option<&str>) -> CallResult<PayoutReport> {
        Err(CallError::refused("not_offered", "this provider pays nobody out"))
    }
}

/// A provider whose settlement files can be read says so in [`Can::settlements`].
pub trait ReadSettlements: Send + Sync {
    /// Err when the file as a whole is none of this provider's.
    fn read_settlement(&self, _file: &[u8]) -> Result<Settlement, SettlementFault> {
        Err(SettlementFault {
            line: 0,
            field: "file".into(),
            code: "settlements_not_offered".into(),
            expected: "expected a provider whose settlement files are known here".into(),
        })
    }
}

/// What a connection can do; what is not said here is refused by the connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = PspCapabilities)]
pub struct Can {
    /// Money back to the payment it came by.
    pub refunds: bool,
    pub payouts: bool,
    pub disputes: bool,
    pub settlements: bool,
}

/// A connection to one provider account, with what it can do.
pub trait Psp: TakeDeposits + RefundDeposits + ReportDisputes + PayOut + ReadSettlements + VerifyHook {
    /// `stripe`.
    fn provider(&self) -> &'static str;
    /// The API version the connector was written against.
    fn api_version(&self) -> &'static str;
    fn can(&self) -> Can;
    /// What a stored callback is answered with: most providers want a 2xx only, some their own words.
    fn hook_answer(&self) -> &'static str {
        r#"{"received":true}"#
    }
    /// Payments are told by statements, and nobody can be asked: an open one is looked at rarely, and
    /// lapses without anybody's word.
    fn by_statement(&self) -> bool {
        false
    }
    /// An id of a payment that cannot exist, in this provider's form: asking for it shows whether
    /// our key is taken. The answer has to be [`PROBE_MISSING`].
    fn probe(&self) -> &'static str;
}

/// The code every connector gives for a payment its provider does not know.
pub const PROBE_MISSING: &str = "resource_missing";

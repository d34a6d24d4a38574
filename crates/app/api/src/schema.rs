//! Shapes of answers, for the description only: the domain's views are what is sent, and a test
//! holds every answer of the stories against these. `•••` may stand where a caller's role does not
//! see a field.

#![allow(dead_code, reason = "read by the derive, never built")]

use serde_json::Value;
use utoipa::ToSchema;

/// Whole minor units: EUR 500.00 is `{"minor": 50000, "currency": "EUR"}`.
#[derive(ToSchema)]
#[schema(example = json!({"minor": 50_000, "currency": "EUR"}))]
pub struct Money {
    pub minor: i64,
    /// ISO 4217, or a crypto asset's code.
    pub currency: String,
}

/// One step of where the money is; the same for client and staff.
#[derive(ToSchema)]
pub struct Step {
    /// Key of the text: `deposit.in_wallet`.
    pub key: String,
    /// `done`, `current`, `waiting`, `failed`.
    pub state: String,
    pub at_us: Option<i64>,
    /// How long this step usually takes from here, in seconds.
    pub expected_s: Option<i64>,
    /// `client`, `compliance`, `finance`, `provider`, `platform`.
    pub waiting_for: Option<String>,
    pub detail: Option<String>,
}

#[derive(ToSchema)]
#[schema(example = json!({"id": "dep_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "client_id": "cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "entity": "eu", "account_id": "tacc_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "method": "card", "connection": "stripe-eu", "amount": {"minor": 50_000, "currency": "EUR"}, "received": {"minor": 50_000, "currency": "EUR"}, "returned": {"minor": 0, "currency": "EUR"}, "state": "posted", "redirect_url": null, "provider_ref": "cs_test_1", "payment_ref": "pi_1", "failure_code": null, "try_another": false, "first_deposit": true, "held_reason": null, "dispute_state": null, "instrument": {"kind": "card", "brand": "visa", "last4": "4242", "fingerprint": "fp_1", "country": "DE", "holder": null}, "steps": [{"key": "deposit.requested", "state": "done", "at_us": 1_790_000_000_000_000_i64, "expected_s": null, "waiting_for": null, "detail": null}], "created_at_us": 1_790_000_000_000_000_i64, "received_at_us": 1_790_000_030_000_000_i64, "posted_at_us": 1_790_000_032_000_000_i64, "version": 5}))]
pub struct Deposit {
    pub id: String,
    pub client_id: String,
    pub entity: String,
    pub account_id: Option<String>,
    pub method: String,
    /// Which provider connection it goes through.
    pub connection: String,
    pub amount: Money,
    pub received: Option<Money>,
    pub returned: Money,
    /// `created`, `redirected`, `pending`, `held`, `succeeded`, `posted`, `failed`, `expired`, `cancelled`.
    pub state: String,
    /// Send the client here while the state is `redirected`.
    pub redirect_url: Option<String>,
    pub provider_ref: Option<String>,
    pub payment_ref: Option<String>,
    pub failure_code: Option<String>,
    pub try_another: bool,
    pub first_deposit: bool,
    pub held_reason: Option<String>,
    pub dispute_state: Option<String>,
    pub instrument: Option<Value>,
    pub steps: Vec<Step>,
    pub created_at_us: i64,
    pub received_at_us: Option<i64>,
    pub posted_at_us: Option<i64>,
    pub version: i64,
}

#[derive(ToSchema)]
pub struct WithdrawalLeg {
    pub n: i64,
    /// `refund` to the source, or `bank`.
    pub kind: String,
    pub connection: Option<String>,
    pub deposit_id: Option<String>,
    pub amount: Money,
    /// `planned`, `sending`, `pending`, `paid`, `returned`.
    pub state: String,
    pub provider_ref: Option<String>,
    pub failure_code: Option<String>,
    pub done_at_us: Option<i64>,
}

#[derive(ToSchema)]
#[schema(example = json!({"id": "wdr_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "client_id": "cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "entity": "eu", "account_id": null, "amount": {"minor": 12_000, "currency": "EUR"}, "state": "review", "signals": ["new_device"], "rule": "new device v1", "approval_id": "apr_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "approvals_needed": 1, "reason_code": null, "reason_text": null, "desk": "finance", "claimed_by": null, "due_at_us": 1_790_014_400_000_000_i64, "legs": [], "steps": [{"key": "withdrawal.requested", "state": "done", "at_us": 1_790_000_000_000_000_i64, "expected_s": null, "waiting_for": null, "detail": null}], "requested_at_us": 1_790_000_000_000_000_i64, "decided_at_us": null, "paid_at_us": null, "version": 3}))]
pub struct Withdrawal {
    pub id: String,
    pub client_id: String,
    pub entity: String,
    pub account_id: Option<String>,
    pub amount: Money,
    /// `collecting`, `deciding`, `review`, `approved`, `paying`, `paid`, `returned`, `refused`, `rejected`, `cancelled`.
    pub state: String,
    /// Why a person looks at it. Empty for the client.
    pub signals: Vec<String>,
    pub rule: Option<String>,
    pub approval_id: Option<String>,
    pub approvals_needed: i64,
    pub reason_code: Option<String>,
    pub reason_text: Option<String>,
    /// `finance` or `compliance`.
    pub desk: String,
    pub claimed_by: Option<String>,
    pub due_at_us: Option<i64>,
    /// Funds, age of the verification, source, device, as a reviewer needs them while it waits for one.
    #[schema(required = false)]
    pub checks: Option<Value>,
    pub legs: Vec<WithdrawalLeg>,
    pub steps: Vec<Step>,
    pub requested_at_us: i64,
    pub decided_at_us: Option<i64>,
    pub paid_at_us: Option<i64>,
    pub version: i64,
}

#[derive(ToSchema)]
#[schema(example = json!({"id": "trf_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "client_id": "cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "from_account": null, "to_account": "tacc_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "amount": {"minor": 10_000, "currency": "EUR"}, "state": "sending", "reason_code": null, "created_at_us": 1_790_000_000_000_000_i64, "changed_at_us": 1_790_000_000_000_000_i64}))]
pub struct Transfer {
    pub id: String,
    pub client_id: String,
    /// None: the wallet.
    pub from_account: Option<String>,
    pub to_account: Option<String>,
    pub amount: Money,
    /// `collecting`, `sending`, `done`, `refused`, `returned`.
    pub state: String,
    pub reason_code: Option<String>,
    pub created_at_us: i64,
    pub changed_at_us: i64,
}

#[derive(ToSchema)]
pub struct AccountSync {
    /// `synced`, `pending`, `failed`.
    pub state: String,
    pub since_us: i64,
    /// Seconds since the change was asked for, while it is pending.
    pub waiting_s: Option<i64>,
    pub error: Option<String>,
}

#[derive(ToSchema)]
#[schema(example = json!({"id": "tacc_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "client_id": "cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "entity": "eu", "kind": "live", "account_type": "standard", "currency": "EUR", "server": "eu-live", "group": "real\\standard-eur", "leverage": 30, "login": "500001", "state": "ready", "rights": "full", "rights_wanted": "full", "rights_reason": null, "rights_by": null, "sync": {"state": "synced", "since_us": 1_790_000_000_000_000_i64, "waiting_s": null, "error": null}, "reading": null, "read_at_us": null, "created_at_us": 1_790_000_000_000_000_i64, "ready_at_us": 1_790_000_002_000_000_i64, "mapping": "eu v1"}))]
pub struct TradingAccount {
    pub id: String,
    pub client_id: String,
    pub entity: String,
    /// `live` or `demo`.
    pub kind: String,
    pub account_type: String,
    pub currency: String,
    pub server: String,
    pub group: String,
    pub leverage: i64,
    pub login: Option<String>,
    /// `requested`, `opening`, `ready`, `failed`, `closed`.
    pub state: String,
    /// As the platform last confirmed: `full`, `read_only`, `blocked`.
    pub rights: String,
    pub rights_wanted: String,
    pub rights_reason: Option<String>,
    pub rights_by: Option<String>,
    pub sync: AccountSync,
    /// Balance, equity and margin as last read.
    pub reading: Option<Value>,
    pub read_at_us: Option<i64>,
    pub created_at_us: i64,
    pub ready_at_us: Option<i64>,
    /// The rule book and its version that placed the account.
    pub mapping: String,
    /// Money to and from the account, the newest first; for staff, on one account.
    #[schema(required = false)]
    pub moves: Option<Vec<PlatformMove>>,
}

#[derive(ToSchema)]
pub struct PlatformMove {
    pub id: String,
    pub account_id: String,
    pub server: String,
    pub login: String,
    /// `to_platform` or `from_platform`.
    pub direction: String,
    pub kind: String,
    pub amount: Money,
    /// `queued`, `sending`, `unknown`, `done`, `refused`, `returned`.
    pub state: String,
    /// Seconds since it was sent, while no answer is known.
    pub waiting_s: Option<i64>,
    pub platform_ticket: Option<String>,
    /// Stands in the platform's comment.
    pub token: String,
    /// What it is for: `deposit:dep_…`, `credit:…`.
    pub purpose: String,
    pub last_code: Option<String>,
    pub last_detail: Option<String>,
    pub created_at_us: i64,
    pub sent_at_us: Option<i64>,
    pub done_at_us: Option<i64>,
}

/// A page of a list.
#[derive(ToSchema)]
pub struct PageOf<T: ToSchema> {
    pub items: Vec<T>,
    pub next_cursor: Option<String>,
}

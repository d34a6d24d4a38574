//! Client money in and out: deposits, withdrawals, transfers between a client's own places,
//! disputes. Every step is a state with its ledger entry, event and audit row in one transaction;
//! providers and platforms are only ever called from jobs.

pub mod bank;
pub mod deposit;
pub mod dispute;
pub mod jobs;
pub mod psps;
pub mod routing;
pub mod settling;
pub mod status;
mod store;
mod told;
pub mod transfer;
pub mod withdrawal;

pub use psps::Psps;
pub use status::{Step, StepState};

use qd_kernel::{Amount, Currency, Problem, Rate, Result, Rounding, id};
use qd_ledger::{AccountKey, Purpose};
use qd_runtime::access::{Caller, Right};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

id!(DepositId, "dep", "One intended deposit.");
id!(WithdrawalId, "wdr", "One requested withdrawal.");
id!(TransferId, "trf", "A transfer between a client's own places.");
id!(ExperimentId, "exp", "A share of the clients sent another way.");
id!(BankFileId, "bkf", "A file of a bank.");
id!(BankEntryId, "bke", "An entry of a bank statement.");
id!(BankPaymentId, "bpm", "A payment by bank.");
id!(BankBatchId, "bbt", "Payments by bank that leave together.");
id!(PayoutTargetId, "ptg", "An account a client is paid to.");
id!(QuoteId, "quo", "A rate locked for some seconds, for one transfer.");
id!(DisputeId, "dsp", "A chargeback or inquiry about a deposit.");

/// What the payment rules need to know of a client; put together by the composition root from the
/// client record, the KYC case and the entity's configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClientFacts {
    pub client_id: String,
    pub entity: String,
    pub email: String,
    pub name: String,
    pub locale: String,
    pub country: String,
    pub kyc_approved: bool,
    /// Days since the last approval.
    pub kyc_age_days: Option<i64>,
    /// How much an unverified client may deposit in all; None: no limit.
    pub unverified_limit: Option<Amount>,
    /// Methods open to this client, with the connection each goes through.
    pub methods: Vec<MethodFact>,
    /// Payments in or out stopped by a restriction, with its reason.
    pub deposits_stopped: Option<String>,
    pub withdrawals_stopped: Option<String>,
    /// Days since the device of this request was first seen with this client; None: never.
    pub device_age_days: Option<i64>,
    /// Other clients who have signed in with a browser of this one.
    #[serde(default)]
    pub device_others: i64,
    /// The device the client came with: as old as the client, whatever its days.
    pub device_is_first: bool,
    /// Hours since the e-mail address or phone, and the password, were changed; None: never.
    pub contact_changed_hours: Option<i64>,
    pub password_changed_hours: Option<i64>,
    /// `low`, `medium`, `high`.
    pub risk: String,
    pub vip: bool,
    pub restricted: bool,
    pub screening_hits: i64,
    pub limits: Limits,
    /// The entity's base currency and what one unit of each other is worth in it.
    pub base_currency: Currency,
    pub base_rates: BTreeMap<String, Rate>,
}

/// The entity's limits, minor units of its base currency.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Limits {
    pub deposit_max_minor: i64,
    pub auto_max_minor: i64,
    pub two_people_over_minor: i64,
    pub withdrawal_min_minor: i64,
    pub kyc_refresh_days: i64,
    pub review_hours: i64,
}

impl ClientFacts {
    /// In minor units of the base currency; None when there is no rate, which stops every rule
    /// that needs it.
    pub fn base(&self, a: Amount) -> Option<i64> {
        if a.currency == self.base_currency {
            return Some(a.minor);
        }
        let rate = self.base_rates.get(a.currency.code())?;
        a.convert(*rate, self.base_currency, Rounding::HalfAwayFromZero)
            .ok()
            .map(|b| b.minor)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, utoipa::ToSchema)]
#[schema(as = DepositMethod)]
pub struct MethodFact {
    pub method: String,
    pub connection: String,
    /// Further connections that take the same method, in the order of the configuration.
    #[serde(default)]
    #[schema(required)]
    pub others: Vec<String>,
    pub currencies: Vec<String>,
    pub min_minor: i64,
    pub max_minor: i64,
    /// What the payer is charged on top, shown before paying: per cent and a fixed sum in the
    /// payment's currency, both as decimal text (`2.9`, `0.30`).
    #[serde(default)]
    pub fee_percent: Option<String>,
    #[serde(default)]
    pub fee_fixed: Option<String>,
    /// How long it usually takes until the money is here.
    #[serde(default)]
    pub arrives_minutes: Option<i64>,
    /// Nothing can take it at the moment.
    #[serde(default)]
    #[schema(required)]
    pub unavailable: bool,
}

pub(crate) fn wallet(client_id: &str, currency: Currency) -> AccountKey {
    AccountKey {
        owner: format!("client:{client_id}"),
        purpose: Purpose::Wallet,
        currency,
    }
}

pub(crate) fn clearing(connection: &str, currency: Currency) -> AccountKey {
    AccountKey {
        owner: format!("psp:{connection}"),
        purpose: Purpose::Clearing,
        currency,
    }
}

/// The purpose of a platform move and back.
pub(crate) fn purpose(kind: &str, id: impl std::fmt::Display) -> String {
    format!("{kind}:{id}")
}

/// With the growing pauses of [`jobs`] this is days of asking: a provider's outage uses up no job.
pub(crate) const ATTEMPTS: u32 = 5_000;

/// Only the client acts for a client, or the house by a job of its own.
pub(crate) fn acts_for(caller: &Caller, client_id: &str, right: Right) -> Result<()> {
    caller.require(right)?;
    match caller.client_id() {
        Ok(c) if c != client_id => Err(Problem::missing("client")),
        _ => Ok(()),
    }
}

/// A client knows of what is theirs, staff by right and entity; for anybody else it does not exist.
pub(crate) fn known(caller: &Caller, right: Right, what: &'static str, client_id: &str, entity: &str) -> Result<()> {
    let may = match caller.client_id() {
        Ok(own) => own == client_id,
        Err(_) => {
            caller.require(right)?;
            caller.enters(Some(entity))
        }
    };
    if may { Ok(()) } else { Err(Problem::missing(what)) }
}

/// Whose rows a list is about.
pub(crate) struct Whose {
    pub client_id: Option<String>,
    /// None: of all.
    pub entities: Option<Vec<String>>,
    /// A client's own; filters that are for staff do not count.
    pub own: bool,
}

/// For staff by right and entity, of one client or of all; a client sees their own.
pub(crate) fn whose(caller: &Caller, right: Right, client_id: Option<String>) -> Result<Whose> {
    if let Ok(own) = caller.client_id() {
        return Ok(Whose {
            client_id: Some(own),
            entities: None,
            own: true,
        });
    }
    caller.require(right)?;
    Ok(Whose {
        client_id,
        entities: caller.allowed_entities(),
        own: false,
    })
}

/// A reference of somebody else's: a bank's transaction, a provider's payment. Goes into the books.
pub(crate) fn reference(text: &str) -> Result<String> {
    let t = text.trim();
    if t.is_empty() || t.len() > 100 || t.chars().any(char::is_control) {
        return Err(Problem::invalid(
            "reference",
            "reference_malformed",
            "expected 1 to 100 characters on one line",
        ));
    }
    Ok(t.to_string())
}

/// A reason that somebody will read later.
pub(crate) fn reason(text: &str) -> Result<String> {
    let t = text.trim();
    if t.is_empty() {
        return Err(Problem::invalid(
            "reason",
            "reason_missing",
            "expected the reason, which staff and auditors will read",
        ));
    }
    if t.chars().count() > 2_000 {
        return Err(Problem::invalid("reason", "reason_too_long", "expected at most 2000 characters"));
    }
    Ok(t.to_string())
}

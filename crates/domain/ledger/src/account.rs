//! Accounts: whose money, what for, in which currency.

use qd_db::Engine;
use qd_kernel::{Currency, Problem, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

qd_kernel::id!(
    AccountId,
    "lac",
    "A ledger account. Its body is derived from owner, purpose and currency."
);

/// Rows of a striped account: as many writers as this do not wait for each other, and it is all that
/// the last character of an id can say.
const STRIPES: u8 = 32;
/// The last character of an id is the number of the row.
const STRIPE_BITS: u128 = 31;

/// SQLite has one writer at a time, who would gain nothing.
pub(crate) const fn stripes(engine: Engine) -> u8 {
    match engine {
        Engine::Sqlite => 1,
        Engine::Postgres => STRIPES,
    }
}

impl AccountId {
    /// The id of one of the account's rows. Row 0 has the account's own id, so rows sort by account,
    /// then by stripe.
    pub(crate) const fn stripe(self, n: u8) -> AccountId {
        AccountId(self.0 & !STRIPE_BITS | (n as u128 & STRIPE_BITS))
    }
    /// Which of the account's rows it is.
    pub(crate) const fn number(self) -> u8 {
        (self.0 & STRIPE_BITS) as u8
    }
    /// The account that a row belongs to.
    pub(crate) const fn account(self) -> AccountId {
        self.stripe(0)
    }
}

qd_kernel::text_enum!(
    /// What an account is for; decides whether it is guarded.
    Purpose as LedgerPurpose {
        /// The client's money with us. Guarded.
        Wallet = "wallet",
        /// What a PSP or bank holds for us (negative when it does).
        Clearing = "clearing",
        /// On its way between wallet and trading server. Guarded.
        Transit = "transit",
        /// Mirror of the money on the trading server.
        Platform = "platform",
        /// Left the wallet, not yet confirmed as paid. Guarded.
        PayoutTransit = "payout_transit",
        Fees = "fees",
        Chargebacks = "chargebacks",
        /// The house's side of what clients won and lost.
        TradingResult = "trading_result",
        CommissionExpense = "commission_expense",
        /// What we owe a partner; may fall below zero by clawback.
        CommissionPayable = "commission_payable",
        /// The house's open position from conversions, per currency.
        FxPosition = "fx_position",
        /// Money whose owner is not known yet.
        Suspense = "suspense",
        /// Bonus and goodwill given.
        CreditGiven = "credit_given",
    }
);

impl Purpose {
    pub const fn guarded(self) -> bool {
        matches!(self, Purpose::Wallet | Purpose::Transit | Purpose::PayoutTransit)
    }
}

/// Who may own an account, by the word before the colon.
const OWNER_KINDS: &[&str] = &["client", "psp", "tacc", "house", "partner"];
const MAX_OWNER: usize = 120;

/// The business name of an account. Its row appears with its first posting.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = LedgerAccount)]
pub struct AccountKey {
    pub owner: String,
    pub purpose: Purpose,
    pub currency: Currency,
}

impl AccountKey {
    pub fn new(owner: impl Into<String>, purpose: Purpose, currency: Currency) -> AccountKey {
        AccountKey {
            owner: owner.into(),
            purpose,
            currency,
        }
    }
    pub fn wallet(client_id: impl std::fmt::Display, currency: Currency) -> AccountKey {
        AccountKey::new(format!("client:{client_id}"), Purpose::Wallet, currency)
    }
    /// Whether many write to it at once and nothing depends on its balance at the moment of writing:
    /// then it is several rows where the engine has several writers. What the house owns, on purpose:
    /// a client's account is his own traffic only.
    pub fn striped(&self) -> bool {
        let shared = matches!(
            self.purpose,
            Purpose::Clearing
                | Purpose::Fees
                | Purpose::Chargebacks
                | Purpose::TradingResult
                | Purpose::CommissionExpense
                | Purpose::FxPosition
                | Purpose::Suspense
        );
        shared && (self.owner.starts_with("house:") || self.owner.starts_with("psp:"))
    }
    /// How many rows it has where `engine` writes it.
    pub(crate) fn rows(&self, engine: Engine) -> u8 {
        if self.striped() { stripes(engine) } else { 1 }
    }
    /// Derived, so that no look-up and no race stands between a key and its row.
    pub fn id(&self) -> AccountId {
        let text = format!("{}\u{1f}{}\u{1f}{}", self.owner, self.purpose, self.currency);
        let hash = Sha256::digest(text.as_bytes());
        let mut body = [0u8; 16];
        body.copy_from_slice(&hash[..16]);
        AccountId::from_body(u128::from_be_bytes(body)).account()
    }
    pub(crate) fn check(&self, pointer: &str) -> Result<()> {
        let kind = self
            .owner
            .split_once(':')
            .filter(|(_, rest)| !rest.is_empty())
            .map(|(kind, _)| kind);
        let known = kind.is_some_and(|k| OWNER_KINDS.contains(&k));
        let plain = self
            .owner
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b':' | b'_' | b'-' | b'.'));
        if known && plain && self.owner.len() <= MAX_OWNER {
            return Ok(());
        }
        Err(Problem::invalid(
            &format!("{pointer}/account/owner"),
            "owner_malformed",
            "expected client:, psp:, tacc:, house: or partner: and an id",
        ))
    }
}

impl std::fmt::Display for AccountKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.owner, self.purpose, self.currency)
    }
}

/// In minor units of the account's currency. An account without postings is all zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    pub balance_minor: i64,
    /// Sum of the pending holds.
    pub held_minor: i64,
    pub available_minor: i64,
}

impl Balance {
    pub(crate) fn of(balance_minor: i64, held_minor: i64) -> Balance {
        Balance {
            balance_minor,
            held_minor,
            available_minor: balance_minor.saturating_sub(held_minor),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_keys_never_share_a_row_and_one_key_always_finds_its_own() {
        let a = AccountKey::wallet("cli_1", Currency::EUR);
        assert_eq!(a.id(), AccountKey::wallet("cli_1", Currency::EUR).id());
        assert_ne!(a.id(), AccountKey::wallet("cli_1", Currency::USD).id());
        assert_ne!(a.id(), AccountKey::new("client:cli_1", Purpose::Transit, Currency::EUR).id());
        assert_eq!(AccountId::parse(&a.id().to_string()).unwrap(), a.id());
    }

    #[test]
    fn rows_of_an_account_sort_behind_its_id_and_lead_back_to_it() {
        let key = AccountKey::new("psp:card", Purpose::Clearing, Currency::EUR);
        let text = key.id().to_string();
        assert!(text.ends_with('0'));
        for n in 0..32 {
            let row = key.id().stripe(n);
            assert_eq!(row.account(), key.id());
            assert_eq!(row.to_string()[..29], text[..29]);
            assert!(n == 0 || (row > key.id().stripe(n - 1) && row.to_string() > key.id().stripe(n - 1).to_string()));
        }
    }

    #[test]
    fn what_is_guarded_or_a_clients_own_is_never_striped() {
        let of = |owner: &str, purpose| AccountKey::new(owner, purpose, Currency::EUR);
        for purpose in Purpose::ALL {
            for owner in ["client:c", "tacc:t", "partner:p"] {
                assert!(!of(owner, *purpose).striped());
            }
            assert!(!(purpose.guarded() && of("house:eu", *purpose).striped()));
        }
        assert!(of("psp:card", Purpose::Clearing).striped() && of("house:eu", Purpose::TradingResult).striped());
        assert_eq!(of("psp:card", Purpose::Clearing).rows(Engine::Sqlite), 1);
        assert_eq!(of("client:c", Purpose::Suspense).rows(Engine::Postgres), 1);
    }

    #[test]
    fn an_owner_without_kind_or_with_odd_characters_is_refused_with_its_place() {
        for owner in ["cli_1", "client:", "staff:sta_1", "client:a b", "client:ä", "client:a,b"] {
            let p = AccountKey::new(owner, Purpose::Wallet, Currency::EUR).check("/legs/0").unwrap_err();
            assert_eq!(p.fields[0].pointer, "/legs/0/account/owner");
        }
    }
}

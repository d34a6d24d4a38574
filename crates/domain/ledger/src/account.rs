//! Accounts: whose money, what for, in which currency.

use qd_kernel::{Currency, Problem, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

qd_kernel::id!(AccountId, "lac", "A ledger account. Its body is derived from owner, purpose and currency.");

qd_kernel::text_enum!(
    /// What an account is for; decides whether it is guarded.
    Purpose {
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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AccountKey {
    pub owner: String,
    pub purpose: Purpose,
    pub currency: Currency,
}

impl AccountKey {
    pub fn new(owner: impl Into<String>, purpose: Purpose, currency: Currency) -> AccountKey {
        AccountKey { owner: owner.into(), purpose, currency }
    }
    pub fn wallet(client_id: impl std::fmt::Display, currency: Currency) -> AccountKey {
        AccountKey::new(format!("client:{client_id}"), Purpose::Wallet, currency)
    }
    /// Derived, so that no look-up and no race stands between a key and its row.
    pub fn id(&self) -> AccountId {
        let text = format!("{}\u{1f}{}\u{1f}{}", self.owner, self.purpose, self.currency);
        let hash = Sha256::digest(text.as_bytes());
        let mut body = [0u8; 16];
        body.copy_from_slice(&hash[..16]);
        AccountId::from_body(u128::from_be_bytes(body))
    }
    pub(crate) fn check(&self, pointer: &str) -> Result<()> {
        let kind = self.owner.split_once(':').filter(|(_, rest)| !rest.is_empty()).map(|(kind, _)| kind);
        let known = kind.is_some_and(|k| OWNER_KINDS.contains(&k));
        let plain = self.owner.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b':' | b'_' | b'-' | b'.'));
        if known && plain && self.owner.len() <= MAX_OWNER {
            return Ok(());
        }
        Err(Problem::invalid(&format!("{pointer}/account/owner"), "owner_malformed", "expected client:, psp:, tacc:, house: or partner: and an id"))
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
        Balance { balance_minor, held_minor, available_minor: balance_minor.saturating_sub(held_minor) }
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
    fn an_owner_without_kind_or_with_odd_characters_is_refused_with_its_place() {
        for owner in ["cli_1", "client:", "staff:sta_1", "client:a b", "client:ä", "client:a,b"] {
            let p = AccountKey::new(owner, Purpose::Wallet, Currency::EUR).check("/legs/0").unwrap_err();
            assert_eq!(p.fields[0].pointer, "/legs/0/account/owner");
        }
    }
}

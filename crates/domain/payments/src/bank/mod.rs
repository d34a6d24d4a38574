//! The bank rail: what statements say, whose money it is, and payments that leave in batches.
//!
//! Money that came is booked in the transaction that knows its entry: to the deposit it is for, or to
//! the bank's suspense account until a person says whose it is. An entry counts once, whatever files
//! tell of it.

mod batches;
mod details;
mod entries;
pub(crate) mod files;
mod matching;
mod payments;
pub mod targets;

pub use batches::{BatchView, NewBatch, decide, get as batch, list as batches, message, prepare};
pub use details::{Details, details};
pub use entries::{Candidate, EntryView, assign, assignee, entry, list as entries, send_back};
pub use files::{FileView, file, list as files, load, original};
pub use payments::{PaymentView, waiting};
pub(crate) use payments::{leg_planned, leg_told, receiver};

use qd_db::Tx;
use qd_kernel::{Currency, Problem, Result, text_enum};
use qd_ports::bank::{Debtor, bank_text, bic, iban};
use qd_runtime::settings;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

text_enum! {
    FileState as BankFileState {
        Waiting = "waiting",
        Reading = "reading",
        Done = "done",
        /// Kept for inspection; nothing of it counts.
        Refused = "refused",
    }
}

text_enum! {
    EntryState as BankEntryState {
        /// A deposit's money.
        Matched = "matched",
        /// In suspense; a person chooses among candidates.
        Doubtful = "doubtful",
        /// In suspense; nobody knows whose it is.
        Suspense = "suspense",
        /// In suspense, on its way back to who sent it.
        Returning = "returning",
        Returned = "returned",
        /// A payment of ours: it left, or came back.
        Payout = "payout",
        /// Nothing we act on: the bank's fees, the house's own transfers.
        Other = "other",
    }
}

text_enum! {
    PaymentKind as BankPaymentKind { Leg = "leg", Return = "return" }
}

text_enum! {
    PaymentState as BankPaymentState {
        /// For the next batch; without an account it waits for one.
        Waiting = "waiting",
        Batched = "batched",
        /// Released: the bank has it, or will.
        Sent = "sent",
        Paid = "paid",
        /// It never left.
        Failed = "failed",
        /// It left and came back.
        Returned = "returned",
    }
}

text_enum! {
    BatchState as BankBatchState { Prepared = "prepared", Released = "released", Refused = "refused" }
}

/// Setting of the entity: the accounts that clients pay into and are paid from.
pub const ACCOUNTS: &str = "client_bank";

/// One of the house's accounts for clients' money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ClientBankAccount)]
pub struct HouseAccount {
    #[schema(value_type = String)]
    pub currency: Currency,
    /// The connection whose clearing account it is.
    pub connection: String,
    pub holder: String,
    pub iban: String,
    #[serde(default)]
    pub bic: Option<String>,
    pub bank_name: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ClientBank)]
pub struct HouseAccounts {
    pub accounts: Vec<HouseAccount>,
}

impl HouseAccounts {
    /// Refuses what could not be shown to a client or sent to a bank.
    pub fn check(&self) -> Result<()> {
        for (i, a) in self.accounts.iter().enumerate() {
            let at = format!("/accounts/{i}");
            a.debtor().check(&at).map_err(|mut p| {
                for f in &mut p.fields {
                    f.pointer = f.pointer.replace("/name", "/holder");
                }
                p
            })?;
            bank_text(&format!("{at}/bank_name"), &a.bank_name, 70)?;
            let twin = self.accounts[..i]
                .iter()
                .any(|b| b.iban == a.iban || (b.connection == a.connection && b.currency == a.currency));
            if twin {
                return Err(Problem::invalid(
                    &at,
                    "account_twice",
                    "expected each account once, and one for each connection and currency",
                ));
            }
        }
        Ok(())
    }

    fn of(&self, connection: &str, currency: Currency) -> Option<&HouseAccount> {
        self.accounts.iter().find(|a| a.connection == connection && a.currency == currency)
    }
}

impl HouseAccount {
    pub fn debtor(&self) -> Debtor {
        Debtor {
            name: self.holder.clone(),
            iban: self.iban.clone(),
            bic: self.bic.clone(),
            connection: self.connection.clone(),
        }
    }
}

/// The accounts of an entity.
pub async fn accounts(tx: &mut Tx, entity: &str) -> Result<HouseAccounts> {
    Ok(settings::for_entity(tx, entity, ACCOUNTS).await?.unwrap_or_default())
}

/// The connection that bank payments of the entity leave by, in a currency.
pub(crate) async fn outgoing(tx: &mut Tx, entity: &str, currency: Currency) -> Result<String> {
    Ok(accounts(tx, entity)
        .await?
        .accounts
        .into_iter()
        .find(|a| a.currency == currency)
        .map_or_else(|| format!("bank-{entity}"), |a| a.connection))
}

/// A stable mark of an account, by which it is recognised without being shown.
pub(crate) fn mark(account: &str) -> String {
    let plain: String = account
        .chars()
        .filter(|c| !c.is_whitespace())
        .flat_map(char::to_lowercase)
        .collect();
    Sha256::digest(format!("account:{plain}").as_bytes())[..16]
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

/// `•••• 3000` of an account.
pub(crate) fn tail_of(account: &str) -> String {
    let chars: Vec<char> = account.chars().collect();
    chars[chars.len().saturating_sub(4)..].iter().collect()
}

/// An account number that a payment file takes.
fn payable(account: &str, holder: &str, code: Option<&str>) -> Result<()> {
    bank_text("/holder", holder, 70)?;
    iban("/account", account)?;
    code.map_or(Ok(()), |b| bic("/bic", b))
}

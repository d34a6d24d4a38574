//! Money by bank transfer, in neutral words: what a statement says line by line, what a bank answers
//! to a payment file, and what is asked of it. The wire formats are a connector's.

mod account;

pub use account::{bank_text, bic, creditor_reference, iban, in_groups, is_creditor_reference, latin, same_name};

use crate::psp::SettlementFault;
use qd_kernel::{Amount, Currency, Problem, Result, Ts, text_enum};
use serde::{Deserialize, Serialize};

text_enum!(
    /// What a bank's file is.
    BankFileKind {
        /// The booked day of an account: camt.053.
        Statement = "statement",
        /// A notice during the day: camt.054.
        Notice = "notice",
        /// The answer to a payment file: pain.002.
        Status = "status",
    }
);

text_enum!(
    /// Which way money went on our account.
    Direction as BankDirection { In = "in", Out = "out" }
);

/// Who paid or was paid, as the bank names them. Personal data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    pub name: Option<String>,
    /// IBAN, or the account's number where there is none.
    pub account: Option<String>,
    pub bic: Option<String>,
}

/// One transaction booked on our account. What is only announced (pending) is not one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BankEntry {
    /// Line of the file on which it begins.
    pub line: u32,
    /// The same in every file that tells of it, within the account: the bank's own reference, or what
    /// it is made of, with its number among equals.
    pub key: String,
    pub direction: Direction,
    /// It takes back an entry of before.
    pub reversal: bool,
    pub amount: Amount,
    /// Midnight UTC of the booking day.
    pub booked_on: Option<Ts>,
    /// The bank's reference.
    pub bank_ref: Option<String>,
    /// The payer's reference; ours when we pay.
    pub end_to_end: Option<String>,
    /// The payment file and its block that the bank booked as one sum.
    pub message_ref: Option<String>,
    pub creditor_ref: Option<String>,
    /// The payer's words.
    pub text: String,
    /// Who is on the other side.
    pub party: Party,
    /// Why it came back, by code (`AC04`).
    pub return_reason: Option<String>,
}

/// An account in a file, with what was booked on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountEntries {
    /// The bank's id of the statement or notice.
    pub id: String,
    pub account: String,
    pub currency: Option<Currency>,
    pub entries: Vec<BankEntry>,
    /// Announced only: not counted, not credited.
    pub pending: u32,
}

/// What a payment became.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentStatus {
    pub line: u32,
    /// The payment file; all of it when no payment is named.
    pub message: Option<String>,
    pub end_to_end: Option<String>,
    pub state: StatusWord,
    /// The bank's word (`ACSC`) and its reason (`AC04`).
    pub word: String,
    pub reason: Option<String>,
}

text_enum!(
    StatusWord as BankStatusWord {
        /// Taken in, not settled.
        Pending = "pending",
        /// It is on the receiver's account, or settled.
        Paid = "paid",
        /// It never left.
        Refused = "refused",
        /// A word this version does not know: shown to a person.
        Unknown = "unknown",
    }
);

/// One file, read as a whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BankFile {
    pub kind: BankFileKind,
    /// The bank's id of the file.
    pub message_id: String,
    pub accounts: Vec<AccountEntries>,
    pub statuses: Vec<PaymentStatus>,
}

/// Reads and writes a bank's files.
pub trait BankFiles: Send + Sync {
    /// Err names the first thing that is wrong and its line; nothing of such a file counts.
    fn read(&self, file: &[u8]) -> std::result::Result<BankFile, SettlementFault>;
    /// The file, UTF-8. Errors name the field as in the message: `/transfers/3/iban`.
    fn payments(&self, message: &Message) -> Result<String>;
}

/// The house's account that others are paid from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PartnerBank)]
pub struct Debtor {
    /// 1 to 70 characters.
    pub name: String,
    pub iban: String,
    #[serde(default)]
    pub bic: Option<String>,
    /// The bank's name in the ledger, `psp:<connection>`.
    pub connection: String,
}

impl Debtor {
    /// `at` is the pointer of the account.
    pub fn check(&self, at: &str) -> Result<()> {
        bank_text(&format!("{at}/name"), &self.name, 70)?;
        iban(&format!("{at}/iban"), &self.iban)?;
        self.bic.as_deref().map_or(Ok(()), |b| bic(&format!("{at}/bic"), b))?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if self.connection.is_empty() || self.connection.len() > 60 || !self.connection.chars().all(plain) {
            return Err(Problem::invalid(
                &format!("{at}/connection"),
                "code_malformed",
                "expected the bank's name in the ledger: letters, digits, - and _",
            ));
        }
        Ok(())
    }
}

/// One payment of a [`Message`].
#[derive(Clone, Debug)]
pub struct Transfer {
    /// At most 35 characters; comes back on the account's statement.
    pub id: String,
    pub minor: i64,
    pub name: String,
    pub iban: String,
    pub bic: Option<String>,
    /// At most 140 characters.
    pub text: String,
}

/// A payment file: one account pays many, in one currency.
#[derive(Clone, Debug)]
pub struct Message {
    /// At most 35 characters; a bank takes each once.
    pub id: String,
    pub created: Ts,
    pub currency: Currency,
    pub debtor: Debtor,
    pub transfers: Vec<Transfer>,
}

/// Banks take no underscore: `ppo_x` is written `ppo-x`.
pub fn plain_id(id: &str) -> String {
    id.replace('_', "-")
}

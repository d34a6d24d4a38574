//! The double-entry ledger: the only place where client, partner and house money is.
//!
//! An **account** belongs to an owner (`client:cli_…`, `psp:<connection>`, `tacc:…`,
//! `house:<entity>`, `partner:par_…`), serves one [`Purpose`] and has one currency. An **entry** is
//! a business fact with a unique reference; its **postings** sum to zero per currency. Posting the
//! same reference again answers the first entry and changes nothing. Nothing is edited: a mistake is
//! taken back by [`reverse`].
//!
//! Sign: a posting above zero increases the account. Accounts of money we owe (wallet, transit,
//! platform, payout_transit, commission_payable) are positive when we owe; what stands against them
//! is negative: a clearing account at -500.00 means that the PSP holds 500.00 for us.
//!
//! **Guarded** accounts (wallet, transit, payout_transit) never show less than nothing available:
//! available = balance - pending holds. The rule stands in the posting statement and again as a
//! check constraint of the table.
//!
//! **Striped** accounts (what a house or PSP owns and many post to at once: clearing, fees,
//! trading_result, …) are several rows on PostgreSQL, each with a running balance of its own; an entry
//! writes to one of them. Nothing of that shows in an [`AccountKey`], a balance or a statement; they
//! are never guarded and cannot be held.
//!
//! Everything here runs inside the caller's transaction, so that money, event, job and audit row
//! commit together. A refusal ([`INSUFFICIENT_FUNDS`] and the other conflicts) has changed nothing,
//! and the caller may go on in the same transaction; [`post_many`] is the one exception.

mod account;
mod entry;
mod hold;
mod journal;
mod post;
mod read;
mod statement;
mod store;
mod store_postgres;
mod store_sqlite;
pub mod verify;

pub use account::{AccountId, AccountKey, Balance, Purpose};
pub use entry::{EntryId, EntryView, FxNote, Leg, NewEntry, Posted};
pub use hold::{Closed, HoldId, HoldState, HoldView, NewHold, expire_due, hold, hold_of, release, settle};
pub use journal::{JournalRange, journal_export};
pub use post::{ConvertEntry, Converted, convert, post, post_many, reverse};
pub use read::{Moved, Total, balance, balances_between, balances_of, entry, entry_by_reference, postings_after, totals};
pub use statement::{StatementLine, statement};

/// A guarded account would have shown less than nothing available.
pub const INSUFFICIENT_FUNDS: &str = "insufficient_funds";
/// The reference was posted before with other legs.
pub const REFERENCE_REUSED: &str = "reference_reused";

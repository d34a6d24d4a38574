//! Reconciliation: what providers and platforms say against what the ledger says, all day, and
//! where all client money is at any moment.
//!
//! - A **line** is one row of a provider's settlement file; an **entry** is one ledger entry on the
//!   provider's clearing account; both are signed as our balance at the provider sees them.
//! - Lines and entries are **matched** by rules in a fixed order ([`matching`]); no tolerance on
//!   principal.
//! - What does not match is a **break** ([`breaks`]): named, owned, aged, an exception for a person.
//!   It resolves itself when a later file or entry explains it, or a person explains it; where money
//!   has to move, a correcting entry needs a second person.

pub mod ask;
pub mod breaks;
mod explain;
pub mod files;
pub mod matching;
pub mod overview;
pub mod position;
mod reading;
mod settle;
mod store;
pub mod sync;
pub mod terms;

pub use explain::{Correction, CounterAccount, Explanation, decide, explain};
pub use terms::{SETTING, Terms};

use qd_kernel::{id, text_enum};
use qd_payments::Psps;
use qd_runtime::Core;
use qd_runtime::files::Files;
use qd_runtime::jobs::Handler;
use std::sync::Arc;

id!(SettlementFileId, "stf", "A settlement file of a payment provider.");
id!(
    BreakId,
    "brk",
    "Something that providers, platforms and the ledger do not agree about."
);

/// The kind of the exceptions about breaks; their rule is the break's kind.
pub const UNRECONCILED: &str = "ledger.unreconciled";
/// The kind of the alarm about a connection whose breaks are too much money for too long.
pub const DRIFT: &str = "ledger.drift";
/// What an approval about a correcting entry is about: `recon_break:brk_…`.
pub const SUBJECT: &str = "recon_break";

text_enum!(
    /// What is wrong.
    BreakKind {
        /// They have it, we have not.
        MissingInLedger = "missing_in_ledger",
        /// We have it, they have not, and the time they need is over.
        MissingAtProvider = "missing_at_provider",
        AmountDiffers = "amount_differs",
        CurrencyDiffers = "currency_differs",
        /// They have it more than once.
        DuplicateAtProvider = "duplicate_at_provider",
        /// Refunded, charged back or failed there only.
        StateDiffers = "state_differs",
        /// Another fee than their API had said.
        FeeDiffers = "fee_differs",
        /// A line that could not be read, or whose kind is not known.
        UnreadableLine = "unreadable_line",
    }
);

text_enum!(
    Side as ReconciliationSide { Provider = "provider", Platform = "platform" }
);

text_enum!(
    BreakState {
        Open = "open",
        /// Explained with a correcting entry that waits for a second person.
        Deciding = "deciding",
        /// A later file, deal or entry explained it.
        Resolved = "resolved",
        /// A person explained it.
        Explained = "explained",
    }
);

text_enum!(
    FileState as SettlementFileState {
        Stored = "stored",
        Reading = "reading",
        /// All lines are in; those left over are being looked at together.
        Settling = "settling",
        Done = "done",
        /// None of this provider's.
        Refused = "refused",
    }
);

text_enum!(
    LineState as SettlementLineState {
        Open = "open",
        Matched = "matched",
        /// Nothing of ours stands against it: a fee, the provider's transfer to our bank.
        Noted = "noted",
        /// The same line came in an earlier file.
        Repeated = "repeated",
        Broken = "broken",
        Explained = "explained",
    }
);

text_enum!(
    EntryState as ReconciledEntryState { Open = "open", Matched = "matched", Broken = "broken", Explained = "explained" }
);

/// What the jobs of this crate work with.
#[derive(Clone)]
pub(crate) struct Ctx {
    pub core: Core,
    pub psps: Psps,
    pub files: Files,
}

/// Handlers of jobs that are enqueued.
pub fn handlers(core: &Core, psps: &Psps, files: &Files) -> Vec<Arc<dyn Handler>> {
    let c = Ctx {
        core: core.clone(),
        psps: psps.clone(),
        files: files.clone(),
    };
    vec![Arc::new(reading::ReadFile(c))]
}

/// The recurring look at all connections and servers.
pub fn sweep(core: &Core, psps: &Psps, files: &Files) -> Arc<dyn Handler> {
    Arc::new(sync::Sweep(Ctx {
        core: core.clone(),
        psps: psps.clone(),
        files: files.clone(),
    }))
}

//! Trading accounts and what the platforms report about them: opening by mapping rule, rights in
//! both directions, money moves with an outcome that is always known or being asked for, the deal
//! feed with revisions, readings of balance and equity.

pub mod accounts;
pub mod credit;
pub mod drift;
pub mod feed;
mod feed_job;
pub mod jobs;
pub mod mapping;
pub mod moves;
pub mod platforms;
pub mod servers;
mod store;
mod store_drift;
mod store_mapping;
mod store_unseen;
mod sweep;
pub mod unseen;

use qd_kernel::{id, text_enum};

pub use platforms::{Platforms, Vault};

id!(TradingAccountId, "tacc", "A trading account: one login on one server.");
id!(MoveId, "pmv", "A movement of money between the ledger and a login.");

text_enum! {
    /// Real money or play money.
    AccountKind { Live = "live", Demo = "demo" }
}
text_enum! {
    /// Requested and opening are the pending-sync states people see; failed waits for a person.
    AccountState as TradingAccountState { Requested = "requested", Opening = "opening", Ready = "ready", Failed = "failed", Closed = "closed" }
}
text_enum! {
    /// Whether the platform is known to be as we want it.
    SyncState as AccountSyncState { Synced = "synced", Pending = "pending", Failed = "failed" }
}
text_enum! {
    Rights as AccountRights { Full = "full", ReadOnly = "read_only", Blocked = "blocked" }
}
text_enum! {
    Direction as MoveDirection { ToPlatform = "to_platform", FromPlatform = "from_platform" }
}
text_enum! {
    MoveKind { Balance = "balance", Credit = "credit" }
}
text_enum! {
    /// See the table in `moves`.
    MoveState {
        Queued = "queued",
        Sending = "sending",
        Unknown = "unknown",
        Done = "done",
        Refused = "refused",
        Returned = "returned",
    }
}

impl Rights {
    /// Whether this allows more than `other`.
    pub fn freer_than(self, other: Rights) -> bool {
        let allows = |r: Rights| match r {
            Rights::Blocked => 0,
            Rights::ReadOnly => 1,
            Rights::Full => 2,
        };
        allows(self) > allows(other)
    }
}

impl From<Rights> for qd_ports::platform::TradeRights {
    fn from(r: Rights) -> Self {
        match r {
            Rights::Full => Self::Full,
            Rights::ReadOnly => Self::ReadOnly,
            Rights::Blocked => Self::Blocked,
        }
    }
}
impl From<qd_ports::platform::TradeRights> for Rights {
    fn from(r: qd_ports::platform::TradeRights) -> Self {
        use qd_ports::platform::TradeRights as T;
        match r {
            T::Full => Self::Full,
            T::ReadOnly => Self::ReadOnly,
            T::Blocked => Self::Blocked,
        }
    }
}

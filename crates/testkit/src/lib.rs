//! Test set-up on both engines: a fresh, migrated database per test, time and chance by hand.
//!
//! ```ignore
//! qd_testkit::both! {
//!     async fn a_hold_lowers_what_is_available(t: TestDb) {
//!         let n = t.core.db.read(async |tx| …).await.unwrap();
//!     }
//! }
//! ```
//! makes `a_hold_lowers_what_is_available::sqlite` (a file in a temporary folder) and `…::postgres`
//! (a database of its own in the server at `QD_TEST_PG`). Without `QD_TEST_PG` the second fails,
//! unless `QD_TEST_SQLITE_ONLY=1` says that this run is not the whole truth.

mod db;
pub mod statements;
mod wait;

pub use db::{TestDb, run_postgres, run_sqlite};
pub use wait::{wait_for, wait_until};

/// Two tests of each function: one per engine. The body is an async block over a [`TestDb`].
#[macro_export]
macro_rules! both {
    ($($(#[$m:meta])* async fn $name:ident($t:ident : $ty:ty) $body:block)+) => {$(
        mod $name {
            #[allow(unused_imports, reason = "not every test needs what its file imports")]
            use super::*;

            async fn body($t: $ty) $body

            $(#[$m])*
            #[test]
            fn sqlite() {
                $crate::run_sqlite(body);
            }

            $(#[$m])*
            #[test]
            fn postgres() {
                $crate::run_postgres(body);
            }
        }
    )+};
}

/// The NATS server of this run, or a failure that says how to get one. `None` only when
/// `QD_TEST_SQLITE_ONLY=1`.
pub fn nats() -> Option<String> {
    match std::env::var("QD_TEST_NATS") {
        Ok(url) if !url.is_empty() => Some(url),
        _ if db::sqlite_only() => None,
        _ => panic!("set QD_TEST_NATS (cargo xtask env -- cargo test …), or QD_TEST_SQLITE_ONLY=1 for a quick look"),
    }
}

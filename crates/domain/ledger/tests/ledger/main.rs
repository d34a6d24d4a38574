//! The ledger on both engines, through its public functions.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod append_only;
mod audit;
mod crowd;
mod journal;
mod model;
mod reading;
mod store_faults;
mod stories;
mod striped;
mod tools;

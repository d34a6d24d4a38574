//! Accounts, money moves and the deal feed against the sandbox's trade servers, on both engines.
#![allow(clippy::unwrap_used)]

mod accounts;
mod drift;
mod feed;
mod histories;
mod mapping;
mod moves;

// Shared with the tests of qd-payments, which use other parts of it.
#[allow(dead_code)]
#[path = "../ground/mod.rs"]
mod ground;

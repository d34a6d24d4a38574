//! Client money against the sandbox's card processor and trade servers, on both engines, with the
//! rules as they are shipped.
#![allow(clippy::unwrap_used)]

mod bank;
mod callbacks;
mod deposits;
mod disputes;
mod exchanges;
mod fraud;
mod kills;
mod outages;
mod payouts;
mod routes;
mod simulation;
mod store;
mod told;
mod transfers;
mod withdrawals;
mod world;

// Shared with the tests of qd-trading, which use other parts of it.
#[allow(dead_code)]
#[path = "../../../trading/tests/ground/mod.rs"]
mod ground;

//! Files, breaks and money against the sandbox's card processor and trade servers, on both engines.
#![allow(clippy::unwrap_used)]

mod files;
mod house;
mod lost;

// Shared with the tests of qd-payments and qd-trading, which use other parts of them.
#[allow(dead_code)]
#[path = "../../../trading/tests/ground/mod.rs"]
mod ground;
#[allow(dead_code, unused_imports)]
#[path = "../../../payments/tests/payments/world.rs"]
mod world;

//! The partner engine: worked examples and invariants without a database, then the whole on both
//! engines.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod carry;
mod closes;
mod columns;
mod corrections;
mod deals;
mod examples;
mod histories;
mod house;
mod invariants;
mod kit;
mod lines;
mod money;
mod office;
mod origins;
mod outward;
mod paying;
mod programmes;
mod programmes_kept;
mod properties;
mod refused;
mod simulations;
mod store_tampering;
mod tiers;

//! All statements of this crate.

pub mod attribution;
pub mod corrections;
pub mod lines;
pub mod partners;
pub mod payouts;
pub mod plans;
mod postgres;
pub mod statements;
pub mod states;

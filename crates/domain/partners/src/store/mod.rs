//! All statements of this crate.

pub mod attribution;
pub mod lines;
pub mod partners;
pub mod payouts;
pub mod plans;
mod postgres;
pub mod statements;

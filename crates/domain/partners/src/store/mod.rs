//! All statements of this crate.

pub mod attribution;
pub mod batches;
pub mod carry;
pub mod claims;
pub mod closes;
pub mod corrections;
pub mod funnel;
pub mod lines;
pub mod material;
pub mod origins;
pub mod partners;
pub mod payouts;
pub mod plans;
pub mod postbacks;
mod postgres;
pub mod programmes;
pub mod signals;
pub mod simulations;
pub mod statements;
pub mod states;
pub mod webhooks;

//! What we ask of trading platforms, payment providers and whoever is told of events, in neutral words. Traits by capability,
//! neutral types, and the shape of a failed call; no provider's name and no wire format here.

pub mod bank;
pub mod call;
pub mod courier;
pub mod platform;
pub mod psp;

pub use call::{CallError, CallResult, Fate};

//! What we ask of trading platforms and payment providers, in neutral words. Traits by capability,
//! neutral types, and the shape of a failed call; no provider's name and no wire format here.

pub mod call;
pub mod platform;
pub mod psp;

pub use call::{CallError, CallResult, Fate};

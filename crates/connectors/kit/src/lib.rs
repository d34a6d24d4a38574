//! What every payment connector needs besides its provider's wire format: the settings it was
//! given, sending a request with an honest account of its fate, ids and references that may go
//! into a path, comparing signatures, forms, and the rows of settlement files.
//!
//! It holds no opinion about any provider: whatever knows a provider's words belongs to its crate.

mod account;
mod api;
pub mod csv;
pub mod form;
pub mod groups;
mod scalar;
pub mod sign;
pub mod zone;

pub use account::Account;
pub use api::{Answer, Api, checked_id, checked_ref, cut, echo_mismatch, header, same, unreadable};
pub use scalar::Scalar;

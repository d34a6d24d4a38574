//! What an intruder with the power of the database's administrator would do.

pub mod store;

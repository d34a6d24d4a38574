//! Statements, by what they are about.

mod bulk;
mod macros;
mod tickets;
mod views;

pub(crate) use bulk::*;
pub(crate) use macros::*;
pub(crate) use tickets::*;
pub(crate) use views::*;

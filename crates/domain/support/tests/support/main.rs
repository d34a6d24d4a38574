//! Tickets, views and bulk changes on both engines.

mod bulk;
mod house;
mod talk;
mod views;

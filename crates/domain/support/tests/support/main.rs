//! Tickets, views and bulk changes on both engines.

mod bulk;
mod house;
mod store_tampering;
mod talk;
mod views;

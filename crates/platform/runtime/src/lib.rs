//! What every part of the office stands on: events and jobs, idempotency and the inbox, people
//! and their rights, audit, approvals, entities and brands, rules, settings, files, exceptions.

pub mod access;
pub mod approvals;
pub mod audit;
pub mod bus;
pub mod core;
pub mod events;
pub mod exceptions;
pub mod files;
pub mod idempotency;
pub mod inbox;
pub mod jobs;
pub mod leases;
pub mod rules;
pub mod settings;
pub mod tenancy;

pub use core::{Core, Wake};

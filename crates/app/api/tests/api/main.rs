//! The API from outside: one process, real counterparties of the sandbox, no shortcuts below HTTP.

mod alex;
mod bad_input;
mod closing;
mod corrections;
mod description;
mod desk;
mod doors;
mod hooks;
mod masks;
mod passkeys;
mod rails;
mod recon;
mod rights;
mod rows_money;
mod shape;
mod trail;
mod ways_in;
mod world;

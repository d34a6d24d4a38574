//! The API from outside: one process, real counterparties of the sandbox, no shortcuts below HTTP.

mod alex;
mod bad_input;
mod desk;
mod description;
mod doors;
mod hooks;
mod masks;
mod rights;
mod rows_money;
mod shape;
mod trail;
mod ways_in;
mod world;

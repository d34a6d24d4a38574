//! The API from outside: one process, real counterparties of the sandbox, no shortcuts below HTTP.

mod alex;
mod bad_input;
mod description;
mod doors;
mod hooks;
mod rights;
mod rows_money;
mod shape;
mod ways_in;
mod world;

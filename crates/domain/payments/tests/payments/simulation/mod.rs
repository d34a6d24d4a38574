//! The money paths under faults: by chance from a seed, and each call with each fault once.

mod matrix;
mod outside;
mod run;
mod seeds;

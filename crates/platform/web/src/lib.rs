//! The frame of the HTTP API: routes that cannot exist without a right, extractors whose errors
//! name the field, problem bodies, idempotent writes, live streams.

pub mod api;
pub mod body;
pub mod gate;
pub mod live;
pub mod problem;
pub mod write;

pub use api::{Api, Built};
pub use body::{Body, Params};
pub use gate::{Asker, Gate, Identify};
pub use problem::{ApiProblem, ProblemBody};
pub use write::{Answer, IdempotencyKey};

/// Largest JSON body the API reads. Documents have their own, larger cap on their route.
pub const MAX_BODY: usize = 256 * 1024;

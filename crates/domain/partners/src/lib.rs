pub mod engine;
pub mod exact;
pub mod plan;
pub mod preview;

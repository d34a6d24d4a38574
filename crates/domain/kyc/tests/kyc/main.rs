//! Verification on both engines, through its public functions.

mod clocks;
mod crowd;
mod people;
mod random;
mod rules;
mod stories;
mod test_answers;
mod tools;

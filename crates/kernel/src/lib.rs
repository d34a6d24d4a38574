//! The words every other crate speaks: money, rates, lots, ids, time, chance, secrets, problems.
//!
//! No I/O and no async here. Nothing in this crate reads a clock or a random source by itself:
//! callers hand in a [`Clock`] and an [`Entropy`] (see [`Env`]); the only ambient implementations
//! are [`SystemClock`] and [`OsEntropy`], constructed in the server's `main` and nowhere else.

pub mod clock;
pub mod currency;
pub mod describe;
pub mod entropy;
pub mod id;
pub mod lots;
pub mod money;
pub mod page;
pub mod problem;
pub mod rate;
pub mod secret;
pub mod val;

pub use clock::{Clock, SystemClock, TestClock, Ts};
pub use currency::Currency;
pub use entropy::{Entropy, OsEntropy, SeededEntropy};
pub use lots::Lots;
pub use money::{Amount, MAX_MINOR, Rounding, format_fixed, parse_fixed, split_largest_remainder};
pub use page::{Page, PageRequest};
pub use problem::{Class, FieldProblem, Problem, Result};
pub use rate::Rate;
pub use secret::Secret;
pub use val::{Cell, FromCell, Val};

use std::sync::Arc;

/// The two things a pure program cannot have by itself: the time and chance.
#[derive(Clone)]
pub struct Env {
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
}

impl Env {
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Env { clock, entropy }
    }
    /// Wall clock and the operating system's randomness.
    pub fn system() -> Self {
        Env::new(Arc::new(SystemClock), Arc::new(OsEntropy))
    }
    /// A clock that stands still until moved and randomness that repeats for a seed.
    pub fn seeded(seed: u64, start: Ts) -> Self {
        Env::new(Arc::new(TestClock::new(start)), Arc::new(SeededEntropy::new(seed)))
    }
    pub fn now(&self) -> Ts {
        self.clock.now()
    }
}

impl std::fmt::Debug for Env {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Env")
    }
}

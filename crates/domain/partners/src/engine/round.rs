//! From exact amounts to minor units: each line by itself, or by the running sum.

use super::facts::{Line, RoundingPlace, Stop};
use crate::exact::Exact;

/// The running sums of one partner and currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purse {
    /// Sum of the exact amounts, in units.
    pub exact: Exact,
    /// Sum of the minor units booked.
    pub booked: i64,
}

impl Default for Purse {
    fn default() -> Self {
        Purse {
            exact: Exact::ZERO,
            booked: 0,
        }
    }
}

impl Purse {
    /// What a line books, rounded half away from zero; the purse moves along. With `Carry`, the sum
    /// of all lines is the rounded sum of the exact amounts at every moment, so fractions of a cent
    /// are never lost; a line that pays nothing books nothing, and what it left over goes into the
    /// next one.
    pub fn book(&mut self, line: &Line, place: RoundingPlace) -> Result<i64, Stop> {
        let too_big = || Stop {
            code: "amount_out_of_range",
            cause: format!("the amount {} {} is beyond what can be booked", line.exact, line.currency),
        };
        let exact = self.exact.plus(line.exact);
        let minor = match place {
            RoundingPlace::Line => line.exact.minor(line.currency.exponent()).ok_or_else(too_big)?,
            RoundingPlace::Carry if line.exact.is_zero() => 0,
            RoundingPlace::Carry => {
                let sum = exact.minor(line.currency.exponent()).ok_or_else(too_big)?;
                sum.checked_sub(self.booked).ok_or_else(too_big)?
            }
        };
        if minor.unsigned_abs() > qd_kernel::MAX_MINOR.unsigned_abs() {
            return Err(too_big());
        }
        self.exact = exact;
        self.booked = self.booked.checked_add(minor).ok_or_else(too_big)?;
        Ok(minor)
    }

    /// Takes a booked line back, exactly as it was booked.
    pub fn take_back(&mut self, exact: Exact, minor: i64) {
        self.exact = self.exact.minus(exact);
        self.booked = self.booked.saturating_sub(minor);
    }
}

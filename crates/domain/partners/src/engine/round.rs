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
            RoundingPlace::Line | RoundingPlace::Deal => line.exact.minor(line.currency.exponent()).ok_or_else(too_big)?,
            RoundingPlace::Carry if line.exact.is_zero() => 0,
            RoundingPlace::Carry => {
                let sum = exact.minor(line.currency.exponent()).ok_or_else(too_big)?;
                sum.checked_sub(self.booked).ok_or_else(too_big)?
            }
        };
        self.book_minor(line, minor)
    }

    /// Books what somebody else rounded (a deal as a whole).
    pub fn book_minor(&mut self, line: &Line, minor: i64) -> Result<i64, Stop> {
        let too_big = || Stop {
            code: "amount_out_of_range",
            cause: format!("the amount {} {} is beyond what can be booked", line.exact, line.currency),
        };
        let exact = self.exact.plus(line.exact);
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

/// The minor units of a deal's lines when the deal is rounded as a whole: per currency, the sum of the
/// exact amounts rounded half away from zero, split by largest remainder on the exact parts; the
/// earlier line wins a tie. Line by line: sum what [`Purse::book_minor`] is given.
pub fn of_deal(lines: &[Line]) -> Result<Vec<i64>, Stop> {
    let mut out = vec![0i64; lines.len()];
    let mut seen: Vec<qd_kernel::Currency> = Vec::new();
    for currency in lines.iter().map(|l| l.currency) {
        if seen.contains(&currency) {
            continue;
        }
        seen.push(currency);
        let mine: Vec<usize> = (0..lines.len()).filter(|i| lines[*i].currency == currency).collect();
        let too_big = || Stop {
            code: "amount_out_of_range",
            cause: format!("an amount in {currency} is beyond what can be booked"),
        };
        let scale = Exact::int(10i64.pow(u32::from(currency.exponent())));
        let mut total = Exact::ZERO;
        let mut rest: Vec<(usize, Exact)> = Vec::new();
        let mut floors = 0i64;
        for i in &mine {
            let scaled = lines[*i].exact.times(scale);
            total = total.plus(lines[*i].exact);
            let floor = scaled.floor().ok_or_else(too_big)?;
            out[*i] = floor;
            floors = floors.checked_add(floor).ok_or_else(too_big)?;
            rest.push((*i, scaled.minus(Exact::int(floor))));
        }
        let whole = total.minor(currency.exponent()).ok_or_else(too_big)?;
        // Stable: of equal remainders the earlier line comes first.
        rest.sort_by(|a, b| b.1.cmp(&a.1));
        let left = usize::try_from(whole.checked_sub(floors).ok_or_else(too_big)?).unwrap_or(0);
        for (i, _) in rest.iter().take(left) {
            out[*i] += 1;
        }
    }
    Ok(out)
}

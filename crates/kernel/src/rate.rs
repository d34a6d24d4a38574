//! Rates: exact decimals with up to 12 places, as quoted, never a float. Stored as text.

use crate::{Problem, Result, Rounding};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub const RATE_SCALE: u8 = 12;

/// A positive price of one unit in another: 1.08451 is `Rate(1_084_510_000_000)`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(i64);

impl Rate {
    pub const ONE: Rate = Rate(1_000_000_000_000);

    /// In units of 10^-12; must be above zero.
    pub fn from_scaled(v: i64) -> Result<Rate> {
        if v > 0 {
            Ok(Rate(v))
        } else {
            Err(Problem::invalid("rate", "rate_not_positive", "expected a rate above 0"))
        }
    }
    pub fn parse(text: &str) -> Result<Rate> {
        crate::parse_fixed(text, RATE_SCALE)
            .filter(|v| *v > 0)
            .map(Rate)
            .ok_or_else(|| Problem::invalid("rate", "rate_malformed", "expected a decimal above 0 with at most 12 places"))
    }
    pub const fn scaled(self) -> i64 {
        self.0
    }
    /// `num / den` as a rate.
    pub fn ratio(num: i64, den: i64, rounding: Rounding) -> Option<Rate> {
        let q = rounding.div(i128::from(num) * i128::from(Rate::ONE.0), i128::from(den))?;
        i64::try_from(q).ok().filter(|v| *v > 0).map(Rate)
    }
    /// The other way round, rounded half away from zero at 12 places: for display and for feeds
    /// that quote one direction only.
    pub fn invert(self) -> Option<Rate> {
        let one = i128::from(Rate::ONE.0);
        let q = Rounding::HalfAwayFromZero.div(one * one, i128::from(self.0))?;
        i64::try_from(q).ok().filter(|v| *v > 0).map(Rate)
    }
    /// Minor units at exponent `from` into minor units at exponent `to`.
    pub fn apply(self, minor: i64, from: u8, to: u8, rounding: Rounding) -> Option<i64> {
        let mut num = i128::from(minor).checked_mul(i128::from(self.0))?;
        let mut den = i128::from(Rate::ONE.0);
        if to >= from {
            num = num.checked_mul(10i128.checked_pow(u32::from(to - from))?)?;
        } else {
            den = den.checked_mul(10i128.checked_pow(u32::from(from - to))?)?;
        }
        i64::try_from(rounding.div(num, den)?).ok()
    }
    /// Without trailing zeros.
    pub fn text(self) -> String {
        let s = crate::format_fixed(self.0, RATE_SCALE);
        let t = s.trim_end_matches('0');
        t.strip_suffix('.').unwrap_or(t).to_string()
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text())
    }
}
impl std::fmt::Debug for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text())
    }
}
impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        s.serialize_str(&self.text())
    }
}
impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        let s = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        Rate::parse(&s).map_err(|_| serde::de::Error::custom("expected a decimal rate in text, above 0, at most 12 places"))
    }
}

//! Exact numbers between the deal and the posting: fractions of whole numbers, rounded once.
//!
//! A result that no longer fits 128 bits (a dozen percentages on top of each other) goes on with its
//! operands at 12 decimals: never less than the precision a commission needs before it is posted.

use qd_kernel::{Lots, Rate, Rounding};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::cmp::Ordering;

#[derive(Clone, Copy, Debug)]
pub struct Exact {
    num: i128,
    /// Above zero; `num/den` in lowest terms.
    den: i128,
}

const PLACES: u32 = 12;
const QUANTUM: i128 = 1_000_000_000_000;

impl Default for Exact {
    fn default() -> Self {
        Exact::ZERO
    }
}

fn gcd(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    i128::try_from(a).unwrap_or(1).max(1)
}

impl Exact {
    pub const ZERO: Exact = Exact { num: 0, den: 1 };
    pub const ONE: Exact = Exact { num: 1, den: 1 };

    /// `num / den`; a zero denominator is no number.
    pub fn new(num: i128, den: i128) -> Option<Exact> {
        if den == 0 {
            return None;
        }
        let g = gcd(num, den);
        let (num, den) = (num / g, den / g);
        Some(if den < 0 {
            Exact { num: -num, den: -den }
        } else {
            Exact { num, den }
        })
    }
    pub fn int(v: i64) -> Exact {
        Exact {
            num: i128::from(v),
            den: 1,
        }
    }
    pub fn lots(l: Lots) -> Exact {
        Exact::new(i128::from(l.units()), i128::from(Lots::ONE.units())).unwrap_or(Exact::ZERO)
    }
    pub fn rate(r: Rate) -> Exact {
        Exact::new(i128::from(r.scaled()), i128::from(Rate::ONE.scaled())).unwrap_or(Exact::ZERO)
    }
    /// A plain decimal with at most 12 places: `8`, `0.60`, `-1.5`.
    pub fn parse(text: &str) -> Option<Exact> {
        let v = qd_kernel::parse_fixed(text, 12)?;
        Exact::new(i128::from(v), QUANTUM)
    }
    /// Numerator and denominator in lowest terms, the denominator above zero.
    pub fn parts(self) -> (i128, i128) {
        (self.num, self.den)
    }
    pub fn is_zero(self) -> bool {
        self.num == 0
    }
    pub fn is_negative(self) -> bool {
        self.num < 0
    }
    fn quantised(self) -> Exact {
        let whole = self.num / self.den;
        let rest = self.num % self.den;
        // Dividing the rest alone keeps the product small enough.
        let (r, d) = shrink(rest, self.den);
        let frac = Rounding::HalfAwayFromZero.div(r.saturating_mul(QUANTUM), d).unwrap_or(0);
        Exact::new(whole.saturating_mul(QUANTUM).saturating_add(frac), QUANTUM).unwrap_or(Exact::ZERO)
    }
    pub fn times(self, o: Exact) -> Exact {
        let go = |a: Exact, b: Exact| {
            // Crosswise first: the factors that cancel never meet.
            let (g1, g2) = (gcd(a.num, b.den), gcd(b.num, a.den));
            let num = (a.num / g1).checked_mul(b.num / g2)?;
            let den = (a.den / g2).checked_mul(b.den / g1)?;
            Exact::new(num, den)
        };
        go(self, o)
            .or_else(|| go(self.quantised(), o.quantised()))
            .unwrap_or(Exact::ZERO)
            .fitting()
    }
    pub fn over(self, o: Exact) -> Option<Exact> {
        let inverse = Exact::new(o.den, o.num)?;
        Some(self.times(inverse))
    }
    pub fn plus(self, o: Exact) -> Exact {
        let go = |a: Exact, b: Exact| {
            let g = gcd(a.den, b.den);
            let left = a.num.checked_mul(b.den / g)?;
            let right = b.num.checked_mul(a.den / g)?;
            Exact::new(left.checked_add(right)?, (a.den / g).checked_mul(b.den)?)
        };
        go(self, o)
            .or_else(|| go(self.quantised(), o.quantised()))
            .unwrap_or(Exact::ZERO)
            .fitting()
    }
    /// A denominator near the limit would make the next step fall back; do it now.
    fn fitting(self) -> Exact {
        if self.den > i128::MAX / QUANTUM || self.num.unsigned_abs() > i128::MAX.unsigned_abs() / QUANTUM.unsigned_abs() {
            self.quantised()
        } else {
            self
        }
    }
    pub fn neg(self) -> Exact {
        Exact {
            num: -self.num,
            den: self.den,
        }
    }
    pub fn minus(self, o: Exact) -> Exact {
        self.plus(o.neg())
    }
    pub fn max(self, o: Exact) -> Exact {
        if self < o { o } else { self }
    }
    /// Minor units of a currency with this exponent, rounded half away from zero. None past 64 bits.
    pub fn minor(self, exponent: u8) -> Option<i64> {
        let scaled = self.times(Exact {
            num: 10i128.pow(u32::from(exponent)),
            den: 1,
        });
        i64::try_from(Rounding::HalfAwayFromZero.div(scaled.num, scaled.den)?).ok()
    }
    /// The largest whole number that is not above it. None past 64 bits.
    pub fn floor(self) -> Option<i64> {
        i64::try_from(self.num.div_euclid(self.den)).ok()
    }
    /// `num/den`, for storing.
    pub fn fraction(self) -> String {
        format!("{}/{}", self.num, self.den)
    }
    pub fn parse_fraction(text: &str) -> Option<Exact> {
        let (n, d) = text.split_once('/')?;
        Exact::new(n.parse().ok()?, d.parse().ok()?)
    }
}

/// Both smaller by the same factor until the first fits a product with [`QUANTUM`].
fn shrink(mut num: i128, mut den: i128) -> (i128, i128) {
    while num.unsigned_abs() > i128::MAX.unsigned_abs() / QUANTUM.unsigned_abs() && den > 10 {
        num /= 10;
        den /= 10;
    }
    (num, den)
}

impl PartialEq for Exact {
    fn eq(&self, o: &Self) -> bool {
        self.num == o.num && self.den == o.den
    }
}
impl Eq for Exact {}
impl PartialOrd for Exact {
    fn partial_cmp(&self, o: &Self) -> Option<Ordering> {
        Some(self.cmp(o))
    }
}
impl Ord for Exact {
    fn cmp(&self, o: &Self) -> Ordering {
        let d = self.minus(*o);
        d.num.cmp(&0)
    }
}

/// A decimal without trailing zeros: exact when it ends within 12 places, else at 12 places and
/// marked by `…`.
impl std::fmt::Display for Exact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let q = self.quantised();
        let ends = q == *self;
        let scaled = q.times(Exact { num: QUANTUM, den: 1 }).num;
        let (sign, abs) = (if scaled < 0 { "-" } else { "" }, scaled.unsigned_abs());
        let frac = format!("{:0width$}", abs % QUANTUM.unsigned_abs(), width = PLACES as usize);
        let frac = frac.trim_end_matches('0');
        let whole = abs / QUANTUM.unsigned_abs();
        write!(f, "{sign}{whole}")?;
        if !frac.is_empty() || !ends {
            write!(f, ".{frac}")?;
        }
        if ends { Ok(()) } else { f.write_str("…") }
    }
}

/// As the fraction, so that reading it back gives the same number.
impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.fraction())
    }
}
impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let s = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        Exact::parse_fraction(&s).ok_or_else(|| serde::de::Error::custom("expected a fraction like 3/8"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(text: &str) -> Exact {
        Exact::parse(text).unwrap()
    }

    #[test]
    fn rounding_treats_plus_and_minus_alike_and_happens_once() {
        assert_eq!(d("12.345").minor(2), Some(1_235));
        assert_eq!(d("-12.345").minor(2), Some(-1_235));
        assert_eq!(d("190.55").minor(0), Some(191));
        // 185 JPY at 156.250 and 1.0800 without a rounded step between.
        let eur = d("185").over(d("156.250")).unwrap().over(d("1.08")).unwrap();
        assert_eq!(eur.minor(2), Some(110));
        assert_eq!(eur.to_string(), "1.096296296296…");
    }

    #[test]
    fn arithmetic_is_exact_and_text_and_fraction_come_back() {
        assert_eq!(d("0.1").plus(d("0.2")), d("0.3"));
        assert_eq!(d("1").over(d("3")).unwrap().times(d("3")), Exact::ONE);
        assert_eq!(d("8").times(d("0.370")).to_string(), "2.96");
        assert_eq!(d("-0.5").to_string(), "-0.5");
        assert!(Exact::ONE.over(Exact::ZERO).is_none());
        let third = d("1").over(d("3")).unwrap();
        assert_eq!(Exact::parse_fraction(&third.fraction()), Some(third));
        assert!(d("0.3") > d("0.2999999999"));
    }

    #[test]
    fn thirty_odd_percentages_in_a_row_stay_within_twelve_decimals() {
        let mut v = d("123456.78");
        let mut check = d("123456.78").quantised();
        for _ in 0..30 {
            v = v.times(d("0.999999999877"));
            check = check.times(d("0.999999999877")).quantised();
        }
        let off = v.minus(check);
        let off = off.max(off.neg());
        assert!(off < d("0.00000001"), "{off}");
        assert!(v > d("123456.77"));
    }
}

//! Money: a whole number of minor units and its currency. Checked operations only; amounts of
//! different currencies do not add; every division names its rounding; a split hands out the
//! remainder so that the parts equal the whole.

use crate::{Currency, Problem, Rate, Result};
use serde::{Deserialize, Serialize};

/// The ledger's limit for one amount or balance, in minor units, either sign. Below 2^53, so that
/// a JSON reader in a browser sees the same integer we wrote.
pub const MAX_MINOR: i64 = 9_000_000_000_000_000;

/// `{"minor": 50000, "currency": "EUR"}` is EUR 500.00.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Amount {
    pub minor: i64,
    pub currency: Currency,
}

/// How a division that does not come out even is settled. All of them treat +x and -x alike, so
/// that a reversal is the exact opposite of its original.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// 0.5 goes away from zero: 12.345 becomes 12.35, -12.345 becomes -12.35.
    HalfAwayFromZero,
    /// 0.5 goes to the even neighbour.
    HalfEven,
    /// Cut off.
    TowardZero,
    /// Any remainder goes away from zero.
    AwayFromZero,
}

impl Rounding {
    /// `num / den` (den not 0), rounded.
    pub fn div(self, num: i128, den: i128) -> Option<i128> {
        if den == 0 {
            return None;
        }
        let (num, den) = if den < 0 {
            (num.checked_neg()?, den.checked_neg()?)
        } else {
            (num, den)
        };
        let q = num / den;
        let r = (num % den).unsigned_abs();
        if r == 0 {
            return Some(q);
        }
        let den_u = den.unsigned_abs();
        let up = match self {
            Rounding::TowardZero => false,
            Rounding::AwayFromZero => true,
            // r < den, so den - r cannot wrap; comparing r with den - r avoids doubling r.
            Rounding::HalfAwayFromZero => r >= den_u - r,
            Rounding::HalfEven => match r.cmp(&(den_u - r)) {
                std::cmp::Ordering::Greater => true,
                std::cmp::Ordering::Less => false,
                std::cmp::Ordering::Equal => q % 2 != 0,
            },
        };
        if up { q.checked_add(if num < 0 { -1 } else { 1 }) } else { Some(q) }
    }
}

fn too_big() -> Problem {
    Problem::invalid(
        "amount.minor",
        "amount_out_of_range",
        format!("expected at most {MAX_MINOR} minor units either way"),
    )
}

impl Amount {
    pub const fn zero(currency: Currency) -> Amount {
        Amount { minor: 0, currency }
    }
    pub const fn new(minor: i64, currency: Currency) -> Amount {
        Amount { minor, currency }
    }
    /// Within the ledger's limit.
    pub fn checked(minor: i64, currency: Currency) -> Result<Amount> {
        if (-MAX_MINOR..=MAX_MINOR).contains(&minor) {
            Ok(Amount { minor, currency })
        } else {
            Err(too_big())
        }
    }
    /// A request's amount: above zero and within the limit; `field` is named in the problem.
    pub fn positive(self, field: &str) -> Result<Amount> {
        if self.minor <= 0 {
            return Err(Problem::invalid(
                &format!("{field}.minor"),
                "amount_not_positive",
                "expected more than 0 minor units",
            ));
        }
        if self.minor > MAX_MINOR {
            return Err(Problem::invalid(
                &format!("{field}.minor"),
                "amount_out_of_range",
                format!("expected at most {MAX_MINOR} minor units"),
            ));
        }
        Ok(self)
    }
    fn same(self, o: Amount) -> Result<()> {
        if self.currency == o.currency {
            return Ok(());
        }
        Err(Problem::bug("currency_mismatch", format!("{} met {}", self.currency, o.currency)))
    }
    pub fn add(self, o: Amount) -> Result<Amount> {
        self.same(o)?;
        Amount::checked(self.minor.checked_add(o.minor).ok_or_else(too_big)?, self.currency)
    }
    pub fn sub(self, o: Amount) -> Result<Amount> {
        self.same(o)?;
        Amount::checked(self.minor.checked_sub(o.minor).ok_or_else(too_big)?, self.currency)
    }
    pub fn neg(self) -> Amount {
        Amount {
            minor: self.minor.saturating_neg(),
            currency: self.currency,
        }
    }
    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }
    /// `self * num / den`, through 128 bits.
    pub fn mul_div(self, num: i64, den: i64, rounding: Rounding) -> Result<Amount> {
        let p = i128::from(self.minor).checked_mul(i128::from(num)).ok_or_else(too_big)?;
        let q = rounding
            .div(p, i128::from(den))
            .ok_or_else(|| Problem::bug("division_by_zero", "amount divided by zero"))?;
        Amount::checked(i64::try_from(q).map_err(|_| too_big())?, self.currency)
    }
    /// Into another currency at `rate` (units of `to` per unit of this currency).
    pub fn convert(self, rate: Rate, to: Currency, rounding: Rounding) -> Result<Amount> {
        let minor = rate
            .apply(self.minor, self.currency.exponent(), to.exponent(), rounding)
            .ok_or_else(too_big)?;
        Amount::checked(minor, to)
    }
    /// Parts by weight that sum to the whole: floors first, the remaining minor units one by one
    /// to the largest remainders, ties to the earlier part. Weights must not all be zero.
    pub fn split(self, weights: &[u64]) -> Result<Vec<Amount>> {
        let parts = split_largest_remainder(self.minor, weights).ok_or_else(|| {
            Problem::bug(
                "split_without_weight",
                "an amount can be split only by weights that are not all zero",
            )
        })?;
        Ok(parts
            .into_iter()
            .map(|minor| Amount {
                minor,
                currency: self.currency,
            })
            .collect())
    }
    /// `500.00`, by the currency's exponent, without the code.
    pub fn text(self) -> String {
        format_fixed(self.minor, self.currency.exponent())
    }
    /// From `500`, `500.0` or `500.00`; more decimals than the currency has are refused.
    pub fn parse(text: &str, currency: Currency) -> Result<Amount> {
        let minor = parse_fixed(text, currency.exponent()).ok_or_else(|| {
            Problem::invalid(
                "amount",
                "amount_malformed",
                format!("expected a decimal with at most {} places", currency.exponent()),
            )
        })?;
        Amount::checked(minor, currency)
    }
}

impl std::fmt::Display for Amount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.currency, self.text())
    }
}

/// See [`Amount::split`]. None when the weights sum to zero.
pub fn split_largest_remainder(total: i64, weights: &[u64]) -> Option<Vec<i64>> {
    let sum: u128 = weights.iter().map(|w| u128::from(*w)).sum();
    if sum == 0 {
        return None;
    }
    let sign = if total < 0 { -1 } else { 1 };
    let whole = u128::from(total.unsigned_abs());
    let mut parts: Vec<u128> = Vec::with_capacity(weights.len());
    let mut rests: Vec<(u128, usize)> = Vec::with_capacity(weights.len());
    for (i, w) in weights.iter().enumerate() {
        // 64 bits times 64 bits fits 128.
        let p = whole * u128::from(*w);
        parts.push(p / sum);
        rests.push((p % sum, i));
    }
    let given: u128 = parts.iter().sum();
    rests.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let left = usize::try_from(whole - given).ok()?;
    for (_, i) in rests.into_iter().take(left) {
        parts[i] += 1;
    }
    parts.into_iter().map(|p| i64::try_from(p).ok().map(|p| p * sign)).collect()
}

/// `-12345` at scale 2 is `-123.45`; at scale 0 `-12345`.
pub fn format_fixed(value: i64, scale: u8) -> String {
    if scale == 0 {
        return value.to_string();
    }
    let width = usize::from(scale) + 1;
    let digits = format!("{:0width$}", value.unsigned_abs());
    let (whole, frac) = digits.split_at(digits.len() - usize::from(scale));
    format!("{}{whole}.{frac}", if value < 0 { "-" } else { "" })
}

/// The inverse of [`format_fixed`]: a plain decimal with at most `scale` places; trailing zeros
/// past them are allowed, other digits there are not. No exponent, no grouping, no plus sign.
pub fn parse_fixed(text: &str, scale: u8) -> Option<i64> {
    let (neg, body) = match text.strip_prefix('-') {
        Some(b) => (true, b),
        None => (false, text),
    };
    let (whole, frac) = body.split_once('.').unwrap_or((body, ""));
    if (whole.is_empty() && frac.is_empty()) || (body.contains('.') && frac.is_empty()) {
        return None;
    }
    if !whole.bytes().chain(frac.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let keep = usize::from(scale).min(frac.len());
    if frac[keep..].bytes().any(|b| b != b'0') {
        return None;
    }
    let mut v: i128 = 0;
    for b in whole.bytes().chain(frac[..keep].bytes()) {
        v = v.checked_mul(10)?.checked_add(i128::from(b - b'0'))?;
    }
    for _ in keep..usize::from(scale) {
        v = v.checked_mul(10)?;
    }
    i64::try_from(if neg { -v } else { v }).ok()
}

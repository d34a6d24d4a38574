//! What a measurement comes to: one JSON object per line, and the arithmetic of rounds.

use qd_kernel::{Problem, Result};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// One line of output. `ratio` is `value / baseline`, both of this run on this machine.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    pub name: String,
    pub value: f64,
    pub unit: &'static str,
    pub baseline: f64,
    pub ratio: f64,
    pub conditions: Map<String, Value>,
}

impl Figure {
    pub fn new(name: impl Into<String>, unit: &'static str, value: f64, baseline: f64) -> Figure {
        Figure {
            name: name.into(),
            value: rounded(value),
            unit,
            baseline: rounded(baseline),
            ratio: rounded(value / baseline),
            conditions: Map::new(),
        }
    }

    /// A circumstance a reader needs to judge the figure.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Figure {
        self.conditions.insert(key.to_string(), value.into());
        self
    }

    #[must_use]
    pub fn number(self, key: &str, value: f64) -> Figure {
        let v = rounded(value);
        self.with(key, json!(v))
    }

    /// What the baseline is, in words.
    #[must_use]
    pub fn against(self, what: &str) -> Figure {
        self.with("baseline_is", what)
    }

    /// The number the project holds itself to. Said, never enforced: machines differ.
    #[must_use]
    pub fn goal(self, what: &str) -> Figure {
        self.with("goal", what)
    }

    /// On standard output. A number that is no number is a fault of the measurement, not a result.
    pub fn print(&self) -> Result<()> {
        for (what, n) in [("value", self.value), ("baseline", self.baseline), ("ratio", self.ratio)] {
            if !n.is_finite() || n <= 0.0 {
                return Err(Problem::bug("bench_no_number", format!("{}: {what} came to {n}", self.name)));
            }
        }
        println!("{}", serde_json::to_string(self)?);
        Ok(())
    }
}

/// Four significant digits: more would pretend.
pub fn rounded(v: f64) -> f64 {
    if !v.is_finite() || v == 0.0 {
        return v;
    }
    let digits = 3 - v.abs().log10().floor() as i32;
    let scale = 10f64.powi(digits);
    (v * scale).round() / scale
}

pub fn median(values: &[f64]) -> f64 {
    let mut v: Vec<f64> = values.to_vec();
    v.sort_by(f64::total_cmp);
    match v.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => v[n / 2],
        n => f64::midpoint(v[n / 2 - 1], v[n / 2]),
    }
}

/// The value that `share` (0 to 1) of the values do not exceed.
pub fn percentile(values: &[f64], share: f64) -> f64 {
    let mut v: Vec<f64> = values.to_vec();
    v.sort_by(f64::total_cmp);
    let at = (v.len() as f64 * share).ceil() as usize;
    v.get(at.saturating_sub(1)).or(v.last()).copied().unwrap_or(f64::NAN)
}

pub fn ms(d: Duration) -> f64 {
    d.as_secs_f64() * 1_000.0
}

/// Rates of rounds that took turns, so that a machine that slows down slows both.
#[derive(Clone, Debug, Default)]
pub struct Pair {
    pub base: Vec<f64>,
    pub ours: Vec<f64>,
}

impl Pair {
    pub fn base(&self) -> f64 {
        median(&self.base)
    }
    pub fn ours(&self) -> f64 {
        median(&self.ours)
    }
    pub fn figure(&self, name: impl Into<String>, unit: &'static str) -> Figure {
        Figure::new(name, unit, self.ours(), self.base())
            .with("rounds", self.ours.len())
            .number("spread", self.spread())
    }
    /// How far the rounds of ours lay apart: (largest - smallest) / median.
    fn spread(&self) -> f64 {
        let lo = self.ours.iter().copied().fold(f64::INFINITY, f64::min);
        let hi = self.ours.iter().copied().fold(0.0, f64::max);
        (hi - lo) / self.ours()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_percentiles_and_roundings_are_the_usual_ones() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(percentile(&hundred, 0.99), 99.0);
        assert_eq!(percentile(&[7.0], 0.99), 7.0);
        assert_eq!(rounded(123_456.0), 123_500.0);
        assert_eq!(rounded(0.012_345), 0.012_35);
        assert_eq!(rounded(0.0), 0.0);
    }

    #[test]
    fn a_figure_without_numbers_is_not_printed() {
        assert_eq!(Figure::new("x", "s", 1.0, 0.0).print().unwrap_err().code, "bench_no_number");
        assert_eq!(Figure::new("x", "s", f64::NAN, 1.0).print().unwrap_err().code, "bench_no_number");
    }
}

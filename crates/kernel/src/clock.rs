//! Time as UTC microseconds since 1970, and where it comes from.

use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicI64, Ordering};

/// A moment in UTC, microseconds since the Unix epoch. Stored as BIGINT, sent as an integer
/// (`*_us` in JSON) so that no reader has to guess a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Ts(pub i64);

impl Ts {
    pub const fn from_secs(s: i64) -> Ts {
        Ts(s.saturating_mul(1_000_000))
    }
    pub const fn from_millis(ms: i64) -> Ts {
        Ts(ms.saturating_mul(1_000))
    }
    pub const fn micros(self) -> i64 {
        self.0
    }
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }
    pub const fn plus_secs(self, s: i64) -> Ts {
        Ts(self.0.saturating_add(s.saturating_mul(1_000_000)))
    }
    pub const fn plus_millis(self, ms: i64) -> Ts {
        Ts(self.0.saturating_add(ms.saturating_mul(1_000)))
    }
    pub const fn plus_days(self, d: i64) -> Ts {
        self.plus_secs(d.saturating_mul(86_400))
    }
    /// Whole seconds from `earlier` to `self` (negative when `self` is earlier).
    pub const fn secs_since(self, earlier: Ts) -> i64 {
        self.0.saturating_sub(earlier.0).div_euclid(1_000_000)
    }
    /// Calendar date in UTC as (year, month 1-12, day 1-31); proleptic Gregorian.
    pub fn ymd(self) -> (i64, u32, u32) {
        civil_from_days(self.0.div_euclid(86_400_000_000))
    }
    /// Midnight UTC of a calendar date.
    pub fn from_ymd(y: i64, m: u32, d: u32) -> Ts {
        Ts(days_from_civil(y, m, d).saturating_mul(86_400_000_000))
    }
    /// `2026-11-20T08:52:16.000123Z`.
    pub fn rfc3339(self) -> String {
        let (y, m, d) = self.ymd();
        let us = self.0.rem_euclid(86_400_000_000);
        let s = us / 1_000_000;
        format!(
            "{y:04}-{m:02}-{d:02}T{:02}:{:02}:{:02}.{:06}Z",
            s / 3600,
            s / 60 % 60,
            s % 60,
            us % 1_000_000
        )
    }
}

fn days_from_civil(y: i64, m: u32, d: u32) -> i64 {
    let y = if m <= 2 { y - 1 } else { y };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let mp = i64::from((m + 9) % 12);
    let doy = (153 * mp + 2) / 5 + i64::from(d) - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
}

fn civil_from_days(z: i64) -> (i64, u32, u32) {
    let z = z + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let d = u32::try_from(doy - (153 * mp + 2) / 5 + 1).unwrap_or(1);
    let m = u32::try_from(if mp < 10 { mp + 3 } else { mp - 9 }).unwrap_or(1);
    (yoe + era * 400 + i64::from(m <= 2), m, d)
}

impl std::fmt::Display for Ts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

/// Where the time comes from. Handed in, never ambient.
pub trait Clock: Send + Sync {
    fn now(&self) -> Ts;
}

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Ts {
        let d = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        Ts(i64::try_from(d.as_micros()).unwrap_or(i64::MAX))
    }
}

/// A clock that a test or the demo's time travel moves by hand. Each reading is one microsecond
/// after the last, so that ids and rows keep an order.
pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn new(start: Ts) -> Self {
        TestClock(AtomicI64::new(start.0))
    }
    pub fn set(&self, to: Ts) {
        self.0.store(to.0, Ordering::SeqCst);
    }
    pub fn advance_secs(&self, s: i64) {
        self.0.fetch_add(s * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Ts {
        Ts(self.0.fetch_add(1, Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendar_dates_survive_the_round_trip() {
        for (y, m, d) in [
            (1970, 1, 1),
            (2000, 2, 29),
            (2024, 2, 29),
            (2026, 11, 20),
            (1899, 12, 31),
            (2100, 3, 1),
        ] {
            assert_eq!(Ts::from_ymd(y, m, d).ymd(), (y, m, d));
        }
        assert_eq!(Ts::from_ymd(2026, 11, 20).secs(), 1_795_132_800);
        assert_eq!(Ts(1_795_132_800_000_001).rfc3339(), "2026-11-20T00:00:00.000001Z");
    }
}

//! A calendar date as documents print it.

use qd_kernel::{Cell, FromCell, Problem, Result, Ts, Val};
use serde::{Deserialize, Serialize};

/// `2031-05-14`. Sorts as text; starts at midnight UTC.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(as = CalendarDay, pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
pub struct Day(String);

impl Day {
    /// Years 1900 to 2199: outside of it is a slip of the finger.
    pub fn parse(text: &str) -> Option<Day> {
        let b = text.as_bytes();
        if b.len() != 10 || b[4] != b'-' || b[7] != b'-' || !b.iter().enumerate().all(|(i, c)| i == 4 || i == 7 || c.is_ascii_digit()) {
            return None;
        }
        let (y, m, d) = (
            text[..4].parse::<i64>().ok()?,
            text[5..7].parse::<u32>().ok()?,
            text[8..].parse::<u32>().ok()?,
        );
        if !(1900..2200).contains(&y) || !(1..=12).contains(&m) || Ts::from_ymd(y, m, d).ymd() != (y, m, d) {
            return None;
        }
        Some(Day(text.to_string()))
    }
    /// The day of a moment, in UTC.
    pub fn of(at: Ts) -> Day {
        let (y, m, d) = at.ymd();
        Day(format!("{y:04}-{m:02}-{d:02}"))
    }
    /// Its first moment.
    pub fn start(&self) -> Ts {
        let n = |r: std::ops::Range<usize>| self.0.get(r).and_then(|t| t.parse::<u32>().ok()).unwrap_or(1);
        Ts::from_ymd(i64::from(n(0..4)), n(5..7), n(8..10))
    }
    /// Days from `self` to `later`; negative when it is earlier.
    pub fn days_until(&self, later: &Day) -> i64 {
        later.start().secs_since(self.start()).div_euclid(86_400)
    }
    /// Whole years from `self`, a birth date, to `today`.
    pub fn age_on(&self, today: &Day) -> i64 {
        let (y0, m0, d0) = self.start().ymd();
        let (y, m, d) = today.start().ymd();
        y - y0 - i64::from((m, d) < (m0, d0))
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
impl TryFrom<String> for Day {
    type Error = &'static str;
    fn try_from(text: String) -> std::result::Result<Day, &'static str> {
        Day::parse(&text).ok_or("expected a date like 1990-12-31")
    }
}
impl From<Day> for String {
    fn from(d: Day) -> String {
        d.0
    }
}
impl FromCell for Day {
    fn from_cell(c: Cell<'_>) -> Result<Day> {
        match c {
            Cell::Text(t) => Day::parse(t).ok_or_else(|| Problem::bug("row_unreadable", "expected a date")),
            _ => Err(Problem::bug("row_unreadable", "expected a date as text")),
        }
    }
}
impl From<&Day> for Val {
    fn from(d: &Day) -> Val {
        Val::Text(d.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(t: &str) -> Day {
        Day::parse(t).unwrap()
    }

    #[test]
    fn only_days_of_the_calendar_are_days() {
        for bad in [
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-1-01",
            "1899-12-31",
            "26-01-01",
            "2026-01-01x",
            "２026-01-0",
            "20260101--",
        ] {
            assert_eq!(Day::parse(bad), None, "{bad}");
        }
        assert_eq!(Day::of(day("2024-02-29").start()), day("2024-02-29"));
    }

    #[test]
    fn a_birthday_counts_on_the_day_itself() {
        let born = day("2008-11-20");
        assert_eq!((born.age_on(&day("2026-11-19")), born.age_on(&day("2026-11-20"))), (17, 18));
        assert_eq!(day("2026-11-20").days_until(&day("2026-12-20")), 30);
    }
}

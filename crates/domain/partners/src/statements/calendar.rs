//! When statements end: midnights of the partner's zone.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};
use qd_kernel::{Problem, Result, Ts, text_enum};

text_enum!(
    /// How often a partner's period ends: each midnight; on Mondays; on the 1st and 16th; on the 1st.
    Calendar as StatementCalendar { Daily = "daily", Weekly = "weekly", TwiceMonthly = "twice_monthly", Monthly = "monthly" }
);

impl Calendar {
    fn ends_on(self, d: Date) -> bool {
        match self {
            Calendar::Daily => true,
            Calendar::Weekly => d.weekday() == Weekday::Monday,
            Calendar::TwiceMonthly => matches!(d.day(), 1 | 16),
            Calendar::Monthly => d.day() == 1,
        }
    }

    /// The cut-offs after `after` up to `until` (included), the earliest first.
    pub fn ends(self, zone: &TimeZone, after: Ts, until: Ts) -> Vec<Ts> {
        let mut out = Vec::new();
        let Ok(start) = Timestamp::from_microsecond(after.micros()) else {
            return out;
        };
        let mut day = start.to_zoned(zone.clone()).date();
        while let Some(at) = midnight(zone, day) {
            if at > until {
                break;
            }
            if at > after && self.ends_on(day) {
                out.push(at);
            }
            let Ok(next) = day.tomorrow() else { break };
            day = next;
        }
        out
    }
}

fn midnight(zone: &TimeZone, day: Date) -> Option<Ts> {
    Some(Ts(day.to_zoned(zone.clone()).ok()?.timestamp().as_microsecond()))
}

/// A zone by its IANA name.
pub fn zone(field: &str, name: &str) -> Result<TimeZone> {
    TimeZone::get(name).map_err(|_| Problem::invalid(field, "time_zone_unknown", "expected an IANA name like Europe/Athens or UTC"))
}

/// The first day of a month `2026-03` and of the one after.
fn month(text: &str) -> Result<(Date, Date)> {
    let bad = || Problem::invalid("month", "month_malformed", "expected a month like 2026-03");
    let (y, m) = text.split_once('-').filter(|(y, m)| y.len() == 4 && m.len() == 2).ok_or_else(bad)?;
    let (y, m): (i16, i8) = (y.parse().map_err(|_| bad())?, m.parse().map_err(|_| bad())?);
    let first = civil::Date::new(y, m, 1).map_err(|_| bad())?;
    let next = if m == 12 {
        civil::Date::new(y + 1, 1, 1)
    } else {
        civil::Date::new(y, m + 1, 1)
    };
    Ok((first, next.map_err(|_| bad())?))
}

/// A month `2026-03` in a zone: from its first midnight to the next month's.
pub fn month_span(text: &str, zone: &TimeZone) -> Result<(Ts, Ts)> {
    let bad = || Problem::invalid("month", "month_malformed", "expected a month within the calendar");
    let (first, next) = month(text)?;
    Ok((midnight(zone, first).ok_or_else(bad)?, midnight(zone, next).ok_or_else(bad)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_ends_at_the_servers_midnight_on_both_sides_of_summer_time() {
        let z = zone("z", "Europe/Athens").expect("bundled");
        let (from, to) = month_span("2026-03", &z).expect("a month");
        // Winter time at the start, summer time since 29 March at the end.
        assert_eq!(
            (from.rfc3339(), to.rfc3339()),
            (
                Ts::from_ymd(2026, 2, 28).plus_secs(22 * 3600).rfc3339(),
                Ts::from_ymd(2026, 3, 31).plus_secs(21 * 3600).rfc3339()
            )
        );
        assert_eq!(Calendar::Monthly.ends(&z, from, to), [to]);
        assert_eq!(Calendar::Daily.ends(&z, from, to).len(), 31);
        assert_eq!(Calendar::TwiceMonthly.ends(&z, from, to).len(), 2);
        assert_eq!(Calendar::Weekly.ends(&z, from, to).len(), 5);
        for wrong in ["2026-13", "26-03", "2026-3", "march"] {
            assert_eq!(month_span(wrong, &z).expect_err(wrong).code, "month_malformed");
        }
    }

    #[test]
    fn cut_offs_of_adjoining_spans_neither_overlap_nor_leave_a_gap() {
        let z = zone("z", "America/Sao_Paulo").expect("bundled");
        let (a, b, c) = (Ts::from_ymd(2026, 1, 5), Ts::from_ymd(2026, 4, 17), Ts::from_ymd(2026, 9, 2));
        for cal in Calendar::ALL {
            let mut parts = cal.ends(&z, a, b);
            parts.extend(cal.ends(&z, b, c));
            assert_eq!(parts, cal.ends(&z, a, c), "{cal}");
        }
    }
}

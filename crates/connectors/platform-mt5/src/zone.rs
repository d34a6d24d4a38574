//! The server's clock. Every time on the wire is the server's wall clock, written as if it were
//! Unix time; daylight saving included (trading-platforms.md 1.2, 1.12).
//!
//! With a zone name in the configuration every moment is converted by that zone's rules, past
//! ones included. Without one, today's offset is used for all moments, so a deal from the other
//! side of a clock change is an hour off in UTC until it is read with the other offset again; the
//! wall clock itself (`server_wall_ms`) is always exact and is what revisions must be compared by.
//!
//! The hour that happens twice in autumn cannot be told apart on the wire: the first of the two is
//! assumed. Windows that touch it are asked for wide enough to hold both.

use crate::wire::{TimeNow, TimeSettings};
pub(crate) use qd_connector_kit::zone::{ServerZone, measured_min};
use qd_kernel::Ts;

/// Seconds of the server's wall clock from `time/server`.
pub(crate) fn wall_seconds(now: &TimeNow) -> Option<i64> {
    now.time.text().split_whitespace().next()?.parse().ok()
}

/// The offset in minutes: what the server's clock shows against ours, when that is near a quarter
/// of an hour; else, or when it shows none, what its settings say. Some servers state the zone
/// with the sign turned round, which is why the clock goes first.
pub(crate) fn offset_minutes(settings: Option<&TimeSettings>, wall_s: Option<i64>, now: Ts) -> Option<i32> {
    let stated = settings.and_then(|s| {
        let zone = i32::try_from(s.time_zone.int()?).ok()?;
        let summer = s
            .daylight_state
            .filled()
            .is_some_and(|d| d != "0" && !d.eq_ignore_ascii_case("false"));
        Some(zone + if summer { 60 } else { 0 }).filter(|m| m.abs() <= 14 * 60)
    });
    let measured = wall_s.and_then(|w| measured_min(w, now));
    match (measured, stated) {
        (Some(0), Some(s)) => Some(s),
        (Some(m), _) => Some(m),
        (None, s) => s,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    fn settings(zone: &str, summer: &str) -> TimeSettings {
        serde_json::from_str(&format!(r#"{{"TimeZone":"{zone}","DaylightState":"{summer}"}}"#)).unwrap()
    }
    const NOW: Ts = Ts::from_secs(1_795_000_000);

    #[test]
    fn the_clock_beats_the_settings_and_a_wrong_clock_of_ours_does_not() {
        let s = settings("120", "1");
        assert_eq!(offset_minutes(Some(&s), Some(NOW.secs() + 10_800 + 2), NOW), Some(180));
        assert_eq!(
            offset_minutes(Some(&settings("-120", "0")), Some(NOW.secs() + 7_199), NOW),
            Some(120)
        );
        // The number was UTC: only the settings know.
        assert_eq!(offset_minutes(Some(&s), Some(NOW.secs()), NOW), Some(180));
        // Our clock is minutes off, or years.
        assert_eq!(offset_minutes(Some(&s), Some(NOW.secs() + 7_200 + 400), NOW), Some(180));
        assert_eq!(offset_minutes(Some(&s), Some(NOW.secs() + 7_200 * 10_000), NOW), Some(180));
        assert_eq!(offset_minutes(None, None, NOW), None);
        assert_eq!(offset_minutes(None, Some(NOW.secs() - 4 * 3_600), NOW), Some(-240));
    }

    #[test]
    fn a_named_zone_converts_summer_and_winter_and_takes_the_first_of_the_double_hour() {
        let z = ServerZone::named(TimeZone::get("Europe/Nicosia").unwrap());
        let wall = |s: &str| {
            s.parse::<jiff::civil::DateTime>()
                .unwrap()
                .to_zoned(TimeZone::UTC)
                .unwrap()
                .timestamp()
                .as_millisecond()
        };
        let utc = |s: &str| Ts(s.parse::<Timestamp>().unwrap().as_microsecond());
        assert_eq!(z.to_utc(wall("2026-07-01T12:00:00.250")), Some(utc("2026-07-01T09:00:00.250Z")));
        assert_eq!(z.to_utc(wall("2026-11-20T12:00:00")), Some(utc("2026-11-20T10:00:00Z")));
        // 25 October 2026, 04:00 goes back to 03:00: 03:30 is 00:30Z and 01:30Z.
        assert_eq!(z.to_utc(wall("2026-10-25T03:30:00")), Some(utc("2026-10-25T00:30:00Z")));
        // A window across the change holds both readings.
        let (from, to) = z.window(utc("2026-10-25T00:50:00Z"), utc("2026-10-25T01:10:00Z"));
        assert!(
            from * 1000 <= wall("2026-10-25T03:00:00") && to * 1000 >= wall("2026-10-25T03:59:59"),
            "{from} {to}"
        );
        let f = ServerZone::fixed(-240);
        assert_eq!(f.to_utc(0), Some(Ts::from_secs(14_400)));
        assert_eq!(f.window(Ts::from_secs(14_400), Ts::from_secs(14_401)), (0, 2));
    }
}

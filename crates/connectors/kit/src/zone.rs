//! A trading server's wall clock and UTC. Its times are written as if they were UTC.
//!
//! The hour that happens twice in autumn cannot be told apart on the wire: the first of the two is
//! assumed. Windows that touch it are asked for wide enough to hold both.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use qd_kernel::Ts;

/// Server time and UTC, both ways.
#[derive(Clone, Debug)]
pub struct ServerZone(TimeZone);

impl ServerZone {
    pub fn fixed(offset_min: i32) -> ServerZone {
        ServerZone(TimeZone::fixed(
            Offset::from_seconds(offset_min.saturating_mul(60)).unwrap_or(Offset::UTC),
        ))
    }
    pub fn named(tz: TimeZone) -> ServerZone {
        ServerZone(tz)
    }
    /// Seconds to add to UTC at a moment.
    pub fn offset_s(&self, at: Ts) -> i64 {
        Timestamp::from_second(at.secs()).map_or(0, |t| i64::from(self.0.to_offset(t).seconds()))
    }
    /// None for times that no calendar has.
    pub fn to_utc(&self, wall_ms: i64) -> Option<Ts> {
        let wall = Offset::UTC.to_datetime(Timestamp::from_millisecond(wall_ms).ok()?);
        let at = self.0.to_ambiguous_timestamp(wall).compatible().ok()?;
        Some(Ts(at.as_microsecond()))
    }
    /// A window of wall-clock seconds that holds everything between two moments, both inclusive,
    /// with a second to spare because deals have milliseconds and windows don't.
    pub fn window(&self, from: Ts, to: Ts) -> (i64, i64) {
        let (a, b) = (self.offset_s(from), self.offset_s(to));
        (from.secs() + a.min(b), to.secs() + a.max(b) + 1)
    }
}

/// The offset in minutes that a server's clock shows against ours, when it is near a quarter of an
/// hour.
pub fn measured_min(wall_s: i64, now: Ts) -> Option<i32> {
    let diff = wall_s - now.secs();
    let quarters = (diff + 450).div_euclid(900);
    let near = (diff - quarters * 900).abs() <= 300 && quarters.abs() <= 14 * 4;
    if near { i32::try_from(quarters * 15).ok() } else { None }
}

//! How much is measured, and for how long.

use super::figure::Pair;
use super::place::Place;
use crate::cli::BenchArgs;
use qd_kernel::Result;
use std::time::Duration;

pub struct Plan {
    pub place: Place,
    /// Of each side of a figure.
    pub rounds: usize,
    pub round: Duration,
    /// Callers at once where the figure says 32.
    pub callers: usize,
    /// Clients in the database that is measured.
    pub clients: u64,
    /// Clients in the smaller one, where a figure compares two sizes.
    pub fewer: u64,
    /// Repetitions of what takes seconds: kills, deposits from end to end.
    pub repeats: usize,
    /// Deals through the feed in one round.
    pub deals: usize,
    /// Milliseconds of a 4 KiB write and its flush on this disk.
    pub flush_ms: f64,
    pub smoke: bool,
}

impl Plan {
    pub fn of(args: &BenchArgs) -> Result<Plan> {
        let place = Place::make()?;
        let flush_ms = place.flush_ms()?;
        let clients = u64::from(args.clients.unwrap_or(match (args.smoke, args.full) {
            (true, _) => 300,
            (_, true) => 300_000,
            _ => 60_000,
        }));
        Ok(Plan {
            place,
            rounds: if args.smoke { 1 } else { 5 },
            round: Duration::from_millis(if args.smoke { 150 } else { 1_000 }),
            callers: if args.smoke { 4 } else { 32 },
            clients,
            fewer: if args.smoke { 100 } else { (clients / 10).max(1) },
            repeats: match (args.smoke, args.full) {
                (true, _) => 2,
                (_, true) => 100,
                _ => 20,
            },
            deals: if args.smoke { 200 } else { 10_000 },
            flush_ms,
            smoke: args.smoke,
        })
    }

    /// Rounds of both sides in turns, each side first as often as the other; the first pair only
    /// warms up.
    pub async fn pair<B, O>(&self, mut base: B, mut ours: O) -> Result<Pair>
    where
        B: AsyncFnMut() -> Result<f64>,
        O: AsyncFnMut() -> Result<f64>,
    {
        base().await?;
        ours().await?;
        let mut out = Pair::default();
        for i in 0..self.rounds {
            if i % 2 == 0 {
                out.base.push(base().await?);
                out.ours.push(ours().await?);
            } else {
                out.ours.push(ours().await?);
                out.base.push(base().await?);
            }
        }
        Ok(out)
    }
}

//! A partner leaves: the clients go to the house or to the partner above, at once or after a trail of
//! some months. Dated; what was earned stays.

use super::{GoesTo, Model, Rules, give};
use crate::ids::PartnerId;
use crate::store::{claims as store, partners};
use async_trait::async_trait;
use qd_db::Tx;
use qd_kernel::{Problem, Result, Ts};
use qd_runtime::Core;
use qd_runtime::jobs::{self, Handler, JobError, Lease, NewJob};
use serde_json::json;

pub const LEAVING_JOB: &str = "partner.leaving";
/// Clients in one transaction.
const BATCH: i64 = 200;

/// Writes down what happens with the clients of a partner who was terminated, by the entity's setting,
/// and orders it.
pub(crate) async fn left(tx: &mut Tx, core: &Core, p: &partners::PartnerRow) -> Result<()> {
    let rules = Rules::of(tx, &p.entity).await?;
    let now = core.now();
    let ends_at = match rules.leaving {
        GoesTo::Trail => months_after(now, rules.trail_months),
        GoesTo::House | GoesTo::Parent => now,
    };
    let row = store::TrailRow {
        partner_id: p.id,
        left_at: now,
        goes_to: rules.leaving,
        ends_at,
        done_at: None,
        moved: 0,
    };
    store::insert_trail(tx, &row).await?;
    let mut job = NewJob::new(LEAVING_JOB, json!({"partner": p.id}), now).key(p.id.to_string());
    job.run_at = ends_at;
    jobs::enqueue(tx, core, job).await.map(|_| ())
}

/// The same day and time of a later month, or its last day.
fn months_after(t: Ts, months: i64) -> Ts {
    let (y, m, d) = t.ymd();
    let n = y * 12 + i64::from(m) - 1 + months;
    let (year, month) = (n.div_euclid(12), u32::try_from(n.rem_euclid(12) + 1).unwrap_or(1));
    let (ny, nm) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    let last = Ts::from_ymd(ny, nm, 1).plus_days(-1).ymd().2;
    let time_of_day = t.micros().rem_euclid(86_400_000_000);
    Ts(Ts::from_ymd(year, month, d.min(last)).micros() + time_of_day)
}

/// Whether a partner who left earns on a deal of that moment: one before they left, however late it
/// comes, and with a trail on the clients they had until it ends.
pub async fn earns_after_leaving(tx: &mut Tx, partner: PartnerId, at: Ts) -> Result<bool> {
    Ok(store::trail(tx, partner)
        .await?
        .is_some_and(|t| at < t.left_at || (t.goes_to == GoesTo::Trail && at < t.ends_at)))
}

/// `partner.leaving`: moves the clients of a partner who left.
pub struct Leaving(pub Core);

#[async_trait]
impl Handler for Leaving {
    fn kind(&self) -> &'static str {
        LEAVING_JOB
    }
    async fn run(&self, lease: &Lease) -> std::result::Result<(), JobError> {
        let partner = PartnerId::parse(lease.text("partner")?)?;
        loop {
            let (core, lease) = (self.0.clone(), lease.clone());
            let more = self
                .0
                .db
                .write(async move |tx| {
                    let Some(t) = store::trail(tx, partner).await? else {
                        return Err(Problem::bug("trail_lost", "a partner who left has no trail"));
                    };
                    let at = core.now();
                    let to = match t.goes_to {
                        GoesTo::Parent => heir(tx, partner, at).await?,
                        GoesTo::House | GoesTo::Trail => None,
                    };
                    let clients = store::open_clients(tx, partner, BATCH).await?;
                    for (c,) in &clients {
                        let why = json!({"reason": "the partner left", "goes_to": t.goes_to, "before": partner});
                        give(tx, &core, "system:leaving", c, to, at, Model::Manual, why).await?;
                    }
                    let more = clients.len() as i64 == BATCH;
                    store::trail_moved(tx, partner, clients.len() as i64, (!more).then_some(at)).await?;
                    if !more {
                        lease.complete(tx).await?;
                    }
                    Ok(more)
                })
                .await?;
            if !more {
                return Ok(());
            }
        }
    }
}

/// The nearest partner above who is active.
async fn heir(tx: &mut Tx, partner: PartnerId, at: Ts) -> Result<Option<PartnerId>> {
    Ok(partners::path(tx, partner, at)
        .await?
        .into_iter()
        .find(|p| p.id != partner && p.state == crate::partner::PartnerState::Active)
        .map(|p| p.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_calendar_months_and_a_short_one_ends_on_its_last_day() {
        let at = |y, m, d| Ts::from_ymd(y, m, d).plus_secs(3_600);
        assert_eq!(months_after(at(2026, 11, 30), 3), at(2027, 2, 28));
        assert_eq!(months_after(at(2026, 1, 15), 12), at(2027, 1, 15));
        assert_eq!(months_after(at(2026, 10, 31), 2), at(2026, 12, 31));
        assert_eq!(months_after(at(2026, 11, 1), 1), at(2026, 12, 1));
    }
}

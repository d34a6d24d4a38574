//! Reports: how long people take in each of the two queues (PM-25), and what the rules that are being
//! tried would have decided (PM-11).

use super::Queue;
use crate::store;
use qd_db::Tx;
use qd_kernel::{Problem, Result, Ts};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right};
use serde::Serialize;

/// Trials read for one report.
const MOST: i64 = 5_000;
/// Of those that differ, named in the answer.
const NAMED: usize = 100;

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WithdrawalQueueReport)]
pub struct QueueReport {
    pub from_us: Ts,
    pub until_us: Ts,
    pub standard: QueueFigures,
    pub high_risk: QueueFigures,
}

/// Only of what people had to look at.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WithdrawalQueueFigures)]
pub struct QueueFigures {
    /// Ended in the span.
    pub decided: i64,
    /// From the rules' stop to the people's end, in seconds; None without any.
    pub median_s: Option<i64>,
    /// Nine of ten took at most this long.
    pub p90_s: Option<i64>,
    /// Waiting now.
    pub backlog: i64,
    /// How long the oldest of them has waited, in seconds.
    pub oldest_s: Option<i64>,
}

fn span(core: &Core, from: Option<Ts>, until: Option<Ts>) -> Result<(Ts, Ts)> {
    let until = until.unwrap_or_else(|| core.now());
    let from = from.unwrap_or_else(|| until.plus_days(-7));
    if from >= until {
        return Err(Problem::invalid("from_us", "span_empty", "expected a moment before until_us"));
    }
    Ok((from, until))
}

/// The value that `of` in ten are at most; of an ordered list.
fn at(ordered: &[i64], of_ten: usize) -> Option<i64> {
    let n = ordered.len();
    (n > 0).then(|| ordered[(n * of_ten).div_ceil(10).clamp(1, n) - 1])
}

/// By default of the last seven days. Needs `withdrawals.view`.
pub async fn queues(tx: &mut Tx, core: &Core, caller: &Caller, from: Option<Ts>, until: Option<Ts>) -> Result<QueueReport> {
    caller.require(Right::WithdrawalsView)?;
    let (from, until) = span(core, from, until)?;
    let seen = caller.allowed_entities();
    let mut figures = Vec::new();
    for queue in [Queue::Standard, Queue::HighRisk] {
        let (done, open) = store::queue_times(tx, seen.as_deref(), queue, from, until).await?;
        figures.push(QueueFigures {
            decided: i64::try_from(done.len()).unwrap_or(i64::MAX),
            median_s: at(&done, 5),
            p90_s: at(&done, 9),
            backlog: i64::try_from(open.len()).unwrap_or(i64::MAX),
            oldest_s: open.first().map(|t| core.now().secs_since(*t)),
        });
    }
    let high_risk = figures.pop().ok_or_else(|| Problem::bug("queues", "two queues"))?;
    let standard = figures.pop().ok_or_else(|| Problem::bug("queues", "two queues"))?;
    Ok(QueueReport {
        from_us: from,
        until_us: until,
        standard,
        high_risk,
    })
}

#[derive(Clone, Debug, Default, Serialize, utoipa::ToSchema)]
#[schema(as = WithdrawalTrialReport)]
pub struct TrialReport {
    pub from_us: Ts,
    pub until_us: Ts,
    /// Withdrawals decided while a rule was in the shadow.
    pub decided: i64,
    pub same: i64,
    /// Passed, and a person would have looked.
    pub stopped_only_by_trial: i64,
    /// Stopped, and would have passed.
    pub passed_only_by_trial: i64,
    /// One person looked and two would have, or the other way round.
    pub other_people: i64,
    /// False: the span holds more than the report reads.
    pub complete: bool,
    /// Those that differ, the newest first, at most 100.
    pub cases: Vec<TrialCase>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WithdrawalTrialCase)]
pub struct TrialCase {
    pub withdrawal_id: String,
    pub at_us: Ts,
    /// `auto`, `review` or `two`: what was decided, and what would have been.
    pub live: String,
    pub trial: String,
    pub live_signals: Vec<String>,
    pub trial_signals: Vec<String>,
}

/// By default of the last seven days. Needs `withdrawals.review`: signals are not for everybody.
pub async fn trials(tx: &mut Tx, core: &Core, caller: &Caller, from: Option<Ts>, until: Option<Ts>) -> Result<TrialReport> {
    caller.require(Right::WithdrawalsReview)?;
    let (from, until) = span(core, from, until)?;
    let rows = store::trials(tx, caller.allowed_entities().as_deref(), from, until, MOST + 1).await?;
    let mut r = TrialReport {
        from_us: from,
        until_us: until,
        complete: i64::try_from(rows.len()).unwrap_or(i64::MAX) <= MOST,
        ..TrialReport::default()
    };
    for t in rows.into_iter().take(usize::try_from(MOST).unwrap_or(usize::MAX)) {
        r.decided += 1;
        match (t.live.as_str(), t.trial.as_str()) {
            (a, b) if a == b => {
                r.same += 1;
                continue;
            }
            ("auto", _) => r.stopped_only_by_trial += 1,
            (_, "auto") => r.passed_only_by_trial += 1,
            _ => r.other_people += 1,
        }
        if r.cases.len() < NAMED {
            r.cases.push(TrialCase {
                withdrawal_id: t.withdrawal_id.to_string(),
                at_us: t.at,
                live_signals: serde_json::from_str(&t.live_signals)?,
                trial_signals: serde_json::from_str(&t.trial_signals)?,
                live: t.live,
                trial: t.trial,
            });
        }
    }
    Ok(r)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_of_the_list_and_not_of_its_ends() {
        assert_eq!(at(&[], 5), None);
        assert_eq!(at(&[7], 5), Some(7));
        assert_eq!(at(&[1, 2, 9], 5), Some(2));
        assert_eq!(at(&[1, 2, 9, 100], 5), Some(2));
        assert_eq!(at(&(1..=10).collect::<Vec<_>>(), 9), Some(9));
    }
}

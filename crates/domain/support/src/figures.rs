//! How well tickets are answered: by queue, over a period.

use crate::model::{Category, TicketState};
use crate::store;
use qd_db::Tx;
use qd_kernel::{Problem, Result, Ts};
use qd_runtime::access::{Caller, Right, Scope};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The newest tickets of the period a report reads at the most.
const MOST: i64 = 20_000;

/// Times in whole seconds. Medians and nine of ten are of those that have come so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct TicketFigures {
    /// A desk's code, a category, a person's name; absent for all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub key: Option<String>,
    pub opened: i64,
    pub solved: i64,
    pub unsolved: i64,
    /// Of the unsolved, past their time now.
    pub overdue: i64,
    pub first_reply_median_s: Option<i64>,
    pub first_reply_p90_s: Option<i64>,
    /// First answers that came after their time, or have not come though it is over.
    pub first_reply_late: i64,
    pub resolution_median_s: Option<i64>,
    pub resolution_p90_s: Option<i64>,
    pub resolution_late: i64,
    pub handovers: i64,
    pub reopened: i64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({"from_us": 1_789_400_000_000_000_i64, "until_us": 1_790_000_000_000_000_i64, "all": {"opened": 41, "solved": 38, "unsolved": 3, "overdue": 1, "first_reply_median_s": 900, "first_reply_p90_s": 5_400, "first_reply_late": 2, "resolution_median_s": 14_400, "resolution_p90_s": 86_400, "resolution_late": 1, "handovers": 4, "reopened": 2}, "by_desk": [], "by_category": [], "by_owner": [], "deposits": 820, "per_100_deposits": "5.00", "complete": true}))]
pub struct TicketReport {
    pub from_us: Ts,
    pub until_us: Ts,
    pub all: TicketFigures,
    /// The worst first: most late, then the slowest.
    pub by_desk: Vec<TicketFigures>,
    pub by_category: Vec<TicketFigures>,
    pub by_owner: Vec<TicketFigures>,
    /// Deposits made in the same period, and tickets for a hundred of them, as decimal text.
    pub deposits: i64,
    pub per_100_deposits: Option<String>,
    /// False: the period has more tickets than a report reads.
    pub complete: bool,
}

pub(crate) struct Clocked {
    pub desk: Option<String>,
    pub owner: Option<String>,
    pub category: Category,
    pub state: TicketState,
    pub created_at: Ts,
    pub first_reply_at: Option<Ts>,
    pub first_reply_due_at: Ts,
    pub resolve_due_at: Ts,
    pub solved_at: Option<Ts>,
    pub due_at: Ts,
    pub handovers: i64,
    pub reopened: i64,
}

/// The smallest value that this share of a hundred does not exceed.
fn share(sorted: &[i64], percent: usize) -> Option<i64> {
    let n = sorted.len();
    sorted.get((n * percent).div_ceil(100).saturating_sub(1)).copied()
}

fn figures(key: Option<String>, of: &[&Clocked], now: Ts) -> TicketFigures {
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let sorted = |times: &mut dyn Iterator<Item = i64>| {
        let mut v: Vec<i64> = times.collect();
        v.sort_unstable();
        v
    };
    let first = sorted(&mut of.iter().filter_map(|c| Some(c.first_reply_at?.secs_since(c.created_at))));
    let solved = sorted(&mut of.iter().filter_map(|c| Some(c.solved_at?.secs_since(c.created_at))));
    TicketFigures {
        key,
        opened: count(of.len()),
        solved: count(solved.len()),
        unsolved: count(of.iter().filter(|c| !c.state.is_over()).count()),
        overdue: count(of.iter().filter(|c| c.due_at < now).count()),
        first_reply_median_s: share(&first, 50),
        first_reply_p90_s: share(&first, 90),
        first_reply_late: count(
            of.iter()
                .filter(|c| c.first_reply_at.unwrap_or(if c.state.is_ours() { now } else { c.created_at }) > c.first_reply_due_at)
                .count(),
        ),
        resolution_median_s: share(&solved, 50),
        resolution_p90_s: share(&solved, 90),
        resolution_late: count(
            of.iter()
                .filter(|c| c.solved_at.unwrap_or(if c.state.is_ours() { now } else { c.created_at }) > c.resolve_due_at)
                .count(),
        ),
        handovers: of.iter().map(|c| c.handovers).sum(),
        reopened: of.iter().map(|c| c.reopened).sum(),
    }
}

fn by(all: &[Clocked], now: Ts, key: impl Fn(&Clocked) -> Option<String>) -> Vec<TicketFigures> {
    let mut groups: BTreeMap<String, Vec<&Clocked>> = BTreeMap::new();
    for c in all {
        groups.entry(key(c).unwrap_or_else(|| "-".into())).or_default().push(c);
    }
    let mut out: Vec<TicketFigures> = groups.into_iter().map(|(k, of)| figures(Some(k), &of, now)).collect();
    out.sort_by_key(|f| std::cmp::Reverse((f.first_reply_late + f.resolution_late, f.first_reply_p90_s.unwrap_or(0))));
    out
}

/// The report. `deposits`: how many were made in the period, from whoever counts them.
pub async fn report(tx: &mut Tx, caller: &Caller, from: Ts, until: Ts, now: Ts, deposits: i64) -> Result<TicketReport> {
    if !matches!(caller.require(Right::TicketsView)?, Scope::Entity | Scope::All) {
        return Err(Problem::forbidden(
            "scope_too_narrow",
            "this report is about all clients of an entity",
        ));
    }
    if from >= until {
        return Err(Problem::invalid("from_us", "span_empty", "expected a moment before until_us"));
    }
    let all = store::clocked(tx, caller.allowed_entities().as_deref(), from, until, MOST).await?;
    let whole: Vec<&Clocked> = all.iter().collect();
    let n = i64::try_from(all.len()).unwrap_or(i64::MAX);
    // Hundredths, rounded half up: text, because a ratio is no money and no float either.
    let per_100 = (deposits > 0).then(|| {
        let hundredths = (n * 20_000 + deposits) / (deposits * 2);
        format!("{}.{:02}", hundredths / 100, hundredths % 100)
    });
    Ok(TicketReport {
        from_us: from,
        until_us: until,
        all: figures(None, &whole, now),
        by_desk: by(&all, now, |c| c.desk.clone()),
        by_category: by(&all, now, |c| Some(c.category.to_string())),
        by_owner: by(&all, now, |c| c.owner.clone()),
        deposits,
        per_100_deposits: per_100,
        complete: n < MOST,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_a_few_is_one_of_them() {
        assert_eq!(share(&[], 50), None);
        assert_eq!(share(&[7], 90), Some(7));
        assert_eq!((share(&[1, 2, 3, 4], 50), share(&[1, 2, 3, 4], 90)), (Some(2), Some(4)));
        assert_eq!(share(&(1..=100).collect::<Vec<_>>(), 90), Some(90));
    }
}

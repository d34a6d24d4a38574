//! How long things wait, and how many went wrong by the week.

use crate::kit::{Reply, read};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_db::Tx;
use qd_kernel::{PageRequest, Problem, Result, Ts};
use qd_payments::deposit::{self, DepositQuery, DepositState};
use qd_payments::withdrawal::{self, WithdrawalQuery, WithdrawalState};
use qd_runtime::access::{Caller, Right, Scope};
use qd_runtime::approvals::{self, ApprovalState};
use qd_runtime::exceptions::{self, ExceptionState, Filter};
use qd_support::{QueueFilter, Sort};
use qd_web::{Asker, Params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// A week of microseconds, and the first Monday.
const WEEK: i64 = 604_800_000_000;
const MONDAY: i64 = 345_600_000_000;

#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Weeks {
    /// Up to and with this one: 1 to 52, 8 without a word.
    pub weeks: Option<i64>,
}

#[derive(Serialize, ToSchema)]
#[schema(example = json!({"weeks": [{"from_us": 1_789_344_000_000_000_i64, "until_us": 1_789_948_800_000_000_i64, "count": 3}], "kinds": [{"kind": "deposit.held", "counts": [3]}]}))]
pub struct WeeklyExceptions {
    /// The oldest first, each from Monday to Monday in UTC; the last one is under way.
    weeks: Vec<ExceptionWeek>,
    /// The most first; a count for each week.
    kinds: Vec<WeeklyKind>,
}

#[derive(Serialize, ToSchema)]
pub struct ExceptionWeek {
    /// For the list behind the bar: `GET /exceptions?kind=…&opened_from_us=…&opened_until_us=…`.
    from_us: Ts,
    until_us: Ts,
    count: i64,
}

#[derive(Serialize, ToSchema)]
pub struct WeeklyKind {
    kind: String,
    counts: Vec<i64>,
}

/// What people had to mend by hand, by kind and week of its opening.
#[utoipa::path(get, path = "/api/v1/exceptions/weekly", tag = "control", params(Weeks), responses((status = 200, body = WeeklyExceptions)))]
pub async fn weekly(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Weeks>) -> Reply<Json<Value>> {
    let n = q.weeks.unwrap_or(8);
    if !(1..=52).contains(&n) {
        return Err(Problem::invalid("weeks", "weeks_out_of_range", "expected 1 to 52").into());
    }
    let this = (app.core.now().micros() - MONDAY).div_euclid(WEEK);
    let start = |week: i64| Ts(MONDAY + week * WEEK);
    let first = this - n + 1;
    read(&app, async move |tx| {
        let rows = exceptions::weekly(tx, &caller, start(first), start(this + 1)).await?;
        let size = usize::try_from(n).unwrap_or(0);
        let mut by: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        let mut all = vec![0; size];
        for (kind, week, count) in rows {
            let Ok(at) = usize::try_from(week) else { continue };
            if at < size {
                by.entry(kind).or_insert_with(|| vec![0; size])[at] += count;
                all[at] += count;
            }
        }
        let mut kinds: Vec<WeeklyKind> = by.into_iter().map(|(kind, counts)| WeeklyKind { kind, counts }).collect();
        kinds.sort_by_key(|k| std::cmp::Reverse(k.counts.iter().sum::<i64>()));
        let weeks = (first..).zip(all).map(|(w, count)| ExceptionWeek {
            from_us: start(w),
            until_us: start(w + 1),
            count,
        });
        Ok(WeeklyExceptions {
            weeks: weeks.collect(),
            kinds,
        })
    })
    .await
}

/// A queue by how long its rows have waited.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"key": "withdrawals", "waiting": 4, "more": false, "overdue": 1, "oldest_waits_s": 90_000, "under_1h": 1, "under_4h": 1, "under_24h": 1, "under_72h": 1, "longer": 0}))]
pub struct QueueAge {
    /// `kyc`, `withdrawals`, `deposits_held`, `tickets`, `approvals`, or `exceptions.` with a role.
    key: String,
    waiting: i64,
    /// There are more than were looked at (2,000).
    more: bool,
    overdue: i64,
    oldest_waits_s: Option<i64>,
    under_1h: i64,
    under_4h: i64,
    under_24h: i64,
    under_72h: i64,
    longer: i64,
}

#[derive(Serialize, ToSchema)]
pub struct QueueAges {
    /// The one with the most overdue first.
    queues: Vec<QueueAge>,
}

/// Pages of 200 that are looked at for one queue.
const PAGES: usize = 10;

/// Since when a row waits, and whether it is past its time.
type Clock = (Ts, bool);

fn aged(key: String, more: bool, clocks: &[Clock], now: Ts) -> QueueAge {
    let mut q = QueueAge {
        key,
        waiting: 0,
        more,
        overdue: 0,
        oldest_waits_s: None,
        under_1h: 0,
        under_4h: 0,
        under_24h: 0,
        under_72h: 0,
        longer: 0,
    };
    for (since, overdue) in clocks {
        let age = now.secs_since(*since).max(0);
        q.waiting += 1;
        q.overdue += i64::from(*overdue);
        q.oldest_waits_s = q.oldest_waits_s.max(Some(age));
        *match age {
            ..3_600 => &mut q.under_1h,
            3_600..14_400 => &mut q.under_4h,
            14_400..86_400 => &mut q.under_24h,
            86_400..259_200 => &mut q.under_72h,
            _ => &mut q.longer,
        } += 1;
    }
    q
}

/// Reads pages until the last or the tenth.
macro_rules! pages {
    ($page:ident, $next:expr, $row:ident => $clock:expr) => {{
        let (mut clocks, mut cursor, mut more): (Vec<_>, Option<String>, bool) = (Vec::new(), None, false);
        for n in 0..PAGES {
            let $page = PageRequest::new(Some(200), cursor.as_deref())?;
            let found = $next;
            clocks.extend(found.items.iter().map(|$row| $clock));
            cursor = found.next_cursor;
            if cursor.is_none() {
                break;
            }
            more = n + 1 == PAGES;
        }
        (clocks, more)
    }};
}

async fn ages(tx: &mut Tx, app: &App, caller: &Caller) -> Result<Vec<QueueAge>> {
    let now = app.core.now();
    let wide = |r: Right| caller.require(r).is_ok_and(|s| matches!(s, Scope::Entity | Scope::All));
    let mut out = Vec::new();
    if wide(Right::KycView) && caller.may(Right::KycView) {
        let f = qd_kyc::QueueFilter::default();
        let (clocks, more) =
            pages!(page, qd_kyc::queue(tx, caller, &f, now, &page).await?, r => (r.submitted_at_us.unwrap_or(now), r.overdue));
        out.push(aged("kyc".into(), more, &clocks, now));
    }
    if wide(Right::WithdrawalsView) {
        let (clocks, more) = pages!(page, {
            let q = WithdrawalQuery { state: Some(WithdrawalState::Review), ..WithdrawalQuery::default() };
            withdrawal::list(tx, &app.core, caller, q, &page).await?
        }, w => (w.requested_at_us, w.due_at_us.is_some_and(|d| d < now)));
        out.push(aged("withdrawals".into(), more, &clocks, now));
    }
    if wide(Right::DepositsView) {
        let (clocks, more) = pages!(page, {
            let q = DepositQuery { state: Some(DepositState::Held), ..DepositQuery::default() };
            deposit::list(tx, &app.core, caller, q, &page).await?
        }, d => {
            let since = d.received_at_us.unwrap_or(d.created_at_us);
            // Held money has the hour that its exception has.
            (since, now.secs_since(since) > 3_600)
        });
        out.push(aged("deposits_held".into(), more, &clocks, now));
    }
    if wide(Right::TicketsView) {
        let f = QueueFilter {
            unsolved: true,
            ..QueueFilter::default()
        };
        let (clocks, more) = pages!(page, qd_support::queue(tx, caller, &f, Sort::Due, now, &page).await?, t => t.waits_s.map(|_| (t.message_at_us, t.overdue)));
        let ours: Vec<Clock> = clocks.into_iter().flatten().collect();
        out.push(aged("tickets".into(), more, &ours, now));
    }
    if caller.may(Right::ApprovalsView) {
        let (clocks, more) = pages!(page, approvals::list(tx, caller, ApprovalState::Waiting, &page).await?, a => (a.created_at, a.expires_at.is_some_and(|e| e < now)));
        out.push(aged("approvals".into(), more, &clocks, now));
    }
    if caller.may(Right::ExceptionsView) {
        let f = Filter {
            state: Some(ExceptionState::Open),
            ..Filter::default()
        };
        let (clocks, more) =
            pages!(page, exceptions::list(tx, caller, &f, &page).await?, e => (e.owner_role.clone(), (e.opened_at, e.due_at < now)));
        let mut by: BTreeMap<String, Vec<Clock>> = BTreeMap::new();
        for (role, clock) in clocks {
            by.entry(role).or_default().push(clock);
        }
        out.extend(
            by.into_iter()
                .map(|(role, clocks)| aged(format!("exceptions.{role}"), more, &clocks, now)),
        );
    }
    out.sort_by_key(|q| std::cmp::Reverse((q.overdue, q.oldest_waits_s)));
    Ok(out)
}

/// The queues I may see, by how long their rows have waited; the worst first.
#[utoipa::path(get, path = "/api/v1/reports/queues", tag = "control", responses((status = 200, body = QueueAges)))]
pub async fn queues(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    caller.staff_id()?;
    let a = app.clone();
    read(&app, async move |tx| {
        Ok(QueueAges {
            queues: ages(tx, &a, &caller).await?,
        })
    })
    .await
}

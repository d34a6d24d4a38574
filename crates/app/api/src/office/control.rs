//! What the house keeps an eye on: exceptions, dead jobs, approvals, connections, the home page.

use crate::kit::{At, Made, Reply, covered, list_query, read, write};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_kernel::{Page, PageRequest, Ts};
use qd_payments::jobs::connections;
use qd_payments::withdrawal::{self, WithdrawalQuery, WithdrawalState};
use qd_runtime::access::{Right, Scope, StaffId};
use qd_runtime::approvals::{self, ApprovalId, ApprovalState, ApprovalView};
use qd_runtime::exceptions::{self, Ageing, Exception, ExceptionId, ExceptionState, Filter, LogLine};
use qd_runtime::jobs::JobId;
use qd_runtime::jobs::graveyard::{self, DeadJob};
use qd_runtime::{bus, events};
use qd_trading::servers::{self, ServerView};
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

list_query!(Exceptions {
    /// `open`, `resolved`, `dismissed`.
    state: ExceptionState as ExceptionState,
    kind: String as String,
    /// `finance`, `compliance`, `ops`, …
    owner_role: String as String,
    owner_id: String as String,
    client_id: String as String,
    /// What it is about: `deposit:dep_…`.
    subject: String as String,
    overdue: bool as bool,
    /// Microseconds since 1970: opened then or later.
    opened_from_us: i64 as i64,
    /// Opened before then.
    opened_until_us: i64 as i64,
});

/// What a person must look at, the oldest first.
#[utoipa::path(get, path = "/api/v1/exceptions", tag = "control", params(Exceptions), responses((status = 200, body = Page<Exception>)))]
pub async fn exceptions_list(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Exceptions>) -> Reply<Json<Value>> {
    let (c, page) = (caller.clone(), q.page()?);
    let f = Filter {
        state: q.state,
        kind: q.kind.clone(),
        owner_role: q.owner_role.clone(),
        owner_id: q.owner_id.clone(),
        client_id: q.client_id.clone(),
        subject: q.subject.clone(),
        overdue_at: q.overdue.unwrap_or(false).then(|| app.core.now()),
        opened_from: q.opened_from_us.map(Ts),
        opened_until: q.opened_until_us.map(Ts),
    };
    covered(&app, &caller, async move |tx| exceptions::list(tx, &c, &f, &page).await).await
}

#[derive(Serialize, ToSchema)]
pub struct ExceptionFile {
    exception: Exception,
    /// The oldest first.
    log: Vec<LogLine>,
}

/// One exception with its log.
#[utoipa::path(get, path = "/api/v1/exceptions/{id}", tag = "control", responses((status = 200, body = ExceptionFile)))]
pub async fn exception(State(app): State<App>, Asker(caller): Asker, At(id): At<ExceptionId>) -> Reply<Json<Value>> {
    let c = caller.clone();
    covered(&app, &caller, async move |tx| {
        let (exception, log) = exceptions::get(tx, &c, id).await?;
        Ok(ExceptionFile { exception, log })
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"to": "stf_01JD1Z3Y5K8Q2M4N6P8R0S2T4V"}))]
pub struct Give {
    /// None gives it back to the role's queue.
    to: Option<StaffId>,
}

/// Gives it to a person, or back to the queue.
#[utoipa::path(post, path = "/api/v1/exceptions/{id}/assign", tag = "control", request_body = Give, responses((status = 200, body = Made<ExceptionId>)))]
pub async fn assign(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<ExceptionId>,
    Body(req): Body<Give>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "exception.assign", &(id, &req), 200, async move |tx| {
        exceptions::assign(tx, &core, &c, id, r.to).await.map(|()| Made { id })
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"note": "Bank confirmed; waiting for the statement."}))]
pub struct Words {
    note: String,
}

/// Adds a line to its log.
#[utoipa::path(post, path = "/api/v1/exceptions/{id}/note", tag = "control", request_body = Words, responses((status = 200, body = Made<ExceptionId>)))]
pub async fn note(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<ExceptionId>,
    Body(req): Body<Words>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "exception.note", &(id, &req), 200, async move |tx| {
        exceptions::note(tx, &core, &c, id, &r.note).await.map(|()| Made { id })
    })
    .await
}

/// Closes it as mended.
#[utoipa::path(post, path = "/api/v1/exceptions/{id}/resolve", tag = "control", request_body = Words, responses((status = 200, body = Made<ExceptionId>)))]
pub async fn resolve(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<ExceptionId>,
    Body(req): Body<Words>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "exception.resolve", &(id, &req), 200, async move |tx| {
        exceptions::resolve_by(tx, &core, &c, id, &r.note).await.map(|()| Made { id })
    })
    .await
}

/// Closes it: nothing is wrong.
#[utoipa::path(post, path = "/api/v1/exceptions/{id}/dismiss", tag = "control", request_body = Words, responses((status = 200, body = Made<ExceptionId>)))]
pub async fn dismiss(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<ExceptionId>,
    Body(req): Body<Words>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "exception.dismiss", &(id, &req), 200, async move |tx| {
        exceptions::dismiss(tx, &core, &c, id, &r.note).await.map(|()| Made { id })
    })
    .await
}

list_query!(Jobs { kind: String as String });

/// Jobs whose attempts are used up, the latest first.
#[utoipa::path(get, path = "/api/v1/jobs/dead", tag = "control", params(Jobs), responses((status = 200, body = Page<DeadJob>)))]
pub async fn dead(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Jobs>) -> Reply<Json<Value>> {
    let page = q.page()?;
    covered(&app, &caller, async move |tx| {
        let mut p = graveyard::list(tx, q.kind.as_deref(), &page).await?;
        // A payload may hold what a reader of jobs must not see (addresses, tokens of a link).
        for j in &mut p.items {
            j.payload = graveyard::only_ids(&j.payload);
        }
        Ok(p)
    })
    .await
}

#[derive(Serialize, ToSchema)]
#[schema(as = JobRetried)]
pub struct Retried {
    id: JobId,
    /// `ready`
    state: &'static str,
}

/// Lets a dead job run again. Safe to press twice.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/retry", tag = "control", responses((status = 200, body = Retried)))]
pub async fn retry(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, At(id): At<JobId>) -> Reply<Answer> {
    let (core, c) = (app.core.clone(), caller.clone());
    write(&app, &caller, key, "job.retry", &id, 200, async move |tx| {
        graveyard::retry(tx, &core, id, &c).await.map(|()| Retried { id, state: "ready" })
    })
    .await
}

#[derive(Serialize, ToSchema)]
#[schema(as = HouseFigures)]
pub struct Figures {
    jobs: Vec<graveyard::Figures>,
    exceptions: Vec<Ageing>,
    events: EventFigures,
}

#[derive(Serialize, ToSchema)]
pub struct EventFigures {
    /// Of the newest event.
    position: i64,
    /// Events wait for their position.
    unplaced: bool,
    subscriptions: Vec<Lag>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SubscriptionLag)]
pub struct Lag {
    subscription: String,
    /// Events it has still to go through.
    behind: i64,
}

/// How the jobs are doing, by kind, the exceptions, by role, and how far each subscription is behind
/// the newest event.
#[utoipa::path(get, path = "/api/v1/figures", tag = "control", responses((status = 200, body = Figures)))]
pub async fn figures(State(app): State<App>) -> Reply<Json<Value>> {
    let now = app.core.now();
    read(&app, async move |tx| {
        let subscriptions = bus::lags(tx)
            .await?
            .into_iter()
            .map(|(subscription, behind)| Lag { subscription, behind })
            .collect();
        let events = EventFigures {
            position: events::head(tx).await?,
            unplaced: events::any_unplaced(tx).await?,
            subscriptions,
        };
        Ok(Figures {
            jobs: graveyard::figures(tx, now).await?,
            exceptions: exceptions::ageing(tx, now).await?,
            events,
        })
    })
    .await
}

list_query!(Approvals {
    /// `waiting` (without a word), `approved`, `refused`, `cancelled`, `expired`.
    state: ApprovalState as ApprovalState,
});

/// What waits for votes, the oldest first.
#[utoipa::path(get, path = "/api/v1/approvals", tag = "control", params(Approvals), responses((status = 200, body = Page<ApprovalView>)))]
pub async fn approvals_list(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Approvals>) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| {
        approvals::list(tx, &caller, q.state.unwrap_or(ApprovalState::Waiting), &page).await
    })
    .await
}

/// One approval with its votes and what each voter saw.
#[utoipa::path(get, path = "/api/v1/approvals/{id}", tag = "control", responses((status = 200, body = ApprovalView)))]
pub async fn approval(State(app): State<App>, Asker(caller): Asker, At(id): At<ApprovalId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| approvals::get(tx, &caller, id).await).await
}

#[derive(Serialize, ToSchema)]
pub struct Connections {
    servers: Vec<ServerView>,
    psps: Vec<PspConnection>,
}

/// A payment provider's connection.
#[derive(Serialize, ToSchema)]
pub struct PspConnection {
    id: String,
    entity: String,
    provider: String,
    enabled: bool,
    last_ok_at_us: Option<Ts>,
    last_error: Option<String>,
    last_error_at_us: Option<Ts>,
}

/// Trading servers and payment providers: health, feed, last error.
#[utoipa::path(get, path = "/api/v1/connections", tag = "control", responses((status = 200, body = Connections)))]
pub async fn connections_list(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    let platforms = app.platforms.clone();
    read(&app, async move |tx| {
        let servers = servers::list(tx, &caller, &platforms).await?;
        let psps = connections::list(tx, &caller)
            .await?
            .into_iter()
            .map(|c| PspConnection {
                id: c.id,
                entity: c.entity,
                provider: c.provider,
                enabled: c.enabled,
                last_ok_at_us: c.last_ok_at,
                last_error: c.last_error,
                last_error_at_us: c.last_error_at,
            })
            .collect();
        Ok(Connections { servers, psps })
    })
    .await
}

/// What waits for me.
#[derive(Serialize, ToSchema)]
pub struct Home {
    queues: Vec<HomeQueue>,
    /// Notifications not read yet.
    unread: i64,
}

#[derive(Serialize, ToSchema)]
pub struct HomeQueue {
    /// `kyc`, `withdrawals`, `tickets`, `tasks`, or `exceptions.` with a role.
    key: String,
    waiting: i64,
    /// There are more than were counted.
    more: bool,
    overdue: i64,
    oldest_waits_s: Option<i64>,
}

/// Rows a queue is counted through; beyond it says `more`.
const COUNTED: u32 = 200;

/// My queues with their clocks: what waits for me and my role, and for how long.
#[utoipa::path(get, path = "/api/v1/home", tag = "control", responses((status = 200, body = Home)))]
pub async fn home(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    let (core, now) = (app.core.clone(), app.core.now());
    read(&app, async move |tx| {
        let mut queues = Vec::new();
        let staff = caller.staff_id().is_ok();
        let wide = |r: Right| caller.require(r).is_ok_and(|s| matches!(s, Scope::Entity | Scope::All));
        let page = PageRequest::new(Some(COUNTED), None)?;
        if staff && caller.may(Right::KycReview) {
            let f = qd_kyc::figures(tx, &caller, now.plus_days(-1), now).await?;
            queues.push(HomeQueue {
                key: "kyc".into(),
                waiting: f.waiting,
                more: false,
                overdue: f.overdue,
                oldest_waits_s: f.oldest_waits_s,
            });
        }
        if staff && wide(Right::WithdrawalsReview) {
            let q = WithdrawalQuery {
                state: Some(WithdrawalState::Review),
                ..WithdrawalQuery::default()
            };
            let rows = withdrawal::list(tx, &core, &caller, q, &page).await?;
            let clocks = rows
                .items
                .iter()
                .map(|w| (now.secs_since(w.requested_at_us), w.due_at_us.is_some_and(|d| d < now)));
            queues.push(counted("withdrawals".into(), rows.next_cursor.is_some(), clocks));
        }
        if staff && caller.may(Right::ExceptionsView) {
            let open = Filter {
                state: Some(ExceptionState::Open),
                ..Filter::default()
            };
            let open = exceptions::list(tx, &caller, &open, &page).await?;
            let mut by: BTreeMap<&str, Vec<(i64, bool)>> = BTreeMap::new();
            for e in &open.items {
                by.entry(e.owner_role.as_str())
                    .or_default()
                    .push((now.secs_since(e.opened_at), e.due_at < now));
            }
            let more = open.next_cursor.is_some();
            queues.extend(
                by.into_iter()
                    .map(|(role, clocks)| counted(format!("exceptions.{role}"), more, clocks.into_iter())),
            );
        }
        if staff && wide(Right::TicketsWork) {
            let (waiting, overdue, oldest_waits_s) = qd_support::waiting(tx, &caller, now).await?;
            queues.push(HomeQueue {
                key: "tickets".into(),
                waiting,
                more: false,
                overdue,
                oldest_waits_s,
            });
        }
        if staff && caller.may(Right::TasksManage) {
            let due = qd_clients::tasks::agenda(tx, &caller, None, Some(now.plus_days(1)), &page).await?;
            let clocks = due.items.iter().map(|t| (now.secs_since(t.due_at).max(0), t.due_at < now));
            queues.push(counted("tasks".into(), due.next_cursor.is_some(), clocks));
        }
        Ok(Home {
            queues,
            unread: qd_notify::unread(tx, &caller).await?,
        })
    })
    .await
}

/// A queue from the age of each row and whether it is overdue.
fn counted(key: String, more: bool, clocks: impl Iterator<Item = (i64, bool)>) -> HomeQueue {
    let mut q = HomeQueue {
        key,
        waiting: 0,
        more,
        overdue: 0,
        oldest_waits_s: None,
    };
    for (age, overdue) in clocks {
        q.waiting += 1;
        q.overdue += i64::from(overdue);
        q.oldest_waits_s = q.oldest_waits_s.max(Some(age));
    }
    q
}

//! What the house keeps an eye on: exceptions, dead jobs, approvals, connections, the home page.

use crate::kit::{At, Reply, covered, list_query, read, write};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_kernel::PageRequest;
use qd_payments::jobs::connections;
use qd_payments::withdrawal::{self, WithdrawalQuery, WithdrawalState};
use qd_runtime::access::{Right, Scope, StaffId};
use qd_runtime::approvals::{self, ApprovalId, ApprovalState};
use qd_runtime::exceptions::{self, ExceptionId, ExceptionState, Filter};
use qd_runtime::jobs::{JobId, graveyard};
use qd_runtime::{bus, events};
use qd_trading::servers;
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

list_query!(Exceptions {
    /// `open`, `resolved`, `dismissed`.
    state: ExceptionState as String,
    kind: String as String,
    /// `finance`, `compliance`, `ops`, …
    owner_role: String as String,
    owner_id: String as String,
    client_id: String as String,
    /// What it is about: `deposit:dep_…`.
    subject: String as String,
    overdue: bool as bool,
});

/// What a person must look at, the oldest first.
#[utoipa::path(get, path = "/api/v1/exceptions", tag = "control", params(Exceptions), responses((status = 200, body = Value, example = json!({"items": [{"id": "exc_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "kind": "deposit.held", "subject": "deposit:dep_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "owner_role": "finance", "owner_id": null, "cause": "the card holder is somebody else", "state": "open", "repeats": 0, "opened_at": 1_790_000_000_000_000_i64, "due_at": 1_790_003_600_000_000_i64, "retry_job_id": null}], "next_cursor": null}))))]
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
    };
    covered(&app, &caller, async move |tx| exceptions::list(tx, &c, &f, &page).await).await
}

/// One exception with its log.
#[utoipa::path(get, path = "/api/v1/exceptions/{id}", tag = "control", responses((status = 200, body = Value, example = json!({"exception": {"id": "exc_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "kind": "deposit.held", "state": "open"}, "log": [{"at": 1_790_000_000_000_000_i64, "who": "deposit_checks", "what": "raised", "note": "the card holder is somebody else"}]}))))]
pub async fn exception(State(app): State<App>, Asker(caller): Asker, At(id): At<ExceptionId>) -> Reply<Json<Value>> {
    let c = caller.clone();
    covered(&app, &caller, async move |tx| {
        let (e, log) = exceptions::get(tx, &c, id).await?;
        Ok(json!({"exception": e, "log": log}))
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"to": "stf_01JD1Z3Y5K8Q2M4N6P8R0S2T4V"}))]
pub struct Give {
    /// None gives it back to the role's queue.
    #[schema(value_type = Option<String>)]
    to: Option<StaffId>,
}

/// Gives it to a person, or back to the queue.
#[utoipa::path(post, path = "/api/v1/exceptions/{id}/assign", tag = "control", request_body = Give, responses((status = 200, body = Value, example = json!({"id": "exc_01JD1Z3Y5K8Q2M4N6P8R0S2T4V"}))))]
pub async fn assign(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<ExceptionId>,
    Body(req): Body<Give>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "exception.assign", &(id, &req), 200, async move |tx| {
        exceptions::assign(tx, &core, &c, id, r.to).await.map(|()| json!({"id": id}))
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
#[utoipa::path(post, path = "/api/v1/exceptions/{id}/note", tag = "control", request_body = Words, responses((status = 200, body = Value, example = json!({"id": "exc_01JD1Z3Y5K8Q2M4N6P8R0S2T4V"}))))]
pub async fn note(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<ExceptionId>,
    Body(req): Body<Words>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "exception.note", &(id, &req), 200, async move |tx| {
        exceptions::note(tx, &core, &c, id, &r.note).await.map(|()| json!({"id": id}))
    })
    .await
}

/// Closes it as mended.
#[utoipa::path(post, path = "/api/v1/exceptions/{id}/resolve", tag = "control", request_body = Words, responses((status = 200, body = Value, example = json!({"id": "exc_01JD1Z3Y5K8Q2M4N6P8R0S2T4V"}))))]
pub async fn resolve(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<ExceptionId>,
    Body(req): Body<Words>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "exception.resolve", &(id, &req), 200, async move |tx| {
        exceptions::resolve_by(tx, &core, &c, id, &r.note).await.map(|()| json!({"id": id}))
    })
    .await
}

/// Closes it: nothing is wrong.
#[utoipa::path(post, path = "/api/v1/exceptions/{id}/dismiss", tag = "control", request_body = Words, responses((status = 200, body = Value, example = json!({"id": "exc_01JD1Z3Y5K8Q2M4N6P8R0S2T4V"}))))]
pub async fn dismiss(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<ExceptionId>,
    Body(req): Body<Words>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "exception.dismiss", &(id, &req), 200, async move |tx| {
        exceptions::dismiss(tx, &core, &c, id, &r.note).await.map(|()| json!({"id": id}))
    })
    .await
}

list_query!(Jobs { kind: String as String });

/// Jobs whose attempts are used up, the latest first.
#[utoipa::path(get, path = "/api/v1/jobs/dead", tag = "control", params(Jobs), responses((status = 200, body = Value, example = json!({"items": [{"id": "job_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "kind": "deposit.open", "attempts": 25, "problem_code": "provider_call_failed", "problem_detail": "timeout", "created_at": 1_790_000_000_000_000_i64, "died_at": 1_790_000_600_000_000_i64}], "next_cursor": null}))))]
pub async fn dead(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Jobs>) -> Reply<Json<Value>> {
    let page = q.page()?;
    covered(&app, &caller, async move |tx| {
        let mut p = graveyard::list(tx, q.kind.as_deref(), &page).await?;
        // A payload may hold what a reader of jobs must not see (addresses, tokens of a link).
        for j in &mut p.items {
            j.payload = only_ids(&j.payload);
        }
        Ok(p)
    })
    .await
}

/// Of a payload: ids and numbers.
fn only_ids(v: &Value) -> Value {
    match v {
        Value::Object(m) => m
            .iter()
            .filter(|(k, v)| k.ends_with("_id") || v.is_number() || v.is_boolean())
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect(),
        _ => Value::Null,
    }
}

/// Lets a dead job run again. Safe to press twice.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/retry", tag = "control", responses((status = 200, body = Value, example = json!({"id": "job_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "state": "ready"}))))]
pub async fn retry(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, At(id): At<JobId>) -> Reply<Answer> {
    let (core, c) = (app.core.clone(), caller.clone());
    write(&app, &caller, key, "job.retry", &id, 200, async move |tx| {
        graveyard::retry(tx, &core, id, &c)
            .await
            .map(|()| json!({"id": id, "state": "ready"}))
    })
    .await
}

/// How the jobs are doing, by kind, the exceptions, by role, and how far each subscription is behind
/// the newest event.
#[utoipa::path(get, path = "/api/v1/figures", tag = "control", responses((status = 200, body = Value, example = json!({"jobs": [{"kind": "deposit.check", "owner_role": "finance", "ready": 0, "leased": 1, "dead": 0, "lag_secs": 0}], "exceptions": [{"owner_role": "finance", "open": 2, "overdue": 0, "oldest_secs": 840}], "events": {"position": 41_200, "unplaced": false, "subscriptions": [{"subscription": "deposits", "behind": 0}]}}))))]
pub async fn figures(State(app): State<App>) -> Reply<Json<Value>> {
    let now = app.core.now();
    read(&app, async move |tx| {
        let lags: Vec<Value> = bus::lags(tx)
            .await?
            .into_iter()
            .map(|(name, behind)| json!({"subscription": name, "behind": behind}))
            .collect();
        let events = json!({"position": events::head(tx).await?, "unplaced": events::any_unplaced(tx).await?, "subscriptions": lags});
        Ok(json!({"jobs": graveyard::figures(tx, now).await?, "exceptions": exceptions::ageing(tx, now).await?, "events": events}))
    })
    .await
}

list_query!(Approvals {
    /// `waiting` (without a word), `approved`, `refused`, `cancelled`, `expired`.
    state: ApprovalState as String,
});

/// What waits for votes, the oldest first.
#[utoipa::path(get, path = "/api/v1/approvals", tag = "control", params(Approvals), responses((status = 200, body = Value, example = json!({"items": [{"id": "apr_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "subject": "withdrawal:wdr_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "right": "withdrawals.approve", "needed": 2, "given": 1, "amount_minor": 2_000_000, "currency": "EUR", "state": "waiting", "may_vote": true, "votes": [{"voter_label": "Mara Lindqvist", "approve": true, "reason": "", "seen": {}, "at": 1_790_000_000_000_000_i64}]}], "next_cursor": null}))))]
pub async fn approvals_list(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Approvals>) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| {
        approvals::list(tx, &caller, q.state.unwrap_or(ApprovalState::Waiting), &page).await
    })
    .await
}

/// One approval with its votes and what each voter saw.
#[utoipa::path(get, path = "/api/v1/approvals/{id}", tag = "control", responses((status = 200, body = Value, description = "As in the list.")))]
pub async fn approval(State(app): State<App>, Asker(caller): Asker, At(id): At<ApprovalId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| approvals::get(tx, &caller, id).await).await
}

/// Trading servers and payment providers: health, feed, last error.
#[utoipa::path(get, path = "/api/v1/connections", tag = "control", responses((status = 200, body = Value, example = json!({"servers": [{"server": {"id": "eu-live", "entity": "eu", "platform": "mt5", "kind": "live", "last_ok_at": 1_790_000_000_000_000_i64, "last_error": null}, "feed": {"watermark_at": 1_790_000_000_000_000_i64, "deals_total": 41_200, "lag_us": 400_000}}], "psps": [{"id": "stripe-eu", "entity": "eu", "provider": "stripe", "enabled": true, "last_ok_at": 1_790_000_000_000_000_i64, "last_error": null}]}))))]
pub async fn connections_list(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        let servers = servers::list(tx, &caller).await?;
        let psps: Vec<Value> = connections::list(tx, &caller)
            .await?
            .into_iter()
            .map(|c| json!({"id": c.id, "entity": c.entity, "provider": c.provider, "enabled": c.enabled, "last_ok_at": c.last_ok_at, "last_error": c.last_error, "last_error_at": c.last_error_at}))
            .collect();
        Ok(json!({"servers": servers, "psps": psps}))
    })
    .await
}

/// My queues with their clocks: what waits for me and my role, and for how long.
#[utoipa::path(get, path = "/api/v1/home", tag = "control", responses((status = 200, body = Value, example = json!({"queues": [{"key": "kyc", "waiting": 3, "overdue": 0, "oldest_waits_s": 5400}, {"key": "withdrawals", "waiting": 1, "overdue": 0, "oldest_waits_s": 600}, {"key": "exceptions.finance", "waiting": 2, "overdue": 0, "oldest_waits_s": 840}], "unread": 4}))))]
pub async fn home(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    let (core, now) = (app.core.clone(), app.core.now());
    read(&app, async move |tx| {
        let mut queues: Vec<Value> = Vec::new();
        let wide = |r: Right| caller.require(r).is_ok_and(|s| matches!(s, Scope::Entity | Scope::All));
        if caller.staff_id().is_ok() && caller.may(Right::KycReview) {
            let f = qd_kyc::figures(tx, &caller, now.plus_days(-1), now).await?;
            queues.push(json!({"key": "kyc", "waiting": f.waiting, "overdue": f.overdue, "oldest_waits_s": f.oldest_waits_s}));
        }
        if caller.staff_id().is_ok() && wide(Right::WithdrawalsReview) {
            let page = PageRequest::new(Some(200), None)?;
            let q = WithdrawalQuery { state: Some(WithdrawalState::Review), ..WithdrawalQuery::default() };
            let rows = withdrawal::list(tx, &core, &caller, q, &page).await?;
            let overdue = rows.items.iter().filter(|w| w.due_at_us.is_some_and(|d| d < now)).count();
            let oldest = rows.items.iter().map(|w| now.secs_since(w.requested_at_us)).max();
            queues.push(json!({"key": "withdrawals", "waiting": rows.items.len(), "more": rows.next_cursor.is_some(), "overdue": overdue, "oldest_waits_s": oldest}));
        }
        if caller.staff_id().is_ok() && caller.may(Right::ExceptionsView) {
            let page = PageRequest::new(Some(200), None)?;
            let open = exceptions::list(tx, &caller, &Filter { state: Some(ExceptionState::Open), ..Filter::default() }, &page).await?;
            let mut by: std::collections::BTreeMap<&str, (i64, i64, i64)> = std::collections::BTreeMap::new();
            for e in &open.items {
                let b = by.entry(e.owner_role.as_str()).or_default();
                *b = (b.0 + 1, b.1 + i64::from(e.due_at < now), b.2.max(now.secs_since(e.opened_at)));
            }
            queues.extend(by.iter().map(|(role, b)| json!({"key": format!("exceptions.{role}"), "waiting": b.0, "more": open.next_cursor.is_some(), "overdue": b.1, "oldest_waits_s": b.2})));
        }
        if caller.staff_id().is_ok() && caller.may(Right::TasksManage) {
            let page = PageRequest::new(Some(200), None)?;
            let due = qd_clients::tasks::agenda(tx, &caller, None, Some(now.plus_days(1)), &page).await?;
            let overdue = due.items.iter().filter(|t| t.due_at < now).count();
            queues.push(json!({"key": "tasks", "waiting": due.items.len(), "more": due.next_cursor.is_some(), "overdue": overdue, "oldest_waits_s": due.items.iter().map(|t| now.secs_since(t.due_at).max(0)).max()}));
        }
        Ok(json!({"queues": queues, "unread": qd_notify::unread(tx, &caller).await?}))
    })
    .await
}

//! Reports that people read by the week.

use crate::kit::{Reply, read, within};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_kernel::{Amount, PageRequest, Problem, Ts};
use qd_payments::withdrawal::{self, QueueReport, TrialReport};
use qd_runtime::access::Right;
use qd_runtime::audit::{self, AuditFilter};
use qd_runtime::exceptions::{self, ExceptionId, ExceptionState, Filter};
use qd_web::{Asker, Params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Span {
    /// Microseconds since 1970; without a word a week before the end.
    pub from_us: Option<i64>,
    /// Not itself included; without a word now.
    pub until_us: Option<i64>,
}

/// Pages of 200 the report reads at the most; a week with more forced payments has another problem.
const MOST_PAGES: u32 = 20;

#[derive(Serialize, ToSchema)]
pub struct Overrides {
    from_us: Ts,
    until_us: Ts,
    items: Vec<Override>,
    /// False: the span holds more than the report reads.
    complete: bool,
}

/// One payment that somebody forced through.
#[derive(Serialize, ToSchema)]
pub struct Override {
    exception_id: ExceptionId,
    /// `withdrawal:wdr_…`
    object: String,
    client_id: Option<String>,
    entity: Option<String>,
    at_us: Ts,
    by: Option<String>,
    by_id: Option<String>,
    reason: Option<String>,
    #[schema(value_type = Option<Amount>)]
    #[schema(required)]
    amount: Option<Value>,
    /// What stood against it.
    signals: Vec<String>,
    /// What compliance made of it since.
    reviewed: ExceptionState,
    resolution: Option<String>,
}

/// What people forced through against the rules, by default in the last seven days: who, when, the
/// compulsory reason, what stood against it, and what compliance made of it since.
#[utoipa::path(get, path = "/api/v1/reports/overrides", tag = "audit", params(Span), responses((status = 200, body = Overrides)))]
pub async fn overrides(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Span>) -> Reply<Json<Value>> {
    let until = q.until_us.map_or_else(|| app.core.now(), Ts);
    let from = q.from_us.map_or_else(|| until.plus_days(-7), Ts);
    if from >= until {
        return Err(Problem::invalid("from_us", "span_empty", "expected a moment before until_us").into());
    }
    read(&app, async move |tx| {
        let filter = Filter {
            kind: Some("withdrawal.override".into()),
            ..Filter::default()
        };
        let (mut items, mut cursor, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = exceptions::list(tx, &caller, &filter, &PageRequest::new(Some(200), cursor.as_deref())?).await?;
            for e in page.items.into_iter().filter(|e| e.opened_at >= from && e.opened_at < until) {
                let trail = AuditFilter {
                    object: Some(e.subject.clone()),
                    ..AuditFilter::default()
                };
                let rows = audit::search(tx, &caller, &trail, &PageRequest::new(Some(200), None)?).await?.items;
                let forced = rows
                    .iter()
                    .find(|r| r.rule.as_deref() == Some("manual_override") && r.reason.is_some());
                let signals = e.detail["signals"].as_array().into_iter().flatten();
                items.push(Override {
                    at_us: e.opened_at,
                    by: forced.map(|r| r.actor_label.clone()),
                    by_id: e.detail["by"].as_str().map(str::to_string),
                    reason: forced.and_then(|r| r.reason.clone()),
                    amount: forced.and_then(|r| Some(r.after.as_ref()?.get("amount")?.clone())),
                    signals: signals.filter_map(|s| s.as_str().map(str::to_string)).collect(),
                    exception_id: e.id,
                    object: e.subject,
                    client_id: e.client_id,
                    entity: e.entity,
                    reviewed: e.state,
                    resolution: e.resolution,
                });
            }
            pages += 1;
            cursor = page.next_cursor;
            if cursor.is_none() || pages == MOST_PAGES {
                break;
            }
        }
        Ok(Overrides {
            from_us: from,
            until_us: until,
            items,
            complete: cursor.is_none(),
        })
    })
    .await
}

/// How long people take over withdrawals, in the standard and in the high-risk queue apart, and what
/// waits in each; by default of the last seven days.
#[utoipa::path(get, path = "/api/v1/reports/withdrawal-queues", tag = "withdrawals", params(Span), responses((status = 200, body = QueueReport)))]
pub async fn withdrawal_queues(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Span>) -> Reply<Json<Value>> {
    let core = app.core.clone();
    read(&app, async move |tx| {
        within(tx, &caller, Right::WithdrawalsView, None).await?;
        withdrawal::queues(tx, &core, &caller, q.from_us.map(Ts), q.until_us.map(Ts)).await
    })
    .await
}

/// What the rules that are being tried would have decided about withdrawals, beside what was decided; by
/// default of the last seven days.
#[utoipa::path(get, path = "/api/v1/reports/withdrawal-trials", tag = "withdrawals", params(Span), responses((status = 200, body = TrialReport)))]
pub async fn withdrawal_trials(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Span>) -> Reply<Json<Value>> {
    let core = app.core.clone();
    read(&app, async move |tx| {
        within(tx, &caller, Right::WithdrawalsReview, None).await?;
        withdrawal::trials(tx, &core, &caller, q.from_us.map(Ts), q.until_us.map(Ts)).await
    })
    .await
}

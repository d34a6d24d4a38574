//! Reports that people read by the week.

use crate::kit::{Reply, read};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_kernel::{PageRequest, Problem, Ts};
use qd_runtime::audit::{self, AuditFilter};
use qd_runtime::exceptions::{self, Filter};
use qd_web::{Asker, Params};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

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

/// What people forced through against the rules, by default in the last seven days: who, when, the
/// compulsory reason, what stood against it, and what compliance made of it since.
#[utoipa::path(get, path = "/api/v1/reports/overrides", tag = "audit", params(Span), responses((status = 200, body = Value, example = json!({"from_us": 1_789_400_000_000_000_i64, "until_us": 1_790_000_000_000_000_i64, "items": [{"exception_id": "exc_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "object": "withdrawal:wdr_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "client_id": "cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "entity": "eu", "at_us": 1_789_900_000_000_000_i64, "by": "Clara Stein", "by_id": "stf_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "reason": "Client is known to the board.", "amount": {"minor": 600_000, "currency": "EUR"}, "signals": ["over_limit"], "reviewed": "open", "resolution": null}], "complete": true}))))]
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
                items.push(json!({
                    "exception_id": e.id, "object": e.subject, "client_id": e.client_id, "entity": e.entity, "at_us": e.opened_at,
                    "by": forced.map(|r| &r.actor_label), "by_id": e.detail["by"], "reason": forced.and_then(|r| r.reason.as_ref()),
                    "amount": forced.and_then(|r| r.after.as_ref()).map(|a| a["amount"].clone()), "signals": e.detail["signals"],
                    "reviewed": e.state, "resolution": e.resolution,
                }));
            }
            pages += 1;
            cursor = page.next_cursor;
            if cursor.is_none() || pages == MOST_PAGES {
                break;
            }
        }
        Ok(json!({"from_us": from, "until_us": until, "items": items, "complete": cursor.is_none()}))
    })
    .await
}

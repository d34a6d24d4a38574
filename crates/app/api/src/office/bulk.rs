//! One change of many clients, looked at first.

use super::clients::Clients;
use crate::kit::{At, Reply, read, write};
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use qd_app::App;
use qd_clients::ClientId;
use qd_kernel::Problem;
use qd_support::bulk::{self, Action, Ask, BulkId, BulkView, Which};
use qd_web::{Asker, Body, IdempotencyKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"ids": ["cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4V"], "action": {"kind": "assign", "owner_id": "stf_01JD1Z3Y5K8Q2M4N6P8R0S2T4V"}, "reason": "Lena is on leave.", "dry_run": true}))]
pub struct BulkAsk {
    /// The records, at most 5,000. Either these or a filter.
    #[serde(default)]
    ids: Option<Vec<ClientId>>,
    /// The query string of `GET /clients`: all that it finds, at most 5,000.
    #[serde(default)]
    filter: Option<String>,
    action: Action,
    /// Stands in the audit row of each record.
    reason: String,
    /// Changes nothing and answers what would be changed, of the first 200 records.
    #[serde(default)]
    dry_run: bool,
}

impl BulkAsk {
    fn ask(&self) -> Reply<Ask> {
        let which = match (&self.ids, &self.filter) {
            (Some(ids), None) => Which::Ids(ids.clone()),
            (None, Some(f)) => {
                let bad = || Problem::invalid("/filter", "query_malformed", "expected the query string of GET /clients");
                let uri: http::Uri = format!("/?{f}").parse().map_err(|_| bad())?;
                let q = axum::extract::Query::<Clients>::try_from_uri(&uri).map_err(|_| bad())?;
                Which::Filter(Box::new(q.0.filter()))
            }
            _ => return Err(Problem::invalid("/ids", "one_of", "expected exactly one of ids and filter").into()),
        };
        Ok(Ask {
            which,
            action: self.action.clone(),
            reason: self.reason.clone(),
        })
    }
}

/// Assigns, moves, tags or gives a task to many clients at once. Each record is changed with the
/// rights and the audit row of the single change and has its own result; one that fails leaves the
/// others alone. Up to 100 are done with the answer; the rest by a job (202), whose end is told.
#[utoipa::path(post, path = "/api/v1/clients/bulk", tag = "clients", request_body = BulkAsk, responses((status = 200, body = BulkView), (status = 202, body = BulkView, description = "A job goes on; ask `GET /clients/bulk/{id}`.")))]
pub async fn start(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    Body(req): Body<BulkAsk>,
) -> Reply<(StatusCode, Json<BulkView>)> {
    let ask = req.ask()?;
    if req.dry_run {
        let view = bulk::preview(&app.core, &caller, ask).await?;
        return Ok((StatusCode::OK, Json(view)));
    }
    let (core, c, a) = (app.core.clone(), caller.clone(), ask.clone());
    // The run is made once; the same request sent again finds it and answers how it stands.
    let kept = write(&app, &caller, key, "clients.bulk", &req, 200, async move |tx| {
        bulk::begin(tx, &core, &c, &a).await
    })
    .await?;
    let id: BulkId = serde_json::from_value(kept.body).map_err(Problem::from)?;
    bulk::work(&app.core, &caller, id, &ask.action, &ask.reason, bulk::AT_ONCE).await?;
    let view = app.core.db.read(async move |tx| bulk::view(tx, &caller, id).await).await?;
    let status = if view.finished { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(view)))
}

/// How a change of mine stands: what came of each record, the failures first.
#[utoipa::path(get, path = "/api/v1/clients/bulk/{id}", tag = "clients", responses((status = 200, body = BulkView)))]
pub async fn get(State(app): State<App>, Asker(caller): Asker, At(id): At<BulkId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| bulk::view(tx, &caller, id).await).await
}

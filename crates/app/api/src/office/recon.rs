//! Reconciliation: settlement files, breaks, how each connection stands, where all money is.

use crate::kit::{At, Reply, covered, list_query, moment, write};
use crate::schema::Items;
use axum::Json;
use axum::extract::{FromRequestParts, Request, State};
use qd_app::{App, reconciling};
use qd_db::Tx;
use qd_kernel::{Page, Result};
use qd_recon::breaks::{self, BreakFilter, BreakView};
use qd_recon::files::{self, FileView, LineView};
use qd_recon::overview::{self, Standing};
use qd_recon::position::Positions;
use qd_recon::{BreakId, BreakKind, BreakState, Correction, Explanation, LineState, SUBJECT, SettlementFileId};
use qd_runtime::access::Caller;
use qd_web::body::whole;
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};

/// How long a file may take to arrive: 64 MB over an office line.
const UPLOAD_TIME: Duration = Duration::from_secs(600);

#[derive(Clone, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SettlementUpload {
    /// The payment connection whose provider wrote the file.
    connection: String,
    /// What the file was called.
    #[serde(default)]
    #[param(required = false)]
    name: String,
}

/// Loads a provider's settlement file: the body is the file itself, up to 64 MB. It is kept sealed
/// and read in the background; the same content again answers the file that is there.
#[utoipa::path(post, path = "/api/v1/reconciliation/files", tag = "reconciliation", params(SettlementUpload), request_body(content = Vec<u8>, content_type = "application/octet-stream"), responses((status = 201, body = FileView), (status = 413, description = "The file is too large.")))]
pub async fn load(State(app): State<App>, req: Request) -> Reply<Answer> {
    let (mut parts, body) = req.into_parts();
    let Asker(caller) = Asker::from_request_parts(&mut parts, &()).await?;
    let key = IdempotencyKey::from_request_parts(&mut parts, &()).await?;
    let Params(q) = Params::<SettlementUpload>::from_request_parts(&mut parts, &()).await?;
    let bytes = whole(body, files::MAX_BYTES, UPLOAD_TIME).await?;
    let sealed = reconciling::seal(&app, bytes).await?;
    let input = json!({"query": q, "sha256": sealed.sha256()});
    let (a, c) = (app.clone(), caller.clone());
    write(&app, &caller, key, "settlement_file.load", &input, 201, async move |tx| {
        files::load(tx, &a.core, &a.psps, &c, &q.connection, &q.name, &sealed).await
    })
    .await
}

list_query!(SettlementFiles {
    /// A payment connection.
    connection: String as String,
});

/// Settlement files, the newest first, with how far each has been read.
#[utoipa::path(get, path = "/api/v1/reconciliation/files", tag = "reconciliation", params(SettlementFiles), responses((status = 200, body = Page<FileView>)))]
pub async fn file_list(State(app): State<App>, Asker(caller): Asker, Params(q): Params<SettlementFiles>) -> Reply<Json<Value>> {
    let (c, page) = (caller.clone(), q.page()?);
    covered(&app, &caller, async move |tx| {
        files::list(tx, &c, q.connection.as_deref().filter(|c| !c.is_empty()), &page).await
    })
    .await
}

/// One settlement file.
#[utoipa::path(get, path = "/api/v1/reconciliation/files/{id}", tag = "reconciliation", responses((status = 200, body = FileView)))]
pub async fn file(State(app): State<App>, Asker(caller): Asker, At(id): At<SettlementFileId>) -> Reply<Json<Value>> {
    let c = caller.clone();
    covered(&app, &caller, async move |tx| files::get(tx, &c, id).await).await
}

list_query!(SettlementLines {
    state: LineState as LineState,
});

/// The lines of a file in its order, with what each stands against.
#[utoipa::path(get, path = "/api/v1/reconciliation/files/{id}/lines", tag = "reconciliation", params(SettlementLines), responses((status = 200, body = Page<LineView>)))]
pub async fn lines(
    State(app): State<App>,
    Asker(caller): Asker,
    At(id): At<SettlementFileId>,
    Params(q): Params<SettlementLines>,
) -> Reply<Json<Value>> {
    let (c, page) = (caller.clone(), q.page()?);
    covered(&app, &caller, async move |tx| files::lines(tx, &c, id, q.state, &page).await).await
}

list_query!(Breaks {
    state: BreakState as BreakState,
    kind: BreakKind as BreakKind,
    /// A payment connection or a trading server.
    party: String as String,
    file_id: SettlementFileId as SettlementFileId,
});

/// What does not agree, the newest first.
#[utoipa::path(get, path = "/api/v1/reconciliation/breaks", tag = "reconciliation", params(Breaks), responses((status = 200, body = Page<BreakView>)))]
pub async fn break_list(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Breaks>) -> Reply<Json<Value>> {
    let (core, c, page) = (app.core.clone(), caller.clone(), q.page()?);
    let f = BreakFilter {
        entities: None,
        state: q.state,
        kind: q.kind,
        party: q.party.clone().filter(|p| !p.is_empty()),
        file_id: q.file_id,
    };
    covered(&app, &caller, async move |tx| breaks::list(tx, &core, &c, f.clone(), &page).await).await
}

/// One break.
#[utoipa::path(get, path = "/api/v1/reconciliation/breaks/{id}", tag = "reconciliation", responses((status = 200, body = BreakView)))]
pub async fn break_one(State(app): State<App>, Asker(caller): Asker, At(id): At<BreakId>) -> Reply<Json<Value>> {
    let (core, c) = (app.core.clone(), caller.clone());
    covered(&app, &caller, async move |tx| breaks::get(tx, &core, &c, id).await).await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "The client paid 5.00 too much; his bank confirms it.", "correction": {"counter": {"place": "suspense"}}}))]
pub struct Explain {
    reason: String,
    /// Where money has to move: the other end of the correcting entry. A second person decides.
    #[serde(default)]
    correction: Option<Correction>,
}

/// Explains a break. Without a correction it is closed; with one it waits for a second person at
/// `POST /approvals/{approval_id}/decide`, whose yes posts the correcting entry.
#[utoipa::path(post, path = "/api/v1/reconciliation/breaks/{id}/explain", tag = "reconciliation", request_body = Explain, responses((status = 200, body = BreakView)))]
pub async fn explain(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<BreakId>,
    Body(req): Body<Explain>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "reconciliation.explain", &(id, &req), 200, async move |tx| {
        let e = Explanation {
            reason: r.reason.clone(),
            correction: r.correction.clone(),
        };
        qd_recon::explain(tx, &core, &c, id, e).await
    })
    .await
}

/// The second person's yes or no, from the inbox of everything that waits for votes.
pub async fn decide(tx: &mut Tx, app: &App, caller: &Caller, id: BreakId, approve: bool, reason: &str) -> Result<()> {
    let seen = match breaks::get(tx, &app.core, caller, id).await {
        Ok(b) => serde_json::to_value(b)?,
        Err(_) => json!({ SUBJECT: id }),
    };
    qd_recon::decide(tx, &app.core, caller, id, approve, reason, seen).await.map(|_| ())
}

/// How each connection and trading server stands, by currency: what waits for its line, what does
/// not agree, how old it is, and how much of the budget of amount times age is used.
#[utoipa::path(get, path = "/api/v1/reconciliation/overview", tag = "reconciliation", responses((status = 200, body = Items<Standing>)))]
pub async fn standings(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    let (core, c) = (app.core.clone(), caller.clone());
    covered(&app, &caller, async move |tx| {
        Ok(Items {
            items: overview::standings(tx, &core, &c).await?,
        })
    })
    .await
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AsOf {
    /// The end of a day (`2026-03-31`) or a moment (microseconds since 1970), both UTC; now without it.
    #[serde(default)]
    as_of: Option<String>,
}

/// Where all client money is, by entity and currency: every unit at exactly one named place, and
/// the check that all of it together is zero.
#[utoipa::path(get, path = "/api/v1/reconciliation/position", tag = "reconciliation", params(AsOf), responses((status = 200, body = Positions)))]
pub async fn position(State(app): State<App>, Asker(caller): Asker, Params(q): Params<AsOf>) -> Reply<Json<Value>> {
    let as_of = match q.as_of.as_deref().filter(|t| !t.is_empty()) {
        Some(t) => Some(moment("as_of", t)?),
        None => None,
    };
    let v = serde_json::to_value(reconciling::position(&app, &caller, as_of).await?).map_err(qd_kernel::Problem::from)?;
    Ok(Json(qd_runtime::access::mask::cover(&caller, &v)))
}

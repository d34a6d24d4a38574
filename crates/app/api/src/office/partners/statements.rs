//! Closed statements.

use crate::kit::{At, Paged, Reply, read, write};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use qd_app::App;
use qd_kernel::{Currency, Page, Ts};
use qd_partners::statements::Statement;
use qd_partners::{PartnerId, StatementId, statements};
use qd_runtime::access::Caller;
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// A partner's statements, the newest first.
#[utoipa::path(get, path = "/api/v1/partners/{id}/statements", tag = "partners", params(Paged), responses((status = 200, body = Page<Statement>)))]
pub async fn statement_list(
    State(app): State<App>,
    Asker(caller): Asker,
    At(id): At<PartnerId>,
    Params(q): Params<Paged>,
) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| statements::list(tx, &caller, id, &page).await).await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"currency": "EUR", "to_us": 1_790_000_000_000_000_i64}))]
pub struct Close {
    currency: Currency,
    /// The end of the period, not included.
    to_us: i64,
}

/// Closes a partner's period: frozen, with its SHA-256. What comes later is in the next one.
#[utoipa::path(post, path = "/api/v1/partners/{id}/statements", tag = "partners", request_body = Close, responses((status = 201, body = Statement)))]
pub async fn close(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<PartnerId>,
    Body(req): Body<Close>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "statement.close", &(id, &req), 201, async move |tx| {
        statements::close(tx, &core, &c, id, r.currency, Ts(r.to_us)).await
    })
    .await
}

#[derive(Serialize, ToSchema)]
pub struct ClosedStatement {
    pub(crate) statement: Statement,
    /// JSON as text, to the byte what the hash was made of.
    pub(crate) content: String,
}

/// One statement with its frozen content, to the byte.
#[utoipa::path(get, path = "/api/v1/statements/{id}", tag = "partners", responses((status = 200, body = ClosedStatement)))]
pub async fn statement(State(app): State<App>, Asker(caller): Asker, At(id): At<StatementId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        let (s, content) = statements::get(tx, &caller, id).await?;
        Ok(ClosedStatement { statement: s, content })
    })
    .await
}

pub(crate) async fn csv_of(app: &App, caller: Caller, id: StatementId) -> Reply<Response> {
    let (_, content) = app.core.db.read(async move |tx| statements::get(tx, &caller, id).await).await?;
    let mut r = statements::csv(&content)?.into_response();
    r.headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    r.headers_mut().insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_static("attachment; filename=\"statement.csv\""),
    );
    Ok(r)
}

/// A statement's lines as CSV.
#[utoipa::path(get, path = "/api/v1/statements/{id}/csv", tag = "partners", responses((status = 200, content_type = "text/csv", body = String)))]
pub async fn statement_csv(State(app): State<App>, Asker(caller): Asker, At(id): At<StatementId>) -> Reply<Response> {
    csv_of(&app, caller, id).await
}

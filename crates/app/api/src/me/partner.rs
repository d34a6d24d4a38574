//! A client who is a partner too.

use crate::kit::{At, Paged, Reply, read, write};
use crate::office::partners::{AddLink, Lines, Span, csv_of};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use qd_app::App;
use qd_kernel::Currency;
use qd_partners::reading::{self, LineFilter};
use qd_partners::{StatementId, clicks, partner, payouts, statements, tree};
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// What I earn as a partner, live: clients, money by currency, days.
#[utoipa::path(get, path = "/api/v1/me/partner", tag = "me", params(Span), responses((status = 200, body = Value, example = json!({"partner": {"id": "par_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "name": "Nordlicht", "state": "active"}, "summary": {"clients": 3, "money": [{"currency": "EUR", "earned_minor": 41_200, "paid_minor": 30_000, "payable_minor": 11_200, "available_minor": 11_200}], "days": []}}))))]
pub async fn get(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Span>) -> Reply<Json<Value>> {
    let (from, to) = q.times(app.core.now());
    read(&app, async move |tx| {
        Ok(json!({"partner": partner::mine(tx, &caller).await?, "summary": reading::my_summary(tx, &caller, from, to).await?}))
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Nordlicht", "currency": "EUR"}))]
pub struct Apply {
    name: String,
    #[schema(value_type = String)]
    currency: Currency,
}

/// Asks to become a partner.
#[utoipa::path(post, path = "/api/v1/me/partner", tag = "me", request_body = Apply, responses((status = 201, body = Value, example = json!({"id": "par_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "state": "applied"}))))]
pub async fn apply(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, Body(req): Body<Apply>) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "partner.apply", &req, 201, async move |tx| {
        partner::apply(tx, &core, &c, &r.name, r.currency).await
    })
    .await
}

/// My links with clicks and clients.
#[utoipa::path(get, path = "/api/v1/me/partner/links", tag = "me", responses((status = 200, body = Value, example = json!({"items": [{"code": "NORD24", "landing": "/de/start", "active": true, "clicks": 41, "clients": 3}]}))))]
pub async fn links(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    read(&app, async move |tx| Ok(json!({"items": clicks::my_links(tx, &caller).await?}))).await
}

/// Makes a link.
#[utoipa::path(post, path = "/api/v1/me/partner/links", tag = "me", request_body = AddLink, responses((status = 201, body = Value, example = json!({"code": "NORD24"}))))]
pub async fn add_link(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, Body(req): Body<AddLink>) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "me.link", &req, 201, async move |tx| {
        clicks::create_my_link(tx, &core, &c, r.clone().into()).await
    })
    .await
}

/// Partners below me.
#[utoipa::path(get, path = "/api/v1/me/partner/tree", tag = "me", responses((status = 200, body = Value, example = json!({"items": [{"id": "par_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "parent": null, "name": "Nordlicht", "state": "active", "level": 0}]}))))]
pub async fn tree(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    let core = app.core.clone();
    read(&app, async move |tx| {
        Ok(json!({"items": tree::below_me(tx, &core, &caller).await?}))
    })
    .await
}

/// My clients, by pseudonym, with what they trade.
#[utoipa::path(get, path = "/api/v1/me/partner/clients", tag = "me", params(Paged), responses((status = 200, body = Value, example = json!({"items": [{"client_id": "cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "since": 1_790_000_000_000_000_i64, "state": "active", "lots": 120_000_000, "deals": 4}], "next_cursor": null}))))]
pub async fn clients(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Paged>) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| reading::my_clients(tx, &caller, &page).await).await
}

/// My commission lines, the newest first, each with its explanation.
#[utoipa::path(get, path = "/api/v1/me/partner/lines", tag = "me", params(Lines), responses((status = 200, body = Value, description = "As `GET /commission-lines`.")))]
pub async fn lines(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Lines>) -> Reply<Json<Value>> {
    let page = q.page()?;
    let f = LineFilter {
        partner_id: None,
        ..q.filter()?
    };
    read(&app, async move |tx| reading::my_lines(tx, &caller, f.clone(), &page).await).await
}

/// My statements, the newest first.
#[utoipa::path(get, path = "/api/v1/me/partner/statements", tag = "me", params(Paged), responses((status = 200, body = Value, description = "As `GET /partners/{id}/statements`.")))]
pub async fn statements(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Paged>) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| statements::my_list(tx, &caller, &page).await).await
}

/// One of my statements with its frozen content.
#[utoipa::path(get, path = "/api/v1/me/partner/statements/{id}", tag = "me", responses((status = 200, body = Value, description = "As `GET /statements/{id}`.")))]
pub async fn statement(State(app): State<App>, Asker(caller): Asker, At(id): At<StatementId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        let (s, content) = statements::get(tx, &caller, id).await?;
        Ok(json!({"statement": s, "content": content}))
    })
    .await
}

/// One of my statements as CSV.
#[utoipa::path(get, path = "/api/v1/me/partner/statements/{id}/csv", tag = "me", responses((status = 200, content_type = "text/csv", body = String)))]
pub async fn statement_csv(State(app): State<App>, Asker(caller): Asker, At(id): At<StatementId>) -> Reply<Response> {
    csv_of(&app, caller, id).await
}

/// My payouts, the newest first.
#[utoipa::path(get, path = "/api/v1/me/partner/payouts", tag = "me", params(Paged), responses((status = 200, body = Value, description = "As `GET /partners/{id}/payouts`.")))]
pub async fn payouts(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Paged>) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| payouts::my_list(tx, &caller, &page).await).await
}

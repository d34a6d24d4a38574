//! A client's questions to the house.

use crate::kit::{At, Paged, Reply, read, write};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_app::tickets;
use qd_clients::ClientId;
use qd_kernel::{Page, Problem};
use qd_support::{Category, MyTicket, MyTicketRow, NewTicket, TicketId};
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// My tickets, the newest first.
#[utoipa::path(get, path = "/api/v1/me/tickets", tag = "me", params(Paged), responses((status = 200, body = Page<MyTicketRow>)))]
pub async fn list(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Paged>) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| qd_support::mine(tx, &caller, &page).await).await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"subject": "Where is my deposit?", "category": "deposit", "about": "dep_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "body": "I paid an hour ago."}))]
pub struct OpenTicket {
    subject: String,
    category: Category,
    /// The record it is about: a deposit, withdrawal, transfer or account of mine.
    #[serde(default)]
    about: Option<String>,
    body: String,
}

/// Asks a question. The answer comes here and by mail.
#[utoipa::path(post, path = "/api/v1/me/tickets", tag = "me", request_body = OpenTicket, responses((status = 201, body = MyTicket)))]
pub async fn open(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, Body(req): Body<OpenTicket>) -> Reply<Answer> {
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "me.ticket", &req, 201, async move |tx| {
        tickets::check_about(&a, tx, ClientId::parse(&c.client_id()?)?, r.about.as_deref()).await?;
        let n = NewTicket {
            subject: r.subject.clone(),
            category: r.category,
            about: r.about.clone(),
            body: r.body.clone(),
            priority: None,
        };
        let t = qd_support::open(tx, &a.core, &c, n).await?;
        qd_support::my_ticket(tx, &a.core, &c, t.id).await
    })
    .await
}

/// One of my tickets, with what was said. Looking at it makes it read.
#[utoipa::path(get, path = "/api/v1/me/tickets/{id}", tag = "me", responses((status = 200, body = MyTicket)))]
pub async fn get(State(app): State<App>, Asker(caller): Asker, At(id): At<TicketId>) -> Reply<Json<Value>> {
    let core = app.core.clone();
    let t = app
        .core
        .db
        .write(async move |tx| qd_support::my_ticket(tx, &core, &caller, id).await)
        .await?;
    Ok(Json(serde_json::to_value(t).map_err(Problem::from)?))
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"body": "It has arrived, thank you."}))]
pub struct WriteTicket {
    body: String,
}

/// Writes in a ticket. A solved one is taken up again; a closed one refuses.
#[utoipa::path(post, path = "/api/v1/me/tickets/{id}/messages", tag = "me", request_body = WriteTicket, responses((status = 201, body = MyTicket)))]
pub async fn message(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<TicketId>,
    Body(req): Body<WriteTicket>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "me.ticket_message", &(id, &req), 201, async move |tx| {
        qd_support::client_reply(tx, &core, &c, id, &r.body).await?;
        qd_support::my_ticket(tx, &core, &c, id).await
    })
    .await
}

/// Says that it is settled.
#[utoipa::path(post, path = "/api/v1/me/tickets/{id}/solved", tag = "me", responses((status = 200, body = MyTicket)))]
pub async fn solved(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, At(id): At<TicketId>) -> Reply<Answer> {
    let (core, c) = (app.core.clone(), caller.clone());
    write(&app, &caller, key, "me.ticket_solved", &id, 200, async move |tx| {
        qd_support::client_solved(tx, &core, &c, id).await?;
        qd_support::my_ticket(tx, &core, &c, id).await
    })
    .await
}

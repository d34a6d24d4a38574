//! `/control/{provider}/{connection}`: what customers, banks and the provider's own people would do.

use super::{Desk, Fields, Outcome, deliver};
use crate::control::{Answer, ok, read};
use crate::stripe::form;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use qd_kernel::{Problem, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn router(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/{connection}/pay", post(pay))
        .route("/{connection}/resend", post(resend))
        .route("/{connection}/events", get(events))
        .route("/{connection}/settlement", get(settlement))
        .route("/{connection}/{*what}", post(other))
        .with_state(desk)
}

type At = State<Arc<Desk>>;

fn account<'a>(desk: &'a Desk, connection: &str) -> Result<&'a Arc<super::Account>> {
    desk.account(connection).ok_or_else(|| Problem::missing("connection"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pay {
    /// The provider's id of the payment, or ours.
    r#ref: String,
    /// `pay`, `decline`, `abandon`, `later`.
    #[serde(default = "pay_word")]
    outcome: String,
}

fn pay_word() -> String {
    "pay".into()
}

async fn pay(State(desk): At, Path(connection): Path<String>, body: Bytes) -> Answer {
    let order: Pay = read(&body)?;
    let outcome = Outcome::parse(&order.outcome)?;
    let paid = account(&desk, &connection)?.run(&desk.shared, |op| {
        let id = desk.rail.payment(op, &order.r#ref).ok_or_else(|| Problem::missing("payment"))?;
        desk.rail.pay(op, &id, outcome)
    })?;
    ok(json!({"payment": paid.object, "go": paid.go}))
}

async fn other(State(desk): At, Path((connection, what)): Path<(String, String)>, body: Bytes) -> Answer {
    let order: Value = read(&body)?;
    let parts: Vec<&str> = what.split('/').filter(|s| !s.is_empty()).collect();
    ok(account(&desk, &connection)?.run(&desk.shared, |op| desk.rail.control(op, &parts, &order))?)
}

async fn settlement(State(desk): At, Path(connection): Path<String>, uri: Uri) -> Answer {
    let query = form::pairs(uri.query().unwrap_or_default()).into_iter().collect();
    let reply = account(&desk, &connection)?.run_quietly(&desk.shared, |op| desk.rail.settlement(op, &query))?;
    Ok(reply.into_response())
}

/// Newest first, with what is still to be delivered.
async fn events(State(desk): At, Path(connection): Path<String>) -> Answer {
    ok(account(&desk, &connection)?.run_quietly(&desk.shared, |op| {
        let all: Vec<Value> = op
            .rows(deliver::NOTICES)
            .rev()
            .take(1_000)
            .map(|(id, n)| json!({"id": id, "type": n["kind"], "created_us": n["created"], "undelivered": n["undelivered"], "object": n["object"]}))
            .collect();
        let open: Vec<Value> = op
            .rows(deliver::DELIVERIES)
            .map(|(id, d)| json!({"id": id, "event": d["notice"], "attempt": d["attempt"], "next_at_us": d["next"], "last_status": d["last_status"], "held": d["held"]}))
            .collect();
        json!({"events": all, "deliveries": open})
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resend {
    event: String,
    #[serde(default = "one")]
    times: u32,
    #[serde(default)]
    concurrent: bool,
}

fn one() -> u32 {
    1
}

/// The same callback `times` times, all at once when `concurrent`; the statuses that came back.
async fn resend(State(desk): At, Path(connection): Path<String>, body: Bytes) -> Answer {
    let o: Resend = read(&body)?;
    if !(1..=200).contains(&o.times) {
        return Err(Problem::invalid("times", "times_out_of_range", "expected 1 to 200").into());
    }
    let post = account(&desk, &connection)?.run_quietly(&desk.shared, |op| {
        let n = op.get(deliver::NOTICES, &o.event).cloned()?;
        Some((deliver::address(op, n.text("url")), desk.rail.post(op, &n, false)))
    });
    let (url, post) = post.ok_or_else(|| Problem::missing("event"))?;
    let send = || async { deliver::send(&desk.http, &url, &post).await.map(|(status, _)| status) };
    let mut statuses = Vec::new();
    if o.concurrent {
        statuses = futures_util::future::join_all((0..o.times).map(|_| send())).await;
    } else {
        for _ in 0..o.times {
            statuses.push(send().await);
        }
    }
    ok(json!({"event": o.event, "statuses": statuses}))
}

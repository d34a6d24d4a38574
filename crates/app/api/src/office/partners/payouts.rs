//! Payouts: prepared by one, released by another.

use super::super::deposits::Reason;
use crate::kit::{At, Paged, Reply, read, write};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_kernel::{Amount, Page};
use qd_partners::payouts::Payout;
use qd_partners::{PartnerId, PayoutId, payouts};
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// A partner's payouts, the newest first.
#[utoipa::path(get, path = "/api/v1/partners/{id}/payouts", tag = "partners", params(Paged), responses((status = 200, body = Page<Payout>)))]
pub async fn payout_list(
    State(app): State<App>,
    Asker(caller): Asker,
    At(id): At<PartnerId>,
    Params(q): Params<Paged>,
) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| payouts::list(tx, &caller, id, &page).await).await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"amount": {"minor": 30_000, "currency": "EUR"}}))]
pub struct Prepare {
    amount: Amount,
}

/// Prepares a payout; somebody else releases it.
#[utoipa::path(post, path = "/api/v1/partners/{id}/payouts", tag = "partners", request_body = Prepare, responses((status = 201, body = Payout)))]
pub async fn prepare(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<PartnerId>,
    Body(req): Body<Prepare>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "payout.prepare", &(id, &req), 201, async move |tx| {
        payouts::prepare(tx, &core, &c, id, r.amount).await
    })
    .await
}

/// One payout.
#[utoipa::path(get, path = "/api/v1/payouts/{id}", tag = "partners", responses((status = 200, body = Payout)))]
pub async fn payout(State(app): State<App>, Asker(caller): Asker, At(id): At<PayoutId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| payouts::get(tx, &caller, id).await).await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"approve": true, "reason": ""}))]
pub struct DecidePayout {
    approve: bool,
    #[serde(default)]
    reason: String,
}

/// Releases or refuses a payout that somebody else prepared. Needs a fresh proof.
#[utoipa::path(post, path = "/api/v1/payouts/{id}/decide", tag = "partners", request_body = DecidePayout, responses((status = 200, body = Payout)))]
pub async fn decide(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<PayoutId>,
    Body(req): Body<DecidePayout>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "payout.decide", &(id, &req), 200, async move |tx| {
        let seen = match payouts::get(tx, &c, id).await {
            Ok(p) => serde_json::to_value(p)?,
            Err(_) => json!({"payout": id}),
        };
        payouts::decide(tx, &core, &c, id, r.approve, &r.reason, seen).await
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"connection": "stripe-eu", "reference": "SEPA 2026-11-20/0042"}))]
pub struct PaidBy {
    /// The bank or provider connection it was paid from.
    connection: String,
    reference: String,
}

/// Says that a released payout was paid by bank transfer. Needs a fresh proof.
#[utoipa::path(post, path = "/api/v1/payouts/{id}/paid", tag = "partners", request_body = PaidBy, responses((status = 200, body = Payout)))]
pub async fn paid(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<PayoutId>,
    Body(req): Body<PaidBy>,
) -> Reply<Answer> {
    caller.require_step_up(app.core.now())?;
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "payout.paid", &(id, &req), 200, async move |tx| {
        payouts::mark_paid(tx, &core, &c, id, &r.connection, &r.reference).await
    })
    .await
}

/// Says that a paid payout came back. Needs a fresh proof.
#[utoipa::path(post, path = "/api/v1/payouts/{id}/returned", tag = "partners", request_body = Reason, responses((status = 200, body = Payout)))]
pub async fn returned(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<PayoutId>,
    Body(req): Body<Reason>,
) -> Reply<Answer> {
    caller.require_step_up(app.core.now())?;
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "payout.returned", &(id, &req), 200, async move |tx| {
        payouts::mark_returned(tx, &core, &c, id, &r.reason).await
    })
    .await
}

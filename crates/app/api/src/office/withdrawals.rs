//! Withdrawals: the queue, the decision, the payout.

use super::deposits::Reason;
use crate::kit::{At, At2, Reply, covered, list_query, within, write};
use crate::schema::Items;
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_kernel::Page;
use qd_payments::WithdrawalId;
use qd_payments::withdrawal::{self, PlanView, SplitPart, WithdrawalQuery, WithdrawalState, WithdrawalView};
use qd_runtime::access::Right;
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

list_query!(Withdrawals {
    client_id: String as String,
    state: WithdrawalState as WithdrawalState,
    /// `finance` or `compliance`: whose turn it is.
    desk: String as String,
    /// Only those I have taken.
    mine: bool as bool,
    /// Only those that wait for people longer than they should.
    overdue: bool as bool,
});

/// Withdrawals, the newest first.
#[utoipa::path(get, path = "/api/v1/withdrawals", tag = "withdrawals", params(Withdrawals), responses((status = 200, body = Page<WithdrawalView>)))]
pub async fn list(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Withdrawals>) -> Reply<Json<Value>> {
    let (core, c, page) = (app.core.clone(), caller.clone(), q.page()?);
    covered(&app, &caller, async move |tx| {
        within(tx, &c, Right::WithdrawalsView, q.client_id.as_deref()).await?;
        let mut page = withdrawal::list(
            tx,
            &core,
            &c,
            WithdrawalQuery {
                client_id: q.client_id.clone(),
                state: q.state,
                desk: q.desk.clone(),
                mine: q.mine.unwrap_or(false),
                overdue: q.overdue.unwrap_or(false),
            },
            &page,
        )
        .await?;
        for w in &mut page.items {
            w.checks = withdrawal::checks(tx, &c, w).await?;
        }
        Ok(page)
    })
    .await
}

/// One withdrawal with its steps, legs and signals.
#[utoipa::path(get, path = "/api/v1/withdrawals/{id}", tag = "withdrawals", responses((status = 200, body = WithdrawalView)))]
pub async fn get(State(app): State<App>, Asker(caller): Asker, At(id): At<WithdrawalId>) -> Reply<Json<Value>> {
    let (core, c) = (app.core.clone(), caller.clone());
    covered(&app, &caller, async move |tx| {
        let mut w = withdrawal::get(tx, &core, &c, id).await?;
        within(tx, &c, Right::WithdrawalsView, Some(&w.client_id)).await?;
        w.checks = withdrawal::checks(tx, &c, &w).await?;
        Ok(w)
    })
    .await
}

/// How the money would go back to where it came from.
#[utoipa::path(get, path = "/api/v1/withdrawals/{id}/plan", tag = "withdrawals", responses((status = 200, body = Items<PlanView>)))]
pub async fn plan(State(app): State<App>, Asker(caller): Asker, At(id): At<WithdrawalId>) -> Reply<Json<Value>> {
    let c = caller.clone();
    covered(&app, &caller, async move |tx| {
        Ok(Items {
            items: withdrawal::plan(tx, &c, id).await?,
        })
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SplitWithdrawal, example = json!({"parts": [{"deposit_id": "dep_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "minor": 30_000}, {"minor": 10_000}], "reason": "The card has expired; the bank asks for a transfer."}))]
pub struct Split {
    /// Empty: as the entity's order says.
    parts: Vec<SplitPart>,
    reason: String,
}

/// Changes how it goes back, before it is sent: all of it, and to no source more than came from it. Needs
/// a fresh proof.
#[utoipa::path(post, path = "/api/v1/withdrawals/{id}/split", tag = "withdrawals", request_body = Split, responses((status = 200, body = Items<PlanView>)))]
pub async fn split(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<WithdrawalId>,
    Body(req): Body<Split>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    caller.require_step_up(app.core.now())?;
    write(&app, &caller, key, "withdrawal.split", &(id, &req), 200, async move |tx| {
        Ok(Items {
            items: withdrawal::split(tx, &core, &c, id, &r.parts, &r.reason).await?,
        })
    })
    .await
}

/// Takes a case from the queue; a second person is told whose it is.
#[utoipa::path(post, path = "/api/v1/withdrawals/{id}/claim", tag = "withdrawals", responses((status = 200, body = WithdrawalView)))]
pub async fn claim(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, At(id): At<WithdrawalId>) -> Reply<Answer> {
    let (core, c) = (app.core.clone(), caller.clone());
    write(&app, &caller, key, "withdrawal.claim", &id, 200, async move |tx| {
        withdrawal::claim(tx, &core, &c, id, true).await
    })
    .await
}

/// Puts it back into the queue.
#[utoipa::path(post, path = "/api/v1/withdrawals/{id}/release", tag = "withdrawals", responses((status = 200, body = WithdrawalView)))]
pub async fn release(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, At(id): At<WithdrawalId>) -> Reply<Answer> {
    let (core, c) = (app.core.clone(), caller.clone());
    write(&app, &caller, key, "withdrawal.release", &id, 200, async move |tx| {
        withdrawal::claim(tx, &core, &c, id, false).await
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"desk": "compliance", "comment": "Third device this month; please look at the source of funds."}))]
pub struct HandOver {
    /// `finance` or `compliance`.
    desk: String,
    comment: String,
}

/// Hands a case over between finance and compliance.
#[utoipa::path(post, path = "/api/v1/withdrawals/{id}/hand-over", tag = "withdrawals", request_body = HandOver, responses((status = 200, body = WithdrawalView)))]
pub async fn hand_over(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<WithdrawalId>,
    Body(req): Body<HandOver>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "withdrawal.hand_over", &(id, &req), 200, async move |tx| {
        withdrawal::hand_over(tx, &core, &c, id, &r.desk, &r.comment).await
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "Known device after all; client called back."}))]
pub struct Approve {
    #[serde(default)]
    reason: Option<String>,
}

/// One person's yes, with a fresh proof. The last one needed sends it on its way; the same person
/// twice is `409 approval_same_person`.
#[utoipa::path(post, path = "/api/v1/withdrawals/{id}/approve", tag = "withdrawals", request_body = Approve, responses((status = 200, body = WithdrawalView)))]
pub async fn approve(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<WithdrawalId>,
    Body(req): Body<Approve>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "withdrawal.approve", &(id, &req), 200, async move |tx| {
        withdrawal::approve(tx, &core, &c, id, r.reason.clone()).await
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason_code": "source_unclear", "reason": "No answer about the source of the last deposit."}))]
pub struct Reject {
    /// What the client is told, by code.
    reason_code: String,
    reason: String,
}

/// A person's no; the money is usable in the wallet again.
#[utoipa::path(post, path = "/api/v1/withdrawals/{id}/reject", tag = "withdrawals", request_body = Reject, responses((status = 200, body = WithdrawalView)))]
pub async fn reject(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<WithdrawalId>,
    Body(req): Body<Reject>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "withdrawal.reject", &(id, &req), 200, async move |tx| {
        withdrawal::reject(tx, &core, &c, id, &r.reason_code, &r.reason).await
    })
    .await
}

/// Forces it through against the rules. The reason is compulsory and stands in the exceptions.
/// Needs a fresh proof.
#[utoipa::path(post, path = "/api/v1/withdrawals/{id}/override", tag = "withdrawals", request_body = Reason, responses((status = 200, body = WithdrawalView)))]
pub async fn force(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<WithdrawalId>,
    Body(req): Body<Reason>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    caller.require_step_up(app.core.now())?;
    write(&app, &caller, key, "withdrawal.override", &(id, &req), 200, async move |tx| {
        withdrawal::override_approve(tx, &core, &c, id, &r.reason).await
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"paid": true, "reference": "SEPA 2026-11-20/0041"}))]
pub struct BankLeg {
    /// False: it came back or could not be sent.
    paid: bool,
    /// Of the bank.
    reference: String,
}

/// Says what became of a part that is paid by bank transfer. Needs a fresh proof.
#[utoipa::path(post, path = "/api/v1/withdrawals/{id}/legs/{n}", tag = "withdrawals", request_body = BankLeg, responses((status = 200, body = WithdrawalView)))]
pub async fn bank_leg(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At2(id, n): At2<WithdrawalId, i64>,
    Body(req): Body<BankLeg>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    caller.require_step_up(app.core.now())?;
    write(&app, &caller, key, "withdrawal.bank_leg", &(id, n, &req), 200, async move |tx| {
        withdrawal::mark_bank_leg(tx, &core, &c, id, n, r.paid, &r.reference).await
    })
    .await
}

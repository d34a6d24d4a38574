//! Withdrawals: the queue, the decision, the payout.

use super::deposits::Reason;
use crate::kit::{At, At2, Reply, covered, list_query, within, write};
use crate::schema::{PageOf, Withdrawal};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_db::Tx;
use qd_kernel::{Amount, Result};
use qd_ledger::{AccountKey, Purpose};
use qd_payments::WithdrawalId;
use qd_payments::withdrawal::{self, WithdrawalQuery, WithdrawalState, WithdrawalView};
use qd_runtime::access::{Caller, Right};
use qd_runtime::audit;
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

list_query!(Withdrawals {
    client_id: String as String,
    state: WithdrawalState as String,
    /// `finance` or `compliance`: whose turn it is.
    desk: String as String,
});

/// What a reviewer looks at first (PM-09): the funds now, and age of the verification, source, device
/// and trading as the rules were told. Only for who reviews, and only while somebody has to.
async fn with_checks(tx: &mut Tx, caller: &Caller, w: WithdrawalView) -> Result<Value> {
    let waits = w.state == WithdrawalState::Review && caller.may(Right::WithdrawalsReview);
    let (subject, owner, amount) = (format!("withdrawal:{}", w.id), format!("client:{}", w.client_id), w.amount);
    let mut v = serde_json::to_value(w)?;
    v["checks"] = Value::Null;
    if waits {
        let told = audit::decisions_of(tx, caller, &subject)
            .await?
            .into_iter()
            .filter(|d| d.kind == "withdrawal.rules")
            .max_by_key(|d| d.at);
        let wallet = qd_ledger::balance(tx, &AccountKey::new(owner, Purpose::Wallet, amount.currency)).await?;
        let facts = told.as_ref().map(|d| d.inputs["facts"].clone()).unwrap_or_default();
        v["checks"] = json!({
            "at_us": told.map(|d| d.at),
            "funds": {
                // The hold of this request is in the wallet's balance, and nothing else may use it.
                "enough": wallet.balance_minor >= amount.minor && wallet.held_minor >= amount.minor,
                "balance": Amount::new(wallet.balance_minor, amount.currency), "held": Amount::new(wallet.held_minor, amount.currency),
                "share_of_balance_pct": facts["withdrawal"]["share_of_balance_pct"],
            },
            "kyc": {"verified": facts["client"]["verified"], "age_days": facts["client"]["kyc_age_days"]},
            "source": {"same_source": facts["withdrawal"]["same_source"], "method": facts["withdrawal"]["method"]},
            "device": facts["device"], "changes": facts["changes"], "disputes": facts["deposits"]["disputes"], "deals": facts["trading"]["deals"],
        });
    }
    Ok(v)
}

/// Withdrawals, the newest first.
#[utoipa::path(get, path = "/api/v1/withdrawals", tag = "withdrawals", params(Withdrawals), responses((status = 200, body = PageOf<Withdrawal>)))]
pub async fn list(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Withdrawals>) -> Reply<Json<Value>> {
    let (core, c, page) = (app.core.clone(), caller.clone(), q.page()?);
    covered(&app, &caller, async move |tx| {
        within(tx, &c, Right::WithdrawalsView, q.client_id.as_deref()).await?;
        let page = withdrawal::list(
            tx,
            &core,
            &c,
            WithdrawalQuery {
                client_id: q.client_id.clone(),
                state: q.state,
                desk: q.desk.clone(),
            },
            &page,
        )
        .await?;
        let mut items = Vec::with_capacity(page.items.len());
        for w in page.items {
            items.push(with_checks(tx, &c, w).await?);
        }
        Ok(json!({"items": items, "next_cursor": page.next_cursor}))
    })
    .await
}

/// One withdrawal with its steps, legs and signals.
#[utoipa::path(get, path = "/api/v1/withdrawals/{id}", tag = "withdrawals", responses((status = 200, body = Withdrawal)))]
pub async fn get(State(app): State<App>, Asker(caller): Asker, At(id): At<WithdrawalId>) -> Reply<Json<Value>> {
    let (core, c) = (app.core.clone(), caller.clone());
    covered(&app, &caller, async move |tx| {
        let w = withdrawal::get(tx, &core, &c, id).await?;
        within(tx, &c, Right::WithdrawalsView, Some(&w.client_id)).await?;
        with_checks(tx, &c, w).await
    })
    .await
}

/// How the money would go back to where it came from.
#[utoipa::path(get, path = "/api/v1/withdrawals/{id}/plan", tag = "withdrawals", responses((status = 200, body = Value, example = json!({"items": [{"amount": {"minor": 12_000, "currency": "EUR"}, "deposit_id": "dep_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "connection": "stripe-eu"}]}))))]
pub async fn plan(State(app): State<App>, Asker(caller): Asker, At(id): At<WithdrawalId>) -> Reply<Json<Value>> {
    let c = caller.clone();
    covered(&app, &caller, async move |tx| {
        Ok(json!({"items": withdrawal::plan(tx, &c, id).await?}))
    })
    .await
}

/// Takes a case from the queue; a second person is told whose it is.
#[utoipa::path(post, path = "/api/v1/withdrawals/{id}/claim", tag = "withdrawals", responses((status = 200, body = Withdrawal)))]
pub async fn claim(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, At(id): At<WithdrawalId>) -> Reply<Answer> {
    let (core, c) = (app.core.clone(), caller.clone());
    write(&app, &caller, key, "withdrawal.claim", &id, 200, async move |tx| {
        withdrawal::claim(tx, &core, &c, id, true).await
    })
    .await
}

/// Puts it back into the queue.
#[utoipa::path(post, path = "/api/v1/withdrawals/{id}/release", tag = "withdrawals", responses((status = 200, body = Withdrawal)))]
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
#[utoipa::path(post, path = "/api/v1/withdrawals/{id}/hand-over", tag = "withdrawals", request_body = HandOver, responses((status = 200, body = Withdrawal)))]
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
#[utoipa::path(post, path = "/api/v1/withdrawals/{id}/approve", tag = "withdrawals", request_body = Approve, responses((status = 200, body = Withdrawal)))]
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
#[utoipa::path(post, path = "/api/v1/withdrawals/{id}/reject", tag = "withdrawals", request_body = Reject, responses((status = 200, body = Withdrawal)))]
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
#[utoipa::path(post, path = "/api/v1/withdrawals/{id}/override", tag = "withdrawals", request_body = Reason, responses((status = 200, body = Withdrawal)))]
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
#[utoipa::path(post, path = "/api/v1/withdrawals/{id}/legs/{n}", tag = "withdrawals", request_body = BankLeg, responses((status = 200, body = Withdrawal)))]
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

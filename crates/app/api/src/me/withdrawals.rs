//! A client's withdrawals.

use crate::kit::{At, Items, Made, Reply, list_query, own_client, proven, read, write};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_app::compose::payment_facts;
use qd_kernel::{Amount, Currency, Page};
use qd_payments::bank::targets::{self, NewTarget, TargetView};
use qd_payments::withdrawal::{self, NewWithdrawal, Preview, WithdrawalQuery, WithdrawalState, WithdrawalView};
use qd_payments::{PayoutTargetId, WithdrawalId};
use qd_trading::TradingAccountId;
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"amount": {"minor": 12_000, "currency": "EUR"}, "account_id": null}))]
pub struct CreateWithdrawal {
    amount: Amount,
    /// The trading account to take it from; without it, the wallet.
    #[serde(default)]
    account_id: Option<TradingAccountId>,
    /// One of my own accounts, for what exceeds what came in; without it the newest bank account.
    #[serde(default)]
    target_id: Option<PayoutTargetId>,
}

/// Asks for a withdrawal. Needs a fresh proof (`POST /auth/step-up`).
#[utoipa::path(post, path = "/api/v1/me/withdrawals", tag = "me", request_body = CreateWithdrawal, responses((status = 201, body = WithdrawalView)))]
pub async fn create(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, Body(req): Body<CreateWithdrawal>) -> Reply<Answer> {
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    caller.require_step_up(app.core.now())?;
    write(&app, &caller, key.required()?, "withdrawal.create", &req, 201, async move |tx| {
        proven(tx, &c).await?;
        let facts = payment_facts(tx, &a.core, &c.client_id()?, c.device.as_deref()).await?;
        withdrawal::request(
            tx,
            &a.core,
            &c,
            facts,
            NewWithdrawal {
                amount: r.amount,
                account_id: r.account_id,
                target_id: r.target_id,
            },
        )
        .await
    })
    .await
}

#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wish {
    /// In minor units of `currency`.
    minor: i64,
    #[param(value_type = String)]
    currency: Currency,
}

/// How a withdrawal of mine would be paid: where the money would go, and what stands against it.
#[utoipa::path(get, path = "/api/v1/me/withdrawal-preview", tag = "me", params(Wish), responses((status = 200, body = Preview)))]
pub async fn preview(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Wish>) -> Reply<Json<Value>> {
    let a = app.clone();
    read(&app, async move |tx| {
        let amount = Amount::new(q.minor, q.currency).positive("minor")?;
        let facts = payment_facts(tx, &a.core, &caller.client_id()?, caller.device.as_deref()).await?;
        withdrawal::preview(tx, &facts, amount).await
    })
    .await
}

list_query!(MyWithdrawals {
    /// Only those in this state.
    state: WithdrawalState as WithdrawalState,
});

/// My withdrawals, the newest first.
#[utoipa::path(get, path = "/api/v1/me/withdrawals", tag = "me", params(MyWithdrawals), responses((status = 200, body = Page<WithdrawalView>)))]
pub async fn list(State(app): State<App>, Asker(caller): Asker, Params(q): Params<MyWithdrawals>) -> Reply<Json<Value>> {
    let (core, page) = (app.core.clone(), q.page()?);
    read(&app, async move |tx| {
        own_client(tx, &caller).await?;
        withdrawal::list(
            tx,
            &core,
            &caller,
            WithdrawalQuery {
                state: q.state,
                ..WithdrawalQuery::default()
            },
            &page,
        )
        .await
    })
    .await
}

/// One of my withdrawals, with the steps it has taken.
#[utoipa::path(get, path = "/api/v1/me/withdrawals/{id}", tag = "me", responses((status = 200, body = WithdrawalView)))]
pub async fn get(State(app): State<App>, Asker(caller): Asker, At(id): At<WithdrawalId>) -> Reply<Json<Value>> {
    let core = app.core.clone();
    read(&app, async move |tx| withdrawal::get(tx, &core, &caller, id).await).await
}

/// Takes a request back while that is possible; the money is usable in the wallet.
#[utoipa::path(post, path = "/api/v1/me/withdrawals/{id}/cancel", tag = "me", responses((status = 200, body = WithdrawalView)))]
pub async fn cancel(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, At(id): At<WithdrawalId>) -> Reply<Answer> {
    let (core, c) = (app.core.clone(), caller.clone());
    write(&app, &caller, key, "withdrawal.cancel", &id, 200, async move |tx| {
        withdrawal::cancel(tx, &core, &c, id).await
    })
    .await
}

/// The accounts of my own that I am paid to, by their ends.
#[utoipa::path(get, path = "/api/v1/me/payout-targets", tag = "me", responses((status = 200, body = Items<TargetView>)))]
pub async fn targets_list(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        let own = own_client(tx, &caller).await?;
        Ok(Items {
            items: targets::list(tx, &caller, &own.id.to_string(), &own.entity).await?,
        })
    })
    .await
}

/// Adds an account of my own to be paid to. Needs a fresh proof.
#[utoipa::path(post, path = "/api/v1/me/payout-targets", tag = "me", request_body = NewTarget, responses((status = 201, body = TargetView)))]
pub async fn targets_add(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, Body(req): Body<NewTarget>) -> Reply<Answer> {
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    caller.require_step_up(app.core.now())?;
    write(&app, &caller, key, "payout_target.add", &req, 201, async move |tx| {
        proven(tx, &c).await?;
        let facts = payment_facts(tx, &a.core, &c.client_id()?, c.device.as_deref()).await?;
        targets::add(tx, &a.core, &c, &facts, r.clone()).await
    })
    .await
}

/// Takes an account of mine away. What is on its way there is paid there.
#[utoipa::path(post, path = "/api/v1/me/payout-targets/{id}/remove", tag = "me", responses((status = 200, body = Made<PayoutTargetId>)))]
pub async fn targets_remove(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<PayoutTargetId>,
) -> Reply<Answer> {
    let (core, c) = (app.core.clone(), caller.clone());
    write(&app, &caller, key, "payout_target.remove", &id, 200, async move |tx| {
        targets::remove(tx, &core, &c, id).await?;
        Ok(Made { id })
    })
    .await
}

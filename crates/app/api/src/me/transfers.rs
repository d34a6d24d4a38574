//! Transfers between a client's own places.

use crate::kit::{At, Paged, Reply, own_client, proven, read, write};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_app::compose::payment_facts;
use qd_kernel::{Amount, Page};
use qd_payments::TransferId;
use qd_payments::transfer::{self, NewTransfer, TransferView};
use qd_trading::TradingAccountId;
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"amount": {"minor": 10_000, "currency": "EUR"}, "from_account": null, "to_account": "tacc_01JD1Z3Y5K8Q2M4N6P8R0S2T4V"}))]
pub struct CreateTransfer {
    amount: Amount,
    /// Without it, from the wallet.
    #[serde(default)]
    from_account: Option<TradingAccountId>,
    /// Without it, to the wallet.
    #[serde(default)]
    to_account: Option<TradingAccountId>,
}

/// Moves money between my wallet and my trading accounts of one currency.
#[utoipa::path(post, path = "/api/v1/me/transfers", tag = "me", request_body = CreateTransfer, responses((status = 201, body = TransferView)))]
pub async fn create(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, Body(req): Body<CreateTransfer>) -> Reply<Answer> {
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    write(&app, &caller, key.required()?, "transfer.create", &req, 201, async move |tx| {
        proven(tx, &c).await?;
        let facts = payment_facts(tx, &a.core, &c.client_id()?, c.device.as_deref()).await?;
        transfer::create(
            tx,
            &a.core,
            &c,
            facts,
            NewTransfer {
                amount: r.amount,
                from_account: r.from_account,
                to_account: r.to_account,
            },
        )
        .await
    })
    .await
}

/// My transfers, the newest first.
#[utoipa::path(get, path = "/api/v1/me/transfers", tag = "me", params(Paged), responses((status = 200, body = Page<TransferView>)))]
pub async fn list(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Paged>) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| {
        own_client(tx, &caller).await?;
        transfer::list(tx, &caller, None, &page).await
    })
    .await
}

/// One of my transfers.
#[utoipa::path(get, path = "/api/v1/me/transfers/{id}", tag = "me", responses((status = 200, body = TransferView)))]
pub async fn get(State(app): State<App>, Asker(caller): Asker, At(id): At<TransferId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| transfer::get(tx, &caller, id).await).await
}

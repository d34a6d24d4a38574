//! Transfers between a client's own places.

use crate::kit::{At, Paged, Reply, own_client, proven, read, write};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use qd_app::App;
use qd_app::compose::payment_facts;
use qd_app::exchanging::{self, Wish};
use qd_kernel::{Amount, Currency, Page, Problem};
use qd_payments::transfer::quote::{NewQuote, QUOTE_EXPIRED, QuoteView};
use qd_payments::transfer::{self, NewTransfer, TransferView};
use qd_payments::{QuoteId, TransferId};
use qd_runtime::access::Caller;
use qd_trading::TradingAccountId;
use qd_web::{Answer, ApiProblem, Asker, Body, IdempotencyKey, Params, ProblemBody};
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
    /// The quote it is made at: needed from one currency into another.
    #[serde(default)]
    quote_id: Option<QuoteId>,
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"amount": {"minor": 10_000, "currency": "EUR"}, "from_account": null, "to_account": null, "to_currency": "USD"}))]
pub struct AskQuote {
    /// What leaves, in the currency it is in.
    amount: Amount,
    /// Without it, from the wallet.
    #[serde(default)]
    from_account: Option<TradingAccountId>,
    /// Without it, to the wallet.
    #[serde(default)]
    to_account: Option<TradingAccountId>,
    /// Into the wallet: which currency. An account has its own.
    #[serde(default)]
    to_currency: Option<Currency>,
}

/// A problem; where a quote's time was over, with a new quote for the same wish.
#[derive(Serialize, ToSchema)]
pub struct TransferRefused {
    #[serde(flatten)]
    problem: ProblemBody,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    quote: Option<QuoteView>,
}

/// Locks a rate for some seconds, for a transfer from one currency into another.
#[utoipa::path(post, path = "/api/v1/me/transfers/quote", tag = "me", request_body = AskQuote, responses((status = 201, body = QuoteView)))]
pub async fn quote(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, Body(req): Body<AskQuote>) -> Reply<Answer> {
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "transfer.quote", &req, 201, async move |tx| {
        proven(tx, &c).await?;
        let facts = payment_facts(tx, &a.core, &c.client_id()?, c.device.as_deref()).await?;
        let new = NewQuote {
            amount: r.amount,
            from_account: r.from_account,
            to_account: r.to_account,
            to_currency: r.to_currency,
        };
        exchanging::quote(tx, &a.core, &c, &facts, Wish::New(new)).await
    })
    .await
}

/// Moves money between my wallet and my trading accounts; from one currency into another at the rate
/// of a quote. When the quote's time is over, the answer is 409 `quote_expired` with a new quote.
#[utoipa::path(post, path = "/api/v1/me/transfers", tag = "me", request_body = CreateTransfer, responses((status = 201, body = TransferView), (status = 409, body = TransferRefused, content_type = "application/problem+json", description = "Not in this state; with a new quote where the old one's time is over.")))]
pub async fn create(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, Body(req): Body<CreateTransfer>) -> Reply<Response> {
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    let done = write(&app, &caller, key.required()?, "transfer.create", &req, 201, async move |tx| {
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
                quote_id: r.quote_id,
            },
        )
        .await
    })
    .await;
    match (done, req.quote_id) {
        (Err(ApiProblem(p)), Some(old)) if p.code == QUOTE_EXPIRED => requote(&app, &caller, p, old).await,
        (done, _) => Ok(done?.into_response()),
    }
}

/// Refused, and what it would be now: outside of the refused transaction, for nothing of that stands.
async fn requote(app: &App, caller: &Caller, why: Problem, old: QuoteId) -> Reply<Response> {
    let (a, c) = (app.clone(), caller.clone());
    let quote = app
        .core
        .db
        .write(async move |tx| {
            let facts = payment_facts(tx, &a.core, &c.client_id()?, c.device.as_deref()).await?;
            exchanging::quote(tx, &a.core, &c, &facts, Wish::Again(old)).await
        })
        .await?;
    let body = TransferRefused {
        problem: ProblemBody {
            r#type: format!("/problems/{}", why.code),
            title: "Not in this state",
            status: StatusCode::CONFLICT.as_u16(),
            code: why.code.to_string(),
            detail: why.detail,
            fields: Vec::new(),
        },
        quote: Some(quote),
    };
    let mut r = (StatusCode::CONFLICT, Json(body)).into_response();
    r.headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    Ok(r)
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

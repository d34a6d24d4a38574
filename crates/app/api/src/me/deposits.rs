//! A client's deposits.

use crate::kit::{At, Reply, covered, list_query, own_client, proven, read, write};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_app::compose::payment_facts;
use qd_kernel::Amount;
use qd_kernel::{Page, Result};
use qd_payments::bank::{self, Details};
use qd_payments::deposit::{self, DepositQuery, DepositState, DepositView, NewDeposit};
use qd_payments::{DepositId, MethodFact, routing};
use qd_trading::TradingAccountId;
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = DepositMethods)]
#[schema(example = json!({"items": [{"method": "card", "connection": "stripe-eu", "currencies": ["EUR"], "min_minor": 1_000, "max_minor": 10_000_000}], "stopped": null, "unverified_limit": null}))]
pub struct Methods {
    items: Vec<MethodFact>,
    /// Why I may not deposit now, by code.
    stopped: Option<String>,
    /// What I may deposit in all until I am verified; None once I am, or without a limit.
    unverified_limit: Option<Amount>,
}

/// The methods open to me, with their currencies, limits, fees and times; those that most payments
/// succeed by come first.
#[utoipa::path(get, path = "/api/v1/me/deposit-methods", tag = "me", responses((status = 200, body = Methods)))]
pub async fn methods(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    let a = app.clone();
    read(&app, async move |tx| {
        let f = payment_facts(tx, &a.core, &caller.client_id()?, caller.device.as_deref()).await?;
        Ok(Methods {
            unverified_limit: f.unverified_limit.filter(|_| !f.kyc_approved),
            items: routing::in_order(tx, &a.core, &f).await?,
            stopped: f.deposits_stopped,
        })
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"amount": {"minor": 50_000, "currency": "EUR"}, "method": "card", "account_id": "tacc_01JD1Z3Y5K8Q2M4N6P8R0S2T4V"}))]
pub struct CreateDeposit {
    amount: Amount,
    /// One of my methods.
    method: String,
    /// The trading account to credit; without it the money stays in the wallet.
    #[serde(default)]
    account_id: Option<TradingAccountId>,
    /// The first 6 to 8 digits of the card, where the page knows them: it helps to choose the way.
    #[serde(default)]
    bin: Option<String>,
}

/// Why a deposit is held is a signal as often as not (another's card, many cards): the client reads
/// that it is being looked at.
fn told(mut d: DepositView) -> DepositView {
    const PLAIN: [&str; 6] = [
        "amount_differs",
        "paid_less",
        "paid_more",
        "currency_differs",
        "reference_differs",
        "paid_twice",
    ];
    let plain = |r: &Option<String>| r.as_deref().is_none_or(|r| PLAIN.contains(&r));
    if !plain(&d.held_reason) {
        d.held_reason = Some("under_review".into());
    }
    for a in &mut d.attempts {
        a.route = None;
    }
    for s in d.steps.iter_mut().filter(|s| s.key == "deposit.checked" && !plain(&s.detail)) {
        s.detail = Some("under_review".into());
    }
    d
}

fn told_all(p: Page<DepositView>) -> Result<Page<DepositView>> {
    Ok(Page {
        items: p.items.into_iter().map(told).collect(),
        next_cursor: p.next_cursor,
    })
}

/// Starts a deposit. Poll it or listen to the stream: when it is `redirected`, send the client to
/// `redirect_url`.
#[utoipa::path(post, path = "/api/v1/me/deposits", tag = "me", request_body = CreateDeposit, responses((status = 201, body = DepositView)))]
pub async fn create(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, Body(req): Body<CreateDeposit>) -> Reply<Answer> {
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    write(&app, &caller, key.required()?, "deposit.create", &req, 201, async move |tx| {
        proven(tx, &c).await?;
        let own = own_client(tx, &c).await?;
        qd_clients::one_at_a_time(tx, own.id).await?;
        let facts = payment_facts(tx, &a.core, &c.client_id()?, c.device.as_deref()).await?;
        let new = NewDeposit {
            amount: r.amount,
            method: r.method.clone(),
            account_id: r.account_id,
            bin: r.bin.clone(),
        };
        deposit::create(tx, &a.core, &c, facts, new).await.map(told)
    })
    .await
}

list_query!(MyDeposits {
    /// Only those in this state.
    state: DepositState as DepositState,
});

/// My deposits, the newest first.
#[utoipa::path(get, path = "/api/v1/me/deposits", tag = "me", params(MyDeposits), responses((status = 200, body = Page<DepositView>)))]
pub async fn list(State(app): State<App>, Asker(caller): Asker, Params(q): Params<MyDeposits>) -> Reply<Json<Value>> {
    let (core, page) = (app.core.clone(), q.page()?);
    read(&app, async move |tx| {
        own_client(tx, &caller).await?;
        deposit::list(
            tx,
            &core,
            &caller,
            DepositQuery {
                state: q.state,
                ..DepositQuery::default()
            },
            &page,
        )
        .await
        .and_then(told_all)
    })
    .await
}

/// One of my deposits, with the steps it has taken.
#[utoipa::path(get, path = "/api/v1/me/deposits/{id}", tag = "me", responses((status = 200, body = DepositView)))]
pub async fn get(State(app): State<App>, Asker(caller): Asker, At(id): At<DepositId>) -> Reply<Json<Value>> {
    let core = app.core.clone();
    covered(&app, &caller.clone(), async move |tx| {
        deposit::get(tx, &core, &caller, id).await.map(told)
    })
    .await
}

/// Gives up a deposit before paying. A payment that arrives all the same is still taken.
#[utoipa::path(post, path = "/api/v1/me/deposits/{id}/cancel", tag = "me", responses((status = 200, body = DepositView)))]
pub async fn cancel(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, At(id): At<DepositId>) -> Reply<Answer> {
    let (core, c) = (app.core.clone(), caller.clone());
    write(&app, &caller, key, "deposit.cancel", &id, 200, async move |tx| {
        deposit::cancel(tx, &core, &c, id).await.map(told)
    })
    .await
}

#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TryDepositAgain)]
#[schema(example = json!({"method": "card"}))]
pub struct Again {
    /// Another of my methods; the same one by another way when absent.
    #[serde(default)]
    method: Option<String>,
}

/// Tries a deposit again after a soft decline, by another way or method: another attempt of the same
/// deposit. Send the client to `redirect_url` when it is `redirected`. A hard decline is refused
/// (`declined_for_good`).
#[utoipa::path(post, path = "/api/v1/me/deposits/{id}/attempts", tag = "me", request_body = Again, responses((status = 201, body = DepositView)))]
pub async fn again(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<DepositId>,
    Body(req): Body<Again>,
) -> Reply<Answer> {
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    write(&app, &caller, key.required()?, "deposit.again", &(id, &req), 201, async move |tx| {
        proven(tx, &c).await?;
        let own = own_client(tx, &c).await?;
        qd_clients::one_at_a_time(tx, own.id).await?;
        let facts = payment_facts(tx, &a.core, &c.client_id()?, c.device.as_deref()).await?;
        deposit::again(tx, &a.core, &c, &facts, id, r.method.as_deref()).await.map(told)
    })
    .await
}

/// Where to transfer a deposit by bank, and the reference that has to stand with it.
#[utoipa::path(get, path = "/api/v1/me/deposits/{id}/transfer-details", tag = "me", responses((status = 200, body = Details)))]
pub async fn transfer_details(State(app): State<App>, Asker(caller): Asker, At(id): At<DepositId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| bank::details(tx, &caller, id).await).await
}

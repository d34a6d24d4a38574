//! Trading accounts as the house sees them, and moves of money to and from the platforms.

use super::deposits::Reason;
use crate::kit::{At, Reply, covered, list_query, within, write};
use crate::me::accounts::{Deals, OpenAccount};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_app::compose::{AccountWish, leverage_max, open_account};
use qd_clients::ClientId;
use qd_kernel::{Page, Ts};
use qd_runtime::access::Right;
use qd_trading::accounts::AccountQuery;
use qd_trading::accounts::AccountView;
use qd_trading::feed::DealView;
use qd_trading::moves::MoveView;
use qd_trading::{AccountState, MoveId, Rights, SyncState, TradingAccountId, accounts, feed, moves};
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

list_query!(Accounts {
    server: String as String,
    state: AccountState as AccountState,
    sync_state: SyncState as SyncState,
    rights: Rights as Rights,
    client_id: String as String,
});

/// Trading accounts.
#[utoipa::path(get, path = "/api/v1/accounts", tag = "accounts", params(Accounts), responses((status = 200, body = Page<AccountView>)))]
pub async fn list(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Accounts>) -> Reply<Json<Value>> {
    let (core, c, page) = (app.core.clone(), caller.clone(), q.page()?);
    covered(&app, &caller, async move |tx| {
        within(tx, &c, Right::AccountsView, q.client_id.as_deref()).await?;
        if let Some(id) = &q.client_id {
            // A client's accounts are few: one page, as far as the caller may enter.
            qd_clients::get(tx, &c, Right::AccountsView, ClientId::parse(id)?).await?;
            return Ok(Page {
                items: accounts::of_client(tx, &core, id).await?,
                next_cursor: None,
            });
        }
        let f = AccountQuery {
            server: q.server.clone(),
            state: q.state,
            sync_state: q.sync_state,
            rights: q.rights,
        };
        accounts::list(tx, &core, &c, f, &page).await
    })
    .await
}

/// One account with the moves of money to and from it.
#[utoipa::path(get, path = "/api/v1/accounts/{id}", tag = "accounts", responses((status = 200, body = AccountView)))]
pub async fn get(State(app): State<App>, Asker(caller): Asker, At(id): At<TradingAccountId>) -> Reply<Json<Value>> {
    let (core, c) = (app.core.clone(), caller.clone());
    covered(&app, &caller, async move |tx| {
        let mut a = accounts::get(tx, &core, &c, id).await?;
        within(tx, &c, Right::AccountsView, Some(&a.client_id)).await?;
        a.moves = Some(moves::of_account(tx, &core, id).await?);
        Ok(a)
    })
    .await
}

/// An account's deals, the newest first.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/deals", tag = "accounts", params(Deals), responses((status = 200, body = Page<DealView>)))]
pub async fn deals(
    State(app): State<App>,
    Asker(caller): Asker,
    At(id): At<TradingAccountId>,
    Params(q): Params<Deals>,
) -> Reply<Json<Value>> {
    let (core, c, page) = (app.core.clone(), caller.clone(), q.page()?);
    covered(&app, &caller, async move |tx| {
        let a = accounts::get(tx, &core, &c, id).await?;
        within(tx, &c, Right::AccountsView, Some(&a.client_id)).await?;
        feed::history(tx, &c, id, q.from_us.map(Ts), q.to_us.map(Ts), &page).await
    })
    .await
}

/// Opens an account for a client.
#[utoipa::path(post, path = "/api/v1/clients/{id}/accounts", tag = "accounts", request_body = OpenAccount, responses((status = 201, body = AccountView)))]
pub async fn open(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<ClientId>,
    Body(req): Body<OpenAccount>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "account.open_for", &(id, &req), 201, async move |tx| {
        qd_clients::get(tx, &c, Right::AccountsOpen, id).await?;
        let wish = AccountWish {
            account_type: r.account_type.clone(),
            currency: r.currency,
            leverage: r.leverage,
        };
        open_account(tx, &core, &c, &id.to_string(), wish).await
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"rights": "read_only", "reason": "Complaint under investigation."}))]
pub struct Restrict {
    rights: Rights,
    reason: String,
}

/// Restricts or frees an account. It is `pending` until the platform has confirmed.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/restrict", tag = "accounts", request_body = Restrict, responses((status = 200, body = AccountView)))]
pub async fn restrict(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<TradingAccountId>,
    Body(req): Body<Restrict>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "account.restrict", &(id, &req), 200, async move |tx| {
        accounts::restrict(tx, &core, &c, id, r.rights, &r.reason).await
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"leverage": 20}))]
pub struct Leverage {
    /// 20 means 1:20.
    leverage: i64,
}

/// Sets the leverage, up to what the client may have.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/leverage", tag = "accounts", request_body = Leverage, responses((status = 200, body = AccountView)))]
pub async fn leverage(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<TradingAccountId>,
    Body(req): Body<Leverage>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "account.leverage", &(id, &req), 200, async move |tx| {
        let a = accounts::get(tx, &core, &c, id).await?;
        let max = leverage_max(tx, &a.client_id).await?;
        accounts::set_leverage(tx, &core, &c, id, r.leverage, max).await
    })
    .await
}

/// Asks the platform for a fresh reading.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/refresh", tag = "accounts", responses((status = 202, body = AccountView)))]
pub async fn refresh(State(app): State<App>, Asker(caller): Asker, At(id): At<TradingAccountId>) -> Reply<Answer> {
    let (core, c) = (app.core.clone(), caller.clone());
    write(&app, &caller, IdempotencyKey(None), "account.refresh", &id, 202, async move |tx| {
        let a = accounts::get(tx, &core, &c, id).await?;
        within(tx, &c, Right::AccountsView, Some(&a.client_id)).await?;
        qd_trading::jobs::refresh(tx, &core, id).await?;
        Ok(a)
    })
    .await
}

/// Sends a move again that the platform refused. Safe to press twice: its token was never booked.
#[utoipa::path(post, path = "/api/v1/moves/{id}/retry", tag = "money", responses((status = 200, body = MoveView)))]
pub async fn retry_move(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, At(id): At<MoveId>) -> Reply<Answer> {
    let (core, c) = (app.core.clone(), caller.clone());
    write(&app, &caller, key, "move.retry", &id, 200, async move |tx| {
        moves::retry(tx, &core, &c, id).await
    })
    .await
}

/// Gives the money of a refused move back to the wallet.
#[utoipa::path(post, path = "/api/v1/moves/{id}/give-back", tag = "money", request_body = Reason, responses((status = 200, body = MoveView)))]
pub async fn give_back(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<MoveId>,
    Body(req): Body<Reason>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "move.give_back", &(id, &req), 200, async move |tx| {
        moves::give_back(tx, &core, &c, id, &r.reason).await
    })
    .await
}

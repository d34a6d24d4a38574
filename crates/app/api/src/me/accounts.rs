//! A client's trading accounts.

use crate::kit::{At, Reply, list_query, own_client, read, write};
use crate::office::platform::{Positions, ask_platform};
use crate::schema::Items;
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_app::compose::{AccountWish, open_account};
use qd_kernel::{Currency, Page, Ts};
use qd_runtime::tenancy::{self, AccountKind};
use qd_trading::accounts::AccountView;
use qd_trading::feed::DealView;
use qd_trading::{TradingAccountId, accounts, feed};
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// A kind of account that is open to me.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"code": "standard", "name": "Standard", "kind": "live", "currencies": ["EUR"], "default_leverage": 30, "professional": false, "max_per_client": 5}))]
pub struct OpenType {
    code: String,
    name: String,
    kind: AccountKind,
    currencies: Vec<String>,
    default_leverage: i64,
    /// For professional clients.
    professional: bool,
    max_per_client: i64,
}

/// The kinds of account I may open, with currencies and leverage.
#[utoipa::path(get, path = "/api/v1/me/account-types", tag = "me", responses((status = 200, body = Items<OpenType>)))]
pub async fn types(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        let c = own_client(tx, &caller).await?;
        let entity = tenancy::get(tx, &c.entity).await?;
        let open = |t: &&tenancy::AccountType| t.countries.is_empty() || t.countries.contains(&c.country);
        let items: Vec<OpenType> = entity
            .config
            .accounts
            .iter()
            .filter(open)
            .map(|t| OpenType {
                code: t.code.clone(),
                name: t.name.clone(),
                kind: t.kind,
                currencies: t.groups.keys().map(ToString::to_string).collect(),
                default_leverage: i64::from(t.default_leverage),
                professional: t.professional,
                max_per_client: i64::from(t.max_per_client),
            })
            .collect();
        Ok(Items { items })
    })
    .await
}

/// Who restricted an account and why is for staff and auditors; so is what the platform said.
fn told(mut a: AccountView) -> AccountView {
    a.rights_reason = None;
    a.rights_by = None;
    a.sync.error = a.sync.error.map(|_| "platform_refused".to_string());
    a
}

/// My trading accounts.
#[utoipa::path(get, path = "/api/v1/me/accounts", tag = "me", responses((status = 200, body = Items<AccountView>)))]
pub async fn list(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    let core = app.core.clone();
    read(&app, async move |tx| {
        let all = accounts::of_client(tx, &core, &caller.client_id()?).await?;
        Ok(Items {
            items: all.into_iter().map(told).collect(),
        })
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"account_type": "standard", "currency": "EUR", "leverage": 30}))]
pub struct OpenAccount {
    /// Code of one of my account types.
    pub account_type: String,
    pub currency: Currency,
    /// Without it, the type's own; never above what I may have.
    #[serde(default)]
    pub leverage: Option<u32>,
}

/// Opens a trading account. It is `requested` until the platform has it.
#[utoipa::path(post, path = "/api/v1/me/accounts", tag = "me", request_body = OpenAccount, responses((status = 201, body = AccountView)))]
pub async fn open(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, Body(req): Body<OpenAccount>) -> Reply<Answer> {
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "account.open", &req, 201, async move |tx| {
        let client = own_client(tx, &c).await?;
        qd_clients::one_at_a_time(tx, client.id).await?;
        let wish = AccountWish {
            account_type: r.account_type.clone(),
            currency: r.currency,
            leverage: r.leverage,
        };
        open_account(tx, &a.core, &c, &client.id.to_string(), wish).await.map(told)
    })
    .await
}

/// One of my accounts.
#[utoipa::path(get, path = "/api/v1/me/accounts/{id}", tag = "me", responses((status = 200, body = AccountView)))]
pub async fn get(State(app): State<App>, Asker(caller): Asker, At(id): At<TradingAccountId>) -> Reply<Json<Value>> {
    let core = app.core.clone();
    read(&app, async move |tx| {
        let mut a = accounts::get(tx, &core, &caller, id).await.map(told)?;
        a.passwords_wait = Some(accounts::passwords_wait(tx, id).await?);
        Ok(a)
    })
    .await
}

/// Asks the platform for a fresh reading of balance and equity; it arrives in a moment.
#[utoipa::path(post, path = "/api/v1/me/accounts/{id}/refresh", tag = "me", responses((status = 202, body = AccountView)))]
pub async fn refresh(State(app): State<App>, Asker(caller): Asker, At(id): At<TradingAccountId>) -> Reply<Answer> {
    let (core, c) = (app.core.clone(), caller.clone());
    write(&app, &caller, IdempotencyKey(None), "account.refresh", &id, 202, async move |tx| {
        let a = accounts::get(tx, &core, &c, id).await?;
        qd_trading::jobs::refresh(tx, &core, id).await?;
        Ok(told(a))
    })
    .await
}

#[derive(Serialize, ToSchema)]
#[schema(example = json!({"main": "…", "investor": "…"}))]
pub struct Passwords {
    main: String,
    investor: String,
}

/// The first passwords of a new account, shown once and erased. Needs a fresh proof.
#[utoipa::path(post, path = "/api/v1/me/accounts/{id}/reveal-passwords", tag = "me", responses((status = 200, body = Passwords)))]
pub async fn reveal(State(app): State<App>, Asker(caller): Asker, At(id): At<TradingAccountId>) -> Reply<Json<Passwords>> {
    caller.require_step_up(app.core.now())?;
    let a = app.clone();
    // No idempotency key: the answer must not be kept.
    let p = app
        .core
        .db
        .write(async move |tx| accounts::reveal_passwords(tx, &a.core, &caller, &a.platforms, id).await)
        .await?;
    Ok(Json(Passwords {
        main: p.main,
        investor: p.investor,
    }))
}

/// Open positions with balance and equity of this moment, from the platform itself.
#[utoipa::path(get, path = "/api/v1/me/accounts/{id}/positions", tag = "me", responses((status = 200, body = Positions), (status = 503, description = "The platform does not answer.")))]
pub async fn positions(State(app): State<App>, Asker(caller): Asker, At(id): At<TradingAccountId>) -> Reply<Json<Positions>> {
    let core = app.core.clone();
    let a = app
        .core
        .db
        .read(async move |tx| accounts::get(tx, &core, &caller, id).await)
        .await?;
    Ok(Json(ask_platform(&app, a).await?))
}

list_query!(Deals {
    /// Microseconds since 1970; the deals of that moment and later.
    from_us: i64 as i64,
    to_us: i64 as i64,
});

/// An account's deals, the newest first.
#[utoipa::path(get, path = "/api/v1/me/accounts/{id}/deals", tag = "me", params(Deals), responses((status = 200, body = Page<DealView>)))]
pub async fn deals(
    State(app): State<App>,
    Asker(caller): Asker,
    At(id): At<TradingAccountId>,
    Params(q): Params<Deals>,
) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| {
        feed::history(tx, &caller, id, q.from_us.map(Ts), q.to_us.map(Ts), &page).await
    })
    .await
}

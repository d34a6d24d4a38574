//! What only the platform knows, read while the caller waits; and the house's money on an account.

use crate::kit::{At, Reply, within, write};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_kernel::{Amount, Problem, Result, Ts, format_fixed};
use qd_ports::platform::DealSide;
use qd_runtime::access::{Right, mask};
use qd_trading::accounts::AccountView;
use qd_trading::moves::MoveView;
use qd_trading::{AccountState, TradingAccountId, accounts, credit};
use qd_web::{Answer, Asker, Body, IdempotencyKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub struct Position {
    position_id: String,
    symbol: String,
    /// `buy` or `sell`.
    side: &'static str,
    /// In lots, decimal text.
    volume: String,
    price_open: String,
    price_current: String,
    profit: Amount,
    swap: Amount,
    opened_at_us: Ts,
}

#[derive(Serialize, ToSchema)]
#[schema(example = json!({"account_id": "tacc_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "login": "500001", "server": "eu-live", "read_at_us": 1_790_000_000_000_000_i64, "balance": {"minor": 50_000, "currency": "EUR"}, "credit": {"minor": 0, "currency": "EUR"}, "equity": {"minor": 50_400, "currency": "EUR"}, "margin": {"minor": 6_667, "currency": "EUR"}, "free_margin": {"minor": 43_733, "currency": "EUR"}, "positions": [{"position_id": "100538", "symbol": "EURUSD", "side": "buy", "volume": "0.20", "price_open": "1.16096", "price_current": "1.16119", "profit": {"minor": 400, "currency": "EUR"}, "swap": {"minor": 0, "currency": "EUR"}, "opened_at_us": 1_790_000_000_000_000_i64}]}))]
pub struct Positions {
    account_id: TradingAccountId,
    login: String,
    server: String,
    /// When the platform said so.
    read_at_us: Ts,
    balance: Amount,
    credit: Amount,
    equity: Amount,
    margin: Amount,
    free_margin: Amount,
    positions: Vec<Position>,
}

/// Asks the platform; a platform that does not answer is a 503, never an older figure.
pub(crate) async fn ask_platform(app: &App, a: AccountView) -> Result<Positions> {
    let login = match (&a.login, a.state) {
        (Some(l), AccountState::Ready) => l.clone(),
        _ => return Err(Problem::conflict("account_not_ready", "the trading account is not open yet")),
    };
    let platform = app.platforms.get(&a.server)?;
    let silent = |e: qd_ports::CallError| {
        Problem::unavailable("platform_unreachable", "the trading server gave no answer; try again in a moment").with_source(e)
    };
    let positions = platform.positions(&login).await.map_err(silent)?;
    let s = platform.account_state(&login).await.map_err(silent)?;
    let money = |minor: i64| Amount::new(minor, s.currency);
    let rows = positions
        .into_iter()
        .map(|p| Position {
            side: match p.side {
                DealSide::Buy => "buy",
                DealSide::Sell => "sell",
            },
            volume: p.volume.text(),
            price_open: format_fixed(p.price_open, p.digits),
            price_current: format_fixed(p.price_current, p.digits),
            profit: money(p.profit_minor),
            swap: money(p.swap_minor),
            opened_at_us: p.opened_at,
            position_id: p.position_id,
            symbol: p.symbol,
        })
        .collect();
    Ok(Positions {
        account_id: a.id,
        login,
        server: a.server,
        read_at_us: s.read_at,
        balance: money(s.balance_minor),
        credit: money(s.credit_minor),
        equity: money(s.equity_minor),
        margin: money(s.margin_minor),
        free_margin: money(s.free_margin_minor),
        positions: rows,
    })
}

/// Open positions with balance and equity of this moment, from the platform itself.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/positions", tag = "accounts", responses((status = 200, body = Positions), (status = 503, description = "The platform does not answer.")))]
pub async fn positions(State(app): State<App>, Asker(caller): Asker, At(id): At<TradingAccountId>) -> Reply<Json<Value>> {
    let (core, c) = (app.core.clone(), caller.clone());
    let a = app
        .core
        .db
        .read(async move |tx| {
            let a = accounts::get(tx, &core, &c, id).await?;
            within(tx, &c, Right::AccountsView, Some(&a.client_id)).await?;
            Ok(a)
        })
        .await?;
    let v = serde_json::to_value(ask_platform(&app, a).await?).map_err(Problem::from)?;
    Ok(Json(mask::cover(&caller, &v)))
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"amount": {"minor": 10_000, "currency": "EUR"}, "reason": "Welcome campaign of spring."}))]
pub struct Credit {
    amount: Amount,
    /// True takes credit back that was given before.
    #[serde(default)]
    take_back: bool,
    reason: String,
}

/// Gives or takes back credit. The platform's comment carries the move's `token`; the same
/// idempotency key again changes nothing. Needs a fresh proof.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/credit", tag = "accounts", request_body = Credit, responses((status = 201, body = MoveView)))]
pub async fn give_credit(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<TradingAccountId>,
    Body(req): Body<Credit>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(
        &app,
        &caller,
        key.required()?,
        "account.credit",
        &(id, &req),
        201,
        async move |tx| {
            let a = accounts::get(tx, &core, &c, id).await?;
            within(tx, &c, Right::AccountsCredit, Some(&a.client_id)).await?;
            credit::change(tx, &core, &c, id, r.amount, r.take_back, &r.reason).await
        },
    )
    .await
}

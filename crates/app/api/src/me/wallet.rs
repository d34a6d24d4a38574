//! A client's wallet.

use crate::kit::{At, Paged, Reply, read};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_db::Tx;
use qd_kernel::{Currency, Page, Problem, Result};
use qd_ledger::{AccountKey, Purpose, StatementLine};
use qd_runtime::Core;
use qd_web::{Asker, Params};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(example = json!({"items": [{"currency": "EUR", "balance_minor": 50_000, "held_minor": 0, "available_minor": 50_000, "on_its_way_minor": 0, "paying_out_minor": 0}]}))]
pub struct Wallet {
    items: Vec<WalletCurrency>,
}

/// In minor units of the currency.
#[derive(Clone, Serialize, ToSchema)]
pub struct WalletCurrency {
    currency: Currency,
    balance_minor: i64,
    /// Promised to withdrawals.
    held_minor: i64,
    available_minor: i64,
    /// Between the wallet and a trading account.
    on_its_way_minor: i64,
    /// Left the wallet, not yet confirmed as paid.
    paying_out_minor: i64,
}

/// What is in my wallet, by currency.
#[utoipa::path(get, path = "/api/v1/me/wallet", tag = "me", responses((status = 200, body = Wallet)))]
pub async fn balances(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    let core = app.core.clone();
    read(&app, async move |tx| {
        Ok(Wallet {
            items: of_client(tx, &core, &caller.client_id()?).await?,
        })
    })
    .await
}

/// A client's money by currency, where it is now.
pub(crate) async fn of_client(tx: &mut Tx, core: &Core, client_id: &str) -> Result<Vec<WalletCurrency>> {
    let mut out: Vec<WalletCurrency> = Vec::new();
    let mut all = qd_ledger::balances_of(tx, &format!("client:{client_id}")).await?;
    for a in qd_trading::accounts::of_client(tx, core, client_id).await? {
        all.extend(qd_ledger::balances_of(tx, &format!("tacc:{}", a.id)).await?);
    }
    for (key, b) in all {
        let at = match out.iter().position(|w| w.currency == key.currency) {
            Some(i) => i,
            None => {
                out.push(WalletCurrency {
                    currency: key.currency,
                    balance_minor: 0,
                    held_minor: 0,
                    available_minor: 0,
                    on_its_way_minor: 0,
                    paying_out_minor: 0,
                });
                out.len() - 1
            }
        };
        let w = &mut out[at];
        match key.purpose {
            Purpose::Wallet => (w.balance_minor, w.held_minor, w.available_minor) = (b.balance_minor, b.held_minor, b.available_minor),
            Purpose::Transit => w.on_its_way_minor = w.on_its_way_minor.saturating_add(b.balance_minor),
            Purpose::PayoutTransit => w.paying_out_minor = w.paying_out_minor.saturating_add(b.balance_minor),
            _ => {}
        }
    }
    out.sort_by(|a, b| a.currency.code().cmp(b.currency.code()));
    Ok(out)
}

/// My wallet's statement in a currency, the newest line first, each with the balance it left.
#[utoipa::path(get, path = "/api/v1/me/wallet/{currency}/statement", tag = "me", params(Paged), responses((status = 200, body = Page<StatementLine>)))]
pub async fn statement(
    State(app): State<App>,
    Asker(caller): Asker,
    At(currency): At<String>,
    Params(q): Params<Paged>,
) -> Reply<Json<Value>> {
    let page = q.page()?;
    let currency =
        Currency::parse(&currency).map_err(|_| Problem::invalid("currency", "currency_unknown", "expected a currency code like EUR"))?;
    read(&app, async move |tx| {
        qd_ledger::statement(tx, &AccountKey::wallet(caller.client_id()?, currency), &page).await
    })
    .await
}

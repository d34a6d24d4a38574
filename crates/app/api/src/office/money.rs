//! Transfers, disputes and the ledger.

use crate::kit::{At, Reply, covered, list_query, within};
use crate::schema::Items;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use qd_app::App;
use qd_app::compose::HouseRates;
use qd_clients::ClientId;
use qd_db::Tx;
use qd_kernel::{Amount, Currency, Page, Problem, Rate, Rounding, Ts};
use qd_ledger::{AccountKey, EntryId, EntryView, JournalRange, Purpose, StatementLine, Total};
use qd_payments::TransferId;
use qd_payments::dispute::{self, DisputeRow};
use qd_payments::transfer::{self, TransferView};
use qd_runtime::access::Right;
use qd_runtime::{settings, tenancy};
use qd_web::{Asker, Params};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

list_query!(Transfers {
    client_id: String as String,
});

/// Transfers, the newest first.
#[utoipa::path(get, path = "/api/v1/transfers", tag = "money", params(Transfers), responses((status = 200, body = Page<TransferView>)))]
pub async fn transfers(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Transfers>) -> Reply<Json<Value>> {
    let (c, page) = (caller.clone(), q.page()?);
    covered(&app, &caller, async move |tx| {
        within(tx, &c, Right::TransfersView, q.client_id.as_deref()).await?;
        transfer::list(tx, &c, q.client_id.clone(), &page).await
    })
    .await
}

/// One transfer.
#[utoipa::path(get, path = "/api/v1/transfers/{id}", tag = "money", responses((status = 200, body = TransferView)))]
pub async fn transfer_one(State(app): State<App>, Asker(caller): Asker, At(id): At<TransferId>) -> Reply<Json<Value>> {
    let c = caller.clone();
    covered(&app, &caller, async move |tx| transfer::get(tx, &c, id).await).await
}

/// A client's disputes.
#[utoipa::path(get, path = "/api/v1/clients/{id}/disputes", tag = "money", responses((status = 200, body = Items<DisputeRow>)))]
pub async fn disputes(State(app): State<App>, Asker(caller): Asker, At(id): At<ClientId>) -> Reply<Json<Value>> {
    let c = caller.clone();
    covered(&app, &caller, async move |tx| {
        qd_clients::get(tx, &c, Right::DisputesView, id).await?;
        Ok(Items {
            items: dispute::of_client(tx, &id.to_string()).await?,
        })
    })
    .await
}

#[derive(serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Report {
    /// A currency to report in, too: each line converted, and the rates with their time.
    #[serde(rename = "in")]
    #[param(value_type = Option<Currency>, rename = "in")]
    report: Option<Currency>,
}

/// One purpose and currency: all accounts together.
#[derive(Serialize, ToSchema)]
pub struct TotalLine {
    purpose: Purpose,
    currency: Currency,
    accounts: i64,
    balance_minor: i64,
    held_minor: i64,
    /// In the report's currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    converted_minor: Option<i64>,
}

impl TotalLine {
    fn of(t: Total, converted_minor: Option<i64>) -> TotalLine {
        TotalLine {
            purpose: t.purpose,
            currency: t.currency,
            accounts: t.accounts,
            balance_minor: t.balance_minor,
            held_minor: t.held_minor,
            converted_minor,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = LedgerTotals)]
#[schema(example = json!({"items": [{"purpose": "wallet", "currency": "EUR", "accounts": 12, "balance_minor": 1_250_000, "held_minor": 12_000}]}))]
pub struct Totals {
    items: Vec<TotalLine>,
    /// With `in`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    report: Option<InOneCurrency>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = LedgerReport)]
pub struct InOneCurrency {
    currency: Currency,
    rates: Vec<RateUsed>,
    by_purpose: Vec<PurposeSum>,
    rounding_minor: i64,
}

/// What one unit of `currency` was worth in the report's.
#[derive(Serialize, ToSchema)]
pub struct RateUsed {
    currency: Currency,
    rate: Rate,
    source: String,
    at_us: Option<Ts>,
}

#[derive(Serialize, ToSchema)]
pub struct PurposeSum {
    purpose: Purpose,
    minor: i64,
}

/// The books in totals by purpose and currency. Per currency they sum to zero, so in a report in one
/// currency `rounding_minor`, the sum of all converted lines, is what rounding left. For callers of
/// all entities: the sums know none.
#[utoipa::path(get, path = "/api/v1/ledger/totals", tag = "ledger", params(Report), responses((status = 200, body = Totals)))]
pub async fn totals(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Report>) -> Reply<Json<Value>> {
    crate::kit::read(&app, async move |tx| {
        house_wide(tx, &caller).await?;
        let totals = qd_ledger::totals(tx).await?;
        match q.report {
            None => Ok(Totals {
                items: totals.into_iter().map(|t| TotalLine::of(t, None)).collect(),
                report: None,
            }),
            Some(to) => report(tx, totals, to).await,
        }
    })
    .await
}

async fn report(tx: &mut Tx, totals: Vec<Total>, to: Currency) -> qd_kernel::Result<Totals> {
    let missing = |what: String| Problem::conflict("rate_missing", format!("there is no rate for {what}"));
    let rates = HouseRates::load(tx).await?.ok_or_else(|| missing(to.to_string()))?;
    let as_of = settings::find(tx, "global", "fx.rates").await?.map(|s| s.updated_at);
    let (mut items, mut used, mut purposes, mut rounding) = (Vec::new(), BTreeMap::new(), BTreeMap::<Purpose, i64>::new(), 0_i64);
    for t in totals {
        let rate = rates
            .cross(t.currency, to)
            .ok_or_else(|| missing(format!("{} in {to}", t.currency)))?;
        let converted = Amount::new(t.balance_minor, t.currency)
            .convert(rate, to, Rounding::HalfAwayFromZero)?
            .minor;
        used.insert(
            t.currency.to_string(),
            RateUsed {
                currency: t.currency,
                rate,
                source: rates.source.clone(),
                at_us: as_of,
            },
        );
        let over = || Problem::limit("amount_limit", "the sum is larger than any amount may be");
        let sum = purposes.entry(t.purpose).or_default();
        *sum = sum.checked_add(converted).ok_or_else(over)?;
        rounding = rounding.checked_add(converted).ok_or_else(over)?;
        items.push(TotalLine::of(t, Some(converted)));
    }
    Ok(Totals {
        items,
        report: Some(InOneCurrency {
            currency: to,
            rates: used.into_values().collect(),
            by_purpose: purposes.into_iter().map(|(purpose, minor)| PurposeSum { purpose, minor }).collect(),
            rounding_minor: rounding,
        }),
    })
}

/// Sums of the whole house are for those who may enter all of it, by one word or entity by entity.
async fn house_wide(tx: &mut Tx, caller: &qd_runtime::access::Caller) -> qd_kernel::Result<()> {
    if caller.allowed_entities().is_none() {
        return Ok(());
    }
    for e in tenancy::entities(tx).await? {
        if !caller.enters(Some(&e.code)) {
            return Err(Problem::forbidden("all_entities_needed", "this shows all entities together"));
        }
    }
    Ok(())
}

list_query!(Statement {
    /// `client:cli_…`, `psp:stripe-eu`, `tacc:…`, `house:eu`, `partner:par_…`.
    owner: String as String,
    purpose: Purpose as Purpose,
    currency: Currency as Currency,
});

/// A ledger account with its balance, in minor units of its currency.
#[derive(Serialize, ToSchema)]
#[schema(as = LedgerBalance)]
pub struct OwnerBalance {
    owner: String,
    purpose: Purpose,
    currency: Currency,
    balance_minor: i64,
    /// Sum of the pending holds.
    held_minor: i64,
    available_minor: i64,
}

/// All accounts of an owner with their balances.
#[utoipa::path(get, path = "/api/v1/ledger/balances/{owner}", tag = "ledger", responses((status = 200, body = Items<OwnerBalance>)))]
pub async fn balances(State(app): State<App>, Asker(caller): Asker, At(owner): At<String>) -> Reply<Json<Value>> {
    let (core, c) = (app.core.clone(), caller.clone());
    covered(&app, &caller, async move |tx| {
        owner_within(tx, &core, &c, &owner).await?;
        let items = qd_ledger::balances_of(tx, &owner)
            .await?
            .into_iter()
            .map(|(k, b)| OwnerBalance {
                owner: k.owner,
                purpose: k.purpose,
                currency: k.currency,
                balance_minor: b.balance_minor,
                held_minor: b.held_minor,
                available_minor: b.available_minor,
            })
            .collect();
        Ok(Items { items })
    })
    .await
}

/// A ledger account's owner belongs to an entity; a caller of other entities does not see it.
async fn owner_within(
    tx: &mut qd_db::Tx,
    core: &qd_runtime::Core,
    caller: &qd_runtime::access::Caller,
    owner: &str,
) -> qd_kernel::Result<()> {
    if caller.allowed_entities().is_none() {
        return Ok(());
    }
    let missing = || Problem::missing("ledger account");
    let entity = match owner.split_once(':') {
        Some(("house", e)) => e.to_string(),
        Some(("client", id)) => qd_clients::find(tx, ClientId::parse(id)?).await?.ok_or_else(missing)?.entity,
        Some(("tacc", id)) => {
            qd_trading::accounts::get(tx, core, caller, qd_trading::TradingAccountId::parse(id)?)
                .await?
                .entity
        }
        Some(("psp", id)) => {
            let all = qd_payments::jobs::connections::list(tx, &qd_runtime::access::Caller::system("api")).await?;
            all.into_iter().find(|c| c.id == id).ok_or_else(missing)?.entity
        }
        Some(("partner", id)) => {
            qd_partners::partner::get(tx, caller, qd_partners::PartnerId::parse(id)?)
                .await?
                .entity
        }
        _ => return Err(missing()),
    };
    if caller.enters(Some(&entity)) { Ok(()) } else { Err(missing()) }
}

/// An account's statement, the newest line first.
#[utoipa::path(get, path = "/api/v1/ledger/statement", tag = "ledger", params(Statement), responses((status = 200, body = Page<StatementLine>)))]
pub async fn statement(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Statement>) -> Reply<Json<Value>> {
    let need = |f: &str| Problem::invalid(f, "field_missing", "a value is required");
    let owner = q.owner.clone().ok_or_else(|| need("owner"))?;
    let key = AccountKey::new(
        owner.clone(),
        q.purpose.ok_or_else(|| need("purpose"))?,
        q.currency.ok_or_else(|| need("currency"))?,
    );
    let (core, c, page) = (app.core.clone(), caller.clone(), q.page()?);
    covered(&app, &caller, async move |tx| {
        owner_within(tx, &core, &c, &owner).await?;
        qd_ledger::statement(tx, &key, &page).await
    })
    .await
}

/// One entry with its legs.
#[utoipa::path(get, path = "/api/v1/ledger/entries/{id}", tag = "ledger", responses((status = 200, body = EntryView)))]
pub async fn entry(State(app): State<App>, Asker(caller): Asker, At(id): At<EntryId>) -> Reply<Json<Value>> {
    let (core, c) = (app.core.clone(), caller.clone());
    covered(&app, &caller, async move |tx| {
        let e = qd_ledger::entry(tx, id).await?.ok_or_else(|| Problem::missing("ledger entry"))?;
        let mut seen = c.allowed_entities().is_none();
        for l in &e.legs {
            seen = seen || owner_within(tx, &core, &c, &l.account.owner).await.is_ok();
        }
        if seen { Ok(e) } else { Err(Problem::missing("ledger entry")) }
    })
    .await
}

#[derive(serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Range {
    /// Value dates from this day on, UTC: `2026-03-01`.
    from: Option<String>,
    /// Up to the end of this day.
    until: Option<String>,
}

/// The journal in the text format of ledger and hledger. For callers of all entities.
#[utoipa::path(get, path = "/api/v1/ledger/journal", tag = "ledger", params(Range), responses((status = 200, content_type = "text/plain", body = String)))]
pub async fn journal(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Range>) -> Reply<Response> {
    let day = |f: &'static str, v: &Option<String>| v.as_deref().map(|t| crate::kit::moment(f, t)).transpose();
    // `moment` answers the end of a day; a range begins with its first microsecond.
    let from = day("from", &q.from)?.map_or(JournalRange::ALL.from, |t| t.plus_days(-1).plus_millis(1));
    let to = day("until", &q.until)?.map_or(JournalRange::ALL.to, |t: Ts| t.plus_millis(1));
    let text = app
        .core
        .db
        .read_long(async move |tx| {
            house_wide(tx, &caller).await?;
            let mut out = String::new();
            qd_ledger::journal_export(tx, JournalRange { from, to }, &mut |s| out.push_str(s)).await?;
            Ok(out)
        })
        .await?;
    let mut r = text.into_response();
    r.headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    r.headers_mut().insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_static("attachment; filename=\"journal.ledger\""),
    );
    Ok(r)
}

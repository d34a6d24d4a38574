//! Transfers, disputes and the ledger.

use crate::kit::{At, Reply, covered, list_query, within};
use crate::schema::{PageOf, Transfer};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use qd_app::App;
use qd_app::compose::HouseRates;
use qd_clients::ClientId;
use qd_db::Tx;
use qd_kernel::{Amount, Currency, Problem, Rounding, Ts};
use qd_ledger::{AccountKey, EntryId, JournalRange, Purpose};
use qd_payments::{TransferId, dispute, transfer};
use qd_runtime::access::Right;
use qd_runtime::settings;
use qd_web::{Asker, Params};
use serde_json::{Value, json};
use std::collections::BTreeMap;

list_query!(Transfers {
    client_id: String as String,
});

/// Transfers, the newest first.
#[utoipa::path(get, path = "/api/v1/transfers", tag = "money", params(Transfers), responses((status = 200, body = PageOf<Transfer>)))]
pub async fn transfers(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Transfers>) -> Reply<Json<Value>> {
    let (c, page) = (caller.clone(), q.page()?);
    covered(&app, &caller, async move |tx| {
        within(tx, &c, Right::TransfersView, q.client_id.as_deref()).await?;
        transfer::list(tx, &c, q.client_id.clone(), &page).await
    })
    .await
}

/// One transfer.
#[utoipa::path(get, path = "/api/v1/transfers/{id}", tag = "money", responses((status = 200, body = Transfer)))]
pub async fn transfer_one(State(app): State<App>, Asker(caller): Asker, At(id): At<TransferId>) -> Reply<Json<Value>> {
    let c = caller.clone();
    covered(&app, &caller, async move |tx| transfer::get(tx, &c, id).await).await
}

/// A client's disputes.
#[utoipa::path(get, path = "/api/v1/clients/{id}/disputes", tag = "money", responses((status = 200, body = Value, example = json!({"items": [{"id": "dsp_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "deposit_id": "dep_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "connection": "stripe-eu", "provider_ref": "dp_1", "amount_minor": 50_000, "currency": "EUR", "state": "opened", "provider_state": "needs_response", "reason": "fraudulent", "opened_at": 1_790_000_000_000_000_i64, "changed_at": 1_790_000_000_000_000_i64}]}))))]
pub async fn disputes(State(app): State<App>, Asker(caller): Asker, At(id): At<ClientId>) -> Reply<Json<Value>> {
    let c = caller.clone();
    covered(&app, &caller, async move |tx| {
        qd_clients::get(tx, &c, Right::DisputesView, id).await?;
        let rows = dispute::of_client(tx, &id.to_string()).await?;
        let items: Vec<Value> = rows
            .iter()
            .map(|d| json!({"id": d.id, "deposit_id": d.deposit_id, "connection": d.connection, "provider_ref": d.provider_ref, "amount_minor": d.amount_minor, "currency": d.currency, "state": d.state, "provider_state": d.provider_state, "reason": d.reason, "opened_at": d.opened_at, "changed_at": d.changed_at}))
            .collect();
        Ok(json!({"items": items}))
    })
    .await
}

#[derive(serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Report {
    /// A currency to report in, too: each line converted, and the rates with their time.
    #[serde(rename = "in")]
    #[param(value_type = Option<String>, rename = "in")]
    report: Option<Currency>,
}

/// The books in totals by purpose and currency. Per currency they sum to zero, so in a report in one
/// currency `rounding_minor`, the sum of all converted lines, is what rounding left. For callers of
/// all entities: the sums know none.
#[utoipa::path(get, path = "/api/v1/ledger/totals", tag = "ledger", params(Report), responses((status = 200, body = Value, example = json!({"items": [{"purpose": "wallet", "currency": "EUR", "accounts": 12, "balance_minor": 1_250_000, "held_minor": 12_000}]}))))]
pub async fn totals(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Report>) -> Reply<Json<Value>> {
    house_wide(&caller)?;
    crate::kit::read(&app, async move |tx| {
        let totals = qd_ledger::totals(tx).await?;
        match q.report {
            None => Ok(json!({"items": totals})),
            Some(to) => report(tx, &totals, to).await,
        }
    })
    .await
}

async fn report(tx: &mut Tx, totals: &[qd_ledger::Total], to: Currency) -> qd_kernel::Result<Value> {
    let missing = |what: String| Problem::conflict("rate_missing", format!("there is no rate for {what}"));
    let rates = HouseRates::load(tx).await?.ok_or_else(|| missing(to.to_string()))?;
    let as_of = settings::find(tx, "global", "fx.rates").await?.map(|s| s.updated_at);
    let (mut items, mut used, mut purposes, mut rounding) = (Vec::new(), BTreeMap::new(), BTreeMap::<String, i64>::new(), 0_i64);
    for t in totals {
        let rate = rates
            .cross(t.currency, to)
            .ok_or_else(|| missing(format!("{} in {to}", t.currency)))?;
        let converted = Amount::new(t.balance_minor, t.currency)
            .convert(rate, to, Rounding::HalfAwayFromZero)?
            .minor;
        used.insert(
            t.currency.to_string(),
            json!({"currency": t.currency, "rate": rate, "source": rates.source, "at_us": as_of}),
        );
        let over = || Problem::limit("amount_limit", "the sum is larger than any amount may be");
        let sum = purposes.entry(t.purpose.to_string()).or_default();
        *sum = sum.checked_add(converted).ok_or_else(over)?;
        rounding = rounding.checked_add(converted).ok_or_else(over)?;
        let mut line = serde_json::to_value(t)?;
        line["converted_minor"] = json!(converted);
        items.push(line);
    }
    let sums: Vec<Value> = purposes.iter().map(|(p, m)| json!({"purpose": p, "minor": m})).collect();
    Ok(
        json!({"items": items, "report": {"currency": to, "rates": used.into_values().collect::<Vec<_>>(), "by_purpose": sums, "rounding_minor": rounding}}),
    )
}

/// Sums of the whole house are for those who may enter all of it.
fn house_wide(caller: &qd_runtime::access::Caller) -> qd_kernel::Result<()> {
    match caller.allowed_entities() {
        None => Ok(()),
        Some(_) => Err(Problem::forbidden("all_entities_needed", "this shows all entities together")),
    }
}

list_query!(Statement {
    /// `client:cli_…`, `psp:stripe-eu`, `tacc:…`, `house:eu`, `partner:par_…`.
    owner: String as String,
    purpose: Purpose as String,
    currency: Currency as String,
});

/// All accounts of an owner with their balances.
#[utoipa::path(get, path = "/api/v1/ledger/balances/{owner}", tag = "ledger", responses((status = 200, body = Value, example = json!({"items": [{"owner": "client:cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "purpose": "wallet", "currency": "EUR", "balance_minor": 50_000, "held_minor": 0, "available_minor": 50_000}]}))))]
pub async fn balances(State(app): State<App>, Asker(caller): Asker, At(owner): At<String>) -> Reply<Json<Value>> {
    let (core, c) = (app.core.clone(), caller.clone());
    covered(&app, &caller, async move |tx| {
        owner_within(tx, &core, &c, &owner).await?;
        let items: Vec<Value> = qd_ledger::balances_of(tx, &owner)
            .await?
            .into_iter()
            .map(|(k, b)| json!({"owner": k.owner, "purpose": k.purpose, "currency": k.currency, "balance_minor": b.balance_minor, "held_minor": b.held_minor, "available_minor": b.available_minor}))
            .collect();
        Ok(json!({"items": items}))
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
#[utoipa::path(get, path = "/api/v1/ledger/statement", tag = "ledger", params(Statement), responses((status = 200, body = Value, description = "As `GET /me/wallet/{currency}/statement`.")))]
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
#[utoipa::path(get, path = "/api/v1/ledger/entries/{id}", tag = "ledger", responses((status = 200, body = Value, example = json!({"id": "ent_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "kind": "deposit", "reference": "deposit:dep_01JD1Z3Y5K8Q2M4N6P8R0S2T4V:received", "source": "stripe-eu pi_1", "note": null, "fx": null, "reverses": null, "value_at": 1_790_000_000_000_000_i64, "booked_at": 1_790_000_000_000_000_i64, "legs": [{"account": {"owner": "psp:stripe-eu", "purpose": "clearing", "currency": "EUR"}, "minor": -50_000}, {"account": {"owner": "client:cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "purpose": "wallet", "currency": "EUR"}, "minor": 50_000}]}))))]
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
    house_wide(&caller)?;
    let day = |f: &'static str, v: &Option<String>| v.as_deref().map(|t| crate::kit::moment(f, t)).transpose();
    // `moment` answers the end of a day; a range begins with its first microsecond.
    let from = day("from", &q.from)?.map_or(JournalRange::ALL.from, |t| t.plus_days(-1).plus_millis(1));
    let to = day("until", &q.until)?.map_or(JournalRange::ALL.to, |t: Ts| t.plus_millis(1));
    let text = app
        .core
        .db
        .read_long(async move |tx| {
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

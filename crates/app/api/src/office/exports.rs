//! Lists and statements to take away, as far as the caller may see them. Who took what is in the
//! trail.

use super::{clients, deposits, withdrawals};
use crate::download::{Csv, MOST_ROWS, Period, clock, print, too_many};
use crate::kit::{At, Reply};
use crate::print;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use qd_app::App;
use qd_app::compose::client_by_id;
use qd_kernel::{Amount, Currency, Problem, Ts};
use qd_partners::{StatementId, partner, statements};
use qd_runtime::access::Caller;
use qd_runtime::audit::{self, Entry};
use qd_trading::TradingAccountId;
use qd_web::{Asker, Params};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

/// A cell of a list's answer as text. Times are written out, amounts without their currency; what is
/// covered stays covered.
fn cell(row: &Value, key: &str) -> String {
    let v = key.split('.').fold(row, |v, k| if v.is_object() { &v[k] } else { v });
    match v {
        Value::Null => String::new(),
        Value::String(s) => s.clone(),
        Value::Number(n) if key.ends_with("_us") => n.as_i64().map(|us| clock(Ts(us))).unwrap_or_default(),
        Value::Array(a) => a
            .iter()
            .map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_string))
            .collect::<Vec<_>>()
            .join(" "),
        Value::Object(o) => match (o.get("minor").and_then(Value::as_i64), o.get("currency").and_then(Value::as_str)) {
            (Some(minor), Some(c)) => Currency::parse(c).map_or_else(|_| String::new(), |c| Amount::new(minor, c).text()),
            _ => v.to_string(),
        },
        v => v.to_string(),
    }
}

/// All pages of a list in one file: what the caller reads there, nothing else.
async fn whole<F>(app: &App, caller: &Caller, name: &'static str, columns: &[(&str, &str)], filters: Value, page: F) -> Reply<Response>
where
    F: AsyncFn(Option<String>) -> Reply<Json<Value>>,
{
    let head: Vec<&str> = columns.iter().map(|(title, _)| *title).collect();
    let (mut csv, mut cursor, mut rows) = (Csv::new(&head), None, 0usize);
    loop {
        let Json(found) = page(cursor.take()).await?;
        for row in found["items"].as_array().into_iter().flatten() {
            csv.row(columns.iter().map(|(_, key)| cell(row, key)));
            rows += 1;
        }
        if rows > MOST_ROWS {
            return Err(too_many().into());
        }
        cursor = found["next_cursor"].as_str().map(str::to_string);
        if cursor.is_none() {
            break;
        }
    }
    let (core, c) = (app.core.clone(), caller.clone());
    app.core
        .db
        .write(async move |tx| {
            let e = Entry::new(&c, "list.exported", format!("list:{name}")).after(json!({"rows": rows, "filters": filters}));
            audit::record(tx, &core, e).await.map(|_| ())
        })
        .await?;
    csv.download(&format!("{name}-{}", clock(app.core.now()).get(..10).unwrap_or_default()))
}

/// What was asked for, without what is not set.
fn asked(pairs: &[(&str, &Option<String>)]) -> Value {
    let set: serde_json::Map<String, Value> = pairs
        .iter()
        .filter_map(|(k, v)| Some(((*k).to_string(), json!(v.as_ref()?))))
        .collect();
    set.into()
}

/// Clients as CSV, filtered as the list and with the caller's covered fields.
#[utoipa::path(get, path = "/api/v1/clients.csv", tag = "clients", params(clients::Clients), responses((status = 200, content_type = "text/csv", body = String)))]
pub async fn clients_csv(State(app): State<App>, Asker(caller): Asker, Params(q): Params<clients::Clients>) -> Reply<Response> {
    const COLUMNS: [(&str, &str); 18] = [
        ("id", "id"),
        ("entity", "entity"),
        ("brand", "brand"),
        ("stage", "stage"),
        ("status", "status"),
        ("name", "name"),
        ("email", "email"),
        ("phone", "phone"),
        ("country", "country"),
        ("language", "language"),
        ("owner_id", "owner_id"),
        ("desk", "desk"),
        ("partner_id", "partner_id"),
        ("campaign", "campaign"),
        ("kyc_state", "kyc_state"),
        ("tags", "tags"),
        ("activity_utc", "activity_at_us"),
        ("created_utc", "created_at_us"),
    ];
    let filters = asked(&[
        ("country", &q.country),
        ("desk", &q.desk),
        ("entity", &q.entity),
        ("campaign", &q.campaign),
        ("tag", &q.tag),
        ("partner_id", &q.partner_id),
    ]);
    let (a, c) = (app.clone(), caller.clone());
    whole(&app, &caller, "clients", &COLUMNS, filters, async move |cursor| {
        let q = clients::Clients {
            limit: Some(200),
            cursor,
            ..q.clone()
        };
        clients::list(State(a.clone()), Asker(c.clone()), Params(q)).await
    })
    .await
}

/// Deposits as CSV, filtered as the list and with the caller's covered fields.
#[utoipa::path(get, path = "/api/v1/deposits.csv", tag = "deposits", params(deposits::Deposits), responses((status = 200, content_type = "text/csv", body = String)))]
pub async fn deposits_csv(State(app): State<App>, Asker(caller): Asker, Params(q): Params<deposits::Deposits>) -> Reply<Response> {
    const COLUMNS: [(&str, &str); 17] = [
        ("id", "id"),
        ("client_id", "client_id"),
        ("entity", "entity"),
        ("account_id", "account_id"),
        ("method", "method"),
        ("connection", "connection"),
        ("state", "state"),
        ("amount", "amount"),
        ("currency", "amount.currency"),
        ("received", "received"),
        ("returned", "returned"),
        ("first_deposit", "first_deposit"),
        ("provider_ref", "provider_ref"),
        ("failure_code", "failure_code"),
        ("created_utc", "created_at_us"),
        ("received_utc", "received_at_us"),
        ("posted_utc", "posted_at_us"),
    ];
    let filters = asked(&[("client_id", &q.client_id), ("connection", &q.connection)]);
    let (a, c) = (app.clone(), caller.clone());
    whole(&app, &caller, "deposits", &COLUMNS, filters, async move |cursor| {
        let q = deposits::Deposits {
            limit: Some(200),
            cursor,
            ..q.clone()
        };
        deposits::list(State(a.clone()), Asker(c.clone()), Params(q)).await
    })
    .await
}

/// Withdrawals as CSV, filtered as the list and with the caller's covered fields.
#[utoipa::path(get, path = "/api/v1/withdrawals.csv", tag = "withdrawals", params(withdrawals::Withdrawals), responses((status = 200, content_type = "text/csv", body = String)))]
pub async fn withdrawals_csv(State(app): State<App>, Asker(caller): Asker, Params(q): Params<withdrawals::Withdrawals>) -> Reply<Response> {
    const COLUMNS: [(&str, &str); 14] = [
        ("id", "id"),
        ("client_id", "client_id"),
        ("entity", "entity"),
        ("account_id", "account_id"),
        ("state", "state"),
        ("amount", "amount"),
        ("currency", "amount.currency"),
        ("signals", "signals"),
        ("rule", "rule"),
        ("reason_code", "reason_code"),
        ("desk", "desk"),
        ("requested_utc", "requested_at_us"),
        ("decided_utc", "decided_at_us"),
        ("paid_utc", "paid_at_us"),
    ];
    let filters = asked(&[("client_id", &q.client_id), ("desk", &q.desk)]);
    let (a, c) = (app.clone(), caller.clone());
    whole(&app, &caller, "withdrawals", &COLUMNS, filters, async move |cursor| {
        let q = withdrawals::Withdrawals {
            limit: Some(200),
            cursor,
            ..q.clone()
        };
        withdrawals::list(State(a.clone()), Asker(c.clone()), Params(q)).await
    })
    .await
}

/// An account's deals of a period.
pub(crate) async fn deals(app: &App, caller: Caller, id: TradingAccountId, q: &Period) -> Reply<Response> {
    let (from, until) = q.span(app.core.now())?;
    let all = app
        .core
        .db
        .read_long(async move |tx| print::deals(tx, &caller, id, from, until).await)
        .await?;
    let mut csv = Csv::new(&[
        "time_utc",
        "server",
        "login",
        "ticket",
        "kind",
        "side",
        "entry",
        "symbol",
        "lots",
        "price",
        "swap",
        "commission",
        "profit",
        "currency",
        "comment",
    ]);
    for d in &all {
        let money = |minor: i64| Amount::new(minor, d.currency).text();
        csv.row([
            clock(d.at_us),
            d.server.clone(),
            d.login.clone(),
            d.ticket.clone(),
            d.kind.clone(),
            d.side.clone(),
            d.entry.clone(),
            d.symbol.clone(),
            d.volume.clone(),
            d.price.clone(),
            money(d.swap_minor),
            money(d.commission_minor),
            money(d.profit_minor),
            d.currency.code().to_string(),
            d.comment.clone(),
        ]);
    }
    csv.download(&format!("deals-{id}-{}", q.name("all", app.core.now())?))
}

/// An account's statement of a period.
pub(crate) async fn account(app: &App, caller: Caller, id: TradingAccountId, q: Period) -> Reply<Response> {
    let name = format!("account-{id}-{}", q.name("all", app.core.now())?);
    let a = app.clone();
    let paper = app
        .core
        .db
        .read_long(async move |tx| print::account(tx, &a, &caller, id, &q).await)
        .await?;
    print(paper, &name).await
}

#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct InLanguage {
    /// The partner's own without a word.
    pub language: Option<String>,
}

/// A closed commission statement as PDF.
#[utoipa::path(get, path = "/api/v1/statements/{id}/pdf", tag = "partners", params(InLanguage), responses((status = 200, content_type = "application/pdf", body = String)))]
pub async fn partner_pdf(
    State(app): State<App>,
    Asker(caller): Asker,
    At(id): At<StatementId>,
    Params(q): Params<InLanguage>,
) -> Reply<Response> {
    let a = app.clone();
    let (paper, name) = app
        .core
        .db
        .read_long(async move |tx| {
            let (s, content) = statements::get(tx, &caller, id).await?;
            let p = partner::get(tx, &caller, s.partner_id).await?;
            // A partner who is a client reads their own language; a house's partner English.
            let (brand, language) = match &p.client_id {
                Some(c) => {
                    let c = client_by_id(tx, c).await?;
                    (c.brand, c.language)
                }
                None => {
                    let brands = qd_runtime::tenancy::brands(tx).await?;
                    let b = brands
                        .into_iter()
                        .find(|b| b.entity == p.entity)
                        .ok_or_else(|| Problem::missing("brand"))?;
                    (b.code, "en".to_string())
                }
            };
            let paper = print::partner(tx, &a, &brand, q.language.as_deref().unwrap_or(&language), &content, &s.sha256).await?;
            Ok((paper, format!("commission-{}-{}", s.currency, s.number)))
        })
        .await?;
    print(paper, &name).await
}

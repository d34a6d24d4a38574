//! Statements and histories to take away.

use crate::download::{Csv, Period, clock, print};
use crate::kit::{At, Reply, own_client};
use crate::print;
use axum::extract::State;
use axum::response::Response;
use qd_app::App;
use qd_kernel::{Amount, Currency, Problem};
use qd_ledger::AccountKey;
use qd_partners::{StatementId, statements};
use qd_trading::TradingAccountId;
use qd_web::{Asker, Params};

fn currency_of(text: &str) -> qd_kernel::Result<Currency> {
    Currency::parse(text).map_err(|_| Problem::invalid("currency", "currency_unknown", "expected a currency code like EUR"))
}

/// My wallet's statement as CSV: the lines of the list, the oldest first, each with the balance it
/// left.
#[utoipa::path(get, path = "/api/v1/me/wallet/{currency}/statement.csv", tag = "me", params(Period), responses((status = 200, content_type = "text/csv", body = String)))]
pub async fn wallet_csv(
    State(app): State<App>,
    Asker(caller): Asker,
    At(currency): At<String>,
    Params(q): Params<Period>,
) -> Reply<Response> {
    let c = currency_of(&currency)?;
    let (from, until) = q.span(app.core.now())?;
    let found = app
        .core
        .db
        .read_long(async move |tx| print::wallet_lines(tx, &AccountKey::wallet(caller.client_id()?, c), from, until).await)
        .await?;
    let mut csv = Csv::new(&[
        "seq",
        "booked_utc",
        "value_utc",
        "kind",
        "reference",
        "source",
        "amount",
        "currency",
        "balance",
        "note",
    ]);
    for l in &found.lines {
        csv.row([
            l.seq.to_string(),
            clock(l.booked_at),
            clock(l.value_at),
            l.kind.clone(),
            l.reference.clone(),
            l.source.clone(),
            Amount::new(l.minor, c).text(),
            c.code().to_string(),
            Amount::new(l.balance_minor, c).text(),
            l.note.clone().unwrap_or_default(),
        ]);
    }
    csv.download(&format!("wallet-{}-{}", c.code(), q.name("all", app.core.now())?))
}

/// My wallet's statement as PDF, in my language.
#[utoipa::path(get, path = "/api/v1/me/wallet/{currency}/statement.pdf", tag = "me", params(Period), responses((status = 200, content_type = "application/pdf", body = String)))]
pub async fn wallet_pdf(
    State(app): State<App>,
    Asker(caller): Asker,
    At(currency): At<String>,
    Params(q): Params<Period>,
) -> Reply<Response> {
    let c = currency_of(&currency)?;
    let name = format!("wallet-{}-{}", c.code(), q.name("all", app.core.now())?);
    let a = app.clone();
    let paper = app
        .core
        .db
        .read_long(async move |tx| {
            let me = own_client(tx, &caller).await?;
            print::wallet(tx, &a, &me, c, &q).await
        })
        .await?;
    print(paper, &name).await
}

/// An account's deals as CSV: those of the list that the platform has not taken back, the oldest
/// first.
#[utoipa::path(get, path = "/api/v1/me/accounts/{id}/deals.csv", tag = "me", params(Period), responses((status = 200, content_type = "text/csv", body = String)))]
pub async fn deals_csv(
    State(app): State<App>,
    Asker(caller): Asker,
    At(id): At<TradingAccountId>,
    Params(q): Params<Period>,
) -> Reply<Response> {
    crate::office::exports::deals(&app, caller, id, &q).await
}

/// An account's statement as PDF: balances around the period, deals, sums.
#[utoipa::path(get, path = "/api/v1/me/accounts/{id}/statement.pdf", tag = "me", params(Period), responses((status = 200, content_type = "application/pdf", body = String)))]
pub async fn account_pdf(
    State(app): State<App>,
    Asker(caller): Asker,
    At(id): At<TradingAccountId>,
    Params(q): Params<Period>,
) -> Reply<Response> {
    crate::office::exports::account(&app, caller, id, q).await
}

/// One of my closed commission statements as PDF, in my language.
#[utoipa::path(get, path = "/api/v1/me/partner/statements/{id}/pdf", tag = "me", responses((status = 200, content_type = "application/pdf", body = String)))]
pub async fn partner_pdf(State(app): State<App>, Asker(caller): Asker, At(id): At<StatementId>) -> Reply<Response> {
    let a = app.clone();
    let (paper, name) = app
        .core
        .db
        .read_long(async move |tx| {
            let (s, content) = statements::get(tx, &caller, id).await?;
            let me = own_client(tx, &caller).await?;
            let paper = print::partner(tx, &a, &me.brand, &me.language, &content, &s.sha256).await?;
            Ok((paper, format!("commission-{}-{}", s.currency, s.number)))
        })
        .await?;
    print(paper, &name).await
}

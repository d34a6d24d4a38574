//! What is earned: figures, and lines with their story.

use crate::kit::{At, PathPart, Reply, list_query, read};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_kernel::{Page, Result, Ts};
use qd_partners::reading::{self, LineFilter, LineState, LineView, Summary};
use qd_partners::{LineId, PartnerId};
use qd_runtime::access::Caller;
use qd_trading::{TradingAccountId, accounts};
use qd_web::{Asker, Params};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Span {
    /// Value dates, whole days, both included; the last 30 days without them. Microseconds since 1970.
    pub from_us: Option<i64>,
    pub to_us: Option<i64>,
}

impl Span {
    pub fn times(&self, now: Ts) -> (Ts, Ts) {
        let to = self.to_us.map_or(now, Ts);
        (self.from_us.map_or_else(|| to.plus_days(-30), Ts), to)
    }
}

/// A partner's figures: clients, money by currency, days.
#[utoipa::path(get, path = "/api/v1/partners/{id}/summary", tag = "partners", params(Span), responses((status = 200, body = Summary)))]
pub async fn summary(State(app): State<App>, Asker(caller): Asker, At(id): At<PartnerId>, Params(q): Params<Span>) -> Reply<Json<Value>> {
    let (from, to) = q.times(app.core.now());
    read(&app, async move |tx| reading::summary(tx, &caller, id, from, to).await).await
}

list_query!(Lines {
    partner_id: String as String,
    client_id: String as String,
    /// A trading account, `tacc_…`.
    account: String as String,
    state: LineState as LineState,
    /// Value dates from then on, microseconds since 1970.
    from_us: i64 as i64,
    /// Not included.
    to_us: i64 as i64,
});

impl Lines {
    pub fn filter(&self) -> Result<LineFilter> {
        let partner_id = self.partner_id.as_deref().map(|p| PartnerId::part("partner_id", p)).transpose()?;
        let account = self.account.as_deref().map(|a| TradingAccountId::part("account", a)).transpose()?;
        Ok(LineFilter {
            partner_id,
            client_id: self.client_id.clone(),
            account: account.map(|a| a.to_string()),
            state: self.state,
            from: self.from_us.map(Ts),
            to: self.to_us.map(Ts),
            ..LineFilter::default()
        })
    }
}

/// Commission lines, the newest first, each with its explanation: a partner's, or those of all
/// partners of my entities.
#[utoipa::path(get, path = "/api/v1/commission-lines", tag = "partners", params(Lines), responses((status = 200, body = Page<LineView>)))]
pub async fn lines(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Lines>) -> Reply<Json<Value>> {
    let (core, page, f) = (app.core.clone(), q.page()?, q.filter()?);
    read(&app, async move |tx| {
        let mut f = f.clone();
        if let (Some(a), None) = (&f.account, &f.client_id) {
            // Lines are found by client; the account's are among its owner's.
            let found = accounts::get(tx, &core, &Caller::system("api"), TradingAccountId::parse(a)?).await;
            f.client_id = found.ok().map(|a| a.client_id);
        }
        reading::lines(tx, &caller, &f, &page).await
    })
    .await
}

/// One line with its explanation: rule, base, rate, path, and what was rejected and why.
#[utoipa::path(get, path = "/api/v1/commission-lines/{id}", tag = "partners", responses((status = 200, body = LineView)))]
pub async fn line(State(app): State<App>, Asker(caller): Asker, At(id): At<LineId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| reading::line(tx, &caller, id).await).await
}

//! A client who is a partner too.

use crate::kit::{At, Paged, Reply, proven, read, write};
use crate::office::partners::{AddLink, ClosedStatement, Lines, Span, csv_of};
use crate::schema::Items;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use qd_app::App;
use qd_clients::ClientId;
use qd_kernel::{Currency, Page};
use qd_partners::StatementId;
use qd_partners::attribution::{self, Steps};
use qd_partners::clicks::{self, Link};
use qd_partners::partner::{self, Partner};
use qd_partners::payouts::{self, Figures, Payout};
use qd_partners::privacy::Privacy;
use qd_partners::programmes::{MyStanding, Overview};
use qd_partners::progress::{self, MyTerms, Progress};
use qd_partners::reading::{self, ClientLine, LineFilter, LineView, Summary};
use qd_partners::statements::{self, Statement};
use qd_partners::tree::{self, Member};
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub struct MyPartner {
    partner: Partner,
    summary: Summary,
}

/// What I earn as a partner, live: clients, money by currency, days.
#[utoipa::path(get, path = "/api/v1/me/partner", tag = "me", params(Span), responses((status = 200, body = MyPartner)))]
pub async fn get(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Span>) -> Reply<Json<Value>> {
    let (from, to) = q.times(app.core.now());
    read(&app, async move |tx| {
        Ok(MyPartner {
            partner: partner::mine(tx, &caller).await?,
            summary: reading::my_summary(tx, &caller, from, to).await?,
        })
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Nordlicht", "currency": "EUR"}))]
pub struct Apply {
    name: String,
    currency: Currency,
}

/// Asks to become a partner.
#[utoipa::path(post, path = "/api/v1/me/partner", tag = "me", request_body = Apply, responses((status = 201, body = Partner)))]
pub async fn apply(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, Body(req): Body<Apply>) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "partner.apply", &req, 201, async move |tx| {
        proven(tx, &c).await?;
        partner::apply(tx, &core, &c, &r.name, r.currency).await
    })
    .await
}

/// My links with clicks and clients.
#[utoipa::path(get, path = "/api/v1/me/partner/links", tag = "me", responses((status = 200, body = Items<Link>)))]
pub async fn links(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        Ok(Items {
            items: clicks::my_links(tx, &caller).await?,
        })
    })
    .await
}

/// Makes a link.
#[utoipa::path(post, path = "/api/v1/me/partner/links", tag = "me", request_body = AddLink, responses((status = 201, body = Link)))]
pub async fn add_link(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, Body(req): Body<AddLink>) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "me.link", &req, 201, async move |tx| {
        clicks::create_my_link(tx, &core, &c, r.clone().into()).await
    })
    .await
}

/// Partners below me.
#[utoipa::path(get, path = "/api/v1/me/partner/tree", tag = "me", responses((status = 200, body = Items<Member>)))]
pub async fn tree(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    let core = app.core.clone();
    read(&app, async move |tx| {
        Ok(Items {
            items: tree::below_me(tx, &core, &caller).await?,
        })
    })
    .await
}

/// A client of mine, as far as my entity lets partners see clients.
#[derive(Serialize, ToSchema)]
pub struct MyClient {
    #[serde(flatten)]
    line: ClientLine,
    email: Option<String>,
    /// Two capitals.
    country: Option<String>,
    steps: Option<Steps>,
}

/// My clients, by pseudonym and what my entity shows of them, with what they trade.
#[utoipa::path(get, path = "/api/v1/me/partner/clients", tag = "me", params(Paged), responses((status = 200, body = Page<MyClient>)))]
pub async fn clients(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Paged>) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| {
        let me = partner::mine(tx, &caller).await?;
        let privacy = Privacy::of(tx, &me.entity).await?;
        let found = reading::my_clients(tx, &caller, &page).await?;
        let mut items = Vec::new();
        for mut line in found.items {
            let c = qd_clients::find(tx, ClientId::parse(&line.client_id)?).await?;
            line.name = c.as_ref().and_then(|c| privacy.name(&c.name()));
            items.push(MyClient {
                email: c.as_ref().and_then(|c| c.email.as_deref()).and_then(|e| privacy.email(e)),
                country: c.filter(|_| privacy.country).map(|c| c.country),
                steps: match privacy.steps {
                    true => attribution::steps_of(tx, &line.client_id).await?,
                    false => None,
                },
                line,
            });
        }
        Ok(Page {
            items,
            next_cursor: found.next_cursor,
        })
    })
    .await
}

/// My commission lines, the newest first, each with its explanation.
#[utoipa::path(get, path = "/api/v1/me/partner/lines", tag = "me", params(Lines), responses((status = 200, body = Page<LineView>)))]
pub async fn lines(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Lines>) -> Reply<Json<Value>> {
    let page = q.page()?;
    let f = LineFilter {
        partner_id: None,
        ..q.filter()?
    };
    read(&app, async move |tx| reading::my_lines(tx, &caller, f.clone(), &page).await).await
}

/// How far I am in the tiers of my plan: counted by now, the band's rates, and the next one's.
#[utoipa::path(get, path = "/api/v1/me/partner/tiers", tag = "me", responses((status = 200, body = Items<Progress>)))]
pub async fn tiers(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    let now = app.core.now();
    read(&app, async move |tx| {
        Ok(Items {
            items: progress::my_tiers(tx, &caller, now).await?,
        })
    })
    .await
}

/// How I am paid: calendar, hold, reserve, minimum, fee; and when the next statement closes.
#[utoipa::path(get, path = "/api/v1/me/partner/terms", tag = "me", responses((status = 200, body = MyTerms)))]
pub async fn terms(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    let now = app.core.now();
    read(&app, async move |tx| progress::my_terms(tx, &caller, now).await).await
}

/// My statements, the newest first.
#[utoipa::path(get, path = "/api/v1/me/partner/statements", tag = "me", params(Paged), responses((status = 200, body = Page<Statement>)))]
pub async fn statements(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Paged>) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| statements::my_list(tx, &caller, &page).await).await
}

/// One of my statements with its frozen content.
#[utoipa::path(get, path = "/api/v1/me/partner/statements/{id}", tag = "me", responses((status = 200, body = ClosedStatement)))]
pub async fn statement(State(app): State<App>, Asker(caller): Asker, At(id): At<StatementId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        let (s, content) = statements::get(tx, &caller, id).await?;
        Ok(ClosedStatement { statement: s, content })
    })
    .await
}

/// One of my statements as CSV.
#[utoipa::path(get, path = "/api/v1/me/partner/statements/{id}/csv", tag = "me", responses((status = 200, content_type = "text/csv", body = String)))]
pub async fn statement_csv(State(app): State<App>, Asker(caller): Asker, At(id): At<StatementId>) -> Reply<Response> {
    csv_of(&app, caller, id).await
}

/// My payouts, the newest first.
#[utoipa::path(get, path = "/api/v1/me/partner/payouts", tag = "me", params(Paged), responses((status = 200, body = Page<Payout>)))]
pub async fn payouts(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Paged>) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| payouts::my_list(tx, &caller, &page).await).await
}

/// What I may be paid now, by currency: balance, open, held, reserved, payable, and why not more.
#[utoipa::path(get, path = "/api/v1/me/partner/payable", tag = "me", responses((status = 200, body = Items<Figures>)))]
pub async fn payable(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    let core = app.core.clone();
    read(&app, async move |tx| {
        Ok(Items {
            items: payouts::payables_mine(tx, &core, &caller).await?,
        })
    })
    .await
}

#[derive(Serialize, ToSchema)]
pub struct MyProgrammes {
    overview: Overview,
    clients: Page<MyStanding>,
}

/// Where my clients stand, by pseudonym; what is held until a day, what is carried, closed months.
#[utoipa::path(get, path = "/api/v1/me/partner/programmes", tag = "me", params(Paged), responses((status = 200, body = MyProgrammes)))]
pub async fn programmes(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Paged>) -> Reply<Json<Value>> {
    let (page, now) = (q.page()?, app.core.now());
    read(&app, async move |tx| {
        let (overview, clients) = qd_partners::programmes::my_overview(tx, &caller, &page, now).await?;
        Ok(MyProgrammes { overview, clients })
    })
    .await
}

//! Tickets: the queue with its clocks, the talk, macros, the report.

use super::reports::Span;
use crate::kit::{At, At2, Items, Paged, Reply, covered, list_query, read, write};
use axum::Json;
use axum::extract::State;
use qd_app::App;
use qd_app::tickets::{self, RecordStatus};
use qd_clients::ClientId;
use qd_db::Tx;
use qd_kernel::{Page, Problem, Result, Ts};
use qd_runtime::access::{Caller, Right, StaffId};
use qd_support::figures::{self, TicketReport};
use qd_support::macros::{self, Macro, MacroDraft, MacroId};
use qd_support::{
    Assign, Category, NewTicket, OwnedBy, Priority, QueueFilter, Sort, Then, Ticket, TicketId, TicketRow, TicketState, TicketView, Triage,
};
use qd_web::{Answer, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

list_query!(Tickets {
    state: TicketState as TicketState,
    /// Only those that are not over.
    unsolved: bool as bool,
    category: Category as Category,
    priority: Priority as Priority,
    desk: String as String,
    entity: String as String,
    /// `me`, `nobody`, or somebody's id.
    owner: String as String,
    /// Only those past their time.
    overdue: bool as bool,
    /// The record they are about: `dep_…`.
    about: String as String,
    client_id: ClientId as ClientId,
    created_from_us: i64 as i64,
    created_until_us: i64 as i64,
    /// `due` (without a word): what is due from us next; `newest`.
    sort: Sort as Sort,
});

impl Tickets {
    fn filter(&self) -> Result<QueueFilter> {
        Ok(QueueFilter {
            state: self.state,
            unsolved: self.unsolved.unwrap_or(false),
            category: self.category,
            priority: self.priority,
            desk: self.desk.clone(),
            entity: self.entity.clone(),
            owner: match self.owner.as_deref() {
                None | Some("") => None,
                Some("me") => Some(OwnedBy::Me),
                Some("nobody") => Some(OwnedBy::Nobody),
                Some(id) => Some(OwnedBy::Person(StaffId::parse(id).map_err(|_| {
                    Problem::invalid(
                        "owner",
                        "owner_malformed",
                        "expected me, nobody, or an id like stf_ followed by 26 characters",
                    )
                })?)),
            },
            overdue: self.overdue.unwrap_or(false),
            about: self.about.clone(),
            client_id: self.client_id,
            created_from: self.created_from_us.map(Ts),
            created_until: self.created_until_us.map(Ts),
        })
    }
}

/// The queue, what is due next at the top. A right that reaches one's own clients needs `client_id`.
#[utoipa::path(get, path = "/api/v1/tickets", tag = "tickets", params(Tickets), responses((status = 200, body = Page<TicketRow>)))]
pub async fn list(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Tickets>) -> Reply<Json<Value>> {
    let (page, f, now) = (q.page()?, q.filter()?, app.core.now());
    read(&app, async move |tx| {
        qd_support::queue(tx, &caller, &f, q.sort.unwrap_or(Sort::Due), now, &page).await
    })
    .await
}

/// First answer, solution and hand-overs of the tickets that clients opened in a period (the last
/// seven days without a word), by desk, category and person, the worst first; and tickets for a
/// hundred deposits.
#[utoipa::path(get, path = "/api/v1/tickets/report", tag = "tickets", params(Span), responses((status = 200, body = TicketReport)))]
pub async fn report(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Span>) -> Reply<Json<Value>> {
    let now = app.core.now();
    let until = q.until_us.map_or(now, Ts);
    let from = q.from_us.map_or_else(|| until.plus_days(-7), Ts);
    read(&app, async move |tx| {
        let deposits = qd_payments::deposit::made_between(tx, caller.allowed_entities().as_deref(), from, until).await?;
        figures::report(tx, &caller, from, until, now, deposits).await
    })
    .await
}

/// A ticket with what was said, and where the record stands that it is about.
#[derive(Serialize, ToSchema)]
pub struct TicketDetail {
    #[serde(flatten)]
    view: TicketView,
    /// In the words the client reads in the portal, in the client's language.
    record: Option<RecordStatus>,
}

async fn detail(tx: &mut Tx, app: &App, caller: &Caller, id: TicketId) -> Result<TicketDetail> {
    let view = qd_support::view(tx, &app.core, caller, id).await?;
    let record = match &view.ticket.about {
        Some(about) if sees(caller, about) => tickets::status(app, tx, about, &view.language).await?,
        _ => None,
    };
    Ok(TicketDetail { view, record })
}

/// Whether the caller may look at records of this kind at all.
fn sees(caller: &Caller, about: &str) -> bool {
    let right = match about.split('_').next().unwrap_or_default() {
        "dep" => Right::DepositsView,
        "wdr" => Right::WithdrawalsView,
        "trf" => Right::TransfersView,
        "tacc" => Right::AccountsView,
        _ => return false,
    };
    caller.may(right)
}

/// One ticket. Account and card numbers in messages are covered for whoever may not see bank data.
#[utoipa::path(get, path = "/api/v1/tickets/{id}", tag = "tickets", responses((status = 200, body = TicketDetail)))]
pub async fn get(State(app): State<App>, Asker(caller): Asker, At(id): At<TicketId>) -> Reply<Json<Value>> {
    let (a, c) = (app.clone(), caller.clone());
    covered(&app, &caller, async move |tx| detail(tx, &a, &c, id).await).await
}

/// A client's tickets, the newest first.
#[utoipa::path(get, path = "/api/v1/clients/{id}/tickets", tag = "tickets", params(Paged), responses((status = 200, body = Page<TicketRow>)))]
pub async fn of_client(State(app): State<App>, Asker(caller): Asker, At(id): At<ClientId>, Params(q): Params<Paged>) -> Reply<Json<Value>> {
    let (page, now) = (q.page()?, app.core.now());
    read(&app, async move |tx| qd_support::of_client(tx, &caller, id, now, &page).await).await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"subject": "Your proof of address", "category": "kyc", "body": "Please send us a newer one.", "priority": "normal"}))]
pub struct OpenFor {
    subject: String,
    category: Category,
    /// The record it is about: `dep_…`, `wdr_…`, `trf_…`, `tacc_…`.
    #[serde(default)]
    about: Option<String>,
    /// The first message, which the client gets by mail too.
    body: String,
    #[serde(default)]
    priority: Option<Priority>,
}

/// Writes to a client first; the client is to answer.
#[utoipa::path(post, path = "/api/v1/clients/{id}/tickets", tag = "tickets", request_body = OpenFor, responses((status = 201, body = TicketDetail)))]
pub async fn open(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<ClientId>,
    Body(req): Body<OpenFor>,
) -> Reply<Answer> {
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "ticket.open_for", &(id, &req), 201, async move |tx| {
        tickets::check_about(&a, tx, id, r.about.as_deref()).await?;
        let n = NewTicket {
            subject: r.subject.clone(),
            category: r.category,
            about: r.about.clone(),
            body: r.body.clone(),
            priority: r.priority,
        };
        let t = qd_support::open_for(tx, &a.core, &c, id, n).await?;
        detail(tx, &a, &c, t.id).await
    })
    .await
}

/// Changes a ticket and answers it as it is then.
async fn change<I, F>(
    app: &App,
    caller: Caller,
    key: IdempotencyKey,
    operation: &'static str,
    id: TicketId,
    input: &I,
    f: F,
) -> Reply<Answer>
where
    I: Serialize,
    F: AsyncFn(&mut Tx, &App, &Caller) -> Result<Ticket> + Send + Sync + 'static,
{
    let (a, c) = (app.clone(), caller.clone());
    write(app, &caller, key, operation, &(id, input), 200, async move |tx| {
        f(tx, &a, &c).await?;
        detail(tx, &a, &c, id).await
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReplyTicket, example = json!({"body": "The payment was confirmed; the money is on your account.", "then": "solve"}))]
pub struct ReplyWith {
    body: String,
    /// What it leaves behind: the client is to answer, it stays with us, or it is solved.
    then: Then,
}

/// Answers the client, who gets it by mail and in the portal. A ticket that nobody has is the
/// answerer's.
#[utoipa::path(post, path = "/api/v1/tickets/{id}/reply", tag = "tickets", request_body = ReplyWith, responses((status = 200, body = TicketDetail)))]
pub async fn reply(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<TicketId>,
    Body(req): Body<ReplyWith>,
) -> Reply<Answer> {
    let r = req.clone();
    change(&app, caller, key, "ticket.reply", id, &req, async move |tx, a, c| {
        qd_support::reply(tx, &a.core, c, id, &r.body, r.then).await
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"body": "Asked finance about the reference."}))]
pub struct TicketNote {
    body: String,
}

/// A note among staff; the client never reads it.
#[utoipa::path(post, path = "/api/v1/tickets/{id}/note", tag = "tickets", request_body = TicketNote, responses((status = 200, body = TicketDetail)))]
pub async fn note(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<TicketId>,
    Body(req): Body<TicketNote>,
) -> Reply<Answer> {
    let r = req.clone();
    change(&app, caller, key, "ticket.note", id, &req, async move |tx, a, c| {
        qd_support::note(tx, &a.core, c, id, &r.body).await
    })
    .await
}

/// Takes it. What somebody has is given, not taken.
#[utoipa::path(post, path = "/api/v1/tickets/{id}/claim", tag = "tickets", responses((status = 200, body = TicketDetail)))]
pub async fn claim(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, At(id): At<TicketId>) -> Reply<Answer> {
    change(&app, caller, key, "ticket.claim", id, &(), async move |tx, a, c| {
        qd_support::claim(tx, &a.core, c, id).await
    })
    .await
}

/// Puts one's own back into the queue.
#[utoipa::path(post, path = "/api/v1/tickets/{id}/release", tag = "tickets", responses((status = 200, body = TicketDetail)))]
pub async fn release(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, At(id): At<TicketId>) -> Reply<Answer> {
    change(&app, caller, key, "ticket.release", id, &(), async move |tx, a, c| {
        qd_support::release(tx, &a.core, c, id).await
    })
    .await
}

/// Gives it to a person, a desk, or both; each counts as one hand-over.
#[utoipa::path(post, path = "/api/v1/tickets/{id}/assign", tag = "tickets", request_body = Assign, responses((status = 200, body = TicketDetail)))]
pub async fn assign(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<TicketId>,
    Body(req): Body<Assign>,
) -> Reply<Answer> {
    let r = req.clone();
    change(&app, caller, key, "ticket.assign", id, &req, async move |tx, a, c| {
        qd_support::assign(tx, &a.core, c, id, r.clone()).await
    })
    .await
}

/// Corrects priority, category or subject.
#[utoipa::path(patch, path = "/api/v1/tickets/{id}", tag = "tickets", request_body = Triage, responses((status = 200, body = TicketDetail)))]
pub async fn triage(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<TicketId>,
    Body(req): Body<Triage>,
) -> Reply<Answer> {
    let r = req.clone();
    change(&app, caller, key, "ticket.triage", id, &req, async move |tx, a, c| {
        qd_support::triage(tx, &a.core, c, id, r.clone()).await
    })
    .await
}

#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "Answered by telephone."}))]
pub struct TicketReason {
    #[serde(default)]
    reason: String,
}

impl TicketReason {
    fn checked(&self) -> Result<()> {
        if self.reason.chars().count() > 500 {
            return Err(Problem::invalid("/reason", "text_length", "expected at most 500 characters"));
        }
        Ok(())
    }
}

/// Solved without a further word.
#[utoipa::path(post, path = "/api/v1/tickets/{id}/solve", tag = "tickets", request_body = TicketReason, responses((status = 200, body = TicketDetail)))]
pub async fn solve(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<TicketId>,
    Body(req): Body<TicketReason>,
) -> Reply<Answer> {
    req.checked()?;
    let r = req.clone();
    change(&app, caller, key, "ticket.solve", id, &req, async move |tx, a, c| {
        qd_support::solve(tx, &a.core, c, id, &r.reason).await
    })
    .await
}

/// Takes a solved one up again.
#[utoipa::path(post, path = "/api/v1/tickets/{id}/reopen", tag = "tickets", request_body = TicketReason, responses((status = 200, body = TicketDetail)))]
pub async fn reopen(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<TicketId>,
    Body(req): Body<TicketReason>,
) -> Reply<Answer> {
    req.checked()?;
    let r = req.clone();
    change(&app, caller, key, "ticket.reopen", id, &req, async move |tx, a, c| {
        qd_support::reopen(tx, &a.core, c, id, &r.reason).await
    })
    .await
}

/// Ends a solved one for good.
#[utoipa::path(post, path = "/api/v1/tickets/{id}/close", tag = "tickets", request_body = TicketReason, responses((status = 200, body = TicketDetail)))]
pub async fn close(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<TicketId>,
    Body(req): Body<TicketReason>,
) -> Reply<Answer> {
    req.checked()?;
    let r = req.clone();
    change(&app, caller, key, "ticket.close", id, &req, async move |tx, a, c| {
        qd_support::close(tx, &a.core, c, id, &r.reason).await
    })
    .await
}

/// Prepared answers, by title.
#[utoipa::path(get, path = "/api/v1/tickets/macros", tag = "tickets", responses((status = 200, body = Items<Macro>)))]
pub async fn macro_list(State(app): State<App>, Asker(caller): Asker) -> Reply<Json<Value>> {
    read(&app, async move |tx| macros::list(tx, &caller).await.map(Items::from)).await
}

/// Adds a prepared answer: one text per language, English among them, with places in braces.
#[utoipa::path(post, path = "/api/v1/tickets/macros", tag = "tickets", request_body = MacroDraft, responses((status = 201, body = Macro)))]
pub async fn macro_add(State(app): State<App>, Asker(caller): Asker, key: IdempotencyKey, Body(req): Body<MacroDraft>) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "macro.add", &req, 201, async move |tx| {
        macros::put(tx, &core, &c, None, r.clone()).await
    })
    .await
}

/// Changes a prepared answer.
#[utoipa::path(put, path = "/api/v1/tickets/macros/{id}", tag = "tickets", request_body = MacroDraft, responses((status = 200, body = Macro)))]
pub async fn macro_put(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<MacroId>,
    Body(req): Body<MacroDraft>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "macro.put", &(id, &req), 200, async move |tx| {
        macros::put(tx, &core, &c, Some(id), r.clone()).await
    })
    .await
}

#[derive(Serialize, ToSchema)]
#[schema(example = json!({"text": "Hallo Alex,\n\nIhre Einzahlung von 500,00 EUR hat diesen Stand: Gutgeschrieben."}))]
pub struct FilledMacro {
    text: String,
}

/// A prepared answer filled for a ticket, in the client's language and with the record's status in
/// the words of the portal. Nothing is sent.
#[utoipa::path(get, path = "/api/v1/tickets/{id}/macros/{macro_id}", tag = "tickets", responses((status = 200, body = FilledMacro)))]
pub async fn macro_fill(State(app): State<App>, Asker(caller): Asker, At2(id, macro_id): At2<TicketId, MacroId>) -> Reply<Json<Value>> {
    let a = app.clone();
    read(&app, async move |tx| {
        qd_support::view(tx, &a.core, &caller, id).await?;
        let t = qd_support::find(tx, id).await?.ok_or_else(|| Problem::missing("ticket"))?;
        let m = macros::get(tx, &caller, macro_id).await?;
        Ok(FilledMacro {
            text: tickets::fill(&a, tx, &caller, &t, &m).await?,
        })
    })
    .await
}

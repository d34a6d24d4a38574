//! What staff note about a client and plan to do: notes, calls, tasks, the timeline.

use crate::kit::{At, Items, Made, Paged, Reply, list_query, read, write};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use qd_app::App;
use qd_clients::tasks::{self, NewTask, Task, TaskChange, TaskId};
use qd_clients::timeline::{self, LineFilter};
use qd_clients::{Call, CallId, CallOutcome, Channel, ClientId, Direction, NewCall, Note, NoteKind, Status};
use qd_kernel::{Page, Problem, Ts};
use qd_notify::MailId;
use qd_runtime::access::{Right, StaffId};
use qd_web::{Answer, ApiProblem, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

list_query!(Timeline {
    /// Kinds, separated by commas: `call,note,deposit`.
    kinds: String as String,
    /// Lines that contain this text.
    text: String as String,
    from_us: i64 as i64,
    until_us: i64 as i64,
});

/// What happened with a client, the newest first, as far as I may see.
#[utoipa::path(get, path = "/api/v1/clients/{id}/timeline", tag = "clients", params(Timeline), responses((status = 200, body = Page<timeline::Line>)))]
pub async fn timeline(
    State(app): State<App>,
    Asker(caller): Asker,
    At(id): At<ClientId>,
    Params(q): Params<Timeline>,
) -> Reply<Json<Value>> {
    let page = q.page()?;
    let kinds = q
        .kinds
        .as_deref()
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|k| !k.is_empty())
        .map(str::to_string)
        .collect();
    let f = LineFilter {
        kinds,
        text: q.text.clone().filter(|t| !t.is_empty()),
        from: q.from_us.map(Ts),
        until: q.until_us.map(Ts),
    };
    read(&app, async move |tx| timeline::list(tx, &caller, id, &f, &page).await).await
}

/// Notes, the newest first. AML notes are there only for those who may see them.
#[utoipa::path(get, path = "/api/v1/clients/{id}/notes", tag = "clients", params(Paged), responses((status = 200, body = Page<Note>)))]
pub async fn notes(State(app): State<App>, Asker(caller): Asker, At(id): At<ClientId>, Params(q): Params<Paged>) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| qd_clients::notes(tx, &caller, id, &page).await).await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"body": "Prefers calls after six."}))]
pub struct NewNote {
    body: String,
}

async fn add(
    app: App,
    caller: qd_runtime::access::Caller,
    key: IdempotencyKey,
    id: ClientId,
    kind: NoteKind,
    req: NewNote,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    let operation = if kind == NoteKind::Aml { "note.add_aml" } else { "note.add" };
    write(&app, &caller, key, operation, &(id, &req), 201, async move |tx| {
        qd_clients::add_note(tx, &core, &c, id, kind, &r.body).await
    })
    .await
}

/// Adds a note. It is never edited.
#[utoipa::path(post, path = "/api/v1/clients/{id}/notes", tag = "clients", request_body = NewNote, responses((status = 201, body = Note)))]
pub async fn add_note(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<ClientId>,
    Body(req): Body<NewNote>,
) -> Reply<Answer> {
    add(app, caller, key, id, NoteKind::General, req).await
}

/// Adds an anti-money-laundering note: invisible to all others, in search and exports too.
#[utoipa::path(post, path = "/api/v1/clients/{id}/aml-notes", tag = "clients", request_body = NewNote, responses((status = 201, body = Note)))]
pub async fn add_aml_note(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<ClientId>,
    Body(req): Body<NewNote>,
) -> Reply<Answer> {
    add(app, caller, key, id, NoteKind::Aml, req).await
}

/// Calls, the newest first.
#[utoipa::path(get, path = "/api/v1/clients/{id}/calls", tag = "clients", params(Paged), responses((status = 200, body = Page<Call>)))]
pub async fn calls(State(app): State<App>, Asker(caller): Asker, At(id): At<ClientId>, Params(q): Params<Paged>) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| qd_clients::calls(tx, &caller, id, &page).await).await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FollowUp {
    title: String,
    due_at_us: Ts,
    /// Mine without it.
    #[serde(default)]
    owner_id: Option<StaffId>,
}

impl From<FollowUp> for NewTask {
    fn from(f: FollowUp) -> NewTask {
        NewTask {
            title: f.title,
            due_at: f.due_at_us,
            owner_id: f.owner_id,
        }
    }
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"direction": "out", "outcome": "reached", "duration_s": 240, "body": "Interested in MT5.", "status": "contacted", "follow_up": {"title": "Call about the documents", "due_at_us": 1_790_100_000_000_000_i64}}))]
pub struct LogCall {
    /// `in` or `out`.
    direction: Direction,
    /// `reached`, `no_answer`, `voicemail`, `wrong_number`, `callback`.
    outcome: CallOutcome,
    #[serde(default)]
    duration_s: i64,
    #[serde(default)]
    body: String,
    /// How the talk stands after it.
    #[serde(default)]
    status: Option<Status>,
    #[serde(default)]
    follow_up: Option<FollowUp>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = CallLogged)]
pub struct Logged {
    call: Call,
    /// The follow-up, when one was asked for.
    task: Option<Task>,
}

/// Logs a call with the status and the follow-up it led to, all or nothing.
#[utoipa::path(post, path = "/api/v1/clients/{id}/calls", tag = "clients", request_body = LogCall, responses((status = 201, body = Logged)))]
pub async fn log_call(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<ClientId>,
    Body(req): Body<LogCall>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "call.log", &(id, &req), 201, async move |tx| {
        let r = r.clone();
        let call = NewCall {
            direction: r.direction,
            outcome: r.outcome,
            duration_s: r.duration_s,
            body: r.body,
            status: r.status,
            follow_up: r.follow_up.map(Into::into),
        };
        let (call, task) = qd_clients::log_call(tx, &core, &c, id, call).await?;
        Ok(Logged { call, task })
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"channel": "whatsapp", "direction": "in", "body": "Which documents do you need?"}))]
pub struct LogMessage {
    /// `chat`, `whatsapp`, `telegram`, `sms`, `social`, `other`.
    channel: Channel,
    /// `in` or `out`.
    direction: Direction,
    body: String,
}

#[derive(Serialize, ToSchema)]
pub struct MessageLogged {
    logged: bool,
}

/// Notes what was written in a chat. It stands in the timeline and is never edited.
#[utoipa::path(post, path = "/api/v1/clients/{id}/messages", tag = "clients", request_body = LogMessage, responses((status = 201, body = MessageLogged)))]
pub async fn log_message(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<ClientId>,
    Body(req): Body<LogMessage>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "message.log", &(id, &req), 201, async move |tx| {
        qd_clients::log_message(tx, &core, &c, id, r.channel, r.direction, &r.body).await?;
        Ok(MessageLogged { logged: true })
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"subject": "Your documents", "body": "Dear Mr Weber,\nplease send the second page, too."}))]
pub struct WriteMail {
    subject: String,
    body: String,
}

/// Writes a mail to the client under the brand's name. It stands in the timeline with its words.
#[utoipa::path(post, path = "/api/v1/clients/{id}/mails", tag = "clients", request_body = WriteMail, responses((status = 201, body = Made<MailId>)))]
pub async fn write_mail(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<ClientId>,
    Body(req): Body<WriteMail>,
) -> Reply<Answer> {
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "mail.write", &(id, &req), 201, async move |tx| {
        let client = qd_clients::get(tx, &c, Right::CallsLog, id).await?;
        let mail = qd_app::notices::write_to_client(&a, tx, &c, &client, &r.subject, &r.body).await?;
        Ok(Made { id: mail })
    })
    .await
}

/// A call stays in the record for good: this is refused, and the attempt is noted.
#[utoipa::path(delete, path = "/api/v1/calls/{id}", tag = "clients", responses((status = 403, description = "`call_kept`")))]
pub async fn remove_call(State(app): State<App>, Asker(caller): Asker, At(id): At<CallId>) -> Reply<Response> {
    let (core, c) = (app.core.clone(), caller.clone());
    let refusal = app
        .core
        .db
        .write(async move |tx| qd_clients::refuse_call_removal(tx, &core, &c, id).await)
        .await?;
    Ok(ApiProblem(refusal).into_response())
}

list_query!(Agenda {
    /// A colleague's, as far as my right reaches; mine without it.
    owner_id: StaffId as StaffId,
    /// Only tasks due until then, microseconds since 1970.
    until_us: i64 as i64,
});

/// Open tasks, the soonest first.
#[utoipa::path(get, path = "/api/v1/tasks", tag = "clients", params(Agenda), responses((status = 200, body = Page<Task>)))]
pub async fn agenda(State(app): State<App>, Asker(caller): Asker, Params(q): Params<Agenda>) -> Reply<Json<Value>> {
    let page = q.page()?;
    read(&app, async move |tx| {
        tasks::agenda(tx, &caller, q.owner_id, q.until_us.map(Ts), &page).await
    })
    .await
}

/// Tasks about a client, the soonest first.
#[utoipa::path(get, path = "/api/v1/clients/{id}/tasks", tag = "clients", responses((status = 200, body = Items<Task>)))]
pub async fn tasks_of(State(app): State<App>, Asker(caller): Asker, At(id): At<ClientId>) -> Reply<Json<Value>> {
    read(&app, async move |tx| {
        tasks::of_client(tx, &caller, id, false).await.map(Items::from)
    })
    .await
}

/// Adds a task; its owner is told when it is due.
#[utoipa::path(post, path = "/api/v1/clients/{id}/tasks", tag = "clients", request_body = FollowUp, responses((status = 201, body = Task)))]
pub async fn add_task(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<ClientId>,
    Body(req): Body<FollowUp>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "task.add", &(id, &req), 201, async move |tx| {
        tasks::add(tx, &core, &c, id, r.clone().into()).await
    })
    .await
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"version": 1, "done": "Documents are on their way."}))]
pub struct ChangeTask {
    /// The version the change starts from.
    version: i64,
    /// Exactly one of these four. Done: what came of it.
    #[serde(default)]
    done: Option<String>,
    /// Cancelled: why.
    #[serde(default)]
    cancel: Option<String>,
    #[serde(default)]
    due_at_us: Option<Ts>,
    #[serde(default)]
    owner_id: Option<StaffId>,
}

/// Closes, moves or gives an open task.
#[utoipa::path(patch, path = "/api/v1/tasks/{id}", tag = "clients", request_body = ChangeTask, responses((status = 200, body = Task)))]
pub async fn change_task(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<TaskId>,
    Body(req): Body<ChangeTask>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "task.change", &(id, &req), 200, async move |tx| {
        let change = match (r.done.clone(), r.cancel.clone(), r.due_at_us, r.owner_id) {
            (Some(outcome), None, None, None) => TaskChange::Done { outcome },
            (None, Some(reason), None, None) => TaskChange::Cancel { reason },
            (None, None, Some(due_at), None) => TaskChange::Move { due_at },
            (None, None, None, Some(owner_id)) => TaskChange::Give { owner_id },
            _ => {
                return Err(Problem::invalid(
                    "done",
                    "one_of",
                    "expected exactly one of done, cancel, due_at_us and owner_id",
                ));
            }
        };
        tasks::change(tx, &core, &c, id, r.version, change).await
    })
    .await
}

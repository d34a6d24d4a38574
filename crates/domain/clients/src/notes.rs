//! Notes, calls: what staff write down. Both are added and never edited or removed.

use crate::client::{self, ClientId, entry, publish};
use crate::model::Status;
use crate::store;
use crate::tasks::{self, NewTask, Task};
use crate::timeline::{self, NewLine, Visibility};
use qd_db::Tx;
use qd_kernel::{Page, PageRequest, Problem, Result, Ts, id, text_enum};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Mask, Right};
use qd_runtime::audit;
use serde::Serialize;
use serde_json::json;

id!(NoteId, "nte", "A note on a client.");
id!(CallId, "cal", "A call with a client.");

/// Characters of a note.
pub const MAX_NOTE: usize = 10_000;

text_enum!(
    NoteKind {
        General = "general",
        /// For those who see anti-money-laundering matters; to all others it does not exist.
        Aml = "aml",
    }
);
text_enum!(Direction as CallDirection { In = "in", Out = "out" });
text_enum!(
    /// Where a message was written.
    Channel as MessageChannel { Chat = "chat", Whatsapp = "whatsapp", Telegram = "telegram", Sms = "sms", Social = "social", Other = "other" }
);
text_enum!(CallOutcome { Reached = "reached", NoAnswer = "no_answer", Voicemail = "voicemail", WrongNumber = "wrong_number", Callback = "callback" });

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Note {
    pub id: NoteId,
    pub client_id: ClientId,
    pub kind: NoteKind,
    pub body: String,
    pub by_id: String,
    pub by_name: String,
    #[serde(rename = "at_us")]
    pub at: Ts,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Call {
    pub id: CallId,
    pub client_id: ClientId,
    pub direction: Direction,
    pub outcome: CallOutcome,
    pub duration_s: i64,
    pub body: String,
    pub by_id: String,
    pub by_name: String,
    #[serde(rename = "at_us")]
    pub at: Ts,
}

fn body_ok(text: &str, may_be_empty: bool) -> Result<String> {
    let t = text.trim();
    if (t.is_empty() && !may_be_empty) || t.chars().count() > MAX_NOTE || t.contains('\0') {
        return Err(Problem::invalid(
            "/body",
            "note_length",
            format!("expected 1 to {MAX_NOTE} characters"),
        ));
    }
    Ok(t.to_string())
}

fn sees_aml(caller: &Caller) -> bool {
    caller.sees(Mask::Aml) && caller.may(Right::AmlView)
}

/// Adds a note.
pub async fn add_note(tx: &mut Tx, core: &Core, caller: &Caller, id: ClientId, kind: NoteKind, body: &str) -> Result<Note> {
    let right = if kind == NoteKind::Aml {
        Right::AmlWrite
    } else {
        Right::NotesWrite
    };
    let c = client::get(tx, caller, right, id).await?;
    let body = body_ok(body, false)?;
    let n = Note {
        id: NoteId::new(&core.env),
        client_id: id,
        kind,
        body,
        by_id: caller.id(),
        by_name: caller.label(),
        at: core.now(),
    };
    store::notes::insert_note(tx, &n).await?;
    let visibility = if kind == NoteKind::Aml {
        Visibility::Aml
    } else {
        Visibility::Staff
    };
    let line = NewLine::new(
        id,
        if kind == NoteKind::Aml { "aml_note" } else { "note" },
        "timeline.note",
        json!({"note_id": n.id, "body": n.body}),
        visibility,
    );
    timeline::put(tx, core, caller, line.text(n.body.clone())).await?;
    // The audit row says that, not what: the note itself cannot change.
    audit::record(
        tx,
        core,
        entry(caller, "note.added", &c).after(json!({"note_id": n.id, "kind": kind})),
    )
    .await?;
    Ok(n)
}

/// Notes of a client, newest first, as far as the caller may see.
pub async fn notes(tx: &mut Tx, caller: &Caller, id: ClientId, page: &PageRequest) -> Result<Page<Note>> {
    client::get(tx, caller, Right::TimelineView, id).await?;
    let rows = store::notes::page(tx, id, sees_aml(caller), page).await?;
    Ok(page.finish(rows, |n: &Note| n.id.to_string()))
}

#[derive(Clone, Debug)]
pub struct NewCall {
    pub direction: Direction,
    pub outcome: CallOutcome,
    pub duration_s: i64,
    pub body: String,
    /// How the talk with the client stands after it.
    pub status: Option<Status>,
    /// Whether and when to call again.
    pub follow_up: Option<NewTask>,
}

/// Logs a call with the status and the follow-up it led to, all or nothing.
pub async fn log_call(tx: &mut Tx, core: &Core, caller: &Caller, id: ClientId, call: NewCall) -> Result<(Call, Option<Task>)> {
    let mut c = client::lock(tx, caller, Right::CallsLog, id).await?;
    if !(0..=86_400).contains(&call.duration_s) {
        return Err(Problem::invalid(
            "/duration_s",
            "duration_out_of_range",
            "expected 0 to 86400 seconds",
        ));
    }
    let now = core.now();
    let k = Call {
        id: CallId::new(&core.env),
        client_id: id,
        direction: call.direction,
        outcome: call.outcome,
        duration_s: call.duration_s,
        body: body_ok(&call.body, true)?,
        by_id: caller.id(),
        by_name: caller.label(),
        at: now,
    };
    store::notes::insert_call(tx, &k).await?;
    let before = c.status;
    let status = call
        .status
        .or((c.status == Status::New).then_some(if k.outcome == CallOutcome::Reached {
            Status::Contacted
        } else {
            Status::NoAnswer
        }));
    c.status = status.unwrap_or(c.status);
    c.first_response_at = c.first_response_at.or(Some(now));
    store::clients::save(tx, &c, now).await?;
    let data = json!({"call_id": k.id, "direction": k.direction, "outcome": k.outcome, "duration_s": k.duration_s, "body": k.body, "status": c.status});
    timeline::put(
        tx,
        core,
        caller,
        NewLine::new(id, "call", "timeline.call", data, Visibility::Staff).text(k.body.clone()),
    )
    .await?;
    audit::record(
        tx,
        core,
        entry(caller, "call.logged", &c)
            .before(json!({"status": before}))
            .after(json!({"call_id": k.id, "outcome": k.outcome, "status": c.status})),
    )
    .await?;
    publish(
        tx,
        core,
        "client.contacted",
        &c,
        json!({"call_id": k.id, "outcome": k.outcome, "status": c.status}),
    )
    .await?;
    let task = match call.follow_up {
        Some(t) => Some(tasks::add(tx, core, caller, id, t).await?),
        None => None,
    };
    Ok((k, task))
}

/// A message outside our mails: what was written, where, by whom. It stands in the timeline and is
/// never edited. Right `calls.log`.
pub async fn log_message(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    id: ClientId,
    channel: Channel,
    direction: Direction,
    body: &str,
) -> Result<()> {
    let mut c = client::lock(tx, caller, Right::CallsLog, id).await?;
    let body = body_ok(body, false)?;
    let now = core.now();
    if direction == Direction::Out && c.first_response_at.is_none() {
        c.first_response_at = Some(now);
        store::clients::save(tx, &c, now).await?;
    }
    let data = json!({"channel": channel, "direction": direction, "body": body});
    timeline::put(
        tx,
        core,
        caller,
        NewLine::new(id, "chat", "timeline.message", data, Visibility::Staff).text(body),
    )
    .await?;
    audit::record(
        tx,
        core,
        entry(caller, "message.logged", &c).after(json!({"channel": channel, "direction": direction})),
    )
    .await
    .map(|_| ())
}

/// Calls of a client, newest first.
pub async fn calls(tx: &mut Tx, caller: &Caller, id: ClientId, page: &PageRequest) -> Result<Page<Call>> {
    client::get(tx, caller, Right::TimelineView, id).await?;
    let rows = store::notes::calls(tx, id, page).await?;
    Ok(page.finish(rows, |k: &Call| k.id.to_string()))
}

/// A call entry stays for good. Notes who tried; the caller of this function commits and answers
/// the problem it returns.
pub async fn refuse_call_removal(tx: &mut Tx, core: &Core, caller: &Caller, call_id: CallId) -> Result<Problem> {
    let k = store::notes::call(tx, call_id).await?.ok_or_else(|| Problem::missing("call"))?;
    let c = client::get(tx, caller, Right::TimelineView, k.client_id).await?;
    audit::record(
        tx,
        core,
        entry(caller, "call.removal_refused", &c).after(json!({"call_id": call_id})),
    )
    .await?;
    Ok(Problem::forbidden(
        "call_kept",
        "a call stays in the record for good; your attempt was noted",
    ))
}

//! A ticket from the first words to its end. Each move locks the ticket, asks the table of states,
//! and writes state, message, timeline, event and audit row in one transaction.

use crate::clocks::{self, Clocks, NEVER};
use crate::model::{Category, Command, Effect, Priority, TicketState, decide};
use crate::{cover, store};
use qd_clients::timeline::{self, NewLine, Visibility};
use qd_clients::{Client, ClientId};
use qd_db::Tx;
use qd_kernel::{Problem, Result, Ts, id, text_enum};
use qd_runtime::access::{Caller, Right, StaffId, Who, staff};
use qd_runtime::audit::{self, Entry};
use qd_runtime::events::{self, NewEvent};
use qd_runtime::{Core, tenancy};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

id!(TicketId, "tkt", "A ticket.");
id!(MessageId, "msg", "A message of a ticket.");

pub const MAX_BODY: usize = 10_000;
/// Messages of one ticket; after that another one says more.
pub const MAX_MESSAGES: i64 = 500;
/// Tickets of one client that are not over.
pub const MAX_OPEN: i64 = 20;

text_enum!(
    MessageKind as TicketMessageKind {
        Client = "client",
        Staff = "staff",
        /// Among staff; the client never reads it.
        Note = "note",
    }
);

text_enum!(
    /// Who wrote the last message that both read.
    Side as TicketSide { Client = "client", Staff = "staff" }
);

text_enum!(
    /// What an answer leaves behind.
    Then as TicketThen {
        /// The client is to say something.
        AskClient = "ask_client",
        /// It stays with us.
        KeepWorking = "keep_working",
        Solve = "solve",
    }
);

/// The row, uncovered: for use cases, never for answers.
#[derive(Clone, Debug)]
pub struct Ticket {
    pub id: TicketId,
    pub client_id: ClientId,
    pub entity: String,
    pub subject: String,
    pub category: Category,
    pub about: Option<String>,
    pub state: TicketState,
    pub priority: Priority,
    pub desk: Option<String>,
    pub owner_id: Option<StaffId>,
    pub owner_name: Option<String>,
    pub last_owner_id: Option<StaffId>,
    pub opened_by: Side,
    pub created_at: Ts,
    pub updated_at: Ts,
    pub message_at: Ts,
    pub message_by: Side,
    pub client_read_at: Ts,
    pub first_reply_at: Option<Ts>,
    pub first_reply_due_at: Ts,
    pub resolve_due_at: Ts,
    pub paused_at: Option<Ts>,
    pub due_at: Ts,
    pub solved_at: Option<Ts>,
    pub closed_at: Option<Ts>,
    pub messages: i64,
    pub handovers: i64,
    pub reopened: i64,
    pub version: i64,
}

#[derive(Clone, Debug)]
pub struct NewTicket {
    pub subject: String,
    pub category: Category,
    /// The record it is about; that it is the client's own is checked by whoever knows such records.
    pub about: Option<String>,
    pub body: String,
    /// For staff: the setting's, or normal, when absent.
    pub priority: Option<Priority>,
}

/// Whom or which desk a ticket goes to. What is absent stays; an owner of null gives it back.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AssignTicket, example = json!({"owner_id": "stf_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "reason": "Knows the client."}))]
pub struct Assign {
    #[serde(default)]
    pub owner_id: Option<StaffId>,
    /// A desk's code.
    #[serde(default)]
    pub desk: Option<String>,
    #[serde(default)]
    pub reason: String,
}

/// What staff correct about a ticket; what is absent stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TriageTicket, example = json!({"version": 3, "priority": "high"}))]
pub struct Triage {
    /// The version the change starts from.
    pub version: i64,
    #[serde(default)]
    pub priority: Option<Priority>,
    #[serde(default)]
    pub category: Option<Category>,
    #[serde(default)]
    pub subject: Option<String>,
}

fn subject_ok(text: &str) -> Result<String> {
    let t = text.trim();
    if t.is_empty() || t.chars().count() > 200 || t.chars().any(char::is_control) {
        return Err(Problem::invalid("/subject", "subject_length", "expected 1 to 200 characters"));
    }
    Ok(t.to_string())
}

fn body_ok(text: &str) -> Result<String> {
    let t = text.trim();
    if t.is_empty() || t.chars().count() > MAX_BODY {
        return Err(Problem::invalid(
            "/body",
            "message_length",
            format!("expected 1 to {MAX_BODY} characters"),
        ));
    }
    Ok(t.to_string())
}

/// Prefix and whole of a record's id, if it is one a ticket may be about.
pub fn about_parts(about: &str) -> Result<(&str, &str)> {
    const KINDS: [&str; 9] = ["dep", "wdr", "trf", "tacc", "kyc", "par", "stm", "ppo", "cml"];
    let bad = || {
        Problem::invalid(
            "/about",
            "about_malformed",
            "expected the id of a record, like dep_ followed by 26 characters",
        )
    };
    let (kind, body) = about.split_once('_').ok_or_else(bad)?;
    if !KINDS.contains(&kind) || qd_kernel::id::decode_body(body).is_none() {
        return Err(bad());
    }
    Ok((kind, about))
}

/// The ticket, if the caller has the right and it reaches the client it is of. A client reaches
/// their own.
pub(crate) async fn reach(tx: &mut Tx, caller: &Caller, right: Right, id: TicketId) -> Result<(Ticket, Client)> {
    let gone = || Problem::missing("ticket");
    let t = store::find(tx, id).await?.ok_or_else(gone)?;
    caller.require(right)?;
    if let Who::Client { client, .. } = &caller.who {
        // What a record brought along when it was merged into this one belongs to it.
        let c = qd_clients::find(tx, t.client_id).await?.ok_or_else(gone)?;
        let mine = c.id.to_string() == *client || c.merged_into.is_some_and(|m| m.to_string() == *client);
        return if mine { Ok((t, c)) } else { Err(gone()) };
    }
    let c = qd_clients::get(tx, caller, right, t.client_id)
        .await
        .map_err(|p| if p.is("not_found") { gone() } else { p })?;
    Ok((t, c))
}

/// [`reach`] with the ticket locked: every change starts here.
async fn lock(tx: &mut Tx, caller: &Caller, right: Right, id: TicketId) -> Result<(Ticket, Client)> {
    store::lock(tx, id).await?;
    reach(tx, caller, right, id).await
}

fn entry<'a>(caller: &'a Caller, action: &'static str, t: &Ticket) -> Entry<'a> {
    Entry::new(caller, action, format!("ticket:{}", t.id))
        .client(t.client_id.to_string())
        .entity(Some(t.entity.clone()))
}

async fn publish(tx: &mut Tx, core: &Core, kind: &'static str, t: &Ticket, mut payload: Value) -> Result<()> {
    for (k, v) in [
        ("ticket_id", json!(t.id)),
        ("client_id", json!(t.client_id)),
        ("state", json!(t.state)),
        ("category", json!(t.category)),
        ("priority", json!(t.priority)),
        ("owner_id", json!(t.owner_id)),
        ("desk", json!(t.desk)),
    ] {
        payload[k] = v;
    }
    let e = NewEvent {
        kind,
        aggregate: format!("ticket:{}", t.id),
        entity: Some(t.entity.clone()),
        payload,
    };
    events::publish(tx, core, e).await.map(|_| ())
}

async fn line(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    t: &Ticket,
    title_key: &'static str,
    body: Option<&str>,
    v: Visibility,
) -> Result<()> {
    let body = body.map(cover::bank);
    let mut data = json!({"ticket_id": t.id, "subject": cover::bank(&t.subject), "category": t.category, "state": t.state});
    if let Some(b) = &body {
        data["body"] = json!(b);
    }
    let text = format!("{} {} {}", t.id, cover::bank(&t.subject), body.unwrap_or_default());
    timeline::put(tx, core, caller, NewLine::new(t.client_id, "ticket", title_key, data, v).text(text))
        .await
        .map(|_| ())
}

/// Moves the ticket if the table says so, with its clocks. True when the state changed.
fn go(t: &mut Ticket, command: Command, now: Ts) -> Result<bool> {
    let to = match decide(t.state, command) {
        Effect::Nothing => return Ok(false),
        Effect::Refuse => {
            return Err(Problem::conflict(
                "ticket_state",
                format!("a ticket that is {} cannot do this", t.state),
            ));
        }
        Effect::Go(to) => to,
    };
    // The clock of the resolution stands still while the client is to answer.
    if let Some(since) = t.paused_at.take()
        && to.is_ours()
    {
        t.resolve_due_at = Ts(t.resolve_due_at.micros() + (now.micros() - since.micros()).max(0));
    }
    if !to.is_ours() {
        t.paused_at = Some(now);
    }
    if t.state.is_over() && !to.is_over() {
        t.reopened += 1;
        t.solved_at = None;
    }
    t.state = to;
    match to {
        TicketState::Solved => t.solved_at = Some(now),
        TicketState::Closed => t.closed_at = Some(now),
        _ => {}
    }
    Ok(true)
}

fn set_due(t: &mut Ticket) {
    t.due_at = clocks::due(t.state, t.first_reply_at, t.first_reply_due_at, t.resolve_due_at);
}

async fn save(tx: &mut Tx, core: &Core, t: &mut Ticket) -> Result<()> {
    t.updated_at = core.now();
    set_due(t);
    store::save(tx, t).await?;
    t.version += 1;
    Ok(())
}

async fn add(tx: &mut Tx, core: &Core, caller: &Caller, t: &mut Ticket, kind: MessageKind, body: &str) -> Result<MessageId> {
    if t.messages >= MAX_MESSAGES {
        return Err(Problem::conflict("ticket_full", "this ticket is full; open another"));
    }
    let now = core.now();
    let id = MessageId::new(&core.env);
    store::insert_message(tx, id, t.id, kind, body, &caller.id(), &caller.label(), now).await?;
    t.messages += 1;
    match kind {
        MessageKind::Note => {}
        MessageKind::Client => (t.message_at, t.message_by, t.client_read_at) = (now, Side::Client, now),
        MessageKind::Staff => {
            (t.message_at, t.message_by) = (now, Side::Staff);
            t.first_reply_at = t.first_reply_at.or(Some(now));
        }
    }
    Ok(id)
}

async fn start(tx: &mut Tx, core: &Core, caller: &Caller, c: &Client, n: NewTicket, by: Side) -> Result<Ticket> {
    let (subject, body) = (subject_ok(&n.subject)?, body_ok(&n.body)?);
    if let Some(a) = &n.about {
        about_parts(a)?;
    }
    if store::open_of(tx, c.id).await? >= MAX_OPEN {
        return Err(Problem::limit(
            "tickets_too_many",
            "many tickets are open already; please write in one of them",
        ));
    }
    let now = core.now();
    let route = clocks::route(tx, &c.entity, n.category).await?;
    let clocks = Clocks::load(tx, &c.entity).await?;
    let priority = n.priority.or(route.priority).unwrap_or(Priority::Normal);
    // A desk that was closed since the setting was made is nobody's queue.
    let desk = match route.desk {
        Some(d) if tenancy::desk(tx, &d).await?.is_some() => Some(d),
        _ => None,
    };
    let mut t = Ticket {
        id: TicketId::new(&core.env),
        client_id: c.id,
        entity: c.entity.clone(),
        subject,
        category: n.category,
        about: n.about,
        state: TicketState::Open,
        priority,
        desk,
        owner_id: None,
        owner_name: None,
        last_owner_id: None,
        opened_by: by,
        created_at: now,
        updated_at: now,
        message_at: now,
        message_by: by,
        client_read_at: now,
        first_reply_at: None,
        first_reply_due_at: clocks.first_reply_due(priority, now),
        resolve_due_at: clocks.resolve_due(priority, now),
        paused_at: None,
        due_at: NEVER,
        solved_at: None,
        closed_at: None,
        messages: 0,
        handovers: 0,
        reopened: 0,
        version: 1,
    };
    set_due(&mut t);
    store::insert(tx, &t).await?;
    let message = match by {
        Side::Client => add(tx, core, caller, &mut t, MessageKind::Client, &body).await?,
        Side::Staff => {
            let m = add(tx, core, caller, &mut t, MessageKind::Staff, &body).await?;
            go(&mut t, Command::AskClient, now)?;
            t.client_read_at = Ts(0);
            m
        }
    };
    save(tx, core, &mut t).await?;
    qd_clients::search::put(tx, c.id, &[t.id.to_string().as_str()]).await?;
    line(tx, core, caller, &t, "timeline.ticket_opened", Some(&body), Visibility::Client).await?;
    let data = json!({"by": by, "message_id": message, "about": t.about});
    publish(tx, core, "ticket.opened", &t, data).await?;
    audit::record(
        tx,
        core,
        entry(caller, "ticket.opened", &t).after(json!({"category": t.category, "priority": t.priority, "about": t.about, "by": by})),
    )
    .await?;
    Ok(t)
}

/// The signed-in client asks for help.
pub async fn open(tx: &mut Tx, core: &Core, caller: &Caller, n: NewTicket) -> Result<Ticket> {
    caller.require(Right::MeTickets)?;
    let id = ClientId::parse(&caller.client_id()?)?;
    let c = qd_clients::get(tx, caller, Right::MeTickets, id).await?;
    start(tx, core, caller, &c, NewTicket { priority: None, ..n }, Side::Client).await
}

/// Staff write first; the client is to answer.
pub async fn open_for(tx: &mut Tx, core: &Core, caller: &Caller, client_id: ClientId, n: NewTicket) -> Result<Ticket> {
    caller.staff_id()?;
    let c = qd_clients::get(tx, caller, Right::TicketsWork, client_id).await?;
    start(tx, core, caller, &c, n, Side::Staff).await
}

/// The client writes. A solved ticket is ours again; a closed one refuses.
pub async fn client_reply(tx: &mut Tx, core: &Core, caller: &Caller, id: TicketId, body: &str) -> Result<Ticket> {
    let (mut t, _) = own(tx, caller, id).await?;
    let body = body_ok(body)?;
    let from = t.state;
    go(&mut t, Command::ClientWrites, core.now())?;
    let message = add(tx, core, caller, &mut t, MessageKind::Client, &body).await?;
    save(tx, core, &mut t).await?;
    line(tx, core, caller, &t, "timeline.ticket_message", Some(&body), Visibility::Client).await?;
    publish(
        tx,
        core,
        "ticket.message",
        &t,
        json!({"by": Side::Client, "message_id": message, "from": from}),
    )
    .await?;
    audit::record(
        tx,
        core,
        entry(caller, "ticket.message", &t).after(json!({"message_id": message, "state": t.state})),
    )
    .await?;
    Ok(t)
}

async fn own(tx: &mut Tx, caller: &Caller, id: TicketId) -> Result<(Ticket, Client)> {
    caller.client_id()?;
    lock(tx, caller, Right::MeTickets, id).await
}

/// The client says that it is settled.
pub async fn client_solved(tx: &mut Tx, core: &Core, caller: &Caller, id: TicketId) -> Result<Ticket> {
    let (t, _) = own(tx, caller, id).await?;
    moved(tx, core, caller, t, Command::ClientSolves, "").await
}

/// A move without a message.
async fn moved(tx: &mut Tx, core: &Core, caller: &Caller, mut t: Ticket, command: Command, reason: &str) -> Result<Ticket> {
    let from = t.state;
    if !go(&mut t, command, core.now())? {
        return Ok(t);
    }
    save(tx, core, &mut t).await?;
    line(tx, core, caller, &t, title_of(t.state), None, Visibility::Client).await?;
    publish(tx, core, "ticket.state", &t, json!({"from": from})).await?;
    audit::record(
        tx,
        core,
        entry(caller, "ticket.state", &t)
            .before(json!({"state": from}))
            .after(json!({"state": t.state}))
            .reason(reason),
    )
    .await?;
    Ok(t)
}

fn title_of(s: TicketState) -> &'static str {
    match s {
        TicketState::Solved => "timeline.ticket_solved",
        TicketState::Closed => "timeline.ticket_closed",
        _ => "timeline.ticket_reopened",
    }
}

/// An answer to the client. Whoever answers a ticket that nobody has takes it.
pub async fn reply(tx: &mut Tx, core: &Core, caller: &Caller, id: TicketId, body: &str, then: Then) -> Result<Ticket> {
    let me = caller.staff_id()?;
    let (mut t, _) = lock(tx, caller, Right::TicketsWork, id).await?;
    let body = body_ok(body)?;
    let (from, now) = (t.state, core.now());
    let command = match then {
        Then::AskClient => Command::AskClient,
        Then::KeepWorking => Command::KeepWorking,
        Then::Solve => Command::Solve,
    };
    // Checked before anything is written: a closed ticket takes no message.
    go(&mut t, command, now)?;
    if t.owner_id.is_none() {
        own_by(&mut t, Some((me, caller.label())));
    }
    let message = add(tx, core, caller, &mut t, MessageKind::Staff, &body).await?;
    save(tx, core, &mut t).await?;
    line(tx, core, caller, &t, "timeline.ticket_reply", Some(&body), Visibility::Client).await?;
    let data = json!({"by": Side::Staff, "message_id": message, "from": from});
    publish(tx, core, "ticket.message", &t, data).await?;
    audit::record(
        tx,
        core,
        entry(caller, "ticket.reply", &t)
            .before(json!({"state": from}))
            .after(json!({"message_id": message, "state": t.state})),
    )
    .await?;
    Ok(t)
}

/// A note among staff.
pub async fn note(tx: &mut Tx, core: &Core, caller: &Caller, id: TicketId, body: &str) -> Result<Ticket> {
    caller.staff_id()?;
    let (mut t, _) = lock(tx, caller, Right::TicketsWork, id).await?;
    let body = body_ok(body)?;
    let message = add(tx, core, caller, &mut t, MessageKind::Note, &body).await?;
    save(tx, core, &mut t).await?;
    // The words stay in the ticket: the timeline is read by more people.
    line(tx, core, caller, &t, "timeline.ticket_note", None, Visibility::Staff).await?;
    publish(tx, core, "ticket.note", &t, json!({"message_id": message})).await?;
    audit::record(tx, core, entry(caller, "ticket.note", &t).after(json!({"message_id": message}))).await?;
    Ok(t)
}

/// Solved without a further word.
pub async fn solve(tx: &mut Tx, core: &Core, caller: &Caller, id: TicketId, reason: &str) -> Result<Ticket> {
    let (t, _) = lock(tx, caller, Right::TicketsWork, id).await?;
    moved(tx, core, caller, t, Command::Solve, reason).await
}

pub async fn reopen(tx: &mut Tx, core: &Core, caller: &Caller, id: TicketId, reason: &str) -> Result<Ticket> {
    let (t, _) = lock(tx, caller, Right::TicketsWork, id).await?;
    moved(tx, core, caller, t, Command::Reopen, reason).await
}

/// Ends a solved ticket.
pub async fn close(tx: &mut Tx, core: &Core, caller: &Caller, id: TicketId, reason: &str) -> Result<Ticket> {
    let (t, _) = lock(tx, caller, Right::TicketsWork, id).await?;
    moved(tx, core, caller, t, Command::Close, reason).await
}

/// Gives it to somebody or to nobody; true when another person has it now than had it last.
fn own_by(t: &mut Ticket, to: Option<(StaffId, String)>) -> bool {
    let handed = match (&to, t.owner_id.or(t.last_owner_id)) {
        (Some((new, _)), Some(old)) => *new != old,
        _ => false,
    };
    t.last_owner_id = t.owner_id.or(t.last_owner_id);
    (t.owner_id, t.owner_name) = match to {
        Some((id, name)) => (Some(id), Some(name)),
        None => (None, None),
    };
    if handed {
        t.handovers += 1;
    }
    handed
}

async fn owned(tx: &mut Tx, core: &Core, caller: &Caller, mut t: Ticket, before: Value, reason: &str) -> Result<Ticket> {
    save(tx, core, &mut t).await?;
    let after = json!({"owner_id": t.owner_id, "desk": t.desk, "handovers": t.handovers});
    publish(tx, core, "ticket.assigned", &t, json!({"reason": reason, "by_id": caller.id()})).await?;
    audit::record(
        tx,
        core,
        entry(caller, "ticket.assigned", &t).before(before).after(after).reason(reason),
    )
    .await?;
    Ok(t)
}

/// Takes it. What somebody else has is refused: it is given, not taken.
pub async fn claim(tx: &mut Tx, core: &Core, caller: &Caller, id: TicketId) -> Result<Ticket> {
    let me = caller.staff_id()?;
    let (mut t, _) = lock(tx, caller, Right::TicketsWork, id).await?;
    match t.owner_id {
        Some(o) if o == me => return Ok(t),
        Some(_) => {
            let name = t.owner_name.unwrap_or_default();
            return Err(Problem::conflict("ticket_taken", format!("{name} has this ticket")));
        }
        None => {}
    }
    let before = json!({"owner_id": t.owner_id, "desk": t.desk, "handovers": t.handovers});
    own_by(&mut t, Some((me, caller.label())));
    owned(tx, core, caller, t, before, "claimed").await
}

/// Puts one's own back into the queue.
pub async fn release(tx: &mut Tx, core: &Core, caller: &Caller, id: TicketId) -> Result<Ticket> {
    let me = caller.staff_id()?;
    let (mut t, _) = lock(tx, caller, Right::TicketsWork, id).await?;
    match t.owner_id {
        None => return Ok(t),
        Some(o) if o != me => return Err(Problem::forbidden("ticket_not_yours", "only its owner may put it back")),
        Some(_) => {}
    }
    let before = json!({"owner_id": t.owner_id, "desk": t.desk, "handovers": t.handovers});
    own_by(&mut t, None);
    owned(tx, core, caller, t, before, "released").await
}

/// Gives it to a person, a desk, or both. Another desk takes it from its owner.
pub async fn assign(tx: &mut Tx, core: &Core, caller: &Caller, id: TicketId, a: Assign) -> Result<Ticket> {
    caller.staff_id()?;
    let (mut t, _) = lock(tx, caller, Right::TicketsWork, id).await?;
    if a.owner_id.is_none() && a.desk.is_none() {
        return Err(Problem::invalid("/owner_id", "one_of", "expected owner_id, desk or both"));
    }
    if a.reason.chars().count() > 500 {
        return Err(Problem::invalid("/reason", "text_length", "expected at most 500 characters"));
    }
    let before = json!({"owner_id": t.owner_id, "desk": t.desk, "handovers": t.handovers});
    let to = match a.owner_id {
        None => None,
        Some(id) => {
            let unknown = || Problem::invalid("/owner_id", "staff_unknown", "expected somebody who works here and answers tickets");
            let s = staff::get(tx, &Caller::system("tickets"), id).await.map_err(|_| unknown())?;
            let there = s.entities.iter().any(|e| *e == t.entity || e == qd_runtime::access::ALL_ENTITIES);
            if s.state != "active" || !there {
                return Err(unknown());
            }
            Some((id, s.name))
        }
    };
    let mut handed = false;
    if let Some(d) = a.desk.filter(|d| t.desk.as_deref() != Some(d)) {
        if tenancy::desk(tx, &d).await?.is_none() {
            return Err(Problem::invalid("/desk", "desk_unknown", "expected the code of a desk"));
        }
        handed = t.owner_id.is_some() || t.desk.is_some();
        t.desk = Some(d);
        if to.is_none() {
            own_by(&mut t, None);
        }
    }
    if to.is_some() && to.as_ref().map(|(id, _)| *id) != t.owner_id {
        handed = !own_by(&mut t, to) && handed;
    }
    if handed {
        t.handovers += 1;
    }
    if before == json!({"owner_id": t.owner_id, "desk": t.desk, "handovers": t.handovers}) {
        return Ok(t);
    }
    owned(tx, core, caller, t, before, &a.reason).await
}

/// Corrects priority, category, subject. Another priority counts its clocks from the beginning.
pub async fn triage(tx: &mut Tx, core: &Core, caller: &Caller, id: TicketId, change: Triage) -> Result<Ticket> {
    caller.staff_id()?;
    let (mut t, _) = lock(tx, caller, Right::TicketsWork, id).await?;
    if t.version != change.version {
        return Err(
            Problem::conflict("version_changed", "the ticket was changed in the meantime").and_field(
                "/version",
                "version_changed",
                "expected the latest version",
            ),
        );
    }
    let doc = |t: &Ticket| json!({"priority": t.priority, "category": t.category, "subject": t.subject});
    let before = doc(&t);
    if let Some(s) = &change.subject {
        t.subject = subject_ok(s)?;
    }
    t.category = change.category.unwrap_or(t.category);
    if let Some(p) = change.priority.filter(|p| *p != t.priority) {
        let clocks = Clocks::load(tx, &t.entity).await?;
        // What the client took to answer stays added.
        let paused = t.resolve_due_at.micros() - clocks.resolve_due(t.priority, t.created_at).micros();
        t.priority = p;
        t.first_reply_due_at = clocks.first_reply_due(p, t.created_at);
        t.resolve_due_at = Ts(clocks.resolve_due(p, t.created_at).micros() + paused.max(0));
    }
    if doc(&t) == before {
        return Ok(t);
    }
    save(tx, core, &mut t).await?;
    publish(tx, core, "ticket.state", &t, json!({"from": t.state})).await?;
    audit::record(tx, core, entry(caller, "ticket.triaged", &t).before(before).after(doc(&t))).await?;
    Ok(t)
}

/// The recurring job: solved tickets that nobody has said anything in for days are over.
pub struct Close {
    pub core: Core,
}

#[async_trait::async_trait]
impl qd_runtime::jobs::Handler for Close {
    fn kind(&self) -> &'static str {
        "tickets.close"
    }
    async fn run(&self, _lease: &qd_runtime::jobs::Lease) -> std::result::Result<(), qd_runtime::jobs::JobError> {
        let core = self.core.clone();
        let ids = core.db.read(async |tx| store::solved(tx, 500).await).await?;
        for (id, entity, solved_at) in ids {
            let core = self.core.clone();
            self.core
                .db
                .write(async move |tx| {
                    let days = Clocks::load(tx, &entity).await?.close_after_days.max(0);
                    if core.now() < solved_at.plus_days(days) {
                        return Ok(());
                    }
                    let who = Caller::system("job:tickets.close");
                    let (t, _) = lock(tx, &who, Right::TicketsWork, id).await?;
                    // The client may have written while this was read.
                    if t.solved_at != Some(solved_at) {
                        return Ok(());
                    }
                    moved(tx, &core, &who, t, Command::Close, "nobody has said anything for days")
                        .await
                        .map(|_| ())
                })
                .await?;
        }
        Ok(())
    }
}

/// Whether the caller reads what staff write among themselves: those whose right reaches further
/// than their own clients.
pub(crate) fn reads_notes(caller: &Caller) -> bool {
    use qd_runtime::access::Scope;
    match caller.who {
        Who::Client { .. } | Who::Public => false,
        _ => caller
            .require(Right::TicketsView)
            .is_ok_and(|s| matches!(s, Scope::Entity | Scope::All)),
    }
}

/// The ticket, for modules that decide about access themselves.
pub async fn find(tx: &mut Tx, id: TicketId) -> Result<Option<Ticket>> {
    store::find(tx, id).await
}

/// What a message says, and who reads it.
pub async fn said(tx: &mut Tx, id: MessageId) -> Result<Option<(MessageKind, String)>> {
    Ok(store::message(tx, id).await?.map(|m| (m.kind, m.body)))
}

//! Tickets as they are answered: for staff, with what their right covers, and for the client, who
//! reads what was said and not who has it.

use crate::clocks::NEVER;
use crate::model::{Category, TicketState};
use crate::queue::TicketRow;
use crate::ticket::{MessageId, MessageKind, Side, Ticket, TicketId, reach, reads_notes};
use crate::{cover, store};
use qd_clients::ClientId;
use qd_db::Tx;
use qd_kernel::{Page, PageRequest, Result, Ts};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right};
use serde::Serialize;
use utoipa::ToSchema;

/// A message as staff read it. Account and card numbers are covered for whoever may not see them.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = TicketMessage)]
pub struct Message {
    pub id: MessageId,
    pub kind: MessageKind,
    pub body: String,
    pub by_id: String,
    pub by_name: String,
    pub at_us: Ts,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Ticket, example = json!({"ticket": {"id": "tkt_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "client_id": "cli_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "client": "Alex Weber", "entity": "eu", "subject": "Where is my deposit?", "category": "deposit", "about": "dep_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "state": "open", "priority": "normal", "desk": null, "owner_id": null, "owner_name": null, "opened_by": "client", "created_at_us": 1_790_000_000_000_000_i64, "updated_at_us": 1_790_000_000_000_000_i64, "message_at_us": 1_790_000_000_000_000_i64, "message_by": "client", "first_reply_at_us": null, "first_reply_due_at_us": 1_790_014_400_000_000_i64, "resolve_due_at_us": 1_790_172_800_000_000_i64, "due_at_us": 1_790_014_400_000_000_i64, "overdue": false, "waits_s": 60, "solved_at_us": null, "closed_at_us": null, "messages": 1, "handovers": 0, "reopened": 0, "version": 2}, "language": "de", "messages": [{"id": "msg_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "kind": "client", "body": "I paid an hour ago.", "by_id": "lgn_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "by_name": "Alex Weber", "at_us": 1_790_000_000_000_000_i64}], "may_work": true}))]
pub struct TicketView {
    pub ticket: TicketRow,
    /// The client's language: a macro answers in it.
    pub language: String,
    /// The oldest first; internal notes among them for those who work with all clients.
    pub messages: Vec<Message>,
    /// Whether the caller may answer, note and move it.
    pub may_work: bool,
}

/// A ticket with its messages. Right `tickets.view`, as far as it reaches.
pub async fn view(tx: &mut Tx, core: &Core, caller: &Caller, id: TicketId) -> Result<TicketView> {
    let (t, c) = reach(tx, caller, Right::TicketsView, id).await?;
    let notes = reads_notes(caller);
    let client_name = c.name();
    let messages = store::messages(tx, id)
        .await?
        .into_iter()
        .filter(|m| notes || m.kind != MessageKind::Note)
        .map(|m| Message {
            id: m.id,
            kind: m.kind,
            body: cover::for_caller(caller, &m.body),
            // A client's messages bear the client's name, not "client cli_…".
            by_name: if m.kind == MessageKind::Client {
                client_name.clone()
            } else {
                m.by_name
            },
            by_id: m.by_id,
            at_us: m.at,
        })
        .collect();
    Ok(TicketView {
        ticket: row(caller, t, client_name, core.now()),
        language: c.language,
        messages,
        may_work: caller.staff_id().is_ok() && caller.may(Right::TicketsWork),
    })
}

/// [`view`] after a change, for the answer to it.
pub async fn read(tx: &mut Tx, core: &Core, caller: &Caller, t: &Ticket) -> Result<TicketView> {
    view(tx, core, caller, t.id).await
}

fn shown(at: Ts) -> Option<Ts> {
    (at < NEVER).then_some(at)
}

pub(crate) fn row(caller: &Caller, t: Ticket, client: String, now: Ts) -> TicketRow {
    let since = if t.state.is_ours() { Some(t.message_at) } else { None };
    TicketRow {
        id: t.id,
        client_id: t.client_id,
        client,
        entity: t.entity,
        subject: cover::for_caller(caller, &t.subject),
        category: t.category,
        about: t.about,
        state: t.state,
        priority: t.priority,
        desk: t.desk,
        owner_id: t.owner_id,
        owner_name: t.owner_name,
        opened_by: t.opened_by,
        created_at_us: t.created_at,
        updated_at_us: t.updated_at,
        message_at_us: t.message_at,
        message_by: t.message_by,
        first_reply_at_us: t.first_reply_at,
        first_reply_due_at_us: t.first_reply_due_at,
        resolve_due_at_us: t.resolve_due_at,
        overdue: t.due_at < now,
        due_at_us: shown(t.due_at),
        waits_s: since.map(|s| now.secs_since(s)),
        solved_at_us: t.solved_at,
        closed_at_us: t.closed_at,
        messages: t.messages,
        handovers: t.handovers,
        reopened: t.reopened,
        version: t.version,
    }
}

/// A ticket in the client's own list.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({"id": "tkt_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "subject": "Where is my deposit?", "category": "deposit", "about": "dep_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "state": "waiting_client", "created_at_us": 1_790_000_000_000_000_i64, "message_at_us": 1_790_000_600_000_000_i64, "message_by": "staff", "unread": true, "reply_due_at_us": null}))]
pub struct MyTicketRow {
    pub id: TicketId,
    pub subject: String,
    pub category: Category,
    pub about: Option<String>,
    pub state: TicketState,
    pub created_at_us: Ts,
    pub message_at_us: Ts,
    pub message_by: Side,
    /// We have written since the client looked last.
    pub unread: bool,
    /// By when we mean to answer, while it is our turn.
    pub reply_due_at_us: Option<Ts>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = MyTicketMessage)]
pub struct MyMessage {
    pub id: MessageId,
    /// `client` or `staff`.
    pub by: Side,
    pub body: String,
    pub at_us: Ts,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({"ticket": {"id": "tkt_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "subject": "Where is my deposit?", "category": "deposit", "about": null, "state": "open", "created_at_us": 1_790_000_000_000_000_i64, "message_at_us": 1_790_000_000_000_000_i64, "message_by": "client", "unread": false, "reply_due_at_us": 1_790_014_400_000_000_i64}, "messages": [{"id": "msg_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "by": "client", "body": "I paid an hour ago.", "at_us": 1_790_000_000_000_000_i64}]}))]
pub struct MyTicket {
    pub ticket: MyTicketRow,
    /// The oldest first.
    pub messages: Vec<MyMessage>,
}

fn my_row(t: Ticket) -> MyTicketRow {
    MyTicketRow {
        id: t.id,
        subject: t.subject,
        category: t.category,
        about: t.about,
        state: t.state,
        created_at_us: t.created_at,
        message_at_us: t.message_at,
        message_by: t.message_by,
        unread: t.message_by == Side::Staff && t.client_read_at < t.message_at,
        reply_due_at_us: t.state.is_ours().then_some(if t.first_reply_at.is_none() {
            t.first_reply_due_at
        } else {
            t.resolve_due_at
        }),
    }
}

/// The signed-in client's tickets, the newest first.
pub async fn mine(tx: &mut Tx, caller: &Caller, page: &PageRequest) -> Result<Page<MyTicketRow>> {
    caller.require(Right::MeTickets)?;
    let ids = qd_clients::with_merged(tx, ClientId::parse(&caller.client_id()?)?).await?;
    let rows = store::of_client(tx, &ids, page).await?;
    let found = page.finish(rows, |t: &Ticket| t.id.to_string());
    Ok(Page {
        items: found.items.into_iter().map(my_row).collect(),
        next_cursor: found.next_cursor,
    })
}

/// One of them, with what was said. Looking at it makes it read.
pub async fn my_ticket(tx: &mut Tx, core: &Core, caller: &Caller, id: TicketId) -> Result<MyTicket> {
    caller.client_id()?;
    let (t, _) = reach(tx, caller, Right::MeTickets, id).await?;
    store::client_read(tx, id, core.now()).await?;
    let messages = store::messages(tx, id)
        .await?
        .into_iter()
        .filter_map(|m| {
            let by = match m.kind {
                MessageKind::Client => Side::Client,
                MessageKind::Staff => Side::Staff,
                MessageKind::Note => return None,
            };
            Some(MyMessage {
                id: m.id,
                by,
                body: m.body,
                at_us: m.at,
            })
        })
        .collect();
    Ok(MyTicket {
        ticket: MyTicketRow {
            unread: false,
            ..my_row(t)
        },
        messages,
    })
}

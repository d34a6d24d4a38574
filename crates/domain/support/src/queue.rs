//! The queue with its clocks.

use crate::model::{Category, Priority, TicketState};
use crate::store;
use crate::ticket::{Side, Ticket, TicketId};
use qd_clients::ClientId;
use qd_db::Tx;
use qd_kernel::{Page, PageRequest, Problem, Result, Ts, page::join_key, text_enum};
use qd_runtime::access::{Caller, Right, Scope, StaffId};
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnedBy {
    Me,
    Nobody,
    Person(StaffId),
}

text_enum!(
    /// What comes first.
    Sort as TicketSort {
        /// What is due from us next; what waits for the client or is over comes last.
        Due = "due",
        Newest = "newest",
    }
);

#[derive(Clone, Debug, Default)]
pub struct QueueFilter {
    pub state: Option<TicketState>,
    /// Only those that are not over.
    pub unsolved: bool,
    pub category: Option<Category>,
    pub priority: Option<Priority>,
    pub desk: Option<String>,
    pub entity: Option<String>,
    pub owner: Option<OwnedBy>,
    pub overdue: bool,
    /// The record it is about.
    pub about: Option<String>,
    pub client_id: Option<ClientId>,
    pub created_from: Option<Ts>,
    pub created_until: Option<Ts>,
}

/// A line of the queue.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TicketRow {
    pub id: TicketId,
    pub client_id: ClientId,
    /// The client's name.
    pub client: String,
    pub entity: String,
    pub subject: String,
    pub category: Category,
    /// The record it is about: `dep_…`.
    pub about: Option<String>,
    pub state: TicketState,
    pub priority: Priority,
    pub desk: Option<String>,
    pub owner_id: Option<StaffId>,
    pub owner_name: Option<String>,
    pub opened_by: Side,
    pub created_at_us: Ts,
    pub updated_at_us: Ts,
    /// The last message that the client reads, and who wrote it.
    pub message_at_us: Ts,
    pub message_by: Side,
    pub first_reply_at_us: Option<Ts>,
    pub first_reply_due_at_us: Ts,
    /// Moves on while the client takes time to answer.
    pub resolve_due_at_us: Ts,
    /// What is due from us next; nothing while the client is to answer and when it is over.
    pub due_at_us: Option<Ts>,
    pub overdue: bool,
    /// For how long the client has waited for us, in seconds.
    pub waits_s: Option<i64>,
    pub solved_at_us: Option<Ts>,
    pub closed_at_us: Option<Ts>,
    pub messages: i64,
    /// How often another person or desk got it.
    pub handovers: i64,
    pub reopened: i64,
    pub version: i64,
}

/// A page of the queue. A right that reaches one's own or one's desk's clients only shows the
/// tickets of one client at a time, because only the client's record knows whose it is.
pub async fn queue(tx: &mut Tx, caller: &Caller, f: &QueueFilter, sort: Sort, now: Ts, page: &PageRequest) -> Result<Page<TicketRow>> {
    let scope = caller.require(Right::TicketsView)?;
    let clients = match f.client_id {
        Some(id) => {
            qd_clients::get(tx, caller, Right::TicketsView, id).await?;
            Some(qd_clients::with_merged(tx, id).await?)
        }
        None if matches!(scope, Scope::Own | Scope::Desk) => {
            return Err(Problem::forbidden(
                "client_needed",
                "your right reaches your own clients only: name one with client_id",
            ));
        }
        None => None,
    };
    let owner = match f.owner {
        None => None,
        Some(OwnedBy::Me) => Some(Some(caller.staff_id()?)),
        Some(OwnedBy::Nobody) => Some(None),
        Some(OwnedBy::Person(p)) => Some(Some(p)),
    };
    let rows = store::queue(
        tx,
        caller.allowed_entities().as_deref(),
        f,
        clients.as_deref(),
        owner,
        sort,
        now,
        page,
    )
    .await?;
    let found = page.finish(rows, |(t, _): &(Ticket, String)| match sort {
        Sort::Due => join_key(&[&t.due_at.micros().to_string(), &t.id.to_string()]),
        Sort::Newest => t.id.to_string(),
    });
    Ok(Page {
        items: found
            .items
            .into_iter()
            .map(|(t, name)| crate::view::row(caller, t, name, now))
            .collect(),
        next_cursor: found.next_cursor,
    })
}

/// A client's tickets, the newest first.
pub async fn of_client(tx: &mut Tx, caller: &Caller, client_id: ClientId, now: Ts, page: &PageRequest) -> Result<Page<TicketRow>> {
    let f = QueueFilter {
        client_id: Some(client_id),
        ..QueueFilter::default()
    };
    queue(tx, caller, &f, Sort::Newest, now, page).await
}

/// What waits for us: how many, how many past their time, and for how long the oldest, in seconds.
pub async fn waiting(tx: &mut Tx, caller: &Caller, now: Ts) -> Result<(i64, i64, Option<i64>)> {
    if !matches!(caller.require(Right::TicketsWork)?, Scope::Entity | Scope::All) {
        return Ok((0, 0, None));
    }
    let (n, overdue, oldest) = store::waiting(tx, caller.allowed_entities().as_deref(), now).await?;
    Ok((n, overdue, oldest.map(|t| now.secs_since(t))))
}

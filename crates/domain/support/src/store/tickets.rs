use crate::figures::Clocked;
use crate::model::{Category, Priority, TicketState};
use crate::queue::{QueueFilter, Sort};
use crate::ticket::{MessageId, MessageKind, Side, Ticket, TicketId};
use qd_clients::ClientId;
use qd_db::{Query, Tx, row, sql};
use qd_kernel::{PageRequest, Problem, Result, Ts, vals};
use qd_runtime::access::StaffId;

row! {
    struct TicketRow {
        id: TicketId, client_id: ClientId, entity: String, subject: String, category: Category, about: Option<String>, state: TicketState,
        priority: Priority, desk: Option<String>, owner_id: Option<StaffId>, owner_name: Option<String>, last_owner_id: Option<StaffId>,
        opened_by: Side, created_at: Ts, updated_at: Ts, message_at: Ts, message_by: Side, client_read_at: Ts, first_reply_at: Option<Ts>,
        first_reply_due_at: Ts, resolve_due_at: Ts, paused_at: Option<Ts>, due_at: Ts, solved_at: Option<Ts>, closed_at: Option<Ts>,
        messages: i64, handovers: i64, reopened: i64, version: i64, first_name: String, last_name: String,
    }
}

impl TicketRow {
    /// With the client's name.
    fn named(self) -> (Ticket, String) {
        let name = format!("{} {}", self.first_name, self.last_name).trim().to_string();
        let t = Ticket {
            id: self.id,
            client_id: self.client_id,
            entity: self.entity,
            subject: self.subject,
            category: self.category,
            about: self.about,
            state: self.state,
            priority: self.priority,
            desk: self.desk,
            owner_id: self.owner_id,
            owner_name: self.owner_name,
            last_owner_id: self.last_owner_id,
            opened_by: self.opened_by,
            created_at: self.created_at,
            updated_at: self.updated_at,
            message_at: self.message_at,
            message_by: self.message_by,
            client_read_at: self.client_read_at,
            first_reply_at: self.first_reply_at,
            first_reply_due_at: self.first_reply_due_at,
            resolve_due_at: self.resolve_due_at,
            paused_at: self.paused_at,
            due_at: self.due_at,
            solved_at: self.solved_at,
            closed_at: self.closed_at,
            messages: self.messages,
            handovers: self.handovers,
            reopened: self.reopened,
            version: self.version,
        };
        (t, name)
    }
}

pub(crate) async fn insert(tx: &mut Tx, t: &Ticket) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO tickets (id, client_id, entity, subject, category, about, state, priority, desk, opened_by, created_at, updated_at, message_at,
                 message_by, client_read_at, first_reply_due_at, resolve_due_at, due_at, messages, handovers, reopened, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $11, $12, $11, $13, $14, $15, 0, 0, 0, 1)"
        ),
        &vals![
            t.id,
            t.client_id,
            &t.entity,
            &t.subject,
            t.category,
            t.about.clone(),
            t.state,
            t.priority,
            t.desk.clone(),
            t.opened_by,
            t.created_at,
            t.message_by,
            t.first_reply_due_at,
            t.resolve_due_at,
            t.due_at
        ],
    )
    .await?;
    Ok(())
}

/// The row is this transaction's until its end.
pub(crate) async fn lock(tx: &mut Tx, id: TicketId) -> Result<()> {
    tx.exec_one(sql!("UPDATE tickets SET version = version WHERE id = $1"), &vals![id], || {
        Problem::missing("ticket")
    })
    .await
}

pub(crate) async fn save(tx: &mut Tx, t: &Ticket) -> Result<()> {
    tx.exec_one(
        sql!(
            "UPDATE tickets SET subject = $3, category = $4, state = $5, priority = $6, desk = $7, owner_id = $8, owner_name = $9, last_owner_id = $10,
                 updated_at = $11, message_at = $12, message_by = $13, client_read_at = $14, first_reply_at = $15, first_reply_due_at = $16,
                 resolve_due_at = $17, paused_at = $18, due_at = $19, solved_at = $20, closed_at = $21, messages = $22, handovers = $23, reopened = $24,
                 version = version + 1
             WHERE id = $1 AND version = $2"
        ),
        &vals![
            t.id,
            t.version,
            &t.subject,
            t.category,
            t.state,
            t.priority,
            t.desk.clone(),
            t.owner_id,
            t.owner_name.clone(),
            t.last_owner_id,
            t.updated_at,
            t.message_at,
            t.message_by,
            t.client_read_at,
            t.first_reply_at,
            t.first_reply_due_at,
            t.resolve_due_at,
            t.paused_at,
            t.due_at,
            t.solved_at,
            t.closed_at,
            t.messages,
            t.handovers,
            t.reopened
        ],
        || Problem::conflict("version_changed", "the ticket was changed in the meantime"),
    )
    .await
}

/// Reading is no change that others wait for.
pub(crate) async fn client_read(tx: &mut Tx, id: TicketId, at: Ts) -> Result<()> {
    tx.exec(
        sql!("UPDATE tickets SET client_read_at = $2 WHERE id = $1 AND client_read_at < message_at"),
        &vals![id, at],
    )
    .await?;
    Ok(())
}

pub(crate) async fn find(tx: &mut Tx, id: TicketId) -> Result<Option<Ticket>> {
    let row: Option<TicketRow> = tx
        .one(
            sql!(
                "SELECT t.id, t.client_id, t.entity, t.subject, t.category, t.about, t.state, t.priority, t.desk, t.owner_id, t.owner_name, t.last_owner_id,
                     t.opened_by, t.created_at, t.updated_at, t.message_at, t.message_by, t.client_read_at, t.first_reply_at, t.first_reply_due_at,
                     t.resolve_due_at, t.paused_at, t.due_at, t.solved_at, t.closed_at, t.messages, t.handovers, t.reopened, t.version,
                     c.first_name, c.last_name
                 FROM tickets t JOIN clients c ON c.id = t.client_id WHERE t.id = $1"
            ),
            &vals![id],
        )
        .await?;
    Ok(row.map(|r| r.named().0))
}

fn push_clients(q: &mut Query, ids: &[ClientId]) {
    q.push(sql!(" AND t.client_id IN (''"), []);
    for id in ids {
        q.push(sql!(", $?"), vals![*id]);
    }
    q.push(sql!(" )"), []);
}

fn push_entities(q: &mut Query, entities: Option<&[String]>) {
    let Some(list) = entities else { return };
    q.push(sql!(" AND t.entity IN (''"), []);
    for e in list {
        q.push(sql!(", $?"), vals![e]);
    }
    q.push(sql!(" )"), []);
}

pub(crate) async fn of_client(tx: &mut Tx, ids: &[ClientId], page: &PageRequest) -> Result<Vec<Ticket>> {
    let mut q = Query::new(sql!(
        "SELECT t.id, t.client_id, t.entity, t.subject, t.category, t.about, t.state, t.priority, t.desk, t.owner_id, t.owner_name, t.last_owner_id,
             t.opened_by, t.created_at, t.updated_at, t.message_at, t.message_by, t.client_read_at, t.first_reply_at, t.first_reply_due_at,
             t.resolve_due_at, t.paused_at, t.due_at, t.solved_at, t.closed_at, t.messages, t.handovers, t.reopened, t.version,
             c.first_name, c.last_name
         FROM tickets t JOIN clients c ON c.id = t.client_id WHERE TRUE"
    ));
    push_clients(&mut q, ids);
    if let Some(after) = &page.after {
        q.push(sql!(" AND t.id < $?"), vals![after]);
    }
    q.push(sql!(" ORDER BY t.id DESC LIMIT $?"), vals![page.fetch()]);
    Ok(tx.query::<TicketRow>(&q).await?.into_iter().map(|r| r.named().0).collect())
}

#[allow(clippy::too_many_arguments, reason = "a list has a reach, a filter, an order, a moment and a page")]
pub(crate) async fn queue(
    tx: &mut Tx,
    entities: Option<&[String]>,
    f: &QueueFilter,
    clients: Option<&[ClientId]>,
    owner: Option<Option<StaffId>>,
    sort: Sort,
    now: Ts,
    page: &PageRequest,
) -> Result<Vec<(Ticket, String)>> {
    let mut q = Query::new(sql!(
        "SELECT t.id, t.client_id, t.entity, t.subject, t.category, t.about, t.state, t.priority, t.desk, t.owner_id, t.owner_name, t.last_owner_id,
             t.opened_by, t.created_at, t.updated_at, t.message_at, t.message_by, t.client_read_at, t.first_reply_at, t.first_reply_due_at,
             t.resolve_due_at, t.paused_at, t.due_at, t.solved_at, t.closed_at, t.messages, t.handovers, t.reopened, t.version,
             c.first_name, c.last_name
         FROM tickets t JOIN clients c ON c.id = t.client_id WHERE TRUE"
    ));
    push_entities(&mut q, entities);
    if let Some(ids) = clients {
        push_clients(&mut q, ids);
    }
    if let Some(v) = f.state {
        q.push(sql!(" AND t.state = $?"), vals![v]);
    }
    if f.unsolved {
        q.push(sql!(" AND t.state NOT IN ('solved', 'closed')"), []);
    }
    if let Some(v) = f.category {
        q.push(sql!(" AND t.category = $?"), vals![v]);
    }
    if let Some(v) = f.priority {
        q.push(sql!(" AND t.priority = $?"), vals![v]);
    }
    if let Some(v) = &f.desk {
        q.push(sql!(" AND t.desk = $?"), vals![v]);
    }
    if let Some(v) = &f.entity {
        q.push(sql!(" AND t.entity = $?"), vals![v]);
    }
    if let Some(v) = &f.about {
        q.push(sql!(" AND t.about = $?"), vals![v]);
    }
    match owner {
        None => {}
        Some(None) => {
            q.push(sql!(" AND t.owner_id IS NULL"), []);
        }
        Some(Some(o)) => {
            q.push(sql!(" AND t.owner_id = $?"), vals![o]);
        }
    }
    if f.overdue {
        q.push(sql!(" AND t.due_at < $?"), vals![now]);
    }
    if let Some(v) = f.created_from {
        q.push(sql!(" AND t.created_at >= $?"), vals![v]);
    }
    if let Some(v) = f.created_until {
        q.push(sql!(" AND t.created_at < $?"), vals![v]);
    }
    let bad = || Problem::invalid("cursor", "cursor_malformed", "expected a cursor of the same sort");
    match (sort, page.after_parts().as_deref()) {
        (_, None) => {}
        (Sort::Newest, Some([id])) => {
            q.push(sql!(" AND t.id < $?"), vals![*id]);
        }
        (Sort::Due, Some([at, id])) => {
            let at: i64 = at.parse().map_err(|_| bad())?;
            q.push(sql!(" AND (t.due_at, t.id) > ($?, $?)"), vals![at, *id]);
        }
        _ => return Err(bad()),
    }
    match sort {
        Sort::Due => q.push(sql!(" ORDER BY t.due_at, t.id LIMIT $?"), vals![page.fetch()]),
        Sort::Newest => q.push(sql!(" ORDER BY t.id DESC LIMIT $?"), vals![page.fetch()]),
    };
    Ok(tx.query::<TicketRow>(&q).await?.into_iter().map(TicketRow::named).collect())
}

/// How many are not over.
pub(crate) async fn open_of(tx: &mut Tx, client_id: ClientId) -> Result<i64> {
    let (n,): (i64,) = tx
        .must(
            sql!("SELECT COUNT(*) FROM tickets WHERE client_id = $1 AND state NOT IN ('solved', 'closed')"),
            &vals![client_id],
        )
        .await?;
    Ok(n)
}

/// What waits for us: how many, past their time, and since when the oldest.
pub(crate) async fn waiting(tx: &mut Tx, entities: Option<&[String]>, now: Ts) -> Result<(i64, i64, Option<Ts>)> {
    let mut q = Query::new(sql!(
        "SELECT COUNT(*), MIN(t.message_at) FROM tickets t WHERE t.state IN ('open', 'waiting_us')"
    ));
    push_entities(&mut q, entities);
    let all: Vec<(i64, Option<Ts>)> = tx.query(&q).await?;
    q.push(sql!(" AND t.due_at < $?"), vals![now]);
    let late: Vec<(i64, Option<Ts>)> = tx.query(&q).await?;
    let (n, oldest) = all.into_iter().next().unwrap_or((0, None));
    Ok((n, late.into_iter().next().map_or(0, |l| l.0), oldest))
}

/// The longest solved, with entity and time.
pub(crate) async fn solved(tx: &mut Tx, limit: i64) -> Result<Vec<(TicketId, String, Ts)>> {
    tx.rows(
        sql!("SELECT id, entity, solved_at FROM tickets WHERE state = 'solved' AND solved_at IS NOT NULL ORDER BY solved_at, id LIMIT $1"),
        &vals![limit],
    )
    .await
}

row! {
    struct ClockRow {
        desk: Option<String>, owner: Option<String>, category: Category, state: TicketState, created_at: Ts, first_reply_at: Option<Ts>,
        first_reply_due_at: Ts, resolve_due_at: Ts, solved_at: Option<Ts>, due_at: Ts, handovers: i64, reopened: i64,
    }
}

pub(crate) async fn clocked(tx: &mut Tx, entities: Option<&[String]>, from: Ts, until: Ts, limit: i64) -> Result<Vec<Clocked>> {
    let mut q = Query::new(sql!(
        "SELECT t.desk, t.owner_name, t.category, t.state, t.created_at, t.first_reply_at, t.first_reply_due_at, t.resolve_due_at, t.solved_at, t.due_at,
             t.handovers, t.reopened
         FROM tickets t WHERE t.opened_by = 'client'"
    ));
    push_entities(&mut q, entities);
    q.push(sql!(" AND t.created_at >= $? AND t.created_at < $?"), vals![from, until]);
    q.push(sql!(" ORDER BY t.created_at DESC LIMIT $?"), vals![limit]);
    Ok(tx
        .query::<ClockRow>(&q)
        .await?
        .into_iter()
        .map(|r| Clocked {
            desk: r.desk,
            owner: r.owner,
            category: r.category,
            state: r.state,
            created_at: r.created_at,
            first_reply_at: r.first_reply_at,
            first_reply_due_at: r.first_reply_due_at,
            resolve_due_at: r.resolve_due_at,
            solved_at: r.solved_at,
            due_at: r.due_at,
            handovers: r.handovers,
            reopened: r.reopened,
        })
        .collect())
}

row! {
    pub(crate) struct MessageRow {
        pub id: MessageId, pub kind: MessageKind, pub body: String, pub by_id: String, pub by_name: String, pub at: Ts,
    }
}

#[allow(clippy::too_many_arguments, reason = "a row has this many columns")]
pub(crate) async fn insert_message(
    tx: &mut Tx,
    id: MessageId,
    ticket: TicketId,
    kind: MessageKind,
    body: &str,
    by: &str,
    by_name: &str,
    at: Ts,
) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO ticket_messages (id, ticket_id, kind, body, by_id, by_name, at) VALUES ($1, $2, $3, $4, $5, $6, $7)"),
        &vals![id, ticket, kind, body, by, by_name, at],
    )
    .await?;
    Ok(())
}

pub(crate) async fn messages(tx: &mut Tx, ticket: TicketId) -> Result<Vec<MessageRow>> {
    tx.rows(
        sql!("SELECT id, kind, body, by_id, by_name, at FROM ticket_messages WHERE ticket_id = $1 ORDER BY at, id"),
        &vals![ticket],
    )
    .await
}

pub(crate) async fn message(tx: &mut Tx, id: MessageId) -> Result<Option<MessageRow>> {
    tx.one(
        sql!("SELECT id, kind, body, by_id, by_name, at FROM ticket_messages WHERE id = $1"),
        &vals![id],
    )
    .await
}

use crate::client::ClientId;
use crate::notes::{Call, CallId, CallOutcome, Direction, Note, NoteId, NoteKind};
use qd_db::{Query, Tx, row, sql};
use qd_kernel::{PageRequest, Result, Ts, vals};

pub async fn insert_note(tx: &mut Tx, n: &Note) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO notes (id, client_id, kind, body, by_id, by_name, at) VALUES ($1, $2, $3, $4, $5, $6, $7)"),
        &vals![n.id, n.client_id, n.kind, &n.body, &n.by_id, &n.by_name, n.at],
    )
    .await?;
    Ok(())
}

row! {
    struct NoteRow { id: NoteId, client_id: ClientId, kind: NoteKind, body: String, by_id: String, by_name: String, at: Ts }
}

pub async fn page(tx: &mut Tx, id: ClientId, aml_too: bool, page: &PageRequest) -> Result<Vec<Note>> {
    let mut q = Query::new(sql!("SELECT id, client_id, kind, body, by_id, by_name, at FROM notes WHERE TRUE"));
    q.push(
        sql!(" AND client_id IN (SELECT c.id FROM clients c WHERE c.id = $? OR c.merged_into = $?)"),
        vals![id, id],
    );
    if !aml_too {
        q.push(sql!(" AND kind <> 'aml'"), []);
    }
    if let Some(after) = &page.after {
        q.push(sql!(" AND id < $?"), vals![after]);
    }
    q.push(sql!(" ORDER BY id DESC LIMIT $?"), vals![page.fetch()]);
    let rows: Vec<NoteRow> = tx.query(&q).await?;
    Ok(rows
        .into_iter()
        .map(|r| Note {
            id: r.id,
            client_id: r.client_id,
            kind: r.kind,
            body: r.body,
            by_id: r.by_id,
            by_name: r.by_name,
            at: r.at,
        })
        .collect())
}

pub async fn insert_call(tx: &mut Tx, k: &Call) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO calls (id, client_id, direction, outcome, duration_s, body, by_id, by_name, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"),
        &vals![k.id, k.client_id, k.direction, k.outcome, k.duration_s, &k.body, &k.by_id, &k.by_name, k.at],
    )
    .await?;
    Ok(())
}

row! {
    struct CallRow {
        id: CallId, client_id: ClientId, direction: Direction, outcome: CallOutcome, duration_s: i64, body: String, by_id: String, by_name: String, at: Ts,
    }
}

impl From<CallRow> for Call {
    fn from(r: CallRow) -> Call {
        Call {
            id: r.id,
            client_id: r.client_id,
            direction: r.direction,
            outcome: r.outcome,
            duration_s: r.duration_s,
            body: r.body,
            by_id: r.by_id,
            by_name: r.by_name,
            at: r.at,
        }
    }
}

pub async fn call(tx: &mut Tx, id: CallId) -> Result<Option<Call>> {
    let row: Option<CallRow> = tx
        .one(
            sql!("SELECT id, client_id, direction, outcome, duration_s, body, by_id, by_name, at FROM calls WHERE id = $1"),
            &vals![id],
        )
        .await?;
    Ok(row.map(Call::from))
}

pub async fn calls(tx: &mut Tx, id: ClientId, page: &PageRequest) -> Result<Vec<Call>> {
    let mut q = Query::new(sql!(
        "SELECT id, client_id, direction, outcome, duration_s, body, by_id, by_name, at FROM calls WHERE TRUE"
    ));
    q.push(
        sql!(" AND client_id IN (SELECT c.id FROM clients c WHERE c.id = $? OR c.merged_into = $?)"),
        vals![id, id],
    );
    if let Some(after) = &page.after {
        q.push(sql!(" AND id < $?"), vals![after]);
    }
    q.push(sql!(" ORDER BY id DESC LIMIT $?"), vals![page.fetch()]);
    Ok(tx.query::<CallRow>(&q).await?.into_iter().map(Call::from).collect())
}

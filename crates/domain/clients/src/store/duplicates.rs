use crate::client::ClientId;
use crate::duplicates::{Duplicate, DuplicateId, DuplicateState, MarkKind};
use crate::view::SamePerson;
use qd_db::{Query, Tx, row, sql};
use qd_kernel::{PageRequest, Problem, Result, Ts, vals};
use serde_json::Value;

/// Sets the record's own marks; documents' marks come from verification and stay.
pub async fn replace_marks(tx: &mut Tx, id: ClientId, marks: &[(MarkKind, String)]) -> Result<()> {
    tx.exec(
        sql!("DELETE FROM client_keys WHERE client_id = $1 AND kind <> 'document'"),
        &vals![id],
    )
    .await?;
    let rows: Vec<_> = marks.iter().map(|(k, m)| vals![*k, m, id].to_vec()).collect();
    if !rows.is_empty() {
        tx.exec_many(
            sql!("INSERT INTO client_keys (kind, mark, client_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"),
            &rows,
        )
        .await?;
    }
    Ok(())
}

pub async fn add_mark(tx: &mut Tx, id: ClientId, kind: MarkKind, mark: &str) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO client_keys (kind, mark, client_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"),
        &vals![kind, mark, id],
    )
    .await?;
    Ok(())
}

/// Records of an entity that carry a mark.
pub async fn marked(tx: &mut Tx, entity: &str, kind: MarkKind, mark: &str, limit: i64) -> Result<Vec<ClientId>> {
    let rows: Vec<(ClientId,)> = tx
        .rows(
            sql!(
                "SELECT c.id FROM client_keys k JOIN clients c ON c.id = k.client_id
                  WHERE k.kind = $2 AND k.mark = $3 AND c.entity = $1 AND c.merged_into IS NULL ORDER BY c.id LIMIT $4"
            ),
            &vals![entity, kind, mark, limit],
        )
        .await?;
    Ok(rows.into_iter().map(|r| r.0).collect())
}

/// Records of an entity that lists sort by exactly this.
pub async fn named(tx: &mut Tx, entity: &str, name_key: &str, limit: i64) -> Result<Vec<ClientId>> {
    let rows: Vec<(ClientId,)> = tx
        .rows(
            sql!("SELECT id FROM clients WHERE name_key = $2 AND entity = $1 AND merged_into IS NULL ORDER BY id LIMIT $3"),
            &vals![entity, name_key, limit],
        )
        .await?;
    Ok(rows.into_iter().map(|r| r.0).collect())
}

/// Others with a mark of this client's, leaving out records merged into one another.
pub async fn sharing(tx: &mut Tx, id: ClientId, limit: i64) -> Result<Vec<(ClientId, MarkKind)>> {
    tx.rows(
        sql!(
            "SELECT o.client_id, o.kind FROM client_keys k JOIN client_keys o ON o.kind = k.kind AND o.mark = k.mark AND o.client_id <> k.client_id
             JOIN clients c ON c.id = o.client_id WHERE k.client_id = $1 AND c.merged_into IS NULL ORDER BY o.client_id LIMIT $2"
        ),
        &vals![id, limit],
    )
    .await
}

/// True when the proposal is new, or stronger than the one that was there.
pub async fn propose(
    tx: &mut Tx,
    id: DuplicateId,
    first: ClientId,
    second: ClientId,
    score: i64,
    reasons: &Value,
    now: Ts,
) -> Result<bool> {
    let n = tx
        .exec(
            sql!(
                "INSERT INTO duplicates (id, first_id, second_id, score, reasons, state, created_at, version)
                 VALUES ($1, $2, $3, $4, $5, 'open', $6, 1)
                 ON CONFLICT (first_id, second_id) DO UPDATE SET score = excluded.score, reasons = excluded.reasons, state = 'open',
                     version = duplicates.version + 1
                 WHERE duplicates.state IN ('open', 'dismissed') AND excluded.score > duplicates.score"
            ),
            &vals![id, first, second, score, reasons, now],
        )
        .await?;
    Ok(n == 1)
}

row! {
    struct DuplicateRow {
        id: DuplicateId, first_id: ClientId, second_id: ClientId, score: i64, reasons: Value, state: DuplicateState, survivor_id: Option<ClientId>,
        decided_by: Option<String>, decided_at: Option<Ts>, note: Option<String>, created_at: Ts, version: i64,
    }
}

impl From<DuplicateRow> for Duplicate {
    fn from(r: DuplicateRow) -> Duplicate {
        Duplicate {
            id: r.id,
            first_id: r.first_id,
            second_id: r.second_id,
            score: r.score,
            reasons: r.reasons,
            state: r.state,
            survivor_id: r.survivor_id,
            decided_by: r.decided_by,
            decided_at: r.decided_at,
            note: r.note,
            created_at: r.created_at,
            version: r.version,
        }
    }
}

pub async fn find(tx: &mut Tx, id: DuplicateId) -> Result<Option<Duplicate>> {
    let row: Option<DuplicateRow> = tx
        .one(
            sql!(
                "SELECT id, first_id, second_id, score, reasons, state, survivor_id, decided_by, decided_at, note, created_at, version
                 FROM duplicates WHERE id = $1"
            ),
            &vals![id],
        )
        .await?;
    Ok(row.map(Duplicate::from))
}

pub async fn page(tx: &mut Tx, state: Option<DuplicateState>, client: Option<ClientId>, page: &PageRequest) -> Result<Vec<Duplicate>> {
    let mut q = Query::new(sql!(
        "SELECT id, first_id, second_id, score, reasons, state, survivor_id, decided_by, decided_at, note, created_at, version
         FROM duplicates WHERE TRUE"
    ));
    if let Some(s) = state {
        q.push(sql!(" AND state = $?"), vals![s]);
    }
    if let Some(c) = client {
        q.push(sql!(" AND (first_id = $? OR second_id = $?)"), vals![c, c]);
    }
    if let Some(after) = &page.after {
        q.push(sql!(" AND id < $?"), vals![after]);
    }
    q.push(sql!(" ORDER BY id DESC LIMIT $?"), vals![page.fetch()]);
    Ok(tx.query::<DuplicateRow>(&q).await?.into_iter().map(Duplicate::from).collect())
}

pub async fn open_count(tx: &mut Tx, id: ClientId) -> Result<i64> {
    let (n,): (i64,) = tx
        .must(
            sql!("SELECT COUNT(*) FROM duplicates WHERE state = 'open' AND (first_id = $1 OR second_id = $1)"),
            &vals![id],
        )
        .await?;
    Ok(n)
}

pub async fn decide(
    tx: &mut Tx,
    d: &Duplicate,
    state: DuplicateState,
    survivor: Option<ClientId>,
    by: &str,
    note: &str,
    now: Ts,
) -> Result<()> {
    tx.exec_one(
        sql!("UPDATE duplicates SET state = $3, survivor_id = $4, decided_by = $5, decided_at = $6, note = $7, version = version + 1 WHERE id = $1 AND version = $2"),
        &vals![d.id, d.version, state, survivor, by, now, note],
        || Problem::conflict("duplicate_decided", "somebody decided this a moment ago"),
    )
    .await
}

pub async fn set_merged(tx: &mut Tx, id: ClientId, into: Option<ClientId>, now: Ts) -> Result<()> {
    super::clients::keep_past(tx, id, now).await?;
    let set = tx
        .exec(
            sql!("UPDATE clients SET merged_into = $2, updated_at = $3, version = version + 1 WHERE id = $1"),
            &vals![id, into, now],
        )
        .await;
    match set {
        Ok(1) => Ok(()),
        Ok(_) => Err(Problem::missing("client")),
        Err(p) if p.is(qd_db::UNIQUE) => Err(Problem::conflict(
            "email_taken",
            "meanwhile another client registered with this record's address",
        )),
        Err(p) => Err(p),
    }
}

pub async fn has_merged(tx: &mut Tx, id: ClientId) -> Result<bool> {
    let row: Option<(ClientId,)> = tx
        .one(sql!("SELECT id FROM clients WHERE merged_into = $1 LIMIT 1"), &vals![id])
        .await?;
    Ok(row.is_some())
}

pub async fn same_person(tx: &mut Tx, id: ClientId) -> Result<Vec<SamePerson>> {
    let rows: Vec<(ClientId, String, String, String)> = tx
        .rows(
            sql!(
                "SELECT c.id, c.brand, c.entity, d.state FROM duplicates d JOIN clients c ON c.id = CASE WHEN d.first_id = $1 THEN d.second_id ELSE d.first_id END
                 WHERE d.state IN ('merged', 'linked') AND (d.first_id = $1 OR d.second_id = $1) ORDER BY c.id LIMIT 50"
            ),
            &vals![id],
        )
        .await?;
    Ok(rows
        .into_iter()
        .map(|(id, brand, entity, how)| SamePerson { id, brand, entity, how })
        .collect())
}

use crate::ids::{PartnerId, PostbackId, SendId};
use crate::postbacks::{Amounts, Method, PostbackEvent, SendState};
use qd_db::{Query, Tx, row, sql};
use qd_kernel::{PageRequest, Problem, Result, Ts, vals};
use serde_json::Value;

row! {
    #[derive(Clone, Debug)]
    pub struct PostbackRow {
        pub id: PostbackId,
        pub partner_id: PartnerId,
        pub entity: String,
        pub name: String,
        pub events: Value,
        pub url: String,
        pub method: Method,
        pub success: Value,
        pub amounts: Amounts,
        pub lot_interval_s: i64,
        pub secret_no: i64,
        pub active: bool,
        pub made_by: String,
        pub created_at: Ts,
        pub changed_at: Ts,
        pub version: i64,
    }
}

pub async fn insert(tx: &mut Tx, p: &PostbackRow) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO partner_postbacks (id, partner_id, entity, name, events, url, method, success, amounts, lot_interval_s, secret_no, active,
                made_by, created_at, changed_at, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
        ),
        &vals![
            p.id, p.partner_id, &p.entity, &p.name, &p.events, &p.url, p.method, &p.success, p.amounts, p.lot_interval_s, p.secret_no, p.active,
            &p.made_by, p.created_at, p.changed_at, p.version
        ],
    )
    .await?;
    Ok(())
}

pub async fn update(tx: &mut Tx, p: &PostbackRow, removed: Option<Ts>) -> Result<()> {
    tx.exec_one(
        sql!(
            "UPDATE partner_postbacks SET name = $3, events = $4, url = $5, method = $6, success = $7, amounts = $8, lot_interval_s = $9,
                secret_no = $10, active = $11, changed_at = $12, removed_at = $13, version = version + 1
             WHERE id = $1 AND version = $2 AND removed_at IS NULL"
        ),
        &vals![
            p.id,
            p.version,
            &p.name,
            &p.events,
            &p.url,
            p.method,
            &p.success,
            p.amounts,
            p.lot_interval_s,
            p.secret_no,
            p.active,
            p.changed_at,
            removed
        ],
        || Problem::conflict("version_stale", "somebody changed this postback in between"),
    )
    .await
}

pub async fn get(tx: &mut Tx, id: PostbackId) -> Result<Option<PostbackRow>> {
    tx.one(
        sql!(
            "SELECT id, partner_id, entity, name, events, url, method, success, amounts, lot_interval_s, secret_no, active, made_by, created_at,
                changed_at, version
             FROM partner_postbacks WHERE id = $1 AND removed_at IS NULL"
        ),
        &vals![id],
    )
    .await
}

pub async fn of_partner(tx: &mut Tx, partner: PartnerId) -> Result<Vec<PostbackRow>> {
    tx.rows(
        sql!(
            "SELECT id, partner_id, entity, name, events, url, method, success, amounts, lot_interval_s, secret_no, active, made_by, created_at,
                changed_at, version
             FROM partner_postbacks WHERE partner_id = $1 AND removed_at IS NULL ORDER BY created_at, id"
        ),
        &vals![partner],
    )
    .await
}

/// Partners with a postback in use, a page at a time by id.
pub async fn partners_in_use(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<(PartnerId,)>> {
    tx.rows(
        sql!(
            "SELECT DISTINCT partner_id FROM partner_postbacks WHERE active AND removed_at IS NULL AND partner_id > $1 ORDER BY partner_id LIMIT $2"
        ),
        &vals![after, limit],
    )
    .await
}

row! {
    #[derive(Clone, Debug)]
    pub struct SendRow {
        pub id: SendId,
        pub postback_id: PostbackId,
        pub partner_id: PartnerId,
        pub event: PostbackEvent,
        pub dedup: String,
        pub event_id: String,
        pub client_id: Option<String>,
        pub facts: Value,
        pub test: bool,
        pub replay_of: Option<SendId>,
        pub state: SendState,
        pub attempts: i64,
        pub url: Option<String>,
        pub status: Option<i64>,
        pub error: Option<String>,
        pub excerpt: Option<String>,
        pub due_at: Ts,
        pub created_at: Ts,
        pub last_at: Option<Ts>,
        pub version: i64,
    }
}

/// False when this happening was reported to this postback before.
pub async fn insert_send(tx: &mut Tx, s: &SendRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!(
                "INSERT INTO partner_postback_sends (id, postback_id, partner_id, event, dedup, event_id, client_id, facts, test, replay_of, state,
                    attempts, url, status, error, excerpt, due_at, created_at, last_at, version)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
                 ON CONFLICT (postback_id, dedup) DO NOTHING"
            ),
            &vals![
                s.id, s.postback_id, s.partner_id, s.event, &s.dedup, &s.event_id, s.client_id.as_ref(), &s.facts, s.test, s.replay_of, s.state,
                s.attempts, s.url.as_ref(), s.status, s.error.as_ref(), s.excerpt.as_ref(), s.due_at, s.created_at, s.last_at, s.version
            ],
        )
        .await?;
    Ok(n == 1)
}

pub async fn send(tx: &mut Tx, id: SendId) -> Result<Option<SendRow>> {
    tx.one(
        sql!(
            "SELECT id, postback_id, partner_id, event, dedup, event_id, client_id, facts, test, replay_of, state, attempts, url, status, error,
                excerpt, due_at, created_at, last_at, version
             FROM partner_postback_sends WHERE id = $1"
        ),
        &vals![id],
    )
    .await
}

/// The last report of this kind that is no test: what the next one has to keep its distance from.
pub async fn last_of(tx: &mut Tx, postback: PostbackId, event: PostbackEvent) -> Result<Option<SendRow>> {
    tx.one(
        sql!(
            "SELECT id, postback_id, partner_id, event, dedup, event_id, client_id, facts, test, replay_of, state, attempts, url, status, error,
                excerpt, due_at, created_at, last_at, version
             FROM partner_postback_sends WHERE postback_id = $1 AND event = $2 AND NOT test AND replay_of IS NULL
             ORDER BY due_at DESC, id DESC LIMIT 1"
        ),
        &vals![postback, event],
    )
    .await
}

/// Writes what came of an attempt, or adds to a report that still waits.
pub async fn update_send(tx: &mut Tx, s: &SendRow) -> Result<()> {
    tx.exec_one(
        sql!(
            "UPDATE partner_postback_sends SET facts = $3, state = $4, attempts = $5, url = $6, status = $7, error = $8, excerpt = $9, last_at = $10,
                version = version + 1
             WHERE id = $1 AND version = $2"
        ),
        &vals![
            s.id, s.version, &s.facts, s.state, s.attempts, s.url.as_ref(), s.status, s.error.as_ref(), s.excerpt.as_ref(), s.last_at
        ],
        || Problem::unavailable(qd_db::RETRY, "this report was changed at the same time"),
    )
    .await
}

#[derive(Clone, Debug, Default)]
pub struct SendFilter {
    pub event: Option<PostbackEvent>,
    pub state: Option<SendState>,
}

/// The newest first.
pub async fn sends(tx: &mut Tx, postback: PostbackId, filter: &SendFilter, page: &PageRequest) -> Result<Vec<SendRow>> {
    let mut q = Query::new(sql!(
        "SELECT id, postback_id, partner_id, event, dedup, event_id, client_id, facts, test, replay_of, state, attempts, url, status, error,
            excerpt, due_at, created_at, last_at, version
         FROM partner_postback_sends WHERE 1 = 1"
    ));
    q.push(sql!(" AND postback_id = $?"), vals![postback]);
    if let Some(e) = filter.event {
        q.push(sql!(" AND event = $?"), vals![e]);
    }
    if let Some(s) = filter.state {
        q.push(sql!(" AND state = $?"), vals![s]);
    }
    if let Some([at, id]) = page.after_parts().as_deref() {
        q.push(
            sql!(" AND (created_at, id) < ($?, $?)"),
            vals![at.parse::<i64>().unwrap_or(i64::MAX), *id],
        );
    }
    q.push(sql!(" ORDER BY created_at DESC, id DESC LIMIT $?"), vals![page.fetch()]);
    tx.query(&q).await
}

row! {
    #[derive(Clone, Debug)]
    pub struct TryRow {
        pub n: i64,
        pub at: Ts,
        pub ms: i64,
        pub status: Option<i64>,
        pub error: Option<String>,
        pub excerpt: Option<String>,
    }
}

pub async fn insert_try(tx: &mut Tx, send: SendId, t: &TryRow) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO partner_postback_tries (send_id, n, at, ms, status, error, excerpt) VALUES ($1, $2, $3, $4, $5, $6, $7)"),
        &vals![send, t.n, t.at, t.ms, t.status, t.error.as_ref(), t.excerpt.as_ref()],
    )
    .await?;
    Ok(())
}

pub async fn tries(tx: &mut Tx, send: SendId) -> Result<Vec<TryRow>> {
    tx.rows(
        sql!("SELECT n, at, ms, status, error, excerpt FROM partner_postback_tries WHERE send_id = $1 ORDER BY n"),
        &vals![send],
    )
    .await
}

row! {
    #[derive(Clone, Debug)]
    pub struct DayRow {
        pub client_id: String,
        pub product_group: Option<String>,
        pub lots: i64,
    }
}

/// What a partner's clients traded in a day, by client and product group; reversals taken off.
pub async fn volume(tx: &mut Tx, partner: PartnerId, from: Ts, to: Ts) -> Result<Vec<DayRow>> {
    tx.rows(
        sql!(
            "SELECT client_id, product_group, CAST(SUM(CASE WHEN kind = 'reversal' THEN -lots ELSE lots END) AS BIGINT) FROM commission_lines
             WHERE partner_id = $1 AND value_at >= $2 AND value_at < $3 AND level = 1 AND kind IN ('accrual', 'reversal') AND client_id IS NOT NULL
             GROUP BY client_id, product_group ORDER BY client_id, product_group"
        ),
        &vals![partner, from, to],
    )
    .await
}

row! {
    pub struct DoorRow {
        pub partner_id: PartnerId,
        pub token_no: i64,
        pub active: bool,
        pub changed_at: Ts,
    }
}

pub async fn door(tx: &mut Tx, partner: PartnerId) -> Result<Option<DoorRow>> {
    tx.one(
        sql!("SELECT partner_id, token_no, active, changed_at FROM partner_doors WHERE partner_id = $1"),
        &vals![partner],
    )
    .await
}

/// Opens or shuts the door; a new number makes the old token worthless.
pub async fn put_door(tx: &mut Tx, d: &DoorRow) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO partner_doors (partner_id, token_no, active, changed_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (partner_id) DO UPDATE SET token_no = excluded.token_no, active = excluded.active, changed_at = excluded.changed_at"
        ),
        &vals![d.partner_id, d.token_no, d.active, d.changed_at],
    )
    .await?;
    Ok(())
}

use crate::ids::{WebhookId, WebhookSendId};
use crate::postbacks::SendState;
use qd_db::{Query, Tx, row, sql};
use qd_kernel::{PageRequest, Problem, Result, Ts, vals};
use serde_json::Value;

row! {
    #[derive(Clone, Debug)]
    pub struct EndpointRow {
        pub id: WebhookId,
        pub entity: Option<String>,
        pub name: String,
        pub url: String,
        pub kinds: Value,
        pub secret_no: i64,
        pub active: bool,
        pub made_by: String,
        pub created_at: Ts,
        pub changed_at: Ts,
        pub version: i64,
    }
}

pub async fn insert(tx: &mut Tx, e: &EndpointRow) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO webhook_endpoints (id, entity, name, url, kinds, secret_no, active, made_by, created_at, changed_at, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
        ),
        &vals![
            e.id,
            e.entity.as_ref(),
            &e.name,
            &e.url,
            &e.kinds,
            e.secret_no,
            e.active,
            &e.made_by,
            e.created_at,
            e.changed_at,
            e.version
        ],
    )
    .await?;
    Ok(())
}

pub async fn update(tx: &mut Tx, e: &EndpointRow) -> Result<()> {
    tx.exec_one(
        sql!(
            "UPDATE webhook_endpoints SET name = $3, url = $4, kinds = $5, secret_no = $6, active = $7, changed_at = $8, version = version + 1
             WHERE id = $1 AND version = $2"
        ),
        &vals![e.id, e.version, &e.name, &e.url, &e.kinds, e.secret_no, e.active, e.changed_at],
        || Problem::conflict("version_stale", "somebody changed this endpoint in between"),
    )
    .await
}

pub async fn get(tx: &mut Tx, id: WebhookId) -> Result<Option<EndpointRow>> {
    tx.one(
        sql!(
            "SELECT id, entity, name, url, kinds, secret_no, active, made_by, created_at, changed_at, version FROM webhook_endpoints WHERE id = $1"
        ),
        &vals![id],
    )
    .await
}

pub async fn all(tx: &mut Tx) -> Result<Vec<EndpointRow>> {
    tx.rows(
        sql!(
            "SELECT id, entity, name, url, kinds, secret_no, active, made_by, created_at, changed_at, version FROM webhook_endpoints
             ORDER BY created_at, id"
        ),
        &[],
    )
    .await
}

row! {
    #[derive(Clone, Debug)]
    pub struct SendRow {
        pub id: WebhookSendId,
        pub endpoint_id: WebhookId,
        pub kind: String,
        pub event_id: Option<String>,
        pub position: Option<i64>,
        pub dedup: String,
        pub body: Value,
        pub happened_at: Ts,
        pub replay: bool,
        pub state: SendState,
        pub attempts: i64,
        pub status: Option<i64>,
        pub error: Option<String>,
        pub excerpt: Option<String>,
        pub created_at: Ts,
        pub last_at: Option<Ts>,
        pub version: i64,
    }
}

/// False when it was there before.
pub async fn insert_send(tx: &mut Tx, s: &SendRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!(
                "INSERT INTO webhook_sends (id, endpoint_id, kind, event_id, position, dedup, body, happened_at, replay, state, attempts, status, error,
                    excerpt, created_at, last_at, version)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) ON CONFLICT (endpoint_id, dedup) DO NOTHING"
            ),
            &vals![
                s.id, s.endpoint_id, &s.kind, s.event_id.as_ref(), s.position, &s.dedup, &s.body, s.happened_at, s.replay, s.state, s.attempts,
                s.status, s.error.as_ref(), s.excerpt.as_ref(), s.created_at, s.last_at, s.version
            ],
        )
        .await?;
    Ok(n == 1)
}

pub async fn send(tx: &mut Tx, id: WebhookSendId) -> Result<Option<SendRow>> {
    tx.one(
        sql!(
            "SELECT id, endpoint_id, kind, event_id, position, dedup, body, happened_at, replay, state, attempts, status, error, excerpt, created_at,
                last_at, version
             FROM webhook_sends WHERE id = $1"
        ),
        &vals![id],
    )
    .await
}

pub async fn update_send(tx: &mut Tx, s: &SendRow) -> Result<()> {
    tx.exec_one(
        sql!(
            "UPDATE webhook_sends SET state = $3, attempts = $4, status = $5, error = $6, excerpt = $7, last_at = $8, version = version + 1
             WHERE id = $1 AND version = $2"
        ),
        &vals![
            s.id,
            s.version,
            s.state,
            s.attempts,
            s.status,
            s.error.as_ref(),
            s.excerpt.as_ref(),
            s.last_at
        ],
        || Problem::unavailable(qd_db::RETRY, "this message was changed at the same time"),
    )
    .await
}

/// The newest first.
pub async fn sends(tx: &mut Tx, endpoint: WebhookId, state: Option<SendState>, page: &PageRequest) -> Result<Vec<SendRow>> {
    let mut q = Query::new(sql!(
        "SELECT id, endpoint_id, kind, event_id, position, dedup, body, happened_at, replay, state, attempts, status, error, excerpt, created_at,
            last_at, version
         FROM webhook_sends WHERE 1 = 1"
    ));
    q.push(sql!(" AND endpoint_id = $?"), vals![endpoint]);
    if let Some(s) = state {
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

//! The statements of the audit trail's writer and readers.

use super::canonical::{Content, DecisionContent};
use super::{AuditFilter, AuditId, Checkpoint};
use qd_db::{Query, Tx, row, sql};
use qd_kernel::{PageRequest, Problem, Result, Ts, Val, vals};
use serde_json::Value;

pub(super) async fn insert_row(tx: &mut Tx, c: Content, hash: [u8; 32]) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO audit_rows (id, at, actor_kind, actor_id, actor_label, session_id, ip, device, action, object, client_id, entity,
             before_json, after_json, reason, rule, seen_json, content_hash)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"
        ),
        &vals![
            c.id,
            c.at,
            c.actor_kind,
            c.actor_id,
            c.actor_label,
            c.session_id,
            c.ip,
            c.device,
            c.action,
            c.object,
            c.client_id,
            c.entity,
            c.before,
            c.after,
            c.reason,
            c.rule,
            c.seen,
            &hash[..]
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn insert_decision(tx: &mut Tx, d: DecisionContent, audit_id: AuditId) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO decisions (id, kind, subject, client_id, outcome, reasons, rule, rule_version, inputs, audit_id, actor_id, actor_label, at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
        ),
        &vals![
            d.id, d.kind, d.subject, d.client_id, d.outcome, d.reasons, d.rule, d.rule_version, d.inputs, audit_id, d.actor_id, d.actor_label, d.at
        ],
    )
    .await?;
    Ok(())
}

row! {
    pub(super) struct RowRead {
        pub seq: i64,
        pub id: AuditId,
        pub at: Ts,
        pub actor_kind: String,
        pub actor_id: String,
        pub actor_label: String,
        pub session_id: Option<String>,
        pub ip: Option<String>,
        pub device: Option<String>,
        pub action: String,
        pub object: String,
        pub client_id: Option<String>,
        pub entity: Option<String>,
        pub before: Option<Value>,
        pub after: Option<Value>,
        pub reason: Option<String>,
        pub rule: Option<String>,
        pub seen: Option<Value>,
        pub position: Option<i64>,
    }
}

/// Newest first; the cursor is `seq`.
pub(super) async fn search(tx: &mut Tx, f: &AuditFilter, entities: Option<&[String]>, page: &PageRequest) -> Result<Vec<RowRead>> {
    let before: i64 = match &page.after {
        Some(a) => a
            .parse()
            .map_err(|_| Problem::invalid("cursor", "cursor_malformed", "expected the `next_cursor` of an earlier page"))?,
        None => i64::MAX,
    };
    let mut q = Query::new(sql!(
        "SELECT a.seq, a.id, a.at, a.actor_kind, a.actor_id, a.actor_label, a.session_id, a.ip, a.device, a.action, a.object, a.client_id,
         a.entity, a.before_json, a.after_json, a.reason, a.rule, a.seen_json, c.position
         FROM audit_rows a LEFT JOIN audit_chain c ON c.audit_id = a.id WHERE 1 = 1"
    ));
    q.push(sql!(" AND a.seq < $?"), [Val::from(before)]);
    if let Some(v) = &f.client_id {
        q.push(sql!(" AND a.client_id = $?"), [Val::from(v)]);
    }
    if let Some(v) = &f.person {
        q.push(sql!(" AND a.actor_id = $?"), [Val::from(v)]);
    }
    if let Some(v) = &f.object {
        q.push(sql!(" AND a.object = $?"), [Val::from(v)]);
    }
    if let Some(v) = &f.action {
        q.push(sql!(" AND a.action = $?"), [Val::from(v)]);
    }
    if let Some(v) = f.from {
        q.push(sql!(" AND a.at >= $?"), [Val::from(v)]);
    }
    if let Some(v) = f.until {
        q.push(sql!(" AND a.at < $?"), [Val::from(v)]);
    }
    if let Some(list) = entities {
        q.push(sql!(" AND (1 = 0"), []);
        for e in list {
            q.push(sql!(" OR a.entity = $?"), [Val::from(e)]);
        }
        q.push(sql!(" )"), []);
    }
    q.push(sql!(" ORDER BY a.seq DESC LIMIT $?"), [Val::from(page.fetch())]);
    tx.query(&q).await
}

row! {
    pub(super) struct DecisionRead {
        pub id: String,
        pub kind: String,
        pub subject: String,
        pub client_id: Option<String>,
        pub outcome: String,
        pub reasons: Value,
        pub rule: Option<String>,
        pub rule_version: Option<i64>,
        pub inputs: Value,
        pub audit_id: AuditId,
        pub actor_id: String,
        pub actor_label: String,
        pub at: Ts,
        pub entity: Option<String>,
    }
}

pub(super) async fn decisions_of(tx: &mut Tx, subject: &str) -> Result<Vec<DecisionRead>> {
    tx.rows(
        sql!(
            "SELECT d.id, d.kind, d.subject, d.client_id, d.outcome, d.reasons, d.rule, d.rule_version, d.inputs, d.audit_id, d.actor_id,
             d.actor_label, d.at, a.entity FROM decisions d JOIN audit_rows a ON a.id = d.audit_id WHERE d.subject = $1 ORDER BY d.id LIMIT 200"
        ),
        &vals![subject],
    )
    .await
}

row! {
    pub(super) struct HeadRow {
        pub position: i64,
        pub chain_hash: Vec<u8>,
        pub checkpoint_position: i64,
        pub checkpoint_at: Ts,
    }
}

/// Whether there is anything for the sealer: rows that wait, or links that no checkpoint covers.
pub(super) async fn work(tx: &mut Tx) -> Result<(bool, HeadRow)> {
    let waiting: Option<(i64,)> = tx.one(sql!("SELECT seq FROM audit_pending ORDER BY seq LIMIT 1"), &[]).await?;
    let head = tx
        .must(
            sql!("SELECT position, chain_hash, checkpoint_position, checkpoint_at FROM audit_head WHERE id = 1"),
            &[],
        )
        .await?;
    Ok((waiting.is_some(), head))
}

/// Takes the head's row lock, then reads it: a second sealer waits here.
pub(super) async fn lock_head(tx: &mut Tx) -> Result<HeadRow> {
    tx.must(
        sql!("UPDATE audit_head SET version = version + 1 WHERE id = 1 RETURNING position, chain_hash, checkpoint_position, checkpoint_at"),
        &[],
    )
    .await
}

pub(super) async fn waiting(tx: &mut Tx, limit: i64) -> Result<Vec<(i64, String, Vec<u8>)>> {
    tx.rows(
        sql!("SELECT p.seq, a.id, a.content_hash FROM audit_pending p JOIN audit_rows a ON a.seq = p.seq ORDER BY p.seq LIMIT $1"),
        &vals![limit],
    )
    .await
}

pub(super) async fn seal(tx: &mut Tx, links: &[Vec<Val>], seqs: &[Vec<Val>], position: i64, chain_hash: &[u8; 32]) -> Result<()> {
    tx.exec_many(
        sql!("INSERT INTO audit_chain (position, audit_id, content_hash, chain_hash) VALUES ($1, $2, $3, $4)"),
        links,
    )
    .await?;
    tx.exec_many(sql!("DELETE FROM audit_pending WHERE seq = $1"), seqs).await?;
    tx.exec(
        sql!("UPDATE audit_head SET position = $1, chain_hash = $2 WHERE id = 1"),
        &vals![position, &chain_hash[..]],
    )
    .await?;
    Ok(())
}

pub(super) async fn insert_checkpoint(tx: &mut Tx, c: &Checkpoint) -> Result<()> {
    let bytes = |h: &str| hex::decode(h).map_err(|_| Problem::bug("audit_checkpoint", "a checkpoint is hexadecimal"));
    tx.exec(
        sql!("INSERT INTO audit_checkpoints (position, chain_hash, at, key_id, signature) VALUES ($1, $2, $3, $4, $5)"),
        &vals![c.position, bytes(&c.chain_hash)?, c.at, &c.key_id, bytes(&c.signature)?],
    )
    .await?;
    tx.exec(
        sql!("UPDATE audit_head SET checkpoint_position = $1, checkpoint_at = $2 WHERE id = 1"),
        &vals![c.position, c.at],
    )
    .await?;
    Ok(())
}

row! {
    struct CheckpointRow {
        position: i64,
        chain_hash: Vec<u8>,
        at: Ts,
        key_id: String,
        signature: Vec<u8>,
    }
}

pub(super) async fn last_checkpoint(tx: &mut Tx) -> Result<Option<Checkpoint>> {
    let r: Option<CheckpointRow> = tx
        .one(
            sql!("SELECT position, chain_hash, at, key_id, signature FROM audit_checkpoints ORDER BY position DESC LIMIT 1"),
            &[],
        )
        .await?;
    Ok(r.map(|r| Checkpoint {
        position: r.position,
        chain_hash: hex::encode(r.chain_hash),
        at: r.at,
        key_id: r.key_id,
        signature: hex::encode(r.signature),
    }))
}

//! What the checker reads. Its own statements and its own row types: a fault in the writer's must
//! not hide itself.

use qd_db::{Tx, row, sql};
use qd_kernel::{Result, vals};

row! {
    pub(super) struct Linked {
        pub position: i64,
        pub link_audit_id: String,
        pub link_content: Vec<u8>,
        pub link_chain: Vec<u8>,
        pub id: Option<String>,
        pub at: Option<i64>,
        pub actor_kind: Option<String>,
        pub actor_id: Option<String>,
        pub actor_label: Option<String>,
        pub session_id: Option<String>,
        pub ip: Option<String>,
        pub device: Option<String>,
        pub action: Option<String>,
        pub object: Option<String>,
        pub client_id: Option<String>,
        pub entity: Option<String>,
        pub before: Option<String>,
        pub after: Option<String>,
        pub reason: Option<String>,
        pub rule: Option<String>,
        pub seen: Option<String>,
        pub content: Option<Vec<u8>>,
    }
}

pub(super) async fn links(tx: &mut Tx, after: i64, limit: i64) -> Result<Vec<Linked>> {
    tx.rows(
        sql!(
            "SELECT c.position, c.audit_id, c.content_hash, c.chain_hash, a.id, a.at, a.actor_kind, a.actor_id, a.actor_label, a.session_id,
             a.ip, a.device, a.action, a.object, a.client_id, a.entity, a.before_json, a.after_json, a.reason, a.rule, a.seen_json, a.content_hash
             FROM audit_chain c LEFT JOIN audit_rows a ON a.id = c.audit_id WHERE c.position > $1 ORDER BY c.position LIMIT $2"
        ),
        &vals![after, limit],
    )
    .await
}

/// Rows that wait for the sealer, in the shape of a link without one.
pub(super) async fn unsealed(tx: &mut Tx, limit: i64) -> Result<Vec<Linked>> {
    tx.rows(
        sql!(
            "SELECT p.seq, CAST(p.seq AS TEXT), a.content_hash, a.content_hash, a.id, a.at, a.actor_kind, a.actor_id, a.actor_label, a.session_id,
             a.ip, a.device, a.action, a.object, a.client_id, a.entity, a.before_json, a.after_json, a.reason, a.rule, a.seen_json, a.content_hash
             FROM audit_pending p JOIN audit_rows a ON a.seq = p.seq ORDER BY p.seq LIMIT $1"
        ),
        &vals![limit],
    )
    .await
}

/// Rows neither chained nor waiting: put in, or cut loose, behind the sealer's back.
pub(super) async fn loose(tx: &mut Tx, limit: i64) -> Result<Vec<(String,)>> {
    tx.rows(
        sql!(
            "SELECT a.id FROM audit_rows a LEFT JOIN audit_chain c ON c.audit_id = a.id LEFT JOIN audit_pending p ON p.seq = a.seq
             WHERE c.position IS NULL AND p.seq IS NULL ORDER BY a.seq LIMIT $1"
        ),
        &vals![limit],
    )
    .await
}

/// Numbers that wait for the sealer and have no row.
pub(super) async fn waiting_without_row(tx: &mut Tx, limit: i64) -> Result<Vec<(i64,)>> {
    tx.rows(
        sql!("SELECT p.seq FROM audit_pending p LEFT JOIN audit_rows a ON a.seq = p.seq WHERE a.seq IS NULL ORDER BY p.seq LIMIT $1"),
        &vals![limit],
    )
    .await
}

pub(super) async fn head(tx: &mut Tx) -> Result<Option<(i64, Vec<u8>)>> {
    tx.one(sql!("SELECT position, chain_hash FROM audit_head WHERE id = 1"), &[]).await
}

pub(super) async fn checkpoints(tx: &mut Tx, after: i64, limit: i64) -> Result<Vec<(i64, Vec<u8>, i64, String, Vec<u8>)>> {
    tx.rows(
        sql!("SELECT position, chain_hash, at, key_id, signature FROM audit_checkpoints WHERE position > $1 ORDER BY position LIMIT $2"),
        &vals![after, limit],
    )
    .await
}

row! {
    pub(super) struct Decided {
        pub id: String,
        pub kind: String,
        pub subject: String,
        pub client_id: Option<String>,
        pub outcome: String,
        pub reasons: String,
        pub rule: Option<String>,
        pub rule_version: Option<i64>,
        pub inputs: String,
        pub actor_id: String,
        pub actor_label: String,
        pub at: i64,
    }
}

pub(super) async fn decision(tx: &mut Tx, id: &str) -> Result<Option<Decided>> {
    tx.one(
        sql!(
            "SELECT id, kind, subject, client_id, outcome, reasons, rule, rule_version, inputs, actor_id, actor_label, at
             FROM decisions WHERE id = $1"
        ),
        &vals![id],
    )
    .await
}

/// Decisions whose audit row is not there or speaks of another one.
pub(super) async fn undocumented_decisions(tx: &mut Tx, limit: i64) -> Result<Vec<(String,)>> {
    tx.rows(
        sql!(
            "SELECT d.id FROM decisions d LEFT JOIN audit_rows a ON a.id = d.audit_id AND a.action = 'decision.made' AND a.object = d.subject
             WHERE a.id IS NULL ORDER BY d.id LIMIT $1"
        ),
        &vals![limit],
    )
    .await
}

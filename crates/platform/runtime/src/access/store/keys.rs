//! API keys.

use crate::access::ApiKeyId;
use qd_db::{Tx, row, sql};
use qd_kernel::{PageRequest, Result, Ts, vals};
use serde_json::Value;

row! {
    pub(crate) struct KeyRow {
        pub id: ApiKeyId,
        pub name: String,
        pub tail: String,
        pub rights: Value,
        pub sees: Value,
        pub entity: Option<String>,
        pub created_by: String,
        pub created_at: Ts,
        pub expires_at: Option<Ts>,
        pub last_used_at: Option<Ts>,
        pub revoked_at: Option<Ts>,
    }
}

pub(crate) async fn by_token(tx: &mut Tx, token_hash: &[u8; 32]) -> Result<Option<KeyRow>> {
    tx.one(
        sql!(
            "SELECT id, name, tail, rights, sees, entity, created_by, created_at, expires_at, last_used_at, revoked_at
             FROM api_keys WHERE token_hash = $1"
        ),
        &vals![&token_hash[..]],
    )
    .await
}

pub(crate) async fn by_id(tx: &mut Tx, id: ApiKeyId) -> Result<Option<KeyRow>> {
    tx.one(
        sql!(
            "SELECT id, name, tail, rights, sees, entity, created_by, created_at, expires_at, last_used_at, revoked_at
             FROM api_keys WHERE id = $1"
        ),
        &vals![id],
    )
    .await
}

pub(crate) async fn insert(tx: &mut Tx, k: &KeyRow, token_hash: &[u8; 32]) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO api_keys (id, name, token_hash, tail, rights, sees, entity, created_by, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        ),
        &vals![
            k.id,
            &k.name,
            &token_hash[..],
            &k.tail,
            &k.rights,
            &k.sees,
            k.entity.as_ref(),
            &k.created_by,
            k.created_at,
            k.expires_at
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn used(tx: &mut Tx, id: ApiKeyId, now: Ts) -> Result<()> {
    tx.exec(sql!("UPDATE api_keys SET last_used_at = $2 WHERE id = $1"), &vals![id, now])
        .await?;
    Ok(())
}

pub(crate) async fn revoke(tx: &mut Tx, id: ApiKeyId, now: Ts) -> Result<u64> {
    tx.exec(
        sql!("UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL"),
        &vals![id, now],
    )
    .await
}

/// Newest first.
pub(crate) async fn page(tx: &mut Tx, page: &PageRequest) -> Result<Vec<KeyRow>> {
    // Ids sort by time; "l" is after every "key_…".
    let before = page.after.clone().unwrap_or_else(|| "l".to_string());
    tx.rows(
        sql!(
            "SELECT id, name, tail, rights, sees, entity, created_by, created_at, expires_at, last_used_at, revoked_at
             FROM api_keys WHERE id < $1 ORDER BY id DESC LIMIT $2"
        ),
        &vals![before, page.fetch()],
    )
    .await
}

//! Sessions. The hot statement is [`resolve`]: one look-up by the token's hash.

use super::identities::{IdentityState, Kind};
use crate::access::{DeviceId, SessionId};
use qd_db::{Tx, row, sql};
use qd_kernel::{Result, Ts, vals};
use serde_json::Value;

row! {
    pub(crate) struct Resolved {
        pub session: SessionId,
        pub identity: String,
        pub device: DeviceId,
        pub last_seen_at: Ts,
        pub expires_at: Ts,
        pub step_up_at: Ts,
        pub ended_at: Option<Ts>,
        pub kind: Kind,
        pub name: String,
        pub roles: Value,
        pub desk: Option<String>,
        pub entities: Value,
        pub client_id: Option<String>,
        pub state: IdentityState,
        pub must_change: bool,
        pub totp_confirmed_at: Option<Ts>,
        pub held_for: Option<String>,
    }
}

pub(crate) async fn resolve(tx: &mut Tx, token_hash: &[u8; 32]) -> Result<Option<Resolved>> {
    tx.one(
        sql!(
            "SELECT s.id, s.identity_id, s.device_id, s.last_seen_at, s.expires_at, s.step_up_at, s.ended_at, i.kind, i.name, i.roles, i.desk,
             i.entities, i.client_id, i.state, i.must_change, i.totp_confirmed_at, i.held_for
             FROM sessions s JOIN identities i ON i.id = s.identity_id WHERE s.token_hash = $1"
        ),
        &vals![&token_hash[..]],
    )
    .await
}

#[derive(Clone)]
pub(crate) struct NewSession {
    pub id: SessionId,
    pub token_hash: [u8; 32],
    pub identity: String,
    pub device: DeviceId,
    pub ip: Option<String>,
    pub now: Ts,
    pub expires_at: Ts,
}

pub(crate) async fn insert(tx: &mut Tx, s: &NewSession) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO sessions (id, token_hash, identity_id, device_id, ip, created_at, last_seen_at, expires_at, step_up_at)
             VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $6)"
        ),
        &vals![s.id, &s.token_hash[..], &s.identity, s.device, s.ip.as_ref(), s.now, s.expires_at],
    )
    .await?;
    Ok(())
}

pub(crate) async fn touch(tx: &mut Tx, id: SessionId, now: Ts) -> Result<()> {
    tx.exec(
        sql!("UPDATE sessions SET last_seen_at = $2 WHERE id = $1 AND last_seen_at < $2 AND ended_at IS NULL"),
        &vals![id, now],
    )
    .await?;
    Ok(())
}

/// How many rows: 0 when the session is over.
pub(crate) async fn step_up(tx: &mut Tx, id: SessionId, now: Ts) -> Result<u64> {
    tx.exec(
        sql!("UPDATE sessions SET step_up_at = $2 WHERE id = $1 AND ended_at IS NULL"),
        &vals![id, now],
    )
    .await
}

pub(crate) async fn end(tx: &mut Tx, id: SessionId, identity: &str, reason: &str, now: Ts) -> Result<u64> {
    tx.exec(
        sql!("UPDATE sessions SET ended_at = $4, end_reason = $3 WHERE id = $1 AND identity_id = $2 AND ended_at IS NULL"),
        &vals![id, identity, reason, now],
    )
    .await
}

/// Ends all of somebody's sessions but one.
pub(crate) async fn end_all(tx: &mut Tx, identity: &str, but: Option<SessionId>, reason: &str, now: Ts) -> Result<u64> {
    let but = but.map_or_else(String::new, |s| s.to_string());
    tx.exec(
        sql!("UPDATE sessions SET ended_at = $4, end_reason = $3 WHERE identity_id = $1 AND id <> $2 AND ended_at IS NULL"),
        &vals![identity, but, reason, now],
    )
    .await
}

row! {
    #[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
    /// An open session, for its owner and for staff management.
    #[schema(as = Session)]
    pub struct SessionRow {
        pub id: SessionId,
        pub device: DeviceId,
        pub device_label: String,
        pub ip: Option<String>,
        #[serde(rename = "created_at_us")]
        pub created_at: Ts,
        #[serde(rename = "last_seen_at_us")]
        pub last_seen_at: Ts,
        #[serde(rename = "expires_at_us")]
        pub expires_at: Ts,
    }
}

pub(crate) async fn open_of(tx: &mut Tx, identity: &str, now: Ts) -> Result<Vec<SessionRow>> {
    tx.rows(
        sql!(
            "SELECT s.id, s.device_id, d.label, s.ip, s.created_at, s.last_seen_at, s.expires_at
             FROM sessions s JOIN devices d ON d.id = s.device_id
             WHERE s.identity_id = $1 AND s.ended_at IS NULL AND s.expires_at > $2 ORDER BY s.created_at DESC LIMIT 200"
        ),
        &vals![identity, now],
    )
    .await
}

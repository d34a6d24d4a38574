//! Passkeys and the challenges they answer.

use crate::access::passkeys::{ChallengeId, Passkey, PasskeyId, Purpose};
use crate::access::webauthn::NewKey;
use qd_db::{Tx, row, sql};
use qd_kernel::{Result, Ts, vals};
use serde_json::Value;

row! {
    pub(crate) struct KeptKey {
        pub id: PasskeyId,
        pub identity: String,
        pub alg: i64,
        pub public_key: Vec<u8>,
        pub sign_count: u32,
    }
}

pub(crate) async fn by_credential(tx: &mut Tx, credential_id: &[u8]) -> Result<Option<KeptKey>> {
    tx.one(
        sql!("SELECT id, identity_id, alg, public_key, sign_count FROM passkeys WHERE credential_id = $1"),
        &vals![credential_id],
    )
    .await
}

/// False: this credential is kept already.
#[allow(clippy::too_many_arguments, reason = "a row has this many columns")]
pub(crate) async fn insert(
    tx: &mut Tx,
    id: PasskeyId,
    identity: &str,
    k: &NewKey,
    transports: &Value,
    name: &str,
    now: Ts,
) -> Result<bool> {
    let n = tx
        .exec(
            sql!(
                "INSERT INTO passkeys (id, identity_id, credential_id, alg, public_key, sign_count, backed_up, transports, name, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING"
            ),
            &vals![
                id,
                identity,
                k.credential_id.clone(),
                k.alg,
                k.public_key.clone(),
                k.counter,
                k.backed_up,
                transports,
                name,
                now
            ],
        )
        .await?;
    Ok(n == 1)
}

pub(crate) async fn used(tx: &mut Tx, id: PasskeyId, counter: u32, now: Ts) -> Result<()> {
    tx.exec(
        sql!("UPDATE passkeys SET sign_count = $2, last_used_at = $3 WHERE id = $1"),
        &vals![id, counter, now],
    )
    .await?;
    Ok(())
}

row! {
    struct PasskeyRow { id: PasskeyId, name: String, backed_up: bool, created_at: Ts, last_used_at: Option<Ts>, }
}

pub(crate) async fn of_identity(tx: &mut Tx, identity: &str) -> Result<Vec<Passkey>> {
    let rows: Vec<PasskeyRow> = tx
        .rows(
            sql!("SELECT id, name, backed_up, created_at, last_used_at FROM passkeys WHERE identity_id = $1 ORDER BY id"),
            &vals![identity],
        )
        .await?;
    Ok(rows
        .into_iter()
        .map(|r| Passkey {
            id: r.id,
            name: r.name,
            synced: r.backed_up,
            created_at_us: r.created_at,
            last_used_at_us: r.last_used_at,
        })
        .collect())
}

/// Credential ids with their transports, for the browser.
pub(crate) async fn credentials(tx: &mut Tx, identity: &str) -> Result<Vec<(Vec<u8>, Value)>> {
    tx.rows(
        sql!("SELECT credential_id, transports FROM passkeys WHERE identity_id = $1 ORDER BY id"),
        &vals![identity],
    )
    .await
}

pub(crate) async fn remove(tx: &mut Tx, identity: &str, id: PasskeyId) -> Result<bool> {
    let n = tx
        .exec(
            sql!("DELETE FROM passkeys WHERE id = $1 AND identity_id = $2"),
            &vals![id, identity],
        )
        .await?;
    Ok(n == 1)
}

pub(crate) async fn drop_all(tx: &mut Tx, identity: &str) -> Result<()> {
    tx.exec(sql!("DELETE FROM passkeys WHERE identity_id = $1"), &vals![identity])
        .await?;
    Ok(())
}

row! {
    pub(crate) struct Challenge {
        pub challenge: Vec<u8>,
        pub realm: String,
        pub identity: Option<String>,
        pub expires_at: Ts,
    }
}

#[allow(clippy::too_many_arguments, reason = "a row has this many columns")]
pub(crate) async fn ask(
    tx: &mut Tx,
    id: ChallengeId,
    challenge: &[u8],
    purpose: Purpose,
    realm: &str,
    identity: Option<&str>,
    now: Ts,
    expires_at: Ts,
) -> Result<()> {
    // Whatever nobody answered in time goes with the next one that is asked.
    tx.exec(sql!("DELETE FROM passkey_challenges WHERE expires_at < $1"), &vals![now])
        .await?;
    tx.exec(
        sql!("INSERT INTO passkey_challenges (id, challenge, purpose, realm, identity_id, expires_at) VALUES ($1, $2, $3, $4, $5, $6)"),
        &vals![id, challenge, purpose, realm, identity, expires_at],
    )
    .await?;
    Ok(())
}

/// Takes it: a challenge is answered once.
pub(crate) async fn take(tx: &mut Tx, id: ChallengeId, purpose: Purpose) -> Result<Option<Challenge>> {
    tx.one(
        sql!("DELETE FROM passkey_challenges WHERE id = $1 AND purpose = $2 RETURNING challenge, realm, identity_id, expires_at"),
        &vals![id, purpose],
    )
    .await
}

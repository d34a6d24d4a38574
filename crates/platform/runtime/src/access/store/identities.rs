//! Who may sign in, and with what.

use super::places::keep_past;
use crate::access::DeviceId;
use qd_db::{Query, Tx, row, sql};
use qd_kernel::{PageRequest, Problem, Result, Ts, Val, text_enum, vals};
use serde_json::Value;

text_enum!(Kind { Staff = "staff", Client = "client" });
text_enum!(
    /// Whether an identity may sign in.
    IdentityState { Active = "active", Disabled = "disabled" }
);

row! {
    #[derive(Clone)]
    pub(crate) struct Identity {
        pub id: String,
        pub kind: Kind,
        pub realm: String,
        pub email: String,
        pub name: String,
        pub language: String,
        pub roles: Value,
        pub desk: Option<String>,
        pub entities: Value,
        pub client_id: Option<String>,
        pub state: IdentityState,
        pub password_hash: Option<String>,
        pub must_change: bool,
        pub totp_sealed: Option<Vec<u8>>,
        pub totp_confirmed_at: Option<Ts>,
        pub totp_last_step: i64,
        pub email_verified_at: Option<Ts>,
        pub failed: i64,
        pub locked_until: Option<Ts>,
        pub last_sign_in_at: Option<Ts>,
        pub created_at: Ts,
        pub version: i64,
        /// The merge because of which it rests.
        pub held_for: Option<String>,
        /// When an address of it was proven for the first time.
        pub proven_at: Option<Ts>,
    }
}

impl Identity {
    /// Whether it may be signed in with.
    pub(crate) fn open(&self) -> bool {
        self.state == IdentityState::Active && self.held_for.is_none()
    }
}

pub(crate) async fn by_address(tx: &mut Tx, realm: &str, email_norm: &str) -> Result<Option<Identity>> {
    tx.one(
        sql!(
            "SELECT id, kind, realm, email, name, language, roles, desk, entities, client_id, state, password_hash, must_change, totp_sealed,
             totp_confirmed_at, totp_last_step, email_verified_at, failed, locked_until, last_sign_in_at, created_at, version,
             held_for, proven_at FROM identities WHERE realm = $1 AND email_norm = $2"
        ),
        &vals![realm, email_norm],
    )
    .await
}

pub(crate) async fn by_id(tx: &mut Tx, id: &str) -> Result<Option<Identity>> {
    tx.one(
        sql!(
            "SELECT id, kind, realm, email, name, language, roles, desk, entities, client_id, state, password_hash, must_change, totp_sealed,
             totp_confirmed_at, totp_last_step, email_verified_at, failed, locked_until, last_sign_in_at, created_at, version,
             held_for, proven_at FROM identities WHERE id = $1"
        ),
        &vals![id],
    )
    .await
}

pub(crate) async fn of_client(tx: &mut Tx, client_id: &str) -> Result<Vec<Identity>> {
    tx.rows(
        sql!(
            "SELECT id, kind, realm, email, name, language, roles, desk, entities, client_id, state, password_hash, must_change, totp_sealed,
             totp_confirmed_at, totp_last_step, email_verified_at, failed, locked_until, last_sign_in_at, created_at, version,
             held_for, proven_at FROM identities WHERE client_id = $1 ORDER BY id"
        ),
        &vals![client_id],
    )
    .await
}

/// Takes the row's lock and reads it: what follows in the transaction decides alone. The version
/// stays: it counts what people change, and a sign-in is no such change.
pub(crate) async fn lock(tx: &mut Tx, id: &str) -> Result<Identity> {
    tx.exec_one(sql!("UPDATE identities SET failed = failed WHERE id = $1"), &vals![id], || {
        Problem::missing("login")
    })
    .await?;
    by_id(tx, id).await?.ok_or_else(|| Problem::missing("login"))
}

#[derive(Clone)]
pub(crate) struct NewIdentity {
    pub id: String,
    pub kind: Kind,
    pub realm: String,
    pub email: String,
    pub email_norm: String,
    pub name: String,
    pub language: String,
    pub roles: Value,
    pub desk: Option<String>,
    pub entities: Value,
    pub client_id: Option<String>,
    pub password_hash: Option<String>,
    pub must_change: bool,
    pub at: Ts,
}

/// False: the address is taken in this realm.
pub(crate) async fn insert(tx: &mut Tx, n: &NewIdentity) -> Result<bool> {
    let set_at = n.password_hash.as_ref().map(|_| n.at);
    let rows = tx
        .exec(
            sql!(
                "INSERT INTO identities (id, kind, realm, email, email_norm, name, language, roles, desk, entities, client_id, state,
                 password_hash, password_set_at, must_change, totp_last_step, failed, created_at, version)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'active', $12, $13, $14, 0, 0, $15, 1) ON CONFLICT (realm, email_norm) DO NOTHING"
            ),
            &vals![
                &n.id, n.kind, &n.realm, &n.email, &n.email_norm, &n.name, &n.language, &n.roles, n.desk.as_ref(), &n.entities, n.client_id.as_ref(),
                n.password_hash.as_ref(), set_at, n.must_change, n.at
            ],
        )
        .await?;
    Ok(rows == 1)
}

pub(crate) async fn failed(tx: &mut Tx, id: &str, failed: i64, locked_until: Option<Ts>) -> Result<()> {
    tx.exec(
        sql!("UPDATE identities SET failed = $2, locked_until = $3 WHERE id = $1"),
        &vals![id, failed, locked_until],
    )
    .await?;
    Ok(())
}

pub(crate) async fn signed_in(tx: &mut Tx, id: &str, now: Ts) -> Result<()> {
    tx.exec(
        sql!("UPDATE identities SET failed = 0, locked_until = NULL, last_sign_in_at = $2 WHERE id = $1"),
        &vals![id, now],
    )
    .await?;
    Ok(())
}

pub(crate) async fn totp_step(tx: &mut Tx, id: &str, step: i64) -> Result<()> {
    tx.exec(sql!("UPDATE identities SET totp_last_step = $2 WHERE id = $1"), &vals![id, step])
        .await?;
    Ok(())
}

pub(crate) async fn set_totp(
    tx: &mut Tx,
    id: &str,
    sealed: Option<Vec<u8>>,
    confirmed_at: Option<Ts>,
    last_step: i64,
    now: Ts,
) -> Result<()> {
    keep_past(tx, id, now).await?;
    tx.exec(
        sql!("UPDATE identities SET totp_sealed = $2, totp_confirmed_at = $3, totp_last_step = $4 WHERE id = $1"),
        &vals![id, sealed, confirmed_at, last_step],
    )
    .await?;
    Ok(())
}

pub(crate) async fn set_password(tx: &mut Tx, id: &str, hash: &str, must_change: bool, now: Ts) -> Result<()> {
    tx.exec(
        sql!("UPDATE identities SET password_hash = $2, must_change = $3, password_set_at = $4, failed = 0, locked_until = NULL WHERE id = $1"),
        &vals![id, hash, must_change, now],
    )
    .await?;
    Ok(())
}

/// When a client's password was last set after the login was made; None: never.
pub(crate) async fn password_changed(tx: &mut Tx, client_id: &str) -> Result<Option<Ts>> {
    let row = tx
        .must::<(Option<Ts>,)>(
            sql!("SELECT MAX(password_set_at) FROM identities WHERE client_id = $1 AND password_set_at > created_at"),
            &vals![client_id],
        )
        .await?;
    Ok(row.0)
}

/// 1 when it was not verified before.
pub(crate) async fn set_verified(tx: &mut Tx, id: &str, now: Ts) -> Result<u64> {
    keep_past(tx, id, now).await?;
    tx.exec(
        sql!(
            "UPDATE identities SET email_verified_at = $2, proven_at = COALESCE(proven_at, $2) WHERE id = $1 AND email_verified_at IS NULL"
        ),
        &vals![id, now],
    )
    .await
}

pub(crate) async fn set_state(tx: &mut Tx, id: &str, state: IdentityState, now: Ts) -> Result<()> {
    keep_past(tx, id, now).await?;
    tx.exec(sql!("UPDATE identities SET state = $2 WHERE id = $1"), &vals![id, state])
        .await?;
    Ok(())
}

pub(crate) async fn set_address(tx: &mut Tx, id: &str, email: &str, email_norm: &str, now: Ts) -> Result<()> {
    keep_past(tx, id, now).await?;
    tx.exec(
        sql!("UPDATE identities SET email = $2, email_norm = $3, email_verified_at = NULL WHERE id = $1"),
        &vals![id, email, email_norm],
    )
    .await?;
    Ok(())
}

pub(crate) async fn set_staff(
    tx: &mut Tx,
    id: &str,
    name: &str,
    language: &str,
    roles: &Value,
    desk: Option<&str>,
    entities: &Value,
) -> Result<()> {
    tx.exec(
        sql!("UPDATE identities SET name = $2, language = $3, roles = $4, desk = $5, entities = $6, version = version + 1 WHERE id = $1"),
        &vals![id, name, language, roles, desk, entities],
    )
    .await?;
    Ok(())
}

/// Active Super admins, for the rule that one must stay. Takes their locks, so that two of them
/// cannot leave at once.
pub(crate) async fn lock_super_admins(tx: &mut Tx) -> Result<Vec<(String,)>> {
    tx.rows(
        sql!(
            "UPDATE identities SET failed = failed WHERE id IN (SELECT id FROM identities WHERE kind = 'staff' AND state = 'active'
             AND roles LIKE '%\"super_admin\"%' ORDER BY id) RETURNING id"
        ),
        &[],
    )
    .await
}

pub(crate) async fn staff_page(tx: &mut Tx, desk: Option<&str>, state: Option<IdentityState>, page: &PageRequest) -> Result<Vec<Identity>> {
    let mut q = Query::new(sql!(
        "SELECT id, kind, realm, email, name, language, roles, desk, entities, client_id, state, password_hash, must_change, totp_sealed,
         totp_confirmed_at, totp_last_step, email_verified_at, failed, locked_until, last_sign_in_at, created_at, version,
         held_for, proven_at FROM identities WHERE kind = 'staff'"
    ));
    if let Some(d) = desk {
        q.push(sql!(" AND desk = $?"), [Val::from(d)]);
    }
    if let Some(s) = state {
        q.push(sql!(" AND state = $?"), [Val::from(s)]);
    }
    if let Some(parts) = page.after_parts() {
        let [name, id] = parts[..] else {
            return Err(Problem::invalid(
                "cursor",
                "cursor_malformed",
                "expected the `next_cursor` of an earlier page",
            ));
        };
        q.push(sql!(" AND (name, id) > ($?, $?)"), [Val::from(name), Val::from(id)]);
    }
    q.push(sql!(" ORDER BY name, id LIMIT $?"), [Val::from(page.fetch())]);
    tx.query(&q).await
}

pub(crate) async fn active_staff(tx: &mut Tx, desk: Option<&str>) -> Result<Vec<Identity>> {
    let mut q = Query::new(sql!(
        "SELECT id, kind, realm, email, name, language, roles, desk, entities, client_id, state, password_hash, must_change, totp_sealed,
         totp_confirmed_at, totp_last_step, email_verified_at, failed, locked_until, last_sign_in_at, created_at, version,
         held_for, proven_at FROM identities WHERE kind = 'staff' AND state = 'active'"
    ));
    if let Some(d) = desk {
        q.push(sql!(" AND desk = $?"), [Val::from(d)]);
    }
    q.push(sql!(" ORDER BY id LIMIT 500"), []);
    tx.query(&q).await
}

pub(crate) async fn put_recovery_codes(tx: &mut Tx, id: &str, hashes: &[Vec<u8>]) -> Result<()> {
    drop_recovery_codes(tx, id).await?;
    let rows: Vec<Vec<Val>> = hashes.iter().map(|h| vals![id, h.clone()].to_vec()).collect();
    tx.exec_many(sql!("INSERT INTO recovery_codes (identity_id, code_hash) VALUES ($1, $2)"), &rows)
        .await?;
    Ok(())
}

pub(crate) async fn drop_recovery_codes(tx: &mut Tx, id: &str) -> Result<()> {
    tx.exec(sql!("DELETE FROM recovery_codes WHERE identity_id = $1"), &vals![id])
        .await?;
    Ok(())
}

pub(crate) async fn use_recovery_code(tx: &mut Tx, id: &str, hash: &[u8], now: Ts) -> Result<bool> {
    let n = tx
        .exec(
            sql!("UPDATE recovery_codes SET used_at = $3 WHERE identity_id = $1 AND code_hash = $2 AND used_at IS NULL"),
            &vals![id, hash, now],
        )
        .await?;
    Ok(n == 1)
}

pub(crate) async fn recovery_codes_left(tx: &mut Tx, id: &str) -> Result<i64> {
    let n: (i64,) = tx
        .must(
            sql!("SELECT CAST(COUNT(*) AS BIGINT) FROM recovery_codes WHERE identity_id = $1 AND used_at IS NULL"),
            &vals![id],
        )
        .await?;
    Ok(n.0)
}

pub(crate) struct NewSignIn<'a> {
    pub identity: Option<&'a str>,
    pub realm: &'a str,
    pub who_mark: Vec<u8>,
    pub outcome: &'static str,
    pub ip: Option<&'a str>,
    pub device: Option<DeviceId>,
    pub new_device: bool,
    pub agent: Option<&'a str>,
    pub at: Ts,
}

pub(crate) async fn log_sign_in(tx: &mut Tx, s: NewSignIn<'_>) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO sign_ins (identity_id, realm, who_mark, outcome, ip, device_id, new_device, agent, at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        ),
        &vals![
            s.identity,
            s.realm,
            s.who_mark,
            s.outcome,
            s.ip,
            s.device,
            s.new_device,
            s.agent,
            s.at
        ],
    )
    .await?;
    Ok(())
}

/// Failures from one address since a moment, counted no further than `limit`.
pub(crate) async fn failures_from(tx: &mut Tx, ip: &str, since: Ts, limit: i64) -> Result<i64> {
    let n: (i64,) = tx
        .must(
            sql!(
                "SELECT CAST(COUNT(*) AS BIGINT) FROM (SELECT at FROM sign_ins WHERE ip = $1 AND at > $2 AND outcome <> 'ok'
                 AND outcome IN ('unknown', 'wrong_password', 'wrong_code', 'locked', 'disabled', 'step_up_failed') LIMIT $3) f"
            ),
            &vals![ip, since, limit],
        )
        .await?;
    Ok(n.0)
}

row! {
    #[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
    /// A line of the sign-in log.
    #[schema(as = SignInLine)]
    pub struct SignInRow {
        pub seq: i64,
        pub outcome: String,
        pub ip: Option<String>,
        pub device: Option<DeviceId>,
        pub new_device: bool,
        pub agent: Option<String>,
        #[serde(rename = "at_us")]
        pub at: Ts,
    }
}

pub(crate) async fn sign_ins_of(tx: &mut Tx, id: &str, before: i64, limit: i64) -> Result<Vec<SignInRow>> {
    tx.rows(
        sql!(
            "SELECT seq, outcome, ip, device_id, new_device, agent, at FROM sign_ins WHERE identity_id = $1 AND seq < $2
             ORDER BY seq DESC LIMIT $3"
        ),
        &vals![id, before, limit],
    )
    .await
}

pub(crate) async fn put_token(tx: &mut Tx, hash: &[u8; 32], purpose: &str, id: &str, email_norm: &str, now: Ts, until: Ts) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO one_time_tokens (token_hash, purpose, identity_id, email_norm, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)"
        ),
        &vals![&hash[..], purpose, id, email_norm, now, until],
    )
    .await?;
    Ok(())
}

/// Uses the token if it is there, unused and in time; who it was for and which address it proves.
pub(crate) async fn use_token(tx: &mut Tx, hash: &[u8; 32], purpose: &str, now: Ts) -> Result<Option<(String, String)>> {
    tx.one(
        sql!(
            "UPDATE one_time_tokens SET used_at = $3 WHERE token_hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3
             RETURNING identity_id, email_norm"
        ),
        &vals![&hash[..], purpose, now],
    )
    .await
}

pub(crate) async fn peek_token(tx: &mut Tx, hash: &[u8; 32], purpose: &str, now: Ts) -> Result<Option<(String,)>> {
    tx.one(
        sql!("SELECT identity_id FROM one_time_tokens WHERE token_hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3"),
        &vals![&hash[..], purpose, now],
    )
    .await
}

/// The other tokens of a purpose lose their power when one was used or a newer one went out.
pub(crate) async fn spoil_tokens(tx: &mut Tx, id: &str, purpose: &str, now: Ts) -> Result<()> {
    tx.exec(
        sql!("UPDATE one_time_tokens SET used_at = $3 WHERE identity_id = $1 AND purpose = $2 AND used_at IS NULL"),
        &vals![id, purpose, now],
    )
    .await?;
    Ok(())
}

pub(crate) async fn tokens_since(tx: &mut Tx, id: &str, purpose: &str, since: Ts) -> Result<i64> {
    let n: (i64,) = tx
        .must(
            sql!("SELECT CAST(COUNT(*) AS BIGINT) FROM one_time_tokens WHERE identity_id = $1 AND purpose = $2 AND created_at > $3"),
            &vals![id, purpose, since],
        )
        .await?;
    Ok(n.0)
}

row! {
    #[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
    /// A browser or telephone of somebody.
    #[schema(as = Device)]
    pub struct DeviceRow {
        pub id: DeviceId,
        pub label: String,
        pub first_ip: Option<String>,
        #[serde(rename = "first_seen_at_us")]
        pub first_seen_at: Ts,
        #[serde(rename = "last_seen_at_us")]
        pub last_seen_at: Ts,
    }
}

/// The device, known or new; new when the answered id is the offered one.
pub(crate) async fn see_device(
    tx: &mut Tx,
    offered: DeviceId,
    identity: &str,
    mark: &[u8; 32],
    label: &str,
    ip: Option<&str>,
    now: Ts,
) -> Result<DeviceId> {
    let r: (DeviceId,) = tx
        .must(
            sql!(
                "INSERT INTO devices (id, identity_id, mark, label, first_ip, first_seen_at, last_seen_at) VALUES ($1, $2, $3, $4, $5, $6, $6)
                 ON CONFLICT (identity_id, mark) DO UPDATE SET last_seen_at = excluded.last_seen_at RETURNING id"
            ),
            &vals![offered, identity, &mark[..], label, ip, now],
        )
        .await?;
    Ok(r.0)
}

pub(crate) async fn devices_of(tx: &mut Tx, identity: &str) -> Result<Vec<DeviceRow>> {
    tx.rows(
        sql!(
            "SELECT id, label, first_ip, first_seen_at, last_seen_at FROM devices WHERE identity_id = $1 ORDER BY last_seen_at DESC LIMIT 100"
        ),
        &vals![identity],
    )
    .await
}

/// Other clients who came by a browser that this client came by, counted no further than twenty.
pub(crate) async fn others_on_devices(tx: &mut Tx, client_id: &str) -> Result<i64> {
    let n: (i64,) = tx
        .must(
            sql!(
                "SELECT COUNT(*) FROM (SELECT DISTINCT o.client_id FROM identities i JOIN devices d ON d.identity_id = i.id
                     JOIN devices b ON b.mark = d.mark JOIN identities o ON o.id = b.identity_id
                     WHERE i.client_id = $1 AND o.client_id IS NOT NULL AND o.client_id <> $1 LIMIT 20) f"
            ),
            &vals![client_id],
        )
        .await?;
    Ok(n.0)
}

pub(crate) async fn device(tx: &mut Tx, id: &str) -> Result<Option<DeviceRow>> {
    tx.one(
        sql!("SELECT id, label, first_ip, first_seen_at, last_seen_at FROM devices WHERE id = $1"),
        &vals![id],
    )
    .await
}

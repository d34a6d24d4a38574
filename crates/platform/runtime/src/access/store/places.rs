//! Whose a login is, whether it rests because of a merge, and what it was before.

use super::identities::IdentityState;
use qd_db::{Tx, row, sql};
use qd_kernel::{Result, Ts, vals};

/// Keeps what a client's login was, before a change of what a file of the client shows.
pub(super) async fn keep_past(tx: &mut Tx, id: &str, now: Ts) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO identity_past (until_at, id, client_id, realm, email, state, held_for, totp_confirmed_at, email_verified_at, created_at)
             SELECT CAST($2 AS BIGINT), id, client_id, realm, email, state, held_for, totp_confirmed_at, email_verified_at, created_at
             FROM identities WHERE id = $1 AND kind = 'client'"
        ),
        &vals![id, now],
    )
    .await?;
    Ok(())
}

row! {
    /// A client's login as it was.
    pub(crate) struct PastLogin {
        pub id: String,
        pub client_id: String,
        pub realm: String,
        pub email: String,
        pub state: IdentityState,
        pub held_for: Option<String>,
        pub totp_confirmed_at: Option<Ts>,
        pub email_verified_at: Option<Ts>,
        pub created_at: Ts,
    }
}

/// The logins that are or once were a client's.
pub(crate) async fn ever_of_client(tx: &mut Tx, client_id: &str) -> Result<Vec<(String,)>> {
    tx.rows(
        sql!("SELECT id FROM identities WHERE client_id = $1 UNION SELECT id FROM identity_past WHERE client_id = $1 ORDER BY id"),
        &vals![client_id],
    )
    .await
}

/// What a login was at a moment, if it has been changed since.
pub(crate) async fn past_at(tx: &mut Tx, id: &str, at: Ts) -> Result<Option<PastLogin>> {
    tx.one(
        sql!(
            "SELECT id, client_id, realm, email, state, held_for, totp_confirmed_at, email_verified_at, created_at
             FROM identity_past WHERE id = $1 AND until_at > $2 ORDER BY seq LIMIT 1"
        ),
        &vals![id, at],
    )
    .await
}

/// The last time somebody came in by this login, up to a moment.
pub(crate) async fn signed_in_by(tx: &mut Tx, id: &str, at: Ts) -> Result<Option<Ts>> {
    let row = tx
        .must::<(Option<Ts>,)>(
            sql!("SELECT MAX(at) FROM sign_ins WHERE identity_id = $1 AND outcome = 'ok' AND at <= $2"),
            &vals![id, at],
        )
        .await?;
    Ok(row.0)
}

/// Whose a login is, and the merge because of which it rests.
pub(crate) async fn set_place(tx: &mut Tx, id: &str, client_id: &str, held_for: Option<&str>, now: Ts) -> Result<()> {
    keep_past(tx, id, now).await?;
    tx.exec(
        sql!("UPDATE identities SET client_id = $2, held_for = $3, version = version + 1 WHERE id = $1"),
        &vals![id, client_id, held_for],
    )
    .await?;
    Ok(())
}

/// An unproven login for whoever registers the address now. The second factor, the name and the
/// language go with whoever had it.
pub(crate) async fn take_over(tx: &mut Tx, id: &str, name: &str, language: &str, password_hash: &str, now: Ts) -> Result<()> {
    keep_past(tx, id, now).await?;
    tx.exec(
        sql!(
            "UPDATE identities SET name = $2, language = $3, password_hash = $4, password_set_at = $5, must_change = FALSE,
             totp_sealed = NULL, totp_confirmed_at = NULL, totp_last_step = 0, failed = 0, locked_until = NULL, version = version + 1
             WHERE id = $1"
        ),
        &vals![id, name, language, password_hash, now],
    )
    .await?;
    Ok(())
}

row! {
    /// A login put to rest by a merge.
    #[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
    pub struct LoginHold {
        /// `lgn_…`
        pub login_id: String,
        pub email: String,
        /// Whose it was: the record that went.
        pub from_client: String,
        /// Whose it may become: the record that stayed.
        pub to_client: String,
        pub held_at_us: Ts,
        /// The login is the other record's from here on.
        pub moved_at_us: Option<Ts>,
    }
}

pub(crate) async fn open_holds(tx: &mut Tx, duplicate: &str) -> Result<Vec<LoginHold>> {
    tx.rows(
        sql!(
            "SELECT h.identity_id, i.email, h.from_client, h.to_client, h.held_at, h.moved_at FROM login_holds h
             JOIN identities i ON i.id = h.identity_id WHERE h.duplicate_id = $1 AND h.ended_at IS NULL ORDER BY h.identity_id"
        ),
        &vals![duplicate],
    )
    .await
}

pub(crate) async fn add_hold(tx: &mut Tx, duplicate: &str, id: &str, from: &str, to: &str, now: Ts) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO login_holds (duplicate_id, identity_id, from_client, to_client, held_at) VALUES ($1, $2, $3, $4, $5)"),
        &vals![duplicate, id, from, to, now],
    )
    .await?;
    Ok(())
}

pub(crate) async fn hold_moved(tx: &mut Tx, duplicate: &str, id: &str, now: Ts) -> Result<()> {
    tx.exec(
        sql!("UPDATE login_holds SET moved_at = $3 WHERE duplicate_id = $1 AND identity_id = $2 AND ended_at IS NULL"),
        &vals![duplicate, id, now],
    )
    .await?;
    Ok(())
}

pub(crate) async fn hold_ended(tx: &mut Tx, duplicate: &str, id: &str, now: Ts) -> Result<()> {
    tx.exec(
        sql!("UPDATE login_holds SET ended_at = $3 WHERE duplicate_id = $1 AND identity_id = $2 AND ended_at IS NULL"),
        &vals![duplicate, id, now],
    )
    .await?;
    Ok(())
}

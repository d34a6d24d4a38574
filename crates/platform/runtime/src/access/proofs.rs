//! One-time links by mail and what they prove: an address, a forgotten password's owner, a new
//! colleague.

use super::service::sha256;
use super::sign_in::own_entry;
use super::store::identities::{self as store, Identity, Kind};
use super::store::places;
use super::{Access, Caller, LoginId, Realm, Right, StaffId, Who, normal_email};
use crate::audit::{self, Entry};
use qd_db::Tx;
use qd_kernel::{Problem, Result, Secret};

/// Mails of one kind an hour at the most, so that nobody's mailbox is flooded.
const MAILS_AN_HOUR: i64 = 5;

/// A token that proves an address; older ones lose their power. To be mailed by the caller, in the
/// same transaction.
pub async fn issue_verification(tx: &mut Tx, access: &Access, login: LoginId) -> Result<Secret> {
    let i = store::by_id(tx, &login.to_string())
        .await?
        .ok_or_else(|| Problem::missing("login"))?;
    let hour_ago = access.core.now().plus_secs(-3_600);
    if store::tokens_since(tx, &i.id, "verify_email", hour_ago).await? >= MAILS_AN_HOUR {
        return Err(Problem::limit(
            "verification_too_many",
            "several mails are on their way already; look into the mailbox, or try again in an hour",
        ));
    }
    issue(tx, access, &i, "verify_email", access.inner.config.verify_email_secs).await
}

async fn issue(tx: &mut Tx, access: &Access, i: &Identity, purpose: &'static str, life: i64) -> Result<Secret> {
    let now = access.core.now();
    store::spoil_tokens(tx, &i.id, purpose, now).await?;
    let token = access.new_token("qdt_");
    store::put_token(
        tx,
        &sha256(token.expose()),
        purpose,
        &i.id,
        &normal_email(&i.email),
        now,
        now.plus_secs(life),
    )
    .await?;
    Ok(token)
}

fn token_bad() -> Problem {
    Problem::invalid("token", "token_invalid", "a link that was not used yet and is not too old")
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub login: LoginId,
    pub client_id: String,
    pub entity: Option<String>,
    /// False: the address was verified before.
    pub first: bool,
}

/// Uses a verification token. Only whoever is signed in by the login it was mailed for may: a link
/// alone would prove a stranger's registration by the click of the one who reads the mail. The house
/// itself needs no session. The caller publishes what follows from it.
pub async fn verify_email(tx: &mut Tx, access: &Access, caller: &Caller, token: &Secret) -> Result<Verified> {
    let now = access.core.now();
    let hash = sha256(token.expose());
    let (id,) = store::peek_token(tx, &hash, "verify_email", now).await?.ok_or_else(token_bad)?;
    if !matches!(caller.who, Who::System(_)) && caller.id() != id {
        return Err(Problem::forbidden(
            "token_other_login",
            "this link belongs to another sign-in; sign in with the address it was mailed to",
        ));
    }
    let (id, email) = store::use_token(tx, &hash, "verify_email", now).await?.ok_or_else(token_bad)?;
    let i = store::lock(tx, &id).await?;
    // The address may have been changed after the mail went out.
    if normal_email(&i.email) != email {
        return Err(token_bad());
    }
    let first = prove(tx, access, &i).await?;
    Ok(Verified {
        login: LoginId::parse(&id)?,
        entity: i.entities.get(0).and_then(|e| e.as_str()).map(str::to_string),
        client_id: i.client_id.unwrap_or_default(),
        first,
    })
}

/// Notes that the present address is proven; false when it was before.
async fn prove(tx: &mut Tx, access: &Access, i: &Identity) -> Result<bool> {
    let first = store::set_verified(tx, &i.id, access.core.now()).await? == 1;
    if first {
        let who = access.plain_caller(i, None)?;
        audit::record(tx, &access.core, own_entry(&who, "login.email_verified", format!("login:{}", i.id))).await?;
    }
    Ok(first)
}

/// A registration of this address that nobody ever proved, and that had its time: whoever registers
/// now may have the login. And whose it is.
pub async fn abandoned(tx: &mut Tx, access: &Access, brand: &str, email: &str) -> Result<Option<(LoginId, String)>> {
    let found = store::by_address(tx, &Realm::Brand(brand.to_string()).text(), &normal_email(email)).await?;
    let over = access.core.now().plus_secs(-access.inner.config.verify_email_secs);
    match found.filter(|i| i.proven_at.is_none() && i.open() && i.created_at < over) {
        Some(i) => Ok(Some((LoginId::parse(&i.id)?, i.client_id.unwrap_or_default()))),
        None => Ok(None),
    }
}

/// Gives an [`abandoned`] login to whoever registers the address now: another password, no second
/// factor, no session and no link of whoever had it.
pub async fn take_over(
    tx: &mut Tx,
    access: &Access,
    caller: &Caller,
    login: LoginId,
    name: &str,
    language: &str,
    hash: &str,
) -> Result<()> {
    let (id, now) = (login.to_string(), access.core.now());
    let i = store::lock(tx, &id).await?;
    if i.proven_at.is_some() {
        return Err(Problem::conflict("login_taken", "this address has an account here"));
    }
    places::take_over(tx, &id, name, language, hash, now).await?;
    store::drop_recovery_codes(tx, &id).await?;
    // A stranger's passkey would open the account to them for ever.
    super::store::passkeys::drop_all(tx, &id).await?;
    for purpose in ["verify_email", "reset_password"] {
        store::spoil_tokens(tx, &id, purpose, now).await?;
    }
    access.end_sessions(tx, &id, None, "registered_again").await?;
    let e = Entry::new(caller, "login.registered_again", format!("login:{id}"))
        .entity(i.entities.get(0).and_then(|e| e.as_str()).map(str::to_string));
    let e = match i.client_id {
        Some(c) => e.client(c),
        None => e,
    };
    audit::record(tx, &access.core, e).await.map(|_| ())
}

/// A reset to be mailed.
#[derive(Clone, Debug)]
pub struct Reset {
    pub identity: String,
    pub client_id: Option<String>,
    pub email: String,
    pub name: String,
    pub language: String,
    pub token: Secret,
}

/// None for an unknown or disabled login, or too many in the last hour: whoever asks is told the
/// same in every case. The caller mails it in the same transaction.
pub async fn start_reset(tx: &mut Tx, access: &Access, realm: &Realm, email: &str) -> Result<Option<Reset>> {
    let Some(i) = store::by_address(tx, &realm.text(), &normal_email(email)).await? else {
        return Ok(None);
    };
    if !i.open() {
        return Ok(None);
    }
    let hour_ago = access.core.now().plus_secs(-3_600);
    if store::tokens_since(tx, &i.id, "reset_password", hour_ago).await? >= MAILS_AN_HOUR {
        return Ok(None);
    }
    let token = issue(tx, access, &i, "reset_password", access.inner.config.reset_secs).await?;
    Ok(Some(Reset {
        identity: i.id,
        client_id: i.client_id,
        email: i.email,
        name: i.name,
        language: i.language,
        token,
    }))
}

/// An invitation for new staff: the first password is set with it.
pub async fn issue_invite(tx: &mut Tx, access: &Access, caller: &Caller, staff: StaffId) -> Result<Reset> {
    caller.require(Right::StaffManage)?;
    let i = super::staff::locked(tx, caller, staff).await?;
    let token = issue(tx, access, &i, "invite", access.inner.config.invite_secs).await?;
    audit::record(tx, &access.core, Entry::new(caller, "staff.invited", format!("staff:{staff}"))).await?;
    Ok(Reset {
        identity: i.id,
        client_id: None,
        email: i.email,
        name: i.name,
        language: i.language,
        token,
    })
}

/// A reset whose link is good and whose password is hashed; [`finish_reset_in`] does it.
#[derive(Clone)]
pub struct ReadyReset {
    token: [u8; 32],
    purpose: &'static str,
    password: String,
}

/// What a reset did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResetDone {
    pub identity: String,
    pub client_id: Option<String>,
    /// The mail's link proved the address, which had not been proven before.
    pub address_proven: bool,
    /// Nobody had ever proven to be the owner of the address: whatever is there was put there by
    /// somebody who may be a stranger. The second factor is gone with the password.
    pub stranger_before: bool,
}

impl Access {
    /// Sets a password with a reset or an invitation. Nobody is signed in by it, and the second
    /// factor stays: whoever reads the mailbox alone gets nowhere. All sessions end. Only a login
    /// that nobody ever proved to own loses its second factor: it is not its owner's.
    pub async fn finish_reset(&self, token: &Secret, new: &Secret) -> Result<String> {
        let ready = self.ready_reset(token, new).await?;
        let me = self.clone();
        let done = self.core.db.write(async move |tx| finish_reset_in(tx, &me, &ready).await).await?;
        Ok(done.identity)
    }

    /// Looks at the link and hashes the password, which takes its time, outside of a transaction.
    pub async fn ready_reset(&self, token: &Secret, new: &Secret) -> Result<ReadyReset> {
        let hash = sha256(token.expose());
        let now = self.core.now();
        let (purpose, i) = self
            .core
            .db
            .read(async move |tx| {
                for purpose in ["reset_password", "invite"] {
                    if let Some((id,)) = store::peek_token(tx, &hash, purpose, now).await? {
                        return Ok((purpose, store::by_id(tx, &id).await?));
                    }
                }
                Err(token_bad())
            })
            .await?;
        let i = i.ok_or_else(token_bad)?;
        let password = self.hash_new_password(new, i.kind == Kind::Staff, &[&i.email, &i.name]).await?;
        Ok(ReadyReset {
            token: hash,
            purpose,
            password,
        })
    }
}

/// Sets the password in the caller's transaction.
pub async fn finish_reset_in(tx: &mut Tx, access: &Access, r: &ReadyReset) -> Result<ResetDone> {
    let now = access.core.now();
    let (id, email) = store::use_token(tx, &r.token, r.purpose, now).await?.ok_or_else(token_bad)?;
    let i = store::lock(tx, &id).await?;
    if normal_email(&i.email) != email || !i.open() {
        return Err(token_bad());
    }
    store::set_password(tx, &id, &r.password, false, now).await?;
    store::spoil_tokens(tx, &id, r.purpose, now).await?;
    access.end_sessions(tx, &id, None, "password_reset").await?;
    let who = access.plain_caller(&i, None)?;
    audit::record(tx, &access.core, own_entry(&who, "login.password_reset", format!("login:{id}"))).await?;
    let mut done = ResetDone {
        identity: id.clone(),
        client_id: i.client_id.clone(),
        address_proven: false,
        stranger_before: false,
    };
    if i.kind == Kind::Client && r.purpose == "reset_password" && i.email_verified_at.is_none() {
        done.stranger_before = i.proven_at.is_none();
        if done.stranger_before {
            store::set_totp(tx, &id, None, None, 0, now).await?;
            store::drop_recovery_codes(tx, &id).await?;
            super::store::passkeys::drop_all(tx, &id).await?;
            store::spoil_tokens(tx, &id, "verify_email", now).await?;
        }
        done.address_proven = prove(tx, access, &i).await?;
    }
    Ok(done)
}

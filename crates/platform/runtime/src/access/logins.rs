//! Clients' ways in, one-time tokens, and what a person sees of their own sessions and devices.

use super::service::sha256;
use super::sign_in::{own_entry, own_session};
use super::store::identities::{self as store, Identity, IdentityState, Kind, NewIdentity};
use super::store::sessions;
use super::{Access, Caller, DeviceRow, LoginId, Realm, Right, SessionId, SessionRow, SignInRow, StaffId};
use crate::audit::{self, Entry};
use qd_db::Tx;
use qd_kernel::{Page, PageRequest, Problem, Result, Secret, Ts};
use serde_json::json;

/// What the address book compares: trimmed, lower case. (Whether two addresses are one person is
/// for duplicate detection, which looks closer.)
pub fn normal_email(email: &str) -> String {
    email.trim().to_lowercase().replace('\0', "")
}

/// One `@` with something on both sides, no spaces, at most 254 bytes: more is known only when the
/// mail has arrived.
pub fn check_email(email: &str) -> Result<()> {
    let e = email.trim();
    let ok = e.len() <= 254
        && e.split_once('@').is_some_and(|(l, d)| {
            !l.is_empty() && l.len() <= 64 && d.contains('.') && !d.contains('@') && !d.starts_with('.') && !d.ends_with('.')
        })
        && !e
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';' | '"'));
    if ok {
        Ok(())
    } else {
        Err(Problem::invalid("email", "email_malformed", "an address like name@example.com"))
    }
}

#[derive(Clone, Debug)]
pub struct NewLogin {
    /// Code of the brand.
    pub brand: String,
    pub entity: String,
    /// `cli_…`
    pub client_id: String,
    pub email: String,
    pub name: String,
    pub language: String,
    /// From [`Access::hash_new_password`], made outside the transaction. None: set through a reset.
    pub password_hash: Option<String>,
}

/// A client's way in. `login_taken` when the address has one at this brand.
pub async fn create(tx: &mut Tx, access: &Access, caller: &Caller, n: NewLogin) -> Result<LoginId> {
    check_email(&n.email)?;
    let id = LoginId::new(&access.core.env);
    let row = NewIdentity {
        id: id.to_string(),
        kind: Kind::Client,
        realm: Realm::Brand(n.brand.clone()).text(),
        email: n.email.trim().to_string(),
        email_norm: normal_email(&n.email),
        name: n.name,
        language: n.language,
        roles: json!([]),
        desk: None,
        entities: json!([n.entity]),
        client_id: Some(n.client_id.clone()),
        password_hash: n.password_hash,
        must_change: false,
        at: access.core.now(),
    };
    if !store::insert(tx, &row).await? {
        return Err(Problem::conflict("login_taken", "this address has an account here").and_field(
            "/email",
            "login_taken",
            "another address, or sign in",
        ));
    }
    let e = Entry::new(caller, "login.created", format!("login:{id}"))
        .client(n.client_id)
        .entity(Some(n.entity))
        .after(json!({ "brand": n.brand, "email": row.email }));
    audit::record(tx, &access.core, e).await?;
    Ok(id)
}

/// A client's login as others see it.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = Login)]
pub struct LoginView {
    pub id: String,
    pub realm: String,
    pub email: String,
    pub state: String,
    #[serde(rename = "email_verified_at_us")]
    pub email_verified_at: Option<Ts>,
    pub second_factor: bool,
    #[serde(rename = "locked_until_us")]
    pub locked_until: Option<Ts>,
    #[serde(rename = "last_sign_in_at_us")]
    pub last_sign_in_at: Option<Ts>,
    #[serde(rename = "created_at_us")]
    pub created_at: Ts,
}

fn view(i: Identity) -> LoginView {
    LoginView {
        id: i.id,
        realm: i.realm,
        email: i.email,
        state: i.state.to_string(),
        email_verified_at: i.email_verified_at,
        second_factor: i.totp_confirmed_at.is_some(),
        locked_until: i.locked_until,
        last_sign_in_at: i.last_sign_in_at,
        created_at: i.created_at,
    }
}

/// When a client's password was last changed; None: it is the one they registered with.
pub async fn password_changed(tx: &mut Tx, client_id: &str) -> Result<Option<Ts>> {
    store::password_changed(tx, client_id).await
}

/// For the module that shows clients; it has checked the caller.
pub async fn of_client(tx: &mut Tx, client_id: &str) -> Result<Vec<LoginView>> {
    Ok(store::of_client(tx, client_id).await?.into_iter().map(view).collect())
}

/// Whether an address has a way in at a brand, and whose.
pub async fn client_by_email(tx: &mut Tx, brand: &str, email: &str) -> Result<Option<(LoginId, String)>> {
    let found = store::by_address(tx, &Realm::Brand(brand.to_string()).text(), &normal_email(email)).await?;
    match found {
        Some(i) => Ok(Some((LoginId::parse(&i.id)?, i.client_id.unwrap_or_default()))),
        None => Ok(None),
    }
}

/// Opens or closes all ways in of a client; closing ends the sessions.
pub async fn set_enabled(tx: &mut Tx, access: &Access, caller: &Caller, client_id: &str, on: bool, reason: &str) -> Result<()> {
    let state = if on { IdentityState::Active } else { IdentityState::Disabled };
    for i in store::of_client(tx, client_id).await? {
        let i = store::lock(tx, &i.id).await?;
        if i.state == state {
            continue;
        }
        store::set_state(tx, &i.id, state).await?;
        if !on {
            access.end_sessions(tx, &i.id, None, "disabled").await?;
        }
        let entity = i.entities.get(0).and_then(|e| e.as_str()).map(str::to_string);
        let action = if on { "login.enabled" } else { "login.disabled" };
        audit::record(
            tx,
            &access.core,
            Entry::new(caller, action, format!("login:{}", i.id))
                .client(client_id)
                .entity(entity)
                .reason(reason),
        )
        .await?;
    }
    Ok(())
}

/// After a merge of two clients: the ways in of one become the other's.
pub async fn move_to_client(tx: &mut Tx, access: &Access, from: &str, to: &str) -> Result<u64> {
    for i in store::of_client(tx, from).await? {
        access.forget(tx, &i.id);
    }
    store::set_client(tx, from, to).await
}

/// Another address for one's own login: unverified until proven. Needs a fresh proof.
pub async fn change_email(tx: &mut Tx, access: &Access, caller: &Caller, email: &str) -> Result<()> {
    caller.require(Right::MeSecurity)?;
    caller.require_step_up(access.core.now())?;
    check_email(email)?;
    let id = caller.id();
    let i = store::lock(tx, &id).await?;
    let norm = normal_email(email);
    if let Some(other) = store::by_address(tx, &i.realm, &norm).await?
        && other.id != id
    {
        return Err(Problem::conflict("login_taken", "this address has an account here").and_field(
            "/email",
            "login_taken",
            "another address",
        ));
    }
    store::set_address(tx, &id, email.trim(), &norm).await?;
    for purpose in ["verify_email", "reset_password"] {
        store::spoil_tokens(tx, &id, purpose, access.core.now()).await?;
    }
    let e = own_entry(caller, "login.email_changed", format!("login:{id}"))
        .before(json!({ "email": i.email }))
        .after(json!({ "email": email.trim() }));
    audit::record(tx, &access.core, e).await?;
    Ok(())
}

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

/// Uses a verification token. The caller publishes what follows from it.
pub async fn verify_email(tx: &mut Tx, access: &Access, token: &Secret) -> Result<Verified> {
    let now = access.core.now();
    let (id, email) = store::use_token(tx, &sha256(token.expose()), "verify_email", now)
        .await?
        .ok_or_else(token_bad)?;
    let i = store::lock(tx, &id).await?;
    // The address may have been changed after the mail went out.
    if normal_email(&i.email) != email {
        return Err(token_bad());
    }
    let first = store::set_verified(tx, &id, now).await? == 1;
    let entity = i.entities.get(0).and_then(|e| e.as_str()).map(str::to_string);
    let client_id = i.client_id.clone().unwrap_or_default();
    if first {
        let who = access.plain_caller(&i, None)?;
        audit::record(tx, &access.core, own_entry(&who, "login.email_verified", format!("login:{id}"))).await?;
    }
    Ok(Verified {
        login: LoginId::parse(&id)?,
        client_id,
        entity,
        first,
    })
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

/// Mails of one kind an hour at the most, so that nobody's mailbox is flooded.
const MAILS_AN_HOUR: i64 = 5;

/// None for an unknown or disabled login, or too many in the last hour: whoever asks is told the
/// same in every case. The caller mails it in the same transaction.
pub async fn start_reset(tx: &mut Tx, access: &Access, realm: &Realm, email: &str) -> Result<Option<Reset>> {
    let Some(i) = store::by_address(tx, &realm.text(), &normal_email(email)).await? else {
        return Ok(None);
    };
    if i.state != IdentityState::Active {
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

/// Where somebody is written to about their own login.
#[derive(Clone, Debug)]
pub struct Whom {
    pub realm: String,
    pub client_id: Option<String>,
    pub email: String,
    pub name: String,
    pub language: String,
}

/// By identity (`stf_…`, `lgn_…`), for a module that tells people what happened to their login.
pub async fn whom(tx: &mut Tx, identity: &str) -> Result<Option<Whom>> {
    let found = store::by_id(tx, identity).await?;
    Ok(found.map(|i| Whom {
        realm: i.realm,
        client_id: i.client_id,
        email: i.email,
        name: i.name,
        language: i.language,
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

impl Access {
    /// Sets a password with a reset or an invitation. Nobody is signed in by it, and the second
    /// factor stays: whoever reads the mailbox alone gets nowhere. All sessions end.
    pub async fn finish_reset(&self, token: &Secret, new: &Secret) -> Result<String> {
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
        let me = self.clone();
        self.core
            .db
            .write(async move |tx| {
                let now = me.core.now();
                let (id, email) = store::use_token(tx, &hash, purpose, now).await?.ok_or_else(token_bad)?;
                let i = store::lock(tx, &id).await?;
                if normal_email(&i.email) != email || i.state != IdentityState::Active {
                    return Err(token_bad());
                }
                store::set_password(tx, &id, &password, false, now).await?;
                store::spoil_tokens(tx, &id, purpose, now).await?;
                me.end_sessions(tx, &id, None, "password_reset").await?;
                let who = me.plain_caller(&i, None)?;
                audit::record(tx, &me.core, own_entry(&who, "login.password_reset", format!("login:{id}"))).await?;
                Ok(id)
            })
            .await
    }
}

// What a person sees and ends of their own.

pub async fn sessions_of(tx: &mut Tx, caller: &Caller, now: Ts) -> Result<Vec<SessionRow>> {
    let (_, id) = own_session(caller)?;
    sessions::open_of(tx, &id, now).await
}

/// Ends one of one's own sessions.
pub async fn end_session(tx: &mut Tx, access: &Access, caller: &Caller, session: SessionId) -> Result<()> {
    let (_, id) = own_session(caller)?;
    if sessions::end(tx, session, &id, "ended_by_owner", access.core.now()).await? != 1 {
        return Err(Problem::missing("session"));
    }
    access.forget(tx, &id);
    audit::record(tx, &access.core, own_entry(caller, "session.ended", format!("session:{session}"))).await?;
    Ok(())
}

/// Ends all of one's sessions but the present one; how many.
pub async fn end_other_sessions(tx: &mut Tx, access: &Access, caller: &Caller) -> Result<u64> {
    let (session, id) = own_session(caller)?;
    let n = access.end_sessions(tx, &id, Some(session), "ended_by_owner").await?;
    audit::record(
        tx,
        &access.core,
        own_entry(caller, "session.others_ended", format!("login:{id}")).after(json!({ "ended": n })),
    )
    .await?;
    Ok(n)
}

pub async fn devices_of(tx: &mut Tx, identity: &str) -> Result<Vec<DeviceRow>> {
    store::devices_of(tx, identity).await
}

/// Since when a device (`dev_…`, [`Caller::device`]) is known: a signal for withdrawals.
pub async fn device_first_seen(tx: &mut Tx, device: &str) -> Result<Option<Ts>> {
    Ok(store::device(tx, device).await?.map(|d| d.first_seen_at))
}

/// One's own sign-ins, newest first.
pub async fn sign_ins_of(tx: &mut Tx, caller: &Caller, page: &PageRequest) -> Result<Page<SignInRow>> {
    let (_, id) = own_session(caller)?;
    sign_ins(tx, &id, page).await
}

/// Somebody's sign-ins, for a module that has checked the caller.
pub async fn sign_ins(tx: &mut Tx, identity: &str, page: &PageRequest) -> Result<Page<SignInRow>> {
    let before = match &page.after {
        Some(a) => a
            .parse()
            .map_err(|_| Problem::invalid("cursor", "cursor_malformed", "expected the `next_cursor` of an earlier page"))?,
        None => i64::MAX,
    };
    let rows = store::sign_ins_of(tx, identity, before, page.fetch()).await?;
    Ok(page.finish(rows, |r| r.seq.to_string()))
}

/// How many recovery codes are left, and whether there is a second factor.
pub async fn second_factor_state(tx: &mut Tx, caller: &Caller) -> Result<(bool, i64)> {
    let (_, id) = own_session(caller)?;
    let i = store::by_id(tx, &id).await?.ok_or_else(|| Problem::missing("login"))?;
    Ok((i.totp_confirmed_at.is_some(), store::recovery_codes_left(tx, &id).await?))
}

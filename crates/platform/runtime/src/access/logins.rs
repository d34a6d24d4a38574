//! Clients' ways in, and what a person sees of their own sessions and devices.

pub use super::proofs::{
    ReadyReset, Reset, ResetDone, Verified, abandoned, finish_reset_in, issue_invite, issue_verification, start_reset, take_over,
    verify_email,
};
use super::sign_in::{own_entry, own_session};
use super::store::identities::{self as store, Identity, IdentityState, Kind, NewIdentity};
use super::store::{places, sessions};
use super::{Access, Caller, DeviceRow, LoginId, Realm, Right, SessionId, SessionRow, SignInRow, Who};
use crate::audit::{self, Entry};
use qd_db::Tx;
use qd_kernel::{Page, PageRequest, Problem, Result, Ts};
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

fn state_of(state: IdentityState, held_for: Option<&str>) -> String {
    held_for.map_or_else(|| state.to_string(), |_| "held".to_string())
}

fn view(i: Identity) -> LoginView {
    LoginView {
        state: state_of(i.state, i.held_for.as_deref()),
        id: i.id,
        realm: i.realm,
        email: i.email,
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

/// The ways in a client had at a moment. Whether one was locked then is not kept: a lock lasts a
/// quarter of an hour.
pub async fn of_client_at(tx: &mut Tx, client_id: &str, at: Ts) -> Result<Vec<LoginView>> {
    let mut out = Vec::new();
    for (id,) in places::ever_of_client(tx, client_id).await? {
        let (owner, mut v) = match places::past_at(tx, &id, at).await? {
            Some(p) => {
                let v = LoginView {
                    state: state_of(p.state, p.held_for.as_deref()),
                    id: p.id,
                    realm: p.realm,
                    email: p.email,
                    email_verified_at: p.email_verified_at,
                    second_factor: p.totp_confirmed_at.is_some(),
                    locked_until: None,
                    last_sign_in_at: None,
                    created_at: p.created_at,
                };
                (Some(p.client_id), v)
            }
            None => match store::by_id(tx, &id).await? {
                Some(i) => (i.client_id.clone(), view(i)),
                None => continue,
            },
        };
        if owner.as_deref() != Some(client_id) || v.created_at > at {
            continue;
        }
        v.locked_until = None;
        v.last_sign_in_at = places::signed_in_by(tx, &id, at).await?;
        out.push(v);
    }
    Ok(out)
}

/// Whether the address of the client who asks is proven to be theirs. Nobody else has one to prove.
pub async fn proven(tx: &mut Tx, caller: &Caller) -> Result<bool> {
    if !matches!(caller.who, Who::Client { .. }) {
        return Ok(true);
    }
    Ok(store::by_id(tx, &caller.id()).await?.is_some_and(|i| i.email_verified_at.is_some()))
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
        store::set_state(tx, &i.id, state, access.core.now()).await?;
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
    store::set_address(tx, &id, email.trim(), &norm, access.core.now()).await?;
    for purpose in ["verify_email", "reset_password"] {
        store::spoil_tokens(tx, &id, purpose, access.core.now()).await?;
    }
    let e = own_entry(caller, "login.email_changed", format!("login:{id}"))
        .before(json!({ "email": i.email }))
        .after(json!({ "email": email.trim() }));
    audit::record(tx, &access.core, e).await?;
    Ok(())
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
    Ok(store::by_id(tx, identity).await?.map(whom_of))
}

pub(super) fn whom_of(i: Identity) -> Whom {
    Whom {
        realm: i.realm,
        client_id: i.client_id,
        email: i.email,
        name: i.name,
        language: i.language,
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

/// How many other clients came by a browser that this client came by.
pub async fn others_on_devices(tx: &mut Tx, client_id: &str) -> Result<i64> {
    store::others_on_devices(tx, client_id).await
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

/// Whether one's first password is to be changed before anything else is open.
pub async fn must_change_password(tx: &mut Tx, caller: &Caller) -> Result<bool> {
    let (_, id) = own_session(caller)?;
    let i = store::by_id(tx, &id).await?.ok_or_else(|| Problem::missing("login"))?;
    Ok(i.must_change)
}

/// How many recovery codes are left, and whether there is a second factor.
pub async fn second_factor_state(tx: &mut Tx, caller: &Caller) -> Result<(bool, i64)> {
    let (_, id) = own_session(caller)?;
    let i = store::by_id(tx, &id).await?.ok_or_else(|| Problem::missing("login"))?;
    Ok((i.totp_confirmed_at.is_some(), store::recovery_codes_left(tx, &id).await?))
}

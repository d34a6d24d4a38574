//! Signing in, proving oneself again, signing out, passwords and second factors.
//!
//! A failed try is written down in a transaction that commits, so every decision here is an
//! outcome that becomes a problem after the commit. Whoever tries learns one sentence for all of:
//! unknown address, wrong password, resting after failures, disabled.

use super::service::sha256;
use super::store::identities::{self as store, Identity, Kind, NewSignIn};
use super::store::sessions::{self, NewSession};
use super::{Access, Caller, DeviceId, Realm, SESSION_PREFIX, SessionId, Who, normal_email, second};
use crate::audit::{self, Entry};
use qd_db::Tx;
use qd_kernel::{Problem, Result, Secret, Ts};
use serde_json::json;

#[derive(Clone, Debug)]
pub struct SignIn {
    pub realm: Realm,
    pub email: String,
    pub password: Secret,
    /// A code of the second factor or a recovery code.
    pub code: Option<Secret>,
    pub ip: Option<String>,
    /// Something that stays the same for one browser: a long-lived cookie's value, else its
    /// description.
    pub device: Option<String>,
    /// The browser's description of itself.
    pub agent: Option<String>,
}

#[derive(Clone, Debug)]
pub struct SignedIn {
    /// `qds_…`: shown once, to the browser's cookie or the program that asked.
    pub token: Secret,
    pub session: SessionId,
    /// `stf_…` or `lgn_…`
    pub identity: String,
    pub expires_at: Ts,
    /// First time from this device (the very first one of an identity counts too).
    pub new_device: bool,
    pub device: DeviceId,
    /// Until it is done, the session may do nothing else.
    pub must_change_password: bool,
    pub must_enrol_second_factor: bool,
    pub caller: Caller,
}

/// What a person shows to prove it is still them.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    pub password: Option<Secret>,
    pub code: Option<Secret>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Good,
    Unknown,
    Locked,
    WrongPassword,
    Disabled,
    CodeMissing,
    WrongCode,
}

impl Verdict {
    fn logged(self) -> &'static str {
        match self {
            Verdict::Good => "ok",
            Verdict::Unknown => "unknown",
            Verdict::Locked => "locked",
            Verdict::WrongPassword => "wrong_password",
            Verdict::Disabled => "disabled",
            Verdict::CodeMissing => "code_missing",
            Verdict::WrongCode => "wrong_code",
        }
    }
    pub(super) fn problem(self) -> Problem {
        match self {
            Verdict::CodeMissing => Problem::unauthenticated("second_factor_required", "enter the code of your authenticator app"),
            Verdict::WrongCode => Problem::unauthenticated("second_factor_wrong", "this code is wrong or was used already"),
            _ => Problem::unauthenticated(
                "sign_in_failed",
                "the address or the password is wrong, or too many tries went wrong; wait a quarter of an hour or reset the password",
            ),
        }
    }
}

pub(super) fn cut(text: &str) -> String {
    text.replace('\0', "").chars().take(200).collect()
}

impl Access {
    pub async fn sign_in(&self, s: SignIn) -> Result<SignedIn> {
        let (realm, email) = (s.realm.text(), normal_email(&s.email));
        let now = self.core.now();
        let (ip, since, limit) = (
            s.ip.clone(),
            now.plus_secs(-self.inner.config.ip_window_secs),
            self.inner.config.ip_failures,
        );
        let (r, e) = (realm.clone(), email.clone());
        let (failures, found) = self
            .core
            .db
            .read(async move |tx| {
                let failures = match &ip {
                    Some(ip) => store::failures_from(tx, ip, since, limit).await?,
                    None => 0,
                };
                Ok((failures, store::by_address(tx, &r, &e).await?))
            })
            .await?;
        if failures >= limit {
            return Err(Problem::limit(
                "sign_in_too_many",
                "too many failed tries from your address; wait a quarter of an hour",
            ));
        }
        let checked_hash = found.as_ref().and_then(|i| i.password_hash.clone());
        let password_good = self.inner.hasher.verify(checked_hash.as_deref(), &s.password).await?;

        let me = self.clone();
        let outcome = self
            .core
            .db
            .write(async move |tx| {
                let now = me.core.now();
                let who_mark = second::keyed(&me.inner.config.house_key, &realm, &email);
                let mut log = NewSignIn {
                    identity: None,
                    realm: &realm,
                    who_mark,
                    outcome: "unknown",
                    ip: s.ip.as_deref(),
                    device: None,
                    new_device: false,
                    agent: None,
                    at: now,
                };
                let agent = s.agent.as_deref().map(cut);
                log.agent = agent.as_deref();
                let Some(found) = &found else {
                    store::log_sign_in(tx, log).await?;
                    return Ok(Err(Verdict::Unknown));
                };
                let i = store::lock(tx, &found.id).await?;
                let good = password_good && i.password_hash == checked_hash;
                let verdict = me.judge(tx, &i, good, s.code.as_ref(), now).await?;
                log.identity = Some(&i.id);
                log.outcome = verdict.logged();
                if verdict != Verdict::Good {
                    me.count_failure(tx, &i, verdict, s.ip.clone(), now).await?;
                    store::log_sign_in(tx, log).await?;
                    return Ok(Err(verdict));
                }
                let label = agent.clone().unwrap_or_else(|| "unknown".to_string());
                // A description is many people's: it tells one login's devices apart and nobody else's.
                let mark = match s.device.as_deref() {
                    Some(d) => sha256(d),
                    None => sha256(&format!("{} {label}", i.id)),
                };
                let offered = DeviceId::new(&me.core.env);
                let device = store::see_device(tx, offered, &i.id, &mark, &label, s.ip.as_deref(), now).await?;
                log.device = Some(device);
                log.new_device = device == offered;
                store::log_sign_in(tx, log).await?;
                store::signed_in(tx, &i.id, now).await?;
                me.start_session(tx, &i, device, device == offered, s.ip.clone(), now).await.map(Ok)
            })
            .await?;
        outcome.map_err(Verdict::problem)
    }

    pub(super) async fn start_session(
        &self,
        tx: &mut Tx,
        i: &Identity,
        device: DeviceId,
        new_device: bool,
        ip: Option<String>,
        now: Ts,
    ) -> Result<SignedIn> {
        let config = &self.inner.config;
        let token = self.new_token(SESSION_PREFIX);
        let life = if i.kind == Kind::Staff {
            config.staff_session_secs
        } else {
            config.client_session_secs
        };
        let s = NewSession {
            id: SessionId::new(&self.core.env),
            token_hash: sha256(token.expose()),
            identity: i.id.clone(),
            device,
            ip: ip.clone(),
            now,
            expires_at: now.plus_secs(life),
        };
        sessions::insert(tx, &s).await?;
        let mut caller = self.plain_caller(i, ip)?;
        caller.session = Some(s.id);
        caller.device = Some(device.to_string());
        let mut e = Entry::new(&caller, "session.started", format!("session:{}", s.id))
            .after(json!({ "device": device, "new_device": new_device }));
        if let Who::Client { client, entity, .. } = &caller.who {
            e = e.client(client.clone()).entity(Some(entity.clone()));
        }
        audit::record(tx, &self.core, e).await?;
        Ok(SignedIn {
            token,
            session: s.id,
            identity: i.id.clone(),
            expires_at: s.expires_at,
            new_device,
            device,
            must_change_password: i.must_change,
            must_enrol_second_factor: i.kind == Kind::Staff && config.staff_second_factor && i.totp_confirmed_at.is_none(),
            caller: caller.clone(),
        })
    }

    /// The row is locked: of two tries with one code, the second sees the first.
    async fn judge(&self, tx: &mut Tx, i: &Identity, password_good: bool, code: Option<&Secret>, now: Ts) -> Result<Verdict> {
        if i.locked_until.is_some_and(|until| now < until) {
            return Ok(Verdict::Locked);
        }
        if !password_good {
            return Ok(Verdict::WrongPassword);
        }
        if !i.open() {
            return Ok(Verdict::Disabled);
        }
        match (i.totp_confirmed_at, code) {
            (None, _) => Ok(Verdict::Good),
            (Some(_), None) => Ok(Verdict::CodeMissing),
            (Some(_), Some(code)) => Ok(if self.code_good(tx, i, code, now).await? {
                Verdict::Good
            } else {
                Verdict::WrongCode
            }),
        }
    }

    /// Takes a code or a recovery code; either is spent by it.
    async fn code_good(&self, tx: &mut Tx, i: &Identity, code: &Secret, now: Ts) -> Result<bool> {
        let config = &self.inner.config;
        if let Some(hash) = second::recovery_hash(&config.house_key, &i.id, code) {
            return store::use_recovery_code(tx, &i.id, &hash, now).await;
        }
        let Some(sealed) = &i.totp_sealed else { return Ok(false) };
        let seed = second::open(&config.house_key, &i.id, sealed)?;
        match second::accepted_step(config, &seed, code, now, i.totp_last_step)? {
            Some(step) => {
                store::totp_step(tx, &i.id, step).await?;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    pub(super) async fn count_failure(&self, tx: &mut Tx, i: &Identity, v: Verdict, ip: Option<String>, now: Ts) -> Result<()> {
        if !matches!(v, Verdict::WrongPassword | Verdict::WrongCode) {
            return Ok(());
        }
        let config = &self.inner.config;
        let failed = i.failed + 1;
        if failed < config.lock_after {
            return store::failed(tx, &i.id, failed, i.locked_until).await;
        }
        let until = now.plus_secs(config.lock_secs);
        store::failed(tx, &i.id, 0, Some(until)).await?;
        let nobody = self.public(ip);
        let e = Entry::new(&nobody, "login.locked", format!("login:{}", i.id)).after(json!({ "failures": failed, "until": until }));
        audit::record(tx, &self.core, e).await?;
        Ok(())
    }

    /// Proves once more that it is the same person: with the second factor where there is one, else
    /// with the password. Failures count like those of signing in.
    pub async fn step_up(&self, caller: &Caller, proof: Proof) -> Result<Ts> {
        let (session, id) = own_session(caller)?;
        let i = self.identity(&id).await?;
        let checked_hash = i.password_hash.clone();
        let password_good = match (&i.totp_confirmed_at, &proof.password) {
            (Some(_), _) => true,
            (None, Some(p)) => self.inner.hasher.verify(checked_hash.as_deref(), p).await?,
            (None, None) => return Err(Problem::invalid("password", "password_missing", "your password")),
        };
        if i.totp_confirmed_at.is_some() && proof.code.is_none() {
            return Err(Problem::invalid("code", "code_missing", "the code of your authenticator app"));
        }
        let (me, ip) = (self.clone(), caller.ip.clone());
        let outcome = self
            .core
            .db
            .write(async move |tx| {
                let now = me.core.now();
                let i = store::lock(tx, &id).await?;
                let good = password_good && (i.totp_confirmed_at.is_some() || i.password_hash == checked_hash);
                let verdict = me.judge(tx, &i, good, proof.code.as_ref(), now).await?;
                store::log_sign_in(
                    tx,
                    NewSignIn {
                        identity: Some(&id),
                        realm: &i.realm,
                        who_mark: Vec::new(),
                        outcome: if verdict == Verdict::Good { "step_up" } else { "step_up_failed" },
                        ip: ip.as_deref(),
                        device: None,
                        new_device: false,
                        agent: None,
                        at: now,
                    },
                )
                .await?;
                if verdict != Verdict::Good {
                    me.count_failure(tx, &i, verdict, ip.clone(), now).await?;
                    return Ok(Err(verdict));
                }
                if sessions::step_up(tx, session, now).await? != 1 {
                    return Err(Problem::unauthenticated("session_over", "the session is over; sign in again"));
                }
                me.forget(tx, &id);
                Ok(Ok(now.plus_secs(me.inner.config.step_up_secs)))
            })
            .await?;
        outcome.map_err(|v| match v {
            Verdict::WrongPassword => Problem::invalid("password", "password_wrong", "your password"),
            Verdict::WrongCode | Verdict::CodeMissing => {
                Problem::invalid("code", "second_factor_wrong", "a fresh code of your authenticator app")
            }
            v => v.problem(),
        })
    }

    pub async fn sign_out(&self, caller: &Caller) -> Result<()> {
        let (session, id) = own_session(caller)?;
        let (me, caller) = (self.clone(), caller.clone());
        self.core
            .db
            .write(async move |tx| {
                if sessions::end(tx, session, &id, "signed_out", me.core.now()).await? == 1 {
                    audit::record(tx, &me.core, own_entry(&caller, "session.ended", format!("session:{session}"))).await?;
                }
                me.forget(tx, &id);
                Ok(())
            })
            .await
    }

    pub(super) async fn identity(&self, id: &str) -> Result<Identity> {
        let id = id.to_string();
        self.core
            .db
            .read(async move |tx| store::by_id(tx, &id).await)
            .await?
            .ok_or_else(|| Problem::missing("login"))
    }
}

/// The session and identity of a person who is signed in.
pub(super) fn own_session(caller: &Caller) -> Result<(SessionId, String)> {
    match (&caller.who, caller.session) {
        (Who::Staff { .. } | Who::Client { .. }, Some(s)) => Ok((s, caller.id())),
        _ => Err(Problem::unauthenticated("sign_in_required", "sign in first")),
    }
}

/// An audit entry about somebody's own login, filed under the client if it is one.
pub(super) fn own_entry<'a>(caller: &'a Caller, action: &'static str, object: String) -> Entry<'a> {
    let e = Entry::new(caller, action, object);
    match &caller.who {
        Who::Client { client, entity, .. } => e.client(client.clone()).entity(Some(entity.clone())),
        _ => e,
    }
}

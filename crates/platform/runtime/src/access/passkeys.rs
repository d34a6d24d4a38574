//! Passkeys: a key in a person's device, unlocked by that device, in place of password and code. It
//! counts as both factors, because the device verifies the person; what the house asks of its own
//! people besides (a second factor enrolled) stays asked.
//!
//! An answer is believed for a challenge of ours, once, within five minutes, from the place the
//! challenge was made for. Whoever tries learns one sentence for everything that is wrong.

use super::service::sha256;
use super::sign_in::{own_entry, own_session};
use super::store::identities::{self as store, NewSignIn};
use super::store::{passkeys as keys, sessions};
use super::webauthn::{self, Fault, Kept, Place};
use super::{Access, Caller, DeviceId, Realm, SignedIn};
use crate::audit::{self, Entry};
use qd_kernel::{Problem, Result, Ts, id, text_enum};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

id!(PasskeyId, "psk", "A passkey of somebody's.");
id!(ChallengeId, "pch", "A challenge a passkey is to answer.");

text_enum!(
    /// What an answer is for.
    Purpose { Register = "register", SignIn = "sign_in", StepUp = "step_up" }
);

/// Passkeys of one person.
const MOST: usize = 20;
const CHALLENGE_SECS: i64 = 300;

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({"id": "psk_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "name": "Telephone", "synced": true, "created_at_us": 1_790_000_000_000_000_i64, "last_used_at_us": null}))]
pub struct Passkey {
    pub id: PasskeyId,
    /// As its owner calls it.
    pub name: String,
    /// Kept in several devices of the owner's.
    pub synced: bool,
    pub created_at_us: Ts,
    pub last_used_at_us: Option<Ts>,
}

/// A challenge for the browser, with the passkeys it is about.
#[derive(Clone, Debug)]
pub struct Asked {
    pub id: ChallengeId,
    pub challenge: Vec<u8>,
    /// Those there are (registering: not again these).
    pub credentials: Vec<(Vec<u8>, Value)>,
    /// Who registers: an opaque handle, the address, the name.
    pub handle: String,
    pub account: String,
    pub name: String,
}

/// What the browser answers when a passkey is made.
#[derive(Clone, Debug)]
pub struct Made {
    pub challenge_id: ChallengeId,
    pub name: String,
    pub client_data: Vec<u8>,
    pub attestation: Vec<u8>,
    pub transports: Vec<String>,
}

/// What the browser answers when a passkey is used.
#[derive(Clone, Debug)]
pub struct Used {
    pub challenge_id: ChallengeId,
    pub credential_id: Vec<u8>,
    pub client_data: Vec<u8>,
    pub data: Vec<u8>,
    pub signature: Vec<u8>,
    pub handle: Option<Vec<u8>>,
}

/// Where somebody signs in from.
#[derive(Clone, Debug, Default)]
pub struct From {
    pub ip: Option<String>,
    pub device: Option<String>,
    pub agent: Option<String>,
}

fn refused() -> Problem {
    Problem::unauthenticated(
        "passkey_refused",
        "this passkey was not accepted; try again, or sign in another way",
    )
}

fn unreadable(f: Fault) -> Problem {
    tracing::debug!(fault = ?f, "a passkey was not accepted");
    Problem::invalid(
        "credential",
        "passkey_refused",
        "the answer of the browser to the challenge that was given",
    )
}

impl Access {
    async fn ask(&self, purpose: Purpose, realm: String, identity: Option<String>) -> Result<(ChallengeId, Vec<u8>)> {
        let mut challenge = vec![0; 32];
        self.core.env.entropy.fill(&mut challenge);
        let (id, now) = (ChallengeId::new(&self.core.env), self.core.now());
        let c = challenge.clone();
        self.core
            .db
            .write(async move |tx| keys::ask(tx, id, &c, purpose, &realm, identity.as_deref(), now, now.plus_secs(CHALLENGE_SECS)).await)
            .await?;
        Ok((id, challenge))
    }

    /// Begins a passkey of one's own. Needs a fresh proof.
    pub async fn begin_passkey(&self, caller: &Caller) -> Result<Asked> {
        caller.require_step_up(self.core.now())?;
        let (_, id) = own_session(caller)?;
        let i = self.identity(&id).await?;
        let whose = id.clone();
        let credentials = self.core.db.read(async move |tx| keys::credentials(tx, &whose).await).await?;
        if credentials.len() >= MOST {
            return Err(Problem::conflict(
                "passkeys_too_many",
                format!("you have {MOST} passkeys; remove one first"),
            ));
        }
        let (challenge_id, challenge) = self.ask(Purpose::Register, i.realm, Some(id.clone())).await?;
        Ok(Asked {
            id: challenge_id,
            challenge,
            credentials,
            handle: id,
            account: i.email,
            name: i.name,
        })
    }

    /// Keeps the passkey that the browser made. Needs a fresh proof.
    pub async fn keep_passkey(&self, caller: &Caller, place: Place, made: Made) -> Result<Passkey> {
        caller.require_step_up(self.core.now())?;
        let (_, id) = own_session(caller)?;
        let name = made.name.trim().to_string();
        if name.is_empty() || name.chars().count() > 60 || name.chars().any(char::is_control) {
            return Err(Problem::invalid("name", "name_length", "1 to 60 characters"));
        }
        let transports: Vec<String> = made
            .transports
            .iter()
            .filter(|t| (1..=20).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'))
            .take(8)
            .cloned()
            .collect();
        let (me, caller) = (self.clone(), caller.clone());
        let outcome = self
            .core
            .db
            .write(async move |tx| {
                let now = me.core.now();
                // Spent whatever comes of it.
                let asked = keys::take(tx, made.challenge_id, Purpose::Register).await?;
                let Some(asked) = asked.filter(|a| a.identity.as_deref() == Some(&id) && now < a.expires_at) else {
                    return Ok(Err(Fault::Challenge));
                };
                let key = match webauthn::created(&made.client_data, &made.attestation, &asked.challenge, &place) {
                    Ok(k) => k,
                    Err(f) => return Ok(Err(f)),
                };
                store::lock(tx, &id).await?;
                if keys::of_identity(tx, &id).await?.len() >= MOST {
                    return Err(Problem::conflict(
                        "passkeys_too_many",
                        format!("you have {MOST} passkeys; remove one first"),
                    ));
                }
                let p = Passkey {
                    id: PasskeyId::new(&me.core.env),
                    name: name.clone(),
                    synced: key.backed_up,
                    created_at_us: now,
                    last_used_at_us: None,
                };
                if !keys::insert(tx, p.id, &id, &key, &json!(transports), &name, now).await? {
                    return Err(Problem::conflict("passkey_there", "this passkey is kept already"));
                }
                let e = own_entry(&caller, "login.passkey_added", format!("login:{id}"));
                audit::record(tx, &me.core, e.after(json!({"passkey_id": p.id, "name": name, "synced": p.synced}))).await?;
                Ok(Ok(p))
            })
            .await?;
        outcome.map_err(unreadable)
    }

    /// One's own passkeys.
    pub async fn passkeys(&self, caller: &Caller) -> Result<Vec<Passkey>> {
        let (_, id) = own_session(caller)?;
        self.core.db.read(async move |tx| keys::of_identity(tx, &id).await).await
    }

    /// Removes one of one's own. Needs a fresh proof.
    pub async fn remove_passkey(&self, caller: &Caller, passkey: PasskeyId) -> Result<()> {
        caller.require_step_up(self.core.now())?;
        let (_, id) = own_session(caller)?;
        let (me, caller) = (self.clone(), caller.clone());
        self.core
            .db
            .write(async move |tx| {
                if !keys::remove(tx, &id, passkey).await? {
                    return Err(Problem::missing("passkey"));
                }
                let e = own_entry(&caller, "login.passkey_removed", format!("login:{id}"));
                audit::record(tx, &me.core, e.before(json!({"passkey_id": passkey})))
                    .await
                    .map(|_| ())
            })
            .await
    }

    /// Begins signing in: any passkey of this realm may answer, so nobody learns whose there are.
    pub async fn begin_passkey_sign_in(&self, realm: &Realm) -> Result<Asked> {
        let (id, challenge) = self.ask(Purpose::SignIn, realm.text(), None).await?;
        Ok(Asked {
            id,
            challenge,
            credentials: Vec::new(),
            handle: String::new(),
            account: String::new(),
            name: String::new(),
        })
    }

    /// Signs in with the passkey that answered.
    pub async fn passkey_sign_in(&self, realm: &Realm, place: Place, used: Used, from: From) -> Result<SignedIn> {
        let (realm, now) = (realm.text(), self.core.now());
        let config = &self.inner.config;
        let (ip, since, limit) = (from.ip.clone(), now.plus_secs(-config.ip_window_secs), config.ip_failures);
        let failures = self
            .core
            .db
            .read(async move |tx| match &ip {
                Some(ip) => store::failures_from(tx, ip, since, limit).await,
                None => Ok(0),
            })
            .await?;
        if failures >= limit {
            return Err(Problem::limit(
                "sign_in_too_many",
                "too many failed tries from your address; wait a quarter of an hour",
            ));
        }
        let me = self.clone();
        let outcome = self
            .core
            .db
            .write(async move |tx| {
                let now = me.core.now();
                let agent = from.agent.as_deref().map(super::sign_in::cut);
                let mut log = NewSignIn {
                    identity: None,
                    realm: &realm,
                    who_mark: Vec::new(),
                    outcome: "unknown",
                    ip: from.ip.as_deref(),
                    device: None,
                    new_device: false,
                    agent: agent.as_deref(),
                    at: now,
                };
                let asked = keys::take(tx, used.challenge_id, Purpose::SignIn).await?;
                let asked = asked.filter(|a| a.realm == realm && now < a.expires_at);
                let kept = keys::by_credential(tx, &used.credential_id).await?;
                let (Some(asked), Some(kept)) = (asked, kept) else {
                    store::log_sign_in(tx, log).await?;
                    return Ok(None);
                };
                let i = store::lock(tx, &kept.identity).await?;
                log.identity = Some(&i.id);
                let whose = used.handle.as_deref().is_none_or(|h| h == i.id.as_bytes()) && i.realm == realm;
                let proof = webauthn::proven(
                    &used.client_data,
                    &used.data,
                    &used.signature,
                    &asked.challenge,
                    &place,
                    &Kept {
                        alg: kept.alg,
                        public_key: &kept.public_key,
                        counter: kept.sign_count,
                    },
                );
                let counter = match proof {
                    Ok(c) if whose && i.open() => c,
                    other => {
                        log.outcome = if i.open() { "wrong_code" } else { "disabled" };
                        store::log_sign_in(tx, log).await?;
                        if other == Err(Fault::Counter) {
                            let nobody = me.public(from.ip.clone());
                            let e = Entry::new(&nobody, "login.passkey_copied", format!("login:{}", i.id));
                            audit::record(tx, &me.core, e.after(json!({"passkey_id": kept.id}))).await?;
                        }
                        return Ok(None);
                    }
                };
                keys::used(tx, kept.id, counter, now).await?;
                let label = agent.clone().unwrap_or_else(|| "unknown".to_string());
                let mark = sha256(from.device.as_deref().unwrap_or(&label));
                let offered = DeviceId::new(&me.core.env);
                let device = store::see_device(tx, offered, &i.id, &mark, &label, from.ip.as_deref(), now).await?;
                log.device = Some(device);
                log.new_device = device == offered;
                log.outcome = "ok";
                store::log_sign_in(tx, log).await?;
                store::signed_in(tx, &i.id, now).await?;
                me.start_session(tx, &i, device, device == offered, from.ip.clone(), now)
                    .await
                    .map(Some)
            })
            .await?;
        outcome.ok_or_else(refused)
    }

    /// Begins proving with a passkey that it is still the same person.
    pub async fn begin_passkey_step_up(&self, caller: &Caller) -> Result<Asked> {
        let (_, id) = own_session(caller)?;
        let i = self.identity(&id).await?;
        let whose = id.clone();
        let credentials = self.core.db.read(async move |tx| keys::credentials(tx, &whose).await).await?;
        if credentials.is_empty() {
            return Err(Problem::conflict("passkeys_none", "you have no passkey"));
        }
        let (challenge_id, challenge) = self.ask(Purpose::StepUp, i.realm, Some(id.clone())).await?;
        Ok(Asked {
            id: challenge_id,
            challenge,
            credentials,
            handle: id,
            account: i.email,
            name: i.name,
        })
    }

    /// The proof: until when the person counts as freshly proven.
    pub async fn passkey_step_up(&self, caller: &Caller, place: Place, used: Used) -> Result<Ts> {
        let (session, id) = own_session(caller)?;
        let (me, ip) = (self.clone(), caller.ip.clone());
        let outcome = self
            .core
            .db
            .write(async move |tx| {
                let now = me.core.now();
                let asked = keys::take(tx, used.challenge_id, Purpose::StepUp).await?;
                let asked = asked.filter(|a| a.identity.as_deref() == Some(&id) && now < a.expires_at);
                let kept = keys::by_credential(tx, &used.credential_id).await?.filter(|k| k.identity == id);
                let i = store::lock(tx, &id).await?;
                let proof = match (&asked, &kept) {
                    (Some(a), Some(k)) if i.open() => {
                        let key = Kept {
                            alg: k.alg,
                            public_key: &k.public_key,
                            counter: k.sign_count,
                        };
                        webauthn::proven(&used.client_data, &used.data, &used.signature, &a.challenge, &place, &key)
                    }
                    _ => Err(Fault::Challenge),
                };
                let log = NewSignIn {
                    identity: Some(&id),
                    realm: &i.realm,
                    who_mark: Vec::new(),
                    outcome: if proof.is_ok() { "step_up" } else { "step_up_failed" },
                    ip: ip.as_deref(),
                    device: None,
                    new_device: false,
                    agent: None,
                    at: now,
                };
                store::log_sign_in(tx, log).await?;
                let (counter, kept) = match (proof, kept) {
                    (Ok(c), Some(k)) => (c, k),
                    (Err(f), _) => return Ok(Err(f)),
                    (Ok(_), None) => return Ok(Err(Fault::Key)),
                };
                keys::used(tx, kept.id, counter, now).await?;
                if sessions::step_up(tx, session, now).await? != 1 {
                    return Err(Problem::unauthenticated("session_over", "the session is over; sign in again"));
                }
                me.forget(tx, &id);
                Ok(Ok(now.plus_secs(me.inner.config.step_up_secs)))
            })
            .await?;
        outcome.map_err(unreadable)
    }
}

//! The door: [`Access`] turns a token into a [`Caller`].

use super::password::Hasher;
use super::store::identities::{Identity, IdentityState, Kind};
use super::store::sessions::Resolved;
use super::store::{identities, keys, roles, sessions};
use super::{AccessConfig, ApiKeyId, Caller, Grants, Matrix, Right, Role, Scope, SessionId, Who};
use crate::Core;
use qd_db::Tx;
use qd_kernel::{Problem, Result, Secret, Ts};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

/// Entries in the cache at the most.
const CACHE: usize = 50_000;
/// How often a session's "last seen" is written while it is used.
const TOUCH_SECS: i64 = 60;

/// How tokens start, so that a leaked one is recognised for what it is.
pub const SESSION_PREFIX: &str = "qds_";
pub const API_KEY_PREFIX: &str = "qdk_";

#[derive(Clone)]
pub struct Access {
    pub core: Core,
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) config: AccessConfig,
    pub(super) hasher: Hasher,
    cache: Mutex<HashMap<[u8; 32], Cached>>,
    matrix: Mutex<(Arc<Matrix>, Ts)>,
    /// Grows with every change, so that an answer read before a change is not kept after it.
    generation: AtomicU64,
}

struct Cached {
    caller: Caller,
    identity: String,
    loaded_at: Ts,
    seen_written_at: Ts,
    /// The absolute end and the idle end as of the last written use.
    ends_at: Ts,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Access")
    }
}

pub(super) fn sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(|p| p.into_inner())
}

fn over() -> Problem {
    Problem::unauthenticated("session_over", "the session is over; sign in again")
}

impl Access {
    /// Writes the default rights of roles this database does not know yet, then reads the matrix.
    pub async fn open(core: Core, config: AccessConfig) -> Result<Access> {
        let hasher = Hasher::new(&config, &*core.env.entropy).await?;
        let now = core.now();
        core.db.write(async move |tx| super::roles::add_missing(tx, now).await).await?;
        let inner = Inner {
            config,
            hasher,
            cache: Mutex::new(HashMap::new()),
            matrix: Mutex::new((Arc::new(Matrix::builtin().clone()), Ts(i64::MIN))),
            generation: AtomicU64::new(0),
        };
        Ok(Access {
            core,
            inner: Arc::new(inner),
        })
    }

    pub fn config(&self) -> &AccessConfig {
        &self.inner.config
    }

    /// 256 bits of chance behind a prefix.
    pub(super) fn new_token(&self, prefix: &str) -> Secret {
        let mut bytes = [0; 32];
        self.core.env.entropy.fill(&mut bytes);
        Secret::new(format!("{prefix}{}", data_encoding::BASE64URL_NOPAD.encode(&bytes)))
    }

    /// Nobody known, from an address.
    pub fn public(&self, ip: Option<String>) -> Caller {
        Caller::public().from_ip(ip)
    }

    /// Who a session token or API key stands for. One indexed read, or none within
    /// [`AccessConfig::cache_secs`] of the last.
    pub async fn resolve(&self, token: &str, ip: Option<String>) -> Result<Caller> {
        let now = self.core.now();
        let hash = sha256(token);
        if let Some(caller) = self.cached(&hash, now)? {
            return Ok(caller.from_ip(ip));
        }
        if token.starts_with(API_KEY_PREFIX) {
            return Ok(self.resolve_key(&hash, now).await?.from_ip(ip));
        }
        if !token.starts_with(SESSION_PREFIX) {
            return Err(over());
        }
        let generation = self.inner.generation.load(Ordering::SeqCst);
        let matrix = self.matrix(now).await?;
        let found = self.core.db.read(async move |tx| sessions::resolve(tx, &hash).await).await?;
        let r = found.ok_or_else(over)?;
        let mut ends_at = r.expires_at;
        if r.kind == Kind::Staff {
            ends_at = ends_at.min(r.last_seen_at.plus_secs(self.inner.config.staff_idle_secs));
        }
        if r.ended_at.is_some() || r.state != IdentityState::Active || r.held_for.is_some() || now >= ends_at {
            return Err(over());
        }
        let mut seen_written_at = r.last_seen_at;
        if now.secs_since(r.last_seen_at) >= TOUCH_SECS {
            let id = r.session;
            self.core.db.write(async move |tx| sessions::touch(tx, id, now).await).await?;
            seen_written_at = now;
        }
        if r.kind == Kind::Staff {
            ends_at = r.expires_at.min(seen_written_at.plus_secs(self.inner.config.staff_idle_secs));
        }
        let caller = self.session_caller(&r, &matrix)?;
        let entry = Cached {
            caller: caller.clone(),
            identity: r.identity,
            loaded_at: now,
            seen_written_at,
            ends_at,
        };
        self.keep(hash, entry, generation);
        Ok(caller.from_ip(ip))
    }

    fn session_caller(&self, r: &Resolved, matrix: &Matrix) -> Result<Caller> {
        let who = who(
            &r.identity,
            r.kind,
            &r.name,
            &r.roles,
            r.desk.clone(),
            &r.entities,
            r.client_id.clone(),
        )?;
        let roles = match &who {
            Who::Staff { roles, .. } => roles.clone(),
            _ => vec![Role::Client],
        };
        let limited = r.must_change || (r.kind == Kind::Staff && self.inner.config.staff_second_factor && r.totp_confirmed_at.is_none());
        let mut grants = matrix.grants(&roles);
        if limited {
            // A way to put things right, and nothing else.
            grants.rights.retain(|right, _| matches!(right, Right::MeSecurity | Right::Public));
            grants.sees.clear();
        }
        let mut caller = Caller::of(who, Arc::new(grants));
        caller.session = Some(r.session);
        caller.device = Some(r.device.to_string());
        caller.step_up_until = Some(r.step_up_at.plus_secs(self.inner.config.step_up_secs));
        Ok(caller)
    }

    async fn resolve_key(&self, hash: &[u8; 32], now: Ts) -> Result<Caller> {
        let refused = || Problem::unauthenticated("api_key_unknown", "this API key is unknown, revoked or over");
        let generation = self.inner.generation.load(Ordering::SeqCst);
        let h = *hash;
        let k = self
            .core
            .db
            .read(async move |tx| keys::by_token(tx, &h).await)
            .await?
            .ok_or_else(refused)?;
        let ends_at = k.expires_at.unwrap_or(Ts(i64::MAX));
        if k.revoked_at.is_some() || now >= ends_at {
            return Err(refused());
        }
        let seen = k.last_used_at.unwrap_or(Ts(0));
        let mut seen_written_at = seen;
        if now.secs_since(seen) >= TOUCH_SECS {
            let id = k.id;
            self.core.db.write(async move |tx| keys::used(tx, id, now).await).await?;
            seen_written_at = now;
        }
        let grants = Grants {
            rights: serde_json::from_value(k.rights)?,
            sees: serde_json::from_value(k.sees)?,
        };
        let caller = Caller::of(
            Who::ApiKey {
                id: k.id,
                name: k.name,
                entity: k.entity,
            },
            Arc::new(grants),
        );
        let entry = Cached {
            caller: caller.clone(),
            identity: k.id.to_string(),
            loaded_at: now,
            seen_written_at,
            ends_at,
        };
        self.keep(h, entry, generation);
        Ok(caller)
    }

    fn cached(&self, hash: &[u8; 32], now: Ts) -> Result<Option<Caller>> {
        let cache = lock(&self.inner.cache);
        let Some(c) = cache.get(hash) else { return Ok(None) };
        if now >= c.ends_at {
            return Err(over());
        }
        let fresh = now.secs_since(c.loaded_at) < self.inner.config.cache_secs && now.secs_since(c.seen_written_at) < TOUCH_SECS;
        Ok(fresh.then(|| c.caller.clone()))
    }

    fn keep(&self, hash: [u8; 32], entry: Cached, generation: u64) {
        let mut cache = lock(&self.inner.cache);
        // Under the lock, so that a change either sees the entry or is seen here.
        if self.inner.generation.load(Ordering::SeqCst) != generation {
            return;
        }
        if cache.len() >= CACHE {
            let old = entry.loaded_at.plus_secs(-self.inner.config.cache_secs);
            cache.retain(|_, c| c.loaded_at > old);
            if cache.len() >= CACHE {
                cache.clear();
            }
        }
        cache.insert(hash, entry);
    }

    /// The matrix in force, read again when it is older than the cache may be.
    pub(super) async fn matrix(&self, now: Ts) -> Result<Arc<Matrix>> {
        {
            let kept = lock(&self.inner.matrix);
            if now.micros().saturating_sub(kept.1.micros()) < self.inner.config.cache_secs.saturating_mul(1_000_000) {
                return Ok(kept.0.clone());
            }
        }
        let rows = self.core.db.read(async |tx| roles::all(tx).await).await?;
        let matrix = Arc::new(super::roles::from_rows(rows)?);
        *lock(&self.inner.matrix) = (matrix.clone(), now);
        Ok(matrix)
    }

    /// After this transaction's commit, one identity or key is asked for anew.
    pub(super) fn forget(&self, tx: &mut Tx, identity: &str) {
        let (me, identity) = (self.clone(), identity.to_string());
        tx.on_commit(move || {
            me.inner.generation.fetch_add(1, Ordering::SeqCst);
            lock(&me.inner.cache).retain(|_, c| c.identity != identity);
        });
    }

    /// After this transaction's commit, everybody is asked for anew, with the matrix.
    pub(super) fn forget_all(&self, tx: &mut Tx) {
        let me = self.clone();
        tx.on_commit(move || {
            me.inner.generation.fetch_add(1, Ordering::SeqCst);
            lock(&me.inner.cache).clear();
            lock(&me.inner.matrix).1 = Ts(i64::MIN);
        });
    }

    /// Ends somebody's sessions, all but one. Part of the caller's transaction.
    pub(super) async fn end_sessions(&self, tx: &mut Tx, identity: &str, but: Option<SessionId>, reason: &str) -> Result<u64> {
        self.forget(tx, identity);
        sessions::end_all(tx, identity, but, reason, self.core.now()).await
    }

    /// Somebody of the house with the rights they have at this moment, for work that goes on after
    /// their request. Nobody who left, and never freshly proven.
    pub async fn staff_caller(&self, id: super::StaffId) -> Result<Caller> {
        let gone = || Problem::forbidden("staff_gone", "whoever asked for this does not work here any more");
        let matrix = self.matrix(self.core.now()).await?;
        let text = id.to_string();
        let i = self
            .core
            .db
            .read(async move |tx| identities::by_id(tx, &text).await)
            .await?
            .filter(|i| i.kind == Kind::Staff && i.state == IdentityState::Active)
            .ok_or_else(gone)?;
        let who = who(&i.id, i.kind, &i.name, &i.roles, i.desk.clone(), &i.entities, None)?;
        let roles = match &who {
            Who::Staff { roles, .. } => roles.clone(),
            _ => return Err(gone()),
        };
        Ok(Caller::of(who, Arc::new(matrix.grants(&roles))))
    }

    /// The caller that an identity is, before it has a session: for the audit trail of signing in.
    pub(super) fn plain_caller(&self, i: &Identity, ip: Option<String>) -> Result<Caller> {
        let who = who(&i.id, i.kind, &i.name, &i.roles, i.desk.clone(), &i.entities, i.client_id.clone())?;
        Ok(Caller::of(who, Arc::new(Grants::default())).from_ip(ip))
    }
}

fn who(
    id: &str,
    kind: Kind,
    name: &str,
    roles: &serde_json::Value,
    desk: Option<String>,
    entities: &serde_json::Value,
    client_id: Option<String>,
) -> Result<Who> {
    let mut entities: Vec<String> = serde_json::from_value(entities.clone())?;
    Ok(match kind {
        Kind::Staff => Who::Staff {
            id: super::StaffId::parse(id)?,
            name: name.to_string(),
            roles: serde_json::from_value(roles.clone())?,
            desk,
            entities,
        },
        Kind::Client => Who::Client {
            login: super::LoginId::parse(id)?,
            client: client_id.unwrap_or_default(),
            entity: entities.pop().unwrap_or_default(),
        },
    })
}

/// What an API key may be given: not more than its maker has, nothing of the maker's own.
pub(super) fn lend(maker: &Caller, wanted: &[Right], entity: Option<&str>) -> Result<std::collections::BTreeMap<Right, Scope>> {
    let mut out = std::collections::BTreeMap::new();
    for right in wanted {
        if right.is_own() {
            return Err(Problem::invalid(
                "rights",
                "right_not_for_keys",
                format!("{right} is a person's own"),
            ));
        }
        let has = maker.require(*right)?;
        if has < Scope::Entity {
            return Err(Problem::forbidden(
                "right_missing",
                format!("{right} reaches only your own work and cannot be lent"),
            ));
        }
        out.insert(*right, if entity.is_some() { Scope::Entity } else { has });
    }
    Ok(out)
}

/// A key's identity in the cache is its id.
pub(super) fn key_identity(id: ApiKeyId) -> String {
    id.to_string()
}

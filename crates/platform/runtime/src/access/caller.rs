//! Who is asking. Every use case takes a [`Caller`] and asks it; nothing else decides about rights.

use super::{Mask, Matrix, Right, Role, Scope};
use qd_kernel::{Problem, Result, Ts, id};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

id!(StaffId, "stf", "Somebody who works here.");
id!(LoginId, "lgn", "A client's way in: an e-mail address at one brand.");
id!(SessionId, "ses", "One sign-in, until it ends.");
id!(DeviceId, "dev", "A browser or telephone as seen before.");
id!(ApiKeyId, "key", "An API key.");

/// In a list of entities: all of them, the ones not founded yet included.
pub const ALL_ENTITIES: &str = "*";

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    Staff {
        id: StaffId,
        name: String,
        roles: Vec<Role>,
        desk: Option<String>,
        /// Codes of the entities this person may enter; [`ALL_ENTITIES`] for all.
        entities: Vec<String>,
    },
    Client {
        login: LoginId,
        /// `cli_…`
        client: String,
        entity: String,
    },
    ApiKey {
        id: ApiKeyId,
        name: String,
        /// None: all entities.
        entity: Option<String>,
    },
    /// The house itself: a job ("job:deposit.credit") or a rule ("rule:withdrawal.small_trusted").
    System(&'static str),
    /// Nobody known.
    Public,
}

/// What the roles of a caller add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    pub rights: BTreeMap<Right, Scope>,
    /// The field groups that are open.
    pub sees: BTreeSet<Mask>,
}

/// Who asks, through which session, from where. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Caller {
    pub who: Who,
    pub session: Option<SessionId>,
    /// The address the request came from.
    pub ip: Option<String>,
    /// `dev_…` of a signed-in person.
    pub device: Option<String>,
    /// Until when the caller counts as freshly proven; None: never was.
    pub step_up_until: Option<Ts>,
    pub grants: Arc<Grants>,
}

impl Caller {
    /// A job or a rule. It may do everything: what it does is decided by the code that calls, and
    /// it is named in the audit trail.
    pub fn system(name: &'static str) -> Caller {
        Caller::of(Who::System(name), Arc::new(Grants::default()))
    }
    /// Nobody known.
    pub fn public() -> Caller {
        Caller::of(Who::Public, Arc::new(Matrix::builtin().grants(&[Role::Public])))
    }
    /// Somebody of the house with the rights the checked-in matrix gives the roles, freshly proven:
    /// for the seed and for tests. Requests get theirs from [`super::Access::resolve`].
    pub fn staff(id: StaffId, name: &str, roles: &[Role], desk: Option<&str>, entities: &[&str]) -> Caller {
        let who = Who::Staff {
            id,
            name: name.to_string(),
            roles: roles.to_vec(),
            desk: desk.map(str::to_string),
            entities: entities.iter().map(|e| e.to_string()).collect(),
        };
        Caller {
            step_up_until: Some(Ts(i64::MAX)),
            ..Caller::of(who, Arc::new(Matrix::builtin().grants(roles)))
        }
    }
    /// A client, freshly proven: for the seed and for tests.
    pub fn client(login: LoginId, client: &str, entity: &str) -> Caller {
        let who = Who::Client {
            login,
            client: client.to_string(),
            entity: entity.to_string(),
        };
        Caller {
            step_up_until: Some(Ts(i64::MAX)),
            ..Caller::of(who, Arc::new(Matrix::builtin().grants(&[Role::Client])))
        }
    }
    pub(super) fn of(who: Who, grants: Arc<Grants>) -> Caller {
        Caller {
            who,
            session: None,
            ip: None,
            device: None,
            step_up_until: None,
            grants,
        }
    }
    /// The same caller, seen coming from an address.
    pub fn from_ip(mut self, ip: Option<String>) -> Caller {
        self.ip = ip;
        self
    }

    /// How far the right reaches, or `forbidden` (`unauthenticated` for nobody known).
    pub fn require(&self, r: Right) -> Result<Scope> {
        if let Who::System(_) = self.who {
            return Ok(Scope::All);
        }
        match (self.grants.rights.get(&r), &self.who) {
            (Some(scope), _) => Ok(*scope),
            (None, Who::Public) => Err(Problem::unauthenticated("sign_in_required", "sign in first")),
            (None, _) => Err(Problem::forbidden("right_missing", format!("this needs the right {r}"))),
        }
    }
    pub fn may(&self, r: Right) -> bool {
        self.require(r).is_ok()
    }
    /// Whether a group of fields is open to the caller.
    pub fn sees(&self, m: Mask) -> bool {
        matches!(self.who, Who::System(_)) || self.grants.sees.contains(&m)
    }
    /// For money and approvals: the caller must have proven themselves a short while ago. A key
    /// cannot; the house need not.
    pub fn require_step_up(&self, now: Ts) -> Result<()> {
        match (&self.who, self.step_up_until) {
            (Who::System(_), _) => Ok(()),
            (Who::Staff { .. } | Who::Client { .. }, Some(until)) if now <= until => Ok(()),
            (Who::Staff { .. } | Who::Client { .. }, _) => {
                Err(Problem::forbidden("step_up_required", "confirm that it is you, then ask again"))
            }
            (Who::ApiKey { .. } | Who::Public, _) => Err(Problem::forbidden("person_required", "only a signed-in person may do this")),
        }
    }

    /// For a reader: "Anna Berg", "client cli_…", "key Reporting", "rule:withdrawal.small_trusted".
    pub fn label(&self) -> String {
        match &self.who {
            Who::Staff { name, .. } => name.clone(),
            Who::Client { client, .. } => format!("client {client}"),
            Who::ApiKey { name, .. } => format!("key {name}"),
            Who::System(name) => (*name).to_string(),
            Who::Public => "public".to_string(),
        }
    }
    /// One text per caller: `stf_…`, `lgn_…`, `key_…`, `system:…`, `public`.
    pub fn id(&self) -> String {
        match &self.who {
            Who::Staff { id, .. } => id.to_string(),
            Who::Client { login, .. } => login.to_string(),
            Who::ApiKey { id, .. } => id.to_string(),
            Who::System(name) => format!("system:{name}"),
            Who::Public => "public".to_string(),
        }
    }
    /// "staff", "client", "key", "system", "public".
    pub fn kind(&self) -> &'static str {
        match self.who {
            Who::Staff { .. } => "staff",
            Who::Client { .. } => "client",
            Who::ApiKey { .. } => "key",
            Who::System(_) => "system",
            Who::Public => "public",
        }
    }
    pub fn staff_id(&self) -> Result<StaffId> {
        match &self.who {
            Who::Staff { id, .. } => Ok(*id),
            _ => Err(Problem::forbidden("staff_only", "only somebody of the house may do this")),
        }
    }
    pub fn desk(&self) -> Option<&str> {
        match &self.who {
            Who::Staff { desk, .. } => desk.as_deref(),
            _ => None,
        }
    }
    /// `cli_…` of a signed-in client.
    pub fn client_id(&self) -> Result<String> {
        match &self.who {
            Who::Client { client, .. } => Ok(client.clone()),
            _ => Err(Problem::forbidden("client_only", "only a client may do this")),
        }
    }
    /// The entities the caller may enter; None: all.
    pub fn allowed_entities(&self) -> Option<Vec<String>> {
        match &self.who {
            Who::System(_) => None,
            Who::Staff { entities, .. } if entities.iter().any(|e| e == ALL_ENTITIES) => None,
            Who::Staff { entities, .. } => Some(entities.clone()),
            Who::Client { entity, .. } => Some(vec![entity.clone()]),
            Who::ApiKey { entity, .. } => entity.as_ref().map(|e| vec![e.clone()]),
            Who::Public => Some(Vec::new()),
        }
    }
    /// Whether the caller may enter this entity. What belongs to no entity is for those who may
    /// enter all of them.
    pub fn enters(&self, entity: Option<&str>) -> bool {
        match (self.allowed_entities(), entity) {
            (None, _) => true,
            (Some(list), Some(e)) => list.iter().any(|x| x == e),
            (Some(_), None) => false,
        }
    }
}

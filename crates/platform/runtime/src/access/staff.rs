//! The people who work here.

use super::logins::{check_email, normal_email};
use super::store::identities::{self as store, Identity, IdentityState, Kind, NewIdentity};
use super::{ALL_ENTITIES, Access, Caller, Realm, Right, Role, Scope, StaffId, matrix};
use crate::audit::{self, Entry};
use qd_db::Tx;
use qd_kernel::{Page, PageRequest, Problem, Result, Ts, page::join_key};
use serde_json::{Value, json};

#[derive(Clone, Debug)]
pub struct NewStaff {
    pub email: String,
    pub name: String,
    pub language: String,
    pub roles: Vec<Role>,
    pub desk: Option<String>,
    /// Codes, or [`ALL_ENTITIES`].
    pub entities: Vec<String>,
    /// From [`Access::hash_new_password`]; None: set through an invitation.
    pub password_hash: Option<String>,
    /// The given password is for the first sign-in only.
    pub must_change: bool,
}

/// What may be changed about somebody.
#[derive(Clone, Debug)]
pub struct StaffChange {
    pub name: String,
    pub language: String,
    pub roles: Vec<Role>,
    pub desk: Option<String>,
    pub entities: Vec<String>,
    pub version: i64,
    pub reason: String,
}

#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = Staff)]
pub struct StaffView {
    pub id: StaffId,
    pub email: String,
    pub name: String,
    pub language: String,
    pub roles: Vec<Role>,
    pub desk: Option<String>,
    pub entities: Vec<String>,
    pub state: String,
    pub second_factor: bool,
    #[serde(rename = "locked_until_us")]
    pub locked_until: Option<Ts>,
    #[serde(rename = "last_sign_in_at_us")]
    pub last_sign_in_at: Option<Ts>,
    #[serde(rename = "created_at_us")]
    pub created_at: Ts,
    pub version: i64,
}

fn view(i: Identity) -> Result<StaffView> {
    Ok(StaffView {
        id: StaffId::parse(&i.id)?,
        email: i.email,
        name: i.name,
        language: i.language,
        roles: serde_json::from_value(i.roles)?,
        desk: i.desk,
        entities: serde_json::from_value(i.entities)?,
        state: i.state.to_string(),
        second_factor: i.totp_confirmed_at.is_some(),
        locked_until: i.locked_until,
        last_sign_in_at: i.last_sign_in_at,
        created_at: i.created_at,
        version: i.version,
    })
}

fn check(caller: &Caller, name: &str, roles: &[Role], entities: &[String]) -> Result<()> {
    matrix::check_together(roles)?;
    if name.trim().is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
        return Err(Problem::invalid("name", "name_malformed", "1 to 200 characters"));
    }
    if entities.is_empty() {
        return Err(Problem::invalid(
            "entities",
            "entities_missing",
            format!("codes of entities, or {ALL_ENTITIES:?}"),
        ));
    }
    // Nobody opens a door they may not go through themselves.
    if let Some(mine) = caller.allowed_entities()
        && entities.iter().any(|e| !mine.contains(e))
    {
        return Err(Problem::forbidden("entity_not_yours", "only entities that you may enter"));
    }
    Ok(())
}

fn doc(name: &str, roles: &[Role], desk: Option<&str>, entities: &[String]) -> Value {
    json!({ "name": name, "roles": roles, "desk": desk, "entities": entities })
}

pub async fn create(tx: &mut Tx, access: &Access, caller: &Caller, n: NewStaff) -> Result<StaffId> {
    caller.require(Right::StaffManage)?;
    caller.require_step_up(access.core.now())?;
    check_email(&n.email)?;
    check(caller, &n.name, &n.roles, &n.entities)?;
    let id = StaffId::new(&access.core.env);
    let row = NewIdentity {
        id: id.to_string(),
        kind: Kind::Staff,
        realm: Realm::Staff.text(),
        email: n.email.trim().to_string(),
        email_norm: normal_email(&n.email),
        name: n.name.clone(),
        language: n.language,
        roles: serde_json::to_value(&n.roles)?,
        desk: n.desk.clone(),
        entities: serde_json::to_value(&n.entities)?,
        client_id: None,
        password_hash: n.password_hash,
        must_change: n.must_change,
        at: access.core.now(),
    };
    if !store::insert(tx, &row).await? {
        return Err(Problem::conflict("login_taken", "somebody here has this address").and_field(
            "/email",
            "login_taken",
            "another address",
        ));
    }
    let mut after = doc(&n.name, &n.roles, n.desk.as_deref(), &n.entities);
    after["email"] = json!(row.email);
    audit::record(
        tx,
        &access.core,
        Entry::new(caller, "staff.created", format!("staff:{id}")).after(after),
    )
    .await?;
    Ok(id)
}

/// For changing somebody: whoever may enter some entities only has no power over people of others,
/// nor over those who enter more than they do themselves.
pub(super) async fn locked(tx: &mut Tx, caller: &Caller, id: StaffId) -> Result<Identity> {
    let i = store::lock(tx, &id.to_string()).await?;
    if i.kind != Kind::Staff {
        return Err(Problem::missing("staff"));
    }
    if let Some(mine) = caller.allowed_entities() {
        let theirs: Vec<String> = serde_json::from_value(i.entities.clone())?;
        if !shares(&mine, &theirs) {
            return Err(Problem::missing("staff"));
        }
        if theirs.iter().any(|e| !mine.contains(e)) {
            return Err(Problem::forbidden(
                "entity_not_yours",
                "this person works for entities that you may not enter",
            ));
        }
    }
    Ok(i)
}

fn shares(mine: &[String], theirs: &[String]) -> bool {
    theirs.iter().any(|e| e == ALL_ENTITIES || mine.contains(e))
}

/// Whether the caller may know of somebody: the desk where the right reaches no further, else an
/// entity that both may enter.
fn knows(caller: &Caller, scope: Scope, v: &StaffView) -> bool {
    match scope {
        Scope::Own | Scope::Desk => v.desk.as_deref() == caller.desk(),
        Scope::Entity | Scope::All => caller.allowed_entities().is_none_or(|mine| shares(&mine, &v.entities)),
    }
}

/// One Super admin must stay, else nobody can put rights in order again.
async fn keep_one_super_admin(tx: &mut Tx, leaving: StaffId) -> Result<()> {
    let others = store::lock_super_admins(tx).await?;
    if others.iter().all(|(id,)| *id == leaving.to_string()) {
        return Err(Problem::conflict("last_super_admin", "somebody else must be Super admin first"));
    }
    Ok(())
}

pub async fn update(tx: &mut Tx, access: &Access, caller: &Caller, id: StaffId, c: StaffChange) -> Result<()> {
    caller.require(Right::StaffManage)?;
    caller.require_step_up(access.core.now())?;
    check(caller, &c.name, &c.roles, &c.entities)?;
    let old = view(locked(tx, caller, id).await?)?;
    if old.version != c.version {
        return Err(Problem::conflict("version_stale", "somebody changed this meanwhile; look again"));
    }
    if caller.id() == id.to_string() && (old.roles != c.roles || old.entities != c.entities) {
        return Err(Problem::forbidden(
            "own_rights",
            "your own roles and entities are for somebody else to change",
        ));
    }
    if old.roles.contains(&Role::SuperAdmin) && !c.roles.contains(&Role::SuperAdmin) {
        keep_one_super_admin(tx, id).await?;
    }
    store::set_staff(
        tx,
        &id.to_string(),
        &c.name,
        &c.language,
        &serde_json::to_value(&c.roles)?,
        c.desk.as_deref(),
        &serde_json::to_value(&c.entities)?,
    )
    .await?;
    let e = Entry::new(caller, "staff.changed", format!("staff:{id}"))
        .before(doc(&old.name, &old.roles, old.desk.as_deref(), &old.entities))
        .after(doc(&c.name, &c.roles, c.desk.as_deref(), &c.entities))
        .reason(c.reason);
    audit::record(tx, &access.core, e).await?;
    access.forget(tx, &id.to_string());
    Ok(())
}

/// Disabling ends all sessions at once.
pub async fn set_enabled(tx: &mut Tx, access: &Access, caller: &Caller, id: StaffId, on: bool, reason: &str) -> Result<()> {
    caller.require(Right::StaffManage)?;
    caller.require_step_up(access.core.now())?;
    if caller.id() == id.to_string() {
        return Err(Problem::forbidden("own_rights", "not oneself"));
    }
    let i = view(locked(tx, caller, id).await?)?;
    let state = if on { IdentityState::Active } else { IdentityState::Disabled };
    if i.state == state.as_str() {
        return Ok(());
    }
    if !on && i.roles.contains(&Role::SuperAdmin) {
        keep_one_super_admin(tx, id).await?;
    }
    store::set_state(tx, &id.to_string(), state, access.core.now()).await?;
    if !on {
        access.end_sessions(tx, &id.to_string(), None, "disabled").await?;
    }
    let action = if on { "staff.enabled" } else { "staff.disabled" };
    audit::record(tx, &access.core, Entry::new(caller, action, format!("staff:{id}")).reason(reason)).await?;
    Ok(())
}

/// For somebody who lost their telephone, after their identity was checked in person: a new second
/// factor is enrolled at the next sign-in. Sessions end.
pub async fn reset_second_factor(tx: &mut Tx, access: &Access, caller: &Caller, id: StaffId, reason: &str) -> Result<()> {
    caller.require(Right::StaffManage)?;
    caller.require_step_up(access.core.now())?;
    if caller.id() == id.to_string() {
        return Err(Problem::forbidden("own_rights", "not oneself"));
    }
    if reason.trim().is_empty() {
        return Err(Problem::invalid("reason", "reason_missing", "how the person was recognised"));
    }
    locked(tx, caller, id).await?;
    store::set_totp(tx, &id.to_string(), None, None, 0, access.core.now()).await?;
    store::drop_recovery_codes(tx, &id.to_string()).await?;
    // A lost telephone is a lost passkey.
    super::store::passkeys::drop_all(tx, &id.to_string()).await?;
    access.end_sessions(tx, &id.to_string(), None, "second_factor_reset").await?;
    audit::record(
        tx,
        &access.core,
        Entry::new(caller, "staff.second_factor_reset", format!("staff:{id}")).reason(reason),
    )
    .await?;
    Ok(())
}

/// Ends the rest after failed sign-ins early.
pub async fn unlock(tx: &mut Tx, access: &Access, caller: &Caller, id: StaffId) -> Result<()> {
    caller.require(Right::StaffManage)?;
    locked(tx, caller, id).await?;
    store::failed(tx, &id.to_string(), 0, None).await?;
    audit::record(tx, &access.core, Entry::new(caller, "staff.unlocked", format!("staff:{id}"))).await?;
    Ok(())
}

pub async fn get(tx: &mut Tx, caller: &Caller, id: StaffId) -> Result<StaffView> {
    let scope = if caller.id() == id.to_string() {
        None
    } else {
        Some(caller.require(Right::StaffView)?)
    };
    let i = store::by_id(tx, &id.to_string())
        .await?
        .filter(|i| i.kind == Kind::Staff)
        .ok_or_else(|| Problem::missing("staff"))?;
    let v = view(i)?;
    if scope.is_some_and(|s| !knows(caller, s, &v)) {
        return Err(Problem::missing("staff"));
    }
    Ok(v)
}

/// By name. Those of the caller's desk, or of the entities the caller may enter, as the right
/// reaches.
pub async fn list(tx: &mut Tx, caller: &Caller, desk: Option<&str>, active_only: bool, page: &PageRequest) -> Result<Page<StaffView>> {
    let scope = caller.require(Right::StaffView)?;
    let desk = match scope {
        Scope::Own | Scope::Desk => Some(caller.desk().unwrap_or_default()),
        Scope::Entity | Scope::All => desk,
    };
    let rows = store::staff_page(tx, desk, active_only.then_some(IdentityState::Active), page).await?;
    let views = rows.into_iter().map(view).collect::<Result<Vec<_>>>()?;
    let mut page = page.finish(views, |v: &StaffView| join_key(&[&v.name, &v.id.to_string()]));
    page.items.retain(|v| knows(caller, scope, v));
    Ok(page)
}

/// Somebody to give work to.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct StaffBrief {
    pub id: StaffId,
    pub name: String,
    pub language: String,
    pub desk: Option<String>,
}

/// Active staff on a desk, in a role, allowed into an entity, each if asked for; by id, at most 500.
/// For routing, notifications and exceptions: no right is asked.
pub async fn find(tx: &mut Tx, desk: Option<&str>, role: Option<Role>, entity: Option<&str>) -> Result<Vec<StaffBrief>> {
    let mut out = Vec::new();
    for i in store::active_staff(tx, desk).await? {
        let v = view(i)?;
        let in_role = role.is_none_or(|r| v.roles.contains(&r));
        let enters = entity.is_none_or(|e| v.entities.iter().any(|x| x == e || x == ALL_ENTITIES));
        if in_role && enters {
            out.push(StaffBrief {
                id: v.id,
                name: v.name,
                language: v.language,
                desk: v.desk,
            });
        }
    }
    Ok(out)
}

/// The name of somebody of the house, for showing owners and approvers; no right is asked.
pub async fn name_of(tx: &mut Tx, id: StaffId) -> Result<Option<String>> {
    Ok(store::by_id(tx, &id.to_string()).await?.map(|i| i.name))
}

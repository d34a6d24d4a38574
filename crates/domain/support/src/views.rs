//! Lists as somebody wants to see them: the filters of the page's address under a name, for oneself
//! or for one's team, with one default for each.

use crate::store;
use qd_db::Tx;
use qd_kernel::{Problem, Result, Ts, id, text_enum};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right, Role, Scope, Who};
use qd_runtime::audit::{self, Entry};
use qd_runtime::tenancy;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

id!(ViewId, "viw", "A saved view of a list.");

/// Views of one person, and of one team.
pub const MOST: i64 = 100;

text_enum!(
    /// The lists that views are of.
    ListName {
        Leads = "leads",
        Clients = "clients",
        Accounts = "accounts",
        Deposits = "deposits",
        Withdrawals = "withdrawals",
        Transfers = "transfers",
        Kyc = "kyc",
        Tickets = "tickets",
        Tasks = "tasks",
        Exceptions = "exceptions",
        Partners = "partners",
        Audit = "audit",
    }
);

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SavedView, example = json!({"id": "viw_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "list": "clients", "name": "German funded", "owner_id": "stf_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "team": null, "query": "stage=funded&country=DE&sort=activity", "columns": ["name", "stage"], "is_default": false, "created_by": "stf_01JD1Z3Y5K8Q2M4N6P8R0S2T4V", "created_at_us": 1_790_000_000_000_000_i64, "updated_at_us": 1_790_000_000_000_000_i64, "version": 1, "may_change": true}))]
pub struct View {
    pub id: ViewId,
    pub list: ListName,
    pub name: String,
    /// Whose it is; absent when it is a team's.
    pub owner_id: Option<String>,
    /// `desk:german` or `role:finance`.
    pub team: Option<String>,
    /// The query string of the list's address, as the API takes it.
    pub query: String,
    /// Keys of the columns, in order; the portal's own when empty.
    pub columns: Vec<String>,
    /// The first one shown. A person's own default goes before the desk's, the desk's before the role's.
    pub is_default: bool,
    pub created_by: String,
    pub created_at_us: Ts,
    pub updated_at_us: Ts,
    pub version: i64,
    pub may_change: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SaveView, example = json!({"list": "clients", "name": "German funded", "query": "stage=funded&country=DE", "columns": ["name", "stage"], "is_default": true}))]
pub struct Draft {
    pub list: ListName,
    pub name: String,
    /// A team's view: `desk:german`, `role:finance`. One's own without a word.
    #[serde(default)]
    pub team: Option<String>,
    #[serde(default)]
    pub query: String,
    #[serde(default)]
    pub columns: Vec<String>,
    #[serde(default)]
    pub is_default: bool,
    /// The version the change starts from; 0 for a new one.
    #[serde(default)]
    pub version: i64,
}

/// The teams somebody belongs to, the closest first.
fn teams(caller: &Caller) -> Vec<String> {
    let Who::Staff { roles, desk, .. } = &caller.who else {
        return Vec::new();
    };
    desk.iter()
        .map(|d| format!("desk:{d}"))
        .chain(roles.iter().map(|r| format!("role:{r}")))
        .collect()
}

/// Whether the caller may keep views for a team: their desk or a role of theirs, or any team for
/// those whose right reaches everything.
fn keeps(caller: &Caller, team: &str) -> bool {
    match caller.require(Right::ViewsShare) {
        Ok(Scope::All) => true,
        Ok(Scope::Entity) => teams(caller).iter().any(|t| t == team),
        Ok(Scope::Own | Scope::Desk) => team.starts_with("desk:") && teams(caller).iter().any(|t| t == team),
        Err(_) => false,
    }
}

fn may_change(caller: &Caller, v: &View) -> bool {
    match (&v.owner_id, &v.team) {
        (Some(owner), _) => *owner == caller.id(),
        (None, Some(team)) => keeps(caller, team),
        (None, None) => false,
    }
}

fn checked(d: &Draft) -> Result<()> {
    let name = d.name.trim();
    if name.is_empty() || name.chars().count() > 80 || name.chars().any(char::is_control) {
        return Err(Problem::invalid("/name", "name_length", "expected 1 to 80 characters"));
    }
    if d.query.len() > 2_000 || d.query.starts_with('?') || d.query.chars().any(|c| c.is_control() || c == ' ' || c == '#') {
        return Err(Problem::invalid(
            "/query",
            "query_malformed",
            "expected a query string without ? of at most 2000 characters",
        ));
    }
    let key = |c: &String| (1..=60).contains(&c.len()) && c.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
    if d.columns.len() > 60 || !d.columns.iter().all(key) {
        return Err(Problem::invalid(
            "/columns",
            "columns_malformed",
            "expected at most 60 keys of columns",
        ));
    }
    Ok(())
}

async fn team_there(tx: &mut Tx, team: &str) -> Result<()> {
    let ok = match team.split_once(':') {
        Some(("desk", d)) => tenancy::desk(tx, d).await?.is_some(),
        Some(("role", r)) => Role::parse(r).is_some_and(Role::is_staff),
        _ => false,
    };
    if ok {
        Ok(())
    } else {
        Err(Problem::invalid(
            "/team",
            "team_unknown",
            "expected desk: with a desk's code, or role: with a role of the house",
        ))
    }
}

/// One's own views and those of one's teams, defaults first; whoever keeps all teams' views sees all
/// of those.
pub async fn list(tx: &mut Tx, caller: &Caller, of: Option<ListName>) -> Result<Vec<View>> {
    caller.require(Right::MeView)?;
    let me = caller.staff_id()?.to_string();
    let mine = teams(caller);
    let all = matches!(caller.require(Right::ViewsShare), Ok(Scope::All));
    let mut out: Vec<View> = store::views(tx, &me, (!all).then_some(mine.as_slice()), of).await?;
    for v in &mut out {
        v.may_change = may_change(caller, v);
    }
    let rank = |v: &View| match &v.team {
        None => 0,
        Some(t) => mine.iter().position(|m| m == t).map_or(usize::MAX, |i| i + 1),
    };
    out.sort_by(|a, b| (!a.is_default, rank(a), &a.name).cmp(&(!b.is_default, rank(b), &b.name)));
    Ok(out)
}

/// A view the caller may see.
pub async fn get(tx: &mut Tx, caller: &Caller, id: ViewId) -> Result<View> {
    caller.require(Right::MeView)?;
    let me = caller.staff_id()?.to_string();
    let mut v = store::view(tx, id).await?.ok_or_else(|| Problem::missing("view"))?;
    v.may_change = may_change(caller, &v);
    let seen = match (&v.owner_id, &v.team) {
        (Some(owner), _) => *owner == me,
        (None, Some(team)) => v.may_change || teams(caller).iter().any(|t| t == team),
        (None, None) => false,
    };
    if seen { Ok(v) } else { Err(Problem::missing("view")) }
}

/// Saves a new view, or another version of one. A default takes the place of the one before.
pub async fn put(tx: &mut Tx, core: &Core, caller: &Caller, id: Option<ViewId>, d: Draft) -> Result<View> {
    caller.require(Right::MeView)?;
    let me = caller.staff_id()?.to_string();
    checked(&d)?;
    if let Some(team) = &d.team {
        team_there(tx, team).await?;
        if !keeps(caller, team) {
            return Err(Problem::forbidden("team_not_yours", "you may keep views for your own team only"));
        }
    }
    let now = core.now();
    let before = match id {
        None => None,
        Some(id) => {
            let v = get(tx, caller, id).await?;
            if !v.may_change {
                return Err(Problem::forbidden("view_not_yours", "save it under a name of your own"));
            }
            if v.list != d.list {
                return Err(Problem::invalid("/list", "list_fixed", "expected the view's own list"));
            }
            Some(v)
        }
    };
    let owner_id = d.team.is_none().then(|| me.clone());
    if before.is_none() && store::views_kept(tx, owner_id.as_deref(), d.team.as_deref()).await? >= MOST {
        return Err(Problem::limit(
            "views_too_many",
            format!("expected at most {MOST} views; remove one first"),
        ));
    }
    let v = View {
        id: id.unwrap_or_else(|| ViewId::new(&core.env)),
        list: d.list,
        name: d.name.trim().to_string(),
        owner_id,
        team: d.team,
        query: d.query,
        columns: d.columns,
        is_default: d.is_default,
        created_by: before.as_ref().map_or(me, |b| b.created_by.clone()),
        created_at_us: before.as_ref().map_or(now, |b| b.created_at_us),
        updated_at_us: now,
        version: d.version + 1,
        may_change: true,
    };
    if v.is_default {
        store::no_default(tx, v.list, v.owner_id.as_deref(), v.team.as_deref()).await?;
    }
    if store::view_named(tx, &v).await?.is_some_and(|other| other != v.id) {
        return Err(Problem::conflict("view_there", "a view of this name is there already").and_field(
            "/name",
            "view_there",
            "another name",
        ));
    }
    let saved = match before {
        None => store::insert_view(tx, &v).await?,
        Some(_) => store::update_view(tx, &v, d.version).await?,
    };
    if !saved {
        return Err(
            Problem::conflict("version_changed", "the view was changed in the meantime").and_field(
                "/version",
                "version_changed",
                "expected the latest version",
            ),
        );
    }
    // One's own arrangement is nobody's business; a team's is kept in the trail.
    if v.team.is_some() {
        let e = Entry::new(caller, "view.saved", format!("view:{}", v.id));
        let e = e.after(json!({"list": v.list, "name": v.name, "team": v.team, "query": v.query, "default": v.is_default}));
        audit::record(tx, core, e).await?;
    }
    Ok(v)
}

pub async fn remove(tx: &mut Tx, core: &Core, caller: &Caller, id: ViewId) -> Result<()> {
    let v = get(tx, caller, id).await?;
    if !v.may_change {
        return Err(Problem::forbidden("view_not_yours", "only those who keep it may remove it"));
    }
    store::remove_view(tx, id).await?;
    if v.team.is_some() {
        let e = Entry::new(caller, "view.removed", format!("view:{id}")).before(json!({"list": v.list, "name": v.name, "team": v.team}));
        audit::record(tx, core, e).await?;
    }
    Ok(())
}

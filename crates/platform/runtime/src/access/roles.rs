//! The matrix in force, as data a Super admin may change under the guard.

use super::store::roles::{self as store, RoleRow};
use super::{Access, Caller, Grants, Mask, Matrix, Right, Role, Scope, matrix};
use crate::audit::{self, Entry};
use qd_db::Tx;
use qd_kernel::{Problem, Result, Ts};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

fn row(role: Role, g: &Grants, now: Ts) -> Result<RoleRow> {
    Ok(RoleRow {
        role,
        rights: serde_json::to_value(&g.rights)?,
        sees: serde_json::to_value(&g.sees)?,
        known: serde_json::to_value(Right::ALL)?,
        version: 1,
        updated_at: now,
        updated_by: "system:defaults".to_string(),
    })
}

/// Writes roles that are not there, and adds to those that are the rights that came with a newer
/// version of the program, once.
pub(super) async fn add_missing(tx: &mut Tx, now: Ts) -> Result<()> {
    let there = store::all(tx).await?;
    for role in Role::ALL {
        let default = Matrix::builtin().role(*role).cloned().unwrap_or_default();
        let Some(old) = there.iter().find(|r| r.role == *role) else {
            store::insert(tx, &row(*role, &default, now)?).await?;
            continue;
        };
        let known: BTreeSet<String> = serde_json::from_value(old.known.clone())?;
        let new: Vec<Right> = Right::ALL.iter().copied().filter(|r| !known.contains(r.as_str())).collect();
        if new.is_empty() {
            continue;
        }
        let mut g = grants(old)?;
        for right in new {
            if let Some(scope) = default.rights.get(&right) {
                g.rights.insert(right, *scope);
            }
        }
        // Another node that does the same at this moment wins or loses; the outcome is the same.
        store::update(
            tx,
            &RoleRow {
                version: old.version,
                ..row(*role, &g, now)?
            },
        )
        .await?;
    }
    Ok(())
}

/// Rights that an older program would not know are left out: default deny.
fn grants(r: &RoleRow) -> Result<Grants> {
    let rights: BTreeMap<String, Scope> = serde_json::from_value(r.rights.clone())?;
    let sees: BTreeSet<String> = serde_json::from_value(r.sees.clone())?;
    Ok(Grants {
        rights: rights.into_iter().filter_map(|(k, s)| Right::parse(&k).map(|r| (r, s))).collect(),
        sees: sees.iter().filter_map(|m| Mask::parse(m)).collect(),
    })
}

pub(super) fn from_rows(rows: Vec<RoleRow>) -> Result<Matrix> {
    let mut m = Matrix::default();
    for r in rows {
        m.set(r.role, grants(&r)?);
    }
    Ok(m)
}

/// A role with its version, for the page that edits it.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = RoleGrants)]
pub struct RoleView {
    pub role: Role,
    pub rights: BTreeMap<Right, Scope>,
    pub sees: BTreeSet<Mask>,
    pub version: i64,
    #[serde(rename = "updated_at_us")]
    pub updated_at: Ts,
    pub updated_by: String,
}

pub async fn list(tx: &mut Tx, caller: &Caller) -> Result<Vec<RoleView>> {
    caller.require(Right::StaffView)?;
    let rows = store::all(tx).await?;
    rows.into_iter()
        .map(|r| {
            let g = grants(&r)?;
            Ok(RoleView {
                role: r.role,
                rights: g.rights,
                sees: g.sees,
                version: r.version,
                updated_at: r.updated_at,
                updated_by: r.updated_by,
            })
        })
        .collect()
}

/// Changes a role. What the guard of the checked-in matrix forbids is refused right by right; the
/// roles of clients and of the public are not data; a Super admin keeps the rights that let one
/// correct a mistake.
pub async fn put(tx: &mut Tx, access: &Access, caller: &Caller, role: Role, version: i64, g: Grants, reason: &str) -> Result<()> {
    caller.require(Right::RolesManage)?;
    caller.require_step_up(access.core.now())?;
    if !role.is_staff() {
        return Err(Problem::invalid("role", "role_fixed", "a role of the house"));
    }
    matrix::check_role(role, &g)?;
    if role == Role::SuperAdmin && [Right::RolesManage, Right::StaffManage].iter().any(|r| !g.rights.contains_key(r)) {
        return Err(Problem::invalid(
            "rights",
            "role_locked_out",
            "super_admin keeps roles.manage and staff.manage",
        ));
    }
    if reason.trim().is_empty() {
        return Err(Problem::invalid("reason", "reason_missing", "a reason, for the audit trail"));
    }
    let rows = store::all(tx).await?;
    let old = rows.iter().find(|r| r.role == role).ok_or_else(|| Problem::missing("role"))?;
    let now = access.core.now();
    let new = RoleRow {
        version,
        updated_by: caller.id(),
        ..row(role, &g, now)?
    };
    if !store::update(tx, &new).await? {
        return Err(Problem::conflict(
            "version_stale",
            "somebody changed this role meanwhile; look again",
        ));
    }
    let doc = |r: &RoleRow| -> Value { json!({ "rights": r.rights, "sees": r.sees }) };
    audit::record(
        tx,
        &access.core,
        Entry::new(caller, "role.changed", format!("role:{role}"))
            .before(doc(old))
            .after(doc(&new))
            .reason(reason),
    )
    .await?;
    access.forget_all(tx);
    Ok(())
}

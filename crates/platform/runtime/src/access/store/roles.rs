//! The matrix in force.

use crate::access::Role;
use qd_db::{Tx, row, sql};
use qd_kernel::{Result, Ts, vals};
use serde_json::Value;

row! {
    pub(crate) struct RoleRow {
        pub role: Role,
        pub rights: Value,
        pub sees: Value,
        pub known: Value,
        pub version: i64,
        pub updated_at: Ts,
        pub updated_by: String,
    }
}

pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<RoleRow>> {
    tx.rows(
        sql!("SELECT role, rights, sees, known, version, updated_at, updated_by FROM roles ORDER BY role"),
        &[],
    )
    .await
}

pub(crate) async fn insert(tx: &mut Tx, r: &RoleRow) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO roles (role, rights, sees, known, version, updated_at, updated_by) VALUES ($1, $2, $3, $4, 1, $5, $6)
             ON CONFLICT (role) DO NOTHING"
        ),
        &vals![r.role, &r.rights, &r.sees, &r.known, r.updated_at, &r.updated_by],
    )
    .await?;
    Ok(())
}

/// False: somebody changed it since `version`.
pub(crate) async fn update(tx: &mut Tx, r: &RoleRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!(
                "UPDATE roles SET rights = $3, sees = $4, known = $5, version = version + 1, updated_at = $6, updated_by = $7
                 WHERE role = $1 AND version = $2"
            ),
            &vals![r.role, r.version, &r.rights, &r.sees, &r.known, r.updated_at, &r.updated_by],
        )
        .await?;
    Ok(n == 1)
}

use crate::ids::PlanId;
use qd_db::{Tx, row, sql};
use qd_kernel::{PageRequest, Problem, Result, Ts, vals};
use serde_json::Value;

row! {
    #[derive(Clone, Debug)]
    pub struct PlanRow {
        pub id: PlanId,
        pub name: String,
        pub entity: Option<String>,
        pub version: i64,
        pub created_at: Ts,
        pub uses: i64,
    }
}

pub async fn insert(tx: &mut Tx, id: PlanId, name: &str, entity: Option<&str>, at: Ts) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO deal_plans (id, name, entity, version, created_at) VALUES ($1, $2, $3, 1, $4)"),
        &vals![id, name, entity, at],
    )
    .await?;
    Ok(())
}

pub async fn next_version(tx: &mut Tx, id: PlanId, base: i64, name: &str) -> Result<()> {
    tx.exec_one(
        sql!("UPDATE deal_plans SET version = version + 1, name = $3 WHERE id = $1 AND version = $2"),
        &vals![id, base, name],
        || Problem::conflict("version_stale", "somebody saved another version of this plan in between"),
    )
    .await
}

row! {
    #[derive(Clone, Debug)]
    pub struct VersionRow {
        pub plan_id: PlanId,
        pub version: i64,
        pub valid_from: Ts,
        pub document: Value,
        pub reason: String,
        pub made_by: String,
        pub made_at: Ts,
    }
}

pub async fn insert_version(tx: &mut Tx, v: &VersionRow) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO deal_plan_versions (plan_id, version, valid_from, document, reason, made_by, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7)"
        ),
        &vals![v.plan_id, v.version, v.valid_from, &v.document, &v.reason, &v.made_by, v.made_at],
    )
    .await?;
    Ok(())
}

/// Newest first.
pub async fn versions(tx: &mut Tx, id: PlanId) -> Result<Vec<VersionRow>> {
    tx.rows(
        sql!(
            "SELECT plan_id, version, valid_from, document, reason, made_by, made_at FROM deal_plan_versions
             WHERE plan_id = $1 ORDER BY version DESC"
        ),
        &vals![id],
    )
    .await
}

pub async fn get(tx: &mut Tx, id: PlanId) -> Result<Option<PlanRow>> {
    tx.one(
        sql!(
            "SELECT id, name, entity, version, created_at, (SELECT COUNT(*) FROM deal_plan_uses u WHERE u.plan_id = p.id AND u.to_at IS NULL)
             FROM deal_plans p WHERE id = $1"
        ),
        &vals![id],
    )
    .await
}

pub async fn list(tx: &mut Tx, page: &PageRequest) -> Result<Vec<PlanRow>> {
    let (name, id) = match page.after_parts().as_deref() {
        Some([name, id]) => ((*name).to_string(), (*id).to_string()),
        _ => (String::new(), String::new()),
    };
    tx.rows(
        sql!(
            "SELECT id, name, entity, version, created_at, (SELECT COUNT(*) FROM deal_plan_uses u WHERE u.plan_id = p.id AND u.to_at IS NULL)
             FROM deal_plans p WHERE (name, id) > ($1, $2) ORDER BY name, id LIMIT $3"
        ),
        &vals![name, id, page.fetch()],
    )
    .await
}

row! {
    #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    pub struct UseRow {
        pub holder: String,
        pub plan_id: PlanId,
        pub from_at: Ts,
        pub to_at: Option<Ts>,
        pub reason: String,
        pub made_by: String,
        pub made_at: Ts,
    }
}

pub async fn end_use(tx: &mut Tx, holder: &str, at: Ts) -> Result<bool> {
    let n = tx
        .exec(
            sql!("UPDATE deal_plan_uses SET to_at = $2 WHERE holder = $1 AND to_at IS NULL AND from_at < $2"),
            &vals![holder, at],
        )
        .await?;
    Ok(n == 1)
}

pub async fn insert_use(tx: &mut Tx, u: &UseRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!(
                "INSERT INTO deal_plan_uses (holder, plan_id, from_at, to_at, reason, made_by, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
                 ON CONFLICT DO NOTHING"
            ),
            &vals![&u.holder, u.plan_id, u.from_at, u.to_at, &u.reason, &u.made_by, u.made_at],
        )
        .await?;
    Ok(n == 1)
}

/// Puts these in the place of all that a holder was on.
pub async fn replace_uses(tx: &mut Tx, holder: &str, uses: &[UseRow]) -> Result<()> {
    tx.exec(sql!("DELETE FROM deal_plan_uses WHERE holder = $1"), &vals![holder])
        .await?;
    for u in uses {
        if !insert_use(tx, u).await? {
            return Err(Problem::bug("plan_use_lost", "a holder's plans could not be written"));
        }
    }
    Ok(())
}

/// Oldest first.
pub async fn uses(tx: &mut Tx, holder: &str) -> Result<Vec<UseRow>> {
    tx.rows(
        sql!("SELECT holder, plan_id, from_at, to_at, reason, made_by, made_at FROM deal_plan_uses WHERE holder = $1 ORDER BY from_at"),
        &vals![holder],
    )
    .await
}

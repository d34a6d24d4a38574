use crate::views::{ListName, View, ViewId};
use qd_db::{Query, Tx, row, sql};
use qd_kernel::{Result, Ts, vals};
use serde_json::Value;

row! {
    struct ViewRow {
        id: ViewId, list: ListName, name: String, owner_id: Option<String>, team: Option<String>, query: String, columns: Value, is_default: bool,
        created_by: String, created_at: Ts, updated_at: Ts, version: i64,
    }
}

impl ViewRow {
    fn into_view(self) -> Result<View> {
        Ok(View {
            id: self.id,
            list: self.list,
            name: self.name,
            owner_id: self.owner_id,
            team: self.team,
            query: self.query,
            columns: serde_json::from_value(self.columns)?,
            is_default: self.is_default,
            created_by: self.created_by,
            created_at_us: self.created_at,
            updated_at_us: self.updated_at,
            version: self.version,
            may_change: false,
        })
    }
}

/// Somebody's own and those of the teams (None: of all teams).
pub(crate) async fn views(tx: &mut Tx, me: &str, teams: Option<&[String]>, list: Option<ListName>) -> Result<Vec<View>> {
    let mut q = Query::new(sql!(
        "SELECT id, list, name, owner_id, team, query, columns, is_default, created_by, created_at, updated_at, version FROM saved_views WHERE TRUE"
    ));
    match teams {
        None => {
            q.push(sql!(" AND (owner_id = $? OR team IS NOT NULL)"), vals![me]);
        }
        Some(teams) => {
            q.push(sql!(" AND (owner_id = $? OR team IN (''"), vals![me]);
            for t in teams {
                q.push(sql!(", $?"), vals![t]);
            }
            q.push(sql!(" ))"), []);
        }
    }
    if let Some(l) = list {
        q.push(sql!(" AND list = $?"), vals![l]);
    }
    q.push(sql!(" ORDER BY name, id LIMIT 2000"), []);
    tx.query::<ViewRow>(&q).await?.into_iter().map(ViewRow::into_view).collect()
}

pub(crate) async fn view(tx: &mut Tx, id: ViewId) -> Result<Option<View>> {
    let row: Option<ViewRow> = tx
        .one(
            sql!(
                "SELECT id, list, name, owner_id, team, query, columns, is_default, created_by, created_at, updated_at, version FROM saved_views
                 WHERE id = $1"
            ),
            &vals![id],
        )
        .await?;
    row.map(ViewRow::into_view).transpose()
}

/// The view of this name in the same place.
pub(crate) async fn view_named(tx: &mut Tx, v: &View) -> Result<Option<ViewId>> {
    let found: Option<(ViewId,)> = tx
        .one(
            sql!(
                "SELECT id FROM saved_views
                 WHERE list = $1 AND name = $2 AND COALESCE(owner_id, '') = $3 AND COALESCE(team, '') = $4 LIMIT 1"
            ),
            &vals![
                v.list,
                &v.name,
                v.owner_id.clone().unwrap_or_default(),
                v.team.clone().unwrap_or_default()
            ],
        )
        .await?;
    Ok(found.map(|(id,)| id))
}

pub(crate) async fn views_kept(tx: &mut Tx, owner: Option<&str>, team: Option<&str>) -> Result<i64> {
    let (n,): (i64,) = tx
        .must(
            sql!("SELECT COUNT(*) FROM saved_views WHERE COALESCE(owner_id, '') = $1 AND COALESCE(team, '') = $2"),
            &vals![owner.unwrap_or_default(), team.unwrap_or_default()],
        )
        .await?;
    Ok(n)
}

pub(crate) async fn no_default(tx: &mut Tx, list: ListName, owner: Option<&str>, team: Option<&str>) -> Result<()> {
    tx.exec(
        sql!(
            "UPDATE saved_views SET is_default = FALSE
             WHERE list = $1 AND is_default = TRUE AND COALESCE(owner_id, '') = $2 AND COALESCE(team, '') = $3"
        ),
        &vals![list, owner.unwrap_or_default(), team.unwrap_or_default()],
    )
    .await?;
    Ok(())
}

pub(crate) async fn insert_view(tx: &mut Tx, v: &View) -> Result<bool> {
    let n = tx
        .exec(
            sql!(
                "INSERT INTO saved_views (id, list, name, owner_id, team, query, columns, is_default, created_by, created_at, updated_at, version)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1) ON CONFLICT DO NOTHING"
            ),
            &vals![
                v.id,
                v.list,
                &v.name,
                v.owner_id.clone(),
                v.team.clone(),
                &v.query,
                serde_json::to_value(&v.columns)?,
                v.is_default,
                &v.created_by,
                v.created_at_us,
                v.updated_at_us
            ],
        )
        .await?;
    Ok(n == 1)
}

pub(crate) async fn update_view(tx: &mut Tx, v: &View, base_version: i64) -> Result<bool> {
    let n = tx
        .exec(
            sql!(
                "UPDATE saved_views SET name = $3, owner_id = $4, team = $5, query = $6, columns = $7, is_default = $8, updated_at = $9,
                     version = version + 1
                 WHERE id = $1 AND version = $2"
            ),
            &vals![
                v.id,
                base_version,
                &v.name,
                v.owner_id.clone(),
                v.team.clone(),
                &v.query,
                serde_json::to_value(&v.columns)?,
                v.is_default,
                v.updated_at_us
            ],
        )
        .await?;
    Ok(n == 1)
}

pub(crate) async fn remove_view(tx: &mut Tx, id: ViewId) -> Result<()> {
    tx.exec(sql!("DELETE FROM saved_views WHERE id = $1"), &vals![id]).await?;
    Ok(())
}

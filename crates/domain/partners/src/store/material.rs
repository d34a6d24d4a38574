use crate::ids::MaterialId;
use crate::material::{MaterialKind, MaterialState};
use qd_db::{Query, Tx, row, sql};
use qd_kernel::{PageRequest, Problem, Result, Ts, vals};

row! {
    #[derive(Clone, Debug)]
    pub struct MaterialRow {
        pub id: MaterialId,
        pub entity: String,
        pub brand: String,
        pub language: String,
        pub kind: MaterialKind,
        pub name: String,
        pub body: Option<String>,
        pub landing: String,
        pub file_id: Option<String>,
        pub mime: Option<String>,
        pub width: Option<i64>,
        pub height: Option<i64>,
        pub state: MaterialState,
        pub made_by: String,
        pub created_at: Ts,
        pub withdrawn_by: Option<String>,
        pub withdrawn_at: Option<Ts>,
        pub withdrawn_reason: Option<String>,
        pub version: i64,
    }
}

pub async fn insert(tx: &mut Tx, m: &MaterialRow) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO partner_material (id, entity, brand, language, kind, name, body, landing, file_id, mime, width, height, state, made_by,
                created_at, withdrawn_by, withdrawn_at, withdrawn_reason, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)"
        ),
        &vals![
            m.id, &m.entity, &m.brand, &m.language, m.kind, &m.name, m.body.as_ref(), &m.landing, m.file_id.as_ref(), m.mime.as_ref(), m.width,
            m.height, m.state, &m.made_by, m.created_at, m.withdrawn_by.as_ref(), m.withdrawn_at, m.withdrawn_reason.as_ref(), m.version
        ],
    )
    .await?;
    Ok(())
}

pub async fn get(tx: &mut Tx, id: MaterialId) -> Result<Option<MaterialRow>> {
    tx.one(
        sql!(
            "SELECT id, entity, brand, language, kind, name, body, landing, file_id, mime, width, height, state, made_by, created_at, withdrawn_by,
                withdrawn_at, withdrawn_reason, version
             FROM partner_material WHERE id = $1"
        ),
        &vals![id],
    )
    .await
}

pub async fn withdraw(tx: &mut Tx, m: &MaterialRow) -> Result<()> {
    tx.exec_one(
        sql!(
            "UPDATE partner_material SET state = $3, withdrawn_by = $4, withdrawn_at = $5, withdrawn_reason = $6, version = version + 1
             WHERE id = $1 AND version = $2"
        ),
        &vals![
            m.id,
            m.version,
            m.state,
            m.withdrawn_by.as_ref(),
            m.withdrawn_at,
            m.withdrawn_reason.as_ref()
        ],
        || Problem::conflict("version_stale", "somebody changed this material in between"),
    )
    .await
}

#[derive(Clone, Debug, Default)]
pub struct MaterialFilter {
    pub brand: Option<String>,
    pub language: Option<String>,
    pub kind: Option<MaterialKind>,
    pub state: Option<MaterialState>,
}

/// The newest first; entities None: all.
pub async fn list(tx: &mut Tx, entities: Option<&[String]>, f: &MaterialFilter, page: &PageRequest) -> Result<Vec<MaterialRow>> {
    let mut q = Query::new(sql!(
        "SELECT id, entity, brand, language, kind, name, body, landing, file_id, mime, width, height, state, made_by, created_at, withdrawn_by,
            withdrawn_at, withdrawn_reason, version
         FROM partner_material WHERE 1 = 1"
    ));
    if let Some(list) = entities {
        q.push(sql!(" AND entity IN (''"), []);
        for e in list {
            q.push(sql!(", $?"), vals![e]);
        }
        q.push(sql!(")"), []);
    }
    if let Some(b) = &f.brand {
        q.push(sql!(" AND brand = $?"), vals![b]);
    }
    if let Some(l) = &f.language {
        q.push(sql!(" AND language = $?"), vals![l]);
    }
    if let Some(k) = f.kind {
        q.push(sql!(" AND kind = $?"), vals![k]);
    }
    if let Some(s) = f.state {
        q.push(sql!(" AND state = $?"), vals![s]);
    }
    if let Some([at, id]) = page.after_parts().as_deref() {
        q.push(
            sql!(" AND (created_at, id) < ($?, $?)"),
            vals![at.parse::<i64>().unwrap_or(i64::MAX), *id],
        );
    }
    q.push(sql!(" ORDER BY created_at DESC, id DESC LIMIT $?"), vals![page.fetch()]);
    tx.query(&q).await
}

/// Clicks it brought, and clicks after it was withdrawn.
pub async fn clicks(tx: &mut Tx, id: MaterialId) -> Result<(i64, i64)> {
    tx.must(
        sql!(
            "SELECT CAST(COALESCE(SUM(CASE WHEN outcome = 'landed' THEN 1 ELSE 0 END), 0) AS BIGINT),
                CAST(COALESCE(SUM(CASE WHEN outcome = 'withdrawn' THEN 1 ELSE 0 END), 0) AS BIGINT)
             FROM partner_clicks WHERE material_id = $1"
        ),
        &vals![id],
    )
    .await
}

use crate::macros::{Macro, MacroId};
use crate::model::Category;
use qd_db::{Tx, row, sql};
use qd_kernel::{Result, Ts, vals};
use serde_json::Value;

row! {
    struct MacroRow {
        id: MacroId, title: String, category: Option<Category>, bodies: Value, active: bool, updated_by: String, updated_at: Ts, version: i64,
    }
}

impl MacroRow {
    fn into_macro(self) -> Result<Macro> {
        Ok(Macro {
            id: self.id,
            title: self.title,
            category: self.category,
            bodies: serde_json::from_value(self.bodies)?,
            active: self.active,
            updated_by: self.updated_by,
            updated_at_us: self.updated_at,
            version: self.version,
        })
    }
}

pub(crate) async fn macros(tx: &mut Tx) -> Result<Vec<Macro>> {
    let rows: Vec<MacroRow> = tx
        .rows(
            sql!("SELECT id, title, category, bodies, active, updated_by, updated_at, version FROM ticket_macros ORDER BY title, id LIMIT 500"),
            &[],
        )
        .await?;
    rows.into_iter().map(MacroRow::into_macro).collect()
}

pub(crate) async fn macro_by_id(tx: &mut Tx, id: MacroId) -> Result<Option<Macro>> {
    let row: Option<MacroRow> = tx
        .one(
            sql!("SELECT id, title, category, bodies, active, updated_by, updated_at, version FROM ticket_macros WHERE id = $1"),
            &vals![id],
        )
        .await?;
    row.map(MacroRow::into_macro).transpose()
}

/// False: the title is taken (new), or the version is another (changed).
pub(crate) async fn put_macro(tx: &mut Tx, m: &Macro, new: bool) -> Result<bool> {
    let bodies = serde_json::to_value(&m.bodies)?;
    let n = if new {
        tx.exec(
            sql!(
                "INSERT INTO ticket_macros (id, title, category, bodies, active, updated_by, updated_at, version)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, 1) ON CONFLICT DO NOTHING"
            ),
            &vals![m.id, &m.title, m.category, bodies, m.active, &m.updated_by, m.updated_at_us],
        )
        .await?
    } else {
        tx.exec(
            sql!(
                "UPDATE ticket_macros SET title = $2, category = $3, bodies = $4, active = $5, updated_by = $6, updated_at = $7, version = version + 1
                 WHERE id = $1 AND version = $8"
            ),
            &vals![m.id, &m.title, m.category, bodies, m.active, &m.updated_by, m.updated_at_us, m.version - 1],
        )
        .await?
    };
    Ok(n == 1)
}

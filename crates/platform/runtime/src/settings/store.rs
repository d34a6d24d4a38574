use super::Setting;
use qd_db::{Tx, row, sql};
use qd_kernel::{Problem, Result, Ts, vals};
use serde_json::Value;

row! {
    struct SettingRow { scope: String, key: String, value: Value, version: i64, updated_at: Ts }
}

impl From<SettingRow> for Setting {
    fn from(r: SettingRow) -> Setting {
        Setting {
            scope: r.scope,
            key: r.key,
            value: r.value,
            version: r.version,
            updated_at: r.updated_at,
        }
    }
}

pub async fn get(tx: &mut Tx, scope: &str, key: &str) -> Result<Option<Setting>> {
    let row: Option<SettingRow> = tx
        .one(
            sql!("SELECT scope, key, value, version, updated_at FROM settings WHERE scope = $1 AND key = $2"),
            &vals![scope, key],
        )
        .await?;
    Ok(row.map(Setting::from))
}

pub async fn list(tx: &mut Tx, scope: Option<&str>) -> Result<Vec<Setting>> {
    let rows: Vec<SettingRow> = tx
        .rows(
            sql!("SELECT scope, key, value, version, updated_at FROM settings WHERE scope = COALESCE($1, scope) ORDER BY scope, key LIMIT 2000"),
            &vals![scope],
        )
        .await?;
    Ok(rows.into_iter().map(Setting::from).collect())
}

pub async fn put(tx: &mut Tx, s: &Setting) -> Result<()> {
    let changed = || Problem::conflict("version_changed", "the setting was changed in the meantime");
    if s.version == 1 {
        tx.exec_one(
            sql!("INSERT INTO settings (scope, key, value, version, updated_at) VALUES ($1, $2, $3, 1, $4) ON CONFLICT DO NOTHING"),
            &vals![&s.scope, &s.key, &s.value, s.updated_at],
            changed,
        )
        .await
    } else {
        tx.exec_one(
            sql!("UPDATE settings SET value = $3, version = version + 1, updated_at = $4 WHERE scope = $1 AND key = $2 AND version = $5"),
            &vals![&s.scope, &s.key, &s.value, s.updated_at, s.version - 1],
            changed,
        )
        .await
    }
}

use super::{Brand, Desk, DeskKind, Entity, EntityConfig, KeptVersion};
use qd_db::{Tx, row, sql};
use qd_kernel::{Currency, Problem, Result, Ts, vals};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

row! {
    struct EntityRow { code: String, name: String, country: String, base_currency: Currency, regulator: String, config: String, version: i64 }
}

/// Parsed rule books by their text: they are long and asked for in every use case. The text is
/// read each time, so a change on another node shows at once.
static PARSED: LazyLock<Mutex<HashMap<String, Arc<Entity>>>> = LazyLock::new(|| Mutex::new(HashMap::new()));
const PARSED_MAX: usize = 256;

impl EntityRow {
    fn into_entity(self) -> Result<Arc<Entity>> {
        let same = |e: &Entity| {
            e.code == self.code
                && e.version == self.version
                && e.name == self.name
                && e.country == self.country
                && e.base_currency == self.base_currency
                && e.regulator == self.regulator
        };
        let mut parsed = PARSED.lock().unwrap_or_else(|p| p.into_inner());
        if let Some(e) = parsed.get(&self.config).filter(|e| same(e)) {
            return Ok(e.clone());
        }
        let config: EntityConfig = serde_json::from_str(&self.config)?;
        let entity = Arc::new(Entity {
            code: self.code,
            name: self.name,
            country: self.country,
            base_currency: self.base_currency,
            regulator: self.regulator,
            config,
            version: self.version,
        });
        if parsed.len() >= PARSED_MAX {
            parsed.clear();
        }
        parsed.insert(self.config, entity.clone());
        Ok(entity)
    }
}

pub async fn entity(tx: &mut Tx, code: &str) -> Result<Option<Arc<Entity>>> {
    tx.one::<EntityRow>(
        sql!("SELECT code, name, country, base_currency, regulator, config, version FROM entities WHERE code = $1"),
        &vals![code],
    )
    .await?
    .map(EntityRow::into_entity)
    .transpose()
}

pub async fn entities(tx: &mut Tx) -> Result<Vec<Arc<Entity>>> {
    let rows: Vec<EntityRow> = tx
        .rows(
            sql!("SELECT code, name, country, base_currency, regulator, config, version FROM entities ORDER BY code"),
            &[],
        )
        .await?;
    rows.into_iter().map(EntityRow::into_entity).collect()
}

fn changed() -> Problem {
    Problem::conflict("version_changed", "this was changed in the meantime").and_field(
        "/version",
        "version_changed",
        "expected the latest version",
    )
}

pub async fn put_entity(tx: &mut Tx, e: &Entity, now: Ts) -> Result<()> {
    let config = serde_json::to_value(&e.config)?;
    if e.version == 1 {
        tx.exec_one(
            sql!(
                "INSERT INTO entities (code, name, country, base_currency, regulator, config, version, updated_at)
                 VALUES ($1, $2, $3, $4, $5, $6, 1, $7) ON CONFLICT DO NOTHING"
            ),
            &vals![&e.code, &e.name, &e.country, e.base_currency, &e.regulator, config, now],
            changed,
        )
        .await
    } else {
        tx.exec_one(
            sql!(
                "UPDATE entities SET name = $2, country = $3, base_currency = $4, regulator = $5, config = $6, version = version + 1, updated_at = $7
                 WHERE code = $1 AND version = $8"
            ),
            &vals![&e.code, &e.name, &e.country, e.base_currency, &e.regulator, config, now, e.version - 1],
            changed,
        )
        .await
    }
}

row! {
    struct BrandRow { code: String, entity: String, name: String, host: String, mail_from: String, languages: Value, hue: u32, version: i64 }
}

impl BrandRow {
    fn into_brand(self) -> Result<Brand> {
        let languages = serde_json::from_value(self.languages)?;
        Ok(Brand {
            code: self.code,
            entity: self.entity,
            name: self.name,
            host: self.host,
            mail_from: self.mail_from,
            languages,
            hue: self.hue,
            version: self.version,
        })
    }
}

pub async fn brand(tx: &mut Tx, code: &str) -> Result<Option<Brand>> {
    tx.one::<BrandRow>(
        sql!("SELECT code, entity, name, host, mail_from, languages, hue, version FROM brands WHERE code = $1"),
        &vals![code],
    )
    .await?
    .map(BrandRow::into_brand)
    .transpose()
}

pub async fn brand_by_host(tx: &mut Tx, host: &str) -> Result<Option<Brand>> {
    tx.one::<BrandRow>(
        sql!("SELECT code, entity, name, host, mail_from, languages, hue, version FROM brands WHERE host = $1"),
        &vals![host],
    )
    .await?
    .map(BrandRow::into_brand)
    .transpose()
}

pub async fn brands(tx: &mut Tx) -> Result<Vec<Brand>> {
    let rows: Vec<BrandRow> = tx
        .rows(
            sql!("SELECT code, entity, name, host, mail_from, languages, hue, version FROM brands ORDER BY code"),
            &[],
        )
        .await?;
    rows.into_iter().map(BrandRow::into_brand).collect()
}

pub async fn put_brand(tx: &mut Tx, b: &Brand, now: Ts) -> Result<()> {
    let languages = serde_json::to_value(&b.languages)?;
    if b.version == 1 {
        tx.exec_one(
            sql!(
                "INSERT INTO brands (code, entity, name, host, mail_from, languages, hue, version, updated_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8) ON CONFLICT DO NOTHING"
            ),
            &vals![&b.code, &b.entity, &b.name, &b.host, &b.mail_from, languages, b.hue, now],
            || Problem::conflict("brand_taken", "a brand with this code or host is there already"),
        )
        .await
    } else {
        tx.exec_one(
            sql!(
                "UPDATE brands SET name = $2, host = $3, mail_from = $4, languages = $5, hue = $6, version = version + 1, updated_at = $7
                 WHERE code = $1 AND version = $8"
            ),
            &vals![&b.code, &b.name, &b.host, &b.mail_from, languages, b.hue, now, b.version - 1],
            changed,
        )
        .await
    }
}

row! {
    struct DeskRow { code: String, entity: Option<String>, name: String, kind: DeskKind, languages: Value, version: i64 }
}

impl DeskRow {
    fn into_desk(self) -> Result<Desk> {
        let languages = serde_json::from_value(self.languages)?;
        Ok(Desk {
            code: self.code,
            entity: self.entity,
            name: self.name,
            kind: self.kind,
            languages,
            version: self.version,
        })
    }
}

pub async fn desk(tx: &mut Tx, code: &str) -> Result<Option<Desk>> {
    tx.one::<DeskRow>(
        sql!("SELECT code, entity, name, kind, languages, version FROM desks WHERE code = $1"),
        &vals![code],
    )
    .await?
    .map(DeskRow::into_desk)
    .transpose()
}

pub async fn desks(tx: &mut Tx) -> Result<Vec<Desk>> {
    let rows: Vec<DeskRow> = tx
        .rows(
            sql!("SELECT code, entity, name, kind, languages, version FROM desks ORDER BY code"),
            &[],
        )
        .await?;
    rows.into_iter().map(DeskRow::into_desk).collect()
}

pub async fn put_desk(tx: &mut Tx, d: &Desk, now: Ts) -> Result<()> {
    let languages = serde_json::to_value(&d.languages)?;
    if d.version == 1 {
        tx.exec_one(
            sql!("INSERT INTO desks (code, entity, name, kind, languages, version, updated_at) VALUES ($1, $2, $3, $4, $5, 1, $6) ON CONFLICT DO NOTHING"),
            &vals![&d.code, d.entity.clone(), &d.name, d.kind, languages, now],
            changed,
        )
        .await
    } else {
        tx.exec_one(
            sql!("UPDATE desks SET entity = $2, name = $3, kind = $4, languages = $5, version = version + 1, updated_at = $6 WHERE code = $1 AND version = $7"),
            &vals![&d.code, d.entity.clone(), &d.name, d.kind, languages, now, d.version - 1],
            changed,
        )
        .await
    }
}

#[allow(clippy::too_many_arguments, reason = "the columns of one row")]
pub async fn keep(tx: &mut Tx, kind: &str, code: &str, version: i64, doc: &Value, by: &str, now: Ts, reason: &str) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO config_versions (kind, code, version, doc, changed_by, changed_at, reason) VALUES ($1, $2, $3, $4, $5, $6, $7)"),
        &vals![kind, code, version, doc, by, now, reason],
    )
    .await?;
    Ok(())
}

row! {
    struct KeptRow { version: i64, doc: Value, changed_by: String, changed_at: Ts, reason: String }
}

pub async fn history(tx: &mut Tx, kind: &str, code: &str) -> Result<Vec<KeptVersion>> {
    let rows: Vec<KeptRow> = tx
        .rows(
            sql!("SELECT version, doc, changed_by, changed_at, reason FROM config_versions WHERE kind = $1 AND code = $2 ORDER BY version DESC LIMIT 500"),
            &vals![kind, code],
        )
        .await?;
    Ok(rows
        .into_iter()
        .map(|r| KeptVersion {
            version: r.version,
            doc: r.doc,
            changed_by: r.changed_by,
            changed_at: r.changed_at,
            reason: r.reason,
        })
        .collect())
}

pub async fn version_as_of(tx: &mut Tx, kind: &str, code: &str, at: Ts) -> Result<Option<Value>> {
    let row: Option<(Value,)> = tx
        .one(
            sql!("SELECT doc FROM config_versions WHERE kind = $1 AND code = $2 AND changed_at <= $3 ORDER BY version DESC LIMIT 1"),
            &vals![kind, code, at],
        )
        .await?;
    Ok(row.map(|r| r.0))
}

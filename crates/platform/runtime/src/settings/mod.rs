//! Business settings: JSON documents by scope and key, typed by whoever reads them, with every
//! version kept. Scopes: `global`, `entity:eu`, `brand:northwind`, …; the narrower wins.

mod store;

use crate::Core;
use crate::access::{Caller, Right};
use crate::audit;
use qd_db::Tx;
use qd_kernel::{Problem, Result, Ts};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

pub const GLOBAL: &str = "global";
/// Bytes of one setting's JSON.
pub const MAX_SETTING: usize = 64 * 1024;

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Setting {
    pub scope: String,
    pub key: String,
    pub value: Value,
    pub version: i64,
    #[serde(rename = "updated_at_us")]
    pub updated_at: Ts,
}

/// The value in this scope alone. One that does not fit `T` is an error, never a default.
pub async fn get<T: DeserializeOwned>(tx: &mut Tx, scope: &str, key: &str) -> Result<Option<T>> {
    match store::get(tx, scope, key).await? {
        None => Ok(None),
        Some(s) => serde_json::from_value(s.value)
            .map(Some)
            .map_err(|e| Problem::bug("setting_unreadable", format!("{scope}/{key} does not fit its type")).with_source(e)),
    }
}

/// The entity's value, else the global one.
pub async fn for_entity<T: DeserializeOwned>(tx: &mut Tx, entity: &str, key: &str) -> Result<Option<T>> {
    match get(tx, &format!("entity:{entity}"), key).await? {
        Some(v) => Ok(Some(v)),
        None => get(tx, GLOBAL, key).await,
    }
}

/// The whole row, for the editor.
pub async fn find(tx: &mut Tx, scope: &str, key: &str) -> Result<Option<Setting>> {
    store::get(tx, scope, key).await
}

pub async fn list(tx: &mut Tx, scope: Option<&str>) -> Result<Vec<Setting>> {
    store::list(tx, scope).await
}

/// Sets a value. `base_version` is the version the change starts from: 0 for a new one.
#[allow(clippy::too_many_arguments, reason = "scope, key, base and value are one address and one content")]
pub async fn put(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    scope: &str,
    key: &str,
    base_version: i64,
    value: &Value,
    reason: &str,
) -> Result<Setting> {
    caller.require(Right::SettingsEdit)?;
    let plain = |s: &str| !s.is_empty() && s.len() <= 80 && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.:-".contains(&b));
    if !plain(scope) {
        return Err(Problem::invalid(
            "/scope",
            "scope_malformed",
            "expected a scope like global or entity:eu",
        ));
    }
    if !plain(key) {
        return Err(Problem::invalid("/key", "key_malformed", "expected 1 to 80 letters, digits, _ . -"));
    }
    if let (Some(allowed), entity) = (caller.allowed_entities(), scope.strip_prefix("entity:"))
        && !entity.is_some_and(|e| allowed.iter().any(|a| a == e))
    {
        return Err(Problem::forbidden("entity_not_allowed", "this setting is outside your entities"));
    }
    if value.to_string().len() > MAX_SETTING {
        return Err(Problem::invalid(
            "/value",
            "setting_too_big",
            format!("expected at most {MAX_SETTING} bytes"),
        ));
    }
    let before = store::get(tx, scope, key).await?;
    let after = Setting {
        scope: scope.into(),
        key: key.into(),
        value: value.clone(),
        version: base_version + 1,
        updated_at: core.now(),
    };
    store::put(tx, &after).await?;
    crate::tenancy::keep_version(tx, core, caller, "setting", &format!("{scope}/{key}"), after.version, value, reason).await?;
    audit::record(
        tx,
        core,
        audit::Entry {
            caller,
            action: "setting.save",
            object: format!("setting:{scope}/{key}"),
            client_id: None,
            entity: scope.strip_prefix("entity:").map(str::to_string),
            before: before.map(|b| b.value),
            after: Some(value.clone()),
            reason: Some(reason.to_string()).filter(|r| !r.is_empty()),
            rule: None,
            seen: None,
        },
    )
    .await?;
    Ok(after)
}

//! Keys for programs. A key has some of its maker's rights, belongs to one entity or all, and is
//! shown once. It is nobody: it cannot vote, nor step up.

use super::service::{API_KEY_PREFIX, key_identity, lend, sha256};
use super::store::keys::{self as store, KeyRow};
use super::{Access, ApiKeyId, Caller, Mask, Right, Scope};
use crate::audit::{self, Entry};
use qd_db::Tx;
use qd_kernel::{Page, PageRequest, Problem, Result, Secret, Ts};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug)]
pub struct NewApiKey {
    pub name: String,
    pub rights: Vec<Right>,
    pub sees: BTreeSet<Mask>,
    /// None: all entities.
    pub entity: Option<String>,
    pub expires_at: Option<Ts>,
}

#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = ApiKey)]
pub struct ApiKeyView {
    pub id: ApiKeyId,
    pub name: String,
    /// The last four characters.
    pub tail: String,
    pub rights: BTreeMap<Right, Scope>,
    pub sees: BTreeSet<Mask>,
    pub entity: Option<String>,
    pub created_by: String,
    #[serde(rename = "created_at_us")]
    pub created_at: Ts,
    #[serde(rename = "expires_at_us")]
    pub expires_at: Option<Ts>,
    #[serde(rename = "last_used_at_us")]
    pub last_used_at: Option<Ts>,
    #[serde(rename = "revoked_at_us")]
    pub revoked_at: Option<Ts>,
}

/// The key and its text, which is shown this once.
pub async fn create(tx: &mut Tx, access: &Access, caller: &Caller, n: NewApiKey) -> Result<(ApiKeyId, Secret)> {
    caller.require(Right::ApiKeysManage)?;
    let now = access.core.now();
    caller.require_step_up(now)?;
    if n.name.trim().is_empty() || n.name.chars().count() > 100 || n.name.chars().any(char::is_control) {
        return Err(Problem::invalid("name", "name_malformed", "1 to 100 characters"));
    }
    if n.rights.is_empty() {
        return Err(Problem::invalid("rights", "rights_missing", "at least one right"));
    }
    if n.expires_at.is_some_and(|at| at <= now) {
        return Err(Problem::invalid("expires_at_us", "expires_in_past", "a time to come"));
    }
    if !caller.enters(n.entity.as_deref()) {
        return Err(Problem::forbidden("entity_not_yours", "only an entity that you may enter"));
    }
    if let Some(m) = n.sees.iter().find(|m| !caller.sees(**m)) {
        return Err(Problem::forbidden("mask_missing", format!("you do not see {m} yourself")));
    }
    let rights = lend(caller, &n.rights, n.entity.as_deref())?;
    let token = access.new_token(API_KEY_PREFIX);
    let text = token.expose();
    let row = KeyRow {
        id: ApiKeyId::new(&access.core.env),
        name: n.name.trim().to_string(),
        tail: text[text.len() - 4..].to_string(),
        rights: serde_json::to_value(&rights)?,
        sees: serde_json::to_value(&n.sees)?,
        entity: n.entity.clone(),
        created_by: caller.id(),
        created_at: now,
        expires_at: n.expires_at,
        last_used_at: None,
        revoked_at: None,
    };
    store::insert(tx, &row, &sha256(text)).await?;
    let e = Entry::new(caller, "api_key.created", format!("api_key:{}", row.id))
        .entity(n.entity)
        .after(json!({ "name": row.name, "rights": rights, "sees": n.sees, "expires_at_us": n.expires_at }));
    audit::record(tx, &access.core, e).await?;
    Ok((row.id, token))
}

pub async fn revoke(tx: &mut Tx, access: &Access, caller: &Caller, id: ApiKeyId, reason: &str) -> Result<()> {
    caller.require(Right::ApiKeysManage)?;
    let k = store::by_id(tx, id)
        .await?
        .filter(|k| caller.enters(k.entity.as_deref()))
        .ok_or_else(|| Problem::missing("API key"))?;
    if store::revoke(tx, id, access.core.now()).await? == 1 {
        audit::record(
            tx,
            &access.core,
            Entry::new(caller, "api_key.revoked", format!("api_key:{id}"))
                .entity(k.entity)
                .reason(reason),
        )
        .await?;
    }
    access.forget(tx, &key_identity(id));
    Ok(())
}

/// Newest first.
pub async fn list(tx: &mut Tx, caller: &Caller, page: &PageRequest) -> Result<Page<ApiKeyView>> {
    caller.require(Right::ApiKeysManage)?;
    let rows = store::page(tx, page).await?;
    let views = rows
        .into_iter()
        .map(|k| {
            Ok(ApiKeyView {
                id: k.id,
                name: k.name,
                tail: k.tail,
                rights: serde_json::from_value(k.rights)?,
                sees: serde_json::from_value(k.sees)?,
                entity: k.entity,
                created_by: k.created_by,
                created_at: k.created_at,
                expires_at: k.expires_at,
                last_used_at: k.last_used_at,
                revoked_at: k.revoked_at,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let mut page = page.finish(views, |v: &ApiKeyView| v.id.to_string());
    page.items.retain(|k| caller.enters(k.entity.as_deref()));
    Ok(page)
}

//! Which server, group and leverage a new account gets. A change is a new version; accounts keep
//! the version they were opened under (TP-02).

pub use crate::store::MappingRow;
use crate::{AccountKind, store};
use qd_db::Tx;
use qd_kernel::{Currency, Problem, Result};
use qd_runtime::access::{Caller, Right};
use qd_runtime::audit;
use qd_runtime::Core;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MappingDraft {
    /// The rule's name, stable over its versions: `eu-live-standard-eur`.
    pub id: String,
    pub entity: String,
    pub kind: AccountKind,
    pub account_type: String,
    pub currency: Currency,
    pub server: String,
    pub platform_group: String,
    pub leverage_default: i64,
    pub leverage_max: i64,
    /// Accounts of this type and kind one client may have.
    pub max_per_client: i64,
    pub active: bool,
}

pub async fn list(tx: &mut Tx, caller: &Caller, entity: Option<&str>) -> Result<Vec<MappingRow>> {
    caller.require(Right::SettingsView)?;
    let seen = caller.allowed_entities();
    Ok(store::mappings(tx, entity).await?.into_iter().filter(|m| seen.as_ref().is_none_or(|e| e.contains(&m.entity))).collect())
}

pub async fn save(tx: &mut Tx, core: &Core, caller: &Caller, d: MappingDraft) -> Result<MappingRow> {
    caller.require(Right::SettingsEdit)?;
    let server = store::server(tx, &d.server).await?.ok_or_else(|| Problem::invalid("server", "server_unknown", "expected the id of a configured trading server"))?;
    if server.entity != d.entity {
        return Err(Problem::invalid("server", "server_of_other_entity", format!("expected a server of the entity {}", d.entity)));
    }
    if server.kind != d.kind {
        return Err(Problem::invalid("kind", "server_of_other_kind", format!("expected {}, as the server is", server.kind)));
    }
    if d.platform_group.trim().is_empty() {
        return Err(Problem::invalid("platform_group", "field_empty", "expected the platform's group name"));
    }
    if !(1..=2_000).contains(&d.leverage_max) {
        return Err(Problem::invalid("leverage_max", "leverage_out_of_range", "expected 1 to 2000"));
    }
    if !(1..=d.leverage_max).contains(&d.leverage_default) {
        return Err(Problem::invalid("leverage_default", "leverage_out_of_range", "expected 1 to leverage_max"));
    }
    if !(1..=100).contains(&d.max_per_client) {
        return Err(Problem::invalid("max_per_client", "limit_out_of_range", "expected 1 to 100"));
    }
    let before = store::mapping(tx, &d.entity, d.kind, &d.account_type, d.currency).await?;
    if let Some(b) = before.as_ref().filter(|b| b.id != d.id && d.active) {
        return Err(Problem::conflict("mapping_taken", format!("the rule {} already answers for this entity, kind, type and currency", b.id)));
    }
    let row = MappingRow {
        version: store::last_mapping_version(tx, &d.id).await? + 1,
        id: d.id,
        entity: d.entity,
        kind: d.kind,
        account_type: d.account_type,
        currency: d.currency,
        server: d.server,
        platform_group: d.platform_group,
        leverage_default: d.leverage_default,
        leverage_max: d.leverage_max,
        max_per_client: d.max_per_client,
        active: d.active,
    };
    store::put_mapping(tx, &row, core.now()).await?;
    audit::record(
        tx,
        core,
        audit::Entry {
            caller,
            action: "account_mapping.saved",
            object: format!("account_mapping:{}", row.id),
            client_id: None,
            entity: Some(row.entity.clone()),
            before: before.map(serde_json::to_value).transpose()?,
            after: Some(serde_json::to_value(&row)?),
            reason: None,
            rule: None,
            seen: None,
        },
    )
    .await?;
    Ok(row)
}

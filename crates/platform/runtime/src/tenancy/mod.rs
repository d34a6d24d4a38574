//! Entities (licences), brands and desks as data, with every version kept. A second licence with
//! other documents, limits, texts and currencies is a row, not a release.

mod model;
pub mod pack;
pub mod questionnaire;
mod store;

pub use model::{
    AccountKind, AccountMapping, AccountType, CountryRules, DepositRules, DocumentRule, DocumentRules, EntityConfig, FieldKind,
    LeverageRules, PaymentMethod, ProfileField, ProfileRules, ProfileStep, RejectKind, RejectReason, Retention, WithdrawalRules,
};
pub use pack::Pack;
pub use questionnaire::{AnswerOption, Answers, Assessment, Class3, Question, Questionnaire, ResultBand};

use crate::Core;
use crate::access::{Caller, Right};
use crate::audit;
use qd_db::Tx;
use qd_kernel::{Currency, Problem, Result, Ts, text_enum};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// A licence: the company a client has the contract with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Entity {
    pub code: String,
    pub name: String,
    /// Where the company is, two capital letters.
    pub country: String,
    /// Limits and reports are in this currency.
    pub base_currency: Currency,
    pub regulator: String,
    pub config: EntityConfig,
    /// 0 in a draft of a new one, else the version the change starts from.
    #[serde(default)]
    #[schema(required)]
    pub version: i64,
}

/// A name clients know: a host, a mail sender, languages, a colour. Belongs to one entity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Brand {
    pub code: String,
    pub entity: String,
    pub name: String,
    /// Where its portals answer, `trade.northwind.example`.
    pub host: String,
    /// `Northwind <hello@northwind.example>`
    pub mail_from: String,
    pub languages: Vec<String>,
    /// The brand colour's hue, 0 to 359 degrees.
    pub hue: u32,
    #[serde(default)]
    #[schema(required)]
    pub version: i64,
}

text_enum!(DeskKind { Sales = "sales", Retention = "retention", Partner = "partner", Support = "support" });

/// A team that owns clients. Without an entity it serves all of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Desk {
    pub code: String,
    #[serde(default)]
    pub entity: Option<String>,
    pub name: String,
    pub kind: DeskKind,
    pub languages: Vec<String>,
    #[serde(default)]
    #[schema(required)]
    pub version: i64,
}

/// One kept version of a configured thing.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct KeptVersion {
    pub version: i64,
    /// The whole thing as it was in this version.
    pub doc: Value,
    pub changed_by: String,
    #[serde(rename = "changed_at_us")]
    pub changed_at: Ts,
    pub reason: String,
}

fn code_ok(c: &str) -> bool {
    !c.is_empty() && c.len() <= 40 && c.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn must_be_code(c: &str) -> Result<()> {
    if code_ok(c) {
        Ok(())
    } else {
        Err(Problem::invalid("/code", "code_malformed", "expected 1 to 40 of a-z, 0-9 and -"))
    }
}

fn may_touch(caller: &Caller, entity: Option<&str>) -> Result<()> {
    caller.require(Right::EntitiesEdit)?;
    match (caller.allowed_entities(), entity) {
        (None, _) => Ok(()),
        (Some(list), Some(e)) if list.iter().any(|a| a == e) => Ok(()),
        _ => Err(Problem::forbidden(
            "entity_not_allowed",
            "this belongs to an entity outside your rights",
        )),
    }
}

/// The entity, or a problem that says it is not there. Shared: parsed once per content.
pub async fn get(tx: &mut Tx, code: &str) -> Result<Arc<Entity>> {
    find(tx, code).await?.ok_or_else(|| Problem::missing("entity"))
}

pub async fn find(tx: &mut Tx, code: &str) -> Result<Option<Arc<Entity>>> {
    store::entity(tx, code).await
}

pub async fn entities(tx: &mut Tx) -> Result<Vec<Arc<Entity>>> {
    store::entities(tx).await
}

/// Saves a new entity or a new version of one.
pub async fn put_entity(tx: &mut Tx, core: &Core, caller: &Caller, draft: Entity, reason: &str) -> Result<Arc<Entity>> {
    may_touch(caller, Some(&draft.code))?;
    must_be_code(&draft.code)?;
    if !model::country_ok(&draft.country) {
        return Err(Problem::invalid("/country", "country_malformed", "expected two capital letters"));
    }
    draft.config.check()?;
    let before = find(tx, &draft.code).await?;
    let after = Entity {
        version: draft.version + 1,
        ..draft
    };
    store::put_entity(tx, &after, core.now()).await?;
    let doc = serde_json::to_value(&after)?;
    keep_version(tx, core, caller, "entity", &after.code, after.version, &doc, reason).await?;
    let before = before.map(|b| serde_json::to_value(&*b)).transpose()?;
    log(
        tx,
        core,
        caller,
        "entity.save",
        format!("entity:{}", after.code),
        Some(after.code.clone()),
        before,
        doc,
        reason,
    )
    .await?;
    Ok(Arc::new(after))
}

/// The brand, or a problem that says it is not there.
pub async fn brand(tx: &mut Tx, code: &str) -> Result<Brand> {
    store::brand(tx, code).await?.ok_or_else(|| Problem::missing("brand"))
}

/// The brand that answers at a host (lower case, without port).
pub async fn brand_by_host(tx: &mut Tx, host: &str) -> Result<Option<Brand>> {
    store::brand_by_host(tx, host).await
}

pub async fn brands(tx: &mut Tx) -> Result<Vec<Brand>> {
    store::brands(tx).await
}

pub async fn put_brand(tx: &mut Tx, core: &Core, caller: &Caller, draft: Brand, reason: &str) -> Result<Brand> {
    may_touch(caller, Some(&draft.entity))?;
    must_be_code(&draft.code)?;
    if find(tx, &draft.entity).await?.is_none() {
        return Err(Problem::invalid("/entity", "entity_unknown", "expected the code of an entity"));
    }
    if draft.languages.is_empty() || draft.languages.iter().any(|l| !model::language_ok(l)) {
        return Err(Problem::invalid(
            "/languages",
            "languages_malformed",
            "expected at least one language like en or pt-BR",
        ));
    }
    if draft.hue > 359 {
        return Err(Problem::invalid("/hue", "hue_out_of_range", "expected 0 to 359"));
    }
    if draft.mail_from.contains(['\r', '\n']) || !draft.mail_from.contains('@') {
        return Err(Problem::invalid(
            "/mail_from",
            "mail_from_malformed",
            "expected a sender like Name <name@host>",
        ));
    }
    let before = store::brand(tx, &draft.code).await?;
    if let Some(b) = &before {
        // Moving a brand between licences moves its clients' contracts: not an edit.
        if b.entity != draft.entity {
            return Err(Problem::invalid("/entity", "brand_moved", "a brand stays with its entity"));
        }
    }
    let after = Brand {
        version: draft.version + 1,
        host: draft.host.to_lowercase(),
        ..draft
    };
    store::put_brand(tx, &after, core.now()).await?;
    let doc = serde_json::to_value(&after)?;
    keep_version(tx, core, caller, "brand", &after.code, after.version, &doc, reason).await?;
    let before = before.map(serde_json::to_value).transpose()?;
    log(
        tx,
        core,
        caller,
        "brand.save",
        format!("brand:{}", after.code),
        Some(after.entity.clone()),
        before,
        doc,
        reason,
    )
    .await?;
    Ok(after)
}

pub async fn desk(tx: &mut Tx, code: &str) -> Result<Option<Desk>> {
    store::desk(tx, code).await
}

pub async fn desks(tx: &mut Tx) -> Result<Vec<Desk>> {
    store::desks(tx).await
}

pub async fn put_desk(tx: &mut Tx, core: &Core, caller: &Caller, draft: Desk, reason: &str) -> Result<Desk> {
    may_touch(caller, draft.entity.as_deref())?;
    must_be_code(&draft.code)?;
    if let Some(e) = &draft.entity
        && find(tx, e).await?.is_none()
    {
        return Err(Problem::invalid("/entity", "entity_unknown", "expected the code of an entity"));
    }
    let before = store::desk(tx, &draft.code).await?;
    let after = Desk {
        version: draft.version + 1,
        ..draft
    };
    store::put_desk(tx, &after, core.now()).await?;
    let doc = serde_json::to_value(&after)?;
    keep_version(tx, core, caller, "desk", &after.code, after.version, &doc, reason).await?;
    let before = before.map(serde_json::to_value).transpose()?;
    log(
        tx,
        core,
        caller,
        "desk.save",
        format!("desk:{}", after.code),
        after.entity.clone(),
        before,
        doc,
        reason,
    )
    .await?;
    Ok(after)
}

/// All kept versions of an `entity`, `brand`, `desk`, `rule_set` or `setting`, newest first.
pub async fn history(tx: &mut Tx, kind: &str, code: &str) -> Result<Vec<KeptVersion>> {
    store::history(tx, kind, code).await
}

/// What the entity's rule book said at a moment: the client file shows it as of a date.
pub async fn entity_as_of(tx: &mut Tx, code: &str, at: Ts) -> Result<Option<Entity>> {
    match store::version_as_of(tx, "entity", code, at).await? {
        None => Ok(None),
        Some(doc) => Ok(Some(serde_json::from_value(doc)?)),
    }
}

#[allow(clippy::too_many_arguments, reason = "the columns of one row")]
pub(crate) async fn keep_version(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    kind: &str,
    code: &str,
    version: i64,
    doc: &Value,
    reason: &str,
) -> Result<()> {
    store::keep(tx, kind, code, version, doc, &caller.id(), core.now(), reason).await
}

#[allow(clippy::too_many_arguments, reason = "the fields of one audit entry")]
async fn log(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    action: &'static str,
    object: String,
    entity: Option<String>,
    before: Option<Value>,
    after: Value,
    reason: &str,
) -> Result<()> {
    let reason = Some(reason.to_string()).filter(|r| !r.is_empty());
    audit::record(
        tx,
        core,
        audit::Entry {
            caller,
            action,
            object,
            client_id: None,
            entity,
            before,
            after: Some(after),
            reason,
            rule: None,
            seen: None,
        },
    )
    .await?;
    Ok(())
}

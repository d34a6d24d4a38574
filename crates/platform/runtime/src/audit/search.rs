//! Who did what, when: pages of the trail and the decisions about one thing, with the fields
//! covered that the reader may not see.

use super::{AuditId, store};
use crate::access::{Caller, Mask, Right, mask};
use qd_db::Tx;
use qd_kernel::{Page, PageRequest, Result, Ts};
use serde::Serialize;
use serde_json::Value;

#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    pub client_id: Option<String>,
    /// The actor's id: `stf_…`, `lgn_…`, `key_…`, `system:…`.
    pub person: Option<String>,
    pub object: Option<String>,
    pub action: Option<String>,
    pub from: Option<Ts>,
    /// Not itself included.
    pub until: Option<Ts>,
}

impl AuditFilter {
    /// One day in UTC.
    pub fn on_day(mut self, y: i64, m: u32, d: u32) -> Self {
        let start = Ts::from_ymd(y, m, d);
        self.from = Some(start);
        self.until = Some(start.plus_days(1));
        self
    }
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct AuditRow {
    pub id: AuditId,
    #[serde(rename = "at_us")]
    pub at: Ts,
    pub actor_kind: String,
    pub actor_id: String,
    pub actor_label: String,
    pub session_id: Option<String>,
    pub ip: Option<String>,
    pub device: Option<String>,
    pub action: String,
    pub object: String,
    pub client_id: Option<String>,
    pub entity: Option<String>,
    #[schema(required)]
    pub before: Option<Value>,
    #[schema(required)]
    pub after: Option<Value>,
    pub reason: Option<String>,
    pub rule: Option<String>,
    #[schema(required)]
    pub seen: Option<Value>,
    /// Its place in the chain; None in the second before it is sealed.
    pub position: Option<i64>,
    #[serde(skip)]
    seq: i64,
}

/// Newest first. Needs `audit.view`; shows rows of the caller's entities only (rows without an
/// entity to those who may enter all).
pub async fn search(tx: &mut Tx, caller: &Caller, f: &AuditFilter, page: &PageRequest) -> Result<Page<AuditRow>> {
    caller.require(Right::AuditView)?;
    let entities = caller.allowed_entities();
    let rows = store::search(tx, f, entities.as_deref(), page).await?;
    let rows = rows
        .into_iter()
        .map(|r| {
            let aml = r.action.starts_with("aml.") && !caller.sees(Mask::Aml);
            let doc = |v: Option<Value>| {
                v.map(|v| {
                    if aml {
                        Value::String(mask::COVERED.into())
                    } else {
                        mask::cover(caller, &v)
                    }
                })
            };
            AuditRow {
                id: r.id,
                at: r.at,
                actor_kind: r.actor_kind,
                actor_id: r.actor_id,
                actor_label: r.actor_label,
                session_id: r.session_id,
                ip: r.ip,
                device: r.device,
                action: r.action,
                object: r.object,
                client_id: r.client_id,
                entity: r.entity,
                before: doc(r.before),
                after: doc(r.after),
                reason: r.reason.map(|t| if aml { mask::COVERED.to_string() } else { t }),
                rule: r.rule,
                seen: doc(r.seen),
                position: r.position,
                seq: r.seq,
            }
        })
        .collect();
    Ok(page.finish(rows, |r: &AuditRow| r.seq.to_string()))
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Decision)]
pub struct DecisionRow {
    pub id: String,
    pub kind: String,
    pub subject: String,
    pub client_id: Option<String>,
    pub outcome: String,
    pub reasons: Vec<String>,
    pub rule: Option<String>,
    pub rule_version: Option<i64>,
    /// What was evaluated or shown then.
    pub inputs: Value,
    pub actor_id: String,
    pub actor_label: String,
    #[serde(rename = "at_us")]
    pub at: Ts,
    pub audit_id: AuditId,
}

/// The decisions about one thing, oldest first. The caller has already been allowed to see the
/// thing; what it may not see of the inputs is covered.
pub async fn decisions_of(tx: &mut Tx, caller: &Caller, subject: &str) -> Result<Vec<DecisionRow>> {
    let rows = store::decisions_of(tx, subject).await?;
    rows.into_iter()
        .filter(|d| caller.enters(d.entity.as_deref()))
        .map(|d| {
            let aml = (d.kind == "aml" || d.kind.starts_with("aml.")) && !caller.sees(Mask::Aml);
            Ok(DecisionRow {
                id: d.id,
                kind: d.kind,
                subject: d.subject,
                client_id: d.client_id,
                outcome: d.outcome,
                reasons: if aml { Vec::new() } else { serde_json::from_value(d.reasons)? },
                rule: d.rule,
                rule_version: d.rule_version,
                inputs: if aml {
                    Value::String(mask::COVERED.into())
                } else {
                    mask::cover(caller, &d.inputs)
                },
                actor_id: d.actor_id,
                actor_label: d.actor_label,
                at: d.at,
                audit_id: d.audit_id,
            })
        })
        .collect()
}

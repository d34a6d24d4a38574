//! The audit trail: who did what to what, from where, why, and what they could see then.
//!
//! [`record`] writes one row in the transaction of the change, with the hash of its content. The
//! [`Sealer`] chains rows in the order in which their commits became visible and signs checkpoints.
//! Triggers on both engines refuse to change or delete any of it; [`verify`] finds what somebody
//! with the power to drop triggers has done, with code that shares nothing with the writer.
//!
//! Canonical form of a row, the bytes that are hashed (SHA-256): the line `qd.audit.1`, then each
//! field in the order id, at (µs, decimal), actor_kind, actor_id, actor_label, session_id, ip,
//! device, action, object, client_id, entity, before, after, reason, rule, seen; an absent field is
//! `-` and a line feed, a present one its length in bytes in decimal, a colon, its UTF-8 bytes, a
//! line feed. Documents are hashed as the text that is stored, never serialised again. A decision
//! is hashed alike under `qd.decision.1`.
//!
//! Chain: h(0) is 32 zero bytes; h(n) = SHA-256(h(n-1) ‖ content hash of the n-th row).

mod canonical;
mod checkpoint;
mod sealer;
mod search;
mod store;
mod store_verify;
pub mod verify;

pub use canonical::chain;
pub use checkpoint::{AuditKey, Checkpoint};
pub use sealer::{Publish, Sealed, Sealer, SealerConfig};
pub use search::{AuditFilter, AuditRow, DecisionRow, decisions_of, search};
pub use verify::{Fault, Head, Trust, verify};

use crate::Core;
use crate::access::Caller;
use qd_db::Tx;
use qd_kernel::{Result, id};
use serde_json::{Value, json};

id!(AuditId, "aud", "A row of the audit trail.");
id!(DecisionId, "dcs", "A decision about somebody, with what was seen.");

/// One thing that was done.
#[derive(Debug)]
pub struct Entry<'a> {
    pub caller: &'a Caller,
    /// `noun.verb` in the past: "client.phone_changed".
    pub action: &'static str,
    /// "withdrawal:wdr_…"
    pub object: String,
    pub client_id: Option<String>,
    pub entity: Option<String>,
    /// The fields that changed, as they were.
    pub before: Option<Value>,
    /// The same fields, as they are now.
    pub after: Option<Value>,
    /// What the person gave as the reason.
    pub reason: Option<String>,
    /// What triggered it: "withdrawal.auto/small_trusted@3".
    pub rule: Option<String>,
    /// What the person could see when acting.
    pub seen: Option<Value>,
}

impl<'a> Entry<'a> {
    pub fn new(caller: &'a Caller, action: &'static str, object: impl Into<String>) -> Entry<'a> {
        Entry {
            caller,
            action,
            object: object.into(),
            client_id: None,
            entity: None,
            before: None,
            after: None,
            reason: None,
            rule: None,
            seen: None,
        }
    }
    pub fn client(mut self, id: impl Into<String>) -> Self {
        self.client_id = Some(id.into());
        self
    }
    pub fn entity(mut self, code: Option<String>) -> Self {
        self.entity = code;
        self
    }
    pub fn before(mut self, v: Value) -> Self {
        self.before = Some(v);
        self
    }
    pub fn after(mut self, v: Value) -> Self {
        self.after = Some(v);
        self
    }
    pub fn reason(mut self, text: impl Into<String>) -> Self {
        self.reason = Some(text.into());
        self
    }
    pub fn rule(mut self, text: impl Into<String>) -> Self {
        self.rule = Some(text.into());
        self
    }
    pub fn seen(mut self, v: Value) -> Self {
        self.seen = Some(v);
        self
    }
}

/// PostgreSQL keeps no NUL in text, so neither do we.
fn clean(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Writes the row, in the caller's transaction.
pub async fn record(tx: &mut Tx, core: &Core, e: Entry<'_>) -> Result<AuditId> {
    let id = AuditId::new(&core.env);
    let content = canonical::Content {
        id: id.to_string(),
        at: core.now().micros(),
        actor_kind: e.caller.kind().to_string(),
        actor_id: e.caller.id(),
        actor_label: clean(&e.caller.label()),
        session_id: e.caller.session.map(|s| s.to_string()),
        ip: e.caller.ip.as_deref().map(clean),
        device: e.caller.device.as_deref().map(clean),
        action: e.action.to_string(),
        object: clean(&e.object),
        client_id: e.client_id,
        entity: e.entity,
        before: e.before.map(|v| v.to_string()),
        after: e.after.map(|v| v.to_string()),
        reason: e.reason.as_deref().map(clean),
        rule: e.rule.as_deref().map(clean),
        seen: e.seen.map(|v| v.to_string()),
    };
    let hash = content.hash();
    store::insert_row(tx, content, hash).await?;
    Ok(id)
}

/// A decision about a person or their money, by a person or a rule.
#[derive(Debug)]
pub struct Decision<'a> {
    pub caller: &'a Caller,
    /// "kyc", "withdrawal", "lead.routing"
    pub kind: &'static str,
    /// "withdrawal:wdr_…"
    pub subject: String,
    pub client_id: Option<String>,
    pub entity: Option<String>,
    pub outcome: String,
    /// Reason codes.
    pub reasons: Vec<String>,
    /// The rule that decided, if one did.
    pub rule: Option<String>,
    pub rule_version: Option<i64>,
    /// Exactly what was evaluated or shown.
    pub inputs: Value,
}

/// Stores the decision with what was seen, and its audit row, which carries the decision's hash.
pub async fn decide(tx: &mut Tx, core: &Core, d: Decision<'_>) -> Result<DecisionId> {
    let id = DecisionId::new(&core.env);
    let content = canonical::DecisionContent {
        id: id.to_string(),
        kind: d.kind.to_string(),
        subject: clean(&d.subject),
        client_id: d.client_id.clone(),
        outcome: clean(&d.outcome),
        reasons: json!(d.reasons).to_string(),
        rule: d.rule.as_deref().map(clean),
        rule_version: d.rule_version,
        inputs: d.inputs.to_string(),
        actor_id: d.caller.id(),
        actor_label: clean(&d.caller.label()),
        at: core.now().micros(),
    };
    let after = json!({
        "decision": content.id,
        "kind": d.kind,
        "outcome": content.outcome,
        "reasons": d.reasons,
        "sha256": hex::encode(content.hash()),
    });
    let rule = content.rule.as_ref().map(|r| match d.rule_version {
        Some(v) => format!("{r}@{v}"),
        None => r.clone(),
    });
    let audit_id = record(
        tx,
        core,
        Entry {
            client_id: d.client_id,
            entity: d.entity,
            after: Some(after),
            rule,
            ..Entry::new(d.caller, "decision.made", d.subject)
        },
    )
    .await?;
    store::insert_decision(tx, content, audit_id).await?;
    Ok(id)
}

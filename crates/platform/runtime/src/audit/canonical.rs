//! The canonical bytes of a row and what is hashed over them (the module's head says the form).

use sha2::{Digest, Sha256};

pub(super) struct Content {
    pub id: String,
    pub at: i64,
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
    pub before: Option<String>,
    pub after: Option<String>,
    pub reason: Option<String>,
    pub rule: Option<String>,
    pub seen: Option<String>,
}

struct Form(Sha256);

impl Form {
    fn new(head: &'static str) -> Form {
        let mut h = Sha256::new();
        h.update(head.as_bytes());
        h.update(b"\n");
        Form(h)
    }
    fn text(&mut self, s: &str) {
        self.0.update(s.len().to_string().as_bytes());
        self.0.update(b":");
        self.0.update(s.as_bytes());
        self.0.update(b"\n");
    }
    fn maybe(&mut self, s: Option<&str>) {
        match s {
            Some(s) => self.text(s),
            None => self.0.update(b"-\n"),
        }
    }
    fn end(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

impl Content {
    pub(super) fn hash(&self) -> [u8; 32] {
        let mut f = Form::new("qd.audit.1");
        f.text(&self.id);
        f.text(&self.at.to_string());
        f.text(&self.actor_kind);
        f.text(&self.actor_id);
        f.text(&self.actor_label);
        f.maybe(self.session_id.as_deref());
        f.maybe(self.ip.as_deref());
        f.maybe(self.device.as_deref());
        f.text(&self.action);
        f.text(&self.object);
        f.maybe(self.client_id.as_deref());
        f.maybe(self.entity.as_deref());
        f.maybe(self.before.as_deref());
        f.maybe(self.after.as_deref());
        f.maybe(self.reason.as_deref());
        f.maybe(self.rule.as_deref());
        f.maybe(self.seen.as_deref());
        f.end()
    }
}

pub(super) struct DecisionContent {
    pub id: String,
    pub kind: String,
    pub subject: String,
    pub client_id: Option<String>,
    pub outcome: String,
    pub reasons: String,
    pub rule: Option<String>,
    pub rule_version: Option<i64>,
    pub inputs: String,
    pub actor_id: String,
    pub actor_label: String,
    pub at: i64,
}

impl DecisionContent {
    pub(super) fn hash(&self) -> [u8; 32] {
        let mut f = Form::new("qd.decision.1");
        f.text(&self.id);
        f.text(&self.kind);
        f.text(&self.subject);
        f.maybe(self.client_id.as_deref());
        f.text(&self.outcome);
        f.text(&self.reasons);
        f.maybe(self.rule.as_deref());
        f.maybe(self.rule_version.map(|v| v.to_string()).as_deref());
        f.text(&self.inputs);
        f.text(&self.actor_id);
        f.text(&self.actor_label);
        f.text(&self.at.to_string());
        f.end()
    }
}

/// The next link.
pub fn chain(previous: &[u8; 32], content: &[u8; 32]) -> [u8; 32] {
    let mut h = Sha256::new();
    h.update(previous);
    h.update(content);
    h.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by hand with another program, not by this code.
    #[test]
    fn the_chain_of_three_known_entries_has_the_known_heads() {
        let entries = [
            r#"{"seq":1,"actor":"u:7","action":"kyc.approve","at":"2026-11-20T07:00:00Z"}"#,
            r#"{"seq":2,"actor":"u:9","action":"withdrawal.approve","at":"2026-11-20T07:00:01Z"}"#,
            r#"{"seq":3,"actor":"u:7","action":"kyc.revoke","at":"2026-11-20T07:00:02Z"}"#,
        ];
        let heads = [
            "a2b62c3645c5cdc48cce1ef7556830e277a819bb57bdfd6f5f14c60a1c8cc0da",
            "ff0369d06507eab7987eaf678dee4f6ae1b7f819bf469bb3ef3c49150846c760",
            "01a7ed66d585846e238881bb210ef2152577c9fc5a927ec1f553d3f1da50f6f5",
        ];
        let mut h = [0; 32];
        for (entry, head) in entries.iter().zip(heads) {
            h = chain(&h, &Sha256::digest(entry.as_bytes()).into());
            assert_eq!(hex::encode(h), head);
        }
    }
}

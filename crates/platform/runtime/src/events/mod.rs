//! What happened, written in the transaction that made it happen.
//!
//! Order is promised per aggregate: change the aggregate's row (its conditional update is its lock)
//! before publishing, so that of two transactions on one aggregate the second inserts after the
//! first has committed. Positions are given after the commit, to the rows that are visible, in the
//! order of insertion; a number once given stays. Readers follow `position` and miss nothing;
//! `seq` has gaps on PostgreSQL until slower transactions commit.

mod store;

pub use store::{any_unplaced, head, page, place_new, since};

use crate::Core;
use qd_db::{FromRow, Row, Tx};
use qd_kernel::{Result, Ts, id};
use serde::{Deserialize, Serialize};
use serde_json::Value;

id!(EventId, "evt", "An event in the outbox.");

/// An event about to be written.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// `deposit.received`: noun, dot, past tense or `state`.
    pub kind: &'static str,
    /// What it happened to, kind and id: `deposit:dep_…`. Order holds within one aggregate.
    pub aggregate: String,
    /// The legal entity it belongs to, for those who may see only some.
    pub entity: Option<String>,
    pub payload: Value,
}

/// An event as its readers get it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    pub id: EventId,
    /// 1, 2, 3, … without gaps.
    pub position: i64,
    pub kind: String,
    pub aggregate: String,
    pub entity: Option<String>,
    pub payload: Value,
    /// When it was published, UTC microseconds.
    pub at: Ts,
}

impl FromRow for Event {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Event {
            id: row.get(0, "id")?,
            position: row.get(1, "position")?,
            kind: row.get(2, "kind")?,
            aggregate: row.get(3, "aggregate")?,
            entity: row.get(4, "entity")?,
            payload: row.get(5, "payload")?,
            at: row.get(6, "at")?,
        })
    }
}

impl Event {
    /// A text field of the payload; an event without it is a bug of its publisher.
    pub fn text(&self, key: &str) -> Result<&str> {
        self.payload
            .get(key)
            .and_then(Value::as_str)
            .ok_or_else(|| qd_kernel::Problem::bug("event_field_missing", format!("event {} has no text {key}", self.kind)))
    }

    /// Whether the kind fits one of the patterns: the kind itself, `deposit.*`, or `*`.
    pub fn is_one_of(&self, patterns: &[&str]) -> bool {
        patterns.iter().any(|p| fits(&self.kind, p))
    }
}

pub(crate) fn fits(kind: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => kind.starts_with(start),
        None => kind == pattern,
    }
}

/// Writes the event; subscribers hear of it once this transaction has committed.
pub async fn publish(tx: &mut Tx, core: &Core, ev: NewEvent) -> Result<EventId> {
    let id = EventId::new(&core.env);
    store::insert(tx, id, &ev, core.now()).await?;
    let bell = core.wake.outbox.clone();
    tx.on_commit(move || bell.notify_one());
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_pattern_is_a_kind_a_family_or_everything() {
        assert!(fits("deposit.state", "deposit.state"));
        assert!(fits("deposit.state", "deposit.*"));
        assert!(fits("deposit.state", "*"));
        assert!(!fits("deposit.state", "deposit"));
        assert!(!fits("deposit.state", "dep.*"));
    }
}

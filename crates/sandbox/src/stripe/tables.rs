//! One account's objects, in memory with write-through to the books. An object is its JSON as the
//! API shows it (`o`) beside what the API never shows (`x`: a card's number, a settlement mark).

use crate::store::{Batch, Books};
use qd_kernel::Result;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// Order of making over all tables of the account.
    pub seq: u64,
    pub o: Value,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub x: Map<String, Value>,
}

#[derive(Default)]
struct Table {
    rows: HashMap<String, Row>,
    order: BTreeMap<u64, String>,
    /// Secondary indexes: the value of one of [`INDEXED`] to the rows that carry it.
    by: HashMap<(&'static str, String), BTreeSet<u64>>,
}

/// Fields that lists filter by often enough to deserve an index.
const INDEXED: [&str; 4] = ["payment_intent", "charge", "customer", "source"];

/// Tables by name. Everything of the account that must survive a restart is a row of one of them.
pub const CUSTOMERS: &str = "customer";
pub const METHODS: &str = "payment_method";
pub const INTENTS: &str = "payment_intent";
pub const CHARGES: &str = "charge";
pub const REFUNDS: &str = "refund";
pub const DISPUTES: &str = "dispute";
pub const BALANCE: &str = "balance_transaction";
pub const PAYOUTS: &str = "payout";
pub const SESSIONS: &str = "checkout.session";
pub const EVENTS: &str = "event";
pub const ENDPOINTS: &str = "webhook_endpoint";
pub const OUTBOUND: &str = "v2.money_management.outbound_payment";
pub const THIN_EVENTS: &str = "v2.core.event";
/// Saved answers by idempotency key.
pub const KEYS: &str = "idempotency_key";
/// Webhooks still to be delivered.
pub const DELIVERIES: &str = "delivery";
/// What the account does by itself later.
pub const JOBS: &str = "job";

pub const ALL: [&str; 16] = [
    CUSTOMERS,
    METHODS,
    INTENTS,
    CHARGES,
    REFUNDS,
    DISPUTES,
    BALANCE,
    PAYOUTS,
    SESSIONS,
    EVENTS,
    ENDPOINTS,
    OUTBOUND,
    THIN_EVENTS,
    KEYS,
    DELIVERIES,
    JOBS,
];

pub struct Tables {
    connection: String,
    tables: HashMap<&'static str, Table>,
    next_seq: u64,
    /// Changed since the last [`Tables::flush`].
    dirty: BTreeSet<(&'static str, String)>,
}

impl Tables {
    pub fn load(connection: &str, books: &Books) -> Result<Tables> {
        let mut t = Tables {
            connection: connection.into(),
            tables: HashMap::new(),
            next_seq: 1,
            dirty: BTreeSet::new(),
        };
        for name in ALL {
            for (id, row) in books.load::<Row>(&t.kind(name))? {
                t.next_seq = t.next_seq.max(row.seq + 1);
                t.insert(name, &id, row);
            }
        }
        Ok(t)
    }

    fn kind(&self, table: &str) -> String {
        format!("stripe/{}/{table}", self.connection)
    }

    fn insert(&mut self, table: &'static str, id: &str, row: Row) {
        let t = self.tables.entry(table).or_default();
        for f in INDEXED {
            let old = t.rows.get(id).and_then(|r| r.o.get(f)).and_then(Value::as_str).map(str::to_string);
            let new = row.o.get(f).and_then(Value::as_str);
            if old.as_deref() != new {
                if let Some(set) = old.and_then(|o| t.by.get_mut(&(f, o))) {
                    set.remove(&row.seq);
                }
                if let Some(n) = new {
                    t.by.entry((f, n.to_string())).or_default().insert(row.seq);
                }
            }
        }
        t.order.insert(row.seq, id.to_string());
        t.rows.insert(id.to_string(), row);
    }

    pub fn get(&self, table: &'static str, id: &str) -> Option<&Value> {
        self.row(table, id).map(|r| &r.o)
    }

    pub fn row(&self, table: &'static str, id: &str) -> Option<&Row> {
        self.tables.get(table)?.rows.get(id)
    }

    /// What the API never shows about an object.
    pub fn hidden(&self, table: &'static str, id: &str, key: &str) -> Option<&Value> {
        self.row(table, id)?.x.get(key)
    }

    /// Makes or replaces an object; its hidden part stays.
    pub fn put(&mut self, table: &'static str, id: &str, o: Value) {
        let (seq, x) = match self.row(table, id) {
            Some(r) => (r.seq, r.x.clone()),
            None => {
                self.next_seq += 1;
                (self.next_seq - 1, Map::new())
            }
        };
        self.insert(table, id, Row { seq, o, x });
        self.dirty.insert((table, id.to_string()));
    }

    /// Changes an object in place.
    pub fn edit(&mut self, table: &'static str, id: &str, change: impl FnOnce(&mut Map<String, Value>)) -> Option<Value> {
        let mut o = self.get(table, id)?.clone();
        change(o.as_object_mut()?);
        self.put(table, id, o.clone());
        Some(o)
    }

    pub fn hide(&mut self, table: &'static str, id: &str, key: &str, value: impl Into<Value>) {
        if let Some(r) = self.tables.get_mut(table).and_then(|t| t.rows.get_mut(id)) {
            r.x.insert(key.into(), value.into());
            self.dirty.insert((table, id.to_string()));
        }
    }

    pub fn remove(&mut self, table: &'static str, id: &str) {
        let Some(t) = self.tables.get_mut(table) else { return };
        if let Some(r) = t.rows.remove(id) {
            t.order.remove(&r.seq);
            for f in INDEXED {
                if let Some(v) = r.o.get(f).and_then(Value::as_str)
                    && let Some(set) = t.by.get_mut(&(f, v.to_string()))
                {
                    set.remove(&r.seq);
                }
            }
            self.dirty.insert((table, id.to_string()));
        }
    }

    /// Rows from the oldest to the newest; reverse it for the API's order.
    pub fn rows(&self, table: &'static str) -> impl DoubleEndedIterator<Item = (&String, &Row)> {
        self.tables
            .get(table)
            .into_iter()
            .flat_map(|t| t.order.values().filter_map(|id| t.rows.get(id).map(|r| (id, r))))
    }

    /// Rows whose `field` (one of [`INDEXED`]) is `value`, oldest first.
    pub fn rows_by(&self, table: &'static str, field: &'static str, value: &str) -> Vec<&Row> {
        let Some(t) = self.tables.get(table) else { return Vec::new() };
        let Some(set) = t.by.get(&(field, value.to_string())) else {
            return Vec::new();
        };
        set.iter().filter_map(|s| t.order.get(s).and_then(|id| t.rows.get(id))).collect()
    }

    pub fn is_indexed(field: &str) -> Option<&'static str> {
        INDEXED.into_iter().find(|f| *f == field)
    }

    /// Writes what changed in one transaction.
    pub fn flush(&mut self, books: &Books) -> Result<()> {
        if self.dirty.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::default();
        for (table, id) in &self.dirty {
            match self.row(table, id) {
                Some(r) => batch.put(&self.kind(table), id, r)?,
                None => batch.remove(&self.kind(table), id),
            }
        }
        books.write(batch)?;
        self.dirty.clear();
        Ok(())
    }
}

/// Reading fields of an object that the sandbox itself has written.
pub trait Fields {
    fn text(&self, key: &str) -> &str;
    fn num(&self, key: &str) -> i64;
    fn is(&self, key: &str, value: &str) -> bool {
        self.text(key) == value
    }
}

impl Fields for Value {
    fn text(&self, key: &str) -> &str {
        self.get(key).and_then(Value::as_str).unwrap_or_default()
    }
    fn num(&self, key: &str) -> i64 {
        self.get(key).and_then(Value::as_i64).unwrap_or_default()
    }
}

//! An account at a provider: its objects behind one lock, written through to the books.

use super::RailConfig;
use crate::Shared;
use crate::store::{Batch, Books};
use crate::stripe::Fields;
use qd_kernel::{Result, Ts};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard};
use tokio::sync::Notify;

/// What the provider will do by itself.
pub(super) const JOBS: &str = "job";
/// Answers given to idempotency keys.
const KEYS: &str = "key";

pub struct Account {
    pub cfg: RailConfig,
    tables: Mutex<Tables>,
    /// Something new may be due.
    pub(super) wake: Notify,
}

impl Account {
    pub(super) fn open(cfg: &RailConfig, books: &Books) -> Result<Account> {
        Ok(Account {
            cfg: cfg.clone(),
            tables: Mutex::new(Tables::load(cfg, books)?),
            wake: Notify::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(|p| p.into_inner())
    }

    /// Carries `f` out under the lock and writes what it changed, in one transaction; wakes the deliverer.
    pub(super) fn run<R>(&self, shared: &Shared, f: impl FnOnce(&mut Op<'_>) -> R) -> R {
        let r = self.run_quietly(shared, f);
        self.wake.notify_one();
        r
    }

    pub(super) fn run_quietly<R>(&self, shared: &Shared, f: impl FnOnce(&mut Op<'_>) -> R) -> R {
        let mut tables = self.lock();
        let mut op = Op {
            t: &mut tables,
            cfg: &self.cfg,
            shared,
            now: shared.env.now(),
        };
        let r = f(&mut op);
        if let Err(e) = tables.flush(&shared.books) {
            // The change stays in memory and marked; the next flush tries again.
            tracing::error!(connection = %self.cfg.connection, error = %e, "the sandbox could not write a provider's books");
        }
        r
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    /// Order of making over all tables of the account.
    seq: u64,
    o: Value,
}

#[derive(Default)]
struct Table {
    rows: HashMap<String, Row>,
    order: BTreeMap<u64, String>,
}

/// Tables by name; each comes into being with its first row.
pub struct Tables {
    kind: String,
    tables: HashMap<String, Table>,
    next_seq: u64,
    dirty: BTreeSet<(String, String)>,
}

impl Tables {
    fn load(cfg: &RailConfig, books: &Books) -> Result<Tables> {
        let mut t = Tables {
            kind: format!("rail/{}/{}", cfg.provider, cfg.connection),
            tables: HashMap::new(),
            next_seq: 1,
            dirty: BTreeSet::new(),
        };
        for (id, row) in books.load::<Row>(&t.kind)? {
            t.next_seq = t.next_seq.max(row.seq + 1);
            let (table, id) = id.split_once('/').unwrap_or(("", &id));
            t.insert(table, id, row);
        }
        Ok(t)
    }

    fn insert(&mut self, table: &str, id: &str, row: Row) {
        let t = self.tables.entry(table.to_string()).or_default();
        t.order.insert(row.seq, id.to_string());
        t.rows.insert(id.to_string(), row);
    }

    fn row(&self, table: &str, id: &str) -> Option<&Row> {
        self.tables.get(table)?.rows.get(id)
    }

    fn flush(&mut self, books: &Books) -> Result<()> {
        let mut batch = Batch::default();
        for (table, id) in &self.dirty {
            let key = format!("{table}/{id}");
            match self.row(table, id) {
                Some(r) => batch.put(&self.kind, key, r)?,
                None => batch.remove(&self.kind, key),
            }
        }
        books.write(batch)?;
        self.dirty.clear();
        Ok(())
    }
}

/// One operation on an account: its view of the objects, of time and chance. Everything it does
/// happens under the account's lock and reaches the books in one transaction.
pub struct Op<'a> {
    t: &'a mut Tables,
    pub cfg: &'a RailConfig,
    pub shared: &'a Shared,
    pub now: Ts,
}

impl Op<'_> {
    pub fn get(&self, table: &str, id: &str) -> Option<&Value> {
        self.t.row(table, id).map(|r| &r.o)
    }

    /// Makes or replaces an object.
    pub fn put(&mut self, table: &str, id: &str, o: Value) {
        let seq = self.seq(table, id).unwrap_or_else(|| {
            self.t.next_seq += 1;
            self.t.next_seq - 1
        });
        self.t.insert(table, id, Row { seq, o });
        self.t.dirty.insert((table.to_string(), id.to_string()));
    }

    /// Changes an object that is known to exist and gives its new state.
    pub fn edit(&mut self, table: &str, id: &str, change: impl FnOnce(&mut Map<String, Value>)) -> Value {
        let Some(mut o) = self.get(table, id).cloned() else {
            return Value::Null;
        };
        if let Some(m) = o.as_object_mut() {
            change(m);
        }
        self.put(table, id, o.clone());
        o
    }

    /// Sets one field of an object that is known to exist and gives the object.
    pub fn set(&mut self, table: &str, id: &str, field: &str, value: impl Into<Value>) -> Value {
        self.edit(table, id, |m| {
            m.insert(field.into(), value.into());
        })
    }

    pub fn remove(&mut self, table: &str, id: &str) {
        if let Some(t) = self.t.tables.get_mut(table)
            && let Some(r) = t.rows.remove(id)
        {
            t.order.remove(&r.seq);
            self.t.dirty.insert((table.to_string(), id.to_string()));
        }
    }

    /// From the oldest to the newest.
    pub fn rows(&self, table: &str) -> impl DoubleEndedIterator<Item = (&str, &Value)> {
        self.t
            .tables
            .get(table)
            .into_iter()
            .flat_map(|t| t.order.values().filter_map(|id| t.rows.get(id).map(|r| (id.as_str(), &r.o))))
    }

    /// The newest that fits: its id and a copy.
    pub fn find(&self, table: &str, fits: impl Fn(&Value) -> bool) -> Option<(String, Value)> {
        self.rows(table)
            .rev()
            .find(|(_, o)| fits(o))
            .map(|(id, o)| (id.to_string(), o.clone()))
    }

    /// Order of making.
    pub fn seq(&self, table: &str, id: &str) -> Option<u64> {
        self.t.row(table, id).map(|r| r.seq)
    }

    fn chars(&self, prefix: &str, len: usize, of: &[u8]) -> String {
        let mut id = String::with_capacity(prefix.len() + len);
        id.push_str(prefix);
        for _ in 0..len {
            let n = self.shared.env.entropy.below(u64::try_from(of.len()).unwrap_or(1));
            id.push(char::from(of[usize::try_from(n).unwrap_or(0)]));
        }
        id
    }

    /// `prefix` and `len` letters and digits.
    pub fn token(&self, prefix: &str, len: usize) -> String {
        self.chars(prefix, len, b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
    }

    /// `len` digits, the first of them not 0.
    pub fn digits(&self, len: usize) -> String {
        format!(
            "{}{}",
            self.chars("", 1, b"123456789"),
            self.chars("", len.saturating_sub(1), b"0123456789")
        )
    }

    /// `len` lower-case hexadecimal digits.
    pub fn hex(&self, len: usize) -> String {
        self.chars("", len, b"0123456789abcdef")
    }

    /// A version 4 UUID.
    pub fn uuid(&self) -> String {
        let h = self.hex(32);
        let variant = self.chars("", 1, b"89ab");
        format!("{}-{}-4{}-{variant}{}-{}", &h[..8], &h[8..12], &h[13..16], &h[17..20], &h[20..])
    }

    /// A setting of the account, empty when there is none.
    pub fn setting(&self, name: &str) -> &str {
        self.cfg.settings.get(name).map_or("", String::as_str)
    }

    pub fn secret(&self, name: &str) -> &str {
        self.cfg.secrets.get(name).map_or("", String::as_str)
    }

    /// The account's own address in the sandbox; `path` begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!(
            "{}/{}/{}{path}",
            self.shared.cfg.public_base, self.cfg.provider, self.cfg.connection
        )
    }

    /// The hosted page of a payment.
    pub fn page_url(&self, id: &str) -> String {
        self.url(&format!("/hosted/{id}"))
    }

    /// Where the merchant's configuration wants callbacks.
    pub fn hook_url(&self) -> String {
        format!("{}/hooks/{}/{}", self.shared.cfg.hook_base, self.cfg.provider, self.cfg.connection)
    }

    /// Has the provider do `kind` to `object` in `secs` seconds ([`super::Rail::due`]).
    pub fn later(&mut self, kind: &str, object: &str, secs: i64) {
        let at = self.now.plus_secs(secs).micros();
        self.put(JOBS, &format!("{kind}:{object}"), json!({"kind": kind, "object": object, "at": at}));
    }

    /// The answer given to this idempotency key within `life_secs`, with the mark of what was asked.
    pub fn answered(&self, key: &str, life_secs: i64) -> Option<(String, Value)> {
        let k = self.get(KEYS, key)?;
        (self.now.secs_since(Ts(k.num("at"))) < life_secs).then(|| (k.text("asked").to_string(), k["answer"].clone()))
    }

    /// Keeps an answer under an idempotency key; `asked` is a mark of the request, to compare.
    pub fn keep_answer(&mut self, key: &str, asked: &str, answer: &Value) {
        let at = self.now.micros();
        self.put(KEYS, key, json!({"asked": asked, "answer": answer, "at": at}));
    }
}

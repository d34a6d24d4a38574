//! The books on disk: one key-value table, written through. The counterparties keep their working
//! copy in memory and load it from here at start, so a second start finds everything again.

use qd_kernel::{Problem, Result};
use rusqlite::{Connection, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};

pub struct Books(Mutex<Connection>);

/// Changes that reach the disk together or not at all.
#[derive(Default)]
pub struct Batch(Vec<Change>);

enum Change {
    Put { kind: String, id: String, json: String },
    Remove { kind: String, id: String },
}

impl Batch {
    pub fn put<T: Serialize + ?Sized>(&mut self, kind: &str, id: impl ToString, value: &T) -> Result<()> {
        let json = serde_json::to_string(value)?;
        self.0.push(Change::Put {
            kind: kind.into(),
            id: id.to_string(),
            json,
        });
        Ok(())
    }
    pub fn remove(&mut self, kind: &str, id: impl ToString) {
        self.0.push(Change::Remove {
            kind: kind.into(),
            id: id.to_string(),
        });
    }
}

impl Books {
    /// `dir/sandbox.db`, made when missing; in memory without a folder.
    pub fn open(dir: Option<&Path>) -> Result<Books> {
        let conn = match dir {
            None => Connection::open_in_memory().map_err(failed)?,
            Some(d) => {
                std::fs::create_dir_all(d).map_err(failed)?;
                Connection::open(d.join("sandbox.db")).map_err(failed)?
            }
        };
        conn.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000;
             CREATE TABLE IF NOT EXISTS books (kind TEXT NOT NULL, id TEXT NOT NULL, json TEXT NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID;",
        )
        .map_err(failed)?;
        Ok(Books(Mutex::new(conn)))
    }

    pub fn put<T: Serialize + ?Sized>(&self, kind: &str, id: impl ToString, value: &T) -> Result<()> {
        let mut b = Batch::default();
        b.put(kind, id, value)?;
        self.write(b)
    }

    pub fn remove(&self, kind: &str, id: impl ToString) -> Result<()> {
        let mut b = Batch::default();
        b.remove(kind, id);
        self.write(b)
    }

    /// All changes of a batch in one transaction.
    pub fn write(&self, batch: Batch) -> Result<()> {
        if batch.0.is_empty() {
            return Ok(());
        }
        let mut conn = self.lock();
        let tx = conn.transaction().map_err(failed)?;
        {
            let mut put = tx
                .prepare_cached(
                    "INSERT INTO books (kind, id, json) VALUES (?1, ?2, ?3) ON CONFLICT (kind, id) DO UPDATE SET json = excluded.json",
                )
                .map_err(failed)?;
            let mut del = tx.prepare_cached("DELETE FROM books WHERE kind = ?1 AND id = ?2").map_err(failed)?;
            for c in &batch.0 {
                match c {
                    Change::Put { kind, id, json } => put.execute(params![kind, id, json]),
                    Change::Remove { kind, id } => del.execute(params![kind, id]),
                }
                .map_err(failed)?;
            }
        }
        tx.commit().map_err(failed)
    }

    pub fn get<T: DeserializeOwned>(&self, kind: &str, id: impl ToString) -> Result<Option<T>> {
        let conn = self.lock();
        let mut q = conn
            .prepare_cached("SELECT json FROM books WHERE kind = ?1 AND id = ?2")
            .map_err(failed)?;
        let mut rows = q.query(params![kind, id.to_string()]).map_err(failed)?;
        match rows.next().map_err(failed)? {
            None => Ok(None),
            Some(r) => Ok(Some(serde_json::from_str(&r.get::<_, String>(0).map_err(failed)?)?)),
        }
    }

    /// Every record of a kind as (id, value), in the order of the id's text.
    pub fn load<T: DeserializeOwned>(&self, kind: &str) -> Result<Vec<(String, T)>> {
        let conn = self.lock();
        let mut q = conn
            .prepare_cached("SELECT id, json FROM books WHERE kind = ?1 ORDER BY id")
            .map_err(failed)?;
        let mut rows = q.query(params![kind]).map_err(failed)?;
        let mut out = Vec::new();
        while let Some(r) = rows.next().map_err(failed)? {
            let json: String = r.get(1).map_err(failed)?;
            out.push((r.get(0).map_err(failed)?, serde_json::from_str(&json)?));
        }
        Ok(out)
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(|p| p.into_inner())
    }
}

fn failed(e: impl std::fmt::Display) -> Problem {
    Problem::unavailable("sandbox_books", "the sandbox's books cannot be read or written").with_source(e)
}

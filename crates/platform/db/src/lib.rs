//! Two engines, one text: embedded SQLite and PostgreSQL behind one [`Db`] and one [`Tx`].
//!
//! - [`Db::write`] runs an async closure in a transaction. On SQLite the closure travels to the one
//!   writer thread, which runs many waiting closures in one transaction, each in its own savepoint,
//!   and answers all of them after one flush (group commit). There the closure never waits; one that
//!   awaits anything but the transaction is refused. On PostgreSQL it runs on a pooled connection in
//!   READ COMMITTED and is run again when the server reports 40001 or 40P01: it must have no effect
//!   outside the transaction (use [`Tx::on_commit`]).
//! - [`Db::read`] runs an async closure on a read-only snapshot.
//! - A statement is a [`Sql`], made only by `sql!` from one literal, with parameters `$1, $2, …`.
//!   A test prepares every one of them on both engines.
//!
//! After a statement has failed, PostgreSQL refuses the rest of the transaction; so does a portable
//! program: return the problem. For "insert unless there" use ON CONFLICT and count the rows.

mod error;
mod lite;
mod migrate;
mod pg;
mod query;
mod tx;

pub use error::{CHECK, RETRY, UNIQUE};
pub use migrate::{MIGRATIONS, Migration};
pub use query::Query;
pub use tx::{FromRow, Row, Tx};

use qd_kernel::{Problem, Result};
use std::path::PathBuf;
use std::sync::Arc;

/// One statement: a literal, the same for both engines.
#[derive(Clone, Copy, Debug)]
pub struct Sql(&'static str);

impl Sql {
    #[doc(hidden)]
    pub const fn from_macro(text: &'static str) -> Sql {
        Sql(text)
    }
    pub const fn text(self) -> &'static str {
        self.0
    }
}

/// The one way to a statement; `cargo xtask check` allows it in stores only.
#[macro_export]
macro_rules! sql {
    ($text:literal) => {
        $crate::Sql::from_macro($text)
    };
}

/// A struct read from a row by position, in the order of its fields:
/// `row! { pub struct Hold { pub id: HoldId, pub amount_minor: i64 } }`.
#[macro_export]
macro_rules! row {
    ($(#[$m:meta])* $vis:vis struct $name:ident { $($(#[$fm:meta])* $fvis:vis $field:ident : $ty:ty),+ $(,)? }) => {
        $(#[$m])*
        $vis struct $name { $($(#[$fm])* $fvis $field: $ty),+ }

        impl $crate::FromRow for $name {
            fn from_row(row: &$crate::Row<'_>) -> ::qd_kernel::Result<Self> {
                let mut at = 0usize;
                let mut next = || { at += 1; at - 1 };
                Ok($name { $($field: row.get(next(), stringify!($field))?),+ })
            }
        }
    };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    pub const fn name(self) -> &'static str {
        match self {
            Engine::Sqlite => "sqlite",
            Engine::Postgres => "postgres",
        }
    }
}

#[derive(Clone, Debug)]
pub enum DbConfig {
    Sqlite {
        path: PathBuf,
        /// False only in the control run of the power-cut harness: commits are not flushed.
        durable: bool,
    },
    Postgres {
        /// `postgres://user:password@host:port/database`
        url: qd_kernel::Secret,
        max_connections: usize,
    },
}

#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

enum Inner {
    Lite(lite::Lite),
    Pg(pg::Pg),
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Db({})", self.engine().name())
    }
}

/// How often a transaction is run again after 40001/40P01 before the caller hears of it.
pub const MAX_RETRIES: u32 = 10;

impl Db {
    /// Opens without migrating.
    pub async fn open(config: &DbConfig) -> Result<Db> {
        let inner = match config {
            DbConfig::Sqlite { path, durable } => Inner::Lite(lite::Lite::open(path, *durable)?),
            DbConfig::Postgres { url, max_connections } => Inner::Pg(pg::Pg::open(url, *max_connections).await?),
        };
        Ok(Db { inner: Arc::new(inner) })
    }

    pub fn engine(&self) -> Engine {
        match &*self.inner {
            Inner::Lite(_) => Engine::Sqlite,
            Inner::Pg(_) => Engine::Postgres,
        }
    }

    /// Runs `f` in a transaction and commits when it returns Ok. On success everything `f` wrote is
    /// durable; on Err nothing of it is there.
    pub async fn write<T, F>(&self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx) -> Result<T> + Send + Sync + 'static,
    {
        match &*self.inner {
            Inner::Lite(l) => l.write(f).await,
            Inner::Pg(p) => p.run(f, true).await,
        }
    }

    /// Runs `f` on one read-only snapshot. On SQLite in place, without a thread hop: for short,
    /// indexed reads. Long ones go through [`Db::read_long`].
    pub async fn read<T, F>(&self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx) -> Result<T> + Send + Sync + 'static,
    {
        match &*self.inner {
            Inner::Lite(l) => l.read(&f),
            Inner::Pg(p) => p.run(f, false).await,
        }
    }

    /// Like [`Db::read`], off the request threads: exports, verification, reports.
    pub async fn read_long<T, F>(&self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx) -> Result<T> + Send + Sync + 'static,
    {
        match &*self.inner {
            Inner::Lite(_) => {
                let me = self.clone();
                tokio::task::spawn_blocking(move || match &*me.inner {
                    Inner::Lite(l) => l.read(&f),
                    Inner::Pg(_) => Err(Problem::bug("db_engine_changed", "the engine cannot change")),
                })
                .await
                .map_err(|e| Problem::bug("db_read_panicked", "a long read panicked").with_source(e))?
            }
            Inner::Pg(p) => p.run(f, false).await,
        }
    }

    /// Applies the migrations that are missing, in order; refuses a database whose applied ones
    /// differ from this binary's.
    pub async fn migrate(&self) -> Result<u32> {
        migrate::run(self).await
    }

    /// How many migrations this database lacks; looks only.
    pub async fn pending_migrations(&self) -> Result<usize> {
        migrate::pending(self).await
    }

    /// How many transactions were committed with how many flushes since opening (SQLite; zeros on
    /// PostgreSQL, which counts for itself).
    pub fn commit_counts(&self) -> (u64, u64) {
        match &*self.inner {
            Inner::Lite(l) => l.counts(),
            Inner::Pg(_) => (0, 0),
        }
    }

    /// Runs a script of several statements without parameters: migrations and test set-up.
    #[doc(hidden)]
    pub async fn run_script(&self, sqlite: &'static str, postgres: &'static str) -> Result<()> {
        self.write(async move |tx| tx.script(sqlite, postgres).await).await
    }
}

/// The layer's own statements.
mod sql_internal {
    use crate::Sql;
    pub const LOCK: Sql = Sql::from_macro("UPDATE schema_migrations SET name = 'start' WHERE number = 0");
    pub const LIST: Sql = Sql::from_macro("SELECT number, name, mark FROM schema_migrations ORDER BY number");
    pub const SERVER_PROCESS: Sql = Sql::from_macro("SELECT CAST(pg_backend_pid() AS BIGINT)");
    pub const DONE: Sql = Sql::from_macro("INSERT INTO schema_migrations (number, name, mark) VALUES ($1, $2, $3)");
}

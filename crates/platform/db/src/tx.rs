//! The one transaction type. Owned by the engine that runs the closure; not Send, so it cannot
//! leave it.

use crate::lite::LiteConn;
use crate::pg::PgConn;
use crate::{Engine, Query, Sql};
use qd_kernel::{FromCell, Problem, Result, Val};

pub(crate) enum Conn {
    Lite(LiteConn),
    Pg(PgConn),
    /// Only between being handed back and dropped.
    Gone,
}

pub struct Tx {
    pub(crate) conn: Conn,
    pub(crate) number: u32,
    pub(crate) on_commit: Vec<Box<dyn FnOnce() + Send>>,
}

/// One row, borrowed. `name` is for the error message only; columns are read by position.
pub struct Row<'a>(pub(crate) RowKind<'a>);

pub(crate) enum RowKind<'a> {
    Lite(&'a rusqlite::Row<'a>),
    Pg(&'a tokio_postgres::Row),
}

impl Row<'_> {
    pub fn get<T: FromCell>(&self, at: usize, name: &str) -> Result<T> {
        let r = match &self.0 {
            RowKind::Lite(r) => crate::lite::cell(r, at).and_then(T::from_cell),
            RowKind::Pg(r) => crate::pg::cell(r, at).and_then(T::from_cell),
        };
        r.map_err(|p| Problem {
            detail: format!("column {at} ({name}): {}", p.detail),
            ..p
        })
    }
}

pub trait FromRow: Sized {
    fn from_row(row: &Row<'_>) -> Result<Self>;
}

macro_rules! tuple_row {
    ($($t:ident $i:tt),+) => {
        impl<$($t: FromCell),+> FromRow for ($($t,)+) {
            fn from_row(row: &Row<'_>) -> Result<Self> {
                Ok(($(row.get::<$t>($i, stringify!($i))?,)+))
            }
        }
    };
}
tuple_row!(A 0);
tuple_row!(A 0, B 1);
tuple_row!(A 0, B 1, C 2);
tuple_row!(A 0, B 1, C 2, D 3);
tuple_row!(A 0, B 1, C 2, D 3, E 4);
tuple_row!(A 0, B 1, C 2, D 3, E 4, F 5);
tuple_row!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuple_row!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
tuple_row!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
tuple_row!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);

impl Tx {
    pub(crate) fn new(conn: Conn) -> Tx {
        Tx {
            conn,
            number: 0,
            on_commit: Vec::new(),
        }
    }

    /// Tells transactions under way apart: no other one of this process has the same number now, and
    /// those of another process begin elsewhere. For writers that share work out between several rows
    /// and would rather not wait for each other. Always 0 on SQLite, which has one writer.
    pub fn number(&self) -> u32 {
        self.number
    }

    pub fn engine(&self) -> Engine {
        match &self.conn {
            Conn::Lite(_) | Conn::Gone => Engine::Sqlite,
            Conn::Pg(_) => Engine::Postgres,
        }
    }

    /// Runs after the commit, and only then: waking workers, live notifications.
    pub fn on_commit(&mut self, f: impl FnOnce() + Send + 'static) {
        self.on_commit.push(Box::new(f));
    }

    /// How many rows changed.
    pub async fn exec(&mut self, sql: Sql, params: &[Val]) -> Result<u64> {
        no_nul(params)?;
        match &mut self.conn {
            Conn::Lite(c) => c.exec(sql.text(), params),
            Conn::Pg(c) => c.exec(sql.text(), params).await,
            Conn::Gone => Err(gone()),
        }
    }

    /// Like [`Tx::exec`], and exactly one row must change; else `problem` is the answer. For
    /// conditional updates: the row was not in the state the caller believed.
    pub async fn exec_one(&mut self, sql: Sql, params: &[Val], problem: impl FnOnce() -> Problem) -> Result<()> {
        match self.exec(sql, params).await? {
            1 => Ok(()),
            _ => Err(problem()),
        }
    }

    /// The same statement for many parameter rows: a prepared loop on SQLite, pipelined on
    /// PostgreSQL. Answers the changed rows in sum.
    pub async fn exec_many(&mut self, sql: Sql, rows: &[Vec<Val>]) -> Result<u64> {
        for r in rows {
            no_nul(r)?;
        }
        match &mut self.conn {
            Conn::Lite(c) => {
                let mut n = 0;
                for r in rows {
                    n += c.exec(sql.text(), r)?;
                }
                Ok(n)
            }
            Conn::Pg(c) => c.exec_many(sql.text(), rows).await,
            Conn::Gone => Err(gone()),
        }
    }

    pub async fn rows<T: FromRow>(&mut self, sql: Sql, params: &[Val]) -> Result<Vec<T>> {
        self.rows_text(sql.text(), params).await
    }

    /// The first row, if any. Statements that may answer several say LIMIT 1 themselves.
    pub async fn one<T: FromRow>(&mut self, sql: Sql, params: &[Val]) -> Result<Option<T>> {
        Ok(self.rows::<T>(sql, params).await?.into_iter().next())
    }

    /// The row that must be there (counts, sums, RETURNING of an insert).
    pub async fn must<T: FromRow>(&mut self, sql: Sql, params: &[Val]) -> Result<T> {
        self.one(sql, params)
            .await?
            .ok_or_else(|| Problem::bug("db_row_expected", "a statement that always answers a row answered none"))
    }

    /// A statement put together from pieces.
    pub async fn query<T: FromRow>(&mut self, q: &Query) -> Result<Vec<T>> {
        self.rows_text(&q.text, &q.params).await
    }

    async fn rows_text<T: FromRow>(&mut self, text: &str, params: &[Val]) -> Result<Vec<T>> {
        no_nul(params)?;
        match &mut self.conn {
            Conn::Lite(c) => c.rows(text, params, |r| T::from_row(&Row(RowKind::Lite(r)))),
            Conn::Pg(c) => {
                let rows = c.rows(text, params).await?;
                rows.iter().map(|r| T::from_row(&Row(RowKind::Pg(r)))).collect()
            }
            Conn::Gone => Err(gone()),
        }
    }

    /// Checks that a statement is good SQL on this engine, without running it (the test that
    /// prepares every `sql!` of the tree).
    pub async fn prepare_only(&mut self, text: &str) -> Result<()> {
        match &mut self.conn {
            Conn::Lite(c) => c.prepare_only(text),
            Conn::Pg(c) => c.prepare_only(text).await,
            Conn::Gone => Err(gone()),
        }
    }

    pub(crate) async fn script(&mut self, sqlite: &str, postgres: &str) -> Result<()> {
        match &mut self.conn {
            Conn::Lite(c) => c.script(sqlite),
            Conn::Pg(c) => c.script(postgres).await,
            Conn::Gone => Err(gone()),
        }
    }
}

/// PostgreSQL keeps no NUL in text; SQLite does, and would answer half of it to programs written in
/// C. Neither gets one: the caller's input is wrong on both.
fn no_nul(params: &[Val]) -> Result<()> {
    let has = |v: &Val| matches!(v, Val::Text(t) if t.as_bytes().contains(&0));
    if params.iter().any(has) {
        Err(Problem::invalid("/", "text_nul", "expected text without NUL characters"))
    } else {
        Ok(())
    }
}

fn gone() -> Problem {
    Problem::bug("db_transaction_over", "the transaction is over")
}

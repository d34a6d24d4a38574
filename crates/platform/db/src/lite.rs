//! SQLite: one writer thread with group commit, a shelf of read-only connections.

use crate::error::from_lite;
use crate::tx::{Conn, Tx};
use qd_kernel::{Cell, Problem, Result, Val};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags};
use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Waker};
use tokio::sync::oneshot;

/// Transactions in one flush at the most: bounds how long the first of them waits.
const MAX_GROUP: usize = 512;

/// Statements kept prepared per connection.
const STATEMENTS: usize = 1024;

pub(crate) struct LiteConn {
    c: Connection,
    /// `$n` of our text as SQLite's `?n`. Found by where the text stands, which is quicker than by
    /// what it says; a literal always stands in the same place, and for the others it is compared.
    texts: HashMap<(usize, usize), Text>,
}

struct Text {
    ours: Box<str>,
    lite: Box<str>,
}

/// Texts put together at run time stand anywhere; their places are forgotten at some point.
const TEXTS: usize = 4 * STATEMENTS;

impl LiteConn {
    fn open(path: &Path, read_only: bool, durable: bool) -> Result<LiteConn> {
        let flags = if read_only {
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX
        } else {
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX
        };
        let open = || -> rusqlite::Result<Connection> {
            let c = Connection::open_with_flags(path, flags)?;
            c.busy_timeout(std::time::Duration::from_secs(10))?;
            c.set_prepared_statement_cache_capacity(STATEMENTS);
            if !read_only {
                c.pragma_update(None, "journal_mode", "WAL")?;
            }
            // FULL: a commit is on the disk before anybody hears of it.
            c.pragma_update(None, "synchronous", if durable { "FULL" } else { "OFF" })?;
            c.pragma_update(None, "foreign_keys", "ON")?;
            c.pragma_update(None, "cache_size", "-16000")?;
            c.pragma_update(None, "temp_store", "MEMORY")?;
            Ok(c)
        };
        let c = open()
            .map_err(|e| Problem::unavailable("db_open", format!("cannot open the database file {}", path.display())).with_source(e))?;
        Ok(LiteConn { c, texts: HashMap::new() })
    }

    fn with<T>(
        &mut self,
        text: &str,
        params: &[Val],
        run: impl FnOnce(&mut rusqlite::Statement<'_>) -> rusqlite::Result<Result<T>>,
    ) -> Result<T> {
        let place = (text.as_ptr() as usize, text.len());
        if self.texts.get(&place).is_none_or(|t| *t.ours != *text) {
            if self.texts.len() >= TEXTS {
                self.texts.clear();
            }
            self.texts.insert(
                place,
                Text {
                    ours: text.into(),
                    lite: question_marks(text).into(),
                },
            );
        }
        let t = self.texts.get(&place).map(|t| &*t.lite).unwrap_or_default();
        let go = || -> rusqlite::Result<Result<T>> {
            let mut st = self.c.prepare_cached(t)?;
            if st.parameter_count() != params.len() {
                return Err(rusqlite::Error::InvalidParameterCount(params.len(), st.parameter_count()));
            }
            for (i, v) in params.iter().enumerate() {
                st.raw_bind_parameter(i + 1, Bound(v))?;
            }
            run(&mut st)
        };
        match go() {
            Ok(r) => r,
            Err(e) => Err(from_lite(e, text)),
        }
    }

    pub(crate) fn exec(&mut self, text: &str, params: &[Val]) -> Result<u64> {
        self.with(text, params, |st| {
            if st.column_count() == 0 {
                return st.raw_execute().map(|n| Ok(n as u64));
            }
            // RETURNING: to be read to its end.
            let mut rows = st.raw_query();
            let mut n = 0;
            while rows.next()?.is_some() {
                n += 1;
            }
            Ok(Ok(n))
        })
    }

    pub(crate) fn rows<T>(&mut self, text: &str, params: &[Val], map: impl Fn(&rusqlite::Row<'_>) -> Result<T>) -> Result<Vec<T>> {
        self.with(text, params, |st| {
            let mut rows = st.raw_query();
            let mut out = Vec::new();
            while let Some(r) = rows.next()? {
                match map(r) {
                    Ok(v) => out.push(v),
                    Err(p) => return Ok(Err(p)),
                }
            }
            Ok(Ok(out))
        })
    }

    pub(crate) fn prepare_only(&mut self, text: &str) -> Result<()> {
        self.c.prepare(&question_marks(text)).map(|_| ()).map_err(|e| from_lite(e, text))
    }

    pub(crate) fn script(&mut self, text: &str) -> Result<()> {
        self.c.execute_batch(text).map_err(|e| from_lite(e, text))
    }

    fn quick(&mut self, text: &'static str) -> Result<()> {
        self.c
            .prepare_cached(text)
            .and_then(|mut s| s.raw_execute())
            .map(|_| ())
            .map_err(|e| from_lite(e, text))
    }
}

/// `$12` becomes `?12`: SQLite takes `$12` for a name and numbers names by appearance.
fn question_marks(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '$' if chars.peek().is_some_and(char::is_ascii_digit) => out.push('?'),
            c => out.push(c),
        }
    }
    out
}

struct Bound<'a>(&'a Val);

impl rusqlite::ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Val::Null => ValueRef::Null,
            Val::Int(i) => ValueRef::Integer(*i),
            Val::Bool(b) => ValueRef::Integer(i64::from(*b)),
            Val::Text(t) => ValueRef::Text(t.as_bytes()),
            Val::Bytes(b) => ValueRef::Blob(b),
        }))
    }
}

pub(crate) fn cell<'a>(r: &'a rusqlite::Row<'_>, at: usize) -> Result<Cell<'a>> {
    match r.get_ref(at) {
        Ok(ValueRef::Null) => Ok(Cell::Null),
        Ok(ValueRef::Integer(i)) => Ok(Cell::Int(i)),
        Ok(ValueRef::Text(t)) => std::str::from_utf8(t)
            .map(Cell::Text)
            .map_err(|_| Problem::bug("row_unreadable", "text that is not UTF-8")),
        Ok(ValueRef::Blob(b)) => Ok(Cell::Bytes(b)),
        Ok(ValueRef::Real(_)) => Err(Problem::bug("row_unreadable", "a floating-point value, which we never store")),
        Err(e) => Err(Problem::bug("row_unreadable", "no such column").with_source(e)),
    }
}

/// Ran, and waits for the flush: told how it went.
type Done = Box<dyn FnOnce(Result<()>) + Send>;
type Job = Box<dyn FnOnce(LiteConn) -> (LiteConn, Option<Done>) + Send>;

pub(crate) struct Lite {
    jobs: mpsc::Sender<Job>,
    path: PathBuf,
    readers: Mutex<Vec<LiteConn>>,
    flushes: Arc<AtomicU64>,
    commits: Arc<AtomicU64>,
}

impl Lite {
    pub(crate) fn open(path: &Path, durable: bool) -> Result<Lite> {
        if let Some(dir) = path.parent().filter(|d| !d.as_os_str().is_empty()) {
            std::fs::create_dir_all(dir)
                .map_err(|e| Problem::unavailable("db_open", format!("cannot make the folder {}", dir.display())).with_source(e))?;
        }
        let writer = LiteConn::open(path, false, durable)?;
        let (jobs, rx) = mpsc::channel::<Job>();
        let (flushes, commits) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (f, c) = (flushes.clone(), commits.clone());
        std::thread::Builder::new()
            .name("qd-writer".into())
            .spawn(move || write_loop(writer, &rx, &f, &c))
            .map_err(|e| Problem::unavailable("db_open", "cannot start the writer thread").with_source(e))?;
        Ok(Lite {
            jobs,
            path: path.to_path_buf(),
            readers: Mutex::new(Vec::new()),
            flushes,
            commits,
        })
    }

    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.commits.load(Ordering::Relaxed), self.flushes.load(Ordering::Relaxed))
    }

    pub(crate) async fn write<T, F>(&self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx) -> Result<T> + Send + 'static,
    {
        let (tell, hear) = oneshot::channel::<Result<T>>();
        let job: Job = Box::new(move |mut conn| {
            if let Err(p) = conn.quick("SAVEPOINT one") {
                let _ = tell.send(Err(p));
                return (conn, None);
            }
            let mut tx = Tx::new(Conn::Lite(conn));
            let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| run_now(f(&mut tx))))
                .unwrap_or_else(|_| Err(Problem::bug("db_closure_panicked", "a transaction panicked and was rolled back")));
            let Tx { conn, on_commit, .. } = tx;
            let Conn::Lite(mut conn) = conn else {
                unreachable!("the connection was put there above")
            };
            let outcome = match outcome {
                Ok(v) => conn.quick("RELEASE one").map(|()| v),
                Err(p) => {
                    let undone = conn.quick("ROLLBACK TO one").and_then(|()| conn.quick("RELEASE one"));
                    Err(undone.err().unwrap_or(p))
                }
            };
            match outcome {
                Err(p) => {
                    let _ = tell.send(Err(p));
                    (conn, None)
                }
                Ok(v) => {
                    let done: Done = Box::new(move |flushed| {
                        // Before the caller hears of it: who acts on the answer finds caches cleared.
                        if flushed.is_ok() {
                            on_commit.into_iter().for_each(|f| f());
                        }
                        let _ = tell.send(flushed.map(|()| v));
                    });
                    (conn, Some(done))
                }
            }
        });
        self.jobs.send(job).map_err(|_| stopped())?;
        hear.await.map_err(|_| stopped())?
    }

    pub(crate) fn read<T, F>(&self, f: &F) -> Result<T>
    where
        F: AsyncFn(&mut Tx) -> Result<T>,
    {
        let shelf = || self.readers.lock().unwrap_or_else(|p| p.into_inner());
        let kept = shelf().pop();
        let mut conn = match kept {
            Some(c) => c,
            None => LiteConn::open(&self.path, true, true)?,
        };
        conn.quick("BEGIN")?;
        let mut tx = Tx::new(Conn::Lite(conn));
        // As on PostgreSQL, a panic is the caller's problem and not this thread's.
        let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| run_now(f(&mut tx))))
            .unwrap_or_else(|_| Err(Problem::bug("db_closure_panicked", "a transaction panicked and was rolled back")));
        if let Conn::Lite(mut conn) = tx.conn {
            conn.quick("COMMIT")?;
            shelf().push(conn);
        }
        outcome
    }
}

fn stopped() -> Problem {
    Problem::unavailable("db_stopped", "the database writer has stopped")
}

/// Polls once. A closure that has to wait is one that does I/O inside a transaction.
fn run_now<T>(f: impl Future<Output = Result<T>>) -> Result<T> {
    match pin!(f).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(r) => r,
        Poll::Pending => Err(Problem::bug(
            "db_closure_waited",
            "a transaction awaited something other than the database",
        )),
    }
}

fn write_loop(mut conn: LiteConn, rx: &mpsc::Receiver<Job>, flushes: &AtomicU64, commits: &AtomicU64) {
    while let Ok(first) = rx.recv() {
        if let Err(p) = conn.quick("BEGIN IMMEDIATE") {
            // The callers of this group hear "stopped" when their jobs are dropped; the next group
            // tries again.
            tracing::error!(error = %p, "the writer cannot begin");
            drop(first);
            continue;
        }
        let mut group: Vec<Done> = Vec::new();
        let mut next = Some(first);
        let mut ran = 0;
        while let Some(job) = next.take() {
            let (c, done) = job(conn);
            conn = c;
            group.extend(done);
            ran += 1;
            if ran < MAX_GROUP {
                next = rx.try_recv().ok();
            }
        }
        if group.is_empty() {
            if let Err(p) = conn.quick("ROLLBACK") {
                tracing::error!(error = %p, "the writer cannot roll back");
            }
            continue;
        }
        let flushed = conn.quick("COMMIT");
        if flushed.is_err() {
            let _ = conn.quick("ROLLBACK");
        } else {
            flushes.fetch_add(1, Ordering::Relaxed);
            commits.fetch_add(group.len() as u64, Ordering::Relaxed);
        }
        for done in group {
            done(flushed.clone());
        }
    }
}

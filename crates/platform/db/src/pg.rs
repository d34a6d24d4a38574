//! PostgreSQL: a few threads, each with its own connections, run the closures; a closure's future
//! never leaves its thread, so it need not be Send and call sites compile once for both engines.

use crate::MAX_RETRIES;
use crate::error::{RETRY, from_pg};
use crate::tx::{Conn, Tx};
use bytes::BytesMut;
use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use qd_kernel::{Cell, Problem, Result, Secret, Val};
use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Config, NoTls, Statement};

/// A statement may take this long before the server gives it up: a stuck one must not hold its
/// locks for ever.
const STATEMENT_TIMEOUT: &str = "SET statement_timeout = '30s'; SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '30s'";

pub(crate) struct PgConn {
    client: Client,
    statements: HashMap<String, Statement>,
    /// The BEGIN of this transaction while it is still to be sent: it travels with the first
    /// statement and costs no round trip of its own.
    to_begin: Option<&'static str>,
}

impl PgConn {
    async fn prepare(&mut self, text: &str) -> Result<Statement> {
        if let Some(s) = self.statements.get(text) {
            return Ok(s.clone());
        }
        // Outside of the transaction as good as inside; so the first statement still takes BEGIN along.
        let s = self.client.prepare(text).await.map_err(|e| from_pg(&e, text))?;
        self.statements.insert(text.to_string(), s.clone());
        Ok(s)
    }
    /// Runs `what`, with BEGIN sent in front of it when it is still due. The client sends in the
    /// order in which futures are first polled.
    async fn begun<T>(
        client: &Client,
        to_begin: &mut Option<&'static str>,
        text: &str,
        what: impl Future<Output = std::result::Result<T, tokio_postgres::Error>>,
    ) -> Result<T> {
        let answer = match to_begin.take() {
            None => what.await,
            Some(begin) => {
                let (begun, answer) = futures_util::future::join(client.batch_execute(begin), what).await;
                begun.map_err(|e| from_pg(&e, begin))?;
                answer
            }
        };
        answer.map_err(|e| from_pg(&e, text))
    }
    pub(crate) async fn exec(&mut self, text: &str, params: &[Val]) -> Result<u64> {
        let s = self.prepare(text).await?;
        Self::begun(
            &self.client,
            &mut self.to_begin,
            text,
            self.client.execute_raw(&s, params.iter().map(Bound)),
        )
        .await
    }
    pub(crate) async fn exec_many(&mut self, text: &str, rows: &[Vec<Val>]) -> Result<u64> {
        let s = self.prepare(text).await?;
        self.begin_now().await?;
        let mut n = 0;
        // Chunks, so that the answers of a huge batch do not fill the socket while we still write.
        for chunk in rows.chunks(500) {
            let sent = chunk.iter().map(|r| self.client.execute_raw(&s, r.iter().map(Bound)));
            for r in futures_util::future::join_all(sent).await {
                n += r.map_err(|e| from_pg(&e, text))?;
            }
        }
        Ok(n)
    }
    pub(crate) async fn rows(&mut self, text: &str, params: &[Val]) -> Result<Vec<tokio_postgres::Row>> {
        let s = self.prepare(text).await?;
        let args: Vec<Bound<'_>> = params.iter().map(Bound).collect();
        let refs: Vec<&(dyn ToSql + Sync)> = args.iter().map(|b| b as &(dyn ToSql + Sync)).collect();
        Self::begun(&self.client, &mut self.to_begin, text, self.client.query(&s, &refs)).await
    }
    async fn begin_now(&mut self) -> Result<()> {
        match self.to_begin.take() {
            Some(begin) => self.client.batch_execute(begin).await.map_err(|e| from_pg(&e, begin)),
            None => Ok(()),
        }
    }
    pub(crate) async fn prepare_only(&mut self, text: &str) -> Result<()> {
        self.client.prepare(text).await.map(|_| ()).map_err(|e| from_pg(&e, text))
    }
    pub(crate) async fn script(&mut self, text: &str) -> Result<()> {
        self.begin_now().await?;
        self.client.batch_execute(text).await.map_err(|e| from_pg(&e, text))
    }
}

#[derive(Debug)]
struct Bound<'a>(&'a Val);

impl ToSql for Bound<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self.0 {
            Val::Null => Ok(IsNull::Yes),
            Val::Int(i) if *ty == Type::INT4 => i32::try_from(*i)?.to_sql(ty, out),
            Val::Int(i) if *ty == Type::INT2 => i16::try_from(*i)?.to_sql(ty, out),
            Val::Int(i) if *ty == Type::INT8 => i.to_sql(ty, out),
            Val::Bool(b) if *ty == Type::BOOL => b.to_sql(ty, out),
            Val::Bool(b) if *ty == Type::INT8 => i64::from(*b).to_sql(ty, out),
            Val::Text(t) if <&str as ToSql>::accepts(ty) => t.as_str().to_sql(ty, out),
            Val::Bytes(b) if *ty == Type::BYTEA => b.as_slice().to_sql(ty, out),
            v => Err(format!("a parameter of kind {} met a column of type {ty}", kind(v)).into()),
        }
    }
    fn accepts(_: &Type) -> bool {
        true
    }
    to_sql_checked!();
}

fn kind(v: &Val) -> &'static str {
    match v {
        Val::Null => "null",
        Val::Int(_) => "integer",
        Val::Bool(_) => "boolean",
        Val::Text(_) => "text",
        Val::Bytes(_) => "bytes",
    }
}

struct AnyCell<'a>(Cell<'a>);

impl<'a> FromSql<'a> for AnyCell<'a> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> std::result::Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(AnyCell(match *ty {
            Type::INT8 => Cell::Int(i64::from_sql(ty, raw)?),
            Type::INT4 => Cell::Int(i64::from(i32::from_sql(ty, raw)?)),
            Type::INT2 => Cell::Int(i64::from(i16::from_sql(ty, raw)?)),
            Type::BOOL => Cell::Bool(bool::from_sql(ty, raw)?),
            Type::BYTEA => Cell::Bytes(raw),
            Type::TEXT | Type::VARCHAR | Type::NAME | Type::BPCHAR | Type::UNKNOWN => Cell::Text(std::str::from_utf8(raw)?),
            ref t => return Err(format!("a column of type {t}, which portable statements do not answer (cast it)").into()),
        }))
    }
    fn from_sql_null(_: &Type) -> std::result::Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(AnyCell(Cell::Null))
    }
    fn accepts(_: &Type) -> bool {
        true
    }
}

pub(crate) fn cell(r: &tokio_postgres::Row, at: usize) -> Result<Cell<'_>> {
    r.try_get::<_, AnyCell<'_>>(at)
        .map(|c| c.0)
        .map_err(|e| Problem::bug("row_unreadable", "a column could not be read").with_source(e))
}

type Job = Box<dyn FnOnce(Rc<Shelf>) -> LocalBoxFuture<'static, ()> + Send>;

/// The connections of one thread.
struct Shelf {
    config: Config,
    idle: RefCell<Vec<PgConn>>,
    room: Semaphore,
    /// Of [`Tx::number`], those that are free: as many as there is room for, and no other thread's.
    numbers: RefCell<Vec<u32>>,
    /// Where this process begins to count.
    base: Arc<AtomicU32>,
}

impl Shelf {
    async fn take(&self) -> Result<PgConn> {
        while let Some(c) = { self.idle.borrow_mut().pop() } {
            if !c.client.is_closed() {
                return Ok(c);
            }
        }
        let (client, connection) = self
            .config
            .connect(NoTls)
            .await
            .map_err(|e| Problem::unavailable("db_unavailable", "cannot connect to PostgreSQL").with_source(e))?;
        tokio::spawn(async move {
            if let Err(e) = connection.await {
                tracing::warn!(error = %e, "a PostgreSQL connection ended");
            }
        });
        client.batch_execute(STATEMENT_TIMEOUT).await.map_err(|e| from_pg(&e, "SET"))?;
        Ok(PgConn {
            client,
            statements: HashMap::new(),
            to_begin: None,
        })
    }
}

pub(crate) struct Pg {
    threads: Vec<mpsc::UnboundedSender<Job>>,
    next: AtomicUsize,
}

impl Pg {
    pub(crate) async fn open(url: &Secret, max_connections: usize) -> Result<Pg> {
        let config: Config = url.expose().parse().map_err(|_| {
            Problem::invalid(
                "database.url",
                "url_malformed",
                "expected postgres://user:password@host:port/database",
            )
        })?;
        let count = std::thread::available_parallelism()
            .map_or(2, |n| n.get())
            .clamp(1, 8)
            .min(max_connections.max(1));
        let base = Arc::new(AtomicU32::new(0));
        let mut threads = Vec::new();
        for i in 0..count {
            let (tx, mut rx) = mpsc::unbounded_channel::<Job>();
            let (config, base) = (config.clone(), base.clone());
            let room = (max_connections / count).max(1);
            std::thread::Builder::new()
                .name(format!("qd-pg-{i}"))
                .spawn(move || {
                    let Ok(rt) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
                        return;
                    };
                    let local = tokio::task::LocalSet::new();
                    local.block_on(&rt, async move {
                        // The lowest last: they are taken from the end.
                        let numbers = (0..room).rev().filter_map(|n| u32::try_from(n * count + i).ok()).collect();
                        let shelf = Rc::new(Shelf {
                            config,
                            idle: RefCell::new(Vec::new()),
                            room: Semaphore::new(room),
                            numbers: RefCell::new(numbers),
                            base,
                        });
                        while let Some(job) = rx.recv().await {
                            tokio::task::spawn_local(job(shelf.clone()));
                        }
                    });
                })
                .map_err(|e| Problem::unavailable("db_open", "cannot start a database thread").with_source(e))?;
            threads.push(tx);
        }
        let pg = Pg {
            threads,
            next: AtomicUsize::new(0),
        };
        // Fail at the start, not at the first request. No other process has this server process at
        // the same time; multiplied, neighbours lie far from each other.
        let (process,) = pg
            .run(
                async |tx: &mut Tx| tx.must::<(i64,)>(crate::sql_internal::SERVER_PROCESS, &[]).await,
                false,
            )
            .await?;
        base.store((process.unsigned_abs() as u32).wrapping_mul(0x9E37_79B1) >> 16, Ordering::Relaxed);
        Ok(pg)
    }

    pub(crate) async fn run<T, F>(&self, f: F, write: bool) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx) -> Result<T> + Send + 'static,
    {
        let (tell, hear) = oneshot::channel::<Result<T>>();
        let job: Job = Box::new(move |shelf| {
            Box::pin(async move {
                let _ = tell.send(attempts(&shelf, &f, write).await);
            })
        });
        let at = self.next.fetch_add(1, Ordering::Relaxed) % self.threads.len();
        self.threads[at].send(job).map_err(|_| stopped())?;
        hear.await.map_err(|_| stopped())?
    }
}

fn stopped() -> Problem {
    Problem::unavailable("db_stopped", "the database threads have stopped")
}

/// Goes back to the shelf with the end of the transaction, however it ends.
struct Number<'a>(u32, &'a Shelf);

impl Number<'_> {
    fn take(shelf: &Shelf) -> Number<'_> {
        Number(shelf.numbers.borrow_mut().pop().unwrap_or_default(), shelf)
    }
}

impl Drop for Number<'_> {
    fn drop(&mut self) {
        self.1.numbers.borrow_mut().push(self.0);
    }
}

async fn attempts<T, F>(shelf: &Rc<Shelf>, f: &F, write: bool) -> Result<T>
where
    F: AsyncFn(&mut Tx) -> Result<T>,
{
    let _room = shelf.room.acquire().await.map_err(|_| stopped())?;
    let number = Number::take(shelf);
    let mut attempt = 0;
    loop {
        let conn = shelf.take().await?;
        let mut tx = Tx::new(Conn::Pg(conn));
        tx.number = shelf.base.load(Ordering::Relaxed).wrapping_add(number.0);
        let outcome = AssertUnwindSafe(once(&mut tx, f, write))
            .catch_unwind()
            .await
            .unwrap_or_else(|_| Err(Problem::bug("db_closure_panicked", "a transaction panicked and was rolled back")));
        let hooks = std::mem::take(&mut tx.on_commit);
        let conn = std::mem::replace(&mut tx.conn, Conn::Gone);
        match outcome {
            Ok(v) => {
                if let Conn::Pg(c) = conn {
                    shelf.idle.borrow_mut().push(c);
                }
                hooks.into_iter().for_each(|f| f());
                return Ok(v);
            }
            Err(p) => {
                if let Conn::Pg(mut c) = conn
                    // Nothing was sent: nothing to take back.
                    && (c.to_begin.take().is_some() || c.client.batch_execute("ROLLBACK").await.is_ok())
                {
                    shelf.idle.borrow_mut().push(c);
                }
                if p.is(RETRY) && attempt < MAX_RETRIES {
                    attempt += 1;
                    // Grows and differs per connection; the spread keeps two losers from meeting again.
                    let spread = u64::from(attempt) * 7 % 5;
                    tokio::time::sleep(Duration::from_millis(u64::from(attempt * attempt) + spread)).await;
                    continue;
                }
                return Err(p);
            }
        }
    }
}

async fn once<T, F>(tx: &mut Tx, f: &F, write: bool) -> Result<T>
where
    F: AsyncFn(&mut Tx) -> Result<T>,
{
    let begin = if write {
        "BEGIN"
    } else {
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    };
    if let Conn::Pg(c) = &mut tx.conn {
        c.to_begin = Some(begin);
    }
    let v = f(tx).await?;
    if let Conn::Pg(c) = &mut tx.conn
        // Not one statement: there is nothing to end.
        && c.to_begin.take().is_none()
    {
        let end = c.client.batch_execute("COMMIT");
        if write {
            end.await.map_err(|e| from_pg(&e, "COMMIT"))?;
        } else {
            // Sent by the first poll. A snapshot's end has no answer worth waiting for; the next
            // transaction on this connection stands in line behind it.
            let _ = end.now_or_never();
        }
    }
    Ok(v)
}

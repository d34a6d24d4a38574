//! N6: the ledger. Single durable postings of 32 callers against the least that any bookkeeping on
//! PostgreSQL does (two updates and one insert in a transaction); one hot account against many; and
//! batches against plain multi-row inserts of the same rows.

use super::place::{Fresh, connect, pg};
use super::plan::Plan;
use super::rows::insert_text;
use qd_db::{Db, Engine, sql};
use qd_kernel::{Currency, Env, Problem, Result, Val, vals};
use qd_ledger::{AccountKey, Leg, NewEntry, Purpose};
use qd_runtime::Core;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Pairs of accounts that spread postings go to.
const PAIRS: u64 = 1_000;
/// Accounts beside them.
const OTHERS: i64 = 50_000;
/// Entries in one batch.
const BATCH: usize = 500;

pub async fn run(plan: &Plan) -> Result<()> {
    for engine in plan.place.engines() {
        let fresh = plan.place.database(engine).await?;
        let core = Core::new(fresh.db.clone(), Env::system());
        let numbers = Arc::new(AtomicU64::new(0));
        prepare(plan, &core, &numbers).await?;
        singles(plan, &core, &numbers).await?;
        hot(plan, &core, &numbers).await?;
        batches(plan, &fresh, &core, &numbers).await?;
        fresh.remove().await;
    }
    Ok(())
}

/// The accounts that are posted to among those of other clients, with the statistics a database in
/// use has.
async fn prepare(plan: &Plan, core: &Core, numbers: &AtomicU64) -> Result<()> {
    let others: i64 = if plan.smoke { 100 } else { OTHERS };
    let (c, first) = (core.clone(), numbers.fetch_add(PAIRS, Ordering::Relaxed));
    core.db
        .write(async move |tx| {
            tx.exec(
                sql!(
                    "INSERT INTO ledger_accounts (id, owner, purpose, currency, guarded, balance_minor, held_minor, seq, created_at)
                     WITH RECURSIVE n (i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $1)
                     SELECT 'lac_000000000' || SUBSTR(CAST(100000000000000000 + i AS TEXT), 2), 'client:other_' || CAST(i AS TEXT), 'wallet', 'EUR', (i > 0), 0, 0, 0,
                         1780000000000000 FROM n"
                ),
                &vals![others],
            )
            .await?;
            qd_ledger::post_many(tx, &c, (0..PAIRS).map(|i| entry(first + i, i, i)).collect()).await
        })
        .await?;
    core.db.run_script("ANALYZE", "ANALYZE").await
}

fn entry(n: u64, pair: u64, psp: u64) -> NewEntry {
    let now = qd_kernel::Ts::from_secs(1_795_000_000);
    NewEntry {
        kind: "deposit.received",
        reference: format!("bench:{n}"),
        legs: vec![
            Leg::new(AccountKey::new(format!("client:bench_{pair}"), Purpose::Wallet, Currency::EUR), 100),
            Leg::new(AccountKey::new(format!("psp:bench_{psp}"), Purpose::Clearing, Currency::EUR), -100),
        ],
        source: format!("payment {n}"),
        value_at: now,
        note: None,
        fx: None,
    }
}

/// Transactions a second of `callers` tasks that each wait for their own commit.
async fn rate_of_postings(plan: &Plan, core: &Core, numbers: &Arc<AtomicU64>, psps: u64) -> Result<f64> {
    let (begun, until) = (Instant::now(), Instant::now() + plan.round);
    let tasks: Vec<_> = (0..plan.callers)
        .map(|_| {
            let (core, numbers) = (core.clone(), numbers.clone());
            tokio::spawn(async move {
                let mut done = 0u64;
                while Instant::now() < until {
                    let n = numbers.fetch_add(1, Ordering::Relaxed);
                    let (c, pair) = (core.clone(), n % PAIRS);
                    core.db
                        .write(async move |tx| qd_ledger::post(tx, &c, entry(n, pair, pair % psps)).await)
                        .await?;
                    done += 1;
                }
                Ok::<u64, Problem>(done)
            })
        })
        .collect();
    sum(tasks, begun).await
}

async fn sum(tasks: Vec<tokio::task::JoinHandle<Result<u64>>>, begun: Instant) -> Result<f64> {
    let mut done = 0;
    for t in tasks {
        done += t
            .await
            .map_err(|e| Problem::bug("bench_task", "a caller panicked").with_source(e))??;
    }
    Ok(done as f64 / begun.elapsed().as_secs_f64())
}

/// Two updates and one insert as one prepared transaction each, as many connections as callers.
struct Bare {
    clients: Vec<Arc<Prepared>>,
}

struct Prepared {
    client: tokio_postgres::Client,
    update: tokio_postgres::Statement,
    insert: tokio_postgres::Statement,
}

impl Bare {
    async fn make(url: &str, callers: usize) -> Result<Bare> {
        let first = connect(url).await?;
        first
            .batch_execute(
                "CREATE TABLE bare_accounts (id TEXT PRIMARY KEY, balance BIGINT NOT NULL);
                 CREATE TABLE bare_entries (id TEXT PRIMARY KEY, from_id TEXT NOT NULL, to_id TEXT NOT NULL, minor BIGINT NOT NULL, at BIGINT NOT NULL);
                 INSERT INTO bare_accounts SELECT 'acc_' || i, 0 FROM generate_series(0, 51999) i; ANALYZE",
            )
            .await
            .map_err(pg)?;
        let mut clients = Vec::new();
        for _ in 0..callers {
            let client = connect(url).await?;
            let update = client
                .prepare("UPDATE bare_accounts SET balance = balance + $2 WHERE id = $1")
                .await
                .map_err(pg)?;
            let insert = client
                .prepare("INSERT INTO bare_entries (id, from_id, to_id, minor, at) VALUES ($1, $2, $3, $4, $5)")
                .await
                .map_err(pg)?;
            clients.push(Arc::new(Prepared { client, update, insert }));
        }
        Ok(Bare { clients })
    }

    async fn rate(&self, plan: &Plan, numbers: &Arc<AtomicU64>) -> Result<f64> {
        let (begun, until) = (Instant::now(), Instant::now() + plan.round);
        let tasks: Vec<_> = self
            .clients
            .iter()
            .map(|p| {
                let (p, numbers) = (p.clone(), numbers.clone());
                tokio::spawn(async move {
                    let mut done = 0u64;
                    while Instant::now() < until {
                        let n = numbers.fetch_add(1, Ordering::Relaxed);
                        p.transaction(n).await.map_err(pg)?;
                        done += 1;
                    }
                    Ok::<u64, Problem>(done)
                })
            })
            .collect();
        sum(tasks, begun).await
    }
}

impl Prepared {
    async fn transaction(&self, n: u64) -> std::result::Result<(), tokio_postgres::Error> {
        let (from, to) = (format!("acc_{}", n % PAIRS), format!("acc_{}", 1_000 + n % PAIRS));
        self.client.batch_execute("BEGIN").await?;
        self.client.execute(&self.update, &[&from, &-100i64]).await?;
        self.client.execute(&self.update, &[&to, &100i64]).await?;
        let id = format!("ent_{n}");
        self.client
            .execute(&self.insert, &[&id, &from, &to, &100i64, &1_795_000_000_000_000i64])
            .await?;
        self.client.batch_execute("COMMIT").await
    }
}

async fn singles(plan: &Plan, core: &Core, numbers: &Arc<AtomicU64>) -> Result<()> {
    let engine = core.db.engine();
    if plan.place.server.is_none() {
        eprintln!("bench: N6.single has no baseline without PostgreSQL and is left out");
        return Ok(());
    }
    let other = plan.place.database(Engine::Postgres).await?;
    let url = other.url().map(|u| u.expose().to_string()).unwrap_or_default();
    let bare = Bare::make(&url, plan.callers).await?;
    let (before, flushes) = core.db.commit_counts();
    let pair = plan
        .pair(
            async || bare.rate(plan, numbers).await,
            async || rate_of_postings(plan, core, numbers, PAIRS).await,
        )
        .await?;
    let (after, flushes_after) = core.db.commit_counts();
    let mut f = pair
        .figure(format!("N6.single.{}", engine.name()), "postings/s")
        .against("2 updates + 1 insert as one prepared PostgreSQL transaction each, one connection per caller, same machine and disk")
        .goal(if engine == Engine::Sqlite { "ratio >= 3" } else { "ratio >= 0.8" })
        .with("engine", engine.name())
        .with("callers", plan.callers)
        .number("flush_ms", plan.flush_ms);
    if engine == Engine::Sqlite {
        f = f.number(
            "postings_per_flush",
            (after - before) as f64 / (flushes_after - flushes).max(1) as f64,
        );
    }
    f.print()?;
    drop(bare);
    other.remove().await;
    Ok(())
}

async fn hot(plan: &Plan, core: &Core, numbers: &Arc<AtomicU64>) -> Result<()> {
    let engine = core.db.engine();
    let pair = plan
        .pair(
            async || rate_of_postings(plan, core, numbers, PAIRS).await,
            async || rate_of_postings(plan, core, numbers, 1).await,
        )
        .await?;
    pair.figure(format!("N6.hot.{}", engine.name()), "postings/s")
        .against("the same postings with as many other accounts as wallets")
        .goal("ratio >= 0.95")
        .with("engine", engine.name())
        .with("callers", plan.callers)
        .number("flush_ms", plan.flush_ms)
        .print()
}

async fn batches(plan: &Plan, fresh: &Fresh, core: &Core, numbers: &Arc<AtomicU64>) -> Result<()> {
    let engine = core.db.engine();
    let size = if plan.smoke { 50 } else { BATCH };
    let raw = Raw::make(fresh).await?;
    let pair = plan
        .pair(
            async || {
                let (begun, mut done) = (Instant::now(), 0u64);
                while begun.elapsed() < plan.round {
                    raw.batch(&core.db, numbers.fetch_add(size as u64, Ordering::Relaxed), size).await?;
                    done += size as u64;
                }
                Ok(done as f64 / begun.elapsed().as_secs_f64())
            },
            async || {
                let (begun, mut done) = (Instant::now(), 0u64);
                while begun.elapsed() < plan.round {
                    let first = numbers.fetch_add(size as u64, Ordering::Relaxed);
                    let c = core.clone();
                    core.db
                        .write(async move |tx| {
                            let entries = (0..size as u64)
                                .map(|i| entry(first + i, (first + i) % PAIRS, (first + i) % 4))
                                .collect();
                            qd_ledger::post_many(tx, &c, entries).await
                        })
                        .await?;
                    done += size as u64;
                }
                Ok(done as f64 / begun.elapsed().as_secs_f64())
            },
        )
        .await?;
    pair.figure(format!("N6.batch.{}", engine.name()), "entries/s")
        .against("multi-row inserts of the same entry and posting rows into bare tables with the same columns and indexes")
        .goal("ratio >= 0.3")
        .with("engine", engine.name())
        .with("entries_per_batch", size)
        .number("flush_ms", plan.flush_ms)
        .print()
}

/// The ledger's two tables without checks, references and triggers.
enum Raw {
    Lite,
    Pg(Box<tokio_postgres::Client>),
}

impl Raw {
    async fn make(fresh: &Fresh) -> Result<Raw> {
        fresh
            .db
            .run_script(
                "CREATE TABLE raw_entries (id TEXT PRIMARY KEY, reference TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, source TEXT NOT NULL, note TEXT,
                     fx_rate TEXT, fx_source TEXT, fx_at INTEGER, reverses TEXT UNIQUE, value_at INTEGER NOT NULL, booked_at INTEGER NOT NULL) STRICT;
                 CREATE INDEX raw_entries_value ON raw_entries (value_at, id);
                 CREATE TABLE raw_postings (account_id TEXT NOT NULL, seq INTEGER NOT NULL, entry_id TEXT NOT NULL, minor INTEGER NOT NULL,
                     currency TEXT NOT NULL, balance_after INTEGER NOT NULL, PRIMARY KEY (account_id, seq)) STRICT, WITHOUT ROWID;
                 CREATE INDEX raw_postings_entry ON raw_postings (entry_id);",
                "CREATE TABLE raw_entries (LIKE ledger_entries INCLUDING INDEXES);
                 CREATE TABLE raw_postings (LIKE ledger_postings INCLUDING INDEXES);",
            )
            .await?;
        Ok(match fresh.url() {
            None => Raw::Lite,
            Some(u) => Raw::Pg(Box::new(connect(u.expose()).await?)),
        })
    }

    async fn batch(&self, db: &Db, first: u64, size: usize) -> Result<()> {
        match self {
            Raw::Lite => {
                let (entries, postings) = rows(first, size);
                db.write(async move |tx| {
                    tx.exec_many(
                        sql!("INSERT INTO raw_entries (id, reference, kind, source, note, fx_rate, fx_source, fx_at, reverses, value_at, booked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"),
                        &entries,
                    )
                    .await?;
                    tx.exec_many(sql!("INSERT INTO raw_postings (account_id, seq, entry_id, minor, currency, balance_after) VALUES ($1, $2, $3, $4, $5, $6)"), &postings).await
                })
                .await
                .map(|_| ())
            }
            Raw::Pg(client) => {
                let (entries, postings) = rows(first, size);
                let text = format!(
                    "BEGIN; {}; {}; COMMIT",
                    insert_text("raw_entries", &entries),
                    insert_text("raw_postings", &postings)
                );
                client.batch_execute(&text).await.map_err(pg)
            }
        }
    }
}

/// The rows that a batch of entries makes.
fn rows(first: u64, size: usize) -> (Vec<Vec<Val>>, Vec<Vec<Val>>) {
    let (mut entries, mut postings) = (Vec::with_capacity(size), Vec::with_capacity(size * 2));
    for n in (0..size as u64).map(|i| first + i) {
        let id = format!("ent_{n:026}");
        let at = 1_795_000_000_000_000_i64;
        let none: Option<String> = None;
        entries.push(
            vals![
                id.as_str(),
                format!("bench:{n}"),
                "deposit.received",
                format!("payment {n}"),
                none.as_ref(),
                none.as_ref(),
                none.as_ref(),
                None::<i64>,
                none.as_ref(),
                at,
                at
            ]
            .to_vec(),
        );
        for (side, minor) in [(n % PAIRS, 100i64), (PAIRS + n % 4, -100)] {
            postings.push(vals![format!("lac_{side:026}"), n as i64, id.as_str(), minor, "EUR", minor * n as i64].to_vec());
        }
    }
    (entries, postings)
}

//! Databases for one test.

use qd_db::{Db, DbConfig, MIGRATIONS};
use qd_kernel::{Env, Secret, SeededEntropy, TestClock, Ts};
use qd_runtime::Core;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A migrated database that goes away with this value, and a `Core` on it whose clock stands at
/// 2026-11-20 09:00 UTC (each reading a microsecond later) until the test moves it.
pub struct TestDb {
    pub core: Core,
    pub db: Db,
    pub clock: Arc<TestClock>,
    config: DbConfig,
    trash: Trash,
}

enum Trash {
    Folder(PathBuf),
    Database { server: String, name: String },
}

static COUNT: AtomicU64 = AtomicU64::new(0);

/// Different for every test of every process on this machine, tests that run at once included.
fn unique() -> String {
    let nanos = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |d| d.as_nanos());
    format!("{}_{nanos}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn sqlite_only() -> bool {
    std::env::var("QD_TEST_SQLITE_ONLY").is_ok_and(|v| v == "1")
}

fn env() -> (Env, Arc<TestClock>) {
    let clock = Arc::new(TestClock::new(Ts::from_ymd(2026, 11, 20).plus_secs(9 * 3_600)));
    (Env::new(clock.clone(), Arc::new(SeededEntropy::new(7))), clock)
}

impl TestDb {
    pub async fn sqlite() -> TestDb {
        let folder = std::env::temp_dir().join(format!("qd_test_{}", unique()));
        let config = DbConfig::Sqlite {
            path: folder.join("quarterdeck.db"),
            durable: true,
        };
        let db = Db::open(&config).await.expect("the temporary folder takes a database");
        db.migrate().await.expect("the migrations run on SQLite");
        Self::make(db, config, Trash::Folder(folder))
    }

    /// None when this run leaves PostgreSQL out on purpose.
    pub async fn postgres() -> Option<TestDb> {
        let server = match std::env::var("QD_TEST_PG") {
            Ok(url) if !url.is_empty() => url,
            _ if sqlite_only() => return None,
            _ => panic!("set QD_TEST_PG (cargo xtask env -- cargo test …), or QD_TEST_SQLITE_ONLY=1 for a quick look"),
        };
        let template = template(&server).await;
        let name = format!("qd_test_{}", unique());
        admin(&server, &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        let config = DbConfig::Postgres {
            url: Secret::new(url_of(&server, &name)),
            max_connections: 16,
        };
        let db = Db::open(&config).await.expect("the new database answers");
        Some(Self::make(db, config, Trash::Database { server, name }))
    }

    fn make(db: Db, config: DbConfig, trash: Trash) -> TestDb {
        let (env, clock) = env();
        TestDb {
            core: Core::new(db.clone(), env),
            db,
            clock,
            config,
            trash,
        }
    }

    /// How to open the same database again: another node, or this one after a restart.
    pub fn config(&self) -> DbConfig {
        self.config.clone()
    }

    /// A second node on the same database with the same clock and chance, but its own bells.
    pub async fn another_node(&self) -> Core {
        let db = match &self.config {
            // One process, one writer.
            DbConfig::Sqlite { .. } => self.db.clone(),
            pg => Db::open(pg).await.expect("the database answers"),
        };
        Core::new(db, self.core.env.clone())
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        match &self.trash {
            Trash::Folder(f) => {
                let _ = std::fs::remove_dir_all(f);
            }
            Trash::Database { server, name } => {
                let (server, name) = (server.clone(), name.clone());
                // Its own thread: this may run inside a runtime, which cannot block on another.
                let _ = std::thread::spawn(move || {
                    if let Ok(rt) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
                        rt.block_on(try_admin(&server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")))
                            .ok();
                    }
                })
                .join();
            }
        }
    }
}

/// `postgres://user@host:port/anything?x` with another database.
fn url_of(server: &str, database: &str) -> String {
    let (base, query) = server.split_once('?').map_or((server, None), |(b, q)| (b, Some(q)));
    let after_scheme = base.find("://").map_or(0, |i| i + 3);
    let host = base[after_scheme..].find('/').map_or(base, |i| &base[..after_scheme + i]);
    match query {
        Some(q) => format!("{host}/{database}?{q}"),
        None => format!("{host}/{database}"),
    }
}

async fn try_admin(server: &str, text: &str) -> Result<(), tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(server, tokio_postgres::NoTls).await?;
    let driver = tokio::spawn(connection);
    let r = client.batch_execute(text).await;
    drop(client);
    let _ = driver.await;
    r
}

async fn admin(server: &str, text: &str) {
    // A template cannot be copied while another copy of it is being made.
    for attempt in 0.. {
        match try_admin(server, text).await {
            Ok(()) => return,
            Err(e) if attempt < 200 && e.code().is_some_and(|c| c.code() == "55006") => {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            Err(e) => panic!("the test server refused {text}: {e}"),
        }
    }
}

/// A migrated database to copy, made once per content of the migrations.
async fn template(server: &str) -> String {
    let mark = MIGRATIONS
        .iter()
        .flat_map(|m| m.name.bytes().chain(m.postgres.bytes()))
        .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    let name = format!("qd_template_{mark:016x}");
    let (client, connection) = tokio_postgres::connect(server, tokio_postgres::NoTls)
        .await
        .expect("QD_TEST_PG answers");
    tokio::spawn(connection);
    // One maker among all test processes; the lock goes with the connection.
    client
        .batch_execute("SELECT pg_advisory_lock(7164)")
        .await
        .expect("an advisory lock");
    let there = client
        .query("SELECT 1 FROM pg_database WHERE datname = $1", &[&name])
        .await
        .expect("pg_database is readable");
    if there.is_empty() {
        let making = format!("{name}_making");
        client
            .batch_execute(&format!("DROP DATABASE IF EXISTS {making} WITH (FORCE)"))
            .await
            .expect("a left-over goes away");
        client
            .batch_execute(&format!("CREATE DATABASE {making}"))
            .await
            .expect("the server makes databases");
        let config = DbConfig::Postgres {
            url: Secret::new(url_of(server, &making)),
            max_connections: 1,
        };
        let db = Db::open(&config).await.expect("the new database answers");
        db.migrate().await.expect("the migrations run on PostgreSQL");
        drop(db);
        // Renamed only when whole, and only when our own connections are gone.
        client
            .execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1",
                &[&making],
            )
            .await
            .expect("our own connections may be ended");
        for _ in 0..200 {
            if client
                .batch_execute(&format!("ALTER DATABASE {making} RENAME TO {name}"))
                .await
                .is_ok()
            {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
    name
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime starts")
}

pub fn run_sqlite<F: Future<Output = ()>>(body: impl FnOnce(TestDb) -> F) {
    runtime().block_on(async move { body(TestDb::sqlite().await).await });
}

pub fn run_postgres<F: Future<Output = ()>>(body: impl FnOnce(TestDb) -> F) {
    runtime().block_on(async move {
        match TestDb::postgres().await {
            Some(t) => body(t).await,
            None => eprintln!("left out: QD_TEST_SQLITE_ONLY=1"),
        }
    });
}

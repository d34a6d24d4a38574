//! Where is measured: a folder on a real disk, a database of each engine, and what a flush costs
//! there.

use qd_db::{Db, DbConfig, Engine};
use qd_kernel::{Problem, Result, Secret};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

static COUNT: AtomicU64 = AtomicU64::new(0);

/// A folder and, when there is one, a PostgreSQL server. All that is made goes away with it.
pub struct Place {
    dir: PathBuf,
    /// `QD_TEST_PG`, which `cargo xtask env` sets.
    pub server: Option<String>,
}

impl Place {
    /// In `target` when there is one (temporary folders may lie in memory, where a flush is free),
    /// else in the temporary folder; `QD_BENCH_DIR` says otherwise.
    pub fn make() -> Result<Place> {
        let root = match std::env::var_os("QD_BENCH_DIR") {
            Some(d) => PathBuf::from(d),
            None if Path::new("target").is_dir() => PathBuf::from("target"),
            None => std::env::temp_dir(),
        };
        let dir = std::path::absolute(root.join(format!("qd-bench-{}", std::process::id()))).map_err(failed)?;
        std::fs::create_dir_all(&dir).map_err(failed)?;
        let server = std::env::var("QD_TEST_PG").ok().filter(|s| !s.is_empty());
        Ok(Place { dir, server })
    }

    pub fn engines(&self) -> Vec<Engine> {
        let mut e = vec![Engine::Sqlite];
        e.extend(self.server.is_some().then_some(Engine::Postgres));
        e
    }

    /// A new folder inside.
    pub fn folder(&self, what: &str) -> Result<PathBuf> {
        let d = self.dir.join(format!("{what}-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
        std::fs::create_dir_all(&d).map_err(failed)?;
        Ok(d)
    }

    /// A new, migrated database.
    pub async fn database(&self, engine: Engine) -> Result<Fresh> {
        let (config, drop_of) = match engine {
            Engine::Sqlite => (
                DbConfig::Sqlite {
                    path: self.folder("db")?.join("quarterdeck.db"),
                    durable: true,
                },
                None,
            ),
            Engine::Postgres => {
                let server = self
                    .server
                    .clone()
                    .ok_or_else(|| Problem::unavailable("bench_postgres", "no PostgreSQL: set QD_TEST_PG"))?;
                let name = format!("qd_bench_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
                admin(&server, &format!("CREATE DATABASE {name}")).await?;
                let url = url_of(&server, &name);
                (
                    DbConfig::Postgres {
                        url: Secret::new(url),
                        max_connections: 40,
                    },
                    Some((server, name)),
                )
            }
        };
        let db = Db::open(&config).await?;
        db.migrate().await?;
        Ok(Fresh { db, config, drop_of })
    }

    /// Median milliseconds of a 4 KiB write and its flush in this folder.
    pub fn flush_ms(&self) -> Result<f64> {
        let path = self.dir.join("flush");
        let mut f = std::fs::File::create(&path).map_err(failed)?;
        let mut took = Vec::new();
        for _ in 0..32 {
            let t = Instant::now();
            f.write_all(&[7u8; 4096]).and_then(|()| f.sync_data()).map_err(failed)?;
            took.push(super::figure::ms(t.elapsed()));
        }
        let _ = std::fs::remove_file(&path);
        Ok(super::figure::median(&took))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// A database made for one measurement.
pub struct Fresh {
    pub db: Db,
    pub config: DbConfig,
    drop_of: Option<(String, String)>,
}

impl Fresh {
    pub fn url(&self) -> Option<&Secret> {
        match &self.config {
            DbConfig::Postgres { url, .. } => Some(url),
            DbConfig::Sqlite { .. } => None,
        }
    }

    /// Removes the database; a file goes with its folder.
    pub async fn remove(self) {
        let Fresh { db, config, drop_of } = self;
        drop(db);
        if let DbConfig::Sqlite { path, .. } = &config
            && let Some(dir) = path.parent()
        {
            let _ = std::fs::remove_dir_all(dir);
        }
        if let Some((server, name)) = drop_of {
            // What is left over goes with the server, which is this run's own.
            let _ = admin(&server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
        }
    }
}

fn failed(e: std::io::Error) -> Problem {
    Problem::unavailable("bench_folder", "the folder of the measurement cannot be used").with_source(e)
}

/// A connection outside of the product's own layer.
pub async fn connect(url: &str) -> Result<tokio_postgres::Client> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .map_err(|e| Problem::unavailable("bench_postgres", "PostgreSQL does not answer").with_source(e))?;
    tokio::spawn(connection);
    Ok(client)
}

pub fn pg(e: tokio_postgres::Error) -> Problem {
    let text = e.as_db_error().map_or_else(|| e.to_string(), ToString::to_string);
    Problem::bug("bench_statement", "a statement of the baseline failed").with_source(text)
}

async fn admin(server: &str, text: &str) -> Result<()> {
    connect(server).await?.batch_execute(text).await.map_err(pg)
}

/// `postgres://user@host:port/anything?x` with another database.
fn url_of(server: &str, database: &str) -> String {
    let (base, query) = server.split_once('?').map_or((server, None), |(b, q)| (b, Some(q)));
    let after = base.find("://").map_or(0, |i| i + 3);
    let host = base[after..].find('/').map_or(base, |i| &base[..after + i]);
    match query {
        Some(q) => format!("{host}/{database}?{q}"),
        None => format!("{host}/{database}"),
    }
}

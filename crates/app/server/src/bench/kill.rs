//! N11: the server is killed under load and started again; how long until it gives a right answer,
//! the last acknowledged write included. Beside it, the start on an empty database.

use super::figure::{Figure, median, percentile};
use super::fill;
use super::house::{House, How};
use super::load::{Connection, get, post};
use super::others::{Other, free};
use super::plan::Plan;
use qd_db::{DbConfig, Engine};
use qd_kernel::{Problem, Result};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(120);

pub async fn run(plan: &Plan) -> Result<()> {
    for engine in plan.place.engines() {
        let (dir, vars, token, keep) = prepare(plan, engine, plan.clients).await?;
        let (empty_dir, empty_vars, _, empty_keep) = prepare(plan, engine, 0).await?;
        let (mut ours, mut base) = (Vec::new(), Vec::new());
        let numbers = Arc::new(AtomicU64::new(1));
        for i in 0..plan.repeats.min(40) {
            let took = killed(plan, &dir, &vars, &token, &numbers, i).await?;
            ours.push(took);
            if i % 4 == 0 {
                base.push(started(&empty_dir, &empty_vars).await?);
            }
        }
        Figure::new(format!("N11.kill.{}", engine.name()), "s", percentile(&ours, 0.99), median(&base))
            .against("from starting the same program on an empty database to its first answer")
            .goal("value <= 2: from SIGKILL under load to the first right answer, p99 (1,000,000 clients, 10,000,000 postings)")
            .with("engine", engine.name())
            .with("clients", plan.clients)
            .with("kills", ours.len())
            .with("callers", plan.callers)
            .number("median_s", median(&ours))
            .print()?;
        keep.remove().await;
        empty_keep.remove().await;
    }
    Ok(())
}

type Vars = Vec<(&'static str, String)>;

/// A filled house, closed again, and what a server of its own needs to be started on it.
async fn prepare(plan: &Plan, engine: Engine, clients: u64) -> Result<(std::path::PathBuf, Vars, String, super::place::Fresh)> {
    let fresh = plan.place.database(engine).await?;
    let mut vars: Vars = match &fresh.config {
        DbConfig::Sqlite { path, .. } => vec![
            ("QD_DATABASE_ENGINE", "sqlite".into()),
            ("QD_DATABASE_PATH", path.display().to_string()),
        ],
        DbConfig::Postgres { .. } => vec![("QD_DATABASE_ENGINE", "postgres".into())],
    };
    let house = House::open(plan, fresh, How::default()).await?;
    if clients > 0 {
        fill::clients(&house.app.core.db, clients).await?;
        fill::postings(&house.app.core.db, clients).await?;
    }
    let token = house.token("clara.stein@quarterdeck.example").await?;
    let dir = house.dir.clone();
    if engine == Engine::Postgres {
        vars.push(("QD_DATABASE_URL", format!("file:{}", dir.join("keys/database").display())));
    }
    let file = dir.join(qd_app::demo::CONFIG_FILE);
    let text = std::fs::read_to_string(&file)
        .map_err(|e| Problem::unavailable("bench_house", "the configuration cannot be read").with_source(e))?;
    // A variable overrides a key; the other engine's own key has to go from the file. And the
    // counterparties are this process's.
    let kept: Vec<&str> = text
        .lines()
        .filter(|l| engine != Engine::Postgres || !l.starts_with("path = "))
        .map(|l| if l == "sandbox = true" { "sandbox = false" } else { l })
        .collect();
    qd_app::demo::write_private(&file, &kept.join("\n"))?;
    vars.push(("QD_WORKER_FEED_EVERY_S", "86400".into()));
    vars.push(("QD_WORKER_SWEEP_EVERY_S", "86400".into()));
    vars.push(("QD_WORKER_WATCH_EVERY_S", "0".into()));
    vars.push(("QD_SERVER_RATE_LIMIT", "false".into()));
    let keep = house
        .leave()
        .await
        .ok_or_else(|| Problem::bug("bench_house", "a house without a database"))?;
    Ok((dir, vars, token, keep))
}

fn start(dir: &Path, at: SocketAddr, vars: &Vars) -> Result<Other> {
    let config = dir.join(qd_app::demo::CONFIG_FILE).display().to_string();
    let mut vars = vars.clone();
    vars.push(("QD_SERVER_LISTEN", at.to_string()));
    Other::start(dir, at, &["serve", "--config", &config], &vars)
}

async fn started(dir: &Path, vars: &Vars) -> Result<f64> {
    let begun = Instant::now();
    let mut server = start(dir, free()?, vars)?;
    server.answers("/healthz", "", LIMIT).await?;
    Ok(begun.elapsed().as_secs_f64())
}

/// Load, a kill in the middle of it, a start; seconds from the kill to the right answer.
async fn killed(plan: &Plan, dir: &Path, vars: &Vars, token: &str, numbers: &Arc<AtomicU64>, round: usize) -> Result<f64> {
    let at = free()?;
    let mut server = start(dir, at, vars)?;
    server.answers("/healthz", "", LIMIT).await?;
    let callers: Vec<_> = (0..plan.callers)
        .map(|_| {
            let numbers = numbers.clone();
            tokio::spawn(async move {
                let mut last = None;
                let Ok(mut c) = Connection::open(at).await else { return last };
                loop {
                    let n = numbers.fetch_add(1, Ordering::Relaxed);
                    match c.exchange(&post("/api/v1/leads", "", super::writes::lead(n).as_bytes())).await {
                        Ok(_) => last = Some(n),
                        Err(_) => return last,
                    }
                }
            })
        })
        .collect();
    // Another moment each time.
    tokio::time::sleep(Duration::from_millis(300 + 61 * (round as u64 % 11))).await;
    server.kill();
    let begun = Instant::now();
    let mut server = start(dir, at, vars)?;
    let mut acknowledged = Vec::new();
    for c in callers {
        acknowledged.extend(c.await.ok().flatten());
    }
    if acknowledged.is_empty() {
        return Err(Problem::bug("bench_no_load", "no write was acknowledged before the kill"));
    }
    let known = fill::jump(round as u64, plan.clients);
    let view = server
        .answers(&format!("/api/v1/clients/{}", fill::client_id(known)), token, LIMIT)
        .await?;
    right(&view, &fill::email(known), "a client's record")?;
    let mut c = Connection::open(at).await?;
    let mut took = None;
    for n in acknowledged {
        let found = c.exchange(&get(&format!("/api/v1/search?q=lead{n}@mail.example"), token)).await?;
        right(found, &format!("lead{n}@mail.example"), "an acknowledged lead")?;
        // The first of them belongs to the first right answer; the others are checked after the time.
        took.get_or_insert_with(|| begun.elapsed().as_secs_f64());
    }
    Ok(took.unwrap_or_default())
}

fn right(body: &[u8], part: &str, what: &str) -> Result<()> {
    if String::from_utf8_lossy(body).contains(part) {
        return Ok(());
    }
    Err(Problem::bug("bench_wrong_answer", format!("after the kill, {what} was not there")))
}

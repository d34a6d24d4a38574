//! `quarterdeck seed`, and the demo's first start: starting data and months of simulated business.
//!
//! The past is made by the product's own code: use cases, events, reactions and jobs run at a
//! simulated time, and the counterparties' books are written at the same time from inside the
//! process, so that ledger and platform agree because they went through the same steps. Deals are
//! then read back through the real connector. A day is the unit of progress: an interrupted seed
//! goes on with the day it was in, and what that day had done already is done once.

mod cast;
mod days;
mod desks;
mod partners;
mod ports;

use crate::cli::SeedArgs;
use crate::{listen, sandbox, settings};
use qd_app::config::{Config, DatabaseConfig};
use qd_app::{App, demo};
use qd_db::{Db, DbConfig};
use qd_kernel::{Env, Problem, Result, SeededEntropy, TestClock, Ts};
use qd_portals::Waiting;
use qd_runtime::access::staff::{self, NewStaff};
use qd_runtime::access::{ALL_ENTITIES, Caller, Role, logins};
use qd_sandbox::Sandbox;
use serde::{Deserialize, Serialize};
use std::process::ExitCode;
use std::sync::Arc;
use tokio::sync::watch;

/// How much of a past.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    pub clients: u32,
    pub days: u32,
    pub seed: u64,
}

/// Somebody to sign in as.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignIn {
    pub email: String,
    pub brand: String,
}

/// What the seed made that is worth telling.
#[derive(Clone, Debug, Default)]
pub struct Told {
    pub client: Option<SignIn>,
    /// Clients of the other brands.
    pub others: Vec<SignIn>,
    pub partner: Option<SignIn>,
}

/// How far a seed is; kept in the database, as the setting `demo.seed`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Mark {
    pub amount: Amount,
    pub start_us: i64,
    /// Days that are whole.
    pub days_done: u32,
    /// Counts starts, so that no two draw the same ids.
    pub attempt: u64,
    pub done: bool,
    #[serde(default)]
    pub client: Option<SignIn>,
    #[serde(default)]
    pub others: Vec<SignIn>,
    #[serde(default)]
    pub partner: Option<SignIn>,
}

pub(crate) const MARK: &str = "demo.seed";

pub async fn run(args: SeedArgs) -> Result<ExitCode> {
    let (config, _) = settings::load(&args.config)?;
    if !args.demo && args.admin.is_none() {
        return Err(Problem::invalid("seed", "nothing_to_seed", "expected --admin EMAIL or --demo"));
    }
    let env = Env::system();
    if args.demo {
        let app = App::build(config.clone(), env.clone()).await?;
        println!("{} things added to the starting data", demo::prepare(&app).await?);
    }
    if let Some(dir) = args.sandbox {
        let at = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let books = sandbox::start(at, Some(dir), None, true, true).await?;
        let amount = Amount {
            clients: args.clients,
            days: args.days,
            seed: args.seed,
        };
        let told = business(
            &with_books(&config, &books)?,
            &books,
            amount,
            listen::stop_signal(),
            &watch::channel(Waiting::default()).0,
        )
        .await?;
        books.shutdown().await;
        if let Some(c) = told.client {
            println!("a client to sign in as: {} at {}, password {}", c.email, c.brand, demo::PASSWORD);
        }
    }
    if let Some(email) = args.admin {
        let app = App::build(config, env).await?;
        admin(&app, &email).await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The same configuration with the trade servers where this process has opened their books.
fn with_books(config: &Config, books: &Sandbox) -> Result<Config> {
    let mut c = config.clone();
    for s in &mut c.trading_server {
        let at = books.address(&format!("mt5:{}:tls", s.id)).ok_or_else(|| {
            Problem::invalid(
                "trading_server.id",
                "server_not_in_sandbox",
                format!("the sandbox has no trade server {}", s.id),
            )
        })?;
        s.base_url = format!("https://{at}");
        s.trust = qd_app::config::TrustConfig::AcceptAny;
    }
    Ok(c)
}

/// The first person of a new house, who makes all others.
async fn admin(app: &App, email: &str) -> Result<()> {
    let (me, email) = (app.clone(), email.to_string());
    let shown = email.clone();
    let invite = app
        .core
        .db
        .write(async move |tx| {
            let who = Caller::system("seed");
            let new = NewStaff {
                email: email.clone(),
                name: email.split('@').next().unwrap_or("Administrator").to_string(),
                language: "en".into(),
                roles: vec![Role::SuperAdmin],
                desk: None,
                entities: vec![ALL_ENTITIES.to_string()],
                password_hash: None,
                must_change: true,
            };
            let id = staff::create(tx, &me.access, &who, new).await?;
            logins::issue_invite(tx, &me.access, &who, id).await
        })
        .await?;
    println!("{shown} is Super admin. Within seven days, set the password here:");
    println!(
        "{}/invite?token={}",
        app.config.server.public_url.trim_end_matches('/'),
        invite.token.expose()
    );
    Ok(())
}

/// The demo's first start, and nothing at later ones: starting data, then business.
pub async fn demo(
    config: &Config,
    books: &Sandbox,
    amount: Amount,
    stop: watch::Receiver<bool>,
    far: &watch::Sender<Waiting>,
) -> Result<Told> {
    let app = App::build(config.clone(), Env::system()).await?;
    demo::prepare(&app).await?;
    drop(app);
    business(config, books, amount, stop, far).await
}

/// Makes the past, or what is missing of it.
async fn business(
    config: &Config,
    books: &Sandbox,
    amount: Amount,
    stop: watch::Receiver<bool>,
    far: &watch::Sender<Waiting>,
) -> Result<Told> {
    let now = Env::system().now();
    let db = quick(&config.database).await?;
    db.migrate().await?;
    let mark = days::mark(&db).await?;
    let mut mark = match mark {
        Some(m) if m.done => {
            return Ok(Told {
                client: m.client,
                others: m.others,
                partner: m.partner,
            });
        }
        Some(m) => m,
        None => {
            let (y, m, d) = now.ymd();
            let start = Ts::from_ymd(y, m, d).plus_days(-i64::from(amount.days.max(14)));
            Mark {
                amount,
                start_us: start.0,
                days_done: 0,
                attempt: 0,
                done: false,
                client: None,
                others: Vec::new(),
                partner: None,
            }
        }
    };
    mark.attempt += 1;
    let clock = Arc::new(TestClock::new(Ts(mark.start_us).plus_days(i64::from(mark.days_done))));
    let entropy = SeededEntropy::new(mark.amount.seed.wrapping_mul(1_000_003).wrapping_add(mark.attempt));
    let env = Env::new(clock.clone(), Arc::new(entropy));
    let app = App::build_on(config.clone(), env, db).await?;
    let told = days::play(app, books, clock, mark, stop, far).await?;
    flush(&config.database);
    Ok(told)
}

/// While the past is made, commits are not flushed one by one: it can be made again.
async fn quick(config: &DatabaseConfig) -> Result<Db> {
    match config {
        DatabaseConfig::Sqlite { path } => {
            Db::open(&DbConfig::Sqlite {
                path: path.clone(),
                durable: false,
            })
            .await
        }
        DatabaseConfig::Postgres { .. } => qd_app::open_database(config).await,
    }
}

/// Afterwards it has to last.
fn flush(config: &DatabaseConfig) {
    if let DatabaseConfig::Sqlite { path } = config {
        for suffix in ["", "-wal"] {
            let mut name = path.clone().into_os_string();
            name.push(suffix);
            if let Ok(f) = std::fs::File::open(name)
                && let Err(e) = f.sync_all()
            {
                tracing::warn!(error = %e, "the database could not be flushed");
            }
        }
    }
}

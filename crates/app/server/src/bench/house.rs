//! The product as it is served, on a database of its own, with its counterparties inside; and a
//! bare server beside it.

use super::load::{self, Make, Round};
use super::place::Fresh;
use super::plan::Plan;
use crate::{demo, listen, seed};
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use qd_app::config::{Config, DatabaseConfig, SecretRef};
use qd_app::{App, Running};
use qd_db::DbConfig;
use qd_kernel::{Env, Problem, Result, Secret};
use qd_runtime::access::{Realm, SignIn};
use qd_sandbox::{Sandbox, demo_config};
use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::watch;

const HOOKS: &str = "/hooks/";

/// How it runs while it is measured.
#[derive(Clone, Copy, Debug, Default)]
pub struct How {
    /// Workers and bus: off where one request is measured and not what follows from it.
    pub working: bool,
    /// Feeds poll this often; 0 means as good as never.
    pub feed_every_s: i64,
    /// Clients and days of simulated business to begin with.
    pub past: Option<(u32, u32)>,
}

pub struct House {
    pub app: App,
    pub at: SocketAddr,
    pub sandbox: Sandbox,
    /// Every call the counterparties answered over HTTP.
    pub answers: Answers,
    /// Configuration and keys.
    pub dir: std::path::PathBuf,
    fresh: Option<Fresh>,
    running: Option<Running>,
    stop: watch::Sender<bool>,
}

/// When each answer began and ended, and what was asked.
#[derive(Clone, Debug, Default)]
pub struct Answers(Arc<Mutex<Vec<(Instant, Instant, String)>>>);

impl Answers {
    /// Seconds the counterparties spent in answers that began after `from` and ended before `to`.
    pub fn between(&self, from: Instant, to: Instant) -> f64 {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter()
            .filter(|a| a.0 >= from && a.1 <= to && !a.2.starts_with(HOOKS))
            .map(|a| (a.1 - a.0).as_secs_f64())
            .sum()
    }
    /// When the first callback after `from` came.
    pub fn first_callback(&self, from: Instant) -> Option<Instant> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|a| a.0 >= from && a.2.starts_with(HOOKS)).map(|a| a.0).min()
    }
    fn add(&self, begun: Instant, path: String) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((begun, Instant::now(), path));
    }
}

async fn timed(State(answers): State<Answers>, req: Request, next: Next) -> Response {
    let (begun, path) = (Instant::now(), req.uri().path().to_string());
    let r = next.run(req).await;
    answers.add(begun, path);
    r
}

impl House {
    pub async fn open(plan: &Plan, fresh: Fresh, how: How) -> Result<House> {
        let dir = plan.place.folder("house")?;
        let (listener, at) = listen::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let env = Env::system();
        let mut around = demo_config(Some(dir.join("sandbox")), SocketAddr::from(([127, 0, 0, 1], 0)));
        around.public_base = format!("http://{at}/sandbox");
        around.hook_base = format!("http://{at}");
        around.simulate_traders = false;
        let sandbox = Sandbox::start(around, env.clone()).await?;
        let mut config = demo::write_config(&dir, at, &sandbox, &env)?;
        config.database = database(&fresh, &dir)?;
        settle(&mut config, how);
        let (stop, stopped) = watch::channel(false);
        if let Some((clients, days)) = how.past {
            seed::demo(
                &config,
                &sandbox,
                seed::Amount { clients, days, seed: 1 },
                stopped.clone(),
                &watch::channel(qd_portals::Waiting::default()).0,
            )
            .await?;
        }
        // Over our own listener, so that their answers can be timed; their TLS is not ours to measure.
        for s in &mut config.trading_server {
            s.base_url = format!("http://{at}/sandbox/mt5/{}", s.id);
        }
        let app = App::build(config, env).await?;
        qd_app::demo::prepare(&app).await?;
        let answers = Answers::default();
        let counterparties = sandbox.router().layer(from_fn_with_state(answers.clone(), timed));
        let router = qd_api::router(app.clone())
            .layer(from_fn_with_state(answers.clone(), hooks_timed))
            .nest("/sandbox", counterparties);
        tokio::spawn(listen::serve(listener, listen::Door::new(router), stopped));
        let running = if how.working { Some(app.start().await?) } else { None };
        Ok(House {
            app,
            at,
            sandbox,
            answers,
            dir,
            fresh: Some(fresh),
            running,
            stop,
        })
    }

    /// A session of one of the demo's people.
    pub async fn token(&self, email: &str) -> Result<String> {
        let s = self
            .app
            .access
            .sign_in(SignIn {
                realm: Realm::Staff,
                email: email.into(),
                password: Secret::new(qd_app::demo::PASSWORD),
                code: None,
                ip: None,
                device: None,
                agent: None,
            })
            .await?;
        Ok(s.token.expose().to_string())
    }

    /// Of the database, when it is PostgreSQL.
    pub fn url(&self) -> Option<&Secret> {
        self.fresh.as_ref().and_then(Fresh::url)
    }

    pub async fn load(&self, plan: &Plan, numbers: &Arc<AtomicU64>, make: &Make) -> Result<Round> {
        load::run(self.at, plan.callers, plan.round, numbers.clone(), make.clone()).await
    }

    pub async fn close(self) {
        if let Some(f) = self.leave().await {
            f.remove().await;
        }
    }

    /// Ends everything but the database.
    pub async fn leave(mut self) -> Option<Fresh> {
        let _ = self.stop.send(true);
        if let Some(r) = self.running.take() {
            r.stop().await;
        }
        self.sandbox.shutdown().await;
        self.fresh.take()
    }
}

/// A measurement that failed must not leave workers behind that disturb the next.
impl Drop for House {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(r) = self.running.take() {
            tokio::spawn(r.stop());
        }
    }
}

/// The moment a callback arrives is the beginning of what the house is measured by.
async fn hooks_timed(State(answers): State<Answers>, req: Request, next: Next) -> Response {
    if !req.uri().path().starts_with(HOOKS) {
        return next.run(req).await;
    }
    timed(State(answers), req, next).await
}

fn database(fresh: &Fresh, dir: &std::path::Path) -> Result<DatabaseConfig> {
    Ok(match &fresh.config {
        DbConfig::Sqlite { path, .. } => DatabaseConfig::Sqlite { path: path.clone() },
        DbConfig::Postgres { url, max_connections } => {
            let file = dir.join("keys").join("database");
            qd_app::demo::write_private(&file, url.expose())?;
            DatabaseConfig::Postgres {
                url: SecretRef(format!("file:{}", file.display())),
                max_connections: *max_connections,
            }
        }
    })
}

fn settle(config: &mut Config, how: How) {
    let seldom = 86_400;
    config.server.rate_limit = false;
    config.worker.feed_every_s = if how.feed_every_s == 0 { seldom } else { how.feed_every_s };
    config.worker.sweep_every_s = seldom;
    config.worker.watch_every_s = 0;
}

/// A server with nothing in it but what it is given.
pub struct Bare {
    pub at: SocketAddr,
    stop: watch::Sender<bool>,
}

impl Bare {
    pub async fn serve(router: Router) -> Result<Bare> {
        let (listener, at) = listen::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(listen::serve(listener, listen::Door::new(router), stopped));
        Ok(Bare { at, stop })
    }

    pub async fn load(&self, plan: &Plan, numbers: &Arc<AtomicU64>, make: &Make) -> Result<Round> {
        load::run(self.at, plan.callers, plan.round, numbers.clone(), make.clone()).await
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
    }
}

/// A failure of the baseline's own handler.
pub fn refused(p: &Problem) -> Response {
    let mut r = Response::new(axum::body::Body::from(p.detail.clone()));
    *r.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
    r
}

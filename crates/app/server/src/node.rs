//! A node: `serve` with HTTP, `worker` without.

use crate::cli::ConfigArgs;
use crate::{listen, settings};
use axum::Router;
use qd_app::{App, Running};
use qd_kernel::{Env, Problem, Result};
use qd_portals::Site;
use qd_sandbox::Sandbox;
use std::process::ExitCode;
use std::time::Duration;

/// How long jobs under way may take once the end has begun. What is cut off is taken up again by
/// its lease.
const GRACE: Duration = Duration::from_secs(20);

pub async fn serve(args: ConfigArgs) -> Result<ExitCode> {
    let (config, path) = settings::load(&args)?;
    if config.demo.as_ref().is_some_and(|d| d.sandbox) {
        return Err(Problem::conflict(
            "config_is_the_demos",
            "this is the demo's configuration: its trading servers, payment providers and mail server run inside `quarterdeck demo`. \
             Start that, or set sandbox = false in [demo] when they run elsewhere",
        ));
    }
    let stop = listen::stop_signal();
    let (listener, at) = listen::bind(config.server.listen).await?;
    if !at.ip().is_loopback() && !config.access.staff_second_factor {
        tracing::warn!(address = %at, "access.staff_second_factor is off on an address that others can reach: a password alone opens the back office");
    }
    let app = App::build(config, Env::system()).await?;
    tracing::info!(address = %at, config = %path.display(), engine = app.core.db.engine().name(), "serving");
    let running = app.start().await?;
    listen::serve(listener, listen::Door::new(router(app, None)), stop).await;
    end(running).await;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

pub async fn work(args: ConfigArgs) -> Result<ExitCode> {
    let (mut config, path) = settings::load(&args)?;
    config.worker.concurrency = config.worker.concurrency.max(1);
    let mut stop = listen::stop_signal();
    let app = App::build(config, Env::system()).await?;
    let running = app.start().await?;
    tracing::info!(config = %path.display(), engine = app.core.db.engine().name(), "working");
    listen::stopped(&mut stop).await;
    end(running).await;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Lets jobs under way finish.
pub async fn end(running: Running) {
    if tokio::time::timeout(GRACE, running.stop()).await.is_err() {
        tracing::warn!("jobs were still running; their leases will pass them on");
    }
}

/// The API, the portals, and in the demo its counterparties.
pub fn router(app: App, sandbox: Option<&Sandbox>) -> Router {
    let portals = qd_portals::router(app.clone(), site());
    let router = qd_api::router_with(app, Some(portals));
    match sandbox {
        Some(s) => router.nest("/sandbox", s.router()),
        None => router,
    }
}

/// The portals in this program; while they are worked on, those in the folder QD_WEB_DIR.
pub fn site() -> Site {
    match std::env::var_os("QD_WEB_DIR").filter(|d| cfg!(debug_assertions) && !d.is_empty()) {
        Some(dir) => Site::folder(dir.into()),
        None => Site::embedded(),
    }
}

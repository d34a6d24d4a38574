//! A node: `serve` with HTTP, `worker` without.

use crate::cli::ConfigArgs;
use crate::{listen, settings};
use axum::Router;
use axum::response::Redirect;
use axum::routing::get;
use qd_app::App;
use qd_kernel::{Env, Result};
use qd_sandbox::Sandbox;
use std::process::ExitCode;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// How long jobs under way may take once the end has begun. What is cut off is taken up again by
/// its lease.
const GRACE: Duration = Duration::from_secs(20);

pub async fn serve(args: ConfigArgs) -> Result<ExitCode> {
    let (config, path) = settings::load(&args)?;
    let stop = listen::stop_signal();
    let (listener, at) = listen::bind(config.server.listen).await?;
    if !at.ip().is_loopback() && !config.access.staff_second_factor {
        tracing::warn!(address = %at, "access.staff_second_factor is off on an address that others can reach: a password alone opens the back office");
    }
    let app = App::build(config, Env::system()).await?;
    tracing::info!(address = %at, config = %path.display(), engine = app.core.db.engine().name(), "serving");
    run(app, listener, None, stop).await?;
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
    if tokio::time::timeout(GRACE, running.stop()).await.is_err() {
        tracing::warn!("jobs were still running; their leases will pass them on");
    }
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Starts workers and bus, serves, and takes all down again in order.
pub async fn run(app: App, listener: TcpListener, sandbox: Option<&Sandbox>, stop: watch::Receiver<bool>) -> Result<()> {
    let running = app.start().await?;
    let mut router = qd_api::router(app).merge(front_door());
    if let Some(s) = sandbox {
        router = router.nest("/sandbox", s.router());
    }
    listen::serve(listener, router, stop).await;
    if tokio::time::timeout(GRACE, running.stop()).await.is_err() {
        tracing::warn!("jobs were still running; their leases will pass them on");
    }
    Ok(())
}

/// Until there are portals, the front door leads to the page of the API.
fn front_door() -> Router {
    Router::new().route("/", get(|| async { Redirect::temporary("/api") }))
}

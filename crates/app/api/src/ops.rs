//! Health and figures for machines.

use crate::http::Meter;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderMap, HeaderValue, header};
use qd_app::App;
use qd_kernel::Problem;
use qd_runtime::access::{Caller, Right};
use qd_runtime::exceptions;
use qd_runtime::jobs::graveyard;
use qd_trading::servers;
use qd_web::gate::Peer;
use qd_web::{Api, ApiProblem};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use utoipa::ToSchema;
use utoipa_axum::routes;

pub fn routes(api: Api<App>) -> Api<App> {
    api.route(Right::Public, routes!(healthz)).route(Right::Public, routes!(readyz))
}

#[derive(Serialize, ToSchema)]
#[schema(example = json!({"ok": true}))]
pub struct Alive {
    ok: bool,
}

/// The process is alive.
#[utoipa::path(get, path = "/healthz", tag = "control", responses((status = 200, body = Alive)))]
pub async fn healthz() -> Json<Alive> {
    Json(Alive { ok: true })
}

/// The database answers: send traffic here.
#[utoipa::path(get, path = "/readyz", tag = "control", responses((status = 200, body = Alive)))]
pub async fn readyz(State(app): State<App>) -> Result<Json<Alive>, ApiProblem> {
    app.core
        .db
        .read(async |tx| qd_runtime::events::head(tx).await)
        .await
        .map_err(|p| Problem::unavailable("not_ready", "the database does not answer").with_source(p))?;
    Ok(Json(Alive { ok: true }))
}

/// `/metrics` in Prometheus' text format: numbers only, no names of people. For whoever has the
/// configured token; without one configured, for this machine itself.
pub fn scrape(app: App, meter: Meter) -> Router {
    // Read once: a secret that cannot be read opens nothing, and the log says so.
    let token = app.config.server.metrics_token.as_ref().map(|t| {
        t.read("server.metrics_token")
            .map(|s| Sha256::digest(s.expose().as_bytes()).to_vec())
            .inspect_err(|p| tracing::error!(error = %p, "the metrics' token cannot be read; /metrics answers nobody"))
            .unwrap_or_default()
    });
    Router::new().route(
        "/metrics",
        get(move |req: Request| {
            let (app, meter, token) = (app.clone(), meter.clone(), token.clone());
            async move {
                match may_scrape(token.as_deref(), req.headers(), req.extensions().get::<Peer>().copied()) {
                    true => figures(app, meter).await,
                    false => ApiProblem(Problem::missing("page")).into_response(),
                }
            }
        }),
    )
}

/// Hashes are compared, so that the time it takes tells nothing about the token.
fn may_scrape(token: Option<&[u8]>, headers: &HeaderMap, peer: Option<Peer>) -> bool {
    match token {
        Some(wanted) => headers
            .get(header::AUTHORIZATION)
            .and_then(|v| v.to_str().ok())
            .and_then(|v| v.strip_prefix("Bearer "))
            .is_some_and(|t| Sha256::digest(t.trim().as_bytes()).as_slice() == wanted),
        None => {
            let passed_on = ["x-forwarded-for", "forwarded", "x-real-ip", "via"]
                .iter()
                .any(|h| headers.contains_key(*h));
            !passed_on && peer.is_some_and(|p| p.0.ip().to_canonical().is_loopback())
        }
    }
}

async fn figures(app: App, meter: Meter) -> Response {
    let now = app.core.now();
    let (flushed, flushes) = app.core.db.commit_counts();
    let platforms = app.platforms.clone();
    let read = app
        .core
        .db
        .read(async move |tx| {
            let jobs = graveyard::figures(tx, now).await?;
            let open = exceptions::ageing(tx, now).await?;
            let waiting = qd_runtime::events::any_unplaced(tx).await?;
            let head = qd_runtime::events::head(tx).await?;
            let lags = qd_runtime::bus::lags(tx).await?;
            let feeds = servers::list(tx, &Caller::system("metrics"), &platforms).await?;
            Ok((jobs, open, waiting, head, lags, feeds))
        })
        .await;
    let (jobs, open, waiting, head, lags, feeds) = match read {
        Ok(r) => r,
        Err(p) => return ApiProblem(Problem::unavailable("not_ready", "the database does not answer").with_source(p)).into_response(),
    };
    let mut out = meter.text();
    let mut family = |name: &str, kind: &str, help: &str, rows: Vec<(String, i64)>| {
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in rows {
            let _ = writeln!(out, "{name}{labels} {value}");
        }
    };
    let of = |f: fn(&graveyard::Figures) -> i64| jobs.iter().map(|j| (format!("{{kind=\"{}\"}}", j.kind), f(j))).collect::<Vec<_>>();
    family("qd_jobs_ready", "gauge", "Jobs that wait.", of(|j| j.ready));
    family("qd_jobs_leased", "gauge", "Jobs that run.", of(|j| j.leased));
    family("qd_jobs_dead", "gauge", "Jobs whose attempts are used up.", of(|j| j.dead));
    family(
        "qd_jobs_lag_seconds",
        "gauge",
        "How long the job that should have run first has waited.",
        of(|j| j.lag_secs),
    );
    family(
        "qd_outbox_waiting",
        "gauge",
        "1 when events wait for their position.",
        vec![(String::new(), i64::from(waiting))],
    );
    family(
        "qd_events_position",
        "counter",
        "Position of the newest event.",
        vec![(String::new(), head)],
    );
    family(
        "qd_events_behind",
        "gauge",
        "Events a subscription has still to go through.",
        lags.iter().map(|(name, n)| (format!("{{subscription=\"{name}\"}}"), *n)).collect(),
    );
    family(
        "qd_exceptions_open",
        "gauge",
        "Open exceptions by role.",
        open.iter().map(|a| (format!("{{role=\"{}\"}}", a.owner_role), a.open)).collect(),
    );
    family(
        "qd_exceptions_overdue",
        "gauge",
        "Exceptions past their time by role.",
        open.iter().map(|a| (format!("{{role=\"{}\"}}", a.owner_role), a.overdue)).collect(),
    );
    let feed = |f: fn(&servers::CursorRow, qd_kernel::Ts) -> i64| {
        feeds
            .iter()
            .filter_map(|s| Some((format!("{{server=\"{}\"}}", s.server.id), f(s.feed.as_ref()?, now))))
            .collect::<Vec<_>>()
    };
    family(
        "qd_feed_lag_microseconds",
        "gauge",
        "From the platform's clock to ours when the newest deals were recorded.",
        feed(|c, _| c.lag_us),
    );
    family(
        "qd_feed_polled_seconds",
        "gauge",
        "Since the feed last asked.",
        feed(|c, now| now.secs_since(c.polled_at)),
    );
    family("qd_feed_deals_total", "counter", "Deals recorded.", feed(|c, _| c.deals_total));
    family(
        "qd_db_commits_total",
        "counter",
        "Transactions committed (SQLite).",
        vec![(String::new(), i64::try_from(flushed).unwrap_or(i64::MAX))],
    );
    family(
        "qd_db_flushes_total",
        "counter",
        "Flushes they took (SQLite).",
        vec![(String::new(), i64::try_from(flushes).unwrap_or(i64::MAX))],
    );
    let mut r = out.into_response();
    r.headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4"));
    r
}

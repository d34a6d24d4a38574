//! The layers every request passes, outermost first: request id and log, panics, security headers,
//! rate limits by address, and a last look that no error leaves without a problem body.

mod headers;
mod limit;
mod meter;

pub use limit::Limiter;
pub use meter::Meter;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use http::{HeaderName, HeaderValue, StatusCode, header};
use qd_app::App;
use qd_kernel::Problem;
use qd_web::ApiProblem;
use std::any::Any;
use tower_http::catch_panic::CatchPanicLayer;

pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

#[derive(Clone)]
struct Outer {
    app: App,
    meter: Meter,
}

pub fn layered(router: Router, portals: Option<Router>, app: &App, meter: Meter) -> Router {
    let outer = Outer { app: app.clone(), meter };
    let limiter = Limiter::new(app);
    let router = match portals {
        Some(p) => router.merge(p),
        None => router.fallback(async || ApiProblem(Problem::missing("page"))),
    };
    router
        .method_not_allowed_fallback(async || plain(StatusCode::METHOD_NOT_ALLOWED))
        .layer(from_fn(problems_only))
        .layer(Extension(limiter.clone()))
        .layer(from_fn_with_state(limiter, limit::check))
        .layer(from_fn_with_state(app.clone(), headers::add))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(outer, log))
}

fn panicked(_: Box<dyn Any + Send>) -> Response {
    ApiProblem(Problem::bug("panicked", "a handler panicked")).into_response()
}

/// Errors that the framework makes by itself (a wrong method, a header too long) speak our
/// language too.
async fn problems_only(req: Request, next: Next) -> Response {
    let r = next.run(req).await;
    let s = r.status();
    if !(s.is_client_error() || s.is_server_error()) {
        return r;
    }
    match r.headers().get(header::CONTENT_TYPE) {
        Some(v) if v.as_bytes() == b"application/problem+json" => r,
        // A page of the portals that says so to a person; what the framework makes is plain text.
        Some(v) if v.as_bytes().starts_with(b"text/html") => r,
        _ => plain(s),
    }
}

/// A problem for a status that none of our own classes has.
fn plain(status: StatusCode) -> Response {
    let (code, detail) = match status {
        StatusCode::METHOD_NOT_ALLOWED => ("method_not_allowed", "this address does not take this method"),
        StatusCode::PAYLOAD_TOO_LARGE => ("body_too_large", "the body is larger than this address takes"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ("body_unreadable", "expected application/json"),
        s if s.is_server_error() => ("unavailable", "something went wrong on our side"),
        _ => ("request_malformed", "the request could not be read"),
    };
    let body = serde_json::json!({
        "type": format!("/problems/{code}"), "title": status.canonical_reason().unwrap_or("Error"), "status": status.as_u16(),
        "code": code, "detail": detail, "fields": [],
    });
    let mut r = (status, axum::Json(body)).into_response();
    r.headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    r
}

/// One line per request: no addresses, no names, no query.
async fn log(State(outer): State<Outer>, mut req: Request, next: Next) -> Response {
    let env = outer.app.core.env.clone();
    let start = env.now();
    let id = req
        .headers()
        .get(REQUEST_ID)
        .and_then(|v| v.to_str().ok())
        .filter(|s| (8..=64).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
        .map_or_else(|| env.entropy.code(20), str::to_string);
    if let Ok(v) = HeaderValue::from_str(&id) {
        req.headers_mut().insert(REQUEST_ID, v);
    }
    let method = req.method().clone();
    let path = req
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "-".to_string(), |p| p.as_str().to_string());
    let mut r = next.run(req).await;
    let ms = (env.now().micros() - start.micros()).max(0) / 1_000;
    outer.meter.count(&method, &path, r.status());
    tracing::info!(%method, path, status = r.status().as_u16(), ms, request_id = id, "request");
    if let Ok(v) = HeaderValue::from_str(&id) {
        r.headers_mut().insert(REQUEST_ID, v);
    }
    r
}

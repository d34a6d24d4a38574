//! The browsable page of the API: our own files, nothing from elsewhere.

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderName, HeaderValue, header};
use std::sync::Arc;

const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub fn router(document: String) -> Router {
    let document: Arc<str> = document.into();
    Router::new()
        .route("/api/openapi.json", get(move || async move { file("application/json", &document) }))
        .route(
            "/api",
            get(async || file("text/html; charset=utf-8", include_str!("assets/page.html"))),
        )
        .route(
            "/api/page.css",
            get(async || file("text/css; charset=utf-8", include_str!("assets/page.css"))),
        )
        .route(
            "/api/page.js",
            get(async || file("text/javascript; charset=utf-8", include_str!("assets/page.js"))),
        )
}

fn file(kind: &'static str, body: &str) -> Response {
    let mut r = body.to_string().into_response();
    let h = r.headers_mut();
    h.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    h.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    h.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP));
    h.insert(HeaderName::from_static("x-frame-options"), HeaderValue::from_static("DENY"));
    r
}

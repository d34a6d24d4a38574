//! The portals in the browser: Trader's Room at `/`, Back Office at `/office`, Partner Portal at
//! `/partner`, and the pages that need no sign-in. Static files from one build, a page per app that
//! is filled in per request, and each brand's face by host. See README.md.

mod brand;
mod html;
mod pages;
mod site;

pub use pages::{Waiting, waiting};
pub use site::{AppKind, Site};

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{Method, Uri};
use qd_app::App;
use qd_kernel::Problem;
use qd_web::ApiProblem;
use std::sync::Arc;

/// Addresses that are never a page of an app: what is unknown below them is not found.
const NOT_PAGES: [&str; 11] = [
    "api", "assets", "brand", "c", "healthz", "hooks", "legal", "locales", "metrics", "readyz", "sandbox",
];

#[derive(Clone)]
pub(crate) struct Front {
    pub app: App,
    pub site: Arc<Site>,
}

/// Everything a browser asks for that is not the API; its fallback answers what no route has.
pub fn router(app: App, site: Site) -> Router {
    let front = Front { app, site: Arc::new(site) };
    Router::new()
        .route("/assets/{*path}", get(asset))
        .route("/brand.css", get(brand::css))
        .route("/brand/logo.svg", get(brand::logo))
        .route("/favicon.ico", get(brand::logo))
        .route("/manifest.webmanifest", get(brand::web_manifest))
        .route("/legal/{kind}", get(pages::legal))
        .route("/locales/{language}/{file}", get(pages::texts))
        .route("/robots.txt", get(async || "User-agent: *\nDisallow: /office\n"))
        .fallback(page)
        .with_state(front)
}

async fn asset(State(front): State<Front>, Path(path): Path<String>, req: Request) -> Response {
    front
        .site
        .asset(&path, req.headers())
        .unwrap_or_else(|| ApiProblem(Problem::missing("file")).into_response())
}

/// The page of the app that has this address. What a program asks for is not found here.
async fn page(State(front): State<Front>, method: Method, uri: Uri, req: Request) -> Response {
    let nothing = || ApiProblem(Problem::missing("page")).into_response();
    if method != Method::GET && method != Method::HEAD {
        return nothing();
    }
    let path = uri.path();
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    let file = path.rsplit('/').next().is_some_and(|last| last.contains('.'));
    if file || NOT_PAGES.contains(&first) {
        return nothing();
    }
    let app = AppKind::of(path);
    if app != AppKind::Auth && front.site.built() && !html::has_session(req.headers()) {
        return html::to_sign_in(app, &uri);
    }
    match html::app_page(&front, app, path, uri.query(), req.headers()).await {
        Ok(r) => r,
        Err(p) => {
            tracing::warn!(code = p.code, "a page could not be made");
            pages::unavailable(&front.app.core.env)
        }
    }
}

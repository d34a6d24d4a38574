//! The HTTP API: thin handlers over the use cases, and their description. A handler reads the
//! request, calls one use case in one transaction and answers its view; what may be done is decided
//! below. No route exists without a right (`qd_web::Api`).

pub mod auth;
pub mod boot;
pub mod document;
pub mod download;
pub mod hooks;
pub mod http;
pub mod kit;
pub mod me;
pub mod office;
pub mod ops;
pub mod outward;
pub mod page;
pub mod print;
pub mod public;
pub mod schema;

use axum::Router;
use qd_app::App;
use qd_app::identify::Door;
use qd_web::{Api, Built, Gate};
use std::sync::Arc;

/// All routes with their rights, and the description as the routes declare it.
pub fn build(app: App) -> Built {
    let gate = Gate {
        identify: Arc::new(Door(app.access.clone())),
        behind_proxy: app.config.server.behind_proxy,
    };
    Api::new(gate, document::base())
        .with(auth::routes)
        .with(public::routes)
        .with(boot::routes)
        .with(me::routes)
        .with(office::routes)
        .with(hooks::routes)
        .with(ops::routes)
        .build(app)
}

/// What the server mounts at its root: the API, its page, health and metrics, behind the layers
/// that every answer passes.
pub fn router(app: App) -> Router {
    router_with(app, None)
}

/// The same with the portals, whose fallback then answers what no route has.
pub fn router_with(app: App, portals: Option<Router>) -> Router {
    let meter = http::Meter::default();
    let built = build(app.clone());
    let document = document::text(&built);
    let router = built
        .router
        .merge(page::router(document))
        .merge(ops::scrape(app.clone(), meter.clone()));
    http::layered(router, portals, &app, meter)
}

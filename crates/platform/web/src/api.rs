//! Routes. The only way to add one names its right; the same call puts the operation, with that
//! right in `x-right`, into the OpenAPI document. Default deny: there is no `route` without.

use crate::gate::{Gate, check};
use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use qd_runtime::access::Right;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{OpenApi, PathItem};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

pub struct Api<S: Clone + Send + Sync + 'static> {
    gate: Gate,
    router: OpenApiRouter<S>,
}

/// The finished router and its document.
pub struct Built {
    pub router: Router,
    pub openapi: OpenApi,
}

impl<S: Clone + Send + Sync + 'static> Api<S> {
    pub fn new(gate: Gate, document: OpenApi) -> Self {
        Api {
            gate,
            router: OpenApiRouter::with_openapi(document),
        }
    }

    /// Mounts handlers (from `routes!`) under the right that each of them needs.
    #[must_use]
    pub fn route(mut self, right: Right, routes: UtoipaMethodRouter<S>) -> Self {
        let (schemas, mut paths, methods) = routes;
        for item in paths.paths.values_mut() {
            for op in operations(item) {
                let ext = utoipa::openapi::extensions::ExtensionsBuilder::new()
                    .add("x-right", right.as_str())
                    .build();
                match &mut op.extensions {
                    Some(e) => e.merge(ext),
                    none => *none = Some(ext),
                }
            }
        }
        let gate = self.gate.clone();
        let methods = methods.route_layer(from_fn(move |req: Request, next: Next| check(gate.clone(), right, req, next)));
        self.router = self.router.routes((schemas, paths, methods));
        self
    }

    /// Several at once, from a module's own list.
    #[must_use]
    pub fn with(self, add: impl FnOnce(Self) -> Self) -> Self {
        add(self)
    }

    pub fn build(self, state: S) -> Built {
        let (router, openapi) = self.router.split_for_parts();
        Built {
            router: router.with_state(state),
            openapi,
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.delete,
        &mut item.patch,
        &mut item.head,
        &mut item.options,
        &mut item.trace,
    ]
    .into_iter()
    .filter_map(Option::as_mut)
}

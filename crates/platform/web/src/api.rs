//! Routes. The only way to add one names its right; the same call puts the operation, with that
//! right in `x-right`, into the OpenAPI document. Default deny: there is no `route` without.

use crate::gate::{Gate, check};
use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use qd_runtime::access::Right;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::openapi::path::Operation;
use utoipa::openapi::{OpenApi, PathItem, RefOr, Schema};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

pub struct Api<S: Clone + Send + Sync + 'static> {
    gate: Gate,
    router: OpenApiRouter<S>,
    named: BTreeMap<String, RefOr<Schema>>,
    clashes: BTreeSet<String>,
}

/// The finished router and its document.
pub struct Built {
    pub router: Router,
    pub openapi: OpenApi,
    /// Names that two different types claim in the document, where the later one would have
    /// quietly taken the earlier one's place. A test keeps this empty.
    pub clashes: BTreeSet<String>,
}

impl<S: Clone + Send + Sync + 'static> Api<S> {
    pub fn new(gate: Gate, document: OpenApi) -> Self {
        let named = document.components.iter().flat_map(|c| c.schemas.clone()).collect();
        Api {
            gate,
            router: OpenApiRouter::with_openapi(document),
            named,
            clashes: BTreeSet::new(),
        }
    }

    /// Mounts handlers (from `routes!`) under the right that each of them needs.
    #[must_use]
    pub fn route(mut self, right: Right, routes: UtoipaMethodRouter<S>) -> Self {
        let (schemas, mut paths, methods) = routes;
        for (name, schema) in &schemas {
            match self.named.get(name) {
                None => drop(self.named.insert(name.clone(), schema.clone())),
                Some(known) if known != schema => drop(self.clashes.insert(name.clone())),
                Some(_) => {}
            }
        }
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
            clashes: self.clashes,
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

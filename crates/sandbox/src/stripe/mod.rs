//! A card processor that speaks Stripe.

use crate::Shared;
use axum::Router;
use qd_kernel::Result;
use std::sync::Arc;

pub struct Stripe {
    #[allow(dead_code)]
    shared: Arc<Shared>,
}

impl Stripe {
    pub async fn start(shared: Arc<Shared>) -> Result<Arc<Stripe>> {
        Ok(Arc::new(Stripe { shared }))
    }
    /// Mounted at `/stripe`.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
    }
    /// Mounted at `/control/stripe`.
    pub fn control(self: &Arc<Self>) -> Router {
        Router::new()
    }
}

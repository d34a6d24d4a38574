//! A mail catcher: takes everything by SMTP, shows it over HTTP, sends nothing on.

use crate::Shared;
use axum::Router;
use qd_kernel::Result;
use std::net::SocketAddr;
use std::sync::Arc;

pub struct Mail {
    #[allow(dead_code)]
    shared: Arc<Shared>,
}

impl Mail {
    pub async fn start(shared: Arc<Shared>) -> Result<Arc<Mail>> {
        Ok(Arc::new(Mail { shared }))
    }
    /// Mounted at `/mail`.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
    }
    /// Where the SMTP listener is, when there is one.
    pub fn address(&self) -> Option<SocketAddr> {
        None
    }
}

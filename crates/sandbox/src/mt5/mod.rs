//! MetaTrader 5 trade servers.

use crate::Shared;
use axum::Router;
use qd_kernel::Result;
use std::net::SocketAddr;
use std::sync::Arc;

pub struct Mt5 {
    #[allow(dead_code)]
    shared: Arc<Shared>,
}

pub struct Server;

impl Mt5 {
    pub fn start(shared: Arc<Shared>) -> Result<Arc<Mt5>> {
        Ok(Arc::new(Mt5 { shared }))
    }
    pub async fn listen(self: &Arc<Self>) -> Result<Vec<(String, SocketAddr)>> {
        Ok(Vec::new())
    }
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
    }
    pub fn control(self: &Arc<Self>) -> Router {
        Router::new()
    }
    pub fn server(&self, _name: &str) -> Option<Arc<Server>> {
        None
    }
    pub fn save_prices(&self) {}
}

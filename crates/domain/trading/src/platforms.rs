//! The platforms this node is connected to, by server id, and the vault for first passwords.

use qd_kernel::{Problem, Result};
use qd_ports::platform::{Capabilities, TradingPlatform};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Seals small secrets for storage. Implemented over the file key by the composition root.
pub trait Vault: Send + Sync {
    fn seal(&self, plain: &[u8]) -> Result<Vec<u8>>;
    fn open(&self, sealed: &[u8]) -> Result<Vec<u8>>;
}

#[derive(Clone)]
pub struct Platforms {
    by_server: Arc<BTreeMap<String, Arc<dyn TradingPlatform>>>,
    builds: Arc<BTreeMap<String, Vec<(u32, u32)>>>,
    pub vault: Arc<dyn Vault>,
}

impl Platforms {
    pub fn new(by_server: BTreeMap<String, Arc<dyn TradingPlatform>>, vault: Arc<dyn Vault>) -> Self {
        Platforms {
            by_server: Arc::new(by_server),
            builds: Arc::default(),
            vault,
        }
    }
    /// Builds, by server, that the house has tried itself beside those the connectors name; both
    /// ends included.
    pub fn with_builds(mut self, builds: BTreeMap<String, Vec<(u32, u32)>>) -> Self {
        self.builds = Arc::new(builds);
        self
    }
    /// What the connector of a server can do; None on a node without a connection to it.
    pub fn capabilities(&self, server: &str) -> Option<Capabilities> {
        let mut c = self.by_server.get(server)?.capabilities();
        c.builds.extend(self.builds.get(server).into_iter().flatten());
        Some(c)
    }
    pub fn get(&self, server: &str) -> Result<Arc<dyn TradingPlatform>> {
        self.by_server.get(server).cloned().ok_or_else(|| {
            Problem::unavailable(
                "server_not_connected",
                format!("this node has no connection to the trading server {server}"),
            )
        })
    }
    pub fn servers(&self) -> impl Iterator<Item = &str> {
        self.by_server.keys().map(String::as_str)
    }
}

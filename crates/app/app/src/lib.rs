//! The composition root: builds every service in one visible order, and joins the domains. What
//! one domain does when another has changed is in `reactions`; what one needs to know of another
//! is put together in `compose`. No rule of its own lives here.

pub mod brands;
pub mod compose;
pub mod compose_kyc;
pub mod config;
pub mod countries;
pub mod demo;
pub mod exchanging;
mod facts;
pub mod identify;
pub mod known;
pub mod merging;
pub mod notices;
pub mod onboarding;
pub mod partner_news;
pub mod payees;
pub mod platforms;
pub mod rails;
pub mod reactions;
pub mod reconciling;
pub mod referred;
pub mod simulations;
mod store_position;
mod store_signals;
pub mod tickets;
pub mod wiring;

use qd_kernel::{Env, Result};
use qd_notify::Catalogue;
use qd_payments::Psps;
use qd_platform_mt4 as _;
use qd_platform_mt5 as _;
use qd_runtime::access::Access;
use qd_runtime::bus::Live;
use qd_runtime::files::Files;
use qd_runtime::{Core, audit};
use qd_trading::Platforms;
use std::sync::Arc;

pub use config::Config;
pub use wiring::{Running, open_database};

/// Everything a request or a job needs. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub core: Core,
    pub access: Access,
    pub platforms: Platforms,
    pub psps: Psps,
    /// Reads and writes the banks' files.
    pub bank: Arc<dyn qd_ports::bank::BankFiles>,
    pub files: Files,
    pub catalogue: Arc<Catalogue>,
    /// The live feed of events on this node.
    pub live: Live,
    pub sealer: audit::Sealer,
    pub kyc_numbers: qd_kyc::NumberKey,
    /// Signs partner cookies and hashes visitors' addresses.
    pub links: qd_partners::clicks::LinkKey,
    /// Calls addresses that partners and outside engines gave.
    pub outward: qd_partners::Outward,
    pub config: Arc<Config>,
}

impl App {
    /// Opens the database, migrates it, and builds the services; starts nothing.
    pub async fn build(config: Config, env: Env) -> Result<App> {
        wiring::build(config, env).await
    }

    /// The same over a database that is open already.
    pub async fn build_on(config: Config, env: Env, db: qd_db::Db) -> Result<App> {
        wiring::build_on(config, env, db).await
    }

    /// Starts the bus and the workers on this node.
    pub async fn start(&self) -> Result<Running> {
        wiring::start(self).await
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("App")
    }
}

//! The trading platforms this program can speak to. A new one is a crate in `crates/connectors` and
//! a line here.

use crate::config::TradingServerConfig;
use qd_kernel::{Env, Problem, Result, Secret};
use qd_outbound::{Reach, Trust};
use qd_platform_mt4::{Mt4, Mt4Config};
use qd_platform_mt5::{Mt5, Mt5Config};
use qd_ports::platform::TradingPlatform;
use std::sync::Arc;

/// A server as configured, with its secrets read.
pub struct Server<'a> {
    pub config: &'a TradingServerConfig,
    pub password: Secret,
    pub trust: Trust,
}

/// Builds the connection to one server.
pub type Connect = fn(Server<'_>, &Env) -> Result<Arc<dyn TradingPlatform>>;

/// By the name the configuration uses.
pub const PLATFORMS: &[(&str, Connect)] = &[("mt4", mt4), ("mt5", mt5)];

pub fn find(platform: &str) -> Option<Connect> {
    PLATFORMS.iter().find(|(name, _)| *name == platform).map(|(_, c)| *c)
}

/// For messages: `mt4, mt5`.
pub fn names() -> String {
    PLATFORMS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

fn mt5(s: Server<'_>, env: &Env) -> Result<Arc<dyn TradingPlatform>> {
    let mut c = Mt5Config::new(s.config.id.clone(), s.config.base_url.clone(), s.config.manager_login, s.password);
    c.zone = s.config.zone.clone();
    c.trust = s.trust;
    Ok(Arc::new(Mt5::new(c, env.clone())?))
}

/// The bridge's client is the manager's number; which of the bridge's platforms it is, is told.
fn mt4(s: Server<'_>, env: &Env) -> Result<Arc<dyn TradingPlatform>> {
    let name = s.config.bridge_platform.clone().ok_or_else(|| {
        let expected = "expected the name of the trade platform at the bridge";
        Problem::invalid("trading_server.bridge_platform", "bridge_platform_missing", expected)
    })?;
    let client = s.config.manager_login.to_string();
    let mut c = Mt4Config::new(s.config.id.clone(), s.config.base_url.clone(), client, s.password, name);
    c.zone = s.config.zone.clone();
    c.trust = s.trust;
    // Bridges stand beside the broker's servers, in networks of its own.
    c.reach = Reach::Anywhere;
    Ok(Arc::new(Mt4::new(c, env.clone())?))
}

//! The configuration file: one TOML document, every key explained in `quarterdeck.example.toml`.
//! Unknown keys stop the start. A secret is never written in it: it is `env:NAME` or `file:PATH`.

use qd_kernel::{Currency, Problem, Result, Secret};
use qd_notify::SmtpTls;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default)]
    pub server: ServerConfig,
    pub database: DatabaseConfig,
    #[serde(default)]
    pub bus: BusConfig,
    #[serde(default)]
    pub worker: WorkerConfig,
    #[serde(default)]
    pub access: AccessSection,
    pub keys: KeysConfig,
    pub files: FilesSection,
    pub mail: MailConfig,
    #[serde(default)]
    pub texts: TextsConfig,
    #[serde(default)]
    pub outbound: OutboundSection,
    #[serde(default)]
    pub trading_server: Vec<TradingServerConfig>,
    #[serde(default)]
    pub psp: Vec<PspConfig>,
    #[serde(default)]
    pub bank: Vec<BankConfig>,
    /// Everything below is for the demo only.
    #[serde(default)]
    pub demo: Option<DemoConfig>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    pub listen: SocketAddr,
    /// How browsers and providers reach this installation.
    pub public_url: String,
    /// Take the caller's address from `X-Forwarded-For`.
    pub behind_proxy: bool,
    /// Slow down addresses that try sign-ins or send forms by program. Off only for load tests.
    pub rate_limit: bool,
    /// What `/metrics` asks for (`Authorization: Bearer …`). Without it, `/metrics` answers on this
    /// machine only, and never what came through a proxy.
    pub metrics_token: Option<SecretRef>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        ServerConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: "http://127.0.0.1:8080".into(),
            behind_proxy: false,
            rate_limit: true,
            metrics_token: None,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, tag = "engine", rename_all = "snake_case")]
pub enum DatabaseConfig {
    Sqlite {
        path: PathBuf,
    },
    Postgres {
        url: SecretRef,
        #[serde(default = "forty")]
        max_connections: usize,
    },
}

fn forty() -> usize {
    40
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, tag = "kind", rename_all = "snake_case")]
pub enum BusConfig {
    #[default]
    InProcess,
    Nats {
        url: String,
        #[serde(default)]
        credentials: Option<SecretRef>,
        #[serde(default = "one")]
        replicas: usize,
        #[serde(default)]
        stream: Option<String>,
    },
}

fn one() -> usize {
    1
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WorkerConfig {
    /// Jobs at once on this node.
    pub concurrency: usize,
    /// Unique among the nodes; the host's name and process id when empty.
    pub node: String,
    /// Seconds between polls of a live server's deals.
    pub feed_every_s: i64,
    /// Seconds between looks at all accounts of a server.
    pub sweep_every_s: i64,
    /// Seconds between looks for settings changed by hand there, on servers with up to 500 accounts
    /// of ours; 0 for none.
    pub watch_every_s: i64,
    /// Seconds between comparisons of a server with what we have of it.
    pub drift_every_s: i64,
}

impl Default for WorkerConfig {
    fn default() -> Self {
        WorkerConfig {
            concurrency: 16,
            node: String::new(),
            feed_every_s: 1,
            sweep_every_s: 30,
            watch_every_s: 2,
            drift_every_s: 900,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccessSection {
    /// Staff without a second factor may do nothing but enrol one. Off in the demo only.
    pub staff_second_factor: bool,
    /// Shown in authenticator apps.
    pub issuer: String,
}

impl Default for AccessSection {
    fn default() -> Self {
        AccessSection {
            staff_second_factor: true,
            issuer: "Quarterdeck".into(),
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysConfig {
    /// 64 hex digits: seals second factors, first passwords, document number marks.
    pub house: SecretRef,
    /// 64 hex digits: signs the audit checkpoints.
    pub audit: SecretRef,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilesSection {
    pub dir: PathBuf,
    /// The first encrypts, all decrypt.
    pub keys: Vec<FileKeyRef>,
    #[serde(default = "fifteen_mb")]
    pub max_bytes: usize,
}

fn fifteen_mb() -> usize {
    15 * 1024 * 1024
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileKeyRef {
    pub id: String,
    pub key: SecretRef,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    pub host: String,
    pub port: u16,
    #[serde(default)]
    pub user: Option<String>,
    #[serde(default)]
    pub password: Option<SecretRef>,
    pub tls: SmtpTls,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TextsConfig {
    /// A folder of further languages and of other words for single texts:
    /// `<dir>/<language>/<namespace>.json`, as in `locales/` of the repository.
    pub dir: Option<PathBuf>,
}

/// Calls to addresses that partners and staff enter: postbacks, webhooks.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OutboundSection {
    /// Let them reach private addresses and any port: for sandboxes only.
    pub private_network: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TradingServerConfig {
    /// As the entities' account types name it.
    pub id: String,
    pub entity: String,
    pub kind: qd_trading::AccountKind,
    /// One of [`crate::platforms::PLATFORMS`].
    pub platform: String,
    pub base_url: String,
    pub manager_login: u64,
    pub manager_password: SecretRef,
    /// IANA name of the server's wall clock zone.
    pub zone: Option<String>,
    /// `mt4`: the trade platform's name or id at the bridge.
    #[serde(default)]
    pub bridge_platform: Option<String>,
    /// Groups whose deals and accounts are ours: `real\*`.
    pub group_mask: String,
    /// Builds that were tried beside those the connector was tested against: `5120`, `5000-5200`.
    #[serde(default)]
    pub tested_builds: Vec<BuildsRef>,
    #[serde(default)]
    pub trust: TrustConfig,
}

/// `5120` or `5000-5200`, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct BuildsRef(pub u32, pub u32);

impl TryFrom<String> for BuildsRef {
    type Error = &'static str;
    fn try_from(t: String) -> std::result::Result<Self, Self::Error> {
        let (from, to) = t.split_once('-').unwrap_or((&t, &t));
        match (from.trim().parse(), to.trim().parse()) {
            (Ok(from), Ok(to)) if from <= to => Ok(BuildsRef(from, to)),
            _ => Err("expected a build such as 5120 or 5000-5200"),
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum TrustConfig {
    #[default]
    WebRoots,
    /// A PEM file with the server's own certificate.
    Pinned(PathBuf),
    /// No check at all: a line in the log says so at each start.
    AcceptAny,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PspConfig {
    /// As the entities' methods name it; part of the callback's address.
    pub id: String,
    pub entity: String,
    /// One of [`crate::rails::PROVIDERS`].
    pub provider: String,
    #[serde(default)]
    pub api_base: Option<String>,
    pub secret_key: SecretRef,
    /// Several while a secret is rolled.
    pub webhook_secrets: Vec<SecretRef>,
    /// What this provider wants to know besides, by the names in its connector's README.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretRef>,
    /// Let the connector call private addresses: sandboxes only.
    #[serde(default)]
    pub private_network: bool,
}

/// A bank whose files are loaded and downloaded by people: nothing to connect to. Its accounts are the
/// entity's setting `client_bank`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BankConfig {
    /// As the entities' methods name it.
    pub id: String,
    pub entity: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DemoConfig {
    /// Serve the counterparties under `/sandbox`.
    #[serde(default)]
    pub sandbox: bool,
    #[serde(default)]
    pub sandbox_data: Option<PathBuf>,
    /// The brand that answers at hosts that are no brand's: the machine's own address.
    #[serde(default)]
    pub brand: Option<String>,
    /// Units of each currency in euro, for limits and reports: no rate source is connected.
    #[serde(default)]
    pub rates_base: Option<Currency>,
}

/// `env:NAME` or `file:PATH`.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct SecretRef(pub String);

impl SecretRef {
    pub fn read(&self, field: &str) -> Result<Secret> {
        if let Some(name) = self.0.strip_prefix("env:") {
            return std::env::var(name).map(Secret::new).map_err(|_| {
                Problem::invalid(
                    field,
                    "secret_missing",
                    format!("expected the environment variable {name} to be set"),
                )
            });
        }
        if let Some(path) = self.0.strip_prefix("file:") {
            return std::fs::read_to_string(path)
                .map(|s| Secret::new(s.trim()))
                .map_err(|e| Problem::invalid(field, "secret_missing", format!("expected a readable file at {path}")).with_source(e));
        }
        Err(Problem::invalid(
            field,
            "secret_in_config",
            "expected env:NAME or file:PATH; secrets are not written into the configuration",
        ))
    }
}

impl Config {
    /// Parses and checks; a mistake names the key.
    pub fn parse(text: &str) -> Result<Config> {
        let c: Config = toml::from_str(text)
            .map_err(|e| Problem::new(qd_kernel::Class::Invalid, "config_invalid", e.message().to_string()).with_source(e.to_string()))?;
        let mut ids: Vec<&str> = c
            .trading_server
            .iter()
            .map(|s| s.id.as_str())
            .chain(c.psp.iter().map(|p| p.id.as_str()))
            .chain(c.bank.iter().map(|b| b.id.as_str()))
            .collect();
        ids.sort_unstable();
        if let Some(w) = ids.windows(2).find(|w| w[0] == w[1]) {
            return Err(Problem::invalid(
                "trading_server.id",
                "config_id_twice",
                format!("expected each connection id once; {} stands twice", w[0]),
            ));
        }
        for s in &c.trading_server {
            if crate::platforms::find(&s.platform).is_none() {
                return Err(Problem::invalid(
                    "trading_server.platform",
                    "platform_unknown",
                    format!("expected one of {}", crate::platforms::names()),
                ));
            }
        }
        for p in &c.psp {
            if crate::rails::find(&p.provider).is_none() {
                return Err(Problem::invalid(
                    "psp.provider",
                    "provider_unknown",
                    format!("expected one of {}", crate::rails::names()),
                ));
            }
        }
        Ok(c)
    }
}

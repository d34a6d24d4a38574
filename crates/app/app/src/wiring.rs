//! Who is built from what, in order.

use crate::config::{BusConfig, Config, DatabaseConfig, PspConfig, TradingServerConfig, TrustConfig};
use crate::{App, compose, platforms, rails, reactions};
use qd_connector_kit::Account;
use qd_courier_http::HttpCourier;
use qd_db::{Db, DbConfig};
use qd_kernel::{Env, Problem, Result, Secret};
use qd_notify::{Catalogue, MailHandler, Smtp, SmtpConfig};
use qd_outbound::{Fingerprint, Reach, Trust};
use qd_partners::jobs::RetryStopped;
use qd_payments::Psps;
use qd_ports::platform::TradingPlatform;
use qd_ports::psp::Psp;
use qd_runtime::Core;
use qd_runtime::access::{Access, AccessConfig, HouseKey};
use qd_runtime::audit::{AuditKey, Sealer, SealerConfig};
use qd_runtime::bus::{Bus, BusHandle, InProcess, Live, Nats, NatsConfig};
use qd_runtime::files::{FileKey, Files, FilesConfig};
use qd_runtime::jobs::{Handler, JobError, Lease, Registry, Worker, WorkerHandle};
use qd_trading::{Platforms, Vault};
use std::collections::BTreeMap;
use std::sync::Arc;

pub async fn open_database(config: &DatabaseConfig) -> Result<Db> {
    let c = match config {
        DatabaseConfig::Sqlite { path } => DbConfig::Sqlite {
            path: path.clone(),
            durable: true,
        },
        DatabaseConfig::Postgres { url, max_connections } => DbConfig::Postgres {
            url: url.read("database.url")?,
            max_connections: *max_connections,
        },
    };
    Db::open(&c).await
}

pub(crate) async fn build(config: Config, env: Env) -> Result<App> {
    let db = open_database(&config.database).await?;
    build_on(config, env, db).await
}

pub(crate) async fn build_on(config: Config, env: Env, db: Db) -> Result<App> {
    qd_outbound::init_tls();
    db.migrate().await?;
    let core = Core::new(db, env.clone());
    let house = config.keys.house.read("keys.house")?;
    let rights = AccessConfig {
        staff_second_factor: config.access.staff_second_factor,
        issuer: config.access.issuer.clone(),
        ..AccessConfig::new(HouseKey::from_hex(&house)?)
    };
    let access = Access::open(core.clone(), rights).await?;
    let files = Files::open(
        FilesConfig {
            dir: config.files.dir.clone(),
            keys: config
                .files
                .keys
                .iter()
                .map(|k| {
                    Ok(FileKey {
                        id: k.id.clone(),
                        hex: k.key.read("files.keys")?,
                    })
                })
                .collect::<Result<_>>()?,
            max_bytes: config.files.max_bytes,
        },
        env.clone(),
    )?;
    let mut platforms: BTreeMap<String, Arc<dyn TradingPlatform>> = BTreeMap::new();
    for s in &config.trading_server {
        platforms.insert(s.id.clone(), platform(s, &env)?);
    }
    let builds = config.trading_server.iter();
    let builds = builds.map(|s| (s.id.clone(), s.tested_builds.iter().map(|b| (b.0, b.1)).collect()));
    let platforms = Platforms::new(platforms, Arc::new(FileVault(files.clone()))).with_builds(builds.collect());
    let mut psps: BTreeMap<String, Arc<dyn Psp>> = BTreeMap::new();
    for p in &config.psp {
        psps.insert(p.id.clone(), psp(p, &config.server.public_url)?);
    }
    for b in &config.bank {
        psps.insert(b.id.clone(), Arc::new(qd_psp_bank::Bank));
    }
    let audit_key = AuditKey::from_hex(&config.keys.audit.read("keys.audit")?)?;
    let sealer = Sealer::new(
        core.clone(),
        SealerConfig {
            key: Some(audit_key),
            ..SealerConfig::default()
        },
    );
    let app = App {
        access,
        platforms,
        psps: Psps::new(psps),
        bank: Arc::new(qd_psp_bank::Iso20022),
        files,
        catalogue: Arc::new(match &config.texts.dir {
            Some(dir) => Catalogue::with_folder(dir)?,
            None => Catalogue::builtin()?,
        }),
        live: Live::new(),
        sealer,
        kyc_numbers: qd_kyc::NumberKey::from_hex(&house)?,
        links: qd_partners::clicks::LinkKey::new(house.clone())?,
        outward: Arc::new(HttpCourier::new(if config.outbound.private_network {
            qd_courier_http::Reach::Private
        } else {
            qd_courier_http::Reach::Public
        })?),
        config: Arc::new(config),
        core,
    };
    register(&app).await?;
    Ok(app)
}

/// The connection to one trading server.
pub fn platform(s: &TradingServerConfig, env: &Env) -> Result<Arc<dyn TradingPlatform>> {
    let unknown = || {
        let expected = format!("expected one of {}", platforms::names());
        Problem::invalid("trading_server.platform", "platform_unknown", expected)
    };
    let connect = platforms::find(&s.platform).ok_or_else(unknown)?;
    let trust = match &s.trust {
        TrustConfig::WebRoots => Trust::WebRoots,
        TrustConfig::AcceptAny => Trust::AcceptAny,
        TrustConfig::Pinned(path) => {
            let pem = std::fs::read_to_string(path).map_err(|e| {
                Problem::invalid("trading_server.trust.pinned", "certificate_missing", "expected a readable PEM file").with_source(e)
            })?;
            Trust::Pinned(vec![Fingerprint::of_pem(&pem).ok_or_else(|| {
                Problem::invalid(
                    "trading_server.trust.pinned",
                    "certificate_malformed",
                    "expected a certificate in PEM form",
                )
            })?])
        }
    };
    let server = platforms::Server {
        config: s,
        password: s.manager_password.read("trading_server.manager_password")?,
        trust,
    };
    connect(server, env)
}

/// The connection to one payment provider. `public_url`: where our callbacks' addresses begin.
pub fn psp(p: &PspConfig, public_url: &str) -> Result<Arc<dyn Psp>> {
    let unknown = || Problem::invalid("psp.provider", "provider_unknown", format!("expected one of {}", rails::names()));
    let connect = rails::find(&p.provider).ok_or_else(unknown)?;
    let hook_secrets = p
        .webhook_secrets
        .iter()
        .map(|s| s.read("psp.webhook_secrets"))
        .collect::<Result<Vec<_>>>()?;
    let secrets = p
        .secrets
        .iter()
        .map(|(name, s)| Ok((name.clone(), s.read("psp.secrets")?)))
        .collect::<Result<_>>()?;
    connect(Account {
        connection_id: p.id.clone(),
        api_base: p.api_base.clone(),
        key: p.secret_key.read("psp.secret_key")?,
        hook_secrets,
        hook_url: format!("{}/hooks/{}/{}", public_url.trim_end_matches('/'), p.provider, p.id),
        settings: p.settings.clone(),
        secrets,
        reach: if p.private_network { Reach::Anywhere } else { Reach::PublicOnly },
    })
}

/// Seals first passwords with the files' key ring.
struct FileVault(Files);

impl Vault for FileVault {
    fn seal(&self, plain: &[u8]) -> Result<Vec<u8>> {
        self.0.seal(plain)
    }
    fn open(&self, sealed: &[u8]) -> Result<Vec<u8>> {
        self.0.unseal(sealed)
    }
}

/// Writes the configured connections into the database, where screens and rules find them.
async fn register(app: &App) -> Result<()> {
    let (config, inner) = (app.config.clone(), app.clone());
    app.core
        .db
        .write(async move |tx| {
            for s in &config.trading_server {
                qd_trading::servers::register(tx, &s.id, &s.entity, &s.platform, s.kind, &s.group_mask).await?;
            }
            let providers = config.psp.iter().map(|p| (&p.id, &p.entity, p.provider.as_str()));
            let banks = config.bank.iter().map(|b| (&b.id, &b.entity, "bank"));
            for (id, entity, provider) in providers.chain(banks) {
                qd_payments::jobs::connections::register(tx, id, entity, provider, &serde_json::json!([])).await?;
                if let Some(psp) = inner.psps.find(id) {
                    qd_payments::jobs::connections::can(tx, id, psp.can()).await?;
                }
            }
            crate::tickets::first_macros(&inner, tx).await
        })
        .await
}

/// A started node.
pub struct Running {
    bus: BusHandle,
    workers: Option<WorkerHandle>,
}

impl Running {
    /// Lets work under way finish.
    pub async fn stop(self) {
        if let Some(w) = self.workers {
            w.stop().await;
        }
        self.bus.stop().await;
    }
}

/// What this node does when told to, without what it does by the clock and without mail.
pub fn handlers(app: &App) -> Registry {
    let mut r = Registry::new();
    for h in qd_trading::jobs::handlers(&app.core, &app.platforms) {
        r = r.add(h);
    }
    for h in qd_payments::jobs::handlers(
        &app.core,
        &app.psps,
        Arc::new(compose::Facts(app.clone())),
        &app.config.server.public_url,
    ) {
        r = r.add(h);
    }
    for h in qd_recon::handlers(&app.core, &app.psps, &app.files) {
        r = r.add(h);
    }
    for h in qd_payments::jobs::bank_handlers(&app.core, &app.files, app.bank.clone(), Arc::new(compose::Facts(app.clone()))) {
        r = r.add(h);
    }
    for h in reactions::handlers(app) {
        r = r.add(h);
    }
    r
}

/// All handlers and schedules of the product.
pub fn registry(app: &App) -> Result<Registry> {
    let mut r = handlers(app);
    let mail = &app.config.mail;
    let smtp = Smtp::new(&SmtpConfig {
        host: mail.host.clone(),
        port: mail.port,
        user: mail.user.clone(),
        pass: mail.password.as_ref().map(|p| p.read("mail.password")).transpose()?,
        tls: mail.tls,
    })?;
    r = r.add(Arc::new(MailHandler::new(app.core.clone(), app.catalogue.clone(), Arc::new(smtp))));
    let work = &app.config.worker;
    for s in &app.config.trading_server {
        r = r.every(
            format!("feed:{}", s.id),
            work.feed_every_s,
            qd_trading::jobs::feed_handler(&app.core, &app.platforms, &s.id),
        );
        let pace = qd_trading::jobs::Pace {
            all_s: work.sweep_every_s,
            quick_s: work.watch_every_s,
        };
        r = r.every(
            format!("sweep:{}", s.id),
            pace.every_s(),
            qd_trading::jobs::sweep_handler(&app.core, &app.platforms, &s.id, pace),
        );
        r = r.every(
            format!("drift:{}", s.id),
            work.drift_every_s,
            qd_trading::drift::due_handler(&app.core, &app.platforms, &s.id),
        );
    }
    let facts = Arc::new(compose::Facts(app.clone()));
    r = r.every(
        "psp.probe",
        qd_payments::jobs::PROBE_EVERY_S,
        qd_payments::jobs::probe_handler(&app.core, &app.psps, facts),
    );
    r = r.every("reconciliation", 300, qd_recon::sweep(&app.core, &app.psps, &app.files));
    r = r.every("audit.seal", 1, Arc::new(app.sealer.clone()));
    r = r.every(
        "commission.retry",
        120,
        Arc::new(RetryStopped::new(app.core.clone(), Arc::new(compose::Deals))),
    );
    r = r.every(
        "partner.lots_daily",
        3_600,
        Arc::new(qd_partners::postbacks::DailyLots(app.core.clone())),
    );
    r = r.every(
        "statement.calendar",
        3_600,
        Arc::new(qd_partners::close::job::CalendarHandler::new(app.core.clone())),
    );
    r = r.every(
        "programme.sweep",
        300,
        Arc::new(qd_partners::programmes::Sweep::new(app.core.clone())),
    );
    r = r.every("client.dormancy", 3_600, Arc::new(qd_clients::Dormancy { core: app.core.clone() }));
    r = r.every("tickets.close", 600, Arc::new(qd_support::Close { core: app.core.clone() }));
    r = r.every("housekeeping", 60, Arc::new(Housekeeping(app.core.clone())));
    Ok(r)
}

pub(crate) async fn start(app: &App) -> Result<Running> {
    let node = node_name(app);
    let bus: Box<dyn Bus> = match &app.config.bus {
        BusConfig::InProcess => Box::new(InProcess),
        BusConfig::Nats {
            url,
            credentials,
            replicas,
            stream,
        } => {
            let mut c = NatsConfig::new(url.clone(), node.clone());
            c.credentials = credentials.as_ref().map(|s| s.read("bus.credentials")).transpose()?;
            c.replicas = *replicas;
            if let Some(s) = stream {
                c.stream = s.clone();
                // Two streams of one server may not share a subject.
                c.subject = format!("qd.{s}");
            }
            Box::new(Nats::new(c))
        }
    };
    let handle = bus.start(app.core.clone(), reactions::subscriptions()).await?;
    // The bus has its own feed; the API listens to the one in the App.
    let mut from = handle.live().subscribe();
    let (to, core) = (app.live.clone(), app.core.clone());
    tokio::spawn(async move {
        loop {
            match from.recv().await {
                Ok(e) => to.publish(e),
                Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => to.missed(&core),
                Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
            }
        }
    });
    let workers = if app.config.worker.concurrency > 0 {
        Some(Worker::start(
            app.core.clone(),
            registry(app)?,
            &node,
            app.config.worker.concurrency,
        ))
    } else {
        None
    };
    Ok(Running { bus: handle, workers })
}

fn node_name(app: &App) -> String {
    if app.config.worker.node.is_empty() {
        format!("node-{}-{}", std::process::id(), app.core.env.entropy.code(4))
    } else {
        app.config.worker.node.clone()
    }
}

/// What has to end by itself: holds, approvals, answers kept for repetitions.
struct Housekeeping(Core);

#[async_trait::async_trait]
impl Handler for Housekeeping {
    fn kind(&self) -> &'static str {
        "house.keeping"
    }
    async fn run(&self, _lease: &Lease) -> std::result::Result<(), JobError> {
        let core = self.0.clone();
        self.0
            .db
            .write(async move |tx| {
                let now = core.now();
                qd_ledger::expire_due(tx, &core, now).await?;
                qd_runtime::approvals::expire_due(tx, &core, now).await?;
                // Answers kept for repetitions hold what clients typed; nobody repeats after a week.
                qd_runtime::idempotency::forget(tx, now.plus_days(-7)).await?;
                Ok(())
            })
            .await?;
        Ok(())
    }
}

/// Text keys of the configured house key, for tools that only verify.
pub fn audit_public_key(config: &Config) -> Result<String> {
    let seed: Secret = config.keys.audit.read("keys.audit")?;
    Ok(AuditKey::from_hex(&seed)?.public_hex())
}

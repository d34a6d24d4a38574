//! The counterparties of a brokerage, wire-compatible and with faults to order: MetaTrader 5 trade
//! servers ([`mt5`]), a card processor that speaks Stripe ([`stripe`]), other payment providers ([`rail`]), a mail catcher ([`mail`]) and
//! a request bin ([`bin`]). Demo, training, acceptance tests and our own tests use the same ones.
//!
//! Knows `qd-kernel` only. It shares no wire code with our connectors, so that each finds the
//! other's mistakes.

// Objects of the card processor have more fields than `json!` may nest by default.
#![recursion_limit = "256"]

pub mod adyen;
pub mod bin;
pub mod btcpay;
pub mod config;
pub mod conn;
pub mod control;
pub mod faults;
pub mod hyperswitch;
pub mod mail;
pub mod mt4;
pub mod mt5;
pub mod neteller;
pub mod paypal;
pub mod rail;
pub mod redirect;
pub mod skrill;
pub mod store;
pub mod stripe;
pub mod tls;

pub use config::{GroupConfig, Mt5ServerConfig, SandboxConfig, StripeAccountConfig, demo_config};
pub use conn::ConnId;
pub use faults::{Fault, FaultKind, Faults};
pub use rail::RailConfig;
pub use store::Books;

use axum::Router;
use qd_kernel::{Env, Result};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::watch;

/// What every counterparty is handed: the settings, time and chance, the books on disk and the
/// faults somebody has ordered.
pub struct Shared {
    pub cfg: SandboxConfig,
    pub env: Env,
    pub books: Books,
    pub faults: Faults,
    pub tls: tls::Identity,
    stop: watch::Sender<bool>,
}

impl Shared {
    /// Becomes `true` once, when the sandbox stops; background tasks end then.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }
    /// Sleeps, unless the sandbox stops first; `false` when it stopped.
    pub async fn pause(&self, how_long: std::time::Duration) -> bool {
        let mut stop = self.stop.subscribe();
        if *stop.borrow() {
            return false;
        }
        tokio::select! {
            () = tokio::time::sleep(how_long) => true,
            _ = stop.wait_for(|s| *s) => false,
        }
    }
}

/// A running sandbox. Clones share it.
#[derive(Clone)]
pub struct Sandbox(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    mt4: Arc<mt4::Mt4>,
    mt5: Arc<mt5::Mt5>,
    stripe: Arc<stripe::Stripe>,
    rails: rail::Rails,
    mail: Arc<mail::Mail>,
    bins: Arc<bin::Bins>,
    addresses: Vec<(String, SocketAddr)>,
}

impl Sandbox {
    /// Loads the books, binds the listeners the settings name and starts the background work.
    pub async fn start(cfg: SandboxConfig, env: Env) -> Result<Sandbox> {
        let books = Books::open(cfg.data_dir.as_deref())?;
        let tls = tls::Identity::open(cfg.data_dir.as_deref())?;
        let (stop, _) = watch::channel(false);
        let shared = Arc::new(Shared {
            cfg,
            env,
            books,
            faults: Faults::default(),
            tls,
            stop,
        });
        let mt5 = mt5::Mt5::start(shared.clone())?;
        let mut addresses = mt5.listen().await?;
        let stripe = stripe::Stripe::start(shared.clone()).await?;
        let rails = rail::Rails::start(shared.clone()).await?;
        let mail = mail::Mail::start(shared.clone()).await?;
        let bins = bin::Bins::start(shared.clone())?;
        addresses.extend(mail.address().map(|a| ("smtp".to_string(), a)));
        Ok(Sandbox(Arc::new(Inner {
            mt4: mt4::Mt4::start(shared.clone(), mt5.clone()),
            shared,
            mt5,
            stripe,
            rails,
            mail,
            bins,
            addresses,
        })))
    }

    /// Everything over HTTP: `/stripe`, `/{provider}/{connection}` of the other payment providers,
    /// `/mt5/{server}`, `/mail`, `/bin/{id}`, `/bins/{id}`, `/control`. The server mounts it
    /// under `/sandbox`; alone it is served at `/` and at `/sandbox`. Serve it with
    /// `into_make_service_with_connect_info::<ConnId>()`, else the trading platform takes every
    /// call as unauthenticated.
    pub fn router(&self) -> Router {
        let i = &self.0;
        let control = control::router(i.shared.clone())
            .nest("/mt5", i.mt5.control())
            .nest("/stripe", i.stripe.control())
            .nest("/bin", i.bins.control())
            .merge(i.rails.control());
        Router::new()
            .nest("/mt4", i.mt4.router())
            .nest("/mt5", i.mt5.router())
            .nest("/stripe", i.stripe.router())
            .nest("/mail", i.mail.router())
            .merge(i.mail.index())
            .merge(i.bins.router())
            .merge(i.rails.router())
            .nest("/control", control)
    }

    /// Listeners beside the router: `mt5:<server>:tls`, `mt5:<server>:plain`, `smtp`.
    pub fn addresses(&self) -> Vec<(String, SocketAddr)> {
        self.0.addresses.clone()
    }

    /// One listener of [`addresses`](Self::addresses).
    pub fn address(&self, name: &str) -> Option<SocketAddr> {
        self.0.addresses.iter().find(|(n, _)| n == name).map(|(_, a)| *a)
    }

    /// The certificate of the TLS listeners, for clients that must trust it.
    pub fn certificate_pem(&self) -> &str {
        &self.0.shared.tls.certificate_pem
    }

    /// A trade server's books, for seeding without HTTP.
    pub fn mt5(&self, server: &str) -> Option<Arc<mt5::Server>> {
        self.0.mt5.server(server)
    }

    /// The card processor's books, for seeding without HTTP.
    pub fn stripe(&self) -> &Arc<stripe::Stripe> {
        &self.0.stripe
    }

    pub fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    /// Ends background work and closes the listeners. The books are already on disk.
    pub async fn shutdown(&self) {
        let _ = self.0.shared.stop.send_replace(true);
        self.0.mt5.save_prices();
        tokio::task::yield_now().await;
    }
}

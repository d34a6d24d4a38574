//! A card processor that speaks Stripe: the API under `/v1` and `/v2` for Stripe's own libraries,
//! the hosted checkout page, signed webhooks until somebody takes them, and switches for what the
//! customer, the card network and the bank would do.

mod account;
mod api;
mod attempt;
mod balance;
mod cards;
mod control;
mod customers;
mod deliver;
mod disputes;
mod endpoints;
mod error;
pub(crate) mod form;
mod intents;
mod lists;
mod money;
mod op;
mod outbound;
mod page;
mod params;
mod refunds;
mod report;
mod routes;
mod seed;
mod sessions;
mod tables;

pub use deliver::signature;
pub(crate) use deliver::{GAPS, GIVE_UP_SECS, Http, client as http_client, send};
pub use op::API_VERSION;
pub(crate) use page::{escape, go, html, nobody};
pub use seed::{SeedPaid, SeedPayment};
pub use tables::Fields;

use crate::Shared;
use account::{Account, CallId};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::any;
use qd_kernel::Result;
use std::sync::Arc;

pub struct Stripe {
    shared: Arc<Shared>,
    accounts: Vec<Arc<Account>>,
    http: deliver::Http,
}

impl Stripe {
    /// Loads the accounts' books and starts delivering what is undelivered in them.
    pub async fn start(shared: Arc<Shared>) -> Result<Arc<Stripe>> {
        let http = deliver::client()?;
        let mut accounts = Vec::new();
        for cfg in &shared.cfg.stripe {
            let account = Arc::new(Account::open(cfg, &shared)?);
            tokio::spawn(deliver::run(account.clone(), shared.clone(), http.clone()));
            accounts.push(account);
        }
        Ok(Arc::new(Stripe { shared, accounts, http }))
    }

    fn account(&self, connection: &str) -> Option<Arc<Account>> {
        self.accounts.iter().find(|a| a.who.connection == connection).cloned()
    }

    /// The account that holds an object: pages know an id and no key.
    fn holder_of(&self, table: &'static str, id: &str) -> Option<&Arc<Account>> {
        self.accounts
            .iter()
            .find(|a| a.run_quietly(&self.shared, CallId::default(), |op| op.t.get(table, id).is_some()))
    }

    /// Mounted at `/stripe`.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/v1/{*path}", any(api::handle))
            .route("/v2/{*path}", any(api::handle))
            .merge(page::router())
            .layer(DefaultBodyLimit::max(1 << 20))
            .with_state(self.clone())
    }

    /// Mounted at `/control/stripe`.
    pub fn control(self: &Arc<Self>) -> Router {
        control::router(self.clone())
    }
}

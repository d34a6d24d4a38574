//! Payment providers beside the card processor, each in a folder of its own: what they share is
//! here (books, faults on calls and callbacks, delivery until somebody takes it, a plain hosted
//! page, switches). A provider implements [`Rail`] and stands in [`all`].

mod account;
mod call;
mod control;
mod deliver;
mod page;

pub use crate::stripe::Fields;
pub use account::{Account, Op};
pub use call::{Body, Call, Reply, same_secret, times};
pub use deliver::{Notice, Post};
pub use page::{Outcome, Page, Paid};

use crate::Shared;
use axum::Router;
use qd_kernel::{Problem, Result};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One account at a provider. Served at `/{provider}/{connection}`.
#[derive(Clone)]
pub struct RailConfig {
    pub provider: String,
    /// The connection's name at our side; callbacks go to `{hook_base}/hooks/{provider}/{connection}`.
    pub connection: String,
    /// The entity whose money it takes, for the demo's configuration.
    pub entity: String,
    pub key: String,
    pub hook_secret: String,
    /// By the names in the connector's README; the demo hands the same ones to the connector.
    pub secrets: BTreeMap<String, String>,
    pub settings: BTreeMap<String, String>,
}

/// The providers of this sandbox.
pub fn all() -> Vec<Arc<dyn Rail>> {
    vec![
        Arc::new(crate::adyen::Adyen),
        Arc::new(crate::neteller::Neteller),
        Arc::new(crate::btcpay::BtcPay),
        Arc::new(crate::hyperswitch::Hyperswitch),
        Arc::new(crate::paypal::PayPal),
        Arc::new(crate::redirect::Redirect),
        Arc::new(crate::skrill::Skrill),
    ]
}

/// A provider as its accounts' holders see it. Everything here is called under the account's lock.
pub trait Rail: Send + Sync + 'static {
    /// `skrill`: the path's first part, and the name in faults.
    fn name(&self) -> &'static str;

    /// The operation as faults are ordered for it: `payments.create`.
    fn operation(&self, call: &Call) -> String;

    /// Carries a call out: signs in, checks, answers, all in the provider's words.
    fn answer(&self, op: &mut Op<'_>, call: &Call) -> Reply;

    /// A refusal of this operation by order; `value` is the provider's code.
    fn refusal(&self, operation: &str, value: Option<&str>) -> Reply;

    /// Fields that hold amounts, whole numbers or decimals in text, at any depth of its JSON.
    fn amounts(&self) -> &'static [&'static str];

    /// Makes an answer lie about its amounts.
    fn wrong_answer(&self, reply: &mut Reply, value: Option<&str>) {
        if let Body::Json(v) = &mut reply.body {
            call::skew(v, self.amounts(), value, 2);
        }
    }

    /// The payment on the hosted page, by its own id or by any reference the merchant knows it by.
    fn payment(&self, op: &Op<'_>, reference: &str) -> Option<String>;

    fn page(&self, op: &Op<'_>, id: &str) -> Option<Page>;

    /// What the customer does on the page, or a switch in their stead.
    fn pay(&self, op: &mut Op<'_>, id: &str, outcome: Outcome) -> Result<Paid>;

    /// Writes a callback as it goes out. Signs with another secret when `forged`.
    fn post(&self, op: &Op<'_>, notice: &Value, forged: bool) -> Post;

    /// Whether this answer ends a callback's delivery.
    fn taken(&self, status: u16, _body: &str) -> bool {
        (200..300).contains(&status)
    }

    /// How often a callback is tried at most; without a number, for three days.
    fn tries(&self) -> Option<i64> {
        None
    }

    /// Switches below `/control/{provider}/{connection}`: `["refund", id, "fail"]`, `["dispute"]`.
    fn control(&self, op: &mut Op<'_>, what: &[&str], order: &Value) -> Result<Value>;

    /// The settlement file of a period, when the provider has one.
    fn settlement(&self, _op: &Op<'_>, _query: &BTreeMap<String, String>) -> Result<Reply> {
        Err(Problem::missing("settlement file"))
    }

    /// Something it said it would do ([`Op::later`]).
    fn due(&self, _op: &mut Op<'_>, _kind: &str, _object: &str) {}
}

/// One provider with its accounts.
pub(crate) struct Desk {
    rail: Arc<dyn Rail>,
    accounts: Vec<Arc<Account>>,
    shared: Arc<Shared>,
    http: crate::stripe::Http,
}

impl Desk {
    fn account(&self, connection: &str) -> Option<&Arc<Account>> {
        self.accounts.iter().find(|a| a.cfg.connection == connection)
    }
}

pub struct Rails(Vec<Arc<Desk>>);

impl Rails {
    /// Loads the accounts' books and starts delivering what is undelivered in them.
    pub async fn start(shared: Arc<Shared>) -> Result<Rails> {
        let mut desks = Vec::new();
        for rail in all() {
            let mut accounts = Vec::new();
            for cfg in shared.cfg.rails.iter().filter(|c| c.provider == rail.name()) {
                accounts.push(Arc::new(Account::open(cfg, &shared.books)?));
            }
            let desk = Arc::new(Desk {
                rail,
                accounts,
                shared: shared.clone(),
                http: crate::stripe::http_client()?,
            });
            for a in &desk.accounts {
                tokio::spawn(deliver::run(desk.clone(), a.clone()));
            }
            desks.push(desk);
        }
        let known = |c: &RailConfig| desks.iter().any(|d| d.rail.name() == c.provider);
        if let Some(c) = shared.cfg.rails.iter().find(|c| !known(c)) {
            return Err(Problem::invalid(
                "rails.provider",
                "provider_unknown",
                format!("expected one of the sandbox's, not {}", c.provider),
            ));
        }
        Ok(Rails(desks))
    }

    /// `/{provider}/{connection}/...`, to be merged into the sandbox's router.
    pub fn router(&self) -> Router {
        self.0.iter().fold(Router::new(), |r, d| {
            let own = call::router().merge(page::router()).with_state(d.clone());
            r.nest(&format!("/{}", d.rail.name()), own)
        })
    }

    /// Below `/control`.
    pub fn control(&self) -> Router {
        self.0.iter().fold(Router::new(), |r, d| {
            r.nest(&format!("/{}", d.rail.name()), control::router(d.clone()))
        })
    }
}

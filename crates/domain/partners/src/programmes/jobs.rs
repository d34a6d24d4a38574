//! The jobs of the programmes. What is known of a client is the house's other parts' to say; the app
//! hands in a [`ClientSource`].

use super::{ClientFacts, evaluate, told};
use crate::ids::PartnerId;
use crate::store::programmes as store;
use async_trait::async_trait;
use qd_db::Tx;
use qd_kernel::Result;
use qd_runtime::Core;
use qd_runtime::jobs::{self, Handler, JobError, Lease, NewJob};
use serde_json::json;
use std::sync::Arc;

/// Says what is known about a client now; None: there is no such client. `partner`: whose client it
/// is, for what the two share.
#[async_trait(?Send)]
pub trait ClientSource: Send + Sync {
    async fn facts(&self, tx: &mut Tx, client_id: &str, partner: Option<PartnerId>) -> Result<Option<ClientFacts>>;
}

/// `programme.client`: `{"client_id"}`. Asks what is known and decides anew; a client of no partner is
/// left alone.
pub struct ClientHandler {
    core: Core,
    source: Arc<dyn ClientSource>,
}

pub const CLIENT_JOB: &str = "programme.client";

impl ClientHandler {
    pub fn new(core: Core, source: Arc<dyn ClientSource>) -> ClientHandler {
        ClientHandler { core, source }
    }
}

/// Enqueues the job. `cause` makes it unique: the event, or the deal.
pub async fn ask(tx: &mut Tx, core: &Core, client_id: &str, cause: &str) -> Result<()> {
    let job = NewJob::new(CLIENT_JOB, json!({"client_id": client_id}), core.now())
        .key(format!("{client_id}:{cause}"))
        .lane(format!("programme:{client_id}"));
    jobs::enqueue(tx, core, job).await.map(|_| ())
}

/// Asks about all clients a partner has now: a plan with programmes begins.
pub(crate) async fn ask_all(tx: &mut Tx, core: &Core, partner: PartnerId, cause: &str) -> Result<()> {
    let now = core.now();
    for t in store::clients_between(tx, partner, now, now.plus_secs(1)).await? {
        ask(tx, core, &t.client_id, cause).await?;
    }
    Ok(())
}

#[async_trait]
impl Handler for ClientHandler {
    fn kind(&self) -> &'static str {
        CLIENT_JOB
    }
    async fn run(&self, lease: &Lease) -> std::result::Result<(), JobError> {
        let client = lease.text("client_id")?.to_string();
        let (core, source, lease) = (self.core.clone(), self.source.clone(), lease.clone());
        self.core
            .db
            .write(async move |tx| {
                let share = crate::store::attribution::open(tx, &client).await?;
                let partner = share.and_then(|s| s.partner_id);
                let known = store::client(tx, &client).await?.is_some();
                if (partner.is_some() || known)
                    && let Some(f) = source.facts(tx, &client, partner).await?
                {
                    told(tx, &core, &f).await?;
                }
                lease.complete(tx).await
            })
            .await?;
        Ok(())
    }
}

/// `programme.sweep`: looks again at clients whose time is over. Schedule it every few minutes.
pub struct Sweep {
    core: Core,
}

impl Sweep {
    pub fn new(core: Core) -> Sweep {
        Sweep { core }
    }
}

/// Clients in one run of the sweep.
const BATCH: i64 = 200;

#[async_trait]
impl Handler for Sweep {
    fn kind(&self) -> &'static str {
        "programme.sweep"
    }
    async fn run(&self, lease: &Lease) -> std::result::Result<(), JobError> {
        let now = self.core.now();
        let due = self.core.db.read(async move |tx| store::due(tx, now, BATCH).await).await?;
        for client in due {
            let core = self.core.clone();
            self.core.db.write(async move |tx| evaluate(tx, &core, &client).await).await?;
        }
        let lease = lease.clone();
        self.core.db.write(async move |tx| lease.complete(tx).await).await?;
        Ok(())
    }
}

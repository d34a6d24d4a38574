//! The jobs of this crate. What a deal was is the trading crate's to know; the app hands in a
//! [`DealSource`].

use crate::booking;
use crate::engine::DealFacts;
use async_trait::async_trait;
use qd_db::Tx;
use qd_kernel::{Problem, Result};
use qd_runtime::Core;
use qd_runtime::jobs::{Handler, JobError, Lease};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One revision of a deal, as events and jobs name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DealName {
    pub server: String,
    pub ticket: String,
    pub revision: i64,
}

/// Loads the facts of deals; what does not belong to a client (a balance operation, an account that
/// is nobody's) is left out.
#[async_trait(?Send)]
pub trait DealSource: Send + Sync {
    async fn facts(&self, tx: &mut Tx, deals: &[DealName]) -> Result<Vec<DealFacts>>;
}

/// `commission.deal`: books the deals its payload names: `{"deals": [{"server", "ticket",
/// "revision"}, …]}`. Give the account's or server's lane, so that revisions come in order.
pub struct DealHandler {
    core: Core,
    source: Arc<dyn DealSource>,
}

pub const DEAL_JOB: &str = "commission.deal";
/// Deals in one transaction.
const BATCH: usize = 500;

impl DealHandler {
    pub fn new(core: Core, source: Arc<dyn DealSource>) -> DealHandler {
        DealHandler { core, source }
    }
}

#[async_trait]
impl Handler for DealHandler {
    fn kind(&self) -> &'static str {
        DEAL_JOB
    }
    async fn run(&self, lease: &Lease) -> std::result::Result<(), JobError> {
        let names: Vec<DealName> = lease
            .payload
            .get("deals")
            .and_then(|v| serde_json::from_value(v.clone()).ok())
            .ok_or_else(|| Problem::bug("job_field_missing", "a commission.deal job names no deals"))?;
        let chunks: Vec<Vec<DealName>> = names.chunks(BATCH).map(<[DealName]>::to_vec).collect();
        let last = chunks.len().saturating_sub(1);
        for (i, chunk) in chunks.into_iter().enumerate() {
            let (core, source, lease) = (self.core.clone(), self.source.clone(), lease.clone());
            self.core
                .db
                .write(async move |tx| {
                    let facts = source.facts(tx, &chunk).await?;
                    booking::book(tx, &core, &facts).await?;
                    if i == last { lease.complete(tx).await } else { Ok(()) }
                })
                .await?;
        }
        Ok(())
    }
}

/// `commission.retry_stopped`: tries the deals again that could not be paid. Schedule it every few
/// minutes, and after a symbol was mapped.
pub struct RetryStopped {
    core: Core,
    source: Arc<dyn DealSource>,
}

impl RetryStopped {
    pub fn new(core: Core, source: Arc<dyn DealSource>) -> RetryStopped {
        RetryStopped { core, source }
    }
}

#[async_trait]
impl Handler for RetryStopped {
    fn kind(&self) -> &'static str {
        "commission.retry_stopped"
    }
    async fn run(&self, lease: &Lease) -> std::result::Result<(), JobError> {
        let (core, source, lease) = (self.core.clone(), self.source.clone(), lease.clone());
        self.core
            .db
            .write(async move |tx| {
                let waiting = booking::stopped(tx, BATCH as i64).await?;
                let names: Vec<DealName> = waiting
                    .into_iter()
                    .map(|(server, ticket, revision)| DealName { server, ticket, revision })
                    .collect();
                if !names.is_empty() {
                    let facts = source.facts(tx, &names).await?;
                    booking::book(tx, &core, &facts).await?;
                }
                lease.complete(tx).await
            })
            .await?;
        Ok(())
    }
}

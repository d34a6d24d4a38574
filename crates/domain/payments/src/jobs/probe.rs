//! Asks every connection whether it is there, when nothing else has.

use super::{Ctx, JobResult};
use crate::routing;
use async_trait::async_trait;
use qd_ports::CallError;
use qd_ports::psp::PROBE_MISSING;
use qd_runtime::jobs::{Handler, Lease};
use tokio::task::JoinSet;

/// How often, in seconds. Two that fail in a row take a connection out of the routes: within a minute.
pub const PROBE_EVERY_S: i64 = 15;

/// One round over all connections of this node, at once: a slow one keeps no other waiting.
pub(super) struct Probe(pub(super) Ctx);

#[async_trait]
impl Handler for Probe {
    fn kind(&self) -> &'static str {
        "psp.probe"
    }

    async fn run(&self, _lease: &Lease) -> JobResult {
        let mut round = JoinSet::new();
        for (connection, psp) in self.0.psps.all() {
            let ctx = self.0.clone();
            round.spawn(async move {
                let began = ctx.begin();
                // A payment that cannot exist: "unknown" is the answer of a provider that is there.
                let answer = match psp.deposit(psp.probe()).await {
                    Ok(_) => Ok(()),
                    Err(e) if e.code == PROBE_MISSING => Ok(()),
                    Err(e) => Err(e),
                };
                probed(&ctx, &connection, ctx.core.now().millis() - began.0.millis(), answer).await;
            });
        }
        while let Some(done) = round.join_next().await {
            if let Err(e) = done {
                tracing::warn!(error = %e, "a probe of a payment connection did not end");
            }
        }
        Ok(())
    }
}

async fn probed(ctx: &Ctx, connection: &str, took_ms: i64, answer: Result<(), CallError>) {
    let (core, id) = (ctx.core.clone(), connection.to_string());
    let noted = ctx
        .core
        .db
        .write(async move |tx| routing::probed(tx, &core, &id, answer.as_ref().copied(), took_ms).await)
        .await;
    if let Err(p) = noted {
        tracing::warn!(error = %p, "a probe of a payment connection could not be noted");
    }
}

//! The job that reads a dispute from the provider.

use super::{Ctx, JobResult, field, later, later_as_usual};
use crate::dispute;
use async_trait::async_trait;
use qd_runtime::jobs::{Handler, Lease};

pub(super) struct DisputeJob(pub(super) Ctx);

#[async_trait]
impl Handler for DisputeJob {
    fn kind(&self) -> &'static str {
        "dispute.check"
    }

    async fn run(&self, lease: &Lease) -> JobResult {
        let connection: String = field(&lease.payload, "connection")?;
        let provider_ref: String = field(&lease.payload, "provider_ref")?;
        look_at_dispute(&self.0, &connection, &provider_ref, Some(lease)).await
    }
}

pub(super) async fn look_at_dispute(ctx: &Ctx, connection: &str, provider_ref: &str, lease: Option<&Lease>) -> JobResult {
    let core = &ctx.core;
    let report = match ctx.psps.get(connection)?.dispute(provider_ref).await {
        Ok(r) => r,
        Err(e) => {
            ctx.health(connection, Err(&e)).await;
            return Err(lease.map_or_else(|| later_as_usual(&e), |l| later(l, &e)));
        }
    };
    let (c, lease, connection) = (core.clone(), lease.cloned(), connection.to_string());
    core.db
        .write(async move |tx| {
            dispute::reported(tx, &c, &connection, &report).await?;
            match &lease {
                Some(l) => l.complete(tx).await,
                None => Ok(()),
            }
        })
        .await?;
    Ok(())
}

//! Who has not been heard of: funded or verified clients become dormant after the entity's number
//! of days, dormant ones churned after a longer one. Settings `clients.dormant_days` (90) and
//! `clients.churned_days` (365).

use crate::client;
use crate::model::{Command, Stage};
use crate::store;
use async_trait::async_trait;
use qd_kernel::Result;
use qd_runtime::Core;
use qd_runtime::access::Caller;
use qd_runtime::jobs::{Handler, JobError, Lease};
use qd_runtime::{settings, tenancy};

pub const JOB: &str = "client.dormancy";
const BATCH: i64 = 200;

/// The recurring job; once an hour is often enough.
pub struct Dormancy {
    pub core: Core,
}

impl Dormancy {
    /// One batch of one stage; answers how many were looked at.
    async fn batch(&self, entity: String, from: Vec<Stage>, days: i64, command: Command) -> Result<usize> {
        let core = self.core.clone();
        self.core
            .db
            .write(async move |tx| {
                let before = core.now().plus_days(-days);
                let ids = store::clients::quiet(tx, &entity, &from, before, BATCH).await?;
                let by = Caller::system("job:client.dormancy");
                for id in &ids {
                    // Between finding and locking the client may have come back.
                    store::clients::lock(tx, *id).await?;
                    let Some(c) = client::find(tx, *id).await? else { continue };
                    if c.activity_at < before && from.contains(&c.stage) {
                        client::stage(tx, &core, &by, *id, command, &format!("inactive {days} days")).await?;
                    }
                }
                Ok(ids.len())
            })
            .await
    }
}

#[async_trait]
impl Handler for Dormancy {
    fn kind(&self) -> &'static str {
        JOB
    }
    async fn run(&self, _lease: &Lease) -> std::result::Result<(), JobError> {
        let plan: Vec<(String, i64, i64)> = self
            .core
            .db
            .read(async |tx| {
                let mut out = Vec::new();
                for e in tenancy::entities(tx).await? {
                    let dormant = settings::for_entity(tx, &e.code, "clients.dormant_days").await?.unwrap_or(90);
                    let churned = settings::for_entity(tx, &e.code, "clients.churned_days").await?.unwrap_or(365);
                    out.push((e.code.clone(), dormant, churned));
                }
                Ok(out)
            })
            .await?;
        for (entity, dormant, churned) in plan {
            let full = usize::try_from(BATCH).unwrap_or(usize::MAX);
            while self
                .batch(
                    entity.clone(),
                    vec![Stage::Registered, Stage::Verified, Stage::Funded],
                    dormant,
                    Command::FallAsleep,
                )
                .await?
                == full
            {}
            while self.batch(entity.clone(), vec![Stage::Dormant], churned, Command::Churn).await? == full {}
        }
        Ok(())
    }
}

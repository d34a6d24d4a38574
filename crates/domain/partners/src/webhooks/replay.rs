//! A day of events once more, for one endpoint.

use super::{Data, Happened, queue, wants};
use crate::ids::WebhookId;
use crate::store::webhooks as store;
use async_trait::async_trait;
use qd_db::Tx;
use qd_kernel::{Problem, Result, Ts};
use qd_runtime::Core;
use qd_runtime::events;
use qd_runtime::jobs::{Handler, JobError, Lease};
use std::sync::Arc;

pub const REPLAY_JOB: &str = "webhook.replay";
const BATCH: i64 = 200;
/// Positions follow the commits, times the beginnings: an hour apart at most.
const SLACK_S: i64 = 3_600;

/// `webhook.replay`.
pub struct Replay {
    core: Core,
    source: Arc<dyn Data>,
}

impl Replay {
    pub fn new(core: Core, source: Arc<dyn Data>) -> Replay {
        Replay { core, source }
    }
}

/// The last position whose event, and all before it, were certainly earlier than `at`.
async fn before(tx: &mut Tx, at: Ts) -> Result<i64> {
    let at = at.plus_secs(-SLACK_S);
    let (mut low, mut high) = (0, events::head(tx).await?);
    while low < high {
        let mid = low + (high - low) / 2;
        match events::since(tx, mid, 1).await?.first() {
            Some(e) if e.at < at => low = mid + 1,
            _ => high = mid,
        }
    }
    Ok(low)
}

#[async_trait]
impl Handler for Replay {
    fn kind(&self) -> &'static str {
        REPLAY_JOB
    }
    async fn run(&self, lease: &Lease) -> std::result::Result<(), JobError> {
        let id = WebhookId::parse(lease.text("endpoint")?)?;
        let run = lease.text("run")?.to_string();
        let time = |f: &str| {
            lease.payload[f]
                .as_i64()
                .map(Ts)
                .ok_or_else(|| Problem::bug("job_field_missing", "a webhook.replay job has no times"))
        };
        let (from, to) = (time("from_us")?, time("to_us")?);
        let mut position = self.core.db.read(async move |tx| before(tx, from).await).await?;
        loop {
            let (core, source, run) = (self.core.clone(), self.source.clone(), run.clone());
            let next = self
                .core
                .db
                .write(async move |tx| {
                    let page = events::since(tx, position, BATCH).await?;
                    let e = store::get(tx, id).await?.filter(|e| e.active);
                    let Some(e) = e else { return Ok(None) };
                    for ev in &page {
                        let h = Happened {
                            id: ev.id.to_string(),
                            kind: ev.kind.clone(),
                            entity: ev.entity.clone(),
                            payload: ev.payload.clone(),
                            at: ev.at,
                        };
                        if from <= ev.at && ev.at < to && wants(&e, &h) {
                            queue(tx, &core, source.as_ref(), &e, &h, Some(&run)).await?;
                        }
                    }
                    let end = page.len() as i64 != BATCH || page.last().is_none_or(|l| l.at > to.plus_secs(SLACK_S));
                    Ok(page.last().filter(|_| !end).map(|l| l.position))
                })
                .await?;
            match next {
                Some(p) => position = p,
                None => return Ok(()),
            }
        }
    }
}

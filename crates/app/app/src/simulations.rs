//! What a plan would have cost: read page by page, worked out on a thread of its own.

use async_trait::async_trait;
use qd_kernel::{Problem, Result};
use qd_partners::SimulationId;
use qd_partners::simulate::{self, Question, SIMULATION_JOB, Sample, Simulation};
use qd_runtime::Core;
use qd_runtime::jobs::{Handler, JobError, Lease};

/// Reads everything the question is about and answers it. `job`: the record that is told after each page
/// how many deals were looked at.
pub async fn answer(core: &Core, q: Question, job: Option<SimulationId>) -> Result<Simulation> {
    let mut sample = Sample::new(q.clone());
    let mut after = Some(simulate::Cursor::default());
    let mut count = 0;
    while let Some(from) = after {
        let q = q.clone();
        let page = core.db.read(async move |tx| simulate::gather(tx, &q, &from).await).await?;
        count += page.seen;
        sample.add(page.deals, page.seen);
        after = page.next;
        if let Some(id) = job {
            core.db.write(async move |tx| simulate::progress(tx, id, count).await).await?;
        }
    }
    tokio::task::spawn_blocking(move || sample.answer())
        .await
        .map_err(|e| Problem::bug("simulation_panicked", "a simulation could not be computed").with_source(e))?
}

/// [`SIMULATION_JOB`]: started again from the first page when a worker dies on the way.
pub struct Simulate(pub Core);

#[async_trait]
impl Handler for Simulate {
    fn kind(&self) -> &'static str {
        SIMULATION_JOB
    }
    async fn run(&self, lease: &Lease) -> std::result::Result<(), JobError> {
        let core = &self.0;
        let id = lease
            .payload
            .get("simulation")
            .and_then(serde_json::Value::as_str)
            .and_then(|s| SimulationId::parse(s).ok())
            .ok_or_else(|| Problem::bug("job_field_missing", "a commission.simulate job names no simulation"))?;
        let c = core.clone();
        let asked = core.db.read(async move |tx| simulate::asked(tx, &c, id).await).await?;
        let Some(q) = asked else { return Ok(()) };
        let got = answer(core, q, Some(id)).await;
        if let Err(p) = &got {
            // What may pass is tried again; the rest is the answer.
            let e = JobError::from(p.clone());
            if matches!(e, JobError::Retry { .. }) {
                return Err(e);
            }
        }
        let (c, l) = (core.clone(), lease.clone());
        core.db
            .write(async move |tx| {
                simulate::finish(tx, &c, id, &got).await?;
                l.complete(tx).await
            })
            .await?;
        Ok(())
    }
}

//! A handler that does what a test tells it, and remembers.

use async_trait::async_trait;
use qd_db::Tx;
use qd_kernel::Ts;
use qd_runtime::Core;
use qd_runtime::jobs::{self, Handler, JobError, Lease, NewJob, graveyard};
use serde_json::json;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

pub enum Said {
    /// Completes in its own transaction, and is remembered.
    Done,
    /// Leaves completion to the worker.
    Nothing,
    Fail(JobError),
}

type Script = dyn Fn(&Lease) -> Pin<Box<dyn Future<Output = Said> + Send>> + Send + Sync;

pub struct Fake {
    core: Core,
    script: Box<Script>,
    done: Arc<Mutex<Vec<(String, i64)>>>,
}

impl Fake {
    pub fn new(core: &Core, script: impl Fn(&Lease) -> Pin<Box<dyn Future<Output = Said> + Send>> + Send + Sync + 'static) -> Arc<Fake> {
        Arc::new(Fake {
            core: core.clone(),
            script: Box::new(script),
            done: Arc::default(),
        })
    }
    pub fn ok(core: &Core) -> Arc<Fake> {
        Fake::new(core, |_| Box::pin(async { Said::Done }))
    }
    pub fn numbers(&self) -> Vec<i64> {
        self.done.lock().unwrap().iter().map(|d| d.1).collect()
    }
    pub fn of_lane(&self, lane: &str) -> Vec<i64> {
        self.done.lock().unwrap().iter().filter(|d| d.0 == lane).map(|d| d.1).collect()
    }
}

#[async_trait]
impl Handler for Fake {
    fn kind(&self) -> &'static str {
        "sample.work"
    }
    async fn run(&self, lease: &Lease) -> Result<(), JobError> {
        match (self.script)(lease).await {
            Said::Nothing => Ok(()),
            Said::Fail(e) => Err(e),
            Said::Done => {
                let l = lease.clone();
                let mine = (
                    lease.payload["lane"].as_str().unwrap_or_default().to_string(),
                    lease.payload["n"].as_i64().unwrap_or(-1),
                );
                let done = self.done.clone();
                self.core
                    .db
                    .write(async move |tx: &mut Tx| {
                        l.complete(tx).await?;
                        // With the commit, so that the next of the lane cannot be remembered before.
                        let (done, mine) = (done.clone(), mine.clone());
                        tx.on_commit(move || done.lock().unwrap().push(mine));
                        Ok(())
                    })
                    .await?;
                Ok(())
            }
        }
    }
}

pub fn job(lane: &str, n: i64) -> NewJob {
    NewJob::new(
        "sample.work",
        json!({ "lane": lane, "n": n, "client_id": "cli_x" }),
        Ts::from_ymd(2026, 11, 20),
    )
}

pub async fn enqueue(core: &Core, job: NewJob) -> bool {
    let c = core.clone();
    core.db
        .write(async move |tx: &mut Tx| jobs::enqueue(tx, &c, job.clone()).await)
        .await
        .unwrap()
}

pub async fn figures(core: &Core) -> Vec<graveyard::Figures> {
    let now = core.now();
    core.db
        .read(async move |tx: &mut Tx| graveyard::figures(tx, now).await)
        .await
        .unwrap()
}

//! Runs jobs on this node.

use super::{Handler, JobError, JobId, Lease, Registry, graveyard, owner_role, retry_delay, store};
use crate::exceptions::{self, NewException};
use crate::{Core, jobs::NewJob};
use qd_db::Tx;
use qd_kernel::{Problem, Result};
use serde_json::json;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A job whose workers died this often is itself the suspect.
const MAX_LOST: u32 = 50;

/// The wait between two looks without a bell: starts here and doubles.
const FIRST_LOOK: Duration = Duration::from_millis(200);

#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// Unique among the living nodes: what an earlier life of the same name had leased is taken
    /// back at once when this one starts.
    pub node: String,
    /// Jobs running at once.
    pub concurrency: usize,
    /// How long a lease lasts; renewed at a third of it while the job runs. A killed worker's jobs
    /// wait this long at most.
    pub lease_secs: i64,
    /// The longest wait between two looks on an idle node.
    pub idle_look: Duration,
    /// How long [`WorkerHandle::stop`] waits for what is running.
    pub grace: Duration,
}

impl WorkerOptions {
    pub fn new(node: impl Into<String>, concurrency: usize) -> WorkerOptions {
        WorkerOptions {
            node: node.into(),
            concurrency: concurrency.max(1),
            lease_secs: 30,
            idle_look: Duration::from_secs(2),
            grace: Duration::from_secs(25),
        }
    }
}

/// Job id to token of what runs here now.
type Running = Arc<Mutex<HashMap<JobId, i64>>>;

#[derive(Clone)]
pub struct Worker {
    core: Core,
    registry: Arc<Registry>,
    options: Arc<WorkerOptions>,
    /// `node/incarnation`.
    me: Arc<str>,
    kinds: Arc<str>,
    running: Running,
}

pub struct WorkerHandle {
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl WorkerHandle {
    /// Claims nothing more, waits for what runs; what does not end in time goes to another worker
    /// when its lease runs out.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        let _ = self.task.await;
    }
}

impl Worker {
    pub fn start(core: Core, registry: Registry, node: &str, concurrency: usize) -> WorkerHandle {
        Worker::start_with(core, registry, WorkerOptions::new(node, concurrency))
    }

    pub fn start_with(core: Core, registry: Registry, options: WorkerOptions) -> WorkerHandle {
        let worker = Worker::new(core, registry, options);
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(async move { worker.run(stopped).await });
        WorkerHandle { stop, task }
    }

    fn new(core: Core, registry: Registry, options: WorkerOptions) -> Worker {
        let node: String = options
            .node
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        let me = format!("{node}/{}", core.env.entropy.code(8));
        let kinds = json!(registry.kinds()).to_string();
        let options = WorkerOptions { node, ..options };
        Worker {
            core,
            registry: Arc::new(registry),
            options: Arc::new(options),
            me: me.into(),
            kinds: kinds.into(),
            running: Arc::default(),
        }
    }

    async fn run(self, mut stopped: watch::Receiver<bool>) {
        if let Err(p) = self.take_back_own().await {
            tracing::warn!(error = %p, "the jobs of this node's earlier life wait for their leases to run out");
        }
        if let Err(p) = self.install_schedules().await {
            tracing::error!(error = %p, "the schedules could not be installed");
        }
        let renewing = tokio::spawn(self.clone().renew_loop());
        let mut tasks: JoinSet<()> = JoinSet::new();
        let mut look = FIRST_LOOK;
        let mut belled = true;
        while !*stopped.borrow() {
            while tasks.try_join_next().is_some() {}
            let free = self.options.concurrency.saturating_sub(tasks.len());
            let mut claimed = 0;
            if free > 0 {
                match self.look(free, belled).await {
                    Ok(leases) => {
                        claimed = leases.len();
                        for lease in leases {
                            tasks.spawn(self.clone().one(lease));
                        }
                    }
                    Err(p) => tracing::warn!(error = %p, "no jobs could be claimed"),
                }
            }
            if claimed > 0 && claimed < free {
                // Everything due was taken; whatever comes rings.
                look = FIRST_LOOK;
            }
            if claimed == free && free > 0 {
                look = FIRST_LOOK;
                belled = true;
                continue;
            }
            // With every hand full there is nothing to be early for.
            let sleep = if free == 0 { look } else { self.until_next(look).await };
            tokio::select! {
                () = self.core.wake.jobs.notified() => { belled = true; look = FIRST_LOOK; }
                Some(_) = tasks.join_next(), if !tasks.is_empty() => { belled = true; }
                _ = stopped.changed() => {}
                () = tokio::time::sleep(sleep) => {
                    belled = false;
                    look = (look * 2).min(self.options.idle_look);
                }
            }
        }
        let all = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(self.options.grace, all).await.is_err() {
            tracing::warn!("jobs still running at the stop; their leases run out by themselves");
        }
        renewing.abort();
    }

    /// How long to sleep: until the next job is due, not longer than `look`.
    async fn until_next(&self, look: Duration) -> Duration {
        let now = self.core.now();
        match self.core.db.read(async move |tx: &mut Tx| store::outlook(tx, now).await).await {
            Ok(o) => {
                let next = [o.next, o.lease_ends].into_iter().flatten().min();
                next.map_or(look, |at| {
                    let us = u64::try_from(at.0 - now.0).unwrap_or(0);
                    look.min(Duration::from_micros(us.max(5_000)))
                })
            }
            Err(_) => look,
        }
    }

    /// Claims what is due. Without a bell it first looks without writing: an idle node costs the
    /// writer nothing.
    async fn look(&self, free: usize, belled: bool) -> Result<Vec<Lease>> {
        if !belled {
            let now = self.core.now();
            let o = self.core.db.read(async move |tx: &mut Tx| store::outlook(tx, now).await).await?;
            if o.lease_ends.is_some_and(|at| at <= now) {
                self.take_back_expired().await?;
            } else if !o.due {
                return Ok(Vec::new());
            }
        }
        claim(&self.core, &self.kinds, free, &self.me, self.options.lease_secs).await
    }

    async fn one(self, lease: Lease) {
        let running = |f: &dyn Fn(&mut HashMap<JobId, i64>)| f(&mut self.running.lock().unwrap_or_else(|p| p.into_inner()));
        running(&|r| {
            r.insert(lease.job_id, lease.row.token);
        });
        run_one(&self.core, &self.registry, &lease).await;
        running(&|r| {
            r.remove(&lease.job_id);
        });
    }

    async fn renew_loop(self) {
        let pause = Duration::from_secs(u64::try_from(self.options.lease_secs).unwrap_or(30)) / 3;
        loop {
            tokio::time::sleep(pause.max(Duration::from_millis(100))).await;
            let leases: Vec<(JobId, i64)> = self
                .running
                .lock()
                .unwrap_or_else(|p| p.into_inner())
                .iter()
                .map(|(id, token)| (*id, *token))
                .collect();
            if leases.is_empty() {
                continue;
            }
            let until = self.core.now().plus_secs(self.options.lease_secs);
            if let Err(p) = self
                .core
                .db
                .write(async move |tx: &mut Tx| store::renew(tx, &leases, until).await)
                .await
            {
                tracing::warn!(error = %p, "leases could not be renewed");
            }
        }
    }

    /// Two lives of one node never run at once, so what the earlier one leased is free.
    async fn take_back_own(&self) -> Result<()> {
        let (core, node, me) = (self.core.clone(), self.options.node.clone(), self.me.clone());
        let n = self
            .core
            .db
            .write(async move |tx: &mut Tx| {
                let lost = store::lost_of_node(tx, &node, &me).await?;
                give_back(tx, &core, &lost).await
            })
            .await?;
        if n > 0 {
            tracing::info!(jobs = n, "took back what this node's earlier life was running");
        }
        Ok(())
    }

    async fn take_back_expired(&self) -> Result<()> {
        let core = self.core.clone();
        let n = self
            .core
            .db
            .write(async move |tx: &mut Tx| {
                let lost = store::lost(tx, core.now()).await?;
                give_back(tx, &core, &lost).await
            })
            .await?;
        if n > 0 {
            tracing::warn!(jobs = n, "took over jobs whose worker has gone");
        }
        Ok(())
    }

    async fn install_schedules(&self) -> Result<()> {
        install_schedules(&self.core, &self.registry).await
    }
}

async fn install_schedules(core: &Core, registry: &Registry) -> Result<()> {
    let (core2, schedules) = (core.clone(), registry.schedules.clone());
    core.db
        .write(async move |tx: &mut Tx| {
            for s in &schedules {
                let now = core2.now();
                let job = NewJob::new(s.kind, json!({ "schedule": s.name }), now).key(format!("every:{}", s.name));
                if !store::insert(tx, JobId::new(&core2.env), &job, Some(s.every_secs), now).await? {
                    store::set_every(tx, s.kind, &format!("every:{}", s.name), s.every_secs).await?;
                }
            }
            Ok(())
        })
        .await
}

/// Ready again, or dead when its workers die of it.
async fn give_back(tx: &mut Tx, core: &Core, lost: &[store::Claimed]) -> Result<usize> {
    let now = core.now();
    for c in lost {
        if c.lost + 1 >= MAX_LOST && c.every_secs.is_none() {
            let p = Problem::bug("job_lease_expired", "every worker that took this job died");
            bury(tx, core, c, &p).await?;
        } else {
            store::give_back(tx, c, now).await?;
        }
    }
    Ok(lost.len())
}

async fn claim(core: &Core, kinds: &Arc<str>, free: usize, me: &Arc<str>, lease_secs: i64) -> Result<Vec<Lease>> {
    let now = core.now();
    let (kinds, me) = (kinds.clone(), me.clone());
    let limit = i64::try_from(free).unwrap_or(1);
    let rows = core
        .db
        .write(async move |tx: &mut Tx| store::claim(tx, &kinds, now, limit, &me, now.plus_secs(lease_secs)).await)
        .await;
    match rows {
        Ok(rows) => Ok(rows.into_iter().map(|r| Lease::new(core, r)).collect()),
        Err(p) if store::lane_taken(&p) => Ok(Vec::new()),
        Err(p) => Err(p),
    }
}

/// Runs the handler and writes down how it went.
async fn run_one(core: &Core, registry: &Registry, lease: &Lease) {
    let outcome = match registry.handlers.get(lease.kind.as_str()) {
        Some(h) => guarded(h.clone(), lease.clone()).await,
        // Claimed by kind, so this is a change of the registry under our feet.
        None => Err(JobError::retry(Problem::bug(
            "job_kind_unknown",
            "this node has no handler for the kind",
        ))),
    };
    let written = match outcome {
        Ok(()) => finish(core, lease).await,
        Err(_) if lease.is_completed() => Ok(()),
        Err(e) => fail(core, lease, e).await,
    };
    if let Err(p) = written {
        // The lease runs out and the job comes again.
        tracing::warn!(job = %lease.job_id, kind = %lease.kind, error = %p, "the outcome of a job could not be written");
    }
}

/// A panic is a failure like others; it must not take the worker with it.
async fn guarded(handler: Arc<dyn Handler>, lease: Lease) -> std::result::Result<(), JobError> {
    match tokio::spawn(async move { handler.run(&lease).await }).await {
        Ok(r) => r,
        Err(e) => Err(JobError::retry(Problem::bug("job_panicked", "the handler panicked").with_source(e))),
    }
}

/// The handler said Ok; if it did not complete the job itself, there was nothing to write.
async fn finish(core: &Core, lease: &Lease) -> Result<()> {
    let failing = lease.row.every_secs.is_some() && lease.row.problem_code.is_some();
    if lease.is_completed() && !failing {
        return Ok(());
    }
    let (core2, l) = (core.clone(), lease.clone());
    core.db
        .write(async move |tx: &mut Tx| {
            if !l.is_completed() {
                l.complete(tx).await?;
            }
            if failing {
                exceptions::resolve(
                    tx,
                    &core2,
                    exceptions::SCHEDULE_FAILING,
                    &format!("job:{}", l.job_id),
                    "works again",
                )
                .await?;
            }
            Ok(())
        })
        .await
}

async fn fail(core: &Core, lease: &Lease, e: JobError) -> Result<()> {
    if e.problem().is("job_lease_lost") {
        // Whoever has it now writes the outcome.
        return Ok(());
    }
    let failures = lease.row.failures_with_this();
    let now = core.now();
    let (problem, run_at) = match e {
        JobError::Final(p) => (p, None),
        JobError::Retry { problem, .. } if failures >= lease.row.max_attempts && lease.row.every_secs.is_none() => (problem, None),
        JobError::Retry { problem, after_secs } => {
            let at = after_secs.map_or_else(|| now.plus_millis(retry_delay(&core.env, failures)), |s| now.plus_secs(s));
            (problem, Some(at))
        }
    };
    tracing::warn!(job = %lease.job_id, kind = %lease.kind, attempt = lease.attempt, dead = run_at.is_none(), error = %problem, "a job failed");
    let (core2, row) = (core.clone(), lease.row.clone());
    core.db
        .write(async move |tx: &mut Tx| {
            match (row.every_secs, run_at) {
                (Some(secs), at) => {
                    // Its next turn comes by itself; a person hears when it keeps failing.
                    let at = at
                        .unwrap_or(now)
                        .max(now.plus_millis(retry_delay(&core2.env, failures)))
                        .max(now.plus_secs(secs));
                    if store::retry(tx, &row, at, &problem).await? && (run_at.is_none() || failures >= 5) {
                        exceptions::raise(tx, &core2, exception(exceptions::SCHEDULE_FAILING, &row, &problem)).await?;
                    }
                }
                (None, Some(at)) => {
                    store::retry(tx, &row, at, &problem).await?;
                }
                (None, None) => bury(tx, &core2, &row, &problem).await?,
            }
            Ok(())
        })
        .await?;
    // The next of the lane may run.
    core.wake.jobs.notify_one();
    Ok(())
}

async fn bury(tx: &mut Tx, core: &Core, row: &store::Claimed, problem: &Problem) -> Result<()> {
    if store::bury(tx, row, problem, core.now()).await? {
        let mut e = exception(exceptions::JOB_DEAD, row, problem);
        e.retry = Some(row.id);
        exceptions::raise(tx, core, e).await?;
    }
    Ok(())
}

fn exception(kind: &'static str, row: &store::Claimed, problem: &Problem) -> NewException {
    let text = |k: &str| row.payload.get(k).and_then(|v| v.as_str()).map(str::to_string);
    NewException {
        kind,
        subject: format!("job:{}", row.id),
        entity: text("entity"),
        client_id: text("client_id"),
        owner_role: owner_role(&row.kind),
        rule: "jobs",
        cause: format!("{}: {}", problem.code, problem.detail),
        // Not the whole payload: it may hold a person's address or the name an account is opened in.
        detail: json!({ "job": row.id, "job_kind": row.kind, "payload": graveyard::only_ids(&row.payload), "attempt": row.attempt, "code": problem.code }),
        retry: None,
    }
}

/// Runs what is due, one after the other, until nothing is; answers how many runs that were. For
/// tests and tools. Jobs that wait for a later time stay.
pub async fn run_until_idle(core: &Core, registry: &Registry) -> Result<usize> {
    let worker = Worker::new(core.clone(), registry.clone(), WorkerOptions::new("until-idle", 16));
    install_schedules(core, registry).await?;
    let mut runs = 0;
    loop {
        worker.take_back_expired().await?;
        let leases = claim(core, &worker.kinds, 16, &worker.me, 60).await?;
        if leases.is_empty() {
            return Ok(runs);
        }
        for lease in leases {
            run_one(core, registry, &lease).await;
            runs += 1;
        }
    }
}

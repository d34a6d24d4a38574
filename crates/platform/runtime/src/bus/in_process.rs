//! The bus over the outbox table alone: for one node, and for several that share a database and
//! have no NATS.
//!
//! One transaction places new events, runs the reactions of all healthy subscriptions and moves
//! their shared cursor; its lock lets one node at a time deliver. A subscription whose reaction
//! fails leaves the others and follows by itself until it has caught up.

use super::{BATCH, Bus, BusHandle, Live, Subscription, Subscriptions, pause, report, store};
use crate::jobs::{Registry, run_until_idle};
use crate::{Core, events};
use async_trait::async_trait;
use qd_db::{Engine, Tx};
use qd_kernel::{Problem, Result};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};

/// The wait between two looks without a bell: starts here and doubles.
const FIRST_LOOK: Duration = Duration::from_millis(200);

/// Events of a held-up subscription in one transaction, once the first has gone through.
const CATCH_UP: i64 = 100;

#[derive(Clone, Copy, Debug, Default)]
pub struct InProcess;

#[async_trait]
impl Bus for InProcess {
    async fn start(&self, core: Core, subscriptions: Subscriptions) -> Result<BusHandle> {
        let mut pump = Pump::new(core.clone(), subscriptions).await?;
        let live = Live::new();
        let (stop, stopped) = watch::channel(false);
        let delivered = Arc::new(Notify::new());
        // Read before anything else runs, so that nothing published from now on is left out.
        let from = core.db.read(async |tx: &mut Tx| events::head(tx).await).await?;
        let tail = tokio::spawn(follow(core.clone(), live.clone(), delivered.clone(), from, stopped.clone()));
        let mut until = stopped;
        let deliver = tokio::spawn(async move {
            let mut look = FIRST_LOOK;
            while !*until.borrow() {
                match pump.step().await {
                    Ok(0) => {}
                    Ok(_) => {
                        delivered.notify_one();
                        look = FIRST_LOOK;
                        continue;
                    }
                    Err(p) => tracing::warn!(error = %p, "events could not be delivered"),
                }
                let sleep = pump.next_try().map_or(look, |t| look.min(t));
                tokio::select! {
                    () = pump.core.wake.outbox.notified() => look = FIRST_LOOK,
                    _ = until.changed() => {}
                    () = tokio::time::sleep(sleep) => look = (look * 2).min(idle_look(&pump.core)),
                }
            }
        });
        Ok(BusHandle {
            live,
            stop,
            tasks: vec![deliver, tail],
        })
    }
}

/// On SQLite every publisher is in this process and rings; on PostgreSQL another node may have
/// died between its commit and its delivery.
fn idle_look(core: &Core) -> Duration {
    match core.db.engine() {
        Engine::Sqlite => Duration::from_secs(5),
        Engine::Postgres => Duration::from_secs(1),
    }
}

/// Sends placed events to the live listeners of this node.
async fn follow(core: Core, live: Live, delivered: Arc<Notify>, mut from: i64, mut stopped: watch::Receiver<bool>) {
    let mut look = FIRST_LOOK;
    while !*stopped.borrow() {
        let at = from;
        match core.db.read(async move |tx: &mut Tx| events::since(tx, at, 500).await).await {
            Ok(found) if !found.is_empty() => {
                for ev in found {
                    from = ev.position;
                    live.send(Arc::new(ev));
                }
                look = FIRST_LOOK;
                continue;
            }
            Ok(_) => {}
            Err(p) => tracing::warn!(error = %p, "live events could not be read"),
        }
        tokio::select! {
            () = delivered.notified() => look = FIRST_LOOK,
            _ = stopped.changed() => {}
            () = tokio::time::sleep(look) => look = (look * 2).min(idle_look(&core)),
        }
    }
}

/// For the pauses of this process only; nothing of it is stored.
fn steady() -> Instant {
    Instant::now() // monotonic: a clock that is set must not stretch a pause
}

struct Pump {
    core: Core,
    list: Arc<Vec<Subscription>>,
    /// Held-up subscriptions: failures in a row, and when to try again.
    held: HashMap<&'static str, (u32, Instant)>,
}

impl Pump {
    async fn new(core: Core, subscriptions: Subscriptions) -> Result<Pump> {
        subscriptions.check()?;
        let list = Arc::new(subscriptions.list);
        let names: Vec<(&'static str, bool)> = list.iter().map(|s| (s.name, s.from_start)).collect();
        core.db
            .write(async move |tx: &mut Tx| {
                for (name, from_start) in &names {
                    store::register_shared(tx, name, *from_start).await?;
                }
                Ok(())
            })
            .await?;
        Ok(Pump {
            core,
            list,
            held: HashMap::new(),
        })
    }

    fn next_try(&self) -> Option<Duration> {
        let at = self.held.values().map(|(_, at)| *at).min()?;
        Some(at.saturating_duration_since(steady()).max(Duration::from_millis(5)))
    }

    /// Places and delivers what is there; answers how many events moved (0: nothing to do).
    async fn step(&mut self) -> Result<u64> {
        let n = self.together().await?;
        Ok(n + self.apart().await?)
    }

    /// One batch for all healthy subscriptions.
    async fn together(&self) -> Result<u64> {
        // Looking costs no write.
        let nothing = self
            .core
            .db
            .read(async |tx: &mut Tx| {
                let shared = store::shared(tx).await?;
                Ok(!events::any_unplaced(tx).await? && events::head(tx).await? <= shared)
            })
            .await?;
        if nothing {
            return Ok(0);
        }
        let (core, list) = (self.core.clone(), self.list.clone());
        let at_fault: Arc<Mutex<Option<&'static str>>> = Arc::default();
        let fault = at_fault.clone();
        let outcome = self
            .core
            .db
            .write(async move |tx: &mut Tx| {
                set(&fault, None);
                let placed = events::place_new(tx, BATCH).await?;
                let from = store::lock_shared(tx).await?;
                let batch = events::since(tx, from, BATCH).await?;
                let Some(last) = batch.last().map(|e| e.position) else {
                    return Ok(placed);
                };
                let alone = store::alone(tx).await?;
                let healthy: Vec<&Subscription> = list.iter().filter(|s| !alone.iter().any(|a| a == s.name)).collect();
                for ev in &batch {
                    for s in healthy.iter().filter(|s| s.wants(ev)) {
                        set(&fault, Some(s.name));
                        (s.react)(tx, &core, ev).await?;
                    }
                }
                set(&fault, None);
                store::move_shared(tx, last).await?;
                Ok(batch.len() as u64)
            })
            .await;
        let name = *at_fault.lock().unwrap_or_else(|p| p.into_inner());
        match (outcome, name) {
            // The database's trouble is nobody's fault, and nothing to leave the others for.
            (Err(p), Some(name)) if p.class != qd_kernel::Class::Unavailable => {
                tracing::warn!(subscription = name, error = %p, "a reaction failed; its subscription follows by itself now");
                self.core
                    .db
                    .write(async move |tx: &mut Tx| {
                        // Placed here, because the failed transaction took its placing back: with
                        // nothing to catch up with, the subscription would join again at once.
                        events::place_new(tx, BATCH).await?;
                        store::lock_shared(tx).await?;
                        store::part(tx, name).await
                    })
                    .await?;
                Ok(1)
            }
            (outcome, _) => outcome,
        }
    }

    /// One batch for each held-up subscription whose pause is over.
    async fn apart(&mut self) -> Result<u64> {
        let alone = self.core.db.read(async |tx: &mut Tx| store::alone(tx).await).await?;
        let mut moved = 0;
        let list = self.list.clone();
        for s in list.iter().filter(|s| alone.iter().any(|a| a == s.name)) {
            let (failures, at) = self.held.get(s.name).copied().unwrap_or((0, steady()));
            if at > steady() {
                continue;
            }
            let limit = if failures == 0 { CATCH_UP } else { 1 };
            match self.catch_up(s, limit).await {
                Ok(n) => {
                    report(&self.core, s.name, failures, None).await;
                    let joined = n == 0
                        && self
                            .core
                            .db
                            .write({
                                let name = s.name;
                                async move |tx: &mut Tx| store::join(tx, name).await
                            })
                            .await?;
                    if joined {
                        self.held.remove(s.name);
                    } else {
                        self.held.insert(s.name, (0, steady()));
                    }
                    // Joining counts as a move: the shared cursor may be ahead by now.
                    moved += n + u64::from(joined);
                }
                Err(p) => {
                    let failures = failures + 1;
                    report(&self.core, s.name, failures, Some(&p)).await;
                    self.held.insert(s.name, (failures, steady() + pause(failures)));
                }
            }
        }
        self.held.retain(|name, _| alone.iter().any(|a| a == name));
        Ok(moved)
    }

    async fn catch_up(&self, s: &Subscription, limit: i64) -> Result<u64> {
        let (core, s) = (self.core.clone(), s.clone());
        self.core
            .db
            .write(async move |tx: &mut Tx| {
                let Some(own) = store::lock_own(tx, s.name).await? else {
                    return Ok(0);
                };
                let batch = events::since(tx, own.position, limit).await?;
                for ev in batch.iter().filter(|e| s.wants(e)) {
                    (s.react)(tx, &core, ev).await?;
                }
                if let Some(last) = batch.last() {
                    store::move_own(tx, s.name, last.position).await?;
                }
                Ok(batch.len() as u64)
            })
            .await
    }
}

fn set(slot: &Mutex<Option<&'static str>>, to: Option<&'static str>) {
    *slot.lock().unwrap_or_else(|p| p.into_inner()) = to;
}

/// Delivers and works until nothing is left to do now: for tests and tools. Fails when a reaction
/// keeps failing.
pub async fn settle(core: &Core, subscriptions: &Subscriptions, registry: &Registry) -> Result<()> {
    let mut pump = Pump::new(core.clone(), subscriptions.clone()).await?;
    loop {
        let mut moved = 0;
        loop {
            let n = pump.step().await?;
            if let Some((name, _)) = pump.held.iter().find(|(_, (failures, _))| *failures >= 3) {
                return Err(Problem::bug("subscription_stuck", format!("the subscription {name} keeps failing")));
            }
            match (n, pump.held.values().any(|(f, _)| *f > 0)) {
                (0, false) => break,
                (0, true) => tokio::time::sleep(pump.next_try().unwrap_or_default()).await,
                _ => moved += n,
            }
        }
        if run_until_idle(core, registry).await? == 0 && moved == 0 {
            return Ok(());
        }
    }
}

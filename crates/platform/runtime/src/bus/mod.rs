//! From the outbox to whoever reacts. One port, two buses: in process over the outbox table, and
//! NATS JetStream between nodes.
//!
//! What both promise (one conformance suite holds them to it): every event reaches every
//! subscription at least once and its reactions are committed exactly once, because a reaction
//! only writes to the database (it enqueues jobs) in the transaction that moves the subscription's
//! cursor; in order of position, which is the order of each aggregate; a reaction that fails holds
//! its own subscription up and no other, and is tried again until it works; and every node sees
//! every event on [`Live`], at most once and only while it listens.

mod in_process;
mod nats;
mod store;

pub use in_process::{InProcess, settle};
pub use nats::{Nats, NatsConfig};

use crate::Core;
use crate::events::{self, Event, EventId};
use crate::exceptions::{self, NewException};
use async_trait::async_trait;
use futures_util::future::LocalBoxFuture;
use qd_db::Tx;
use qd_kernel::{Problem, Result};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, watch};

/// Events in one transaction of a bus.
pub(crate) const BATCH: i64 = 200;

/// Failures of one subscription in a row before a person hears of it.
const STUCK_AFTER: u32 = 5;

#[async_trait]
pub trait Bus: Send + Sync {
    /// Starts placing, delivering and the live feed on this node.
    async fn start(&self, core: Core, subscriptions: Subscriptions) -> Result<BusHandle>;
}

/// A running bus. Dropping it leaves the bus running; [`BusHandle::stop`] ends it.
pub struct BusHandle {
    live: Live,
    stop: watch::Sender<bool>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl BusHandle {
    pub fn live(&self) -> Live {
        self.live.clone()
    }
    /// Lets transactions under way finish.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        for t in self.tasks {
            let _ = t.await;
        }
    }
}

/// What a subscription does with an event: writes to the database only, usually a job.
pub type React = dyn for<'a> Fn(&'a mut Tx, &'a Core, &'a Event) -> LocalBoxFuture<'a, Result<()>> + Send + Sync;

#[derive(Clone)]
pub struct Subscription {
    pub(crate) name: &'static str,
    pub(crate) kinds: Vec<&'static str>,
    pub(crate) from_start: bool,
    pub(crate) react: Arc<React>,
}

impl Subscription {
    pub(crate) fn wants(&self, ev: &Event) -> bool {
        ev.is_one_of(&self.kinds)
    }
}

/// Who reacts to what. All nodes of a cluster carry the same.
#[derive(Clone, Default)]
pub struct Subscriptions {
    pub(crate) list: Vec<Subscription>,
}

impl Subscriptions {
    pub fn new() -> Subscriptions {
        Subscriptions::default()
    }

    /// `kinds` are kinds, families (`deposit.*`) or `*`. The name is the cursor's and must stay.
    /// On a system that has been running, a new subscription starts with what comes; on a fresh
    /// one with the first event.
    ///
    /// `.subscribe("credit", &["deposit.received"], |tx, core, ev| Box::pin(async move { … }))`
    pub fn subscribe<F>(self, name: &'static str, kinds: &[&'static str], react: F) -> Subscriptions
    where
        F: for<'a> Fn(&'a mut Tx, &'a Core, &'a Event) -> LocalBoxFuture<'a, Result<()>> + Send + Sync + 'static,
    {
        self.push(name, kinds, false, Arc::new(react))
    }

    /// Like [`Subscriptions::subscribe`], but a new one goes through the whole history first.
    pub fn subscribe_from_start<F>(self, name: &'static str, kinds: &[&'static str], react: F) -> Subscriptions
    where
        F: for<'a> Fn(&'a mut Tx, &'a Core, &'a Event) -> LocalBoxFuture<'a, Result<()>> + Send + Sync + 'static,
    {
        self.push(name, kinds, true, Arc::new(react))
    }

    /// The subscriptions of two parts of the program.
    pub fn and(mut self, other: Subscriptions) -> Subscriptions {
        self.list.extend(other.list);
        self
    }

    fn push(mut self, name: &'static str, kinds: &[&'static str], from_start: bool, react: Arc<React>) -> Subscriptions {
        self.list.push(Subscription {
            name,
            kinds: kinds.to_vec(),
            from_start,
            react,
        });
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        for (i, s) in self.list.iter().enumerate() {
            if self.list[..i].iter().any(|o| o.name == s.name) || s.name == "*" || s.name.starts_with('@') {
                return Err(Problem::bug(
                    "subscription_named_twice",
                    format!("two subscriptions would share the cursor {}", s.name),
                ));
            }
        }
        Ok(())
    }
}

/// Marks everything published so far as delivered, without delivering it: for the seed, whose
/// simulated past must not send mails.
pub async fn skip_to_head(tx: &mut Tx) -> Result<()> {
    while events::place_new(tx, BATCH * 10).await? > 0 {}
    let head = events::head(tx).await?;
    store::skip_all(tx, head).await
}

/// How many placed events a subscription has still to go through, for /metrics. With a bus that
/// sorts by subject, those it does not want count too until it meets one it does. `@published` is
/// the publisher to NATS.
pub async fn lags(tx: &mut Tx) -> Result<Vec<(String, i64)>> {
    let head = events::head(tx).await?;
    Ok(store::positions(tx)
        .await?
        .into_iter()
        .map(|(name, at)| (name, (head - at).max(0)))
        .collect())
}

/// Every event as it comes, on this node, for open streams of the portals. A listener that is too
/// slow loses the oldest and is told so by the channel.
#[derive(Clone, Debug)]
pub struct Live {
    tell: broadcast::Sender<Arc<Event>>,
}

impl Default for Live {
    fn default() -> Self {
        Live::new()
    }
}

impl Live {
    pub fn new() -> Live {
        Live {
            tell: broadcast::channel(4_096).0,
        }
    }
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Event>> {
        self.tell.subscribe()
    }
    pub(crate) fn send(&self, ev: Arc<Event>) {
        self.publish(ev);
    }
    /// Passes an event on; nobody listening is no error.
    pub fn publish(&self, ev: Arc<Event>) {
        let _ = self.tell.send(ev);
    }
    /// Tells every listener that events were lost on the way here: they load afresh.
    pub fn missed(&self, core: &Core) {
        self.publish(Arc::new(Event {
            id: EventId::new(&core.env),
            position: 0,
            kind: MISSED.into(),
            aggregate: "live".into(),
            entity: None,
            payload: json!({}),
            at: core.now(),
        }));
    }
}

/// The kind of what [`Live::missed`] passes on; no event of the outbox has it.
pub const MISSED: &str = "live.missed";

/// How long a held-up subscription waits before the next try.
pub(crate) fn pause(failures: u32) -> Duration {
    Duration::from_millis(100 << failures.min(7))
}

/// Tells a person about a subscription that does not get on, or that it does again.
pub(crate) async fn report(core: &Core, name: &str, failures: u32, problem: Option<&Problem>) {
    let subject = format!("subscription:{name}");
    let outcome = match problem {
        Some(p) => {
            tracing::warn!(subscription = name, failures, error = %p, "a reaction failed");
            if failures < STUCK_AFTER || !failures.is_multiple_of(STUCK_AFTER) {
                return;
            }
            let (core2, p) = (core.clone(), p.clone());
            core.db
                .write(async move |tx: &mut Tx| {
                    let e = NewException {
                        kind: "bus.stuck",
                        subject: subject.clone(),
                        entity: None,
                        client_id: None,
                        owner_role: "ops",
                        rule: "bus",
                        cause: format!("{}: {}", p.code, p.detail),
                        detail: json!({ "failures": failures }),
                        retry: None,
                    };
                    exceptions::raise(tx, &core2, e).await.map(|_| ())
                })
                .await
        }
        None if failures >= STUCK_AFTER => {
            let core2 = core.clone();
            core.db
                .write(async move |tx: &mut Tx| {
                    exceptions::resolve(tx, &core2, "bus.stuck", &subject, "gets on again")
                        .await
                        .map(|_| ())
                })
                .await
        }
        None => Ok(()),
    };
    if let Err(p) = outcome {
        tracing::warn!(subscription = name, error = %p, "the state of a subscription could not be reported");
    }
}

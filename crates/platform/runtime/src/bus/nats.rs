//! The bus over NATS JetStream, for several nodes.
//!
//! One node leads (a lease in the database): it places events, publishes them in order of position
//! and moves the publisher's mark after the acknowledgement, and runs the durable consumer of each
//! subscription. The cursor that counts is the row in our database, moved in the transaction of the
//! reactions; a consumer is made anew at that cursor whenever a node takes the lead or a reaction
//! fails, so that redelivery keeps the order, and the acknowledgement that follows the commit tells
//! the server's own figures how far we are. What was delivered before is told by its position.
//!
//! Should a leader go on for a moment after losing its lease, nothing is doubled: publications are
//! told apart by their message id and chained to the one before, reactions by the cursor's row.
//!
//! Every node follows the stream with an ordered consumer of its own for its live listeners, and
//! nodes that do not lead nudge the leader after a commit.

use super::{BATCH, Bus, BusHandle, Live, Subscription, Subscriptions, pause, report, store};
use crate::Core;
use crate::events::{self, Event};
use crate::leases::{self, Grant};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, stream};
use async_trait::async_trait;
use futures_util::{FutureExt as _, StreamExt as _};
use qd_db::Tx;
use qd_kernel::{Problem, Result};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

const LEASE: &str = "bus";
const LEASE_SECS: i64 = 10;
/// Between two renewals, and between two looks of a node that does not lead.
const RENEW: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(500);
const POSITION: &str = "Qd-Position";
/// The server remembers message ids this long; older repetitions are caught by the chain.
const DUPLICATES: Duration = Duration::from_secs(600);

#[derive(Clone, Debug)]
pub struct NatsConfig {
    /// `nats://host:4222`, several separated by commas.
    pub url: String,
    /// `user:password` or a token, when the server asks for one.
    pub credentials: Option<qd_kernel::Secret>,
    /// Name of the stream; consumers carry it too.
    pub stream: String,
    /// Start of the subjects: `qd.ev` makes `qd.ev.deposit.received`.
    pub subject: String,
    /// Unique among the nodes.
    pub node: String,
    pub replicas: usize,
    /// How long the stream keeps events; the outbox keeps them anyway.
    pub keep_days: u64,
}

impl NatsConfig {
    pub fn new(url: impl Into<String>, node: impl Into<String>) -> NatsConfig {
        NatsConfig {
            url: url.into(),
            credentials: None,
            stream: "QD_EVENTS".into(),
            subject: "qd.ev".into(),
            node: node.into(),
            replicas: 1,
            keep_days: 14,
        }
    }
    fn nudge(&self) -> String {
        format!("{}_nudge", self.subject)
    }
    /// The narrowest subject that holds all these kinds. One subject only: servers before 2.10
    /// take no list, so the rest is sorted out here.
    fn filter(&self, kinds: &[&str]) -> String {
        match kinds {
            [one] => match one.strip_suffix(".*") {
                Some(family) => format!("{}.{family}.>", self.subject),
                None if *one == "*" => format!("{}.>", self.subject),
                None => format!("{}.{one}", self.subject),
            },
            _ => format!("{}.>", self.subject),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Nats {
    config: Arc<NatsConfig>,
}

impl Nats {
    pub fn new(config: NatsConfig) -> Nats {
        Nats { config: Arc::new(config) }
    }
}

fn down(what: &'static str) -> impl Fn(Box<dyn std::error::Error + Send + Sync>) -> Problem {
    move |e| Problem::unavailable("bus_unavailable", what).with_source(e)
}

#[derive(Clone)]
struct Node {
    core: Core,
    config: Arc<NatsConfig>,
    client: async_nats::Client,
    js: jetstream::Context,
    list: Arc<Vec<Subscription>>,
    live: Live,
    holder: Arc<str>,
}

#[async_trait]
impl Bus for Nats {
    async fn start(&self, core: Core, subscriptions: Subscriptions) -> Result<BusHandle> {
        subscriptions.check()?;
        let config = self.config.clone();
        let mut options = async_nats::ConnectOptions::new()
            .name(format!("quarterdeck {}", config.node))
            .retry_on_initial_connect();
        if let Some(c) = &config.credentials {
            options = match c.expose().split_once(':') {
                Some((user, password)) => options.user_and_password(user.into(), password.into()),
                None => options.token(c.expose().into()),
            };
        }
        let client = options
            .connect(config.url.as_str())
            .await
            .map_err(|e| down("cannot connect to NATS")(e.into()))?;
        let js = jetstream::new(client.clone());
        let holder: Arc<str> = format!("{}/{}", config.node, core.env.entropy.code(8)).into();
        let node = Node {
            core,
            config,
            client,
            js,
            list: Arc::new(subscriptions.list),
            live: Live::new(),
            holder,
        };
        node.stream().await?;
        node.register().await?;
        let (stop, stopped) = watch::channel(false);
        // The live consumer is there before the start is over: what is published from now on is seen.
        let first = node.live_consumer().await?;
        let tasks = vec![
            tokio::spawn(node.clone().lead(stopped.clone())),
            tokio::spawn(node.clone().follow(first, stopped)),
        ];
        Ok(BusHandle {
            live: node.live,
            stop,
            tasks,
        })
    }
}

impl Node {
    async fn stream(&self) -> Result<stream::Stream> {
        let c = &self.config;
        self.js
            .get_or_create_stream(stream::Config {
                name: c.stream.clone(),
                subjects: vec![format!("{}.>", c.subject)],
                max_age: Duration::from_secs(c.keep_days.saturating_mul(86_400)),
                num_replicas: c.replicas,
                duplicate_window: DUPLICATES,
                ..Default::default()
            })
            .await
            .map_err(|e| down("the stream cannot be opened")(e.into()))
    }

    async fn register(&self) -> Result<()> {
        let names: Vec<(&'static str, bool)> = self.list.iter().map(|s| (s.name, s.from_start)).collect();
        self.core
            .db
            .write(async move |tx: &mut Tx| {
                let head = events::head(tx).await?;
                for (name, from_start) in &names {
                    store::register_own(tx, name, *from_start, head).await?;
                }
                Ok(())
            })
            .await
    }

    /// Leads while it holds the lease, nudges the leader while it does not.
    async fn lead(self, mut stopped: watch::Receiver<bool>) {
        let nudge = self.config.nudge();
        let mut nudges = match self.client.subscribe(nudge.clone()).await {
            Ok(s) => Some(s),
            Err(e) => {
                tracing::warn!(error = %e, "nudges from other nodes are not heard; their events wait for the next look");
                None
            }
        };
        while !*stopped.borrow() {
            match self.acquire().await {
                Ok(Some(grant)) => {
                    if let Err(p) = self.led(&grant, &mut nudges, &mut stopped).await {
                        tracing::warn!(error = %p, "this node stopped leading the bus");
                        wait(&mut stopped, LOOK).await;
                    }
                    continue;
                }
                Ok(None) => {}
                Err(p) => tracing::warn!(error = %p, "the lease of the bus could not be asked for"),
            }
            tokio::select! {
                () = self.core.wake.outbox.notified() => {
                    let _ = self.client.publish(nudge.clone(), "".into()).await;
                }
                _ = stopped.changed() => {}
                () = tokio::time::sleep(RENEW) => {}
            }
        }
    }

    async fn acquire(&self) -> Result<Option<Grant>> {
        let (core, holder) = (self.core.clone(), self.holder.clone());
        self.core
            .db
            .write(async move |tx: &mut Tx| leases::acquire(tx, &core, LEASE, &holder, LEASE_SECS).await)
            .await
    }

    /// Until the lease is lost, something fails, or the stop.
    async fn led(&self, grant: &Grant, nudges: &mut Option<async_nats::Subscriber>, stopped: &mut watch::Receiver<bool>) -> Result<()> {
        let (end, ended) = watch::channel(false);
        let consumers: Vec<_> = self
            .list
            .iter()
            .map(|s| tokio::spawn(self.clone().consume(s.clone(), ended.clone())))
            .collect();
        let outcome = self.publish_while(grant, nudges, stopped).await;
        let _ = end.send(true);
        for c in consumers {
            let _ = c.await;
        }
        let (g, core) = (grant.clone(), self.core.clone());
        // The next leader need not wait for the lease to run out.
        if let Err(p) = core.db.write(async move |tx: &mut Tx| leases::release(tx, &g).await).await {
            tracing::warn!(error = %p, "the lease of the bus runs out by itself");
        }
        outcome
    }

    async fn publish_while(
        &self,
        grant: &Grant,
        nudges: &mut Option<async_nats::Subscriber>,
        stopped: &mut watch::Receiver<bool>,
    ) -> Result<()> {
        let stream = self.stream().await?;
        let mut last_id = self.resync(&stream).await?;
        let mut renewed = tokio::time::Instant::now(); // monotonic: paces the renewals of this process
        while !*stopped.borrow() {
            if renewed.elapsed() >= RENEW {
                if self.acquire().await?.is_none_or(|g| g.token != grant.token) {
                    return Err(Problem::unavailable("lease_lost", "another node leads the bus"));
                }
                renewed = tokio::time::Instant::now(); // monotonic: paces the renewals of this process
            }
            if self.publish_batch(grant, &mut last_id).await? {
                continue;
            }
            let heard = async {
                match nudges {
                    Some(s) => s.next().await.is_some(),
                    None => std::future::pending().await,
                }
            };
            let deaf = tokio::select! {
                () = self.core.wake.outbox.notified() => false,
                open = heard => !open,
                _ = stopped.changed() => false,
                () = tokio::time::sleep(LOOK) => false,
            };
            if deaf {
                *nudges = None;
            }
        }
        Ok(())
    }

    /// Makes the publisher's mark agree with what the stream really holds: it may have been lost
    /// and made anew, or hold what was published just before a crash. Answers the last message's id.
    async fn resync(&self, stream: &stream::Stream) -> Result<Option<String>> {
        let info = stream.get_info().await.map_err(|e| down("the stream does not answer")(e.into()))?;
        let mark = mark_of(&info);
        let (last_seq, empty) = (info.state.last_sequence, info.state.messages == 0);
        let mut last_id = None;
        let mut in_stream = None;
        if !empty {
            let m = stream
                .get_raw_message(last_seq)
                .await
                .map_err(|e| down("the stream's last message cannot be read")(e.into()))?;
            in_stream = m.headers.get(POSITION).and_then(|v| v.as_str().parse::<i64>().ok());
            last_id = m.headers.get(async_nats::header::NATS_MESSAGE_ID).map(|v| v.as_str().to_string());
        }
        self.core
            .db
            .write(async move |tx: &mut Tx| {
                let own = store::published(tx).await?;
                let position = match in_stream {
                    Some(p) => p,
                    // All of it aged out: the mark stands.
                    None if own.stream_mark == mark => own.position,
                    // Another stream under the old name: give it what somebody still waits for.
                    None => store::least(tx).await?.unwrap_or(own.position).min(own.position),
                };
                store::move_stream(
                    tx,
                    store::PUBLISHED,
                    &store::Own {
                        position,
                        stream_seq: 0,
                        stream_mark: mark.clone(),
                    },
                )
                .await
            })
            .await?;
        Ok(last_id)
    }

    /// Publishes the next batch; true when there may be more at once.
    async fn publish_batch(&self, grant: &Grant, last_id: &mut Option<String>) -> Result<bool> {
        let waiting = self
            .core
            .db
            .read(async |tx: &mut Tx| {
                Ok(events::any_unplaced(tx).await? || events::head(tx).await? > store::own(tx, store::PUBLISHED).await?.position)
            })
            .await?;
        if !waiting {
            return Ok(false);
        }
        let batch = self
            .core
            .db
            .write(async |tx: &mut Tx| {
                events::place_new(tx, BATCH).await?;
                let from = store::published(tx).await?.position;
                events::since(tx, from, BATCH).await
            })
            .await?;
        let Some(last) = batch.last() else { return Ok(true) };
        let mut acks = Vec::with_capacity(batch.len());
        for ev in &batch {
            let body = serde_json::to_vec(ev)?;
            let mut m = PublishMessage::build()
                .payload(body.into())
                .message_id(ev.id.to_string())
                .expected_stream(&self.config.stream)
                .header(POSITION, ev.position.to_string());
            // Chained: when one is refused, none after it gets in, and the order stays whole.
            if let Some(id) = last_id.as_deref() {
                m = m.expected_last_message_id(id);
            }
            *last_id = Some(ev.id.to_string());
            let subject = format!("{}.{}", self.config.subject, ev.kind);
            acks.push(
                self.js
                    .send_publish(subject, m)
                    .await
                    .map_err(|e| down("an event could not be published")(e.into()))?,
            );
        }
        for ack in acks {
            ack.await.map_err(|e| down("an event was not acknowledged")(e.into()))?;
        }
        let (g, to) = (grant.clone(), last.position);
        self.core
            .db
            .write(async move |tx: &mut Tx| {
                leases::hold(tx, &g).await?;
                store::move_own(tx, store::PUBLISHED, to).await
            })
            .await?;
        Ok(true)
    }

    /// One subscription's consumer, made anew at our cursor after each failure.
    async fn consume(self, s: Subscription, mut ended: watch::Receiver<bool>) {
        let mut failures = 0;
        while !*ended.borrow() {
            match self.session(&s, &mut failures, &mut ended).await {
                Ok(()) => {}
                Err(p) => {
                    failures += 1;
                    report(&self.core, s.name, failures, Some(&p)).await;
                    wait(&mut ended, pause(failures)).await;
                }
            }
        }
    }

    async fn session(&self, s: &Subscription, failures: &mut u32, ended: &mut watch::Receiver<bool>) -> Result<()> {
        let stream = self.stream().await?;
        let mark = mark_of(stream.cached_info());
        let name = s.name;
        let own = self.core.db.read(async move |tx: &mut Tx| store::own(tx, name).await).await?;
        let deliver_policy = match u64::try_from(own.stream_seq) {
            Ok(seq) if seq > 0 && own.stream_mark == mark => DeliverPolicy::ByStartSequence { start_sequence: seq + 1 },
            _ => DeliverPolicy::All,
        };
        let durable = format!("{}_{}", self.config.stream, name.replace(|c: char| !c.is_ascii_alphanumeric(), "_"));
        // It may not be there; then there is nothing to delete.
        let _ = stream.delete_consumer(&durable).await;
        let consumer = stream
            .create_consumer(pull::Config {
                durable_name: Some(durable),
                deliver_policy,
                ack_policy: AckPolicy::All,
                ack_wait: Duration::from_secs(60),
                max_ack_pending: BATCH * 4,
                filter_subject: self.config.filter(&s.kinds),
                ..Default::default()
            })
            .await
            .map_err(|e| down("a consumer could not be made")(e.into()))?;
        let mut messages = consumer
            .messages()
            .await
            .map_err(|e| down("a consumer does not deliver")(e.into()))?;
        loop {
            let first = tokio::select! {
                m = messages.next() => m,
                _ = ended.changed() => return Ok(()),
            };
            let Some(first) = first else {
                return Err(Problem::unavailable("bus_unavailable", "a consumer ended"));
            };
            let mut group = vec![first.map_err(|e| down("a message could not be fetched")(e.into()))?];
            while group.len() < usize::try_from(BATCH).unwrap_or(1)
                && let Some(Some(next)) = messages.next().now_or_never()
            {
                group.push(next.map_err(|e| down("a message could not be fetched")(e.into()))?);
            }
            let stream_seq = match group.last().map(|m| m.info()) {
                Some(Ok(i)) => i64::try_from(i.stream_sequence).unwrap_or(i64::MAX),
                _ => return Err(Problem::bug("bus_message_unreadable", "a message without its place in the stream")),
            };
            let batch: Vec<Event> = group.iter().filter_map(|m| readable(&m.payload)).collect();
            self.react(s, batch, stream_seq, &mark).await?;
            if *failures > 0 {
                report(&self.core, name, std::mem::take(failures), None).await;
            }
            // Lost acknowledgements do no harm: the cursor knows.
            if let Some(last) = group.last()
                && let Err(e) = last.ack().await
            {
                tracing::warn!(subscription = name, error = %e, "an acknowledgement was lost");
            }
        }
    }

    /// The reactions and the cursor in one transaction. What is at or before the cursor was done.
    async fn react(&self, s: &Subscription, batch: Vec<Event>, stream_seq: i64, mark: &str) -> Result<()> {
        if !batch.iter().any(|e| s.wants(e)) {
            return Ok(());
        }
        let (core, s, mark) = (self.core.clone(), s.clone(), mark.to_string());
        self.core
            .db
            .write(async move |tx: &mut Tx| {
                let Some(own) = store::lock_own(tx, s.name).await? else {
                    return Err(Problem::bug("subscription_unknown", "the cursor has gone"));
                };
                let mut position = own.position;
                for ev in batch.iter().filter(|e| s.wants(e)) {
                    if ev.position > position {
                        (s.react)(tx, &core, ev).await?;
                        position = ev.position;
                    }
                }
                store::move_stream(
                    tx,
                    s.name,
                    &store::Own {
                        position,
                        stream_seq,
                        stream_mark: mark.clone(),
                    },
                )
                .await
            })
            .await
    }

    async fn live_consumer(&self) -> Result<pull::Ordered> {
        let consumer = self
            .stream()
            .await?
            .create_consumer(pull::OrderedConfig {
                deliver_policy: DeliverPolicy::New,
                filter_subject: format!("{}.>", self.config.subject),
                ..Default::default()
            })
            .await
            .map_err(|e| down("the live consumer could not be made")(e.into()))?;
        consumer
            .messages()
            .await
            .map_err(|e| down("the live consumer does not deliver")(e.into()))
    }

    /// Feeds this node's live listeners.
    async fn follow(self, first: pull::Ordered, mut stopped: watch::Receiver<bool>) {
        let mut messages = Some(first);
        // A stream can hold an event twice after a long outage; listeners see it once.
        let mut seen = 0;
        while !*stopped.borrow() {
            let Some(from) = &mut messages else {
                match self.live_consumer().await {
                    Ok(m) => messages = Some(m),
                    Err(p) => {
                        tracing::warn!(error = %p, "live events are not heard");
                        wait(&mut stopped, Duration::from_secs(1)).await;
                    }
                }
                continue;
            };
            tokio::select! {
                m = from.next() => match m {
                    Some(Ok(m)) => if let Some(ev) = readable(&m.payload) && ev.position > seen {
                        seen = ev.position;
                        self.live.send(Arc::new(ev));
                    },
                    Some(Err(e)) => {
                        tracing::warn!(error = %e, "live events broke off");
                        messages = None;
                    }
                    None => messages = None,
                },
                _ = stopped.changed() => {}
            }
        }
    }
}

/// A stream made anew under the same name is told by its birthday.
fn mark_of(info: &stream::Info) -> String {
    info.created.unix_timestamp_nanos().to_string()
}

/// Somebody else's message in our stream is no event of ours.
fn readable(payload: &[u8]) -> Option<Event> {
    match serde_json::from_slice(payload) {
        Ok(ev) => Some(ev),
        Err(e) => {
            tracing::error!(error = %e, "a message in the event stream is not an event");
            None
        }
    }
}

async fn wait(stopped: &mut watch::Receiver<bool>, time: Duration) {
    tokio::select! {
        _ = stopped.changed() => {}
        () = tokio::time::sleep(time) => {}
    }
}

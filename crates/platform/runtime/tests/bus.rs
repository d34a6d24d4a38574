//! One conformance suite for both buses, on both databases.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use async_trait::async_trait;
use qd_db::Tx;
use qd_kernel::Problem;
use qd_runtime::Core;
use qd_runtime::access::Caller;
use qd_runtime::bus::{Bus, InProcess, Live, Nats, NatsConfig, Subscriptions};
use qd_runtime::events::{self, Event, NewEvent};
use qd_runtime::exceptions::{self, ExceptionState, Filter};
use qd_runtime::jobs::{self, Handler, JobError, Lease, NewJob, Registry, Worker, WorkerHandle};
use qd_testkit::{TestDb, both, wait_for, wait_until};
use serde_json::json;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

/// Makes the bus of one node.
type Make = Box<dyn Fn(&str) -> Box<dyn Bus> + Send + Sync>;

fn in_process() -> Option<Make> {
    Some(Box::new(|_| Box::new(InProcess)))
}

/// A stream of its own for each test.
fn nats(t: &TestDb) -> Option<Make> {
    let url = qd_testkit::nats()?;
    let name = format!("T{}", t.core.env.entropy.code(4))
        + &format!("{:?}", std::time::SystemTime::now())
            .chars()
            .filter(char::is_ascii_digit)
            .collect::<String>();
    Some(Box::new(move |node| {
        let mut c = NatsConfig::new(url.clone(), node);
        c.stream = name.clone();
        c.subject = format!("t.{name}");
        Box::new(Nats::new(c))
    }))
}

type Log = Arc<Mutex<Vec<(String, i64)>>>;

fn read(log: &Log) -> Vec<(String, i64)> {
    log.lock().unwrap().clone()
}

/// Records what its jobs say, in the order they were completed.
struct Recorder(Log);

#[async_trait]
impl Handler for Recorder {
    fn kind(&self) -> &'static str {
        "sample.record"
    }
    async fn run(&self, lease: &Lease) -> Result<(), JobError> {
        self.0
            .lock()
            .unwrap()
            .push((lease.text("line")?.to_string(), lease.payload["n"].as_i64().unwrap_or(-1)));
        Ok(())
    }
}

/// Enqueues a job without a key, so that a second delivery would show.
async fn enqueue(tx: &mut Tx, core: &Core, line: String, ev: &Event) -> qd_kernel::Result<()> {
    let payload = json!({ "line": line, "n": ev.payload["n"] });
    jobs::enqueue(tx, core, NewJob::new("sample.record", payload, core.now()).lane(line))
        .await
        .map(|_| ())
}

fn record(name: &'static str, kinds: &[&'static str]) -> Subscriptions {
    Subscriptions::new().subscribe(name, kinds, move |tx, core, ev| {
        Box::pin(async move { enqueue(tx, core, format!("{name}/{}", ev.aggregate), ev).await })
    })
}

async fn publish(core: &Core, kind: &'static str, aggregate: &str, n: i64) {
    let (core, aggregate) = (core.clone(), aggregate.to_string());
    let db = core.db.clone();
    db.write(async move |tx: &mut Tx| {
        let ev = NewEvent {
            kind,
            aggregate: aggregate.clone(),
            entity: None,
            payload: json!({ "n": n }),
        };
        events::publish(tx, &core, ev).await
    })
    .await
    .unwrap();
}

fn work(core: &Core, node: &str) -> (WorkerHandle, Log) {
    let log = Log::default();
    (
        Worker::start(core.clone(), Registry::new().add(Arc::new(Recorder(log.clone()))), node, 8),
        log,
    )
}

fn by_line(log: &Log) -> HashMap<String, Vec<i64>> {
    let mut out: HashMap<String, Vec<i64>> = HashMap::new();
    for (line, n) in read(log) {
        out.entry(line).or_default().push(n);
    }
    out
}

async fn until_len(log: &Log, n: usize) {
    wait_until("all jobs to run", || async { log.lock().unwrap().len() >= n }).await;
}

async fn everything_arrives_once_in_the_order_of_each_aggregate(t: &TestDb, make: Make) {
    let subs = record("all", &["sample.*"]).and(record("some", &["sample.odd", "other.kind"]));
    // Some wait already when the bus starts.
    for n in 0..40 {
        publish(
            &t.core,
            if n % 2 == 1 { "sample.odd" } else { "sample.even" },
            &format!("a{}", n % 4),
            n,
        )
        .await;
    }
    let bus = make("n1").start(t.core.clone(), subs).await.unwrap();
    let (worker, log) = work(&t.core, "n1");
    let mut tasks = Vec::new();
    for a in 0..4 {
        let core = t.core.clone();
        tasks.push(tokio::spawn(async move {
            for n in 40..60 {
                publish(&core, if n % 2 == 1 { "sample.odd" } else { "sample.even" }, &format!("a{a}"), n).await;
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    until_len(&log, 120 + 60).await;
    bus.stop().await;
    worker.stop().await;
    let lines = by_line(&log);
    assert_eq!(read(&log).len(), 180);
    for a in 0..4 {
        let early: Vec<i64> = (0..40).filter(|n| n % 4 == a).collect();
        let want: Vec<i64> = early.into_iter().chain(40..60).collect();
        let odd: Vec<i64> = want.iter().copied().filter(|n| n % 2 == 1).collect();
        assert_eq!(lines[&format!("all/a{a}")], want);
        assert_eq!(lines[&format!("some/a{a}")], odd);
    }
}

async fn a_failing_reaction_is_tried_again_in_order_and_holds_nobody_else_up(t: &TestDb, make: Make) {
    let (broken, tries) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU32::new(0)));
    let (b, tr) = (broken.clone(), tries.clone());
    let subs = record("healthy", &["*"]).subscribe("broken", &["sample.*"], move |tx, core, ev| {
        let (b, tr) = (b.clone(), tr.clone());
        Box::pin(async move {
            // The effect comes first, so that a failed transaction that stood would show.
            enqueue(tx, core, format!("broken/{}", ev.aggregate), ev).await?;
            if ev.payload["n"] == 3 && b.load(Ordering::SeqCst) {
                tr.fetch_add(1, Ordering::SeqCst);
                return Err(Problem::conflict("not_yet", "the reaction is broken"));
            }
            Ok(())
        })
    });
    let bus = make("n1").start(t.core.clone(), subs).await.unwrap();
    let (worker, log) = work(&t.core, "n1");
    for n in 0..10 {
        publish(&t.core, "sample.happened", "a", n).await;
    }
    let count = |line: &str| by_line(&log).get(line).map_or(0, Vec::len);
    wait_until("the healthy subscription to be through", || async { count("healthy/a") == 10 }).await;
    wait_until("three tries", || async { tries.load(Ordering::SeqCst) >= 3 }).await;
    assert!(count("broken/a") <= 3, "nothing after the failing event");
    broken.store(false, Ordering::SeqCst);
    wait_until("the broken one to be through", || async { count("broken/a") >= 10 }).await;
    publish(&t.core, "sample.happened", "a", 10).await;
    until_len(&log, 22).await;
    bus.stop().await;
    worker.stop().await;
    let want: Vec<i64> = (0..=10).collect();
    assert_eq!(by_line(&log)["broken/a"], want);
    assert_eq!(by_line(&log)["healthy/a"], want);
}

async fn a_restart_in_the_middle_loses_nothing_and_doubles_nothing(t: &TestDb, make: Make) {
    let (worker, log) = work(&t.core, "n1");
    let mut n = 0;
    for round in 0..4 {
        let bus = make(&format!("n{round}"))
            .start(t.core.clone(), record("r", &["sample.*"]))
            .await
            .unwrap();
        for _ in 0..25 {
            publish(&t.core, "sample.happened", "a", n).await;
            n += 1;
        }
        // Stopped wherever it happens to be.
        bus.stop().await;
        publish(&t.core, "sample.happened", "a", n).await;
        n += 1;
    }
    let bus = make("last").start(t.core.clone(), record("r", &["sample.*"])).await.unwrap();
    until_len(&log, usize::try_from(n).unwrap()).await;
    bus.stop().await;
    worker.stop().await;
    assert_eq!(by_line(&log)["r/a"], (0..n).collect::<Vec<_>>());
}

async fn two_nodes_deliver_each_event_once_and_both_see_it_live(t: &TestDb, make: Make) {
    let other = t.another_node().await;
    let a = make("na").start(t.core.clone(), record("r", &["sample.*"])).await.unwrap();
    let b = make("nb").start(other.clone(), record("r", &["sample.*"])).await.unwrap();
    let listen = |live: Live| {
        let mut rx = live.subscribe();
        tokio::spawn(async move {
            let mut seen = Vec::new();
            while seen.len() < 60 {
                seen.push(rx.recv().await.expect("the feed goes on").payload["n"].as_i64().unwrap());
            }
            seen
        })
    };
    let (la, lb) = (listen(a.live()), listen(b.live()));
    let (worker, log) = work(&t.core, "na");
    for n in 0..60 {
        publish(if n % 3 == 0 { &t.core } else { &other }, "sample.happened", "a", n).await;
    }
    let want: Vec<i64> = (0..60).collect();
    let seen = wait_for("both to see all", || async { (la.is_finished() && lb.is_finished()).then_some(()) });
    seen.await;
    assert_eq!(la.await.unwrap(), want);
    assert_eq!(lb.await.unwrap(), want);
    until_len(&log, 60).await;
    // The first node goes; the other carries on alone.
    a.stop().await;
    publish(&other, "sample.happened", "a", 60).await;
    until_len(&log, 61).await;
    b.stop().await;
    worker.stop().await;
    assert_eq!(by_line(&log)["r/a"], (0..=60).collect::<Vec<_>>());
}

async fn a_new_subscription_starts_with_what_comes_unless_it_asks_for_the_past(t: &TestDb, make: Make) {
    let (worker, log) = work(&t.core, "n1");
    let bus = make("n1").start(t.core.clone(), record("old", &["sample.*"])).await.unwrap();
    for n in 0..3 {
        publish(&t.core, "sample.happened", "a", n).await;
    }
    until_len(&log, 3).await;
    bus.stop().await;
    let past = Subscriptions::new().subscribe_from_start("past", &["sample.*"], |tx, core, ev| {
        Box::pin(async move { enqueue(tx, core, format!("past/{}", ev.aggregate), ev).await })
    });
    let subs = record("old", &["sample.*"]).and(record("new", &["sample.*"])).and(past);
    let bus = make("n2").start(t.core.clone(), subs).await.unwrap();
    publish(&t.core, "sample.happened", "a", 3).await;
    until_len(&log, 3 + 1 + 1 + 4).await;
    bus.stop().await;
    worker.stop().await;
    let lines = by_line(&log);
    assert_eq!(
        (&lines["old/a"], &lines["new/a"], &lines["past/a"]),
        (&vec![0, 1, 2, 3], &vec![3], &vec![0, 1, 2, 3])
    );
}

macro_rules! suite {
    ($($name:ident),+ $(,)?) => {
        mod in_process_bus {
            use super::*;
            both! { $(async fn $name(t: TestDb) {
                if let Some(make) = in_process() { super::super::$name(&t, make).await }
            })+ }
        }
        mod nats_bus {
            use super::*;
            both! { $(async fn $name(t: TestDb) {
                if let Some(make) = nats(&t) { super::super::$name(&t, make).await }
            })+ }
        }
    };
}
suite!(
    everything_arrives_once_in_the_order_of_each_aggregate,
    a_failing_reaction_is_tried_again_in_order_and_holds_nobody_else_up,
    a_restart_in_the_middle_loses_nothing_and_doubles_nothing,
    two_nodes_deliver_each_event_once_and_both_see_it_live,
    a_new_subscription_starts_with_what_comes_unless_it_asks_for_the_past,
);

both! {
    async fn what_the_seed_published_is_skipped(t: TestDb) {
        for n in 0..5 {
            publish(&t.core, "sample.happened", "a", n).await;
        }
        t.db.write(async |tx: &mut Tx| qd_runtime::bus::skip_to_head(tx).await).await.unwrap();
        let log = Log::default();
        let registry = Registry::new().add(Arc::new(Recorder(log.clone())));
        publish(&t.core, "sample.happened", "a", 5).await;
        qd_runtime::bus::settle(&t.core, &record("r", &["*"]), &registry).await.unwrap();
        assert_eq!(by_line(&log)["r/a"], [5]);
        let lags = t.db.read(async |tx: &mut Tx| qd_runtime::bus::lags(tx).await).await.unwrap();
        assert_eq!(lags, [("r".to_string(), 0)]);
    }

    async fn a_subscription_that_does_not_get_on_is_told_to_a_person_until_it_does(t: TestDb) {
        let broken = Arc::new(AtomicBool::new(true));
        let b = broken.clone();
        let subs = Subscriptions::new().subscribe("bad", &["sample.*"], move |_, _, _| {
            let bad = b.load(Ordering::SeqCst);
            Box::pin(async move { if bad { Err(Problem::conflict("never", "broken")) } else { Ok(()) } })
        });
        let bus = InProcess.start(t.core.clone(), subs).await.unwrap();
        publish(&t.core, "sample.happened", "a", 1).await;
        let open = || async {
            let page = qd_kernel::PageRequest::new(None, None).unwrap();
            let filter = Filter { kind: Some("bus.stuck".into()), state: Some(ExceptionState::Open), ..Filter::default() };
            let found = t.db.read(async move |tx: &mut Tx| exceptions::list(tx, &Caller::system("test"), &filter, &page).await).await;
            found.unwrap().items.len()
        };
        wait_until("the exception", || async { open().await == 1 }).await;
        broken.store(false, Ordering::SeqCst);
        wait_until("it to be closed", || async { open().await == 0 }).await;
        bus.stop().await;
    }

    async fn settling_ends_with_an_error_when_a_reaction_keeps_failing(t: TestDb) {
        publish(&t.core, "sample.happened", "a", 1).await;
        let subs = Subscriptions::new().subscribe("bad", &["*"], |_, _, _| Box::pin(async { Err(Problem::conflict("never", "")) }));
        let p = qd_runtime::bus::settle(&t.core, &subs, &Registry::new()).await.unwrap_err();
        assert!(p.is("subscription_stuck"), "{p}");
    }

    async fn two_subscriptions_cannot_share_a_name(t: TestDb) {
        let subs = record("same", &["*"]).and(record("same", &["*"]));
        assert!(InProcess.start(t.core.clone(), subs).await.is_err());
    }

    async fn on_nats_a_message_that_is_in_the_stream_twice_or_is_no_event_does_nothing(t: TestDb) {
        let Some(url) = qd_testkit::nats() else { return };
        let name = format!("D{}{}", t.core.env.entropy.code(6), std::process::id()) + t.db.engine().name();
        let mut config = NatsConfig::new(url.clone(), "n1");
        config.stream = name.clone();
        config.subject = format!("t.{name}");
        let bus = Nats::new(config.clone()).start(t.core.clone(), record("r", &["sample.*"])).await.unwrap();
        let (worker, log) = work(&t.core, "n1");
        for n in 0..5 {
            publish(&t.core, "sample.happened", "a", n).await;
        }
        until_len(&log, 5).await;
        let client = async_nats::connect(&url).await.unwrap();
        let js = async_nats::jetstream::new(client);
        let stream = js.get_stream(&name).await.unwrap();
        let subject = format!("t.{name}.sample.happened");
        let copy = stream.get_raw_message(2).await.unwrap().payload;
        js.publish(subject.clone(), copy).await.unwrap().await.unwrap();
        js.publish(subject, "not an event".into()).await.unwrap().await.unwrap();
        for n in 5..10 {
            publish(&t.core, "sample.happened", "a", n).await;
        }
        until_len(&log, 10).await;
        // The whole stream is lost and made anew: what was delivered is not delivered again.
        js.delete_stream(&name).await.unwrap();
        bus.stop().await;
        let bus = Nats::new(config).start(t.core.clone(), record("r", &["sample.*"])).await.unwrap();
        publish(&t.core, "sample.happened", "a", 10).await;
        until_len(&log, 11).await;
        bus.stop().await;
        worker.stop().await;
        js.delete_stream(&name).await.unwrap();
        assert_eq!(by_line(&log)["r/a"], (0..=10).collect::<Vec<_>>());
    }
}

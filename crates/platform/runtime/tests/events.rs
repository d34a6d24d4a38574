//! The outbox: dense positions, nothing missed, the order of each aggregate.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use qd_db::Tx;
use qd_kernel::{Problem, Result};
use qd_runtime::events::{self, Event, NewEvent};
use qd_runtime::{Core, leases};
use qd_testkit::{TestDb, both};
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

fn event(aggregate: &str, n: i64) -> NewEvent {
    NewEvent {
        kind: "sample.happened",
        aggregate: aggregate.to_string(),
        entity: Some("eu".into()),
        payload: json!({ "n": n }),
    }
}

async fn all(core: &Core) -> Vec<Event> {
    core.db.read(async |tx: &mut Tx| events::since(tx, 0, 100_000).await).await.unwrap()
}

both! {
    async fn an_event_carries_what_was_published_and_has_no_position_before_it_is_placed(t: TestDb) {
        let core = t.core.clone();
        let id = t.db.write(async move |tx: &mut Tx| events::publish(tx, &core, event("deposit:1", 7)).await).await.unwrap();
        assert!(all(&t.core).await.is_empty());
        assert_eq!(t.db.write(async |tx: &mut Tx| events::place_new(tx, 10).await).await.unwrap(), 1);
        let found = all(&t.core).await;
        assert_eq!((found[0].id, found[0].position, found[0].kind.as_str()), (id, 1, "sample.happened"));
        assert_eq!((found[0].aggregate.as_str(), found[0].entity.as_deref(), &found[0].payload), ("deposit:1", Some("eu"), &json!({ "n": 7 })));
        assert_eq!(t.db.write(async |tx: &mut Tx| events::place_new(tx, 10).await).await.unwrap(), 0);
        let of = t.db.read(async |tx: &mut Tx| events::page(tx, "deposit:1", 0, 10).await).await.unwrap();
        assert_eq!(of.len(), 1);
    }

    async fn positions_are_dense_and_keep_each_aggregates_order_under_a_crowd_of_writers_and_sequencers(t: TestDb) {
        let done = Arc::new(AtomicBool::new(false));
        let mut sequencers = Vec::new();
        for core in [t.core.clone(), t.another_node().await] {
            let done = done.clone();
            sequencers.push(tokio::spawn(async move {
                loop {
                    let last_round = done.load(Ordering::SeqCst);
                    let n = core.db.write(async |tx: &mut Tx| events::place_new(tx, 7).await).await.unwrap();
                    if n == 0 && last_round {
                        return;
                    }
                    tokio::task::yield_now().await;
                }
            }));
        }
        // The number is drawn while the aggregate's row is locked, as a version would be.
        let drawn: Arc<Vec<AtomicI64>> = Arc::new((0..4).map(|_| AtomicI64::new(0)).collect());
        let mut writers = Vec::new();
        for w in 0..16usize {
            let (core, drawn) = (t.core.clone(), drawn.clone());
            writers.push(tokio::spawn(async move {
                let mut kept = 0;
                for i in 0..20usize {
                    let (aggregate, core, drawn) = ((w + i) % 4, core.clone(), drawn.clone());
                    let db = core.db.clone();
                    let outcome: Result<()> = db.write(async move |tx: &mut Tx| {
                        let name = format!("thing:{aggregate}");
                        leases::acquire(tx, &core, &name, "test", 60).await?;
                        let n = drawn[aggregate].fetch_add(1, Ordering::SeqCst);
                        events::publish(tx, &core, event(&name, n)).await?;
                        if (w + i) % 5 == 0 { Err(Problem::conflict("rolled_back", "")) } else { Ok(()) }
                    }).await;
                    kept += i64::from(outcome.is_ok());
                }
                kept
            }));
        }
        let mut kept = 0;
        for w in writers {
            kept += w.await.unwrap();
        }
        done.store(true, Ordering::SeqCst);
        for s in sequencers {
            s.await.unwrap();
        }
        let found = all(&t.core).await;
        assert_eq!(kept, 256);
        assert_eq!(found.iter().map(|e| e.position).collect::<Vec<_>>(), (1..=kept).collect::<Vec<_>>());
        let mut last: HashMap<&str, i64> = HashMap::new();
        for e in &found {
            let n = e.payload["n"].as_i64().unwrap();
            let before = last.insert(&e.aggregate, n).unwrap_or(-1);
            assert!(n > before, "{} came after {before} of {}", n, e.aggregate);
        }
    }

    async fn a_lease_is_in_one_hand_and_its_token_grows_with_every_change_of_hands(t: TestDb) {
        let core = t.core.clone();
        let take = async |who: &'static str| {
            let core = core.clone();
            t.db.write(async move |tx: &mut Tx| leases::acquire(tx, &core, "feed", who, 10).await).await.unwrap()
        };
        let a = take("a").await.expect("free");
        assert_eq!(take("b").await, None);
        assert_eq!(take("a").await.expect("kept").token, a.token);
        t.clock.advance_secs(11);
        let b = take("b").await.expect("run out");
        assert!(b.token > a.token);
        let hold = async |g: &leases::Grant| {
            let g = g.clone();
            t.db.write(async move |tx: &mut Tx| leases::hold(tx, &g).await).await
        };
        assert!(hold(&a).await.unwrap_err().is("lease_lost"));
        hold(&b).await.unwrap();
        let (old, new) = (a.clone(), b.clone());
        t.db.write(async move |tx: &mut Tx| leases::release(tx, &old).await).await.unwrap();
        assert_eq!(take("a").await, None, "a lost lease gives nothing back");
        t.db.write(async move |tx: &mut Tx| leases::release(tx, &new).await).await.unwrap();
        assert!(take("a").await.expect("given back").token > b.token);
    }

    async fn of_many_that_ask_at_once_one_gets_the_lease(t: TestDb) {
        let mut tasks = Vec::new();
        for i in 0..16 {
            let core = t.core.clone();
            tasks.push(tokio::spawn(async move {
                let db = core.db.clone();
                db.write(async move |tx: &mut Tx| leases::acquire(tx, &core, "one", &format!("n{i}"), 10).await).await.unwrap()
            }));
        }
        let mut got = 0;
        for task in tasks {
            got += u32::from(task.await.unwrap().is_some());
        }
        assert_eq!(got, 1);
    }
}

#[test]
fn on_postgres_a_slow_transaction_holds_no_reader_up_and_is_not_missed() {
    qd_testkit::run_postgres(async |t: TestDb| {
        let (inserted, open) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
        let (core, said, gate) = (t.core.clone(), inserted.clone(), open.clone());
        let slow = tokio::spawn(async move {
            let db = core.db.clone();
            db.write(async move |tx: &mut Tx| {
                events::publish(tx, &core, event("slow:1", 1)).await?;
                said.notify_one();
                gate.notified().await;
                Ok(())
            })
            .await
        });
        inserted.notified().await;
        let core = t.core.clone();
        t.db.write(async move |tx: &mut Tx| events::publish(tx, &core, event("fast:1", 1)).await)
            .await
            .unwrap();
        t.db.write(async |tx: &mut Tx| events::place_new(tx, 10).await).await.unwrap();
        assert_eq!(
            all(&t.core)
                .await
                .iter()
                .map(|e| (e.position, e.aggregate.as_str()))
                .collect::<Vec<_>>(),
            [(1, "fast:1")]
        );
        open.notify_one();
        slow.await.unwrap().unwrap();
        t.db.write(async |tx: &mut Tx| events::place_new(tx, 10).await).await.unwrap();
        assert_eq!(
            all(&t.core).await.last().map(|e| (e.position, e.aggregate.clone())),
            Some((2, "slow:1".to_string()))
        );
    });
}

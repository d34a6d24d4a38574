//! Callbacks and idempotency keys: one effect, whatever comes how often.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use qd_db::Tx;
use qd_kernel::{Problem, Result, Ts};
use qd_runtime::Core;
use qd_runtime::idempotency::{self, Claim};
use qd_runtime::inbox::{self, InboxState, NewHook, Received};
use qd_runtime::jobs::{Handler, JobError, Lease, Registry, run_until_idle};
use qd_testkit::{TestDb, both};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

struct Process {
    core: Core,
    seen: AtomicU32,
}

#[async_trait::async_trait]
impl Handler for Process {
    fn kind(&self) -> &'static str {
        inbox::PROCESS
    }
    async fn run(&self, lease: &Lease) -> std::result::Result<(), JobError> {
        self.seen.fetch_add(1, Ordering::SeqCst);
        let id = lease.text("inbox_id")?.parse()?;
        let (core, lease) = (self.core.clone(), lease.clone());
        self.core
            .db
            .write(async move |tx: &mut Tx| {
                let hook = inbox::load(tx, id).await?;
                let state = if hook.body == b"\x00bytes\xff" {
                    InboxState::Processed
                } else {
                    InboxState::Failed
                };
                inbox::finish(tx, &core, id, state, None).await?;
                lease.complete(tx).await
            })
            .await?;
        Ok(())
    }
}

fn hook<'a>(event_id: &'a str, body: &'a [u8], at: Ts) -> NewHook<'a> {
    NewHook {
        provider: "stripe",
        connection: "stripe-eu",
        event_id,
        kind: "payment_intent.succeeded",
        headers_json: json!({ "stripe-signature": "t=1,v1=00" }).to_string(),
        body,
        subject: json!("pi_1"),
        received_at: at,
    }
}

both! {
    async fn a_callback_sent_32_times_at_once_is_one_row_and_one_job(t: TestDb) {
        let mut tasks = Vec::new();
        for _ in 0..32 {
            let core = t.core.clone();
            tasks.push(tokio::spawn(async move {
                let db = core.db.clone();
                db.write(async move |tx: &mut Tx| inbox::receive(tx, &core, hook("evt_1", b"\x00bytes\xff", core.now())).await).await.unwrap()
            }));
        }
        let mut new = Vec::new();
        for task in tasks {
            if let Received::New(id) = task.await.unwrap() {
                new.push(id);
            }
        }
        assert_eq!(new.len(), 1);
        let handler = Arc::new(Process { core: t.core.clone(), seen: AtomicU32::new(0) });
        let registry = Registry::new().add(handler.clone());
        assert_eq!(run_until_idle(&t.core, &registry).await.unwrap(), 1);
        assert_eq!(handler.seen.load(Ordering::SeqCst), 1);
        let id = new[0];
        let stored = t.db.read(async move |tx: &mut Tx| inbox::load(tx, id).await).await.unwrap();
        assert_eq!((stored.state, stored.repeats, stored.body.as_slice()), (InboxState::Processed, 31, b"\x00bytes\xff".as_slice()));
        // A day later the provider sends it again.
        t.clock.advance_secs(86_400);
        let core = t.core.clone();
        let again = t.db.write(async move |tx: &mut Tx| inbox::receive(tx, &core, hook("evt_1", b"other", core.now())).await).await.unwrap();
        assert_eq!(again, Received::Duplicate);
        assert_eq!(run_until_idle(&t.core, &registry).await.unwrap(), 0);
    }

    async fn the_same_event_id_of_another_connection_is_another_callback(t: TestDb) {
        let core = t.core.clone();
        let both = t.db.write(async move |tx: &mut Tx| {
            let a = inbox::receive(tx, &core, hook("evt_1", b"a", core.now())).await?;
            let b = inbox::receive(tx, &core, NewHook { connection: "stripe-intl", ..hook("evt_1", b"a", core.now()) }).await?;
            Ok((a, b))
        }).await.unwrap();
        assert!(matches!(both, (Received::New(_), Received::New(_))));
    }

    async fn what_was_processed_stays_so(t: TestDb) {
        let core = t.core.clone();
        t.db.write(async move |tx: &mut Tx| {
            let Received::New(id) = inbox::receive(tx, &core, hook("evt_1", b"a", core.now())).await? else { panic!("new") };
            inbox::finish(tx, &core, id, InboxState::Processed, Some("credited")).await?;
            inbox::finish(tx, &core, id, InboxState::Failed, Some("late second run")).await?;
            let stored = inbox::load(tx, id).await?;
            assert_eq!((stored.state, stored.note.as_deref()), (InboxState::Processed, Some("credited")));
            Ok(())
        }).await.unwrap();
    }

    async fn a_flood_of_forged_callbacks_is_a_row_by_the_hour_without_their_bodies(t: TestDb) {
        let core = t.core.clone();
        let rows = t.db.write(async move |tx: &mut Tx| {
            for i in 0..100u8 {
                inbox::refuse(tx, &core, "stripe", "stripe-eu", "signature", &[i]).await?;
            }
            inbox::refuse(tx, &core, "stripe", "stripe-eu", "stale", b"x").await?;
            inbox::refused(tx, Ts(0)).await
        }).await.unwrap();
        let mut counts: Vec<_> = rows.iter().map(|r| (r.reason.as_str(), r.times)).collect();
        counts.sort_unstable();
        assert_eq!(counts, [("signature", 100), ("stale", 1)]);
        assert!(rows.iter().all(|r| r.last_hash.len() == 64));
    }

    async fn one_key_sent_by_a_crowd_has_one_effect_and_one_answer(t: TestDb) {
        let effects = Arc::new(AtomicU32::new(0));
        let mut tasks = Vec::new();
        for _ in 0..32 {
            let (core, effects) = (t.core.clone(), effects.clone());
            tasks.push(tokio::spawn(async move {
                let db = core.db.clone();
                db.write(async move |tx: &mut Tx| {
                    match idempotency::claim(tx, &core, "lgn_1", "key-1", &[7; 32]).await? {
                        Claim::Replay { status, body } => Ok((status, body)),
                        Claim::Fresh => {
                            let e = effects.clone();
                            tx.on_commit(move || { e.fetch_add(1, Ordering::SeqCst); });
                            idempotency::answer(tx, "lgn_1", "key-1", 201, &json!({ "id": "dep_1" })).await?;
                            Ok((201, json!({ "id": "dep_1" })))
                        }
                    }
                }).await.unwrap()
            }));
        }
        for task in tasks {
            assert_eq!(task.await.unwrap(), (201, json!({ "id": "dep_1" })));
        }
        qd_testkit::wait_until("the bell of the commit", || { let e = effects.clone(); async move { e.load(Ordering::SeqCst) >= 1 } }).await;
        assert_eq!(effects.load(Ordering::SeqCst), 1);
    }

    async fn a_key_with_another_input_is_refused_and_a_rolled_back_one_is_fresh_again(t: TestDb) {
        let claim = async |scope: &'static str, hash: u8, answer: bool, fail: bool| -> Result<Claim> {
            let core = t.core.clone();
            t.db.write(async move |tx: &mut Tx| {
                let c = idempotency::claim(tx, &core, scope, "k", &[hash; 32]).await?;
                if c == Claim::Fresh && answer {
                    idempotency::answer(tx, scope, "k", 200, &json!(1)).await?;
                }
                if fail { Err(Problem::conflict("effect_failed", "")) } else { Ok(c) }
            }).await
        };
        assert!(claim("a", 1, true, true).await.is_err());
        assert_eq!(claim("a", 2, true, false).await.unwrap(), Claim::Fresh);
        assert!(claim("a", 1, true, false).await.unwrap_err().is("idempotency_key_reused"));
        assert_eq!(claim("a", 2, true, false).await.unwrap(), Claim::Replay { status: 200, body: json!(1) });
        assert_eq!(claim("b", 1, false, false).await.unwrap(), Claim::Fresh, "another caller's key is another key");
        assert!(claim("b", 1, false, false).await.unwrap_err().is("idempotency_unanswered"));
        let core = t.core.clone();
        let long = "x".repeat(129);
        let p = t.db.write(async move |tx: &mut Tx| idempotency::claim(tx, &core, "a", &long, &[0; 32]).await).await.unwrap_err();
        assert_eq!(p.fields[0].pointer, "/idempotency_key");
        let later = t.core.now().plus_days(1);
        assert_eq!(t.db.write(async move |tx: &mut Tx| idempotency::forget(tx, later).await).await.unwrap(), 2);
    }
}

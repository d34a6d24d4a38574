//! Jobs: once per key, in order per lane, retried, taken over, buried.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod jobs_kit;

use jobs_kit::{Fake, Said, enqueue, figures, job};
use qd_db::Tx;
use qd_kernel::{Env, Problem};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Role, StaffId};
use qd_runtime::exceptions::{self, ExceptionState, Filter};
use qd_runtime::jobs::{JobError, Registry, Worker, WorkerOptions, graveyard, run_until_idle};
use qd_testkit::{TestDb, both, wait_until};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

fn staff(core: &Core, role: Role) -> Caller {
    Caller::staff(StaffId::new(&core.env), "Test Person", &[role], None, &["*"])
}

async fn dead(core: &Core) -> Vec<graveyard::DeadJob> {
    let page = qd_kernel::PageRequest::new(None, None).unwrap();
    core.db
        .read(async move |tx: &mut Tx| graveyard::list(tx, None, &page).await)
        .await
        .unwrap()
        .items
}

async fn open_exceptions(core: &Core) -> Vec<exceptions::Exception> {
    let page = qd_kernel::PageRequest::new(None, None).unwrap();
    let filter = Filter {
        state: Some(ExceptionState::Open),
        ..Filter::default()
    };
    core.db
        .read(async move |tx: &mut Tx| exceptions::list(tx, &Caller::system("test"), &filter, &page).await)
        .await
        .unwrap()
        .items
}

both! {
    async fn a_key_is_taken_for_ever_also_after_the_job_is_done(t: TestDb) {
        let fake = Fake::ok(&t.core);
        let registry = Registry::new().add(fake.clone());
        assert!(enqueue(&t.core, job("a", 1).key("k")).await);
        assert!(!enqueue(&t.core, job("a", 2).key("k")).await);
        assert_eq!(run_until_idle(&t.core, &registry).await.unwrap(), 1);
        assert!(!enqueue(&t.core, job("a", 3).key("k")).await);
        assert!(enqueue(&t.core, job("a", 4)).await && enqueue(&t.core, job("a", 5)).await, "jobs without a key are as many as they are");
        assert_eq!(run_until_idle(&t.core, &registry).await.unwrap(), 2);
        assert_eq!(fake.numbers(), [1, 4, 5]);
    }

    async fn a_job_of_a_rolled_back_transaction_never_was(t: TestDb) {
        let core = t.core.clone();
        let outcome: qd_kernel::Result<()> = t.db.write(async move |tx: &mut Tx| {
            qd_runtime::jobs::enqueue(tx, &core, job("a", 1).key("k")).await?;
            Err(Problem::conflict("no", ""))
        }).await;
        assert!(outcome.is_err());
        assert!(enqueue(&t.core, job("a", 2).key("k")).await);
    }

    async fn a_lane_runs_one_at_a_time_and_in_order_even_when_one_has_to_be_retried(t: TestDb) {
        let at_once = Arc::new(AtomicU32::new(0));
        let most = Arc::new(AtomicU32::new(0));
        let (a, m) = (at_once.clone(), most.clone());
        let fake = Fake::new(&t.core, move |lease| {
            let (a, m, lease) = (a.clone(), m.clone(), lease.clone());
            Box::pin(async move {
                let lane_one = lease.payload["lane"] == "one";
                if lane_one {
                    m.fetch_max(a.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    a.fetch_sub(1, Ordering::SeqCst);
                }
                if lane_one && lease.payload["n"] == 3 && lease.attempt < 3 {
                    return Said::Fail(JobError::retry_after(Problem::unavailable("later", ""), 0));
                }
                Said::Done
            })
        });
        for n in 0..20 {
            enqueue(&t.core, job("one", n).lane("one")).await;
            enqueue(&t.core, job("two", n).lane("two")).await;
        }
        let registry = || Registry::new().add(fake.clone());
        let other = t.another_node().await;
        let a = Worker::start(t.core.clone(), registry(), "a", 8);
        let b = Worker::start(other, registry(), "b", 8);
        wait_until("all to run", || async { fake.numbers().len() == 40 }).await;
        a.stop().await;
        b.stop().await;
        assert_eq!(most.load(Ordering::SeqCst), 1);
        assert_eq!(fake.of_lane("one"), (0..20).collect::<Vec<_>>());
        assert_eq!(fake.of_lane("two"), (0..20).collect::<Vec<_>>());
    }

    async fn two_workers_share_a_thousand_jobs_and_do_each_once(t: TestDb) {
        let fake = Fake::ok(&t.core);
        let core = t.core.clone();
        t.db.write(async move |tx: &mut Tx| {
            for n in 0..1_000 {
                qd_runtime::jobs::enqueue(tx, &core, job("x", n)).await?;
            }
            Ok(())
        }).await.unwrap();
        let a = Worker::start(t.core.clone(), Registry::new().add(fake.clone()), "a", 16);
        let b = Worker::start(t.another_node().await, Registry::new().add(fake.clone()), "b", 16);
        wait_until("all to run", || async { fake.numbers().len() >= 1_000 }).await;
        a.stop().await;
        b.stop().await;
        let mut n = fake.numbers();
        n.sort_unstable();
        assert_eq!(n, (0..1_000).collect::<Vec<_>>());
        assert!(figures(&t.core).await.is_empty(), "nothing is left");
    }

    async fn a_job_that_keeps_failing_waits_longer_each_time_and_then_is_dead_with_its_reason(t: TestDb) {
        let fake = Fake::new(&t.core, |_| Box::pin(async { Said::Fail(JobError::retry(Problem::unavailable("psp_down", "the PSP does not answer"))) }));
        let registry = Registry::new().add(fake.clone());
        enqueue(&t.core, job("x", 1).attempts(3)).await;
        assert_eq!(run_until_idle(&t.core, &registry).await.unwrap(), 1);
        assert_eq!(run_until_idle(&t.core, &registry).await.unwrap(), 0, "not before its time");
        t.clock.advance_secs(1);
        assert_eq!(run_until_idle(&t.core, &registry).await.unwrap(), 1);
        assert!(dead(&t.core).await.is_empty());
        t.clock.advance_secs(2);
        assert_eq!(run_until_idle(&t.core, &registry).await.unwrap(), 1);
        let d = dead(&t.core).await;
        assert_eq!((d.len(), d[0].attempts, d[0].problem_code.as_deref()), (1, 3, Some("psp_down")));
        assert_eq!(d[0].problem_detail.as_deref(), Some("the PSP does not answer"));
        let e = open_exceptions(&t.core).await;
        assert_eq!((e.len(), e[0].kind.as_str(), e[0].retry_job_id.clone()), (1, "job.dead", Some(d[0].id.to_string())));
        assert_eq!(e[0].client_id.as_deref(), Some("cli_x"));
        let f = figures(&t.core).await;
        assert_eq!((f[0].kind.as_str(), f[0].dead, f[0].ready), ("sample.work", 1, 0));
    }

    async fn only_a_dead_job_is_retried_and_only_by_those_who_may(t: TestDb) {
        let broken = Arc::new(AtomicBool::new(true));
        let b = broken.clone();
        let fake = Fake::new(&t.core, move |_| {
            let bad = b.load(Ordering::SeqCst);
            Box::pin(async move { if bad { Said::Fail(JobError::Final(Problem::invalid("amount", "amount_wrong", "expected less"))) } else { Said::Done } })
        });
        let registry = Registry::new().add(fake.clone());
        enqueue(&t.core, job("x", 1).key("k")).await;
        run_until_idle(&t.core, &registry).await.unwrap();
        let id = dead(&t.core).await[0].id;
        let retry = async |role: Role| {
            let (core, caller) = (t.core.clone(), staff(&t.core, role));
            t.db.write(async move |tx: &mut Tx| graveyard::retry(tx, &core, id, &caller).await).await
        };
        assert!(retry(Role::Auditor).await.unwrap_err().is("right_missing"));
        broken.store(false, Ordering::SeqCst);
        retry(Role::Ops).await.unwrap();
        assert!(open_exceptions(&t.core).await.is_empty());
        assert!(retry(Role::Ops).await.unwrap_err().is("job_not_dead"));
        assert_eq!(run_until_idle(&t.core, &registry).await.unwrap(), 1);
        assert_eq!(fake.numbers(), [1]);
        assert!(retry(Role::Ops).await.unwrap_err().is("job_not_dead"), "a done job is not done twice");
    }

    async fn a_panic_is_a_failure_like_others(t: TestDb) {
        let fake = Fake::new(&t.core, |_| Box::pin(async { panic!("a bug in a handler") }));
        enqueue(&t.core, job("x", 1).attempts(1)).await;
        run_until_idle(&t.core, &Registry::new().add(fake)).await.unwrap();
        assert_eq!(dead(&t.core).await[0].problem_code.as_deref(), Some("job_panicked"));
    }

    async fn jobs_of_kinds_nobody_here_handles_wait_for_a_node_that_does(t: TestDb) {
        enqueue(&t.core, job("x", 1)).await;
        assert_eq!(run_until_idle(&t.core, &Registry::new()).await.unwrap(), 0);
        let fake = Fake::ok(&t.core);
        assert_eq!(run_until_idle(&t.core, &Registry::new().add(fake)).await.unwrap(), 1);
    }

    async fn a_worker_that_dies_is_followed_by_another_and_its_late_effect_does_not_stand(t: TestDb) {
        let (started, go) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
        let late = Arc::new(std::sync::Mutex::new(None));
        let first = Fake::new(&t.core, {
            let (s, g, late, core) = (started.clone(), go.clone(), late.clone(), t.core.clone());
            move |lease| {
                let (s, g, late, core, lease) = (s.clone(), g.clone(), late.clone(), core.clone(), lease.clone());
                Box::pin(async move {
                    s.notify_one();
                    g.notified().await;
                    let db = core.db.clone();
                    let outcome = db.write(async move |tx: &mut Tx| {
                        // Its effect, which must not stand.
                        qd_runtime::jobs::enqueue(tx, &core, job("late", 99)).await?;
                        lease.complete(tx).await
                    }).await;
                    *late.lock().unwrap() = Some(outcome);
                    Said::Nothing
                })
            }
        });
        enqueue(&t.core, job("x", 1).key("k")).await;
        let mut options = WorkerOptions::new("a", 4);
        options.grace = Duration::ZERO;
        let a = Worker::start_with(t.core.clone(), Registry::new().add(first), options);
        started.notified().await;
        // Gone without a word: it renews nothing any more.
        a.stop().await;
        let second = Fake::ok(&t.core);
        let registry = Registry::new().add(second.clone());
        assert_eq!(run_until_idle(&t.core, &registry).await.unwrap(), 0, "the lease still stands");
        t.clock.advance_secs(31);
        assert_eq!(run_until_idle(&t.core, &registry).await.unwrap(), 1);
        go.notify_one();
        wait_until("the dead one's last words", || async { late.lock().unwrap().is_some() }).await;
        assert!(late.lock().unwrap().take().unwrap().unwrap_err().is("job_lease_lost"));
        assert_eq!(run_until_idle(&t.core, &registry).await.unwrap(), 0);
        assert_eq!(second.numbers(), [1]);
    }

    async fn a_node_that_comes_back_takes_its_own_jobs_back_at_once(t: TestDb) {
        let started = Arc::new(tokio::sync::Notify::new());
        let s = started.clone();
        let hangs = Fake::new(&t.core, move |_| {
            let s = s.clone();
            Box::pin(async move { s.notify_one(); std::future::pending().await })
        });
        enqueue(&t.core, job("x", 1)).await;
        let mut options = WorkerOptions::new("node_1", 4);
        options.grace = Duration::ZERO;
        let a = Worker::start_with(t.core.clone(), Registry::new().add(hangs), options.clone());
        started.notified().await;
        a.stop().await;
        let fake = Fake::ok(&t.core);
        // The clock of the leases stands still: nothing runs out.
        let again = Worker::start_with(t.core.clone(), Registry::new().add(fake.clone()), options);
        wait_until("the job to run", || async { fake.numbers() == [1] }).await;
        again.stop().await;
    }

    async fn a_stop_waits_for_what_is_running(t: TestDb) {
        let (started, go) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
        let (s, g) = (started.clone(), go.clone());
        let fake = Fake::new(&t.core, move |_| {
            let (s, g) = (s.clone(), g.clone());
            Box::pin(async move { s.notify_one(); g.notified().await; Said::Done })
        });
        enqueue(&t.core, job("x", 1)).await;
        let w = Worker::start(t.core.clone(), Registry::new().add(fake.clone()), "a", 4);
        started.notified().await;
        let stopping = tokio::spawn(w.stop());
        tokio::task::yield_now().await;
        assert!(!stopping.is_finished());
        go.notify_one();
        stopping.await.unwrap();
        assert_eq!(fake.numbers(), [1]);
    }

    async fn what_is_enqueued_for_later_runs_when_its_time_has_come(t: TestDb) {
        let fake = Fake::ok(&t.core);
        let w = Worker::start(t.core.clone(), Registry::new().add(fake.clone()), "a", 4);
        enqueue(&t.core, qd_runtime::jobs::NewJob { run_at: t.core.now().plus_secs(60), ..job("x", 1) }).await;
        enqueue(&t.core, job("x", 2)).await;
        wait_until("the one that is due", || async { fake.numbers() == [2] }).await;
        t.clock.advance_secs(61);
        wait_until("the other", || async { fake.numbers() == [2, 1] }).await;
        w.stop().await;
    }

    async fn a_recurring_job_runs_once_per_turn_whatever_the_number_of_nodes_and_survives_failures(t: TestDb) {
        let broken = Arc::new(AtomicBool::new(false));
        let b = broken.clone();
        let fake = Fake::new(&t.core, move |_| {
            let bad = b.load(Ordering::SeqCst);
            Box::pin(async move { if bad { Said::Fail(JobError::Final(Problem::conflict("broken", "no"))) } else { Said::Done } })
        });
        let registry = Registry::new().every("sweep", 60, fake.clone());
        let turn = async || run_until_idle(&t.core, &registry).await.unwrap() + run_until_idle(&t.core, &registry).await.unwrap();
        assert_eq!(turn().await, 1);
        t.clock.advance_secs(61);
        assert_eq!(turn().await, 1);
        broken.store(true, Ordering::SeqCst);
        t.clock.advance_secs(61);
        assert_eq!(turn().await, 1);
        assert!(dead(&t.core).await.is_empty());
        assert_eq!(open_exceptions(&t.core).await[0].kind, "schedule.failing");
        broken.store(false, Ordering::SeqCst);
        t.clock.advance_secs(61);
        assert_eq!(turn().await, 1);
        assert!(open_exceptions(&t.core).await.is_empty(), "it mended itself");
    }

    async fn a_handler_that_answers_ok_without_completing_is_completed(t: TestDb) {
        let fake = Fake::new(&t.core, |_| Box::pin(async { Said::Nothing }));
        enqueue(&t.core, job("x", 1).key("k")).await;
        let registry = Registry::new().add(fake);
        assert_eq!(run_until_idle(&t.core, &registry).await.unwrap(), 1);
        assert_eq!(run_until_idle(&t.core, &registry).await.unwrap(), 0);
    }
}

#[test]
fn a_long_run_keeps_its_lease() {
    qd_testkit::run_sqlite(async |t: TestDb| {
        // The machine's clock: renewal goes by it.
        let core = Core::new(t.db.clone(), Env::system());
        let runs = Arc::new(AtomicU32::new(0));
        let r = runs.clone();
        let fake = Fake::new(&core, move |_| {
            r.fetch_add(1, Ordering::SeqCst);
            Box::pin(async {
                // Longer than the lease, twice.
                tokio::time::sleep(Duration::from_millis(2_600)).await;
                Said::Done
            })
        });
        enqueue(&core, job("x", 1)).await;
        let start = |node: &str| {
            let mut options = WorkerOptions::new(node, 4);
            options.lease_secs = 1;
            Worker::start_with(core.clone(), Registry::new().add(fake.clone()), options)
        };
        let (a, b) = (start("a"), start("b"));
        wait_until("it to end", || async { fake.numbers() == [1] }).await;
        a.stop().await;
        b.stop().await;
        assert_eq!(runs.load(Ordering::SeqCst), 1);
    });
}

//! What a transaction promises on both engines.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use qd_db::{Db, Sql, Tx, sql};
use qd_kernel::{Problem, Result, vals};
use qd_testkit::{TestDb, both};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

const WRITE: Sql =
    sql!("INSERT INTO inbox_refused (provider, connection, reason, hour, times, last_hash, last_at) VALUES ($1, '', '', 0, $2, '', 0)");
const ALL: Sql = sql!("SELECT provider, times FROM inbox_refused ORDER BY provider");
const ADD: Sql = sql!("UPDATE inbox_refused SET times = times + 1 WHERE provider = $1");

async fn put(db: &Db, name: &str, n: i64) -> Result<()> {
    let name = name.to_string();
    db.write(async move |tx: &mut Tx| tx.exec(WRITE, &vals![&name, n]).await.map(|_| ()))
        .await
}

async fn all(db: &Db) -> Vec<(String, i64)> {
    db.read(async |tx: &mut Tx| tx.rows(ALL, &[]).await).await.unwrap()
}

both! {
    async fn an_error_leaves_nothing_behind_and_rings_no_bell(t: TestDb) {
        let rung = Arc::new(AtomicU32::new(0));
        let bell = rung.clone();
        let outcome: Result<()> = t.db.write(async move |tx: &mut Tx| {
            tx.exec(WRITE, &vals!["a", 1]).await?;
            let b = bell.clone();
            tx.on_commit(move || { b.fetch_add(1, Ordering::SeqCst); });
            Err(Problem::conflict("changed_my_mind", "no"))
        }).await;
        assert!(outcome.unwrap_err().is("changed_my_mind"));
        assert!(all(&t.db).await.is_empty());
        assert_eq!(rung.load(Ordering::SeqCst), 0);
        put(&t.db, "b", 2).await.unwrap();
        assert_eq!(all(&t.db).await, [("b".to_string(), 2)]);
    }

    async fn a_panic_leaves_nothing_behind_and_the_next_transaction_works(t: TestDb) {
        let outcome: Result<()> = t.db.write(async |tx: &mut Tx| {
            tx.exec(WRITE, &vals!["a", 1]).await?;
            panic!("a bug in a use case");
        }).await;
        assert!(outcome.unwrap_err().is("db_closure_panicked"));
        assert!(all(&t.db).await.is_empty());
        put(&t.db, "b", 2).await.unwrap();
        assert_eq!(all(&t.db).await.len(), 1);
    }

    async fn a_panic_in_a_read_is_an_error_and_the_next_read_works(t: TestDb) {
        let outcome: Result<()> = t.db.read(async |_: &mut Tx| panic!("a bug in a view")).await;
        assert!(outcome.unwrap_err().is("db_closure_panicked"));
        assert!(all(&t.db).await.is_empty());
    }

    async fn thirty_two_writers_at_once_all_count_and_a_failing_one_spoils_no_other(t: TestDb) {
        put(&t.db, "counter", 0).await.unwrap();
        let mut tasks = Vec::new();
        for i in 0..320u32 {
            let db = t.db.clone();
            tasks.push(tokio::spawn(async move {
                db.write(async move |tx: &mut Tx| {
                    tx.exec(ADD, &vals!["counter"]).await?;
                    if i % 10 == 9 {
                        // Half-way: its own effect must go, its neighbours' stay.
                        return Err(Problem::conflict("every_tenth", ""));
                    }
                    Ok(())
                }).await.is_ok()
            }));
        }
        let mut ok = 0;
        for task in tasks {
            ok += i64::from(task.await.unwrap());
        }
        assert_eq!(ok, 288);
        assert_eq!(all(&t.db).await, [("counter".to_string(), 288)]);
    }

    async fn a_unique_key_says_so_by_its_code(t: TestDb) {
        put(&t.db, "a", 1).await.unwrap();
        assert!(put(&t.db, "a", 2).await.unwrap_err().is(qd_db::UNIQUE));
    }

    async fn a_read_sees_one_moment_and_cannot_write(t: TestDb) {
        put(&t.db, "a", 1).await.unwrap();
        let refused = t.db.read(async |tx: &mut Tx| tx.exec(ADD, &vals!["a"]).await).await;
        assert!(refused.is_err());
        assert_eq!(all(&t.db).await, [("a".to_string(), 1)]);
        // Another connection writes between two looks of one read.
        let (db, handle) = (t.db.clone(), tokio::runtime::Handle::current());
        let seen = t.db.read_long(async move |tx: &mut Tx| {
            let before: Vec<(String, i64)> = tx.rows(ALL, &[]).await?;
            let (db, handle) = (db.clone(), handle.clone());
            std::thread::spawn(move || handle.block_on(put(&db, "b", 2))).join().expect("the writer does not panic")?;
            let after: Vec<(String, i64)> = tx.rows(ALL, &[]).await?;
            Ok((before, after))
        });
        let (before, after) = seen.await.unwrap();
        assert_eq!(before, after);
        assert_eq!(all(&t.db).await.len(), 2);
    }

    async fn bells_have_rung_when_the_caller_goes_on(t: TestDb) {
        for n in 0..50u32 {
            let rung = Arc::new(AtomicU32::new(0));
            let bell = rung.clone();
            t.db.write(async move |tx: &mut Tx| {
                tx.exec(WRITE, &vals![format!("a{n}"), 1]).await?;
                let b = bell.clone();
                tx.on_commit(move || { b.fetch_add(1, Ordering::SeqCst); });
                assert_eq!(bell.load(Ordering::SeqCst), 0);
                Ok(())
            }).await.unwrap();
            assert_eq!(rung.load(Ordering::SeqCst), 1);
        }
    }

    async fn a_wrong_number_of_parameters_is_a_bug_and_not_a_guess(t: TestDb) {
        let p = t.db.write(async |tx: &mut Tx| tx.exec(WRITE, &vals!["a"]).await).await.unwrap_err();
        assert_eq!(p.class, qd_kernel::Class::Bug);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_waiting_writers_share_flushes() {
    let t = TestDb::sqlite().await;
    let (commits, flushes) = t.db.commit_counts();
    // The writer is kept busy while the others queue up behind it.
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let db = t.db.clone();
    let first = tokio::spawn(async move {
        db.write(async move |_: &mut Tx| {
            let _ = gate.lock().unwrap().recv();
            Ok(())
        })
        .await
    });
    let mut tasks = Vec::new();
    for i in 0..64 {
        let db = t.db.clone();
        tasks.push(tokio::spawn(async move { put(&db, &format!("w{i:02}"), i).await }));
    }
    // Every task has had its turn: this runtime has two threads and their queues are fair.
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
    open.send(()).unwrap();
    first.await.unwrap().unwrap();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let (c, f) = t.db.commit_counts();
    assert_eq!(c - commits, 65);
    assert!(f - flushes <= 16, "{} flushes for 65 commits", f - flushes);
    assert_eq!(all(&t.db).await.len(), 64);
}

#[tokio::test]
async fn on_sqlite_a_transaction_that_waits_for_something_else_is_refused_and_undone() {
    let t = TestDb::sqlite().await;
    let p =
        t.db.write(async |tx: &mut Tx| {
            tx.exec(WRITE, &vals!["a", 1]).await?;
            tokio::task::yield_now().await;
            Ok(())
        })
        .await
        .unwrap_err();
    assert!(p.is("db_closure_waited"), "{p}");
    assert!(all(&t.db).await.is_empty());
}

#[test]
fn on_postgres_a_transaction_that_loses_is_run_again() {
    qd_testkit::run_postgres(async |t: TestDb| {
        const SERIAL: Sql = sql!("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE");
        const READ: Sql = sql!("SELECT times FROM inbox_refused WHERE provider = 'a'");
        const SET: Sql = sql!("UPDATE inbox_refused SET times = $1 WHERE provider = 'a'");
        put(&t.db, "a", 0).await.unwrap();
        let runs = Arc::new(AtomicU32::new(0));
        let mut tasks = Vec::new();
        for _ in 0..4 {
            let (db, runs) = (t.db.clone(), runs.clone());
            tasks.push(tokio::spawn(async move {
                db.write(async move |tx: &mut Tx| {
                    runs.fetch_add(1, Ordering::SeqCst);
                    tx.exec(SERIAL, &[]).await?;
                    let n = tx.must::<(i64,)>(READ, &[]).await?.0;
                    // Long enough for the four to have read the same number.
                    tokio::time::sleep(std::time::Duration::from_millis(30)).await;
                    tx.exec(SET, &vals![n + 1]).await
                })
                .await
            }));
        }
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert_eq!(all(&t.db).await, [("a".to_string(), 4)]);
        assert!(runs.load(Ordering::SeqCst) > 4, "nobody lost, so nothing was shown");
    });
}

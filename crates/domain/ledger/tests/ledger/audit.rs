//! The auditor finds each kind of planted fault, and nothing where nothing is.

use crate::store_faults::{PLANTED, Planted, UNLOCK_POSTGRES, UNLOCK_SQLITE};
use crate::tools::*;
use qd_ledger::NewHold;
use qd_testkit::TestDb;
use std::collections::BTreeSet;

async fn books(t: &TestDb) {
    post_text(t, "a", "client:alex/wallet/EUR 1000, psp:card/clearing/EUR -1000")
        .await
        .unwrap();
    post_text(t, "b", "client:alex/wallet/EUR -300, client:alex/transit/EUR 300")
        .await
        .unwrap();
    let core = t.core.clone();
    t.db.write(async move |tx| {
        let b = qd_ledger::entry_by_reference(tx, "b").await?.expect("posted above");
        qd_ledger::reverse(tx, &core, b.id, "r", "a mistake").await?;
        let hold = |reference: &str| NewHold {
            account: key("client:alex/wallet/EUR"),
            minor: 100,
            reference: reference.into(),
            expires_at: None,
        };
        qd_ledger::hold(tx, &core, hold("h")).await?;
        qd_ledger::hold(tx, &core, hold("s")).await?;
        qd_ledger::settle(
            tx,
            &core,
            "s",
            entry("p", "client:alex/wallet/EUR -100, client:alex/payout_transit/EUR 100"),
        )
        .await
    })
    .await
    .unwrap();
    sound(t).await;
}

/// Behind the program's back: on SQLite with foreign keys off, which only a connection of one's own
/// can do.
pub async fn tamper(t: &TestDb, script: &'static str) {
    match t.config() {
        qd_db::DbConfig::Sqlite { path, .. } => {
            let c = rusqlite::Connection::open(path).unwrap();
            c.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
            c.execute_batch(&format!("PRAGMA foreign_keys = OFF; {UNLOCK_SQLITE} {script}"))
                .unwrap();
        }
        qd_db::DbConfig::Postgres { .. } => {
            t.db.run_script("", UNLOCK_POSTGRES).await.unwrap();
            t.db.run_script("", script).await.unwrap();
        }
    }
}

async fn finds(t: &TestDb, what: &str) {
    let planted = PLANTED.iter().find(|p| p.what == what).expect("a planted fault of that name");
    books(t).await;
    reported(t, planted).await;
}

/// After the tampering, these kinds of fault and no others.
pub async fn reported(t: &TestDb, planted: &Planted) {
    tamper(t, planted.script).await;
    let faults = qd_ledger::verify::run(&t.db).await.unwrap();
    let kinds: BTreeSet<&str> = faults.iter().map(|f| f.kind).collect();
    assert_eq!(kinds, planted.found.iter().copied().collect(), "{}: {faults:#?}", planted.what);
    assert!(faults.iter().all(|f| !f.to_string().contains('\n')), "one line per fault");
}

qd_testkit::both! {
    async fn an_edited_balance_is_found(t: TestDb) {
        finds(&t, "an edited balance").await;
    }

    async fn a_changed_amount_is_found(t: TestDb) {
        finds(&t, "a changed amount").await;
    }

    async fn a_changed_amount_with_its_balance_is_found(t: TestDb) {
        finds(&t, "a changed amount with its balance").await;
    }

    async fn a_dropped_last_posting_is_found(t: TestDb) {
        finds(&t, "a dropped last posting").await;
    }

    async fn a_dropped_posting_in_the_middle_is_found(t: TestDb) {
        finds(&t, "a dropped posting in the middle").await;
    }

    async fn an_entry_without_postings_is_found(t: TestDb) {
        finds(&t, "an entry without postings").await;
    }

    async fn a_vanished_entry_is_found(t: TestDb) {
        finds(&t, "a vanished entry").await;
    }

    async fn a_reversal_that_points_at_another_entry_is_found(t: TestDb) {
        finds(&t, "a reversal that points at another entry").await;
    }

    async fn a_posting_in_another_currency_is_found(t: TestDb) {
        finds(&t, "a posting in another currency").await;
    }

    async fn an_orphan_hold_is_found(t: TestDb) {
        finds(&t, "an orphan hold").await;
    }

    async fn a_hold_that_nobody_counts_is_found(t: TestDb) {
        finds(&t, "a hold that nobody counts").await;
    }

    async fn a_settled_hold_without_its_entry_is_found(t: TestDb) {
        finds(&t, "a settled hold without its entry").await;
    }

    async fn a_guard_taken_off_is_found(t: TestDb) {
        finds(&t, "a guard taken off").await;
    }

    async fn money_that_a_guarded_account_never_had_is_found(t: TestDb) {
        finds(&t, "money that a guarded account never had").await;
    }
}

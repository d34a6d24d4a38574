//! Migrations: applied once, refused when changed.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use qd_db::{Db, Sql, Tx, sql};
use qd_testkit::{TestDb, both};

const TAMPER: Sql = sql!("UPDATE schema_migrations SET mark = mark + 1 WHERE number = 1");
const FROM_THE_FUTURE: Sql = sql!("INSERT INTO schema_migrations (number, name, mark) VALUES (9999, '9999_future.sql', 1)");

both! {
    async fn a_migrated_database_needs_nothing_more(t: TestDb) {
        assert_eq!(t.db.migrate().await.unwrap(), 0);
    }

    async fn nodes_that_start_at_once_migrate_once(t: TestDb) {
        let mut tasks = Vec::new();
        for _ in 0..4 {
            let db = match t.config() {
                c @ qd_db::DbConfig::Postgres { .. } => Db::open(&c).await.unwrap(),
                qd_db::DbConfig::Sqlite { .. } => t.db.clone(),
            };
            tasks.push(tokio::spawn(async move { db.migrate().await }));
        }
        for task in tasks {
            assert_eq!(task.await.unwrap().unwrap(), 0);
        }
    }

    async fn a_file_that_changed_after_it_was_applied_stops_the_start(t: TestDb) {
        t.db.write(async |tx: &mut Tx| tx.exec(TAMPER, &[]).await).await.unwrap();
        assert!(t.db.migrate().await.unwrap_err().is("migration_changed"));
    }

    async fn a_database_newer_than_the_program_stops_the_start(t: TestDb) {
        t.db.write(async |tx: &mut Tx| tx.exec(FROM_THE_FUTURE, &[]).await).await.unwrap();
        assert!(t.db.migrate().await.unwrap_err().is("migration_unknown"));
    }
}

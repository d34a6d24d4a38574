//! Migrations: numbered pairs, applied once, checked for change ever after.

use crate::{Db, sql_internal};
use qd_kernel::{Problem, Result, Val};

pub struct Migration {
    pub number: u32,
    /// The file's name, the same for both engines.
    pub name: &'static str,
    pub sqlite: &'static str,
    pub postgres: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

/// FNV-1a: tells an edited file from the applied one; not a matter of security.
fn mark(text: &str) -> i64 {
    let h = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    i64::from_ne_bytes(h.to_ne_bytes())
}

pub(crate) async fn run(db: &Db) -> Result<u32> {
    db.run_script(
        "CREATE TABLE IF NOT EXISTS schema_migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, mark INTEGER NOT NULL) STRICT;
         INSERT INTO schema_migrations (number, name, mark) VALUES (0, 'start', 0) ON CONFLICT DO NOTHING;",
        "CREATE TABLE IF NOT EXISTS schema_migrations (number BIGINT PRIMARY KEY, name TEXT NOT NULL, mark BIGINT NOT NULL);
         INSERT INTO schema_migrations (number, name, mark) VALUES (0, 'start', 0) ON CONFLICT DO NOTHING;",
    )
    .await?;
    db.write(async |tx| {
        // Taking the first row makes a second node wait here until this one is done.
        tx.exec(sql_internal::LOCK, &[]).await?;
        let applied: Vec<(i64, String, i64)> = tx.rows(sql_internal::LIST, &[]).await?;
        let mut done = 0;
        for m in MIGRATIONS {
            let mark = mark(if tx.engine() == crate::Engine::Sqlite {
                m.sqlite
            } else {
                m.postgres
            });
            match applied.iter().find(|a| a.0 == i64::from(m.number)) {
                Some(a) if a.2 == mark => {}
                Some(a) => {
                    return Err(Problem::bug(
                        "migration_changed",
                        format!("migration {} was applied to this database with another content", a.1),
                    ));
                }
                None => {
                    tx.script(m.sqlite, m.postgres).await.map_err(|p| Problem {
                        detail: format!("migration {}: {}", m.name, p.detail),
                        ..p
                    })?;
                    tx.exec(sql_internal::DONE, &[Val::from(m.number), Val::from(m.name), Val::from(mark)])
                        .await?;
                    done += 1;
                }
            }
        }
        if let Some(a) = applied
            .iter()
            .find(|a| a.0 != 0 && MIGRATIONS.iter().all(|m| i64::from(m.number) != a.0))
        {
            return Err(Problem::bug(
                "migration_unknown",
                format!("this database is newer than this program: it carries {}", a.1),
            ));
        }
        Ok(done)
    })
    .await
}

pub(crate) async fn pending(db: &Db) -> Result<usize> {
    let applied = db
        .read(async |tx| tx.rows::<(i64, String, i64)>(sql_internal::LIST, &[]).await)
        .await;
    match applied {
        Ok(rows) => Ok(MIGRATIONS
            .iter()
            .filter(|m| rows.iter().all(|r| r.0 != i64::from(m.number)))
            .count()),
        // The table is not there yet, or nothing is.
        Err(p) if p.class == qd_kernel::Class::Bug => Ok(MIGRATIONS.len()),
        Err(p) => Err(p),
    }
}

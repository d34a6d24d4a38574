//! Database errors as problems. Three codes are meant to be looked at by callers.

use qd_kernel::{Class, Problem};

/// A unique key was taken.
pub const UNIQUE: &str = "db_unique";
/// A check constraint said no: the database's half of an invariant.
pub const CHECK: &str = "db_check";
/// Serialization failure or deadlock; [`crate::Db::write`] runs the closure again.
pub const RETRY: &str = "db_retry";

pub fn from_lite(e: rusqlite::Error, sql: &str) -> Problem {
    use rusqlite::ffi;
    let code = match &e {
        rusqlite::Error::SqliteFailure(f, _) => f.extended_code,
        _ => 0,
    };
    let p = match code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => Problem::conflict(UNIQUE, "this already exists"),
        ffi::SQLITE_CONSTRAINT_CHECK | ffi::SQLITE_CONSTRAINT_TRIGGER => {
            Problem::conflict(CHECK, "the database refused a value that breaks a rule")
        }
        c if c & 0xff == ffi::SQLITE_BUSY || c & 0xff == ffi::SQLITE_LOCKED => Problem::unavailable("db_busy", "the database is busy"),
        c if c & 0xff == ffi::SQLITE_FULL || c & 0xff == ffi::SQLITE_IOERR => {
            Problem::unavailable("db_storage", "the database cannot write to its disk")
        }
        _ => Problem::bug("db_error", "the database refused a statement"),
    };
    p.with_source(format!("{e} in: {}", short(sql)))
}

pub fn from_pg(e: &tokio_postgres::Error, sql: &str) -> Problem {
    let p = match e.code().map(|c| c.code()) {
        Some("23505") => Problem::conflict(UNIQUE, "this already exists"),
        Some("23514") => Problem::conflict(CHECK, "the database refused a value that breaks a rule"),
        Some("40001" | "40P01") => Problem::new(Class::Unavailable, RETRY, "the transaction met another one"),
        Some(c) if c.starts_with("53") || c.starts_with("57") || c.starts_with("08") => {
            Problem::unavailable("db_unavailable", "the database does not answer")
        }
        None if e.is_closed() || e.to_string().contains("connect") => {
            Problem::unavailable("db_unavailable", "the database does not answer")
        }
        _ => Problem::bug("db_error", "the database refused a statement"),
    };
    // The server's message without its DETAIL, which may carry values of a row.
    let text = e
        .as_db_error()
        .map_or_else(|| e.to_string(), |d| format!("{} {}", d.code().code(), d.message()));
    p.with_source(format!("{text} in: {}", short(sql)))
}

fn short(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(160).collect()
}

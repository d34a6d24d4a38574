//! SQL lives in stores. A statement anywhere else escapes the test that prepares every statement
//! on both engines, and the reader who looks for what touches a table.

use super::repo::under;
use super::scan::Kind;
use super::{Finding, Outcome, Repo};

pub const NAME: &str = "sql";

/// Places whose work is SQL itself: the layer that runs it, the test kit that makes databases, the
/// auditor that must share no code with the writers, and the bare baselines of the benchmarks.
const EXEMPT: &[&str] = &[
    "crates/platform/db",
    "crates/testkit",
    "crates/app/server/src/verify",
    "crates/app/server/src/bench",
    "xtask",
];

/// How a statement starts. Capitals only: a sentence may start with "Select".
const VERBS: &[&str] = &[
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "CREATE TABLE",
    "CREATE INDEX",
    "ALTER TABLE",
    "DROP TABLE",
    "WITH",
];

pub fn run(repo: &Repo) -> Outcome {
    let mut findings = Vec::new();
    for (path, source) in repo.rust() {
        if is_store(path) || EXEMPT.iter().any(|e| under(path, e)) {
            continue;
        }
        for (i, token) in source.tokens.iter().enumerate() {
            let next = |k: usize, text: &str| source.tokens.get(i + k).is_some_and(|t| t.is(text));
            if token.kind == Kind::Ident
                && (token.text == "sql" || token.text.starts_with("sql_"))
                && next(1, "!")
                && (next(2, "(") || next(2, "{") || next(2, "["))
            {
                findings.push(Finding::new(
                    NAME,
                    path,
                    token.line,
                    "move this statement into the module's store.rs and call a function there",
                ));
            } else if token.kind == Kind::Str && is_statement(&token.text) {
                findings.push(Finding::new(
                    NAME,
                    path,
                    token.line,
                    "move this SQL text into the module's store.rs, inside sql!(…)",
                ));
            }
        }
    }
    findings.into()
}

/// `store.rs`, `store_sqlite.rs`, or anything in a folder called `store`.
fn is_store(path: &str) -> bool {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = name.trim_end_matches(".rs");
    stem == "store" || stem.starts_with("store_") || folders.split('/').any(|f| f == "store")
}

fn is_statement(text: &str) -> bool {
    // A string may start with an escaped line break or a real one.
    let text = text.trim_start_matches(['\\', '\n', ' ', '\t', '\r']);
    VERBS.iter().any(|verb| {
        let rest = text.strip_prefix(verb);
        rest.is_some_and(|r| r.starts_with(char::is_whitespace)) && (*verb != "WITH" || text.contains(" AS ("))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        run(&Repo::of(&[(path, text)])).findings.len()
    }

    #[test]
    fn statements_outside_a_store_are_found() {
        let at = "crates/domain/payments/src/withdrawal/mod.rs";
        for text in [
            "let s = sql!(\"x\");",
            "let s = qd_db::sql!{\"x\"};",
            "let s = \"SELECT a FROM b\";",
            "let s = \"\\\n   UPDATE a SET b = 1\";",
            "let s = r#\"INSERT INTO a VALUES (1)\"#;",
            "let s = \"DELETE FROM a\";",
            "let s = \"CREATE TABLE a (b BIGINT)\";",
            "let s = \"WITH x AS (VALUES (1)) UPDATE a\";",
        ] {
            assert_eq!(found(at, text), 1, "{text}");
        }
    }

    #[test]
    fn words_and_comments_are_not_statements() {
        let at = "crates/domain/payments/src/lib.rs";
        for text in [
            "// SELECT a FROM b",
            "let s = \"Select a client\";",
            "let s = \"UPDATED\";",
            "let s = \"WITH CARE\";",
            "fn sql() {}",
        ] {
            assert_eq!(found(at, text), 0, "{text}");
        }
    }

    #[test]
    fn stores_and_the_sql_layer_may_hold_sql() {
        let text = "let s = sql!(\"SELECT 1\");";
        for at in [
            "crates/domain/payments/src/withdrawal/store.rs",
            "crates/domain/payments/src/withdrawal/store_postgres.rs",
            "crates/domain/payments/src/store/list.rs",
            "crates/platform/db/src/pool.rs",
            "crates/testkit/src/lib.rs",
            "crates/sandbox/src/store.rs",
            "crates/app/server/src/verify/ledger.rs",
            "crates/app/server/src/bench.rs",
        ] {
            assert_eq!(found(at, text), 0, "{at}");
        }
        for at in [
            "crates/sandbox/src/control.rs",
            "crates/app/server/src/serve.rs",
            "crates/domain/kyc/src/storekeeper.rs",
            "crates/domain/kyc/tests/flow.rs",
        ] {
            assert_eq!(found(at, text), 2, "{at}");
        }
    }
}

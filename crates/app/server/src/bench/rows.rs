//! Bare copies of the product's tables: the same columns and indexes, nothing that checks. Their
//! statements are put together here, from the schema's own names.

use qd_db::{Db, Engine, FromRow, Row, Sql};
use qd_kernel::{Cell, FromCell, Problem, Result, Val};
use std::fmt::Write;

/// A table's bare copy.
pub struct Copy {
    pub name: String,
    pub insert: Sql,
    count: Sql,
    newest: Sql,
    columns: usize,
}

/// Statements live as long as the program; these are few.
fn statement(text: String) -> Sql {
    Sql::from_macro(Box::leak(text.into_boxed_str()))
}

pub async fn copy_of(db: &Db, table: &str) -> Result<Copy> {
    let name = format!("raw_{table}");
    let columns = match db.engine() {
        Engine::Sqlite => {
            let made: Vec<(Option<String>,)> = db
                .read({
                    let q = statement(format!(
                        "SELECT sql FROM sqlite_master WHERE tbl_name = '{table}' AND type IN ('table', 'index') ORDER BY type DESC"
                    ));
                    async move |tx| tx.rows(q, &[]).await
                })
                .await?;
            for (text,) in made.into_iter().filter_map(|(t,)| t.map(|t| (t,))) {
                let bare = bare_text(&text, table);
                let q = statement(bare);
                db.write(async move |tx| tx.exec(q, &[]).await).await?;
            }
            names(db, format!("SELECT name FROM pragma_table_info('{table}') ORDER BY cid")).await?
        }
        Engine::Postgres => {
            let q = statement(format!("CREATE TABLE {name} (LIKE {table} INCLUDING INDEXES INCLUDING DEFAULTS)"));
            db.write(async move |tx| tx.exec(q, &[]).await).await?;
            names(db, format!("SELECT CAST(column_name AS TEXT) FROM information_schema.columns WHERE table_name = '{table}' AND table_schema = 'public' ORDER BY ordinal_position")).await?
        }
    };
    let list = columns.join(", ");
    let marks = (1..=columns.len()).map(|i| format!("${i}")).collect::<Vec<_>>().join(", ");
    // Both engines keep tables that only grow in the order of writing, or near enough.
    let order = match (db.engine(), table) {
        (Engine::Postgres, _) => "ctid DESC",
        (Engine::Sqlite, "ledger_postings") => "entry_id DESC",
        (Engine::Sqlite, _) => "rowid DESC",
    };
    Ok(Copy {
        insert: statement(format!("INSERT INTO {name} ({list}) VALUES ({marks})")),
        count: statement(format!("SELECT COUNT(*) FROM {table}")),
        newest: statement(format!("SELECT {list} FROM {table} ORDER BY {order} LIMIT $1")),
        columns: columns.len(),
        name,
    })
}

async fn names(db: &Db, text: String) -> Result<Vec<String>> {
    let q = statement(text);
    let rows: Vec<(String,)> = db.read(async move |tx| tx.rows(q, &[]).await).await?;
    if rows.is_empty() {
        return Err(Problem::bug("bench_no_table", "a table of the baseline has no columns"));
    }
    Ok(rows.into_iter().map(|r| r.0).collect())
}

/// The statement that made a table or an index, for its copy, without references.
fn bare_text(text: &str, table: &str) -> String {
    let mut out = text.to_string();
    while let Some(at) = out.find("REFERENCES ") {
        let end = out[at..].find(')').map_or(out.len(), |e| at + e + 1);
        out.replace_range(at..end, "");
    }
    if text.trim_start().starts_with("CREATE TABLE") {
        return out.replacen(table, &format!("raw_{table}"), 1);
    }
    // CREATE [UNIQUE] INDEX name ON table (…): both names change.
    let (head, tail) = out.split_once(" ON ").unwrap_or((&out, ""));
    let (verb, name) = head.rsplit_once(' ').unwrap_or(("CREATE INDEX", head));
    format!("{verb} raw_{name} ON {}", tail.replacen(table, &format!("raw_{table}"), 1))
}

impl Copy {
    pub async fn count(&self, db: &Db) -> Result<i64> {
        let q = self.count;
        db.read(async move |tx| Ok(tx.must::<(i64,)>(q, &[]).await?.0)).await
    }

    /// The rows written last, oldest first.
    pub async fn newest(&self, db: &Db, n: i64) -> Result<Vec<Vec<Val>>> {
        let q = self.newest;
        let rows: Vec<Wide> = db.read_long(async move |tx| tx.rows(q, &[Val::Int(n)]).await).await?;
        if rows.iter().any(|r| r.0.len() != self.columns) {
            return Err(Problem::bug("bench_row_cut", "a row of the baseline was not read whole"));
        }
        Ok(rows.into_iter().rev().map(|r| r.0).collect())
    }
}

/// A row of any width.
struct Wide(Vec<Val>);

struct Any(Val);

impl FromCell for Any {
    fn from_cell(c: Cell<'_>) -> Result<Self> {
        Ok(Any(match c {
            Cell::Null => Val::Null,
            Cell::Int(i) => Val::Int(i),
            Cell::Bool(b) => Val::Bool(b),
            Cell::Text(t) => Val::Text(t.to_string()),
            Cell::Bytes(b) => Val::Bytes(b.to_vec()),
        }))
    }
}

impl FromRow for Wide {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let mut out = Vec::new();
        while let Ok(Any(v)) = row.get::<Any>(out.len(), "") {
            out.push(v);
        }
        Ok(Wide(out))
    }
}

/// One INSERT with all rows in it, for PostgreSQL.
pub fn insert_text(table: &str, rows: &[Vec<Val>]) -> String {
    let mut t = format!("INSERT INTO {table} VALUES ");
    for (i, row) in rows.iter().enumerate() {
        t.push_str(if i == 0 { "(" } else { "), (" });
        for (k, v) in row.iter().enumerate() {
            t.push_str(if k == 0 { "" } else { ", " });
            let _ = match v {
                Val::Null => write!(t, "NULL"),
                Val::Int(n) => write!(t, "{n}"),
                Val::Bool(b) => write!(t, "{b}"),
                Val::Text(s) => write!(t, "'{}'", s.replace('\'', "''")),
                Val::Bytes(b) => b.iter().try_for_each(|x| write!(t, "{x:02x}")),
            };
        }
    }
    t.push(')');
    t
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_other_names_and_no_references() {
        let made = "CREATE TABLE lines (id TEXT PRIMARY KEY, deal TEXT REFERENCES deals (id), n INTEGER) STRICT";
        assert_eq!(
            bare_text(made, "lines"),
            "CREATE TABLE raw_lines (id TEXT PRIMARY KEY, deal TEXT , n INTEGER) STRICT"
        );
        assert_eq!(
            bare_text("CREATE UNIQUE INDEX lines_deal ON lines (deal) WHERE n > 0", "lines"),
            "CREATE UNIQUE INDEX raw_lines_deal ON raw_lines (deal) WHERE n > 0"
        );
    }

    #[test]
    fn texts_are_quoted() {
        let rows = [vec![Val::Int(1), Val::Text("it's".into()), Val::Null, Val::Bool(true)]];
        assert_eq!(insert_text("t", &rows), "INSERT INTO t VALUES (1, 'it''s', NULL, true)");
    }
}

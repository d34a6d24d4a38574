//! Migrations come in pairs: `migrations/sqlite/NNNN_name.sql` and `migrations/postgres/NNNN_name.sql`
//! with the same number and name, from 0001 without gaps. Both sides are read far enough to know
//! every table and its columns after each pair, and these must be the same.
//!
//! What one engine needs alone (a search index, a generated column) says so: a line comment
//! `-- dialect-only: reason` on the line of the column or of the CREATE TABLE.

use super::{Finding, Outcome, Repo};
use std::collections::{BTreeMap, BTreeSet};

pub const NAME: &str = "migrations";

const ENGINES: [&str; 2] = ["sqlite", "postgres"];
const DIALECT_ONLY: &str = "dialect-only:";

pub fn run(repo: &Repo) -> Outcome {
    let mut findings = Vec::new();
    let mut sides: [BTreeMap<u32, (String, &str, &str)>; 2] = [BTreeMap::new(), BTreeMap::new()];
    for (path, text) in repo.with_extension("sql") {
        for (side, engine) in ENGINES.iter().enumerate() {
            let Some(file) = path
                .strip_prefix("migrations/")
                .and_then(|p| p.strip_prefix(engine))
                .and_then(|p| p.strip_prefix('/'))
            else {
                continue;
            };
            let Some((number, name)) = number_and_name(file) else {
                findings.push(Finding::new(
                    NAME,
                    path,
                    0,
                    "name it NNNN_what_it_does.sql: four digits, then lower-case words joined by _",
                ));
                continue;
            };
            if let Some((_, other, _)) = sides[side].insert(number, (name.to_string(), path, text)) {
                findings.push(Finding::new(
                    NAME,
                    path,
                    0,
                    format!("take the next free number: {other} has this one"),
                ));
            }
        }
    }
    let last = sides.iter().filter_map(|s| s.keys().next_back()).max().copied().unwrap_or(0);
    let mut schemas = [Schema::default(), Schema::default()];
    let mut reported = BTreeSet::new();
    for number in 1..=last {
        let pair = [sides[0].get(&number), sides[1].get(&number)];
        match pair {
            [Some(a), Some(b)] if a.0 != b.0 => {
                findings.push(Finding::new(
                    NAME,
                    b.1,
                    0,
                    format!("give both files of number {number:04} one name; the other is {}", a.1),
                ));
            }
            [Some(a), None] => findings.push(Finding::new(
                NAME,
                a.1,
                0,
                format!("add its pair migrations/postgres/{number:04}_{}.sql", a.0),
            )),
            [None, Some(b)] => findings.push(Finding::new(
                NAME,
                b.1,
                0,
                format!("add its pair migrations/sqlite/{number:04}_{}.sql", b.0),
            )),
            [None, None] => findings.push(Finding::new(
                NAME,
                "migrations",
                0,
                format!("close the gap: there is no number {number:04}"),
            )),
            _ => {}
        }
        for (schema, file) in schemas.iter_mut().zip(pair) {
            if let Some((_, path, text)) = file {
                schema.apply(path, text);
            }
        }
        if let [Some(_), Some(_)] = pair {
            for (side, engine) in ENGINES.iter().enumerate() {
                let (mine, theirs) = (&schemas[side], &schemas[1 - side]);
                for (what, place) in mine.missing_in(theirs) {
                    if reported.insert((*engine, what.clone())) {
                        let todo =
                            format!("{what} is only in {engine}: add it to the other side, or say `-- {DIALECT_ONLY} reason` on its line");
                        findings.push(Finding::new(NAME, &place.path, place.line, todo));
                    }
                }
            }
        }
    }
    findings.into()
}

fn number_and_name(file: &str) -> Option<(u32, &str)> {
    let (number, name) = file.strip_suffix(".sql")?.split_once('_')?;
    let good = number.len() == 4 && number.bytes().all(|b| b.is_ascii_digit()) && !name.is_empty();
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    let number: u32 = number.parse().ok()?;
    (good && plain && number > 0).then_some((number, name))
}

#[derive(Clone, Debug, Default)]
struct Place {
    path: String,
    line: usize,
    /// Said to be for this engine only.
    alone: bool,
}

#[derive(Clone, Debug, Default)]
struct Table {
    place: Place,
    columns: BTreeMap<String, Place>,
}

#[derive(Default)]
struct Schema {
    tables: BTreeMap<String, Table>,
}

impl Schema {
    /// What this side has and the other has not, apart from what is said to stand alone.
    fn missing_in(&self, other: &Schema) -> Vec<(String, Place)> {
        let mut missing = Vec::new();
        for (name, table) in self.tables.iter().filter(|(_, t)| !t.place.alone) {
            let Some(theirs) = other.tables.get(name) else {
                missing.push((format!("table {name}"), table.place.clone()));
                continue;
            };
            for (column, place) in table.columns.iter().filter(|(_, p)| !p.alone) {
                if !theirs.columns.contains_key(column) {
                    missing.push((format!("column {name}.{column}"), place.clone()));
                }
            }
        }
        missing
    }

    fn apply(&mut self, path: &str, text: &str) {
        let alone: BTreeSet<usize> = text
            .lines()
            .enumerate()
            .filter(|(_, l)| l.contains("--") && l.contains(DIALECT_ONLY))
            .map(|(i, _)| i + 1)
            .collect();
        let words = words(text);
        for statement in words.split(|w| w.text == ";") {
            self.statement(statement, |line| Place {
                path: path.to_string(),
                line,
                alone: alone.contains(&line),
            });
        }
    }

    fn statement(&mut self, words: &[Word], place: impl Fn(usize) -> Place) {
        let mut words: Vec<&Word> = words.iter().collect();
        // IF [NOT] EXISTS and TEMP change nothing here.
        words.retain(|w| w.quoted || !matches!(w.text.as_str(), "if" | "not" | "exists" | "only" | "unlogged") || w.depth > 0);
        let text = |i: usize| words.get(i).map_or("", |w| w.text.as_str());
        match (text(0), text(1)) {
            ("create", "table") => {
                let Some(name) = words.get(2) else { return };
                let mut table = Table {
                    place: place(name.line),
                    columns: BTreeMap::new(),
                };
                let mut fresh = true;
                for word in words
                    .iter()
                    .skip(3)
                    .skip_while(|w| w.text != "(")
                    .skip(1)
                    .take_while(|w| !(w.text == ")" && w.depth == 0))
                {
                    if word.depth == 1 && word.text == "," {
                        fresh = true;
                    } else if fresh {
                        fresh = false;
                        let constraint = matches!(
                            word.text.as_str(),
                            "primary" | "unique" | "check" | "foreign" | "constraint" | "exclude" | "like"
                        );
                        if word.quoted || !constraint {
                            table.columns.insert(word.text.clone(), place(word.line));
                        }
                    }
                }
                self.tables.insert(name.text.clone(), table);
            }
            ("drop", "table") => {
                for word in words.iter().skip(2).filter(|w| w.text != "," && w.text != "cascade") {
                    self.tables.remove(&word.text);
                }
            }
            ("alter", "table") => {
                let name = text(2).to_string();
                self.alter(&name, &words[3.min(words.len())..], place);
            }
            _ => {}
        }
    }

    /// `ALTER TABLE name action, action …`
    fn alter(&mut self, name: &str, words: &[&Word], place: impl Fn(usize) -> Place) {
        for action in words.split(|w| w.text == "," && w.depth == 0) {
            let text = |i: usize| action.get(i).map_or("", |w| w.text.as_str());
            // The word COLUMN may be left out.
            let at = if text(1) == "column" { 2 } else { 1 };
            match text(0) {
                "rename" if text(1) == "to" => {
                    if let Some(table) = self.tables.remove(name) {
                        self.tables.insert(text(2).to_string(), table);
                    }
                    return;
                }
                "add" if !matches!(text(1), "constraint" | "primary" | "unique" | "check" | "foreign") => {
                    if let (Some(table), Some(word)) = (self.tables.get_mut(name), action.get(at)) {
                        table.columns.insert(word.text.clone(), place(word.line));
                    }
                }
                "drop" if text(1) != "constraint" => {
                    if let Some(table) = self.tables.get_mut(name) {
                        table.columns.remove(text(at));
                    }
                }
                "rename" if text(1) != "constraint" => {
                    if let Some(table) = self.tables.get_mut(name)
                        && let Some(was) = table.columns.remove(text(at))
                    {
                        table.columns.insert(text(at + 2).to_string(), was);
                    }
                }
                _ => {}
            }
        }
    }
}

#[derive(Debug)]
struct Word {
    /// Lower case; punctuation is a word of its own.
    text: String,
    line: usize,
    /// Open parentheses around it; a parenthesis counts as outside of itself.
    depth: usize,
    quoted: bool,
}

/// Words and punctuation without comments; a string literal is one word, `''`.
fn words(sql: &str) -> Vec<Word> {
    let chars: Vec<char> = sql.chars().collect();
    let (mut at, mut line, mut depth) = (0, 1, 0usize);
    let mut words = Vec::new();
    while at < chars.len() {
        let c = chars[at];
        let next = chars.get(at + 1).copied().unwrap_or('\0');
        let (start, first) = (at, line);
        if c == '-' && next == '-' {
            while at < chars.len() && chars[at] != '\n' {
                at += 1;
            }
        } else if c == '/' && next == '*' {
            at += 2;
            while at < chars.len() && !(chars[at - 1] == '*' && chars[at] == '/' && at > start + 2) {
                at += 1;
            }
            at += 1;
        } else if c == '\'' || c == '"' {
            at += 1;
            let mut text = String::new();
            while at < chars.len() && (chars[at] != c || chars.get(at + 1) == Some(&c)) {
                // A doubled quote stands for itself.
                at += usize::from(chars[at] == c);
                text.push(chars[at]);
                at += 1;
            }
            at += 1;
            let text = if c == '"' { text } else { "''".into() };
            words.push(Word {
                text,
                line: first,
                depth,
                quoted: true,
            });
        } else if c == '_' || c.is_alphanumeric() {
            while at < chars.len() && (chars[at] == '_' || chars[at].is_alphanumeric()) {
                at += 1;
            }
            let text = chars[start..at].iter().collect::<String>().to_lowercase();
            words.push(Word {
                text,
                line: first,
                depth,
                quoted: false,
            });
        } else {
            at += 1;
            if !c.is_whitespace() {
                if c == ')' {
                    depth = depth.saturating_sub(1);
                }
                words.push(Word {
                    text: c.to_string(),
                    line: first,
                    depth,
                    quoted: false,
                });
                if c == '(' {
                    depth += 1;
                }
            }
        }
        line += chars[start..at.min(chars.len())].iter().filter(|c| **c == '\n').count();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<(String, &str)> = files.iter().map(|(p, t)| (format!("migrations/{p}.sql"), *t)).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (p.as_str(), *t)).collect();
        run(&Repo::of(&files)).findings.iter().map(ToString::to_string).collect()
    }

    const A: &str = "CREATE TABLE a (id TEXT PRIMARY KEY, x BIGINT NOT NULL CHECK (x IN (1, 2)), PRIMARY KEY (id, x));";

    #[test]
    fn a_pair_with_the_same_tables_is_right() {
        let other = "-- why, with a ; and a (\nCREATE TABLE IF NOT EXISTS \"a\" (\n  id text,\n  x bigint DEFAULT 'a,b', -- comment, with comma\n  UNIQUE (x)\n);";
        assert_eq!(found(&[("sqlite/0001_a", A), ("postgres/0001_a", other)]), Vec::<String>::new());
    }

    #[test]
    fn a_missing_partner_a_gap_another_name_and_a_bad_name_are_found() {
        assert_eq!(found(&[("sqlite/0001_a", A)]).len(), 1);
        assert_eq!(found(&[("postgres/0001_a", A)]).len(), 1);
        assert_eq!(found(&[("sqlite/0001_a", A), ("postgres/0001_b", A)]).len(), 1);
        let gap = found(&[
            ("sqlite/0001_a", A),
            ("postgres/0001_a", A),
            ("sqlite/0003_c", ""),
            ("postgres/0003_c", ""),
        ]);
        assert!(gap.len() == 1 && gap[0].contains("0002"), "{gap:?}");
        assert_eq!(found(&[("sqlite/1_a", A), ("postgres/0001_A", A)]).len(), 2);
        let twice = found(&[("sqlite/0001_a", ""), ("sqlite/0001_b", ""), ("postgres/0001_b", "")]);
        assert_eq!(twice.len(), 1, "{twice:?}");
    }

    #[test]
    fn a_column_or_table_on_one_side_only_is_found_at_its_line() {
        let column = found(&[
            ("sqlite/0001_a", A),
            ("postgres/0001_a", "CREATE TABLE a (\n id TEXT,\n x BIGINT,\n y BIGINT\n);"),
        ]);
        assert_eq!(column.len(), 1);
        assert!(
            column[0].starts_with("migrations/postgres/0001_a.sql:4: ") && column[0].contains("column a.y"),
            "{column:?}"
        );
        let table = found(&[("sqlite/0001_a", A), ("postgres/0001_a", "")]);
        assert!(table.len() == 1 && table[0].contains("table a"), "{table:?}");
    }

    #[test]
    fn later_changes_are_followed() {
        let add = "ALTER TABLE a ADD COLUMN z TEXT;";
        let files = |second: &'static str| {
            vec![
                ("sqlite/0001_a", A),
                ("postgres/0001_a", A),
                ("sqlite/0002_b", add),
                ("postgres/0002_b", second),
            ]
        };
        assert_eq!(
            found(&files(
                "ALTER TABLE a ADD COLUMN IF NOT EXISTS z TEXT, ADD CONSTRAINT c CHECK (z <> '');"
            )),
            Vec::<String>::new()
        );
        assert_eq!(found(&files("ALTER TABLE a ADD COLUMN other TEXT;")).len(), 2);
        assert_eq!(found(&files("ALTER TABLE a ADD z TEXT; ALTER TABLE a DROP COLUMN x;")).len(), 1);
        assert_eq!(found(&files("ALTER TABLE a RENAME COLUMN x TO z;")).len(), 1);
        let rebuilt =
            "CREATE TABLE n (id TEXT, x BIGINT, z TEXT); INSERT INTO n SELECT id, x, '' FROM a; DROP TABLE a; ALTER TABLE n RENAME TO a;";
        assert_eq!(found(&files(rebuilt)), Vec::<String>::new());
    }

    #[test]
    fn what_one_engine_needs_alone_says_so() {
        let alone = "CREATE TABLE a (id TEXT, x BIGINT,\n words TSVECTOR -- dialect-only: text search\n);\nCREATE TABLE s ( -- dialect-only: search\n b TEXT);";
        assert_eq!(found(&[("sqlite/0001_a", A), ("postgres/0001_a", alone)]), Vec::<String>::new());
        assert_eq!(
            found(&[
                ("sqlite/0001_a", A),
                ("postgres/0001_a", &alone.replace("-- dialect-only", "-- only"))
            ])
            .len(),
            2
        );
    }
}

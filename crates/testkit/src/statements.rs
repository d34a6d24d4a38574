//! Finds every `sql!` literal of the tree's stores, so that a test can prepare each on both engines.

use std::path::{Path, PathBuf};

/// A statement and where it stands.
#[derive(Clone, Debug)]
pub struct Statement {
    pub file: String,
    pub line: usize,
    pub text: String,
}

impl Statement {
    /// A piece for a `Query`, which only makes sense inside a whole one: it holds `$?`, or starts
    /// with a space or a sign.
    pub fn is_fragment(&self) -> bool {
        self.text.contains("$?") || !self.text.starts_with(|c: char| c.is_alphabetic() || c == '/' || c == '\n')
    }
    /// A dialect sibling says so in its first words: `/* sqlite */` or `/* postgres */`.
    pub fn is_for(&self, engine: qd_db::Engine) -> bool {
        let t = self.text.trim_start();
        match engine {
            qd_db::Engine::Sqlite => !t.starts_with("/* postgres */"),
            qd_db::Engine::Postgres => !t.starts_with("/* sqlite */"),
        }
    }
}

/// Every `sql!("…")` in `crates/**/store*.rs` and in folders called `store`.
pub fn all(workspace: &Path) -> Vec<Statement> {
    let mut files = Vec::new();
    walk(&workspace.join("crates"), &mut files);
    files.sort();
    let mut out = Vec::new();
    for f in files {
        let text = std::fs::read_to_string(&f).unwrap_or_default();
        let name = f.strip_prefix(workspace).unwrap_or(&f).display().to_string();
        scan(&name, &text, &mut out);
    }
    out
}

fn walk(dir: &Path, out: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for e in entries.flatten() {
        let p = e.path();
        let name = e.file_name().to_string_lossy().into_owned();
        if p.is_dir() {
            if name != "target" && name != "node_modules" {
                walk(&p, out);
            }
        } else if name.ends_with(".rs") {
            let stem = name.trim_end_matches(".rs");
            let in_store = p.parent().is_some_and(|d| d.components().any(|c| c.as_os_str() == "store"));
            if stem == "store" || stem.starts_with("store_") || in_store {
                out.push(p);
            }
        }
    }
}

fn scan(file: &str, text: &str, out: &mut Vec<Statement>) {
    let mut at = 0;
    while let Some(found) = text[at..].find("sql!(") {
        let start = at + found;
        at = start + 5;
        let line_start = text[..start].rfind('\n').map_or(0, |i| i + 1);
        if text[line_start..start].contains("//") {
            continue;
        }
        let rest = text[at..].trim_start();
        let line = text[..start].matches('\n').count() + 1;
        if let Some(content) = literal(rest) {
            out.push(Statement {
                file: file.to_string(),
                line,
                text: content,
            });
        }
    }
}

/// The value of a Rust string literal at the start of `rest`.
fn literal(rest: &str) -> Option<String> {
    if let Some(raw) = rest.strip_prefix('r') {
        let hashes = raw.bytes().take_while(|b| *b == b'#').count();
        let body = raw[hashes..].strip_prefix('"')?;
        let end = body.find(&format!("\"{}", "#".repeat(hashes)))?;
        return Some(body[..end].to_string());
    }
    let mut out = String::new();
    let mut chars = rest.strip_prefix('"')?.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => return Some(out),
            '\\' => match chars.next()? {
                'n' => out.push('\n'),
                't' => out.push('\t'),
                '\n' => {
                    while chars.peek().is_some_and(|c| c.is_whitespace()) {
                        chars.next();
                    }
                }
                c => out.push(c),
            },
            c => out.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_raw_and_broken_literals_are_read_as_rust_reads_them() {
        let text = "const A: Sql = sql!(\"SELECT 1\");\nconst B: Sql = sql!(\n  r#\"SELECT \"a\"\"#);\nsql!(\"SELECT 'x' \\\n   FROM t\") // sql!(\"no\")";
        let mut out = Vec::new();
        scan("f", text, &mut out);
        let texts: Vec<_> = out.iter().map(|s| (s.line, s.text.as_str())).collect();
        assert_eq!(texts, [(1, "SELECT 1"), (2, "SELECT \"a\""), (4, "SELECT 'x' FROM t")]);
    }
}

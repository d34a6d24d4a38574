//! One word per thing, and nothing left half done. Text is searched as it stands, comments and
//! documents included: words are for readers.

use super::repo::under;
use super::{Finding, Outcome, Repo};

pub const NAME: &str = "words";

/// What not to write, and what to write instead. Whole words; lower case here means any case.
const WORDS: &[(&str, &str)] = &[
    ("blacklist", "blocklist"),
    ("blacklisted", "blocked"),
    ("whitelist", "allowlist"),
    ("whitelisted", "allowed"),
    ("slave", "replica"),
    ("punter", "client"),
    ("sanity check", "check"),
    ("dummy", "sample"),
    ("grandfathered", "kept on the old terms"),
    ("TODO", "an issue, or the code"),
    ("FIXME", "an issue, or the code"),
    ("HACK", "the reason it has to be so"),
];

/// Calls that say "not yet".
const UNFINISHED: &[(&[&str], &str)] = &[
    (&["todo", "!"], "write the code"),
    (&["unimplemented", "!"], "write the code"),
    (&["dbg", "!"], "remove it, or log through tracing"),
];

const EXTENSIONS: &[&str] = &["rs", "md", "toml", "sql", "ts", "tsx", "css", "html", "sh", "py"];

pub fn run(repo: &Repo) -> Outcome {
    let mut findings = Vec::new();
    for (path, text) in EXTENSIONS.iter().flat_map(|e| repo.with_extension(e)) {
        if path == "xtask/src/check/words.rs" {
            continue;
        }
        for (i, line) in text.lines().enumerate() {
            for (word, instead) in WORDS {
                if has_word(line, word) {
                    findings.push(Finding::new(NAME, path, i + 1, format!("instead of \"{word}\": {instead}")));
                }
            }
        }
    }
    for (path, source) in repo.rust().filter(|(p, _)| !under(p, "xtask/src/check/words")) {
        for (pattern, todo) in UNFINISHED {
            findings.extend(source.find(pattern).map(|i| Finding::new(NAME, path, source.tokens[i].line, *todo)));
        }
    }
    findings.into()
}

fn has_word(line: &str, word: &str) -> bool {
    let any_case = word.chars().all(|c| !c.is_uppercase());
    let line = if any_case { line.to_lowercase() } else { line.to_string() };
    let joins = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric());
    let mut from = 0;
    while let Some(at) = line[from..].find(word).map(|k| k + from) {
        let end = at + word.len();
        if !joins(line[..at].chars().next_back()) && !joins(line[end..].chars().next()) {
            return true;
        }
        from = end;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        run(&Repo::of(&[(path, text)])).findings.len()
    }

    #[test]
    fn banned_words_are_found_in_code_comments_and_documents() {
        assert_eq!(found("README.md", "The IP Blacklist."), 1);
        assert_eq!(found("crates/kernel/src/lib.rs", "// TODO later"), 1);
        assert_eq!(found("crates/kernel/src/lib.rs", "let ip_whitelist = 1;"), 1);
        assert_eq!(found("migrations/sqlite/0001_a.sql", "-- a slave table"), 1);
        assert_eq!(found("crates/kernel/src/lib.rs", "fn a() { todo!() }"), 1);
        assert_eq!(found("crates/kernel/src/lib.rs", "fn a() { dbg!(b) }"), 1);
    }

    #[test]
    fn longer_words_are_other_words() {
        for text in ["enslaved", "todo list", "HACKNEY", "slavery", "let todo = 1;"] {
            assert_eq!(found("crates/kernel/src/lib.rs", text), 0, "{text}");
        }
    }
}

//! Documents point at files instead of repeating code, so the files have to be there. A path is
//! what stands in backticks and starts like one of ours, and every relative link.

use super::{Finding, Outcome, Repo};

pub const NAME: &str = "docs";

/// How a path of ours starts; `../` too. (`./data` is where a program writes.)
const TOPS: &[&str] = &[
    "crates",
    "docs",
    "migrations",
    "xtask",
    "scripts",
    "web",
    "e2e",
    "portals",
    "src",
    "tests",
    "benches",
    ".ci",
    ".cargo",
    ".config",
];

pub fn run(repo: &Repo) -> Outcome {
    let mut findings = Vec::new();
    for (path, text) in repo.with_extension("md") {
        let mut fenced = false;
        for (i, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~") {
                fenced = !fenced;
                continue;
            }
            if fenced {
                continue;
            }
            let spans = code_spans(line).into_iter().filter(|s| looks_like_path(s));
            for target in spans.chain(links(line)) {
                for one in unbraced(&target) {
                    if !exists(repo, path, &one) {
                        findings.push(Finding::new(
                            NAME,
                            path,
                            i + 1,
                            format!("{one} does not exist: correct the path or drop it"),
                        ));
                    }
                }
            }
        }
    }
    findings.into()
}

/// What stands between single or double backticks.
fn code_spans(line: &str) -> Vec<String> {
    let parts: Vec<&str> = line.split('`').collect();
    parts
        .iter()
        .skip(1)
        .step_by(2)
        .map(|s| s.trim().to_string())
        .filter(|s| !s.is_empty())
        .collect()
}

/// Targets of `[text](target)` that are neither another site, an anchor, nor a path of the server.
fn links(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = line;
    while let Some(at) = rest.find("](") {
        rest = &rest[at + 2..];
        let Some(end) = rest.find(')') else { break };
        let target = rest[..end].split(['#', ' ']).next().unwrap_or_default();
        if !target.is_empty() && !target.contains(':') && !target.starts_with('/') {
            found.push(target.to_string());
        }
        rest = &rest[end..];
    }
    found
}

fn looks_like_path(span: &str) -> bool {
    let Some((top, _)) = span.split_once('/') else { return false };
    !span.contains(char::is_whitespace) && !span.contains("://") && (TOPS.contains(&top) || top == "..")
}

/// `a/{b,c}.rs` names two files.
fn unbraced(target: &str) -> Vec<String> {
    let parts = target
        .split_once('{')
        .and_then(|(head, rest)| rest.split_once('}').map(|(choices, tail)| (head, choices, tail)));
    match parts {
        Some((head, choices, tail)) if choices.contains(',') => {
            choices.split(',').flat_map(|c| unbraced(&format!("{head}{c}{tail}"))).collect()
        }
        _ => vec![target.to_string()],
    }
}

/// Relative to the document's folder or to the root. A placeholder (`*`, `<name>`, `NNNN`) is
/// checked as far as the folder before it.
fn exists(repo: &Repo, document: &str, target: &str) -> bool {
    let target = target.trim_end_matches(['.', ',', ';']);
    // `path:12` and `path::name` point into a file.
    let target = target.split(':').next().unwrap_or(target);
    let fixed: Vec<&str> = target
        .split('/')
        .take_while(|p| !p.contains(['*', '<', '…', '{', '$']) && !p.contains("NNNN"))
        .collect();
    let folder = document.rsplit_once('/').map_or("", |(f, _)| f);
    [folder, ""]
        .iter()
        .any(|base| normal(base, &fixed).is_some_and(|p| p.is_empty() || repo.paths.contains(&p)))
}

/// Joins and resolves `.` and `..`; None when it leaves the tree.
fn normal(base: &str, parts: &[&str]) -> Option<String> {
    let mut out: Vec<&str> = base.split('/').filter(|p| !p.is_empty()).collect();
    for part in parts {
        match *part {
            "" | "." => {}
            ".." => {
                out.pop()?;
            }
            p => out.push(p),
        }
    }
    Some(out.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(document: &str, text: &str) -> Vec<usize> {
        let repo = Repo::of(&[
            (document, text),
            ("crates/kernel/src/money.rs", ""),
            ("crates/kernel/src/rate.rs", ""),
            ("docs/glossary.md", ""),
            ("migrations/sqlite/0001_a.sql", ""),
        ]);
        run(&repo).findings.iter().map(|f| f.line).collect()
    }

    #[test]
    fn paths_that_are_not_there_are_found_at_their_line() {
        assert_eq!(found("README.md", "see\n`crates/kernel/src/monney.rs`"), [2]);
        assert_eq!(found("README.md", "see [it](docs/glosary.md#lot)"), [1]);
        assert_eq!(found("crates/kernel/README.md", "`src/gone.rs` and `../nowhere/x.rs`"), [1, 1]);
        assert_eq!(found("README.md", "`crates/kernel/src/{money,gone}.rs`"), [1]);
        assert_eq!(found("README.md", "`crates/nowhere/*.rs` `docs/gone/NNNN-title.md`"), [1, 1]);
    }

    #[test]
    fn paths_that_are_there_are_right_from_root_and_from_beside() {
        let text = "`crates/kernel/src/money.rs:12`, `crates/kernel/src/money.rs::Amount`, [g](docs/glossary.md), `migrations/sqlite/NNNN_name.sql`, `crates/*/src`, `crates/kernel/`";
        assert_eq!(found("README.md", text), [0usize; 0]);
        assert_eq!(
            found("crates/kernel/README.md", "`src/money.rs` [r](./src/rate.rs) `src/{money,rate}.rs`"),
            [0usize; 0]
        );
        assert_eq!(found("docs/index.md", "[m](../crates/kernel/src/money.rs)"), [0usize; 0]);
    }

    #[test]
    fn commands_addresses_and_routes_are_not_paths() {
        let text = "`/api/v1/clients` `cargo test -p x/y` [s](https://a.b/c) [t](#top) `text/html` `and/or` `make run`\n```\ncrates/gone.rs `crates/gone.rs`\n```\n";
        assert_eq!(found("README.md", text), [0usize; 0]);
    }
}

//! `cargo xtask check`: the rules that keep the house in order, each a function from the tree to
//! findings. A rule sees a [`Repo`], never the disk, so its tests are small trees in memory.

mod ambient;
mod docs;
mod floats;
mod length;
mod lockfile;
mod migrations;
mod repo;
mod rights;
mod scan;
mod sql;
mod tiers;
mod unwraps;
mod words;

use repo::Repo;
use std::process::ExitCode;

/// Something to change. `path` is relative to the root; line 0 means the file as a whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pub path: String,
    pub line: usize,
    pub rule: &'static str,
    /// What to do, not only what is wrong.
    pub todo: String,
    /// A warning is printed and does not fail the run.
    pub warning: bool,
}

impl Finding {
    fn new(rule: &'static str, path: &str, line: usize, todo: impl Into<String>) -> Finding {
        Finding {
            path: path.to_string(),
            line,
            rule,
            todo: todo.into(),
            warning: false,
        }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = if self.warning { " (warning)" } else { "" };
        write!(f, "{}:{}: {}{kind}: {}", self.path, self.line.max(1), self.rule, self.todo)
    }
}

/// What a rule hands back: findings, and remarks about what it could not look at yet.
#[derive(Default)]
pub struct Outcome {
    pub findings: Vec<Finding>,
    pub remarks: Vec<String>,
}

impl From<Vec<Finding>> for Outcome {
    fn from(findings: Vec<Finding>) -> Self {
        Outcome {
            findings,
            remarks: Vec::new(),
        }
    }
}

struct Rule {
    name: &'static str,
    about: &'static str,
    run: fn(&Repo) -> Outcome,
}

const RULES: &[Rule] = &[
    Rule {
        name: tiers::NAME,
        about: "kernel <- platform <- ports <- domain <- app; connectors know kernel, ports, outbound",
        run: tiers::run,
    },
    Rule {
        name: sql::NAME,
        about: "SQL only in files named store*.rs or in a store/ folder",
        run: sql::run,
    },
    Rule {
        name: floats::NAME,
        about: "no f32, f64 or decimal literal near money, lots, prices, rates",
        run: floats::run,
    },
    Rule {
        name: ambient::NAME,
        about: "time and chance come from qd_kernel::Env",
        run: ambient::run,
    },
    Rule {
        name: migrations::NAME,
        about: "SQLite and PostgreSQL migrations in pairs, with the same tables and columns",
        run: migrations::run,
    },
    Rule {
        name: rights::NAME,
        about: "every operation of the OpenAPI file names a right that the matrix has",
        run: rights::run,
    },
    Rule {
        name: docs::NAME,
        about: "paths that documents name exist",
        run: docs::run,
    },
    Rule {
        name: unwraps::NAME,
        about: "no unwrap() outside tests",
        run: unwraps::run,
    },
    Rule {
        name: length::NAME,
        about: "files stay below 700 lines (a warning)",
        run: length::run,
    },
    Rule {
        name: words::NAME,
        about: "one word per thing; nothing left half done",
        run: words::run,
    },
    Rule {
        name: lockfile::NAME,
        about: "one TLS stack: no openssl, native-tls or aws-lc in Cargo.lock",
        run: lockfile::run,
    },
];

pub fn main(args: &[String]) -> ExitCode {
    if args.iter().any(|a| a == "--list") {
        for rule in RULES {
            println!("{:<11} {}", rule.name, rule.about);
        }
        return ExitCode::SUCCESS;
    }
    if let Some(unknown) = args.iter().find(|a| !RULES.iter().any(|r| r.name == a.as_str())) {
        eprintln!("xtask check: no rule named {unknown}; `cargo xtask check --list` names them");
        return ExitCode::from(2);
    }
    let repo = match Repo::read(&crate::root()) {
        Ok(repo) => repo,
        Err(e) => {
            eprintln!("xtask check: cannot read the tree: {e}");
            return ExitCode::from(2);
        }
    };
    let mut findings = Vec::new();
    for rule in RULES.iter().filter(|r| args.is_empty() || args.iter().any(|a| a == r.name)) {
        let outcome = (rule.run)(&repo);
        for remark in outcome.remarks {
            eprintln!("{}: {remark}", rule.name);
        }
        findings.extend(outcome.findings);
    }
    findings.sort();
    findings.dedup();
    for finding in &findings {
        println!("{finding}");
    }
    let failures = findings.iter().filter(|f| !f.warning).count();
    eprintln!(
        "xtask check: {failures} findings, {} warnings in {} files",
        findings.len() - failures,
        repo.files.len()
    );
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_name_of_its_own() {
        let mut names: Vec<_> = RULES.iter().map(|r| r.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), RULES.len());
    }

    #[test]
    fn a_finding_prints_as_path_line_rule_and_what_to_do() {
        let f = Finding::new("floats", "crates/kernel/src/money.rs", 7, "use Amount");
        assert_eq!(f.to_string(), "crates/kernel/src/money.rs:7: floats: use Amount");
    }
}

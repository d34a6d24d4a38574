//! `unwrap()` stops the process without a word about why that could not happen.

use super::repo::in_folder;
use super::{Finding, Outcome, Repo, repo::under};

pub const NAME: &str = "unwrap";

pub fn run(repo: &Repo) -> Outcome {
    let mut findings = Vec::new();
    let tests = repo.test_files();
    for (path, source) in repo.rust() {
        if tests.contains(path) || under(path, "crates/testkit") || in_folder(path, &["examples"]) {
            continue;
        }
        for i in source.find(&[".", "unwrap", "(", ")"]) {
            if !source.in_test[i] {
                let todo = "return a Problem, or use expect with the reason it cannot fail";
                findings.push(Finding::new(NAME, path, source.tokens[i].line, todo));
            }
        }
    }
    findings.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        run(&Repo::of(&[(path, text)])).findings.len()
    }

    #[test]
    fn an_unwrap_outside_tests_is_found() {
        assert_eq!(found("crates/domain/kyc/src/lib.rs", "fn a() { b()\n  .unwrap() }"), 1);
        assert_eq!(found("xtask/src/main.rs", "fn a() { b().unwrap() }"), 1);
    }

    #[test]
    fn tests_and_gentler_words_are_left_alone() {
        assert_eq!(found("crates/domain/kyc/src/lib.rs", "#[test] fn a() { b().unwrap() }"), 0);
        assert_eq!(found("crates/domain/kyc/tests/a.rs", "fn a() { b().unwrap() }"), 0);
        assert_eq!(
            found(
                "crates/domain/kyc/src/lib.rs",
                "fn a() { b().unwrap_or_default(); c().expect(\"checked above\") } // .unwrap()"
            ),
            0
        );
    }
}

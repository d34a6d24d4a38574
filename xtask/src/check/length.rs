//! Long files hide things. A warning: a file may be long for a while, never by habit.

use super::{Finding, Outcome, Repo};

pub const NAME: &str = "length";

const MAX_LINES: usize = 700;

pub fn run(repo: &Repo) -> Outcome {
    let mut findings = Vec::new();
    for extension in ["rs", "ts", "tsx"] {
        for (path, text) in repo.with_extension(extension) {
            let lines = text.lines().count();
            // Generated clients are as long as the API is.
            if lines > MAX_LINES && !path.contains("/generated/") {
                let todo = format!("{lines} lines: split it by noun, below {MAX_LINES}");
                findings.push(Finding {
                    warning: true,
                    ..Finding::new(NAME, path, lines, todo)
                });
            }
        }
    }
    findings.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_past_the_limit_warns_and_one_at_it_does_not() {
        let long = "fn a() {}\n".repeat(MAX_LINES + 1);
        let fits = "fn a() {}\n".repeat(MAX_LINES);
        let found = run(&Repo::of(&[
            ("crates/kernel/src/long.rs", &long),
            ("crates/kernel/src/fits.rs", &fits),
        ]))
        .findings;
        assert_eq!(found.len(), 1);
        assert!(found[0].warning && found[0].path.ends_with("long.rs"));
    }
}

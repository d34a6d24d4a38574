//! No binary fractions where money, volumes, prices or rates are: 0.1 has no exact one, and a
//! sum of a million of them is a cent off. Tests are held to it too; they state what is right.

use super::repo::under;
use super::scan::Kind;
use super::{Finding, Outcome, Repo};

pub const NAME: &str = "floats";

const SCOPE: &[&str] = &[
    "crates/kernel",
    "crates/ports",
    "crates/connectors",
    "crates/domain/ledger",
    "crates/domain/payments",
    "crates/domain/partners",
    "crates/domain/trading",
    "crates/domain/clients",
    "crates/domain/kyc",
];

/// Functions that make or read a float without naming its type.
const HIDDEN: &[&str] = &[
    "as_f64",
    "as_f32",
    "from_f64",
    "from_f32",
    "as_secs_f64",
    "as_secs_f32",
    "as_millis_f64",
    "to_f64",
];

pub fn run(repo: &Repo) -> Outcome {
    let mut findings = Vec::new();
    for (path, source) in repo.rust().filter(|(p, _)| SCOPE.iter().any(|s| under(p, s))) {
        for token in &source.tokens {
            let todo = match token.kind {
                Kind::Float => format!("write {} as a whole number of the smallest unit", token.text),
                Kind::Ident if token.text == "f32" || token.text == "f64" => {
                    format!("use Amount, Lots, Rate or an integer instead of {}", token.text)
                }
                Kind::Ident if HIDDEN.contains(&token.text.as_str()) => {
                    format!("read the text as a decimal (parse_fixed) instead of {}", token.text)
                }
                _ => continue,
            };
            findings.push(Finding::new(NAME, path, token.line, todo));
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
    fn floats_near_money_are_found_in_code_and_in_tests() {
        for at in [
            "crates/kernel/src/money.rs",
            "crates/connectors/psp-x/src/map.rs",
            "crates/domain/ledger/tests/post.rs",
            "crates/domain/kyc/src/lib.rs",
        ] {
            for text in [
                "let x: f64 = y;",
                "let x = 1.5;",
                "let x = 1e3;",
                "let x = v.as_f64();",
                "#[cfg(test)] mod t { fn a(x: f32) {} }",
            ] {
                assert_eq!(found(at, text), 1, "{at}: {text}");
            }
        }
    }

    #[test]
    fn integers_texts_and_other_rooms_are_left_alone() {
        for text in [
            "let x = \"1.5\";",
            "// 1.5 and f64",
            "for i in 0..10 {}",
            "let x = pair.0.1;",
            "let x = 1_000;",
        ] {
            assert_eq!(found("crates/kernel/src/money.rs", text), 0, "{text}");
        }
        assert_eq!(found("crates/app/server/src/bench.rs", "let ratio: f64 = 1.5;"), 0);
    }
}

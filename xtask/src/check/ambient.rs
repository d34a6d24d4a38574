//! Time and chance are handed in. A function that reads the machine's clock by itself cannot be
//! replayed, tested at a month's end, or moved by the demo's time travel.

use super::repo::{in_folder, under};
use super::{Finding, Outcome, Repo};

pub const NAME: &str = "ambient";

/// Where the ambient ones may be read: behind the traits, in the program that hands them in, and
/// in what stands for the outside world.
const EXEMPT: &[&str] = &[
    "crates/kernel/src/clock",
    "crates/kernel/src/entropy",
    "crates/app/server",
    "crates/testkit",
    "crates/sandbox",
    "xtask",
];

/// Timeouts and measured durations may use the steady clock here, with a comment that says so.
const STEADY: &[&str] = &["crates/platform/outbound", "crates/platform/runtime"];
const STEADY_COMMENT: &str = "monotonic:";

struct Ban {
    pattern: &'static [&'static str],
    todo: &'static str,
}

const CLOCK: &str = "take the time from env.now()";
const CHANCE: &str = "take chance from env.entropy";
const MAIN_ONLY: &str = "take an Env from the caller; only the server's main makes the ambient one";

const BANS: &[Ban] = &[
    Ban {
        pattern: &["SystemTime", "::", "now"],
        todo: CLOCK,
    },
    Ban {
        pattern: &["UNIX_EPOCH", ".", "elapsed"],
        todo: CLOCK,
    },
    Ban {
        pattern: &["Utc", "::", "now"],
        todo: CLOCK,
    },
    Ban {
        pattern: &["Local", "::", "now"],
        todo: CLOCK,
    },
    Ban {
        pattern: &["Timestamp", "::", "now"],
        todo: CLOCK,
    },
    Ban {
        pattern: &["Zoned", "::", "now"],
        todo: CLOCK,
    },
    Ban {
        pattern: &["OffsetDateTime", "::", "now_utc"],
        todo: CLOCK,
    },
    Ban {
        pattern: &["rand", "::"],
        todo: CHANCE,
    },
    Ban {
        pattern: &["getrandom", "::"],
        todo: CHANCE,
    },
    Ban {
        pattern: &["fastrand", "::"],
        todo: CHANCE,
    },
    Ban {
        pattern: &["OsRng"],
        todo: CHANCE,
    },
    Ban {
        pattern: &["thread_rng"],
        todo: CHANCE,
    },
    Ban {
        pattern: &["Uuid", "::", "new_v4"],
        todo: "make an id with id! and Env",
    },
    Ban {
        pattern: &["Uuid", "::", "now_v7"],
        todo: "make an id with id! and Env",
    },
    Ban {
        pattern: &["Env", "::", "system"],
        todo: MAIN_ONLY,
    },
];

pub fn run(repo: &Repo) -> Outcome {
    let mut findings = Vec::new();
    let tests = repo.test_files();
    for (path, source) in repo.rust() {
        if EXEMPT.iter().any(|e| under(path, e)) || tests.contains(path) || in_folder(path, &["examples"]) {
            continue;
        }
        // The kernel is where `system()` is defined.
        let kernel = under(path, "crates/kernel");
        for ban in BANS.iter().filter(|b| !(kernel && b.todo == MAIN_ONLY)) {
            for i in source.find(ban.pattern) {
                // `crate::rand::…` is a module of our own.
                let own = i >= 2 && source.tokens[i - 1].is("::") && ["crate", "self", "super"].iter().any(|k| source.tokens[i - 2].is(k));
                if !own && !source.in_test[i] {
                    findings.push(Finding::new(NAME, path, source.tokens[i].line, ban.todo));
                }
            }
        }
        for i in source.find(&["Instant", "::", "now"]) {
            let line = source.tokens[i].line;
            let may = STEADY.iter().any(|s| under(path, s));
            let said = source.comments.get(&line).is_some_and(|c| c.contains(STEADY_COMMENT));
            if source.in_test[i] || (may && said) {
                continue;
            }
            let todo = if may {
                "say on the line why the steady clock is right: `// monotonic: …`, or take the time from env.now()"
            } else {
                CLOCK
            };
            findings.push(Finding::new(NAME, path, line, todo));
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
    fn ambient_time_and_chance_are_found() {
        for text in [
            "let t = std::time::SystemTime::now();",
            "let t = Instant::now();",
            "let t = tokio::time::Instant::now();",
            "let t = Utc::now();",
            "let t = jiff::Timestamp::now();",
            "let t = Zoned::now();",
            "let x = rand::random();",
            "use getrandom::fill;",
            "let k = Key::generate(&mut OsRng);",
            "let e = Env::system();",
        ] {
            assert_eq!(found("crates/domain/kyc/src/lib.rs", text), 1, "{text}");
        }
    }

    #[test]
    fn what_is_handed_in_and_what_is_only_said_is_left_alone() {
        for text in [
            "let t = env.now();",
            "// SystemTime::now()",
            "let s = \"Instant::now\";",
            "let x = crate::rand::pick();",
            "fn strand() {}",
        ] {
            assert_eq!(found("crates/domain/kyc/src/lib.rs", text), 0, "{text}");
        }
    }

    #[test]
    fn the_program_the_sandbox_and_tests_may_read_them() {
        let text = "let t = SystemTime::now();";
        for at in [
            "crates/kernel/src/clock.rs",
            "crates/app/server/src/main.rs",
            "crates/testkit/src/lib.rs",
            "crates/sandbox/src/mt5/market.rs",
            "crates/domain/kyc/tests/flow.rs",
            "crates/domain/kyc/benches/list.rs",
        ] {
            assert_eq!(found(at, text), 0, "{at}");
        }
        assert_eq!(found("crates/kernel/src/money.rs", text), 1);
        assert_eq!(
            found(
                "crates/domain/kyc/src/lib.rs",
                "#[cfg(test)] mod tests { fn a() { SystemTime::now(); } }"
            ),
            0
        );
        assert_eq!(found("crates/app/app/src/lib.rs", text), 1);
    }

    #[test]
    fn the_steady_clock_needs_a_reason_and_a_place() {
        let said = "let t = Instant::now(); // monotonic: a timeout";
        assert_eq!(found("crates/platform/outbound/src/wire.rs", said), 0);
        assert_eq!(found("crates/platform/outbound/src/wire.rs", "let t = Instant::now();"), 1);
        assert_eq!(found("crates/domain/kyc/src/lib.rs", said), 1);
    }
}

//! The project's own tools: `cargo xtask check` and `cargo xtask env -- <command>`.
//!
//! Plain Rust with a TOML and a JSON reader, so that it builds in seconds on a clean checkout.

mod check;
mod env;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask check [RULE ...]     what no compiler checks: tiers, SQL, floats, clocks, migrations, rights, paths
cargo xtask check --list         the rules, a line each
cargo xtask env -- COMMAND ...   runs COMMAND beside a private PostgreSQL and NATS (QD_TEST_PG, QD_TEST_NATS)

example: cargo xtask env -- cargo test -p qd-ledger
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let rest = args.get(1..).unwrap_or_default();
    match args.first().map(String::as_str) {
        Some("check") => check::main(rest),
        Some("env") => env::main(rest),
        Some(env::GUARD) => env::guard::main(rest),
        Some("--help" | "-h" | "help") => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        other => {
            if let Some(name) = other {
                eprintln!("xtask: no such task: {name}");
            }
            eprint!("{HELP}");
            ExitCode::from(2)
        }
    }
}

/// The workspace's root, from where this crate was compiled.
pub fn root() -> std::path::PathBuf {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

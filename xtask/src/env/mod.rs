//! `cargo xtask env -- COMMAND`: a private PostgreSQL cluster and NATS server with JetStream, on
//! free ports, for as long as COMMAND runs.
//!
//! The servers belong to a second process, the guard, which waits on a pipe from this one. The
//! pipe closes however this process ends, Ctrl-C and SIGKILL included, and the guard then stops
//! the servers and removes their folder. No signal handling, so nothing to get wrong there.

pub mod guard;
mod nats;
mod postgres;
mod tools;

use std::io::{BufRead, BufReader};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};

/// The hidden task that `env` starts itself as.
pub const GUARD: &str = "env-guard";

/// What the command finds in its environment. A variable that is set already names a server of the
/// caller's own, and none is started for it.
const PG: &str = "QD_TEST_PG";
const NATS: &str = "QD_TEST_NATS";

pub fn main(args: &[String]) -> ExitCode {
    let command = match args.split_first() {
        Some((first, rest)) if first == "--" => rest,
        _ => args,
    };
    let Some((program, arguments)) = command.split_first() else {
        eprintln!("xtask env: say what to run: cargo xtask env -- COMMAND ...");
        return ExitCode::from(2);
    };
    let wanted: Vec<&str> = [PG, NATS]
        .into_iter()
        .filter(|v| std::env::var_os(v).is_none_or(|x| x.is_empty()))
        .collect();
    let mut guard = None;
    let mut variables = Vec::new();
    if !wanted.is_empty() {
        match start_guard(&wanted) {
            Ok((child, got)) => {
                guard = Some(child);
                variables = got;
            }
            Err(why) => {
                eprintln!("xtask env: {why}");
                return ExitCode::FAILURE;
            }
        }
    }
    let status = Command::new(program).args(arguments).envs(variables).status();
    // Dropping the pipe tells the guard to stop; waiting for it leaves no server behind us.
    if let Some(mut guard) = guard {
        drop(guard.stdin.take());
        if let Err(e) = guard.wait() {
            eprintln!("xtask env: the guard of the servers went away: {e}");
        }
    }
    match status {
        Ok(status) => {
            let code = status.code().or_else(|| status.signal().map(|s| 128 + s)).unwrap_or(1);
            ExitCode::from(u8::try_from(code).unwrap_or(1))
        }
        Err(e) => {
            eprintln!("xtask env: cannot run {program}: {e}");
            ExitCode::from(127)
        }
    }
}

/// Starts the guard in a process group of its own, out of reach of the terminal's Ctrl-C, and
/// reads the variables it prints until it says `ready`.
fn start_guard(wanted: &[&str]) -> Result<(Child, Vec<(String, String)>), String> {
    let me = std::env::current_exe().map_err(|e| format!("cannot find my own program: {e}"))?;
    let mut guard = Command::new(me)
        .arg(GUARD)
        .args(wanted)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|e| format!("cannot start the guard of the servers: {e}"))?;
    let mut variables = Vec::new();
    if let Some(out) = guard.stdout.take() {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            if line == "ready" {
                return Ok((guard, variables));
            }
            if let Some((name, value)) = line.split_once('=') {
                variables.push((name.to_string(), value.to_string()));
            }
        }
    }
    drop(guard.stdin.take());
    let _ = guard.wait();
    Err("the servers did not start; the reason stands above".into())
}

/// `target/test-env`: made, so it lies with what is made.
fn folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| crate::root().join("target"), PathBuf::from);
    // PostgreSQL is started from another folder, so the path must not depend on ours.
    let folder = target.join("test-env");
    std::path::absolute(&folder).unwrap_or(folder)
}

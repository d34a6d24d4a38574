//! The process that owns the servers. It stops them when its standard input closes.

use super::tools::free_port;
use super::{NATS, PG, folder, nats::Nats, postgres::Postgres};
use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;

pub fn main(wanted: &[String]) -> ExitCode {
    let base = folder();
    sweep(&base);
    let mut postgres = None;
    let mut nats = None;
    let started = start(&base, wanted, &mut postgres, &mut nats);
    match &started {
        Ok(()) => {
            println!("ready");
            let _ = std::io::stdout().flush();
            // Blocks until the one who started us is gone or done.
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
        }
        Err(why) => eprintln!("xtask env: {why}"),
    }
    drop(postgres);
    drop(nats);
    if started.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn start(base: &Path, wanted: &[String], postgres: &mut Option<Postgres>, nats: &mut Option<Nats>) -> Result<(), String> {
    let pid = std::process::id();
    if wanted.iter().any(|w| w == PG) {
        let server = postgres.insert(Postgres::start(&base.join(format!("pg-{pid}")), free_port()?)?);
        println!("{PG}={}", server.url());
    }
    if wanted.iter().any(|w| w == NATS) {
        let server = nats.insert(Nats::start(&base.join(format!("nats-{pid}")), free_port()?)?);
        println!("{NATS}={}", server.url());
    }
    Ok(())
}

/// Removes what guards left behind that were killed themselves, their servers included.
fn sweep(base: &Path) {
    for entry in std::fs::read_dir(base).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((kind, pid)) = name
            .split_once('-')
            .and_then(|(k, p)| Some((k.to_string(), p.parse::<u32>().ok()?)))
        else {
            continue;
        };
        if Path::new("/proc").is_dir() && !Path::new(&format!("/proc/{pid}")).exists() {
            match kind.as_str() {
                "pg" => Postgres::remove(&entry.path()),
                "nats" => Nats::remove(&entry.path()),
                _ => {}
            }
        }
    }
}

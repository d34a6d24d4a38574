//! The program `quarterdeck`: one program, many commands. Every command has `--help` with an example.
//! A library, so that its tests can play stories themselves.

#[cfg(feature = "bench")]
mod bench;
mod carry;
mod check;
pub mod cli;
mod close_month;
mod commissions;
mod demo;
mod doctor;
mod export;
mod listen;
mod migrate;
mod node;
mod sandbox;
mod say;
mod seed;
mod settings;
pub mod story;
mod verify;

use clap::Parser;
use cli::{Cli, Command};
use qd_kernel::{Problem, Result};
use std::process::ExitCode;

/// What `main` does.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    logging(cli.command.is_service());
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(r) => r,
        Err(e) => {
            say::problem(&Problem::unavailable("threads", "no threads to work with").with_source(e));
            return ExitCode::FAILURE;
        }
    };
    let code = match runtime.block_on(run(cli.command)) {
        Ok(code) => code,
        Err(p) => {
            say::problem(&p);
            ExitCode::FAILURE
        }
    };
    // Blocking reads that nobody waits for must not hold up the end.
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    code
}

async fn run(command: Command) -> Result<ExitCode> {
    qd_outbound::init_tls();
    match command {
        Command::Demo(a) => demo::run(a).await,
        Command::Serve(a) => node::serve(a).await,
        Command::Worker(a) => node::work(a).await,
        Command::Migrate(a) => migrate::run(a).await,
        Command::Sandbox(a) => sandbox::run(a).await,
        Command::Seed(a) => seed::run(a).await,
        Command::Verify(a) => verify::run(a).await,
        Command::Doctor(a) => doctor::run(a).await,
        Command::CheckConfig(a) => check::run(&a),
        Command::Import(a) => export::import(&a),
        Command::Export(a) => export::run(a).await,
        #[cfg(feature = "bench")]
        Command::Bench(a) => bench::run(a).await,
        Command::Story(a) => story::run(a).await,
        Command::Commissions(a) => commissions::run(a).await,
    }
}

/// Services log what they do, as lines or as JSON (`QD_LOG_FORMAT=json`); tools only complain.
/// `QD_LOG` takes the usual filters: `debug`, `qd_payments=debug,info`.
fn logging(service: bool) {
    use tracing_subscriber::EnvFilter;
    let default = if service { "info" } else { "warn" };
    let filter = std::env::var("QD_LOG")
        .ok()
        .and_then(|f| EnvFilter::try_new(f).ok())
        .unwrap_or_else(|| EnvFilter::new(default));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::env::var("QD_LOG_FORMAT").is_ok_and(|f| f == "json") {
        builder.json().init();
    } else {
        builder
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .with_target(false)
            .init();
    }
}

//! N13: a clean build of what `make run` runs, until the demo answers, in a target folder of its
//! own; beside it, the build of our own crates when the third-party ones are there.

use super::figure::Figure;
use super::others::free;
use super::plan::Plan;
use qd_kernel::{Problem, Result};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub async fn run(plan: &Plan) -> Result<()> {
    if !Path::new("Cargo.toml").is_file() {
        return Err(Problem::unavailable(
            "bench_build",
            "a build can be measured from the project's root only",
        ));
    }
    let dir = plan.place.folder("build")?;
    let begun = Instant::now();
    cargo(&dir, &["build", "--locked", "--profile", "demo", "--bin", "quarterdeck"])?;
    let built = begun.elapsed();
    let at = free()?;
    let data = plan.place.folder("demo")?;
    let mut demo = Command::new(dir.join("demo/quarterdeck"))
        .args(["demo", "--listen", &at.to_string(), "--data"])
        .arg(&data)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| Problem::unavailable("bench_build", "the built program does not start").with_source(e))?;
    let answered = wait(at).await;
    let whole = begun.elapsed();
    let _ = demo.kill();
    let _ = demo.wait();
    answered?;
    let ours = ["clean", "--profile", "demo"]
        .into_iter()
        .map(String::from)
        .chain(members()?.into_iter().flat_map(|m| ["-p".to_string(), m]))
        .collect::<Vec<_>>();
    cargo(&dir, &ours.iter().map(String::as_str).collect::<Vec<_>>())?;
    let begun = Instant::now();
    cargo(&dir, &["build", "--locked", "--profile", "demo", "--bin", "quarterdeck"])?;
    let own = begun.elapsed();
    Figure::new("N13.clean_build", "s", whole.as_secs_f64(), own.as_secs_f64())
        .against("the same build with the third-party crates already built, without the demo's start")
        .goal("value <= 600 on 2 cores")
        .number("build_s", built.as_secs_f64())
        .number("start_s", (whole - built).as_secs_f64())
        .with("profile", "demo")
        .with("cores", std::thread::available_parallelism().map_or(0, std::num::NonZero::get))
        .print()
}

async fn wait(at: std::net::SocketAddr) -> Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(600) {
        if let Ok(mut c) = super::load::Connection::open(at).await
            && c.exchange(&super::load::get("/healthz", "")).await.is_ok()
        {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(Problem::unavailable("bench_build", "the built demo does not answer"))
}

fn cargo(target: &Path, args: &[&str]) -> Result<()> {
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(args)
        .env("CARGO_TARGET_DIR", target)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(|e| Problem::unavailable("bench_build", "cargo cannot be started").with_source(e))?;
    if status.success() {
        Ok(())
    } else {
        Err(Problem::unavailable("bench_build", format!("cargo {} failed", args.join(" "))))
    }
}

/// Our own crates, by the names in the lock file that have no source.
fn members() -> Result<Vec<String>> {
    let text = std::fs::read_to_string("Cargo.lock")
        .map_err(|e| Problem::unavailable("bench_build", "Cargo.lock cannot be read").with_source(e))?;
    Ok(text
        .split("[[package]]")
        .filter(|p| !p.contains("\nsource = "))
        .filter_map(|p| {
            p.lines()
                .find_map(|l| l.strip_prefix("name = "))
                .map(|n| n.trim_matches('"').to_string())
        })
        .filter(|n| n.starts_with("qd-"))
        .collect())
}

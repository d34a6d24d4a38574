//! Processes of our own program beside this one: started, watched, ended.

use super::load::{Connection, get};
use super::place::Place;
use qd_kernel::{Problem, Result};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Ends with this value, by SIGKILL.
pub struct Other {
    child: Child,
    pub at: SocketAddr,
}

impl Drop for Other {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Other {
    /// This same program with other arguments; its output goes to a file in the folder.
    pub fn start(dir: &Path, at: SocketAddr, args: &[&str], vars: &[(&str, String)]) -> Result<Other> {
        let failed =
            |e: std::io::Error| Problem::unavailable("bench_process", "another process of this program cannot be started").with_source(e);
        let me = std::env::current_exe().map_err(failed)?;
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(dir.join("log"))
            .map_err(failed)?;
        let child = Command::new(me)
            .args(args)
            .envs(vars.iter().map(|(k, v)| (k, v)))
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(failed)?)
            .stderr(log)
            .spawn()
            .map_err(failed)?;
        Ok(Other { child, at })
    }

    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits until a path answers with a 2xx.
    pub async fn answers(&mut self, path: &str, token: &str, within: Duration) -> Result<Vec<u8>> {
        let begun = Instant::now();
        loop {
            if let Ok(mut c) = Connection::open(self.at).await
                && let Ok(body) = c.exchange(&get(path, token)).await
            {
                return Ok(body.to_vec());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(Problem::unavailable("bench_process", format!("the other process ended: {status}")));
            }
            if begun.elapsed() > within {
                return Err(Problem::unavailable(
                    "bench_process",
                    format!("{path} did not answer within {} s", within.as_secs()),
                ));
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Resident memory in megabytes.
    pub fn resident_mb(&self) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = text.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or_default();
        line.split_whitespace().next().and_then(|kb| kb.parse::<f64>().ok()).unwrap_or(0.0) / 1_024.0
    }

    pub fn cpu_s(&self) -> f64 {
        super::load::cpu_of(&format!("/proc/{}/stat", self.child.id()))
    }

    /// Waits until it uses next to no processor for a while; false when it never did in `within`.
    pub async fn settles(&self, within: Duration) -> bool {
        let begun = Instant::now();
        let mut quiet = 0;
        let mut last = self.cpu_s();
        while begun.elapsed() < within {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let now = self.cpu_s();
            quiet = if now - last < 0.1 { quiet + 1 } else { 0 };
            last = now;
            if quiet >= 5 {
                return true;
            }
        }
        false
    }
}

/// An address nobody listens on; somebody may take it before it is used.
pub fn free() -> Result<SocketAddr> {
    let l = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|e| Problem::unavailable("bench_port", "no free port").with_source(e))?;
    l.local_addr()
        .map_err(|e| Problem::unavailable("bench_port", "no free port").with_source(e))
}

/// A demo of some size in a folder of its own.
pub fn demo(place: &Place, clients: u64, days: u32) -> Result<(Other, std::path::PathBuf)> {
    let dir = place.folder("demo")?;
    let at = free()?;
    let (listen, data) = (at.to_string(), dir.join("data").display().to_string());
    let (clients, days) = (clients.to_string(), days.to_string());
    let other = Other::start(
        &dir,
        at,
        &[
            "demo",
            "--listen",
            &listen,
            "--data",
            &data,
            "--clients",
            &clients,
            "--days",
            &days,
            "--quiet-market",
        ],
        &[],
    )?;
    Ok((other, dir.join("data")))
}

//! A NATS server of our own, with JetStream on files.

use super::tools::{need, tail};
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const START_LIMIT: Duration = Duration::from_secs(30);

pub struct Nats {
    home: PathBuf,
    port: u16,
    child: Child,
}

impl Nats {
    pub fn start(home: &Path, port: u16) -> Result<Nats, String> {
        let program = need("nats-server", "nats-server")?;
        let io = |e: std::io::Error| format!("cannot use {}: {e}", home.display());
        std::fs::create_dir_all(home).map_err(io)?;
        let log = std::fs::File::create(home.join("log")).map_err(io)?;
        let child = Command::new(program)
            .args(["--addr", "127.0.0.1", "--port", &port.to_string(), "--jetstream", "--store_dir"])
            .arg(home.join("store"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(io)?)
            .stderr(log)
            .spawn()
            .map_err(|e| format!("nats-server: {e}"))?;
        let mut server = Nats {
            home: home.to_path_buf(),
            port,
            child,
        };
        // For `sweep`, should this process be killed before it can stop the server.
        std::fs::write(home.join("pid"), server.child.id().to_string()).map_err(io)?;
        let since = Instant::now();
        while !server.answers() {
            let ended = server.child.try_wait().ok().flatten();
            if ended.is_some() || since.elapsed() > START_LIMIT {
                let log = std::fs::read_to_string(home.join("log")).unwrap_or_default();
                return Err(format!("nats-server does not answer:\n{}", tail(&log)));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// A server that is ready greets with INFO.
    fn answers(&self) -> bool {
        let Ok(stream) = TcpStream::connect(("127.0.0.1", self.port)) else {
            return false;
        };
        let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).is_ok() && line.starts_with("INFO ")
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Stops a server whose guard was killed, and removes its files.
    pub fn remove(home: &Path) {
        if let Ok(pid) = std::fs::read_to_string(home.join("pid")) {
            // Only if that process is still a NATS server on this very folder.
            let command = std::fs::read_to_string(format!("/proc/{}/cmdline", pid.trim())).unwrap_or_default();
            if command.contains("nats-server") && command.contains(&*home.to_string_lossy()) {
                let _ = Command::new("kill").arg(pid.trim()).status();
            }
        }
        let _ = std::fs::remove_dir_all(home);
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

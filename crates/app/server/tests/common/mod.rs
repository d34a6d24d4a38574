//! The real program as a child process, and folders that go away.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses its part; a test that cannot go on stops"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_quarterdeck");

/// A folder of the test's own.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let nanos = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_nanos();
        let path = std::env::temp_dir().join(format!("qd_server_{name}_{}_{nanos}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A failed test leaves its folder for whoever looks into it.
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

/// A port that was free a moment ago.
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A running program; killed with this value.
pub struct Program {
    pub child: Child,
    pub at: SocketAddr,
    log: PathBuf,
}

impl Program {
    /// Starts `quarterdeck ARGS` and waits until `at` answers `path` with 200.
    pub fn start(args: &[&str], vars: &[(&str, String)], at: SocketAddr, path: &str, log: PathBuf) -> Program {
        let mut p = Program::launch(args, vars, at, log);
        p.wait_for(path, Duration::from_secs(120));
        p
    }

    pub fn launch(args: &[&str], vars: &[(&str, String)], at: SocketAddr, log: PathBuf) -> Program {
        let out = std::fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let mut command = Command::new(PROGRAM);
        command.args(args).stdin(Stdio::null()).stdout(out.try_clone().unwrap()).stderr(out);
        for (name, _) in std::env::vars().filter(|(n, _)| n.starts_with("QD_")) {
            command.env_remove(name);
        }
        for (name, value) in vars {
            command.env(name, value);
        }
        Program {
            child: command.spawn().unwrap(),
            at,
            log,
        }
    }

    pub fn wait_for(&mut self, path: &str, long: Duration) {
        let begun = Instant::now();
        loop {
            if get(self.at, path).is_some_and(|(status, _)| status == 200) {
                return;
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the program ended with {status}:\n{}", self.log());
            }
            assert!(
                begun.elapsed() < long,
                "no answer at {} {path} within {long:?}:\n{}",
                self.at,
                self.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.at)
    }

    /// Everything it has printed.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// As a power switch does.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// As `systemctl stop` does; how it ended.
    pub fn stop(mut self) -> ExitStatus {
        let done = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(done.success());
        let begun = Instant::now();
        loop {
            if let Some(s) = self.child.try_wait().unwrap() {
                return s;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "still running a minute after SIGTERM:\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Status and body of a plain GET; None when nobody answers.
pub fn get(at: SocketAddr, path: &str) -> Option<(u16, String)> {
    let mut s = TcpStream::connect_timeout(&at, Duration::from_secs(2)).ok()?;
    s.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    write!(s, "GET {path} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n").ok()?;
    let mut text = Vec::new();
    s.read_to_end(&mut text).ok()?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let status = text.split_whitespace().nth(1)?.parse().ok()?;
    Some((status, text.split_once("\r\n\r\n").map(|x| x.1.to_string()).unwrap_or_default()))
}

/// Runs a command to its end.
pub fn run(args: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    for (name, _) in std::env::vars().filter(|(n, _)| n.starts_with("QD_")) {
        command.env_remove(name);
    }
    command.args(args).output().unwrap()
}

/// Runs a command that has to end well; what it printed.
pub fn run_well(args: &[&str]) -> String {
    let o = run(args);
    let text = format!("{}{}", String::from_utf8_lossy(&o.stdout), String::from_utf8_lossy(&o.stderr));
    assert!(
        o.status.success(),
        "quarterdeck {} ended with {}:\n{text}",
        args.join(" "),
        o.status
    );
    text
}

/// The counterparties in a process of their own, and a brokerage's configuration that reaches them.
pub struct Brokerage {
    pub folder: Folder,
    pub sandbox: Program,
    pub listen: SocketAddr,
    pub config: PathBuf,
}

impl Brokerage {
    pub fn new(name: &str) -> Brokerage {
        let folder = Folder::new(name);
        let (listen, books) = (free_address(), free_address());
        let dir = folder.path().to_path_buf();
        let data = dir.join("sandbox");
        std::fs::create_dir_all(&data).unwrap();
        let (at, data, hook) = (books.to_string(), data.display().to_string(), format!("http://{listen}"));
        let args = [
            "sandbox",
            "--listen",
            &at,
            "--data",
            &data,
            "--hook-base",
            &hook,
            "--quiet-market",
            "--any-port",
        ];
        let sandbox = Program::start(&args, &[], books, "/control/faults", dir.join("sandbox.log"));
        let config = dir.join("quarterdeck.toml");
        let text = config_text(&dir, listen, books, &sandbox.log());
        // Many people come from one address here.
        let text = text.replace("[server]\n", "[server]\nrate_limit = false\n");
        // The counterparties are another process.
        let text = text.replace("sandbox = true", "sandbox = false");
        std::fs::write(&config, text).unwrap();
        Brokerage {
            folder,
            sandbox,
            listen,
            config,
        }
    }

    /// The same on PostgreSQL and NATS. The address is a secret: it travels in a file.
    pub fn on_postgres(&self, url: &str, nats: &str) {
        let secret = self.folder.path().join("database-url");
        std::fs::write(&secret, url).unwrap();
        let text = std::fs::read_to_string(&self.config).unwrap();
        let start = text.find("[database]").unwrap();
        let end = start + text[start..].find("\n\n").unwrap();
        let stream = format!("test_{}", self.listen.port());
        let sections = format!(
            "[database]\nengine = \"postgres\"\nurl = \"file:{}\"\nmax_connections = 12\n\n[bus]\nkind = \"nats\"\nurl = \"{nats}\"\nstream = \"{stream}\"",
            secret.display()
        );
        std::fs::write(&self.config, format!("{}{sections}{}", &text[..start], &text[end..])).unwrap();
    }

    pub fn config(&self) -> &str {
        self.config.to_str().unwrap()
    }

    pub fn launch(&self) -> Program {
        Program::launch(
            &["serve", "--config", self.config()],
            &[],
            self.listen,
            self.folder.path().join("server.log"),
        )
    }

    pub fn serve(&self) -> Program {
        let mut p = self.launch();
        p.wait_for("/readyz", Duration::from_secs(120));
        p
    }

    pub fn sandbox_url(&self) -> String {
        format!("{}/sandbox", self.sandbox.url())
    }
}

/// The demo's configuration, with its counterparties where they said they are.
fn config_text(dir: &Path, listen: SocketAddr, books: SocketAddr, printed: &str) -> String {
    use qd_app::demo::{Counterparties, config_text, make_keys};
    let address = |name: &str| -> String {
        printed
            .lines()
            .find_map(|l| l.strip_prefix(&format!("{name} ")))
            .unwrap_or_else(|| panic!("the sandbox has not said where {name} is:\n{printed}"))
            .to_string()
    };
    let server = |id: &str, entity: &str, kind: &'static str, zone: &str, mask: &'static str| {
        (
            id.to_string(),
            entity.to_string(),
            kind,
            format!("https://{}", address(&format!("mt5:{id}:tls"))),
            zone.to_string(),
            mask,
        )
    };
    let c = Counterparties {
        servers: vec![
            server("eu-live", "eu", "live", "Europe/Nicosia", r"real\*"),
            server("intl-live", "intl", "live", "Europe/Athens", r"real\*"),
            server("demo", "eu", "demo", "Europe/Athens", r"demo\*"),
        ],
        manager_login: 1000,
        psps: vec![("stripe-eu".into(), "eu".into()), ("stripe-intl".into(), "intl".into())],
        psp_base: format!("http://{books}/stripe"),
        rails: Vec::new(),
        smtp: address("smtp").parse().unwrap(),
    };
    let mut given = vec![("mt5".to_string(), "Qd-Manager-26!".to_string())];
    for e in ["eu", "intl"] {
        given.push((format!("stripe-{e}.key"), format!("sk_test_quarterdeck_{e}")));
        given.push((format!("stripe-{e}.hook"), format!("whsec_quarterdeck_{e}")));
    }
    make_keys(dir, &*qd_kernel::Env::system().entropy, &given).unwrap();
    config_text(dir, listen, &c)
}

//! `quarterdeck doctor`: looks for what is wrong, and says what to do about it.

use crate::cli::ConfigArgs;
use crate::{check, settings};
use qd_app::config::{BusConfig, DatabaseConfig, SecretRef, TrustConfig};
use qd_app::{Config, wiring};
use qd_kernel::{Env, Result};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

struct Findings(Verdict);

impl Findings {
    fn line(&mut self, v: Verdict, what: &str, text: impl std::fmt::Display) {
        let word = match v {
            Verdict::Ok => "ok  ",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
        };
        println!("{word}  {what:<24} {text}");
        if v == Verdict::Fail || (v == Verdict::Warn && self.0 == Verdict::Ok) {
            self.0 = v;
        }
    }
    fn ok(&mut self, what: &str, text: impl std::fmt::Display) {
        self.line(Verdict::Ok, what, text);
    }
    fn warn(&mut self, what: &str, text: impl std::fmt::Display) {
        self.line(Verdict::Warn, what, text);
    }
    fn fail(&mut self, what: &str, text: impl std::fmt::Display) {
        self.line(Verdict::Fail, what, text);
    }
}

pub async fn run(args: ConfigArgs) -> Result<ExitCode> {
    let mut f = Findings(Verdict::Ok);
    let (config, path) = match settings::load(&args) {
        Ok(c) => c,
        Err(p) => {
            f.fail("config", format!("{}; `quarterdeck check-config` shows all of it", p.detail));
            return Ok(ExitCode::FAILURE);
        }
    };
    let problems = check::secrets(&config);
    if problems.is_empty() {
        f.ok("config", path.display());
    }
    for p in &problems {
        f.fail("config", &p.detail);
    }
    keys(&mut f, &config);
    disk(&mut f, &config);
    let env = Env::system();
    clock(&mut f, &env);
    database(&mut f, &config).await;
    bus(&mut f, &config).await;
    trading(&mut f, &config, &env).await;
    payments(&mut f, &config).await;
    mail(&mut f, &config).await;
    Ok(if f.0 == Verdict::Fail {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Secrets in files that others on the machine can read are no secrets.
fn keys(f: &mut Findings, c: &Config) {
    let mut refs: Vec<(String, &SecretRef)> = vec![("keys.house".into(), &c.keys.house), ("keys.audit".into(), &c.keys.audit)];
    refs.extend(c.files.keys.iter().map(|k| (format!("files.keys.{}", k.id), &k.key)));
    refs.extend(
        c.trading_server
            .iter()
            .map(|s| (format!("trading_server.{}", s.id), &s.manager_password)),
    );
    refs.extend(c.psp.iter().map(|p| (format!("psp.{}", p.id), &p.secret_key)));
    refs.extend(
        c.psp
            .iter()
            .flat_map(|p| p.secrets.iter().map(|(n, s)| (format!("psp.{}.secrets.{n}", p.id), s))),
    );
    let mut loose = 0;
    for (name, r) in &refs {
        if let Some(path) = r.0.strip_prefix("file:")
            && readable_by_others(Path::new(path))
        {
            loose += 1;
            f.warn("keys", format!("{name}: others may read {path}; chmod 600 it"));
        }
    }
    if loose == 0 {
        f.ok("keys", format!("{} secrets, none readable by others", refs.len()));
    }
}

#[cfg(unix)]
fn readable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|m| m.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn readable_by_others(_: &Path) -> bool {
    false
}

/// Room and speed where data is written.
fn disk(f: &mut Findings, c: &Config) {
    let mut folders = vec![c.files.dir.clone()];
    if let DatabaseConfig::Sqlite { path } = &c.database {
        folders.push(
            path.parent()
                .filter(|p| !p.as_os_str().is_empty())
                .unwrap_or(Path::new("."))
                .to_path_buf(),
        );
    }
    folders.dedup();
    for dir in folders {
        let what = "disk";
        match flush_ms(&dir) {
            Err(e) => f.fail(
                what,
                format!("{}: cannot write there ({e}); create it and give it to this user", dir.display()),
            ),
            Ok(ms) => {
                let room = free_mb(&dir);
                let text = format!(
                    "{}: {} free, a flush takes {ms} ms",
                    dir.display(),
                    room.map_or("unknown room".into(), |m| format!("{m} MB"))
                );
                match room {
                    Some(m) if m < 200 => f.fail(what, format!("{text}; make room")),
                    Some(m) if m < 2_000 => f.warn(what, format!("{text}; it fills up")),
                    _ if ms > 100 => f.warn(what, format!("{text}; every payment waits for one")),
                    _ => f.ok(what, text),
                }
            }
        }
    }
}

fn flush_ms(dir: &Path) -> std::io::Result<u128> {
    use std::io::Write;
    let path = dir.join(format!(".doctor-{}", std::process::id()));
    let begun = Instant::now();
    let done = std::fs::File::create(&path).and_then(|mut file| {
        file.write_all(&[0; 4096])?;
        file.sync_all()
    });
    let took = begun.elapsed().as_millis();
    let _ = std::fs::remove_file(&path);
    done.map(|()| took)
}

/// From `df`, which every machine of ours has; no room is known where it has not.
fn free_mb(dir: &Path) -> Option<u64> {
    let out = std::process::Command::new("df").arg("-Pk").arg(dir).output().ok()?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    text.lines()
        .nth(1)?
        .split_whitespace()
        .nth(3)?
        .parse::<u64>()
        .ok()
        .map(|kb| kb / 1024)
}

fn clock(f: &mut Findings, env: &Env) {
    let now = env.now();
    if now.ymd().0 < 2026 {
        f.fail(
            "clock",
            format!("{now}: second factors and signatures will fail; set the clock (NTP)"),
        );
    } else {
        f.ok("clock", now);
    }
}

async fn database(f: &mut Findings, c: &Config) {
    if let DatabaseConfig::Sqlite { path } = &c.database
        && !path.is_file()
    {
        return f.fail(
            "database",
            format!("{} is not there; `quarterdeck migrate` makes it", path.display()),
        );
    }
    let db = match qd_app::open_database(&c.database).await {
        Ok(db) => db,
        Err(p) => {
            return f.fail(
                "database",
                format!("{}; is it running, and are address and password right?", p.detail),
            );
        }
    };
    let begun = Instant::now();
    match db.pending_migrations().await {
        Ok(0) => f.ok(
            "database",
            format!(
                "{}, version {}, answers in {} ms",
                db.engine().name(),
                qd_db::MIGRATIONS.len(),
                begun.elapsed().as_millis()
            ),
        ),
        Ok(n) => f.fail("database", format!("{n} migrations are missing; run `quarterdeck migrate`")),
        Err(p) => f.fail("database", format!("{p}; is it running, and are address and password right?")),
    }
}

async fn bus(f: &mut Findings, c: &Config) {
    let BusConfig::Nats { url, .. } = &c.bus else {
        return f.ok("bus", "in process");
    };
    // NATS greets with its INFO line before anything else.
    let host = url.trim_start_matches("nats://").trim_start_matches("tls://");
    let host = host.rsplit('@').next().unwrap_or(host);
    let host = if host.contains(':') {
        host.to_string()
    } else {
        format!("{host}:4222")
    };
    match greeting(&host).await {
        Ok(line) if line.starts_with("INFO") && line.contains("\"jetstream\":true") => {
            f.ok("bus", format!("NATS at {host} with JetStream"))
        }
        Ok(line) if line.starts_with("INFO") => f.fail("bus", format!("NATS at {host} has no JetStream; start it with -js")),
        Ok(_) => f.fail("bus", format!("{host} answers, but it is not NATS")),
        Err(e) => f.fail("bus", format!("{host}: {e}; is NATS running?")),
    }
}

async fn trading(f: &mut Findings, c: &Config, env: &Env) {
    for s in &c.trading_server {
        let what = format!("trading {}", s.id);
        if matches!(s.trust, TrustConfig::AcceptAny) {
            f.warn(&what, "its certificate is not checked; pin it (trust = { pinned = FILE })");
        }
        let platform = match wiring::platform(s, env) {
            Ok(p) => p,
            Err(p) => {
                f.fail(&what, p.detail);
                continue;
            }
        };
        match tokio::time::timeout(Duration::from_secs(20), platform.server_info()).await {
            Err(_) => f.fail(&what, format!("no answer from {} within 20 s", s.base_url)),
            Ok(Err(e)) => f.fail(
                &what,
                format!(
                    "{}: {}; check address, manager login, API password and the allowed addresses",
                    e.code, e.detail
                ),
            ),
            Ok(Ok(info)) => {
                let off = info.server_time.secs_since(env.now()).abs();
                let text = format!("{} build {}, UTC{:+} min", info.name, info.build, info.utc_offset_min);
                if off > 30 {
                    f.warn(&what, format!("{text}; its clock is {off} s away from ours"));
                } else {
                    f.ok(&what, text);
                }
            }
        }
    }
}

async fn payments(f: &mut Findings, c: &Config) {
    for p in &c.psp {
        let what = format!("payments {}", p.id);
        let psp = match wiring::psp(p, &c.server.public_url) {
            Ok(x) => x,
            Err(e) => {
                f.fail(&what, e.detail);
                continue;
            }
        };
        // A read that changes nothing: a session that cannot exist is refused by name when the key is good.
        match tokio::time::timeout(Duration::from_secs(20), psp.deposit(psp.probe())).await {
            Err(_) => f.fail(&what, "no answer within 20 s"),
            Ok(Ok(_)) => f.ok(&what, "answers"),
            Ok(Err(e)) if e.fate == qd_ports::Fate::Refused && e.code == qd_ports::psp::PROBE_MISSING => {
                f.ok(&what, "answers, and takes our key")
            }
            Ok(Err(e)) if e.fate == qd_ports::Fate::Refused => f.fail(&what, format!("{}: {}; check the secret key", e.code, e.detail)),
            Ok(Err(e)) => f.fail(&what, format!("{}: {}", e.code, e.detail)),
        }
    }
}

async fn mail(f: &mut Findings, c: &Config) {
    let host = format!("{}:{}", c.mail.host, c.mail.port);
    if c.mail.tls == qd_notify::SmtpTls::Tls {
        return match tokio::time::timeout(Duration::from_secs(10), TcpStream::connect(&host)).await {
            Ok(Ok(_)) => f.ok("mail", format!("{host} takes connections")),
            Ok(Err(e)) => f.fail("mail", format!("{host}: {e}")),
            Err(_) => f.fail("mail", format!("{host}: no answer within 10 s")),
        };
    }
    match greeting(&host).await {
        Ok(line) if line.starts_with("220") => f.ok("mail", format!("{host} greets")),
        Ok(_) => f.fail("mail", format!("{host} answers, but it does not greet as a mail server")),
        Err(e) => f.fail("mail", format!("{host}: {e}; mails wait until it is back")),
    }
}

async fn greeting(host: &str) -> std::result::Result<String, String> {
    let talk = async {
        let mut s = TcpStream::connect(host).await.map_err(|e| e.to_string())?;
        let mut buf = vec![0; 8192];
        let n = s.read(&mut buf).await.map_err(|e| e.to_string())?;
        Ok(String::from_utf8_lossy(&buf[..n]).into_owned())
    };
    tokio::time::timeout(Duration::from_secs(10), talk)
        .await
        .unwrap_or_else(|_| Err("no answer within 10 s".into()))
}

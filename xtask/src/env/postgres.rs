//! A PostgreSQL cluster of our own: fresh, on 127.0.0.1 only, durable as in production (fsync on:
//! tests that pass only without it prove nothing).

use super::tools::{User, find, need, password, run, tail};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const MAX_CONNECTIONS: u32 = 200;
const START_LIMIT: Duration = Duration::from_secs(60);

pub struct Postgres {
    /// What `target/test-env` has of it: a folder, or a link to one elsewhere.
    mark: PathBuf,
    home: PathBuf,
    port: u16,
    password: String,
    child: Option<Child>,
}

impl Postgres {
    pub fn start(mark: &Path, port: u16) -> Result<Postgres, String> {
        let initdb = need("initdb", "postgresql")?;
        let postgres = need("postgres", "postgresql")?;
        let user = User::for_postgres()?;
        let home = home(mark, user)?;
        let mut server = Postgres {
            mark: mark.to_path_buf(),
            home,
            port,
            password: password(24)?,
            child: None,
        };
        let shown = server.home.display().to_string();
        let io = |e: std::io::Error| format!("cannot write into {shown}: {e}");

        let data = server.data();
        let secret = server.home.join("password");
        std::fs::write(&secret, &server.password).map_err(io)?;
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).map_err(io)?;
        if let Some(user) = user {
            chown(&secret, Some(user.uid), Some(user.gid)).map_err(io)?;
        }
        run(
            "initdb",
            User::command(user, &initdb)
                .args([
                    "--no-sync",
                    "--encoding=UTF8",
                    "--locale=C",
                    "--username=postgres",
                    "--auth=password",
                ])
                .arg(format!("--pwfile={}", secret.display()))
                .arg("-D")
                .arg(&data),
        )?;
        std::fs::remove_file(&secret).map_err(io)?;
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = ''\nmax_connections = {MAX_CONNECTIONS}\n\
             fsync = on\nsynchronous_commit = on\nshared_buffers = '128MB'\n"
        );
        let file = data.join("postgresql.conf");
        let mut text = std::fs::read_to_string(&file).map_err(io)?;
        text.push_str(&settings);
        std::fs::write(&file, text).map_err(io)?;
        let log = std::fs::File::create(server.log()).map_err(io)?;
        // Our own child, not a daemon of pg_ctl's: it is waited for, and leaves no zombie in a
        // container whose first process reaps nobody.
        let child = User::command(user, &postgres)
            .arg("-D")
            .arg(&data)
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(io)?)
            .stderr(log)
            .spawn()
            .map_err(|e| format!("postgres: {e}"))?;
        let child = server.child.insert(child);
        let since = Instant::now();
        // The file that pg_ctl waits on, too: its last line says when connections are taken.
        while !std::fs::read_to_string(data.join("postmaster.pid")).is_ok_and(|t| t.lines().any(|l| l.trim() == "ready")) {
            let ended = child.try_wait().ok().flatten();
            if ended.is_some() || since.elapsed() > START_LIMIT {
                let log = std::fs::read_to_string(server.log()).unwrap_or_default();
                return Err(format!("PostgreSQL does not start:\n{}", tail(&log)));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    pub fn url(&self) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{}/postgres", self.password, self.port)
    }

    fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    fn log(&self) -> PathBuf {
        self.home.join("log")
    }

    /// Stops whatever server runs on `mark` and removes its files.
    pub fn remove(mark: &Path) {
        let home = std::fs::canonicalize(mark).unwrap_or_else(|_| mark.to_path_buf());
        if home.join("data/postmaster.pid").exists()
            && let (Some(pg_ctl), Ok(user)) = (find("pg_ctl"), User::for_postgres())
        {
            let stopped = run(
                "pg_ctl stop",
                User::command(user, &pg_ctl)
                    .args(["stop", "-w", "-t", "60", "-m", "immediate", "-D"])
                    .arg(home.join("data")),
            );
            if let Err(why) = stopped {
                // A pid file whose server is gone: nothing runs, the files can go.
                if !why.contains("No such process") && !why.contains("not running") {
                    eprintln!("xtask env: {why}");
                }
            }
        }
        let _ = std::fs::remove_dir_all(&home);
        // `mark` may be a link to `home`.
        let _ = std::fs::remove_file(mark);
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // SIGKILL to the postmaster alone would leave its workers: let it stop them.
            let asked = Command::new("kill").args(["-QUIT", &child.id().to_string()]).status();
            if !asked.is_ok_and(|s| s.success()) {
                let _ = child.kill();
            }
            let _ = child.wait();
        }
        Postgres::remove(&self.mark);
    }
}

/// A folder that `user` may write into: `mark` itself, or one in the temporary folder, linked from
/// `mark`, when the workspace lies where `user` may not go (a home folder with mode 0700).
fn home(mark: &Path, user: Option<User>) -> Result<PathBuf, String> {
    let io = |e: std::io::Error| format!("cannot make {}: {e}", mark.display());
    std::fs::create_dir_all(mark).map_err(io)?;
    std::fs::set_permissions(mark, std::fs::Permissions::from_mode(0o700)).map_err(io)?;
    let Some(owner) = user else { return Ok(mark.to_path_buf()) };
    chown(mark, Some(owner.uid), Some(owner.gid)).map_err(io)?;
    let reached = User::command(user, Path::new("test")).arg("-w").arg(mark).status();
    if reached.is_ok_and(|s| s.success()) {
        return Ok(mark.to_path_buf());
    }
    std::fs::remove_dir(mark).map_err(io)?;
    let name = mark.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let other = std::env::temp_dir().join(format!("qd-test-env-{name}-{}", password(8)?));
    let io = |e: std::io::Error| format!("cannot make {}: {e}", other.display());
    std::fs::create_dir(&other).map_err(io)?;
    std::fs::set_permissions(&other, std::fs::Permissions::from_mode(0o700)).map_err(io)?;
    chown(&other, Some(owner.uid), Some(owner.gid)).map_err(io)?;
    std::os::unix::fs::symlink(&other, mark).map_err(io)?;
    Ok(other)
}

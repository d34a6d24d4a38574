//! Finding programs, ports, and a user who may run PostgreSQL.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// In PATH, in Debian's folder of the newest PostgreSQL, or among the system's servers.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|e| Some((e.file_name().to_str()?.parse().ok()?, e.path().join("bin"))))
        .collect();
    versions.sort();
    folders.extend(versions.into_iter().rev().map(|(_, p)| p));
    folders.extend(["/usr/sbin", "/usr/local/bin", "/usr/local/sbin"].map(PathBuf::from));
    folders.into_iter().map(|f| f.join(program)).find(|p| p.is_file())
}

pub fn need(program: &str, package: &str) -> Result<PathBuf, String> {
    find(program)
        .ok_or_else(|| format!("{program} is not installed; on Debian: apt-get install {package} (scripts/install-deps.sh does it)"))
}

/// A port that was free a moment ago.
pub fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr());
    listener.map(|a| a.port()).map_err(|e| format!("no free port on 127.0.0.1: {e}"))
}

/// `count` characters nobody can guess.
pub fn password(count: usize) -> Result<String, String> {
    use std::io::Read;
    let mut bytes = vec![0u8; count];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut f| f.read_exact(&mut bytes))
        .map_err(|e| format!("no randomness: {e}"))?;
    Ok(bytes
        .iter()
        .map(|b| char::from(b"abcdefghijkmnpqrstuvwxyz23456789"[usize::from(b & 31)]))
        .collect())
}

/// Whom to run PostgreSQL as: it refuses root.
#[derive(Clone, Copy, Debug)]
pub struct User {
    pub uid: u32,
    pub gid: u32,
}

impl User {
    /// None when the present user will do.
    pub fn for_postgres() -> Result<Option<User>, String> {
        let id = Command::new("id").arg("-u").output().map_err(|e| format!("cannot run id: {e}"))?;
        if String::from_utf8_lossy(&id.stdout).trim() != "0" {
            return Ok(None);
        }
        let passwd = std::fs::read_to_string("/etc/passwd").map_err(|e| format!("cannot read /etc/passwd: {e}"))?;
        let entry = |name: &str| {
            let line = passwd.lines().find(|l| l.split(':').next() == Some(name))?;
            let mut ids = line.split(':').skip(2).map(|n| n.parse::<u32>().ok());
            Some(User {
                uid: ids.next()??,
                gid: ids.next()??,
            })
        };
        entry("postgres")
            .or_else(|| entry("nobody"))
            .map(Some)
            .ok_or_else(|| "PostgreSQL does not run as root, and there is no user postgres or nobody: run as another user".into())
    }

    pub fn command(user: Option<User>, program: &Path) -> Command {
        let mut command = Command::new(program);
        if let Some(user) = user {
            command.uid(user.uid).gid(user.gid);
        }
        // A folder that every user may stand in; the present one may be closed to `user`.
        command.current_dir("/");
        command
    }
}

/// Runs to the end; Err carries what the program said.
pub fn run(what: &str, command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|e| format!("{what}: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(format!(
        "{what} failed ({}):\n{}",
        output.status,
        tail(&String::from_utf8_lossy(&said))
    ))
}

/// The last lines of a log, enough to see why.
pub fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

//! Signing in: proof of the password by hash, tied to the connection.

use super::params::Params;
use super::wire::{Code, Reply, s};
use crate::ConnId;
use md5::{Digest, Md5};
use qd_kernel::{Env, Ts};
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

/// A handshake must be finished within this.
const HANDSHAKE_S: i64 = 10;
/// A session without a request for this long is over.
pub const IDLE_S: i64 = 180;

fn md5(parts: &[&[u8]]) -> [u8; 16] {
    let mut h = Md5::new();
    for p in parts {
        h.update(p);
    }
    h.finalize().into()
}

/// `MD5(MD5(UTF-16LE(password)) || "WebAPI")`.
pub fn password_key(password: &str) -> [u8; 16] {
    let wide: Vec<u8> = password.encode_utf16().flat_map(u16::to_le_bytes).collect();
    md5(&[&md5(&[&wide]), b"WebAPI"])
}

/// The proof for a random number of the other side.
pub fn proof(key: &[u8; 16], random: &[u8]) -> String {
    hex::encode(md5(&[key, random]))
}

struct Handshake {
    srv_rand: [u8; 16],
    login: u64,
    started: Ts,
}

#[derive(Default)]
struct Session {
    handshake: Option<Handshake>,
    /// Signed in, and when last heard of.
    alive: Option<Ts>,
}

/// Everybody connected to one server.
pub struct Sessions {
    by_conn: Mutex<HashMap<ConnId, Session>>,
    /// The build the server says it is.
    pub build: AtomicU32,
}

impl Default for Sessions {
    fn default() -> Self {
        Sessions {
            by_conn: Mutex::default(),
            build: AtomicU32::new(super::BUILD),
        }
    }
}

pub enum Answered {
    Reply(Reply),
    Refused(Code),
    /// Bare HTTP 403.
    Forbidden,
}

impl Sessions {
    fn with<T>(&self, f: impl FnOnce(&mut HashMap<ConnId, Session>) -> T) -> T {
        f(&mut self.by_conn.lock().unwrap_or_else(|p| p.into_inner()))
    }

    /// Whether this connection is signed in; counts as a sign of life.
    pub fn alive(&self, conn: ConnId, now: Ts) -> bool {
        self.with(|m| match m.get_mut(&conn) {
            Some(Session { alive: Some(seen), .. }) if now.secs_since(*seen) < IDLE_S => {
                *seen = now;
                true
            }
            _ => false,
        })
    }

    pub fn end(&self, conn: ConnId) {
        self.with(|m| m.remove(&conn));
    }

    pub fn end_all(&self) {
        self.with(HashMap::clear);
    }

    pub fn start(&self, env: &Env, conn: Option<ConnId>, p: &Params, manager: u64) -> Answered {
        let Some(conn) = conn else { return Answered::Forbidden };
        let version = match p.int("version") {
            Ok(Some(v)) => v,
            _ => return Answered::Refused(Code::PARAMS),
        };
        if version < 484 {
            return Answered::Refused(Code::CLIENT_OLD);
        }
        if p.text(&["agent"]).is_none_or(|a| a.is_empty() || a.contains(' ')) {
            return Answered::Refused(Code::PARAMS);
        }
        if !p.text(&["type"]).is_some_and(|t| t.eq_ignore_ascii_case("manager")) {
            return Answered::Refused(Code::CLIENT_TYPE);
        }
        let Ok(login) = p.need_id(&["login"]) else {
            return Answered::Refused(Code::PARAMS);
        };
        if login != manager {
            return Answered::Refused(Code::ACCOUNT_INVALID);
        }
        let now = env.now();
        let mut srv_rand = [0u8; 16];
        env.entropy.fill(&mut srv_rand);
        self.with(|m| {
            m.retain(|_, s| {
                s.alive.is_some_and(|t| now.secs_since(t) < IDLE_S)
                    || s.handshake.as_ref().is_some_and(|h| now.secs_since(h.started) <= HANDSHAKE_S)
            });
            m.entry(conn).or_default().handshake = Some(Handshake {
                srv_rand,
                login,
                started: now,
            });
        });
        let mut r = Reply::done();
        r.beside = vec![
            ("version_access", s(self.build.load(Ordering::Relaxed))),
            ("srv_rand", s(hex::encode(srv_rand))),
        ];
        Answered::Reply(r)
    }

    pub fn answer(&self, env: &Env, conn: Option<ConnId>, p: &Params, key: &[u8; 16]) -> Answered {
        let now = env.now();
        let shake = conn.and_then(|c| self.with(|m| m.get_mut(&c)?.handshake.take()));
        let (Some(conn), Some(shake)) = (conn, shake) else {
            return Answered::Forbidden;
        };
        if now.secs_since(shake.started) > HANDSHAKE_S {
            return Answered::Forbidden;
        }
        let Some(cli_rand) = p
            .text(&["cli_rand"])
            .and_then(|t| hex::decode(t.trim()).ok())
            .filter(|b| b.len() == 16)
        else {
            return Answered::Refused(Code::PARAMS);
        };
        let want = proof(key, &shake.srv_rand);
        if shake.login == 0 || !p.text(&["srv_rand_answer"]).is_some_and(|a| a.trim().eq_ignore_ascii_case(&want)) {
            return Answered::Refused(Code::ACCOUNT_INVALID);
        }
        self.with(|m| m.entry(conn).or_default().alive = Some(now));
        let mut r = Reply::done();
        r.beside = vec![
            ("version_access", s(self.build.load(Ordering::Relaxed))),
            ("version_trade", s(self.build.load(Ordering::Relaxed))),
            ("cli_rand_answer", s(proof(key, &cli_rand))),
        ];
        Answered::Reply(r)
    }
}

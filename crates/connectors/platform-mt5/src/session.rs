//! One signed-in connection. The sign-in belongs to the socket (trading-platforms.md 1.3, 1.4):
//! losing the one means doing the other again. Requests go one after the other.
//!
//! What may be repeated: a read, once, after signing in again; a change, never, unless the
//! connection says that no byte of it had left.

use crate::auth::{Key, challenge};
use crate::wire::{self, Envelope};
use qd_kernel::{Env, Ts};
use qd_outbound::{Bytes, Method, Request, SendError, Wire, WireError, WireTarget, header};
use qd_ports::{CallError, CallResult, Fate};
use std::time::Duration;
use tokio::sync::Mutex;

/// Any number from 484 on will do; the server prints it in its journal.
const API_VERSION: &str = "3470";
/// The server closes after 180 s of silence; before a call after this much, a ping finds out.
const IDLE_BEFORE_PING_S: i64 = 20;
/// How much of an answer that can't be read is kept for the exception about it.
const RAW_KEPT: usize = 4_000;

/// What happens when the outcome is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Read,
    Change,
}

/// One command. Values in `query` get the protocol's backslashes and the URL's percent signs;
/// `body` travels as JSON and is for what must not appear in the server's log of URLs.
#[derive(Debug)]
pub(crate) struct Command {
    pub path: &'static str,
    pub effect: Effect,
    query: String,
    body: Option<String>,
}

impl Command {
    pub fn read(path: &'static str) -> Self {
        Command {
            path,
            effect: Effect::Read,
            query: String::new(),
            body: None,
        }
    }
    pub fn change(path: &'static str) -> Self {
        Command {
            path,
            effect: Effect::Change,
            query: String::new(),
            body: None,
        }
    }
    pub fn with(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.query.push(if self.query.is_empty() { '?' } else { '&' });
        self.query.push_str(name);
        self.query.push('=');
        push_value(&mut self.query, value.as_ref());
        self
    }
    pub fn with_body(mut self, members: &[(&str, &str)]) -> Self {
        let map: serde_json::Map<String, serde_json::Value> = members.iter().map(|(k, v)| ((*k).to_string(), (*v).into())).collect();
        self.body = Some(serde_json::Value::Object(map).to_string());
        self
    }
    fn request(&self) -> Result<Request<Bytes>, CallError> {
        let method = if self.body.is_some() { Method::POST } else { Method::GET };
        Request::builder()
            .method(method)
            .uri(format!("{}{}", self.path, self.query))
            .header(header::CONNECTION, "keep-alive")
            .header(header::ACCEPT, "*/*")
            // Also when the body is JSON: so the vendor's clients do, and servers look.
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Bytes::from(self.body.clone().unwrap_or_default()))
            .map_err(|_| CallError::not_sent("request_malformed", format!("{}: the request cannot be written", self.path)))
    }
}

/// Backslash before `=`, `|`, `\` and line feed, then percent-encoding; blanks as `%20`.
fn push_value(out: &mut String, value: &str) {
    for c in value.chars() {
        if matches!(c, '=' | '|' | '\\' | '\n') {
            out.push_str("%5C");
        }
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~' | ',' | '*') {
            out.push(c);
        } else {
            let mut b = [0u8; 4];
            for byte in c.encode_utf8(&mut b).bytes() {
                out.push_str(&format!("%{byte:02X}"));
            }
        }
    }
}

/// A plain yes. `answer` is None when the server found nothing (retcode 13, an empty answer).
#[derive(Debug)]
pub(crate) struct Reply {
    pub answer: Option<String>,
    /// For the exception when the answer can't be understood.
    raw: String,
}

impl Reply {
    /// The answer did not make sense after all.
    pub fn unreadable(&self, path: &str, why: impl std::fmt::Display) -> CallError {
        CallError::unreadable(format!("{path}: {why}"), cut(&self.raw))
    }
}

pub(crate) fn cut(text: &str) -> String {
    text.chars().take(RAW_KEPT).collect()
}

/// Where and as whom.
pub(crate) struct SignIn {
    pub target: WireTarget,
    pub manager_login: u64,
    pub key: Key,
    pub agent: String,
}

pub(crate) struct Session {
    sign_in: SignIn,
    env: Env,
    /// `reads` or `changes`, for the log.
    name: &'static str,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    wire: Option<Wire>,
    /// When the server was last heard of, by our clock; the wire counts by the machine's. Either
    /// may be the one that knows (a machine that slept, a clock that was moved).
    heard_at: Ts,
    backoff: Backoff,
    build: String,
}

impl Session {
    pub fn new(sign_in: SignIn, env: Env, name: &'static str) -> Session {
        Session {
            sign_in,
            env,
            name,
            state: Mutex::new(State::default()),
        }
    }

    /// The server's build as it said at the last sign-in; empty before the first.
    pub async fn build(&self) -> String {
        self.state.lock().await.build.clone()
    }

    pub async fn call(&self, cmd: &Command) -> CallResult<Reply> {
        let mut state = self.state.lock().await;
        let mut second = false;
        loop {
            let again = cmd.effect == Effect::Read && !second;
            let wire = self.ready(&mut state).await?;
            let sent = wire.send(cmd.request()?).await;
            let answer = match sent {
                Ok(a) => a,
                Err(WireError::NotSent(c)) => return Err(CallError::not_sent(c.code, format!("{}: {}", cmd.path, c.detail))),
                Err(WireError::Closed) => {
                    state.wire = None;
                    if second {
                        return Err(CallError::not_sent(
                            "connection_lost",
                            format!("{}: the connection ends before requests leave", cmd.path),
                        ));
                    }
                    second = true;
                    continue;
                }
                Err(WireError::Unknown(c)) => {
                    state.wire = None;
                    // Reading the same flood again would drown again.
                    if again && c.code != "too_large" {
                        second = true;
                        continue;
                    }
                    return Err(CallError::unknown(c.code, format!("{}: {}", cmd.path, c.detail)));
                }
            };
            match answer.status.as_u16() {
                200 => {}
                status @ (401 | 403) => {
                    state.wire = None;
                    if again {
                        second = true;
                        continue;
                    }
                    let detail = format!("{}: HTTP {status}; the session was lost or the manager lacks the right", cmd.path);
                    return Err(match cmd.effect {
                        Effect::Read => CallError::refused("unauthorised", detail),
                        Effect::Change => CallError::unknown("unauthorised", detail),
                    });
                }
                status => {
                    state.wire = None;
                    let mut e = CallError::unknown(format!("http_{status}"), format!("{}: HTTP {status}", cmd.path));
                    e.raw = Some(cut(&answer.text()));
                    return Err(e);
                }
            }
            let text = answer.text().into_owned();
            let (code, words, found) = match Envelope::read(&text) {
                Ok(e) => (e.code(), e.retcode.text().to_string(), e.answer.map(|a| a.get().to_string())),
                Err(why) => {
                    // What else is on this connection can't be known.
                    state.wire = None;
                    return Err(CallError::unreadable(format!("{}: {why}", cmd.path), cut(&text)));
                }
            };
            let Some(code) = code else {
                return Err(CallError::unreadable(format!("{}: no number in retcode", cmd.path), cut(&text)));
            };
            match verdict(code, cmd.effect) {
                Verdict::Yes => {
                    return Ok(Reply {
                        answer: found.filter(|a| !wire::is_empty(a)),
                        raw: text,
                    });
                }
                Verdict::Nothing => return Ok(Reply { answer: None, raw: text }),
                Verdict::SessionLost => {
                    state.wire = None;
                    if again {
                        second = true;
                        continue;
                    }
                    return Err(CallError::unknown(code.to_string(), format!("{}: {words}", cmd.path)));
                }
                Verdict::No(fate) => return Err(CallError::new(fate, code.to_string(), format!("{}: {words}", cmd.path))),
            }
        }
    }

    /// A signed-in wire that was heard from lately. Every failure is "not sent".
    async fn ready<'a>(&self, state: &'a mut State) -> CallResult<&'a mut Wire> {
        let now = self.env.now();
        let lately = (0..IDLE_BEFORE_PING_S).contains(&now.secs_since(state.heard_at));
        state.heard_at = now;
        if let Some(mut wire) = state.wire.take()
            && wire.is_open()
            && ((lately && wire.idle() < Duration::from_secs(IDLE_BEFORE_PING_S.unsigned_abs())) || ping(&mut wire).await)
        {
            return Ok(state.wire.insert(wire));
        }
        state.backoff.check(now)?;
        match self.sign_in().await {
            Ok((wire, build)) => {
                state.backoff = Backoff::default();
                state.build = build;
                Ok(state.wire.insert(wire))
            }
            Err(e) => {
                tracing::warn!(server = %self.sign_in.target.base, session = self.name, code = %e.code, detail = %e.detail, "sign-in failed");
                state.backoff.failed(&e, now, &self.env);
                Err(e)
            }
        }
    }

    async fn sign_in(&self) -> CallResult<(Wire, String)> {
        let who = &self.sign_in;
        let mut wire = Wire::open(&who.target).await.map_err(|e| {
            let (SendError::NotSent(c) | SendError::Unknown(c)) = e;
            CallError::not_sent(c.code, c.detail)
        })?;
        let start = Command::read("/api/auth/start")
            .with("version", API_VERSION)
            .with("agent", &who.agent)
            .with("login", who.manager_login.to_string())
            .with("type", "manager");
        let text = step(&mut wire, &start).await?;
        let e = read_step(&start, &text)?;
        let build = e.version_access.text().to_string();
        let srv_rand = challenge(e.srv_rand.text())
            .ok_or_else(|| CallError::not_sent("unreadable_answer", "auth/start: srv_rand is not 16 bytes in hex"))?;

        let mut ours = [0u8; 16];
        self.env.entropy.fill(&mut ours);
        let finish = Command::read("/api/auth/answer")
            .with("srv_rand_answer", who.key.answer(&srv_rand))
            .with("cli_rand", hex::encode(ours));
        let text = step(&mut wire, &finish).await?;
        let e = read_step(&finish, &text)?;
        if !e.cli_rand_answer.text().eq_ignore_ascii_case(&who.key.answer(&ours)) {
            // It let us in without knowing the password: not the server we think it is.
            return Err(CallError::not_sent(
                "server_unproven",
                "auth/answer: the server could not prove that it knows the password",
            ));
        }
        let build = e.version_trade.filled().map_or(build, str::to_string);
        Ok((wire, build))
    }
}

async fn ping(wire: &mut Wire) -> bool {
    let Ok(req) = Command::read("/api/test/access").request() else {
        return false;
    };
    match wire.send(req).await {
        Ok(r) => r.status.as_u16() == 200 && Envelope::read(&r.text()).is_ok_and(|e| matches!(e.code(), Some(0 | 1))),
        Err(_) => false,
    }
}

async fn step(wire: &mut Wire, cmd: &Command) -> CallResult<String> {
    let answer = wire.send(cmd.request()?).await.map_err(|e| match e {
        WireError::NotSent(c) | WireError::Unknown(c) => CallError::not_sent(c.code, format!("{}: {}", cmd.path, c.detail)),
        WireError::Closed => CallError::not_sent("connection_lost", format!("{}: the server closed the connection", cmd.path)),
    })?;
    match answer.status.as_u16() {
        200 => Ok(answer.text().into_owned()),
        status @ (401 | 403) => Err(CallError::not_sent("unauthorised", format!("{}: HTTP {status}", cmd.path))),
        status => Err(CallError::not_sent(
            format!("http_{status}"),
            format!("{}: HTTP {status}", cmd.path),
        )),
    }
}

fn read_step<'a>(cmd: &Command, text: &'a str) -> CallResult<Envelope<'a>> {
    let e = Envelope::read(text).map_err(|why| CallError::not_sent("unreadable_answer", format!("{}: {why}", cmd.path)))?;
    match e.code() {
        Some(0 | 1) => Ok(e),
        // Wrong password, blocked address, no right to use the API: an operator must act.
        Some(8 | 1000..=1034) => Err(CallError::not_sent("unauthorised", format!("{}: {}", cmd.path, e.retcode.text()))),
        _ => Err(CallError::not_sent("sign_in_failed", format!("{}: {}", cmd.path, e.retcode.text()))),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Yes,
    Nothing,
    SessionLost,
    No(Fate),
}

/// The return codes of trading-platforms.md 1.11, by what they say about the effect. A code that
/// is not known to be a refusal leaves a change unknown.
fn verdict(code: i64, effect: Effect) -> Verdict {
    let change = effect == Effect::Change;
    match code {
        // 10009 is what the native call says for done; 14 comes with the first 5000 of a list.
        0 | 1 | 10_009 => Verdict::Yes,
        14 if !change => Verdict::Yes,
        13 | 5_003 if !change => Verdict::Nothing,
        10 => Verdict::SessionLost,
        // Wrong parameters, no right, not there, sign-in trouble; configuration, users, trade limits.
        3 | 4 | 8 | 13 | 1_000..=1_017 | 1_019..=1_034 | 2_000..=2_021 | 3_001..=3_019 | 4_001..=4_009 => Verdict::No(Fate::Refused),
        // Closed market, moving prices, too many requests, locked: no for now.
        10_004 | 10_018 | 10_020 | 10_021 | 10_023 | 10_024 | 10_028 | 10_029 => Verdict::No(Fate::RefusedForNow),
        10_006 | 10_007 | 10_013..=10_017 | 10_019 | 10_022 | 10_025..=10_027 | 10_030 | 10_032..=10_046 => Verdict::No(Fate::Refused),
        // Not implemented, wrong server, not supported.
        12_000..=12_002 => Verdict::No(Fate::Refused),
        // Disk, memory, network, time-out, busy, shutting down: for a read, later; for a change,
        // nobody knows how far it got.
        2 | 5..=7 | 9 | 11 | 12 | 15 | 16 | 1_018 | 10_012 | 10_031 | 12_003 | 12_004 if !change => Verdict::No(Fate::RefusedForNow),
        _ => Verdict::No(Fate::Unknown),
    }
}

/// Pause after failed sign-ins, so that a server that is down is not hammered and an account with
/// a wrong password is not locked.
#[derive(Default)]
struct Backoff {
    failures: u32,
    until: Ts,
    last: Option<CallError>,
}

impl Backoff {
    fn check(&self, now: Ts) -> CallResult<()> {
        let left_ms = (self.until.0 - now.0) / 1_000;
        // A clock that was turned back must not lock us out for longer than any pause lasts.
        match &self.last {
            Some(e) if left_ms > 0 && left_ms <= 150_000 => {
                let mut e = e.clone();
                e.detail = format!("{}; next attempt in {} s", e.detail, left_ms / 1_000 + 1);
                Err(e)
            }
            _ => Ok(()),
        }
    }

    /// Refused credentials: 5 s, doubling to 2 min. Anything else: 0.5 s, doubling to 30 s.
    /// Each ±20 %, so that several nodes don't knock together.
    fn failed(&mut self, e: &CallError, now: Ts, env: &Env) {
        let (first_ms, most_ms) = if matches!(e.code.as_str(), "unauthorised" | "server_unproven") {
            (5_000, 120_000)
        } else {
            (500, 30_000)
        };
        let pause_ms = (first_ms << self.failures.min(8)).min(most_ms);
        let jitter = i64::try_from(env.entropy.below(401)).unwrap_or(200) + 800;
        self.failures = self.failures.saturating_add(1);
        self.until = now.plus_millis(pause_ms * jitter / 1_000);
        self.last = Some(e.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_get_backslashes_and_percent_signs() {
        let c = Command::read("/api/x")
            .with("group", "demo\\forex usd")
            .with("comment", "a=b|c\nü")
            .with("login", "1,2");
        assert_eq!(
            c.query,
            "?group=demo%5C%5Cforex%20usd&comment=a%5C%3Db%5C%7Cc%5C%0A%C3%BC&login=1,2"
        );
    }

    #[test]
    fn a_code_says_what_it_says_about_the_effect() {
        use Effect::{Change, Read};
        assert_eq!(verdict(0, Change), Verdict::Yes);
        assert_eq!(verdict(10_009, Change), Verdict::Yes);
        assert_eq!(verdict(13, Read), Verdict::Nothing);
        assert_eq!(verdict(13, Change), Verdict::No(Fate::Refused));
        assert_eq!(verdict(14, Read), Verdict::Yes);
        assert_eq!(verdict(10_019, Change), Verdict::No(Fate::Refused));
        assert_eq!(verdict(10_018, Change), Verdict::No(Fate::RefusedForNow));
        for lost in [
            2, 5, 7, 9, 12, 14, 15, 17, 1_018, 10_001, 10_002, 10_008, 10_010, 10_012, 10_031, 12_003, 77, 99_999,
        ] {
            assert_eq!(verdict(lost, Change), Verdict::No(Fate::Unknown), "{lost}");
        }
        for later in [5, 9, 12, 1_018, 10_031] {
            assert_eq!(verdict(later, Read), Verdict::No(Fate::RefusedForNow), "{later}");
        }
        assert_eq!(verdict(10, Read), Verdict::SessionLost);
    }

    #[test]
    fn the_pause_grows_ends_and_does_not_outlive_a_clock_turned_back() {
        let env = Env::seeded(1, Ts::from_secs(1_000));
        let mut b = Backoff::default();
        let now = Ts::from_secs(1_000);
        let down = CallError::not_sent("connect_failed", "x");
        b.failed(&down, now, &env);
        assert_eq!(b.check(now).unwrap_err().code, "connect_failed");
        assert!(b.check(now.plus_millis(601)).is_ok());
        for _ in 0..20 {
            b.failed(&down, now, &env);
        }
        assert!(b.check(now.plus_secs(23)).is_err());
        assert!(b.check(now.plus_secs(37)).is_ok());
        assert!(b.check(Ts::from_secs(10)).is_ok());
        let mut b = Backoff::default();
        b.failed(&CallError::not_sent("unauthorised", "x"), now, &env);
        assert!(b.check(now.plus_secs(3)).is_err() && b.check(now.plus_secs(7)).is_ok());
    }
}

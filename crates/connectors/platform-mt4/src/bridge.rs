//! One bridge: its token, its calls, and what an answer says about the effect.

use qd_connector_kit::{Scalar, cut, unreadable};
use qd_kernel::{Env, Secret, Ts};
use qd_outbound::{Bytes, Client, Method, Request, SendError};
use qd_ports::platform::NO_FREE_MARGIN;
use qd_ports::{CallError, CallResult, Fate};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Asked for again this long before it ends.
const TOKEN_MARGIN_S: i64 = 60;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Read,
    Change,
}

pub(crate) struct Bridge {
    pub base: String,
    pub client_id: String,
    pub secret: Secret,
    /// The trade platform's name at the bridge, or its id.
    pub platform: String,
    pub client: Client,
    pub env: Env,
    pub token: tokio::sync::Mutex<Option<(Secret, Ts)>>,
    pub place: tokio::sync::Mutex<Option<Place>>,
}

/// Where the platform's paths begin, and the build the bridge states for it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub id: String,
    pub build: String,
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
    #[serde(default)]
    expires_in: Scalar,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<Failure>,
    #[serde(borrow, default)]
    meta: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Failure {
    code: String,
    manager_code: Scalar,
    message: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Meta {
    paging: Paging,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Paging {
    next_cursor: Option<String>,
    has_more: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Listed {
    id: Scalar,
    name: Scalar,
    build: Scalar,
}

/// The data of a good answer, as text.
pub(crate) struct Reply {
    pub path: String,
    pub data: Option<String>,
    pub next: Option<String>,
}

impl Reply {
    pub fn read<T: for<'a> Deserialize<'a>>(&self) -> CallResult<T> {
        let text = self.data.as_deref().unwrap_or("null");
        // Records are full of personal data: only what is wrong is shown.
        serde_json::from_str(text).map_err(|why| CallError::unreadable(format!("{}: {why}", self.path), ""))
    }
    pub fn wrong(&self, why: impl std::fmt::Display) -> CallError {
        CallError::unreadable(format!("{}: {why}", self.path), "")
    }
}

/// What does not come back from a change may have happened.
fn lost(kind: Kind, mut e: CallError) -> CallError {
    if kind == Kind::Read && e.fate == Fate::Unknown {
        e.fate = Fate::RefusedForNow;
    }
    e
}

impl Bridge {
    async fn token(&self) -> CallResult<Secret> {
        let mut kept = self.token.lock().await;
        let now = self.env.now();
        if let Some((t, until)) = &*kept
            && *until > now
        {
            return Ok(t.clone());
        }
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}",
            escaped(&self.client_id),
            escaped(self.secret.expose())
        );
        let req = Request::builder()
            .method(Method::POST)
            .uri(format!("{}/connect/token", self.base))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(form))
            .map_err(|_| CallError::not_sent("request_malformed", "connect/token: the request cannot be written"))?;
        let answer = self.client.send(req).await.map_err(|e| {
            let c = e.cause();
            CallError::not_sent(c.code, c.detail.clone())
        })?;
        if answer.status.as_u16() != 200 {
            return Err(CallError::not_sent(
                "unauthorised",
                format!("connect/token: HTTP {}", answer.status.as_u16()),
            ));
        }
        let t: Token = serde_json::from_str(&answer.text())
            .map_err(|why| CallError::not_sent("unreadable_answer", format!("connect/token: {why}")))?;
        let secret = Secret::new(t.access_token);
        let lives = t.expires_in.int().unwrap_or(TOKEN_MARGIN_S * 2);
        *kept = Some((secret.clone(), now.plus_secs((lives - TOKEN_MARGIN_S).max(1))));
        Ok(secret)
    }

    async fn send(&self, kind: Kind, method: Method, path: &str, key: Option<&str>, body: &str) -> CallResult<Reply> {
        let named = path
            .split('?')
            .next()
            .unwrap_or(path)
            .rsplit("/MT4/")
            .next()
            .unwrap_or(path)
            .to_string();
        for again in [true, false] {
            let token = self.token().await?;
            let mut req = Request::builder()
                .method(method.clone())
                .uri(format!("{}{path}", self.base))
                .header("authorization", format!("Bearer {}", token.expose()))
                .header("content-type", "application/json");
            if let Some(k) = key {
                req = req.header("idempotency-key", k);
            }
            let req = req
                .body(Bytes::from(body.to_string()))
                .map_err(|_| CallError::not_sent("request_malformed", format!("{named}: the request cannot be written")))?;
            let answer = match self.client.send(req).await {
                Ok(a) => a,
                Err(SendError::NotSent(c)) => return Err(CallError::not_sent(c.code, c.detail)),
                Err(SendError::Unknown(c)) => return Err(lost(kind, CallError::unknown(c.code, c.detail))),
            };
            let status = answer.status.as_u16();
            if status == 401 {
                *self.token.lock().await = None;
                // A read is asked again with a new token; of a change nobody knows how far it came.
                if kind == Kind::Read && again {
                    continue;
                }
            }
            if status != 200 {
                let mut e = CallError::unknown(format!("http_{status}"), format!("{named}: HTTP {status} without an envelope"));
                e.raw = (status != 401).then(|| cut(&answer.text()));
                return Err(lost(kind, e));
            }
            let not_started = answer.header("x-request-outcome") == Some("not-started");
            return envelope(&named, &answer.text()).map_err(|mut e| {
                if not_started && e.fate == Fate::Unknown {
                    e.fate = Fate::NotSent;
                }
                lost(kind, e)
            });
        }
        Err(CallError::refused("unauthorised", format!("{named}: the token is not accepted")))
    }

    /// The platform's place at the bridge, looked up once.
    pub async fn place(&self) -> CallResult<Place> {
        let mut kept = self.place.lock().await;
        if let Some(p) = &*kept {
            return Ok(p.clone());
        }
        let p = self.find_place().await?;
        *kept = Some(p.clone());
        Ok(p)
    }

    pub async fn find_place(&self) -> CallResult<Place> {
        let reply = self.send(Kind::Read, Method::GET, "/api/TradePlatforms", None, "").await?;
        let all: Vec<Listed> = reply.read()?;
        let found = all
            .into_iter()
            .find(|p| p.name.text() == self.platform || p.id.text() == self.platform);
        let found = found.ok_or_else(|| {
            let detail = format!("the bridge has no platform named {}", self.platform);
            CallError::refused_for_now("platform_unknown", detail)
        })?;
        Ok(Place {
            id: found.id.text().to_string(),
            build: found.build.text().to_string(),
        })
    }

    pub async fn get(&self, call: &str) -> CallResult<Reply> {
        let place = self.place().await?;
        self.send(Kind::Read, Method::GET, &format!("/api/v2/MT4/{}/{call}", place.id), None, "")
            .await
    }

    /// Asks, by a POST that changes nothing.
    pub async fn ask(&self, call: &str, body: &str) -> CallResult<Reply> {
        let place = self.place().await?;
        self.send(Kind::Read, Method::POST, &format!("/api/v2/MT4/{}/{call}", place.id), None, body)
            .await
    }

    pub async fn change(&self, method: Method, call: &str, key: Option<&str>, body: &str) -> CallResult<Reply> {
        // Whatever becomes of the look-up, the change did not leave.
        let place = self.place().await.map_err(crate::before_sending)?;
        self.send(Kind::Change, method, &format!("/api/v2/MT4/{}/{call}", place.id), key, body)
            .await
    }

    /// Every page of a list.
    pub async fn pages<T: for<'a> Deserialize<'a>>(&self, call: &str) -> CallResult<Vec<T>> {
        let mut out = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let sign = if call.contains('?') { '&' } else { '?' };
            let path = cursor
                .as_deref()
                .map_or_else(|| call.to_string(), |c| format!("{call}{sign}cursor={}", escaped(c)));
            let reply = self.get(&path).await?;
            out.extend(reply.read::<Vec<T>>()?);
            if reply.next.is_none() {
                return Ok(out);
            }
            if reply.next == cursor {
                return Err(reply.wrong("a page names itself as the next"));
            }
            cursor = reply.next;
        }
    }
}

pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

fn envelope(path: &str, text: &str) -> CallResult<Reply> {
    let e: Envelope<'_> = serde_json::from_str(text).map_err(|why| unreadable(path, why, text))?;
    if let Some(f) = e.error.filter(|f| !matches!(f.code.as_str(), "" | "Ok")) {
        return Err(failed(path, &f));
    }
    let meta: Meta = match e.meta {
        Some(m) => serde_json::from_str(m.get()).map_err(|why| unreadable(path, why, text))?,
        None => Meta::default(),
    };
    Ok(Reply {
        path: path.to_string(),
        data: e.data.map(|d| d.get().to_string()).filter(|d| d != "null"),
        next: meta.paging.next_cursor.filter(|_| meta.paging.has_more),
    })
}

/// Only what is known to be a refusal is one (trading-platforms.md 3.2 and 3.5).
fn failed(path: &str, f: &Failure) -> CallError {
    let manager = f.manager_code.int();
    let code = match (f.code.as_str(), manager) {
        ("MT4Error", Some(134)) => NO_FREE_MARGIN.to_string(),
        ("MT4Error", Some(n)) => n.to_string(),
        (c, _) => c.to_string(),
    };
    let fate = match (f.code.as_str(), manager) {
        ("Validation" | "Forbidden" | "NotFound", _) => Fate::Refused,
        ("NoConnect" | "Busy", _) => Fate::RefusedForNow,
        ("MT4Error", Some(6 | 8 | 137 | 141 | 146)) => Fate::RefusedForNow,
        ("MT4Error", Some(2 | 3 | 5 | 7 | 10 | 11 | 64 | 65 | 66 | 129..=135 | 139 | 140 | 145 | 147..=150)) => Fate::Refused,
        _ => Fate::Unknown,
    };
    CallError::new(fate, code, format!("{path}: {} {}", f.code, f.message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_no_is_a_no() {
        let fate = |text: &str| envelope("x", text).map(|_| ()).map_err(|e| (e.fate, e.code));
        assert_eq!(fate(r#"{"data":{"order":1},"error":null,"meta":{}}"#), Ok(()));
        let of = |code: &str, n: i64| {
            fate(&format!(
                r#"{{"data":null,"error":{{"code":"{code}","managerCode":{n},"message":"m"}}}}"#
            ))
            .unwrap_err()
        };
        assert_eq!(of("MT4Error", 134), (Fate::Refused, NO_FREE_MARGIN.into()));
        assert_eq!(of("MT4Error", 128).0, Fate::Unknown);
        assert_eq!(of("MT4Error", 142).0, Fate::Unknown);
        assert_eq!(of("MT4Error", 999).0, Fate::Unknown);
        assert_eq!(of("MT4Error", 137).0, Fate::RefusedForNow);
        assert_eq!(of("NoConnect", 6).0, Fate::RefusedForNow);
        assert_eq!(of("OutcomeUnknown", 0).0, Fate::Unknown);
        assert_eq!(of("Timeout", 128).0, Fate::Unknown);
        assert_eq!(of("Internal", 0).0, Fate::Unknown);
        assert_eq!(of("Validation", 3), (Fate::Refused, "Validation".into()));
        assert_eq!(fate("<html>").unwrap_err(), (Fate::Unknown, "unreadable_answer".into()));
        assert_eq!(escaped("a b/ü"), "a%20b%2F%C3%BC");
    }
}

//! MetaTrader 4 behind an HTTP bridge: token, envelope and calls named after the Manager API, over
//! the books of the sandbox's trade servers. Every server of the sandbox is a trade platform of the
//! bridge by its name; market, trading and control are those of [`crate::mt5`]. What differs is what
//! MT4 is: one row per order with opening and closing in it, server time, no margin check of money
//! operations. Faults: provider `mt4`, target the call's name.

mod calls;
mod rows;

use crate::{Fault, FaultKind, Shared, conn, mt5};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use qd_kernel::Ts;
use rows::quoted;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// The build the bridge states for its platforms.
pub const BUILD: u32 = 1_420;
const TOKEN_S: i64 = 3_600;
const PAGE: usize = 500;

pub struct Mt4 {
    shared: Arc<Shared>,
    mt5: Arc<mt5::Mt5>,
    tokens: Mutex<HashMap<String, Ts>>,
    /// Answers kept by server and idempotency key.
    answers: Mutex<HashMap<(String, String), String>>,
    /// Where each sync begins, in milliseconds of the wall clock.
    syncs: Mutex<HashMap<String, i64>>,
}

fn held<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(|p| p.into_inner())
}

impl Mt4 {
    pub fn start(shared: Arc<Shared>, mt5: Arc<mt5::Mt5>) -> Arc<Mt4> {
        Arc::new(Mt4 {
            shared,
            mt5,
            tokens: Mutex::default(),
            answers: Mutex::default(),
            syncs: Mutex::default(),
        })
    }

    /// Mounted at `/mt4`.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/connect/token", post(token))
            .route("/api/TradePlatforms", get(platforms))
            .route("/api/v2/MT4/{platform}/{*call}", any(call))
            .with_state(self.clone())
    }

    fn server(&self, platform: &str) -> Option<Arc<mt5::Server>> {
        let named = self
            .shared
            .cfg
            .mt5
            .iter()
            .find(|s| id_of(&s.name) == platform || s.name == platform);
        named.and_then(|s| self.mt5.server(&s.name))
    }

    fn let_in(&self, h: &HeaderMap) -> bool {
        let now = self.shared.env.now();
        let given = h
            .get(header::AUTHORIZATION)
            .and_then(|v| v.to_str().ok())
            .and_then(|v| v.strip_prefix("Bearer "));
        given.is_some_and(|t| held(&self.tokens).get(t).is_some_and(|until| *until > now))
    }
}

/// A stable id that looks like the bridge's own.
fn id_of(name: &str) -> String {
    let h = hex::encode(Sha256::digest(name.as_bytes()));
    format!("{}-{}-{}-{}-{}", &h[..8], &h[8..12], &h[12..16], &h[16..20], &h[20..32])
}

fn json(body: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], body).into_response()
}

fn good(data: &str, next: Option<String>) -> String {
    let cursor = next.as_deref().map_or_else(|| "null".into(), quoted);
    format!(
        "{{\"data\":{data},\"error\":null,\"meta\":{{\"activityId\":\"sandbox\",\"paging\":{{\"nextCursor\":{cursor},\"hasMore\":{}}}}}}}",
        next.is_some()
    )
}

fn bad((code, manager, words): calls::No) -> String {
    let (code, words) = (quoted(code), quoted(words));
    format!(
        "{{\"data\":null,\"error\":{{\"code\":{code},\"managerCode\":{manager},\"message\":{words}}},\"meta\":{{\"activityId\":\"sandbox\"}}}}"
    )
}

fn paged(all: &[String], q: &HashMap<String, String>) -> String {
    let from = q.get("cursor").and_then(|c| c.parse::<usize>().ok()).unwrap_or(0);
    let end = (from + PAGE).min(all.len());
    let page = all.get(from..end).unwrap_or_default().join(",");
    good(&format!("[{page}]"), (end < all.len()).then(|| end.to_string()))
}

async fn discovery(State(m): State<Arc<Mt4>>) -> Response {
    let at = format!("{}/mt4/connect/token", m.shared.cfg.public_base);
    json(format!("{{\"token_endpoint\":{}}}", quoted(&at)))
}

#[derive(Deserialize)]
struct Grant {
    grant_type: String,
    client_id: String,
    client_secret: String,
}

/// The client is a server's manager, by login and password.
async fn token(State(m): State<Arc<Mt4>>, body: Bytes) -> Response {
    let Ok(Query(g)) = Query::<Grant>::try_from_uri(&uri_of(&body)) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let mut managers = m.shared.cfg.mt5.iter();
    let known = managers.any(|s| s.manager_login.to_string() == g.client_id && s.manager_password == g.client_secret);
    if g.grant_type != "client_credentials" || !known {
        return (StatusCode::BAD_REQUEST, "{\"error\":\"invalid_client\"}").into_response();
    }
    let mut raw = [0u8; 24];
    m.shared.env.entropy.fill(&mut raw);
    let t = hex::encode(raw);
    held(&m.tokens).insert(t.clone(), m.shared.env.now().plus_secs(TOKEN_S));
    json(format!(
        "{{\"access_token\":\"{t}\",\"token_type\":\"Bearer\",\"expires_in\":{TOKEN_S}}}"
    ))
}

/// A form is what a query is.
fn uri_of(form: &[u8]) -> axum::http::Uri {
    let text = String::from_utf8_lossy(form);
    format!("/?{}", text.trim()).parse().unwrap_or_default()
}

async fn platforms(State(m): State<Arc<Mt4>>, h: HeaderMap) -> Response {
    if !m.let_in(&h) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let one = |name: &str| {
        format!(
            "{{\"id\":\"{}\",\"name\":{},\"platform\":\"MT4\",\"build\":{BUILD}}}",
            id_of(name),
            quoted(name)
        )
    };
    let all: Vec<String> = m.shared.cfg.mt5.iter().map(|s| one(&s.name)).collect();
    json(good(&format!("[{}]", all.join(",")), None))
}

struct Call {
    method: Method,
    name: String,
    rest: String,
    query: HashMap<String, String>,
    key: Option<String>,
    body: Bytes,
}

async fn call(
    State(m): State<Arc<Mt4>>,
    Path((platform, path)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
    method: Method,
    h: HeaderMap,
    body: Bytes,
) -> Response {
    if !m.let_in(&h) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let Some(s) = m.server(&platform) else {
        return json(bad(("NotFound", 0, "no such trade platform")));
    };
    let (name, rest) = path.split_once('/').unwrap_or((&path, ""));
    let c = Call {
        method,
        name: name.into(),
        rest: rest.into(),
        query,
        key: h.get("idempotency-key").and_then(|v| v.to_str().ok()).map(str::to_string),
        body,
    };
    // What was begun is finished, also when the client hangs up meanwhile.
    let done = tokio::spawn(async move { handle(&m, &s, &c).await }).await;
    done.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

async fn handle(m: &Mt4, s: &mt5::Server, c: &Call) -> Response {
    let fault = m.shared.faults.take("mt4", &s.cfg.name, &c.name, |_| true);
    match fault.as_ref().map(|f| (f.kind, f)) {
        Some((FaultKind::Down | FaultKind::DropBefore, _)) => return conn::drop_connection(),
        Some((FaultKind::Forbidden, _)) => return StatusCode::UNAUTHORIZED.into_response(),
        Some((FaultKind::Refuse, f)) => {
            let code = f.value.as_deref().and_then(|v| v.parse().ok()).unwrap_or(2);
            return json(bad(("MT4Error", code, "refused by order")));
        }
        Some((FaultKind::SlowBefore, f)) => tokio::time::sleep(f.delay(3_000)).await,
        _ => {}
    }
    let key = c.key.as_ref().map(|k| (s.cfg.name.clone(), k.clone()));
    let kept = key.as_ref().and_then(|k| held(&m.answers).get(k).cloned());
    let answer = kept.unwrap_or_else(|| {
        let a = calls::run(m, s, c);
        if let Some(k) = key {
            held(&m.answers).insert(k, a.clone());
        }
        a
    });
    match fault.as_ref().map(|f: &Fault| (f.kind, f)) {
        Some((FaultKind::DropAfter, _)) => conn::drop_connection(),
        Some((FaultKind::Garbage, _)) => json("{\"data\":{\"or".into()),
        Some((FaultKind::Slow, f)) => {
            tokio::time::sleep(f.delay(3_000)).await;
            json(answer)
        }
        _ => json(answer),
    }
}

//! A request bin: takes whatever is sent to `/bin/{id}` and shows what arrived. For postbacks and
//! webhooks, whose receivers we do not have. What it answers is to order.

use crate::Shared;
use crate::control::{Answer, ok, read};
use crate::store::Batch;
use crate::stripe::escape;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{any, get, post};
use qd_kernel::{Result, id};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// How many requests are kept of all bins; the oldest goes first.
const KEEP: usize = 5_000;
const KIND: &str = "bin";
/// Characters of a body that are kept.
const MAX_BODY: usize = 64 * 1024;

id!(RequestId, "req", "A request in a bin; ids sort by the time of arrival.");

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    id: String,
    bin: String,
    method: String,
    /// Behind the bin's own path.
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: String,
    answered: u16,
    received_at_us: i64,
}

/// What a bin answers next.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    #[serde(default = "ok_status")]
    status: u16,
    /// How often; then 200 again. Without it, until it is changed.
    #[serde(default)]
    count: Option<u32>,
    #[serde(default)]
    delay_ms: u64,
    #[serde(default)]
    location: Option<String>,
    #[serde(default)]
    body: Option<String>,
}

fn ok_status() -> u16 {
    200
}

pub struct Bins {
    shared: Arc<Shared>,
    /// Oldest first.
    kept: Mutex<VecDeque<Kept>>,
    orders: Mutex<HashMap<String, Order>>,
}

type At = State<Arc<Bins>>;

impl Bins {
    pub fn start(shared: Arc<Shared>) -> Result<Arc<Bins>> {
        let kept = shared.books.load::<Kept>(KIND)?.into_iter().map(|(_, k)| k).collect();
        Ok(Arc::new(Bins {
            shared,
            kept: Mutex::new(kept),
            orders: Mutex::default(),
        }))
    }

    /// `/bin/{id}` takes, `/bins/{id}` shows.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/bin/{id}", any(take))
            .route("/bin/{id}/{*path}", any(take_below))
            .route("/bins/{id}", get(page))
            .route("/bins/{id}/requests", get(list).delete(clear))
            .with_state(self.clone())
    }

    /// Below `/control/bin`.
    pub fn control(self: &Arc<Self>) -> Router {
        Router::new().route("/{id}", post(order)).with_state(self.clone())
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        self.kept.lock().unwrap_or_else(|p| p.into_inner())
    }

    fn next_answer(&self, bin: &str) -> Order {
        let plain = Order {
            status: 200,
            count: None,
            delay_ms: 0,
            location: None,
            body: None,
        };
        let mut orders = self.orders.lock().unwrap_or_else(|p| p.into_inner());
        let Some(o) = orders.get_mut(bin) else { return plain };
        let now = o.clone();
        if let Some(n) = &mut o.count {
            *n = n.saturating_sub(1);
            if *n == 0 {
                orders.remove(bin);
            }
        }
        now
    }

    fn keep(&self, k: Kept) -> Result<()> {
        let mut all = self.lock();
        let mut batch = Batch::default();
        batch.put(KIND, &k.id, &k)?;
        let surplus = (all.len() + 1).saturating_sub(KEEP);
        for old in all.iter().take(surplus) {
            batch.remove(KIND, &old.id);
        }
        self.shared.books.write(batch)?;
        all.drain(..surplus);
        all.push_back(k);
        Ok(())
    }
}

async fn take(State(b): At, Path(bin): Path<String>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    taken(&b, bin, String::new(), method, uri, headers, body).await
}

async fn take_below(
    State(b): At,
    Path((bin, path)): Path<(String, String)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    taken(&b, bin, path, method, uri, headers, body).await
}

async fn taken(b: &Bins, bin: String, path: String, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let o = b.next_answer(&bin);
    let kept = Kept {
        id: RequestId::new(&b.shared.env).to_string(),
        bin,
        method: method.to_string(),
        path,
        query: uri.query().unwrap_or_default().to_string(),
        headers: headers
            .iter()
            .map(|(n, v)| (n.as_str().to_string(), String::from_utf8_lossy(v.as_bytes()).into_owned()))
            .collect(),
        body: String::from_utf8_lossy(&body).chars().take(MAX_BODY).collect(),
        answered: o.status,
        received_at_us: b.shared.env.now().micros(),
    };
    if let Err(e) = b.keep(kept) {
        return (StatusCode::SERVICE_UNAVAILABLE, e.detail).into_response();
    }
    if o.delay_ms > 0 {
        b.shared.pause(Duration::from_millis(o.delay_ms)).await;
    }
    let status = StatusCode::from_u16(o.status).unwrap_or(StatusCode::OK);
    let mut r = (status, o.body.unwrap_or_else(|| format!("bin answers {}", status.as_u16()))).into_response();
    if let Some(l) = o.location.and_then(|l| l.parse().ok()) {
        r.headers_mut().insert("location", l);
    }
    r
}

/// Pairs of a query, decoded.
fn pairs(query: &str) -> Value {
    let q: Vec<(String, String)> = format!("http://bin/?{query}")
        .parse::<Uri>()
        .ok()
        .and_then(|u| axum::extract::Query::try_from_uri(&u).ok())
        .map(|axum::extract::Query(q)| q)
        .unwrap_or_default();
    q.into_iter().map(|(k, v)| (k, json!(v))).collect::<serde_json::Map<_, _>>().into()
}

fn shown(k: &Kept) -> Value {
    json!({"id": k.id, "method": k.method, "path": k.path, "query": k.query, "pairs": pairs(&k.query), "headers": k.headers, "body": k.body,
        "answered": k.answered, "received_at_us": k.received_at_us})
}

/// Oldest first.
async fn list(State(b): At, Path(bin): Path<String>) -> Answer {
    let found: Vec<Value> = b.lock().iter().filter(|k| k.bin == bin).map(shown).collect();
    ok(json!({"requests": found, "count": found.len()}))
}

async fn clear(State(b): At, Path(bin): Path<String>) -> Answer {
    let mut all = b.lock();
    let mut batch = Batch::default();
    for k in all.iter().filter(|k| k.bin == bin) {
        batch.remove(KIND, &k.id);
    }
    b.shared.books.write(batch)?;
    let before = all.len();
    all.retain(|k| k.bin != bin);
    ok(json!({"deleted": before - all.len()}))
}

async fn order(State(b): At, Path(bin): Path<String>, body: Bytes) -> Answer {
    let o: Order = read(&body)?;
    b.orders.lock().unwrap_or_else(|p| p.into_inner()).insert(bin.clone(), o);
    ok(json!({"bin": bin}))
}

async fn page(State(b): At, Path(bin): Path<String>) -> Html<String> {
    let all = b.lock();
    let rows: String = all
        .iter()
        .rev()
        .filter(|k| k.bin == bin)
        .take(200)
        .map(|k| {
            let headers: String = k.headers.iter().map(|(n, v)| format!("{n}: {v}\n")).collect();
            format!(
                "<tr><td>{}</td><td>{}</td><td><details><summary>/{}?{}</summary><pre>{}</pre></details></td><td><pre>{}</pre></td><td>{}</td></tr>",
                escape(&qd_kernel::Ts(k.received_at_us).rfc3339()[..19].replace('T', " ")),
                escape(&k.method),
                escape(&k.path),
                escape(&k.query),
                escape(&headers),
                escape(&k.body),
                k.answered
            )
        })
        .collect();
    Html(format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>Request bin</title><style>body{{font:15px/1.5 system-ui,sans-serif;margin:2rem;color:#1b2430}}table{{border-collapse:collapse;width:100%}}th,td{{text-align:left;vertical-align:top;padding:.5rem;border-bottom:1px solid #d5dbe2;overflow-wrap:anywhere}}pre{{white-space:pre-wrap;margin:0}}</style></head><body><h1>Bin {}</h1><p>Newest first. Times are UTC.</p><table><thead><tr><th scope=\"col\">Received</th><th scope=\"col\">Method</th><th scope=\"col\">Address</th><th scope=\"col\">Body</th><th scope=\"col\">Answered</th></tr></thead><tbody>{rows}</tbody></table></body></html>",
        escape(&bin)
    ))
}

//! A call to a provider's API: what came in, what goes out, and the faults between.

use super::{Desk, Op, Rail};
use crate::FaultKind;
use crate::stripe::form;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;

pub struct Call {
    pub method: Method,
    /// Behind the account's own address, with a slash at its start and none at its end.
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Call {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }

    /// The parts of the path.
    pub fn parts(&self) -> Vec<&str> {
        self.path.split('/').filter(|s| !s.is_empty()).collect()
    }

    /// User and password of HTTP Basic.
    pub fn basic(&self) -> Option<(String, String)> {
        let raw = self.header("authorization")?.strip_prefix("Basic ")?;
        let text = String::from_utf8(data_encoding::BASE64.decode(raw.trim().as_bytes()).ok()?).ok()?;
        text.split_once(':').map(|(u, p)| (u.to_string(), p.to_string()))
    }

    pub fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ").map(str::trim)
    }

    /// Pairs of the query and, when the body is a form, of the body. The last of a name wins.
    pub fn form(&self) -> BTreeMap<String, String> {
        let mut all: BTreeMap<String, String> = form::pairs(&self.query).into_iter().collect();
        if self
            .header("content-type")
            .is_some_and(|t| t.starts_with("application/x-www-form-urlencoded"))
        {
            all.extend(form::pairs(&String::from_utf8_lossy(&self.body)));
        }
        all
    }

    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// A mark of what is asked, to tell a repeat from another request under the same key.
    pub fn mark(&self) -> String {
        let head = format!("{} {}?{}\n", self.method, self.path, self.query);
        hex::encode(Sha256::new().chain_update(head).chain_update(&self.body).finalize())
    }
}

#[derive(Clone, Debug)]
pub enum Body {
    Json(Value),
    /// Content type and text.
    Text(&'static str, String),
    Empty,
}

#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Body,
}

impl Reply {
    pub fn json(status: u16, body: Value) -> Reply {
        Self::of(status, Body::Json(body))
    }
    pub fn text(kind: &'static str, text: impl Into<String>) -> Reply {
        Self::of(200, Body::Text(kind, text.into()))
    }
    pub fn of(status: u16, body: Body) -> Reply {
        Reply {
            status,
            headers: Vec::new(),
            body,
        }
    }
    /// Sends a browser elsewhere.
    pub fn go(to: &str) -> Reply {
        Self::of(303, Body::Empty).header("location", to)
    }
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Reply {
        self.headers.push((name.into(), value.into()));
        self
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut r = match self.body {
            Body::Json(v) => (status, axum::Json(v)).into_response(),
            Body::Text(kind, text) => (status, [(header::CONTENT_TYPE, kind)], text).into_response(),
            Body::Empty => status.into_response(),
        };
        for (name, value) in self.headers {
            if let (Ok(n), Ok(v)) = (name.parse::<header::HeaderName>(), value.parse()) {
                r.headers_mut().insert(n, v);
            }
        }
        r
    }
}

/// Whether a secret is the account's own; an empty one never is.
pub fn same_secret(given: &str, own: &str) -> bool {
    !own.is_empty() && given == own
}

pub(super) fn router() -> Router<Arc<Desk>> {
    Router::new()
        .route("/{connection}", any(root))
        .route("/{connection}/", any(root))
        .route("/{connection}/{*path}", any(below))
        .layer(DefaultBodyLimit::max(1 << 20))
}

async fn root(
    State(desk): State<Arc<Desk>>,
    Path(connection): Path<String>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    take(desk, connection, String::new(), method, uri, headers, body).await
}

async fn below(
    State(desk): State<Arc<Desk>>,
    Path((connection, path)): Path<(String, String)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    take(desk, connection, path, method, uri, headers, body).await
}

async fn take(desk: Arc<Desk>, connection: String, path: String, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let call = Call {
        method,
        path: format!("/{}", path.trim_end_matches('/')),
        query: uri.query().unwrap_or_default().to_string(),
        headers,
        body,
    };
    // In a task of its own: a caller that hangs up does not undo what it asked for.
    let now = desk.shared.env.now();
    match tokio::spawn(async move { serve(&desk, &connection, call).await }).await {
        Ok(mut r) => {
            // The provider's clock, which its callers may go by.
            if let Ok(v) = http_date(now).parse() {
                r.headers_mut().insert(header::DATE, v);
            }
            r
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// `Fri, 20 Nov 2026 19:07:18 GMT`.
fn http_date(now: qd_kernel::Ts) -> String {
    let (y, m, d) = now.ymd();
    let nth = |n: u32| usize::try_from(n).unwrap_or(0);
    // The first day of 1970 was a Thursday.
    let weekday =
        ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][usize::try_from(now.secs().div_euclid(86_400).rem_euclid(7)).unwrap_or(0)];
    let month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][nth(m - 1)];
    format!("{weekday}, {d:02} {month} {y} {} GMT", &now.rfc3339()[11..19])
}

async fn serve(desk: &Desk, connection: &str, call: Call) -> Response {
    let Some(account) = desk.account(connection) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let rail: &dyn Rail = &*desk.rail;
    let operation = rail.operation(&call);
    let fault = desk.shared.faults.take(rail.name(), connection, &operation, |k| {
        use FaultKind::*;
        matches!(
            k,
            Refuse | DropBefore | DropAfter | Slow | SlowBefore | Garbage | Forbidden | Down | WrongAmount
        )
    });
    let run = || account.run(&desk.shared, |op: &mut Op<'_>| rail.answer(op, &call));
    let Some(f) = fault else { return run().into_response() };
    match f.kind {
        FaultKind::DropBefore | FaultKind::Down => crate::conn::drop_connection(),
        FaultKind::Forbidden => StatusCode::FORBIDDEN.into_response(),
        FaultKind::Refuse => rail.refusal(&operation, f.value.as_deref()).into_response(),
        FaultKind::SlowBefore => {
            desk.shared.pause(f.delay(3_000)).await;
            run().into_response()
        }
        FaultKind::DropAfter => {
            run();
            crate::conn::drop_connection()
        }
        FaultKind::Slow => {
            let reply = run();
            desk.shared.pause(f.delay(3_000)).await;
            reply.into_response()
        }
        FaultKind::Garbage => {
            run();
            let half = "<html><head><title>502 Bad Gateway</title></head><body>upstre";
            ([(header::CONTENT_TYPE, "text/html")], half).into_response()
        }
        FaultKind::WrongAmount => {
            let mut reply = run();
            if (200..300).contains(&reply.status) {
                rail.wrong_answer(&mut reply, f.value.as_deref());
            }
            reply.into_response()
        }
        // Not asked for above.
        FaultKind::LateVisible | FaultKind::Late | FaultKind::Twice | FaultKind::Lost | FaultKind::Reorder | FaultKind::Forged => {
            run().into_response()
        }
    }
}

/// Puts a wrong amount wherever one of `fields` states one: `value`, or `factor` times the true
/// one. Decimals in text stay decimals in text.
pub(super) fn skew(v: &mut Value, fields: &[&str], value: Option<&str>, factor: i64) {
    match v {
        Value::Array(all) => all.iter_mut().for_each(|x| skew(x, fields, value, factor)),
        Value::Object(m) => {
            for (k, x) in m.iter_mut() {
                if fields.contains(&k.as_str()) && !x.is_object() && !x.is_array() {
                    lie(x, value, factor);
                } else {
                    skew(x, fields, value, factor);
                }
            }
        }
        _ => {}
    }
}

fn lie(x: &mut Value, value: Option<&str>, factor: i64) {
    match x {
        Value::Number(n) => {
            let wrong = match (value, n.as_i64()) {
                (Some(v), _) => serde_json::from_str(v).ok(),
                (None, Some(i)) => Some(i.saturating_mul(factor).into()),
                // A decimal as a JSON number: the digits are moved, nothing is computed with it.
                (None, None) => serde_json::from_str(&format!("1{n}")).ok(),
            };
            *x = wrong.unwrap_or(Value::Null);
        }
        Value::String(s) => *s = value.map_or_else(|| times(s, factor), str::to_string),
        _ => {}
    }
}

/// A decimal in text, `factor` times.
pub fn times(decimal: &str, factor: i64) -> String {
    let places = u8::try_from(decimal.split_once('.').map_or(0, |(_, f)| f.len())).unwrap_or(0);
    match qd_kernel::parse_fixed(decimal, places) {
        Some(n) => qd_kernel::format_fixed(n.saturating_mul(factor), places),
        None => decimal.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use qd_kernel::Ts;

    #[test]
    fn an_answer_carries_the_providers_date() {
        assert_eq!(
            http_date(Ts::from_ymd(2026, 11, 20).plus_secs(68_838)),
            "Fri, 20 Nov 2026 19:07:18 GMT"
        );
    }

    #[test]
    fn a_lie_about_an_amount_keeps_its_form() {
        let mut v = serde_json::json!({"amount": 5, "nested": [{"value": "25.40"}], "price": 1.5, "id": "amount"});
        skew(&mut v, &["amount", "value", "price"], None, 2);
        assert_eq!(
            v,
            serde_json::json!({"amount": 10, "nested": [{"value": "50.80"}], "price": 11.5, "id": "amount"})
        );
    }
}

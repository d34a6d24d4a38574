//! Reading requests: a JSON body and query parameters, with errors that name the field by pointer
//! and say what was expected, never repeating what was sent.

use crate::MAX_BODY;
use crate::problem::ApiProblem;
use axum::extract::{FromRequest, FromRequestParts, Request};
use bytes::Bytes;
use http::request::Parts;
use qd_kernel::{Class, Problem};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

/// A JSON body of type `T`. Types of ours deny unknown fields.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiProblem;

    async fn from_request(req: Request, _: &S) -> Result<Self, ApiProblem> {
        let json = req
            .headers()
            .get(http::header::CONTENT_TYPE)
            .and_then(|v| v.to_str().ok())
            .is_some_and(|v| {
                v.split(';')
                    .next()
                    .is_some_and(|m| m.trim().eq_ignore_ascii_case("application/json"))
            });
        if !json {
            return Err(Problem::invalid("content-type", "body_unreadable", "expected application/json").into());
        }
        let bytes = whole(req.into_body(), MAX_BODY, BODY_TIME).await?;
        parse(&bytes).map(Body).map_err(ApiProblem)
    }
}

/// How long a JSON body may take to arrive. A caller who dribbles holds a connection, no more.
pub const BODY_TIME: Duration = Duration::from_secs(30);

/// Reads a body of at most `max` bytes that arrives within `time`.
pub async fn whole(body: axum::body::Body, max: usize, time: Duration) -> Result<Bytes, Problem> {
    match tokio::time::timeout(time, axum::body::to_bytes(body, max)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(Problem::limit("body_too_large", format!("expected at most {max} bytes"))),
        Err(_) => Err(Problem::new(
            Class::Invalid,
            "body_unreadable",
            format!("expected the whole body within {} seconds", time.as_secs()),
        )),
    }
}

/// The place of the first text or key with a NUL in it.
fn nul_at(v: &Value, pointer: &str) -> Option<String> {
    match v {
        Value::String(s) if s.contains('\0') => Some(pointer.to_string()),
        Value::Array(list) => list.iter().enumerate().find_map(|(i, v)| nul_at(v, &format!("{pointer}/{i}"))),
        Value::Object(map) => map.iter().find_map(|(k, v)| {
            if k.contains('\0') {
                return Some(pointer.to_string());
            }
            nul_at(v, &format!("{pointer}/{}", k.replace('~', "~0").replace('/', "~1")))
        }),
        _ => None,
    }
}

/// PostgreSQL keeps no NUL in text, so no text of ours has one. Only a body that spells one out is
/// read twice.
fn no_nul(bytes: &[u8]) -> Result<(), Problem> {
    if !bytes.windows(6).any(|w| w == br"\u0000") {
        return Ok(());
    }
    let Ok(v) = serde_json::from_slice::<Value>(bytes) else {
        return Ok(());
    };
    match nul_at(&v, "") {
        None => Ok(()),
        Some(at) => Err(Problem::invalid(
            if at.is_empty() { "/" } else { &at },
            "text_nul",
            "expected text without NUL characters",
        )),
    }
}

/// Parses JSON; the problem points at the place.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    no_nul(bytes)?;
    let mut de = serde_json::Deserializer::from_slice(bytes);
    let v = serde_path_to_error::deserialize(&mut de).map_err(|e| {
        let pointer = pointer_of(e.path());
        let inner = e.into_inner();
        if inner.is_syntax() || inner.is_eof() {
            return Problem::new(
                Class::Invalid,
                "body_unreadable",
                format!("the body is not JSON (line {}, column {})", inner.line(), inner.column()),
            )
            .and_field("/", "body_unreadable", "a JSON document");
        }
        let (code, expected, field) = explain(&inner.to_string());
        let pointer = match field {
            Some(f) => format!("{}/{f}", pointer.trim_end_matches('/')),
            None => pointer,
        };
        Problem::new(
            Class::Invalid,
            code,
            format!("{}: {expected}", pointer.trim_start_matches('/').replace('/', ".")),
        )
        .and_field(&pointer, code, expected)
    })?;
    de.end()
        .map_err(|_| Problem::new(Class::Invalid, "body_unreadable", "something follows the JSON document"))?;
    Ok(v)
}

fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut out = String::new();
    for s in path {
        match s {
            Segment::Seq { index } => out.push_str(&format!("/{index}")),
            Segment::Map { key } => out.push_str(&format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    if out.is_empty() { "/".into() } else { out }
}

/// serde's sentence, cut down to what was expected: the rest repeats the caller's values.
fn explain(msg: &str) -> (&'static str, String, Option<String>) {
    let quoted = |s: &str| s.split('`').nth(1).map(str::to_string);
    let msg = msg.split(" at line ").next().unwrap_or(msg);
    if msg.starts_with("missing field") {
        return ("field_missing", "a value is required".into(), quoted(msg));
    }
    if msg.starts_with("unknown field") {
        let expected = msg
            .split(", expected ")
            .nth(1)
            .map_or_else(|| "no such field".to_string(), |e| format!("expected {e}"));
        return ("field_unknown", expected, None);
    }
    if msg.starts_with("unknown variant") {
        return (
            "value_unknown",
            msg.split(", expected ")
                .nth(1)
                .map_or_else(|| "another value".to_string(), |e| format!("expected {e}")),
            None,
        );
    }
    match msg.rsplit_once("expected ") {
        Some((_, e)) => ("field_type", format!("expected {e}"), None),
        None => ("field_invalid", "another value".into(), None),
    }
}

/// Query parameters of type `T`.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiProblem> {
        match axum::extract::Query::<T>::try_from_uri(&parts.uri) {
            Ok(q) => Ok(Params(q.0)),
            Err(e) => {
                let text = std::error::Error::source(&e).map_or_else(|| e.to_string(), ToString::to_string);
                let field = text.split(':').next().filter(|f| !f.contains(' ')).unwrap_or("query").to_string();
                let rest = text.strip_prefix(&format!("{field}: ")).unwrap_or(&text).to_string();
                let (code, expected, missing) = explain(&rest);
                Err(Problem::invalid(missing.as_deref().unwrap_or(&field), code, expected).into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use qd_kernel::Amount;
    use serde::Deserialize;

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only its reading is tested")]
    struct Req {
        amount: Amount,
        lines: Vec<i64>,
    }

    #[test]
    fn a_wrong_body_names_the_field_and_never_repeats_the_value() {
        for (body, pointer, code) in [
            (
                r#"{"amount":{"minor":"secret","currency":"EUR"},"lines":[]}"#,
                "/amount/minor",
                "field_type",
            ),
            (
                r#"{"amount":{"minor":1,"currency":"eur"},"lines":[]}"#,
                "/amount/currency",
                "field_type",
            ),
            (
                r#"{"amount":{"minor":1,"currency":"EUR"},"lines":[1,"secret"]}"#,
                "/lines/1",
                "field_type",
            ),
            (r#"{"amount":{"minor":1,"currency":"EUR"}}"#, "/lines", "field_missing"),
            (
                r#"{"amount":{"minor":1,"currency":"EUR"},"lines":[],"secret":1}"#,
                "/secret",
                "field_unknown",
            ),
            (r#"{"amount":"#, "/", "body_unreadable"),
            (
                r#"{"amount":{"minor":1,"currency":"EUR\u0000"},"lines":[]}"#,
                "/amount/currency",
                "text_nul",
            ),
            (
                r#"{"amount":{"minor":1,"currency":"EUR"},"lines":[],"sec\u0000ret":1}"#,
                "/",
                "text_nul",
            ),
        ] {
            let p = parse::<Req>(body.as_bytes()).unwrap_err();
            assert_eq!((p.fields[0].pointer.as_str(), p.code), (pointer, code), "{body}");
            assert!(!p.detail.contains("secret") || pointer == "/secret", "{}", p.detail);
        }
    }
}

//! Writes: one transaction, and the answer kept with the caller's idempotency key in it, so that
//! the same request sent again is answered and not executed again.

use crate::problem::ApiProblem;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode};
use qd_db::Tx;
use qd_kernel::{Problem, Result};
use qd_runtime::access::Caller;
use qd_runtime::{Core, idempotency};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The `Idempotency-Key` header, if the caller sent one: 1 to 255 visible characters.
#[derive(Clone, Debug)]
pub struct IdempotencyKey(pub Option<String>);

impl IdempotencyKey {
    /// For commands that move money: the key is not optional.
    pub fn required(self) -> Result<Self> {
        if self.0.is_none() {
            return Err(Problem::invalid(
                "idempotency-key",
                "idempotency_key_missing",
                "expected an Idempotency-Key header, one per intended effect",
            ));
        }
        Ok(self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = ApiProblem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> std::result::Result<Self, ApiProblem> {
        match parts.headers.get("idempotency-key") {
            None => Ok(IdempotencyKey(None)),
            Some(v) => match v.to_str() {
                Ok(s) if (1..=255).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_graphic()) => Ok(IdempotencyKey(Some(s.to_string()))),
                _ => Err(Problem::invalid(
                    "idempotency-key",
                    "idempotency_key_malformed",
                    "expected 1 to 255 visible ASCII characters",
                )
                .into()),
            },
        }
    }
}

/// An answer to a write: a status and a JSON body.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
    pub replayed: bool,
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let mut r = if status == StatusCode::NO_CONTENT {
            status.into_response()
        } else {
            (status, axum::Json(self.body)).into_response()
        };
        if self.replayed {
            r.headers_mut()
                .insert(HeaderName::from_static("idempotent-replayed"), HeaderValue::from_static("true"));
        }
        r
    }
}

/// Runs `f` in a transaction of its own and answers `status` with what it returns.
///
/// `operation` and `input` make the hash that tells a repetition from another request under the
/// same key; the key belongs to the caller.
pub async fn write<I, T, F>(
    core: &Core,
    caller: &Caller,
    key: IdempotencyKey,
    operation: &'static str,
    input: &I,
    status: u16,
    f: F,
) -> std::result::Result<Answer, ApiProblem>
where
    I: Serialize,
    T: Serialize,
    F: AsyncFn(&mut Tx) -> Result<T> + Send + Sync + 'static,
{
    let hash: [u8; 32] = {
        let mut h = Sha256::new();
        h.update(operation.as_bytes());
        h.update([0]);
        h.update(serde_json::to_vec(input).map_err(Problem::from)?);
        h.finalize().into()
    };
    let scope = caller.id();
    let inner = core.clone();
    let answer = core
        .db
        .write(async move |tx: &mut Tx| {
            if let Some(k) = &key.0
                && let idempotency::Claim::Replay { status, body } = idempotency::claim(tx, &inner, &scope, k, &hash).await?
            {
                return Ok(Answer {
                    status,
                    body,
                    replayed: true,
                });
            }
            let body = serde_json::to_value(f(tx).await?)?;
            if let Some(k) = &key.0 {
                idempotency::answer(tx, &scope, k, status, &body).await?;
            }
            Ok(Answer {
                status,
                body,
                replayed: false,
            })
        })
        .await?;
    Ok(answer)
}

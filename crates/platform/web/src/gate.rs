//! Who asks. A layer in front of every route resolves the session or key, checks the route's
//! right, and leaves the caller for the handler. No route goes around it: see [`crate::Api`].

use crate::problem::ApiProblem;
use async_trait::async_trait;
use axum::extract::{FromRequestParts, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, Method, header};
use qd_kernel::{Problem, Result};
use qd_runtime::access::{Caller, Right};
use std::net::SocketAddr;
use std::sync::Arc;

/// The session cookie. The `__Host-` prefix is added on HTTPS, where browsers enforce it.
pub const COOKIE: &str = "qd_session";

/// Turns a token into a caller; without one, into the public.
#[async_trait]
pub trait Identify: Send + Sync {
    async fn identify(&self, token: Option<&str>, ip: Option<String>) -> Result<Caller>;
}

#[derive(Clone)]
pub struct Gate {
    pub identify: Arc<dyn Identify>,
    /// Trust `X-Forwarded-For` (behind a reverse proxy that sets it).
    pub behind_proxy: bool,
}

/// The peer's address, put there by the server's accept loop.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// The caller, for handlers.
pub struct Asker(pub Caller);

impl<S: Send + Sync> FromRequestParts<S> for Asker {
    type Rejection = ApiProblem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> std::result::Result<Self, ApiProblem> {
        parts
            .extensions
            .get::<Caller>()
            .cloned()
            .map(Asker)
            .ok_or_else(|| Problem::bug("caller_missing", "a route was mounted without its gate").into())
    }
}

enum Token {
    None,
    Header(String),
    Cookie(String),
}

fn token(headers: &HeaderMap) -> Token {
    if let Some(t) = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("Bearer ")) {
        return Token::Header(t.trim().to_string());
    }
    let host = format!("__Host-{COOKIE}");
    for c in headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(';')) {
        if let Some((name, value)) = c.trim().split_once('=')
            && (name == COOKIE || name == host)
        {
            return Token::Cookie(value.to_string());
        }
    }
    Token::None
}

/// A cookie travels by itself, so a write that relies on one must come from our own pages.
fn same_origin(headers: &HeaderMap) -> bool {
    let text = |n: &str| headers.get(n).and_then(|v| v.to_str().ok());
    match text("sec-fetch-site") {
        Some("same-origin" | "none") => true,
        Some(_) => false,
        None => match (text("origin"), text("host")) {
            (Some(o), Some(h)) => o.split("://").nth(1) == Some(h),
            (None, _) => text("x-qd-request").is_some(),
            (Some(_), None) => false,
        },
    }
}

pub(crate) async fn check(gate: Gate, right: Right, req: Request, next: Next) -> Response {
    let (mut parts, body) = req.into_parts();
    match admit(&gate, right, &parts).await {
        Ok(caller) => {
            parts.extensions.insert(caller);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(p) => ApiProblem(p).into_response(),
    }
}

/// The address a request came from.
pub fn ip_of(gate_behind_proxy: bool, headers: &HeaderMap, peer: Option<Peer>) -> Option<String> {
    if gate_behind_proxy
        && let Some(f) = headers.get("x-forwarded-for").and_then(|v| v.to_str().ok()).and_then(|v| v.split(',').next())
    {
        return Some(f.trim().to_string());
    }
    peer.map(|p| p.0.ip().to_string())
}

async fn admit(gate: &Gate, right: Right, req: &Parts) -> Result<Caller> {
    let headers = &req.headers;
    let (token, cookie) = match token(headers) {
        Token::None => (None, false),
        Token::Header(t) => (Some(t), false),
        Token::Cookie(t) => (Some(t), true),
    };
    let write = !matches!(req.method, Method::GET | Method::HEAD | Method::OPTIONS);
    if cookie && write && !same_origin(headers) {
        return Err(Problem::forbidden("cross_site_write", "a signed-in browser may write only from our own pages"));
    }
    let ip = ip_of(gate.behind_proxy, headers, req.extensions.get::<Peer>().copied());
    // A public route works with an expired session too: the sign-in page, above all.
    let caller = if right == Right::Public {
        match gate.identify.identify(token.as_deref(), ip.clone()).await {
            Ok(c) => c,
            Err(_) => gate.identify.identify(None, ip).await?,
        }
    } else {
        if token.is_none() {
            return Err(Problem::unauthenticated("sign_in_required", "sign in first"));
        }
        gate.identify.identify(token.as_deref(), ip).await?
    };
    if right != Right::Public {
        caller.require(right)?;
    }
    Ok(caller)
}

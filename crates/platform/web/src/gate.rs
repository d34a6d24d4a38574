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
use std::net::{IpAddr, SocketAddr};
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
    if let Some(t) = headers
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.strip_prefix("Bearer "))
    {
        return Token::Header(t.trim().to_string());
    }
    // The name with the prefix first: only our own host over HTTPS can have set that one, the other
    // may come from a neighbour under the same domain.
    let host = format!("__Host-{COOKIE}");
    let named = |wanted: &str| {
        let pairs = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|v| v.to_str().ok())
            .flat_map(|v| v.split(';'));
        pairs
            .filter_map(|c| c.trim().split_once('='))
            .find(|(name, _)| *name == wanted)
            .map(|(_, value)| value.to_string())
    };
    named(&host).or_else(|| named(COOKIE)).map_or(Token::None, Token::Cookie)
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

/// The address a request came from. Behind a proxy it is the last one in `X-Forwarded-For`: the
/// proxy put it there itself; everything before it is whatever the caller wrote.
pub fn ip_of(gate_behind_proxy: bool, headers: &HeaderMap, peer: Option<Peer>) -> Option<String> {
    if gate_behind_proxy
        && let Some(last) = headers
            .get_all("x-forwarded-for")
            .iter()
            .next_back()
            .and_then(|v| v.to_str().ok())
            .and_then(|v| v.rsplit(',').next())
        && let Some(ip) = address(last.trim())
    {
        return Some(ip.to_string());
    }
    peer.map(|p| p.0.ip().to_canonical().to_string())
}

/// With or without a port, as proxies write it; IPv4 in IPv6 clothes is IPv4.
fn address(text: &str) -> Option<IpAddr> {
    let ip = text
        .parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|a| a.ip()));
    ip.or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
        .map(|ip| ip.to_canonical())
}

/// No text of ours has a NUL: PostgreSQL keeps none, and programs written in C stop reading at one.
fn no_nul(req: &Parts) -> Result<()> {
    let wanted = |place: &str, text: &str| {
        if text.contains("%00") {
            Err(Problem::invalid(place, "text_nul", "expected text without NUL characters"))
        } else {
            Ok(())
        }
    };
    wanted("path", req.uri.path())?;
    wanted("query", req.uri.query().unwrap_or_default())
}

async fn admit(gate: &Gate, right: Right, req: &Parts) -> Result<Caller> {
    let headers = &req.headers;
    no_nul(req)?;
    let (token, cookie) = match token(headers) {
        Token::None => (None, false),
        Token::Header(t) => (Some(t), false),
        Token::Cookie(t) => (Some(t), true),
    };
    let write = !matches!(req.method, Method::GET | Method::HEAD | Method::OPTIONS);
    if cookie && write && !same_origin(headers) {
        return Err(Problem::forbidden(
            "cross_site_write",
            "a signed-in browser may write only from our own pages",
        ));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut h = HeaderMap::new();
        for (k, v) in pairs {
            h.append(*k, v.parse().unwrap());
        }
        h
    }

    #[test]
    fn behind_a_proxy_only_what_the_proxy_itself_wrote_counts() {
        let peer = Some(Peer(SocketAddr::from(([10, 0, 0, 2], 1))));
        let ip = |pairs: &[(&'static str, &'static str)], behind| ip_of(behind, &headers(pairs), peer).unwrap();
        assert_eq!(ip(&[("x-forwarded-for", "1.2.3.4, 198.51.100.9")], true), "198.51.100.9");
        assert_eq!(
            ip(&[("x-forwarded-for", "1.2.3.4"), ("x-forwarded-for", "198.51.100.9")], true),
            "198.51.100.9"
        );
        assert_eq!(ip(&[("x-forwarded-for", "198.51.100.9:4711")], true), "198.51.100.9");
        assert_eq!(ip(&[("x-forwarded-for", "[2001:db8::9]")], true), "2001:db8::9");
        assert_eq!(ip(&[("x-forwarded-for", "::ffff:198.51.100.9")], true), "198.51.100.9");
        assert_eq!(ip(&[("x-forwarded-for", "not an address")], true), "10.0.0.2");
        assert_eq!(ip(&[("x-forwarded-for", "198.51.100.9")], false), "10.0.0.2");
    }

    #[test]
    fn a_cookie_a_neighbour_may_have_set_gives_way_to_the_one_only_we_can_set() {
        let of = |text: &'static str| match token(&headers(&[("cookie", text)])) {
            Token::Cookie(t) => t,
            _ => "-".to_string(),
        };
        assert_eq!(of("qd_session=planted; __Host-qd_session=ours"), "ours");
        assert_eq!(of("a=b; qd_session=plain"), "plain");
        assert_eq!(of("xqd_session=no"), "-");
    }

    #[test]
    fn a_cookie_writes_only_from_our_own_pages() {
        for (pairs, good) in [
            (&[("sec-fetch-site", "same-origin")][..], true),
            (&[("sec-fetch-site", "none")][..], true),
            (&[("sec-fetch-site", "same-site")][..], false),
            (&[("sec-fetch-site", "cross-site"), ("x-qd-request", "1")][..], false),
            (&[("origin", "https://crm.example"), ("host", "crm.example")][..], true),
            (
                &[("origin", "https://crm.example.evil.example"), ("host", "crm.example")][..],
                false,
            ),
            (&[("origin", "null"), ("host", "crm.example")][..], false),
            (&[("host", "crm.example")][..], false),
            (&[("host", "crm.example"), ("x-qd-request", "1")][..], true),
        ] {
            assert_eq!(same_origin(&headers(pairs)), good, "{pairs:?}");
        }
    }
}

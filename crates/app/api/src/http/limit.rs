//! A bucket of requests per address and kind of route, on this node, in memory. It slows down who
//! tries passwords or fills forms by program; what counts failures for good is in `access`.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, header};
use qd_app::App;
use qd_kernel::{Env, Problem, Ts};
use qd_web::ApiProblem;
use qd_web::gate::{Peer, ip_of};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// Requests at once, and one more after so many milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rate {
    burst: i64,
    every_ms: i64,
}

/// Signing in, codes, resets: a person mistypes a few times, a program thousands of times.
const AUTH: Rate = Rate {
    burst: 60,
    every_ms: 1_000,
};
/// Forms and clicks: an office behind one address sends several at once.
const FORM: Rate = Rate { burst: 120, every_ms: 500 };
/// Callbacks with a wrong signature from one address to one connection: a provider whose secret is
/// being rolled sends some, somebody who guesses sends many.
const FORGED: Rate = Rate {
    burst: 30,
    every_ms: 10_000,
};
/// Addresses remembered at the most; then the full buckets are forgotten.
const ADDRESSES: usize = 100_000;

#[derive(Clone)]
pub struct Limiter {
    env: Env,
    behind_proxy: bool,
    on: bool,
    buckets: Arc<Mutex<HashMap<(&'static str, String), Bucket>>>,
}

struct Bucket {
    tokens: i64,
    at: Ts,
}

impl Limiter {
    pub fn new(app: &App) -> Limiter {
        Limiter {
            env: app.core.env.clone(),
            behind_proxy: app.config.server.behind_proxy,
            on: app.config.server.rate_limit,
            buckets: Arc::default(),
        }
    }

    /// Whether a refused callback is still worth a line in the books: after many from one address to
    /// one connection the next ones are turned away without. Rightly signed ones are never counted.
    pub fn notes_forged(&self, connection: &str, headers: &HeaderMap, peer: Option<Peer>) -> bool {
        if !self.on {
            return true;
        }
        let address = bucket_of(&ip_of(self.behind_proxy, headers, peer).unwrap_or_default());
        self.take("forged", FORGED, format!("{connection}|{address}")).is_none()
    }

    /// None when the request may go on, else how many seconds to wait.
    fn take(&self, kind: &'static str, rate: Rate, address: String) -> Option<i64> {
        let now = self.env.now();
        let mut all = self.buckets.lock().unwrap_or_else(|p| p.into_inner());
        if all.len() >= ADDRESSES {
            all.retain(|_, b| now.secs_since(b.at) < 120);
            // More addresses than anybody has visitors: somebody owns a network. Forgetting all of
            // them is kinder than running out of memory.
            if all.len() >= ADDRESSES {
                all.clear();
            }
        }
        let b = all.entry((kind, address)).or_insert(Bucket {
            tokens: rate.burst,
            at: now,
        });
        let more = (now.millis() - b.at.millis()).max(0) / rate.every_ms;
        if more > 0 {
            b.tokens = b.tokens.saturating_add(more).min(rate.burst);
            b.at = b.at.plus_millis(more.saturating_mul(rate.every_ms));
        }
        if b.tokens <= 0 {
            return Some((rate.every_ms / 1_000).max(1));
        }
        b.tokens -= 1;
        None
    }
}

/// Whose bucket: an address of IPv6 is one of the billions its owner has, so the network counts.
fn bucket_of(address: &str) -> String {
    match address.parse::<std::net::Ipv6Addr>() {
        Ok(ip) => {
            let s = ip.segments();
            format!("{:x}:{:x}:{:x}:{:x}::/64", s[0], s[1], s[2], s[3])
        }
        Err(_) => address.to_string(),
    }
}

fn kind_of(method: &Method, path: &str) -> Option<(&'static str, Rate)> {
    let rest = path.strip_prefix("/api/v1").unwrap_or(path);
    if rest.starts_with("/auth/") {
        // Every page reads who is signed in: a whole office behind one address does so all day, and
        // nothing can be guessed by reading.
        return (method != Method::GET).then_some(("auth", AUTH));
    }
    (rest == "/leads" || rest == "/register" || rest.starts_with("/public/") || rest.starts_with("/c/")).then_some(("form", FORM))
}

pub(super) async fn check(State(limiter): State<Limiter>, req: Request, next: Next) -> Response {
    if limiter.on
        && let Some((kind, rate)) = kind_of(req.method(), req.uri().path())
    {
        let peer = req.extensions().get::<Peer>().copied();
        let address = ip_of(limiter.behind_proxy, req.headers(), peer).unwrap_or_default();
        if let Some(wait) = limiter.take(kind, rate, bucket_of(&address)) {
            let mut r = ApiProblem(Problem::limit(
                "too_many_requests",
                "too many requests from your address; wait a moment",
            ))
            .into_response();
            r.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
            return r;
        }
    }
    next.run(req).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_by_request_and_fills_by_time_for_each_address_alone() {
        let clock = Arc::new(qd_kernel::TestClock::new(Ts::from_secs(1_000)));
        let env = Env::new(clock.clone(), Arc::new(qd_kernel::SeededEntropy::new(1)));
        let l = Limiter {
            env,
            behind_proxy: false,
            on: true,
            buckets: Arc::default(),
        };
        let rate = Rate { burst: 3, every_ms: 1_000 };
        let ask = |who: &str| l.take("auth", rate, who.to_string()).is_none();
        assert!(ask("a") && ask("a") && ask("a"));
        assert!(!ask("a"), "the fourth at once");
        assert!(ask("b"), "somebody else");
        clock.set(Ts::from_secs(1_002));
        assert!(ask("a") && ask("a"));
        assert!(!ask("a"));
    }

    #[test]
    fn a_network_of_ipv6_is_one_visitor() {
        assert_eq!(bucket_of("2001:db8:1:2::7"), bucket_of("2001:db8:1:2:ffff::1"));
        assert_ne!(bucket_of("2001:db8:1:2::7"), bucket_of("2001:db8:1:3::7"));
        assert_eq!(bucket_of("192.0.2.7"), "192.0.2.7");
    }

    #[test]
    fn only_doors_and_forms_are_limited() {
        assert_eq!(kind_of(&Method::POST, "/api/v1/auth/sign-in").map(|k| k.0), Some("auth"));
        assert_eq!(kind_of(&Method::POST, "/api/v1/leads").map(|k| k.0), Some("form"));
        assert_eq!(kind_of(&Method::POST, "/api/v1/leads/cli_1"), None);
        assert_eq!(kind_of(&Method::POST, "/hooks/stripe/x"), None);
        assert_eq!(kind_of(&Method::GET, "/api/v1/auth/me"), None);
    }
}

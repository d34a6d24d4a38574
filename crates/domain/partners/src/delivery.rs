//! One call to an address somebody else entered, and what came of it: taken, to be tried again, or
//! refused for good. Only jobs call this, outside transactions.

use http::{Request, StatusCode};
use qd_kernel::{Env, Problem, Result};
use qd_outbound::{Bytes, Client, ClientOptions, Reach, SendError};
use std::time::Duration;

/// Seconds until the next attempt, after the first, second, … failure: 22 hours in all.
pub const WAITS_S: [i64; 9] = [5, 30, 120, 600, 1_800, 3_600, 10_800, 21_600, 43_200];
pub const ATTEMPTS: u32 = WAITS_S.len() as u32 + 1;
/// Characters of an answer that are kept to be shown.
const EXCERPT: usize = 500;

/// Whom a call may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reachable {
    /// An operator's exception: addresses in our own network, any port. For sandboxes.
    pub private_network: bool,
}

/// What calls addresses that users enter: public addresses only, short waits, no redirects. Cheap to
/// clone.
#[derive(Clone, Debug)]
pub struct Outward {
    pub(crate) client: Client,
    pub reach: Reachable,
}

impl Outward {
    pub fn new(reach: Reachable) -> Result<Outward> {
        Ok(Outward {
            client: client(reach)?,
            reach,
        })
    }
}

fn client(reach: Reachable) -> Result<Client> {
    Client::new(ClientOptions {
        reach: if reach.private_network {
            Reach::Anywhere
        } else {
            Reach::PublicOnly
        },
        connect_timeout: Duration::from_secs(5),
        timeout: Duration::from_secs(10),
        max_body: 1024 * 1024,
        user_agent: "Quarterdeck-Postback/1".into(),
        ..ClientOptions::default()
    })
    .map_err(|e| Problem::bug("client_unbuildable", "the HTTP client could not be built").with_source(format!("{e:?}")))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Taken,
    Again,
    Refused,
}

#[derive(Clone, Debug)]
pub struct Tried {
    pub verdict: Verdict,
    pub status: Option<i64>,
    pub error: Option<String>,
    pub excerpt: Option<String>,
    /// Milliseconds until the answer was there.
    pub ms: i64,
}

/// `success`: statuses that mean taken; empty: any 2xx. 408, 425, 429 and 5xx are tried again, and so is
/// what did not answer; any other status is an answer that will not change, and so is a refused address.
pub async fn call(client: &Client, env: &Env, request: Request<Bytes>, success: &[i64]) -> Tried {
    let began = env.clock.now();
    let answer = client.send(request).await;
    let ms = (env.clock.now().micros() - began.micros()) / 1_000;
    match answer {
        Ok(r) => {
            let status = i64::from(r.status.as_u16());
            let taken = if success.is_empty() {
                r.status.is_success()
            } else {
                success.contains(&status)
            };
            let verdict = match r.status {
                _ if taken => Verdict::Taken,
                StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => Verdict::Again,
                s if s.is_server_error() => Verdict::Again,
                _ => Verdict::Refused,
            };
            let error = match verdict {
                Verdict::Taken => None,
                _ if r.status.is_redirection() => Some("redirect_not_followed".to_string()),
                _ => Some("status_refused".to_string()),
            };
            let text: String = r.text().chars().filter(|c| !c.is_control()).take(EXCERPT).collect();
            Tried {
                verdict,
                status: Some(status),
                error,
                excerpt: Some(text).filter(|t| !t.is_empty()),
                ms,
            }
        }
        Err(e) => {
            let code = e.cause().code;
            let for_good = matches!(code, "address_refused" | "url_malformed");
            let fate = if matches!(e, SendError::NotSent(_)) {
                "not_sent"
            } else {
                "unknown"
            };
            Tried {
                verdict: if for_good { Verdict::Refused } else { Verdict::Again },
                status: None,
                error: Some(format!("{code} ({fate})")),
                excerpt: None,
                ms,
            }
        }
    }
}

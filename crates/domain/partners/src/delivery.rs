//! One call to an address somebody else entered, and what came of it: taken, to be tried again, or
//! refused for good. Only jobs call this, outside transactions.

use qd_kernel::Env;
use qd_ports::courier::{Call, Courier};
use std::sync::Arc;

/// Seconds until the next attempt, after the first, second, … failure: 22 hours in all.
pub const WAITS_S: [i64; 9] = [5, 30, 120, 600, 1_800, 3_600, 10_800, 21_600, 43_200];
pub const ATTEMPTS: u32 = WAITS_S.len() as u32 + 1;
/// Characters of an answer that are kept to be shown.
const EXCERPT: usize = 500;

/// What calls addresses that users enter, and says which may be called. Cheap to clone.
pub type Outward = Arc<dyn Courier>;

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
pub async fn call(out: &dyn Courier, env: &Env, call: &Call, success: &[i64]) -> Tried {
    let began = env.clock.now();
    let answer = out.call(call).await;
    let ms = (env.clock.now().micros() - began.micros()) / 1_000;
    match answer {
        Ok(r) => {
            let status = i64::from(r.status);
            let taken = if success.is_empty() {
                (200..300).contains(&status)
            } else {
                success.contains(&status)
            };
            let verdict = match status {
                _ if taken => Verdict::Taken,
                408 | 425 | 429 | 500..=599 => Verdict::Again,
                _ => Verdict::Refused,
            };
            let error = match verdict {
                Verdict::Taken => None,
                _ if (300..400).contains(&status) => Some("redirect_not_followed".to_string()),
                _ => Some("status_refused".to_string()),
            };
            let text: String = r.text.chars().filter(|c| !c.is_control()).take(EXCERPT).collect();
            Tried {
                verdict,
                status: Some(status),
                error,
                excerpt: Some(text).filter(|t| !t.is_empty()),
                ms,
            }
        }
        Err(m) => Tried {
            verdict: if m.for_good { Verdict::Refused } else { Verdict::Again },
            status: None,
            error: Some(format!("{} ({})", m.code, if m.maybe_arrived { "unknown" } else { "not_sent" })),
            excerpt: None,
            ms,
        },
    }
}

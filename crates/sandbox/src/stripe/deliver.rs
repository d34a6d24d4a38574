//! What an account does by itself: delivering webhooks until somebody takes them, and the things
//! that happen later (expiry, settlement, a refund that fails).

use super::account::{Account, CallId};
use super::op::{DEFAULT_TARGET, Op};
use super::tables::*;
use super::{balance, disputes, outbound, refunds, sessions};
use crate::Shared;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use qd_kernel::{Problem, Result, Ts};
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Gaps between attempts in seconds; the last one repeats. Short, as a demo has no three days.
pub const GAPS: [i64; 6] = [1, 2, 5, 10, 30, 60];
pub const GIVE_UP_SECS: i64 = 3 * 86_400;
/// Deliveries under way at once, per account.
const AT_ONCE: usize = 16;
const TIMEOUT: Duration = Duration::from_secs(15);
/// Events can be listed for 30 days; keys are of no use after one.
const KEEP_EVENTS_DAYS: i64 = 31;

pub type Http = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

pub fn client() -> Result<Http> {
    let https = HttpsConnectorBuilder::new()
        .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
        .map_err(|e| Problem::bug("sandbox_tls", "no TLS for webhooks").with_source(e))?
        .https_or_http()
        .enable_http1()
        .build();
    Ok(Client::builder(TokioExecutor::new()).build(https))
}

/// `t=…,v1=…` over `t.body` with the secret's text as the key.
pub fn signature(secret: &str, t: i64, body: &str) -> String {
    // HMAC takes keys of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC accepts any key length");
    mac.update(format!("{t}.{body}").as_bytes());
    format!("t={t},v1={}", hex::encode(mac.finalize().into_bytes()))
}

/// Posts one body once; the status, or `None` when nobody answered.
pub async fn post(http: &Http, url: &str, signature: &str, body: &str) -> Option<u16> {
    let headers = [
        ("content-type", "application/json; charset=utf-8"),
        ("user-agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)"),
        ("accept", "*/*; q=0.5, application/xml"),
        ("cache-control", "no-cache"),
        ("stripe-signature", signature),
    ]
    .map(|(n, v)| (n, v.to_string()));
    send(http, url, &headers, Bytes::from(body.to_string())).await.map(|(s, _)| s)
}

/// Posts one body once; status and text of the answer, or `None` when nobody answered.
pub async fn send(http: &Http, url: &str, headers: &[(&'static str, String)], body: Bytes) -> Option<(u16, String)> {
    let mut request = hyper::Request::post(url);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let request = request.body(Full::new(body)).ok()?;
    let exchange = async {
        let answer = http.request(request).await.ok()?;
        let status = answer.status().as_u16();
        // Read to the end, so that the connection can serve the next delivery.
        let text = http_body_util::Limited::new(answer.into_body(), 1 << 20)
            .collect()
            .await
            .map_or_else(|_| String::new(), |b| String::from_utf8_lossy(&b.to_bytes()).into_owned());
        Some((status, text))
    };
    tokio::time::timeout(TIMEOUT, exchange).await.ok().flatten()
}

/// One delivery as it stood when it was picked.
struct Due {
    id: String,
    seq: u64,
    group: String,
    url: String,
    body: String,
    secret: String,
}

#[derive(Default)]
struct UnderWay {
    ids: HashSet<String>,
    groups: HashSet<String>,
}

/// Runs until the sandbox stops.
pub async fn run(account: Arc<Account>, shared: Arc<Shared>, http: Http) {
    let mut stop = shared.stopping();
    let under_way: Arc<Mutex<UnderWay>> = Arc::default();
    let mut rounds = 0u32;
    loop {
        let due = {
            let mut busy = under_way.lock().unwrap_or_else(|p| p.into_inner());
            account.run_quietly(&shared, CallId::default(), |op| {
                jobs(op);
                if rounds.is_multiple_of(3_000) {
                    prune(op);
                }
                pick(op, &mut busy)
            })
        };
        rounds = rounds.wrapping_add(1);
        for d in due {
            let (account, shared, http, under_way) = (account.clone(), shared.clone(), http.clone(), under_way.clone());
            tokio::spawn(async move {
                let t = shared.env.now().secs();
                let status = post(&http, &d.url, &signature(&d.secret, t, &d.body), &d.body).await;
                account.run_quietly(&shared, CallId::default(), |op| record(op, &d, status));
                {
                    let mut busy = under_way.lock().unwrap_or_else(|p| p.into_inner());
                    busy.ids.remove(&d.id);
                    busy.groups.remove(&d.group);
                }
                account.wake.notify_one();
            });
        }
        tokio::select! {
            () = account.wake.notified() => {}
            () = tokio::time::sleep(Duration::from_millis(200)) => {}
            _ = stop.wait_for(|s| *s) => return,
        }
    }
}

/// Events of one payment go out in the order they happened, unless one has to be tried again.
fn pick(op: &mut Op<'_>, busy: &mut UnderWay) -> Vec<Due> {
    let mut out = Vec::new();
    for (id, r) in op.t.rows(DELIVERIES) {
        if busy.ids.len() >= AT_ONCE {
            break;
        }
        let group = format!("{}|{}", r.o.text("group"), r.o.text("target"));
        let grouped = !r.o.text("group").is_empty();
        if r.o.num("next") > op.now.micros() || busy.ids.contains(id) || (grouped && busy.groups.contains(&group)) {
            continue;
        }
        let secret = match (r.o["forged"] == true, r.o.text("target")) {
            (true, _) => "whsec_somebody_else".to_string(),
            (_, DEFAULT_TARGET) => op.who.webhook_secret.clone(),
            (_, endpoint) => {
                op.t.hidden(ENDPOINTS, endpoint, "secret")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_string()
            }
        };
        // The merchant's address is a matter of the present configuration, not of when it happened.
        let url = match r.o.text("target") {
            DEFAULT_TARGET => op.hook_url(),
            _ => r.o.text("url").to_string(),
        };
        busy.ids.insert(id.clone());
        if grouped {
            busy.groups.insert(group.clone());
        }
        out.push(Due {
            id: id.clone(),
            seq: r.seq,
            group,
            url,
            body: r.o.text("body").to_string(),
            secret,
        });
    }
    out
}

/// What became of an attempt.
fn record(op: &mut Op<'_>, d: &Due, status: Option<u16>) {
    let Some(row) = op.t.get(DELIVERIES, &d.id).cloned() else { return };
    let taken = status.is_some_and(|s| (200..300).contains(&s));
    let extra = row["extra"] == true;
    let too_old = op.now.secs_since(Ts(row.num("created"))) > GIVE_UP_SECS;
    if taken && !extra {
        let table = if row.is("table", THIN_EVENTS) { THIN_EVENTS } else { EVENTS };
        let event = row.text("event").to_string();
        let left = op.t.hidden(table, &event, "undelivered").and_then(Value::as_i64).unwrap_or(1) - 1;
        op.t.hide(table, &event, "undelivered", left.max(0));
        if table == EVENTS {
            op.edit(EVENTS, &event, |m| {
                m.insert("pending_webhooks".into(), json!(left.max(0)));
            });
        }
    }
    if taken || extra || too_old {
        op.t.remove(DELIVERIES, &d.id);
    } else {
        let attempt = row.num("attempt");
        let gap = usize::try_from(attempt)
            .ok()
            .and_then(|a| GAPS.get(a))
            .unwrap_or(&GAPS[GAPS.len() - 1]);
        let next = op.now.plus_secs(*gap).micros();
        op.edit(DELIVERIES, &d.id, |m| {
            m.insert("attempt".into(), json!(attempt + 1));
            m.insert("next".into(), json!(next));
            m.insert("last_status".into(), json!(status));
            m.insert("held".into(), json!(false));
        });
    }
    // A later event is out: those held back for it may go.
    let now = op.now.micros();
    let held: Vec<String> =
        op.t.rows(DELIVERIES)
            .filter(|(_, r)| r.o["held"] == true && r.seq < d.seq)
            .map(|(id, _)| id.clone())
            .collect();
    for id in held {
        op.edit(DELIVERIES, &id, |m| {
            m.insert("held".into(), json!(false));
            m.insert("next".into(), json!(now));
        });
    }
}

fn jobs(op: &mut Op<'_>) {
    let due: Vec<(String, Value)> =
        op.t.rows(JOBS)
            .filter(|(_, r)| r.o.num("at") <= op.now.micros())
            .map(|(id, r)| (id.clone(), r.o.clone()))
            .collect();
    for (id, job) in due {
        op.t.remove(JOBS, &id);
        let object = job.text("object");
        match job.text("kind") {
            "session_expire" => {
                sessions::lapse(op, object);
            }
            "refund_settle" => refunds::settle(op, object),
            "refund_fail" => {
                // Refused only when it has failed already.
                let _ = refunds::fail(op, object);
            }
            "payout_next" => balance::advance_payout(op, object),
            "outbound_post" => {
                // Refused only when it has been cancelled or failed meanwhile.
                let _ = outbound::become_(op, object, "posted");
            }
            "dispute_won" => {
                disputes::decide(op, object, true);
            }
            "dispute_lost" => {
                disputes::decide(op, object, false);
            }
            other => tracing::warn!(job = other, "unknown job in the Stripe sandbox's books"),
        }
    }
}

fn prune(op: &mut Op<'_>) {
    let events = op.now.plus_days(-KEEP_EVENTS_DAYS).secs();
    let keys = op.now.plus_days(-2).secs();
    for (table, before) in [(EVENTS, events), (KEYS, keys)] {
        let old: Vec<String> =
            op.t.rows(table)
                .take_while(|(_, r)| r.o.num("created") < before)
                .map(|(id, _)| id.clone())
                .collect();
        for id in old {
            op.t.remove(table, &id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_one_stripe_s_own_libraries_verify() {
        let body = r#"{"id":"evt_1","object":"event","type":"payment_intent.succeeded","created":1893456000,"livemode":false,"data":{"object":{"id":"pi_1","object":"payment_intent","amount":12345,"currency":"eur","status":"succeeded"}}}"#;
        assert_eq!(
            signature("whsec_test_9f3c2b7a1d5e4860", 1_893_456_000, body),
            "t=1893456000,v1=b1c6bf873f6f7c10585c158e961a4eaf3201738bc363a956986d37ae44fa6143"
        );
    }
}

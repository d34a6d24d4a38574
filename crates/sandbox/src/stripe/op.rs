//! One operation on an account: its view of the tables, of time and chance, and the events it
//! causes. Everything an operation does happens under the account's lock and reaches the books in
//! one transaction.

use super::error::{Answer, StripeError};
use super::tables::*;
use crate::{FaultKind, Shared};
use qd_kernel::Ts;
use serde_json::{Map, Value, json};

pub const API_VERSION: &str = "2026-10-28.endive";

/// Who the account is.
#[derive(Clone)]
pub struct Identity {
    /// The connection's name at the merchant's side.
    pub connection: String,
    /// `acct_…`, derived from the connection's name.
    pub id: String,
    pub secret_key: String,
    pub webhook_secret: String,
}

pub struct Op<'a> {
    pub t: &'a mut Tables,
    pub who: &'a Identity,
    pub shared: &'a Shared,
    pub now: Ts,
    /// `req_…` of the API call; none when the account acts by itself.
    pub request: Option<String>,
    pub key: Option<String>,
}

/// The delivery target that stands in the configuration rather than in the API.
pub const DEFAULT_TARGET: &str = "default";

impl Op<'_> {
    /// `prefix` and `len` letters and digits.
    pub fn token(&self, prefix: &str, len: usize) -> String {
        const CHARS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut id = String::with_capacity(prefix.len() + len);
        id.push_str(prefix);
        for _ in 0..len {
            id.push(char::from(CHARS[usize::try_from(self.shared.env.entropy.below(62)).unwrap_or(0)]));
        }
        id
    }

    pub fn secs(&self) -> i64 {
        self.now.secs()
    }

    /// An object named in the path: 404 when it is not there.
    pub fn must(&self, table: &'static str, id: &str, param: &str) -> Answer<Value> {
        self.t
            .get(table, id)
            .cloned()
            .ok_or_else(|| StripeError::no_such(noun(table), id, param))
    }

    /// An object named in a parameter: 400 when it is not there.
    pub fn referenced(&self, table: &'static str, id: &str, param: &str) -> Answer<Value> {
        self.t
            .get(table, id)
            .cloned()
            .ok_or_else(|| StripeError::no_such_param(noun(table), id, param))
    }

    /// Changes an object that is known to exist and gives its new state.
    pub fn edit(&mut self, table: &'static str, id: &str, change: impl FnOnce(&mut Map<String, Value>)) -> Value {
        self.t.edit(table, id, change).unwrap_or(Value::Null)
    }

    /// Has the account do `kind` to `object` at a later time.
    pub fn later(&mut self, kind: &str, object: &str, at: Ts) {
        let id = format!("{kind}:{object}");
        self.t.put(JOBS, &id, json!({"kind": kind, "object": object, "at": at.micros()}));
    }

    /// Writes an event with the object as it now stands and queues its deliveries. `previous`
    /// holds the old values of what changed, for `*.updated`.
    pub fn event(&mut self, kind: &str, object: &Value, previous: Option<Value>) {
        let id = self.token("evt_1", 23);
        let targets = self.targets(kind);
        let mut data = json!({"object": object});
        if let Some(p) = previous {
            data["previous_attributes"] = p;
        }
        let event = json!({
            "id": id,
            "object": "event",
            "api_version": API_VERSION,
            "context": null,
            "created": self.secs(),
            "data": data,
            "livemode": false,
            "pending_webhooks": targets.len(),
            "request": {"id": self.request, "idempotency_key": self.key},
            "type": kind,
        });
        self.t.put(EVENTS, &id, event.clone());
        self.t.hide(EVENTS, &id, "undelivered", targets.len());
        let group = ["payment_intent", "id"]
            .iter()
            .map(|k| object.text(k))
            .find(|s| !s.is_empty())
            .unwrap_or_default()
            .to_string();
        self.queue(EVENTS, &event, &group, targets);
    }

    /// An event of the v2 API: a thin note that names the object.
    pub fn thin_event(&mut self, kind: &str, object: &Value, url: &str) {
        let id = self.token("evt_test_", 28);
        let targets = self.targets(kind);
        let mut event = json!({
            "id": id,
            "object": "v2.core.event",
            "type": kind,
            "created": millis_text(self.now),
            "livemode": false,
            "context": null,
            "reason": null,
            "related_object": {"id": object.text("id"), "type": object.text("object"), "url": url},
        });
        if let Some(r) = &self.request {
            event["reason"] = json!({"type": "request", "request": {"id": r, "idempotency_key": self.key.clone().unwrap_or_default()}});
        }
        self.t.put(THIN_EVENTS, &id, event.clone());
        self.t.hide(THIN_EVENTS, &id, "undelivered", targets.len());
        let group = object.text("id").to_string();
        self.queue(THIN_EVENTS, &event, &group, targets);
    }

    /// The merchant's configured hook.
    pub fn hook_url(&self) -> String {
        format!("{}/hooks/stripe/{}", self.shared.cfg.hook_base, self.who.connection)
    }

    /// (target, url): the merchant's configured hook and the endpoints made through the API.
    fn targets(&self, kind: &str) -> Vec<(String, String)> {
        let mut out = vec![(DEFAULT_TARGET.to_string(), self.hook_url())];
        for (id, r) in self.t.rows(ENDPOINTS) {
            let wants = r.o["enabled_events"]
                .as_array()
                .is_some_and(|a| a.iter().any(|e| e == "*" || e == kind));
            if wants && r.o.is("status", "enabled") {
                out.push((id.clone(), r.o.text("url").to_string()));
            }
        }
        out
    }

    fn queue(&mut self, table: &'static str, event: &Value, group: &str, targets: Vec<(String, String)>) {
        let fault = |k: FaultKind| {
            matches!(
                k,
                FaultKind::Late | FaultKind::Twice | FaultKind::Lost | FaultKind::Reorder | FaultKind::Forged | FaultKind::WrongAmount
            )
        };
        // `webhook` spoils any event, `webhook:payment_intent.succeeded` only that type.
        let named = format!("webhook:{}", event.text("type"));
        let ordered = self
            .shared
            .faults
            .take("stripe", &self.who.connection, &named, fault)
            .or_else(|| self.shared.faults.take("stripe", &self.who.connection, "webhook", fault));
        let body = serde_json::to_string_pretty(event).unwrap_or_default();
        for (n, (target, url)) in targets.into_iter().enumerate() {
            let mut d = json!({
                "event": event.text("id"), "table": table, "target": target, "url": url, "body": body, "group": group,
                "attempt": 0, "created": self.now.micros(), "next": self.now.micros(), "held": false, "forged": false,
            });
            let id = format!("{}:{n}", event.text("id"));
            let Some(f) = &ordered else {
                self.t.put(DELIVERIES, &id, d);
                continue;
            };
            match f.kind {
                FaultKind::Lost => continue,
                FaultKind::Late => d["next"] = json!(self.now.plus_millis(delay(f, 3_000)).micros()),
                FaultKind::Reorder => {
                    // Goes out after the next event has; after ten seconds in any case.
                    d["held"] = json!(true);
                    d["group"] = json!("");
                    d["next"] = json!(self.now.plus_millis(delay(f, 10_000)).micros());
                }
                FaultKind::Twice => {
                    let mut again = d.clone();
                    again["extra"] = json!(true);
                    self.t.put(DELIVERIES, &format!("{id}:again"), again);
                }
                FaultKind::Forged => {
                    let mut forged = d.clone();
                    let mut lie = event.clone();
                    skew_amounts(&mut lie["data"]["object"], f.value.as_deref(), 10);
                    forged["body"] = json!(serde_json::to_string_pretty(&lie).unwrap_or_default());
                    forged["forged"] = json!(true);
                    forged["extra"] = json!(true);
                    self.t.put(DELIVERIES, &format!("{id}:forged"), forged);
                }
                FaultKind::WrongAmount => {
                    let mut lie = event.clone();
                    skew_amounts(&mut lie["data"]["object"], f.value.as_deref(), 2);
                    d["body"] = json!(serde_json::to_string_pretty(&lie).unwrap_or_default());
                }
                _ => {}
            }
            self.t.put(DELIVERIES, &id, d);
        }
    }
}

fn delay(f: &crate::Fault, default_ms: u64) -> i64 {
    i64::try_from(f.delay(default_ms).as_millis()).unwrap_or(i64::MAX)
}

/// Puts a wrong amount wherever an object states one: `value`, or `factor` times the true one.
pub fn skew_amounts(object: &mut Value, value: Option<&str>, factor: i64) {
    let wrong = |old: i64| value.and_then(|v| v.parse().ok()).unwrap_or_else(|| old.saturating_mul(factor));
    for key in ["amount", "amount_received", "amount_captured", "amount_total", "amount_subtotal"] {
        if let Some(old) = object.get(key).and_then(Value::as_i64)
            && old != 0
        {
            object[key] = json!(wrong(old));
        }
    }
    if let Some(old) = object.get("amount").and_then(|a| a.get("value")).and_then(Value::as_i64) {
        object["amount"]["value"] = json!(wrong(old));
    }
}

/// `2026-11-20T08:52:16.123Z`, as v2 writes times.
pub fn millis_text(ts: Ts) -> String {
    let full = ts.rfc3339();
    format!("{}Z", &full[..full.len() - 4])
}

/// What error messages call a kind of object.
fn noun(table: &'static str) -> &'static str {
    match table {
        METHODS => "PaymentMethod",
        _ => table,
    }
}

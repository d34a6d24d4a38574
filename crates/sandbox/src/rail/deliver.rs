//! What a provider does by itself: delivering callbacks until somebody takes them, over restarts,
//! and the things that happen later.

use super::account::JOBS;
use super::{Account, Desk, Fields, Op, call};
use crate::FaultKind;
use crate::stripe::{self, GAPS, GIVE_UP_SECS, Http};
use bytes::Bytes;
use qd_kernel::Ts;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Callbacks as they were caused.
pub(super) const NOTICES: &str = "notice";
/// Callbacks still to be delivered.
pub(super) const DELIVERIES: &str = "delivery";
/// Deliveries under way at once, per account.
const AT_ONCE: usize = 16;
const KEEP_NOTICES_DAYS: i64 = 31;

/// A callback to be sent: what [`super::Rail::post`] gets is the JSON of these fields, with `id`
/// and `created` (microseconds).
pub struct Notice {
    /// The provider's word; faults may name it: `webhook:PAYMENT_COMPLETED`.
    pub kind: String,
    /// Notices of one group (a payment) go out one after the other.
    pub group: String,
    /// An address given with the payment; None goes to the configured one.
    pub url: Option<String>,
    /// What it is about, in the provider's form.
    pub object: Value,
}

/// A callback as it goes out.
pub struct Post {
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Op<'_> {
    /// Queues a callback; its id.
    pub fn notify(&mut self, rail: &dyn super::Rail, n: Notice) -> String {
        let fault = |k: FaultKind| {
            matches!(
                k,
                FaultKind::Late | FaultKind::Twice | FaultKind::Lost | FaultKind::Reorder | FaultKind::Forged | FaultKind::WrongAmount
            )
        };
        let faults = &self.shared.faults;
        let named = format!("webhook:{}", n.kind);
        let ordered = faults
            .take(rail.name(), &self.cfg.connection, &named, fault)
            .or_else(|| faults.take(rail.name(), &self.cfg.connection, "webhook", fault));
        let (id, now) = (self.uuid(), self.now);
        let notice = json!({"id": id, "kind": n.kind, "group": n.group, "url": n.url, "object": n.object, "created": now.micros(), "undelivered": true});
        self.put(NOTICES, &id, notice.clone());
        let mut d = json!({"notice": id, "object": notice["object"], "group": n.group, "url": n.url, "attempt": 0, "created": now.micros(), "next": now.micros(),
            "held": false, "forged": false, "extra": false, "last_status": null});
        let lie = |factor: i64, value: Option<&str>| {
            let mut object = notice["object"].clone();
            call::skew(&mut object, rail.amounts(), value, factor);
            object
        };
        if let Some(f) = &ordered {
            let delay = |default| i64::try_from(f.delay(default).as_millis()).unwrap_or(i64::MAX);
            match f.kind {
                FaultKind::Lost => {
                    self.set(NOTICES, &id, "undelivered", false);
                    return id;
                }
                FaultKind::Late => d["next"] = json!(now.plus_millis(delay(3_000)).micros()),
                FaultKind::Reorder => {
                    // Goes out after the next one has; after ten seconds in any case.
                    d["held"] = json!(true);
                    d["group"] = json!("");
                    d["next"] = json!(now.plus_millis(delay(10_000)).micros());
                }
                FaultKind::Twice => {
                    let mut again = d.clone();
                    again["extra"] = json!(true);
                    self.put(DELIVERIES, &format!("{id}:again"), again);
                }
                FaultKind::Forged => {
                    let mut forged = d.clone();
                    forged["object"] = lie(10, f.value.as_deref());
                    forged["forged"] = json!(true);
                    forged["extra"] = json!(true);
                    self.put(DELIVERIES, &format!("{id}:forged"), forged);
                }
                FaultKind::WrongAmount => d["object"] = lie(2, f.value.as_deref()),
                _ => {}
            }
        }
        self.put(DELIVERIES, &id, d);
        id
    }
}

/// Where a callback goes: to the address given with the payment, or to the configured one.
pub(super) fn address(op: &Op<'_>, given: &str) -> String {
    if given.is_empty() { op.hook_url() } else { given.to_string() }
}

pub(super) async fn send(http: &Http, url: &str, post: &Post) -> Option<(u16, String)> {
    stripe::send(http, url, &post.headers, Bytes::from(post.body.clone())).await
}

/// One delivery as it stood when it was picked.
struct Due {
    id: String,
    seq: u64,
    group: String,
    url: String,
    post: Post,
}

#[derive(Default)]
struct UnderWay {
    ids: HashSet<String>,
    groups: HashSet<String>,
}

/// Runs until the sandbox stops.
pub(super) async fn run(desk: Arc<Desk>, account: Arc<Account>) {
    let mut stop = desk.shared.stopping();
    let under_way: Arc<Mutex<UnderWay>> = Arc::default();
    let mut rounds = 0u32;
    loop {
        let due = {
            let mut busy = under_way.lock().unwrap_or_else(|p| p.into_inner());
            account.run_quietly(&desk.shared, |op| {
                jobs(&desk, op);
                if rounds.is_multiple_of(3_000) {
                    prune(op);
                }
                pick(&desk, op, &mut busy)
            })
        };
        rounds = rounds.wrapping_add(1);
        for d in due {
            let (desk, account, under_way) = (desk.clone(), account.clone(), under_way.clone());
            tokio::spawn(async move {
                let answer = send(&desk.http, &d.url, &d.post).await;
                account.run_quietly(&desk.shared, |op| record(&desk, op, &d, answer));
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

/// Callbacks of one payment go out in the order they were caused, unless one has to be tried again.
fn pick(desk: &Desk, op: &Op<'_>, busy: &mut UnderWay) -> Vec<Due> {
    let mut out = Vec::new();
    for (id, d) in op.rows(DELIVERIES) {
        if busy.ids.len() >= AT_ONCE {
            break;
        }
        let group = d.text("group");
        if d.num("next") > op.now.micros() || busy.ids.contains(id) || (!group.is_empty() && busy.groups.contains(group)) {
            continue;
        }
        let Some(mut notice) = op.get(NOTICES, d.text("notice")).cloned() else {
            continue;
        };
        notice["object"] = d["object"].clone();
        busy.ids.insert(id.to_string());
        if !group.is_empty() {
            busy.groups.insert(group.to_string());
        }
        notice["attempt"] = json!(d.num("attempt") + 1);
        out.push(Due {
            id: id.to_string(),
            seq: op.seq(DELIVERIES, id).unwrap_or(0),
            group: group.to_string(),
            url: address(op, d.text("url")),
            post: desk.rail.post(op, &notice, d["forged"] == true),
        });
    }
    out
}

/// What became of an attempt.
fn record(desk: &Desk, op: &mut Op<'_>, d: &Due, answer: Option<(u16, String)>) {
    let Some(row) = op.get(DELIVERIES, &d.id).cloned() else { return };
    let taken = answer.as_ref().is_some_and(|(s, body)| desk.rail.taken(*s, body));
    let extra = row["extra"] == true;
    let attempt = row.num("attempt") + 1;
    let enough = match desk.rail.tries() {
        Some(most) => attempt >= most,
        None => op.now.secs_since(Ts(row.num("created"))) > GIVE_UP_SECS,
    };
    if taken && !extra {
        op.set(NOTICES, row.text("notice"), "undelivered", false);
    }
    if taken || extra || enough {
        op.remove(DELIVERIES, &d.id);
    } else {
        let nth = usize::try_from(attempt - 1).unwrap_or(usize::MAX);
        let gap = GAPS.get(nth).unwrap_or(&GAPS[GAPS.len() - 1]);
        let next = op.now.plus_secs(*gap).micros();
        op.edit(DELIVERIES, &d.id, |m| {
            m.insert("attempt".into(), json!(attempt));
            m.insert("next".into(), json!(next));
            m.insert("last_status".into(), json!(answer.map(|(s, _)| s)));
            m.insert("held".into(), json!(false));
        });
    }
    // A later callback is out: those held back for it may go.
    let held: Vec<String> = op
        .rows(DELIVERIES)
        .filter(|(id, r)| r["held"] == true && op.seq(DELIVERIES, id).is_some_and(|s| s < d.seq))
        .map(|(id, _)| id.to_string())
        .collect();
    let now = op.now.micros();
    for id in held {
        op.edit(DELIVERIES, &id, |m| {
            m.insert("held".into(), json!(false));
            m.insert("next".into(), json!(now));
        });
    }
}

fn jobs(desk: &Desk, op: &mut Op<'_>) {
    let due: Vec<(String, Value)> = op
        .rows(JOBS)
        .filter(|(_, o)| o.num("at") <= op.now.micros())
        .map(|(id, o)| (id.to_string(), o.clone()))
        .collect();
    for (id, job) in due {
        op.remove(JOBS, &id);
        desk.rail.due(op, job.text("kind"), job.text("object"));
    }
}

fn prune(op: &mut Op<'_>) {
    let before = op.now.plus_days(-KEEP_NOTICES_DAYS).micros();
    let old: Vec<String> = op
        .rows(NOTICES)
        .take_while(|(_, n)| n.num("created") < before)
        .map(|(id, _)| id.to_string())
        .collect();
    for id in old {
        op.remove(NOTICES, &id);
    }
}

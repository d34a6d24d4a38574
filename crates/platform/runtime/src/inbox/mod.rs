//! Callbacks: stored as they came, answered, processed by a job.
//!
//! The web layer caps the size and verifies the signature on the raw bytes before it calls
//! [`receive`]; if storing fails the caller must not be told that it worked. The provider's event
//! id is unique per connection, so that a callback sent 32 times at once is one row and one job.

mod store;

pub use store::{Refused, Stored};

use crate::Core;
use crate::jobs::{self, NewJob};
use qd_db::Tx;
use qd_kernel::{Problem, Result, Ts, id, text_enum};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

id!(InboxId, "inb", "A callback as it came.");

/// The kind of the job that processes one: payload `{inbox_id, provider, connection}`.
pub const PROCESS: &str = "inbox.process";

text_enum!(
    /// What became of a callback.
    InboxState { New = "new", Processed = "processed", Ignored = "ignored", Failed = "failed" }
);

/// A verified callback.
#[derive(Clone, Debug)]
pub struct NewHook<'a> {
    pub provider: &'a str,
    pub connection: &'a str,
    /// The provider's own id of the event.
    pub event_id: &'a str,
    pub kind: &'a str,
    /// The headers that may matter later (signature, time, content type), as a JSON object.
    pub headers_json: String,
    /// The bytes the signature was made over.
    pub body: &'a [u8],
    /// What it is about: a payment's id, or an object for the handler with such an id as `lane`.
    /// Callbacks of one subject are processed in order, one at a time. No id: no order needed.
    pub subject: Value,
    pub received_at: Ts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    New(InboxId),
    /// Stored before; answer the provider as the first time.
    Duplicate,
}

pub async fn receive(tx: &mut Tx, core: &Core, msg: NewHook<'_>) -> Result<Received> {
    let id = InboxId::new(&core.env);
    if !store::insert(tx, id, &msg, &hash(msg.body)).await? {
        store::repeat(tx, msg.provider, msg.connection, msg.event_id).await?;
        return Ok(Received::Duplicate);
    }
    let payload = json!({ "inbox_id": id, "provider": msg.provider, "connection": msg.connection });
    let mut job = NewJob::new(PROCESS, payload, core.now()).key(id.to_string());
    let about = msg.subject.get("lane").unwrap_or(&msg.subject).as_str();
    job.lane = about.map(|s| format!("inbox:{}:{}:{s}", msg.provider, msg.connection));
    jobs::enqueue(tx, core, job).await?;
    Ok(Received::New(id))
}

pub async fn load(tx: &mut Tx, id: InboxId) -> Result<Stored> {
    store::find(tx, id).await?.ok_or_else(|| Problem::missing("callback"))
}

/// Says what became of it, in the transaction of the effect. A callback that is processed already
/// stays as it is: a repeated run changed nothing.
pub async fn finish(tx: &mut Tx, core: &Core, id: InboxId, state: InboxState, note: Option<&str>) -> Result<()> {
    store::finish(tx, id, state, note, core.now()).await
}

/// What was turned away: forged, stale, too old, unreadable. Counted by the hour with the hash of
/// the last body; the body itself is a stranger's and is not kept.
pub async fn refuse(tx: &mut Tx, core: &Core, provider: &str, connection: &str, reason: &str, body: &[u8]) -> Result<()> {
    store::refuse(tx, provider, connection, reason, &hash(body), core.now()).await
}

/// Refusals since a moment, the latest first; at most 200 rows.
pub async fn refused(tx: &mut Tx, since: Ts) -> Result<Vec<Refused>> {
    store::refused(tx, since).await
}

fn hash(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

//! A command that moves money or makes something carries a key made by the client. The key, a hash
//! of the input and the answer are stored in the transaction of the effect, so that a repeated
//! request finds either nothing at all or everything.

mod store;

use crate::Core;
use qd_db::Tx;
use qd_kernel::{Problem, Result, Ts};
use serde_json::Value;

/// Longer keys are refused: a key is an id, not a document.
pub const MAX_KEY: usize = 128;

#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// Not seen before: do the work, then [`answer`] in the same transaction.
    Fresh,
    /// Done before with the same input: give this answer again.
    Replay { status: u16, body: Value },
}

/// Claims `key` for the caller `scope` (its id). Two requests at once with one key: the second
/// waits for the first's transaction and then replays its answer, or is fresh when the first
/// rolled back.
///
/// Errors: `idempotency_key_reused` when the key came with another input before,
/// `idempotency_key_malformed` for an empty or over-long one.
pub async fn claim(tx: &mut Tx, core: &Core, scope: &str, key: &str, input_hash: &[u8; 32]) -> Result<Claim> {
    if key.is_empty() || key.len() > MAX_KEY || !key.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Problem::invalid(
            "idempotency_key",
            "idempotency_key_malformed",
            format!("expected 1 to {MAX_KEY} visible ASCII characters"),
        ));
    }
    if store::insert(tx, scope, key, input_hash, core.now()).await? {
        return Ok(Claim::Fresh);
    }
    match store::find(tx, scope, key).await? {
        Some(s) if s.input_hash != input_hash => Err(Problem::conflict(
            "idempotency_key_reused",
            "this key was used before with another input",
        )),
        Some(store::Stored {
            status: Some(status),
            body: Some(body),
            ..
        }) => Ok(Claim::Replay { status, body }),
        // Committed without an answer: the command forgot to give one.
        _ => Err(Problem::conflict(
            "idempotency_unanswered",
            "a request with this key left no answer",
        )),
    }
}

/// Stores the answer beside the effect.
pub async fn answer(tx: &mut Tx, scope: &str, key: &str, status: u16, body: &Value) -> Result<()> {
    store::answer(tx, scope, key, status, body).await
}

/// Forgets keys older than `before`; answers how many.
pub async fn forget(tx: &mut Tx, before: Ts) -> Result<u64> {
    store::forget(tx, before).await
}

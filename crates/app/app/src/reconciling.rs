//! What reconciliation needs of several domains at once.

use crate::{App, store_position};
use qd_kernel::{Problem, Result, Ts};
use qd_recon::files::{self, Sealed};
use qd_recon::position::{self, Positions};
use qd_runtime::access::{Caller, Right};

/// Seals a settlement file on a thread of its own: 64 MB keep a processor busy for a while.
pub async fn seal(app: &App, bytes: impl AsRef<[u8]> + Send + 'static) -> Result<Sealed> {
    let store = app.files.clone();
    tokio::task::spawn_blocking(move || files::seal(&store, bytes.as_ref()))
        .await
        .map_err(|e| Problem::bug("seal_panicked", "a settlement file could not be sealed").with_source(e))?
}

/// Where all money of the caller's entities is: now, or of the entries booked before a moment.
pub async fn position(app: &App, caller: &Caller, as_of: Option<Ts>) -> Result<Positions> {
    caller.require(Right::LedgerView)?;
    let now = app.core.now();
    let mut held = app
        .core
        .db
        .read_long(async move |tx| match as_of {
            None => store_position::held_now(tx).await,
            Some(at) => store_position::held_before(tx, at).await,
        })
        .await?;
    held.retain(|h| caller.enters(h.entity.as_deref()));
    Ok(position::of(as_of.unwrap_or(now), held))
}

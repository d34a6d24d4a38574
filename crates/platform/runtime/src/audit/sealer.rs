//! Chains rows and signs checkpoints. Safe to run on every node: the head's row makes them queue.

use super::{AuditKey, Checkpoint, canonical, store};
use crate::Core;
use crate::jobs::{Handler, JobError, Lease};
use qd_kernel::{Problem, Result, Val, vals};
use std::sync::Arc;

/// Rows chained in one transaction: bounds how long the writer is held.
const BATCH: i64 = 1_000;

/// Told of a checkpoint; must not block for long.
pub type Publish = Arc<dyn Fn(&Checkpoint) + Send + Sync>;

#[derive(Clone)]
pub struct SealerConfig {
    /// Without a key the chain grows, and nothing signs it.
    pub key: Option<AuditKey>,
    /// A checkpoint after so many rows…
    pub every_rows: i64,
    /// …or so many seconds, when there are new rows.
    pub every_secs: i64,
    /// Told of each checkpoint after its commit: carries it to a place that the database's
    /// administrator cannot write.
    pub publish: Option<Publish>,
}

impl Default for SealerConfig {
    fn default() -> Self {
        SealerConfig {
            key: None,
            every_rows: 1_000,
            every_secs: 60,
            publish: None,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sealed {
    pub rows: u64,
    pub checkpoint: Option<Checkpoint>,
}

#[derive(Clone)]
pub struct Sealer {
    core: Core,
    config: SealerConfig,
}

impl Sealer {
    pub fn new(core: Core, config: SealerConfig) -> Sealer {
        Sealer { core, config }
    }

    /// Chains everything that waits and signs when it is time.
    pub async fn run(&self) -> Result<Sealed> {
        let mut sum = Sealed::default();
        loop {
            let (waiting, head) = self.core.db.read(async |tx| store::work(tx).await).await?;
            let owed = self.config.key.is_some()
                && head.position > head.checkpoint_position
                && self.core.now().secs_since(head.checkpoint_at) >= self.config.every_secs;
            if !waiting && !owed {
                return Ok(sum);
            }
            let once = self.batch(false).await?;
            let more = once.rows == BATCH.unsigned_abs();
            sum.rows += once.rows;
            sum.checkpoint = once.checkpoint.or(sum.checkpoint);
            if !more {
                return Ok(sum);
            }
        }
    }

    /// Chains everything and signs the head now, unless it is signed: before an export, at the end
    /// of a day, in tests. None without a key or without rows.
    pub async fn checkpoint_now(&self) -> Result<Option<Checkpoint>> {
        self.run().await?;
        self.batch(true).await?;
        self.last().await
    }

    /// The newest checkpoint, for display and export.
    pub async fn last(&self) -> Result<Option<Checkpoint>> {
        self.core.db.read(async |tx| store::last_checkpoint(tx).await).await
    }

    async fn batch(&self, force: bool) -> Result<Sealed> {
        let (key, every_rows, every_secs) = (self.config.key.clone(), self.config.every_rows, self.config.every_secs);
        let now = self.core.now();
        let sealed = self
            .core
            .db
            .write(async move |tx| {
                let head = store::lock_head(tx).await?;
                let mut position = head.position;
                let mut hash = bytes32(&head.chain_hash)?;
                let rows = store::waiting(tx, BATCH).await?;
                let (mut links, mut seqs): (Vec<Vec<Val>>, Vec<Vec<Val>>) = (Vec::new(), Vec::new());
                for (seq, id, content) in &rows {
                    position += 1;
                    hash = canonical::chain(&hash, &bytes32(content)?);
                    links.push(vals![position, id, content.clone(), &hash[..]].to_vec());
                    seqs.push(vals![*seq].to_vec());
                }
                if !rows.is_empty() {
                    store::seal(tx, &links, &seqs, position, &hash).await?;
                }
                let new = position - head.checkpoint_position;
                let due = new > 0 && (force || new >= every_rows || now.secs_since(head.checkpoint_at) >= every_secs);
                let checkpoint = match &key {
                    Some(key) if due => {
                        let c = key.sign(position, &hash, now);
                        store::insert_checkpoint(tx, &c).await?;
                        Some(c)
                    }
                    _ => None,
                };
                Ok(Sealed {
                    rows: u64::try_from(rows.len()).unwrap_or(0),
                    checkpoint,
                })
            })
            .await?;
        if let (Some(c), Some(publish)) = (&sealed.checkpoint, &self.config.publish) {
            publish(c);
        }
        Ok(sealed)
    }
}

fn bytes32(b: &[u8]) -> Result<[u8; 32]> {
    b.try_into()
        .map_err(|_| Problem::bug("audit_hash", "a stored hash is not 32 bytes"))
}

/// `Registry::every("audit.seal", 1, …)`: the second in which a row is not yet chained.
#[async_trait::async_trait]
impl Handler for Sealer {
    fn kind(&self) -> &'static str {
        "audit.seal"
    }
    async fn run(&self, _: &Lease) -> std::result::Result<(), JobError> {
        Sealer::run(self).await?;
        Ok(())
    }
}

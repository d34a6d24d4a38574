//! Out: every row of every kind, a piece at a time, from one state of the database.

use super::{CHUNK, FORMAT, FileNote, Kind, Manifest, Progress, Tally, kind};
use crate::ids::ExportId;
use crate::store::carry as store;
use qd_db::Tx;
use qd_kernel::{Problem, Result};
use qd_runtime::Core;
use sha2::{Digest, Sha256};

/// Where an export goes.
pub trait Sink {
    /// `line` ends with a line feed. Every kind is begun, also one without rows.
    fn begin(&mut self, kind: Kind) -> Result<()>;
    fn line(&mut self, line: &str) -> Result<()>;
}

/// Writes all rows to `sink` and answers the manifest. `entity` limits it to an entity's partners and
/// what hangs on them. For a read transaction: all of it is one state.
///
/// Errors: `tree_crosses_entities` (a partner of the entity stands, or stood, below one of another:
/// only the whole house can be exported), `export_inconsistent` (statements or purses that contradict
/// their lines: `quarterdeck verify` says more), and what `sink` says.
pub async fn export(tx: &mut Tx, core: &Core, entity: Option<&str>, sink: &mut dyn Sink, progress: Progress<'_>) -> Result<Manifest> {
    if let Some(e) = entity {
        let (n, first) = store::edges_across(tx, e).await?;
        if n > 0 {
            return Err(Problem::conflict(
                "tree_crosses_entities",
                format!(
                    "{n} places in the tree lie below a partner of another entity ({} is one): export the whole house",
                    first.unwrap_or_default()
                ),
            ));
        }
    }
    let mut tally = Tally::default();
    let mut files = Vec::with_capacity(Kind::ALL.len());
    for kind in Kind::ALL.iter().copied() {
        sink.begin(kind)?;
        let (mut rows, mut bytes, mut hash) = (0u64, 0u64, Sha256::new());
        let mut after = kind.first()?;
        loop {
            let piece = store::page(tx, kind, entity, &after, CHUNK).await?;
            let Some(last) = piece.last() else { break };
            after = kind.key_of(last)?;
            for row in &piece {
                tally.add(kind, row)?;
                let mut line = kind::line(kind, row)?;
                line.push('\n');
                hash.update(line.as_bytes());
                bytes += line.len() as u64;
                rows += 1;
                sink.line(&line)?;
            }
            progress(kind.name(), rows, 0);
            if (piece.len() as i64) < CHUNK {
                break;
            }
        }
        files.push(FileNote {
            file: kind.file(),
            rows,
            bytes,
            sha256: hex::encode(hash.finalize()),
        });
    }
    let (sums, statements, faults) = tally.finish();
    if let Some(f) = faults.first() {
        return Err(Problem::conflict(
            "export_inconsistent",
            format!("{} faults, the first: {f}; quarterdeck verify says more", faults.len()),
        ));
    }
    Ok(Manifest {
        format: FORMAT,
        export: ExportId::new(&core.env),
        made_at_us: core.now(),
        entity: entity.map(str::to_string),
        files,
        sums,
        statements,
    })
}

//! The partner module out of one installation and into another: files, one per [`Kind`], and a
//! [`Manifest`] that says what is in them. The format is described in `docs/export-format.md`.

mod kind;
mod map;
mod put;
mod tally;
mod write;

pub use kind::{Column, Kind, Ty};
pub use map::ClientMap;
pub use put::{Outcome, check, import};
pub use tally::{Sum, Tally};
pub use write::{Sink, export};

use crate::ids::{ExportId, StatementId};
use qd_kernel::{Problem, Result, Ts};
use serde::{Deserialize, Serialize};

/// What this program writes and reads.
pub const FORMAT: u32 = 1;
/// Rows in a piece: of a read, and of a transaction.
const CHUNK: i64 = 500;

/// What an export consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub format: u32,
    pub export: ExportId,
    pub made_at_us: Ts,
    /// None: the whole house.
    pub entity: Option<String>,
    pub files: Vec<FileNote>,
    pub sums: Vec<Sum>,
    pub statements: Vec<StatementNote>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileNote {
    pub file: String,
    pub rows: u64,
    pub bytes: u64,
    /// Of the file, in hex.
    pub sha256: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatementNote {
    pub id: StatementId,
    /// Of its content, in hex.
    pub sha256: String,
}

impl Manifest {
    /// Errors: `manifest_malformed`, `format_unknown`.
    pub fn read(text: &str) -> Result<Manifest> {
        let m: Manifest = serde_json::from_str(text).map_err(|e| {
            Problem::invalid(
                "manifest",
                "manifest_malformed",
                format!("expected the manifest of an export: {e} (line {}, column {})", e.line(), e.column()),
            )
        })?;
        if m.format != FORMAT {
            return Err(Problem::invalid(
                "manifest/format",
                "format_unknown",
                format!("expected format {FORMAT}, found {}", m.format),
            ));
        }
        Ok(m)
    }

    fn note(&self, kind: Kind) -> Option<&FileNote> {
        let name = kind.file();
        self.files.iter().find(|f| f.file == name)
    }

    /// Rows of a file.
    pub fn rows(&self, kind: Kind) -> u64 {
        self.note(kind).map_or(0, |f| f.rows)
    }
}

/// The lines of a file, without line feeds.
pub type Lines = Box<dyn Iterator<Item = Result<String>> + Send>;

/// Where an export is read from.
pub trait Source: Sync {
    fn lines(&self, kind: Kind) -> Result<Lines>;
}

/// Told now and then: file, rows done, rows in all.
pub type Progress<'a> = &'a mut (dyn FnMut(&str, u64, u64) + Send);

//! Settlement files: taken in as they come, sealed, read by a job.

use crate::{FileState, LineState, SettlementFileId, store};
use qd_db::Tx;
use qd_kernel::{Amount, Page, PageRequest, Problem, Result, Ts};
use qd_payments::Psps;
use qd_payments::jobs::connections;
use qd_runtime::access::{Caller, Right};
use qd_runtime::files::Files;
use qd_runtime::jobs::{self, NewJob};
use qd_runtime::{Core, audit};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};

/// Bytes of one file.
pub const MAX_BYTES: usize = 64 * 1024 * 1024;
const PART: usize = 1024 * 1024;

/// A file about to be stored: sealed already, so that the transaction only writes.
#[derive(Clone)]
pub struct Sealed {
    sha256: String,
    size: i64,
    parts: Vec<Vec<u8>>,
}

impl Sealed {
    /// Of the content, lower-case hex.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }
}

/// Seals a file in pieces. Not inside a transaction: it is work for a processor.
pub fn seal(files: &Files, bytes: &[u8]) -> Result<Sealed> {
    if bytes.is_empty() {
        return Err(Problem::invalid("/file", "file_empty", "expected a file with content"));
    }
    if bytes.len() > MAX_BYTES {
        return Err(Problem::limit(
            "file_too_big",
            format!("a settlement file may have {MAX_BYTES} bytes"),
        ));
    }
    Ok(Sealed {
        sha256: hex::encode(Sha256::digest(bytes)),
        size: i64::try_from(bytes.len()).map_err(|_| Problem::bug("file_size", "a file longer than an i64"))?,
        parts: bytes.chunks(PART).map(|p| files.seal(p)).collect::<Result<_>>()?,
    })
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = SettlementFile)]
pub struct FileView {
    pub id: SettlementFileId,
    pub connection: String,
    pub entity: String,
    pub name: String,
    /// Of the content, lower-case hex: the same content is taken once per connection.
    pub sha256: String,
    /// Bytes.
    pub size: i64,
    /// The file's own id, where its provider writes one.
    pub file_ref: Option<String>,
    pub state: FileState,
    pub lines_total: i64,
    pub lines_read: i64,
    pub matched: i64,
    pub breaks: i64,
    /// Lines that had come in an earlier file.
    pub repeated: i64,
    /// Why it was refused, or another file with the same id of its own.
    pub problem: Option<String>,
    pub from_us: Option<Ts>,
    pub until_us: Option<Ts>,
    pub loaded_by: String,
    pub loaded_at_us: Ts,
    pub finished_at_us: Option<Ts>,
}

pub(crate) fn view(f: store::FileRow) -> FileView {
    FileView {
        id: f.id,
        connection: f.connection,
        entity: f.entity,
        name: f.name,
        sha256: f.sha256,
        size: f.size,
        file_ref: f.file_ref,
        state: f.state,
        lines_total: f.lines_total,
        lines_read: f.lines_read,
        matched: f.matched,
        breaks: f.breaks,
        repeated: f.repeated,
        problem: f.problem,
        from_us: f.from_at,
        until_us: f.until_at,
        loaded_by: f.loaded_by,
        loaded_at_us: f.loaded_at,
        finished_at_us: f.finished_at,
    }
}

/// The connection with its entity, when the caller may enter it.
pub(crate) async fn connection(tx: &mut Tx, caller: &Caller, id: &str) -> Result<connections::ConnectionRow> {
    let all = connections::list(tx, &Caller::system("reconciliation")).await?;
    all.into_iter()
        .find(|c| c.id == id && caller.enters(Some(&c.entity)))
        .ok_or_else(|| Problem::invalid("connection", "connection_unknown", "expected the id of a payment connection"))
}

/// Takes a file in and has it read. The same content again answers the file that is there.
///
/// Errors: `connection_unknown`, `settlements_not_offered` for a provider whose files are not known.
pub async fn load(tx: &mut Tx, core: &Core, psps: &Psps, caller: &Caller, of: &str, name: &str, file: &Sealed) -> Result<FileView> {
    caller.require(Right::LedgerAdjust)?;
    let c = connection(tx, caller, of).await?;
    if !psps.get(of)?.can().settlements {
        return Err(Problem::invalid(
            "connection",
            "settlements_not_offered",
            "expected a provider whose settlement files are known here",
        ));
    }
    let name: String = name.chars().filter(|c| !c.is_control()).take(200).collect();
    let row = store::FileRow {
        id: SettlementFileId::new(&core.env),
        connection: of.to_string(),
        entity: c.entity,
        name: if name.trim().is_empty() { "settlement".into() } else { name },
        sha256: file.sha256.clone(),
        size: file.size,
        file_ref: None,
        state: FileState::Stored,
        lines_total: 0,
        lines_read: 0,
        matched: 0,
        breaks: 0,
        repeated: 0,
        problem: None,
        from_at: None,
        until_at: None,
        loaded_by: caller.id(),
        loaded_at: core.now(),
        finished_at: None,
        version: 1,
    };
    if !store::insert_file(tx, &row).await? {
        let there = store::file_by_content(tx, of, &file.sha256).await?;
        return there
            .map(view)
            .ok_or_else(|| Problem::unavailable("settlement_file_changed", "this file is being taken in by somebody else"));
    }
    store::insert_parts(tx, row.id, &file.parts).await?;
    jobs::enqueue(
        tx,
        core,
        NewJob::new("ledger.settlement_file", json!({"file_id": row.id}), core.now())
            .key(row.id.to_string())
            .lane(format!("reconciliation:{of}")),
    )
    .await?;
    audit::record(
        tx,
        core,
        audit::Entry {
            entity: Some(row.entity.clone()),
            after: Some(json!({"connection": of, "sha256": row.sha256, "size": row.size})),
            ..audit::Entry::new(caller, "settlement_file.loaded", format!("settlement_file:{}", row.id))
        },
    )
    .await?;
    Ok(view(row))
}

pub async fn get(tx: &mut Tx, caller: &Caller, id: SettlementFileId) -> Result<FileView> {
    caller.require(Right::LedgerView)?;
    let f = store::file(tx, id).await?.filter(|f| caller.enters(Some(&f.entity)));
    f.map(view).ok_or_else(|| Problem::missing("settlement file"))
}

pub async fn list(tx: &mut Tx, caller: &Caller, connection: Option<&str>, page: &PageRequest) -> Result<Page<FileView>> {
    caller.require(Right::LedgerView)?;
    let rows = store::list_files(tx, caller.allowed_entities().as_deref(), connection, page).await?;
    Ok(page.finish(rows.into_iter().map(view).collect(), |f: &FileView| f.id.to_string()))
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ReconciledLine)]
pub struct LineView {
    pub id: String,
    /// As the file counts, from 1 with the heading.
    pub line: i64,
    /// `payment`, `refund`, `payout`, `chargeback`, `chargeback_reversed`, `fee`, `transfer`, `other`.
    pub kind: String,
    /// The provider's word.
    pub word: String,
    pub our_ref: Option<String>,
    pub provider_ref: Option<String>,
    pub payment_ref: Option<String>,
    /// As our balance there saw it.
    pub gross: Amount,
    pub fee: Option<Amount>,
    pub at_us: Ts,
    pub state: LineState,
    /// The rule that matched it.
    pub rule: Option<String>,
    /// The ledger entry it stands against.
    pub entry_id: Option<String>,
}

pub async fn lines(
    tx: &mut Tx,
    caller: &Caller,
    id: SettlementFileId,
    state: Option<LineState>,
    page: &PageRequest,
) -> Result<Page<LineView>> {
    get(tx, caller, id).await?;
    let rows = store::list_lines(tx, id, state, page).await?;
    let page = page.finish(rows, |l: &store::LineRow| l.n.to_string());
    Ok(Page {
        next_cursor: page.next_cursor,
        items: page
            .items
            .into_iter()
            .map(|l| LineView {
                gross: Amount::new(l.minor, l.currency),
                fee: l.fee_minor.zip(l.fee_currency).map(|(m, c)| Amount::new(m, c)),
                id: l.id,
                line: l.line,
                kind: l.kind,
                word: l.word,
                our_ref: l.our_ref,
                provider_ref: l.provider_ref,
                payment_ref: l.payment_ref,
                at_us: l.at,
                state: l.state,
                rule: l.rule,
                entry_id: l.entry_id.map(|e| e.split(':').next().unwrap_or_default().to_string()),
            })
            .collect(),
    })
}

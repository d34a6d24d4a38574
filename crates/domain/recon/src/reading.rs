//! The job that reads a settlement file: in pieces, each a transaction with its progress, so that a
//! killed worker's successor goes on where it was.

use crate::breaks::{self, Found};
use crate::matching::{self, Line, Verdict};
use crate::settle::{self, Candidates, Of};
use crate::store::{self, FileRow, LineRow};
use crate::{BreakKind, Ctx, FileState, LineState, SettlementFileId, Side, Terms, sync};
use async_trait::async_trait;
use qd_db::Tx;
use qd_kernel::{Amount, Currency, Problem, Result};
use qd_ports::psp::{Settlement, SettlementFault, SettlementLine};
use qd_runtime::Core;
use qd_runtime::events::{self, NewEvent};
use qd_runtime::jobs::{Handler, JobError, Lease};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Lines in one transaction.
pub(crate) const CHUNK: usize = 500;

/// Faults that are shown one by one; a file with more has one break for the rest.
const FAULTS_SHOWN: usize = 100;

pub(crate) struct ReadFile(pub Ctx);

#[async_trait]
impl Handler for ReadFile {
    fn kind(&self) -> &'static str {
        "ledger.settlement_file"
    }

    async fn run(&self, lease: &Lease) -> std::result::Result<(), JobError> {
        let core = &self.0.core;
        let id = SettlementFileId::parse(lease.text("file_id")?)?;
        let f = core.db.read(async move |tx| store::file(tx, id).await).await?;
        let f = f.ok_or_else(|| Problem::missing("settlement file"))?;
        if matches!(f.state, FileState::Done | FileState::Refused) {
            return Ok(());
        }
        let bytes = self.content(id).await?;
        let psp = self.0.psps.get(&f.connection)?;
        let read = psp.read_settlement(&bytes);
        drop(bytes);
        match read {
            Err(fault) => self.refuse(lease, f, fault).await?,
            Ok(s) => self.work(lease, f, s).await?,
        }
        Ok(())
    }
}

impl ReadFile {
    async fn content(&self, id: SettlementFileId) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        for n in 0.. {
            let part = self.0.core.db.read(async move |tx| store::part(tx, id, n).await).await?;
            match part {
                Some(sealed) => out.extend(self.0.files.unseal(&sealed)?),
                None => break,
            }
        }
        Ok(out)
    }

    async fn refuse(&self, lease: &Lease, f: FileRow, fault: SettlementFault) -> Result<()> {
        let (core, lease) = (self.0.core.clone(), lease.clone());
        self.0
            .core
            .db
            .write(async move |tx| {
                let mut f = f.clone();
                f.state = FileState::Refused;
                f.problem = Some(format!("{}: {} ({})", fault.code, fault.expected, fault.field));
                f.finished_at = Some(core.now());
                store::save_file(tx, &mut f).await?;
                let found = fault_found(&f, "file", &fault)?;
                breaks::open(tx, &core, found).await?;
                tell(tx, &core, &f).await?;
                lease.complete(tx).await
            })
            .await
    }

    async fn work(&self, lease: &Lease, mut f: FileRow, s: Settlement) -> Result<()> {
        let core = &self.0.core;
        let (entity, of) = (f.entity.clone(), f.connection.clone());
        let terms = core.db.read(async move |tx| Terms::load(tx, &entity).await).await?;
        // What the ledger has up to now, so that no line of this file is missed for want of it.
        let (c, entity, connection) = (core.clone(), f.entity.clone(), of);
        sync::take_in_all(&c, &connection, &entity).await?;
        let (lines, faults) = (Arc::new(marked(&s.lines)), Arc::new(s.faults));
        let terms = Arc::new(terms);
        if f.state == FileState::Stored {
            let (from, until) = (lines.iter().map(|l| l.0.at).min(), lines.iter().map(|l| l.0.at).max());
            let (total, file_ref) = (i64::try_from(lines.len()).unwrap_or(i64::MAX), s.file_ref.clone());
            f = core
                .db
                .write(async move |tx| {
                    let mut f = f.clone();
                    f.state = FileState::Reading;
                    f.lines_total = total;
                    (f.from_at, f.until_at) = (from, until);
                    f.file_ref = file_ref.clone();
                    if let Some(r) = &file_ref
                        && let Some(other) = store::file_by_ref(tx, &f.connection, r, f.id).await?
                    {
                        // A provider that sends a file again sends the same lines: they are repeated.
                        f.problem = Some(format!("the file {other} has the same id of its own, {r}"));
                    }
                    store::save_file(tx, &mut f).await?;
                    Ok(f)
                })
                .await?;
        }
        while f.state == FileState::Reading {
            let (c, all, terms) = (core.clone(), lines.clone(), terms.clone());
            f = core.db.write(async move |tx| chunk(tx, &c, &terms, f.clone(), &all).await).await?;
        }
        let mut after = -1i64;
        while f.state == FileState::Settling {
            let (c, terms, faults) = (core.clone(), terms.clone(), faults.clone());
            let (next, at) = core
                .db
                .write(async move |tx| settling(tx, &c, &terms, f.clone(), after, &faults).await)
                .await?;
            (f, after) = (next, at);
        }
        let lease = lease.clone();
        core.db.write(async move |tx| lease.complete(tx).await).await
    }
}

/// The lines with their marks: the same line in another file gets the same mark, and a line that
/// stands twice in one file gets two.
fn marked(lines: &[SettlementLine]) -> Vec<(SettlementLine, String)> {
    let mut seen: HashMap<[u8; 32], u32> = HashMap::new();
    lines
        .iter()
        .map(|l| {
            let mut h = Sha256::new();
            let text = |h: &mut Sha256, t: &Option<String>| {
                h.update(t.as_deref().unwrap_or("\u{1}").as_bytes());
                h.update([0]);
            };
            h.update(l.word.as_bytes());
            h.update([0]);
            text(&mut h, &l.our_ref);
            text(&mut h, &l.provider_ref);
            text(&mut h, &l.payment_ref);
            h.update(l.gross.minor.to_be_bytes());
            h.update(l.gross.currency.code().as_bytes());
            h.update(l.at.micros().to_be_bytes());
            let plain: [u8; 32] = h.finalize().into();
            let n = seen.entry(plain).or_default();
            *n += 1;
            (l.clone(), format!("{}-{n}", hex::encode(&plain[..16])))
        })
        .collect()
}

fn row(f: &FileRow, n: usize, (l, mark): &(SettlementLine, String)) -> LineRow {
    let name = |t: &Option<String>| t.clone().filter(|t| !t.is_empty());
    LineRow {
        id: format!("{}:{n:08}", f.id),
        file_id: f.id,
        n: i64::try_from(n).unwrap_or(i64::MAX),
        line: i64::from(l.line),
        connection: f.connection.clone(),
        kind: settle::kind_text(l.kind),
        word: l.word.clone(),
        our_ref: name(&l.our_ref),
        provider_ref: name(&l.provider_ref),
        payment_ref: name(&l.payment_ref),
        minor: l.gross.minor,
        currency: l.gross.currency,
        fee_minor: l.fee.map(|a| a.minor),
        fee_currency: l.fee.map(|a| a.currency),
        at: l.at,
        mark: mark.clone(),
        state: LineState::Open,
        rule: None,
        entry_id: None,
    }
}

/// The next lines: written with what they match at once, or open for the look at all together.
async fn chunk(tx: &mut Tx, core: &Core, terms: &Terms, mut f: FileRow, all: &[(SettlementLine, String)]) -> Result<FileRow> {
    let from = usize::try_from(f.lines_read).unwrap_or(usize::MAX).min(all.len());
    let until = (from + CHUNK).min(all.len());
    let mut rows: Vec<LineRow> = (from..until).map(|n| row(&f, n, &all[n])).collect();
    let marks: Vec<&str> = rows.iter().map(|r| r.mark.as_str()).collect();
    let known: BTreeSet<String> = store::known_marks(tx, &f.connection, f.id, &marks)
        .await?
        .into_iter()
        .map(|r| r.0)
        .collect();
    for r in &mut rows {
        if known.contains(&r.mark) {
            r.state = LineState::Repeated;
            f.repeated += 1;
        }
    }
    let fresh: Vec<usize> = (0..rows.len()).filter(|i| rows[*i].state == LineState::Open).collect();
    let lines: Vec<Line> = fresh.iter().map(|i| settle::line_of(&rows[*i])).collect();
    let Candidates { mut entries, broken } = settle::candidates(tx, &f.connection, &lines).await?;
    let verdicts = matching::exact(&lines, &mut entries);
    let (connection, entity) = (f.connection.clone(), f.entity.clone());
    let of = Of {
        core,
        connection: &connection,
        entity: &entity,
        terms,
    };
    let mut pairs = Vec::new();
    let mut fees = Vec::new();
    for ((i, line), verdict) in fresh.into_iter().zip(&lines).zip(verdicts) {
        match verdict {
            Verdict::Matched { rule, entries: with } => {
                rows[i].state = LineState::Matched;
                rows[i].rule = Some(rule.to_string());
                rows[i].entry_id = with.first().cloned();
                if let Some(e) = with.first().filter(|e| {
                    let entry = entries.get(e);
                    entry.is_some_and(|e| matching::fee_differs(line, e).is_some())
                }) {
                    fees.push((line.clone(), e.clone()));
                }
                pairs.extend(with.into_iter().map(|e| (e, rule, rows[i].id.clone())));
                f.matched += 1;
            }
            Verdict::Noted => {
                rows[i].state = LineState::Noted;
                f.matched += 1;
            }
            Verdict::Open | Verdict::Break { .. } => {}
        }
    }
    store::insert_lines(tx, &rows).await?;
    settle::entries_matched(tx, &of, &broken, &pairs).await?;
    for (line, e) in fees {
        f.breaks += i64::from(settle::fee(tx, &of, &line, f.id, &entries, &e).await?);
    }
    f.lines_read = i64::try_from(until).unwrap_or(i64::MAX);
    if until == all.len() {
        f.state = FileState::Settling;
    }
    store::save_file(tx, &mut f).await?;
    tell(tx, core, &f).await?;
    Ok(f)
}

/// The lines that nothing stood against at once, then what could not be read. Answers where it is.
async fn settling(
    tx: &mut Tx,
    core: &Core,
    terms: &Terms,
    mut f: FileRow,
    after: i64,
    faults: &[SettlementFault],
) -> Result<(FileRow, i64)> {
    let limit = i64::try_from(CHUNK).unwrap_or(i64::MAX);
    let rows = store::open_lines(tx, f.id, after, limit).await?;
    let (connection, entity) = (f.connection.clone(), f.entity.clone());
    let of = Of {
        core,
        connection: &connection,
        entity: &entity,
        terms,
    };
    let tally = settle::judge(tx, &of, &rows).await?;
    f.matched += tally.matched;
    f.breaks += tally.breaks;
    let at = rows.last().map_or(after, |r| r.n);
    if rows.len() < CHUNK {
        for fault in faults.iter().take(FAULTS_SHOWN) {
            let found = fault_found(&f, &fault.line.to_string(), fault)?;
            f.breaks += i64::from(breaks::open(tx, core, found).await?);
        }
        if let Some(more) = faults.len().checked_sub(FAULTS_SHOWN).filter(|m| *m > 0) {
            let rest = SettlementFault {
                line: 0,
                field: "line".into(),
                code: "lines_unreadable".into(),
                expected: format!("{more} more lines that can be read"),
            };
            let found = fault_found(&f, "more", &rest)?;
            f.breaks += i64::from(breaks::open(tx, core, found).await?);
        }
        f.state = FileState::Done;
        f.finished_at = Some(core.now());
    }
    store::save_file(tx, &mut f).await?;
    tell(tx, core, &f).await?;
    Ok((f, at))
}

fn fault_found(f: &FileRow, place: &str, fault: &SettlementFault) -> Result<Found> {
    Ok(Found {
        subject: format!("fault:{}:{place}", f.id),
        side: Side::Provider,
        party: f.connection.clone(),
        entity: f.entity.clone(),
        kind: BreakKind::UnreadableLine,
        // How much it is about is what could not be read.
        amount: Amount::zero(Currency::EUR),
        cause: format!("line {}, {}: {}, {}", fault.line, fault.field, fault.code, fault.expected),
        file_id: Some(f.id),
        line_id: None,
        entry_id: None,
        client_id: None,
    })
}

/// Screens follow the progress.
async fn tell(tx: &mut Tx, core: &Core, f: &FileRow) -> Result<()> {
    events::publish(
        tx,
        core,
        NewEvent {
            kind: "settlement_file.state",
            aggregate: format!("settlement_file:{}", f.id),
            entity: Some(f.entity.clone()),
            payload: json!({"file_id": f.id, "connection": f.connection, "state": f.state, "lines_total": f.lines_total,
                "lines_read": f.lines_read, "matched": f.matched, "breaks": f.breaks}),
        },
    )
    .await
    .map(|_| ())
}

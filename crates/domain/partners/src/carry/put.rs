//! In: what the files say is checked as a whole before the first row is written; then rows go in as
//! they are, a piece at a time with how far it is, and a killed import goes on there.

use super::tally::differences;
use super::{CHUNK, ClientMap, Kind, Manifest, Progress, Source, Tally, kind};
use crate::ids::PartnerId;
use crate::payouts::payable;
use crate::store::carry::{self as store, ImportRow};
use crate::store::partners;
use qd_db::Tx;
use qd_kernel::{Currency, Problem, Result, Val};
use qd_ledger::{AccountKey, Leg, NewEntry, Purpose};
use qd_runtime::Core;
use qd_runtime::access::Caller;
use qd_runtime::audit::{self, Entry};
use serde_json::json;
use sha2::{Digest, Sha256};

/// What an import came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// One line each; empty: everything is as the manifest says.
    pub faults: Vec<String>,
    /// Rows that this run wrote.
    pub rows: u64,
    /// An earlier run had begun.
    pub resumed: bool,
}

/// Not so many that nobody reads them.
const MAX_FAULTS: usize = 1_000;

/// Reads all files and says what is not as the manifest says: hashes, counts, rows that cannot be
/// read, sums, statements. Writes nothing and asks no database.
pub fn check(manifest: &Manifest, source: &dyn Source, map: &ClientMap, progress: Progress<'_>) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    let mut tally = Tally::default();
    for kind in Kind::ALL.iter().copied() {
        let file = kind.file();
        let Some(note) = manifest.note(kind) else {
            faults.push(format!("{file}: the manifest does not name it"));
            continue;
        };
        let (mut rows, mut bytes, mut hash) = (0u64, 0u64, Sha256::new());
        for line in source.lines(kind)? {
            let line = line?;
            hash.update(line.as_bytes());
            hash.update(b"\n");
            rows += 1;
            bytes += line.len() as u64 + 1;
            let read = kind::row(kind, &line).and_then(|mut r| {
                tally.add(kind, &r).map_err(|p| p.detail)?;
                map.apply(kind, &mut r).map_err(|p| p.detail)
            });
            if let Err(e) = read
                && faults.len() < MAX_FAULTS
            {
                faults.push(format!("{file} line {rows}: {e}"));
            }
            if rows.is_multiple_of(10_000) {
                progress(kind.name(), rows, note.rows);
            }
        }
        let sha256 = hex::encode(hash.finalize());
        if (rows, bytes, &sha256) != (note.rows, note.bytes, &note.sha256) {
            faults.push(format!(
                "{file}: the manifest says {} rows, {} bytes, {}; the file is {rows} rows, {bytes} bytes, {sha256}",
                note.rows, note.bytes, note.sha256
            ));
        }
    }
    let under_way = tally.under_way;
    let (sums, statements, wrong) = tally.finish();
    faults.extend(wrong);
    faults.extend(differences(
        (&manifest.sums, &manifest.statements),
        (&sums, &statements),
        "the files make",
    ));
    if under_way > 0 {
        faults.push(format!(
            "payouts.jsonl: {under_way} payouts are prepared or released; settle or refuse them where they were made, and export again"
        ));
    }
    faults.truncate(MAX_FAULTS);
    Ok(faults)
}

/// Takes an export in. `dry_run` checks files and database and writes nothing.
///
/// Rows keep their ids. For each partner and currency one ledger entry (`commission.opening`) brings
/// what the lines less payouts make: partner commission_payable against the suspense account of the
/// partner's entity, by which it meets the opening balances that finance brings in. Afterwards sums,
/// hashes and this crate's auditor must agree; what does not is a fault of the outcome.
///
/// Errors: `import_not_empty` (names what is there), `import_under_way` (of another export, or with
/// another client map), `import_moved` (another process runs it).
pub async fn import(
    core: &Core,
    caller: &Caller,
    manifest_text: &str,
    source: &dyn Source,
    map: &ClientMap,
    dry_run: bool,
    progress: Progress<'_>,
) -> Result<Outcome> {
    let manifest = Manifest::read(manifest_text)?;
    let mut out = Outcome {
        faults: check(&manifest, source, map, progress)?,
        rows: 0,
        resumed: false,
    };
    let me = ImportRow {
        id: manifest.export.to_string(),
        manifest_sha256: hex::encode(Sha256::digest(manifest_text.as_bytes())),
        map_sha256: map.sha256().to_string(),
        state: "running".into(),
        files: 0,
        rows_in: 0,
        version: 1,
    };
    let look = me.clone();
    let running = core.db.read(async move |tx| may_begin(tx, &look).await).await?;
    if dry_run || !out.faults.is_empty() {
        return Ok(out);
    }
    out.resumed = running.is_some();
    let mut at = match running {
        Some(r) => r,
        None => {
            let (c, who, row) = (core.clone(), caller.clone(), me);
            core.db
                .write(async move |tx| {
                    // Looked at again: two may have begun at once.
                    if let Some(r) = may_begin(tx, &row).await? {
                        return Ok(r);
                    }
                    store::begin(tx, &row, &who.id(), c.now()).await?;
                    let e = Entry::new(&who, "commission.import_begin", format!("export:{}", row.id))
                        .after(json!({"manifest_sha256": row.manifest_sha256, "map_sha256": row.map_sha256}));
                    audit::record(tx, &c, e).await?;
                    Ok(row.clone())
                })
                .await?
        }
    };
    for (n, kind) in Kind::ALL.iter().copied().enumerate() {
        let n = n as i64;
        if at.files > n || kind == Kind::Clients {
            continue;
        }
        let skip = usize::try_from(at.rows_in).unwrap_or(0);
        let mut lines = source.lines(kind)?.skip(skip);
        let mut done = skip as u64;
        loop {
            let mut rows = Vec::new();
            for line in lines.by_ref().take(CHUNK as usize) {
                let mut r =
                    kind::row(kind, &line?).map_err(|e| Problem::invalid("file", "file_changed", format!("{}: {e}", kind.file())))?;
                map.apply(kind, &mut r)?;
                rows.push(r);
            }
            let over = (rows.len() as i64) < CHUNK;
            done += rows.len() as u64;
            out.rows += rows.len() as u64;
            let (files, rows_in) = if over { (n + 1, 0) } else { (n, done as i64) };
            let (c, row) = (core.clone(), at.clone());
            core.db
                .write(async move |tx| {
                    if !store::moved(tx, &row, files, rows_in).await? {
                        return Err(Problem::conflict("import_moved", "another process runs this import"));
                    }
                    store::insert(tx, kind, &rows).await?;
                    if kind == Kind::Purses {
                        open(tx, &c, &row.id, &rows).await?;
                    }
                    Ok(())
                })
                .await?;
            (at.files, at.rows_in, at.version) = (files, rows_in, at.version + 1);
            progress(kind.name(), done, manifest.rows(kind));
            if over {
                break;
            }
        }
    }
    out.faults = compare(core, &manifest).await?;
    if out.faults.is_empty() {
        let (c, who, id) = (core.clone(), caller.clone(), at.id.clone());
        core.db
            .write(async move |tx| {
                if !store::done(tx, &id, c.now()).await? {
                    return Err(Problem::conflict("import_moved", "another process has finished this import"));
                }
                let e = Entry::new(&who, "commission.import", format!("export:{id}")).after(json!({"state": "done"}));
                audit::record(tx, &c, e).await
            })
            .await?;
    }
    Ok(out)
}

/// The import to go on with, or None where there is nothing yet.
async fn may_begin(tx: &mut Tx, me: &ImportRow) -> Result<Option<ImportRow>> {
    if let Some(r) = store::running(tx).await? {
        if (&r.id, &r.manifest_sha256, &r.map_sha256) == (&me.id, &me.manifest_sha256, &me.map_sha256) {
            return Ok(Some(r));
        }
        return Err(Problem::conflict(
            "import_under_way",
            format!("the import of {} with its client map is not finished: go on with that one", r.id),
        ));
    }
    let there = store::present(tx).await?;
    if there.is_empty() {
        return Ok(None);
    }
    let list: Vec<String> = there.iter().map(|(name, n)| format!("{n} {name}")).collect();
    Err(Problem::conflict(
        "import_not_empty",
        format!("an import goes into an empty copy; here are {}", list.join(", ")),
    ))
}

/// One entry per purse that is not at nothing.
async fn open(tx: &mut Tx, core: &Core, export: &str, purses: &[Vec<Val>]) -> Result<()> {
    let k = Kind::Purses;
    let mut entries = Vec::new();
    for row in purses {
        let (Val::Text(p), Val::Text(c), Val::Int(booked), Val::Int(paid)) = (
            &row[k.at("partner_id")?],
            &row[k.at("currency")?],
            &row[k.at("booked_minor")?],
            &row[k.at("paid_minor")?],
        ) else {
            return Err(Problem::bug("row_unreadable", "a purse without partner, currency or sums"));
        };
        let (partner, currency) = (PartnerId::parse(p)?, Currency::parse(c)?);
        let minor = booked - paid;
        if minor == 0 {
            continue;
        }
        let entity = partners::get(tx, partner).await?.ok_or_else(|| Problem::missing("partner"))?.entity;
        entries.push(NewEntry {
            kind: "commission.opening",
            reference: format!("commission:import:{export}:{partner}:{currency}"),
            legs: vec![
                Leg::new(payable(partner, currency), minor),
                Leg::new(AccountKey::new(format!("house:{entity}"), Purpose::Suspense, currency), -minor),
            ],
            source: format!("export:{export}"),
            value_at: core.now(),
            note: None,
            fx: None,
        });
    }
    qd_ledger::post_many(tx, core, entries).await?;
    Ok(())
}

/// The database beside the manifest, and this crate's auditor.
async fn compare(core: &Core, manifest: &Manifest) -> Result<Vec<String>> {
    let m = manifest.clone();
    let mut faults = core
        .db
        .read_long(async move |tx| {
            let mut tally = Tally::default();
            let mut faults = Vec::new();
            for kind in Kind::ALL.iter().copied().filter(|k| *k != Kind::Clients) {
                let mut rows = 0u64;
                let mut after = kind.first()?;
                loop {
                    let piece = store::page(tx, kind, None, &after, CHUNK).await?;
                    let Some(last) = piece.last() else { break };
                    after = kind.key_of(last)?;
                    rows += piece.len() as u64;
                    for r in &piece {
                        tally.add(kind, r)?;
                    }
                }
                if rows != m.rows(kind) {
                    faults.push(format!(
                        "{}: the manifest says {} rows, the database has {rows}",
                        kind.name(),
                        m.rows(kind)
                    ));
                }
            }
            let (sums, statements, wrong) = tally.finish();
            faults.extend(wrong);
            faults.extend(differences((&m.sums, &m.statements), (&sums, &statements), "the database makes"));
            Ok(faults)
        })
        .await?;
    faults.extend(crate::verify::run(&core.db).await?.iter().map(ToString::to_string));
    faults.truncate(MAX_FAULTS);
    Ok(faults)
}

//! Verdicts put into effect: what a file's lines and the ledger's entries say of each other.

use crate::breaks::{self, Found};
use crate::matching::{self, Around, Entries, Entry, Line, Rule, Verdict};
use crate::store::{self, EntryRow, LineRow};
use crate::{BreakKind, EntryState, LineState, Side, Terms};
use qd_db::Tx;
use qd_kernel::{Amount, Result, Val, vals};
use qd_ports::psp::SettlementKind;
use qd_runtime::Core;
use std::collections::{BTreeMap, BTreeSet};

/// Whose lines are being judged.
pub(crate) struct Of<'a> {
    pub core: &'a Core,
    pub connection: &'a str,
    pub entity: &'a str,
    pub terms: &'a Terms,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub matched: i64,
    pub breaks: i64,
}

pub(crate) fn kind_text(k: SettlementKind) -> String {
    serde_json::to_value(k)
        .ok()
        .and_then(|v| v.as_str().map(str::to_string))
        .unwrap_or_default()
}

fn kind_of(text: &str) -> SettlementKind {
    serde_json::from_value(serde_json::Value::String(text.to_string())).unwrap_or(SettlementKind::Other)
}

pub(crate) fn line_of(r: &LineRow) -> Line {
    Line {
        id: r.id.clone(),
        kind: kind_of(&r.kind),
        our_ref: r.our_ref.clone(),
        provider_ref: r.provider_ref.clone(),
        payment_ref: r.payment_ref.clone(),
        minor: r.minor,
        currency: r.currency,
        fee: r.fee_minor.zip(r.fee_currency).map(|(m, c)| Amount::new(m, c)),
        at: r.at,
        broken: r.state == LineState::Broken,
    }
}

fn entry_of(r: &EntryRow) -> Entry {
    Entry {
        id: r.id.clone(),
        kind: r.kind.clone(),
        our_ref: r.our_ref.clone(),
        provider_ref: r.provider_ref.clone(),
        payment_ref: r.payment_ref.clone(),
        minor: r.minor,
        currency: r.currency,
        fee: r.fee_minor.zip(r.fee_currency).map(|(m, c)| Amount::new(m, c)),
        booked_at: r.booked_at,
        free: matches!(r.state, EntryState::Open | EntryState::Broken),
    }
}

fn names_of(lines: &[Line]) -> Vec<&str> {
    let all: BTreeSet<&str> = lines
        .iter()
        .flat_map(|l| [&l.our_ref, &l.provider_ref, &l.payment_ref])
        .flatten()
        .map(String::as_str)
        .filter(|n| !n.is_empty())
        .collect();
    all.into_iter().collect()
}

/// The ledger's entries that these lines could be about, and which of them a break is open about.
pub(crate) struct Candidates {
    pub entries: Entries,
    pub broken: BTreeMap<String, Option<String>>,
}

pub(crate) async fn candidates(tx: &mut Tx, connection: &str, lines: &[Line]) -> Result<Candidates> {
    let rows = store::named(tx, connection, &names_of(lines)).await?;
    Ok(Candidates {
        broken: rows
            .iter()
            .filter(|r| r.state == EntryState::Broken)
            .map(|r| (r.id.clone(), r.client_id.clone()))
            .collect(),
        entries: Entries::new(rows.iter().map(entry_of).collect()),
    })
}

/// Notes matches on the ledger's side: entry, rule, line.
pub(crate) async fn entries_matched(
    tx: &mut Tx,
    of: &Of<'_>,
    broken: &BTreeMap<String, Option<String>>,
    pairs: &[(String, Rule, String)],
) -> Result<()> {
    let rows: Vec<Vec<Val>> = pairs
        .iter()
        .filter(|p| p.1 != Rule::FeeOfPayment)
        .map(|(entry, rule, line)| vals![entry, EntryState::Matched, *rule, line].to_vec())
        .collect();
    store::set_entries(tx, &rows).await?;
    for (entry, rule, line) in pairs {
        if *rule != Rule::FeeOfPayment && broken.contains_key(entry) {
            breaks::close_entry(tx, of.core, entry, &format!("the provider's line {line} stands against it")).await?;
            store::reopen_lines_of(tx, entry, line).await?;
        }
    }
    Ok(())
}

/// Another fee than the provider's API had said is a break of its own.
pub(crate) async fn fee(tx: &mut Tx, of: &Of<'_>, l: &Line, file: crate::SettlementFileId, entries: &Entries, entry: &str) -> Result<bool> {
    let Some((e, off)) = entries.get(entry).and_then(|e| Some((e, matching::fee_differs(l, e)?))) else {
        return Ok(false);
    };
    let expected = e.fee.unwrap_or(Amount::zero(off.currency));
    let found = Found {
        subject: format!("fee:{}", l.id),
        side: Side::Provider,
        party: of.connection.to_string(),
        entity: of.entity.to_string(),
        kind: BreakKind::FeeDiffers,
        amount: off,
        cause: format!("another fee than the {expected} it had said, by {off}"),
        file_id: Some(file),
        line_id: Some(l.id.clone()),
        entry_id: Some(entry.to_string()),
        client_id: None,
    };
    breaks::open(tx, of.core, found).await
}

/// Judges lines that stand in the books already, with everything that is known now.
pub(crate) async fn judge(tx: &mut Tx, of: &Of<'_>, rows: &[LineRow]) -> Result<Tally> {
    let mut tally = Tally::default();
    if rows.is_empty() {
        return Ok(tally);
    }
    let lines: Vec<Line> = rows.iter().map(line_of).collect();
    let sibling_rows = store::siblings(tx, of.connection, &names_of(&lines)).await?;
    let siblings: Vec<Line> = sibling_rows.iter().map(line_of).collect();
    let Candidates { mut entries, broken } = candidates(tx, of.connection, &siblings_and(&lines, &siblings)).await?;
    let nameless: Vec<&Line> = lines
        .iter()
        .filter(|l| l.our_ref.is_none() && l.provider_ref.is_none() && l.payment_ref.is_none())
        .collect();
    let window_s = of.terms.window_hours.saturating_mul(3_600);
    let first = nameless.iter().map(|l| l.at).min();
    let last = nameless.iter().map(|l| l.at).max();
    let near: Vec<Entry> = match (first, last) {
        (Some(a), Some(b)) => store::near(tx, of.connection, a.plus_secs(-window_s), b.plus_secs(window_s))
            .await?
            .iter()
            .map(entry_of)
            .collect(),
        _ => Vec::new(),
    };
    let around = Around {
        siblings: &siblings,
        near: &near,
        window_s,
        settled_before: of.core.now().plus_secs(-of.terms.grace_s),
    };
    let (verdicts, with) = matching::rest(&lines, &mut entries, &around);
    for (row, (line, verdict)) in rows.iter().zip(lines.iter().zip(verdicts)) {
        match put(tx, of, row, line, &entries, &broken, verdict).await? {
            LineState::Matched | LineState::Noted => tally.matched += 1,
            LineState::Broken if row.state != LineState::Broken => tally.breaks += 1,
            _ => {}
        }
    }
    for (id, verdict) in with {
        if let Some(i) = siblings.iter().position(|s| s.id == id) {
            put(tx, of, &sibling_rows[i], &siblings[i], &entries, &broken, verdict).await?;
        }
    }
    Ok(tally)
}

fn siblings_and(lines: &[Line], siblings: &[Line]) -> Vec<Line> {
    lines.iter().chain(siblings).cloned().collect()
}

/// Writes one verdict; the line's state after it.
async fn put(
    tx: &mut Tx,
    of: &Of<'_>,
    row: &LineRow,
    line: &Line,
    entries: &Entries,
    broken: &BTreeMap<String, Option<String>>,
    verdict: Verdict,
) -> Result<LineState> {
    match verdict {
        Verdict::Open => Ok(row.state),
        Verdict::Noted => {
            store::set_lines(tx, &[vals![&row.id, LineState::Noted, None::<String>, None::<String>].to_vec()]).await?;
            Ok(LineState::Noted)
        }
        Verdict::Matched { rule, entries: with } => {
            store::set_lines(tx, &[vals![&row.id, LineState::Matched, rule, with.first().cloned()].to_vec()]).await?;
            let pairs: Vec<_> = with.iter().map(|e| (e.clone(), rule, row.id.clone())).collect();
            if row.state == LineState::Broken {
                breaks::close_line(tx, of.core, &row.id, &format!("it stands against the ledger now, by {rule}")).await?;
            }
            entries_matched(tx, of, broken, &pairs).await?;
            if let Some(e) = with.first() {
                fee(tx, of, line, row.file_id, entries, e).await?;
            }
            Ok(LineState::Matched)
        }
        Verdict::Break { kind, entry, cause, minor } => {
            let subject = format!("line:{}", row.id);
            let standing = store::open_about(tx, None, None, Some(&subject)).await?;
            if let Some(b) = standing.into_iter().next() {
                if b.kind == kind {
                    return Ok(LineState::Broken);
                }
                breaks::close(tx, of.core, b, &format!("known better now: {kind}")).await?;
            }
            store::set_lines(tx, &[vals![&row.id, LineState::Broken, None::<String>, entry.clone()].to_vec()]).await?;
            let mut client_id = None;
            if let Some(id) = &entry {
                client_id = store::entry_row(tx, id).await?.and_then(|e| e.client_id);
                // What was missing there has come, if not as it should be.
                breaks::close_entry(tx, of.core, id, &format!("a line of the provider's is about it: {kind}")).await?;
                store::set_entries(tx, &[vals![id, EntryState::Broken, None::<String>, Some(row.id.clone())].to_vec()]).await?;
            }
            breaks::open(
                tx,
                of.core,
                Found {
                    subject,
                    side: Side::Provider,
                    party: of.connection.to_string(),
                    entity: of.entity.to_string(),
                    kind,
                    amount: Amount::new(minor, row.currency),
                    cause: format!("{cause} (line {}, {})", row.line, row.word),
                    file_id: Some(row.file_id),
                    line_id: Some(row.id.clone()),
                    entry_id: entry,
                    client_id,
                },
            )
            .await?;
            Ok(LineState::Broken)
        }
    }
}

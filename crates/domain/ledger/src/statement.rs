//! An account's postings as a statement, newest first.
//!
//! A striped account is several rows, each with its own numbers and running balance. A statement
//! merges them: of the newest postings that are left in the rows, the one booked last comes next.
//! Where it stands is a number per row, so the balance at any place is a sum of as many running
//! balances, and the page after it costs the same however long the account's life was. What is
//! booked while somebody turns pages stands above the place and moves nothing below it.

use crate::account::{AccountId, AccountKey};
use crate::entry::{EntryId, FxNote};
use crate::store::{self, StatementRow};
use qd_db::Tx;
use qd_kernel::{Page, PageRequest, Problem, Result, Ts};
use serde::Serialize;
use std::collections::{HashMap, VecDeque};

/// A posting with the balance it left behind and where it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct StatementLine {
    /// Counts the account's postings from 1 without gaps.
    pub seq: i64,
    pub minor: i64,
    pub balance_minor: i64,
    pub entry_id: EntryId,
    pub kind: String,
    pub reference: String,
    pub source: String,
    pub note: Option<String>,
    pub fx: Option<FxNote>,
    pub reverses: Option<EntryId>,
    #[serde(rename = "value_at_us")]
    pub value_at: Ts,
    #[serde(rename = "booked_at_us")]
    pub booked_at: Ts,
}

/// Newest first: by booking time and entry between the rows of a striped account, in the order of
/// writing within a row.
pub async fn statement(tx: &mut Tx, account: &AccountKey, page: &PageRequest) -> Result<Page<StatementLine>> {
    let mut place = store::ends(tx, account).await?;
    if let Some(cursor) = page.after.as_deref() {
        go_to(&mut place, cursor)?;
    }
    place.retain(|(_, seq)| *seq > 0);
    let rows = store::statement(tx, &place, page.fetch()).await?;
    let mut stacks: Vec<Stack> = place
        .into_iter()
        .map(|(row, seq)| Stack {
            row,
            seq,
            left: VecDeque::new(),
        })
        .collect();
    for r in rows {
        if let Some(s) = stacks.iter_mut().find(|s| s.row == r.row) {
            s.left.push_back(r);
        }
    }

    let mut lines = Vec::new();
    for _ in 0..page.fetch() {
        let seq: i64 = stacks.iter().map(|s| s.seq).sum();
        let balance_minor: i64 = stacks.iter().filter_map(|s| s.left.front()).map(|r| r.balance_after).sum();
        let newest = stacks.iter_mut().max_by_key(|s| s.left.front().map(|r| (r.booked_at, r.entry_id)));
        let Some((stack, r)) = newest.and_then(|s| s.left.pop_front().map(|r| (s, r))) else {
            break;
        };
        stack.seq = r.seq - 1;
        let line = line(r, seq, balance_minor);
        lines.push((line, cursor(&stacks)));
    }
    let page = page.finish(lines, |(_, cursor)| cursor.clone());
    Ok(Page {
        items: page.items.into_iter().map(|(line, _)| line).collect(),
        next_cursor: page.next_cursor,
    })
}

/// The postings of one row that are not shown yet.
struct Stack {
    row: AccountId,
    /// How many.
    seq: i64,
    /// The newest of them.
    left: VecDeque<StatementRow>,
}

/// `0:17,5:3`: how many postings are left in each row, by stripe. Rows that are not named are over,
/// or were empty when the first page was read.
fn cursor(stacks: &[Stack]) -> String {
    stacks
        .iter()
        .filter(|s| s.seq > 0)
        .map(|s| format!("{}:{}", s.row.number(), s.seq))
        .collect::<Vec<_>>()
        .join(",")
}

fn go_to(place: &mut [(AccountId, i64)], cursor: &str) -> Result<()> {
    let malformed = || Problem::invalid("cursor", "cursor_malformed", "expected the `next_cursor` of an earlier page");
    let mut left: HashMap<u8, i64> = HashMap::new();
    for part in cursor.split(',') {
        let (number, seq) = part.split_once(':').ok_or_else(malformed)?;
        left.insert(number.parse().map_err(|_| malformed())?, seq.parse().map_err(|_| malformed())?);
    }
    for (row, end) in place {
        *end = left.get(&row.number()).map_or(0, |seq| (*seq).min(*end));
    }
    Ok(())
}

fn line(r: StatementRow, seq: i64, balance_minor: i64) -> StatementLine {
    StatementLine {
        seq,
        minor: r.minor,
        balance_minor,
        entry_id: r.entry_id,
        kind: r.kind,
        reference: r.reference,
        source: r.source,
        note: r.note,
        fx: r
            .fx_rate
            .zip(r.fx_source)
            .zip(r.fx_at)
            .map(|((rate, source), at)| FxNote { rate, source, at }),
        reverses: r.reverses,
        value_at: r.value_at,
        booked_at: r.booked_at,
    }
}

//! The books as an hledger journal: the plain-text format that other accounting tools read, and a
//! second opinion on our sums, for the file ends in balance assertions.
//!
//! hledger writes what we owe below zero; our ledger writes it above. So every amount changes its
//! sign on the way out. Accounts become `class:kind:id:purpose`.

use crate::account::{AccountKey, Purpose};
use crate::entry::EntryId;
use crate::store;
use qd_db::Tx;
use qd_kernel::{Amount, Result, Ts};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Value dates from `from` up to, not including, `to`.
#[derive(Clone, Copy, Debug)]
pub struct JournalRange {
    pub from: Ts,
    pub to: Ts,
}

impl JournalRange {
    pub const ALL: JournalRange = JournalRange {
        from: Ts(i64::MIN),
        to: Ts(i64::MAX),
    };
}

const BATCH: i64 = 500;

/// Hands the journal out piece by piece: head, opening balances when the range does not begin at the
/// beginning, entries by value date, closing balance assertions. Run it in [`qd_db::Db::read_long`].
pub async fn journal_export(tx: &mut Tx, range: JournalRange, out: &mut (dyn FnMut(&str) + Send)) -> Result<()> {
    let opening = store::balances_before(tx, range.from).await?;
    let closing = store::balances_before(tx, range.to).await?;
    let mut head = String::from("; Ledger export. Amounts: what the house owes stands below zero.\n\n");
    let currencies: BTreeSet<_> = closing.iter().map(|l| l.currency).collect();
    for c in &currencies {
        // The format shows the decimal mark, also where nothing follows it.
        let mark = if c.exponent() == 0 { "." } else { "" };
        let _ = writeln!(
            head,
            "commodity {}{mark} {}",
            Amount::new(1_000 * c.minor_per_unit(), *c).text(),
            c.code()
        );
    }
    head.push('\n');
    for l in &closing {
        let _ = writeln!(head, "account {}", name(&AccountKey::new(l.owner.clone(), l.purpose, l.currency)));
    }
    head.push('\n');
    out(&dedup_accounts(&head));

    if opening.iter().any(|l| l.minor != 0) {
        let mut t = format!("{} * opening balances\n", date(range.from));
        for l in opening.iter().filter(|l| l.minor != 0) {
            posting(&mut t, &AccountKey::new(l.owner.clone(), l.purpose, l.currency), l.minor, None);
        }
        t.push('\n');
        out(&t);
    }

    let mut after = (Ts(i64::MIN), EntryId::from_body(0));
    let mut last = range.from;
    loop {
        let entries = store::entries_between(tx, range.from, range.to, after, BATCH).await?;
        let Some(end) = entries.last() else { break };
        after = (end.value_at, end.id);
        last = end.value_at;
        for mut e in entries {
            let mut t = format!("{} * ({}) {}\n", date(e.value_at), plain(&e.reference), plain(&e.kind));
            let _ = writeln!(t, "    ; entry: {}, source: {}, booked: {}", e.id, plain(&e.source), e.booked_at);
            if let Some(r) = e.reverses {
                let _ = writeln!(t, "    ; reverses: {r}");
            }
            if let Some(fx) = e.fx() {
                let _ = writeln!(t, "    ; rate: {}, rate-source: {}, rate-at: {}", fx.rate, plain(&fx.source), fx.at);
            }
            if let Some(n) = &e.note {
                let _ = writeln!(t, "    ; {}", plain(n));
            }
            for l in store::legs(tx, e.id).await? {
                posting(&mut t, &AccountKey::new(l.owner, l.purpose, l.currency), l.minor, None);
            }
            t.push('\n');
            out(&t);
        }
    }

    // Virtual postings of nothing: they move no money and assert what the balance must be.
    if !closing.is_empty() {
        let mut t = format!("{} * closing balances\n", date(last));
        for l in &closing {
            posting(&mut t, &AccountKey::new(l.owner.clone(), l.purpose, l.currency), 0, Some(l.minor));
        }
        out(&t);
    }
    Ok(())
}

/// One account of ours per currency is one account of theirs for all currencies.
fn dedup_accounts(head: &str) -> String {
    let mut seen = BTreeSet::new();
    head.lines()
        .filter(|l| !l.starts_with("account ") || seen.insert(*l))
        .map(|l| format!("{l}\n"))
        .collect()
}

fn posting(t: &mut String, key: &AccountKey, minor: i64, asserted: Option<i64>) {
    let c = key.currency;
    let text = |minor: i64| format!("{} {}", Amount::new(-minor, c).text(), c.code());
    let _ = match asserted {
        None => writeln!(t, "    {}  {}", name(key), text(minor)),
        Some(b) => writeln!(t, "    ({})  {} = {}", name(key), text(0), text(b)),
    };
}

fn name(key: &AccountKey) -> String {
    let class = match key.purpose {
        Purpose::Clearing => "assets",
        Purpose::Wallet
        | Purpose::Transit
        | Purpose::Platform
        | Purpose::PayoutTransit
        | Purpose::CommissionPayable
        | Purpose::Suspense => "liabilities",
        Purpose::Fees | Purpose::Chargebacks | Purpose::CommissionExpense | Purpose::CreditGiven => "expenses",
        Purpose::TradingResult => "revenues",
        Purpose::FxPosition => "equity",
    };
    format!("{class}:{}:{}", key.owner, key.purpose)
}

fn date(at: Ts) -> String {
    let (y, m, d) = at.ymd();
    format!("{y:04}-{m:02}-{d:02}")
}

/// Text of ours must not end a comment, a code or a line of theirs.
fn plain(s: &str) -> String {
    s.chars()
        .map(|c| {
            if c.is_control() || matches!(c, '(' | ')' | ';' | '|') {
                ' '
            } else {
                c
            }
        })
        .collect()
}

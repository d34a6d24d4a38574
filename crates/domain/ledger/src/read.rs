//! Looking at the books.

use crate::account::{AccountKey, Balance, Purpose};
use crate::entry::{EntryId, EntryView, FxNote, Leg};
use crate::store;
use qd_db::Tx;
use qd_kernel::{Currency, Page, PageRequest, Problem, Result, Ts};
use serde::Serialize;

pub async fn balance(tx: &mut Tx, account: &AccountKey) -> Result<Balance> {
    Ok(store::account(tx, account.id()).await?.map_or_else(Balance::default, |a| Balance::of(a.balance_minor, a.held_minor)))
}

/// Every account of an owner that has ever been used.
pub async fn balances_of(tx: &mut Tx, owner: &str) -> Result<Vec<(AccountKey, Balance)>> {
    let rows = store::balances_of(tx, owner).await?;
    Ok(rows.into_iter().map(|r| (AccountKey::new(r.owner, r.purpose, r.currency), Balance::of(r.balance_minor, r.held_minor))).collect())
}

/// A posting with the balance it left behind and where it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
    pub value_at: Ts,
    pub booked_at: Ts,
}

/// Newest first.
pub async fn statement(tx: &mut Tx, account: &AccountKey, page: &PageRequest) -> Result<Page<StatementLine>> {
    let before = match page.after.as_deref() {
        None => None,
        Some(a) => {
            let seq = a.parse::<i64>().map_err(|_| Problem::invalid("cursor", "cursor_malformed", "expected the `next_cursor` of an earlier page"))?;
            Some(seq)
        }
    };
    let rows = store::statement(tx, account.id(), before, page).await?;
    let lines = rows
        .into_iter()
        .map(|r| StatementLine {
            seq: r.seq,
            minor: r.minor,
            balance_minor: r.balance_after,
            entry_id: r.entry_id,
            kind: r.kind,
            reference: r.reference,
            source: r.source,
            note: r.note,
            fx: r.fx_rate.zip(r.fx_source).zip(r.fx_at).map(|((rate, source), at)| FxNote { rate, source, at }),
            reverses: r.reverses,
            value_at: r.value_at,
            booked_at: r.booked_at,
        })
        .collect();
    Ok(page.finish(lines, |l: &StatementLine| l.seq.to_string()))
}

pub async fn entry(tx: &mut Tx, id: EntryId) -> Result<Option<EntryView>> {
    let Some(mut e) = store::entry(tx, id).await? else { return Ok(None) };
    let legs = store::legs(tx, id).await?;
    let fx = e.fx();
    Ok(Some(EntryView {
        id: e.id,
        kind: e.kind,
        reference: e.reference,
        source: e.source,
        note: e.note,
        fx,
        reverses: e.reverses,
        value_at: e.value_at,
        booked_at: e.booked_at,
        legs: legs.into_iter().map(|l| Leg::new(AccountKey::new(l.owner, l.purpose, l.currency), l.minor)).collect(),
    }))
}

pub async fn entry_by_reference(tx: &mut Tx, reference: &str) -> Result<Option<EntryView>> {
    match store::entry_id(tx, reference).await? {
        Some(id) => entry(tx, id).await,
        None => Ok(None),
    }
}

/// All accounts of a purpose and currency together. Per currency they sum to zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Total {
    pub purpose: Purpose,
    pub currency: Currency,
    pub accounts: i64,
    pub balance_minor: i64,
    pub held_minor: i64,
}

pub async fn totals(tx: &mut Tx) -> Result<Vec<Total>> {
    let rows = store::totals(tx).await?;
    Ok(rows
        .into_iter()
        .map(|r| Total { purpose: r.purpose, currency: r.currency, accounts: r.accounts, balance_minor: r.balance_minor, held_minor: r.held_minor })
        .collect())
}

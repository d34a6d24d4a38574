//! Looking at the books.

use crate::account::{AccountKey, Balance, Purpose};
use crate::entry::{EntryId, EntryView, Leg};
use crate::store;
use qd_db::Tx;
use qd_kernel::{Currency, Result, Ts};
use serde::Serialize;
use std::collections::BTreeMap;

pub async fn balance(tx: &mut Tx, account: &AccountKey) -> Result<Balance> {
    let (balance, held) = store::balance(tx, account).await?;
    Ok(Balance::of(balance, held))
}

/// Every account of an owner that has ever been used.
pub async fn balances_of(tx: &mut Tx, owner: &str) -> Result<Vec<(AccountKey, Balance)>> {
    let rows = store::balances_of(tx, owner).await?;
    Ok(rows
        .into_iter()
        .map(|r| {
            (
                AccountKey::new(r.owner, r.purpose, r.currency),
                Balance::of(r.balance_minor, r.held_minor),
            )
        })
        .collect())
}

/// Accounts of one purpose whose owners lie between these two, both included, in the order of their
/// text: many owners' balances in one read.
pub async fn balances_between(tx: &mut Tx, purpose: Purpose, first: &str, last: &str) -> Result<Vec<(AccountKey, Balance)>> {
    let rows = store::balances_between(tx, purpose, first, last).await?;
    Ok(rows
        .into_iter()
        .map(|r| {
            (
                AccountKey::new(r.owner, r.purpose, r.currency),
                Balance::of(r.balance_minor, r.held_minor),
            )
        })
        .collect())
}

pub async fn entry(tx: &mut Tx, id: EntryId) -> Result<Option<EntryView>> {
    let Some(mut e) = store::entry(tx, id).await? else {
        return Ok(None);
    };
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
        legs: legs
            .into_iter()
            .map(|l| Leg::new(AccountKey::new(l.owner, l.purpose, l.currency), l.minor))
            .collect(),
    }))
}

pub async fn entry_by_reference(tx: &mut Tx, reference: &str) -> Result<Option<EntryView>> {
    match store::entry_id(tx, reference).await? {
        Some(id) => entry(tx, id).await,
        None => Ok(None),
    }
}

/// A posting as somebody reads it who follows an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The row of the account and the number in it: where to read on from.
    pub stripe: u8,
    pub seq: i64,
    pub entry_id: EntryId,
    pub kind: String,
    pub reference: String,
    pub source: String,
    pub minor: i64,
    pub reverses: Option<EntryId>,
    pub booked_at: Ts,
}

/// What was posted on an account after a place, for readers that follow it: up to `limit` postings,
/// in the order of writing within each of its rows. `place` is the last number read of each row; a
/// row that is not named is read from its start. Numbers have no gaps, so nothing is passed over.
pub async fn postings_after(tx: &mut Tx, account: &AccountKey, place: &BTreeMap<u8, i64>, limit: i64) -> Result<Vec<Moved>> {
    let mut out = Vec::new();
    for (row, end) in store::ends(tx, account).await? {
        let after = place.get(&row.number()).copied().unwrap_or(0);
        let left = limit - i64::try_from(out.len()).unwrap_or(i64::MAX);
        if after >= end || left <= 0 {
            continue;
        }
        let rows = store::postings_after(tx, row, after, left).await?;
        out.extend(rows.into_iter().map(|r| Moved {
            stripe: r.row.number(),
            seq: r.seq,
            entry_id: r.entry_id,
            kind: r.kind,
            reference: r.reference,
            source: r.source,
            minor: r.minor,
            reverses: r.reverses,
            booked_at: r.booked_at,
        }));
    }
    Ok(out)
}

/// All accounts of a purpose and currency together. Per currency they sum to zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = LedgerTotal)]
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
        .map(|r| Total {
            purpose: r.purpose,
            currency: r.currency,
            accounts: r.accounts,
            balance_minor: r.balance_minor,
            held_minor: r.held_minor,
        })
        .collect())
}

//! The auditor's own statements: whole tables, in pieces.

use qd_db::{Tx, row, sql};
use qd_kernel::{Result, vals};

row! {
    pub struct Account {
        pub id: String,
        pub owner: String,
        pub purpose: String,
        pub currency: String,
        pub stripe: i64,
        pub guarded: bool,
        pub balance_minor: i64,
        pub held_minor: i64,
        pub seq: i64,
    }
}

pub async fn accounts(tx: &mut Tx, batch: i64) -> Result<Vec<Account>> {
    let mut all: Vec<Account> = Vec::new();
    loop {
        let after = all.last().map_or_else(String::new, |a| a.id.clone());
        let some: Vec<Account> = tx
            .rows(
                sql!(
                    "SELECT id, owner, purpose, currency, stripe, guarded, balance_minor, held_minor, seq FROM ledger_accounts
                     WHERE id > $1 ORDER BY id LIMIT $2"
                ),
                &vals![after, batch],
            )
            .await?;
        if some.is_empty() {
            return Ok(all);
        }
        all.extend(some);
    }
}

row! {
    pub struct Posting {
        pub account_id: String,
        pub seq: i64,
        pub entry_id: String,
        pub minor: i64,
        pub currency: String,
        pub balance_after: i64,
    }
}

pub async fn postings_by_account(tx: &mut Tx, account: &str, seq: i64, limit: i64) -> Result<Vec<Posting>> {
    tx.rows(
        sql!(
            "SELECT account_id, seq, entry_id, minor, currency, balance_after FROM ledger_postings
             WHERE (account_id, seq) > ($1, $2) ORDER BY account_id, seq LIMIT $3"
        ),
        &vals![account, seq, limit],
    )
    .await
}

row! {
    pub struct Entry {
        pub id: String,
        pub reverses: Option<String>,
    }
}

pub async fn entries(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<Entry>> {
    tx.rows(
        sql!("SELECT id, reverses FROM ledger_entries WHERE id > $1 ORDER BY id LIMIT $2"),
        &vals![after, limit],
    )
    .await
}

pub async fn postings_of_entries(tx: &mut Tx, after: &str, last: &str) -> Result<Vec<Posting>> {
    tx.rows(
        sql!(
            "SELECT account_id, seq, entry_id, minor, currency, balance_after FROM ledger_postings
             WHERE entry_id > $1 AND entry_id <= $2 ORDER BY entry_id"
        ),
        &vals![after, last],
    )
    .await
}

pub async fn legs_of(tx: &mut Tx, entry: &str) -> Result<Vec<(String, i64)>> {
    tx.rows(
        sql!("SELECT account_id, minor FROM ledger_postings WHERE entry_id = $1"),
        &vals![entry],
    )
    .await
}

pub async fn postings_without_entry(tx: &mut Tx) -> Result<Vec<(String, i64, String)>> {
    tx.rows(
        sql!(
            "SELECT account_id, seq, entry_id FROM ledger_postings p
             WHERE NOT EXISTS (SELECT 1 FROM ledger_entries e WHERE e.id = p.entry_id) ORDER BY account_id, seq"
        ),
        &[],
    )
    .await
}

row! {
    pub struct Hold {
        pub id: String,
        pub account_id: String,
        pub minor: i64,
        pub state: String,
        pub entry_there: bool,
    }
}

pub async fn holds(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<Hold>> {
    tx.rows(
        sql!(
            "SELECT h.id, h.account_id, h.minor, h.state, EXISTS (SELECT 1 FROM ledger_entries e WHERE e.id = h.entry_id)
             FROM ledger_holds h WHERE h.id > $1 ORDER BY h.id LIMIT $2"
        ),
        &vals![after, limit],
    )
    .await
}

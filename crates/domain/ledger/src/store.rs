//! The ledger's statements that both engines share.

use crate::account::{AccountId, AccountKey, Purpose};
use crate::entry::{EntryId, FxNote, Plan};
use crate::hold::{HoldId, HoldState};
use crate::store_postgres;
use qd_db::{Engine, Tx, row, sql};
use qd_kernel::{Currency, Problem, Rate, Result, Ts, Val, vals};
use std::collections::BTreeMap;

row! {
    #[derive(Clone, Copy)]
    pub struct AccountRow {
        pub id: AccountId,
        pub guarded: bool,
        pub balance_minor: i64,
        pub held_minor: i64,
        pub seq: i64,
    }
}

pub async fn account(tx: &mut Tx, id: AccountId) -> Result<Option<AccountRow>> {
    tx.one(
        sql!("SELECT id, guarded, balance_minor, held_minor, seq FROM ledger_accounts WHERE id = $1"),
        &vals![id],
    )
    .await
}

/// Makes the rows that are missing, in the order given (by id). A striped account gets all of its
/// rows at once: whoever comes later finds the one he picks.
///
/// `keys` are those without a row: PostgreSQL would make an insert over a row that somebody is
/// updating wait for him.
pub async fn create_accounts(tx: &mut Tx, keys: impl Iterator<Item = &AccountKey>, now: Ts) -> Result<()> {
    let engine = tx.engine();
    let rows: Vec<Vec<Val>> = keys
        .flat_map(|k| {
            (0..k.rows(engine)).map(move |n| vals![k.id().stripe(n), &k.owner, k.purpose, k.currency, k.purpose.guarded(), now, n].to_vec())
        })
        .collect();
    tx.exec_many(
        sql!(
            "INSERT INTO ledger_accounts (id, owner, purpose, currency, guarded, balance_minor, held_minor, seq, created_at, stripe)
             VALUES ($1, $2, $3, $4, $5, 0, 0, 0, $6, $7) ON CONFLICT DO NOTHING"
        ),
        &rows,
    )
    .await?;
    Ok(())
}

/// The rows that a batch writes to, made where missing, locked in id order where the engine has locks.
pub async fn lock_accounts(tx: &mut Tx, rows: &BTreeMap<AccountId, &AccountKey>, now: Ts) -> Result<BTreeMap<AccountId, AccountRow>> {
    let mut found = fetch_accounts(tx, rows).await?;
    if found.len() < rows.len() {
        create_accounts(
            tx,
            rows.iter().filter(|(row, _)| !found.contains_key(row)).map(|(_, key)| *key),
            now,
        )
        .await?;
        found = fetch_accounts(tx, rows).await?;
    }
    if found.len() < rows.len() {
        return Err(Problem::bug("ledger_account_lost", "a ledger account could not be made"));
    }
    Ok(found)
}

async fn fetch_accounts(tx: &mut Tx, rows: &BTreeMap<AccountId, &AccountKey>) -> Result<BTreeMap<AccountId, AccountRow>> {
    let mut out = BTreeMap::new();
    match tx.engine() {
        Engine::Sqlite => {
            for row in rows.keys() {
                if let Some(a) = account(tx, *row).await? {
                    out.insert(a.id, a);
                }
            }
        }
        Engine::Postgres => {
            for a in store_postgres::lock_accounts(tx, rows.keys()).await? {
                out.insert(a.id, a);
            }
        }
    }
    Ok(out)
}

pub async fn entry_id(tx: &mut Tx, reference: &str) -> Result<Option<EntryId>> {
    Ok(tx
        .one::<(EntryId,)>(sql!("SELECT id FROM ledger_entries WHERE reference = $1"), &vals![reference])
        .await?
        .map(|r| r.0))
}

pub async fn reversal_of(tx: &mut Tx, id: EntryId) -> Result<Option<(EntryId, String)>> {
    tx.one(sql!("SELECT id, reference FROM ledger_entries WHERE reverses = $1"), &vals![id])
        .await
}

/// Account (whichever row) and amount.
pub async fn postings_of(tx: &mut Tx, id: EntryId) -> Result<Vec<(AccountId, i64)>> {
    let rows: Vec<(AccountId, i64)> = tx
        .rows(
            sql!("SELECT account_id, minor FROM ledger_postings WHERE entry_id = $1"),
            &vals![id],
        )
        .await?;
    Ok(rows.into_iter().map(|(row, minor)| (row.account(), minor)).collect())
}

fn entry_vals(p: &Plan) -> Vec<Val> {
    let fx = p.fx.as_ref();
    vals![
        p.entry_id,
        &p.reference,
        &p.kind,
        &p.source,
        p.note.as_ref(),
        fx.map(|f| f.rate),
        fx.map(|f| &f.source),
        fx.map(|f| f.at),
        p.reverses,
        p.value_at,
        p.booked_at
    ]
    .to_vec()
}

/// False when the reference stands already.
pub async fn insert_entry(tx: &mut Tx, plan: &Plan) -> Result<bool> {
    Ok(insert_entries(tx, &[plan]).await? == 1)
}

/// How many were new.
pub async fn insert_entries(tx: &mut Tx, plans: &[&Plan]) -> Result<u64> {
    if tx.engine() == Engine::Postgres {
        return store_postgres::insert_entries(tx, plans).await;
    }
    let rows: Vec<Vec<Val>> = plans.iter().map(|p| entry_vals(p)).collect();
    tx.exec_many(
        sql!(
            "INSERT INTO ledger_entries (id, reference, kind, source, note, fx_rate, fx_source, fx_at, reverses, value_at, booked_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (reference) DO NOTHING"
        ),
        &rows,
    )
    .await
}

pub struct PostingRow {
    pub row: AccountId,
    pub seq: i64,
    pub entry: EntryId,
    pub minor: i64,
    pub currency: Currency,
    pub balance_after: i64,
}

pub async fn insert_postings(tx: &mut Tx, rows: &[PostingRow]) -> Result<()> {
    match tx.engine() {
        Engine::Sqlite => {
            let rows: Vec<Vec<Val>> = rows
                .iter()
                .map(|r| vals![r.row, r.seq, r.entry, r.minor, r.currency, r.balance_after].to_vec())
                .collect();
            tx.exec_many(
                sql!("INSERT INTO ledger_postings (account_id, seq, entry_id, minor, currency, balance_after) VALUES ($1, $2, $3, $4, $5, $6)"),
                &rows,
            )
            .await?;
        }
        Engine::Postgres => store_postgres::insert_postings(tx, rows).await?,
    }
    Ok(())
}

/// Balances and last numbers after a batch. The guard was judged on the same locked rows; the
/// table's check constraint judges again.
pub async fn write_balances(tx: &mut Tx, accounts: &BTreeMap<AccountId, AccountRow>) -> Result<()> {
    if tx.engine() == Engine::Postgres {
        return store_postgres::write_balances(tx, accounts.values()).await;
    }
    let rows: Vec<Vec<Val>> = accounts.values().map(|a| vals![a.id, a.balance_minor, a.seq].to_vec()).collect();
    tx.exec_many(sql!("UPDATE ledger_accounts SET balance_minor = $2, seq = $3 WHERE id = $1"), &rows)
        .await?;
    Ok(())
}

row! {
    pub struct HoldRow {
        pub id: HoldId,
        pub reference: String,
        pub account_id: AccountId,
        pub minor: i64,
        pub state: HoldState,
        pub entry_id: Option<EntryId>,
        pub expires_at: Option<Ts>,
        pub created_at: Ts,
        pub closed_at: Option<Ts>,
        pub version: i64,
    }
}

pub async fn hold(tx: &mut Tx, reference: &str) -> Result<Option<HoldRow>> {
    tx.one(
        sql!(
            "SELECT id, reference, account_id, minor, state, entry_id, expires_at, created_at, closed_at, version
             FROM ledger_holds WHERE reference = $1"
        ),
        &vals![reference],
    )
    .await
}

/// Takes `minor` off what is available. False when there is not enough, or no account at all.
pub async fn take_held(tx: &mut Tx, id: AccountId, minor: i64) -> Result<bool> {
    let n = tx
        .exec(
            sql!("UPDATE ledger_accounts SET held_minor = held_minor + $2 WHERE id = $1 AND balance_minor - held_minor - $2 >= 0"),
            &vals![id, minor],
        )
        .await?;
    Ok(n == 1)
}

pub async fn give_back_held(tx: &mut Tx, id: AccountId, minor: i64) -> Result<()> {
    tx.exec_one(
        sql!("UPDATE ledger_accounts SET held_minor = held_minor - $2 WHERE id = $1"),
        &vals![id, minor],
        || Problem::bug("ledger_account_lost", "the account of a hold is gone"),
    )
    .await
}

pub async fn insert_hold(tx: &mut Tx, h: &HoldRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!(
                "INSERT INTO ledger_holds (id, reference, account_id, minor, state, entry_id, expires_at, created_at, closed_at, version)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (reference) DO NOTHING"
            ),
            &vals![
                h.id,
                &h.reference,
                h.account_id,
                h.minor,
                h.state,
                h.entry_id,
                h.expires_at,
                h.created_at,
                h.closed_at,
                h.version
            ],
        )
        .await?;
    Ok(n == 1)
}

/// Makes everybody else who wants this hold wait. False when somebody was quicker.
pub async fn touch_hold(tx: &mut Tx, h: &HoldRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!("UPDATE ledger_holds SET version = version + 1 WHERE id = $1 AND version = $2 AND state = 'pending'"),
            &vals![h.id, h.version],
        )
        .await?;
    Ok(n == 1)
}

pub async fn close_hold(tx: &mut Tx, id: HoldId, state: HoldState, entry: Option<EntryId>, at: Ts) -> Result<bool> {
    let n = tx
        .exec(
            sql!("UPDATE ledger_holds SET state = $2, entry_id = $3, closed_at = $4, version = version + 1 WHERE id = $1 AND state = 'pending'"),
            &vals![id, state, entry, at],
        )
        .await?;
    Ok(n == 1)
}

pub async fn due_holds(tx: &mut Tx, now: Ts, limit: i64) -> Result<Vec<(HoldId, AccountId, i64)>> {
    tx.rows(
        sql!(
            "SELECT id, account_id, minor FROM ledger_holds
             WHERE state = 'pending' AND expires_at IS NOT NULL AND expires_at <= $1 ORDER BY expires_at, id LIMIT $2"
        ),
        &vals![now, limit],
    )
    .await
}

row! {
    pub struct BalanceRow {
        pub owner: String,
        pub purpose: Purpose,
        pub currency: Currency,
        pub balance_minor: i64,
        pub held_minor: i64,
    }
}

/// Balance and held amount over all rows of an account; nothing where there is none.
pub async fn balance(tx: &mut Tx, key: &AccountKey) -> Result<(i64, i64)> {
    tx.must(
        sql!(
            "SELECT CAST(COALESCE(SUM(balance_minor), 0) AS BIGINT), CAST(COALESCE(SUM(held_minor), 0) AS BIGINT) FROM ledger_accounts
             WHERE owner = $1 AND purpose = $2 AND currency = $3"
        ),
        &vals![&key.owner, key.purpose, key.currency],
    )
    .await
}

pub async fn balances_of(tx: &mut Tx, owner: &str) -> Result<Vec<BalanceRow>> {
    tx.rows(
        sql!(
            "SELECT owner, purpose, currency, CAST(SUM(balance_minor) AS BIGINT), CAST(SUM(held_minor) AS BIGINT) FROM ledger_accounts
             WHERE owner = $1 GROUP BY owner, purpose, currency ORDER BY purpose, currency"
        ),
        &vals![owner],
    )
    .await
}

pub async fn balances_between(tx: &mut Tx, purpose: Purpose, first: &str, last: &str) -> Result<Vec<BalanceRow>> {
    tx.rows(
        sql!(
            "SELECT owner, purpose, currency, CAST(SUM(balance_minor) AS BIGINT), CAST(SUM(held_minor) AS BIGINT) FROM ledger_accounts
             WHERE purpose = $1 AND owner BETWEEN $2 AND $3 GROUP BY owner, purpose, currency ORDER BY owner, currency"
        ),
        &vals![purpose, first, last],
    )
    .await
}

row! {
    pub struct TotalRow {
        pub purpose: Purpose,
        pub currency: Currency,
        pub accounts: i64,
        pub balance_minor: i64,
        pub held_minor: i64,
    }
}

pub async fn totals(tx: &mut Tx) -> Result<Vec<TotalRow>> {
    tx.rows(
        sql!(
            "SELECT purpose, currency, CAST(SUM(CASE WHEN stripe = 0 THEN 1 ELSE 0 END) AS BIGINT), CAST(COALESCE(SUM(balance_minor), 0) AS BIGINT), CAST(COALESCE(SUM(held_minor), 0) AS BIGINT)
             FROM ledger_accounts GROUP BY purpose, currency ORDER BY purpose, currency"
        ),
        &[],
    )
    .await
}

row! {
    pub struct EntryRow {
        pub id: EntryId,
        pub reference: String,
        pub kind: String,
        pub source: String,
        pub note: Option<String>,
        pub fx_rate: Option<Rate>,
        pub fx_source: Option<String>,
        pub fx_at: Option<Ts>,
        pub reverses: Option<EntryId>,
        pub value_at: Ts,
        pub booked_at: Ts,
    }
}

impl EntryRow {
    pub fn fx(&mut self) -> Option<FxNote> {
        Some(FxNote {
            rate: self.fx_rate?,
            source: self.fx_source.take()?,
            at: self.fx_at?,
        })
    }
}

pub async fn entry(tx: &mut Tx, id: EntryId) -> Result<Option<EntryRow>> {
    tx.one(
        sql!(
            "SELECT id, reference, kind, source, note, fx_rate, fx_source, fx_at, reverses, value_at, booked_at
             FROM ledger_entries WHERE id = $1"
        ),
        &vals![id],
    )
    .await
}

row! {
    pub struct LegRow {
        pub entry_id: EntryId,
        pub owner: String,
        pub purpose: Purpose,
        pub currency: Currency,
        pub minor: i64,
    }
}

pub async fn legs(tx: &mut Tx, id: EntryId) -> Result<Vec<LegRow>> {
    tx.rows(
        sql!(
            "SELECT p.entry_id, a.owner, a.purpose, a.currency, p.minor FROM ledger_postings p JOIN ledger_accounts a ON a.id = p.account_id
             WHERE p.entry_id = $1 ORDER BY a.owner, a.purpose, a.currency, p.seq"
        ),
        &vals![id],
    )
    .await
}

/// The last posting of each of an account's rows, by stripe.
pub async fn ends(tx: &mut Tx, key: &AccountKey) -> Result<Vec<(AccountId, i64)>> {
    tx.rows(
        sql!("SELECT id, seq FROM ledger_accounts WHERE owner = $1 AND purpose = $2 AND currency = $3 ORDER BY stripe"),
        &vals![&key.owner, key.purpose, key.currency],
    )
    .await
}

row! {
    pub struct StatementRow {
        pub row: AccountId,
        pub seq: i64,
        pub minor: i64,
        pub balance_after: i64,
        pub entry_id: EntryId,
        pub kind: String,
        pub reference: String,
        pub source: String,
        pub note: Option<String>,
        pub fx_rate: Option<Rate>,
        pub fx_source: Option<String>,
        pub fx_at: Option<Ts>,
        pub reverses: Option<EntryId>,
        pub value_at: Ts,
        pub booked_at: Ts,
    }
}

/// Of each row, from the posting named downwards, `limit` postings at the most: by row, newest first.
pub async fn statement(tx: &mut Tx, from: &[(AccountId, i64)], limit: i64) -> Result<Vec<StatementRow>> {
    if tx.engine() == Engine::Postgres && from.len() > 1 {
        return store_postgres::statement(tx, from, limit).await;
    }
    let mut all = Vec::new();
    for (row, seq) in from {
        let some: Vec<StatementRow> = tx
            .rows(
                sql!(
                    "SELECT p.account_id, p.seq, p.minor, p.balance_after, e.id, e.kind, e.reference, e.source, e.note, e.fx_rate, e.fx_source,
                        e.fx_at, e.reverses, e.value_at, e.booked_at
                     FROM ledger_postings p JOIN ledger_entries e ON e.id = p.entry_id
                     WHERE p.account_id = $1 AND p.seq <= $2 ORDER BY p.seq DESC LIMIT $3"
                ),
                &vals![*row, *seq, limit],
            )
            .await?;
        all.extend(some);
    }
    Ok(all)
}

/// Entries of a range of value dates in order of value date and id, after the last one seen.
pub async fn entries_between(tx: &mut Tx, from: Ts, to: Ts, after: (Ts, EntryId), limit: i64) -> Result<Vec<EntryRow>> {
    tx.rows(
        sql!(
            "SELECT id, reference, kind, source, note, fx_rate, fx_source, fx_at, reverses, value_at, booked_at FROM ledger_entries
             WHERE value_at >= $1 AND value_at < $2 AND (value_at > $3 OR (value_at = $3 AND id > $4))
             ORDER BY value_at, id LIMIT $5"
        ),
        &vals![from, to, after.0, after.1, limit],
    )
    .await
}

/// Balances as the entries with value dates before `to` make them.
pub async fn balances_before(tx: &mut Tx, to: Ts) -> Result<Vec<LegRow>> {
    tx.rows(
        sql!(
            "SELECT MIN(p.entry_id), a.owner, a.purpose, a.currency, CAST(SUM(p.minor) AS BIGINT)
             FROM ledger_postings p JOIN ledger_accounts a ON a.id = p.account_id JOIN ledger_entries e ON e.id = p.entry_id
             WHERE e.value_at < $1 GROUP BY a.owner, a.purpose, a.currency ORDER BY a.owner, a.purpose, a.currency"
        ),
        &vals![to],
    )
    .await
}

row! {
    pub struct MovedRow {
        pub row: AccountId,
        pub seq: i64,
        pub entry_id: EntryId,
        pub kind: String,
        pub reference: String,
        pub source: String,
        pub minor: i64,
        pub reverses: Option<EntryId>,
        pub booked_at: Ts,
    }
}

/// Postings of one row of an account after a number, in order.
pub async fn postings_after(tx: &mut Tx, row: AccountId, seq: i64, limit: i64) -> Result<Vec<MovedRow>> {
    tx.rows(
        sql!(
            "SELECT p.account_id, p.seq, e.id, e.kind, e.reference, e.source, p.minor, e.reverses, e.booked_at
             FROM ledger_postings p JOIN ledger_entries e ON e.id = p.entry_id
             WHERE p.account_id = $1 AND p.seq > $2 ORDER BY p.seq LIMIT $3"
        ),
        &vals![row, seq, limit],
    )
    .await
}

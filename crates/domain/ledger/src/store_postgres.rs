//! One entry on PostgreSQL: one statement, one round trip.
//!
//! Most entries move money between two accounts, and [`two`] is for them: no arrays, no sorting, a
//! third of the server's work. When it cannot book (no such account, not enough, booked before) it
//! leaves everything as it was, and the general statement finds out why.
//!
//! In the general one, `locked` takes the row locks in account order (two entries over the same accounts never wait for
//! each other in a circle) and sees the latest committed rows, whatever the statement's snapshot.
//! Everything after it hangs on `fits`: when one account says no, nothing is written, and the caller
//! can go on in the same transaction.

use crate::account::{AccountId, AccountKey};
use crate::entry::{Outcome, Plan, Sum};
use crate::store::{AccountRow, PostingRow};
use qd_db::{Tx, sql};
use qd_kernel::{Problem, Result, vals};

pub async fn write(tx: &mut Tx, plan: &Plan) -> Result<Outcome> {
    if let ([one, other], 2) = (plan.sums.as_slice(), plan.legs.len())
        && two(tx, plan, one, other).await?
    {
        return Ok(Outcome::Done);
    }
    general(tx, plan).await
}

/// Books an entry of two postings to two accounts, in the order of their ids, which is the order in
/// which everybody locks. The second account waits for the first, the entry for both; each update
/// carries its own guard. False: nothing is booked.
async fn two(tx: &mut Tx, plan: &Plan, one: &Sum, other: &Sum) -> Result<bool> {
    let fx = plan.fx.as_ref();
    let (first, second, entries): (i64, i64, i64) = tx
        .must(
            sql!(
                "/* postgres */ WITH a AS (
                    UPDATE ledger_accounts SET balance_minor = balance_minor + $2, held_minor = held_minor - $3, seq = seq + 1
                    WHERE id = $1 AND (NOT guarded OR balance_minor + $2 - held_minor + $3 >= 0)
                        AND balance_minor + $2 BETWEEN -9000000000000000 AND 9000000000000000
                    RETURNING seq, currency, balance_minor
                ), b AS (
                    UPDATE ledger_accounts SET balance_minor = balance_minor + $5, held_minor = held_minor - $6, seq = seq + 1
                    WHERE id = $4 AND (NOT guarded OR balance_minor + $5 - held_minor + $6 >= 0)
                        AND balance_minor + $5 BETWEEN -9000000000000000 AND 9000000000000000 AND EXISTS (SELECT 1 FROM a)
                    RETURNING seq, currency, balance_minor
                ), entry AS (
                    INSERT INTO ledger_entries (id, reference, kind, source, note, fx_rate, fx_source, fx_at, reverses, value_at, booked_at)
                    SELECT CAST($7 AS TEXT), CAST($8 AS TEXT), CAST($9 AS TEXT), CAST($10 AS TEXT), CAST($11 AS TEXT), CAST($12 AS TEXT),
                        CAST($13 AS TEXT), CAST($14 AS BIGINT), CAST($15 AS TEXT), CAST($16 AS BIGINT), CAST($17 AS BIGINT)
                    FROM b
                    ON CONFLICT (reference) DO NOTHING RETURNING id
                ), written AS (
                    INSERT INTO ledger_postings (account_id, seq, entry_id, minor, currency, balance_after)
                    SELECT $1, a.seq, entry.id, $2, a.currency, a.balance_minor FROM a CROSS JOIN entry
                    UNION ALL
                    SELECT $4, b.seq, entry.id, $5, b.currency, b.balance_minor FROM b CROSS JOIN entry
                )
                SELECT (SELECT COUNT(*) FROM a), (SELECT COUNT(*) FROM b), (SELECT COUNT(*) FROM entry)"
            ),
            &vals![
                one.account,
                one.minor,
                one.freed(plan),
                other.account,
                other.minor,
                other.freed(plan),
                plan.entry_id,
                &plan.reference,
                &plan.kind,
                &plan.source,
                plan.note.as_ref(),
                fx.map(|f| f.rate),
                fx.map(|f| &f.source),
                fx.map(|f| f.at),
                plan.reverses,
                plan.value_at,
                plan.booked_at
            ],
        )
        .await?;
    if entries == 1 {
        return Ok(true);
    }
    // What has moved moves back, under the lock that the update took: nobody has seen it.
    for (moved, s) in [(first, one), (second, other)] {
        if moved == 1 {
            tx.exec_one(
                sql!(
                    "/* postgres */ UPDATE ledger_accounts SET balance_minor = balance_minor - $2, held_minor = held_minor + $3, seq = seq - 1
                     WHERE id = $1"
                ),
                &vals![s.account, s.minor, s.freed(plan)],
                || Problem::bug("ledger_account_lost", "a locked account is gone"),
            )
            .await?;
        }
    }
    Ok(false)
}

async fn general(tx: &mut Tx, plan: &Plan) -> Result<Outcome> {
    // Ids and numbers hold no comma.
    let ids = plan.legs.iter().map(|l| l.account.to_string()).collect::<Vec<_>>().join(",");
    let minors = plan.legs.iter().map(|l| l.minor.to_string()).collect::<Vec<_>>().join(",");
    let fx = plan.fx.as_ref();
    let (locked, written, short, over): (i64, i64, Option<AccountId>, Option<AccountId>) = tx
        .must(
            sql!(
                "/* postgres */ WITH legs AS (
                    SELECT l.id, l.minor, l.ord
                    FROM unnest(string_to_array($1, ','), CAST(string_to_array($2, ',') AS BIGINT[])) WITH ORDINALITY AS l (id, minor, ord)
                ), sums AS (
                    SELECT id, CAST(SUM(minor) AS BIGINT) AS minor, COUNT(*) AS n FROM legs GROUP BY id
                ), locked AS MATERIALIZED (
                    SELECT id, currency, guarded, balance_minor, held_minor, seq FROM ledger_accounts
                    WHERE id = ANY (string_to_array($1, ',')) ORDER BY id FOR UPDATE
                ), judged AS (
                    SELECT k.id, k.seq, s.n, k.currency, k.balance_minor AS before, k.balance_minor + s.minor AS balance, h.held,
                        k.guarded AND k.balance_minor + s.minor - h.held < 0 AS short,
                        k.balance_minor + s.minor NOT BETWEEN -9000000000000000 AND 9000000000000000 AS over
                    FROM locked k JOIN sums s ON s.id = k.id
                    CROSS JOIN LATERAL (SELECT k.held_minor - CASE WHEN k.id = CAST($3 AS TEXT) THEN CAST($4 AS BIGINT) ELSE 0 END AS held) h
                ), fits AS (
                    SELECT COUNT(*) = (SELECT COUNT(*) FROM sums) AND NOT BOOL_OR(short OR over) AS ok FROM judged
                ), entry AS (
                    INSERT INTO ledger_entries (id, reference, kind, source, note, fx_rate, fx_source, fx_at, reverses, value_at, booked_at)
                    SELECT CAST($5 AS TEXT), CAST($6 AS TEXT), CAST($7 AS TEXT), CAST($8 AS TEXT), CAST($9 AS TEXT), CAST($10 AS TEXT),
                        CAST($11 AS TEXT), CAST($12 AS BIGINT), CAST($13 AS TEXT), CAST($14 AS BIGINT), CAST($15 AS BIGINT)
                    FROM fits WHERE fits.ok
                    ON CONFLICT (reference) DO NOTHING RETURNING id
                ), moved AS (
                    UPDATE ledger_accounts a SET balance_minor = j.balance, held_minor = j.held, seq = j.seq + j.n
                    FROM judged j WHERE a.id = j.id AND a.id = ANY (string_to_array($1, ',')) AND EXISTS (SELECT 1 FROM entry)
                ), written AS (
                    INSERT INTO ledger_postings (account_id, seq, entry_id, minor, currency, balance_after)
                    SELECT l.id, j.seq + ROW_NUMBER() OVER w, e.id, l.minor, j.currency, j.before + CAST(SUM(l.minor) OVER w AS BIGINT)
                    FROM legs l JOIN judged j ON j.id = l.id CROSS JOIN entry e
                    WINDOW w AS (PARTITION BY l.id ORDER BY l.ord ROWS UNBOUNDED PRECEDING)
                )
                SELECT (SELECT COUNT(*) FROM locked), (SELECT COUNT(*) FROM entry),
                    (SELECT MIN(id) FROM judged WHERE short), (SELECT MIN(id) FROM judged WHERE over)"
            ),
            &vals![
                ids,
                minors,
                plan.freed.map(|f| f.0),
                plan.freed.map_or(0, |f| f.1),
                plan.entry_id,
                &plan.reference,
                &plan.kind,
                &plan.source,
                plan.note.as_ref(),
                fx.map(|f| f.rate),
                fx.map(|f| &f.source),
                fx.map(|f| f.at),
                plan.reverses,
                plan.value_at,
                plan.booked_at
            ],
        )
        .await?;
    Ok(match (short, over) {
        _ if written == 1 => Outcome::Done,
        _ if locked < plan.sums.len() as i64 => Outcome::NoAccount,
        (_, Some(id)) => Outcome::OverLimit(id),
        (Some(id), None) => Outcome::Short(id),
        (None, None) => Outcome::Already,
    })
}

/// Locks the rows that are there, in id order.
pub async fn lock_accounts(tx: &mut Tx, keys: &[&AccountKey]) -> Result<Vec<AccountRow>> {
    let ids = keys.iter().map(|k| k.id().to_string()).collect::<Vec<_>>().join(",");
    tx.rows(
        sql!(
            "/* postgres */ SELECT id, guarded, balance_minor, held_minor, seq FROM ledger_accounts
             WHERE id = ANY (string_to_array($1, ',')) ORDER BY id FOR UPDATE"
        ),
        &vals![ids],
    )
    .await
}

/// One statement for the batch; ids, codes and numbers hold no comma.
pub async fn insert_postings(tx: &mut Tx, rows: &[PostingRow]) -> Result<()> {
    for chunk in rows.chunks(5_000) {
        let join = |f: &dyn Fn(&PostingRow) -> String| chunk.iter().map(f).collect::<Vec<_>>().join(",");
        tx.exec(
            sql!(
                "/* postgres */ INSERT INTO ledger_postings (account_id, seq, entry_id, minor, currency, balance_after)
                 SELECT * FROM unnest(string_to_array($1, ','), CAST(string_to_array($2, ',') AS BIGINT[]), string_to_array($3, ','),
                    CAST(string_to_array($4, ',') AS BIGINT[]), string_to_array($5, ','), CAST(string_to_array($6, ',') AS BIGINT[]))"
            ),
            &vals![
                join(&|r| r.account.to_string()),
                join(&|r| r.seq.to_string()),
                join(&|r| r.entry.to_string()),
                join(&|r| r.minor.to_string()),
                join(&|r| r.currency.to_string()),
                join(&|r| r.balance_after.to_string())
            ],
        )
        .await?;
    }
    Ok(())
}

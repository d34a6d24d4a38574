//! One entry on PostgreSQL: one statement, one round trip.
//!
//! Most entries move money between two accounts, and [`two`] is for them: no arrays, no sorting, a
//! third of the server's work. When it cannot book it leaves everything as it was; unless the entry
//! was booked before, the general statement finds out why.
//!
//! In the general one, `locked` takes the row locks in id order (two entries over the same rows never
//! wait for each other in a circle) and sees the latest committed rows, whatever the statement's
//! snapshot. Everything after it hangs on `fits`: when one account says no, nothing is written, and
//! the caller can go on in the same transaction.
//!
//! Lists travel as one text each. What separates them stands in no value: texts of the books hold no
//! control characters.

use crate::account::AccountId;
use crate::entry::{Outcome, Plan, Sum};
use crate::store::{AccountRow, PostingRow, StatementRow};
use qd_db::{Tx, sql};
use qd_kernel::{Problem, Result, Val, vals};

pub async fn write(tx: &mut Tx, plan: &Plan) -> Result<Outcome> {
    if let ([one, other], 2) = (plan.sums.as_slice(), plan.legs.len())
        && let Some(outcome) = two(tx, plan, one, other).await?
    {
        return Ok(outcome);
    }
    general(tx, plan).await
}

/// Books an entry of two postings to two accounts, in the order of their ids, which is the order in
/// which everybody locks. The second account waits for the first, the entry for both; each update
/// carries its own guard. None: an account is missing or says no.
async fn two(tx: &mut Tx, plan: &Plan, one: &Sum, other: &Sum) -> Result<Option<Outcome>> {
    let fx = plan.fx.as_ref();
    let (first, second, entries): (i64, i64, i64) = tx
        .must(
            sql!(
                "/* postgres */ WITH a AS (
                    UPDATE ledger_accounts SET balance_minor = balance_minor + $2, held_minor = held_minor - $3, seq = seq + 1
                    WHERE id = $1 AND (NOT guarded OR balance_minor + $2 - held_minor + $3 >= 0)
                        AND ABS(balance_minor + $2) <= $18
                    RETURNING seq, currency, balance_minor
                ), b AS (
                    UPDATE ledger_accounts SET balance_minor = balance_minor + $5, held_minor = held_minor - $6, seq = seq + 1
                    WHERE id = $4 AND (NOT guarded OR balance_minor + $5 - held_minor + $6 >= 0)
                        AND ABS(balance_minor + $5) <= $19 AND EXISTS (SELECT 1 FROM a)
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
                one.row,
                one.minor,
                one.freed(plan),
                other.row,
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
                plan.booked_at,
                one.limit,
                other.limit
            ],
        )
        .await?;
    if entries == 1 {
        return Ok(Some(Outcome::Done));
    }
    // What has moved moves back, under the lock that the update took: nobody has seen it.
    for (moved, s) in [(first, one), (second, other)] {
        if moved == 1 {
            tx.exec_one(
                sql!(
                    "/* postgres */ UPDATE ledger_accounts SET balance_minor = balance_minor - $2, held_minor = held_minor + $3, seq = seq - 1
                     WHERE id = $1"
                ),
                &vals![s.row, s.minor, s.freed(plan)],
                || Problem::bug("ledger_account_lost", "a locked account is gone"),
            )
            .await?;
        }
    }
    // Both accounts were willing: it was the reference.
    Ok((first + second == 2).then_some(Outcome::Already))
}

async fn general(tx: &mut Tx, plan: &Plan) -> Result<Outcome> {
    let (rows, minors) = (list(&plan.legs, |l| l.row.to_string()), list(&plan.legs, |l| l.minor.to_string()));
    let (locks, limits) = (list(&plan.sums, |s| s.row.to_string()), list(&plan.sums, |s| s.limit.to_string()));
    let fx = plan.fx.as_ref();
    let (locked, written, short, over): (i64, i64, Option<AccountId>, Option<AccountId>) = tx
        .must(
            sql!(
                "/* postgres */ WITH legs AS (
                    SELECT l.id, l.minor, l.ord
                    FROM unnest(string_to_array($1, CHR(31)), CAST(string_to_array($2, CHR(31)) AS BIGINT[])) WITH ORDINALITY AS l (id, minor, ord)
                ), sums AS (
                    SELECT c.id, c.cap, CAST(SUM(l.minor) AS BIGINT) AS minor, COUNT(*) AS n
                    FROM unnest(string_to_array($16, CHR(31)), CAST(string_to_array($17, CHR(31)) AS BIGINT[])) AS c (id, cap) JOIN legs l ON l.id = c.id
                    GROUP BY c.id, c.cap
                ), locked AS MATERIALIZED (
                    SELECT id, currency, guarded, balance_minor, held_minor, seq FROM ledger_accounts
                    WHERE id = ANY (string_to_array($16, CHR(31))) ORDER BY id FOR UPDATE
                ), judged AS (
                    SELECT k.id, k.seq, s.n, k.currency, k.balance_minor AS before, k.balance_minor + s.minor AS balance, h.held,
                        k.guarded AND k.balance_minor + s.minor - h.held < 0 AS short,
                        ABS(k.balance_minor + s.minor) > s.cap AS over
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
                    FROM judged j WHERE a.id = j.id AND a.id = ANY (string_to_array($16, CHR(31))) AND EXISTS (SELECT 1 FROM entry)
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
                rows,
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
                plan.booked_at,
                locks,
                limits
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

fn list<T>(of: impl IntoIterator<Item = T>, text: impl Fn(T) -> String) -> String {
    of.into_iter().map(text).collect::<Vec<_>>().join("\u{1f}")
}

/// Locks the rows that are there, in id order.
pub async fn lock_accounts(tx: &mut Tx, rows: impl Iterator<Item = &AccountId>) -> Result<Vec<AccountRow>> {
    tx.rows(
        sql!(
            "/* postgres */ SELECT id, guarded, balance_minor, held_minor, seq FROM ledger_accounts
             WHERE id = ANY (string_to_array($1, CHR(31))) ORDER BY id FOR UPDATE"
        ),
        &vals![list(rows, AccountId::to_string)],
    )
    .await
}

/// One statement for the batch. An empty text stands for none: no text of the books is empty.
pub async fn insert_entries(tx: &mut Tx, plans: &[&Plan]) -> Result<u64> {
    let mut n = 0;
    for chunk in plans.chunks(2_000) {
        let column = |text: &dyn Fn(&Plan) -> String| Val::from(list(chunk, |p| text(p)));
        let fx = |p: &Plan, text: &dyn Fn(&crate::FxNote) -> String| p.fx.as_ref().map_or_else(String::new, text);
        n += tx
            .exec(
                sql!(
                    "/* postgres */ INSERT INTO ledger_entries (id, reference, kind, source, note, fx_rate, fx_source, fx_at, reverses, value_at, booked_at)
                     SELECT * FROM unnest(string_to_array($1, CHR(31)), string_to_array($2, CHR(31)), string_to_array($3, CHR(31)),
                        string_to_array($4, CHR(31)), string_to_array($5, CHR(31), ''), string_to_array($6, CHR(31), ''), string_to_array($7, CHR(31), ''),
                        CAST(string_to_array($8, CHR(31), '') AS BIGINT[]), string_to_array($9, CHR(31), ''),
                        CAST(string_to_array($10, CHR(31)) AS BIGINT[]), CAST(string_to_array($11, CHR(31)) AS BIGINT[]))
                     ON CONFLICT (reference) DO NOTHING"
                ),
                &[
                    column(&|p| p.entry_id.to_string()),
                    column(&|p| p.reference.clone()),
                    column(&|p| p.kind.clone()),
                    column(&|p| p.source.clone()),
                    column(&|p| p.note.clone().unwrap_or_default()),
                    column(&|p| fx(p, &|f| f.rate.text())),
                    column(&|p| fx(p, &|f| f.source.clone())),
                    column(&|p| fx(p, &|f| f.at.0.to_string())),
                    column(&|p| p.reverses.map_or_else(String::new, |r| r.to_string())),
                    column(&|p| p.value_at.0.to_string()),
                    column(&|p| p.booked_at.0.to_string()),
                ],
            )
            .await?;
    }
    Ok(n)
}

pub async fn insert_postings(tx: &mut Tx, rows: &[PostingRow]) -> Result<()> {
    for chunk in rows.chunks(5_000) {
        let column = |text: &dyn Fn(&PostingRow) -> String| Val::from(list(chunk, text));
        tx.exec(
            sql!(
                "/* postgres */ INSERT INTO ledger_postings (account_id, seq, entry_id, minor, currency, balance_after)
                 SELECT * FROM unnest(string_to_array($1, CHR(31)), CAST(string_to_array($2, CHR(31)) AS BIGINT[]), string_to_array($3, CHR(31)),
                    CAST(string_to_array($4, CHR(31)) AS BIGINT[]), string_to_array($5, CHR(31)), CAST(string_to_array($6, CHR(31)) AS BIGINT[]))"
            ),
            &[
                column(&|r| r.row.to_string()),
                column(&|r| r.seq.to_string()),
                column(&|r| r.entry.to_string()),
                column(&|r| r.minor.to_string()),
                column(&|r| r.currency.to_string()),
                column(&|r| r.balance_after.to_string()),
            ],
        )
        .await?;
    }
    Ok(())
}

/// Of locked rows.
pub async fn write_balances(tx: &mut Tx, rows: impl Iterator<Item = &AccountRow>) -> Result<()> {
    let rows: Vec<&AccountRow> = rows.collect();
    for chunk in rows.chunks(5_000) {
        tx.exec(
            sql!(
                "/* postgres */ UPDATE ledger_accounts a SET balance_minor = b.balance, seq = b.seq
                 FROM unnest(string_to_array($1, CHR(31)), CAST(string_to_array($2, CHR(31)) AS BIGINT[]), CAST(string_to_array($3, CHR(31)) AS BIGINT[]))
                    AS b (id, balance, seq)
                 WHERE a.id = b.id AND a.id = ANY (string_to_array($1, CHR(31)))"
            ),
            &vals![list(chunk, |r| r.id.to_string()), list(chunk, |r| r.balance_minor.to_string()), list(chunk, |r| r.seq.to_string())],
        )
        .await?;
    }
    Ok(())
}

/// What [`crate::store::statement`] answers, of all rows in one round trip.
pub async fn statement(tx: &mut Tx, from: &[(AccountId, i64)], limit: i64) -> Result<Vec<StatementRow>> {
    tx.rows(
        sql!(
            "/* postgres */ SELECT p.account_id, p.seq, p.minor, p.balance_after, e.id, e.kind, e.reference, e.source, e.note, e.fx_rate,
                e.fx_source, e.fx_at, e.reverses, e.value_at, e.booked_at
             FROM unnest(string_to_array($1, CHR(31)), CAST(string_to_array($2, CHR(31)) AS BIGINT[])) AS r (id, seq)
             CROSS JOIN LATERAL (SELECT * FROM ledger_postings p WHERE p.account_id = r.id AND p.seq <= r.seq ORDER BY p.seq DESC LIMIT $3) p
             JOIN ledger_entries e ON e.id = p.entry_id
             ORDER BY p.account_id, p.seq DESC"
        ),
        &vals![list(from, |r| r.0.to_string()), list(from, |r| r.1.to_string()), limit],
    )
    .await
}

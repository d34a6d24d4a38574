use crate::close::CloseState;
use crate::ids::{CloseId, PartnerId};
use qd_db::{Query, Sql, Tx, row, sql};
use qd_kernel::{Currency, PageRequest, Problem, Result, Ts, vals};
use serde_json::Value;

row! {
    #[derive(Clone, Debug)]
    pub struct CloseRow {
        pub id: CloseId,
        pub entity: String,
        pub month: String,
        pub state: CloseState,
        pub checklist: Value,
        pub result: Option<Value>,
        pub after_partner: String,
        pub after_currency: String,
        pub done: i64,
        pub total: i64,
        pub statements: i64,
        pub runs: i64,
        pub made_by: String,
        pub made_at: Ts,
        pub run_by: Option<String>,
        pub run_at: Option<Ts>,
        pub finished_at: Option<Ts>,
        pub signed_by: Option<String>,
        pub signed_at: Option<Ts>,
        pub version: i64,
    }
}

pub async fn insert(tx: &mut Tx, c: &CloseRow) -> Result<()> {
    tx.exec_one(
        sql!(
            "INSERT INTO commission_closes (id, entity, month, state, checklist, after_partner, after_currency, done, total, statements, runs, made_by,
                made_at, version)
             VALUES ($1, $2, $3, $4, $5, '', '', 0, $6, 0, 0, $7, $8, 1) ON CONFLICT DO NOTHING"
        ),
        &vals![c.id, &c.entity, &c.month, c.state, &c.checklist, c.total, &c.made_by, c.made_at],
        || Problem::conflict("close_exists", "somebody began to close this month at the same time"),
    )
    .await
}

pub async fn get(tx: &mut Tx, id: CloseId) -> Result<Option<CloseRow>> {
    tx.one(
        sql!(
            "SELECT id, entity, month, state, checklist, result, after_partner, after_currency, done, total, statements, runs, made_by, made_at, run_by, run_at,
                finished_at, signed_by, signed_at, version FROM commission_closes WHERE id = $1"
        ),
        &vals![id],
    )
    .await
}

pub async fn of_month(tx: &mut Tx, entity: &str, month: &str) -> Result<Option<CloseRow>> {
    tx.one(
        sql!(
            "SELECT id, entity, month, state, checklist, result, after_partner, after_currency, done, total, statements, runs, made_by, made_at, run_by, run_at,
                finished_at, signed_by, signed_at, version FROM commission_closes WHERE entity = $1 AND month = $2"
        ),
        &vals![entity, month],
    )
    .await
}

/// Writes all but who made it; on condition of the version, which is one higher then.
pub async fn update(tx: &mut Tx, c: &CloseRow) -> Result<()> {
    tx.exec_one(
        sql!(
            "UPDATE commission_closes SET state = $3, checklist = $4, result = $5, after_partner = $6, after_currency = $7, done = $8, total = $9,
                statements = $10, runs = $11, run_by = $12, run_at = $13, finished_at = $14, signed_by = $15, signed_at = $16, version = version + 1
             WHERE id = $1 AND version = $2"
        ),
        &vals![
            c.id,
            c.version,
            c.state,
            &c.checklist,
            c.result.as_ref(),
            &c.after_partner,
            &c.after_currency,
            c.done,
            c.total,
            c.statements,
            c.runs,
            c.run_by.as_ref(),
            c.run_at,
            c.finished_at,
            c.signed_by.as_ref(),
            c.signed_at
        ],
        || Problem::unavailable(qd_db::RETRY, "somebody went on with this close in between"),
    )
    .await
}

/// Newest month first, of these entities (None: all).
pub async fn list(tx: &mut Tx, entities: Option<&[String]>, page: &PageRequest) -> Result<Vec<CloseRow>> {
    let mut q = Query::new(sql!(
        "SELECT id, entity, month, state, checklist, result, after_partner, after_currency, done, total, statements, runs, made_by, made_at, run_by, run_at,
            finished_at, signed_by, signed_at, version FROM commission_closes WHERE 1 = 1"
    ));
    if let Some(list) = entities {
        q.push(sql!(" AND entity IN (''"), []);
        for e in list {
            q.push(sql!(", $?"), vals![e]);
        }
        q.push(sql!(")"), []);
    }
    if let Some([month, id]) = page.after_parts().as_deref() {
        q.push(sql!(" AND (month, id) < ($?, $?)"), vals![*month, *id]);
    }
    q.push(sql!(" ORDER BY month DESC, id DESC LIMIT $?"), vals![page.fetch()]);
    tx.query(&q).await
}

/// Of the pairs selected, those with something that no statement carries and a value date before
/// `to`, and active partners with a client by then: a month's share of revenue may be all they get.
fn unstated(start: Sql, entity: Option<&str>, to: Ts) -> Query {
    let mut q = Query::new(start);
    q.push(
        sql!(
            " AND (EXISTS (SELECT 1 FROM commission_lines l WHERE l.partner_id = u.partner_id AND l.currency = u.currency AND l.statement_id IS NULL
                    AND l.beneficiary IS NULL AND l.value_at < $?)
                OR EXISTS (SELECT 1 FROM partner_payouts o WHERE o.partner_id = u.partner_id AND o.currency = u.currency
                    AND ((o.statement_id IS NULL AND o.paid_at < $?) OR (o.return_statement_id IS NULL AND o.returned_at < $?)))
                OR (p.state = 'active' AND p.currency = u.currency
                    AND EXISTS (SELECT 1 FROM partner_clients c WHERE c.partner_id = p.id AND c.from_at < $?)))"
        ),
        vals![to, to, to, to],
    );
    if let Some(entity) = entity {
        q.push(sql!(" AND p.entity = $?"), vals![entity]);
    }
    q
}

/// In order, after this one.
async fn pairs_from(
    tx: &mut Tx,
    entity: Option<&str>,
    to: Ts,
    after: (&str, &str),
    limit: i64,
) -> Result<Vec<(PartnerId, Currency, String)>> {
    let start = sql!(
        "SELECT u.partner_id, u.currency, p.entity
         FROM partners p JOIN (SELECT partner_id, currency FROM partner_purses UNION SELECT id, currency FROM partners) u ON u.partner_id = p.id WHERE 1 = 1"
    );
    let mut q = unstated(start, entity, to);
    q.push(
        sql!(" AND (u.partner_id, u.currency) > ($?, $?) ORDER BY u.partner_id, u.currency LIMIT $?"),
        vals![after.0, after.1, limit],
    );
    tx.query(&q).await
}

/// Those of an entity.
pub async fn pairs(tx: &mut Tx, entity: &str, to: Ts, after: (&str, &str), limit: i64) -> Result<Vec<(PartnerId, Currency)>> {
    let all = pairs_from(tx, Some(entity), to, after, limit).await?;
    Ok(all.into_iter().map(|(partner, currency, _)| (partner, currency)).collect())
}

/// Those of all entities, each with its own.
pub async fn pairs_of_all(tx: &mut Tx, to: Ts, after: (&str, &str), limit: i64) -> Result<Vec<(PartnerId, Currency, String)>> {
    pairs_from(tx, None, to, after, limit).await
}

pub async fn count_pairs(tx: &mut Tx, entity: &str, to: Ts) -> Result<i64> {
    let start = sql!(
        "SELECT COUNT(*)
         FROM partners p JOIN (SELECT partner_id, currency FROM partner_purses UNION SELECT id, currency FROM partners) u ON u.partner_id = p.id WHERE 1 = 1"
    );
    let found: Vec<(i64,)> = tx.query(&unstated(start, Some(entity), to)).await?;
    Ok(found.first().map_or(0, |n| n.0))
}

/// When the first thing happened that no statement of this partner carries; before `to`.
pub async fn first_open(tx: &mut Tx, partner: PartnerId, currency: Currency, to: Ts) -> Result<Option<Ts>> {
    let (line, paid, back): (Option<Ts>, Option<Ts>, Option<Ts>) = tx
        .must(
            sql!(
                "SELECT (SELECT MIN(value_at) FROM commission_lines WHERE partner_id = $1 AND currency = $2 AND statement_id IS NULL AND beneficiary IS NULL
                        AND value_at < $3),
                    (SELECT MIN(paid_at) FROM partner_payouts WHERE partner_id = $1 AND currency = $2 AND statement_id IS NULL AND paid_at < $3),
                    (SELECT MIN(returned_at) FROM partner_payouts WHERE partner_id = $1 AND currency = $2 AND return_statement_id IS NULL
                        AND state = 'returned' AND returned_at < $3)"
            ),
            &vals![partner, currency, to],
        )
        .await?;
    Ok([line, paid, back].into_iter().flatten().min())
}

row! {
    pub struct Stopped {
        pub server: String,
        pub ticket: String,
        pub code: Option<String>,
        pub cause: Option<String>,
        pub facts: Value,
        /// Of the client's partner.
        pub partner_entity: Option<String>,
        pub value_at: Ts,
    }
}

/// Stopped deals with value dates before `to`, at most `limit`.
pub async fn stopped(tx: &mut Tx, to: Ts, limit: i64) -> Result<Vec<Stopped>> {
    tx.rows(
        sql!(
            "SELECT d.server, d.ticket, d.reason, d.cause, d.facts,
                (SELECT p.entity FROM partner_clients c JOIN partners p ON p.id = c.partner_id WHERE c.client_id = d.client_id AND c.from_at <= d.value_at
                    AND (c.to_at IS NULL OR c.to_at > d.value_at) LIMIT 1), d.value_at
             FROM commission_deals d WHERE d.outcome = 'stopped' AND d.value_at < $1 ORDER BY d.booked_at LIMIT $2"
        ),
        &vals![to, limit],
    )
    .await
}

/// Clients whose share is held, of partners of the entity: (client, why).
pub async fn held_shares(tx: &mut Tx, entity: &str, to: Ts, limit: i64) -> Result<Vec<(String, Option<String>)>> {
    tx.rows(
        sql!(
            "SELECT c.client_id, c.hold_reason FROM partner_clients c JOIN partners p ON p.id = c.partner_id
             WHERE p.entity = $1 AND c.state = 'held' AND c.to_at IS NULL AND c.from_at < $2 ORDER BY c.client_id LIMIT $3"
        ),
        &vals![entity, to, limit],
    )
    .await
}

/// Corrections to value dates before `to` that wait for somebody or are half done: (id, subject, state).
pub async fn open_corrections(tx: &mut Tx, entity: &str, to: Ts, limit: i64) -> Result<Vec<(String, String, String)>> {
    tx.rows(
        sql!(
            "SELECT id, subject, state FROM commission_corrections
             WHERE state IN ('prepared', 'applying') AND (entity IS NULL OR entity = $1) AND from_at < $2 ORDER BY id LIMIT $3"
        ),
        &vals![entity, to, limit],
    )
    .await
}

/// What the lines of an entity's partners less payouts make, by partner and currency, in order.
pub async fn owed(tx: &mut Tx, entity: &str, after: (&str, &str), limit: i64) -> Result<Vec<(PartnerId, Currency, i64)>> {
    tx.rows(
        sql!(
            "SELECT u.partner_id, u.currency, u.booked_minor - u.paid_minor FROM partner_purses u JOIN partners p ON p.id = u.partner_id
             WHERE p.entity = $1 AND (u.partner_id, u.currency) > ($2, $3) ORDER BY u.partner_id, u.currency LIMIT $4"
        ),
        &vals![entity, after.0, after.1, limit],
    )
    .await
}

row! {
    #[derive(Clone, Debug)]
    pub struct SumRow {
        pub currency: Currency,
        /// Lines less payouts, of all time.
        pub balance_minor: i64,
        /// Of the last statements.
        pub closing_minor: i64,
        /// Lines on no statement.
        pub open_minor: i64,
        /// Payouts on no statement, below zero.
        pub payouts_minor: i64,
    }
}

/// By currency: what is owed, and the statements and open ends that explain it.
pub async fn sums(tx: &mut Tx, entity: &str) -> Result<Vec<SumRow>> {
    tx.rows(
        sql!(
            "SELECT u.currency, CAST(SUM(u.booked_minor - u.paid_minor) AS BIGINT),
                CAST(COALESCE(SUM((SELECT s.closing_minor FROM partner_statements s WHERE s.partner_id = u.partner_id AND s.currency = u.currency
                    AND s.number = u.statements)), 0) AS BIGINT),
                CAST(COALESCE(SUM((SELECT SUM(l.minor) FROM commission_lines l WHERE l.partner_id = u.partner_id AND l.currency = u.currency
                    AND l.statement_id IS NULL AND l.beneficiary IS NULL)), 0) AS BIGINT),
                CAST(COALESCE(SUM((SELECT SUM(CASE WHEN o.statement_id IS NULL THEN -o.minor ELSE 0 END
                        + CASE WHEN o.state = 'returned' AND o.return_statement_id IS NULL THEN o.minor ELSE 0 END)
                    FROM partner_payouts o WHERE o.partner_id = u.partner_id AND o.currency = u.currency AND o.state IN ('paid', 'returned'))), 0) AS BIGINT)
             FROM partner_purses u JOIN partners p ON p.id = u.partner_id WHERE p.entity = $1 GROUP BY u.currency ORDER BY u.currency"
        ),
        &vals![entity],
    )
    .await
}

row! {
    #[derive(Clone, Debug)]
    pub struct FaultRow {
        pub partner_id: PartnerId,
        pub currency: Currency,
        pub code: String,
        pub cause: String,
    }
}

pub async fn put_fault(tx: &mut Tx, close: CloseId, f: &FaultRow) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO commission_close_faults (close_id, partner_id, currency, code, cause) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (close_id, partner_id, currency) DO UPDATE SET code = excluded.code, cause = excluded.cause"
        ),
        &vals![close, f.partner_id, f.currency, &f.code, &f.cause],
    )
    .await?;
    Ok(())
}

pub async fn faults(tx: &mut Tx, close: CloseId, limit: i64) -> Result<Vec<FaultRow>> {
    tx.rows(
        sql!("SELECT partner_id, currency, code, cause FROM commission_close_faults WHERE close_id = $1 ORDER BY partner_id, currency LIMIT $2"),
        &vals![close, limit],
    )
    .await
}

pub async fn clear_faults(tx: &mut Tx, close: CloseId) -> Result<()> {
    tx.exec(sql!("DELETE FROM commission_close_faults WHERE close_id = $1"), &vals![close])
        .await?;
    Ok(())
}

//! Whole rows of the partner module, out and in; the columns of each kind are in `carry::kind`.

use crate::carry::Kind;
use qd_db::{FromRow, Row, Tx, row, sql};
use qd_kernel::{Cell, FromCell, Result, Ts, Val, vals};

/// A cell as it is.
struct Any(Val);

impl FromCell for Any {
    fn from_cell(c: Cell<'_>) -> Result<Self> {
        Ok(Any(match c {
            Cell::Null => Val::Null,
            Cell::Int(i) => Val::Int(i),
            Cell::Bool(b) => Val::Bool(b),
            Cell::Text(t) => Val::Text(t.to_string()),
            Cell::Bytes(b) => Val::Bytes(b.to_vec()),
        }))
    }
}

/// A row of N cells.
struct Rec<const N: usize>(Vec<Val>);

impl<const N: usize> FromRow for Rec<N> {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        (0..N)
            .map(|at| row.get::<Any>(at, "column").map(|c| c.0))
            .collect::<Result<_>>()
            .map(Rec)
    }
}

macro_rules! page {
    ($tx:expr, $n:literal, $params:expr, $sql:expr) => {
        $tx.rows::<Rec<$n>>($sql, $params).await?.into_iter().map(|r| r.0).collect()
    };
}

/// Rows after the one with the key `after`, in the order of the key; `entity` None: of all.
pub async fn page(tx: &mut Tx, kind: Kind, entity: Option<&str>, after: &[Val], limit: i64) -> Result<Vec<Vec<Val>>> {
    let mut params = vals![entity, limit].to_vec();
    params.extend_from_slice(after);
    let p = &params;
    Ok(match kind {
        Kind::Partners => page!(
            tx,
            11,
            p,
            sql!(
                "SELECT id, entity, name, email, phone, client_id, currency, payout_method, state, created_at, version
                 FROM partners WHERE (CAST($1 AS TEXT) IS NULL OR entity = $1) AND id > $3 ORDER BY id LIMIT $2"
            )
        ),
        Kind::Edges => page!(
            tx,
            7,
            p,
            sql!(
                "SELECT e.partner_id, e.parent_id, e.from_at, e.to_at, e.reason, e.made_by, e.made_at
                 FROM partner_edges e JOIN partners p ON p.id = e.partner_id
                 WHERE (CAST($1 AS TEXT) IS NULL OR p.entity = $1) AND (e.partner_id, e.from_at) > ($3, $4)
                 ORDER BY e.partner_id, e.from_at LIMIT $2"
            )
        ),
        Kind::Links => page!(
            tx,
            7,
            p,
            sql!(
                "SELECT l.id, l.partner_id, l.code, l.campaign, l.landing, l.active, l.created_at
                 FROM partner_links l JOIN partners p ON p.id = l.partner_id
                 WHERE (CAST($1 AS TEXT) IS NULL OR p.entity = $1) AND l.id > $3 ORDER BY l.id LIMIT $2"
            )
        ),
        Kind::Plans => page!(
            tx,
            5,
            p,
            sql!(
                "SELECT id, name, entity, version, created_at FROM deal_plans
                 WHERE (CAST($1 AS TEXT) IS NULL OR entity IS NULL OR entity = $1) AND id > $3 ORDER BY id LIMIT $2"
            )
        ),
        Kind::PlanVersions => page!(
            tx,
            7,
            p,
            sql!(
                "SELECT v.plan_id, v.version, v.valid_from, v.document, v.reason, v.made_by, v.made_at
                 FROM deal_plan_versions v JOIN deal_plans d ON d.id = v.plan_id
                 WHERE (CAST($1 AS TEXT) IS NULL OR d.entity IS NULL OR d.entity = $1) AND (v.plan_id, v.version) > ($3, $4)
                 ORDER BY v.plan_id, v.version LIMIT $2"
            )
        ),
        Kind::PlanUses => page!(
            tx,
            7,
            p,
            sql!(
                "SELECT u.holder, u.plan_id, u.from_at, u.to_at, u.reason, u.made_by, u.made_at
                 FROM deal_plan_uses u JOIN deal_plans d ON d.id = u.plan_id
                 WHERE (CAST($1 AS TEXT) IS NULL OR ((d.entity IS NULL OR d.entity = $1) AND (u.holder = 'global' OR u.holder = 'entity:' || $1
                        OR EXISTS (SELECT 1 FROM partners p WHERE p.id = u.holder AND p.entity = $1))))
                    AND (u.holder, u.from_at) > ($3, $4)
                 ORDER BY u.holder, u.from_at LIMIT $2"
            )
        ),
        Kind::Terms => page!(
            tx,
            5,
            p,
            sql!(
                "SELECT t.partner_id, t.document, t.version, t.changed_by, t.changed_at
                 FROM partner_terms t JOIN partners p ON p.id = t.partner_id
                 WHERE (CAST($1 AS TEXT) IS NULL OR p.entity = $1) AND t.partner_id > $3 ORDER BY t.partner_id LIMIT $2"
            )
        ),
        Kind::Shares => page!(
            tx,
            14,
            p,
            sql!(
                "SELECT s.client_id, s.from_at, s.to_at, s.partner_id, s.state, s.model, s.code, s.link_id, s.click_id, s.hold_reason, s.evidence,
                    s.made_by, s.made_at, s.version
                 FROM partner_clients s
                 WHERE (CAST($1 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM partners p WHERE p.id = s.partner_id AND p.entity = $1)
                        OR (s.partner_id IS NULL AND EXISTS (SELECT 1 FROM partner_clients o JOIN partners p ON p.id = o.partner_id
                            WHERE o.client_id = s.client_id AND p.entity = $1)))
                    AND (s.client_id, s.from_at) > ($3, $4)
                 ORDER BY s.client_id, s.from_at LIMIT $2"
            )
        ),
        Kind::Statements => page!(
            tx,
            15,
            p,
            sql!(
                "SELECT s.id, s.partner_id, s.currency, s.number, s.period_from, s.period_to, s.opening_minor, s.lines_minor, s.adjustments_minor,
                    s.payouts_minor, s.closing_minor, s.content, s.sha256, s.closed_by, s.closed_at
                 FROM partner_statements s JOIN partners p ON p.id = s.partner_id
                 WHERE (CAST($1 AS TEXT) IS NULL OR p.entity = $1) AND (s.partner_id, s.currency, s.number) > ($3, $4, $5)
                 ORDER BY s.partner_id, s.currency, s.number LIMIT $2"
            )
        ),
        Kind::Invoices => page!(
            tx,
            7,
            p,
            sql!(
                "SELECT i.statement_id, i.partner_id, i.kind, i.number, i.file_id, i.made_by, i.made_at
                 FROM partner_invoices i JOIN partners p ON p.id = i.partner_id
                 WHERE (CAST($1 AS TEXT) IS NULL OR p.entity = $1) AND i.statement_id > $3 ORDER BY i.statement_id LIMIT $2"
            )
        ),
        Kind::Batches => page!(
            tx,
            15,
            p,
            sql!(
                "SELECT id, entity, currency, method, state, close_id, approval_id, items, minor, net_minor, prepared_by, prepared_at, decided_by,
                    decided_at, version
                 FROM partner_payout_batches WHERE (CAST($1 AS TEXT) IS NULL OR entity = $1) AND id > $3 ORDER BY id LIMIT $2"
            )
        ),
        Kind::Payouts => page!(
            tx,
            25,
            p,
            sql!(
                "SELECT o.id, o.partner_id, o.currency, o.minor, o.fee_minor, o.tax_minor, o.net_minor, o.method, o.destination, o.batch_id, o.state, o.cause,
                    o.approval_id, o.prepared_by, o.prepared_at, o.decided_by, o.decided_at, o.paid_at, o.reference, o.entry_id, o.return_entry_id,
                    o.statement_id, o.return_statement_id, o.returned_at, o.version
                 FROM partner_payouts o JOIN partners p ON p.id = o.partner_id
                 WHERE (CAST($1 AS TEXT) IS NULL OR p.entity = $1) AND o.id > $3 ORDER BY o.id LIMIT $2"
            )
        ),
        Kind::Deals => page!(
            tx,
            12,
            p,
            sql!(
                "SELECT d.server, d.ticket, d.revision, d.client_id, d.outcome, d.reason, d.cause, d.facts, d.entry_id, d.value_at, d.booked_at, d.version
                 FROM commission_deals d
                 WHERE (CAST($1 AS TEXT) IS NULL OR d.facts LIKE '%_entity_:_' || $1 || '_%' OR EXISTS (SELECT 1 FROM commission_lines l
                        JOIN partners p ON p.id = l.partner_id WHERE l.server = d.server AND l.ticket = d.ticket AND p.entity = $1))
                    AND (d.server, d.ticket) > ($3, $4)
                 ORDER BY d.server, d.ticket LIMIT $2"
            )
        ),
        Kind::Lines => page!(
            tx,
            28,
            p,
            sql!(
                "SELECT l.id, l.number, l.partner_id, l.currency, l.kind, l.server, l.ticket, l.revision, l.level, l.client_id, l.symbol, l.product_group,
                    l.lots, l.exact, l.minor, l.reason, l.plan_id, l.plan_version, l.rule_id, l.explanation, l.reverses, l.entry_id, l.statement_id,
                    l.value_at, l.booked_at, l.batch_id, l.beneficiary, l.tier_key
                 FROM commission_lines l
                 WHERE (CAST($1 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM partners p WHERE p.id = l.partner_id AND p.entity = $1))
                    AND (l.partner_id, l.currency, l.number) > ($3, $4, $5)
                 ORDER BY l.partner_id, l.currency, l.number LIMIT $2"
            )
        ),
        Kind::DealValues => page!(
            tx,
            7,
            p,
            sql!(
                "SELECT v.server, v.ticket, v.partner_id, v.beneficiary, v.currency, v.exact, v.minor
                 FROM commission_deal_values v
                 WHERE (CAST($1 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM partners p WHERE p.id = v.partner_id AND p.entity = $1))
                    AND (v.server, v.ticket, v.partner_id, v.beneficiary, v.currency) > ($3, $4, $5, $6, $7)
                 ORDER BY v.server, v.ticket, v.partner_id, v.beneficiary, v.currency LIMIT $2"
            )
        ),
        Kind::States => page!(
            tx,
            6,
            p,
            sql!(
                "SELECT s.key, s.value, s.last_at, s.last_server, s.last_ticket, s.version FROM commission_states s
                 WHERE (CAST($1 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM commission_lines l JOIN partners p ON p.id = l.partner_id
                        WHERE l.server = s.last_server AND l.ticket = s.last_ticket AND p.entity = $1))
                    AND s.key > $3 ORDER BY s.key LIMIT $2"
            )
        ),
        Kind::StateDeals => page!(
            tx,
            5,
            p,
            sql!(
                "SELECT s.key, s.value_at, s.server, s.ticket, s.value FROM commission_state_deals s
                 WHERE (CAST($1 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM commission_lines l JOIN partners p ON p.id = l.partner_id
                        WHERE l.server = s.server AND l.ticket = s.ticket AND p.entity = $1))
                    AND (s.key, s.value_at, s.server, s.ticket) > ($3, $4, $5, $6)
                 ORDER BY s.key, s.value_at, s.server, s.ticket LIMIT $2"
            )
        ),
        Kind::Days => page!(
            tx,
            6,
            p,
            sql!(
                "SELECT d.partner_id, d.currency, d.day, d.lots, d.deals, d.minor FROM partner_days d JOIN partners p ON p.id = d.partner_id
                 WHERE (CAST($1 AS TEXT) IS NULL OR p.entity = $1) AND (d.partner_id, d.currency, d.day) > ($3, $4, $5)
                 ORDER BY d.partner_id, d.currency, d.day LIMIT $2"
            )
        ),
        Kind::Purses => page!(
            tx,
            8,
            p,
            sql!(
                "SELECT u.partner_id, u.currency, u.exact, u.booked_minor, u.paid_minor, u.lines, u.statements, u.version
                 FROM partner_purses u JOIN partners p ON p.id = u.partner_id
                 WHERE (CAST($1 AS TEXT) IS NULL OR p.entity = $1) AND (u.partner_id, u.currency) > ($3, $4)
                 ORDER BY u.partner_id, u.currency LIMIT $2"
            )
        ),
        Kind::Clients => page!(
            tx,
            1,
            p,
            sql!(
                "SELECT client_id FROM (SELECT DISTINCT s.client_id FROM partner_clients s
                    WHERE s.client_id > $3 AND (CAST($1 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM partners p WHERE p.id = s.partner_id AND p.entity = $1))
                    ORDER BY s.client_id LIMIT $2) AS shared
                 UNION SELECT client_id FROM (SELECT DISTINCT d.client_id FROM commission_deals d
                    WHERE d.client_id > $3 AND (CAST($1 AS TEXT) IS NULL OR d.facts LIKE '%_entity_:_' || $1 || '_%' OR EXISTS (SELECT 1
                        FROM commission_lines l JOIN partners p ON p.id = l.partner_id WHERE l.server = d.server AND l.ticket = d.ticket AND p.entity = $1))
                    ORDER BY d.client_id LIMIT $2) AS traded
                 ORDER BY client_id LIMIT $2"
            )
        ),
    })
}

/// Writes rows as they are; `Clients` are no rows of ours.
pub async fn insert(tx: &mut Tx, kind: Kind, rows: &[Vec<Val>]) -> Result<u64> {
    let sql = match kind {
        Kind::Partners => sql!(
            "INSERT INTO partners (id, entity, name, email, phone, client_id, currency, payout_method, state, created_at, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
        ),
        Kind::Edges => sql!(
            "INSERT INTO partner_edges (partner_id, parent_id, from_at, to_at, reason, made_by, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7)"
        ),
        Kind::Links => sql!(
            "INSERT INTO partner_links (id, partner_id, code, campaign, landing, active, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)"
        ),
        Kind::Plans => sql!("INSERT INTO deal_plans (id, name, entity, version, created_at) VALUES ($1, $2, $3, $4, $5)"),
        Kind::PlanVersions => sql!(
            "INSERT INTO deal_plan_versions (plan_id, version, valid_from, document, reason, made_by, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7)"
        ),
        Kind::PlanUses => sql!(
            "INSERT INTO deal_plan_uses (holder, plan_id, from_at, to_at, reason, made_by, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7)"
        ),
        Kind::Terms => sql!("INSERT INTO partner_terms (partner_id, document, version, changed_by, changed_at) VALUES ($1, $2, $3, $4, $5)"),
        Kind::Shares => sql!(
            "INSERT INTO partner_clients (client_id, from_at, to_at, partner_id, state, model, code, link_id, click_id, hold_reason, evidence, made_by,
                made_at, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
        ),
        Kind::Statements => sql!(
            "INSERT INTO partner_statements (id, partner_id, currency, number, period_from, period_to, opening_minor, lines_minor, adjustments_minor,
                payouts_minor, closing_minor, content, sha256, closed_by, closed_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
        ),
        Kind::Invoices => sql!(
            "INSERT INTO partner_invoices (statement_id, partner_id, kind, number, file_id, made_by, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7)"
        ),
        Kind::Batches => sql!(
            "INSERT INTO partner_payout_batches (id, entity, currency, method, state, close_id, approval_id, items, minor, net_minor, prepared_by,
                prepared_at, decided_by, decided_at, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
        ),
        Kind::Payouts => sql!(
            "INSERT INTO partner_payouts (id, partner_id, currency, minor, fee_minor, tax_minor, net_minor, method, destination, batch_id, state, cause,
                approval_id, prepared_by, prepared_at, decided_by, decided_at, paid_at, reference, entry_id, return_entry_id, statement_id,
                return_statement_id, returned_at, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)"
        ),
        Kind::Deals => sql!(
            "INSERT INTO commission_deals (server, ticket, revision, client_id, outcome, reason, cause, facts, entry_id, value_at, booked_at, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
        ),
        Kind::Lines => sql!(
            "INSERT INTO commission_lines (id, number, partner_id, currency, kind, server, ticket, revision, level, client_id, symbol, product_group,
                lots, exact, minor, reason, plan_id, plan_version, rule_id, explanation, reverses, entry_id, statement_id, value_at, booked_at,
                batch_id, beneficiary, tier_key)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28)"
        ),
        Kind::DealValues => sql!(
            "INSERT INTO commission_deal_values (server, ticket, partner_id, beneficiary, currency, exact, minor) VALUES ($1, $2, $3, $4, $5, $6, $7)"
        ),
        Kind::States => sql!(
            "INSERT INTO commission_states (key, value, last_at, last_server, last_ticket, version) VALUES ($1, $2, $3, $4, $5, $6)"
        ),
        Kind::StateDeals => sql!("INSERT INTO commission_state_deals (key, value_at, server, ticket, value) VALUES ($1, $2, $3, $4, $5)"),
        Kind::Days => sql!("INSERT INTO partner_days (partner_id, currency, day, lots, deals, minor) VALUES ($1, $2, $3, $4, $5, $6)"),
        Kind::Purses => sql!(
            "INSERT INTO partner_purses (partner_id, currency, exact, booked_minor, paid_minor, lines, statements, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        ),
        Kind::Clients => return Ok(0),
    };
    tx.exec_many(sql, rows).await
}

/// Edges from a partner of the entity to one of another: how many, and one of them.
pub async fn edges_across(tx: &mut Tx, entity: &str) -> Result<(i64, Option<String>)> {
    tx.must(
        sql!(
            "SELECT COUNT(*), MIN(e.partner_id) FROM partner_edges e JOIN partners p ON p.id = e.partner_id JOIN partners q ON q.id = e.parent_id
             WHERE p.entity = $1 AND q.entity <> $1"
        ),
        &vals![entity],
    )
    .await
}

/// What an import must not meet, by name, with how many.
pub async fn present(tx: &mut Tx) -> Result<Vec<(String, i64)>> {
    tx.rows(
        sql!(
            "SELECT name, n FROM (SELECT 'partners' AS name, (SELECT COUNT(*) FROM partners) AS n
                UNION ALL SELECT 'plans', (SELECT COUNT(*) FROM deal_plans)
                UNION ALL SELECT 'shares', (SELECT COUNT(*) FROM partner_clients)
                UNION ALL SELECT 'deals', (SELECT COUNT(*) FROM commission_deals)
                UNION ALL SELECT 'lines', (SELECT COUNT(*) FROM commission_lines)
                UNION ALL SELECT 'statements', (SELECT COUNT(*) FROM partner_statements)) AS counted
             WHERE n > 0 ORDER BY name"
        ),
        &[],
    )
    .await
}

row! {
    #[derive(Clone, Debug)]
    pub struct ImportRow {
        pub id: String,
        pub manifest_sha256: String,
        pub map_sha256: String,
        pub state: String,
        pub files: i64,
        pub rows_in: i64,
        pub version: i64,
    }
}

pub async fn running(tx: &mut Tx) -> Result<Option<ImportRow>> {
    tx.one(
        sql!("SELECT id, manifest_sha256, map_sha256, state, files, rows_in, version FROM partner_imports WHERE state = 'running' LIMIT 1"),
        &[],
    )
    .await
}

pub async fn begin(tx: &mut Tx, i: &ImportRow, by: &str, at: Ts) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO partner_imports (id, manifest_sha256, map_sha256, state, files, rows_in, started_by, started_at, version)
             VALUES ($1, $2, $3, 'running', 0, 0, $4, $5, 1)"
        ),
        &vals![&i.id, &i.manifest_sha256, &i.map_sha256, by, at],
    )
    .await?;
    Ok(())
}

/// Whether the import was where the caller believed.
pub async fn moved(tx: &mut Tx, i: &ImportRow, files: i64, rows: i64) -> Result<bool> {
    let n = tx
        .exec(
            sql!("UPDATE partner_imports SET files = $3, rows_in = $4, version = version + 1 WHERE id = $1 AND version = $2 AND state = 'running'"),
            &vals![&i.id, i.version, files, rows],
        )
        .await?;
    Ok(n == 1)
}

pub async fn done(tx: &mut Tx, id: &str, at: Ts) -> Result<bool> {
    let n = tx
        .exec(
            sql!("UPDATE partner_imports SET state = 'done', finished_at = $2, version = version + 1 WHERE id = $1 AND state = 'running'"),
            &vals![id, at],
        )
        .await?;
    Ok(n == 1)
}

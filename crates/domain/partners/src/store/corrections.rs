use crate::corrections::{Cause, CorrectionState};
use crate::ids::{CorrectionId, PartnerId, StatementId};
use crate::plan::Corrections as Policy;
use crate::store::lines::DealRow;
use qd_db::{Query, Tx, row, sql};
use qd_kernel::{Currency, PageRequest, Problem, Result, Ts, Val, vals};
use qd_runtime::approvals::ApprovalId;
use serde_json::Value;

/// From here a transaction can be taken back to, whatever was written since.
pub async fn mark(tx: &mut Tx) -> Result<()> {
    tx.exec(sql!("SAVEPOINT correction_dry"), &[]).await.map(|_| ())
}

pub async fn back_to_mark(tx: &mut Tx) -> Result<()> {
    tx.exec(sql!("ROLLBACK TO SAVEPOINT correction_dry"), &[]).await?;
    tx.exec(sql!("RELEASE SAVEPOINT correction_dry"), &[]).await.map(|_| ())
}

row! {
    #[derive(Clone, Debug)]
    pub struct CorrectionRow {
        pub id: CorrectionId,
        pub cause: Cause,
        pub state: CorrectionState,
        pub entity: Option<String>,
        pub subject: String,
        pub request: Value,
        pub before: Option<Value>,
        pub policy: Policy,
        pub from_at: Ts,
        pub to_at: Ts,
        pub reason: String,
        pub preview: Value,
        pub approval_id: Option<ApprovalId>,
        pub prepared_by: String,
        pub prepared_at: Ts,
        pub decided_by: Option<String>,
        pub decided_at: Option<Ts>,
        pub applied_at: Option<Ts>,
        pub cursor_at: Ts,
        pub cursor_server: String,
        pub cursor_ticket: String,
        pub deals_seen: i64,
        pub deals_changed: i64,
        pub deals_total: i64,
        pub undoes: Option<CorrectionId>,
        pub undone_by: Option<CorrectionId>,
        pub version: i64,
    }
}

fn values(c: &CorrectionRow) -> Vec<Val> {
    vals![
        c.id,
        c.cause,
        c.state,
        c.entity.as_ref(),
        &c.subject,
        &c.request,
        c.before.as_ref(),
        c.policy,
        c.from_at,
        c.to_at,
        &c.reason,
        &c.preview,
        c.approval_id,
        &c.prepared_by,
        c.prepared_at,
        c.decided_by.as_ref(),
        c.decided_at,
        c.applied_at,
        c.cursor_at,
        &c.cursor_server,
        &c.cursor_ticket,
        c.deals_seen,
        c.deals_changed,
        c.deals_total,
        c.undoes,
        c.undone_by,
        c.version
    ]
    .to_vec()
}

pub async fn insert(tx: &mut Tx, c: &CorrectionRow) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO commission_corrections (id, cause, state, entity, subject, request, before, policy, from_at, to_at, reason, preview, approval_id,
                prepared_by, prepared_at, decided_by, decided_at, applied_at, cursor_at, cursor_server, cursor_ticket, deals_seen, deals_changed,
                deals_total, undoes, undone_by, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27)"
        ),
        &values(c),
    )
    .await?;
    Ok(())
}

/// Writes how far it is. When somebody else did in between, the transaction runs again.
pub async fn update(tx: &mut Tx, c: &mut CorrectionRow) -> Result<()> {
    tx.exec_one(
        sql!(
            "UPDATE commission_corrections SET state = $3, before = $4, decided_by = $5, decided_at = $6, applied_at = $7, cursor_at = $8,
                cursor_server = $9, cursor_ticket = $10, deals_seen = $11, deals_changed = $12, deals_total = $13, undone_by = $14,
                version = version + 1
             WHERE id = $1 AND version = $2"
        ),
        &vals![
            c.id,
            c.version,
            c.state,
            c.before.as_ref(),
            c.decided_by.as_ref(),
            c.decided_at,
            c.applied_at,
            c.cursor_at,
            &c.cursor_server,
            &c.cursor_ticket,
            c.deals_seen,
            c.deals_changed,
            c.deals_total,
            c.undone_by
        ],
        || Problem::unavailable(qd_db::RETRY, "somebody else carried this correction on in between"),
    )
    .await?;
    c.version += 1;
    Ok(())
}

pub async fn get(tx: &mut Tx, id: CorrectionId) -> Result<Option<CorrectionRow>> {
    tx.one(
        sql!(
            "SELECT id, cause, state, entity, subject, request, before, policy, from_at, to_at, reason, preview, approval_id, prepared_by, prepared_at,
                decided_by, decided_at, applied_at, cursor_at, cursor_server, cursor_ticket, deals_seen, deals_changed, deals_total, undoes, undone_by,
                version FROM commission_corrections WHERE id = $1"
        ),
        &vals![id],
    )
    .await
}

/// Newest first. Entities None: all, and those of no entity.
pub async fn list(
    tx: &mut Tx,
    entities: Option<&[String]>,
    state: Option<CorrectionState>,
    subject: Option<&str>,
    page: &PageRequest,
) -> Result<Vec<CorrectionRow>> {
    let mut q = Query::new(sql!(
        "SELECT id, cause, state, entity, subject, request, before, policy, from_at, to_at, reason, preview, approval_id, prepared_by, prepared_at,
            decided_by, decided_at, applied_at, cursor_at, cursor_server, cursor_ticket, deals_seen, deals_changed, deals_total, undoes, undone_by,
            version FROM commission_corrections WHERE 1 = 1"
    ));
    if let Some(list) = entities {
        q.push(sql!(" AND entity IN (''"), []);
        for e in list {
            q.push(sql!(", $?"), vals![e]);
        }
        q.push(sql!(")"), []);
    }
    if let Some(s) = state {
        q.push(sql!(" AND state = $?"), vals![s]);
    }
    if let Some(s) = subject {
        q.push(sql!(" AND subject = $?"), vals![s]);
    }
    if let Some([at, id]) = page.after_parts().as_deref() {
        q.push(
            sql!(" AND (prepared_at, id) < ($?, $?)"),
            vals![at.parse().unwrap_or(i64::MAX), *id],
        );
    }
    q.push(sql!(" ORDER BY prepared_at DESC, id DESC LIMIT $?"), vals![page.fetch()]);
    tx.query(&q).await
}

/// Whose deals are looked at again.
#[derive(Clone, Debug)]
pub enum Scope {
    Client(String),
    /// Clients of the partner, and of all who ever stood below.
    Partner(PartnerId),
    /// Clients of all whose plan it ever was, by themselves or by default, and of all below them.
    Plan(String),
    Deal(String, String),
    All,
    None,
}

fn scope(q: &mut Query, s: &Scope) {
    match s {
        Scope::Client(c) => q.push(sql!(" AND d.client_id = $?"), vals![c]),
        Scope::Partner(p) => q.push(
            sql!(
                " AND d.client_id IN (WITH RECURSIVE down (id) AS (SELECT p.id FROM partners p WHERE p.id = $?
                    UNION SELECT e.partner_id FROM partner_edges e JOIN down ON e.parent_id = down.id)
                  SELECT k.client_id FROM partner_clients k JOIN down ON k.partner_id = down.id)"
            ),
            vals![*p],
        ),
        Scope::Plan(plan) => q.push(
            sql!(
                " AND d.client_id IN (WITH RECURSIVE down (id) AS (SELECT p.id FROM partners p JOIN deal_plan_uses u ON u.plan_id = $?
                        AND u.holder IN (p.id, 'entity:' || p.entity, 'global')
                    UNION SELECT e.partner_id FROM partner_edges e JOIN down ON e.parent_id = down.id)
                  SELECT k.client_id FROM partner_clients k JOIN down ON k.partner_id = down.id)"
            ),
            vals![plan],
        ),
        Scope::Deal(server, ticket) => q.push(sql!(" AND d.server = $? AND d.ticket = $?"), vals![server, ticket]),
        Scope::All => q,
        Scope::None => q.push(sql!(" AND 1 = 0"), []),
    };
}

/// Deals of a scope with value dates from `from` up to `to`, after the one seen last, in their order.
pub async fn deals(tx: &mut Tx, s: &Scope, from: Ts, to: Ts, after: (Ts, &str, &str), limit: i64) -> Result<Vec<DealRow>> {
    let mut q = Query::new(sql!(
        "SELECT d.server, d.ticket, d.revision, d.client_id, d.outcome, d.reason, d.cause, d.facts, d.entry_id, d.value_at, d.booked_at, d.version
         FROM commission_deals d WHERE 1 = 1"
    ));
    q.push(
        sql!(" AND d.value_at >= $? AND d.value_at < $? AND (d.value_at, d.server, d.ticket) > ($?, $?, $?)"),
        vals![from, to, after.0, after.1, after.2],
    );
    scope(&mut q, s);
    q.push(sql!(" ORDER BY d.value_at, d.server, d.ticket LIMIT $?"), vals![limit]);
    tx.query(&q).await
}

pub async fn count(tx: &mut Tx, s: &Scope, from: Ts, to: Ts) -> Result<i64> {
    let mut q = Query::new(sql!("SELECT COUNT(*) FROM commission_deals d WHERE 1 = 1"));
    q.push(sql!(" AND d.value_at >= $? AND d.value_at < $?"), vals![from, to]);
    scope(&mut q, s);
    let rows: Vec<(i64,)> = tx.query(&q).await?;
    Ok(rows.first().map_or(0, |r| r.0))
}

row! {
    #[derive(Clone, Debug)]
    pub struct FigureRow {
        pub partner_id: PartnerId,
        pub name: String,
        pub currency: Currency,
        pub statement_id: Option<StatementId>,
        pub number: Option<i64>,
        pub period_from: Option<Ts>,
        pub period_to: Option<Ts>,
        pub back_minor: i64,
        pub all_minor: i64,
        pub lines: i64,
        pub first_number: i64,
    }
}

/// What a batch moved, by partner, currency and the closed statement of the value date, if there was one.
pub async fn figures(tx: &mut Tx, batch: CorrectionId) -> Result<Vec<FigureRow>> {
    tx.rows(
        sql!(
            "SELECT l.partner_id, p.name, l.currency, s.id, s.number, s.period_from, s.period_to,
                CAST(SUM(CASE WHEN l.kind = 'reversal' THEN l.minor ELSE 0 END) AS BIGINT), CAST(SUM(l.minor) AS BIGINT), COUNT(*), MIN(l.number)
             FROM commission_lines l JOIN partners p ON p.id = l.partner_id
             LEFT JOIN partner_statements s ON s.partner_id = l.partner_id AND s.currency = l.currency AND l.value_at < s.period_to
                AND (l.value_at >= s.period_from OR s.number = 1) AND s.closed_at <= l.booked_at
             WHERE l.batch_id = $1 AND l.beneficiary IS NULL
             GROUP BY l.partner_id, p.name, l.currency, s.id, s.number, s.period_from, s.period_to
             ORDER BY p.name, l.partner_id, l.currency, s.period_to"
        ),
        &vals![batch],
    )
    .await
}

/// What a partner's lines with value dates from `from` up to `to` made, before a line.
pub async fn made(tx: &mut Tx, partner: PartnerId, currency: Currency, from: Ts, to: Ts, before: i64) -> Result<i64> {
    let (n,): (i64,) = tx
        .must(
            sql!(
                "SELECT CAST(COALESCE(SUM(minor), 0) AS BIGINT) FROM commission_lines
                 WHERE partner_id = $1 AND currency = $2 AND value_at >= $3 AND value_at < $4 AND number < $5 AND beneficiary IS NULL"
            ),
            &vals![partner, currency, from, to, before],
        )
        .await?;
    Ok(n)
}

/// What a batch moved for clients, by currency.
pub async fn rebates(tx: &mut Tx, batch: CorrectionId) -> Result<Vec<(Currency, i64)>> {
    tx.rows(
        sql!(
            "SELECT currency, CAST(SUM(minor) AS BIGINT) FROM commission_lines WHERE batch_id = $1 AND beneficiary IS NOT NULL
             GROUP BY currency ORDER BY currency"
        ),
        &vals![batch],
    )
    .await
}

row! {
    #[derive(Clone, Debug)]
    pub struct ClosedRow {
        pub line_id: crate::ids::LineId,
        pub kind: crate::booking::LineKind,
        pub partner_id: PartnerId,
        pub partner_name: String,
        pub client_id: String,
        pub server: String,
        pub ticket: String,
        pub revision: i64,
        pub minor: i64,
        pub currency: Currency,
        pub statement_id: StatementId,
        pub number: i64,
        pub period_from: Ts,
        pub period_to: Ts,
        pub value_at: Ts,
        pub booked_at: Ts,
        pub batch_id: Option<CorrectionId>,
        pub batch_reason: Option<String>,
        pub deal_reason: Option<String>,
    }
}

/// Lines that were booked after the period of their value date was closed, newest first.
pub async fn closed_changes(
    tx: &mut Tx,
    entities: Option<&[String]>,
    partner: Option<PartnerId>,
    statement: Option<StatementId>,
    page: &PageRequest,
) -> Result<Vec<ClosedRow>> {
    let mut q = Query::new(sql!(
        "SELECT l.id, l.kind, l.partner_id, p.name, l.client_id, l.server, l.ticket, l.revision, l.minor, l.currency, s.id, s.number, s.period_from,
            s.period_to, l.value_at, l.booked_at, l.batch_id, c.reason, d.reason
         FROM commission_lines l JOIN partners p ON p.id = l.partner_id
         JOIN partner_statements s ON s.partner_id = l.partner_id AND s.currency = l.currency AND l.value_at < s.period_to
            AND (l.value_at >= s.period_from OR s.number = 1) AND s.closed_at <= l.booked_at
         LEFT JOIN commission_corrections c ON c.id = l.batch_id
         LEFT JOIN commission_deals d ON d.server = l.server AND d.ticket = l.ticket
         WHERE l.reason IS NULL AND l.beneficiary IS NULL AND (l.statement_id IS NULL OR l.statement_id <> s.id)"
    ));
    if let Some(list) = entities {
        q.push(sql!(" AND p.entity IN (''"), []);
        for e in list {
            q.push(sql!(", $?"), vals![e]);
        }
        q.push(sql!(")"), []);
    }
    if let Some(p) = partner {
        q.push(sql!(" AND l.partner_id = $?"), vals![p]);
    }
    if let Some(s) = statement {
        q.push(sql!(" AND s.id = $?"), vals![s]);
    }
    if let Some([at, id]) = page.after_parts().as_deref() {
        q.push(
            sql!(" AND (l.booked_at, l.id) < ($?, $?)"),
            vals![at.parse().unwrap_or(i64::MAX), *id],
        );
    }
    q.push(sql!(" ORDER BY l.booked_at DESC, l.id DESC LIMIT $?"), vals![page.fetch()]);
    tx.query(&q).await
}

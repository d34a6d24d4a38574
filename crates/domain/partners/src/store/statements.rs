use crate::ids::{PartnerId, StatementId};
use qd_db::{Tx, row, sql};
use qd_kernel::{Currency, PageRequest, Result, Ts, vals};

row! {
    #[derive(Clone, Debug)]
    pub struct StatementRow {
        pub id: StatementId,
        pub partner_id: PartnerId,
        pub currency: Currency,
        pub number: i64,
        pub period_from: Ts,
        pub period_to: Ts,
        pub opening_minor: i64,
        pub lines_minor: i64,
        pub adjustments_minor: i64,
        pub payouts_minor: i64,
        pub closing_minor: i64,
        pub sha256: String,
        pub closed_by: String,
        pub closed_at: Ts,
    }
}

pub async fn insert(tx: &mut Tx, s: &StatementRow, content: &str) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO partner_statements (id, partner_id, currency, number, period_from, period_to, opening_minor, lines_minor, adjustments_minor,
                payouts_minor, closing_minor, content, sha256, closed_by, closed_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
        ),
        &vals![
            s.id, s.partner_id, s.currency, s.number, s.period_from, s.period_to, s.opening_minor, s.lines_minor, s.adjustments_minor, s.payouts_minor,
            s.closing_minor, content, &s.sha256, &s.closed_by, s.closed_at
        ],
    )
    .await?;
    Ok(())
}

pub async fn last(tx: &mut Tx, partner: PartnerId, currency: Currency) -> Result<Option<StatementRow>> {
    tx.one(
        sql!(
            "SELECT id, partner_id, currency, number, period_from, period_to, opening_minor, lines_minor, adjustments_minor, payouts_minor, closing_minor,
                sha256, closed_by, closed_at
             FROM partner_statements WHERE partner_id = $1 AND currency = $2 ORDER BY number DESC LIMIT 1"
        ),
        &vals![partner, currency],
    )
    .await
}

pub async fn get(tx: &mut Tx, id: StatementId) -> Result<Option<StatementRow>> {
    tx.one(
        sql!(
            "SELECT id, partner_id, currency, number, period_from, period_to, opening_minor, lines_minor, adjustments_minor, payouts_minor, closing_minor,
                sha256, closed_by, closed_at
             FROM partner_statements WHERE id = $1"
        ),
        &vals![id],
    )
    .await
}

pub async fn content(tx: &mut Tx, id: StatementId) -> Result<Option<String>> {
    Ok(tx
        .one::<(String,)>(sql!("SELECT content FROM partner_statements WHERE id = $1"), &vals![id])
        .await?
        .map(|r| r.0))
}

/// Newest first.
pub async fn list(tx: &mut Tx, partner: PartnerId, page: &PageRequest) -> Result<Vec<StatementRow>> {
    let (at, id) = match page.after_parts().as_deref() {
        Some([at, id]) => (at.parse().unwrap_or(i64::MAX), (*id).to_string()),
        _ => (i64::MAX, "\u{10ffff}".to_string()),
    };
    tx.rows(
        sql!(
            "SELECT id, partner_id, currency, number, period_from, period_to, opening_minor, lines_minor, adjustments_minor, payouts_minor, closing_minor,
                sha256, closed_by, closed_at
             FROM partner_statements WHERE partner_id = $1 AND (closed_at < $2 OR (closed_at = $2 AND id < $3)) ORDER BY closed_at DESC, id DESC LIMIT $4"
        ),
        &vals![partner, at, id, page.fetch()],
    )
    .await
}

/// (number, from, to) of the partner's statements, the newest first.
pub async fn periods(tx: &mut Tx, partner: PartnerId, currency: Currency) -> Result<Vec<(i64, Ts, Ts)>> {
    tx.rows(
        sql!("SELECT number, period_from, period_to FROM partner_statements WHERE partner_id = $1 AND currency = $2 ORDER BY number DESC"),
        &vals![partner, currency],
    )
    .await
}

/// Partners with something that no statement carries yet and a value date before `to`.
pub async fn to_close(tx: &mut Tx, entity: Option<&str>, to: Ts, limit: i64) -> Result<Vec<(PartnerId, Currency)>> {
    tx.rows(
        sql!(
            "SELECT u.partner_id, u.currency FROM partner_purses u JOIN partners p ON p.id = u.partner_id
             WHERE (CAST($1 AS TEXT) IS NULL OR p.entity = $1)
                AND (EXISTS (SELECT 1 FROM commission_lines l WHERE l.partner_id = u.partner_id AND l.currency = u.currency AND l.statement_id IS NULL AND l.beneficiary IS NULL
                        AND l.value_at < $2)
                    OR EXISTS (SELECT 1 FROM partner_payouts o WHERE o.partner_id = u.partner_id AND o.currency = u.currency AND o.statement_id IS NULL
                        AND o.paid_at < $2))
                AND NOT EXISTS (SELECT 1 FROM partner_statements s WHERE s.partner_id = u.partner_id AND s.currency = u.currency AND s.period_to >= $2)
             ORDER BY u.partner_id, u.currency LIMIT $3"
        ),
        &vals![entity, to, limit],
    )
    .await
}

row! {
    pub struct AuditRow {
        pub id: StatementId,
        pub partner_id: PartnerId,
        pub currency: Currency,
        pub number: i64,
        pub opening_minor: i64,
        pub moved_minor: i64,
        pub closing_minor: i64,
        pub sha256: String,
        pub content: String,
        pub on_lines_minor: i64,
        pub said_lines_minor: i64,
    }
}

/// For the auditor: statements with what their lines sum to, by partner and number.
pub async fn audit(tx: &mut Tx, after: &(String, String, i64), limit: i64) -> Result<Vec<AuditRow>> {
    tx.rows(
        sql!(
            "SELECT s.id, s.partner_id, s.currency, s.number, s.opening_minor, s.lines_minor + s.adjustments_minor + s.payouts_minor, s.closing_minor,
                s.sha256, s.content,
                CAST(COALESCE((SELECT SUM(l.minor) FROM commission_lines l WHERE l.statement_id = s.id AND l.partner_id = s.partner_id
                    AND l.beneficiary IS NULL), 0) AS BIGINT),
                s.lines_minor + s.adjustments_minor
             FROM partner_statements s WHERE (s.partner_id, s.currency, s.number) > ($1, $2, $3) ORDER BY s.partner_id, s.currency, s.number LIMIT $4"
        ),
        &vals![&after.0, &after.1, after.2, limit],
    )
    .await
}

row! {
    pub struct PurseAudit {
        pub partner_id: PartnerId,
        pub currency: Currency,
        pub booked_minor: i64,
        pub paid_minor: i64,
        pub lines: i64,
        pub line_sum: i64,
        pub line_count: i64,
        pub day_sum: i64,
        pub paid_sum: i64,
    }
}

pub async fn audit_purses(tx: &mut Tx) -> Result<Vec<PurseAudit>> {
    tx.rows(
        sql!(
            "SELECT u.partner_id, u.currency, u.booked_minor, u.paid_minor, u.lines,
                CAST(COALESCE((SELECT SUM(l.minor) FROM commission_lines l WHERE l.partner_id = u.partner_id AND l.currency = u.currency AND l.beneficiary IS NULL), 0) AS BIGINT),
                (SELECT COUNT(*) FROM commission_lines l WHERE l.partner_id = u.partner_id AND l.currency = u.currency),
                CAST(COALESCE((SELECT SUM(d.minor) FROM partner_days d WHERE d.partner_id = u.partner_id AND d.currency = u.currency), 0) AS BIGINT),
                CAST(COALESCE((SELECT SUM(o.minor) FROM partner_payouts o WHERE o.partner_id = u.partner_id AND o.currency = u.currency
                    AND o.state = 'paid'), 0) AS BIGINT)
             FROM partner_purses u ORDER BY u.partner_id, u.currency"
        ),
        &[],
    )
    .await
}

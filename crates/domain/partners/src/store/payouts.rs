use crate::booking::LineKind;
use crate::ids::{BatchId, PartnerId, PayoutId, StatementId};
use crate::payouts::figures::{Earned, Hold, day_of};
use crate::payouts::{PayoutState, Way};
use qd_db::{Tx, row, sql};
use qd_kernel::{Currency, PageRequest, Problem, Result, Ts, Val, vals};
use qd_ledger::EntryId;
use qd_runtime::approvals::ApprovalId;
use serde_json::Value;
use std::collections::BTreeMap;

row! {
    #[derive(Clone, Debug)]
    pub struct PayoutRow {
        pub id: PayoutId,
        pub partner_id: PartnerId,
        pub currency: Currency,
        pub minor: i64,
        pub fee_minor: i64,
        pub tax_minor: i64,
        pub net_minor: i64,
        pub method: Way,
        pub destination: Option<Value>,
        pub batch_id: Option<BatchId>,
        pub state: PayoutState,
        pub cause: Option<String>,
        pub approval_id: ApprovalId,
        pub prepared_by: String,
        pub prepared_at: Ts,
        pub decided_by: Option<String>,
        pub decided_at: Option<Ts>,
        pub paid_at: Option<Ts>,
        pub reference: Option<String>,
        pub entry_id: Option<EntryId>,
        pub return_entry_id: Option<EntryId>,
        pub statement_id: Option<StatementId>,
        pub return_statement_id: Option<StatementId>,
        pub returned_at: Option<Ts>,
        pub version: i64,
    }
}

pub async fn insert(tx: &mut Tx, p: &PayoutRow) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO partner_payouts (id, partner_id, currency, minor, fee_minor, tax_minor, net_minor, method, destination, batch_id, state, approval_id,
                prepared_by, prepared_at, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
        ),
        &vals![
            p.id,
            p.partner_id,
            p.currency,
            p.minor,
            p.fee_minor,
            p.tax_minor,
            p.net_minor,
            p.method,
            p.destination.as_ref(),
            p.batch_id,
            p.state,
            p.approval_id,
            &p.prepared_by,
            p.prepared_at,
            p.version
        ],
    )
    .await?;
    Ok(())
}

pub async fn get(tx: &mut Tx, id: PayoutId) -> Result<Option<PayoutRow>> {
    tx.one(
        sql!(
            "SELECT id, partner_id, currency, minor, fee_minor, tax_minor, net_minor, method, destination, batch_id, state, cause, approval_id, prepared_by,
                prepared_at, decided_by, decided_at, paid_at, reference, entry_id, return_entry_id, statement_id, return_statement_id, returned_at, version FROM partner_payouts WHERE id = $1"
        ),
        &vals![id],
    )
    .await
}

pub async fn update(tx: &mut Tx, p: &PayoutRow) -> Result<()> {
    tx.exec_one(
        sql!(
            "UPDATE partner_payouts SET state = $3, decided_by = $4, decided_at = $5, paid_at = $6, reference = $7, entry_id = $8, return_entry_id = $9,
                returned_at = $10, cause = $11, version = version + 1 WHERE id = $1 AND version = $2"
        ),
        &vals![p.id, p.version, p.state, p.decided_by.as_ref(), p.decided_at, p.paid_at, p.reference.as_ref(), p.entry_id, p.return_entry_id, p.returned_at, p.cause.as_ref()],
        || Problem::conflict("version_stale", "somebody changed this payout in between"),
    )
    .await
}

/// Newest first; of one partner or of all.
pub async fn list(tx: &mut Tx, partner: Option<PartnerId>, page: &PageRequest) -> Result<Vec<PayoutRow>> {
    let (at, id) = match page.after_parts().as_deref() {
        Some([at, id]) => (at.parse().unwrap_or(i64::MAX), (*id).to_string()),
        _ => (i64::MAX, "\u{10ffff}".to_string()),
    };
    tx.rows(
        sql!(
            "SELECT id, partner_id, currency, minor, fee_minor, tax_minor, net_minor, method, destination, batch_id, state, cause, approval_id, prepared_by,
                prepared_at, decided_by, decided_at, paid_at, reference, entry_id, return_entry_id, statement_id, return_statement_id, returned_at, version FROM partner_payouts
             WHERE (CAST($1 AS TEXT) IS NULL OR partner_id = $1) AND (prepared_at < $2 OR (prepared_at = $2 AND id < $3))
             ORDER BY prepared_at DESC, id DESC LIMIT $4"
        ),
        &vals![partner, at, id, page.fetch()],
    )
    .await
}

/// Paid before `to` and on no statement, or returned before `to` and that on none; by id.
pub async fn unstated(tx: &mut Tx, partner: PartnerId, currency: Currency, to: Ts) -> Result<Vec<PayoutRow>> {
    tx.rows(
        sql!(
            "SELECT id, partner_id, currency, minor, fee_minor, tax_minor, net_minor, method, destination, batch_id, state, cause, approval_id, prepared_by,
                prepared_at, decided_by, decided_at, paid_at, reference, entry_id, return_entry_id, statement_id, return_statement_id, returned_at, version FROM partner_payouts
             WHERE partner_id = $1 AND currency = $2 AND ((statement_id IS NULL AND paid_at < $3) OR (return_statement_id IS NULL AND returned_at < $3))
             ORDER BY id"
        ),
        &vals![partner, currency, to],
    )
    .await
}

pub async fn put_on_statement(tx: &mut Tx, paid: &[PayoutId], returned: &[PayoutId], statement: StatementId) -> Result<()> {
    let rows = |ids: &[PayoutId]| -> Vec<Vec<Val>> { ids.iter().map(|p| vals![*p, statement].to_vec()).collect() };
    tx.exec_many(
        sql!("UPDATE partner_payouts SET statement_id = $2 WHERE id = $1 AND statement_id IS NULL"),
        &rows(paid),
    )
    .await?;
    tx.exec_many(
        sql!("UPDATE partner_payouts SET return_statement_id = $2 WHERE id = $1 AND return_statement_id IS NULL"),
        &rows(returned),
    )
    .await?;
    Ok(())
}

/// A batch's payouts, by id.
pub async fn of_batch(tx: &mut Tx, batch: BatchId) -> Result<Vec<PayoutRow>> {
    tx.rows(
        sql!(
            "SELECT id, partner_id, currency, minor, fee_minor, tax_minor, net_minor, method, destination, batch_id, state, cause, approval_id, prepared_by,
                prepared_at, decided_by, decided_at, paid_at, reference, entry_id, return_entry_id, statement_id, return_statement_id, returned_at, version
             FROM partner_payouts WHERE batch_id = $1 ORDER BY id"
        ),
        &vals![batch],
    )
    .await
}

row! {
    pub struct TermsRow {
        pub document: Value,
        pub version: i64,
        pub changed_by: String,
        pub changed_at: Ts,
    }
}

pub async fn terms(tx: &mut Tx, partner: PartnerId) -> Result<Option<TermsRow>> {
    tx.one(
        sql!("SELECT document, version, changed_by, changed_at FROM partner_terms WHERE partner_id = $1"),
        &vals![partner],
    )
    .await
}

/// `t.version` is the one the change starts from; 0: none yet.
pub async fn put_terms(tx: &mut Tx, partner: PartnerId, t: &TermsRow) -> Result<()> {
    let stale = || Problem::conflict("version_stale", "somebody changed these terms in between");
    if t.version == 0 {
        return tx
            .exec_one(
                sql!(
                    "INSERT INTO partner_terms (partner_id, document, version, changed_by, changed_at) VALUES ($1, $2, 1, $3, $4) ON CONFLICT DO NOTHING"
                ),
                &vals![partner, &t.document, &t.changed_by, t.changed_at],
                stale,
            )
            .await;
    }
    tx.exec_one(
        sql!("UPDATE partner_terms SET document = $3, version = version + 1, changed_by = $4, changed_at = $5 WHERE partner_id = $1 AND version = $2"),
        &vals![partner, t.version, &t.document, &t.changed_by, t.changed_at],
        stale,
    )
    .await
}

/// The least and the most of these ids; None for none.
fn ends(partners: &[PartnerId]) -> Option<(PartnerId, PartnerId)> {
    Some((*partners.iter().min()?, *partners.iter().max()?))
}

/// What each of these partners earned with value dates from `since`, by currency, kind and day, and
/// the sums per client that their plans hold at `now`, however old. A reversal counts to the kind it
/// takes back.
pub async fn earned(tx: &mut Tx, partners: &[PartnerId], since: Ts, now: Ts) -> Result<BTreeMap<(PartnerId, Currency), Vec<Earned>>> {
    let mut out: BTreeMap<(PartnerId, Currency), Vec<Earned>> = BTreeMap::new();
    let Some((from, to)) = ends(partners) else { return Ok(out) };
    let rows: Vec<(PartnerId, Currency, String, i64, i64, i64)> = tx
        .rows(
            sql!(
                "SELECT l.partner_id, l.currency, COALESCE(o.kind, l.kind), l.value_at / 86400000000, CAST(CASE WHEN l.statement_id IS NULL THEN 0 ELSE 1 END AS BIGINT),
                    CAST(SUM(l.minor) AS BIGINT)
                 FROM commission_lines l LEFT JOIN commission_lines o ON o.id = l.reverses
                 WHERE l.partner_id BETWEEN $1 AND $2 AND l.booked_at >= $3 AND l.value_at >= $3 AND l.minor <> 0 AND l.beneficiary IS NULL
                    AND NOT (l.server = 'programme' AND EXISTS (SELECT 1 FROM programme_standings s WHERE s.partner_id = l.partner_id
                        AND l.ticket = 'cpa:' || s.client_id AND s.state = 'qualified' AND (s.hold_until > $4 OR s.kyc_before_payout = $5)))
                 GROUP BY 1, 2, 3, 4, 5"
            ),
            &vals![from, to, since, now, true],
        )
        .await?;
    for (partner, currency, kind, day, stated, minor) in rows {
        let e = Earned {
            kind,
            day,
            stated: stated == 1,
            minor,
            hold: Hold::Terms,
        };
        out.entry((partner, currency)).or_default().push(e);
    }
    let rows: Vec<HeldSum> = tx
        .rows(
            sql!(
                "SELECT l.partner_id, l.currency, l.value_at, CAST(CASE WHEN l.statement_id IS NULL THEN 0 ELSE 1 END AS BIGINT), l.minor, s.hold_until,
                    s.kyc_before_payout
                 FROM programme_standings s JOIN commission_lines l ON l.partner_id = s.partner_id AND l.server = 'programme' AND l.ticket = 'cpa:' || s.client_id
                 WHERE s.partner_id BETWEEN $1 AND $2 AND s.state = 'qualified' AND (s.hold_until > $3 OR s.kyc_before_payout = $4)"
            ),
            &vals![from, to, now, true],
        )
        .await?;
    for r in rows {
        let e = Earned {
            kind: LineKind::Cpa.to_string(),
            day: day_of(r.value_at),
            stated: r.stated == 1,
            minor: r.minor,
            hold: match r.hold_until {
                _ if r.papers => Hold::Papers,
                // A day that has begun is let go on the next: never early.
                Some(t) => Hold::Until(day_of(Ts(t.micros() - 1)) + 1),
                None => Hold::Terms,
            },
        };
        out.entry((r.partner_id, r.currency)).or_default().push(e);
    }
    Ok(out)
}

row! {
    struct HeldSum {
        partner_id: PartnerId,
        currency: Currency,
        value_at: Ts,
        stated: i64,
        minor: i64,
        hold_until: Option<Ts>,
        papers: bool,
    }
}

row! {
    #[derive(Clone, Debug)]
    pub struct PurseSums {
        pub partner_id: PartnerId,
        pub currency: Currency,
        /// Booked less paid.
        pub balance_minor: i64,
        pub open_minor: i64,
        pub under_way_minor: i64,
    }
}

/// The purses of these partners with what is on no statement and what is in payouts under way.
pub async fn purse_sums(tx: &mut Tx, partners: &[PartnerId]) -> Result<Vec<PurseSums>> {
    let Some((from, to)) = ends(partners) else { return Ok(Vec::new()) };
    tx.rows(
        sql!(
            "SELECT u.partner_id, u.currency, u.booked_minor - u.paid_minor,
                CAST(COALESCE((SELECT SUM(l.minor) FROM commission_lines l WHERE l.partner_id = u.partner_id AND l.currency = u.currency
                    AND l.statement_id IS NULL AND l.beneficiary IS NULL), 0) AS BIGINT),
                CAST(COALESCE((SELECT SUM(o.minor) FROM partner_payouts o WHERE o.partner_id = u.partner_id AND o.currency = u.currency
                    AND o.state IN ('prepared', 'released')), 0) AS BIGINT)
             FROM partner_purses u WHERE u.partner_id BETWEEN $1 AND $2 ORDER BY u.partner_id, u.currency"
        ),
        &vals![from, to],
    )
    .await
}

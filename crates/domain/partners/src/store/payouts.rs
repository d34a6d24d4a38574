use crate::ids::{PartnerId, PayoutId, StatementId};
use crate::partner::PayoutMethod;
use crate::payouts::PayoutState;
use qd_db::{Tx, row, sql};
use qd_kernel::{Currency, PageRequest, Problem, Result, Ts, Val, vals};
use qd_ledger::EntryId;
use qd_runtime::approvals::ApprovalId;

row! {
    #[derive(Clone, Debug)]
    pub struct PayoutRow {
        pub id: PayoutId,
        pub partner_id: PartnerId,
        pub currency: Currency,
        pub minor: i64,
        pub method: PayoutMethod,
        pub state: PayoutState,
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
            "INSERT INTO partner_payouts (id, partner_id, currency, minor, method, state, approval_id, prepared_by, prepared_at, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        ),
        &vals![
            p.id,
            p.partner_id,
            p.currency,
            p.minor,
            p.method,
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
            "SELECT id, partner_id, currency, minor, method, state, approval_id, prepared_by, prepared_at, decided_by, decided_at, paid_at, reference,
                entry_id, return_entry_id, statement_id, return_statement_id, returned_at, version FROM partner_payouts WHERE id = $1"
        ),
        &vals![id],
    )
    .await
}

pub async fn update(tx: &mut Tx, p: &PayoutRow) -> Result<()> {
    tx.exec_one(
        sql!(
            "UPDATE partner_payouts SET state = $3, decided_by = $4, decided_at = $5, paid_at = $6, reference = $7, entry_id = $8, return_entry_id = $9,
                returned_at = $10, version = version + 1 WHERE id = $1 AND version = $2"
        ),
        &vals![p.id, p.version, p.state, p.decided_by.as_ref(), p.decided_at, p.paid_at, p.reference.as_ref(), p.entry_id, p.return_entry_id, p.returned_at],
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
            "SELECT id, partner_id, currency, minor, method, state, approval_id, prepared_by, prepared_at, decided_by, decided_at, paid_at, reference,
                entry_id, return_entry_id, statement_id, return_statement_id, returned_at, version FROM partner_payouts
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
            "SELECT id, partner_id, currency, minor, method, state, approval_id, prepared_by, prepared_at, decided_by, decided_at, paid_at, reference,
                entry_id, return_entry_id, statement_id, return_statement_id, returned_at, version FROM partner_payouts
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

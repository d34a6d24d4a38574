use crate::ids::{BatchId, CloseId, PartnerId, StatementId};
use crate::payouts::Way;
use crate::payouts::batch::BatchState;
use qd_db::{Query, Tx, row, sql};
use qd_kernel::{Currency, PageRequest, Problem, Result, Ts, vals};
use qd_runtime::approvals::ApprovalId;

row! {
    #[derive(Clone, Debug)]
    pub struct BatchRow {
        pub id: BatchId,
        pub entity: String,
        pub currency: Currency,
        pub method: Way,
        pub state: BatchState,
        pub close_id: Option<CloseId>,
        pub approval_id: ApprovalId,
        pub items: i64,
        pub minor: i64,
        pub net_minor: i64,
        pub prepared_by: String,
        pub prepared_at: Ts,
        pub decided_by: Option<String>,
        pub decided_at: Option<Ts>,
        pub version: i64,
    }
}

pub async fn insert(tx: &mut Tx, b: &BatchRow) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO partner_payout_batches (id, entity, currency, method, state, close_id, approval_id, items, minor, net_minor, prepared_by,
                prepared_at, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
        ),
        &vals![
            b.id,
            &b.entity,
            b.currency,
            b.method,
            b.state,
            b.close_id,
            b.approval_id,
            b.items,
            b.minor,
            b.net_minor,
            &b.prepared_by,
            b.prepared_at,
            b.version
        ],
    )
    .await?;
    Ok(())
}

pub async fn get(tx: &mut Tx, id: BatchId) -> Result<Option<BatchRow>> {
    tx.one(
        sql!(
            "SELECT id, entity, currency, method, state, close_id, approval_id, items, minor, net_minor, prepared_by, prepared_at, decided_by, decided_at,
                version FROM partner_payout_batches WHERE id = $1"
        ),
        &vals![id],
    )
    .await
}

pub async fn update(tx: &mut Tx, b: &BatchRow) -> Result<()> {
    tx.exec_one(
        sql!(
            "UPDATE partner_payout_batches SET state = $3, decided_by = $4, decided_at = $5, version = version + 1 WHERE id = $1 AND version = $2"
        ),
        &vals![b.id, b.version, b.state, b.decided_by.as_ref(), b.decided_at],
        || Problem::conflict("version_stale", "somebody changed this batch in between"),
    )
    .await
}

/// Newest first, of these entities (None: all).
pub async fn list(tx: &mut Tx, entities: Option<&[String]>, state: Option<BatchState>, page: &PageRequest) -> Result<Vec<BatchRow>> {
    let mut q = Query::new(sql!(
        "SELECT id, entity, currency, method, state, close_id, approval_id, items, minor, net_minor, prepared_by, prepared_at, decided_by, decided_at,
            version FROM partner_payout_batches WHERE 1 = 1"
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
    if let Some([id]) = page.after_parts().as_deref() {
        q.push(sql!(" AND id < $?"), vals![*id]);
    }
    q.push(sql!(" ORDER BY id DESC LIMIT $?"), vals![page.fetch()]);
    tx.query(&q).await
}

/// Partners of an entity whose purse in this currency is not empty, by id after `after`.
pub async fn owed(tx: &mut Tx, entity: &str, currency: Currency, after: &str, limit: i64) -> Result<Vec<(PartnerId, i64)>> {
    tx.rows(
        sql!(
            "SELECT u.partner_id, u.booked_minor - u.paid_minor FROM partner_purses u JOIN partners p ON p.id = u.partner_id
             WHERE p.entity = $1 AND u.currency = $2 AND u.booked_minor <> u.paid_minor AND u.partner_id > $3 ORDER BY u.partner_id LIMIT $4"
        ),
        &vals![entity, currency, after, limit],
    )
    .await
}

/// The newest statements of a partner and currency, and whether a number stands against them.
pub async fn uninvoiced(tx: &mut Tx, partner: PartnerId, currency: Currency) -> Result<Vec<(StatementId, i64)>> {
    tx.rows(
        sql!(
            "SELECT s.id, s.number FROM partner_statements s WHERE s.partner_id = $1 AND s.currency = $2 AND s.lines_minor + s.adjustments_minor > 0
                AND NOT EXISTS (SELECT 1 FROM partner_invoices i WHERE i.statement_id = s.id) ORDER BY s.number LIMIT 20"
        ),
        &vals![partner, currency],
    )
    .await
}

row! {
    #[derive(Clone, Debug)]
    pub struct InvoiceRow {
        pub statement_id: StatementId,
        pub partner_id: PartnerId,
        pub kind: String,
        pub number: String,
        pub file_id: Option<String>,
        pub made_by: String,
        pub made_at: Ts,
    }
}

pub async fn invoice(tx: &mut Tx, statement: StatementId) -> Result<Option<InvoiceRow>> {
    tx.one(
        sql!("SELECT statement_id, partner_id, kind, number, file_id, made_by, made_at FROM partner_invoices WHERE statement_id = $1"),
        &vals![statement],
    )
    .await
}

/// False where one stands against the statement already.
pub async fn insert_invoice(tx: &mut Tx, i: &InvoiceRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!(
                "INSERT INTO partner_invoices (statement_id, partner_id, kind, number, file_id, made_by, made_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING"
            ),
            &vals![
                i.statement_id,
                i.partner_id,
                &i.kind,
                &i.number,
                i.file_id.as_ref(),
                &i.made_by,
                i.made_at
            ],
        )
        .await?;
    Ok(n == 1)
}

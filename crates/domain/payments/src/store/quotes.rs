use crate::{QuoteId, TransferId};
use qd_db::{Tx, row, sql};
use qd_kernel::{Currency, Problem, Rate, Result, Ts, vals};

row! {
    #[derive(Clone, Debug)]
    pub struct QuoteRow {
        pub id: QuoteId,
        pub client_id: String,
        pub entity: String,
        pub from_account: Option<String>,
        pub to_account: Option<String>,
        pub from_minor: i64,
        pub from_currency: Currency,
        pub to_minor: i64,
        pub to_currency: Currency,
        pub rate: Rate,
        pub mid_rate: Rate,
        pub markup_bp: i64,
        pub source: String,
        pub rate_at: Ts,
        pub created_at: Ts,
        pub expires_at: Ts,
        pub transfer_id: Option<String>,
    }
}

pub async fn insert_quote(tx: &mut Tx, q: &QuoteRow) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO transfer_quotes (id, client_id, entity, from_account, to_account, from_minor, from_currency, to_minor, to_currency, rate, mid_rate, markup_bp, source, rate_at, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
        ),
        &vals![
            q.id,
            &q.client_id,
            &q.entity,
            q.from_account.clone(),
            q.to_account.clone(),
            q.from_minor,
            q.from_currency,
            q.to_minor,
            q.to_currency,
            q.rate,
            q.mid_rate,
            q.markup_bp,
            &q.source,
            q.rate_at,
            q.created_at,
            q.expires_at
        ],
    )
    .await
    .map(|_| ())
}

pub async fn quote(tx: &mut Tx, id: QuoteId) -> Result<Option<QuoteRow>> {
    tx.one(
        sql!(
            "SELECT id, client_id, entity, from_account, to_account, from_minor, from_currency, to_minor, to_currency, rate, mid_rate, markup_bp, source, rate_at, created_at, expires_at, transfer_id
             FROM transfer_quotes WHERE id = $1"
        ),
        &vals![id],
    )
    .await
}

/// Once: of two at the same time, one is refused.
pub async fn use_quote(tx: &mut Tx, id: QuoteId, transfer: TransferId) -> Result<()> {
    tx.exec_one(
        sql!("UPDATE transfer_quotes SET transfer_id = $2 WHERE id = $1 AND transfer_id IS NULL"),
        &vals![id, transfer],
        || Problem::conflict("quote_used", "this quote has been used"),
    )
    .await
}

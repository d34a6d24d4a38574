use super::{entities, tail};
use crate::TransferId;
use crate::transfer::TransferState;
use qd_db::{Query, Tx, row, sql};
use qd_kernel::{Currency, PageRequest, Rate, Result, Ts, Val, vals};

row! {
    #[derive(Clone, Debug)]
    pub struct TransferRow {
        pub id: TransferId,
        pub client_id: String,
        pub entity: String,
        pub from_account: Option<String>,
        pub to_account: Option<String>,
        pub amount_minor: i64,
        pub currency: Currency,
        pub state: TransferState,
        pub reason_code: Option<String>,
        pub quote_id: Option<String>,
        /// What reaches the second place, where it is exchanged on the way.
        pub to_minor: Option<i64>,
        pub to_currency: Option<Currency>,
        pub fx_rate: Option<Rate>,
        pub fx_source: Option<String>,
        pub fx_at: Option<Ts>,
        pub fx_reversed: bool,
        pub created_at: Ts,
        pub changed_at: Ts,
        pub version: i64,
    }
}

pub async fn insert_transfer(tx: &mut Tx, t: &TransferRow) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO transfers (id, client_id, entity, from_account, to_account, amount_minor, currency, state, quote_id, to_minor, to_currency, fx_rate, fx_source, fx_at, fx_reversed, created_at, changed_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, 1)"),
        &vals![t.id, t.client_id.as_str(), t.entity.as_str(), t.from_account.clone(), t.to_account.clone(), t.amount_minor, t.currency, t.state, t.quote_id.clone(), t.to_minor, t.to_currency, t.fx_rate, t.fx_source.clone(), t.fx_at, t.fx_reversed, t.created_at, t.changed_at],
    )
    .await
    .map(|_| ())
}

pub async fn transfer(tx: &mut Tx, id: TransferId) -> Result<Option<TransferRow>> {
    tx.one(
        sql!("SELECT id, client_id, entity, from_account, to_account, amount_minor, currency, state, reason_code, quote_id, to_minor, to_currency, fx_rate, fx_source, fx_at, fx_reversed, created_at, changed_at, version FROM transfers WHERE id = $1"),
        &vals![id],
    )
    .await
}

pub async fn update_transfer(tx: &mut Tx, t: &TransferRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!(
                "UPDATE transfers SET state = $3, reason_code = $4, changed_at = $5, fx_reversed = $6, version = version + 1 WHERE id = $1 AND version = $2"
            ),
            &vals![t.id, t.version, t.state, t.reason_code.clone(), t.changed_at, t.fx_reversed],
        )
        .await?;
    Ok(n == 1)
}

pub async fn list_transfers(
    tx: &mut Tx,
    client_id: Option<&str>,
    codes: Option<&[String]>,
    page: &PageRequest,
) -> Result<Vec<TransferRow>> {
    let mut q = Query::new(sql!(
        "SELECT id, client_id, entity, from_account, to_account, amount_minor, currency, state, reason_code, quote_id, to_minor, to_currency, fx_rate, fx_source, fx_at, fx_reversed, created_at, changed_at, version FROM transfers WHERE TRUE"
    ));
    entities(&mut q, codes);
    if let Some(c) = client_id {
        q.push(sql!(" AND client_id = $?"), [Val::from(c)]);
    }
    tail(&mut q, page);
    tx.query(&q).await
}

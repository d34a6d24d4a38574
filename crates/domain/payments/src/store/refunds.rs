use crate::DepositId;
use crate::withdrawal::LegState;
use qd_db::{Tx, row, sql};
use qd_kernel::{Currency, Problem, Result, Ts, vals};

row! {
    #[derive(Clone, Debug)]
    pub(crate) struct RefundRow {
        pub deposit_id: DepositId,
        pub n: i64,
        pub connection: String,
        pub payment_ref: String,
        pub amount_minor: i64,
        pub currency: Currency,
        pub state: LegState,
        pub our_ref: String,
        pub provider_ref: Option<String>,
        pub failure_code: Option<String>,
        pub asked_by: String,
        pub reason: String,
        pub asked_at: Ts,
        pub first_sent_at: Option<Ts>,
        pub done_at: Option<Ts>,
        pub version: i64,
    }
}

pub(crate) async fn insert_refund(tx: &mut Tx, r: &RefundRow) -> Result<()> {
    tx.exec_one(
        sql!(
            "INSERT INTO deposit_refunds (deposit_id, n, connection, payment_ref, amount_minor, currency, state, our_ref, asked_by, reason, asked_at, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1) ON CONFLICT DO NOTHING"
        ),
        &vals![
            r.deposit_id,
            r.n,
            &r.connection,
            &r.payment_ref,
            r.amount_minor,
            r.currency,
            r.state,
            &r.our_ref,
            &r.asked_by,
            &r.reason,
            r.asked_at
        ],
        || Problem::unavailable("deposit_changed", "this deposit was changed by another worker"),
    )
    .await
}

pub(crate) async fn count_refunds(tx: &mut Tx, id: DepositId) -> Result<i64> {
    let n: (i64,) = tx
        .must(sql!("SELECT COUNT(*) FROM deposit_refunds WHERE deposit_id = $1"), &vals![id])
        .await?;
    Ok(n.0)
}

pub(crate) async fn refund(tx: &mut Tx, id: DepositId, n: i64) -> Result<Option<RefundRow>> {
    tx.one(
        sql!(
            "SELECT deposit_id, n, connection, payment_ref, amount_minor, currency, state, our_ref, provider_ref, failure_code, asked_by, reason, asked_at, first_sent_at, done_at, version
             FROM deposit_refunds WHERE deposit_id = $1 AND n = $2"
        ),
        &vals![id, n],
    )
    .await
}

pub(crate) async fn refund_by_ref(tx: &mut Tx, our_ref: &str) -> Result<Option<RefundRow>> {
    tx.one(
        sql!(
            "SELECT deposit_id, n, connection, payment_ref, amount_minor, currency, state, our_ref, provider_ref, failure_code, asked_by, reason, asked_at, first_sent_at, done_at, version
             FROM deposit_refunds WHERE our_ref = $1"
        ),
        &vals![our_ref],
    )
    .await
}

pub(crate) async fn refund_by_provider(tx: &mut Tx, connection: &str, provider_ref: &str) -> Result<Option<RefundRow>> {
    tx.one(
        sql!(
            "SELECT deposit_id, n, connection, payment_ref, amount_minor, currency, state, our_ref, provider_ref, failure_code, asked_by, reason, asked_at, first_sent_at, done_at, version
             FROM deposit_refunds WHERE connection = $1 AND provider_ref = $2 LIMIT 1"
        ),
        &vals![connection, provider_ref],
    )
    .await
}

/// The version is the lock.
pub(crate) async fn save_refund(tx: &mut Tx, r: &mut RefundRow) -> Result<()> {
    tx.exec_one(
        sql!(
            "UPDATE deposit_refunds SET state = $4, provider_ref = $5, failure_code = $6, first_sent_at = $7, done_at = $8, version = version + 1
             WHERE deposit_id = $1 AND n = $2 AND version = $3"
        ),
        &vals![
            r.deposit_id,
            r.n,
            r.version,
            r.state,
            r.provider_ref.clone(),
            r.failure_code.clone(),
            r.first_sent_at,
            r.done_at
        ],
        || Problem::unavailable("refund_changed", "this refund was changed by another worker"),
    )
    .await?;
    r.version += 1;
    Ok(())
}

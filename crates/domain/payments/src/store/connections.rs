use qd_db::{Tx, row, sql};
use qd_kernel::{Result, Ts, vals};

row! {
    #[derive(Clone, Debug, serde::Serialize)]
    pub struct ConnectionRow {
        pub id: String,
        pub entity: String,
        pub provider: String,
        pub methods: serde_json::Value,
        pub enabled: bool,
        pub last_ok_at: Option<Ts>,
        pub last_error: Option<String>,
        pub last_error_at: Option<Ts>,
        /// Calls in a row that the provider did not answer.
        pub faults_in_row: i64,
        /// Left out by the routes since then.
        pub down_since: Option<Ts>,
        pub probed_at: Option<Ts>,
    }
}

pub async fn put_connection(tx: &mut Tx, id: &str, entity: &str, provider: &str, methods: &serde_json::Value) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO psp_connections (id, entity, provider, methods, enabled) VALUES ($1, $2, $3, $4, TRUE)
              ON CONFLICT (id) DO UPDATE SET entity = excluded.entity, provider = excluded.provider, methods = excluded.methods"
        ),
        &vals![id, entity, provider, methods],
    )
    .await
    .map(|_| ())
}

pub async fn connections(tx: &mut Tx) -> Result<Vec<ConnectionRow>> {
    tx.rows(
        sql!("SELECT id, entity, provider, methods, enabled, last_ok_at, last_error, last_error_at, faults_in_row, down_since, probed_at FROM psp_connections ORDER BY id"),
        &[],
    )
    .await
}

pub async fn connection(tx: &mut Tx, id: &str) -> Result<Option<ConnectionRow>> {
    tx.one(
        sql!("SELECT id, entity, provider, methods, enabled, last_ok_at, last_error, last_error_at, faults_in_row, down_since, probed_at FROM psp_connections WHERE id = $1"),
        &vals![id],
    )
    .await
}

/// What the connector says it can do.
pub async fn set_can(tx: &mut Tx, id: &str, refund: bool, pay_out: bool) -> Result<()> {
    tx.exec(
        sql!("UPDATE psp_connections SET can_refund = $2, can_pay_out = $3 WHERE id = $1"),
        &vals![id, refund, pay_out],
    )
    .await
    .map(|_| ())
}

/// A connection nobody registered refunds, as the provider will say itself.
pub async fn can_refund(tx: &mut Tx, id: &str) -> Result<bool> {
    Ok(tx
        .one::<(bool,)>(sql!("SELECT can_refund FROM psp_connections WHERE id = $1"), &vals![id])
        .await?
        .is_none_or(|c| c.0))
}

pub async fn can_pay_out(tx: &mut Tx, id: &str) -> Result<bool> {
    Ok(tx
        .one::<(bool,)>(sql!("SELECT can_pay_out FROM psp_connections WHERE id = $1"), &vals![id])
        .await?
        .is_some_and(|c| c.0))
}

/// It answered: whatever was wrong is over.
pub async fn connection_ok(tx: &mut Tx, id: &str, at: Ts) -> Result<()> {
    tx.exec(
        sql!("UPDATE psp_connections SET last_ok_at = $2, last_error = NULL, faults_in_row = 0, down_since = NULL WHERE id = $1"),
        &vals![id, at],
    )
    .await
    .map(|_| ())
}

pub async fn connection_failed(tx: &mut Tx, id: &str, error: &str, at: Ts, weight: i64) -> Result<()> {
    tx.exec(
        sql!("UPDATE psp_connections SET last_error = $2, last_error_at = $3, faults_in_row = faults_in_row + $4 WHERE id = $1"),
        &vals![id, error, at, weight],
    )
    .await
    .map(|_| ())
}

pub async fn connection_down(tx: &mut Tx, id: &str, at: Ts) -> Result<()> {
    tx.exec(
        sql!("UPDATE psp_connections SET down_since = $2 WHERE id = $1 AND down_since IS NULL"),
        &vals![id, at],
    )
    .await
    .map(|_| ())
}

pub async fn connection_probed(tx: &mut Tx, id: &str, at: Ts) -> Result<()> {
    tx.exec(sql!("UPDATE psp_connections SET probed_at = $2 WHERE id = $1"), &vals![id, at])
        .await
        .map(|_| ())
}

/// Taken out of the routes by a person, or back in. False: there is none of that name.
pub async fn enable_connection(tx: &mut Tx, id: &str, enabled: bool) -> Result<bool> {
    let n = tx
        .exec(sql!("UPDATE psp_connections SET enabled = $2 WHERE id = $1"), &vals![id, enabled])
        .await?;
    Ok(n == 1)
}

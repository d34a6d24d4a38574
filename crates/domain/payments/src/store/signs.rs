use crate::routing::Listed;
use qd_db::{Tx, row, sql};
use qd_kernel::{Currency, Result, Ts, vals};

row! {
    /// Deposits asked for in one currency.
    #[derive(Clone, Debug)]
    pub struct Asked {
        pub currency: Currency,
        pub count: i64,
        pub sum_minor: i64,
    }
}

pub async fn asked_since(tx: &mut Tx, client_id: &str, since: Ts) -> Result<Vec<Asked>> {
    tx.rows(
        sql!("SELECT currency, COUNT(*), CAST(COALESCE(SUM(amount_minor), 0) AS BIGINT) FROM deposits WHERE client_id = $1 AND created_at >= $2 GROUP BY currency ORDER BY currency"),
        &vals![client_id, since],
    )
    .await
}

pub async fn asked_with_instrument(tx: &mut Tx, fingerprint: &str, since: Ts) -> Result<i64> {
    let n: (i64,) = tx
        .must(
            sql!("SELECT COUNT(*) FROM deposits WHERE fingerprint = $1 AND created_at >= $2"),
            &vals![fingerprint, since],
        )
        .await?;
    Ok(n.0)
}

pub async fn asked_at_device(tx: &mut Tx, device: &str, since: Ts) -> Result<i64> {
    let n: (i64,) = tx
        .must(
            sql!("SELECT COUNT(*) FROM deposits WHERE device = $1 AND created_at >= $2"),
            &vals![device, since],
        )
        .await?;
    Ok(n.0)
}

pub async fn asked_at_ip(tx: &mut Tx, ip: &str, since: Ts) -> Result<i64> {
    let n: (i64,) = tx
        .must(
            sql!("SELECT COUNT(*) FROM deposits WHERE ip = $1 AND created_at >= $2"),
            &vals![ip, since],
        )
        .await?;
    Ok(n.0)
}

/// Other clients who asked for a deposit at the same device.
pub async fn others_at_device(tx: &mut Tx, client_id: &str, device: &str, since: Ts) -> Result<i64> {
    let n: (i64,) = tx
        .must(
            sql!("SELECT COUNT(DISTINCT client_id) FROM deposits WHERE device = $1 AND created_at >= $2 AND client_id <> $3"),
            &vals![device, since, client_id],
        )
        .await?;
    Ok(n.0)
}

pub async fn others_at_ip(tx: &mut Tx, client_id: &str, ip: &str, since: Ts) -> Result<i64> {
    let n: (i64,) = tx
        .must(
            sql!("SELECT COUNT(DISTINCT client_id) FROM deposits WHERE ip = $1 AND created_at >= $2 AND client_id <> $3"),
            &vals![ip, since, client_id],
        )
        .await?;
    Ok(n.0)
}

/// Attempts of a client that were declined because the card is stolen, lost or wanted.
pub async fn stolen_declines(tx: &mut Tx, client_id: &str, since: Ts) -> Result<i64> {
    let n: (i64,) = tx
        .must(
            sql!("SELECT COUNT(*) FROM deposits d JOIN deposit_attempts a ON a.deposit_id = d.id
                  WHERE d.client_id = $1 AND d.created_at >= $2 AND a.failure_code IN ('stolen_card', 'lost_card', 'pickup_card', 'fraudulent', 'restricted_card')"),
            &vals![client_id, since],
        )
        .await?;
    Ok(n.0)
}

pub async fn list_instrument(tx: &mut Tx, fingerprint: &str, reason: &str, by: &str, at: Ts) -> Result<()> {
    tx.exec(
        sql!(
            "INSERT INTO listed_instruments (fingerprint, reason, listed_by, listed_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (fingerprint) DO UPDATE SET reason = excluded.reason, listed_by = excluded.listed_by, listed_at = excluded.listed_at"
        ),
        &vals![fingerprint, reason, by, at],
    )
    .await
    .map(|_| ())
}

pub async fn unlist_instrument(tx: &mut Tx, fingerprint: &str) -> Result<bool> {
    let n = tx
        .exec(sql!("DELETE FROM listed_instruments WHERE fingerprint = $1"), &vals![fingerprint])
        .await?;
    Ok(n == 1)
}

pub async fn listed_instrument(tx: &mut Tx, fingerprint: &str) -> Result<Option<Listed>> {
    tx.one(
        sql!("SELECT fingerprint, reason, listed_by, listed_at FROM listed_instruments WHERE fingerprint = $1"),
        &vals![fingerprint],
    )
    .await
}

/// The newest first.
pub async fn listed_instruments(tx: &mut Tx) -> Result<Vec<Listed>> {
    tx.rows(
        sql!("SELECT fingerprint, reason, listed_by, listed_at FROM listed_instruments ORDER BY listed_at DESC, fingerprint LIMIT 1000"),
        &[],
    )
    .await
}

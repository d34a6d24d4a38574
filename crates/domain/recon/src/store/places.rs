//! How far postings were taken in.

use qd_db::{Tx, sql};
use qd_kernel::{Currency, Result, Val, vals};

pub async fn place(tx: &mut Tx, connection: &str, currency: Currency) -> Result<Vec<(i64, i64)>> {
    tx.rows(
        sql!("SELECT stripe, seq FROM recon_places WHERE connection = $1 AND currency = $2"),
        &vals![connection, currency],
    )
    .await
}

pub async fn set_place(tx: &mut Tx, connection: &str, currency: Currency, places: &[(i64, i64)]) -> Result<()> {
    let rows: Vec<Vec<Val>> = places
        .iter()
        .map(|(stripe, seq)| vals![connection, currency, *stripe, *seq].to_vec())
        .collect();
    tx.exec_many(
        sql!(
            "INSERT INTO recon_places (connection, currency, stripe, seq) VALUES ($1, $2, $3, $4)
             ON CONFLICT (connection, currency, stripe) DO UPDATE SET seq = excluded.seq"
        ),
        &rows,
    )
    .await
    .map(|_| ())
}

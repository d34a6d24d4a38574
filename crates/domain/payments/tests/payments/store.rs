//! The past, as rows: what months of payments would have left.

use qd_db::{Tx, sql};
use qd_kernel::{Result, Ts, vals};

/// Attempts by card in EUR of clients of a country at a connection: so many paid, so many declined.
pub async fn past_attempts(tx: &mut Tx, connection: &str, country: &str, paid: i64, declined: i64, at: Ts) -> Result<()> {
    for i in 0..paid + declined {
        let (id, state) = (format!("past_{connection}_{country}_{i}"), if i < paid { "paid" } else { "failed" });
        let code = (i >= paid).then(|| "do_not_honor".to_string());
        tx.exec(
            sql!("INSERT INTO deposit_attempts (deposit_id, n, connection, our_ref, method, country, band, amount_minor, currency, state, failure_code, soft_failure, chosen_by, created_at, expires_at, version)
                  VALUES ($1, 1, $2, $1, 'card', $3, '100_500', 20000, 'EUR', $4, $5, TRUE, 'configured', $6, $6, 1)"),
            &vals![id.as_str(), connection, country, state, code, at],
        )
        .await?;
    }
    Ok(())
}

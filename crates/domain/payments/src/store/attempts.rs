use crate::DepositId;
use crate::deposit::AttemptState;
use qd_db::{Tx, row, sql};
use qd_kernel::{Currency, Problem, Result, Ts, vals};

row! {
    /// One try to be paid for a deposit: one connection, one payment at its provider.
    #[derive(Clone, Debug)]
    pub struct AttemptRow {
        pub deposit_id: DepositId,
        pub n: i64,
        pub connection: String,
        pub our_ref: String,
        pub method: String,
        pub country: String,
        pub band: String,
        pub amount_minor: i64,
        pub currency: Currency,
        pub state: AttemptState,
        pub provider_ref: Option<String>,
        pub payment_ref: Option<String>,
        pub redirect_url: Option<String>,
        pub failure_code: Option<String>,
        pub soft_failure: bool,
        pub chosen_by: String,
        /// The decision as it was made, JSON.
        pub route: Option<String>,
        pub decision_id: Option<String>,
        pub experiment_id: Option<String>,
        pub arm: Option<String>,
        pub fee_minor: Option<i64>,
        /// The deposit made of this payment when another attempt had been paid already.
        pub became: Option<String>,
        pub created_at: Ts,
        pub expires_at: Ts,
        pub opened_at: Option<Ts>,
        pub ended_at: Option<Ts>,
        pub version: i64,
    }
}

pub async fn insert_attempt(tx: &mut Tx, a: &AttemptRow) -> Result<()> {
    tx.exec_one(
        sql!("INSERT INTO deposit_attempts (deposit_id, n, connection, our_ref, method, country, band, amount_minor, currency, state, soft_failure, chosen_by, route, decision_id, experiment_id, arm, created_at, expires_at, version)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, FALSE, $11, $12, $13, $14, $15, $16, $17, 1) ON CONFLICT DO NOTHING"),
        &vals![a.deposit_id, a.n, a.connection.as_str(), a.our_ref.as_str(), a.method.as_str(), a.country.as_str(), a.band.as_str(), a.amount_minor, a.currency, a.state, a.chosen_by.as_str(), a.route.clone(), a.decision_id.clone(), a.experiment_id.clone(), a.arm.clone(), a.created_at, a.expires_at],
        || Problem::unavailable("deposit_changed", "this deposit was changed by another worker"),
    )
    .await
}

/// The oldest first.
pub async fn attempts(tx: &mut Tx, id: DepositId) -> Result<Vec<AttemptRow>> {
    tx.rows(
        sql!("SELECT deposit_id, n, connection, our_ref, method, country, band, amount_minor, currency, state, provider_ref, payment_ref, redirect_url, failure_code, soft_failure, chosen_by, route, decision_id,
                experiment_id, arm, fee_minor, became, created_at, expires_at, opened_at, ended_at, version FROM deposit_attempts WHERE deposit_id = $1 ORDER BY n"),
        &vals![id],
    )
    .await
}

pub async fn attempt_by_provider(tx: &mut Tx, connection: &str, provider_ref: &str) -> Result<Option<AttemptRow>> {
    tx.one(
        sql!("SELECT deposit_id, n, connection, our_ref, method, country, band, amount_minor, currency, state, provider_ref, payment_ref, redirect_url, failure_code, soft_failure, chosen_by, route, decision_id,
                experiment_id, arm, fee_minor, became, created_at, expires_at, opened_at, ended_at, version FROM deposit_attempts WHERE connection = $1 AND provider_ref = $2 ORDER BY deposit_id LIMIT 1"),
        &vals![connection, provider_ref],
    )
    .await
}

pub async fn attempt_by_payment(tx: &mut Tx, connection: &str, payment_ref: &str) -> Result<Option<AttemptRow>> {
    tx.one(
        sql!("SELECT deposit_id, n, connection, our_ref, method, country, band, amount_minor, currency, state, provider_ref, payment_ref, redirect_url, failure_code, soft_failure, chosen_by, route, decision_id,
                experiment_id, arm, fee_minor, became, created_at, expires_at, opened_at, ended_at, version FROM deposit_attempts WHERE connection = $1 AND payment_ref = $2 ORDER BY deposit_id LIMIT 1"),
        &vals![connection, payment_ref],
    )
    .await
}

pub async fn attempt_by_ref(tx: &mut Tx, our_ref: &str) -> Result<Option<AttemptRow>> {
    tx.one(
        sql!("SELECT deposit_id, n, connection, our_ref, method, country, band, amount_minor, currency, state, provider_ref, payment_ref, redirect_url, failure_code, soft_failure, chosen_by, route, decision_id,
                experiment_id, arm, fee_minor, became, created_at, expires_at, opened_at, ended_at, version FROM deposit_attempts WHERE our_ref = $1"),
        &vals![our_ref],
    )
    .await
}

/// The attempt whose payment became this deposit of its own.
pub async fn attempt_that_became(tx: &mut Tx, id: DepositId) -> Result<Option<AttemptRow>> {
    tx.one(
        sql!("SELECT deposit_id, n, connection, our_ref, method, country, band, amount_minor, currency, state, provider_ref, payment_ref, redirect_url, failure_code, soft_failure, chosen_by, route, decision_id,
                experiment_id, arm, fee_minor, became, created_at, expires_at, opened_at, ended_at, version FROM deposit_attempts WHERE became = $1 LIMIT 1"),
        &vals![id.to_string()],
    )
    .await
}

/// The version is the lock; 0 is one that has not been written yet.
pub async fn save_attempt(tx: &mut Tx, a: &mut AttemptRow) -> Result<()> {
    if a.version == 0 {
        insert_attempt(tx, a).await?;
        a.version = 1;
    }
    tx.exec_one(
        sql!("UPDATE deposit_attempts SET state = $4, provider_ref = $5, payment_ref = $6, redirect_url = $7, failure_code = $8, soft_failure = $9, fee_minor = $10, became = $11, opened_at = $12, ended_at = $13, version = version + 1
              WHERE deposit_id = $1 AND n = $2 AND version = $3"),
        &vals![a.deposit_id, a.n, a.version, a.state, a.provider_ref.clone(), a.payment_ref.clone(), a.redirect_url.clone(), a.failure_code.clone(), a.soft_failure, a.fee_minor, a.became.clone(), a.opened_at, a.ended_at],
        || Problem::unavailable("deposit_changed", "this attempt was changed by another worker"),
    )
    .await?;
    a.version += 1;
    Ok(())
}

row! {
    /// How attempts by one connection ended: of one band of amounts.
    #[derive(Clone, Debug)]
    pub struct Outcomes {
        pub connection: String,
        pub country: String,
        pub band: String,
        pub paid: i64,
        /// Paid or refused; a client who walked away says nothing about the connection.
        pub ended: i64,
        pub fee_minor: i64,
        /// The sum that the fee was taken of.
        pub fee_of_minor: i64,
    }
}

/// How the newest attempts by a method in a currency ended, at most `most` of them: a window that
/// costs the same however old the house is. `country`: of clients there only.
pub async fn outcomes(tx: &mut Tx, method: &str, currency: Currency, country: Option<&str>, since: Ts, most: i64) -> Result<Vec<Outcomes>> {
    match country {
        Some(c) => {
            tx.rows(
                sql!("SELECT connection, country, band, CAST(SUM(CASE WHEN state IN ('paid', 'paid_second') THEN 1 ELSE 0 END) AS BIGINT), COUNT(*), CAST(COALESCE(SUM(fee_minor), 0) AS BIGINT),
                        CAST(COALESCE(SUM(CASE WHEN fee_minor IS NULL THEN 0 ELSE amount_minor END), 0) AS BIGINT)
                      FROM (SELECT connection, country, band, state, fee_minor, amount_minor FROM deposit_attempts
                            WHERE method = $1 AND currency = $2 AND country = $3 AND created_at >= $4 AND (state IN ('paid', 'paid_second') OR failure_code IS NOT NULL)
                            ORDER BY created_at DESC LIMIT $5) newest
                      GROUP BY connection, country, band ORDER BY connection, country, band"),
                &vals![method, currency, c, since, most],
            )
            .await
        }
        None => {
            tx.rows(
                sql!("SELECT connection, country, band, CAST(SUM(CASE WHEN state IN ('paid', 'paid_second') THEN 1 ELSE 0 END) AS BIGINT), COUNT(*), CAST(COALESCE(SUM(fee_minor), 0) AS BIGINT),
                        CAST(COALESCE(SUM(CASE WHEN fee_minor IS NULL THEN 0 ELSE amount_minor END), 0) AS BIGINT)
                      FROM (SELECT connection, country, band, state, fee_minor, amount_minor FROM deposit_attempts
                            WHERE method = $1 AND currency = $2 AND created_at >= $3 AND (state IN ('paid', 'paid_second') OR failure_code IS NOT NULL)
                            ORDER BY created_at DESC LIMIT $4) newest
                      GROUP BY connection, country, band ORDER BY connection, country, band"),
                &vals![method, currency, since, most],
            )
            .await
        }
    }
}

row! {
    /// One arm of an experiment.
    #[derive(Clone, Debug)]
    pub struct ArmOutcomes {
        pub arm: String,
        pub attempts: i64,
        pub clients: i64,
        pub paid: i64,
        pub ended: i64,
    }
}

pub async fn arm_outcomes(tx: &mut Tx, experiment: &str) -> Result<Vec<ArmOutcomes>> {
    tx.rows(
        sql!("SELECT a.arm, COUNT(*), COUNT(DISTINCT d.client_id), CAST(SUM(CASE WHEN a.state IN ('paid', 'paid_second') THEN 1 ELSE 0 END) AS BIGINT),
                CAST(SUM(CASE WHEN a.state IN ('paid', 'paid_second') OR a.failure_code IS NOT NULL THEN 1 ELSE 0 END) AS BIGINT)
              FROM deposit_attempts a JOIN deposits d ON d.id = a.deposit_id WHERE a.experiment_id = $1 GROUP BY a.arm ORDER BY a.arm"),
        &vals![experiment],
    )
    .await
}

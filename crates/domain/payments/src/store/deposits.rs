use super::{entities, tail};
use crate::DepositId;
use crate::deposit::DepositState;
use qd_db::{Query, Tx, row, sql};
use qd_kernel::{Currency, PageRequest, Result, Ts, Val, vals};

row! {
    #[derive(Clone, Debug)]
    pub struct DepositRow {
        pub id: DepositId,
        pub client_id: String,
        pub entity: String,
        pub account_id: Option<String>,
        pub method: String,
        pub connection: String,
        pub amount_minor: i64,
        pub currency: Currency,
        pub state: DepositState,
        pub provider_ref: Option<String>,
        pub payment_ref: Option<String>,
        pub redirect_url: Option<String>,
        pub failure_code: Option<String>,
        pub soft_failure: bool,
        pub received_minor: i64,
        pub returned_minor: i64,
        pub dispute_state: Option<String>,
        pub fee_minor: Option<i64>,
        pub fee_currency: Option<String>,
        pub instrument: Option<String>,
        pub first_deposit: bool,
        pub device: Option<String>,
        pub ip: Option<String>,
        pub locale: String,
        pub held_reason: Option<String>,
        /// Not on the account that was named, for good.
        pub left_in_wallet: bool,
        pub created_at: Ts,
        pub expires_at: Ts,
        pub received_at: Option<Ts>,
        pub posted_at: Option<Ts>,
        pub changed_at: Ts,
        pub version: i64,
    }
}

pub async fn insert_deposit(tx: &mut Tx, d: &DepositRow) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO deposits (id, client_id, entity, account_id, method, connection, amount_minor, currency, state, soft_failure, received_minor, returned_minor, first_deposit, left_in_wallet, device, ip, locale,
                created_at, expires_at, changed_at, version)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, FALSE, 0, 0, FALSE, FALSE, $10, $11, $12, $13, $14, $15, 1)"),
        &vals![d.id, d.client_id.as_str(), d.entity.as_str(), d.account_id.clone(), d.method.as_str(), d.connection.as_str(), d.amount_minor, d.currency, d.state, d.device.clone(), d.ip.clone(), d.locale.as_str(), d.created_at, d.expires_at, d.changed_at],
    )
    .await
    .map(|_| ())
}

pub async fn deposit(tx: &mut Tx, id: DepositId) -> Result<Option<DepositRow>> {
    tx.one(
        sql!("SELECT id, client_id, entity, account_id, method, connection, amount_minor, currency, state, provider_ref, payment_ref, redirect_url, failure_code, soft_failure, received_minor, returned_minor,
                dispute_state, fee_minor, fee_currency, instrument, first_deposit, device, ip, locale, held_reason, left_in_wallet, created_at, expires_at, received_at, posted_at, changed_at, version
              FROM deposits WHERE id = $1"),
        &vals![id],
    )
    .await
}

pub async fn deposit_by_payment(tx: &mut Tx, connection: &str, payment_ref: &str) -> Result<Option<DepositRow>> {
    tx.one(
        sql!("SELECT id, client_id, entity, account_id, method, connection, amount_minor, currency, state, provider_ref, payment_ref, redirect_url, failure_code, soft_failure, received_minor, returned_minor,
                dispute_state, fee_minor, fee_currency, instrument, first_deposit, device, ip, locale, held_reason, left_in_wallet, created_at, expires_at, received_at, posted_at, changed_at, version
              FROM deposits WHERE connection = $1 AND payment_ref = $2 LIMIT 1"),
        &vals![connection, payment_ref],
    )
    .await
}

pub async fn update_deposit(tx: &mut Tx, d: &DepositRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!("UPDATE deposits SET state = $3, provider_ref = $4, payment_ref = $5, redirect_url = $6, failure_code = $7, soft_failure = $8, received_minor = $9, returned_minor = $10, dispute_state = $11,
                    fee_minor = $12, fee_currency = $13, instrument = $14, first_deposit = $15, held_reason = $16, received_at = $17, posted_at = $18, changed_at = $19, left_in_wallet = $20, connection = $21, method = $22, amount_minor = $23, currency = $24, expires_at = $25, version = version + 1
                  WHERE id = $1 AND version = $2"),
            &vals![d.id, d.version, d.state, d.provider_ref.clone(), d.payment_ref.clone(), d.redirect_url.clone(), d.failure_code.clone(), d.soft_failure, d.received_minor, d.returned_minor, d.dispute_state.clone(), d.fee_minor, d.fee_currency.clone(), d.instrument.clone(), d.first_deposit, d.held_reason.clone(), d.received_at, d.posted_at, d.changed_at, d.left_in_wallet, d.connection.as_str(), d.method.as_str(), d.amount_minor, d.currency, d.expires_at],
        )
        .await?;
    Ok(n == 1)
}

/// Received deposits of a client, oldest first: sources to return to, the history of patterns.
pub async fn received_of(tx: &mut Tx, client_id: &str) -> Result<Vec<DepositRow>> {
    tx.rows(
        sql!("SELECT id, client_id, entity, account_id, method, connection, amount_minor, currency, state, provider_ref, payment_ref, redirect_url, failure_code, soft_failure, received_minor, returned_minor,
                dispute_state, fee_minor, fee_currency, instrument, first_deposit, device, ip, locale, held_reason, left_in_wallet, created_at, expires_at, received_at, posted_at, changed_at, version
              FROM deposits WHERE client_id = $1 AND received_minor > 0 ORDER BY received_at, id"),
        &vals![client_id],
    )
    .await
}

/// True for the one deposit that is the client's first.
pub async fn claim_first(tx: &mut Tx, client_id: &str, id: DepositId, at: Ts) -> Result<bool> {
    Ok(tx
        .exec(
            sql!("INSERT INTO first_deposits (client_id, deposit_id, at) VALUES ($1, $2, $3) ON CONFLICT (client_id) DO NOTHING"),
            &vals![client_id, id, at],
        )
        .await?
        == 1)
}

pub async fn first_received(tx: &mut Tx, client_id: &str) -> Result<Option<DepositRow>> {
    tx.one(
        sql!("SELECT id, client_id, entity, account_id, method, connection, amount_minor, currency, state, provider_ref, payment_ref, redirect_url, failure_code, soft_failure, received_minor, returned_minor,
                dispute_state, fee_minor, fee_currency, instrument, first_deposit, device, ip, locale, held_reason, left_in_wallet, created_at, expires_at, received_at, posted_at, changed_at, version
              FROM deposits WHERE client_id = $1 AND first_deposit ORDER BY id LIMIT 1"),
        &vals![client_id],
    )
    .await
}

pub async fn deposits_made(tx: &mut Tx, entities: Option<&[String]>, from: DepositId, until: DepositId) -> Result<i64> {
    let mut q = Query::new(sql!("SELECT COUNT(*) FROM deposits WHERE TRUE"));
    q.push(sql!(" AND id >= $? AND id < $?"), vals![from, until]);
    if let Some(list) = entities {
        q.push(sql!(" AND entity IN (''"), []);
        for e in list {
            q.push(sql!(", $?"), vals![e]);
        }
        q.push(sql!(" )"), []);
    }
    Ok(tx.query::<(i64,)>(&q).await?.first().map_or(0, |n| n.0))
}

/// What an unverified client has put in or is about to, per currency.
pub async fn open_or_received(tx: &mut Tx, client_id: &str) -> Result<Vec<(Currency, i64)>> {
    tx.rows(
        sql!("SELECT currency, CAST(COALESCE(SUM(CASE WHEN received_minor > 0 THEN received_minor - returned_minor ELSE amount_minor END), 0) AS BIGINT) FROM deposits
              WHERE client_id = $1 AND state NOT IN ('failed', 'expired', 'cancelled') GROUP BY currency"),
        &vals![client_id],
    )
    .await
}

/// Other clients who paid with the same instrument.
pub async fn others_with_instrument(tx: &mut Tx, client_id: &str, fingerprint: &str) -> Result<i64> {
    let n = tx
        .must::<(i64,)>(
            sql!("SELECT COUNT(DISTINCT client_id) FROM deposits WHERE fingerprint = $1 AND client_id <> $2"),
            &vals![fingerprint, client_id],
        )
        .await?;
    Ok(n.0)
}

pub async fn set_fingerprint(tx: &mut Tx, id: DepositId, fingerprint: &str) -> Result<()> {
    tx.exec(sql!("UPDATE deposits SET fingerprint = $2 WHERE id = $1"), &vals![id, fingerprint])
        .await
        .map(|_| ())
}

pub struct DepositFilter {
    pub entities: Option<Vec<String>>,
    pub client_id: Option<String>,
    pub state: Option<DepositState>,
    pub connection: Option<String>,
}

pub async fn list_deposits(tx: &mut Tx, f: &DepositFilter, page: &PageRequest) -> Result<Vec<DepositRow>> {
    let mut q = Query::new(sql!(
        "SELECT id, client_id, entity, account_id, method, connection, amount_minor, currency, state, provider_ref, payment_ref, redirect_url, failure_code, soft_failure, received_minor, returned_minor,
           dispute_state, fee_minor, fee_currency, instrument, first_deposit, device, ip, locale, held_reason, left_in_wallet, created_at, expires_at, received_at, posted_at, changed_at, version FROM deposits WHERE TRUE"
    ));
    entities(&mut q, f.entities.as_deref());
    if let Some(c) = &f.client_id {
        q.push(sql!(" AND client_id = $?"), [Val::from(c)]);
    }
    if let Some(s) = f.state {
        q.push(sql!(" AND state = $?"), [Val::from(s)]);
    }
    if let Some(c) = &f.connection {
        q.push(sql!(" AND connection = $?"), [Val::from(c)]);
    }
    tail(&mut q, page);
    tx.query(&q).await
}

//! The SQL of this crate.

use crate::deposit::DepositState;
use crate::withdrawal::{LegState, WithdrawalState};
use crate::{DepositId, DisputeId, TransferId, WithdrawalId};
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

row! {
    #[derive(Clone, Debug)]
    pub struct WithdrawalRow {
        pub id: WithdrawalId,
        pub client_id: String,
        pub entity: String,
        pub account_id: Option<String>,
        pub amount_minor: i64,
        pub currency: Currency,
        pub state: WithdrawalState,
        pub approval_id: Option<String>,
        pub approvals_needed: i64,
        pub rule: Option<String>,
        pub signals: String,
        pub reason_code: Option<String>,
        pub reason_text: Option<String>,
        pub desk: String,
        pub claimed_by: Option<String>,
        pub device: Option<String>,
        pub ip: Option<String>,
        pub due_at: Option<Ts>,
        pub requested_at: Ts,
        pub decided_at: Option<Ts>,
        pub approved_at: Option<Ts>,
        pub paid_at: Option<Ts>,
        pub changed_at: Ts,
        pub version: i64,
    }
}

row! {
    #[derive(Clone, Debug)]
    pub struct LegRow {
        pub withdrawal_id: WithdrawalId,
        pub n: i64,
        pub kind: String,
        pub connection: Option<String>,
        pub deposit_id: Option<String>,
        pub payment_ref: Option<String>,
        pub amount_minor: i64,
        pub currency: Currency,
        pub state: LegState,
        pub our_ref: String,
        pub provider_ref: Option<String>,
        pub failure_code: Option<String>,
        pub first_sent_at: Option<Ts>,
        pub done_at: Option<Ts>,
        pub version: i64,
    }
}

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
        pub state: crate::transfer::TransferState,
        pub reason_code: Option<String>,
        pub created_at: Ts,
        pub changed_at: Ts,
        pub version: i64,
    }
}

row! {
    #[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
    #[schema(as = Dispute)]
    pub struct DisputeRow {
        pub id: DisputeId,
        pub deposit_id: String,
        pub client_id: String,
        pub entity: String,
        pub connection: String,
        pub provider_ref: String,
        pub amount_minor: i64,
        pub currency: Currency,
        pub state: String,
        pub provider_state: String,
        pub reason: String,
        #[serde(rename = "opened_at_us")]
        pub opened_at: Ts,
        #[serde(rename = "changed_at_us")]
        pub changed_at: Ts,
        pub version: i64,
    }
}

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
    }
}

// Connections

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
        sql!("SELECT id, entity, provider, methods, enabled, last_ok_at, last_error, last_error_at FROM psp_connections ORDER BY id"),
        &[],
    )
    .await
}

pub async fn connection_ok(tx: &mut Tx, id: &str, at: Ts) -> Result<()> {
    tx.exec(
        sql!("UPDATE psp_connections SET last_ok_at = $2, last_error = NULL WHERE id = $1"),
        &vals![id, at],
    )
    .await
    .map(|_| ())
}

pub async fn connection_failed(tx: &mut Tx, id: &str, error: &str, at: Ts) -> Result<()> {
    tx.exec(
        sql!("UPDATE psp_connections SET last_error = $2, last_error_at = $3 WHERE id = $1"),
        &vals![id, error, at],
    )
    .await
    .map(|_| ())
}

// Deposits

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

pub async fn deposit_by_provider(tx: &mut Tx, connection: &str, provider_ref: &str) -> Result<Option<DepositRow>> {
    tx.one(
        sql!("SELECT id, client_id, entity, account_id, method, connection, amount_minor, currency, state, provider_ref, payment_ref, redirect_url, failure_code, soft_failure, received_minor, returned_minor,
                dispute_state, fee_minor, fee_currency, instrument, first_deposit, device, ip, locale, held_reason, left_in_wallet, created_at, expires_at, received_at, posted_at, changed_at, version
              FROM deposits WHERE connection = $1 AND provider_ref = $2"),
        &vals![connection, provider_ref],
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
                    fee_minor = $12, fee_currency = $13, instrument = $14, first_deposit = $15, held_reason = $16, received_at = $17, posted_at = $18, changed_at = $19, left_in_wallet = $20, version = version + 1
                  WHERE id = $1 AND version = $2"),
            &vals![d.id, d.version, d.state, d.provider_ref.clone(), d.payment_ref.clone(), d.redirect_url.clone(), d.failure_code.clone(), d.soft_failure, d.received_minor, d.returned_minor, d.dispute_state.clone(), d.fee_minor, d.fee_currency.clone(), d.instrument.clone(), d.first_deposit, d.held_reason.clone(), d.received_at, d.posted_at, d.changed_at, d.left_in_wallet],
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

fn entities(q: &mut Query, codes: Option<&[String]>) {
    let Some(codes) = codes else { return };
    q.push(sql!(" AND entity IN ('-'"), []);
    for c in codes {
        q.push(sql!(", $?"), [Val::from(c)]);
    }
    q.push(sql!(")"), []);
}

/// Newest first; the id carries the time.
fn tail(q: &mut Query, page: &PageRequest) {
    if let Some(a) = &page.after {
        q.push(sql!(" AND id < $?"), [Val::from(a)]);
    }
    q.push(sql!(" ORDER BY id DESC LIMIT $?"), [Val::from(page.fetch())]);
}

// Withdrawals

pub async fn insert_withdrawal(tx: &mut Tx, w: &WithdrawalRow) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO withdrawals (id, client_id, entity, account_id, amount_minor, currency, state, approvals_needed, signals, desk, device, ip, requested_at, changed_at, version)
              VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9, $10, $11, $12, $13, 1)"),
        &vals![w.id, w.client_id.as_str(), w.entity.as_str(), w.account_id.clone(), w.amount_minor, w.currency, w.state, w.signals.as_str(), w.desk.as_str(), w.device.clone(), w.ip.clone(), w.requested_at, w.changed_at],
    )
    .await
    .map(|_| ())
}

pub async fn withdrawal(tx: &mut Tx, id: WithdrawalId) -> Result<Option<WithdrawalRow>> {
    tx.one(
        sql!("SELECT id, client_id, entity, account_id, amount_minor, currency, state, approval_id, approvals_needed, rule, signals, reason_code, reason_text, desk, claimed_by, device, ip, due_at,
                requested_at, decided_at, approved_at, paid_at, changed_at, version FROM withdrawals WHERE id = $1"),
        &vals![id],
    )
    .await
}

pub async fn update_withdrawal(tx: &mut Tx, w: &WithdrawalRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!("UPDATE withdrawals SET state = $3, approval_id = $4, approvals_needed = $5, rule = $6, signals = $7, reason_code = $8, reason_text = $9, desk = $10, claimed_by = $11, due_at = $12,
                    decided_at = $13, approved_at = $14, paid_at = $15, changed_at = $16, version = version + 1 WHERE id = $1 AND version = $2"),
            &vals![w.id, w.version, w.state, w.approval_id.clone(), w.approvals_needed, w.rule.clone(), w.signals.as_str(), w.reason_code.clone(), w.reason_text.clone(), w.desk.as_str(), w.claimed_by.clone(), w.due_at, w.decided_at, w.approved_at, w.paid_at, w.changed_at],
        )
        .await?;
    Ok(n == 1)
}

pub struct WithdrawalFilter {
    pub entities: Option<Vec<String>>,
    pub client_id: Option<String>,
    pub state: Option<WithdrawalState>,
    pub desk: Option<String>,
    pub claimed_by: Option<String>,
    /// In review, and due before this.
    pub due_before: Option<Ts>,
}

pub async fn list_withdrawals(tx: &mut Tx, f: &WithdrawalFilter, page: &PageRequest) -> Result<Vec<WithdrawalRow>> {
    let mut q = Query::new(sql!(
        "SELECT id, client_id, entity, account_id, amount_minor, currency, state, approval_id, approvals_needed, rule, signals, reason_code, reason_text, desk, claimed_by, device, ip, due_at,
           requested_at, decided_at, approved_at, paid_at, changed_at, version FROM withdrawals WHERE TRUE"
    ));
    entities(&mut q, f.entities.as_deref());
    if let Some(c) = &f.client_id {
        q.push(sql!(" AND client_id = $?"), [Val::from(c)]);
    }
    if let Some(s) = f.state {
        q.push(sql!(" AND state = $?"), [Val::from(s)]);
    }
    if let Some(d) = &f.desk {
        q.push(sql!(" AND desk = $?"), [Val::from(d)]);
    }
    if let Some(by) = &f.claimed_by {
        q.push(sql!(" AND claimed_by = $?"), [Val::from(by)]);
    }
    if let Some(t) = f.due_before {
        q.push(sql!(" AND state = 'review' AND due_at < $?"), [Val::from(t)]);
    }
    tail(&mut q, page);
    tx.query(&q).await
}

/// Paid so far and the number of requests since a moment, for the rules.
pub async fn withdrawal_history(tx: &mut Tx, client_id: &str, since: Ts) -> Result<(i64, i64)> {
    tx.must(
        sql!("SELECT CAST(COALESCE(SUM(CASE WHEN state = 'paid' THEN 1 ELSE 0 END), 0) AS BIGINT), CAST(COALESCE(SUM(CASE WHEN requested_at >= $2 THEN 1 ELSE 0 END), 0) AS BIGINT)
              FROM withdrawals WHERE client_id = $1"),
        &vals![client_id, since],
    )
    .await
}

pub async fn insert_leg(tx: &mut Tx, l: &LegRow) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO withdrawal_legs (withdrawal_id, n, kind, connection, deposit_id, payment_ref, amount_minor, currency, state, our_ref, version)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1)"),
        &vals![l.withdrawal_id, l.n, l.kind.as_str(), l.connection.clone(), l.deposit_id.clone(), l.payment_ref.clone(), l.amount_minor, l.currency, l.state, l.our_ref.as_str()],
    )
    .await
    .map(|_| ())
}

pub async fn legs(tx: &mut Tx, id: WithdrawalId) -> Result<Vec<LegRow>> {
    tx.rows(
        sql!("SELECT withdrawal_id, n, kind, connection, deposit_id, payment_ref, amount_minor, currency, state, our_ref, provider_ref, failure_code, first_sent_at, done_at, version
              FROM withdrawal_legs WHERE withdrawal_id = $1 ORDER BY n"),
        &vals![id],
    )
    .await
}

pub async fn leg(tx: &mut Tx, id: WithdrawalId, n: i64) -> Result<Option<LegRow>> {
    tx.one(
        sql!("SELECT withdrawal_id, n, kind, connection, deposit_id, payment_ref, amount_minor, currency, state, our_ref, provider_ref, failure_code, first_sent_at, done_at, version
              FROM withdrawal_legs WHERE withdrawal_id = $1 AND n = $2"),
        &vals![id, n],
    )
    .await
}

pub async fn leg_by_ref(tx: &mut Tx, our_ref: &str) -> Result<Option<LegRow>> {
    tx.one(
        sql!("SELECT withdrawal_id, n, kind, connection, deposit_id, payment_ref, amount_minor, currency, state, our_ref, provider_ref, failure_code, first_sent_at, done_at, version
              FROM withdrawal_legs WHERE our_ref = $1"),
        &vals![our_ref],
    )
    .await
}

pub async fn leg_by_provider(tx: &mut Tx, connection: &str, provider_ref: &str) -> Result<Option<LegRow>> {
    tx.one(
        sql!("SELECT withdrawal_id, n, kind, connection, deposit_id, payment_ref, amount_minor, currency, state, our_ref, provider_ref, failure_code, first_sent_at, done_at, version
              FROM withdrawal_legs WHERE connection = $1 AND provider_ref = $2 LIMIT 1"),
        &vals![connection, provider_ref],
    )
    .await
}

pub async fn update_leg(tx: &mut Tx, l: &LegRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!("UPDATE withdrawal_legs SET state = $4, provider_ref = $5, failure_code = $6, first_sent_at = $7, done_at = $8, version = version + 1 WHERE withdrawal_id = $1 AND n = $2 AND version = $3"),
            &vals![l.withdrawal_id, l.n, l.version, l.state, l.provider_ref.clone(), l.failure_code.clone(), l.first_sent_at, l.done_at],
        )
        .await?;
    Ok(n == 1)
}

/// Planned and running refunds against a deposit: what is left of it to return to.
pub async fn refunds_planned(tx: &mut Tx, deposit_id: &str) -> Result<i64> {
    Ok(tx
        .must::<(i64,)>(
            sql!("SELECT CAST(COALESCE(SUM(amount_minor), 0) AS BIGINT) FROM withdrawal_legs WHERE deposit_id = $1 AND state IN ('planned', 'sending', 'pending')"),
            &vals![deposit_id],
        )
        .await?
        .0)
}

// Transfers

pub async fn insert_transfer(tx: &mut Tx, t: &TransferRow) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO transfers (id, client_id, entity, from_account, to_account, amount_minor, currency, state, created_at, changed_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1)"),
        &vals![t.id, t.client_id.as_str(), t.entity.as_str(), t.from_account.clone(), t.to_account.clone(), t.amount_minor, t.currency, t.state, t.created_at, t.changed_at],
    )
    .await
    .map(|_| ())
}

pub async fn transfer(tx: &mut Tx, id: TransferId) -> Result<Option<TransferRow>> {
    tx.one(
        sql!("SELECT id, client_id, entity, from_account, to_account, amount_minor, currency, state, reason_code, created_at, changed_at, version FROM transfers WHERE id = $1"),
        &vals![id],
    )
    .await
}

pub async fn update_transfer(tx: &mut Tx, t: &TransferRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!(
                "UPDATE transfers SET state = $3, reason_code = $4, changed_at = $5, version = version + 1 WHERE id = $1 AND version = $2"
            ),
            &vals![t.id, t.version, t.state, t.reason_code.clone(), t.changed_at],
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
        "SELECT id, client_id, entity, from_account, to_account, amount_minor, currency, state, reason_code, created_at, changed_at, version FROM transfers WHERE TRUE"
    ));
    entities(&mut q, codes);
    if let Some(c) = client_id {
        q.push(sql!(" AND client_id = $?"), [Val::from(c)]);
    }
    tail(&mut q, page);
    tx.query(&q).await
}

// Disputes

pub async fn dispute_by_provider(tx: &mut Tx, connection: &str, provider_ref: &str) -> Result<Option<DisputeRow>> {
    tx.one(
        sql!("SELECT id, deposit_id, client_id, entity, connection, provider_ref, amount_minor, currency, state, provider_state, reason, opened_at, changed_at, version
              FROM disputes WHERE connection = $1 AND provider_ref = $2"),
        &vals![connection, provider_ref],
    )
    .await
}

pub async fn insert_dispute(tx: &mut Tx, d: &DisputeRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!("INSERT INTO disputes (id, deposit_id, client_id, entity, connection, provider_ref, amount_minor, currency, state, provider_state, reason, opened_at, changed_at, version)
                  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1) ON CONFLICT DO NOTHING"),
            &vals![d.id, d.deposit_id.as_str(), d.client_id.as_str(), d.entity.as_str(), d.connection.as_str(), d.provider_ref.as_str(), d.amount_minor, d.currency, d.state.as_str(), d.provider_state.as_str(), d.reason.as_str(), d.opened_at, d.changed_at],
        )
        .await?;
    Ok(n == 1)
}

pub async fn update_dispute(tx: &mut Tx, d: &DisputeRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!(
                "UPDATE disputes SET state = $3, provider_state = $4, changed_at = $5, version = version + 1 WHERE id = $1 AND version = $2"
            ),
            &vals![d.id, d.version, d.state.as_str(), d.provider_state.as_str(), d.changed_at],
        )
        .await?;
    Ok(n == 1)
}

pub async fn disputes_of(tx: &mut Tx, client_id: &str) -> Result<Vec<DisputeRow>> {
    tx.rows(
        sql!("SELECT id, deposit_id, client_id, entity, connection, provider_ref, amount_minor, currency, state, provider_state, reason, opened_at, changed_at, version
              FROM disputes WHERE client_id = $1 ORDER BY id DESC"),
        &vals![client_id],
    )
    .await
}

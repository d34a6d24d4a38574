//! Bank files, their entries, payments by bank, batches, payout targets.

use super::{entities, tail};
use crate::bank::{BatchState, EntryState, FileState, PaymentKind, PaymentState};
use crate::{BankBatchId, BankEntryId, BankFileId, BankPaymentId, PayoutTargetId, WithdrawalId};
use qd_db::{Query, Tx, row, sql};
use qd_kernel::{Currency, PageRequest, Result, Ts, Val, vals};
use qd_ports::bank::{BankFileKind, Direction};

row! {
    #[derive(Clone, Debug)]
    pub struct BankFileRow {
        pub id: BankFileId,
        pub entity: String,
        pub name: String,
        pub sha256: String,
        pub file_id: String,
        pub size: i64,
        pub kind: Option<BankFileKind>,
        pub message_id: Option<String>,
        pub state: FileState,
        pub fault: Option<String>,
        pub entries: i64,
        pub entries_done: i64,
        pub matched: i64,
        pub doubtful: i64,
        pub suspense: i64,
        pub known: i64,
        pub payouts: i64,
        pub other: i64,
        pub pending: i64,
        pub loaded_by: String,
        pub loaded_at: Ts,
        pub finished_at: Option<Ts>,
        pub version: i64,
    }
}

row! {
    #[derive(Clone, Debug)]
    pub struct BankEntryRow {
        pub id: BankEntryId,
        pub file_id: BankFileId,
        pub entity: String,
        pub connection: String,
        pub account: String,
        pub entry_key: String,
        pub line: i64,
        pub direction: Direction,
        pub amount_minor: i64,
        pub currency: Currency,
        pub booked_on: Option<Ts>,
        pub bank_ref: Option<String>,
        pub end_to_end: Option<String>,
        pub creditor_ref: Option<String>,
        pub remittance: String,
        pub party_name: Option<String>,
        pub party_account: Option<String>,
        pub party_bic: Option<String>,
        pub party_mark: Option<String>,
        pub return_reason: Option<String>,
        pub state: EntryState,
        pub deposit_id: Option<String>,
        pub client_id: Option<String>,
        pub payment_id: Option<BankPaymentId>,
        pub candidates: String,
        pub decided_by: Option<String>,
        pub reason: Option<String>,
        pub created_at: Ts,
        pub changed_at: Ts,
        pub version: i64,
    }
}

row! {
    #[derive(Clone, Debug)]
    pub struct BankPaymentRow {
        pub id: BankPaymentId,
        pub entity: String,
        pub connection: String,
        pub kind: PaymentKind,
        pub withdrawal_id: Option<WithdrawalId>,
        pub n: Option<i64>,
        pub entry_id: Option<BankEntryId>,
        pub client_id: Option<String>,
        pub amount_minor: i64,
        pub currency: Currency,
        pub holder: Option<String>,
        pub account: Option<String>,
        pub bic: Option<String>,
        pub state: PaymentState,
        pub batch_id: Option<BankBatchId>,
        pub reason: Option<String>,
        pub created_at: Ts,
        pub changed_at: Ts,
        pub version: i64,
    }
}

row! {
    #[derive(Clone, Debug)]
    pub struct BankBatchRow {
        pub id: BankBatchId,
        pub entity: String,
        pub connection: String,
        pub currency: Currency,
        pub state: BatchState,
        pub approval_id: String,
        pub items: i64,
        pub amount_minor: i64,
        pub prepared_by: String,
        pub prepared_at: Ts,
        pub decided_by: Option<String>,
        pub decided_at: Option<Ts>,
        pub version: i64,
    }
}

row! {
    #[derive(Clone, Debug)]
    pub struct PayoutTargetRow {
        pub id: PayoutTargetId,
        pub client_id: String,
        pub entity: String,
        pub method: String,
        pub connection: Option<String>,
        pub account: String,
        pub mark: String,
        pub holder: String,
        pub country: String,
        pub bic: Option<String>,
        pub name_matches: bool,
        pub added_by: String,
        pub added_at: Ts,
        pub removed_at: Option<Ts>,
    }
}

// Files

/// False: the same content is here already.
pub async fn insert_bank_file(tx: &mut Tx, f: &BankFileRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!("INSERT INTO bank_files (id, entity, name, sha256, file_id, size, state, entries, entries_done, matched, doubtful, suspense, known, payouts, other, pending, loaded_by, loaded_at, version)
                  VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, 0, 0, 0, 0, 0, 0, 0, $8, $9, 1) ON CONFLICT DO NOTHING"),
            &vals![f.id, f.entity.as_str(), f.name.as_str(), f.sha256.as_str(), f.file_id.as_str(), f.size, f.state, f.loaded_by.as_str(), f.loaded_at],
        )
        .await?;
    Ok(n == 1)
}

pub async fn bank_file(tx: &mut Tx, id: BankFileId) -> Result<Option<BankFileRow>> {
    tx.one(
        sql!("SELECT id, entity, name, sha256, file_id, size, kind, message_id, state, fault, entries, entries_done, matched, doubtful, suspense, known, payouts, other, pending, loaded_by, loaded_at,
                finished_at, version FROM bank_files WHERE id = $1"),
        &vals![id],
    )
    .await
}

pub async fn bank_file_by_hash(tx: &mut Tx, sha256: &str) -> Result<Option<BankFileRow>> {
    tx.one(
        sql!("SELECT id, entity, name, sha256, file_id, size, kind, message_id, state, fault, entries, entries_done, matched, doubtful, suspense, known, payouts, other, pending, loaded_by, loaded_at,
                finished_at, version FROM bank_files WHERE sha256 = $1"),
        &vals![sha256],
    )
    .await
}

pub async fn update_bank_file(tx: &mut Tx, f: &BankFileRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!("UPDATE bank_files SET kind = $3, message_id = $4, state = $5, fault = $6, entries = $7, entries_done = $8, matched = $9, doubtful = $10, suspense = $11, known = $12, payouts = $13, other = $14,
                    pending = $15, finished_at = $16, version = version + 1 WHERE id = $1 AND version = $2"),
            &vals![f.id, f.version, f.kind, f.message_id.clone(), f.state, f.fault.clone(), f.entries, f.entries_done, f.matched, f.doubtful, f.suspense, f.known, f.payouts, f.other, f.pending, f.finished_at],
        )
        .await?;
    Ok(n == 1)
}

pub async fn bank_files(tx: &mut Tx, codes: Option<&[String]>, page: &PageRequest) -> Result<Vec<BankFileRow>> {
    let mut q = Query::new(sql!(
        "SELECT id, entity, name, sha256, file_id, size, kind, message_id, state, fault, entries, entries_done, matched, doubtful, suspense, known, payouts, other, pending, loaded_by, loaded_at,
           finished_at, version FROM bank_files WHERE TRUE"
    ));
    entities(&mut q, codes);
    tail(&mut q, page);
    tx.query(&q).await
}

// Entries

/// False: this entry is known from another file.
pub async fn insert_bank_entry(tx: &mut Tx, e: &BankEntryRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!("INSERT INTO bank_entries (id, file_id, entity, connection, account, entry_key, line, direction, amount_minor, currency, booked_on, bank_ref, end_to_end, creditor_ref, remittance, party_name,
                    party_account, party_bic, party_mark, return_reason, state, candidates, created_at, changed_at, version)
                  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, 1) ON CONFLICT DO NOTHING"),
            &vals![e.id, e.file_id, e.entity.as_str(), e.connection.as_str(), e.account.as_str(), e.entry_key.as_str(), e.line, e.direction, e.amount_minor, e.currency, e.booked_on, e.bank_ref.clone(), e.end_to_end.clone(), e.creditor_ref.clone(), e.remittance.as_str(), e.party_name.clone(), e.party_account.clone(), e.party_bic.clone(), e.party_mark.clone(), e.return_reason.clone(), e.state, e.candidates.as_str(), e.created_at, e.changed_at],
        )
        .await?;
    Ok(n == 1)
}

pub async fn update_bank_entry(tx: &mut Tx, e: &BankEntryRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!("UPDATE bank_entries SET state = $3, deposit_id = $4, client_id = $5, payment_id = $6, candidates = $7, decided_by = $8, reason = $9, changed_at = $10, version = version + 1
                  WHERE id = $1 AND version = $2"),
            &vals![e.id, e.version, e.state, e.deposit_id.clone(), e.client_id.clone(), e.payment_id, e.candidates.as_str(), e.decided_by.clone(), e.reason.clone(), e.changed_at],
        )
        .await?;
    Ok(n == 1)
}

pub async fn bank_entry(tx: &mut Tx, id: BankEntryId) -> Result<Option<BankEntryRow>> {
    tx.one(
        sql!("SELECT id, file_id, entity, connection, account, entry_key, line, direction, amount_minor, currency, booked_on, bank_ref, end_to_end, creditor_ref, remittance, party_name, party_account,
                party_bic, party_mark, return_reason, state, deposit_id, client_id, payment_id, candidates, decided_by, reason, created_at, changed_at, version FROM bank_entries WHERE id = $1"),
        &vals![id],
    )
    .await
}

pub async fn bank_entry_known(tx: &mut Tx, account: &str, key: &str) -> Result<bool> {
    Ok(tx
        .one::<(i64,)>(
            sql!("SELECT 1 FROM bank_entries WHERE account = $1 AND entry_key = $2"),
            &vals![account, key],
        )
        .await?
        .is_some())
}

/// Whose money came from this account before, in the entity.
pub async fn clients_of_payer(tx: &mut Tx, entity: &str, mark: &str) -> Result<Vec<String>> {
    Ok(tx
        .rows::<(String,)>(
            sql!("SELECT DISTINCT client_id FROM bank_entries WHERE party_mark = $1 AND state = 'matched' AND entity = $2 AND client_id IS NOT NULL"),
            &vals![mark, entity],
        )
        .await?
        .into_iter()
        .map(|c| c.0)
        .collect())
}

pub struct EntryFilter {
    pub entities: Option<Vec<String>>,
    pub state: Option<EntryState>,
    pub file_id: Option<BankFileId>,
}

pub async fn bank_entries(tx: &mut Tx, f: &EntryFilter, page: &PageRequest) -> Result<Vec<BankEntryRow>> {
    let mut q = Query::new(sql!(
        "SELECT id, file_id, entity, connection, account, entry_key, line, direction, amount_minor, currency, booked_on, bank_ref, end_to_end, creditor_ref, remittance, party_name, party_account,
           party_bic, party_mark, return_reason, state, deposit_id, client_id, payment_id, candidates, decided_by, reason, created_at, changed_at, version FROM bank_entries WHERE TRUE"
    ));
    entities(&mut q, f.entities.as_deref());
    if let Some(s) = f.state {
        q.push(sql!(" AND state = $?"), [Val::from(s)]);
    }
    if let Some(id) = f.file_id {
        q.push(sql!(" AND file_id = $?"), [Val::from(id)]);
    }
    tail(&mut q, page);
    tx.query(&q).await
}

/// Deposits of a connection that still wait for this sum, or did until lately.
pub async fn waiting_for(
    tx: &mut Tx,
    connection: &str,
    minor: i64,
    currency: Currency,
    since: Ts,
    most: i64,
) -> Result<Vec<(String, String, Option<String>)>> {
    tx.rows(
        sql!("SELECT id, client_id, provider_ref FROM deposits WHERE connection = $1 AND amount_minor = $2 AND currency = $3 AND received_minor = 0 AND created_at >= $4
                AND state IN ('created', 'redirected', 'pending', 'expired') ORDER BY id LIMIT $5"),
        &vals![connection, minor, currency, since, most],
    )
    .await
}

// Payments

pub async fn insert_bank_payment(tx: &mut Tx, p: &BankPaymentRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!("INSERT INTO bank_payments (id, entity, connection, kind, withdrawal_id, n, entry_id, client_id, amount_minor, currency, holder, account, bic, state, created_at, changed_at, version)
                  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 1) ON CONFLICT DO NOTHING"),
            &vals![p.id, p.entity.as_str(), p.connection.as_str(), p.kind, p.withdrawal_id, p.n, p.entry_id, p.client_id.clone(), p.amount_minor, p.currency, p.holder.clone(), p.account.clone(), p.bic.clone(), p.state, p.created_at, p.changed_at],
        )
        .await?;
    Ok(n == 1)
}

pub async fn bank_payment(tx: &mut Tx, id: BankPaymentId) -> Result<Option<BankPaymentRow>> {
    tx.one(
        sql!("SELECT id, entity, connection, kind, withdrawal_id, n, entry_id, client_id, amount_minor, currency, holder, account, bic, state, batch_id, reason, created_at, changed_at, version
              FROM bank_payments WHERE id = $1"),
        &vals![id],
    )
    .await
}

pub async fn bank_payment_of_leg(tx: &mut Tx, withdrawal: WithdrawalId, n: i64) -> Result<Option<BankPaymentRow>> {
    tx.one(
        sql!("SELECT id, entity, connection, kind, withdrawal_id, n, entry_id, client_id, amount_minor, currency, holder, account, bic, state, batch_id, reason, created_at, changed_at, version
              FROM bank_payments WHERE withdrawal_id = $1 AND n = $2"),
        &vals![withdrawal, n],
    )
    .await
}

pub async fn bank_payments_of(tx: &mut Tx, batch: BankBatchId) -> Result<Vec<BankPaymentRow>> {
    tx.rows(
        sql!("SELECT id, entity, connection, kind, withdrawal_id, n, entry_id, client_id, amount_minor, currency, holder, account, bic, state, batch_id, reason, created_at, changed_at, version
              FROM bank_payments WHERE batch_id = $1 ORDER BY id"),
        &vals![batch],
    )
    .await
}

/// Not in a batch yet, the oldest first.
pub async fn bank_payments_waiting(
    tx: &mut Tx,
    codes: Option<&[String]>,
    connection: Option<&str>,
    most: i64,
) -> Result<Vec<BankPaymentRow>> {
    let mut q = Query::new(sql!(
        "SELECT id, entity, connection, kind, withdrawal_id, n, entry_id, client_id, amount_minor, currency, holder, account, bic, state, batch_id, reason, created_at, changed_at, version
         FROM bank_payments WHERE state = 'waiting'"
    ));
    entities(&mut q, codes);
    if let Some(c) = connection {
        q.push(sql!(" AND connection = $?"), [Val::from(c)]);
    }
    q.push(sql!(" ORDER BY id LIMIT $?"), [Val::from(most)]);
    tx.query(&q).await
}

pub async fn update_bank_payment(tx: &mut Tx, p: &BankPaymentRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!("UPDATE bank_payments SET holder = $3, account = $4, bic = $5, state = $6, batch_id = $7, reason = $8, changed_at = $9, version = version + 1 WHERE id = $1 AND version = $2"),
            &vals![p.id, p.version, p.holder.clone(), p.account.clone(), p.bic.clone(), p.state, p.batch_id, p.reason.clone(), p.changed_at],
        )
        .await?;
    Ok(n == 1)
}

// Batches

pub async fn insert_bank_batch(tx: &mut Tx, b: &BankBatchRow) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO bank_batches (id, entity, connection, currency, state, approval_id, items, amount_minor, prepared_by, prepared_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1)"),
        &vals![b.id, b.entity.as_str(), b.connection.as_str(), b.currency, b.state, b.approval_id.as_str(), b.items, b.amount_minor, b.prepared_by.as_str(), b.prepared_at],
    )
    .await
    .map(|_| ())
}

pub async fn bank_batch(tx: &mut Tx, id: BankBatchId) -> Result<Option<BankBatchRow>> {
    tx.one(
        sql!("SELECT id, entity, connection, currency, state, approval_id, items, amount_minor, prepared_by, prepared_at, decided_by, decided_at, version FROM bank_batches WHERE id = $1"),
        &vals![id],
    )
    .await
}

pub async fn update_bank_batch(tx: &mut Tx, b: &BankBatchRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!(
                "UPDATE bank_batches SET state = $3, decided_by = $4, decided_at = $5, version = version + 1 WHERE id = $1 AND version = $2"
            ),
            &vals![b.id, b.version, b.state, b.decided_by.clone(), b.decided_at],
        )
        .await?;
    Ok(n == 1)
}

pub async fn bank_batches(tx: &mut Tx, codes: Option<&[String]>, page: &PageRequest) -> Result<Vec<BankBatchRow>> {
    let mut q = Query::new(sql!(
        "SELECT id, entity, connection, currency, state, approval_id, items, amount_minor, prepared_by, prepared_at, decided_by, decided_at, version FROM bank_batches WHERE TRUE"
    ));
    entities(&mut q, codes);
    tail(&mut q, page);
    tx.query(&q).await
}

// Payout targets

pub async fn insert_target(tx: &mut Tx, t: &PayoutTargetRow) -> Result<()> {
    tx.exec(
        sql!("INSERT INTO payout_targets (id, client_id, entity, method, connection, account, mark, holder, country, bic, name_matches, added_by, added_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"),
        &vals![t.id, t.client_id.as_str(), t.entity.as_str(), t.method.as_str(), t.connection.clone(), t.account.as_str(), t.mark.as_str(), t.holder.as_str(), t.country.as_str(), t.bic.clone(), t.name_matches, t.added_by.as_str(), t.added_at],
    )
    .await
    .map(|_| ())
}

/// The newest first; removed ones not.
pub async fn targets_of(tx: &mut Tx, client_id: &str) -> Result<Vec<PayoutTargetRow>> {
    tx.rows(
        sql!("SELECT id, client_id, entity, method, connection, account, mark, holder, country, bic, name_matches, added_by, added_at, removed_at FROM payout_targets
              WHERE client_id = $1 AND removed_at IS NULL ORDER BY id DESC"),
        &vals![client_id],
    )
    .await
}

pub async fn target(tx: &mut Tx, id: PayoutTargetId) -> Result<Option<PayoutTargetRow>> {
    tx.one(
        sql!("SELECT id, client_id, entity, method, connection, account, mark, holder, country, bic, name_matches, added_by, added_at, removed_at FROM payout_targets WHERE id = $1"),
        &vals![id],
    )
    .await
}

pub async fn remove_target(tx: &mut Tx, id: PayoutTargetId, at: Ts) -> Result<()> {
    tx.exec(
        sql!("UPDATE payout_targets SET removed_at = $2 WHERE id = $1 AND removed_at IS NULL"),
        &vals![id, at],
    )
    .await
    .map(|_| ())
}

/// Other clients who named the same account, or whose money came from it.
pub async fn others_with_target(tx: &mut Tx, client_id: &str, mark: &str) -> Result<i64> {
    let named = tx
        .must::<(i64,)>(
            sql!("SELECT COUNT(DISTINCT client_id) FROM payout_targets WHERE mark = $1 AND client_id <> $2"),
            &vals![mark, client_id],
        )
        .await?;
    let paid = tx
        .must::<(i64,)>(
            sql!("SELECT COUNT(DISTINCT client_id) FROM bank_entries WHERE party_mark = $1 AND state = 'matched' AND client_id <> $2"),
            &vals![mark, client_id],
        )
        .await?;
    Ok(named.0 + paid.0)
}

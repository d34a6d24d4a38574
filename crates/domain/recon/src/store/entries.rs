use super::among;
use crate::EntryState;
use qd_db::{Query, Tx, row, sql};
use qd_kernel::{Currency, Result, Ts, Val, vals};

row! {
    #[derive(Clone, Debug)]
    pub struct EntryRow {
        pub id: String,
        pub entry_id: String,
        pub connection: String,
        pub entity: String,
        pub reference: String,
        pub kind: String,
        pub minor: i64,
        pub currency: Currency,
        pub our_ref: Option<String>,
        pub provider_ref: Option<String>,
        pub payment_ref: Option<String>,
        pub fee_minor: Option<i64>,
        pub fee_currency: Option<Currency>,
        pub client_id: Option<String>,
        pub booked_at: Ts,
        pub state: EntryState,
        pub rule: Option<String>,
        pub line_id: Option<String>,
    }
}

/// An entry that is there already is left as it is.
pub async fn insert_entries(tx: &mut Tx, entries: &[EntryRow]) -> Result<()> {
    let rows: Vec<Vec<Val>> = entries
        .iter()
        .map(|e| {
            vals![
                &e.id,
                &e.entry_id,
                &e.connection,
                &e.entity,
                &e.reference,
                &e.kind,
                e.minor,
                e.currency,
                e.our_ref.clone(),
                e.provider_ref.clone(),
                e.payment_ref.clone(),
                e.fee_minor,
                e.fee_currency,
                e.client_id.clone(),
                e.booked_at,
                e.state,
                e.rule.clone()
            ]
            .to_vec()
        })
        .collect();
    tx.exec_many(
        sql!(
            "INSERT INTO recon_entries (id, entry_id, connection, entity, reference, kind, minor, currency, our_ref, provider_ref, payment_ref, fee_minor, fee_currency, client_id, booked_at, state, rule)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) ON CONFLICT (id) DO NOTHING"
        ),
        &rows,
    )
    .await
    .map(|_| ())
}

/// Entries of a connection that carry one of these names.
pub async fn named(tx: &mut Tx, connection: &str, names: &[&str]) -> Result<Vec<EntryRow>> {
    let mut out: Vec<EntryRow> = Vec::new();
    if names.is_empty() {
        return Ok(out);
    }
    for column in [
        sql!(" AND our_ref IN (''"),
        sql!(" AND provider_ref IN (''"),
        sql!(" AND payment_ref IN (''"),
    ] {
        let mut q = Query::new(sql!(
            "SELECT id, entry_id, connection, entity, reference, kind, minor, currency, our_ref, provider_ref, payment_ref, fee_minor, fee_currency, client_id, booked_at, state, rule, line_id
             FROM recon_entries WHERE TRUE"
        ));
        q.push(sql!(" AND connection = $?"), [Val::from(connection)]);
        among(&mut q, column, names.iter().copied());
        out.extend(tx.query::<EntryRow>(&q).await?);
    }
    out.sort_by(|a, b| (a.booked_at, &a.id).cmp(&(b.booked_at, &b.id)));
    out.dedup_by(|a, b| a.id == b.id);
    Ok(out)
}

pub async fn entry_row(tx: &mut Tx, id: &str) -> Result<Option<EntryRow>> {
    tx.one(
        sql!(
            "SELECT id, entry_id, connection, entity, reference, kind, minor, currency, our_ref, provider_ref, payment_ref, fee_minor, fee_currency, client_id, booked_at, state, rule, line_id
             FROM recon_entries WHERE id = $1"
        ),
        &vals![id],
    )
    .await
}

/// Open entries booked between two moments, for lines that have lost their names.
pub async fn near(tx: &mut Tx, connection: &str, from: Ts, until: Ts) -> Result<Vec<EntryRow>> {
    tx.rows(
        sql!(
            "SELECT id, entry_id, connection, entity, reference, kind, minor, currency, our_ref, provider_ref, payment_ref, fee_minor, fee_currency, client_id, booked_at, state, rule, line_id
             FROM recon_entries WHERE connection = $1 AND state = 'open' AND booked_at BETWEEN $2 AND $3 ORDER BY booked_at, id LIMIT 5000"
        ),
        &vals![connection, from, until],
    )
    .await
}

/// Open entries booked before a moment, after a place.
pub async fn overdue(tx: &mut Tx, connection: &str, before: Ts, after: (Ts, &str), limit: i64) -> Result<Vec<EntryRow>> {
    tx.rows(
        sql!(
            "SELECT id, entry_id, connection, entity, reference, kind, minor, currency, our_ref, provider_ref, payment_ref, fee_minor, fee_currency, client_id, booked_at, state, rule, line_id
             FROM recon_entries WHERE connection = $1 AND state = 'open' AND booked_at < $2 AND (booked_at > $3 OR (booked_at = $3 AND id > $4))
             ORDER BY booked_at, id LIMIT $5"
        ),
        &vals![connection, before, after.0, after.1, limit],
    )
    .await
}

/// Open or broken entries that the provider's API was not asked about since a moment.
pub async fn to_ask(tx: &mut Tx, connection: &str, booked_before: Ts, asked_before: Ts, limit: i64) -> Result<Vec<EntryRow>> {
    tx.rows(
        sql!(
            "SELECT id, entry_id, connection, entity, reference, kind, minor, currency, our_ref, provider_ref, payment_ref, fee_minor, fee_currency, client_id, booked_at, state, rule, line_id
             FROM recon_entries WHERE connection = $1 AND state = 'open' AND booked_at < $2 AND (asked_at IS NULL OR asked_at < $3)
             ORDER BY booked_at, id LIMIT $4"
        ),
        &vals![connection, booked_before, asked_before, limit],
    )
    .await
}

pub async fn set_asked(tx: &mut Tx, id: &str, at: Ts) -> Result<()> {
    tx.exec(sql!("UPDATE recon_entries SET asked_at = $2 WHERE id = $1"), &vals![id, at])
        .await
        .map(|_| ())
}

/// By id: state, rule and line.
pub async fn set_entries(tx: &mut Tx, rows: &[Vec<Val>]) -> Result<()> {
    tx.exec_many(
        sql!("UPDATE recon_entries SET state = $2, rule = $3, line_id = $4 WHERE id = $1"),
        rows,
    )
    .await
    .map(|_| ())
}

/// The entry that another takes back, and it: neither will stand in a file, unless it does already.
pub async fn set_reversed(tx: &mut Tx, entry: &str) -> Result<u64> {
    tx.exec(
        sql!("UPDATE recon_entries SET state = 'matched', rule = 'reversed' WHERE entry_id = $1 AND state IN ('open', 'broken')"),
        &vals![entry],
    )
    .await
}

pub async fn rows_of_entry(tx: &mut Tx, entry: &str) -> Result<Vec<(String,)>> {
    tx.rows(sql!("SELECT id FROM recon_entries WHERE entry_id = $1"), &vals![entry])
        .await
}

row! {
    #[derive(Clone, Debug)]
    pub struct SumRow {
        pub connection: String,
        pub entity: String,
        pub currency: Currency,
        pub state: EntryState,
        pub n: i64,
        pub minor: i64,
        pub oldest: Ts,
    }
}

/// Entries that wait, by connection, currency and state.
pub async fn waiting_sums(tx: &mut Tx) -> Result<Vec<SumRow>> {
    tx.rows(
        sql!(
            "SELECT connection, entity, currency, state, COUNT(*), CAST(SUM(minor) AS BIGINT), MIN(booked_at) FROM recon_entries
             WHERE state = 'open' GROUP BY connection, entity, currency, state ORDER BY connection, currency"
        ),
        &[],
    )
    .await
}

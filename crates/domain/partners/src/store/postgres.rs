//! Look-ups of many keys in one round trip, for PostgreSQL; SQLite asks one by one without one. Keys
//! travel joined by a character that none of them holds.

use super::{attribution::ShareRow, lines::DealRow, states::CellRow};
use crate::engine::Key;
use qd_db::{Tx, sql};
use qd_kernel::{Result, vals};

fn join<'a>(keys: impl Iterator<Item = &'a str>) -> String {
    keys.collect::<Vec<_>>().join("\u{1f}")
}

pub async fn deals(tx: &mut Tx, server: &str, tickets: &[&str]) -> Result<Vec<DealRow>> {
    tx.rows(
        sql!(
            "/* postgres */ SELECT server, ticket, revision, client_id, outcome, reason, cause, facts, entry_id, value_at, booked_at, version
             FROM commission_deals WHERE server = $1 AND ticket = ANY (string_to_array($2, chr(31)))"
        ),
        &vals![server, join(tickets.iter().copied())],
    )
    .await
}

pub async fn shares(tx: &mut Tx, clients: &[&str]) -> Result<Vec<ShareRow>> {
    tx.rows(
        sql!(
            "/* postgres */ SELECT client_id, from_at, to_at, partner_id, state, model, code, link_id, click_id, hold_reason, evidence, made_by, made_at,
                version
             FROM partner_clients WHERE client_id = ANY (string_to_array($1, chr(31))) ORDER BY client_id, from_at"
        ),
        &vals![join(clients.iter().copied())],
    )
    .await
}

pub async fn cells(tx: &mut Tx, keys: &[Key]) -> Result<Vec<CellRow>> {
    tx.rows(
        sql!(
            "/* postgres */ SELECT key, value, last_at, last_server, last_ticket FROM commission_states
             WHERE key = ANY (string_to_array($1, chr(31)))"
        ),
        &vals![join(keys.iter().map(Key::as_str))],
    )
    .await
}

/// Until the end of the transaction; also for a key that no row has yet.
pub async fn lock_key(tx: &mut Tx, key: &str) -> Result<()> {
    tx.rows::<(i64,)>(
        sql!("/* postgres */ SELECT CAST(length(CAST(pg_advisory_xact_lock(hashtextextended($1, 7)) AS TEXT)) AS BIGINT)"),
        &vals![key],
    )
    .await?;
    Ok(())
}

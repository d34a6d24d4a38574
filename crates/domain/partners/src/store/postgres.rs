//! Look-ups of many keys in one round trip, for PostgreSQL; SQLite asks one by one without one. Keys
//! travel joined by a character that none of them holds.

use super::{attribution::ShareRow, lines::DealRow};
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

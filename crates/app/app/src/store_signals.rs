//! What several domains know of one person, for signs of self-referral: browsers, cards, papers. Read
//! only, and nothing of it leaves this crate but as a keyed hash.

use qd_db::{Tx, sql};
use qd_kernel::{Result, vals};

/// Marks of browsers with their names and the first address in the network.
pub async fn browsers(tx: &mut Tx, client: &str) -> Result<Vec<(Vec<u8>, String, Option<String>)>> {
    tx.rows(
        sql!(
            "SELECT d.mark, d.label, d.first_ip FROM identities i JOIN devices d ON d.identity_id = i.id WHERE i.client_id = $1
             ORDER BY d.first_seen_at, d.id LIMIT 50"
        ),
        &vals![client],
    )
    .await
}

/// Providers' marks of cards and accounts, with what is known of each.
pub async fn instruments(tx: &mut Tx, client: &str) -> Result<Vec<(String, Option<String>)>> {
    tx.rows(
        sql!(
            "SELECT fingerprint, instrument FROM deposits WHERE client_id = $1 AND fingerprint IS NOT NULL AND received_at IS NOT NULL
             ORDER BY created_at DESC, id LIMIT 50"
        ),
        &vals![client],
    )
    .await
}

/// Keyed hashes of documents' numbers, hashes of their files, and what they are.
pub async fn documents(tx: &mut Tx, client: &str) -> Result<Vec<(Option<Vec<u8>>, String, String)>> {
    tx.rows(
        sql!("SELECT number_hash, sha256, kind FROM kyc_documents WHERE client_id = $1 ORDER BY uploaded_at DESC, id LIMIT 50"),
        &vals![client],
    )
    .await
}

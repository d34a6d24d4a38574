use crate::attribution::{Lock, Rule};
use crate::ids::{ClickId, PartnerId};
use qd_db::{Tx, row, sql};
use qd_kernel::{Problem, Result, Ts, vals};

row! {
    #[derive(Clone, Debug)]
    pub struct OriginRow {
        pub client_id: String,
        pub entity: String,
        pub brand: String,
        pub visitor: Option<String>,
        pub code: Option<String>,
        pub click_id: Option<ClickId>,
        pub ip_hash: Option<String>,
        pub ua_hash: Option<String>,
        pub device: Option<String>,
        pub model: Rule,
        pub lock_at: Lock,
        pub cookie_days: i64,
        pub locked_at: Option<Ts>,
        pub registered_at: Ts,
        pub approved_at: Option<Ts>,
        pub funded_at: Option<Ts>,
        pub version: i64,
    }
}

/// False when there is one already.
pub async fn insert(tx: &mut Tx, o: &OriginRow) -> Result<bool> {
    let n = tx
        .exec(
            sql!(
                "INSERT INTO partner_origins (client_id, entity, brand, visitor, code, click_id, ip_hash, ua_hash, device, model, lock_at, cookie_days,
                    locked_at, registered_at, approved_at, funded_at, version)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) ON CONFLICT (client_id) DO NOTHING"
            ),
            &vals![
                &o.client_id, &o.entity, &o.brand, o.visitor.as_ref(), o.code.as_ref(), o.click_id, o.ip_hash.as_ref(), o.ua_hash.as_ref(),
                o.device.as_ref(), o.model, o.lock_at, o.cookie_days, o.locked_at, o.registered_at, o.approved_at, o.funded_at, o.version
            ],
        )
        .await?;
    Ok(n == 1)
}

pub async fn get(tx: &mut Tx, client: &str) -> Result<Option<OriginRow>> {
    tx.one(
        sql!(
            "SELECT client_id, entity, brand, visitor, code, click_id, ip_hash, ua_hash, device, model, lock_at, cookie_days, locked_at, registered_at,
                approved_at, funded_at, version
             FROM partner_origins WHERE client_id = $1"
        ),
        &vals![client],
    )
    .await
}

/// Others who registered from the same address.
pub async fn same_address(tx: &mut Tx, client: &str, ip_hash: &str, limit: i64) -> Result<Vec<OriginRow>> {
    tx.rows(
        sql!(
            "SELECT client_id, entity, brand, visitor, code, click_id, ip_hash, ua_hash, device, model, lock_at, cookie_days, locked_at, registered_at,
                approved_at, funded_at, version
             FROM partner_origins WHERE ip_hash = $1 AND client_id <> $2 ORDER BY registered_at DESC, client_id LIMIT $3"
        ),
        &vals![ip_hash, client, limit],
    )
    .await
}

pub async fn update(tx: &mut Tx, o: &OriginRow) -> Result<()> {
    tx.exec_one(
        sql!(
            "UPDATE partner_origins SET locked_at = $3, approved_at = $4, funded_at = $5, version = version + 1 WHERE client_id = $1 AND version = $2"
        ),
        &vals![&o.client_id, o.version, o.locked_at, o.approved_at, o.funded_at],
        || Problem::unavailable(qd_db::RETRY, "the way of this client was written at the same time"),
    )
    .await
}

/// The click that a client is this partner's for.
pub async fn click_of(tx: &mut Tx, client: &str, partner: PartnerId) -> Result<Option<ClickId>> {
    let found: Option<(Option<ClickId>,)> = tx
        .one(
            sql!(
                "SELECT COALESCE(k.click_id, o.click_id) FROM partner_clients k LEFT JOIN partner_origins o ON o.client_id = k.client_id
                 WHERE k.client_id = $1 AND k.partner_id = $2 ORDER BY k.from_at DESC LIMIT 1"
            ),
            &vals![client, partner],
        )
        .await?;
    Ok(found.and_then(|f| f.0))
}

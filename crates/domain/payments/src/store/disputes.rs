use crate::DisputeId;
use qd_db::{Tx, row, sql};
use qd_kernel::{Currency, Result, Ts, vals};

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
        /// Taken out of the client's wallet for it.
        pub taken_minor: i64,
        /// What the wallet could not cover.
        pub owed_minor: i64,
        #[serde(rename = "opened_at_us")]
        pub opened_at: Ts,
        #[serde(rename = "changed_at_us")]
        pub changed_at: Ts,
        pub version: i64,
    }
}

pub async fn dispute_by_provider(tx: &mut Tx, connection: &str, provider_ref: &str) -> Result<Option<DisputeRow>> {
    tx.one(
        sql!("SELECT id, deposit_id, client_id, entity, connection, provider_ref, amount_minor, currency, state, provider_state, reason, taken_minor, owed_minor, opened_at, changed_at, version
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
                "UPDATE disputes SET state = $3, provider_state = $4, changed_at = $5, taken_minor = $6, owed_minor = $7, version = version + 1 WHERE id = $1 AND version = $2"
            ),
            &vals![d.id, d.version, d.state.as_str(), d.provider_state.as_str(), d.changed_at, d.taken_minor, d.owed_minor],
        )
        .await?;
    Ok(n == 1)
}

pub async fn dispute(tx: &mut Tx, id: DisputeId) -> Result<Option<DisputeRow>> {
    tx.one(
        sql!("SELECT id, deposit_id, client_id, entity, connection, provider_ref, amount_minor, currency, state, provider_state, reason, taken_minor, owed_minor, opened_at, changed_at, version
              FROM disputes WHERE id = $1"),
        &vals![id],
    )
    .await
}

pub async fn disputes_of(tx: &mut Tx, client_id: &str) -> Result<Vec<DisputeRow>> {
    tx.rows(
        sql!("SELECT id, deposit_id, client_id, entity, connection, provider_ref, amount_minor, currency, state, provider_state, reason, taken_minor, owed_minor, opened_at, changed_at, version
              FROM disputes WHERE client_id = $1 ORDER BY id DESC"),
        &vals![client_id],
    )
    .await
}

//! The platform's side of a reconciliation: moves that it said it had booked and does not show.
//! Money it shows and nobody ordered is found by the feed itself.

use crate::{Direction, MoveId, store_unseen as store};
use qd_db::Tx;
use qd_kernel::{Amount, Result, Ts};

#[derive(Clone, Debug)]
pub struct Unseen {
    pub id: MoveId,
    pub client_id: String,
    pub entity: String,
    pub server: String,
    pub login: String,
    /// Signed as the login saw it.
    pub amount: Amount,
    pub ticket: String,
    pub done_at: Ts,
}

/// Moves asked for after `from` and done before `until`, of servers whose feed was read after
/// `until`, without a deal of their ticket.
pub async fn list(tx: &mut Tx, from: Ts, until: Ts, limit: i64) -> Result<Vec<Unseen>> {
    let rows = store::unseen(tx, from, until, limit).await?;
    Ok(rows
        .into_iter()
        .map(|r| {
            let signed = if r.direction == Direction::ToPlatform {
                r.amount_minor
            } else {
                -r.amount_minor
            };
            Unseen {
                id: r.id,
                client_id: r.client_id,
                entity: r.entity,
                server: r.server,
                login: r.login,
                amount: Amount::new(signed, r.currency),
                ticket: r.ticket,
                done_at: r.done_at,
            }
        })
        .collect())
}

/// The feed shows the move's deal by now.
pub async fn shown(tx: &mut Tx, id: MoveId) -> Result<bool> {
    store::seen(tx, id).await
}

//! Moves that are done and whose deals the feed does not show.

use crate::{Direction, MoveId};
use qd_db::{Tx, row, sql};
use qd_kernel::{Currency, Result, Ts, vals};

row! {
    #[derive(Clone, Debug)]
    pub struct UnseenRow {
        pub id: MoveId,
        pub client_id: String,
        pub entity: String,
        pub server: String,
        pub login: String,
        pub direction: Direction,
        pub amount_minor: i64,
        pub currency: Currency,
        pub ticket: String,
        pub done_at: Ts,
    }
}

/// Done between the two moments, read past by the server's feed, and without a deal of their ticket.
pub async fn unseen(tx: &mut Tx, from: Ts, until: Ts, limit: i64) -> Result<Vec<UnseenRow>> {
    tx.rows(
        sql!(
            "SELECT m.id, m.client_id, m.entity, m.server, m.login, m.direction, m.amount_minor, m.currency, m.ticket, m.done_at
             FROM platform_moves m JOIN feed_cursors f ON f.server = m.server
             LEFT JOIN deals d ON d.server = m.server AND d.ticket = m.ticket AND d.revision = 1
             WHERE m.state = 'done' AND m.created_at >= $1 AND m.done_at < $2 AND f.polled_at > $2 AND m.ticket IS NOT NULL
                 AND d.ticket IS NULL ORDER BY m.id LIMIT $3"
        ),
        &vals![from, until, limit],
    )
    .await
}

/// Whether the deal of a move's ticket has been recorded.
pub async fn seen(tx: &mut Tx, id: MoveId) -> Result<bool> {
    let n: (i64,) = tx
        .must(
            sql!(
                "SELECT COUNT(*) FROM platform_moves m JOIN deals d ON d.server = m.server AND d.ticket = m.ticket AND d.revision = 1
                 WHERE m.id = $1"
            ),
            &vals![id],
        )
        .await?;
    Ok(n.0 > 0)
}

use super::{Event, EventId, NewEvent};
use qd_db::{Sql, Tx, sql};
use qd_kernel::{Result, Ts, vals};

const INSERT: Sql = sql!("INSERT INTO outbox (id, kind, aggregate, entity, payload, at) VALUES ($1, $2, $3, $4, $5, $6)");
const ANY_UNPLACED: Sql = sql!("SELECT seq FROM outbox WHERE position IS NULL ORDER BY seq LIMIT 1");
const LOCK_HEAD: Sql = sql!("UPDATE outbox_head SET last = last WHERE one = 1 RETURNING last");
const PLACE: Sql = sql!(
    "WITH r AS (SELECT seq, ROW_NUMBER() OVER (ORDER BY seq) AS n FROM
        (SELECT seq FROM outbox WHERE position IS NULL ORDER BY seq LIMIT $2) AS u)
     UPDATE outbox SET position = $1 + r.n FROM r WHERE outbox.seq = r.seq"
);
const MOVE_HEAD: Sql = sql!("UPDATE outbox_head SET last = $1 WHERE one = 1");
const HEAD: Sql = sql!("SELECT last FROM outbox_head WHERE one = 1");
const SINCE: Sql = sql!(
    "SELECT id, position, kind, aggregate, entity, payload, at FROM outbox
     WHERE position > $1 ORDER BY position LIMIT $2"
);
const OF_AGGREGATE: Sql = sql!(
    "SELECT id, position, kind, aggregate, entity, payload, at FROM outbox
     WHERE aggregate = $1 AND position > $2 ORDER BY position LIMIT $3"
);

pub(super) async fn insert(tx: &mut Tx, id: EventId, ev: &NewEvent, at: Ts) -> Result<()> {
    tx.exec(INSERT, &vals![id, ev.kind, &ev.aggregate, ev.entity.clone(), &ev.payload, at])
        .await?;
    Ok(())
}

/// Whether a committed event waits for its position.
pub async fn any_unplaced(tx: &mut Tx) -> Result<bool> {
    Ok(tx.one::<(i64,)>(ANY_UNPLACED, &[]).await?.is_some())
}

/// The last position given.
pub async fn head(tx: &mut Tx) -> Result<i64> {
    Ok(tx.must::<(i64,)>(HEAD, &[]).await?.0)
}

/// Gives positions to at most `limit` committed events without one; answers how many. Takes the
/// head's lock first and keeps it until the commit: that is what makes one sequencer of many
/// nodes, for the length of a transaction. (A leader by the clock would make every other node's
/// events wait for its next look.)
pub async fn place_new(tx: &mut Tx, limit: i64) -> Result<u64> {
    // A look without a lock first: an idle node writes nothing.
    if !any_unplaced(tx).await? {
        return Ok(0);
    }
    let last = tx.must::<(i64,)>(LOCK_HEAD, &[]).await?.0;
    let placed = tx.exec(PLACE, &vals![last, limit]).await?;
    if placed > 0 {
        let n = i64::try_from(placed).unwrap_or(i64::MAX);
        tx.exec(MOVE_HEAD, &vals![last.saturating_add(n)]).await?;
    }
    Ok(placed)
}

/// Events after `position`, in order.
pub async fn since(tx: &mut Tx, position: i64, limit: i64) -> Result<Vec<Event>> {
    tx.rows(SINCE, &vals![position, limit]).await
}

/// One aggregate's events after `position`, in order.
pub async fn page(tx: &mut Tx, aggregate: &str, position: i64, limit: i64) -> Result<Vec<Event>> {
    tx.rows(OF_AGGREGATE, &vals![aggregate, position, limit]).await
}

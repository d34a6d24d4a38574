use qd_db::{Sql, Tx, row, sql};
use qd_kernel::{Problem, Result, vals};

const LOCK_SHARED: Sql = sql!("UPDATE bus_cursors SET position = position WHERE name = '*' RETURNING position");
const SHARED: Sql = sql!("SELECT position FROM bus_cursors WHERE name = '*'");
const MOVE_SHARED: Sql = sql!("UPDATE bus_cursors SET position = $1 WHERE name = '*'");
const REGISTER: Sql = sql!(
    "INSERT INTO bus_cursors (name, position, alone, stream_seq, stream_mark) VALUES ($1, $2, $3, 0, '')
     ON CONFLICT (name) DO NOTHING"
);
const OTHERS: Sql = sql!("SELECT COUNT(*) FROM bus_cursors WHERE name <> '*' AND name NOT LIKE '@%'");
const ALONE: Sql = sql!("SELECT name FROM bus_cursors WHERE alone = TRUE");
const PART: Sql = sql!(
    "UPDATE bus_cursors SET alone = TRUE, position = (SELECT s.position FROM bus_cursors AS s WHERE s.name = '*')
     WHERE name = $1 AND alone = FALSE"
);
const LOCK_OWN: Sql =
    sql!("UPDATE bus_cursors SET position = position WHERE name = $1 AND alone = TRUE RETURNING position, stream_seq, stream_mark");
const OWN: Sql = sql!("SELECT position, stream_seq, stream_mark FROM bus_cursors WHERE name = $1");
const MOVE_OWN: Sql = sql!("UPDATE bus_cursors SET position = $2 WHERE name = $1");
const MOVE_STREAM: Sql = sql!("UPDATE bus_cursors SET position = $2, stream_seq = $3, stream_mark = $4 WHERE name = $1");
const JOIN: Sql = sql!("UPDATE bus_cursors SET alone = FALSE WHERE name = $1 AND alone = TRUE AND position = $2");
const SKIP_ALL: Sql = sql!("UPDATE bus_cursors SET position = $1");
const LEAST: Sql = sql!("SELECT MIN(position) FROM bus_cursors WHERE name <> '*' AND name NOT LIKE '@%' AND alone = TRUE");

const LAGS: Sql = sql!(
    "SELECT c.name, CASE WHEN c.alone = TRUE THEN c.position ELSE s.position END
     FROM bus_cursors AS c JOIN bus_cursors AS s ON s.name = '*'
     WHERE c.name <> '*' ORDER BY c.name"
);

row! {
    /// Where a subscription of its own stands, and in which stream.
    #[derive(Clone, Debug)]
    pub(super) struct Own {
        pub(super) position: i64,
        pub(super) stream_seq: i64,
        pub(super) stream_mark: String,
    }
}

/// The shared cursor, locked until the commit: one node delivers at a time.
pub(super) async fn lock_shared(tx: &mut Tx) -> Result<i64> {
    Ok(tx.must::<(i64,)>(LOCK_SHARED, &[]).await?.0)
}

pub(super) async fn shared(tx: &mut Tx) -> Result<i64> {
    Ok(tx.must::<(i64,)>(SHARED, &[]).await?.0)
}

pub(super) async fn move_shared(tx: &mut Tx, to: i64) -> Result<()> {
    tx.exec(MOVE_SHARED, &vals![to]).await?;
    Ok(())
}

/// A row for a subscription not seen before, moving with the others.
pub(super) async fn register_shared(tx: &mut Tx, name: &str, from_start: bool) -> Result<()> {
    let shared = lock_shared(tx).await?;
    let alone = from_start && shared > 0;
    tx.exec(REGISTER, &vals![name, if alone { 0 } else { shared }, alone]).await?;
    Ok(())
}

/// A row for a subscription that follows a stream by itself.
pub(super) async fn register_own(tx: &mut Tx, name: &str, from_start: bool, head: i64) -> Result<()> {
    let shared = lock_shared(tx).await?;
    let fresh = tx.must::<(i64,)>(OTHERS, &[]).await?.0 == 0;
    let start = match (from_start, fresh) {
        (true, _) => 0,
        (false, true) => shared,
        (false, false) => head,
    };
    tx.exec(REGISTER, &vals![name, start, true]).await?;
    part(tx, name).await
}

pub(super) async fn alone(tx: &mut Tx) -> Result<Vec<String>> {
    Ok(tx.rows::<(String,)>(ALONE, &[]).await?.into_iter().map(|r| r.0).collect())
}

/// From here on the subscription moves by itself.
pub(super) async fn part(tx: &mut Tx, name: &str) -> Result<()> {
    tx.exec(PART, &vals![name]).await?;
    Ok(())
}

/// None: it moves with the others (again).
pub(super) async fn lock_own(tx: &mut Tx, name: &str) -> Result<Option<Own>> {
    tx.one(LOCK_OWN, &vals![name]).await
}

pub(super) async fn own(tx: &mut Tx, name: &str) -> Result<Own> {
    tx.one(OWN, &vals![name])
        .await?
        .ok_or_else(|| Problem::bug("subscription_unknown", format!("no cursor {name}")))
}

pub(super) async fn move_own(tx: &mut Tx, name: &str, to: i64) -> Result<()> {
    tx.exec(MOVE_OWN, &vals![name, to]).await?;
    Ok(())
}

pub(super) async fn move_stream(tx: &mut Tx, name: &str, to: &Own) -> Result<()> {
    tx.exec(MOVE_STREAM, &vals![name, to.position, to.stream_seq, &to.stream_mark])
        .await?;
    Ok(())
}

/// Back among the others, if it stands where they stand.
pub(super) async fn join(tx: &mut Tx, name: &str) -> Result<bool> {
    let shared = lock_shared(tx).await?;
    Ok(tx.exec(JOIN, &vals![name, shared]).await? == 1)
}

pub(super) async fn skip_all(tx: &mut Tx, to: i64) -> Result<()> {
    tx.exec(SKIP_ALL, &vals![to]).await?;
    Ok(())
}

/// The position of the stream subscription that is farthest behind.
pub(super) async fn least(tx: &mut Tx) -> Result<Option<i64>> {
    Ok(tx.must::<(Option<i64>,)>(LEAST, &[]).await?.0)
}

/// The publisher's own mark; `@` keeps it apart from subscriptions.
pub(super) const PUBLISHED: &str = "@published";

pub(super) async fn published(tx: &mut Tx) -> Result<Own> {
    tx.exec(REGISTER, &vals![PUBLISHED, 0, true]).await?;
    own(tx, PUBLISHED).await
}

/// Each cursor's position, the publisher's included.
pub(super) async fn positions(tx: &mut Tx) -> Result<Vec<(String, i64)>> {
    tx.rows(LAGS, &[]).await
}

use super::{InboxId, InboxState, NewHook};
use qd_db::{Sql, Tx, row, sql};
use qd_kernel::{Problem, Result, Ts, vals};
use serde_json::Value;

const INSERT: Sql = sql!(
    "INSERT INTO inbox (id, provider, connection, event_id, kind, headers, body, body_hash, subject, state, repeats, received_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'new', 0, $10)
     ON CONFLICT (provider, connection, event_id) DO NOTHING"
);
const REPEAT: Sql = sql!("UPDATE inbox SET repeats = repeats + 1 WHERE provider = $1 AND connection = $2 AND event_id = $3");
const FIND: Sql = sql!(
    "SELECT id, provider, connection, event_id, kind, headers, body, subject, state, note, repeats, received_at, processed_at
     FROM inbox WHERE id = $1"
);
const FINISH: Sql = sql!("UPDATE inbox SET state = $2, note = $3, processed_at = $4 WHERE id = $1 AND state IN ('new', 'failed')");
const EXISTS: Sql = sql!("SELECT state FROM inbox WHERE id = $1");
const REFUSE: Sql = sql!(
    "INSERT INTO inbox_refused (provider, connection, reason, hour, times, last_hash, last_at)
     VALUES ($1, $2, $3, $4, 1, $5, $6)
     ON CONFLICT (provider, connection, reason, hour) DO UPDATE SET
        times = inbox_refused.times + 1, last_hash = excluded.last_hash, last_at = excluded.last_at"
);
const REFUSED: Sql = sql!(
    "SELECT provider, connection, reason, times, last_hash, last_at FROM inbox_refused
     WHERE last_at >= $1 ORDER BY last_at DESC LIMIT 200"
);

row! {
    /// A callback as it is kept.
    #[derive(Clone, Debug)]
    pub struct Stored {
        pub id: InboxId,
        pub provider: String,
        pub connection: String,
        pub event_id: String,
        pub kind: String,
        pub headers: Value,
        pub body: Vec<u8>,
        pub subject: Value,
        pub state: InboxState,
        pub note: Option<String>,
        /// How often it came again.
        pub repeats: i64,
        pub received_at: Ts,
        pub processed_at: Option<Ts>,
    }
}

row! {
    /// Refusals of one reason in one hour.
    #[derive(Clone, Debug)]
    pub struct Refused {
        pub provider: String,
        pub connection: String,
        pub reason: String,
        pub times: i64,
        /// SHA-256 of the last body, in hexadecimal.
        pub last_hash: String,
        pub last_at: Ts,
    }
}

pub(super) async fn insert(tx: &mut Tx, id: InboxId, m: &NewHook<'_>, hash: &str) -> Result<bool> {
    let p = vals![
        id,
        m.provider,
        m.connection,
        m.event_id,
        m.kind,
        &m.headers_json,
        m.body,
        hash,
        &m.subject,
        m.received_at
    ];
    Ok(tx.exec(INSERT, &p).await? == 1)
}

pub(super) async fn repeat(tx: &mut Tx, provider: &str, connection: &str, event_id: &str) -> Result<()> {
    tx.exec(REPEAT, &vals![provider, connection, event_id]).await?;
    Ok(())
}

pub(super) async fn find(tx: &mut Tx, id: InboxId) -> Result<Option<Stored>> {
    tx.one(FIND, &vals![id]).await
}

pub(super) async fn finish(tx: &mut Tx, id: InboxId, state: InboxState, note: Option<&str>, now: Ts) -> Result<()> {
    if tx.exec(FINISH, &vals![id, state, note, now]).await? == 0 && tx.one::<(InboxState,)>(EXISTS, &vals![id]).await?.is_none() {
        return Err(Problem::missing("callback"));
    }
    Ok(())
}

pub(super) async fn refuse(tx: &mut Tx, provider: &str, connection: &str, reason: &str, hash: &str, now: Ts) -> Result<()> {
    tx.exec(
        REFUSE,
        &vals![provider, connection, reason, now.secs().div_euclid(3_600), hash, now],
    )
    .await?;
    Ok(())
}

pub(super) async fn refused(tx: &mut Tx, since: Ts) -> Result<Vec<Refused>> {
    tx.rows(REFUSED, &vals![since]).await
}

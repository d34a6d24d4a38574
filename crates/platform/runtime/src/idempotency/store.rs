use qd_db::{Sql, Tx, row, sql};
use qd_kernel::{Problem, Result, Ts, vals};
use serde_json::Value;

const INSERT: Sql =
    sql!("INSERT INTO idempotency (scope, key, input_hash, at) VALUES ($1, $2, $3, $4) ON CONFLICT (scope, key) DO NOTHING");
const FIND: Sql = sql!("SELECT input_hash, status, body FROM idempotency WHERE scope = $1 AND key = $2");
const ANSWER: Sql = sql!("UPDATE idempotency SET status = $3, body = $4 WHERE scope = $1 AND key = $2 AND status IS NULL");
const FORGET: Sql = sql!("DELETE FROM idempotency WHERE at < $1");

row! {
    pub(super) struct Stored {
        pub(super) input_hash: Vec<u8>,
        pub(super) status: Option<u16>,
        pub(super) body: Option<Value>,
    }
}

pub(super) async fn insert(tx: &mut Tx, scope: &str, key: &str, hash: &[u8; 32], at: Ts) -> Result<bool> {
    Ok(tx.exec(INSERT, &vals![scope, key, hash.as_slice(), at]).await? == 1)
}

pub(super) async fn find(tx: &mut Tx, scope: &str, key: &str) -> Result<Option<Stored>> {
    tx.one(FIND, &vals![scope, key]).await
}

pub(super) async fn answer(tx: &mut Tx, scope: &str, key: &str, status: u16, body: &Value) -> Result<()> {
    tx.exec_one(ANSWER, &vals![scope, key, status, body], || {
        Problem::bug(
            "idempotency_not_claimed",
            "an answer for a key that was not claimed, or was answered before",
        )
    })
    .await
}

pub(super) async fn forget(tx: &mut Tx, before: Ts) -> Result<u64> {
    tx.exec(FORGET, &vals![before]).await
}

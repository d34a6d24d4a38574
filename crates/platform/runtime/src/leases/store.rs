use qd_db::{Sql, Tx, sql};
use qd_kernel::{Result, Ts, vals};

const ACQUIRE: Sql = sql!(
    "INSERT INTO leases (name, holder, token, until) VALUES ($1, $2, 1, $4)
     ON CONFLICT (name) DO UPDATE SET
        token = leases.token + CASE WHEN leases.holder = excluded.holder AND leases.until > $3 THEN 0 ELSE 1 END,
        holder = excluded.holder, until = excluded.until
     WHERE leases.until <= $3 OR leases.holder = excluded.holder
     RETURNING token"
);
const HOLD: Sql = sql!("UPDATE leases SET until = until WHERE name = $1 AND holder = $2 AND token = $3");
const RELEASE: Sql = sql!("UPDATE leases SET until = 0 WHERE name = $1 AND holder = $2 AND token = $3");

pub(super) async fn acquire(tx: &mut Tx, name: &str, holder: &str, now: Ts, until: Ts) -> Result<Option<i64>> {
    Ok(tx.one::<(i64,)>(ACQUIRE, &vals![name, holder, now, until]).await?.map(|r| r.0))
}

pub(super) async fn hold(tx: &mut Tx, name: &str, holder: &str, token: i64) -> Result<bool> {
    Ok(tx.exec(HOLD, &vals![name, holder, token]).await? == 1)
}

pub(super) async fn release(tx: &mut Tx, name: &str, holder: &str, token: i64) -> Result<()> {
    tx.exec(RELEASE, &vals![name, holder, token]).await?;
    Ok(())
}

//! Where all money is: the ledger's accounts with the entity of whoever owns them, which several
//! domains know. Read only.

use qd_db::{Tx, row, sql};
use qd_kernel::{Currency, Result, Ts, vals};
use qd_ledger::Purpose;
use qd_recon::position::Held;

row! {
    /// Accounts of one purpose, entity and currency together. `party`: the connection of a clearing
    /// account, else nothing.
    #[derive(Clone, Debug)]
    struct HeldRow {
        entity: Option<String>,
        purpose: Purpose,
        party: Option<String>,
        currency: Currency,
        accounts: i64,
        minor: i64,
    }
}

impl From<HeldRow> for Held {
    fn from(r: HeldRow) -> Held {
        Held {
            entity: r.entity,
            purpose: r.purpose,
            party: r.party,
            currency: r.currency,
            accounts: r.accounts,
            minor: r.minor,
        }
    }
}

/// All money by where it is, now. Whose it is stands in the owner: the entity of a client, a
/// provider's connection, a trading account, a partner, or the house's own.
pub async fn held_now(tx: &mut Tx) -> Result<Vec<Held>> {
    let rows: Vec<HeldRow> = tx.rows(
        sql!(
            "SELECT x.entity, x.purpose, x.party, x.currency, CAST(SUM(x.first) AS BIGINT), CAST(SUM(x.minor) AS BIGINT) FROM (
               SELECT CASE WHEN a.owner LIKE 'house:%' THEN SUBSTR(a.owner, 7) WHEN a.owner LIKE 'psp:bank-%' THEN SUBSTR(a.owner, 10)
                           ELSE COALESCE(c.entity, t.entity, s.entity, p.entity) END AS entity,
                 a.purpose AS purpose, CASE WHEN a.owner LIKE 'psp:%' THEN SUBSTR(a.owner, 5) ELSE NULL END AS party, a.currency AS currency,
                 CASE WHEN a.stripe = 0 THEN 1 ELSE 0 END AS first, a.balance_minor AS minor
               FROM ledger_accounts a
               LEFT JOIN clients c ON a.owner LIKE 'client:%' AND c.id = SUBSTR(a.owner, 8)
               LEFT JOIN trading_accounts t ON a.owner LIKE 'tacc:%' AND t.id = SUBSTR(a.owner, 6)
               LEFT JOIN psp_connections s ON a.owner LIKE 'psp:%' AND s.id = SUBSTR(a.owner, 5)
               LEFT JOIN partners p ON a.owner LIKE 'partner:%' AND p.id = SUBSTR(a.owner, 9)
             ) x GROUP BY x.entity, x.purpose, x.party, x.currency ORDER BY x.entity, x.currency, x.purpose, x.party"
        ),
        &[],
    )
    .await?;
    Ok(rows.into_iter().map(Held::from).collect())
}

/// The same, of the entries booked before a moment.
pub async fn held_before(tx: &mut Tx, at: Ts) -> Result<Vec<Held>> {
    let rows: Vec<HeldRow> = tx.rows(
        sql!(
            "SELECT x.entity, x.purpose, x.party, x.currency, CAST(SUM(x.first) AS BIGINT), CAST(SUM(x.minor) AS BIGINT) FROM (
               SELECT CASE WHEN a.owner LIKE 'house:%' THEN SUBSTR(a.owner, 7) WHEN a.owner LIKE 'psp:bank-%' THEN SUBSTR(a.owner, 10)
                           ELSE COALESCE(c.entity, t.entity, s.entity, p.entity) END AS entity,
                 a.purpose AS purpose, CASE WHEN a.owner LIKE 'psp:%' THEN SUBSTR(a.owner, 5) ELSE NULL END AS party, a.currency AS currency,
                 CASE WHEN a.stripe = 0 THEN 1 ELSE 0 END AS first, b.minor AS minor
               FROM (SELECT q.account_id AS account_id, CAST(SUM(q.minor) AS BIGINT) AS minor FROM ledger_postings q
                     JOIN ledger_entries e ON e.id = q.entry_id WHERE e.booked_at < $1 GROUP BY q.account_id) b
               JOIN ledger_accounts a ON a.id = b.account_id
               LEFT JOIN clients c ON a.owner LIKE 'client:%' AND c.id = SUBSTR(a.owner, 8)
               LEFT JOIN trading_accounts t ON a.owner LIKE 'tacc:%' AND t.id = SUBSTR(a.owner, 6)
               LEFT JOIN psp_connections s ON a.owner LIKE 'psp:%' AND s.id = SUBSTR(a.owner, 5)
               LEFT JOIN partners p ON a.owner LIKE 'partner:%' AND p.id = SUBSTR(a.owner, 9)
             ) x GROUP BY x.entity, x.purpose, x.party, x.currency ORDER BY x.entity, x.currency, x.purpose, x.party"
        ),
        &vals![at],
    )
    .await?;
    Ok(rows.into_iter().map(Held::from).collect())
}

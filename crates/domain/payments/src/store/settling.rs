//! Who an entry on a clearing account is about: many at once, by id.

use qd_db::{Query, Sql, Tx, row, sql};
use qd_kernel::{Result, Val};

row! {
    #[derive(Clone, Debug)]
    pub struct SettlingRow {
        /// `dep_…`, `dep_…-r1`, `wdr_…-1`, `dsp_…`.
        pub key: String,
        pub client_id: String,
        pub our_ref: Option<String>,
        pub provider_ref: Option<String>,
        pub payment_ref: Option<String>,
        pub fee_minor: Option<i64>,
        pub fee_currency: Option<String>,
    }
}

fn among(q: &mut Query, column: Sql, ids: &[&str]) {
    q.push(column, []);
    for id in ids {
        q.push(sql!(", $?"), [Val::from(*id)]);
    }
    q.push(sql!(")"), []);
}

pub async fn settling(tx: &mut Tx, deposits: &[&str], withdrawals: &[&str], disputes: &[&str]) -> Result<Vec<SettlingRow>> {
    let mut out: Vec<SettlingRow> = Vec::new();
    if !deposits.is_empty() {
        let mut q = Query::new(sql!(
            "SELECT d.id, d.client_id, COALESCE((SELECT MIN(a.our_ref) FROM deposit_attempts a WHERE a.connection = d.connection AND a.provider_ref = d.provider_ref), d.id),
               d.provider_ref, d.payment_ref, d.fee_minor, d.fee_currency FROM deposits d WHERE TRUE"
        ));
        among(&mut q, sql!(" AND d.id IN ('-'"), deposits);
        out.extend(tx.query::<SettlingRow>(&q).await?);
        let mut q = Query::new(sql!(
            "SELECT r.our_ref, d.client_id, r.our_ref, r.provider_ref, r.payment_ref, CAST(NULL AS BIGINT), CAST(NULL AS TEXT)
             FROM deposit_refunds r JOIN deposits d ON d.id = r.deposit_id WHERE TRUE"
        ));
        among(&mut q, sql!(" AND r.deposit_id IN ('-'"), deposits);
        out.extend(tx.query::<SettlingRow>(&q).await?);
    }
    if !withdrawals.is_empty() {
        let mut q = Query::new(sql!(
            "SELECT l.our_ref, w.client_id, l.our_ref, l.provider_ref, l.payment_ref, CAST(NULL AS BIGINT), CAST(NULL AS TEXT)
             FROM withdrawal_legs l JOIN withdrawals w ON w.id = l.withdrawal_id WHERE TRUE"
        ));
        among(&mut q, sql!(" AND l.withdrawal_id IN ('-'"), withdrawals);
        out.extend(tx.query::<SettlingRow>(&q).await?);
    }
    if !disputes.is_empty() {
        let mut q = Query::new(sql!(
            "SELECT x.id, x.client_id, CAST(NULL AS TEXT), x.provider_ref, d.payment_ref, CAST(NULL AS BIGINT), CAST(NULL AS TEXT)
             FROM disputes x JOIN deposits d ON d.id = x.deposit_id WHERE TRUE"
        ));
        among(&mut q, sql!(" AND x.id IN ('-'"), disputes);
        out.extend(tx.query::<SettlingRow>(&q).await?);
    }
    Ok(out)
}

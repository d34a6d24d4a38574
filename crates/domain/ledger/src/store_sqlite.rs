//! One entry on SQLite. The writer is alone in the database, so looking first and writing then is
//! as good as a lock; each guard stands in its UPDATE all the same.

use crate::entry::{Outcome, Plan};
use crate::store;
use qd_db::{Tx, sql};
use qd_kernel::{Problem, Result, vals};
use std::collections::HashMap;

pub async fn write(tx: &mut Tx, plan: &Plan) -> Result<Outcome> {
    for s in &plan.sums {
        let Some(a) = store::account(tx, s.row).await? else {
            return Ok(Outcome::NoAccount);
        };
        let balance = a.balance_minor + s.minor;
        if !(-s.limit..=s.limit).contains(&balance) {
            return Ok(Outcome::OverLimit(s.row));
        }
        if a.guarded && balance - (a.held_minor - s.freed(plan)) < 0 {
            return Ok(Outcome::Short(s.row));
        }
    }
    if !store::insert_entry(tx, plan).await? {
        return Ok(Outcome::Already);
    }
    let mut running = HashMap::with_capacity(plan.sums.len());
    for s in &plan.sums {
        let (balance, seq): (i64, i64) = tx
            .one(
                sql!(
                    "UPDATE ledger_accounts SET balance_minor = balance_minor + $2, held_minor = held_minor - $3, seq = seq + $4
                     WHERE id = $1 AND (NOT guarded OR balance_minor + $2 - held_minor + $3 >= 0)
                     RETURNING balance_minor, seq"
                ),
                &vals![s.row, s.minor, s.freed(plan), s.postings],
            )
            .await?
            .ok_or_else(|| Problem::bug("ledger_guard", "an account changed between its check and its update"))?;
        running.insert(s.row, (balance - s.minor, seq - s.postings));
    }
    for leg in &plan.legs {
        if let Some((balance, seq)) = running.get_mut(&leg.row) {
            *balance += leg.minor;
            *seq += 1;
            tx.exec(
                sql!("INSERT INTO ledger_postings (account_id, seq, entry_id, minor, currency, balance_after) VALUES ($1, $2, $3, $4, $5, $6)"),
                &vals![leg.row, *seq, plan.entry_id, leg.minor, leg.currency, *balance],
            )
            .await?;
        }
    }
    Ok(Outcome::Done)
}

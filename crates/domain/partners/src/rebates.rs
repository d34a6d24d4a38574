//! Clients' rebates: what partners share of what they earn. Booked to an account of the client's own
//! among what the house owes, which corrections may take below zero, and handed to the wallet once a
//! day. Never a deposit: no first deposit, no deposit checks.

use async_trait::async_trait;
use qd_db::Tx;
use qd_kernel::{Currency, Problem, Result};
use qd_ledger::{AccountKey, Leg, NewEntry, Purpose};
use qd_runtime::Core;
use qd_runtime::events::{self, NewEvent};
use qd_runtime::jobs::{Handler, JobError, Lease};
use serde_json::json;

pub const JOB: &str = "commission.rebate";

/// What a client is owed by rebate; below zero after corrections, until later rebates make it up.
pub fn account(client: &str, currency: Currency) -> AccountKey {
    AccountKey::new(format!("client:{client}"), Purpose::CommissionPayable, currency)
}

/// Hands what is owed to the wallet; answers how much, 0 when nothing is. `reference` names the occasion.
pub async fn pay(tx: &mut Tx, core: &Core, client: &str, currency: Currency, reference: &str) -> Result<i64> {
    let from = account(client, currency);
    let owed = qd_ledger::balance(tx, &from).await?.balance_minor;
    if owed <= 0 {
        return Ok(0);
    }
    let entry = NewEntry {
        kind: "commission.rebate_paid",
        reference: format!("rebate:{reference}"),
        legs: vec![Leg::new(from, -owed), Leg::new(AccountKey::wallet(client, currency), owed)],
        source: format!("client:{client}"),
        value_at: core.now(),
        note: None,
        fx: None,
    };
    if qd_ledger::post(tx, core, entry).await?.already {
        return Ok(0);
    }
    events::publish(
        tx,
        core,
        NewEvent {
            kind: "commission.rebate_paid",
            aggregate: format!("client:{client}"),
            entity: None,
            payload: json!({"client_id": client, "currency": currency, "minor": owed}),
        },
    )
    .await?;
    Ok(owed)
}

/// `commission.rebate`: `{"client", "currency"}`.
pub struct RebateHandler {
    pub core: Core,
}

#[async_trait]
impl Handler for RebateHandler {
    fn kind(&self) -> &'static str {
        JOB
    }
    async fn run(&self, lease: &Lease) -> std::result::Result<(), JobError> {
        let client = lease.text("client")?.to_string();
        let currency = Currency::parse(lease.text("currency")?)?;
        let name = lease
            .key
            .clone()
            .ok_or_else(|| Problem::bug("job_field_missing", "a rebate job has no key"))?;
        let (core, lease) = (self.core.clone(), lease.clone());
        self.core
            .db
            .write(async move |tx| {
                pay(tx, &core, &client, currency, &name).await?;
                lease.complete(tx).await
            })
            .await?;
        Ok(())
    }
}

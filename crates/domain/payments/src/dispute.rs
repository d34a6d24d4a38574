//! Disputes: the provider took money back, or asks about it. The client's wallet is not touched
//! without a person; what was taken stands on the house's chargeback account meanwhile.

use crate::store;
pub use crate::store::DisputeRow;
use crate::{DisputeId, clearing};
use qd_db::Tx;
use qd_kernel::{Amount, Problem, Result};
use qd_ledger::{AccountKey, Leg, NewEntry, Purpose};
use qd_ports::psp::{DisputeReport, DisputeState};
use qd_runtime::access::Caller;
use qd_runtime::events::{self, NewEvent};
use qd_runtime::{Core, audit, exceptions};
use serde_json::json;

/// The dispute is about a payment that no deposit of ours knows.
pub(crate) const NOT_OURS: &str = "dispute_not_ours";

const fn text(s: DisputeState) -> &'static str {
    match s {
        DisputeState::Warning => "warning",
        DisputeState::Opened => "opened",
        DisputeState::Won => "won",
        DisputeState::Lost => "lost",
        DisputeState::Unrecognised => "unrecognised",
    }
}

/// Takes in what the provider says about a dispute; repeating it changes nothing.
pub(crate) async fn reported(tx: &mut Tx, core: &Core, connection: &str, r: &DisputeReport) -> Result<()> {
    let who = Caller::system("job:dispute.check");
    let now = core.now();
    let state = text(r.state);
    let mut d = match store::dispute_by_provider(tx, connection, &r.provider_ref).await? {
        Some(d) if d.state == state && d.provider_state == r.provider_state => return Ok(()),
        Some(d) => d,
        None => {
            let dep = store::deposit_by_payment(tx, connection, &r.payment_ref)
                .await?
                .ok_or_else(|| Problem::conflict(NOT_OURS, "no deposit of ours has the payment that is disputed"))?;
            let d = DisputeRow {
                id: DisputeId::new(&core.env),
                deposit_id: dep.id.to_string(),
                client_id: dep.client_id,
                entity: dep.entity,
                connection: connection.to_string(),
                provider_ref: r.provider_ref.clone(),
                amount_minor: r.amount.minor,
                currency: r.amount.currency,
                state: "new".into(),
                provider_state: r.provider_state.clone(),
                reason: r.reason.clone(),
                opened_at: now,
                changed_at: now,
                version: 1,
            };
            if !store::insert_dispute(tx, &d).await? {
                return Err(Problem::unavailable(
                    "dispute_changed",
                    "this dispute was recorded by another worker",
                ));
            }
            d
        }
    };
    let before = std::mem::replace(&mut d.state, state.to_string());
    d.provider_state = r.provider_state.clone();
    d.changed_at = now;
    if !store::update_dispute(tx, &d).await? {
        return Err(Problem::unavailable(
            "dispute_changed",
            "this dispute was changed by another worker",
        ));
    }
    let id = crate::DepositId::parse(&d.deposit_id)?;
    if let Some(mut dep) = store::deposit(tx, id).await? {
        dep.dispute_state = Some(state.to_string());
        if !store::update_deposit(tx, &dep).await? {
            return Err(Problem::unavailable(
                "deposit_changed",
                "this deposit was changed by another worker",
            ));
        }
    }
    // Money leaves the provider's account when a dispute opens and comes back when it is won,
    // whatever reports between the two were missed.
    let taken = qd_ledger::entry_by_reference(tx, &reference(&d, "withdrawn")).await?.is_some();
    match r.state {
        DisputeState::Opened | DisputeState::Lost => book(tx, core, &d, "withdrawn", true).await?,
        DisputeState::Won if taken => book(tx, core, &d, "reinstated", false).await?,
        DisputeState::Won | DisputeState::Warning | DisputeState::Unrecognised => {}
    }
    audit::record(
        tx,
        core,
        audit::Entry {
            caller: &who,
            action: "dispute.state_changed",
            object: format!("dispute:{}", d.id),
            client_id: Some(d.client_id.clone()),
            entity: Some(d.entity.clone()),
            before: Some(json!({"state": before})),
            after: Some(json!({"state": d.state, "provider_state": d.provider_state, "amount": Amount::new(d.amount_minor, d.currency), "deposit_id": d.deposit_id})),
            reason: None,
            rule: None,
            seen: None,
        },
    )
    .await?;
    let subject = format!("dispute:{}", d.id);
    if matches!(r.state, DisputeState::Won | DisputeState::Lost) {
        exceptions::resolve(tx, core, "payment.dispute", &subject, &format!("the provider closed it: {state}")).await?;
    } else {
        exceptions::raise(
            tx,
            core,
            exceptions::NewException {
                kind: "payment.dispute",
                subject,
                entity: Some(d.entity.clone()),
                client_id: Some(d.client_id.clone()),
                owner_role: "finance",
                rule: "dispute_opened",
                cause: format!("{} disputes {} ({})", d.connection, Amount::new(d.amount_minor, d.currency), d.reason),
                detail: json!({"dispute_id": d.id, "deposit_id": d.deposit_id, "provider_ref": d.provider_ref, "provider_state": d.provider_state}),
                retry: None,
            },
        )
        .await?;
    }
    events::publish(
        tx,
        core,
        NewEvent {
            kind: "dispute.opened",
            aggregate: format!("dispute:{}", d.id),
            entity: Some(d.entity.clone()),
            payload: json!({"client_id": d.client_id, "deposit_id": d.deposit_id, "dispute_id": d.id, "state": d.state}),
        },
    )
    .await
    .map(|_| ())
}

fn reference(d: &DisputeRow, step: &str) -> String {
    format!("dispute:{}:{step}", d.id)
}

async fn book(tx: &mut Tx, core: &Core, d: &DisputeRow, step: &str, taken: bool) -> Result<()> {
    let sign = if taken { 1 } else { -1 };
    let house = AccountKey {
        owner: format!("house:{}", d.entity),
        purpose: Purpose::Chargebacks,
        currency: d.currency,
    };
    qd_ledger::post(
        tx,
        core,
        NewEntry {
            kind: "dispute",
            reference: reference(d, step),
            legs: vec![
                Leg {
                    account: clearing(&d.connection, d.currency),
                    minor: sign * d.amount_minor,
                },
                Leg {
                    account: house,
                    minor: -sign * d.amount_minor,
                },
            ],
            source: format!("{} {}", d.connection, d.provider_ref),
            value_at: core.now(),
            note: Some(d.reason.clone()).filter(|r| !r.is_empty()),
            fx: None,
        },
    )
    .await
    .map(|_| ())
}

pub async fn of_client(tx: &mut Tx, client_id: &str) -> Result<Vec<DisputeRow>> {
    store::disputes_of(tx, client_id).await
}

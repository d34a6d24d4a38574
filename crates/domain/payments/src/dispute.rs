//! Disputes: the provider took money back, or asks about it. What it took stands on the house's
//! chargeback account and is taken out of the client's wallet as far as the wallet covers it; the rest
//! is owed, which a person sees, collects or writes off. A dispute that is won undoes all of it.

use crate::store;
pub use crate::store::DisputeRow;
use crate::{DisputeId, clearing, wallet};
use qd_db::Tx;
use qd_kernel::{Amount, Problem, Result};
use qd_ledger::{AccountKey, Leg, NewEntry, Purpose};
use qd_ports::psp::{DisputeReport, DisputeState};
use qd_runtime::access::{Caller, Right};
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
                taken_minor: 0,
                owed_minor: 0,
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
        DisputeState::Opened | DisputeState::Lost => {
            book(tx, core, &d, "withdrawn", true).await?;
            // Once: what was collected or written off between opening and losing is settled.
            if !matches!(before.as_str(), "opened" | "lost") {
                take(tx, core, &mut d).await?;
            }
        }
        DisputeState::Won => {
            if taken {
                book(tx, core, &d, "reinstated", false).await?;
            }
            give_back(tx, core, &mut d).await?;
        }
        DisputeState::Warning | DisputeState::Unrecognised => {}
    }
    save(tx, &mut d).await?;
    owes(tx, core, &d, "the provider gave the money back").await?;
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
            payload: json!({
                "client_id": d.client_id, "deposit_id": d.deposit_id, "dispute_id": d.id, "state": d.state, "connection": d.connection,
                "amount": Amount::new(d.amount_minor, d.currency), "currency": d.currency,
                "taken": Amount::new(d.taken_minor, d.currency), "owed": Amount::new(d.owed_minor, d.currency),
            }),
        },
    )
    .await
    .map(|_| ())
}

fn reference(d: &DisputeRow, step: &str) -> String {
    format!("dispute:{}:{step}", d.id)
}

/// The version is the lock.
async fn save(tx: &mut Tx, d: &mut DisputeRow) -> Result<()> {
    if !store::update_dispute(tx, d).await? {
        return Err(Problem::unavailable(
            "dispute_changed",
            "this dispute was changed by another worker",
        ));
    }
    d.version += 1;
    Ok(())
}

/// Takes what is missing out of the client's wallet, as far as it goes; the rest is owed.
async fn take(tx: &mut Tx, core: &Core, d: &mut DisputeRow) -> Result<i64> {
    let wallet = wallet(&d.client_id, d.currency);
    let free = qd_ledger::balance(tx, &wallet).await?.available_minor;
    let part = free.clamp(0, d.amount_minor - d.taken_minor);
    if part > 0 {
        let step = format!("taken_{}", d.version);
        match between(tx, core, d, &step, wallet, house(d), part).await {
            // The client used it in this moment: asked again, the rest is owed.
            Err(p) if p.is(qd_ledger::INSUFFICIENT_FUNDS) => {
                return Err(Problem::unavailable("wallet_changed", "the wallet was used at the same moment"));
            }
            other => other?,
        }
    }
    d.taken_minor += part;
    d.owed_minor = d.amount_minor - d.taken_minor;
    Ok(part)
}

/// What was taken is the client's again, and nothing is owed.
async fn give_back(tx: &mut Tx, core: &Core, d: &mut DisputeRow) -> Result<()> {
    if d.taken_minor > 0 {
        let step = format!("given_back_{}", d.version);
        between(tx, core, d, &step, house(d), wallet(&d.client_id, d.currency), d.taken_minor).await?;
    }
    d.taken_minor = 0;
    d.owed_minor = 0;
    Ok(())
}

/// Opens the case of a client who owes, or closes it.
async fn owes(tx: &mut Tx, core: &Core, d: &DisputeRow, settled: &str) -> Result<()> {
    let subject = format!("dispute:{}", d.id);
    if d.owed_minor == 0 {
        return exceptions::resolve(tx, core, OWES, &subject, settled).await.map(|_| ());
    }
    let amount = |minor| Amount::new(minor, d.currency);
    exceptions::raise(
        tx,
        core,
        exceptions::NewException {
            kind: OWES,
            subject,
            entity: Some(d.entity.clone()),
            client_id: Some(d.client_id.clone()),
            owner_role: "finance",
            rule: "wallet_does_not_cover_dispute",
            cause: format!(
                "{} of {} was charged back and could not be taken from the wallet",
                amount(d.owed_minor),
                amount(d.amount_minor)
            ),
            detail: json!({"dispute_id": d.id, "deposit_id": d.deposit_id, "owed": amount(d.owed_minor), "taken": amount(d.taken_minor)}),
            retry: None,
        },
    )
    .await
    .map(|_| ())
}

/// The client's balance does not cover what was charged back.
const OWES: &str = "payment.client_owes";

async fn scoped(tx: &mut Tx, caller: &Caller, id: DisputeId) -> Result<DisputeRow> {
    caller.require(Right::DisputesManage)?;
    let d = store::dispute(tx, id).await?.filter(|d| caller.enters(Some(&d.entity)));
    let d = d.ok_or_else(|| Problem::missing("dispute"))?;
    if d.owed_minor == 0 {
        return Err(Problem::conflict("nothing_owed", "nothing is owed for this dispute"));
    }
    Ok(d)
}

async fn settled(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    before: &DisputeRow,
    d: &DisputeRow,
    action: &'static str,
    why: String,
) -> Result<()> {
    let note = audit::Entry::new(caller, action, format!("dispute:{}", d.id))
        .client(d.client_id.clone())
        .entity(Some(d.entity.clone()))
        .before(json!({"taken_minor": before.taken_minor, "owed_minor": before.owed_minor}))
        .after(json!({"taken_minor": d.taken_minor, "owed_minor": d.owed_minor}))
        .reason(why.clone());
    audit::record(tx, core, note).await?;
    owes(tx, core, d, &why).await
}

/// Takes what is owed out of the wallet, after it was filled: as much as is there.
pub async fn collect(tx: &mut Tx, core: &Core, caller: &Caller, id: DisputeId, why: &str) -> Result<DisputeRow> {
    let mut d = scoped(tx, caller, id).await?;
    let why = crate::reason(why)?;
    let before = d.clone();
    if take(tx, core, &mut d).await? == 0 {
        return Err(Problem::conflict("wallet_empty", "the wallet holds nothing that could be taken"));
    }
    save(tx, &mut d).await?;
    settled(tx, core, caller, &before, &d, "dispute.collected", why).await?;
    Ok(d)
}

/// Gives up what is owed: the loss stays on the house's chargeback account, where it is.
pub async fn write_off(tx: &mut Tx, core: &Core, caller: &Caller, id: DisputeId, why: &str) -> Result<DisputeRow> {
    let mut d = scoped(tx, caller, id).await?;
    let why = crate::reason(why)?;
    let before = d.clone();
    d.owed_minor = 0;
    save(tx, &mut d).await?;
    settled(tx, core, caller, &before, &d, "dispute.written_off", why).await?;
    Ok(d)
}

/// Whether a client has money charged back that was not given back: a mark on their record.
pub async fn marked(tx: &mut Tx, client_id: &str) -> Result<bool> {
    let all = store::disputes_of(tx, client_id).await?;
    Ok(all.iter().any(|d| matches!(d.state.as_str(), "opened" | "lost")))
}

fn house(d: &DisputeRow) -> AccountKey {
    AccountKey {
        owner: format!("house:{}", d.entity),
        purpose: Purpose::Chargebacks,
        currency: d.currency,
    }
}

/// Out of the provider's hands: taken from us, or back to us.
async fn book(tx: &mut Tx, core: &Core, d: &DisputeRow, step: &str, taken: bool) -> Result<()> {
    let (provider, house) = (clearing(&d.connection, d.currency), house(d));
    let (from, to) = if taken { (house, provider) } else { (provider, house) };
    between(tx, core, d, step, from, to, d.amount_minor).await
}

async fn between(tx: &mut Tx, core: &Core, d: &DisputeRow, step: &str, from: AccountKey, to: AccountKey, minor: i64) -> Result<()> {
    qd_ledger::post(
        tx,
        core,
        NewEntry {
            kind: "dispute",
            reference: reference(d, step),
            legs: vec![
                Leg { account: to, minor },
                Leg {
                    account: from,
                    minor: -minor,
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

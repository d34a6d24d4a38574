//! Paying out: the plan, the legs, and what comes back.

use super::split::plan_of;
use super::{
    Command, Effect, LegEffect, LegKind, LegState, PlannedLeg, WithdrawalState, WithdrawalView, decide, go, hold_ref, lane, leg, load,
    scoped, view,
};
use crate::bank::{self, PaymentState};
use crate::store::{self, LegRow, WithdrawalRow};
use crate::{ATTEMPTS, WithdrawalId, clearing, reason, wallet};
use qd_db::Tx;
use qd_kernel::{Amount, Problem, Result, Secret};
use qd_ledger::{AccountKey, Leg, NewEntry, Purpose};
use qd_ports::CallError;
use qd_ports::psp::{PayoutReport, PayoutState, PayoutTarget, RefundReport, RefundState};
use qd_runtime::access::{Caller, Right};
use qd_runtime::jobs::{self, NewJob};
use qd_runtime::{Core, audit, exceptions};
use serde_json::json;

/// Providers keep an idempotency key for at least a day (payment-providers.md 0.2); after this long
/// a payout without an answer is asked about by a person, never sent again.
pub(crate) const SAFE_TO_REPEAT_S: i64 = 20 * 3_600;

fn transit(w: &WithdrawalRow) -> AccountKey {
    AccountKey {
        owner: format!("client:{}", w.client_id),
        purpose: Purpose::PayoutTransit,
        currency: w.currency,
    }
}

/// Where a leg's money is once it has left: the provider's clearing, or the entity's bank.
fn outside(w: &WithdrawalRow, l: &LegRow) -> AccountKey {
    match &l.connection {
        Some(c) => clearing(c, w.currency),
        None => AccountKey {
            owner: format!("psp:bank-{}", w.entity),
            purpose: Purpose::Clearing,
            currency: w.currency,
        },
    }
}

async fn book(
    tx: &mut Tx,
    core: &Core,
    w: &WithdrawalRow,
    step: &str,
    from: AccountKey,
    to: AccountKey,
    minor: i64,
    source: &str,
) -> Result<()> {
    qd_ledger::post(tx, core, entry(core, w, step, from, to, minor, source))
        .await
        .map(|_| ())
}

fn entry(core: &Core, w: &WithdrawalRow, step: &str, from: AccountKey, to: AccountKey, minor: i64, source: &str) -> NewEntry {
    NewEntry {
        kind: "withdrawal",
        reference: format!("withdrawal:{}:{step}", w.id),
        legs: vec![
            Leg {
                account: from,
                minor: -minor,
            },
            Leg { account: to, minor },
        ],
        source: source.to_string(),
        value_at: core.now(),
        note: None,
        fx: None,
    }
}

/// Settles the hold into the payout transit and writes the legs; each gets its own job.
pub(crate) async fn start_paying(tx: &mut Tx, core: &Core, id: WithdrawalId) -> Result<()> {
    let mut w = load(tx, id).await?;
    let Effect::Go(to) = decide(w.state, Command::PayStarted) else {
        return Ok(());
    };
    go(tx, core, &Caller::system("job:withdrawal.pay"), &mut w, to, None, None).await?;
    // Two payouts of one client must not plan the same deposit, nor one plan while a leg ends: the
    // rows are taken first, always in the same order, and read again by the plan.
    for d in store::received_of(tx, &w.client_id)
        .await?
        .iter()
        .filter(|d| d.currency == w.currency)
    {
        touch_deposit(tx, &d.id.to_string(), 0).await?;
    }
    let plan = plan_of(tx, &w).await?;
    let moved = entry(
        core,
        &w,
        "sent",
        wallet(&w.client_id, w.currency),
        transit(&w),
        w.amount_minor,
        "approved",
    );
    qd_ledger::settle(tx, core, &hold_ref(id), moved).await?;
    for (i, p) in plan.into_iter().enumerate() {
        let n = i64::try_from(i + 1).unwrap_or(i64::MAX);
        plan_leg(tx, core, &w, n, p).await?;
    }
    Ok(())
}

async fn plan_leg(tx: &mut Tx, core: &Core, w: &WithdrawalRow, n: i64, p: PlannedLeg) -> Result<()> {
    let id = w.id;
    let kind = p.kind();
    let to = bank::receiver(tx, w, &p).await?;
    let connection = match (&p.source, kind) {
        // Bank to bank, by the account it came to; profit by the account of the currency.
        (None, LegKind::Bank) => Some(bank::outgoing(tx, &w.entity, w.currency).await?),
        (Some(s), _) => Some(s.connection.clone()),
        (None, _) => p.connection(),
    };
    let l = LegRow {
        withdrawal_id: id,
        n,
        kind: kind.as_str().to_string(),
        connection,
        deposit_id: p.source.as_ref().map(|s| s.deposit_id.clone()),
        payment_ref: p.source.as_ref().map(|s| s.payment_ref.clone()),
        target_id: p.target(),
        amount_minor: p.amount_minor,
        currency: w.currency,
        state: LegState::Planned,
        our_ref: format!("{id}-{n}"),
        provider_ref: None,
        failure_code: None,
        first_sent_at: None,
        done_at: None,
        version: 1,
    };
    store::insert_leg(tx, &l).await?;
    if kind != LegKind::Bank {
        let job = NewJob::new("withdrawal.leg", json!({"withdrawal_id": id, "n": n}), core.now())
            .key(l.our_ref.clone())
            .lane(leg_lane(id, n))
            .attempts(ATTEMPTS);
        return jobs::enqueue(tx, core, job).await.map(|_| ());
    }
    let known = to.is_some();
    bank::leg_planned(tx, core, w, &l, to).await?;
    exceptions::raise(
        tx,
        core,
        exceptions::NewException {
            kind: "withdrawal.bank_transfer",
            subject: format!("withdrawal:{id}:{n}"),
            entity: Some(w.entity.clone()),
            client_id: Some(w.client_id.clone()),
            owner_role: "finance",
            rule: if p.source.is_some() {
                "came_by_bank"
            } else {
                "more_than_the_sources"
            },
            cause: format!(
                "{} go by bank transfer{}",
                Amount::new(l.amount_minor, w.currency),
                if known {
                    ", with the next batch"
                } else {
                    ", and the client has named no bank account"
                }
            ),
            detail: json!({"withdrawal_id": id, "n": n}),
            retry: None,
        },
    )
    .await
    .map(|_| ())
}

/// A refund that takes days must not hold up the next one.
fn leg_lane(id: WithdrawalId, n: i64) -> String {
    format!("{}:{n}", lane(id))
}

async fn save(tx: &mut Tx, l: &mut LegRow) -> Result<()> {
    if !store::update_leg(tx, l).await? {
        return Err(Problem::unavailable("leg_changed", "this payout leg was changed by another worker"));
    }
    l.version += 1;
    Ok(())
}

/// Committed before the call leaves.
pub(crate) async fn leg_sending(tx: &mut Tx, core: &Core, id: WithdrawalId, n: i64) -> Result<Option<LegRow>> {
    let mut l = store::leg(tx, id, n).await?.ok_or_else(|| Problem::missing("payout leg"))?;
    if matches!(l.state, LegState::Paid | LegState::Returned) {
        return Ok(None);
    }
    if l.state == LegState::Planned {
        l.state = LegState::Sending;
        l.first_sent_at = Some(core.now());
        save(tx, &mut l).await?;
    }
    Ok(Some(l))
}

/// Method and receiver of a payout.
pub(crate) async fn payout_to(tx: &mut Tx, l: &LegRow) -> Result<Option<(String, PayoutTarget)>> {
    let Some(id) = l.target_id else { return Ok(None) };
    Ok(store::target(tx, id).await?.map(|t| {
        let to = PayoutTarget {
            account: Secret::new(t.account),
            holder: t.holder,
            country: t.country,
            bank_code: t.bic,
        };
        (t.method, to)
    }))
}

/// What the provider says about a leg.
pub(crate) enum LegOutcome<'a> {
    Report(&'a RefundReport),
    Payout(&'a PayoutReport),
    /// Refused for good: it never left.
    Refused(&'a CallError),
}

pub(crate) async fn leg_reported(tx: &mut Tx, core: &Core, id: WithdrawalId, n: i64, outcome: LegOutcome<'_>) -> Result<()> {
    let mut l = store::leg(tx, id, n).await?.ok_or_else(|| Problem::missing("payout leg"))?;
    let state = match &outcome {
        LegOutcome::Report(r) => {
            echoed(&mut l, &r.provider_ref, r.amount, r.failure_code.as_deref())?;
            r.state
        }
        LegOutcome::Payout(r) => {
            echoed(&mut l, &r.provider_ref, r.amount, r.failure_code.as_deref())?;
            match r.state {
                PayoutState::Pending => RefundState::Pending,
                PayoutState::Paid => RefundState::Succeeded,
                PayoutState::Failed => RefundState::Failed,
                // Paid and back in one look: it passes through paid, so that the books show both.
                PayoutState::Returned => {
                    if l.state != LegState::Paid {
                        let who = Caller::system("job:withdrawal.leg");
                        ended(tx, core, &who, l, RefundState::Succeeded).await?;
                        l = store::leg(tx, id, n).await?.ok_or_else(|| Problem::missing("payout leg"))?;
                        l.failure_code = r.failure_code.clone();
                    }
                    RefundState::Failed
                }
            }
        }
        LegOutcome::Refused(e) => {
            l.failure_code = Some(e.code.clone());
            RefundState::Failed
        }
    };
    ended(tx, core, &Caller::system("job:withdrawal.leg"), l, state).await
}

/// The provider speaks of this leg, and of its sum.
fn echoed(l: &mut LegRow, provider_ref: &str, amount: Amount, failure: Option<&str>) -> Result<()> {
    let asked = Amount::new(l.amount_minor, l.currency);
    if amount != asked {
        return Err(Problem::conflict(
            "echo_mismatch",
            format!("the provider reports {} {amount} for {asked}", l.kind),
        ));
    }
    if l.provider_ref.is_none() {
        l.provider_ref = Some(provider_ref.to_string());
    }
    l.failure_code = failure.map(str::to_string);
    Ok(())
}

/// What the bank says of a leg.
pub(crate) async fn bank_told(
    tx: &mut Tx,
    core: &Core,
    who: &Caller,
    id: WithdrawalId,
    n: i64,
    state: RefundState,
    reference: Option<&str>,
    code: Option<&str>,
) -> Result<()> {
    let mut l = store::leg(tx, id, n).await?.ok_or_else(|| Problem::missing("payout leg"))?;
    if l.provider_ref.is_none() {
        l.provider_ref = reference.map(str::to_string);
    }
    if state == RefundState::Failed {
        l.failure_code = code.map(str::to_string);
    }
    ended(tx, core, who, l, state).await
}

async fn ended(tx: &mut Tx, core: &Core, who: &Caller, mut l: LegRow, state: RefundState) -> Result<()> {
    let mut w = load(tx, l.withdrawal_id).await?;
    let source = format!(
        "{} {}",
        l.connection.as_deref().unwrap_or("bank"),
        l.provider_ref.as_deref().unwrap_or(&l.our_ref)
    );
    let n = l.n;
    match leg(l.state, state) {
        LegEffect::Nothing => return save(tx, &mut l).await,
        LegEffect::Pending => {
            l.state = LegState::Pending;
            return save(tx, &mut l).await;
        }
        // Two legs that end at once: the second must see that the first has ended.
        LegEffect::Paid | LegEffect::Failed | LegEffect::CameBack => super::save(tx, &mut w).await?,
    }
    let effect = leg(l.state, state);
    if l.kind == LegKind::Bank.as_str() {
        let to = match effect {
            LegEffect::Paid => PaymentState::Paid,
            LegEffect::CameBack => PaymentState::Returned,
            LegEffect::Nothing | LegEffect::Pending | LegEffect::Failed => PaymentState::Failed,
        };
        bank::leg_told(tx, core, w.id, n, to, l.failure_code.as_deref()).await?;
        let how = "the bank or finance said what became of it";
        exceptions::resolve(tx, core, "withdrawal.bank_transfer", &format!("withdrawal:{}:{n}", w.id), how).await?;
    }
    match effect {
        LegEffect::Nothing | LegEffect::Pending => {}
        LegEffect::Paid => {
            l.state = LegState::Paid;
            l.done_at = Some(core.now());
            save(tx, &mut l).await?;
            returned_to_source(tx, &l, l.amount_minor).await?;
            book(
                tx,
                core,
                &w,
                &format!("leg{n}:paid"),
                transit(&w),
                outside(&w, &l),
                l.amount_minor,
                &source,
            )
            .await?;
            exceptions::resolve(
                tx,
                core,
                "withdrawal.unclear",
                &format!("withdrawal:{}:{n}", w.id),
                "the provider says that it is paid",
            )
            .await?;
        }
        LegEffect::Failed => {
            l.state = LegState::Returned;
            l.done_at = Some(core.now());
            save(tx, &mut l).await?;
            book(
                tx,
                core,
                &w,
                &format!("leg{n}:failed"),
                transit(&w),
                wallet(&w.client_id, w.currency),
                l.amount_minor,
                &source,
            )
            .await?;
            exceptions::resolve(
                tx,
                core,
                "withdrawal.unclear",
                &format!("withdrawal:{}:{n}", w.id),
                "not paid; the money is in the client's wallet",
            )
            .await?;
            tell_person(tx, core, &w, &l, "the provider did not pay it; the money is in the client's wallet").await?;
        }
        LegEffect::CameBack => {
            l.state = LegState::Returned;
            l.done_at = Some(core.now());
            save(tx, &mut l).await?;
            returned_to_source(tx, &l, -l.amount_minor).await?;
            book(
                tx,
                core,
                &w,
                &format!("leg{n}:came_back"),
                outside(&w, &l),
                wallet(&w.client_id, w.currency),
                l.amount_minor,
                &source,
            )
            .await?;
            tell_person(tx, core, &w, &l, "it was paid and came back; the money is in the client's wallet").await?;
            if let Effect::Go(to) = decide(w.state, Command::CameBack) {
                w.reason_code = Some("payout_returned".into());
                go(tx, core, who, &mut w, to, l.failure_code.clone(), None).await?;
            }
            return Ok(());
        }
    }
    let legs = store::legs(tx, l.withdrawal_id).await?;
    let over = legs.iter().all(|l| matches!(l.state, LegState::Paid | LegState::Returned));
    if over && w.state == WithdrawalState::Paying {
        let all = legs.iter().all(|l| l.state == LegState::Paid);
        if let Effect::Go(to) = decide(w.state, Command::LegsEnded(all)) {
            w.paid_at = all.then(|| core.now());
            if !all {
                w.reason_code = Some("payout_failed".into());
            }
            go(tx, core, who, &mut w, to, None, None).await?;
        }
    }
    Ok(())
}

/// Keeps the deposit's sum of what went back, the limit of later refunds.
async fn returned_to_source(tx: &mut Tx, l: &LegRow, minor: i64) -> Result<()> {
    match l.deposit_id.as_deref() {
        Some(id) => touch_deposit(tx, id, minor).await,
        None => Ok(()),
    }
}

/// Takes the deposit's row, adding to what has gone back.
async fn touch_deposit(tx: &mut Tx, id: &str, minor: i64) -> Result<()> {
    let mut d = store::deposit(tx, crate::DepositId::parse(id)?)
        .await?
        .ok_or_else(|| Problem::missing("deposit"))?;
    d.returned_minor += minor;
    if !store::update_deposit(tx, &d).await? {
        return Err(Problem::unavailable(
            "deposit_changed",
            "this deposit was changed by another worker",
        ));
    }
    Ok(())
}

async fn tell_person(tx: &mut Tx, core: &Core, w: &WithdrawalRow, l: &LegRow, what: &str) -> Result<()> {
    exceptions::raise(
        tx,
        core,
        exceptions::NewException {
            kind: "withdrawal.returned",
            subject: format!("withdrawal:{}:{}", w.id, l.n),
            entity: Some(w.entity.clone()),
            client_id: Some(w.client_id.clone()),
            owner_role: "finance",
            rule: "payout_returned",
            cause: format!(
                "payout of {} by {}: {what} ({})",
                Amount::new(l.amount_minor, l.currency),
                l.connection.as_deref().unwrap_or("bank"),
                l.failure_code.as_deref().unwrap_or("no code")
            ),
            detail: json!({"withdrawal_id": w.id, "n": l.n, "provider_ref": l.provider_ref}),
            retry: None,
        },
    )
    .await
    .map(|_| ())
}

/// An answer that cannot be trusted or read, or a window in which repeating is no longer safe: a
/// person looks; the leg stays as it is.
pub(crate) async fn leg_unclear(tx: &mut Tx, core: &Core, id: WithdrawalId, n: i64, e: &CallError) -> Result<()> {
    let w = load(tx, id).await?;
    exceptions::raise(
        tx,
        core,
        exceptions::NewException {
            kind: "withdrawal.unclear",
            subject: format!("withdrawal:{id}:{n}"),
            entity: Some(w.entity.clone()),
            client_id: Some(w.client_id.clone()),
            owner_role: "finance",
            rule: "payout_outcome_unclear",
            cause: format!("the outcome of a payout is unclear: {} {}", e.code, e.detail),
            detail: json!({"withdrawal_id": id, "n": n, "raw": e.raw}),
            retry: None,
        },
    )
    .await
    .map(|_| ())
}

/// Finance says what became of a bank transfer: paid, or returned by the bank.
pub async fn mark_bank_leg(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    id: WithdrawalId,
    n: i64,
    paid: bool,
    reference: &str,
) -> Result<WithdrawalView> {
    caller.require(Right::WithdrawalsPayout)?;
    let reference = crate::reference(reference)?;
    let w = scoped(tx, caller, id).await?;
    let mut l = store::leg(tx, id, n).await?.ok_or_else(|| Problem::missing("payout leg"))?;
    if l.kind != "bank" {
        return Err(Problem::conflict(
            "leg_not_by_bank",
            "only a bank leg is marked by hand; the others follow their provider",
        ));
    }
    if l.provider_ref.is_none() || !paid {
        l.provider_ref = Some(reference.clone());
    }
    ended(tx, core, caller, l, if paid { RefundState::Succeeded } else { RefundState::Failed }).await?;
    exceptions::resolve(tx, core, "withdrawal.bank_transfer", &format!("withdrawal:{id}:{n}"), &reference).await?;
    let w = load(tx, w.id).await?;
    view(tx, core, caller, w).await
}

/// A person has asked the provider about a refund whose outcome we never learnt. With the
/// provider's id of it, its own report decides, as always; without one it was never made, and the
/// money goes back to the wallet.
pub async fn settle_unclear_leg(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    id: WithdrawalId,
    n: i64,
    provider_ref: Option<&str>,
    why: &str,
) -> Result<WithdrawalView> {
    caller.require(Right::WithdrawalsPayout)?;
    let why = reason(why)?;
    let w = scoped(tx, caller, id).await?;
    let l = store::leg(tx, id, n).await?.ok_or_else(|| Problem::missing("payout leg"))?;
    let unclear = l.kind != LegKind::Bank.as_str() && l.state == LegState::Sending && l.provider_ref.is_none();
    if !unclear || l.first_sent_at.is_none_or(|t| core.now().secs_since(t) <= SAFE_TO_REPEAT_S) {
        return Err(Problem::conflict(
            "leg_not_unclear",
            "this payout is still being asked about, or has ended",
        ));
    }
    note_leg(tx, core, caller, &w, &l, provider_ref, &why).await?;
    match provider_ref {
        None => ended(tx, core, caller, l, RefundState::Failed).await?,
        Some(r) => {
            let r = crate::reference(r)?;
            let job = NewJob::new(
                "withdrawal.leg",
                json!({"withdrawal_id": id, "n": n, "provider_ref": r}),
                core.now(),
            )
            .key(format!("{}:{r}", l.our_ref))
            .lane(leg_lane(id, n))
            .attempts(ATTEMPTS);
            jobs::enqueue(tx, core, job).await?;
        }
    }
    let w = load(tx, id).await?;
    view(tx, core, caller, w).await
}

async fn note_leg(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    w: &WithdrawalRow,
    l: &LegRow,
    provider_ref: Option<&str>,
    why: &str,
) -> Result<()> {
    audit::record(
        tx,
        core,
        audit::Entry {
            client_id: Some(w.client_id.clone()),
            entity: Some(w.entity.clone()),
            before: Some(json!({"n": l.n, "state": l.state})),
            after: Some(json!({"n": l.n, "provider_ref": provider_ref, "amount": Amount::new(l.amount_minor, l.currency)})),
            reason: Some(why.to_string()),
            ..audit::Entry::new(caller, "withdrawal.leg_settled", format!("withdrawal:{}", w.id))
        },
    )
    .await
    .map(|_| ())
}

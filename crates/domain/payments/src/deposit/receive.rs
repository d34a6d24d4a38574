//! What the provider reports about a payment, and the checks on money that came.

use super::attempt::{self, AttemptState};
use super::checks::checks;
use super::{Command, DepositState, Effect, book, book_amount, decide, event, go, load, onward, save};
use crate::store::{self, DepositRow};
use crate::{ClientFacts, DepositId, clearing, wallet};
use qd_db::Tx;
use qd_kernel::{Amount, Problem, Result};
use qd_ledger::{AccountKey, Purpose};
use qd_ports::psp::{DepositReport, Instrument, PaymentState};
use qd_runtime::access::Caller;
use qd_runtime::events;
use qd_runtime::{Core, exceptions};
use serde_json::{Value, json};

/// What the provider says now of attempt `n`.
pub(crate) async fn reported(tx: &mut Tx, core: &Core, id: DepositId, n: i64, r: &DepositReport, facts: &ClientFacts) -> Result<()> {
    let mut d = load(tx, id).await?;
    let all = attempt::all_of(tx, &d).await?;
    let newest = all.last().is_some_and(|l| l.n == n);
    let mut a = all
        .into_iter()
        .find(|a| a.n == n)
        .ok_or_else(|| Problem::missing("deposit attempt"))?;
    let who = Caller::system("job:deposit.check");
    attempt::note_report(&mut a, r, core.now());
    let got = r.received.unwrap_or(r.amount);
    let paid = r.state == PaymentState::Succeeded;
    if d.state.is_received() && a.state != AttemptState::Paid {
        // Another attempt was the one: this one is only followed, and its money is a second payment.
        if paid && a.state != AttemptState::PaidSecond {
            attempt::second(tx, core, &who, &d, &mut a, r, got).await?;
        }
        return store::save_attempt(tx, &mut a).await;
    }
    if !paid && !newest && !d.state.is_received() {
        return store::save_attempt(tx, &mut a).await;
    }
    if paid && a.state != AttemptState::Paid {
        a.state = AttemptState::Paid;
        a.ended_at = Some(core.now());
        attempt::adopt(&mut d, &a);
    }
    let asked = Amount::new(a.amount_minor, a.currency);
    let echoed = r.our_ref.as_deref().is_none_or(|o| o == a.our_ref);
    store::save_attempt(tx, &mut a).await?;
    if d.payment_ref.is_none() {
        d.payment_ref = r.payment_ref.clone();
    }
    if r.failure_code.is_some() && !d.state.is_received() {
        d.failure_code = r.failure_code.clone();
        d.soft_failure = r.soft_failure;
    }
    if let Some(i) = &r.instrument {
        d.instrument = Some(serde_json::to_string(i)?);
        if let Some(f) = &i.fingerprint {
            store::set_fingerprint(tx, id, f).await?;
        }
    }
    if let Some(fee) = r.fee {
        d.fee_minor = Some(fee.minor);
        d.fee_currency = Some(fee.currency.code().to_string());
    }
    let as_asked = r.amount == asked && got == r.amount && echoed;
    let command = match r.state {
        PaymentState::Succeeded if !as_asked => Command::ReportedOther,
        s => Command::Reported(s),
    };
    match decide(d.state, command) {
        Effect::Nothing | Effect::Refuse | Effect::Release => save(tx, &mut d).await,
        Effect::Go(to) => go(tx, core, &who, &mut d, to, None).await,
        Effect::Receive => receive(tx, core, &who, d, r.instrument.as_ref(), facts).await,
        Effect::ReceiveHeld => receive_other(tx, core, &who, d, asked, got).await,
    }
}

/// Books the money, notices the first deposit, runs the checks, and sends it on.
async fn receive(
    tx: &mut Tx,
    core: &Core,
    who: &Caller,
    mut d: DepositRow,
    instrument: Option<&Instrument>,
    facts: &ClientFacts,
) -> Result<()> {
    let now = core.now();
    let history = store::received_of(tx, &d.client_id).await?;
    exceptions::resolve(
        tx,
        core,
        "deposit.no_answer",
        &format!("deposit:{}", d.id),
        "the provider reports it as paid",
    )
    .await?;
    d.received_minor = d.amount_minor;
    d.received_at = Some(now);
    d.failure_code = None;
    d.soft_failure = false;
    let checks = checks(tx, core, &d, &history, instrument, facts).await?;
    let late = matches!(d.state, DepositState::Failed | DepositState::Expired | DepositState::Cancelled);
    let to = if checks.held.is_some() {
        DepositState::Held
    } else {
        DepositState::Succeeded
    };
    d.held_reason = checks.held.clone();
    d.first_deposit = checks.held.is_none() && is_first(tx, core, &d).await?;
    go(
        tx,
        core,
        who,
        &mut d,
        to,
        late.then(|| "paid after we had stopped expecting it".to_string()),
    )
    .await?;
    let target = if checks.held.is_some() {
        AccountKey {
            owner: format!("client:{}", d.client_id),
            purpose: Purpose::Suspense,
            currency: d.currency,
        }
    } else {
        wallet(&d.client_id, d.currency)
    };
    book(
        tx,
        core,
        &d,
        "received",
        clearing(&d.connection, d.currency),
        target,
        d.received_minor,
    )
    .await?;
    match checks.held {
        Some(why) => held(tx, core, &d, "deposit.held", "deposit_held", &why, checks.inputs).await,
        None => {
            announce(tx, core, &d).await?;
            onward(tx, core, who, d).await
        }
    }
}

/// Whether this is the client's first usable deposit; asked once, when it becomes usable. The row
/// it writes is what two deposits that arrive at once race for.
pub(super) async fn is_first(tx: &mut Tx, core: &Core, d: &DepositRow) -> Result<bool> {
    store::claim_first(tx, &d.client_id, d.id, core.now()).await
}

/// Tells the house that the client's money is here and usable. Held money is not: it may have to
/// go back, and nobody is paid for bringing it.
pub(super) async fn announce(tx: &mut Tx, core: &Core, d: &DepositRow) -> Result<()> {
    events::publish(tx, core, event("deposit.received", d)).await?;
    if d.first_deposit {
        let mut ftd = event("client.ftd", d);
        ftd.aggregate = format!("client:{}", d.client_id);
        ftd.payload["psp"] = json!(d.connection);
        ftd.payload["psp_ref"] = json!(d.payment_ref.clone().or_else(|| d.provider_ref.clone()));
        events::publish(tx, core, ftd).await?;
    }
    Ok(())
}

/// How what came differs from what was asked for.
fn difference(asked: Amount, got: Amount) -> &'static str {
    if asked.currency != got.currency {
        "currency_differs"
    } else if got.minor < asked.minor {
        "paid_less"
    } else if got.minor > asked.minor {
        "paid_more"
    } else {
        "reference_differs"
    }
}

/// Money that is not what was asked for: booked where nobody can use it, and a person decides. The
/// deposit says what came; what was asked for stands on its attempt.
async fn receive_other(tx: &mut Tx, core: &Core, who: &Caller, mut d: DepositRow, asked: Amount, got: Amount) -> Result<()> {
    d.held_reason = Some(difference(asked, got).into());
    d.received_at = Some(core.now());
    d.amount_minor = got.minor;
    d.currency = got.currency;
    d.received_minor = got.minor;
    d.failure_code = None;
    d.soft_failure = false;
    let why = format!("asked for {asked}, the provider reports {got}");
    go(tx, core, who, &mut d, DepositState::Held, Some(why.clone())).await?;
    let suspense = AccountKey {
        owner: format!("client:{}", d.client_id),
        purpose: Purpose::Suspense,
        currency: got.currency,
    };
    book_amount(tx, core, &d, "received", clearing(&d.connection, got.currency), suspense, got).await?;
    let found = json!({"asked": asked, "reported": got});
    held(tx, core, &d, "deposit.amount_differs", "deposit_held", &why, found).await
}

pub(super) async fn held(
    tx: &mut Tx,
    core: &Core,
    d: &DepositRow,
    kind: &'static str,
    rule: &'static str,
    why: &str,
    inputs: Value,
) -> Result<()> {
    exceptions::raise(
        tx,
        core,
        exceptions::NewException {
            kind,
            subject: format!("deposit:{}", d.id),
            entity: Some(d.entity.clone()),
            client_id: Some(d.client_id.clone()),
            owner_role: "finance",
            rule,
            cause: why.to_string(),
            detail: json!({"deposit_id": d.id, "connection": d.connection, "provider_ref": d.provider_ref, "inputs": inputs}),
            retry: None,
        },
    )
    .await
    .map(|_| ())
}

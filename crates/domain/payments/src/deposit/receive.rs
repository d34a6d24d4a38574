//! What the provider reports about a payment, and the checks on money that came.

use super::attempt::{self, AttemptState};
use super::{Command, DepositState, Effect, book, book_amount, decide, event, go, load, onward, save};
use crate::store::{self, DepositRow};
use crate::{ClientFacts, DepositId, clearing, wallet};
use qd_db::Tx;
use qd_kernel::{Amount, Problem, Result};
use qd_ledger::{AccountKey, Purpose};
use qd_ports::psp::{DepositReport, Instrument, PaymentState};
use qd_runtime::access::Caller;
use qd_runtime::events;
use qd_runtime::{Core, audit, exceptions, rules};
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

struct Checks {
    held: Option<String>,
    inputs: Value,
}

/// The rules of the set `deposit.checks`: a shared card, a third party's, a burst of attempts.
/// `hold` keeps the money from being used, `flag` lets it pass; both open a case, and any match is
/// recorded with what it saw.
async fn checks(
    tx: &mut Tx,
    core: &Core,
    d: &DepositRow,
    history: &[DepositRow],
    instrument: Option<&Instrument>,
    facts: &ClientFacts,
) -> Result<Checks> {
    let now = core.now();
    let print = instrument.and_then(|i| i.fingerprint.clone());
    let other_clients = match &print {
        Some(p) => store::others_with_instrument(tx, &d.client_id, p).await?,
        None => 0,
    };
    let month = now.plus_days(-30);
    let mut cards: Vec<String> = history
        .iter()
        .filter(|h| h.created_at >= month)
        .filter_map(|h| h.instrument.as_deref())
        .filter_map(fingerprint_of)
        .collect();
    cards.extend(print);
    cards.sort_unstable();
    cards.dedup();
    let limit = facts.limits.deposit_max_minor;
    let base = |m: i64, c| facts.base(Amount::new(m, c));
    let near = history
        .iter()
        .filter(|h| h.created_at >= now.plus_secs(-2 * 86_400))
        .filter(|h| base(h.amount_minor, h.currency).is_some_and(|b| b >= limit / 10 * 9 && b <= limit))
        .count();
    let total: Option<i64> = history.iter().map(|h| base(h.received_minor, h.currency)).sum();
    let card_country = instrument.and_then(|i| i.country.clone()).unwrap_or_default();
    let holder = instrument.and_then(|i| i.holder.clone());
    let input = json!({
        "deposit": {"amount_base_minor": base(d.amount_minor, d.currency), "currency": d.currency, "method": d.method,
            "payer_matches": holder.is_none_or(|h| same_person(&h, &facts.name))},
        "card": {"country_matches": card_country.is_empty() || card_country == facts.country, "country": card_country, "other_clients": other_clients},
        "client": {"country": facts.country, "verified": facts.kyc_approved, "vip": facts.vip},
        "deposits": {"cards_30d": cards.len(), "near_limit_48h": near, "total_base_minor": total},
        "limits": {"max_minor": limit},
    });
    let e = rules::evaluate(tx, "deposit.checks", Some(&d.entity), &input).await?;
    let fired: Vec<_> = e.matched.iter().filter(|f| !f.shadow).collect();
    let says = |f: &rules::Fired, what: &str| f.outcome.get("decision").and_then(Value::as_str) == Some(what);
    let hold = fired.iter().find(|f| says(f, "hold"));
    let held = hold
        .map(|f| f.reason_code.clone())
        .or_else(|| e.stopped.then(|| "rule_error".to_string()));
    if held.is_none()
        && let Some(flag) = fired.iter().find(|f| says(f, "flag"))
    {
        self::held(tx, core, d, "deposit.flagged", "deposit_flagged", &flag.reason_code, input.clone()).await?;
    }
    if !e.matched.is_empty() || e.stopped {
        audit::decide(
            tx,
            core,
            audit::Decision {
                caller: &Caller::system("rule:deposit.checks"),
                kind: "deposit.checks",
                subject: format!("deposit:{}", d.id),
                client_id: Some(d.client_id.clone()),
                entity: Some(d.entity.clone()),
                outcome: if held.is_some() { "held".into() } else { "passed".into() },
                reasons: fired.iter().map(|f| f.reason_code.clone()).collect(),
                rule: hold.map(|f| f.name.clone()),
                rule_version: hold.map(|f| f.version),
                inputs: json!({"facts": input, "matched": e.matched, "errors": e.errors}),
            },
        )
        .await?;
    }
    Ok(Checks { held, inputs: input })
}

fn fingerprint_of(instrument: &str) -> Option<String> {
    serde_json::from_str::<Instrument>(instrument).ok()?.fingerprint
}

/// Whether a card's holder is the client: every word of the shorter name is in the longer one,
/// whatever the order, capitals or middle names.
fn same_person(holder: &str, name: &str) -> bool {
    let words = |s: &str| -> Vec<String> {
        s.split(|c: char| !c.is_alphanumeric())
            .filter(|w| w.chars().count() > 1)
            .map(str::to_lowercase)
            .collect()
    };
    let (a, b) = (words(holder), words(name));
    if a.is_empty() || b.is_empty() {
        return true;
    }
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    short.iter().all(|w| long.contains(w))
}

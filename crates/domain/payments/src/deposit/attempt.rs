//! The attempts of a deposit: each is one payment at one connection. The deposit shows the newest of
//! them until one is paid, and then that one. A second payment becomes a held deposit of its own.

use super::{
    Command, DepositState, DepositView, Effect, SESSION_S, book_amount, check_after_s, check_later, decide, event, go, held, load, note,
    save, scoped, view,
};
use crate::routing::{self, Ask, Route};
use crate::store::{self, AttemptRow, DepositRow};
use crate::{ATTEMPTS, ClientFacts, DepositId, MethodFact, acts_for, clearing};
use qd_db::Tx;
use qd_kernel::{Amount, Problem, Result, Ts, text_enum};
use qd_ledger::{AccountKey, Purpose};
use qd_ports::CallError;
use qd_ports::psp::{DepositReport, DepositSession, PaymentState};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right};
use qd_runtime::events;
use qd_runtime::jobs::{self, NewJob};
use serde::Serialize;
use serde_json::json;

text_enum! {
    AttemptState {
        /// Ours only.
        Created = "created",
        /// The client can pay at the provider.
        Redirected = "redirected",
        /// The client did their part; the provider is not sure yet.
        Pending = "pending",
        /// This is the payment that the deposit was received by.
        Paid = "paid",
        /// Paid when another attempt had been paid already: a deposit of its own.
        PaidSecond = "paid_second",
        Failed = "failed",
        Expired = "expired",
        Cancelled = "cancelled",
    }
}

impl AttemptState {
    /// The provider is not asked about it any more, though a late success is still taken.
    pub const fn is_over(self) -> bool {
        !matches!(self, AttemptState::Created | AttemptState::Redirected | AttemptState::Pending)
    }
    pub const fn is_paid(self) -> bool {
        matches!(self, AttemptState::Paid | AttemptState::PaidSecond)
    }

    /// What a report that is not a success makes of it. A no after a yes is out of order.
    pub const fn after(self, report: PaymentState) -> AttemptState {
        use AttemptState as S;
        match (self, report) {
            (S::Created, PaymentState::Created | PaymentState::RequiresAction) => S::Redirected,
            (S::Created | S::Redirected, PaymentState::Pending | PaymentState::Authorised) => S::Pending,
            (S::Created | S::Redirected | S::Pending, PaymentState::Failed) => S::Failed,
            (S::Created | S::Redirected | S::Pending, PaymentState::Expired) => S::Expired,
            (S::Created | S::Redirected | S::Pending, PaymentState::Cancelled) => S::Cancelled,
            (same, _) => same,
        }
    }
}

/// More tries than this help nobody.
const MOST: i64 = 5;

/// Codes of a provider that is not there, as opposed to one that says no.
pub(crate) const PROVIDER_UNAVAILABLE: &str = "provider_unavailable";

/// One try as it is shown.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = DepositAttempt)]
pub struct AttemptView {
    /// From 1.
    pub n: i64,
    pub connection: String,
    pub method: String,
    pub state: AttemptState,
    /// What was asked for.
    pub amount: Amount,
    pub provider_ref: Option<String>,
    pub payment_ref: Option<String>,
    pub failure_code: Option<String>,
    /// Another card, method or connection may work.
    pub soft_failure: bool,
    /// Where it went and why, with the figures as they were; None for the client, and where there was
    /// no choice.
    pub route: Option<Route>,
    /// The deposit made of it, when it was a second payment.
    pub became: Option<String>,
    pub created_at_us: Ts,
    pub opened_at_us: Option<Ts>,
    pub ended_at_us: Option<Ts>,
}

pub(super) fn shown(a: AttemptRow) -> AttemptView {
    AttemptView {
        n: a.n,
        amount: Amount::new(a.amount_minor, a.currency),
        route: a.route.and_then(|r| serde_json::from_str(&r).ok()),
        connection: a.connection,
        method: a.method,
        state: a.state,
        provider_ref: a.provider_ref,
        payment_ref: a.payment_ref,
        failure_code: a.failure_code,
        soft_failure: a.soft_failure,
        became: a.became,
        created_at_us: a.created_at,
        opened_at_us: a.opened_at,
        ended_at_us: a.ended_at,
    }
}

/// What the provider knows an attempt by: the deposit's own id for the first.
fn our_ref(id: DepositId, n: i64) -> String {
    if n == 1 { id.to_string() } else { format!("{id}-{n}") }
}

/// The first attempt of a deposit that a program without attempts made while this one was starting;
/// written when it is saved.
fn first_of(d: &DepositRow) -> AttemptRow {
    let state = match d.state {
        DepositState::Created => AttemptState::Created,
        DepositState::Redirected => AttemptState::Redirected,
        DepositState::Pending => AttemptState::Pending,
        DepositState::Failed => AttemptState::Failed,
        DepositState::Expired => AttemptState::Expired,
        DepositState::Cancelled => AttemptState::Cancelled,
        DepositState::Held | DepositState::Succeeded | DepositState::Posted | DepositState::Refunding | DepositState::Refunded => {
            AttemptState::Paid
        }
    };
    AttemptRow {
        deposit_id: d.id,
        n: 1,
        connection: d.connection.clone(),
        our_ref: our_ref(d.id, 1),
        method: d.method.clone(),
        country: String::new(),
        band: String::new(),
        amount_minor: d.amount_minor,
        currency: d.currency,
        state,
        provider_ref: d.provider_ref.clone(),
        payment_ref: d.payment_ref.clone(),
        redirect_url: d.redirect_url.clone(),
        failure_code: d.failure_code.clone(),
        soft_failure: d.soft_failure,
        chosen_by: routing::ChosenBy::Only.to_string(),
        route: None,
        decision_id: None,
        experiment_id: None,
        arm: None,
        fee_minor: None,
        became: None,
        created_at: d.created_at,
        expires_at: d.expires_at,
        opened_at: None,
        ended_at: d.received_at,
        version: 0,
    }
}

/// All attempts, the oldest first. A second payment, held as a deposit of its own, has none.
pub(crate) async fn all_of(tx: &mut Tx, d: &DepositRow) -> Result<Vec<AttemptRow>> {
    let all = store::attempts(tx, d.id).await?;
    if all.is_empty() && store::attempt_that_became(tx, d.id).await?.is_none() {
        return Ok(vec![first_of(d)]);
    }
    Ok(all)
}

/// The attempt that a callback is about: by the provider's id of the payment, else by ours.
pub(crate) async fn named(tx: &mut Tx, connection: &str, provider_ref: &str, our_ref: Option<&str>) -> Result<Option<AttemptRow>> {
    if let Some(a) = store::attempt_by_provider(tx, connection, provider_ref).await? {
        return Ok(Some(a));
    }
    if let Some(a) = store::attempt_by_payment(tx, connection, provider_ref).await? {
        return Ok(Some(a));
    }
    // A callback can be faster than our own note of the provider's id.
    let Some(r) = our_ref else { return Ok(None) };
    if let Some(a) = store::attempt_by_ref(tx, r).await? {
        return Ok(Some(a).filter(|a| a.connection == connection));
    }
    let Ok(id) = DepositId::parse(r) else { return Ok(None) };
    let d = store::deposit(tx, id).await?.filter(|d| d.connection == connection);
    Ok(match d {
        Some(d) => all_of(tx, &d).await?.into_iter().next(),
        None => None,
    })
}

pub(crate) async fn find(tx: &mut Tx, d: &DepositRow, n: i64) -> Result<AttemptRow> {
    let all = all_of(tx, d).await?;
    all.into_iter()
        .find(|a| a.n == n)
        .ok_or_else(|| Problem::missing("deposit attempt"))
}

/// The same by the deposit's id.
pub(crate) async fn attempt_now(tx: &mut Tx, id: DepositId, n: i64) -> Result<AttemptRow> {
    let d = load(tx, id).await?;
    find(tx, &d, n).await
}

/// Writes attempt `n` and asks a job to open it.
pub(super) async fn begin(tx: &mut Tx, core: &Core, d: &DepositRow, n: i64, facts: &ClientFacts, route: &Route) -> Result<()> {
    let now = core.now();
    let amount = Amount::new(d.amount_minor, d.currency);
    let decision_id = routing::decided(tx, core, d.id, facts, route).await?;
    let a = AttemptRow {
        deposit_id: d.id,
        n,
        connection: route.connection.clone(),
        our_ref: our_ref(d.id, n),
        method: d.method.clone(),
        country: facts.country.clone(),
        band: routing::band(facts, amount).to_string(),
        amount_minor: d.amount_minor,
        currency: d.currency,
        state: AttemptState::Created,
        provider_ref: None,
        payment_ref: None,
        redirect_url: None,
        failure_code: None,
        soft_failure: false,
        chosen_by: route.by.to_string(),
        route: Some(serde_json::to_string(route)?).filter(|_| route.by != routing::ChosenBy::Only),
        decision_id,
        experiment_id: route.experiment.as_ref().map(|e| e.id.clone()),
        arm: route.experiment.as_ref().map(|e| e.arm.clone()),
        fee_minor: None,
        became: None,
        created_at: now,
        expires_at: now.plus_secs(SESSION_S),
        opened_at: None,
        ended_at: None,
        version: 1,
    };
    store::insert_attempt(tx, &a).await?;
    jobs::enqueue(
        tx,
        core,
        NewJob::new("deposit.open", json!({"deposit_id": d.id, "n": n, "email": facts.email}), now)
            .lane(super::lane(&a.our_ref))
            .key(a.our_ref)
            .attempts(ATTEMPTS),
    )
    .await
    .map(|_| ())
}

fn no_other() -> Problem {
    Problem::conflict(
        "no_other_connection",
        "nothing else takes this payment; start a new deposit by another method",
    )
}

/// Goes on to another connection: the deposit shows the new attempt from here on.
async fn move_on(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    mut d: DepositRow,
    facts: &ClientFacts,
    method: &MethodFact,
    tried: &[AttemptRow],
    why: &str,
) -> Result<DepositRow> {
    let Effect::Go(to) = decide(d.state, Command::TriedElsewhere) else {
        return Err(Problem::conflict(
            "deposit_not_retryable",
            format!("a deposit that is {} is not tried again", d.state),
        ));
    };
    let n = tried.last().map_or(0, |a| a.n) + 1;
    if n > MOST {
        return Err(no_other());
    }
    let names: Vec<String> = tried
        .iter()
        .filter(|a| a.method == method.method)
        .map(|a| a.connection.clone())
        .collect();
    let amount = Amount::new(d.amount_minor, d.currency);
    let ask = Ask {
        client: facts,
        method,
        amount,
        bin: None,
        tried: &names,
    };
    let route = match routing::route(tx, core, &ask).await {
        // One that is down already is no way out.
        Ok(r) if r.by == routing::ChosenBy::AllDown => return Err(no_other()),
        Ok(r) => r,
        Err(p) if p.is("method_not_routed") => return Err(no_other()),
        Err(p) => return Err(p),
    };
    d.method = method.method.clone();
    d.connection = route.connection.clone();
    d.provider_ref = None;
    d.payment_ref = None;
    d.redirect_url = None;
    d.failure_code = None;
    d.soft_failure = false;
    d.expires_at = core.now().plus_secs(SESSION_S);
    go(tx, core, caller, &mut d, to, Some(why.to_string())).await?;
    begin(tx, core, &d, n, facts, &route).await?;
    Ok(d)
}

/// The client tries again after a soft decline: the next connection, or another of their methods. A
/// hard decline is not tried again, and what may still be paid is not either.
pub async fn again(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    facts: &ClientFacts,
    id: DepositId,
    method: Option<&str>,
) -> Result<DepositView> {
    acts_for(caller, &facts.client_id, Right::MeDeposit)?;
    let d = scoped(tx, caller, id).await?;
    if d.client_id != facts.client_id {
        return Err(Problem::missing("deposit"));
    }
    super::not_stopped(facts)?;
    let tried = all_of(tx, &d).await?;
    let last = tried.last().ok_or_else(|| Problem::missing("deposit attempt"))?;
    let declined = last.failure_code.is_some() || matches!(last.state, AttemptState::Failed | AttemptState::Expired);
    if decide(d.state, Command::TriedElsewhere) == Effect::Refuse || !declined {
        return Err(Problem::conflict(
            "deposit_not_retryable",
            format!("a deposit that is {} is tried again only after it was declined", d.state),
        ));
    }
    if !last.soft_failure && last.state != AttemptState::Expired {
        return Err(Problem::conflict(
            "declined_for_good",
            "this card or account was refused for good; start a new deposit with another one",
        ));
    }
    let m = super::offered(facts, method.unwrap_or(&d.method), Amount::new(d.amount_minor, d.currency))?;
    let d = move_on(tx, core, caller, d, facts, m, &tried, "tried again by the client").await?;
    view(tx, core, d).await
}

/// A connection that gave no session: the next one is asked, without the client, who has been sent
/// nowhere yet. False: there is no other.
pub(crate) async fn fail_over(tx: &mut Tx, core: &Core, id: DepositId, n: i64, facts: &ClientFacts, e: &CallError) -> Result<bool> {
    let d = load(tx, id).await?;
    let tried = all_of(tx, &d).await?;
    let newest = tried.last().is_some_and(|a| a.n == n && a.state == AttemptState::Created);
    if d.state != DepositState::Created || !newest {
        return Ok(false);
    }
    let Some(m) = facts.methods.iter().find(|m| m.method == d.method) else {
        return Ok(false);
    };
    if routing::of_method(m).iter().all(|c| tried.iter().any(|a| a.connection == *c)) {
        return Ok(false);
    }
    let who = Caller::system("job:deposit.open");
    let mut failed = find(tx, &d, n).await?;
    let why = format!("{} gave no session: {}", failed.connection, e.code);
    match move_on(tx, core, &who, d, facts, m, &tried, &why).await {
        Ok(_) => {}
        Err(p) if p.is("no_other_connection") => return Ok(false),
        Err(p) => return Err(p),
    }
    failed.state = AttemptState::Failed;
    failed.failure_code = Some(e.code.clone());
    failed.soft_failure = true;
    failed.ended_at = Some(core.now());
    store::save_attempt(tx, &mut failed).await?;
    Ok(true)
}

/// The provider gave a session: the client can be sent there.
pub(crate) async fn opened(tx: &mut Tx, core: &Core, id: DepositId, n: i64, s: &DepositSession) -> Result<()> {
    let mut d = load(tx, id).await?;
    let tried = all_of(tx, &d).await?;
    let newest = tried.last().is_some_and(|a| a.n == n);
    let mut a = find(tx, &d, n).await?;
    if a.provider_ref.is_none() {
        a.provider_ref = Some(s.provider_ref.clone());
        a.redirect_url = s.redirect_url.clone();
    }
    a.opened_at = a.opened_at.or(Some(core.now()));
    a.state = a.state.after(PaymentState::Created);
    store::save_attempt(tx, &mut a).await?;
    if a.state == AttemptState::Paid || (newest && !d.state.is_received()) {
        d.provider_ref = a.provider_ref.clone();
        d.redirect_url = a.redirect_url.clone();
        match decide(d.state, Command::Opened) {
            Effect::Go(to) => go(tx, core, &Caller::system("job:deposit.open"), &mut d, to, None).await?,
            _ => save(tx, &mut d).await?,
        }
    }
    check_later(tx, core, &a, check_after_s(0)).await
}

pub(crate) async fn open_refused(tx: &mut Tx, core: &Core, id: DepositId, n: i64, e: &CallError) -> Result<()> {
    let mut d = load(tx, id).await?;
    let mut a = find(tx, &d, n).await?;
    if a.state == AttemptState::Created {
        a.state = AttemptState::Failed;
        a.failure_code = Some(e.code.clone());
        a.soft_failure = true;
        a.ended_at = Some(core.now());
        store::save_attempt(tx, &mut a).await?;
    }
    let newest = all_of(tx, &d).await?.last().is_some_and(|l| l.n == n);
    if let Effect::Go(to) = decide(d.state, Command::OpenRefused)
        && newest
    {
        d.failure_code = Some(e.code.clone());
        d.soft_failure = true;
        go(tx, core, &Caller::system("job:deposit.open"), &mut d, to, Some(e.detail.clone())).await?;
    }
    Ok(())
}

/// Notes a report on its attempt. What is said of the deposit follows from the answer.
pub(super) fn note_report(a: &mut AttemptRow, r: &DepositReport, now: Ts) {
    if a.payment_ref.is_none() {
        a.payment_ref = r.payment_ref.clone();
    }
    if r.failure_code.is_some() && !a.state.is_paid() {
        a.failure_code = r.failure_code.clone();
        a.soft_failure = r.soft_failure;
    }
    if let Some(fee) = r.fee.filter(|f| f.currency == a.currency) {
        a.fee_minor = Some(fee.minor);
    }
    let to = a.state.after(r.state);
    if to != a.state {
        a.state = to;
        a.ended_at = to.is_over().then_some(now);
    }
}

/// The deposit shows this attempt: what refunds, disputes and callbacks will name.
pub(super) fn adopt(d: &mut DepositRow, a: &AttemptRow) {
    d.connection = a.connection.clone();
    d.method = a.method.clone();
    d.provider_ref = a.provider_ref.clone();
    d.payment_ref = a.payment_ref.clone();
    d.redirect_url = a.redirect_url.clone();
}

/// Why a second payment is held.
pub(super) const PAID_TWICE: &str = "paid_twice";

/// The client paid a second time: the money is a held deposit of its own, which a person releases to
/// the wallet or gives back, as any held one.
pub(super) async fn second(
    tx: &mut Tx,
    core: &Core,
    who: &Caller,
    of: &DepositRow,
    a: &mut AttemptRow,
    r: &DepositReport,
    got: Amount,
) -> Result<()> {
    let now = core.now();
    let mut d = DepositRow {
        id: DepositId::new(&core.env),
        account_id: None,
        method: a.method.clone(),
        connection: a.connection.clone(),
        amount_minor: got.minor,
        currency: got.currency,
        state: DepositState::Created,
        provider_ref: a.provider_ref.clone().or_else(|| Some(r.provider_ref.clone())),
        payment_ref: a.payment_ref.clone(),
        redirect_url: None,
        failure_code: None,
        soft_failure: false,
        received_minor: 0,
        returned_minor: 0,
        dispute_state: None,
        fee_minor: None,
        fee_currency: None,
        instrument: None,
        first_deposit: false,
        held_reason: None,
        left_in_wallet: false,
        created_at: now,
        expires_at: now,
        received_at: None,
        posted_at: None,
        changed_at: now,
        version: 1,
        ..of.clone()
    };
    store::insert_deposit(tx, &d).await?;
    note(
        tx,
        core,
        who,
        "deposit.created",
        &d,
        None,
        Some(format!("second payment of {}", of.id)),
    )
    .await?;
    events::publish(tx, core, event("deposit.created", &d)).await?;
    d.received_minor = got.minor;
    d.received_at = Some(now);
    d.held_reason = Some(PAID_TWICE.into());
    if let Some(i) = &r.instrument {
        d.instrument = Some(serde_json::to_string(i)?);
    }
    if let Some(fee) = r.fee {
        d.fee_minor = Some(fee.minor);
        d.fee_currency = Some(fee.currency.code().to_string());
    }
    let why = format!(
        "{} was paid by {} already; {got} came by {} as well",
        of.id, of.connection, a.connection
    );
    go(tx, core, who, &mut d, DepositState::Held, Some(why.clone())).await?;
    let suspense = AccountKey {
        owner: format!("client:{}", d.client_id),
        purpose: Purpose::Suspense,
        currency: got.currency,
    };
    book_amount(tx, core, &d, "received", clearing(&d.connection, got.currency), suspense, got).await?;
    a.state = AttemptState::PaidSecond;
    a.became = Some(d.id.to_string());
    a.ended_at = Some(now);
    held(
        tx,
        core,
        &d,
        "deposit.paid_twice",
        "deposit_paid_twice",
        &why,
        json!({"deposit": of.id, "attempt": a.n}),
    )
    .await
}

/// The newest attempt ends with the client's own word; a payment by it is still taken.
pub(super) async fn cancelled(tx: &mut Tx, core: &Core, d: &DepositRow) -> Result<()> {
    if let Some(mut a) = all_of(tx, d).await?.pop().filter(|a| !a.state.is_over()) {
        a.state = AttemptState::Cancelled;
        a.ended_at = Some(core.now());
        store::save_attempt(tx, &mut a).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    const REPORTS: [PaymentState; 7] = [
        PaymentState::Created,
        PaymentState::RequiresAction,
        PaymentState::Pending,
        PaymentState::Authorised,
        PaymentState::Failed,
        PaymentState::Expired,
        PaymentState::Cancelled,
    ];

    #[test]
    fn every_attempt_and_report_end_as_the_readme_says() {
        let mut table = String::from("| report |");
        for s in AttemptState::ALL {
            let _ = write!(table, " {s} |");
        }
        let _ = write!(table, "\n|{}", " --- |".repeat(AttemptState::ALL.len() + 1));
        for r in REPORTS {
            let _ = write!(table, "\n| {r:?} |");
            for s in AttemptState::ALL {
                let to = s.after(r);
                let cell = if to == *s { "-" } else { to.as_str() };
                let _ = write!(table, " {cell} |");
            }
        }
        let readme = include_str!("../../README.md");
        assert!(readme.contains(&table), "the README's table of attempts should read:\n{table}");
    }

    #[test]
    fn a_paid_attempt_stays_paid_whatever_is_reported() {
        for s in AttemptState::ALL.iter().filter(|s| s.is_paid()) {
            assert!(REPORTS.iter().all(|r| s.after(*r) == *s));
        }
    }
}

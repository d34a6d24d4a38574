//! Deposits: from the client's wish to the money on the trading account.

mod model;

pub use model::{Command, DepositState, Effect, decide};

use crate::status::{Step, StepState, at};
use crate::store::{self, DepositFilter, DepositRow};
use crate::{ATTEMPTS, ClientFacts, DepositId, acts_for, clearing, purpose, reason, wallet};
use qd_db::Tx;
use qd_kernel::{Amount, Page, PageRequest, Problem, Result, Ts};
use qd_ledger::{AccountKey, Leg, NewEntry, Purpose};
use qd_ports::CallError;
use qd_ports::psp::{DepositReport, DepositSession, Instrument};
use qd_runtime::access::{Caller, Right};
use qd_runtime::events::{self, NewEvent};
use qd_runtime::jobs::{self, NewJob};
use qd_runtime::{Core, audit, exceptions, rules};
use qd_trading::moves::{self, NewMove};
use qd_trading::{AccountState, Direction, MoveKind, TradingAccountId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A session that is not used is closed by the provider after this long. Stripe's shortest is 30
/// minutes from when it is asked, which may be as late as [`OPEN_FOR_S`] after the client's wish.
pub const SESSION_S: i64 = 3_600;

/// A provider that has given no session for this long will not see this client any more.
pub(crate) const OPEN_FOR_S: i64 = 900;

/// How often an open deposit is asked about when no callback comes, by its age.
pub(crate) const fn check_after_s(age_s: i64) -> i64 {
    match age_s {
        ..60 => 15,
        60..600 => 60,
        600..7_200 => 300,
        _ => 3_600,
    }
}

/// A deposit that nobody has confirmed or denied is asked about for this long.
pub(crate) const ASK_FOR_S: i64 = 7 * 86_400;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewDeposit {
    pub amount: Amount,
    /// One of the client's methods (`GET /me/deposit-methods`).
    pub method: String,
    /// The trading account to credit; None leaves the money in the wallet.
    #[serde(default)]
    pub account_id: Option<TradingAccountId>,
}

#[derive(Clone, Debug, Serialize)]
pub struct DepositView {
    pub id: DepositId,
    pub client_id: String,
    pub entity: String,
    pub account_id: Option<String>,
    pub method: String,
    /// Which provider connection it goes through (PM-28).
    pub connection: String,
    pub amount: Amount,
    pub received: Option<Amount>,
    pub returned: Amount,
    pub state: DepositState,
    /// Send the client here while the state is `redirected`.
    pub redirect_url: Option<String>,
    pub provider_ref: Option<String>,
    pub payment_ref: Option<String>,
    pub failure_code: Option<String>,
    /// Another card or method may work.
    pub try_another: bool,
    pub first_deposit: bool,
    pub held_reason: Option<String>,
    pub dispute_state: Option<String>,
    pub instrument: Option<Value>,
    pub steps: Vec<Step>,
    pub created_at_us: Ts,
    pub received_at_us: Option<Ts>,
    pub posted_at_us: Option<Ts>,
    pub version: i64,
}

async fn view(tx: &mut Tx, core: &Core, d: DepositRow) -> Result<DepositView> {
    let steps = steps(tx, core, &d).await?;
    Ok(DepositView {
        steps,
        amount: Amount::new(d.amount_minor, d.currency),
        received: (d.received_minor > 0).then(|| Amount::new(d.received_minor, d.currency)),
        returned: Amount::new(d.returned_minor, d.currency),
        id: d.id,
        client_id: d.client_id,
        entity: d.entity,
        account_id: d.account_id,
        method: d.method,
        connection: d.connection,
        state: d.state,
        redirect_url: d.redirect_url.filter(|_| d.state == DepositState::Redirected),
        provider_ref: d.provider_ref,
        payment_ref: d.payment_ref,
        failure_code: d.failure_code,
        try_another: d.soft_failure,
        first_deposit: d.first_deposit,
        held_reason: d.held_reason,
        dispute_state: d.dispute_state,
        instrument: d.instrument.and_then(|t| serde_json::from_str(&t).ok()),
        created_at_us: d.created_at,
        received_at_us: d.received_at,
        posted_at_us: d.posted_at,
        version: d.version,
    })
}

/// The same steps for everybody who looks.
async fn steps(tx: &mut Tx, core: &Core, d: &DepositRow) -> Result<Vec<Step>> {
    use DepositState as S;
    let reached = match d.state {
        S::Created => 0,
        S::Redirected => 1,
        S::Pending => 2,
        S::Held => 3,
        S::Succeeded => 4,
        S::Posted => 5,
        S::Failed | S::Expired | S::Cancelled => {
            let mut s = vec![Step::new("deposit.requested", StepState::Done).at(Some(d.created_at))];
            let key = match d.state {
                S::Expired => "deposit.expired",
                S::Cancelled => "deposit.cancelled",
                _ => "deposit.failed",
            };
            s.push(
                Step::new(key, StepState::Failed)
                    .at(Some(d.changed_at))
                    .because(d.failure_code.clone()),
            );
            return Ok(s);
        }
    };
    let mut out = vec![
        Step::new("deposit.requested", at(reached, 0))
            .at(Some(d.created_at))
            .expect(3, "provider"),
        Step::new("deposit.pay_at_provider", at(reached, 1)).expect(180, "client"),
        Step::new("deposit.confirmed_by_provider", at(reached, 2)).expect(60, "provider"),
    ];
    if d.state == S::Held {
        out.push(
            Step::new("deposit.checked", StepState::Current)
                .at(d.received_at)
                .expect(4 * 3_600, "finance")
                .because(d.held_reason.clone()),
        );
    } else if d.held_reason.is_some() {
        out.push(Step::new("deposit.checked", StepState::Done));
    }
    out.push(
        Step::new("deposit.in_wallet", if reached >= 4 { StepState::Done } else { StepState::Waiting })
            .at(d.received_at.filter(|_| reached >= 4)),
    );
    if d.account_id.is_some() {
        let m = moves::by_purpose(tx, core, &purpose("deposit", d.id)).await?;
        let state = match d.state {
            S::Posted if d.left_in_wallet => StepState::Failed,
            S::Posted => StepState::Done,
            S::Succeeded => StepState::Current,
            _ => StepState::Waiting,
        };
        let mut s = Step::new("deposit.on_trading_account", state).at(d.posted_at).expect(5, "platform");
        if state == StepState::Failed {
            s.detail = Some("deposit.left_in_wallet".into());
        }
        if let Some(m) = m.filter(|_| state == StepState::Current) {
            s.detail = Some(match m.state {
                qd_trading::MoveState::Refused => {
                    s.waiting_for = Some("finance");
                    s.expected_s = Some(3_600);
                    "deposit.platform_refused".into()
                }
                _ => format!("deposit.sent_waiting:{}", m.waiting_s.unwrap_or(0)),
            });
        }
        out.push(s);
    }
    Ok(out)
}

/// The client's wish. Gates: restrictions, KYC and the entity's limit for the unverified, the
/// method's currencies and amounts.
pub async fn create(tx: &mut Tx, core: &Core, caller: &Caller, facts: ClientFacts, req: NewDeposit) -> Result<DepositView> {
    acts_for(caller, &facts.client_id, Right::MeDeposit)?;
    let now = core.now();
    let amount = req.amount.positive("amount")?;
    if let Some(why) = &facts.deposits_stopped {
        return Err(Problem::conflict(
            "deposits_stopped",
            format!("deposits are stopped for this client: {why}"),
        ));
    }
    let m = facts
        .methods
        .iter()
        .find(|m| m.method == req.method)
        .ok_or_else(|| Problem::invalid("method", "method_unavailable", "expected one of the methods offered to this client"))?;
    if !m.currencies.iter().any(|c| c == amount.currency.code()) {
        return Err(Problem::invalid(
            "amount.currency",
            "currency_not_offered",
            format!("expected one of {}", m.currencies.join(", ")),
        ));
    }
    if amount.minor < m.min_minor || amount.minor > m.max_minor {
        return Err(Problem::invalid(
            "amount.minor",
            "amount_out_of_method_range",
            format!("expected {} to {} minor units for {}", m.min_minor, m.max_minor, m.method),
        ));
    }
    if let Some(limit) = facts.unverified_limit.filter(|_| !facts.kyc_approved) {
        let so_far = store::open_or_received(tx, &facts.client_id).await?;
        let other = so_far.iter().any(|(c, m)| *c != limit.currency && *m > 0) || amount.currency != limit.currency;
        let sum = so_far
            .iter()
            .filter(|(c, _)| *c == limit.currency)
            .map(|(_, m)| m)
            .sum::<i64>()
            .saturating_add(amount.minor);
        if other || sum > limit.minor {
            return Err(Problem::conflict(
                "kyc_required",
                format!("before verification this entity accepts deposits up to {limit} in all; finish the verification first"),
            ));
        }
    }
    let account_id = match req.account_id {
        None => None,
        Some(id) => {
            let a = qd_trading::accounts::get(tx, core, caller, id).await?;
            if a.client_id != facts.client_id {
                return Err(Problem::missing("trading account"));
            }
            if a.kind != qd_trading::AccountKind::Live {
                return Err(Problem::invalid("account_id", "account_is_demo", "expected a live account"));
            }
            if matches!(a.state, AccountState::Failed | AccountState::Closed) {
                return Err(Problem::conflict(
                    "account_not_ready",
                    format!("this account is {}; deposit to the wallet or another account", a.state),
                ));
            }
            if a.currency != amount.currency {
                return Err(Problem::invalid(
                    "amount.currency",
                    "currency_mismatch",
                    format!("expected {}, the account's currency", a.currency),
                ));
            }
            Some(a.id.to_string())
        }
    };
    let d = DepositRow {
        id: DepositId::new(&core.env),
        client_id: facts.client_id.clone(),
        entity: facts.entity.clone(),
        account_id,
        method: m.method.clone(),
        connection: m.connection.clone(),
        amount_minor: amount.minor,
        currency: amount.currency,
        state: DepositState::Created,
        provider_ref: None,
        payment_ref: None,
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
        device: caller.device.clone(),
        ip: caller.ip.clone(),
        locale: facts.locale.clone(),
        held_reason: None,
        left_in_wallet: false,
        created_at: now,
        expires_at: now.plus_secs(SESSION_S),
        received_at: None,
        posted_at: None,
        changed_at: now,
        version: 1,
    };
    store::insert_deposit(tx, &d).await?;
    note(tx, core, caller, "deposit.created", &d, None, None).await?;
    events::publish(tx, core, event("deposit.created", &d)).await?;
    jobs::enqueue(
        tx,
        core,
        NewJob::new("deposit.open", json!({"deposit_id": d.id, "email": facts.email}), now)
            .key(d.id.to_string())
            .lane(lane(d.id))
            .attempts(ATTEMPTS),
    )
    .await?;
    view(tx, core, d).await
}

fn lane(id: DepositId) -> String {
    format!("deposit:{id}")
}

fn event(kind: &'static str, d: &DepositRow) -> NewEvent {
    NewEvent {
        kind,
        aggregate: format!("deposit:{}", d.id),
        entity: Some(d.entity.clone()),
        payload: json!({
            "client_id": d.client_id, "deposit_id": d.id, "state": d.state, "method": d.method,
            "amount": Amount::new(if d.received_minor > 0 { d.received_minor } else { d.amount_minor }, d.currency),
            "connection": d.connection, "account_id": d.account_id, "failure_code": d.failure_code, "first": d.first_deposit,
        }),
    }
}

async fn note(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    action: &'static str,
    d: &DepositRow,
    before: Option<DepositState>,
    why: Option<String>,
) -> Result<()> {
    audit::record(
        tx,
        core,
        audit::Entry {
            caller,
            action,
            object: format!("deposit:{}", d.id),
            client_id: Some(d.client_id.clone()),
            entity: Some(d.entity.clone()),
            before: before.map(|s| json!({"state": s})),
            after: Some(json!({"state": d.state, "amount": Amount::new(d.amount_minor, d.currency), "method": d.method, "connection": d.connection, "provider_ref": d.provider_ref, "failure_code": d.failure_code, "received_minor": d.received_minor})),
            reason: why,
            rule: None,
            seen: None,
        },
    )
    .await
    .map(|_| ())
}

/// Persists a change of state with its event and audit row. The version is the lock.
async fn go(tx: &mut Tx, core: &Core, caller: &Caller, d: &mut DepositRow, to: DepositState, why: Option<String>) -> Result<()> {
    let before = d.state;
    d.state = to;
    d.changed_at = core.now();
    save(tx, d).await?;
    note(tx, core, caller, "deposit.state_changed", d, Some(before), why).await?;
    events::publish(tx, core, event("deposit.state", d)).await.map(|_| ())
}

async fn save(tx: &mut Tx, d: &mut DepositRow) -> Result<()> {
    if !store::update_deposit(tx, d).await? {
        return Err(Problem::unavailable(
            "deposit_changed",
            "this deposit was changed by another worker",
        ));
    }
    d.version += 1;
    Ok(())
}

pub(crate) async fn load(tx: &mut Tx, id: DepositId) -> Result<DepositRow> {
    store::deposit(tx, id).await?.ok_or_else(|| Problem::missing("deposit"))
}

/// The provider gave a session: the client can be sent there.
pub(crate) async fn opened(tx: &mut Tx, core: &Core, id: DepositId, s: &DepositSession) -> Result<()> {
    let mut d = load(tx, id).await?;
    if d.provider_ref.is_none() {
        d.provider_ref = Some(s.provider_ref.clone());
        d.redirect_url = s.redirect_url.clone();
    }
    match decide(d.state, Command::Opened) {
        Effect::Go(to) => go(tx, core, &Caller::system("job:deposit.open"), &mut d, to, None).await?,
        _ => save(tx, &mut d).await?,
    }
    check_later(tx, core, &d, check_after_s(0)).await
}

pub(crate) async fn open_refused(tx: &mut Tx, core: &Core, id: DepositId, e: &CallError) -> Result<()> {
    let mut d = load(tx, id).await?;
    if let Effect::Go(to) = decide(d.state, Command::OpenRefused) {
        d.failure_code = Some(e.code.clone());
        d.soft_failure = true;
        go(tx, core, &Caller::system("job:deposit.open"), &mut d, to, Some(e.detail.clone())).await?;
    }
    Ok(())
}

/// The question to the provider, asked again until there is an answer: a callback that never comes
/// loses nobody's money.
pub(crate) async fn check_later(tx: &mut Tx, core: &Core, d: &DepositRow, after_s: i64) -> Result<()> {
    let due = core.now().plus_secs(after_s);
    jobs::enqueue(
        tx,
        core,
        NewJob {
            run_at: due,
            ..NewJob::new("deposit.check", json!({"deposit_id": d.id, "watch": true}), due)
        }
        .key(format!("{}:{}", d.id, due.secs()))
        .lane(lane(d.id))
        .attempts(ATTEMPTS),
    )
    .await
    .map(|_| ())
}

/// Asked about for [`ASK_FOR_S`] and neither confirmed nor denied: from here on a person asks.
pub(crate) async fn never_ended(tx: &mut Tx, core: &Core, d: &DepositRow) -> Result<()> {
    let why = format!(
        "{} has neither confirmed nor denied this payment in {} days; it is not asked about any more",
        d.connection,
        ASK_FOR_S / 86_400
    );
    held(tx, core, d, "deposit.no_answer", "deposit_never_ended", &why, Value::Null).await
}

/// What the provider says now. `Err`: its answer does not match what was asked for.
pub(crate) async fn reported(tx: &mut Tx, core: &Core, id: DepositId, r: &DepositReport, facts: &ClientFacts) -> Result<()> {
    let mut d = load(tx, id).await?;
    let who = Caller::system("job:deposit.check");
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
    let got = r.received.unwrap_or(r.amount);
    let as_asked = r.amount == Amount::new(d.amount_minor, d.currency)
        && got == r.amount
        && r.our_ref.as_deref().is_none_or(|o| o == d.id.to_string());
    let command = match r.state {
        qd_ports::psp::PaymentState::Succeeded if !as_asked => Command::ReportedOther,
        s => Command::Reported(s),
    };
    match decide(d.state, command) {
        Effect::Nothing | Effect::Refuse | Effect::Release => save(tx, &mut d).await,
        Effect::Go(to) => go(tx, core, &who, &mut d, to, None).await,
        Effect::Receive => receive(tx, core, &who, d, r.instrument.as_ref(), facts).await,
        Effect::ReceiveHeld => receive_other(tx, core, &who, d, got).await,
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
async fn is_first(tx: &mut Tx, core: &Core, d: &DepositRow) -> Result<bool> {
    store::claim_first(tx, &d.client_id, d.id, core.now()).await
}

/// Tells the house that the client's money is here and usable. Held money is not: it may have to
/// go back, and nobody is paid for bringing it.
async fn announce(tx: &mut Tx, core: &Core, d: &DepositRow) -> Result<()> {
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

/// Money that is not what was asked for: booked where nobody can use it, and a person decides.
async fn receive_other(tx: &mut Tx, core: &Core, who: &Caller, mut d: DepositRow, got: Amount) -> Result<()> {
    d.held_reason = Some("amount_differs".into());
    d.received_at = Some(core.now());
    // Another currency is not the deposit's figure: its sum stays in the exception and the suspense account.
    d.received_minor = if got.currency == d.currency { got.minor } else { 0 };
    let why = format!("asked for {}, the provider reports {got}", Amount::new(d.amount_minor, d.currency));
    go(tx, core, who, &mut d, DepositState::Held, Some(why.clone())).await?;
    let suspense = AccountKey {
        owner: format!("client:{}", d.client_id),
        purpose: Purpose::Suspense,
        currency: got.currency,
    };
    book_amount(tx, core, &d, "received", clearing(&d.connection, got.currency), suspense, got).await?;
    held(
        tx,
        core,
        &d,
        "deposit.amount_differs",
        "deposit_held",
        &why,
        json!({"reported": got}),
    )
    .await
}

async fn held(tx: &mut Tx, core: &Core, d: &DepositRow, kind: &'static str, rule: &'static str, why: &str, inputs: Value) -> Result<()> {
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

async fn book(tx: &mut Tx, core: &Core, d: &DepositRow, step: &str, from: AccountKey, to: AccountKey, minor: i64) -> Result<()> {
    book_amount(tx, core, d, step, from, to, Amount::new(minor, d.currency)).await
}

async fn book_amount(tx: &mut Tx, core: &Core, d: &DepositRow, step: &str, from: AccountKey, to: AccountKey, amount: Amount) -> Result<()> {
    qd_ledger::post(
        tx,
        core,
        NewEntry {
            kind: "deposit",
            reference: format!("deposit:{}:{step}", d.id),
            legs: vec![
                Leg {
                    account: from,
                    minor: -amount.minor,
                },
                Leg {
                    account: to,
                    minor: amount.minor,
                },
            ],
            source: format!(
                "{} {}",
                d.connection,
                d.payment_ref.as_deref().or(d.provider_ref.as_deref()).unwrap_or("-")
            ),
            value_at: core.now(),
            note: None,
            fx: None,
        },
    )
    .await
    .map(|_| ())
}

/// From the wallet to the trading account that was named; without one the wallet is the goal. An
/// account that is still being opened is waited for: the money is safe in the wallet meanwhile.
async fn onward(tx: &mut Tx, core: &Core, who: &Caller, mut d: DepositRow) -> Result<()> {
    if d.account_id.is_none() {
        d.posted_at = Some(core.now());
        return go(tx, core, who, &mut d, DepositState::Posted, None).await;
    }
    match to_account(tx, core, &d).await {
        Err(p) if p.is(ACCOUNT_NOT_READY) => {
            let job = NewJob::new("deposit.onward", json!({"deposit_id": d.id}), core.now())
                .key(d.id.to_string())
                .after_secs(2)
                .attempts(ATTEMPTS);
            jobs::enqueue(tx, core, job).await.map(|_| ())
        }
        other => other,
    }
}

const ACCOUNT_NOT_READY: &str = "account_not_ready";

async fn to_account(tx: &mut Tx, core: &Core, d: &DepositRow) -> Result<()> {
    let Some(account_id) = d.account_id.as_deref().map(TradingAccountId::parse).transpose()? else {
        return Ok(());
    };
    let amount = Amount::new(d.received_minor, d.currency);
    moves::request(
        tx,
        core,
        NewMove {
            account_id,
            direction: Direction::ToPlatform,
            kind: MoveKind::Balance,
            amount,
            purpose: purpose("deposit", d.id),
        },
    )
    .await
    .map(|_| ())
}

/// Tries [`onward`] again; true: still to be waited for. An account that will never be open, or
/// money that the client has used otherwise meanwhile, ends it in the wallet, and a person is told.
pub(crate) async fn onward_again(tx: &mut Tx, core: &Core, id: DepositId) -> Result<bool> {
    let d = load(tx, id).await?;
    if d.state != DepositState::Succeeded {
        return Ok(false);
    }
    let why = match to_account(tx, core, &d).await {
        Ok(()) => return Ok(false),
        Err(p) if p.is(ACCOUNT_NOT_READY) => {
            let account = d.account_id.as_deref().map(TradingAccountId::parse).transpose()?;
            let state = match account {
                Some(a) => {
                    qd_trading::accounts::get(tx, core, &Caller::system("job:deposit.onward"), a)
                        .await?
                        .state
                }
                None => AccountState::Closed,
            };
            if !matches!(state, AccountState::Failed | AccountState::Closed)
                && core.now().secs_since(d.received_at.unwrap_or(d.created_at)) < WAIT_FOR_ACCOUNT_S
            {
                return Ok(true);
            }
            format!("the trading account is {state}")
        }
        Err(p) if p.is(qd_ledger::INSUFFICIENT_FUNDS) => "the client has used the money otherwise".to_string(),
        Err(p) => return Err(p),
    };
    held(
        tx,
        core,
        &d,
        "deposit.not_credited",
        "deposit_left_in_wallet",
        &format!("the deposit stays in the wallet: {why}"),
        Value::Null,
    )
    .await?;
    in_wallet(tx, core, &Caller::system("job:deposit.onward"), d, &why).await
}

/// How long a deposit waits for its account to be opened.
const WAIT_FOR_ACCOUNT_S: i64 = 3 * 86_400;

async fn in_wallet(tx: &mut Tx, core: &Core, who: &Caller, mut d: DepositRow, why: &str) -> Result<bool> {
    if let Effect::Go(to) = decide(d.state, Command::Posted) {
        d.posted_at = Some(core.now());
        d.left_in_wallet = true;
        go(tx, core, who, &mut d, to, Some(why.to_string())).await?;
    }
    Ok(false)
}

/// The platform booked it.
pub(crate) async fn posted(tx: &mut Tx, core: &Core, id: DepositId) -> Result<()> {
    let mut d = load(tx, id).await?;
    if let Effect::Go(to) = decide(d.state, Command::Posted) {
        d.posted_at = Some(core.now());
        go(tx, core, &Caller::system("job:trading.move"), &mut d, to, None).await?;
        events::publish(tx, core, event("deposit.credited", &d)).await?;
    }
    Ok(())
}

/// The platform refused it and a person gave it back: it stays in the wallet, which is where it is.
pub(crate) async fn given_back(tx: &mut Tx, core: &Core, id: DepositId) -> Result<()> {
    let d = load(tx, id).await?;
    in_wallet(
        tx,
        core,
        &Caller::system("job:trading.move"),
        d,
        "the platform refused it; given back to the wallet",
    )
    .await
    .map(|_| ())
}

/// A person lets a held deposit go on.
pub async fn release(tx: &mut Tx, core: &Core, caller: &Caller, id: DepositId, why: &str) -> Result<DepositView> {
    caller.require(Right::DepositsManage)?;
    let why = reason(why)?;
    let mut d = scoped(tx, caller, id).await?;
    match decide(d.state, Command::Released) {
        Effect::Release => {
            if d.received_minor == 0 {
                return Err(Problem::conflict(
                    "deposit_other_currency",
                    "the provider reports another currency; refund it or book it by an adjustment",
                ));
            }
            d.first_deposit = is_first(tx, core, &d).await?;
            go(tx, core, caller, &mut d, DepositState::Succeeded, Some(why.clone())).await?;
            let suspense = AccountKey {
                owner: format!("client:{}", d.client_id),
                purpose: Purpose::Suspense,
                currency: d.currency,
            };
            book(
                tx,
                core,
                &d,
                "released",
                suspense,
                wallet(&d.client_id, d.currency),
                d.received_minor,
            )
            .await?;
            for kind in ["deposit.held", "deposit.amount_differs"] {
                exceptions::resolve(tx, core, kind, &format!("deposit:{}", d.id), &why).await?;
            }
            announce(tx, core, &d).await?;
            onward(tx, core, caller, d.clone()).await?;
            d = load(tx, id).await?;
        }
        Effect::Nothing => {}
        _ => {
            return Err(Problem::conflict(
                "deposit_not_held",
                format!("only a held deposit can be released; this one is {}", d.state),
            ));
        }
    }
    view(tx, core, d).await
}

/// The client gives up before paying. A payment that arrives all the same is still taken.
pub async fn cancel(tx: &mut Tx, core: &Core, caller: &Caller, id: DepositId) -> Result<DepositView> {
    let mut d = scoped(tx, caller, id).await?;
    if caller.client_id().is_err() {
        caller.require(Right::DepositsManage)?;
    }
    match decide(d.state, Command::CancelledByClient) {
        Effect::Go(to) => go(tx, core, caller, &mut d, to, None).await?,
        Effect::Nothing => {}
        _ => {
            return Err(Problem::conflict(
                "deposit_not_cancellable",
                format!("a deposit that is {} cannot be cancelled", d.state),
            ));
        }
    }
    view(tx, core, d).await
}

async fn scoped(tx: &mut Tx, caller: &Caller, id: DepositId) -> Result<DepositRow> {
    let d = load(tx, id).await?;
    match caller.client_id() {
        Ok(c) if c == d.client_id => Ok(d),
        Ok(_) => Err(Problem::missing("deposit")),
        Err(_) => {
            caller.require(Right::DepositsView)?;
            match caller.allowed_entities() {
                Some(e) if !e.contains(&d.entity) => Err(Problem::missing("deposit")),
                _ => Ok(d),
            }
        }
    }
}

pub async fn get(tx: &mut Tx, core: &Core, caller: &Caller, id: DepositId) -> Result<DepositView> {
    let d = scoped(tx, caller, id).await?;
    view(tx, core, d).await
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct DepositQuery {
    pub client_id: Option<String>,
    pub state: Option<DepositState>,
    pub connection: Option<String>,
}

/// For staff by right and entity; a client sees their own.
pub async fn list(tx: &mut Tx, core: &Core, caller: &Caller, q: DepositQuery, page: &PageRequest) -> Result<Page<DepositView>> {
    let f = match caller.client_id() {
        Ok(own) => DepositFilter {
            entities: None,
            client_id: Some(own),
            state: q.state,
            connection: None,
        },
        Err(_) => {
            caller.require(Right::DepositsView)?;
            DepositFilter {
                entities: caller.allowed_entities(),
                client_id: q.client_id,
                state: q.state,
                connection: q.connection,
            }
        }
    };
    let rows = page.finish(store::list_deposits(tx, &f, page).await?, |d| d.id.to_string());
    let mut items = Vec::with_capacity(rows.items.len());
    for d in rows.items {
        items.push(view(tx, core, d).await?);
    }
    Ok(Page {
        items,
        next_cursor: rows.next_cursor,
    })
}

/// The first deposit of a client, for the record: amount, time, provider and its reference.
pub async fn first_of(tx: &mut Tx, core: &Core, client_id: &str) -> Result<Option<DepositView>> {
    match store::first_received(tx, client_id).await? {
        None => Ok(None),
        Some(d) => view(tx, core, d).await.map(Some),
    }
}

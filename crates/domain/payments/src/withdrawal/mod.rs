//! Withdrawals: the money is taken off the platform first, then held in the wallet, then decided
//! about, then sent back to where it came from. At each moment it is at one named place.

mod model;
mod pay;

pub use model::{Command, Effect, LegEffect, LegState, PlannedLeg, Source, WithdrawalState, decide, leg, split_to_sources};
pub(crate) use pay::{LegOutcome, SAFE_TO_REPEAT_S, leg_reported, leg_sending, leg_unclear, start_paying};
pub use pay::{mark_bank_leg, plan, settle_unclear_leg};

use crate::status::{Step, StepState, at};
use crate::store::{self, LegRow, WithdrawalFilter, WithdrawalRow};
use crate::{ClientFacts, WithdrawalId, acts_for, purpose, reason, wallet};
use qd_db::Tx;
use qd_kernel::{Amount, Page, PageRequest, Problem, Result, Ts};
use qd_ledger::{AccountKey, NewHold, Purpose};
use qd_ports::platform::NO_FREE_MARGIN;
use qd_runtime::access::{Caller, Mask, Right};
use qd_runtime::approvals::{self, ApprovalId, NewApproval, Outcome};
use qd_runtime::events::{self, NewEvent};
use qd_runtime::jobs::{self, NewJob};
use qd_runtime::{Core, audit, exceptions, rules};
use qd_trading::moves::{self, NewMove};
use qd_trading::{Direction, MoveKind, TradingAccountId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A withdrawal in review is due after this long, for the queue's clock.
const REVIEW_DUE_S: i64 = 4 * 3_600;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewWithdrawal {
    pub amount: Amount,
    /// The trading account to take it from; None: from the wallet.
    #[serde(default)]
    pub account_id: Option<TradingAccountId>,
}

#[derive(Clone, Debug, Serialize)]
pub struct LegView {
    pub n: i64,
    /// `refund` to the source, or `bank`.
    pub kind: String,
    pub connection: Option<String>,
    pub deposit_id: Option<String>,
    pub amount: Amount,
    pub state: LegState,
    pub provider_ref: Option<String>,
    pub failure_code: Option<String>,
    pub done_at_us: Option<Ts>,
}

#[derive(Clone, Debug, Serialize)]
pub struct WithdrawalView {
    pub id: WithdrawalId,
    pub client_id: String,
    pub entity: String,
    pub account_id: Option<String>,
    pub amount: Amount,
    pub state: WithdrawalState,
    /// Why a person looks at it: the names of the signals (PM-11).
    pub signals: Vec<String>,
    pub rule: Option<String>,
    pub approval_id: Option<String>,
    pub approvals_needed: i64,
    pub reason_code: Option<String>,
    pub reason_text: Option<String>,
    /// `finance` or `compliance`: whose turn it is (PM-20).
    pub desk: String,
    pub claimed_by: Option<String>,
    pub due_at_us: Option<Ts>,
    pub legs: Vec<LegView>,
    pub steps: Vec<Step>,
    pub requested_at_us: Ts,
    pub decided_at_us: Option<Ts>,
    pub paid_at_us: Option<Ts>,
    pub version: i64,
}

async fn view(tx: &mut Tx, core: &Core, caller: &Caller, w: WithdrawalRow) -> Result<WithdrawalView> {
    let legs = store::legs(tx, w.id).await?;
    let steps = steps(tx, core, &w, &legs, caller.client_id().is_err()).await?;
    // What stopped it is for those who review: a client who reads it learns how not to be stopped, or
    // that they are suspected, and whoever talks to the client might say it.
    let staff = caller.client_id().is_err();
    let reviews = staff && (caller.may(Right::WithdrawalsReview) || caller.sees(Mask::Aml));
    Ok(WithdrawalView {
        amount: Amount::new(w.amount_minor, w.currency),
        signals: if reviews { serde_json::from_str(&w.signals)? } else { Vec::new() },
        rule: w.rule.filter(|_| reviews),
        claimed_by: w.claimed_by.filter(|_| staff),
        approval_id: w.approval_id.filter(|_| staff),
        legs: legs
            .into_iter()
            .map(|l| LegView {
                amount: Amount::new(l.amount_minor, l.currency),
                n: l.n,
                kind: l.kind,
                connection: l.connection,
                deposit_id: l.deposit_id,
                state: l.state,
                provider_ref: l.provider_ref,
                failure_code: l.failure_code,
                done_at_us: l.done_at,
            })
            .collect(),
        steps,
        id: w.id,
        client_id: w.client_id,
        entity: w.entity,
        account_id: w.account_id,
        state: w.state,
        approvals_needed: w.approvals_needed,
        reason_code: w.reason_code,
        reason_text: w.reason_text.filter(|_| reviews),
        desk: if staff { w.desk } else { "finance".into() },
        due_at_us: w.due_at,
        requested_at_us: w.requested_at,
        decided_at_us: w.decided_at,
        paid_at_us: w.paid_at,
        version: w.version,
    })
}

async fn steps(tx: &mut Tx, core: &Core, w: &WithdrawalRow, legs: &[LegRow], staff: bool) -> Result<Vec<Step>> {
    use WithdrawalState as S;
    let mut out = vec![Step::new("withdrawal.requested", StepState::Done).at(Some(w.requested_at))];
    let reached = match w.state {
        S::Collecting => 1,
        S::Deciding | S::Review => 2,
        S::Approved | S::Paying => 3,
        S::Paid => 4,
        S::Returned | S::Refused | S::Rejected | S::Cancelled => {
            let key = match w.state {
                S::Returned => "withdrawal.returned",
                S::Refused => "withdrawal.refused",
                S::Rejected => "withdrawal.rejected",
                _ => "withdrawal.cancelled",
            };
            out.push(
                Step::new(key, StepState::Failed)
                    .at(Some(w.changed_at))
                    .because(w.reason_code.clone()),
            );
            return Ok(out);
        }
    };
    if w.account_id.is_some() {
        let waiting = moves::by_purpose(tx, core, &purpose("withdrawal", w.id))
            .await?
            .and_then(|m| m.waiting_s);
        let s = Step::new("withdrawal.off_trading_account", at(reached, 1)).expect(5, "platform");
        out.push(if reached == 1 {
            s.because(waiting.map(|w| format!("withdrawal.sent_waiting:{w}")))
        } else {
            s
        });
    }
    // Whose desk it is on says what it is about: the client is told of one.
    let from = if staff && w.desk == "compliance" { "compliance" } else { "finance" };
    let usual = if w.state == S::Review { REVIEW_DUE_S } else { 5 };
    out.push(
        Step::new("withdrawal.approved", at(reached, 2))
            .at(w.approved_at)
            .expect(usual, from),
    );
    let bank = legs.iter().any(|l| l.kind == "bank" && l.state != LegState::Paid);
    out.push(
        Step::new("withdrawal.sent", at(reached, 3)).expect(if bank { 86_400 } else { 60 }, if bank { "finance" } else { "provider" }),
    );
    out.push(Step::new("withdrawal.paid", if reached >= 4 { StepState::Done } else { StepState::Waiting }).at(w.paid_at));
    Ok(out)
}

/// The same whether the money was held by us or by the move that brought it.
pub(crate) fn hold_ref(id: WithdrawalId) -> String {
    moves::hold_of(&purpose("withdrawal", id))
}

/// The client's request. From the wallet it is held at once or refused; from a trading account the
/// platform is asked first, because only it knows the free margin.
pub async fn request(tx: &mut Tx, core: &Core, caller: &Caller, facts: ClientFacts, req: NewWithdrawal) -> Result<WithdrawalView> {
    acts_for(caller, &facts.client_id, Right::MeWithdraw)?;
    let now = core.now();
    let amount = req.amount.positive("amount")?;
    let least = Amount::new(facts.limits.withdrawal_min_minor, facts.base_currency);
    if facts.base(amount).is_some_and(|b| b < least.minor) {
        return Err(Problem::invalid(
            "amount.minor",
            "amount_below_minimum",
            format!("expected at least {least}"),
        ));
    }
    if let Some(why) = &facts.withdrawals_stopped {
        return Err(Problem::conflict(
            "withdrawals_stopped",
            format!("withdrawals are stopped for this client: {why}"),
        ));
    }
    if !facts.kyc_approved {
        return Err(Problem::conflict("kyc_required", "withdrawals need a finished verification"));
    }
    let mut w = WithdrawalRow {
        id: WithdrawalId::new(&core.env),
        client_id: facts.client_id.clone(),
        entity: facts.entity.clone(),
        account_id: req.account_id.map(|a| a.to_string()),
        amount_minor: amount.minor,
        currency: amount.currency,
        state: if req.account_id.is_some() {
            WithdrawalState::Collecting
        } else {
            WithdrawalState::Deciding
        },
        approval_id: None,
        approvals_needed: 0,
        rule: None,
        signals: "[]".into(),
        reason_code: None,
        reason_text: None,
        desk: "finance".into(),
        claimed_by: None,
        device: caller.device.clone(),
        ip: caller.ip.clone(),
        due_at: None,
        requested_at: now,
        decided_at: None,
        approved_at: None,
        paid_at: None,
        changed_at: now,
        version: 1,
    };
    match req.account_id {
        None => {
            store::insert_withdrawal(tx, &w).await?;
            hold(tx, core, &w).await?;
            decide_later(tx, core, &w).await?;
        }
        Some(account_id) => {
            let a = qd_trading::accounts::get(tx, core, caller, account_id).await?;
            if a.client_id != facts.client_id {
                return Err(Problem::missing("trading account"));
            }
            if a.kind != qd_trading::AccountKind::Live {
                return Err(Problem::invalid("account_id", "account_is_demo", "expected a live account"));
            }
            if a.currency != amount.currency {
                return Err(Problem::invalid(
                    "amount.currency",
                    "currency_mismatch",
                    format!("expected {}, the account's currency", a.currency),
                ));
            }
            store::insert_withdrawal(tx, &w).await?;
            moves::request(
                tx,
                core,
                NewMove {
                    account_id,
                    direction: Direction::FromPlatform,
                    kind: MoveKind::Balance,
                    amount,
                    purpose: purpose("withdrawal", w.id),
                },
            )
            .await?;
        }
    }
    note(
        tx,
        core,
        caller,
        "withdrawal.requested",
        &w,
        None,
        None,
        Some(json!({"device": w.device, "ip": w.ip})),
    )
    .await?;
    tell(tx, core, &w).await?;
    w = load(tx, w.id).await?;
    view(tx, core, caller, w).await
}

async fn hold(tx: &mut Tx, core: &Core, w: &WithdrawalRow) -> Result<()> {
    qd_ledger::hold(
        tx,
        core,
        NewHold {
            account: wallet(&w.client_id, w.currency),
            minor: w.amount_minor,
            reference: hold_ref(w.id),
            expires_at: None,
        },
    )
    .await
    .map(|_| ())
}

async fn decide_later(tx: &mut Tx, core: &Core, w: &WithdrawalRow) -> Result<()> {
    jobs::enqueue(
        tx,
        core,
        NewJob::new("withdrawal.decide", json!({"withdrawal_id": w.id}), core.now())
            .key(w.id.to_string())
            .lane(lane(w.id))
            .attempts(50),
    )
    .await
    .map(|_| ())
}

pub(crate) fn lane(id: WithdrawalId) -> String {
    format!("withdrawal:{id}")
}

pub(crate) async fn load(tx: &mut Tx, id: WithdrawalId) -> Result<WithdrawalRow> {
    store::withdrawal(tx, id).await?.ok_or_else(|| Problem::missing("withdrawal"))
}

pub(super) async fn save(tx: &mut Tx, w: &mut WithdrawalRow) -> Result<()> {
    if !store::update_withdrawal(tx, w).await? {
        return Err(Problem::unavailable(
            "withdrawal_changed",
            "this withdrawal was changed a moment ago; try again",
        ));
    }
    w.version += 1;
    Ok(())
}

pub(crate) async fn go(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    w: &mut WithdrawalRow,
    to: WithdrawalState,
    why: Option<String>,
    seen: Option<Value>,
) -> Result<()> {
    let before = w.state;
    w.state = to;
    w.changed_at = core.now();
    save(tx, w).await?;
    note(tx, core, caller, "withdrawal.state_changed", w, Some(before), why, seen).await?;
    tell(tx, core, w).await
}

async fn note(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    action: &'static str,
    w: &WithdrawalRow,
    before: Option<WithdrawalState>,
    why: Option<String>,
    seen: Option<Value>,
) -> Result<()> {
    audit::record(
        tx,
        core,
        audit::Entry {
            caller,
            action,
            object: format!("withdrawal:{}", w.id),
            client_id: Some(w.client_id.clone()),
            entity: Some(w.entity.clone()),
            before: before.map(|s| json!({"state": s})),
            after: Some(json!({"state": w.state, "amount": Amount::new(w.amount_minor, w.currency), "desk": w.desk, "reason_code": w.reason_code, "claimed_by": w.claimed_by})),
            reason: why,
            rule: w.rule.clone(),
            seen,
        },
    )
    .await
    .map(|_| ())
}

async fn tell(tx: &mut Tx, core: &Core, w: &WithdrawalRow) -> Result<()> {
    let kind = match w.state {
        WithdrawalState::Paid => "withdrawal.paid",
        WithdrawalState::Returned => "withdrawal.returned",
        _ => "withdrawal.state",
    };
    events::publish(
        tx,
        core,
        NewEvent {
            kind,
            aggregate: format!("withdrawal:{}", w.id),
            entity: Some(w.entity.clone()),
            payload: json!({"client_id": w.client_id, "withdrawal_id": w.id, "state": w.state, "amount": Amount::new(w.amount_minor, w.currency), "reason_code": w.reason_code}),
        },
    )
    .await
    .map(|_| ())
}

/// The platform gave the money: it is in the wallet, held there since it came (`moves::hold_of`).
pub(crate) async fn collected(tx: &mut Tx, core: &Core, id: WithdrawalId) -> Result<()> {
    let mut w = load(tx, id).await?;
    if let Effect::Go(to) = decide(w.state, Command::Collected) {
        go(tx, core, &Caller::system("job:trading.move"), &mut w, to, None, None).await?;
        hold(tx, core, &w).await?;
        decide_later(tx, core, &w).await?;
    }
    Ok(())
}

/// The platform refused: not enough free margin, most often. Anything else is a matter for the
/// house, not for the client.
pub(crate) async fn collect_refused(tx: &mut Tx, core: &Core, id: WithdrawalId, code: Option<String>) -> Result<()> {
    let mut w = load(tx, id).await?;
    if let Effect::Go(to) = decide(w.state, Command::CollectRefused) {
        let margin = code.as_deref() == Some(NO_FREE_MARGIN);
        w.reason_code = Some(if margin { NO_FREE_MARGIN.into() } else { "platform_refused".into() });
        w.reason_text = code.filter(|_| !margin);
        go(tx, core, &Caller::system("job:trading.move"), &mut w, to, None, None).await?;
    }
    Ok(())
}

/// The rules of the set `withdrawal.auto`. Every match that says `stop`, `two` or `review` is a
/// signal by name; it passes by itself only when a match says `auto`, no signal fired and no rule
/// failed. Nothing passes by default.
pub(crate) async fn ask_rules(tx: &mut Tx, core: &Core, id: WithdrawalId, facts: &ClientFacts) -> Result<()> {
    let mut w = load(tx, id).await?;
    if w.state != WithdrawalState::Deciding {
        return Ok(());
    }
    let now = core.now();
    let input = inputs(tx, core, &w, facts).await?;
    let e = rules::evaluate(tx, "withdrawal.auto", Some(&w.entity), &input).await?;
    let fired: Vec<_> = e.matched.iter().filter(|f| !f.shadow).collect();
    let says = |f: &rules::Fired| f.outcome.get("decision").and_then(Value::as_str).unwrap_or("review").to_string();
    let pass = fired.iter().find(|f| says(f) == "auto");
    let stops: Vec<_> = fired.iter().filter(|f| says(f) != "auto").collect();
    let passes = pass.is_some() && stops.is_empty() && !e.stopped;
    let mut signals: Vec<String> = stops.iter().map(|f| f.reason_code.clone()).collect();
    if e.stopped {
        signals.push("rule_error".into());
    }
    if pass.is_none() && signals.is_empty() {
        signals.push("no_rule_lets_it_pass".into());
    }
    let rule = if passes { pass } else { stops.first().copied() };
    let who = Caller::system("rule:withdrawal.auto");
    audit::decide(
        tx,
        core,
        audit::Decision {
            caller: &who,
            kind: "withdrawal.rules",
            subject: format!("withdrawal:{id}"),
            client_id: Some(w.client_id.clone()),
            entity: Some(w.entity.clone()),
            outcome: if passes { "approved".into() } else { "review".into() },
            reasons: if passes {
                pass.map(|p| p.reason_code.clone()).into_iter().collect()
            } else {
                signals.clone()
            },
            rule: rule.map(|p| p.name.clone()),
            rule_version: rule.map(|p| p.version),
            inputs: json!({"facts": input, "matched": e.matched, "errors": e.errors}),
        },
    )
    .await?;
    w.decided_at = Some(now);
    w.rule = rule.map(|p| format!("{} v{}", p.name, p.version));
    if passes {
        w.approved_at = Some(now);
        if let Effect::Go(to) = decide(w.state, Command::RuleApproved) {
            go(tx, core, &who, &mut w, to, None, None).await?;
            pay_later(tx, core, &w).await?;
        }
        return Ok(());
    }
    w.signals = serde_json::to_string(&signals)?;
    w.approvals_needed = if stops.iter().any(|f| says(f) == "two") { 2 } else { 1 };
    if stops
        .iter()
        .any(|f| f.outcome.get("role").and_then(Value::as_str) == Some("compliance"))
    {
        w.desk = "compliance".into();
    }
    let hours = if facts.limits.review_hours > 0 {
        facts.limits.review_hours
    } else {
        REVIEW_DUE_S / 3_600
    };
    w.due_at = Some(now.plus_secs(hours * 3_600));
    let ask = NewApproval::new(
        format!("withdrawal:{id}"),
        Right::WithdrawalsApprove,
        u32::try_from(w.approvals_needed).unwrap_or(1),
        signals.join(", "),
    )
    .amount(Amount::new(w.amount_minor, w.currency))
    .about(w.client_id.clone(), Some(w.entity.clone()));
    w.approval_id = Some(approvals::request(tx, core, &who, ask).await?.to_string());
    if let Effect::Go(to) = decide(w.state, Command::RuleStopped) {
        go(tx, core, &who, &mut w, to, Some(signals.join(", ")), None).await?;
    }
    Ok(())
}

/// What the rules are told; kept with the decision, to the last figure.
async fn inputs(tx: &mut Tx, core: &Core, w: &WithdrawalRow, facts: &ClientFacts) -> Result<Value> {
    const NEVER: i64 = 99_999;
    let now = core.now();
    let deposits = store::received_of(tx, &w.client_id).await?;
    let total: Option<i64> = deposits.iter().map(|d| facts.base(Amount::new(d.received_minor, d.currency))).sum();
    let (paid, _) = store::withdrawal_history(tx, &w.client_id, now.plus_secs(-86_400)).await?;
    let (deals, lots) = qd_trading::feed::activity(tx, &w.client_id).await?;
    // All the client has with us in this currency: the wallet, which holds what was collected for this
    // request, and what is on the trading accounts.
    let mut balance = qd_ledger::balance(tx, &wallet(&w.client_id, w.currency)).await?.balance_minor;
    for account in qd_trading::accounts::of_client_ids(tx, &w.client_id).await? {
        let key = AccountKey::new(format!("tacc:{account}"), Purpose::Platform, w.currency);
        balance = balance.saturating_add(qd_ledger::balance(tx, &key).await?.balance_minor.max(0));
    }
    let same_source = pay::plan_of(tx, w).await?.iter().all(|l| l.source.is_some());
    Ok(json!({
        "withdrawal": {
            "amount_minor": w.amount_minor, "amount_base_minor": facts.base(Amount::new(w.amount_minor, w.currency)), "currency": w.currency,
            "method": if same_source { "source" } else { "bank" }, "same_source": same_source,
            "share_of_balance_pct": if balance > 0 { i64::try_from(i128::from(w.amount_minor) * 100 / i128::from(balance)).unwrap_or(100) } else { 100 },
        },
        "client": {"country": facts.country, "verified": facts.kyc_approved, "kyc_age_days": facts.kyc_age_days.unwrap_or(NEVER), "risk": facts.risk, "vip": facts.vip, "restricted": facts.restricted},
        "device": {"known_days": facts.device_age_days.unwrap_or(0), "first": facts.device_is_first},
        "changes": {"contact_hours": facts.contact_changed_hours.unwrap_or(NEVER), "password_hours": facts.password_changed_hours.unwrap_or(NEVER)},
        "deposits": {
            "total_base_minor": total, "last_days": deposits.iter().filter_map(|d| d.received_at).max().map_or(NEVER, |t| now.secs_since(t) / 86_400),
            "disputes": deposits.iter().filter(|d| d.dispute_state.is_some()).count(),
        },
        "trading": {"deals": deals, "lots_e8": lots},
        "withdrawals": {"paid": paid},
        "screening": {"open_hits": facts.screening_hits},
        "limits": {"auto_max_minor": facts.limits.auto_max_minor, "two_people_over_minor": facts.limits.two_people_over_minor, "kyc_refresh_days": facts.limits.kyc_refresh_days},
    }))
}

async fn pay_later(tx: &mut Tx, core: &Core, w: &WithdrawalRow) -> Result<()> {
    jobs::enqueue(
        tx,
        core,
        NewJob::new("withdrawal.pay", json!({"withdrawal_id": w.id}), core.now())
            .key(w.id.to_string())
            .lane(lane(w.id))
            .attempts(50),
    )
    .await
    .map(|_| ())
}

async fn scoped(tx: &mut Tx, caller: &Caller, id: WithdrawalId) -> Result<WithdrawalRow> {
    let w = load(tx, id).await?;
    match caller.client_id() {
        Ok(c) if c == w.client_id => Ok(w),
        Ok(_) => Err(Problem::missing("withdrawal")),
        Err(_) => {
            caller.require(Right::WithdrawalsView)?;
            match caller.allowed_entities() {
                Some(e) if !e.contains(&w.entity) => Err(Problem::missing("withdrawal")),
                _ => Ok(w),
            }
        }
    }
}

/// What the person had before them when they decided: kept with the vote.
async fn seen(tx: &mut Tx, w: &WithdrawalRow) -> Result<Value> {
    let plan = pay::plan_of(tx, w).await?;
    let wallet = qd_ledger::balance(tx, &wallet(&w.client_id, w.currency)).await?;
    Ok(json!({
        "amount": Amount::new(w.amount_minor, w.currency), "signals": serde_json::from_str::<Value>(&w.signals)?, "rule": w.rule, "device": w.device, "ip": w.ip,
        "wallet_minor": wallet.balance_minor, "held_minor": wallet.held_minor,
        "plan": plan.iter().map(|l| json!({"amount_minor": l.amount_minor, "deposit_id": l.source.as_ref().map(|s| s.deposit_id.clone()), "to": l.source.as_ref().map_or("bank", |s| s.connection.as_str())})).collect::<Vec<_>>(),
        "version": w.version,
    }))
}

/// One person's yes. The last one needed sends it on its way.
pub async fn approve(tx: &mut Tx, core: &Core, caller: &Caller, id: WithdrawalId, why: Option<String>) -> Result<WithdrawalView> {
    caller.require(Right::WithdrawalsApprove)?;
    let mut w = scoped(tx, caller, id).await?;
    match decide(w.state, Command::PeopleApproved) {
        Effect::Refuse => {
            return Err(Problem::conflict(
                "withdrawal_not_in_review",
                format!("a withdrawal that is {} cannot be approved", w.state),
            ));
        }
        Effect::Nothing => return view(tx, core, caller, w).await,
        Effect::Go(to) => {
            let seen = seen(tx, &w).await?;
            // Taking the row first: two last votes at once must not both send it.
            save(tx, &mut w).await?;
            let approval = ApprovalId::parse(w.approval_id.as_deref().unwrap_or_default())?;
            match approvals::vote(tx, core, caller, approval, true, why.as_deref().unwrap_or_default(), seen.clone()).await? {
                Outcome::Waiting { given, needed } => {
                    note(
                        tx,
                        core,
                        caller,
                        "withdrawal.approval_given",
                        &w,
                        None,
                        Some(format!("{given} of {needed}")),
                        Some(seen),
                    )
                    .await?
                }
                Outcome::Approved => {
                    w.approved_at = Some(core.now());
                    go(tx, core, caller, &mut w, to, why, Some(seen)).await?;
                    pay_later(tx, core, &w).await?;
                }
                Outcome::Refused => return Err(Problem::conflict("approval_refused", "this approval was refused before")),
            }
        }
    }
    view(tx, core, caller, w).await
}

/// A person's no, with a coded reason for the client; the money becomes usable in the wallet.
pub async fn reject(tx: &mut Tx, core: &Core, caller: &Caller, id: WithdrawalId, code: &str, why: &str) -> Result<WithdrawalView> {
    caller.require(Right::WithdrawalsReview)?;
    let why = reason(why)?;
    if code.is_empty() || code.len() > 60 || !code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
        return Err(Problem::invalid(
            "reason_code",
            "reason_code_malformed",
            "expected a reason code in snake_case",
        ));
    }
    let mut w = scoped(tx, caller, id).await?;
    match decide(w.state, Command::Rejected) {
        Effect::Refuse => {
            return Err(Problem::conflict(
                "withdrawal_not_in_review",
                format!("a withdrawal that is {} cannot be rejected", w.state),
            ));
        }
        Effect::Nothing => {}
        Effect::Go(to) => {
            let seen = seen(tx, &w).await?;
            w.reason_code = Some(code.to_string());
            w.reason_text = Some(why.clone());
            go(tx, core, caller, &mut w, to, Some(why.clone()), Some(seen)).await?;
            qd_ledger::release(tx, core, &hold_ref(id)).await?;
            close_approval(tx, core, caller, &w, &why).await?;
        }
    }
    view(tx, core, caller, w).await
}

async fn close_approval(tx: &mut Tx, core: &Core, caller: &Caller, w: &WithdrawalRow, why: &str) -> Result<()> {
    match w.approval_id.as_deref() {
        Some(a) => approvals::cancel(tx, core, caller, ApprovalId::parse(a)?, why).await,
        None => Ok(()),
    }
}

/// Forces a withdrawal through against the rules. The reason is compulsory and the weekly
/// exception report shows it (PM-16, SE-06).
pub async fn override_approve(tx: &mut Tx, core: &Core, caller: &Caller, id: WithdrawalId, why: &str) -> Result<WithdrawalView> {
    caller.require(Right::WithdrawalsOverride)?;
    let why = reason(why)?;
    let mut w = scoped(tx, caller, id).await?;
    match decide(w.state, Command::Overridden) {
        Effect::Refuse => {
            return Err(Problem::conflict(
                "withdrawal_not_in_review",
                format!("a withdrawal that is {} cannot be forced", w.state),
            ));
        }
        Effect::Nothing => {}
        Effect::Go(to) => {
            let seen = seen(tx, &w).await?;
            w.approved_at = Some(core.now());
            w.rule = Some("manual_override".into());
            go(tx, core, caller, &mut w, to, Some(why.clone()), Some(seen)).await?;
            close_approval(tx, core, caller, &w, &why).await?;
            let subject = format!("withdrawal:{id}");
            exceptions::raise(
                tx,
                core,
                exceptions::NewException {
                    kind: "withdrawal.override",
                    subject: subject.clone(),
                    entity: Some(w.entity.clone()),
                    client_id: Some(w.client_id.clone()),
                    owner_role: "compliance",
                    rule: "manual_override",
                    cause: format!(
                        "{} forced a withdrawal of {}: {why}",
                        caller.label(),
                        Amount::new(w.amount_minor, w.currency)
                    ),
                    detail: json!({"withdrawal_id": id, "signals": serde_json::from_str::<Value>(&w.signals)?, "by": caller.id()}),
                    retry: None,
                },
            )
            .await?;
            pay_later(tx, core, &w).await?;
        }
    }
    view(tx, core, caller, w).await
}

/// The client changes their mind while that is possible; the money is usable in the wallet.
pub async fn cancel(tx: &mut Tx, core: &Core, caller: &Caller, id: WithdrawalId) -> Result<WithdrawalView> {
    let mut w = scoped(tx, caller, id).await?;
    if caller.client_id().is_err() {
        caller.require(Right::WithdrawalsReview)?;
    }
    match decide(w.state, Command::CancelledByClient) {
        Effect::Refuse => {
            return Err(Problem::conflict(
                "withdrawal_not_cancellable",
                format!("a withdrawal that is {} cannot be cancelled any more", w.state),
            ));
        }
        Effect::Nothing => {}
        Effect::Go(to) => {
            go(tx, core, caller, &mut w, to, None, None).await?;
            qd_ledger::release(tx, core, &hold_ref(id)).await?;
            close_approval(tx, core, caller, &w, "the request was taken back").await?;
        }
    }
    view(tx, core, caller, w).await
}

/// Hands a case over between finance and compliance, with a comment (PM-20).
pub async fn hand_over(tx: &mut Tx, core: &Core, caller: &Caller, id: WithdrawalId, desk: &str, comment: &str) -> Result<WithdrawalView> {
    caller.require(Right::WithdrawalsReview)?;
    let comment = reason(comment)?;
    if !matches!(desk, "finance" | "compliance") {
        return Err(Problem::invalid("desk", "value_unknown", "expected finance or compliance"));
    }
    let mut w = in_review(tx, caller, id).await?;
    w.desk = desk.to_string();
    w.claimed_by = None;
    w.due_at = Some(core.now().plus_secs(REVIEW_DUE_S));
    w.changed_at = core.now();
    save(tx, &mut w).await?;
    note(tx, core, caller, "withdrawal.handed_over", &w, None, Some(comment), None).await?;
    tell(tx, core, &w).await?;
    view(tx, core, caller, w).await
}

/// Takes a case from the queue, or puts it back (BO-02).
pub async fn claim(tx: &mut Tx, core: &Core, caller: &Caller, id: WithdrawalId, take: bool) -> Result<WithdrawalView> {
    caller.require(Right::WithdrawalsReview)?;
    let mut w = in_review(tx, caller, id).await?;
    let me = caller.id();
    match (&w.claimed_by, take) {
        (Some(by), true) if *by != me => return Err(Problem::conflict("claimed_by_other", format!("{by} works on this case"))),
        (Some(by), false) if *by != me => return Err(Problem::conflict("claimed_by_other", format!("{by} works on this case"))),
        (Some(_), true) | (None, false) => {}
        (None, true) => w.claimed_by = Some(me),
        (Some(_), false) => w.claimed_by = None,
    }
    w.changed_at = core.now();
    save(tx, &mut w).await?;
    note(
        tx,
        core,
        caller,
        if take { "withdrawal.claimed" } else { "withdrawal.released" },
        &w,
        None,
        None,
        None,
    )
    .await?;
    view(tx, core, caller, w).await
}

async fn in_review(tx: &mut Tx, caller: &Caller, id: WithdrawalId) -> Result<WithdrawalRow> {
    let w = scoped(tx, caller, id).await?;
    if w.state != WithdrawalState::Review {
        return Err(Problem::conflict(
            "withdrawal_not_in_review",
            format!("this withdrawal is {}", w.state),
        ));
    }
    Ok(w)
}

pub async fn get(tx: &mut Tx, core: &Core, caller: &Caller, id: WithdrawalId) -> Result<WithdrawalView> {
    let w = scoped(tx, caller, id).await?;
    view(tx, core, caller, w).await
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct WithdrawalQuery {
    pub client_id: Option<String>,
    pub state: Option<WithdrawalState>,
    pub desk: Option<String>,
}

pub async fn list(tx: &mut Tx, core: &Core, caller: &Caller, q: WithdrawalQuery, page: &PageRequest) -> Result<Page<WithdrawalView>> {
    let f = match caller.client_id() {
        Ok(own) => WithdrawalFilter {
            entities: None,
            client_id: Some(own),
            state: q.state,
            desk: None,
        },
        Err(_) => {
            caller.require(Right::WithdrawalsView)?;
            WithdrawalFilter {
                entities: caller.allowed_entities(),
                client_id: q.client_id,
                state: q.state,
                desk: q.desk,
            }
        }
    };
    let rows = page.finish(store::list_withdrawals(tx, &f, page).await?, |w| w.id.to_string());
    let mut items = Vec::with_capacity(rows.items.len());
    for w in rows.items {
        items.push(view(tx, core, caller, w).await?);
    }
    Ok(Page {
        items,
        next_cursor: rows.next_cursor,
    })
}

/// The row's client and state, for the job that asks the rules.
pub(crate) async fn client_of(tx: &mut Tx, id: WithdrawalId) -> Result<(String, Option<String>)> {
    let w = load(tx, id).await?;
    Ok((w.client_id, w.device))
}

//! What the rules are told about a withdrawal and what they decide.

use super::checks::NEVER;
use super::split::plan_of;
use super::turns;
use super::{Command, Effect, PlannedLeg, Queue, REVIEW_DUE_S, WithdrawalState, decide, go, lane, load};
use crate::store::{self, TrialRow, WithdrawalRow};
use crate::{ClientFacts, WithdrawalId, wallet};
use qd_db::Tx;
use qd_kernel::{Amount, Currency, Result};
use qd_ledger::{AccountKey, Purpose};
use qd_ports::bank::same_name;
use qd_runtime::access::{Caller, Right};
use qd_runtime::approvals::{self, NewApproval};
use qd_runtime::jobs::{self, NewJob};
use qd_runtime::{Core, audit, rules};
use serde_json::{Value, json};

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
    let live = Says::of(e.matched.iter().filter(|f| !f.shadow), e.stopped);
    let Says {
        pass,
        stops,
        signals,
        passes,
        ..
    } = &live;
    let (passes, pass) = (*passes, *pass);
    trial(tx, core, &w, &e, &live).await?;
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
    w.approvals_needed = live.people();
    if stops
        .iter()
        .any(|f| f.outcome.get("role").and_then(Value::as_str) == Some("compliance"))
    {
        w.desk = "compliance".into();
    }
    let risky = w.approvals_needed > 1 || w.desk == "compliance" || facts.risk == "high";
    w.queue = if risky { Queue::HighRisk } else { Queue::Standard };
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
        let due = w.due_at.unwrap_or(now);
        go(tx, core, &who, &mut w, to, Some(signals.join(", ")), None).await?;
        turns::begin(tx, core, &w, due).await?;
    }
    Ok(())
}

fn says(f: &rules::Fired) -> &str {
    f.outcome.get("decision").and_then(Value::as_str).unwrap_or("review")
}

/// What the matches of a set come to.
struct Says<'a> {
    pass: Option<&'a rules::Fired>,
    stops: Vec<&'a rules::Fired>,
    signals: Vec<String>,
    passes: bool,
}

impl<'a> Says<'a> {
    fn of(matched: impl Iterator<Item = &'a rules::Fired>, stopped: bool) -> Says<'a> {
        let fired: Vec<_> = matched.collect();
        let pass = fired.iter().find(|f| says(f) == "auto").copied();
        let stops: Vec<_> = fired.into_iter().filter(|f| says(f) != "auto").collect();
        let mut signals: Vec<String> = stops.iter().map(|f| f.reason_code.clone()).collect();
        if stopped {
            signals.push("rule_error".into());
        }
        if pass.is_none() && signals.is_empty() {
            signals.push("no_rule_lets_it_pass".into());
        }
        Says {
            passes: pass.is_some() && stops.is_empty() && !stopped,
            pass,
            stops,
            signals,
        }
    }
    fn people(&self) -> i64 {
        if self.stops.iter().any(|f| says(f) == "two") { 2 } else { 1 }
    }
    fn word(&self) -> &'static str {
        match (self.passes, self.people()) {
            (true, _) => "auto",
            (false, 1) => "review",
            (false, _) => "two",
        }
    }
}

/// What the set would have said with the versions that are being tried in place of the live ones, kept
/// beside what it said; nothing follows from it.
async fn trial(tx: &mut Tx, core: &Core, w: &WithdrawalRow, e: &rules::Evaluation, live: &Says<'_>) -> Result<()> {
    let tried = e.matched.iter().filter(|f| f.shadow).map(|f| f.rule_id);
    // A rule has one live and one tried version: where one of them matched and the other did not, both
    // are named.
    let unmatched = e
        .unmatched
        .iter()
        .map(|(id, _)| *id)
        .filter(|id| e.matched.iter().any(|f| f.rule_id == *id && !f.shadow));
    let failed = e.errors.iter().filter(|x| x.shadow).map(|x| x.rule_id);
    let ids: Vec<rules::RuleId> = tried.chain(unmatched).chain(failed).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let matched = e.matched.iter().filter(|f| f.shadow || !ids.contains(&f.rule_id));
    let stopped = e.errors.iter().any(|x| x.shadow || !ids.contains(&x.rule_id));
    let would = Says::of(matched, stopped);
    store::insert_trial(
        tx,
        &TrialRow {
            withdrawal_id: w.id,
            entity: w.entity.clone(),
            live: live.word().into(),
            trial: would.word().into(),
            live_signals: signals_of(live)?,
            trial_signals: signals_of(&would)?,
            at: core.now(),
        },
    )
    .await
}

fn signals_of(s: &Says<'_>) -> Result<String> {
    let none: &[String] = &[];
    Ok(serde_json::to_string(if s.passes { none } else { &s.signals })?)
}

/// What the rules are told; kept with the decision, to the last figure.
async fn inputs(tx: &mut Tx, core: &Core, w: &WithdrawalRow, facts: &ClientFacts) -> Result<Value> {
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
    let plan = plan_of(tx, w).await?;
    let same_source = plan.iter().all(|l| l.source.is_some());
    let payout = payout(tx, core, w, facts, &plan).await?;
    let velocity = velocity(tx, core, w, facts).await?;
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
        "withdrawals": {"paid": paid, "asked_24h": velocity.0, "asked_7d": velocity.1, "asked_7d_base_minor": velocity.2},
        "payout": payout,
        "screening": {"open_hits": facts.screening_hits},
        "limits": {"auto_max_minor": facts.limits.auto_max_minor, "two_people_over_minor": facts.limits.two_people_over_minor, "kyc_refresh_days": facts.limits.kyc_refresh_days},
    }))
}

/// About the client's own accounts that would be paid to: how long the newest of them is known, how many
/// others use one, and whether each is in the client's name. A return to the source has none.
async fn payout(tx: &mut Tx, core: &Core, w: &WithdrawalRow, facts: &ClientFacts, plan: &[PlannedLeg]) -> Result<Value> {
    let (mut days, mut shared, mut matches) = (NEVER, 0, true);
    for id in plan.iter().filter_map(PlannedLeg::target) {
        let Some(t) = store::target(tx, id).await? else { continue };
        days = days.min(core.now().secs_since(t.added_at) / 86_400);
        shared = shared.max(store::others_with_target(tx, &w.client_id, &t.mark).await?);
        // The name now: it may have been corrected since the account was added.
        matches &= same_name(&t.holder, &facts.name);
    }
    Ok(json!({"target_days": days, "target_other_clients": shared, "name_matches": matches}))
}

/// Requests of a day and of a week with this one, and the week's sum in the base currency; None when a
/// rate is missing.
async fn velocity(tx: &mut Tx, core: &Core, w: &WithdrawalRow, facts: &ClientFacts) -> Result<(i64, i64, Option<i64>)> {
    let now = core.now();
    let count = |rows: &[(Currency, i64, i64)]| rows.iter().map(|r| r.1).sum::<i64>();
    let day = store::withdrawals_since(tx, &w.client_id, now.plus_secs(-86_400)).await?;
    let week = store::withdrawals_since(tx, &w.client_id, now.plus_days(-7)).await?;
    let sum = week.iter().map(|(c, _, minor)| facts.base(Amount::new(*minor, *c))).sum();
    Ok((count(&day), count(&week), sum))
}

pub(super) async fn pay_later(tx: &mut Tx, core: &Core, w: &WithdrawalRow) -> Result<()> {
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

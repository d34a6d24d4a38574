//! Handing in, checking, scoring: a clean low-risk case may pass by rule, every other one goes to a
//! reviewer with named reasons and a due time.

use crate::case::{Case, CaseFile, Done, add_reason, may_act_for, subject};
use crate::checks::{CheckKind, CheckOutcome, Evidence, Finding, builtin};
use crate::documents::check_dates_known;
use crate::model::Command;
use crate::review::{self, snapshot};
use crate::risk::{self, Band, RISK_SET, Risk};
use crate::store::documents::{self, Document};
use crate::store::reviews;
use crate::{Applicant, Asked, CaseState, CheckId, Day, DocumentState, KycId, Policy, Signals, expiry, policy};
use qd_db::Tx;
use qd_kernel::{Problem, Result, Ts};
use qd_runtime::access::{Caller, Who};
use qd_runtime::{Core, audit, files, rules};
use serde_json::{Value, json};

/// The name under which the house decides by itself.
const BY_RULE: &str = "rule:kyc.risk";

/// Hands the case in: everything asked for must be there. Runs the house's checks and the risk
/// rules at once; the answer is `approved` or `submitted`.
pub async fn submit(tx: &mut Tx, core: &Core, caller: &Caller, id: KycId, applicant: Applicant, signals: Signals) -> Result<Case> {
    let mut file = CaseFile::lock(tx, id).await?;
    may_act_for(caller, &file.row.client_id, &file.row.entity)?;
    let now = core.now();
    let from = file.row.state;
    if !from.is_with_client() {
        file.step(Command::Submit)?;
    }
    file.take_applicant(tx, applicant, now).await?;
    let to = file.step(Command::Submit)?;
    let policy = policy::policy(tx, &file.row.entity).await?;
    file.row.state = to;
    file.row.signals.0 = signals;
    file.row.round += 1;
    file.row.submitted_at = Some(now);
    file.row.decided_at = None;
    file.row.decision_id = None;
    file.row.outcome_code = None;
    file.row.reasons.0.clear();
    let due = now.plus_secs(i64::from(policy.review_hours) * 3_600);
    file.row.due_at = Some(due);
    reviews::submitted(tx, &file.row, now, due).await?;
    file.finish(
        tx,
        core,
        caller,
        Done::new("kyc.submitted", from).after(json!({ "round": file.row.round })),
    )
    .await?;
    file.publish(tx, core, "kyc.submitted", json!({ "round": file.row.round })).await?;
    assess(tx, core, &mut file, &policy).await?;
    if file.row.state == CaseState::Submitted {
        let due = file.row.due_at.unwrap_or(due);
        expiry::watch_review(tx, core, &file.row, due).await?;
    }
    Ok(Case::from(&file.row))
}

/// What a provider found out about a case that is handed in: kept, and the case is judged again if
/// nobody has it in hand. The house's jobs only.
pub async fn record_check(tx: &mut Tx, core: &Core, caller: &Caller, id: KycId, finding: Finding) -> Result<Case> {
    if !matches!(caller.who, Who::System(_)) {
        return Err(Problem::forbidden("system_only", "findings come from the house's jobs"));
    }
    let mut file = CaseFile::lock(tx, id).await?;
    if !file.row.state.is_waiting_for_us() {
        return Err(Problem::conflict(
            "kyc_state",
            format!("a case that is {} takes no findings", file.row.state),
        ));
    }
    let from = file.row.state;
    reviews::add_check(tx, CheckId::new(&core.env), &file.row, &finding, core.now()).await?;
    if let Some(flag) = flag_of(finding.kind, finding.outcome)
        && from == CaseState::InReview
    {
        add_reason(&mut file.row, &flag);
    }
    let after = json!({ "check": finding.kind, "provider": finding.provider, "outcome": finding.outcome });
    file.finish(tx, core, caller, Done::new("kyc.check_recorded", from).after(after))
        .await?;
    reassess(tx, core, &mut file).await?;
    Ok(Case::from(&file.row))
}

/// Judges a case again that waits and is in nobody's hands.
pub(crate) async fn reassess(tx: &mut Tx, core: &Core, file: &mut CaseFile) -> Result<()> {
    if file.row.state != CaseState::Submitted {
        return Ok(());
    }
    let policy = policy::policy(tx, &file.row.entity).await?;
    assess(tx, core, file, &policy).await
}

fn flag_of(kind: CheckKind, outcome: CheckOutcome) -> Option<String> {
    match outcome {
        CheckOutcome::Clear => None,
        CheckOutcome::Hit => Some(format!("check_{kind}")),
        CheckOutcome::Error => Some(format!("check_{kind}_error")),
        CheckOutcome::Pending => Some(format!("check_{kind}_pending")),
    }
}

async fn gather(tx: &mut Tx, file: &CaseFile, policy: &Policy, now: Ts) -> Result<Evidence> {
    let current = file.current();
    let me = &file.row.client_id;
    let mut number_used_by = Vec::new();
    let mut file_used_by = Vec::new();
    for d in &current {
        if let Some(n) = d.number() {
            number_used_by.extend(
                documents::clients_with_number(tx, &n.bytes())
                    .await?
                    .into_iter()
                    .filter(|c| c != me),
            );
        }
        file_used_by.extend(files::other_owners(tx, &d.sha256, &crate::documents::owner_of(me)).await?);
    }
    for list in [&mut number_used_by, &mut file_used_by] {
        list.sort();
        list.dedup();
    }
    Ok(Evidence {
        applicant: file.row.applicant.0.clone(),
        signals: file.row.signals.0.clone(),
        requirements: file.requirements.clone(),
        documents: current,
        policy: policy.clone(),
        watchlist: policy::watchlist(tx, &file.row.entity).await?,
        number_used_by,
        file_used_by,
        today: Day::of(now),
    })
}

/// The last answer of each provider to each question.
pub(crate) fn latest(rows: &[reviews::CheckRow]) -> Vec<reviews::CheckRow> {
    let mut out: Vec<reviews::CheckRow> = Vec::new();
    for r in rows {
        match out.iter_mut().find(|o| (o.kind, &o.provider) == (r.kind, &r.provider)) {
            Some(o) => *o = r.clone(),
            None => out.push(r.clone()),
        }
    }
    out
}

async fn assess(tx: &mut Tx, core: &Core, file: &mut CaseFile, policy: &Policy) -> Result<()> {
    let by_rule = Caller::system(BY_RULE);
    let evidence = gather(tx, file, policy, core.now()).await?;
    for check in builtin() {
        reviews::add_check(tx, CheckId::new(&core.env), &file.row, &check.run(&evidence), core.now()).await?;
    }
    let checks = latest(&reviews::checks(tx, file.row.id, file.row.round).await?);
    let class = file.answers.as_ref().map(|a| a.class.as_str());
    let facts = risk::facts(&evidence, &file.entity.config.countries, &checks, class);
    let evaluation = rules::evaluate(tx, RISK_SET, Some(&file.row.entity), &facts).await?;
    let bands = policy::bands(tx, &file.row.entity).await?;
    let risk = risk::score(&evaluation, bands);
    let flags = flags(file, &evidence, &checks, &risk, policy);

    let from = file.row.state;
    file.row.risk_score = Some(risk.score);
    file.row.risk_band = Some(risk.band);
    let by_itself = flags.is_empty() && !risk.needs_person();
    file.row.reasons.0 = flags;
    for r in &risk.reasons {
        add_reason(&mut file.row, &r.code);
    }
    let reasons = file.row.reasons.0.clone();
    if risk.band == Band::High
        && let (Some(at), Some(due)) = (file.row.submitted_at, file.row.due_at)
    {
        let due = due.min(at.plus_secs(i64::from(policy.high_risk_review_hours) * 3_600));
        file.row.due_at = Some(due);
        reviews::due(tx, &file.row, due).await?;
    }
    let inputs = json!({ "risk": { "points": risk.score, "band": risk.band, "reasons": risk.reasons, "bands": bands, "evaluation": evaluation.record() }, "policy": policy });
    if by_itself {
        return approve_by_rule(tx, core, file, &by_rule, inputs).await;
    }
    let seen = snapshot(tx, file, None).await?;
    let decision = audit::Decision {
        caller: &by_rule,
        kind: "kyc.risk",
        subject: file.subject(),
        client_id: Some(file.row.client_id.clone()),
        entity: Some(file.row.entity.clone()),
        outcome: "review".into(),
        reasons: reasons.clone(),
        rule: Some(RISK_SET.into()),
        rule_version: None,
        inputs: with(inputs, "case", seen),
    };
    audit::decide(tx, core, decision).await?;
    file.finish(
        tx,
        core,
        &by_rule,
        Done::new("kyc.sent_to_review", from).after(json!({ "reasons": reasons })),
    )
    .await
}

/// Why a person has to look, by name; none: nobody has to.
fn flags(file: &CaseFile, e: &Evidence, checks: &[reviews::CheckRow], risk: &Risk, policy: &Policy) -> Vec<String> {
    let mut out = Vec::new();
    for kind in CheckKind::ALL {
        let of: Vec<_> = checks.iter().filter(|c| c.kind == *kind).collect();
        let required = policy.required_checks.contains(kind);
        if required && of.is_empty() {
            out.push(format!("check_{kind}_error"));
        }
        // A hit counts whether the policy asks for this check or not.
        out.extend(
            of.iter()
                .filter(|c| required || c.outcome == CheckOutcome::Hit)
                .filter_map(|c| flag_of(c.kind, c.outcome)),
        );
    }
    let silent = |a: &&Asked| !checks.iter().any(|c| c.kind == a.kind && c.provider == a.provider);
    out.extend(
        policy
            .providers
            .iter()
            .filter(silent)
            .filter_map(|a| flag_of(a.kind, CheckOutcome::Pending)),
    );
    let min_age = i64::from(file.entity.config.profile.min_age_years);
    if e.applicant.birth_date.as_ref().is_none_or(|b| b.age_on(&e.today) < min_age) {
        out.push("underage".into());
    }
    let dates_known = |at: usize, d: &Document| {
        file.requirement(&d.requirement)
            .is_none_or(|r| check_dates_known(file, at, r).is_ok())
    };
    if !file
        .documents
        .iter()
        .enumerate()
        .filter(|(_, d)| d.state.is_current())
        .all(|(at, d)| dates_known(at, d))
    {
        out.push("document_dates_unread".into());
    }
    if e.documents.iter().flat_map(|d| &d.mismatches.0).any(|m| !m.is_about_person()) {
        out.push("document_dates".into());
    }
    if risk.stopped {
        out.push("rule_failed".into());
    }
    match risk.band {
        Band::Low => {}
        Band::Medium => out.push("risk_medium".into()),
        Band::High => out.push("risk_high".into()),
    }
    if !policy.auto_approve_low_risk {
        out.push("policy_person".into());
    }
    out.sort();
    out.dedup();
    out
}

fn with(mut inputs: Value, key: &str, v: Value) -> Value {
    if let Value::Object(m) = &mut inputs {
        m.insert(key.into(), v);
    }
    inputs
}

async fn approve_by_rule(tx: &mut Tx, core: &Core, file: &mut CaseFile, by: &Caller, inputs: Value) -> Result<()> {
    let now = core.now();
    let mine: Vec<String> = file.requirements.iter().map(|r| r.code.clone()).collect();
    for d in file
        .documents
        .iter_mut()
        .filter(|d| d.state == DocumentState::Pending && mine.contains(&d.requirement))
    {
        d.state = DocumentState::Accepted;
        d.decided_by = Some(by.id());
        d.decided_label = Some(by.label());
        d.decided_at = Some(now);
        documents::save(tx, d, now).await?;
    }
    let to = file.step(Command::ApproveByRule)?;
    let seen = snapshot(tx, file, None).await?;
    review::approved(tx, core, by, file, to, None, with(inputs, "case", seen), true).await
}

/// For jobs that look a case up by its subject.
pub(crate) fn subject_of(id: KycId) -> String {
    subject(id)
}

//! What a reviewer does with a case: take it, give it back, pass it on, approve, reject, ask again.
//! A verdict names the version of the case the reviewer had on the screen; when anything changed
//! since, it is refused. What is stored as seen is read from the database at that version.

use crate::case::{Case, CaseFile, Done, ask_for, may_review, missing_case, open_again, said};
use crate::compare::mismatches;
use crate::documents::open_differences;
use crate::model::Command;
use crate::store::{self, CaseRow, documents, reviews};
use crate::submit::latest;
use crate::{CaseState, Day, DocumentState, KycId, expiry};
use qd_db::Tx;
use qd_kernel::{Problem, Result};
use qd_runtime::access::{Caller, StaffId};
use qd_runtime::tenancy::RejectKind;
use qd_runtime::{Core, audit};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What the reviewer says beside the decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// The case's version on the reviewer's screen.
    pub version: i64,
    /// Internal: why. Clients never see it.
    pub reason: String,
}

/// One document to send again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Again {
    pub requirement: String,
    /// One of the entity's reasons; none when the requirement is new to the case.
    #[serde(default)]
    pub reason_code: Option<String>,
    /// For the client to read.
    #[serde(default)]
    pub note: Option<String>,
}

/// The case is in this caller's hands, or a conflict that says in whose.
pub(crate) fn in_hand(caller: &Caller, row: &CaseRow) -> Result<()> {
    may_review(caller, &row.entity)?;
    let me = caller.staff_id()?;
    match (row.state, row.owner_id) {
        (CaseState::InReview, Some(o)) if o == me => Ok(()),
        (CaseState::InReview, _) => Err(held(row)),
        (CaseState::Submitted, _) => Err(Problem::conflict("kyc_not_claimed", "claim the case first")),
        (s, _) => Err(Problem::conflict("kyc_state", format!("a case that is {s} is not in review"))),
    }
}

fn held(row: &CaseRow) -> Problem {
    Problem::conflict(
        "kyc_claimed",
        format!("this case is with {}", row.owner_name.as_deref().unwrap_or("somebody else")),
    )
}

/// Whether the reviewer looked at what is there now. The lock has counted one on.
fn on_screen(row: &CaseRow, version: i64) -> Result<()> {
    if row.version - 1 == version {
        return Ok(());
    }
    Err(
        Problem::conflict("kyc_case_changed", "the case changed since you opened it; look again").and_field(
            "/version",
            "version_changed",
            "expected the latest version",
        ),
    )
}

/// Takes a case from the queue. One of two who try at once gets it; the other learns its owner.
pub async fn claim(tx: &mut Tx, core: &Core, caller: &Caller, id: KycId) -> Result<Case> {
    let seen = store::find(tx, id).await?.ok_or_else(missing_case)?;
    may_review(caller, &seen.entity)?;
    let me = caller.staff_id()?;
    if seen.state == CaseState::InReview && seen.owner_id == Some(me) {
        return Ok(Case::from(&seen));
    }
    let mut file = CaseFile::lock(tx, id).await?;
    if file.row.state == CaseState::InReview && file.row.owner_id != Some(me) {
        return Err(held(&file.row));
    }
    give(tx, core, caller, &mut file, Command::Claim, me, caller.label(), None).await
}

/// Gives one's own case back to the queue; its clock goes on.
pub async fn release(tx: &mut Tx, core: &Core, caller: &Caller, id: KycId) -> Result<Case> {
    let mut file = CaseFile::lock(tx, id).await?;
    in_hand(caller, &file.row)?;
    let from = file.row.state;
    file.row.state = file.step(Command::Release)?;
    file.row.owner_id = None;
    file.row.owner_name = None;
    file.row.claimed_at = None;
    file.finish(tx, core, caller, Done::new("kyc.released", from)).await?;
    file.publish(tx, core, "kyc.released", json!({})).await?;
    Ok(Case::from(&file.row))
}

/// Puts a waiting case into a colleague's hands, whoever has it now. `to_name` is for the queue;
/// that the colleague may review is checked when they act.
pub async fn reassign(tx: &mut Tx, core: &Core, caller: &Caller, id: KycId, to: StaffId, to_name: &str, reason: &str) -> Result<Case> {
    let mut file = CaseFile::lock(tx, id).await?;
    may_review(caller, &file.row.entity)?;
    let reason = said("/reason", reason)?;
    give(
        tx,
        core,
        caller,
        &mut file,
        Command::Reassign,
        to,
        to_name.to_string(),
        Some(reason),
    )
    .await
}

#[allow(clippy::too_many_arguments, reason = "who gives what to whom")]
async fn give(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    file: &mut CaseFile,
    how: Command,
    to: StaffId,
    to_name: String,
    reason: Option<&str>,
) -> Result<Case> {
    let from = file.row.state;
    let now = core.now();
    let before = file.row.owner_id;
    file.row.state = file.step(how)?;
    file.row.owner_id = Some(to);
    file.row.owner_name = Some(to_name.clone());
    file.row.claimed_at = Some(now);
    reviews::claimed(tx, &file.row, now).await?;
    let what = if how == Command::Claim { "kyc.claimed" } else { "kyc.reassigned" };
    let after = json!({ "owner_id": to, "owner_name": to_name, "owner_before": before });
    file.finish(tx, core, caller, Done::new(what, from).note(reason).after(after))
        .await?;
    // Whoever has it open sees at once in whose hands it is.
    file.publish(tx, core, what, json!({ "reviewer_id": to })).await?;
    Ok(Case::from(&file.row))
}

/// Everything a reviewer has on the screen, with hashes instead of pictures, and when the reviewer
/// opened each document.
pub(crate) async fn snapshot(tx: &mut Tx, file: &CaseFile, viewer: Option<&Caller>) -> Result<Value> {
    let r = &file.row;
    let opened = match viewer {
        Some(c) => store::views_by(tx, r.id, &c.id()).await?,
        None => Vec::new(),
    };
    let docs: Vec<Value> = file
        .documents
        .iter()
        .filter(|d| d.state.is_current())
        .map(|d| {
            json!({
                "id": d.id, "requirement": d.requirement, "kind": d.kind, "side": d.side, "state": d.state, "file_id": d.file_id, "sha256": d.sha256,
                "uploaded_at_us": d.uploaded_at, "fields": d.fields.0, "fields_source": d.fields_source, "mismatches": d.mismatches.0,
                "waivers": d.waivers.0, "reason_code": d.reason_code,
                "opened_at_us": opened.iter().find(|v| v.document_id == d.id).map(|v| v.at),
            })
        })
        .collect();
    let checks: Vec<Value> = latest(&reviews::checks(tx, r.id, r.round).await?)
        .iter()
        .map(|c| json!({ "kind": c.kind, "provider": c.provider, "outcome": c.outcome, "hits": c.hits, "details": c.details, "at_us": c.at }))
        .collect();
    let test = file.answers.as_ref().map(|a| {
        json!({ "id": a.id, "code": a.code, "version": a.version, "points": a.score, "class": a.class, "leverage_cap": a.leverage_cap,
            "acknowledged_at_us": a.acknowledged_at })
    });
    Ok(json!({
        "case_id": r.id, "version": r.version - 1, "round": r.round, "level": r.level, "entity": r.entity, "config_version": r.config_version,
        "applicant": r.applicant.0, "signals": r.signals.0, "requirements": file.requirements, "documents": docs, "checks": checks,
        "questionnaire": test, "risk_score": r.risk_score, "risk_band": r.risk_band, "reasons": r.reasons.0,
    }))
}

/// Approves a case whose documents are all accepted.
pub async fn approve(tx: &mut Tx, core: &Core, caller: &Caller, id: KycId, verdict: Verdict) -> Result<Case> {
    let mut file = CaseFile::lock(tx, id).await?;
    in_hand(caller, &file.row)?;
    on_screen(&file.row, verdict.version)?;
    let reason = said("/reason", &verdict.reason)?;
    let to = file.step(Command::Approve)?;
    let seen = snapshot(tx, &file, Some(caller)).await?;
    approved(tx, core, caller, &mut file, to, Some(reason), seen, false).await?;
    Ok(Case::from(&file.row))
}

#[allow(clippy::too_many_arguments, reason = "the parts of one decision")]
pub(crate) async fn approved(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    file: &mut CaseFile,
    to: CaseState,
    reason: Option<&str>,
    inputs: Value,
    automatic: bool,
) -> Result<()> {
    still_fit(core, file)?;
    let from = file.row.state;
    let now = core.now();
    let reasons = file.row.reasons.0.clone();
    file.row.approved_at = Some(now);
    decide(
        tx,
        core,
        caller,
        file,
        to,
        Outcome {
            word: "approved",
            reasons,
            reason,
            inputs,
            automatic,
        },
    )
    .await?;
    file.finish(
        tx,
        core,
        caller,
        Done::new("kyc.approved", from)
            .note(reason)
            .after(json!({ "decision": file.row.decision_id, "automatic": automatic })),
    )
    .await?;
    file.publish(tx, core, "kyc.approved", json!({ "automatic": automatic })).await?;
    expiry::plan(tx, core, file).await
}

/// A document that was fine when it was accepted may have run out since.
fn still_fit(core: &Core, file: &CaseFile) -> Result<()> {
    let today = Day::of(core.now());
    let days_left = file.entity.config.documents.min_days_left;
    for r in &file.requirements {
        for d in r.current(&file.documents) {
            let found = mismatches(&file.row.applicant.0, r, &d.fields.0, &today, days_left);
            if let Some(m) = open_differences(&found, &d.waivers.0).first() {
                return Err(
                    Problem::conflict("kyc_mismatch", "an accepted document does not fit any more").and_field(
                        &format!("/documents/{}/fields/{}", d.id, m.field),
                        m.reason.clone(),
                        "expected another document or a waiver",
                    ),
                );
            }
        }
    }
    Ok(())
}

/// Ends the case for the client. The reason is one of the entity's that are not "send it again";
/// the client reads its text, which may be a general one.
pub async fn reject(tx: &mut Tx, core: &Core, caller: &Caller, id: KycId, reason_code: &str, verdict: Verdict) -> Result<Case> {
    let mut file = CaseFile::lock(tx, id).await?;
    in_hand(caller, &file.row)?;
    on_screen(&file.row, verdict.version)?;
    let reason = said("/reason", &verdict.reason)?;
    let known = file
        .entity
        .config
        .reject_reason(reason_code)
        .cloned()
        .ok_or_else(|| Problem::invalid("/reason_code", "reason_unknown", "expected a reason of the entity's list"))?;
    if known.kind == RejectKind::Retry {
        return Err(Problem::invalid(
            "/reason_code",
            "reason_not_final",
            "with this reason the client is asked again",
        ));
    }
    let from = file.row.state;
    let to = file.step(Command::Reject)?;
    let inputs = snapshot(tx, &file, Some(caller)).await?;
    file.row.outcome_code = Some(known.code.clone());
    let outcome = Outcome {
        word: "rejected",
        reasons: vec![known.code.clone()],
        reason: Some(reason),
        inputs,
        automatic: false,
    };
    decide(tx, core, caller, &mut file, to, outcome).await?;
    let after = json!({ "decision": file.row.decision_id, "reason_code": known.code });
    file.finish(tx, core, caller, Done::new("kyc.rejected", from).note(Some(reason)).after(after))
        .await?;
    // Texts, not codes: the true reason may not be told.
    file.publish(tx, core, "kyc.rejected", json!({ "reasons": [known.text_key] }))
        .await?;
    Ok(Case::from(&file.row))
}

/// Sends the case back for some documents. Those rejected already are asked for, and those named
/// here; a requirement of the rule book the case did not have is added.
pub async fn ask_again(tx: &mut Tx, core: &Core, caller: &Caller, id: KycId, again: Vec<Again>, verdict: Verdict) -> Result<Case> {
    let mut file = CaseFile::lock(tx, id).await?;
    in_hand(caller, &file.row)?;
    on_screen(&file.row, verdict.version)?;
    let reason = said("/reason", &verdict.reason)?;
    let now = core.now();
    for (i, a) in again.iter().enumerate() {
        ask_for(tx, &mut file, &a.requirement, &format!("/again/{i}/requirement"), now).await?;
        let at = format!("/again/{i}/reason_code");
        let known = match &a.reason_code {
            None => None,
            Some(c) => Some(
                file.entity
                    .config
                    .reject_reason(c)
                    .cloned()
                    .ok_or_else(|| Problem::invalid(&at, "reason_unknown", "expected a reason of the entity's list"))?,
            ),
        };
        if known.as_ref().is_some_and(|k| k.kind == RejectKind::Final) {
            return Err(Problem::invalid(
                &at,
                "reason_final",
                "this reason ends the whole case: reject the case",
            ));
        }
        let note = a
            .note
            .as_deref()
            .map(|n| said(&format!("/again/{i}/note"), n))
            .transpose()?
            .map(str::to_string);
        for d in file
            .documents
            .iter_mut()
            .filter(|d| d.requirement == a.requirement && d.state.is_current())
        {
            let Some(k) = &known else {
                return Err(Problem::invalid(
                    &at,
                    "reason_missing",
                    "expected a reason for a document that is there",
                ));
            };
            d.state = DocumentState::Rejected;
            d.reason_code = Some(k.code.clone());
            d.reason_note.clone_from(&note);
            d.decided_by = Some(caller.id());
            d.decided_label = Some(caller.label());
            d.decided_at = Some(now);
            documents::save(tx, d, now).await?;
        }
    }
    let from = file.row.state;
    let to = file.step(Command::AskAgain)?;
    let inputs = snapshot(tx, &file, Some(caller)).await?;
    let mut codes: Vec<String> = file
        .documents
        .iter()
        .filter(|d| d.state == DocumentState::Rejected)
        .filter_map(|d| d.reason_code.clone())
        .collect();
    codes.sort();
    codes.dedup();
    let asked = asked(&file);
    decide(
        tx,
        core,
        caller,
        &mut file,
        to,
        Outcome {
            word: "resubmission",
            reasons: codes,
            reason: Some(reason),
            inputs,
            automatic: false,
        },
    )
    .await?;
    let after = json!({ "decision": file.row.decision_id, "asked": asked });
    file.finish(
        tx,
        core,
        caller,
        Done::new("kyc.resubmission_requested", from).note(Some(reason)).after(after),
    )
    .await?;
    file.publish(tx, core, "kyc.resubmission_requested", json!({ "documents": asked }))
        .await?;
    Ok(Case::from(&file.row))
}

/// What the client is told to send: requirement, the reason's text, the reviewer's note.
fn asked(file: &CaseFile) -> Vec<Value> {
    file.requirements
        .iter()
        .filter(|r| !file.document_missing(r).is_empty())
        .map(|r| {
            let d = r.current(&file.documents).into_iter().find(|d| d.state == DocumentState::Rejected);
            let text = d
                .and_then(|d| d.reason_code.as_deref())
                .and_then(|c| file.entity.config.reject_reason(c))
                .map(|k| k.text_key.clone());
            json!({ "requirement": r.code, "title_key": r.title_key, "text_key": text, "note": d.and_then(|d| d.reason_note.clone()) })
        })
        .collect()
}

struct Outcome<'a> {
    word: &'static str,
    reasons: Vec<String>,
    reason: Option<&'a str>,
    inputs: Value,
    automatic: bool,
}

/// The decision record, the review's end, and the row out of everybody's hands. The caller saves.
async fn decide(tx: &mut Tx, core: &Core, caller: &Caller, file: &mut CaseFile, to: CaseState, o: Outcome<'_>) -> Result<()> {
    let mut inputs = o.inputs;
    if let (Value::Object(m), Some(r)) = (&mut inputs, o.reason) {
        m.insert("said".into(), Value::String(r.to_string()));
    }
    let decision = audit::Decision {
        caller,
        kind: "kyc",
        subject: file.subject(),
        client_id: Some(file.row.client_id.clone()),
        entity: Some(file.row.entity.clone()),
        outcome: o.word.into(),
        reasons: o.reasons,
        rule: o.automatic.then(|| crate::risk::RISK_SET.to_string()),
        rule_version: None,
        inputs,
    };
    let decision = audit::decide(tx, core, decision).await?;
    let now = core.now();
    let approved_at = file.row.approved_at.filter(|_| to == CaseState::Approved);
    reviews::decided(tx, &file.row, now, o.word, o.automatic, &caller.id(), &decision.to_string()).await?;
    open_again(&mut file.row, to, now);
    file.row.approved_at = approved_at;
    file.row.decided_at = Some(now);
    file.row.decision_id = Some(decision.to_string());
    expiry::review_over(tx, core, file.row.id, o.word).await
}

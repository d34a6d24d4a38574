//! A case as its readers see it. One view; what a reader may not see is not in it.

use crate::case::{CaseFile, may_look, missing_case, wide};
use crate::model::Command;
use crate::risk::Band;
use crate::store::reviews;
use crate::submit::latest;
use crate::{
    Applicant, CaseState, CheckKind, CheckOutcome, DocumentFields, DocumentId, DocumentState, FieldsSource, KycId, Level, Mismatch,
    RequirementState, Reviewer, Side, Signals, Step, Waiver, steps, store,
};
use qd_db::Tx;
use qd_kernel::{Result, Ts};
use qd_runtime::access::{Caller, Mask, Right, mask};
use qd_runtime::files::Mime;
use qd_runtime::tenancy::RejectKind;
use serde::Serialize;
use serde_json::Value;

pub use crate::store::HistoryLine;

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = KycCase)]
pub struct CaseView {
    pub id: KycId,
    pub client_id: String,
    pub entity: String,
    pub level: Level,
    pub state: CaseState,
    /// Hand it back with a verdict.
    pub version: i64,
    /// The rule book's version the list of documents was taken from.
    pub config_version: i64,
    pub round: i64,
    pub opened_at_us: Ts,
    pub submitted_at_us: Option<Ts>,
    pub decided_at_us: Option<Ts>,
    pub approved_at_us: Option<Ts>,
    pub steps: Vec<Step>,
    pub missing: Vec<String>,
    /// Everything is there: the client may hand in.
    pub can_submit: bool,
    pub requirements: Vec<RequirementView>,
    /// Every upload, the oldest first.
    pub documents: Vec<DocumentView>,
    /// The text a rejected client reads.
    pub outcome_text_key: Option<String>,
    // The house's side; None for the client.
    pub due_at_us: Option<Ts>,
    /// Waits for the house past its time; see [`CaseView::by_the_clock`].
    pub overdue: Option<bool>,
    pub owner: Option<Reviewer>,
    pub outcome_code: Option<String>,
    pub decision_id: Option<String>,
    pub applicant: Option<Applicant>,
    /// For those who see money-laundering matters.
    pub risk: Option<RiskView>,
    pub checks: Option<Vec<CheckView>>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = KycRequirement)]
pub struct RequirementView {
    pub code: String,
    pub title_key: String,
    pub kinds: Vec<String>,
    pub two_sided: Vec<String>,
    pub max_age_days: Option<u32>,
    pub expires: bool,
    pub state: RequirementState,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = KycDocument)]
pub struct DocumentView {
    pub id: DocumentId,
    pub requirement: String,
    pub kind: String,
    pub side: Side,
    pub state: DocumentState,
    pub mime: Mime,
    pub size: i64,
    pub uploaded_at_us: Ts,
    pub expires_on: Option<crate::Day>,
    /// Set when it was rejected; the code only where it may be told.
    pub reason_code: Option<String>,
    pub reason_text_key: Option<String>,
    pub reason_note: Option<String>,
    pub superseded_by: Option<DocumentId>,
    /// The house's side; None for the client and for those to whom documents are covered.
    pub detail: Option<DocumentDetail>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = KycDocumentDetail)]
pub struct DocumentDetail {
    pub sha256: String,
    pub uploaded_by: String,
    pub fields: DocumentFields,
    pub fields_source: Option<FieldsSource>,
    pub fields_by: Option<String>,
    /// Typed and printed, side by side.
    pub mismatches: Vec<Mismatch>,
    pub waivers: Vec<Waiver>,
    pub decided_by: Option<String>,
    pub decided_at_us: Option<Ts>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = KycRisk)]
pub struct RiskView {
    pub score: Option<i64>,
    pub band: Option<Band>,
    pub reasons: Vec<String>,
    pub signals: Signals,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = KycCheckRun)]
pub struct CheckView {
    pub kind: CheckKind,
    pub provider: String,
    pub outcome: CheckOutcome,
    pub hits: i64,
    pub details: Value,
    pub at_us: Ts,
}

impl CaseView {
    /// Says whether the case is late at a moment; to the house only.
    pub fn by_the_clock(mut self, now: Ts) -> CaseView {
        self.overdue = self.due_at_us.map(|due| self.state.is_waiting_for_us() && due < now);
        self
    }
}

/// One case.
pub async fn case_view(tx: &mut Tx, caller: &Caller, id: KycId) -> Result<CaseView> {
    let row = store::find(tx, id).await?.ok_or_else(missing_case)?;
    may_look(caller, &row.client_id, &row.entity)?;
    let file = CaseFile::load(tx, row).await?;
    view(tx, caller, &file).await
}

/// A client's case at a level, if it was opened.
pub async fn case_of_client(tx: &mut Tx, caller: &Caller, client_id: &str, level: Level) -> Result<Option<CaseView>> {
    let Some(row) = store::of_client(tx, client_id).await?.into_iter().find(|r| r.level == level) else {
        return Ok(None);
    };
    may_look(caller, &row.client_id, &row.entity)?;
    let file = CaseFile::load(tx, row).await?;
    Ok(Some(view(tx, caller, &file).await?))
}

/// A client's cases as they were at a moment, with their history up to it, the standard one first.
pub async fn cases_at(tx: &mut Tx, caller: &Caller, client_id: &str, at: Ts) -> Result<Vec<(CaseView, Vec<HistoryLine>)>> {
    let mut out = Vec::new();
    for row in store::of_client_at(tx, client_id, at).await? {
        may_look(caller, &row.client_id, &row.entity)?;
        let id = row.id;
        let file = CaseFile::load_at(tx, row, at).await?;
        let v = view_at(tx, caller, &file, at).await?.by_the_clock(at);
        let mut lines = history(tx, caller, id).await?;
        lines.retain(|l| l.at_us <= at);
        out.push((v, lines));
    }
    Ok(out)
}

/// Everything that happened to a case, for the house.
pub async fn history(tx: &mut Tx, caller: &Caller, id: KycId) -> Result<Vec<HistoryLine>> {
    let row = store::find(tx, id).await?.ok_or_else(missing_case)?;
    wide(caller, Right::KycView)?;
    may_look(caller, &row.client_id, &row.entity)?;
    let mut lines = store::history(tx, id).await?;
    if !caller.sees(Mask::Aml) {
        // What a reviewer wrote is about suspicions as often as not.
        for l in &mut lines {
            l.note = l.note.take().map(|n| mask::text(caller, Mask::Aml, &n));
        }
    }
    Ok(lines)
}

async fn view(tx: &mut Tx, caller: &Caller, file: &CaseFile) -> Result<CaseView> {
    view_at(tx, caller, file, Ts(i64::MAX)).await
}

/// `at`: checks that ran later are not in it.
async fn view_at(tx: &mut Tx, caller: &Caller, file: &CaseFile, at: Ts) -> Result<CaseView> {
    let r = &file.row;
    let house = caller.kind() != "client";
    let aml = house && caller.sees(Mask::Aml);
    let checks = if aml {
        let mut rows = reviews::checks(tx, r.id, r.round).await?;
        rows.retain(|c| c.at <= at);
        let rows = latest(&rows);
        Some(
            rows.into_iter()
                .map(|c| CheckView {
                    kind: c.kind,
                    provider: c.provider,
                    outcome: c.outcome,
                    hits: c.hits,
                    details: c.details,
                    at_us: c.at,
                })
                .collect(),
        )
    } else {
        None
    };
    let text_of = |code: &Option<String>| code.as_deref().and_then(|c| file.entity.config.reject_reason(c)).cloned();
    let outcome = text_of(&r.outcome_code).filter(|_| r.state == CaseState::Rejected);
    let documents = file
        .documents
        .iter()
        .map(|d| {
            let open = house && caller.sees(Mask::Documents);
            // While it is in a reviewer's hands, a rejection of one document is not out yet.
            let undecided = !house && r.state == CaseState::InReview && d.state == DocumentState::Rejected;
            let reason = text_of(&d.reason_code).filter(|_| !undecided);
            DocumentView {
                id: d.id,
                requirement: d.requirement.clone(),
                kind: d.kind.clone(),
                side: d.side,
                state: if undecided { DocumentState::Pending } else { d.state },
                mime: d.mime,
                size: d.size,
                uploaded_at_us: d.uploaded_at,
                expires_on: d.expires_on.clone(),
                reason_code: reason
                    .as_ref()
                    .filter(|k| house || k.kind == RejectKind::Retry)
                    .map(|k| k.code.clone()),
                reason_text_key: reason.map(|k| k.text_key),
                reason_note: d.reason_note.clone().filter(|_| !undecided),
                superseded_by: d.superseded_by,
                detail: open.then(|| DocumentDetail {
                    sha256: d.sha256.clone(),
                    uploaded_by: d.uploaded_by.clone(),
                    fields: d.fields.0.clone(),
                    fields_source: d.fields_source,
                    fields_by: d.fields_by.clone(),
                    mismatches: d.mismatches.0.clone(),
                    waivers: d.waivers.0.clone(),
                    decided_by: d.decided_label.clone(),
                    decided_at_us: d.decided_at,
                }),
            }
        })
        .collect();
    Ok(CaseView {
        id: r.id,
        client_id: r.client_id.clone(),
        entity: r.entity.clone(),
        level: r.level,
        state: r.state,
        version: r.version,
        config_version: r.config_version,
        round: r.round,
        opened_at_us: r.opened_at,
        submitted_at_us: r.submitted_at,
        decided_at_us: r.decided_at,
        approved_at_us: r.approved_at,
        steps: steps::of(file),
        missing: if r.state == CaseState::InReview {
            Vec::new()
        } else {
            file.missing()
        },
        can_submit: file.step(Command::Submit).is_ok(),
        requirements: file
            .requirements
            .iter()
            .map(|q| RequirementView {
                code: q.code.clone(),
                title_key: q.title_key.clone(),
                kinds: q.kinds.clone(),
                two_sided: q.two_sided.clone(),
                max_age_days: q.max_age_days,
                expires: q.expires,
                state: q.state(&file.documents),
            })
            .collect(),
        documents,
        outcome_text_key: outcome.as_ref().map(|k| k.text_key.clone()),
        due_at_us: r.due_at.filter(|_| house),
        overdue: None,
        owner: r.owner_id.filter(|_| house).map(|id| Reviewer {
            id,
            name: r.owner_name.clone().unwrap_or_default(),
        }),
        outcome_code: r.outcome_code.clone().filter(|_| aml),
        decision_id: r.decision_id.clone().filter(|_| house),
        applicant: (house && caller.sees(Mask::Contact)).then(|| for_eyes_of(caller, r.applicant.0.clone())),
        risk: aml.then(|| RiskView {
            score: r.risk_score,
            band: r.risk_band,
            reasons: r.reasons.0.clone(),
            signals: r.signals.0.clone(),
        }),
        checks,
    })
}

/// The applicant without what the caller may not see: exposure is compliance's, means are for those
/// who see money.
fn for_eyes_of(caller: &Caller, mut a: Applicant) -> Applicant {
    if !caller.sees(Mask::Aml) {
        a.pep = None;
    }
    if !caller.sees(Mask::Money) {
        a.source_of_funds = None;
        a.occupation = None;
    }
    a
}

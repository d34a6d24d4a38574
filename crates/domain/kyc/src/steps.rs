//! The stepper: one function for the client's portal and the back office, so that both always show
//! the same.

use crate::case::{CaseFile, may_look, missing_case};
use crate::{CaseState, KycId, RequirementState, store};
use qd_db::Tx;
use qd_kernel::{Result, Ts, text_enum};
use qd_runtime::access::Caller;
use serde::Serialize;

text_enum!(
    StepState as KycStepState {
        Todo = "todo",
        Done = "done",
        /// The house has to act.
        Waiting = "waiting",
        /// The client has to act again.
        Attention = "attention",
    }
);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = KycStep)]
pub struct Step {
    /// `profile`, `questionnaire`, `document.identity`…, `review`; texts are in the catalogue.
    pub key: String,
    pub state: StepState,
    /// What is not there, by the same keys as everywhere.
    pub missing: Vec<String>,
    /// When it last moved.
    pub at_us: Option<Ts>,
}

/// The steps of a case, in order.
pub async fn steps(tx: &mut Tx, caller: &Caller, id: KycId) -> Result<Vec<Step>> {
    let row = store::find(tx, id).await?.ok_or_else(missing_case)?;
    may_look(caller, &row.client_id, &row.entity)?;
    Ok(of(&CaseFile::load(tx, row).await?))
}

pub(crate) fn of(file: &CaseFile) -> Vec<Step> {
    let row = &file.row;
    let mut out = Vec::new();
    let profile: Vec<String> = row.applicant.0.missing().into_iter().map(|f| format!("profile.{f}")).collect();
    out.push(Step {
        key: "profile".into(),
        state: if profile.is_empty() { StepState::Done } else { StepState::Todo },
        missing: profile,
        at_us: None,
    });
    if file.asks_test() {
        let missing: Vec<String> = file.test_missing().into_iter().collect();
        let state = match (&file.answers, missing.is_empty()) {
            (None, _) => StepState::Todo,
            (Some(_), true) => StepState::Done,
            (Some(_), false) => StepState::Attention,
        };
        out.push(Step {
            key: "questionnaire".into(),
            state,
            missing,
            at_us: file.answers.as_ref().map(|a| a.acknowledged_at.unwrap_or(a.answered_at)),
        });
    }
    for r in &file.requirements {
        let state = match r.state(&file.documents) {
            RequirementState::Missing if file.documents.iter().any(|d| d.requirement == r.code) => StepState::Attention,
            RequirementState::Missing | RequirementState::SideMissing => StepState::Todo,
            RequirementState::Rejected if row.state == CaseState::InReview => StepState::Waiting,
            RequirementState::Rejected => StepState::Attention,
            RequirementState::Pending => StepState::Waiting,
            RequirementState::Accepted => StepState::Done,
        };
        // What a reviewer rejects is told when the whole verdict is.
        let missing = if row.state == CaseState::InReview {
            Vec::new()
        } else {
            file.document_missing(r)
        };
        let at = file
            .documents
            .iter()
            .filter(|d| d.requirement == r.code)
            .map(|d| d.decided_at.unwrap_or(d.uploaded_at).max(d.uploaded_at))
            .max();
        out.push(Step {
            key: format!("document.{}", r.code),
            state,
            missing,
            at_us: at,
        });
    }
    let (state, at) = match row.state {
        CaseState::Open | CaseState::Collecting => (StepState::Todo, None),
        CaseState::Submitted | CaseState::InReview => (StepState::Waiting, row.submitted_at),
        CaseState::Approved => (StepState::Done, row.approved_at),
        CaseState::Resubmission | CaseState::Rejected | CaseState::Expired => (StepState::Attention, row.decided_at),
    };
    out.push(Step {
        key: "review".into(),
        state,
        missing: Vec::new(),
        at_us: at,
    });
    out
}

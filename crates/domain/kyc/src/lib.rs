//! Verification of clients: cases, documents, checks, risk, review, the appropriateness test.
//!
//! - One case for each client and level. What it asks for is copied from the entity's rule book
//!   with the book's version; what the client gave is kept for ever, every upload with its state.
//! - The state machine is [`model::next`], pure. Every command locks the case's row first, asks the
//!   model, writes, and leaves a line in the case's history, an audit row and, where it decides
//!   about a person, a decision with exactly what was seen.
//! - Checks are providers behind [`Check`]; what a remote vendor found arrives by [`record_check`].
//! - This crate reads no other domain's tables: facts about the client come as [`Applicant`] and
//!   [`Signals`].

mod applicant;
mod case;
mod checks;
mod compare;
mod day;
mod documents;
mod expiry;
pub mod model;
mod number;
mod policy;
mod questionnaire;
mod queue;
mod requirement;
mod review;
mod risk;
mod standing;
mod steps;
mod store;
mod submit;
mod view;

pub use applicant::{Applicant, Signals};
pub use case::{Case, Reviewer, open_case, reopen, set_applicant};
pub use checks::{Check, CheckKind, CheckOutcome, Evidence, Finding, builtin};
pub use compare::{Mismatch, same_name};
pub use day::Day;
pub use documents::{
    DocumentFields, DocumentVerdict, FieldsSource, NewDocument, Waiver, add_document, decide_document, read_document, view_document,
};
pub use expiry::handlers;
pub use model::{CaseState, Level};
pub use number::{DocumentNumber, NumberKey, clients_with_number};
pub use policy::{Asked, BANDS_KEY, Bands, POLICY_KEY, Policy, WATCHLIST_KEY, Watchlist};
pub use questionnaire::{AnswerSet, acknowledge_warning, answer, answers_of, leverage_cap};
pub use queue::{Figures, OwnedBy, QueueFilter, QueueRow, figures, queue};
pub use requirement::{DocumentState, Requirement, RequirementState, Side};
pub use review::{Again, Verdict, approve, ask_again, claim, reassign, reject, release};
pub use risk::{Band, Reason, Risk};
pub use standing::{Approval, KycStanding, gate, who_approved};
pub use steps::{Step, StepState, steps};
pub use submit::{record_check, submit};
pub use view::{CaseView, CheckView, DocumentView, HistoryLine, RequirementView, RiskView, case_of_client, case_view, cases_at, history};

use qd_kernel::id;

id!(KycId, "kyc", "A client's verification at one level.");
id!(DocumentId, "doc", "One upload of a document.");
id!(CheckId, "chk", "One run of a check.");
id!(AnswersId, "qan", "One set of answers to a questionnaire.");

//! One inbox for everything that waits for votes: whatever it is about, it is decided here, by the
//! module whose it is.

use crate::kit::{At, Reply, write};
use axum::extract::State;
use qd_app::{App, merging};
use qd_clients::duplicates::DuplicateId;
use qd_db::Tx;
use qd_kernel::{Problem, Result};
use qd_partners::{CorrectionId, PayoutId, corrections, payouts, programmes};
use qd_payments::{BankBatchId, WithdrawalId, bank, withdrawal};
use qd_runtime::access::Caller;
use qd_runtime::approvals::{self, ApprovalId, ApprovalView};
use qd_web::{Answer, Asker, Body, IdempotencyKey};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"approve": false, "reason": "The card holder is somebody else.", "reason_code": "details_wrong"}))]
pub struct Decide {
    approve: bool,
    /// Compulsory with a no.
    #[serde(default)]
    reason: String,
    /// What the client is told with a withdrawal's no, by code; `other` without a word.
    #[serde(default)]
    reason_code: Option<String>,
}

async fn decide_subject(tx: &mut Tx, app: &App, caller: &Caller, subject: &str, r: &Decide) -> Result<()> {
    let (kind, id) = subject.split_once(':').unwrap_or((subject, ""));
    match kind {
        "withdrawal" if r.approve => {
            let why = Some(r.reason.clone()).filter(|w| !w.trim().is_empty());
            withdrawal::approve(tx, &app.core, caller, WithdrawalId::parse(id)?, why).await?;
        }
        "withdrawal" => {
            let code = r.reason_code.as_deref().unwrap_or("other");
            withdrawal::reject(tx, &app.core, caller, WithdrawalId::parse(id)?, code, &r.reason).await?;
        }
        "bank_batch" => {
            bank::decide(tx, &app.core, caller, BankBatchId::parse(id)?, r.approve, &r.reason).await?;
        }
        "partner_payout" => {
            let id = PayoutId::parse(id)?;
            let seen = match payouts::get(tx, caller, id).await {
                Ok(p) => serde_json::to_value(p)?,
                Err(_) => json!({"payout": id}),
            };
            payouts::decide(tx, &app.core, caller, id, r.approve, &r.reason, seen).await?;
        }
        corrections::SUBJECT => {
            super::partners::decide_it(tx, app, caller, CorrectionId::parse(id)?, r.approve, &r.reason).await?;
        }
        programmes::SUBJECT => {
            programmes::vote(tx, &app.core, caller, id, r.approve, &r.reason).await?;
        }
        qd_recon::SUBJECT => {
            super::recon::decide(tx, app, caller, qd_recon::BreakId::parse(id)?, r.approve, &r.reason).await?;
        }
        merging::SUBJECT => {
            merging::decide_move(app, tx, caller, DuplicateId::parse(id)?, r.approve, &r.reason).await?;
        }
        _ => return Err(Problem::bug("approval_unknown", format!("nobody decides about {kind}"))),
    }
    Ok(())
}

/// My yes or no on what waits, whatever it is about. The rules are those of the thing itself: the
/// right, a fresh proof, another person than the one who asked, each person once.
#[utoipa::path(post, path = "/api/v1/approvals/{id}/decide", tag = "control", request_body = Decide, responses((status = 200, body = ApprovalView)))]
pub async fn decide(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<ApprovalId>,
    Body(req): Body<Decide>,
) -> Reply<Answer> {
    let (a, c, r) = (app.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "approval.decide", &(id, &req), 200, async move |tx| {
        let waiting = approvals::get(tx, &c, id).await?;
        decide_subject(tx, &a, &c, &waiting.subject, &r).await?;
        approvals::get(tx, &c, id).await
    })
    .await
}

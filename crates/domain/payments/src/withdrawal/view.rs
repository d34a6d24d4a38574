//! What a withdrawal looks like to its client and to staff, and where its money is.

use super::turns::{self, TurnView};
use super::{Checks, LegState, Queue, REVIEW_DUE_S, WithdrawalState, load};
use crate::status::{Step, StepState, at};
use crate::store::{self, LegRow, WithdrawalFilter, WithdrawalRow};
use crate::{WithdrawalId, known, purpose, whose};
use qd_db::Tx;
use qd_kernel::{Amount, Page, PageRequest, Result, Ts};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Mask, Right};
use qd_trading::moves;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WithdrawalLeg)]
pub struct LegView {
    pub n: i64,
    /// `refund` to the source, `payout` to the client's account at a provider, or `bank`.
    pub kind: String,
    pub connection: Option<String>,
    pub deposit_id: Option<String>,
    pub amount: Amount,
    pub state: LegState,
    pub provider_ref: Option<String>,
    pub failure_code: Option<String>,
    pub done_at_us: Option<Ts>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Withdrawal)]
pub struct WithdrawalView {
    pub id: WithdrawalId,
    pub client_id: String,
    pub entity: String,
    pub account_id: Option<String>,
    pub amount: Amount,
    pub state: WithdrawalState,
    /// Why a person looks at it: the names of the signals.
    pub signals: Vec<String>,
    pub rule: Option<String>,
    pub approval_id: Option<String>,
    pub approvals_needed: i64,
    pub reason_code: Option<String>,
    pub reason_text: Option<String>,
    /// `finance` or `compliance`: whose turn it is.
    pub desk: String,
    pub claimed_by: Option<String>,
    pub due_at_us: Option<Ts>,
    /// For who reviews it, while somebody has to; else absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub checks: Option<Checks>,
    /// `standard` or `high_risk`: in whose queue people looked at it; for staff.
    pub queue: Option<Queue>,
    /// Whose turn it was, with each one's clock, owner and words; for who reviews it.
    pub turns: Vec<TurnView>,
    pub legs: Vec<LegView>,
    pub steps: Vec<Step>,
    pub requested_at_us: Ts,
    pub decided_at_us: Option<Ts>,
    pub paid_at_us: Option<Ts>,
    pub version: i64,
}

pub(super) async fn view(tx: &mut Tx, core: &Core, caller: &Caller, w: WithdrawalRow) -> Result<WithdrawalView> {
    let legs = store::legs(tx, w.id).await?;
    let steps = steps(tx, core, &w, &legs, caller.client_id().is_err()).await?;
    // What stopped it is for those who review: a client who reads it learns how not to be stopped, or
    // that they are suspected, and whoever talks to the client might say it.
    let staff = caller.client_id().is_err();
    let reviews = staff && (caller.may(Right::WithdrawalsReview) || caller.sees(Mask::Aml));
    let turns = if reviews { turns::list(tx, core, &w).await? } else { Vec::new() };
    Ok(WithdrawalView {
        amount: Amount::new(w.amount_minor, w.currency),
        signals: if reviews { serde_json::from_str(&w.signals)? } else { Vec::new() },
        rule: w.rule.filter(|_| reviews),
        claimed_by: w.claimed_by.filter(|_| staff),
        approval_id: w.approval_id.filter(|_| staff),
        checks: None,
        queue: Some(w.queue).filter(|q| staff && *q != Queue::None),
        turns,
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

pub(super) async fn scoped(tx: &mut Tx, caller: &Caller, id: WithdrawalId) -> Result<WithdrawalRow> {
    let w = load(tx, id).await?;
    known(caller, Right::WithdrawalsView, "withdrawal", &w.client_id, &w.entity)?;
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
    /// Only what the caller has taken.
    pub mine: bool,
    /// Only what waits for people longer than it should.
    pub overdue: bool,
}

pub async fn list(tx: &mut Tx, core: &Core, caller: &Caller, q: WithdrawalQuery, page: &PageRequest) -> Result<Page<WithdrawalView>> {
    let of = whose(caller, Right::WithdrawalsView, q.client_id)?;
    let f = WithdrawalFilter {
        entities: of.entities,
        client_id: of.client_id,
        state: q.state,
        desk: q.desk.filter(|_| !of.own),
        claimed_by: (q.mine && !of.own).then(|| caller.id()),
        due_before: (q.overdue && !of.own).then(|| core.now()),
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

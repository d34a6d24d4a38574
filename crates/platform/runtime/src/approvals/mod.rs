//! Four eyes: something waits until enough different people have said yes.
//!
//! - Only signed-in people of the house vote, each once, with a fresh proof; keys, rules and jobs
//!   never do. Where the request says so, the one who asked does not vote either.
//! - One no ends it. A vote after the end is refused.
//! - The approval's row is locked by each vote before it counts, so that 32 votes at once end with
//!   exactly as many as were needed.
//! - Each vote keeps what the person saw, in the vote and in the audit trail.

mod store;

use crate::Core;
use crate::access::{Caller, Mask, Right, Who, mask};
use crate::audit::{self, Entry};
use qd_db::Tx;
use qd_kernel::{Amount, Page, PageRequest, Problem, Result, Ts, id, text_enum};
use serde_json::{Value, json};

id!(ApprovalId, "apr", "Something that waits for votes.");

text_enum!(
    /// Where an approval is.
    ApprovalState {
        Waiting = "waiting",
        Approved = "approved",
        Refused = "refused",
        /// What it was for went away.
        Cancelled = "cancelled",
        /// Nobody voted in time.
        Expired = "expired",
    }
);

/// More people than this are never needed.
pub const MAX_NEEDED: u32 = 5;

#[derive(Clone, Debug)]
pub struct NewApproval {
    /// "withdrawal:wdr_…"; one waiting approval per subject.
    pub subject: String,
    /// What each voter must have, in the entity.
    pub right: Right,
    /// How many different people: 1 to [`MAX_NEEDED`].
    pub needed: u32,
    pub amount: Option<Amount>,
    pub reason: String,
    pub entity: Option<String>,
    pub client_id: Option<String>,
    /// Whether the one who asks may be one of those who say yes.
    pub requester_may_vote: bool,
    pub expires_at: Option<Ts>,
}

impl NewApproval {
    /// For `needed` people other than the one who asks.
    pub fn new(subject: impl Into<String>, right: Right, needed: u32, reason: impl Into<String>) -> NewApproval {
        NewApproval {
            subject: subject.into(),
            right,
            needed,
            amount: None,
            reason: reason.into(),
            entity: None,
            client_id: None,
            requester_may_vote: false,
            expires_at: None,
        }
    }
    pub fn amount(mut self, a: Amount) -> Self {
        self.amount = Some(a);
        self
    }
    pub fn about(mut self, client_id: impl Into<String>, entity: Option<String>) -> Self {
        self.client_id = Some(client_id.into());
        self.entity = entity;
        self
    }
}

/// What a vote came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Waiting { given: u32, needed: u32 },
    Approved,
    Refused,
}

/// Asks for votes. `caller` is the one who asks: a person or a rule.
pub async fn request(tx: &mut Tx, core: &Core, caller: &Caller, n: NewApproval) -> Result<ApprovalId> {
    if n.needed == 0 || n.needed > MAX_NEEDED {
        return Err(Problem::invalid("needed", "needed_out_of_range", format!("1 to {MAX_NEEDED}")));
    }
    let now = core.now();
    if n.expires_at.is_some_and(|at| at <= now) {
        return Err(Problem::invalid("expires_at", "expires_in_past", "a time to come"));
    }
    let id = ApprovalId::new(&core.env);
    if !store::insert(tx, id, caller, &n, now).await? {
        return Err(Problem::conflict("approval_waiting", "this waits for votes already"));
    }
    let after = json!({
        "approval": id, "right": n.right, "needed": n.needed, "requester_may_vote": n.requester_may_vote,
        "amount_minor": n.amount.map(|a| a.minor), "currency": n.amount.map(|a| a.currency.code()),
    });
    audit::record(
        tx,
        core,
        Entry {
            client_id: n.client_id,
            entity: n.entity,
            after: Some(after),
            reason: Some(n.reason),
            ..Entry::new(caller, "approval.requested", n.subject)
        },
    )
    .await?;
    Ok(id)
}

/// One person's yes or no, with what they saw. The caller's module acts on the outcome in the same
/// transaction.
pub async fn vote(tx: &mut Tx, core: &Core, caller: &Caller, id: ApprovalId, approve: bool, reason: &str, seen: Value) -> Result<Outcome> {
    let Who::Staff { .. } = &caller.who else {
        return Err(Problem::forbidden("person_required", "only a person of the house may vote"));
    };
    let now = core.now();
    let a = store::lock(tx, id).await?;
    caller.require(a.right)?;
    if !caller.enters(a.entity.as_deref()) {
        return Err(Problem::missing("approval"));
    }
    caller.require_step_up(now)?;
    if a.state != ApprovalState::Waiting {
        return Err(Problem::conflict("approval_ended", format!("this is {} already", a.state)));
    }
    if a.expires_at.is_some_and(|at| now >= at) {
        return Err(Problem::conflict("approval_ended", "the time for votes is over"));
    }
    if !a.requester_may_vote && a.requester_id == caller.id() {
        return Err(Problem::forbidden(
            "approval_own_request",
            "you asked for it; somebody else must decide",
        ));
    }
    if !approve && reason.trim().is_empty() {
        return Err(Problem::invalid("reason", "reason_missing", "why not"));
    }
    if !store::insert_vote(tx, id, caller, approve, reason, &seen, now).await? {
        return Err(Problem::conflict(
            "approval_same_person",
            "you have voted on this; it needs different people",
        ));
    }
    let given = a.given + u32::from(approve);
    let outcome = match (approve, given >= a.needed) {
        (false, _) => Outcome::Refused,
        (true, true) => Outcome::Approved,
        (true, false) => Outcome::Waiting { given, needed: a.needed },
    };
    let state = match outcome {
        Outcome::Waiting { .. } => ApprovalState::Waiting,
        Outcome::Approved => ApprovalState::Approved,
        Outcome::Refused => ApprovalState::Refused,
    };
    store::count(tx, id, given, state, now).await?;
    let e = Entry {
        client_id: a.client_id,
        entity: a.entity,
        after: Some(json!({ "approval": id, "given": given, "needed": a.needed, "state": state })),
        reason: Some(reason.to_string()),
        seen: Some(seen),
        ..Entry::new(caller, if approve { "approval.given" } else { "approval.refused" }, a.subject)
    };
    audit::record(tx, core, e).await?;
    Ok(outcome)
}

/// What it was for went away. No effect when it has ended.
pub async fn cancel(tx: &mut Tx, core: &Core, caller: &Caller, id: ApprovalId, reason: &str) -> Result<()> {
    end(tx, core, caller, id, ApprovalState::Cancelled, "approval.cancelled", reason).await
}

async fn end(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    id: ApprovalId,
    state: ApprovalState,
    action: &'static str,
    reason: &str,
) -> Result<()> {
    let a = store::lock(tx, id).await?;
    if a.state != ApprovalState::Waiting {
        return Ok(());
    }
    store::count(tx, id, a.given, state, core.now()).await?;
    let e = Entry {
        client_id: a.client_id,
        entity: a.entity,
        after: Some(json!({ "approval": id, "state": state })),
        reason: Some(reason.to_string()),
        ..Entry::new(caller, action, a.subject)
    };
    audit::record(tx, core, e).await?;
    Ok(())
}

/// Ends those whose time is over; the subjects, for their modules to act on.
pub async fn expire_due(tx: &mut Tx, core: &Core, now: Ts) -> Result<Vec<(ApprovalId, String)>> {
    let caller = Caller::system("job:approvals.expire");
    let due = store::due(tx, now).await?;
    for (id, _) in &due {
        end(
            tx,
            core,
            &caller,
            *id,
            ApprovalState::Expired,
            "approval.expired",
            "nobody voted in time",
        )
        .await?;
    }
    Ok(due)
}

/// A vote as shown: both names, times, and what each saw.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = Vote)]
pub struct VoteView {
    pub voter_id: String,
    pub voter_label: String,
    pub approve: bool,
    pub reason: String,
    /// What was on the voter's screen.
    pub seen: Value,
    #[serde(rename = "at_us")]
    pub at: Ts,
}

#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = Approval)]
pub struct ApprovalView {
    pub id: ApprovalId,
    pub subject: String,
    pub right: Right,
    pub needed: u32,
    pub given: u32,
    /// None also when the caller may not see money.
    pub amount_minor: Option<i64>,
    pub currency: Option<String>,
    pub entity: Option<String>,
    pub client_id: Option<String>,
    pub requester_id: String,
    pub requester_label: String,
    pub requester_may_vote: bool,
    pub reason: String,
    pub state: ApprovalState,
    #[serde(rename = "expires_at_us")]
    pub expires_at: Option<Ts>,
    #[serde(rename = "created_at_us")]
    pub created_at: Ts,
    #[serde(rename = "ended_at_us")]
    pub ended_at: Option<Ts>,
    /// Whether the caller could vote now, as far as this module knows.
    pub may_vote: bool,
    pub votes: Vec<VoteView>,
}

/// Whether the thing that waits is for the caller to know of: who may vote on it, and who may look
/// at things of its kind.
fn knows(caller: &Caller, a: &store::Approval) -> bool {
    let look = match a.right {
        Right::WithdrawalsApprove | Right::WithdrawalsReview => Right::WithdrawalsView,
        Right::PayoutsRelease => Right::CommissionView,
        Right::KycReview => Right::KycView,
        Right::LedgerAdjust => Right::LedgerView,
        other => other,
    };
    caller.may(a.right) || caller.may(look)
}

async fn view(tx: &mut Tx, caller: &Caller, a: store::Approval) -> Result<ApprovalView> {
    // Why it needs people and what they had before them is for those who decide and for auditors.
    let decides = caller.may(a.right) || caller.sees(Mask::Aml);
    let votes: Vec<VoteView> = store::votes(tx, a.id)
        .await?
        .into_iter()
        .map(|v| VoteView {
            voter_id: v.voter_id,
            voter_label: v.voter_label,
            approve: v.approve,
            reason: if decides { v.reason } else { mask::COVERED.into() },
            seen: if decides {
                mask::cover(caller, &v.seen)
            } else {
                Value::String(mask::COVERED.into())
            },
            at: v.at,
        })
        .collect();
    let me = caller.id();
    let money = caller.sees(Mask::Money);
    Ok(ApprovalView {
        may_vote: a.state == ApprovalState::Waiting
            && matches!(caller.who, Who::Staff { .. })
            && caller.may(a.right)
            && (a.requester_may_vote || a.requester_id != me)
            && votes.iter().all(|v| v.voter_id != me),
        id: a.id,
        subject: a.subject,
        right: a.right,
        needed: a.needed,
        given: a.given,
        amount_minor: a.amount_minor.filter(|_| money),
        currency: a.currency,
        entity: a.entity,
        client_id: a.client_id,
        requester_id: a.requester_id,
        requester_label: a.requester_label,
        requester_may_vote: a.requester_may_vote,
        reason: if decides { a.reason } else { mask::COVERED.into() },
        state: a.state,
        expires_at: a.expires_at,
        created_at: a.created_at,
        ended_at: a.ended_at,
        votes,
    })
}

/// All approvals there were for one thing, newest first. For modules that have checked the caller
/// on the thing itself.
pub async fn of_subject(tx: &mut Tx, caller: &Caller, subject: &str) -> Result<Vec<ApprovalView>> {
    let mut out = Vec::new();
    for a in store::of_subject(tx, subject).await? {
        if caller.enters(a.entity.as_deref()) {
            out.push(view(tx, caller, a).await?);
        }
    }
    Ok(out)
}

pub async fn get(tx: &mut Tx, caller: &Caller, id: ApprovalId) -> Result<ApprovalView> {
    caller.require(Right::ApprovalsView)?;
    let a = store::get(tx, id)
        .await?
        .filter(|a| caller.enters(a.entity.as_deref()) && knows(caller, a))
        .ok_or_else(|| Problem::missing("approval"))?;
    view(tx, caller, a).await
}

/// In one state, oldest first; of the caller's entities and the kinds of things the caller may know
/// of (a page may hold fewer than asked for).
pub async fn list(tx: &mut Tx, caller: &Caller, state: ApprovalState, page: &PageRequest) -> Result<Page<ApprovalView>> {
    caller.require(Right::ApprovalsView)?;
    let entities = caller.allowed_entities();
    let rows = store::page(tx, state, entities.as_deref(), page).await?;
    let found = page.finish(rows, |a: &store::Approval| a.id.to_string());
    let mut items = Vec::new();
    for a in found.items {
        if knows(caller, &a) {
            items.push(view(tx, caller, a).await?);
        }
    }
    Ok(Page {
        items,
        next_cursor: found.next_cursor,
    })
}

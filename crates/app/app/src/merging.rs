//! Two records of one person become one, and what happens to the way into the one that goes. Whoever
//! merges decides about records; whose account a sign-in opens takes two people.

use crate::{App, notices};
use qd_clients::duplicates::{self, Duplicate, DuplicateId, DuplicateState};
use qd_clients::restrictions::{self, RestrictionKind};
use qd_clients::{Client, ClientId};
use qd_db::Tx;
use qd_kernel::{Problem, Result};
use qd_notify::Template;
use qd_runtime::access::{Caller, LoginHold, Right, holds, logins};
use qd_runtime::approvals::{self, ApprovalId, ApprovalState, ApprovalView, NewApproval, Outcome};
use serde_json::json;

/// What the approval of a move is about: `login_move:dup_…`.
pub const SUBJECT: &str = "login_move";
/// Days in which the second person has to say yes or no.
const DAYS: i64 = 14;

/// Merges or links. The way into a merged record rests from now on and its sessions are over; the
/// person is told.
pub async fn merge(app: &App, tx: &mut Tx, caller: &Caller, id: DuplicateId, survivor: ClientId, reason: &str) -> Result<Duplicate> {
    let d = duplicates::merge(tx, &app.core, caller, id, survivor, reason).await?;
    if d.state == DuplicateState::Merged {
        let gone = if d.first_id == survivor { d.second_id } else { d.first_id };
        let (dup, gone, keep) = (id.to_string(), gone.to_string(), survivor.to_string());
        for to in holds::hold(tx, &app.access, caller, &dup, &gone, &keep, reason).await? {
            notices::about_login(app, tx, &to, Template::LoginHeld, None).await?;
        }
    }
    Ok(d)
}

/// Takes a merge or a link apart; the sign-ins are the first record's again, moved or not.
pub async fn undo(app: &App, tx: &mut Tx, caller: &Caller, id: DuplicateId, reason: &str) -> Result<Duplicate> {
    let d = duplicates::undo(tx, &app.core, caller, id, reason).await?;
    if let Some(waiting) = waiting(tx, id).await? {
        approvals::cancel(tx, &app.core, caller, waiting, "the merge was taken apart").await?;
    }
    let dup = id.to_string();
    let held = holds::held(tx, &dup).await?;
    for to in holds::release(tx, &app.access, caller, &dup, reason).await? {
        notices::about_login(app, tx, &to, Template::LoginOpened, None).await?;
    }
    // While it was the other record's, it followed that one's restrictions.
    if let Some(h) = held.first() {
        let open = !shut(tx, ClientId::parse(&h.from_client)?).await?;
        logins::set_enabled(tx, &app.access, caller, &h.from_client, open, reason).await?;
    }
    Ok(d)
}

/// Whether a restriction in force closes the ways in.
pub async fn shut(tx: &mut Tx, id: ClientId) -> Result<bool> {
    Ok(restrictions::in_force(tx, id)
        .await?
        .iter()
        .any(|r| matches!(r.kind, RestrictionKind::SignIn | RestrictionKind::Everything)))
}

fn subject(id: DuplicateId) -> String {
    format!("{SUBJECT}:{id}")
}

async fn waiting(tx: &mut Tx, id: DuplicateId) -> Result<Option<ApprovalId>> {
    let all = approvals::of_subject(tx, &Caller::system("merging"), &subject(id)).await?;
    Ok(all.into_iter().find(|a| a.state == ApprovalState::Waiting).map(|a| a.id))
}

/// The sign-ins that rest or were moved because of a merge, and who decided.
pub async fn of_duplicate(tx: &mut Tx, caller: &Caller, id: DuplicateId) -> Result<(Vec<LoginHold>, Vec<ApprovalView>)> {
    duplicates::get(tx, caller, id).await?;
    let held = holds::held(tx, &id.to_string()).await?;
    Ok((held, approvals::of_subject(tx, caller, &subject(id)).await?))
}

/// Asks a second person to let the resting sign-ins open the record that stayed. Needs a fresh proof.
pub async fn ask_move(app: &App, tx: &mut Tx, caller: &Caller, id: DuplicateId, reason: &str) -> Result<ApprovalId> {
    caller.require_step_up(app.core.now())?;
    if reason.trim().is_empty() || reason.chars().count() > 1_000 {
        return Err(Problem::invalid(
            "/reason",
            "reason_missing",
            "expected a reason of 1 to 1000 characters",
        ));
    }
    let (_, a, b) = duplicates::get(tx, caller, id).await?;
    let gone = resting(tx, id, &[a, b]).await?;
    let ask = NewApproval {
        expires_at: Some(app.core.now().plus_days(DAYS)),
        ..NewApproval::new(subject(id), Right::KycReview, 1, reason).about(gone.id.to_string(), Some(gone.entity))
    };
    approvals::request(tx, &app.core, caller, ask).await
}

/// The record whose sign-ins rest and may be moved.
async fn resting(tx: &mut Tx, id: DuplicateId, pair: &[Client]) -> Result<Client> {
    let held = holds::held(tx, &id.to_string()).await?;
    let gone = held
        .iter()
        .find(|h| h.moved_at_us.is_none())
        .and_then(|h| pair.iter().find(|c| c.id.to_string() == h.from_client))
        .ok_or_else(|| Problem::conflict("login_none_rests", "no sign-in rests because of this"))?;
    for c in pair {
        if shut(tx, c.id).await? {
            return Err(Problem::conflict(
                "client_restricted",
                "signing in is restricted for one of the records: lift that first",
            ));
        }
    }
    Ok(gone.clone())
}

/// The second person's yes or no; a yes moves the sign-ins.
pub async fn decide_move(app: &App, tx: &mut Tx, caller: &Caller, id: DuplicateId, approve: bool, reason: &str) -> Result<Outcome> {
    let approval = waiting(tx, id)
        .await?
        .ok_or_else(|| Problem::conflict("approval_ended", "nobody has asked for this, or it is decided"))?;
    let (d, a, b) = duplicates::get(tx, &Caller::system("merging"), id).await?;
    let held = holds::held(tx, &id.to_string()).await?;
    let ids: Vec<&str> = held.iter().map(|h| h.login_id.as_str()).collect();
    let seen = json!({"duplicate_id": id, "survivor_id": d.survivor_id, "score": d.score, "reasons": d.reasons, "login_ids": ids});
    let outcome = approvals::vote(tx, &app.core, caller, approval, approve, reason, seen).await?;
    if outcome != Outcome::Approved {
        return Ok(outcome);
    }
    let gone = resting(tx, id, &[a, b]).await?;
    let keep = d
        .survivor_id
        .filter(|k| *k != gone.id)
        .ok_or_else(|| Problem::conflict("duplicate_not_merged", "these two are not merged"))?
        .to_string();
    let there = logins::of_client(tx, &keep).await?;
    for to in holds::move_held(tx, &app.access, caller, &id.to_string(), reason).await? {
        notices::about_login(app, tx, &to, Template::LoginOpened, None).await?;
    }
    for l in there {
        if let Some(to) = logins::whom(tx, &l.id).await? {
            notices::about_login(app, tx, &to, Template::LoginAdded, None).await?;
        }
    }
    Ok(outcome)
}

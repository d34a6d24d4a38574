//! The statements of approvals.

use super::{ApprovalId, ApprovalState, NewApproval};
use crate::access::{Caller, Right};
use qd_db::{Query, Tx, row, sql};
use qd_kernel::{PageRequest, Problem, Result, Ts, Val, vals};
use serde_json::Value;

row! {
    pub(super) struct Approval {
        pub id: ApprovalId,
        pub subject: String,
        pub right: Right,
        pub needed: u32,
        pub given: u32,
        pub amount_minor: Option<i64>,
        pub currency: Option<String>,
        pub entity: Option<String>,
        pub client_id: Option<String>,
        pub requester_id: String,
        pub requester_label: String,
        pub requester_may_vote: bool,
        pub reason: String,
        pub state: ApprovalState,
        pub expires_at: Option<Ts>,
        pub created_at: Ts,
        pub ended_at: Option<Ts>,
    }
}

/// False: one waits already for this subject.
pub(super) async fn insert(tx: &mut Tx, id: ApprovalId, caller: &Caller, n: &NewApproval, now: Ts) -> Result<bool> {
    let rows = tx
        .exec(
            sql!(
                "INSERT INTO approvals (id, subject, right_code, needed, given, amount_minor, currency, entity, client_id, requester_id,
                 requester_label, requester_may_vote, reason, state, expires_at, created_at, version)
                 VALUES ($1, $2, $3, $4, 0, $5, $6, $7, $8, $9, $10, $11, $12, 'waiting', $13, $14, 1)
                 ON CONFLICT (subject) WHERE state = 'waiting' DO NOTHING"
            ),
            &vals![
                id,
                &n.subject,
                n.right,
                n.needed,
                n.amount.map(|a| a.minor),
                n.amount.map(|a| a.currency),
                n.entity.as_ref(),
                n.client_id.as_ref(),
                caller.id(),
                caller.label(),
                n.requester_may_vote,
                &n.reason,
                n.expires_at,
                now
            ],
        )
        .await?;
    Ok(rows == 1)
}

/// Takes the row's lock, then reads it.
pub(super) async fn lock(tx: &mut Tx, id: ApprovalId) -> Result<Approval> {
    tx.exec_one(sql!("UPDATE approvals SET version = version + 1 WHERE id = $1"), &vals![id], || {
        Problem::missing("approval")
    })
    .await?;
    get(tx, id).await?.ok_or_else(|| Problem::missing("approval"))
}

pub(super) async fn get(tx: &mut Tx, id: ApprovalId) -> Result<Option<Approval>> {
    tx.one(
        sql!(
            "SELECT id, subject, right_code, needed, given, amount_minor, currency, entity, client_id, requester_id, requester_label,
             requester_may_vote, reason, state, expires_at, created_at, ended_at FROM approvals WHERE id = $1"
        ),
        &vals![id],
    )
    .await
}

pub(super) async fn of_subject(tx: &mut Tx, subject: &str) -> Result<Vec<Approval>> {
    tx.rows(
        sql!(
            "SELECT id, subject, right_code, needed, given, amount_minor, currency, entity, client_id, requester_id, requester_label,
             requester_may_vote, reason, state, expires_at, created_at, ended_at FROM approvals WHERE subject = $1 ORDER BY id DESC LIMIT 50"
        ),
        &vals![subject],
    )
    .await
}

pub(super) async fn page(tx: &mut Tx, state: ApprovalState, entities: Option<&[String]>, page: &PageRequest) -> Result<Vec<Approval>> {
    let mut q = Query::new(sql!(
        "SELECT id, subject, right_code, needed, given, amount_minor, currency, entity, client_id, requester_id, requester_label,
         requester_may_vote, reason, state, expires_at, created_at, ended_at FROM approvals WHERE 1 = 1"
    ));
    q.push(sql!(" AND state = $?"), [Val::from(state)]);
    if let Some(list) = entities {
        q.push(sql!(" AND (1 = 0"), []);
        for e in list {
            q.push(sql!(" OR entity = $?"), [Val::from(e)]);
        }
        q.push(sql!(" )"), []);
    }
    if let Some(after) = &page.after {
        q.push(sql!(" AND id > $?"), [Val::from(after)]);
    }
    q.push(sql!(" ORDER BY id LIMIT $?"), [Val::from(page.fetch())]);
    tx.query(&q).await
}

pub(super) async fn due(tx: &mut Tx, now: Ts) -> Result<Vec<(ApprovalId, String)>> {
    tx.rows(
        sql!("SELECT id, subject FROM approvals WHERE state = 'waiting' AND expires_at <= $1 ORDER BY id LIMIT 500"),
        &vals![now],
    )
    .await
}

pub(super) async fn count(tx: &mut Tx, id: ApprovalId, given: u32, state: ApprovalState, now: Ts) -> Result<()> {
    let ended = (state != ApprovalState::Waiting).then_some(now);
    tx.exec_one(
        sql!("UPDATE approvals SET given = $2, state = $3, ended_at = $4 WHERE id = $1 AND state = 'waiting'"),
        &vals![id, given, state, ended],
        || Problem::conflict("approval_ended", "this has ended already"),
    )
    .await
}

/// False: this person has voted.
pub(super) async fn insert_vote(
    tx: &mut Tx,
    id: ApprovalId,
    caller: &Caller,
    approve: bool,
    reason: &str,
    seen: &Value,
    now: Ts,
) -> Result<bool> {
    let rows = tx
        .exec(
            sql!(
                "INSERT INTO approval_votes (approval_id, voter_id, voter_label, approve, reason, seen, session_id, ip, at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (approval_id, voter_id) DO NOTHING"
            ),
            &vals![
                id,
                caller.id(),
                caller.label(),
                approve,
                reason,
                seen,
                caller.session,
                caller.ip.as_ref(),
                now
            ],
        )
        .await?;
    Ok(rows == 1)
}

row! {
    pub(super) struct Vote {
        pub voter_id: String,
        pub voter_label: String,
        pub approve: bool,
        pub reason: String,
        pub seen: Value,
        pub at: Ts,
    }
}

pub(super) async fn votes(tx: &mut Tx, id: ApprovalId) -> Result<Vec<Vote>> {
    tx.rows(
        sql!("SELECT voter_id, voter_label, approve, reason, seen, at FROM approval_votes WHERE approval_id = $1 ORDER BY at, voter_id"),
        &vals![id],
    )
    .await
}

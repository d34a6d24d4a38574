//! Who stands above whom, and since when. One parent at a time; no cycles at any moment; any depth.
//! Edges are ended and added, never rewritten, so that a deal finds the tree of its own day.

use crate::ids::PartnerId;
use crate::partner::{PartnerState, allowed};
use crate::store::partners as store;
use qd_db::Tx;
use qd_kernel::{Problem, Result, Ts};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right};
use qd_runtime::audit::{self, Entry};
use serde::Serialize;
use serde_json::json;

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PartnerEdge)]
pub struct Edge {
    pub parent: Option<PartnerId>,
    #[serde(rename = "from_at_us")]
    pub from_at: Ts,
    #[serde(rename = "to_at_us")]
    pub to_at: Option<Ts>,
    pub reason: String,
    pub made_by: String,
    #[serde(rename = "made_at_us")]
    pub made_at: Ts,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PartnerMember)]
pub struct Member {
    pub id: PartnerId,
    pub parent: Option<PartnerId>,
    pub name: String,
    pub state: PartnerState,
    /// Steps below the partner asked about, who is 0.
    pub level: i64,
}

const MAX_MEMBERS: i64 = 5_000;

pub(crate) async fn first(tx: &mut Tx, core: &Core, caller: &Caller, id: PartnerId, parent: Option<PartnerId>, since: Ts) -> Result<()> {
    store::lock_tree(tx).await?;
    if let Some(parent) = parent {
        must_exist(tx, parent).await?;
    }
    let edge = store::EdgeRow {
        partner_id: id,
        parent_id: parent,
        from_at: since,
        to_at: None,
        reason: "joined".into(),
        made_by: caller.id(),
        made_at: core.now(),
    };
    store::insert_edge(tx, &edge).await
}

async fn must_exist(tx: &mut Tx, id: PartnerId) -> Result<()> {
    match store::get(tx, id).await? {
        Some(_) => Ok(()),
        None => Err(Problem::invalid("parent", "partner_unknown", "expected the id of a partner")),
    }
}

/// Puts a partner, with everybody below, under another one (or at the top) from `at` on. Deals with
/// earlier value dates keep the old tree. `at` lies after the last move of this partner.
pub async fn move_partner(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    id: PartnerId,
    parent: Option<PartnerId>,
    at: Ts,
    reason: &str,
) -> Result<()> {
    let p = allowed(tx, caller, Right::PartnersManage, id).await?;
    if reason.trim().is_empty() {
        return Err(Problem::invalid("reason", "reason_missing", "expected why"));
    }
    may_stand_below(tx, id, parent, at).await?;
    let before = store::edges(tx, id).await?.pop().and_then(|e| e.parent_id);
    if !store::end_edge(tx, id, at).await? {
        return Err(Problem::invalid(
            "at",
            "move_too_early",
            "expected a time after the partner's last move",
        ));
    }
    let edge = store::EdgeRow {
        partner_id: id,
        parent_id: parent,
        from_at: at,
        to_at: None,
        reason: reason.to_string(),
        made_by: caller.id(),
        made_at: core.now(),
    };
    store::insert_edge(tx, &edge).await?;
    let e = Entry::new(caller, "partner.move", format!("partner:{id}"))
        .entity(Some(p.entity))
        .before(json!({"parent": before}));
    audit::record(tx, core, e.after(json!({"parent": parent, "from_us": at})).reason(reason)).await?;
    Ok(())
}

/// Takes the tree's lock, and refuses a parent who does not exist or who would come to stand below.
pub(crate) async fn may_stand_below(tx: &mut Tx, id: PartnerId, parent: Option<PartnerId>, at: Ts) -> Result<()> {
    store::lock_tree(tx).await?;
    let Some(parent) = parent else { return Ok(()) };
    must_exist(tx, parent).await?;
    match would_meet(tx, id, parent, at).await? {
        Some(when) => Err(Problem::invalid(
            "parent",
            "tree_cycle",
            format!("expected a partner who is not below this one (from {when} on)"),
        )),
        None => Ok(()),
    }
}

/// Walks up from `start` over every edge that is in force at some moment from `at` on; answers when
/// the walk first comes to `id`.
async fn would_meet(tx: &mut Tx, id: PartnerId, start: PartnerId, at: Ts) -> Result<Option<Ts>> {
    let mut open = vec![(start, at, Ts(i64::MAX))];
    let mut seen = std::collections::HashSet::new();
    while let Some((who, from, to)) = open.pop() {
        if who == id {
            return Ok(Some(from));
        }
        if !seen.insert((who, from, to)) {
            continue;
        }
        for e in store::edges(tx, who).await? {
            let (a, b) = (e.from_at.max(from), e.to_at.unwrap_or(Ts(i64::MAX)).min(to));
            if let Some(parent) = e.parent_id
                && a < b
            {
                open.push((parent, a, b));
            }
        }
    }
    Ok(None)
}

/// The partner's places in the tree, oldest first.
pub async fn history(tx: &mut Tx, caller: &Caller, id: PartnerId) -> Result<Vec<Edge>> {
    allowed(tx, caller, Right::PartnersView, id).await?;
    let rows = store::edges(tx, id).await?;
    Ok(rows
        .into_iter()
        .map(|e| Edge {
            parent: e.parent_id,
            from_at: e.from_at,
            to_at: e.to_at,
            reason: e.reason,
            made_by: e.made_by,
            made_at: e.made_at,
        })
        .collect())
}

/// The partner and those above at a moment, bottom up.
pub async fn path(tx: &mut Tx, id: PartnerId, at: Ts) -> Result<Vec<PartnerId>> {
    Ok(store::path(tx, id, at).await?.into_iter().map(|r| r.id).collect())
}

/// Everybody below at a moment, for staff.
pub async fn below(tx: &mut Tx, caller: &Caller, id: PartnerId, at: Ts) -> Result<Vec<Member>> {
    allowed(tx, caller, Right::PartnersView, id).await?;
    members(tx, id, at).await
}

/// Everybody below the signed-in partner now.
pub async fn below_me(tx: &mut Tx, core: &Core, caller: &Caller) -> Result<Vec<Member>> {
    let me = crate::partner::mine(tx, caller).await?;
    members(tx, me.id, core.now()).await
}

async fn members(tx: &mut Tx, id: PartnerId, at: Ts) -> Result<Vec<Member>> {
    let rows = store::below(tx, id, at, MAX_MEMBERS).await?;
    Ok(rows
        .into_iter()
        .map(|r| Member {
            id: r.id,
            parent: r.parent_id,
            name: r.name,
            state: r.state,
            level: r.level,
        })
        .collect())
}

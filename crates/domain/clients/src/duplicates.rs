//! The same person twice, also across brands: found by normalised marks, scored with reasons,
//! proposed to a person, merged and taken apart again.
//!
//! Within one entity two records are merged: one survives, the other points at it and is read with
//! it; nothing is moved, so undoing is taking the pointer away. Records of two entities are two
//! contracts and are linked: each stays, both show the other.

use crate::client::{self, Client, ClientId, entry, publish};
use crate::model::Stage;
use crate::timeline::{self, NewLine, Visibility};
use crate::{normal, store};
use qd_db::Tx;
use qd_kernel::{Page, PageRequest, Problem, Result, Ts, id, text_enum};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right, Who};
use qd_runtime::audit;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

id!(DuplicateId, "dup", "A proposal that two records are one person.");

text_enum!(
    MarkKind {
        Email = "email",
        Phone = "phone",
        NameBirth = "name_birth",
        /// A keyed hash of an identity document's number, from verification.
        Document = "document",
    }
);

impl MarkKind {
    /// Points of 100. A telephone is shared in families; a document is not.
    fn weight(self) -> i64 {
        match self {
            MarkKind::Email => 60,
            MarkKind::Phone => 40,
            MarkKind::NameBirth => 50,
            MarkKind::Document => 90,
        }
    }
}

text_enum!(DuplicateState { Open = "open", Merged = "merged", Linked = "linked", Dismissed = "dismissed" });

/// Others sharing one mark; a mark shared by more is no mark.
const MAX_SHARED: i64 = 20;

/// One mark that two records share, and what it counts.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct DuplicateReason {
    pub mark: MarkKind,
    pub points: i64,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Duplicate {
    pub id: DuplicateId,
    pub first_id: ClientId,
    pub second_id: ClientId,
    /// 0 to 100.
    pub score: i64,
    #[schema(value_type = Vec<DuplicateReason>)]
    pub reasons: Value,
    pub state: DuplicateState,
    pub survivor_id: Option<ClientId>,
    pub decided_by: Option<String>,
    #[serde(rename = "decided_at_us")]
    pub decided_at: Option<Ts>,
    pub note: Option<String>,
    #[serde(rename = "created_at_us")]
    pub created_at: Ts,
    pub version: i64,
}

fn marks(c: &Client) -> Vec<(MarkKind, String)> {
    let mut out = Vec::new();
    out.extend(c.email.as_deref().and_then(normal::mailbox).map(|m| (MarkKind::Email, m)));
    out.extend(
        c.phone
            .as_deref()
            .and_then(|p| normal::phone(p, &c.country))
            .map(|m| (MarkKind::Phone, m)),
    );
    out.extend(
        c.birth_date
            .as_deref()
            .and_then(|b| normal::name_birth(&c.first_name, &c.last_name, b))
            .map(|m| (MarkKind::NameBirth, m)),
    );
    out
}

/// Brings the marks up to date and looks for others with the same; answers the open proposals.
pub(crate) async fn refresh(tx: &mut Tx, core: &Core, caller: &Caller, c: &Client) -> Result<i64> {
    store::duplicates::replace_marks(tx, c.id, &marks(c)).await?;
    look(tx, core, caller, c).await
}

/// Notes the keyed hash of a document's number and looks for others who showed the same one.
pub async fn note_document(tx: &mut Tx, core: &Core, caller: &Caller, id: ClientId, keyed_hash: &str) -> Result<i64> {
    let c = client::find(tx, id).await?.ok_or_else(|| Problem::missing("client"))?;
    store::duplicates::add_mark(tx, id, MarkKind::Document, keyed_hash).await?;
    look(tx, core, caller, &c).await
}

async fn look(tx: &mut Tx, core: &Core, caller: &Caller, c: &Client) -> Result<i64> {
    let mut shared: BTreeMap<ClientId, Vec<MarkKind>> = BTreeMap::new();
    for (other, kind) in store::duplicates::sharing(tx, c.id, MAX_SHARED).await? {
        let kinds = shared.entry(other).or_default();
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    for (other, kinds) in shared {
        let score: i64 = kinds.iter().map(|k| k.weight()).sum::<i64>().min(100);
        let marks: Vec<DuplicateReason> = kinds
            .iter()
            .map(|k| DuplicateReason {
                mark: *k,
                points: k.weight(),
            })
            .collect();
        let reasons = serde_json::to_value(marks)?;
        let (first, second) = if c.id < other { (c.id, other) } else { (other, c.id) };
        let id = DuplicateId::new(&core.env);
        if store::duplicates::propose(tx, id, first, second, score, &reasons, core.now()).await? {
            let data = json!({"other_id": other, "score": score, "reasons": reasons});
            timeline::put(
                tx,
                core,
                caller,
                NewLine::new(c.id, "duplicate", "timeline.possible_duplicate", data.clone(), Visibility::Staff),
            )
            .await?;
            publish(tx, core, "client.duplicate_found", c, data).await?;
        }
    }
    store::duplicates::open_count(tx, c.id).await
}

/// Proposals that nobody has decided about this client.
pub async fn open_count(tx: &mut Tx, id: ClientId) -> Result<i64> {
    store::duplicates::open_count(tx, id).await
}

/// Proposals, newest first; only those of which the caller reaches both records.
pub async fn list(
    tx: &mut Tx,
    caller: &Caller,
    state: Option<DuplicateState>,
    client_id: Option<ClientId>,
    page: &PageRequest,
) -> Result<Page<Duplicate>> {
    caller.require(Right::ClientsMerge)?;
    let rows = store::duplicates::page(tx, state, client_id, page).await?;
    let mut page = page.finish(rows, |d: &Duplicate| d.id.to_string());
    let mut seen = Vec::with_capacity(page.items.len());
    for d in page.items {
        if both(tx, caller, &d).await.is_ok() {
            seen.push(d);
        }
    }
    page.items = seen;
    Ok(page)
}

async fn both(tx: &mut Tx, caller: &Caller, d: &Duplicate) -> Result<(Client, Client)> {
    let a = client::get(tx, caller, Right::ClientsMerge, d.first_id).await?;
    let b = client::get(tx, caller, Right::ClientsMerge, d.second_id).await?;
    Ok((a, b))
}

/// Locks both records in order, then reads the proposal: of two people who decide at once, the
/// second one finds it decided.
async fn open(tx: &mut Tx, caller: &Caller, id: DuplicateId) -> Result<(Duplicate, Client, Client)> {
    let d = store::duplicates::find(tx, id)
        .await?
        .ok_or_else(|| Problem::missing("duplicate"))?;
    store::clients::lock(tx, d.first_id).await?;
    store::clients::lock(tx, d.second_id).await?;
    let (a, b) = both(tx, caller, &d).await?;
    let d = store::duplicates::find(tx, id)
        .await?
        .ok_or_else(|| Problem::missing("duplicate"))?;
    Ok((d, a, b))
}

/// A proposal with both records, if the caller reaches both.
pub async fn get(tx: &mut Tx, caller: &Caller, id: DuplicateId) -> Result<(Duplicate, Client, Client)> {
    if !matches!(caller.who, Who::System(_)) {
        caller.require(Right::ClientsMerge)?;
    }
    let d = store::duplicates::find(tx, id)
        .await?
        .ok_or_else(|| Problem::missing("duplicate"))?;
    let (a, b) = both(tx, caller, &d).await?;
    Ok((d, a, b))
}

/// Merges (one entity) or links (two entities). The record that goes must have no money and no
/// records merged into it.
pub async fn merge(tx: &mut Tx, core: &Core, caller: &Caller, id: DuplicateId, survivor: ClientId, reason: &str) -> Result<Duplicate> {
    let (d, a, b) = open(tx, caller, id).await?;
    if d.state != DuplicateState::Open {
        return Err(Problem::conflict(
            "duplicate_decided",
            format!("this proposal is {} already", d.state),
        ));
    }
    let (keep, go) = match survivor {
        s if s == a.id => (a, b),
        s if s == b.id => (b, a),
        _ => {
            return Err(Problem::invalid(
                "/survivor_id",
                "survivor_unknown",
                "expected one of the two records",
            ));
        }
    };
    if keep.merged_into.is_some() || go.merged_into.is_some() {
        return Err(Problem::conflict("client_merged", "one of the records was merged in the meantime"));
    }
    let state = if keep.entity == go.entity {
        DuplicateState::Merged
    } else {
        DuplicateState::Linked
    };
    if state == DuplicateState::Merged {
        if go.first_deposit_at.is_some() || go.stage == Stage::Funded {
            return Err(Problem::conflict(
                "merge_funded",
                "the record that would go has money: keep that one",
            ));
        }
        if store::duplicates::has_merged(tx, go.id).await? {
            return Err(Problem::conflict(
                "merge_chain",
                "other records were merged into this one: take them apart first",
            ));
        }
        store::duplicates::set_merged(tx, go.id, Some(keep.id), core.now()).await?;
    }
    store::duplicates::decide(tx, &d, state, Some(keep.id), &caller.id(), reason, core.now()).await?;
    let kind = if state == DuplicateState::Merged {
        "client.merged"
    } else {
        "client.linked"
    };
    for (me, other) in [(&keep, &go), (&go, &keep)] {
        let data = json!({"other_id": other.id, "survivor_id": keep.id, "state": state});
        timeline::put(
            tx,
            core,
            caller,
            NewLine::new(me.id, "duplicate", "timeline.merged", data, Visibility::Staff),
        )
        .await?;
    }
    publish(tx, core, kind, &keep, json!({"survivor_id": keep.id, "absorbed_id": go.id})).await?;
    let e = entry(caller, "client.merged", &keep)
        .before(json!({"state": "open"}))
        .after(json!({"state": state, "survivor": keep.id, "other": go.id, "score": d.score, "reasons": d.reasons}));
    audit::record(tx, core, e.reason(reason)).await?;
    store::duplicates::find(tx, id).await?.ok_or_else(|| Problem::missing("duplicate"))
}

/// They are two people.
pub async fn dismiss(tx: &mut Tx, core: &Core, caller: &Caller, id: DuplicateId, reason: &str) -> Result<Duplicate> {
    let (d, a, _) = open(tx, caller, id).await?;
    if d.state != DuplicateState::Open {
        return Err(Problem::conflict(
            "duplicate_decided",
            format!("this proposal is {} already", d.state),
        ));
    }
    store::duplicates::decide(tx, &d, DuplicateState::Dismissed, None, &caller.id(), reason, core.now()).await?;
    let e = entry(caller, "client.duplicate_dismissed", &a)
        .after(json!({"other": d.second_id, "score": d.score}))
        .reason(reason);
    audit::record(tx, core, e).await?;
    store::duplicates::find(tx, id).await?.ok_or_else(|| Problem::missing("duplicate"))
}

/// Takes a merge or link apart: the proposal is open again, both records are as before.
pub async fn undo(tx: &mut Tx, core: &Core, caller: &Caller, id: DuplicateId, reason: &str) -> Result<Duplicate> {
    let (d, a, b) = open(tx, caller, id).await?;
    if !matches!(d.state, DuplicateState::Merged | DuplicateState::Linked) {
        return Err(Problem::conflict("duplicate_not_merged", format!("this proposal is {}", d.state)));
    }
    for c in [&a, &b] {
        if c.merged_into == Some(a.id) || c.merged_into == Some(b.id) {
            store::duplicates::set_merged(tx, c.id, None, core.now()).await?;
        }
    }
    store::duplicates::decide(tx, &d, DuplicateState::Open, None, &caller.id(), reason, core.now()).await?;
    for (me, other) in [(&a, &b), (&b, &a)] {
        timeline::put(
            tx,
            core,
            caller,
            NewLine::new(
                me.id,
                "duplicate",
                "timeline.unmerged",
                json!({"other_id": other.id}),
                Visibility::Staff,
            ),
        )
        .await?;
    }
    publish(
        tx,
        core,
        "client.unmerged",
        &a,
        json!({"other_id": b.id, "was": d.state, "survivor_id": d.survivor_id}),
    )
    .await?;
    audit::record(
        tx,
        core,
        entry(caller, "client.unmerged", &a)
            .before(json!({"state": d.state, "survivor": d.survivor_id}))
            .after(json!({"other": b.id}))
            .reason(reason),
    )
    .await?;
    store::duplicates::find(tx, id).await?.ok_or_else(|| Problem::missing("duplicate"))
}

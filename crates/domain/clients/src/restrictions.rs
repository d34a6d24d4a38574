//! What a client may not do for now, why, and who said so. Shown as badges; asked by whoever moves
//! money, opens accounts or lets people in.

use crate::client::{self, ClientId, entry, publish};
use crate::store;
use crate::timeline::{self, NewLine, Visibility};
use qd_db::Tx;
use qd_kernel::{Problem, Result, Ts, id, text_enum};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right};
use qd_runtime::audit;
use serde::Serialize;
use serde_json::json;

id!(RestrictionId, "rst", "A restriction on a client.");

text_enum!(RestrictionKind { Deposits = "deposits", Withdrawals = "withdrawals", Trading = "trading", SignIn = "sign_in", Everything = "everything" });

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Restriction {
    pub id: RestrictionId,
    pub client_id: ClientId,
    pub kind: RestrictionKind,
    pub reason: String,
    /// The client may read the reason.
    pub told: bool,
    pub by_id: String,
    pub by_name: String,
    #[serde(rename = "at_us")]
    pub at: Ts,
    #[serde(rename = "lifted_at_us")]
    pub lifted_at: Option<Ts>,
    pub lifted_by: Option<String>,
    pub lift_reason: Option<String>,
}

/// Puts a restriction on. One of a kind at a time.
pub async fn restrict(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    id: ClientId,
    kind: RestrictionKind,
    reason: &str,
    told: bool,
) -> Result<Restriction> {
    let c = client::lock(tx, caller, Right::AccountsRestrict, id).await?;
    if reason.trim().is_empty() || reason.chars().count() > 1_000 {
        return Err(Problem::invalid(
            "/reason",
            "reason_missing",
            "expected a reason of 1 to 1000 characters",
        ));
    }
    let r = Restriction {
        id: RestrictionId::new(&core.env),
        client_id: id,
        kind,
        reason: reason.trim().to_string(),
        told,
        by_id: caller.id(),
        by_name: caller.label(),
        at: core.now(),
        lifted_at: None,
        lifted_by: None,
        lift_reason: None,
    };
    if !store::restrictions::insert(tx, &r).await? {
        return Err(Problem::conflict("restriction_there", format!("{kind} are restricted already")));
    }
    let data = json!({"restriction_id": r.id, "kind": kind, "reason": r.reason});
    // What the client may not be told must not be in a line that staff read out by mistake either.
    timeline::put(
        tx,
        core,
        caller,
        NewLine::new(id, "restriction", "timeline.restricted", data.clone(), Visibility::Staff),
    )
    .await?;
    publish(tx, core, "client.restricted", &c, json!({"restriction_id": r.id, "kind": kind})).await?;
    audit::record(tx, core, entry(caller, "client.restricted", &c).after(data).reason(reason)).await?;
    Ok(r)
}

/// Takes a restriction off.
pub async fn lift(tx: &mut Tx, core: &Core, caller: &Caller, id: RestrictionId, reason: &str) -> Result<()> {
    let r = store::restrictions::find(tx, id)
        .await?
        .ok_or_else(|| Problem::missing("restriction"))?;
    let c = client::lock(tx, caller, Right::AccountsRestrict, r.client_id).await?;
    store::restrictions::lift(tx, id, &caller.id(), reason, core.now()).await?;
    let data = json!({"restriction_id": id, "kind": r.kind, "reason": reason});
    timeline::put(
        tx,
        core,
        caller,
        NewLine::new(c.id, "restriction", "timeline.unrestricted", data.clone(), Visibility::Staff),
    )
    .await?;
    publish(tx, core, "client.unrestricted", &c, json!({"restriction_id": id, "kind": r.kind})).await?;
    audit::record(
        tx,
        core,
        entry(caller, "client.unrestricted", &c)
            .before(json!({"reason": r.reason}))
            .after(data)
            .reason(reason),
    )
    .await?;
    Ok(())
}

/// What is in force, for use cases that must refuse; no caller's right is asked.
pub async fn in_force(tx: &mut Tx, id: ClientId) -> Result<Vec<Restriction>> {
    Ok(store::restrictions::of_client(tx, id)
        .await?
        .into_iter()
        .filter(|r| r.lifted_at.is_none())
        .collect())
}

/// A problem when `kind` (or everything) is restricted now. The reason is told only where it may be.
pub async fn must_be_free(tx: &mut Tx, id: ClientId, kind: RestrictionKind) -> Result<()> {
    match in_force(tx, id)
        .await?
        .into_iter()
        .find(|r| r.kind == kind || r.kind == RestrictionKind::Everything)
    {
        None => Ok(()),
        Some(r) if r.told => Err(Problem::conflict("client_restricted", r.reason)),
        Some(_) => Err(Problem::conflict(
            "client_restricted",
            "this is not available at the moment: please contact us",
        )),
    }
}

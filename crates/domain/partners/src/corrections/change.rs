//! What a correction changes in the records, with an earlier date; and back again.

use super::{Cause, Request};
use crate::attribution::{Model, ShareState};
use crate::engine::DealFacts;
use crate::ids::PartnerId;
use crate::plans;
use crate::store::corrections::{CorrectionRow, Scope};
use crate::store::{attribution, lines, partners, plans as plan_store};
use crate::tree;
use qd_db::Tx;
use qd_kernel::{Problem, Result, Ts};
use qd_runtime::Core;
use qd_runtime::access::Caller;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Records before and after: what an undoing looks for and puts back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub(super) enum Records {
    Shares {
        client: String,
        before: Vec<attribution::ShareRow>,
        after: Vec<attribution::ShareRow>,
    },
    Edges {
        partner: PartnerId,
        before: Vec<partners::EdgeRow>,
        after: Vec<partners::EdgeRow>,
    },
    Uses {
        holder: String,
        before: Vec<plan_store::UseRow>,
        after: Vec<plan_store::UseRow>,
    },
    Deal {
        before: Box<DealFacts>,
        after: Box<DealFacts>,
    },
    Version {
        plan: crate::ids::PlanId,
        version: i64,
        valid_from: Ts,
        document: Option<Value>,
    },
}

fn cut<T>(rows: &[T], at: Ts, from: impl Fn(&T) -> Ts, end: impl Fn(&mut T)) -> Vec<T>
where
    T: Clone,
{
    let mut out: Vec<T> = rows.iter().filter(|r| from(r) < at).cloned().collect();
    if let Some(last) = out.last_mut() {
        end(last);
    }
    out
}

fn until(to: &mut Option<Ts>, at: Ts) {
    if to.is_none_or(|t| t > at) {
        *to = Some(at);
    }
}

/// Whose deals it concerns, and from when.
pub(super) fn scope(r: &Request) -> (Scope, Ts, Ts) {
    let end = Ts(i64::MAX);
    match r {
        Request::Rebook {
            client_id,
            partner_id,
            from_us,
            to_us,
        } => {
            let s = match (client_id, partner_id) {
                (Some(c), _) => Scope::Client(c.clone()),
                (None, Some(p)) => Scope::Partner(*p),
                (None, None) => Scope::All,
            };
            (s, Ts(*from_us), to_us.map_or(end, Ts))
        }
        Request::ClientMoved { client_id, at_us, .. } => (Scope::Client(client_id.clone()), Ts(*at_us), end),
        Request::PartnerMoved { partner_id, at_us, .. } | Request::PlanAssigned { partner_id, at_us, .. } => {
            (Scope::Partner(*partner_id), Ts(*at_us), end)
        }
        Request::PlanVersion {
            plan_id, valid_from_us, ..
        } => (Scope::Plan(plan_id.to_string()), Ts(*valid_from_us), end),
        Request::DealCorrected { server, ticket, .. } => (Scope::Deal(server.clone(), ticket.clone()), Ts(i64::MIN), end),
        Request::Manual { .. } => (Scope::None, Ts(0), Ts(0)),
    }
}

/// A deal as it was booked last.
pub(super) async fn deal(tx: &mut Tx, server: &str, ticket: &str) -> Result<DealFacts> {
    let row = lines::deal(tx, server, ticket).await?.ok_or_else(|| Problem::missing("deal"))?;
    Ok(serde_json::from_value(row.facts)?)
}

/// Makes the change of a correction, or undoes the one it undoes. Answers the records before and after.
pub(super) async fn make(tx: &mut Tx, core: &Core, c: &CorrectionRow, request: &Request) -> Result<Option<Records>> {
    let now = core.now();
    let by = c.prepared_by.clone();
    match request {
        Request::Rebook { .. } | Request::Manual { .. } => Ok(None),
        Request::DealCorrected {
            server,
            ticket,
            lots,
            cancelled,
        } => {
            let before = deal(tx, server, ticket).await?;
            let mut after = before.clone();
            after.deleted |= *cancelled;
            if let Some(l) = lots {
                if l.units() < 0 {
                    return Err(Problem::invalid("/request/lots", "lots_out_of_range", "expected 0 or more"));
                }
                after.volume_closed = *l;
            }
            Ok(Some(Records::Deal {
                before: Box::new(before),
                after: Box::new(after),
            }))
        }
        Request::ClientMoved { client_id, partner, at_us } => {
            let at = Ts(*at_us);
            if let Some(p) = partner {
                partners::get(tx, *p)
                    .await?
                    .ok_or_else(|| Problem::invalid("partner", "partner_unknown", "expected the id of a partner"))?;
            }
            let before = attribution::history(tx, client_id).await?;
            let mut after = cut(&before, at, |s| s.from_at, |s| until(&mut s.to_at, at));
            after.push(attribution::ShareRow {
                client_id: client_id.clone(),
                from_at: at,
                to_at: None,
                partner_id: *partner,
                state: ShareState::Active,
                model: Model::Manual,
                code: None,
                link_id: None,
                click_id: None,
                hold_reason: None,
                evidence: serde_json::json!({"correction": c.id, "reason": c.reason}),
                made_by: by,
                made_at: now,
                version: 1,
            });
            attribution::replace(tx, client_id, &after).await?;
            Ok(Some(Records::Shares {
                client: client_id.clone(),
                before,
                after,
            }))
        }
        Request::PartnerMoved { partner_id, parent, at_us } => {
            let at = Ts(*at_us);
            tree::may_stand_below(tx, *partner_id, *parent, at).await?;
            let before = partners::edges(tx, *partner_id).await?;
            let mut after = cut(&before, at, |e| e.from_at, |e| until(&mut e.to_at, at));
            after.push(partners::EdgeRow {
                partner_id: *partner_id,
                parent_id: *parent,
                from_at: at,
                to_at: None,
                reason: c.reason.clone(),
                made_by: by,
                made_at: now,
            });
            partners::replace_edges(tx, *partner_id, &after).await?;
            Ok(Some(Records::Edges {
                partner: *partner_id,
                before,
                after,
            }))
        }
        Request::PlanAssigned {
            partner_id,
            plan_id,
            at_us,
        } => {
            let at = Ts(*at_us);
            plans::usable(tx, *plan_id, c.entity.as_deref()).await?;
            let holder = partner_id.to_string();
            let before = plan_store::uses(tx, &holder).await?;
            let mut after = cut(&before, at, |u| u.from_at, |u| until(&mut u.to_at, at));
            after.push(plan_store::UseRow {
                holder: holder.clone(),
                plan_id: *plan_id,
                from_at: at,
                to_at: None,
                reason: c.reason.clone(),
                made_by: by,
                made_at: now,
            });
            plan_store::replace_uses(tx, &holder, &after).await?;
            Ok(Some(Records::Uses { holder, before, after }))
        }
        Request::PlanVersion {
            plan_id,
            base_version,
            document,
            valid_from_us,
        } => {
            let at = Ts(*valid_from_us);
            let versions = plan_store::versions(tx, *plan_id).await?;
            let in_force = plans::pick(&versions, at).map(|v| v.document.clone());
            let me = Caller::system("system:correction");
            let (_, version) = plans::save(tx, core, &me, Some((*plan_id, *base_version)), None, document, at, &c.reason).await?;
            Ok(Some(Records::Version {
                plan: *plan_id,
                version,
                valid_from: at,
                document: in_force,
            }))
        }
    }
}

fn changed_since() -> Problem {
    Problem::conflict(
        "changed_since",
        "the records were changed again since; undo the later change first, or correct anew",
    )
}

/// Puts the records back as they were before a correction.
pub(super) async fn unmake(tx: &mut Tx, core: &Core, c: &CorrectionRow, made: Records) -> Result<Option<Records>> {
    match made {
        Records::Shares { client, before, after } => {
            if attribution::history(tx, &client).await? != after {
                return Err(changed_since());
            }
            attribution::replace(tx, &client, &before).await?;
            Ok(Some(Records::Shares {
                client,
                before: after,
                after: before,
            }))
        }
        Records::Edges { partner, before, after } => {
            partners::lock_tree(tx).await?;
            if partners::edges(tx, partner).await? != after {
                return Err(changed_since());
            }
            for e in before.iter().filter(|e| !after.contains(e)) {
                tree::may_stand_below(tx, partner, e.parent_id, e.from_at).await?;
            }
            partners::replace_edges(tx, partner, &before).await?;
            Ok(Some(Records::Edges {
                partner,
                before: after,
                after: before,
            }))
        }
        Records::Uses { holder, before, after } => {
            if plan_store::uses(tx, &holder).await? != after {
                return Err(changed_since());
            }
            plan_store::replace_uses(tx, &holder, &before).await?;
            Ok(Some(Records::Uses {
                holder,
                before: after,
                after: before,
            }))
        }
        Records::Deal { before, after } => {
            if deal(tx, &after.server, &after.ticket).await?.revision != after.revision {
                return Err(changed_since());
            }
            Ok(Some(Records::Deal {
                before: after,
                after: before,
            }))
        }
        Records::Version {
            plan,
            version,
            valid_from,
            document,
        } => {
            let versions = plan_store::versions(tx, plan).await?;
            if plans::pick(&versions, valid_from).map(|v| v.version) != Some(version) {
                return Err(changed_since());
            }
            let document = document.ok_or_else(|| {
                Problem::conflict(
                    "nothing_before",
                    "the plan had no version at that time; save one that says what is to count",
                )
            })?;
            let now = versions.iter().find(|v| v.version == version).map(|v| v.document.clone());
            let base = versions.first().map_or(version, |v| v.version);
            let me = Caller::system("system:correction");
            let (_, version) = plans::save(tx, core, &me, Some((plan, base)), None, &document, valid_from, &c.reason).await?;
            Ok(Some(Records::Version {
                plan,
                version,
                valid_from,
                document: now,
            }))
        }
    }
}

/// What it is about, for lists.
pub(super) fn subject(r: &Request) -> (Cause, String) {
    match r {
        Request::Rebook { client_id: Some(c), .. } => (Cause::Rebook, format!("client:{c}")),
        Request::Rebook { partner_id: Some(p), .. } => (Cause::Rebook, format!("partner:{p}")),
        Request::Rebook { .. } => (Cause::Rebook, "house".into()),
        Request::ClientMoved { client_id, .. } => (Cause::ClientMoved, format!("client:{client_id}")),
        Request::PartnerMoved { partner_id, .. } => (Cause::PartnerMoved, format!("partner:{partner_id}")),
        Request::PlanVersion { plan_id, .. } => (Cause::PlanVersion, format!("plan:{plan_id}")),
        Request::PlanAssigned { partner_id, .. } => (Cause::PlanAssigned, format!("partner:{partner_id}")),
        Request::DealCorrected { server, ticket, .. } => (Cause::DealCorrected, format!("deal:{server}:{ticket}")),
        Request::Manual { lines } => (
            Cause::Manual,
            lines
                .first()
                .map_or_else(|| "partner:".into(), |l| format!("partner:{}", l.partner_id)),
        ),
    }
}

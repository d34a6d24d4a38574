//! Plans in the database: saved in versions, each valid from a day, used by partners, by entities as
//! their default, and by the house.

use crate::engine::{Rank, Ranked};
use crate::house;
use crate::ids::{PartnerId, PlanId};
use crate::partner::allowed;
use crate::plan::{Plan, PlanRef, TermView, Warning};
use crate::programmes;
use crate::store::plans as store;
use qd_db::Tx;
use qd_kernel::{Page, PageRequest, Problem, Result, Ts, page::join_key};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right};
use qd_runtime::audit::{self, Entry};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The holder of the house's default plan.
pub const GLOBAL: &str = "global";

/// The holder of an entity's default plan.
pub fn entity_holder(entity: &str) -> String {
    format!("entity:{entity}")
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = CommissionPlan)]
pub struct PlanView {
    pub id: PlanId,
    pub name: String,
    /// None: usable in every entity.
    pub entity: Option<String>,
    pub version: i64,
    #[serde(rename = "created_at_us")]
    pub created_at: Ts,
    /// How many hold it now.
    pub uses: i64,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = CommissionPlanVersion)]
pub struct VersionView {
    pub version: i64,
    #[serde(rename = "valid_from_us")]
    pub valid_from: Ts,
    pub document: Value,
    /// Every setting of the contract, the document's own and the defaults.
    pub terms: Vec<TermView>,
    /// Allowed, and probably not meant.
    pub warnings: Vec<Warning>,
    pub reason: String,
    pub made_by: String,
    #[serde(rename = "made_at_us")]
    pub made_at: Ts,
}

/// A plan a partner holds or held.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PlanHeld)]
pub struct Held {
    pub plan_id: PlanId,
    #[serde(rename = "from_at_us")]
    pub from_at: Ts,
    #[serde(rename = "to_at_us")]
    pub to_at: Option<Ts>,
}

/// Saves a plan: the first version (`id` None) or the next one of a plan that stands at
/// `base_version`. A document with faults is refused with the pointer of each (`plan_refused`).
/// Deals with value dates from `valid_from` on are paid by it, unless a later version has an earlier
/// or the same date. Refused alike is what the house's settings speak against ([`house::refuse`]). Needs
/// `plans.manage`.
#[allow(clippy::too_many_arguments, reason = "address, base and content of one document")]
pub async fn save(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    id: Option<(PlanId, i64)>,
    entity: Option<&str>,
    document: &Value,
    valid_from: Ts,
    reason: &str,
) -> Result<(PlanId, i64)> {
    caller.require(Right::PlansManage)?;
    if reason.trim().is_empty() {
        return Err(Problem::invalid("reason", "reason_missing", "expected why"));
    }
    let plan = Plan::read(document)?;
    let now = core.now();
    let whose = match id {
        None => entity.map(str::to_string),
        Some((id, _)) => visible(tx, caller, id).await?.entity,
    };
    house::refuse(tx, whose.as_deref(), &plan).await?;
    let (id, version, entity) = match id {
        None => {
            if !caller.enters(entity) {
                return Err(Problem::forbidden("entity_not_allowed", "this is outside your entities"));
            }
            let id = PlanId::new(&core.env);
            store::insert(tx, id, &plan.name, entity, now).await?;
            (id, 1, entity.map(str::to_string))
        }
        Some((id, base)) => {
            let p = visible(tx, caller, id).await?;
            if !caller.enters(p.entity.as_deref()) {
                return Err(Problem::forbidden("entity_not_allowed", "this is outside your entities"));
            }
            store::next_version(tx, id, base, &plan.name).await?;
            (id, base + 1, p.entity)
        }
    };
    let v = store::VersionRow {
        plan_id: id,
        version,
        valid_from,
        document: document.clone(),
        reason: reason.to_string(),
        made_by: caller.id(),
        made_at: now,
    };
    store::insert_version(tx, &v).await?;
    let e = Entry::new(caller, "plan.save", format!("plan:{id}")).entity(entity);
    audit::record(
        tx,
        core,
        e.after(json!({"version": version, "valid_from_us": valid_from, "document": document}))
            .reason(reason),
    )
    .await?;
    Ok((id, version))
}

async fn visible(tx: &mut Tx, caller: &Caller, id: PlanId) -> Result<store::PlanRow> {
    let p = store::get(tx, id).await?.ok_or_else(|| Problem::missing("plan"))?;
    if p.entity.is_none() || caller.enters(p.entity.as_deref()) {
        Ok(p)
    } else {
        Err(Problem::missing("plan"))
    }
}

fn view(p: store::PlanRow) -> PlanView {
    PlanView {
        id: p.id,
        name: p.name,
        entity: p.entity,
        version: p.version,
        created_at: p.created_at,
        uses: p.uses,
    }
}

/// The plan with all its versions, newest first.
pub async fn get(tx: &mut Tx, caller: &Caller, id: PlanId) -> Result<(PlanView, Vec<VersionView>)> {
    caller.require(Right::PartnersView)?;
    let p = visible(tx, caller, id).await?;
    let versions = store::versions(tx, id).await?;
    let versions = versions
        .into_iter()
        .map(|v| (Plan::read(&v.document).ok(), v))
        .map(|(plan, v)| VersionView {
            terms: plan.as_ref().map(|p| p.terms.view()).unwrap_or_default(),
            warnings: plan.map(|p| p.warnings()).unwrap_or_default(),
            version: v.version,
            valid_from: v.valid_from,
            document: v.document,
            reason: v.reason,
            made_by: v.made_by,
            made_at: v.made_at,
        })
        .collect();
    Ok((view(p), versions))
}

pub async fn list(tx: &mut Tx, caller: &Caller, page: &PageRequest) -> Result<Page<PlanView>> {
    caller.require(Right::PartnersView)?;
    let rows = store::list(tx, page).await?;
    let mut page = page.finish(rows.into_iter().map(view).collect(), |p: &PlanView| {
        join_key(&[&p.name, &p.id.to_string()])
    });
    page.items.retain(|p| p.entity.is_none() || caller.enters(p.entity.as_deref()));
    Ok(page)
}

/// Puts a partner on a plan from `at` on. Needs `plans.manage`.
pub async fn assign(tx: &mut Tx, core: &Core, caller: &Caller, partner: PartnerId, plan: PlanId, at: Ts, reason: &str) -> Result<()> {
    let p = allowed(tx, caller, Right::PlansManage, partner).await?;
    hold(tx, core, caller, &partner.to_string(), Some(p.entity), plan, at, reason).await?;
    let begun = in_force(tx, &partner.to_string(), Rank::Partner, at.max(core.now())).await?;
    if begun.is_some_and(|r| !r.plan.programmes.is_empty()) {
        programmes::ask_all(tx, core, partner, &format!("plan:{plan}:{}", at.micros())).await?;
    }
    Ok(())
}

/// Makes a plan the default of an entity, or of the house (`entity` None), from `at` on.
pub async fn set_default(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    entity: Option<&str>,
    plan: PlanId,
    at: Ts,
    reason: &str,
) -> Result<()> {
    caller.require(Right::PlansManage)?;
    if !caller.enters(entity) {
        return Err(Problem::forbidden("entity_not_allowed", "this is outside your entities"));
    }
    let holder = entity.map_or_else(|| GLOBAL.to_string(), entity_holder);
    hold(tx, core, caller, &holder, entity.map(str::to_string), plan, at, reason).await
}

/// Refuses a plan that does not exist, or is of another entity.
pub(crate) async fn usable(tx: &mut Tx, plan: PlanId, entity: Option<&str>) -> Result<()> {
    let p = store::get(tx, plan)
        .await?
        .ok_or_else(|| Problem::invalid("plan", "plan_unknown", "expected the id of a plan"))?;
    if p.entity.is_some() && p.entity.as_deref() != entity {
        return Err(Problem::invalid(
            "plan",
            "plan_of_other_entity",
            "expected a plan of this entity, or one of all",
        ));
    }
    Ok(())
}

#[allow(clippy::too_many_arguments, reason = "who, what, since when and why")]
async fn hold(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    holder: &str,
    entity: Option<String>,
    plan: PlanId,
    at: Ts,
    reason: &str,
) -> Result<()> {
    if reason.trim().is_empty() {
        return Err(Problem::invalid("reason", "reason_missing", "expected why"));
    }
    usable(tx, plan, entity.as_deref()).await?;
    // The holder's entity may have other feeds and bans than the plan's.
    if let Some(v) = pick(&store::versions(tx, plan).await?, at) {
        house::refuse(tx, entity.as_deref(), &Plan::read(&v.document)?).await?;
    }
    let before = store::uses(tx, holder).await?.pop();
    if before.as_ref().is_some_and(|b| b.to_at.is_none()) && !store::end_use(tx, holder, at).await? {
        return Err(Problem::invalid("at", "move_too_early", "expected a time after the last change"));
    }
    let u = store::UseRow {
        holder: holder.to_string(),
        plan_id: plan,
        from_at: at,
        to_at: None,
        reason: reason.to_string(),
        made_by: caller.id(),
        made_at: core.now(),
    };
    if !store::insert_use(tx, &u).await? {
        return Err(Problem::conflict("version_stale", "somebody changed this plan's use in between"));
    }
    let e = Entry::new(caller, "plan.use", format!("plan_use:{holder}")).entity(entity);
    audit::record(
        tx,
        core,
        e.before(json!({"plan": before.map(|b| b.plan_id)}))
            .after(json!({"plan": plan, "from_us": at}))
            .reason(reason),
    )
    .await?;
    Ok(())
}

/// The plan a holder is on at a moment, in the version of that moment.
pub async fn in_force(tx: &mut Tx, holder: &str, rank: Rank, at: Ts) -> Result<Option<Ranked>> {
    let used = store::uses(tx, holder)
        .await?
        .into_iter()
        .find(|u| u.from_at <= at && u.to_at.is_none_or(|t| at < t));
    let Some(used) = used else { return Ok(None) };
    let versions = store::versions(tx, used.plan_id).await?;
    match pick(&versions, at) {
        None => Ok(None),
        Some(v) => Ok(Some(Ranked {
            rank,
            at: PlanRef {
                plan: v.plan_id.to_string(),
                version: v.version,
            },
            plan: Arc::new(Plan::read(&v.document)?),
        })),
    }
}

/// Of versions given newest first: the latest valid_from that has come; of several the newest.
pub(crate) fn pick(versions: &[store::VersionRow], at: Ts) -> Option<&store::VersionRow> {
    let mut best: Option<&store::VersionRow> = None;
    for v in versions.iter().filter(|v| v.valid_from <= at) {
        if best.is_none_or(|b| v.valid_from > b.valid_from) {
            best = Some(v);
        }
    }
    best
}

/// What a holder was on, oldest first.
pub async fn history(tx: &mut Tx, caller: &Caller, partner: PartnerId) -> Result<Vec<Held>> {
    allowed(tx, caller, Right::PartnersView, partner).await?;
    Ok(store::uses(tx, &partner.to_string())
        .await?
        .into_iter()
        .map(|u| Held {
            plan_id: u.plan_id,
            from_at: u.from_at,
            to_at: u.to_at,
        })
        .collect())
}

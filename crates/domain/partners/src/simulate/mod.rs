//! What a plan would have cost: deals of the past with their trees and rates of that time, paid once by
//! the plans of that time and once by the proposed one, by the engine itself. Nothing is booked.
//!
//! [`gather`] reads deals a page at a time; [`Sample::answer`] works it out without a database. Small
//! questions are answered at once, larger ones by a job ([`queue`], [`SIMULATION_JOB`]).
//!
//! Limits: running values start at nothing at `from`, so ask from the first of a month; a plan that looks
//! up rules at the opening is replayed with the tree of the closing.

mod answer;
mod world;

pub use answer::{Cliff, PartnerCost, Simulation, Slice};
pub use world::Sample;

use crate::booking::Paths;
use crate::engine::{DealFacts, Rank, Ranked};
use crate::ids::{PartnerId, PlanId, SimulationId};
use crate::partner::allowed;
use crate::plan::{Plan, PlanRef};
use crate::plans;
use crate::store::simulations::{self as store, SimulationRow};
use qd_db::Tx;
use qd_kernel::{Currency, Problem, Result, Ts, text_enum};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right};
use qd_runtime::jobs::{self, NewJob};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

text_enum!(
    SimulationState {
        Waiting = "waiting",
        Reading = "reading",
        Done = "done",
        /// The cause says why.
        Failed = "failed",
    }
);

/// The job that answers a large question: `{"simulation": "sim_…"}`.
pub const SIMULATION_JOB: &str = "commission.simulate";
/// Up to so many deals are answered at once.
pub const AT_ONCE: i64 = 5_000;
/// More than this is refused: ask for fewer months or partners.
pub const MOST: i64 = 500_000;
/// Deals read in one go.
pub const PAGE: i64 = 2_000;

/// A plan, for whom, and when. Either `document` or `plan_id`; either `partners` or `on_plan`.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SimulatePlan, example = json!({"document": {"format": 1, "name": "Offer", "currency": "USD", "rules": [{"id": "base", "kind": "per_lot", "rate": "7"}]}, "partners": ["par_01JD1Z3Y5K8Q2M4N6P8R0S2T4V"], "from_us": 1_790_000_000_000_000_i64, "to_us": 1_792_592_000_000_000_i64}))]
pub struct Ask {
    /// A draft, as `quarterdeck commissions schema plan` describes it.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub document: Option<Value>,
    /// The version of this plan that is in force now.
    #[serde(default)]
    pub plan_id: Option<PlanId>,
    /// Who would be on it.
    #[serde(default)]
    pub partners: Vec<PartnerId>,
    /// Everybody who was on this plan at the time of the deal.
    #[serde(default)]
    pub on_plan: Option<PlanId>,
    /// First value date.
    pub from_us: i64,
    /// The day after the last one.
    pub to_us: i64,
    /// What sums are given in; else the currency of most of the partners.
    #[serde(default)]
    pub currency: Option<Currency>,
}

/// An [`Ask`] that was checked, with its plan read.
#[derive(Clone, Debug)]
pub struct Question {
    pub ask: Ask,
    pub plan: Ranked,
    /// None: every entity.
    pub entities: Option<Vec<String>>,
}

impl Question {
    fn from(&self) -> Ts {
        Ts(self.ask.from_us)
    }
    fn to(&self) -> Ts {
        Ts(self.ask.to_us)
    }
    /// The one partner whose lines tell which deals matter.
    fn single(&self) -> Option<PartnerId> {
        match (self.ask.partners.as_slice(), self.ask.on_plan) {
            ([one], None) => Some(*one),
            _ => None,
        }
    }
    fn may_see(&self, entity: &str) -> bool {
        self.entities.as_ref().is_none_or(|l| l.iter().any(|e| e == entity))
    }
}

/// Checks and reads; needs `plans.manage`. Problems: `plan_refused` with pointers under `/document`,
/// `simulation_refused` for what else is wrong.
pub async fn check(tx: &mut Tx, core: &Core, caller: &Caller, ask: &Ask) -> Result<Question> {
    caller.require(Right::PlansManage)?;
    let refuse = |field: &'static str, expected: &str| Err(Problem::invalid(field, "simulation_refused", expected.to_string()));
    if ask.from_us >= ask.to_us {
        return refuse("to_us", "expected a time after from_us");
    }
    if ask.partners.is_empty() == ask.on_plan.is_none() {
        return refuse("partners", "expected either partners or on_plan");
    }
    if ask.partners.len() > 1_000 {
        return refuse("partners", "expected at most 1,000 partners");
    }
    for p in &ask.partners {
        allowed(tx, caller, Right::PlansManage, *p).await?;
    }
    if let Some(p) = ask.on_plan {
        plans::get(tx, caller, p).await?;
    }
    let plan = match (&ask.document, ask.plan_id) {
        (Some(doc), None) => {
            let plan = Plan::read(doc).map_err(|mut p| {
                p.fields.iter_mut().for_each(|f| f.pointer = format!("/document{}", f.pointer));
                p
            })?;
            Ranked {
                rank: Rank::Partner,
                at: PlanRef {
                    plan: "draft".into(),
                    version: 1,
                },
                plan: Arc::new(plan),
            }
        }
        (None, Some(id)) => {
            let (_, versions) = plans::get(tx, caller, id).await?;
            let now = core.now();
            let v = versions
                .iter()
                .filter(|v| v.valid_from <= now)
                .max_by_key(|v| (v.valid_from, v.version))
                .or(versions.first())
                .ok_or_else(|| Problem::missing("plan version"))?;
            Ranked {
                rank: Rank::Partner,
                at: PlanRef {
                    plan: id.to_string(),
                    version: v.version,
                },
                plan: Arc::new(Plan::read(&v.document)?),
            }
        }
        _ => return refuse("document", "expected either document or plan_id"),
    };
    Ok(Question {
        ask: ask.clone(),
        plan,
        entities: caller.allowed_entities(),
    })
}

/// How many deals have to be looked at. Problem: `simulation_too_large`.
pub async fn size(tx: &mut Tx, q: &Question) -> Result<i64> {
    let n = store::count(tx, q.single(), q.from(), q.to()).await?;
    if n > MOST {
        return Err(Problem::invalid(
            "to_us",
            "simulation_too_large",
            format!("expected at most {MOST} deals, and there are {n}: ask for fewer months or partners"),
        ));
    }
    Ok(n)
}

/// Where the reading goes on.
#[derive(Clone, Debug)]
pub struct Cursor(Ts, String, String);

impl Default for Cursor {
    fn default() -> Self {
        Cursor(Ts(i64::MIN), String::new(), String::new())
    }
}

/// A page of deals with the paths above them.
pub struct Gathered {
    pub deals: Vec<world::Met>,
    /// None: that was the last page.
    pub next: Option<Cursor>,
    pub seen: i64,
}

pub async fn gather(tx: &mut Tx, q: &Question, after: &Cursor) -> Result<Gathered> {
    let rows = store::facts(tx, q.single(), q.from(), q.to(), &(after.0, after.1.clone(), after.2.clone()), PAGE).await?;
    let seen = rows.len() as i64;
    let next = rows
        .last()
        .filter(|_| seen == PAGE)
        .map(|r| Cursor(r.value_at, r.server.clone(), r.ticket.clone()));
    let facts: Vec<DealFacts> = rows
        .into_iter()
        .map(|r| serde_json::from_value(r.facts))
        .collect::<std::result::Result<_, _>>()?;
    let mut paths = Paths::of(tx, &facts).await?;
    let mut deals = Vec::new();
    for d in facts.into_iter().filter(|d| q.may_see(&d.entity)) {
        let path = paths.path(tx, &d).await?;
        if world::concerns(q, &path) {
            let settings = paths.settings(tx, &d.entity).await?;
            deals.push(world::Met { deal: d, path, settings });
        }
    }
    Ok(Gathered { deals, next, seen })
}

/// A question put to the job.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PlanSimulation)]
pub struct View {
    /// None when it was answered at once.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<SimulationId>,
    pub state: SimulationState,
    /// Deals to look at, and how many were.
    pub deals: i64,
    pub seen: i64,
    #[schema(value_type = Option<Simulation>, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

impl View {
    pub fn answered(deals: i64, s: &Simulation) -> Result<View> {
        Ok(View {
            id: None,
            state: SimulationState::Done,
            deals,
            seen: deals,
            result: Some(serde_json::to_value(s)?),
            cause: None,
        })
    }
}

fn view(r: SimulationRow) -> View {
    View {
        id: Some(r.id),
        state: r.state,
        deals: r.deals,
        seen: r.seen,
        result: r.result,
        cause: r.cause,
    }
}

/// Leaves the question to the job.
pub async fn queue(tx: &mut Tx, core: &Core, caller: &Caller, ask: &Ask) -> Result<View> {
    let q = check(tx, core, caller, ask).await?;
    let row = SimulationRow {
        id: SimulationId::new(&core.env),
        state: SimulationState::Waiting,
        ask: serde_json::to_value(ask)?,
        entities: q.entities.as_ref().map(serde_json::to_value).transpose()?,
        deals: size(tx, &q).await?,
        seen: 0,
        result: None,
        cause: None,
        made_by: caller.id(),
        made_at: core.now(),
        done_at: None,
    };
    store::insert(tx, &row).await?;
    let job = NewJob::new(SIMULATION_JOB, json!({"simulation": row.id}), core.now())
        .key(row.id.to_string())
        .lane("commission.simulate");
    jobs::enqueue(tx, core, job).await?;
    Ok(view(row))
}

/// Needs `plans.manage`, and every entity that the one who asked could enter.
pub async fn get(tx: &mut Tx, caller: &Caller, id: SimulationId) -> Result<View> {
    caller.require(Right::PlansManage)?;
    let row = store::get(tx, id).await?.ok_or_else(|| Problem::missing("simulation"))?;
    let entities: Option<Vec<String>> = row.entities.clone().map(serde_json::from_value).transpose()?;
    let sees = match (&entities, caller.allowed_entities()) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(asked), Some(mine)) => asked.iter().all(|e| mine.contains(e)),
    };
    if sees { Ok(view(row)) } else { Err(Problem::missing("simulation")) }
}

/// For the job: the question as it was asked, None when it was answered before.
pub async fn asked(tx: &mut Tx, core: &Core, id: SimulationId) -> Result<Option<Question>> {
    let row = store::get(tx, id).await?.ok_or_else(|| Problem::missing("simulation"))?;
    if !matches!(row.state, SimulationState::Waiting | SimulationState::Reading) {
        return Ok(None);
    }
    let ask: Ask = serde_json::from_value(row.ask)?;
    let mut q = check(tx, core, &Caller::system("jobs"), &ask).await?;
    q.entities = row.entities.map(serde_json::from_value).transpose()?;
    Ok(Some(q))
}

pub async fn progress(tx: &mut Tx, id: SimulationId, seen: i64) -> Result<()> {
    store::seen(tx, id, seen).await
}

/// The end of a job: the answer, or why there is none.
pub async fn finish(tx: &mut Tx, core: &Core, id: SimulationId, got: &std::result::Result<Simulation, Problem>) -> Result<()> {
    match got {
        Ok(s) => store::done(tx, id, &serde_json::to_value(s)?, core.now()).await,
        Err(p) => store::failed(tx, id, &p.detail, core.now()).await,
    }
}

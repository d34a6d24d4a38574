//! Experiments: a share of the clients goes another way. Who is in which arm follows from the client
//! and the experiment alone, so that a client stays in an arm.

use super::{Ask, InExperiment};
use crate::ExperimentId;
use crate::store::{self, ExperimentRow};
use qd_db::Tx;
use qd_kernel::{Problem, Result, Ts, text_enum};
use qd_runtime::access::{Caller, Right};
use qd_runtime::{Core, audit};
use serde::{Deserialize, Serialize};
use serde_json::json;

text_enum!(ExperimentState { Running = "running", Ended = "ended" });

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ExperimentArm)]
pub struct Arm {
    pub name: String,
    pub connection: String,
    /// Percent of the clients.
    pub share: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewExperiment {
    pub entity: String,
    pub name: String,
    pub method: String,
    /// Shares sum to 100.
    pub arms: Vec<Arm>,
}

/// An arm and what came of it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ExperimentArmResult)]
pub struct ArmResult {
    pub name: String,
    pub connection: String,
    pub share: u32,
    pub clients: i64,
    pub attempts: i64,
    /// Attempts that were paid or refused.
    pub ended: i64,
    pub paid: i64,
    /// Paid of ended, in millionths; None before the first has ended.
    pub rate_ppm: Option<i64>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = RoutingExperiment)]
pub struct ExperimentView {
    pub id: ExperimentId,
    pub entity: String,
    pub name: String,
    pub method: String,
    pub state: ExperimentState,
    pub arms: Vec<ArmResult>,
    pub started_by: String,
    pub started_at_us: Ts,
    pub ended_by: Option<String>,
    pub ended_at_us: Option<Ts>,
    pub version: i64,
}

/// 0 to 99: the same for the same client in the same experiment, on every node and in every version
/// (FNV-1a, 64 bits, folded).
fn slot(experiment: &str, client: &str) -> u32 {
    let mut h: u64 = 0xcbf2_9ce4_8422_2325;
    for b in experiment.bytes().chain([b':']).chain(client.bytes()) {
        h = (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    u32::try_from((h ^ (h >> 32)) % 100).unwrap_or(0)
}

fn arms(e: &ExperimentRow) -> Result<Vec<Arm>> {
    Ok(serde_json::from_str(&e.arms)?)
}

fn arm_at(arms: &[Arm], slot: u32) -> Option<&Arm> {
    let mut sum = 0;
    arms.iter().find(|a| {
        sum += a.share;
        slot < sum
    })
}

/// The client's arm of the running experiment, and where it leads.
pub(super) async fn arm_of(tx: &mut Tx, ask: &Ask<'_>) -> Result<Option<(InExperiment, String)>> {
    let Some(e) = store::running_experiment(tx, &ask.client.entity, &ask.method.method).await? else {
        return Ok(None);
    };
    let id = e.id.to_string();
    Ok(arm_at(&arms(&e)?, slot(&id, &ask.client.client_id)).map(|a| {
        let seen = InExperiment {
            id,
            name: e.name.clone(),
            arm: a.name.clone(),
        };
        (seen, a.connection.clone())
    }))
}

/// Starts one. One at a time for an entity and method: two would spoil each other.
pub async fn start(tx: &mut Tx, core: &Core, caller: &Caller, new: NewExperiment) -> Result<ExperimentView> {
    caller.require(Right::ConnectionsManage)?;
    if !caller.enters(Some(&new.entity)) {
        return Err(Problem::forbidden("entity_not_allowed", "this entity is outside your rights"));
    }
    let name = new.name.trim();
    if name.is_empty() || name.chars().count() > 120 {
        return Err(Problem::invalid("name", "name_length", "expected 1 to 120 characters"));
    }
    if new.arms.len() < 2 || new.arms.len() > 10 {
        return Err(Problem::invalid("arms", "arms_number", "expected 2 to 10 arms"));
    }
    let sum: u32 = new.arms.iter().map(|a| a.share.min(1_000)).sum();
    if sum != 100 {
        return Err(Problem::invalid(
            "arms",
            "shares_sum",
            format!("expected shares that sum to 100, not {sum}"),
        ));
    }
    let known = store::connections(tx).await?;
    for (i, a) in new.arms.iter().enumerate() {
        if a.name.trim().is_empty() || a.name.len() > 60 || new.arms.iter().filter(|o| o.name == a.name).count() > 1 {
            return Err(Problem::invalid(
                &format!("arms/{i}/name"),
                "arm_name",
                "expected a name of its own, 1 to 60 characters",
            ));
        }
        if !known.iter().any(|c| c.id == a.connection && c.entity == new.entity) {
            return Err(Problem::invalid(
                &format!("arms/{i}/connection"),
                "connection_unknown",
                "expected a payment connection of this entity",
            ));
        }
    }
    if store::running_experiment(tx, &new.entity, &new.method).await?.is_some() {
        return Err(Problem::conflict(
            "experiment_running",
            "an experiment with this method is running; end it first",
        ));
    }
    let row = ExperimentRow {
        id: ExperimentId::new(&core.env),
        entity: new.entity,
        name: name.to_string(),
        method: new.method,
        arms: serde_json::to_string(&new.arms)?,
        state: ExperimentState::Running,
        started_by: caller.id(),
        started_at: core.now(),
        ended_by: None,
        ended_at: None,
        version: 1,
    };
    store::insert_experiment(tx, &row).await?;
    let note = audit::Entry::new(caller, "experiment.started", format!("experiment:{}", row.id))
        .entity(Some(row.entity.clone()))
        .after(json!({"name": row.name, "method": row.method, "arms": new.arms}));
    audit::record(tx, core, note).await?;
    view(tx, row).await
}

/// Ends it: everybody goes the usual way again, and the results stay.
pub async fn end(tx: &mut Tx, core: &Core, caller: &Caller, id: ExperimentId) -> Result<ExperimentView> {
    caller.require(Right::ConnectionsManage)?;
    let mut e = store::experiment(tx, id)
        .await?
        .filter(|e| caller.enters(Some(&e.entity)))
        .ok_or_else(|| Problem::missing("experiment"))?;
    if e.state == ExperimentState::Running {
        e.state = ExperimentState::Ended;
        e.ended_by = Some(caller.id());
        e.ended_at = Some(core.now());
        store::end_experiment(tx, &e).await?;
        e.version += 1;
        let note = audit::Entry::new(caller, "experiment.ended", format!("experiment:{id}"))
            .entity(Some(e.entity.clone()))
            .after(json!({"name": e.name}));
        audit::record(tx, core, note).await?;
    }
    view(tx, e).await
}

/// The newest first, with the results of each arm.
pub async fn list(tx: &mut Tx, caller: &Caller) -> Result<Vec<ExperimentView>> {
    caller.require(Right::ConnectionsView)?;
    let mut out = Vec::new();
    for e in store::experiments(tx).await? {
        if caller.enters(Some(&e.entity)) {
            out.push(view(tx, e).await?);
        }
    }
    Ok(out)
}

async fn view(tx: &mut Tx, e: ExperimentRow) -> Result<ExperimentView> {
    let results = store::arm_outcomes(tx, &e.id.to_string()).await?;
    let of = |a: Arm| {
        let r = results.iter().find(|r| r.arm == a.name);
        let ended = r.map_or(0, |r| r.ended);
        ArmResult {
            clients: r.map_or(0, |r| r.clients),
            attempts: r.map_or(0, |r| r.attempts),
            ended,
            paid: r.map_or(0, |r| r.paid),
            rate_ppm: r.filter(|_| ended > 0).map(|r| r.paid * 1_000_000 / ended),
            name: a.name,
            connection: a.connection,
            share: a.share,
        }
    };
    Ok(ExperimentView {
        arms: arms(&e)?.into_iter().map(of).collect(),
        id: e.id,
        entity: e.entity,
        name: e.name,
        method: e.method,
        state: e.state,
        started_by: e.started_by,
        started_at_us: e.started_at,
        ended_by: e.ended_by,
        ended_at_us: e.ended_at,
        version: e.version,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_stays_in_an_arm_and_the_shares_come_out() {
        let arms = [("old", 70), ("new", 30)].map(|(name, share)| Arm {
            name: name.into(),
            connection: name.into(),
            share,
        });
        let mut new = 0;
        for i in 0..2_000 {
            let client = format!("cli_{i:026}");
            let at = slot("exp_1", &client);
            assert_eq!(at, slot("exp_1", &client));
            new += u32::from(arm_at(&arms, at).unwrap().name == "new");
        }
        assert!((500..700).contains(&new), "{new} of 2000");
        assert!((0..100).all(|s| arm_at(&arms, s).is_some()));
    }
}

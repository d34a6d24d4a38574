//! Who gets a client: the rule set `lead.routing`, a fair turn within the desk, or a person's
//! decision. Each routing is kept as a decision with the facts it was made on.

use crate::client::{self, Client, ClientId, entry, publish};
use crate::intake::Touch;
use crate::store;
use crate::timeline::{self, NewLine, Visibility};
use qd_db::Tx;
use qd_kernel::{PageRequest, Problem, Result};
use qd_runtime::access::{ALL_ENTITIES, Caller, Right, Role, StaffId, staff};
use qd_runtime::audit::{self, Decision};
use qd_runtime::exceptions::{self, NewException};
use qd_runtime::rules::{self, Evaluation};
use qd_runtime::{Core, tenancy};
use serde_json::{Value, json};

pub const SET: &str = "lead.routing";
/// Who a routing rule acts as.
const BY: &str = "rule:lead.routing";

pub(crate) struct Routed {
    pub owner_id: Option<StaffId>,
    pub desk: Option<String>,
    evaluation: Option<Evaluation>,
    /// Why nobody was found.
    trouble: Option<String>,
}

/// Asks the rules; a lead is never refused because they are broken or nobody is there.
pub(crate) async fn route(tx: &mut Tx, core: &Core, c: &Client, touch: &Touch, returning: bool) -> Result<Routed> {
    let _ = core;
    let facts = json!({"lead": {
        "country": c.country, "language": c.language, "campaign": touch.campaign, "source": touch.source, "medium": touch.medium,
        "partner_id": touch.partner_id.clone().unwrap_or_default(), "brand": c.brand, "entity": c.entity, "returning": returning,
    }});
    let evaluation = match rules::evaluate(tx, SET, Some(&c.entity), &facts).await {
        Ok(e) => e,
        Err(p) if p.is("rule_set_unknown") => {
            return Ok(Routed {
                owner_id: None,
                desk: None,
                evaluation: None,
                trouble: Some("there is no rule set lead.routing".into()),
            });
        }
        Err(p) => return Err(p),
    };
    let mut routed = Routed {
        owner_id: None,
        desk: None,
        evaluation: None,
        trouble: None,
    };
    let outcome = evaluation.first().map(|f| f.outcome.clone());
    let text = |k: &str| outcome.as_ref().and_then(|o| o.get(k)).and_then(Value::as_str).map(str::to_string);
    if outcome.is_none() {
        routed.trouble = Some("no routing rule matched".into());
    } else if let Some(owner) = text("owner") {
        match StaffId::parse(&owner) {
            Ok(id) => match active(tx, id).await? {
                Some(s) => (routed.owner_id, routed.desk) = (Some(id), s.desk),
                None => routed.trouble = Some(format!("the rule names {owner}, who does not work here any more")),
            },
            Err(_) => routed.trouble = Some(format!("the rule names {owner}, which is no id of staff")),
        }
    } else if let Some(desk) = text("round_robin") {
        if tenancy::desk(tx, &desk).await?.is_none() {
            routed.trouble = Some(format!("the rule names desk {desk}, which is not there"));
        } else {
            routed.owner_id = next_of_desk(tx, &desk, &c.entity).await?;
            if routed.owner_id.is_none() {
                routed.trouble = Some(format!("nobody of desk {desk} is active in entity {}", c.entity));
            }
            routed.desk = Some(desk);
        }
    } else if let Some(desk) = text("desk") {
        routed.desk = Some(desk);
    } else {
        routed.trouble = Some("the rule's outcome names no owner, desk or round_robin".into());
    }
    routed.evaluation = Some(evaluation);
    Ok(routed)
}

async fn active(tx: &mut Tx, id: StaffId) -> Result<Option<staff::StaffView>> {
    match staff::get(tx, &Caller::system(BY), id).await {
        Ok(s) if s.state == "active" => Ok(Some(s)),
        Ok(_) => Ok(None),
        Err(p) if p.is("not_found") => Ok(None),
        Err(p) => Err(p),
    }
}

/// The agent of the desk whose turn it is: strictly in turn, those who may not enter the entity
/// left out. Sales and partner people before their managers.
async fn next_of_desk(tx: &mut Tx, desk: &str, entity: &str) -> Result<Option<StaffId>> {
    let all = staff::list(tx, &Caller::system(BY), Some(desk), true, &PageRequest::new(Some(200), None)?)
        .await?
        .items;
    let mut here: Vec<_> = all
        .into_iter()
        .filter(|s| s.entities.iter().any(|e| e == entity || e == ALL_ENTITIES))
        .collect();
    let agents = |s: &staff::StaffView| s.roles.iter().any(|r| matches!(r, Role::Sales | Role::PartnerManager));
    if here.iter().any(agents) {
        here.retain(agents);
    }
    here.sort_by_key(|s| s.id);
    let Ok(n) = i64::try_from(here.len()) else { return Ok(None) };
    if n == 0 {
        return Ok(None);
    }
    let turn = store::clients::next_turn(tx, desk).await?;
    Ok(usize::try_from(turn.rem_euclid(n)).ok().and_then(|i| here.get(i)).map(|s| s.id))
}

/// Keeps the decision, tells the timeline and publishes; raises an exception when nobody owns it.
pub(crate) async fn announce(tx: &mut Tx, core: &Core, c: &Client, r: &Routed) -> Result<()> {
    let by = Caller::system(BY);
    let fired = r.evaluation.as_ref().and_then(Evaluation::first);
    if let Some(e) = &r.evaluation {
        let outcome = match (c.owner_id, &c.desk) {
            (Some(o), _) => format!("owner {o}"),
            (None, Some(d)) => format!("desk {d}"),
            (None, None) => "nobody".into(),
        };
        audit::decide(
            tx,
            core,
            Decision {
                caller: &by,
                kind: SET,
                subject: format!("client:{}", c.id),
                client_id: Some(c.id.to_string()),
                entity: Some(c.entity.clone()),
                outcome,
                reasons: e.reasons(),
                rule: fired.map(|f| format!("{} {}", f.rule_id, f.name)),
                rule_version: fired.map(|f| f.version),
                inputs: e.record(),
            },
        )
        .await?;
    }
    if c.owner_id.is_some() || c.desk.is_some() {
        let data = json!({"owner_id": c.owner_id, "desk": c.desk, "rule": fired.map(|f| f.name.clone())});
        timeline::put(
            tx,
            core,
            &by,
            NewLine::new(c.id, "owner", "timeline.assigned", data.clone(), Visibility::Staff),
        )
        .await?;
        publish(tx, core, "lead.assigned", c, data).await?;
    }
    if let Some(cause) = &r.trouble {
        exceptions::raise(
            tx,
            core,
            NewException {
                kind: "lead.unrouted",
                subject: format!("client:{}", c.id),
                entity: Some(c.entity.clone()),
                client_id: Some(c.id.to_string()),
                owner_role: "sales_manager",
                rule: SET,
                cause: cause.clone(),
                detail: r.evaluation.as_ref().map(Evaluation::record).unwrap_or_default(),
                retry: None,
            },
        )
        .await?;
    }
    Ok(())
}

/// Gives a client to a person, a desk, or both, or back to nobody.
pub async fn assign(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    id: ClientId,
    owner: Option<StaffId>,
    desk: Option<String>,
    reason: &str,
) -> Result<Client> {
    let mut c = client::lock(tx, caller, Right::LeadsAssign, id).await?;
    let mut desk = desk;
    if let Some(o) = owner {
        let s = active(tx, o)
            .await?
            .ok_or_else(|| Problem::invalid("/owner_id", "staff_unknown", "expected somebody who works here"))?;
        if !s.entities.iter().any(|e| *e == c.entity || e == ALL_ENTITIES) {
            return Err(Problem::invalid(
                "/owner_id",
                "staff_outside_entity",
                "expected somebody of the client's entity",
            ));
        }
        desk = desk.or(s.desk);
    }
    if let Some(d) = &desk
        && tenancy::desk(tx, d).await?.is_none()
    {
        return Err(Problem::invalid("/desk", "desk_unknown", "expected the code of a desk"));
    }
    let before = json!({"owner_id": c.owner_id, "desk": c.desk});
    if c.owner_id == owner && c.desk == desk {
        return Ok(c);
    }
    (c.owner_id, c.desk) = (owner, desk);
    store::clients::save(tx, &c, core.now()).await?;
    c.version += 1;
    let data = json!({"owner_id": c.owner_id, "desk": c.desk, "reason": reason});
    timeline::put(
        tx,
        core,
        caller,
        NewLine::new(id, "owner", "timeline.assigned", data.clone(), Visibility::Staff),
    )
    .await?;
    publish(tx, core, "lead.assigned", &c, data.clone()).await?;
    audit::record(
        tx,
        core,
        entry(caller, "client.assigned", &c).before(before).after(data).reason(reason),
    )
    .await?;
    exceptions::resolve(tx, core, "lead.unrouted", &format!("client:{id}"), "assigned").await?;
    Ok(c)
}

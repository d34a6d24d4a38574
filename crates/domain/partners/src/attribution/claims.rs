//! "This client is mine": a partner or the staff files a claim, somebody else decides it with the
//! evidence in front of them. A decision is dated; it moves no money backwards by itself.

use super::{Model, Rules, evidence_of, give};
use crate::clicks::LinkKey;
use crate::ids::{ClaimId, PartnerId};
use crate::partner::{PartnerState, allowed};
use crate::postbacks::whose;
use crate::store::{claims as store, origins, partners};
use qd_db::Tx;
use qd_kernel::{Page, PageRequest, Problem, Result, Ts, page::join_key, text_enum};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right};
use qd_runtime::audit::{self, Entry};
use qd_runtime::exceptions::{self, NewException};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use crate::store::claims::ClaimFilter;

text_enum!(
    /// Where a claim stands.
    ClaimState { Open = "open", Accepted = "accepted", Refused = "refused", Withdrawn = "withdrawn" }
);

/// The kind of exception an open claim raises; its subject is `claim:pcl_…`.
pub const CLAIM: &str = "partner.claim";

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PartnerClaim)]
pub struct Claim {
    pub id: ClaimId,
    pub partner_id: PartnerId,
    pub entity: String,
    /// As it was written: an id, an address, a login.
    pub named: String,
    /// For staff: whom that is; none when nobody of that name was found.
    pub client_id: Option<String>,
    pub evidence: String,
    pub file_id: Option<String>,
    pub filed_by: String,
    #[serde(rename = "filed_at_us")]
    pub filed_at: Ts,
    /// After the days the entity gives.
    pub late: bool,
    pub state: ClaimState,
    pub decided_by: Option<String>,
    #[serde(rename = "decided_at_us")]
    pub decided_at: Option<Ts>,
    pub reason: Option<String>,
    /// Accepted: from when the client is the partner's.
    #[serde(rename = "from_us")]
    pub from_at: Option<Ts>,
    /// What the person who decided had in front of them.
    #[schema(value_type = Option<super::Evidence>, no_recursion)]
    pub seen: Option<Value>,
    pub version: i64,
}

impl From<store::ClaimRow> for Claim {
    fn from(c: store::ClaimRow) -> Self {
        Claim {
            id: c.id,
            partner_id: c.partner_id,
            entity: c.entity,
            named: c.named,
            client_id: c.client_id,
            evidence: c.evidence,
            file_id: c.file_id,
            filed_by: c.filed_by,
            filed_at: c.filed_at,
            late: c.late,
            state: c.state,
            decided_by: c.decided_by,
            decided_at: c.decided_at,
            reason: c.reason,
            from_at: c.from_at,
            seen: c.seen,
            version: c.version,
        }
    }
}

impl Claim {
    /// As the partner reads it: whether such a client exists, and who else was looked at, stays here.
    fn for_partner(mut self) -> Claim {
        self.client_id = None;
        self.seen = None;
        self.late = false;
        self.decided_by = None;
        self.filed_by = String::new();
        self
    }
}

#[derive(Clone, Debug)]
pub struct NewClaim {
    /// As it was written.
    pub named: String,
    /// Whom that is, found by the app; with the entity of the record.
    pub client: Option<(String, String)>,
    pub evidence: String,
    pub file_id: Option<String>,
}

/// By the partner, or by staff with `partners.manage` for one.
pub async fn file_claim(tx: &mut Tx, core: &Core, caller: &Caller, partner: Option<PartnerId>, new: NewClaim) -> Result<Claim> {
    let p = whose(tx, caller, Right::PartnersManage, partner).await?;
    if p.state != PartnerState::Active {
        return Err(Problem::conflict("partner_state", "only an active partner claims clients"));
    }
    let (named, text) = (new.named.trim(), new.evidence.trim());
    if named.is_empty() || named.chars().count() > 200 {
        return Err(Problem::invalid(
            "client",
            "text_malformed",
            "expected an address, a login or an id of 1 to 200 characters",
        ));
    }
    if text.is_empty() || text.chars().count() > 4_000 {
        return Err(Problem::invalid(
            "evidence",
            "text_malformed",
            "expected 1 to 4000 characters: why the client is yours",
        ));
    }
    // A client of another entity is nobody here.
    let client = new.client.filter(|(_, e)| *e == p.entity).map(|(c, _)| c);
    let now = core.now();
    let rules = Rules::of(tx, &p.entity).await?;
    let registered = match &client {
        Some(c) => origins::get(tx, c).await?.map(|o| o.registered_at),
        None => None,
    };
    let row = store::ClaimRow {
        id: ClaimId::new(&core.env),
        partner_id: p.id,
        entity: p.entity.clone(),
        named: named.to_string(),
        client_id: client.clone(),
        evidence: text.to_string(),
        file_id: new.file_id,
        filed_by: caller.id(),
        filed_at: now,
        late: registered.is_some_and(|r| r.plus_days(rules.claim_days) < now),
        state: ClaimState::Open,
        decided_by: None,
        decided_at: None,
        reason: None,
        from_at: None,
        seen: None,
        version: 1,
    };
    if !store::insert(tx, &row).await? {
        return Err(Problem::conflict("claim_open", "there is an open claim to this client already"));
    }
    let others = match &client {
        Some(c) => rivals(tx, c, p.id).await?,
        None => 0,
    };
    let e = NewException {
        kind: CLAIM,
        subject: format!("claim:{}", row.id),
        entity: Some(p.entity.clone()),
        client_id: client.clone(),
        owner_role: "partner_manager",
        rule: "partner.claim",
        cause: match (client.is_some(), others) {
            (false, _) => "a partner claims somebody who was not found here".into(),
            (true, 0) => "a partner claims a client whom nobody else claims".into(),
            (true, n) => format!("a partner claims a client whom {n} other partners claim or have"),
        },
        detail: json!({"claim": row.id, "partner": p.id, "late": row.late, "others": others}),
        retry: None,
    };
    exceptions::raise(tx, core, e).await?;
    let e = Entry::new(caller, "claim.file", format!("claim:{}", row.id)).entity(Some(p.entity));
    let e = match &client {
        Some(c) => e.client(c.clone()),
        None => e,
    };
    audit::record(tx, core, e.after(json!({"partner": row.partner_id, "late": row.late}))).await?;
    let claim = Claim::from(row);
    Ok(if caller.client_id().is_ok() { claim.for_partner() } else { claim })
}

/// Other partners who have the client or claim them.
async fn rivals(tx: &mut Tx, client: &str, me: PartnerId) -> Result<usize> {
    let mut who: Vec<PartnerId> = store::of_client(tx, client)
        .await?
        .into_iter()
        .filter(|c| c.state == ClaimState::Open)
        .map(|c| c.partner_id)
        .collect();
    who.extend(crate::store::attribution::open(tx, client).await?.and_then(|s| s.partner_id));
    who.retain(|p| *p != me);
    who.sort_unstable();
    who.dedup();
    Ok(who.len())
}

/// For staff: the newest first.
pub async fn claims(tx: &mut Tx, caller: &Caller, filter: &ClaimFilter, page: &PageRequest) -> Result<Page<Claim>> {
    caller.require(Right::PartnersView)?;
    let rows = store::list(tx, caller.allowed_entities().as_deref(), filter, page).await?;
    Ok(page.finish(rows.into_iter().map(Claim::from).collect(), by_time))
}

fn by_time(c: &Claim) -> String {
    join_key(&[&c.filed_at.micros().to_string(), &c.id.to_string()])
}

pub async fn my_claims(tx: &mut Tx, caller: &Caller, page: &PageRequest) -> Result<Page<Claim>> {
    let me = whose(tx, caller, Right::MePartner, None).await?;
    let filter = ClaimFilter {
        partner: Some(me.id),
        ..ClaimFilter::default()
    };
    let rows = store::list(tx, None, &filter, page).await?;
    Ok(page.finish(rows.into_iter().map(|c| Claim::from(c).for_partner()).collect(), by_time))
}

pub async fn claim(tx: &mut Tx, caller: &Caller, id: ClaimId) -> Result<Claim> {
    Ok(found(tx, caller, Right::PartnersView, id).await?.into())
}

async fn found(tx: &mut Tx, caller: &Caller, right: Right, id: ClaimId) -> Result<store::ClaimRow> {
    caller.require(right)?;
    store::get(tx, id)
        .await?
        .filter(|c| caller.enters(Some(&c.entity)))
        .ok_or_else(|| Problem::missing("claim"))
}

/// The partner takes a claim back.
pub async fn withdraw_claim(tx: &mut Tx, core: &Core, caller: &Caller, id: ClaimId) -> Result<Claim> {
    let me = whose(tx, caller, Right::MePartner, None).await?;
    let mut c = store::get(tx, id)
        .await?
        .filter(|c| c.partner_id == me.id)
        .ok_or_else(|| Problem::missing("claim"))?;
    if c.state != ClaimState::Open {
        return Err(Problem::conflict("claim_decided", format!("this claim is {}", c.state)));
    }
    c.state = ClaimState::Withdrawn;
    store::update(tx, &c).await?;
    c.version += 1;
    exceptions::resolve(tx, core, CLAIM, &format!("claim:{id}"), "the partner took it back").await?;
    let e = Entry::new(caller, "claim.withdraw", format!("claim:{id}")).entity(Some(c.entity.clone()));
    audit::record(tx, core, e.after(json!({"state": c.state}))).await?;
    Ok(Claim::from(c).for_partner())
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ClaimVerdict, example = json!({"accept": true, "reason": "Signed form of 3 March; no other touch."}))]
pub struct Verdict {
    pub accept: bool,
    pub reason: String,
    /// Accepted: from when; now without it.
    #[serde(default)]
    pub from_us: Option<i64>,
    /// A late claim is accepted only when this says so.
    #[serde(default)]
    pub despite_late: bool,
    /// Whom the claim is about, when nobody was found by the name.
    #[serde(default)]
    pub client_id: Option<String>,
}

/// Decides. Needs `partners.manage`, and not by whoever filed it. What was there to see is stored with
/// the decision. Accepted, the client is the partner's from `from_us` on; earlier deals stay where
/// they are. `entity_of`: the entity of a client named in the verdict.
pub async fn decide_claim(
    tx: &mut Tx,
    core: &Core,
    key: &LinkKey,
    caller: &Caller,
    id: ClaimId,
    v: &Verdict,
    entity_of: Option<&str>,
) -> Result<Claim> {
    let mut c = found(tx, caller, Right::PartnersManage, id).await?;
    if v.reason.trim().is_empty() {
        return Err(Problem::invalid("reason", "reason_missing", "expected why"));
    }
    if c.state != ClaimState::Open {
        return Err(Problem::conflict("claim_decided", format!("this claim is {}", c.state)));
    }
    if c.filed_by == caller.id() {
        return Err(Problem::conflict(
            "claim_same_person",
            "somebody else than who filed it decides a claim",
        ));
    }
    if c.client_id.is_none()
        && let Some(named) = &v.client_id
    {
        if entity_of != Some(c.entity.as_str()) {
            return Err(Problem::invalid(
                "client_id",
                "client_unknown",
                "expected a client of the partner's entity",
            ));
        }
        c.client_id = Some(named.clone());
    }
    let now = core.now();
    c.state = if v.accept { ClaimState::Accepted } else { ClaimState::Refused };
    c.decided_by = Some(caller.id());
    c.decided_at = Some(now);
    c.reason = Some(v.reason.trim().to_string());
    if let Some(client) = c.client_id.clone() {
        c.seen = Some(serde_json::to_value(evidence_of(tx, key, caller, &client).await?)?);
    }
    if v.accept {
        let client = c
            .client_id
            .clone()
            .ok_or_else(|| Problem::invalid("client_id", "client_missing", "expected whom the claim is about"))?;
        if c.late && !v.despite_late {
            return Err(Problem::conflict(
                "claim_late",
                "this claim came after the days the entity gives: accept it with despite_late",
            ));
        }
        let p = allowed(tx, caller, Right::PartnersManage, c.partner_id).await?;
        if p.state != PartnerState::Active {
            return Err(Problem::conflict("partner_state", "only an active partner is given clients"));
        }
        let from = v.from_us.map_or(now, Ts);
        c.from_at = Some(from);
        let before = crate::store::attribution::open(tx, &client).await?.and_then(|s| s.partner_id);
        if before == Some(c.partner_id) {
            return Err(Problem::conflict("claim_needless", "the client is this partner's already"));
        }
        let why = json!({"claim": id, "reason": c.reason, "before": before});
        give(tx, core, &caller.id(), &client, Some(c.partner_id), from, Model::Claim, why).await?;
    }
    store::update(tx, &c).await?;
    c.version += 1;
    exceptions::resolve(tx, core, CLAIM, &format!("claim:{id}"), v.reason.trim()).await?;
    let e = Entry::new(caller, "claim.decide", format!("claim:{id}")).entity(Some(c.entity.clone()));
    let e = match &c.client_id {
        Some(client) => e.client(client.clone()),
        None => e,
    };
    let after = json!({"state": c.state, "partner": c.partner_id, "from_us": c.from_at});
    audit::record(
        tx,
        core,
        e.before(json!({"state": ClaimState::Open})).after(after).reason(v.reason.trim()),
    )
    .await?;
    Ok(c.into())
}

/// Names for the evidence.
pub(super) async fn name_of(tx: &mut Tx, p: PartnerId) -> Result<String> {
    Ok(partners::get(tx, p).await?.map(|p| p.name).unwrap_or_default())
}

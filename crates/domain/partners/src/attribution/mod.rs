//! Whose client it is. Decided at registration by the entity's model ([`Rules`]) and locked then, at
//! the approval or at the first deposit. What was known and what lost is kept as evidence; a later
//! change is dated, has a reason, and pays nothing backwards by itself.

mod claims;
pub(crate) mod contacts;
mod evidence;
mod leaving;
mod lock;
mod rules;

pub use claims::{Claim, ClaimFilter, ClaimState, NewClaim, Verdict, claim, claims, decide_claim, file_claim, my_claims, withdraw_claim};
pub use evidence::{Evidence, ModelSays, Overlap, TouchView, evidence_of};
pub(crate) use leaving::left;
pub use leaving::{LEAVING_JOB, Leaving, earns_after_leaving};
pub use lock::{Milestone, Steps, reached, steps_of};
pub use rules::{Contact, CrossBrand, GoesTo, Lock, Rule, Rules, SETTING, decide};

use crate::clicks::LinkKey;
use crate::engine::{Blocked, Rank};
use crate::ids::{ClickId, LinkId, PartnerId};
use crate::partner::{PartnerState, allowed};
use crate::plans;
use crate::signals::{Signal, SignalKind, contact_marks};
use crate::store::{attribution as store, origins, partners};
use qd_db::Tx;
use qd_kernel::{Problem, Result, Ts, text_enum};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right};
use qd_runtime::audit::{self, Entry};
use qd_runtime::exceptions;
use serde::Serialize;
use serde_json::{Value, json};

text_enum!(
    /// What decided.
    Model as AttributionModel {
        Code = "code",
        LastClick = "last_click",
        FirstClick = "first_click",
        LastNonDirect = "last_non_direct",
        None = "none",
        Manual = "manual",
        Claim = "claim",
        /// The same person's partner at another brand.
        OtherBrand = "other_brand",
    }
);

text_enum!(
    /// A held share pays nobody until somebody has decided; a refused one pays nobody.
    ShareState as AttributionState { Active = "active", Held = "held", Refused = "refused" }
);

/// The kind of exception raised for a held share; its subject is `client:cli_…`.
pub const SELF_REFERRAL: &str = "partner.self_referral";

/// What is known when a client registers.
#[derive(Clone, Debug, Default)]
pub struct Registration {
    /// `cli_…`
    pub client_id: String,
    pub entity: String,
    pub brand: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    /// Typed, or carried by the landing page's form.
    pub code: Option<String>,
    /// The value of the partner cookie.
    pub cookie: Option<String>,
    /// The click in the address of the page (`click`).
    pub click: Option<String>,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Attribution)]
pub struct Share {
    pub client_id: String,
    pub partner: Option<PartnerId>,
    pub state: ShareState,
    pub model: Model,
    pub code: Option<String>,
    pub link: Option<LinkId>,
    pub click: Option<ClickId>,
    pub hold_reason: Option<String>,
    #[serde(rename = "from_at_us")]
    pub from_at: Ts,
    #[serde(rename = "to_at_us")]
    pub to_at: Option<Ts>,
    pub made_by: String,
    pub evidence: Value,
}

impl From<store::ShareRow> for Share {
    fn from(r: store::ShareRow) -> Self {
        Share {
            client_id: r.client_id,
            partner: r.partner_id,
            state: r.state,
            model: r.model,
            code: r.code,
            link: r.link_id,
            click: r.click_id,
            hold_reason: r.hold_reason,
            from_at: r.from_at,
            to_at: r.to_at,
            made_by: r.made_by,
            evidence: r.evidence,
        }
    }
}

/// Decides and locks. Called again for the same client it answers what was decided before.
pub async fn register(tx: &mut Tx, core: &Core, key: &LinkKey, r: &Registration) -> Result<Share> {
    if let Some(open) = store::open(tx, &r.client_id).await? {
        return Ok(open.into());
    }
    let now = core.now();
    let rules = Rules::of(tx, &r.entity).await?;
    let known = contacts::Known {
        visitor: r.cookie.as_deref().and_then(|c| key.read_cookie(c)).map(|(v, _)| v),
        code: plain_code(r.code.as_deref()),
        code_at: now,
        click: r.click.as_deref().and_then(|c| ClickId::parse(c).ok()),
        ip_hash: r.ip.as_deref().and_then(|ip| key.hash("ip", ip)),
        cookie_days: rules.cookie_days,
    };
    let found = contacts::gather(tx, key, &known, now).await?;
    let origin = origins::OriginRow {
        client_id: r.client_id.clone(),
        entity: r.entity.clone(),
        brand: r.brand.clone(),
        visitor: known.visitor.clone(),
        code: known.code.clone(),
        click_id: found
            .found
            .iter()
            .rev()
            .find_map(|f| f.click.as_ref().map(|c| c.id))
            .or(known.click),
        ip_hash: known.ip_hash.clone(),
        ua_hash: r.user_agent.as_deref().and_then(|ua| key.hash("ua", ua)),
        device: r.user_agent.as_deref().map(crate::clicks::device_of),
        model: rules.model,
        lock_at: rules.lock,
        cookie_days: rules.cookie_days,
        locked_at: (rules.lock == Lock::Registration).then_some(now),
        registered_at: now,
        approved_at: None,
        funded_at: None,
        version: 1,
    };
    origins::insert(tx, &origin).await?;
    // The same person at another brand of ours.
    let elsewhere = match rules.cross_brand {
        CrossBrand::Keep => crate::signals::partner_elsewhere(tx, key, &r.client_id, r.email.as_deref(), now).await?,
        CrossBrand::New => None,
    };
    let won = found.winner(rules.model);
    let kept = match elsewhere {
        Some(p) => active(tx, p).await?,
        None => None,
    };
    let suspicion = match kept.as_ref().or(won.map(|c| &c.partner)) {
        Some(p) => self_referral(p, r),
        None => Vec::new(),
    };
    let touch = |c: &partners::ClickRow| json!({"click": c.id, "partner": c.partner_id, "link": c.link_id, "at_us": c.at, "referrer": c.referrer, "utm": c.utm, "subs": c.subs, "consent": c.consent, "device": c.device, "campaign": c.campaign});
    let evidence = json!({
        "rule": rules.model,
        "claims": found.as_json(rules.model),
        "left_out": found.left_out,
        "touches": found.touches.iter().map(touch).collect::<Vec<_>>(),
        "same_address": found.nearby.iter().map(touch).collect::<Vec<_>>(),
        "other_brand": kept.as_ref().map(|p| p.id),
        "self_referral": suspicion,
    });
    let won = if kept.is_some() { None } else { won };
    let row = store::ShareRow {
        client_id: r.client_id.clone(),
        from_at: now,
        to_at: None,
        partner_id: kept.as_ref().map(|p| p.id).or(won.map(|c| c.partner.id)),
        state: if suspicion.is_empty() {
            ShareState::Active
        } else {
            ShareState::Held
        },
        model: match won {
            Some(c) => found.model(rules.model, c),
            None if kept.is_some() => Model::OtherBrand,
            None => Model::None,
        },
        code: won.and_then(|c| c.code.clone()),
        link_id: won.map(|c| c.link),
        click_id: won.and_then(|c| c.click.as_ref().map(|c| c.id)),
        hold_reason: (!suspicion.is_empty()).then(|| "self_referral".to_string()),
        evidence,
        made_by: "system:attribution".into(),
        made_at: now,
        version: 1,
    };
    if !store::insert(tx, &row).await? {
        let open = store::open(tx, &r.client_id).await?;
        return open
            .map(Share::from)
            .ok_or_else(|| Problem::unavailable(qd_db::RETRY, "the attribution met another transaction"));
    }
    if row.state == ShareState::Held
        && let Some(p) = kept.as_ref().or(won.map(|w| &w.partner))
    {
        crate::signals::open_case(tx, core, &r.client_id, p, suspicion, &rules).await?;
    }
    Ok(row.into())
}

fn plain_code(code: Option<&str>) -> Option<String> {
    code.map(|c| c.trim().to_uppercase()).filter(|c| !c.is_empty() && c.len() <= 32)
}

pub(crate) async fn active(tx: &mut Tx, id: PartnerId) -> Result<Option<partners::PartnerRow>> {
    Ok(partners::get(tx, id).await?.filter(|p| p.state == PartnerState::Active))
}

/// What the client shares with the partner by what they typed.
fn self_referral(p: &partners::PartnerRow, r: &Registration) -> Vec<Signal> {
    let theirs = contact_marks(p.email.as_deref(), p.phone.as_deref());
    contact_marks(r.email.as_deref(), r.phone.as_deref())
        .into_iter()
        .filter(|m| m.kind != SignalKind::EmailPattern && theirs.iter().any(|t| t.kind == m.kind && t.value == m.value))
        .map(|m| Signal {
            kind: m.kind,
            hint: m.hint,
        })
        .collect()
}

/// Decides about a held share. Accepted, the deals that waited for it are to be booked anew
/// ([`crate::booking::book_held`]). Needs `partners.manage`.
pub async fn decide_hold(tx: &mut Tx, core: &Core, caller: &Caller, client_id: &str, accept: bool, reason: &str) -> Result<Share> {
    let open = store::open(tx, client_id).await?.ok_or_else(|| Problem::missing("attribution"))?;
    let partner = open.partner_id.ok_or_else(|| Problem::missing("attribution"))?;
    let p = allowed(tx, caller, Right::PartnersManage, partner).await?;
    if reason.trim().is_empty() {
        return Err(Problem::invalid("reason", "reason_missing", "expected why"));
    }
    if open.state != ShareState::Held {
        return Err(Problem::conflict("share_state", format!("this is {} and not held", open.state)));
    }
    let (state, why) = if accept {
        (ShareState::Active, None)
    } else {
        (ShareState::Refused, open.hold_reason.as_deref())
    };
    store::set_state(tx, &open, state, why).await?;
    crate::signals::decided(tx, core, caller, client_id, partner, accept, reason).await?;
    crate::programmes::ask(tx, core, client_id, &format!("decided:{}", core.now().micros())).await?;
    exceptions::resolve(tx, core, SELF_REFERRAL, &format!("client:{client_id}"), reason).await?;
    let e = Entry::new(caller, "attribution.decide", format!("client:{client_id}"))
        .client(client_id)
        .entity(Some(p.entity));
    audit::record(
        tx,
        core,
        e.before(json!({"state": open.state}))
            .after(json!({"state": state, "partner": partner}))
            .reason(reason)
            .seen(open.evidence.clone()),
    )
    .await?;
    Ok(store::ShareRow {
        state,
        hold_reason: why.map(str::to_string),
        ..open
    }
    .into())
}

/// Gives a client to another partner, or to none, from `at` on. Deals with earlier value dates stay
/// with the old one. Needs `partners.manage`.
#[allow(clippy::too_many_arguments, reason = "whose, to whom, since when and why")]
pub async fn reassign(
    tx: &mut Tx,
    core: &Core,
    caller: &Caller,
    client_id: &str,
    entity: &str,
    to: Option<PartnerId>,
    at: Ts,
    reason: &str,
) -> Result<Share> {
    caller.require(Right::PartnersManage)?;
    if !caller.enters(Some(entity)) {
        return Err(Problem::missing("client"));
    }
    if reason.trim().is_empty() {
        return Err(Problem::invalid("reason", "reason_missing", "expected why"));
    }
    if let Some(p) = to {
        partners::get(tx, p)
            .await?
            .ok_or_else(|| Problem::invalid("partner", "partner_unknown", "expected the id of a partner"))?;
    }
    let before = store::open(tx, client_id).await?.and_then(|o| o.partner_id);
    let evidence = json!({"reason": reason, "before": before});
    let row = give(tx, core, &caller.id(), client_id, to, at, Model::Manual, evidence).await?;
    crate::programmes::ask(tx, core, client_id, &format!("moved:{}", core.now().micros())).await?;
    let e = Entry::new(caller, "attribution.reassign", format!("client:{client_id}"))
        .client(client_id)
        .entity(Some(entity.to_string()));
    audit::record(
        tx,
        core,
        e.before(json!({"partner": before}))
            .after(json!({"partner": to, "from_us": at}))
            .reason(reason),
    )
    .await?;
    Ok(row.into())
}

/// Ends the open share at `at` and begins another.
#[allow(clippy::too_many_arguments, reason = "whose, to whom, since when, why and by whom")]
async fn give(
    tx: &mut Tx,
    core: &Core,
    by: &str,
    client_id: &str,
    to: Option<PartnerId>,
    at: Ts,
    model: Model,
    evidence: Value,
) -> Result<store::ShareRow> {
    if let Some(o) = store::open(tx, client_id).await? {
        if o.from_at >= at {
            return Err(Problem::invalid(
                "at",
                "move_too_early",
                "expected a time after the last change of this client's partner",
            ));
        }
        store::end(tx, &o, at).await?;
    }
    let row = store::ShareRow {
        client_id: client_id.to_string(),
        from_at: at,
        to_at: None,
        partner_id: to,
        state: ShareState::Active,
        model,
        code: None,
        link_id: None,
        click_id: None,
        hold_reason: None,
        evidence,
        made_by: by.to_string(),
        made_at: core.now(),
        version: 1,
    };
    if store::insert(tx, &row).await? {
        return Ok(row);
    }
    Err(Problem::conflict(
        "version_stale",
        "somebody changed this client's partner in between",
    ))
}

/// Every share the client ever had, oldest first, each with its evidence.
pub async fn evidence(tx: &mut Tx, caller: &Caller, client_id: &str) -> Result<Vec<Share>> {
    caller.require(Right::PartnersView)?;
    Ok(store::history(tx, client_id).await?.into_iter().map(Share::from).collect())
}

/// Should a partner earn on this client, and if not, why not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Eligibility {
    pub partner: Option<PartnerId>,
    pub partner_name: Option<String>,
    pub plan: Option<String>,
    pub plan_version: Option<i64>,
    pub eligible: bool,
    /// `eligible`, `no_partner`, `attribution_held`, `attribution_refused`, `partner_suspended`,
    /// `own_account`, `no_plan`, `plan_out_of_scope`, `country_forbidden`.
    pub reason_code: &'static str,
}

/// `country`: the client's, two capitals. `brought_by`: the partner of a lead's record; what is
/// decided at registration stands above it.
pub async fn eligibility(
    tx: &mut Tx,
    client_id: &str,
    brought_by: Option<PartnerId>,
    entity: &str,
    country: &str,
    at: Ts,
) -> Result<Eligibility> {
    let mut out = Eligibility {
        partner: None,
        partner_name: None,
        plan: None,
        plan_version: None,
        eligible: false,
        reason_code: "no_partner",
    };
    let share = store::history(tx, client_id)
        .await?
        .into_iter()
        .find(|s| s.from_at <= at && s.to_at.is_none_or(|t| at < t));
    let (partner, state) = share.map_or((brought_by, ShareState::Active), |s| (s.partner_id, s.state));
    let Some(id) = partner else { return Ok(out) };
    let Some(p) = partners::get(tx, id).await? else { return Ok(out) };
    out.partner = Some(id);
    out.partner_name = Some(p.name.clone());
    let ranked = plans::in_force(tx, &id.to_string(), Rank::Partner, at).await?;
    let ranked = match ranked {
        Some(r) => Some(r),
        None => match plans::in_force(tx, &plans::entity_holder(&p.entity), Rank::Entity, at).await? {
            Some(r) => Some(r),
            None => plans::in_force(tx, plans::GLOBAL, Rank::Global, at).await?,
        },
    };
    if let Some(r) = &ranked {
        out.plan = Some(r.plan.name.clone());
        out.plan_version = Some(r.at.version);
    }
    out.reason_code = match (&state, &ranked) {
        (ShareState::Held, _) => Blocked::AttributionHeld.as_str(),
        (ShareState::Refused, _) => "attribution_refused",
        _ if p.state != PartnerState::Active => Blocked::PartnerSuspended.as_str(),
        _ if p.client_id.as_deref() == Some(client_id) => Blocked::OwnAccount.as_str(),
        (_, None) => "no_plan",
        (_, Some(r)) => {
            let s = &r.plan.scope;
            let outside = |list: &[String], v: &str| !list.is_empty() && list.iter().all(|l| l != v);
            if s.forbidden.iter().any(|f| f.country == country) {
                "country_forbidden"
            } else if outside(&s.entities, entity) || outside(&s.countries, country) {
                "plan_out_of_scope"
            } else {
                out.eligible = true;
                "eligible"
            }
        }
    };
    Ok(out)
}

/// Who would be named the partner of somebody who comes with this code and cookie: for a lead, whose
/// attribution is decided at registration. By the entity's model where it is known, else the code and
/// then the last click.
pub async fn who_brought(
    tx: &mut Tx,
    core: &Core,
    key: &LinkKey,
    entity: Option<&str>,
    code: Option<&str>,
    cookie: Option<&str>,
    click: Option<&str>,
) -> Result<Option<(PartnerId, Option<ClickId>)>> {
    let rules = match entity {
        Some(e) => Rules::of(tx, e).await?,
        None => Rules::default(),
    };
    let known = contacts::Known {
        visitor: cookie.and_then(|c| key.read_cookie(c)).map(|(v, _)| v),
        code: plain_code(code),
        code_at: core.now(),
        click: click.and_then(|c| ClickId::parse(c).ok()),
        ip_hash: None,
        cookie_days: rules.cookie_days,
    };
    let found = contacts::gather(tx, key, &known, core.now()).await?;
    Ok(found.winner(rules.model).map(|w| (w.partner.id, w.click.as_ref().map(|c| c.id))))
}

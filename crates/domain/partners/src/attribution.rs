//! Whose client it is. Decided once, at registration, and locked: a typed code wins, then the last
//! click within 30 days, then nobody. What was known and what lost is kept as evidence; a later
//! change is dated, has a reason, and pays nothing backwards by itself.

use crate::clicks::{COOKIE_DAYS, LinkKey};
use crate::engine::{Blocked, Rank};
use crate::ids::{ClickId, LinkId, PartnerId};
use crate::partner::{PartnerState, allowed, plain_email, plain_phone};
use crate::plans;
use crate::store::{attribution as store, partners};
use qd_db::Tx;
use qd_kernel::{Problem, Result, Ts, text_enum};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right};
use qd_runtime::audit::{self, Entry};
use qd_runtime::exceptions::{self, NewException};
use serde::Serialize;
use serde_json::{Value, json};

text_enum!(
    /// What decided.
    Model as AttributionModel { Code = "code", LastClick = "last_click", None = "none", Manual = "manual" }
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
    pub email: Option<String>,
    pub phone: Option<String>,
    /// Typed, or carried by the landing page's form.
    pub code: Option<String>,
    /// The value of the partner cookie.
    pub cookie: Option<String>,
    pub ip: Option<String>,
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

struct Claim {
    model: Model,
    partner: partners::PartnerRow,
    code: Option<String>,
    link: LinkId,
    click: Option<ClickId>,
    at: Ts,
}

/// Decides and locks. Called again for the same client it answers what was decided before.
pub async fn register(tx: &mut Tx, core: &Core, key: &LinkKey, r: &Registration) -> Result<Share> {
    if let Some(open) = store::open(tx, &r.client_id).await? {
        return Ok(open.into());
    }
    let now = core.now();
    let since = now.plus_days(-COOKIE_DAYS);
    let mut claims: Vec<Claim> = Vec::new();
    let mut notes: Vec<Value> = Vec::new();

    if let Some(typed) = r
        .code
        .as_deref()
        .map(|c| c.trim().to_uppercase())
        .filter(|c| !c.is_empty() && c.len() <= 32)
    {
        match partners::link_by_code(tx, &typed).await? {
            Some(l) if l.active => match active(tx, l.partner_id).await? {
                Some(p) => claims.push(Claim {
                    model: Model::Code,
                    partner: p,
                    code: Some(typed.clone()),
                    link: l.id,
                    click: None,
                    at: now,
                }),
                None => notes.push(json!({"code": typed, "left_out": "partner_not_active"})),
            },
            Some(_) => notes.push(json!({"code": typed, "left_out": "link_withdrawn"})),
            None => notes.push(json!({"code": typed, "left_out": "code_unknown"})),
        }
    }
    let mut touches = Vec::new();
    if let Some((visitor, _)) = r.cookie.as_deref().and_then(|c| key.read_cookie(c)) {
        touches = partners::clicks_of_visitor(tx, &visitor, since, 50).await?;
        for c in &touches {
            if let Some(p) = active(tx, c.partner_id).await? {
                claims.push(Claim {
                    model: Model::LastClick,
                    partner: p,
                    code: None,
                    link: c.link_id,
                    click: Some(c.id),
                    at: c.at,
                });
            } else {
                notes.push(json!({"click": c.id, "left_out": "partner_not_active"}));
            }
        }
    }
    // Clicks from the same address without a cookie decide nothing; they are there for the argument.
    let mut nearby = Vec::new();
    if let Some(ip) = r.ip.as_deref().and_then(|ip| key.hash("ip", ip)) {
        nearby = partners::clicks_of_address(tx, &ip, since, 50).await?;
        nearby.retain(|c| touches.iter().all(|t| t.id != c.id));
    }

    let won = claims.first();
    let suspicion = match won {
        Some(c) => self_referral(&c.partner, r),
        None => Vec::new(),
    };
    let claims_json: Vec<Value> = claims
        .iter()
        .enumerate()
        .map(|(i, c)| json!({"model": c.model, "partner": c.partner.id, "link": c.link, "code": c.code, "click": c.click, "at_us": c.at, "won": i == 0}))
        .collect();
    let touch = |c: &partners::ClickRow| json!({"click": c.id, "partner": c.partner_id, "link": c.link_id, "at_us": c.at, "referrer": c.referrer, "utm": c.utm, "subs": c.subs, "consent": c.consent});
    let evidence = json!({
        "claims": claims_json,
        "left_out": notes,
        "touches": touches.iter().map(touch).collect::<Vec<_>>(),
        "same_address": nearby.iter().map(touch).collect::<Vec<_>>(),
        "self_referral": suspicion,
    });
    let row = store::ShareRow {
        client_id: r.client_id.clone(),
        from_at: now,
        to_at: None,
        partner_id: won.map(|c| c.partner.id),
        state: if suspicion.is_empty() {
            ShareState::Active
        } else {
            ShareState::Held
        },
        model: won.map_or(Model::None, |c| c.model),
        code: won.and_then(|c| c.code.clone()),
        link_id: won.map(|c| c.link),
        click_id: won.and_then(|c| c.click),
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
    if row.state == ShareState::Held {
        let e = NewException {
            kind: SELF_REFERRAL,
            subject: format!("client:{}", r.client_id),
            entity: Some(r.entity.clone()),
            client_id: Some(r.client_id.clone()),
            owner_role: "partner_manager",
            rule: "partner.self_referral",
            cause: format!("the client shares {} with the partner who brought them", suspicion.join(", ")),
            detail: json!({"partner": row.partner_id, "shared": suspicion}),
            retry: None,
        };
        exceptions::raise(tx, core, e).await?;
    }
    Ok(row.into())
}

async fn active(tx: &mut Tx, id: PartnerId) -> Result<Option<partners::PartnerRow>> {
    Ok(partners::get(tx, id).await?.filter(|p| p.state == PartnerState::Active))
}

/// What the client shares with the partner, by name of the field.
fn self_referral(p: &partners::PartnerRow, r: &Registration) -> Vec<&'static str> {
    let mut shared = Vec::new();
    let same = |a: &Option<String>, b: Option<String>| a.is_some() && *a == b;
    if same(&p.email, r.email.as_deref().and_then(plain_email)) {
        shared.push("email");
    }
    if same(&p.phone, r.phone.as_deref().and_then(plain_phone)) {
        shared.push("phone");
    }
    if p.client_id.as_ref() == Some(&r.client_id) {
        shared.push("identity");
    }
    shared
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
    let open = store::open(tx, client_id).await?;
    if let Some(o) = &open {
        if o.from_at >= at {
            return Err(Problem::invalid(
                "at",
                "move_too_early",
                "expected a time after the last change of this client's partner",
            ));
        }
        store::end(tx, o, at).await?;
    }
    let before = open.as_ref().and_then(|o| o.partner_id);
    let row = store::ShareRow {
        client_id: client_id.to_string(),
        from_at: at,
        to_at: None,
        partner_id: to,
        state: ShareState::Active,
        model: Model::Manual,
        code: None,
        link_id: None,
        click_id: None,
        hold_reason: None,
        evidence: json!({"reason": reason, "before": before}),
        made_by: caller.id(),
        made_at: core.now(),
        version: 1,
    };
    if !store::insert(tx, &row).await? {
        return Err(Problem::conflict(
            "version_stale",
            "somebody changed this client's partner in between",
        ));
    }
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
/// attribution is decided at registration. The typed code wins, then the last click.
pub async fn who_brought(
    tx: &mut Tx,
    core: &Core,
    key: &LinkKey,
    code: Option<&str>,
    cookie: Option<&str>,
) -> Result<Option<(PartnerId, Option<ClickId>)>> {
    if let Some(typed) = code.map(|c| c.trim().to_uppercase()).filter(|c| !c.is_empty() && c.len() <= 32)
        && let Some(l) = partners::link_by_code(tx, &typed).await?.filter(|l| l.active)
        && active(tx, l.partner_id).await?.is_some()
    {
        return Ok(Some((l.partner_id, None)));
    }
    let Some((visitor, _)) = cookie.and_then(|c| key.read_cookie(c)) else {
        return Ok(None);
    };
    for c in partners::clicks_of_visitor(tx, &visitor, core.now().plus_days(-COOKIE_DAYS), 50).await? {
        if active(tx, c.partner_id).await?.is_some() {
            return Ok(Some((c.partner_id, Some(c.id))));
        }
    }
    Ok(None)
}

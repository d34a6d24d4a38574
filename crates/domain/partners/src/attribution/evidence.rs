//! Everything known about whose client somebody is, as data: all touches, all claims, what each model
//! would say, and what people and browsers have in common.

use super::claims::{Claim, name_of};
use super::contacts::{self, is_direct};
use super::rules::{Lock, Rule};
use super::{Model, Share};
use crate::clicks::{ClickOutcome, ClickSource, LinkKey};
use crate::ids::{ClickId, LinkId, MaterialId, PartnerId};
use crate::signals::{self, ReferralCase};
use crate::store::{attribution as store, claims, origins, partners};
use qd_db::Tx;
use qd_kernel::{Result, Ts};
use qd_runtime::access::{Caller, Right};
use serde::Serialize;
use serde_json::Value;

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AttributionTouch)]
pub struct TouchView {
    pub click: ClickId,
    pub partner: PartnerId,
    pub partner_name: String,
    pub link: LinkId,
    pub code: Option<String>,
    pub campaign: Option<String>,
    pub material: Option<MaterialId>,
    #[serde(rename = "at_us")]
    pub at: Ts,
    pub referrer: Option<String>,
    pub utm: Value,
    pub subs: Value,
    /// The tracker's own name of the click.
    pub external: Option<String>,
    pub device: Option<String>,
    pub consent: bool,
    pub direct: bool,
    pub outcome: ClickOutcome,
    pub source: ClickSource,
    /// By the same browser (our cookie), the same address in the network, or the page's address.
    pub known_by: &'static str,
    pub same_address: bool,
    pub same_browser_kind: bool,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ModelSays {
    pub rule: Rule,
    /// The entity's own.
    pub in_force: bool,
    pub model: Model,
    pub partner: Option<PartnerId>,
    pub partner_name: Option<String>,
    pub click: Option<ClickId>,
    pub code: Option<String>,
    #[serde(rename = "at_us")]
    pub at: Option<Ts>,
}

/// Another client who registered from the same address.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AttributionOverlap)]
pub struct Overlap {
    pub client_id: String,
    #[serde(rename = "registered_at_us")]
    pub registered_at: Ts,
    pub same_browser: bool,
    pub partner: Option<PartnerId>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AttributionEvidence)]
pub struct Evidence {
    pub client_id: String,
    #[serde(rename = "registered_at_us")]
    pub registered_at: Option<Ts>,
    /// The model and the lock in force when the client registered.
    pub rule: Option<Rule>,
    pub lock: Option<Lock>,
    #[serde(rename = "locked_at_us")]
    pub locked_at: Option<Ts>,
    pub code: Option<String>,
    pub device: Option<String>,
    /// The oldest first.
    pub shares: Vec<Share>,
    /// The oldest first.
    pub touches: Vec<TouchView>,
    pub claims: Vec<Claim>,
    pub models: Vec<ModelSays>,
    pub overlaps: Vec<Overlap>,
    pub referral: Vec<ReferralCase>,
}

const MOST: i64 = 50;

/// Needs `partners.view`; whether the caller may see the client is the app's to ask first.
pub async fn evidence_of(tx: &mut Tx, key: &LinkKey, caller: &Caller, client_id: &str) -> Result<Evidence> {
    caller.require(Right::PartnersView)?;
    let origin = origins::get(tx, client_id).await?;
    let shares = store::history(tx, client_id).await?;
    let mut out = Evidence {
        client_id: client_id.to_string(),
        registered_at: origin.as_ref().map(|o| o.registered_at),
        rule: origin.as_ref().map(|o| o.model),
        lock: origin.as_ref().map(|o| o.lock_at),
        locked_at: origin.as_ref().and_then(|o| o.locked_at),
        code: origin.as_ref().and_then(|o| o.code.clone()),
        device: origin.as_ref().and_then(|o| o.device.clone()),
        shares: shares.into_iter().map(Share::from).collect(),
        touches: Vec::new(),
        claims: claims::of_client(tx, client_id).await?.into_iter().map(Claim::from).collect(),
        models: Vec::new(),
        overlaps: Vec::new(),
        referral: signals::cases_of(tx, client_id).await?,
    };
    let Some(o) = origin else { return Ok(out) };
    let found = contacts::gather(tx, key, &contacts::Known::of(&o), o.registered_at).await?;
    let mut seen: Vec<(partners::ClickRow, &'static str)> = found.touches.iter().map(|c| (c.clone(), "browser")).collect();
    for f in &found.found {
        if let Some(c) = f.click.as_ref().filter(|c| seen.iter().all(|(s, _)| s.id != c.id)) {
            seen.push((c.clone(), "page"));
        }
    }
    for c in &found.nearby {
        if seen.iter().all(|(s, _)| s.id != c.id) {
            seen.push((c.clone(), "address"));
        }
    }
    seen.sort_by_key(|(c, _)| (c.at, c.id));
    for (c, known_by) in seen {
        out.touches.push(TouchView {
            partner_name: name_of(tx, c.partner_id).await?,
            code: partners::link(tx, c.link_id).await?.map(|l| l.code),
            direct: is_direct(&c),
            same_address: c.ip_hash.is_some() && c.ip_hash == o.ip_hash,
            same_browser_kind: c.ua_hash.is_some() && c.ua_hash == o.ua_hash,
            click: c.id,
            partner: c.partner_id,
            link: c.link_id,
            campaign: c.campaign,
            material: c.material_id,
            at: c.at,
            referrer: c.referrer,
            utm: c.utm,
            subs: c.subs,
            external: c.external,
            device: c.device,
            consent: c.consent,
            outcome: c.outcome,
            source: c.source,
            known_by,
        });
    }
    for rule in Rule::ALL {
        let won = found.winner(*rule);
        out.models.push(ModelSays {
            rule: *rule,
            in_force: *rule == o.model,
            model: won.map_or(Model::None, |w| found.model(*rule, w)),
            partner: won.map(|w| w.partner.id),
            partner_name: won.map(|w| w.partner.name.clone()),
            click: won.and_then(|w| w.click.as_ref().map(|c| c.id)),
            code: won.and_then(|w| w.code.clone()),
            at: won.map(|w| w.contact.at),
        });
    }
    if let Some(ip) = &o.ip_hash {
        for other in origins::same_address(tx, client_id, ip, MOST).await? {
            let partner = store::open(tx, &other.client_id).await?.and_then(|s| s.partner_id);
            out.overlaps.push(Overlap {
                same_browser: other.visitor.is_some() && other.visitor == o.visitor,
                registered_at: other.registered_at,
                client_id: other.client_id,
                partner,
            });
        }
    }
    Ok(out)
}

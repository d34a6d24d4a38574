//! How far a client has come, and the moment from which whose client it is stays as it is.

use super::{Model, Rule, Share, ShareState, contacts};
use crate::clicks::LinkKey;
use crate::store::{attribution as store, origins};
use qd_db::Tx;
use qd_kernel::{Result, Ts, text_enum};
use qd_runtime::Core;
use serde::Serialize;
use serde_json::json;

text_enum!(
    /// A step of a client that funnels count and locks wait for.
    Milestone { KycApproved = "kyc_approved", Ftd = "ftd" }
);

/// Notes a step, once; when the entity's decision waited for it, decides anew over all touches up to
/// now and locks. What a person decided is not touched. The new share, when there is one.
pub async fn reached(tx: &mut Tx, core: &Core, key: &LinkKey, client_id: &str, step: Milestone, at: Ts) -> Result<Option<Share>> {
    let Some(mut o) = origins::get(tx, client_id).await? else {
        return Ok(None);
    };
    let slot = match step {
        Milestone::KycApproved => &mut o.approved_at,
        Milestone::Ftd => &mut o.funded_at,
    };
    if slot.is_some() {
        return Ok(None);
    }
    *slot = Some(at);
    let locks = o.locked_at.is_none() && o.lock_at.as_str() == step.as_str();
    if locks {
        o.locked_at = Some(core.now());
    }
    origins::update(tx, &o).await?;
    if !locks || o.model == Rule::Manual {
        return Ok(None);
    }
    let open = store::open(tx, client_id).await?;
    if open
        .as_ref()
        .is_some_and(|s| matches!(s.model, Model::Manual | Model::Claim | Model::OtherBrand) || s.state != ShareState::Active)
    {
        return Ok(None);
    }
    let found = contacts::gather(tx, key, &contacts::Known::of(&o), at).await?;
    let won = found.winner(o.model);
    let partner = won.map(|w| w.partner.id);
    let before = open.as_ref().and_then(|s| s.partner_id);
    if partner == before || partner.is_none() {
        return Ok(None);
    }
    let now = core.now();
    if let Some(s) = &open {
        if s.from_at >= now {
            return Ok(None);
        }
        store::end(tx, s, now).await?;
    }
    let row = store::ShareRow {
        client_id: client_id.to_string(),
        from_at: now,
        to_at: None,
        partner_id: partner,
        state: ShareState::Active,
        model: won.map_or(Model::None, |w| found.model(o.model, w)),
        code: won.and_then(|w| w.code.clone()),
        link_id: won.map(|w| w.link),
        click_id: won.and_then(|w| w.click.as_ref().map(|c| c.id)),
        hold_reason: None,
        evidence: json!({"locked_by": step, "rule": o.model, "before": before, "claims": found.as_json(o.model)}),
        made_by: "system:attribution".into(),
        made_at: now,
        version: 1,
    };
    store::insert(tx, &row).await?;
    Ok(Some(row.into()))
}

/// How far a client has come.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PartnerClientSteps)]
pub struct Steps {
    #[serde(rename = "registered_at_us")]
    pub registered_at: Ts,
    #[serde(rename = "approved_at_us")]
    pub approved_at: Option<Ts>,
    #[serde(rename = "funded_at_us")]
    pub funded_at: Option<Ts>,
}

pub async fn steps_of(tx: &mut Tx, client_id: &str) -> Result<Option<Steps>> {
    Ok(origins::get(tx, client_id).await?.map(|o| Steps {
        registered_at: o.registered_at,
        approved_at: o.approved_at,
        funded_at: o.funded_at,
    }))
}

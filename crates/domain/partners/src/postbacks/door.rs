//! The other direction: a partner's own server tells us of a click, under a token of ours.

use super::whose;
use crate::clicks::{ClickOutcome, ClickSource, LinkKey, SUBS, UTM, cut, external_of, kept, landing_with};
use crate::ids::{ClickId, PartnerId};
use crate::partner::PartnerState;
use crate::store::{partners, postbacks as store};
use qd_db::Tx;
use qd_kernel::{Problem, Result, Secret, Ts};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right};
use qd_runtime::audit::{self, Entry};
use serde::Serialize;
use serde_json::json;
use subtle::ConstantTimeEq as _;

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PartnerDoor)]
pub struct Door {
    pub partner_id: PartnerId,
    pub active: bool,
    #[serde(rename = "changed_at_us")]
    pub changed_at: Ts,
}

/// What the partner's server signs in with, in the header `Authorization: Bearer …`.
#[derive(Clone, Debug)]
pub struct Token(pub Secret);

/// `pdt.par_….no.mac`: says whose it is and which number, signed.
fn token(key: &LinkKey, partner: PartnerId, no: i64) -> Result<Token> {
    let body = format!("pdt.{partner}.{no}");
    let mac = hex::encode(key.derive("door", &body)?);
    Ok(Token(Secret::new(format!("{body}.{mac}"))))
}

/// Opens the door with a new token (an older one is worthless at once), or shuts it.
pub async fn open_door(tx: &mut Tx, core: &Core, caller: &Caller, partner: Option<PartnerId>, open: bool) -> Result<Door> {
    let p = whose(tx, caller, Right::PartnersManage, partner).await?;
    let no = store::door(tx, p.id).await?.map_or(0, |d| d.token_no) + i64::from(open);
    let row = store::DoorRow {
        partner_id: p.id,
        token_no: no,
        active: open,
        changed_at: core.now(),
    };
    store::put_door(tx, &row).await?;
    let e = Entry::new(caller, "partner.door", format!("partner:{}", p.id)).entity(Some(p.entity));
    audit::record(tx, core, e.after(json!({"open": open, "token_no": no}))).await?;
    Ok(Door {
        partner_id: p.id,
        active: open,
        changed_at: row.changed_at,
    })
}

/// The door and, while it is open, its token.
pub async fn my_door(tx: &mut Tx, key: &LinkKey, caller: &Caller, partner: Option<PartnerId>) -> Result<Option<(Door, Option<Token>)>> {
    let p = whose(tx, caller, Right::PartnersManage, partner).await?;
    let Some(d) = store::door(tx, p.id).await? else { return Ok(None) };
    let t = if d.active { Some(token(key, p.id, d.token_no)?) } else { None };
    let door = Door {
        partner_id: p.id,
        active: d.active,
        changed_at: d.changed_at,
    };
    Ok(Some((door, t)))
}

/// Whose token this is; nobody's, an old one's and a shut door's look the same.
pub async fn read_token(tx: &mut Tx, key: &LinkKey, text: &str) -> Result<PartnerId> {
    let refused = || Problem::new(qd_kernel::Class::Unauthenticated, "token_refused", "this token opens nothing");
    let mut parts = text.splitn(4, '.');
    let (Some("pdt"), Some(partner), Some(no), Some(_)) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(refused());
    };
    let partner = PartnerId::parse(partner).map_err(|_| refused())?;
    let no: i64 = no.parse().map_err(|_| refused())?;
    let right = token(key, partner, no)?;
    if !bool::from(right.0.expose().as_bytes().ct_eq(text.as_bytes())) {
        return Err(refused());
    }
    let open = store::door(tx, partner).await?.is_some_and(|d| d.active && d.token_no == no);
    let active = partners::get(tx, partner).await?.is_some_and(|p| p.state == PartnerState::Active);
    if open && active { Ok(partner) } else { Err(refused()) }
}

/// What we made of a click that a partner's server told us of.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ReportedClick)]
pub struct Reported {
    pub click_id: ClickId,
    /// Where to send the visitor.
    pub landing: String,
    /// The link it counts for.
    pub code: String,
    /// We had it already.
    pub known: bool,
}

/// Keeps a click under the tracker's own name for it (`click_id`, or another of its spellings). The
/// same name again is the same click.
pub async fn report_click(
    tx: &mut Tx,
    core: &Core,
    partner: PartnerId,
    code: Option<&str>,
    pairs: &[(String, String)],
) -> Result<Reported> {
    let link = match code {
        Some(c) => partners::link_by_code(tx, &c.trim().to_uppercase())
            .await?
            .filter(|l| l.partner_id == partner && l.active),
        None => partners::first_link(tx, partner).await?,
    };
    let link = link.ok_or_else(|| Problem::invalid("code", "code_unknown", "expected the code of one of your active links"))?;
    let external =
        external_of(pairs).ok_or_else(|| Problem::invalid("click_id", "click_id_missing", "expected your own name for this click"))?;
    let answer = |click_id, known| Reported {
        click_id,
        landing: landing_with(&link.landing, &link.code, click_id),
        code: link.code.clone(),
        known,
    };
    if let Some(c) = partners::click_of_server(tx, partner, &external).await? {
        return Ok(answer(c.id, true));
    }
    let row = partners::ClickRow {
        id: ClickId::new(&core.env),
        link_id: link.id,
        partner_id: partner,
        visitor: None,
        ip_hash: None,
        ua_hash: None,
        referrer: pairs.iter().find(|(k, _)| k == "referrer").map(|(_, v)| cut(v)),
        landing: link.landing.clone(),
        utm: kept(pairs, UTM),
        subs: kept(pairs, SUBS),
        consent: false,
        at: core.now(),
        campaign: link.campaign.clone(),
        device: None,
        external: Some(external.clone()),
        material_id: None,
        outcome: ClickOutcome::Landed,
        source: ClickSource::Server,
    };
    if !partners::insert_click(tx, &row).await? {
        let c = partners::click_of_server(tx, partner, &external).await?;
        let c = c.ok_or_else(|| Problem::unavailable(qd_db::RETRY, "this click was told at the same time"))?;
        return Ok(answer(c.id, true));
    }
    super::clicked(tx, core, row.id).await?;
    Ok(answer(row.id, false))
}

//! Marketing material: what the house gives its partners to show. Each partner gets it with their own
//! code in it; what is withdrawn leads nowhere any more, and who still clicks it is counted.

mod badge;

use crate::ids::{MaterialId, PartnerId};
use crate::partner::{PartnerState, mine};
use crate::store::{material as store, partners};
use qd_db::Tx;
use qd_kernel::{Page, PageRequest, Problem, Result, Ts, page::join_key, text_enum};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right};
use qd_runtime::audit::{self, Entry};
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use crate::store::material::MaterialFilter;
pub use badge::{image_size, qr_svg};

text_enum!(
    /// What it is: a picture, a page of ours, words.
    MaterialKind { Banner = "banner", Landing = "landing", Text = "text" }
);

text_enum!(
    /// Whether it may be shown.
    MaterialState { Active = "active", Withdrawn = "withdrawn" }
);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = PartnerMaterial)]
pub struct Material {
    pub id: MaterialId,
    pub entity: String,
    pub brand: String,
    /// Two small letters, or with a region: `de`, `pt-BR`.
    pub language: String,
    pub kind: MaterialKind,
    pub name: String,
    /// Of a text, with `{link}` and `{code}` in it.
    pub body: Option<String>,
    /// Where its link leads: a path of our own site, or an https address.
    pub landing: String,
    pub mime: Option<String>,
    /// Pixels.
    pub width: Option<i64>,
    pub height: Option<i64>,
    pub state: MaterialState,
    #[serde(rename = "created_at_us")]
    pub created_at: Ts,
    #[serde(rename = "withdrawn_at_us")]
    pub withdrawn_at: Option<Ts>,
    pub withdrawn_reason: Option<String>,
    /// For staff: clicks, and clicks after it was withdrawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub clicks: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub clicks_withdrawn: Option<i64>,
    pub version: i64,
}

impl From<store::MaterialRow> for Material {
    fn from(m: store::MaterialRow) -> Self {
        Material {
            id: m.id,
            entity: m.entity,
            brand: m.brand,
            language: m.language,
            kind: m.kind,
            name: m.name,
            body: m.body,
            landing: m.landing,
            mime: m.mime,
            width: m.width,
            height: m.height,
            state: m.state,
            created_at: m.created_at,
            withdrawn_at: m.withdrawn_at,
            withdrawn_reason: m.withdrawn_reason,
            clicks: None,
            clicks_withdrawn: None,
            version: m.version,
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MaterialDraft, example = json!({"entity": "eu", "brand": "northwind", "language": "de", "kind": "text", "name": "Signature", "body": "Trade with us: {link}", "landing": "/de/start"}))]
pub struct Draft {
    pub entity: String,
    pub brand: String,
    pub language: String,
    pub kind: MaterialKind,
    pub name: String,
    /// Of a text, with `{link}` and `{code}` in it.
    #[serde(default)]
    pub body: Option<String>,
    pub landing: String,
}

/// The picture of a banner, stored already.
#[derive(Clone, Debug)]
pub struct Picture {
    pub file_id: String,
    pub mime: String,
    pub width: i64,
    pub height: i64,
}

/// Needs `partners.manage`.
pub async fn upload(tx: &mut Tx, core: &Core, caller: &Caller, d: &Draft, picture: Option<Picture>) -> Result<Material> {
    caller.require(Right::PartnersManage)?;
    if !caller.enters(Some(&d.entity)) {
        return Err(Problem::forbidden("entity_not_allowed", "this is outside your entities"));
    }
    let name = d.name.trim();
    if name.is_empty() || name.chars().count() > 100 {
        return Err(Problem::invalid("name", "text_malformed", "expected 1 to 100 characters"));
    }
    let plain =
        |s: &str, most: usize| (1..=most).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if !plain(&d.brand, 40) {
        return Err(Problem::invalid("brand", "brand_malformed", "expected a brand's code"));
    }
    if !plain(&d.language, 10) {
        return Err(Problem::invalid(
            "language",
            "language_malformed",
            "expected a language such as de or pt-BR",
        ));
    }
    let own_path = d.landing.starts_with('/') && !d.landing.starts_with("//") && !d.landing.contains('\\');
    if !(own_path || d.landing.starts_with("https://"))
        || d.landing.len() > 500
        || d.landing.chars().any(|c| c.is_control() || c.is_whitespace())
    {
        return Err(Problem::invalid(
            "landing",
            "landing_malformed",
            "expected a path such as /de/start, or an https address",
        ));
    }
    match (d.kind, &d.body, &picture) {
        (MaterialKind::Banner, None, Some(_)) | (MaterialKind::Landing, None, None) => {}
        (MaterialKind::Text, Some(b), None) if !b.trim().is_empty() && b.chars().count() <= 4_000 => {}
        (MaterialKind::Banner, ..) => {
            return Err(Problem::invalid(
                "file",
                "picture_missing",
                "expected a PNG or JPEG picture, and no body",
            ));
        }
        (MaterialKind::Text, ..) => {
            return Err(Problem::invalid(
                "body",
                "text_malformed",
                "expected 1 to 4000 characters, and no file",
            ));
        }
        (MaterialKind::Landing, ..) => {
            return Err(Problem::invalid(
                "body",
                "body_needless",
                "expected neither a body nor a file for a landing page",
            ));
        }
    }
    let row = store::MaterialRow {
        id: MaterialId::new(&core.env),
        entity: d.entity.clone(),
        brand: d.brand.clone(),
        language: d.language.clone(),
        kind: d.kind,
        name: name.to_string(),
        body: d.body.clone(),
        landing: d.landing.clone(),
        file_id: picture.as_ref().map(|p| p.file_id.clone()),
        mime: picture.as_ref().map(|p| p.mime.clone()),
        width: picture.as_ref().map(|p| p.width),
        height: picture.as_ref().map(|p| p.height),
        state: MaterialState::Active,
        made_by: caller.id(),
        created_at: core.now(),
        withdrawn_by: None,
        withdrawn_at: None,
        withdrawn_reason: None,
        version: 1,
    };
    store::insert(tx, &row).await?;
    let e = Entry::new(caller, "material.upload", format!("material:{}", row.id)).entity(Some(row.entity.clone()));
    audit::record(
        tx,
        core,
        e.after(json!({"name": row.name, "kind": row.kind, "brand": row.brand, "language": row.language})),
    )
    .await?;
    Ok(row.into())
}

async fn reached(tx: &mut Tx, caller: &Caller, right: Right, id: MaterialId) -> Result<store::MaterialRow> {
    caller.require(right)?;
    store::get(tx, id)
        .await?
        .filter(|m| caller.enters(Some(&m.entity)))
        .ok_or_else(|| Problem::missing("material"))
}

/// It leads nowhere from now on. Needs `partners.manage`.
pub async fn withdraw(tx: &mut Tx, core: &Core, caller: &Caller, id: MaterialId, reason: &str) -> Result<Material> {
    let mut m = reached(tx, caller, Right::PartnersManage, id).await?;
    if reason.trim().is_empty() {
        return Err(Problem::invalid("reason", "reason_missing", "expected why"));
    }
    if m.state == MaterialState::Withdrawn {
        return Err(Problem::conflict("material_withdrawn", "this material is withdrawn already"));
    }
    m.state = MaterialState::Withdrawn;
    m.withdrawn_by = Some(caller.id());
    m.withdrawn_at = Some(core.now());
    m.withdrawn_reason = Some(reason.trim().to_string());
    store::withdraw(tx, &m).await?;
    m.version += 1;
    let e = Entry::new(caller, "material.withdraw", format!("material:{id}")).entity(Some(m.entity.clone()));
    audit::record(tx, core, e.after(json!({"state": m.state})).reason(reason.trim())).await?;
    Ok(m.into())
}

fn by_time(m: &Material) -> String {
    join_key(&[&m.created_at.micros().to_string(), &m.id.to_string()])
}

/// For staff, with what it brought.
pub async fn list(tx: &mut Tx, caller: &Caller, filter: &MaterialFilter, page: &PageRequest) -> Result<Page<Material>> {
    caller.require(Right::PartnersView)?;
    let rows = store::list(tx, caller.allowed_entities().as_deref(), filter, page).await?;
    let mut items = Vec::new();
    for r in rows {
        let (clicks, withdrawn) = store::clicks(tx, r.id).await?;
        items.push(Material {
            clicks: Some(clicks),
            clicks_withdrawn: Some(withdrawn),
            ..Material::from(r)
        });
    }
    Ok(page.finish(items, by_time))
}

/// What the partner's entity offers.
pub async fn my_list(tx: &mut Tx, caller: &Caller, filter: &MaterialFilter, page: &PageRequest) -> Result<Page<Material>> {
    let me = mine(tx, caller).await?;
    let filter = MaterialFilter {
        state: Some(MaterialState::Active),
        ..filter.clone()
    };
    let rows = store::list(tx, Some(&[me.entity]), &filter, page).await?;
    Ok(page.finish(rows.into_iter().map(Material::from).collect(), by_time))
}

/// The file of a banner, for staff.
pub async fn picture(tx: &mut Tx, caller: &Caller, id: MaterialId) -> Result<String> {
    reached(tx, caller, Right::PartnersView, id)
        .await?
        .file_id
        .ok_or_else(|| Problem::missing("picture"))
}

/// Whose site the material leads to.
pub async fn brand_of(tx: &mut Tx, id: MaterialId) -> Result<String> {
    store::get(tx, id)
        .await?
        .map(|m| m.brand)
        .ok_or_else(|| Problem::missing("material"))
}

/// Material with the partner's own link in it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct MaterialPack {
    pub material: Material,
    pub partner_id: PartnerId,
    pub code: String,
    /// The address that counts: `https://…/c/CODE?m=mat_…`.
    pub link: String,
    /// A text with link and code in place.
    pub text: Option<String>,
    /// For a page of the partner's own.
    pub html: Option<String>,
    /// The link as a QR code, an SVG picture.
    pub qr_svg: String,
    /// The picture's file, for the one who draws it.
    #[serde(skip)]
    pub file_id: Option<String>,
}

/// By the partner: active material of their entity, with their first link or the one of `code`.
/// `portal`: the address of the brand's site, without a slash at the end.
pub async fn my_pack(tx: &mut Tx, caller: &Caller, id: MaterialId, code: Option<&str>, portal: &str) -> Result<MaterialPack> {
    let me = mine(tx, caller).await?;
    if me.state != PartnerState::Active {
        return Err(Problem::conflict("partner_state", "only an active partner uses material"));
    }
    let m = store::get(tx, id)
        .await?
        .filter(|m| m.entity == me.entity)
        .ok_or_else(|| Problem::missing("material"))?;
    if m.state == MaterialState::Withdrawn {
        return Err(Problem::conflict(
            "material_withdrawn",
            "this material is withdrawn: it must not be shown any more",
        ));
    }
    let link = match code {
        Some(c) => partners::link_by_code(tx, &c.trim().to_uppercase())
            .await?
            .filter(|l| l.partner_id == me.id && l.active)
            .ok_or_else(|| Problem::invalid("code", "code_unknown", "expected the code of one of your active links"))?,
        None => partners::first_link(tx, me.id)
            .await?
            .ok_or_else(|| Problem::conflict("link_missing", "make a link first: material carries its code"))?,
    };
    let address = format!("{portal}/c/{}?m={}", link.code, m.id);
    let text = m.body.as_ref().map(|b| b.replace("{link}", &address).replace("{code}", &link.code));
    let html = match m.kind {
        MaterialKind::Banner => Some(format!(
            "<a href=\"{address}\"><img src=\"{portal}/m/{}\" alt=\"{}\" width=\"{}\" height=\"{}\"></a>",
            m.id,
            badge::escaped(&m.name),
            m.width.unwrap_or_default(),
            m.height.unwrap_or_default()
        )),
        MaterialKind::Landing => Some(format!("<a href=\"{address}\">{}</a>", badge::escaped(&m.name))),
        MaterialKind::Text => None,
    };
    Ok(MaterialPack {
        qr_svg: qr_svg(&address)?,
        partner_id: me.id,
        code: link.code,
        link: address,
        text,
        html,
        file_id: m.file_id.clone(),
        material: m.into(),
    })
}

/// A banner as one picture with the partner's code and QR code drawn into it.
pub fn banner(pack: &MaterialPack, mime: &str, picture: &[u8]) -> Result<String> {
    badge::banner(pack, mime, picture)
}

/// Anybody may see a banner that is in use. None: withdrawn.
pub async fn public_picture(tx: &mut Tx, id: MaterialId) -> Result<Option<String>> {
    let m = store::get(tx, id).await?.ok_or_else(|| Problem::missing("material"))?;
    match (m.state, m.file_id) {
        (MaterialState::Withdrawn, _) => Ok(None),
        (MaterialState::Active, Some(f)) => Ok(Some(f)),
        (MaterialState::Active, None) => Err(Problem::missing("material")),
    }
}

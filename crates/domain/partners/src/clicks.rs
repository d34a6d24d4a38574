//! Links, codes and clicks. A click keeps what an argument about a client needs later, and no more
//! of the person than hashes; the cookie is ours, signed, and set only with consent.

use crate::ids::{ClickId, LinkId, MaterialId, PartnerId};
use crate::partner::{PartnerState, allowed, mine};
use crate::store::partners as store;
use hmac::{Hmac, KeyInit, Mac};
use qd_db::Tx;
use qd_kernel::{Problem, Result, Secret, Ts, text_enum};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right};
use qd_runtime::audit::{self, Entry};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

text_enum!(
    /// Whether a click led anywhere: withdrawn material leads nowhere, and its clicks are counted.
    ClickOutcome { Landed = "landed", Withdrawn = "withdrawn" }
);

text_enum!(
    /// Who told us of a click: the visitor's browser, or the partner's own server.
    ClickSource { Browser = "browser", Server = "server" }
);

/// Name of the cookie.
pub const COOKIE: &str = "qd_p";
/// A click counts for this long, where the setting says nothing else.
pub const COOKIE_DAYS: i64 = 30;
/// Names under which trackers send their own name of a click.
const EXTERNAL: &[&str] = &["click_id", "clickid", "aff_click_id", "transaction_id", "cid"];
const MAX_TEXT: usize = 255;
pub(crate) const UTM: &[&str] = &["utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"];
pub(crate) const SUBS: &[&str] = &["sub1", "sub2", "sub3", "sub4", "sub5"];

/// Signs cookies and hashes addresses. From the configuration; a new key makes old cookies worthless
/// and old hashes incomparable.
#[derive(Clone)]
pub struct LinkKey(Secret);

impl LinkKey {
    pub fn new(key: Secret) -> Result<LinkKey> {
        if key.expose().len() < 32 {
            return Err(Problem::invalid(
                "partners.link_key",
                "key_too_short",
                "expected at least 32 characters",
            ));
        }
        Ok(LinkKey(key))
    }
    fn mac(&self, purpose: &str, text: &str) -> Option<String> {
        let mut m = Hmac::<Sha256>::new_from_slice(self.0.expose().as_bytes()).ok()?;
        m.update(purpose.as_bytes());
        m.update(&[0]);
        m.update(text.as_bytes());
        Some(hex::encode(&m.finalize().into_bytes()[..16]))
    }
    /// 32 bytes for one purpose, to sign or to hand out.
    pub(crate) fn derive(&self, purpose: &str, text: &str) -> Result<Vec<u8>> {
        let mut m = Hmac::<Sha256>::new_from_slice(self.0.expose().as_bytes())
            .map_err(|_| Problem::bug("link_key_unusable", "the house's key does not sign"))?;
        m.update(purpose.as_bytes());
        m.update(&[0]);
        m.update(text.as_bytes());
        Ok(m.finalize().into_bytes().to_vec())
    }
    /// The same address gives the same hash, and nobody without the key can try them all.
    pub fn hash(&self, purpose: &str, text: &str) -> Option<String> {
        self.mac(purpose, text)
    }
    pub fn cookie(&self, visitor: &str, click: ClickId) -> Option<String> {
        let body = format!("v1.{visitor}.{click}");
        Some(format!("{body}.{}", self.mac("cookie", &body)?))
    }
    /// Visitor and click of a cookie of ours; None for anything else.
    pub fn read_cookie(&self, value: &str) -> Option<(String, ClickId)> {
        let (body, sig) = value.rsplit_once('.')?;
        let right = self.mac("cookie", body)?;
        if !bool::from(right.as_bytes().ct_eq(sig.as_bytes())) {
            return None;
        }
        let mut parts = body.strip_prefix("v1.")?.splitn(2, '.');
        let visitor = parts.next()?.to_string();
        Some((visitor, ClickId::parse(parts.next()?).ok()?))
    }
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PartnerLink)]
pub struct Link {
    pub id: LinkId,
    pub code: String,
    pub campaign: Option<String>,
    pub landing: String,
    pub active: bool,
    #[serde(rename = "created_at_us")]
    pub created_at: Ts,
    pub clicks: i64,
    pub clients: i64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewLink {
    /// 3 to 32 letters, digits, - and _; made for you when absent. Stored in capitals.
    pub code: Option<String>,
    pub campaign: Option<String>,
    /// A path of our own site (`/de/start`), or an https address.
    pub landing: String,
}

/// By staff with `partners.manage`.
pub async fn create_link(tx: &mut Tx, core: &Core, caller: &Caller, partner: PartnerId, new: NewLink) -> Result<Link> {
    let p = allowed(tx, caller, Right::PartnersManage, partner).await?;
    make_link(tx, core, caller, p.id, &p.entity, new).await
}

/// By the partner.
pub async fn create_my_link(tx: &mut Tx, core: &Core, caller: &Caller, new: NewLink) -> Result<Link> {
    let p = mine(tx, caller).await?;
    if p.state != PartnerState::Active {
        return Err(Problem::conflict("partner_state", "only an active partner makes links"));
    }
    if new.landing.starts_with("http") {
        return Err(Problem::invalid(
            "landing",
            "landing_malformed",
            "expected a path of our own site, such as /de/start",
        ));
    }
    make_link(tx, core, caller, p.id, &p.entity, new).await
}

async fn make_link(tx: &mut Tx, core: &Core, caller: &Caller, partner: PartnerId, entity: &str, new: NewLink) -> Result<Link> {
    let own_path = new.landing.starts_with('/') && !new.landing.starts_with("//") && !new.landing.contains('\\');
    if !(own_path || new.landing.starts_with("https://")) || new.landing.len() > 500 || new.landing.chars().any(char::is_control) {
        return Err(Problem::invalid(
            "landing",
            "landing_malformed",
            "expected a path such as /de/start, or an https address",
        ));
    }
    if new.campaign.as_ref().is_some_and(|c| c.is_empty() || c.len() > 100) {
        return Err(Problem::invalid("campaign", "text_malformed", "expected 1 to 100 characters"));
    }
    let code = match new.code {
        Some(c) => {
            let c = c.trim().to_uppercase();
            if !(3..=32).contains(&c.len()) || !c.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
                return Err(Problem::invalid(
                    "code",
                    "code_malformed",
                    "expected 3 to 32 letters, digits, - and _",
                ));
            }
            c
        }
        None => core.env.entropy.code(8),
    };
    let l = store::LinkRow {
        id: LinkId::new(&core.env),
        partner_id: partner,
        code,
        campaign: new.campaign,
        landing: new.landing,
        active: true,
        created_at: core.now(),
    };
    if !store::insert_link(tx, &l).await? {
        return Err(Problem::invalid("code", "code_taken", "expected a code that nobody has yet"));
    }
    let after = json!({"code": l.code, "campaign": l.campaign, "landing": l.landing});
    audit::record(
        tx,
        core,
        Entry::new(caller, "partner.link", format!("partner:{partner}"))
            .entity(Some(entity.to_string()))
            .after(after),
    )
    .await?;
    Ok(Link {
        id: l.id,
        code: l.code,
        campaign: l.campaign,
        landing: l.landing,
        active: true,
        created_at: l.created_at,
        clicks: 0,
        clients: 0,
    })
}

/// Withdrawn links answer nobody any more; their clicks stay.
pub async fn set_link_active(tx: &mut Tx, core: &Core, caller: &Caller, id: LinkId, active: bool) -> Result<()> {
    let l = store::link(tx, id).await?.ok_or_else(|| Problem::missing("link"))?;
    let p = allowed(tx, caller, Right::PartnersManage, l.partner_id).await?;
    store::set_link_active(tx, id, active).await?;
    let e = Entry::new(caller, "partner.link", format!("partner:{}", p.id)).entity(Some(p.entity));
    audit::record(
        tx,
        core,
        e.before(json!({"code": l.code, "active": l.active}))
            .after(json!({"active": active})),
    )
    .await?;
    Ok(())
}

pub async fn links(tx: &mut Tx, caller: &Caller, partner: PartnerId) -> Result<Vec<Link>> {
    allowed(tx, caller, Right::PartnersView, partner).await?;
    links_of(tx, partner).await
}

pub async fn my_links(tx: &mut Tx, caller: &Caller) -> Result<Vec<Link>> {
    let me = mine(tx, caller).await?;
    links_of(tx, me.id).await
}

async fn links_of(tx: &mut Tx, partner: PartnerId) -> Result<Vec<Link>> {
    let rows = store::links(tx, partner).await?;
    Ok(rows
        .into_iter()
        .map(|l| Link {
            id: l.id,
            code: l.code,
            campaign: l.campaign,
            landing: l.landing,
            active: l.active,
            created_at: l.created_at,
            clicks: l.clicks,
            clients: l.clients,
        })
        .collect())
}

/// The code of a partner's first active link.
pub async fn first_code(tx: &mut Tx, partner: PartnerId) -> Result<Option<String>> {
    Ok(store::first_link(tx, partner).await?.map(|l| l.code))
}

/// A request to `/c/{code}`.
#[derive(Clone, Debug, Default)]
pub struct Visit {
    pub code: String,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    pub referrer: Option<String>,
    /// The query's pairs: `utm_…` and `sub1`…`sub5` are kept.
    pub query: Vec<(String, String)>,
    /// The visitor agreed to our cookie.
    pub consent: bool,
    /// The value of [`COOKIE`], if the browser sent one.
    pub cookie: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Visited {
    pub click_id: ClickId,
    /// Where to send the browser: the landing page with `pc` (the code) and `click`.
    pub redirect: String,
    /// Withdrawn: nowhere to send anybody; the click is counted.
    pub outcome: ClickOutcome,
    /// The new value of [`COOKIE`], for `cookie_days`; only with consent.
    pub set_cookie: Option<String>,
    pub cookie_days: i64,
}

/// Kind of device and family of browser, from the description browsers give of themselves.
pub(crate) fn device_of(agent: &str) -> String {
    let a = agent.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|w| a.contains(w));
    let kind = match () {
        () if has(&["bot", "spider", "crawl", "curl", "wget", "python"]) => "program",
        () if has(&["ipad", "tablet"]) => "tablet",
        () if has(&["mobi", "iphone", "android"]) => "mobile",
        () => "desktop",
    };
    let browser = match () {
        () if has(&["edg/", "edga/", "edgios/"]) => "edge",
        () if has(&["opr/", "opera"]) => "opera",
        () if has(&["firefox", "fxios"]) => "firefox",
        () if has(&["chrome", "crios"]) => "chrome",
        () if has(&["safari"]) => "safari",
        () => "other",
    };
    format!("{kind} {browser}")
}

/// A landing page with the partner's code and the click in its address.
pub(crate) fn landing_with(landing: &str, code: &str, click: ClickId) -> String {
    let (page, fragment) = landing.split_once('#').map_or((landing, None), |(p, f)| (p, Some(f)));
    let joint = if page.contains('?') { '&' } else { '?' };
    let mut to = format!("{page}{joint}pc={code}&click={click}");
    if let Some(f) = fragment {
        to.push('#');
        to.push_str(f);
    }
    to
}

pub(crate) fn kept(query: &[(String, String)], names: &[&str]) -> Value {
    let pairs: Map<String, Value> = names
        .iter()
        .filter_map(|n| {
            query
                .iter()
                .find(|(k, _)| k == n)
                .map(|(_, val)| ((*n).to_string(), json!(cut(val))))
        })
        .collect();
    Value::Object(pairs)
}

/// A tracker's own name for a click, under whichever name it comes.
pub(crate) fn external_of(query: &[(String, String)]) -> Option<String> {
    let found = EXTERNAL.iter().find_map(|n| query.iter().find(|(k, v)| k == n && !v.is_empty()))?;
    Some(cut(&found.1))
}

pub(crate) fn cut(s: &str) -> String {
    s.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect()
}

/// Records a click. An unknown or withdrawn code, or one of a partner who is not active: not found.
/// `m` in the query is the material it came from; withdrawn material is counted and leads nowhere.
pub async fn visit(tx: &mut Tx, core: &Core, key: &LinkKey, v: &Visit) -> Result<Visited> {
    let code = v.code.trim().to_uppercase();
    let link = store::link_by_code(tx, &code)
        .await?
        .filter(|l| l.active)
        .ok_or_else(|| Problem::missing("link"))?;
    let partner = store::get(tx, link.partner_id)
        .await?
        .filter(|p| p.state == PartnerState::Active)
        .ok_or_else(|| Problem::missing("link"))?;
    let asked = v.query.iter().find(|(k, _)| k == "m").and_then(|(_, m)| MaterialId::parse(m).ok());
    let material = match asked {
        Some(m) => crate::store::material::get(tx, m).await?.filter(|m| m.entity == partner.entity),
        None => None,
    };
    let outcome = match &material {
        Some(m) if m.state == crate::material::MaterialState::Withdrawn => ClickOutcome::Withdrawn,
        _ => ClickOutcome::Landed,
    };
    let rules = crate::attribution::Rules::of(tx, &partner.entity).await?;
    let visitor = v.consent.then(|| match v.cookie.as_deref().and_then(|c| key.read_cookie(c)) {
        Some((visitor, _)) => visitor,
        None => core.env.entropy.code(20),
    });
    let landing = material.as_ref().map_or_else(|| link.landing.clone(), |m| m.landing.clone());
    let click = store::ClickRow {
        id: ClickId::new(&core.env),
        link_id: link.id,
        partner_id: partner.id,
        ip_hash: v.ip.as_deref().and_then(|ip| key.hash("ip", ip)),
        ua_hash: v.user_agent.as_deref().and_then(|ua| key.hash("ua", ua)),
        referrer: v.referrer.as_deref().map(cut).filter(|r| !r.is_empty()),
        landing: landing.clone(),
        utm: kept(&v.query, UTM),
        subs: kept(&v.query, SUBS),
        consent: v.consent,
        at: core.now(),
        visitor,
        campaign: link.campaign.clone(),
        device: v.user_agent.as_deref().map(device_of),
        external: external_of(&v.query),
        material_id: material.as_ref().map(|m| m.id),
        outcome,
        source: ClickSource::Browser,
    };
    store::insert_click(tx, &click).await?;
    crate::postbacks::clicked(tx, core, click.id).await?;
    let set_cookie = match outcome {
        ClickOutcome::Landed => click.visitor.as_deref().and_then(|visitor| key.cookie(visitor, click.id)),
        ClickOutcome::Withdrawn => None,
    };
    Ok(Visited {
        click_id: click.id,
        redirect: landing_with(&landing, &link.code, click.id),
        outcome,
        set_cookie,
        cookie_days: rules.cookie_days,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_of_ours_comes_back_and_a_touched_one_does_not() {
        let key = LinkKey::new(Secret::new("0123456789abcdef0123456789abcdef")).unwrap();
        let other = LinkKey::new(Secret::new("0123456789abcdef0123456789abcdeX")).unwrap();
        let click = ClickId::from_body(42);
        let cookie = key.cookie("VISITOR", click).unwrap();
        assert_eq!(key.read_cookie(&cookie), Some(("VISITOR".to_string(), click)));
        assert_eq!(other.read_cookie(&cookie), None);
        assert_eq!(key.read_cookie(&cookie.replace("VISITOR", "VISITER")), None);
        assert_eq!(key.read_cookie("v1.a.b"), None);
        assert!(LinkKey::new(Secret::new("short")).is_err());
    }
}

//! All contacts of a person with partners, gathered from clicks and codes, and what each model makes
//! of them.

use super::rules::{Contact, Rule, decide};
use super::{Model, active};
use crate::clicks::{ClickOutcome, LinkKey};
use crate::ids::{ClickId, LinkId};
use crate::store::{origins, partners};
use qd_db::Tx;
use qd_kernel::{Result, Ts};
use serde_json::{Value, json};

/// By what somebody is known to us.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub visitor: Option<String>,
    pub code: Option<String>,
    /// When the code was given.
    pub code_at: Ts,
    /// The click in the address of the page they registered on.
    pub click: Option<ClickId>,
    pub ip_hash: Option<String>,
    pub cookie_days: i64,
}

impl Known {
    pub fn of(o: &origins::OriginRow) -> Known {
        Known {
            visitor: o.visitor.clone(),
            code: o.code.clone(),
            code_at: o.registered_at,
            click: o.click_id,
            ip_hash: o.ip_hash.clone(),
            cookie_days: o.cookie_days,
        }
    }
}

/// One contact with all there is to it.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub partner: partners::PartnerRow,
    pub code: Option<String>,
    pub link: LinkId,
    pub click: Option<partners::ClickRow>,
    pub contact: Contact,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Gathered {
    /// In the order of time.
    pub found: Vec<Found>,
    /// What does not count, and why.
    pub left_out: Vec<Value>,
    /// Clicks of the same browser, the newest first.
    pub touches: Vec<partners::ClickRow>,
    /// Clicks from the same address without a cookie: they decide nothing, they are for the argument.
    pub nearby: Vec<partners::ClickRow>,
}

/// Somebody came from nowhere: no page before, no campaign, no sub id.
pub(crate) fn is_direct(c: &partners::ClickRow) -> bool {
    let empty = |v: &Value| v.as_object().is_none_or(serde_json::Map::is_empty);
    c.referrer.is_none() && empty(&c.utm) && empty(&c.subs)
}

/// A click in the address counts for the visit it belongs to.
const VISIT_S: i64 = 86_400;
const MOST: i64 = 50;

pub(crate) async fn gather(tx: &mut Tx, _key: &LinkKey, k: &Known, now: Ts) -> Result<Gathered> {
    let since = k.code_at.min(now).plus_days(-k.cookie_days);
    let mut out = Gathered::default();
    if let Some(v) = &k.visitor {
        out.touches = partners::clicks_of_visitor(tx, v, since, MOST).await?;
    }
    let mut clicks = out.touches.clone();
    if let Some(id) = k.click
        && clicks.iter().all(|c| c.id != id)
        && let Some(c) = partners::click(tx, id).await?
    {
        if c.at.plus_secs(VISIT_S) >= k.code_at {
            clicks.push(c);
        } else {
            out.left_out.push(json!({"click": c.id, "left_out": "visit_over"}));
        }
    }
    clicks.sort_by_key(|c| (c.at, c.id));
    for c in clicks {
        if c.outcome == ClickOutcome::Withdrawn {
            out.left_out.push(json!({"click": c.id, "left_out": "material_withdrawn"}));
            continue;
        }
        match active(tx, c.partner_id).await? {
            Some(p) => out.found.push(Found {
                partner: p,
                code: None,
                link: c.link_id,
                contact: Contact {
                    at: c.at,
                    code: false,
                    direct: is_direct(&c),
                },
                click: Some(c),
            }),
            None => out.left_out.push(json!({"click": c.id, "left_out": "partner_not_active"})),
        }
    }
    if let Some(code) = &k.code {
        match partners::link_by_code(tx, code).await? {
            Some(l) if l.active => match active(tx, l.partner_id).await? {
                Some(p) => {
                    // The page's address named the click as well: one contact, told twice.
                    let same = out.found.iter().rev().find_map(|f| f.click.clone().filter(|c| c.link_id == l.id));
                    let contact = Contact {
                        at: k.code_at,
                        code: true,
                        direct: false,
                    };
                    let f = Found {
                        partner: p,
                        code: Some(code.clone()),
                        link: l.id,
                        click: same,
                        contact,
                    };
                    let place = out.found.iter().position(|o| o.contact.at > k.code_at).unwrap_or(out.found.len());
                    out.found.insert(place, f);
                }
                None => out.left_out.push(json!({"code": code, "left_out": "partner_not_active"})),
            },
            Some(_) => out.left_out.push(json!({"code": code, "left_out": "link_withdrawn"})),
            None => out.left_out.push(json!({"code": code, "left_out": "code_unknown"})),
        }
    }
    if let Some(ip) = &k.ip_hash {
        out.nearby = partners::clicks_of_address(tx, ip, since, MOST).await?;
        let known: Vec<ClickId> = out.touches.iter().map(|t| t.id).collect();
        out.nearby.retain(|c| !known.contains(&c.id));
    }
    Ok(out)
}

impl Gathered {
    pub fn winner(&self, rule: Rule) -> Option<&Found> {
        let contacts: Vec<Contact> = self.found.iter().map(|f| f.contact).collect();
        decide(rule, &contacts).and_then(|i| self.found.get(i))
    }

    /// What decided, in the word of the share.
    pub fn model(&self, rule: Rule, won: &Found) -> Model {
        match (won.contact.code, rule) {
            (true, _) => Model::Code,
            (false, Rule::First) => Model::FirstClick,
            (false, Rule::LastNonDirect) => Model::LastNonDirect,
            (false, _) => Model::LastClick,
        }
    }

    /// The winner first, then the others, the newest first.
    pub fn as_json(&self, rule: Rule) -> Vec<Value> {
        let won = self.winner(rule).map(std::ptr::from_ref);
        let line = |f: &Found, won: bool| {
            json!({"model": self.model(rule, f), "partner": f.partner.id, "link": f.link, "code": f.code, "click": f.click.as_ref().map(|c| c.id),
                "at_us": f.contact.at, "direct": f.contact.direct, "won": won})
        };
        let is = |f: &Found| won == Some(std::ptr::from_ref(f));
        let first = self.found.iter().filter(|f| is(f)).map(|f| line(f, true));
        first
            .chain(self.found.iter().rev().filter(|f| !is(f)).map(|f| line(f, false)))
            .collect()
    }
}

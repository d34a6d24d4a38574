//! From click to trading, by link, sub id, campaign or material: clicks of a time, and the clients who
//! registered in it with how far they have come since.

use crate::ids::{LinkId, PartnerId};
use crate::postbacks::whose;
use crate::store::{funnel as store, partners};
use qd_db::Tx;
use qd_kernel::{Lots, Result, Ts, text_enum};
use qd_runtime::access::{Caller, Right};
use serde::Serialize;
use std::collections::BTreeMap;

text_enum!(
    /// What a funnel is split by.
    By as FunnelBy {
        Link = "link",
        Campaign = "campaign",
        Material = "material",
        Sub1 = "sub1",
        Sub2 = "sub2",
        Sub3 = "sub3",
        Sub4 = "sub4",
        Sub5 = "sub5",
    }
);

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FunnelRow {
    /// A link's or material's id, a campaign, a sub id; empty: without.
    pub part: String,
    /// A link's code.
    pub label: Option<String>,
    pub clicks: i64,
    /// Different browsers that agreed to our cookie.
    pub visitors: i64,
    /// Clicks on withdrawn material.
    pub clicks_withdrawn: i64,
    pub registrations: i64,
    pub kyc_approved: i64,
    pub ftd: i64,
    /// Have traded.
    pub active: i64,
    /// Standard lots, 100 000 000 to the lot.
    pub lots: Lots,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Funnel {
    pub partner_id: PartnerId,
    pub by: By,
    pub total: FunnelRow,
    /// The most clicks first; the 500 largest parts.
    pub rows: Vec<FunnelRow>,
}

const MOST: i64 = 500;

/// The partner's own, or with `partners.view` anybody's. `to` is not included.
pub async fn funnel(tx: &mut Tx, caller: &Caller, partner: Option<PartnerId>, by: By, from: Ts, to: Ts) -> Result<Funnel> {
    let p = whose(tx, caller, Right::PartnersView, partner).await?;
    let mut rows: BTreeMap<String, FunnelRow> = BTreeMap::new();
    for c in store::clicks(tx, p.id, by, from, to, MOST).await? {
        let r = rows.entry(c.part.clone()).or_default();
        r.clicks = c.clicks;
        r.visitors = c.visitors;
        r.clicks_withdrawn = c.withdrawn;
    }
    for c in store::clients(tx, p.id, by, from, to, MOST).await? {
        let r = rows.entry(c.part.clone()).or_default();
        r.registrations = c.registrations;
        r.kyc_approved = c.approved;
        r.ftd = c.funded;
        r.active = c.active;
        r.lots = Lots(c.lots);
    }
    let mut total = FunnelRow::default();
    let mut out = Vec::new();
    for (part, mut r) in rows {
        r.part = part;
        if by == By::Link
            && let Ok(id) = LinkId::parse(&r.part)
        {
            r.label = partners::link(tx, id).await?.map(|l| l.code);
        }
        total.clicks += r.clicks;
        total.visitors += r.visitors;
        total.clicks_withdrawn += r.clicks_withdrawn;
        total.registrations += r.registrations;
        total.kyc_approved += r.kyc_approved;
        total.ftd += r.ftd;
        total.active += r.active;
        total.lots = Lots(total.lots.0 + r.lots.0);
        out.push(r);
    }
    out.sort_by(|a, b| (b.clicks, b.registrations, &a.part).cmp(&(a.clicks, a.registrations, &b.part)));
    Ok(Funnel {
        partner_id: p.id,
        by,
        total,
        rows: out,
    })
}

//! [`Figures`] of partners as the database has them.

use super::figures::{Figures, day_of, figures};
use super::terms::{Terms, TermsCache};
use crate::ids::PartnerId;
use crate::partner::{allowed, mine};
use crate::store::{partners, payouts as store};
use qd_db::Tx;
use qd_kernel::{Currency, Problem, Result, Ts};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right};
use std::collections::BTreeMap;

/// One partner's in one currency.
pub(crate) async fn of(tx: &mut Tx, terms: &Terms, partner: PartnerId, currency: Currency, now: Ts) -> Result<Figures> {
    let sums = store::purse_sums(tx, &[partner]).await?;
    let s = sums.iter().find(|s| s.currency == currency);
    let since = now.plus_days(-terms.window_days() - 1);
    let earned = store::earned(tx, &[partner], since, now).await?;
    let none = Vec::new();
    figures(
        terms,
        currency,
        s.map_or(0, |s| s.balance_minor),
        s.map_or(0, |s| s.under_way_minor),
        s.map_or(0, |s| s.open_minor),
        earned.get(&(partner, currency)).unwrap_or(&none),
        day_of(now),
    )
}

/// Those of many partners in one currency, each with its own terms: two reads for all of them, and
/// one for each partner's terms.
pub(crate) async fn many(
    tx: &mut Tx,
    cache: &mut TermsCache,
    of: &[(PartnerId, String)],
    currency: Currency,
    now: Ts,
) -> Result<BTreeMap<PartnerId, Figures>> {
    let ids: Vec<PartnerId> = of.iter().map(|(p, _)| *p).collect();
    let mut terms = BTreeMap::new();
    for (p, entity) in of {
        terms.insert(*p, cache.of(tx, *p, entity).await?.0);
    }
    let window = terms.values().map(Terms::window_days).max().unwrap_or(0);
    let earned = store::earned(tx, &ids, now.plus_days(-window - 1), now).await?;
    let mut out = BTreeMap::new();
    let none = Vec::new();
    for s in store::purse_sums(tx, &ids).await? {
        let Some(t) = terms.get(&s.partner_id).filter(|_| s.currency == currency) else {
            continue;
        };
        let lines = earned.get(&(s.partner_id, currency)).unwrap_or(&none);
        out.insert(
            s.partner_id,
            figures(t, currency, s.balance_minor, s.under_way_minor, s.open_minor, lines, day_of(now))?,
        );
    }
    Ok(out)
}

async fn all_of(tx: &mut Tx, core: &Core, partner: PartnerId, entity: &str) -> Result<Vec<Figures>> {
    let (terms, _) = TermsCache::default().of(tx, partner, entity).await?;
    let mut out = Vec::new();
    for s in store::purse_sums(tx, &[partner]).await? {
        out.push(of(tx, &terms, partner, s.currency, core.now()).await?);
    }
    Ok(out)
}

/// A partner's, by currency. Needs `commission.view`.
pub async fn payables(tx: &mut Tx, core: &Core, caller: &Caller, partner: PartnerId) -> Result<Vec<Figures>> {
    let p = allowed(tx, caller, Right::CommissionView, partner).await?;
    all_of(tx, core, p.id, &p.entity).await
}

/// Those of the partner that the signed-in client is.
pub async fn payables_mine(tx: &mut Tx, core: &Core, caller: &Caller) -> Result<Vec<Figures>> {
    let me = mine(tx, caller).await?;
    let p = partners::get(tx, me.id).await?.ok_or_else(|| Problem::missing("partner"))?;
    all_of(tx, core, p.id, &p.entity).await
}

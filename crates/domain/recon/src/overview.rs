//! How each connection and server stands: what waits, what does not agree, how much of it is too old.

use crate::{Side, Terms, store};
use qd_db::Tx;
use qd_kernel::{Currency, Result, Ts};
use qd_runtime::Core;
use qd_runtime::access::{Caller, Right};
use serde::Serialize;
use std::collections::BTreeMap;

/// One connection or server, in one currency.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ReconciliationStanding)]
pub struct Standing {
    pub side: Side,
    /// The payment connection or the trading server.
    pub party: String,
    pub entity: String,
    pub currency: Currency,
    /// Entries that no line stands against yet; minor units, as our balance there.
    pub waiting: i64,
    pub waiting_minor: i64,
    pub oldest_waiting_us: Option<Ts>,
    pub breaks: i64,
    /// Sum of the differences without their signs, minor units.
    pub break_minor: i64,
    /// Open breaks by age in days: up to 1, up to 3, up to 7, up to 30, older.
    pub by_age: [i64; 5],
    /// Amount times age over all open breaks, minor units times days, and what may be.
    pub drift_minor_days: i64,
    pub limit_minor_days: i64,
}

const AGES_DAYS: [i64; 4] = [1, 3, 7, 30];

pub async fn standings(tx: &mut Tx, core: &Core, caller: &Caller) -> Result<Vec<Standing>> {
    caller.require(Right::LedgerView)?;
    let mut all = drift(tx, core).await?;
    all.retain(|s| caller.enters(Some(&s.entity)));
    Ok(all)
}

pub(crate) async fn drift(tx: &mut Tx, core: &Core) -> Result<Vec<Standing>> {
    let now = core.now();
    let mut all: BTreeMap<(Side, String, Currency), Standing> = BTreeMap::new();
    let standing = |side, party: &str, entity: &str, currency| Standing {
        side,
        party: party.to_string(),
        entity: entity.to_string(),
        currency,
        waiting: 0,
        waiting_minor: 0,
        oldest_waiting_us: None,
        breaks: 0,
        break_minor: 0,
        by_age: [0; 5],
        drift_minor_days: 0,
        limit_minor_days: 0,
    };
    for (party, entity, side, currency) in store::parties(tx).await? {
        let new = standing(side, &party, &entity, currency);
        all.insert((side, party, currency), new);
    }
    for s in store::waiting_sums(tx).await? {
        let at = all
            .entry((Side::Provider, s.connection.clone(), s.currency))
            .or_insert_with(|| standing(Side::Provider, &s.connection, &s.entity, s.currency));
        at.waiting += s.n;
        at.waiting_minor += s.minor;
        at.oldest_waiting_us = Some(s.oldest);
    }
    let mut seconds: BTreeMap<(Side, String, Currency), i128> = BTreeMap::new();
    for b in store::all_open(tx).await? {
        let key = (b.side, b.party.clone(), b.currency);
        let at = all
            .entry(key.clone())
            .or_insert_with(|| standing(b.side, &b.party, &b.entity, b.currency));
        let age_s = now.secs_since(b.opened_at).max(0);
        at.breaks += 1;
        at.break_minor = at.break_minor.saturating_add(b.minor.saturating_abs());
        let bucket = AGES_DAYS.iter().position(|d| age_s <= d * 86_400).unwrap_or(AGES_DAYS.len());
        at.by_age[bucket] += 1;
        *seconds.entry(key).or_default() += i128::from(b.minor.saturating_abs()) * i128::from(age_s);
    }
    let mut terms: BTreeMap<String, Terms> = BTreeMap::new();
    for (key, s) in &mut all {
        if !terms.contains_key(&s.entity) {
            terms.insert(s.entity.clone(), Terms::load(tx, &s.entity).await?);
        }
        let days = seconds.get(key).copied().unwrap_or(0) / 86_400;
        s.drift_minor_days = i64::try_from(days).unwrap_or(i64::MAX);
        s.limit_minor_days = terms.get(&s.entity).map_or(0, |t| t.drift_limit(&s.party));
    }
    Ok(all.into_values().collect())
}

//! The comparisons themselves: plain functions of what both sides say.

use super::{Day, DaySide, DriftKind};
use crate::Rights;
use crate::store_drift::{DayDealRow, OursRow};
use qd_kernel::{Amount, Currency, Lots, Ts};
use qd_ports::platform::{Deal, DealKind, PlatformAccount, Position};
use std::collections::{BTreeMap, HashMap};

/// A difference before anything is known of its past.
#[derive(Clone, Debug)]
pub struct Differs {
    pub login: String,
    pub kind: DriftKind,
    pub ours: String,
    pub theirs: String,
    pub delta: Option<Amount>,
}

/// What holds there and was not asked for.
pub fn settings(a: &OursRow, seen: &PlatformAccount) -> Vec<Differs> {
    let rights: Rights = seen.rights.into();
    let of = |kind, ours: String, theirs: String| {
        (ours != theirs).then(|| Differs {
            login: a.login.clone(),
            kind,
            ours,
            theirs,
            delta: None,
        })
    };
    [
        of(DriftKind::Rights, a.rights_wanted.to_string(), rights.to_string()),
        of(DriftKind::Group, a.platform_group.clone(), seen.group.clone()),
        of(DriftKind::Leverage, a.leverage.to_string(), seen.leverage.to_string()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// `ledger`: the platform account in the books, which holds balance and credit. `credit`: given and
/// not taken back.
pub fn money(a: &OursRow, seen: &PlatformAccount, ledger: i64, credit: i64) -> Vec<Differs> {
    let of = |kind, ours: i64, theirs: i64| {
        (ours != theirs).then(|| Differs {
            login: a.login.clone(),
            kind,
            ours: Amount::new(ours, a.currency).to_string(),
            theirs: Amount::new(theirs, a.currency).to_string(),
            delta: Some(Amount::new(theirs.saturating_sub(ours), a.currency)),
        })
    };
    let total = seen.balance_minor.saturating_add(seen.credit_minor);
    [
        of(DriftKind::Balance, ledger, total),
        of(DriftKind::Credit, credit, seen.credit_minor),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Per login and day.
pub type Days = BTreeMap<(String, i64), DaySide>;

fn add(days: &mut Days, login: &str, at: Ts, trade: bool, cancelled: bool, money: bool, volume: i64, amount: i64) {
    let side = days.entry((login.to_string(), at.secs().div_euclid(86_400))).or_default();
    if money {
        side.money_minor = side.money_minor.saturating_add(amount);
        return;
    }
    side.result_minor = side.result_minor.saturating_add(amount);
    if trade && !cancelled {
        side.trades += 1;
        side.volume_e8 = side.volume_e8.saturating_add(volume);
    }
}

pub fn our_days(deals: &[DayDealRow]) -> Days {
    let mut out = Days::new();
    for d in deals {
        let money = matches!(d.kind.as_str(), "balance" | "credit");
        add(
            &mut out,
            &d.login,
            d.at,
            d.kind == "trade",
            false,
            money,
            d.volume.0,
            d.result_minor,
        );
    }
    out
}

/// Of the logins in `ours` only: everybody else's deals are nobody's here.
pub fn their_days(deals: &[Deal], ours: &HashMap<&str, &OursRow>, from: Ts, to: Ts) -> Days {
    let mut out = Days::new();
    for d in deals
        .iter()
        .filter(|d| d.at >= from && d.at < to && ours.contains_key(d.login.as_str()))
    {
        let money = matches!(d.kind, DealKind::Balance | DealKind::Credit);
        let amount = d.profit_minor.saturating_add(d.swap_minor).saturating_add(d.commission_minor);
        let cancelled = d.kind == DealKind::CancelledTrade;
        add(
            &mut out,
            &d.login,
            d.at,
            d.kind == DealKind::Trade,
            cancelled,
            money,
            d.volume.0,
            amount,
        );
    }
    out
}

fn day_name(day: i64) -> String {
    Ts::from_secs(day * 86_400).to_string().chars().take(10).collect()
}

fn side_text(s: &DaySide, c: Currency) -> String {
    format!(
        "{} trades, {} lots, result {}, money {}",
        s.trades,
        Lots(s.volume_e8).text(),
        Amount::new(s.result_minor, c),
        Amount::new(s.money_minor, c)
    )
}

/// Per login and day where both sides differ; `day` and text of both.
pub fn days_differ(ours: &Days, theirs: &Days, known: &HashMap<&str, &OursRow>) -> Vec<Differs> {
    let keys: std::collections::BTreeSet<&(String, i64)> = ours.keys().chain(theirs.keys()).collect();
    let mut out: BTreeMap<&str, Differs> = BTreeMap::new();
    for key in keys {
        let (a, b) = (
            ours.get(key).copied().unwrap_or_default(),
            theirs.get(key).copied().unwrap_or_default(),
        );
        let Some(acc) = known.get(key.0.as_str()) else { continue };
        if a == b {
            continue;
        }
        let (name, c) = (day_name(key.1), acc.currency);
        let sum = |s: &DaySide| s.result_minor.saturating_add(s.money_minor);
        let delta = sum(&b).saturating_sub(sum(&a));
        let d = out.entry(&key.0).or_insert_with(|| Differs {
            login: key.0.clone(),
            kind: DriftKind::Deals,
            ours: String::new(),
            theirs: String::new(),
            delta: Some(Amount::new(0, c)),
        });
        for (text, side) in [(&mut d.ours, &a), (&mut d.theirs, &b)] {
            if !text.is_empty() {
                text.push_str("; ");
            }
            text.push_str(&format!("{name}: {}", side_text(side, c)));
        }
        d.delta = d.delta.map(|x| Amount::new(x.minor.saturating_add(delta), c));
    }
    out.into_values().collect()
}

/// Totals of a day over all accounts of a currency.
pub fn day_totals(ours: &Days, theirs: &Days, known: &HashMap<&str, &OursRow>) -> Vec<Day> {
    let mut out: BTreeMap<(i64, &str), (Currency, DaySide, DaySide)> = BTreeMap::new();
    for (which, days) in [(0, ours), (1, theirs)] {
        for ((login, day), s) in days {
            let Some(a) = known.get(login.as_str()) else { continue };
            let total = out
                .entry((*day, a.currency.code()))
                .or_insert((a.currency, DaySide::default(), DaySide::default()));
            let t = if which == 0 { &mut total.1 } else { &mut total.2 };
            t.trades += s.trades;
            t.volume_e8 = t.volume_e8.saturating_add(s.volume_e8);
            t.result_minor = t.result_minor.saturating_add(s.result_minor);
            t.money_minor = t.money_minor.saturating_add(s.money_minor);
        }
    }
    out.into_iter()
        .map(|((day, _), (currency, ours, theirs))| Day {
            day: day_name(day),
            currency,
            ours,
            theirs,
        })
        .collect()
}

/// `by_deals`: (login, position) to open volume and whether its first deal is known. Positions from
/// before the feed are not ours to judge; nor is what changed between the two reads, which
/// `unsettled` names.
pub fn positions(
    by_deals: &HashMap<(String, String), (i64, bool)>,
    there: &[Position],
    known: &HashMap<&str, &OursRow>,
    since: Ts,
    unsettled: impl Fn(&str) -> bool,
) -> Vec<Differs> {
    let mut sums: BTreeMap<String, (i64, i64, Vec<String>)> = BTreeMap::new();
    let mut seen = std::collections::HashSet::new();
    for p in there.iter().filter(|p| known.contains_key(p.login.as_str())) {
        let key = (p.login.clone(), p.position_id.clone());
        let ours = by_deals.get(&key).copied();
        seen.insert(key);
        // Opened before the feed: no deal of ours could say so.
        if ours.is_none_or(|(_, first)| !first) && p.opened_at <= since {
            continue;
        }
        let ours = ours.map_or(0, |(v, _)| v.max(0));
        if ours != p.volume.0 && !unsettled(&p.position_id) {
            let s = sums.entry(p.login.clone()).or_default();
            s.0 = s.0.saturating_add(ours);
            s.1 = s.1.saturating_add(p.volume.0);
            s.2.push(p.position_id.clone());
        }
    }
    for ((login, position), (volume, first)) in by_deals {
        let key = (login.clone(), position.clone());
        if *first && *volume > 0 && !seen.contains(&key) && known.contains_key(login.as_str()) && !unsettled(position) {
            let s = sums.entry(login.clone()).or_default();
            s.0 = s.0.saturating_add(*volume);
            s.2.push(position.clone());
        }
    }
    sums.into_iter()
        .map(|(login, (ours, theirs, mut ids))| {
            ids.sort();
            ids.truncate(5);
            let of = |v: i64| format!("{} lots in {}", Lots(v).text(), ids.join(", "));
            Differs {
                ours: of(ours),
                theirs: of(theirs),
                login,
                kind: DriftKind::Positions,
                delta: None,
            }
        })
        .collect()
}

//! What must be so before a month is closed, and what somebody should have looked at.

use super::{Trades, item::Item};
use crate::store::{closes as store, lines};
use qd_db::Tx;
use qd_kernel::{Result, Ts};
use std::collections::BTreeMap;

/// Named in an item; the count says how many there are.
const EXAMPLES: usize = 20;
/// Trades looked at in one read.
const TRADES: i64 = 500;

/// The list for an entity's month. An item that blocks is one that no statement may be closed over;
/// the others want somebody's word.
pub(super) async fn make(tx: &mut Tx, entity: &str, from: Ts, to: Ts, trades: &dyn Trades) -> Result<Vec<Item>> {
    let (stopped, rates) = stopped(tx, entity, to).await?;
    Ok(vec![
        unexplained(tx, entity, from, to, trades).await?,
        stopped,
        rates,
        ledger(tx, entity).await?,
        sums(tx, entity).await?,
        held(tx, entity, to).await?,
        corrections(tx, entity, to).await?,
    ])
}

/// Each trade of the month has been looked at, at its newest revision: it has lines or a reason.
async fn unexplained(tx: &mut Tx, entity: &str, from: Ts, to: Ts, trades: &dyn Trades) -> Result<Item> {
    let mut item = Item::new("trades_unexplained", true, "trades that have neither lines nor a reason");
    let mut after = (from, String::new(), String::new());
    loop {
        let page = trades.between(tx, entity, (from, to), &after, TRADES).await?;
        let Some(last) = page.last() else { return Ok(item) };
        after = (last.at, last.server.clone(), last.ticket.clone());
        let mut by_server: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for t in &page {
            by_server.entry(&t.server).or_default().push(&t.ticket);
        }
        let mut known: BTreeMap<(String, String), i64> = BTreeMap::new();
        for (server, tickets) in by_server {
            for d in lines::deals(tx, server, &tickets).await? {
                known.insert((d.server, d.ticket), d.revision);
            }
        }
        for t in page {
            if known.get(&(t.server.clone(), t.ticket.clone())).is_none_or(|r| *r < t.revision) {
                item.found(format!("{}:{}:{}", t.server, t.ticket, t.revision), EXAMPLES);
            }
        }
    }
}

/// Deals that wait for something: those for a rate are named apart.
async fn stopped(tx: &mut Tx, entity: &str, to: Ts) -> Result<(Item, Item)> {
    let mut stopped = Item::new("deals_stopped", true, "deals that wait for something that is missing");
    let mut rates = Item::new("rates_missing", true, "deals that wait for an exchange rate");
    for s in store::stopped(tx, to, 2_000).await? {
        let of = s.facts.get("entity").and_then(serde_json::Value::as_str);
        if of != Some(entity) && s.partner_entity.as_deref() != Some(entity) {
            continue;
        }
        let code = s.code.unwrap_or_default();
        let item = if code.contains("rate") || code.contains("fx") {
            &mut rates
        } else {
            &mut stopped
        };
        item.found(format!("{}:{}: {}", s.server, s.ticket, s.cause.unwrap_or(code)), EXAMPLES);
    }
    Ok((stopped, rates))
}

/// What the lines say is owed is what the ledger says, partner by partner.
async fn ledger(tx: &mut Tx, entity: &str) -> Result<Item> {
    let mut item = Item::new(
        "ledger_differs",
        true,
        "partners whose lines and payouts do not make the ledger's balance",
    );
    let mut after = (String::new(), String::new());
    loop {
        let rows = store::owed(tx, entity, (&after.0, &after.1), 1_000).await?;
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
            return Ok(item);
        };
        let span = (format!("partner:{}", first.0), format!("partner:{}", last.0));
        let ledger: BTreeMap<(String, String), i64> =
            qd_ledger::balances_between(tx, qd_ledger::Purpose::CommissionPayable, &span.0, &span.1)
                .await?
                .into_iter()
                .map(|(k, b)| ((k.owner, k.currency.to_string()), b.balance_minor))
                .collect();
        after = (last.0.to_string(), last.1.to_string());
        for (partner, currency, owed) in rows {
            let says = ledger
                .get(&(format!("partner:{partner}"), currency.to_string()))
                .copied()
                .unwrap_or(0);
            if says != owed {
                item.found(
                    format!("{partner} {currency}: lines less payouts make {owed}, the ledger says {says}"),
                    EXAMPLES,
                );
            }
        }
    }
}

/// Closed statements and what is on none of them explain every balance.
pub(super) async fn sums(tx: &mut Tx, entity: &str) -> Result<Item> {
    let mut item = Item::new(
        "sums_differ",
        true,
        "currencies whose statements and open lines do not make the balance",
    );
    for s in store::sums(tx, entity).await? {
        let made = s.closing_minor + s.open_minor + s.payouts_minor;
        if made != s.balance_minor {
            item.found(
                format!(
                    "{}: statements and open lines make {made}, owed are {}",
                    s.currency, s.balance_minor
                ),
                EXAMPLES,
            );
        }
    }
    Ok(item)
}

async fn held(tx: &mut Tx, entity: &str, to: Ts) -> Result<Item> {
    let mut item = Item::new("shares_held", false, "clients whose partner is held and not decided");
    for (client, why) in store::held_shares(tx, entity, to, 2_000).await? {
        item.found(format!("{client}: {}", why.unwrap_or_default()), EXAMPLES);
    }
    Ok(item)
}

/// A correction decided after the closing lands on the next statement.
async fn corrections(tx: &mut Tx, entity: &str, to: Ts) -> Result<Item> {
    let mut item = Item::new(
        "corrections_open",
        false,
        "corrections to the month or before that are not carried out",
    );
    for (id, subject, state) in store::open_corrections(tx, entity, to, 2_000).await? {
        item.found(format!("{id} on {subject} is {state}"), EXAMPLES);
    }
    Ok(item)
}

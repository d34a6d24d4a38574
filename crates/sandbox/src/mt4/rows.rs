//! Orders as MT4 keeps them, made of the book's deals: opening and closing in one row. A position
//! closed in parts is several rows: what is left keeps the number, each closed part has its own.

use crate::mt5::Server;
use crate::mt5::book::{BALANCE, BUY, Book, CREDIT, Deal, ENTRY_IN};
use crate::mt5::market;
use qd_kernel::format_fixed;
use std::collections::BTreeMap;

/// A string as JSON text.
pub fn quoted(t: &str) -> String {
    serde_json::Value::from(t).to_string()
}

/// ISO 8601 of a wall clock in milliseconds, without an offset.
pub fn time_text(wall_ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(wall_ms.div_euclid(1_000) * 1_000).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    jiff::tz::Offset::UTC.to_datetime(at).to_string()
}

/// Milliseconds of the wall clock; an offset says nothing here.
pub fn read_time(t: &str) -> Option<i64> {
    let bare = t.trim().trim_end_matches('Z');
    let day = bare.find('T')?;
    // A plus in a query may have come as a blank.
    let end = bare[day..].find(['+', '-', ' ']).map_or(bare.len(), |i| day + i);
    let at: jiff::civil::DateTime = bare[..end].parse().ok()?;
    Some(at.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

pub struct Row {
    order: u64,
    login: u64,
    command: &'static str,
    symbol: String,
    digits: u8,
    money_digits: u8,
    /// Lots scaled by 1e8.
    volume: i64,
    open_price: i64,
    open_ms: i64,
    close_price: i64,
    close_ms: Option<i64>,
    commission: i64,
    storage: i64,
    profit: i64,
    comment: String,
    reason: &'static str,
}

impl Row {
    pub fn closed(&self) -> bool {
        self.close_ms.is_some()
    }
    pub fn last_ms(&self) -> i64 {
        self.close_ms.unwrap_or(self.open_ms)
    }
    pub fn text(&self) -> String {
        let price = |v: i64| format_fixed(v, self.digits);
        let money = |v: i64| format_fixed(v, self.money_digits);
        // One lot is 100.
        let volume = self.volume / 1_000_000;
        format!(
            "{{\"order\":{},\"login\":{},\"symbol\":{},\"digits\":{},\"tradeCommand\":\"{}\",\"volume\":{volume},\"tradeRecordState\":\"{}\",\
             \"openPrice\":{},\"openTime\":\"{}\",\"closePrice\":{},\"closeTime\":\"{}\",\"commission\":{},\"storage\":{},\"taxes\":0,\"profit\":{},\
             \"comment\":{},\"reason\":\"{}\",\"timestamp\":\"{}\"}}",
            self.order,
            self.login,
            quoted(&self.symbol),
            self.digits,
            self.command,
            if self.closed() { "ClosedNormal" } else { "OpenNormal" },
            price(self.open_price),
            time_text(self.open_ms),
            price(self.close_price),
            self.close_ms.map_or_else(|| "1970-01-01T00:00:00".into(), time_text),
            money(self.commission),
            money(self.storage),
            money(self.profit),
            quoted(&self.comment),
            self.reason,
            time_text(self.last_ms()),
        )
    }
}

/// Of one login or of all, changed at `from_ms` or later, oldest first.
pub fn rows(s: &Server, login: Option<u64>, from_ms: i64) -> Vec<Row> {
    let b = s.book();
    let logins: Vec<u64> = login.map_or_else(|| b.users.keys().copied().collect(), |l| vec![l]);
    let mut out: Vec<Row> = logins.into_iter().flat_map(|l| of_login(s, &b, l)).collect();
    out.retain(|r| r.last_ms() >= from_ms);
    out.sort_by_key(|r| (r.last_ms(), r.order));
    out
}

fn of_login(s: &Server, b: &Book, login: u64) -> Vec<Row> {
    let Some(g) = b.users.get(&login).map(|u| b.group_of(u)) else {
        return Vec::new();
    };
    let mut out = Vec::new();
    let mut trades: BTreeMap<u64, Vec<&Deal>> = BTreeMap::new();
    for d in b.deals_of(login, i64::MIN / 1_001, i64::MAX / 1_001, s.now()) {
        if d.is_trade() {
            trades.entry(d.position).or_default().push(d);
        } else if d.action == BALANCE || d.action == CREDIT {
            out.push(Row {
                order: d.ticket,
                login,
                command: if d.action == CREDIT { "Credit" } else { "Balance" },
                symbol: String::new(),
                digits: 0,
                money_digits: g.digits,
                volume: 0,
                open_price: 0,
                open_ms: d.time_msc,
                close_price: 0,
                close_ms: Some(d.time_msc),
                commission: 0,
                storage: 0,
                profit: d.profit,
                comment: d.comment.clone(),
                reason: "Dealer",
            });
        }
    }
    for (position, deals) in trades {
        let Some(open) = deals.iter().find(|d| d.entry == ENTRY_IN) else {
            continue;
        };
        let closings: Vec<&Deal> = deals.iter().filter(|d| d.entry != ENTRY_IN).copied().collect();
        let left = b.position(position);
        let last = closings.last().filter(|_| left.is_none()).map(|d| d.ticket);
        let row = |order: u64, volume: i64| Row {
            order,
            login,
            command: if open.action == BUY { "Buy" } else { "Sell" },
            symbol: open.symbol.clone(),
            digits: open.digits,
            money_digits: g.digits,
            volume,
            open_price: open.price,
            open_ms: open.time_msc,
            close_price: 0,
            close_ms: None,
            commission: 0,
            storage: 0,
            profit: 0,
            comment: open.comment.clone(),
            reason: "Client",
        };
        for c in closings {
            out.push(Row {
                close_price: c.price,
                close_ms: Some(c.time_msc),
                commission: c.commission + c.fee,
                storage: c.storage,
                profit: c.profit,
                ..row(if last == Some(c.ticket) { position } else { c.order }, c.volume_closed)
            });
        }
        if let Some(p) = left {
            let now = market::find(&p.symbol).map_or(0, |(i, _)| if p.action == BUY { b.market.bid(i) } else { b.market.ask(i) });
            out.push(Row {
                close_price: now,
                profit: b.floating(p, &g),
                ..row(position, p.volume)
            });
        }
    }
    out
}

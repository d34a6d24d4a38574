//! Opening and closing: deals with everything a real one carries, hedging positions, margin.

use super::book::*;
use super::market::{self, SYMBOLS, Symbol};
use super::server::Server;
use super::wire::Code;
use qd_kernel::Ts;

/// A position to open.
pub struct Open<'a> {
    pub login: u64,
    pub symbol: &'a str,
    pub buy: bool,
    /// Lots scaled by 1e8.
    pub volume: i64,
    /// Points; the market's when absent.
    pub price: Option<i64>,
    pub at: Ts,
    pub reason: u8,
    pub comment: &'a str,
    pub close_at: Option<Ts>,
}

/// A balance operation to book.
pub struct Money<'a> {
    pub login: u64,
    pub action: u8,
    /// Signed minor units of the account's currency.
    pub minor: i64,
    pub comment: &'a str,
    pub at: Ts,
    pub hidden_until: Option<Ts>,
}

/// A trade opened and closed.
#[derive(Clone, Copy, Debug)]
pub struct Closed {
    pub open_deal: u64,
    pub close_deal: u64,
    pub position: u64,
    /// Minor units of the deposit currency, without commission and swap.
    pub profit: i64,
}

/// A trade that is opened and closed in one stroke.
pub struct RoundTrip<'a> {
    pub login: u64,
    pub symbol: &'a str,
    pub buy: bool,
    pub volume: i64,
    pub opened: Ts,
    pub closed: Ts,
    /// Price move in points in the client's favour.
    pub points: i64,
    pub comment: &'a str,
}

/// The margin currency leads to the deposit currency.
fn margin_rate(b: &Book, s: &Symbol, g: &Group) -> i64 {
    b.market.rate(if s.forex { s.base } else { s.profit }, &g.currency)
}

/// Commission of one side in minor units: groups with `pro` in their name pay 3.00 a lot.
fn commission(g: &Group, volume: i64) -> i64 {
    if !g.name.contains("pro") {
        return 0;
    }
    let per_lot = 3 * 10i128.pow(u32::from(g.digits));
    -qd_kernel::Rounding::HalfAwayFromZero
        .div(per_lot * i128::from(volume), 100_000_000)
        .and_then(|v| i64::try_from(v).ok())
        .unwrap_or(0)
}

/// Swap: 2.50 a lot and night, in minor units.
fn swap(g: &Group, volume: i64, held_ms: i64) -> i64 {
    let nights = i128::from(held_ms / 86_400_000);
    let num = nights * 25 * 10i128.pow(u32::from(g.digits)) * i128::from(volume);
    -qd_kernel::Rounding::HalfAwayFromZero
        .div(num, 1_000_000_000)
        .and_then(|v| i64::try_from(v).ok())
        .unwrap_or(0)
}

impl Book {
    pub fn floating(&self, p: &Position, g: &Group) -> i64 {
        let Some((i, s)) = market::find(&p.symbol) else { return 0 };
        let buy = p.action == BUY;
        let now = if buy { self.market.bid(i) } else { self.market.ask(i) };
        market::profit(
            s,
            buy,
            p.price_open,
            now,
            p.volume,
            self.market.rate(s.profit, &g.currency),
            g.digits,
        )
    }

    pub fn margin_of(&self, symbol: &str, price: i64, volume: i64, leverage: i64, g: &Group) -> i64 {
        let Some((_, s)) = market::find(symbol) else { return 0 };
        market::margin(s, price, volume, leverage, margin_rate(self, s, g), g.digits)
    }

    fn blank_deal(&mut self, at_msc: i64, login: u64, i: usize, g: &Group) -> Result<Deal, Code> {
        let s = &SYMBOLS[i];
        Ok(Deal {
            ticket: self.new_deal().map_err(|e| super::server::disk(&e))?,
            order: self.new_order().map_err(|e| super::server::disk(&e))?,
            login,
            digits: s.digits,
            digits_currency: g.digits,
            contract: s.contract,
            time_msc: at_msc,
            symbol: s.name.into(),
            market_bid: self.market.bid(i),
            market_ask: self.market.ask(i),
            rate_profit: self.market.rate(s.profit, &g.currency),
            rate_margin: margin_rate(self, s, g),
            ..Deal::default()
        })
    }
}

/// From 0.01 to 10 000 lots in steps of 0.01.
pub fn volume_ok(volume: i64) -> bool {
    (1_000_000..=1_000_000_000_000).contains(&volume) && volume % 1_000_000 == 0
}

impl Server {
    /// Opens without asking for margin; callers that must ask use [`Server::affordable`] first.
    pub(super) fn open_position(&self, b: &mut Book, o: &Open<'_>) -> Result<(u64, u64), Code> {
        let u = b.users.get(&o.login).cloned().ok_or(Code::NOT_FOUND)?;
        let (i, s) = market::find(o.symbol).ok_or(Code::PARAMS)?;
        if !volume_ok(o.volume) {
            return Err(Code::VOLUME);
        }
        let g = b.group_of(&u);
        let price = o.price.unwrap_or(if o.buy { b.market.ask(i) } else { b.market.bid(i) });
        let msc = self.wall_msc(o.at);
        let mut d = b.blank_deal(msc, o.login, i, &g)?;
        // A hedging position carries the number of the order that opened it.
        let ticket = d.order;
        let action = if o.buy { BUY } else { SELL };
        d.action = action;
        d.entry = ENTRY_IN;
        d.reason = o.reason;
        d.price = price;
        d.price_position = price;
        if o.price.is_some() {
            d.market_bid = if o.buy { price - s.spread } else { price };
            d.market_ask = d.market_bid + s.spread;
        }
        d.volume = o.volume;
        d.value = b.margin_of(s.name, price, o.volume, 1, &g);
        d.commission = commission(&g, o.volume);
        d.position = ticket;
        d.comment = cut(o.comment, 31);
        let (deal, rate_margin) = (d.ticket, d.rate_margin);
        let disk = |e: qd_kernel::Problem| super::server::disk(&e);
        b.put_position(Position {
            ticket,
            login: o.login,
            symbol: s.name.into(),
            action,
            reason: o.reason,
            opened_msc: msc,
            updated_msc: msc,
            price_open: price,
            volume: o.volume,
            rate_margin,
            comment: d.comment.clone(),
            close_at: o.close_at,
            ..Position::default()
        })
        .map_err(disk)?;
        b.add_deal(d).map_err(disk)?;
        Ok((deal, ticket))
    }

    /// Closes all of a position or `volume` of it, at the market or at a price. The deal and its
    /// profit.
    pub(super) fn close_position(
        &self,
        b: &mut Book,
        ticket: u64,
        volume: Option<i64>,
        price: Option<i64>,
        at: Ts,
        reason: u8,
    ) -> Result<(u64, i64), Code> {
        let disk = |e: qd_kernel::Problem| super::server::disk(&e);
        let mut p = b.position(ticket).cloned().ok_or(Code::POSITION_CLOSED)?;
        let u = b.users.get(&p.login).cloned().ok_or(Code::NOT_FOUND)?;
        let (i, s) = market::find(&p.symbol).ok_or(Code::PARAMS)?;
        let closing = volume.unwrap_or(p.volume);
        if closing > p.volume || !volume_ok(closing) {
            return Err(Code::VOLUME);
        }
        let g = b.group_of(&u);
        let buy = p.action == BUY;
        let price = price.unwrap_or(if buy { b.market.bid(i) } else { b.market.ask(i) });
        let msc = self.wall_msc(at);
        let mut d = b.blank_deal(msc, p.login, i, &g)?;
        d.action = if buy { SELL } else { BUY };
        d.entry = ENTRY_OUT;
        d.reason = reason;
        d.price = price;
        d.price_position = p.price_open;
        d.volume = closing;
        d.volume_closed = closing;
        d.value = b.margin_of(s.name, price, closing, 1, &g);
        d.profit = market::profit(s, buy, p.price_open, price, closing, d.rate_profit, g.digits);
        d.profit_raw = market::profit(s, buy, p.price_open, price, closing, market::RATE_ONE, 2);
        d.storage = swap(&g, closing, (msc - p.opened_msc).max(0));
        d.commission = commission(&g, closing);
        d.position = ticket;
        d.comment = if reason == REASON_STOP_OUT {
            "so".into()
        } else {
            p.comment.clone()
        };
        let out = (d.ticket, d.profit);
        if closing == p.volume {
            b.remove_position(ticket);
        } else {
            p.volume -= closing;
            p.updated_msc = msc;
            b.put_position(p).map_err(disk)?;
        }
        b.add_deal(d).map_err(disk)?;
        Ok(out)
    }

    pub(super) fn round_trip(&self, b: &mut Book, t: &RoundTrip<'_>) -> Result<Closed, Code> {
        let (i, _) = market::find(t.symbol).ok_or(Code::PARAMS)?;
        let (close, open) = if t.buy {
            (b.market.bid(i), b.market.bid(i) - t.points)
        } else {
            (b.market.ask(i), b.market.ask(i) + t.points)
        };
        if open <= 0 {
            return Err(Code(10015));
        }
        let o = Open {
            login: t.login,
            symbol: t.symbol,
            buy: t.buy,
            volume: t.volume,
            price: Some(open),
            at: t.opened,
            reason: REASON_CLIENT,
            comment: t.comment,
            close_at: None,
        };
        let (open_deal, position) = self.open_position(b, &o)?;
        let (close_deal, profit) = self.close_position(b, position, None, Some(close), t.closed, REASON_CLIENT)?;
        Ok(Closed {
            open_deal,
            close_deal,
            position,
            profit,
        })
    }

    /// Closes a position by an opposite one of the same account and symbol: two OUT_BY deals at
    /// the opposite position's price, the profit on the first.
    pub(super) fn close_by(&self, b: &mut Book, ticket: u64, by: u64, at: Ts) -> Result<(u64, u64), Code> {
        let one = b.position(ticket).cloned().ok_or(Code::POSITION_CLOSED)?;
        let other = b.position(by).cloned().ok_or(Code::POSITION_CLOSED)?;
        if one.login != other.login || one.symbol != other.symbol || one.action == other.action {
            return Err(Code::PARAMS);
        }
        let volume = Some(one.volume.min(other.volume));
        let mut made = [0; 2];
        for (slot, t) in made.iter_mut().zip([ticket, by]) {
            *slot = self.close_position(b, t, volume, Some(other.price_open), at, REASON_CLIENT)?.0;
            let mut d = b.any_deal(*slot).cloned().ok_or(Code::NOT_FOUND)?;
            d.entry = ENTRY_OUT_BY;
            b.put_deal(d).map_err(|e| super::server::disk(&e))?;
        }
        Ok((made[0], made[1]))
    }

    /// Whether free margin carries another position.
    pub(super) fn affordable(&self, b: &Book, login: u64, symbol: &str, buy: bool, volume: i64) -> Result<(), Code> {
        let u = b.users.get(&login).ok_or(Code::NOT_FOUND)?;
        if !u.may_trade() {
            return Err(Code::TRADE_DISABLED);
        }
        let (i, s) = market::find(symbol).ok_or(Code::PARAMS)?;
        let g = b.group_of(u);
        let price = if buy { b.market.ask(i) } else { b.market.bid(i) };
        let need = b.margin_of(s.name, price, volume, u.leverage, &g);
        if need > b.account(u, &g).free {
            Err(Code::NO_MONEY)
        } else {
            Ok(())
        }
    }

    /// Warns accounts below their group's margin call level and closes the worst position of
    /// those below stop-out, one after another.
    pub(super) fn enforce_margin(&self, b: &mut Book) {
        for login in b.exposed() {
            while let Some(u) = b.users.get(&login).cloned() {
                let g = b.group_of(&u);
                let a = b.account(&u, &g);
                if a.margin == 0 || a.level > i64::from(g.margin_call) * 100 {
                    b.edges.remove(&login);
                    break;
                }
                let out = a.level <= i64::from(g.stop_out) * 100;
                let time = self.wall_secs(self.now());
                let edge = Edge {
                    activation: if out { 2 } else { 1 },
                    time,
                    level: a.level,
                    equity: a.equity,
                    margin: a.margin,
                };
                let known = b.edges.insert(login, edge);
                if let Some(k) = known.filter(|k| k.activation == edge.activation) {
                    b.edges.insert(login, k);
                }
                if !out {
                    break;
                }
                let worst = b
                    .positions_of(login)
                    .min_by_key(|p| (b.floating(p, &g), p.ticket))
                    .map(|p| p.ticket);
                let Some(ticket) = worst else { break };
                if self.close_position(b, ticket, None, None, self.now(), REASON_STOP_OUT).is_err() {
                    break;
                }
            }
        }
    }

    /// A balance operation as `trade/balance` books it, without its checks.
    pub(crate) fn book_balance(&self, b: &mut Book, m: &Money<'_>) -> Result<u64, Code> {
        let u = b.users.get(&m.login).ok_or(Code::NOT_FOUND)?;
        let digits_currency = b.group_of(u).digits;
        let ticket = b.new_deal().map_err(|e| super::server::disk(&e))?;
        let d = Deal {
            ticket,
            login: m.login,
            dealer: self.cfg.manager_login,
            action: m.action,
            reason: REASON_DEALER,
            digits_currency,
            time_msc: self.wall_msc(m.at),
            profit: m.minor,
            comment: cut(m.comment, 31),
            hidden_until: m.hidden_until,
            ..Deal::default()
        };
        b.add_deal(d).map_err(|e| super::server::disk(&e))?;
        Ok(ticket)
    }
}

/// The first `n` characters.
pub fn cut(t: &str, n: usize) -> String {
    t.chars().take(n).collect()
}

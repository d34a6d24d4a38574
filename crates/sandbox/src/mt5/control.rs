//! `/control/mt5`: what traders and dealers do on the platform itself, and switches for tests.

use super::Mt5;
use super::book::*;
use super::deals::edit;
use super::market;
use super::params::{Masks, Params, decimal};
use super::seed::into_problem;
use super::server::{Server, disk};
use super::trading::{Closed, Money, Open, RoundTrip};
use super::wire::Code;
use crate::control::{Answer, ControlError, ok};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::routing::{get, post};
use qd_kernel::{Lots, Problem, format_fixed};
use serde_json::{Value, json};
use std::sync::Arc;

type S = State<Arc<Mt5>>;

const MAX_BURST: i64 = 20_000;

pub fn router(mt5: Arc<Mt5>) -> Router {
    Router::new()
        .route("/", get(servers))
        .route("/{server}/accounts", get(accounts))
        .route("/{server}/account", post(add_account))
        .route("/{server}/account/{login}/block", post(block))
        .route("/{server}/account/{login}/set", post(set))
        .route("/{server}/positions", get(positions))
        .route("/{server}/trade", post(trade))
        .route("/{server}/late_deal", post(late_deal))
        .route("/{server}/open", post(open))
        .route("/{server}/close", post(close))
        .route("/{server}/close_by", post(close_by))
        .route("/{server}/balance", post(balance))
        .route("/{server}/burst", post(burst))
        .route("/{server}/price", post(price))
        .route("/{server}/deal/{ticket}", get(deal).patch(patch_deal).delete(delete_deal))
        .route("/{server}/deal/{ticket}/cancel", post(cancel_deal))
        .route("/{server}/restart", post(restart))
        .with_state(mt5)
}

fn find(mt5: &Mt5, name: &str) -> Result<Arc<Server>, ControlError> {
    mt5.server(name).ok_or_else(|| Problem::missing("trade server").into())
}

fn refused<T>(r: Result<T, Code>) -> Result<T, ControlError> {
    into_problem(r).map_err(ControlError)
}

fn read(body: &Bytes) -> Result<Params, ControlError> {
    refused(Params::read("", body))
}

fn bad(field: &str, expected: &str) -> ControlError {
    Problem::invalid(field, "field_invalid", expected).into()
}

/// The trade a body describes; `ago_s` is how long ago it was closed.
struct Wanted {
    login: u64,
    symbol: String,
    buy: bool,
    volume: i64,
    hold_s: i64,
    points: i64,
    comment: String,
    ago_s: i64,
}

fn wanted(s: &Server, p: &Params, ago_default: i64) -> Result<Wanted, ControlError> {
    let symbol = p.text(&["symbol"]).unwrap_or("EURUSD").to_string();
    market::find(&symbol).ok_or_else(|| bad("symbol", "expected one of the server's symbols"))?;
    let buy = match p.text(&["side"]).unwrap_or("buy") {
        "buy" => true,
        "sell" => false,
        _ => return Err(bad("side", "expected buy or sell")),
    };
    let lots = p.text(&["volume_lots"]).unwrap_or("1.00");
    let volume = decimal(lots, Lots::SCALE).ok_or_else(|| bad("volume_lots", "expected decimal text like 1.25"))?;
    let int = |n: &str| p.int(n).map_err(|_| bad(n, "expected a whole number"));
    let points = match int("move_points")? {
        Some(v) => v,
        None => i64::try_from(s.shared.env.entropy.below(101)).unwrap_or(0) - 50,
    };
    Ok(Wanted {
        login: p.need_id(&["login"]).map_err(|_| bad("login", "expected a login"))?,
        symbol,
        buy,
        volume,
        hold_s: int("hold_s")?.unwrap_or(600).max(0),
        points,
        comment: p.text(&["comment"]).unwrap_or("").to_string(),
        ago_s: int("ago_s")?.unwrap_or(ago_default).max(0),
    })
}

fn money_of(b: &Book, login: u64, minor: i64) -> String {
    format_fixed(minor, b.users.get(&login).map_or(2, |u| b.group_of(u).digits))
}

fn shut(s: &Server, w: &Wanted) -> Answer {
    let closed = s.now().plus_secs(-w.ago_s);
    let done: Closed = refused(s.change(|b| {
        s.round_trip(
            b,
            &RoundTrip {
                login: w.login,
                symbol: &w.symbol,
                buy: w.buy,
                volume: w.volume,
                opened: closed.plus_secs(-w.hold_s),
                closed,
                points: w.points,
                comment: &w.comment,
            },
        )
    }))?;
    let profit = money_of(&s.book(), w.login, done.profit);
    ok(json!({"open_deal": done.open_deal, "close_deal": done.close_deal, "position": done.position, "profit": profit}))
}

async fn servers(State(m): S) -> Answer {
    let one = |s: &Arc<Server>| {
        let b = s.book();
        json!({"name": s.cfg.name, "tz": s.cfg.tz, "groups": b.groups.keys().collect::<Vec<_>>(), "accounts": b.users.len(),
            "deals": b.deal_count(), "positions": b.position_count()})
    };
    ok(json!({"servers": m.servers.values().map(one).collect::<Vec<_>>()}))
}

fn account_json(b: &Book, u: &User) -> Value {
    let g = b.group_of(u);
    let a = b.account(u, &g);
    let m = |v: i64| format_fixed(v, g.digits);
    json!({"login": u.login, "group": u.group, "name": u.field("Name"), "currency": g.currency, "leverage": u.leverage,
        "rights": u.rights, "enabled": u.rights & RIGHT_ENABLED != 0, "read_only": u.rights & RIGHT_TRADE_DISABLED != 0,
        "balance": m(a.balance), "credit": m(a.credit), "equity": m(a.equity), "margin": m(a.margin),
        "positions": b.positions_of(u.login).count()})
}

async fn accounts(State(m): S, Path(name): Path<String>, RawQuery(q): RawQuery) -> Answer {
    let s = find(&m, &name)?;
    let p = refused(Params::read(q.as_deref().unwrap_or(""), b""))?;
    let masks = Masks::new(&p.list(&["group"]).unwrap_or_default());
    let b = s.book();
    ok(json!({"accounts": b.users.values().filter(|u| masks.hit(&u.group)).map(|u| account_json(&b, u)).collect::<Vec<_>>()}))
}

/// The same fields as `user/add`.
async fn add_account(State(m): S, Path(name): Path<String>, body: Bytes) -> Answer {
    let s = find(&m, &name)?;
    let login = refused(s.create_user(&read(&body)?))?;
    ok(json!({"login": login}))
}

/// `{"mode": "read_only" | "disable" | "enable"}` or `{"rights": 355}`.
async fn block(State(m): S, Path((name, login)): Path<(String, u64)>, body: Bytes) -> Answer {
    let (s, p) = (find(&m, &name)?, read(&body)?);
    let mode = p.text(&["mode"]).unwrap_or("read_only").to_string();
    let rights = p.int("rights").map_err(|_| bad("rights", "expected a number"))?;
    let change = |old: u64| match (rights, mode.as_str()) {
        (Some(r), _) => Some(r.unsigned_abs()),
        (None, "read_only") => Some(old | RIGHT_ENABLED | RIGHT_TRADE_DISABLED),
        (None, "disable") => Some(old & !RIGHT_ENABLED),
        (None, "enable") => Some((old | RIGHT_ENABLED) & !RIGHT_TRADE_DISABLED),
        _ => None,
    };
    if change(0).is_none() {
        return Err(bad("mode", "expected read_only, disable or enable"));
    }
    let shown = refused(s.change(|b| {
        let mut u = b.users.get(&login).cloned().ok_or(Code::NOT_FOUND)?;
        u.rights = change(u.rights).unwrap_or(u.rights);
        b.put_user(u.clone()).map_err(|e| disk(&e))?;
        Ok(account_json(b, &u))
    }))?;
    ok(shown)
}

/// An administrator's hand in the database: `balance`, `credit` (without a deal), `group`,
/// `leverage`, nothing checked.
async fn set(State(m): S, Path((name, login)): Path<(String, u64)>, body: Bytes) -> Answer {
    let (s, p) = (find(&m, &name)?, read(&body)?);
    let leverage = p.int("leverage").map_err(|_| bad("leverage", "expected a number"))?;
    let shown = refused(s.change(|b| {
        let mut u = b.users.get(&login).cloned().ok_or(Code::NOT_FOUND)?;
        let digits = b.group_of(&u).digits;
        let money = |name: &'static str, was: i64| match p.text(&[name]) {
            None => Ok(was),
            Some(t) => decimal(t, digits).ok_or(Code::PARAMS),
        };
        u.balance = money("balance", u.balance)?;
        u.credit = money("credit", u.credit)?;
        if let Some(g) = p.text(&["group"]) {
            u.group = g.to_string();
        }
        u.leverage = leverage.unwrap_or(u.leverage);
        b.put_user(u.clone()).map_err(|e| disk(&e))?;
        Ok(account_json(b, &u))
    }))?;
    ok(shown)
}

async fn positions(State(m): S, Path(name): Path<String>) -> Answer {
    let s = find(&m, &name)?;
    let b = s.book();
    let one = |p: &Position| {
        json!({"position": p.ticket, "login": p.login, "symbol": p.symbol, "side": if p.action == BUY { "buy" } else { "sell" },
            "volume_lots": Lots(p.volume).text()})
    };
    ok(json!({"positions": b.positions().map(one).collect::<Vec<_>>()}))
}

async fn trade(State(m): S, Path(name): Path<String>, body: Bytes) -> Answer {
    let s = find(&m, &name)?;
    let w = wanted(&s, &read(&body)?, 0)?;
    shut(&s, &w)
}

/// As `trade`, but closed `ago_s` seconds ago (an hour when not said).
async fn late_deal(State(m): S, Path(name): Path<String>, body: Bytes) -> Answer {
    let s = find(&m, &name)?;
    let w = wanted(&s, &read(&body)?, 3_600)?;
    shut(&s, &w)
}

/// Needs free margin, unless `"force": 1`.
async fn open(State(m): S, Path(name): Path<String>, body: Bytes) -> Answer {
    let (s, p) = (find(&m, &name)?, read(&body)?);
    let w = wanted(&s, &p, 0)?;
    let force = p.text(&["force"]) == Some("1");
    let at = s.now();
    let (deal, position) = refused(s.change(|b| {
        if !force {
            s.affordable(b, w.login, &w.symbol, w.buy, w.volume)?;
        }
        let o = Open {
            login: w.login,
            symbol: &w.symbol,
            buy: w.buy,
            volume: w.volume,
            price: None,
            at,
            reason: REASON_CLIENT,
            comment: &w.comment,
            close_at: None,
        };
        s.open_position(b, &o)
    }))?;
    ok(json!({"open_deal": deal, "position": position}))
}

/// `{"position": 200001}`, with `volume_lots` a part of it.
async fn close(State(m): S, Path(name): Path<String>, body: Bytes) -> Answer {
    let (s, p) = (find(&m, &name)?, read(&body)?);
    let ticket = p.need_id(&["position"]).map_err(|_| bad("position", "expected a position"))?;
    let volume = match p.text(&["volume_lots"]) {
        None => None,
        Some(t) => Some(decimal(t, Lots::SCALE).ok_or_else(|| bad("volume_lots", "expected decimal text like 1.25"))?),
    };
    let at = s.now();
    let (deal, profit) = refused(s.change(|b| {
        let login = b.position(ticket).map(|x| x.login).ok_or(Code::POSITION_CLOSED)?;
        let (deal, profit) = s.close_position(b, ticket, volume, None, at, REASON_CLIENT)?;
        Ok((deal, money_of(b, login, profit)))
    }))?;
    ok(json!({"close_deal": deal, "profit": profit}))
}

/// `{"position", "by"}`: an opposite position of the same account and symbol.
async fn close_by(State(m): S, Path(name): Path<String>, body: Bytes) -> Answer {
    let (s, p) = (find(&m, &name)?, read(&body)?);
    let ticket = p.need_id(&["position"]).map_err(|_| bad("position", "expected a position"))?;
    let by = p.need_id(&["by"]).map_err(|_| bad("by", "expected the opposite position"))?;
    let at = s.now();
    let (first, second) = refused(s.change(|b| s.close_by(b, ticket, by, at)))?;
    ok(json!({"close_deals": [first, second]}))
}

/// A dealer's own operation: `{"login", "amount": "-25.00", "type": 2, "comment"}`, unchecked.
async fn balance(State(m): S, Path(name): Path<String>, body: Bytes) -> Answer {
    let (s, p) = (find(&m, &name)?, read(&body)?);
    let login = p.need_id(&["login"]).map_err(|_| bad("login", "expected a login"))?;
    let action = p
        .int("type")
        .ok()
        .and_then(|t| u8::try_from(t.unwrap_or(2)).ok())
        .filter(|a| (BALANCE..=BONUS).contains(a));
    let action = action.ok_or_else(|| bad("type", "expected 2 to 6"))?;
    let at = s.now();
    let ticket = refused(s.change(|b| {
        let digits = b.users.get(&login).map(|u| b.group_of(u).digits).ok_or(Code::NOT_FOUND)?;
        let minor = p
            .text(&["amount", "balance"])
            .and_then(|t| decimal(t, digits))
            .filter(|v| *v != 0)
            .ok_or(Code::PARAMS)?;
        let comment = p.text(&["comment"]).unwrap_or("");
        s.book_balance(
            b,
            &Money {
                login,
                action,
                minor,
                comment,
                at,
                hidden_until: None,
            },
        )
    }))?;
    ok(json!({"deal": ticket}))
}

/// `{"count": 1000}` trades at once, over all enabled accounts or one `login`, 0.10 lots each.
async fn burst(State(m): S, Path(name): Path<String>, body: Bytes) -> Answer {
    let (s, p) = (find(&m, &name)?, read(&body)?);
    let count = p
        .int("count")
        .ok()
        .flatten()
        .filter(|c| (1..=MAX_BURST).contains(c))
        .ok_or_else(|| bad("count", "expected 1 to 20000"))?;
    let only = p.int("login").map_err(|_| bad("login", "expected a login"))?.map(i64::unsigned_abs);
    let at = s.now();
    let made = refused(s.change(|b| {
        let logins: Vec<u64> = match only {
            Some(l) => vec![l],
            None => b.users.values().filter(|u| u.may_trade()).map(|u| u.login).collect(),
        };
        if logins.is_empty() {
            return Err(Code::NOT_FOUND);
        }
        for (i, login) in (0..count).zip(logins.iter().cycle()) {
            let t = RoundTrip {
                login: *login,
                symbol: market::SYMBOLS[usize::try_from(i % 3).unwrap_or(0)].name,
                buy: i % 2 == 0,
                volume: 10_000_000,
                opened: at.plus_secs(-60),
                closed: at,
                points: if i % 4 < 2 { 20 } else { -20 },
                comment: "",
            };
            s.round_trip(b, &t)?;
        }
        Ok(count)
    }))?;
    ok(json!({"trades": made, "deals": made * 2}))
}

/// `{"symbol", "move_points"}` shifts the market at once; margin calls and stop-outs follow.
async fn price(State(m): S, Path(name): Path<String>, body: Bytes) -> Answer {
    let (s, p) = (find(&m, &name)?, read(&body)?);
    let (i, sym) = market::find(p.text(&["symbol"]).unwrap_or("")).ok_or_else(|| bad("symbol", "expected one of the server's symbols"))?;
    let points = p
        .need_int("move_points")
        .map_err(|_| bad("move_points", "expected a whole number"))?;
    let (bid, ask) = refused(s.change(|b| {
        b.market.tick += 1;
        b.market.shift(i, points);
        s.enforce_margin(b);
        Ok((b.market.bid(i), b.market.ask(i)))
    }))?;
    ok(json!({"symbol": sym.name, "bid": format_fixed(bid, sym.digits), "ask": format_fixed(ask, sym.digits)}))
}

fn deal_json(d: &Deal) -> Value {
    json!({"deal": d.ticket, "login": d.login, "action": d.action, "entry": d.entry, "symbol": d.symbol, "volume_lots": Lots(d.volume).text(),
        "price": format_fixed(d.price, d.digits), "profit": format_fixed(d.profit, d.digits_currency), "comment": d.comment,
        "modification_flags": d.flags, "time_msc": d.time_msc})
}

async fn deal(State(m): S, Path((name, ticket)): Path<(String, u64)>) -> Answer {
    let s = find(&m, &name)?;
    let b = s.book();
    ok(deal_json(refused(b.any_deal(ticket).ok_or(Code::NOT_FOUND))?))
}

/// `volume_lots`, `price`, `comment`, `profit`, `commission`, `storage`, `entry` (2 makes it an
/// INOUT deal), `volume_closed_ext`. As on the platform, an
/// edit leaves a mark on the deal and moves no balance.
async fn patch_deal(State(m): S, Path((name, ticket)): Path<(String, u64)>, body: Bytes) -> Answer {
    let (s, p) = (find(&m, &name)?, read(&body)?);
    let d = refused(s.change(|b| {
        let mut d = b.any_deal(ticket).cloned().ok_or(Code::NOT_FOUND)?;
        edit(&mut d, &p)?;
        d.flags |= FLAG_MANAGER;
        b.put_deal(d.clone()).map_err(|e| disk(&e))?;
        Ok(d)
    }))?;
    ok(deal_json(&d))
}

async fn delete_deal(State(m): S, Path((name, ticket)): Path<(String, u64)>) -> Answer {
    let s = find(&m, &name)?;
    refused(s.change(|b| b.remove_deal(ticket).map(|_| ()).ok_or(Code::NOT_FOUND)))?;
    ok(json!({"deleted": ticket}))
}

/// Buys turn into action 13, sells into 14; profit, commission and swap leave the deal and the
/// balance.
async fn cancel_deal(State(m): S, Path((name, ticket)): Path<(String, u64)>) -> Answer {
    let s = find(&m, &name)?;
    let d = refused(s.change(|b| {
        let mut d = b.any_deal(ticket).cloned().ok_or(Code::NOT_FOUND)?;
        let action = match d.action {
            BUY => BUY_CANCELED,
            SELL => SELL_CANCELED,
            _ => return Err(Code::PARAMS),
        };
        b.add_money(d.login, -d.balance_effect(), 0).map_err(|e| disk(&e))?;
        d.action = action;
        (d.profit, d.profit_raw, d.commission, d.storage, d.fee) = (0, 0, 0, 0, 0);
        d.flags |= FLAG_MANAGER;
        b.put_deal(d.clone()).map_err(|e| disk(&e))?;
        Ok(d)
    }))?;
    ok(deal_json(&d))
}

async fn restart(State(m): S, Path(name): Path<String>) -> Answer {
    find(&m, &name)?.restart();
    ok(json!({"restarted": name}))
}

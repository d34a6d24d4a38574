//! What each call of the bridge does.

use super::rows::{Row, quoted, read_time, rows, time_text};
use super::{Call, Mt4, bad, good, held, paged};
use crate::mt5::Server;
use crate::mt5::book::{BALANCE, Book, CREDIT, Group, RIGHT_ENABLED, RIGHT_TRADE_DISABLED, User};
use crate::mt5::market::{SYMBOLS, Symbol};
use crate::mt5::params::Params;
use crate::mt5::trading::Money;
use qd_kernel::{format_fixed, parse_fixed};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// An error's code, the Manager API's code and words.
pub type No = (&'static str, u32, &'static str);
/// The data as JSON text.
type Outcome = Result<String, No>;

const NOT_FOUND: No = ("NotFound", 65, "no such account");
const INVALID: No = ("MT4Error", 3, "invalid data");
const DISK: No = ("Internal", 0, "the books could not be written");
/// Of a record without a password; nobody is told it.
const NO_PASSWORD: &str = "Unset-00000000";

pub fn run(m: &Mt4, s: &Server, c: &Call) -> String {
    let login = || c.rest.parse::<u64>().map_err(|_| INVALID);
    let read = || serde_json::from_slice::<Value>(&c.body).map_err(|_| INVALID);
    let time = |name: &str| c.query.get(name).and_then(|t| read_time(t)).ok_or(INVALID);
    let list = |all: Result<Vec<String>, No>| match all {
        Ok(all) => paged(&all, &c.query),
        Err(e) => bad(e),
    };
    let outcome: Outcome = match (c.method.as_str(), c.name.as_str()) {
        ("GET", "ServerTime") => Ok(quoted(&time_text(s.wall_msc(s.now())))),
        ("GET", "GroupsRequest") => return list(Ok(s.book().groups.values().map(group).collect())),
        ("GET", "SymbolsRequest") => return list(Ok(SYMBOLS.iter().map(symbol).collect())),
        ("GET", "UsersRequest") => {
            let b = s.book();
            return list(Ok(b.users.values().map(|u| record(&b, u)).collect()));
        }
        ("GET", "UserRecordRequest" | "UserRecordGet") => login().and_then(|l| user(s, l)),
        ("POST", "UserRecordNew") => read().and_then(|v| create(s, &v)),
        ("POST", "UserPasswordSet") => login().and_then(|l| set_password(s, l, &read()?)),
        ("PATCH", "UserRecord") => login().and_then(|l| patch(s, l, &read()?)),
        ("POST", "TradeTransaction") => read().and_then(|v| transaction(s, &v)),
        ("GET", "TradesRequest") => return list(Ok(texts(&rows(s, None, i64::MIN), |r| !r.closed()))),
        ("GET", "TradesUserHistory") => {
            let all = || {
                let (l, from, to) = (login()?, time("fromTime")?, time("toTime")?);
                let within = |r: &Row| r.closed() && (from..=to + 999).contains(&r.last_ms());
                Ok(texts(&rows(s, Some(l), i64::MIN), within))
            };
            return list(all());
        }
        ("POST", "TradesSyncStart") => read().and_then(|v| {
            let from = v["timestamp"].as_str().and_then(read_time).ok_or(INVALID)?;
            let mut syncs = held(&m.syncs);
            let id = (syncs.len() + 1).to_string();
            syncs.insert(id.clone(), from);
            Ok(quoted(&id))
        }),
        ("GET", "TradesSyncRead") => {
            let from = c.query.get("sync").and_then(|id| held(&m.syncs).get(id).copied());
            return list(from.map(|f| texts(&rows(s, None, f), |_| true)).ok_or(INVALID));
        }
        ("GET", "MarginLevelRequest") => login().and_then(|l| {
            let b = s.book();
            b.users.get(&l).map(|u| margin(&b, u)).ok_or(NOT_FOUND)
        }),
        ("GET", "MarginsGet") => {
            let b = s.book();
            return list(Ok(b.users.values().map(|u| margin(&b, u)).collect()));
        }
        _ => Err(("NotFound", 0, "no such call")),
    };
    outcome.map_or_else(bad, |data| good(&data, None))
}

fn texts(rows: &[Row], keep: impl Fn(&Row) -> bool) -> Vec<String> {
    rows.iter().filter(|r| keep(r)).map(Row::text).collect()
}

fn group(g: &Group) -> String {
    let (name, currency) = (quoted(&g.name), quoted(&g.currency));
    format!(
        "{{\"group\":{name},\"currency\":{currency},\"marginCall\":{},\"marginStopout\":{}}}",
        g.margin_call, g.stop_out
    )
}

fn symbol(x: &Symbol) -> String {
    format!(
        "{{\"symbol\":\"{}\",\"digits\":{},\"contractSize\":{}}}",
        x.name, x.digits, x.contract
    )
}

fn record(b: &Book, u: &User) -> String {
    let g = b.group_of(u);
    let text = ["Name", "Email", "Phone", "Country", "City", "Address", "ID", "Comment"]
        .map(|n| format!("\"{}\":{}", n.to_lowercase(), quoted(u.field(n))))
        .join(",");
    format!(
        "{{\"login\":{},\"group\":{},{text},\"enable\":{},\"enableReadOnly\":{},\"leverage\":{},\"balance\":{},\"credit\":{},\"regDate\":{}}}",
        u.login,
        quoted(&u.group),
        u.rights & RIGHT_ENABLED != 0,
        u.rights & RIGHT_TRADE_DISABLED != 0,
        u.leverage,
        format_fixed(u.balance, g.digits),
        format_fixed(u.credit, g.digits),
        quoted(&time_text(u.registration * 1_000)),
    )
}

fn user(s: &Server, login: u64) -> Outcome {
    let b = s.book();
    b.users.get(&login).map(|u| record(&b, u)).ok_or(NOT_FOUND)
}

/// Kept with a password nobody knows: the second call makes it usable.
fn create(s: &Server, v: &Value) -> Outcome {
    let text = |n: &str| v[n].as_str().unwrap_or_default();
    let body =
        serde_json::json!({"Login": v["login"].as_u64().unwrap_or(0), "Group": text("group"), "Name": text("name"), "Email": text("email"),
        "Phone": text("phone"), "Country": text("country"), "City": text("city"), "Address": text("address"), "ID": text("id"),
        "Comment": text("comment"), "Leverage": v["leverage"].as_u64().unwrap_or(0), "PassMain": NO_PASSWORD, "PassInvestor": NO_PASSWORD})
        .to_string();
    let p = Params::read("", body.as_bytes()).map_err(|_| INVALID)?;
    let login = s.create_user(&p).map_err(|_| INVALID)?;
    user(s, login)
}

/// Changes one account; what the change says is the answer.
fn with_user(s: &Server, login: u64, f: impl FnOnce(&Book, &mut User) -> Result<(), No>) -> Outcome {
    s.change(|b| {
        let Some(mut u) = b.users.get(&login).cloned() else {
            return Ok(Err(NOT_FOUND));
        };
        if let Err(no) = f(b, &mut u) {
            return Ok(Err(no));
        }
        let text = record(b, &u);
        Ok(b.put_user(u).map(|()| text).map_err(|_| DISK))
    })
    .unwrap_or(Err(DISK))
}

fn set_password(s: &Server, login: u64, v: &Value) -> Outcome {
    let password = v["password"].as_str().unwrap_or_default();
    if !(5..=15).contains(&password.len()) {
        return Err(("MT4Error", 3, "weak password"));
    }
    let which = usize::from(v["changeInvestor"].as_bool().unwrap_or(false));
    with_user(s, login, |_, u| {
        u.pass[which] = hex::encode(Sha256::digest(format!("{login}:{password}").as_bytes()));
        Ok(())
    })
}

/// A merge patch; a leverage the group does not have is left out without a word.
fn patch(s: &Server, login: u64, v: &Value) -> Outcome {
    with_user(s, login, |b, u| {
        for (name, bit) in [("enable", RIGHT_ENABLED), ("enableReadOnly", RIGHT_TRADE_DISABLED)] {
            match v[name].as_bool() {
                Some(true) => u.rights |= bit,
                Some(false) => u.rights &= !bit,
                None => {}
            }
        }
        if let Some(name) = v["group"].as_str() {
            u.group = b.find_group(name).ok_or(INVALID)?.name.clone();
        }
        let most = i64::from(b.group_of(u).leverage_max);
        if let Some(l) = v["leverage"].as_i64().filter(|l| (1..=most).contains(l)) {
            u.leverage = l;
        }
        Ok(())
    })
}

/// Balance and credit. The server checks nothing: the caller is the dealer.
fn transaction(s: &Server, v: &Value) -> Outcome {
    let action = match (v["tradeTransactionType"].as_str(), v["tradeCommand"].as_str()) {
        (Some("BrBalance"), Some("Balance")) => BALANCE,
        (Some("BrBalance"), Some("Credit")) => CREDIT,
        _ => return Err(INVALID),
    };
    let login = v["orderBy"].as_u64().ok_or(INVALID)?;
    let digits = {
        let b = s.book();
        let u = b.users.get(&login).ok_or(("MT4Error", 65, "bad account"))?;
        b.group_of(u).digits
    };
    let text = v["price"].is_number().then(|| v["price"].to_string());
    let minor = text.and_then(|t| parse_fixed(&t, digits)).filter(|m| *m != 0).ok_or(INVALID)?;
    let money = Money {
        login,
        action,
        minor,
        comment: v["comment"].as_str().unwrap_or_default(),
        at: s.now(),
        hidden_until: None,
    };
    let ticket = s.change(|b| s.book_balance(b, &money)).map_err(|_| DISK)?;
    Ok(format!(
        "{{\"order\":{ticket},\"orderBy\":{login},\"tradeCommand\":{}}}",
        v["tradeCommand"]
    ))
}

fn margin(b: &Book, u: &User) -> String {
    let g = b.group_of(u);
    let a = b.account(u, &g);
    let m = |v: i64| format_fixed(v, g.digits);
    let level = match b.edges.get(&u.login).map(|e| e.activation) {
        Some(1) => "MarginCall",
        Some(2) => "StopOut",
        _ => "Ok",
    };
    format!(
        "{{\"login\":{},\"group\":{},\"leverage\":{},\"balance\":{},\"equity\":{},\"margin\":{},\"marginFree\":{},\"marginLevel\":{},\"levelType\":\"{level}\"}}",
        u.login,
        quoted(&u.group),
        u.leverage,
        m(a.balance + a.credit),
        m(a.equity),
        m(a.margin),
        m(a.free),
        format_fixed(a.level, 2),
    )
}

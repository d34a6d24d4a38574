//! Filling a server's books from inside the process: months of business in one transaction.

use super::book::{BALANCE, BONUS};
use super::params::Params;
use super::server::{Server, disk};
use super::trading::{Closed, Money, RoundTrip};
use super::wire::Code;
use qd_kernel::{Lots, Problem, Result, Ts};
use serde_json::json;

pub struct NewAccount<'a> {
    /// The next free one when absent.
    pub login: Option<u64>,
    pub group: &'a str,
    pub name: &'a str,
    pub email: &'a str,
    pub leverage: u32,
    /// Main and investor password alike; must satisfy the platform's rules.
    pub password: &'a str,
    pub comment: &'a str,
    /// The broker's own reference, in the field `ID`.
    pub our_ref: &'a str,
    pub registered: Ts,
}

pub struct SeedTrade<'a> {
    pub login: u64,
    pub symbol: &'a str,
    pub buy: bool,
    pub volume: Lots,
    pub opened: Ts,
    pub closed: Ts,
    /// Price move in points in the client's favour.
    pub points: i64,
}

fn problem(c: Code) -> Problem {
    let text = format!("{} {}", c.0, c.text());
    match c {
        Code::NOT_FOUND => Problem::missing("record on the trade server"),
        Code::PARAMS | Code::VOLUME | Code::BAD_PASSWORD => Problem::invalid("body", "mt5_refused", text),
        _ => Problem::conflict("mt5_refused", text),
    }
}

/// For the control interface as well.
pub(super) fn into_problem<T>(r: std::result::Result<T, Code>) -> Result<T> {
    r.map_err(problem)
}

impl Server {
    /// Makes an account as `user/add` does; its login.
    pub fn add_account(&self, a: &NewAccount<'_>) -> Result<u64> {
        let body = json!({"Login": a.login.unwrap_or(0), "Group": a.group, "Name": a.name, "Email": a.email, "Leverage": a.leverage,
            "PassMain": a.password, "PassInvestor": a.password, "Comment": a.comment, "ID": a.our_ref})
        .to_string();
        let p = into_problem(Params::read("", body.as_bytes()))?;
        let login = into_problem(self.create_user(&p))?;
        let at = self.wall_secs(a.registered);
        into_problem(self.change(|b| {
            if let Some(mut u) = b.users.get(&login).cloned() {
                u.registration = at;
                u.last_access = at;
                b.put_user(u).map_err(|e| disk(&e))?;
            }
            Ok(login)
        }))
    }

    /// A balance operation in the past: `action` 2 balance to 6 bonus, signed minor units of the
    /// account's currency. No margin is checked. The deal's ticket.
    pub fn add_balance(&self, login: u64, action: u8, minor: i64, comment: &str, at: Ts) -> Result<u64> {
        if !(BALANCE..=BONUS).contains(&action) {
            return Err(problem(Code::PARAMS));
        }
        into_problem(self.change(|b| {
            self.book_balance(
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
        }))
    }

    /// Trades opened and closed in the past, all in one transaction.
    pub fn add_trades(&self, trades: &[SeedTrade<'_>]) -> Result<Vec<Closed>> {
        into_problem(self.change(|b| {
            fn one<'a>(t: &SeedTrade<'a>) -> RoundTrip<'a> {
                RoundTrip {
                    login: t.login,
                    symbol: t.symbol,
                    buy: t.buy,
                    volume: t.volume.units(),
                    opened: t.opened,
                    closed: t.closed,
                    points: t.points,
                    comment: "",
                }
            }
            trades.iter().map(|t| self.round_trip(b, &one(t))).collect()
        }))
    }

    /// The login that carries a reference.
    pub fn login_of(&self, our_ref: &str) -> Option<u64> {
        self.book().users.values().find(|u| u.field("ID") == our_ref).map(|u| u.login)
    }

    /// Ticket and signed minor units of the balance operation on a login whose comment begins so.
    pub fn money_with(&self, login: u64, comment: &str) -> Option<(u64, i64)> {
        let b = self.book();
        b.deals_of(login, i64::MIN, i64::MAX, self.now())
            .find(|d| d.action >= BALANCE && d.comment.starts_with(comment))
            .map(|d| (d.ticket, d.profit))
    }

    /// A dealer checks the balance against the history and mends it (`user/check_balance` with
    /// `fixflag=1`): after this the account has what its deals say.
    pub fn mend_balance(&self, login: u64) -> Result<()> {
        let p = into_problem(Params::read(&format!("login={login}&fixflag=1"), b""))?;
        into_problem(self.check_balance(&p)).map(|_| ())
    }

    /// (balance, credit) in minor units, when the account exists.
    pub fn balance_of(&self, login: u64) -> Option<(i64, i64)> {
        self.book().users.get(&login).map(|u| (u.balance, u.credit))
    }
}

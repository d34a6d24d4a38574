//! `trade/*`: balance operations and the calculators.

use super::book::*;
use super::market::{self, RATE_ONE};
use super::params::{Params, decimal};
use super::records;
use super::server::Server;
use super::trading::Money;
use super::users::money;
use super::wire::{Code, Outcome, Reply, dec, s};
use qd_kernel::Ts;

/// One operation moves less than this many units of currency.
const MAX_UNITS: i64 = 1_000_000_000;

/// How a fault bends a balance operation.
#[derive(Clone, Default)]
pub struct Bend {
    pub hidden_until: Option<Ts>,
    pub wrong: Wrong,
}

#[derive(Clone, Default)]
pub enum Wrong {
    #[default]
    No,
    /// One minor unit nearer to zero than asked.
    ByOne,
    /// This signed amount instead.
    Instead(String),
}

impl Server {
    pub(super) fn trade_command(&self, verb: &str, p: &Params, bend: Bend) -> Outcome {
        match verb {
            "balance" => self.trade_balance(p, bend),
            "check_margin" => self.check_margin(p),
            "calc_profit" => self.calc_profit(p),
            "calc_rate_buy" | "calc_rate_sell" => {
                let base = p.text(&["base"]).ok_or(Code::PARAMS)?.to_ascii_uppercase();
                let to = p.text(&["currency"]).ok_or(Code::PARAMS)?.to_ascii_uppercase();
                Ok(Reply::object(vec![("Rate", dec(self.book().market.rate(&base, &to), 8))]))
            }
            _ => Err(Code::NOT_IMPLEMENTED),
        }
    }

    fn trade_balance(&self, p: &Params, bend: Bend) -> Outcome {
        let login = p.need_id(&["login"])?;
        let action = u8::try_from(p.need_int("type")?)
            .ok()
            .filter(|a| (BALANCE..=BONUS).contains(a))
            .ok_or(Code::PARAMS)?;
        let amount = p.text(&["balance"]).ok_or(Code::PARAMS)?;
        let check = p.int("check_margin")?.unwrap_or(1) != 0;
        let comment = p.text(&["comment"]).unwrap_or("");
        self.change(|b| {
            let u = b.users.get(&login).cloned().ok_or(Code::NOT_FOUND)?;
            let g = b.group_of(&u);
            let mut minor = decimal(amount, g.digits).ok_or(Code::PARAMS)?;
            if minor == 0 {
                return Err(Code::PARAMS);
            }
            let max = i128::from(MAX_UNITS) * 10i128.pow(u32::from(g.digits));
            if i128::from(minor).abs() > max {
                return Err(Code::MAX_MONEY);
            }
            let credit = matches!(action, CREDIT | BONUS);
            // A correction is the dealer's last word: the server books it whatever follows.
            if minor < 0 && check && action != CORRECTION {
                let a = b.account(&u, &g);
                let have = if credit { u.credit } else { u.balance };
                if -minor > have || -minor > a.free {
                    return Err(Code::NO_MONEY);
                }
            }
            match &bend.wrong {
                Wrong::No => {}
                Wrong::ByOne => minor -= minor.signum(),
                Wrong::Instead(t) => minor = decimal(t, g.digits).ok_or(Code::PARAMS)?,
            }
            let ticket = self.book_balance(
                b,
                &Money {
                    login,
                    action,
                    minor,
                    comment,
                    at: self.now(),
                    hidden_until: bend.hidden_until,
                },
            )?;
            Ok(Reply::object(vec![("Ticket", s(ticket))]))
        })
    }

    fn check_margin(&self, p: &Params) -> Outcome {
        let login = p.need_id(&["login"])?;
        let (i, sym) = market::find(p.text(&["symbol"]).unwrap_or("")).ok_or(Code::NOT_FOUND)?;
        let volume = p.need_int("volume")?;
        let kind = p.int("type")?.unwrap_or(0);
        if !(0..=8).contains(&kind) || volume <= 0 {
            return Err(Code::PARAMS);
        }
        let b = self.book();
        let u = b.users.get(&login).ok_or(Code::NOT_FOUND)?;
        let g = b.group_of(u);
        let price = match p.text(&["price"]).and_then(|t| decimal(t, sym.digits)) {
            Some(v) if v > 0 => v,
            _ if kind % 2 == 0 => b.market.ask(i),
            _ => b.market.bid(i),
        };
        let current = b.account(u, &g);
        let mut new = current;
        new.margin += b.margin_of(sym.name, price, volume, u.leverage, &g);
        new.free = new.equity - new.margin;
        new.level = if new.margin == 0 {
            0
        } else {
            i64::try_from(i128::from(new.equity) * 10_000 / i128::from(new.margin)).unwrap_or(i64::MAX)
        };
        Ok(Reply::object(vec![
            ("new", records::account(u, &g, &new, None)),
            ("current", records::account(u, &g, &current, None)),
        ]))
    }

    fn calc_profit(&self, p: &Params) -> Outcome {
        let (_, sym) = market::find(p.text(&["symbol"]).unwrap_or("")).ok_or(Code::NOT_FOUND)?;
        let price = |n: &str| {
            p.text(&[n])
                .and_then(|t| decimal(t, sym.digits))
                .filter(|v| *v > 0)
                .ok_or(Code::PARAMS)
        };
        let (open, close) = (price("price_open")?, price("price_close")?);
        let volume = p.need_int("volume")?;
        let buy = p.int("type")?.unwrap_or(0) == 0;
        let b = self.book();
        let g = match p.text(&["group"]) {
            Some(name) => Some(b.find_group(&super::params::group_path(name)).cloned().ok_or(Code::NOT_FOUND)?),
            None => None,
        };
        let rate = g.as_ref().map_or(RATE_ONE, |g| b.market.rate(sym.profit, &g.currency));
        let digits = g.as_ref().map_or(2, |g| g.digits);
        let profit = market::profit(sym, buy, open, close, volume, rate, digits);
        let text = g.as_ref().map_or_else(|| dec(profit, 2), |g| money(profit, g));
        Ok(Reply::object(vec![("Profit", text), ("ProfitRate", dec(rate, 8))]))
    }
}

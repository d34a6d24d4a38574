//! `user/*`: accounts, their passwords, trading state, archive.

use super::book::*;
use super::params::{Masks, Params, group_path};
use super::records;
use super::server::{Server, disk};
use super::trading::cut;
use super::wire::{Code, Outcome, Reply, W, dec, s};
use sha2::{Digest, Sha256};

/// Text fields and how many characters each holds (the vendor's limit less the terminator).
const TEXT: [(&str, usize); 22] = [
    ("Name", 127),
    ("FirstName", 63),
    ("LastName", 63),
    ("MiddleName", 63),
    ("Company", 63),
    ("Account", 31),
    ("Country", 31),
    ("City", 31),
    ("State", 31),
    ("ZIPCode", 15),
    ("Address", 127),
    ("Phone", 31),
    ("Email", 63),
    ("ID", 31),
    ("Status", 15),
    ("Comment", 63),
    ("PhonePassword", 31),
    ("ClientID", 20),
    ("MQID", 31),
    ("TradeAccounts", 127),
    ("LeadSource", 31),
    ("LeadCampaign", 31),
];
/// Fields whose limit the vendor documents: longer text is refused, not cut.
const STRICT: [&str; 4] = ["Name", "Company", "Address", "Comment"];

const LOGIN_RANGE: u64 = 10_000_000;

const MAIN: [&str; 3] = ["pass_main", "MainPassword", "password"];
const INVESTOR: [&str; 3] = ["pass_investor", "InvestPassword", "InvestorPassword"];

/// 8 to 16 characters with a small letter, a capital, a digit and something else.
pub fn password_ok(p: &str) -> bool {
    (8..=16).contains(&p.chars().count())
        && p.chars().any(|c| c.is_lowercase())
        && p.chars().any(|c| c.is_uppercase())
        && p.chars().any(|c| c.is_ascii_digit())
        && p.chars().any(|c| !c.is_alphanumeric())
}

fn hashed(login: u64, password: &str) -> String {
    hex::encode(Sha256::digest(format!("{login}:{password}").as_bytes()))
}

fn alias(field: &'static str) -> [&'static str; 2] {
    if field == "PhonePassword" {
        [field, "pass_phone"]
    } else {
        [field, field]
    }
}

/// Takes over the fields the request names. With `strict`, a value that cannot be is code 3;
/// without, it is passed over in silence, as the real server does on update.
fn apply(u: &mut User, g: &Group, p: &Params, strict: bool) -> Result<(), Code> {
    for (field, max) in TEXT {
        let Some(v) = p.text(&alias(field)) else { continue };
        if v.chars().count() > max && STRICT.contains(&field) {
            if strict {
                return Err(Code::PARAMS);
            }
            continue;
        }
        u.text.insert(field.into(), cut(v, max));
    }
    let number = |name: &str, ok: &dyn Fn(i64) -> bool| match p.int(name) {
        Ok(Some(v)) if ok(v) => Ok(Some(v)),
        Ok(None) => Ok(None),
        _ if strict => Err(Code::PARAMS),
        _ => Ok(None),
    };
    if let Some(v) = number("leverage", &|v| (1..=i64::from(g.leverage_max.min(500))).contains(&v))? {
        u.leverage = v;
    }
    if let Some(v) = number("rights", &|v| (0..=0x3_ffff).contains(&v))? {
        // Investor and read-only are the server's own bits.
        u.rights = (v.unsigned_abs() & !0x208) | (u.rights & 0x208);
    }
    if let Some(v) = number("agent", &|v| v >= 0)? {
        u.agent = v.unsigned_abs();
    }
    if let Some(v) = number("language", &|v| (0..=0xffff).contains(&v))? {
        u.language = v;
    }
    if let Some(v) = number("color", &|v| (0..=i64::from(u32::MAX)).contains(&v))? {
        u.color = u32::try_from(v).unwrap_or(u32::MAX);
    }
    if let Some(v) = number("limit_orders", &|v| v >= 0)? {
        u.limit_orders = v;
    }
    if let Some(v) = number("limit_positions", &|v| v >= 0)? {
        u.limit_positions = v;
    }
    if let Some(serde_json::Value::Array(cells)) = p.raw("ApiData") {
        let part = |c: &serde_json::Value, k: &str| match c.get(k) {
            Some(serde_json::Value::String(t)) => t.clone(),
            Some(serde_json::Value::Number(n)) => n.to_string(),
            _ => "0".to_string(),
        };
        u.api_data = cells
            .iter()
            .take(16)
            .map(|c| [part(c, "AppID"), part(c, "ID"), part(c, "ValueInt")])
            .collect();
    }
    Ok(())
}

/// Which accounts a list command means: a login list or group masks, one kind only.
pub enum Which {
    Logins(Vec<u64>),
    Groups(Masks),
}

pub fn which(p: &Params) -> Result<Which, Code> {
    match (p.ids(&["login", "logins"])?, p.list(&["group", "groups"])) {
        (Some(l), None) => Ok(Which::Logins(l)),
        (None, Some(g)) => Ok(Which::Groups(Masks::new(&g))),
        _ => Err(Code::PARAMS),
    }
}

fn pick<'a>(from: &'a std::collections::BTreeMap<u64, User>, w: &Which) -> Vec<&'a User> {
    match w {
        Which::Logins(l) => l.iter().filter_map(|l| from.get(l)).collect(),
        Which::Groups(m) => from.values().filter(|u| m.hit(&u.group)).collect(),
    }
}

impl Server {
    pub(super) fn user_command(&self, verb: &str, p: &Params) -> Outcome {
        match verb {
            "add" => self.user_add(p),
            "update" => self.user_update(p),
            "delete" => self.user_delete(p),
            "get" => {
                let b = self.book();
                let u = b.users.get(&p.need_id(&["login"])?).ok_or(Code::NOT_FOUND)?;
                Ok(Reply::answer(records::user(u, &b.group_of(u), true)))
            }
            "get_external" => {
                let account = p.text(&["account"]).filter(|a| !a.is_empty()).ok_or(Code::PARAMS)?;
                let b = self.book();
                let has = |u: &&User| {
                    u.field("TradeAccounts")
                        .split('|')
                        .any(|pair| pair.split_once('=').is_some_and(|(_, a)| a == account))
                };
                let u = b.users.values().find(has).ok_or(Code::NOT_FOUND)?;
                Ok(Reply::answer(records::user(u, &b.group_of(u), true)))
            }
            "get_batch" => {
                let (b, w) = (self.book(), which(p)?);
                Ok(Reply::list(
                    pick(&b.users, &w)
                        .into_iter()
                        .map(|u| records::user(u, &b.group_of(u), false))
                        .collect(),
                ))
            }
            "logins" => {
                let m = Masks::new(&p.list(&["group"]).ok_or(Code::PARAMS)?);
                Ok(Reply::list(
                    self.book().users.values().filter(|u| m.hit(&u.group)).map(|u| s(u.login)).collect(),
                ))
            }
            "total" => Ok(Reply::total(self.book().users.len())),
            "group" => {
                let b = self.book();
                let u = b.users.get(&p.need_id(&["login"])?).ok_or(Code::NOT_FOUND)?;
                Ok(Reply::object(vec![("Group", s(&u.group))]))
            }
            "check_password" => self.check_password(p),
            "change_password" => self.change_password(p),
            "check_balance" => self.check_balance(p),
            "account/get" => {
                let b = self.book();
                let login = p.need_id(&["login"])?;
                let u = b.users.get(&login).filter(|_| b.active.contains(&login)).ok_or(Code::NOT_FOUND)?;
                let g = b.group_of(u);
                Ok(Reply::answer(records::account(u, &g, &b.account(u, &g), b.edges.get(&login))))
            }
            "account/get_batch" => {
                let (b, w) = (self.book(), which(p)?);
                let one = |u: &User| {
                    let g = b.group_of(u);
                    records::account(u, &g, &b.account(u, &g), b.edges.get(&u.login))
                };
                Ok(Reply::list(
                    pick(&b.users, &w)
                        .into_iter()
                        .filter(|u| b.active.contains(&u.login))
                        .map(one)
                        .collect(),
                ))
            }
            "archive/add" => {
                let login = p.need_id(&["login"])?;
                self.change(|b| {
                    if !b.users.contains_key(&login) {
                        return Err(Code::NOT_FOUND);
                    }
                    if b.has_positions(login) {
                        return Err(Code::HAS_TRADES);
                    }
                    let u = b.remove_user(login).ok_or(Code::NOT_FOUND)?;
                    b.put_archived(u).map_err(|e| disk(&e))?;
                    Ok(Reply::done())
                })
            }
            "archive/get" => {
                let b = self.book();
                let u = b.archive.get(&p.need_id(&["login"])?).ok_or(Code::NOT_FOUND)?;
                Ok(Reply::answer(records::user(u, &b.group_of(u), true)))
            }
            "archive/get_batch" => {
                let (b, w) = (self.book(), which(p)?);
                Ok(Reply::list(
                    pick(&b.archive, &w)
                        .into_iter()
                        .map(|u| records::user(u, &b.group_of(u), false))
                        .collect(),
                ))
            }
            "restore" => {
                let login = p.need_id(&["login"])?;
                self.change(|b| {
                    if b.users.contains_key(&login) {
                        return Err(Code::LOGIN_EXISTS);
                    }
                    let mut u = b.archive.get(&login).cloned().ok_or(Code::NOT_FOUND)?;
                    let g = b.group_of(&u);
                    apply(&mut u, &g, p, false)?;
                    b.put_user(u.clone()).map_err(|e| disk(&e))?;
                    Ok(Reply::answer(records::user(&u, &g, true)))
                })
            }
            _ => Err(Code::NOT_IMPLEMENTED),
        }
    }

    fn user_add(&self, p: &Params) -> Outcome {
        let login = self.create_user(p)?;
        let b = self.book();
        let u = b.users.get(&login).ok_or(Code::NOT_FOUND)?;
        Ok(Reply::answer(records::user(u, &b.group_of(u), true)))
    }

    pub(crate) fn create_user(&self, p: &Params) -> Result<u64, Code> {
        let group = group_path(p.text(&["group"]).unwrap_or(""));
        let main = p.text(&MAIN).unwrap_or("").to_string();
        let investor = p.text(&INVESTOR).unwrap_or("").to_string();
        let asked = match p.int("login")? {
            None | Some(0) => None,
            Some(l) => Some(u64::try_from(l).map_err(|_| Code::PARAMS)?),
        };
        let now = self.wall_secs(self.now());
        self.change(|b| {
            if group.is_empty() || p.text(&["name"]).is_none_or(str::is_empty) || !matches!(p.int("leverage"), Ok(Some(_))) {
                return Err(Code::PARAMS);
            }
            let g = b.find_group(&group).cloned().ok_or(Code::NOT_FOUND)?;
            if !password_ok(&main) || !password_ok(&investor) {
                return Err(Code::BAD_PASSWORD);
            }
            if let Some(l) = asked {
                if b.users.contains_key(&l) || b.archive.contains_key(&l) || l == self.cfg.manager_login {
                    return Err(Code::LOGIN_EXISTS);
                }
                if !(self.cfg.first_login..self.cfg.first_login + LOGIN_RANGE).contains(&l) {
                    return Err(Code::LOGIN_RESERVED);
                }
            }
            let mut u = User {
                group: g.name.clone(),
                rights: RIGHTS_DEFAULT,
                color: 0xff00_0000,
                registration: now,
                last_access: now,
                ..User::default()
            };
            u.last_pass_change = now;
            apply(&mut u, &g, p, true)?;
            u.login = match asked {
                Some(l) => l,
                None => b.new_login().map_err(|e| disk(&e))?,
            };
            u.pass = [hashed(u.login, &main), hashed(u.login, &investor), String::new()];
            let login = u.login;
            b.put_user(u).map_err(|e| disk(&e))?;
            Ok(login)
        })
    }

    fn user_update(&self, p: &Params) -> Outcome {
        let login = p.need_id(&["login"])?;
        self.change(|b| {
            let mut u = b.users.get(&login).cloned().ok_or(Code::NOT_FOUND)?;
            let mut g = b.group_of(&u);
            if let Some(wanted) = p.text(&["group"]).map(group_path).filter(|w| !w.is_empty())
                && let Some(new) = b.find_group(&wanted).cloned()
            {
                if new.currency != g.currency {
                    return Err(Code::OTHER_CURRENCY);
                }
                u.group.clone_from(&new.name);
                g = new;
            }
            apply(&mut u, &g, p, false)?;
            b.put_user(u.clone()).map_err(|e| disk(&e))?;
            Ok(Reply::answer(records::user(&u, &g, true)))
        })
    }

    fn user_delete(&self, p: &Params) -> Outcome {
        let logins = p.ids(&["login", "logins"])?.ok_or(Code::PARAMS)?;
        self.change(|b| {
            if !logins.iter().all(|l| b.users.contains_key(l)) {
                return Err(Code::NOT_FOUND);
            }
            if logins.iter().any(|l| b.has_positions(*l)) {
                return Err(Code::HAS_TRADES);
            }
            for l in &logins {
                b.remove_user(*l);
            }
            Ok(Reply::done())
        })
    }

    fn check_password(&self, p: &Params) -> Outcome {
        let login = p.need_id(&["login"])?;
        let slot = password_slot(p)?;
        let given = p.text(&["password", "pass"]).unwrap_or("");
        let b = self.book();
        let u = b.users.get(&login).ok_or(Code::NOT_FOUND)?;
        if u.pass[slot].is_empty() || u.pass[slot] != hashed(login, given) {
            return Err(Code::BAD_PASSWORD);
        }
        Ok(Reply::done())
    }

    fn change_password(&self, p: &Params) -> Outcome {
        let login = p.need_id(&["login"])?;
        let slot = password_slot(p)?;
        let given = p.text(&["password", "pass"]).unwrap_or("").to_string();
        let now = self.wall_secs(self.now());
        self.change(|b| {
            let mut u = b.users.get(&login).cloned().ok_or(Code::NOT_FOUND)?;
            if !password_ok(&given) {
                return Err(Code::BAD_PASSWORD);
            }
            u.pass[slot] = hashed(login, &given);
            u.last_pass_change = now;
            b.put_user(u).map_err(|e| disk(&e))?;
            Ok(Reply::done())
        })
    }

    pub(super) fn check_balance(&self, p: &Params) -> Outcome {
        let login = p.need_id(&["login"])?;
        let fix = p.int("fixflag")?.unwrap_or(0) == 1;
        self.change(|b| {
            let mut u = b.users.get(&login).cloned().ok_or(Code::NOT_FOUND)?;
            let g = b.group_of(&u);
            let (balance, credit) = b.history_sums(login);
            let six = |v: i64| {
                let text = qd_kernel::format_fixed(v, g.digits);
                let have = text.split_once('.').map_or(0, |(_, f)| f.len());
                s(format!(
                    "{text}{}{}",
                    if have == 0 { "." } else { "" },
                    "0".repeat(6usize.saturating_sub(have))
                ))
            };
            let pair = |user: i64, history: i64| W::O(vec![("User", six(user)), ("History", six(history))]);
            let answer = vec![("Balance", pair(u.balance, balance)), ("Credit", pair(u.credit, credit))];
            if fix {
                (u.balance, u.credit) = (balance, credit);
                b.put_user(u).map_err(|e| disk(&e))?;
            }
            Ok(Reply::object(answer))
        })
    }
}

fn password_slot(p: &Params) -> Result<usize, Code> {
    match p.text(&["type"]).unwrap_or("").to_ascii_lowercase().as_str() {
        "main" | "user_pass_main" | "0" => Ok(0),
        "investor" | "user_pass_investor" | "1" => Ok(1),
        "api" | "user_pass_api" | "2" => Ok(2),
        _ => Err(Code::PARAMS),
    }
}

/// Money as the account's group writes it.
pub fn money(v: i64, g: &Group) -> W {
    dec(v, g.digits)
}

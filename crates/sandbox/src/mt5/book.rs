//! What a trade server knows: accounts, deals, open positions, groups, and how they are found.

use super::market::Market;
use super::params::Masks;
use crate::store::{Batch, Books};
use crate::{GroupConfig, Mt5ServerConfig};
use qd_kernel::{Result, Ts};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

pub const RIGHT_ENABLED: u64 = 0x1;
pub const RIGHT_TRADE_DISABLED: u64 = 0x4;
/// What an account gets when nobody says otherwise.
pub const RIGHTS_DEFAULT: u64 = 355;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct User {
    pub login: u64,
    pub group: String,
    pub rights: u64,
    /// Seconds, server wall clock, like all times of a user.
    pub registration: i64,
    pub last_access: i64,
    pub last_pass_change: i64,
    pub leverage: i64,
    pub agent: u64,
    pub language: i64,
    pub color: u32,
    pub limit_orders: i64,
    pub limit_positions: i64,
    /// Minor units of the group's currency.
    pub balance: i64,
    pub credit: i64,
    /// The free-text fields, by their name on the wire.
    pub text: BTreeMap<String, String>,
    /// Hashes of the main, investor and API passwords.
    pub pass: [String; 3],
    /// AppID, ID, ValueInt of up to 16 cells.
    #[serde(default)]
    pub api_data: Vec<[String; 3]>,
}

impl User {
    pub fn field(&self, name: &str) -> &str {
        self.text.get(name).map_or("", String::as_str)
    }
    pub fn may_trade(&self) -> bool {
        self.rights & RIGHT_ENABLED != 0 && self.rights & RIGHT_TRADE_DISABLED == 0
    }
}

pub const BUY: u8 = 0;
pub const SELL: u8 = 1;
pub const BALANCE: u8 = 2;
pub const CREDIT: u8 = 3;
pub const CORRECTION: u8 = 5;
pub const BONUS: u8 = 6;
pub const BUY_CANCELED: u8 = 13;
pub const SELL_CANCELED: u8 = 14;

pub const ENTRY_IN: u8 = 0;
pub const ENTRY_OUT: u8 = 1;
pub const ENTRY_OUT_BY: u8 = 3;

pub const FLAG_MANAGER: u32 = 2;
pub const FLAG_MANAGER_API: u32 = 32;

pub const REASON_CLIENT: u8 = 0;
pub const REASON_DEALER: u8 = 2;
pub const REASON_STOP_OUT: u8 = 5;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Deal {
    pub ticket: u64,
    pub external_id: String,
    pub login: u64,
    pub dealer: u64,
    pub order: u64,
    pub action: u8,
    pub entry: u8,
    pub reason: u8,
    pub digits: u8,
    pub digits_currency: u8,
    pub contract: i64,
    /// Milliseconds of the server's wall clock.
    pub time_msc: i64,
    pub symbol: String,
    /// Prices in points.
    pub price: i64,
    pub price_position: i64,
    pub market_bid: i64,
    pub market_ask: i64,
    /// Lots scaled by 1e8.
    pub volume: i64,
    pub volume_closed: i64,
    /// Minor units of the deposit currency.
    pub profit: i64,
    /// Hundredths of the symbol's profit currency.
    pub profit_raw: i64,
    pub storage: i64,
    pub commission: i64,
    pub fee: i64,
    pub value: i64,
    /// Scaled by 1e8.
    pub rate_profit: i64,
    pub rate_margin: i64,
    pub position: u64,
    pub comment: String,
    pub flags: u32,
    /// Not shown before this moment (fault `late_visible`).
    #[serde(default)]
    pub hidden_until: Option<Ts>,
}

impl Deal {
    pub fn is_trade(&self) -> bool {
        matches!(self.action, BUY | SELL)
    }
    /// What the deal did to credit; everything else moves the balance.
    pub fn credit_effect(&self) -> i64 {
        if matches!(self.action, CREDIT | BONUS) { self.profit } else { 0 }
    }
    pub fn balance_effect(&self) -> i64 {
        self.profit - self.credit_effect() + self.storage + self.commission + self.fee
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Position {
    pub ticket: u64,
    pub external_id: String,
    pub login: u64,
    pub dealer: u64,
    pub symbol: String,
    /// [`BUY`] or [`SELL`].
    pub action: u8,
    pub reason: u8,
    pub opened_msc: i64,
    pub updated_msc: i64,
    pub price_open: i64,
    pub price_sl: i64,
    pub price_tp: i64,
    pub volume: i64,
    pub rate_margin: i64,
    pub comment: String,
    pub flags: u32,
    /// Opened by the simulated traders, who close it again at this moment (UTC).
    #[serde(default)]
    pub close_at: Option<Ts>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Group {
    pub name: String,
    pub currency: String,
    pub digits: u8,
    pub leverage_max: u32,
    pub margin_call: u32,
    pub stop_out: u32,
}

impl From<&GroupConfig> for Group {
    fn from(g: &GroupConfig) -> Group {
        Group {
            name: g.name.clone(),
            currency: g.currency.clone(),
            digits: g.digits,
            leverage_max: g.leverage_max,
            margin_call: g.margin_call,
            stop_out: g.stop_out,
        }
    }
}

/// Why an account is at the edge: 1 margin call, 2 stop-out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Edge {
    pub activation: u8,
    /// Seconds, server wall clock.
    pub time: i64,
    pub level: i64,
    pub equity: i64,
    pub margin: i64,
}

pub struct Book {
    kinds: Kinds,
    pub users: BTreeMap<u64, User>,
    pub archive: BTreeMap<u64, User>,
    pub groups: BTreeMap<String, Group>,
    deals: BTreeMap<u64, Deal>,
    by_login: HashMap<u64, BTreeSet<(i64, u64)>>,
    by_time: BTreeSet<(i64, u64)>,
    by_order: HashMap<u64, u64>,
    positions: BTreeMap<u64, Position>,
    positions_of: BTreeMap<u64, BTreeSet<u64>>,
    next_deal: u64,
    next_order: u64,
    next_login: u64,
    /// Accounts with trade activity since the server started: only they have a trading state.
    pub active: HashSet<u64>,
    pub edges: HashMap<u64, Edge>,
    pub market: Market,
    pub batch: Batch,
}

struct Kinds {
    user: String,
    archive: String,
    deal: String,
    position: String,
    group: String,
    next: String,
}

impl Book {
    pub fn load(cfg: &Mt5ServerConfig, books: &Books, seed: u64) -> Result<Book> {
        let k = |what: &str| format!("mt5.{}.{what}", cfg.name);
        let kinds = Kinds {
            user: k("user"),
            archive: k("archive"),
            deal: k("deal"),
            position: k("position"),
            group: k("group"),
            next: k("next"),
        };
        let by_login =
            |kind: &str| -> Result<BTreeMap<u64, User>> { Ok(books.load::<User>(kind)?.into_iter().map(|(_, u)| (u.login, u)).collect()) };
        let mut groups: BTreeMap<String, Group> = books
            .load::<Group>(&kinds.group)?
            .into_iter()
            .map(|(_, g)| (g.name.clone(), g))
            .collect();
        groups.extend(cfg.groups.iter().map(|g| (g.name.clone(), Group::from(g))));
        let (users, archive) = (by_login(&kinds.user)?, by_login(&kinds.archive)?);
        let next: Option<(u64, u64, u64)> = books.get(&kinds.next, "tickets")?;
        let (next_deal, next_order, next_login) = next.unwrap_or((100_001, 200_001, cfg.first_login));
        let mut b = Book {
            next_login,
            users,
            archive,
            groups,
            deals: BTreeMap::new(),
            by_login: HashMap::new(),
            by_time: BTreeSet::new(),
            by_order: HashMap::new(),
            positions: BTreeMap::new(),
            positions_of: BTreeMap::new(),
            next_deal,
            next_order,
            active: HashSet::new(),
            edges: HashMap::new(),
            market: Market::new(seed, books.get(&k("price"), "bids")?),
            batch: Batch::default(),
            kinds,
        };
        let (deal, position) = (b.kinds.deal.clone(), b.kinds.position.clone());
        for (_, d) in books.load::<Deal>(&deal)? {
            b.index(&d);
            b.deals.insert(d.ticket, d);
        }
        for (_, p) in books.load::<Position>(&position)? {
            b.positions_of.entry(p.login).or_default().insert(p.ticket);
            b.active.insert(p.login);
            b.positions.insert(p.ticket, p);
        }
        Ok(b)
    }

    /// Writes what changed since the last call, all of it or nothing.
    pub fn save(&mut self, books: &Books) -> Result<()> {
        books.write(std::mem::take(&mut self.batch))
    }

    fn index(&mut self, d: &Deal) {
        self.by_login.entry(d.login).or_default().insert((d.time_msc, d.ticket));
        self.by_time.insert((d.time_msc, d.ticket));
        if d.order != 0 {
            self.by_order.insert(d.order, d.ticket);
        }
    }

    fn count(&mut self) -> Result<()> {
        let next = (self.next_deal, self.next_order, self.next_login);
        self.batch.put(&self.kinds.next, "tickets", &next)
    }
    pub fn new_deal(&mut self) -> Result<u64> {
        self.next_deal += 1;
        self.count()?;
        Ok(self.next_deal - 1)
    }
    pub fn new_order(&mut self) -> Result<u64> {
        self.next_order += 1;
        self.count()?;
        Ok(self.next_order - 1)
    }
    pub fn new_login(&mut self) -> Result<u64> {
        while self.users.contains_key(&self.next_login) || self.archive.contains_key(&self.next_login) {
            self.next_login += 1;
        }
        self.next_login += 1;
        self.count()?;
        Ok(self.next_login - 1)
    }

    pub fn group_of(&self, u: &User) -> Group {
        self.groups.get(&u.group).cloned().unwrap_or_else(|| Group {
            name: u.group.clone(),
            currency: "USD".into(),
            digits: 2,
            leverage_max: 500,
            margin_call: 100,
            stop_out: 50,
        })
    }
    pub fn find_group(&self, name: &str) -> Option<&Group> {
        self.groups.values().find(|g| g.name.eq_ignore_ascii_case(name))
    }
    pub fn put_group(&mut self, g: Group) -> Result<()> {
        self.batch.put(&self.kinds.group, &g.name, &g)?;
        self.groups.insert(g.name.clone(), g);
        Ok(())
    }
    pub fn remove_group(&mut self, name: &str) {
        self.batch.remove(&self.kinds.group, name);
        self.groups.remove(name);
    }

    pub fn put_user(&mut self, u: User) -> Result<()> {
        self.batch.put(&self.kinds.user, u.login, &u)?;
        self.users.insert(u.login, u);
        Ok(())
    }
    pub fn remove_user(&mut self, login: u64) -> Option<User> {
        self.batch.remove(&self.kinds.user, login);
        self.active.remove(&login);
        self.users.remove(&login)
    }
    pub fn put_archived(&mut self, u: User) -> Result<()> {
        self.batch.put(&self.kinds.archive, u.login, &u)?;
        self.archive.insert(u.login, u);
        Ok(())
    }
    /// Moves balance and credit by minor units.
    pub fn add_money(&mut self, login: u64, balance: i64, credit: i64) -> Result<()> {
        if let Some(mut u) = self.users.get(&login).cloned() {
            u.balance = u.balance.saturating_add(balance);
            u.credit = u.credit.saturating_add(credit);
            self.put_user(u)?;
        }
        Ok(())
    }

    /// A new deal; the money it moves is booked with it.
    pub fn add_deal(&mut self, d: Deal) -> Result<()> {
        self.active.insert(d.login);
        self.add_money(d.login, d.balance_effect(), d.credit_effect())?;
        self.put_deal(d)
    }
    /// Writes a deal as it is, without touching any balance.
    pub fn put_deal(&mut self, d: Deal) -> Result<()> {
        if let Some(old) = self.deals.get(&d.ticket).map(|o| (o.time_msc, o.ticket)) {
            self.by_time.remove(&old);
            if let Some(set) = self.by_login.get_mut(&d.login) {
                set.remove(&old);
            }
        }
        self.batch.put(&self.kinds.deal, d.ticket, &d)?;
        self.index(&d);
        self.deals.insert(d.ticket, d);
        Ok(())
    }
    pub fn remove_deal(&mut self, ticket: u64) -> Option<Deal> {
        let d = self.deals.remove(&ticket)?;
        self.batch.remove(&self.kinds.deal, ticket);
        self.by_time.remove(&(d.time_msc, ticket));
        if let Some(set) = self.by_login.get_mut(&d.login) {
            set.remove(&(d.time_msc, ticket));
        }
        self.by_order.remove(&d.order);
        Some(d)
    }

    pub fn deal_count(&self) -> usize {
        self.deals.len()
    }
    /// Whether or not it may be seen yet.
    pub fn any_deal(&self, ticket: u64) -> Option<&Deal> {
        self.deals.get(&ticket)
    }
    pub fn deal(&self, ticket: u64, now: Ts) -> Option<&Deal> {
        self.deals.get(&ticket).filter(|d| visible(d, now))
    }
    pub fn deal_of_order(&self, order: u64, now: Ts) -> Option<&Deal> {
        self.deal(*self.by_order.get(&order)?, now)
    }
    /// One account's deals between two seconds, both included, by time.
    pub fn deals_of(&self, login: u64, from: i64, to: i64, now: Ts) -> impl Iterator<Item = &Deal> {
        let keys = self.by_login.get(&login).into_iter().flat_map(move |s| s.range(window(from, to)));
        keys.filter_map(|(_, t)| self.deals.get(t)).filter(move |d| visible(d, now))
    }
    /// The deals of every account whose group the masks hit. Costs what the window holds, not
    /// what the server holds.
    pub fn deals_of_groups<'a>(&'a self, masks: &'a Masks, from: i64, to: i64, now: Ts) -> impl Iterator<Item = &'a Deal> {
        let mut known: HashMap<&'a str, bool> = HashMap::new();
        self.by_time
            .range(window(from, to))
            .filter_map(|(_, t)| self.deals.get(t))
            .filter(move |d| visible(d, now))
            .filter(move |d| {
                let group = self
                    .users
                    .get(&d.login)
                    .or_else(|| self.archive.get(&d.login))
                    .map(|u| u.group.as_str());
                group.is_some_and(|g| *known.entry(g).or_insert_with(|| masks.hit(g)))
            })
    }
    /// Balance and credit as the deals say.
    pub fn history_sums(&self, login: u64) -> (i64, i64) {
        let all = self
            .by_login
            .get(&login)
            .into_iter()
            .flatten()
            .filter_map(|(_, t)| self.deals.get(t));
        all.fold((0, 0), |(b, c), d| (b + d.balance_effect(), c + d.credit_effect()))
    }

    pub fn put_position(&mut self, p: Position) -> Result<()> {
        self.batch.put(&self.kinds.position, p.ticket, &p)?;
        self.positions_of.entry(p.login).or_default().insert(p.ticket);
        self.active.insert(p.login);
        self.positions.insert(p.ticket, p);
        Ok(())
    }
    pub fn remove_position(&mut self, ticket: u64) -> Option<Position> {
        let p = self.positions.remove(&ticket)?;
        self.batch.remove(&self.kinds.position, ticket);
        if let Some(set) = self.positions_of.get_mut(&p.login) {
            set.remove(&ticket);
            if set.is_empty() {
                self.positions_of.remove(&p.login);
            }
        }
        Some(p)
    }
    pub fn position(&self, ticket: u64) -> Option<&Position> {
        self.positions.get(&ticket)
    }
    pub fn positions(&self) -> impl Iterator<Item = &Position> {
        self.positions.values()
    }
    pub fn position_count(&self) -> usize {
        self.positions.len()
    }
    pub fn positions_of(&self, login: u64) -> impl Iterator<Item = &Position> {
        self.positions_of
            .get(&login)
            .into_iter()
            .flatten()
            .filter_map(|t| self.positions.get(t))
    }
    pub fn has_positions(&self, login: u64) -> bool {
        self.positions_of.contains_key(&login)
    }
    /// Accounts that hold something open.
    pub fn exposed(&self) -> Vec<u64> {
        self.positions_of.keys().copied().collect()
    }
}

fn visible(d: &Deal, now: Ts) -> bool {
    d.hidden_until.is_none_or(|t| t <= now)
}

fn window(from: i64, to: i64) -> std::ops::RangeInclusive<(i64, u64)> {
    let from = from.saturating_mul(1000);
    let to = to.saturating_mul(1000).saturating_add(999).max(from);
    (from, 0)..=(to, u64::MAX)
}

//! Running values that deals move: counts of tiers, sums under caps, sides of hedged positions.
//!
//! A plan without any of these has no keys; its deals are booked in any order without further reads.

use super::facts::DealFacts;
use crate::exact::Exact;
use qd_kernel::Ts;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where a deal stands among the others: by closing time, then server, then ticket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Order {
    pub at: Ts,
    pub server: String,
    pub ticket: String,
}

impl Order {
    pub fn of(d: &DealFacts) -> Order {
        Order {
            at: d.at,
            server: d.server.clone(),
            ticket: d.ticket.clone(),
        }
    }
}

/// The name of a running value, stable over versions of the plan: what it is, whose it is, what of,
/// and last its period: `2026-03`, `2026-03-05` or `all`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key(String);

impl Key {
    /// Read back from storage.
    pub fn new(text: impl Into<String>) -> Key {
        Key(text.into())
    }
    pub(crate) fn of(kind: &str, parts: &[&str], period: &str) -> Key {
        // A slash in a name must not look like a border.
        let parts: Vec<String> = parts.iter().map(|p| p.replace('/', "~")).collect();
        Key(format!("{kind}/{}/{period}", parts.join("/")))
    }
    /// With parts by other names, where `name` has one.
    pub(crate) fn renamed(&self, name: impl Fn(&str) -> Option<String>) -> Key {
        let parts: Vec<String> = self.0.split('/').map(|p| name(p).unwrap_or_else(|| p.to_string())).collect();
        Key(parts.join("/"))
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// `tier`, `retro` (tier that reaches back), `active`, `cap`, `hedge`, `least`.
    pub fn kind(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }
    /// The partner, or for `hedge` the account.
    pub fn holder(&self) -> &str {
        self.0.split('/').nth(1).unwrap_or_default()
    }
    pub fn period(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }
    /// No deal before this one touches the key. A day early, since a period may end at the trading
    /// server's midnight.
    pub fn starts(&self) -> Ts {
        let mut parts = self.period().split('-').map(str::parse::<u32>);
        match (parts.next(), parts.next(), parts.next()) {
            (Some(Ok(y)), Some(Ok(m)), None) => Ts::from_ymd(i64::from(y), m, 1).plus_secs(-86_400),
            (Some(Ok(y)), Some(Ok(m)), Some(Ok(d))) => Ts::from_ymd(i64::from(y), m, d).plus_secs(-86_400),
            _ => Ts(i64::MIN),
        }
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    pub value: Exact,
    /// The last deal that read or moved it: a deal before that one is out of order.
    pub last: Option<Order>,
}

/// Running values as they stand before a deal, and after it once [`super::lines`] returned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    cells: BTreeMap<Key, Cell>,
    goals: BTreeMap<Key, Exact>,
}

impl State {
    pub fn new() -> State {
        State::default()
    }
    /// A value as it was stored.
    pub fn load(&mut self, key: Key, cell: Cell) {
        self.cells.insert(key, cell);
    }
    pub fn get(&self, key: &Key) -> Exact {
        self.cells.get(key).map_or(Exact::ZERO, |c| c.value)
    }
    pub fn last(&self, key: &Key) -> Option<&Order> {
        self.cells.get(key).and_then(|c| c.last.as_ref())
    }
    pub fn cells(&self) -> impl Iterator<Item = (&Key, &Cell)> {
        self.cells.iter()
    }
    /// The keys among these that a later deal has touched already: the deal is out of order for them,
    /// and what they decide must be replayed from [`Key::starts`].
    pub fn late<'a>(&self, deal: &DealFacts, keys: &'a [Key]) -> Vec<&'a Key> {
        let me = Order::of(deal);
        keys.iter().filter(|k| self.last(k).is_some_and(|l| *l > me)).collect()
    }
    /// What a `retro` key will have counted when its window is over: deals are paid the band of the
    /// goal instead of that of the count so far.
    pub fn settle(&mut self, key: Key, count: Exact) {
        self.goals.insert(key, count);
    }
    pub(crate) fn goal(&self, key: &Key) -> Option<Exact> {
        self.goals.get(key).copied()
    }
    /// The counts of all `retro` keys of another state, as goals of a second pass; goals that are set
    /// already stand (a tier that is frozen as it was closed).
    pub fn settle_from(&mut self, end: &State) {
        for (k, c) in end.cells.iter().filter(|(k, _)| k.kind() == RETRO) {
            self.goals.entry(k.clone()).or_insert(c.value);
        }
    }
}

pub(crate) const RETRO: &str = "retro";

/// Changes of one deal, written to the state only when the whole deal could be said.
pub(crate) struct Scratch<'a> {
    base: &'a State,
    moved: BTreeMap<Key, Exact>,
}

impl<'a> Scratch<'a> {
    pub fn on(base: &'a State) -> Scratch<'a> {
        Scratch {
            base,
            moved: BTreeMap::new(),
        }
    }
    pub fn get(&mut self, key: &Key) -> Exact {
        match self.moved.get(key) {
            Some(v) => *v,
            None => {
                let v = self.base.get(key);
                self.moved.insert(key.clone(), v);
                v
            }
        }
    }
    pub fn goal(&self, key: &Key) -> Option<Exact> {
        self.base.goal(key)
    }
    pub fn set(&mut self, key: Key, value: Exact) {
        self.moved.insert(key, value);
    }
    pub fn add(&mut self, key: &Key, value: Exact) -> Exact {
        let v = self.get(key).plus(value);
        self.set(key.clone(), v);
        v
    }
    pub fn into_moved(self) -> BTreeMap<Key, Exact> {
        self.moved
    }
}

impl State {
    pub(crate) fn take(&mut self, moved: BTreeMap<Key, Exact>, order: &Order) {
        for (k, value) in moved {
            let last = match self.cells.remove(&k).and_then(|c| c.last) {
                Some(l) if l > *order => l,
                _ => order.clone(),
            };
            self.cells.insert(k, Cell { value, last: Some(last) });
        }
    }
}

//! A period's deals as columns, summed in one pass: what `engine::lines` says deal by deal, to the
//! last digit, at the speed of reading them.
//!
//! Deals that the plans cannot tell apart but for their volume are one class. For each combination
//! of plans up a path and each class the engine is asked once what a lot earns; a line is its volume
//! times that. What is not a straight line through zero (a tier, a cap, a share of the spread) is
//! handed back to go through `engine::lines`: [`Builder::push`] says so.
//!
//! Deals need not be in any order. Grouped by account, and accounts by their slot (a path and a
//! bucket), the rates and sums of a slot stay in registers and the nearest cache.

mod class;
mod kernel;
mod rates;

use super::{DealFacts, Hop, Line, RoundingPlace, Settings, State, Stop};
use crate::exact::Exact;
use class::Lens;
use kernel::{Acc, Columns, Lookup};
use qd_kernel::{Currency, Lots};
use rates::{Cell, MAX_UNITS, Rates, Ratio, lcm};
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

/// Beyond this the scale of the rates leaves too little room in 128 bits.
const MAX_SCALE: u64 = 100_000_000_000_000_000;
const MAX_CLASSES: usize = 1 << 16;

/// A path in a [`Builder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PathId(u32);
/// An account on a path, with its bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(u32);
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClassId(u16);

/// What became of a deal that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// It is in the columns.
    Taken,
    /// Nobody earns on it; the reason is the deal's own.
    Nothing(&'static str),
    /// The engine stops on it, with this code.
    Stops(&'static str),
    /// Send it through `engine::lines`; why.
    Lines(&'static str),
}

/// A partner's part of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Owner {
    partner: String,
    currency: Currency,
}

struct Path {
    combination: u32,
    owners: Vec<u32>,
    hops: Vec<Hop>,
}

/// Takes deals in and sorts them into columns.
pub struct Builder {
    settings: Settings,
    lens: Lens,
    rates: Rates,
    paths: Vec<Path>,
    owners: Vec<Owner>,
    owner_ids: HashMap<Owner, u32>,
    /// The first deal of each class.
    classes: Vec<DealFacts>,
    class_ids: HashMap<u64, Vec<u16>>,
    cells: HashMap<(u32, u16), (Cell, bool)>,
    slots: Vec<(u32, u32)>,
    slot_ids: HashMap<(u32, u32), u32>,
    accounts: Vec<u32>,
    columns: Columns<u64>,
    /// The smallest unit that every volume is a multiple of; 0 while there is none.
    quantum: u64,
    scale: u64,
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl Builder {
    /// `hops`: every partner with every plan that may come; what is not among them goes deal by deal.
    pub fn new<'a>(settings: Settings, hops: impl IntoIterator<Item = &'a Hop>) -> Builder {
        Builder {
            lens: Lens::of(hops),
            rates: Rates::new(settings.clone()),
            settings,
            paths: Vec::new(),
            owners: Vec::new(),
            owner_ids: HashMap::new(),
            classes: Vec::new(),
            class_ids: HashMap::new(),
            cells: HashMap::new(),
            slots: Vec::new(),
            slot_ids: HashMap::new(),
            accounts: Vec::new(),
            columns: Columns::default(),
            quantum: 0,
            scale: 1,
        }
    }

    /// Partners from the client upwards.
    pub fn path(&mut self, hops: &[Hop]) -> PathId {
        let owners = hops
            .iter()
            .map(|h| {
                let o = Owner {
                    partner: h.partner.clone(),
                    currency: h.currency,
                };
                let next = self.owners.len() as u32;
                *self.owner_ids.entry(o.clone()).or_insert_with(|| {
                    self.owners.push(o);
                    next
                })
            })
            .collect();
        self.paths.push(Path {
            combination: self.rates.combination(hops),
            owners,
            hops: hops.to_vec(),
        });
        PathId(self.paths.len() as u32 - 1)
    }

    /// An account whose deals belong to a path; sums are kept apart by bucket (a month, a product
    /// group, whatever the caller counts).
    pub fn account(&mut self, path: PathId, bucket: u32) -> AccountId {
        let next = self.slots.len() as u32;
        let slot = *self.slot_ids.entry((path.0, bucket)).or_insert(next);
        if slot == next {
            self.slots.push((path.0, bucket));
        }
        self.accounts.push(slot);
        AccountId(self.accounts.len() as u32 - 1)
    }

    /// The class of a deal; None when there are too many of them.
    pub fn class(&mut self, d: &DealFacts) -> Option<ClassId> {
        let hash = self.lens.hash(d);
        let known = self.class_ids.entry(hash).or_default();
        if let Some(c) = known.iter().find(|c| self.lens.same(&self.classes[usize::from(**c)], d)) {
            return Some(ClassId(*c));
        }
        if self.classes.len() >= MAX_CLASSES {
            return None;
        }
        let id = self.classes.len() as u16;
        known.push(id);
        self.classes.push(d.clone());
        Some(ClassId(id))
    }

    /// Takes a deal, or says what to do with it.
    pub fn add(&mut self, d: &DealFacts, account: AccountId) -> Pushed {
        let (path, _) = self.slots[self.accounts[account.0 as usize] as usize];
        if let Some(why) = self.rates.why_not(self.paths[path as usize].combination) {
            return Pushed::Lines(why);
        }
        if let Some((reason, _)) = super::of_the_deal(d) {
            return Pushed::Nothing(reason);
        }
        match self.class(d) {
            Some(c) => self.push(account, c, d.volume_closed),
            None => Pushed::Lines("too_many_classes"),
        }
    }

    /// The same with the class known: `volume` above zero, of a trade that counts.
    pub fn push(&mut self, account: AccountId, class: ClassId, volume: Lots) -> Pushed {
        if self.settings.rounding == RoundingPlace::Deal {
            // Cents of a deal are shared out among its lines.
            return Pushed::Lines("rounding_by_deal");
        }
        let (path, _) = self.slots[self.accounts[account.0 as usize] as usize];
        let combination = self.paths[path as usize].combination;
        let key = (combination, class.0);
        let (cell, fits) = match self.cells.get(&key) {
            Some(c) => c,
            None => {
                let cell = if self.lens.covers(&self.paths[path as usize].hops) {
                    self.rates
                        .cell(combination, u32::from(class.0), &self.classes[usize::from(class.0)])
                } else {
                    Cell::Lines("plan_not_announced")
                };
                let fits = self.widen(&cell);
                self.cells.entry(key).or_insert((cell, fits))
            }
        };
        match cell {
            Cell::Stops(code) => return Pushed::Stops(code),
            Cell::Lines(why) => return Pushed::Lines(why),
            Cell::Rates(_) if !fits => return Pushed::Lines("scale_too_fine"),
            Cell::Rates(_) => {}
        }
        let Ok(units) = u64::try_from(volume.units()) else {
            return Pushed::Nothing("opens_only");
        };
        if units == 0 {
            return Pushed::Nothing("opens_only");
        }
        if volume.units() > MAX_UNITS {
            return Pushed::Lines("volume_too_large");
        }
        if self.quantum == 0 || !units.is_multiple_of(self.quantum) {
            self.quantum = gcd(self.quantum, units);
        }
        self.columns.account.push(account.0);
        self.columns.class.push(class.0);
        self.columns.volume.push(units);
        Pushed::Taken
    }

    /// Makes the scale a multiple of what the cell needs. False: it would become too fine.
    fn widen(&mut self, cell: &Cell) -> bool {
        let Cell::Rates(rates) = cell else { return true };
        let mut scale = self.scale;
        for r in rates {
            match lcm(scale, r.den).filter(|s| *s <= MAX_SCALE) {
                Some(s) => scale = s,
                None => return false,
            }
        }
        // A minor unit for 10⁻⁸ lots: no rate, and over the scale it would outgrow 64 bits.
        if rates.iter().any(|r| r.num > r.den) {
            return false;
        }
        self.scale = scale;
        true
    }

    /// Ready to be summed. `grouped`: brings each account's deals together first.
    pub fn finish(self, grouped: bool) -> MonthColumns {
        let rates = || {
            self.cells.values().filter(|c| c.1).filter_map(|c| match &c.0 {
                Cell::Rates(r) => Some(r),
                _ => None,
            })
        };
        let highest = rates().flatten().map(|r| r.num.div_ceil(r.den)).max().unwrap_or(0);
        // Rates per quantum instead of per unit, where they still fit.
        let quantum = match self.quantum.max(1) {
            q if u128::from(q) * u128::from(highest) * u128::from(self.scale) < 1 << 63 => q,
            _ => 1,
        };
        // The scale shrinks.
        let per_quantum = |r: &Ratio| {
            let g = gcd(quantum, r.den);
            (u128::from(r.num) * u128::from(quantum / g), r.den / g)
        };
        let mut scale = 1;
        for r in rates().flatten() {
            // Divides the scale of single units, so it never fails.
            scale = lcm(scale, per_quantum(r).1).unwrap_or(self.scale);
        }
        let depth = self.paths.iter().map(|p| p.owners.len()).max().unwrap_or(0);
        let classes = self.classes.len();
        let used: Vec<u32> = {
            // Combinations without a deal have no rows.
            let mut at = vec![u32::MAX; self.rates.combinations.len()];
            let mut next = 0;
            let mut seen: Vec<u32> = self.cells.keys().map(|k| k.0).collect();
            seen.sort_unstable();
            seen.dedup();
            for c in seen {
                at[c as usize] = next;
                next += 1;
            }
            at
        };
        let combinations = used.iter().filter(|u| **u != u32::MAX).count();
        let mut table = vec![0u64; combinations * classes * depth];
        let mut top = 0u64;
        for ((combination, class), (cell, fits)) in &self.cells {
            let (Cell::Rates(r), true) = (cell, fits) else { continue };
            let at = (used[*combination as usize] as usize * classes + usize::from(*class)) * depth;
            for (l, r) in r.iter().enumerate() {
                let (num, den) = per_quantum(r);
                let k = u64::try_from(num * u128::from(scale / den)).unwrap_or(u64::MAX);
                table[at + l] = k;
                top = top.max(k);
            }
        }
        let first: Vec<u32> = self
            .slots
            .iter()
            .map(|(path, _)| {
                let u = used[self.paths[*path as usize].combination as usize];
                if u == u32::MAX { 0 } else { u * classes as u32 }
            })
            .collect();
        let mut columns = self.columns;
        let mut largest = 0;
        for v in &mut columns.volume {
            *v /= quantum;
            largest = largest.max(*v);
        }
        let mut starts = None;
        if grouped {
            let mut at = vec![0usize; self.slots.len() + 1];
            for a in &columns.account {
                at[self.accounts[*a as usize] as usize + 1] += 1;
            }
            for i in 1..at.len() {
                at[i] += at[i - 1];
            }
            starts = Some(at);
            // Accounts by slot.
            let mut order: Vec<u32> = (0..self.accounts.len() as u32).collect();
            order.sort_by_key(|a| self.accounts[*a as usize]);
            let mut rank = vec![0u32; order.len()];
            for (i, a) in order.iter().enumerate() {
                rank[*a as usize] = i as u32;
            }
            columns = columns.grouped(&rank);
        }
        let most = u128::from(largest) * u128::from(top);
        let narrow = most * 2 + u128::from(scale) < u128::from(kernel::NARROW)
            && scale < u64::from(u32::MAX / 2)
            && most * (columns.len() as u128 + 1) < 1 << 63;
        let data = if narrow {
            Data::Narrow {
                columns: Columns {
                    volume: columns.volume.iter().map(|v| *v as u32).collect(),
                    account: columns.account,
                    class: columns.class,
                },
                rates: table.iter().map(|k| *k as u32).collect(),
            }
        } else {
            Data::Wide { columns, rates: table }
        };
        MonthColumns {
            settings: self.settings,
            owners: self.owners,
            paths: self.paths,
            classes: self.classes,
            slots: self.slots,
            accounts: self.accounts,
            first,
            depth,
            scale,
            quantum,
            starts,
            data,
        }
    }
}

enum Data {
    Narrow { columns: Columns<u32>, rates: Vec<u32> },
    Wide { columns: Columns<u64>, rates: Vec<u64> },
}

/// What a partner earned in a bucket, in one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sum {
    /// Unrounded, in units of the currency.
    pub exact: Exact,
    /// The booked lines' sum, minor units: each rounded by itself, or their exact sum rounded, as the
    /// settings say.
    pub minor: i64,
}

/// One (bucket, partner, currency).
pub type SumKey = (u32, String, Currency);

/// Deals in columns with their rates.
pub struct MonthColumns {
    settings: Settings,
    owners: Vec<Owner>,
    paths: Vec<Path>,
    classes: Vec<DealFacts>,
    slots: Vec<(u32, u32)>,
    accounts: Vec<u32>,
    first: Vec<u32>,
    /// Slot to its first deal, where deals are grouped.
    starts: Option<Vec<usize>>,
    depth: usize,
    scale: u64,
    quantum: u64,
    data: Data,
}

/// Sums by slot and level before they are brought together by partner.
struct Levels {
    /// (exact over the scale, rounded)
    at: Vec<(u128, u128)>,
    depth: usize,
}

impl MonthColumns {
    pub fn deals(&self) -> usize {
        match &self.data {
            Data::Narrow { columns, .. } => columns.len(),
            Data::Wide { columns, .. } => columns.len(),
        }
    }

    /// Whether every amount fits the quick loop.
    pub fn is_narrow(&self) -> bool {
        matches!(self.data, Data::Narrow { .. })
    }

    /// Bytes of the columns.
    pub fn bytes(&self) -> usize {
        self.deals()
            * match &self.data {
                Data::Narrow { .. } => 10,
                Data::Wide { .. } => 14,
            }
    }

    /// The columns read once and added up: what no summing can undercut.
    pub fn read_once(&self, threads: usize) -> u64 {
        fn go<Q: Copy + Into<u64> + Sync>(c: &Columns<Q>, threads: usize) -> u64 {
            let part = |r: std::ops::Range<usize>| {
                let a: u64 = c.account[r.clone()].iter().map(|v| u64::from(*v)).sum();
                let k: u64 = c.class[r.clone()].iter().map(|v| u64::from(*v)).sum();
                let v: u64 = c.volume[r].iter().map(|v| (*v).into()).fold(0, u64::wrapping_add);
                a.wrapping_add(k).wrapping_add(v)
            };
            std::thread::scope(|s| {
                let all: Vec<_> = parts(c.len(), threads).into_iter().map(|r| s.spawn(move || part(r))).collect();
                all.into_iter().filter_map(|h| h.join().ok()).fold(0u64, u64::wrapping_add)
            })
        }
        match &self.data {
            Data::Narrow { columns, .. } => go(columns, threads),
            Data::Wide { columns, .. } => go(columns, threads),
        }
    }

    /// What every partner earned, by bucket; partners who earned nothing are left out.
    pub fn sums(&self, threads: usize) -> BTreeMap<SumKey, Sum> {
        let levels = self.levels(threads);
        let buckets = self.slots.iter().map(|s| s.1 as usize + 1).max().unwrap_or(0);
        let mut by: Vec<(u128, u128)> = vec![(0, 0); buckets * self.owners.len()];
        for (slot, (path, bucket)) in self.slots.iter().enumerate() {
            for (l, owner) in self.paths[*path as usize].owners.iter().enumerate() {
                let (e, m) = levels.at[slot * levels.depth + l];
                let to = &mut by[*bucket as usize * self.owners.len() + *owner as usize];
                to.0 += e;
                to.1 += m;
            }
        }
        let mut out = BTreeMap::new();
        for (i, (e, m)) in by.into_iter().enumerate().filter(|(_, s)| s.0 != 0) {
            let o = &self.owners[i % self.owners.len()];
            let unit = u128::from(self.scale) * 10u128.pow(u32::from(o.currency.exponent()));
            let exact = i128::try_from(e)
                .ok()
                .zip(i128::try_from(unit).ok())
                .and_then(|(e, u)| Exact::new(e, u))
                .expect("volumes, rates and the scale are bounded so that 100 million deals fit");
            let minor = match self.settings.rounding {
                RoundingPlace::Line | RoundingPlace::Deal => i64::try_from(m).unwrap_or(i64::MAX),
                RoundingPlace::Carry => i64::try_from(kernel::rounded(e, self.scale)).unwrap_or(i64::MAX),
            };
            out.insert(
                ((i / self.owners.len()) as u32, o.partner.clone(), o.currency),
                Sum { exact, minor },
            );
        }
        out
    }

    /// The whole as one number, minor units: for measuring.
    pub fn total(&self, threads: usize) -> u128 {
        self.levels(threads).at.iter().map(|a| a.1).sum()
    }

    /// Whether a line's rounded amount is its exact one, or only sums are rounded: then what a class
    /// earns is its volume times its rate, once.
    fn linear(&self) -> bool {
        self.settings.rounding == RoundingPlace::Carry
            || match &self.data {
                Data::Narrow { rates, .. } => rates.iter().all(|k| u64::from(*k).is_multiple_of(self.scale)),
                Data::Wide { rates, .. } => rates.iter().all(|k| k.is_multiple_of(self.scale)),
            }
    }

    fn levels(&self, threads: usize) -> Levels {
        // Sums by class pay where a slot has more deals than classes, about.
        if self.linear() && self.slots.len() * self.classes.len() <= 2 * self.deals() + 100_000 {
            return match &self.data {
                Data::Narrow { columns, rates } => self.by_class(columns, rates, threads),
                Data::Wide { columns, rates } => self.by_class(columns, rates, threads),
            };
        }
        match self.depth {
            0..=4 => self.levels_of::<4>(threads),
            5..=8 => self.levels_of::<8>(threads),
            9..=16 => self.levels_of::<16>(threads),
            17..=32 => self.levels_of::<32>(threads),
            _ => self.levels_of::<64>(threads),
        }
    }

    fn by_class<Q, K>(&self, columns: &Columns<Q>, rates: &[K], threads: usize) -> Levels
    where
        Q: Copy + Into<u64> + Sync,
        K: Copy + Into<u64> + Sync,
    {
        let (slots, classes, depth) = (self.slots.len(), self.classes.len(), self.depth);
        // Volumes of one class times its rates, added to a slot's levels.
        let multiply = |slot: usize, sums: &[u64], to: &mut [u128]| {
            let first = self.first[slot] as usize * depth;
            let rows = rates[first..first + sums.len() * depth].chunks_exact(depth);
            if matches!(self.data, Data::Narrow { .. }) {
                // Everything fits 64 bits.
                let mut acc = [0u64; 64];
                let acc = &mut acc[..depth.min(64)];
                for (v, row) in sums.iter().zip(rows.clone()) {
                    for (a, k) in acc.iter_mut().zip(row) {
                        *a += v * (*k).into();
                    }
                }
                if depth <= 64 {
                    for (to, a) in to.iter_mut().zip(acc) {
                        *to += u128::from(*a);
                    }
                    return;
                }
            }
            for (v, row) in sums.iter().zip(rows).filter(|(v, _)| **v != 0) {
                for (to, k) in to.iter_mut().zip(row) {
                    *to += u128::from(*v) * u128::from((*k).into());
                }
            }
        };
        let mut exact = vec![0u128; slots * depth];
        match &self.starts {
            Some(starts) => {
                // Slots in stretches of about as many deals.
                let border = |n: usize| starts.partition_point(|s| *s < n).min(slots);
                let stretches: Vec<_> = parts(columns.len(), threads)
                    .iter()
                    .map(|r| {
                        if r.end == columns.len() {
                            border(r.start)..slots
                        } else {
                            border(r.start)..border(r.end)
                        }
                    })
                    .collect();
                let done = spread(stretches, |range| {
                    let mut out = vec![0u128; range.len() * depth];
                    kernel::by_class(columns, starts, range.clone(), classes, |slot, sums| {
                        let at = (slot - range.start) * depth;
                        multiply(slot, sums, &mut out[at..at + depth]);
                    });
                    (range.start * depth, out)
                });
                for (at, part) in done {
                    exact[at..at + part.len()].copy_from_slice(&part);
                }
            }
            None => {
                let done = spread(parts(columns.len(), threads), |range| {
                    let mut sums = vec![0u64; slots * classes];
                    kernel::by_slot_and_class(columns, range, &self.accounts, classes, &mut sums);
                    sums
                });
                let mut done = done.into_iter();
                let mut sums = done.next().unwrap_or_default();
                for other in done {
                    for (to, v) in sums.iter_mut().zip(other) {
                        *to += v;
                    }
                }
                for (slot, (sums, to)) in sums
                    .chunks_exact(classes.max(1))
                    .zip(exact.chunks_exact_mut(depth.max(1)))
                    .enumerate()
                {
                    multiply(slot, sums, to);
                }
            }
        }
        let scale = u128::from(self.scale);
        Levels {
            at: exact.into_iter().map(|e| (e, e / scale)).collect(),
            depth,
        }
    }

    fn levels_of<const L: usize>(&self, threads: usize) -> Levels {
        let slots = self.slots.len();
        let mut at = vec![(0u128, 0u128); slots * L];
        match &self.data {
            Data::Narrow { columns, rates } => {
                let rows = padded::<u32, L>(rates, self.depth);
                let lookup = Lookup {
                    slots: &self.accounts,
                    first: &self.first,
                    rows: &rows,
                    scale: self.scale,
                };
                // Where every rate makes whole minor units, the rounded sum is the exact one.
                let whole =
                    rates.iter().all(|k| u64::from(*k).is_multiple_of(self.scale)) || self.settings.rounding == RoundingPlace::Carry;
                let parts = spread(parts(columns.len(), threads), |range| {
                    let mut acc = vec![
                        Acc {
                            exact: [0u64; L],
                            minor: [0u64; L]
                        };
                        slots
                    ];
                    if whole {
                        kernel::narrow::<L, false>(columns, range, self.starts.is_some(), &lookup, &mut acc);
                    } else {
                        kernel::narrow::<L, true>(columns, range, self.starts.is_some(), &lookup, &mut acc);
                    }
                    acc
                });
                for acc in parts {
                    for (to, a) in at.chunks_exact_mut(L).zip(&acc) {
                        for (l, to) in to.iter_mut().enumerate() {
                            to.0 += u128::from(a.exact[l]);
                            to.1 += if whole {
                                u128::from(a.exact[l] / self.scale)
                            } else {
                                u128::from(a.minor[l])
                            };
                        }
                    }
                }
            }
            Data::Wide { columns, rates } => {
                let rows = padded::<u64, L>(rates, self.depth);
                let lookup = Lookup {
                    slots: &self.accounts,
                    first: &self.first,
                    rows: &rows,
                    scale: self.scale,
                };
                let parts = spread(parts(columns.len(), threads), |range| {
                    let mut acc = vec![
                        Acc {
                            exact: [0u128; L],
                            minor: [0u128; L]
                        };
                        slots
                    ];
                    kernel::wide::<L>(columns, range, &lookup, &mut acc);
                    acc
                });
                for acc in parts {
                    for (to, a) in at.chunks_exact_mut(L).zip(&acc) {
                        for (l, to) in to.iter_mut().enumerate() {
                            to.0 += a.exact[l];
                            to.1 += a.minor[l];
                        }
                    }
                }
            }
        }
        Levels { at, depth: L }
    }

    /// The engine's own lines of one deal of the columns, with everything a reader needs: derived
    /// when somebody asks, from the stored volume, class and path. The deal's name is the class's.
    pub fn explain(&self, deal: usize) -> Option<Result<Vec<Line>, Stop>> {
        let (account, class, quanta) = match &self.data {
            Data::Narrow { columns: c, .. } => (*c.account.get(deal)?, c.class[deal], u64::from(c.volume[deal])),
            Data::Wide { columns: c, .. } => (*c.account.get(deal)?, c.class[deal], c.volume[deal]),
        };
        let (path, _) = self.slots[self.accounts[account as usize] as usize];
        let mut d = self.classes[usize::from(class)].clone();
        d.volume_closed = Lots(i64::try_from(quanta * self.quantum).ok()?);
        Some(super::lines(&d, &self.paths[path as usize].hops, &self.settings, &mut State::new()))
    }

    /// A partner's name and currency by the number a [`Record`] carries.
    pub fn owner(&self, number: u32) -> Option<(&str, Currency)> {
        self.owners.get(number as usize).map(|o| (o.partner.as_str(), o.currency))
    }

    /// Writes one record for each line that pays, a writer for each thread. Only for months whose
    /// amounts are narrow; None otherwise. Answers the number of lines.
    pub fn write_lines<W: Write + Send>(&self, writers: Vec<W>) -> Option<io::Result<u64>> {
        let Data::Narrow { columns, rates } = &self.data else {
            return None;
        };
        let threads = writers.len().max(1);
        let one = |range: std::ops::Range<usize>, mut w: W| -> io::Result<u64> {
            let mut lines = 0;
            let mut buffer: Vec<u8> = Vec::with_capacity(1 << 20);
            for i in range {
                let slot = self.accounts[columns.account[i] as usize] as usize;
                let owners = &self.paths[self.slots[slot].0 as usize].owners;
                let row = (self.first[slot] as usize + usize::from(columns.class[i])) * self.depth;
                let v = u64::from(columns.volume[i]);
                for (l, owner) in owners.iter().enumerate() {
                    let k = u64::from(rates[row + l]);
                    if k == 0 {
                        continue;
                    }
                    let minor = (v * k * 2 + self.scale) / (2 * self.scale);
                    let r = Record {
                        deal: i as u32,
                        owner: *owner,
                        story: (row + l) as u32,
                        minor: minor as u32,
                    };
                    buffer.extend_from_slice(&r.bytes());
                    lines += 1;
                }
                if buffer.len() > (1 << 20) - 4_096 {
                    w.write_all(&buffer)?;
                    buffer.clear();
                }
            }
            w.write_all(&buffer)?;
            w.flush()?;
            Ok(lines)
        };
        let total = std::thread::scope(|s| {
            let all: Vec<_> = parts(columns.len(), threads)
                .into_iter()
                .zip(writers)
                .map(|(r, w)| s.spawn(move || one(r, w)))
                .collect();
            all.into_iter()
                .map(|h| h.join().unwrap_or_else(|_| Err(io::Error::other("a writing thread failed"))))
                .sum()
        });
        Some(total)
    }
}

/// A line as it is written: whose, of which deal, how much, and which story: the row of the rate
/// table (combination, class, level) that with the deal's volume says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    pub deal: u32,
    pub owner: u32,
    pub story: u32,
    pub minor: u32,
}

impl Record {
    pub const BYTES: usize = 16;
    pub fn bytes(self) -> [u8; Record::BYTES] {
        let mut b = [0; Record::BYTES];
        for (to, v) in b.chunks_exact_mut(4).zip([self.deal, self.owner, self.story, self.minor]) {
            to.copy_from_slice(&v.to_le_bytes());
        }
        b
    }
    pub fn read(b: [u8; Record::BYTES]) -> Record {
        let at = |i: usize| u32::from_le_bytes([b[i], b[i + 1], b[i + 2], b[i + 3]]);
        Record {
            deal: at(0),
            owner: at(4),
            story: at(8),
            minor: at(12),
        }
    }
}

fn parts(n: usize, threads: usize) -> Vec<std::ops::Range<usize>> {
    // A thread costs more than a few thousand deals.
    let t = if n < 50_000 { 1 } else { threads.clamp(1, 64) };
    (0..t).map(|i| n * i / t..n * (i + 1) / t).collect()
}

/// One thread for each range; small work stays where it is.
fn spread<T: Send>(ranges: Vec<std::ops::Range<usize>>, work: impl Fn(std::ops::Range<usize>) -> T + Sync) -> Vec<T> {
    if ranges.len() <= 1 {
        return ranges.into_iter().map(work).collect();
    }
    let work = &work;
    std::thread::scope(|s| {
        let all: Vec<_> = ranges.into_iter().map(|r| s.spawn(move || work(r))).collect();
        // A panic in a loop over numbers is a fault of the loop: it must not pass for a sum.
        all.into_iter()
            .map(|h| h.join().unwrap_or_else(|p| std::panic::resume_unwind(p)))
            .collect()
    })
}

fn padded<K: Copy + Default, const L: usize>(rates: &[K], depth: usize) -> Vec<[K; L]> {
    if depth == 0 {
        return Vec::new();
    }
    rates
        .chunks_exact(depth)
        .map(|r| {
            let mut row = [K::default(); L];
            row[..depth].copy_from_slice(r);
            row
        })
        .collect()
}

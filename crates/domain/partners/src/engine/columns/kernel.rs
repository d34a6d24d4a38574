//! The inner loops: volume times rate for each level, summed exactly and rounded line by line.
//!
//! Rates are whole numbers over one common denominator, the scale. Narrow: every line's amount over
//! the scale fits 30 bits and every sum 64; the division by the scale is a multiplication. Wide:
//! anything else, in 128 bits.

use std::ops::Range;

/// One array per property of a deal; same length.
#[derive(Clone, Debug, Default)]
pub struct Columns<Q> {
    pub account: Vec<u32>,
    pub class: Vec<u16>,
    /// In quanta: what all volumes are multiples of.
    pub volume: Vec<Q>,
}

impl<Q: Copy> Columns<Q> {
    pub fn len(&self) -> usize {
        self.account.len()
    }

    /// All deals of an account beside each other, accounts by `rank`, in the order they had: a
    /// counting sort.
    pub fn grouped(&self, rank: &[u32]) -> Columns<Q>
    where
        Q: Default,
    {
        let mut at = vec![0usize; rank.len() + 1];
        for a in &self.account {
            at[rank[*a as usize] as usize + 1] += 1;
        }
        for i in 1..at.len() {
            at[i] += at[i - 1];
        }
        let mut out = Columns {
            account: vec![0; self.len()],
            class: vec![0; self.len()],
            volume: vec![Q::default(); self.len()],
        };
        for i in 0..self.len() {
            let to = &mut at[rank[self.account[i] as usize] as usize];
            out.account[*to] = self.account[i];
            out.class[*to] = self.class[i];
            out.volume[*to] = self.volume[i];
            *to += 1;
        }
        out
    }
}

/// Volume by class for each slot of `slots`, whose deals lie beside each other from `starts` on; a
/// slot's sums are handed on as soon as they are complete.
pub fn by_class<Q: Copy + Into<u64>>(
    c: &Columns<Q>,
    starts: &[usize],
    slots: Range<usize>,
    classes: usize,
    mut done: impl FnMut(usize, &[u64]),
) {
    let mut sums = vec![0u64; classes];
    for slot in slots {
        let deals = starts[slot]..starts[slot + 1];
        if deals.is_empty() {
            continue;
        }
        for (k, v) in c.class[deals.clone()].iter().zip(&c.volume[deals]) {
            sums[usize::from(*k)] += (*v).into();
        }
        done(slot, &sums);
        sums.fill(0);
    }
}

/// Volume by slot and class of deals in any order.
pub fn by_slot_and_class<Q: Copy + Into<u64>>(c: &Columns<Q>, range: Range<usize>, slots: &[u32], classes: usize, sums: &mut [u64]) {
    let (account, class, volume) = (&c.account[range.clone()], &c.class[range.clone()], &c.volume[range]);
    for ((a, k), v) in account.iter().zip(class).zip(volume) {
        sums[slots[*a as usize] as usize * classes + usize::from(*k)] += (*v).into();
    }
}

/// Where to find the rates of a deal: the account's slot, the slot's first row, the class.
pub struct Lookup<'a, K, const L: usize> {
    /// Account to slot.
    pub slots: &'a [u32],
    /// Slot to its first row; a class's row is that far behind it.
    pub first: &'a [u32],
    pub rows: &'a [[K; L]],
    /// Minor units times this are what rates are counted in.
    pub scale: u64,
}

/// Sums of a slot's levels.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub struct Acc<A, const L: usize> {
    /// Over the scale.
    pub exact: [A; L],
    /// Rounded line by line.
    pub minor: [A; L],
}

/// `n / d` as a product and a shift, right for every `n` below 2^31 and every `d` from 2 on.
#[derive(Clone, Copy)]
struct Magic {
    by: u32,
    shift: u32,
}

impl Magic {
    fn new(d: u32) -> Magic {
        let bits = 32 - (d.max(2) - 1).leading_zeros();
        let shift = 31 + bits;
        let by = (1u64 << shift).div_ceil(u64::from(d));
        // d > 2^(bits-1), so the quotient is below 2^32.
        Magic { by: by as u32, shift }
    }
}

/// The largest amount over the scale, twice and half a unit more, that the narrow loop may meet.
pub const NARROW: u64 = 1 << 31;

pub fn narrow<const L: usize, const ROUND: bool>(
    c: &Columns<u32>,
    range: Range<usize>,
    grouped: bool,
    t: &Lookup<'_, u32, L>,
    acc: &mut [Acc<u64, L>],
) {
    let (account, class, volume) = (&c.account[range.clone()], &c.class[range.clone()], &c.volume[range]);
    let half = t.scale as u32;
    let magic = Magic::new((t.scale as u32).saturating_mul(2));
    let line = |a: &mut Acc<u64, L>, row: &[u32; L], v: u32| {
        for l in 0..L {
            let amount = u64::from(v) * u64::from(row[l]);
            a.exact[l] += amount;
            if ROUND {
                // Half away from zero; nothing is negative here.
                let n = (amount as u32).wrapping_mul(2).wrapping_add(half);
                a.minor[l] += (u64::from(n) * u64::from(magic.by)) >> magic.shift;
            }
        }
    };
    if !grouped {
        for ((a, k), v) in account.iter().zip(class).zip(volume) {
            let slot = t.slots[*a as usize] as usize;
            let row = &t.rows[t.first[slot] as usize + usize::from(*k)];
            line(&mut acc[slot], row, *v);
        }
        return;
    }
    let mut i = 0;
    while i < account.len() {
        let slot = t.slots[account[i] as usize];
        let rows = &t.rows[t.first[slot as usize] as usize..];
        let mut run = Acc {
            exact: [0u64; L],
            minor: [0u64; L],
        };
        // A slot's accounts lie beside each other.
        while i < account.len() && t.slots[account[i] as usize] == slot {
            let one = account[i];
            let end = i + account[i..].iter().take_while(|a| **a == one).count();
            for (k, v) in class[i..end].iter().zip(&volume[i..end]) {
                line(&mut run, &rows[usize::from(*k)], *v);
            }
            i = end;
        }
        let a = &mut acc[slot as usize];
        for l in 0..L {
            a.exact[l] += run.exact[l];
            a.minor[l] += run.minor[l];
        }
    }
}

/// The amount over the scale to minor units, half away from zero.
pub fn rounded(amount: u128, scale: u64) -> u128 {
    let s = u128::from(scale);
    match (u64::try_from(amount * 2 + s), u64::try_from(2 * s)) {
        (Ok(n), Ok(d)) => u128::from(n / d),
        _ => (amount * 2 + s) / (2 * s),
    }
}

pub fn wide<const L: usize>(c: &Columns<u64>, range: Range<usize>, t: &Lookup<'_, u64, L>, acc: &mut [Acc<u128, L>]) {
    for i in range {
        let slot = t.slots[c.account[i] as usize] as usize;
        let row = &t.rows[t.first[slot] as usize + usize::from(c.class[i])];
        let a = &mut acc[slot];
        for l in 0..L {
            let amount = u128::from(c.volume[i]) * u128::from(row[l]);
            a.exact[l] += amount;
            a.minor[l] += rounded(amount, t.scale);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_multiplication_and_a_shift_divide_exactly() {
        for d in [2u32, 3, 7, 10, 40, 100, 2_000, 65_535, 65_536, 65_537, 1 << 20, (1 << 31) - 1] {
            let m = Magic::new(d);
            let edge = (0..40u64).flat_map(|q| {
                let n = q * u64::from(d);
                [n.saturating_sub(1), n, n + 1]
            });
            let top = (NARROW - 2_000..NARROW).chain((0..2_000).map(|i| i * 1_073_741));
            for n in edge.chain(top).filter(|n| *n < NARROW) {
                assert_eq!((n * u64::from(m.by)) >> m.shift, n / u64::from(d), "{n} / {d}");
            }
        }
    }

    #[test]
    fn halves_are_rounded_up_in_every_width() {
        assert_eq!(rounded(50, 100), 1);
        assert_eq!(rounded(49, 100), 0);
        assert_eq!(rounded(u128::from(u64::MAX) * 3, 2), u128::from(u64::MAX) * 3 / 2 + 1);
    }
}

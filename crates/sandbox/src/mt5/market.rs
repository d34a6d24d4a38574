//! Symbols, a price walk in whole points, and the arithmetic of profit and margin. No floats:
//! prices are points, rates are scaled by 1e8, products go through i128.

use qd_kernel::{Entropy, Rounding, SeededEntropy};

/// Scale of every currency rate here.
pub const RATE_ONE: i64 = 100_000_000;

pub struct Symbol {
    pub name: &'static str,
    pub path: &'static str,
    pub description: &'static str,
    pub digits: u8,
    /// Units of the base asset in one lot.
    pub contract: i64,
    pub base: &'static str,
    pub profit: &'static str,
    /// Margin is taken on units of the base currency; else on the contract's value.
    pub forex: bool,
    /// Where the walk starts, in points.
    pub start: i64,
    pub spread: i64,
    /// The largest move of one step, in points.
    pub step: u64,
}

pub static SYMBOLS: [Symbol; 6] = [
    Symbol {
        name: "EURUSD",
        path: r"Forex\Major\EURUSD",
        description: "Euro vs US Dollar",
        digits: 5,
        contract: 100_000,
        base: "EUR",
        profit: "USD",
        forex: true,
        start: 116_250,
        spread: 8,
        step: 6,
    },
    Symbol {
        name: "GBPUSD",
        path: r"Forex\Major\GBPUSD",
        description: "Great Britain Pound vs US Dollar",
        digits: 5,
        contract: 100_000,
        base: "GBP",
        profit: "USD",
        forex: true,
        start: 133_400,
        spread: 12,
        step: 8,
    },
    Symbol {
        name: "USDJPY",
        path: r"Forex\Major\USDJPY",
        description: "US Dollar vs Japanese Yen",
        digits: 3,
        contract: 100_000,
        base: "USD",
        profit: "JPY",
        forex: true,
        start: 151_200,
        spread: 10,
        step: 8,
    },
    Symbol {
        name: "XAUUSD",
        path: r"Metals\XAUUSD",
        description: "Gold vs US Dollar",
        digits: 2,
        contract: 100,
        base: "XAU",
        profit: "USD",
        forex: false,
        start: 405_000,
        spread: 25,
        step: 30,
    },
    Symbol {
        name: "US30",
        path: r"Indices\US30",
        description: "Wall Street 30",
        digits: 1,
        contract: 1,
        base: "USD",
        profit: "USD",
        forex: false,
        start: 465_000,
        spread: 20,
        step: 25,
    },
    Symbol {
        name: "BTCUSD",
        path: r"Crypto\BTCUSD",
        description: "Bitcoin vs US Dollar",
        digits: 2,
        contract: 1,
        base: "BTC",
        profit: "USD",
        forex: false,
        start: 9_100_000,
        spread: 1_500,
        step: 2_500,
    },
];

pub fn find(name: &str) -> Option<(usize, &'static Symbol)> {
    SYMBOLS.iter().enumerate().find(|(_, s)| s.name.eq_ignore_ascii_case(name))
}

/// US dollars for one unit, scaled by 1e8, for deposit currencies that have no symbol here.
/// Fixed: they only have to be plausible.
fn fixed_usd(ccy: &str) -> i64 {
    match ccy {
        "CHF" => 124_500_000,
        "AUD" => 65_400_000,
        "NZD" => 57_800_000,
        "CAD" => 71_300_000,
        "SGD" => 77_000_000,
        "PLN" => 27_400_000,
        "CZK" => 4_780_000,
        "SEK" => 10_500_000,
        "NOK" => 9_900_000,
        "DKK" => 15_600_000,
        "HUF" => 299_000,
        "AED" => 27_229_408,
        "SAR" => 26_666_667,
        "KWD" => 325_700_000,
        "ZAR" => 5_780_000,
        "CNY" | "CNH" => 14_000_000,
        "HKD" => 12_860_000,
        "INR" => 1_128_000,
        _ => RATE_ONE,
    }
}

pub struct Market {
    rng: SeededEntropy,
    pub bids: Vec<i64>,
    /// The tick at which each price last moved.
    pub moved: Vec<u64>,
    pub tick: u64,
}

impl Market {
    pub fn new(seed: u64, bids: Option<Vec<i64>>) -> Market {
        let bids = bids
            .filter(|b| b.len() == SYMBOLS.len())
            .unwrap_or_else(|| SYMBOLS.iter().map(|s| s.start).collect());
        Market {
            rng: SeededEntropy::new(seed),
            moved: vec![1; bids.len()],
            bids,
            tick: 1,
        }
    }

    /// One step of the walk, leaning back to the start when far from it.
    pub fn step(&mut self) {
        self.tick += 1;
        for (i, s) in SYMBOLS.iter().enumerate() {
            let r = i64::try_from(self.rng.below(2 * s.step + 1)).unwrap_or(0) - i64::try_from(s.step).unwrap_or(0);
            let lean = (s.start - self.bids[i]) * 20 / s.start;
            let d = r + lean.signum() * i64::try_from(s.step / 3).unwrap_or(0);
            if d != 0 {
                self.shift(i, d);
            }
        }
    }

    pub fn shift(&mut self, symbol: usize, points: i64) {
        self.bids[symbol] = (self.bids[symbol] + points).max(SYMBOLS[symbol].start / 20);
        self.moved[symbol] = self.tick;
    }

    pub fn bid(&self, symbol: usize) -> i64 {
        self.bids[symbol]
    }
    pub fn ask(&self, symbol: usize) -> i64 {
        self.bids[symbol] + SYMBOLS[symbol].spread
    }

    fn usd(&self, ccy: &str) -> i64 {
        match ccy {
            "USD" => RATE_ONE,
            "EUR" => self.bids[0] * 1_000,
            "GBP" => self.bids[1] * 1_000,
            "JPY" => RATE_ONE * 1_000 / self.bids[2].max(1),
            "XAU" => self.bids[3] * 1_000_000,
            "BTC" => self.bids[5] * 1_000_000,
            other => fixed_usd(other),
        }
    }

    /// Units of `to` for one unit of `from`, scaled by 1e8.
    pub fn rate(&self, from: &str, to: &str) -> i64 {
        if from == to {
            return RATE_ONE;
        }
        ratio(i128::from(self.usd(from)) * i128::from(RATE_ONE), i128::from(self.usd(to).max(1)))
    }
}

fn ratio(num: i128, den: i128) -> i64 {
    Rounding::HalfAwayFromZero
        .div(num, den)
        .and_then(|v| i64::try_from(v).ok())
        .unwrap_or(0)
}

fn pow10(n: u8) -> i128 {
    10i128.pow(u32::from(n))
}

/// Profit in minor units (`digits` decimals) of the currency that `rate` leads to.
pub fn profit(sym: &Symbol, buy: bool, open: i64, close: i64, volume_ext: i64, rate: i64, digits: u8) -> i64 {
    let points = i128::from(if buy { close - open } else { open - close });
    let num = points * i128::from(volume_ext) * i128::from(sym.contract) * pow10(digits);
    // The rate last and separately: the product of all would pass i128 for absurd volumes.
    let quote = Rounding::HalfAwayFromZero
        .div(num * 10_000, pow10(sym.digits) * 100_000_000)
        .unwrap_or(0);
    ratio(quote * i128::from(rate), 10_000 * i128::from(RATE_ONE))
}

/// Margin in minor units (`digits` decimals). `rate` leads from the margin currency (base for
/// forex, the profit currency else) to the deposit currency.
pub fn margin(sym: &Symbol, price: i64, volume_ext: i64, leverage: i64, rate: i64, digits: u8) -> i64 {
    let units = i128::from(volume_ext) * i128::from(sym.contract);
    let (num, den) = if sym.forex {
        (units, 1)
    } else {
        (units * i128::from(price), pow10(sym.digits))
    };
    let whole = Rounding::HalfAwayFromZero
        .div(num * pow10(digits) * 10_000, den * 100_000_000 * i128::from(leverage.max(1)))
        .unwrap_or(0);
    ratio(whole * i128::from(rate), 10_000 * i128::from(RATE_ONE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_points_on_a_lot_of_eurusd_are_ten_dollars_and_margin_follows_leverage() {
        let (_, eurusd) = find("eurusd").unwrap();
        let m = Market::new(1, None);
        assert_eq!(profit(eurusd, true, 116_250, 116_260, 100_000_000, RATE_ONE, 2), 1_000);
        assert_eq!(profit(eurusd, false, 116_250, 116_260, 100_000_000, RATE_ONE, 2), -1_000);
        assert_eq!(margin(eurusd, 116_250, 100_000_000, 100, m.rate("EUR", "EUR"), 2), 100_000);
        assert_eq!(margin(eurusd, 116_250, 100_000_000, 100, m.rate("EUR", "USD"), 2), 116_250);
        let (_, gold) = find("XAUUSD").unwrap();
        assert_eq!(profit(gold, true, 405_000, 405_100, 50_000_000, RATE_ONE, 2), 5_000);
        assert_eq!(margin(gold, 405_000, 100_000_000, 100, RATE_ONE, 2), 405_000);
    }

    #[test]
    fn the_same_seed_walks_the_same_way_and_rates_invert() {
        let (mut a, mut b) = (Market::new(7, None), Market::new(7, None));
        for _ in 0..500 {
            a.step();
            b.step();
        }
        assert_eq!(a.bids, b.bids);
        assert!(a.bids.iter().all(|p| *p > 0));
        let there = i128::from(a.rate("EUR", "JPY")) * i128::from(a.rate("JPY", "EUR"));
        let one = i128::from(RATE_ONE) * i128::from(RATE_ONE);
        assert!((there - one).abs() < one / 1_000_000);
    }
}

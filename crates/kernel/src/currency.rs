//! The currency registry: every code we know, its exponent (minor units per unit as a power of
//! ten) and whether it is a coin. Exponents after ISO 4217; providers' own ideas of them (Stripe's
//! ISK, for one) live in the connectors.

use crate::Problem;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Debug)]
pub struct CurrencyInfo {
    pub code: &'static str,
    pub exponent: u8,
    pub crypto: bool,
}

/// A known currency. Two values are equal when their codes are.
#[derive(Clone, Copy)]
pub struct Currency(&'static CurrencyInfo);

impl Currency {
    pub const EUR: Currency = Currency(&EUR);
    pub const USD: Currency = Currency(&USD);
    pub const GBP: Currency = Currency(&GBP);
    pub const JPY: Currency = Currency(&JPY);

    /// Exactly as written in the registry: three to five capitals.
    pub fn parse(code: &str) -> Result<Currency, Problem> {
        REGISTRY
            .binary_search_by(|c| c.code.cmp(code))
            .ok()
            .and_then(|i| REGISTRY.get(i))
            .map(Currency)
            .ok_or_else(|| {
                Problem::invalid(
                    "currency",
                    "currency_unknown",
                    "expected a known currency code in capitals, such as EUR",
                )
            })
    }
    pub const fn code(self) -> &'static str {
        self.0.code
    }
    pub const fn exponent(self) -> u8 {
        self.0.exponent
    }
    pub const fn is_crypto(self) -> bool {
        self.0.crypto
    }
    /// Minor units in one unit: 1, 100, 1 000, 100 000 000.
    pub fn minor_per_unit(self) -> i64 {
        10i64.pow(u32::from(self.0.exponent))
    }
    pub fn all() -> impl Iterator<Item = Currency> {
        REGISTRY.iter().map(Currency)
    }
}

impl PartialEq for Currency {
    fn eq(&self, o: &Self) -> bool {
        self.0.code == o.0.code
    }
}
impl Eq for Currency {}
impl PartialOrd for Currency {
    fn partial_cmp(&self, o: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(o))
    }
}
impl Ord for Currency {
    fn cmp(&self, o: &Self) -> std::cmp::Ordering {
        self.0.code.cmp(o.0.code)
    }
}
impl std::hash::Hash for Currency {
    fn hash<H: std::hash::Hasher>(&self, h: &mut H) {
        self.0.code.hash(h);
    }
}
impl std::fmt::Debug for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.code)
    }
}
impl std::fmt::Display for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.code)
    }
}
impl std::str::FromStr for Currency {
    type Err = Problem;
    fn from_str(s: &str) -> Result<Self, Problem> {
        Currency::parse(s)
    }
}
impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.0.code)
    }
}
impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let s = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        Currency::parse(&s).map_err(|_| serde::de::Error::custom("expected a known currency code in capitals, such as EUR"))
    }
}

const fn fiat(code: &'static str, exponent: u8) -> CurrencyInfo {
    CurrencyInfo {
        code,
        exponent,
        crypto: false,
    }
}
const fn coin(code: &'static str, exponent: u8) -> CurrencyInfo {
    CurrencyInfo {
        code,
        exponent,
        crypto: true,
    }
}

static EUR: CurrencyInfo = fiat("EUR", 2);
static USD: CurrencyInfo = fiat("USD", 2);
static GBP: CurrencyInfo = fiat("GBP", 2);
static JPY: CurrencyInfo = fiat("JPY", 0);

/// Sorted by code: `parse` searches it by halves.
static REGISTRY: [CurrencyInfo; 79] = [
    fiat("AED", 2),
    fiat("ALL", 2),
    fiat("AMD", 2),
    fiat("ARS", 2),
    fiat("AUD", 2),
    fiat("AZN", 2),
    fiat("BDT", 2),
    fiat("BGN", 2),
    fiat("BHD", 3),
    fiat("BRL", 2),
    coin("BTC", 8),
    fiat("CAD", 2),
    fiat("CHF", 2),
    fiat("CLP", 0),
    fiat("CNH", 2),
    fiat("CNY", 2),
    fiat("COP", 2),
    fiat("CZK", 2),
    fiat("DKK", 2),
    fiat("DZD", 2),
    fiat("EGP", 2),
    coin("ETH", 8),
    fiat("EUR", 2),
    fiat("GBP", 2),
    fiat("GEL", 2),
    fiat("GHS", 2),
    fiat("HKD", 2),
    fiat("HUF", 2),
    fiat("IDR", 2),
    fiat("ILS", 2),
    fiat("INR", 2),
    fiat("IQD", 3),
    fiat("ISK", 0),
    fiat("JOD", 3),
    fiat("JPY", 0),
    fiat("KES", 2),
    fiat("KRW", 0),
    fiat("KWD", 3),
    fiat("KZT", 2),
    fiat("LBP", 2),
    fiat("LKR", 2),
    coin("LTC", 8),
    fiat("LYD", 3),
    fiat("MAD", 2),
    fiat("MXN", 2),
    fiat("MYR", 2),
    fiat("NGN", 2),
    fiat("NOK", 2),
    fiat("NZD", 2),
    fiat("OMR", 3),
    fiat("PEN", 2),
    fiat("PHP", 2),
    fiat("PKR", 2),
    fiat("PLN", 2),
    fiat("PYG", 0),
    fiat("QAR", 2),
    fiat("RON", 2),
    fiat("RSD", 2),
    fiat("RUB", 2),
    fiat("SAR", 2),
    fiat("SEK", 2),
    fiat("SGD", 2),
    fiat("THB", 2),
    fiat("TND", 3),
    fiat("TRY", 2),
    fiat("TWD", 2),
    fiat("TZS", 2),
    fiat("UAH", 2),
    fiat("UGX", 0),
    fiat("USD", 2),
    coin("USDC", 6),
    coin("USDT", 6),
    fiat("UYU", 2),
    fiat("UZS", 2),
    fiat("VND", 0),
    fiat("XAF", 0),
    fiat("XOF", 0),
    fiat("ZAR", 2),
    fiat("ZMW", 2),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_is_sorted_and_gives_each_exponent_class() {
        assert!(REGISTRY.windows(2).all(|w| w[0].code < w[1].code));
        for (code, exp) in [("JPY", 0), ("EUR", 2), ("KWD", 3), ("BTC", 8), ("IQD", 3), ("LYD", 3)] {
            assert_eq!(Currency::parse(code).unwrap().exponent(), exp);
        }
        assert!(Currency::parse("eur").is_err());
        assert!(Currency::parse("XXX").is_err());
    }
}

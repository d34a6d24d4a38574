//! The country of an address, from a table of ranges. Production hands in its provider's table or
//! trusts a header of its edge; built in are the three documentation networks, which the demo and
//! the tests use as Germany, the Emirates and the United Kingdom.

use qd_kernel::{Problem, Result};
use std::net::IpAddr;

/// Lines `network/bits,CC`.
#[derive(Clone, Debug, Default)]
pub struct GeoTable {
    /// First and last address as 128 bits (IPv4 mapped), sorted by the first.
    ranges: Vec<(u128, u128, String)>,
}

const BUILTIN: &str = "192.0.2.0/24,DE\n198.51.100.0/24,AE\n203.0.113.0/24,GB\n2001:db8::/32,DE\n";

fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

impl GeoTable {
    pub fn builtin() -> GeoTable {
        GeoTable::parse(BUILTIN).unwrap_or_default()
    }

    pub fn parse(text: &str) -> Result<GeoTable> {
        let mut ranges = Vec::new();
        for (i, line) in text
            .lines()
            .enumerate()
            .filter(|(_, l)| !l.trim().is_empty() && !l.starts_with('#'))
        {
            let bad = || Problem::invalid("geo", "geo_line_malformed", format!("line {}: expected network/bits,CC", i + 1));
            let (net, country) = line.trim().split_once(',').ok_or_else(bad)?;
            let (ip, len) = net.split_once('/').ok_or_else(bad)?;
            let ip: IpAddr = ip.parse().map_err(|_| bad())?;
            let len: u32 = len.parse().map_err(|_| bad())?;
            let width = if ip.is_ipv4() { 32 } else { 128 };
            if len > width || country.len() != 2 {
                return Err(bad());
            }
            let host = 1u128.checked_shl(width - len).map_or(u128::MAX, |h| h - 1);
            let first = bits(ip) & !host;
            ranges.push((first, first | host, country.to_ascii_uppercase()));
        }
        ranges.sort();
        Ok(GeoTable { ranges })
    }

    /// Two capital letters, or none when nobody knows.
    pub fn country(&self, ip: &str) -> Option<&str> {
        let b = bits(ip.parse().ok()?);
        let at = self.ranges.partition_point(|r| r.0 <= b);
        self.ranges[..at].iter().rev().find(|r| b <= r.1).map(|r| r.2.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_a_range_has_its_country_and_one_outside_has_none() {
        let g = GeoTable::builtin();
        assert_eq!(g.country("192.0.2.77"), Some("DE"));
        assert_eq!(g.country("198.51.100.255"), Some("AE"));
        assert_eq!(g.country("198.51.101.0"), None);
        assert_eq!(g.country("2001:db8::1"), Some("DE"));
        assert_eq!(g.country("not an address"), None);
        assert!(GeoTable::parse("1.2.3.0/33,DE").is_err());
        assert_eq!(
            GeoTable::parse("0.0.0.0/0,FR\n10.0.0.0/8,DE").unwrap().country("10.1.1.1"),
            Some("DE")
        );
    }
}

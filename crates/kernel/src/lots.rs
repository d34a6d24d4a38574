//! Volume. A lot is 100 000 000 units here, the extended volume of MetaTrader 5
//! (`VolumeExt`, trading-platforms.md 1.9), so that no platform's volume needs rounding.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Lots(pub i64);

impl Lots {
    pub const ONE: Lots = Lots(100_000_000);
    pub const SCALE: u8 = 8;

    /// From the old MetaTrader field: 10 000 to the lot.
    pub fn from_mt_volume(v: i64) -> Option<Lots> {
        v.checked_mul(10_000).map(Lots)
    }
    pub const fn units(self) -> i64 {
        self.0
    }
    /// `1.25`, without trailing zeros but with at least two decimals.
    pub fn text(self) -> String {
        let full = crate::format_fixed(self.0, Self::SCALE);
        let (whole, frac) = full.split_once('.').unwrap_or((&full, "00"));
        let keep = frac.trim_end_matches('0').len().max(2);
        format!("{whole}.{}", &frac[..keep])
    }
}

impl std::fmt::Display for Lots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text())
    }
}

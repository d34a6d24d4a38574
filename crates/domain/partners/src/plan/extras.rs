//! Tiers, regions, caps, client rebates.

use crate::exact::Exact;
use qd_kernel::text_enum;

text_enum!(
    /// What a tier counts.
    Measure as TierMeasure {
        /// Standard lots paid on.
        Lots = "lots",
        /// USD turned over.
        Notional = "notional_usd",
        /// The broker's revenue on the deals, in USD.
        Revenue = "net_revenue",
        /// Clients who closed at least `active_lots` in the window.
        ActiveClients = "active_clients",
        /// Clients whose first deposit is in the window and who traded.
        FundedClients = "funded_clients",
    }
);

text_enum!(
    /// Over which time a tier counts.
    Window as TierWindow { Month = "calendar_month", Days30 = "rolling_30_days", Days90 = "rolling_90_days", Lifetime = "lifetime" }
);

text_enum!(
    /// Whose deals a tier counts.
    TierScope as TierCounts { Own = "own", Subtree = "subtree" }
);

text_enum!(
    /// What a band reached means for deals.
    BandKind as TierKind {
        /// Each unit at the rate of its own band; a deal across a threshold is split.
        Marginal = "marginal",
        /// All deals of the window at the band reached; earlier ones are trued up.
        Retroactive = "retroactive",
        /// The band reached in the window before.
        NextPeriod = "next_period",
    }
);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tier {
    pub id: String,
    pub measure: Measure,
    pub window: Window,
    pub scope: TierScope,
    pub kind: BandKind,
    /// Above zero and rising. Bands are one more: below the first, …, from the last on.
    pub thresholds: Vec<Exact>,
    /// Lots a client must close in the window to be active.
    pub active_lots: Exact,
}

impl Tier {
    /// The band of a count: how many thresholds it has reached.
    pub fn band(&self, count: Exact) -> usize {
        self.thresholds.iter().take_while(|t| **t <= count).count()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    pub name: String,
    pub countries: Vec<String>,
}

/// At most this much; amounts in the plan's currency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caps {
    pub per_order: Option<Exact>,
    pub per_client_month: Option<Exact>,
    pub chain: Option<ChainGuard>,
}

text_enum!(
    /// What a cap is for.
    CapPer as CommissionCapPer { Order = "order", ClientMonth = "client_month", Chain = "chain" }
);

text_enum!(
    /// How a chain that is too dear is made cheaper.
    Cut as ChainCut { ProRata = "pro_rata", Top = "top" }
);

/// All partners and rebates of a deal together get at most this part of the broker's revenue on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainGuard {
    pub share: Exact,
    pub cut: Cut,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RebateAmount {
    /// Of what the partner earned.
    Percent(Exact),
    /// Money for each standard lot, in the plan's currency.
    PerLot(Exact),
}

/// A part of the direct partner's earnings that goes to the client. The first that fits counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientRebate {
    pub amount: RebateAmount,
    /// The client carries at least one of these; empty: every client.
    pub tags: Vec<String>,
    pub groups: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonalRatio {
    pub partner: String,
    pub ratio: Exact,
}

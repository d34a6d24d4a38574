//! Deal plans: versioned data that says what a partner earns. A document in JSON (its schema is
//! `schemas/plan.schema.json`), read by [`Plan::read`], which names every wrong field by its pointer.

mod check;
mod extras;
pub mod needs;
pub mod programmes;
pub(crate) mod read;
mod rules;
mod terms;

pub use check::Warning;
pub use extras::{
    BandKind, CapPer, Caps, ChainGuard, ClientRebate, Cut, Measure, PersonalRatio, RebateAmount, Region, Tier, TierScope, Window,
};
pub use needs::{Feeds, Input, Need};
pub use terms::{
    Attribution, Calendar, CapExcess, ClawbackScope, Corrections, FeeBearer, Gaps, Inversion, LookUp, RebateTaken, SelfReferral, TermView,
    Termination, Terms,
};

use crate::exact::Exact;
use qd_kernel::{Currency, Ts, text_enum};
use serde::Serialize;

/// Whose money a rate is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateCurrency {
    Money(Currency),
    /// The currency of the account that traded.
    Account,
}

impl RateCurrency {
    pub fn of(self, account: Currency) -> Currency {
        match self {
            RateCurrency::Money(c) => c,
            RateCurrency::Account => account,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub name: String,
    pub currency: RateCurrency,
    pub scope: PlanScope,
    pub rules: Vec<Rule>,
    /// What the partner earns from clients of those below. None: nothing.
    pub overrides: Option<Override>,
    pub exclusions: Exclusions,
    pub volume_factors: Vec<VolumeFactor>,
    /// What is paid by the client or by the month, not by the deal.
    pub programmes: programmes::Programmes,
    /// Counters with thresholds that banded rules and multipliers look at.
    pub tiers: Vec<Tier>,
    /// Named lists of countries for rule scopes.
    pub regions: Vec<Region>,
    pub caps: Caps,
    pub client_rebates: Vec<ClientRebate>,
    /// Lines below this, in the plan's currency, wait until their sum reaches it.
    pub minimum_posting: Option<Exact>,
    pub terms: Terms,
}

impl Plan {
    pub fn tier(&self, id: &str) -> Option<&Tier> {
        self.tiers.iter().find(|t| t.id == id)
    }
    /// Whether some rule pays when a position is opened.
    pub fn pays_opening(&self) -> bool {
        self.rules.iter().any(|r| r.when != PaidWhen::Close)
    }
}

/// Where the plan applies at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanScope {
    /// Empty: every entity.
    pub entities: Vec<String>,
    /// Client countries; empty: every country.
    pub countries: Vec<String>,
    /// Countries where paying for introductions is not allowed, with the law it rests on.
    pub forbidden: Vec<Forbidden>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forbidden {
    pub country: String,
    pub source: String,
}

text_enum!(
    /// What a rate is a rate of.
    Pay as CommissionPay {
        /// Money for each standard lot.
        PerLot = "per_lot",
        /// Pips for each lot; the size of a pip is the symbol's configuration.
        Pips = "pips",
        /// Money for each million of USD turned over.
        PerMillion = "per_million",
        /// A part of the spread.
        Spread = "spread",
        /// A part of what the broker adds to the raw spread.
        Markup = "markup",
        /// A part of the commission that the client was charged.
        Commission = "commission",
    }
);

text_enum!(
    /// One base rule pays; promotions are paid on top of it, any number of them.
    RuleKind as CommissionRuleKind { Base = "base", Promotion = "promotion" }
);

text_enum!(
    /// Which side of a trade earns. `both` pays half the rate on each.
    PaidWhen as CommissionPaidWhen { Close = "close", Open = "open", Both = "both" }
);

text_enum!(
    /// Which spread or markup is taken.
    SpreadAt as CommissionSpreadAt { Open = "open", Close = "close", Half = "half" }
);

text_enum!(
    /// Whose word counts for the markup: client spread less raw spread, or what is configured.
    MarkupOf as CommissionMarkupOf { Measured = "measured", Configured = "configured" }
);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub id: String,
    pub kind: RuleKind,
    pub pay: Pay,
    pub when: PaidWhen,
    /// Steps from the client: 1 for the partner's own clients. Levels above 1 are the rates of the
    /// `fixed` override.
    pub level: u32,
    /// The rate, or that of the lowest band.
    pub rate: Exact,
    /// With a tier: the rate of each band from the lowest.
    pub bands: Option<Bands>,
    /// Instead of the plan's; per_lot and per_million only.
    pub currency: Option<RateCurrency>,
    pub spread_at: SpreadAt,
    /// A spread wider than the symbol's average counts as the average.
    pub damped: bool,
    pub markup_of: MarkupOf,
    /// Nothing before the client qualified for the partner's CPA.
    pub after_qualification: bool,
    /// At most this for one deal, in the rule's currency (quote currency or account's where the rate is no money).
    pub cap_per_order: Option<Exact>,
    pub scope: RuleScope,
    pub valid_from: Option<Ts>,
    /// Not included.
    pub valid_to: Option<Ts>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bands {
    /// Id of the plan's tier.
    pub tier: String,
    /// One more than the tier has thresholds.
    pub rates: Vec<Exact>,
}

text_enum!(
    /// Of the client's position.
    Direction as CommissionDirection { Buy = "buy", Sell = "sell" }
);

/// Each dimension: empty means any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleScope {
    pub symbols: Vec<String>,
    pub product_groups: Vec<String>,
    pub account_types: Vec<String>,
    pub groups: Vec<String>,
    /// Client countries.
    pub countries: Vec<String>,
    /// Names of the plan's regions.
    pub regions: Vec<String>,
    pub entities: Vec<String>,
    pub brands: Vec<String>,
    pub servers: Vec<String>,
    pub languages: Vec<String>,
    pub partner_countries: Vec<String>,
    pub partners: Vec<String>,
    pub campaigns: Vec<String>,
    /// The client carries at least one of these.
    pub tags: Vec<String>,
    pub directions: Vec<Direction>,
}

/// How narrow a rule is, compared part by part: symbol 2, product group 1, any 0; then account type,
/// trading group, client country 2, region 1, any 0; then entity; then how many of the further
/// dimensions (brand, server, language, partner country, partner, campaign, tag, direction) are given,
/// in that order.
pub type Specificity = [u8; 13];

impl RuleScope {
    pub fn specificity(&self) -> Specificity {
        let given = |v: &Vec<String>| u8::from(!v.is_empty());
        let or = |narrow: &Vec<String>, wide: &Vec<String>| if narrow.is_empty() { given(wide) } else { 2 };
        [
            or(&self.symbols, &self.product_groups),
            given(&self.account_types),
            given(&self.groups),
            or(&self.countries, &self.regions),
            given(&self.entities),
            given(&self.brands),
            given(&self.servers),
            given(&self.languages),
            given(&self.partner_countries),
            given(&self.partners),
            given(&self.campaigns),
            given(&self.tags),
            u8::from(!self.directions.is_empty()),
        ]
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Override {
    /// The `level` rules of this plan, whatever those below earn.
    Fixed,
    /// The partner's own rate less what those below earned on the deal, never below nothing.
    Differential,
    /// A part of what a partner below earned; `levels[0]` is for clients two steps away. `net`: of
    /// what was left after the client's rebate; None leaves it to the plan of the one below.
    PercentOfChild {
        of: ChildBase,
        net: Option<bool>,
        levels: Vec<Exact>,
    },
    /// The plan's own amount times the ratio of the level, of the band of a tier, and of the partner.
    Multiplier {
        /// `levels[0]` is for the partner's own clients.
        levels: Vec<Exact>,
        tier: Option<Bands>,
        personal: Vec<PersonalRatio>,
    },
    /// The plan's own amount is the pool; each level has its weight.
    Pool { weights: Vec<Exact> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildBase {
    /// The partner one step below.
    Next,
    /// The client's own partner.
    Direct,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exclusions {
    /// A position open for fewer whole seconds pays nothing.
    pub min_duration_secs: Option<i64>,
    /// A move of fewer pips between opening and closing price pays nothing.
    pub min_move_pips: Option<Exact>,
    /// Closed at the opening price pays nothing.
    pub same_price: bool,
    /// Of opposite positions that overlap in time, in one account and symbol, only the larger side counts.
    pub hedged: bool,
    /// A deal that left the account below zero pays nothing.
    pub negative_balance: bool,
    /// Only the part of the equity that is not bonus counts.
    pub bonus_share: bool,
    /// Deals on which the client was charged no commission pay nothing.
    pub client_commission: bool,
}

/// Platform lots times this make standard lots (cent accounts: 0.01).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeFactor {
    pub account_types: Vec<String>,
    pub groups: Vec<String>,
    pub factor: Exact,
}

/// Which plan it was: part of every line.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct PlanRef {
    pub plan: String,
    pub version: i64,
}

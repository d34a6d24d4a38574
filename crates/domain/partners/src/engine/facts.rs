//! What the engine is told: the deal as it was, the partners above the client at that moment.

use crate::exact::Exact;
use crate::plan::{Plan, PlanRef};
use qd_kernel::{Currency, Lots, Rate, Ts, text_enum};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

text_enum!(
    /// What kind of platform deal it is; only trades earn.
    FactKind { Trade = "trade", CancelledTrade = "cancelled_trade", Other = "other" }
);

/// One revision of a platform deal with everything a plan may ask about, as of that moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DealFacts {
    pub server: String,
    pub ticket: String,
    /// Grows with each edit of the deal.
    pub revision: i64,
    pub kind: FactKind,
    /// The platform no longer has the deal.
    #[serde(default)]
    pub deleted: bool,
    /// Migration, synchronisation, split, rollover: no trade of the client's.
    #[serde(default)]
    pub technical: bool,
    /// The platform's word for the reason.
    #[serde(default)]
    pub reason: String,
    /// `cli_…`
    pub client: String,
    /// Code of the entity.
    pub entity: String,
    /// Client's country, two capitals.
    pub country: String,
    pub account: String,
    pub account_type: String,
    pub group: String,
    /// The account's currency.
    pub currency: Currency,
    /// Whether the account counts for commission at all.
    #[serde(default = "yes")]
    pub counts: bool,
    pub symbol: String,
    /// None: the symbol is not mapped to a product group yet; nothing is paid until it is.
    pub product_group: Option<String>,
    /// The part of the deal that closed a position: what is paid on.
    pub volume_closed: Lots,
    /// When the closed position was opened, if the feed knows.
    #[serde(default)]
    pub opened_at: Option<Ts>,
    /// When the deal was made: the value date.
    pub at: Ts,
    /// The deal left the account below zero.
    #[serde(default)]
    pub negative_balance: bool,
    /// Equity before the deal and the bonus in it, minor units of the account, if the feed knows.
    #[serde(default)]
    pub equity_minor: Option<i64>,
    #[serde(default)]
    pub bonus_minor: Option<i64>,
    /// Rates of the value date.
    #[serde(default)]
    pub quotes: Vec<Quote>,
}

fn yes() -> bool {
    true
}

impl DealFacts {
    /// `server:ticket`
    pub fn deal(&self) -> String {
        format!("{}:{}", self.server, self.ticket)
    }
}

/// One unit of `base` in `quote`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quote {
    pub base: Currency,
    pub quote: Currency,
    pub rate: Rate,
    pub source: String,
    pub at: Ts,
}

text_enum!(
    /// Whose plan it is; the first rank with a matching rule wins, however narrow the others are.
    Rank as PlanRank { Partner = "partner", Campaign = "campaign", Entity = "entity", Global = "global" }
);

/// A plan version that is in force for a partner at the value date.
#[derive(Clone, Debug)]
pub struct Ranked {
    pub rank: Rank,
    pub at: PlanRef,
    pub plan: Arc<Plan>,
}

text_enum!(
    /// Why a partner gets nothing whatever the plan says; the reason of the zero line.
    Blocked {
        /// Suspended or terminated.
        PartnerSuspended = "partner_suspended",
        /// Somebody has to decide first whose client it is.
        AttributionHeld = "attribution_held",
        /// The partner's own trading.
        OwnAccount = "own_account",
    }
);

/// One step above the client.
#[derive(Clone, Debug)]
pub struct Hop {
    /// `par_…`
    pub partner: String,
    /// Wallet currency: what lines are booked in.
    pub currency: Currency,
    /// Set when the partner must not be paid.
    pub blocked: Option<Blocked>,
    /// By rank.
    pub plans: Vec<Ranked>,
}

text_enum!(
    /// When an amount becomes whole minor units.
    RoundingPlace {
        /// Each line by itself.
        Line = "line",
        /// The running exact sum per partner and currency; a line is what the sum moved by.
        Carry = "carry",
    }
);

text_enum!(
    /// What becomes of the share of a partner who may not be paid.
    BlockedShare {
        /// The house keeps it: those above get what they would have got.
        Keep = "keep",
        /// Those above who are paid by difference get it.
        PassUp = "pass_up",
    }
);

/// House settings of the engine; printed on every statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    pub rounding: RoundingPlace,
    pub blocked: BlockedShare,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            rounding: RoundingPlace::Line,
            blocked: BlockedShare::Keep,
        }
    }
}

/// A number that was looked at, for the reader of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Tested {
    pub what: String,
    pub value: String,
    pub wanted: String,
}

impl Tested {
    pub fn new(what: &str, value: impl std::fmt::Display, wanted: impl std::fmt::Display) -> Tested {
        Tested {
            what: what.to_string(),
            value: value.to_string(),
            wanted: wanted.to_string(),
        }
    }
}

/// The engine cannot say: nothing is booked until somebody mends what is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// `symbol_unmapped`, `fx_missing`, `open_time_missing`, `equity_missing`, `amount_out_of_range`.
    pub code: &'static str,
    pub cause: String,
}

/// What one partner gets from one deal: an amount, or nothing with a reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub partner: String,
    /// Steps from the client.
    pub level: u32,
    /// In units of `currency`, unrounded.
    pub exact: Exact,
    pub currency: Currency,
    /// Standard lots paid on.
    pub lots: Exact,
    /// Why it is nothing; None on a line that pays.
    pub reason: Option<&'static str>,
    pub rule: Option<(PlanRef, String)>,
    pub why: super::explain::Explanation,
}

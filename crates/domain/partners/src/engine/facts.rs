//! What the engine is told: the deal as it was, the partners above the client at that moment.

use super::state::{Key, Order};
use crate::exact::Exact;
use crate::guard::Guard;
use crate::plan::{Direction, Plan, PlanRef};
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
    /// The part of the deal that opened one: what rules paid on opening are paid on.
    #[serde(default, skip_serializing_if = "no_lots")]
    pub volume_opened: Lots,
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
    /// The trading server's wall clock at the deal, as if it were UTC; the deal's UTC time without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_at: Option<Ts>,
    /// Direction of the client's position that was closed (or opened).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub position: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub brand: String,
    /// The client's language.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub language: String,
    /// The campaign of the link by which the client came.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub campaign: String,
    /// The client's tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The client's first deposit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub funded_at: Option<Ts>,
    /// What the deal's price, spread and profit are in: the quote currency of the symbol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_currency: Option<Currency>,
    /// Units in one lot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract_size: Option<Exact>,
    /// The size of a pip in the price, as configured for the symbol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pip_size: Option<Exact>,
    #[serde(default, skip_serializing_if = "Side::is_empty")]
    pub open: Side,
    #[serde(default, skip_serializing_if = "Side::is_empty")]
    pub close: Side,
    /// The symbol's usual spread, in price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_spread: Option<Exact>,
    /// What the broker adds to the raw spread by configuration of group and symbol, in price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub markup: Option<Exact>,
    /// Minor units of the account. What the client was charged for the volume that the deal closed,
    /// its opening included; above zero for a charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commission_minor: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swap_minor: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profit_minor: Option<i64>,
    /// Minor units of the account: what the broker earned on the deal. Without it, markup (or the
    /// spread) and commission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revenue_minor: Option<i64>,
}

fn yes() -> bool {
    true
}
fn no_lots(l: &Lots) -> bool {
    l.units() == 0
}

/// The market at one of the two moments of a position; all in price.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Side {
    /// What the client got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Exact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bid: Option<Exact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ask: Option<Exact>,
    /// The spread of the liquidity behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_spread: Option<Exact>,
}

impl Side {
    pub fn is_empty(&self) -> bool {
        *self == Side::default()
    }
    /// Ask less bid; a crossed market counts as no spread.
    pub fn spread(&self) -> Option<Exact> {
        Some(self.ask?.minus(self.bid?).max(Exact::ZERO))
    }
}

impl Default for DealFacts {
    /// An empty trade, for building one up: not yet anybody's.
    fn default() -> Self {
        DealFacts {
            server: String::new(),
            ticket: String::new(),
            revision: 1,
            kind: FactKind::Trade,
            deleted: false,
            technical: false,
            reason: String::new(),
            client: String::new(),
            entity: String::new(),
            country: String::new(),
            account: String::new(),
            account_type: String::new(),
            group: String::new(),
            currency: Currency::USD,
            counts: true,
            symbol: String::new(),
            product_group: None,
            volume_closed: Lots(0),
            volume_opened: Lots(0),
            opened_at: None,
            at: Ts(0),
            negative_balance: false,
            equity_minor: None,
            bonus_minor: None,
            quotes: Vec::new(),
            server_at: None,
            direction: None,
            position: String::new(),
            brand: String::new(),
            language: String::new(),
            campaign: String::new(),
            tags: Vec::new(),
            funded_at: None,
            price_currency: None,
            contract_size: None,
            pip_size: None,
            open: Side::default(),
            close: Side::default(),
            average_spread: None,
            markup: None,
            commission_minor: None,
            swap_minor: None,
            profit_minor: None,
            revenue_minor: None,
        }
    }
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
    /// The partner's country, two capitals; empty when unknown.
    pub country: String,
    /// When the client qualified for the partner's programme; rules paid after qualification pay
    /// nothing before.
    pub qualified: Option<Qualified>,
}

/// The deal by which a client qualified. Order: value date, server, ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Qualified {
    pub at: Ts,
    pub server: String,
    pub ticket: String,
    /// Standard lots of that very deal that came after the threshold.
    pub lots_after: Exact,
}

impl Qualified {
    pub fn order(&self) -> Order {
        Order {
            at: self.at,
            server: self.server.clone(),
            ticket: self.ticket.clone(),
        }
    }
}

text_enum!(
    /// When an amount becomes whole minor units.
    RoundingPlace {
        /// Each line by itself.
        Line = "line",
        /// The running exact sum per partner and currency; a line is what the sum moved by.
        Carry = "carry",
        /// The lines of a deal in one currency sum to the rounded whole: largest remainder of the exact parts.
        Deal = "deal",
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    pub rounding: RoundingPlace,
    pub blocked: BlockedShare,
    /// What may not be paid where; a settings document of its own ([`crate::guard::SETTINGS`]).
    #[serde(skip)]
    pub guard: Arc<Guard>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            rounding: RoundingPlace::Line,
            blocked: BlockedShare::Keep,
            guard: Arc::new(Guard::default()),
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
    /// `symbol_unmapped`, `fx_missing`, `amount_out_of_range`, or a fact that the plan asks for and the
    /// feed does not say: `open_time_missing`, `open_price_missing`, `close_price_missing`,
    /// `spread_missing`, `average_spread_missing`, `raw_spread_missing`, `markup_missing`,
    /// `commission_missing`, `contract_size_missing`, `pip_size_missing`, `price_currency_missing`,
    /// `equity_missing`, `direction_missing`, `revenue_missing`.
    pub code: &'static str,
    pub cause: String,
}

/// A deal lifted a retroactive tier into another band: earlier deals of the window are to be trued up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crossed {
    pub key: Key,
    pub from_band: usize,
    pub to_band: usize,
}

/// What one partner, or the client as a rebate, gets from one deal: an amount, or nothing with a
/// reason. A partner has one line by the base rule and one for each promotion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub partner: String,
    /// `cli_…` when the client gets it: a rebate out of what `partner` earned.
    pub client: Option<String>,
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
    /// Retroactive tiers of this partner that the deal lifted into another band.
    pub crossed: Vec<Crossed>,
    pub why: super::explain::Explanation,
}

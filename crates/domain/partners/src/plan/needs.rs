//! Which facts of a deal a plan asks for, and whether the feeds deliver them.

use super::read::Faults;
use super::{BandKind, MarkupOf, Measure, PaidWhen, Pay, Plan, Rule, SpreadAt};
use qd_kernel::text_enum;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

text_enum!(
    /// A fact that a feed may or may not deliver.
    Input as PlanInput {
        OpenTime = "open_time",
        OpenPrice = "open_price",
        ClosePrice = "close_price",
        SpreadOpen = "spread_open",
        SpreadClose = "spread_close",
        AverageSpread = "average_spread",
        RawSpreadOpen = "raw_spread_open",
        RawSpreadClose = "raw_spread_close",
        Markup = "markup",
        Commission = "commission",
        ContractSize = "contract_size",
        PriceCurrency = "price_currency",
        PipSize = "pip_size",
        Equity = "equity",
        NegativeBalance = "negative_balance",
        Direction = "direction",
        OpeningDeals = "opening_deals",
        Revenue = "revenue",
        FundedAt = "funded_at",
        Brand = "brand",
        Language = "language",
        Campaign = "campaign",
        Tags = "tags",
        PartnerCountry = "partner_country",
        ServerTime = "server_time",
        Qualification = "qualification",
    }
);

/// One input with the field that asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = PlanNeed)]
pub struct Need {
    pub input: Input,
    /// JSON pointer of the field of the plan.
    pub pointer: String,
    /// Trading servers that the rule is limited to; empty: all.
    pub servers: Vec<String>,
}

impl Plan {
    /// Everything the plan asks of the feed, in the order of the document.
    pub fn needs(&self) -> Vec<Need> {
        let mut out = Vec::new();
        for (i, r) in self.rules.iter().enumerate() {
            for (input, field) in of_rule(r) {
                out.push(Need {
                    input,
                    pointer: format!("/rules/{i}/{field}"),
                    servers: r.scope.servers.clone(),
                });
            }
        }
        let mut all = |input, pointer: String| {
            out.push(Need {
                input,
                pointer,
                servers: Vec::new(),
            });
        };
        let x = &self.exclusions;
        let at = |field: &str| format!("/exclusions/{field}");
        if x.min_duration_secs.is_some() {
            all(Input::OpenTime, at("min_duration_secs"));
        }
        if x.min_move_pips.is_some() {
            for i in [Input::OpenPrice, Input::ClosePrice, Input::PipSize] {
                all(i, at("min_move_pips"));
            }
        }
        if x.same_price {
            for i in [Input::OpenPrice, Input::ClosePrice] {
                all(i, at("same_price"));
            }
        }
        if x.hedged {
            for i in [Input::Direction, Input::OpenTime] {
                all(i, at("hedged"));
            }
        }
        if x.bonus_share {
            all(Input::Equity, at("bonus_share"));
        }
        if x.negative_balance {
            all(Input::NegativeBalance, at("negative_balance"));
        }
        if x.client_commission {
            all(Input::Commission, at("client_commission"));
        }
        for (i, t) in self.tiers.iter().enumerate() {
            let at = format!("/tiers/{i}/measure");
            match t.measure {
                Measure::Notional => {
                    for i in [Input::ClosePrice, Input::ContractSize, Input::PriceCurrency] {
                        all(i, at.clone());
                    }
                }
                Measure::Revenue => all(Input::Revenue, at),
                Measure::FundedClients => all(Input::FundedAt, at),
                Measure::Lots | Measure::ActiveClients => {}
            }
            debug_assert!(BandKind::ALL.contains(&t.kind));
        }
        if self.caps.chain.is_some() {
            all(Input::Revenue, "/caps/chain".into());
        }
        for (i, r) in self.client_rebates.iter().enumerate() {
            if !r.tags.is_empty() {
                all(Input::Tags, format!("/client_rebates/{i}/tags"));
            }
        }
        if self.terms.look_up != super::LookUp::Close {
            all(Input::OpenTime, "/terms/look_up".into());
        }
        if self.terms.calendar == super::Calendar::Server {
            all(Input::ServerTime, "/terms/calendar".into());
        }
        out
    }
}

fn of_rule(r: &Rule) -> Vec<(Input, &'static str)> {
    let mut out: Vec<(Input, &'static str)> = Vec::new();
    let mut add = |list: &[Input], field| out.extend(list.iter().map(|i| (*i, field)));
    let side = |open, close| match r.spread_at {
        SpreadAt::Open => vec![open],
        SpreadAt::Close => vec![close],
        SpreadAt::Half => vec![open, close],
    };
    match r.pay {
        Pay::PerLot => {}
        Pay::Pips => add(&[Input::PipSize, Input::ContractSize, Input::PriceCurrency], "pay"),
        Pay::PerMillion => add(&[Input::ClosePrice, Input::ContractSize, Input::PriceCurrency], "pay"),
        Pay::Spread => {
            add(&[Input::ContractSize, Input::PriceCurrency], "pay");
            add(&side(Input::SpreadOpen, Input::SpreadClose), "spread_at");
            if r.damped {
                add(&[Input::AverageSpread], "damped");
            }
        }
        Pay::Markup => {
            add(&[Input::ContractSize, Input::PriceCurrency], "pay");
            match r.markup_of {
                MarkupOf::Configured => add(&[Input::Markup], "markup_of"),
                MarkupOf::Measured => {
                    add(&side(Input::SpreadOpen, Input::SpreadClose), "markup_of");
                    add(&side(Input::RawSpreadOpen, Input::RawSpreadClose), "markup_of");
                }
            }
        }
        Pay::Commission => add(&[Input::Commission], "pay"),
    }
    if r.when != PaidWhen::Close {
        add(&[Input::OpeningDeals], "when");
    }
    if r.after_qualification {
        add(&[Input::Qualification], "after");
    }
    let s = &r.scope;
    for (given, input, field) in [
        (!s.brands.is_empty(), Input::Brand, "scope/brands"),
        (!s.languages.is_empty(), Input::Language, "scope/languages"),
        (!s.partner_countries.is_empty(), Input::PartnerCountry, "scope/partner_countries"),
        (!s.campaigns.is_empty(), Input::Campaign, "scope/campaigns"),
        (!s.tags.is_empty(), Input::Tags, "scope/tags"),
        (!s.directions.is_empty(), Input::Direction, "scope/directions"),
    ] {
        if given {
            add(&[input], field);
        }
    }
    out
}

/// What the feed of each trading server delivers: a settings document, by entity or global.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = FeedInputs)]
pub struct Feeds {
    /// By server.
    #[schema(value_type = BTreeMap<String, Vec<String>>)]
    pub servers: BTreeMap<String, Vec<Input>>,
}

/// The key of [`Feeds`].
pub const SETTINGS: &str = "commission.feeds";

/// The server of [`Feeds`] that stands for all that are not named.
const ANY: &str = "*";

impl Feeds {
    /// What is known of every deal that the house reads from a trading server; average spread, markup and
    /// pip size once the symbol's terms are set.
    pub fn usual() -> Feeds {
        use Input as I;
        let all = vec![
            I::OpenTime,
            I::OpenPrice,
            I::ClosePrice,
            I::SpreadOpen,
            I::SpreadClose,
            I::AverageSpread,
            I::Markup,
            I::Commission,
            I::ContractSize,
            I::PriceCurrency,
            I::PipSize,
            I::Direction,
            I::OpeningDeals,
            I::Revenue,
            I::FundedAt,
            I::Brand,
            I::Language,
            I::Campaign,
            I::Tags,
            I::ServerTime,
            I::Qualification,
        ];
        Feeds {
            servers: BTreeMap::from([(ANY.to_string(), all)]),
        }
    }

    /// Whether a rule limited to `wanted` has to do with the entry `name`.
    fn concerns(&self, name: &str, wanted: &[String]) -> bool {
        wanted.is_empty() || wanted.iter().any(|w| w == name) || (name == ANY && wanted.iter().any(|w| !self.servers.contains_key(w)))
    }

    /// A fault for each input that some server of the rule does not deliver. Without servers nothing is
    /// known, and nothing is refused.
    pub fn refuse(&self, plan: &Plan, f: &mut Faults) {
        for n in plan.needs() {
            let lacking: Vec<&str> = self
                .servers
                .iter()
                .filter(|(name, has)| self.concerns(name, &n.servers) && !has.contains(&n.input))
                .map(|(name, _)| if name == ANY { "the feed" } else { name.as_str() })
                .collect();
            if !lacking.is_empty() {
                f.add(
                    n.pointer,
                    "input_not_delivered",
                    format!(
                        "expected an input that the feed delivers: {} does not say {}; limit the rule to other servers or take another kind of rate",
                        lacking.join(", "),
                        n.input
                    ),
                );
            }
        }
    }
}

//! Deal plans: versioned data that says what a partner earns. A document in JSON (its schema is
//! `schemas/plan.schema.json`), read by [`Plan::read`], which names every wrong field by its pointer.

mod check;
pub mod programmes;
pub(crate) mod read;

use crate::exact::Exact;
use qd_kernel::{Currency, Ts};
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

/// Money per lot closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub id: String,
    /// Steps from the client: 1 for the partner's own clients. Levels above 1 are the rates of the
    /// `fixed` override.
    pub level: u32,
    pub rate: Exact,
    pub scope: RuleScope,
    pub valid_from: Option<Ts>,
    /// Not included.
    pub valid_to: Option<Ts>,
}

/// Each dimension: empty means any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleScope {
    pub symbols: Vec<String>,
    pub product_groups: Vec<String>,
    pub account_types: Vec<String>,
    pub groups: Vec<String>,
    pub countries: Vec<String>,
    pub entities: Vec<String>,
}

/// How narrow a rule is, compared part by part: symbol 2, product group 1, any 0; then account type,
/// trading group, client country, entity.
pub type Specificity = [u8; 5];

impl RuleScope {
    pub fn specificity(&self) -> Specificity {
        let given = |v: &Vec<String>| u8::from(!v.is_empty());
        let product = if self.symbols.is_empty() { given(&self.product_groups) } else { 2 };
        [
            product,
            given(&self.account_types),
            given(&self.groups),
            given(&self.countries),
            given(&self.entities),
        ]
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Override {
    /// The `level` rules of this plan, whatever those below earn.
    Fixed,
    /// The partner's own rate less what those below earned on the deal, never below nothing.
    Differential,
    /// A part of what a partner below earned; `levels[0]` is for clients two steps away.
    PercentOfChild { of: ChildBase, levels: Vec<Exact> },
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
    /// A deal that left the account below zero pays nothing.
    pub negative_balance: bool,
    /// Only the part of the equity that is not bonus counts.
    pub bonus_share: bool,
}

/// Platform lots times this make standard lots (cent accounts: 0.01).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeFactor {
    pub account_types: Vec<String>,
    pub groups: Vec<String>,
    pub factor: Exact,
}

/// Which plan it was: part of every line.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct PlanRef {
    pub plan: String,
    pub version: i64,
}

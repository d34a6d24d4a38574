//! The story of a line, kept with it: enough to work the amount out again by hand.

use super::facts::{Rank, Tested};
use super::fx::Step;
use crate::ids::{LineId, StatementId};
use crate::plan::Specificity;
use qd_kernel::Currency;
use serde::{Deserialize, Serialize};

/// A rule that fitted and lost, or won.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = RuleCandidate)]
pub struct Candidate {
    pub plan: String,
    pub version: i64,
    pub rule: String,
    pub rank: Rank,
    /// Symbol 2, product group 1, any 0; account type; group; country 2, region 1; entity; brand; server;
    /// language; partner country; partner; campaign; tag; direction.
    #[schema(value_type = Vec<u8>)]
    #[serde(deserialize_with = "padded")]
    pub specificity: Specificity,
    pub rate: String,
}

/// What a partner below earned, where that decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = EarnedBelow)]
pub struct Below {
    pub partner: String,
    pub amount: String,
    pub currency: Currency,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = CommissionExplanation)]
pub struct Explanation {
    /// One line for a person: `1.25 lots x 8 USD = 10 USD`.
    pub formula: String,
    /// The formula's parts as data, in order, so that a screen can say it in its own language.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Part>,
    /// `direct`, `fixed`, `differential`, `percent_of_child`; empty where nothing was computed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub method: String,
    /// Partners from the client upwards.
    pub path: Vec<String>,
    pub level: u32,
    /// Lots as the platform counts, the factors on them, lots paid on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub volume: Option<Volume>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub rule: Option<Candidate>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub losing: Vec<Candidate>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub below: Vec<Below>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fx: Vec<Step>,
    /// What was tested, whether it stopped the line or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tested: Vec<Tested>,
    /// Unrounded, in the wallet's currency.
    pub exact: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<String>,
    /// On a line that takes another one back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub corrects: Option<Corrects>,
}

/// One part of a formula.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = FormulaPart)]
pub struct Part {
    /// `start`, `times`, `less`, `plus`, `over`, `equals`, `cut_to`.
    pub op: String,
    pub value: String,
    /// `lots`, a currency, `pips`, `share`, `ratio`, `rate`, `price`; empty for a plain number.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
    /// What it is: `volume`, `rate`, `band`, `spread`, `markup`, `commission`, `pip_size`, `contract_size`,
    /// `notional`, `below`, `child`, `level`, `tier`, `personal`, `weight`, `rebate`, `fx`, `cap`, `chain`,
    /// `waiting`, `amount`.
    pub of: String,
}

impl Part {
    pub fn new(op: &str, value: impl std::fmt::Display, unit: impl std::fmt::Display, of: &str) -> Part {
        Part {
            op: op.to_string(),
            value: value.to_string(),
            unit: unit.to_string(),
            of: of.to_string(),
        }
    }
}

/// Lines written before there were further dimensions have fewer parts.
fn padded<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Specificity, D::Error> {
    let parts = Vec::<u8>::deserialize(d)?;
    let mut out = Specificity::default();
    for (o, p) in out.iter_mut().zip(parts) {
        *o = p;
    }
    Ok(out)
}

/// The line that is taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Corrects {
    pub line: LineId,
    /// The deal's revision it was booked for.
    pub revision: i64,
    /// The closed statement it stands on.
    pub statement: Option<StatementId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = PaidVolume)]
pub struct Volume {
    pub platform_lots: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub factors: Vec<Tested>,
    pub lots: String,
}

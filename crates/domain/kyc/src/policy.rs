//! What an entity decides about its reviews: settings, so that a change needs no release.

use crate::CheckKind;
use qd_db::Tx;
use qd_kernel::{Problem, Result};
use qd_runtime::settings;
use serde::{Deserialize, Serialize};

/// Setting key of [`Policy`], by entity or for all.
pub const POLICY_KEY: &str = "kyc.policy";
/// Setting key of [`Bands`].
pub const BANDS_KEY: &str = "kyc.risk.bands";
/// Setting key of [`Watchlist`].
pub const WATCHLIST_KEY: &str = "kyc.watchlist";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Who is asked beside the house. A case is not decided by rule before each has answered; with
    /// none of them the house verifies by itself.
    pub providers: Vec<Asked>,
    /// Low risk and every check of `required_checks` clear: approved without a person.
    pub auto_approve_low_risk: bool,
    pub required_checks: Vec<CheckKind>,
    /// What the client typed about the document counts as a reading of it. Without it only a
    /// reviewer's or a reader's data can match.
    pub declared_data_counts: bool,
    /// Hours a review may take; the shorter for high risk.
    pub review_hours: u32,
    pub high_risk_review_hours: u32,
    /// A smaller image or file cannot be read (bytes).
    pub min_file_bytes: i64,
}

/// A provider's connection and the question it answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    pub kind: CheckKind,
    pub provider: String,
}

impl Default for Policy {
    /// The careful one: a person decides.
    fn default() -> Policy {
        Policy {
            providers: Vec::new(),
            auto_approve_low_risk: false,
            required_checks: CheckKind::ALL.to_vec(),
            declared_data_counts: false,
            review_hours: 8,
            high_risk_review_hours: 4,
            min_file_bytes: 10_000,
        }
    }
}

/// Score bands: below the first is low, from the second on is high.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bands {
    pub low_below: i64,
    pub high_from: i64,
}

impl Default for Bands {
    fn default() -> Bands {
        Bands {
            low_below: 30,
            high_from: 60,
        }
    }
}

/// The house's own list of people it does not want without a look. Lists of authorities come from
/// a screening provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watchlist {
    pub names: Vec<String>,
    #[serde(skip)]
    pub version: i64,
}

pub(crate) async fn policy(tx: &mut Tx, entity: &str) -> Result<Policy> {
    Ok(settings::for_entity(tx, entity, POLICY_KEY).await?.unwrap_or_default())
}

pub(crate) async fn bands(tx: &mut Tx, entity: &str) -> Result<Bands> {
    Ok(settings::for_entity(tx, entity, BANDS_KEY).await?.unwrap_or_default())
}

pub(crate) async fn watchlist(tx: &mut Tx, entity: &str) -> Result<Option<Watchlist>> {
    let row = match settings::find(tx, &format!("entity:{entity}"), WATCHLIST_KEY).await? {
        Some(s) => Some(s),
        None => settings::find(tx, settings::GLOBAL, WATCHLIST_KEY).await?,
    };
    let Some(row) = row else { return Ok(None) };
    let list: Watchlist = serde_json::from_value(row.value)
        .map_err(|e| Problem::bug("setting_unreadable", "the watch list does not fit its type").with_source(e))?;
    Ok(Some(Watchlist {
        version: row.version,
        ..list
    }))
}

//! What the case knows about the person, handed in by whoever owns the client record.

use crate::Day;
use serde::{Deserialize, Serialize};

/// A copy of the client record's part that verification is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = KycApplicant)]
pub struct Applicant {
    /// `cli_…`
    pub client_id: String,
    pub entity: String,
    /// Residence, two capital letters.
    pub country: String,
    pub name: String,
    pub email: String,
    #[serde(default)]
    pub nationality: Option<String>,
    #[serde(default)]
    pub birth_date: Option<Day>,
    #[serde(default)]
    pub phone: Option<String>,
    #[serde(default)]
    pub occupation: Option<String>,
    #[serde(default)]
    pub source_of_funds: Option<String>,
    #[serde(default)]
    pub pep: Option<bool>,
    /// Is a partner, too.
    #[serde(default)]
    #[schema(required)]
    pub partner: bool,
    /// Codes of the profile's required fields that are not filled in.
    #[serde(default)]
    #[schema(required)]
    pub profile_missing: Vec<String>,
}

impl Applicant {
    /// Required whatever the entity's profile says.
    pub(crate) fn missing(&self) -> Vec<String> {
        let mut out = self.profile_missing.clone();
        for (code, there) in [
            ("name", !self.name.trim().is_empty()),
            ("email", !self.email.trim().is_empty()),
            ("birth_date", self.birth_date.is_some()),
        ] {
            if !there && !out.iter().any(|m| m == code) {
                out.push(code.to_string());
            }
        }
        out
    }
    /// What the risk rules would like to know and nobody said.
    pub(crate) fn unknown(&self) -> Vec<&'static str> {
        let text = |t: &Option<String>| t.as_ref().is_some_and(|t| !t.trim().is_empty());
        [
            ("nationality", text(&self.nationality)),
            ("occupation", text(&self.occupation)),
            ("source_of_funds", text(&self.source_of_funds)),
            ("pep", self.pep.is_some()),
        ]
        .into_iter()
        .filter_map(|(code, there)| (!there).then_some(code))
        .collect()
    }
}

/// What was noticed around the person.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = KycSignals)]
pub struct Signals {
    /// Where the connection comes from, two capital letters.
    #[serde(default)]
    pub ip_country: Option<String>,
    /// Other clients seen on the same device.
    #[serde(default)]
    #[schema(required)]
    pub device_other_clients: i64,
    /// Merge proposals about this client that nobody has decided.
    #[serde(default)]
    #[schema(required)]
    pub duplicates_open: i64,
}

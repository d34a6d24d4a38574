//! The risk score: every rule of the set `kyc.risk` that matches adds its points with its name.

use crate::store::reviews::CheckRow;
use crate::{Bands, CheckKind, CheckOutcome, Evidence};
use qd_kernel::text_enum;
use qd_runtime::rules::Evaluation;
use qd_runtime::tenancy::CountryRules;
use serde::Serialize;
use serde_json::{Value, json};

/// The rule set's name.
pub(crate) const RISK_SET: &str = "kyc.risk";

text_enum!(Band as RiskBand { Low = "low", Medium = "medium", High = "high" });

/// One rule that matched.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reason {
    pub code: String,
    pub rule: String,
    pub version: i64,
    pub score: i64,
    /// This alone sends the case to a person.
    pub person: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Risk {
    pub score: i64,
    pub band: Band,
    pub reasons: Vec<Reason>,
    /// A rule could not be evaluated.
    pub stopped: bool,
}

impl Risk {
    pub fn needs_person(&self) -> bool {
        self.stopped || self.band != Band::Low || self.reasons.iter().any(|r| r.person)
    }
}

/// The facts the set declares.
pub(crate) fn facts(e: &Evidence, countries: &CountryRules, checks: &[CheckRow], test_class: Option<&str>) -> Value {
    let a = &e.applicant;
    let listed = |list: &[String]| list.iter().any(|c| *c == a.country || a.nationality.as_deref() == Some(c.as_str()));
    let screening: i64 = checks
        .iter()
        .filter(|c| c.kind == CheckKind::Screening && c.outcome == CheckOutcome::Hit)
        .map(|c| c.hits.max(1))
        .sum();
    let ip = e.signals.ip_country.clone().unwrap_or_default();
    json!({
        "client": {
            "country": a.country,
            "nationality": a.nationality.clone().unwrap_or_default(),
            "age_years": a.birth_date.as_ref().map_or(0, |b| b.age_on(&e.today)),
            "pep": a.pep.unwrap_or(false),
            "occupation": a.occupation.clone().unwrap_or_default(),
            "source_of_funds": a.source_of_funds.clone().unwrap_or_default(),
            "partner": a.partner,
        },
        "country": { "high_risk": listed(&countries.high_risk), "enhanced": listed(&countries.enhanced) },
        "ip": { "matches": ip == a.country, "country": ip },
        "device": { "other_clients": e.signals.device_other_clients },
        "documents": { "mismatches": e.mismatches(), "reused": e.reused() },
        "screening": { "hits": screening },
        "duplicates": { "open": e.signals.duplicates_open },
        "test": { "class": test_class.unwrap_or("none") },
    })
}

/// Adds up. Shadow rules are in the evaluation's record and nowhere else.
pub(crate) fn score(ev: &Evaluation, bands: Bands) -> Risk {
    // A stopped evaluation answers no active rules; the ones that matched still count as warnings.
    let reasons: Vec<Reason> = ev
        .matched
        .iter()
        .filter(|f| !f.shadow)
        .map(|f| Reason {
            code: f.reason_code.clone(),
            rule: f.name.clone(),
            version: f.version,
            score: f.outcome.get("score").and_then(Value::as_i64).unwrap_or(0),
            person: f.outcome.get("person").and_then(Value::as_bool).unwrap_or(false),
        })
        .collect();
    let score = reasons.iter().fold(0i64, |s, r| s.saturating_add(r.score));
    let band = if score >= bands.high_from {
        Band::High
    } else if score >= bands.low_below {
        Band::Medium
    } else {
        Band::Low
    };
    Risk {
        score,
        band,
        reasons,
        stopped: ev.stopped,
    }
}

//! Checks: small questions with an answer that is kept. The house's own are pure functions of the
//! [`Evidence`]. A vendor's or a list's come later and from elsewhere: a job asks them and hands
//! what they found to [`crate::record_check`], first as `pending`, then with the answer; the
//! decision waits for the kinds the entity's policy requires.

use crate::compare::names_listed;
use crate::store::documents::Document;
use crate::{Applicant, Day, FieldsSource, Policy, Requirement, Signals, Watchlist};
use qd_kernel::text_enum;
use serde::Serialize;
use serde_json::{Value, json};

text_enum!(
    CheckKind as KycCheckKind {
        /// Everything the risk rules ask about is known.
        DataComplete = "data_complete",
        /// The files can be read by a person.
        DocumentQuality = "document_quality",
        /// The documents say what the client said.
        DataMatch = "data_match",
        /// The person is on no list.
        Screening = "screening",
        /// Nobody else is this person, and nobody else showed these documents.
        Duplicate = "duplicate",
        /// The connection and the device fit the person.
        DeviceLocation = "device_location",
    }
);

text_enum!(
    CheckOutcome as KycCheckOutcome {
        Clear = "clear",
        /// Something was found; a person looks.
        Hit = "hit",
        /// It could not be answered; a person looks.
        Error = "error",
        /// Asked, not answered yet.
        Pending = "pending",
    }
);

/// What a check found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    pub kind: CheckKind,
    /// `house`, or the vendor's connection.
    pub provider: String,
    pub outcome: CheckOutcome,
    pub hits: i64,
    /// Evidence: what was compared, which list in which version.
    pub details: Value,
}

/// All a check of the house may look at.
#[derive(Clone, Debug)]
pub struct Evidence {
    pub(crate) applicant: Applicant,
    pub(crate) signals: Signals,
    pub(crate) requirements: Vec<Requirement>,
    /// The current ones.
    pub(crate) documents: Vec<Document>,
    pub(crate) policy: Policy,
    pub(crate) watchlist: Option<Watchlist>,
    /// Other clients who showed a document with one of these numbers.
    pub(crate) number_used_by: Vec<String>,
    /// Others who handed in the very same file.
    pub(crate) file_used_by: Vec<String>,
    pub(crate) today: Day,
}

impl Evidence {
    pub(crate) fn mismatches(&self) -> i64 {
        count(
            self.documents
                .iter()
                .flat_map(|d| d.mismatches.0.iter())
                .filter(|m| m.is_about_person()),
        )
    }
    pub(crate) fn reused(&self) -> i64 {
        count(self.number_used_by.iter()) + count(self.file_used_by.iter())
    }
}

fn count<T>(of: impl Iterator<Item = T>) -> i64 {
    i64::try_from(of.count()).unwrap_or(i64::MAX)
}

pub trait Check: Send + Sync {
    fn kind(&self) -> CheckKind;
    fn provider(&self) -> &'static str {
        "house"
    }
    fn run(&self, e: &Evidence) -> Finding;
}

/// The house's own checks.
pub fn builtin() -> &'static [&'static dyn Check] {
    &[&DataComplete, &DocumentQuality, &DataMatch, &HouseList, &Duplicate, &DeviceLocation]
}

fn found(check: &dyn Check, hits: i64, details: Value) -> Finding {
    let outcome = if hits == 0 { CheckOutcome::Clear } else { CheckOutcome::Hit };
    Finding {
        kind: check.kind(),
        provider: check.provider().into(),
        outcome,
        hits,
        details,
    }
}

fn unanswered(check: &dyn Check, details: Value) -> Finding {
    Finding {
        kind: check.kind(),
        provider: check.provider().into(),
        outcome: CheckOutcome::Error,
        hits: 0,
        details,
    }
}

struct DataComplete;
impl Check for DataComplete {
    fn kind(&self) -> CheckKind {
        CheckKind::DataComplete
    }
    fn run(&self, e: &Evidence) -> Finding {
        let unknown = e.applicant.unknown();
        found(self, count(unknown.iter()), json!({ "unknown": unknown }))
    }
}

struct DocumentQuality;
impl Check for DocumentQuality {
    fn kind(&self) -> CheckKind {
        CheckKind::DocumentQuality
    }
    fn run(&self, e: &Evidence) -> Finding {
        let small: Vec<_> = e
            .documents
            .iter()
            .filter(|d| d.size < e.policy.min_file_bytes)
            .map(|d| json!({"document": d.id, "size": d.size}))
            .collect();
        found(
            self,
            count(small.iter()),
            json!({ "min_file_bytes": e.policy.min_file_bytes, "too_small": small }),
        )
    }
}

struct DataMatch;
impl Check for DataMatch {
    fn kind(&self) -> CheckKind {
        CheckKind::DataMatch
    }
    /// A requirement nobody has read is no match, even if nothing differs.
    fn run(&self, e: &Evidence) -> Finding {
        let counts = |d: &&Document| match d.fields_source {
            Some(FieldsSource::Client) => e.policy.declared_data_counts,
            Some(FieldsSource::Reviewer | FieldsSource::Ocr) => true,
            None => false,
        };
        let unread: Vec<&str> = e
            .requirements
            .iter()
            .filter(|r| {
                let read: Vec<&Document> = r.current(&e.documents).into_iter().filter(counts).collect();
                let any = |what: fn(&Document) -> bool| read.iter().any(|d| what(d));
                !any(|d| d.fields.0.holder_name.is_some())
                    || (r.expires && !any(|d| d.fields.0.expires_on.is_some()))
                    || (r.max_age_days.is_some() && !any(|d| d.fields.0.issued_on.is_some()))
            })
            .map(|r| r.code.as_str())
            .collect();
        let differing: Vec<_> = e
            .documents
            .iter()
            .flat_map(|d| {
                d.mismatches
                    .0
                    .iter()
                    .map(|m| json!({"document": d.id, "field": m.field, "reason": m.reason}))
            })
            .collect();
        let details = json!({ "unread": unread, "mismatches": differing });
        if differing.is_empty() && !unread.is_empty() {
            unanswered(self, details)
        } else {
            found(self, count(differing.iter()), details)
        }
    }
}

/// The house's own list of names. An entity without one has not screened anybody.
struct HouseList;
impl Check for HouseList {
    fn kind(&self) -> CheckKind {
        CheckKind::Screening
    }
    fn provider(&self) -> &'static str {
        "house_list"
    }
    fn run(&self, e: &Evidence) -> Finding {
        let Some(list) = &e.watchlist else {
            return unanswered(self, json!({ "list": "none" }));
        };
        let matched: Vec<&String> = list.names.iter().filter(|n| names_listed(&e.applicant.name, n)).collect();
        found(
            self,
            count(matched.iter()),
            json!({ "list": "kyc.watchlist", "list_version": list.version, "names": list.names.len(), "matched": matched }),
        )
    }
}

struct Duplicate;
impl Check for Duplicate {
    fn kind(&self) -> CheckKind {
        CheckKind::Duplicate
    }
    fn run(&self, e: &Evidence) -> Finding {
        let hits = e.reused().saturating_add(e.signals.duplicates_open);
        found(
            self,
            hits,
            json!({ "same_number": e.number_used_by, "same_file": e.file_used_by, "open_proposals": e.signals.duplicates_open }),
        )
    }
}

struct DeviceLocation;
impl Check for DeviceLocation {
    fn kind(&self) -> CheckKind {
        CheckKind::DeviceLocation
    }
    fn run(&self, e: &Evidence) -> Finding {
        let elsewhere = e
            .signals
            .ip_country
            .as_deref()
            .is_some_and(|c| !c.is_empty() && c != e.applicant.country);
        let hits = i64::from(elsewhere) + i64::from(e.signals.device_other_clients > 0);
        found(
            self,
            hits,
            json!({ "ip_country": e.signals.ip_country, "residence": e.applicant.country, "device_other_clients": e.signals.device_other_clients }),
        )
    }
}

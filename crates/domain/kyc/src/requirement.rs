//! What has to be proved, with which documents, and how far that is. Pure.

use qd_kernel::text_enum;
use qd_runtime::tenancy::{DocumentRule, EntityConfig};
use serde::{Deserialize, Serialize};

use crate::Level;
use crate::store::documents::Document;

/// One thing the client has to prove, as the rule book said when the case took it over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    /// `identity`, `address`, `funds`…
    pub code: String,
    pub title_key: String,
    /// Accepted kinds of documents.
    pub kinds: Vec<String>,
    /// Kinds that need a back side.
    pub two_sided: Vec<String>,
    /// Oldest accepted issue date, days before today.
    pub max_age_days: Option<u32>,
    /// Has an expiry date that must be known and watched.
    pub expires: bool,
}

text_enum!(Side as DocumentSide { Single = "single", Front = "front", Back = "back" });

text_enum!(
    /// One upload's own state.
    DocumentState as KycDocumentState {
        Pending = "pending",
        Accepted = "accepted",
        Rejected = "rejected",
        /// A later upload took its place.
        Replaced = "replaced",
        /// It was accepted and ran out, or is asked for anew.
        Outdated = "outdated",
    }
);

impl DocumentState {
    /// Counts for the case, rather than for its history.
    pub const fn is_current(self) -> bool {
        matches!(self, DocumentState::Pending | DocumentState::Accepted | DocumentState::Rejected)
    }
}

text_enum!(
    RequirementState as KycRequirementState {
        Missing = "missing",
        /// The other side is not there.
        SideMissing = "side_missing",
        Pending = "pending",
        Rejected = "rejected",
        Accepted = "accepted",
    }
);

impl From<&DocumentRule> for Requirement {
    fn from(r: &DocumentRule) -> Requirement {
        Requirement {
            code: r.code.clone(),
            title_key: r.title_key.clone(),
            kinds: r.kinds.clone(),
            two_sided: r.two_sided.clone(),
            max_age_days: r.max_age_days,
            expires: r.expires,
        }
    }
}

/// The rule book's list for a resident of `country` at a level: what is asked from the start, or
/// what large deposits ask for.
pub(crate) fn required(config: &EntityConfig, country: &str, level: Level) -> Vec<Requirement> {
    config
        .documents_for(country)
        .iter()
        .filter(|r| r.over_deposits_minor.is_some() == (level == Level::Enhanced))
        .map(Requirement::from)
        .collect()
}

impl Requirement {
    /// The sides a document of this kind has to show.
    pub fn sides(&self, kind: &str) -> &'static [Side] {
        if self.two_sided.iter().any(|k| k == kind) {
            &[Side::Front, Side::Back]
        } else {
            &[Side::Single]
        }
    }

    /// Those of the case's documents that count for this requirement.
    pub(crate) fn current<'a>(&self, documents: &'a [Document]) -> Vec<&'a Document> {
        documents
            .iter()
            .filter(|d| d.requirement == self.code && d.state.is_current())
            .collect()
    }

    pub(crate) fn state(&self, documents: &[Document]) -> RequirementState {
        let current: Vec<(&str, Side, DocumentState)> =
            self.current(documents).iter().map(|d| (d.kind.as_str(), d.side, d.state)).collect();
        self.state_of(&current)
    }

    fn state_of(&self, current: &[(&str, Side, DocumentState)]) -> RequirementState {
        let Some((kind, ..)) = current.first() else {
            return RequirementState::Missing;
        };
        if current.iter().any(|(_, _, s)| *s == DocumentState::Rejected) {
            return RequirementState::Rejected;
        }
        if self.sides(kind).iter().any(|side| !current.iter().any(|(_, s, _)| s == side)) {
            return RequirementState::SideMissing;
        }
        if current.iter().all(|(_, _, s)| *s == DocumentState::Accepted) {
            RequirementState::Accepted
        } else {
            RequirementState::Pending
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DocumentState as D;
    use RequirementState as R;

    #[test]
    fn a_requirement_is_as_far_as_the_worst_of_its_sides() {
        let r = Requirement {
            code: "identity".into(),
            title_key: String::new(),
            kinds: vec!["passport".into(), "id_card".into()],
            two_sided: vec!["id_card".into()],
            max_age_days: None,
            expires: true,
        };
        let of = |list: &[(&str, Side, D)]| r.state_of(list);
        assert_eq!(of(&[]), R::Missing);
        assert_eq!(of(&[("passport", Side::Single, D::Pending)]), R::Pending);
        assert_eq!(of(&[("passport", Side::Single, D::Accepted)]), R::Accepted);
        assert_eq!(of(&[("id_card", Side::Front, D::Accepted)]), R::SideMissing);
        assert_eq!(
            of(&[("id_card", Side::Front, D::Accepted), ("id_card", Side::Back, D::Pending)]),
            R::Pending
        );
        assert_eq!(
            of(&[("id_card", Side::Front, D::Accepted), ("id_card", Side::Back, D::Rejected)]),
            R::Rejected
        );
        assert_eq!(of(&[("id_card", Side::Back, D::Rejected)]), R::Rejected);
        assert_eq!(
            of(&[("id_card", Side::Front, D::Accepted), ("id_card", Side::Back, D::Accepted)]),
            R::Accepted
        );
    }
}

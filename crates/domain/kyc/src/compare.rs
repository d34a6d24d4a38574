//! What the client typed beside what the document says.

use crate::{Applicant, Day, DocumentFields, Requirement};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use unicode_normalization::UnicodeNormalization;

/// One difference, both sides as they stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = DocumentMismatch)]
pub struct Mismatch {
    pub field: String,
    /// What the client record, or the rule book, says.
    pub expected: String,
    /// What the document says.
    pub document: String,
    /// `name_mismatch`, `birth_date_mismatch`, `nationality_mismatch`, `expired`, `expiring_soon`,
    /// `too_old`, `issued_in_future`.
    pub reason: String,
}

impl Mismatch {
    /// The document names another person, rather than being too old or too young.
    pub fn is_about_person(&self) -> bool {
        self.reason.ends_with("_mismatch")
    }
}

/// Every difference between a document's fields and what is expected of it.
pub(crate) fn mismatches(a: &Applicant, r: &Requirement, f: &DocumentFields, today: &Day, min_days_left: u32) -> Vec<Mismatch> {
    let mut out = Vec::new();
    let mut differs = |field: &str, expected: String, document: String, reason: &str| {
        out.push(Mismatch {
            field: field.into(),
            expected,
            document,
            reason: reason.into(),
        });
    };
    if let Some(n) = &f.holder_name
        && !same_name(&a.name, n)
    {
        differs("holder_name", a.name.clone(), n.clone(), "name_mismatch");
    }
    if let (Some(typed), Some(printed)) = (&a.birth_date, &f.birth_date)
        && typed != printed
    {
        differs("birth_date", typed.to_string(), printed.to_string(), "birth_date_mismatch");
    }
    if let (Some(typed), Some(printed)) = (&a.nationality, &f.nationality)
        && !typed.eq_ignore_ascii_case(printed)
    {
        differs("nationality", typed.clone(), printed.clone(), "nationality_mismatch");
    }
    if r.expires
        && let Some(e) = &f.expires_on
    {
        let left = today.days_until(e);
        if left < 0 {
            differs("expires_on", format!("{today} or later"), e.to_string(), "expired");
        } else if left < i64::from(min_days_left) {
            differs("expires_on", format!("{min_days_left} days left"), e.to_string(), "expiring_soon");
        }
    }
    if let Some(i) = &f.issued_on {
        let age = i.days_until(today);
        if age < 0 {
            differs("issued_on", format!("{today} or earlier"), i.to_string(), "issued_in_future");
        } else if let Some(max) = r.max_age_days
            && age > i64::from(max)
        {
            differs("issued_on", format!("at most {max} days old"), i.to_string(), "too_old");
        }
    }
    out
}

/// Whether a document's name is the client's: every part of the one is in the other, in any order,
/// whatever the case and the accents. Documents carry middle names that clients leave out, and
/// machine-readable zones write ä as AE.
pub fn same_name(client: &str, document: &str) -> bool {
    let (a, b) = (spellings(client), spellings(document));
    a.iter().any(|x| {
        b.iter()
            .any(|y| (x.len() >= 2 && y.len() >= 2 && (x.is_subset(y) || y.is_subset(x))) || (x == y && !x.is_empty()))
    })
}

/// Whether every part of `listed` is in `name`.
pub(crate) fn names_listed(name: &str, listed: &str) -> bool {
    let (a, b) = (spellings(name), spellings(listed));
    a.iter().any(|x| b.iter().any(|y| !y.is_empty() && y.is_subset(x)))
}

/// The parts of a name, without accents and with the German letters written out.
fn spellings(name: &str) -> [BTreeSet<String>; 2] {
    let lower: String = name.chars().flat_map(char::to_lowercase).collect();
    let written_out: String = lower
        .nfc()
        .map(|c| match c {
            'ä' => "ae".to_string(),
            'ö' => "oe".to_string(),
            'ü' => "ue".to_string(),
            c => c.to_string(),
        })
        .collect();
    [parts(&lower), parts(&written_out)]
}

fn parts(text: &str) -> BTreeSet<String> {
    let plain: String = text
        .nfkd()
        .filter(|c| !unicode_normalization::char::is_combining_mark(*c))
        .map(|c| match c {
            'ß' => "ss".to_string(),
            'ø' => "o".to_string(),
            'ł' => "l".to_string(),
            'đ' => "d".to_string(),
            'æ' => "ae".to_string(),
            '\'' | '’' => String::new(),
            c if c.is_alphanumeric() => c.to_string(),
            _ => " ".to_string(),
        })
        .collect();
    plain.split_whitespace().map(str::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_whatever_its_order_case_accents_and_middle_names() {
        for (a, b) in [
            ("Jürgen Groß", "GROSS JUERGEN"),
            ("Jürgen Groß", "Gross, Jurgen"),
            ("Alex Müller", "MÜLLER ALEXANDER ALEX"),
            ("Łukasz Żak", "ZAK LUKASZ"),
            ("Siobhán O’Neill", "O'NEILL SIOBHAN MARY"),
            ("Sukarno", "SUKARNO"),
            ("Ana-Maria Pop", "POP ANA MARIA"),
        ] {
            assert!(same_name(a, b), "{a} / {b}");
        }
        for (a, b) in [
            ("Alex Müller", "Max Müller"),
            ("Alex", "Alex Müller"),
            ("Anna Berg", "Anna Bergmann"),
            ("", ""),
            ("A B", "- -"),
        ] {
            assert!(!same_name(a, b), "{a} / {b}");
        }
        assert!(names_listed("Viktor Anatolyevich Bout", "Bout, Viktor"));
        assert!(!names_listed("Viktor Bouten", "Viktor Bout"));
    }

    #[test]
    fn each_difference_is_named_with_both_sides() {
        let day = |t: &str| Day::parse(t).unwrap();
        let a = Applicant {
            client_id: "cli_x".into(),
            entity: "eu".into(),
            country: "DE".into(),
            name: "Alex Müller".into(),
            email: "a@example.test".into(),
            nationality: Some("DE".into()),
            birth_date: Some(day("1990-05-14")),
            phone: None,
            occupation: None,
            source_of_funds: None,
            pep: None,
            partner: false,
            profile_missing: vec![],
        };
        let identity = Requirement {
            code: "identity".into(),
            title_key: String::new(),
            kinds: vec![],
            two_sided: vec![],
            max_age_days: None,
            expires: true,
        };
        let address = Requirement {
            code: "address".into(),
            max_age_days: Some(90),
            expires: false,
            ..identity.clone()
        };
        let fields = |f: DocumentFields| f;
        let wrong = fields(DocumentFields {
            holder_name: Some("Max Meier".into()),
            birth_date: Some(day("1991-05-14")),
            nationality: Some("AT".into()),
            expires_on: Some(day("2026-11-19")),
            ..DocumentFields::default()
        });
        let today = day("2026-11-20");
        let reasons =
            |r: &Requirement, f: &DocumentFields| mismatches(&a, r, f, &today, 30).into_iter().map(|m| m.reason).collect::<Vec<_>>();
        assert_eq!(
            reasons(&identity, &wrong),
            ["name_mismatch", "birth_date_mismatch", "nationality_mismatch", "expired"]
        );
        let soon = DocumentFields {
            expires_on: Some(day("2026-12-01")),
            ..DocumentFields::default()
        };
        assert_eq!(reasons(&identity, &soon), ["expiring_soon"]);
        assert!(reasons(&address, &soon).is_empty(), "what need not expire is not measured by it");
        let old = DocumentFields {
            issued_on: Some(day("2026-08-01")),
            ..DocumentFields::default()
        };
        assert_eq!(reasons(&address, &old), ["too_old"]);
        let tomorrow = DocumentFields {
            issued_on: Some(day("2026-11-21")),
            ..DocumentFields::default()
        };
        assert_eq!(reasons(&address, &tomorrow), ["issued_in_future"]);
        assert!(reasons(&identity, &DocumentFields::default()).is_empty());
    }
}

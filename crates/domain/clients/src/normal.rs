//! How names, addresses and numbers are compared: the same person types them differently each time.

use crate::dial::dial_code;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Lower case without accents; German ß and letters like ø as people type them on other keyboards.
pub fn plain(text: &str) -> String {
    text.nfkd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .flat_map(|c| match c {
            'ß' => vec!['s', 's'],
            'ø' => vec!['o'],
            'æ' => vec!['a', 'e'],
            'œ' => vec!['o', 'e'],
            'ł' => vec!['l'],
            'đ' | 'ð' => vec!['d'],
            'þ' => vec!['t', 'h'],
            'ı' => vec!['i'],
            c => vec![c],
        })
        .collect()
}

/// The words of a name, plain, without punctuation.
pub fn words(name: &str) -> Vec<String> {
    plain(name)
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .map(str::to_string)
        .collect()
}

/// One mark for one mailbox: lower case, without a `+tag`; providers that ignore dots lose them.
pub fn mailbox(email: &str) -> Option<String> {
    let e = email.trim().to_lowercase();
    let (local, domain) = e.rsplit_once('@')?;
    let local = local.split('+').next().unwrap_or(local);
    let (local, domain) = match domain {
        "gmail.com" | "googlemail.com" => (local.replace('.', ""), "gmail.com"),
        d => (local.to_string(), d),
    };
    (!local.is_empty() && domain.contains('.')).then(|| format!("{local}@{domain}"))
}

/// Digits of the international form without plus: `+49 (0)171 123` and `0171 123` in Germany are
/// both `49171123`. None when too short to be a number.
pub fn phone(text: &str, country: &str) -> Option<String> {
    let digits = |t: &str| {
        t.chars()
            .filter_map(|c| c.to_digit(10))
            .filter_map(|d| char::from_digit(d, 10))
            .collect::<String>()
    };
    let t = text.trim();
    let international = t.starts_with('+') || t.starts_with("00");
    // A zero in brackets is the trunk zero nobody dials from abroad.
    let d = digits(&if international { t.replace("(0)", "") } else { t.to_string() });
    let d = if t.starts_with("00") {
        d.trim_start_matches('0').to_string()
    } else {
        d
    };
    let full = match dial_code(country) {
        _ if international => d,
        // Some type the country's code without a plus. Italy and San Marino keep the first zero.
        Some(code) if d.starts_with(code) && d.len() >= code.len() + 8 => d,
        Some(code) if matches!(country, "IT" | "SM" | "VA") => format!("{code}{d}"),
        Some(code) => format!("{code}{}", d.trim_start_matches('0')),
        None => d,
    };
    (7..=15).contains(&full.len()).then_some(full)
}

/// The same name in any order with the same day of birth (`1990-05-17`).
pub fn name_birth(first: &str, last: &str, birth_date: &str) -> Option<String> {
    let mut w = words(&format!("{first} {last}"));
    if w.len() < 2 || birth_date.is_empty() {
        return None;
    }
    w.sort();
    w.dedup();
    Some(format!("{}|{birth_date}", w.join(" ")))
}

/// What lists sort by: surname first.
pub fn name_key(first: &str, last: &str) -> String {
    let mut w = words(last);
    w.extend(words(first));
    w.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_telephone_typed_in_six_ways_is_one_telephone() {
        for t in [
            "+49 171 1234567",
            "0049 171 1234567",
            "0171/123 45 67",
            "+49 (0)171-1234567",
            "491711234567",
            "171 1234567",
        ] {
            assert_eq!(phone(t, "DE").as_deref(), Some("491711234567"), "{t}");
        }
        assert_eq!(phone("02 1234 5678", "IT").as_deref(), Some("390212345678"));
        assert_eq!(phone("٠٥٠ ١٢٣ ٤٥٦٧", "AE"), None, "digits of other scripts are not guessed");
        assert_eq!(phone("12", "DE"), None);
    }

    #[test]
    fn one_mailbox_typed_in_different_ways_is_one_mailbox() {
        for t in ["Alex.Weber@gmail.com", "alexweber+fx@googlemail.com", " a.l.e.x.weber@GMAIL.com "] {
            assert_eq!(mailbox(t).as_deref(), Some("alexweber@gmail.com"));
        }
        assert_eq!(mailbox("Alex.Weber+x@firma.de").as_deref(), Some("alex.weber@firma.de"));
        assert_eq!(mailbox("nobody"), None);
        assert_eq!(mailbox("+x@gmail.com"), None);
    }

    #[test]
    fn names_meet_across_order_accents_and_capitals() {
        assert_eq!(
            name_birth("José María", "Núñez", "1990-05-17"),
            name_birth("NUNEZ", "jose maria", "1990-05-17")
        );
        assert_ne!(name_birth("Ann", "Lee", "1990-05-17"), name_birth("Ann", "Lee", "1990-05-18"));
        assert_eq!(name_birth("Ann", "", "1990-05-17"), None);
        assert_eq!(name_key("Jürgen", "Weiß"), "weiss jurgen");
    }
}

//! Names, account numbers and references as banks take them. Pure.

use qd_kernel::{Problem, Result};

/// Letters and digits that every bank takes, as in the SEPA rule books: Latin letters without marks,
/// digits, `/ - ? : ( ) . , ' +` and space.
pub fn bank_text(field: &str, text: &str, max: usize) -> Result<()> {
    let plain = latin(text);
    if plain.trim().is_empty() || plain.chars().count() > max {
        return Err(Problem::invalid(field, "text_malformed", format!("expected 1 to {max} characters")));
    }
    match plain.chars().find(|c| !c.is_ascii_alphanumeric() && !"/-?:().,'+ ".contains(*c)) {
        None => Ok(()),
        Some(c) => Err(Problem::invalid(
            field,
            "charset",
            format!("expected Latin letters, digits and / - ? : ( ) . , ' +, not {c:?}"),
        )),
    }
}

/// Marks off: banks of the area write `Müller` as `Mueller`; what has no such form stays.
pub fn latin(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let put = match c {
            'ä' | 'æ' => "ae",
            'ö' | 'ø' | 'œ' => "oe",
            'ü' => "ue",
            'Ä' | 'Æ' => "Ae",
            'Ö' | 'Ø' | 'Œ' => "Oe",
            'Ü' => "Ue",
            'ß' => "ss",
            'à' | 'á' | 'â' | 'ã' | 'å' | 'ą' | 'ă' => "a",
            'À' | 'Á' | 'Â' | 'Ã' | 'Å' | 'Ą' | 'Ă' => "A",
            'ç' | 'ć' | 'č' => "c",
            'Ç' | 'Ć' | 'Č' => "C",
            'ď' | 'đ' => "d",
            'Ď' | 'Đ' => "D",
            'è' | 'é' | 'ê' | 'ë' | 'ę' | 'ě' => "e",
            'È' | 'É' | 'Ê' | 'Ë' | 'Ę' | 'Ě' => "E",
            'ì' | 'í' | 'î' | 'ï' | 'ı' => "i",
            'Ì' | 'Í' | 'Î' | 'Ï' | 'İ' => "I",
            'ł' => "l",
            'Ł' => "L",
            'ñ' | 'ń' | 'ň' => "n",
            'Ñ' | 'Ń' | 'Ň' => "N",
            'ò' | 'ó' | 'ô' | 'õ' | 'ő' => "o",
            'Ò' | 'Ó' | 'Ô' | 'Õ' | 'Ő' => "O",
            'ř' => "r",
            'Ř' => "R",
            'ś' | 'š' | 'ş' | 'ș' => "s",
            'Ś' | 'Š' | 'Ş' | 'Ș' => "S",
            'ť' | 'ţ' | 'ț' => "t",
            'Ť' | 'Ţ' | 'Ț' => "T",
            'ù' | 'ú' | 'û' | 'ů' | 'ű' => "u",
            'Ù' | 'Ú' | 'Û' | 'Ů' | 'Ű' => "U",
            'ý' | 'ÿ' => "y",
            'Ý' => "Y",
            'ź' | 'ż' | 'ž' => "z",
            'Ź' | 'Ż' | 'Ž' => "Z",
            'ğ' => "g",
            'Ğ' => "G",
            '&' => "+",
            '\u{2019}' => "'",
            '\u{2013}' | '\u{2014}' => "-",
            other => {
                out.push(other);
                continue;
            }
        };
        out.push_str(put);
    }
    out
}

/// Two names that a bank or a compliance officer would take for the same holder: marks, case, order
/// of words and punctuation apart.
pub fn same_name(a: &str, b: &str) -> bool {
    let words = |t: &str| {
        let mut w: Vec<String> = latin(t)
            .to_lowercase()
            .split(|c: char| !c.is_alphanumeric())
            .filter(|w| !w.is_empty())
            .map(str::to_string)
            .collect();
        w.sort();
        w
    };
    !a.trim().is_empty() && words(a) == words(b)
}

/// Country, length 15 to 34, checksum 1 modulo 97 (ISO 13616). Spaces are not allowed.
pub fn iban(field: &str, text: &str) -> Result<()> {
    let bad = |why: &str| Problem::invalid(field, "iban_malformed", why);
    let b = text.as_bytes();
    if !(15..=34).contains(&b.len())
        || !b.iter().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
        || !b[..2].iter().all(u8::is_ascii_uppercase)
        || !b[2..4].iter().all(u8::is_ascii_digit)
    {
        return Err(bad(
            "expected an IBAN: country, two check digits, capital letters and digits without spaces",
        ));
    }
    let mut rest = 0u32;
    for c in b[4..].iter().chain(&b[..4]) {
        rest = if c.is_ascii_digit() {
            (rest * 10 + u32::from(c - b'0')) % 97
        } else {
            (rest * 100 + u32::from(c - b'A') + 10) % 97
        };
    }
    if rest == 1 {
        Ok(())
    } else {
        Err(bad("expected an IBAN whose check digits are right"))
    }
}

/// Eight or eleven characters (ISO 9362).
pub fn bic(field: &str, text: &str) -> Result<()> {
    let b = text.as_bytes();
    let ok = matches!(b.len(), 8 | 11)
        && b[..6].iter().all(u8::is_ascii_uppercase)
        && b[6..].iter().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    if ok {
        Ok(())
    } else {
        Err(Problem::invalid(
            field,
            "bic_malformed",
            "expected a BIC of 8 or 11 capital letters and digits",
        ))
    }
}

/// The two check digits of ISO 11649 over a body of capital letters and digits.
fn rf_check(body: &str) -> u32 {
    let mut rest = 0u32;
    for c in body.bytes().chain(*b"RF00") {
        rest = if c.is_ascii_digit() {
            (rest * 10 + u32::from(c - b'0')) % 97
        } else {
            (rest * 100 + u32::from(c - b'A') + 10) % 97
        };
    }
    98 - rest
}

/// A creditor reference (ISO 11649) of 1 to 21 capital letters and digits: `RF` and two check digits
/// before them, so that a mistyped one is noticed.
pub fn creditor_reference(body: &str) -> Result<String> {
    let plain = body.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    if !(1..=21).contains(&body.len()) || !plain {
        return Err(Problem::invalid(
            "reference",
            "reference_malformed",
            "expected 1 to 21 capital letters and digits",
        ));
    }
    Ok(format!("RF{:02}{body}", rf_check(body)))
}

/// Whether it is a creditor reference whose check digits are right; without spaces, in capitals.
pub fn is_creditor_reference(text: &str) -> bool {
    let Some(body) = text.get(4..) else { return false };
    text.is_ascii() && creditor_reference(body).is_ok_and(|made| made == text)
}

/// In groups of four, as people copy it: `RF18 5390 0754 7034`.
pub fn in_groups(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    chars.chunks(4).map(|c| c.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_iban_with_one_wrong_digit_is_refused() {
        for good in [
            "DE89370400440532013000",
            "GB82WEST12345698765432",
            "CY17002001280000001200527600",
            "NO9386011117947",
        ] {
            assert!(iban("iban", good).is_ok(), "{good}");
            let mut wrong = good.to_string();
            let last = wrong.pop();
            wrong.push(if last == Some('1') { '2' } else { '1' });
            assert_eq!(iban("iban", &wrong).err().map(|p| p.code), Some("iban_malformed"), "{wrong}");
        }
        assert!(iban("iban", "DE89 3704 0044 0532 0130 00").is_err());
        assert!(bic("bic", "COBADEFFXXX").is_ok() && bic("bic", "COBADEFF").is_ok());
        assert!(bic("bic", "COBADEF").is_err() && bic("bic", "C0BADEFF").is_err());
    }

    #[test]
    fn a_creditor_reference_with_a_typing_mistake_is_noticed() {
        // The example of the standard.
        assert_eq!(creditor_reference("539007547034").expect("plain"), "RF18539007547034");
        assert!(is_creditor_reference("RF18539007547034") && !is_creditor_reference("RF18539007547043") && !is_creditor_reference("RF1"));
        assert_eq!(in_groups("RF18539007547034"), "RF18 5390 0754 7034");
        assert!(creditor_reference("").is_err() && creditor_reference("a1").is_err());
    }

    #[test]
    fn names_are_written_as_banks_take_them() {
        assert_eq!(latin("Żółć & Müller"), "Zolc + Mueller");
        assert!(same_name("Müller, Anna", "anna mueller") && !same_name("Anna Mueller", "Anna Miller") && !same_name("", ""));
        assert_eq!(bank_text("/name", "北京", 70).err().map(|p| p.code), Some("charset"));
        assert_eq!(
            bank_text("/name", &"x".repeat(71), 70).err().map(|p| p.code),
            Some("text_malformed")
        );
    }
}

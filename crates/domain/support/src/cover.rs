//! Bank data in free text. Clients write account and card numbers into messages; those who may not
//! see bank data read dots in their place, and the timeline never holds them.

use qd_runtime::access::{Caller, Mask, mask::COVERED};

/// `text` as the caller may read it.
pub fn for_caller(caller: &Caller, text: &str) -> String {
    if caller.sees(Mask::Bank) { text.to_string() } else { bank(text) }
}

/// The text with account numbers (IBAN) and card numbers covered.
pub fn bank(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    while at < chars.len() {
        let starts_word = at == 0 || !(chars[at - 1].is_alphanumeric() || chars[at - 1] == '+');
        match starts_word.then(|| iban(&chars[at..]).or_else(|| card(&chars[at..]))).flatten() {
            Some(n) => {
                out.push_str(COVERED);
                at += n;
            }
            None => {
                out.push(chars[at]);
                at += 1;
            }
        }
    }
    out
}

/// How many characters from here on are characters of the number, groups parted by one blank or
/// dash included, with the number itself. Ends before the first that `takes` refuses.
fn run(chars: &[char], most: usize, takes: impl Fn(usize, char) -> bool) -> (String, usize) {
    let (mut number, mut end, mut at) = (String::new(), 0, 0);
    while at < chars.len() && number.len() < most {
        let c = chars[at];
        if c.is_ascii_alphanumeric() && takes(number.len(), c) {
            number.push(c.to_ascii_uppercase());
            at += 1;
            end = at;
        } else if (c == ' ' || c == '-' || c == '\u{a0}') && end == at && at > 0 {
            at += 1;
        } else {
            break;
        }
    }
    (number, end)
}

fn iban(chars: &[char]) -> Option<usize> {
    let head = |i: usize, c: char| match i {
        0 | 1 => c.is_ascii_alphabetic(),
        2 | 3 => c.is_ascii_digit(),
        _ => true,
    };
    let (number, _) = run(chars, 34, head);
    // Words may follow the number after a blank: the longest start whose check digits are right.
    (15..=number.len())
        .rev()
        .find(|n| check_97(&number[..*n]))
        .map(|n| run(chars, n, head).1)
}

/// ISO 13616: moved round and read as a number, an IBAN leaves 1 when divided by 97.
fn check_97(number: &str) -> bool {
    let rest = number.chars().skip(4).chain(number.chars().take(4)).try_fold(0u32, |sum, c| {
        let v = c.to_digit(36)?;
        Some(if v < 10 { (sum * 10 + v) % 97 } else { (sum * 100 + v) % 97 })
    });
    rest == Some(1)
}

fn card(chars: &[char]) -> Option<usize> {
    let (number, _) = run(chars, 19, |_, c| c.is_ascii_digit());
    (13..=number.len())
        .rev()
        .find(|n| luhn(&number[..*n]))
        .map(|n| run(chars, n, |_, c| c.is_ascii_digit()).1)
}

fn luhn(number: &str) -> bool {
    let sum = number.chars().rev().enumerate().try_fold(0u32, |sum, (i, c)| {
        let d = c.to_digit(10)?;
        Some(sum + if i % 2 == 0 { d } else { (d * 2) / 10 + (d * 2) % 10 })
    });
    sum.is_some_and(|s| s % 10 == 0)
}

#[cfg(test)]
mod tests {
    use super::bank;

    #[test]
    fn account_and_card_numbers_are_covered_however_they_are_written() {
        for (text, covered) in [
            ("My IBAN is DE89 3704 0044 0532 0130 00, please.", "My IBAN is •••, please."),
            ("de89370400440532013000", "•••"),
            ("to CY17002001280000001200527600 today", "to ••• today"),
            ("card 4242 4242 4242 4242 declined", "card ••• declined"),
            ("4242-4242-4242-4242", "•••"),
        ] {
            assert_eq!(bank(text), covered);
        }
    }

    #[test]
    fn amounts_dates_telephones_and_our_own_ids_stay() {
        for text in [
            "I sent EUR 500.00 on 2026-11-20 at 14:30.",
            "call +49 171 1234567 or 0171 1234567",
            "deposit dep_01JD1Z3Y5K8Q2M4N6P8R0S2T4V login 500001",
            "order 12345678",
            "عندي سؤال عن الإيداع 500",
        ] {
            assert_eq!(bank(text), text);
        }
    }
}

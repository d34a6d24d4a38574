//! The address a partner wants to be told at, with `{macros}` in it. Each value is percent-encoded;
//! one that is not known becomes empty.

use qd_kernel::{Problem, Result};
use qd_ports::courier::Courier;
use std::collections::BTreeMap;

/// What may stand in an address, with the other spellings trackers use.
pub const MACROS: &[&str] = &[
    "click_id",
    "our_click_id",
    "sub1",
    "sub2",
    "sub3",
    "sub4",
    "sub5",
    "partner_id",
    "link_id",
    "link_code",
    "campaign",
    "client",
    "event",
    "event_id",
    "amount",
    "payout",
    "currency",
    "country",
    "lots",
    "symbol_group",
    "status",
    "time",
    "time_ms",
    "time_iso",
    "postback_id",
    "test",
];
const ALIASES: &[(&str, &str)] = &[
    ("aff_click_id", "click_id"),
    ("clickid", "click_id"),
    ("transaction_id", "click_id"),
    ("aff_sub", "sub1"),
    ("aff_sub2", "sub2"),
    ("aff_sub3", "sub3"),
    ("aff_sub4", "sub4"),
    ("aff_sub5", "sub5"),
    ("affiliate_id", "partner_id"),
    ("user_id", "client"),
    ("timestamp", "time"),
];
pub const MAX_URL: usize = 2_000;

fn known(name: &str) -> Option<&'static str> {
    MACROS
        .iter()
        .find(|m| **m == name)
        .copied()
        .or_else(|| ALIASES.iter().find(|(a, _)| *a == name).map(|(_, m)| *m))
}

/// A piece of an address: text as it is, or a macro's name.
enum Piece<'a> {
    Text(&'a str),
    Macro(&'a str),
}

/// `{x}` and `{{x}}`. None when a brace has no partner.
fn pieces(url: &str) -> Option<Vec<Piece<'_>>> {
    let mut out = Vec::new();
    let mut rest = url;
    while let Some(open) = rest.find(['{', '}']) {
        out.push(Piece::Text(&rest[..open]));
        rest = rest[open..].strip_prefix('{')?;
        let double = rest.starts_with('{');
        rest = rest.strip_prefix('{').unwrap_or(rest);
        let end = rest.find('}')?;
        out.push(Piece::Macro(rest[..end].trim()));
        rest = &rest[end + 1..];
        if double {
            rest = rest.strip_prefix('}')?;
        }
    }
    out.push(Piece::Text(rest));
    Some(out)
}

fn refused(code: &'static str, expected: &str) -> Problem {
    Problem::invalid("url", code, expected.to_string())
}

/// Whether an address may be used: its scheme, host and port are written out, its macros are known,
/// and it is not inside our own network (a name is checked again when it is resolved).
pub fn check(url: &str, out: &dyn Courier) -> Result<()> {
    if url.len() > MAX_URL || url.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(refused(
            "url_malformed",
            "expected an address of at most 2000 characters without spaces",
        ));
    }
    let after_scheme = url.find("://").map_or(0, |i| i + 3);
    let host_end = url[after_scheme..].find(['/', '?', '#']).map_or(url.len(), |i| after_scheme + i);
    if url[..host_end].contains(['{', '}']) {
        return Err(refused("url_macro_in_host", "expected macros after the host only"));
    }
    let found = pieces(url).ok_or_else(|| refused("url_malformed", "expected each { to be closed"))?;
    for p in &found {
        if let Piece::Macro(name) = p
            && known(name).is_none()
        {
            return Err(refused("macro_unknown", &format!("expected one of {}", MACROS.join(", "))));
        }
    }
    address(&fill_with(&found, |_| "x".into()), out)
}

/// The rules for where a call may go, without macros.
pub fn address(url: &str, out: &dyn Courier) -> Result<()> {
    out.allows(url).map_err(|n| refused(n.code, &n.expected))
}

fn fill_with(pieces: &[Piece<'_>], value: impl Fn(&str) -> String) -> String {
    pieces
        .iter()
        .map(|p| match p {
            Piece::Text(t) => (*t).to_string(),
            Piece::Macro(m) => value(m),
        })
        .collect()
}

/// The address with its values in place.
pub fn fill(url: &str, values: &BTreeMap<String, String>) -> String {
    match pieces(url) {
        Some(p) => fill_with(&p, |m| {
            known(m).and_then(|name| values.get(name)).map(|v| encoded(v)).unwrap_or_default()
        }),
        None => url.to_string(),
    }
}

/// Percent-encoded, all but the unreserved signs.
pub fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
            out.push(b as char);
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_filled_each_value_encoded_and_a_missing_one_is_empty() {
        let values = BTreeMap::from([
            ("click_id".to_string(), "a b&c=d/ü{event}".to_string()),
            ("event".to_string(), "ftd".to_string()),
        ]);
        assert_eq!(
            fill(
                "https://t.example/pb?c={click_id}&e={{event}}&x={sub3}&again={{ transaction_id }}",
                &values
            ),
            "https://t.example/pb?c=a%20b%26c%3Dd%2F%C3%BC%7Bevent%7D&e=ftd&x=&again=a%20b%26c%3Dd%2F%C3%BC%7Bevent%7D"
        );
    }
}

//! The request's form: names from the query and from a JSON (or form) body, the body winning,
//! without regard to case or underscores (`pass_main`, `PassMain`).

use super::wire::Code;
use serde_json::{Map, Value};
use std::collections::HashMap;

pub struct Params(HashMap<String, Value>);

fn norm(name: &str) -> String {
    name.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect()
}

impl Params {
    /// The body is read as what it is, whatever its content type says; one that looks like JSON
    /// and is not is code 3.
    pub fn read(query: &str, body: &[u8]) -> Result<Params, Code> {
        let mut map = HashMap::new();
        pairs(query, &mut map);
        let text = std::str::from_utf8(body).map_err(|_| Code::PARAMS)?;
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.starts_with('{') {
            let object: Map<String, Value> = serde_json::from_str(text).map_err(|_| Code::PARAMS)?;
            for (k, v) in object {
                if let Some(v) = scalar(v) {
                    map.insert(norm(&k), v);
                }
            }
        } else if text.contains('=') {
            pairs(text, &mut map);
        } else if !text.is_empty() {
            return Err(Code::PARAMS);
        }
        Ok(Params(map))
    }

    /// The first of these names that is there, as text.
    pub fn text(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|n| self.0.get(&norm(n))?.as_str())
    }
    pub fn raw(&self, name: &str) -> Option<&Value> {
        self.0.get(&norm(name))
    }
    /// Whether a name is there at all, empty or not.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(&norm(name))
    }
    /// `Ok(None)` when absent or empty, code 3 when it is no number.
    pub fn int(&self, name: &str) -> Result<Option<i64>, Code> {
        match self.text(&[name]).map(str::trim) {
            None | Some("") => Ok(None),
            Some(t) => integer(t).map(Some).ok_or(Code::PARAMS),
        }
    }
    pub fn need_int(&self, name: &str) -> Result<i64, Code> {
        self.int(name)?.ok_or(Code::PARAMS)
    }
    /// A login or ticket.
    pub fn need_id(&self, names: &[&str]) -> Result<u64, Code> {
        self.text(names)
            .and_then(|t| integer(t.trim()))
            .and_then(|v| u64::try_from(v).ok())
            .filter(|v| *v > 0)
            .ok_or(Code::PARAMS)
    }
    /// A comma list or a JSON array; `None` when absent or empty.
    pub fn list(&self, names: &[&str]) -> Option<Vec<String>> {
        let v = names.iter().find_map(|n| self.0.get(&norm(n)))?;
        let parts: Vec<String> = match v {
            Value::String(t) => t.split(',').map(|p| p.trim().to_string()).filter(|p| !p.is_empty()).collect(),
            Value::Array(a) => a
                .iter()
                .filter_map(|v| match v {
                    Value::String(t) => Some(t.trim().to_string()),
                    Value::Number(n) => Some(n.to_string()),
                    _ => None,
                })
                .flat_map(|t| t.split(',').map(str::to_string).collect::<Vec<_>>())
                .filter(|p| !p.is_empty())
                .collect(),
            _ => return None,
        };
        (!parts.is_empty()).then_some(parts)
    }
    pub fn ids(&self, names: &[&str]) -> Result<Option<Vec<u64>>, Code> {
        match self.list(names) {
            None => Ok(None),
            Some(l) => l
                .iter()
                .map(|t| t.parse().map_err(|_| Code::PARAMS))
                .collect::<Result<Vec<u64>, _>>()
                .map(Some),
        }
    }
}

/// An integer, also when a client's number type has put a zero fraction behind it.
fn integer(t: &str) -> Option<i64> {
    let t = t.strip_prefix('+').unwrap_or(t);
    match t.split_once('.') {
        Some((whole, frac)) if frac.bytes().all(|b| b == b'0') => whole.parse().ok(),
        _ => t.parse().ok(),
    }
}

/// Decimal text as an integer of `scale` decimals; more decimals are rounded half away from zero.
pub fn decimal(text: &str, scale: u8) -> Option<i64> {
    let t = text.trim();
    let (neg, t) = match t.as_bytes().first()? {
        b'-' => (true, &t[1..]),
        b'+' => (false, &t[1..]),
        _ => (false, t),
    };
    let (whole, frac) = t.split_once('.').unwrap_or((t, ""));
    if (whole.is_empty() && frac.is_empty()) || !whole.bytes().chain(frac.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let places = usize::from(scale);
    let mut v: i128 = 0;
    for b in whole.bytes().chain(frac.bytes().chain(std::iter::repeat(b'0')).take(places)) {
        v = v.checked_mul(10)?.checked_add(i128::from(b - b'0'))?;
    }
    if frac.as_bytes().get(places).is_some_and(|d| *d >= b'5') {
        v += 1;
    }
    i64::try_from(if neg { -v } else { v }).ok()
}

fn scalar(v: Value) -> Option<Value> {
    match v {
        Value::Null => None,
        Value::Bool(b) => Some(Value::String(if b { "1" } else { "0" }.into())),
        Value::Number(n) => Some(Value::String(n.to_string())),
        other => Some(other),
    }
}

fn pairs(query: &str, map: &mut HashMap<String, Value>) {
    for part in query.split('&').filter(|p| !p.is_empty()) {
        let (k, v) = part.split_once('=').unwrap_or((part, ""));
        map.insert(norm(&percent(k)), Value::String(unescape(&percent(v))));
    }
}

/// Percent decoding. A plus inside is a blank (form encoders write it so), a plus in front of a
/// digit at the start is a plus (phone numbers, signed amounts).
fn percent(t: &str) -> String {
    let b = t.as_bytes();
    let mut out = Vec::with_capacity(b.len());
    let mut i = 0;
    while i < b.len() {
        let hex = |j: usize| b.get(j).and_then(|c| char::from(*c).to_digit(16));
        match b[i] {
            b'%' if hex(i + 1).is_some() && hex(i + 2).is_some() => {
                let v = hex(i + 1).unwrap_or(0) * 16 + hex(i + 2).unwrap_or(0);
                out.push(u8::try_from(v).unwrap_or(b'?'));
                i += 3;
                continue;
            }
            b'+' if i > 0 || !b.get(1).is_some_and(u8::is_ascii_digit) => out.push(b' '),
            c => out.push(c),
        }
        i += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Takes the backslash away before `=`, `|`, backslash and line feed; a lone one stays.
fn unescape(t: &str) -> String {
    let mut out = String::with_capacity(t.len());
    let mut chars = t.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\\' && chars.peek().is_some_and(|n| matches!(n, '=' | '|' | '\\' | '\n')) {
            out.extend(chars.next());
        } else {
            out.push(c);
        }
    }
    out
}

/// A group path with single backslashes, however many escapes it travelled with.
pub fn group_path(t: &str) -> String {
    let mut out = String::with_capacity(t.len());
    for c in t.trim().chars() {
        if c != '\\' || !out.ends_with('\\') {
            out.push(c);
        }
    }
    out
}

/// A list of masks: `*` stands for anything, `!` in front excludes. `demo*,!demo\forex`.
pub struct Masks {
    wanted: Vec<String>,
    refused: Vec<String>,
}

impl Masks {
    pub fn new<S: AsRef<str>>(parts: &[S]) -> Masks {
        let mut m = Masks {
            wanted: Vec::new(),
            refused: Vec::new(),
        };
        for p in parts.iter().map(|p| group_path(p.as_ref()).to_lowercase()) {
            match p.strip_prefix('!') {
                Some(no) => m.refused.push(no.to_string()),
                None if !p.is_empty() => m.wanted.push(p),
                None => {}
            }
        }
        m
    }
    pub fn hit(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        let any = |l: &[String]| l.iter().any(|m| glob(m.as_bytes(), name.as_bytes()));
        (self.wanted.is_empty() || any(&self.wanted)) && !any(&self.refused)
    }
}

fn glob(mask: &[u8], text: &[u8]) -> bool {
    let (mut m, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if m < mask.len() && mask[m] == b'*' {
            star = Some((m, t));
            m += 1;
        } else if m < mask.len() && mask[m] == text[t] {
            m += 1;
            t += 1;
        } else if let Some((sm, st)) = star {
            m = sm + 1;
            t = st + 1;
            star = Some((sm, st + 1));
        } else {
            return false;
        }
    }
    mask[m..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_means_the_same_with_one_two_or_three_backslashes() {
        for q in [
            r"group=demo\forex",
            r"group=demo\\forex",
            r"group=demo\\\forex",
            "GROUP=demo%5Cforex",
        ] {
            let p = Params::read(q, b"").unwrap();
            assert_eq!(group_path(p.text(&["group"]).unwrap()), r"demo\forex", "{q}");
        }
        let p = Params::read("", br#"{"Group":"demo\\forex"}"#).unwrap();
        assert_eq!(group_path(p.text(&["group"]).unwrap()), r"demo\forex");
    }

    #[test]
    fn masks_take_stars_and_exclusions() {
        let m = Masks::new(&["demo*", r"!demo\forex"]);
        assert!(m.hit(r"demo\cfd") && !m.hit(r"demo\forex") && !m.hit(r"real\cfd"));
        assert!(Masks::new(&["*"]).hit("anything"));
        assert!(Masks::new(&[r"*\eu-*-usd"]).hit(r"real\eu-standard-usd"));
        assert!(!Masks::new(&[r"real\eu"]).hit(r"real\eu-standard-usd"));
    }

    #[test]
    fn the_body_wins_over_the_query_and_numbers_become_text() {
        let p = Params::read(
            "login=1&comment=from%20query&name=a+b&phone=+4912",
            br#"{"Login":2,"pass_main":"x"}"#,
        )
        .unwrap();
        assert_eq!(p.text(&["login"]), Some("2"));
        assert_eq!(p.text(&["PassMain"]), Some("x"));
        assert_eq!((p.text(&["name"]), p.text(&["phone"])), (Some("a b"), Some("+4912")));
        assert!(Params::read("", b"{oops").is_err());
        assert_eq!(Params::read(r"comment=a\=b\|c", b"").unwrap().text(&["comment"]), Some("a=b|c"));
    }

    #[test]
    fn decimals_round_half_away_from_zero() {
        assert_eq!(decimal("100.005", 2), Some(10001));
        assert_eq!(decimal("-100.004", 2), Some(-10000));
        assert_eq!(decimal("+1.5", 0), Some(2));
        assert_eq!(decimal("1e5", 2), None);
        assert_eq!(decimal("", 2), None);
    }
}

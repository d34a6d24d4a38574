//! Form-urlencoded text, flat: names and values.

/// `a=b&c=d` with everything but unreserved characters percent-encoded.
pub fn encode(pairs: &[(&str, &str)]) -> String {
    let mut out = String::new();
    for (k, v) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        escape(k, &mut out);
        out.push('=');
        escape(v, &mut out);
    }
    out
}

fn escape(text: &str, out: &mut String) {
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) {
            out.push(char::from(b));
        } else {
            let digit = |n: u8| char::from_digit(u32::from(n), 16).map_or('0', |c| c.to_ascii_uppercase());
            out.extend(['%', digit(b >> 4), digit(b & 15)]);
        }
    }
}

/// Pairs in their order; None when an escape or the text behind it is broken.
pub fn decode(text: &str) -> Option<Vec<(String, String)>> {
    text.split('&')
        .filter(|p| !p.is_empty())
        .map(|p| {
            let (k, v) = p.split_once('=').unwrap_or((p, ""));
            Some((unescape(k)?, unescape(v)?))
        })
        .collect()
}

fn unescape(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(b) = bytes.next() {
        match b {
            b'+' => out.push(b' '),
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                out.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
            }
            b => out.push(b),
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_broken_escapes_are_seen() {
        let pairs = [("a", "1 & 2=3"), ("ключ", "ü+%"), ("", "")];
        let text = encode(&pairs);
        assert!(text.starts_with("a=1%20%26%202%3D3&"), "{text}");
        let read = decode(&text).unwrap();
        assert!(read.iter().zip(pairs).all(|((k, v), p)| (k.as_str(), v.as_str()) == p), "{read:?}");
        assert_eq!(decode("a=b+c").unwrap(), [("a".to_string(), "b c".to_string())]);
        for broken in ["a=%", "a=%2", "a=%zz", "a=%ff"] {
            assert_eq!(decode(broken), None, "{broken}");
        }
    }
}

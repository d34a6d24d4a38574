//! Reading a message: headers (RFC 5322, encoded words of RFC 2047), parts (RFC 2045/2046) and
//! their encodings. Forgiving: what cannot be decoded is shown as it came.

use data_encoding::BASE64_MIME_PERMISSIVE;

/// What of a message a person reads.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    pub from: String,
    pub to: Vec<String>,
    pub subject: String,
    pub text: Option<String>,
    pub html: Option<String>,
    pub attachments: Vec<String>,
    /// All headers, names in lower case, values unfolded and decoded.
    pub headers: Vec<(String, String)>,
}

const MAX_DEPTH: usize = 10;

pub fn parse(raw: &[u8]) -> Parsed {
    let (headers, body) = split(raw);
    let mut out = Parsed {
        from: value(&headers, "from").map(decode_words).unwrap_or_default(),
        subject: value(&headers, "subject").map(decode_words).unwrap_or_default(),
        to: ["to", "cc"]
            .iter()
            .filter_map(|h| value(&headers, h))
            .flat_map(|v| addresses(&decode_words(v)))
            .collect(),
        headers: headers.iter().map(|(k, v)| (k.clone(), decode_words(v))).collect(),
        ..Parsed::default()
    };
    walk(&headers, body, &mut out, 0);
    out
}

type Headers = Vec<(String, String)>;

/// Headers (names in lower case, folded lines joined) and what comes after the empty line.
fn split(raw: &[u8]) -> (Headers, &[u8]) {
    let mut headers: Headers = Vec::new();
    let mut at = 0;
    while at < raw.len() {
        let end = raw[at..].iter().position(|b| *b == b'\n').map_or(raw.len(), |i| at + i + 1);
        let line = String::from_utf8_lossy(&raw[at..end]).trim_end_matches(['\r', '\n']).to_string();
        at = end;
        if line.is_empty() {
            break;
        }
        if line.starts_with([' ', '\t']) {
            if let Some((_, v)) = headers.last_mut() {
                v.push(' ');
                v.push_str(line.trim());
            }
        } else if let Some((name, v)) = line.split_once(':') {
            headers.push((name.trim().to_lowercase(), v.trim().to_string()));
        }
    }
    (headers, &raw[at..])
}

fn value<'h>(headers: &'h Headers, name: &str) -> Option<&'h str> {
    headers.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str())
}

fn walk(headers: &Headers, body: &[u8], out: &mut Parsed, depth: usize) {
    let kind = value(headers, "content-type").unwrap_or("text/plain");
    let essence = kind.split(';').next().unwrap_or_default().trim().to_lowercase();
    if essence.starts_with("multipart/") && depth < MAX_DEPTH {
        if let Some(boundary) = parameter(kind, "boundary") {
            for part in parts(body, &boundary) {
                let (h, b) = split(part);
                walk(&h, b, out, depth + 1);
            }
        }
        return;
    }
    let disposition = value(headers, "content-disposition").unwrap_or_default();
    let name = parameter(disposition, "filename").or_else(|| parameter(kind, "name"));
    if disposition.to_lowercase().starts_with("attachment") || (name.is_some() && !essence.starts_with("text/")) {
        out.attachments.push(decode_words(&name.unwrap_or_else(|| essence.clone())));
        return;
    }
    if essence != "text/plain" && essence != "text/html" {
        return;
    }
    let bytes = match value(headers, "content-transfer-encoding")
        .unwrap_or_default()
        .to_lowercase()
        .as_str()
    {
        "base64" => base64(body),
        "quoted-printable" => quoted_printable(body, false),
        _ => body.to_vec(),
    };
    let text = charset(&bytes, &parameter(kind, "charset").unwrap_or_default());
    let slot = if essence == "text/html" { &mut out.html } else { &mut out.text };
    if slot.is_none() {
        *slot = Some(text);
    }
}

/// `name="value"` or `name=value` of a structured header.
fn parameter(header: &str, name: &str) -> Option<String> {
    let mut rest = header;
    while let Some(i) = rest.find(';') {
        rest = rest[i + 1..].trim_start();
        let (key, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (v, next) = match after.strip_prefix('"') {
            Some(q) => {
                let end = q.find('"').unwrap_or(q.len());
                (&q[..end], &q[end..])
            }
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after[..end].trim(), &after[end..])
            }
        };
        if key.trim().eq_ignore_ascii_case(name) {
            return Some(v.to_string());
        }
        rest = next;
    }
    None
}

fn parts<'b>(body: &'b [u8], boundary: &str) -> Vec<&'b [u8]> {
    let mark = format!("--{boundary}");
    let (mut out, mut start, mut at) = (Vec::new(), None, 0);
    while at < body.len() {
        let end = body[at..].iter().position(|b| *b == b'\n').map_or(body.len(), |i| at + i + 1);
        let line = &body[at..end];
        if line.starts_with(mark.as_bytes()) {
            if let Some(s) = start {
                // The line break before a boundary belongs to the boundary.
                let mut stop = at;
                if stop > s && body[stop - 1] == b'\n' {
                    stop -= 1;
                }
                if stop > s && body[stop - 1] == b'\r' {
                    stop -= 1;
                }
                out.push(&body[s..stop]);
            }
            start = Some(end);
            if line[mark.len()..].starts_with(b"--") {
                return out;
            }
        }
        at = end;
    }
    if let Some(s) = start {
        out.push(&body[s..]);
    }
    out
}

fn base64(b: &[u8]) -> Vec<u8> {
    let clean: Vec<u8> = b.iter().copied().filter(|c| !c.is_ascii_whitespace()).collect();
    BASE64_MIME_PERMISSIVE.decode(&clean).unwrap_or(clean)
}

/// `underscore`: the variant of encoded words, where `_` is a space.
fn quoted_printable(b: &[u8], underscore: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(b.len());
    let mut i = 0;
    while i < b.len() {
        match b[i] {
            b'=' => {
                let hex = b
                    .get(i + 1..i + 3)
                    .and_then(|h| std::str::from_utf8(h).ok())
                    .and_then(|h| u8::from_str_radix(h, 16).ok());
                match (hex, b.get(i + 1), b.get(i + 2)) {
                    (Some(v), ..) => {
                        out.push(v);
                        i += 2;
                    }
                    (None, Some(b'\r'), Some(b'\n')) => i += 2,
                    (None, Some(b'\n'), _) => i += 1,
                    _ => out.push(b'='),
                }
            }
            b'_' if underscore => out.push(b' '),
            c => out.push(c),
        }
        i += 1;
    }
    out
}

fn charset(b: &[u8], name: &str) -> String {
    match name.to_lowercase().as_str() {
        "iso-8859-1" | "latin1" | "windows-1252" => b.iter().map(|c| char::from(*c)).collect(),
        _ => String::from_utf8_lossy(b).into_owned(),
    }
}

/// `=?utf-8?B?…?=` and `=?utf-8?Q?…?=`; white space between two of them does not count.
pub fn decode_words(s: &str) -> String {
    // Neighbouring words of one charset are joined as bytes: a character may be cut in two.
    let mut out = String::new();
    let mut pending: Option<(String, Vec<u8>)> = None;
    let mut rest = s;
    while let Some(i) = rest.find("=?") {
        let Some((word, after)) = one_word(&rest[i + 2..]) else {
            flush(&mut out, &mut pending);
            out.push_str(&rest[..i + 2]);
            rest = &rest[i + 2..];
            continue;
        };
        let between = &rest[..i];
        if pending.is_none() || !between.trim().is_empty() {
            flush(&mut out, &mut pending);
            out.push_str(between);
        }
        let (name, bytes) = word;
        match &mut pending {
            Some((n, b)) if n.eq_ignore_ascii_case(&name) => b.extend(bytes),
            _ => {
                flush(&mut out, &mut pending);
                pending = Some((name, bytes));
            }
        }
        rest = after;
    }
    flush(&mut out, &mut pending);
    out.push_str(rest);
    out
}

fn flush(out: &mut String, pending: &mut Option<(String, Vec<u8>)>) {
    if let Some((name, bytes)) = pending.take() {
        out.push_str(&charset(&bytes, &name));
    }
}

/// After `=?`: charset, encoding, text, `?=`.
fn one_word(s: &str) -> Option<((String, Vec<u8>), &str)> {
    let (name, s) = s.split_once('?')?;
    let (how, s) = s.split_once('?')?;
    let (text, after) = s.split_once("?=")?;
    if name.contains(' ') || text.contains(' ') {
        return None;
    }
    let bytes = match how {
        "B" | "b" => base64(text.as_bytes()),
        "Q" | "q" => quoted_printable(text.as_bytes(), true),
        _ => return None,
    };
    // A language may follow the charset: `utf-8*en`.
    Some(((name.split('*').next().unwrap_or_default().to_string(), bytes), after))
}

/// The bare addresses of a header.
pub fn addresses(header: &str) -> Vec<String> {
    let mut out = Vec::new();
    let (mut quoted, mut part) = (false, String::new());
    for c in header.chars().chain([',']) {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => {
                let a = match (part.rfind('<'), part.rfind('>')) {
                    (Some(i), Some(j)) if i < j => &part[i + 1..j],
                    _ => part.as_str(),
                };
                if !a.trim().is_empty() {
                    out.push(a.trim().to_string());
                }
                part.clear();
            }
            c => part.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_words_parts_and_encodings_come_out_as_a_person_would_read_them() {
        let raw = b"From: =?utf-8?Q?J=C3=B6rg_M?= <j@example.com>\r\nTo: \"Last, First\" <a@example.com>,\r\n b@example.com\r\nSubject: =?UTF-8?B?w4Q=?=\r\n =?UTF-8?Q?rger_=E2=82=AC?= now\r\nContent-Type: multipart/alternative; boundary=\"x y\"\r\n\r\nignored\r\n--x y\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nHello =E2=82=AC soft=\r\n break\r\n--x y\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+4oKs\r\nPC9iPg==\r\n--x y--\r\n";
        let p = parse(raw);
        assert_eq!(p.from, "Jörg M <j@example.com>");
        assert_eq!(p.to, ["a@example.com", "b@example.com"]);
        assert_eq!(p.subject, "Ärger € now");
        assert_eq!(p.text.as_deref(), Some("Hello € soft break"));
        assert_eq!(p.html.as_deref(), Some("<b>€</b>"));
        assert_eq!(decode_words("a =?x? b"), "a =?x? b");
        assert_eq!(decode_words("=?iso-8859-1?q?caf=E9?="), "café");
    }
}

//! Skrill's three kinds of answers: text with a code on its first line, small XML, a bare SID.

use qd_connector_kit::{Answer, cut, form, unreadable};
use qd_ports::{CallError, CallResult};

/// Fields of a status answer or a status post.
#[derive(Debug)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    pub fn read(text: &str) -> Option<Fields> {
        form::decode(text.trim()).map(Fields)
    }
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str())
    }
    /// Empty when it is missing.
    pub fn of(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }
}

/// The code and the words of a query's first line, and what follows it.
fn first_line(a: &Answer) -> CallResult<(&str, &str, &str)> {
    let (line, rest) = a.text.split_once('\n').unwrap_or((&a.text, ""));
    let (code, words) = line.trim_end().split_once('\t').ok_or_else(|| odd(a))?;
    if code.len() == 3 && code.bytes().all(|b| b.is_ascii_digit()) {
        Ok((code, words.trim_start_matches('\t'), rest))
    } else {
        Err(odd(a))
    }
}

/// Anything but HTTP 200 is not Skrill's application speaking.
fn odd(a: &Answer) -> CallError {
    if a.status.as_u16() == 200 {
        unreadable(&a.path, "neither of the known forms", &a.text)
    } else {
        a.foreign()
    }
}

/// A status query: None when there is no such transaction.
pub(crate) fn status(a: &Answer) -> CallResult<Option<Fields>> {
    if a.status.as_u16() != 200 {
        return Err(odd(a));
    }
    match first_line(a)? {
        ("200", _, rest) => Fields::read(rest).map(Some).ok_or_else(|| odd(a)),
        ("403", words, _) if words.starts_with("Transaction not found") => Ok(None),
        (code, words, _) => Err(said(code, words)),
    }
}

/// A query that asks changes nothing: whatever Skrill says to it, nothing happened.
fn said(code: &str, words: &str) -> CallError {
    match code {
        "401" => CallError::refused("unauthorised", format!("Skrill: {}", short(words))),
        _ => CallError::refused_for_now(format!("skrill_{code}"), format!("Skrill: {}", short(words))),
    }
}

fn short(words: &str) -> String {
    words.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// The history as CSV.
pub(crate) fn history(a: &Answer) -> CallResult<&str> {
    if a.status.as_u16() != 200 {
        return Err(odd(a));
    }
    if a.text.trim_start_matches('\u{feff}').starts_with("\"ID\"") || a.text.starts_with("ID,") {
        return Ok(&a.text);
    }
    let (code, words, _) = first_line(a)?;
    Err(said(code, words))
}

/// A checkout's session id.
pub(crate) fn sid(a: &Answer) -> CallResult<String> {
    let text = a.text.trim();
    if a.status.as_u16() == 200 && text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(text.to_string());
    }
    // {"code":"BAD_REQUEST","message":"..."}: a session without a customer moves no money.
    match text.split("\"code\":\"").nth(1).and_then(|t| t.split('"').next()) {
        Some("BAD_REQUEST") => Err(CallError::refused(
            "BAD_REQUEST",
            format!("Skrill took no such checkout: {}", cut(text)),
        )),
        _ => Err(odd(a)),
    }
}

/// An XML answer of the Automated Payments Interface.
#[derive(Debug)]
pub(crate) struct Response<'a> {
    answer: &'a Answer,
    inner: &'a str,
}

impl<'a> Response<'a> {
    pub fn of(answer: &'a Answer) -> CallResult<Response<'a>> {
        let inner = element(&answer.text, "response").filter(|_| answer.status.as_u16() == 200);
        Ok(Response {
            answer,
            inner: inner.ok_or_else(|| odd(answer))?,
        })
    }
    /// The text of an element that has no children.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        element(self.inner, name)
            .map(str::trim)
            .filter(|t| !t.is_empty() && !t.contains('<'))
    }
    pub fn need(&self, name: &str) -> CallResult<&'a str> {
        self.get(name)
            .ok_or_else(|| unreadable(&self.answer.path, format!("no {name}"), &self.answer.text))
    }
    /// The code of an error, wherever in the answer it stands.
    pub fn error(&self) -> Option<&'a str> {
        self.get("error_msg").or_else(|| self.get("error"))
    }
}

fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let from = text.find(&open)? + open.len();
    let len = text[from..].find(&close)?;
    Some(&text[from..from + len])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_and_a_cut_answer_is_not_read() {
        let t = "<response><transaction><amount>1.5</amount><status>-2</status><status_msg>processed</status_msg><error_msg>NO</error_msg></transaction></response>";
        assert_eq!(element(t, "amount"), Some("1.5"));
        assert_eq!(element(t, "error_msg"), Some("NO"));
        assert_eq!(element(&t[..60], "response"), None);
        assert_eq!(element(t, "sid"), None);
    }

    #[test]
    fn fields_keep_what_they_were_and_broken_ones_are_seen() {
        let f = Fields::read("transaction_id=dep_1&mb_amount=25.4&name=A%26B\n").unwrap();
        assert_eq!((f.of("mb_amount"), f.of("name"), f.get("status")), ("25.4", "A&B", None));
        assert!(Fields::read("a=%f").is_none());
    }
}

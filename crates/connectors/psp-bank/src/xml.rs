//! Reading XML piece by piece: one statement line at a time is in memory, whatever the file's size.
//! No document type, no entities but the five of XML: nothing is expanded or fetched.

use qd_ports::psp::SettlementFault;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Deeper than any of the messages.
const MAX_DEPTH: usize = 40;

/// An element with what it holds; names are without their prefix.
#[derive(Clone, Debug, Default)]
pub struct Node {
    pub name: String,
    pub line: u32,
    /// The attribute `Ccy`.
    pub currency: Option<String>,
    pub text: String,
    pub kids: Vec<Node>,
}

impl Node {
    pub fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |n, name| n.kids.iter().find(|k| k.name == *name))
    }
    /// Without the space around it; None when empty.
    pub fn text_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path).map(|n| n.text.trim()).filter(|t| !t.is_empty())
    }
    pub fn owned(&self, path: &[&str]) -> Option<String> {
        self.text_at(path).map(str::to_string)
    }
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Node> {
        self.kids.iter().filter(move |k| k.name == name)
    }
    pub fn need(&self, path: &[&str]) -> Result<&Node, SettlementFault> {
        self.at(path).ok_or_else(|| {
            fault(
                self.line,
                &format!("{}/{}", self.name, path.join("/")),
                "element_missing",
                "expected this element",
            )
        })
    }
}

pub fn fault(line: u32, field: &str, code: &str, expected: impl Into<String>) -> SettlementFault {
    SettlementFault {
        line,
        field: field.to_string(),
        code: code.to_string(),
        expected: expected.into(),
    }
}

/// The file as text: UTF-8 with or without its mark.
pub fn text(file: &[u8]) -> Result<&str, SettlementFault> {
    let body = file.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(file);
    std::str::from_utf8(body).map_err(|e| {
        let line = 1 + body[..e.valid_up_to()].iter().filter(|b| **b == b'\n').count();
        fault(u32::try_from(line).unwrap_or(u32::MAX), "file", "encoding", "expected UTF-8")
    })
}

/// Counts the lines up to where the reader is.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: u32,
}

impl Lines<'_> {
    fn upto(&mut self, to: usize) -> u32 {
        let to = to.min(self.text.len());
        if to > self.at {
            let more = self.text.as_bytes()[self.at..to].iter().filter(|b| **b == b'\n').count();
            self.line = self.line.saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
            self.at = to;
        }
        self.line
    }
}

fn local(start: &BytesStart<'_>) -> String {
    String::from_utf8_lossy(start.local_name().as_ref()).into_owned()
}

fn opened(start: &BytesStart<'_>, line: u32) -> Result<Node, SettlementFault> {
    let mut n = Node {
        name: local(start),
        line,
        ..Node::default()
    };
    for a in start.attributes() {
        let a = a.map_err(|e| fault(line, &n.name, "xml_malformed", format!("expected well-formed XML: {e}")))?;
        if a.key.local_name().as_ref() == b"Ccy" {
            n.currency = Some(String::from_utf8_lossy(&a.value).into_owned());
        }
    }
    Ok(n)
}

/// What an entity of XML stands for.
fn entity(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let n = name.strip_prefix('#')?;
            let code = match n.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => n.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

/// Hands over each element that stands `whole(path)` deep with all it holds; `path` are the names
/// above it and its own.
pub fn each(
    text: &str,
    whole: impl Fn(&[String]) -> bool,
    mut take: impl FnMut(&[String], Node) -> Result<(), SettlementFault>,
) -> Result<(), SettlementFault> {
    let mut reader = Reader::from_str(text);
    let mut lines = Lines { text, at: 0, line: 1 };
    // Names of what is open; of these the last ones are being collected.
    let mut path: Vec<String> = Vec::new();
    let mut open: Vec<Node> = Vec::new();
    loop {
        let before = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let line = lines.upto(before);
        let event = reader
            .read_event()
            .map_err(|e| fault(line, "file", "xml_malformed", format!("expected well-formed XML: {e}")))?;
        match event {
            Event::Start(s) => {
                path.push(local(&s));
                if path.len() > MAX_DEPTH {
                    return Err(fault(line, "file", "xml_too_deep", format!("expected at most {MAX_DEPTH} levels")));
                }
                if !open.is_empty() || whole(&path) {
                    open.push(opened(&s, line)?);
                }
            }
            Event::Empty(s) => {
                path.push(local(&s));
                let n = opened(&s, line)?;
                match open.last_mut() {
                    Some(parent) => parent.kids.push(n),
                    None if whole(&path) => take(&path, n)?,
                    None => {}
                }
                path.pop();
            }
            Event::End(_) => {
                if let Some(n) = open.pop() {
                    match open.last_mut() {
                        Some(parent) => parent.kids.push(n),
                        None => take(&path, n)?,
                    }
                }
                path.pop();
            }
            Event::Text(t) => {
                if let Some(n) = open.last_mut() {
                    n.text.push_str(&String::from_utf8_lossy(&t));
                }
            }
            Event::CData(t) => {
                if let Some(n) = open.last_mut() {
                    n.text.push_str(&String::from_utf8_lossy(&t));
                }
            }
            Event::GeneralRef(r) => {
                let name = String::from_utf8_lossy(&r).into_owned();
                let c = entity(&name).ok_or_else(|| {
                    fault(
                        line,
                        "file",
                        "entity_unknown",
                        format!("expected an entity of XML, not &{name:.20};"),
                    )
                })?;
                if let Some(n) = open.last_mut() {
                    n.text.push(c);
                }
            }
            Event::DocType(_) => return Err(fault(line, "file", "doctype_refused", "expected a file without a document type")),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof if path.is_empty() => return Ok(()),
            Event::Eof => {
                return Err(fault(
                    lines.upto(text.len()),
                    path.last().map_or("file", String::as_str),
                    "file_cut_off",
                    "expected the end of this element",
                ));
            }
        }
    }
}

/// The message's own element below `Document`.
pub fn root(text: &str) -> Result<String, SettlementFault> {
    let mut reader = Reader::from_str(text);
    let mut names = Vec::new();
    loop {
        match reader.read_event() {
            Ok(Event::Start(s)) => {
                names.push(local(&s));
                if names.len() == 2 {
                    return if names[0] == "Document" {
                        Ok(names.swap_remove(1))
                    } else {
                        Err(fault(1, "Document", "message_unsupported", "expected an ISO 20022 Document"))
                    };
                }
            }
            Ok(Event::DocType(_)) => return Err(fault(1, "file", "doctype_refused", "expected a file without a document type")),
            Ok(Event::Eof) | Err(_) => return Err(fault(1, "file", "xml_malformed", "expected an ISO 20022 file in XML")),
            Ok(_) => {}
        }
    }
}

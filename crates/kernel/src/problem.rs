//! One shape for everything that goes wrong: a stable code, a class, a sentence, and the fields
//! it is about. The web layer turns it into an RFC 9457 body; jobs read its class to decide
//! between retry and final.

use serde::Serialize;

pub type Result<T> = std::result::Result<T, Problem>;

/// What kind of trouble it is; one place (qd-web) maps it to a status and a log level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The input is wrong; the same input will be wrong again. 422 (400 for unreadable bodies).
    Invalid,
    /// Nobody is signed in, or the session is over. 401.
    Unauthenticated,
    /// Somebody is signed in and may not. 403.
    Forbidden,
    /// Not there, or the caller may not know that it is. 404.
    Missing,
    /// True, but not in the present state. 409.
    Conflict,
    /// Too much, too fast, too big. 429 or 413.
    Limit,
    /// Something we depend on does not answer; try again. 503.
    Unavailable,
    /// Ours. 500, logged with its whole chain.
    Bug,
}

/// A field of the request, by JSON pointer (`/amount/minor`), and what was expected there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldProblem {
    pub pointer: String,
    pub code: String,
    pub expected: String,
}

#[derive(Clone, Debug)]
pub struct Problem {
    pub class: Class,
    /// Stable, snake_case, documented: other systems branch on it.
    pub code: &'static str,
    /// A sentence for a person. Never personal data, never a secret.
    pub detail: String,
    pub fields: Vec<FieldProblem>,
    /// For the log only.
    pub source: Option<String>,
}

impl Problem {
    pub fn new(class: Class, code: &'static str, detail: impl Into<String>) -> Self {
        Problem {
            class,
            code,
            detail: detail.into(),
            fields: Vec::new(),
            source: None,
        }
    }
    /// A wrong field. `field` may be `a.b` or a pointer `/a/b`.
    pub fn invalid(field: &str, code: &'static str, expected: impl Into<String>) -> Self {
        let expected = expected.into();
        Problem::new(Class::Invalid, code, format!("{}: {expected}", field.trim_start_matches('/'))).and_field(field, code, expected)
    }
    pub fn unauthenticated(code: &'static str, detail: impl Into<String>) -> Self {
        Problem::new(Class::Unauthenticated, code, detail)
    }
    pub fn forbidden(code: &'static str, detail: impl Into<String>) -> Self {
        Problem::new(Class::Forbidden, code, detail)
    }
    /// `what` is the noun: "withdrawal".
    pub fn missing(what: &'static str) -> Self {
        Problem::new(Class::Missing, "not_found", format!("no such {what}"))
    }
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Problem::new(Class::Conflict, code, detail)
    }
    pub fn limit(code: &'static str, detail: impl Into<String>) -> Self {
        Problem::new(Class::Limit, code, detail)
    }
    pub fn unavailable(code: &'static str, detail: impl Into<String>) -> Self {
        Problem::new(Class::Unavailable, code, detail)
    }
    pub fn bug(code: &'static str, detail: impl Into<String>) -> Self {
        Problem::new(Class::Bug, code, detail)
    }
    pub fn and_field(mut self, field: &str, code: impl Into<String>, expected: impl Into<String>) -> Self {
        let pointer = if field.starts_with('/') {
            field.to_string()
        } else {
            format!("/{}", field.replace('.', "/"))
        };
        self.fields.push(FieldProblem {
            pointer,
            code: code.into(),
            expected: expected.into(),
        });
        self
    }
    pub fn with_source(mut self, source: impl std::fmt::Display) -> Self {
        self.source = Some(source.to_string());
        self
    }
    pub fn is(&self, code: &str) -> bool {
        self.code == code
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)?;
        match &self.source {
            Some(s) => write!(f, " ({s})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

impl From<serde_json::Error> for Problem {
    /// For rows and payloads of our own: one that cannot be read is a bug, not a user's mistake.
    fn from(e: serde_json::Error) -> Self {
        Problem::bug("json_unreadable", "a stored document could not be read").with_source(e)
    }
}

//! How a call to somebody else can end.

/// What is known about the effect of a call that did not come back with a plain yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nothing left the house: safe to send again.
    NotSent,
    /// It may have happened. Ask before doing anything else; never repeat blindly.
    Unknown,
    /// The other side said no, for good, and nothing happened there.
    Refused,
    /// The other side said no for now (busy, shut for the weekend, rate limit); nothing happened.
    RefusedForNow,
}

/// `code` is the provider's own (retcode, decline code, HTTP status) or ours: `connect_failed`,
/// `timeout`, `connection_lost`, `unreadable_answer`, `echo_mismatch`, `unauthorised`.
#[derive(Clone, Debug)]
pub struct CallError {
    pub fate: Fate,
    pub code: String,
    /// A sentence for staff. No secrets, no card data.
    pub detail: String,
    /// The raw answer when it could not be read, for the exception that is raised about it.
    pub raw: Option<String>,
}

pub type CallResult<T> = std::result::Result<T, CallError>;

impl CallError {
    pub fn new(fate: Fate, code: impl Into<String>, detail: impl Into<String>) -> Self {
        CallError {
            fate,
            code: code.into(),
            detail: detail.into(),
            raw: None,
        }
    }
    pub fn not_sent(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Fate::NotSent, code, detail)
    }
    pub fn unknown(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Fate::Unknown, code, detail)
    }
    pub fn refused(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Fate::Refused, code, detail)
    }
    pub fn refused_for_now(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Fate::RefusedForNow, code, detail)
    }
    /// An answer that could not be read: what it meant is unknown, and the text is kept.
    pub fn unreadable(detail: impl Into<String>, raw: impl Into<String>) -> Self {
        CallError {
            fate: Fate::Unknown,
            code: "unreadable_answer".into(),
            detail: detail.into(),
            raw: Some(raw.into()),
        }
    }
}

impl std::fmt::Display for CallError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {}: {}", self.fate, self.code, self.detail)
    }
}
impl std::error::Error for CallError {}

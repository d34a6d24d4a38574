//! How a call can fail, sorted by what the other side may have done.

/// Why, for the log and for the code of the call's error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// `connect_failed`, `timeout`, `connection_lost`, `too_large`, `address_refused`,
    /// `url_malformed`, `tls_failed`.
    pub code: &'static str,
    /// Without the URL's path and query: those may carry secrets.
    pub detail: String,
}

impl Cause {
    pub fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Cause {
            code,
            detail: detail.into(),
        }
    }
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

/// A call over the pooled client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendError {
    /// No byte of the request left: safe to send again.
    NotSent(Cause),
    /// Bytes may have left and no whole answer came back.
    Unknown(Cause),
}

impl SendError {
    pub fn cause(&self) -> &Cause {
        match self {
            SendError::NotSent(c) | SendError::Unknown(c) => c,
        }
    }
    /// True when the request can't have reached anybody.
    pub fn not_sent(&self) -> bool {
        matches!(self, SendError::NotSent(_))
    }
}

impl std::fmt::Display for SendError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SendError::NotSent(c) => write!(f, "not sent, {c}"),
            SendError::Unknown(c) => write!(f, "outcome unknown, {c}"),
        }
    }
}
impl std::error::Error for SendError {}

/// A call over one owned connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WireError {
    /// No byte left, and the connection may still be used.
    NotSent(Cause),
    /// The connection had ended before the request was written: open another and send again.
    Closed,
    /// Bytes may have left. The connection is no longer usable.
    Unknown(Cause),
}

impl std::fmt::Display for WireError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            WireError::NotSent(c) => write!(f, "not sent, {c}"),
            WireError::Closed => f.write_str("not sent, the connection had ended"),
            WireError::Unknown(c) => write!(f, "outcome unknown, {c}"),
        }
    }
}
impl std::error::Error for WireError {}

/// The innermost text of an error chain says most ("connection refused" rather than "client error").
pub(crate) fn root_text(e: &(dyn std::error::Error + 'static)) -> String {
    let mut at = e;
    while let Some(next) = at.source() {
        at = next;
    }
    at.to_string()
}

/// Looks for a refusal by the guard anywhere in the chain; the layers between wrap it.
pub(crate) fn refused_address(e: &(dyn std::error::Error + 'static)) -> Option<Cause> {
    let mut at = Some(e);
    while let Some(x) = at {
        if let Some(r) = x.downcast_ref::<crate::guard::Refused>() {
            return Some(r.cause());
        }
        // An io::Error hides its inner error from `source` when it is the inner error itself.
        if let Some(r) = x
            .downcast_ref::<std::io::Error>()
            .and_then(|io| io.get_ref())
            .and_then(|i| i.downcast_ref::<crate::guard::Refused>())
        {
            return Some(r.cause());
        }
        at = x.source();
    }
    None
}

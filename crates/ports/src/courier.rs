//! Calls to addresses that somebody else entered: partners' postbacks, webhooks of outside engines.

use async_trait::async_trait;

/// One call, repeatable by the receiver's own means (each carries an id of ours).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub method: CallMethod,
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallMethod {
    Get,
    Post,
}

/// What came back, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallReply {
    pub status: u16,
    /// As text, as far as it is any.
    pub text: String,
}

/// Nothing came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// Stable: `address_refused`, `timeout`, …
    pub code: &'static str,
    /// False: the call never left. True: it may have arrived.
    pub maybe_arrived: bool,
    /// Another try will end the same way.
    pub for_good: bool,
}

/// Why an address may not be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAllowed {
    pub code: &'static str,
    /// What was expected.
    pub expected: String,
}

#[async_trait]
pub trait Courier: Send + Sync + std::fmt::Debug {
    /// Scheme, host and port, before anything is sent: for saving an address. A name is looked at again
    /// when it is resolved.
    fn allows(&self, url: &str) -> Result<(), NotAllowed>;
    /// Follows no redirects and waits shortly.
    async fn call(&self, call: &Call) -> Result<CallReply, Missed>;
}

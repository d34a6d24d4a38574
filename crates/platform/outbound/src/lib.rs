//! The only door to the network for calls we make: every connector, webhook and list download goes
//! through here, so that one place knows timeouts, size limits, trust, and what a failure means.
//!
//! What matters to the callers is not why a call failed but whether anything may have happened
//! over there: [`SendError::NotSent`] and [`SendError::Unknown`] say that, and nothing in this
//! crate ever sends a request a second time after a byte of it may have left.

mod client;
mod error;
pub mod guard;
mod tls;
mod wire;

pub use client::{Client, ClientOptions};
pub use error::{Cause, SendError, WireError};
pub use guard::Reach;
pub use tls::{Fingerprint, Trust, init_tls};
pub use wire::{Wire, WireTarget};

pub use bytes::Bytes;
pub use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};

/// A whole answer, body included.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Response {
    /// The body as text; bytes that are not UTF-8 become replacement characters.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }
    /// A header's value when it is there and plain text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }
}

/// The largest answer that is read unless the caller says otherwise: 16 MB.
pub const DEFAULT_MAX_BODY: usize = 16 * 1024 * 1024;
